/* Keys in the store: every ring on it follows them, and the file of an older liken goes into it, once. */
#include "unit/test.h"

#include "auth/auth.h"
#include "base/buf.h"
#include "store/sql.h"
#include "unit/store/kinds.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define HASH "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde"

static char folder[] = "/tmp/liken-test-XXXXXX", path[64], aside[80];
static bool dies; /* before the file gets its other name */

int __real_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to);

int __wrap_rename(const char *from, const char *to) {
    if (dies)
        _exit(9);
    return __real_rename(from, to);
}

static lk_key_place here(void) {
    return (lk_key_place){store, path};
}

static void refresh(lk_keyring *ring) {
    assert_ok(lk_keyring_refresh(ring, &err), err);
}

static void expect_names(const char *names) {
    lk_key *keys = NULL;
    size_t count = 0;
    char all[256] = "";
    assert_ok(lk_key_list(&(lk_key_place){store, path}, &keys, &count, &err), err);
    for (size_t i = 0; i < count; i++)
        (void)snprintf(all + strlen(all), sizeof all - strlen(all), "%s%s", i == 0 ? "" : " ", keys[i].name);
    assert_string_equal(all, names);
    free(keys);
}

static void rings_follow_the_store(void **state) {
    (void)state;
    lk_store *second = NULL;
    lk_keyring *ring = NULL;
    char secret[LK_KEY_TEXT], other[LK_KEY_TEXT];
    lk_key key;
    const lk_key_place one = here();
    assert_ok(kinds_open(&second, false, &err), err); /* another server on it */
    const lk_key_place two = {second, NULL};
    assert_ok(lk_keyring_open(&ring, &one, &err), err);
    assert_true(lk_keyring_empty(ring));
    assert_ok(lk_key_add(&two, "phone", LK_SCOPE_READ, "party", NULL, secret, &err), err);
    assert_true(lk_keyring_empty(ring)); /* nobody looked yet */
    refresh(ring);
    assert_true(lk_keyring_find(ring, secret, &key));
    assert_string_equal(key.name, "phone");
    assert_string_equal(key.collection, "party");
    assert_int_equal(key.scopes, LK_SCOPE_READ);
    const unsigned long long version = lk_keyring_version(ring);
    refresh(ring);
    assert_true(lk_keyring_version(ring) == version); /* nothing happened, nothing was read */
    assert_int_equal(lk_key_add(&one, "phone", LK_SCOPE_READ, NULL, NULL, other, &err), LIKEN_E_CONFLICT);
    assert_ok(lk_key_remove(&one, "phone", &err), err); /* and another comes, so that there are as many as before */
    assert_ok(lk_key_add(&two, "cms", LK_SCOPE_ADMIN, NULL, NULL, other, &err), err);
    refresh(ring);
    assert_false(lk_keyring_find(ring, secret, &key));
    assert_true(lk_keyring_find(ring, other, &key));
    assert_int_equal(lk_key_remove(&one, "phone", &err), LIKEN_E_NOT_FOUND);
    expect_names("cms");
    lk_keyring_free(ring);
    second->ops->close(second);
}

/* ---- what holds a key back, and its last use ---- */

static int64_t used_at(const lk_key_place *place) {
    lk_key *keys = NULL;
    size_t count = 0;
    assert_ok(lk_key_list(place, &keys, &count, &err), err);
    assert_int_equal(count, 1);
    const int64_t when = keys[0].used_at;
    free(keys);
    return when;
}

static void limits_and_last_uses_are_kept(void **state) {
    (void)state;
    lk_keyring *ring = NULL, *other = NULL;
    char secret[LK_KEY_TEXT];
    lk_key key;
    const lk_key_place place = here();
    const lk_key_limits limits = {.expires_at = 5000, .rate = {60, 600}, .max_limit = 7, .max_threshold = 0.725};
    assert_ok(lk_key_add(&place, "kiosk", LK_SCOPE_SEARCH, NULL, &limits, secret, &err), err);
    assert_ok(lk_keyring_open(&ring, &place, &err), err);
    assert_ok(lk_keyring_open(&other, &place, &err), err);
    assert_true(lk_keyring_find(ring, secret, &key));
    assert_int_equal(key.limits.expires_at, 5000);
    assert_true(lk_key_expired(&key, 5000) && !lk_key_expired(&key, 4999));
    assert_int_equal(key.limits.rate.count, 60);
    assert_int_equal(key.limits.rate.seconds, 600);
    assert_int_equal(key.limits.max_limit, 7);
    assert_true(lk_key_max_threshold(&key) > 0.7249999 && lk_key_max_threshold(&key) < 0.7250001);
    assert_int_equal(key.used_at, 0);
    lk_keyring_used(ring, &key, 1000);
    assert_int_equal(used_at(&place), 0); /* no request writes */
    assert_ok(lk_keyring_save(ring, &err), err);
    assert_int_equal(used_at(&place), 1000);
    lk_keyring_used(other, &key, 900); /* another server is late */
    assert_ok(lk_keyring_save(other, &err), err);
    assert_int_equal(used_at(&place), 1000);
    const unsigned long long version = lk_keyring_version(ring);
    refresh(ring);
    assert_true(lk_keyring_version(ring) == version); /* what was noted is no change of what keys open */
    lk_keyring_used(ring, &key, 2000);
    assert_ok(lk_key_add(&place, "late", LK_SCOPE_READ, NULL, NULL, secret, &err), err);
    assert_ok(lk_key_remove(&place, "late", &err), err);
    refresh(ring); /* reads the keys again, and forgets no use */
    assert_ok(lk_keyring_save(ring, &err), err);
    assert_int_equal(used_at(&place), 2000);
    assert_ok(lk_keyring_save(ring, &err), err);
    lk_keyring_free(ring);
    lk_keyring_free(other);
}

static void a_tiny_limit_is_not_none(void **state) {
    (void)state;
    LK_FREE lk_key *keys = NULL;
    size_t count = 0;
    char secret[LK_KEY_TEXT];
    const lk_key_place place = here();
    assert_ok(lk_key_add(&place, "x", LK_SCOPE_READ | LK_SCOPE_SEARCH, NULL, &(lk_key_limits){.max_threshold = 1e-9},
                         secret, &err),
              err);
    assert_ok(lk_key_list(&place, &keys, &count, &err), err);
    assert_int_equal(count, 1);
    assert_true(lk_key_max_threshold(&keys[0]) > 0);
}

static void limits_that_cannot_be_are_refused(void **state) {
    (void)state;
    static const lk_key_limits bad[] = {{.expires_at = -1},    {.rate = {-1, 1}}, {.rate = {1, 0}},
                                        {.max_limit = 10001},  {.max_limit = -1}, {.max_threshold = -1},
                                        {.max_threshold = 1e7}};
    char secret[LK_KEY_TEXT];
    const lk_key_place place = here();
    for (size_t i = 0; i < LK_LENGTH(bad); i++)
        assert_int_equal(lk_key_add(&place, "x", LK_SCOPE_READ, NULL, &bad[i], secret, &err), LIKEN_E_ARG);
    expect_names("");
}

static void a_store_that_is_only_read_keeps_no_uses(void **state) {
    (void)state;
    lk_store *reader = NULL;
    lk_keyring *ring = NULL;
    char secret[LK_KEY_TEXT];
    lk_key key;
    const lk_key_place place = here();
    assert_ok(lk_key_add(&place, "one", LK_SCOPE_READ, NULL, NULL, secret, &err), err);
    assert_ok(kinds_open(&reader, true, &err), err);
    assert_ok(lk_keyring_open(&ring, &(lk_key_place){reader, NULL}, &err), err);
    assert_true(lk_keyring_find(ring, secret, &key));
    assert_ok(lk_keyring_save(ring, &err), err); /* nothing to write */
    lk_keyring_used(ring, &key, 1000);
    assert_int_equal(lk_keyring_save(ring, &err), LIKEN_E_READ_ONLY);
    assert_int_equal(lk_keyring_save(ring, &err), LIKEN_E_READ_ONLY);
    assert_int_equal(used_at(&place), 0);
    lk_keyring_free(ring);
    reader->ops->close(reader);
}

/* ---- a store that does not answer ---- */

static int silent_with(lk_store *s, lk_sql_access access, lk_sql_fn *fn, void *arg, liken_error *e) {
    (void)s;
    (void)access;
    (void)fn;
    (void)arg;
    return lk_fail(e, LIKEN_E_BUSY, "It does not answer.");
}

static void a_silent_store_lets_nobody_in(void **state) {
    (void)state;
    static const lk_store_sql silent = {.with = silent_with};
    const lk_store_ops *real = store->ops;
    lk_store_ops ops = *real;
    lk_keyring *ring = NULL;
    char secret[LK_KEY_TEXT];
    lk_key key;
    const lk_key_place place = here();
    assert_ok(lk_key_add(&place, "phone", LK_SCOPE_READ, NULL, NULL, secret, &err), err);
    assert_ok(lk_keyring_open(&ring, &place, &err), err);
    ops.sql = &silent;
    store->ops = &ops;
    assert_int_equal(lk_keyring_refresh(ring, &err), LIKEN_E_BUSY);
    assert_string_equal(err.message, "It does not answer.");
    assert_true(lk_keyring_find(ring, secret, &key)); /* what never waits goes on with what is in memory */
    store->ops = real;
    assert_ok(lk_key_remove(&place, "phone", &err), err);
    refresh(ring);
    assert_false(lk_keyring_find(ring, secret, &key));
    lk_keyring_free(ring);
}

/* ---- the old file ---- */

static void write_file(const char *text) {
    assert_ok(lk_file_write(path, text, strlen(text), &err), err);
}

static void an_old_file_is_taken_over_once(void **state) {
    (void)state;
    const lk_key_place place = here();
    static const char old[] = "# mine\na read,add * " HASH "1\nb admin x " HASH "2\n";
    write_file(old);
    expect_names("a b"); /* they count before, too */
    assert_ok(lk_keys_take_over(&place, &err), err);
    assert_int_not_equal(access(path, F_OK), 0);
    assert_int_equal(access(aside, F_OK), 0);
    expect_names("a b");
    assert_ok(lk_key_remove(&place, "a", &err), err);
    write_file(old); /* a backup comes back: what was removed since stays away */
    expect_names("b");
    assert_ok(lk_keys_take_over(&place, &err), err);
    assert_int_not_equal(access(path, F_OK), 0);
    expect_names("b");
    write_file("b read * " HASH "3\nc read * " HASH "2\n"); /* another key of that name; a key that is there as b */
    assert_ok(lk_keys_take_over(&place, &err), err);
    expect_names("b b-2");
    write_file("garbage\n");
    assert_int_equal(lk_keys_take_over(&place, &err), LIKEN_E_ARG);
    assert_non_null(strstr(err.message, "keys line 1"));
    assert_int_equal(access(path, F_OK), 0);
    (void)unlink(path);
}

/* Killed when the keys are in the store and the file still has its name. */
static void a_kill_in_between_does_no_harm(void **state) {
    (void)state;
    int status = 0;
    const lk_key_place place = here();
    write_file("a read * " HASH "1\nb admin * " HASH "2\n");
    store->ops->close(store);
    store = NULL;
    const pid_t child = fork();
    if (child == 0) {
        lk_store *own = NULL;
        dies = true;
        if (kinds_open(&own, false, NULL) != LIKEN_OK)
            _exit(1);
        _exit(lk_keys_take_over(&(lk_key_place){own, path}, NULL) == LIKEN_OK ? 2 : 3);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 9);
    assert_int_equal(access(path, F_OK), 0);
    assert_ok(kinds_open(&store, false, &err), err);
    assert_ok(lk_key_remove(&(lk_key_place){store, NULL}, "a", &err), err); /* on another machine */
    assert_ok(lk_keys_take_over(&(lk_key_place){store, place.file}, &err), err);
    assert_int_not_equal(access(path, F_OK), 0);
    expect_names("b");
}

static void who_may_only_read_reads_both(void **state) {
    (void)state;
    lk_store *reader = NULL;
    lk_keyring *ring = NULL;
    char secret[LK_KEY_TEXT];
    lk_key key;
    assert_ok(lk_key_add(&(lk_key_place){store, NULL}, "in-store", LK_SCOPE_READ, NULL, NULL, secret, &err), err);
    write_file("old read * " HASH "1\n");
    assert_ok(kinds_open(&reader, true, &err), err);
    assert_ok(lk_keyring_open(&ring, &(lk_key_place){reader, path}, &err), err);
    assert_int_equal(access(path, F_OK), 0);
    assert_true(lk_keyring_find(ring, secret, &key));
    assert_int_equal(lk_key_remove(&(lk_key_place){reader, path}, "old", &err), LIKEN_E_READ_ONLY);
    assert_int_equal(lk_key_remove(&(lk_key_place){reader, path}, "in-store", &err), LIKEN_E_READ_ONLY);
    write_file("");
    assert_ok(lk_key_remove(&(lk_key_place){store, NULL}, "in-store", &err), err);
    refresh(ring);
    assert_true(lk_keyring_empty(ring));
    lk_keyring_free(ring);
    reader->ops->close(reader);
    (void)unlink(path);
}

static int put_many(lk_sql *q, void *arg, liken_error *e) {
    int rc = LIKEN_OK;
    char text[80];
    (void)arg;
    for (int i = 0; rc == LIKEN_OK && i < 1200; i++) {
        (void)snprintf(text, sizeof text, "%064d", i);
        rc = lk_sql_run(q, "INSERT INTO liken.keys (name, sha256, scopes, created_at) VALUES ($1, $1, 1, 1)",
                        LK_SQL_ARGS(lk_sql_text(text)), NULL, e);
    }
    return rc;
}

/* Two galleries that became one by a move may have more than one may make. */
static void more_than_may_be_made_count(void **state) {
    (void)state;
    lk_keyring *ring = NULL;
    lk_key *keys = NULL;
    lk_key key;
    size_t count = 0;
    char secret[LK_KEY_TEXT], late[LK_KEY_TEXT];
    const lk_key_place place = {store, NULL};
    assert_ok(lk_sql_write(store, put_many, NULL, &err), err);
    assert_int_equal(lk_key_add(&place, "late", LK_SCOPE_READ, NULL, NULL, late, &err), LIKEN_E_TOO_LARGE);
    write_file("");
    assert_ok(lk_key_list(&place, &keys, &count, &err), err);
    assert_int_equal(count, 1200);
    free(keys);
    assert_ok(lk_keyring_open(&ring, &place, &err), err);
    assert_false(lk_keyring_empty(ring));
    assert_ok(lk_keyring_refresh(ring, &err), err);
    assert_false(lk_keyring_find(ring, "lk_", &key));
    for (int i = 0; i < 201; i++) {
        char name[80];
        (void)snprintf(name, sizeof name, "%064d", i);
        assert_ok(lk_key_remove(&place, name, &err), err);
    }
    assert_ok(lk_key_add(&place, "late", LK_SCOPE_READ, NULL, NULL, secret, &err), err);
    refresh(ring);
    assert_true(lk_keyring_find(ring, secret, &key));
    lk_keyring_free(ring);
    (void)unlink(path);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        KIND_TEST(limits_and_last_uses_are_kept),
        KIND_TEST(a_tiny_limit_is_not_none),
        KIND_TEST(limits_that_cannot_be_are_refused),
        KIND_TEST(a_store_that_is_only_read_keeps_no_uses),
        KIND_TEST(rings_follow_the_store),
        KIND_TEST(a_silent_store_lets_nobody_in),
        KIND_TEST(an_old_file_is_taken_over_once),
        KIND_TEST(a_kill_in_between_does_no_harm),
        KIND_TEST(who_may_only_read_reads_both),
        KIND_TEST(more_than_may_be_made_count),
    };
    if (mkdtemp(folder) == NULL)
        return 1;
    (void)snprintf(path, sizeof path, "%s/keys", folder);
    (void)snprintf(aside, sizeof aside, "%s.taken-over", path);
    const int failed = kinds_run(tests, LK_LENGTH(tests));
    (void)unlink(aside);
    (void)rmdir(folder);
    return failed;
}
