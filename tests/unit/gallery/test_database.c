/* What the database finds against what the index in memory finds, bit by bit: ids, order, distances.
 *
 * LIKEN_DATABASE_FACES and LIKEN_DATABASE_QUERIES make it larger. */
#include "unit/test.h"

#include "base/crypto.h"
#include "gallery/gallery_int.h"
#include "pg/pg.h"
#include "unit/store/sample.h"
#include "unit/store/server.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PER_IMAGE 50
#define K_MAX 10000

static struct server server;
static bool has_vector;
static liken_error err;

static size_t setting(const char *name, size_t fallback) {
    const char *text = getenv(name);
    return text == NULL ? fallback : (size_t)strtoull(text, NULL, 10);
}

static int start(void **state) {
    (void)state;
    if (server_programs() == NULL)
        return 0;
    server_make(&server);
    has_vector =
        server_number(&server, "postgres", "SELECT count(*) FROM pg_available_extensions WHERE name = 'vector'") > 0;
    return 0;
}

static int stop(void **state) {
    (void)state;
    if (server_programs() != NULL)
        server_remove(&server);
    return 0;
}

static void need(bool vector) {
    if (server_programs() == NULL)
        print_message("%s\n", server_missing);
    else if (vector && !has_vector)
        print_message("the server has no extension pgvector\n");
    if (server_programs() == NULL || (vector && !has_vector))
        skip();
}

/* ---- a world: a database, a collection in it, and the index in memory over the same faces ---- */

struct world {
    liken lk; /* only its store is used */
    liken_collection collection;
    lk_index *index;
    unsigned seed;
};

static float real(unsigned *seed) {
    *seed = *seed * 1664525u + 1013904223u;
    return (float)(*seed >> 8) / 16777216.0f - 0.5f;
}

/* Faces of some people, some of them twice over, so that there are near ones and ties. */
static void descriptor(struct world *w, float *out) {
    const int n = w->collection.dimension;
    unsigned person = (unsigned)((real(&w->seed) + 0.5f) * 300) * 2654435761u + 1;
    const float noise = real(&w->seed) > 0.45f ? 0 : 0.3f;
    for (int i = 0; i < n; i++)
        out[i] = real(&person) + noise * real(&w->seed);
}

static void open_world(struct world *w, const char *database, int dimension, liken_metric metric) {
    memset(w, 0, sizeof *w);
    w->seed = (unsigned)dimension * 7 + (unsigned)metric;
    w->collection = (liken_collection){.name = strdup("faces"),
                                       .model = strdup(SAMPLE_MODEL),
                                       .dimension = dimension,
                                       .metric = metric,
                                       .threshold = 0.5f,
                                       .created_at = 1};
    server_database(&server, database);
    assert_ok(lk_store_open_postgres(&w->lk.store, server_where(&server, database, false, 0), false, &err), err);
    assert_ok(w->lk.store->ops->collections->create(w->lk.store, &w->collection, &err), err);
    assert_ok(lk_index_new(&w->index, dimension, &err), err);
}

static void close_world(struct world *w) {
    w->lk.store->ops->close(w->lk.store);
    lk_index_free(w->index);
    free(w->collection.name);
    free(w->collection.model);
}

static void index_face(struct world *w, const liken_face *f) {
    const size_t n = (size_t)w->collection.dimension;
    float *v = malloc(n * sizeof *v);
    assert_non_null(v);
    if (w->collection.metric == LIKEN_NORMALIZED)
        (void)lk_vector_normalize(f->descriptor, n, v);
    else
        memcpy(v, f->descriptor, n * sizeof *v);
    const int64_t key = lk_face_key(f->id, f->weak);
    assert_ok(lk_index_add(w->index, &key, v, 1, &err), err);
    free(v);
}

/* Photos of PER_IMAGE faces each, of which every third is weak; every other one with the tag "odd". */
static void add(struct world *w, size_t faces) {
    for (size_t done = 0; done < faces; done += PER_IMAGE) {
        liken_image *image = sample_image(w->seed++, PER_IMAGE), *existing = NULL;
        sample_set(&image->tags[0], done / PER_IMAGE % 2 == 0 ? "even" : "odd");
        lk_sha256_hex(&w->seed, sizeof w->seed, image->sha256);
        image->captured_at = 1000 + (int64_t)done;
        for (size_t i = 0; i < PER_IMAGE; i++) {
            free(image->faces[i].descriptor);
            image->faces[i].weak = i % 3 == 1;
            image->faces[i].dimension = w->collection.dimension;
            image->faces[i].descriptor = malloc((size_t)w->collection.dimension * sizeof(float));
            descriptor(w, image->faces[i].descriptor);
        }
        assert_ok(w->lk.store->ops->images->add(w->lk.store, w->collection.id, image, false, &existing, &err), err);
        assert_null(existing);
        for (size_t i = 0; i < PER_IMAGE; i++)
            index_face(w, &image->faces[i]);
        liken_image_free(image);
    }
}

static void take_away(struct world *w, int64_t face) {
    assert_ok(w->lk.store->ops->faces->remove(w->lk.store, NULL, face, &err), err);
    const int64_t keys[] = {lk_face_key(face, false), lk_face_key(face, true)};
    assert_ok(lk_index_delete(w->index, keys, 2, &err), err);
}

static void choose(struct world *w, liken_search search) {
    assert_ok(w->lk.store->ops->collections->search_set(w->lk.store, w->collection.id, search, &err), err);
}

static void tend(struct world *w) {
    assert_ok(lk_tend(&w->lk, &err), err);
}

/* ---- one question, both ways ---- */

static bool is_allowed(void *ctx, int64_t id) {
    return *(const int64_t *)ctx != lk_key_face(id);
}

/* All within the radius, beyond k too. */
static void count_all(struct world *w, const lk_store_query *asked, const lk_index_query *query) {
    lk_ids faces = {0};
    bool known = false;
    lk_neighbour neighbour;
    size_t count = 0;
    uint64_t within = 0;
    lk_index_query counted = *query;
    counted.k = 1;
    counted.within = &within;
    if (query->only == NULL || query->only_count > 0)
        assert_ok(lk_index_search(w->index, &counted, &neighbour, &count, NULL, &err), err);
    lk_store_query all = *asked;
    all.all = true;
    all.k = within > 0 ? within : 1; /* not one more than may be told */
    assert_ok(lk_database_within(&w->lk, &w->collection, &all, &faces, &known, &err), err);
    assert_true(known);
    assert_int_equal(faces.count, within);
    lk_ids_free(&faces);
    if (within < 2)
        return;
    all.k = within - 1;
    faces = (lk_ids){0};
    assert_ok(lk_database_within(&w->lk, &w->collection, &all, &faces, &known, &err), err);
    assert_false(known);
    assert_int_equal(faces.count, 0);
}

static void ask(struct world *w, size_t turn) {
    static lk_neighbour here[K_MAX], there[K_MAX];
    static const char *const odd[] = {"odd"};
    const size_t sizes[] = {1, 10, 100, 1000, K_MAX};
    const size_t n = (size_t)w->collection.dimension, k = sizes[turn % LK_LENGTH(sizes)];
    liken_search_options filter = {
        .size = sizeof(liken_search_options), .captured_from = LIKEN_NO_TIME, .captured_to = LIKEN_NO_TIME};
    int64_t *only = NULL, except = turn % 3 == 0 ? 1 + (int64_t)(turn % 500) : -1;
    size_t only_count = 0, here_count = 0, there_count = 0;
    uint64_t searched = 0, counted = 0;
    bool exact = false;
    double recall = 0;
    float *q = malloc(n * sizeof *q);
    descriptor(w, q);
    if (w->collection.metric == LIKEN_NORMALIZED)
        (void)lk_vector_normalize(q, n, q);
    if (turn % 4 == 1) {
        filter.tags = odd;
        filter.tag_count = 1;
    }
    if (turn % 4 == 2) {
        filter.captured_from = 1200;
        filter.captured_to = 2500;
    }
    const bool filtered = turn % 4 == 1 || turn % 4 == 2;
    lk_store *s = w->lk.store;
    if (filtered)
        assert_ok(s->ops->faces->where(s, w->collection.id, &filter, &only, &only_count, &err), err);
    const float radius = turn % 5 == 0                      ? INFINITY
                         : turn % 5 == 1                    ? 0.0f
                         : w->collection.metric == LIKEN_L2 ? 1.5f
                                                            : 0.6f;
    const float weak_radius = turn % 7 == 0 ? 1.1f * radius : turn % 7 == 1 ? radius : 0.9f * radius;
    const lk_index_query query = {.vector = q,
                                  .radius = radius,
                                  .apart = true,
                                  .odd_radius = weak_radius,
                                  .k = k,
                                  .filter = is_allowed,
                                  .filter_ctx = &except,
                                  .only = only,
                                  .only_count = only_count};
    if (!filtered || only_count > 0)
        assert_ok(lk_index_search(w->index, &query, here, &here_count, &searched, &err), err);
    const lk_store_query asked = {.collection = w->collection.id,
                                  .vector = q,
                                  .dimension = (int)n,
                                  .radius = radius,
                                  .weak_radius = weak_radius,
                                  .k = k,
                                  .except = &except,
                                  .except_count = except > 0,
                                  .filter = &filter};
    assert_ok(lk_database_search(&w->lk, &w->collection, &asked, there, &there_count, &exact, &recall, &err), err);
    assert_true(exact);
    assert_true(recall == 1);
    assert_int_equal(here_count, there_count);
    for (size_t i = 0; i < here_count; i++) {
        assert_int_equal(lk_key_face(here[i].id), lk_key_face(there[i].id));
        assert_true(radius == weak_radius || here[i].id == there[i].id); /* else the class is not asked for */
        assert_memory_equal(&here[i].distance, &there[i].distance, sizeof here[i].distance);
    }
    count_all(w, &asked, &query);
    assert_ok(s->ops->searching->count(s, w->collection.id, &filter, except > 0 ? except : 0, &counted, &err), err);
    assert_int_equal(counted, searched);
    free(only);
    free(q);
}

static void compare(struct world *w, size_t queries) {
    for (size_t i = 0; i < queries; i++)
        ask(w, i);
}

/* What was added since the columns were filled in has them from the beginning. */
static void check_filled(const char *database) {
    assert_int_equal(server_number(&server, database, "SELECT count(*) FROM liken.near"), 1);
    assert_int_equal(
        server_number(&server, database,
                      "SELECT count(*) FROM liken.near n, liken.counters c, liken.vectors v WHERE n.filled <> c.face"
                      " OR (to_jsonb(v) ? 'c0' AND to_jsonb(v)->'c0' = 'null')"
                      " OR (to_jsonb(v) ? 'v' AND to_jsonb(v)->'v' = 'null')"),
        0);
}

/* By every way that is exact: none of the columns filled in, some, and all. */
static void compare_all(struct world *w, const char *database, size_t faces, size_t queries) {
    const liken_search ways[] = {LIKEN_SEARCH_CUBE, LIKEN_SEARCH_PGVECTOR};
    add(w, faces);
    take_away(w, 7);
    compare(w, queries / 20 + 5);
    for (size_t i = 0; i < LK_LENGTH(ways) - !has_vector; i++) {
        choose(w, ways[i]);
        add(w, 2 * PER_IMAGE); /* has its columns, where the older ones have none yet */
        compare(w, 5);
        tend(w);
        compare(w, queries);
        add(w, 2 * PER_IMAGE);
        check_filled(database);
        take_away(w, 20 + (int64_t)i);
        compare(w, queries / 20 + 5);
    }
    choose(w, LIKEN_SEARCH_MEMORY);
    compare(w, 5);
    assert_int_equal(server_number(&server, "postgres", "SELECT 1"), 1);
}

static void run(const char *database, int dimension, liken_metric metric, size_t share) {
    struct world w;
    open_world(&w, database, dimension, metric);
    compare_all(&w, database, setting("LIKEN_DATABASE_FACES", 1200) / share,
                setting("LIKEN_DATABASE_QUERIES", 40) / share);
    close_world(&w);
    /* nothing is left of what nobody asks for */
    assert_int_equal(server_number(&server, database,
                                   "SELECT count(*) FROM pg_attribute WHERE attrelid = 'liken.vectors'::regclass"
                                   " AND attnum > 0 AND NOT attisdropped"),
                     3);
    assert_int_equal(server_number(&server, database, "SELECT count(*) FROM liken.near"), 0);
}

/* ---- the tests ---- */

static void of_128_numbers(void **state) {
    (void)state;
    need(false);
    run("n128", 128, LIKEN_NORMALIZED, 1);
    run("r128", 128, LIKEN_L2, 2);
}

static void of_512_numbers(void **state) {
    (void)state;
    need(false);
    run("n512", 512, LIKEN_NORMALIZED, 4);
}

static void of_odd_numbers(void **state) {
    (void)state;
    need(false);
    run("r37", 37, LIKEN_L2, 4);
    run("n65", 65, LIKEN_NORMALIZED, 4);
    run("n960", 960, LIKEN_NORMALIZED, 10);
}

static void more_than_a_row_holds_is_refused(void **state) {
    (void)state;
    need(false);
    struct world w;
    open_world(&w, "n1024", 1024, LIKEN_NORMALIZED);
    lk_store *s = w.lk.store;
    assert_int_equal(s->ops->collections->search_set(s, w.collection.id, LIKEN_SEARCH_CUBE, &err), LIKEN_E_UNSUPPORTED);
    assert_non_null(strstr(err.message, "960"));
    add(&w, 2 * PER_IMAGE);
    compare(&w, 20);
    if (has_vector) {
        choose(&w, LIKEN_SEARCH_PGVECTOR);
        tend(&w);
        compare(&w, 20);
    }
    close_world(&w);
}

static void what_is_missing_is_named(void **state) {
    (void)state;
    need(false);
    if (has_vector) {
        print_message("the server has pgvector\n");
        skip();
    }
    struct world w;
    open_world(&w, "missing", 128, LIKEN_NORMALIZED);
    lk_store *s = w.lk.store;
    assert_int_equal(s->ops->collections->search_set(s, w.collection.id, LIKEN_SEARCH_HNSW, &err), LIKEN_E_UNSUPPORTED);
    assert_non_null(strstr(err.message, "pgvector"));
    close_world(&w);
}

/* The approximate way says that it is, and how good; until its index is there the answers are exact. */
static void approximate_says_so(void **state) {
    (void)state;
    need(true);
    static lk_neighbour neighbours[10];
    struct world w;
    bool exact = true;
    double recall = 1;
    size_t count = 0;
    float q[128];
    open_world(&w, "hnsw", 128, LIKEN_NORMALIZED);
    add(&w, 1000);
    choose(&w, LIKEN_SEARCH_HNSW);
    compare(&w, 10);
    tend(&w);
    descriptor(&w, q);
    (void)lk_vector_normalize(q, 128, q);
    const lk_store_query asked = {.collection = w.collection.id,
                                  .vector = q,
                                  .dimension = 128,
                                  .radius = INFINITY,
                                  .weak_radius = INFINITY,
                                  .k = 10};
    assert_ok(lk_database_search(&w.lk, &w.collection, &asked, neighbours, &count, &exact, &recall, &err), err);
    assert_false(exact);
    assert_true(recall > 0.5 && recall <= 1);
    assert_int_equal(count, 10);
    add(&w, 4 * PER_IMAGE); /* more than a tenth: it is measured again */
    tend(&w);
    assert_int_equal(server_number(&server, "hnsw", "SELECT recall_faces FROM liken.near"), 1200);
    choose(&w, LIKEN_SEARCH_PGVECTOR);
    compare(&w, 10);
    assert_int_equal(server_number(&server, "hnsw", "SELECT count(*) FROM pg_indexes WHERE indexname ~ '^near_[0-9]'"),
                     0);
    /* without its columns, as after DROP EXTENSION ... CASCADE by somebody, bytes are compared */
    server_sql(&server, "hnsw", "DROP EXTENSION vector CASCADE");
    compare(&w, 10);
    tend(&w);
    close_world(&w);
}

static void *tend_once(void *arg) {
    struct world *w = arg;
    bool more = false;
    liken_error why;
    for (int i = 0; i < 50; i++) /* filling in, then building, which is broken off */
        if (w->lk.store->ops->searching->tend(w->lk.store, &more, &why) != LIKEN_OK)
            break;
    return NULL;
}

/* While an approximate index is built (which waits here for an old snapshot) its collection can be set otherwise at
 * once, and another one is told why it cannot. */
static void a_build_is_broken_off_or_named(void **state) {
    (void)state;
    need(true);
    struct world w;
    lk_pg *db = NULL;
    lk_pg_conn *c = NULL;
    pthread_t thread;
    open_world(&w, "built", 128, LIKEN_NORMALIZED);
    liken_collection other = {
        .name = strdup("other"), .model = strdup(SAMPLE_MODEL), .dimension = 128, .threshold = 0.5f};
    lk_store *s = w.lk.store;
    assert_ok(s->ops->collections->create(s, &other, &err), err);
    add(&w, 100);
    choose(&w, LIKEN_SEARCH_HNSW);
    assert_ok(lk_pg_open(&db, server_where(&server, "built", false, 1), NULL, &err), err);
    assert_ok(lk_pg_take(db, &c, &err), err);
    assert_ok(lk_pg_script(c, "BEGIN ISOLATION LEVEL REPEATABLE READ", &err), err);
    assert_ok(lk_pg_patience(c, 60000, &err), err);
    assert_int_equal(pthread_create(&thread, NULL, tend_once, &w), 0);
    for (int i = 0;
         i < 1200 && server_number(&server, "built", "SELECT count(*) FROM pg_stat_progress_create_index") == 0; i++)
        (void)nanosleep(&(struct timespec){.tv_nsec = 50 * 1000 * 1000}, NULL);
    assert_int_equal(s->ops->collections->search_set(s, other.id, LIKEN_SEARCH_CUBE, &err), LIKEN_E_BUSY);
    assert_non_null(strstr(err.message, "The approximate index of collection \"faces\" is being built"));
    assert_ok(s->ops->collections->search_set(s, w.collection.id, LIKEN_SEARCH_HNSW, &err), err);
    assert_true(server_number(&server, "built", "SELECT count(*) FROM pg_stat_progress_create_index") > 0);
    assert_ok(s->ops->collections->search_set(s, w.collection.id, LIKEN_SEARCH_MEMORY, &err), err);
    pthread_join(thread, NULL);
    assert_int_equal(server_number(&server, "built", "SELECT count(*) FROM pg_class WHERE relname ~ '^near_[0-9]'"), 0);
    assert_ok(s->ops->collections->search_set(s, other.id, LIKEN_SEARCH_CUBE, &err), err);
    lk_pg_give(db, c);
    lk_pg_close(db);
    free(other.name);
    free(other.model);
    close_world(&w);
}

/* Two collections in one table do not see each other. */
static void collections_share_the_columns(void **state) {
    (void)state;
    need(false);
    struct world w;
    open_world(&w, "two", 64, LIKEN_L2);
    liken_collection other = {.name = strdup("other"), .model = strdup("longer"), .dimension = 100, .threshold = 0.5f};
    lk_store *s = w.lk.store;
    assert_ok(s->ops->collections->create(s, &other, &err), err);
    add(&w, 200);
    choose(&w, LIKEN_SEARCH_CUBE);
    assert_ok(s->ops->collections->search_set(s, other.id, LIKEN_SEARCH_CUBE, &err), err);
    tend(&w);
    compare(&w, 20);
    assert_ok(s->ops->collections->search_set(s, other.id, LIKEN_SEARCH_AUTO, &err), err);
    assert_int_equal(server_number(&server, "two",
                                   "SELECT count(*) FROM pg_attribute WHERE attrelid = 'liken.vectors'::regclass"
                                   " AND attname LIKE 'c_' AND NOT attisdropped"),
                     1);
    compare(&w, 20);
    assert_ok(s->ops->collections->remove(s, w.collection.id, false, &err), err);
    assert_int_equal(server_number(&server, "two", "SELECT count(*) FROM liken.near"), 0);
    free(other.name);
    free(other.model);
    close_world(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_128_numbers),
        cmocka_unit_test(of_512_numbers),
        cmocka_unit_test(of_odd_numbers),
        cmocka_unit_test(more_than_a_row_holds_is_refused),
        cmocka_unit_test(what_is_missing_is_named),
        cmocka_unit_test(approximate_says_so),
        cmocka_unit_test(a_build_is_broken_off_or_named),
        cmocka_unit_test(collections_share_the_columns),
    };
    cmocka_set_test_filter(getenv("TESTS"));
    return cmocka_run_group_tests(tests, start, stop);
}
