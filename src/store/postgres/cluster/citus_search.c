/* Searching while a node of Citus is away. Citus answers in whole or not at all; so a search that may do without a node
 * asks the others itself, each for what it has of liken.vectors: with one statement, whose text the coordinator writes,
 * because Citus hands on text and no parameters. */
#include "base/clock.h"
#include "store/postgres/cluster/citus.h"

#include <ctype.h>

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

/* All that were asked answer, as far as is known: one that was not among them holds nothing any more. */
static void trust_asked(lk_cluster *k) {
    const double now = lk_clock_monotonic();
    pthread_mutex_lock(&k->lock);
    for (size_t i = 0; i < k->count; i++)
        k->shards[i]->suspect = k->shards[i]->suspect && now < k->shards[i]->retry_at;
    pthread_mutex_unlock(&k->lock);
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

/* One whose name liken does not know has been added to Citus by somebody else. */
#define NAME_OF_NODE "left(coalesce(c.name, n.nodename || ':' || n.nodeport), 32)"

/* Citus asks one after the other, and waits for each that hangs: all together are to take no more than two seconds. */
static int probe_on(lk_cluster *k, lk_pg_conn *c, const lk_pg_column *resting, liken_error *err) {
    lk_pg_result *r = NULL;
    int rc = lk_pg_exec(
        c,
        "SELECT set_config('citus.node_connection_timeout', greatest(2000 / greatest(count(*), 1), 250)::text,"
        " false) FROM pg_dist_node",
        LK_PG_NO_ARGS, NULL, err);
    if (rc == LIKEN_OK)
        rc = lk_pg_exec(
            c,
            "SELECT " NAME_OF_NODE ", n.nodename || ':' || n.nodeport,"
            " citus_check_connection_to_node(n.nodename, n.nodeport)::int FROM pg_dist_node n"
            " LEFT JOIN liken.citus c ON c.node = n.nodeid WHERE " NAME_OF_NODE " <> ALL ($1)"
            " AND n.groupid IN (SELECT l.groupid FROM pg_dist_placement l JOIN pg_dist_shard s USING (shardid)"
            " WHERE s.logicalrelid = 'liken.vectors'::regclass) ORDER BY 1",
            LK_PG_ARGS(lk_pg_array(resting)), &r, err);
    if (rc == LIKEN_OK)
        trust_asked(k);
    for (int i = 0; rc == LIKEN_OK && i < lk_pg_rows(r); i++)
        rc = note_node(k, r, i, err);
    lk_pg_clear(r);
    return rc;
}

/* On a connection of its own: Citus would ask on one that it kept from before, which a node that hangs never answers.
 */
static int probe(lk_cluster *k, liken_error *err) {
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

/* One at a time: who comes meanwhile takes what that finds. */
int lk_citus_probe(lk_cluster *k, liken_error *err) {
    pthread_mutex_lock(&k->lock);
    const bool mine = !k->probing;
    k->probing = true;
    while (!mine && k->probing)
        pthread_cond_wait(&k->probed, &k->lock);
    pthread_mutex_unlock(&k->lock);
    if (!mine)
        return LIKEN_OK;
    const int rc = probe(k, err);
    pthread_mutex_lock(&k->lock);
    k->probing = false;
    pthread_cond_broadcast(&k->probed);
    pthread_mutex_unlock(&k->lock);
    return rc;
}

/* ---- asking those that do ---- */

/* A part of a statement as an expression of SQL that gives its text, with the parameters' values in it. Names in double
 * quotes stay as they are. */
static int put_text(lk_buf *out, const char *sql, size_t size, liken_error *err) {
    bool name = false;
    int rc = lk_buf_string(out, "'", err);
    for (size_t i = 0; rc == LIKEN_OK && i < size; i++) {
        name = sql[i] == '"' ? !name : name;
        if (sql[i] == '$' && !name) {
            rc = lk_buf_string(out, "' || quote_literal($", err);
            while (rc == LIKEN_OK && i + 1 < size && isdigit((unsigned char)sql[i + 1]))
                rc = lk_buf_append(out, &sql[++i], 1, err);
            if (rc == LIKEN_OK)
                rc = lk_buf_string(out, "::text) || '", err);
        } else {
            rc = lk_buf_append(out, &sql[i], 1, err);
            if (rc == LIKEN_OK && sql[i] == '\'')
                rc = lk_buf_string(out, "'", err);
        }
    }
    return rc == LIKEN_OK ? lk_buf_string(out, "'", err) : rc;
}

/* What a node is told: its parts of the table together, ranked, with the limit, made one text. */
static int put_told(lk_buf *out, const lk_citus_statement *t, liken_error *err) {
    int rc = LIKEN_OK;
    if (t->faces != NULL)
        rc = lk_buf_format(
            out, err, "'WITH given AS (SELECT ' || quote_literal((%s)::text) || '::bigint[] AS list) ' || ", t->faces);
    if (rc == LIKEN_OK)
        rc = lk_buf_string(
            out,
            "'SELECT pg_catalog.string_agg(pg_catalog.concat_ws('' '', u.face, u.g,"
            " pg_catalog.encode(u.descriptor, ''hex'')), '','') FROM (SELECT * FROM (' || string_agg('(' || ",
            err);
    if (rc == LIKEN_OK)
        rc = put_text(out, t->sql, t->table, err);
    if (rc == LIKEN_OK)
        rc = lk_buf_string(out, " || shard_name(s.logicalrelid, s.shardid) || ", err);
    if (rc == LIKEN_OK)
        rc = put_text(out, t->sql + t->table_end, t->size - t->table_end, err);
    return rc == LIKEN_OK ? lk_buf_format(out, err, " || ')', ' UNION ALL ') || ') u ORDER BY u.%s LIMIT %zu) u'",
                                          t->order, t->rows)
                          : rc;
}

/* `p`: the nodes and what each is told. `a`: what they answered; one that did not gave its reason instead. */
int lk_citus_spread(lk_buf *out, const lk_citus_statement *t, liken_error *err) {
    int rc = lk_buf_string(out, "WITH p AS (SELECT n.nodename, n.nodeport::int AS nodeport, ", err);
    if (rc == LIKEN_OK)
        rc = put_told(out, t, err);
    return rc == LIKEN_OK
               ? lk_buf_format(
                     out, err,
                     " AS told FROM pg_dist_node n LEFT JOIN liken.citus c ON c.node = n.nodeid"
                     " JOIN pg_dist_placement l USING (groupid) JOIN pg_dist_shard s USING (shardid)"
                     " WHERE s.logicalrelid = 'liken.vectors'::regclass AND " NAME_OF_NODE " <> ALL ($%d)"
                     " GROUP BY 1, 2), a AS (SELECT * FROM master_run_on_worker("
                     "(SELECT array_agg(nodename ORDER BY nodename, nodeport) FROM p),"
                     " (SELECT array_agg(nodeport ORDER BY nodename, nodeport) FROM p),"
                     " (SELECT array_agg(told ORDER BY nodename, nodeport) FROM p), true))"
                     " SELECT u.* FROM (SELECT split_part(x, ' ', 1)::bigint AS face,"
                     " decode(split_part(x, ' ', 3), 'hex') AS descriptor, split_part(x, ' ', 2)::float8 AS g"
                     " FROM a, unnest(string_to_array(a.result, ',')) x WHERE a.success UNION ALL"
                     " SELECT NULL, convert_to(a.node_name || ':' || a.node_port || ': ' || a.result, 'UTF8'), NULL"
                     " FROM a WHERE NOT a.success) u ORDER BY u.face IS NOT NULL, u.%s, u.face LIMIT %zu",
                     t->left_out, t->order, t->rows)
               : rc;
}
