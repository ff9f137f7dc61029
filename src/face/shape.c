/* shape.c - reading and running a cascade of regression trees.
 *
 * The shape (points in units of the box) starts as the mean. Each stage looks at the brightness of some pixels, each
 * pinned to its nearest point of the mean shape and turned and scaled as the current shape is turned and scaled; each
 * of its trees compares pairs of them on the way to a leaf, and the leaf is added to the shape.
 *
 * The reader knows only full trees of one depth and the same number of them in each stage (all that dlib's trainer
 * makes), so the whole fits in three arrays whose sizes are known, and held against the bytes that are left, before
 * anything large is allocated: a number takes at least four bytes of the file, so no file can ask for more memory than
 * about its own size. What is read is checked so that predicting can trust every index and every number is finite. */
#include "face/shape.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MAX_VALUES (2 * LK_SHAPE_MAX_POINTS)
#define MAX_STAGES 64
#define MAX_TREES 4096
#define MAX_LEAVES 1024
#define MAX_PIXELS 4096
#define MAX_SHAPE 64.0    /* in units of the box: no real point is that far out */
#define MAX_THRESHOLD 1e6 /* of a difference of brightness, 0..255 */

typedef struct split {
    uint16_t a, b; /* go left when pixels[a] - pixels[b] > threshold */
    float threshold;
} split;

typedef struct pixel {
    uint16_t anchor; /* point of the shape */
    float dx, dy;    /* from it, in the mean shape's frame */
} pixel;

struct lk_shape {
    int values;        /* twice the points */
    int stages, trees; /* trees of each stage */
    int leaves;        /* of each tree; a power of two; leaves - 1 splits */
    int pixels[MAX_STAGES];
    float mean[MAX_VALUES]; /* x0, y0, x1, ... */
    split *splits;          /* [stages][trees][leaves - 1] */
    float *leaf;            /* [stages][trees][leaves][values] */
    pixel *pixel;           /* [stages][MAX_PIXELS] */
};

/* ---- reading ---- */

typedef struct reader {
    const uint8_t *at, *end;
    liken_error *err;
} reader;

static int bad(const reader *r, const char *what) {
    return lk_fail(r->err, LIKEN_E_MODEL, "The shape predictor cannot be read: %s.", what);
}

/* dlib's integer: a byte with the sign (0x80) and the number of bytes (1-8) that follow, low byte first. */
static int read_integer(reader *r, int64_t *out) {
    if (r->at == r->end)
        return bad(r, "the file is cut short");
    const unsigned control = *r->at++;
    const unsigned count = control & 0x7f;
    if (count < 1 || count > 8)
        return bad(r, "a number is malformed");
    if ((size_t)(r->end - r->at) < count)
        return bad(r, "the file is cut short");
    uint64_t value = 0;
    for (unsigned i = 0; i < count; i++)
        value |= (uint64_t)r->at[i] << (8 * i);
    r->at += count;
    if (value > INT64_MAX)
        return bad(r, "a number is out of range");
    *out = (control & 0x80) != 0 ? -(int64_t)value : (int64_t)value;
    return LIKEN_OK;
}

static int read_count(reader *r, int64_t least, int64_t most, int *out) {
    int64_t value = 0;
    const int rc = read_integer(r, &value);
    if (rc != LIKEN_OK)
        return rc;
    if (value < least || value > most)
        return bad(r, "a count or an index is out of range");
    *out = (int)value;
    return LIKEN_OK;
}

/* dlib's float: mantissa and exponent, value = mantissa * 2^exponent. */
static int read_float(reader *r, double most, float *out) {
    int64_t mantissa = 0, exponent = 0;
    int rc = read_integer(r, &mantissa);
    if (rc == LIKEN_OK)
        rc = read_integer(r, &exponent);
    if (rc != LIKEN_OK)
        return rc;
    if (exponent < -1200 || exponent > 1200) /* dlib has infinities and NaN at 32000 and above */
        return bad(r, "a number is not finite");
    const double value = ldexp((double)mantissa, (int)exponent);
    if (!(fabs(value) <= most))
        return bad(r, "a number is out of range");
    *out = (float)value;
    return LIKEN_OK;
}

/* A column vector: its height and width (1), negated since an old version of the format, then its values. */
static int read_vector(reader *r, int values, float *out) {
    int64_t rows = 0, columns = 0;
    int rc = read_integer(r, &rows);
    if (rc == LIKEN_OK)
        rc = read_integer(r, &columns);
    if (rc == LIKEN_OK && (llabs(rows) != values || llabs(columns) != 1))
        rc = bad(r, "a vector has another length than the shape");
    for (int i = 0; i < values && rc == LIKEN_OK; i++)
        rc = read_float(r, MAX_SHAPE, &out[i]);
    return rc;
}

static int read_mean(reader *r, lk_shape *s) {
    const reader start = *r;
    int64_t rows = 0;
    const int rc = read_integer(r, &rows);
    if (rc != LIKEN_OK)
        return rc;
    if (llabs(rows) < 4 || llabs(rows) > MAX_VALUES || rows % 2 != 0)
        return bad(r, "the number of points is out of range");
    s->values = (int)llabs(rows);
    *r = start;
    return read_vector(r, s->values, s->mean);
}

/* Looks ahead for the sizes of the first tree, so that everything can be allocated at once. */
static int read_sizes(reader *r, lk_shape *s) {
    int rc = read_count(r, 1, MAX_STAGES, &s->stages);
    const reader start = *r;
    int splits = 0;
    if (rc == LIKEN_OK)
        rc = read_count(r, 1, MAX_TREES, &s->trees);
    if (rc == LIKEN_OK)
        rc = read_count(r, 1, MAX_LEAVES - 1, &splits);
    if (rc != LIKEN_OK)
        return rc;
    s->leaves = splits + 1;
    if ((s->leaves & splits) != 0)
        return bad(r, "a tree is not full");
    *r = start;
    const uint64_t trees = (uint64_t)s->stages * (uint64_t)s->trees;
    const uint64_t leaf_values = trees * (uint64_t)s->leaves * (uint64_t)s->values;
    if (leaf_values > (uint64_t)(r->end - r->at) / 4)
        return bad(r, "the file is cut short");
    s->splits = calloc(trees * (uint64_t)splits, sizeof *s->splits);
    s->leaf = malloc(leaf_values * sizeof *s->leaf);
    return s->splits == NULL || s->leaf == NULL ? lk_fail_memory(r->err) : LIKEN_OK;
}

static int read_split(reader *r, split *out) {
    int a = 0, b = 0;
    int rc = read_count(r, 0, MAX_PIXELS - 1, &a);
    if (rc == LIKEN_OK)
        rc = read_count(r, 0, MAX_PIXELS - 1, &b);
    out->a = (uint16_t)a;
    out->b = (uint16_t)b;
    return rc == LIKEN_OK ? read_float(r, MAX_THRESHOLD, &out->threshold) : rc;
}

static int read_tree(reader *r, const lk_shape *s, split *splits, float *leaf) {
    int count = 0;
    int rc = read_count(r, s->leaves - 1, s->leaves - 1, &count);
    for (int i = 0; i < s->leaves - 1 && rc == LIKEN_OK; i++)
        rc = read_split(r, &splits[i]);
    if (rc == LIKEN_OK)
        rc = read_count(r, s->leaves, s->leaves, &count);
    for (int i = 0; i < s->leaves && rc == LIKEN_OK; i++)
        rc = read_vector(r, s->values, leaf + (size_t)i * (size_t)s->values);
    return rc;
}

static int read_trees(reader *r, lk_shape *s) {
    int rc = LIKEN_OK;
    split *splits = s->splits;
    float *leaf = s->leaf;
    for (int stage = 0; stage < s->stages && rc == LIKEN_OK; stage++) {
        int count = 0;
        rc = read_count(r, s->trees, s->trees, &count);
        for (int tree = 0; tree < s->trees && rc == LIKEN_OK; tree++) {
            rc = read_tree(r, s, splits, leaf);
            splits += s->leaves - 1;
            leaf += (size_t)s->leaves * (size_t)s->values;
        }
    }
    return rc;
}

/* Every stage's anchors, and then every stage's offsets from them. */
static int read_anchors(reader *r, lk_shape *s) {
    int stages = 0;
    int rc = read_count(r, s->stages, s->stages, &stages);
    if (rc == LIKEN_OK && (s->pixel = calloc((size_t)s->stages * MAX_PIXELS, sizeof *s->pixel)) == NULL)
        return lk_fail_memory(r->err);
    for (int stage = 0; stage < s->stages && rc == LIKEN_OK; stage++) {
        rc = read_count(r, 1, MAX_PIXELS, &s->pixels[stage]);
        for (int i = 0; i < s->pixels[stage] && rc == LIKEN_OK; i++) {
            int anchor = 0;
            rc = read_count(r, 0, s->values / 2 - 1, &anchor);
            s->pixel[(size_t)stage * MAX_PIXELS + (size_t)i].anchor = (uint16_t)anchor;
        }
    }
    return rc;
}

static int read_offsets(reader *r, lk_shape *s) {
    int count = 0;
    int rc = read_count(r, s->stages, s->stages, &count);
    for (int stage = 0; stage < s->stages && rc == LIKEN_OK; stage++) {
        rc = read_count(r, s->pixels[stage], s->pixels[stage], &count);
        for (int i = 0; i < s->pixels[stage] && rc == LIKEN_OK; i++) {
            pixel *p = &s->pixel[(size_t)stage * MAX_PIXELS + (size_t)i];
            rc = read_float(r, MAX_SHAPE, &p->dx);
            if (rc == LIKEN_OK)
                rc = read_float(r, MAX_SHAPE, &p->dy);
        }
    }
    return rc;
}

/* Splits were read before it was known how many pixels their stage has. */
static int check_splits(const reader *r, const lk_shape *s) {
    const size_t each = (size_t)s->trees * (size_t)(s->leaves - 1);
    for (int stage = 0; stage < s->stages; stage++)
        for (size_t i = 0; i < each; i++) {
            const split *p = &s->splits[(size_t)stage * each + i];
            if (p->a >= s->pixels[stage] || p->b >= s->pixels[stage])
                return bad(r, "a tree looks at a pixel that is not there");
        }
    return LIKEN_OK;
}

static int read_whole(reader *r, lk_shape *s) {
    int version = 0;
    int rc = read_count(r, 1, 1, &version);
    if (rc == LIKEN_OK)
        rc = read_mean(r, s);
    if (rc == LIKEN_OK)
        rc = read_sizes(r, s);
    if (rc == LIKEN_OK)
        rc = read_trees(r, s);
    if (rc == LIKEN_OK)
        rc = read_anchors(r, s);
    if (rc == LIKEN_OK)
        rc = read_offsets(r, s);
    if (rc == LIKEN_OK && r->at != r->end)
        rc = bad(r, "bytes follow its end");
    return rc == LIKEN_OK ? check_splits(r, s) : rc;
}

int lk_shape_read(lk_shape **out, const void *bytes, size_t size, liken_error *err) {
    reader r = {bytes, (const uint8_t *)bytes + size, err};
    if (size > LK_SHAPE_MAX_BYTES)
        return bad(&r, "it is larger than 128 MiB");
    lk_shape *s = calloc(1, sizeof *s);
    const int rc = s == NULL ? lk_fail_memory(err) : read_whole(&r, s);
    if (rc != LIKEN_OK) {
        lk_shape_free(s);
        return rc;
    }
    *out = s;
    return LIKEN_OK;
}

void lk_shape_free(lk_shape *s) {
    if (s == NULL)
        return;
    free(s->splits);
    free(s->leaf);
    free(s->pixel);
    free(s);
}

int lk_shape_points(const lk_shape *s) {
    return s->values / 2;
}

/* ---- predicting ---- */

/* The box as dlib has it: its right and bottom pixels are inside, and they are where 1 is. */
typedef struct frame {
    double left, top, width, height;
} frame;

static double whole(double value) {
    const double most = 1 << 24; /* also where a float stops being exact */
    return value > -most && value < most ? floor(value + 0.5) : 0;
}

static frame frame_of(liken_box box) {
    const double left = whole((double)box.x), top = whole((double)box.y);
    return (frame){left, top, whole((double)box.x + (double)box.width) - 1 - left,
                   whole((double)box.y + (double)box.height) - 1 - top};
}

/* The linear part [a -b; b a] of the similarity that takes the mean shape nearest to `shape`, by least squares. */
static void turn_from_mean(const lk_shape *s, const float *shape, float *a, float *b) {
    const int points = s->values / 2;
    double fx = 0, fy = 0, tx = 0, ty = 0;
    for (int i = 0; i < points; i++) {
        fx += (double)s->mean[2 * i];
        fy += (double)s->mean[2 * i + 1];
        tx += (double)shape[2 * i];
        ty += (double)shape[2 * i + 1];
    }
    fx /= points, fy /= points, tx /= points, ty /= points;
    double along = 0, across = 0, spread = 0;
    for (int i = 0; i < points; i++) {
        const double px = (double)s->mean[2 * i] - fx, py = (double)s->mean[2 * i + 1] - fy;
        const double qx = (double)shape[2 * i] - tx, qy = (double)shape[2 * i + 1] - ty;
        along += px * qx + py * qy;
        across += px * qy - py * qx;
        spread += px * px + py * py;
    }
    *a = spread > 0 ? (float)(along / spread) : 1;
    *b = spread > 0 ? (float)(across / spread) : 0;
}

/* Brightness at a point in units of the box; 0 outside the image. */
static float brightness(const lk_image *image, const frame *f, float x, float y) {
    const double px = floor(f->left + f->width * (double)x + 0.5), py = floor(f->top + f->height * (double)y + 0.5);
    if (!(px >= 0 && py >= 0 && px < image->width && py < image->height))
        return 0;
    const uint8_t *p = image->rgb + (size_t)py * image->stride + 3 * (size_t)px;
    return (float)(((unsigned)p[0] + p[1] + p[2]) / 3);
}

static void look(const lk_shape *s, int stage, const lk_image *image, const frame *f, const float *shape, float *seen) {
    const pixel *pixels = s->pixel + (size_t)stage * MAX_PIXELS;
    float a = 0, b = 0;
    turn_from_mean(s, shape, &a, &b);
    for (int i = 0; i < s->pixels[stage]; i++) {
        const pixel *p = &pixels[i];
        const float x = a * p->dx + -b * p->dy + shape[2 * p->anchor];
        const float y = b * p->dx + a * p->dy + shape[2 * p->anchor + 1];
        seen[i] = brightness(image, f, x, y);
    }
}

static const float *find_leaf(const lk_shape *s, size_t tree, const float *seen) {
    const split *splits = s->splits + tree * (size_t)(s->leaves - 1);
    int node = 0;
    while (node < s->leaves - 1)
        node = 2 * node + (seen[splits[node].a] - seen[splits[node].b] > splits[node].threshold ? 1 : 2);
    const size_t leaf = tree * (size_t)s->leaves + (size_t)(node - (s->leaves - 1));
    return s->leaf + leaf * (size_t)s->values;
}

void lk_shape_predict(const lk_shape *s, const lk_image *image, liken_box box, liken_point *points) {
    const frame f = frame_of(box);
    float shape[MAX_VALUES], seen[MAX_PIXELS];
    memcpy(shape, s->mean, sizeof shape);
    for (int stage = 0; stage < s->stages; stage++) {
        look(s, stage, image, &f, shape, seen);
        for (int tree = 0; tree < s->trees; tree++) {
            const float *leaf = find_leaf(s, (size_t)stage * (size_t)s->trees + (size_t)tree, seen);
            for (int i = 0; i < s->values; i++)
                shape[i] += leaf[i];
        }
    }
    for (int i = 0; i < s->values / 2; i++)
        points[i] = (liken_point){(float)floor(f.left + f.width * (double)shape[2 * i] + 0.5),
                                  (float)floor(f.top + f.height * (double)shape[2 * i + 1] + 0.5)};
}
