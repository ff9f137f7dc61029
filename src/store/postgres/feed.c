/* What the index and a search ask: the feed of vectors and removals, the labels of a match, the faces a filter allows.
 * The feeds come in pages, each a statement of its own: ids and sequence numbers rise in the order of commits, so pages
 * need not share a moment. */
#include "store/postgres/postgres_int.h"

#include "base/clock.h"
#include "store/codec.h"
#include "store/postgres/cluster/citus.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE 4096
#define DOUBT_S 3.0 /* for which a face is waited for whose descriptor is being committed */

static lk_postgres *of(lk_store *s) {
    return (lk_postgres *)s;
}

struct page {
    lk_cluster *cluster;
    int64_t after;
    lk_pg_column except; /* of vectors: collections that are left out */
    int64_t others;      /* collections that are not */
    lk_pg_result *rows;
    bool full; /* of vectors: others may follow */
};

/* ---- how far the feed goes ---- */

static int read_marks(lk_pg_conn *c, void *arg, liken_error *err) {
    struct page *p = arg;
    return lk_pg_exec(c, "SELECT face, deletion FROM liken.counters", LK_PG_NO_ARGS, &p->rows, err);
}

int lk_postgres_marks(lk_store *s, int64_t *face, int64_t *deletion, liken_error *err) {
    struct page p = {0};
    int rc = lk_pg_with(of(s)->db, read_marks, &p, err);
    if (rc != LIKEN_OK)
        return rc;
    if (lk_pg_rows(p.rows) != 1) {
        rc = lk_fail(err, LIKEN_E_STORE, "The database %s has lost its counters; restore it from a backup.",
                     lk_pg_name(of(s)->db));
    } else {
        *face = lk_pg_get_int(p.rows, 0, 0);
        *deletion = lk_pg_get_int(p.rows, 0, 1);
    }
    lk_pg_clear(p.rows);
    return rc;
}

/* ---- vectors ---- */

/* What removed collections still hold is nobody's. */
static int read_removed(lk_pg_conn *c, void *arg, liken_error *err) {
    struct page *p = arg;
    return lk_pg_exec(c, "SELECT c.id FROM liken.collections c WHERE " LK_POSTGRES_REMOVED, LK_PG_NO_ARGS, &p->rows,
                      err);
}

static int leave_out_removed(const lk_postgres *s, struct page *p, liken_error *err) {
    int rc = lk_pg_with(s->db, read_removed, p, err);
    for (int i = 0; rc == LIKEN_OK && i < lk_pg_rows(p->rows); i++)
        rc = lk_pg_column_add(&p->except, lk_pg_int8(lk_pg_get_int(p->rows, i, 0)), err);
    lk_pg_clear(p->rows);
    p->rows = NULL;
    return rc;
}

/* When all that has faces is left out, the vectors need not be looked at, and the servers they may lie on not be there.
 */
static int read_others(lk_pg_conn *c, void *arg, liken_error *err) {
    struct page *p = arg;
    return lk_pg_number(c, "SELECT count(*) FROM liken.collections WHERE faces > 0 AND id <> ALL ($1)",
                        LK_PG_ARGS(lk_pg_array(&p->except)), 0, &p->others, err);
}

/* A page is small and comes in the order of the indexes. While the tables are new to the planner it would rather sort
 * all that is left of them for each page, which makes the whole feed quadratic. */
static int plan_for_a_page(lk_pg_conn *c, liken_error *err) {
    const int rc = lk_pg_say(c, "BEGIN READ ONLY", LK_PG_NO_ARGS, err);
    return rc == LIKEN_OK ? lk_pg_say(c,
                                      "SELECT set_config('enable_sort', 'off', true),"
                                      " set_config('enable_hashjoin', 'off', true),"
                                      " set_config('max_parallel_workers_per_gather', '0', true)",
                                      LK_PG_NO_ARGS, err)
                          : rc;
}

/* Citus would send all faces to its nodes to join them there. And its nodes show what was committed one after the
 * other, so that a face may be there before its descriptor, which is then NULL. */
static int read_from_citus(lk_pg_conn *c, struct page *p, liken_error *err) {
    lk_pg_result *r = NULL;
    int rc = lk_pg_script(c, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", err);
    if (rc == LIKEN_OK)
        rc =
            lk_pg_exec(c,
                       "SELECT count(*), coalesce(max(id), $1) FROM (SELECT f.id FROM liken.faces f JOIN liken.images i"
                       " ON i.id = f.image WHERE f.id > $1 AND i.collection <> ALL ($3) ORDER BY f.id LIMIT $2) p",
                       LK_PG_ARGS(lk_pg_int8(p->after), lk_pg_int8(PAGE), lk_pg_array(&p->except)), &r, err);
    const int64_t last = rc == LIKEN_OK ? lk_pg_get_int(r, 0, 1) : 0;
    p->full = rc == LIKEN_OK && lk_pg_get_int(r, 0, 0) == PAGE;
    lk_pg_clear(r);
    if (rc == LIKEN_OK)
        rc = lk_pg_exec(c,
                        "SELECT f.id, f.image, i.collection, v.descriptor, f.weak, -1::bigint FROM liken.faces f JOIN "
                        "liken.images i"
                        " ON i.id = f.image LEFT JOIN (SELECT face, descriptor FROM liken.vectors WHERE face > $1"
                        " AND face <= $2 OFFSET 0) v ON v.face = f.id WHERE f.id > $1 AND f.id <= $2"
                        " AND i.collection <> ALL ($3) ORDER BY f.id",
                        LK_PG_ARGS(lk_pg_int8(p->after), lk_pg_int8(last), lk_pg_array(&p->except)), &p->rows, err);
    return rc == LIKEN_OK ? lk_pg_script(c, "COMMIT", err) : rc;
}

static int read_from_one(lk_pg_conn *c, struct page *p, liken_error *err) {
    int rc = plan_for_a_page(c, err);
    /* a vector without a face is what a crash may leave in a cluster; it is nobody's. One that has just been moved may
     * be on two shards for a moment. */
    if (rc == LIKEN_OK)
        rc =
            lk_pg_queue(c,
                        "SELECT DISTINCT ON (v.face) v.face, f.image, v.collection, v.descriptor, f.weak,"
                        " (SELECT c.generation FROM liken.collections c WHERE c.id = v.collection) FROM liken.vectors v"
                        " JOIN liken.faces f ON f.id = v.face WHERE v.face > $1 AND f.id > $1"
                        " AND v.collection <> ALL ($3) ORDER BY v.face LIMIT $2",
                        LK_PG_ARGS(lk_pg_int8(p->after), lk_pg_int8(PAGE), lk_pg_array(&p->except)), err);
    if (rc == LIKEN_OK)
        rc = lk_pg_say(c, "COMMIT", LK_PG_NO_ARGS, err);
    if (rc == LIKEN_OK)
        rc = lk_pg_answer(c, &p->rows, err);
    rc = lk_pg_finish(c, rc, err);
    p->full = rc == LIKEN_OK && lk_pg_rows(p->rows) == PAGE;
    return rc;
}

static int read_vectors(lk_pg_conn *c, void *arg, liken_error *err) {
    struct page *p = arg;
    bool citus = false;
    lk_cluster_watch(p->cluster, c);
    int rc = lk_citus_is_spread(c, &citus, err);
    if (rc == LIKEN_OK)
        rc = citus ? read_from_citus(c, p, err) : read_from_one(c, p, err);
    if (rc != LIKEN_OK) {
        lk_pg_clear(p->rows);
        p->rows = NULL;
    }
    return rc;
}

static bool is_in_doubt(const lk_pg_result *r) {
    for (int i = 0; i < lk_pg_rows(r); i++) {
        if (lk_pg_is_null(r, i, 3))
            return true;
    }
    return false;
}

/* A page without doubt: nobody may read on beyond a face that is still to come. */
static int read_settled(lk_postgres *s, struct page *p, liken_error *err) {
    const double until = lk_clock_monotonic() + DOUBT_S;
    int rc = lk_cluster_explain(s->cluster, lk_pg_with(s->db, read_vectors, p, err), err);
    while (rc == LIKEN_OK && is_in_doubt(p->rows)) {
        lk_pg_clear(p->rows);
        p->rows = NULL;
        if (lk_clock_monotonic() > until)
            return lk_fail(
                err, LIKEN_E_BUSY,
                "A server of the cluster has yet to commit what was added before it went away; try again in a "
                "minute (citus.recover_2pc_interval).");
        lk_cluster_pause(20);
        rc = lk_pg_with(s->db, read_vectors, p, err);
    }
    return rc;
}

static int pass_vector(const lk_postgres *s, const lk_pg_result *r, int row, float *values, lk_store_vector_fn *fn,
                       void *ctx, liken_error *err) {
    size_t size;
    const char *bytes = lk_pg_get_bytes(r, row, 3, &size);
    const int64_t id = lk_pg_get_int(r, row, 0);
    if (bytes == NULL || size % 4 != 0 || size > 4 * LK_DIMENSION_MAX)
        return lk_fail(
            err, LIKEN_E_STORE,
            "The database %s holds a descriptor of %zu bytes for face %lld, which cannot be right; run liken "
            "doctor.",
            lk_pg_name(s->db), size, (long long)id);
    lk_floats_decode(bytes, size / 4, values);
    const lk_store_vector vector = {
        .id = id,
        .image = lk_pg_get_int(r, row, 1),
        .collection = lk_pg_get_int(r, row, 2),
        .descriptor = values,
        .dimension = (int)(size / 4),
        .weak = lk_pg_get_int(r, row, 4) != 0,
        .generation = lk_pg_get_int(r, row, 5),
    };
    return fn(ctx, &vector);
}

int lk_postgres_vectors_except(lk_store *s, int64_t after_face, const int64_t *collections, size_t count,
                               lk_store_vector_fn *fn, void *ctx, liken_error *err) {
    struct page p = {.cluster = of(s)->cluster, .after = after_face};
    LK_FREE float *values = malloc(LK_DIMENSION_MAX * sizeof *values);
    if (values == NULL)
        return lk_fail_memory(err);
    p.full = true;
    int rc = lk_postgres_ids(&p.except, collections, count, err);
    if (rc == LIKEN_OK)
        rc = leave_out_removed(of(s), &p, err);
    if (rc == LIKEN_OK && count > 0)
        rc = lk_pg_with(of(s)->db, read_others, &p, err);
    if (rc == LIKEN_OK && count > 0 && p.others == 0)
        p.full = false;
    while (rc == LIKEN_OK && p.full) {
        rc = read_settled(of(s), &p, err);
        const int rows = rc == LIKEN_OK ? lk_pg_rows(p.rows) : 0;
        for (int i = 0; rc == LIKEN_OK && i < rows; i++)
            rc = pass_vector(of(s), p.rows, i, values, fn, ctx, err);
        if (rc == LIKEN_OK && rows > 0)
            p.after = lk_pg_get_int(p.rows, rows - 1, 0);
        lk_pg_clear(p.rows);
        p.rows = NULL;
    }
    lk_pg_column_free(&p.except);
    return rc;
}

int lk_postgres_vectors_after(lk_store *s, int64_t after_face, lk_store_vector_fn *fn, void *ctx, liken_error *err) {
    return lk_postgres_vectors_except(s, after_face, NULL, 0, fn, ctx, err);
}

/* ---- removals ---- */

static int read_deletions(lk_pg_conn *c, void *arg, liken_error *err) {
    struct page *p = arg;
    return lk_pg_exec(c, "SELECT seq, face FROM liken.deletions WHERE seq > $1 ORDER BY seq LIMIT $2",
                      LK_PG_ARGS(lk_pg_int8(p->after), lk_pg_int8(PAGE)), &p->rows, err);
}

int lk_postgres_deletions_after(lk_store *s, int64_t after_seq, lk_store_deletion_fn *fn, void *ctx, liken_error *err) {
    struct page p = {.after = after_seq};
    int rc, rows;
    do {
        rc = lk_pg_with(of(s)->db, read_deletions, &p, err);
        rows = rc == LIKEN_OK ? lk_pg_rows(p.rows) : 0;
        for (int i = 0; rc == LIKEN_OK && i < rows; i++)
            rc = fn(ctx, lk_pg_get_int(p.rows, i, 0), lk_pg_get_int(p.rows, i, 1));
        if (rc == LIKEN_OK && rows > 0)
            p.after = lk_pg_get_int(p.rows, rows - 1, 0);
        lk_pg_clear(p.rows);
        p.rows = NULL;
    } while (rc == LIKEN_OK && rows == PAGE);
    return rc;
}

/* ---- labels of matches ---- */

struct matches {
    lk_pg_column faces; /* or images */
    lk_pg_result *rows, *labels, *image_ids;
};

/* Names of the photos of these faces, by the face's place among them. */
#define NAMES(column, table)                                                                                           \
    "SELECT u.n, l." column " FROM unnest($1) WITH ORDINALITY u (face, n) JOIN liken.faces f ON f.id = u.face"         \
    " JOIN liken." table " l ON l.image = f.image"

static int read_matches(lk_pg_conn *c, void *arg, liken_error *err) {
    struct matches *h = arg;
    lk_pg_result **const results[] = {&h->rows, &h->labels, &h->image_ids};
    for (size_t i = 0; i < LK_LENGTH(results); i++) { /* of a first call, on a connection that died */
        lk_pg_clear(*results[i]);
        *results[i] = NULL;
    }
    int rc = lk_pg_queue(c,
                         "SELECT u.n, f.id, i.id, i.width, i.height, f.x, f.y, f.width, f.height, i.captured_at, f.weak"
                         " FROM unnest($1) WITH ORDINALITY u (face, n) JOIN liken.faces f ON f.id = u.face"
                         " JOIN liken.images i ON i.id = f.image JOIN liken.collections c ON c.id = i.collection"
                         " WHERE " LK_POSTGRES_LIVE,
                         LK_PG_ARGS(lk_pg_array(&h->faces)), err);
    if (rc == LIKEN_OK)
        rc = lk_pg_queue(c, NAMES("label", "labels") " WHERE l.kind < 3 ORDER BY u.n, l.id",
                         LK_PG_ARGS(lk_pg_array(&h->faces)), err);
    if (rc == LIKEN_OK)
        rc = lk_pg_queue(c, NAMES("image_id", "image_ids") " ORDER BY u.n, l.id", LK_PG_ARGS(lk_pg_array(&h->faces)),
                         err);
    for (size_t i = 0; rc == LIKEN_OK && i < LK_LENGTH(results); i++)
        rc = lk_pg_answer(c, results[i], err);
    return lk_pg_finish(c, rc, err);
}

static void read_match(const lk_pg_result *r, int row, lk_store_match *match) {
    match->face = lk_pg_get_int(r, row, 1);
    match->image = lk_pg_get_int(r, row, 2);
    match->width = (int)lk_pg_get_int(r, row, 3);
    match->height = (int)lk_pg_get_int(r, row, 4);
    match->box = (liken_box){(float)lk_pg_get_real(r, row, 5), (float)lk_pg_get_real(r, row, 6),
                             (float)lk_pg_get_real(r, row, 7), (float)lk_pg_get_real(r, row, 8)};
    match->captured_at = lk_pg_is_null(r, row, 9) ? LIKEN_NO_TIME : lk_pg_get_int(r, row, 9);
    match->weak = lk_pg_get_int(r, row, 10) != 0;
}

/* A face whose photo was removed between the statements has names, and is no match. */
static int read_names(const lk_pg_result *r, lk_store_match *matches, bool (*add)(lk_store_match *, const char *),
                      liken_error *err) {
    for (int i = 0; i < lk_pg_rows(r); i++) {
        lk_store_match *match = &matches[lk_pg_get_int(r, i, 0) - 1];
        if (match->face != 0 && !add(match, lk_pg_get_bytes(r, i, 1, NULL)))
            return lk_fail_memory(err);
    }
    return LIKEN_OK;
}

int lk_postgres_matches(lk_store *s, const int64_t *faces, size_t count, lk_store_match *matches, liken_error *err) {
    LK_FREE lk_store_match *own = calloc(count + 1, sizeof *own);
    struct matches h = {0};
    if (own == NULL)
        return lk_fail_memory(err);
    int rc = lk_postgres_ids(&h.faces, faces, count, err);
    const bool asked = rc == LIKEN_OK && count > 0;
    if (asked)
        rc = lk_pg_with(of(s)->db, read_matches, &h, err);
    for (int i = 0; asked && rc == LIKEN_OK && i < lk_pg_rows(h.rows); i++)
        read_match(h.rows, i, &own[lk_pg_get_int(h.rows, i, 0) - 1]);
    if (asked && rc == LIKEN_OK)
        rc = read_names(h.labels, own, lk_store_match_file, err);
    if (asked && rc == LIKEN_OK)
        rc = read_names(h.image_ids, own, lk_store_match_image_id, err);
    lk_pg_clear(h.rows);
    lk_pg_clear(h.labels);
    lk_pg_clear(h.image_ids);
    lk_pg_column_free(&h.faces);
    if (rc == LIKEN_OK && count > 0)
        memcpy(matches, own, count * sizeof *own);
    for (size_t i = 0; rc != LIKEN_OK && i < count; i++)
        lk_store_match_clear(&own[i]);
    return rc;
}

/* ---- the faces of images ---- */

static int copy_ids(const lk_pg_result *r, int64_t **out, size_t *count, liken_error *err) {
    const int rows = lk_pg_rows(r);
    int64_t *ids = malloc(((size_t)rows + 1) * sizeof *ids);
    if (ids == NULL)
        return lk_fail_memory(err);
    for (int i = 0; i < rows; i++)
        ids[i] = lk_pg_get_int(r, i, 0);
    *out = ids;
    *count = (size_t)rows;
    return LIKEN_OK;
}

static int read_faces_of(lk_pg_conn *c, void *arg, liken_error *err) {
    struct matches *h = arg;
    return lk_pg_exec(c, "SELECT id FROM liken.faces WHERE image = ANY ($1)", LK_PG_ARGS(lk_pg_array(&h->faces)),
                      &h->rows, err);
}

int lk_postgres_faces_of(lk_store *s, const int64_t *images, size_t count, int64_t **out, size_t *faces,
                         liken_error *err) {
    struct matches h = {0};
    int rc = lk_postgres_ids(&h.faces, images, count, err);
    if (rc == LIKEN_OK)
        rc = lk_pg_with(of(s)->db, read_faces_of, &h, err);
    if (rc == LIKEN_OK)
        rc = copy_ids(h.rows, out, faces, err);
    lk_pg_clear(h.rows);
    lk_pg_column_free(&h.faces);
    return rc;
}

static int read_images_of(lk_pg_conn *c, void *arg, liken_error *err) {
    struct matches *h = arg;
    lk_pg_clear(h->rows); /* of a first call, on a connection that died */
    h->rows = NULL;
    return lk_pg_exec(c,
                      "SELECT u.n, f.image FROM unnest($1) WITH ORDINALITY u (face, n)"
                      " JOIN liken.faces f ON f.id = u.face",
                      LK_PG_ARGS(lk_pg_array(&h->faces)), &h->rows, err);
}

int lk_postgres_images_of(lk_store *s, const int64_t *faces, size_t count, int64_t *images, liken_error *err) {
    struct matches h = {0};
    int rc = lk_postgres_ids(&h.faces, faces, count, err);
    if (rc == LIKEN_OK)
        rc = lk_pg_with(of(s)->db, read_images_of, &h, err);
    for (size_t i = 0; rc == LIKEN_OK && i < count; i++)
        images[i] = 0;
    for (int i = 0; rc == LIKEN_OK && i < lk_pg_rows(h.rows); i++)
        images[lk_pg_get_int(h.rows, i, 0) - 1] = lk_pg_get_int(h.rows, i, 1);
    lk_pg_clear(h.rows);
    lk_pg_column_free(&h.faces);
    return rc;
}

/* ---- filters ---- */

#define WHERE_START                                                                                                    \
    "SELECT 2 * f.id + f.weak FROM liken.images i JOIN liken.faces f ON f.image = i.id WHERE i.collection = $1"
#define WHERE_TIME " AND i.captured_at BETWEEN $2 AND $3"
/* tags and the number of different ones among them */
#define WHERE_TAGS(tags)                                                                                               \
    " AND i.id IN (SELECT image FROM liken.tags WHERE tag = ANY (" tags ") GROUP BY image"                             \
    " HAVING count(*) = (SELECT count(DISTINCT t) FROM unnest(" tags ") u (t)))"
#define WHERE_END " ORDER BY f.id"

struct where {
    int64_t collection;
    const liken_search_options *options;
    lk_pg_column tags;
    lk_pg_result *rows;
};

static int read_where(lk_pg_conn *c, void *arg, liken_error *err) {
    struct where *w = arg;
    const liken_search_options *o = w->options;
    const bool timed = lk_store_bound(o->captured_from) || lk_store_bound(o->captured_to);
    const lk_pg_value in = lk_pg_int8(w->collection), tags = lk_pg_array(&w->tags);
    const lk_pg_value from = lk_pg_int8(lk_store_bound(o->captured_from) ? o->captured_from : INT64_MIN);
    const lk_pg_value to = lk_pg_int8(lk_store_bound(o->captured_to) ? o->captured_to : INT64_MAX);
    if (timed && o->tag_count > 0)
        return lk_pg_exec(c, WHERE_START WHERE_TIME WHERE_TAGS("$4") WHERE_END, LK_PG_ARGS(in, from, to, tags),
                          &w->rows, err);
    if (timed)
        return lk_pg_exec(c, WHERE_START WHERE_TIME WHERE_END, LK_PG_ARGS(in, from, to), &w->rows, err);
    if (o->tag_count > 0)
        return lk_pg_exec(c, WHERE_START WHERE_TAGS("$2") WHERE_END, LK_PG_ARGS(in, tags), &w->rows, err);
    return lk_pg_exec(c, WHERE_START WHERE_END, LK_PG_ARGS(in), &w->rows, err);
}

int lk_postgres_faces_where(lk_store *s, int64_t collection, const liken_search_options *o, int64_t **out,
                            size_t *count, liken_error *err) {
    struct where w = {.collection = collection, .options = o};
    int rc = lk_store_check_search(o, err);
    lk_pg_column_init(&w.tags, LK_PG_TEXT);
    for (size_t i = 0; rc == LIKEN_OK && i < o->tag_count; i++)
        rc = lk_pg_column_add(&w.tags, lk_pg_text(o->tags[i]), err);
    if (rc == LIKEN_OK)
        rc = lk_pg_with(of(s)->db, read_where, &w, err);
    if (rc == LIKEN_OK)
        rc = copy_ids(w.rows, out, count, err);
    lk_pg_clear(w.rows);
    lk_pg_column_free(&w.tags);
    return rc;
}
