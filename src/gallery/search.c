/* Searching. What is asked (collection, threshold, filters) is resolved once into a `scope`; each query face is then
 * answered on its own inside it.
 *
 * An answer is gathered in pages: the index, or the store where it searches by itself, gives the nearest k that were
 * not seen yet, the store adds their labels. One page is enough unless faces share images (distinct = image) or were
 * removed between the two; then the next page leaves out the faces already seen. So no filter and no removal ever makes
 * an answer shorter than it should be.
 *
 * Where an image is to come once, an image that was taken has all its faces counted as seen, so that no later page
 * brings one of them, and pages double in size: the number of passes over the index grows with the logarithm of the
 * faces that are nearer than the last match, and each of them is looked at once. */
#include "gallery/gallery_int.h"

#include "store/codec.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LIMIT_DEFAULT 20
#define LIMIT_MAX 10000
#define MATCHES_MAX 100000 /* of all faces of a photo together: what an answer may cost in memory */
#define PAGE_MIN 256
#define PAGE_MAX LK_INDEX_MAX_HITS
#define PAGE_STORE 10000 /* of a store that searches by itself */
#define LABELS_MIN 16    /* asked of the store at once, where most may be of one image */
#define LABELS_MAX 1024

/* ---- the scope ---- */

struct scope {
    liken *lk;
    const liken_search_options *options;
    liken_collection *collection;
    lk_engine *engine;
    lk_calibration calibration;
    float threshold;
    size_t limit;
    bool remote;   /* the store searches */
    lk_slot *slot; /* else; NULL: no faces */
    bool filtered;
    int64_t *allowed; /* when filtered: the faces that may match, ascending */
    size_t allowed_count;
    uint64_t searched;        /* faces that a query is compared with */
    bool exact;               /* unless the store said otherwise */
    lk_store_missing missing; /* parts of the store that were left out; only where that was asked for */
    double recall;            /* the least that it said */
};

static int check_options(const liken_search_options *o, liken_error *err) {
    if (o->distinct == LIKEN_DISTINCT_PERSON)
        return lk_fail(err, LIKEN_E_UNSUPPORTED,
                       "This liken does not know people yet; use distinct=image or distinct=face.");
    if (o->distinct != LIKEN_DISTINCT_FACE && o->distinct != LIKEN_DISTINCT_IMAGE)
        return lk_fail(err, LIKEN_E_ARG, "distinct is face or image.");
    if (o->limit < 0 || o->limit > LIMIT_MAX)
        return lk_fail(err, LIKEN_E_ARG, "limit is %d; use 1 to %d.", o->limit, LIMIT_MAX);
    if (!(o->threshold >= 0))
        return lk_fail(err, LIKEN_E_ARG, "The threshold is a distance, 0 or more.");
    if (!(o->max_false_matches >= 0) || isinf(o->max_false_matches))
        return lk_fail(err, LIKEN_E_ARG, "max_false_matches is a number above 0.");
    if (o->threshold > 0 && o->max_false_matches > 0)
        return lk_fail(err, LIKEN_E_ARG, "Give threshold or max_false_matches, not both: each decides the other.");
    for (size_t i = 0; i < o->tag_count; i++) {
        if (o->tags[i] == NULL)
            return lk_fail(err, LIKEN_E_ARG, "A tag is missing its text.");
    }
    return LIKEN_OK;
}

/* Collection, models and limits: all that can be said before the query photo is looked at. */
static int scope_open(struct scope *s, liken *lk, const liken_search_options *options, liken_error *err) {
    static const liken_search_options none;
    *s = (struct scope){.lk = lk, .options = options == NULL ? &none : options, .exact = true, .recall = 1};
    int rc = check_options(s->options, err);
    if (rc == LIKEN_OK)
        rc = lk_gallery_collection(lk, s->options->collection, &s->collection, err);
    if (rc == LIKEN_OK)
        rc = lk_gallery_engine_for(lk, s->collection, &s->engine, err);
    if (rc != LIKEN_OK)
        return rc;
    s->calibration = lk_gallery_calibration(s->engine, s->collection);
    s->limit = s->options->limit == 0 ? LIMIT_DEFAULT : (size_t)s->options->limit;
    return LIKEN_OK;
}

static void scope_close(struct scope *s) {
    lk_gallery_slot_drop(s->lk, s->slot);
    liken_collection_free(s->collection);
    free(s->allowed);
}

static int scope_filter(struct scope *s, liken_error *err) {
    const liken_search_options *o = s->options;
    s->filtered = o->tag_count > 0 || lk_store_bound(o->captured_from) || lk_store_bound(o->captured_to);
    if (!s->filtered)
        return LIKEN_OK;
    lk_store *store = s->lk->store;
    if (s->remote)
        return LIKEN_OK;
    const int rc = store->ops->faces_where(store, s->collection->id, o, &s->allowed, &s->allowed_count, err);
    s->searched = s->allowed_count;
    return rc;
}

/* Brings the index up to the store, applies the filters and settles the threshold. */
static int scope_ready(struct scope *s, liken_error *err) {
    int rc = lk_gallery_sync(s->lk, err);
    if (rc != LIKEN_OK)
        return rc;
    lk_store *store = s->lk->store;
    s->slot = lk_gallery_slot_take(s->lk, s->collection->id);
    s->remote = s->slot == NULL && lk_place_is_remote(s->lk, s->collection->id);
    s->searched = s->slot == NULL ? 0 : lk_index_size(s->slot->index);
    rc = scope_filter(s, err);
    if (rc == LIKEN_OK && s->remote)
        rc = store->ops->near_count(store, s->collection->id, s->options, 0, &s->searched, err);
    if (rc != LIKEN_OK)
        return rc;
    const liken_search_options *o = s->options;
    if (o->threshold > 0)
        s->threshold = o->threshold;
    else if (o->max_false_matches > 0)
        s->threshold = lk_calibration_distance(&s->calibration,
                                               o->max_false_matches / (double)(s->searched > 0 ? s->searched : 1));
    else
        s->threshold = s->collection->threshold;
    return LIKEN_OK;
}

/* ---- one query ---- */

struct query {
    struct scope *scope;
    const float *vector; /* in the index's own form */
    int64_t exclude;     /* a face that is not compared at all, or 0 */
    lk_ids seen;         /* faces that may not come again */
    lk_ids images;       /* of the matches, where each may come once */
    liken_answer *out;
    size_t room;
    size_t labels; /* how many hits to ask labels for at once */
    uint64_t searched;
    bool counted; /* `searched` is known */
};

static bool may_match(void *ctx, int64_t id) {
    const struct query *q = ctx;
    return id != q->exclude && !lk_ids_has(&q->seen, id);
}

static bool once_an_image(const struct query *q) {
    return q->scope->options->distinct == LIKEN_DISTINCT_IMAGE;
}

static int more_room(struct query *q, liken_error *err) {
    if (q->out->match_count < q->room)
        return LIKEN_OK;
    const size_t room = q->room == 0 ? 16 : 2 * q->room;
    liken_match *matches = realloc(q->out->matches, room * sizeof *matches);
    if (matches == NULL)
        return lk_fail_memory(err);
    q->out->matches = matches;
    q->room = room;
    return LIKEN_OK;
}

/* Takes over the strings of `h` when it becomes a match. */
static int take_hit(struct query *q, lk_store_hit *h, float distance, liken_error *err) {
    const struct scope *s = q->scope;
    const bool wanted = h->face != 0 && q->out->match_count < s->limit && !lk_ids_has(&q->images, h->image);
    int rc = wanted ? more_room(q, err) : LIKEN_OK;
    if (wanted && rc == LIKEN_OK && once_an_image(q))
        rc = lk_ids_add(&q->images, h->image, err);
    if (!wanted || rc != LIKEN_OK)
        return rc;
    q->out->matches[q->out->match_count++] = (liken_match){
        .face_id = h->face,
        .image = h->image,
        .image_id = h->image_id,
        .file = h->file,
        .image_ids = h->image_ids,
        .files = h->files,
        .image_id_count = h->image_id_count,
        .file_count = h->file_count,
        .box = h->box,
        .image_width = h->width,
        .image_height = h->height,
        .captured_at = h->captured_at,
        .distance = distance,
        .similarity = lk_calibration_similarity(&s->calibration, distance),
    };
    *h = (lk_store_hit){0};
    return LIKEN_OK;
}

static int label(struct query *q, const lk_hit *hits, size_t count, liken_error *err) {
    int64_t ids[LABELS_MAX];
    LK_FREE lk_store_hit *labels = calloc(count + 1, sizeof *labels);
    if (labels == NULL)
        return lk_fail_memory(err);
    for (size_t i = 0; i < count; i++)
        ids[i] = hits[i].id;
    lk_store *store = q->scope->lk->store;
    int rc = store->ops->hits(store, ids, count, labels, err);
    if (rc != LIKEN_OK)
        return rc;
    for (size_t i = 0; i < count; i++) {
        if (rc == LIKEN_OK)
            rc = lk_ids_add(&q->seen, hits[i].id, err);
        if (rc == LIKEN_OK)
            rc = take_hit(q, &labels[i], hits[i].distance, err);
        lk_hit_clear(&labels[i]);
    }
    return rc;
}

/* All faces of the images from the n-th on are seen. */
static int see_images(struct query *q, size_t n, liken_error *err) {
    lk_store *store = q->scope->lk->store;
    LK_FREE int64_t *faces = NULL;
    size_t count = 0;
    if (store->ops->faces_of == NULL || n == q->images.count)
        return LIKEN_OK;
    int rc = store->ops->faces_of(store, q->images.list + n, q->images.count - n, &faces, &count, err);
    for (size_t i = 0; rc == LIKEN_OK && i < count; i++)
        rc = lk_ids_add(&q->seen, faces[i], err);
    return rc;
}

/* Labels some of a page's hits from *at on, those that were not seen. */
static int label_some(struct query *q, const lk_hit *hits, size_t count, size_t *at, liken_error *err) {
    lk_hit some[LABELS_MAX];
    const size_t before = q->images.count;
    size_t n = 0;
    for (; *at < count && n < q->labels; ++*at)
        if (!lk_ids_has(&q->seen, hits[*at].id))
            some[n++] = hits[*at];
    int rc = n > 0 ? label(q, some, n, err) : LIKEN_OK;
    if (rc == LIKEN_OK)
        rc = see_images(q, before, err);
    const size_t next = once_an_image(q) ? 2 * (q->images.count - before) : LABELS_MAX;
    q->labels = next < LABELS_MIN ? LABELS_MIN : next < LABELS_MAX ? next : LABELS_MAX;
    return rc;
}

/* All the threads of the handle for a search that is alone, and a share of them for each of many. */
static int threads_for(const liken *lk) {
    const int searching = atomic_load(&lk->searching);
    return searching > 1 ? lk->threads / searching : lk->threads;
}

/* A block of the index's cache may turn out to be damaged: then the index is made anew, once. */
static int search_index(struct scope *s, const lk_index_query *query, lk_hit *hits, size_t *count, uint64_t *searched,
                        liken_error *err) {
    int rc = lk_index_search(s->slot->index, query, hits, count, searched, err);
    if (rc != LIKEN_E_STORE)
        return rc;
    rc = lk_gallery_mend(s->lk, &s->slot, err);
    if (rc == LIKEN_OK && s->slot != NULL)
        rc = lk_index_search(s->slot->index, query, hits, count, searched, err);
    return rc;
}

static int page_from_index(struct query *q, size_t k, lk_hit *hits, size_t *count, liken_error *err) {
    struct scope *s = q->scope;
    const bool all = q->exclude == 0 && q->seen.count == 0;
    (void)atomic_fetch_add(&s->lk->searching, 1);
    const lk_index_query query = {.vector = q->vector,
                                  .radius = s->threshold,
                                  .k = k,
                                  .filter = all ? NULL : may_match,
                                  .filter_ctx = q,
                                  .only = s->allowed,
                                  .only_count = s->allowed_count,
                                  .threads = threads_for(s->lk)};
    const int rc = search_index(s, &query, hits, count, q->counted ? NULL : &q->searched, err);
    (void)atomic_fetch_sub(&s->lk->searching, 1);
    return rc;
}

static int page_from_store(struct query *q, size_t k, lk_hit *hits, size_t *count, liken_error *err) {
    struct scope *s = q->scope;
    lk_store *store = s->lk->store;
    bool exact = true;
    double recall = 1;
    int rc = LIKEN_OK;
    if (!q->counted) { /* the first page; what is seen may not come again, and the face itself never */
        rc = store->ops->near_count(store, s->collection->id, s->options, q->exclude, &q->searched, err);
        if (rc == LIKEN_OK && q->exclude != 0)
            rc = lk_ids_add(&q->seen, q->exclude, err);
    }
    const lk_store_near query = {.collection = s->collection->id,
                                 .vector = q->vector,
                                 .dimension = s->collection->dimension,
                                 .radius = s->threshold,
                                 .k = k,
                                 .except = q->seen.list,
                                 .except_count = q->seen.count,
                                 .filter = s->options,
                                 .missing = s->options->partial ? &s->missing : NULL};
    if (rc == LIKEN_OK)
        rc = lk_near_search(s->lk, s->collection, &query, hits, count, &exact, &recall, err);
    if (rc != LIKEN_OK)
        return rc;
    s->exact = s->exact && exact;
    s->recall = recall < s->recall ? recall : s->recall;
    return LIKEN_OK;
}

/* One page of at most k; *last: there is no more within the threshold. */
static int page(struct query *q, size_t k, bool *last, liken_error *err) {
    LK_FREE lk_hit *hits = malloc(k * sizeof *hits);
    if (hits == NULL)
        return lk_fail_memory(err);
    size_t count = 0, at = 0;
    int rc = (q->scope->remote ? page_from_store : page_from_index)(q, k, hits, &count, err);
    q->counted = true;
    while (rc == LIKEN_OK && at < count && q->out->match_count < q->scope->limit)
        rc = label_some(q, hits, count, &at, err);
    *last = count < k;
    return rc;
}

static int by_distance(const void *a, const void *b) {
    const liken_match *x = a, *y = b;
    if (x->distance < y->distance || x->distance > y->distance)
        return x->distance < y->distance ? -1 : 1;
    return (x->face_id > y->face_id) - (x->face_id < y->face_id);
}

/* The size of the first page, and the most that one may have. */
static size_t page_sizes(const struct query *q, size_t *most) {
    const struct scope *s = q->scope;
    const size_t rows = s->remote || s->slot == NULL ? 0 : lk_index_size(s->slot->index);
    *most = s->remote ? PAGE_STORE : rows + 1 < PAGE_MAX ? rows + 1 : PAGE_MAX;
    const size_t several = 4 * s->limit > PAGE_MIN ? 4 * s->limit : PAGE_MIN;
    const size_t first = once_an_image(q) ? several : s->limit;
    return first < *most ? first : *most;
}

static int ask(struct query *q, liken_error *err) {
    const struct scope *s = q->scope;
    size_t most, k = page_sizes(q, &most);
    q->labels = s->limit < LABELS_MIN ? LABELS_MIN : s->limit < LABELS_MAX ? s->limit : LABELS_MAX;
    bool last = !s->remote && (s->slot == NULL || (s->filtered && s->allowed_count == 0));
    int rc = LIKEN_OK;
    while (rc == LIKEN_OK && !last && q->out->match_count < s->limit) {
        rc = page(q, k, &last, err);
        k = 2 * k < most ? 2 * k : most;
    }
    lk_ids_free(&q->seen);
    lk_ids_free(&q->images);
    /* a face added between two pages may be nearer than the first page's last */
    if (q->out->match_count > 1)
        qsort(q->out->matches, q->out->match_count, sizeof(*q->out->matches), by_distance);
    return rc;
}

/* Answers one descriptor as the network gave it. */
static int answer(struct scope *s, const float *descriptor, int64_t exclude, liken_answer *out, uint64_t *searched,
                  liken_error *err) {
    const size_t dimension = (size_t)s->collection->dimension;
    LK_FREE float *own = malloc(dimension * sizeof *own);
    if (own == NULL)
        return lk_fail_memory(err);
    if (s->collection->metric == LIKEN_NORMALIZED)
        (void)lk_vector_normalize(descriptor, dimension, own);
    else
        memcpy(own, descriptor, dimension * sizeof *own);
    struct query q = {.scope = s, .vector = own, .exclude = exclude, .out = out};
    const int rc = ask(&q, err);
    *searched = q.searched;
    const double rate = isinf(s->threshold) ? 1 : lk_calibration_fmr(&s->calibration, s->threshold);
    out->expected_false_matches = rate * (double)q.searched;
    return rc;
}

/* ---- results ---- */

static int result_new(const struct scope *s, size_t answers, liken_result **out, liken_error *err) {
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
    if (r->collection == NULL || r->model == NULL || r->detector == NULL || r->answers == NULL) {
        liken_result_free(r);
        return lk_fail_memory(err);
    }
    *out = r;
    return LIKEN_OK;
}

/* The next answer of `r`; `face` is copied without its descriptor, or NULL. */
static int add_answer(struct scope *s, liken_result *r, const liken_face *face, const float *descriptor,
                      int64_t exclude, liken_error *err) {
    liken_answer *a = &r->answers[r->answer_count++];
    if (face != NULL) {
        a->face = *face;
        a->face.descriptor = NULL;
    }
    const int rc = answer(s, descriptor, exclude, a, &r->searched, err);
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

/* Copies what was left out into the result. */
static int tell_missing(const struct scope *s, liken_result *r, liken_error *err) {
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

static int finish(int rc, liken_result *r, liken_result **out) {
    if (rc == LIKEN_OK)
        *out = r;
    else
        liken_result_free(r);
    return rc;
}

/* ---- by photo ---- */

static int search_photo(struct scope *s, const void *bytes, size_t size, liken_result **out, liken_error *err) {
    lk_faces faces = {0};
    liken_result *r = NULL;
    int rc = lk_gallery_look(s->lk, s->engine, bytes, size, true, &faces, err);
    if (rc == LIKEN_OK)
        rc = scope_ready(s, err);
    if (rc == LIKEN_OK)
        rc = result_new(s, faces.kept_count, &r, err);
    if (rc == LIKEN_OK) {
        r->image_width = faces.width;
        r->image_height = faces.height;
    }
    for (size_t i = 0; rc == LIKEN_OK && i < faces.kept_count; i++)
        rc = add_answer(s, r, &faces.kept[i], faces.kept[i].descriptor, 0, err);
    if (rc == LIKEN_OK)
        rc = tell_missing(s, r, err);
    lk_faces_clear(&faces);
    return finish(rc, r, out);
}

int liken_search_photo(liken *lk, const void *bytes, size_t size, const liken_search_options *options,
                       liken_result **out, liken_error *err) {
    struct scope s;
    lk_gallery_enter(lk);
    int rc = scope_open(&s, lk, options, err);
    if (rc == LIKEN_OK)
        rc = search_photo(&s, bytes, size, out, err);
    scope_close(&s);
    lk_gallery_leave(lk);
    return rc;
}

/* ---- by a stored face ---- */

/* A face of another collection may be looked for, when the same model described it. */
static int check_home(struct scope *s, int64_t home, liken_error *err) {
    if (home == s->collection->id)
        return LIKEN_OK;
    liken_collection **list = NULL;
    size_t count = 0;
    int rc = s->lk->store->ops->collection_list(s->lk->store, &list, &count, err);
    for (size_t i = 0; rc == LIKEN_OK && i < count; i++) {
        if (list[i]->id == home && strcmp(list[i]->model, s->collection->model) != 0)
            rc = lk_fail(err, LIKEN_E_MISMATCH,
                         "The face belongs to collection \"%s\" of model %s, and \"%s\" holds "
                         "descriptors of model %s; they cannot be compared. Search by photo instead.",
                         list[i]->name, list[i]->model, s->collection->name, s->collection->model);
    }
    liken_collections_free(list, count);
    return rc;
}

static int search_face(struct scope *s, int64_t face_id, liken_result **out, liken_error *err) {
    liken_face *face = NULL;
    liken_result *r = NULL;
    int64_t home = 0;
    int rc = s->lk->store->ops->face_get(s->lk->store, face_id, &face, NULL, &home, err);
    if (rc == LIKEN_OK)
        rc = check_home(s, home, err);
    if (rc == LIKEN_OK && face->dimension != s->collection->dimension)
        rc = lk_fail(err, LIKEN_E_STORE, "Face %lld has %d numbers where its model has %d; run liken doctor.",
                     (long long)face_id, face->dimension, s->collection->dimension);
    if (rc == LIKEN_OK)
        rc = scope_ready(s, err);
    if (rc == LIKEN_OK)
        rc = result_new(s, 1, &r, err);
    lk_store *store = s->lk->store;
    const int64_t own = rc == LIKEN_OK && store->ops->number != NULL ? store->ops->number(store, face_id) : face_id;
    if (rc == LIKEN_OK)
        rc = add_answer(s, r, face, face->descriptor, own, err);
    if (rc == LIKEN_OK)
        rc = tell_missing(s, r, err);
    liken_face_free(face);
    return finish(rc, r, out);
}

int liken_search_face(liken *lk, int64_t face_id, const liken_search_options *options, liken_result **out,
                      liken_error *err) {
    struct scope s;
    lk_gallery_enter(lk);
    int rc = scope_open(&s, lk, options, err);
    if (rc == LIKEN_OK)
        rc = search_face(&s, face_id, out, err);
    scope_close(&s);
    lk_gallery_leave(lk);
    return rc;
}

/* ---- by descriptor ---- */

static int check_descriptor(const struct scope *s, const float *descriptor, size_t dimension, const char *model,
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

static int search_descriptor(struct scope *s, const float *descriptor, size_t dimension, const char *model,
                             liken_result **out, liken_error *err) {
    liken_result *r = NULL;
    int rc = check_descriptor(s, descriptor, dimension, model, err);
    if (rc == LIKEN_OK)
        rc = scope_ready(s, err);
    if (rc == LIKEN_OK)
        rc = result_new(s, 1, &r, err);
    if (rc == LIKEN_OK)
        rc = add_answer(s, r, NULL, descriptor, 0, err);
    if (rc == LIKEN_OK)
        rc = tell_missing(s, r, err);
    return finish(rc, r, out);
}

int liken_search_descriptor(liken *lk, const float *descriptor, size_t dimension, const char *model,
                            const liken_search_options *options, liken_result **out, liken_error *err) {
    struct scope s;
    lk_gallery_enter(lk);
    int rc = scope_open(&s, lk, options, err);
    if (rc == LIKEN_OK)
        rc = search_descriptor(&s, descriptor, dimension, model, out, err);
    scope_close(&s);
    lk_gallery_leave(lk);
    return rc;
}
