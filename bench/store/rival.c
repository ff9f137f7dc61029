/* The rival: the table that the legacy system makes and the statements that it sends, numbers written into them as
 * text. */
#include "bench.h"

#include <libpq-fe.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum { HALF = D * 12, STATEMENT = D * 60 };

struct rival {
    PGconn *c;
    const gallery *people;
    char where[1024];
};

static PGconn *connect_to(const char *where) {
    PGconn *c = PQconnectdb(where);
    if (PQstatus(c) != CONNECTION_OK)
        bench_fail("the legacy table", PQerrorMessage(c));
    return c;
}

/* Returns the number of rows. */
static int does(PGconn *c, const char *sql, ExecStatusType expected) {
    PGresult *r = PQexec(c, sql);
    if (PQresultStatus(r) != expected)
        bench_fail("the legacy table", PQerrorMessage(c));
    const int rows = PQntuples(r);
    PQclear(r);
    return rows;
}

/* Both halves as the text of an array of numbers. */
static void halves(const float *v, char low[HALF], char high[HALF]) {
    char *const out[2] = {low, high};
    for (int h = 0; h < 2; h++) {
        int at = 0;
        for (int i = 0; i < D / 2; i++)
            at += snprintf(out[h] + at, 24, "%s%.8g", i == 0 ? "" : ",", (double)v[h * D / 2 + i]);
    }
}

static void copy_faces(rival *r, size_t n) {
    char low[HALF], high[HALF], line[2 * HALF + 128];
    float v[D];
    for (size_t i = 0; i < n; i++) {
        gallery_photo(r->people, FACES + (int64_t)i, v);
        halves(v, low, high);
        const int size =
            snprintf(line, sizeof line, "holidays/2026/%08zu.jpg\t%zu\t(%s)\t(%s)\n", i / FACES, i / FACES, low, high);
        if (PQputCopyData(r->c, line, size) != 1)
            bench_fail("the legacy table", PQerrorMessage(r->c));
        if (i % 100000 == 0 && i > 0)
            bench_say("  %zu faces", i);
    }
    if (PQputCopyEnd(r->c, NULL) != 1)
        bench_fail("the legacy table", PQerrorMessage(r->c));
    for (PGresult *done; (done = PQgetResult(r->c)) != NULL; PQclear(done)) {
        if (PQresultStatus(done) != PGRES_COMMAND_OK)
            bench_fail("the legacy table", PQerrorMessage(r->c));
    }
}

rival *rival_make(const char *where, const gallery *people, size_t n) {
    rival *r = calloc(1, sizeof *r);
    if (r == NULL)
        bench_fail("the legacy table", "out of memory");
    (void)snprintf(r->where, sizeof r->where, "%s", where);
    r->people = people;
    r->c = connect_to(where);
    (void)does(r->c, "CREATE EXTENSION IF NOT EXISTS cube", PGRES_COMMAND_OK);
    (void)does(r->c, "CREATE TABLE vectors (id serial, file varchar, image_id numeric, vec_low cube, vec_high cube)",
               PGRES_COMMAND_OK);
    (void)does(r->c, "CREATE INDEX vectors_vec_idx ON vectors (vec_low, vec_high)", PGRES_COMMAND_OK);
    (void)does(r->c, "COPY vectors (file, image_id, vec_low, vec_high) FROM STDIN", PGRES_COPY_IN);
    copy_faces(r, n);
    return r;
}

void rival_free(rival *r) {
    if (r == NULL)
        return;
    PQfinish(r->c);
    free(r);
}

void rival_settle(rival *r) {
    (void)does(r->c, "VACUUM ANALYZE vectors", PGRES_COMMAND_OK);
}

int rival_search(rival *r, const float *query) {
    char low[HALF], high[HALF], sql[STATEMENT];
    halves(query, low, high);
    (void)snprintf(sql, sizeof sql,
                   "SELECT id, file, image_id FROM vectors WHERE sqrt(power(CUBE(array[%s]) <-> vec_low, 2) +"
                   " power(CUBE(array[%s]) <-> vec_high, 2)) <= 0.6 ORDER BY sqrt(power(CUBE(array[%s]) <-> vec_low, 2)"
                   " + power(CUBE(array[%s]) <-> vec_high, 2)) ASC",
                   low, high, low, high);
    return does(r->c, sql, PGRES_TUPLES_OK);
}

/* ---- adding ---- */

struct adding {
    const rival *r;
    _Atomic int64_t next;
    double until;
};

static void *add_faces(void *arg) {
    struct adding *a = arg;
    char low[HALF], high[HALF], sql[STATEMENT];
    float v[D];
    PGconn *c = connect_to(a->r->where);
    while (bench_seconds() < a->until) {
        gallery_photo(a->r->people, atomic_fetch_add(&a->next, 1), v);
        halves(v, low, high);
        (void)snprintf(sql, sizeof sql,
                       "INSERT INTO vectors (file, image_id, vec_low, vec_high) VALUES ('a.jpg', 1,"
                       " CUBE(array[%s]), CUBE(array[%s]))",
                       low, high);
        (void)does(c, sql, PGRES_COMMAND_OK);
    }
    PQfinish(c);
    return NULL;
}

int64_t rival_add(rival *r, int64_t first, double seconds) {
    pthread_t threads[WRITERS];
    struct adding a = {.r = r, .until = bench_seconds() + seconds};
    atomic_init(&a.next, first);
    for (int i = 0; i < WRITERS; i++) {
        if (pthread_create(&threads[i], NULL, add_faces, &a) != 0)
            bench_fail("adding", "no thread");
    }
    for (int i = 0; i < WRITERS; i++)
        (void)pthread_join(threads[i], NULL);
    return atomic_load(&a.next) - first;
}
