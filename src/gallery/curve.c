/* What distances mean in one gallery. Nobody has told who its people are, so this is drawn from what is known without
 * that: photos are taken by chance, and each pair of good faces in them is of one of two kinds. Two faces of one photo
 * are two people (unless it is a collage, or there is a mirror in it). Two of different photos are of strangers mostly,
 * and which of the near ones are one person cannot be seen; how many strangers they leave is estimated (strangers.c).
 *
 * The faces are read from the store's feed, which is the same for every store and wherever a collection is searched. A
 * photo is taken by a hash of its id, so that all its faces are; when there are too many, half of the photos go. */
#include "gallery/curve.h"

#include "kern/search/distance.h"
#include "kern/search/loops.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define FACES_MAX ((size_t)4096) /* then half of the photos go: at least about half of so many are left */
#define BELOW 12                 /* points below the first of the pack's curve */
#define A_DECADE 8               /* points of each factor of ten in the curve's rate */
#define RATE_FIRST 1e-6
#define RATE_LAST 0.9

typedef struct taken_face {
    int64_t image;
    uint64_t hash;
} taken_face;

typedef struct taken {
    const liken_collection *collection;
    liken_error *err;
    uint64_t below; /* photos of a smaller hash are taken */
    taken_face *faces;
    float *rows; /* in the form that is compared, `stride` floats each */
    size_t count, room, stride;
    int64_t good, weak; /* of the whole collection */
} taken;

static void free_taken(taken *t) {
    free(t->faces);
    free(t->rows);
}

/* splitmix64 */
static uint64_t hash_of(int64_t id) {
    uint64_t x = (uint64_t)id + 0x9e3779b97f4a7c15u;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

static void halve(taken *t) {
    size_t kept = 0;
    t->below /= 2;
    for (size_t i = 0; i < t->count; i++) {
        if (t->faces[i].hash >= t->below)
            continue;
        t->faces[kept] = t->faces[i];
        memmove(t->rows + kept++ * t->stride, t->rows + i * t->stride, t->stride * sizeof *t->rows);
    }
    t->count = kept;
}

static int more_room(taken *t) {
    if (t->count < t->room)
        return LIKEN_OK;
    const size_t room = t->room == 0 ? 256 : 2 * t->room;
    taken_face *faces = realloc(t->faces, room * sizeof *faces);
    if (faces == NULL)
        return lk_fail_memory(t->err);
    t->faces = faces;
    float *rows = aligned_alloc(64, room * t->stride * sizeof *rows);
    if (rows == NULL)
        return lk_fail_memory(t->err);
    if (t->count > 0)
        memcpy(rows, t->rows, t->count * t->stride * sizeof *rows);
    free(t->rows);
    t->rows = rows;
    t->room = room;
    return LIKEN_OK;
}

/* A lk_store_vector_fn. */
static int take(void *ctx, const lk_store_vector *v) {
    taken *t = ctx;
    const size_t dimension = (size_t)t->collection->dimension;
    if (v->collection != t->collection->id)
        return LIKEN_OK;
    if (v->generation >= 0 && v->generation != t->collection->generation)
        return lk_fail(t->err, LIKEN_E_BUSY, "Collection \"%s\" changed its model just now; ask again.",
                       t->collection->name);
    t->good += !v->weak;
    t->weak += v->weak;
    const uint64_t hash = hash_of(v->image);
    if (v->weak || hash >= t->below)
        return LIKEN_OK;
    if (v->dimension != t->collection->dimension)
        return lk_fail(t->err, LIKEN_E_STORE, "Face %lld has %d numbers where its collection has %d; run liken doctor.",
                       (long long)v->id, v->dimension, t->collection->dimension);
    if (t->count == FACES_MAX)
        halve(t);
    int rc = hash < t->below ? more_room(t) : LIKEN_OK;
    if (rc != LIKEN_OK || hash >= t->below)
        return rc;
    float *row = t->rows + t->count * t->stride;
    memset(row, 0, t->stride * sizeof *row);
    if (t->collection->metric == LIKEN_NORMALIZED)
        (void)lk_vector_normalize(v->descriptor, dimension, row);
    else
        memcpy(row, v->descriptor, dimension * sizeof *row);
    t->faces[t->count++] = (taken_face){v->image, hash};
    return t->count % 256 == 0 ? lk_call_check(t->err) : LIKEN_OK;
}

static int by_image(const void *a, const void *b) {
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static int count_photos(const taken *t, int64_t *photos, liken_error *err) {
    LK_FREE int64_t *images = malloc((t->count + 1) * sizeof *images);
    if (images == NULL)
        return lk_fail_memory(err);
    for (size_t i = 0; i < t->count; i++)
        images[i] = t->faces[i].image;
    qsort(images, t->count, sizeof *images, by_image);
    *photos = 0;
    for (size_t i = 0; i < t->count; i++)
        *photos += i == 0 || images[i] != images[i - 1];
    return LIKEN_OK;
}

/* ---- the points ---- */

static void add_point(liken_gallery_curve *c, float distance) {
    if (c->count == 0 || distance > c->points[c->count - 1].distance)
        c->points[c->count++].distance = distance;
}

/* Distances that rise: even steps up to where the pack's curve begins, then those of its rates; the threshold among
 * them. */
static int make_points(liken_gallery_curve *c, const lk_calibration *curve, liken_error *err) {
    const int rates = (int)lround(log10(RATE_LAST / RATE_FIRST) * A_DECADE);
    const float first = lk_calibration_distance(curve, RATE_FIRST);
    c->points = calloc((size_t)(BELOW + rates + 2), sizeof *c->points);
    if (c->points == NULL)
        return lk_fail_memory(err);
    bool there = false;
    for (int i = 1; i <= BELOW + rates; i++) {
        const float distance =
            i < BELOW ? first * (float)i / BELOW
                      : lk_calibration_distance(curve, RATE_FIRST * pow(10, (i - BELOW) / (double)A_DECADE));
        if (!there && c->threshold < distance * (1 + 1e-5f)) {
            add_point(c, c->threshold);
            there = true;
        }
        if (fabsf(distance - c->threshold) > 1e-5f * distance)
            add_point(c, distance);
    }
    if (!there)
        add_point(c, c->threshold);
    return LIKEN_OK;
}

/* The first point that is not nearer. */
static size_t point_of(const liken_gallery_curve *c, float distance) {
    size_t low = 0, high = c->count;
    while (low < high) {
        const size_t middle = (low + high) / 2;
        if (c->points[middle].distance < distance)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* ---- counting ---- */

/* Of one face and those after it; *nearest of each is kept. */
static void count_one(liken_gallery_curve *c, const taken *t, size_t i, float *squares, float *nearest) {
    const size_t n = t->count - i - 1;
    lk_loops_get()->squares(t->rows + i * t->stride, t->rows + (i + 1) * t->stride, t->stride, n, squares);
    for (size_t k = 0; k < n; k++) {
        const size_t j = i + 1 + k;
        const float distance = sqrtf(squares[k]);
        const bool together = t->faces[i].image == t->faces[j].image;
        const size_t at = point_of(c, distance);
        *(together ? &c->together_pairs : &c->apart_pairs) += 1;
        if (!together) {
            nearest[i] = fminf(nearest[i], distance);
            nearest[j] = fminf(nearest[j], distance);
        }
        if (at < c->count)
            *(together ? &c->points[at].together : &c->points[at].apart) += 1;
    }
}

/* Counts between points become shares within them. */
static void settle(liken_gallery_curve *c) {
    double apart = 0, together = 0, nearest = 0;
    for (size_t i = 0; i < c->count; i++) {
        liken_gallery_point *p = &c->points[i];
        apart += p->apart;
        together += p->together;
        nearest += p->nearest;
        p->apart = c->apart_pairs > 0 ? apart / (double)c->apart_pairs : 0;
        p->together = c->together_pairs > 0 ? together / (double)c->together_pairs : 0;
        p->nearest = c->compared > 0 ? nearest / (double)c->compared : 0;
    }
}

static int count(liken_gallery_curve *c, const taken *t, liken_error *err) {
    LK_FREE float *squares = malloc((t->count + 1) * sizeof *squares);
    LK_FREE float *nearest = malloc((t->count + 1) * sizeof *nearest);
    if (squares == NULL || nearest == NULL)
        return lk_fail_memory(err);
    for (size_t i = 0; i < t->count; i++)
        nearest[i] = INFINITY;
    int rc = LIKEN_OK;
    for (size_t i = 0; rc == LIKEN_OK && i < t->count; i++) {
        count_one(c, t, i, squares, nearest);
        rc = i % 64 == 0 ? lk_call_check(err) : LIKEN_OK;
    }
    for (size_t i = 0; i < t->count; i++) {
        const size_t at = point_of(c, nearest[i]);
        if (at < c->count)
            c->points[at].nearest += 1;
    }
    settle(c);
    return rc;
}

/* ---- the whole ---- */

static int read_faces(liken *lk, taken *t, liken_error *err) {
    t->err = err;
    t->below = UINT64_MAX;
    t->stride = lk_row_stride(t->collection->dimension);
    const int rc = lk->store->ops->feed->vectors_after(lk->store, 0, take, t, err);
    if (rc == LIKEN_OK && t->count < LIKEN_CURVE_FACES)
        return lk_fail(err, LIKEN_E_ARG,
                       "Collection \"%s\" has %lld good faces; to say what distances mean in it takes at least %d.",
                       t->collection->name, (long long)t->good, LIKEN_CURVE_FACES);
    return rc;
}

static int draw(liken *lk, const liken_collection *of, liken_gallery_curve *c, liken_error *err) {
    lk_engine *engine = NULL;
    taken t = {.collection = of};
    int rc = lk_gallery_engine_for(lk, of, &engine, err);
    if (rc == LIKEN_OK)
        rc = read_faces(lk, &t, err);
    if (rc == LIKEN_OK)
        rc = count_photos(&t, &c->photos, err);
    if (rc == LIKEN_OK) {
        const lk_calibration *curve = lk_models_between(engine->models, of->metric, false, false);
        c->threshold = of->threshold;
        c->faces = t.good;
        c->weak = t.weak;
        c->compared = (int64_t)t.count;
        rc = make_points(c, curve, err);
        if (rc == LIKEN_OK)
            rc = count(c, &t, err);
        if (rc == LIKEN_OK)
            lk_gallery_strangers(c, curve);
    }
    free_taken(&t);
    return rc;
}

void liken_gallery_curve_free(liken_gallery_curve *c) {
    if (c == NULL)
        return;
    free(c->collection);
    free(c->model);
    free(c->points);
    free(c);
}

static int calibrate(liken *lk, const char *collection, liken_gallery_curve **out, liken_error *err) {
    LK_COLLECTION liken_collection *of = NULL;
    int rc = lk_gallery_collection(lk, collection, &of, err);
    if (rc != LIKEN_OK)
        return rc;
    liken_gallery_curve *c = calloc(1, sizeof *c);
    if (c == NULL)
        return lk_fail_memory(err);
    c->collection = strdup(of->name);
    c->model = strdup(of->model);
    rc = c->collection == NULL || c->model == NULL ? lk_fail_memory(err) : draw(lk, of, c, err);
    if (rc == LIKEN_OK)
        *out = c;
    else
        liken_gallery_curve_free(c);
    return rc;
}

int liken_calibrate(liken *lk, const liken_call *call, const char *collection, liken_gallery_curve **out,
                    liken_error *err) {
    lk_call k;
    int rc = lk_gallery_enter(lk, &k, call, err);
    if (rc == LIKEN_OK)
        rc = calibrate(lk, collection, out, err);
    lk_gallery_leave(lk, &k);
    return rc;
}
