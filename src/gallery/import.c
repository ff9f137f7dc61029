/* Copying a table of the legacy system into a collection: its descriptors as they are, or, with `reencode`, the photos
 * that its rows name, looked at anew.
 *
 * A row becomes a photo of one face. It is known again by a hash of what the row says, which stands where other photos
 * have the hash of their bytes; so an import that was interrupted is taken up by the same call, and nothing is there
 * twice. A page of rows is worked on by several threads: with the store's group commit that makes few transactions of
 * it. */
#include "gallery/gallery_int.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/sized.h"
#include "store/codec.h"
#include "store/legacy/reader.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define LEGACY_PACK "seed"
#define LEGACY_COLLECTION "seed"
#define WRITERS 64
#define KEY_MAX ((size_t)1 << 20)

typedef enum { ADDED, EXISTED, UNUSABLE, FAILED } outcome;

struct import {
    liken *lk;
    const liken_import_options *options;
    const char *name; /* of the collection */
    liken_collection *collection;
    char model[128];
    const liken_call *call; /* of the thread that imports */
    liken_import_count count;
};

/* A portion of a page of rows on its way. */
struct page {
    struct import *import;
    const lk_legacy_entry *rows;
    size_t count;
    _Atomic size_t next;
    outcome outcomes[LK_LEGACY_PAGE];
    liken_error errors[LK_LEGACY_PAGE]; /* UNUSABLE and FAILED */
};

/* ---- a row as it is ---- */

/* A row's own hash: another row, or the same one with other content, has another. */
static int row_key(const lk_legacy_entry *row, char out[LK_SHA256_HEX], liken_error *err) {
    lk_buf b;
    lk_buf_init(&b, KEY_MAX);
    const char *file = row->file == NULL ? "" : row->file, *image_id = row->image_id == NULL ? "" : row->image_id;
    int rc = lk_buf_format(&b, err, "liken: a row of the seed\n%" PRId64 "\n%zu %zu\n", row->id, strlen(file),
                           strlen(image_id));
    if (rc == LIKEN_OK)
        rc = lk_buf_string(&b, file, err);
    if (rc == LIKEN_OK)
        rc = lk_buf_string(&b, image_id, err);
    if (rc == LIKEN_OK)
        rc = lk_buf_append(&b, row->descriptor, sizeof row->descriptor, err);
    if (rc == LIKEN_OK)
        lk_sha256_hex(b.data, b.size, out);
    lk_buf_free(&b);
    return rc;
}

static bool copy(char **to, const char *text) {
    *to = text == NULL ? NULL : strdup(text);
    return text == NULL || *to != NULL;
}

static int image_of(const struct import *m, const lk_legacy_entry *row, liken_image **out, liken_error *err) {
    const int fit = lk_store_text("file label", row->file, LK_LABEL_BYTES, err);
    if (fit != LIKEN_OK)
        return fit;
    liken_image *image = calloc(1, sizeof *image);
    liken_face *face = image == NULL ? NULL : calloc(1, sizeof *face);
    float *descriptor = face == NULL ? NULL : malloc(sizeof row->descriptor);
    if (descriptor == NULL) {
        free(face);
        free(image);
        return lk_fail_memory(err);
    }
    memcpy(descriptor, row->descriptor, sizeof row->descriptor);
    *face = (liken_face){.descriptor = descriptor, .dimension = (int)LK_LENGTH(row->descriptor)};
    image->faces = face;
    image->face_count = 1;
    image->captured_at = LIKEN_NO_TIME;
    image->added_at = lk_clock_now();
    const bool ok = (row->file == NULL || lk_image_label(image, row->file, LIKEN_LABEL_SHARED, NULL, NULL)) &&
                    (row->image_id == NULL || lk_image_id(image, row->image_id)) && copy(&image->model, m->model) &&
                    copy(&image->detector, "hog");
    const int rc = ok ? row_key(row, image->sha256, err) : lk_fail_memory(err);
    if (rc != LIKEN_OK) {
        liken_image_free(image);
        return rc;
    }
    *out = image;
    return LIKEN_OK;
}

static int take_row(struct import *m, const lk_legacy_entry *row, outcome *what, liken_error *err) {
    liken_image *image = NULL, *existing = NULL;
    int rc = image_of(m, row, &image, err);
    if (rc == LIKEN_OK)
        rc = m->lk->store->ops->images->add(m->lk->store, m->collection->id, image, false, &existing, err);
    *what = rc != LIKEN_OK ? FAILED : existing != NULL ? EXISTED : ADDED;
    if (rc == LIKEN_E_ARG || rc == LIKEN_E_TOO_LARGE) /* its labels */
        *what = UNUSABLE;
    liken_image_free(image);
    liken_image_free(existing);
    return rc;
}

/* ---- the photo a row names ---- */

static int read_photo(const struct import *m, const char *file, char **bytes, size_t *size, liken_error *err) {
    const size_t most = m->lk->limits.max_bytes == 0 ? LK_DEFAULT_FILE_BYTES : m->lk->limits.max_bytes;
    if (file == NULL || *file == '\0')
        return lk_fail(err, LIKEN_E_ARG, "it names no file");
    if (strstr(file, "://") != NULL)
        return lk_fail(err, LIKEN_E_ARG,
                       "%.200s is an address, and liken reads files only: download the photo and add it with liken add",
                       file);
    return lk_file_read(file, most, bytes, size, err);
}

static int reencode(struct import *m, const lk_legacy_entry *row, outcome *what, liken_error *err) {
    LK_FREE char *bytes = NULL;
    size_t size = 0;
    liken_image *image = NULL;
    const liken_add_options o = {.size = sizeof(liken_add_options),
                                 .collection = m->name,
                                 .image_id = row->image_id,
                                 .file = row->file,
                                 .file_kind = LIKEN_LABEL_SHARED,
                                 .require_face = true};
    int rc = read_photo(m, row->file, &bytes, &size, err);
    if (rc == LIKEN_OK)
        rc = liken_add(m->lk, lk_call_now(), bytes, size, &o, &image, err);
    *what = rc == LIKEN_OK ? (image->existed ? EXISTED : ADDED) : UNUSABLE;
    if (rc == LIKEN_E_STORE || rc == LIKEN_E_BUSY || rc == LIKEN_E_MEMORY || rc == LIKEN_E_MODEL ||
        rc == LIKEN_E_MISMATCH)
        *what = FAILED;
    liken_image_free(image);
    return rc;
}

/* ---- pages ---- */

static void take_one(struct page *p, size_t i) {
    const lk_legacy_entry *row = &p->rows[i];
    p->errors[i] = (liken_error){0};
    if (p->import->options->reencode) {
        (void)reencode(p->import, row, &p->outcomes[i], &p->errors[i]);
    } else if (row->unfit != NULL) {
        p->outcomes[i] = UNUSABLE;
        (void)lk_fail(&p->errors[i], LIKEN_E_ARG, "%s", row->unfit);
    } else {
        (void)take_row(p->import, row, &p->outcomes[i], &p->errors[i]);
    }
}

/* For the call of the thread that imports. */
static void *work(void *arg) {
    struct page *p = arg;
    lk_call k;
    liken_error why = {0};
    int rc = lk_call_begin(&k, p->import->call, &why);
    for (size_t i; (i = atomic_fetch_add(&p->next, 1)) < p->count;) {
        if (rc == LIKEN_OK)
            rc = lk_call_check(&why);
        if (rc == LIKEN_OK) {
            take_one(p, i);
        } else {
            p->outcomes[i] = FAILED;
            p->errors[i] = why;
        }
    }
    lk_call_end(&k);
    return NULL;
}

/* On as many threads as can be had, this one among them. */
static void work_together(struct page *p, int threads) {
    pthread_t others[WRITERS];
    int started = 0;
    while (started + 1 < threads && (size_t)started + 1 < p->count &&
           pthread_create(&others[started], NULL, work, p) == 0)
        started++;
    (void)work(p);
    for (int i = 0; i < started; i++)
        (void)pthread_join(others[i], NULL);
}

static void tell_of(const liken_import_count *n, int64_t row, const char *why) {
    lk_call_tell(&(liken_progress){.what = "rows",
                                   .message = why,
                                   .verdict = why == NULL ? LIKEN_GOOD : LIKEN_BAD,
                                   .row = row,
                                   .done = n->read,
                                   .total = n->total,
                                   .added = n->added});
}

/* Counts and tells; the first fault of the store ends the import. */
static int tell(struct page *p, liken_error *err) {
    struct import *m = p->import;
    int rc = LIKEN_OK;
    for (size_t i = 0; i < p->count; i++) {
        if (p->outcomes[i] == FAILED && rc == LIKEN_OK) {
            rc = p->errors[i].code;
            if (err != NULL)
                *err = p->errors[i];
        }
        if (p->outcomes[i] == FAILED)
            continue;
        m->count.read++;
        m->count.added += p->outcomes[i] == ADDED;
        m->count.existed += p->outcomes[i] == EXISTED;
        m->count.unusable += p->outcomes[i] == UNUSABLE;
        if (p->outcomes[i] == UNUSABLE)
            tell_of(&m->count, p->rows[i].id, p->errors[i].message);
    }
    tell_of(&m->count, 0, NULL);
    return rc;
}

/* In portions, after each of which it may be told to stop: photos take their time. */
static int take_page(struct page *p, const lk_legacy_entry *rows, size_t count, liken_error *err) {
    const struct import *m = p->import;
    const int most = m->options->reencode ? m->lk->threads : WRITERS;
    const int threads = most < WRITERS ? most : WRITERS;
    const size_t portion = m->options->reencode ? 2 * (size_t)threads : LK_LEGACY_PAGE;
    int rc = LIKEN_OK;
    for (size_t i = 0; rc == LIKEN_OK && i < count; i += portion) {
        p->rows = rows + i;
        p->count = count - i < portion ? count - i : portion;
        atomic_store(&p->next, 0);
        work_together(p, threads);
        rc = tell(p, err);
        if (rc == LIKEN_OK)
            rc = lk_call_check(err);
    }
    return rc;
}

static int copy_all(struct import *m, lk_legacy_reader *reader, liken_error *err) {
    LK_FREE struct page *p = calloc(1, sizeof *p);
    if (p == NULL)
        return lk_fail_memory(err);
    p->import = m;
    for (;;) {
        const lk_legacy_entry *rows;
        size_t count;
        int rc = lk_legacy_reader_next(reader, &rows, &count, err);
        if (rc != LIKEN_OK || count == 0)
            return rc;
        rc = take_page(p, rows, count, err);
        if (rc == LIKEN_E_CANCELLED || rc == LIKEN_E_DEADLINE)
            return lk_fail(err, rc, "The import was stopped%s; what was read is kept.",
                           rc == LIKEN_E_DEADLINE ? " at its deadline" : "");
        if (rc != LIKEN_OK)
            return rc;
    }
}

/* ---- the collection ---- */

static int legacy_model(struct import *m, liken_error *err) {
    lk_engine *e;
    const int rc = lk_gallery_engine(m->lk, LEGACY_PACK, &e, err);
    if (rc == LIKEN_OK)
        memcpy(m->model, lk_models_id(e->models), strlen(lk_models_id(e->models)) + 1);
    return rc;
}

static int check_model(const struct import *m, liken_error *err) {
    if (m->options->reencode || strcmp(m->collection->model, m->model) == 0)
        return LIKEN_OK;
    return lk_fail(err, LIKEN_E_MISMATCH,
                   "Collection \"%s\" holds descriptors of model %s, and the legacy rows are of %s; they cannot be "
                   "compared. Import into a collection of their own, or use reencode.",
                   m->name, m->collection->model, m->model);
}

/* Found, or made: with the legacy system's model and its raw distances, or for new descriptors as any other. */
static int open_collection(struct import *m, liken_error *err) {
    const bool anew = m->options->reencode;
    int rc = anew ? LIKEN_OK : legacy_model(m, err);
    if (rc == LIKEN_OK)
        rc = lk_gallery_collection(m->lk, m->name, &m->collection, err);
    if (rc == LIKEN_E_NOT_FOUND)
        rc = liken_collection_create(m->lk, lk_call_now(), m->name, anew ? NULL : LEGACY_PACK,
                                     anew ? LIKEN_NORMALIZED : LIKEN_L2, LIKEN_SEARCH_AUTO, LIKEN_KEEP_THUMBNAIL,
                                     &m->collection, err);
    return rc == LIKEN_OK ? check_model(m, err) : rc;
}

int liken_import(liken *lk, const liken_call *call, const liken_import_options *options, liken_import_count *out,
                 liken_error *err) {
    liken_import_options o;
    struct import m = {.lk = lk, .options = &o, .call = call};
    lk_legacy_reader *reader = NULL;
    lk_call k;
    int rc = lk_gallery_enter(lk, &k, call, err);
    if (rc == LIKEN_OK)
        rc = lk_sized_take(&o, sizeof o, options, "liken_import_options", err);
    if (rc == LIKEN_OK)
        rc = lk_gallery_may_write(lk, err);
    if (rc == LIKEN_OK) {
        m.name = o.collection != NULL ? o.collection : o.reencode ? LK_DEFAULT_COLLECTION : LEGACY_COLLECTION;
        rc = lk_legacy_reader_open(&reader, o.from, o.table, &m.count.total, err);
    }
    if (rc == LIKEN_OK)
        rc = open_collection(&m, err);
    if (rc == LIKEN_OK) {
        rc = copy_all(&m, reader, err);
        lk_gallery_sync_after_write(lk);
        *out = m.count;
    }
    lk_gallery_leave(lk, &k);
    liken_collection_free(m.collection);
    lk_legacy_reader_free(reader);
    return rc;
}
