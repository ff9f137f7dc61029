#include "history.h"

#include "index/inner.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool fine(history *h, int rc, const char *what, const liken_error *err) {
    if (rc != LIKEN_OK)
        (void)snprintf(h->why, WHY, "%s failed: %.200s", what, err->message);
    return rc == LIKEN_OK;
}

static bool holds(history *h, bool truth, const char *otherwise) {
    if (!truth)
        (void)snprintf(h->why, WHY, "%s", otherwise);
    return truth;
}

static bool open_index(history *h, int64_t *change) {
    liken_error err = {0};
    if (!fine(h, lk_index_open(&h->ix, h->folder, h->o->dimension, "model", "store", change, &err), "opening", &err))
        return false;
    if (h->small != 0) {
        dice d = {h->small};
        pthread_mutex_lock(&h->ix->lock);
        h->ix->sizes.open_rows = (size_t)16 << dice_below(&d, 7);
        h->ix->sizes.fewest_rows = 1u + dice_below(&d, 200);
        h->ix->sizes.learn_rows = dice_below(&d, 1000);
        h->ix->sizes.largest_rows = 100u + dice_below(&d, 4000);
        pthread_mutex_unlock(&h->ix->lock);
    }
    return holds(h, lk_index_trouble(h->ix) == NULL, "a cache in order was not taken");
}

bool history_begin(history *h, int dimension, history_source *source, const void *ctx, uint64_t small) {
    *h = (history){.source = source, .ctx = ctx, .small = small, .o = oracle_new(dimension)};
    int64_t change;
    (void)snprintf(h->folder, sizeof h->folder, "/tmp/liken-test-index-XXXXXX");
    return holds(h, mkdtemp(h->folder) != NULL, "no folder could be made in /tmp") && open_index(h, &change);
}

void history_end(history *h) {
    lk_index_free(h->ix);
    lk_index_remove(h->folder);
    oracle_free(h->o);
    free(h->deletions);
}

bool history_add(history *h, size_t n, uint64_t seed) {
    const size_t dimension = (size_t)h->o->dimension;
    int64_t *ids = malloc((n + 1) * sizeof *ids);
    float *vectors = malloc((n + 1) * dimension * sizeof *vectors);
    assert_true(ids != NULL && vectors != NULL);
    dice d = {seed};
    for (size_t i = 0; i < n; i++) {
        ids[i] = h->last_id += 1 + (dice_below(&d, 8) == 0);
        if (i > 0 && dice_below(&d, 16) == 0) /* a duplicate */
            memcpy(vectors + i * dimension, vectors, dimension * sizeof *vectors);
        else
            h->source(h->ctx, ids[i], &d, vectors + i * dimension, h->o->dimension);
    }
    liken_error err = {0};
    const bool added = fine(h, lk_index_add(h->ix, ids, vectors, n, &err), "adding", &err);
    oracle_add(h->o, ids, vectors, n);
    free(ids);
    free(vectors);
    return added;
}

static void remember_deletion(history *h, int64_t id) {
    if (h->deletion_count == h->deletion_room) {
        h->deletion_room = 2 * h->deletion_room + 64;
        h->deletions = realloc(h->deletions, h->deletion_room * sizeof *h->deletions);
        assert_non_null(h->deletions);
    }
    h->deletions[h->deletion_count++] = id;
    oracle_delete(h->o, id);
}

bool history_delete(history *h, size_t n, uint64_t seed) {
    dice d = {seed};
    const size_t first = h->deletion_count;
    for (size_t i = 0; i < n; i++)
        remember_deletion(h, h->o->count > 0 && dice_below(&d, 9) > 0 ? h->o->ids[dice_below(&d, (uint32_t)h->o->count)]
                                                                      : h->last_id - (int64_t)dice_below(&d, 3));
    liken_error err = {0};
    return n == 0 || fine(h, lk_index_delete(h->ix, h->deletions + first, n, &err), "deleting", &err);
}

void history_settle(history *h) {
    lk_index_settle(h->ix);
}

bool history_save(history *h) {
    liken_error err = {0};
    return fine(h, lk_index_save(h->ix, (int64_t)h->deletion_count, &err), "saving", &err);
}

/* What a store has since: vectors beyond the last id, then the deletions. */
static bool catch_up(history *h, int64_t change) {
    const oracle *o = h->o;
    liken_error err = {0};
    const int64_t last = lk_index_last_id(h->ix);
    bool good = holds(h, change >= 0 && change <= (int64_t)h->deletion_count && last <= h->last_id,
                      "the cache knows changes that never were");
    for (size_t r = 0; good && r < o->count; r++)
        if (o->ids[r] > last && !o->dead[r])
            good = fine(h, lk_index_add(h->ix, &o->ids[r], oracle_row(o, r), 1, &err), "adding after a restart", &err);
    lk_index_pass(h->ix, h->last_id);
    const size_t done = (size_t)change;
    if (good && done < h->deletion_count)
        good = fine(h, lk_index_delete(h->ix, h->deletions + done, h->deletion_count - done, &err),
                    "deleting after a restart", &err);
    return good;
}

bool history_restart(history *h) {
    int64_t change;
    lk_index_free(h->ix);
    h->ix = NULL;
    return open_index(h, &change) && catch_up(h, change);
}

/* ---- questions ----------------------------------------------------------------------------------------------------
 */

static bool odd(void *ctx, int64_t id) {
    (void)ctx;
    return id % 2 != 0;
}

static bool rare(void *ctx, int64_t id) {
    (void)ctx;
    return id % 97 == 3;
}

/* A vector that is there, one near it, one between two, or a new one. */
static void draw_query(const history *h, dice *d, float *q) {
    const oracle *o = h->o;
    const uint32_t how = dice_below(d, 4);
    if (how == 0 || o->count == 0) {
        h->source(h->ctx, -1 - (int64_t)dice_below(d, 1000000), d, q, o->dimension);
        return;
    }
    const float *a = oracle_row(o, dice_below(d, (uint32_t)o->count)),
                *b = oracle_row(o, dice_below(d, (uint32_t)o->count)),
                t = how == 1   ? 0
                    : how == 2 ? 0.1f
                               : 0.5f;
    for (int i = 0; i < o->dimension; i++)
        q[i] = a[i] + t * (b[i] - a[i]);
}

static int64_t *draw_only(const history *h, dice *d, size_t *count) {
    int64_t *only = malloc((h->o->count + 1) * sizeof *only);
    assert_non_null(only);
    const uint32_t one_in = 1 + dice_below(d, 200);
    only[0] = -1000; /* is nowhere */
    *count = 1;
    for (size_t r = 0; r < h->o->count; r++)
        if (dice_below(d, one_in) == 0)
            only[(*count)++] = h->o->ids[r];
    return only;
}

static question draw_question(const history *h, dice *d, float *q) {
    static const size_t ks[] = {1, 10, 10, 10, 10, 100, 100, 1000};
    draw_query(h, d, q);
    question asked = {.query = {.vector = q, .radius = INFINITY, .k = ks[dice_below(d, 8)]}};
    if (dice_below(d, 40) == 0)
        asked.query.k = 10000;
    const uint32_t radius = dice_below(d, 4), filter = dice_below(d, 8);
    asked.radius = radius == 0 ? AT_A_NEIGHBOUR : radius == 1 ? JUST_BEFORE_IT : AS_IT_IS;
    asked.rank = dice_below(d, 1u << dice_below(d, 12));
    asked.apart = asked.rank % 5 == 3;
    asked.wider = asked.rank % 2 == 1;
    asked.query.filter = filter == 0 ? odd : filter == 1 ? rare : NULL;
    asked.query.threads = (int)dice_below(d, 3);
    if (dice_below(d, 8) == 0)
        asked.query.only = draw_only(h, d, &asked.query.only_count);
    return asked;
}

bool history_ask(history *h, size_t n, uint64_t seed) {
    dice d = {seed};
    question asked[QUESTIONS];
    float *vectors = malloc((n + 1) * (size_t)h->o->dimension * sizeof *vectors);
    assert_true(n <= QUESTIONS && vectors != NULL);
    for (size_t i = 0; i < n; i++)
        asked[i] = draw_question(h, &d, vectors + i * (size_t)h->o->dimension);
    const bool right = oracle_agrees(h->o, h->ix, asked, n, h->why);
    for (size_t i = 0; i < n; i++)
        free((void *)(uintptr_t)asked[i].query.only);
    free(vectors);
    h->asked += n;
    h->vectors += n * h->o->live;
    return right;
}

bool history_read(history *h, size_t n, uint64_t seed) {
    const oracle *o = h->o;
    dice d = {seed};
    float v[1024];
    bool right = holds(h, lk_index_size(h->ix) == o->live, "the number of vectors is wrong");
    for (size_t i = 0; right && i < n && o->count > 0; i++) {
        const size_t r = dice_below(&d, (uint32_t)o->count);
        const int rc = lk_index_get(h->ix, o->ids[r], v, NULL);
        right = holds(h, rc == (o->dead[r] ? LIKEN_E_NOT_FOUND : LIKEN_OK), "a vector is there or missing, wrongly") &&
                (rc != LIKEN_OK ||
                 holds(h, memcmp(v, oracle_row(o, r), (size_t)o->dimension * sizeof *v) == 0, "a vector is another"));
    }
    return right;
}
