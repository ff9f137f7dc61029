/* One person, searched for by several photos: the main face of each is a view.
 *
 * Each view is answered on its own, and the answers are merged: a match keeps its nearest view. The nearest `limit` of
 * all are among the nearest `limit` of the views, because what is nearest to one of them is ranked by that one at least
 * as high as in the whole. How many there are beyond the limit is the number of faces near any view.
 *
 * Whether the photos show one person is judged by the collection's own threshold: views that are near each other, also
 * by way of others, belong together, and the largest such group is the person; a view outside of it is doubtful. */
#include "gallery/search_int.h"

#include "kern/search/distance.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct views {
    lk_scope *scope;
    const liken_photo *photos;
    size_t count;
    lk_faces *faces; /* of each photo */
    size_t usable;   /* photos that have a face */
} views;

static const float *descriptor_of(const views *v, size_t i) {
    return v->faces[i].kept_count > 0 ? v->faces[i].kept[0].descriptor : NULL;
}

static bool is_weak(const views *v, size_t i) {
    return v->faces[i].kept_count > 0 && v->faces[i].kept[0].weak;
}

static int look(views *v, liken_error *err) {
    int rc = LIKEN_OK;
    for (size_t i = 0; rc == LIKEN_OK && i < v->count; i++) {
        rc = lk_gallery_look(v->scope->lk, v->scope->engine, v->photos[i].bytes, v->photos[i].size,
                             v->scope->options->min_face, &v->faces[i], err);
        if (rc != LIKEN_OK && v->photos[i].name != NULL)
            lk_error_prefix(err, "%s", v->photos[i].name);
        else if (rc != LIKEN_OK)
            lk_error_prefix(err, "Photo %zu of %zu", i + 1, v->count);
        v->usable += rc == LIKEN_OK && descriptor_of(v, i) != NULL;
    }
    return rc;
}

/* ---- do they show one person? ---- */

static float distance_of(const views *v, size_t a, size_t b) {
    const size_t n = (size_t)v->scope->collection->dimension;
    float one[LK_INDEX_MAX_DIMENSION], two[LK_INDEX_MAX_DIMENSION];
    memcpy(one, descriptor_of(v, a), n * sizeof *one);
    memcpy(two, descriptor_of(v, b), n * sizeof *two);
    if (v->scope->collection->metric == LIKEN_NORMALIZED) {
        (void)lk_vector_normalize(one, n, one);
        (void)lk_vector_normalize(two, n, two);
    }
    return lk_distance(one, two, n);
}

/* Are they near each other, for two faces as good as these? */
static bool look_alike(const views *v, size_t a, size_t b) {
    const lk_scope *s = v->scope;
    const lk_reach *r = &s->reach[is_weak(v, a)];
    return distance_of(v, a, b) <= r->calibration[is_weak(v, b)].threshold;
}

/* Gives each view the number of the first view that it belongs together with. */
static void group(const views *v, size_t groups[LIKEN_PHOTOS_MAX]) {
    for (size_t i = 0; i < v->count; i++)
        groups[i] = i;
    for (size_t a = 0; a < v->count; a++)
        for (size_t b = 0; b < a; b++) {
            if (descriptor_of(v, a) == NULL || descriptor_of(v, b) == NULL || groups[a] == groups[b] ||
                !look_alike(v, a, b))
                continue;
            const size_t low = groups[a] < groups[b] ? groups[a] : groups[b], high = groups[a] + groups[b] - low;
            for (size_t i = 0; i < v->count; i++)
                groups[i] = groups[i] == high ? low : groups[i];
        }
}

static size_t largest(const views *v, const size_t groups[LIKEN_PHOTOS_MAX]) {
    size_t best = 0, most = 0;
    for (size_t g = 0; g < v->count; g++) {
        size_t n = 0;
        for (size_t i = 0; i < v->count; i++)
            n += groups[i] == g && descriptor_of(v, i) != NULL;
        if (n > most) {
            most = n;
            best = g;
        }
    }
    return best;
}

static void judge(const views *v, liken_result *r) {
    size_t groups[LIKEN_PHOTOS_MAX];
    group(v, groups);
    const size_t person = largest(v, groups);
    for (size_t i = 0; i < v->count; i++) {
        liken_query_photo *p = &r->photos[i];
        if (descriptor_of(v, i) == NULL)
            continue;
        p->face = v->faces[i].kept[0];
        p->face.descriptor = NULL;
        p->doubtful = groups[i] != person;
        for (size_t k = 0; k < v->count; k++) {
            if (k == i || groups[k] != person || descriptor_of(v, k) == NULL)
                continue;
            const float d = distance_of(v, i, k);
            p->nearest = d < p->nearest ? d : p->nearest;
        }
    }
}

/* ---- merging ---- */

static int by_face(const void *a, const void *b) {
    const liken_match *x = a, *y = b;
    return x->face_id != y->face_id ? (x->face_id < y->face_id ? -1 : 1) : lk_match_order(a, b);
}

static int by_image(const void *a, const void *b) {
    const liken_match *x = a, *y = b;
    return x->image != y->image ? (x->image < y->image ? -1 : 1) : lk_match_order(a, b);
}

/* Moves the matches of one view over, keeps each face, or image, once, and of these the nearest `limit`. */
static int merge(const views *v, liken_answer *into, liken_answer *from, size_t photo, liken_error *err) {
    const bool images = v->scope->options->distinct == LIKEN_DISTINCT_IMAGE;
    const size_t all = into->match_count + from->match_count;
    liken_match *list = realloc(into->matches, (all + 1) * sizeof *list);
    if (list == NULL)
        return lk_fail_memory(err);
    for (size_t i = 0; i < from->match_count; i++) {
        list[into->match_count + i] = from->matches[i];
        list[into->match_count + i].photo = (int)photo;
    }
    from->match_count = 0;
    qsort(list, all, sizeof *list, images ? by_image : by_face);
    size_t kept = 0;
    for (size_t i = 0; i < all; i++) {
        if (kept > 0 && (images ? list[kept - 1].image == list[i].image : list[kept - 1].face_id == list[i].face_id))
            lk_match_clear(&list[i]);
        else
            list[kept++] = list[i];
    }
    qsort(list, kept, sizeof *list, lk_match_order);
    for (; kept > v->scope->limit; kept--)
        lk_match_clear(&list[kept - 1]);
    into->matches = list;
    into->match_count = kept;
    into->expected_false_matches += from->expected_false_matches;
    into->expected_at_default += from->expected_at_default;
    into->threshold = fmaxf(into->threshold, from->threshold);
    if (from->expected_by == LIKEN_EXPECTED_BY_GALLERY)
        into->expected_by = from->expected_by;
    return LIKEN_OK;
}

/* One view; *known stays true while the faces near the views can be told. */
static int search_view(const views *v, size_t i, liken_result *r, lk_ids *faces, bool *known, liken_error *err) {
    liken_answer own = {0};
    lk_query q;
    bool gathered = false;
    int rc = lk_query_run(&q, v->scope, descriptor_of(v, i), v->faces[i].kept, 0, &own, err);
    if (rc == LIKEN_OK && *known)
        rc = lk_query_gather(&q, faces, &gathered, err);
    *known = *known && gathered;
    r->searched = q.searched;
    lk_query_close(&q);
    if (rc == LIKEN_OK)
        rc = merge(v, &r->answers[0], &own, i, err);
    lk_answer_clear(&own);
    return rc;
}

static int search_views(const views *v, liken_result *r, liken_error *err) {
    liken_answer *a = &r->answers[r->answer_count++];
    lk_ids faces = {0};
    bool known = true, first = true;
    int rc = LIKEN_OK;
    for (size_t i = 0; rc == LIKEN_OK && i < v->count; i++) {
        if (descriptor_of(v, i) == NULL)
            continue;
        if (first)
            a->face = r->photos[i].face;
        first = false;
        rc = search_view(v, i, r, &faces, &known, err);
    }
    a->total = -1;
    if (rc == LIKEN_OK && known)
        rc = lk_total_of(v->scope, &faces, &a->total, err);
    if (known && a->total < (int64_t)a->match_count)
        a->total = (int64_t)a->match_count;
    r->threshold = a->threshold;
    r->exact = v->scope->exact;
    r->recall = v->scope->recall;
    lk_ids_free(&faces);
    return rc;
}

static int search(views *v, liken_result **out, liken_error *err) {
    liken_result *r = NULL;
    int rc = look(v, err);
    if (rc == LIKEN_OK)
        rc = lk_scope_ready(v->scope, v->usable, err);
    if (rc == LIKEN_OK)
        rc = lk_result_new(v->scope, 1, v->count, &r, err);
    for (size_t i = 0; rc == LIKEN_OK && i < v->count; i++)
        rc = lk_result_photo(r, &v->faces[i], v->faces[i].kept_count > 0, err);
    if (rc == LIKEN_OK)
        judge(v, r);
    if (rc == LIKEN_OK && v->usable > 0)
        rc = search_views(v, r, err);
    if (rc == LIKEN_OK)
        rc = lk_result_missing(v->scope, r, err);
    return lk_result_finish(rc, r, out);
}

int liken_search_photos(liken *lk, const liken_call *call, const liken_photo *photos, size_t count,
                        const liken_search_options *options, liken_result **out, liken_error *err) {
    lk_scope s = {0};
    lk_faces faces[LIKEN_PHOTOS_MAX] = {{0}};
    views v;
    if (count < 1 || count > LIKEN_PHOTOS_MAX)
        return lk_fail(err, LIKEN_E_ARG, "A search takes 1 to %d photos of a person, not %zu.", LIKEN_PHOTOS_MAX,
                       count);
    lk_call k;
    int rc = lk_gallery_enter(lk, &k, call, err);
    bool again = rc == LIKEN_OK;
    while (again) {
        v = (views){.scope = &s, .photos = photos, .count = count, .faces = faces};
        rc = lk_scope_open(&s, lk, options, err);
        if (rc == LIKEN_OK)
            rc = search(&v, out, err);
        for (size_t i = 0; i < count; i++)
            lk_faces_clear(&faces[i]);
        again = lk_scope_again(&s, rc);
    }
    lk_scope_close(&s);
    lk_gallery_leave(lk, &k);
    return rc;
}
