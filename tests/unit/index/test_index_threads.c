/* Threads: what was added is found at once, a state once seen is consistent, and no reader sees half of anything, while
 * others add, delete, compact and save.
 *   LIKEN_THREADS_SECONDS: how long each test goes on at least (else 3000 rounds) */
#include "unit/test.h"

#include "index/inner.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { DIMENSION = 16, GROUP = 7, WINDOW = 20, ROUNDS = 3000, SAVES = 6 };

static time_t end;

static lk_index *ix;
static _Atomic int64_t added, deleted; /* groups that are there for sure, groups that are gone for sure */
static _Atomic bool stop;
static _Atomic int faults, searches, saves;

static void point(int64_t id, float *v) {
    for (int i = 0; i < DIMENSION; i++)
        v[i] = (float)((id * 37 + i * i) % 101);
}

static void fault(const char *what) {
    fprintf(stderr, "not as it must be: %s\n", what);
    atomic_fetch_add(&faults, 1);
}

/* Group g (GROUP vectors, added together) is deleted in one call once it is WINDOW groups old. `arg`: the saves that
 * are to happen meanwhile, which take as long as the disk does. */
static void *write_groups(void *arg) {
    const int wanted = (int)(intptr_t)arg;
    for (int64_t g = 0; g < ROUNDS || time(NULL) < end || atomic_load(&saves) < wanted; g++) {
        int64_t ids[GROUP];
        float v[GROUP * DIMENSION];
        for (int i = 0; i < GROUP; i++) {
            ids[i] = g * GROUP + i;
            point(ids[i], v + i * DIMENSION);
        }
        if (lk_index_add(ix, ids, v, GROUP, NULL) != LIKEN_OK)
            fault("adding");
        atomic_store(&added, g + 1);
        if (g % 50 == 0)
            lk_index_settle(ix); /* else it may all be over before the first compaction */
        if (g < WINDOW)
            continue;
        for (int i = 0; i < GROUP; i++)
            ids[i] = (g - WINDOW) * GROUP + i;
        if (lk_index_delete(ix, ids, GROUP, NULL) != LIKEN_OK)
            fault("deleting");
        atomic_store(&deleted, g - WINDOW + 1);
    }
    atomic_store(&stop, true);
    return NULL;
}

/* The groups of an answer must be whole, one run without a gap, and hold what was there when the search began. */
static bool is_whole(const lk_neighbour *neighbours, size_t count, int64_t there, int64_t gone) {
    int64_t members[WINDOW + 1] = {0}, first = INT64_MAX, last = -1;
    for (size_t i = 0; i < count; i++) {
        first = neighbours[i].id / GROUP < first ? neighbours[i].id / GROUP : first;
        last = neighbours[i].id / GROUP > last ? neighbours[i].id / GROUP : last;
    }
    for (size_t i = 0; i < count; i++)
        if (neighbours[i].id / GROUP - first <= WINDOW)
            members[neighbours[i].id / GROUP - first]++;
    bool whole = last >= there - 1 && (count == 0 || (first <= gone + 1 && last - first <= WINDOW));
    for (int64_t g = first; whole && g <= last; g++)
        whole = members[g - first] == GROUP;
    return whole;
}

static bool search_alone(const float *vector) {
    lk_neighbour neighbours[1000];
    size_t count = 0;
    uint64_t searched = 0;
    const lk_index_query query = {.vector = vector, .radius = INFINITY, .k = 1000, .threads = 2};
    const int64_t there = atomic_load(&added);
    const bool found = lk_index_search(ix, &query, neighbours, &count, &searched, NULL) == LIKEN_OK;
    return found && searched == count && is_whole(neighbours, count, there, atomic_load(&deleted));
}

/* Two questions in one pass see the same state. */
static bool search_twice(const float *vector) {
    lk_neighbour room[2][1000], *neighbours[2] = {room[0], room[1]};
    size_t counts[2] = {0};
    const lk_index_query query = {.vector = vector, .radius = INFINITY, .k = 1000};
    const int64_t there = atomic_load(&added);
    const bool found =
        lk_index_search_many(ix, (lk_index_query[]){query, query}, 2, neighbours, counts, NULL) == LIKEN_OK;
    return found && counts[0] == counts[1] && is_whole(room[0], counts[0], there, atomic_load(&deleted)) &&
           is_whole(room[1], counts[1], there, atomic_load(&deleted));
}

/* The newest vector may be deleted before it is asked for, but it is never another. */
static bool read_newest(void) {
    float found[DIMENSION], expected[DIMENSION];
    int64_t id;
    const int64_t there = atomic_load(&added);
    if (lk_index_newest(ix, &id, found, NULL) != LIKEN_OK)
        return there == 0;
    point(id, expected);
    return id >= there * GROUP - 1 && memcmp(found, expected, sizeof found) == 0;
}

static void *read_groups(void *arg) {
    float q[DIMENSION];
    point((int64_t)(intptr_t)arg, q);
    while (!atomic_load(&stop)) {
        if (!search_alone(q))
            fault("a search");
        if (!search_twice(q))
            fault("a search of two");
        if (!read_newest())
            fault("the newest vector");
        atomic_fetch_add(&searches, 3);
    }
    return NULL;
}

static void *save_all_the_time(void *arg) {
    (void)arg;
    while (!atomic_load(&stop)) {
        if (lk_index_save(ix, atomic_load(&deleted), NULL) != LIKEN_OK)
            fault("saving");
        atomic_fetch_add(&saves, 1);
        usleep(2000);
    }
    return NULL;
}

static void begin(void) {
    const char *seconds = getenv("LIKEN_THREADS_SECONDS");
    end = seconds != NULL ? time(NULL) + atoi(seconds) : 0;
    atomic_store(&stop, false);
    atomic_store(&added, 0);
    atomic_store(&deleted, 0);
    atomic_store(&searches, 0);
    atomic_store(&saves, 0);
    atomic_store(&faults, 0);
    pthread_mutex_lock(&ix->lock);
    ix->sizes.open_rows = 32; /* so that segments are sealed and merged all the time */
    ix->sizes.fewest_rows = 30;
    ix->sizes.learn_rows = 60;
    ix->sizes.largest_rows = 100;
    pthread_mutex_unlock(&ix->lock);
}

/* One writer, three readers, and `other`. */
static void run_together(void *(*other)(void *)) {
    pthread_t writer, fifth, readers[3];
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&readers[i], NULL, read_groups, (void *)(intptr_t)(i * 1000)), 0);
    if (other != NULL)
        assert_int_equal(pthread_create(&fifth, NULL, other, NULL), 0);
    assert_int_equal(pthread_create(&writer, NULL, write_groups, (void *)(intptr_t)(other != NULL ? SAVES : 0)), 0);
    pthread_join(writer, NULL);
    for (int i = 0; i < 3; i++)
        pthread_join(readers[i], NULL);
    if (other != NULL)
        pthread_join(fifth, NULL);
    print_message("%d groups added, %d deleted, %d searches, %d saves\n", (int)atomic_load(&added),
                  (int)atomic_load(&deleted), atomic_load(&searches), atomic_load(&saves));
    assert_int_equal(atomic_load(&faults), 0);
    assert_int_equal(lk_index_size(ix), WINDOW * GROUP);
    pthread_mutex_lock(&ix->lock);
    assert_true(ix->next_number > 10); /* there was compaction */
    pthread_mutex_unlock(&ix->lock);
}

static void readers_see_whole_states(void **state) {
    (void)state;
    liken_error err = {0};
    assert_ok(lk_index_new(&ix, DIMENSION, &err), err);
    begin();
    run_together(NULL);
    lk_index_free(ix);
}

static void what_is_saved_meanwhile_is_whole(void **state) {
    (void)state;
    liken_error err = {0};
    char folder[] = "/tmp/liken-test-threads-XXXXXX";
    int64_t change;
    lk_neighbour neighbours[1000];
    size_t count;
    float q[DIMENSION] = {0};
    assert_non_null(mkdtemp(folder));
    assert_ok(lk_index_open(&ix, folder, DIMENSION, "model", "store", &change, &err), err);
    begin();
    run_together(save_all_the_time);
    assert_true(atomic_load(&saves) >= SAVES);
    lk_index_free(ix);
    assert_ok(lk_index_open(&ix, folder, DIMENSION, "model", "store", &change, &err), err);
    assert_null(lk_index_trouble(ix));
    const lk_index_query query = {.vector = q, .radius = INFINITY, .k = 1000};
    assert_ok(lk_index_search(ix, &query, neighbours, &count, NULL, &err), err);
    assert_true(change >= 0 && change <= atomic_load(&deleted));
    /* groups up to `change` are gone, and what is there is whole */
    assert_true(is_whole(neighbours, count, (lk_index_last_id(ix) + 1) / GROUP, atomic_load(&deleted)));
    for (size_t i = 0; i < count; i++)
        assert_true(neighbours[i].id / GROUP >= change);
    lk_index_free(ix);
    lk_index_remove(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(readers_see_whole_states),
                                       cmocka_unit_test(what_is_saved_meanwhile_is_whole)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
