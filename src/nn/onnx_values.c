/* onnx_values.c - what is known of a graph's values (see onnx.h), and the operators that work on shapes alone:
 * exporters write the sizes of a reshape as a calculation on the shape of its input. */
#include "nn/onnx.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAP_MOST ((int64_t)1 << 23) /* numbers of a map */

static const lk_onnx_node *node_of(const lk_lowering *l) {
    return &l->graph->node[l->at];
}

/* As much of a name out of the file as can be shown. */
static void show(char *to, size_t room, const char *name) {
    size_t i = 0;
    for (; i + 1 < room && name[i] != '\0'; i++)
        to[i] = (unsigned char)name[i] < 0x20 || (unsigned char)name[i] >= 0x7f ? '?' : name[i];
    to[i] = '\0';
}

int lk_refuse(lk_lowering *l, const char *format, ...) {
    char what[512], name[64], op[32];
    const lk_onnx_node *n = node_of(l);
    if (l->build.status != LIKEN_OK)
        return l->build.status;
    va_list ap;
    va_start(ap, format);
    (void)vsnprintf(what, sizeof what, format, ap);
    va_end(ap);
    const bool named = *n->name != '\0' || n->outputs == 0 || n->output[0] == LK_NONE;
    show(name, sizeof name, named ? n->name : l->graph->name[n->output[0]]);
    show(op, sizeof op, n->op);
    return l->build.status = lk_fail(l->build.err, LIKEN_E_MODEL, "Node \"%s\" (%s) %s.", name, op, what);
}

const lk_value *lk_input_of(lk_lowering *l, int i, bool optional) {
    static const lk_value nothing = {.known = LK_UNKNOWN};
    const lk_onnx_node *n = node_of(l);
    if (i >= n->inputs || n->input[i] == LK_NONE) {
        if (!optional)
            lk_refuse(l, "lacks its input %d", i + 1);
        return &nothing;
    }
    const lk_value *v = &l->value[n->input[i]];
    if (v->known == LK_UNKNOWN) {
        char name[64];
        show(name, sizeof name, l->graph->name[n->input[i]]);
        lk_refuse(l, "reads \"%s\", which no node before it makes", name);
    }
    return v;
}

const lk_value *lk_map_input(lk_lowering *l, int i, bool flat) {
    const lk_value *v = lk_input_of(l, i, false);
    if (l->build.status != LIKEN_OK)
        return NULL;
    if (v->known == LK_PHOTO)
        lk_refuse(l, "works on the photo itself; liken can scale and shift a photo and put it through a convolution");
    else if (v->known != LK_MAP)
        lk_refuse(l, "works on a constant or a shape in a way that liken does not know");
    else if (v->unit)
        lk_refuse(l, "comes after the descriptor was divided by its length, which must be the last step");
    else if (!flat && v->flat && v->height * v->width > 1)
        lk_refuse(l, "works on %d x %d x %d numbers in one row; there, liken runs a fully connected layer only",
                  v->channels, v->height, v->width);
    return l->build.status == LIKEN_OK ? v : NULL;
}

void lk_set(lk_lowering *l, const lk_value *v) {
    const lk_onnx_node *n = node_of(l);
    if (l->build.status == LIKEN_OK && n->outputs > 0 && n->output[0] != LK_NONE)
        l->value[n->output[0]] = *v;
}

void lk_set_map(lk_lowering *l, int tensor, int channels, int height, int width, bool flat) {
    const lk_value v = {
        .known = LK_MAP, .tensor = tensor, .channels = channels, .height = height, .width = width, .flat = flat};
    if ((int64_t)channels * height * width > MAP_MOST)
        lk_refuse(l, "makes %d x %d x %d numbers, more than liken holds", channels, height, width);
    lk_set(l, &v);
}

static bool spans_channels(const lk_onnx_tensor *t, const lk_value *like) {
    if (t->count == 1)
        return true;
    const int64_t *end = t->dim + t->rank;
    if (t->count != (size_t)like->channels)
        return false;
    if (like->flat)
        return like->height * like->width == 1 && t->rank >= 1 && end[-1] == like->channels;
    return t->rank >= 3 && end[-1] == 1 && end[-2] == 1 && end[-3] == like->channels;
}

float *lk_per_channel(lk_lowering *l, const lk_value *constant, const lk_value *like, bool quiet) {
    const lk_onnx_tensor *t = constant->known == LK_CONSTANT ? constant->constant : NULL;
    if (l->build.status != LIKEN_OK)
        return NULL;
    if (t == NULL || !lk_onnx_is_real(t) || !spans_channels(t, like)) {
        if (!quiet)
            lk_refuse(l, "has a constant that is not one number, or one for each of %d channels", like->channels);
        return NULL;
    }
    float *to = malloc((size_t)like->channels * sizeof *to);
    if (to == NULL)
        l->build.status = lk_fail_memory(l->build.err);
    for (size_t i = 0; to != NULL && i < (size_t)like->channels; i++)
        to[i] = lk_onnx_float(t, t->count == 1 ? 0 : i);
    return to;
}

/* ---- shapes ---- */

bool lk_integers(const lk_value *v, lk_value *out) {
    if (v->known == LK_INTEGERS) {
        *out = *v;
        return true;
    }
    if (v->known != LK_CONSTANT)
        return false;
    *out = (lk_value){.known = LK_INTEGERS, .scalar = v->constant->rank == 0};
    out->count = v->constant->rank <= 1 ? lk_onnx_integers(v->constant, out->ints) : -1;
    return out->count >= 0;
}

/* Integers of the node's input i; a refusal where it has others. */
static lk_value integers_of(lk_lowering *l, int i) {
    lk_value v = {.known = LK_INTEGERS};
    if (!lk_integers(lk_input_of(l, i, false), &v))
        lk_refuse(l, "works on a shape in a way that liken does not know");
    return v;
}

static void lower_shape_of(lk_lowering *l, const lk_onnx_node *n) {
    const lk_value *x = lk_input_of(l, 0, false);
    lk_value v = {.known = LK_INTEGERS};
    if (x->known != LK_MAP && x->known != LK_PHOTO)
        lk_refuse(l, "asks for the shape of a constant");
    if (lk_onnx_find(n, "start") != NULL || lk_onnx_find(n, "end") != NULL)
        lk_refuse(l, "asks for a part of a shape");
    v.count = x->flat ? 2 : 4;
    v.ints[0] = 1;
    v.ints[1] = x->flat ? (int64_t)x->channels * x->height * x->width : x->channels;
    v.ints[2] = x->height;
    v.ints[3] = x->width;
    lk_set(l, &v);
}

static void lower_gather(lk_lowering *l, const lk_value *data) {
    const lk_value places = integers_of(l, 1);
    lk_value v = {.known = LK_INTEGERS, .count = places.count, .scalar = places.scalar};
    for (int i = 0; i < places.count; i++) {
        const int64_t at = places.ints[i] < 0 ? places.ints[i] + data->count : places.ints[i];
        if (at < 0 || at >= data->count) {
            lk_refuse(l, "takes a dimension that is not there");
            return;
        }
        v.ints[i] = data->ints[at];
    }
    lk_set(l, &v);
}

static void lower_concat(lk_lowering *l, const lk_onnx_node *n) {
    lk_value v = {.known = LK_INTEGERS};
    for (int i = 0; i < n->inputs; i++) {
        const lk_value part = integers_of(l, i);
        if (v.count + part.count > LK_ONNX_INTS) {
            lk_refuse(l, "makes a shape of more than %d dimensions", LK_ONNX_INTS);
            return;
        }
        memcpy(v.ints + v.count, part.ints, (size_t)part.count * sizeof *v.ints);
        v.count += part.count;
    }
    lk_set(l, &v);
}

static int64_t clamp(int64_t at, int count) {
    at = at < 0 ? at + count : at;
    return at < 0 ? 0 : at > count ? count : at;
}

/* From opset 10 on, where the ends are inputs. */
static void lower_slice(lk_lowering *l, const lk_value *data) {
    const lk_value from = integers_of(l, 1), to = integers_of(l, 2);
    lk_value v = {.known = LK_INTEGERS}, step;
    if (from.count != 1 || to.count != 1 ||
        (lk_integers(lk_input_of(l, 4, true), &step) && (step.count != 1 || step.ints[0] != 1)))
        lk_refuse(l, "cuts a shape in a way that liken does not know");
    else
        for (int64_t i = clamp(from.ints[0], data->count); i < clamp(to.ints[0], data->count); i++)
            v.ints[v.count++] = data->ints[i];
    lk_set(l, &v);
}

bool lk_lower_shape(lk_lowering *l, const lk_onnx_node *n) {
    if (lk_onnx_is(n, "Constant")) {
        if (n->outputs == 1 && n->output[0] != LK_NONE && l->value[n->output[0]].known != LK_CONSTANT)
            lk_refuse(l, "holds no tensor");
        return true;
    }
    if (lk_onnx_is(n, "Shape")) {
        lower_shape_of(l, n);
        return true;
    }
    lk_value first;
    if (n->inputs == 0 || n->input[0] == LK_NONE || !lk_integers(&l->value[n->input[0]], &first))
        return false;
    if (lk_onnx_is(n, "Gather")) {
        lower_gather(l, &first);
    } else if (lk_onnx_is(n, "Concat")) {
        lower_concat(l, n);
    } else if (lk_onnx_is(n, "Slice")) {
        lower_slice(l, &first);
    } else if (lk_onnx_is(n, "Cast") || lk_onnx_is(n, "Identity")) {
        lk_set(l, &first);
    } else if (lk_onnx_is(n, "Unsqueeze") || lk_onnx_is(n, "Squeeze")) {
        first.scalar = lk_onnx_is(n, "Squeeze");
        lk_set(l, &first);
    } else {
        return false;
    }
    return true;
}
