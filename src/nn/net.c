/* net.c - the builder: checks shapes, folds and packs weights, lists nodes. */
#include "nn/net.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void lk_build_start(lk_builder *b, const lk_weights *w, int height, int width, int multiple, const float mean[3],
                    liken_error *err) {
    *b = (lk_builder){.net = calloc(1, sizeof(lk_net)), .weights = w, .err = err};
    if (b->net == NULL) {
        b->status = lk_fail_memory(err);
        return;
    }
    b->net->measuring = malloc(sizeof *b->net->measuring);
    b->net->choice = calloc(LK_MAX_NODES, sizeof *b->net->choice);
    if (b->net->measuring == NULL || b->net->choice == NULL || pthread_mutex_init(b->net->measuring, NULL) != 0) {
        free(b->net->measuring);
        b->net->measuring = NULL;
        b->status = lk_fail_memory(err);
        return;
    }
    b->net->height = height;
    b->net->width = width;
    b->net->multiple = multiple;
    memcpy(b->net->mean, mean, sizeof b->net->mean);
    b->net->channels[0] = 3;
    b->net->tensors = 1;
}

int lk_build_end(lk_builder *b, lk_net **out) {
    lk_arena_free(&b->temporary);
    if (b->status != LIKEN_OK)
        lk_net_free(b->net);
    else
        *out = b->net;
    return b->status;
}

void lk_net_free(lk_net *net) {
    if (net == NULL)
        return;
    if (net->measuring != NULL)
        pthread_mutex_destroy(net->measuring);
    free(net->measuring);
    free(net->choice);
    lk_arena_free(&net->arena);
    free(net);
}

int lk_net_output_count(const lk_net *net) {
    return net->outputs;
}

const char *lk_net_output_name(const lk_net *net, int i) {
    return i >= 0 && i < net->outputs ? net->output[i].name : NULL;
}

const float *lk_build_values(lk_builder *b, int rank, const int *shape, const char *format, ...) {
    char name[128] = "";
    if (b->status != LIKEN_OK)
        return NULL;
    va_list args;
    va_start(args, format);
    (void)vsnprintf(name, sizeof name, format, args);
    va_end(args);
    const lk_tensor *t = lk_weights_find(b->weights, name);
    if (t == NULL) {
        b->status =
            lk_fail(b->err, LIKEN_E_MODEL,
                    "The weights have no tensor \"%s\": they belong to another network; install the pack again.", name);
        return NULL;
    }
    int same = t->rank == rank;
    for (int i = 0; same && i < rank; i++)
        same = t->shape[i] == shape[i];
    if (!same) {
        b->status = lk_fail(b->err, LIKEN_E_MODEL,
                            "The tensor \"%s\" of the weights has an unexpected shape: they belong to another network; "
                            "install the pack again.",
                            name);
        return NULL;
    }
    return t->data;
}

static float *allocate(lk_builder *b, lk_arena *arena, size_t count) {
    if (b->status != LIKEN_OK)
        return NULL;
    float *p = lk_arena_alloc(arena, (count < LK_PANEL ? LK_PANEL : count) * sizeof(float));
    if (p == NULL)
        b->status = lk_fail_memory(b->err);
    return p;
}

float *lk_build_temporary(lk_builder *b, size_t count) {
    return allocate(b, &b->temporary, count);
}

static int fault(lk_builder *b, const char *what) {
    if (b->status == LIKEN_OK)
        b->status =
            lk_fail(b->err, LIKEN_E_INTERNAL, "A network of liken is built wrongly: %s. Please report it.", what);
    return LK_INPUT;
}

int lk_build_tensor(lk_builder *b, int channels) {
    if (b->status != LIKEN_OK)
        return LK_INPUT;
    if (b->net->tensors == LK_MAX_TENSORS)
        return fault(b, "too many tensors");
    b->net->channels[b->net->tensors] = lk_panels(channels);
    return b->net->tensors++;
}

static int add_node(lk_builder *b, const lk_node *node) {
    if (b->status != LIKEN_OK)
        return LK_INPUT;
    if (b->net->nodes == LK_MAX_NODES)
        return fault(b, "too many nodes");
    b->net->node[b->net->nodes++] = *node;
    return node->out;
}

/* `count` floats and zeros up to whole panels, in the net's arena; NULL gives zeros. */
static const float *keep_panels(lk_builder *b, const float *values, int count) {
    float *kept = allocate(b, &b->net->arena, (size_t)lk_panels(count));
    if (kept != NULL && values != NULL)
        memcpy(kept, values, (size_t)count * sizeof(float));
    return kept;
}

static void pack(lk_builder *b, const lk_conv_spec *s, lk_conv *c) {
    float *direct = allocate(b, &b->net->arena, lk_kern_conv_floats(s->height, s->width, c->in, s->channels_out));
    if (direct == NULL)
        return;
    lk_kern_pack_conv(direct, s->kernel, s->height, s->width, s->channels_in, c->in, s->channels_out);
    c->weights = direct;
    if (s->direct || s->height != 3 || s->width != 3 || s->stride != 1 || c->in % LK_PANEL != 0 ||
        lk_kern_get()->winograd == NULL)
        return;
    float *winograd = allocate(b, &b->net->arena, lk_kern_winograd_floats_weights(c->in, s->channels_out));
    if (winograd == NULL)
        return;
    lk_kern_pack_winograd(winograd, s->kernel, s->channels_in, c->in, s->channels_out);
    c->winograd = winograd;
}

int lk_build_conv(lk_builder *b, const lk_conv_spec *s) {
    if (b->status != LIKEN_OK)
        return LK_INPUT;
    const int out = s->into != LK_NONE ? s->into : lk_build_tensor(b, s->channels_out);
    lk_node node = {.op = LK_OP_CONV,
                    .in = s->in,
                    .in2 = s->residual,
                    .out = out,
                    .size = s->height,
                    .stride = s->stride,
                    .pad = s->pad,
                    .pads = s->pads};
    node.conv = (lk_conv){.kernel_h = s->height,
                          .kernel_w = s->width,
                          .stride = s->stride,
                          .in = b->net->channels[s->in],
                          .out = lk_panels(s->channels_out),
                          .act = s->act};
    if (b->net->channels[out] != node.conv.out || node.conv.in < s->channels_in)
        return fault(b, "a convolution does not fit its tensors");
    node.conv.bias = keep_panels(b, s->bias, s->channels_out);
    pack(b, s, &node.conv);
    return add_node(b, &node);
}

int lk_build_first(lk_builder *b, const float *kernel, const float *bias, int channels_out, lk_pad pad, lk_act act) {
    const lk_conv_spec s = {.in = LK_INPUT,
                            .kernel = kernel,
                            .bias = bias,
                            .height = 3,
                            .width = 3,
                            .channels_in = 3,
                            .channels_out = channels_out,
                            .stride = 2,
                            .pad = pad,
                            .act = act,
                            .residual = LK_NONE,
                            .into = LK_NONE};
    return lk_build_conv(b, &s);
}

int lk_build_point(lk_builder *b, int in, const float *kernel, const float *bias, int channels_in, int channels_out,
                   lk_act act, int residual) {
    const lk_conv_spec s = {.in = in,
                            .kernel = kernel,
                            .bias = bias,
                            .height = 1,
                            .width = 1,
                            .channels_in = channels_in,
                            .channels_out = channels_out,
                            .stride = 1,
                            .pad = LK_PAD_NONE,
                            .act = act,
                            .residual = residual,
                            .into = LK_NONE};
    return lk_build_conv(b, &s);
}

/* A kernel [side][side][channels] for the tensor `in`, each tap in whole panels, in the net's arena. */
static const float *keep_taps(lk_builder *b, int in, const float *kernel, int side, int channels) {
    const size_t stored = (size_t)lk_panels(channels), taps = (size_t)side * (size_t)side;
    if (b->status == LIKEN_OK && b->net->channels[in] != lk_panels(channels))
        (void)fault(b, "a depthwise convolution does not fit its input");
    float *kept = allocate(b, &b->net->arena, taps * stored);
    for (size_t tap = 0; kept != NULL && tap < taps; tap++)
        memcpy(kept + tap * stored, kernel + tap * (size_t)channels, (size_t)channels * sizeof(float));
    return kept;
}

int lk_build_depthwise(lk_builder *b, int in, const float *kernel, const float *bias, int channels, int stride,
                       lk_pad pad, lk_act act, bool rectify) {
    const float *weights = keep_taps(b, in, kernel, 3, channels);
    if (weights == NULL)
        return LK_INPUT;
    lk_node node = {.op = LK_OP_DEPTHWISE,
                    .in = in,
                    .in2 = LK_NONE,
                    .out = lk_build_tensor(b, channels),
                    .size = 3,
                    .stride = stride,
                    .pad = pad};
    node.depthwise = (lk_depthwise){
        .stride = stride, .rectify = rectify, .weights = weights, .bias = keep_panels(b, bias, channels), .act = act};
    return add_node(b, &node);
}

int lk_build_depthwise_padded(lk_builder *b, int in, const float *kernel, const float *bias, int channels, int size,
                              int stride, const lk_pads *pads, lk_act act) {
    const float *weights = keep_taps(b, in, kernel, size, channels);
    if (weights == NULL)
        return LK_INPUT;
    lk_node node = {.op = size == 3 && stride <= 2 ? LK_OP_DEPTHWISE : LK_OP_DEPTHWISE_ANY,
                    .in = in,
                    .in2 = LK_NONE,
                    .out = lk_build_tensor(b, channels),
                    .size = size,
                    .stride = stride,
                    .pad = LK_PAD_GIVEN,
                    .pads = *pads};
    node.depthwise = (lk_depthwise){
        .stride = stride, .weights = weights, .bias = keep_panels(b, bias, channels), .act = act, .size = size};
    return add_node(b, &node);
}

int lk_build_depthwise_whole(lk_builder *b, int in, const float *kernel, const float *bias, int side, int channels) {
    const float *weights = keep_taps(b, in, kernel, side, channels);
    if (weights == NULL)
        return LK_INPUT;
    lk_node node = {.op = LK_OP_DEPTHWISE_WHOLE,
                    .in = in,
                    .in2 = LK_NONE,
                    .out = lk_build_tensor(b, channels),
                    .size = side,
                    .stride = 1,
                    .pad = LK_PAD_NONE};
    node.depthwise = (lk_depthwise){.stride = 1, .weights = weights, .bias = keep_panels(b, bias, channels)};
    return add_node(b, &node);
}

void lk_build_prelu(lk_builder *b, const float *slope, int channels) {
    const float *kept = keep_panels(b, slope, channels);
    if (b->status != LIKEN_OK)
        return;
    lk_node *last = &b->net->node[b->net->nodes - 1];
    last->conv.act = last->depthwise.act = LK_ACT_PRELU;
    last->conv.slope = last->depthwise.slope = kept;
}

static int build_window(lk_builder *b, lk_op op, int in, int size, int stride, int channels) {
    const lk_node node = {.op = op,
                          .in = in,
                          .in2 = LK_NONE,
                          .out = lk_build_tensor(b, channels),
                          .size = size,
                          .stride = stride,
                          .pad = LK_PAD_NONE};
    return add_node(b, &node);
}

static int channels_of(const lk_builder *b, int tensor) {
    return b->status == LIKEN_OK ? b->net->channels[tensor] : 0;
}

int lk_build_max_pool(lk_builder *b, int in, int size, int stride) {
    return build_window(b, LK_OP_MAX_POOL, in, size, stride, channels_of(b, in));
}

int lk_build_avg_pool(lk_builder *b, int in, int size, int stride, int channels) {
    return build_window(b, LK_OP_AVG_POOL, in, size, stride, channels);
}

int lk_build_global_pool(lk_builder *b, int in) {
    return build_window(b, LK_OP_GLOBAL_POOL, in, 0, 1, channels_of(b, in));
}

static int build_two(lk_builder *b, lk_op op, int first, int second) {
    const lk_node node = {.op = op,
                          .in = first,
                          .in2 = second,
                          .out = lk_build_tensor(b, channels_of(b, first)),
                          .size = 1,
                          .stride = 1,
                          .pad = LK_PAD_NONE};
    return add_node(b, &node);
}

int lk_build_add_upsampled(lk_builder *b, int fine, int coarse) {
    return build_two(b, LK_OP_ADD_UPSAMPLED, fine, coarse);
}

int lk_build_pool(lk_builder *b, int in, const lk_pool *pool, const lk_pads *pads) {
    const lk_node node = {.op = LK_OP_POOL,
                          .in = in,
                          .in2 = LK_NONE,
                          .out = lk_build_tensor(b, channels_of(b, in)),
                          .size = pool->size,
                          .stride = pool->stride,
                          .pad = LK_PAD_GIVEN,
                          .pads = *pads,
                          .pool = *pool};
    return add_node(b, &node);
}

int lk_build_affine(lk_builder *b, int in, const lk_affine *a, int channels) {
    lk_node node = {.op = LK_OP_AFFINE,
                    .in = in,
                    .in2 = LK_NONE,
                    .out = lk_build_tensor(b, channels),
                    .size = 1,
                    .stride = 1,
                    .pad = LK_PAD_NONE,
                    .affine = *a};
    node.affine.factor = keep_panels(b, a->factor, channels);
    node.affine.term = keep_panels(b, a->term, channels);
    node.affine.slope = a->slope != NULL ? keep_panels(b, a->slope, channels) : NULL;
    return add_node(b, &node);
}

int lk_build_sum(lk_builder *b, int first, int second) {
    return build_two(b, LK_OP_SUM, first, second);
}

int lk_build_product(lk_builder *b, int first, int second) {
    return build_two(b, LK_OP_PRODUCT, first, second);
}

int lk_build_sigmoid(lk_builder *b, int in) {
    return build_window(b, LK_OP_SIGMOID, in, 1, 1, channels_of(b, in));
}

int lk_build_scale(lk_builder *b, int in, int gate, int residual) {
    const lk_node node = {.op = LK_OP_SCALE,
                          .in = in,
                          .in2 = gate,
                          .in3 = residual,
                          .out = lk_build_tensor(b, channels_of(b, in)),
                          .size = 1,
                          .stride = 1,
                          .pad = LK_PAD_NONE};
    return add_node(b, &node);
}

lk_output *lk_build_output(lk_builder *b, const char *name, void (*post)(const lk_net *, float *, size_t)) {
    if (b->status == LIKEN_OK && b->net->outputs == LK_MAX_OUTPUTS)
        (void)fault(b, "too many outputs");
    lk_output *o = b->status == LIKEN_OK ? &b->net->output[b->net->outputs++] : &b->spare;
    *o = (lk_output){.name = name, .post = post};
    return o;
}

void lk_build_part(lk_builder *b, lk_output *o, int tensor, int first, int count) {
    if (b->status != LIKEN_OK)
        return;
    o->part[o->parts].tensor = tensor;
    o->part[o->parts].first = first;
    o->part[o->parts].count = count;
    o->parts++;
}

void lk_post_sigmoid(const lk_net *net, float *values, size_t count) {
    (void)net;
    for (size_t i = 0; i < count; i++)
        values[i] = 1.0f / (1.0f + expf(-values[i]));
}

void lk_post_softmax(const lk_net *net, float *values, size_t count) {
    (void)net;
    float most = values[0], sum = 0;
    for (size_t i = 1; i < count; i++)
        most = fmaxf(most, values[i]);
    for (size_t i = 0; i < count; i++) {
        values[i] = expf(values[i] - most);
        sum += values[i];
    }
    for (size_t i = 0; i < count; i++)
        values[i] /= sum;
}
