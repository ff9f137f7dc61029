/* pyramid.c - the yunet detector: at which sizes and turns a photo is looked at, and what the looks add up to.
 *
 * The whole photo is first seen fitted to 640 pixels; one that has no more than 320 is seen as it is, when that shows a
 * face that fills it. There a face is judged by its own height:
 *   64 and more      is believed where the look is sure; else a second look at half the size must agree, so that
 *                    texture that resembles a face at one size only is not taken for one, and a face that fills the
 *                    photo is seen whole;
 *   40 to 64         the one look decides;
 *   less than 40     is looked at again at twice the size, in windows around what is suspected (closer.h): a photo
 *                    without small faces costs nothing more. In a large photo the faintest peaks of the first look
 *                    are hints, too.
 * Faces that are not certain may lie on their side or stand on their head (turned.h).
 *
 * When all that gives no certain face, the photo is smoothed and seen at 320 in four turns: dithering and grain blind
 * the detector, and some photos lie on their side without saying so. A turn that shows more than the photo as it is
 * gets the whole procedure.
 *
 * The numbers were chosen on annotated photos; tests/accuracy/test_detection.py and pasted.py measure the result.
 */
#include "face/closer.h"
#include "face/turned.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define WHOLE 640       /* pixels of the longer side */
#define LITTLE 320      /* a photo that has no more is seen as it is, */
#define LEAST_WHOLE 192 /* or so large */
#define TURNS 320
#define LARGE 64.0f /* face height, in pixels of the look at hand */
#define FLOOR LK_CLOSER_FLOOR
#define HINTED 2048       /* a photo with less of a longer side has no more to show */
#define LEAST_BUDGET 40e3 /* pixels of looks for hints, */
#define BUDGET (1.0 / 60) /* or so much of the photo's, if that is more: in step with what decoding it costs */
#define ACCEPT 0.672f
#define CERTAIN 0.92f /* below that the photo may lie on its side */
#define SECOND_TRY 0.75f
#define TURN_MARGIN 0.05f  /* by which a turn must beat the photo as it is */
#define FAINT 0.15f        /* of what may be a turned face */
#define TURNED 0.85f       /* what a turn must say of a face that would be kept anyway, */
#define TURNED_SURE 0.88f  /* and of one that would not */
#define SURE 0.925f        /* a large face of which one look says so needs no other */
#define UPRIGHT 0.95f      /* a face as certain as that stands upright */
#define TURNED_LEAST 20.0f /* photo pixels of height of what may be a turned face, */
#define TURNED_LARGE 24.0f /* and pixels of the first look where it would not be kept else */
#define REPORT 0.5f        /* what is told of at all */

typedef struct pyramid {
    lk_detector base;
    lk_yunet *yunet;
} pyramid;

/* ---- the policy ---- */

/* How a photo is looked at. */
typedef struct search {
    lk_look look; /* all detections are in the turned photo's coordinates until the end */
    int whole;    /* pixels of the first look: WHOLE, or those of a little photo */
    float least;  /* height of the faces that are to be looked for everywhere; 0: as time allows */
} search;

static bool is_large(const lk_detection *d, float least) {
    return d->box.height >= least;
}

static bool is_unsure(const lk_detection *d, float least) {
    return is_large(d, least) && d->score < SURE;
}

/* A sure one needs no second look, and counts as if that had seen the same. */
static int judge_large(const search *s, lk_detections *list, liken_error *err) {
    const float large = LARGE * (float)lk_source_long_side(s->look.source) / (float)s->whole;
    bool unsure = false;
    for (size_t i = 0; i < list->count; i++)
        unsure |= is_unsure(&list->items[i], large) && list->items[i].score >= FLOOR;
    lk_detections half = {0};
    int rc = unsure ? lk_look_whole(&s->look, s->whole / 2, false, FLOOR, &half, err) : LIKEN_OK;
    if (rc == LIKEN_OK && unsure)
        rc = lk_closer_agree(list, &half, is_unsure, large, false, err);
    for (size_t i = 0; i < list->count && rc == LIKEN_OK; i++)
        if (is_large(&list->items[i], large) && list->items[i].looks == 1)
            list->items[i].score = fminf(1, list->items[i].score + LK_CLOSER_AGREE);
    lk_detections_clear(&half);
    return rc;
}

/* Of the faces that will be kept the doubtful ones, and of those that may be turned ones the larger. */
static int judge_turned(const search *s, lk_detections *list, liken_error *err) {
    const float first = (float)lk_source_long_side(s->look.source) / (float)s->whole;
    const lk_turned kept = {.low = ACCEPT, .high = UPRIGHT, .least = TURNED_LEAST, .accept = TURNED};
    const lk_turned others = {.low = FAINT, .high = ACCEPT, .least = TURNED_LARGE * first, .accept = TURNED_SURE};
    const int rc = lk_turned_judge(&s->look, &kept, list, err);
    return rc != LIKEN_OK ? rc : lk_turned_judge(&s->look, &others, list, err);
}

static double hint_budget(const search *s) {
    const double pixels = (double)s->look.source->width * s->look.source->height;
    return fmax(LEAST_BUDGET, pixels * BUDGET);
}

static int find_in_turn(search *s, lk_detections *out, liken_error *err) {
    const bool hints = s->whole != WHOLE || lk_source_long_side(s->look.source) >= HINTED;
    int rc = lk_look_whole(&s->look, s->whole, false, hints ? LK_CLOSER_HINT : FAINT, out, err);
    rc = rc != LIKEN_OK ? rc : judge_large(s, out, err);
    if (rc == LIKEN_OK && hints)
        rc = lk_closer_hints(&s->look, s->whole, hint_budget(s), out, err);
    rc = rc != LIKEN_OK ? rc : lk_closer_judge(&s->look, s->whole, s->least, out, err);
    lk_nms(out, LK_YUNET_IOU);
    rc = rc != LIKEN_OK ? rc : judge_turned(s, out, err);
    lk_nms(out, LK_YUNET_IOU); /* two parts of a turned face are both that face now */
    return rc;
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
static int best_turn(lk_look l, lk_detections *shown, int *turn, liken_error *err) {
    static const int turns[] = {0, 1, 3, 2};
    int rc = LIKEN_OK;
    for (size_t i = 0; i < LK_LENGTH(turns) && rc == LIKEN_OK; i++) {
        lk_detections seen = {0};
        l.turn = turns[i];
        rc = lk_look_whole(&l, TURNS, true, FLOOR, &seen, err);
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

/* For a photo with no certain face: smoothed, and turned. Sets the look's turn to the one that *found is in. */
static int second_try(search *s, lk_detections *found, liken_error *err) {
    lk_detections shown = {0};
    int turn = 0, rc = best_turn(s->look, &shown, &turn, err);
    if (rc == LIKEN_OK && best_score(&shown) >= SECOND_TRY && turn == 0)
        take_smoothed(found, &shown);
    lk_detections turned = {0};
    if (rc == LIKEN_OK && best_score(&shown) >= SECOND_TRY && turn != 0) {
        search careful = *s;
        careful.look.turn = turn;
        rc = find_in_turn(&careful, &turned, err);
        if (rc == LIKEN_OK && best_score(&turned) >= fmaxf(ACCEPT, best_score(found))) {
            *s = careful;
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
        const lk_detection d = lk_look_turned_back(&found->items[i], turn, source);
        rc = d.score >= REPORT ? lk_detections_add(out, &d, err) : LIKEN_OK;
    }
    return rc;
}

/* A certain face fills a good part of the photo. */
static bool is_portrait(const search *s, const lk_detections *found) {
    const float large = LARGE * (float)lk_source_long_side(s->look.source) / (float)s->whole;
    for (size_t i = 0; i < found->count; i++)
        if (found->items[i].box.height >= large && found->items[i].score >= CERTAIN)
            return true;
    return false;
}

/* A little photo is enlarged only where that may gain something: around what is suspected beside a certain face, or
 * whole where there is none. */
static int find_upright(search *s, lk_detections *found, liken_error *err) {
    const int side = lk_source_long_side(s->look.source);
    if (side <= LITTLE && (s->least == 0 || s->least >= LK_CLOSER_SEEN)) {
        s->whole = side > LEAST_WHOLE ? side : LEAST_WHOLE;
        const int rc = find_in_turn(s, found, err);
        if (rc != LIKEN_OK || is_portrait(s, found))
            return rc;
        lk_detections_clear(found);
    }
    s->whole = WHOLE;
    return find_in_turn(s, found, err);
}

static float smallest(const search *s) {
    const float first = LK_CLOSER_SEEN * (float)lk_source_long_side(s->look.source) / (float)s->whole;
    return s->least > 0 ? fminf(s->least, first) : first;
}

static int pyramid_find(lk_detector *base, lk_source *source, lk_detections *out, liken_error *err) {
    search s = {.look = {((pyramid *)base)->yunet, source, 0}, .whole = WHOLE, .least = (float)base->min_face};
    lk_detections found = {0};
    int rc = find_upright(&s, &found, err);
    if (rc == LIKEN_OK && best_score(&found) < CERTAIN)
        rc = second_try(&s, &found, err);
    base->smallest = smallest(&s);
    if (rc == LIKEN_OK)
        rc = report(&found, s.look.turn, source, out, err);
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
