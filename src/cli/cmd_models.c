/* cmd_models.c - liken models: packs listed, installed, verified, and those of users calibrated. */
#include "wire/json.h"
#include "cli/caller.h"
#include "cli/cli.h"
#include "cli/message.h"
#include "cli/subjects.h"
#include "eval/curve.h"

#include <stdio.h>
#include <string.h>

static const char *folder_of(const lk_cli *cli) {
    return lk_config_text(cli->config, LK_SET_MODELS);
}

static json_t *pack_json(const liken_pack *p) {
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:b}", "name", lk_json_text(p->name), "version",
                     lk_json_text(p->version), "licence", lk_json_text(p->licence), "source", lk_json_text(p->source),
                     "holds", lk_json_text(p->holds), "path", lk_json_text(p->path), "installed", p->installed,
                     "default", p->is_default);
}

static int print_packs(const lk_cli *cli, const liken_pack *packs, size_t count, liken_error *err) {
    if (cli->json) {
        json_t *list = json_array();
        for (size_t i = 0; i < count; i++)
            if (json_array_append_new(list, pack_json(&packs[i])) != 0) {
                json_decref(list);
                return lk_fail_memory(err);
            }
        return lk_cli_print(list, err);
    }
    for (size_t i = 0; i < count; i++) {
        const liken_pack *p = &packs[i];
        (void)printf("%-13s %-9s %-13s %s (%s)\n", p->name, p->version == NULL ? "" : p->version,
                     p->installed ? "installed" : "not installed", p->holds == NULL ? "" : p->holds,
                     p->licence == NULL ? "licence unknown" : p->licence);
    }
    return LIKEN_OK;
}

static int list(const lk_cli *cli) {
    liken_error err = {0};
    liken_pack *packs = NULL;
    size_t count = 0;
    int rc = liken_pack_list(folder_of(cli), &packs, &count, &err);
    if (rc == LIKEN_OK)
        rc = print_packs(cli, packs, count, &err);
    liken_packs_free(packs, count);
    return rc == LIKEN_OK ? LK_EXIT_DONE : lk_cli_failed(cli, &err);
}

static int on_progress(void *ctx, const liken_progress *p) {
    (void)ctx;
    LK_FREE char *clean = lk_printable(p->message);
    lk_message("%s", clean == NULL ? "" : clean);
    return 0;
}

/* One line about one pack; false when `err` could not be said in JSON for want of memory. */
static int report(const lk_cli *cli, const char *name, int rc, const char *done, const liken_error *err) {
    liken_error failed = {0};
    if (!cli->json && rc == LIKEN_OK)
        (void)printf("%s: %s\n", name, done);
    if (!cli->json)
        return LIKEN_OK;
    json_t *json = json_pack("{s:o, s:s}", "pack", lk_json_text(name), "status", rc == LIKEN_OK ? done : "failed");
    if (json != NULL && rc != LIKEN_OK)
        (void)json_object_set_new(json, "error", lk_cli_error_json(err));
    return lk_cli_print(json, &failed);
}

static int install_one(const lk_cli *cli, const char *name, bool optional, bool *done) {
    liken_error err = {0};
    const liken_call call = lk_cli_call_telling(on_progress, NULL);
    const int rc = liken_pack_install(folder_of(cli), name, &call, &err);
    *done = rc == LIKEN_OK;
    if (report(cli, name, rc, "installed", &err) != LIKEN_OK)
        return LK_EXIT_FAILED;
    if (rc == LIKEN_OK)
        return LK_EXIT_DONE;
    if (!optional)
        return lk_cli_failed(cli, &err);
    LK_FREE char *sentence = lk_printable(err.message);
    lk_message("Note: the optional pack %s is not installed: %s", name, sentence == NULL ? "" : sentence);
    return LK_EXIT_DONE;
}

/* The best pack for each task that can be had. faceapi, which has one for all of them, is needed where that leaves
 * something undone. */
static int install_most(const lk_cli *cli) {
    bool finds = false, describes = false, spare = false;
    int code = install_one(cli, "yunet", true, &finds);
    if (code == LK_EXIT_DONE)
        code = install_one(cli, "reid", true, &describes);
    if (code == LK_EXIT_DONE && !describes)
        code = install_one(cli, "mobilefacenet", true, &describes);
    const int last = install_one(cli, "faceapi", finds && describes, &spare);
    return code != LK_EXIT_DONE ? code : last;
}

static int install(const lk_cli *cli) {
    bool done;
    if (cli->count == 0)
        return install_most(cli);
    int code = LK_EXIT_DONE;
    for (size_t i = 0; i < cli->count; i++) {
        const int c = install_one(cli, cli->words[i], false, &done);
        code = c == LK_EXIT_DONE ? code : c;
    }
    return code;
}

static int verify_one(const lk_cli *cli, const char *name) {
    liken_error err = {0};
    const int rc = liken_pack_verify(folder_of(cli), name, lk_cli_call(), &err);
    if (report(cli, name, rc, "intact", &err) != LIKEN_OK)
        return LK_EXIT_FAILED;
    return rc == LIKEN_OK ? LK_EXIT_DONE : lk_cli_failed(cli, &err);
}

static int verify_installed(const lk_cli *cli) {
    liken_error err = {0};
    liken_pack *packs = NULL;
    size_t count = 0, installed = 0;
    if (liken_pack_list(folder_of(cli), &packs, &count, &err) != LIKEN_OK)
        return lk_cli_failed(cli, &err);
    int code = LK_EXIT_DONE;
    for (size_t i = 0; i < count; i++) {
        if (!packs[i].installed)
            continue;
        installed++;
        if (verify_one(cli, packs[i].name) != LK_EXIT_DONE)
            code = LK_EXIT_FAILED;
    }
    liken_packs_free(packs, count);
    if (installed == 0) {
        lk_message("liken models: no pack is installed; liken models install fetches them.");
        return LK_EXIT_FAILED;
    }
    return code;
}

static int verify(const lk_cli *cli) {
    int code = cli->count == 0 ? verify_installed(cli) : LK_EXIT_DONE;
    for (size_t i = 0; i < cli->count; i++)
        if (verify_one(cli, cli->words[i]) != LK_EXIT_DONE)
            code = LK_EXIT_FAILED;
    return code;
}

/* ---- calibrate ---- */

static int print_curve(const lk_cli *cli, const char *metric, const lk_curve *c, liken_error *err) {
    json_t *points = json_array();
    if (!cli->json)
        (void)printf("%s: threshold %.4f, where one pair of strangers in %.0f matches\n%10s %10s %10s\n", metric,
                     (double)c->threshold, 1 / c->rate, "distance", "strangers", "same");
    for (size_t i = 0; i < c->count; i++) {
        const liken_curve_point *p = &c->points[i];
        if (!cli->json)
            (void)printf("%10.4f %10.6f %10.4f\n", (double)p->distance, p->false_matches, p->true_matches);
        (void)json_array_append_new(points, json_pack("{s:f, s:f, s:f}", "distance", (double)p->distance, "fmr",
                                                      p->false_matches, "tmr", p->true_matches));
    }
    json_t *json =
        json_pack("{s:s, s:f, s:f, s:I, s:I, s:o}", "metric", metric, "threshold", (double)c->threshold, "fmr", c->rate,
                  "same", (json_int_t)c->same, "strangers", (json_int_t)c->strangers, "points", points);
    if (cli->json)
        return lk_cli_print(json, err);
    json_decref(json);
    return LIKEN_OK;
}

static int make_curves(lk_subjects *s, lk_curve curves[2], liken_error *err) {
    int rc = lk_curve_make(&curves[LIKEN_L2], s->pairs, s->subjects, err);
    lk_subjects_normalize(s);
    return rc == LIKEN_OK ? lk_curve_make(&curves[LIKEN_NORMALIZED], s->pairs, s->subjects, err) : rc;
}

/* Fails for a pack that has curves already, before photos are described in vain. */
static int check_own(const lk_cli *cli, const char *name, liken_error *err) {
    liken_pack *packs = NULL;
    size_t count = 0;
    int rc = liken_pack_list(folder_of(cli), &packs, &count, err);
    for (size_t i = 0; rc == LIKEN_OK && i < count; i++)
        if (packs[i].known && strcmp(packs[i].name, name) == 0)
            rc = liken_pack_calibrate(folder_of(cli), name, &(liken_curve){0}, &(liken_curve){0}, lk_cli_call(), err);
    liken_packs_free(packs, count);
    return rc;
}

static int calibrate(const lk_cli *cli) {
    liken_error err = {0};
    lk_subjects seen = {0};
    lk_curve curves[2] = {0};
    liken_options options = lk_cli_options(cli, false);
    options.pack = cli->words[0];
    int rc = check_own(cli, options.pack, &err);
    if (rc == LIKEN_OK)
        rc = lk_subjects_read(&seen, cli, cli->words[1], &options, &err);
    if (rc == LIKEN_OK)
        rc = make_curves(&seen, curves, &err);
    lk_subjects_clear(&seen);
    const liken_curve given[] = {{curves[0].threshold, curves[0].points, curves[0].count},
                                 {curves[1].threshold, curves[1].points, curves[1].count}};
    if (rc == LIKEN_OK)
        rc = liken_pack_calibrate(folder_of(cli), options.pack, &given[LIKEN_NORMALIZED], &given[LIKEN_L2],
                                  lk_cli_call(), &err);
    for (int i = 0; rc == LIKEN_OK && i < 2; i++)
        rc = print_curve(cli, liken_metric_code((liken_metric)i), &curves[i], &err);
    if (rc == LIKEN_OK)
        return LK_EXIT_DONE;
    return rc == LIKEN_E_ARG ? (void)lk_cli_failed(cli, &err), LK_EXIT_FAILED : lk_cli_failed(cli, &err);
}

int lk_cmd_models(const lk_cli *cli) {
    static const lk_verb verbs[] = {{"list", 0, 0, list},
                                    {"install", 0, LK_ANY, install},
                                    {"verify", 0, LK_ANY, verify},
                                    {"calibrate", 2, 2, calibrate}};
    return lk_cli_verb(cli, verbs, LK_LENGTH(verbs));
}
