#include "index/segment.h"

#include "kern/search/distance.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static size_t words(size_t rows) {
    return (rows + 63) / 64;
}

static lk_segment *with_capacity(size_t capacity) {
    lk_segment *s = calloc(1, sizeof *s);
    if (s == NULL)
        return NULL;
    s->capacity = capacity;
    s->dead = calloc(words(capacity), sizeof *s->dead);
    if (s->dead == NULL) {
        free(s);
        return NULL;
    }
    return s;
}

lk_segment *lk_segment_new(int dimension, size_t capacity) {
    lk_segment *s = with_capacity(capacity);
    if (s == NULL)
        return NULL;
    s->stride = lk_row_stride(dimension);
    s->ids = malloc(capacity * sizeof *s->ids);
    s->rows = aligned_alloc(64, capacity * s->stride * sizeof *s->rows);
    if (s->ids == NULL || s->rows == NULL) {
        lk_segment_free(s);
        return NULL;
    }
    return s;
}

lk_segment *lk_segment_of(lk_sealed *sealed) {
    lk_segment *s = with_capacity(sealed->head.rows);
    if (s == NULL) {
        lk_sealed_free(sealed);
        return NULL;
    }
    s->stride = sealed->plan.stride;
    s->count = sealed->head.rows;
    s->ids = sealed->ids;
    s->rows = sealed->rows;
    s->sealed = sealed;
    return s;
}

void lk_segment_free(lk_segment *s) {
    if (s == NULL)
        return;
    if (s->sealed == NULL) {
        free(s->ids);
        free(s->rows);
    }
    lk_sealed_free(s->sealed);
    free(s->dead);
    free(atomic_load(&s->stamps));
    free(s);
}

void lk_segment_append(lk_segment *s, const int64_t *ids, const float *vectors, int dimension, size_t count) {
    const size_t d = (size_t)dimension;
    assert(s->sealed == NULL && count <= s->capacity - s->count); /* written once, and never moved */
    memcpy(s->ids + s->count, ids, count * sizeof *ids);
    for (size_t i = 0; i < count; i++) {
        float *row = s->rows + (s->count + i) * s->stride;
        memcpy(row, vectors + i * d, d * sizeof *row);
        memset(row + d, 0, (s->stride - d) * sizeof *row);
    }
    s->count += count;
}

int64_t lk_segment_id(const lk_segment *s, size_t row) {
    return s->sealed == NULL || lk_sealed_intact(s->sealed, LK_PART_IDS, row) ? s->ids[row] : INT64_MAX;
}

size_t lk_segment_find(const lk_segment *s, size_t rows, int64_t id) {
    size_t low = 0, high = rows;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (lk_segment_id(s, middle) < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < rows && lk_segment_id(s, low) == id ? low : SIZE_MAX;
}

bool lk_segment_prepare_delete(lk_segment *s) {
    if (atomic_load(&s->stamps) != NULL)
        return true;
    _Atomic uint64_t *stamps = calloc(s->capacity, sizeof *stamps);
    atomic_store(&s->stamps, stamps);
    return stamps != NULL;
}

void lk_segment_mark(lk_segment *s, size_t row, uint64_t version) {
    assert(row < s->count && s->deleted < s->count);
    atomic_store_explicit(&atomic_load(&s->stamps)[row], version, memory_order_relaxed);
    atomic_fetch_or_explicit(&s->dead[row / 64], UINT64_C(1) << (row % 64), memory_order_release);
    s->deleted++;
}

uint64_t lk_segment_stamp(const lk_segment *s, size_t row) {
    _Atomic uint64_t *stamps = atomic_load_explicit(&s->stamps, memory_order_acquire);
    return atomic_load_explicit(&stamps[row], memory_order_relaxed);
}

size_t lk_segment_live(const lk_segment *s, size_t rows, uint64_t version) {
    size_t live = 0;
    for (size_t w = 0; w < words(rows); w++) {
        const size_t end = rows - w * 64 < 64 ? rows - w * 64 : 64;
        if (atomic_load_explicit(&s->dead[w], memory_order_acquire) == 0) {
            live += end;
            continue;
        }
        for (size_t i = 0; i < end; i++)
            live += lk_segment_alive(s, w * 64 + i, version);
    }
    return live;
}

uint64_t lk_segment_bytes(const lk_segment *s, uint64_t *row_bytes) {
    *row_bytes = s->count * s->stride * sizeof *s->rows;
    const uint64_t marks = words(s->capacity) * 8 + (atomic_load(&s->stamps) != NULL ? 8 * s->capacity : 0);
    const uint64_t rest = s->sealed != NULL ? s->sealed->bytes - *row_bytes : s->count * sizeof *s->ids;
    return sizeof *s + marks + rest;
}
