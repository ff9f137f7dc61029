/* The index on disk: sealed segments are files of their own (sealed.h), and `contents` names them, with their deletions
 * and with the rows that are not sealed yet. Only `contents` is replaced, whole and atomically, after what it names has
 * reached the disk; files that it does not name are removed. So a crash at any moment leaves the state before or after.
 *
 * contents: header | for each part: entry | (sealed: a bit a row, set when deleted) (open: ids, then vectors) |
 * CRC-32C.
 *
 * One process owns the folder (a lock on `owner`); others may read the cache, and then keep all they do in memory. */
#include "index/inner.h"

#include "base/buf.h"
#include "base/lock.h"
#include "base/log.h"
#include "kern/search/loops.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAGIC UINT64_C(0x746e6f436b6e4c) /* reads differently on a machine of the other byte order */
#define VERSION 1
#define CEILING ((size_t)4 << 30)
#define MAX_PARTS 65536
#define TRIES 4

typedef struct header {
    uint64_t magic;
    uint32_t version, dimension;
    lk_identity identity;
    int64_t change, last_id;
    uint64_t next_number, parts;
} header;

typedef struct entry {
    uint32_t sealed, crc; /* crc: that of the sealed file's header */
    uint64_t number, rows;
} entry;

/* ---- writing ------------------------------------------------------------------------------------------------------
 */

/* What is saved: a view of which every segment is held. */
typedef struct snapshot {
    header head;
    uint64_t state, building;
    lk_segment **segments;
    size_t *rows;
} snapshot;

static void release(lk_index *ix, snapshot *s) {
    pthread_mutex_lock(&ix->lock);
    for (size_t i = 0; s->segments != NULL && i < s->head.parts; i++)
        if (s->segments[i] != NULL && --s->segments[i]->refs == 0)
            lk_segment_free(s->segments[i]);
    pthread_mutex_unlock(&ix->lock);
    free(s->segments);
    free(s->rows);
}

/* Under the lock. */
static int hold(lk_index *ix, int64_t change, snapshot *s, liken_error *err) {
    LK_HELD(&ix->lock);
    lk_view *v = atomic_load(&ix->current);
    s->state = atomic_load(&v->state);
    s->building = ix->building;
    s->head = (header){.magic = MAGIC,
                       .version = VERSION,
                       .dimension = (uint32_t)ix->dimension,
                       .identity = ix->identity,
                       .change = change,
                       .last_id = ix->last_id,
                       .next_number = ix->next_number,
                       .parts = v->count};
    s->segments = calloc(v->count + 1, sizeof *s->segments);
    s->rows = calloc(v->count + 1, sizeof *s->rows);
    if (s->segments == NULL || s->rows == NULL)
        return lk_fail_memory(err);
    for (size_t i = 0; i < v->count; i++) {
        s->segments[i] = v->parts[i].segment;
        s->segments[i]->refs++;
        s->rows[i] = lk_view_rows(v, i, s->state);
    }
    return LIKEN_OK;
}

static int write_sealed(const lk_segment *g, uint64_t version, lk_buf *out, liken_error *err) {
    const entry e = {1, g->sealed->head.crc, g->sealed->head.number, g->count};
    int rc = lk_buf_append(out, &e, sizeof e, err);
    for (size_t first = 0; rc == LIKEN_OK && first < g->count; first += 64) {
        uint64_t word = 0;
        for (size_t r = first; r < g->count && r < first + 64; r++)
            word |= (uint64_t)!lk_segment_alive(g, r, version) << (r - first);
        rc = lk_buf_append(out, &word, sizeof word, err);
    }
    return rc;
}

/* Only the rows that are alive: what is deleted from an open segment leaves no trace. */
static int write_open(const lk_index *ix, const lk_segment *g, size_t rows, uint64_t version, lk_buf *out,
                      liken_error *err) {
    const entry e = {.rows = lk_segment_live(g, rows, version)};
    int rc = lk_buf_append(out, &e, sizeof e, err);
    for (size_t r = 0; rc == LIKEN_OK && r < rows; r++)
        if (lk_segment_alive(g, r, version))
            rc = lk_buf_append(out, &g->ids[r], sizeof g->ids[r], err);
    for (size_t r = 0; rc == LIKEN_OK && r < rows; r++)
        if (lk_segment_alive(g, r, version))
            rc = lk_buf_append(out, g->rows + r * g->stride, (size_t)ix->dimension * sizeof *g->rows, err);
    return rc;
}

static int write_contents(const lk_index *ix, const snapshot *s, lk_buf *out, liken_error *err) {
    const uint64_t version = lk_state_version(s->state);
    int rc = lk_buf_append(out, &s->head, sizeof s->head, err);
    for (size_t i = 0; rc == LIKEN_OK && i < s->head.parts; i++) {
        lk_segment *g = s->segments[i];
        if (g->sealed != NULL && !g->sealed->on_disk) {
            rc = lk_sealed_sync(g->sealed, err);
            g->sealed->on_disk = rc == LIKEN_OK; /* under ix->saving */
        }
        if (rc == LIKEN_OK)
            rc = g->sealed != NULL ? write_sealed(g, version, out, err)
                                   : write_open(ix, g, s->rows[i], version, out, err);
    }
    if (rc != LIKEN_OK)
        return rc;
    const uint32_t crc = lk_loops_get()->crc(0, out->data, out->size);
    return lk_buf_append(out, &crc, sizeof crc, err);
}

static bool named(const snapshot *s, uint64_t number) {
    if (number >= s->head.next_number || number == s->building)
        return true; /* made since, or being made */
    for (size_t i = 0; i < s->head.parts; i++)
        if (s->segments[i]->sealed != NULL && s->segments[i]->sealed->head.number == number)
            return true;
    return false;
}

static void remove_unnamed(const lk_index *ix, const snapshot *s) {
    DIR *folder = opendir(ix->folder);
    if (folder == NULL)
        return; /* what stays is removed another time */
    for (struct dirent *d; (d = readdir(folder)) != NULL;) {
        uint64_t number;
        int end = 0;
        if (strncmp(d->d_name, "contents.", strlen("contents.")) == 0) /* never renamed: its process was killed */
            (void)unlinkat(dirfd(folder), d->d_name, 0);
        if (sscanf(d->d_name, "%16" SCNx64 ".segment%n", &number, &end) == 1 && end > 0 && d->d_name[end] == '\0' &&
            !named(s, number))
            (void)unlinkat(dirfd(folder), d->d_name, 0);
    }
    closedir(folder);
}

static int save(lk_index *ix, snapshot *s, liken_error *err) {
    LK_FREE char *path = lk_path_join(ix->folder, "contents");
    if (path == NULL)
        return lk_fail_memory(err);
    lk_buf out;
    lk_buf_init(&out, CEILING);
    int rc = write_contents(ix, s, &out, err);
    if (rc == LIKEN_OK)
        rc = lk_file_write(path, out.data, out.size, err);
    if (rc == LIKEN_OK)
        remove_unnamed(ix, s);
    lk_buf_free(&out);
    return rc;
}

static int save_now(lk_index *ix, int64_t change, liken_error *err) {
    snapshot s = {0};
    pthread_mutex_lock(&ix->lock);
    int rc = lk_index_intact(ix, atomic_load(&ix->current), err);
    if (rc == LIKEN_OK)
        rc = hold(ix, change, &s, err);
    pthread_mutex_unlock(&ix->lock);
    if (rc == LIKEN_OK)
        rc = save(ix, &s, err);
    release(ix, &s);
    return rc;
}

int lk_index_save(lk_index *ix, int64_t change, liken_error *err) {
    pthread_mutex_lock(&ix->saving);
    const int rc = ix->folder != NULL ? save_now(ix, change, err) : LIKEN_OK;
    pthread_mutex_unlock(&ix->saving);
    return rc;
}

/* ---- reading ------------------------------------------------------------------------------------------------------
 */

typedef struct reader {
    const char *at;
    size_t left;
} reader;

/* The next `size` bytes, or NULL. */
static const void *next(reader *r, size_t size) {
    if (r->left < size)
        return NULL;
    const char *at = r->at;
    r->at += size;
    r->left -= size;
    return at;
}

static int short_of(liken_error *err) {
    return lk_fail(err, LIKEN_E_STORE, "its table of contents makes no sense");
}

static bool mark_deleted(lk_segment *g, const char *bits) {
    for (size_t r = 0; r < g->count; r++)
        if (bits[r / 8] >> (r % 8) & 1) {
            if (!lk_segment_prepare_delete(g))
                return false;
            lk_segment_mark(g, r, 0);
        }
    return true;
}

static int read_sealed(const lk_index *ix, const entry *e, const char *folder, reader *r, lk_segment **out,
                       liken_error *err) {
    const char *bits = e->rows >= 1 && e->rows <= LK_SEALED_MAX_ROWS ? next(r, (e->rows + 63) / 64 * 8) : NULL;
    if (bits == NULL)
        return short_of(err);
    LK_FREE char *path = lk_sealed_path(folder, e->number);
    lk_sealed *sealed = NULL;
    if (path == NULL)
        return lk_fail_memory(err);
    const int rc = lk_sealed_open(&sealed, path, &ix->identity, ix->dimension, err);
    if (rc != LIKEN_OK)
        return rc;
    if (sealed->head.crc != e->crc || sealed->head.rows != e->rows || sealed->head.number != e->number) {
        lk_sealed_free(sealed);
        return lk_fail(err, LIKEN_E_STORE, "its files are not of one time");
    }
    sealed->on_disk = true;
    *out = lk_segment_of(sealed);
    return *out != NULL && mark_deleted(*out, bits) ? LIKEN_OK : lk_fail_memory(err);
}

static int read_open(const lk_index *ix, const entry *e, reader *r, lk_segment **out, liken_error *err) {
    const size_t row = (size_t)ix->dimension * sizeof(float);
    if (e->rows == 0 || e->rows > LK_SEALED_MAX_ROWS)
        return short_of(err);
    const char *ids = next(r, e->rows * sizeof(int64_t)), *vectors = ids != NULL ? next(r, e->rows * row) : NULL;
    if (vectors == NULL)
        return short_of(err);
    *out = lk_segment_new(ix->dimension, e->rows);
    if (*out == NULL)
        return lk_fail_memory(err);
    for (size_t i = 0; i < e->rows; i++) { /* one by one: the bytes are not aligned */
        int64_t id;
        float v[LK_INDEX_MAX_DIMENSION];
        memcpy(&id, ids + i * sizeof id, sizeof id);
        memcpy(v, vectors + i * row, row);
        if (!lk_vector_usable(v, (size_t)ix->dimension))
            return lk_fail(err, LIKEN_E_STORE, "it holds a vector that no index takes");
        lk_segment_append(*out, &id, v, ix->dimension, 1);
    }
    return LIKEN_OK;
}

static int read_parts(const lk_index *ix, const char *folder, size_t parts, reader *r, lk_view *v, liken_error *err) {
    for (v->count = 0; v->count < parts;) {
        entry e;
        const void *bytes = next(r, sizeof e);
        if (bytes == NULL)
            return short_of(err);
        memcpy(&e, bytes, sizeof e);
        lk_segment *g = NULL;
        if (e.sealed == 0 && e.rows == 0) { /* an open segment that was deleted whole */
            parts--;
            continue;
        }
        const int rc = e.sealed != 0 ? read_sealed(ix, &e, folder, r, &g, err) : read_open(ix, &e, r, &g, err);
        if (g != NULL) {
            g->refs = 1;
            v->parts[v->count].segment = g;
            v->parts[v->count++].rows = g->count;
        }
        if (rc != LIKEN_OK)
            return rc;
    }
    return r->left == 0 ? LIKEN_OK : short_of(err);
}

static int check_header(const lk_index *ix, const header *h, const char *bytes, size_t size, liken_error *err) {
    uint32_t crc;
    memcpy(&crc, bytes + size - sizeof crc, sizeof crc);
    if (h->magic == MAGIC && h->version > VERSION)
        return lk_fail(err, LIKEN_E_STORE, "it was written by a newer liken");
    if (h->magic != MAGIC || h->version != VERSION || crc != lk_loops_get()->crc(0, bytes, size - sizeof crc))
        return lk_fail(err, LIKEN_E_STORE, "its table of contents is damaged");
    if (memcmp(&h->identity, &ix->identity, sizeof h->identity) != 0 || h->dimension != (uint32_t)ix->dimension)
        return lk_fail(err, LIKEN_E_STORE, "it belongs to another store or model");
    return h->parts <= MAX_PARTS ? LIKEN_OK : short_of(err);
}

/* A view of what `contents` names. */
static int load(const lk_index *ix, const char *folder, header *h, lk_view **out, liken_error *err) {
    LK_FREE char *path = lk_path_join(folder, "contents"), *bytes = NULL;
    size_t size = 0;
    if (path == NULL)
        return lk_fail_memory(err);
    int rc = lk_file_read(path, CEILING, &bytes, &size, err);
    if (rc != LIKEN_OK)
        return rc;
    if (size < sizeof *h + sizeof(uint32_t))
        return short_of(err);
    memcpy(h, bytes, sizeof *h);
    rc = check_header(ix, h, bytes, size, err);
    if (rc != LIKEN_OK)
        return rc;
    lk_view *v = lk_view_new(h->parts);
    if (v == NULL)
        return lk_fail_memory(err);
    reader r = {bytes + sizeof *h, size - sizeof *h - sizeof(uint32_t)};
    rc = read_parts(ix, folder, h->parts, &r, v, err);
    if (rc != LIKEN_OK) {
        lk_view_free(v);
        return rc;
    }
    *out = v;
    return LIKEN_OK;
}

static void adopt(lk_index *ix, const header *h, lk_view *v) {
    size_t live = 0;
    for (size_t i = 0; i < v->count; i++)
        live += v->parts[i].segment->count - v->parts[i].segment->deleted;
    /* version 1: what was marked with 0 is gone for every reader */
    atomic_init(&v->state, lk_state_of(1, v->count > 0 ? v->parts[v->count - 1].rows : 0));
    lk_view_free(atomic_exchange(&ix->current, v));
    atomic_store(&ix->live, live);
    ix->last_id = h->last_id;
    ix->next_number = h->next_number;
}

/* Whoever does not own the folder may meet it while its owner replaces files; what is there then is looked at anew. */
static int load_in_peace(const lk_index *ix, const char *folder, header *h, lk_view **v, liken_error *err) {
    int rc = load(ix, folder, h, v, err);
    for (int tries = 1; rc != LIKEN_OK && rc != LIKEN_E_MEMORY && ix->owner < 0 && tries < TRIES; tries++)
        rc = load(ix, folder, h, v, err);
    return rc;
}

static int load_cache(lk_index *ix, const char *folder, int64_t *change, liken_error *err) {
    header h = {0};
    lk_view *v = NULL;
    liken_error why = {0};
    const int rc = load_in_peace(ix, folder, &h, &v, &why);
    if (rc == LIKEN_E_MEMORY)
        return lk_fail_memory(err);
    if (rc == LIKEN_OK) {
        adopt(ix, &h, v);
        *change = h.change;
    } else if (rc != LIKEN_E_NOT_FOUND) {
        (void)snprintf(ix->trouble, sizeof ix->trouble, "%.255s", why.message);
        const bool foreign = ix->owner < 0 && rc == LIKEN_E_IO; /* another user's: no reader can mend that */
        lk_log(foreign ? LIKEN_LOG_INFO : LIKEN_LOG_WARN, "The index in %s is made anew from the store: %s.", folder,
               why.message);
    }
    return LIKEN_OK;
}

/* What an ended process left behind. */
static int tidy(lk_index *ix, liken_error *err) {
    snapshot s = {0};
    pthread_mutex_lock(&ix->lock);
    const int rc = hold(ix, 0, &s, err);
    pthread_mutex_unlock(&ix->lock);
    s.head.next_number = UINT64_MAX;
    if (rc == LIKEN_OK)
        remove_unnamed(ix, &s);
    release(ix, &s);
    return rc;
}

static int start(lk_index *ix, const char *folder, bool read_only, int64_t *change, liken_error *err) {
    int rc = read_only ? LIKEN_OK : lk_folder_make(folder, err);
    if (rc != LIKEN_OK)
        return rc;
    ix->owner = read_only ? -1 : lk_cache_own(folder);
    if (ix->owner >= 0 && (ix->folder = strdup(folder)) == NULL)
        return lk_fail_memory(err);
    if (ix->owner < 0 && !read_only)
        lk_log(LIKEN_LOG_INFO, "Another process owns the index in %s; this one keeps its own in memory.", folder);
    rc = load_cache(ix, folder, change, err);
    return rc == LIKEN_OK && ix->folder != NULL ? tidy(ix, err) : rc;
}

static int open_cache(lk_index **out, const char *folder, int dimension, const char *model, const char *store,
                      bool read_only, int64_t *change, liken_error *err) {
    lk_index *ix = NULL;
    if (strlen(model) >= sizeof ix->identity.model || strlen(store) >= sizeof ix->identity.store)
        return lk_fail(err, LIKEN_E_ARG, "The model's or the store's name is too long for an index.");
    int rc = lk_index_new(&ix, dimension, err);
    if (rc != LIKEN_OK)
        return rc;
    memcpy(ix->identity.model, model, strlen(model));
    memcpy(ix->identity.store, store, strlen(store));
    int64_t held = 0;
    rc = start(ix, folder, read_only, &held, err);
    if (rc != LIKEN_OK) {
        lk_index_free(ix);
        return rc;
    }
    pthread_mutex_lock(&ix->lock);
    lk_keep(ix);
    pthread_mutex_unlock(&ix->lock);
    *change = held;
    *out = ix;
    return LIKEN_OK;
}

int lk_index_open(lk_index **out, const char *folder, int dimension, const char *model, const char *store,
                  int64_t *change, liken_error *err) {
    return open_cache(out, folder, dimension, model, store, false, change, err);
}

int lk_index_open_read_only(lk_index **out, const char *folder, int dimension, const char *model, const char *store,
                            int64_t *change, liken_error *err) {
    return open_cache(out, folder, dimension, model, store, true, change, err);
}

const char *lk_index_trouble(const lk_index *ix) {
    return ix->trouble[0] == '\0' ? NULL : ix->trouble;
}
