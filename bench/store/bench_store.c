/* Stores compared: how many faces a second go in (in bulk, and one photo at a time from eight threads, each acknowledged
 * after its commit is on disk), and how long a search takes, with SQLite, with PostgreSQL searched in memory, by cube and by
 * pgvector where it has that, and with the seed's own table and SQL on the same server.
 *
 * usage: bench_store ADDRESS FOLDER JSON     ADDRESS: a libpq URL up to the database's name, whose user may make databases
 *
 * LIKEN_MODELS names the packs (a collection belongs to the model of one). N: sizes in faces, separated by spaces. ENGINE:
 * only those whose name holds this. */
#include "../search/gallery.h"
#include "../search/report.h"

#include "base/error.h"
#include "store/codec.h"
#include "store/copy.h"
#include "store/store.h"

#include <libpq-fe.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { D = GALLERY_DIMENSION, FACES = 4 /* a photo */, PAGE = 500, WRITERS = 8, LONGEST = 1000 };
static const double ADD_SECONDS = 4, SEARCH_SECONDS = 8;

static liken_error err;
static gallery *people;
static char model[128];
static const char *server;

static _Noreturn void fail(const char *what, const char *why) {
    (void)fprintf(stderr, "bench_store: %s: %s\n", what, why);
    exit(1);
}

static void must(int rc, const char *what) {
    if (rc != LIKEN_OK)
        fail(what, err.message);
}

static double now(void) {
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int by_size(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void does(PGconn *c, const char *sql, ExecStatusType expected) {
    PGresult *r = PQexec(c, sql);
    if (PQresultStatus(r) != expected)
        fail("the database", PQerrorMessage(c));
    PQclear(r);
}

/* ---- photos that look like stored ones ---- */

static liken_image *photo(int64_t number, size_t faces, bool ids) {
    liken_image *im = calloc(1, sizeof *im);
    if (im == NULL || (im->faces = calloc(faces, sizeof *im->faces)) == NULL)
        fail("a photo", "out of memory");
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
            fail("a photo", "out of memory");
        gallery_photo(people, number * FACES + (int64_t)i, f->descriptor);
    }
    return im;
}

/* ---- liken's stores ---- */

typedef struct kind {
    const char *engine;
    bool database;
    liken_search search;
} kind;

static const kind kinds[] = {
    {"liken, sqlite", false, LIKEN_SEARCH_AUTO},
    {"liken, postgres, memory", true, LIKEN_SEARCH_MEMORY},
    {"liken, postgres, cube", true, LIKEN_SEARCH_CUBE},
    {"liken, postgres, pgvector", true, LIKEN_SEARCH_PGVECTOR},
};

typedef struct place {
    char name[64], folder[512], where[1024];
    liken_options options;
} place;

static lk_store *open_place(const place *p) {
    lk_store *s = NULL;
    must(p->options.store == NULL ? lk_store_open_sqlite(&s, p->folder, false, &err)
                                  : lk_store_open_postgres(&s, p->where, false, &err),
         "the store");
    return s;
}

/* As many faces as wanted, the way liken move writes them. */
static void fill(lk_store *s, int64_t collection, size_t n, const char *name, const char *engine) {
    int64_t ids[PAGE], last;
    liken_image *page[PAGE];
    double busy = 0;
    must(s->ops->copy_begin(s, "bench", &last, &err), "filling");
    for (size_t first = 0; first < n / FACES; first += PAGE) {
        const size_t count = n / FACES - first < PAGE ? n / FACES - first : PAGE;
        for (size_t i = 0; i < count; i++) {
            page[i] = photo((int64_t)(first + i) + 1, FACES, true);
            ids[i] = collection;
        }
        const double start = now();
        must(s->ops->copy_put(s, ids, page, count, &err), "filling");
        busy += now() - start;
        for (size_t i = 0; i < count; i++)
            liken_image_free(page[i]);
    }
    must(s->ops->copy_end(s, (int64_t)n, &err), "filling");
    report(name, engine, "bulk add", (double)n / busy, "faces/s", 1);
}

static int64_t make_collection(lk_store *s) {
    liken_collection c = {.name = (char *)(uintptr_t) "default", .model = model, .dimension = D, .threshold = 0.6F};
    liken_collection *there = NULL;
    int64_t last;
    must(s->ops->copy_begin(s, "bench", &last, &err), "the collection");
    if (s->ops->collection_get(s, c.name, &there, &err) == LIKEN_OK) {
        c.id = there->id;
        liken_collection_free(there);
        return c.id;
    }
    must(s->ops->collection_create(s, &c, &err), "the collection");
    return c.id;
}

/* false: the database does not have it. */
static bool set_search(lk_store *s, int64_t collection, liken_search search, const char *name, const char *engine) {
    if (search == LIKEN_SEARCH_AUTO)
        return true;
    const double start = now();
    if (s->ops->search_set(s, collection, search, &err) != LIKEN_OK) {
        (void)printf("%s: not measured: %s\n", engine, err.message);
        return false;
    }
    bool more = s->ops->near_tend != NULL;
    while (more)
        must(s->ops->near_tend(s, &more, &err), "preparing the database");
    report(name, engine, "preparing the search", now() - start, "s", 1);
    return true;
}

/* ---- one photo at a time ---- */

typedef struct adding {
    lk_store *store;
    int64_t collection;
    _Atomic int64_t next;
    double until;
} adding;

static void *add_photos(void *arg) {
    adding *a = arg;
    while (now() < a->until) {
        liken_image *im = photo(atomic_fetch_add(&a->next, 1), 1, false), *existing = NULL;
        liken_error why = {0};
        if (a->store->ops->image_add(a->store, a->collection, im, &existing, &why) != LIKEN_OK)
            fail("adding", why.message);
        liken_image_free(im);
    }
    return NULL;
}

static void add(lk_store *s, int64_t collection, size_t n, const char *name, const char *engine) {
    pthread_t threads[WRITERS];
    const int64_t first = (int64_t)n + 1;
    adding a = {.store = s, .collection = collection, .until = now() + ADD_SECONDS};
    atomic_init(&a.next, first);
    for (size_t i = 0; i < WRITERS; i++) {
        if (pthread_create(&threads[i], NULL, add_photos, &a) != 0)
            fail("adding", "no thread");
    }
    for (size_t i = 0; i < WRITERS; i++)
        (void)pthread_join(threads[i], NULL);
    report(name, engine, "adds, 8 threads", (double)(atomic_load(&a.next) - first) / ADD_SECONDS, "photos/s", 1);
}

/* ---- searching ---- */

static void search(const place *p, size_t n, const char *name, const char *engine) {
    double times[LONGEST];
    float query[D];
    int count = 0;
    liken *lk = NULL;
    const double opened = now();
    must(liken_open(&lk, &p->options, &err), "opening");
    report(name, engine, "opening", now() - opened, "s", 1);
    const liken_search_options o = {.limit = 10};
    for (double start = now(); count < LONGEST && (count < 4 || now() - start < SEARCH_SECONDS); count++) {
        liken_result *r = NULL;
        gallery_again(people, (int64_t)((size_t)count * 7919 % n) + FACES, query);
        const double begin = now();
        must(liken_search_descriptor(lk, query, D, NULL, &o, &r, &err), "searching");
        times[count] = now() - begin;
        if (!r->exact || r->answers[0].match_count == 0)
            fail("searching", "an answer is empty or not exact");
        liken_result_free(r);
    }
    liken_free(lk);
    qsort(times, (size_t)count, sizeof *times, by_size);
    report(name, engine, "search, nearest 10, p50", 1e3 * times[count / 2], "ms", count);
    report(name, engine, "searches, one client", 1 / times[count / 2], "1/s", count);
}

static void make_database(const char *name) {
    char where[1024], sql[96];
    (void)snprintf(where, sizeof where, "%s/postgres", server);
    PGconn *c = PQconnectdb(where);
    (void)snprintf(sql, sizeof sql, "CREATE DATABASE %s", name);
    does(c, sql, PGRES_COMMAND_OK);
    PQfinish(c);
}

static void measure(const kind *k, size_t n, const char *name, const char *folder) {
    place p = {0};
    static int number;
    number++;
    (void)snprintf(p.folder, sizeof p.folder, "%s/%d", folder, number);
    (void)snprintf(p.where, sizeof p.where, "%s/store%d", server, number);
    p.options = (liken_options){.data = p.folder, .store = k->database ? p.where : NULL};
    if (k->database)
        make_database(strrchr(p.where, '/') + 1);
    lk_store *s = open_place(&p);
    const int64_t collection = make_collection(s);
    fill(s, collection, n, name, k->engine);
    const bool ready = set_search(s, collection, k->search, name, k->engine);
    if (ready)
        add(s, collection, n, name, k->engine);
    s->ops->close(s);
    if (ready)
        search(&p, n, name, k->engine);
}

/* ---- the seed's table ---- */

/* Both halves as the text of an array of numbers. */
static void halves(const float *v, char low[D * 12], char high[D * 12]) {
    char *const out[2] = {low, high};
    for (int h = 0; h < 2; h++) {
        int at = 0;
        for (int i = 0; i < D / 2; i++)
            at += snprintf(out[h] + at, 24, "%s%.8g", i == 0 ? "" : ",", (double)v[h * D / 2 + i]);
    }
}

static void fill_seed(PGconn *c, size_t n, const char *name) {
    static char low[D * 12], high[D * 12], line[D * 30];
    float v[D];
    does(c, "CREATE EXTENSION IF NOT EXISTS cube", PGRES_COMMAND_OK);
    does(c, "CREATE TABLE vectors (id serial, file varchar, image_id numeric, vec_low cube, vec_high cube)",
         PGRES_COMMAND_OK);
    does(c, "CREATE INDEX vectors_vec_idx ON vectors (vec_low, vec_high)", PGRES_COMMAND_OK);
    const double start = now();
    does(c, "COPY vectors (file, image_id, vec_low, vec_high) FROM STDIN", PGRES_COPY_IN);
    for (size_t i = 0; i < n; i++) {
        gallery_photo(people, FACES + (int64_t)i, v);
        halves(v, low, high);
        const int size = snprintf(line, sizeof line, "holidays/2026/%08zu.jpg\t%zu\t(%s)\t(%s)\n", i / FACES, i / FACES, low,
                                  high);
        if (PQputCopyData(c, line, size) != 1)
            fail("the seed's table", PQerrorMessage(c));
    }
    if (PQputCopyEnd(c, NULL) != 1)
        fail("the seed's table", PQerrorMessage(c));
    for (PGresult *r; (r = PQgetResult(c)) != NULL; PQclear(r)) {
        if (PQresultStatus(r) != PGRES_COMMAND_OK)
            fail("the seed's table", PQerrorMessage(c));
    }
    report(name, "the seed's SQL", "bulk add (COPY)", (double)n / (now() - start), "faces/s", 1);
    does(c, "ANALYZE vectors", PGRES_COMMAND_OK);
}

static void add_seed(PGconn *c, const char *name) {
    static char low[D * 12], high[D * 12], sql[D * 32];
    float v[D];
    int count = 0;
    for (const double start = now(); now() - start < ADD_SECONDS; count++) {
        gallery_photo(people, 100000000 + count, v);
        halves(v, low, high);
        (void)snprintf(sql, sizeof sql,
                       "INSERT INTO vectors (file, image_id, vec_low, vec_high) VALUES ('a.jpg', 1,"
                       " CUBE(array[%s]), CUBE(array[%s]))",
                       low, high);
        does(c, sql, PGRES_COMMAND_OK);
    }
    report(name, "the seed's SQL", "adds, one connection", count / ADD_SECONDS, "photos/s", 1);
}

static void search_seed(PGconn *c, size_t n, const char *name) {
    static char low[D * 12], high[D * 12], sql[D * 60];
    double times[LONGEST];
    float v[D];
    int count = 0;
    for (const double start = now(); count < LONGEST && (count < 4 || now() - start < SEARCH_SECONDS); count++) {
        gallery_again(people, (int64_t)((size_t)count * 7919 % n) + FACES, v);
        halves(v, low, high);
        (void)snprintf(sql, sizeof sql,
                       "SELECT id, file, image_id FROM vectors WHERE sqrt(power(CUBE(array[%s]) <-> vec_low, 2) +"
                       " power(CUBE(array[%s]) <-> vec_high, 2)) <= 0.6 ORDER BY sqrt(power(CUBE(array[%s]) <-> vec_low, 2)"
                       " + power(CUBE(array[%s]) <-> vec_high, 2)) ASC",
                       low, high, low, high);
        const double begin = now();
        does(c, sql, PGRES_TUPLES_OK);
        times[count] = now() - begin;
    }
    qsort(times, (size_t)count, sizeof *times, by_size);
    report(name, "the seed's SQL", "search, radius 0.6, p50", 1e3 * times[count / 2], "ms", count);
    report(name, "the seed's SQL", "searches, one client", 1 / times[count / 2], "1/s", count);
}

static void measure_seed(size_t n, const char *name) {
    char where[1024];
    (void)snprintf(where, sizeof where, "%s/seed%zu", server, n);
    make_database(strrchr(where, '/') + 1);
    PGconn *c = PQconnectdb(where);
    if (PQstatus(c) != CONNECTION_OK)
        fail("the seed's table", PQerrorMessage(c));
    fill_seed(c, n, name);
    add_seed(c, name);
    search_seed(c, n, name);
    PQfinish(c);
}

static bool wanted(const char *engine) {
    const char *only = getenv("ENGINE");
    return only == NULL || strstr(engine, only) != NULL;
}

static void find_model(const char *folder) {
    char path[512];
    liken *lk = NULL;
    liken_state *state = NULL;
    (void)snprintf(path, sizeof path, "%s/first", folder);
    const liken_options o = {.data = path};
    must(liken_open(&lk, &o, &err), "the packs");
    must(liken_get_state(lk, &state, &err), "the packs");
    (void)snprintf(model, sizeof model, "%s", state->model);
    liken_state_free(state);
    liken_free(lk);
}

int main(int argc, char **argv) {
    if (argc != 4)
        fail("usage", "bench_store ADDRESS FOLDER JSON");
    server = argv[1];
    people = gallery_new("drawn");
    if (people == NULL)
        people = gallery_new("spectrum");
    if (people == NULL)
        fail("descriptors", "out of memory");
    find_model(argv[2]);
    report_open(argv[3]);
    const char *sizes = getenv("N");
    char *end;
    if (sizes == NULL || *sizes == '\0')
        sizes = "100000 1000000";
    for (size_t n; (n = strtoul(sizes, &end, 10)) > 0 && end != sizes; sizes = end) {
        char name[64];
        (void)snprintf(name, sizeof name, "%zu faces", n);
        for (size_t i = 0; i < LK_LENGTH(kinds); i++) {
            if (wanted(kinds[i].engine))
                measure(&kinds[i], n, name, argv[2]);
        }
        if (wanted("the seed's SQL"))
            measure_seed(n, name);
    }
    report_close();
    gallery_free(people);
    return 0;
}
