/* The store's part in searching by itself: store/postgres/search/search.h on its database. */
#include "store/postgres/search/search.h"

#include "base/log.h"
#include "store/postgres/postgres_int.h"

static lk_postgres *of(lk_store *s) {
    return (lk_postgres *)s;
}

struct change {
    int64_t collection;
    liken_search search;
};

static int set(lk_pg_conn *c, lk_postgres_write_state *w, void *arg, liken_error *err) {
    const struct change *k = arg;
    int64_t was = -1;
    w->changed = true; /* so that every process learns of it */
    int rc = lk_pg_number(c, "SELECT search FROM liken.collections WHERE id = $1",
                          LK_PG_ARGS(lk_pg_int8(k->collection)), -1, &was, err);
    if (rc == LIKEN_OK)
        rc = lk_search_set(c, k->collection, k->search, err);
    return rc == LIKEN_OK && was >= 0 && was != (int64_t)k->search
               ? lk_postgres_tell_collection(c, w, LIKEN_COLLECTION_CHANGED, k->collection, NULL, err)
               : rc;
}

int lk_postgres_search_set(lk_store *s, int64_t collection, liken_search search, liken_error *err) {
    struct change k = {.collection = collection, .search = search};
    return lk_postgres_write(of(s), set, &k, err);
}

static int want(lk_pg_conn *c, lk_postgres_write_state *w, void *arg, liken_error *err) {
    const struct change *k = arg;
    return lk_search_want(c, k->collection, &w->changed, err);
}

int lk_postgres_search_want(lk_store *s, int64_t collection, liken_error *err) {
    struct change k = {.collection = collection};
    return lk_postgres_write(of(s), want, &k, err);
}

int lk_postgres_find(lk_store *s, const lk_store_query *query, lk_store_query_fn *fn, void *ctx, bool *exact,
                     double *recall, liken_error *err) {
    return lk_search_in(of(s)->db, of(s)->cluster, query, fn, ctx, exact, recall, err);
}

int lk_postgres_search_count(lk_store *s, int64_t collection, const liken_search_options *filter, int64_t except,
                             uint64_t *count, liken_error *err) {
    return lk_search_count_in(of(s)->db, collection, filter, except, count, err);
}

static int drain(lk_pg_conn *c, void *arg, liken_error *err) {
    const lk_postgres *s = arg;
    bool more = true;
    int rc = LIKEN_OK;
    while (rc == LIKEN_OK && more)
        rc = lk_cluster_drain(s->cluster, c, &more, err);
    return rc;
}

int lk_postgres_search_tend(lk_store *s, bool *more, liken_error *err) {
    const int rc = lk_search_tend_in(of(s)->db, of(s)->cluster, more, err);
    return rc == LIKEN_OK && !*more && lk_cluster_is_known(of(s)->cluster) ? lk_pg_with(of(s)->db, drain, of(s), err)
                                                                           : rc;
}

static int drain_some(lk_pg_conn *c, void *arg, liken_error *err) {
    const lk_postgres *s = arg;
    bool more = false;
    return lk_cluster_drain(s->cluster, c, &more, err);
}

void lk_postgres_forget(lk_postgres *s) {
    liken_error err = {0};
    if (lk_cluster_is_known(s->cluster) && lk_pg_with(s->db, drain_some, s, &err) != LIKEN_OK)
        lk_log(LIKEN_LOG_WARN, "Descriptors of removed faces are still on their shards; this is tried again. %s",
               err.message);
}
