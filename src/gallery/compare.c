/* Comparing two photos: every face of one with every face of the other. */
#include "gallery/gallery_int.h"

#include "base/crypto.h"
#include "kern/search/distance.h"

#include <math.h>
#include <stdlib.h>

struct terms {
    lk_engine *engine;
    liken_metric metric;
    float threshold;   /* of two good faces */
    lk_reach reach[2]; /* of a good face, and of a weak one that is none the poorer for its score */
};

/* How far a face looks. */
static lk_reach reach_of(const struct terms *t, bool weak, float score) {
    const liken_collection c = {.metric = t->metric, .threshold = t->threshold};
    return lk_gallery_reach(t->engine, &c, weak, score, t->threshold);
}

static void set_terms(struct terms *t, liken_metric metric, float threshold) {
    t->metric = metric;
    t->threshold = threshold;
    for (int weak = 0; weak < 2; weak++)
        t->reach[weak] = reach_of(t, weak == 1, 1);
}

/* How a collection compares; without one, the handle's pack and its metric. */
static int terms_of(liken *lk, const char *collection, struct terms *t, liken_error *err) {
    LK_COLLECTION liken_collection *c = NULL;
    int rc = LIKEN_OK;
    *t = (struct terms){.metric = LIKEN_NORMALIZED};
    if (collection == NULL) {
        rc = lk_gallery_engine(lk, NULL, &t->engine, err);
        if (rc != LIKEN_OK)
            return rc;
        const liken_metric metric = lk_models_metric(t->engine->models);
        set_terms(t, metric, lk_models_calibration(t->engine->models, metric)->threshold);
        return lk_models_comparable(t->engine->models, metric, err);
    }
    rc = lk_gallery_collection(lk, collection, &c, err);
    if (rc == LIKEN_OK)
        rc = lk_gallery_engine_for(lk, c, &t->engine, err);
    if (rc == LIKEN_OK)
        set_terms(t, c->metric, c->threshold);
    return rc;
}

static int look(liken *lk, const struct terms *t, const void *bytes, size_t size, const char *which, liken_image **out,
                liken_error *err) {
    lk_faces faces = {0};
    char sha256[LK_SHA256_HEX];
    int rc = lk_gallery_look(lk, t->engine, bytes, size, 0, &faces, err);
    if (rc != LIKEN_OK)
        lk_error_prefix(err, "The %s photo", which);
    for (size_t i = 0; rc == LIKEN_OK && t->metric == LIKEN_NORMALIZED && i < faces.kept_count; i++)
        (void)lk_vector_normalize(faces.kept[i].descriptor, (size_t)faces.kept[i].dimension, faces.kept[i].descriptor);
    if (rc == LIKEN_OK) {
        lk_sha256_hex(bytes, size, sha256);
        rc = lk_gallery_image(t->engine, sha256, &faces, out, err);
    }
    lk_faces_clear(&faces);
    return rc;
}

/* The curve of two faces. Of two weak ones the poorer counts, as if it were what is searched for. */
static lk_calibration between(const struct terms *t, const liken_face *a, const liken_face *b) {
    if (!a->weak || !b->weak)
        return t->reach[a->weak].calibration[b->weak];
    return reach_of(t, true, fminf(a->quality.score, b->quality.score)).calibration[1];
}

/* How near a weak face must be to one that is no poorer: room for all of them, or NULL. */
static float *thresholds_of_weak(const struct terms *t, const liken_image *image) {
    float *of = malloc((image->face_count + 1) * sizeof *of);
    for (size_t i = 0; of != NULL && i < image->face_count; i++)
        of[i] = image->faces[i].weak ? between(t, &image->faces[i], &image->faces[i]).threshold : INFINITY;
    return of;
}

/* Of the pairs the one that is alike most: the nearest, but that weak faces have to be nearer. */
static void measure(liken_comparison *c, const struct terms *t, size_t dimension, const float *weak_a,
                    const float *weak_b) {
    const size_t columns = c->b->face_count;
    float best = INFINITY;
    c->distance = INFINITY;
    c->best_a = c->best_b = -1;
    for (size_t i = 0; i < c->a->face_count; i++) {
        for (size_t j = 0; j < columns; j++) {
            const bool one = c->a->faces[i].weak, other = c->b->faces[j].weak;
            const float d = lk_distance(c->a->faces[i].descriptor, c->b->faces[j].descriptor, dimension);
            c->distances[i * columns + j] = d;
            const float share =
                d / (one && other ? fminf(weak_a[i], weak_b[j]) : t->reach[one].calibration[other].threshold);
            if (share >= best)
                continue;
            best = share;
            c->distance = d;
            c->best_a = (int)i;
            c->best_b = (int)j;
        }
    }
}

static int measure_all(liken_comparison *c, const struct terms *t, liken_error *err) {
    float *weak_a = thresholds_of_weak(t, c->a), *weak_b = thresholds_of_weak(t, c->b);
    c->distances = malloc((c->a->face_count * c->b->face_count + 1) * sizeof(*c->distances));
    const bool room = weak_a != NULL && weak_b != NULL && c->distances != NULL;
    if (room)
        measure(c, t, (size_t)lk_models_dimension(t->engine->models), weak_a, weak_b);
    free(weak_a);
    free(weak_b);
    return room ? LIKEN_OK : lk_fail_memory(err);
}

static void forget_descriptors(liken_image *image) {
    for (size_t i = 0; i < image->face_count; i++) {
        free(image->faces[i].descriptor);
        image->faces[i].descriptor = NULL;
    }
}

static int compare(liken *lk, const struct terms *t, const void *const bytes[2], const size_t sizes[2],
                   liken_comparison **out, liken_error *err) {
    liken_comparison *c = calloc(1, sizeof *c);
    if (c == NULL)
        return lk_fail_memory(err);
    int rc = look(lk, t, bytes[0], sizes[0], "first", &c->a, err);
    if (rc == LIKEN_OK)
        rc = look(lk, t, bytes[1], sizes[1], "second", &c->b, err);
    if (rc == LIKEN_OK)
        rc = measure_all(c, t, err);
    if (rc != LIKEN_OK) {
        liken_comparison_free(c);
        return rc;
    }
    forget_descriptors(c->a);
    forget_descriptors(c->b);
    const bool none = c->best_a < 0;
    const lk_calibration calibration =
        none ? t->reach[0].calibration[0] : between(t, &c->a->faces[c->best_a], &c->b->faces[c->best_b]);
    c->threshold = calibration.threshold;
    c->same = c->distance <= c->threshold;
    c->similarity = none ? 0 : lk_calibration_similarity(&calibration, c->distance);
    *out = c;
    return LIKEN_OK;
}

int liken_compare(liken *lk, const liken_call *call, const void *a, size_t a_size, const void *b, size_t b_size,
                  const char *collection, liken_comparison **out, liken_error *err) {
    struct terms t;
    lk_call k;
    int rc = lk_gallery_enter(lk, &k, call, err);
    if (rc == LIKEN_OK)
        rc = terms_of(lk, collection, &t, err);
    if (rc == LIKEN_OK)
        rc = compare(lk, &t, (const void *const[2]){a, b}, (const size_t[2]){a_size, b_size}, out, err);
    lk_gallery_leave(lk, &k);
    return rc;
}
