/* onnx_net.c - goes through the graph of an ONNX file from its first node to its last (see onnx.h). */
#include "nn/onnx.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define OPERATORS                                                                                                      \
    "Conv, Gemm, MatMul, BatchNormalization, Relu, PRelu, LeakyRelu, Clip, Sigmoid, HardSigmoid, HardSwish, Add, "     \
    "Sub, "                                                                                                            \
    "Mul, Div, MaxPool, AveragePool, GlobalAveragePool, GlobalMaxPool, ReduceMean, Flatten, Reshape, ReduceL2 and "    \
    "LpNormalization"

/* ---- what is needed ---- */

static void use(lk_lowering *l, int value, int node) {
    l->users[value]++;
    l->user[value] = node;
}

/* Nodes from whose outputs nothing comes to the descriptor are left out. */
static void find_needed(lk_lowering *l) {
    use(l, l->graph->output, LK_NONE);
    for (int i = l->graph->nodes - 1; i >= 0; i--) {
        const lk_onnx_node *n = &l->graph->node[i];
        for (int k = 0; k < n->outputs; k++)
            l->needed[i] |= n->output[k] != LK_NONE && l->users[n->output[k]] > 0;
        for (int k = 0; l->needed[i] && k < n->inputs; k++)
            if (n->input[k] != LK_NONE)
                use(l, n->input[k], i);
    }
}

static int start(lk_lowering *l, const lk_onnx *graph, const lk_net_look *look, liken_error *err) {
    const float mean[3] = {0};
    const size_t values = (size_t)graph->values, nodes = (size_t)graph->nodes;
    *l = (lk_lowering){.graph = graph, .blue_first = look->blue_first};
    lk_build_start(&l->build, NULL, look->side, look->side, 1, mean, err);
    l->value = calloc(values, sizeof *l->value);
    l->users = calloc(values, sizeof *l->users);
    l->user = calloc(values, sizeof *l->user);
    l->needed = calloc(nodes, sizeof *l->needed);
    l->done = calloc(nodes, sizeof *l->done);
    if (l->build.status == LIKEN_OK &&
        (l->value == NULL || l->users == NULL || l->user == NULL || l->needed == NULL || l->done == NULL))
        l->build.status = lk_fail_memory(err);
    return l->build.status;
}

static void see(lk_lowering *l, const lk_net_look *look) {
    lk_value photo = {.known = LK_PHOTO, .channels = 3, .height = look->side, .width = look->side};
    for (size_t c = 0; c < 3; c++) {
        photo.mean[look->blue_first ? 2 - c : c] = look->mean[c];
        photo.scale[look->blue_first ? 2 - c : c] = look->scale[c];
    }
    l->value[l->graph->input] = photo;
    for (int v = 0; v < l->graph->values; v++)
        if (l->graph->constant[v] != NULL)
            l->value[v] = (lk_value){.known = LK_CONSTANT, .constant = l->graph->constant[v]};
}

/* ---- the two ends ---- */

static int check_input(const lk_onnx *o, int side, liken_error *err) {
    const int64_t *d = o->input_dim;
    if (o->input_rank != 0 && (o->input_rank != 4 || (d[1] != 3 && d[1] != -1)))
        return lk_fail(err, LIKEN_E_MODEL,
                       "The network's input is not a batch of photos as [batch, 3, height, width]%s; export it with "
                       "the channels before height and width.",
                       o->input_rank == 4 && d[3] == 3 ? " but [batch, height, width, 3]" : "");
    if (o->input_rank != 0 && d[0] != -1 && d[0] != 0 && d[0] != 1)
        return lk_fail(err, LIKEN_E_MODEL,
                       "The network's input is always %lld photos; export it with a batch of 1, or of any size.",
                       (long long)d[0]);
    if (o->input_rank != 0 && ((d[2] > 0 && d[2] != side) || (d[3] > 0 && d[3] != side)))
        return lk_fail(err, LIKEN_E_MODEL, "The network sees %lld x %lld pixels, and the pack's chip is %d x %d.",
                       (long long)d[3], (long long)d[2], side, side);
    return LIKEN_OK;
}

static void normalise(const lk_net *net, float *values, size_t count) {
    double sum = 0;
    (void)net;
    for (size_t i = 0; i < count; i++)
        sum += (double)values[i] * (double)values[i];
    for (size_t i = 0; sum > 0 && i < count; i++)
        values[i] = (float)((double)values[i] / sqrt(sum));
}

static void finish(lk_lowering *l, const lk_net_look *look) {
    const lk_value *v = &l->value[l->graph->output];
    if (l->build.status != LIKEN_OK)
        return;
    if (v->known != LK_MAP || v->height * v->width != 1) {
        l->build.status = lk_fail(l->build.err, LIKEN_E_MODEL,
                                  "The network's first output is not a descriptor: one row of numbers for each photo.");
    } else if (v->channels != look->dimension) {
        l->build.status = lk_fail(l->build.err, LIKEN_E_MODEL,
                                  "The network makes %d numbers of a face, and the pack's dimension is %d.",
                                  v->channels, look->dimension);
    } else {
        lk_output *o = lk_build_output(&l->build, "descriptor", v->unit || look->normalise ? normalise : NULL);
        lk_build_part(&l->build, o, v->tensor, 0, v->channels);
    }
}

/* ---- all ---- */

static void lower(lk_lowering *l) {
    const lk_onnx_node *n = &l->graph->node[l->at];
    if (!lk_onnx_own(n))
        lk_refuse(l, "is of another set of operators than ONNX's own");
    else if (l->build.net->nodes + 4 > LK_MAX_NODES)
        lk_refuse(l, "is one more than the %d steps that liken runs", LK_MAX_NODES);
    else if (!lk_lower_shape(l, n) && !lk_lower_dense(l, n) && !lk_lower_op(l, n))
        lk_refuse(l, "is an operator that liken does not run. It runs " OPERATORS);
}

int lk_net_onnx(lk_net **out, const void *bytes, size_t size, const lk_net_look *look, liken_error *err) {
    lk_onnx graph;
    lk_lowering l = {0};
    int rc = size == 0 ? lk_onnx_damaged(err) : LIKEN_OK;
    if (rc != LIKEN_OK)
        return rc;
    rc = lk_onnx_read(&graph, bytes, size, err);
    if (rc == LIKEN_OK)
        rc = check_input(&graph, look->side, err);
    if (rc == LIKEN_OK) {
        if (start(&l, &graph, look, err) == LIKEN_OK) {
            see(&l, look);
            find_needed(&l);
        }
        for (; l.build.status == LIKEN_OK && l.at < graph.nodes; l.at++)
            if (l.needed[l.at] && !l.done[l.at])
                lower(&l);
        finish(&l, look);
        rc = lk_build_end(&l.build, out);
    }
    free(l.value);
    free(l.users);
    free(l.user);
    free(l.needed);
    free(l.done);
    lk_onnx_free(&graph);
    return rc;
}
