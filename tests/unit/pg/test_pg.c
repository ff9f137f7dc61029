/* The way to a PostgreSQL server: addresses, the pool, values, pipelines, COPY, listening, and servers that vanish. */
#include "unit/test.h"

#include "base/call.h"
#include "base/clock.h"
#include "pg/pg.h"
#include "unit/store/server.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static struct server server;
static lk_pg *db;
static liken_error err;

static const lk_pg_options quick = {.connections = 3, .connect_s = 2, .statement_ms = 1000};

static int set_up(void **state) {
    (void)state;
    if (server.pid == 0)
        server_make(&server);
    const int rc = lk_pg_open(&db, server_where(&server, "postgres", true, 0), &quick, &err);
    if (rc != LIKEN_OK)
        print_error("%s\n", err.message);
    return rc;
}

static int tear_down(void **state) {
    (void)state;
    lk_pg_close(db);
    db = NULL;
    return 0;
}

static int end_server(void **state) {
    (void)state;
    if (server.pid != 0)
        server_remove(&server);
    return 0;
}

static lk_pg_conn *take(void) {
    lk_pg_conn *c = NULL;
    assert_ok(lk_pg_take(db, &c, &err), err);
    return c;
}

static int64_t number(lk_pg_conn *c, const char *sql) {
    int64_t n = -1;
    assert_ok(lk_pg_number(c, sql, LK_PG_NO_ARGS, -2, &n, &err), err);
    return n;
}

static void sleep_ms(long ms) {
    (void)nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

/* ---- addresses ---- */

static void an_address_is_shown_without_its_password(void **state) {
    (void)state;
    static const struct {
        const char *where, *shown;
    } cases[] = {
        {"postgres://ann:s3cret@db.example:5433/photos", "postgres://ann@db.example:5433/photos"},
        {"postgresql://ann:s3cret@db.example/photos?sslmode=require", "postgres://ann@db.example:5432/photos"},
        {"host=db.example user=ann password=s3cret dbname=photos", "postgres://ann@db.example:5432/photos"},
        {"host=/run/pg user=ann password='s3cret' dbname=photos", "postgres://ann@/photos?host=/run/pg&port=5432"},
        {"postgres://?service=photos&password=s3cret", "postgres://?service=photos"},
    };
    (void)unsetenv("PGPORT");
    for (size_t i = 0; i < LK_LENGTH(cases); i++) {
        char name[256];
        assert_ok(lk_pg_address(cases[i].where, name, sizeof name, &err), err);
        assert_string_equal(name, cases[i].shown);
    }
}

static void what_cannot_be_read_as_an_address_is_not_repeated(void **state) {
    (void)state;
    static const char *const cases[] = {"host=x password=s3cret s3cret", "postgres://ann:s3cret@h:s3cret/%zz", "s3cret",
                                        "postgres://h/?s3cret=1"};
    for (size_t i = 0; i < LK_LENGTH(cases); i++) {
        lk_pg *none = NULL;
        assert_int_equal(lk_pg_open(&none, cases[i], NULL, &err), LIKEN_E_ARG);
        assert_null(none);
        assert_null(strstr(err.message, "s3cret"));
    }
}

static void a_server_that_is_not_there_is_busy_and_named(void **state) {
    (void)state;
    lk_pg *none = NULL;
    assert_int_equal(lk_pg_open(&none, "postgres://ann:s3cret@127.0.0.1:1/photos", NULL, &err), LIKEN_E_BUSY);
    assert_non_null(strstr(err.message, "postgres://ann@127.0.0.1:1/photos"));
    assert_null(strstr(err.message, "s3cret"));
    assert_int_equal(lk_pg_open(&none, server_where(&server, "nowhere", true, 1), NULL, &err), LIKEN_E_BUSY);
    assert_non_null(strstr(err.message, "nowhere"));
    assert_null(none);
}

/* ---- values ---- */

static void values_come_back_as_they_went(void **state) {
    (void)state;
    lk_pg_conn *c = take();
    char *long_text = malloc(10001);
    assert_non_null(long_text);
    memset(long_text, '\'', 10000);
    long_text[10000] = '\0';
    const unsigned char bytes[] = {0, 255, '\'', '\\', 0};
    lk_pg_result *r = NULL;
    assert_ok(lk_pg_exec(c, "SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9",
                         LK_PG_ARGS(lk_pg_bool(true), lk_pg_int2(-7), lk_pg_int4(INT32_MIN), lk_pg_int8(INT64_MIN),
                                    lk_pg_float4(1.5f), lk_pg_float8(-1e300), lk_pg_text(long_text),
                                    lk_pg_bytes(bytes, sizeof bytes), lk_pg_text(NULL)),
                         &r, &err),
              err);
    assert_int_equal(lk_pg_get_int(r, 0, 0), 1);
    assert_int_equal(lk_pg_get_int(r, 0, 1), -7);
    assert_int_equal(lk_pg_get_int(r, 0, 2), INT32_MIN);
    assert_true(lk_pg_get_int(r, 0, 3) == INT64_MIN);
    assert_true(lk_pg_get_real(r, 0, 4) == 1.5);
    assert_true(lk_pg_get_real(r, 0, 5) == -1e300);
    assert_string_equal(lk_pg_get_bytes(r, 0, 6, NULL), long_text);
    size_t size;
    const char *back = lk_pg_get_bytes(r, 0, 7, &size);
    assert_int_equal(size, sizeof bytes);
    assert_memory_equal(back, bytes, sizeof bytes);
    assert_true(lk_pg_is_null(r, 0, 8));
    lk_pg_clear(r);
    free(long_text);
    lk_pg_give(db, c);
}

static void columns_travel_as_arrays(void **state) {
    (void)state;
    lk_pg_conn *c = take();
    lk_pg_column texts, empty;
    lk_pg_column_init(&texts, LK_PG_TEXT);
    lk_pg_column_init(&empty, LK_PG_INT8);
    assert_ok(lk_pg_column_add(&texts, lk_pg_text("a'b\"{},\\"), &err), err);
    assert_ok(lk_pg_column_add(&texts, lk_pg_text(NULL), &err), err);
    assert_ok(lk_pg_column_add(&texts, lk_pg_text(""), &err), err);
    assert_int_equal(lk_pg_column_add(&texts, lk_pg_int8(1), &err), LIKEN_E_INTERNAL);
    lk_pg_result *r = NULL;
    assert_ok(lk_pg_exec(c, "SELECT t FROM unnest($1) WITH ORDINALITY u (t, n) ORDER BY n",
                         LK_PG_ARGS(lk_pg_array(&texts)), &r, &err),
              err);
    assert_int_equal(lk_pg_rows(r), 3);
    assert_string_equal(lk_pg_get_bytes(r, 0, 0, NULL), "a'b\"{},\\");
    assert_true(lk_pg_is_null(r, 1, 0));
    assert_string_equal(lk_pg_get_bytes(r, 2, 0, NULL), "");
    lk_pg_clear(r);
    int64_t n = -1;
    assert_ok(lk_pg_number(c, "SELECT count(*) FROM unnest($1)", LK_PG_ARGS(lk_pg_array(&empty)), -2, &n, &err), err);
    assert_int_equal(n, 0);
    lk_pg_column_free(&texts);
    lk_pg_column_free(&empty);
    lk_pg_give(db, c);
}

static void a_hostile_name_is_only_a_name(void **state) {
    (void)state;
    lk_pg_conn *c = take();
    const char *const names[] = {"a\"; DROP TABLE x; --", "select", "\xc3\xa9'", "a b"};
    for (size_t i = 0; i < LK_LENGTH(names); i++) {
        char sql[256];
        char *quoted = lk_pg_identifier(c, names[i]);
        assert_non_null(quoted);
        (void)snprintf(sql, sizeof sql, "SELECT 1 AS %s", quoted);
        assert_int_equal(number(c, sql), 1);
        free(quoted);
    }
    assert_null(lk_pg_identifier(c, "\xff\xfe"));
    lk_pg_give(db, c);
}

static void text_that_is_not_utf8_is_refused_and_harms_nothing(void **state) {
    (void)state;
    lk_pg_conn *c = take();
    assert_int_equal(lk_pg_exec(c, "SELECT $1", LK_PG_ARGS(lk_pg_text("\xff")), NULL, &err), LIKEN_E_STORE);
    assert_string_equal(lk_pg_sqlstate(c), "22021");
    assert_int_equal(number(c, "SELECT 1"), 1);
    lk_pg_give(db, c);
}

/* ---- statements ---- */

static void a_fault_in_a_pipeline_stops_what_follows(void **state) {
    (void)state;
    lk_pg_conn *c = take();
    lk_pg_result *r = NULL;
    assert_ok(lk_pg_exec(c, "CREATE TEMPORARY TABLE t (n bigint)", LK_PG_NO_ARGS, NULL, &err), err);
    int rc = lk_pg_say(c, "INSERT INTO t VALUES (1)", LK_PG_NO_ARGS, &err);
    if (rc == LIKEN_OK)
        rc = lk_pg_queue(c, "SELECT 1 / $1", LK_PG_ARGS(lk_pg_int8(0)), &err);
    if (rc == LIKEN_OK)
        rc = lk_pg_queue(c, "SELECT 41 + 1", LK_PG_NO_ARGS, &err);
    assert_int_equal(rc, LIKEN_OK);
    assert_int_equal(lk_pg_answer(c, &r, &err), LIKEN_E_STORE);
    assert_non_null(strstr(err.message, "division by zero"));
    assert_int_equal(lk_pg_finish(c, LIKEN_E_STORE, &err), LIKEN_E_STORE);
    assert_int_equal(number(c, "SELECT count(*) FROM t"), 0); /* a pipeline is one transaction */
    assert_int_equal(number(c, "SELECT 41 + 1"), 42);         /* prepared now, though it had been sent before */
    assert_int_equal(number(c, "SELECT 41 + 1"), 42);
    rc = lk_pg_say(c, "SELECT broken", LK_PG_NO_ARGS, &err);
    assert_int_equal(lk_pg_finish(c, rc, &err), LIKEN_E_STORE);
    assert_int_equal(lk_pg_answer(c, &r, &err), LIKEN_E_INTERNAL);
    assert_int_equal(number(c, "SELECT 1"), 1);
    lk_pg_give(db, c);
}

static void more_statements_than_are_kept_work_all_the_same(void **state) {
    (void)state;
    lk_pg_conn *c = take();
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 100; i++) {
            char sql[32];
            (void)snprintf(sql, sizeof sql, "SELECT %d", i);
            assert_int_equal(number(c, sql), i);
        }
    }
    assert_int_equal(number(c, "SELECT count(*) FROM pg_prepared_statements"), 64);
    lk_pg_give(db, c);
}

static void what_is_left_open_is_rolled_back(void **state) {
    (void)state;
    lk_pg_conn *c = take();
    assert_ok(lk_pg_script(c, "CREATE TABLE left_open (n int)", &err), err);
    assert_ok(lk_pg_script(c, "BEGIN; INSERT INTO left_open VALUES (1)", &err), err);
    lk_pg_give(db, c);
    c = take();
    assert_int_equal(number(c, "SELECT count(*) FROM left_open"), 0);
    lk_pg_give(db, c);
}

static const char copy_sql[] = "COPY loaded (n, t, b) FROM STDIN (FORMAT binary)";

/* Rows (n, text or NULL, 4096 zeros) by COPY; the status of its end. */
static int load(lk_pg_conn *c, int first, int count, const char *text) {
    static const char zeros[4096];
    lk_pg_column columns[3];
    lk_pg_column_init(&columns[0], LK_PG_INT8);
    lk_pg_column_init(&columns[1], LK_PG_TEXT);
    lk_pg_column_init(&columns[2], LK_PG_BYTEA);
    for (int i = 0; i < count; i++) {
        assert_ok(lk_pg_column_add(&columns[0], lk_pg_int8(first + i), &err), err);
        assert_ok(lk_pg_column_add(&columns[1], lk_pg_text(i % 2 ? NULL : text), &err), err);
        assert_ok(lk_pg_column_add(&columns[2], lk_pg_bytes(zeros, sizeof zeros), &err), err);
    }
    assert_ok(lk_pg_copy_start(c, copy_sql, &err), err);
    assert_ok(lk_pg_copy_columns(c, columns, 3, &err), err);
    const int rc = lk_pg_copy_end(c, &err);
    for (size_t i = 0; i < LK_LENGTH(columns); i++)
        lk_pg_column_free(&columns[i]);
    return rc;
}

static void copy_takes_rows_or_none(void **state) {
    (void)state;
    lk_pg_conn *c = take();
    assert_ok(lk_pg_script(c, "CREATE TABLE loaded (n bigint PRIMARY KEY, t text, b bytea)", &err), err);
    assert_ok(load(c, 0, 1200, "'x\t\\"), err);
    assert_int_equal(number(c, "SELECT count(*) FROM loaded WHERE length(b) = 4096"), 1200);
    assert_int_equal(number(c, "SELECT count(*) FROM loaded WHERE t = E'''x\\t\\\\'"), 600);
    assert_int_equal(load(c, 1199, 2, "twice"), LIKEN_E_STORE);
    assert_non_null(strstr(err.message, "duplicate"));
    assert_int_equal(load(c, 9000, 1, "\xff"), LIKEN_E_STORE);
    assert_string_equal(lk_pg_sqlstate(c), "22021");
    assert_int_equal(number(c, "SELECT count(*) FROM loaded"), 1200);
    assert_int_equal(lk_pg_copy_start(c, "COPY nothing FROM STDIN (FORMAT binary)", &err), LIKEN_E_STORE);
    assert_int_equal(lk_pg_copy_end(c, &err), LIKEN_E_INTERNAL);
    assert_int_equal(number(c, "SELECT 1"), 1);
    lk_pg_give(db, c);
    c = take();
    assert_ok(lk_pg_copy_start(c, copy_sql, &err), err); /* and is left so */
    lk_pg_give(db, c);
    c = take();
    assert_int_equal(number(c, "SELECT count(*) FROM loaded"), 1200);
    lk_pg_give(db, c);
}

/* An original that is kept may have some hundred megabytes. */
static void copy_takes_large_values(void **state) {
    (void)state;
    const size_t size = (size_t)65 << 20;
    LK_FREE char *zeros = calloc(1, size);
    lk_pg_conn *c = take();
    lk_pg_column large;
    assert_non_null(zeros);
    lk_pg_column_init(&large, LK_PG_BYTEA);
    assert_ok(lk_pg_column_add(&large, lk_pg_bytes(zeros, size), &err), err);
    assert_ok(lk_pg_script(c, "CREATE TABLE large (b bytea)", &err), err);
    assert_ok(lk_pg_script(c, "BEGIN", &err), err);
    assert_ok(lk_pg_patience(c, 600000, &err), err);
    assert_ok(lk_pg_copy_start(c, "COPY large (b) FROM STDIN (FORMAT binary)", &err), err);
    assert_ok(lk_pg_copy_columns(c, &large, 1, &err), err);
    assert_ok(lk_pg_copy_end(c, &err), err);
    assert_int_equal(number(c, "SELECT length(b) FROM large"), (int64_t)size);
    assert_ok(lk_pg_script(c, "COMMIT", &err), err);
    lk_pg_column_free(&large);
    lk_pg_give(db, c);
}

static void hear_log(void *ctx, liken_log_level level, const char *message) {
    if (level == LIKEN_LOG_WARN && strstr(message, "mind the gap") != NULL)
        ++*(int *)ctx;
}

static void notices_go_to_the_log(void **state) {
    (void)state;
    int heard = 0;
    lk_pg_conn *c = take();
    liken_set_log(hear_log, &heard);
    assert_ok(lk_pg_script(c, "DO $$ BEGIN RAISE WARNING 'mind the gap'; END $$", &err), err);
    liken_set_log(NULL, NULL);
    assert_int_equal(heard, 1);
    lk_pg_give(db, c);
}

/* ---- the pool ---- */

static void there_are_never_more_connections_than_allowed(void **state) {
    (void)state;
    lk_pg_conn *c[3], *none = NULL;
    for (int i = 0; i < 3; i++)
        c[i] = take();
    assert_int_equal(lk_pg_take(db, &none, &err), LIKEN_E_BUSY);
    assert_null(none);
    assert_non_null(strstr(err.message, "in use"));
    lk_pg_give(db, c[1]);
    c[1] = take();
    for (int i = 0; i < 3; i++)
        lk_pg_give(db, c[i]);
}

static int sleep_a_little(lk_pg_conn *c, void *arg, liken_error *e) {
    (void)arg;
    return lk_pg_exec(c, "SELECT pg_sleep(0.01)", LK_PG_NO_ARGS, NULL, e);
}

static void *use_often(void *arg) {
    for (int i = 0; i < 20; i++) {
        liken_error e;
        if (lk_pg_with(db, sleep_a_little, NULL, &e) != LIKEN_OK)
            ++*(int *)arg;
    }
    return NULL;
}

static void many_threads_share_few_connections(void **state) {
    (void)state;
    pthread_t threads[12];
    int failed[12] = {0};
    for (size_t i = 0; i < LK_LENGTH(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, use_often, &failed[i]), 0);
    for (size_t i = 0; i < LK_LENGTH(threads); i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(failed[i], 0);
    }
}

/* ---- servers that do not answer ---- */

static void a_statement_has_a_limit(void **state) {
    (void)state;
    lk_pg_conn *c = take();
    assert_int_equal(lk_pg_exec(c, "SELECT pg_sleep(60)", LK_PG_NO_ARGS, NULL, &err), LIKEN_E_BUSY);
    assert_false(lk_pg_lost(c)); /* the server ended it by itself */
    assert_int_equal(number(c, "SELECT 1"), 1);
    assert_ok(lk_pg_script(c, "BEGIN", &err), err);
    assert_ok(lk_pg_patience(c, 20000, &err), err);
    assert_ok(lk_pg_exec(c, "SELECT pg_sleep(1.3)", LK_PG_NO_ARGS, NULL, &err), err);
    lk_pg_give(db, c);
}

/* ---- calls with a deadline ---- */

static int64_t limit(lk_pg_conn *c) {
    return number(c, "SELECT extract(epoch FROM current_setting('statement_timeout')::interval)::bigint * 1000");
}

static void a_statement_has_what_its_call_has_left(void **state) {
    (void)state;
    lk_call k;
    lk_pg_conn *c = take();
    const int64_t backend = number(c, "SELECT pg_backend_pid()");
    const liken_call call = {.size = sizeof call, .deadline = liken_deadline(0.9)}; /* less than its own limit */
    assert_ok(lk_call_begin(&k, &call, &err), err);
    assert_int_equal(lk_pg_exec(c, "SELECT pg_sleep(60)", LK_PG_NO_ARGS, NULL, &err), LIKEN_E_DEADLINE);
    assert_int_equal(lk_pg_exec(c, "SELECT 1", LK_PG_NO_ARGS, NULL, &err), LIKEN_E_DEADLINE);
    lk_call_end(&k);
    assert_false(lk_pg_lost(c));
    assert_int_equal(limit(c), 1000);
    assert_int_equal(number(c, "SELECT pg_backend_pid()"), backend);
    lk_pg_give(db, c);
}

static void what_a_call_has_left_is_its_transactions(void **state) {
    (void)state;
    lk_pg *slow = NULL;
    lk_pg_conn *c = NULL;
    lk_call k;
    const lk_pg_options one = {.connections = 1, .connect_s = 2, .statement_ms = 900000};
    const liken_call call = {.size = sizeof call, .deadline = liken_deadline(600)};
    assert_ok(lk_pg_open_again(&slow, db, &one, &err), err);
    for (int i = 0; i < 2; i++) {
        assert_ok(lk_pg_take(slow, &c, &err), err);
        assert_int_equal(limit(c), 900000);
        assert_ok(lk_call_begin(&k, &call, &err), err);
        assert_in_range(limit(c), 1, 601000);
        assert_ok(lk_pg_say(c, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", LK_PG_NO_ARGS, &err), err);
        assert_in_range(limit(c), 1, 601000);
        assert_in_range(limit(c), 1, 601000);
        lk_pg_settle(c);
        assert_int_equal(limit(c), 900000);
        if (i == 1)
            assert_ok(lk_pg_exec(c, "COMMIT", LK_PG_NO_ARGS, NULL, &err), err);
        lk_call_end(&k);
        lk_pg_give(slow, c);
    }
    assert_ok(lk_pg_take(slow, &c, &err), err);
    assert_int_equal(limit(c), 900000);
    lk_pg_give(slow, c);
    lk_pg_close(slow);
}

static void a_paused_server_does_not_keep_a_call_with_a_deadline(void **state) {
    (void)state;
    lk_call k;
    lk_pg_conn *c = take();
    server_pause(&server, true);
    const liken_call call = {.size = sizeof call, .deadline = liken_deadline(0.2)};
    assert_ok(lk_call_begin(&k, &call, &err), err);
    assert_int_equal(lk_pg_exec(c, "SELECT 1", LK_PG_NO_ARGS, NULL, &err), LIKEN_E_DEADLINE);
    lk_call_end(&k);
    server_pause(&server, false);
    assert_true(lk_pg_lost(c));
    lk_pg_give(db, c);
}

static int ask_one(lk_pg_conn *c, void *arg, liken_error *e) {
    ++*(int *)arg;
    return lk_pg_exec(c, "SELECT 1", LK_PG_NO_ARGS, NULL, e);
}

static void a_paused_server_is_noticed_and_forgiven(void **state) {
    (void)state;
    int calls = 0;
    assert_ok(lk_pg_with(db, ask_one, &calls, &err), err);
    server_pause(&server, true);
    assert_int_equal(lk_pg_with(db, ask_one, &calls, &err), LIKEN_E_BUSY);
    assert_non_null(strstr(err.message, "cannot be reached"));
    assert_int_equal(lk_pg_with(db, ask_one, &calls, &err), LIKEN_E_BUSY); /* not even a connection */
    server_pause(&server, false);
    int rc = LIKEN_E_BUSY;
    for (int tries = 0; tries < 600 && rc != LIKEN_OK; tries++) {
        rc = lk_pg_with(db, ask_one, &calls, &err);
        if (rc != LIKEN_OK)
            sleep_ms(100);
    }
    assert_int_equal(rc, LIKEN_OK);
}

static int run_for(lk_pg_conn *c, const char *sql, int ms) {
    assert_ok(lk_pg_script(c, "BEGIN", &err), err);
    assert_ok(lk_pg_patience(c, ms, &err), err);
    return lk_pg_exec(c, sql, LK_PG_NO_ARGS, NULL, &err);
}

/* Once it is at it. */
static void *pause_while_asleep(void *arg) {
    (void)arg;
    for (int i = 0; i < 6000 && server_number(&server, "postgres",
                                              "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query "
                                              "= 'SELECT pg_sleep(600)'") == 0;
         i++)
        sleep_ms(10);
    server_pause(&server, true);
    return NULL;
}

/* Long before its limit; a slow statement is left alone. */
static void a_long_statement_is_given_up_when_its_server_is_gone(void **state) {
    (void)state;
    pthread_t thread;
    lk_pg_conn *c = take();
    assert_ok(run_for(c, "SELECT pg_sleep(2.5)", 600000), err);
    lk_pg_give(db, c);
    c = take();
    assert_int_equal(pthread_create(&thread, NULL, pause_while_asleep, NULL), 0);
    assert_int_equal(run_for(c, "SELECT pg_sleep(600)", 600000), LIKEN_E_BUSY);
    assert_non_null(strstr(err.message, "neither answers nor takes connections"));
    assert_true(lk_pg_lost(c));
    lk_pg_give(db, c);
    pthread_join(thread, NULL);
    server_pause(&server, false);
    int calls = 0, rc = LIKEN_E_BUSY;
    for (int tries = 0; tries < 600 && rc != LIKEN_OK; tries++) {
        rc = lk_pg_with(db, ask_one, &calls, &err);
        if (rc != LIKEN_OK)
            sleep_ms(100);
    }
    assert_int_equal(rc, LIKEN_OK);
}

static int object(void *ctx, liken_error *e) {
    ++*(int *)ctx;
    return lk_fail(e, LIKEN_E_BUSY, "Something else is away.");
}

static void a_statement_that_waits_for_something_else_is_given_up_with_it(void **state) {
    (void)state;
    int asked = 0;
    lk_pg_conn *c = take();
    lk_pg_doubt(c, object, &asked);
    assert_ok(run_for(c, "SELECT pg_sleep(0.2)", 600000), err); /* soon enough for nobody to ask */
    assert_int_equal(asked, 0);
    assert_int_equal(lk_pg_exec(c, "SELECT pg_sleep(600)", LK_PG_NO_ARGS, NULL, &err), LIKEN_E_BUSY);
    assert_string_equal(err.message, "Something else is away.");
    assert_int_equal(asked, 1);
    lk_pg_give(db, c);
    c = take();
    assert_ok(run_for(c, "SELECT pg_sleep(1.5)", 600000), err);
    assert_int_equal(asked, 1);
    lk_pg_give(db, c);
}

static void a_restarted_server_is_met_again(void **state) {
    (void)state;
    int calls = 0;
    assert_ok(lk_pg_with(db, ask_one, &calls, &err), err);
    server_kill(&server);
    assert_int_equal(lk_pg_with(db, ask_one, &calls, &err), LIKEN_E_BUSY);
    assert_int_equal(lk_pg_with(db, ask_one, &calls, &err), LIKEN_E_BUSY);
    server_start(&server);
    int rc = LIKEN_E_BUSY;
    for (int tries = 0; tries < 600 && rc != LIKEN_OK; tries++) {
        rc = lk_pg_with(db, ask_one, &calls, &err);
        if (rc != LIKEN_OK)
            sleep_ms(100);
    }
    assert_int_equal(rc, LIKEN_OK);
    server_stop(&server); /* and when it was away between two calls, nobody notices */
    server_start(&server);
    calls = 0;
    assert_ok(lk_pg_with(db, ask_one, &calls, &err), err);
}

/* ---- listening ---- */

struct ears {
    pthread_mutex_t lock;
    int fresh, heard, lost;
    char last[64];
};

static int look(void *ctx, lk_pg_conn *c, bool fresh, liken_error *e) {
    struct ears *k = ctx;
    pthread_mutex_lock(&k->lock);
    k->fresh += fresh;
    pthread_mutex_unlock(&k->lock);
    return lk_pg_exec(c, "SELECT 1", LK_PG_NO_ARGS, NULL, e);
}

static void heard(void *ctx, const char *payload) {
    struct ears *k = ctx;
    pthread_mutex_lock(&k->lock);
    k->heard++;
    (void)snprintf(k->last, sizeof k->last, "%s", payload);
    pthread_mutex_unlock(&k->lock);
}

static void lost(void *ctx) {
    struct ears *k = ctx;
    pthread_mutex_lock(&k->lock);
    k->lost++;
    pthread_mutex_unlock(&k->lock);
}

/* Waits until *value is `wanted`. */
static void wait_for(struct ears *k, const int *value, int wanted) {
    for (int tries = 0; tries < 2000; tries++) {
        pthread_mutex_lock(&k->lock);
        const int now = *value;
        pthread_mutex_unlock(&k->lock);
        if (now == wanted)
            return;
        sleep_ms(10);
    }
    fail_msg("what was waited for did not come");
}

static void a_listener_hears_again_after_a_restart(void **state) {
    (void)state;
    struct ears k = {.lock = PTHREAD_MUTEX_INITIALIZER};
    const lk_pg_ear ear = {.channel = "A \"channel\"", .look = look, .heard = heard, .lost = lost, .ctx = &k};
    lk_pg_listener *l = NULL;
    assert_ok(lk_pg_listen(&l, db, &ear, &err), err);
    wait_for(&k, &k.fresh, 1);
    server_sql(&server, "postgres", "NOTIFY \"A \"\"channel\"\"\", 'one'; NOTIFY other, 'no'");
    wait_for(&k, &k.heard, 1);
    assert_string_equal(k.last, "one");
    server_kill(&server);
    wait_for(&k, &k.lost, 1);
    server_start(&server);
    wait_for(&k, &k.fresh, 2);
    server_sql(&server, "postgres", "NOTIFY \"A \"\"channel\"\"\", 'two'");
    wait_for(&k, &k.heard, 2);
    assert_string_equal(k.last, "two");
    lk_pg_deaf(l);
    assert_int_equal(k.lost, 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        T(an_address_is_shown_without_its_password),
        T(what_cannot_be_read_as_an_address_is_not_repeated),
        T(a_server_that_is_not_there_is_busy_and_named),
        T(values_come_back_as_they_went),
        T(columns_travel_as_arrays),
        T(a_hostile_name_is_only_a_name),
        T(text_that_is_not_utf8_is_refused_and_harms_nothing),
        T(a_fault_in_a_pipeline_stops_what_follows),
        T(more_statements_than_are_kept_work_all_the_same),
        T(what_is_left_open_is_rolled_back),
        T(copy_takes_rows_or_none),
        T(copy_takes_large_values),
        T(notices_go_to_the_log),
        T(there_are_never_more_connections_than_allowed),
        T(many_threads_share_few_connections),
        T(a_statement_has_a_limit),
        T(a_statement_has_what_its_call_has_left),
        T(what_a_call_has_left_is_its_transactions),
        T(a_paused_server_does_not_keep_a_call_with_a_deadline),
        T(a_paused_server_is_noticed_and_forgiven),
        T(a_long_statement_is_given_up_when_its_server_is_gone),
        T(a_statement_that_waits_for_something_else_is_given_up_with_it),
        T(a_restarted_server_is_met_again),
        T(a_listener_hears_again_after_a_restart),
    };
    if (server_programs() == NULL) {
        print_message("SKIPPED: %s\n", server_missing);
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, end_server);
}
