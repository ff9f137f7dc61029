/* landmarks68.c - 68 points of a face: 112x112 RGB to 136 numbers x0, y0, x1, ... in 0..1 of the input.
 *
 * Four dense blocks of depthwise-separable convolutions. In a block each step sees relu of the sum of all before it:
 * s1 = relu(conv0), s2 = s1 + conv1(s1), s3 = s2 + conv2(relu s2), s4 = relu(s3 + conv3(relu s3)). The sums are kept
 * without relu and the depthwise kernels that read them rectify; so each addition is a fused residual. */
#include <stdio.h>

#include "nn/net.h"

#define NAME 64

static int separable(lk_builder *b, int x, const char *name, int in, int out, int stride, bool rectify, int residual,
                     lk_act act) {
    const int depth_shape[] = {3, 3, in, 1}, point_shape[] = {1, 1, in, out}, vector[] = {out};
    const float *depth = lk_build_values(b, 4, depth_shape, "%s/depthwise_filter", name);
    const float *point = lk_build_values(b, 4, point_shape, "%s/pointwise_filter", name);
    const float *bias = lk_build_values(b, 1, vector, "%s/bias", name);
    const int seen = lk_build_depthwise(b, x, depth, NULL, in, stride, LK_PAD_SAME, LK_ACT_NONE, rectify);
    return lk_build_point(b, seen, point, bias, in, out, act, residual);
}

/* The first convolution, the only dense one; the photo's division by 255 is folded in. */
static int first(lk_builder *b) {
    const int shape[] = {3, 3, 3, 32}, vector[] = {32};
    const float *filters = lk_build_values(b, 4, shape, "dense0/conv0/filters");
    const float *bias = lk_build_values(b, 1, vector, "dense0/conv0/bias");
    float *kernel = lk_build_temporary(b, 27 * 32);
    if (b->status != LIKEN_OK)
        return LK_INPUT;
    for (int i = 0; i < 27 * 32; i++)
        kernel[i] = filters[i] / 255;
    return lk_build_first(b, kernel, bias, 32, LK_PAD_SAME, LK_ACT_RELU);
}

static int block(lk_builder *b, int x, int number, int in, int out) {
    char name[4][32];
    for (int i = 0; i < 4; i++)
        (void)snprintf(name[i], sizeof name[i], "dense%d/conv%d", number, i);
    const int s1 = number == 0 ? first(b) : separable(b, x, name[0], in, out, 2, false, LK_NONE, LK_ACT_RELU);
    const int s2 = separable(b, s1, name[1], out, out, 1, false, s1, LK_ACT_NONE);
    const int s3 = separable(b, s2, name[2], out, out, 1, true, s2, LK_ACT_NONE);
    return separable(b, s3, name[3], out, out, 1, true, s3, LK_ACT_RELU);
}

int lk_net_landmarks68(lk_net **out, const lk_weights *w, liken_error *err) {
    lk_builder b;
    lk_build_start(&b, w, 112, 112, 1, (const float[]){122.782f, 117.001f, 104.298f}, err);
    int x = block(&b, LK_INPUT, 0, 3, 32);
    x = block(&b, x, 1, 32, 64);
    x = block(&b, x, 2, 64, 128);
    x = block(&b, x, 3, 128, 256);
    x = lk_build_global_pool(&b, x); /* 7x7 is all there is */
    const float *matrix = lk_build_values(&b, 2, (const int[]){256, 136}, "fc/weights");
    const float *bias = lk_build_values(&b, 1, (const int[]){136}, "fc/bias");
    x = lk_build_point(&b, x, matrix, bias, 256, 136, LK_ACT_NONE, LK_NONE);
    lk_build_part(&b, lk_build_output(&b, "points", NULL), x, 0, 136);
    return lk_build_end(&b, out);
}
