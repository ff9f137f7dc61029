/* subjects.c - see subjects.h. */
#include "cli/subjects.h"

#include "base/buf.h"
#include "base/cpu.h"
#include "base/vector.h"
#include "cli/batch.h"
#include "cli/caller.h"
#include "cli/interrupt.h"
#include "cli/message.h"
#include "eval/csv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int work(void *ctx, const lk_path *path, const liken_mark *mark, const char *bytes, size_t size,
                liken_image **out, liken_error *err) {
    (void)path;
    (void)mark;
    const lk_subjects *e = ctx;
    const liken_detect_options options = {.size = sizeof(liken_detect_options), .describe = true, .pack = e->pack};
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

static int keep(lk_subjects *e, lk_subject *s, const liken_face *face, liken_error *err) {
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
    return LIKEN_OK;
}

static int remember_model(lk_subjects *e, const liken_image *image, liken_error *err) {
    if (e->model != NULL)
        return LIKEN_OK;
    e->model = strdup(image->model == NULL ? "" : image->model);
    e->detector = strdup(image->detector == NULL ? "" : image->detector);
    return e->model == NULL || e->detector == NULL ? lk_fail_memory(err) : LIKEN_OK;
}

static int done(void *ctx, const lk_outcome *o, liken_error *err) {
    lk_subjects *e = ctx;
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

static int read_pairs(lk_subjects *e, const char *file, liken_error *err) {
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
static int make_paths(lk_subjects *e, const char *csv, liken_error *err) {
    const char *slash = strrchr(csv, '/');
    const lk_pairs *p = e->pairs;
    LK_FREE char *folder = slash == NULL ? strdup(".") : strndup(csv, slash == csv ? 1 : (size_t)(slash - csv));
    e->paths = calloc(p->file_count, sizeof *e->paths);
    e->subjects = calloc(p->file_count, sizeof *e->subjects);
    if (folder == NULL || e->paths == NULL || e->subjects == NULL)
        return lk_fail_memory(err);
    for (size_t i = 0; i < p->file_count; i++) {
        e->paths[i].name = p->files[i][0] == '/' ? strdup(p->files[i]) : lk_path_join(folder, p->files[i]);
        if (e->paths[i].name == NULL)
            return lk_fail_memory(err);
    }
    return LIKEN_OK;
}

static int describe(lk_subjects *e, const lk_config *c, liken_error *err) {
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

int lk_subjects_read(lk_subjects *s, const lk_cli *cli, const char *csv, const liken_options *options,
                     liken_error *err) {
    *s = (lk_subjects){.pack = options->pack};
    liken_options without = *options;
    without.no_store = true;
    int rc = read_pairs(s, csv, err);
    if (rc == LIKEN_OK)
        rc = make_paths(s, csv, err);
    if (rc == LIKEN_OK)
        rc = liken_open(&s->lk, &without, lk_cli_call(), err);
    return rc == LIKEN_OK ? describe(s, cli->config, err) : rc;
}

void lk_subjects_normalize(lk_subjects *s) {
    for (size_t i = 0; i < s->pairs->file_count; i++) {
        lk_subject *one = &s->subjects[i];
        if (one->vector != NULL)
            (void)lk_vector_normalize(one->vector, (size_t)one->dimension, one->vector);
    }
}

void lk_subjects_clear(lk_subjects *s) {
    for (size_t i = 0; s->pairs != NULL && i < s->pairs->file_count; i++) {
        if (s->paths != NULL)
            free(s->paths[i].name);
        if (s->subjects != NULL)
            free(s->subjects[i].vector);
    }
    free(s->paths);
    free(s->subjects);
    free(s->model);
    free(s->detector);
    lk_pairs_free(s->pairs);
    liken_free(s->lk);
}
