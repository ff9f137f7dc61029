#include "wire/json.h"
#include "base/buf.h"
#include "cli/cli.h"
#include "cli/copies.h"
#include "cli/interrupt.h"
#include "cli/matches.h"
#include "cli/message.h"
#include "cli/when.h"

#include <inttypes.h>
#include <stdio.h>

static void print_box(const liken_box *b) {
    (void)printf("%.0f,%.0f %.0fx%.0f", (double)b->x, (double)b->y, (double)b->width, (double)b->height);
}

static void print_match(const liken_match *m) {
    LK_FREE char *path = liken_path_of_label(m->file == NULL ? "" : m->file);
    LK_FREE char *file =
        path == NULL ? NULL : lk_printable(m->file != NULL || m->image_id == NULL ? path : m->image_id);
    (void)printf("  %8.4f  %10.3f  %8" PRId64 "  %s  ", (double)m->distance, (double)m->similarity, m->image,
                 file == NULL ? "?" : file);
    print_box(&m->box);
    (void)putchar('\n');
}

static void print_answer(const liken_answer *a, size_t i, size_t count) {
    (void)printf("Face %zu of %zu at ", i + 1, count);
    print_box(&a->face.box);
    (void)printf(": %zu %s; of strangers, about %.3g can be expected within the threshold\n", a->match_count,
                 a->match_count == 1 ? "match" : "matches", a->expected_false_matches);
    if (a->match_count > 0)
        (void)printf("  distance  similarity     photo  file  box\n");
    for (size_t m = 0; m < a->match_count; m++)
        print_match(&a->matches[m]);
}

static void print_result(const liken_result *r) {
    for (size_t i = 0; i < r->answer_count; i++)
        print_answer(&r->answers[i], i, r->answer_count);
    if (r->answer_count == 0)
        (void)printf("No face was found in the photo.\n");
    for (size_t i = 0; i < r->missing_count; i++)
        (void)printf("Server %s of the cluster did not answer: what it holds was not compared.\n", r->missing[i]);
    (void)printf("Compared with %" PRIu64 " faces of %s, %s, threshold %.4f\n", r->searched, r->collection,
                 r->exact ? "exactly" : "approximately", (double)r->threshold);
}

static size_t count_matches(const liken_result *r) {
    size_t n = 0;
    for (size_t i = 0; i < r->answer_count; i++)
        n += r->answers[i].match_count;
    return n;
}

static int search(const lk_cli *cli, liken *lk, liken_result **out, liken_error *err) {
    const lk_config *c = cli->config;
    LK_FREE char *bytes = NULL;
    size_t size = 0;
    liken_search_options options = {.collection = lk_config_text(c, LK_SET_COLLECTION),
                                    .threshold = (float)lk_config_number(c, LK_SET_THRESHOLD),
                                    .max_false_matches = lk_config_number(c, LK_SET_MAX_FALSE_MATCHES),
                                    .limit = (int)lk_config_number(c, LK_SET_LIMIT),
                                    .distinct = lk_config_choice(c, LK_SET_DISTINCT) == 1 ? LIKEN_DISTINCT_IMAGE
                                                                                          : LIKEN_DISTINCT_FACE};
    options.partial = lk_config_switch(c, LK_SET_PARTIAL);
    options.tags = lk_config_list(c, LK_SET_TAG, &options.tag_count);
    int rc = lk_cli_captured_between(cli, &options.captured_from, &options.captured_to, err);
    if (rc != LIKEN_OK)
        return rc;
    rc = lk_file_read(cli->words[0], lk_config_size(c, LK_SET_MAX_FILE), &bytes, &size, err);
    if (rc != LIKEN_OK)
        return rc;
    rc = liken_search_photo(lk, bytes, size, &options, out, err);
    if (rc != LIKEN_OK)
        lk_error_prefix(err, "%s", cli->words[0]);
    return rc;
}

/* What is wrong with the command line, before there is work to lose. */
static int check(const lk_cli *cli, liken_error *err) {
    const lk_config *c = cli->config;
    const char *folder = lk_config_text(c, LK_SET_COPY_TO);
    if (lk_config_number(c, LK_SET_THRESHOLD) > 0 && lk_config_number(c, LK_SET_MAX_FALSE_MATCHES) > 0)
        return lk_fail(err, LIKEN_E_ARG, "Say --threshold or --max-false-matches, not both.");
    if (lk_config_switch(c, LK_SET_CSV) && cli->json)
        return lk_fail(err, LIKEN_E_ARG, "Say --csv or --json, not both.");
    return folder == NULL ? LIKEN_OK : lk_copies_check(folder, err);
}

static int print(const lk_cli *cli, const liken_result *result, const lk_copies *copies, liken_error *err) {
    const char *folder = lk_config_text(cli->config, LK_SET_COPY_TO);
    if (lk_config_switch(cli->config, LK_SET_CSV))
        return lk_matches_csv(result, cli->words[0], err);
    if (!cli->json) {
        print_result(result);
        return LIKEN_OK;
    }
    json_t *json = lk_json_result(result);
    if (json != NULL && folder != NULL && json_object_set_new(json, "copies", lk_copies_json(copies, folder)) != 0) {
        json_decref(json);
        json = NULL;
    }
    return lk_cli_print(json, err);
}

/* With --json what was copied is part of the answer, else the answer comes first. */
static int copy_and_print(const lk_cli *cli, liken *lk, const liken_result *result, lk_copies *copies,
                          liken_error *err) {
    const char *folder = lk_config_text(cli->config, LK_SET_COPY_TO);
    int printed = cli->json ? LIKEN_OK : print(cli, result, copies, err);
    if (printed != LIKEN_OK)
        return printed;
    (void)fflush(stdout);
    int rc = LIKEN_OK;
    if (folder != NULL) {
        lk_interrupt_arm();
        rc = lk_copies_make(cli, lk, result, folder, copies, err);
        lk_copies_say(copies, folder);
    }
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
