#include "cli/sheet.h"

#include "base/buf.h"
#include "cli/interrupt.h"
#include "cli/message.h"
#include "cli/photo_file.h"
#include "cli/caller.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct drawing {
    const lk_cli *cli;
    liken *lk;
    const liken_result *result;
    liken_sheet *sheet;
    size_t cells, shown, matches, empty; /* of the sheet; matches on it; of; frames without a photo */
} drawing;

static const char *name_of(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash == NULL || slash[1] == '\0' ? path : slash + 1;
}

/* One whose bytes are no photo any more has an empty frame as well. */
static int add_cell(drawing *d, liken_cell *cell, liken_error *err) {
    liken_error why = {0};
    const int rc = liken_sheet_add(d->sheet, lk_cli_call(), cell, &why);
    d->cells++;
    if (rc == LIKEN_OK || cell->bytes == NULL || rc == LIKEN_E_MEMORY) {
        if (rc != LIKEN_OK && err != NULL)
            *err = why;
        return rc;
    }
    cell->bytes = NULL;
    cell->why = why.message;
    return liken_sheet_add(d->sheet, lk_cli_call(), cell, err);
}

static int add_query(drawing *d, const char *path, const liken_box *box, liken_error *err) {
    LK_FREE char *bytes = NULL;
    size_t size = 0;
    liken_error why = {0};
    const char *lines[] = {"searched for", name_of(path)};
    liken_cell cell = {.box = box, .lines = lines, .line_count = LK_LENGTH(lines)};
    if (lk_file_read(path, lk_config_size(d->cli->config, LK_SET_MAX_FILE), &bytes, &size, &why) == LIKEN_OK) {
        cell.bytes = bytes;
        cell.size = size;
    } else {
        cell.why = why.message;
    }
    return add_cell(d, &cell, err);
}

static int add_match(drawing *d, const liken_match *m, size_t rank, liken_error *err) {
    char distance[48], similarity[48];
    const char *name = m->file != NULL ? name_of(m->file) : m->image_id;
    const char *lines[] = {distance, similarity, name == NULL ? "" : name};
    liken_cell cell = {.box = &m->box, .lines = lines, .line_count = LK_LENGTH(lines)};
    lk_photo_file file = {0};
    liken_image *image = NULL;
    liken_error gone = {0};
    const char *collection = lk_config_text(d->cli->config, LK_SET_COLLECTION);
    (void)snprintf(distance, sizeof distance, "#%zu  distance %.3f", rank, (double)m->distance);
    (void)snprintf(similarity, sizeof similarity, "similarity %.2f", (double)m->similarity);
    if (liken_image_get(d->lk, lk_cli_call(), collection, m->image, &image, &gone) != LIKEN_OK)
        cell.why = gone.message;
    else if (!lk_photo_file_read(image, lk_config_size(d->cli->config, LK_SET_MAX_FILE), &file))
        cell.why = file.why;
    cell.bytes = file.bytes;
    cell.size = file.size;
    const int rc = add_cell(d, &cell, err);
    d->shown += rc == LIKEN_OK;
    d->empty += cell.bytes == NULL;
    lk_photo_file_free(&file);
    liken_image_free(image);
    return rc;
}

/* Of the face in query photo `w` that answer `a` is of; NULL: there is none. */
static const liken_box *box_of(const drawing *d, const liken_answer *a, size_t w) {
    const liken_box *box = d->cli->count == 1 ? &a->face.box : &d->result->photos[w].face.box;
    return box->width > 0 ? box : NULL;
}

static int add_heading(drawing *d, size_t i, liken_error *err) {
    char text[320], matches[64];
    const liken_answer *a = &d->result->answers[i];
    if (a->total > (int64_t)a->match_count)
        (void)snprintf(matches, sizeof matches, "%zu of %lld matches", a->match_count, (long long)a->total);
    else
        (void)snprintf(matches, sizeof matches, "%zu %s", a->match_count, a->match_count == 1 ? "match" : "matches");
    if (d->cli->count == 1)
        (void)snprintf(text, sizeof text, "Face %zu of %zu in %.160s: %s", i + 1, d->result->answer_count,
                       name_of(d->cli->words[0]), matches);
    else
        (void)snprintf(text, sizeof text, "%zu photos of one person: %s", d->cli->count, matches);
    return liken_sheet_heading(d->sheet, text, err);
}

/* What was searched for, then what was found, while there is room. */
static int add_answer(drawing *d, size_t i, liken_error *err) {
    const liken_answer *a = &d->result->answers[i];
    int rc = add_heading(d, i, err);
    for (size_t w = 0; rc == LIKEN_OK && w < d->cli->count && d->cells < LIKEN_SHEET_PHOTOS; w++)
        rc = add_query(d, d->cli->words[w], box_of(d, a, w), err);
    for (size_t m = 0; rc == LIKEN_OK && m < a->match_count && d->cells < LIKEN_SHEET_PHOTOS; m++)
        rc = lk_interrupted() ? lk_fail(err, LIKEN_E_CANCELLED, "Interrupted; no contact sheet was written.")
                              : add_match(d, &a->matches[m], m + 1, err);
    return rc;
}

static int write_jpeg(const drawing *d, const char *path, liken_error *err) {
    LK_FREE void *jpeg = NULL;
    size_t size = 0;
    const int rc = liken_sheet_jpeg(d->sheet, &jpeg, &size, err);
    return rc == LIKEN_OK ? lk_file_write(path, jpeg, size, err) : rc;
}

int lk_sheet_write(const lk_cli *cli, liken *lk, const liken_result *r, const char *path, liken_error *err) {
    drawing d = {.cli = cli, .lk = lk, .result = r};
    int rc = liken_sheet_new(&d.sheet, lk, err);
    for (size_t i = 0; i < r->answer_count; i++)
        d.matches += r->answers[i].match_count;
    for (size_t i = 0; rc == LIKEN_OK && i < r->answer_count; i++)
        rc = add_answer(&d, i, err);
    if (rc == LIKEN_OK)
        rc = write_jpeg(&d, path, err);
    liken_sheet_free(d.sheet);
    LK_FREE char *where = lk_printable(path);
    if (rc == LIKEN_OK && d.empty > 0)
        lk_message("Of %zu %s there is an empty frame: the file is not there, or is another one now.", d.empty,
                   d.empty == 1 ? "match" : "matches");
    if (rc == LIKEN_OK && d.shown < d.matches)
        lk_message("The contact sheet %s shows %zu of %zu matches: it holds %d photos. --limit makes them fewer.",
                   where == NULL ? "?" : where, d.shown, d.matches, LIKEN_SHEET_PHOTOS);
    else if (rc == LIKEN_OK)
        lk_message("The contact sheet %s shows %zu %s.", where == NULL ? "?" : where, d.shown,
                   d.shown == 1 ? "match" : "matches");
    return rc;
}
