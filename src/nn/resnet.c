/* resnet.c - the face descriptor: dlib's 29-layer ResNet, 150x150 RGB to 128 numbers.
 *
 * 7x7/2 convolution, 3x3/2 max pool, then residual blocks: relu(conv(relu(conv(x))) + x), each convolution 3x3 with an
 * affine layer behind it. A "down" block has stride 2 in its first convolution and adds the 2x2 average of x instead of
 * x, with zeros for the channels that x lacks; where the average is one row and column larger than what the convolution
 * gives (256_down and the last block), the convolution counts as zero there. At last the mean over the image and a
 * matrix. */
#include <math.h>
#include <stdio.h>

#include "nn/net.h"

#define NAME 96

/* One convolution with its affine layer (y*scale + beta) folded in; `input_scale` goes into the kernel as well. */
static int conv(lk_builder *b, const char *name, lk_conv_spec s, float input_scale, bool one_pixel) {
    const int kernel_shape[] = {s.height, s.width, s.channels_in, s.channels_out}, vector[] = {s.channels_out};
    const float *filters = lk_build_values(b, 4, kernel_shape, "%s/conv/filters", name);
    const float *bias = lk_build_values(b, 1, vector, "%s/conv/bias", name);
    const float *scale = lk_build_values(b, 1, vector, "%s/scale/weights", name);
    const float *beta = lk_build_values(b, 1, vector, "%s/scale/biases", name);
    const size_t out = (size_t)s.channels_out, rows = (size_t)(s.height * s.width * s.channels_in);
    float *kernel = lk_build_temporary(b, rows * out), *offset = lk_build_temporary(b, out);
    if (b->status != LIKEN_OK)
        return LK_INPUT;
    for (size_t i = 0; i < rows * out; i++)
        kernel[i] = filters[i] * scale[i % out] * input_scale;
    for (size_t o = 0; o < out; o++)
        offset[o] = bias[o] * scale[o] + beta[o];
    s.kernel = kernel;
    s.bias = offset;
    if (one_pixel) { /* of a 3x3 kernel only the centre sees an image of one pixel */
        s.kernel = kernel + 4 * s.channels_in * s.channels_out;
        s.height = s.width = 1;
        s.pad = LK_PAD_NONE;
    }
    return lk_build_conv(b, &s);
}

static int residual(lk_builder *b, int x, const char *name, int channels) {
    char path[NAME];
    lk_conv_spec s = {.in = x,
                      .height = 3,
                      .width = 3,
                      .channels_in = channels,
                      .channels_out = channels,
                      .stride = 1,
                      .pad = LK_PAD_ONE,
                      .act = LK_ACT_RELU,
                      .residual = LK_NONE,
                      .into = LK_NONE};
    (void)snprintf(path, sizeof path, "%s/conv1", name);
    s.in = conv(b, path, s, 1, false);
    s.residual = x;
    (void)snprintf(path, sizeof path, "%s/conv2", name);
    return conv(b, path, s, 1, false);
}

/* `last`: the first convolution leaves one pixel. */
static int residual_down(lk_builder *b, int x, const char *name, int in, int out, bool last) {
    char path[NAME];
    /* the average is never negative, so that relu(0 + average) is the average */
    const int sum = lk_build_avg_pool(b, x, 2, 2, out);
    lk_conv_spec s = {.in = x,
                      .height = 3,
                      .width = 3,
                      .channels_in = in,
                      .channels_out = out,
                      .stride = 2,
                      .pad = LK_PAD_NONE,
                      .act = LK_ACT_RELU,
                      .residual = LK_NONE,
                      .into = LK_NONE};
    (void)snprintf(path, sizeof path, "%s/conv1", name);
    s.in = conv(b, path, s, 1, false);
    s.channels_in = out;
    s.stride = 1;
    s.pad = LK_PAD_ONE;
    s.residual = sum;
    s.into = sum;
    (void)snprintf(path, sizeof path, "%s/conv2", name);
    return conv(b, path, s, 1, last);
}

static int blocks(lk_builder *b, int x, int channels, int count) {
    char name[32];
    for (int i = 1; i <= count; i++) {
        (void)snprintf(name, sizeof name, "conv%d_%d", channels, i);
        x = residual(b, x, name, channels);
    }
    return x;
}

/* dlib's file has the mean as well: they must agree. */
static void check_mean(lk_builder *b, const float mean[3]) {
    const lk_tensor *own = lk_weights_find(b->weights, "input/mean");
    for (size_t i = 0; i < 3 && own != NULL && b->status == LIKEN_OK; i++)
        if (own->count != 3 || !(fabsf(own->data[i] - mean[i]) < 1e-3f))
            b->status = lk_fail(b->err, LIKEN_E_MODEL,
                                "The weights were trained on photos less (%g, %g, %g), but their pack says mean (%g, "
                                "%g, %g): correct its pack.json.",
                                (double)own->data[0], (double)own->data[1], (double)own->data[2], (double)mean[0],
                                (double)mean[1], (double)mean[2]);
}

int lk_net_resnet(lk_net **out, const lk_weights *w, const float mean[3], float scale, liken_error *err) {
    lk_builder b;
    lk_build_start(&b, w, 150, 150, 1, mean, err);
    check_mean(&b, mean);
    int x = conv(&b, "conv32_down",
                 (lk_conv_spec){.in = LK_INPUT,
                                .height = 7,
                                .width = 7,
                                .channels_in = 3,
                                .channels_out = 32,
                                .stride = 2,
                                .pad = LK_PAD_NONE,
                                .act = LK_ACT_RELU,
                                .residual = LK_NONE,
                                .into = LK_NONE},
                 scale, false);
    x = lk_build_max_pool(&b, x, 3, 2);
    x = blocks(&b, x, 32, 3);
    x = residual_down(&b, x, "conv64_down", 32, 64, false);
    x = blocks(&b, x, 64, 3);
    x = residual_down(&b, x, "conv128_down", 64, 128, false);
    x = blocks(&b, x, 128, 2);
    x = residual_down(&b, x, "conv256_down", 128, 256, false);
    x = blocks(&b, x, 256, 2);
    x = residual_down(&b, x, "conv256_down_out", 256, 256, true);
    x = lk_build_global_pool(&b, x);
    const float *matrix = lk_build_values(&b, 2, (const int[]){256, 128}, "fc");
    x = lk_build_point(&b, x, matrix, NULL, 256, 128, LK_ACT_NONE, LK_NONE);
    lk_build_part(&b, lk_build_output(&b, "descriptor", NULL), x, 0, 128);
    return lk_build_end(&b, out);
}
