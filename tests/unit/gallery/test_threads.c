/* Many threads on two handles of one gallery: what was added is found at once, what was removed is not, and no more
 * pipelines run than were allowed. */
#include "unit/test.h"

#include "base/error.h"
#include "unit/gallery/fake_face.h"
#include "unit/store/sample.h"
#include "unit/store/server.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct sample_folder folder;
static liken_error err;

static liken *open_handle(const char *store) {
    liken *handle = NULL;
    const liken_options o = {
        .size = sizeof(liken_options), .data = folder.path, .store = store, .models = "/nowhere", .threads = 3};
    assert_ok(liken_open(&handle, &o, NULL, &err), err);
    return handle;
}

struct worker {
    pthread_t thread;
    liken *handle;
    int number, failed;
};

static bool finds(liken *handle, const char *photo, int64_t face) {
    liken_result *r = NULL;
    liken_error e;
    bool there = false;
    if (liken_search_photo(handle, NULL, photo, strlen(photo),
                           &(liken_search_options){.size = sizeof(liken_search_options), .limit = 1000}, &r,
                           &e) != LIKEN_OK)
        return false;
    for (size_t i = 0; i < r->answers[0].match_count; i++)
        there = there || r->answers[0].matches[i].face_id == face;
    liken_result_free(r);
    return there;
}

/* Adds its own photo and one that all threads add; each is findable at once; every third own one is removed again and
 * then is not found. */
static void *work(void *arg) {
    struct worker *w = arg;
    for (int i = 0; i < 25; i++) {
        char photo[2][64];
        (void)snprintf(photo[0], sizeof photo[0], "photo %d %d\nface %d 0.1 50", w->number + 1, i + 1,
                       w->number * 100 + i);
        (void)snprintf(photo[1], sizeof photo[1], "photo 99 %d\nface %d 0.1 50", i + 1, 5000 + i);
        for (int k = 0; k < 2; k++) {
            liken_image *image = NULL;
            liken_error e;
            if (liken_add(w->handle, NULL, photo[k], strlen(photo[k]), NULL, &image, &e) != LIKEN_OK) {
                w->failed++;
                continue;
            }
            const int64_t face = image->faces[0].id;
            w->failed += !finds(w->handle, photo[k], face);
            if (k == 0 && i % 3 == 0) {
                w->failed += liken_image_remove(w->handle, NULL, NULL, image->id, &e) != LIKEN_OK;
                w->failed += finds(w->handle, photo[k], face);
            }
            liken_image_free(image);
        }
    }
    return NULL;
}

/* While they do, the collection is searched now here and now there. */
static void keep_changing(liken *handle) {
    const liken_search ways[] = {LIKEN_SEARCH_CUBE, LIKEN_SEARCH_MEMORY, LIKEN_SEARCH_CUBE, LIKEN_SEARCH_AUTO};
    for (size_t i = 0; i < 2 * LK_LENGTH(ways); i++) {
        liken_collection *c = NULL;
        assert_ok(liken_collection_set_search(handle, NULL, "default", ways[i % LK_LENGTH(ways)], &c, &err), err);
        liken_collection_free(c);
        usleep(100 * 1000);
    }
}

static void run(const char *store) {
    struct worker w[8];
    sample_folder_make(&folder);
    (void)fake_peak();
    liken *first = open_handle(store), *second = open_handle(store);
    for (int i = 0; i < 8; i++) {
        w[i] = (struct worker){.handle = i < 5 ? first : second, .number = i};
        assert_int_equal(pthread_create(&w[i].thread, NULL, work, &w[i]), 0);
    }
    if (store != NULL)
        keep_changing(first);
    for (int i = 0; i < 8; i++) {
        pthread_join(w[i].thread, NULL);
        assert_int_equal(w[i].failed, 0);
    }
    liken_free(second);
    assert_true(fake_peak() <= 6); /* three for each handle */
    assert_int_equal(fake_clashes(), 0);
    liken_state *s;
    assert_ok(liken_get_state(first, NULL, &s, &err), err);
    assert_int_equal(s->images, 8 * 16 + 25); /* 25 minus 9 removed each, and the shared ones once */
    liken_state_free(s);
    liken_free(first);
    sample_folder_remove(&folder);
}

static void many_threads_add_search_and_remove(void **state) {
    (void)state;
    run(NULL);
}

static void the_same_while_it_changes_where_it_is_searched(void **state) {
    (void)state;
    if (server_programs() == NULL) {
        print_message("%s\n", server_missing);
        skip();
    }
    struct server server;
    char where[64];
    server_make(&server);
    server_database(&server, "faces");
    (void)snprintf(where, sizeof where, "postgres://postgres@127.0.0.1:%d/faces", server.port);
    run(where);
    server_remove(&server);
}

static void *make_of_other(void *handle) {
    liken_collection *c = NULL;
    liken_error e;
    const int rc = liken_collection_create(handle, NULL, "others", "other", LIKEN_L2, LIKEN_SEARCH_AUTO,
                                           LIKEN_KEEP_THUMBNAIL, &c, &e);
    liken_collection_free(c);
    return rc == LIKEN_OK ? handle : NULL;
}

/* A pack takes seconds to load, and only who needs that one waits for it. */
static void loading_a_pack_keeps_nobody_waiting(void **state) {
    (void)state;
    sample_folder_make(&folder);
    liken *lk = open_handle(NULL);
    pthread_t makers[2];
    liken_collection *c = NULL;
    liken_state *s = NULL;
    const int loads = fake_loads();
    fake_hold_other(true);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&makers[i], NULL, make_of_other, lk), 0);
    wait_until(fake_other_waits());
    assert_int_equal(liken_collection_create(lk, NULL, "none", "absent", LIKEN_L2, LIKEN_SEARCH_AUTO,
                                             LIKEN_KEEP_THUMBNAIL, &c, &err),
                     LIKEN_E_NOT_FOUND); /* another one that has to be looked for */
    assert_ok(
        liken_collection_create(lk, NULL, "mine", NULL, LIKEN_L2, LIKEN_SEARCH_AUTO, LIKEN_KEEP_THUMBNAIL, &c, &err),
        err);
    liken_collection_free(c);
    assert_ok(liken_get_state(lk, NULL, &s, &err), err);
    liken_state_free(s);
    fake_hold_other(false);
    int made = 0;
    for (int i = 0; i < 2; i++) {
        void *result = NULL;
        pthread_join(makers[i], &result);
        made += result != NULL;
    }
    assert_int_equal(made, 1);                 /* the second finds the name taken */
    assert_int_equal(fake_loads() - loads, 1); /* and the pack loaded */
    liken_free(lk);
    sample_folder_remove(&folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(many_threads_add_search_and_remove),
                                       cmocka_unit_test(the_same_while_it_changes_where_it_is_searched),
                                       cmocka_unit_test(loading_a_pack_keeps_nobody_waiting)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
