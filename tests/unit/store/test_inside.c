/* What floors above do inside a store's transactions, over each kind: their rows and the change are there together or
 * not at all. The rows are those of the table of keys, which is as cold as theirs will be. */
#include "unit/test.h"

#include "base/call.h"
#include "store/inside.h"
#include "unit/store/kinds.h"
#include "unit/store/sample.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- an audit, and a judge ---- */

struct floor {
    size_t suppress;            /* the first faces of each photo */
    int refuse_width;           /* of photos that are not to be had */
    bool refuse_change;         /* whatever it is */
    bool die;                   /* after the row was written */
    bool seen;                  /* a photo, with all that belongs to it */
    liken_event_kind refuse_of; /* refuse_change: of this kind */
};

static const char *const words[] = {"added", "changed", "removed", "face", "created", "dropped"};

static int write_row(lk_sql *q, const char *text, liken_error *e) {
    return lk_sql_run(q,
                      "INSERT INTO liken.keys (name, sha256, scopes, created_at) VALUES ($1 || (SELECT count(*) FROM"
                      " liken.keys), $1 || (SELECT count(*) FROM liken.keys), 1, 1)",
                      LK_SQL_ARGS(lk_sql_text(text)), NULL, e);
}

static int judge(void *ctx, lk_sql *q, const lk_change *c, liken_reason *reasons, liken_error *e) {
    struct floor *f = ctx;
    assert_int_equal(c->kind, LIKEN_IMAGE_ADDED);
    assert_true(c->image == 0 && c->faces == NULL && c->collection > 0);
    for (size_t i = 0; i < c->photo->face_count; i++) {
        assert_non_null(c->photo->faces[i].descriptor);
        assert_int_equal(reasons[i], LIKEN_KEPT);
        if (i < f->suppress)
            reasons[i] = i == 0 ? LIKEN_SUPPRESSED : LIKEN_LOW_LIGHT;
    }
    const int rc = write_row(q, "judged ", e);
    if (rc == LIKEN_OK && c->photo->width == f->refuse_width)
        return lk_fail(e, LIKEN_E_CONFLICT, "This photo is not to be had.");
    return rc;
}

static int changed(void *ctx, lk_sql *q, const lk_change *c, liken_error *e) {
    struct floor *f = ctx;
    char text[256];
    int64_t there = -1;
    if (c->photo != NULL) {
        f->seen = c->image > 0 && c->photo->tag_count == 2;
        for (size_t i = 0; i < c->photo->face_count; i++)
            f->seen = f->seen && c->faces[i] > 0 && c->photo->faces[i].descriptor != NULL;
    }
    (void)snprintf(text, sizeof text, "%s image %d face %d of %d by %s for %s, ", words[c->kind], c->image != 0,
                   c->face != 0, c->collection != 0, c->actor == NULL ? "nobody" : c->actor,
                   c->request_id == NULL ? "nothing" : c->request_id);
    int rc = write_row(q, text, e);
    if (rc == LIKEN_OK && c->image != 0) /* also of what is removed */
        rc = lk_sql_number(q, "SELECT count(*) FROM liken.images WHERE id = $1", LK_SQL_ARGS(lk_sql_int(c->image)), 0,
                           &there, e);
    if (rc == LIKEN_OK && c->image != 0)
        assert_int_equal(there, 1);
    if (f->die)
        (void)kill(getpid(), SIGKILL);
    if (rc == LIKEN_OK && f->refuse_change && c->kind == f->refuse_of)
        return lk_fail(e, LIKEN_E_CONFLICT, "This is not to be changed.");
    return rc;
}

static struct floor floor_above;
static const lk_inside inside = {judge, changed, &floor_above};

static int set_up(void **state) {
    floor_above = (struct floor){.refuse_width = -1};
    const int rc = kinds_set_up(state);
    return rc == 0 ? lk_store_inside(store, &inside, &err) : rc;
}

#define INSIDE_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, kinds_tear_down)

/* ---- what it wrote ---- */

static char written[2048];

static int take(void *ctx, const lk_sql_value *row, int columns, liken_error *e) {
    (void)ctx;
    (void)columns;
    (void)e;
    const size_t used = strlen(written);
    const char *end = strrchr(row[0].bytes, ' ');
    (void)snprintf(written + used, sizeof written - used, "%.*s", (int)(end - row[0].bytes + 1), row[0].bytes);
    return LIKEN_OK;
}

static int read_rows(lk_sql *q, void *arg, liken_error *e) {
    (void)arg;
    written[0] = '\0';
    return lk_sql_query(q, "SELECT name FROM liken.keys ORDER BY id", LK_SQL_NO_ARGS, take, NULL, e);
}

static int count_rows(lk_sql *q, void *arg, liken_error *e) {
    return lk_sql_number(q, "SELECT count(*) FROM liken.keys", LK_SQL_NO_ARGS, 0, arg, e);
}

static int forget_rows(lk_sql *q, void *arg, liken_error *e) {
    (void)arg;
    return lk_sql_run(q, "DELETE FROM liken.keys", LK_SQL_NO_ARGS, NULL, e);
}

static void expect_rows(const char *expected) {
    assert_ok(lk_sql_read(store, read_rows, NULL, &err), err);
    assert_string_equal(written, expected);
    assert_ok(lk_sql_remove(store, forget_rows, NULL, &err), err);
}

static int try_add(int64_t collection, unsigned seed, int width, bool face_required, liken_image **out) {
    liken_image *image = sample_image(seed, 3), *existing = NULL;
    image->width = width != 0 ? width : image->width;
    const int rc = store->ops->images->add(store, collection, image, face_required, &existing, &err);
    assert_null(existing);
    if (rc == LIKEN_OK && out != NULL)
        *out = image;
    else
        liken_image_free(image);
    return rc;
}

static int64_t begin(void) {
    const int64_t c = make_collection("a");
    assert_ok(lk_sql_remove(store, forget_rows, NULL, &err), err);
    return c;
}

/* ---- tests ---- */

static void rows_go_with_every_change(void **state) {
    (void)state;
    liken_image *image = NULL, *again = NULL;
    lk_call k;
    const liken_call call = {.size = sizeof call, .actor = "ann", .request_id = "r7"};
    const int64_t c = make_collection("a");
    expect_rows("created image 0 face 0 of 1 by nobody for nothing, ");
    assert_ok(lk_call_begin(&k, &call, &err), err);
    assert_int_equal(try_add(c, 1, 0, true, &image), LIKEN_OK);
    assert_true(floor_above.seen);
    expect_rows("judged added image 1 face 0 of 1 by ann for r7, ");
    const liken_image with = {.tags = (char *[]){(char[]){"new"}}, .tag_count = 1, .captured_at = LIKEN_NO_TIME};
    assert_ok(store->ops->names->extend(store, c, image->id, &with, &again, &err), err);
    expect_rows("changed image 1 face 0 of 1 by ann for r7, ");
    assert_ok(store->ops->faces->remove(store, "a", image->faces[0].id, &err), err);
    expect_rows("face image 1 face 1 of 1 by ann for r7, ");
    assert_int_equal(store->ops->faces->remove(store, "a", image->faces[0].id, &err), LIKEN_E_NOT_FOUND);
    assert_int_equal(store->ops->faces->remove(store, "b", image->faces[1].id, &err), LIKEN_E_NOT_FOUND);
    expect_rows("");
    assert_ok(store->ops->images->remove(store, c, image->id, &err), err);
    expect_rows("removed image 1 face 0 of 1 by ann for r7, ");
    lk_call_end(&k);
    assert_ok(store->ops->collections->remove(store, c, false, &err), err);
    expect_rows("dropped image 0 face 0 of 1 by nobody for nothing, ");
    liken_image_free(image);
    liken_image_free(again);
    expect_healthy();
}

static void a_face_is_refused(void **state) {
    (void)state;
    liken_image *image = NULL, *stored = NULL;
    const int64_t c = begin();
    floor_above.suppress = 2;
    assert_int_equal(try_add(c, 1, 0, true, &image), LIKEN_OK);
    assert_ok(store->ops->images->get(store, c, image->id, &stored, &err), err);
    const liken_image *both[] = {image, stored};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(both[i]->face_count, 1);
        assert_int_equal(both[i]->refused_count, 3);
        assert_int_equal(both[i]->refused[1].reason, LIKEN_SUPPRESSED);
        assert_int_equal(both[i]->refused[2].reason, LIKEN_LOW_LIGHT);
        assert_null(both[i]->refused[1].descriptor);
        assert_int_equal(both[i]->faces[0].id, image->faces[0].id);
    }
    expect_counts(1, 1, 1);
    liken_image_free(image);
    liken_image_free(stored);
    floor_above.suppress = 3;
    assert_int_equal(try_add(c, 2, 0, true, NULL), LIKEN_E_NO_FACE);
    expect_counts(1, 1, 1);
    assert_int_equal(try_add(c, 2, 0, false, NULL), LIKEN_OK);
    expect_counts(1, 2, 1);
    expect_healthy();
}

static void a_photo_that_is_refused_leaves_nothing(void **state) {
    (void)state;
    const int64_t c = begin();
    floor_above.refuse_width = 777;
    assert_int_equal(try_add(c, 1, 777, false, NULL), LIKEN_E_CONFLICT);
    assert_string_equal(err.message, "This photo is not to be had.");
    expect_rows("");
    floor_above = (struct floor){.refuse_change = true, .refuse_of = LIKEN_IMAGE_ADDED};
    assert_int_equal(try_add(c, 1, 0, false, NULL), LIKEN_E_CONFLICT);
    assert_string_equal(err.message, "This is not to be changed.");
    expect_rows("");
    expect_counts(1, 0, 0);
    floor_above.refuse_change = false;
    assert_int_equal(try_add(c, 1, 0, false, NULL), LIKEN_OK);
    expect_healthy();
}

static void a_removal_that_is_refused_removes_nothing(void **state) {
    (void)state;
    liken_image *image = NULL;
    const int64_t c = begin();
    assert_int_equal(try_add(c, 1, 0, false, &image), LIKEN_OK);
    assert_ok(lk_sql_remove(store, forget_rows, NULL, &err), err);
    floor_above.refuse_change = true;
    for (floor_above.refuse_of = LIKEN_IMAGE_CHANGED; floor_above.refuse_of <= LIKEN_COLLECTION_REMOVED;
         floor_above.refuse_of++) {
        const liken_image with = {.tags = (char *[]){(char[]){"new"}}, .tag_count = 1, .captured_at = LIKEN_NO_TIME};
        liken_image *again = NULL;
        liken_collection b = {.name = (char[]){"b"}, .model = (char[]){SAMPLE_MODEL}, .dimension = SAMPLE_DIMENSION};
        const int rc = floor_above.refuse_of == LIKEN_IMAGE_CHANGED
                           ? store->ops->names->extend(store, c, image->id, &with, &again, &err)
                       : floor_above.refuse_of == LIKEN_IMAGE_REMOVED
                           ? store->ops->images->remove(store, c, image->id, &err)
                       : floor_above.refuse_of == LIKEN_FACE_REMOVED
                           ? store->ops->faces->remove(store, NULL, image->faces[0].id, &err)
                       : floor_above.refuse_of == LIKEN_COLLECTION_CREATED
                           ? store->ops->collections->create(store, &b, &err)
                           : store->ops->collections->remove(store, c, false, &err);
        assert_int_equal(rc, LIKEN_E_CONFLICT);
        assert_string_equal(err.message, "This is not to be changed.");
    }
    expect_rows("");
    expect_counts(1, 1, 3);
    liken_image_free(image);
    expect_healthy();
}

/* ---- many at once ---- */

#define ADDERS 6
#define EACH 8

struct adder {
    pthread_t thread;
    int64_t collection;
    unsigned first;
    int refused, failed;
};

static void *add_some(void *arg) {
    struct adder *a = arg;
    for (unsigned i = 0; i < EACH; i++) {
        liken_error e;
        liken_image *image = sample_image(a->first + i, 1), *existing = NULL;
        image->width = i % 4 == 1 ? 777 : image->width;
        const int rc = store->ops->images->add(store, a->collection, image, false, &existing, &e);
        a->refused += rc == LIKEN_E_CONFLICT;
        a->failed += rc != LIKEN_OK && rc != LIKEN_E_CONFLICT;
        liken_image_free(image);
        liken_image_free(existing);
    }
    return NULL;
}

static void one_that_is_refused_takes_no_other_with_it(void **state) {
    (void)state;
    struct adder a[ADDERS];
    const int64_t c = begin();
    floor_above.refuse_width = 777;
    for (unsigned i = 0; i < ADDERS; i++) {
        a[i] = (struct adder){.collection = c, .first = 100 * (i + 1)};
        assert_int_equal(pthread_create(&a[i].thread, NULL, add_some, &a[i]), 0);
    }
    for (int i = 0; i < ADDERS; i++) {
        assert_int_equal(pthread_join(a[i].thread, NULL), 0);
        assert_int_equal(a[i].failed, 0);
        assert_int_equal(a[i].refused, EACH / 4);
    }
    expect_counts(1, ADDERS * EACH * 3 / 4, ADDERS * EACH * 3 / 4);
    int64_t rows = 0;
    assert_ok(lk_sql_read(store, count_rows, &rows, &err), err);
    assert_int_equal(rows, 2 * ADDERS * EACH * 3 / 4); /* judged and added, of each that is there */
    expect_healthy();
}

/* ---- kill -9 ---- */

static _Noreturn void child_dies(int64_t collection) {
    liken_error e;
    liken_image *existing = NULL;
    if (kinds_open(&store, false, &e) != LIKEN_OK || lk_store_inside(store, &inside, &e) != LIKEN_OK)
        _exit(2);
    floor_above.die = true;
    (void)!store->ops->images->add(store, collection, sample_image(1, 3), false, &existing, &e);
    _exit(3);
}

static void killed_between_them_neither_is_there(void **state) {
    (void)state;
    int status = 0;
    const int64_t c = begin();
    store->ops->close(store);
    store = NULL;
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        child_dies(c);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    assert_ok(kinds_open(&store, false, &err), err);
    expect_rows("");
    expect_counts(1, 0, 0);
    expect_healthy();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        INSIDE_TEST(rows_go_with_every_change),
        INSIDE_TEST(a_face_is_refused),
        INSIDE_TEST(a_photo_that_is_refused_leaves_nothing),
        INSIDE_TEST(a_removal_that_is_refused_removes_nothing),
        INSIDE_TEST(one_that_is_refused_takes_no_other_with_it),
        INSIDE_TEST(killed_between_them_neither_is_there),
    };
    return kinds_run(tests, sizeof tests / sizeof *tests);
}
