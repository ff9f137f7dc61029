/* Searching while a node of Citus is away. Citus answers in whole or not at all; so a search that may do without a node
 * asks the others itself, each for what it has of liken.vectors: with one statement, whose text the coordinator writes,
 * because Citus hands on text and no parameters. */
#include "base/clock.h"
#include "store/pg_citus.h"
#include "store/pg_int.h"

#include <ctype.h>

#define PROBE_MS "2000" /* what a node may take to say that it is there */

/* ---- which nodes answer ---- */

/* Those that did not a moment ago are not asked. */
static int gather_resting(lk_cluster *k, lk_pg_column *names, liken_error *err) {
    const double now = lk_clock_monotonic();
    int rc = LIKEN_OK;
    pthread_mutex_lock(&k->lock);
    for (size_t i = 0; rc == LIKEN_OK && i < k->count; i++) {
        if (k->shards[i]->suspect && now < k->shards[i]->retry_at)
            rc = lk_pg_column_add(names, lk_pg_text(k->shards[i]->name), err);
    }
    pthread_mutex_unlock(&k->lock);
    return rc;
}

static int note_node(lk_cluster *k, const lk_pg_result *r, int row, liken_error *err) {
    liken_error why;
    const char *name = lk_pg_get_bytes(r, row, 0, NULL);
    if (lk_pg_get_int(r, row, 2) != 0)
        return lk_cluster_note(k, name, NULL, err);
    (void)lk_fail(&why, LIKEN_E_BUSY,
                  "Shard \"%s\": Citus gets no answer from %s; try again in a moment, or see to its server.", name,
                  lk_pg_get_bytes(r, row, 1, NULL));
    return lk_cluster_note(k, name, &why, err);
}

static int probe_on(lk_cluster *k, lk_pg_conn *c, const lk_pg_column *resting, liken_error *err) {
    lk_pg_result *r = NULL;
    int rc = lk_pg_script(c, "SET citus.node_connection_timeout = " PROBE_MS, err);
    if (rc == LIKEN_OK)
        rc = lk_pg_exec(c,
                        "SELECT c.name, n.nodename || ':' || n.nodeport,"
                        " citus_check_connection_to_node(n.nodename, n.nodeport)::int FROM liken.citus c"
                        " JOIN pg_dist_node n ON n.nodeid = c.node WHERE c.name <> ALL ($1) ORDER BY c.name",
                        LK_PG_ARGS(lk_pg_array(resting)), &r, err);
    for (int i = 0; rc == LIKEN_OK && i < lk_pg_rows(r); i++)
        rc = note_node(k, r, i, err);
    lk_pg_clear(r);
    return rc;
}

/* On a connection of its own: Citus would ask on one that it kept from before, which a node that hangs never answers.
 */
int lk_citus_probe(lk_cluster *k, liken_error *err) {
    lk_pg_conn *c = NULL;
    lk_pg_column resting;
    lk_pg_column_init(&resting, LK_PG_TEXT);
    int rc = gather_resting(k, &resting, err);
    if (rc == LIKEN_OK)
        rc = lk_pg_make(k->db, &c, err);
    if (rc == LIKEN_OK)
        rc = probe_on(k, c, &resting, err);
    lk_pg_disconnect(c);
    lk_pg_column_free(&resting);
    return rc;
}

/* ---- asking those that do ---- */

/* A part of a statement as an expression of SQL that gives its text, with the parameters' values in it. What stands
 * between LK_CITUS_HERE and LK_CITUS_THERE the coordinator works out itself. Names in double quotes stay as they are.
 */
static int put_text(lk_buf *out, const char *sql, size_t size, liken_error *err) {
    bool name = false, here = false;
    int rc = lk_buf_string(out, "'", err);
    for (size_t i = 0; rc == LIKEN_OK && i < size; i++) {
        name = sql[i] == '"' ? !name : name;
        if (sql[i] == LK_CITUS_HERE[0] || sql[i] == LK_CITUS_THERE[0]) {
            here = sql[i] == LK_CITUS_HERE[0];
            rc = lk_buf_string(out, here ? "' || quote_literal((" : ")::text) || '", err);
        } else if (sql[i] == '$' && !name && !here) {
            rc = lk_buf_string(out, "' || quote_literal($", err);
            while (rc == LIKEN_OK && i + 1 < size && isdigit((unsigned char)sql[i + 1]))
                rc = lk_buf_append(out, &sql[++i], 1, err);
            if (rc == LIKEN_OK)
                rc = lk_buf_string(out, "::text) || '", err);
        } else {
            rc = lk_buf_append(out, &sql[i], 1, err);
            if (rc == LIKEN_OK && sql[i] == '\'' && !here)
                rc = lk_buf_string(out, "'", err);
        }
    }
    return rc == LIKEN_OK ? lk_buf_string(out, "'", err) : rc;
}

/* `p`: the nodes, and what each is told: its parts of the table together, ranked, with the limit, made one text. `a`:
 * what they answered. One that did not comes first, with no face. */
int lk_citus_spread(lk_buf *out, const lk_citus_statement *t, liken_error *err) {
    int rc = lk_buf_string(out,
                           "WITH p AS (SELECT n.nodename, n.nodeport::int AS nodeport, 'SELECT string_agg(u.face"
                           " || '' '' || u.g || '' '' || encode(u.descriptor, ''hex''), '','') FROM (SELECT * FROM ('"
                           " || string_agg('(' || ",
                           err);
    if (rc == LIKEN_OK)
        rc = put_text(out, t->sql, t->table, err);
    if (rc == LIKEN_OK)
        rc = lk_buf_string(out, " || shard_name(s.logicalrelid, s.shardid) || ", err);
    if (rc == LIKEN_OK)
        rc = put_text(out, t->sql + t->table_end, t->size - t->table_end, err);
    if (rc == LIKEN_OK)
        rc = lk_buf_format(out, err,
                           " || ')', ' UNION ALL ') || ') u ORDER BY %s LIMIT %zu) u' AS told FROM liken.citus c"
                           " JOIN pg_dist_node n ON n.nodeid = c.node JOIN pg_dist_placement l USING (groupid)"
                           " JOIN pg_dist_shard s USING (shardid) WHERE s.logicalrelid = 'liken.vectors'::regclass"
                           " AND c.name <> ALL ($%d) GROUP BY 1, 2),"
                           " a AS (SELECT success, result FROM master_run_on_worker("
                           "(SELECT array_agg(nodename ORDER BY nodename, nodeport) FROM p),"
                           " (SELECT array_agg(nodeport ORDER BY nodename, nodeport) FROM p),"
                           " (SELECT array_agg(told ORDER BY nodename, nodeport) FROM p), true))",
                           t->order, t->rows, t->left_out);
    return rc == LIKEN_OK
               ? lk_buf_format(out, err,
                               " SELECT u.* FROM (SELECT split_part(x, ' ', 1)::bigint AS face,"
                               " decode(split_part(x, ' ', 3), 'hex') AS descriptor, split_part(x, ' ', 2)::float8 AS g"
                               " FROM a, unnest(string_to_array(a.result, ',')) x WHERE a.success"
                               " UNION ALL SELECT NULL, NULL, NULL FROM a WHERE NOT a.success) u"
                               " ORDER BY u.face IS NOT NULL, %s, u.face LIMIT %zu",
                               t->order, t->rows)
               : rc;
}
