#include "unit/test.h"

#include "unit/store/kinds.h"
#include "unit/store/sample.h"
#include "unit/store/server.h"

#include <stdio.h>

static struct sample_folder folder;
static struct server server; /* started once; each test gets a database of its own */
static char database[32];
lk_store *store;
liken_error err;

static int open_sqlite(lk_store **out, bool read_only, liken_error *e) {
    return lk_store_open_sqlite(out, folder.path, read_only, e);
}

static int open_postgres(lk_store **out, bool read_only, liken_error *e) {
    return lk_store_open_postgres(out, server_where(&server, database, false, 0), read_only, e);
}

static void new_database(void) {
    static int number;
    if (server.pid == 0)
        server_make(&server);
    (void)snprintf(database, sizeof database, "test%d", ++number);
    server_database(&server, database);
}

static const struct {
    const char *name;
    void (*prepare)(void); /* a new place for a store, beside the folder */
    int (*open)(lk_store **out, bool read_only, liken_error *e);
} kinds[] = {
    {"sqlite", NULL, open_sqlite},
    {"postgresql", new_database, open_postgres},
};
static size_t kind;

int kinds_open(lk_store **out, bool read_only, liken_error *e) {
    return kinds[kind].open(out, read_only, e);
}

int kinds_set_up(void **state) {
    (void)state;
    sample_folder_make(&folder);
    store = NULL;
    if (kinds[kind].prepare != NULL)
        kinds[kind].prepare();
    const int rc = kinds_open(&store, false, &err);
    if (rc != LIKEN_OK)
        print_error("%s\n", err.message);
    return rc;
}

int kinds_tear_down(void **state) {
    (void)state;
    if (store != NULL)
        store->ops->close(store);
    sample_folder_remove(&folder);
    return 0;
}

void reopen(void) {
    store->ops->close(store);
    store = NULL;
    assert_ok(kinds_open(&store, false, &err), err);
}

int64_t make_collection(const char *name) {
    return sample_collection(store, name, SAMPLE_MODEL, LIKEN_NORMALIZED);
}

int64_t add(int64_t collection, unsigned seed, size_t faces) {
    liken_image *image = sample_image(seed, faces), *existing = NULL;
    assert_ok(store->ops->images->add(store, collection, image, false, &existing, &err), err);
    assert_null(existing);
    const int64_t id = image->id;
    liken_image_free(image);
    return id;
}

void expect_counts(int64_t collections, int64_t images, int64_t faces) {
    int64_t counts[3];
    assert_ok(store->ops->counts(store, &counts[0], &counts[1], &counts[2], &err), err);
    assert_int_equal(counts[0], collections);
    assert_int_equal(counts[1], images);
    assert_int_equal(counts[2], faces);
}

static void count_bad(void *ctx, const char *what, liken_verdict verdict, const char *message) {
    (void)what;
    (void)message;
    *(int *)ctx += verdict == LIKEN_BAD;
}

void expect_healthy(void) {
    int told = 0, bad = -1;
    assert_ok(store->ops->check(store, count_bad, &told, &bad, &err), err);
    assert_int_equal(bad, 0);
    assert_int_equal(told, 0);
}

static int end_server(void **state) {
    (void)state;
    if (server.pid != 0)
        server_remove(&server);
    return 0;
}

int kinds_run(const struct CMUnitTest *tests, size_t count) {
    int failed = 0;
    for (kind = 0; kind < LK_LENGTH(kinds); kind++) {
        if (kinds[kind].prepare == new_database && server_programs() == NULL)
            print_message("SKIPPED: %s: %s\n", kinds[kind].name, server_missing);
        else
            failed += _cmocka_run_group_tests(kinds[kind].name, tests, count, NULL, end_server);
    }
    return failed;
}
