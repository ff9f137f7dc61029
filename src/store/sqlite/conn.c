/* One SQLite connection: opening it with the settings that durability needs, kept statements, and the one place where
 * SQLite's codes become liken's sentences. */
#include "store/sqlite/sqlite_int.h"

#include "base/buf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int fail_full(const lk_sqlite_conn *c, liken_error *err) {
    return lk_fail(err, LIKEN_E_FULL,
                   "The disk that holds the store %s is full; nothing was written. Free some space and try again.",
                   c->path);
}

/* A quota, a limit on the size of files and some file systems say so in other words than "full". SQLite does not hand
 * on the reason of a write that a COMMIT failed by; it is still in errno. */
static bool lacks_room(int rc, int reason) {
    const bool wrote = rc == SQLITE_IOERR_WRITE || rc == SQLITE_IOERR_FSYNC || rc == SQLITE_IOERR_TRUNCATE ||
                       rc == SQLITE_IOERR_SHMSIZE;
    return wrote && (reason == ENOSPC || reason == EDQUOT || reason == EFBIG);
}

int lk_sqlite_fail(const lk_sqlite_conn *c, int rc, liken_error *err) {
    const int reason = errno;
    const char *why = c->db == NULL ? sqlite3_errstr(rc) : sqlite3_errmsg(c->db);
    switch (rc & 0xff) {
    case SQLITE_NOMEM:
        return lk_fail_memory(err);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return lk_fail(err, LIKEN_E_BUSY,
                       "Another process kept the store %s locked for %d seconds; try again, or stop it.", c->path,
                       LK_SQLITE_BUSY_MS / 1000);
    case SQLITE_NOTADB:
        return lk_fail(err, LIKEN_E_STORE,
                       "%s is not a liken store, or its first bytes are damaged; restore it from a "
                       "backup, or move it away to start an empty one.",
                       c->path);
    case SQLITE_CORRUPT:
        return lk_fail(err, LIKEN_E_STORE,
                       "The store %s is damaged (%s); run liken doctor, then restore it from a backup.", c->path, why);
    case SQLITE_FULL:
        return fail_full(c, err);
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
        return lk_fail(err, LIKEN_E_READ_ONLY, "The store %s may not be written (%s); check its owner and permissions.",
                       c->path, why);
    case SQLITE_CANTOPEN:
        return lk_fail(err, LIKEN_E_STORE,
                       "The store %s could not be opened (%s); check that the folder exists and its "
                       "permissions.",
                       c->path, why);
    case SQLITE_IOERR:
        if (lacks_room(rc, reason))
            return fail_full(c, err);
        return lk_fail(err, LIKEN_E_IO, "The disk that holds the store %s failed (%s); check it before trying again.",
                       c->path, why);
    default:
        return lk_fail(err, LIKEN_E_STORE, "The store %s failed: %s (code %d).", c->path, why, rc);
    }
}

int lk_sqlite_exec(lk_sqlite_conn *c, const char *sql, liken_error *err) {
    const int rc = sqlite3_exec(c->db, sql, NULL, NULL, NULL);
    return rc == SQLITE_OK ? LIKEN_OK : lk_sqlite_fail(c, rc, err);
}

/* "file:PATH?immutable=1", malloc'd: SQLite takes that wish only as an address. */
static char *immutable_uri(const char *path) {
    lk_buf uri;
    liken_error none;
    lk_buf_init(&uri, strlen(path) * 3 + 32);
    int rc = lk_buf_string(&uri, "file:", &none);
    for (const char *p = path; rc == LIKEN_OK && *p != '\0'; p++)
        rc = strchr("%?#", *p) != NULL ? lk_buf_format(&uri, &none, "%%%02X", (unsigned char)*p)
                                       : lk_buf_append(&uri, p, 1, &none);
    if (rc == LIKEN_OK)
        rc = lk_buf_string(&uri, "?immutable=1", &none);
    char *text = rc == LIKEN_OK ? lk_buf_steal(&uri, NULL) : NULL;
    lk_buf_free(&uri);
    return text;
}

static int open_file(lk_sqlite_conn *c, int flags, liken_error *err) {
    const int mode = (flags & LK_SQLITE_WRITE) != 0 ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY;
    const int common = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    if ((flags & LK_SQLITE_IMMUTABLE) == 0) {
        const int rc = sqlite3_open_v2(c->path, &c->db, mode | common, NULL);
        return rc == SQLITE_OK ? LIKEN_OK : lk_sqlite_fail(c, rc, err);
    }
    LK_FREE char *uri = immutable_uri(c->path);
    if (uri == NULL)
        return lk_fail_memory(err);
    const int rc = sqlite3_open_v2(uri, &c->db, mode | common | SQLITE_OPEN_URI, NULL);
    return rc == SQLITE_OK ? LIKEN_OK : lk_sqlite_fail(c, rc, err);
}

int lk_sqlite_connect(lk_sqlite_conn *c, const char *path, int flags, liken_error *err) {
    *c = (lk_sqlite_conn){.path = path};
    int rc = open_file(c, flags, err);
    if (rc == LIKEN_OK) {
        (void)sqlite3_busy_timeout(c->db, LK_SQLITE_BUSY_MS);
        /* a schema from outside may not run code, and damaged pages are noticed rather than followed */
        (void)sqlite3_db_config(c->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
        (void)sqlite3_db_config(c->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
        rc = lk_sqlite_exec(c,
                            "PRAGMA foreign_keys = ON; PRAGMA synchronous = FULL; PRAGMA cell_size_check = ON;"
                            " PRAGMA secure_delete = ON",
                            err);
    }
    if (rc != LIKEN_OK)
        lk_sqlite_disconnect(c);
    return rc;
}

void lk_sqlite_disconnect(lk_sqlite_conn *c) {
    for (int i = 0; i < c->kept_count; i++)
        (void)sqlite3_finalize(c->kept[i].stmt);
    c->kept_count = 0;
    (void)sqlite3_close(c->db);
    c->db = NULL;
}

int lk_sqlite_use(lk_sqlite_conn *c, const char *sql, sqlite3_stmt **out, liken_error *err) {
    for (int i = 0; i < c->kept_count; i++) {
        if (c->kept[i].sql == sql) {
            *out = c->kept[i].stmt;
            (void)sqlite3_reset(*out);
            (void)sqlite3_clear_bindings(*out);
            return LIKEN_OK;
        }
    }
    if (c->kept_count == LK_SQLITE_STATEMENTS)
        return lk_fail(err, LIKEN_E_INTERNAL, "More SQL statements than a connection keeps.");
    sqlite3_stmt *stmt = NULL;
    const int rc = sqlite3_prepare_v3(c->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &stmt, NULL);
    if (rc != SQLITE_OK)
        return lk_sqlite_fail(c, rc, err);
    c->kept[c->kept_count].sql = sql;
    c->kept[c->kept_count++].stmt = stmt;
    *out = stmt;
    return LIKEN_OK;
}

int lk_sqlite_step(lk_sqlite_conn *c, sqlite3_stmt *stmt, bool *row, liken_error *err) {
    const int rc = sqlite3_step(stmt);
    *row = rc == SQLITE_ROW;
    if (rc == SQLITE_ROW || rc == SQLITE_DONE)
        return LIKEN_OK;
    return lk_sqlite_fail(c, rc, err);
}

int lk_sqlite_run(lk_sqlite_conn *c, sqlite3_stmt *stmt, liken_error *err) {
    bool row;
    const int rc = lk_sqlite_step(c, stmt, &row, err);
    (void)sqlite3_reset(stmt); /* repeats the code that step gave */
    return rc;
}

void lk_sqlite_reset(lk_sqlite_conn *c) {
    for (int i = 0; i < c->kept_count; i++)
        (void)sqlite3_reset(c->kept[i].stmt);
}

int lk_sqlite_number(lk_sqlite_conn *c, const char *sql, int64_t *out, liken_error *err) {
    sqlite3_stmt *stmt = NULL;
    bool row = false;
    int rc = lk_sqlite_use(c, sql, &stmt, err);
    if (rc != LIKEN_OK)
        return rc;
    rc = lk_sqlite_step(c, stmt, &row, err);
    if (rc == LIKEN_OK)
        *out = row ? sqlite3_column_int64(stmt, 0) : 0;
    (void)sqlite3_reset(stmt);
    return rc;
}

void lk_sqlite_text(sqlite3_stmt *stmt, int index, const char *text) {
    if (text == NULL)
        (void)sqlite3_bind_null(stmt, index);
    else
        (void)sqlite3_bind_text(stmt, index, text, -1, SQLITE_STATIC);
}

bool lk_sqlite_copy(sqlite3_stmt *stmt, int column, char **out) {
    *out = NULL;
    if (sqlite3_column_type(stmt, column) == SQLITE_NULL)
        return true;
    const unsigned char *text = sqlite3_column_text(stmt, column);
    *out = text == NULL ? NULL : strdup((const char *)text);
    return *out != NULL;
}
