/* The pool of reading connections: at most LK_SQLITE_READERS, opened when first needed; who finds none idle waits. A
 * read sees one snapshot (WAL), so that it never waits for the writer nor the writer for it. */
#include "store/sqlite/sqlite_int.h"

static int take(lk_sqlite_store *s) {
    pthread_mutex_lock(&s->pool_lock);
    while (s->idle_count == 0)
        pthread_cond_wait(&s->pool_room, &s->pool_lock);
    const int i = s->idle[--s->idle_count];
    pthread_mutex_unlock(&s->pool_lock);
    return i;
}

static void put_back(lk_sqlite_store *s, int i) {
    pthread_mutex_lock(&s->pool_lock);
    s->idle[s->idle_count++] = i;
    pthread_cond_signal(&s->pool_room);
    pthread_mutex_unlock(&s->pool_lock);
}

static int read_snapshot(lk_sqlite_conn *c, lk_sqlite_fn *fn, void *arg, liken_error *err) {
    int rc = lk_sqlite_exec(c, "BEGIN", err);
    if (rc != LIKEN_OK)
        return rc;
    rc = fn(c, arg, err);
    lk_sqlite_reset(c);
    (void)lk_sqlite_exec(c, "ROLLBACK", NULL); /* nothing was written, so ending the snapshot loses nothing */
    return rc;
}

int lk_sqlite_read(lk_sqlite_store *s, lk_sqlite_fn *fn, void *arg, liken_error *err) {
    const int i = take(s);
    lk_sqlite_conn *c = &s->reader[i];
    int rc = LIKEN_OK;
    if (c->db == NULL)
        rc = lk_sqlite_connect(c, s->path, s->flags & ~LK_SQLITE_WRITE, err);
    if (rc == LIKEN_OK)
        rc = read_snapshot(c, fn, arg, err);
    const int still = lk_sqlite_still(s, err); /* what a file that changed underneath seems to say counts for nothing */
    if (still != LIKEN_OK)
        rc = still;
    put_back(s, i);
    return rc;
}
