/* face_mesh.c - 468 points of a face in space: 192x192 RGB to 1404 numbers x0, y0, z0, x1, ... in pixels of the input.
 *
 * MediaPipe's mesh: blocks of a depthwise and a 1x1 convolution that add what they read, six to a size; the first of a
 * size halves it and adds the pooled input, whose missing channels are zero. (Convolving that with the identity fills
 * them up, and costs a hundredth of the network.) A head of 32 channels sees the last 3x3 pixels whole. Its other two
 * heads are not built. */
#include <stdio.h>

#include "nn/net.h"

#define ROOT "StatefulPartitionedCall/model_1/"
#define POINTS 468

/* Convolution n's kernel [size][size][in][out]. */
static const float *kernel_of(lk_builder *b, int n, int size, int in, int out) {
    return lk_build_values(b, 4, (const int[]){size, size, in, out}, ROOT "conv2d_%d/Conv2D_weights", n);
}

static const float *bias_of(lk_builder *b, int n, int out) {
    return lk_build_values(b, 1, &out, ROOT "conv2d_%d/Conv2D_bn_offset", n);
}

/* The slopes behind convolution n; convolution n was added last. */
static void add_slope(lk_builder *b, int n, int channels) {
    const float *slope = lk_build_values(b, 3, (const int[]){1, 1, channels}, ROOT "p_re_lu_%d/Neg", n);
    if (slope != NULL)
        lk_build_prelu(b, slope, channels);
}

/* Convolution 1; the photo's division by 255 is folded in. */
static int first(lk_builder *b) {
    const float *kernel = kernel_of(b, 1, 3, 3, 16);
    float *scaled = lk_build_temporary(b, 27 * 16);
    if (scaled == NULL)
        return LK_INPUT;
    for (int i = 0; i < 27 * 16; i++)
        scaled[i] = kernel[i] / 255;
    const int x = lk_build_first(b, scaled, bias_of(b, 1, 16), 16, LK_PAD_SAME, LK_ACT_NONE);
    add_slope(b, 1, 16);
    return x;
}

/* `x` halved by its largest values, with `out` channels. */
static int halved(lk_builder *b, int x, int in, int out) {
    const int pooled = lk_build_max_pool(b, x, 2, 2);
    float *identity = in < out ? lk_build_temporary(b, (size_t)(in * out)) : NULL;
    if (identity == NULL)
        return pooled;
    for (int c = 0; c < in; c++)
        identity[c * out + c] = 1;
    return lk_build_point(b, pooled, identity, NULL, in, out, LK_ACT_NONE, LK_NONE);
}

/* Depthwise convolution `depth` and the 1x1 convolution n behind it, added to what they read. */
static int block(lk_builder *b, int x, int depth, int n, int in, int out, int stride) {
    const float *kernel =
        lk_build_values(b, 4, (const int[]){3, 3, in, 1}, ROOT "depthwise_conv2d_%d/depthwise/ReadVariableOp", depth);
    const int added = stride == 1 ? x : halved(b, x, in, out);
    if (b->status != LIKEN_OK)
        return LK_INPUT;
    const int seen = lk_build_depthwise(b, x, kernel, NULL, in, stride, LK_PAD_SAME, LK_ACT_NONE, false);
    const int made =
        lk_build_point(b, seen, kernel_of(b, n, 1, in, out), bias_of(b, n, out), in, out, LK_ACT_NONE, added);
    add_slope(b, n, out);
    return made;
}

static int head(lk_builder *b, int x) {
    x = lk_build_point(b, x, kernel_of(b, 19, 1, 128, 32), bias_of(b, 19, 32), 128, 32, LK_ACT_NONE, LK_NONE);
    add_slope(b, 19, 32);
    x = block(b, x, 18, 20, 32, 32, 1);
    const int values = 3 * POINTS, shape[] = {3, 3, 32, values};
    const lk_conv_spec s = {.in = x,
                            .kernel = lk_build_values(b, 4, shape, ROOT "conv2d_21/Conv2D/ReadVariableOp"),
                            .bias = lk_build_values(b, 1, &values, ROOT "conv2d_21/BiasAdd/ReadVariableOp"),
                            .height = 3,
                            .width = 3,
                            .channels_in = 32,
                            .channels_out = values,
                            .stride = 3,
                            .pad = LK_PAD_NONE,
                            .act = LK_ACT_NONE,
                            .residual = LK_NONE,
                            .into = LK_NONE};
    return lk_build_conv(b, &s);
}

int lk_net_face_mesh(lk_net **out, const lk_weights *w, liken_error *err) {
    static const int channels[] = {16, 32, 64, 128, 128, 128};
    static const float none[3];
    lk_builder b;
    lk_build_start(&b, w, 192, 192, 1, none, err);
    int x = first(&b);
    for (int i = 1; i <= 17; i++) {
        const int size = i / 3, stride = i % 3 == 0 ? 2 : 1;
        x = block(&b, x, i, i + 1, channels[stride == 2 ? size - 1 : size], channels[size], stride);
    }
    x = head(&b, x);
    lk_build_part(&b, lk_build_output(&b, "mesh", NULL), x, 0, 3 * POINTS);
    return lk_build_end(&b, out);
}
