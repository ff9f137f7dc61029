/* A search inside PostgreSQL. All of it sees one moment: what the columns hold is ranked by the database, what they do
 * not hold yet is read as it is. */
#include "store/postgres/search/search_int.h"

#include "store/codec.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BEYOND 16          /* rows asked for beyond k, so that one question is mostly enough */
#define CHUNK 2048         /* faces read at a time where the columns are not filled in */
#define PATIENCE_MS 8000   /* for a search, and for each */
#define PATIENCE_FACES 100 /* so many faces a millisecond more */
#define PATIENCE_MAX_MS 600000
#define TRIES 5 /* of a search that shards or locks were in the way of */

/* ---- ranking by the database ---- */

/* The root of the summed squares of the cubes' distances: the legacy arithmetic. A query's cube is made once and not
 * for every row: here because the statement is planned with the numbers at hand, for shards by a subquery of its own.
 */
static int cube_distance(lk_search_sql *t, const lk_search_plan *p, const float *vector, bool spread,
                         liken_error *err) {
    int rc = lk_buf_string(&t->sql, "sqrt(", err);
    for (int i = 0; rc == LIKEN_OK && i * LK_SEARCH_CUBE_SIZE < p->dimension; i++) {
        const int first = i * LK_SEARCH_CUBE_SIZE, left = p->dimension - first;
        int number;
        rc = lk_search_sql_floats(t, LK_PG_FLOAT8, vector + first,
                                  left < LK_SEARCH_CUBE_SIZE ? left : LK_SEARCH_CUBE_SIZE, &number, err);
        if (rc == LIKEN_OK)
            rc = lk_buf_format(&t->sql, err, "%spower(v.c%d OPERATOR(%s.<->) %s%s.cube($%d::float8[])%s, 2)",
                               i == 0 ? "" : " + ", i, p->space, spread ? "(SELECT " : "", p->space, number,
                               spread ? ")" : "");
    }
    return rc == LIKEN_OK ? lk_buf_string(&t->sql, ")", err) : rc;
}

static int vector_distance(lk_search_sql *t, const lk_search_plan *p, const float *vector, bool approximate,
                           liken_error *err) {
    int number;
    const int rc = lk_search_sql_floats(t, LK_PG_FLOAT4, vector, p->dimension, &number, err);
    if (rc != LIKEN_OK)
        return rc;
    return approximate /* written as the index is */
               ? lk_buf_format(&t->sql, err, "(v.v::%s.vector(%d) OPERATOR(%s.<->) $%d::float4[]::%s.vector(%d))",
                               p->space, p->dimension, p->space, number, p->space, p->dimension)
               : lk_buf_format(&t->sql, err, "(v.v OPERATOR(%s.<->) $%d::float4[]::%s.vector)", p->space, number,
                               p->space);
}

/* How much larger a distance of the database may be than the caller's, or smaller: at most a rounding of a float for
 * each number, and a few more. */
static double margin(int dimension) {
    return (dimension + 32) * 0x1p-24;
}

#define TINY 1e-18 /* what may be lost where squares are too small for a float */

/* Where all within the radius are asked for, a descriptor is wanted only of those whose distance may be mistaken for
 * one within it; of the others nothing, as no bytes. */
static int descriptor_sql(lk_search_sql *t, const lk_search_plan *p, const lk_store_query *query, liken_error *err) {
    if (!query->all)
        return lk_buf_string(&t->sql, "d.descriptor", err);
    const double sure = (double)fminf(query->radius, query->weak_radius) * (1 - 3 * margin(p->dimension)) - TINY;
    return lk_buf_format(&t->sql, err, "CASE WHEN d.g > $%d THEN d.descriptor ELSE '' END AS descriptor",
                         lk_search_sql_put(t, lk_pg_float8(sure)));
}

/* The + 0 keeps the database from reading the whole table in the order of an index, which it takes for quicker as long
 * as it has not counted the rows, and which it cannot do in parallel: that of the key always, that of collections
 * (which shards have not) where many of all faces are of this one. The approximate index is one for the collection
 * alone, which must therefore stand there as a number. */
static int ranked_sql(lk_search_sql *t, const lk_search_plan *p, const lk_search_query *q, liken_error *err) {
    const lk_store_query *query = q->query;
    (void)lk_search_sql_put(t, lk_pg_int8(p->collection));
    (void)lk_search_sql_put(t, lk_pg_int8(p->filled));
    int rc = lk_buf_string(&t->sql, "SELECT d.face, ", err);
    if (rc == LIKEN_OK)
        rc = descriptor_sql(t, p, query, err);
    if (rc == LIKEN_OK)
        rc = lk_buf_string(&t->sql, ", d.g FROM (SELECT v.face, v.descriptor, ", err);
    if (rc == LIKEN_OK)
        rc = p->method == LIKEN_SEARCH_CUBE ? cube_distance(t, p, query->vector, q->map != NULL, err)
                                            : vector_distance(t, p, query->vector, q->approximate, err);
    if (rc == LIKEN_OK)
        rc = lk_buf_string(&t->sql, " AS g", err);
    if (rc == LIKEN_OK)
        rc = lk_search_sql_table(t, err);
    if (rc == LIKEN_OK)
        rc = lk_buf_format(&t->sql, err, " WHERE v.collection%s = $1 AND v.face + 0 <= $2",
                           p->most && q->map == NULL ? " + 0" : "");
    if (rc == LIKEN_OK && q->approximate)
        rc = lk_buf_format(&t->sql, err, " AND v.collection = %lld", (long long)p->collection);
    if (rc == LIKEN_OK)
        rc = lk_search_sql_conditions(t, query, q->map, err);
    if (rc == LIKEN_OK)
        rc = lk_buf_string(&t->sql, ") d", err);
    const double reach = (double)fmaxf(query->radius, query->weak_radius);
    if (rc == LIKEN_OK && !isinf(reach))
        rc = lk_buf_format(&t->sql, err, " WHERE d.g <= $%d",
                           lk_search_sql_put(t, lk_pg_float8(reach * (1 + 3 * margin(p->dimension)) + TINY)));
    if (rc == LIKEN_OK) /* a parameter would keep the limit from the shards */
        rc = lk_buf_format(&t->sql, err, " ORDER BY d.g LIMIT %zu", q->rows);
    return rc == LIKEN_OK && q->map != NULL ? lk_search_sql_spread(t, q->map, q->down, "g", q->rows, err) : rc;
}

int lk_search_ranked(lk_pg_conn *c, const lk_search_plan *p, const lk_search_query *q, lk_pg_result **out,
                     liken_error *err) {
    lk_search_sql *t = malloc(sizeof *t);
    if (t == NULL)
        return lk_fail_memory(err);
    lk_search_sql_init(t);
    int rc = ranked_sql(t, p, q, err);
    if (rc == LIKEN_OK)
        rc = lk_search_sql_ask(c, t, out, err);
    lk_search_sql_free(t);
    free(t);
    return rc;
}

/* ---- which of them are weak ---- */

/* Whether a face is weak stands with the face, not with its descriptor, which may lie on another server. So the nearest
 * are found by the wider of the two radii, and then it is asked which of them are weak, unless that makes no
 * difference. */
struct weak {
    lk_pg_result *faces; /* ascending; NULL: not asked */
};

static int ask_weak(lk_pg_conn *c, const lk_store_query *query, const lk_pg_result *rows, struct weak *out,
                    liken_error *err) {
    lk_pg_column faces;
    int rc = LIKEN_OK;
    if (query->radius == query->weak_radius || lk_pg_rows(rows) == 0)
        return LIKEN_OK;
    lk_pg_column_init(&faces, LK_PG_INT8);
    for (int i = 0; rc == LIKEN_OK && i < lk_pg_rows(rows); i++)
        rc = lk_pg_column_add(&faces, lk_pg_int8(lk_pg_get_int(rows, i, 0)), err);
    if (rc == LIKEN_OK)
        rc = lk_pg_exec(c, "SELECT id FROM liken.faces WHERE id = ANY ($1) AND weak = 1 ORDER BY id",
                        LK_PG_ARGS(lk_pg_array(&faces)), &out->faces, err);
    lk_pg_column_free(&faces);
    return rc;
}

static bool is_weak(const struct weak *w, int64_t face) {
    int low = 0, high = w->faces == NULL ? 0 : lk_pg_rows(w->faces);
    const int end = high;
    while (low < high) {
        const int middle = low + (high - low) / 2;
        if (lk_pg_get_int(w->faces, middle, 0) < face)
            low = middle + 1;
        else
            high = middle;
    }
    return low < end && lk_pg_get_int(w->faces, low, 0) == face;
}

/* Are these rows all that may count: fewer than asked for, or reaching beyond what the k-th of those that surely count
 * can be mistaken by? */
static bool is_enough(const lk_pg_result *rows, const lk_search_query *q, const struct weak *weak, int dimension) {
    const int count = lk_pg_rows(rows);
    size_t sure = 0;
    double kth = INFINITY;
    if ((size_t)count < q->rows || q->query->all)
        return true;
    for (int i = 0; i < count && sure < q->query->k; i++) {
        const double g = lk_pg_get_real(rows, i, 2);
        const float radius = is_weak(weak, lk_pg_get_int(rows, i, 0)) ? q->query->weak_radius : q->query->radius;
        if (isinf(radius) || g <= (double)radius * (1 - 3 * margin(dimension)) - TINY) {
            kth = g;
            sure++;
        }
    }
    if (sure < q->query->k || q->approximate)
        return sure == q->query->k;
    return lk_pg_get_real(rows, count - 1, 2) > kth * (1 + 3 * margin(dimension)) + TINY;
}

/* ---- a search ---- */

struct search {
    lk_cluster *cluster;
    lk_cluster_map map;
    bool down[LK_CLUSTER_SHARDS];
    const lk_store_query *query;
    lk_store_query_fn *fn;
    void *ctx;
    bool told;     /* fn was called: it is to forget that before this begins anew */
    bool slow;     /* the database broke it off because it took too long */
    bool collided; /* the database broke it off because of what somebody else did, and it may succeed when repeated */
    lk_search_plan plan;
    bool exact;
    float *numbers;
};

static int tell(struct search *s, const lk_pg_result *rows, const struct weak *weak, liken_error *err) {
    const int count = lk_pg_rows(rows);
    int rc = LIKEN_OK;
    s->told = s->told || count > 0;
    for (int i = 0; rc == LIKEN_OK && i < count; i++) {
        size_t size = 0;
        const int64_t face = lk_pg_get_int(rows, i, 0);
        const char *bytes = lk_pg_get_bytes(rows, i, 1, &size);
        if (bytes == NULL || (size == 0 && !s->query->all) || size % 4 != 0 || size > 4 * LK_DIMENSION_MAX)
            return lk_fail(
                err, LIKEN_E_STORE,
                "The database holds a descriptor of %zu bytes for face %lld, which cannot be right; run liken "
                "doctor.",
                size, (long long)face);
        lk_floats_decode(bytes, size / 4, s->numbers);
        rc = s->fn(s->ctx, face, is_weak(weak, face), size == 0 ? NULL : s->numbers, (int)(size / 4));
    }
    return rc;
}

/* NULL: one statement over the table, which with Citus asks all nodes. */
static const lk_cluster_map *map_of(const struct search *s) {
    bool down = false;
    for (size_t i = 0; i < s->map.count; i++)
        down = down || s->down[i];
    return s->map.epoch != 0 || (s->map.citus && down) ? &s->map : NULL;
}

/* What *rows and *weak held before is let go of. */
static int rank_with_classes(lk_pg_conn *c, const struct search *s, const lk_search_query *q, lk_pg_result **rows,
                             struct weak *weak, liken_error *err) {
    lk_pg_clear(*rows);
    lk_pg_clear(weak->faces);
    *rows = weak->faces = NULL;
    const int rc = lk_search_ranked(c, &s->plan, q, rows, err);
    return rc == LIKEN_OK ? ask_weak(c, q->query, *rows, weak, err) : rc;
}

static int search_columns(lk_pg_conn *c, struct search *s, liken_error *err) {
    const bool approximate = s->plan.method == LIKEN_SEARCH_HNSW && s->plan.ready;
    lk_search_query q = {
        .query = s->query, .map = map_of(s), .down = s->down, .approximate = approximate, .rows = s->query->k + BEYOND};
    lk_pg_result *rows = NULL;
    struct weak weak = {0};
    int rc = rank_with_classes(c, s, &q, &rows, &weak, err);
    while (rc == LIKEN_OK && !is_enough(rows, &q, &weak, s->plan.dimension)) {
        q.rows *= 4;
        rc = rank_with_classes(c, s, &q, &rows, &weak, err);
    }
    if (rc == LIKEN_OK)
        rc = tell(s, rows, &weak, err);
    lk_pg_clear(rows);
    lk_pg_clear(weak.faces);
    s->exact = !approximate;
    return rc;
}

static int read_chunk(lk_pg_conn *c, const struct search *s, int64_t after, lk_pg_result **out, liken_error *err) {
    lk_search_sql *t = malloc(sizeof *t);
    if (t == NULL)
        return lk_fail_memory(err);
    lk_search_sql_init(t);
    (void)lk_search_sql_put(t, lk_pg_int8(s->query->collection));
    (void)lk_search_sql_put(t, lk_pg_int8(after));
    const lk_cluster_map *map = map_of(s);
    int rc = lk_buf_string(&t->sql, "SELECT v.face, v.descriptor, 0 AS g", err);
    if (rc == LIKEN_OK)
        rc = lk_search_sql_table(t, err);
    if (rc == LIKEN_OK)
        rc = lk_buf_string(&t->sql, " WHERE v.collection = $1 AND v.face > $2", err);
    if (rc == LIKEN_OK)
        rc = lk_search_sql_conditions(t, s->query, map, err);
    if (rc == LIKEN_OK)
        rc = lk_buf_format(&t->sql, err, " ORDER BY v.face LIMIT %d", CHUNK);
    if (rc == LIKEN_OK && map != NULL)
        rc = lk_search_sql_spread(t, map, s->down, "face", CHUNK, err);
    if (rc == LIKEN_OK)
        rc = lk_search_sql_ask(c, t, out, err);
    lk_search_sql_free(t);
    free(t);
    return rc;
}

/* The faces beyond `filled`, one after the other. */
static int search_rest(lk_pg_conn *c, struct search *s, liken_error *err) {
    int64_t after = s->plan.filled;
    int rc = LIKEN_OK;
    for (int count = CHUNK; rc == LIKEN_OK && count == CHUNK;) {
        lk_pg_result *rows = NULL;
        struct weak weak = {0};
        rc = read_chunk(c, s, after, &rows, err);
        count = rc == LIKEN_OK ? lk_pg_rows(rows) : 0;
        if (count > 0) {
            after = lk_pg_get_int(rows, count - 1, 0);
            rc = ask_weak(c, s->query, rows, &weak, err);
            if (rc == LIKEN_OK)
                rc = tell(s, rows, &weak, err);
        }
        lk_pg_clear(rows);
        lk_pg_clear(weak.faces);
    }
    return rc;
}

/* Columns are changed at once for everybody, whatever a transaction sees; the lock keeps them until this one ends. The
 * order of the locks is everybody's (store/postgres/cluster/cluster.h). Citus would lock on all its nodes too: who
 * changes columns comes here first. (Elsewhere that setting is one that nobody reads.) */
static int begin(lk_pg_conn *c, liken_error *err) {
    return lk_pg_script(c,
                        "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL citus.enable_ddl_propagation = off;"
                        " LOCK TABLE liken.cluster, ONLY liken.vectors IN ACCESS SHARE MODE",
                        err);
}

static int be_patient(lk_pg_conn *c, int64_t faces, liken_error *err) {
    const int64_t ms = PATIENCE_MS + faces / PATIENCE_FACES;
    return lk_pg_patience(c, ms > PATIENCE_MAX_MS ? PATIENCE_MAX_MS : (int)ms, err);
}

/* What the approximate index is to look at for k answers. */
static int be_thorough(lk_pg_conn *c, const struct search *s, liken_error *err) {
    const size_t wide = 2 * s->query->k < 100 ? 100 : 2 * s->query->k > 1000 ? 1000 : 2 * s->query->k;
    char text[24];
    (void)snprintf(text, sizeof text, "%zu", wide);
    int rc = lk_pg_exec(c, "SELECT set_config('hnsw.ef_search', $1, true)", LK_PG_ARGS(lk_pg_text(text)), NULL, err);
    if (rc == LIKEN_OK && s->plan.release >= 800) /* reads on while filters leave too few */
        rc = lk_pg_exec(c, "SELECT set_config('hnsw.iterative_scan', 'strict_order', true)", LK_PG_NO_ARGS, NULL, err);
    return rc;
}

static bool is_spread(const struct search *s) {
    return s->map.epoch != 0 || s->map.citus;
}

/* A shard that is asked has gone away meanwhile. */
static int doubt(void *ctx, liken_error *err) {
    const struct search *s = ctx;
    bool down[LK_CLUSTER_SHARDS] = {false};
    lk_cluster_map map = s->map;
    const int rc = lk_cluster_probe(s->cluster, &map, down, err);
    for (size_t i = 0; rc == LIKEN_E_BUSY && i < map.count; i++) {
        if (down[i] && !s->down[i])
            return rc;
    }
    return LIKEN_OK;
}

/* Those that are known to be away are not asked; that fails the search, unless it may do without them. */
static int look_at_shards(struct search *s, liken_error *err) {
    const int rc = lk_cluster_check(s->cluster, &s->map, s->down, err);
    return rc == LIKEN_E_BUSY && s->query->missing != NULL ? LIKEN_OK : rc;
}

static int search_in_one(lk_pg_conn *c, struct search *s, liken_error *err) {
    int rc = begin(c, err);
    if (rc == LIKEN_OK)
        rc = lk_cluster_look(s->cluster, c, &s->map, err);
    if (rc == LIKEN_OK)
        rc = is_spread(s) ? look_at_shards(s, err) : LIKEN_OK;
    if (rc == LIKEN_OK && is_spread(s))
        lk_pg_doubt(c, doubt, s);
    if (rc == LIKEN_OK && s->map.epoch == 0)
        rc = lk_pg_script(c, LK_SEARCH_SETTINGS, err);
    if (rc == LIKEN_OK)
        rc = lk_search_plan_read(c, s->query->collection, &s->plan, err);
    if (rc == LIKEN_E_NOT_FOUND)
        return LIKEN_OK; /* and nobody is near */
    if (rc == LIKEN_OK)
        rc = be_patient(c, s->plan.faces, err);
    if (rc == LIKEN_OK && s->plan.method == LIKEN_SEARCH_HNSW && s->plan.ready)
        rc = be_thorough(c, s, err);
    if (rc == LIKEN_OK && s->plan.method != LIKEN_SEARCH_MEMORY && s->plan.filled > 0)
        rc = search_columns(c, s, err);
    return rc == LIKEN_OK ? search_rest(c, s, err) : rc;
}

/* A deadlock, a transaction that does not fit with others, a lock that was not to be had in time. */
static bool is_collision(const char *sqlstate) {
    return strcmp(sqlstate, "40P01") == 0 || strcmp(sqlstate, "40001") == 0 || strcmp(sqlstate, "55P03") == 0;
}

static int search_on(lk_pg_conn *c, void *arg, liken_error *err) {
    struct search *s = arg;
    int rc = s->told ? s->fn(s->ctx, 0, false, NULL, 0) : LIKEN_OK;
    s->told = false;
    if (rc == LIKEN_OK)
        rc = search_in_one(c, s, err);
    s->collided = rc == LIKEN_E_BUSY && is_collision(lk_pg_sqlstate(c));
    s->slow = rc == LIKEN_E_BUSY && strcmp(lk_pg_sqlstate(c), "57014") == 0;
    return rc;
}

static void tell_missing(const struct search *s) {
    lk_store_missing *m = s->query->missing;
    for (size_t i = 0; m != NULL && is_spread(s) && i < s->map.count; i++) {
        bool told = !s->down[i] || m->count == LK_STORE_PARTS;
        for (size_t n = 0; n < m->count && !told; n++)
            told = strcmp(m->names[n], s->map.names[i]) == 0;
        if (!told)
            (void)snprintf(m->names[m->count++], sizeof m->names[0], "%s", s->map.names[i]);
    }
}

/* When a shard turns out to be away in the middle, the coordinator's sentence need not name it: so the shards are
 * asked. A search that may do without one begins anew, and so does one whose shards are all there again, unless it took
 * too long. */
static bool is_worth_another(struct search *s, int rc, liken_error *why) {
    bool known[LK_CLUSTER_SHARDS], news = false;
    liken_error away = {0};
    if (rc == LIKEN_OK || s->collided || !is_spread(s))
        return s->collided;
    memcpy(known, s->down, sizeof known);
    const int found = lk_cluster_probe(s->cluster, &s->map, s->down, &away);
    if (found == LIKEN_OK)
        return rc == LIKEN_E_BUSY && !s->slow;
    for (size_t i = 0; i < s->map.count; i++)
        news = news || (s->down[i] && !known[i]);
    if (s->query->missing != NULL)
        return found == LIKEN_E_BUSY && news;
    *why = away;
    return false;
}

static int search_all(lk_pg *db, struct search *s, liken_error *err) {
    liken_error why = {0};
    bool again = true;
    int rc = LIKEN_OK;
    for (int i = 0; i < TRIES && again; i++) {
        s->map = (lk_cluster_map){.epoch = 0};
        s->collided = s->slow = false;
        memset(s->down, 0, sizeof s->down);
        rc = lk_pg_with(db, search_on, s, &why);
        again = is_worth_another(s, rc, &why);
        if (rc != LIKEN_OK)
            rc = why.code;
    }
    if (rc != LIKEN_OK && err != NULL)
        *err = why;
    return rc;
}

int lk_search_in(lk_pg *db, lk_cluster *k, const lk_store_query *query, lk_store_query_fn *fn, void *ctx, bool *exact,
                 double *recall, liken_error *err) {
    struct search s = {.cluster = k, .query = query, .fn = fn, .ctx = ctx, .exact = true, .plan = {.recall = NAN}};
    int rc = lk_store_check_search(query->filter, err);
    if (rc != LIKEN_OK)
        return rc;
    s.numbers = malloc(LK_DIMENSION_MAX * sizeof *s.numbers);
    if (s.numbers == NULL)
        return lk_fail_memory(err);
    rc = search_all(db, &s, err);
    free(s.numbers);
    if (rc != LIKEN_OK)
        return rc;
    tell_missing(&s);
    *exact = s.exact;
    *recall = s.exact ? 1 : isnan(s.plan.recall) ? 0 : s.plan.recall; /* an index is ready when it was measured */
    return LIKEN_OK;
}

/* ---- counting ---- */

struct count {
    int64_t collection, except;
    const liken_search_options *filter;
    int64_t count;
};

static int count_on(lk_pg_conn *c, void *arg, liken_error *err) {
    struct count *k = arg;
    if (!lk_search_is_filtered(k->filter))
        return lk_pg_number(c,
                            "SELECT k.faces - (SELECT count(*) FROM liken.faces f JOIN liken.images i ON i.id = f.image"
                            " WHERE f.id = $2 AND i.collection = k.id) FROM liken.collections k WHERE k.id = $1",
                            LK_PG_ARGS(lk_pg_int8(k->collection), lk_pg_int8(k->except)), 0, &k->count, err);
    lk_search_sql *t = malloc(sizeof *t);
    if (t == NULL)
        return lk_fail_memory(err);
    lk_search_sql_init(t);
    (void)lk_search_sql_put(t, lk_pg_int8(k->collection));
    int rc = lk_search_sql_filter(t, &t->sql, "count(*)", k->filter, err);
    if (rc == LIKEN_OK)
        rc = lk_buf_format(&t->sql, err, " AND f.id <> $%d", lk_search_sql_put(t, lk_pg_int8(k->except)));
    if (rc == LIKEN_OK)
        rc = lk_pg_number(c, t->sql.data, t->values, t->count, 0, &k->count, err);
    lk_search_sql_free(t);
    free(t);
    return rc;
}

int lk_search_count_in(lk_pg *db, int64_t collection, const liken_search_options *filter, int64_t except,
                       uint64_t *count, liken_error *err) {
    struct count k = {.collection = collection, .except = except, .filter = filter};
    int rc = lk_store_check_search(filter, err);
    if (rc == LIKEN_OK)
        rc = lk_pg_with(db, count_on, &k, err);
    if (rc == LIKEN_OK)
        *count = k.count > 0 ? (uint64_t)k.count : 0;
    return rc;
}
