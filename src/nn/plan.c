/* plan.c - lays a network out for one input size: sizes, borders, buffers.
 *
 * Borders: each tensor gets as many zeros around it as its most demanding reader needs. They are zeroed once, here, and
 * never written again. So a buffer may serve several tensors, one after the other, as long as they have the same
 * height, width, channels and border; tensors of one size therefore all get the largest border that any of them needs.
 * A tensor's buffer is free again after its last reader; what outputs read stays.
 *
 * Large tensors with a single reader become rings of a chain (flow.h) and have a buffer of their own. A chain grows
 * while its rings together are small beside a level-3 cache. What lies between a depthwise and a 1x1 convolution has
 * no buffer at all where one kernel does both. */
#include "nn/plan.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define MAX_SIDE 8192
#define MAX_BATCH 256
#define MAX_TOGETHER 8 /* beyond, the weights are shared well enough and activations leave the cache */
#define MAX_BYTES ((size_t)4 << 30)
#define LARGE ((size_t)256 << 10) /* bytes of an image's tensor from which on it is worth a ring */
#define RINGS ((size_t)3 << 20)   /* bytes of all rings of a chain */
#define BAND_PIXELS 160 /* of the last tensor, that a band makes at least: enough for the kernels to be busy with */

typedef struct shape {
    int height, width;
    int top, left, bottom, right; /* border */
    int last;                     /* node that reads it last, or INT_MAX */
    int readers;                  /* nodes and outputs */
    int ring;                     /* rows kept, 0: all */
    bool inside;                  /* a kernel, never stored */
    int buffer;
} shape;

/* A run of floats that serves tensors of one shape. */
typedef struct buffer {
    int tensor; /* one of them */
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

/* Outputs along one side, and the zeros before the first input. `first`, `last`: zeros at both ends, where given. */
static int outputs(int size, const lk_node *n, int first, int last, int *before) {
    const int window = n->size, stride = n->stride;
    const lk_pad pad = n->pad;
    *before = 0;
    if (pad == LK_PAD_GIVEN) {
        *before = first;
        return (size + first + last - window) / stride + 1;
    }
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
    int top = 0, left = 0;
    step->height = n->op == LK_OP_GLOBAL_POOL ? 1 : outputs(in->height, n, n->pads.top, n->pads.bottom, &top);
    step->width = n->op == LK_OP_GLOBAL_POOL ? 1 : outputs(in->width, n, n->pads.left, n->pads.right, &left);
    step->conv = n->conv;
    step->depthwise = n->depthwise;
    step->pool = n->pool;
    step->winograd_from = INT_MAX; /* until measured */
    step->before = LK_NONE;
    step->top = step->conv.top = step->depthwise.top = step->pool.top = top;
    step->left = step->conv.left = step->depthwise.left = step->pool.left = left;
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
    const int whole = step->conv.winograd != NULL ? 4 : 1;
    const int rows = (step->height + whole - 1) / whole * whole, columns = (step->width + whole - 1) / whole * whole;
    in->top = larger(in->top, step->top);
    in->left = larger(in->left, step->left);
    in->bottom = larger(in->bottom, (rows - 1) * n->stride + n->size - step->top - in->height);
    in->right = larger(in->right, (columns - 1) * n->stride + n->size - step->left - in->width);
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

/* Node i reads tensor t (LK_NONE: nothing). */
static void add_reader(plan *p, int t, int i) {
    if (t == LK_NONE)
        return;
    p->shape[t].last = i;
    p->shape[t].readers++;
}

static void find_readers(plan *p) {
    for (int i = 0; i < p->net->nodes; i++) {
        const lk_node *n = &p->net->node[i];
        add_reader(p, n->in, i);
        add_reader(p, n->in2, i);
        add_reader(p, n->op == LK_OP_SCALE ? n->in3 : LK_NONE, i);
    }
    for (int o = 0; o < p->net->outputs; o++)
        for (int k = 0; k < p->net->output[o].parts; k++) {
            p->shape[p->net->output[o].part[k].tensor].last = INT_MAX;
            p->shape[p->net->output[o].part[k].tensor].readers++;
        }
}

/* ---- pairs ---- */

/* Can one kernel do a depthwise node and `second`, which reads it? */
static bool can_pair(const lk_node *first, const lk_node *second) {
    if (second->op == LK_OP_CONV)
        return second->size == 1 && second->stride == 1;
    return second->op == LK_OP_MAX_POOL && second->size == 2 && second->stride == 2 && first->stride == 1 &&
           !first->depthwise.rectify && first->depthwise.act != LK_ACT_PRELU;
}

/* Depthwise nodes whose only reader is the 1x1 convolution or the pool behind them. */
static void form_pairs(plan *p) {
    for (int i = 0; i + 1 < p->net->nodes; i++) {
        const lk_node *first = &p->net->node[i], *second = &p->net->node[i + 1];
        if (first->op != LK_OP_DEPTHWISE || second->in != first->out || p->shape[first->out].readers != 1 ||
            !can_pair(first, second))
            continue;
        p->s->step[i].done = true;
        p->s->step[i].depthwise.pool = second->op == LK_OP_MAX_POOL;
        p->s->step[i + 1].before = i;
        p->shape[first->out].inside = true;
        p->shape[first->in].last = larger(p->shape[first->in].last, i + 1);
    }
}

/* The node that node i begins with: itself, or the depthwise one that it does as well. */
static int start_of(const plan *p, int i) {
    return p->s->step[i].before != LK_NONE ? p->s->step[i].before : i;
}

/* ---- chains ---- */

/* Can a chain hold node n? `first`: begin with it; there bands begin at even rows, as ADD_UPSAMPLED wants them. */
static int can_stream(const lk_node *n, bool first) {
    const int slides =
        n->op == LK_OP_DEPTHWISE || n->op == LK_OP_MAX_POOL || (n->op == LK_OP_CONV && n->conv.winograd == NULL);
    return n->op == LK_OP_ADD_UPSAMPLED ? first : slides && n->in2 == LK_NONE;
}

/* Is tensor t better a ring between the node that makes it and node `reader` behind it? */
static int wants_ring(const plan *p, int t, int reader) {
    return reader < p->net->nodes && p->net->node[start_of(p, reader)].in == t && p->shape[t].readers == 1 &&
           image_floats(p, t) * sizeof(float) >= LARGE && can_stream(&p->net->node[reader], false);
}

/* A link for what node `maker` writes; LK_NONE: for the input of a chain. */
static lk_link link_of(const plan *p, int tensor, int maker) {
    const shape *sh = &p->shape[tensor];
    lk_link l = {.tensor = tensor, .maker = maker, .height = sh->height, .above = sh->top, .below = sh->bottom};
    if (maker != LK_NONE) {
        const int start = start_of(p, maker);
        const lk_node *first = &p->net->node[start], *last = &p->net->node[maker];
        l.size = start == maker ? last->size : first->size + (last->size - 1) * first->stride;
        l.stride = start == maker ? last->stride : first->stride * last->stride;
        l.top = p->s->step[start].top;
    }
    return l;
}

static size_t ring_bytes(const plan *p, const lk_chain *c) {
    size_t floats = 0;
    for (int k = 0; k < c->links; k++)
        floats += (size_t)c->link[k].ring * row_floats(p, c->link[k].tensor);
    return floats * sizeof(float);
}

static lk_chain chain_of(const plan *p, int first, int last) {
    const int width = p->s->step[last].width, rows = (BAND_PIXELS + width - 1) / width;
    lk_chain c = {
        .first = first, .last = last, .links = 1, .band = (rows + 1) / 2 * 2}; /* kernels like pairs of rows */
    c.load = p->net->node[first].in == LK_INPUT && p->shape[LK_INPUT].readers == 1;
    c.link[0] = link_of(p, p->net->node[first].in, LK_NONE);
    for (int i = first; i <= last; i++)
        if (!p->s->step[i].done)
            c.link[c.links++] = link_of(p, p->net->node[i].out, i);
    for (int k = 1; k < c.links; k++)
        c.band *= c.link[k].stride;
    lk_flow_size_rings(&c);
    return c;
}

/* The longest chain from node `first` on that is worth it; a single node at least. */
static lk_chain longest_chain(const plan *p, int first) {
    const int whole = p->s->step[first].done ? first + 1 : first; /* a pair is one */
    lk_chain best = {.first = first, .last = whole};
    for (int last = whole; can_stream(&p->net->node[last], last == whole); last++) {
        if (p->s->step[last].done)
            continue;
        const lk_chain longer = chain_of(p, first, last);
        if (ring_bytes(p, &longer) > RINGS)
            break;
        if (last > whole || longer.load)
            best = longer;
        const int next = last + 1 < p->net->nodes && p->s->step[last + 1].done ? last + 2 : last + 1;
        if (longer.links + 1 >= LK_MAX_LINKS || !wants_ring(p, p->net->node[last].out, next))
            break;
    }
    return best;
}

static void form_chains(plan *p) {
    for (int i = 0; i < p->net->nodes;) {
        lk_chain *c = &p->s->chain[p->s->chains++];
        *c = longest_chain(p, i);
        for (int k = 0; k < c->links; k++)
            if (c->link[k].ring > 0)
                p->shape[c->link[k].tensor].ring = c->link[k].ring;
        const lk_node *first = &p->net->node[i]; /* what it reads is read as long as the chain runs */
        p->shape[first->in].last = larger(p->shape[first->in].last, c->last);
        if (first->in2 != LK_NONE)
            p->shape[first->in2].last = larger(p->shape[first->in2].last, c->last);
        i = c->last + 1;
    }
}

/* Images that run together share the reading of weights, and an image alone keeps its activations in the cache:
 * whichever is more decides. */
static int images_together(const plan *p) {
    size_t weights = 0, activations = 0;
    for (int i = 0; i < p->net->nodes; i++) {
        const lk_conv *c = &p->net->node[i].conv;
        if (p->net->node[i].op == LK_OP_CONV)
            weights += lk_kern_conv_floats(c->kernel_h, c->kernel_w, c->in, c->out);
    }
    for (int t = 0; t < p->net->tensors; t++)
        activations += p->shape[t].inside ? 0 : image_floats(p, t);
    if (weights < activations)
        return 1;
    const int parts = (p->s->max_batch + MAX_TOGETHER - 1) / MAX_TOGETHER;
    return (p->s->max_batch + parts - 1) / parts;
}

static void place_tensor(plan *p, int t, int now) {
    const int ring = p->shape[t].ring;
    if (p->shape[t].inside)
        return;
    if (ring > 0) {
        p->buffer[p->buffers] =
            (buffer){.tensor = t, .busy_until = INT_MAX, .offset = take(p, (size_t)ring * row_floats(p, t))};
        p->shape[t].buffer = p->buffers++;
        return;
    }
    for (int i = 0; i < p->buffers; i++)
        if (p->buffer[i].busy_until < now && same_size(p, t, p->buffer[i].tensor)) {
            p->buffer[i].busy_until = p->shape[t].last;
            p->shape[t].buffer = i;
            return;
        }
    const size_t floats = image_floats(p, t) * (size_t)p->s->together;
    p->buffer[p->buffers] = (buffer){.tensor = t, .busy_until = p->shape[t].last, .offset = take(p, floats)};
    p->shape[t].buffer = p->buffers++;
}

static void place_all(plan *p) {
    int placed[LK_MAX_TENSORS] = {0};
    p->s->together = images_together(p);
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
        size_t floats = c->winograd != NULL ? lk_kern_winograd_floats(c->in, c->out) : 0;
        if (p->s->step[i].before != LK_NONE)
            floats = LK_SEPARABLE_PIXELS * (size_t)c->in;
        most = floats > most ? floats : most;
    }
    return most;
}

static void fill_maps(const plan *p) {
    for (int t = 0; t < p->net->tensors; t++) {
        const shape *sh = &p->shape[t];
        lk_map *m = &p->s->map[t];
        if (sh->inside)
            continue;
        *m = (lk_map){.image = sh->ring > 0 ? 0 : image_floats(p, t),
                      .row = row_floats(p, t),
                      .height = sh->height,
                      .width = sh->width,
                      .channels = p->net->channels[t],
                      .ring = sh->ring};
        m->data = p->s->memory + p->buffer[sh->buffer].offset + (sh->ring > 0 ? 0 : (size_t)sh->top * m->row) +
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
    s->memory = lk_large_alloc(s->bytes);
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
        return lk_fail(err, LIKEN_E_ARG, "A batch of %d was asked for; a network runs 1 to %d at once.", max_batch,
                       MAX_BATCH);
    if (net->height != 0)
        return LIKEN_OK;
    if (height < net->multiple || width < net->multiple || height > MAX_SIDE || width > MAX_SIDE ||
        height % net->multiple != 0 || width % net->multiple != 0)
        return lk_fail(err, LIKEN_E_ARG,
                       "An input of %dx%d was asked for; this network takes sides from %d to %d that %d divides.",
                       width, height, net->multiple, MAX_SIDE, net->multiple);
    return LIKEN_OK;
}

int lk_net_state_new(lk_net_state **out, const lk_net *net, int max_batch, int height, int width, liken_error *err) {
    int status = check_size(net, max_batch, height, width, err);
    if (status != LIKEN_OK)
        return status;
    lk_net_state *s = calloc(1, sizeof *s);
    plan *p = calloc(1, sizeof *p);
    lk_chain *chain = calloc((size_t)net->nodes, sizeof *chain);
    if (s == NULL || p == NULL || chain == NULL) {
        free(s);
        free(p);
        free(chain);
        return lk_fail_memory(err);
    }
    *s = (lk_net_state){.net = net, .kern = lk_kern_get(), .max_batch = max_batch, .chain = chain};
    p->net = net;
    p->s = s;
    p->shape[LK_INPUT].height = net->height != 0 ? net->height : height;
    p->shape[LK_INPUT].width = net->height != 0 ? net->width : width;
    for (int i = 0; i < net->nodes; i++)
        size_node(p, i);
    for (int i = 0; i < net->nodes; i++)
        need_border(p, i);
    share_borders(p);
    find_readers(p);
    form_pairs(p);
    form_chains(p);
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
    free(s->chain);
    free(s);
}

size_t lk_net_state_bytes(const lk_net_state *s) {
    return sizeof *s + s->bytes;
}
