/* pyramid.c - the yunet detector: at which sizes and turns a photo is looked at, and what the looks add up to.
 *
 * The whole photo is first seen fitted to 640 pixels; one that has no more than 320 is not enlarged when a face fills
 * it and nothing else is suspected. There a face is judged by its own height:
 *   64 and more      a second look at half the size must agree, so that texture that resembles a face at one size
 *                    only is not taken for one, and a face that fills the photo is seen whole;
 *   40 to 64         the one look decides;
 *   less than 40     is looked at again at twice the size, in tiles, and only in those tiles where something is
 *                    suspected: a photo without small faces costs nothing more. What is still small there goes on to
 *                    twice that size, as long as the photo has pixels to show.
 * Where two looks judged a face its score is their mean plus AGREE, because two moderate opinions are worth more than
 * one; where the second look saw nothing it counts MISSED.
 *
 * When all that gives no certain face, the photo is smoothed and seen at 320 in four turns: dithering and grain blind
 * the detector, and some photos lie on their side without saying so. A turn that shows more than the photo as it is
 * gets the whole procedure.
 *
 * The numbers were chosen on annotated photos; tests/accuracy/test_detection.py measures the result. */
#include "face/yunet.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define WHOLE 640  /* pixels of the longer side */
#define LITTLE 320 /* the same for a photo that has no more itself, and shows a face that fills it */
#define TURNS 320
#define TILE 640
#define OVERLAP 96  /* of tiles; no smaller than what is taken from one */
#define SMALL 40.0f /* face heights, in pixels of the frame at hand */
#define LARGE 64.0f
#define TAKEN 96.0f /* the largest face taken from a tile */
#define BORDER 2.0f /* closer to an inner edge of a tile a face may be cut: the next tile has it whole */
#define MAX_LEVEL 3 /* 5120 pixels */

#define FLOOR 0.3f   /* what is listened to */
#define SUSPECT 0.4f /* what is worth another look */
#define ACCEPT 0.67f
#define AGREE 0.04f
#define MISSED 0.3f
#define CERTAIN 0.92f /* below that the photo may lie on its side */
#define SECOND_TRY 0.75f
#define TURN_MARGIN 0.05f /* by which a turn must beat the photo as it is */
#define REPORT 0.5f       /* what is told of at all */

typedef struct pyramid {
    lk_detector base;
    lk_yunet *yunet;
} pyramid;

/* The turn of the photo that is being looked at; all detections are in the turned photo's coordinates until the end. */
typedef struct look {
    lk_yunet *yunet;
    lk_source *source;
    int turn;
    int whole; /* WHOLE or LITTLE */
} look;

static void shift_and_scale(lk_detection *d, float dx, float dy, double scale) {
    const float s = (float)(1 / scale);
    d->box = (liken_box){(d->box.x + dx) * s, (d->box.y + dy) * s, d->box.width * s, d->box.height * s};
    for (int i = 0; i < 5; i++)
        d->points[i] = (liken_point){(d->points[i].x + dx) * s, (d->points[i].y + dy) * s};
}

/* ---- one look at the whole ---- */

/* The mean of each pixel and its neighbours, 3 x 3; the outermost pixels stay. */
static int smooth(lk_frame *f, liken_error *err) {
    const size_t row = (size_t)f->width * 3;
    uint8_t *out = malloc(row * (size_t)f->height);
    if (out == NULL)
        return lk_fail_memory(err);
    memcpy(out, f->rgb, row * (size_t)f->height);
    for (int y = 1; y + 1 < f->inner_height; y++)
        for (size_t i = 3; i + 3 < (size_t)f->inner_width * 3; i++) {
            const uint8_t *p = f->rgb + (size_t)(y - 1) * row + i, *q = p + row, *r = q + row;
            out[(size_t)y * row + i] =
                (uint8_t)((p[-3] + p[0] + p[3] + q[-3] + q[0] + q[3] + r[-3] + r[0] + r[3] + 4) / 9);
        }
    free(f->rgb);
    f->rgb = out;
    return LIKEN_OK;
}

static int look_at_whole(const look *l, int long_side, bool smoothed, lk_detections *out, liken_error *err) {
    lk_frame frame;
    int rc = lk_source_frame(l->source, long_side, l->turn, false, &frame, err);
    if (rc != LIKEN_OK)
        return rc;
    if (smoothed)
        rc = smooth(&frame, err);
    const size_t before = out->count;
    if (rc == LIKEN_OK)
        rc = lk_yunet_look(l->yunet, frame.rgb, (size_t)frame.width * 3, frame.width, frame.height, FLOOR, out, err);
    for (size_t i = before; i < out->count; i++)
        shift_and_scale(&out->items[i], 0, 0, frame.scale);
    lk_frame_clear(&frame);
    return rc;
}

/* ---- a second opinion ---- */

static lk_detection *best_overlap(const lk_detection *d, lk_detections *others, bool *taken) {
    lk_detection *best = NULL;
    float most = LK_YUNET_IOU;
    for (size_t i = 0; i < others->count; i++) {
        const float iou = taken[i] ? 0 : lk_box_iou(&d->box, &others->items[i].box);
        if (iou > most) {
            most = iou;
            best = &others->items[i];
        }
    }
    if (best != NULL)
        taken[best - others->items] = true;
    return best;
}

/* Judges again those of `list` whose height lies in low..high, by what `others` saw of them. `finer`: place and points
 * are the others' from then on. */
static int agree(lk_detections *list, lk_detections *others, float low, float high, bool finer, liken_error *err) {
    bool *taken = calloc(others->count + 1, sizeof *taken);
    if (taken == NULL)
        return lk_fail_memory(err);
    for (size_t i = 0; i < list->count; i++) {
        lk_detection *d = &list->items[i];
        if (d->box.height < low || d->box.height >= high)
            continue;
        const lk_detection *other = best_overlap(d, others, taken);
        const float score = fminf(1, (d->score + (other != NULL ? other->score : MISSED)) / 2 + AGREE);
        if (finer && other != NULL)
            *d = *other;
        d->score = score;
    }
    free(taken);
    return LIKEN_OK;
}

static bool any(const lk_detections *list, float low, float high, float score) {
    for (size_t i = 0; i < list->count; i++)
        if (list->items[i].box.height >= low && list->items[i].box.height < high && list->items[i].score >= score)
            return true;
    return false;
}

/* ---- tiles ---- */

/* Tiles of one axis: how many, and where the k-th begins. */
static int tile_count(int length) {
    return length <= TILE ? 1 : (length - OVERLAP + TILE - OVERLAP - 1) / (TILE - OVERLAP);
}

static int tile_start(int length, int k) {
    const int n = tile_count(length);
    return n == 1 ? 0 : (int)((int64_t)k * (length - TILE) / (n - 1));
}

static bool suspected(const lk_detections *list, float small, double scale, int x, int y, int width, int height) {
    for (size_t i = 0; i < list->count; i++) {
        const lk_detection *d = &list->items[i];
        const double cx = (d->box.x + d->box.width / 2) * scale - x, cy = (d->box.y + d->box.height / 2) * scale - y;
        if (d->box.height < small && d->score >= SUSPECT && cx >= 0 && cx < width && cy >= 0 && cy < height)
            return true;
    }
    return false;
}

static bool cut_by_tile(const liken_box *b, const lk_frame *f, int x, int y, int width, int height) {
    return (x > 0 && b->x < BORDER) || (y > 0 && b->y < BORDER) ||
           (x + width < f->width && b->x + b->width > (float)width - BORDER) ||
           (y + height < f->height && b->y + b->height > (float)height - BORDER);
}

static int look_at_tile(const look *l, const lk_frame *f, int x, int y, lk_detections *out, liken_error *err) {
    const int width = f->width < TILE ? f->width : TILE, height = f->height < TILE ? f->height : TILE;
    const size_t stride = (size_t)f->width * 3;
    lk_detections seen = {0};
    int rc =
        lk_yunet_look(l->yunet, f->rgb + (size_t)y * stride + (size_t)x * 3, stride, width, height, FLOOR, &seen, err);
    for (size_t i = 0; i < seen.count && rc == LIKEN_OK; i++) {
        lk_detection *d = &seen.items[i];
        if (d->box.height >= TAKEN || cut_by_tile(&d->box, f, x, y, width, height))
            continue;
        shift_and_scale(d, (float)x, (float)y, f->scale);
        rc = lk_detections_add(out, d, err);
    }
    lk_detections_clear(&seen);
    return rc;
}

/* Looks at the photo at `long_side` in those tiles that hold something smaller than `small` photo pixels. */
static int look_closer(const look *l, int long_side, float small, const lk_detections *list, lk_detections *out,
                       liken_error *err) {
    lk_frame f;
    int rc = lk_source_frame(l->source, long_side, l->turn, false, &f, err);
    if (rc != LIKEN_OK)
        return rc;
    const int width = f.width < TILE ? f.width : TILE, height = f.height < TILE ? f.height : TILE;
    for (int j = 0; j < tile_count(f.height); j++)
        for (int i = 0; i < tile_count(f.width) && rc == LIKEN_OK; i++) {
            const int x = tile_start(f.width, i), y = tile_start(f.height, j);
            if (suspected(list, small, f.scale, x, y, width, height))
                rc = look_at_tile(l, &f, x, y, out, err);
        }
    lk_frame_clear(&f);
    lk_nms(out, LK_YUNET_IOU);
    return rc;
}

/* ---- the policy ---- */

/* Squashed and soft photos gain by the first doubling even without more pixels; later ones must have them. */
static bool level_is_worth(int whole, int level, int full) {
    return (whole << level) <= (level == 1 ? 2.5 : 1.25) * full;
}

static int judge_small(const look *l, lk_detections *list, liken_error *err) {
    const int full = lk_source_long_side(l->source);
    int rc = LIKEN_OK;
    for (int level = 1; level <= MAX_LEVEL && level_is_worth(l->whole, level, full) && rc == LIKEN_OK; level++) {
        const float small = SMALL * (float)full / (float)(l->whole << (level - 1));
        if (!any(list, 0, small, SUSPECT))
            return LIKEN_OK;
        lk_detections closer = {0};
        rc = look_closer(l, l->whole << level, small, list, &closer, err);
        if (rc == LIKEN_OK)
            rc = agree(list, &closer, 0, small, true, err);
        lk_detections_clear(&closer);
    }
    return rc;
}

static int judge_large(const look *l, lk_detections *list, liken_error *err) {
    const float large = LARGE * (float)lk_source_long_side(l->source) / (float)l->whole;
    if (!any(list, large, INFINITY, FLOOR))
        return LIKEN_OK;
    lk_detections half = {0};
    int rc = look_at_whole(l, l->whole / 2, false, &half, err);
    if (rc == LIKEN_OK)
        rc = agree(list, &half, large, INFINITY, false, err);
    lk_detections_clear(&half);
    return rc;
}

static int find_in_turn(const look *l, lk_detections *out, liken_error *err) {
    int rc = look_at_whole(l, l->whole, false, out, err);
    rc = rc != LIKEN_OK ? rc : judge_large(l, out, err);
    rc = rc != LIKEN_OK ? rc : judge_small(l, out, err);
    lk_nms(out, LK_YUNET_IOU);
    return rc;
}

/* Back from the photo turned clockwise by `turn` quarters. */
static liken_point turn_back(liken_point p, int turn, const lk_source *s) {
    const float w = (float)s->width, h = (float)s->height;
    return turn == 0   ? p
           : turn == 1 ? (liken_point){p.y, h - p.x}
           : turn == 2 ? (liken_point){w - p.x, h - p.y}
                       : (liken_point){w - p.y, p.x};
}

static lk_detection detection_turned_back(const lk_detection *d, int turn, const lk_source *s) {
    lk_detection out = *d;
    const liken_point a = turn_back((liken_point){d->box.x, d->box.y}, turn, s);
    const liken_point b = turn_back((liken_point){d->box.x + d->box.width, d->box.y + d->box.height}, turn, s);
    out.box = (liken_box){fminf(a.x, b.x), fminf(a.y, b.y), fabsf(a.x - b.x), fabsf(a.y - b.y)};
    for (int i = 0; i < 5; i++)
        out.points[i] = turn_back(d->points[i], turn, s);
    return out;
}

static float best_score(const lk_detections *list) {
    float best = 0;
    for (size_t i = 0; i < list->count; i++)
        best = fmaxf(best, list->items[i].score);
    return best;
}

static void replace(lk_detections *list, lk_detections *by) {
    lk_detections_clear(list);
    *list = *by;
    *by = (lk_detections){0};
}

/* The turn in which the smoothed photo shows the most convincing face, and what it shows. */
static int best_turn(look l, lk_detections *shown, int *turn, liken_error *err) {
    static const int turns[] = {0, 1, 3, 2};
    int rc = LIKEN_OK;
    for (size_t i = 0; i < LK_LENGTH(turns) && rc == LIKEN_OK; i++) {
        lk_detections seen = {0};
        l.turn = turns[i];
        rc = look_at_whole(&l, TURNS, true, &seen, err);
        if (rc == LIKEN_OK && best_score(&seen) > best_score(shown) + (i > 0 ? TURN_MARGIN : 0)) {
            *turn = l.turn;
            replace(shown, &seen);
        }
        lk_detections_clear(&seen);
    }
    return rc;
}

/* The smoothed sight of an upright photo counts only where there was nothing else. */
static void take_smoothed(lk_detections *found, lk_detections *shown) {
    if (best_score(found) >= ACCEPT)
        return;
    for (size_t i = 0; i < shown->count; i++)
        if (shown->items[i].score < SECOND_TRY)
            shown->items[i].score = fminf(shown->items[i].score, ACCEPT - 0.01f);
    replace(found, shown);
}

/* For a photo with no certain face: smoothed, and turned. Sets l->turn to the turn that *found is in. */
static int second_try(look *l, lk_detections *found, liken_error *err) {
    lk_detections shown = {0};
    int turn = 0, rc = best_turn(*l, &shown, &turn, err);
    if (rc == LIKEN_OK && best_score(&shown) >= SECOND_TRY && turn == 0)
        take_smoothed(found, &shown);
    lk_detections turned = {0};
    if (rc == LIKEN_OK && best_score(&shown) >= SECOND_TRY && turn != 0) {
        look careful = {l->yunet, l->source, turn, l->whole};
        rc = find_in_turn(&careful, &turned, err);
        if (rc == LIKEN_OK && best_score(&turned) >= fmaxf(ACCEPT, best_score(found))) {
            l->turn = turn;
            replace(found, &turned);
        }
    }
    lk_detections_clear(&shown);
    lk_detections_clear(&turned);
    return rc;
}

static int report(const lk_detections *found, int turn, const lk_source *source, lk_detections *out, liken_error *err) {
    int rc = LIKEN_OK;
    for (size_t i = 0; i < found->count && rc == LIKEN_OK; i++) {
        const lk_detection d = detection_turned_back(&found->items[i], turn, source);
        rc = d.score >= REPORT ? lk_detections_add(out, &d, err) : LIKEN_OK;
    }
    return rc;
}

/* Certain faces that fill the photo, and nothing else that more pixels might show. */
static bool is_portrait(const look *l, const lk_detections *found) {
    const float large = LARGE * (float)lk_source_long_side(l->source) / (float)l->whole;
    for (size_t i = 0; i < found->count; i++)
        if (found->items[i].box.height < large || found->items[i].score < CERTAIN)
            return false;
    return found->count > 0;
}

/* A little photo is enlarged only where that may gain something. */
static int find_upright(look *l, lk_detections *found, liken_error *err) {
    if (lk_source_long_side(l->source) <= LITTLE) {
        l->whole = LITTLE;
        const int rc = find_in_turn(l, found, err);
        if (rc != LIKEN_OK || is_portrait(l, found))
            return rc;
        lk_detections_clear(found);
    }
    l->whole = WHOLE;
    return find_in_turn(l, found, err);
}

static int pyramid_find(lk_detector *base, lk_source *source, lk_detections *out, liken_error *err) {
    look l = {((pyramid *)base)->yunet, source, 0, WHOLE};
    lk_detections found = {0};
    int rc = find_upright(&l, &found, err);
    if (rc == LIKEN_OK && best_score(&found) < CERTAIN)
        rc = second_try(&l, &found, err);
    if (rc == LIKEN_OK)
        rc = report(&found, l.turn, source, out, err);
    lk_detections_clear(&found);
    return rc;
}

static void pyramid_free(lk_detector *base) {
    lk_yunet_free(((pyramid *)base)->yunet);
    free(base);
}

int lk_detector_yunet(lk_detector **out, const lk_net *net, liken_error *err) {
    pyramid *p = calloc(1, sizeof *p);
    if (p == NULL)
        return lk_fail_memory(err);
    const int rc = lk_yunet_new(&p->yunet, net, err);
    if (rc != LIKEN_OK) {
        free(p);
        return rc;
    }
    p->base = (lk_detector){.accept = ACCEPT, .find = pyramid_find, .free = pyramid_free};
    *out = &p->base;
    return LIKEN_OK;
}
