/* yunet.c - the YuNet face detector (W. Wu, H. Peng, S. Yu, "YuNet: A Tiny Millisecond-level Face Detector", 2023).
 *
 * The net is fully convolutional; each window size needs its own planned state. The few sizes used last are kept.
 *
 * A face is seen by several cells. The surest gives the box; the points are the mean of what all of them say, which
 * halves the part of them that is chance (what a mirrored or shifted photo changes). */
#include "face/yunet.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STATES 3 /* the whole at two sizes, and a canvas; canvases differ in size, and planning one is quick */
#define STRIDES 3
#define SAME_FACE 0.6f /* overlap of the boxes of cells that see the same face, */
#define HEARD 0.5f     /* and the least score of one that is heard, as a part of the surest's */

typedef struct slot {
    int width, height;
    uint64_t used;
    lk_net_state *state;
} slot;

typedef struct heads {
    int cls, obj, box, points;
} heads;

struct lk_yunet {
    const lk_net *net;
    heads heads[STRIDES]; /* indices of outputs, for strides 8, 16, 32 */
    slot slots[STATES];
    uint64_t clock;
};

static int find_output(const lk_net *net, const char *what, int stride, int *out, liken_error *err) {
    char name[16];
    snprintf(name, sizeof name, "%s_%d", what, stride);
    *out = lk_net_output_find(net, name);
    return *out >= 0 ? LIKEN_OK : lk_fail(err, LIKEN_E_MODEL, "The yunet network has no output called %s.", name);
}

static int find_heads(const lk_net *net, int stride, heads *h, liken_error *err) {
    int rc = find_output(net, "cls", stride, &h->cls, err);
    rc = rc != LIKEN_OK ? rc : find_output(net, "obj", stride, &h->obj, err);
    rc = rc != LIKEN_OK ? rc : find_output(net, "bbox", stride, &h->box, err);
    return rc != LIKEN_OK ? rc : find_output(net, "kps", stride, &h->points, err);
}

int lk_yunet_new(lk_yunet **out, const lk_net *net, liken_error *err) {
    lk_yunet *y = calloc(1, sizeof *y);
    if (y == NULL)
        return lk_fail_memory(err);
    y->net = net;
    for (int i = 0; i < STRIDES; i++) {
        const int rc = find_heads(net, 8 << i, &y->heads[i], err);
        if (rc != LIKEN_OK) {
            free(y);
            return rc;
        }
    }
    *out = y;
    return LIKEN_OK;
}

void lk_yunet_free(lk_yunet *y) {
    if (y == NULL)
        return;
    for (int i = 0; i < STATES; i++)
        lk_net_state_free(y->slots[i].state);
    free(y);
}

/* The state for this size; the one unused for longest makes way. */
static int state_for(lk_yunet *y, int width, int height, lk_net_state **out, liken_error *err) {
    slot *oldest = &y->slots[0];
    for (slot *s = y->slots; s < y->slots + STATES; s++) {
        if (s->state != NULL && s->width == width && s->height == height) {
            s->used = ++y->clock;
            *out = s->state;
            return LIKEN_OK;
        }
        if (s->used < oldest->used)
            oldest = s;
    }
    lk_net_state_free(oldest->state);
    *oldest = (slot){0};
    const int rc = lk_net_state_new(&oldest->state, y->net, 1, height, width, err);
    if (rc != LIKEN_OK)
        return rc;
    oldest->width = width;
    oldest->height = height;
    oldest->used = ++y->clock;
    *out = oldest->state;
    return LIKEN_OK;
}

static lk_detection decode_cell(const float *box, const float *points, int column, int row, int stride, float score) {
    const float s = (float)stride, x = (float)column, y = (float)row;
    const float width = expf(box[2]) * s, height = expf(box[3]) * s;
    lk_detection d = {.pointed = true,
                      .score = score,
                      .box = {(x + box[0]) * s - width / 2, (y + box[1]) * s - height / 2, width, height}};
    for (int i = 0; i < 5; i++)
        d.points[i] = (liken_point){(points[2 * i] + x) * s, (points[2 * i + 1] + y) * s};
    return d;
}

static bool sane(const lk_detection *d) {
    const float sum = d->box.x + d->box.y + d->box.width + d->box.height;
    return isfinite(sum) && d->box.width > 0 && d->box.height > 0;
}

static int decode_stride(const heads *h, lk_net_state *state, int stride, int width, float floor, lk_detections *out,
                         liken_error *err) {
    size_t cells, floats;
    const float *cls = lk_net_output(state, h->cls, &cells), *obj = lk_net_output(state, h->obj, &floats);
    const float *box = lk_net_output(state, h->box, &floats), *points = lk_net_output(state, h->points, &floats);
    const size_t columns = (size_t)(width / stride);
    for (size_t i = 0; i < cells; i++) {
        const float score = sqrtf(cls[i] * obj[i]);
        if (!(score > floor))
            continue;
        const lk_detection d =
            decode_cell(box + 4 * i, points + 10 * i, (int)(i % columns), (int)(i / columns), stride, score);
        const int rc = sane(&d) ? lk_detections_add(out, &d, err) : LIKEN_OK;
        if (rc != LIKEN_OK)
            return rc;
    }
    return LIKEN_OK;
}

static void add_points(liken_point sum[5], const liken_point points[5], float weight) {
    for (int i = 0; i < 5; i++) {
        sum[i].x += weight * points[i].x;
        sum[i].y += weight * points[i].y;
    }
}

/* The points of `d` as all cells that saw its face have them, the surer the more. `d` is one of them. */
static void hear_all(lk_detection *d, const lk_detection *cells, size_t count) {
    liken_point sum[5] = {{0, 0}};
    float weights = 0;
    for (const lk_detection *c = cells; c < cells + count; c++) {
        if (c->score < HEARD * d->score || lk_box_iou(&c->box, &d->box) < SAME_FACE)
            continue;
        const float weight = c->score * c->score;
        add_points(sum, c->points, weight);
        weights += weight;
    }
    memset(d->points, 0, sizeof d->points);
    add_points(d->points, sum, 1 / weights);
}

/* One detection a face. */
static int join_cells(lk_detections *seen, liken_error *err) {
    const size_t count = seen->count;
    if (count == 0)
        return LIKEN_OK;
    LK_FREE lk_detection *cells = malloc(count * sizeof *cells);
    if (cells == NULL)
        return lk_fail_memory(err);
    memcpy(cells, seen->items, count * sizeof *cells);
    lk_nms(seen, LK_YUNET_IOU);
    for (size_t i = 0; i < seen->count; i++)
        hear_all(&seen->items[i], cells, count);
    return LIKEN_OK;
}

int lk_yunet_look(lk_yunet *y, const uint8_t *rgb, size_t stride, int width, int height, float floor,
                  lk_detections *out, liken_error *err) {
    lk_net_state *state;
    int rc = state_for(y, width, height, &state, err);
    if (rc != LIKEN_OK)
        return rc;
    const lk_net_input input = {rgb, stride};
    lk_net_forward(state, &input, 1);
    lk_detections seen = {0};
    for (int i = 0; i < STRIDES && rc == LIKEN_OK; i++)
        rc = decode_stride(&y->heads[i], state, 8 << i, width, floor, &seen, err);
    rc = rc != LIKEN_OK ? rc : join_cells(&seen, err);
    for (size_t i = 0; i < seen.count && rc == LIKEN_OK; i++)
        rc = lk_detections_add(out, &seen.items[i], err);
    lk_detections_clear(&seen);
    return rc;
}
