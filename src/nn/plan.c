/* plan.c - lays a network out for one input size: sizes, borders, buffers.
 *
 * Borders: each tensor gets as many zeros around it as its most demanding reader needs. They are zeroed once, here, and
 * never written again. So a buffer may serve several tensors, one after the other, as long as they have the same
 * height, width, channels and border; tensors of one size therefore all get the largest border that any of them needs.
 * A tensor's buffer is free again after its last reader; what outputs read stays. */
#include "nn/plan.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define MAX_SIDE 8192
#define MAX_BATCH 256
#define MAX_BYTES ((size_t)4 << 30)

typedef struct shape {
    int height, width;
    int top, left, bottom, right; /* border */
    int last;                     /* node that reads it last, or INT_MAX */
    int buffer;
} shape;

/* A run of floats that serves tensors of one shape. */
typedef struct buffer {
    int tensor;    /* one of them */
    int busy_until;
    size_t offset;
} buffer;

typedef struct plan {
    const lk_net *net;
    lk_net_state *s;
    shape shape[LK_MAX_TENSORS];
    buffer buffer[LK_MAX_TENSORS];
    int buffers;
    size_t floats; /* laid out so far */
} plan;

static int larger(int a, int b) {
    return a > b ? a : b;
}

/* ---- sizes ---- */

/* Outputs along one side, and the zeros before the first input. */
static int outputs(int size, int window, int stride, lk_pad pad, int *before) {
    *before = 0;
    if (pad == LK_PAD_ONE) {
        *before = 1;
        return (size + 2 - window) / stride + 1;
    }
    if (pad == LK_PAD_NONE)
        return (size - window) / stride + 1;
    const int count = (size + stride - 1) / stride;
    *before = larger((count - 1) * stride + window - size, 0) / 2;
    return count;
}

static void size_node(plan *p, int i) {
    const lk_node *n = &p->net->node[i];
    const shape *in = &p->shape[n->in];
    shape *out = &p->shape[n->out];
    lk_step *step = &p->s->step[i];
    int top, left;
    step->height = n->op == LK_OP_GLOBAL_POOL ? 1 : outputs(in->height, n->size, n->stride, n->pad, &top);
    step->width = n->op == LK_OP_GLOBAL_POOL ? 1 : outputs(in->width, n->size, n->stride, n->pad, &left);
    step->conv = n->conv;
    step->depthwise = n->depthwise;
    step->winograd_from = INT_MAX; /* until measured */
    if (n->op == LK_OP_CONV) {
        step->conv.top = top;
        step->conv.left = left;
    } else if (n->op == LK_OP_DEPTHWISE) {
        step->depthwise.top = top;
        step->depthwise.left = left;
    }
    if (out->height == 0) { /* else it is written into a larger tensor that is there */
        out->height = step->height;
        out->width = step->width;
    }
}

/* ---- borders ---- */

/* Rows that node i reads before the first and after the last of its input. Winograd reads whole tiles of 4. */
static void need_border(plan *p, int i) {
    const lk_node *n = &p->net->node[i];
    if (n->op != LK_OP_CONV && n->op != LK_OP_DEPTHWISE)
        return;
    const lk_step *step = &p->s->step[i];
    shape *in = &p->shape[n->in];
    const int top = n->op == LK_OP_CONV ? step->conv.top : step->depthwise.top;
    const int left = n->op == LK_OP_CONV ? step->conv.left : step->depthwise.left;
    const int whole = step->conv.winograd != NULL ? 4 : 1;
    const int rows = (step->height + whole - 1) / whole * whole, columns = (step->width + whole - 1) / whole * whole;
    in->top = larger(in->top, top);
    in->left = larger(in->left, left);
    in->bottom = larger(in->bottom, (rows - 1) * n->stride + n->size - top - in->height);
    in->right = larger(in->right, (columns - 1) * n->stride + n->size - left - in->width);
}

static int same_size(const plan *p, int a, int b) {
    return p->shape[a].height == p->shape[b].height && p->shape[a].width == p->shape[b].width &&
           p->net->channels[a] == p->net->channels[b];
}

static void share_borders(plan *p) {
    for (int a = 0; a < p->net->tensors; a++)
        for (int b = 0; b < p->net->tensors; b++)
            if (same_size(p, a, b)) {
                shape *to = &p->shape[a];
                const shape *from = &p->shape[b];
                to->top = larger(to->top, from->top);
                to->left = larger(to->left, from->left);
                to->bottom = larger(to->bottom, from->bottom);
                to->right = larger(to->right, from->right);
            }
}

/* ---- buffers ---- */

static size_t row_floats(const plan *p, int t) {
    return (size_t)(p->shape[t].left + p->shape[t].width + p->shape[t].right) * (size_t)p->net->channels[t];
}

static size_t image_floats(const plan *p, int t) {
    return (size_t)(p->shape[t].top + p->shape[t].height + p->shape[t].bottom) * row_floats(p, t);
}

/* Takes `floats` of the workspace, on a cache line of its own. */
static size_t take(plan *p, size_t floats) {
    const size_t at = p->floats;
    p->floats += (floats + 15) / 16 * 16;
    return at;
}

static void find_last_readers(plan *p) {
    for (int i = 0; i < p->net->nodes; i++) {
        const lk_node *n = &p->net->node[i];
        p->shape[n->in].last = i;
        if (n->in2 != LK_NONE)
            p->shape[n->in2].last = i;
    }
    for (int o = 0; o < p->net->outputs; o++)
        for (int k = 0; k < p->net->output[o].parts; k++)
            p->shape[p->net->output[o].part[k].tensor].last = INT_MAX;
}

static void place_tensor(plan *p, int t, int now) {
    for (int i = 0; i < p->buffers; i++)
        if (p->buffer[i].busy_until < now && same_size(p, t, p->buffer[i].tensor)) {
            p->buffer[i].busy_until = p->shape[t].last;
            p->shape[t].buffer = i;
            return;
        }
    const size_t floats = image_floats(p, t) * (size_t)p->s->max_batch;
    p->buffer[p->buffers] = (buffer){.tensor = t, .busy_until = p->shape[t].last, .offset = take(p, floats)};
    p->shape[t].buffer = p->buffers++;
}

static void place_all(plan *p) {
    int placed[LK_MAX_TENSORS] = {0};
    find_last_readers(p);
    place_tensor(p, LK_INPUT, -1);
    placed[LK_INPUT] = 1;
    for (int i = 0; i < p->net->nodes; i++) {
        const int t = p->net->node[i].out;
        if (!placed[t])
            place_tensor(p, t, i);
        placed[t] = 1;
    }
}

/* ---- the state ---- */

static size_t output_floats(const plan *p, int o) {
    const lk_output *out = &p->net->output[o];
    size_t floats = 0;
    for (int k = 0; k < out->parts; k++) {
        const shape *t = &p->shape[out->part[k].tensor];
        floats += (size_t)t->height * (size_t)t->width * (size_t)out->part[k].count;
    }
    return floats;
}

static size_t scratch_floats(const plan *p) {
    size_t most = 0;
    for (int i = 0; i < p->net->nodes; i++) {
        const lk_conv *c = &p->net->node[i].conv;
        const size_t floats = c->winograd != NULL ? lk_kern_winograd_floats(c->in, c->out) : 0;
        most = floats > most ? floats : most;
    }
    return most;
}

static void fill_maps(const plan *p) {
    for (int t = 0; t < p->net->tensors; t++) {
        const shape *sh = &p->shape[t];
        lk_map *m = &p->s->map[t];
        *m = (lk_map){.image = image_floats(p, t), .row = row_floats(p, t), .height = sh->height, .width = sh->width,
                      .channels = p->net->channels[t]};
        m->data = p->s->memory + p->buffer[sh->buffer].offset + (size_t)sh->top * m->row +
                  (size_t)sh->left * (size_t)m->channels;
    }
}

static int allocate(plan *p, liken_error *err) {
    lk_net_state *s = p->s;
    const size_t scratch = take(p, scratch_floats(p));
    size_t outputs_at[LK_MAX_OUTPUTS];
    for (int o = 0; o < p->net->outputs; o++) {
        s->output_floats[o] = output_floats(p, o);
        outputs_at[o] = take(p, s->output_floats[o] * (size_t)s->max_batch);
    }
    s->bytes = (p->floats + 16) * sizeof(float);
    if (s->bytes > MAX_BYTES)
        return lk_fail(err, LIKEN_E_TOO_LARGE,
                       "A batch of %d at this size needs %zu MB of memory; make the batch or the photo smaller.",
                       s->max_batch, s->bytes >> 20);
    s->memory = aligned_alloc(64, (s->bytes + 63) / 64 * 64);
    if (s->memory == NULL)
        return lk_fail_memory(err);
    memset(s->memory, 0, s->bytes);
    s->scratch = s->memory + scratch;
    for (int o = 0; o < p->net->outputs; o++)
        s->output[o] = s->memory + outputs_at[o];
    fill_maps(p);
    return LIKEN_OK;
}

static int check_size(const lk_net *net, int max_batch, int height, int width, liken_error *err) {
    if (max_batch < 1 || max_batch > MAX_BATCH)
        return lk_fail(err, LIKEN_E_ARG, "A batch of %d was asked for; a network runs 1 to %d at once.", max_batch, MAX_BATCH);
    if (net->height != 0)
        return LIKEN_OK;
    if (height < net->multiple || width < net->multiple || height > MAX_SIDE || width > MAX_SIDE ||
        height % net->multiple != 0 || width % net->multiple != 0)
        return lk_fail(err, LIKEN_E_ARG,
                       "An input of %dx%d was asked for; this network takes sides from %d to %d that %d divides.", width,
                       height, net->multiple, MAX_SIDE, net->multiple);
    return LIKEN_OK;
}

int lk_net_state_new(lk_net_state **out, const lk_net *net, int max_batch, int height, int width, liken_error *err) {
    int status = check_size(net, max_batch, height, width, err);
    if (status != LIKEN_OK)
        return status;
    lk_net_state *s = calloc(1, sizeof *s);
    plan *p = calloc(1, sizeof *p);
    if (s == NULL || p == NULL) {
        free(s);
        free(p);
        return lk_fail_memory(err);
    }
    *s = (lk_net_state){.net = net, .kern = lk_kern_get(), .max_batch = max_batch};
    p->net = net;
    p->s = s;
    p->shape[LK_INPUT].height = net->height != 0 ? net->height : height;
    p->shape[LK_INPUT].width = net->height != 0 ? net->width : width;
    for (int i = 0; i < net->nodes; i++)
        size_node(p, i);
    for (int i = 0; i < net->nodes; i++)
        need_border(p, i);
    share_borders(p);
    place_all(p);
    status = allocate(p, err);
    free(p);
    if (status != LIKEN_OK) {
        lk_net_state_free(s);
        return status;
    }
    lk_measure(s);
    *out = s;
    return LIKEN_OK;
}

void lk_net_state_free(lk_net_state *s) {
    if (s == NULL)
        return;
    free(s->memory);
    free(s);
}

size_t lk_net_state_bytes(const lk_net_state *s) {
    return sizeof *s + s->bytes;
}
