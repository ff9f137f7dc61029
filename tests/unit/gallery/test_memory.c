/* Memory that runs out at each allocation of liken's own in turn, once and from there on: no crash, no leak (under
 * ASan), LIKEN_E_MEMORY or success and nothing else, and a gallery that is right afterwards: what was acknowledged is
 * there, what was refused is not, and a search finds what the store holds. LIKEN_SOAK=1 fails every one; else some are
 * passed over where there are many. */
#include "unit/test.h"

#include "gallery/gallery_int.h"
#include "unit/gallery/fake_face.h"
#include "unit/refuse.h"
#include "unit/store/sample.h"
#include "unit/store/server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MOST 100000 /* allocations of one call: more would be a loop without end */
#define PHOTOS 5    /* in the gallery from the beginning */

static struct sample_folder folder;
static struct server server;
static char address[96]; /* "": SQLite */
static liken *lk;
static liken_error err;
static unsigned next_person;
static long told;      /* how often LIKEN_E_MEMORY was */
static int64_t stored; /* photos of one face each that were acknowledged */

static liken_options options(void) {
    return (liken_options){.size = sizeof(liken_options),
                           .data = folder.path,
                           .store = address[0] == '\0' ? NULL : address,
                           .models = "/nowhere",
                           .threads = 2};
}

static void photo_of(unsigned person, char text[64]) {
    (void)snprintf(text, 64, "photo 64 48\nface %u 0.0 40", person);
}

/* One face of somebody new; their number. */
static unsigned add(void) {
    char text[64];
    liken_image *image = NULL;
    photo_of(++next_person, text);
    assert_ok(liken_add(lk, NULL, text, strlen(text), NULL, &image, &err), err);
    liken_image_free(image);
    stored++;
    return next_person;
}

/* The photo of a person that is stored, or 0. */
static int64_t image_of(unsigned person) {
    char text[64];
    liken_image *image = NULL;
    photo_of(person, text);
    const int rc = liken_find_bytes(lk, NULL, NULL, text, strlen(text), &image, &err);
    const int64_t id = rc == LIKEN_OK ? image->id : 0;
    assert_true(rc == LIKEN_OK || rc == LIKEN_E_NOT_FOUND);
    liken_image_free(image);
    return id;
}

/* How many faces the index is searched among; *there: whether the person is the nearest at distance 0. */
static uint64_t searched(unsigned person, bool *there) {
    char text[64];
    liken_result *r = NULL;
    photo_of(person, text);
    assert_ok(liken_search_photo(lk, NULL, text, strlen(text), NULL, &r, &err), err);
    assert_int_equal(r->answer_count, 1);
    *there = r->answers[0].match_count > 0 && r->answers[0].matches[0].distance < 1e-3f;
    const uint64_t count = r->searched;
    liken_result_free(r);
    return count;
}

/* The index holds what the store holds, and that is what was acknowledged. */
static void gallery_is_right(unsigned person, bool expected) {
    bool there = false;
    liken_state *s = NULL;
    const uint64_t among = searched(person, &there);
    assert_ok(liken_get_state(lk, NULL, &s, &err), err);
    assert_int_equal(s->images, stored);
    assert_int_equal(s->faces, stored);
    assert_int_equal(s->indexed, stored);
    assert_int_equal(among, stored);
    assert_int_equal(there, expected);
    assert_int_equal(image_of(person) != 0, expected);
    liken_state_free(s);
}

static int no_fault(void *ctx, const liken_progress *p) {
    (void)ctx;
    if (p->verdict == LIKEN_BAD && strncmp(p->what, "pack", 4) != 0)
        fail_msg("%s: %s", p->what, p->message);
    return 0;
}

static void open_again(void) {
    bool there;
    liken_options o = options();
    liken_free(lk);
    lk = NULL;
    const liken_call call = {.size = sizeof call, .progress = no_fault};
    assert_ok(liken_check(&o, &call, &err), err);
    assert_ok(liken_open(&lk, &o, NULL, &err), err);
    assert_int_equal(searched(1, &there), stored);
}

/* A database that nobody has used; false when there is no server to be had. */
static bool new_database(void) {
    static int number;
    char name[16];
    if (server_programs() == NULL)
        return false;
    if (server.pid == 0)
        server_make(&server);
    (void)snprintf(name, sizeof name, "m%d", ++number);
    server_database(&server, name);
    (void)snprintf(address, sizeof address, "postgres://postgres@127.0.0.1:%d/%s", server.port, name);
    return true;
}

static int set_up(void **state) {
    (void)state;
    sample_folder_make(&folder);
    next_person = 0;
    stored = told = 0;
    liken_options o = options();
    assert_ok(liken_open(&lk, &o, NULL, &err), err);
    for (int i = 0; i < PHOTOS; i++)
        add();
    return 0;
}

static int set_up_postgres(void **state) {
    return new_database() ? set_up(state) : 0;
}

static int tear_down(void **state) {
    (void)state;
    liken_free(lk);
    lk = NULL;
    address[0] = '\0';
    sample_folder_remove(&folder);
    return 0;
}

static int remove_server(void **state) {
    (void)state;
    if (server.pid != 0)
        server_remove(&server);
    return 0;
}

/* ---- every allocation in turn ---- */

/* Memory ran out or it did not matter; nothing else may be said. True: it was done. */
static bool done_or_refused(int rc, long n) {
    if (rc == LIKEN_OK)
        return true;
    if (rc != LIKEN_E_MEMORY || err.code != rc || err.message[0] == '\0')
        fail_msg("allocation %ld: %s: %s", n, liken_status_code(rc), err.message);
    told++;
    return false;
}

/* `once` is called for n = 1, 2, ... until nothing was refused any more. It returns whether anything was. */
static void each(bool (*once)(long n, bool all)) {
    const long step = address[0] == '\0' || getenv("LIKEN_SOAK") != NULL ? 1 : 7;
    if (lk == NULL) {
        print_message("%s\n", server_missing);
        skip();
    }
    for (int all = 0; all < 2; all++) {
        long n = 1;
        while (once(n, all != 0)) {
            assert_true(n < MOST);
            n += step;
        }
        assert_true(n > 1); /* or nothing was tested */
    }
}

static bool opening(long n, bool all) {
    liken *other = NULL;
    const liken_options o = options();
    refuse_begin(n, all);
    const int rc = liken_open(&other, &o, NULL, &err);
    const bool refused = refuse_end();
    assert_true(done_or_refused(rc, n) == (other != NULL));
    liken_free(other);
    return refused;
}

static void open_fails_or_opens(void **state) {
    (void)state;
    each(opening);
    gallery_is_right(1, true);
    open_again();
}

static bool opening_new(long n, bool all) {
    struct sample_folder before = folder;
    sample_folder_make(&folder);
    if (address[0] != '\0')
        (void)new_database();
    const bool refused = opening(n, all);
    const liken_options o = options();
    liken *now = NULL;
    assert_ok(liken_open(&now, &o, NULL, &err), err); /* what was begun is no obstacle */
    liken_free(now);
    sample_folder_remove(&folder);
    folder = before;
    return refused;
}

static void a_new_gallery_is_made_or_can_be_made(void **state) {
    (void)state;
    if (address[0] != '\0' && getenv("LIKEN_SOAK") == NULL) {
        print_message("a database for each allocation takes minutes; LIKEN_SOAK=1 makes them\n");
        skip();
    }
    each(opening_new);
    assert_true(told > 0);
}

static bool adding(long n, bool all) {
    static const char *const tags[] = {"b", "a"};
    char text[64];
    liken_image *image = NULL;
    const liken_add_options o = {
        .size = sizeof(liken_add_options), .image_id = "id", .file = "label", .tags = tags, .tag_count = 2};
    photo_of(++next_person, text);
    refuse_begin(n, all);
    const int rc = liken_add(lk, NULL, text, strlen(text), &o, &image, &err);
    const bool refused = refuse_end();
    const bool done = done_or_refused(rc, n);
    assert_true(done == (image != NULL));
    liken_image_free(image);
    stored += done ? 1 : 0;
    gallery_is_right(next_person, done);
    return refused;
}

static void what_is_added_is_there_and_nothing_else(void **state) {
    (void)state;
    each(adding);
    assert_true(told > 0);
    open_again();
}

static bool adding_again(long n, bool all) {
    char text[64];
    liken_image *image = NULL;
    const liken_add_options o = {.size = sizeof(liken_add_options), .image_id = "another", .file = "label"};
    photo_of(1, text);
    refuse_begin(n, all);
    const int rc = liken_add(lk, NULL, text, strlen(text), &o, &image, &err);
    const bool refused = refuse_end();
    assert_true(done_or_refused(rc, n) == (image != NULL));
    liken_image_free(image);
    gallery_is_right(1, true);
    return refused;
}

static void adding_again_adds_nothing(void **state) {
    (void)state;
    each(adding_again);
    open_again();
}

static bool searching(long n, bool all) {
    char text[64];
    liken_result *r = NULL;
    photo_of(2, text);
    refuse_begin(n, all);
    const int rc = liken_search_photo(lk, NULL, text, strlen(text), NULL, &r, &err);
    const bool refused = refuse_end();
    if (done_or_refused(rc, n)) {
        assert_int_equal(r->searched, stored);
        assert_true(r->answers[0].match_count > 0);
    } else {
        assert_null(r);
    }
    liken_result_free(r);
    return refused;
}

static void a_search_is_whole_or_refused(void **state) {
    (void)state;
    each(searching);
    assert_true(told > 0);
    gallery_is_right(2, true);
}

/* PostgreSQL tells the other handles of a commit a moment later; SQLite's version is seen at once. */
static void wait_until_told(liken *told_of, liken *writer) {
    if (address[0] == '\0')
        return;
    int64_t written = 0, heard = -1;
    assert_ok(writer->store->ops->feed->version(writer->store, &written, &err), err);
    for (int i = 0; i < 12000 && heard < written; i++) {
        if (i > 0)
            nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
        assert_ok(told_of->store->ops->feed->version(told_of->store, &heard, &err), err);
    }
    assert_true(heard >= written);
}

/* The index has to follow a store that another handle wrote to. */
static bool following(long n, bool all) {
    liken *mine = lk, *other = NULL;
    const liken_options o = options();
    assert_ok(liken_open(&other, &o, NULL, &err), err);
    lk = other;
    add();
    lk = mine;
    wait_until_told(mine, other);
    const bool refused = searching(n, all);
    gallery_is_right(next_person, true);
    liken_free(other);
    return refused;
}

static void an_index_that_could_not_follow_does_so_later(void **state) {
    (void)state;
    each(following);
    open_again();
}

static bool listing(long n, bool all) {
    liken_image_list *page = NULL;
    refuse_begin(n, all);
    const int rc = liken_list(lk, NULL, NULL, &page, &err);
    const bool refused = refuse_end();
    if (done_or_refused(rc, n)) {
        assert_int_equal(page->count, stored);
        assert_int_equal(page->images[0]->face_count, 1);
    } else {
        assert_null(page);
    }
    liken_image_list_free(page);
    return refused;
}

static void a_list_is_whole_or_refused(void **state) {
    (void)state;
    each(listing);
    assert_true(told > 0);
    gallery_is_right(1, true);
}

static bool removing(long n, bool all) {
    const unsigned person = add();
    const int64_t id = image_of(person);
    refuse_begin(n, all);
    const int rc = liken_image_remove(lk, NULL, NULL, id, &err);
    const bool refused = refuse_end(), done = done_or_refused(rc, n);
    stored -= done ? 1 : 0;
    gallery_is_right(person, !done);
    return refused;
}

static void what_is_removed_is_gone_and_nothing_else(void **state) {
    (void)state;
    each(removing);
    open_again();
}

static bool telling(long n, bool all) {
    liken_state *s = NULL;
    refuse_begin(n, all);
    const int rc = liken_get_state(lk, NULL, &s, &err);
    const bool refused = refuse_end();
    assert_true(done_or_refused(rc, n) == (s != NULL));
    liken_state_free(s);
    return refused;
}

static void the_state_is_whole_or_refused(void **state) {
    (void)state;
    each(telling);
    assert_true(told > 0);
}

/* ---- what only reads ---- */

static int reads_face(void) {
    liken_face *f = NULL;
    const int rc = liken_face_get(lk, NULL, NULL, 1, &f, NULL, &err);
    liken_face_free(f);
    return rc;
}

static int reads_image(void) {
    liken_image *image = NULL;
    const int rc = liken_image_get(lk, NULL, "default", 1, &image, &err);
    liken_image_free(image);
    return rc;
}

static int detects(void) {
    static const char photo[] = "photo 64 48\nface 1 0.0 40\nface 9 0.1 30\nsmall 9";
    liken_image *image = NULL;
    const liken_detect_options o = {.size = sizeof(liken_detect_options), .describe = true};
    const int rc = liken_detect(lk, NULL, photo, sizeof photo - 1, &o, &image, &err);
    if (rc == LIKEN_OK)
        assert_int_equal(image->face_count, 2);
    liken_image_free(image);
    return rc;
}

static int compares(void) {
    static const char photo[] = "photo 64 48\nface 1 0.0 40\nface 9 0.1 30";
    liken_comparison *c = NULL;
    const int rc = liken_compare(lk, NULL, photo, sizeof photo - 1, photo, sizeof photo - 1, NULL, &c, &err);
    if (rc == LIKEN_OK)
        assert_true(c->same);
    liken_comparison_free(c);
    return rc;
}

static int searches_by_face(void) {
    liken_result *r = NULL;
    const liken_search_options o = {
        .size = sizeof(liken_search_options), .threshold = 9, .distinct = LIKEN_DISTINCT_IMAGE};
    const int rc = liken_search_face(lk, NULL, 1, &o, &r, &err);
    if (rc == LIKEN_OK)
        assert_int_equal(r->answers[0].match_count, stored - 1); /* all others */
    liken_result_free(r);
    return rc;
}

static int lists_files(void) {
    liken_file_list *page = NULL;
    const int rc = liken_files_below(lk, NULL, NULL, "folder", NULL, 0, &page, &err);
    if (rc == LIKEN_OK)
        assert_int_equal(page->count, 1);
    liken_file_list_free(page);
    return rc;
}

static int lists_collections(void) {
    liken_collection **list = NULL;
    size_t count = 0;
    const int rc = liken_collection_list(lk, NULL, &list, &count, &err);
    if (rc == LIKEN_OK)
        assert_int_equal(count, 1);
    liken_collections_free(list, count);
    return rc;
}

static int (*reader)(void);

static bool reading(long n, bool all) {
    refuse_begin(n, all);
    const int rc = reader();
    const bool refused = refuse_end();
    (void)done_or_refused(rc, n);
    return refused;
}

static void what_is_read_is_whole_or_refused(void **state) {
    (void)state;
    int (*const readers[])(void) = {reads_face,       reads_image, detects,          compares,
                                    searches_by_face, lists_files, lists_collections};
    if (lk != NULL) {
        char text[64];
        liken_image *image = NULL;
        photo_of(1, text);
        const liken_add_options o = {.size = sizeof(liken_add_options),
                                     .file = "folder/file",
                                     .file_kind = LIKEN_LABEL_FILE,
                                     .file_place = "/a/folder/file"};
        assert_ok(liken_add(lk, NULL, text, strlen(text), &o, &image, &err), err);
        liken_image_free(image);
    }
    for (size_t i = 0; i < sizeof readers / sizeof *readers; i++) {
        reader = readers[i];
        each(reading);
    }
    gallery_is_right(1, true);
}

/* ---- collections ---- */

static bool making(long n, bool all) {
    char name[32];
    liken_collection *c = NULL;
    (void)snprintf(name, sizeof name, "c%ld-%d", n, all);
    refuse_begin(n, all);
    int rc = liken_collection_create(lk, NULL, name, NULL, LIKEN_NORMALIZED, LIKEN_SEARCH_AUTO, LIKEN_KEEP_THUMBNAIL,
                                     &c, &err);
    const bool refused = refuse_end(), done = done_or_refused(rc, n);
    assert_true(done == (c != NULL));
    liken_collection_free(c);
    c = NULL;
    rc = liken_collection_get(lk, NULL, name, &c, &err);
    assert_int_equal(rc, done ? LIKEN_OK : LIKEN_E_NOT_FOUND);
    liken_collection_free(c);
    return refused;
}

static bool emptying(long n, bool all) {
    static const char text[] = "photo 64 48\nface 77 0.0 40";
    liken_collection *c = NULL;
    liken_image *image = NULL;
    const liken_add_options o = {.size = sizeof(liken_add_options), .collection = "gone"};
    int rc = liken_collection_create(lk, NULL, "gone", NULL, LIKEN_NORMALIZED, LIKEN_SEARCH_AUTO, LIKEN_KEEP_THUMBNAIL,
                                     &c, &err);
    assert_true(rc == LIKEN_OK || rc == LIKEN_E_CONFLICT); /* it may have stayed */
    liken_collection_free(c);
    assert_ok(liken_add(lk, NULL, text, sizeof text - 1, &o, &image, &err), err);
    liken_image_free(image);
    refuse_begin(n, all);
    rc = liken_collection_remove(lk, NULL, "gone", &err);
    const bool refused = refuse_end(), done = done_or_refused(rc, n);
    c = NULL;
    rc = liken_collection_get(lk, NULL, "gone", &c, &err);
    assert_int_equal(rc, done ? LIKEN_E_NOT_FOUND : LIKEN_OK);
    liken_collection_free(c);
    return refused;
}

static void a_collection_is_there_or_not(void **state) {
    (void)state;
    each(making);
    each(emptying);
    open_again();
}

/* Once it was refused the same call, with memory, finishes it. */
static bool upgrading(long n, bool all) {
    liken_collection *c = NULL;
    liken_upgrade *u = NULL;
    if (getenv("LIKEN_SOAK") == NULL && n % 11 != 1)
        return true;
    assert_ok(liken_collection_get(lk, NULL, "default", &c, &err), err);
    const bool back = strncmp(c->model, "third", 5) == 0;
    liken_collection_free(c);
    const int ended = liken_upgrade_end(lk, NULL, NULL, NULL, &err); /* from the beginning */
    assert_true(ended == LIKEN_OK || ended == LIKEN_E_NOT_FOUND);
    const liken_upgrade_options o = {
        .size = sizeof o, .pack = back ? "faceapi" : "third", .apply = true, .drop_missing = true};
    refuse_begin(n, all);
    const int rc = liken_upgrade_run(lk, NULL, &o, &u, &err);
    const bool refused = refuse_end();
    assert_true(done_or_refused(rc, n) == (u != NULL));
    liken_upgrade_free(u);
    gallery_is_right(2, true);
    u = NULL;
    assert_ok(liken_upgrade_run(lk, NULL, &o, &u, &err), err);
    assert_true(u->done && u->missing == 0);
    liken_upgrade_free(u);
    gallery_is_right(2, true);
    return refused;
}

static void an_upgrade_is_whole_or_goes_on(void **state) {
    (void)state;
    liken_collection *c = NULL;
    if (lk != NULL) {
        assert_ok(liken_collection_set_keep(lk, NULL, "default", LIKEN_KEEP_ORIGINAL, &c, &err), err);
        liken_collection_free(c);
    }
    for (unsigned person = 1; lk != NULL && person <= PHOTOS; person++) { /* for its original */
        char text[64];
        liken_image *image = NULL;
        photo_of(person, text);
        assert_ok(liken_add(lk, NULL, text, strlen(text), NULL, &image, &err), err);
        liken_image_free(image);
    }
    each(upgrading);
    assert_true(told > 0);
    open_again();
}

int main(void) {
#define SQLITE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define POSTGRES(name)                                                                                                 \
    { #name "_postgres", name, set_up_postgres, tear_down, NULL }
#define TEST(name) SQLITE(name), POSTGRES(name)
    const struct CMUnitTest tests[] = {
        TEST(open_fails_or_opens),
        TEST(a_new_gallery_is_made_or_can_be_made),
        TEST(what_is_added_is_there_and_nothing_else),
        TEST(adding_again_adds_nothing),
        TEST(a_search_is_whole_or_refused),
        TEST(an_upgrade_is_whole_or_goes_on),
        TEST(an_index_that_could_not_follow_does_so_later),
        TEST(a_list_is_whole_or_refused),
        TEST(what_is_removed_is_gone_and_nothing_else),
        TEST(the_state_is_whole_or_refused),
        TEST(what_is_read_is_whole_or_refused),
        TEST(a_collection_is_there_or_not),
    };
    return cmocka_run_group_tests(tests, NULL, remove_server);
}
