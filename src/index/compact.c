/* Keeping the list of segments short and coded: one background thread, started when there is work and gone when there
 * is none. A job is a run of neighbouring segments that become one sealed segment without the rows deleted so far:
 *   - the closed open ones and small sealed ones, as soon as they are a segment's worth of rows together;
 *   - then eight of about one size at a time, up to the largest size, so that a row is copied a few times in its life;
 *   - a segment before a larger one;
 *   - a segment that has lost a quarter of its rows.
 * Memory: one job at a time, one segment of sizes.largest_rows at most, which lies in a file where there is a folder.
 * Small segments take the plan of a neighbour; from sizes.learn_rows on a plan of their own is learnt. */
#include "index/inner.h"

#include "base/buf.h"
#include "base/lock.h"
#include "base/log.h"
#include "kern/search/distance.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SAMPLE_ROWS 4096
#define FAN 8

typedef struct job {
    size_t first, count; /* segments of the view */
    size_t rows;         /* of them that are alive */
    uint64_t version;
    lk_segment **sources;  /* count, with a reference each */
    lk_segment *neighbour; /* the one before, with a reference, or NULL */
    size_t *source_rows;
} job;

/* 0: small, then by eights. */
static int size_class(const lk_index *ix, size_t rows) {
    int class = 0;
    for (size_t limit = ix->sizes.fewest_rows; rows >= limit; limit *= FAN)
        class ++;
    return class;
}

/* Under the lock, where a segment's own counts are those of the current view. */
static size_t alive_in(const lk_view *v, size_t i) {
    return v->parts[i].segment->count - v->parts[i].segment->deleted;
}

/* Open ones are small whatever they hold: they have no codes yet. */
static int class_in(const lk_index *ix, const lk_view *v, size_t i) {
    return v->parts[i].segment->sealed == NULL ? 0 : size_class(ix, alive_in(v, i));
}

/* Extends from segment `first` while sizes are alike or smaller and the sum fits; then, if what follows is larger and
 * fits as well, that too: larger ones come first, but where many rows came at once. */
static bool run_from(const lk_index *ix, const lk_view *v, size_t closed, size_t first, job *j) {
    const int class = class_in(ix, v, first);
    size_t n = 0, rows = 0, alike = 0, i = first;
    for (; i < closed && class_in(ix, v, i) <= class && rows + alive_in(v, i) <= ix->sizes.largest_rows; i++, n++) {
        rows += alive_in(v, i);
        alike += class_in(ix, v, i) == class;
    }
    const size_t next = i < closed ? alive_in(v, i) : 0;
    const bool fits = rows + next <= ix->sizes.largest_rows;
    const bool misplaced = class > 0 && n > 0 && i < closed && fits && class_in(ix, v, i) > class;
    *j = (job){.first = first, .count = n + misplaced, .rows = rows + (misplaced ? next : 0)};
    if (n == 0 || misplaced)
        return misplaced;
    if (class == 0)
        return rows >= ix->sizes.fewest_rows;
    return alike >= FAN || (n > 1 && !fits && rows > ix->sizes.largest_rows / 2);
}

static bool thinned(const lk_index *ix, const lk_view *v, size_t i) {
    const lk_segment *s = v->parts[i].segment;
    return s->deleted * 4 > s->count && s->count >= ix->sizes.fewest_rows;
}

/* The next job; under the lock. The last segment is left alone unless it is full. */
static bool find_job(lk_index *ix, job *j) {
    LK_HELD(&ix->lock);
    const lk_view *v = atomic_load(&ix->current);
    if (ix->failed_to_seal || atomic_load(&ix->damaged) || v->count == 0)
        return false;
    const lk_segment *last = v->parts[v->count - 1].segment;
    const size_t closed = v->count - (last->count < last->capacity);
    for (size_t i = 0; i < closed; i++)
        if (run_from(ix, v, closed, i, j))
            return true;
    for (size_t i = 0; i < closed; i++)
        if (thinned(ix, v, i)) {
            *j = (job){.first = i, .count = 1, .rows = alive_in(v, i)};
            return true;
        }
    return false;
}

static void job_free(lk_index *ix, job *j) {
    pthread_mutex_lock(&ix->lock);
    for (size_t i = 0; i < j->count && j->sources != NULL; i++)
        if (j->sources[i] != NULL && --j->sources[i]->refs == 0)
            lk_segment_free(j->sources[i]);
    if (j->neighbour != NULL && --j->neighbour->refs == 0)
        lk_segment_free(j->neighbour);
    pthread_mutex_unlock(&ix->lock);
    free(j->sources);
    free(j->source_rows);
}

/* References to the sources; under the lock. */
static int take_sources(lk_index *ix, job *j, liken_error *err) {
    LK_HELD(&ix->lock);
    const lk_view *v = atomic_load(&ix->current);
    j->version = lk_state_version(atomic_load(&((lk_view *)v)->state));
    j->sources = calloc(j->count, sizeof(lk_segment *));
    j->source_rows = calloc(j->count, sizeof *j->source_rows);
    if (j->sources == NULL || j->source_rows == NULL)
        return lk_fail_memory(err);
    if (j->first > 0) {
        j->neighbour = v->parts[j->first - 1].segment;
        j->neighbour->refs++;
    }
    for (size_t i = 0; i < j->count; i++) {
        j->sources[i] = v->parts[j->first + i].segment;
        j->sources[i]->refs++;
        j->source_rows[i] = j->sources[i]->count;
    }
    return LIKEN_OK;
}

/* A plan learnt from rows spread over the job. */
static int learn(const lk_index *ix, const job *j, lk_plan *plan, liken_error *err) {
    const size_t wanted = j->rows < SAMPLE_ROWS ? j->rows : SAMPLE_ROWS;
    const float **rows = malloc(wanted * sizeof *rows);
    if (rows == NULL)
        return lk_fail_memory(err);
    size_t seen = 0, taken = 0;
    for (size_t i = 0; i < j->count; i++)
        for (size_t r = 0; r < j->source_rows[i]; r++) {
            if (!lk_segment_alive(j->sources[i], r, j->version))
                continue;
            if (taken < wanted && seen++ * wanted / j->rows >= taken)
                rows[taken++] = j->sources[i]->rows + r * ix->stride;
        }
    const int rc = lk_plan_learn(plan, ix->dimension, rows, taken, j->rows, err);
    free(rows);
    return rc;
}

/* The plan of a source, or of the neighbour. */
static const lk_plan *known_plan(const job *j) {
    for (size_t i = j->count; i-- > 0;)
        if (j->sources[i]->sealed != NULL)
            return &j->sources[i]->sealed->plan;
    return j->neighbour != NULL && j->neighbour->sealed != NULL ? &j->neighbour->sealed->plan : NULL;
}

char *lk_sealed_path(const char *folder, uint64_t number) {
    char name[40];
    (void)snprintf(name, sizeof name, "%016llx.segment", (unsigned long long)number);
    return lk_path_join(folder, name);
}

/* The rows that are alive, one after the other. Damaged sources are not copied. */
static int copy_rows(const job *j, lk_sealed *to, liken_error *err) {
    size_t at = 0;
    for (size_t i = 0; i < j->count; i++) {
        const lk_segment *s = j->sources[i];
        if (s->sealed != NULL && !lk_sealed_check(s->sealed, NULL))
            return lk_fail(err, LIKEN_E_STORE,
                           "The index files are damaged; the index must be made anew from the store.");
        for (size_t r = 0; r < j->source_rows[i]; r++) {
            if (!lk_segment_alive(s, r, j->version))
                continue;
            to->ids[at] = s->ids[r];
            memcpy(to->rows + at++ * s->stride, s->rows + r * s->stride, s->stride * sizeof *s->rows);
        }
    }
    return LIKEN_OK;
}

static int seal(lk_index *ix, const job *j, uint64_t number, lk_segment **out, liken_error *err) {
    lk_plan learnt = {0};
    const lk_plan *plan = j->rows < ix->sizes.learn_rows ? known_plan(j) : NULL;
    int rc = plan != NULL ? LIKEN_OK : learn(ix, j, &learnt, err);
    if (rc != LIKEN_OK)
        return rc;
    LK_FREE char *path = ix->folder != NULL ? lk_sealed_path(ix->folder, number) : NULL;
    lk_sealed *sealed = NULL;
    rc = ix->folder != NULL && path == NULL
             ? lk_fail_memory(err)
             : lk_sealed_create(&sealed, path, plan != NULL ? plan : &learnt, &ix->identity, j->rows, err);
    lk_plan_free(&learnt);
    if (rc != LIKEN_OK)
        return rc;
    sealed->head.number = number;
    rc = copy_rows(j, sealed, err);
    if (rc == LIKEN_OK)
        rc = lk_sealed_encode(sealed, &ix->closing, err);
    if (rc == LIKEN_OK) {
        *out = lk_segment_of(sealed);
        return *out != NULL ? LIKEN_OK : lk_fail_memory(err);
    }
    lk_sealed_free(sealed);
    if (path != NULL)
        unlink(path);
    return rc;
}

/* Deletions since the job began; under the lock. False when out of memory. */
static bool carry_deletions(const job *j, lk_segment *to) {
    size_t at = 0;
    for (size_t i = 0; i < j->count; i++)
        for (size_t r = 0; r < j->source_rows[i]; r++) {
            if (!lk_segment_alive(j->sources[i], r, j->version))
                continue;
            if (!lk_segment_alive(j->sources[i], r, UINT64_MAX - 1)) {
                if (!lk_segment_prepare_delete(to))
                    return false;
                lk_segment_mark(to, at, lk_segment_stamp(j->sources[i], r));
            }
            at++;
        }
    return true;
}

/* Replaces the sources by `sealed` (NULL: by nothing); under the lock. The view has only grown at its end meanwhile. */
static int replace(lk_index *ix, const job *j, lk_segment *sealed, liken_error *err) {
    LK_HELD(&ix->lock);
    lk_view *v = atomic_load(&ix->current);
    assert(j->first + j->count <= v->count);
    if (sealed != NULL && !carry_deletions(j, sealed))
        return lk_fail_memory(err);
    const size_t put = sealed != NULL, tail = v->count - j->first - j->count;
    lk_view *w = lk_view_new(j->first + put + tail);
    if (w == NULL)
        return lk_fail_memory(err);
    memcpy(w->parts, v->parts, j->first * sizeof v->parts[0]);
    if (sealed != NULL) {
        w->parts[j->first].segment = sealed;
        w->parts[j->first].rows = sealed->count;
    }
    memcpy(w->parts + j->first + put, v->parts + j->first + j->count, tail * sizeof v->parts[0]);
    const uint64_t version = lk_state_version(atomic_load(&v->state));
    size_t rows = 0;
    if (w->count > 0)
        rows = tail > 0 ? (size_t)(atomic_load(&v->state) & 0xffffff) : w->parts[w->count - 1].rows;
    atomic_init(&w->state, lk_state_of(version, rows));
    lk_view_publish(ix, w);
    return LIKEN_OK;
}

static int run_job(lk_index *ix, job *j, uint64_t number, liken_error *err) {
    lk_segment *sealed = NULL;
    int rc = j->rows > 0 ? seal(ix, j, number, &sealed, err) : LIKEN_OK;
    if (rc != LIKEN_OK)
        return rc;
    pthread_mutex_lock(&ix->lock);
    rc = replace(ix, j, sealed, err);
    pthread_mutex_unlock(&ix->lock);
    if (rc != LIKEN_OK)
        lk_segment_free(sealed);
    return rc;
}

/* A segment whose file has not been read to its end, with a reference; under the lock. */
static lk_segment *find_unchecked(lk_index *ix) {
    const lk_view *v = atomic_load(&ix->current);
    for (size_t i = 0; i < v->count && !atomic_load(&ix->closing) && !atomic_load(&ix->damaged); i++) {
        lk_segment *s = v->parts[i].segment;
        if (s->sealed != NULL && !atomic_load(&s->sealed->trusted)) {
            s->refs++;
            return s;
        }
    }
    return NULL;
}

static void check(lk_index *ix, lk_segment *s) {
    if (!lk_sealed_check(s->sealed, &ix->closing)) {
        atomic_store(&ix->damaged, true);
        lk_log(LIKEN_LOG_WARN, "A file of the index is damaged; searches fail until the index is made anew.");
    }
    pthread_mutex_lock(&ix->lock);
    if (--s->refs == 0)
        lk_segment_free(s);
    pthread_mutex_unlock(&ix->lock);
}

static void *keep(void *arg) {
    lk_index *ix = arg;
    for (;;) {
        liken_error err = {0};
        job j = {0};
        pthread_mutex_lock(&ix->lock);
        const bool work = !atomic_load(&ix->closing) && find_job(ix, &j);
        int rc = work ? take_sources(ix, &j, &err) : LIKEN_OK;
        const uint64_t number = ix->building = work ? ix->next_number++ : 0;
        lk_segment *doubtful = work ? NULL : find_unchecked(ix);
        ix->keeper_runs = work || doubtful != NULL;
        pthread_mutex_unlock(&ix->lock);
        if (doubtful != NULL)
            check(ix, doubtful);
        else if (!work)
            return NULL;
        if (work && rc == LIKEN_OK)
            rc = run_job(ix, &j, number, &err);
        job_free(ix, &j);
        if (rc == LIKEN_OK || rc == LIKEN_E_CANCELLED)
            continue;
        lk_log(LIKEN_LOG_WARN, "The index stays uncompacted, and slower, until the next start: %s", err.message);
        pthread_mutex_lock(&ix->lock);
        ix->failed_to_seal = true;
        pthread_mutex_unlock(&ix->lock);
    }
}

void lk_keep(lk_index *ix) {
    job j;
    if (ix->keeper_runs || atomic_load(&ix->closing))
        return;
    lk_segment *doubtful = find_unchecked(ix);
    if (doubtful != NULL)
        doubtful->refs--;
    else if (!find_job(ix, &j))
        return;
    if (ix->keeping)
        pthread_join(ix->keeper, NULL); /* it has let go of the lock for the last time */
    ix->keeping = ix->keeper_runs = pthread_create(&ix->keeper, NULL, keep, ix) == 0;
}

void lk_keep_stop(lk_index *ix) {
    atomic_store(&ix->closing, true);
    if (ix->keeping)
        pthread_join(ix->keeper, NULL);
    ix->keeping = false;
}

void lk_index_settle(lk_index *ix) {
    pthread_mutex_lock(&ix->lock);
    while (ix->keeper_runs) {
        pthread_mutex_unlock(&ix->lock);
        usleep(1000);
        pthread_mutex_lock(&ix->lock);
    }
    pthread_mutex_unlock(&ix->lock);
}
