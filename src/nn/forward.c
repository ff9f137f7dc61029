/* forward.c - runs a planned network. Nothing is allocated, nothing can fail. */
#include <string.h>

#include "nn/plan.h"

/* Convolution i, with the depthwise one before it where it does both. */
static void run_conv(const lk_net_state *s, int i, const lk_map *in, const lk_map *out, const lk_map *residual,
                     int height, int width, int batch) {
    const lk_step *step = &s->step[i];
    if (step->before != LK_NONE)
        s->kern->separable(&s->step[step->before].depthwise, &step->conv, in, out, residual, height, width, batch,
                           s->scratch);
    else if (batch >= step->winograd_from)
        s->kern->winograd(&step->conv, in, out, residual, height, width, batch, s->scratch);
    else
        s->kern->conv(&step->conv, in, out, residual, height, width, batch);
}

/* The node whose input node i reads. */
static const lk_node *start_of(const lk_net_state *s, int i) {
    return &s->net->node[s->step[i].before != LK_NONE ? s->step[i].before : i];
}

/* What looks through windows and is no dense convolution. */
static void run_window(const lk_net_state *s, int i, const lk_map *in, const lk_map *out, int batch) {
    const lk_node *n = &s->net->node[i];
    const lk_step *step = &s->step[i];
    switch (n->op) {
    case LK_OP_DEPTHWISE:
        s->kern->depthwise(&step->depthwise, in, out, batch);
        break;
    case LK_OP_DEPTHWISE_WHOLE:
        s->kern->depthwise_whole(&step->depthwise, in, out, batch);
        break;
    case LK_OP_DEPTHWISE_ANY:
        s->kern->depthwise_any(&step->depthwise, in, out, batch);
        break;
    case LK_OP_MAX_POOL:
        if (step->before != LK_NONE)
            s->kern->depthwise(&s->step[step->before].depthwise, in, out, batch);
        else
            s->kern->max_pool(in, out, n->size, n->stride, batch);
        break;
    case LK_OP_POOL:
        s->kern->pool(&step->pool, in, out, batch);
        break;
    case LK_OP_AVG_POOL:
        s->kern->avg_pool(in, out, n->size, n->stride, batch);
        break;
    default: /* LK_OP_GLOBAL_POOL */
        s->kern->avg_pool(in, out, in->height, in->height, batch);
    }
}

/* What is no dense convolution, between any maps; `in2` is the second of two. */
static void run_plain(const lk_net_state *s, int i, const lk_map *in, const lk_map *in2, const lk_map *out, int batch) {
    const lk_node *n = &s->net->node[i];
    switch (n->op) {
    case LK_OP_AFFINE:
        s->kern->affine(&n->affine, in, out, batch);
        break;
    case LK_OP_SUM:
    case LK_OP_PRODUCT:
        s->kern->pair(in, in2, n->op == LK_OP_PRODUCT, out, batch);
        break;
    case LK_OP_ADD_UPSAMPLED:
        s->kern->add_upsampled(in, in2, out, batch);
        break;
    case LK_OP_SCALE:
        s->kern->scale(in, in2, n->in3 != LK_NONE ? &s->map[n->in3] : NULL, out, batch);
        break;
    case LK_OP_SIGMOID:
        s->kern->sigmoid(in, out, batch);
        break;
    default:
        run_window(s, i, in, out, batch);
    }
}

void lk_run_node(lk_net_state *s, int i, int batch) {
    const lk_node *n = &s->net->node[i];
    const lk_map *in = &s->map[start_of(s, i)->in], *out = &s->map[n->out];
    const lk_map *in2 = n->in2 != LK_NONE ? &s->map[n->in2] : NULL;
    const lk_step *step = &s->step[i];
    if (step->done)
        return;
    if (n->op == LK_OP_CONV)
        run_conv(s, i, in, out, in2, step->height, step->width, batch);
    else
        run_plain(s, i, in, in2, out, batch);
}

/* ---- chains (flow.h) ---- */

static void load_rows(lk_net_state *s, const lk_map *to, const lk_net_input *photo, int first, int count) {
    for (int y = 0; y < count; y++)
        s->kern->load_row(lk_map_at(to, 0, y, 0), photo->rgb + (size_t)(first + y) * photo->stride,
                          (size_t)to->width * 3, s->net->mean);
}

/* Link k of image n as a map whose row 0 is row y. */
static lk_map rows_from(const lk_net_state *s, const lk_chain *c, int k, int n, int y) {
    lk_map m = s->map[c->link[k].tensor];
    if (m.ring > 0)
        m.turn = y % m.ring;
    else
        m.data = lk_map_at(&m, n, y, 0);
    return m;
}

static void clear_rows(const lk_net_state *s, const lk_link *l, int first, int count) {
    const lk_map *m = &s->map[l->tensor];
    for (int y = first; y < first + count; y++)
        memset(lk_map_at(m, 0, y, 0), 0, (size_t)m->width * (size_t)m->channels * sizeof(float));
}

static void make_rows(lk_net_state *s, const lk_chain *c, const lk_flow *f, int k, const lk_net_input *photo, int n) {
    const int first = f->made[k], count = f->want[k] - first;
    lk_map out = rows_from(s, c, k, n, first);
    if (k == 0) {
        load_rows(s, &out, photo, first, count);
        return;
    }
    const int i = c->link[k].maker;
    const lk_map in = rows_from(s, c, k - 1, n, first * c->link[k].stride);
    out.height = count;
    if (s->net->node[i].op == LK_OP_CONV) {
        run_conv(s, i, &in, &out, NULL, count, out.width, 1);
        return;
    }
    lk_map coarse = {.data = NULL};
    if (s->net->node[i].in2 != LK_NONE) { /* the plan lets bands begin at even rows there */
        coarse = s->map[s->net->node[i].in2];
        coarse.data = lk_map_at(&coarse, n, first / 2, 0);
    }
    run_plain(s, i, &in, &coarse, &out, 1);
}

static void run_chain(lk_net_state *s, const lk_chain *c, const lk_net_input *photo, int n) {
    lk_flow f;
    lk_flow_start(c, &f);
    for (int k = 0; k < c->links; k++)
        if (c->link[k].ring > 0)
            clear_rows(s, &c->link[k], -c->link[k].above, c->link[k].above);
    while (lk_flow_next(c, &f))
        for (int k = 0; k < c->links; k++) {
            const lk_link *l = &c->link[k];
            if (f.want[k] == f.made[k])
                continue;
            if (k > 0 || c->load)
                make_rows(s, c, &f, k, photo, n);
            f.made[k] = f.want[k];
            if (l->ring > 0 && f.made[k] == l->height)
                clear_rows(s, l, l->height, l->below);
        }
}

static void load(lk_net_state *s, const lk_net_input *inputs, int batch) {
    for (int n = 0; n < batch; n++) {
        lk_map m = s->map[LK_INPUT];
        m.data += (size_t)n * m.image;
        load_rows(s, &m, &inputs[n], 0, m.height);
    }
}

/* Copies channels [first, first + count) of every cell of image n. */
static float *copy_part(const lk_map *m, int n, int first, int count, float *to) {
    for (int y = 0; y < m->height; y++) {
        const float *row = m->data + (size_t)n * m->image + (size_t)y * m->row + first;
        for (int x = 0; x < m->width; x++, row += m->channels, to += count)
            for (int c = 0; c < count; c++)
                to[c] = row[c];
    }
    return to;
}

/* Output o of the workspace's images, which are those of the batch from `first` on. */
static void collect(lk_net_state *s, int o, int first, int batch) {
    const lk_output *out = &s->net->output[o];
    for (int n = 0; n < batch; n++) {
        float *values = s->output[o] + (size_t)(first + n) * s->output_floats[o], *to = values;
        for (int k = 0; k < out->parts; k++)
            to = copy_part(&s->map[out->part[k].tensor], n, out->part[k].first, out->part[k].count, to);
        if (out->post != NULL)
            out->post(s->net, values, s->output_floats[o]);
    }
}

/* No more images than the workspace has room for. */
static void run_part(lk_net_state *s, const lk_net_input *inputs, int batch) {
    if (!s->chain[0].load)
        load(s, inputs, batch);
    for (int i = 0; i < s->chains; i++) {
        const lk_chain *c = &s->chain[i];
        if (c->band == 0)
            lk_run_node(s, c->last, batch);
        for (int n = 0; c->band > 0 && n < batch; n++)
            run_chain(s, c, &inputs[n], n);
    }
}

void lk_net_forward(lk_net_state *s, const lk_net_input *inputs, int batch) {
    const int parts = (batch + s->together - 1) / s->together;
    for (int part = 0; part < parts; part++) {
        const int first = part * batch / parts, count = (part + 1) * batch / parts - first;
        run_part(s, inputs + first, count);
        for (int o = 0; o < s->net->outputs; o++)
            collect(s, o, first, count);
    }
}

const float *lk_net_output(const lk_net_state *s, int i, size_t *floats) {
    *floats = s->output_floats[i];
    return s->output[i];
}
