/* sql.h - tables that are cold (keys, jobs, the audit), written once for both databases.
 *
 * A statement is written by the program, as PostgreSQL writes it: parameters are $1, $2 ..., a table is liken.NAME
 * (and no text in it has "liken."). Both databases know what such tables need: INSERT ... ON CONFLICT DO NOTHING,
 * RETURNING, count and max of whole numbers, LIMIT, ORDER BY. What they do not share is kept out or lies here: the
 * types of columns (LK_SQL_TABLE_...; time is a whole number that the caller gives), the parameters
 * (a whole one for a column that is not INT is CAST($1 AS bigint)), the name of a table. Values are whole numbers,
 * numbers of float's precision, text and bytes, or NULL; text never becomes SQL.
 *
 *     static int count_keys(lk_sql *q, void *arg, liken_error *err) {
 *         return lk_sql_number(q, "SELECT count(*) FROM liken.keys WHERE scopes = $1", LK_SQL_ARGS(lk_sql_int(1)), 0,
 *                              arg, err);
 *     }
 *     rc = lk_sql_read(store, count_keys, &count, err);
 *
 * A store that cannot has no group `sql`: then all of this is UNSUPPORTED. Any thread. */
#ifndef LK_STORE_SQL_H
#define LK_STORE_SQL_H

#include "store/store.h"

#define LK_SQL_VALUES 24               /* parameters of a statement, columns of a row */
#define LK_SQL_BYTES ((size_t)1 << 20) /* of one text or blob */

typedef enum lk_sql_kind { LK_SQL_INT, LK_SQL_TEXT, LK_SQL_BLOB, LK_SQL_REAL } lk_sql_kind;

typedef struct lk_sql_value {
    lk_sql_kind kind; /* as a parameter, of a NULL too; in a row a NULL may have any */
    bool null;
    int64_t whole;     /* INT; else 0 */
    float real;        /* REAL; else 0 */
    const char *bytes; /* TEXT and BLOB, in a row with a NUL behind; else NULL */
    size_t size;       /* of them */
} lk_sql_value;

lk_sql_value lk_sql_int(int64_t v);
lk_sql_value lk_sql_real(float v);
lk_sql_value lk_sql_text(const char *text);               /* NULL: NULL. Borrowed. */
lk_sql_value lk_sql_blob(const void *bytes, size_t size); /* NULL: NULL. Borrowed. */
lk_sql_value lk_sql_null(lk_sql_kind kind);

#define LK_SQL_ARGS(...)                                                                                               \
    (const lk_sql_value[]){__VA_ARGS__}, (int)(sizeof((const lk_sql_value[]){__VA_ARGS__}) / sizeof(lk_sql_value))
#define LK_SQL_NO_ARGS NULL, 0

typedef struct lk_sql lk_sql; /* where statements are run: good while the function that is given it runs */

/* Does the reading or the writing, on some thread. It may be called more than once: begin anew each time. */
typedef int lk_sql_fn(lk_sql *q, void *arg, liken_error *err);
/* A row: borrowed, as what its values point to is. Runs no statement itself. Non-zero ends it with that status. */
typedef int lk_sql_row_fn(void *ctx, const lk_sql_value *row, int columns, liken_error *err);

/* Each statement sees one moment. BUSY, STORE, MEMORY, and what `fn` returns. */
LK_CHECKED int lk_sql_read(lk_store *s, lk_sql_fn *fn, void *arg, liken_error *err);
/* One transaction, alone among those that write: after a fault nothing of it remains, and what came back well survives
 * kill -9. READ_ONLY and FULL too. */
LK_CHECKED int lk_sql_write(lk_store *s, lk_sql_fn *fn, void *arg, liken_error *err);
/* The same for what takes away, which goes through on a full disk. */
LK_CHECKED int lk_sql_remove(lk_store *s, lk_sql_fn *fn, void *arg, liken_error *err);

/* Runs a statement; `fn`, which may be NULL, gets its rows. ARG: a text that is not UTF-8; TOO_LARGE. */
LK_CHECKED int lk_sql_query(lk_sql *q, const char *sql, const lk_sql_value *values, int count, lk_sql_row_fn *fn,
                            void *ctx, liken_error *err);
/* The same without rows; *touched, which may be NULL: how many it inserted, changed or removed. */
LK_CHECKED int lk_sql_run(lk_sql *q, const char *sql, const lk_sql_value *values, int count, int64_t *touched,
                          liken_error *err);
/* The first number of its first row; `missing` when there is none or it is NULL. */
LK_CHECKED int lk_sql_number(lk_sql *q, const char *sql, const lk_sql_value *values, int count, int64_t missing,
                             int64_t *out, liken_error *err);

/* ---- what a database does for it ------------------------------------------------------------------------------- */

typedef enum lk_sql_access { LK_SQL_READS, LK_SQL_WRITES, LK_SQL_REMOVES } lk_sql_access;

/* The group `sql` of a store. */
typedef struct lk_store_sql {
    LK_CHECKED int (*with)(lk_store *s, lk_sql_access access, lk_sql_fn *fn, void *arg, liken_error *err);
    LK_CHECKED int (*query)(lk_sql *q, const char *sql, const lk_sql_value *values, int count, lk_sql_row_fn *fn,
                            void *ctx, int64_t *touched, liken_error *err);
} lk_store_sql;

struct lk_sql {
    const lk_store_sql *ops;
};

/* ---- the tables, for the migrations of both: LK_SQL_TABLE(LK_SQL_KEYS, LK_SQLITE_TYPES) ------------------------- */

#define LK_SQL_TABLE(TABLE, ...) TABLE(__VA_ARGS__)
/* What is before a name; a key that is never given twice; text, whole number, bytes; what is behind it all. */
#define LK_SQLITE_TYPES "", "INTEGER PRIMARY KEY AUTOINCREMENT", "TEXT", "INTEGER", "BLOB", " STRICT"
#define LK_POSTGRES_TYPES                                                                                              \
    "liken.", "bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY", "text COLLATE \"C\"", "bigint", "bytea", ""

/* The server's keys (auth.h): sha256 of the text, as it is in hex; collection NULL: all of them. Of a row nothing is
 * ever changed but used_at, so that their number and the largest id tell a set of keys from those before it. key_files:
 * which old files of keys were taken over. */
#define LK_SQL_KEYS(P, ID, TEXT, INT, BLOB, END)                                                                       \
    "CREATE TABLE " P "keys (id " ID ", name " TEXT " NOT NULL UNIQUE, sha256 " TEXT " NOT NULL UNIQUE, scopes " INT   \
    " NOT NULL, collection " TEXT ", created_at " INT " NOT NULL)" END ";"                                             \
    "CREATE TABLE " P "key_files (sha256 " TEXT " PRIMARY KEY, taken_at " INT " NOT NULL)" END ";"

/* A collection that changes its model (upgrade.h). upgrades: to which, or, once it was switched, from which; upgraded:
 * the photos whose faces lie in `cold` as that model sees them, missing 1: of which it found no pixels left, 2: of
 * which the collection's own model found none; cold: those faces, the kept ones (reason 0; face NULL: it has no id yet)
 * and the refused ones, with the columns of LK_FACE_NAMES. REAL: a column of float's precision. */
#define LK_SQL_UPGRADES(REAL, P, ID, TEXT, INT, BLOB, END)                                                             \
    "CREATE TABLE " P "upgrades (collection " INT " PRIMARY KEY REFERENCES " P "collections (id) ON DELETE CASCADE,"   \
    " model " TEXT " NOT NULL, dimension " INT " NOT NULL, metric " INT " NOT NULL, threshold " REAL " NOT NULL,"      \
    " switched " INT " NOT NULL, began_at " INT " NOT NULL, switched_at " INT ")" END ";"                              \
    "CREATE TABLE " P "upgraded (image " INT " PRIMARY KEY REFERENCES " P "images (id) ON DELETE CASCADE,"             \
    " collection " INT " NOT NULL, missing " INT " NOT NULL)" END ";"                                                  \
    "CREATE INDEX upgraded_by_collection ON " P "upgraded (collection, image);"                                        \
    "CREATE TABLE " P "cold (id " ID ", collection " INT " NOT NULL, image " INT " NOT NULL REFERENCES " P             \
    "images (id) ON DELETE CASCADE, face " INT ", reason " INT " NOT NULL, weak " INT " NOT NULL,"                     \
    " x " REAL " NOT NULL, y " REAL " NOT NULL, width " REAL " NOT NULL, height " REAL " NOT NULL, landmarks " BLOB    \
    " NOT NULL, confidence " REAL " NOT NULL, size " REAL " NOT NULL, sharpness " REAL " NOT NULL, brightness " REAL   \
    " NOT NULL, yaw " REAL " NOT NULL, pitch " REAL " NOT NULL, roll " REAL " NOT NULL, score " REAL " NOT NULL,"      \
    " descriptor " BLOB ")" END ";"                                                                                    \
    "CREATE INDEX cold_by_collection ON " P "cold (collection, id);"                                                   \
    "CREATE INDEX cold_by_face ON " P "cold (face);"                                                                   \
    "CREATE INDEX cold_by_image ON " P "cold (image);"

/* What holds a key back, 0: nothing does; max_threshold in millionths. When it was used last, 0: never. */
#define LK_SQL_KEY_LIMITS(P, ID, TEXT, INT, BLOB, END)                                                                 \
    "ALTER TABLE " P "keys ADD COLUMN expires_at " INT " NOT NULL DEFAULT 0;"                                          \
    "ALTER TABLE " P "keys ADD COLUMN rate " INT " NOT NULL DEFAULT 0;"                                                \
    "ALTER TABLE " P "keys ADD COLUMN rate_seconds " INT " NOT NULL DEFAULT 0;"                                        \
    "ALTER TABLE " P "keys ADD COLUMN max_limit " INT " NOT NULL DEFAULT 0;"                                           \
    "ALTER TABLE " P "keys ADD COLUMN max_threshold " INT " NOT NULL DEFAULT 0;"                                       \
    "ALTER TABLE " P "keys ADD COLUMN used_at " INT " NOT NULL DEFAULT 0;"

#endif
