/* collections.c - /v1/collections */
#include "api/api_int.h"

#include <stdio.h>

#include <string.h>

#define SEARCHES "auto memory cube pgvector hnsw" /* as liken_search counts them */

/* What a key bound to one collection may see. */
static bool visible(const lk_key *key, const liken_collection *c) {
    return key->collection[0] == '\0' || strcmp(key->collection, c->name) == 0;
}

void lk_collections_list(lk_request *r, void *ctx) {
    lk_api *api = ctx;
    liken_error err = {0};
    lk_key key = {0};
    liken_collection **list = NULL;
    size_t count = 0;
    if (!lk_args_none(r))
        return;
    (void)lk_guard_key(api, r, &key); /* an open server has none, and shows all */
    if (liken_collection_list(api->lk, lk_api_call(r), &list, &count, &err) != LIKEN_OK) {
        lk_answer_error(r, &err);
        return;
    }
    json_t *shown = json_array();
    for (size_t i = 0; i < count; i++)
        if (visible(&key, list[i]))
            json_array_append_new(shown, lk_json_collection(list[i]));
    liken_collections_free(list, count);
    lk_answer_json(r, 200, json_pack("{s:o}", "collections", shown));
}

static void create(lk_request *r, lk_api *api, lk_args *a) {
    liken_error err = {0};
    liken_collection *c = NULL;
    const char *name = lk_args_text(a, "name", 64), *pack = lk_args_text(a, "pack", 64);
    const liken_metric metric = lk_args_choice(a, "metric", "normalized l2") == 1 ? LIKEN_L2 : LIKEN_NORMALIZED;
    const liken_search search = (liken_search)lk_args_choice(a, "search", SEARCHES);
    if (name == NULL)
        lk_args_fail(a, LIKEN_E_ARG, "name", "A collection needs a name: 1 to 64 letters, digits, '.', '_' or '-'.");
    if (lk_args_refused(a))
        return;
    const int rc = liken_collection_create(api->lk, lk_api_call(r), name, pack, metric, search, &c, &err);
    if ((rc == LIKEN_E_MODEL || rc == LIKEN_E_NOT_FOUND) &&
        pack != NULL) { /* the client's choice, not the server's fault */
        lk_answer_error_as(r, 422, &err, "pack");
        return;
    }
    if (rc != LIKEN_OK) {
        lk_answer_error(r, &err);
        return;
    }
    char place[128];
    (void)snprintf(place, sizeof place, "/v1/collections/%.64s", c->name); /* names need no escape */
    lk_respond_header(r, "Location", place);
    lk_answer_json(r, 201, lk_json_collection(c));
    liken_collection_free(c);
}

void lk_collections_create(lk_request *r, void *ctx) {
    lk_args a;
    lk_args_open(&a, r, "name pack metric search");
    create(r, ctx, &a);
    lk_args_close(&a);
}

static void change(lk_request *r, lk_api *api, lk_args *a) {
    liken_error err = {0};
    liken_collection *c = NULL;
    const liken_search search = (liken_search)lk_args_choice(a, "search", SEARCHES);
    if (!lk_args_has(a, "search"))
        lk_args_fail(a, LIKEN_E_ARG, "search", "What can be changed is search: auto, memory, cube, pgvector or hnsw.");
    if (lk_args_refused(a))
        return;
    if (liken_collection_set_search(api->lk, lk_api_call(r), lk_request_param(r, "c"), search, &c, &err) != LIKEN_OK) {
        lk_answer_error(r, &err);
        return;
    }
    lk_answer_json(r, 200, lk_json_collection(c));
    liken_collection_free(c);
}

void lk_collections_change(lk_request *r, void *ctx) {
    lk_args a;
    lk_args_open(&a, r, "search");
    change(r, ctx, &a);
    lk_args_close(&a);
}

void lk_collections_get(lk_request *r, void *ctx) {
    lk_api *api = ctx;
    liken_error err = {0};
    liken_collection *c = NULL;
    if (!lk_args_none(r))
        return;
    if (liken_collection_get(api->lk, lk_api_call(r), lk_request_param(r, "c"), &c, &err) != LIKEN_OK) {
        lk_answer_error(r, &err);
        return;
    }
    lk_answer_json(r, 200, lk_json_collection(c));
    liken_collection_free(c);
}

void lk_collections_remove(lk_request *r, void *ctx) {
    lk_api *api = ctx;
    liken_error err = {0};
    if (!lk_args_none(r))
        return;
    if (liken_collection_remove(api->lk, lk_api_call(r), lk_request_param(r, "c"), &err) == LIKEN_OK)
        lk_answer_empty(r);
    else
        lk_answer_error(r, &err);
}
