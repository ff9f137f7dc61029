/* reference_double.h - any network in double precision: its nodes one after the other over whole tensors, each sum as
 * its definition says. Shares the list of nodes and the packed weights with src/nn, and no kernel, border, buffer,
 * chain or pairing. */
#ifndef LK_TESTS_NN_REFERENCE_DOUBLE_H
#define LK_TESTS_NN_REFERENCE_DOUBLE_H

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nn/plan.h"
#include "unit/test.h"

/* [height][width][channels] */
typedef struct plane {
    int height, width, channels;
    double *values;
} plane;

static inline plane plane_new(int height, int width, int channels) {
    plane p = {height, width, channels, calloc((size_t)(height * width * channels), sizeof(double))};
    assert_non_null(p.values);
    return p;
}

static inline double *plane_at(const plane *p, int y, int x) {
    return p->values + (size_t)(y * p->width + x) * (size_t)p->channels;
}

/* Zero outside. */
static inline double plane_value(const plane *p, int y, int x, int c) {
    return y >= 0 && x >= 0 && y < p->height && x < p->width ? plane_at(p, y, x)[c] : 0;
}

/* `slope`: of the value's channel, of LK_ACT_PRELU alone. */
static inline double double_activate(double x, lk_act act, const float *slope) {
    if (act == LK_ACT_PRELU)
        return x < 0 ? x * (double)*slope : x;
    const double low = act != LK_ACT_NONE && x < 0 ? 0 : x;
    return act == LK_ACT_RELU6 && low > 6 ? 6 : low;
}

static inline double double_conv(const lk_node *n, const lk_step *s, const plane *in, int y, int x, int o) {
    const lk_conv *c = &n->conv;
    const float *w = c->weights + (size_t)(o / LK_PANEL * LK_PANEL * c->kernel_h * c->kernel_w * c->in) + o % LK_PANEL;
    double sum = (double)c->bias[o];
    for (int ky = 0; ky < c->kernel_h; ky++)
        for (int kx = 0; kx < c->kernel_w; kx++)
            for (int i = 0; i < c->in; i++, w += LK_PANEL)
                sum += plane_value(in, y * n->stride - s->top + ky, x * n->stride - s->left + kx, i) * (double)*w;
    return sum;
}

static inline double double_depthwise(const lk_node *n, const lk_step *s, const plane *in, int y, int x, int c) {
    double sum = (double)n->depthwise.bias[c];
    for (int tap = 0; tap < 9; tap++) {
        const double a = plane_value(in, y * n->stride - s->top + tap / 3, x * n->stride - s->left + tap % 3, c);
        sum += (n->depthwise.rectify && a < 0 ? 0 : a) * (double)n->depthwise.weights[tap * in->channels + c];
    }
    return sum;
}

static inline double double_whole(const lk_node *n, const plane *in, int c) {
    double sum = (double)n->depthwise.bias[c];
    for (int y = 0; y < in->height; y++)
        for (int x = 0; x < in->width; x++)
            sum += plane_at(in, y, x)[c] * (double)n->depthwise.weights[(y * in->width + x) * in->channels + c];
    return sum;
}

static inline double double_pool(const lk_node *n, const plane *in, int y, int x, int c) {
    const int size = n->op == LK_OP_GLOBAL_POOL ? in->height : n->size;
    double most = -INFINITY, sum = 0;
    for (int k = 0; k < size * size && c < in->channels; k++) {
        const double a = plane_value(in, y * n->stride + k / size, x * n->stride + k % size, c);
        most = fmax(most, a);
        sum += a;
    }
    return n->op == LK_OP_MAX_POOL ? most : sum / (size * size);
}

/* One value of node n's output. */
static inline double double_value(const lk_node *n, const lk_step *s, const plane *planes, int y, int x, int c) {
    const plane *in = &planes[n->in], *in2 = n->in2 != LK_NONE ? &planes[n->in2] : NULL;
    switch (n->op) {
    case LK_OP_CONV:
        return double_activate(double_conv(n, s, in, y, x, c) + (in2 != NULL ? plane_at(in2, y, x)[c] : 0), n->conv.act,
                               n->conv.slope + (n->conv.slope != NULL ? c : 0));
    case LK_OP_DEPTHWISE:
        return double_activate(double_depthwise(n, s, in, y, x, c), n->depthwise.act,
                               n->depthwise.slope + (n->depthwise.slope != NULL ? c : 0));
    case LK_OP_DEPTHWISE_WHOLE:
        return double_activate(double_whole(n, in, c), n->depthwise.act,
                               n->depthwise.slope + (n->depthwise.slope != NULL ? c : 0));
    case LK_OP_ADD_UPSAMPLED:
        return plane_at(in, y, x)[c] + plane_at(in2, y / 2, x / 2)[c];
    case LK_OP_SCALE:
        return plane_at(in, y, x)[c] * plane_at(in2, 0, 0)[c] +
               (n->in3 != LK_NONE ? plane_at(&planes[n->in3], y, x)[c] : 0);
    case LK_OP_SIGMOID:
        return 1 / (1 + exp(-plane_at(in, y, x)[c]));
    default:
        return double_pool(n, in, y, x, c);
    }
}

static inline void double_node(const lk_net_state *state, int i, plane *planes) {
    const lk_node *n = &state->net->node[i];
    const lk_step *s = &state->step[i];
    if (planes[n->out].values == NULL)
        planes[n->out] = plane_new(s->height, s->width, state->net->channels[n->out]);
    for (int y = 0; y < s->height; y++)
        for (int x = 0; x < s->width; x++)
            for (int c = 0; c < planes[n->out].channels; c++)
                plane_at(&planes[n->out], y, x)[c] = double_value(n, s, planes, y, x, c);
}

/* The network's only output, of one part and without a post step, for one photo; free() it. */
static inline double *double_forward(const lk_net_state *state, const lk_net_input *photo, size_t *count) {
    const lk_net *net = state->net;
    const lk_output *out = &net->output[0];
    plane planes[LK_MAX_TENSORS] = {{.values = NULL}};
    assert_true(net->outputs == 1 && out->parts == 1 && out->post == NULL && net->height != 0);
    planes[LK_INPUT] = plane_new(net->height, net->width, 3);
    for (int y = 0; y < net->height; y++)
        for (int i = 0; i < net->width * 3; i++)
            plane_at(&planes[LK_INPUT], y, 0)[i] =
                (double)photo->rgb[(size_t)y * photo->stride + (size_t)i] - (double)net->mean[i % 3];
    for (int i = 0; i < net->nodes; i++)
        double_node(state, i, planes);
    const plane *last = &planes[out->part[0].tensor];
    *count = (size_t)(last->height * last->width * out->part[0].count);
    double *values = malloc(*count * sizeof *values);
    assert_non_null(values);
    assert_true(last->height == 1 && last->width == 1);
    memcpy(values, last->values + out->part[0].first, *count * sizeof *values);
    for (int t = 0; t < net->tensors; t++)
        free(planes[t].values);
    return values;
}

#endif
