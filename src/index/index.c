#include "index/inner.h"

#include "kern/search/distance.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FIRST_ROWS 1024 /* capacity of the first open segment; later ones double up to OPEN_ROWS */
#define OPEN_ROWS 4096
#define FEWEST_ROWS 4096
#define LEARN_ROWS 32768
#define LARGEST_BYTES (UINT64_C(256) << 20) /* of float32 rows in a sealed segment */
#define LARGEST_COMPONENT 1e15f             /* so that no square overflows at any dimension */

int lk_index_new(lk_index **out, int dimension, liken_error *err) {
    if (dimension < 16 || dimension > LK_INDEX_MAX_DIMENSION)
        return lk_fail(err, LIKEN_E_ARG, "An index holds vectors of 16 to %d components, not %d.",
                       LK_INDEX_MAX_DIMENSION, dimension);
    lk_index *ix = aligned_alloc(64, (sizeof *ix + 63) / 64 * 64);
    lk_view *v = lk_view_new(0);
    if (ix == NULL || v == NULL) {
        free(ix);
        free(v);
        return lk_fail_memory(err);
    }
    memset(ix, 0, sizeof *ix);
    lk_epoch_init(&ix->epoch);
    atomic_init(&ix->current, v);
    ix->dimension = dimension;
    ix->stride = lk_row_stride(dimension);
    ix->last_id = INT64_MIN;
    ix->next_number = 1;
    ix->owner = -1;
    ix->sizes.open_rows = OPEN_ROWS;
    ix->sizes.fewest_rows = FEWEST_ROWS;
    ix->sizes.learn_rows = LEARN_ROWS;
    ix->sizes.largest_rows = LARGEST_BYTES / (ix->stride * sizeof(float));
    pthread_mutex_init(&ix->lock, NULL);
    pthread_mutex_init(&ix->saving, NULL);
    *out = ix;
    return LIKEN_OK;
}

void lk_index_free(lk_index *ix) {
    if (ix == NULL)
        return;
    lk_keep_stop(ix);
    lk_free_retired(ix);
    lk_view_free(atomic_load(&ix->current));
    pthread_mutex_destroy(&ix->lock);
    pthread_mutex_destroy(&ix->saving);
    if (ix->owner >= 0)
        close(ix->owner);
    free(ix->folder);
    free(ix);
}

bool lk_vector_usable(const float *v, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (!(fabsf(v[i]) <= LARGEST_COMPONENT)) /* NaN as well */
            return false;
    return true;
}

static int check_rows(const lk_index *ix, const int64_t *ids, const float *vectors, size_t count, liken_error *err) {
    int64_t last = ix->last_id;
    for (size_t i = 0; i < count; last = ids[i++])
        if (ids[i] <= last)
            return lk_fail(err, LIKEN_E_CONFLICT, "The index was given id %lld after id %lld; ids must ascend.",
                           (long long)ids[i], (long long)last);
    for (size_t i = 0; i < count; i++)
        if (!lk_vector_usable(vectors + i * (size_t)ix->dimension, (size_t)ix->dimension))
            return lk_fail(err, LIKEN_E_ARG,
                           "The vector of id %lld has a component that is not a number or beyond 1e15.",
                           (long long)ids[i]);
    return LIKEN_OK;
}

static size_t capacity_for(const lk_index *ix, size_t total, size_t more) {
    size_t wanted = total > more ? total : more;
    wanted = wanted < FIRST_ROWS ? FIRST_ROWS : wanted;
    return wanted < ix->sizes.open_rows ? wanted : ix->sizes.open_rows;
}

/* A view like `v`, whose last segment has `rows` rows, followed by empty segments with room for `more` rows. */
static lk_view *grow(const lk_index *ix, const lk_view *v, size_t rows, size_t more) {
    size_t total = rows;
    for (size_t i = 0; i + 1 < v->count; i++)
        total += v->parts[i].rows;
    const size_t smallest = FIRST_ROWS < ix->sizes.open_rows ? FIRST_ROWS : ix->sizes.open_rows;
    lk_view *grown = lk_view_new(v->count + 2 + more / smallest);
    if (grown == NULL)
        return NULL;
    memcpy(grown->parts, v->parts, v->count * sizeof v->parts[0]);
    grown->count = v->count;
    for (size_t room = 0; room < more;) {
        lk_segment *s = lk_segment_new(ix->dimension, capacity_for(ix, total + room, more - room));
        if (s == NULL) {
            while (grown->count > v->count)
                lk_segment_free(grown->parts[--grown->count].segment);
            free(grown);
            return NULL;
        }
        grown->parts[grown->count++].segment = s;
        room += s->capacity;
    }
    return grown;
}

static void fill(const lk_index *ix, lk_segment *s, const int64_t **ids, const float **vectors, size_t *count) {
    const size_t room = s->capacity - s->count, n = *count < room ? *count : room;
    if (n == 0)
        return;
    assert(s->count == 0 || s->ids[s->count - 1] < (*ids)[0]); /* they ascend */
    lk_segment_append(s, *ids, *vectors, ix->dimension, n);
    *ids += n;
    *vectors += n * (size_t)ix->dimension;
    *count -= n;
}

static int add(lk_index *ix, const int64_t *ids, const float *vectors, size_t count, liken_error *err) {
    const int rc = check_rows(ix, ids, vectors, count, err);
    if (rc != LIKEN_OK)
        return rc;
    lk_view *v = atomic_load(&ix->current);
    const uint64_t version = lk_state_version(atomic_load(&v->state));
    lk_segment *open = v->count > 0 ? v->parts[v->count - 1].segment : NULL;
    const size_t room = open != NULL ? open->capacity - open->count : 0, added = count;
    const int64_t last = ids[count - 1];
    lk_view *grown = NULL;
    if (count > room && (grown = grow(ix, v, open != NULL ? open->count : 0, count - room)) == NULL)
        return lk_fail_memory(err);
    if (open != NULL)
        fill(ix, open, &ids, &vectors, &count);
    if (grown != NULL) {
        for (size_t i = v->count; i < grown->count; i++)
            fill(ix, grown->parts[i].segment, &ids, &vectors, &count);
        for (size_t i = 0; i < grown->count; i++)
            grown->parts[i].rows = grown->parts[i].segment->count;
        open = grown->parts[grown->count - 1].segment;
        atomic_init(&grown->state, lk_state_of(version, open->count));
        lk_view_publish(ix, grown);
        lk_keep(ix);
    } else {
        atomic_store(&v->state, lk_state_of(version, open->count));
    }
    ix->last_id = last;
    atomic_fetch_add(&ix->live, added);
    return LIKEN_OK;
}

int lk_index_add(lk_index *ix, const int64_t *ids, const float *vectors, size_t count, liken_error *err) {
    if (count == 0)
        return LIKEN_OK;
    pthread_mutex_lock(&ix->lock);
    const int rc = add(ix, ids, vectors, count, err);
    pthread_mutex_unlock(&ix->lock);
    return rc;
}

static int delete_all(lk_index *ix, const int64_t *ids, size_t count, liken_error *err) {
    lk_view *v = atomic_load(&ix->current);
    const uint64_t state = atomic_load(&v->state), before = lk_state_version(state);
    size_t row, deleted = 0;
    for (size_t i = 0; i < count; i++) {
        lk_segment *s = lk_view_find(v, state, ids[i], &row);
        if (s != NULL && !lk_segment_prepare_delete(s))
            return lk_fail_memory(err);
    }
    for (size_t i = 0; i < count; i++) {
        lk_segment *s = lk_view_find(v, state, ids[i], &row);
        if (s == NULL || !lk_segment_alive(s, row, before + 1))
            continue;
        lk_segment_mark(s, row, before + 1);
        deleted++;
    }
    if (deleted > 0) {
        atomic_store(&v->state, state + (UINT64_C(1) << 24));
        lk_keep(ix);
    }
    atomic_fetch_sub(&ix->live, deleted);
    return LIKEN_OK;
}

int lk_index_delete(lk_index *ix, const int64_t *ids, size_t count, liken_error *err) {
    pthread_mutex_lock(&ix->lock);
    int rc = delete_all(ix, ids, count, err);
    if (rc == LIKEN_OK) /* an id that seemed not to be there may have been in a damaged block */
        rc = lk_index_intact(ix, atomic_load(&ix->current), err);
    pthread_mutex_unlock(&ix->lock);
    return rc;
}

/* Copies a row of the view; `s` NULL: there is none. */
static int read_row(lk_index *ix, const lk_view *v, const lk_segment *s, size_t row, float *vector, liken_error *err) {
    const bool there = s != NULL && (s->sealed == NULL || lk_sealed_intact(s->sealed, LK_PART_ROWS, row));
    const int rc = lk_index_intact(ix, v, err);
    if (rc != LIKEN_OK)
        return rc;
    if (!there)
        return lk_fail(err, LIKEN_E_NOT_FOUND, "The index holds no such vector.");
    memcpy(vector, s->rows + row * s->stride, (size_t)ix->dimension * sizeof *vector);
    return LIKEN_OK;
}

int lk_index_get(lk_index *ix, int64_t id, float *vector, liken_error *err) {
    const int slot = lk_epoch_enter(&ix->epoch);
    lk_view *v = atomic_load(&ix->current);
    const uint64_t state = atomic_load(&v->state);
    size_t row = 0;
    const lk_segment *s = lk_view_find(v, state, id, &row);
    if (s != NULL && !lk_segment_alive(s, row, lk_state_version(state)))
        s = NULL;
    const int rc = read_row(ix, v, s, row, vector, err);
    lk_epoch_leave(&ix->epoch, slot);
    return rc;
}

static const lk_segment *newest(const lk_view *v, uint64_t state, size_t *row) {
    for (size_t i = v->count; i-- > 0;) {
        const lk_segment *s = v->parts[i].segment;
        for (size_t r = lk_view_rows(v, i, state); r-- > 0;)
            if (lk_segment_alive(s, r, lk_state_version(state))) {
                *row = r;
                return s;
            }
    }
    return NULL;
}

int lk_index_newest(lk_index *ix, int64_t *id, float *vector, liken_error *err) {
    const int slot = lk_epoch_enter(&ix->epoch);
    lk_view *v = atomic_load(&ix->current);
    size_t row = 0;
    const lk_segment *s = newest(v, atomic_load(&v->state), &row);
    const int64_t found = s != NULL ? lk_segment_id(s, row) : 0; /* looked at before the damage flag */
    const int rc = read_row(ix, v, s, row, vector, err);
    if (rc == LIKEN_OK)
        *id = found;
    lk_epoch_leave(&ix->epoch, slot);
    return rc;
}

size_t lk_index_size(const lk_index *ix) {
    return atomic_load(&ix->live);
}

int64_t lk_index_last_id(lk_index *ix) {
    pthread_mutex_lock(&ix->lock);
    const int64_t id = ix->last_id;
    pthread_mutex_unlock(&ix->lock);
    return id;
}

void lk_index_pass(lk_index *ix, int64_t id) {
    pthread_mutex_lock(&ix->lock);
    if (id > ix->last_id)
        ix->last_id = id;
    pthread_mutex_unlock(&ix->lock);
}

int lk_index_check(lk_index *ix, liken_error *err) {
    lk_index_settle(ix);
    pthread_mutex_lock(&ix->lock);
    const int rc = lk_index_intact(ix, atomic_load(&ix->current), err);
    pthread_mutex_unlock(&ix->lock);
    return rc;
}

uint64_t lk_index_bytes(const lk_index *ix) {
    lk_index *lockable = (lk_index *)ix; /* what the index holds does not change by counting it */
    pthread_mutex_lock(&lockable->lock);
    const lk_view *v = atomic_load(&ix->current);
    uint64_t bytes = sizeof *ix + sizeof *v + v->count * sizeof v->parts[0], rows;
    for (size_t i = 0; i < v->count; i++) {
        bytes += lk_segment_bytes(v->parts[i].segment, &rows);
        bytes += rows;
    }
    pthread_mutex_unlock(&lockable->lock);
    return bytes;
}
