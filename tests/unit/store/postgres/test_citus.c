/* The statement that asks the nodes of Citus one by one, in a database that stands in for Citus: its catalogue as
 * tables, and nodes that are answered here. (With Citus itself: tests/api/test_citus.py.) */
#include "unit/test.h"

#include "store/postgres/cluster/citus.h"
#include "unit/store/server.h"

#include <stdio.h>
#include <string.h>

static struct server home;
static lk_pg *db;
static lk_pg_conn *c;
static liken_error err;

/* Four parts of a table, two on each of two nodes. A node of port 0 does not answer. */
static const char stand_in[] =
    "CREATE SCHEMA liken; CREATE TABLE liken.citus (name text, node int);"
    "CREATE TABLE liken.vectors (face bigint, descriptor bytea, label text, \"a$1\" int);"
    "CREATE TABLE liken.wanted (face bigint, label text);"
    "CREATE TABLE pg_dist_node (nodeid int, groupid int, nodename text, nodeport int);"
    "CREATE TABLE pg_dist_placement (shardid bigint, groupid int);"
    "CREATE TABLE pg_dist_shard (logicalrelid regclass, shardid bigint);"
    "INSERT INTO pg_dist_node VALUES (1, 1, 'here', 1), (2, 2, 'there', 2);"
    "INSERT INTO liken.citus VALUES ('a', 1), ('b', 2);"
    "INSERT INTO pg_dist_shard SELECT 'liken.vectors', n FROM generate_series(1, 4) n;"
    "INSERT INTO pg_dist_placement SELECT n, 1 + n % 2 FROM generate_series(1, 4) n;"
    "CREATE FUNCTION shard_name(regclass, bigint) RETURNS text LANGUAGE sql AS $$SELECT 'liken.vectors_' || $2$$;"
    "CREATE FUNCTION master_run_on_worker(names text[], ports int[], told text[], at_once boolean, OUT node_name text,"
    " OUT node_port int, OUT success boolean, OUT result text) RETURNS SETOF record LANGUAGE plpgsql AS $$BEGIN"
    " FOR i IN 1 .. array_length(names, 1) LOOP node_name := names[i]; node_port := ports[i];"
    "  success := node_port <> 0; result := 'gone'; IF success THEN EXECUTE told[i] INTO result; END IF;"
    "  RETURN NEXT;"
    " END LOOP; END$$;"
    "CREATE TABLE liken.vectors_1 (LIKE liken.vectors); CREATE TABLE liken.vectors_2 (LIKE liken.vectors);"
    "CREATE TABLE liken.vectors_3 (LIKE liken.vectors); CREATE TABLE liken.vectors_4 (LIKE liken.vectors);";

static int set_up(void **state) {
    (void)state;
    if (server_programs() == NULL)
        return 0;
    server_make(&home);
    server_sql(&home, "postgres", stand_in);
    for (int i = 1; i <= 40; i++) { /* face i lies in part i % 4 + 1: the odd parts on b, the even ones on a */
        char sql[256];
        (void)snprintf(sql, sizeof sql,
                       "INSERT INTO liken.vectors_%d VALUES (%d, decode('00ff%02x', 'hex'), E'it''s \\\\ $%d', %s);"
                       " INSERT INTO liken.wanted VALUES (%d, E'it''s \\\\ $%d')",
                       i % 4 + 1, i, i, i % 3, i == 6 ? "1" : "NULL", i, i % 5 < 3 ? 0 : 1);
        server_sql(&home, "postgres", sql);
    }
    assert_ok(lk_pg_open(&db, server_where(&home, "postgres", false, 0), &(lk_pg_options){0}, &err), err);
    assert_ok(lk_pg_take(db, &c, &err), err);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    lk_pg_give(db, c);
    lk_pg_close(db);
    if (home.pid != 0)
        server_remove(&home);
    return 0;
}

static void need_server(void) {
    if (server_programs() == NULL) {
        print_message("%s\n", server_missing);
        skip();
    }
}

/* Faces whose label is one of two, wanted under another, and without a number: by their distance from face 20. */
static lk_pg_result *ask(const char *left_out, size_t rows) {
    static const char before[] = "SELECT v.face, v.descriptor, abs(v.face - $1) / 3.0::float8 AS g FROM ";
    static const char table[] = "liken.vectors";
    static const char after[] = " v WHERE v.label = ANY ($2) AND v.face = ANY (" LK_CITUS_FACES
                                "::bigint[]) AND v.\"a$1\" IS NULL AND v.label <> 'it''s'";
    static const char faces[] = "ARRAY(SELECT w.face FROM liken.wanted w WHERE w.label = $3 AND w.label <> 'it''s')";
    char sql[1024];
    lk_buf text;
    lk_pg_column labels, names;
    lk_pg_result *r = NULL;
    const int size = snprintf(sql, sizeof sql, "%s%s%s", before, table, after);
    lk_buf_init(&text, 1 << 16);
    lk_pg_column_init(&labels, LK_PG_TEXT);
    lk_pg_column_init(&names, LK_PG_TEXT);
    assert_ok(lk_pg_column_add(&labels, lk_pg_text("it's \\ $0"), &err), err);
    assert_ok(lk_pg_column_add(&labels, lk_pg_text("it's \\ $1"), &err), err);
    if (left_out != NULL)
        assert_ok(lk_pg_column_add(&names, lk_pg_text(left_out), &err), err);
    const lk_citus_statement t = {.sql = sql,
                                  .size = (size_t)size,
                                  .table = sizeof before - 1,
                                  .table_end = sizeof before + sizeof table - 2,
                                  .order = "g",
                                  .faces = faces,
                                  .rows = rows,
                                  .left_out = 4};
    assert_ok(lk_citus_spread(&text, &t, &err), err);
    assert_ok(
        lk_pg_exec(c, text.data,
                   LK_PG_ARGS(lk_pg_int8(20), lk_pg_array(&labels), lk_pg_text("it's \\ $0"), lk_pg_array(&names)), &r,
                   &err),
        err);
    lk_buf_free(&text);
    lk_pg_column_free(&labels);
    lk_pg_column_free(&names);
    return r;
}

static bool is_wanted(int face, const char *left_out) {
    const char *there = (face % 4 + 1) % 2 != 0 ? "b" : "a";
    return face % 3 != 2 && face % 5 < 3 && face != 6 && (left_out == NULL || strcmp(there, left_out) != 0);
}

/* The answer is that of one table. */
static void check(const char *left_out, size_t rows) {
    lk_pg_result *r = ask(left_out, rows);
    size_t n = 0;
    for (int away = 0; away <= 20 && n < rows; away++) {
        for (int face = 20 - away; face <= 20 + away && n < rows; face += away == 0 ? 1 : 2 * away) {
            size_t size = 0;
            if (face < 1 || !is_wanted(face, left_out))
                continue;
            assert_true((int)n < lk_pg_rows(r));
            assert_int_equal(lk_pg_get_int(r, (int)n, 0), face);
            const unsigned char *bytes = (const unsigned char *)lk_pg_get_bytes(r, (int)n, 1, &size);
            assert_int_equal(size, 3);
            assert_true(bytes[0] == 0 && bytes[1] == 0xff && bytes[2] == face);
            assert_true(lk_pg_get_real(r, (int)n, 2) == away / 3.0);
            n++;
        }
    }
    assert_int_equal(lk_pg_rows(r), n);
    lk_pg_clear(r);
}

static void all_parts_answer_as_one_table(void **state) {
    (void)state;
    need_server();
    check(NULL, 100);
    check(NULL, 4);
    check(NULL, 1);
}

static void a_shard_is_left_out(void **state) {
    (void)state;
    need_server();
    check("a", 100);
    check("b", 100);
    check("b", 3);
}

static void one_that_does_not_answer_comes_first(void **state) {
    (void)state;
    need_server();
    server_sql(&home, "postgres", "UPDATE pg_dist_node SET nodeport = 0 WHERE nodename = 'there'");
    lk_pg_result *r = ask(NULL, 2);
    assert_true(lk_pg_rows(r) == 2 && lk_pg_is_null(r, 0, 0));
    assert_string_equal(lk_pg_get_bytes(r, 0, 1, NULL), "there:0: gone");
    lk_pg_clear(r);
    server_sql(&home, "postgres", "UPDATE pg_dist_node SET nodeport = 2 WHERE nodename = 'there'");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_parts_answer_as_one_table),
        cmocka_unit_test(a_shard_is_left_out),
        cmocka_unit_test(one_that_does_not_answer_comes_first),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
