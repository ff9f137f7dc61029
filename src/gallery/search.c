/* Searching: by photos, by a stored face, by a descriptor. What is asked is resolved once into a scope (scope.c); each
 * query face is then answered on its own inside it (query.c), or as one of several views of one person (views.c). */
#include "gallery/search_int.h"

#include "store/codec.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MATCHES_MAX 100000 /* of all faces of a photo together: what an answer may cost in memory */

/* ---- results ---- */

int lk_result_new(const lk_scope *s, size_t answers, size_t photos, liken_result **out, liken_error *err) {
    liken_result *r = calloc(1, sizeof *r);
    if (r == NULL)
        return lk_fail_memory(err);
    r->exact = true;
    r->recall = 1;
    r->threshold = s->threshold;
    r->searched = s->searched;
    r->collection = strdup(s->collection->name);
    r->model = strdup(s->collection->model);
    r->detector = strdup(lk_models_detector(s->engine->models));
    r->answers = calloc(answers + 1, sizeof(*r->answers));
    r->photos = calloc(photos + 1, sizeof(*r->photos));
    if (r->photos == NULL || r->collection == NULL || r->model == NULL || r->detector == NULL || r->answers == NULL) {
        liken_result_free(r);
        return lk_fail_memory(err);
    }
    *out = r;
    return LIKEN_OK;
}

/* The next answer of `r`; `face` is copied without its descriptor, or NULL: a good one. */
static int add_answer(lk_scope *s, liken_result *r, const liken_face *face, const float *descriptor, int64_t exclude,
                      liken_error *err) {
    liken_answer *a = &r->answers[r->answer_count++];
    if (face != NULL) {
        a->face = *face;
        a->face.descriptor = NULL;
    }
    lk_query q;
    int rc = lk_query_run(&q, s, descriptor, face, exclude, a, err);
    if (rc == LIKEN_OK)
        rc = lk_query_total(&q, err);
    lk_query_close(&q);
    r->searched = q.searched;
    r->threshold = r->answer_count == 1 || q.threshold > r->threshold ? q.threshold : r->threshold;
    r->recall = s->recall;
    r->exact = s->exact;
    size_t matches = 0;
    for (size_t i = 0; rc == LIKEN_OK && i < r->answer_count; i++)
        matches += r->answers[i].match_count;
    if (matches > MATCHES_MAX)
        return lk_fail(err, LIKEN_E_TOO_LARGE,
                       "The answer would hold more than %d matches; ask for fewer a face, or with a smaller threshold.",
                       MATCHES_MAX);
    return rc;
}

int lk_result_missing(const lk_scope *s, liken_result *r, liken_error *err) {
    if (s->missing.count == 0)
        return LIKEN_OK;
    r->missing = calloc(s->missing.count, sizeof(*r->missing));
    if (r->missing == NULL)
        return lk_fail_memory(err);
    while (r->missing_count < s->missing.count) {
        char *name = strdup(s->missing.names[r->missing_count]);
        if (name == NULL)
            return lk_fail_memory(err);
        r->missing[r->missing_count++] = name;
    }
    return LIKEN_OK;
}

int lk_result_finish(int rc, liken_result *r, liken_result **out) {
    if (rc == LIKEN_OK)
        *out = r;
    else
        liken_result_free(r);
    return rc;
}

/* ---- by photo ---- */

int lk_result_photo(liken_result *r, lk_faces *faces, size_t searched_for, liken_error *err) {
    liken_query_photo *p = &r->photos[r->photo_count++];
    *p = (liken_query_photo){.width = faces->width,
                             .height = faces->height,
                             .smallest_face = faces->smallest_face,
                             .refused = faces->refused,
                             .refused_count = faces->refused_count,
                             .others = faces->kept_count - searched_for,
                             .nearest = INFINITY};
    faces->refused = NULL;
    faces->refused_count = 0;
    if (faces->note[0] == '\0')
        return LIKEN_OK;
    p->note = strdup(faces->note);
    return p->note == NULL ? lk_fail_memory(err) : LIKEN_OK;
}

static int search_photo(lk_scope *s, const void *bytes, size_t size, liken_result **out, liken_error *err) {
    lk_faces faces = {0};
    liken_result *r = NULL;
    int rc = lk_gallery_look(s->lk, s->engine, bytes, size, s->options->min_face, &faces, err);
    const size_t count = s->options->main_face && faces.kept_count > 1 ? 1 : faces.kept_count;
    if (rc == LIKEN_OK)
        rc = lk_scope_ready(s, 1, err);
    if (rc == LIKEN_OK)
        rc = lk_result_new(s, count, 1, &r, err);
    if (rc == LIKEN_OK)
        rc = lk_result_photo(r, &faces, count, err);
    for (size_t i = 0; rc == LIKEN_OK && i < count; i++)
        rc = add_answer(s, r, &faces.kept[i], faces.kept[i].descriptor, 0, err);
    if (rc == LIKEN_OK)
        rc = lk_result_missing(s, r, err);
    lk_faces_clear(&faces);
    return lk_result_finish(rc, r, out);
}

int liken_search_photo(liken *lk, const liken_call *call, const void *bytes, size_t size,
                       const liken_search_options *options, liken_result **out, liken_error *err) {
    lk_scope s = {0};
    lk_call k;
    int rc = lk_gallery_enter(lk, &k, call, err);
    bool again = rc == LIKEN_OK;
    while (again) {
        rc = lk_scope_open(&s, lk, options, err);
        if (rc == LIKEN_OK)
            rc = search_photo(&s, bytes, size, out, err);
        again = lk_scope_again(&s, rc);
    }
    lk_scope_close(&s);
    lk_gallery_leave(lk, &k);
    return rc;
}

/* ---- by a stored face ---- */

/* A face of another collection may be looked for, when the same model described it. *generation: of that. */
static int check_home(lk_scope *s, int64_t home, int64_t *generation, liken_error *err) {
    liken_collection **list = NULL;
    size_t count = 0;
    int rc = s->lk->store->ops->collections->list(s->lk->store, &list, &count, err);
    for (size_t i = 0; rc == LIKEN_OK && i < count; i++) {
        if (list[i]->id == home)
            *generation = list[i]->generation;
        if (list[i]->id == home && strcmp(list[i]->model, s->collection->model) != 0)
            rc = lk_fail(err, LIKEN_E_MISMATCH,
                         "The face belongs to collection \"%s\" of model %s, and \"%s\" holds "
                         "descriptors of model %s; they cannot be compared. Search by photo instead.",
                         list[i]->name, list[i]->model, s->collection->name, s->collection->model);
    }
    liken_collections_free(list, count);
    return rc;
}

static int get_face(const lk_scope *s, int64_t id, liken_face **face, int64_t *home, liken_error *err) {
    liken_face_free(*face);
    *face = NULL;
    return s->lk->store->ops->faces->get(s->lk->store, NULL, id, face, NULL, home, err);
}

/* The face with a descriptor of the scope's model: its collection has the same model before and after it is read. */
static int face_of_model(lk_scope *s, int64_t id, liken_face **face, liken_error *err) {
    int64_t home = 0, before = 0, after = 0;
    int rc = get_face(s, id, face, &home, err);
    if (rc == LIKEN_OK && home == s->collection->id)
        return lk_scope_still(s, err);
    if (rc == LIKEN_OK)
        rc = check_home(s, home, &before, err);
    if (rc == LIKEN_OK)
        rc = get_face(s, id, face, &home, err);
    if (rc == LIKEN_OK)
        rc = check_home(s, home, &after, err);
    if (rc == LIKEN_OK && before != after)
        rc = lk_fail(err, LIKEN_E_BUSY, "The face's collection is changing its model; try again in a moment.");
    return rc;
}

static int search_face(lk_scope *s, int64_t face_id, liken_result **out, liken_error *err) {
    liken_face *face = NULL;
    liken_result *r = NULL;
    int rc = face_of_model(s, face_id, &face, err);
    if (rc == LIKEN_OK && face->dimension != s->collection->dimension)
        rc = lk_fail(err, LIKEN_E_STORE, "Face %lld has %d numbers where its model has %d; run liken doctor.",
                     (long long)face_id, face->dimension, s->collection->dimension);
    if (rc == LIKEN_OK)
        rc = lk_scope_ready(s, 1, err);
    if (rc == LIKEN_OK)
        rc = lk_result_new(s, 1, 0, &r, err);
    lk_store *store = s->lk->store;
    const int64_t own =
        rc == LIKEN_OK && store->ops->numbers != NULL ? store->ops->numbers->of(store, face_id) : face_id;
    if (rc == LIKEN_OK)
        rc = add_answer(s, r, face, face->descriptor, own, err);
    if (rc == LIKEN_OK)
        rc = lk_result_missing(s, r, err);
    liken_face_free(face);
    return lk_result_finish(rc, r, out);
}

int liken_search_face(liken *lk, const liken_call *call, int64_t face_id, const liken_search_options *options,
                      liken_result **out, liken_error *err) {
    lk_scope s = {0};
    lk_call k;
    int rc = lk_gallery_enter(lk, &k, call, err);
    bool again = rc == LIKEN_OK;
    while (again) {
        rc = lk_scope_open(&s, lk, options, err);
        if (rc == LIKEN_OK)
            rc = search_face(&s, face_id, out, err);
        again = lk_scope_again(&s, rc);
    }
    lk_scope_close(&s);
    lk_gallery_leave(lk, &k);
    return rc;
}

/* ---- by descriptor ---- */

static int check_descriptor(const lk_scope *s, const float *descriptor, size_t dimension, const char *model,
                            liken_error *err) {
    const liken_collection *c = s->collection;
    if (model != NULL && strcmp(model, c->model) != 0)
        return lk_fail(err, LIKEN_E_MISMATCH,
                       "The descriptor is of model %.128s, and collection \"%s\" holds descriptors of "
                       "model %s; they cannot be compared.",
                       model, c->name, c->model);
    if (descriptor == NULL || dimension != (size_t)c->dimension)
        return lk_fail(err, LIKEN_E_MISMATCH,
                       "The descriptor has %zu numbers; those of collection \"%s\" (model %s) have %d.",
                       descriptor == NULL ? 0 : dimension, c->name, c->model, c->dimension);
    double sum = 0;
    for (size_t i = 0; i < dimension; i++)
        sum += (double)descriptor[i] * (double)descriptor[i];
    if (!lk_floats_sane(descriptor, dimension))
        return lk_fail(err, LIKEN_E_ARG,
                       "The descriptor holds numbers that no network gives (not finite, or beyond 1e15).");
    if (c->metric == LIKEN_NORMALIZED && !(sum > 0))
        return lk_fail(err, LIKEN_E_ARG, "The descriptor is all zeros, which no face is.");
    return LIKEN_OK;
}

static int search_descriptor(lk_scope *s, const float *descriptor, size_t dimension, const char *model,
                             liken_result **out, liken_error *err) {
    liken_result *r = NULL;
    int rc = check_descriptor(s, descriptor, dimension, model, err);
    if (rc == LIKEN_OK)
        rc = lk_scope_ready(s, 1, err);
    if (rc == LIKEN_OK)
        rc = lk_result_new(s, 1, 0, &r, err);
    if (rc == LIKEN_OK)
        rc = add_answer(s, r, NULL, descriptor, 0, err);
    if (rc == LIKEN_OK)
        rc = lk_result_missing(s, r, err);
    return lk_result_finish(rc, r, out);
}

int liken_search_descriptor(liken *lk, const liken_call *call, const float *descriptor, size_t dimension,
                            const char *model, const liken_search_options *options, liken_result **out,
                            liken_error *err) {
    lk_scope s = {0};
    lk_call k;
    int rc = lk_gallery_enter(lk, &k, call, err);
    bool again = rc == LIKEN_OK;
    while (again) {
        rc = lk_scope_open(&s, lk, options, err);
        if (rc == LIKEN_OK)
            rc = search_descriptor(&s, descriptor, dimension, model, out, err);
        again = lk_scope_again(&s, rc);
    }
    lk_scope_close(&s);
    lk_gallery_leave(lk, &k);
    return rc;
}
