/* yunet.c - the YuNet face detector (libfacedetection.train's yunet_n): any size that 32 divides, no normalisation,
 * BGR.
 *
 * Everything but the first convolution is a unit: 1x1 convolution, then depthwise 3x3 with bias, mostly relu. A
 * backbone of 2x2-pooled stages gives features at strides 8, 16 and 32; the neck adds the coarser ones, enlarged, to
 * the finer; a head a stride predicts class (1), objectness (1), box (4) and five points (10). The four predictors of a
 * head are units of the same tensor: here they are one unit of 16 channels. The exporter folded batch normalisation
 * into the depthwise convolutions and named them by number: `depth` below. */
#include <stdio.h>

#include "nn/net.h"

#define NAME 80
#define HEAD 16

/* [out][in] of ONNX, rows [at, at + out) of the result's columns, to [in][total]. */
static void turn(float *to, int total, int at, const float *from, int in, int out) {
    for (int o = 0; o < out; o++)
        for (int i = 0; i < in; i++)
            to[i * total + at + o] = from[o * in + i];
}

/* Adds 1x1 convolution and depthwise, both given in tensorflow's order. */
static int add_unit(lk_builder *b, int x, const float *point, const float *point_bias, const float *depth,
                    const float *depth_bias, int in, int out, lk_act act) {
    if (b->status != LIKEN_OK)
        return LK_INPUT;
    const int mixed = lk_build_point(b, x, point, point_bias, in, out, LK_ACT_NONE, LK_NONE);
    return lk_build_depthwise(b, mixed, depth, depth_bias, out, 1, LK_PAD_ONE, act, false);
}

/* The tensors of one unit into columns [at, at + out) of units of `total` channels. */
typedef struct unit {
    float *point, *point_bias, *depth, *depth_bias;
    int total;
} unit;

static unit new_unit(lk_builder *b, int in, int total) {
    return (unit){lk_build_temporary(b, (size_t)(in * total)), lk_build_temporary(b, (size_t)total),
                  lk_build_temporary(b, (size_t)(9 * total)), lk_build_temporary(b, (size_t)total), total};
}

static void fill(lk_builder *b, const unit *u, int at, const char *point, const char *depth_weight,
                 const char *depth_bias, int in, int out) {
    const float *pw = lk_build_values(b, 4, (const int[]){out, in, 1, 1}, "%s.weight", point);
    const float *pb = lk_build_values(b, 1, &out, "%s.bias", point);
    const float *dw = lk_build_values(b, 4, (const int[]){out, 1, 3, 3}, "%s", depth_weight);
    const float *db = lk_build_values(b, 1, &out, "%s", depth_bias);
    if (b->status != LIKEN_OK)
        return;
    turn(u->point, u->total, at, pw, in, out);
    turn(u->point_bias, u->total, at, pb, 1, out);
    turn(u->depth, u->total, at, dw, 9, out);
    turn(u->depth_bias, u->total, at, db, 1, out);
}

/* A unit of backbone or neck; `depth` is the number that the exporter gave the depthwise weights, its bias has the
 * next. */
static int body_unit(lk_builder *b, int x, const char *name, int depth, int in, int out) {
    char point[NAME], weight[16], bias[16];
    (void)snprintf(point, sizeof point, "%s.conv1", name);
    (void)snprintf(weight, sizeof weight, "%d", depth);
    (void)snprintf(bias, sizeof bias, "%d", depth + 1);
    const unit u = new_unit(b, in, out);
    fill(b, &u, 0, point, weight, bias, in, out);
    return add_unit(b, x, u.point, u.point_bias, u.depth, u.depth_bias, in, out, LK_ACT_RELU);
}

static const struct {
    const char *name, *outputs[3];
    int channels;
} predictors[] = {
    {"cls", {"cls_8", "cls_16", "cls_32"}, 1},
    {"obj", {"obj_8", "obj_16", "obj_32"}, 1},
    {"bbox", {"bbox_8", "bbox_16", "bbox_32"}, 4},
    {"kps", {"kps_8", "kps_16", "kps_32"}, 10},
};

/* The head of one level (0: stride 8), with its outputs. */
static void head(lk_builder *b, int x, int level, int depth) {
    char name[NAME];
    (void)snprintf(name, sizeof name, "bbox_head.multi_level_share_convs.%d.0", level);
    x = body_unit(b, x, name, depth, 64, 64);
    const unit u = new_unit(b, 64, HEAD);
    int at = 0;
    for (size_t i = 0; i < LK_LENGTH(predictors); i++) {
        char point[NAME], weight[NAME], bias[NAME];
        const char *kind = predictors[i].name;
        (void)snprintf(point, sizeof point, "bbox_head.multi_level_%s.%d.conv1", kind, level);
        (void)snprintf(weight, sizeof weight, "bbox_head.multi_level_%s.%d.conv2.weight", kind, level);
        (void)snprintf(bias, sizeof bias, "bbox_head.multi_level_%s.%d.conv2.bias", kind, level);
        fill(b, &u, at, point, weight, bias, 64, predictors[i].channels);
        at += predictors[i].channels;
    }
    x = add_unit(b, x, u.point, u.point_bias, u.depth, u.depth_bias, 64, HEAD, LK_ACT_NONE);
    at = 0;
    for (size_t i = 0; i < LK_LENGTH(predictors); i++) {
        const int score = predictors[i].channels == 1;
        lk_build_part(b, lk_build_output(b, predictors[i].outputs[level], score ? lk_post_sigmoid : NULL), x, at,
                      predictors[i].channels);
        at += predictors[i].channels;
    }
}

/* 3x3/2 on the photo; ONNX has [out][in][y][x] and blue first. */
static int first(lk_builder *b) {
    const float *filters = lk_build_values(b, 4, (const int[]){16, 3, 3, 3}, "459");
    const float *bias = lk_build_values(b, 1, (const int[]){16}, "460");
    float *kernel = lk_build_temporary(b, 9 * 3 * 16);
    if (b->status != LIKEN_OK)
        return LK_INPUT;
    for (int o = 0; o < 16; o++)
        for (int i = 0; i < 3; i++)
            for (int tap = 0; tap < 9; tap++)
                kernel[(tap * 3 + 2 - i) * 16 + o] = filters[(o * 3 + i) * 9 + tap];
    return lk_build_first(b, kernel, bias, 16, LK_PAD_ONE, LK_ACT_RELU);
}

static int stage(lk_builder *b, int x, int number, int depth) {
    char name[NAME];
    (void)snprintf(name, sizeof name, "backbone.model%d.conv1", number);
    x = body_unit(b, x, name, depth, 64, 64);
    (void)snprintf(name, sizeof name, "backbone.model%d.conv2", number);
    return body_unit(b, x, name, depth + 3, 64, 64);
}

int lk_net_yunet(lk_net **out, const lk_weights *w, liken_error *err) {
    lk_builder b;
    lk_build_start(&b, w, 0, 0, 32, (const float[]){0, 0, 0}, err);
    int x = first(&b);
    x = body_unit(&b, x, "backbone.model0.conv2", 462, 16, 16);
    x = lk_build_max_pool(&b, x, 2, 2);
    x = body_unit(&b, x, "backbone.model1.conv1", 465, 16, 16);
    x = body_unit(&b, x, "backbone.model1.conv2", 468, 16, 64);
    x = stage(&b, x, 2, 471);
    const int c8 = stage(&b, lk_build_max_pool(&b, x, 2, 2), 3, 477);
    const int c16 = stage(&b, lk_build_max_pool(&b, c8, 2, 2), 4, 483);
    const int c32 = stage(&b, lk_build_max_pool(&b, c16, 2, 2), 5, 489);
    const int p32 = body_unit(&b, c32, "neck.lateral_convs.2", 495, 64, 64);
    const int p16 = body_unit(&b, lk_build_add_upsampled(&b, c16, p32), "neck.lateral_convs.1", 498, 64, 64);
    const int p8 = body_unit(&b, lk_build_add_upsampled(&b, c8, p16), "neck.lateral_convs.0", 501, 64, 64);
    head(&b, p8, 0, 504);
    head(&b, p16, 1, 507);
    head(&b, p32, 2, 510);
    return lk_build_end(&b, out);
}
