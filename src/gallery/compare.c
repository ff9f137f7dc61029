/* Comparing two photos: every face of one with every face of the other. */
#include "gallery/gallery_int.h"

#include "base/crypto.h"
#include "kern/search/distance.h"

#include <math.h>
#include <stdlib.h>

struct terms {
    lk_engine *engine;
    liken_metric metric;
    lk_reach reach[2]; /* of a good face, and of a weak one */
};

static void set_reach(struct terms *t, const liken_collection *c) {
    for (int weak = 0; weak < 2; weak++)
        t->reach[weak] = lk_gallery_reach(t->engine, c, weak == 1, 1, c->threshold);
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
        t->metric = lk_models_metric(t->engine->models);
        set_reach(t, &(liken_collection){.metric = t->metric,
                                         .threshold = lk_models_calibration(t->engine->models, t->metric)->threshold});
        return lk_models_comparable(t->engine->models, t->metric, err);
    }
    rc = lk_gallery_collection(lk, collection, &c, err);
    if (rc == LIKEN_OK)
        rc = lk_gallery_engine_for(lk, c, &t->engine, err);
    if (rc == LIKEN_OK) {
        t->metric = c->metric;
        set_reach(t, c);
    }
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

/* Of the pairs the one that is alike most: the nearest, but that weak faces have to be nearer. */
static int measure(liken_comparison *c, const struct terms *t, size_t dimension, liken_error *err) {
    const size_t columns = c->b->face_count;
    float best = INFINITY;
    c->distance = INFINITY;
    c->best_a = c->best_b = -1;
    c->distances = malloc((c->a->face_count * columns + 1) * sizeof(*c->distances));
    if (c->distances == NULL)
        return lk_fail_memory(err);
    for (size_t i = 0; i < c->a->face_count; i++) {
        for (size_t j = 0; j < columns; j++) {
            const float d = lk_distance(c->a->faces[i].descriptor, c->b->faces[j].descriptor, dimension);
            c->distances[i * columns + j] = d;
            const float share = d / t->reach[c->a->faces[i].weak].calibration[c->b->faces[j].weak].threshold;
            if (share >= best)
                continue;
            best = share;
            c->distance = d;
            c->best_a = (int)i;
            c->best_b = (int)j;
        }
    }
    return LIKEN_OK;
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
        rc = measure(c, t, (size_t)lk_models_dimension(t->engine->models), err);
    if (rc != LIKEN_OK) {
        liken_comparison_free(c);
        return rc;
    }
    forget_descriptors(c->a);
    forget_descriptors(c->b);
    const bool none = c->best_a < 0, weak_a = !none && c->a->faces[c->best_a].weak,
               weak_b = !none && c->b->faces[c->best_b].weak;
    const lk_calibration *calibration = &t->reach[weak_a].calibration[weak_b];
    c->threshold = calibration->threshold;
    c->same = c->distance <= c->threshold;
    c->similarity = none ? 0 : lk_calibration_similarity(calibration, c->distance);
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
