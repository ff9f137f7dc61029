/* One query face. Its answer is gathered in pages: the index, or the store where it searches by itself, gives the
 * nearest k that were not seen yet, the store adds their labels. One page is enough unless faces share images
 * (distinct = image) or were removed between the two; then the next page leaves out the faces already seen. So no
 * filter and no removal ever makes an answer shorter than it should be.
 *
 * Where an image is to come once, an image that was taken has all its faces counted as seen, so that no later page
 * brings one of them, and pages double in size: the number of passes over the index grows with the logarithm of the
 * faces that are nearer than the last match, and each of them is looked at once.
 *
 * The first page also counts what lies within the threshold (total.c). */
#include "gallery/search_int.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_MIN 256
#define PAGE_MAX LK_INDEX_MAX_NEIGHBOURS
#define PAGE_STORE 10000 /* of a store that searches by itself */
#define BEYOND_STORE 100 /* more than the limit that it is asked for: then it need not be asked again for a total */
#define LABELS_MIN 16    /* asked of the store at once, where most may be of one image */
#define LABELS_MAX 1024

bool lk_query_may_match(void *ctx, int64_t key) {
    const lk_query *q = ctx;
    const int64_t id = lk_key_face(key);
    return !lk_ids_has(&q->own, id) && !lk_ids_has(&q->seen, id);
}

static bool once_an_image(const lk_query *q) {
    return q->scope->options->distinct == LIKEN_DISTINCT_IMAGE;
}

static int more_room(lk_query *q, liken_error *err) {
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
static int take_match(lk_query *q, lk_store_match *h, float distance, liken_error *err) {
    const lk_scope *s = q->scope;
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
        .similarity = lk_calibration_similarity(&q->reach.calibration[h->weak], distance),
        .weak = h->weak,
    };
    *h = (lk_store_match){0};
    return LIKEN_OK;
}

static int label(lk_query *q, const lk_neighbour *neighbours, size_t count, liken_error *err) {
    int64_t ids[LABELS_MAX];
    LK_FREE lk_store_match *labels = calloc(count + 1, sizeof *labels);
    if (labels == NULL)
        return lk_fail_memory(err);
    for (size_t i = 0; i < count; i++)
        ids[i] = lk_key_face(neighbours[i].id);
    lk_store *store = q->scope->lk->store;
    int rc = store->ops->faces->matches(store, ids, count, labels, err);
    if (rc != LIKEN_OK)
        return rc;
    bool gone = false;
    for (size_t i = 0; i < count; i++)
        gone = gone || labels[i].face == 0;
    if (gone && !q->scope->remote) /* a face that went with a switch is one that this model finds */
        rc = lk_scope_still(q->scope, err);
    for (size_t i = 0; i < count; i++) {
        if (rc == LIKEN_OK)
            rc = lk_ids_add(&q->seen, ids[i], err);
        if (!q->scope->remote) /* as the face is compared, whatever the store says by now */
            labels[i].weak = lk_key_weak(neighbours[i].id);
        if (rc == LIKEN_OK)
            rc = take_match(q, &labels[i], neighbours[i].distance, err);
        lk_store_match_clear(&labels[i]);
    }
    return rc;
}

/* All faces of the images from the n-th on are seen. */
static int see_images(lk_query *q, size_t n, liken_error *err) {
    lk_store *store = q->scope->lk->store;
    LK_FREE int64_t *faces = NULL;
    size_t count = 0;
    if (store->ops->members == NULL || n == q->images.count)
        return LIKEN_OK;
    int rc = store->ops->members->faces_of(store, q->images.list + n, q->images.count - n, &faces, &count, err);
    for (size_t i = 0; rc == LIKEN_OK && i < count; i++)
        rc = lk_ids_add(&q->seen, faces[i], err);
    return rc;
}

/* Labels some of a page's neighbours from *at on, those that were not seen. */
static int label_some(lk_query *q, const lk_neighbour *neighbours, size_t count, size_t *at, liken_error *err) {
    lk_neighbour some[LABELS_MAX];
    const size_t before = q->images.count;
    size_t n = 0;
    for (; *at < count && n < q->labels; ++*at)
        if (!lk_ids_has(&q->seen, lk_key_face(neighbours[*at].id)))
            some[n++] = neighbours[*at];
    int rc = n > 0 ? label(q, some, n, err) : LIKEN_OK;
    if (rc == LIKEN_OK)
        rc = see_images(q, before, err);
    const size_t next = once_an_image(q) ? 2 * (q->images.count - before) : LABELS_MAX;
    q->labels = next < LABELS_MIN ? LABELS_MIN : next < LABELS_MAX ? next : LABELS_MAX;
    return rc;
}

/* Is the index to count what lies within the threshold? */
static bool counts(const lk_scope *s) {
    return !s->options->uncounted && !lk_scope_takes_all(s);
}

/* All the threads of the handle for a search that is alone, and a share of them for each of many. */
static int threads_for(const liken *lk) {
    const int searching = atomic_load(&lk->searching);
    return searching > 1 ? lk->threads / searching : lk->threads;
}

int lk_query_index(lk_query *q, const lk_index_query *query, lk_neighbour *neighbours, size_t *count,
                   uint64_t *searched, liken_error *err) {
    lk_scope *s = q->scope;
    (void)atomic_fetch_add(&s->lk->searching, 1);
    lk_index_query asked = *query;
    asked.vector = q->vector;
    asked.radius = q->reach.radius[0];
    asked.apart = true;
    asked.odd_radius = q->reach.radius[1];
    asked.only = s->allowed;
    asked.only_count = s->allowed_count;
    asked.threads = threads_for(s->lk);
    int rc = lk_index_search(s->slot->index, &asked, neighbours, count, searched, err);
    if (rc == LIKEN_E_STORE) {
        rc = lk_gallery_mend(s->lk, &s->slot, err);
        if (rc == LIKEN_OK && s->slot != NULL && s->slot->generation != s->collection->generation)
            rc = lk_scope_still(s, err);
        else if (rc == LIKEN_OK && s->slot != NULL)
            rc = lk_index_search(s->slot->index, &asked, neighbours, count, searched, err);
    }
    (void)atomic_fetch_sub(&s->lk->searching, 1);
    return rc;
}

static int page_from_index(lk_query *q, size_t k, lk_neighbour *neighbours, size_t *count, liken_error *err) {
    const bool all = q->own.count == 0 && q->seen.count == 0, first = !q->asked;
    const lk_index_query query = {.k = k,
                                  .filter = all ? NULL : lk_query_may_match,
                                  .filter_ctx = q,
                                  .within = first && counts(q->scope) ? &q->within : NULL};
    return lk_query_index(q, &query, neighbours, count, first ? &q->searched : NULL, err);
}

/* The faces that are compared. Where its own photo is left out, and is among those that the filter lets through, all of
 * its faces are. */
static int count_in_store(lk_query *q, liken_error *err) {
    lk_scope *s = q->scope;
    lk_store *store = s->lk->store;
    const lk_store_searching *searching = store->ops->searching;
    uint64_t with = 0;
    int rc = searching->count(store, s->collection->id, s->options, q->exclude, &q->searched, err);
    if (rc != LIKEN_OK || q->own.count < 2)
        return rc;
    rc = searching->count(store, s->collection->id, s->options, 0, &with, err);
    if (rc == LIKEN_OK && with > q->searched && q->searched >= q->own.count - 1)
        q->searched -= q->own.count - 1;
    return rc;
}

static int page_from_store(lk_query *q, size_t k, lk_neighbour *neighbours, size_t *count, liken_error *err) {
    lk_scope *s = q->scope;
    bool exact = true;
    double recall = 1;
    int rc = LIKEN_OK;
    if (!q->asked) { /* the first page; what is seen may not come again, and the face itself never */
        rc = count_in_store(q, err);
        for (size_t i = 0; rc == LIKEN_OK && i < q->own.count; i++)
            rc = lk_ids_add(&q->seen, q->own.list[i], err);
    }
    const lk_store_query query = {.collection = s->collection->id,
                                  .vector = q->vector,
                                  .dimension = s->collection->dimension,
                                  .radius = q->reach.radius[0],
                                  .weak_radius = q->reach.radius[1],
                                  .k = k,
                                  .except = q->seen.list,
                                  .except_count = q->seen.count,
                                  .filter = s->options,
                                  .missing = s->options->partial ? &s->missing : NULL};
    if (rc == LIKEN_OK)
        rc = lk_database_search(s->lk, s->collection, &query, neighbours, count, &exact, &recall, err);
    const int still = rc == LIKEN_OK || rc == LIKEN_E_STORE ? lk_scope_still(s, rc == LIKEN_OK ? err : NULL) : rc;
    if (rc != LIKEN_OK || still != LIKEN_OK)
        return rc != LIKEN_OK ? rc : still;
    s->exact = s->exact && exact;
    s->recall = recall < s->recall ? recall : s->recall;
    return LIKEN_OK;
}

/* All that lies within the threshold, as the first page found it. */
static int keep_all(lk_query *q, const lk_neighbour *neighbours, size_t count, liken_error *err) {
    q->all = malloc((count + 1) * sizeof *q->all);
    if (q->all == NULL)
        return lk_fail_memory(err);
    for (size_t i = 0; i < count; i++)
        q->all[i] = lk_key_face(neighbours[i].id);
    q->all_count = count;
    return LIKEN_OK;
}

/* One page of at most k; *last: there is no more within the threshold. */
static int page(lk_query *q, size_t k, bool *last, liken_error *err) {
    LK_FREE lk_neighbour *neighbours = malloc(k * sizeof *neighbours);
    if (neighbours == NULL)
        return lk_fail_memory(err);
    const bool first = !q->asked;
    size_t count = 0, at = 0;
    int rc = lk_call_check(err);
    if (rc == LIKEN_OK)
        rc = (q->scope->remote ? page_from_store : page_from_index)(q, k, neighbours, &count, err);
    q->asked = true;
    if (rc == LIKEN_OK && first && count < k)
        rc = keep_all(q, neighbours, count, err);
    while (rc == LIKEN_OK && at < count && q->out->match_count < q->scope->limit)
        rc = label_some(q, neighbours, count, &at, err);
    if (rc == LIKEN_OK)
        rc = lk_call_check(err);
    *last = count < k;
    return rc;
}

int lk_match_order(const void *a, const void *b) {
    const liken_match *x = a, *y = b;
    if (x->distance < y->distance || x->distance > y->distance)
        return x->distance < y->distance ? -1 : 1;
    return (x->face_id > y->face_id) - (x->face_id < y->face_id);
}

/* The size of the first page, and the most that one may have. */
static size_t page_sizes(const lk_query *q, size_t *most) {
    const lk_scope *s = q->scope;
    const size_t rows = s->remote || s->slot == NULL ? 0 : lk_index_size(s->slot->index);
    *most = s->remote ? PAGE_STORE : rows + 1 < PAGE_MAX ? rows + 1 : PAGE_MAX;
    const size_t several = 4 * s->limit > PAGE_MIN ? 4 * s->limit : PAGE_MIN;
    const size_t beyond = s->remote && !s->options->uncounted ? BEYOND_STORE : 0;
    const size_t first = once_an_image(q) ? several : s->limit + beyond;
    return first < *most ? first : *most;
}

static int ask(lk_query *q, liken_error *err) {
    const lk_scope *s = q->scope;
    size_t most, k = page_sizes(q, &most);
    q->labels = s->limit < LABELS_MIN ? LABELS_MIN : s->limit < LABELS_MAX ? s->limit : LABELS_MAX;
    bool last = !s->remote && (s->slot == NULL || (s->filtered && s->allowed_count == 0));
    int rc = LIKEN_OK;
    while (rc == LIKEN_OK && !last && q->out->match_count < s->limit) {
        rc = page(q, k, &last, err);
        k = 2 * k < most ? 2 * k : most;
    }
    q->complete = last && q->out->match_count < s->limit;
    /* a face added between two pages may be nearer than the first page's last */
    if (q->out->match_count > 1)
        qsort(q->out->matches, q->out->match_count, sizeof(*q->out->matches), lk_match_order);
    return rc;
}

/* The face that is searched by, and where its person is in a photo once, the other faces of its photo. */
static int leave_out(lk_query *q, liken_error *err) {
    lk_store *store = q->scope->lk->store;
    const lk_store_members *members = store->ops->members;
    int64_t image = 0;
    LK_FREE int64_t *faces = NULL;
    size_t count = 0;
    if (q->exclude == 0)
        return LIKEN_OK;
    int rc = lk_ids_add(&q->own, q->exclude, err);
    if (rc != LIKEN_OK || !q->scope->options->one_per_photo || members == NULL)
        return rc;
    rc = members->images_of(store, &q->exclude, 1, &image, err);
    if (rc == LIKEN_OK && image != 0)
        rc = members->faces_of(store, &image, 1, &faces, &count, err);
    for (size_t i = 0; rc == LIKEN_OK && i < count; i++)
        rc = lk_ids_add(&q->own, faces[i], err);
    return rc;
}

int lk_query_run(lk_query *q, lk_scope *s, const float *descriptor, const liken_face *face, int64_t exclude,
                 liken_answer *out, liken_error *err) {
    const size_t dimension = (size_t)s->collection->dimension;
    *q = (lk_query){.scope = s, .exclude = exclude, .out = out, .vector = malloc(dimension * sizeof *q->vector)};
    if (q->vector == NULL)
        return lk_fail_memory(err);
    if (s->collection->metric == LIKEN_NORMALIZED)
        (void)lk_vector_normalize(descriptor, dimension, q->vector);
    else
        memcpy(q->vector, descriptor, dimension * sizeof *q->vector);
    int rc = leave_out(q, err);
    if (rc == LIKEN_OK)
        rc = lk_query_expect(q, face, err);
    if (rc == LIKEN_OK)
        rc = ask(q, err);
    lk_query_say_expected(q);
    return rc;
}

void lk_query_close(lk_query *q) {
    lk_ids_free(&q->own);
    lk_ids_free(&q->seen);
    lk_ids_free(&q->images);
    free(q->vector);
    free(q->all);
}
