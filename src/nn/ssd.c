/* ssd.c - SSD on MobileNet v1: 512x512 RGB to 5118 boxes with a score a class.
 *
 * Thirteen pairs of depthwise and 1x1 convolutions (relu6), eight more convolutions behind them, and six predictors
 * that look at layer 11, layer 13 and four of the eight. A predictor is two 1x1 convolutions of one tensor (boxes,
 * classes); here they are one, boxes first, and the background's columns are left out. Predicted boxes are offsets from
 * anchors, which the pack holds as (ymin, xmin, ymax, xmax). */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "nn/net.h"

#define NAME 96
#define BOXES 5118
#define CLASSES 3 /* background, and two of which the faces' is the first */

static const float epsilon = 0.0010000000474974513f; /* of the pack's batch normalisation */

/* act(conv(x) + offset); `divisor` is folded into the kernel. */
static int conv(lk_builder *b, const char *name, int x, int size, int in, int out, int stride, float divisor) {
    const int shape[] = {size, size, in, out}, vector[] = {out};
    const float *filters = lk_build_values(b, 4, shape, "%s/weights", name);
    const float *bias = lk_build_values(b, 1, vector, "%s/convolution_bn_offset", name);
    const size_t count = (size_t)(size * size * in * out);
    float *kernel = lk_build_temporary(b, count);
    if (b->status != LIKEN_OK)
        return LK_INPUT;
    for (size_t i = 0; i < count; i++)
        kernel[i] = filters[i] / divisor;
    const lk_conv_spec s = {.in = x,
                            .kernel = kernel,
                            .bias = bias,
                            .height = size,
                            .width = size,
                            .channels_in = in,
                            .channels_out = out,
                            .stride = stride,
                            .pad = LK_PAD_SAME,
                            .act = LK_ACT_RELU6,
                            .residual = LK_NONE,
                            .into = LK_NONE};
    return lk_build_conv(b, &s);
}

static const float *vector_of(lk_builder *b, const char *name, const char *what, int channels) {
    return lk_build_values(b, 1, &channels, "%s/%s", name, what);
}

/* Depthwise with its batch normalisation folded in: gamma * (y - mean) / sqrt(variance + epsilon) + beta. */
static int depthwise(lk_builder *b, int number, int x, int channels, int stride) {
    char name[NAME];
    const int shape[] = {3, 3, channels, 1};
    (void)snprintf(name, sizeof name, "MobilenetV1/Conv2d_%d_depthwise", number);
    const float *filters = lk_build_values(b, 4, shape, "%s/depthwise_weights", name);
    const float *gamma = vector_of(b, name, "BatchNorm/gamma", channels);
    const float *beta = vector_of(b, name, "BatchNorm/beta", channels);
    const float *mean = vector_of(b, name, "BatchNorm/moving_mean", channels);
    const float *variance = vector_of(b, name, "BatchNorm/moving_variance", channels);
    float *kernel = lk_build_temporary(b, 9 * (size_t)channels), *bias = lk_build_temporary(b, (size_t)channels);
    if (b->status != LIKEN_OK)
        return LK_INPUT;
    for (int c = 0; c < channels; c++) {
        const float scale = gamma[c] / sqrtf(variance[c] + epsilon);
        for (int tap = 0; tap < 9; tap++)
            kernel[tap * channels + c] = filters[tap * channels + c] * scale;
        bias[c] = beta[c] - mean[c] * scale;
    }
    return lk_build_depthwise(b, x, kernel, bias, channels, stride, LK_PAD_SAME, LK_ACT_RELU6, false);
}

/* Copies columns [from, from + count) of a [rows][width] matrix to columns [at, ...) of a [rows][total] one. */
static void place(float *to, int total, int at, const float *matrix, int width, int from, int count, int rows) {
    for (int r = 0; r < rows; r++)
        memcpy(to + r * total + at, matrix + r * width + from, (size_t)count * sizeof(float));
}

/* A cell's channels: 4 for each of `anchors` boxes, then the classes without background of each. */
static int predictor(lk_builder *b, int number, int x, int in, int anchors) {
    char name[NAME];
    const int boxes = 4 * anchors, classes = CLASSES * anchors, kept = CLASSES - 1, out = (4 + kept) * anchors;
    (void)snprintf(name, sizeof name, "Prediction/BoxPredictor_%d", number);
    const float *box_filters =
        lk_build_values(b, 4, (const int[]){1, 1, in, boxes}, "%s/BoxEncodingPredictor/weights", name);
    const float *class_filters =
        lk_build_values(b, 4, (const int[]){1, 1, in, classes}, "%s/ClassPredictor/weights", name);
    const float *box_bias = vector_of(b, name, "BoxEncodingPredictor/biases", boxes);
    const float *class_bias = vector_of(b, name, "ClassPredictor/biases", classes);
    float *kernel = lk_build_temporary(b, (size_t)(in * out)), *bias = lk_build_temporary(b, (size_t)out);
    if (b->status != LIKEN_OK)
        return LK_INPUT;
    place(kernel, out, 0, box_filters, boxes, 0, boxes, in);
    place(bias, out, 0, box_bias, boxes, 0, boxes, 1);
    for (int a = 0; a < anchors; a++) {
        place(kernel, out, boxes + a * kept, class_filters, classes, a * CLASSES + 1, kept, in);
        place(bias, out, boxes + a * kept, class_bias, classes, a * CLASSES + 1, kept, 1);
    }
    return lk_build_point(b, x, kernel, bias, in, out, LK_ACT_NONE, LK_NONE);
}

/* Offsets (y/10, x/10, log height/5, log width/5) from the anchors, to boxes. */
static void decode(const lk_net *net, float *values, size_t count) {
    for (size_t i = 0; i + 4 <= count; i += 4) {
        const float *anchor = net->anchors + i;
        float *v = values + i;
        const float height = anchor[2] - anchor[0], width = anchor[3] - anchor[1];
        const float y = v[0] / 10 * height + anchor[0] + height / 2, x = v[1] / 10 * width + anchor[1] + width / 2;
        const float half_height = expf(v[2] / 5) * height / 2, half_width = expf(v[3] / 5) * width / 2;
        v[0] = y - half_height;
        v[1] = x - half_width;
        v[2] = y + half_height;
        v[3] = x + half_width;
    }
}

static void keep_anchors(lk_builder *b) {
    const float *anchors = lk_build_values(b, 3, (const int[]){1, BOXES, 4}, "Output/extra_dim");
    if (b->status != LIKEN_OK)
        return;
    float *kept = lk_arena_alloc(&b->net->arena, BOXES * 4 * sizeof(float));
    if (kept == NULL)
        b->status = lk_fail_memory(b->err);
    else
        memcpy(kept, anchors, BOXES * 4 * sizeof(float));
    b->net->anchors = kept;
}

/* Layers 0 to 13; *layer11 is what the first predictor sees. */
static int mobilenet(lk_builder *b, int *layer11) {
    static const int channels[] = {32, 64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024};
    int x = conv(b, "MobilenetV1/Conv2d_0_pointwise", LK_INPUT, 3, 3, channels[0], 2, 127.5f);
    for (int i = 1; i <= 13; i++) {
        char name[NAME];
        x = depthwise(b, i, x, channels[i - 1], i == 2 || i == 4 || i == 6 || i == 12 ? 2 : 1);
        (void)snprintf(name, sizeof name, "MobilenetV1/Conv2d_%d_pointwise", i);
        x = conv(b, name, x, 1, channels[i - 1], channels[i], 1, 1);
        if (i == 11)
            *layer11 = x;
    }
    return x;
}

int lk_net_ssd_mobilenet(lk_net **out, const lk_weights *w, liken_error *err) {
    static const struct {
        int size, in, out, stride;
    } extra[] = {{1, 1024, 256, 1}, {3, 256, 512, 2}, {1, 512, 128, 1}, {3, 128, 256, 2},
                 {1, 256, 128, 1},  {3, 128, 256, 2}, {1, 256, 64, 1},  {3, 64, 128, 2}};
    static const int predictor_in[] = {512, 1024, 512, 256, 256, 128};
    lk_builder b;
    int seen[6] = {0};
    lk_build_start(&b, w, 512, 512, 1, (const float[]){127.5f, 127.5f, 127.5f}, err);
    int x = mobilenet(&b, &seen[0]);
    seen[1] = x;
    for (int i = 0; i < 8; i++) {
        char name[NAME];
        (void)snprintf(name, sizeof name, "Prediction/Conv2d_%d_pointwise", i);
        x = conv(&b, name, x, extra[i].size, extra[i].in, extra[i].out, extra[i].stride, 1);
        if (i % 2 == 1)
            seen[2 + i / 2] = x;
    }
    lk_output *boxes = lk_build_output(&b, "boxes", decode);
    lk_output *scores = lk_build_output(&b, "scores", lk_post_sigmoid);
    for (int i = 0; i < 6; i++) {
        const int anchors = i == 0 ? 3 : 6, t = predictor(&b, i, seen[i], predictor_in[i], anchors);
        lk_build_part(&b, boxes, t, 0, 4 * anchors);
        lk_build_part(&b, scores, t, 4 * anchors, (CLASSES - 1) * anchors);
    }
    keep_anchors(&b);
    return lk_build_end(&b, out);
}
