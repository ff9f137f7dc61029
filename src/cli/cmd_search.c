/* cmd_search.c - liken search: one photo, or several of one person; the matches printed, and taken away as CSV, copies
 * and a contact sheet, each of which is done though another fails. */
#include "wire/json.h"
#include "base/buf.h"
#include "cli/caller.h"
#include "cli/cli.h"
#include "cli/copies.h"
#include "cli/interrupt.h"
#include "cli/matches.h"
#include "cli/message.h"
#include "cli/results.h"
#include "cli/sheet.h"
#include "cli/when.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t count_matches(const liken_result *r) {
    size_t n = 0;
    for (size_t i = 0; i < r->answer_count; i++)
        n += r->answers[i].match_count;
    return n;
}

static int read_options(const lk_cli *cli, liken_search_options *o, liken_error *err) {
    const lk_config *c = cli->config;
    *o = (liken_search_options){.size = sizeof(liken_search_options),
                                .collection = lk_config_text(c, LK_SET_COLLECTION),
                                .threshold = (float)lk_config_number(c, LK_SET_THRESHOLD),
                                .max_false_matches = lk_config_number(c, LK_SET_MAX_FALSE_MATCHES),
                                .limit = (int)lk_config_number(c, LK_SET_LIMIT),
                                .distinct = (liken_distinct)lk_config_choice(c, LK_SET_DISTINCT),
                                .main_face = lk_config_switch(c, LK_SET_MAIN_FACE),
                                .one_per_photo = lk_config_switch(c, LK_SET_ONE_PER_PHOTO),
                                .partial = lk_config_switch(c, LK_SET_PARTIAL)};
    o->tags = lk_config_list(c, LK_SET_TAG, &o->tag_count);
    return lk_cli_captured_between(cli, &o->captured_from, &o->captured_to, err);
}

static int search_one(const lk_cli *cli, liken *lk, const liken_search_options *o, liken_result **out,
                      liken_error *err) {
    LK_FREE char *bytes = NULL;
    size_t size = 0;
    int rc = lk_file_read(cli->words[0], lk_config_size(cli->config, LK_SET_MAX_FILE), &bytes, &size, err);
    if (rc != LIKEN_OK)
        return rc;
    rc = liken_search_photo(lk, lk_cli_call(), bytes, size, o, out, err);
    if (rc != LIKEN_OK)
        lk_error_prefix(err, "%s", cli->words[0]);
    return rc;
}

static int search_several(const lk_cli *cli, liken *lk, const liken_search_options *o, liken_result **out,
                          liken_error *err) {
    const size_t most = lk_config_size(cli->config, LK_SET_MAX_FILE);
    char *bytes[LIKEN_PHOTOS_MAX] = {NULL};
    liken_photo photos[LIKEN_PHOTOS_MAX];
    int rc = LIKEN_OK;
    for (size_t i = 0; rc == LIKEN_OK && i < cli->count; i++) {
        rc = lk_file_read(cli->words[i], most, &bytes[i], &photos[i].size, err);
        photos[i].bytes = bytes[i];
        photos[i].name = cli->words[i];
    }
    if (rc == LIKEN_OK)
        rc = liken_search_photos(lk, lk_cli_call(), photos, cli->count, o, out, err);
    for (size_t i = 0; i < cli->count; i++)
        free(bytes[i]);
    return rc;
}

static int search(const lk_cli *cli, liken *lk, liken_result **out, liken_error *err) {
    liken_search_options options;
    const int rc = read_options(cli, &options, err);
    return rc != LIKEN_OK ? rc : (cli->count > 1 ? search_several : search_one)(cli, lk, &options, out, err);
}

/* What is wrong with the command line, before there is work to lose. */
static int check(const lk_cli *cli, liken_error *err) {
    const lk_config *c = cli->config;
    const char *folder = lk_config_text(c, LK_SET_COPY_TO);
    liken_search_options options;
    if (read_options(cli, &options, err) != LIKEN_OK)
        return LIKEN_E_ARG;
    if (lk_config_number(c, LK_SET_THRESHOLD) > 0 && lk_config_number(c, LK_SET_MAX_FALSE_MATCHES) > 0)
        return lk_fail(err, LIKEN_E_ARG, "Say --threshold or --max-false-matches, not both.");
    if (lk_config_switch(c, LK_SET_CSV) && cli->json)
        return lk_fail(err, LIKEN_E_ARG, "Say --csv or --json, not both.");
    return folder == NULL ? LIKEN_OK : lk_copies_check(folder, err);
}

static int print(const lk_cli *cli, const liken_result *result, const lk_copies *copies, liken_error *err) {
    const char *folder = lk_config_text(cli->config, LK_SET_COPY_TO);
    if (lk_config_switch(cli->config, LK_SET_CSV))
        return lk_matches_csv(result, cli->words, err);
    if (!cli->json) {
        lk_results_print(result, cli->words);
        return LIKEN_OK;
    }
    json_t *json = lk_json_result(result);
    if (json != NULL && folder != NULL && json_object_set_new(json, "copies", lk_copies_json(copies, folder)) != 0) {
        json_decref(json);
        json = NULL;
    }
    return lk_cli_print(json, err);
}

/* The contact sheet and the copies, neither of which waits for the other's success; the first fault is told last. */
static int take_away(const lk_cli *cli, liken *lk, const liken_result *result, lk_copies *copies, liken_error *err) {
    const char *folder = lk_config_text(cli->config, LK_SET_COPY_TO);
    const char *sheet = lk_config_text(cli->config, LK_SET_CONTACT_SHEET);
    int rc = LIKEN_OK;
    if (folder != NULL || sheet != NULL)
        lk_interrupt_arm();
    if (sheet != NULL && result->answer_count > 0)
        rc = lk_sheet_write(cli, lk, result, sheet, err);
    else if (sheet != NULL)
        lk_message("No contact sheet was written: there is no face to search for.");
    if (folder == NULL)
        return rc;
    liken_error second = {0};
    const int copied = lk_copies_make(cli, lk, result, folder, copies, rc == LIKEN_OK ? err : &second);
    lk_copies_say(copies, folder);
    if (second.message[0] != '\0')
        lk_message("%s", second.message);
    return rc == LIKEN_OK ? copied : rc;
}

/* With --json what was copied is part of the answer, else the answer comes first. */
static int copy_and_print(const lk_cli *cli, liken *lk, const liken_result *result, lk_copies *copies,
                          liken_error *err) {
    const int printed = cli->json ? LIKEN_OK : print(cli, result, copies, err);
    if (printed != LIKEN_OK)
        return printed;
    (void)fflush(stdout);
    const int rc = take_away(cli, lk, result, copies, err);
    if (cli->json && print(cli, result, copies, rc == LIKEN_OK ? err : NULL) != LIKEN_OK && rc == LIKEN_OK)
        return LIKEN_E_MEMORY;
    return rc;
}

int lk_cmd_search(const lk_cli *cli) {
    liken_error err = {0};
    liken *lk = NULL;
    liken_result *result = NULL;
    lk_copies copies = {0};
    if (check(cli, &err) != LIKEN_OK)
        return err.code == LIKEN_E_ARG ? lk_cli_usage(cli, "%s", err.message) : lk_cli_failed(cli, &err);
    int rc = lk_cli_open(cli, false, &lk, &err);
    if (rc == LIKEN_OK)
        rc = search(cli, lk, &result, &err);
    if (rc == LIKEN_OK)
        lk_results_doubt(result, cli->words);
    if (rc == LIKEN_OK && lk_config_switch(cli->config, LK_SET_CSV))
        lk_results_say_left_out(result, cli->words);
    if (rc == LIKEN_OK)
        rc = copy_and_print(cli, lk, result, &copies, &err);
    const size_t matches = rc == LIKEN_OK ? count_matches(result) : 0;
    const bool failed = copies.failed > 0 || copies.count < copies.photos;
    lk_copies_free(&copies);
    liken_result_free(result);
    liken_free(lk);
    if (rc != LIKEN_OK)
        return lk_cli_failed(cli, &err);
    return failed ? LK_EXIT_FAILED : matches == 0 ? LK_EXIT_NOTHING : LK_EXIT_DONE;
}
