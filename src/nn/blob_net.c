/* blob_net.c - networks out of a list of layers (see blob.h): a photo of a face to numbers whose direction says who it
 * is. */
#include "nn/blob.h"
#include "nn/weights.h"

#include "base/eigen.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The tensors that layers further down read again. */
typedef struct line {
    int x;         /* what the layer before wrote */
    int block;     /* what LK_LAYER_ADD adds */
    int unscaled;  /* what LK_LAYER_EXCITE has factors for */
    size_t number; /* of the layer that comes */
} line;

static const float *values_of(lk_builder *b, size_t number, const char *what, int rank, const int *shape) {
    return lk_build_values(b, rank, shape, "%zu/%s", number, what);
}

static const float *bias_of(lk_builder *b, const lk_layer *l, size_t number) {
    return (l->has & LK_LAYER_BIAS) != 0 ? values_of(b, number, "bias", 1, &l->out) : NULL;
}

static void add_slope(lk_builder *b, const lk_layer *l, size_t number) {
    if ((l->has & LK_LAYER_SLOPE) != 0)
        lk_build_prelu(b, values_of(b, number, "slope", 1, &l->out), l->out);
}

/* ---- the first layer ---- */

/* What the network makes of channel c (red, green, blue) of a photo before its first layer: (pixel - mean) * scale. */
typedef struct look {
    float mean[3], scale[3];
} look;

/* The pack's mean and scale, and then the blob's own factors and terms. */
static int look_of(look *out, const lk_blob *blob, const lk_weights *w, const float mean[3], float scale,
                   liken_error *err) {
    const lk_tensor *factor = lk_weights_find(w, "photo/factor"), *term = lk_weights_find(w, "photo/term");
    for (size_t c = 0; c < 3; c++) {
        const size_t own = blob->blue_first ? 2 - c : c;
        const float f = factor != NULL ? factor->data[own] : 1, t = term != NULL ? term->data[own] : 0;
        out->scale[c] = scale * f;
        out->mean[c] = mean[c] - t / out->scale[c];
        if (!isfinite(out->mean[c]))
            return lk_fail(err, LIKEN_E_MODEL, "The weights scale a photo by nothing: they belong to another network.");
    }
    return LIKEN_OK;
}

/* A kernel over a photo less its mean, with the scale in it. */
static const float *photo_kernel(lk_builder *b, const lk_blob *blob, const look *seen, const float *kernel) {
    const lk_layer *l = blob->layers;
    const size_t taps = (size_t)(l->size * l->size), out = (size_t)l->out;
    float *to = lk_build_temporary(b, taps * 3 * out);
    for (size_t tap = 0; to != NULL && tap < taps; tap++)
        for (size_t c = 0; c < 3; c++)
            for (size_t o = 0; o < out; o++)
                to[(tap * 3 + c) * out + o] =
                    kernel[(tap * 3 + (blob->blue_first ? 2 - c : c)) * out + o] * seen->scale[c];
    return to;
}

/* ---- the last layer: fewer numbers ----
 *
 * The last matrix W may use fewer directions than it has outputs. With the left singular vectors of W, which are the
 * eigenvectors of W W', as axes, the outputs that it does not use come last and are left out; turning the axes changes
 * no angle between two descriptors. The axes follow from W alone, to the last bits of a double; each points to where
 * its largest component is positive, so that every machine takes the same. */

/* `matrix` is [in][out]; W W', of which the half on and below the diagonal is made and then mirrored. */
static void square_of(const double *matrix, size_t in, size_t out, double *to) {
    for (size_t i = 0; i < in; i++)
        for (size_t a = 0; a < out; a++) {
            const double x = matrix[i * out + a];
            for (size_t c = 0; c <= a; c++)
                to[a * out + c] += x * matrix[i * out + c];
        }
    for (size_t a = 0; a < out; a++)
        for (size_t c = a + 1; c < out; c++)
            to[a * out + c] = to[c * out + a];
}

static double sign_of(const double *axis, size_t n) {
    size_t largest = 0;
    for (size_t i = 1; i < n; i++)
        if (fabs(axis[i]) > fabs(axis[largest]))
            largest = i;
    return axis[largest] < 0 ? -1 : 1;
}

/* The first `keep` axes as columns, each with its sign. */
static void stand_up(const double *axes, size_t out, size_t keep, double *to) {
    for (size_t k = 0; k < keep; k++) {
        const double sign = sign_of(axes + k * out, out);
        for (size_t o = 0; o < out; o++)
            to[o * keep + k] = sign * axes[k * out + o];
    }
}

/* `matrix` turned onto the columns; one row at a time, `row` has room for it. */
static void turn(const double *matrix, size_t in, size_t out, const double *columns, size_t keep, double *row,
                 float *to) {
    for (size_t i = 0; i < in; i++) {
        memset(row, 0, keep * sizeof *row);
        for (size_t o = 0; o < out; o++) {
            const double x = matrix[i * out + o];
            for (size_t k = 0; k < keep; k++)
                row[k] += x * columns[o * keep + k];
        }
        for (size_t k = 0; k < keep; k++)
            to[i * keep + k] = (float)row[k];
    }
}

/* `matrix` is [in][out]; [in][keep] goes to `to`. False: no memory. The inner loops run along rows, where a compiler
 * sees vectors. */
static bool fold(const float *matrix, size_t in, size_t out, size_t keep, float *to) {
    double *work = calloc(in * out + out * (out + 1) + out * keep + keep, sizeof *work);
    if (work == NULL)
        return false;
    double *axes = work + in * out, *values = axes + out * out, *columns = values + out;
    for (size_t i = 0; i < in * out; i++)
        work[i] = (double)matrix[i];
    square_of(work, in, out, axes);
    const bool done = lk_eigen(axes, out, values);
    if (done) {
        stand_up(axes, out, keep, columns);
        turn(work, in, out, columns, keep, columns + out * keep, to);
    }
    free(work);
    return done;
}

/* The last layer as it was folded before, or folded now. NULL when `status` is set. */
static const float *folded(lk_builder *b, const lk_layer *l, const float *matrix, int keep) {
    const lk_tensor *there = lk_weights_find(b->weights, LK_FOLDED);
    if (there != NULL)
        return lk_build_values(b, 2, (const int[]){l->in, keep}, LK_FOLDED);
    float *to = lk_build_temporary(b, (size_t)l->in * (size_t)keep);
    if (to != NULL && !fold(matrix, (size_t)l->in, (size_t)l->out, (size_t)keep, to)) {
        b->status = lk_fail_memory(b->err);
        return NULL;
    }
    return to;
}

int lk_weights_fold_reid(lk_weights *w, liken_error *err) {
    const lk_blob *blob = &lk_blob_reid;
    const lk_layer *l = &blob->layers[blob->count - 1];
    char name[LK_BLOB_NAME];
    float *to = NULL;
    (void)snprintf(name, sizeof name, "%zu/weights", blob->count - 1);
    const int rc =
        lk_weights_add(w, LK_FOLDED, strlen(LK_FOLDED), 2, (const int64_t[]){l->in, blob->dimension}, &to, err);
    if (rc != LIKEN_OK)
        return rc;
    const float *matrix = lk_weights_find(w, name)->data;
    return fold(matrix, (size_t)l->in, (size_t)l->out, (size_t)blob->dimension, to) ? LIKEN_OK : lk_fail_memory(err);
}

int lk_weights_put_folded_reid(lk_weights *w, const float *values, size_t count, liken_error *err) {
    const lk_layer *l = &lk_blob_reid.layers[lk_blob_reid.count - 1];
    float *to = NULL;
    if (count != (size_t)l->in * (size_t)lk_blob_reid.dimension)
        return lk_fail(err, LIKEN_E_MODEL, "The folded layer has %zu numbers where %d belong.", count,
                       l->in * lk_blob_reid.dimension);
    const int rc =
        lk_weights_add(w, LK_FOLDED, strlen(LK_FOLDED), 2, (const int64_t[]){l->in, lk_blob_reid.dimension}, &to, err);
    if (rc == LIKEN_OK)
        memcpy(to, values, count * sizeof *values);
    return rc;
}

/* ---- layers ---- */

static int dense(lk_builder *b, const lk_blob *blob, const look *seen, const line *at) {
    const lk_layer *l = &blob->layers[at->number];
    const int shape[] = {l->size, l->size, l->in, l->out};
    const float *kernel = values_of(b, at->number, "weights", 4, shape);
    const bool last = at->number + 1 == blob->count;
    lk_conv_spec s = {.in = at->x,
                      .bias = bias_of(b, l, at->number),
                      .height = l->size,
                      .width = l->size,
                      .channels_in = l->in,
                      .channels_out = last ? blob->dimension : l->out,
                      .stride = l->stride,
                      .pad = l->size == 1 ? LK_PAD_NONE : blob->pad,
                      .act = (l->has & LK_LAYER_RELU) != 0 ? LK_ACT_RELU : LK_ACT_NONE,
                      .residual = (l->has & LK_LAYER_ADD) != 0 ? at->block : LK_NONE,
                      .into = LK_NONE};
    if (b->status != LIKEN_OK)
        return LK_INPUT;
    if (at->number == 0)
        kernel = photo_kernel(b, blob, seen, kernel);
    if (last && blob->dimension < l->out)
        kernel = folded(b, l, kernel, blob->dimension);
    if (kernel == NULL)
        return LK_INPUT;
    s.kernel = kernel;
    const int made = lk_build_conv(b, &s);
    add_slope(b, l, at->number);
    return made;
}

static int alone(lk_builder *b, const lk_blob *blob, const line *at) {
    const lk_layer *l = &blob->layers[at->number];
    const int shape[] = {l->size, l->size, l->out};
    const float *kernel = values_of(b, at->number, "weights", 3, shape), *bias = bias_of(b, l, at->number);
    const int made = l->kind == LK_LAYER_WHOLE
                         ? lk_build_depthwise_whole(b, at->x, kernel, bias, l->size, l->out)
                         : lk_build_depthwise(b, at->x, kernel, bias, l->out, l->stride, blob->pad, LK_ACT_NONE, false);
    add_slope(b, l, at->number);
    return made;
}

/* Squeeze and excitation are the two layers from here on. */
static void add_layer(lk_builder *b, const lk_blob *blob, const look *seen, line *at) {
    const lk_layer *l = &blob->layers[at->number];
    if (l->kind == LK_LAYER_EXPAND)
        at->block = at->x;
    if (l->kind == LK_LAYER_SQUEEZE) {
        at->unscaled = at->x;
        at->x = lk_build_global_pool(b, at->x);
    }
    if (l->kind == LK_LAYER_DEPTH || l->kind == LK_LAYER_WHOLE) {
        at->x = alone(b, blob, at);
    } else if (l->kind == LK_LAYER_EXCITE) {
        const float *kernel = values_of(b, at->number, "weights", 4, (const int[]){1, 1, l->in, l->out});
        const int gate =
            lk_build_point(b, at->x, kernel, bias_of(b, l, at->number), l->in, l->out, LK_ACT_NONE, LK_NONE);
        at->x = lk_build_scale(b, at->unscaled, lk_build_sigmoid(b, gate),
                               (l->has & LK_LAYER_ADD) != 0 ? at->block : LK_NONE);
    } else {
        at->x = dense(b, blob, seen, at);
    }
    at->number++;
}

int lk_blob_net(lk_net **out, const lk_blob *blob, const lk_weights *w, const float mean[3], float scale,
                liken_error *err) {
    look seen;
    const int rc = look_of(&seen, blob, w, mean, scale, err);
    if (rc != LIKEN_OK)
        return rc;
    lk_builder b;
    line at = {.x = LK_INPUT, .block = LK_NONE, .unscaled = LK_INPUT};
    lk_build_start(&b, w, blob->side, blob->side, 1, seen.mean, err);
    while (at.number < blob->count)
        add_layer(&b, blob, &seen, &at);
    lk_build_part(&b, lk_build_output(&b, blob->output, blob->shares ? lk_post_softmax : NULL), at.x, 0,
                  blob->dimension);
    return lk_build_end(&b, out);
}

int lk_weights_read_reid(lk_weights **out, const void *bytes, size_t size, liken_error *err) {
    return lk_blob_read(out, &lk_blob_reid, bytes, size, err);
}

int lk_weights_read_mobilefacenet(lk_weights **out, const void *bytes, size_t size, liken_error *err) {
    return lk_blob_read(out, &lk_blob_mobilefacenet, bytes, size, err);
}

int lk_net_reid(lk_net **out, const lk_weights *w, const float mean[3], float scale, liken_error *err) {
    return lk_blob_net(out, &lk_blob_reid, w, mean, scale, err);
}

int lk_net_mobilefacenet(lk_net **out, const lk_weights *w, const float mean[3], float scale, liken_error *err) {
    return lk_blob_net(out, &lk_blob_mobilefacenet, w, mean, scale, err);
}

/* A network whose table has all that it makes of a photo. */
static int plain_net(lk_net **out, const lk_blob *blob, const lk_weights *w, liken_error *err) {
    static const float none[3];
    return lk_blob_net(out, blob, w, none, 1, err);
}

int lk_weights_read_minifas_v2(lk_weights **out, const void *bytes, size_t size, liken_error *err) {
    return lk_blob_read(out, &lk_blob_minifas_v2, bytes, size, err);
}

int lk_weights_read_minifas_v1se(lk_weights **out, const void *bytes, size_t size, liken_error *err) {
    return lk_blob_read(out, &lk_blob_minifas_v1se, bytes, size, err);
}

int lk_net_minifas_v2(lk_net **out, const lk_weights *w, liken_error *err) {
    return plain_net(out, &lk_blob_minifas_v2, w, err);
}

int lk_net_minifas_v1se(lk_net **out, const lk_weights *w, liken_error *err) {
    return plain_net(out, &lk_blob_minifas_v1se, w, err);
}
