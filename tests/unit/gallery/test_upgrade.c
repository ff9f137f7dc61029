/* A collection gets another model while it is used: afterwards it answers as one that was made with that model, each
 * answer on the way is of one model, and the way back leads to what was there. */
#include "unit/gallery/opened.h"

#include "gallery/gallery_int.h"
#include "gallery/search_int.h"
#include "unit/store/server.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define PHOTOS 12

/* Two photos of each person; in each third one somebody whom only one of the packs keeps. */
static void write_photo(int i, char out[200]) {
    const int n = snprintf(out, 200, "photo 640 %d\nface %d 0.1 %d\nsmall 8\n", 400 + i, i / 2, 100 + i);
    if (i % 3 == 0)
        (void)snprintf(out + n, 200 - (size_t)n, "soft %d 0.1 70\ndim %d 0.1 60\n", 50 + i / 6, 70 + i / 6);
}

static void make(const char *name, const char *pack, liken_keep keep) {
    liken_collection *c = NULL;
    assert_ok(liken_collection_create(lk, NULL, name, pack, LIKEN_NORMALIZED, LIKEN_SEARCH_AUTO, keep, &c, &err), err);
    liken_collection_free(c);
}

static void fill(const char *name, int from, int to) {
    for (int i = from; i < to; i++) {
        char photo[200], id[16];
        write_photo(i, photo);
        (void)snprintf(id, sizeof id, "%d", i);
        const char *const tags[] = {"kept"};
        const liken_add_options o = {
            .size = sizeof o, .collection = name, .image_id = id, .tags = tags, .tag_count = 1};
        liken_image_free(add_to(lk, photo, &o));
    }
}

static liken_upgrade *upgrade(liken_upgrade_options o) {
    liken_upgrade *u = NULL;
    o.size = sizeof o;
    assert_ok(liken_upgrade_run(lk, NULL, &o, &u, &err), err);
    return u;
}

static int upgrade_fails(liken_upgrade_options o) {
    liken_upgrade *u = NULL;
    o.size = sizeof o;
    const int rc = liken_upgrade_run(lk, NULL, &o, &u, &err);
    assert_null(u);
    return rc;
}

/* Who is found in which photo at which distance, for every face of a photo. */
static void describe_answer(liken *handle, const char *name, const char *photo, char *out, size_t room) {
    const liken_search_options o = {.size = sizeof o, .collection = name, .limit = 100};
    liken_result *r = search(handle, photo, &o);
    size_t n = (size_t)snprintf(out, room, "%s %s %.3f:", r->model, r->exact ? "exact" : "not", (double)r->threshold);
    for (size_t a = 0; a < r->answer_count; a++) {
        n += (size_t)snprintf(out + n, room - n, " [%.4g %lld", r->answers[a].expected_false_matches,
                              (long long)r->answers[a].total);
        for (size_t m = 0; m < r->answers[a].match_count; m++)
            n +=
                (size_t)snprintf(out + n, room - n, " %s %.0f %.6f %.4f", r->answers[a].matches[m].image_id,
                                 (double)r->answers[a].matches[m].box.height, (double)r->answers[a].matches[m].distance,
                                 (double)r->answers[a].matches[m].similarity);
        n += (size_t)snprintf(out + n, room - n, "]");
        assert_true(n < room);
    }
    liken_result_free(r);
}

static void expect_same_answers(liken *handle, const char *a, const char *b) {
    for (int i = 0; i < PHOTOS; i++) {
        char photo[200], one[4096], two[4096];
        write_photo(i, photo);
        describe_answer(handle, a, photo, one, sizeof one);
        describe_answer(handle, b, photo, two, sizeof two);
        assert_string_equal(one, two);
    }
}

static liken_collection *collection(const char *name) {
    liken_collection *c = NULL;
    assert_ok(liken_collection_get(lk, NULL, name, &c, &err), err);
    return c;
}

static int64_t face_of(const char *name, const char *image_id, size_t nth) {
    liken_image_list *l = NULL;
    const liken_list_options o = {.size = sizeof o, .collection = name, .image_id = image_id};
    assert_ok(liken_list(lk, NULL, &o, &l, &err), err);
    assert_int_equal(l->count, 1);
    assert_int_equal(l->images[0]->tag_count, 1);
    const int64_t id = l->images[0]->face_count > nth ? l->images[0]->faces[nth].id : 0;
    liken_image_list_free(l);
    return id;
}

static void ends_as_a_fresh_collection(void **state) {
    (void)state;
    liken *second = open_with((liken_options){.size = sizeof(liken_options), .threads = 2});
    make("a", "faceapi", LIKEN_KEEP_ORIGINAL);
    make("as-it-was", "faceapi", LIKEN_KEEP_NOTHING);
    make("fresh", "other", LIKEN_KEEP_NOTHING);
    fill("a", 0, PHOTOS - 2);
    fill("as-it-was", 0, PHOTOS);
    fill("fresh", 0, PHOTOS);
    const int64_t first = face_of("a", "0", 0);
    liken_upgrade *u = upgrade((liken_upgrade_options){.collection = "a", .pack = "other"});
    assert_false(u->done);
    assert_string_equal(u->model, "faceapi-1.0/fake");
    assert_string_equal(u->other, "other-1.0/fake");
    assert_int_equal(u->ready, PHOTOS - 2);
    assert_int_equal(u->missing, 0);
    assert_int_equal(u->kept, 10);
    assert_int_equal(u->gone, 4);
    assert_int_equal(u->came, 4);
    assert_int_equal(u->sampled, 10);
    liken_upgrade_free(u);
    fill("a", PHOTOS - 2, PHOTOS); /* which it takes along */
    expect_same_answers(lk, "a", "as-it-was");
    u = upgrade((liken_upgrade_options){.collection = "a", .pack = "other", .apply = true});
    assert_true(u->done);
    assert_string_equal(u->model, "other-1.0/fake");
    assert_int_equal(u->photos, PHOTOS);
    liken_upgrade_free(u);
    expect_same_answers(lk, "a", "fresh");
    expect_same_answers(second, "a", "fresh");
    assert_int_equal(face_of("a", "0", 0), first);
    liken_collection *c = collection("a");
    assert_int_equal(c->dimension, 64);
    assert_int_equal(c->generation, 1);
    liken_collection_free(c);
    u = upgrade((liken_upgrade_options){.collection = "a", .pack = "other", .apply = true}); /* once more is nothing */
    assert_true(u->done);
    liken_upgrade_free(u);

    u = upgrade((liken_upgrade_options){.collection = "a", .apply = true}); /* back */
    assert_string_equal(u->model, "faceapi-1.0/fake");
    liken_upgrade_free(u);
    expect_same_answers(second, "a", "as-it-was");
    expect_same_answers(lk, "a", "as-it-was");
    u = upgrade((liken_upgrade_options){.collection = "a", .pack = "other", .apply = true, .sample = -1});
    assert_int_equal(u->sampled, 0);
    liken_upgrade_free(u);
    int64_t faces = 0;
    assert_ok(liken_upgrade_end(lk, NULL, "a", &faces, &err), err);
    assert_true(faces > PHOTOS);
    assert_int_equal(liken_upgrade_end(lk, NULL, "a", &faces, &err), LIKEN_E_NOT_FOUND);
    assert_int_equal(upgrade_fails((liken_upgrade_options){.collection = "a", .apply = true}), LIKEN_E_NOT_FOUND);
    liken_free(second);
    liken_free(lk); /* caches */
    lk = open_with((liken_options){.size = sizeof(liken_options), .threads = 3});
    expect_same_answers(lk, "a", "fresh");
}

static void photos_without_pixels_are_told(void **state) {
    (void)state;
    make("a", "faceapi", LIKEN_KEEP_ORIGINAL);
    fill("a", 0, 4);
    liken_collection *c = NULL;
    assert_ok(liken_collection_set_keep(lk, NULL, "a", LIKEN_KEEP_THUMBNAIL, &c, &err), err);
    liken_collection_free(c);
    assert_ok(liken_collection_set_keep(lk, NULL, "a", LIKEN_KEEP_ORIGINAL, &c, &err), err);
    liken_collection_free(c);
    fill("a", 4, 6);
    liken_upgrade *u = upgrade((liken_upgrade_options){.collection = "a", .pack = "third", .apply = true});
    assert_false(u->done);
    assert_int_equal(u->missing, 4);
    assert_int_equal(u->ready, 6);
    liken_upgrade_free(u);
    assert_int_equal(upgrade_fails((liken_upgrade_options){.collection = "a", .pack = "other"}), LIKEN_E_CONFLICT);
    fill("a", 0, 1); /* its bytes come again, and with them its pixels */
    u = upgrade((liken_upgrade_options){.collection = "a", .pack = "third", .apply = true, .drop_missing = true});
    assert_true(u->done);
    assert_int_equal(u->missing, 3);
    liken_upgrade_free(u);
    c = collection("a");
    assert_int_equal(c->images, 6);
    assert_int_equal(c->faces, 4);
    liken_collection_free(c);
    u = upgrade((liken_upgrade_options){.collection = "a", .pack = "faceapi", .apply = true});
    liken_upgrade_free(u);
    c = collection("a");
    assert_int_equal(c->faces, 8);
    liken_collection_free(c);
    fill("a", 1, 2);
    u = upgrade((liken_upgrade_options){.collection = "a", .pack = "third", .apply = true}); /* told once more */
    assert_false(u->done);
    assert_int_equal(u->missing, 2);
    liken_upgrade_free(u);
}

static int stop_at_once(void *ctx, const liken_progress *p) {
    (void)ctx;
    assert_string_equal(p->what, "photos described");
    return 1;
}

static void goes_on_where_it_was_stopped(void **state) {
    (void)state;
    make("a", "faceapi", LIKEN_KEEP_ORIGINAL);
    for (int i = 0; i < 70; i++) {
        char photo[64];
        (void)snprintf(photo, sizeof photo, "photo 640 %d\nface %d 0.1 40", 100 + i, i);
        liken_image_free(add_to(lk, photo, &(liken_add_options){.size = sizeof(liken_add_options), .collection = "a"}));
    }
    const liken_upgrade_options o = {.size = sizeof o, .collection = "a", .pack = "other", .apply = true};
    liken_upgrade *u = NULL;
    const liken_call call = {.size = sizeof call, .progress = stop_at_once};
    assert_int_equal(liken_upgrade_run(lk, &call, &o, &u, &err), LIKEN_E_CANCELLED);
    assert_ok(liken_upgrade_get(lk, NULL, "a", &u, &err), err);
    const int64_t ready = u->ready;
    assert_true(ready > 0 && ready < 70);
    assert_false(u->former);
    liken_upgrade_free(u);
    assert_int_equal(liken_upgrade_run(lk, &call, &o, &u, &err), LIKEN_E_CANCELLED);
    assert_ok(liken_upgrade_get(lk, NULL, "a", &u, &err), err);
    assert_true(u->ready > ready);
    liken_upgrade_free(u);
    u = upgrade(o);
    assert_true(u->done);
    liken_upgrade_free(u);
}

/* ---- while it is searched and added to ---- */

static const char *where; /* NULL: SQLite */

static liken *open_one(int threads) {
    return open_with((liken_options){.size = sizeof(liken_options), .store = where, .threads = threads});
}

struct user {
    pthread_t thread;
    liken *handle;
    int number, wrong, rounds, added;
    atomic_bool *stop;
};

/* All faces of a person, and nobody else, are found, at whatever moment. The models know each person, and to one model
 * what the other made of a person is a stranger. */
static bool finds_person(liken *handle, int person) {
    char photo[64];
    (void)snprintf(photo, sizeof photo, "photo 640 999\nface %d 0.1 44", person);
    liken_result *r = NULL;
    liken_error e = {0};
    const liken_search_options o = {.size = sizeof o, .collection = "busy", .limit = 50};
    if (liken_search_photo(handle, NULL, photo, strlen(photo), &o, &r, &e) != LIKEN_OK) {
        print_error("%s\n", e.message);
        return false;
    }
    bool right = r->answers[0].match_count == 2;
    for (size_t i = 0; right && i < r->answers[0].match_count; i++)
        right = r->answers[0].matches[i].image_id != NULL && atoi(r->answers[0].matches[i].image_id) / 2 == person;
    if (!right)
        print_error("person %d: %zu matches (%s)\n", person, r->answers[0].match_count, r->model);
    liken_result_free(r);
    return right;
}

static bool add_stranger(liken *handle, int number) {
    char photo[64];
    liken_image *image = NULL;
    liken_error e = {0};
    (void)snprintf(photo, sizeof photo, "photo 640 %d\nface %d 0.1 45", 1000 + number, 10000 + number);
    const liken_add_options o = {.size = sizeof o, .collection = "busy"};
    const int rc = liken_add(handle, NULL, photo, strlen(photo), &o, &image, &e);
    if (rc != LIKEN_OK)
        print_error("%s\n", e.message);
    liken_image_free(image);
    return rc == LIKEN_OK;
}

static void *use(void *arg) {
    struct user *w = arg;
    while (!atomic_load(w->stop)) {
        w->wrong += !finds_person(w->handle, (w->rounds + w->number) % 10);
        if (w->rounds % 4 == 0 && w->added < 40)
            w->wrong += !add_stranger(w->handle, w->number * 100 + w->added++);
        w->rounds++;
    }
    return NULL;
}

static void keep_switching(liken *handle) {
    for (int i = 0; i < 12; i++) {
        const liken_upgrade_options o = {
            .size = sizeof o, .collection = "busy", .pack = i % 2 == 0 ? "third" : "faceapi", .apply = true};
        liken_upgrade *u = NULL;
        assert_ok(liken_upgrade_run(handle, NULL, &o, &u, &err), err);
        assert_true(u->done);
        liken_upgrade_free(u);
    }
}

static void run_busy(void) {
    atomic_bool stop = false;
    struct user w[5];
    int wrong = 0;
    liken *first = open_one(3), *second = open_one(2), *third = open_one(2);
    liken *before = lk;
    lk = first;
    make("busy", "faceapi", LIKEN_KEEP_ORIGINAL);
    for (int i = 0; i < 20; i++) {
        char photo[64], id[16];
        (void)snprintf(photo, sizeof photo, "photo 640 %d\nface %d 0.1 40", 100 + i, i / 2);
        (void)snprintf(id, sizeof id, "%d", i);
        const liken_add_options o = {.size = sizeof o, .collection = "busy", .image_id = id};
        liken_image_free(add_to(first, photo, &o));
    }
    for (int i = 0; i < 5; i++) {
        w[i] = (struct user){.handle = i < 3 ? first : second, .number = i, .stop = &stop};
        assert_int_equal(pthread_create(&w[i].thread, NULL, use, &w[i]), 0);
    }
    keep_switching(third);
    atomic_store(&stop, true);
    for (int i = 0; i < 5; i++) {
        pthread_join(w[i].thread, NULL);
        wrong += w[i].wrong;
    }
    lk = before;
    liken_free(third);
    liken_free(second);
    liken_free(first);
    assert_int_equal(wrong, 0);
}

static void search_by(liken *handle, liken_search search) {
    liken_collection *c = NULL;
    assert_ok(liken_collection_set_search(handle, NULL, "busy", search, &c, &err), err);
    liken_collection_free(c);
}

/* What the database searches by is of one model. */
static void refuses_columns(void) {
    liken *handle = open_one(2);
    const liken_upgrade_options o = {.size = sizeof o, .collection = "busy", .pack = "other", .apply = true};
    liken_upgrade *u = NULL;
    search_by(handle, LIKEN_SEARCH_CUBE);
    assert_int_equal(liken_upgrade_end(handle, NULL, "busy", NULL, &err), LIKEN_OK);
    assert_int_equal(liken_upgrade_run(handle, NULL, &o, &u, &err), LIKEN_E_UNSUPPORTED);
    assert_non_null(strstr(err.message, "--search memory"));
    search_by(handle, LIKEN_SEARCH_MEMORY);
    assert_ok(liken_upgrade_run(handle, NULL, &o, &u, &err), err);
    assert_true(u->done);
    liken_upgrade_free(u);
    search_by(handle, LIKEN_SEARCH_CUBE);
    for (int person = 0; person < 10; person++)
        assert_true(finds_person(handle, person));
    liken_free(handle);
}

static void an_answer_is_of_one_model(void **state) {
    (void)state;
    where = NULL;
    run_busy();
}

static void an_answer_is_of_one_model_in_postgresql(void **state) {
    (void)state;
    if (server_programs() == NULL) {
        print_message("SKIPPED: %s\n", server_missing);
        skip();
    }
    struct server server;
    char place[64];
    server_make(&server);
    server_database(&server, "busy");
    (void)snprintf(place, sizeof place, "postgres://postgres@127.0.0.1:%d/busy", server.port);
    where = place;
    run_busy();
    refuses_columns();
    where = NULL;
    server_remove(&server);
}

/* ---- in between ---- */

/* The store of a handle with one or the other part changed. */
struct between {
    const lk_store_ops *usual;
    lk_store_ops ops;
    lk_store_feed feed;
    lk_store_faces faces;
    lk_store_collections collections;
};
static struct between between;
static bool fired;

static void step_between(lk_store *s) {
    between.usual = s->ops;
    between.ops = *s->ops;
    between.feed = *s->ops->feed;
    between.faces = *s->ops->faces;
    between.collections = *s->ops->collections;
    between.ops.faces = &between.faces;
    between.ops.feed = &between.feed;
    between.ops.collections = &between.collections;
    s->ops = &between.ops;
}

static int no_version(lk_store *s, int64_t *version, liken_error *e) {
    (void)s;
    (void)version;
    return lk_fail(e, LIKEN_E_BUSY, "Not now.");
}

/* It is closed once more by whoever opened it. */
static void a_search_that_cannot_begin_again_ends(void **state) {
    (void)state;
    lk_scope s = {0};
    (void)add("photo 640 400\nface 1 0.1 40");
    assert_ok(lk_scope_open(&s, lk, &(liken_search_options){.size = sizeof(liken_search_options)}, &err), err);
    assert_ok(lk_scope_ready(&s, 1, &err), err);
    s.switched = true;
    step_between(lk->store);
    between.feed.version = no_version;
    assert_false(lk_scope_again(&s, LIKEN_E_BUSY));
    lk->store->ops = between.usual;
    lk_scope_close(&s);
    assert_int_equal(found(lk, "photo 640 401\nface 1 0.1 40"), 1);
}

/* After the list of collections is read, and before the faces are, the collection goes back and gets one more. */
static int list_and_switch(lk_store *s, liken_collection ***out, size_t *count, liken_error *e) {
    const int rc = between.usual->collections->list(s, out, count, e);
    if (rc == LIKEN_OK && !fired) {
        fired = true;
        liken_upgrade_free(upgrade((liken_upgrade_options){.collection = "a", .apply = true, .sample = -1}));
        liken_image_free(add_to(lk, "photo 640 500\nface 9 0.1 40",
                                &(liken_add_options){.size = sizeof(liken_add_options), .collection = "a"}));
    }
    return rc;
}

static void faces_that_come_back_unseen_are_found(void **state) {
    (void)state;
    const char *const photo = "photo 640 400\nsoft 1 0.1 40";
    const liken_add_options to = {.size = sizeof to, .collection = "a"};
    const liken_search_options in = {.size = sizeof in, .collection = "a"};
    liken *second = open_with((liken_options){.size = sizeof(liken_options), .threads = 2});
    make("a", "faceapi", LIKEN_KEEP_ORIGINAL);
    liken_image_free(add_to(lk, photo, &to));
    liken_result_free(search(second, photo, &in));
    const int64_t other = add("photo 640 401\nface 2 0.1 40");
    liken_upgrade_free(
        upgrade((liken_upgrade_options){.collection = "a", .pack = "other", .apply = true, .sample = -1}));
    assert_ok(liken_face_remove(lk, NULL, NULL, other, &err), err);
    assert_ok(lk_gallery_sync_now(second, &err), err); /* and without a face it has no index */
    (void)add("photo 640 402\nface 2 0.1 40");
    step_between(second->store);
    between.collections.list = list_and_switch;
    fired = false;
    assert_ok(lk_gallery_sync_now(second, &err), err);
    assert_true(fired);
    second->store->ops = between.usual;
    liken_result *r = search(second, photo, &in);
    assert_int_equal(r->answers[0].match_count, 1);
    liken_result_free(r);
    liken_free(second);
}

/* After the index was asked, and before the labels are read. */
static int switch_and_label(lk_store *s, const int64_t *ids, size_t count, lk_store_match *out, liken_error *e) {
    if (!fired) {
        fired = true;
        liken_upgrade_free(
            upgrade((liken_upgrade_options){.collection = "a", .pack = "other", .apply = true, .sample = -1}));
    }
    return between.usual->faces->matches(s, ids, count, out, e);
}

/* A face that the new model does not keep is not silently left out of the former one's answer. */
static void a_face_that_goes_under_a_search_begins_it_again(void **state) {
    (void)state;
    const liken_add_options to = {.size = sizeof to, .collection = "a"};
    const liken_search_options in = {.size = sizeof in, .collection = "a"};
    liken *second = open_with((liken_options){.size = sizeof(liken_options), .threads = 2});
    make("a", "faceapi", LIKEN_KEEP_ORIGINAL);
    liken_image_free(add_to(lk, "photo 640 400\nsoft 1 0.1 40", &to));
    liken_image_free(add_to(lk, "photo 640 401\nface 1 0.1 40", &to));
    liken_result *r = search(second, "photo 640 402\nface 1 0.1 40", &in);
    assert_int_equal(r->answers[0].match_count, 2);
    liken_result_free(r);
    step_between(second->store);
    between.faces.matches = switch_and_label;
    fired = false;
    r = search(second, "photo 640 402\nface 1 0.1 40", &in);
    assert_true(fired);
    second->store->ops = between.usual;
    assert_string_equal(r->model, "other-1.0/fake");
    assert_int_equal(r->answers[0].match_count, 1);
    liken_result_free(r);
    liken_free(second);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(ends_as_a_fresh_collection),
        TEST(photos_without_pixels_are_told),
        TEST(goes_on_where_it_was_stopped),
        TEST(a_search_that_cannot_begin_again_ends),
        TEST(faces_that_come_back_unseen_are_found),
        TEST(a_face_that_goes_under_a_search_begins_it_again),
        TEST(an_answer_is_of_one_model),
        TEST(an_answer_is_of_one_model_in_postgresql),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
