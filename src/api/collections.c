/* collections.c - /v1/collections */
#include "api/api_int.h"

#include <stdio.h>

#include <string.h>

/* What a key bound to one collection may see; an open server has no keys, and shows all. */
static bool visible(const lk_key *key, const liken_collection *c) {
    return key == NULL || key->collection[0] == '\0' || strcmp(key->collection, c->name) == 0;
}

void lk_collections_list(lk_ask *q) {
    liken_error err = {0};
    liken_collection **list = NULL;
    size_t count = 0;
    if (liken_collection_list(q->api->lk, &q->call, &list, &count, &err) != LIKEN_OK) {
        lk_answer_error(q->request, &err);
        return;
    }
    json_t *shown = json_array();
    for (size_t i = 0; i < count; i++)
        if (visible(q->key, list[i]))
            json_array_append_new(shown, lk_json_collection(list[i]));
    liken_collections_free(list, count);
    lk_answer_json(q->request, 200, json_pack("{s:o}", "collections", shown));
}

void lk_collections_create(lk_ask *q) {
    liken_error err = {0};
    liken_collection *c = NULL;
    const char *name = lk_args_text(&q->args, "name"), *pack = lk_args_text(&q->args, "pack");
    const liken_metric metric = (liken_metric)lk_args_word(&q->args, "metric");
    const liken_search search = (liken_search)lk_args_word(&q->args, "search");
    const liken_keep keep =
        lk_args_has(&q->args, "keep") ? (liken_keep)lk_args_word(&q->args, "keep") : LIKEN_KEEP_THUMBNAIL;
    if (name == NULL)
        lk_args_fail(&q->args, LIKEN_E_ARG, "name",
                     "A collection needs a name: 1 to 64 letters, digits, '.', '_' or '-'.");
    if (lk_args_refused(&q->args))
        return;
    const int rc = liken_collection_create(q->api->lk, &q->call, name, pack, metric, search, keep, &c, &err);
    if ((rc == LIKEN_E_MODEL || rc == LIKEN_E_NOT_FOUND) &&
        pack != NULL) { /* the client's choice, not the server's fault */
        lk_answer_error_as(q->request, 422, &err, "pack");
        return;
    }
    if (rc != LIKEN_OK) {
        lk_answer_error(q->request, &err);
        return;
    }
    char place[128];
    (void)snprintf(place, sizeof place, "/v1/collections/%.64s", c->name); /* names need no escape */
    lk_public_location(q->request, place);
    lk_answer_json(q->request, 201, lk_json_collection(c));
    liken_collection_free(c);
}

/* Takes the collection. */
static void answer(lk_ask *q, int rc, liken_collection *c, const liken_error *err) {
    if (rc != LIKEN_OK)
        lk_answer_error(q->request, err);
    else
        lk_answer_json(q->request, 200, lk_json_collection(c));
    liken_collection_free(c);
}

void lk_collections_change(lk_ask *q) {
    liken_error err = {0};
    liken_collection *c = NULL;
    const bool searches = lk_args_has(&q->args, "search"), keeps = lk_args_has(&q->args, "keep");
    if (!searches && !keeps)
        lk_args_fail(
            &q->args, LIKEN_E_ARG, "search",
            "What can be changed is search: auto, memory, cube, pgvector or hnsw; and keep: nothing, thumbnail, "
            "preview or original.");
    if (lk_args_refused(&q->args))
        return;
    const liken_search search = (liken_search)lk_args_word(&q->args, "search");
    const liken_keep keep = (liken_keep)lk_args_word(&q->args, "keep");
    int rc = LIKEN_OK;
    if (searches)
        rc = liken_collection_set_search(q->api->lk, &q->call, q->collection, search, &c, &err);
    if (rc == LIKEN_OK && keeps) {
        liken_collection_free(c);
        c = NULL;
        rc = liken_collection_set_keep(q->api->lk, &q->call, q->collection, keep, &c, &err);
    }
    answer(q, rc, c, &err);
}

void lk_collections_get(lk_ask *q) {
    liken_error err = {0};
    liken_collection *c = NULL;
    const int rc = liken_collection_get(q->api->lk, &q->call, q->collection, &c, &err);
    answer(q, rc, c, &err);
}

void lk_collections_remove(lk_ask *q) {
    liken_error err = {0};
    if (liken_collection_remove(q->api->lk, &q->call, q->collection, &err) == LIKEN_OK)
        lk_answer_empty(q->request);
    else
        lk_answer_error(q->request, &err);
}
