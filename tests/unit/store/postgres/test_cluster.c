/* A gallery spread over three PostgreSQL servers: what is added is found, whatever is killed, added or moved meanwhile.
 */
#include "unit/test.h"

#include "base/clock.h"
#include "store/postgres/cluster/cluster.h"
#include "unit/store/postgres/known.h"
#include "unit/store/sample.h"
#include "unit/store/server.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SHARDS 3

static struct server home, shard[SHARDS + 1];
static const char *const names[] = {"a", "b", "c", "d"};
static lk_pg *db;

static void sleep_ms(long ms) {
    (void)nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

/* ---- servers ---- */

static void where_of(size_t i, char *out, size_t room) {
    (void)snprintf(out, room, "%s", server_where(&shard[i], "postgres", true, 1));
}

static void open_store(void) {
    const char *where = server_where(&home, "postgres", true, 0);
    static const lk_pg_options options = {.connections = 4};
    assert_ok(lk_store_open_postgres(&store, where, false, &err), err);
    assert_ok(lk_pg_open(&db, where, &options, &err), err);
}

static void close_store(void) {
    if (store != NULL)
        store->ops->close(store);
    lk_pg_close(db);
    store = NULL;
    db = NULL;
}

static int set_up(void **state) {
    (void)state;
    if (server_programs() == NULL)
        return 0;
    known_begin();
    struct server *all[SHARDS + 2] = {&home};
    for (size_t i = 0; i <= SHARDS; i++)
        all[i + 1] = &shard[i];
    server_make_several(all, SHARDS + 2);
    open_store();
    people = sample_collection(store, "people", SAMPLE_MODEL, LIKEN_L2);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    close_store();
    for (size_t i = 0; i <= SHARDS; i++) {
        if (shard[i].pid != 0)
            server_remove(&shard[i]);
    }
    if (home.pid != 0)
        server_remove(&home);
    known_end();
    return 0;
}

/* ---- looking at it ---- */

static void check_status(bool evenly) {
    liken_cluster *c = NULL;
    assert_ok(lk_cluster_status(db, true, &c, &err), err);
    int buckets = 0;
    for (size_t i = 0; i < c->shard_count; i++) {
        assert_null(c->shards[i].trouble);
        assert_int_equal(c->shards[i].missing, 0);
        buckets += c->shards[i].buckets;
        if (evenly)
            assert_in_range(c->shards[i].buckets, 64 / (int)c->shard_count, 64 / (int)c->shard_count + 1);
    }
    assert_int_equal(buckets, 64);
    liken_cluster_free(c);
}

static void tend(void) {
    bool more = true;
    while (more)
        assert_ok(store->ops->searching->tend(store, &more, &err), err);
}

static void need_servers(void) {
    if (server_programs() == NULL) {
        print_message("%s\n", server_missing);
        skip();
    }
}

/* ---- the tests, in this order ---- */

static void a_gallery_is_spread(void **state) {
    (void)state;
    need_servers();
    char where[SHARDS][256];
    liken_shard_address addresses[SHARDS];
    add_photos(150);
    for (size_t i = 0; i < SHARDS; i++) {
        where_of(i, where[i], sizeof where[i]);
        addresses[i] = (liken_shard_address){names[i], where[i]};
    }
    assert_ok(lk_cluster_create(db, addresses, SHARDS, &err), err);
    check_feed();
    check_status(true);
    add_photos(150);
    check_feed();
    check_answers(3);
    assert_int_equal(lk_cluster_create(db, addresses, SHARDS, &err), LIKEN_E_CONFLICT);
}

static void a_used_database_is_no_shard(void **state) {
    (void)state;
    need_servers();
    char where[256];
    where_of(0, where, sizeof where);
    assert_int_equal(lk_cluster_add(db, &(liken_shard_address){"x", where}, &err), LIKEN_E_CONFLICT);
    (void)snprintf(where, sizeof where, "%s", server_where(&home, "postgres", true, 1));
    assert_int_equal(lk_cluster_add(db, &(liken_shard_address){"x", where}, &err), LIKEN_E_CONFLICT);
    assert_int_equal(lk_cluster_add(db, &(liken_shard_address){"X;", where}, &err), LIKEN_E_ARG);
    check_status(true);
}

static void shards_answer_by_columns(void **state) {
    (void)state;
    need_servers();
    assert_ok(store->ops->collections->search_set(store, people, LIKEN_SEARCH_CUBE, &err), err);
    tend();
    check_answers(5);
    add_photos(50); /* some in columns, some not yet */
    check_answers(5);
    tend();
    assert_int_equal(store->ops->collections->search_set(store, people, LIKEN_SEARCH_HNSW, &err), LIKEN_E_UNSUPPORTED);
}

/* Shards know no photos: they get the list of faces that a filter lets through. */
static void filters_reach_the_shards(void **state) {
    (void)state;
    need_servers();
    liken_image *image = sample_image(5, 1);
    const char *const tags[] = {image->tags[0]};
    const liken_search_options filter = {.tags = tags, .tag_count = 1};
    int64_t *allowed = NULL;
    size_t count = 0, found = 0;
    bool exact = false;
    double recall = 0;
    assert_ok(store->ops->faces->where(store, people, &filter, &allowed, &count, &err), err);
    assert_in_range(count, 1, 900);
    const int64_t except = lk_key_face(allowed[0]);
    answer a = {.query = image->faces[0].descriptor};
    const lk_store_query q = {.collection = people,
                              .vector = a.query,
                              .dimension = SAMPLE_DIMENSION,
                              .radius = INFINITY,
                              .weak_radius = INFINITY,
                              .k = 1000,
                              .except = &except,
                              .except_count = 1,
                              .filter = &filter};
    assert_ok(store->ops->searching->find(store, &q, on_near, &a, &exact, &recall, &err), err);
    assert_int_equal(a.count, count - 1);
    for (size_t i = 0; i < a.count; i++)
        for (size_t n = 1; n < count; n++)
            found += a.list[i].face == lk_key_face(allowed[n]);
    assert_int_equal(found, count - 1);
    free(a.list);
    free(allowed);
    liken_image_free(image);
}

/* ---- the plan ---- */

static int count_in_log(const struct server *s, const char *needle) {
    char path[96], *text = NULL;
    size_t size = 0;
    int count = 0;
    (void)snprintf(path, sizeof path, "%s/log", s->folder);
    assert_ok(lk_file_read(path, (size_t)256 << 20, &text, &size, &err), err);
    for (const char *p = text; (p = strstr(p, needle)) != NULL; p++)
        count++;
    free(text);
    return count;
}

/* The plan of a real search, as the server itself logs it. */
static void the_limit_reaches_the_shards_and_they_work_at_once(void **state) {
    (void)state;
    need_servers();
    for (size_t i = 0; i < SHARDS; i++)
        server_sql(&shard[i], "postgres", "ANALYZE");
    close_store();
    server_sql(&home, "postgres", "ALTER SYSTEM SET session_preload_libraries = 'auto_explain'");
    server_sql(&home, "postgres", "SELECT pg_reload_conf()");
    wait_until(server_number(&home, "postgres",
                             "SELECT (current_setting('session_preload_libraries') = 'auto_explain')::int") == 1);
    server_sql(&home, "postgres", "ALTER SYSTEM SET auto_explain.log_min_duration = 0");
    server_sql(&home, "postgres", "ALTER SYSTEM SET auto_explain.log_verbose = on");
    server_sql(&home, "postgres", "SELECT pg_reload_conf()");
    wait_until(server_number(&home, "postgres",
                             "SELECT (current_setting('auto_explain.log_verbose', true) = 'on')::int") == 1);
    open_store();
    const int scans = count_in_log(&home, "Async Foreign Scan");
    answer a;
    assert_ok(search(known[1], 5, INFINITY, NULL, &a, &err), err);
    assert_int_equal(a.list[0].face, 1);
    free(a.list);
    server_sql(&home, "postgres", "ALTER SYSTEM RESET ALL");
    server_sql(&home, "postgres", "SELECT pg_reload_conf()");
    for (int i = 0; i < 600 && count_in_log(&home, "LIMIT 21::bigint") < SHARDS; i++)
        sleep_ms(100);
    assert_in_range(count_in_log(&home, "LIMIT 21::bigint"), SHARDS, 1000);
    assert_in_range(count_in_log(&home, "Async Foreign Scan") - scans, SHARDS, 1000);
    close_store();
    open_store();
}

/* ---- writing ---- */

/* Each shard notes when its part of a batch began and, half a second later, when it was done. */
static void a_batch_is_written_by_all_shards_at_once(void **state) {
    (void)state;
    need_servers();
    double last_begun = 0, first_done = INFINITY;
    for (size_t i = 0; i < SHARDS; i++)
        server_sql(&shard[i], "postgres",
                   "CREATE TABLE span (begun timestamptz, done timestamptz);"
                   "CREATE FUNCTION span() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN PERFORM pg_sleep(0.5);"
                   " INSERT INTO public.span VALUES (statement_timestamp(), clock_timestamp()); RETURN NULL; END$$;"
                   "CREATE TRIGGER span AFTER INSERT ON liken.vectors EXECUTE FUNCTION span()");
    assert_true(add_photo(100, &err));
    for (size_t i = 0; i < SHARDS; i++) {
        assert_int_equal(server_number(&shard[i], "postgres", "SELECT count(*) FROM span"), 1);
        last_begun =
            fmax(last_begun, (double)server_number(&shard[i], "postgres",
                                                   "SELECT (extract(epoch from begun) * 1e6)::bigint FROM span"));
        first_done =
            fmin(first_done, (double)server_number(&shard[i], "postgres",
                                                   "SELECT (extract(epoch from done) * 1e6)::bigint FROM span"));
        server_sql(&shard[i], "postgres", "DROP TABLE span; DROP FUNCTION span() CASCADE");
    }
    assert_true(last_begun < first_done);
}

/* ---- orphans ---- */

static void what_a_crash_leaves_is_replaced_and_cleaned(void **state) {
    (void)state;
    need_servers();
    int64_t next = server_number(&home, "postgres", "SELECT face FROM liken.counters") + 1, removed = -1;
    char sql[256];
    /* descriptors that the shards have committed and the coordinator has not */
    (void)snprintf(sql, sizeof sql,
                   "INSERT INTO liken.vectors SELECT id, %lld, decode(repeat('00', 512), 'hex') FROM"
                   " generate_series(%lld, %lld) id WHERE to_regclass('liken.vectors_b' || id %% 64) IS NOT NULL",
                   (long long)people, (long long)next, (long long)next + 127);
    for (size_t i = 0; i < SHARDS; i++)
        server_sql(&shard[i], "postgres", sql);
    check_answers(2);
    add_photos(5); /* ten of these ids */
    check_answers(2);
    check_feed();
    assert_ok(lk_cluster_clean(db, &removed, &err), err);
    assert_int_equal(removed, 118);
    assert_ok(lk_cluster_clean(db, &removed, &err), err);
    assert_int_equal(removed, 0);
    check_answers(2);
    tend();
}

/* ---- removing ---- */

/* A shard that did not answer is asked again after a few seconds. */
static void wait_until_all_answer(void) {
    int rc = LIKEN_E_BUSY;
    answer a;
    for (int i = 0; i < 600 && rc == LIKEN_E_BUSY; i++) {
        rc = search(known[20], 1, INFINITY, NULL, &a, &err);
        if (rc == LIKEN_OK)
            free(a.list);
        else
            sleep_ms(100);
    }
    assert_ok(rc, err);
}

static void drain(void) {
    bool more = true;
    lk_cluster *k = NULL;
    lk_pg_conn *c = NULL;
    assert_ok(lk_cluster_new(&k, db, &err), err);
    assert_ok(lk_pg_take(db, &c, &err), err);
    while (more)
        assert_ok(lk_cluster_drain(k, c, &more, &err), err);
    lk_pg_give(db, c);
    lk_cluster_free(k);
}

static void a_removed_face_is_gone_even_while_its_shard_is_away(void **state) {
    (void)state;
    need_servers();
    server_kill(&shard[1]);
    for (int64_t id = 1; id <= 6; id++) {
        assert_ok(store->ops->faces->remove(store, NULL, id, &err), err);
        is_known[id] = false;
    }
    drain();
    assert_int_equal(server_number(&home, "postgres", "SELECT count(*) FROM liken.vectors_gone"), 2);
    server_start(&shard[1]);
    for (int i = 0; i < 600 && server_number(&home, "postgres", "SELECT count(*) FROM liken.vectors_gone") > 0; i++) {
        sleep_ms(100);
        drain();
    }
    assert_int_equal(server_number(&home, "postgres", "SELECT count(*) FROM liken.vectors_gone"), 0);
    assert_int_equal(server_number(&home, "postgres", "SELECT count(*) FROM liken.vectors WHERE face < 7"), 0);
    wait_until_all_answer();
    check_answers(2);
}

/* What shards took of photos that another one refused is removed once that is back. */
static void wait_until_drained(void) {
    for (int i = 0; i < 600 && server_number(&home, "postgres", "SELECT count(*) FROM liken.vectors_gone") > 0; i++) {
        sleep_ms(100);
        drain();
    }
    liken_cluster *c = NULL;
    assert_ok(lk_cluster_status(db, true, &c, &err), err);
    assert_int_equal(c->gone, 0);
    for (size_t i = 0; i < c->shard_count; i++)
        assert_int_equal(c->shards[i].orphans, 0);
    liken_cluster_free(c);
}

/* ---- load ---- */

struct load {
    _Atomic bool stop;
    _Atomic int added, refused, found, unanswered;
    _Atomic bool wrong;
    pthread_mutex_t lock;
    char strange[544]; /* a refusal that is none of those documented */
};

static void note_strange(struct load *l, const char *when, const liken_error *why) {
    pthread_mutex_lock(&l->lock);
    (void)snprintf(l->strange, sizeof l->strange, "%s: %s", when, why->message);
    pthread_mutex_unlock(&l->lock);
}

static bool is_documented(const liken_error *why) {
    return why->code == LIKEN_E_BUSY && strstr(why->message, "Shard \"") != NULL;
}

static void *keep_adding(void *arg) {
    struct load *l = arg;
    while (!atomic_load(&l->stop)) {
        liken_error why = {0};
        if (add_photo(2, &why)) {
            (void)atomic_fetch_add(&l->added, 1);
            continue;
        }
        (void)atomic_fetch_add(&l->refused, 1);
        if (!is_documented(&why))
            note_strange(l, "adding", &why);
        sleep_ms(10);
    }
    return NULL;
}

/* Looks for faces that were acknowledged: each is nearest to itself. */
static void *keep_searching(void *arg) {
    struct load *l = arg;
    unsigned turn = 0;
    while (!atomic_load(&l->stop)) {
        liken_error why = {0};
        const int64_t last = atomic_load(&last_known);
        const int64_t id = last - (int64_t)(turn++ * 7919U % (unsigned)last);
        answer a;
        if (id < 1 || !is_known[id])
            continue;
        if (search(known[id], 3, INFINITY, NULL, &a, &why) != LIKEN_OK) {
            (void)atomic_fetch_add(&l->unanswered, 1);
            if (!is_documented(&why))
                note_strange(l, "searching", &why);
            sleep_ms(10);
            continue;
        }
        (void)atomic_fetch_add(&l->found, 1);
        if (a.wrong || a.count == 0 || a.list[0].face != id || a.list[0].distance > 0)
            atomic_store(&l->wrong, true);
        free(a.list);
    }
    return NULL;
}

/* Fills in columns and removes what is gone, as a liken does in the background. */
static void *keep_tending(void *arg) {
    struct load *l = arg;
    while (!atomic_load(&l->stop)) {
        liken_error why = {0};
        bool more = false;
        if (store->ops->searching->tend(store, &more, &why) != LIKEN_OK || !more)
            sleep_ms(50);
    }
    return NULL;
}

/* LIKEN_SOAK makes the long ones longer. */
static int rounds(void) {
    const char *soak = getenv("LIKEN_SOAK");
    return soak == NULL ? 1 : 20;
}

#define ADDERS 3

struct running {
    struct load load;
    pthread_t adders[ADDERS], searcher, tender;
};

static void load_start(struct running *r) {
    memset(r, 0, sizeof *r);
    for (int i = 0; i < ADDERS; i++)
        assert_int_equal(pthread_create(&r->adders[i], NULL, keep_adding, &r->load), 0);
    assert_int_equal(pthread_create(&r->searcher, NULL, keep_searching, &r->load), 0);
    assert_int_equal(pthread_create(&r->tender, NULL, keep_tending, &r->load), 0);
}

static void load_stop(struct running *r) {
    atomic_store(&r->load.stop, true);
    for (int i = 0; i < ADDERS; i++)
        pthread_join(r->adders[i], NULL);
    pthread_join(r->searcher, NULL);
    pthread_join(r->tender, NULL);
    assert_string_equal(r->load.strange, "");
    assert_false(r->load.wrong);
    print_message("%d added, %d refused, %d found, %d unanswered\n", r->load.added, r->load.refused, r->load.found,
                  r->load.unanswered);
}

static void wait_for_more(_Atomic int *count, int more) {
    const int until = atomic_load(count) + more;
    for (int i = 0; i < 600 && atomic_load(count) < until; i++)
        sleep_ms(50);
    assert_in_range(atomic_load(count), until, INT32_MAX);
}

static void kill_a_shard(void) {
    static struct running r;
    load_start(&r);
    wait_for_more(&r.load.added, 50);
    server_kill(&shard[1]);
    wait_for_more(&r.load.refused, 3);
    wait_for_more(&r.load.unanswered, 3);
    wait_for_more(&r.load.added, 20); /* the other shards go on */

    lk_store_missing missing = {0};
    answer a;
    assert_ok(search(known[10], 5, INFINITY, &missing, &a, &err), err);
    assert_int_equal(missing.count, 1);
    assert_string_equal(missing.names[0], "b");
    free(a.list);
    liken_cluster *c = NULL;
    assert_ok(lk_cluster_status(db, false, &c, &err), err);
    assert_non_null(c->shards[1].trouble);
    liken_cluster_free(c);

    server_start(&shard[1]);
    wait_for_more(&r.load.found, 20);
    load_stop(&r);
    wait_until_drained();
    check_feed();
    check_status(true);
    check_answers(3);
}

static void a_killed_shard_loses_nothing(void **state) {
    (void)state;
    need_servers();
    for (int round = 0; round < rounds(); round++)
        kill_a_shard();
}

/* A shard that neither answers nor hangs up. */
static void a_paused_shard_is_named_in_time(void **state) {
    (void)state;
    need_servers();
    liken_error why = {0};
    answer a;
    server_pause(&shard[2], true);
    const double begun = lk_clock_monotonic();
    assert_int_equal(search(known[10], 5, INFINITY, NULL, &a, &why), LIKEN_E_BUSY);
    assert_non_null(strstr(why.message, "Shard \"c\""));
    print_message("named after %.1f s: %s\n", lk_clock_monotonic() - begun, why.message);
    lk_store_missing missing = {0};
    assert_ok(search(known[10], 5, INFINITY, &missing, &a, &err), err);
    assert_int_equal(missing.count, 1);
    assert_string_equal(missing.names[0], "c");
    free(a.list);
    server_pause(&shard[2], false);
    close_store();
    open_store(); /* which mistrusts nobody */
}

/* The coordinator is killed while it commits: shards may have descriptors that it knows nothing of, never the other
 * way. */
static void a_killed_coordinator_loses_nothing(void **state) {
    (void)state;
    need_servers();
    static struct running r;
    int64_t removed = -1;
    for (int round = 0; round < rounds(); round++) {
        memset(&r, 0, sizeof r);
        for (int i = 0; i < ADDERS; i++)
            assert_int_equal(pthread_create(&r.adders[i], NULL, keep_adding, &r.load), 0);
        wait_for_more(&r.load.added, 30);
        server_kill(&home);
        wait_for_more(&r.load.refused, 1);
        server_start(&home);
        wait_for_more(&r.load.added, 20);
        atomic_store(&r.load.stop, true);
        for (int i = 0; i < ADDERS; i++)
            pthread_join(r.adders[i], NULL);
    }
    check_feed();
    check_status(true);
    assert_ok(lk_cluster_clean(db, &removed, &err), err);
    print_message("%lld orphans\n", (long long)removed);
    check_status(true);
    check_answers(3);
}

static void a_fourth_shard_is_added_under_load(void **state) {
    (void)state;
    need_servers();
    static struct running r;
    char where[256];
    where_of(3, where, sizeof where);
    load_start(&r);
    wait_for_more(&r.load.added, 20);
    assert_ok(lk_cluster_add(db, &(liken_shard_address){"d", where}, &err), err);
    assert_ok(lk_cluster_balance(db, &err), err);
    wait_for_more(&r.load.found, 5);
    wait_for_more(&r.load.added, 20);
    load_stop(&r);
    assert_int_equal(r.load.refused, 0);
    assert_int_equal(r.load.unanswered, 0);
    check_feed();
    check_status(true);
    tend();
    check_answers(3);
    assert_int_equal(
        server_number(&shard[3], "postgres", "SELECT count(*) FROM pg_class WHERE relname ~ '^vectors_b[0-9]+$'"), 16);
}

/* ---- locks ---- */

static void *search_once(void *arg) {
    answer a;
    liken_error *why = arg;
    if (search(known[20], 5, INFINITY, NULL, &a, why) != LIKEN_OK)
        return NULL;
    if (a.wrong || a.count < 5 || a.list[0].face != 20)
        (void)snprintf(why->message, sizeof why->message, "a wrong answer");
    free(a.list);
    return NULL;
}

static void say(lk_pg_conn *c, const char *sql) {
    assert_ok(lk_pg_script(c, sql, &err), err);
}

/* Somebody who takes `first`, and `then` once a search waits for it. */
static void search_beside(const char *first, const char *then) {
    pthread_t searcher;
    lk_pg_conn *c = NULL;
    liken_error why = {0};
    assert_ok(lk_pg_take(db, &c, &err), err);
    say(c, "BEGIN; SET LOCAL deadlock_timeout = '1min'");
    say(c, first);
    assert_int_equal(pthread_create(&searcher, NULL, search_once, &why), 0);
    say(c, "DO $$BEGIN WHILE NOT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND relation IN"
           " ('liken.cluster'::regclass, 'liken.vectors'::regclass)) LOOP PERFORM pg_sleep(0.01); END LOOP; END$$");
    say(c, then);
    say(c, "ROLLBACK");
    lk_pg_give(db, c);
    pthread_join(searcher, NULL);
    assert_string_equal(why.message, "");
}

/* Both take liken.cluster before liken.vectors. */
static void a_move_and_a_search_wait_for_each_other_in_turn(void **state) {
    (void)state;
    need_servers();
    const int before = count_in_log(&home, "deadlock detected");
    search_beside("LOCK TABLE liken.cluster", "LOCK TABLE liken.vectors");
    assert_int_equal(count_in_log(&home, "deadlock detected"), before);
}

/* Somebody else's locks, in an order that is not ours. */
static void a_search_that_the_database_broke_off_begins_anew(void **state) {
    (void)state;
    need_servers();
    const int before = count_in_log(&home, "deadlock detected");
    search_beside("LOCK TABLE liken.vectors", "LOCK TABLE liken.cluster");
    assert_int_equal(count_in_log(&home, "deadlock detected"), before + 1);
}

/* Loses the connection of the search that it belongs to, once. */
struct losing {
    answer answer;
    int anew;
};

static int on_near_losing(void *ctx, int64_t face, bool weak, const float *descriptor, int dimension) {
    struct losing *l = ctx;
    if (descriptor == NULL)
        l->anew++;
    else if (l->anew == 0 && l->answer.count == 0)
        server_sql(&home, "postgres",
                   "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE state = 'idle in transaction'");
    return on_near(&l->answer, face, weak, descriptor, dimension);
}

static void a_search_begins_anew_when_some_was_told_already(void **state) {
    (void)state;
    need_servers();
    struct losing l = {.answer = {.query = known[20]}};
    answer a;
    bool exact = false;
    double recall = 0;
    tend();
    assert_ok(search(known[20], 5, INFINITY, NULL, &a, &err), err);
    const lk_store_query q = {.collection = people,
                              .vector = known[20],
                              .dimension = SAMPLE_DIMENSION,
                              .radius = INFINITY,
                              .weak_radius = INFINITY,
                              .k = 5};
    assert_ok(store->ops->searching->find(store, &q, on_near_losing, &l, &exact, &recall, &err), err);
    assert_int_equal(l.anew, 1);
    assert_false(l.answer.wrong);
    assert_int_equal(l.answer.count, a.count);
    free(l.answer.list);
    free(a.list);
}

/* A move that was broken off at each of its steps leaves what the next call clears away. */
static void an_interrupted_move_is_tidied(void **state) {
    (void)state;
    need_servers();
    char bucket[32], sql[256];
    (void)snprintf(bucket, sizeof bucket, "%lld",
                   server_number(&home, "postgres", "SELECT min(bucket) FROM liken.buckets WHERE shard = 'a'"));
    /* the copy is attached on "b", and the map does not know it */
    (void)snprintf(sql, sizeof sql,
                   "CREATE TABLE liken.vectors_b%s PARTITION OF liken.vectors (PRIMARY KEY (face)) FOR VALUES IN (%s)",
                   bucket, bucket);
    server_sql(&shard[1], "postgres", sql);
    (void)snprintf(sql, sizeof sql, "INSERT INTO liken.vectors SELECT %s + 64, %lld, decode(repeat('00', 512), 'hex')",
                   bucket, (long long)people);
    server_sql(&shard[1], "postgres", sql);
    server_sql(&shard[1], "postgres", "CREATE TABLE liken.vectors_b999 (LIKE liken.vectors)");
    assert_ok(lk_cluster_balance(db, &err), err);
    assert_int_equal(
        server_number(&shard[1], "postgres", "SELECT count(*) FROM pg_class WHERE relname ~ '^vectors_b[0-9]+$'"), 16);
    check_feed();
    check_status(true);
    check_answers(2);
}

int main(void) {
    cmocka_set_test_filter(getenv("TESTS"));
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_gallery_is_spread),
        cmocka_unit_test(a_used_database_is_no_shard),
        cmocka_unit_test(shards_answer_by_columns),
        cmocka_unit_test(filters_reach_the_shards),
        cmocka_unit_test(the_limit_reaches_the_shards_and_they_work_at_once),
        cmocka_unit_test(a_batch_is_written_by_all_shards_at_once),
        cmocka_unit_test(what_a_crash_leaves_is_replaced_and_cleaned),
        cmocka_unit_test(a_removed_face_is_gone_even_while_its_shard_is_away),
        cmocka_unit_test(a_killed_shard_loses_nothing),
        cmocka_unit_test(a_paused_shard_is_named_in_time),
        cmocka_unit_test(a_killed_coordinator_loses_nothing),
        cmocka_unit_test(a_fourth_shard_is_added_under_load),
        cmocka_unit_test(a_move_and_a_search_wait_for_each_other_in_turn),
        cmocka_unit_test(a_search_that_the_database_broke_off_begins_anew),
        cmocka_unit_test(a_search_begins_anew_when_some_was_told_already),
        cmocka_unit_test(an_interrupted_move_is_tidied),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
