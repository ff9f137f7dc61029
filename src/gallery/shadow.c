/* Two models side by side, before the one takes the place of the other. By some faces of the collection, evenly spread
 * over it, every other face is compared as a search by them would, once as the faces are described now and once as they
 * would be; matches in the same photo are left out. What only one of the two finds is lost or gained, and the most
 * similar of those are named, so that somebody can look at them.
 *
 * The faces are read through once for each model and none is kept, so it takes no memory worth speaking of. */
#include "gallery/upgrade.h"

#include "base/log.h"
#include "kern/search/distance.h"

#include <stdlib.h>
#include <string.h>

#define SHOWN 20
#define MATCHES ((size_t)1 << 20) /* that are remembered, of each model */

/* A face that is asked by, as one of the models sees it. */
struct query {
    int64_t face, image;
    bool weak;
    float *vector; /* as the collection compares; NULL: that model has it not */
    lk_reach reach;
};

struct match {
    size_t query;
    int64_t face, image;
    float similarity;
};

/* What one of the models finds. */
struct side {
    lk_engine *engine;
    liken_collection terms; /* metric, threshold, dimension */
    struct query *queries;  /* as many as the shadow has */
    struct match *matches;
    size_t count, room;
    bool more; /* than are remembered */
    float *vector;
};

struct shadow {
    liken *lk;
    const liken_collection *collection;
    struct side now, then;
    size_t queries, wanted;
    int64_t seen, every; /* cold faces; the step between two that are asked by */
    int64_t came;
    liken_error *err;
};

/* ---- sides ---- */

static int side_new(struct side *s, lk_engine *engine, const liken_collection *terms, size_t queries,
                    liken_error *err) {
    *s = (struct side){.engine = engine, .terms = *terms};
    s->queries = calloc(queries + 1, sizeof *s->queries);
    s->vector = calloc(lk_row_stride(terms->dimension), sizeof *s->vector);
    return s->queries == NULL || s->vector == NULL ? lk_fail_memory(err) : LIKEN_OK;
}

static void side_free(struct side *s, size_t queries) {
    for (size_t i = 0; s->queries != NULL && i < queries; i++)
        free(s->queries[i].vector);
    free(s->queries);
    free(s->matches);
    free(s->vector);
}

static void prepare(const struct side *s, const float *descriptor, float *out) {
    const size_t n = (size_t)s->terms.dimension;
    if (s->terms.metric == LIKEN_NORMALIZED)
        (void)lk_vector_normalize(descriptor, n, out);
    else
        memcpy(out, descriptor, n * sizeof *out);
}

static int side_query(struct side *s, size_t i, int64_t face, int64_t image, bool weak, const float *descriptor,
                      liken_error *err) {
    struct query *q = &s->queries[i];
    *q = (struct query){.face = face, .image = image, .weak = weak};
    q->vector = malloc((size_t)s->terms.dimension * sizeof *q->vector);
    if (q->vector == NULL)
        return lk_fail_memory(err);
    prepare(s, descriptor, q->vector);
    q->reach = lk_gallery_reach(s->engine, &s->terms, weak, 1, s->terms.threshold);
    return LIKEN_OK;
}

static int remember(struct side *s, struct match m, liken_error *err) {
    if (s->count == MATCHES) {
        s->more = true;
        return LIKEN_OK;
    }
    if (s->count == s->room) {
        const size_t room = s->room == 0 ? 1024 : 2 * s->room;
        struct match *grown = realloc(s->matches, room * sizeof *grown);
        if (grown == NULL)
            return lk_fail_memory(err);
        s->matches = grown;
        s->room = room;
    }
    s->matches[s->count++] = m;
    return LIKEN_OK;
}

/* Compares a face with all that are asked by. */
static int side_face(struct side *s, size_t queries, int64_t face, int64_t image, bool weak, const float *descriptor,
                     liken_error *err) {
    int rc = LIKEN_OK;
    prepare(s, descriptor, s->vector);
    for (size_t i = 0; rc == LIKEN_OK && i < queries; i++) {
        const struct query *q = &s->queries[i];
        if (q->vector == NULL || q->image == image)
            continue;
        const float distance = lk_distance(q->vector, s->vector, (size_t)s->terms.dimension);
        if (distance <= q->reach.radius[weak])
            rc = remember(
                s, (struct match){i, face, image, lk_calibration_similarity(&q->reach.calibration[weak], distance)},
                err);
    }
    return rc;
}

/* ---- reading ---- */

/* The n-th of the faces that both models keep, as it is now; one that was removed meanwhile is left out. */
static int choose(struct shadow *s, const lk_cold_face *f, liken_error *err) {
    liken_face *now = NULL;
    int64_t image = 0;
    liken_error why = {0};
    int rc = s->lk->store->ops->faces->get(s->lk->store, NULL, f->face, &now, &image, NULL, &why);
    if (rc == LIKEN_OK && now->dimension == s->now.terms.dimension)
        rc = side_query(&s->now, s->queries, f->face, image, now->weak, now->descriptor, &why);
    if (rc == LIKEN_OK)
        rc = side_query(&s->then, s->queries, f->face, image, f->weak, f->descriptor, &why);
    liken_face_free(now);
    if (rc == LIKEN_OK)
        s->queries++;
    if (rc != LIKEN_OK && rc != LIKEN_E_NOT_FOUND && err != NULL)
        *err = why;
    return rc == LIKEN_E_NOT_FOUND ? LIKEN_OK : rc;
}

static bool fits(const struct side *s, int dimension) {
    return dimension == s->terms.dimension;
}

static int take_query(void *ctx, const lk_cold_face *f, liken_error *err) {
    struct shadow *s = ctx;
    if (f->face == 0 || !fits(&s->then, f->dimension))
        return LIKEN_OK;
    const bool chosen = s->seen++ % s->every == 0 && s->queries < s->wanted;
    return chosen ? choose(s, f, err) : LIKEN_OK;
}

/* A face without an id gets one that no other has, below zero. */
static int take_then(void *ctx, const lk_cold_face *f, liken_error *err) {
    struct shadow *s = ctx;
    if (!fits(&s->then, f->dimension))
        return LIKEN_OK;
    const int64_t face = f->face != 0 ? f->face : -++s->came;
    const int rc = side_face(&s->then, s->queries, face, f->image, f->weak, f->descriptor, err);
    return rc == LIKEN_OK ? lk_call_check(err) : rc;
}

static int take_now(void *ctx, const lk_store_vector *v) {
    struct shadow *s = ctx;
    if (v->collection != s->collection->id || !fits(&s->now, v->dimension))
        return LIKEN_OK;
    const int rc = side_face(&s->now, s->queries, v->id, v->image, v->weak, v->descriptor, s->err);
    return rc == LIKEN_OK ? lk_call_check(s->err) : rc;
}

/* ---- what differs ---- */

static int by_pair(const void *pa, const void *pb) {
    const struct match *a = pa, *b = pb;
    if (a->query != b->query)
        return (a->query > b->query) - (a->query < b->query);
    return (a->face > b->face) - (a->face < b->face);
}

static int by_similarity(const void *pa, const void *pb) {
    const struct match *a = pa, *b = pb;
    if (a->similarity < b->similarity || a->similarity > b->similarity)
        return a->similarity > b->similarity ? -1 : 1;
    return by_pair(pa, pb);
}

/* Moves those of `side` that `other` has not to its front, the most similar first; how many. Both are sorted by pair.
 */
static size_t only(struct side *side, const struct side *other) {
    size_t n = 0;
    for (size_t i = 0; i < side->count; i++)
        if (other->count == 0 ||
            bsearch(&side->matches[i], other->matches, other->count, sizeof(*other->matches), by_pair) == NULL)
            side->matches[n++] = side->matches[i];
    if (n > 1)
        qsort(side->matches, n, sizeof(*side->matches), by_similarity);
    return n;
}

static int label_of(const struct shadow *s, int64_t image, char **out, liken_error *err) {
    liken_image *found = NULL;
    const int rc = s->lk->store->ops->images->get(s->lk->store, 0, image, &found, err);
    if (rc == LIKEN_OK && found->file != NULL)
        *out = strdup(found->file);
    const bool lost = rc == LIKEN_OK && found->file != NULL && *out == NULL;
    liken_image_free(found);
    return lost ? lk_fail_memory(err) : rc == LIKEN_E_NOT_FOUND ? LIKEN_OK : rc;
}

/* Is this pair among the first `n` the other way round? */
static bool is_shown(const liken_upgrade_match *list, size_t n, const struct query *q, const struct match *m) {
    for (size_t i = 0; i < n; i++)
        if (m->face > 0 && list[i].face == m->face && list[i].match == q->face)
            return true;
    return false;
}

static int show(const struct shadow *s, const struct side *side, size_t count, liken_upgrade_match **out, size_t *shown,
                liken_error *err) {
    const size_t n = count < SHOWN ? count : SHOWN;
    int rc = LIKEN_OK;
    *out = calloc(n + 1, sizeof(**out));
    if (*out == NULL)
        return lk_fail_memory(err);
    for (size_t i = 0; rc == LIKEN_OK && i < count && *shown < n; i++) {
        const struct match *m = &side->matches[i];
        const struct query *q = &side->queries[m->query];
        if (is_shown(*out, *shown, q, m))
            continue;
        liken_upgrade_match *to = &(*out)[(*shown)++];
        *to = (liken_upgrade_match){.face = q->face,
                                    .match = m->face < 0 ? 0 : m->face,
                                    .image = q->image,
                                    .match_image = m->image,
                                    .similarity = m->similarity};
        rc = label_of(s, q->image, &to->file, err);
        if (rc == LIKEN_OK)
            rc = label_of(s, m->image, &to->match_file, err);
    }
    return rc;
}

static int compare(struct shadow *s, liken_upgrade *out, liken_error *err) {
    struct side both[2] = {s->now, s->then};
    for (int i = 0; i < 2; i++)
        if (both[i].count > 1)
            qsort(both[i].matches, both[i].count, sizeof(*both[i].matches), by_pair);
    out->sampled = (int64_t)s->queries;
    out->matches_now = (int64_t)s->now.count;
    out->matches_then = (int64_t)s->then.count;
    LK_FREE struct match *kept = calloc(s->now.count + 1, sizeof *kept); /* as it is before the front is moved */
    if (kept == NULL)
        return lk_fail_memory(err);
    if (s->now.count > 0)
        memcpy(kept, s->now.matches, s->now.count * sizeof *kept);
    const struct side now = {.matches = kept, .count = s->now.count};
    const size_t lost = only(&s->now, &s->then), gained = only(&s->then, &now);
    out->lost_count = (int64_t)lost;
    out->gained_count = (int64_t)gained;
    const int rc = show(s, &s->now, lost, &out->lost, &out->lost_shown, err);
    return rc == LIKEN_OK ? show(s, &s->then, gained, &out->gained, &out->gained_shown, err) : rc;
}

static int read_all(struct shadow *s, liken_error *err) {
    lk_store *store = s->lk->store;
    const int64_t id = s->collection->id;
    int rc = lk_upgrade_faces(store, id, take_query, s, err);
    if (rc == LIKEN_OK)
        rc = lk_upgrade_faces(store, id, take_then, s, err);
    return rc == LIKEN_OK ? store->ops->feed->vectors_after(store, 0, take_now, s, err) : rc;
}

int lk_shadow(liken *lk, const liken_collection *c, lk_engine *now, lk_engine *then, const lk_upgrade *u, size_t sample,
              liken_upgrade *out, liken_error *err) {
    liken_collection terms = {.metric = u->metric, .threshold = u->threshold, .dimension = u->dimension};
    struct shadow s = {.lk = lk, .collection = c, .wanted = sample, .err = err};
    s.every = out->kept > (int64_t)sample ? out->kept / (int64_t)sample : 1;
    int rc = side_new(&s.now, now, c, sample, err);
    if (rc == LIKEN_OK)
        rc = side_new(&s.then, then, &terms, sample, err);
    if (rc == LIKEN_OK)
        rc = read_all(&s, err);
    if (rc == LIKEN_OK && (s.now.more || s.then.more))
        lk_log(LIKEN_LOG_WARN, "The comparison remembers %zu matches of each model, and there were more.", MATCHES);
    if (rc == LIKEN_OK)
        rc = compare(&s, out, err);
    side_free(&s.now, sample);
    side_free(&s.then, sample);
    return rc;
}
