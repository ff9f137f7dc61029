/* pg.h - the way to a PostgreSQL server: everything that liken says to one goes through here (libpq is named in
 * this folder only).
 *
 *   lk_pg           a database: where it is, and a bounded pool of connections to it. Any thread.
 *   lk_pg_conn      one connection, used by one thread between take and give. It remembers the statements it has
 *                   prepared; a connection that was lost is replaced, and its statements are prepared again.
 *   lk_pg_value     a parameter, typed and sent in binary; text never becomes SQL.
 *   lk_pg_result    rows, in binary.
 *
 * Nothing waits for ever: connecting, waiting for a free connection and every statement have a limit, and the limit of
 * a statement is watched on this side too. A statement may be slow, but its server has to be there: when an answer is a
 * second late the server is asked on another connection whether it is, so that one that was paused or cut off is found
 * out in about five seconds, and a long search is not mistaken for that. Then the status is
 * LIKEN_E_BUSY with a sentence that names the database (never its password), the connection is closed, and until the
 * server answers again most calls fail at once; new attempts are made at growing intervals of at most 2 s.
 *
 * A call that has a deadline (base/call.h) gives its statements no more than what is left of it: the server is told in
 * front of the first of a pipeline, in the same trip, for the transaction alone, so that nothing of it is left on a
 * connection that goes back to the pool. Then the status is LIKEN_E_DEADLINE.
 *
 * Statuses: BUSY: not reachable, or locked for too long, or over its time; STORE: any other fault the server tells of;
 * ARG: a connection string that cannot be read; MEMORY. The sentence holds the server's first line. */
#ifndef LK_PG_PG_H
#define LK_PG_PG_H

#include "base/buf.h"
#include "base/error.h"

typedef struct lk_pg lk_pg;
typedef struct lk_pg_conn lk_pg_conn;
typedef struct pg_result lk_pg_result; /* libpq's PGresult */

typedef struct lk_pg_options { /* zero: the default */
    int connections;           /* at most so many, a listener's apart; 8 */
    int connect_s;             /* for each host of the connection string; 3, at least 2 */
    int statement_ms;          /* what one statement may take, waiting for locks included; 8000 */
    bool read_only;            /* the server refuses writes on these connections */
    bool own_names; /* every name but the server's own is said with its schema: none is looked for elsewhere */
} lk_pg_options;

/* ---- the database -------------------------------------------------------------------------- */

/* `where` is a connection string of libpq; its environment, service and password files apply. Connects once, so that
 * a wrong address is told at once. */
int lk_pg_open(lk_pg **out, const char *where, const lk_pg_options *options, liken_error *err);
/* The same database once more, with other limits: a pool of its own. */
int lk_pg_open_again(lk_pg **out, const lk_pg *db, const lk_pg_options *options, liken_error *err);
/* Every connection must have been given back. NULL is accepted. */
void lk_pg_close(lk_pg *db);
/* "postgres://user@host:port/database", without a password; lives as long as `db`. */
const char *lk_pg_name(const lk_pg *db);
/* The same of any connection string, before it is opened. ARG when libpq cannot read it. */
int lk_pg_address(const char *where, char *out, size_t room, liken_error *err);
/* READ_ONLY, with the reason, where `table` (as SQL names it) cannot be changed by who has not the `privilege` on it,
 * or by anybody. */
int lk_pg_writable(lk_pg *db, const char *table, const char *privilege, liken_error *err);
/* FULL for a while after the server said that its disk is. */
int lk_pg_room(lk_pg *db, liken_error *err);

/* ---- connections --------------------------------------------------------------------------- */

/* Waits for a free connection (no longer than one statement may take). */
int lk_pg_take(lk_pg *db, lk_pg_conn **out, liken_error *err);
/* Rolls back what is open; closes it when it was lost. NULL is accepted. */
void lk_pg_give(lk_pg *db, lk_pg_conn *c);

/* Takes a connection, calls `fn`, gives it back; calls it a second time when the connection turned out to be stale, so
 * `fn` must bear being called twice (reads, and writes that look first). Returns what `fn` returned. */
typedef int lk_pg_fn(lk_pg_conn *c, void *arg, liken_error *err);
int lk_pg_with(lk_pg *db, lk_pg_fn *fn, void *arg, liken_error *err);

/* One that is not of the pool: not counted there, and closed by its taker. BUSY at once where an attempt has just
 * failed.
 */
int lk_pg_make(lk_pg *db, lk_pg_conn **out, liken_error *err);
void lk_pg_disconnect(lk_pg_conn *c); /* NULL is accepted */

bool lk_pg_lost(const lk_pg_conn *c); /* gone: nothing more can be said on it */
/* The fault may be of what was there before: it was an idle connection that had been cut, or the server kept such a one
 * to a server behind it. Once more, and it is known. */
bool lk_pg_is_stale(const lk_pg_conn *c);
/* The status of a write that failed so on `c`: READ_ONLY instead of STORE where the right to do it was missing. */
int lk_pg_write_refused(lk_pg_conn *c, int rc, liken_error *err);
const char *lk_pg_sqlstate(const lk_pg_conn *c); /* of the last fault, "" when the server gave none */
int lk_pg_server(const lk_pg_conn *c);           /* 150020 for 15.20 */
const char *lk_pg_parameter(const lk_pg_conn *c, const char *name); /* "server_encoding"; "" when unknown */

const char *lk_pg_conn_name(const lk_pg_conn *c); /* lk_pg_name of its database */
bool lk_pg_is_idle(const lk_pg_conn *c);          /* no transaction is open */
/* This side waits so long for the next answers, until it is given back; the server's own limit stays. */
void lk_pg_hurry(lk_pg_conn *c, int ms);

/* Where it leads, whoever said so: connection string, environment or service file. Lives as long as `c`; texts may be
 * empty or NULL. */
typedef struct lk_pg_place {
    const char *host, *port, *database, *user, *password;
} lk_pg_place;
lk_pg_place lk_pg_where(const lk_pg_conn *c);

/* Calls `fn` with each option that libpq knows and what the connection string says of it: NULL or "" for nothing. A
 * fault of `fn` ends it. ARG when libpq cannot read the string. */
typedef int lk_pg_option_fn(void *ctx, const char *option, const char *value, liken_error *err);
int lk_pg_each_option(const char *where, lk_pg_option_fn *fn, void *ctx, liken_error *err);

/* ---- parameters ---------------------------------------------------------------------------- */

typedef enum lk_pg_type { /* the server's numbers of its types */
                          LK_PG_BOOL = 16,
                          LK_PG_BYTEA = 17,
                          LK_PG_INT8 = 20,
                          LK_PG_INT2 = 21,
                          LK_PG_INT4 = 23,
                          LK_PG_TEXT = 25,
                          LK_PG_FLOAT4 = 700,
                          LK_PG_FLOAT8 = 701,
} lk_pg_type;

/* Many values of one type, sent as one array: `INSERT ... SELECT * FROM unnest($1::bigint[], $2::text[])`. */
typedef struct lk_pg_column {
    lk_pg_type type;
    int count;
    bool nulls;
    lk_buf bytes; /* as they travel */
} lk_pg_column;

typedef struct lk_pg_value {
    lk_pg_type type; /* of the array's items when `array` is set */
    int64_t whole;
    double real;
    const void *bytes; /* borrowed; NULL with a text or bytea: NULL */
    size_t size;
    const lk_pg_column *array;
    bool null;
} lk_pg_value;

lk_pg_value lk_pg_null(lk_pg_type type);
lk_pg_value lk_pg_bool(bool v);
lk_pg_value lk_pg_int2(int v);
lk_pg_value lk_pg_int4(int v);
lk_pg_value lk_pg_int8(int64_t v);
lk_pg_value lk_pg_float4(float v);
lk_pg_value lk_pg_float8(double v);
lk_pg_value lk_pg_text(const char *text);                /* NULL: NULL. Valid UTF-8 (lk_store_text). Borrowed. */
lk_pg_value lk_pg_bytes(const void *bytes, size_t size); /* NULL: NULL. Borrowed. */
lk_pg_value lk_pg_array(const lk_pg_column *column);     /* borrowed */

void lk_pg_column_init(lk_pg_column *column, lk_pg_type type);
int lk_pg_column_add(lk_pg_column *column, lk_pg_value v, liken_error *err); /* of the column's type */
void lk_pg_column_free(lk_pg_column *column);

/* The last two arguments of exec and queue: LK_PG_ARGS(lk_pg_int8(id), lk_pg_text(name)), or LK_PG_NO_ARGS. */
#define LK_PG_ARGS(...)                                                                                                \
    (const lk_pg_value[]){__VA_ARGS__}, (int)(sizeof((const lk_pg_value[]){__VA_ARGS__}) / sizeof(lk_pg_value))
#define LK_PG_NO_ARGS NULL, 0

/* ---- statements ---------------------------------------------------------------------------- */

/* One statement, prepared once a connection (by its text; 64 texts are kept, others are parsed every time). `out` may
 * be NULL. */
int lk_pg_exec(lk_pg_conn *c, const char *sql, const lk_pg_value *values, int count, lk_pg_result **out,
               liken_error *err);
/* One number of the first row; `missing` when there is no row or it is NULL. */
int lk_pg_number(lk_pg_conn *c, const char *sql, const lk_pg_value *values, int count, int64_t missing, int64_t *out,
                 liken_error *err);

/* A pipeline: many statements in one round trip. queue as many as you like (values are copied), then answer for each
 * whose result is wanted, in order, then finish in any case:
 *     rc = lk_pg_queue(c, a, ...); if (rc == LIKEN_OK) rc = lk_pg_queue(c, b, ...);
 *     if (rc == LIKEN_OK) rc = lk_pg_answer(c, &rows, err);
 *     rc = lk_pg_finish(c, rc, err);
 * Without a BEGIN of its own a pipeline is one transaction. After a fault nothing later in it is done. */
int lk_pg_queue(lk_pg_conn *c, const char *sql, const lk_pg_value *values, int count, liken_error *err);
int lk_pg_answer(lk_pg_conn *c, lk_pg_result **out, liken_error *err);
/* Queues a statement whose answer nobody asks for: answer passes over it, and tells of its fault. */
int lk_pg_say(lk_pg_conn *c, const char *sql, const lk_pg_value *values, int count, liken_error *err);
/* Sends what was queued without waiting for answers, so that several databases can work at once; before the first
 * answer. */
int lk_pg_send(lk_pg_conn *c, liken_error *err);
/* Returns `rc` when it is a fault, else the first fault among the answers that nobody asked for. */
int lk_pg_finish(lk_pg_conn *c, int rc, liken_error *err);

/* Several statements separated by semicolons, without parameters: constants of this program (migrations). */
int lk_pg_script(lk_pg_conn *c, const char *sql, liken_error *err);

/* Statements of this connection may take so long from now on, until it is given back: the limit on this side and, from
 * the next statement on, the server's. Only inside a transaction. */
int lk_pg_patience(lk_pg_conn *c, int ms, liken_error *err);

/* From here on this transaction is not hurried by the call's deadline: what has begun to be written is not broken off.
 */
void lk_pg_settle(lk_pg_conn *c);

/* Whoever else has to be there for this connection's answers to come: asked when one is a second late, and again some
 * seconds later and so on; a fault of `fn` is the statement's, which is then given up. Until it is given back. */
typedef int lk_pg_doubt_fn(void *ctx, liken_error *err); /* NULL: nobody */
void lk_pg_doubt(lk_pg_conn *c, lk_pg_doubt_fn *fn, void *ctx);

/* A name made into SQL, quoted by libpq; malloc'd; NULL when it cannot be (not UTF-8) or memory ran out. */
char *lk_pg_identifier(lk_pg_conn *c, const char *name);

/* COPY ... FROM STDIN (FORMAT binary), not inside a pipeline: as many rows as the columns are long (all the same).
 * Their types must be exactly those of the table's. end tells whether the server took it all; after a fault of start or
 * columns the copy is over, and nothing of it was taken. */
int lk_pg_copy_start(lk_pg_conn *c, const char *sql, liken_error *err);
int lk_pg_copy_columns(lk_pg_conn *c, const lk_pg_column *columns, int count, liken_error *err);
int lk_pg_copy_end(lk_pg_conn *c, liken_error *err);

/* ---- rows ---------------------------------------------------------------------------------- */

int lk_pg_rows(const lk_pg_result *r);
int64_t lk_pg_touched(const lk_pg_result *r); /* rows that an INSERT, UPDATE or DELETE touched */
int lk_pg_columns(const lk_pg_result *r);
lk_pg_type lk_pg_type_at(const lk_pg_result *r, int column); /* may be one that lk_pg_type does not list */
bool lk_pg_is_null(const lk_pg_result *r, int row, int column);
int64_t lk_pg_get_int(const lk_pg_result *r, int row, int column); /* bool, int2, int4, int8; 0 for NULL */
double lk_pg_get_real(const lk_pg_result *r, int row, int column); /* float4, float8; 0 for NULL */
/* The bytes as they came, followed by a NUL; live as long as the result. NULL for NULL. `size` may be NULL. */
const char *lk_pg_get_bytes(const lk_pg_result *r, int row, int column, size_t *size);
/* A malloc'd copy of a text, NULL for NULL; false when out of memory. */
bool lk_pg_copy(const lk_pg_result *r, int row, int column, char **out);
void lk_pg_clear(lk_pg_result *r); /* NULL is accepted */

/* ---- listening ----------------------------------------------------------------------------- */

/* A connection of its own and a thread that hears NOTIFY. The functions are called from that thread, one at a time. */
typedef struct lk_pg_ear {
    const char *channel; /* borrowed */
    /* The connection listens (`fresh`: it was made just now, so anything may have been missed), or nothing was heard
     * for some seconds. `c` may be asked; a fault means the connection is given up and made again. */
    int (*look)(void *ctx, lk_pg_conn *c, bool fresh, liken_error *err);
    void (*heard)(void *ctx, const char *payload);
    void (*lost)(void *ctx); /* deaf until the next `look` */
    void *ctx;
} lk_pg_ear;

typedef struct lk_pg_listener lk_pg_listener;
int lk_pg_listen(lk_pg_listener **out, lk_pg *db, const lk_pg_ear *ear, liken_error *err);
/* Before lk_pg_close. Waits for a call in progress. NULL is accepted. */
void lk_pg_deaf(lk_pg_listener *l);

#endif
