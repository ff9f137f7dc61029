/* The index on disk: what comes back after a restart, a crash, damage and a mix-up. The test's store is a formula. */
#include "oracle.h"

#include "base/buf.h"
#include "base/log.h"
#include "index/inner.h"
#include "kern/search/loops.h"

#include <dirent.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { DIMENSION = 24 };

static char folder[64];

static void remove_folder(void) {
    DIR *d = opendir(folder);
    for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;)
        (void)unlinkat(dirfd(d), e->d_name, 0);
    if (d != NULL)
        closedir(d);
    (void)rmdir(folder);
}

static int set_up(void **state) {
    (void)state;
    (void)snprintf(folder, sizeof folder, "/tmp/liken-test-index-XXXXXX");
    return mkdtemp(folder) == NULL;
}

static int tear_down(void **state) {
    (void)state;
    remove_folder();
    return 0;
}

static lk_index *open_as(const char *model, int dimension, int64_t *change) {
    liken_error err = {0};
    lk_index *ix = NULL;
    assert_ok(lk_index_open(&ix, folder, dimension, model, "store", change, &err), err);
    pthread_mutex_lock(&ix->lock);
    ix->sizes.open_rows = 64;
    ix->sizes.fewest_rows = 100;
    ix->sizes.learn_rows = 2000;
    ix->sizes.largest_rows = 1500;
    pthread_mutex_unlock(&ix->lock);
    return ix;
}

static void vector_of(int64_t id, float *v) {
    dice d = {(uint64_t)id * 977};
    for (int i = 0; i < DIMENSION; i++)
        v[i] = dice_normal(&d) / sqrtf(1 + (float)i);
}

/* The n-th deletion of the store: an id that is there by then. */
static int64_t deletion(int64_t n) {
    return 3 * n;
}

/* Brings an opened index to the store's state: ids 1..added, deletions 1..deleted. */
static void catch_up(lk_index *ix, int64_t change, int64_t added, int64_t deleted) {
    liken_error err = {0};
    float v[DIMENSION];
    const int64_t last = lk_index_last_id(ix);
    assert_true(change <= deleted && (last <= added || last == INT64_MIN));
    for (int64_t id = last < 1 ? 1 : last + 1; id <= added; id++) {
        vector_of(id, v);
        assert_ok(lk_index_add(ix, &id, v, 1, &err), err);
    }
    for (int64_t n = change + 1; n <= deleted; n++)
        assert_ok(lk_index_delete(ix, &(int64_t){deletion(n)}, 1, &err), err);
}

/* Questions whose answers are either right or refused because of damage; the number refused. */
static int refused(lk_index *ix, int64_t added, int64_t deleted, int questions) {
    oracle *o = oracle_new(DIMENSION);
    float v[DIMENSION];
    int errors = 0;
    for (int64_t id = 1; id <= added; id++) {
        vector_of(id, v);
        oracle_add(o, &id, v, 1);
        o->dead[id - 1] = id % 3 == 0 && id / 3 <= deleted;
    }
    for (int i = 0; i < questions; i++) {
        vector_of(i % 2 ? 1 + i * 37 % (added + 1) : -i, v);
        const lk_index_query q = {.vector = v, .radius = INFINITY, .k = (size_t)(i % 5 == 0 ? 10000 : 10)};
        size_t count, expected;
        uint64_t searched;
        lk_neighbour *neighbours = malloc(q.k * sizeof *neighbours),
                     *truth = oracle_search(o, &q, &expected, &searched);
        liken_error err = {0};
        const int rc = lk_index_search(ix, &q, neighbours, &count, NULL, &err);
        assert_true(rc == LIKEN_OK || rc == LIKEN_E_STORE);
        errors += rc != LIKEN_OK;
        if (rc == LIKEN_OK) {
            assert_int_equal(count, expected);
            for (size_t h = 0; h < count; h++)
                assert_true(neighbours[h].id == truth[h].id && neighbours[h].distance == truth[h].distance);
        }
        free(neighbours);
        free(truth);
    }
    oracle_free(o);
    return errors;
}

static void make_saved(int64_t added, int64_t deleted, int64_t unsealed) {
    liken_error err = {0};
    int64_t change;
    lk_index *ix = open_as("model", DIMENSION, &change);
    catch_up(ix, change, added - unsealed, deleted);
    lk_index_settle(ix);
    catch_up(ix, deleted, added, deleted);
    assert_ok(lk_index_save(ix, deleted, &err), err);
    lk_index_free(ix);
}

static void what_was_saved_comes_back(void **state) {
    (void)state;
    int64_t change, added = 0, deleted = 0;
    liken_error err = {0};
    dice d = {3};
    for (int round = 0; round < 25; round++) {
        lk_index *ix = open_as("model", DIMENSION, &change);
        catch_up(ix, change, added, deleted);
        assert_int_equal(refused(ix, added, deleted, 3), 0);
        const int64_t before = deleted;
        added += dice_below(&d, 400);
        deleted += dice_below(&d, 60);
        deleted = deleted > added / 3 ? added / 3 : deleted;
        catch_up(ix, before, added, deleted);
        if (dice_below(&d, 2) == 0)
            lk_index_settle(ix);
        if (dice_below(&d, 3) > 0)
            assert_ok(lk_index_save(ix, deleted, &err), err);
        if (dice_below(&d, 2) == 0) /* unsaved, so lost with the process */
            catch_up(ix, deleted, added + 50, deleted);
        assert_int_equal(refused(ix, lk_index_last_id(ix) < 0 ? 0 : lk_index_last_id(ix), deleted, 2), 0);
        lk_index_free(ix);
    }
}

static int lines;

static void count_lines(void *ctx, liken_log_level level, const char *message) {
    (void)ctx;
    lines += level == LIKEN_LOG_WARN && strstr(message, "made anew") != NULL;
}

static void a_foreign_cache_is_made_anew(void **state) {
    (void)state;
    int64_t change;
    make_saved(1000, 20, 30);
    liken_set_log(count_lines, NULL);
    lines = 0;
    lk_index *ix = open_as("model", DIMENSION, &change);
    assert_true(change == 20 && lk_index_size(ix) == 980 && lines == 0);
    lk_index_free(ix);
    ix = open_as("another", DIMENSION, &change);
    assert_true(change == 0 && lk_index_size(ix) == 0 && lines == 1);
    lk_index_free(ix);
    remove_folder();
    ix = open_as("model", DIMENSION, &change);
    assert_true(change == 0 && lk_index_size(ix) == 0 && lines == 1); /* no cache is nothing to speak of */
    lk_index_free(ix);
    make_saved(1000, 20, 30);
    ix = open_as("model", 32, &change);
    assert_true(change == 0 && lk_index_size(ix) == 0 && lines == 2);
    lk_index_free(ix);
    liken_set_log(NULL, NULL);
}

static void a_second_process_disturbs_nothing(void **state) {
    (void)state;
    int64_t change;
    liken_error err = {0};
    make_saved(1000, 20, 30);
    lk_index *first = open_as("model", DIMENSION, &change), *second = open_as("model", DIMENSION, &change);
    catch_up(second, change, 2000, 40);
    lk_index_settle(second);
    assert_ok(lk_index_save(second, 40, &err), err);
    assert_int_equal(refused(second, 2000, 40, 5), 0);
    lk_index_free(second);
    assert_int_equal(refused(first, 1000, 20, 5), 0);
    lk_index_free(first);
    first = open_as("model", DIMENSION, &change);
    assert_true(change == 20 && lk_index_last_id(first) == 1000);
    lk_index_free(first);
}

/* ---- damage -------------------------------------------------------------------------------------------------------
 */

typedef struct cached {
    char path[512];
    char *bytes;
    size_t size;
} cached;

static size_t read_cache(cached *files, size_t room) {
    DIR *d = opendir(folder);
    size_t n = 0;
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d)) != NULL;) {
        if (e->d_name[0] == '.' || strcmp(e->d_name, "owner") == 0)
            continue;
        assert_true(n < room);
        liken_error err = {0};
        (void)snprintf(files[n].path, sizeof files[n].path, "%s/%s", folder, e->d_name);
        assert_ok(lk_file_read(files[n].path, 1 << 26, &files[n].bytes, &files[n].size, &err), err);
        n++;
    }
    closedir(d);
    return n;
}

static void write_cache(const cached *files, size_t n) {
    liken_error err = {0};
    for (size_t i = 0; i < n; i++)
        assert_ok(lk_file_write(files[i].path, files[i].bytes, files[i].size, &err), err);
}

/* Opens what is there and asks; nothing may be wrong, whatever is refused or made anew. */
static void survive(int64_t added, int64_t deleted, int *anew, int *caught) {
    int64_t change;
    lk_index *ix = open_as("model", DIMENSION, &change);
    *anew += change == 0;
    const int64_t last = lk_index_last_id(ix);
    if (change == 0)
        assert_int_equal(lk_index_size(ix), 0);
    assert_true(change == 0 || (change == deleted && last == added));
    if (change != 0)
        *caught += refused(ix, added, deleted, 3) > 0;
    lk_index_free(ix);
}

static void damage_is_never_a_wrong_answer(void **state) {
    (void)state;
    enum { ADDED = 1200, DELETED = 50 };
    cached files[32];
    dice d = {9};
    int anew = 0, caught = 0, places = 0;
    make_saved(ADDED, DELETED, 40);
    const size_t n = read_cache(files, sizeof files / sizeof files[0]);
    assert_true(n >= 2);
    for (size_t f = 0; f < n; f++) {
        const size_t header = files[f].size < 400 ? files[f].size : 400;
        for (size_t at = 0; at < header + 500; at += at < header ? 3 : 1) {
            const size_t place = at < header ? at : dice_below(&d, (uint32_t)files[f].size);
            const char bit = (char)(1 << dice_below(&d, 8));
            files[f].bytes[place] ^= bit;
            write_cache(files, n);
            files[f].bytes[place] ^= bit;
            survive(ADDED, DELETED, &anew, &caught);
            places++;
        }
        const size_t size = files[f].size;
        for (files[f].size = 0; files[f].size < size; files[f].size += size / 7 + 1) { /* cut short */
            write_cache(files, n);
            survive(ADDED, DELETED, &anew, &caught);
        }
        files[f].size = size;
    }
    print_message("%d places: %d made anew, %d caught in a search\n", places, anew, caught);
    assert_true(anew > places / 3 && caught > 0);
    write_cache(files, n);
    anew = caught = 0;
    survive(ADDED, DELETED, &anew, &caught);
    assert_true(anew == 0 && caught == 0);
    for (size_t f = 0; f < n; f++)
        free(files[f].bytes);
}

/* The checksum is no secret: who can write the file can write a right one over anything. */
static void a_vector_that_is_no_number_makes_the_cache_anew(void **state) {
    (void)state;
    enum { ROWS = 40 };
    cached file;
    int64_t change;
    const float no_number = NAN;
    make_saved(ROWS, 1, ROWS); /* the deletion is of an id that is not there yet */
    assert_int_equal(read_cache(&file, 1), 1);
    const size_t sum = file.size - sizeof(uint32_t), at = sum - ROWS * DIMENSION * sizeof(float);
    for (int bad = 0; bad <= 1; bad++) {
        if (bad)
            memcpy(file.bytes + at + 8, &no_number, sizeof no_number);
        const uint32_t crc = lk_loops_get()->crc(0, file.bytes, sum);
        memcpy(file.bytes + sum, &crc, sizeof crc);
        write_cache(&file, 1);
        lk_index *ix = open_as("model", DIMENSION, &change);
        assert_true(change == (bad ? 0 : 1) && lk_index_size(ix) == (bad ? 0 : ROWS));
        lk_index_free(ix);
    }
    free(file.bytes);
}

/* ---- kill -9 ------------------------------------------------------------------------------------------------------
 */

typedef struct store {
    _Atomic int64_t added, deleted;
} store;

/* Adds, deletes, compacts and saves until it is killed. The store commits first. */
static void live(store *s, uint64_t seed) {
    dice d = {seed};
    int64_t change;
    lk_index *ix = open_as("model", DIMENSION, &change);
    catch_up(ix, change, atomic_load(&s->added), atomic_load(&s->deleted));
    for (;;) {
        const int64_t n = 1 + dice_below(&d, 80), first = atomic_load(&s->added);
        const int64_t gone = atomic_load(&s->deleted), more = gone + dice_below(&d, 12);
        atomic_store(&s->added, first + n);
        atomic_store(&s->deleted, more > (first + n) / 3 ? (first + n) / 3 : more);
        catch_up(ix, gone, first + n, atomic_load(&s->deleted));
        if (dice_below(&d, 8) == 0 && lk_index_save(ix, atomic_load(&s->deleted), NULL) != LIKEN_OK)
            _exit(1);
    }
}

static void killed_at_any_moment_nothing_is_lost(void **state) {
    (void)state;
    const char *wanted = getenv("LIKEN_KILLS");
    const int kills = wanted != NULL ? atoi(wanted) : 25;
    store *s = mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(s != MAP_FAILED);
    dice d = {11};
    int warm = 0;
    for (int i = 0; i < kills; i++) {
        const pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            live(s, (uint64_t)i);
            _exit(0);
        }
        usleep(1000 + dice_below(&d, 60000));
        kill(child, SIGKILL);
        assert_int_equal(waitpid(child, NULL, 0), child);
        int64_t change;
        lk_index *ix = open_as("model", DIMENSION, &change);
        warm += lk_index_size(ix) > 0;
        catch_up(ix, change, atomic_load(&s->added), atomic_load(&s->deleted));
        assert_int_equal(lk_index_size(ix), atomic_load(&s->added) - atomic_load(&s->deleted));
        assert_int_equal(refused(ix, atomic_load(&s->added), atomic_load(&s->deleted), 3), 0);
        lk_index_free(ix);
        if (atomic_load(&s->added) > 20000) { /* begin again */
            remove_folder();
            assert_int_equal(mkdir(folder, 0700), 0);
            atomic_store(&s->added, 0);
            atomic_store(&s->deleted, 0);
        }
    }
    print_message("%d kills, %d starts with a cache\n", kills, warm);
    munmap(s, sizeof *s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_saved_comes_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_foreign_cache_is_made_anew, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_second_process_disturbs_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(damage_is_never_a_wrong_answer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_vector_that_is_no_number_makes_the_cache_anew, set_up, tear_down),
        cmocka_unit_test_setup_teardown(killed_at_any_moment_nothing_is_lost, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
