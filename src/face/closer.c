/* closer.c - see closer.h. */
#include "face/closer.h"

#include <math.h>
#include <stdlib.h>

#define MAX_LEVEL 4 /* 10,240 pixels */
#define MISSED 0.3f /* the second look's score where it saw nothing */
/* Around a suspect, in its heights, and at least so many pixels of the look from its middle; around a hint less. */
#define MARGIN 2.0f
#define LEAST 96.0f
#define HINT_MARGIN 1.0f
#define HINT_LEAST 48.0f
#define ALONE 0.13f /* by how much one closer look alone counts less */
#define TINY 14.0f  /* a peak of that height in the first look may be of a face of half of it */
#define ENOUGH 0.75 /* of the pixels that a scale asks for: it is not worth decoding the photo again for the rest */

static double scale_of(const lk_look *l, int whole, int level) {
    return (double)whole * (1 << level) / lk_source_long_side(l->source);
}

static bool at_scale(const lk_detection *d, double scale) {
    return fabs((double)d->seen_at - scale) < 1e-3 * scale;
}

/* Squashed and soft photos gain by the first doubling even without more pixels; later ones must have them. */
static bool is_worth(int level, double scale) {
    return level <= MAX_LEVEL && scale <= (level == 1 ? 2.5 : 1.25);
}

static bool level_is_worth(const lk_look *l, int whole, int level) {
    return is_worth(level, scale_of(l, whole, level));
}

/* ---- a second opinion ---- */

static size_t best_overlap(const lk_detection *d, const lk_detections *others, const bool *taken) {
    size_t best = others->count;
    float most = LK_YUNET_IOU;
    for (size_t i = 0; i < others->count; i++) {
        const float iou = taken[i] ? 0 : lk_box_iou(&d->box, &others->items[i].box);
        if (iou > most) {
            most = iou;
            best = i;
        }
    }
    return best;
}

static void keep_untaken(lk_detections *others, const bool *taken) {
    size_t kept = 0;
    for (size_t i = 0; i < others->count; i++)
        if (!taken[i])
            others->items[kept++] = others->items[i];
    others->count = kept;
}

int lk_closer_agree(lk_detections *list, lk_detections *others, lk_closer_which *which, float at, bool finer,
                    liken_error *err) {
    bool *taken = calloc(others->count + 1, sizeof *taken);
    if (taken == NULL)
        return lk_fail_memory(err);
    for (size_t i = 0; i < list->count; i++) {
        lk_detection *d = &list->items[i];
        if (!which(d, at))
            continue;
        const size_t k = best_overlap(d, others, taken);
        const bool seen = k < others->count;
        const float score = fminf(1, (d->score + (seen ? others->items[k].score : MISSED)) / 2 + LK_CLOSER_AGREE);
        const int looks = d->looks + 1;
        taken[k] = true;
        if (finer && seen)
            *d = others->items[k];
        d->score = score;
        d->looks = looks;
    }
    keep_untaken(others, taken);
    free(taken);
    return LIKEN_OK;
}

/* ---- windows ---- */

static int add_window(lk_windows *w, const liken_box *b, float margin, float least, liken_error *err) {
    const float half = fmaxf(least / (float)w->scale, b->height * (0.5f + margin));
    const float x = b->x + b->width / 2, y = b->y + b->height / 2;
    return lk_windows_add(w, &(liken_box){x - half, y - half, 2 * half, 2 * half}, err);
}

/* What the list does not have already. The closer look alone decides, as the first one could not. */
static int take_over(lk_detections *list, lk_detections *closer, liken_error *err) {
    int rc = LIKEN_OK;
    for (size_t i = 0; i < closer->count && rc == LIKEN_OK; i++) {
        bool known = false;
        for (size_t k = 0; k < list->count && !known; k++)
            known = list->items[k].score >= LK_CLOSER_SUSPECT &&
                    lk_box_iou(&list->items[k].box, &closer->items[i].box) > LK_YUNET_IOU;
        closer->items[i].score -= ALONE;
        if (!known && closer->items[i].score >= LK_CLOSER_SUSPECT)
            rc = lk_detections_add(list, &closer->items[i], err);
    }
    return rc;
}

/* ---- level by level ---- */

/* Was seen at scale `at`, and is worth another look there. */
static bool is_suspect(const lk_detection *d, float at) {
    return at_scale(d, at) && d->box.height * d->seen_at < LK_CLOSER_SMALL && d->score >= LK_CLOSER_SUSPECT;
}

static int look_at_suspects(const lk_look *l, double before, double scale, const lk_detections *list,
                            lk_detections *closer, liken_error *err) {
    lk_windows w = {.scale = scale};
    int rc = LIKEN_OK;
    for (size_t i = 0; i < list->count && rc == LIKEN_OK; i++)
        if (is_suspect(&list->items[i], (float)before))
            rc = add_window(&w, &list->items[i].box, MARGIN, LEAST, err);
    if (rc == LIKEN_OK && w.count > 0)
        rc = lk_source_need(l->source, ENOUGH * scale, err);
    rc = rc != LIKEN_OK ? rc : lk_look_windows(l, &w, LK_CLOSER_FLOOR, closer, err);
    lk_windows_clear(&w);
    return rc;
}

/* Looks everywhere, each at most twice as large as the one before, that lead to faces of `least` photo pixels. */
static int sweeps_to(double first, float least) {
    const double last = least > 0 ? LK_CLOSER_SEEN / (double)least : 0;
    return last > first * 1.001 ? (int)ceil(log2(last / first) - 1e-6) : 0;
}

int lk_closer_judge(const lk_look *l, int whole, float least, lk_detections *list, liken_error *err) {
    double before = scale_of(l, whole, 0);
    const int sweeps = sweeps_to(before, least);
    const double step = sweeps > 0 ? pow(LK_CLOSER_SEEN / (double)least / before, 1.0 / sweeps) : 2;
    int rc = LIKEN_OK;
    for (int level = 1; rc == LIKEN_OK; level++) {
        const bool sweep = level <= sweeps;
        const double scale = before * (sweep ? step : 2);
        lk_detections closer = {0};
        if (!sweep && !is_worth(level, scale))
            break;
        rc = sweep ? lk_look_everywhere(l, (int)lround(scale * lk_source_long_side(l->source)), LK_CLOSER_FLOOR,
                                        &closer, err)
                   : look_at_suspects(l, before, scale, list, &closer, err);
        rc = rc != LIKEN_OK ? rc : lk_closer_agree(list, &closer, is_suspect, (float)before, true, err);
        if (rc == LIKEN_OK && sweep)
            rc = take_over(list, &closer, err);
        lk_detections_clear(&closer);
        before =
            sweep ? (double)lround(scale * lk_source_long_side(l->source)) / lk_source_long_side(l->source) : scale;
    }
    return rc;
}

/* ---- hints ---- */

static int stronger_first(const void *pa, const void *pb) {
    const lk_detection *a = *(const lk_detection *const *)pa, *b = *(const lk_detection *const *)pb;
    return a->score != b->score ? (a->score > b->score ? -1 : 1) : (a > b) - (a < b);
}

static bool is_hint(const lk_detection *d, double scale) {
    return at_scale(d, scale) && d->score < LK_CLOSER_SUSPECT && d->box.height * d->seen_at < LK_CLOSER_SMALL;
}

static void drop_hints(lk_detections *list, double scale) {
    size_t kept = 0;
    for (size_t i = 0; i < list->count; i++)
        if (!(is_hint(&list->items[i], scale) && list->items[i].score < LK_CLOSER_FLOOR))
            list->items[kept++] = list->items[i];
    list->count = kept;
}

/* Windows for hints of heights low..high in the first look, until the budget is spent. */
static int hint_windows(const lk_detection **hints, size_t count, float low, float high, double *budget, lk_windows *w,
                        liken_error *err) {
    int rc = LIKEN_OK;
    for (size_t i = 0; i < count && rc == LIKEN_OK; i++) {
        const float height = hints[i]->box.height * hints[i]->seen_at;
        if (height < low || height >= high)
            continue;
        if (w->pixels >= *budget)
            break;
        rc = add_window(w, &hints[i]->box, HINT_MARGIN, HINT_LEAST, err);
    }
    *budget -= w->pixels;
    return rc;
}

static int follow(const lk_look *l, const lk_detection **hints, size_t count, float low, float high, double scale,
                  double *budget, lk_detections *closer, liken_error *err) {
    lk_windows w = {.scale = scale};
    int rc = hint_windows(hints, count, low, high, budget, &w, err);
    rc = rc != LIKEN_OK ? rc : lk_look_windows(l, &w, LK_CLOSER_FLOOR, closer, err);
    lk_windows_clear(&w);
    return rc;
}

int lk_closer_hints(const lk_look *l, int whole, double budget, lk_detections *list, liken_error *err) {
    const double first = scale_of(l, whole, 0);
    const lk_detection **hints = malloc((list->count + 1) * sizeof *hints);
    size_t count = 0;
    if (hints == NULL)
        return lk_fail_memory(err);
    for (size_t i = 0; i < list->count; i++)
        if (is_hint(&list->items[i], first))
            hints[count++] = &list->items[i];
    qsort(hints, count, sizeof *hints, stronger_first);
    lk_detections closer = {0};
    const bool far = level_is_worth(l, whole, 2);
    int rc = LIKEN_OK;
    if (far)
        rc = follow(l, hints, count, 0, TINY, scale_of(l, whole, 2), &budget, &closer, err);
    if (rc == LIKEN_OK && level_is_worth(l, whole, 1))
        rc = follow(l, hints, count, far ? TINY : 0, LK_CLOSER_SMALL, scale_of(l, whole, 1), &budget, &closer, err);
    free(hints);
    drop_hints(list, first);
    rc = rc != LIKEN_OK ? rc : take_over(list, &closer, err);
    lk_detections_clear(&closer);
    return rc;
}
