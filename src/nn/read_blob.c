/* read_blob.c - values by a table of places (see blob.h): no byte of the file is taken for more than a value, so that
 * all that can be wrong is its size. The tables are liken's own, and are checked against the size like a stranger's. */
#include "nn/blob.h"

#include "nn/weights.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* How far the file has been read. */
typedef struct reader {
    lk_weights *weights;
    const lk_blob *blob;
    const uint8_t *bytes;
    size_t next, end; /* behind the values read last; behind all read so far */
    liken_error *err;
} reader;

static float value_at(const reader *r, size_t place, size_t i) {
    const uint8_t *at = r->bytes + place + i * r->blob->width;
    float value;
    if (r->blob->width == 2)
        return lk_from_half(at);
    memcpy(&value, at, sizeof value); /* little-endian, as every machine that liken runs on */
    return value;
}

/* The place of `count` values, which the table says is `at`. */
static int place_of(reader *r, size_t at, size_t count, size_t *out) {
    const size_t place = at == LK_BLOB_FOLLOWS ? r->next : at;
    if (place > r->blob->size || count > (r->blob->size - place) / r->blob->width)
        return lk_fail(r->err, LIKEN_E_MODEL, "The weights end before all their layers are read.");
    r->next = place + count * r->blob->width;
    r->end = r->next > r->end ? r->next : r->end;
    *out = place;
    return LIKEN_OK;
}

/* A tensor of `layer` called `what`, still without values. */
static int add(reader *r, const char *layer, const char *what, int rank, const int64_t *shape, float **values) {
    char name[LK_BLOB_NAME];
    const int size = snprintf(name, sizeof name, "%s/%s", layer, what);
    return lk_weights_add(r->weights, name, (size_t)size, rank, shape, values, r->err);
}

/* `count` numbers as a tensor of `channels`, also given in *out (NULL: to nobody); a single number counts for all. */
static int read_vector(reader *r, const char *layer, const char *what, size_t at, int count, int channels, float scale,
                       float **out) {
    size_t place = 0;
    float *values = NULL;
    int rc = place_of(r, at, (size_t)count, &place);
    if (rc == LIKEN_OK)
        rc = add(r, layer, what, 1, (const int64_t[]){channels}, &values);
    for (int i = 0; i < channels && rc == LIKEN_OK; i++)
        values[i] = value_at(r, place, count == 1 ? 0 : (size_t)i) * scale;
    if (out != NULL)
        *out = values;
    return rc;
}

/* Where the file has tap (y, x) from channel i to channel o. */
static size_t index_of(const lk_blob *b, const lk_layer *l, size_t tap, size_t i, size_t o) {
    const size_t taps = (size_t)l->size * (size_t)l->size, in = (size_t)l->in;
    if (l->kind == LK_LAYER_DEPTH || l->kind == LK_LAYER_WHOLE)
        return b->channels_first ? o * taps + tap : tap * in + o;
    return b->channels_first ? (o * in + i) * taps + tap : (o * taps + tap) * in + i;
}

/* *count taps a channel that is made come in *kernel, the channel last. */
static int read_kernel(reader *r, const lk_layer *l, const char *name, float **kernel, size_t *count) {
    const bool alone = l->kind == LK_LAYER_DEPTH || l->kind == LK_LAYER_WHOLE;
    const int64_t shape[] = {l->size, l->size, alone ? l->out : l->in, l->out};
    const size_t taps = (size_t)l->size * (size_t)l->size, in = alone ? 1 : (size_t)l->in, out = (size_t)l->out;
    size_t place = 0;
    float *to = NULL;
    int rc = place_of(r, l->weights, taps * in * out, &place);
    if (rc == LIKEN_OK)
        rc = add(r, name, "weights", alone ? 3 : 4, shape, &to);
    *kernel = to;
    *count = taps * in;
    for (size_t tap = 0; tap < taps && rc == LIKEN_OK; tap++)
        for (size_t i = 0; i < in; i++)
            for (size_t o = 0; o < out; o++)
                *to++ = value_at(r, place, index_of(r->blob, l, tap, i, o));
    return rc;
}

/* Works a layer's normalisation into its kernel and its bias, which are here. */
static int normalise(reader *r, const lk_layer *l, const lk_norm *n, float *kernel, size_t taps, float *bias) {
    size_t factor = 0, mean = 0, variance = 0;
    const size_t out = (size_t)l->out;
    int rc = place_of(r, n->factor, out, &factor);
    rc = rc == LIKEN_OK ? place_of(r, n->mean, out, &mean) : rc;
    rc = rc == LIKEN_OK ? place_of(r, n->variance, out, &variance) : rc;
    if (rc != LIKEN_OK)
        return rc;
    for (size_t o = 0; o < out; o++) {
        const float k = value_at(r, factor, o) / sqrtf(value_at(r, variance, o) + 1e-5f);
        if (!isfinite(k))
            return lk_fail(r->err, LIKEN_E_MODEL, "The weights scale by no number: they belong to another network.");
        for (size_t tap = 0; tap < taps; tap++)
            kernel[tap * out + o] *= k;
        bias[o] -= value_at(r, mean, o) * k;
    }
    return LIKEN_OK;
}

static bool is_normalised(const lk_blob *b, size_t number) {
    static const lk_norm none = {0, 0, 0};
    return b->norms != NULL && memcmp(&b->norms[number], &none, sizeof none) != 0;
}

static int read_layer(reader *r, size_t number) {
    const lk_layer *l = &r->blob->layers[number];
    const bool has_bias = (l->has & LK_LAYER_BIAS) != 0;
    float *kernel = NULL, *bias = NULL;
    size_t taps = 0;
    char name[24];
    (void)snprintf(name, sizeof name, "%zu", number);
    int rc = read_kernel(r, l, name, &kernel, &taps);
    if (rc == LIKEN_OK && has_bias)
        rc = read_vector(r, name, "bias", l->bias, l->out, l->out, 1, &bias);
    if (rc == LIKEN_OK && has_bias && is_normalised(r->blob, number))
        rc = normalise(r, l, &r->blob->norms[number], kernel, taps, bias);
    if (rc == LIKEN_OK && (l->has & LK_LAYER_SLOPE) != 0)
        rc = read_vector(r, name, "slope", l->slope, r->blob->one_slope ? 1 : l->out, l->out, r->blob->slope_scale,
                         NULL);
    return rc;
}

static int read_all(reader *r) {
    int rc = LIKEN_OK;
    if (r->blob->affine) {
        rc = read_vector(r, "photo", "factor", LK_BLOB_FOLLOWS, 3, 3, 1, NULL);
        rc = rc == LIKEN_OK ? read_vector(r, "photo", "term", LK_BLOB_FOLLOWS, 3, 3, 1, NULL) : rc;
    }
    for (size_t i = 0; i < r->blob->count && rc == LIKEN_OK; i++)
        rc = read_layer(r, i);
    if (rc == LIKEN_OK && r->blob->layers[0].weights == LK_BLOB_FOLLOWS && r->end != r->blob->size)
        rc = lk_fail(r->err, LIKEN_E_MODEL,
                     "The weights go on behind their last layer: they belong to another network.");
    return rc;
}

int lk_blob_read(lk_weights **out, const lk_blob *blob, const void *bytes, size_t size, liken_error *err) {
    if (size != blob->size)
        return lk_fail(err, LIKEN_E_MODEL, "The weights are %zu bytes where %zu belong: install the pack again.", size,
                       blob->size);
    reader r = {.weights = lk_weights_new(), .blob = blob, .bytes = bytes, .err = err};
    if (r.weights == NULL)
        return lk_fail_memory(err);
    const int rc = read_all(&r);
    if (rc != LIKEN_OK) {
        lk_weights_free(r.weights);
        return rc;
    }
    *out = r.weights;
    return LIKEN_OK;
}
