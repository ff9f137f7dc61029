/* Moving a gallery between stores: nothing is lost, nothing changes, ids stay; an interruption is made good; what is
 * not finished cannot be opened; what is changed meanwhile is found. */
#include "unit/test.h"

#include "gallery/gallery_int.h"
#include "unit/store/sample.h"
#include "unit/store/server.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PHOTOS = 620 };

static struct sample_folder here, there;
static struct server server;
static char address[96];
static liken_error err;

static lk_store *open_folder(const char *folder) {
    lk_store *s;
    assert_ok(lk_store_open_sqlite(&s, folder, false, &err), err);
    return s;
}

/* Of some a picture, of a few an original as well that is so large that not many go over at once. */
static void add_pictures(liken_image *image, unsigned i) {
    for (liken_keep kind = LIKEN_KEEP_THUMBNAIL; kind <= LIKEN_KEEP_ORIGINAL; kind += 2) {
        const size_t size = kind == LIKEN_KEEP_THUMBNAIL ? 100 + i : (size_t)5 << 20;
        if (i % (kind == LIKEN_KEEP_THUMBNAIL ? 2 : 100) != 0)
            continue;
        liken_picture p = {.kind = kind, .type = "image/jpeg", .width = 4, .height = 3, .size = size};
        p.bytes = malloc(size);
        assert_non_null(p.bytes);
        memset(p.bytes, (int)i, size);
        assert_ok(lk_image_picture(image, &p, &err), err);
    }
}

/* Two collections whose photos take turns, one photo and one face removed again, the last face among them. */
static void fill(const char *folder) {
    lk_store *s = open_folder(folder);
    const int64_t a = sample_collection(s, "a", SAMPLE_MODEL, LIKEN_NORMALIZED);
    const int64_t b = sample_collection(s, "B", SAMPLE_MODEL, LIKEN_L2);
    assert_ok(s->ops->pictures->keep(s, a, LIKEN_KEEP_ORIGINAL, &err), err);
    for (unsigned i = 1; i <= PHOTOS; i++) {
        liken_image *image = sample_image(i, i % 4), *existing = NULL;
        add_pictures(image, i);
        if (i % 7 == 0)
            image->captured_at = LIKEN_NO_TIME;
        assert_ok(s->ops->images->add(s, i % 3 == 0 ? b : a, image, false, &existing, &err), err);
        assert_null(existing);
        liken_image_free(image);
    }
    int64_t face, deletion;
    assert_ok(s->ops->feed->marks(s, &face, &deletion, &err), err);
    assert_ok(s->ops->faces->remove(s, NULL, face, &err), err);
    assert_ok(s->ops->images->remove(s, a, 5, &err), err);
    s->ops->close(s);
}

static int set_up(void **state) {
    (void)state;
    sample_folder_make(&here);
    sample_folder_make(&there);
    fill(here.path);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    sample_folder_remove(&here);
    sample_folder_remove(&there);
    return 0;
}

static liken_options folder_place(const char *path) {
    return (liken_options){.size = sizeof(liken_options), .data = path};
}

static liken_options database_place(const char *name) {
    if (server.pid == 0)
        server_make(&server);
    server_database(&server, name);
    (void)snprintf(address, sizeof address, "postgres://postgres@127.0.0.1:%d/%s", server.port, name);
    return (liken_options){.size = sizeof(liken_options), .data = there.path, .store = address};
}

/* What a photo is like in the store, faces and descriptors too, or NULL. */
static liken_image *photo(lk_store *s, int64_t id) {
    liken_image_list *page = NULL;
    assert_ok(s->ops->copy->page(s, id - 1, 1, &page, &err), err);
    liken_image *found = NULL;
    if (page->count == 1 && page->images[0]->id == id) {
        found = page->images[0];
        page->count = 0;
    }
    liken_image_list_free(page);
    return found;
}

static void assert_same_photo(const liken_image *a, const liken_image *b) {
    assert_string_equal(a->collection, b->collection);
    assert_string_equal(a->sha256, b->sha256);
    assert_int_equal(a->face_count, b->face_count);
    assert_int_equal(a->refused_count, b->refused_count);
    assert_int_equal(a->captured_at, b->captured_at);
    assert_int_equal(a->picture_count, b->picture_count);
    for (size_t i = 0; i < a->face_count; i++) {
        assert_int_equal(a->faces[i].id, b->faces[i].id);
        assert_memory_equal(a->faces[i].descriptor, b->faces[i].descriptor,
                            SAMPLE_DIMENSION * sizeof *a->faces[i].descriptor);
    }
}

/* Looked at by the stores' own operations, not by those that move compares with. */
static void assert_same_gallery(lk_store *a, lk_store *b) {
    int64_t counts[2][3], marks[2][2];
    assert_ok(a->ops->counts(a, &counts[0][0], &counts[0][1], &counts[0][2], &err), err);
    assert_ok(b->ops->counts(b, &counts[1][0], &counts[1][1], &counts[1][2], &err), err);
    assert_memory_equal(counts[0], counts[1], sizeof counts[0]);
    assert_int_equal(counts[0][1], PHOTOS - 1);
    assert_ok(a->ops->feed->marks(a, &marks[0][0], &marks[0][1], &err), err);
    assert_ok(b->ops->feed->marks(b, &marks[1][0], &marks[1][1], &err), err);
    assert_int_equal(marks[0][0], marks[1][0]);
    for (int64_t id = 1; id <= PHOTOS; id += 61) {
        liken_image *x = photo(a, id), *y = photo(b, id);
        assert_true((x == NULL) == (y == NULL));
        if (x != NULL)
            assert_same_photo(x, y);
        liken_image_free(x);
        liken_image_free(y);
    }
}

static void there_and_back(const liken_options *middle, lk_store *opened(const liken_options *)) {
    struct sample_folder back;
    liken_move_count out = {0}, home = {0};
    sample_folder_make(&back);
    const liken_options from = folder_place(here.path), to = folder_place(back.path);
    assert_ok(liken_move(&from, middle, NULL, &out, &err), err);
    assert_int_equal(out.verified, PHOTOS - 1);
    assert_ok(liken_move(middle, &to, NULL, &home, &err), err);
    assert_memory_equal(out.checksum, home.checksum, sizeof out.checksum);
    lk_store *a = open_folder(here.path), *b = opened(middle), *c = open_folder(back.path);
    assert_same_gallery(a, b);
    assert_same_gallery(a, c);
    a->ops->close(a);
    b->ops->close(b);
    c->ops->close(c);
    sample_folder_remove(&back);
}

static lk_store *opened_folder(const liken_options *o) {
    return open_folder(o->data);
}

static lk_store *opened_database(const liken_options *o) {
    lk_store *s;
    assert_ok(lk_store_open_postgres(&s, o->store, false, &err), err);
    return s;
}

static void moves_between_folders(void **state) {
    (void)state;
    const liken_options middle = folder_place(there.path);
    there_and_back(&middle, opened_folder);
}

static void moves_to_postgresql_and_back(void **state) {
    (void)state;
    if (server_programs() == NULL) {
        print_message("%s\n", server_missing);
        skip();
    }
    const liken_options middle = database_place("moved");
    there_and_back(&middle, opened_database);
}

static int stop_at_first_page(void *ctx, const liken_progress *p) {
    (void)ctx;
    return p->done > 0;
}

static void assert_goes_on(const liken_options *to) {
    const liken_options from = folder_place(here.path);
    liken_options open = *to;
    liken_move_count n = {0};
    liken *lk;
    open.no_models = true;
    const liken_call call = {.size = sizeof call, .progress = stop_at_first_page};
    const liken_call late = {.size = sizeof late, .deadline = liken_deadline(-1)};
    assert_int_equal(liken_move(&from, to, &late, &n, &err), LIKEN_E_DEADLINE);
    assert_int_equal(liken_move(&from, to, &call, &n, &err), LIKEN_E_CANCELLED);
    assert_true(n.copied > 0);
    assert_true(n.copied < PHOTOS - 1);
    assert_int_equal(liken_open(&lk, &open, NULL, &err), LIKEN_E_CONFLICT);
    assert_int_equal(liken_move(to, &from, NULL, NULL, &err), LIKEN_E_CONFLICT); /* half a gallery is none */
    assert_ok(liken_move(&from, to, NULL, &n, &err), err);
    assert_int_equal(n.verified, PHOTOS - 1);
    assert_ok(liken_open(&lk, &open, NULL, &err), err);
    liken_free(lk);
    assert_int_equal(liken_move(&from, to, NULL, NULL, &err), LIKEN_E_CONFLICT); /* it is not empty any more */
}

static void goes_on_after_an_interruption(void **state) {
    (void)state;
    const liken_options to = folder_place(there.path);
    assert_goes_on(&to);
}

static void goes_on_in_postgresql(void **state) {
    (void)state;
    if (server_programs() == NULL) {
        print_message("%s\n", server_missing);
        skip();
    }
    const liken_options to = database_place("resumed");
    assert_goes_on(&to);
}

static int remove_one(void *ctx, const liken_progress *p) {
    bool *done = ctx;
    if (*done || p->done == 0)
        return 0;
    lk_store *s = open_folder(here.path);
    liken_image *image;
    assert_ok(s->ops->images->get(s, 0, 2, &image, &err), err);
    liken_collection *c;
    assert_ok(s->ops->collections->get(s, image->collection, &c, &err), err);
    assert_ok(s->ops->images->remove(s, c->id, 2, &err), err);
    liken_collection_free(c);
    liken_image_free(image);
    s->ops->close(s);
    *done = true;
    return 0;
}

/* The comparison reads every picture, so that one that became another is found. */
static int change_a_picture(void *ctx, const liken_progress *p) {
    bool *done = ctx;
    sqlite3 *db = NULL;
    char path[128];
    if (*done || p->done < PHOTOS - 1)
        return 0;
    (void)snprintf(path, sizeof path, "%s/liken.db", there.path);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_busy_timeout(db, 60000), SQLITE_OK);
    assert_int_equal(
        sqlite3_exec(db, "UPDATE pictures SET bytes = CAST('x' AS BLOB) WHERE image = 2", NULL, NULL, NULL), SQLITE_OK);
    *done = sqlite3_changes(db) == 1;
    sqlite3_close(db);
    return 0;
}

static void finds_a_picture_that_is_another(void **state) {
    (void)state;
    const liken_options from = folder_place(here.path), to = folder_place(there.path);
    bool done = false;
    const liken_call call = {.size = sizeof call, .progress = change_a_picture, .ctx = &done};
    assert_int_equal(liken_move(&from, &to, &call, NULL, &err), LIKEN_E_CONFLICT);
    assert_true(done);
    assert_non_null(strstr(err.message, "Photo 2 "));
}

static void finds_what_was_changed_meanwhile(void **state) {
    (void)state;
    const liken_options from = folder_place(here.path), to = folder_place(there.path);
    bool done = false;
    const liken_call call = {.size = sizeof call, .progress = remove_one, .ctx = &done};
    assert_int_equal(liken_move(&from, &to, &call, NULL, &err), LIKEN_E_CONFLICT);
    assert_true(done);
    assert_non_null(strstr(err.message, "Photo 2 "));
}

static void refuses_itself_and_what_is_not_empty(void **state) {
    (void)state;
    const liken_options from = folder_place(here.path), to = folder_place(there.path);
    assert_int_equal(liken_move(&from, &from, NULL, NULL, &err), LIKEN_E_ARG);
    lk_store *s = open_folder(there.path);
    liken_image *image = sample_image(1, 1), *existing = NULL;
    assert_ok(
        s->ops->images->add(s, sample_collection(s, "own", SAMPLE_MODEL, LIKEN_L2), image, false, &existing, &err),
        err);
    liken_image_free(image);
    s->ops->close(s);
    assert_int_equal(liken_move(&from, &to, NULL, NULL, &err), LIKEN_E_CONFLICT);
    assert_non_null(strstr(err.message, "holds photos already"));
}

static int end_server(void **state) {
    (void)state;
    if (server.pid != 0)
        server_remove(&server);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        T(moves_between_folders),
        T(moves_to_postgresql_and_back),
        T(goes_on_after_an_interruption),
        T(goes_on_in_postgresql),
        T(finds_a_picture_that_is_another),
        T(finds_what_was_changed_meanwhile),
        T(refuses_itself_and_what_is_not_empty),
    };
    return cmocka_run_group_tests(tests, NULL, end_server);
}
