/* cmd_edit.c - liken edit: what is said of photos, each in a transaction of its own. */
#include "base/limits.h"
#include "cli/caller.h"
#include "cli/cli.h"
#include "cli/message.h"
#include "cli/when.h"
#include "wire/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* The value stays NULL, or none, and is set. */
static int read_clear(const lk_cli *cli, liken_image_changes *c, liken_error *err) {
    static const struct {
        const char *word;
        liken_change_bits bit;
    } words[] = {{"tags", LIKEN_CHANGE_TAGS},
                 {"captured-at", LIKEN_CHANGE_CAPTURED_AT},
                 {"source", LIKEN_CHANGE_SOURCE},
                 {"metadata", LIKEN_CHANGE_METADATA}};
    size_t count;
    const char *const *given = lk_config_list(cli->config, LK_SET_CLEAR, &count);
    for (size_t i = 0; i < count; i++) {
        size_t k = 0;
        while (k < LK_LENGTH(words) && strcmp(words[k].word, given[i]) != 0)
            k++;
        if (k == LK_LENGTH(words))
            return lk_fail(err, LIKEN_E_ARG, "--clear is \"%.64s\"; it takes tags, captured-at, source or metadata.",
                           given[i]);
        if ((c->what & (unsigned)words[k].bit) != 0)
            return lk_fail(err, LIKEN_E_ARG, "%s is given and cleared, or cleared twice; say one.", words[k].word);
        c->what |= (unsigned)words[k].bit;
    }
    return LIKEN_OK;
}

static int read_changes(const lk_cli *cli, liken_image_changes *c, liken_error *err) {
    c->tags = lk_config_list(cli->config, LK_SET_TAG, &c->tag_count);
    c->source = lk_config_text(cli->config, LK_SET_SOURCE);
    c->metadata = lk_config_text(cli->config, LK_SET_METADATA);
    int rc = lk_cli_captured_at(cli, &c->captured_at, err);
    if (rc != LIKEN_OK)
        return rc;
    c->what = (c->tag_count > 0 ? (unsigned)LIKEN_CHANGE_TAGS : 0U) |
              (c->captured_at != LIKEN_NO_TIME ? (unsigned)LIKEN_CHANGE_CAPTURED_AT : 0U) |
              (c->source != NULL ? (unsigned)LIKEN_CHANGE_SOURCE : 0U) |
              (c->metadata != NULL ? (unsigned)LIKEN_CHANGE_METADATA : 0U);
    rc = read_clear(cli, c, err);
    if (rc == LIKEN_OK && c->what == 0)
        rc = lk_fail(err, LIKEN_E_ARG,
                     "Say what to change: --tag, --captured-at, --source, --metadata, or --clear with one of them.");
    return rc;
}

/* *missing counts those that are not there. */
static int change_all(const lk_cli *cli, liken *lk, const liken_image_changes *c, size_t *missing, liken_error *err) {
    int rc = LIKEN_OK;
    for (size_t i = 0; rc == LIKEN_OK && i < cli->count; i++) {
        int64_t id = 0;
        liken_image *image = NULL;
        (void)lk_cli_read_id(cli->words[i], &id); /* it is one */
        rc = liken_image_change(lk, lk_cli_call(), lk_config_text(cli->config, LK_SET_COLLECTION), id, c, &image, err);
        if (rc == LIKEN_OK && cli->json)
            rc = lk_cli_print(lk_json_image(image), err);
        else if (rc == LIKEN_E_NOT_FOUND) {
            lk_message("%s", err->message);
            ++*missing;
            rc = LIKEN_OK;
        }
        liken_image_free(image);
    }
    return rc;
}

int lk_cmd_edit(const lk_cli *cli) {
    liken_error err = {0};
    liken *lk = NULL;
    liken_image_changes changes = LIKEN_CHANGES_INIT;
    size_t missing = 0;
    int rc = lk_cli_check_ids(cli, &err);
    if (rc == LIKEN_OK)
        rc = read_changes(cli, &changes, &err);
    if (rc == LIKEN_OK)
        rc = lk_cli_open(cli, true, &lk, &err);
    if (rc == LIKEN_OK)
        rc = change_all(cli, lk, &changes, &missing, &err);
    liken_free(lk);
    if (rc != LIKEN_OK)
        return lk_cli_failed(cli, &err);
    const size_t done = cli->count - missing;
    if (!cli->json && done > 0)
        (void)printf("Changed %zu %s.\n", done, done == 1 ? "photo" : "photos");
    return missing > 0 ? LK_EXIT_FAILED : LK_EXIT_DONE;
}
