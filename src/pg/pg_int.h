/* pg_int.h - what the parts of pg.h share. */
#ifndef LK_PG_PG_INT_H
#define LK_PG_PG_INT_H

#include "pg/pg.h"

#include <libpq-fe.h>
#include <pthread.h>

#define LK_PG_STATEMENTS 64
#define LK_PG_POOL_MAX 64
#define LK_PG_COLUMNS_MAX 32
#define LK_PG_ASKED 0u        /* a statement, and an answer is wanted */
#define LK_PG_SAID UINT32_MAX /* one whose answer nobody asks for */
#define LK_PG_GRACE_MS 2000   /* how much longer than the server this side waits for a statement, */
#define LK_PG_LATE_MS 500     /* and how much longer than a call's deadline */

struct lk_pg {
    char *where;
    char name[256];
    lk_pg_options options; /* with the defaults filled in */

    pthread_mutex_t lock; /* everything below */
    pthread_cond_t room;
    lk_pg_conn *idle[LK_PG_POOL_MAX];
    int idle_count, open;   /* open: idle ones and those taken */
    bool met;               /* it was reached at least once */
    bool trying;            /* somebody makes a connection, after the last attempt failed */
    double there_at;        /* when the server was last seen to be there by who doubted it */
    unsigned generation;    /* grows when a connection is lost: idle ones that are older are not trusted */
    double full_at;         /* when a disk of the server was last said to be full; 0: never */
    double pause, retry_at; /* seconds; no new connection is tried before */
    liken_error why;        /* of the last attempt */
};

typedef struct lk_pg_kept {
    char *sql;
    unsigned number; /* its name on the server is "s<number>" */
} lk_pg_kept;

struct lk_pg_conn {
    lk_pg *db; /* borrowed */
    PGconn *pq;
    unsigned generation;
    bool lost, fresh; /* fresh: made for this take */
    bool behind;      /* the last fault was that the server did not get through to one behind it */
    int patience_ms;  /* this side's limit for the next answer */
    int server_ms;    /* the server's for a statement, but for what a call has left */
    bool hurried;     /* the server was told of that in this transaction */
    bool settled;     /* and this transaction is not to be hurried any more */
    char sqlstate[6];
    lk_pg_doubt_fn *doubt; /* who else has to be there for an answer to come, or NULL */
    void *doubt_ctx;

    lk_pg_kept kept[LK_PG_STATEMENTS];
    int kept_count;
    unsigned numbers;

    /* the pipeline: for each thing sent and not yet answered, the number of the statement it prepares, or: */
    unsigned *sent;
    size_t sent_first, sent_count, sent_room;
    bool synced;

    bool copying, copy_begun;
    lk_buf copy;
};

/* ---- fail.c ---- */

/* The sentence for a failed call; `r` may be NULL: then the connection tells. Sets c->lost and c->sqlstate. */
int lk_pg_fail(lk_pg_conn *c, const PGresult *r, liken_error *err);
/* The same for one that did not come about. */
int lk_pg_refused(lk_pg_conn *c, liken_error *err);
/* The connection is of no use any more; `why` is a clause. */
int lk_pg_give_up(lk_pg_conn *c, const char *why, liken_error *err);

/* ---- conn.c ---- */

int lk_pg_connect(lk_pg *db, lk_pg_conn **out, liken_error *err);
/* Waits until PQgetResult would not, and calls it. *out NULL: libpq's end mark. */
int lk_pg_result_next(lk_pg_conn *c, PGresult **out, liken_error *err);
/* Leaves pipeline mode. */
int lk_pg_plain(lk_pg_conn *c, liken_error *err);
/* Sends what libpq holds back, waiting for room. */
int lk_pg_flush(lk_pg_conn *c, liken_error *err);
/* Reads every remaining result of a statement outside a pipeline; the first fault is told. */
int lk_pg_drain(lk_pg_conn *c, int rc, liken_error *err);

/* ---- pool.c ---- */

/* For an answer that is long in coming: is the server there at all? If not, the pool knows it too. */
int lk_pg_ask_server(lk_pg_conn *c, liken_error *err);

/* ---- value.c ---- */

/* The value as it travels, appended; nothing for NULL. */
int lk_pg_encode(lk_pg_value v, lk_buf *to, liken_error *err);
/* Bytes of the item that begins at `at` in a column, its length in front included. */
size_t lk_pg_item_size(const lk_pg_column *column, size_t at);
unsigned lk_pg_type_of(lk_pg_value v); /* the array's type for an array */

#endif
