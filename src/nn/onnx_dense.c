/* onnx_dense.c - convolutions and fully connected layers (see onnx.h), each with what follows it alone: batch
 * normalisation and constants go into its weights, one sum and one activation are part of the node.
 *
 * A fully connected layer over a flattened map is a convolution as large as the map; its weights count channel by
 * channel there and pixel by pixel here. Kernels that are not square or have holes (dilation) become square ones with
 * zeros, and grouped ones dense ones with zeros, except where each channel is alone. */
#include "nn/onnx.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define GROUPED_MOST ((int64_t)1 << 22) /* values of a grouped kernel as a dense one */
#define WINOGRAD_MOST (128 * 128)       /* channels in times out */
#define ALONE_MOST 64                   /* side of a kernel of each channel alone */
#define MULTIPLICATIONS_MOST 1e11       /* of the whole network; iResNet-200 has 2.4e10 */
#define WEIGHTS_MOST 268435456.0        /* likewise, with the zeros that are put in: 1 GiB */
#define OUT_MOST 16384

typedef struct dense {
    const lk_value *x;
    int in, out;      /* channels */
    int size, stride; /* of the square kernel */
    lk_pads pads;
    int height, width;    /* of what it writes */
    bool alone;           /* each channel; kernel [y][x][channel], else [y][x][in][out] */
    float *kernel, *bias; /* malloc'd */
    lk_act act;
    float *slope; /* malloc'd, or NULL */
    int residual; /* tensor of the net, LK_NONE */
} dense;

static void free_dense(dense *d) {
    free(d->kernel);
    free(d->bias);
    free(d->slope);
}

static size_t kernel_count(const dense *d) {
    return (size_t)d->size * (size_t)d->size * (size_t)(d->alone ? 1 : d->in) * (size_t)d->out;
}

static bool allocate(lk_lowering *l, dense *d) {
    if (l->build.status != LIKEN_OK)
        return false;
    l->multiplications += (double)kernel_count(d) * d->height * d->width;
    l->weights += (double)kernel_count(d);
    if (l->multiplications > MULTIPLICATIONS_MOST || l->weights > WEIGHTS_MOST) {
        lk_refuse(l, "takes the network over %g multiplications a face or %.0f weights; liken runs no larger one",
                  MULTIPLICATIONS_MOST, WEIGHTS_MOST);
        return false;
    }
    d->kernel = calloc(kernel_count(d), sizeof *d->kernel);
    d->bias = calloc((size_t)d->out, sizeof *d->bias);
    if (d->kernel == NULL || d->bias == NULL)
        l->build.status = lk_fail_memory(l->build.err);
    return l->build.status == LIKEN_OK;
}

/* Input i as a constant of `rank`, or NULL and a refusal. */
static const lk_onnx_tensor *weights_of(lk_lowering *l, int i, int rank) {
    const lk_value *v = lk_input_of(l, i, false);
    const lk_onnx_tensor *t = v->known == LK_CONSTANT ? v->constant : NULL;
    if (t == NULL)
        lk_refuse(l, "has weights that the network works out as it runs; liken wants them in the file");
    else if (!lk_onnx_is_real(t))
        lk_refuse(l, "has weights of type %d; liken reads float32, float16 and float64", t->type);
    else if (t->rank != rank || t->count == 0)
        lk_refuse(l, "has weights of %d dimensions instead of %d", t->rank, rank);
    return l->build.status == LIKEN_OK ? t : NULL;
}

/* Optional input i, added to the bias `times` over. */
static void add_bias(lk_lowering *l, dense *d, int i, float times) {
    const lk_value *v = lk_input_of(l, i, true);
    if (v->known == LK_UNKNOWN || l->build.status != LIKEN_OK)
        return;
    const size_t count = v->known == LK_CONSTANT && lk_onnx_is_real(v->constant) ? v->constant->count : 0;
    if (count != (size_t)d->out && count != 1) {
        lk_refuse(l, "has a bias that is not one number for each of %d outputs", d->out);
        return;
    }
    for (size_t o = 0; o < (size_t)d->out; o++)
        d->bias[o] += times * lk_onnx_float(v->constant, count == 1 ? 0 : o);
}

/* ---- geometry ---- */

/* Two numbers of an attribute that must be alike; 1 where it is absent. */
static int side_of(lk_lowering *l, const lk_onnx_node *n, const char *name) {
    const lk_onnx_attribute *a = lk_onnx_find(n, name);
    if (a == NULL)
        return 1;
    if (a->count != 2 || a->ints[0] != a->ints[1] || a->ints[0] < 1 || a->ints[0] > ALONE_MOST) {
        lk_refuse(l, "has %s that are not two equal numbers from 1 to %d", name, ALONE_MOST);
        return 1;
    }
    return (int)a->ints[0];
}

int lk_onnx_outputs(int size, int window, int stride, int zeros) {
    return size + zeros < window ? 0 : (size + zeros - window) / stride + 1;
}

/* Zeros so that there are as many outputs as strides begin; the odd one last, or (`lower`) first. */
static void same_pads(int size, int window, int stride, bool lower, int *first, int *last) {
    const int count = (size + stride - 1) / stride, all = (count - 1) * stride + window - size;
    const int zeros = all > 0 ? all : 0;
    *first = lower ? zeros - zeros / 2 : zeros / 2;
    *last = zeros - *first;
}

lk_pads lk_onnx_pads(lk_lowering *l, const lk_onnx_node *n, const lk_value *x, int kernel_h, int kernel_w, int stride) {
    const lk_onnx_attribute *given = lk_onnx_find(n, "pads"), *word = lk_onnx_find(n, "auto_pad");
    const char *how = word != NULL && word->s != NULL ? word->s : "NOTSET";
    lk_pads p = {0};
    if (strcmp(how, "SAME_UPPER") == 0 || strcmp(how, "SAME_LOWER") == 0) {
        same_pads(x->height, kernel_h, stride, how[5] == 'L', &p.top, &p.bottom);
        same_pads(x->width, kernel_w, stride, how[5] == 'L', &p.left, &p.right);
        return p;
    }
    if (given == NULL || strcmp(how, "VALID") == 0)
        return p;
    const int64_t *z = given->ints;
    if (given->count != 4 || z[0] < 0 || z[1] < 0 || z[2] < 0 || z[3] < 0 || z[0] >= kernel_h || z[2] >= kernel_h ||
        z[1] >= kernel_w || z[3] >= kernel_w)
        lk_refuse(l, "has pads that are not four numbers from 0 to less than its kernel");
    else
        p = (lk_pads){.top = (int)z[0], .left = (int)z[1], .bottom = (int)z[2], .right = (int)z[3]};
    return p;
}

/* ---- Conv ---- */

/* What is read of a kernel [out][in of a group][y][x]. */
typedef struct grouped {
    const lk_onnx_tensor *t;
    int per, height, width, apart; /* channels in of a group; sides; from tap to tap */
} grouped;

/* Where channel `c` of what the convolution reads is in the net's tensor: a photo there is red first. */
static size_t channel_at(const lk_lowering *l, const dense *d, size_t c) {
    return d->x->known == LK_PHOTO && l->blue_first ? 2 - c : c;
}

static void spread(const lk_lowering *l, dense *d, const grouped *g) {
    const size_t out = (size_t)d->out, per = (size_t)g->per, each = out / ((size_t)d->in / per);
    for (size_t o = 0, from = 0; o < out; o++)
        for (size_t i = 0; i < per; i++)
            for (int y = 0; y < g->height; y++)
                for (int x = 0; x < g->width; x++, from++) {
                    const size_t tap = (size_t)(y * g->apart * d->size + x * g->apart), c = o / each * per + i;
                    const float v = lk_onnx_float(g->t, from);
                    if (d->alone)
                        d->kernel[tap * out + o] = v;
                    else
                        d->kernel[(tap * (size_t)d->in + channel_at(l, d, c)) * out + o] =
                            d->x->known == LK_PHOTO ? (float)((double)v * d->x->scale[c]) : v;
                }
}

/* The photo less one mean is what the net loads. */
static void see_photo(lk_lowering *l, const lk_value *x) {
    float mean[3];
    for (size_t c = 0; c < 3; c++)
        mean[l->blue_first ? 2 - c : c] = (float)x->mean[c];
    if (l->seen && memcmp(mean, l->build.net->mean, sizeof mean) != 0)
        lk_refuse(l, "sees the photo less another mean than a convolution before it");
    else if (l->build.status == LIKEN_OK)
        memcpy(l->build.net->mean, mean, sizeof mean);
    l->seen = true;
}

static bool shape_conv(lk_lowering *l, const lk_onnx_node *n, dense *d, grouped *g) {
    const int64_t groups = lk_onnx_int(n, "group", 1);
    g->t = weights_of(l, 1, 4);
    d->stride = side_of(l, n, "strides");
    g->apart = side_of(l, n, "dilations");
    if (l->build.status != LIKEN_OK)
        return false;
    const int64_t *dim = g->t->dim;
    if (groups < 1 || groups > d->in || dim[1] * groups != d->in || dim[0] % groups != 0 || dim[0] > OUT_MOST ||
        dim[2] > ALONE_MOST || dim[3] > ALONE_MOST) {
        lk_refuse(l,
                  "has a kernel of %lld x %lld x %lld x %lld in %lld groups, which does not fit the %d channels that "
                  "it reads",
                  (long long)dim[0], (long long)dim[1], (long long)dim[2], (long long)dim[3], (long long)groups, d->in);
        return false;
    }
    d->out = (int)dim[0];
    g->per = (int)dim[1];
    g->height = (int)dim[2];
    g->width = (int)dim[3];
    d->alone = groups == d->in && d->out == d->in && d->x->known == LK_MAP && groups > 1;
    const int high = (g->height - 1) * g->apart + 1, wide = (g->width - 1) * g->apart + 1;
    d->size = high > wide ? high : wide;
    d->pads = lk_onnx_pads(l, n, d->x, high, wide, d->stride);
    d->pads.bottom += d->size - high; /* rows of zeros that make it square */
    d->pads.right += d->size - wide;
    d->height = lk_onnx_outputs(d->x->height, d->size, d->stride, d->pads.top + d->pads.bottom);
    d->width = lk_onnx_outputs(d->x->width, d->size, d->stride, d->pads.left + d->pads.right);
    if (d->height < 1 || d->width < 1 || d->size > (d->alone ? ALONE_MOST : LK_MAX_WINDOW))
        lk_refuse(l, "has a kernel of %d x %d over %d x %d; liken runs dense ones up to %d x %d that fit", high, wide,
                  d->x->height, d->x->width, LK_MAX_WINDOW, LK_MAX_WINDOW);
    else if (!d->alone && groups > 1 && (int64_t)kernel_count(d) > GROUPED_MOST)
        lk_refuse(l, "has %lld groups of so many channels that liken cannot run it", (long long)groups);
    return l->build.status == LIKEN_OK;
}

static void read_conv(lk_lowering *l, const lk_onnx_node *n, dense *d) {
    const lk_value *x = lk_input_of(l, 0, false);
    grouped g = {0};
    if (x->known != LK_PHOTO)
        x = lk_map_input(l, 0, false);
    if (x == NULL || l->build.status != LIKEN_OK)
        return;
    if (x->flat)
        lk_refuse(l, "reads a row of numbers, not a map");
    d->x = x;
    d->in = x->channels;
    if (!shape_conv(l, n, d, &g) || !allocate(l, d))
        return;
    if (x->known == LK_PHOTO)
        see_photo(l, x);
    spread(l, d, &g);
    add_bias(l, d, 2, 1);
}

/* ---- Gemm, MatMul ---- */

/* kernel[pixel][channel][out] from w[k][out] (or, `turned`, w[out][k]), k counting channel by channel. */
static void turn(dense *d, const lk_onnx_tensor *w, bool turned, float times) {
    const size_t pixels = (size_t)d->size * (size_t)d->size, in = (size_t)d->in, out = (size_t)d->out,
                 all = pixels * in;
    for (size_t c = 0; c < in; c++)
        for (size_t p = 0; p < pixels; p++)
            for (size_t o = 0; o < out; o++) {
                const size_t k = c * pixels + p;
                d->kernel[(p * in + c) * out + o] = times * lk_onnx_float(w, turned ? o * all + k : k * out + o);
            }
}

static void read_connected(lk_lowering *l, const lk_onnx_node *n, dense *d) {
    const bool gemm = lk_onnx_is(n, "Gemm"), turned = gemm && lk_onnx_int(n, "transB", 0) != 0;
    const lk_value *x = lk_map_input(l, 0, true);
    const lk_onnx_tensor *w = weights_of(l, 1, 2);
    if (x == NULL || w == NULL)
        return;
    const int64_t in = w->dim[turned ? 1 : 0], out = w->dim[turned ? 0 : 1];
    if (!x->flat || (gemm && lk_onnx_int(n, "transA", 0) != 0))
        lk_refuse(l, "multiplies something else than a row of numbers");
    else if (in != (int64_t)x->channels * x->height * x->width || out > OUT_MOST)
        lk_refuse(l, "has a matrix of %lld x %lld for %d x %d x %d numbers", (long long)in, (long long)out, x->channels,
                  x->height, x->width);
    else if (x->height != x->width || x->height > LK_MAX_WINDOW)
        lk_refuse(l, "is a fully connected layer over %d x %d pixels; liken runs square ones up to %d x %d", x->height,
                  x->width, LK_MAX_WINDOW, LK_MAX_WINDOW);
    d->x = x;
    d->in = x->channels;
    d->out = (int)out;
    d->size = x->height;
    d->stride = d->height = d->width = 1;
    if (!allocate(l, d))
        return;
    turn(d, w, turned, gemm ? lk_onnx_real(n, "alpha", 1) : 1);
    if (gemm)
        add_bias(l, d, 2, lk_onnx_real(n, "beta", 1));
}

/* ---- what follows it alone; l->at is that node ---- */

static void scale_outputs(dense *d, const float *factor, const float *term) {
    const size_t count = kernel_count(d), out = (size_t)d->out;
    for (size_t i = 0; factor != NULL && i < count; i++)
        d->kernel[i] *= factor[i % out];
    for (size_t o = 0; o < out; o++)
        d->bias[o] = (factor != NULL ? d->bias[o] * factor[o] : d->bias[o]) + (term != NULL ? term[o] : 0);
}

static lk_value made_by(const dense *d, bool flat) {
    return (lk_value){.known = LK_MAP, .channels = d->out, .height = d->height, .width = d->width, .flat = flat};
}

static bool takes_norm(lk_lowering *l, const lk_onnx_node *n, dense *d) {
    float *factor = NULL, *term = NULL;
    if (!lk_onnx_is(n, "BatchNormalization"))
        return false;
    if (lk_batch_norm(l, n, d->out, &factor, &term))
        scale_outputs(d, factor, term);
    free(factor);
    free(term);
    return true;
}

static bool takes_act(lk_lowering *l, const lk_onnx_node *n, dense *d, const lk_value *made) {
    d->act = lk_simple_act(l, n);
    if (d->act == LK_ACT_NONE && (d->slope = lk_slopes(l, n, made, true)) != NULL)
        d->act = LK_ACT_PRELU;
    return d->act != LK_ACT_NONE;
}

/* A sum or product with a constant, or a sum with a map that is there already. */
static bool takes_second(lk_lowering *l, const lk_onnx_node *n, dense *d, const lk_value *made, int result) {
    const bool add = lk_onnx_is(n, "Add"), multiply = lk_onnx_is(n, "Mul");
    if ((!add && !multiply) || n->inputs != 2)
        return false;
    const int other = n->input[n->input[0] == result];
    const lk_value *v = other == LK_NONE ? NULL : &l->value[other];
    if (v == NULL || v->known == LK_UNKNOWN)
        return false;
    if (v->known == LK_CONSTANT) {
        float *numbers = lk_per_channel(l, v, made, true);
        if (numbers != NULL)
            scale_outputs(d, multiply ? numbers : NULL, add ? numbers : NULL);
        free(numbers);
        return numbers != NULL;
    }
    if (!add || d->alone || v->known != LK_MAP || v->unit || v->flat != made->flat || v->channels != made->channels ||
        v->height != made->height || v->width != made->width)
        return false;
    d->residual = v->tensor;
    return true;
}

static bool takes(lk_lowering *l, dense *d, const lk_value *made, int result) {
    const lk_onnx_node *n = &l->graph->node[l->at];
    if (lk_onnx_is(n, "Identity") || (lk_onnx_is(n, "Dropout") && n->inputs < 3)) /* of 3: may be while training */
        return true;
    if (d->act != LK_ACT_NONE)
        return false;
    if (takes_act(l, n, d, made))
        return true;
    return d->residual == LK_NONE && (takes_norm(l, n, d) || takes_second(l, n, d, made, result));
}

/* Gives the value that is the result of all. */
static int take_followers(lk_lowering *l, const lk_onnx_node *n, dense *d, bool flat) {
    const lk_value made = made_by(d, flat);
    const int here = l->at;
    int result = n->outputs > 0 ? n->output[0] : LK_NONE;
    while (l->build.status == LIKEN_OK && result != LK_NONE && l->users[result] == 1 && l->user[result] != LK_NONE) {
        l->at = l->user[result];
        const lk_onnx_node *next = &l->graph->node[l->at];
        if (l->at <= here || !lk_onnx_own(next) || next->outputs == 0 || next->output[0] == LK_NONE ||
            !takes(l, d, &made, result))
            break;
        l->done[l->at] = true;
        result = next->output[0];
    }
    l->at = here;
    return result;
}

/* ---- into the net ---- */

static int build_alone(lk_lowering *l, const dense *d) {
    const lk_value *x = d->x;
    const lk_act act = d->act == LK_ACT_PRELU ? LK_ACT_NONE : d->act;
    const bool bare = d->pads.top + d->pads.left + d->pads.bottom + d->pads.right == 0;
    if (bare && d->size == x->height && d->size == x->width && act == LK_ACT_NONE)
        return lk_build_depthwise_whole(&l->build, x->tensor, d->kernel, d->bias, d->size, d->out);
    return lk_build_depthwise_padded(&l->build, x->tensor, d->kernel, d->bias, d->out, d->size, d->stride, &d->pads,
                                     act);
}

static int build(lk_lowering *l, const dense *d) {
    const lk_conv_spec s = {.in = d->x->known == LK_PHOTO ? LK_INPUT : d->x->tensor,
                            .kernel = d->kernel,
                            .bias = d->bias,
                            .height = d->size,
                            .width = d->size,
                            .channels_in = d->in,
                            .channels_out = d->out,
                            .stride = d->stride,
                            .pad = LK_PAD_GIVEN,
                            .pads = d->pads,
                            .direct = (int64_t)d->in * d->out > WINOGRAD_MOST,
                            .act = d->act == LK_ACT_PRELU ? LK_ACT_NONE : d->act,
                            .residual = d->residual,
                            .into = LK_NONE};
    return d->alone ? build_alone(l, d) : lk_build_conv(&l->build, &s);
}

bool lk_lower_dense(lk_lowering *l, const lk_onnx_node *n) {
    const bool conv = lk_onnx_is(n, "Conv");
    dense d = {.residual = LK_NONE};
    if (!conv && !lk_onnx_is(n, "Gemm") && !lk_onnx_is(n, "MatMul"))
        return false;
    if (conv)
        read_conv(l, n, &d);
    else
        read_connected(l, n, &d);
    if (l->build.status == LIKEN_OK) {
        const int result = take_followers(l, n, &d, !conv);
        lk_set_map(l, 0, d.out, d.height, d.width, !conv); /* checks the size before anything is planned */
        const int tensor = build(l, &d);
        if (d.act == LK_ACT_PRELU)
            lk_build_prelu(&l->build, d.slope, d.out);
        if (l->build.status == LIKEN_OK && result != LK_NONE) {
            l->value[result] = made_by(&d, !conv);
            l->value[result].tensor = tensor;
        }
    }
    free_dense(&d);
    return true;
}
