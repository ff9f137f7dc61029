/* turned.c - see turned.h. */
#include "face/turned.h"

#include <math.h>
#include <stdlib.h>

#define TURNS 4
#define HEIGHT 20.0f /* of a face in these looks: so many pixels, up to twice as many */
#define MARGIN 0.5f  /* around it, in its heights */
#define BETTER 0.03f /* by which a turn must beat upright, both seen so */
#define FLOOR 0.3f

static bool is_doubtful(const lk_detection *d, const lk_turned *which) {
    return d->score >= which->low && d->score < which->high && d->box.height >= which->least;
}

/* The power of two that brings a face of that many photo pixels to HEIGHT..2 * HEIGHT. */
static double scale_for(float height) {
    return exp2(ceil(log2((double)HEIGHT / (double)height)));
}

/* All doubtful ones of one scale, in the photo turned by `turn` quarters. */
static int look_in_turn(const lk_look *l, const lk_turned *which, const lk_detections *list, double scale, int turn,
                        lk_detections *seen, liken_error *err) {
    lk_look turned = *l;
    lk_windows w = {.scale = scale};
    int rc = LIKEN_OK;
    turned.turn = (l->turn + turn) & 3;
    for (size_t i = 0; i < list->count && rc == LIKEN_OK; i++) {
        const lk_detection *d = &list->items[i];
        if (!is_doubtful(d, which) || scale_for(d->box.height) != scale)
            continue;
        const lk_detection upright = lk_look_turned_back(d, l->turn, l->source);
        const liken_box b = lk_look_turned_box(&upright.box, turned.turn, l->source);
        const float half = fmaxf(b.width, b.height) * (0.5f + MARGIN);
        const float x = b.x + b.width / 2, y = b.y + b.height / 2;
        rc = lk_windows_add(&w, &(liken_box){x - half, y - half, 2 * half, 2 * half}, err);
    }
    rc = rc != LIKEN_OK ? rc : lk_look_windows(&turned, &w, FLOOR, seen, err);
    for (size_t i = 0; i < seen->count; i++) { /* into the coordinates of the list */
        lk_detection *d = &seen->items[i];
        *d = lk_look_turned_back(d, turned.turn, l->source);
        lk_look_turn_on(d, l->turn, l->source);
    }
    lk_windows_clear(&w);
    return rc;
}

static const lk_detection *best_of(const lk_detection *d, const lk_detections *seen) {
    const lk_detection *best = NULL;
    for (size_t i = 0; i < seen->count; i++)
        if (lk_box_iou(&d->box, &seen->items[i].box) > LK_YUNET_IOU &&
            (best == NULL || seen->items[i].score > best->score))
            best = &seen->items[i];
    return best;
}

static void put_right(lk_detection *d, const lk_detections seen[TURNS], float accept) {
    const lk_detection *upright = best_of(d, &seen[0]), *best = NULL;
    float most = fmaxf(accept, upright != NULL ? upright->score + BETTER : 0);
    for (int t = 1; t < TURNS; t++) {
        const lk_detection *other = best_of(d, &seen[t]);
        if (other != NULL && other->score >= most) {
            best = other;
            most = other->score;
        }
    }
    if (best != NULL)
        *d = *best;
}

static int judge_scale(const lk_look *l, const lk_turned *which, double scale, lk_detections *list, liken_error *err) {
    lk_detections seen[TURNS] = {{0}};
    int rc = lk_source_need(l->source, scale < 1 ? scale / 2 : 0.5, err); /* half of its pixels do for this */
    for (int t = 0; t < TURNS && rc == LIKEN_OK; t++)
        rc = look_in_turn(l, which, list, scale, t, &seen[t], err);
    for (size_t i = 0; i < list->count && rc == LIKEN_OK; i++)
        if (is_doubtful(&list->items[i], which) && scale_for(list->items[i].box.height) == scale)
            put_right(&list->items[i], seen, which->accept);
    for (int t = 0; t < TURNS; t++)
        lk_detections_clear(&seen[t]);
    return rc;
}

int lk_turned_judge(const lk_look *l, const lk_turned *which, lk_detections *list, liken_error *err) {
    int rc = LIKEN_OK;
    for (double scale = 4; scale > 1e-4 && rc == LIKEN_OK; scale /= 2) {
        bool there = false;
        for (size_t i = 0; i < list->count && !there; i++)
            there = is_doubtful(&list->items[i], which) && scale_for(list->items[i].box.height) == scale;
        if (there)
            rc = judge_scale(l, which, scale, list, err);
    }
    return rc;
}
