/* cmd_add.c - liken add: photos of files, folders and lists go through a batch into a collection. Each outcome is said
 * as it comes; what one file is at fault for is counted, and what would go wrong with all of them ends the run. */
#include "wire/json.h"
#include "base/clock.h"
#include "base/cpu.h"
#include "cli/add_report.h"
#include "cli/batch.h"
#include "cli/caller.h"
#include "cli/cli.h"
#include "cli/files.h"
#include "cli/interrupt.h"
#include "cli/message.h"
#include "cli/packed.h"
#include "cli/prune.h"
#include "cli/web_photo.h"
#include "cli/when.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

typedef struct adding {
    const lk_cli *cli;
    liken *lk;
    lk_fetch *client;          /* for addresses */
    lk_packed *packed;         /* for archives */
    liken_add_options options; /* without `file` */
    const char *label;         /* --file-label, or NULL: each its path */
    size_t added, existed, unchanged, extended, replaced, skipped, failed, faces, without_face, previews;
    int64_t lost; /* photos whose files hold others now */
    lk_pruned pruned;
    size_t refused[LIKEN_LOW_LIGHT + 1]; /* by reason */
    lk_add_report *report;               /* NULL: none is written */
    char why[512];                       /* not all was looked at; else empty */
} adding;

/* To be freed; NULL: out of memory. */
static char *other_label(const adding *a, const lk_path *path) {
    if (a->label == NULL && path->source == LK_SOURCE_ENTRY)
        return lk_packed_label(a->packed, path);
    return lk_cli_label(a->label != NULL ? a->label : path->name);
}

/* The options for one file; `label` and `place` are to be freed. */
static int options_of(const adding *a, const lk_path *path, const liken_mark *mark, liken_add_options *options,
                      char **label, char **place, liken_error *err) {
    int rc = LIKEN_OK;
    if (a->label == NULL && path->source == LK_SOURCE_FILE)
        rc = lk_file_label(a->lk, a->options.collection, path, label, place, err);
    else if ((*label = other_label(a, path)) == NULL)
        rc = lk_fail_memory(err);
    *options = a->options;
    options->file = *label;
    options->file_kind = path->source == LK_SOURCE_FILE ? LIKEN_LABEL_FILE : LIKEN_LABEL_OWN;
    options->file_place = *place;
    options->file_mark = a->label != NULL ? NULL : mark;
    return rc;
}

static int known(void *ctx, const lk_path *path, const liken_mark *mark, liken_image **out, liken_error *err) {
    const adding *a = ctx;
    liken_add_options options;
    LK_FREE char *label = NULL, *place = NULL;
    const int rc = options_of(a, path, mark, &options, &label, &place, err);
    return rc == LIKEN_OK ? liken_add_unchanged(a->lk, lk_cli_call(), &options, out, err) : rc;
}

static int work(void *ctx, const lk_path *path, const liken_mark *mark, const char *bytes, size_t size,
                liken_image **out, liken_error *err) {
    const adding *a = ctx;
    liken_add_options options;
    LK_FREE char *label = NULL, *place = NULL;
    const int rc = options_of(a, path, mark, &options, &label, &place, err);
    return rc == LIKEN_OK ? liken_add(a->lk, lk_cli_call(), bytes, size, &options, out, err) : rc;
}

static int fetch(void *ctx, const lk_path *path, char **bytes, size_t *size, const char **reason, liken_error *err) {
    const adding *a = ctx;
    const size_t max = lk_config_size(a->cli->config, LK_SET_MAX_FILE);
    if (path->source == LK_SOURCE_ENTRY)
        return lk_packed_read(a->packed, path, bytes, size, reason, err);
    return lk_web_read(a->client, path->name, max, bytes, size, reason, err);
}

/* A fault of the installation or the collection, which every other photo would meet as well. */
static bool is_general(int rc) {
    return rc == LIKEN_E_STORE || rc == LIKEN_E_MODEL || rc == LIKEN_E_MISMATCH || rc == LIKEN_E_MEMORY ||
           rc == LIKEN_E_ARG || rc == LIKEN_E_READ_ONLY;
}

static const char *count(adding *a, const lk_outcome *o) {
    if (o->rc == LIKEN_E_FORMAT && o->path->walked)
        return a->skipped++, "skipped";
    if (o->rc != LIKEN_OK)
        return a->failed++, "failed";
    a->replaced += o->image->replaced != 0;
    if (o->image->existed) {
        a->unchanged += o->unread;
        a->extended += o->image->extended;
        return a->existed++, "existed";
    }
    a->faces += o->image->face_count;
    a->without_face += o->image->face_count == 0;
    a->previews += o->image->note != NULL;
    for (size_t i = 0; i < o->image->refused_count; i++)
        if ((size_t)o->image->refused[i].reason < LK_LENGTH(a->refused))
            a->refused[o->image->refused[i].reason]++;
    return a->added++, "added";
}

static int done(void *ctx, const lk_outcome *o, liken_error *err) {
    adding *a = ctx;
    if (is_general(o->rc) && o->reason == NULL) {
        *err = o->err;
        return o->rc;
    }
    const char *status = count(a, o);
    if (o->rc != LIKEN_OK)
        lk_outcome_say(o);
    if (!a->cli->json && a->report == NULL)
        return LIKEN_OK;
    LK_FREE char *path = liken_label_of_path(o->path->name); /* the path as UTF-8 */
    json_t *head = json_pack("{s:o, s:s}", "path", path == NULL ? NULL : lk_json_text(path), "status", status);
    if (head != NULL && o->unread)
        (void)json_object_set_new(head, "unchanged", json_true());
    json_t *line = lk_outcome_json(o, head);
    if (a->report != NULL)
        lk_add_report_photo(a->report, o, status, line);
    if (a->cli->json)
        return lk_cli_print(line, err);
    json_decref(line);
    return LIKEN_OK;
}

/* NULL: out of memory. */
static json_t *summary_json(const adding *a, double seconds, bool interrupted) {
    json_t *refused = json_object();
    for (size_t r = 0; r < LK_LENGTH(a->refused); r++)
        if (a->refused[r] > 0)
            (void)json_object_set_new(refused, liken_reason_code((liken_reason)r),
                                      json_integer((json_int_t)a->refused[r]));
    return json_pack("{s:{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:f, s:b}}", "summary", "added",
                     (json_int_t)a->added, "existed", (json_int_t)a->existed, "unchanged", (json_int_t)a->unchanged,
                     "extended", (json_int_t)a->extended, "replaced", (json_int_t)a->replaced, "removed",
                     (json_int_t)a->lost + (json_int_t)a->pruned.photos, "pruned", (json_int_t)a->pruned.labels,
                     "skipped", (json_int_t)a->skipped, "failed", (json_int_t)a->failed, "faces", (json_int_t)a->faces,
                     "without_face", (json_int_t)a->without_face, "refused", refused, "seconds", seconds, "interrupted",
                     interrupted);
}

static void print_summary(const adding *a, double seconds) {
    char took[32];
    lk_duration_text(seconds, took, sizeof took);
    (void)printf("Added %zu %s with %zu %s in %s", a->added, a->added == 1 ? "photo" : "photos", a->faces,
                 a->faces == 1 ? "face" : "faces", took);
    if (a->added > 0 && seconds > 0)
        (void)printf(" (%.1f photos a second)", (double)a->added / seconds);
    (void)puts(".");
    if (a->existed > 0)
        (void)printf("There already: %zu.%s\n", a->existed, a->unchanged == a->existed ? " None had to be read." : "");
    if (a->extended > 0)
        (void)printf("There already, and known by another label, id or tag now: %zu.\n", a->extended);
    if (a->replaced > 0)
        (void)printf("Files that hold another photo now: %zu. %lld %s gone with the last label.\n", a->replaced,
                     (long long)a->lost, a->lost == 1 ? "photo is" : "photos are");
    if (a->without_face > 0)
        (void)printf("Without a usable face: %zu.\n", a->without_face);
    if (a->previews > 0)
        (void)printf("Raw photos of which the largest preview was read: %zu.\n", a->previews);
    for (size_t r = 0; r < LK_LENGTH(a->refused); r++)
        if (a->refused[r] > 0)
            (void)printf("Faces refused as %s: %zu. %s\n", liken_reason_code((liken_reason)r), a->refused[r],
                         liken_reason_advice((liken_reason)r));
    if (a->skipped > 0)
        (void)printf("Files in folders that are no photos: %zu.\n", a->skipped);
    if (a->failed > 0)
        (void)printf("Failed: %zu.\n", a->failed);
}

static void say_bare(const lk_paths *paths) {
    for (size_t i = 0; i < paths->bare_count; i++) {
        LK_FREE char *shown = lk_printable(paths->bare[i]);
        lk_message("%s holds no file%s. If it lies on another disk, is that mounted?", shown == NULL ? "?" : shown,
                   paths->left_out > 0 ? " but what is left out" : "");
    }
}

static bool is_folder(const char *word) {
    struct stat st;
    return stat(word, &st) == 0 && S_ISDIR(st.st_mode);
}

/* --prune is about folders, which have to be named. */
static int check_prune(const lk_cli *cli, liken_error *err) {
    size_t folders = 0;
    for (size_t i = 0; i < cli->count; i++)
        folders += is_folder(cli->words[i]);
    if (!lk_config_switch(cli->config, LK_SET_PRUNE) || folders > 0)
        return LIKEN_OK;
    return lk_fail(err, LIKEN_E_ARG, "--prune takes a folder: name the one whose files may be gone.");
}

static int collect(const lk_cli *cli, lk_paths *paths, lk_packed **packed, liken_error *err) {
    const bool nul = lk_config_switch(cli->config, LK_SET_NULL);
    int rc = check_prune(cli, err);
    paths->hidden = lk_config_switch(cli->config, LK_SET_INCLUDE_HIDDEN);
    paths->excludes = lk_config_list(cli->config, LK_SET_EXCLUDE, &paths->exclude_count);
    for (size_t i = 0; rc == LIKEN_OK && i < cli->count; i++)
        rc = strcmp(cli->words[i], "-") == 0 ? lk_paths_add_list(paths, stdin, nul, err)
                                             : lk_paths_add(paths, cli->words[i], err);
    if (rc == LIKEN_OK)
        rc = lk_packed_open(packed, paths, lk_config_size(cli->config, LK_SET_MAX_FILE), err);
    if (rc == LIKEN_OK && paths->count > 1 && lk_config_given(cli->config, LK_SET_FILE_LABEL))
        rc = lk_fail(err, LIKEN_E_ARG, "--file-label takes one photo at a time; %zu were named.", paths->count);
    if (rc == LIKEN_OK)
        say_bare(paths);
    return rc;
}

/* Everything was looked at, so that a photo whose file holds another one now has not merely moved. */
static int settle(adding *a, liken_error *err) {
    return liken_lost_remove(a->lk, lk_cli_call(), a->options.collection, &a->lost, err);
}

static int prune(adding *a, liken_error *err) {
    int rc = LIKEN_OK;
    for (size_t i = 0; rc == LIKEN_OK && i < a->cli->count; i++)
        if (lk_config_switch(a->cli->config, LK_SET_PRUNE) && is_folder(a->cli->words[i]))
            rc = lk_prune(a->cli, a->lk, a->cli->words[i], &a->pruned, err);
    return rc;
}

/* Also of what was interrupted or failed; the first fault is the one that is told. */
static int finish_report(adding *a, const json_t *summary, int rc, liken_error *err) {
    lk_add_report *report = a->report;
    a->report = NULL;
    const int written =
        lk_add_report_finish(report, summary, a->why[0] == '\0' ? NULL : a->why, rc == LIKEN_OK ? err : NULL);
    return rc == LIKEN_OK ? written : rc;
}

static int print_summary_json(json_t *summary, int rc, liken_error *err) {
    const int printed = lk_cli_print(summary, rc == LIKEN_OK ? err : NULL);
    return rc == LIKEN_OK ? printed : rc;
}

static int run(adding *a, const lk_paths *paths, liken_error *err) {
    const lk_config *c = a->cli->config;
    const int threads = (int)lk_config_number(c, LK_SET_THREADS);
    const bool all_are_read = lk_config_switch(c, LK_SET_VERIFY) || a->label != NULL; /* a label is no file to know */
    const lk_batch batch = {.paths = paths->items,
                            .count = paths->count,
                            .threads = threads > 0 ? threads : lk_cpu_count(),
                            .max_file = lk_config_size(c, LK_SET_MAX_FILE),
                            .known = all_are_read ? NULL : known,
                            .work = work,
                            .fetch = fetch,
                            .done = done,
                            .ctx = a};
    const double started = lk_clock_monotonic();
    size_t handed = 0;
    int rc = lk_batch_run(&batch, &handed, err);
    if (rc != LIKEN_OK)
        (void)snprintf(a->why, sizeof a->why, "%s", err->message);
    const double seconds = lk_clock_monotonic() - started;
    if (rc == LIKEN_OK)
        rc = settle(a, err);
    if (!a->cli->json)
        print_summary(a, seconds);
    if (rc == LIKEN_OK)
        rc = prune(a, err);
    const bool broken_off = rc == LIKEN_E_CANCELLED || a->why[0] != '\0';
    json_t *summary = a->cli->json || a->report != NULL ? summary_json(a, seconds, broken_off) : NULL;
    if (summary == NULL && (a->cli->json || a->report != NULL))
        rc = rc == LIKEN_OK ? lk_fail_memory(err) : rc;
    rc = finish_report(a, summary, rc, err);
    if (a->cli->json && summary != NULL)
        return print_summary_json(summary, rc, err);
    json_decref(summary);
    return rc;
}

/* Asked once, before every photo would say it. */
static int check_collection(const adding *a, liken_error *err) {
    liken_collection *c = NULL;
    const char *name = a->options.collection;
    const int rc = liken_collection_get(a->lk, lk_cli_call(), name, &c, err);
    liken_collection_free(c);
    return rc != LIKEN_E_NOT_FOUND
               ? rc
               : lk_fail(err, rc, "There is no collection \"%.64s\"; liken collections create %.64s makes it.", name,
                         name);
}

/* Only where it is of use: also to say what is wrong with --allow-host. */
static int open_client(adding *a, const lk_paths *paths, liken_error *err) {
    bool wanted = lk_config_given(a->cli->config, LK_SET_ALLOW_HOST);
    for (size_t i = 0; !wanted && i < paths->count; i++)
        wanted = paths->items[i].source == LK_SOURCE_URL;
    return wanted ? lk_web_open(&a->client, a->cli, err) : LIKEN_OK;
}

int lk_cmd_add(const lk_cli *cli) {
    const lk_config *c = cli->config;
    liken_error err = {0};
    lk_paths paths = {0};
    adding a = {.cli = cli,
                .options = {.size = sizeof(liken_add_options),
                            .collection = lk_config_text(c, LK_SET_COLLECTION),
                            .image_id = lk_config_text(c, LK_SET_IMAGE_ID),
                            .require_face = lk_config_switch(c, LK_SET_REQUIRE_FACE)},
                .label = lk_config_text(c, LK_SET_FILE_LABEL)};
    a.options.tags = lk_config_list(c, LK_SET_TAG, &a.options.tag_count);
    int rc = lk_cli_captured_at(cli, &a.options.captured_at, &err);
    if (rc == LIKEN_OK)
        rc = collect(cli, &paths, &a.packed, &err);
    if (rc == LIKEN_OK)
        rc = open_client(&a, &paths, &err);
    if (rc == LIKEN_OK && lk_config_given(c, LK_SET_REPORT)) /* before a gallery is made */
        rc = lk_add_report_open(&a.report, lk_config_text(c, LK_SET_REPORT), &err);
    if (rc == LIKEN_OK)
        rc = lk_cli_open_or_make(cli, &a.lk, &err);
    if (rc == LIKEN_OK)
        rc = check_collection(&a, &err);
    if (rc == LIKEN_OK) {
        lk_interrupt_arm();
        rc = run(&a, &paths, &err);
    }
    lk_add_report_drop(a.report); /* of what never began */
    liken_free(a.lk);
    lk_fetch_close(a.client);
    lk_packed_free(a.packed);
    lk_paths_free(&paths);
    if (rc == LIKEN_E_CANCELLED)
        lk_message("%s The same command goes on from here.", err.message);
    if (rc != LIKEN_OK)
        return rc == LIKEN_E_CANCELLED ? LK_EXIT_INTERRUPTED : lk_cli_failed(cli, &err);
    return a.failed > 0 || a.pruned.refused ? LK_EXIT_FAILED : LK_EXIT_DONE;
}
