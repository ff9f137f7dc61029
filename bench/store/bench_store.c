/* Stores compared: how many faces a second go in (in bulk, and photos of one face from eight threads, each acknowledged
 * after its commit is on disk), and how long a search takes, with SQLite, with PostgreSQL searched in memory, by cube
 * and by pgvector where it has that, and with the legacy system's own table and SQL on the same server.
 *
 * All of them hold the same faces before any is searched, the columns that the database compares are filled in to the
 * last face, and the engines take turns: a few searches each, several rounds. Every engine of liken must find the same
 * faces.
 *
 * usage: bench_store ADDRESS FOLDER JSON [PID]     ADDRESS: a libpq URL up to the database's name, whose user may make
 * databases; PID: of the server's first process, for its CPU time
 *
 * LIKEN_MODELS names the packs (a collection belongs to the model of one). N: sizes in faces, separated by spaces.
 * ENGINE: only those whose name holds this, beside the legacy system. */
#include "bench.h"

#include "../search/report.h"

#include "base/error.h"
#include "store/codec.h"
#include "store/copy.h"
#include "store/store.h"

#include <libpq-fe.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE = 500, ENGINES = 5 };

static liken_error err;
static gallery *people;
static char model[128];
static const char *server, *folder;
static double start;

_Noreturn void bench_fail(const char *what, const char *why) {
    (void)fprintf(stderr, "bench_store: %s: %s\n", what, why);
    exit(1);
}

void bench_say(const char *format, ...) {
    va_list ap;
    va_start(ap, format);
    (void)fprintf(stderr, "%7.1f s  ", bench_seconds() - start);
    (void)vfprintf(stderr, format, ap);
    (void)fputc('\n', stderr);
    va_end(ap);
}

static void must(int rc, const char *what) {
    if (rc != LIKEN_OK)
        bench_fail(what, err.message);
}

static void on_server(const char *database, const char *sql) {
    char where[1024];
    (void)snprintf(where, sizeof where, "%s/%s", server, database);
    PGconn *c = PQconnectdb(where);
    PGresult *r = PQexec(c, sql);
    if (PQresultStatus(r) != PGRES_COMMAND_OK)
        bench_fail("the database", PQerrorMessage(c));
    PQclear(r);
    PQfinish(c);
}

/* ---- engines ---- */

typedef struct engine {
    const char *name;
    bool database, rival;
    liken_search search;

    bool ready; /* it takes part */
    char folder[512], where[1024], base[64];
    lk_store *store; /* liken's, for adding */
    int64_t collection, next;
    liken *lk; /* and for searching */
    struct rival *legacy;
    series wall, client, server;             /* of searches; the latter two of rounds */
    series add_rate, add_client, add_server; /* of rounds */
    int64_t sum;                             /* of the faces that were found */
    int found;
} engine;

static const engine all[ENGINES] = {
    {.name = "liken, sqlite"},
    {.name = "liken, postgres, memory", .database = true, .search = LIKEN_SEARCH_MEMORY},
    {.name = "liken, postgres, cube", .database = true, .search = LIKEN_SEARCH_CUBE},
    {.name = "liken, postgres, pgvector", .database = true, .search = LIKEN_SEARCH_PGVECTOR},
    {.name = "the legacy SQL", .database = true, .rival = true},
};

/* ---- photos that look like stored ones ---- */

static liken_image *photo(int64_t number, size_t faces, bool ids) {
    liken_image *im = calloc(1, sizeof *im);
    if (im == NULL || (im->faces = calloc(faces, sizeof *im->faces)) == NULL)
        bench_fail("a photo", "out of memory");
    char label[64];
    (void)snprintf(label, sizeof label, "holidays/2026/%08lld.jpg", (long long)number);
    (void)snprintf(im->sha256, sizeof im->sha256, "%064llx", (unsigned long long)number);
    im->file = strdup(label);
    im->collection = strdup("default");
    im->model = strdup(model);
    im->detector = strdup("yunet");
    im->width = 4000;
    im->height = 3000;
    im->captured_at = LIKEN_NO_TIME;
    im->added_at = 1700000000 + number;
    im->id = ids ? number : 0;
    im->face_count = faces;
    for (size_t i = 0; i < faces; i++) {
        liken_face *f = &im->faces[i];
        f->id = ids ? (number - 1) * (int64_t)faces + (int64_t)i + 1 : 0;
        f->box = (liken_box){(float)i * 500, 200, 180, 220};
        f->dimension = D;
        f->descriptor = malloc(D * sizeof(float));
        if (f->descriptor == NULL)
            bench_fail("a photo", "out of memory");
        gallery_photo(people, number * FACES + (int64_t)i, f->descriptor);
    }
    return im;
}

/* ---- making and filling ---- */

static void report_meter(const char *name, const char *who, const char *what, meter m, double per, const char *unit) {
    char metric[64];
    (void)snprintf(metric, sizeof metric, "%s, CPU of the client", what);
    report(name, who, metric, 1e6 * m.client / per, unit, 1);
    (void)snprintf(metric, sizeof metric, "%s, CPU of the server", what);
    report(name, who, metric, 1e6 * m.server / per, unit, 1);
}

static int64_t make_collection(lk_store *s) {
    /* the legacy system compares what the network gave, so this does */
    liken_collection c = {
        .name = (char *)(uintptr_t) "default", .model = model, .dimension = D, .metric = LIKEN_L2, .threshold = RADIUS};
    must(s->ops->collections->create(s, &c, &err), "the collection");
    return c.id;
}

/* As many faces as wanted, the way liken move writes them; only the writing is measured. */
static void fill(engine *e, size_t n, const char *name) {
    lk_store *s = e->store;
    int64_t ids[PAGE], last;
    liken_image *page[PAGE];
    meter busy = {0};
    must(s->ops->copy->begin(s, "bench", &last, &err), "filling");
    e->collection = make_collection(s);
    for (size_t first = 0; first < n / FACES; first += PAGE) {
        const size_t count = n / FACES - first < PAGE ? n / FACES - first : PAGE;
        for (size_t i = 0; i < count; i++) {
            page[i] = photo((int64_t)(first + i) + 1, FACES, true);
            ids[i] = e->collection;
        }
        const meter begun = meter_now();
        must(s->ops->copy->put(s, ids, page, count, &err), "filling");
        const meter m = meter_since(begun);
        busy = (meter){busy.wall + m.wall, busy.client + m.client, busy.server + m.server};
        for (size_t i = 0; i < count; i++)
            liken_image_free(page[i]);
        if (first * FACES % 100000 == 0 && first > 0)
            bench_say("  %zu faces", first * FACES);
    }
    must(s->ops->copy->end(s, (int64_t)n, 0, &err), "filling");
    report(name, e->name, "bulk add", (double)n / busy.wall, "faces/s", 1);
    report_meter(name, e->name, "bulk add", busy, (double)n, "us/face");
    e->next = (int64_t)(n / FACES) + 1;
}

/* Until nothing is due: every face has its columns. */
static meter tend(lk_store *s) {
    const meter begun = meter_now();
    bool more = s->ops->searching != NULL;
    while (more)
        must(s->ops->searching->tend(s, &more, &err), "filling in the columns");
    return meter_since(begun);
}

/* false: the database does not have it. */
static bool set_search(engine *e, size_t n, const char *name) {
    if (!e->database)
        return true;
    if (e->store->ops->collections->search_set(e->store, e->collection, e->search, &err) != LIKEN_OK) {
        (void)printf("%s: not measured: %s\n", e->name, err.message);
        return false;
    }
    if (e->search == LIKEN_SEARCH_MEMORY)
        return true;
    bench_say("  its columns");
    const meter m = tend(e->store);
    report(name, e->name, "columns filled in, all", m.wall, "s", 1);
    report_meter(name, e->name, "columns filled in", m, (double)n, "us/face");
    return true;
}

static void make_rival(engine *e, size_t n, const char *name) {
    const meter begun = meter_now();
    e->legacy = rival_make(e->where, people, n);
    const meter m = meter_since(begun);
    report(name, e->name, "bulk add (COPY, its text made too)", (double)n / m.wall, "faces/s", 1);
    report_meter(name, e->name, "bulk add", m, (double)n, "us/face");
    e->next = 100000000;
    e->ready = true;
}

static void make(engine *e, int number, size_t n, const char *name) {
    char sql[96];
    bench_say("%s: %s: bulk add", name, e->name);
    (void)snprintf(e->base, sizeof e->base, "bench%zu_%d", n, number);
    (void)snprintf(e->folder, sizeof e->folder, "%s/%s", folder, e->base);
    (void)snprintf(e->where, sizeof e->where, "%s/%s", server, e->base);
    if (e->database) {
        (void)snprintf(sql, sizeof sql, "CREATE DATABASE %s", e->base);
        on_server("postgres", sql);
    }
    if (e->rival) {
        make_rival(e, n, name);
        return;
    }
    must(e->database ? lk_store_open_postgres(&e->store, e->where, false, &err)
                     : lk_store_open_sqlite(&e->store, e->folder, false, &err),
         "the store");
    fill(e, n, name);
    e->ready = set_search(e, n, name);
}

/* What autovacuum does in the minutes after. */
static void settle(engine *e) {
    if (e->rival)
        rival_settle(e->legacy);
    else if (e->database)
        on_server(e->base, "VACUUM ANALYZE");
}

static void remove_engine(engine *e) {
    char sql[96];
    liken_free(e->lk);
    if (e->store != NULL)
        e->store->ops->close(e->store);
    rival_free(e->legacy);
    (void)snprintf(sql, sizeof sql, "DROP DATABASE IF EXISTS %s WITH (FORCE)", e->base);
    if (e->database && e->base[0] != '\0')
        on_server("postgres", sql);
}

/* ---- searching ---- */

static void open_engine(engine *e, const char *name) {
    if (e->rival)
        return;
    const liken_options o = {.size = sizeof(liken_options), .data = e->folder, .store = e->database ? e->where : NULL};
    liken_state *state = NULL;
    bench_say("%s: %s: opening", name, e->name);
    const meter begun = meter_now();
    must(liken_open(&e->lk, &o, NULL, &err), "opening");
    must(liken_get_state(e->lk, NULL, &state, &err), "opening"); /* waits for the index */
    report(name, e->name, "opening", meter_since(begun).wall, "s", 1);
    liken_state_free(state);
}

static void search_once(engine *e, const float *query) {
    static const liken_search_options o = {.size = sizeof(liken_search_options), .limit = NEAREST};
    liken_result *r = NULL;
    if (e->rival) {
        e->found = rival_search(e->legacy, query);
        return;
    }
    must(liken_search_descriptor(e->lk, NULL, query, D, NULL, &o, &r, &err), "searching");
    const liken_answer *a = &r->answers[0];
    if (!r->exact || a->match_count == 0)
        bench_fail("searching", "an answer is empty or not exact");
    e->found = (int)a->match_count;
    for (size_t i = 0; i < a->match_count; i++)
        e->sum += a->matches[i].face_id * (int64_t)(i + 1);
    liken_result_free(r);
}

/* What is asked in a round, the same of each, and what was found by those who were asked before. */
typedef struct questions {
    float vectors[SEARCH_MOST][D];
    int64_t sums[SEARCH_MOST];
} questions;

static void search_round(engine *e, questions *q) {
    int count = 0;
    const meter begun = meter_now();
    for (; count < SEARCH_MOST && (count < SEARCH_LEAST || bench_seconds() < begun.wall + SEARCH_SECONDS); count++) {
        e->sum = 0;
        const double asked = bench_seconds();
        search_once(e, q->vectors[count]);
        series_add(&e->wall, 1e3 * (bench_seconds() - asked));
        if (e->rival)
            continue;
        if (q->sums[count] != 0 && q->sums[count] != e->sum)
            bench_fail(e->name, "it found other faces than the others");
        q->sums[count] = e->sum;
    }
    const meter m = meter_since(begun);
    series_add(&e->client, 1e3 * m.client / count);
    series_add(&e->server, 1e3 * m.server / count);
}

static void search_all(engine engines[ENGINES], size_t n, const char *name) {
    float query[D];
    gallery_again(people, FACES, query);
    for (int i = 0; i < ENGINES; i++) {
        if (engines[i].ready)
            search_once(&engines[i], query); /* what a first search does beside */
    }
    for (int round = 0; round < SEARCH_ROUNDS; round++) {
        static questions q;
        for (int i = 0; i < SEARCH_MOST; i++) {
            gallery_again(people, (int64_t)((size_t)(round * SEARCH_MOST + i) * 7919 % n) + FACES, q.vectors[i]);
            q.sums[i] = 0;
        }
        bench_say("%s: searches, round %d of %d", name, round + 1, SEARCH_ROUNDS);
        for (int i = 0; i < ENGINES; i++) {
            if (engines[i].ready)
                search_round(&engines[i], &q);
        }
    }
}

static void report_searches(engine *e, engine *legacy, const char *name) {
    const double wall = series_median(&e->wall), cpu = series_median(&e->client) + series_median(&e->server);
    const char *what = e->rival ? "search, within 0.6" : "search, within 0.6, nearest 10";
    report(name, e->name, what, wall, "ms", e->wall.count);
    report(name, e->name, "search, CPU of the client", series_median(&e->client), "ms", SEARCH_ROUNDS);
    report(name, e->name, "search, CPU of the server", series_median(&e->server), "ms", SEARCH_ROUNDS);
    report(name, e->name, "searches, one client", 1e3 / wall, "1/s", e->wall.count);
    if (legacy == NULL || e->rival)
        return;
    report(name, e->name, "the legacy SQL takes, wall", series_median(&legacy->wall) / wall, "times", SEARCH_ROUNDS);
    report(name, e->name, "the legacy SQL takes, CPU",
           (series_median(&legacy->client) + series_median(&legacy->server)) / cpu, "times", SEARCH_ROUNDS);
}

/* ---- one photo at a time ---- */

typedef struct adding {
    const engine *e;
    _Atomic int64_t next;
    double until;
} adding;

static void *add_photos(void *arg) {
    adding *a = arg;
    while (bench_seconds() < a->until) {
        liken_image *im = photo(atomic_fetch_add(&a->next, 1), 1, false), *existing = NULL;
        liken_error why = {0};
        if (a->e->store->ops->images->add(a->e->store, a->e->collection, im, false, &existing, &why) != LIKEN_OK)
            bench_fail("adding", why.message);
        liken_image_free(im);
    }
    return NULL;
}

static int64_t add(engine *e) {
    pthread_t threads[WRITERS];
    adding a = {.e = e, .until = bench_seconds() + ADD_SECONDS};
    if (e->rival)
        return rival_add(e->legacy, e->next, ADD_SECONDS);
    atomic_init(&a.next, e->next);
    for (int i = 0; i < WRITERS; i++) {
        if (pthread_create(&threads[i], NULL, add_photos, &a) != 0)
            bench_fail("adding", "no thread");
    }
    for (int i = 0; i < WRITERS; i++)
        (void)pthread_join(threads[i], NULL);
    return atomic_load(&a.next) - e->next;
}

static void add_round(engine *e) {
    const meter begun = meter_now();
    const int64_t count = add(e);
    const meter m = meter_since(begun);
    e->next += count;
    series_add(&e->add_rate, (double)count / m.wall);
    series_add(&e->add_client, 1e6 * m.client / (double)count);
    series_add(&e->add_server, 1e6 * m.server / (double)count);
}

static void report_adds(engine *e, engine *legacy, const char *name) {
    const double rate = series_median(&e->add_rate);
    report(name, e->name, "adds, 8 at once", rate, "photos/s", ADD_ROUNDS);
    report(name, e->name, "adds, CPU of the client", series_median(&e->add_client), "us/photo", ADD_ROUNDS);
    report(name, e->name, "adds, CPU of the server", series_median(&e->add_server), "us/photo", ADD_ROUNDS);
    if (legacy != NULL && !e->rival)
        report(name, e->name, "adds, times those of the legacy SQL", rate / series_median(&legacy->add_rate), "times",
               ADD_ROUNDS);
    if (e->store != NULL && e->store->ops->searching != NULL)
        report(name, e->name, "columns filled in after the adds", tend(e->store).wall, "s", 1);
}

static void add_all(engine engines[ENGINES], const char *name) {
    for (int i = 0; i < ENGINES; i++) { /* a gallery that is open would read what is added */
        liken_free(engines[i].lk);
        engines[i].lk = NULL;
    }
    for (int round = 0; round < ADD_ROUNDS; round++) {
        bench_say("%s: adds, round %d of %d", name, round + 1, ADD_ROUNDS);
        for (int i = 0; i < ENGINES; i++) {
            if (engines[i].ready)
                add_round(&engines[i]);
        }
    }
}

/* ---- all of it ---- */

static void measure(size_t n) {
    char name[64];
    const char *only = getenv("ENGINE");
    engine *engines = malloc(sizeof all);
    if (engines == NULL)
        bench_fail("engines", "out of memory");
    memcpy(engines, all, sizeof all);
    (void)snprintf(name, sizeof name, "%zu faces", n);
    for (int i = 0; i < ENGINES; i++) {
        if (only == NULL || engines[i].rival || strstr(engines[i].name, only) != NULL)
            make(&engines[i], i, n, name);
    }
    for (int i = 0; i < ENGINES; i++) {
        if (engines[i].ready)
            settle(&engines[i]);
    }
    on_server("postgres", "CHECKPOINT");
    for (int i = 0; i < ENGINES; i++) {
        if (engines[i].ready)
            open_engine(&engines[i], name);
    }
    engine *legacy = engines[ENGINES - 1].ready ? &engines[ENGINES - 1] : NULL;
    search_all(engines, n, name);
    for (int i = 0; i < ENGINES; i++) {
        if (engines[i].ready)
            report_searches(&engines[i], legacy, name);
    }
    add_all(engines, name);
    for (int i = 0; i < ENGINES; i++) {
        if (engines[i].ready)
            report_adds(&engines[i], legacy, name);
        remove_engine(&engines[i]);
    }
    free(engines);
}

static void find_model(void) {
    char path[512];
    liken *lk = NULL;
    liken_state *state = NULL;
    (void)snprintf(path, sizeof path, "%s/first", folder);
    const liken_options o = {.size = sizeof(liken_options), .data = path};
    must(liken_open(&lk, &o, NULL, &err), "the packs");
    must(liken_get_state(lk, NULL, &state, &err), "the packs");
    (void)snprintf(model, sizeof model, "%s", state->model);
    liken_state_free(state);
    liken_free(lk);
}

int main(int argc, char **argv) {
    if (argc != 4 && argc != 5)
        bench_fail("usage", "bench_store ADDRESS FOLDER JSON [PID]");
    server = argv[1];
    folder = argv[2];
    meter_server(argc == 5 ? strtol(argv[4], NULL, 10) : 0);
    start = bench_seconds();
    people = gallery_new("drawn");
    if (people == NULL)
        people = gallery_new("spectrum");
    if (people == NULL)
        bench_fail("descriptors", "out of memory");
    find_model();
    (void)printf("descriptors: %s\n", gallery_source(people));
    report_open(argv[3]);
    const char *sizes = getenv("N");
    char *end;
    if (sizes == NULL || *sizes == '\0')
        sizes = "100000 1000000";
    for (size_t n; (n = strtoul(sizes, &end, 10)) > 0 && end != sizes; sizes = end)
        measure(n);
    report_close();
    gallery_free(people);
    return 0;
}
