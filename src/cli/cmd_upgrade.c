/* liken upgrade: prepares, shows what would be gained and lost, and switches when that is agreed to. */
#include "base/clock.h"
#include "cli/caller.h"
#include "cli/cli.h"
#include "cli/interrupt.h"
#include "cli/message.h"

#include <stdio.h>
#include <string.h>

#define LL(n) ((long long)(n))

static int heard(void *ctx, const liken_progress *p) {
    bool *started = ctx;
    if (!*started)
        lk_progress_start(p->what, (size_t)p->total);
    *started = true;
    lk_progress_show((size_t)p->done, 0);
    return 0;
}

/* The operator's own files may be read, wherever they lie: only the very bytes that were added count. What an older
 * liken made is brought up to date, as by any command that writes. */
static int open_gallery(const lk_cli *cli, liken **out, liken_error *err) {
    liken_options o = lk_cli_options(cli, false);
    if (o.photo_folders == NULL)
        o.photo_folders = "/";
    o.existing = true;
    int rc = liken_open(out, &o, lk_cli_call(), err);
    o.existing = false;
    if (rc == LIKEN_E_STORE)
        rc = liken_open(out, &o, lk_cli_call(), err);
    return rc;
}

/* ---- the report ---- */

static json_t *match_json(const liken_upgrade_match *m) {
    return json_pack("{s:I, s:I, s:s?, s:I, s:I, s:s?, s:f}", "face", (json_int_t)m->face, "image",
                     (json_int_t)m->image, "file", m->file, "match", (json_int_t)m->match, "match_image",
                     (json_int_t)m->match_image, "match_file", m->match_file, "similarity", (double)m->similarity);
}

static json_t *matches_json(const liken_upgrade_match *list, size_t count) {
    json_t *array = json_array();
    for (size_t i = 0; array != NULL && i < count; i++)
        if (json_array_append_new(array, match_json(&list[i])) != 0) {
            json_decref(array);
            return NULL;
        }
    return array;
}

static json_t *report_json(const liken_upgrade *u) {
    json_t *lost = matches_json(u->lost, u->lost_shown), *gained = matches_json(u->gained, u->gained_shown);
    return json_pack("{s:s, s:s, s:s?, s:b, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I,"
                     " s:{s:I, s:I, s:I, s:I, s:I, s:o, s:o}}",
                     "collection", u->collection, "model", u->model, "other", u->other, "done", u->done, "former",
                     u->former, "photos", (json_int_t)u->photos, "ready", (json_int_t)u->ready, "missing",
                     (json_int_t)u->missing, "faces", (json_int_t)u->faces, "kept", (json_int_t)u->kept, "gone",
                     (json_int_t)u->gone, "came", (json_int_t)u->came, "comparison", "sampled", (json_int_t)u->sampled,
                     "matches_before", (json_int_t)u->matches_now, "matches_after", (json_int_t)u->matches_then, "lost",
                     (json_int_t)u->lost_count, "gained", (json_int_t)u->gained_count, "lost_examples", lost,
                     "gained_examples", gained);
}

static void print_name(int64_t image, const char *file) {
    LK_FREE char *clean = file == NULL ? NULL : lk_printable(file);
    if (clean != NULL)
        (void)printf("%s", clean);
    else
        (void)printf("photo %lld", LL(image));
}

static void print_matches(const char *what, int64_t count, const liken_upgrade_match *list, size_t shown) {
    (void)printf("%s: %lld%s\n", what, LL(count), shown == 0 ? "" : ", among them");
    for (size_t i = 0; i < shown; i++) {
        (void)printf("  %.3f  ", (double)list[i].similarity);
        print_name(list[i].image, list[i].file);
        (void)printf(" (face %lld) - ", LL(list[i].face));
        print_name(list[i].match_image, list[i].match_file);
        if (list[i].match != 0)
            (void)printf(" (face %lld)", LL(list[i].match));
        (void)printf("\n");
    }
}

static void print_prepared(const liken_upgrade *u) {
    (void)printf("%lld of %lld photos of collection %s are described by %s.\n", LL(u->ready), LL(u->photos),
                 u->collection, u->other);
    (void)printf("Faces: %lld stay, %lld go, since it sees them too poorly, %lld come that were refused before.\n",
                 LL(u->kept), LL(u->gone), LL(u->came));
    if (u->sampled == 0)
        return;
    (void)printf("By %lld faces, matches in other photos: %lld now, %lld then.\n", LL(u->sampled), LL(u->matches_now),
                 LL(u->matches_then));
    print_matches("Lost", u->lost_count, u->lost, u->lost_shown);
    print_matches("Gained", u->gained_count, u->gained, u->gained_shown);
}

static void print_state(const liken_upgrade *u) {
    (void)printf("Collection %s is described by %s", u->collection, u->model);
    if (u->other == NULL)
        (void)printf(".\n");
    else if (u->former)
        (void)printf("; %s is kept for the way back: liken upgrade %s --back; or let go of: liken upgrade %s "
                     "--finish\n",
                     u->other, u->collection, u->collection);
    else
        (void)printf("; %lld of %lld photos are prepared for %s.\n", LL(u->ready), LL(u->photos), u->other);
}

/* ---- the steps ---- */

static int run(const lk_cli *cli, liken *lk, bool apply, liken_upgrade **out, liken_error *err) {
    const lk_config *c = cli->config;
    const char *pack = lk_config_text(c, LK_SET_PACK);
    const liken_upgrade_options o = {.size = sizeof(liken_upgrade_options),
                                     .collection = cli->count > 0 ? cli->words[0] : NULL,
                                     .pack = lk_config_switch(c, LK_SET_BACK) ? NULL
                                             : pack == NULL                   ? "auto"
                                                                              : pack,
                                     .apply = apply,
                                     .drop_missing = lk_config_switch(c, LK_SET_DROP_MISSING),
                                     .sample = apply ? -1 : (int)lk_config_number(c, LK_SET_SAMPLE)};
    bool started = false;
    const liken_call call = lk_cli_call_telling(heard, &started);
    const int rc = liken_upgrade_run(lk, &call, &o, out, err);
    if (started)
        lk_progress_end();
    return rc;
}

static int tell_missing(const liken_upgrade *u) {
    lk_message("%lld photo%s of collection %s cannot be described: no original is kept, and no file under its labels "
               "has its bytes any more. Bring the files back, or say --drop-missing: such photos then stay without "
               "faces. Nothing is switched.",
               LL(u->missing), u->missing == 1 ? "" : "s", u->collection);
    return LK_EXIT_FAILED;
}

static bool agrees(const lk_cli *cli, const liken_upgrade *u) {
    char question[256];
    bool usage = false;
    (void)snprintf(question, sizeof question, "Switch collection %s to %s?", u->collection, u->other);
    const bool agreed = lk_cli_confirm(cli, question, &usage);
    if (!agreed)
        lk_message("Nothing is switched; what is described is kept. The same command with --yes switches.");
    return agreed;
}

/* What was compared stays in *u. */
static int apply(const lk_cli *cli, liken *lk, liken_upgrade *u, liken_error *err) {
    liken_upgrade *after = NULL;
    const int rc = run(cli, lk, true, &after, err);
    if (rc != LIKEN_OK)
        return rc;
    u->done = after->done;
    u->former = after->former;
    u->missing = after->missing;
    u->photos = after->photos;
    u->faces = after->faces;
    char *model = u->model;
    if (after->done) {
        u->model = u->other;
        u->other = model;
    }
    liken_upgrade_free(after);
    return LIKEN_OK;
}

/* *code: how it ended. */
static int upgrade(const lk_cli *cli, liken *lk, int *code, liken_error *err) {
    const bool drop = lk_config_switch(cli->config, LK_SET_DROP_MISSING);
    liken_upgrade *u = NULL;
    int rc = run(cli, lk, false, &u, err);
    if (rc != LIKEN_OK)
        return rc;
    const bool prepared = !u->done;
    if (prepared && !cli->json)
        print_prepared(u);
    if (prepared && (u->missing == 0 || drop) && agrees(cli, u))
        rc = apply(cli, lk, u, err);
    if (rc == LIKEN_OK && !u->done && u->missing > 0 && !drop)
        *code = tell_missing(u);
    if (rc == LIKEN_OK && u->done && !cli->json)
        print_state(u);
    if (rc == LIKEN_OK && cli->json)
        rc = lk_cli_print(report_json(u), err);
    liken_upgrade_free(u);
    return rc;
}

static int finish(const lk_cli *cli, liken *lk, liken_error *err) {
    const char *name = cli->count > 0 ? cli->words[0] : NULL;
    int64_t rows = 0;
    const int rc = liken_upgrade_end(lk, lk_cli_call(), name, &rows, err);
    if (rc == LIKEN_OK && cli->json)
        return lk_cli_print(json_pack("{s:I}", "removed", (json_int_t)rows), err);
    if (rc == LIKEN_OK)
        (void)printf("Let go of %lld faces of the other model.\n", LL(rows));
    return rc;
}

int lk_cmd_upgrade(const lk_cli *cli) {
    const bool ends = lk_config_switch(cli->config, LK_SET_FINISH), back = lk_config_switch(cli->config, LK_SET_BACK);
    liken_error err = {0};
    liken *lk = NULL;
    int code = LK_EXIT_DONE;
    if (ends && back)
        return lk_cli_usage(cli, "Say --back or --finish: the one needs what the other lets go of.");
    int rc = open_gallery(cli, &lk, &err);
    lk_interrupt_arm();
    if (rc == LIKEN_OK)
        rc = ends ? finish(cli, lk, &err) : upgrade(cli, lk, &code, &err);
    liken_free(lk);
    if (rc == LIKEN_E_CANCELLED) {
        lk_message("%s The same command goes on from there.", err.message);
        return LK_EXIT_INTERRUPTED;
    }
    return rc == LIKEN_OK ? code : lk_cli_failed(cli, &err);
}
