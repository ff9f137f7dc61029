/* kinds.h - one table of tests for every kind of store: a kind is a row in kinds.c. Each test gets a new store. */
#ifndef LK_TESTS_STORE_KINDS_H
#define LK_TESTS_STORE_KINDS_H

#include "store/store.h"

#include <stdbool.h>

struct CMUnitTest;

extern lk_store *store; /* of the test that runs */
extern liken_error err;

#define KIND_TEST(name) cmocka_unit_test_setup_teardown(name, kinds_set_up, kinds_tear_down)
int kinds_set_up(void **state);
int kinds_tear_down(void **state);
/* Runs them over each kind; a kind whose server is not installed is skipped by name. How many failed. */
int kinds_run(const struct CMUnitTest *tests, size_t count);

/* The store once more, as another process would open it; and `store` itself closed and opened again. */
int kinds_open(lk_store **out, bool read_only, liken_error *e);
void reopen(void);

int64_t make_collection(const char *name);
/* Adds a photo that must be new; gives its id. */
int64_t add(int64_t collection, unsigned seed, size_t faces);
void expect_counts(int64_t collections, int64_t images, int64_t faces);
/* The doctor finds nothing bad. */
void expect_healthy(void);

#endif
