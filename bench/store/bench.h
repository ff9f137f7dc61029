/* bench.h - what the parts of bench_store share. */
#ifndef LK_BENCH_STORE_H
#define LK_BENCH_STORE_H

#include <stddef.h>
#include <stdint.h>

#include "../search/gallery.h"

enum {
    D = GALLERY_DIMENSION,
    FACES = 4,    /* a photo */
    WRITERS = 8,  /* that add at once */
    NEAREST = 10, /* faces asked for */
    TIMES = 4000, /* of searches that are kept */
    SEARCH_ROUNDS = 5,
    ADD_ROUNDS = 3,
};
#define RADIUS 0.6F
#define SEARCH_SECONDS 2.0 /* an engine and round; at least SEARCH_LEAST searches */
#define SEARCH_LEAST 2
#define SEARCH_MOST 400
#define ADD_SECONDS 2.0

_Noreturn void bench_fail(const char *what, const char *why);
/* A line on standard error, after the seconds since the start. */
void bench_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* ---- meter.c: where time goes ---- */

double bench_seconds(void); /* of a clock */

typedef struct meter {
    double wall, client, server; /* seconds; the latter two are CPU time, of this process and of the database server */
} meter;

/* The server's first process; 0: there is none to be seen, and its CPU time is not measured. */
void meter_server(long pid);
meter meter_now(void);
meter meter_since(meter begun);

/* Several of them, for a median. */
typedef struct series {
    double values[TIMES];
    int count;
} series;
void series_add(series *s, double value); /* beyond TIMES: nothing */
double series_median(series *s);

/* ---- rival.c: the legacy table and its own SQL ---- */

typedef struct rival rival;
/* Makes the table in the database of this address and fills it with faces 1 to n by COPY. */
rival *rival_make(const char *where, const gallery *people, size_t n);
void rival_free(rival *r);
/* Everything within RADIUS, nearest first, in the legacy system's words; returns how many. */
int rival_search(rival *r, const float *query);
/* WRITERS connections that add for a while; returns how many faces. */
int64_t rival_add(rival *r, int64_t first, double seconds);
void rival_settle(rival *r); /* VACUUM ANALYZE */

#endif
