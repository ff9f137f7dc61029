/* Cold tables, the same statements over each database: values as they were, transactions whole or not at all. */
#include "unit/test.h"

#include "store/copy.h"
#include "store/sql.h"
#include "unit/store/kinds.h"
#include "unit/store/sample.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INSERT                                                                                                         \
    "INSERT INTO liken.keys (name, sha256, scopes, collection, created_at) VALUES ($1, $2, $3, $4, $5)"                \
    " ON CONFLICT DO NOTHING"

static int put(lk_sql *q, const char *name, int64_t scopes, const char *collection, int64_t *touched, liken_error *e) {
    return lk_sql_run(
        q, INSERT,
        LK_SQL_ARGS(lk_sql_text(name), lk_sql_text(name), lk_sql_int(scopes), lk_sql_text(collection), lk_sql_int(-7)),
        touched, e);
}

static int put_two(lk_sql *q, void *arg, liken_error *e) {
    int64_t touched[3] = {9, 9, 9};
    (void)arg;
    int rc = put(q, "it's; \xc3\xbc $1", INT64_MAX, NULL, &touched[0], e);
    if (rc == LIKEN_OK)
        rc = put(q, "two", INT64_MIN, "liked.keys", &touched[1], e);
    if (rc == LIKEN_OK)
        rc = put(q, "two", 3, NULL, &touched[2], e);
    assert_true(touched[0] == 1 && touched[1] == 1 && touched[2] == 0);
    return rc;
}

static int put_and_fail(lk_sql *q, void *arg, liken_error *e) {
    const int rc = put(q, "three", 1, NULL, NULL, e);
    (void)arg;
    return rc == LIKEN_OK ? lk_fail(e, LIKEN_E_CANCELLED, "No.") : rc;
}

static int count(lk_sql *q, void *arg, liken_error *e) {
    return lk_sql_number(q, "SELECT count(*) FROM liken.keys", LK_SQL_NO_ARGS, 0, arg, e);
}

static int64_t keys(lk_store *s) {
    int64_t n = -1;
    assert_ok(lk_sql_read(s, count, &n, &err), err);
    return n;
}

static int take(void *ctx, const lk_sql_value *row, int columns, liken_error *e) {
    int *rows = ctx;
    (void)e;
    assert_int_equal(columns, 5);
    assert_true(row[0].kind == LK_SQL_INT && row[0].whole > 0);
    assert_true(row[1].kind == LK_SQL_TEXT && strlen(row[1].bytes) == row[1].size);
    if (++*rows == 1) {
        assert_string_equal(row[1].bytes, "it's; \xc3\xbc $1");
        assert_true(row[2].whole == INT64_MAX && row[3].null && row[4].whole == -7);
    } else {
        assert_true(row[2].whole == INT64_MIN);
        assert_string_equal(row[3].bytes, "liked.keys");
    }
    return LIKEN_OK;
}

static int list(lk_sql *q, void *arg, liken_error *e) {
    *(int *)arg = 0;
    return lk_sql_query(q, "SELECT id, name, scopes, collection, created_at FROM liken.keys ORDER BY id",
                        LK_SQL_NO_ARGS, take, arg, e);
}

static int stop(void *ctx, const lk_sql_value *row, int columns, liken_error *e) {
    (void)ctx;
    (void)row;
    (void)columns;
    return lk_fail(e, LIKEN_E_CANCELLED, "Enough.");
}

static int list_one(lk_sql *q, void *arg, liken_error *e) {
    return lk_sql_query(q, "SELECT id FROM liken.keys", LK_SQL_NO_ARGS, stop, arg, e);
}

static void values_come_back_as_they_were(void **state) {
    (void)state;
    int rows = 0;
    int64_t version = 0, after = 0;
    assert_ok(store->ops->feed->version(store, &version, &err), err);
    assert_ok(lk_sql_write(store, put_two, NULL, &err), err);
    assert_ok(store->ops->feed->version(store, &after, &err), err);
    assert_true(after != version);
    reopen();
    assert_ok(lk_sql_read(store, list, &rows, &err), err);
    assert_int_equal(rows, 2);
    assert_int_equal(lk_sql_read(store, list_one, NULL, &err), LIKEN_E_CANCELLED);
    assert_int_equal(keys(store), 2);
    expect_healthy();
}

static int take_bytes(void *ctx, const lk_sql_value *row, int columns, liken_error *e) {
    (void)ctx;
    (void)columns;
    (void)e;
    assert_true(row[0].kind == LK_SQL_BLOB && row[0].size == 3 && memcmp(row[0].bytes, "a\0b", 4) == 0);
    assert_true(row[1].null && row[2].null && row[3].null);
    return LIKEN_OK;
}

/* No table holds bytes yet. */
static int bytes(lk_sql *q, void *arg, liken_error *e) {
    (void)arg;
    return lk_sql_query(
        q, "SELECT $1, $2, $3, $4",
        LK_SQL_ARGS(lk_sql_blob("a\0b", 3), lk_sql_blob(NULL, 0), lk_sql_null(LK_SQL_INT), lk_sql_text(NULL)),
        take_bytes, NULL, e);
}

static void a_transaction_is_whole_or_not_at_all(void **state) {
    (void)state;
    assert_int_equal(lk_sql_write(store, put_and_fail, NULL, &err), LIKEN_E_CANCELLED);
    assert_string_equal(err.message, "No.");
    assert_int_equal(keys(store), 0);
    assert_ok(lk_sql_read(store, bytes, NULL, &err), err);
}

static int bad_text(lk_sql *q, void *arg, liken_error *e) {
    return put(q, arg, 1, NULL, NULL, e);
}

static int bad_statement(lk_sql *q, void *arg, liken_error *e) {
    return lk_sql_run(q, arg, LK_SQL_NO_ARGS, NULL, e);
}

static void faults_are_told(void **state) {
    (void)state;
    lk_store *reader = NULL;
    char *large = malloc(LK_SQL_BYTES + 2);
    memset(large, 'a', LK_SQL_BYTES + 1);
    large[LK_SQL_BYTES + 1] = '\0';
    assert_int_equal(lk_sql_write(store, bad_text, large, &err), LIKEN_E_TOO_LARGE);
    free(large);
    assert_int_equal(lk_sql_write(store, bad_text, "\xff", &err), LIKEN_E_ARG);
    assert_int_equal(lk_sql_write(store, bad_statement, "SELECT nothing FROM liken.nowhere", &err), LIKEN_E_STORE);
    assert_int_equal(keys(store), 0);
    assert_ok(kinds_open(&reader, true, &err), err);
    assert_int_equal(lk_sql_write(reader, put_two, NULL, &err), LIKEN_E_READ_ONLY);
    assert_int_equal(keys(reader), 0);
    reader->ops->close(reader);
}

static int take_away(lk_sql *q, void *arg, liken_error *e) {
    return lk_sql_run(q, "DELETE FROM liken.keys WHERE name = $1", LK_SQL_ARGS(lk_sql_text("two")), arg, e);
}

static int put_again(lk_sql *q, void *arg, liken_error *e) {
    return put(q, "two", 1, NULL, arg, e);
}

static int last_id(lk_sql *q, void *arg, liken_error *e) {
    return lk_sql_number(q, "SELECT max(id) FROM liken.keys", LK_SQL_NO_ARGS, 0, arg, e);
}

static void an_id_is_never_given_twice(void **state) {
    (void)state;
    lk_store *second = NULL;
    int64_t gone = 0, again = 0, id = 0;
    assert_ok(lk_sql_write(store, put_two, NULL, &err), err);
    assert_ok(lk_sql_remove(store, take_away, &gone, &err), err);
    assert_int_equal(gone, 1);
    assert_ok(kinds_open(&second, false, &err), err); /* another process sees it, and gives the name another id */
    assert_int_equal(keys(second), 1);
    assert_ok(lk_sql_write(second, put_again, &again, &err), err);
    second->ops->close(second);
    assert_int_equal(again, 1);
    assert_ok(lk_sql_read(store, last_id, &id, &err), err);
    assert_true(id > 2); /* 2 was the one that is gone; what came to nothing may have taken some */
}

/* ---- a gallery that moves takes them along ---- */

struct named {
    const char *const *names; /* NULL: so many of the names "key N" */
    int count;
    const char *hash; /* of each, with its number behind */
};

static int put_named(lk_sql *q, void *arg, liken_error *e) {
    const struct named *n = arg;
    int rc = LIKEN_OK;
    char name[80], hash[80];
    for (int i = 0; rc == LIKEN_OK && i < n->count; i++) {
        if (n->names == NULL)
            (void)snprintf(name, sizeof name, "key %d", i);
        else
            (void)snprintf(name, sizeof name, "%s", n->names[i]);
        (void)snprintf(hash, sizeof hash, "%s %d", n->hash, i);
        rc = lk_sql_run(
            q, INSERT,
            LK_SQL_ARGS(lk_sql_text(name), lk_sql_text(hash), lk_sql_int(1), lk_sql_text(NULL), lk_sql_int(1)), NULL,
            e);
    }
    return rc;
}

static int name_of(void *ctx, const lk_sql_value *row, int columns, liken_error *e) {
    (void)columns;
    (void)e;
    (void)snprintf(ctx, 80, "%s", row[0].bytes);
    return LIKEN_OK;
}

struct by_hash {
    const char *hash;
    char name[80];
};

static int find_name(lk_sql *q, void *arg, liken_error *e) {
    struct by_hash *b = arg;
    return lk_sql_query(q, "SELECT name FROM liken.keys WHERE sha256 = $1", LK_SQL_ARGS(lk_sql_text(b->hash)), name_of,
                        b->name, e);
}

static void expect_name(const char *hash, const char *name) {
    struct by_hash b = {.hash = hash};
    assert_ok(lk_sql_read(store, find_name, &b, &err), err);
    assert_string_equal(b.name, name);
}

static void no_key_is_lost_on_a_move(void **state) {
    (void)state;
    struct sample_folder folder;
    lk_store *from = NULL;
    static const char *const taken[] = {"a", "a-moved", "a-moved-2", "b"}, *const moved[] = {"a", "b", "c", "a-moved"};
    sample_folder_make(&folder);
    assert_ok(lk_store_open_sqlite(&from, folder.path, LK_STORE_MAKE, &err), err);
    assert_ok(lk_sql_write(store, put_named, &(struct named){taken, 4, "here"}, &err), err);
    assert_ok(lk_sql_write(from, put_named, &(struct named){moved, 4, "there"}, &err), err);
    assert_ok(lk_sql_write(from, put_named, &(struct named){NULL, 1100, "many"}, &err), err);
    for (int i = 0; i < 2; i++) { /* once more changes nothing */
        assert_ok(lk_store_copy_tables(from, store, &err), err);
        assert_int_equal(keys(store), 4 + 4 + 1100);
        expect_name("there 0", "a-moved-3");
        expect_name("there 1", "b-moved");
        expect_name("there 2", "c");
        expect_name("there 3", "a-moved-moved");
        expect_name("many 1099", "key 1099");
    }
    from->ops->close(from);
    sample_folder_remove(&folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        KIND_TEST(values_come_back_as_they_were),
        KIND_TEST(a_transaction_is_whole_or_not_at_all),
        KIND_TEST(faults_are_told),
        KIND_TEST(an_id_is_never_given_twice),
        KIND_TEST(no_key_is_lost_on_a_move),
    };
    return kinds_run(tests, LK_LENGTH(tests));
}
