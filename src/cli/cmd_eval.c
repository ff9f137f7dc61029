/* cmd_eval.c - liken eval: a CSV file of pairs of photos becomes rates. Each photo is described once, whatever the
 * number of pairs it is in; eval/ counts, report_text.c shows. Nothing is stored. */
#include "wire/json.h"
#include "base/buf.h"
#include "base/cpu.h"
#include "base/vector.h"
#include "cli/batch.h"
#include "cli/caller.h"
#include "cli/cli.h"
#include "eval/csv.h"
#include "cli/interrupt.h"
#include "cli/message.h"
#include "cli/report_text.h"

#include <stdio.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct evaluation {
    const lk_cli *cli;
    liken *lk;
    lk_pairs *pairs;
    lk_subject *subjects; /* of each file */
    lk_path *paths;       /* of each file, from the CSV file's folder */
    lk_report *reports;   /* of each source */
    size_t unreadable, without_face;
    int dimension;
    char *model, *detector; /* that made the descriptors */
} evaluation;

static int work(void *ctx, const lk_path *path, const liken_mark *mark, const char *bytes, size_t size,
                liken_image **out, liken_error *err) {
    (void)path;
    (void)mark;
    const evaluation *e = ctx;
    const liken_detect_options options = {
        .size = sizeof(liken_detect_options), .describe = true, .pack = lk_config_text(e->cli->config, LK_SET_PACK)};
    return liken_detect(e->lk, lk_cli_call(), bytes, size, &options, out, err);
}

/* Of the faces at least half as tall as the tallest, the one nearest the centre; NULL when there is none. */
static const liken_face *subject_of(const liken_image *image) {
    const liken_face *best = NULL;
    float tallest = 0, nearest = INFINITY;
    for (size_t i = 0; i < image->face_count; i++)
        tallest = fmaxf(tallest, image->faces[i].box.height);
    for (size_t i = 0; i < image->face_count; i++) {
        const liken_face *f = &image->faces[i];
        const float dx = f->box.x + f->box.width / 2 - (float)image->width / 2;
        const float dy = f->box.y + f->box.height / 2 - (float)image->height / 2;
        if (f->descriptor != NULL && f->box.height * 2 >= tallest && hypotf(dx, dy) < nearest) {
            nearest = hypotf(dx, dy);
            best = f;
        }
    }
    return best;
}

static int keep(evaluation *e, lk_subject *s, const liken_face *face, liken_error *err) {
    if (e->dimension == 0)
        e->dimension = face->dimension;
    if (face->dimension != e->dimension)
        return lk_fail(err, LIKEN_E_MISMATCH, "Descriptors of %d and of %d numbers cannot be compared.", e->dimension,
                       face->dimension);
    s->vector = malloc((size_t)face->dimension * sizeof *s->vector);
    if (s->vector == NULL)
        return lk_fail_memory(err);
    memcpy(s->vector, face->descriptor, (size_t)face->dimension * sizeof *s->vector);
    s->dimension = face->dimension;
    if (lk_config_choice(e->cli->config, LK_SET_METRIC) == LIKEN_NORMALIZED)
        (void)lk_vector_normalize(s->vector, (size_t)s->dimension, s->vector);
    return LIKEN_OK;
}

static int remember_model(evaluation *e, const liken_image *image, liken_error *err) {
    if (e->model != NULL)
        return LIKEN_OK;
    e->model = strdup(image->model == NULL ? "" : image->model);
    e->detector = strdup(image->detector == NULL ? "" : image->detector);
    return e->model == NULL || e->detector == NULL ? lk_fail_memory(err) : LIKEN_OK;
}

static int done(void *ctx, const lk_outcome *o, liken_error *err) {
    evaluation *e = ctx;
    lk_subject *s = &e->subjects[o->index];
    s->seconds = o->seconds;
    if (o->rc == LIKEN_E_MODEL || o->rc == LIKEN_E_MEMORY) {
        *err = o->err;
        return o->rc;
    }
    if (o->rc != LIKEN_OK) {
        s->unreadable = true;
        e->unreadable++;
        lk_outcome_say(o);
        return LIKEN_OK;
    }
    s->faces = (int)o->image->face_count;
    const int rc = remember_model(e, o->image, err);
    if (rc != LIKEN_OK)
        return rc;
    const liken_face *face = subject_of(o->image);
    if (face != NULL)
        return keep(e, s, face, err);
    LK_FREE char *name = lk_printable(o->path->name);
    lk_message("%s: no usable face was found.", name == NULL ? "?" : name);
    e->without_face++;
    return LIKEN_OK;
}

static int read_pairs(evaluation *e, liken_error *err) {
    const char *file = e->cli->words[0];
    char *text = NULL;
    size_t size = 0;
    int rc = lk_file_read(file, LK_CSV_BYTES, &text, &size, err);
    if (rc != LIKEN_OK)
        return rc;
    rc = lk_pairs_read(&e->pairs, text, size, err);
    if (rc != LIKEN_OK)
        lk_error_prefix(err, "%s", file);
    return rc;
}

/* Every file name as seen from here. */
static int make_paths(evaluation *e, liken_error *err) {
    const char *csv = e->cli->words[0], *slash = strrchr(csv, '/');
    const lk_pairs *p = e->pairs;
    LK_FREE char *folder = slash == NULL ? strdup(".") : strndup(csv, slash == csv ? 1 : (size_t)(slash - csv));
    e->paths = calloc(p->file_count, sizeof *e->paths);
    e->subjects = calloc(p->file_count, sizeof *e->subjects);
    e->reports = calloc(p->source_count, sizeof *e->reports);
    if (folder == NULL || e->paths == NULL || e->subjects == NULL || e->reports == NULL)
        return lk_fail_memory(err);
    for (size_t i = 0; i < p->file_count; i++) {
        e->paths[i].name = p->files[i][0] == '/' ? strdup(p->files[i]) : lk_path_join(folder, p->files[i]);
        if (e->paths[i].name == NULL)
            return lk_fail_memory(err);
    }
    return LIKEN_OK;
}

static int describe(evaluation *e, liken_error *err) {
    const lk_config *c = e->cli->config;
    const int threads = (int)lk_config_number(c, LK_SET_THREADS);
    const lk_batch batch = {.paths = e->paths,
                            .count = e->pairs->file_count,
                            .threads = threads > 0 ? threads : lk_cpu_count(),
                            .max_file = lk_config_size(c, LK_SET_MAX_FILE),
                            .work = work,
                            .done = done,
                            .ctx = e};
    size_t handed = 0;
    lk_interrupt_arm();
    return lk_batch_run(&batch, &handed, err);
}

/* What was measured; 0 on success, like jansson's own. */
static int name_model(const evaluation *e, json_t *report) {
    const liken_metric metric = (liken_metric)lk_config_choice(e->cli->config, LK_SET_METRIC);
    return json_object_set_new(report, "metric", json_string(liken_metric_code(metric))) |
           json_object_set_new(report, "model", lk_json_text(e->model)) |
           json_object_set_new(report, "detector", lk_json_text(e->detector));
}

static int print_json(const evaluation *e, liken_error *err) {
    json_t *list = json_array();
    for (size_t i = 0; i < e->pairs->source_count; i++) {
        json_t *report = lk_report_json(&e->reports[i], e->pairs, e->subjects, (uint16_t)i);
        if (name_model(e, report) != 0) {
            json_decref(report);
            report = NULL; /* which the list refuses */
        }
        if (json_array_append_new(list, report) != 0) {
            json_decref(list);
            return lk_fail_memory(err);
        }
    }
    return lk_cli_print(list, err);
}

static int write_curve(const evaluation *e, const char *path, liken_error *err) {
    LK_FREE char *svg = NULL;
    size_t size = 0;
    const int rc = lk_report_svg(e->reports, e->pairs->source_count, &svg, &size, err);
    return rc == LIKEN_OK ? lk_file_write(path, svg, size, err) : rc;
}

static int report(evaluation *e, liken_error *err) {
    int rc = LIKEN_OK;
    for (size_t i = 0; rc == LIKEN_OK && i < e->pairs->source_count; i++)
        rc = lk_report_make(&e->reports[i], e->pairs, e->subjects, (uint16_t)i, err);
    if (rc == LIKEN_OK && e->cli->json)
        rc = print_json(e, err);
    else if (rc == LIKEN_OK)
        lk_report_print(e->reports, e->pairs->source_count);
    const char *det = lk_config_text(e->cli->config, LK_SET_DET);
    return rc == LIKEN_OK && det != NULL ? write_curve(e, det, err) : rc;
}

static void free_evaluation(evaluation *e) {
    for (size_t i = 0; e->pairs != NULL && i < e->pairs->file_count; i++) {
        if (e->paths != NULL)
            free(e->paths[i].name);
        if (e->subjects != NULL)
            free(e->subjects[i].vector);
    }
    free(e->paths);
    free(e->subjects);
    free(e->reports);
    free(e->model);
    free(e->detector);
    lk_pairs_free(e->pairs);
    liken_free(e->lk);
}

int lk_cmd_eval(const lk_cli *cli) {
    liken_error err = {0};
    evaluation e = {.cli = cli};
    int rc = read_pairs(&e, &err);
    if (rc == LIKEN_OK)
        rc = make_paths(&e, &err);
    if (rc == LIKEN_OK)
        rc = lk_cli_open_models(cli, &e.lk, &err);
    if (rc == LIKEN_OK)
        rc = describe(&e, &err);
    if (rc == LIKEN_OK)
        rc = report(&e, &err);
    if (rc == LIKEN_OK && e.without_face + e.unreadable > 0)
        lk_message(
            "%zu files without a usable face, %zu that could not be read; pairs with one count as errors in accuracy "
            "and TMR, and are left out of accuracy (used).",
            e.without_face, e.unreadable);
    const size_t unreadable = e.unreadable;
    free_evaluation(&e);
    if (rc != LIKEN_OK)
        return rc == LIKEN_E_ARG ? (void)lk_cli_failed(cli, &err), LK_EXIT_FAILED : lk_cli_failed(cli, &err);
    return unreadable > 0 ? LK_EXIT_FAILED : LK_EXIT_DONE;
}
