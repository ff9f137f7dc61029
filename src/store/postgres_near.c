/* The store's part in searching by itself: pg_near.h on its database. */
#include "store/pg_near.h"
#include "store/postgres_int.h"

static lk_postgres *of(lk_store *s) {
    return (lk_postgres *)s;
}

struct change {
    int64_t collection;
    liken_search search;
};

static int set(lk_pg_conn *c, lk_postgres_write_state *w, void *arg, liken_error *err) {
    const struct change *k = arg;
    w->changed = true; /* so that every process learns of it */
    return lk_near_set(c, k->collection, k->search, err);
}

int lk_postgres_search_set(lk_store *s, int64_t collection, liken_search search, liken_error *err) {
    struct change k = {.collection = collection, .search = search};
    return lk_postgres_write(of(s), set, &k, err);
}

static int want(lk_pg_conn *c, lk_postgres_write_state *w, void *arg, liken_error *err) {
    const struct change *k = arg;
    return lk_near_want(c, k->collection, &w->changed, err);
}

int lk_postgres_near_want(lk_store *s, int64_t collection, liken_error *err) {
    struct change k = {.collection = collection};
    return lk_postgres_write(of(s), want, &k, err);
}

int lk_postgres_near(lk_store *s, const lk_store_near *query, lk_store_near_fn *fn, void *ctx, bool *exact,
                     double *recall, liken_error *err) {
    return lk_near_search_in(of(s)->db, of(s)->cluster, query, fn, ctx, exact, recall, err);
}

int lk_postgres_near_count(lk_store *s, int64_t collection, const liken_search_options *filter, int64_t except,
                           uint64_t *count, liken_error *err) {
    return lk_near_count_in(of(s)->db, collection, filter, except, count, err);
}

int lk_postgres_near_tend(lk_store *s, bool *more, liken_error *err) {
    return lk_near_tend_in(of(s)->db, of(s)->cluster, more, err);
}
