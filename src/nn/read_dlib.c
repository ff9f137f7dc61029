/* read_dlib.c - dlib's serialised face recognition ResNet (`anet_type` after clean()).
 *
 * dlib writes integers as a byte of size (bit 7: negative) and so many little-endian bytes, a string as its size and
 * bytes, a floating-point number as integer mantissa and exponent, a boolean as the digit '0' or '1', a tensor as
 * version 2, four dimensions and raw little-endian floats. A network is nested, outermost layer first, so the file is:
 *
 *     1, "loss_metric_2", margin, threshold
 *     one version (1, 2 or 3) for each layer, tag and skip, from the output inwards
 *     "input_rgb_image_sized", three means, height, width
 *     for each layer from the input outwards: its name and details, three booleans, three (empty) tensors
 *
 * and the first of the layers has one integer more at its end. Convolutions and the affine layers behind them come in
 * the order of execution, so that the n-th gets the n-th name below. Filters are turned from [out][in][y][x] to
 * tensorflow's [y][x][in][out], names are those of the face-api pack. The input's means come along as
 * "input/mean". */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "nn/weights.h"

#define MAX_LAYERS 512

static const char *const names[] = {
    "conv32_down",        "conv32_1/conv1",     "conv32_1/conv2",         "conv32_2/conv1",         "conv32_2/conv2",
    "conv32_3/conv1",     "conv32_3/conv2",     "conv64_down/conv1",      "conv64_down/conv2",      "conv64_1/conv1",
    "conv64_1/conv2",     "conv64_2/conv1",     "conv64_2/conv2",         "conv64_3/conv1",         "conv64_3/conv2",
    "conv128_down/conv1", "conv128_down/conv2", "conv128_1/conv1",        "conv128_1/conv2",        "conv128_2/conv1",
    "conv128_2/conv2",    "conv256_down/conv1", "conv256_down/conv2",     "conv256_1/conv1",        "conv256_1/conv2",
    "conv256_2/conv1",    "conv256_2/conv2",    "conv256_down_out/conv1", "conv256_down_out/conv2",
};

/* A place in the file; once `failed`, everything read is zero. */
typedef struct stream {
    const uint8_t *at, *end;
    int failed;
} stream;

typedef struct tensor {
    int64_t shape[4];
    size_t count;
    const uint8_t *values; /* raw floats, any alignment */
} tensor;

typedef struct reader {
    stream s;
    lk_weights *w;
    size_t convs, affines, fcs;
    liken_error *err;
} reader;

static const uint8_t *take(stream *s, size_t size) {
    if (s->failed || size > (size_t)(s->end - s->at)) {
        s->failed = 1;
        return NULL;
    }
    const uint8_t *p = s->at;
    s->at += size;
    return p;
}

static int64_t take_int(stream *s) {
    const uint8_t *head = take(s, 1);
    if (head == NULL)
        return 0;
    const size_t size = *head & 0x0f;
    const uint8_t *p = size >= 1 && size <= 8 ? take(s, size) : NULL;
    if (p == NULL) {
        s->failed = 1;
        return 0;
    }
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++)
        value |= (uint64_t)p[i] << (8 * i);
    if (value > INT64_MAX) {
        s->failed = 1;
        return 0;
    }
    return *head & 0x80 ? -(int64_t)value : (int64_t)value;
}

static float take_float(stream *s) {
    const int64_t mantissa = take_int(s), exponent = take_int(s);
    if (exponent > 1000 || exponent < -1000) {
        s->failed = 1;
        return 0;
    }
    return (float)ldexp((double)mantissa, (int)exponent);
}

static void take_string(stream *s, char text[64]) {
    const int64_t size = take_int(s);
    const uint8_t *p = size >= 1 && size < 64 ? take(s, (size_t)size) : NULL;
    text[0] = 0;
    if (p == NULL) {
        s->failed = 1;
        return;
    }
    memcpy(text, p, (size_t)size);
    text[size] = 0;
}

static void take_shape(stream *s, int version, int64_t shape[4]) {
    if (take_int(s) != version)
        s->failed = 1;
    for (int i = 0; i < 4; i++)
        shape[i] = take_int(s);
}

static tensor take_tensor(stream *s) {
    tensor t = {.count = 1};
    take_shape(s, 2, t.shape);
    for (int i = 0; i < 4; i++) {
        if (t.shape[i] < 0 ||
            (t.shape[i] > 0 && (size_t)t.shape[i] > LK_WEIGHTS_MAX_VALUES / (t.count == 0 ? 1 : t.count)))
            s->failed = 1;
        t.count *= s->failed ? 0 : (size_t)t.shape[i];
    }
    t.values = take(s, t.count * sizeof(float));
    return t;
}

static float value_at(const uint8_t *values, size_t i) {
    float v;
    memcpy(&v, values + i * sizeof v, sizeof v); /* little-endian, as every machine that liken runs on */
    return v;
}

static int damaged(reader *r) {
    return lk_fail(
        r->err, LIKEN_E_MODEL,
        "The dlib file is damaged, or is not the face recognition network (dlib_face_recognition_resnet_model_v1).");
}

static int add(reader *r, const char *prefix, const char *suffix, int rank, const int64_t *shape, float **values) {
    char name[80];
    const int size = snprintf(name, sizeof name, "%s%s", prefix, suffix);
    return lk_weights_add(r->w, name, (size_t)size, rank, shape, values, r->err);
}

/* `count` values from the raw floats at `from`, as a vector. */
static int add_vector(reader *r, const char *prefix, const char *suffix, const uint8_t *from, size_t count) {
    const int64_t shape[] = {(int64_t)count};
    float *to;
    const int status = add(r, prefix, suffix, 1, shape, &to);
    for (size_t i = 0; status == LIKEN_OK && i < count; i++)
        to[i] = value_at(from, i);
    return status;
}

static int add_filters(reader *r, const char *prefix, const uint8_t *from, const int64_t shape[4]) {
    const size_t out = (size_t)shape[0], in = (size_t)shape[1], taps = (size_t)(shape[2] * shape[3]);
    const int64_t turned[] = {shape[2], shape[3], shape[1], shape[0]};
    float *to;
    const int status = add(r, prefix, "/conv/filters", 4, turned, &to);
    for (size_t o = 0; status == LIKEN_OK && o < out; o++)
        for (size_t i = 0; i < in; i++)
            for (size_t t = 0; t < taps; t++)
                to[(t * in + i) * out + o] = value_at(from, (o * in + i) * taps + t);
    return status;
}

static int read_conv(reader *r) {
    int64_t filters[4], biases[4];
    const tensor params = take_tensor(&r->s);
    for (int i = 0; i < 7; i++)
        (void)take_int(&r->s); /* filters, kernel, stride, padding: the network is known */
    take_shape(&r->s, 1, filters);
    take_shape(&r->s, 1, biases);
    for (int i = 0; i < 4; i++)
        (void)take_float(&r->s);
    if (r->s.failed || r->convs != r->affines || r->convs >= LK_LENGTH(names))
        return damaged(r);
    size_t count = 1;
    for (int i = 0; i < 4; i++) {
        if (filters[i] < 1 || (size_t)filters[i] > params.count / count)
            return damaged(r);
        count *= (size_t)filters[i];
    }
    if (params.count != count + (size_t)filters[0])
        return damaged(r);
    const char *name = names[r->convs++];
    const int status = add_filters(r, name, params.values, filters);
    return status != LIKEN_OK
               ? status
               : add_vector(r, name, "/conv/bias", params.values + count * sizeof(float), (size_t)filters[0]);
}

static int read_affine(reader *r, int has_disabled) {
    int64_t gamma[4], beta[4];
    const tensor params = take_tensor(&r->s);
    take_shape(&r->s, 1, gamma);
    take_shape(&r->s, 1, beta);
    (void)take_int(&r->s);
    if (has_disabled)
        (void)take(&r->s, 1);
    if (r->s.failed || r->affines + 1 != r->convs || params.count == 0 || params.count % 2 != 0)
        return damaged(r);
    const char *name = names[r->affines++];
    const size_t half = params.count / 2;
    const int status = add_vector(r, name, "/scale/weights", params.values, half);
    return status != LIKEN_OK ? status
                              : add_vector(r, name, "/scale/biases", params.values + half * sizeof(float), half);
}

static int read_fc(reader *r) {
    int64_t weights[4], biases[4];
    const int64_t outputs = take_int(&r->s), inputs = take_int(&r->s);
    const tensor params = take_tensor(&r->s);
    take_shape(&r->s, 1, weights);
    take_shape(&r->s, 1, biases);
    (void)take_int(&r->s);
    for (int i = 0; i < 4; i++)
        (void)take_float(&r->s);
    if (r->s.failed || r->fcs++ != 0 || inputs < 1 || outputs < 1 || (uint64_t)inputs > params.count ||
        (uint64_t)outputs > params.count || (size_t)inputs * (size_t)outputs != params.count)
        return damaged(r);
    const int64_t shape[] = {inputs, outputs};
    float *to;
    const int status = add(r, "fc", "", 2, shape, &to);
    for (size_t i = 0; status == LIKEN_OK && i < params.count; i++)
        to[i] = value_at(params.values, i);
    return status;
}

static int is(const char *text, const char *prefix) {
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static int read_layer(reader *r, int first) {
    char kind[64];
    int status = LIKEN_OK;
    take_string(&r->s, kind);
    if (strcmp(kind, "con_4") == 0)
        status = read_conv(r);
    else if (is(kind, "affine_"))
        status = read_affine(r, strcmp(kind, "affine_2") == 0);
    else if (strcmp(kind, "fc_2") == 0)
        status = read_fc(r);
    else if (is(kind, "max_pool_") || is(kind, "avg_pool_"))
        for (int i = 0; i < 6; i++)
            (void)take_int(&r->s);
    else if (!is(kind, "relu_") && !is(kind, "add_prev_"))
        return damaged(r);
    if (status != LIKEN_OK)
        return status;
    (void)take(&r->s, 3);
    for (int i = 0; i < 3; i++)
        (void)take_tensor(&r->s);
    if (first)
        (void)take_int(&r->s);
    return r->s.failed ? damaged(r) : LIKEN_OK;
}

static int read_input(reader *r) {
    char kind[64];
    float *mean;
    take_string(&r->s, kind);
    float means[3];
    for (int i = 0; i < 3; i++)
        means[i] = take_float(&r->s);
    (void)take_int(&r->s);
    (void)take_int(&r->s);
    if (r->s.failed || strcmp(kind, "input_rgb_image_sized") != 0)
        return damaged(r);
    const int64_t three[] = {3};
    const int status = add(r, "input/", "mean", 1, three, &mean);
    if (status == LIKEN_OK)
        memcpy(mean, means, sizeof means);
    return status;
}

static int read_network(reader *r) {
    char loss[64];
    const int64_t version = take_int(&r->s);
    take_string(&r->s, loss);
    (void)take_float(&r->s);
    (void)take_float(&r->s);
    if (r->s.failed || version != 1 || strcmp(loss, "loss_metric_2") != 0)
        return damaged(r);
    for (int i = 0;; i++) {
        const uint8_t *here = r->s.at;
        const int64_t v = take_int(&r->s);
        if (r->s.failed || i > MAX_LAYERS)
            return damaged(r);
        if (v > 3) { /* no version, but the size of the input's name */
            r->s.at = here;
            break;
        }
    }
    int status = read_input(r);
    for (int i = 0; status == LIKEN_OK && r->s.at < r->s.end; i++)
        status = i < MAX_LAYERS ? read_layer(r, i == 0) : damaged(r);
    if (status == LIKEN_OK && (r->affines != LK_LENGTH(names) || r->fcs != 1))
        status = damaged(r);
    return status;
}

int lk_weights_read_dlib_resnet(lk_weights **out, const void *bytes, size_t size, liken_error *err) {
    lk_weights *w = lk_weights_new();
    if (w == NULL)
        return lk_fail_memory(err);
    reader r = {.w = w, .err = err};
    if (size > 0)
        r.s = (stream){bytes, (const uint8_t *)bytes + size, 0};
    const int status = read_network(&r);
    if (status != LIKEN_OK) {
        lk_weights_free(w);
        return status;
    }
    *out = w;
    return LIKEN_OK;
}
