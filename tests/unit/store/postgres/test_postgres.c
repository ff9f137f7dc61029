/* What only a PostgreSQL store has: schemas old, new and foreign; several handles on one database; commits whose answer
 * is lost; servers that are killed and paused while photos are added. */
#include "unit/test.h"

#include "base/call.h"
#include "pg/pg_int.h"
#include "store/postgres/postgres_int.h"
#include "unit/store/proxy.h"
#include "unit/store/sample.h"
#include "unit/store/server.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static struct server server;
static char database[32];
static liken_error err;

static int set_up(void **state) {
    static int number;
    (void)state;
    if (server.pid == 0)
        server_make(&server);
    (void)snprintf(database, sizeof database, "test%d", ++number);
    server_database(&server, database);
    return 0;
}

static int end_server(void **state) {
    (void)state;
    if (server.pid != 0)
        server_remove(&server);
    return 0;
}

static void sleep_ms(long ms) {
    (void)nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

static lk_store *open_at(const char *where) {
    lk_store *s = NULL;
    assert_ok(lk_store_open_postgres(&s, where, false, &err), err);
    return s;
}

static lk_store *open_store(void) {
    return open_at(server_where(&server, database, false, 0));
}

static int open_fails(const char *where, bool read_only) {
    lk_store *s = NULL;
    const int rc = lk_store_open_postgres(&s, where, read_only, &err);
    assert_null(s);
    return rc;
}

static int64_t make_collection(lk_store *s) {
    return sample_collection(s, "a", SAMPLE_MODEL, LIKEN_NORMALIZED);
}

static int add(lk_store *s, int64_t collection, unsigned seed, size_t faces, liken_error *e) {
    liken_image *image = sample_image(seed, faces), *existing = NULL;
    const int rc = s->ops->images->add(s, collection, image, false, &existing, e);
    liken_image_free(image);
    liken_image_free(existing);
    return rc;
}

static void no_finding(void *ctx, const char *what, liken_verdict verdict, const char *message) {
    (void)ctx;
    if (verdict == LIKEN_BAD)
        fail_msg("%s: %s", what, message);
}

static void check_whole(lk_store *s) {
    int bad = -1;
    assert_ok(s->ops->check(s, no_finding, NULL, &bad, &err), err);
    assert_int_equal(bad, 0);
}

/* ---- schemas ---- */

static const char *shared_where;

static void *open_and_close(void *arg) {
    lk_store *s = NULL;
    liken_error e;
    *(int *)arg = lk_store_open_postgres(&s, shared_where, false, &e);
    if (s != NULL)
        s->ops->close(s);
    return NULL;
}

static void several_make_the_schema_at_once(void **state) {
    (void)state;
    pthread_t threads[6];
    int status[6];
    shared_where = server_where(&server, database, false, 0);
    for (size_t i = 0; i < LK_LENGTH(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, open_and_close, &status[i]), 0);
    for (size_t i = 0; i < LK_LENGTH(threads); i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(status[i], LIKEN_OK);
    }
    assert_int_equal(server_number(&server, database, "SELECT count(*) FROM liken.meta WHERE key = 'store'"), 1);
    assert_int_equal(server_number(&server, database, "SELECT value::int FROM liken.meta WHERE key = 'schema'"),
                     LK_POSTGRES_SCHEMA);
}

static void a_newer_schema_is_refused_and_not_touched(void **state) {
    (void)state;
    lk_store *s = open_store();
    const int64_t c = make_collection(s);
    server_sql(&server, database, "UPDATE liken.meta SET value = '99' WHERE key = 'schema'");
    assert_int_equal(add(s, c, 1, 1, &err), LIKEN_E_STORE); /* by one that had it open */
    s->ops->close(s);
    for (int read_only = 0; read_only < 2; read_only++) {
        assert_int_equal(open_fails(server_where(&server, database, false, 0), read_only != 0), LIKEN_E_STORE);
        assert_non_null(strstr(err.message, "newer liken"));
    }
    assert_int_equal(server_number(&server, database, "SELECT value::int FROM liken.meta WHERE key = 'schema'"), 99);
    assert_int_equal(server_number(&server, database, "SELECT count(*) FROM liken.images"), 0);
}

static void another_programs_schema_is_refused(void **state) {
    (void)state;
    server_sql(&server, database, "CREATE SCHEMA liken; CREATE TABLE liken.images (n int)");
    assert_int_equal(open_fails(server_where(&server, database, false, 0), false), LIKEN_E_STORE);
    assert_non_null(strstr(err.message, "another program"));
    assert_int_equal(server_number(&server, database, "SELECT count(*) FROM pg_tables WHERE schemaname = 'liken'"), 1);
}

static void a_reader_makes_no_schema(void **state) {
    (void)state;
    assert_int_equal(open_fails(server_where(&server, database, false, 0), true), LIKEN_E_NOT_FOUND);
    assert_int_equal(server_number(&server, database, "SELECT count(*) FROM pg_namespace WHERE nspname = 'liken'"), 0);
}

static void a_user_without_rights_is_told_so(void **state) {
    (void)state;
    char where[256];
    server_sql(&server, database,
               "DO $$ BEGIN IF to_regrole('guest') IS NULL THEN CREATE ROLE guest LOGIN; END IF; END $$");
    (void)snprintf(where, sizeof where, "host=%s port=%d user=guest dbname=%s", server.folder, server.port, database);
    assert_int_equal(open_fails(where, false), LIKEN_E_STORE);
    assert_non_null(strstr(err.message, "grant"));
    server_sql(&server, database, "CREATE SCHEMA liken AUTHORIZATION guest"); /* what an administrator would do */
    lk_store *s = open_at(where);
    assert_ok(add(s, make_collection(s), 1, 1, &err), err);
    s->ops->close(s);
}

static void text_must_be_kept_as_utf8(void **state) {
    (void)state;
    char sql[160];
    (void)snprintf(sql, sizeof sql, "CREATE DATABASE %s_old TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'", database);
    server_sql(&server, "postgres", sql);
    (void)strcat(database, "_old");
    assert_int_equal(open_fails(server_where(&server, database, false, 0), false), LIKEN_E_STORE);
    assert_non_null(strstr(err.message, "UTF8"));
}

/* ---- several handles ---- */

struct reader {
    int64_t last;
    size_t count;
};

static int follow(void *ctx, const lk_store_vector *v) {
    struct reader *r = ctx;
    assert_true(v->id > r->last);
    r->last = v->id;
    r->count++;
    return LIKEN_OK;
}

struct adder {
    pthread_t thread;
    lk_store *store;
    int64_t collection;
    unsigned from;
    atomic_uint photos, busy;
    int failed;
};

static atomic_bool enough; /* the adders end */

/* Adds photos, each until it is acknowledged. */
static void *add_stubbornly(void *arg) {
    struct adder *a = arg;
    for (unsigned i = 0; !atomic_load(&enough); i++) {
        liken_error e;
        int rc = LIKEN_E_BUSY;
        for (int tries = 0; tries < 600 && rc == LIKEN_E_BUSY; tries++) {
            rc = add(a->store, a->collection, a->from + i, 2, &e);
            a->busy += rc == LIKEN_E_BUSY;
            if (rc == LIKEN_E_BUSY)
                sleep_ms(50);
        }
        a->failed += rc != LIKEN_OK;
        a->photos++;
    }
    return NULL;
}

static void start_adders(struct adder *a, size_t count, lk_store *const stores[2], int64_t collection) {
    atomic_store(&enough, false);
    for (size_t i = 0; i < count; i++) {
        a[i] = (struct adder){.store = stores[i % 2], .collection = collection, .from = (unsigned)i * 100000 + 1};
        assert_int_equal(pthread_create(&a[i].thread, NULL, add_stubbornly, &a[i]), 0);
    }
}

/* How many photos they have added. */
static size_t end_adders(struct adder *a, size_t count) {
    size_t photos = 0;
    atomic_store(&enough, true);
    for (size_t i = 0; i < count; i++) {
        pthread_join(a[i].thread, NULL);
        assert_int_equal(a[i].failed, 0);
        photos += a[i].photos;
    }
    return photos;
}

struct told {
    unsigned added, busy;
};

static struct told told_of(const struct adder *a, size_t count) {
    struct told t = {0};
    for (size_t i = 0; i < count; i++) {
        t.added += atomic_load(&a[i].photos);
        t.busy += atomic_load(&a[i].busy);
    }
    return t;
}

/* Until they have added some photos more than now. */
static void wait_added(const struct adder *a, size_t count) {
    const struct told before = told_of(a, count);
    wait_until(told_of(a, count).added >= before.added + 5 * (unsigned)count);
}

/* Until they were told so often, together, that the server is not there. */
static void wait_busy(const struct adder *a, size_t count, unsigned times) {
    const struct told before = told_of(a, count);
    wait_until(told_of(a, count).busy >= before.busy + times);
}

/* A reader that only ever asks for what comes after the last face it saw misses none, whoever adds. */
static void the_feed_of_two_writers_has_no_gaps(void **state) {
    (void)state;
    enum { ADDERS = 6 };
    struct adder a[ADDERS];
    lk_store *stores[2] = {open_store(), open_store()};
    const int64_t c = make_collection(stores[0]);
    struct reader r = {0};
    start_adders(a, ADDERS, stores, c);
    for (int rounds = 0; r.count < 400; rounds++) { /* while they add */
        assert_in_range(rounds, 0, 60000);
        assert_ok(stores[0]->ops->feed->vectors_after(stores[0], r.last, follow, &r, &err), err);
        sleep_ms(1);
    }
    const size_t photos = end_adders(a, ADDERS);
    assert_ok(stores[0]->ops->feed->vectors_after(stores[0], r.last, follow, &r, &err), err);
    assert_int_equal(r.count, 2 * photos);
    check_whole(stores[1]);
    stores[0]->ops->close(stores[0]);
    stores[1]->ops->close(stores[1]);
}

/* ---- commits whose answer is lost ---- */

static void add_through(struct proxy *p, lk_store *s, int64_t collection, enum cut cut, unsigned seed) {
    liken_image *image = sample_image(seed, 2), *existing = NULL, *got = NULL;
    const int before = atomic_load(&p->cuts);
    atomic_store(&p->cut, cut);
    assert_ok(s->ops->images->add(s, collection, image, false, &existing, &err), err);
    assert_int_equal(atomic_load(&p->cuts), before + 1);
    assert_null(existing); /* it is this one that was stored, and not found to be there */
    assert_ok(s->ops->images->get(s, collection, image->id, &got, &err), err);
    assert_string_equal(got->sha256, image->sha256);
    assert_int_equal(got->face_count, 2);
    assert_int_equal(got->faces[1].id, image->faces[1].id);
    liken_image_free(got);
    liken_image_free(image);
}

static void a_commit_whose_answer_is_lost_is_neither_lost_nor_doubled(void **state) {
    (void)state;
    struct proxy p;
    char where[256];
    proxy_start(&p, server.port);
    (void)snprintf(where, sizeof where, "postgres://postgres@127.0.0.1:%d/%s?sslmode=disable&gssencmode=disable",
                   p.port, database);
    lk_store *s = open_at(where);
    const int64_t c = make_collection(s);
    for (unsigned i = 0; i < 6; i++)
        add_through(&p, s, c, i % 2 == 0 ? CUT_AFTER_COMMIT : CUT_BEFORE_COMMIT, i + 1);
    int64_t collections, images, faces;
    assert_ok(s->ops->counts(s, &collections, &images, &faces, &err), err);
    assert_int_equal(images, 6);
    assert_int_equal(faces, 12);
    atomic_store(&p.cut, CUT_AFTER_COMMIT); /* a removal is not done twice either */
    assert_ok(s->ops->faces->remove(s, NULL, 1, &err), err);
    assert_ok(s->ops->counts(s, &collections, &images, &faces, &err), err);
    assert_int_equal(faces, 11);
    assert_int_equal(atomic_load(&p.cuts), 7);
    check_whole(s);
    s->ops->close(s);
    proxy_stop(&p);
}

/* ---- servers that go ---- */

/* Every photo that was acknowledged is there once and whole. */
static void check_added(lk_store *s, int64_t collection, const struct adder *a, size_t adders, size_t photos) {
    int64_t collections, images, faces;
    for (size_t i = 0; i < adders; i++) {
        for (unsigned k = 0; k < a[i].photos; k += 7) { /* and the counts stand for the rest */
            liken_image *image = sample_image(a[i].from + k, 0), *got = NULL;
            assert_ok(s->ops->images->find(s, collection, image->sha256, &got, &err), err);
            assert_int_equal(got->face_count, 2);
            liken_image_free(got);
            liken_image_free(image);
        }
    }
    assert_ok(s->ops->counts(s, &collections, &images, &faces, &err), err);
    assert_int_equal(images, photos);
    assert_int_equal(faces, 2 * photos);
    check_whole(s);
}

/* Short limits, so that a pause is noticed in a test's time. The listener reads them whenever it connects: so they
 * change while it is connected, under the lock that it takes before it connects again. */
static void hurry(lk_store *store, int statement_ms) {
    lk_postgres *s = (lk_postgres *)store;
    pthread_mutex_lock(&s->version_lock);
    for (int waits = 0; !s->hearing; waits++) {
        assert_in_range(waits, 0, 12000);
        pthread_mutex_unlock(&s->version_lock);
        sleep_ms(5);
        pthread_mutex_lock(&s->version_lock);
    }
    s->db->options.statement_ms = statement_ms;
    s->db->options.connect_s = 2;
    s->db->generation++; /* the connections there are have the old limits */
    pthread_mutex_unlock(&s->version_lock);
}

static void the_server_is_killed_while_photos_are_added(void **state) {
    (void)state;
    enum { ADDERS = 4 };
    struct adder a[ADDERS];
    lk_store *stores[2] = {open_store(), open_store()};
    const int64_t c = make_collection(stores[0]);
    start_adders(a, ADDERS, stores, c);
    for (int round = 0; round < 3; round++) {
        wait_added(a, ADDERS);
        server_kill(&server);
        wait_busy(a, ADDERS, ADDERS);
        server_start(&server);
    }
    wait_added(a, ADDERS);
    check_added(stores[0], c, a, ADDERS, end_adders(a, ADDERS));
    stores[0]->ops->close(stores[0]);
    stores[1]->ops->close(stores[1]);
}

static void the_server_is_paused_while_photos_are_added(void **state) {
    (void)state;
    enum { ADDERS = 4 };
    struct adder a[ADDERS];
    lk_store *stores[2] = {open_store(), open_store()};
    const int64_t c = make_collection(stores[0]);
    hurry(stores[0], 500);
    hurry(stores[1], 500);
    start_adders(a, ADDERS, stores, c);
    wait_added(a, ADDERS);
    server_pause(&server, true);
    wait_busy(a, ADDERS, 2 * ADDERS); /* statements are given up, and then no connection is to be had */
    server_pause(&server, false);
    const size_t photos = end_adders(a, ADDERS);
    check_added(stores[0], c, a, ADDERS, photos);
    stores[0]->ops->close(stores[0]);
    stores[1]->ops->close(stores[1]);
}

/* A liken that stops while it holds the lock of writing is cut off, and the others go on. */
static void a_writer_that_stopped_does_not_hold_the_others_up(void **state) {
    (void)state;
    lk_store *stopped = open_store(), *other = open_store();
    const int64_t c = make_collection(other);
    lk_pg_conn *held = NULL;
    hurry(stopped, 2000);
    assert_ok(lk_pg_take(((lk_postgres *)stopped)->db, &held, &err), err);
    assert_ok(lk_pg_script(held, "BEGIN; SELECT 1 FROM liken.counters FOR UPDATE", &err), err);
    assert_ok(add(other, c, 1, 1, &err), err);
    assert_int_equal(lk_pg_script(held, "COMMIT", &err), LIKEN_E_BUSY);
    assert_true(lk_pg_lost(held));
    lk_pg_give(((lk_postgres *)stopped)->db, held);
    assert_ok(add(stopped, c, 2, 1, &err), err); /* it finds back by itself */
    stopped->ops->close(stopped);
    other->ops->close(other);
}

static int within(double seconds, int (*fn)(lk_store *s, int64_t c), lk_store *s, int64_t c) {
    lk_call k;
    const liken_call call = {.size = sizeof call, .deadline = liken_deadline(seconds)};
    int rc = lk_call_begin(&k, &call, &err);
    if (rc == LIKEN_OK)
        rc = fn(s, c);
    lk_call_end(&k);
    return rc;
}

static int add_third(lk_store *s, int64_t c) {
    return add(s, c, 3, 1, &err);
}

static int remove_first(lk_store *s, int64_t c) {
    return s->ops->images->remove(s, c, 1, &err);
}

/* Whoever has a deadline does not wait for a lock beyond it; and what it says of itself is not said of others. */
static void a_write_waits_no_longer_than_its_call(void **state) {
    (void)state;
    lk_store *holder = open_store(), *s = open_store();
    const int64_t c = make_collection(s);
    lk_pg_conn *held = NULL;
    assert_ok(add(s, c, 1, 1, &err), err);
    assert_ok(lk_pg_take(((lk_postgres *)holder)->db, &held, &err), err);
    assert_ok(lk_pg_script(held, "BEGIN; SELECT 1 FROM liken.counters FOR UPDATE", &err), err);
    assert_int_equal(within(0.2, remove_first, s, c), LIKEN_E_DEADLINE);
    assert_int_equal(within(0.2, add_third, s, c), LIKEN_E_DEADLINE);
    lk_pg_give(((lk_postgres *)holder)->db, held);
    assert_ok(within(600, add_third, s, c), err);
    assert_ok(within(600, remove_first, s, c), err);
    assert_ok(add(s, c, 2, 1, &err), err);
    holder->ops->close(holder);
    s->ops->close(s);
}

/* The version is heard again after the server was away, and a change made meanwhile is not missed. */
static void the_version_is_right_after_a_restart(void **state) {
    (void)state;
    lk_store *s = open_store();
    const int64_t c = make_collection(s);
    int64_t before = 0, after = 0;
    assert_ok(s->ops->feed->version(s, &before, &err), err);
    server_kill(&server);
    server_start(&server);
    lk_store *second = open_store();
    assert_ok(add(second, c, 1, 1, &err), err);
    after = before;
    for (int tries = 0; tries < 6000 && after == before; tries++) {
        const int rc = s->ops->feed->version(s, &after, &err);
        assert_true(rc == LIKEN_OK || rc == LIKEN_E_BUSY);
        sleep_ms(10);
    }
    assert_true(after > before);
    second->ops->close(second);
    s->ops->close(s);
}

/* ---- the doctor ---- */

static void count_findings(void *ctx, const char *what, liken_verdict verdict, const char *message) {
    int *counts = ctx;
    (void)what;
    assert_non_null(message);
    counts[verdict]++;
}

static void what_is_broken_is_found(void **state) {
    (void)state;
    static const struct {
        const char *sql;
        liken_verdict verdict;
    } faults[] = {
        {"INSERT INTO liken.vectors (face, collection, descriptor) VALUES (99, 1, decode(repeat('00', 512), 'hex'))",
         LIKEN_NOTE},
        {"DELETE FROM liken.vectors WHERE face = 1", LIKEN_BAD},
        {"UPDATE liken.vectors SET descriptor = 'x' WHERE face = 2", LIKEN_BAD},
        {"UPDATE liken.collections SET faces = 7", LIKEN_BAD},
        {"UPDATE liken.counters SET face = 1", LIKEN_BAD},
        {"DROP TABLE liken.tags, liken.vectors", LIKEN_BAD},
    };
    lk_store *s = open_store();
    assert_ok(add(s, make_collection(s), 1, 3, &err), err);
    int bad = 0, last_bad = 0, last_notes = 1; /* the tests' server has fsync off: a note */
    for (size_t i = 0; i < LK_LENGTH(faults); i++) {
        int counts[3] = {0};
        server_sql(&server, database, faults[i].sql);
        assert_ok(s->ops->check(s, count_findings, counts, &bad, &err), err);
        assert_int_equal(bad, counts[LIKEN_BAD]);
        if (faults[i].verdict == LIKEN_NOTE)
            assert_true(counts[LIKEN_NOTE] > last_notes);
        else
            assert_true(bad > last_bad || i + 1 == LK_LENGTH(faults));
        assert_true(faults[i].verdict == LIKEN_NOTE || bad > 0);
        last_bad = bad;
        last_notes = counts[LIKEN_NOTE];
    }
    s->ops->close(s);
}

/* Between the list of a page and its descriptors. */
static void what_is_removed_meanwhile_is_left_out(void **state) {
    (void)state;
    lk_store *s = open_store();
    const int64_t c = make_collection(s);
    liken_image_list *page = NULL;
    for (unsigned i = 1; i <= 3; i++)
        assert_ok(add(s, c, i, 2, &err), err);
    assert_ok(s->ops->images->list(s, c, &(liken_list_options){0}, &page, &err), err);
    assert_int_equal(page->count, 3);
    const int64_t stays = page->images[0]->faces[1].id;
    assert_ok(s->ops->faces->remove(s, NULL, page->images[0]->faces[0].id, &err), err);
    assert_ok(s->ops->images->remove(s, c, page->images[1]->id, &err), err);
    assert_ok(lk_postgres_describe(s, page, &err), err);
    assert_int_equal(page->count, 2);
    assert_int_equal(page->images[0]->face_count, 1);
    assert_int_equal(page->images[0]->faces[0].id, stays);
    assert_int_equal(page->images[1]->face_count, 2);
    for (size_t i = 0; i < page->count; i++)
        assert_non_null(page->images[i]->faces[0].descriptor);
    liken_image_list_free(page);
    /* and what is there without a descriptor is a loss, not a removal */
    server_sql(&server, database, "DELETE FROM liken.vectors WHERE face = 6");
    assert_int_equal(s->ops->images->list(s, c, &(liken_list_options){.describe = true}, &page, &err), LIKEN_E_STORE);
    assert_non_null(strstr(err.message, "face 6"));
    s->ops->close(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup(name, set_up)
        T(several_make_the_schema_at_once),
        T(a_newer_schema_is_refused_and_not_touched),
        T(another_programs_schema_is_refused),
        T(a_reader_makes_no_schema),
        T(a_user_without_rights_is_told_so),
        T(text_must_be_kept_as_utf8),
        T(the_feed_of_two_writers_has_no_gaps),
        T(a_commit_whose_answer_is_lost_is_neither_lost_nor_doubled),
        T(the_server_is_killed_while_photos_are_added),
        T(the_server_is_paused_while_photos_are_added),
        T(a_writer_that_stopped_does_not_hold_the_others_up),
        T(a_write_waits_no_longer_than_its_call),
        T(the_version_is_right_after_a_restart),
        T(what_is_broken_is_found),
        T(what_is_removed_meanwhile_is_left_out),
    };
    if (server_programs() == NULL) {
        print_message("SKIPPED: %s\n", server_missing);
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, end_server);
}
