#include "wire/json.h"
#include "cli/caller.h"
#include "cli/cli.h"
#include "cli/message.h"

#include <inttypes.h>
#include <stdio.h>

static int print_collection(const lk_cli *cli, const liken_collection *c, liken_error *err) {
    if (cli->json)
        return lk_cli_print(lk_json_collection(c), err);
    (void)printf("%-20s %8" PRId64 " photos %8" PRId64 " faces  %s, threshold %.3f, search %s, keep %s, model %s\n",
                 c->name, c->images, c->faces, liken_metric_code(c->metric), (double)c->threshold,
                 liken_search_code(c->search), liken_keep_code(c->keep), c->model == NULL ? "none yet" : c->model);
    return LIKEN_OK;
}

static int list(const lk_cli *cli) {
    liken_error err = {0};
    liken *lk = NULL;
    liken_collection **all = NULL;
    size_t count = 0;
    int rc = lk_cli_open(cli, true, &lk, &err);
    if (rc == LIKEN_OK)
        rc = liken_collection_list(lk, lk_cli_call(), &all, &count, &err);
    for (size_t i = 0; rc == LIKEN_OK && i < count; i++)
        rc = print_collection(cli, all[i], &err);
    liken_collections_free(all, count);
    liken_free(lk);
    return rc == LIKEN_OK ? LK_EXIT_DONE : lk_cli_failed(cli, &err);
}

static liken_search search_of(const lk_cli *cli) {
    return (liken_search)lk_config_choice(cli->config, LK_SET_SEARCH);
}

static liken_keep keep_of(const lk_cli *cli) {
    return (liken_keep)lk_config_choice(cli->config, LK_SET_KEEP);
}

static int create(const lk_cli *cli) {
    liken_error err = {0};
    liken *lk = NULL;
    liken_collection *c = NULL;
    const liken_metric metric = (liken_metric)lk_config_choice(cli->config, LK_SET_METRIC);
    liken_options options = lk_cli_options(cli, false);
    options.sandbox = false; /* no photo is opened */
    int rc = liken_open(&lk, &options, lk_cli_call(), &err);
    if (rc == LIKEN_OK)
        rc = liken_collection_create(lk, lk_cli_call(), cli->words[0], lk_config_text(cli->config, LK_SET_PACK), metric,
                                     search_of(cli), keep_of(cli), &c, &err);
    if (rc == LIKEN_OK)
        rc = print_collection(cli, c, &err);
    liken_collection_free(c);
    liken_free(lk);
    return rc == LIKEN_OK ? LK_EXIT_DONE : lk_cli_failed(cli, &err);
}

static int set(const lk_cli *cli) {
    liken_error err = {0};
    liken *lk = NULL;
    liken_collection *c = NULL;
    const bool searches = lk_config_given(cli->config, LK_SET_SEARCH),
               keeps = lk_config_given(cli->config, LK_SET_KEEP);
    if (!searches && !keeps)
        return lk_cli_usage(cli, "Say what to set: --search auto, memory, cube, pgvector or hnsw; --keep nothing, "
                                 "thumbnail, preview or original.");
    int rc = lk_cli_open(cli, true, &lk, &err);
    if (rc == LIKEN_OK && searches)
        rc = liken_collection_set_search(lk, lk_cli_call(), cli->words[0], search_of(cli), &c, &err);
    if (rc == LIKEN_OK && keeps) {
        liken_collection_free(c);
        c = NULL;
        rc = liken_collection_set_keep(lk, lk_cli_call(), cli->words[0], keep_of(cli), &c, &err);
    }
    if (rc == LIKEN_OK)
        rc = print_collection(cli, c, &err);
    liken_collection_free(c);
    liken_free(lk);
    return rc == LIKEN_OK ? LK_EXIT_DONE : lk_cli_failed(cli, &err);
}

static int ask_and_remove(const lk_cli *cli, liken *lk, const liken_collection *c) {
    liken_error err = {0};
    bool usage = false;
    char question[256];
    (void)snprintf(question, sizeof question, "Remove collection %s with %" PRId64 " photos and %" PRId64 " faces?",
                   c->name, c->images, c->faces);
    if (!lk_cli_confirm(cli, question, &usage)) {
        if (usage)
            return lk_cli_usage(cli, "There is no terminal to ask on; say --yes.");
        lk_message("Nothing was removed.");
        return LK_EXIT_FAILED;
    }
    int rc = liken_collection_remove(lk, lk_cli_call(), c->name, &err);
    if (rc == LIKEN_OK && cli->json)
        rc = lk_cli_print(json_pack("{s:s, s:I, s:I}", "removed", c->name, "images", (json_int_t)c->images, "faces",
                                    (json_int_t)c->faces),
                          &err);
    else if (rc == LIKEN_OK)
        (void)printf("Removed %s: %" PRId64 " photos, %" PRId64 " faces.\n", c->name, c->images, c->faces);
    return rc == LIKEN_OK ? LK_EXIT_DONE : lk_cli_failed(cli, &err);
}

static int rm(const lk_cli *cli) {
    liken_error err = {0};
    liken *lk = NULL;
    liken_collection *c = NULL;
    int rc = lk_cli_open(cli, true, &lk, &err);
    if (rc == LIKEN_OK)
        rc = liken_collection_get(lk, lk_cli_call(), cli->words[0], &c, &err);
    const int code = rc == LIKEN_OK ? ask_and_remove(cli, lk, c) : lk_cli_failed(cli, &err);
    liken_collection_free(c);
    liken_free(lk);
    return code;
}

int lk_cmd_collections(const lk_cli *cli) {
    static const lk_verb verbs[] = {
        {"list", 0, 0, list}, {"create", 1, 1, create}, {"set", 1, 1, set}, {"rm", 1, 1, rm}};
    return lk_cli_verb(cli, verbs, LK_LENGTH(verbs));
}
