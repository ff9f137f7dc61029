/* weights.c - the container that all readers fill. */
#include "nn/weights.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

struct lk_weights {
    lk_arena arena; /* names and values */
    lk_tensor *list;
    size_t count, capacity;
    size_t values; /* of all tensors */
};

lk_weights *lk_weights_new(void) {
    return calloc(1, sizeof(lk_weights));
}

void lk_weights_free(lk_weights *w) {
    if (w == NULL)
        return;
    lk_arena_free(&w->arena);
    free(w->list);
    free(w);
}

size_t lk_weights_count(const lk_weights *w) {
    return w->count;
}

const lk_tensor *lk_weights_at(const lk_weights *w, size_t i) {
    return i < w->count ? &w->list[i] : NULL;
}

const lk_tensor *lk_weights_find(const lk_weights *w, const char *name) {
    for (size_t i = 0; i < w->count; i++)
        if (strcmp(w->list[i].name, name) == 0)
            return &w->list[i];
    return NULL;
}

/* Copies shape and count into *t, or says what is wrong with the shape. */
static int check_shape(const lk_weights *w, int rank, const int64_t *shape, lk_tensor *t, liken_error *err) {
    if (rank < 0 || rank > 4)
        return lk_fail(err, LIKEN_E_MODEL, "A tensor of the weights has %d dimensions; liken reads up to 4.", rank);
    t->rank = rank;
    t->count = 1;
    for (int i = 0; i < rank; i++) {
        if (shape[i] < 1 || shape[i] > (int64_t)LK_WEIGHTS_MAX_VALUES)
            return lk_fail(err, LIKEN_E_MODEL, "A tensor of the weights has a dimension of %lld: the file is damaged.",
                           (long long)shape[i]);
        t->shape[i] = (int)shape[i];
        t->count *= (size_t)shape[i];
        if (t->count > LK_WEIGHTS_MAX_VALUES - w->values)
            return lk_fail(err, LIKEN_E_TOO_LARGE, "The weights hold more than %zu values; liken reads no more.",
                           LK_WEIGHTS_MAX_VALUES);
    }
    return LIKEN_OK;
}

static int check_name(const lk_weights *w, const char *name, size_t size, char *copy, liken_error *err) {
    if (size == 0 || size > LK_WEIGHTS_MAX_NAME || memchr(name, 0, size) != NULL)
        return lk_fail(err, LIKEN_E_MODEL, "A tensor of the weights has no usable name: the file is damaged.");
    memcpy(copy, name, size);
    copy[size] = 0;
    if (lk_weights_find(w, copy) != NULL)
        return lk_fail(err, LIKEN_E_MODEL, "Two tensors of the weights have the same name: the file is damaged.");
    return LIKEN_OK;
}

static int make_room(lk_weights *w, liken_error *err) {
    if (w->count < w->capacity)
        return LIKEN_OK;
    if (w->count >= LK_WEIGHTS_MAX_TENSORS)
        return lk_fail(err, LIKEN_E_TOO_LARGE, "The weights hold more than %d tensors; liken reads no more.",
                       LK_WEIGHTS_MAX_TENSORS);
    const size_t capacity = w->capacity == 0 ? 64 : w->capacity * 2;
    lk_tensor *list = realloc(w->list, capacity * sizeof *list);
    if (list == NULL)
        return lk_fail_memory(err);
    w->list = list;
    w->capacity = capacity;
    return LIKEN_OK;
}

int lk_weights_add(lk_weights *w, const char *name, size_t name_size, int rank, const int64_t *shape, float **values,
                   liken_error *err) {
    char copy[LK_WEIGHTS_MAX_NAME + 1];
    lk_tensor t = {0};
    int status = check_name(w, name, name_size, copy, err);
    if (status == LIKEN_OK)
        status = check_shape(w, rank, shape, &t, err);
    if (status == LIKEN_OK)
        status = make_room(w, err);
    if (status != LIKEN_OK)
        return status;
    float *data = lk_arena_alloc(&w->arena, t.count * sizeof(float));
    t.name = lk_arena_string(&w->arena, copy);
    t.data = data;
    if (data == NULL || t.name == NULL)
        return lk_fail_memory(err);
    w->list[w->count++] = t;
    w->values += t.count;
    *values = data;
    return LIKEN_OK;
}

float lk_from_half(const uint8_t *at) {
    const uint32_t half = (uint32_t)at[0] | (uint32_t)at[1] << 8;
    const uint32_t sign = (half & 0x8000u) << 16, exponent = half >> 10 & 31u, fraction = half & 0x3ffu;
    if (exponent == 0) { /* zero, and what is smaller than float16's ordinary numbers */
        const float small = (float)fraction / 16777216.0f;
        return sign != 0 ? -small : small;
    }
    const uint32_t bits = sign | (exponent == 31 ? 0xffu : exponent + 112) << 23 | fraction << 13;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}
