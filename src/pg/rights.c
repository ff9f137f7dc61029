/* Whether a database can be changed: by its kind of server, by its settings, by the rights of who asks. */
#include "pg/pg_int.h"

#include <string.h>

struct question {
    const char *table, *privilege;
    bool standby, only_reads, may;
};

static int ask(lk_pg_conn *c, void *arg, liken_error *err) {
    struct question *q = arg;
    lk_pg_result *r = NULL;
    const int rc = lk_pg_exec(c,
                              "SELECT pg_is_in_recovery(), current_setting('default_transaction_read_only') = 'on',"
                              " has_table_privilege($1::text, $2::text)",
                              LK_PG_ARGS(lk_pg_text(q->table), lk_pg_text(q->privilege)), &r, err);
    if (rc == LIKEN_OK) {
        q->standby = lk_pg_get_int(r, 0, 0) != 0;
        q->only_reads = lk_pg_get_int(r, 0, 1) != 0;
        q->may = lk_pg_get_int(r, 0, 2) != 0;
    }
    lk_pg_clear(r);
    return rc;
}

int lk_pg_writable(lk_pg *db, const char *table, const char *privilege, liken_error *err) {
    struct question q = {.table = table, .privilege = privilege};
    const int rc = lk_pg_with(db, ask, &q, err);
    if (rc != LIKEN_OK)
        return rc;
    if (q.standby)
        return lk_fail(err, LIKEN_E_READ_ONLY, "The database %s can only be read: it is a standby server.", db->name);
    if (q.only_reads && !db->options.read_only) /* that is how its connections were asked for */
        return lk_fail(err, LIKEN_E_READ_ONLY,
                       "The database %s can only be read: default_transaction_read_only is set for liken's user.",
                       db->name);
    if (!q.may)
        return lk_fail(err, LIKEN_E_READ_ONLY,
                       "The database %s can only be read: grant liken's user the right to change it.", db->name);
    return LIKEN_OK;
}

int lk_pg_write_refused(lk_pg_conn *c, int rc, liken_error *err) {
    if (rc != LIKEN_E_STORE || strcmp(c->sqlstate, "42501") != 0)
        return rc;
    if (err != NULL)
        err->code = LIKEN_E_READ_ONLY;
    return LIKEN_E_READ_ONLY;
}
