/* forward.c - runs a planned network. Nothing is allocated, nothing can fail. */
#include <string.h>

#include "nn/plan.h"

static void run_conv(lk_net_state *s, int i, int batch) {
    const lk_node *n = &s->net->node[i];
    const lk_step *step = &s->step[i];
    const lk_map *residual = n->in2 != LK_NONE ? &s->map[n->in2] : NULL;
    const lk_map *in = &s->map[n->in], *out = &s->map[n->out];
    if (batch >= step->winograd_from)
        s->kern->winograd(&step->conv, in, out, residual, step->height, step->width, batch, s->scratch);
    else
        s->kern->conv(&step->conv, in, out, residual, step->height, step->width, batch);
}

void lk_run_node(lk_net_state *s, int i, int batch) {
    const lk_node *n = &s->net->node[i];
    const lk_map *in = &s->map[n->in], *out = &s->map[n->out];
    switch (n->op) {
    case LK_OP_CONV:
        run_conv(s, i, batch);
        break;
    case LK_OP_DEPTHWISE:
        s->kern->depthwise(&s->step[i].depthwise, in, out, batch);
        break;
    case LK_OP_MAX_POOL:
        s->kern->max_pool(in, out, n->size, n->stride, batch);
        break;
    case LK_OP_AVG_POOL:
        s->kern->avg_pool(in, out, n->size, n->stride, batch);
        break;
    case LK_OP_GLOBAL_POOL:
        s->kern->avg_pool(in, out, in->height, in->height, batch);
        break;
    case LK_OP_ADD_UPSAMPLED:
        s->kern->add_upsampled(in, &s->map[n->in2], out, batch);
        break;
    }
}

static void load(lk_net_state *s, const lk_net_input *inputs, int batch) {
    const lk_map *m = &s->map[LK_INPUT];
    for (int n = 0; n < batch; n++)
        for (int y = 0; y < m->height; y++)
            s->kern->load_row(m->data + (size_t)n * m->image + (size_t)y * m->row, inputs[n].rgb + (size_t)y * inputs[n].stride,
                              (size_t)m->width * 3, s->net->mean);
}

/* Copies channels [first, first + count) of every cell of image n. */
static float *copy_part(const lk_map *m, int n, int first, int count, float *to) {
    for (int y = 0; y < m->height; y++) {
        const float *row = m->data + (size_t)n * m->image + (size_t)y * m->row + first;
        for (int x = 0; x < m->width; x++, row += m->channels, to += count)
            memcpy(to, row, (size_t)count * sizeof(float));
    }
    return to;
}

static void collect(lk_net_state *s, int o, int batch) {
    const lk_output *out = &s->net->output[o];
    for (int n = 0; n < batch; n++) {
        float *values = s->output[o] + (size_t)n * s->output_floats[o], *to = values;
        for (int k = 0; k < out->parts; k++)
            to = copy_part(&s->map[out->part[k].tensor], n, out->part[k].first, out->part[k].count, to);
        if (out->post != NULL)
            out->post(s->net, values, s->output_floats[o]);
    }
}

void lk_net_forward(lk_net_state *s, const lk_net_input *inputs, int batch) {
    load(s, inputs, batch);
    for (int i = 0; i < s->net->nodes; i++)
        lk_run_node(s, i, batch);
    for (int o = 0; o < s->net->outputs; o++)
        collect(s, o, batch);
}

const float *lk_net_output(const lk_net_state *s, int i, size_t *floats) {
    *floats = s->output_floats[i];
    return s->output[i];
}
