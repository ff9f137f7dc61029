/* onnx_ops.c - the operators that work on maps and are neither convolution nor fully connected layer (see onnx.h). */
#include "nn/onnx.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A map as large as x. */
static void set_like(lk_lowering *l, int tensor, const lk_value *x) {
    lk_set_map(l, tensor, x->channels, x->height, x->width, x->flat);
}

/* ---- scaling and shifting ---- */

/* times factor, plus term (either NULL: nothing); also of a photo. */
static void shift(lk_lowering *l, const lk_value *x, const float *factor, const float *term) {
    lk_value v = *x;
    float *ones = malloc((size_t)x->channels * sizeof *ones), *zeros = calloc((size_t)x->channels, sizeof *zeros);
    for (size_t c = 0; ones != NULL && c < (size_t)x->channels; c++)
        ones[c] = 1;
    if (ones == NULL || zeros == NULL) {
        l->build.status = l->build.status == LIKEN_OK ? lk_fail_memory(l->build.err) : l->build.status;
    } else if (x->known == LK_MAP) {
        const lk_affine a = {.factor = factor != NULL ? factor : ones,
                             .term = term != NULL ? term : zeros,
                             .low = -INFINITY,
                             .high = INFINITY};
        set_like(l, lk_build_affine(&l->build, x->tensor, &a, x->channels), x);
    } else {
        for (size_t c = 0; c < 3; c++) {
            v.scale[c] *= factor != NULL ? (double)factor[c] : 1;
            v.mean[c] -= (term != NULL ? (double)term[c] : 0) / v.scale[c];
            if (!isfinite(v.mean[c]) || !isfinite(v.scale[c]))
                lk_refuse(l, "scales the photo by nothing, or without end");
        }
        lk_set(l, &v);
    }
    free(ones);
    free(zeros);
}

/* Input i as a photo or map; NULL after a failure. */
static const lk_value *seen_input(lk_lowering *l, int i) {
    const lk_value *v = lk_input_of(l, i, false);
    return v->known == LK_PHOTO ? v : lk_map_input(l, i, false);
}

static const lk_onnx_tensor *numbers_of(lk_lowering *l, int i, int count) {
    const lk_value *v = lk_input_of(l, i, false);
    const lk_onnx_tensor *t = v->known == LK_CONSTANT ? v->constant : NULL;
    if (t == NULL || t->count != (size_t)count || !lk_onnx_is_real(t)) {
        lk_refuse(l, "has no constant of %d numbers as its input %d", count, i + 1);
        return NULL;
    }
    return t;
}

bool lk_batch_norm(lk_lowering *l, const lk_onnx_node *n, int channels, float **factor, float **term) {
    const double epsilon = (double)lk_onnx_real(n, "epsilon", 1e-5f);
    const lk_onnx_tensor *t[4];
    if (lk_onnx_int(n, "training_mode", 0) != 0)
        lk_refuse(l, "is as it was while training; export the network for inference");
    for (int i = 0; i < 4; i++)
        t[i] = numbers_of(l, i + 1, channels);
    if (l->build.status != LIKEN_OK)
        return false;
    *factor = malloc((size_t)channels * sizeof **factor);
    *term = malloc((size_t)channels * sizeof **term);
    if (*factor == NULL || *term == NULL) {
        l->build.status = lk_fail_memory(l->build.err);
        return false;
    }
    for (size_t c = 0; c < (size_t)channels; c++) {
        const double scale = (double)lk_onnx_float(t[0], c) / sqrt((double)lk_onnx_float(t[3], c) + epsilon);
        (*factor)[c] = (float)scale;
        (*term)[c] = (float)((double)lk_onnx_float(t[1], c) - (double)lk_onnx_float(t[2], c) * scale);
    }
    return true;
}

static void lower_norm(lk_lowering *l, const lk_onnx_node *n) {
    const lk_value *x = seen_input(l, 0);
    float *factor = NULL, *term = NULL;
    if (x != NULL && lk_batch_norm(l, n, x->channels, &factor, &term))
        shift(l, x, factor, term);
    free(factor);
    free(term);
}

/* ---- activations ---- */

/* The limits of a Clip: attributes up to opset 10, then inputs. */
static bool limits(lk_lowering *l, const lk_onnx_node *n, float *low, float *high) {
    *low = lk_onnx_real(n, "min", -INFINITY);
    *high = lk_onnx_real(n, "max", INFINITY);
    for (int i = 1; i < 3; i++) {
        const lk_value *v = lk_input_of(l, i, true);
        if (v->known == LK_UNKNOWN)
            continue;
        const lk_onnx_tensor *t = v->known == LK_CONSTANT ? v->constant : NULL;
        if (t == NULL || t->count != 1 || !lk_onnx_is_real(t))
            return false;
        *(i == 1 ? low : high) = lk_onnx_float(t, 0);
    }
    return *low <= *high;
}

lk_act lk_simple_act(lk_lowering *l, const lk_onnx_node *n) {
    float low, high;
    if (lk_onnx_is(n, "Relu"))
        return LK_ACT_RELU;
    if (!lk_onnx_is(n, "Clip") || !limits(l, n, &low, &high) || low < 0 || low > 0)
        return LK_ACT_NONE;
    return high == 6 ? LK_ACT_RELU6 : isinf(high) ? LK_ACT_RELU : LK_ACT_NONE;
}

float *lk_slopes(lk_lowering *l, const lk_onnx_node *n, const lk_value *like, bool quiet) {
    const size_t count = (size_t)like->channels;
    const lk_onnx_tensor *t = NULL;
    if (lk_onnx_is(n, "PRelu") && n->inputs == 2 && n->input[1] != LK_NONE) {
        const lk_value *v = &l->value[n->input[1]];
        t = v->known == LK_CONSTANT ? v->constant : NULL;
        if (t == NULL || (t->count != count && t->count != 1) || !lk_onnx_is_real(t)) {
            if (!quiet)
                lk_refuse(l, "has slopes that are not one constant, or one for each of %d channels", like->channels);
            return NULL;
        }
    } else if (!lk_onnx_is(n, "LeakyRelu")) {
        return NULL;
    }
    float *to = malloc(count * sizeof *to);
    if (to == NULL && l->build.status == LIKEN_OK)
        l->build.status = lk_fail_memory(l->build.err);
    for (size_t c = 0; to != NULL && c < count; c++)
        to[c] = t == NULL ? lk_onnx_real(n, "alpha", 0.01f) : lk_onnx_float(t, t->count == 1 ? 0 : c);
    return to;
}

/* factor and term are the same for all channels. */
static void curve(lk_lowering *l, const lk_value *x, float factor, float term, const float *slope, float low,
                  float high, bool gate) {
    float *factors = malloc((size_t)x->channels * sizeof *factors),
          *terms = malloc((size_t)x->channels * sizeof *terms);
    if (factors == NULL || terms == NULL)
        l->build.status = l->build.status == LIKEN_OK ? lk_fail_memory(l->build.err) : l->build.status;
    for (int c = 0; l->build.status == LIKEN_OK && c < x->channels; c++) {
        factors[c] = factor;
        terms[c] = term;
    }
    const lk_affine a = {.factor = factors, .term = terms, .slope = slope, .low = low, .high = high, .gate = gate};
    if (l->build.status == LIKEN_OK)
        set_like(l, lk_build_affine(&l->build, x->tensor, &a, x->channels), x);
    free(factors);
    free(terms);
}

static void lower_curve(lk_lowering *l, const lk_onnx_node *n) {
    const lk_value *x = lk_map_input(l, 0, false);
    float low = -INFINITY, high = INFINITY, *slope;
    if (x == NULL)
        return;
    if (lk_onnx_is(n, "Relu")) {
        curve(l, x, 1, 0, NULL, 0, INFINITY, false);
    } else if (lk_onnx_is(n, "Clip")) {
        if (!limits(l, n, &low, &high))
            lk_refuse(l, "has limits that are not constants, or the wrong way round");
        curve(l, x, 1, 0, NULL, low, high, false);
    } else if (lk_onnx_is(n, "HardSigmoid")) {
        curve(l, x, lk_onnx_real(n, "alpha", 0.2f), lk_onnx_real(n, "beta", 0.5f), NULL, 0, 1, false);
    } else if (lk_onnx_is(n, "HardSwish")) {
        curve(l, x, 1.0f / 6, 0.5f, NULL, 0, 1, true);
    } else if (lk_onnx_is(n, "Sigmoid")) {
        set_like(l, lk_build_sigmoid(&l->build, x->tensor), x);
    } else {
        slope = lk_slopes(l, n, x, false);
        if (slope != NULL)
            curve(l, x, 1, 0, slope, low, high, false);
        free(slope);
    }
}

/* ---- sums and products ---- */

/* numbers[c] to 1 / numbers[c], or to -numbers[c]. */
static void invert(float *numbers, int count, bool divide) {
    for (int c = 0; c < count; c++)
        numbers[c] = divide ? 1 / numbers[c] : -numbers[c];
}

static void with_constant(lk_lowering *l, const lk_onnx_node *n, const lk_value *x, const lk_value *constant,
                          bool first) {
    float *numbers = lk_per_channel(l, constant, x, false);
    const bool divide = lk_onnx_is(n, "Div"), subtract = lk_onnx_is(n, "Sub");
    if (numbers == NULL)
        return;
    if (first && divide)
        lk_refuse(l, "divides a constant by a map");
    if (divide || (subtract && !first))
        invert(numbers, x->channels, divide);
    if (first && subtract) {
        float *minus = malloc((size_t)x->channels * sizeof *minus);
        for (int c = 0; minus != NULL && c < x->channels; c++)
            minus[c] = -1;
        if (minus == NULL)
            l->build.status = lk_fail_memory(l->build.err);
        else
            shift(l, x, minus, numbers);
        free(minus);
    } else {
        shift(l, x, divide || lk_onnx_is(n, "Mul") ? numbers : NULL, divide || lk_onnx_is(n, "Mul") ? NULL : numbers);
    }
    free(numbers);
}

static bool same_size(const lk_value *a, const lk_value *b) {
    return a->channels == b->channels && a->height == b->height && a->width == b->width && a->flat == b->flat;
}

static void two_maps(lk_lowering *l, const lk_onnx_node *n) {
    const lk_value *a = lk_map_input(l, 0, false), *b = lk_map_input(l, 1, false);
    if (a == NULL || b == NULL)
        return;
    const bool gated = a->height * a->width == 1 && b->height * b->width > 1;
    const lk_value *map = gated ? b : a, *gate = gated ? a : b;
    if (same_size(a, b) && lk_onnx_is(n, "Mul"))
        set_like(l, lk_build_product(&l->build, a->tensor, b->tensor), a);
    else if (same_size(a, b) && lk_onnx_is(n, "Add"))
        set_like(l, lk_build_sum(&l->build, a->tensor, b->tensor), a);
    else if (lk_onnx_is(n, "Mul") && a->channels == b->channels && gate->height * gate->width == 1 && !gate->flat &&
             !map->flat)
        set_like(l, lk_build_scale(&l->build, map->tensor, gate->tensor, LK_NONE), map);
    else
        lk_refuse(l, "joins maps of %d x %d x %d and %d x %d x %d in a way that liken does not know", a->channels,
                  a->height, a->width, b->channels, b->height, b->width);
}

static void lower_arithmetic(lk_lowering *l, const lk_onnx_node *n) {
    const lk_value *a = lk_input_of(l, 0, false), *b = lk_input_of(l, 1, false);
    if (l->build.status != LIKEN_OK)
        return;
    if (b->known == LK_LENGTH_OF && lk_onnx_is(n, "Div") && a->known == LK_MAP && a->tensor == b->tensor) {
        lk_value v = *a;
        v.unit = true;
        lk_set(l, &v);
    } else if (a->known == LK_LENGTH_OF && b->known == LK_CONSTANT) {
        lk_set(l, a); /* a little more, so that nothing is divided by zero */
    } else if (b->known == LK_CONSTANT && (a = seen_input(l, 0)) != NULL) {
        with_constant(l, n, a, b, false);
    } else if (a != NULL && a->known == LK_CONSTANT && (b = seen_input(l, 1)) != NULL) {
        with_constant(l, n, b, a, true);
    } else {
        two_maps(l, n);
    }
}

/* ---- windows ---- */

/* A number that stands there twice, or `otherwise`. */
static int twice(lk_lowering *l, const lk_onnx_node *n, const char *name, int otherwise) {
    const lk_onnx_attribute *a = lk_onnx_find(n, name);
    if (a == NULL && otherwise > 0)
        return otherwise;
    if (a == NULL || a->count != 2 || a->ints[0] != a->ints[1] || a->ints[0] < 1 || a->ints[0] > 64) {
        lk_refuse(l, "has %s that are not two equal numbers from 1 to 64", name);
        return 1;
    }
    return (int)a->ints[0];
}

/* Rows that a window may hang over the end so that none is left out. */
static int hang(int size, int window, int stride, int zeros) {
    const int left = (size + zeros - window) % stride;
    return size + zeros >= window && left != 0 ? stride - left : 0;
}

static void lower_pool(lk_lowering *l, const lk_onnx_node *n) {
    const bool mean = lk_onnx_is(n, "AveragePool"), whole = lk_onnx_int(n, "count_include_pad", 0) != 0;
    const lk_value *x = lk_map_input(l, 0, false);
    const int size = twice(l, n, "kernel_shape", 0), stride = twice(l, n, "strides", 1);
    if (x == NULL || l->build.status != LIKEN_OK)
        return;
    lk_pads p = lk_onnx_pads(l, n, x, size, size, stride);
    if (twice(l, n, "dilations", 1) != 1)
        lk_refuse(l, "has holes in its window");
    if (lk_onnx_int(n, "ceil_mode", 0) != 0) {
        if (whole)
            lk_refuse(l, "counts the border in its means and has ceil_mode");
        p.bottom += hang(x->height, size, stride, p.top + p.bottom);
        p.right += hang(x->width, size, stride, p.left + p.right);
    }
    const int height = lk_onnx_outputs(x->height, size, stride, p.top + p.bottom);
    const int width = lk_onnx_outputs(x->width, size, stride, p.left + p.right);
    if (height < 1 || width < 1 || (height - 1) * stride >= x->height + p.top ||
        (width - 1) * stride >= x->width + p.left)
        lk_refuse(l, "has a window of %d x %d that does not fit %d x %d", size, size, x->height, x->width);
    if (l->build.status != LIKEN_OK)
        return;
    const lk_pool pool = {.size = size, .stride = stride, .mean = mean, .whole = whole};
    const bool bare = p.top + p.left + p.bottom + p.right == 0;
    const int made = bare && !mean && size <= LK_MAX_WINDOW ? lk_build_max_pool(&l->build, x->tensor, size, stride)
                     : bare && mean ? lk_build_avg_pool(&l->build, x->tensor, size, stride, x->channels)
                                    : lk_build_pool(&l->build, x->tensor, &pool, &p);
    lk_set_map(l, made, x->channels, height, width, false);
}

/* The mean or the largest of each channel. `flat`: what comes is a row. */
static void whole_pool(lk_lowering *l, bool mean, bool flat) {
    const lk_value *x = lk_map_input(l, 0, false);
    if (x == NULL)
        return;
    if (x->flat || x->height != x->width)
        lk_refuse(l, "pools %d x %d; liken pools square maps as a whole", x->height, x->width);
    const lk_pool pool = {.size = x->height, .stride = 1};
    const lk_pads none = {0};
    lk_set_map(l, mean ? lk_build_global_pool(&l->build, x->tensor) : lk_build_pool(&l->build, x->tensor, &pool, &none),
               x->channels, 1, 1, flat);
}

/* Axes by attribute or (from opset 13 or 18 on) by input; their count. */
static int axes_of(lk_lowering *l, const lk_onnx_node *n, int64_t to[LK_ONNX_INTS]) {
    const lk_onnx_attribute *a = lk_onnx_find(n, "axes");
    lk_value v;
    if (a != NULL && a->count <= LK_ONNX_INTS) {
        memcpy(to, a->ints, sizeof a->ints);
        return a->count;
    }
    if (!lk_integers(lk_input_of(l, 1, true), &v))
        return -1;
    memcpy(to, v.ints, sizeof v.ints);
    return v.count;
}

static void lower_mean(lk_lowering *l, const lk_onnx_node *n) {
    int64_t axes[LK_ONNX_INTS];
    const int count = axes_of(l, n, axes);
    const bool rows = count == 2 && ((axes[0] == 2 && axes[1] == 3) || (axes[0] == -2 && axes[1] == -1) ||
                                     (axes[0] == -1 && axes[1] == -2));
    if (!rows)
        lk_refuse(l, "takes means over other axes than height and width");
    else
        whole_pool(l, true, lk_onnx_int(n, "keepdims", 1) == 0);
}

/* ---- rows ---- */

static void lower_flatten(lk_lowering *l, const lk_onnx_node *n) {
    const lk_value *x = lk_map_input(l, 0, true);
    if (x == NULL)
        return;
    lk_value v = *x;
    if (lk_onnx_int(n, "axis", 1) != 1)
        lk_refuse(l, "flattens from another axis than the first");
    v.flat = true;
    lk_set(l, &v);
}

/* To a row of all numbers, or to what it is already. */
static void lower_reshape(lk_lowering *l, const lk_onnx_node *n) {
    const lk_value *x = lk_map_input(l, 0, true);
    lk_value shape;
    if (x == NULL)
        return;
    const int count = lk_integers(lk_input_of(l, 1, true), &shape) ? shape.count : -1;
    int64_t *dim = shape.ints;
    const int64_t all = (int64_t)x->channels * x->height * x->width,
                  had[] = {1, x->flat ? all : x->channels, x->height, x->width};
    int64_t known = 1;
    for (int i = 0; i < count && i < 4; i++) {
        dim[i] = dim[i] == 0 && lk_onnx_int(n, "allowzero", 0) == 0 ? had[i] : dim[i];
        known *= dim[i] > 0 && dim[i] <= all / known ? dim[i] : 1; /* no more than all */
    }
    for (int i = 0; i < count && i < 4; i++)
        dim[i] = dim[i] == -1 ? all / known : dim[i];
    lk_value v = *x;
    v.flat = count == 2;
    if (!(count == 2 && dim[0] == 1 && dim[1] == all) &&
        !(count == 4 && dim[0] == 1 && dim[1] == x->channels && dim[2] == x->height && dim[3] == x->width))
        lk_refuse(l, "gives %d x %d x %d numbers a shape that liken does not follow; it flattens a map to one row",
                  x->channels, x->height, x->width);
    lk_set(l, &v);
}

/* Dimensions of one more or fewer: only of a single pixel is that the same numbers. */
static void lower_squeeze(lk_lowering *l, const lk_onnx_node *n) {
    const lk_value *x = lk_map_input(l, 0, false);
    int64_t axes[LK_ONNX_INTS];
    const int count = axes_of(l, n, axes);
    if (x == NULL)
        return;
    lk_value v = *x;
    bool good = count == 2 && x->height * x->width == 1 && x->flat == lk_onnx_is(n, "Unsqueeze");
    for (int i = 0; good && i < 2; i++)
        good = axes[i] == 2 || axes[i] == 3 || axes[i] == -1 || axes[i] == -2;
    if (!good)
        lk_refuse(l, "adds or takes other dimensions than the height and width of single pixels");
    v.flat = !x->flat;
    lk_set(l, &v);
}

static void lower_length(lk_lowering *l, const lk_onnx_node *n) {
    const lk_value *x = lk_map_input(l, 0, false);
    int64_t axes[LK_ONNX_INTS] = {0};
    const bool alone = lk_onnx_is(n, "LpNormalization");
    const int count = alone ? 1 : axes_of(l, n, axes);
    const int64_t axis = alone ? lk_onnx_int(n, "axis", -1) : axes[0];
    if (x == NULL)
        return;
    lk_value v = *x;
    if (count != 1 || x->height * x->width != 1 || (axis != 1 && !(axis == -1 && x->flat)) ||
        (alone && lk_onnx_int(n, "p", 2) != 2))
        lk_refuse(l, "takes another length than the Euclidean one of the whole descriptor");
    if (alone)
        v.unit = true;
    else
        v.known = LK_LENGTH_OF;
    lk_set(l, &v);
}

/* ---- the table ---- */

/* A bool's only byte; the values of such tensors are not counted. */
static bool is_true(const lk_onnx_tensor *t) {
    return t->values.at != NULL && lk_message_size(&t->values) == 1 && *t->values.at != 0;
}

/* What passes its first input on as it is. */
static void lower_passed(lk_lowering *l, const lk_onnx_node *n) {
    const lk_value *v = lk_input_of(l, 0, false);
    const lk_value *mode = lk_onnx_is(n, "Dropout") ? lk_input_of(l, 2, true) : NULL;
    if (mode != NULL && mode->known == LK_CONSTANT && is_true(mode->constant))
        lk_refuse(l, "is as it was while training; export the network for inference");
    if (lk_onnx_is(n, "Cast") && (v->known == LK_MAP || v->known == LK_PHOTO) &&
        !lk_onnx_is_real(&(lk_onnx_tensor){.type = (int)lk_onnx_int(n, "to", 0)}))
        lk_refuse(l, "makes whole numbers of a map");
    lk_set(l, v);
}

typedef void lower_fn(lk_lowering *, const lk_onnx_node *);
static const struct {
    const char *op;
    lower_fn *lower;
} operators[] = {{"BatchNormalization", lower_norm},
                 {"Relu", lower_curve},
                 {"PRelu", lower_curve},
                 {"LeakyRelu", lower_curve},
                 {"Clip", lower_curve},
                 {"HardSigmoid", lower_curve},
                 {"HardSwish", lower_curve},
                 {"Sigmoid", lower_curve},
                 {"Add", lower_arithmetic},
                 {"Sub", lower_arithmetic},
                 {"Mul", lower_arithmetic},
                 {"Div", lower_arithmetic},
                 {"MaxPool", lower_pool},
                 {"AveragePool", lower_pool},
                 {"ReduceMean", lower_mean},
                 {"Flatten", lower_flatten},
                 {"Reshape", lower_reshape},
                 {"Squeeze", lower_squeeze},
                 {"Unsqueeze", lower_squeeze},
                 {"ReduceL2", lower_length},
                 {"LpNormalization", lower_length},
                 {"Identity", lower_passed},
                 {"Dropout", lower_passed},
                 {"Cast", lower_passed}};

bool lk_lower_op(lk_lowering *l, const lk_onnx_node *n) {
    if (n->inputs > 0 && n->input[0] != LK_NONE && l->value[n->input[0]].known == LK_LENGTH_OF &&
        (lk_onnx_is(n, "Clip") || lk_onnx_is(n, "Max") ||
         lk_onnx_is(n, "Expand"))) { /* so that nothing is divided by zero */
        lower_passed(l, n);
        return true;
    }
    if (lk_onnx_is(n, "GlobalAveragePool") || lk_onnx_is(n, "GlobalMaxPool")) {
        whole_pool(l, lk_onnx_is(n, "GlobalAveragePool"), false);
        return true;
    }
    for (size_t i = 0; i < LK_LENGTH(operators); i++)
        if (lk_onnx_is(n, operators[i].op)) {
            operators[i].lower(l, n);
            return true;
        }
    return false;
}
