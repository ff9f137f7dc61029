/* A gallery that an older liken made (schema_1.sql) becomes one of today's, once, whoever opens it, and nothing in it
 * is changed or lost. */
#include "unit/test.h"

#include "base/buf.h"
#include "store/postgres/postgres_int.h"
#include "unit/store/sample.h"
#include "unit/store/server.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Everything in the schema that has a definition, as one number. */
#define CATALOGUE                                                                                                      \
    "SELECT hashtextextended(string_agg(line, E'\\n' ORDER BY line COLLATE \"C\"), 0) FROM ("                          \
    "SELECT concat_ws(' ', k.relname, k.relkind, k.reloptions, a.attname, format_type(a.atttypid, a.atttypmod),"       \
    " a.attnotnull, a.attidentity, a.attstorage, a.attcollation, pg_get_expr(d.adbin, d.adrelid),"                     \
    " col_description(k.oid, a.attnum)) FROM pg_class k JOIN pg_attribute a ON a.attrelid = k.oid AND a.attnum > 0"    \
    " AND NOT a.attisdropped LEFT JOIN pg_attrdef d ON d.adrelid = k.oid AND d.adnum = a.attnum"                       \
    " WHERE k.relnamespace = 'liken'::regnamespace"                                                                    \
    " UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'liken'"                                            \
    " UNION ALL SELECT conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint"    \
    " WHERE connamespace = 'liken'::regnamespace) AS t (line)"

static struct server server;
static const char *where;
static liken_error err;

static void make_old(const char *database) {
    char *sql = NULL;
    size_t size = 0;
    assert_ok(lk_file_read("tests/unit/store/schema_1.sql", 1 << 20, &sql, &size, &err), err);
    server_database(&server, database);
    server_sql(&server, database, sql);
    free(sql);
    where = server_where(&server, database, false, 0);
    assert_int_equal(server_number(&server, database, "SELECT value::int FROM liken.meta WHERE key = 'schema'"), 1);
}

static lk_store *open_store(void) {
    lk_store *s = NULL;
    assert_ok(lk_store_open_postgres(&s, where, false, &err), err);
    return s;
}

static void *open_and_close(void *arg) {
    lk_store *s = NULL;
    liken_error e;
    *(int *)arg = lk_store_open_postgres(&s, where, false, &e);
    if (s != NULL)
        s->ops->close(s);
    return NULL;
}

static void open_several_at_once(void) {
    pthread_t threads[6];
    int status[6];
    for (size_t i = 0; i < LK_LENGTH(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, open_and_close, &status[i]), 0);
    for (size_t i = 0; i < LK_LENGTH(threads); i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(status[i], LIKEN_OK);
    }
}

static void assert_face(lk_store *s, int64_t id, int64_t in) {
    liken_face *face = NULL;
    int64_t image = 0, collection = 0;
    assert_ok(s->ops->faces->get(s, NULL, id, &face, &image, &collection, &err), err);
    assert_int_equal(image, in);
    assert_int_equal(collection, 2);
    assert_int_equal(face->dimension, 128);
    assert_false(face->weak);
    for (int i = 0; i < 128; i++) {
        const uint32_t bits = UINT32_C(0x3d000000) + (uint32_t)id;
        assert_memory_equal(&face->descriptor[i], &bits, sizeof bits);
    }
    liken_face_free(face);
}

static void assert_what_it_held(lk_store *s) {
    liken_image *image = NULL;
    int64_t collections, images, faces, face, deletion;
    assert_ok(s->ops->counts(s, &collections, &images, &faces, &err), err);
    assert_true(collections == 2 && images == 2 && faces == 3);
    assert_ok(s->ops->feed->marks(s, &face, &deletion, &err), err);
    assert_true(face == 5 && deletion == 2);
    assert_ok(s->ops->images->get(s, 2, 1, &image, &err), err);
    assert_string_equal(image->file, "it's a file");
    assert_string_equal(image->image_id, "\xc3\x9cn\xc3\xaf"
                                         "code");
    assert_true(image->captured_at == 1700000000 && image->width == 640 && image->height == 480);
    assert_true(image->tag_count == 2 && image->face_count == 2);
    liken_image_free(image);
    image = NULL;
    assert_ok(s->ops->images->get(s, 2, 3, &image, &err), err);
    assert_true(image->tag_count == 1 && image->face_count == 1 && image->refused_count == 1);
    liken_image_free(image);
    assert_face(s, 1, 1);
    assert_face(s, 2, 1);
    assert_face(s, 3, 3);
}

static void no_finding(void *ctx, const char *what, liken_verdict verdict, const char *message) {
    (void)ctx;
    if (verdict == LIKEN_BAD)
        fail_msg("%s: %s", what, message);
}

/* Reads and writes as in one made today. */
static void assert_of_use(lk_store *s) {
    liken_image *image = sample_image(9, 2), *existing = NULL;
    liken_collection *old = NULL;
    uint8_t secret[32];
    int bad = -1;
    assert_ok(s->ops->pictures->secret(s, secret, &err), err);
    assert_ok(s->ops->collections->get(s, "default", &old, &err), err);
    assert_int_equal(old->keep, LIKEN_KEEP_THUMBNAIL);
    liken_collection_free(old);
    assert_ok(
        s->ops->images->add(s, sample_collection(s, "new", SAMPLE_MODEL, LIKEN_L2), image, false, &existing, &err),
        err);
    assert_null(existing);
    assert_true(image->id == 5 && image->faces[0].id == 6);
    liken_image_free(image);
    assert_ok(s->ops->faces->remove(s, NULL, 2, &err), err);
    assert_ok(s->ops->check(s, no_finding, NULL, &bad, &err), err);
    assert_int_equal(bad, 0);
}

static void an_old_gallery_is_brought_up_to_date_once(void **state) {
    (void)state;
    make_old("old");
    open_several_at_once();
    assert_int_equal(server_number(&server, "old", "SELECT value::int FROM liken.meta WHERE key = 'schema'"),
                     LK_POSTGRES_SCHEMA);
    assert_int_equal(server_number(&server, "old",
                                   "SELECT count(*) FROM liken.meta WHERE value ="
                                   " '00000000-0000-4000-8000-000000000001'"),
                     1);
    lk_store *s = open_store();
    assert_what_it_held(s);
    assert_of_use(s);
    s->ops->close(s);
}

static void it_then_is_as_one_made_today(void **state) {
    (void)state;
    make_old("old_again");
    lk_store *s = open_store();
    s->ops->close(s);
    server_database(&server, "today");
    where = server_where(&server, "today", false, 0);
    s = open_store();
    s->ops->close(s);
    assert_true(server_number(&server, "today", CATALOGUE) == server_number(&server, "old_again", CATALOGUE));
    server_sql(&server, "today", "ALTER TABLE liken.faces ALTER yaw DROP NOT NULL"); /* that the number tells it */
    assert_true(server_number(&server, "today", CATALOGUE) != server_number(&server, "old_again", CATALOGUE));
}

/* `file` is the only label that it has; NULL: none. */
static void assert_label(lk_store *s, int64_t id, const char *file, liken_label_kind kind, size_t image_ids) {
    liken_image *image = NULL;
    assert_ok(s->ops->images->get(s, 2, id, &image, &err), err);
    assert_int_equal(image->label_count, file == NULL ? 0 : 1);
    assert_int_equal(image->image_id_count, image_ids);
    if (file != NULL) {
        assert_string_equal(image->labels[0].file, file);
        assert_int_equal(image->labels[0].kind, kind);
    }
    liken_image_free(image);
}

static lk_store *open_renamed(const char *database, const char *sql) {
    make_old(database);
    server_sql(&server, database, sql);
    return open_store();
}

static void old_labels_become_what_they_look_like(void **state) {
    (void)state;
    lk_store *s = open_renamed("labels", "UPDATE liken.images SET file = 'p/x.jpg', image_id = '7'");
    assert_label(s, 1, "p/x.jpg", LIKEN_LABEL_SHARED, 1); /* the later one lies there */
    assert_label(s, 3, "p/x.jpg", LIKEN_LABEL_FILE, 1);
    s->ops->close(s);
    s = open_renamed("address", "UPDATE liken.images SET file = 'https://a/' || id");
    assert_label(s, 1, "https://a/1", LIKEN_LABEL_OWN, 1);
    s->ops->close(s);
    s = open_renamed("nameless", "UPDATE liken.images SET file = NULL, image_id = NULL");
    assert_label(s, 1, NULL, LIKEN_LABEL_SHARED, 0);
    s->ops->close(s);
}

/* A step that fails leaves the gallery as it was: here a role that may read and write, but owns nothing. */
static void a_step_that_fails_changes_nothing(void **state) {
    (void)state;
    lk_store *s = NULL;
    char guest[256];
    make_old("kept");
    server_sql(&server, "kept",
               "CREATE ROLE guest LOGIN; GRANT USAGE, CREATE ON SCHEMA liken TO guest;"
               " GRANT ALL ON ALL TABLES IN SCHEMA liken TO guest");
    (void)snprintf(guest, sizeof guest, "host=%s port=%d user=guest dbname=kept", server.folder, server.port);
    const long long before = server_number(&server, "kept", CATALOGUE);
    assert_int_equal(lk_store_open_postgres(&s, guest, false, &err), LIKEN_E_STORE);
    assert_null(s);
    assert_non_null(strstr(err.message, "owner"));
    assert_int_equal(server_number(&server, "kept", "SELECT value::int FROM liken.meta WHERE key = 'schema'"), 1);
    assert_true(server_number(&server, "kept", CATALOGUE) == before);
    s = open_store(); /* its owner */
    assert_what_it_held(s);
    s->ops->close(s);
}

static int begin(void **state) {
    (void)state;
    server_make(&server);
    return 0;
}

static int end(void **state) {
    (void)state;
    server_remove(&server);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_old_gallery_is_brought_up_to_date_once),
        cmocka_unit_test(it_then_is_as_one_made_today),
        cmocka_unit_test(old_labels_become_what_they_look_like),
        cmocka_unit_test(a_step_that_fails_changes_nothing),
    };
    if (server_programs() == NULL) {
        print_message("SKIPPED: %s\n", server_missing);
        return 0;
    }
    return cmocka_run_group_tests(tests, begin, end);
}
