/* Opening a gallery: what is made, what options may say, what works without models and without writing. */
#include "base/error.h"
#include "gallery/inside.h"
#include "unit/gallery/opened.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void opening_makes_the_default_collection(void **state) {
    (void)state;
    liken_collection *c;
    liken_state *s;
    assert_ok(liken_collection_get(lk, NULL, "default", &c, &err), err);
    assert_string_equal(c->model, "faceapi-1.0/fake");
    assert_int_equal(c->dimension, 128);
    assert_int_equal(c->metric, LIKEN_NORMALIZED);
    assert_true(c->threshold == 0.4f);
    liken_collection_free(c);
    (void)add("photo 10 10\nface 1 0.1 50\nface 2 0.1 40");
    assert_ok(liken_get_state(lk, NULL, &s, &err), err);
    assert_string_equal(s->model, "faceapi-1.0/fake");
    assert_string_equal(s->detector, "fake");
    assert_string_equal(s->store, "sqlite");
    assert_string_equal(s->data, folder.path);
    assert_int_equal(s->collections, 1);
    assert_int_equal(s->images, 1);
    assert_int_equal(s->faces, 2);
    assert_int_equal(s->indexed, 2);
    assert_true(s->index_bytes > 0);
    liken_state_free(s);
}

/* Those of an older liken.h are shorter, and end before what it did not know. */
static void options_say_how_long_they_are(void **state) {
    (void)state;
    liken_image *image = NULL;
    liken_add_options o = LIKEN_ADD_INIT;
    o.require_face = true;
    assert_int_equal(liken_add(lk, NULL, "photo 9 9", 9, &o, &image, &err), LIKEN_E_NO_FACE);
    o.size = offsetof(liken_add_options, require_face);
    assert_ok(liken_add(lk, NULL, "photo 9 9", 9, &o, &image, &err), err);
    liken_image_free(image);
    struct {
        liken_add_options known;
        int more;
    } newer = {.known = {.size = sizeof newer}};
    assert_ok(liken_add(lk, NULL, "photo 9 9", 9, &newer.known, &image, &err), err);
    liken_image_free(image);
    newer.more = 1;
    assert_int_equal(liken_add(lk, NULL, "photo 9 9", 9, &newer.known, &image, &err), LIKEN_E_ARG);
    assert_non_null(strstr(err.message, "newer liken"));
}

static void options_without_a_length_are_refused(void **state) {
    (void)state;
    liken *handle = NULL;
    liken_image *image = NULL;
    liken_image_list *page = NULL;
    liken_result *r = NULL;
    liken_import_count count;
    const liken_options open = {.size = 0, .data = folder.path};
    assert_int_equal(liken_open(&handle, &open, NULL, &err), LIKEN_E_ARG);
    assert_non_null(strstr(err.message, "_INIT"));
    assert_int_equal(liken_check(&open, NULL, &err), LIKEN_E_ARG);
    assert_int_equal(liken_move(&open, &open, NULL, NULL, &err), LIKEN_E_ARG);
    assert_int_equal(liken_add(lk, NULL, "photo 9 9", 9, &(liken_add_options){.size = 0}, &image, &err), LIKEN_E_ARG);
    assert_int_equal(liken_add_unchanged(lk, NULL, &(liken_add_options){.size = 0}, &image, &err), LIKEN_E_ARG);
    assert_int_equal(liken_detect(lk, NULL, "photo 9 9", 9, &(liken_detect_options){.size = 0}, &image, &err),
                     LIKEN_E_ARG);
    assert_int_equal(liken_list(lk, NULL, &(liken_list_options){.size = 0}, &page, &err), LIKEN_E_ARG);
    assert_int_equal(liken_import(lk, NULL, &(liken_import_options){.size = 0}, &count, &err), LIKEN_E_ARG);
    assert_int_equal(liken_search_photo(lk, NULL, "photo 9 9", 9, &(liken_search_options){.size = 0}, &r, &err),
                     LIKEN_E_ARG);
    assert_int_equal(liken_search_face(lk, NULL, 1, &(liken_search_options){.size = 0}, &r, &err), LIKEN_E_ARG);
    assert_non_null(strstr(err.message, "_INIT"));
}

static void options_are_checked(void **state) {
    (void)state;
    const liken_options bad[] = {{.threads = -1}, {.threads = 100000}, {.max_faces = -1},
                                 {.min_face = 9}, {.min_face = 4097},  {.pack = "../x"}};
    for (size_t i = 0; i < LK_LENGTH(bad); i++) {
        liken_options o = bad[i];
        liken *handle = NULL;
        o.size = sizeof o;
        o.data = folder.path;
        assert_int_equal(liken_open(&handle, &o, NULL, &err), LIKEN_E_ARG);
        assert_null(handle);
    }
    liken *handle = NULL;
    liken_options o = {.size = sizeof(liken_options), .data = folder.path, .pack = "none"};
    assert_int_equal(liken_open(&handle, &o, NULL, &err), LIKEN_E_MODEL);
    assert_non_null(strstr(err.message, "liken models install none"));
    assert_null(handle);
}

static float sought(int min_face) {
    const liken_detect_options o = {.size = sizeof o, .min_face = min_face};
    liken_image *image = NULL;
    assert_ok(liken_detect(lk, NULL, "photo 9 9", 9, &o, &image, &err), err);
    const float smallest = image->smallest_face;
    liken_image_free(image);
    return smallest;
}

/* What a call asks for counts, else what the handle does; also of a photo that is there, which is not looked at. */
static void how_small_faces_are_looked_for(void **state) {
    (void)state;
    static const int bad[] = {-1, 1, 9, 4097};
    liken_add_options to = LIKEN_ADD_INIT;
    liken_result *result = NULL;
    liken_image *image = add_to(lk, "photo 9 9", &to);
    liken_image_free(image);
    image = NULL;
    for (size_t i = 0; i < LK_LENGTH(bad); i++) {
        const liken_detect_options o = {.size = sizeof o, .min_face = bad[i]};
        assert_int_equal(liken_detect(lk, NULL, "photo 9 9", 9, &o, &image, &err), LIKEN_E_ARG);
        assert_non_null(strstr(err.message, "10 to 4096 pixels"));
        to.min_face = bad[i];
        assert_int_equal(liken_add(lk, NULL, "photo 9 9", 9, &to, &image, &err), LIKEN_E_ARG);
        assert_int_equal(liken_add(lk, NULL, "photo 9 8", 9, &to, &image, &err), LIKEN_E_ARG);
        assert_null(image);
        const liken_search_options by = {.size = sizeof by, .min_face = bad[i]};
        assert_int_equal(liken_search_photo(lk, NULL, "photo 9 9", 9, &by, &result, &err), LIKEN_E_ARG);
        assert_null(result);
    }
    const liken_search_options by = {.size = sizeof by, .min_face = 12};
    assert_ok(liken_search_photo(lk, NULL, "photo 9 9", 9, &by, &result, &err), err);
    assert_true(result->photos[0].smallest_face == 12);
    liken_result_free(result);
    to.min_face = 10;
    image = add_to(lk, "photo 9 8", &to);
    assert_true(image->smallest_face == 10);
    liken_image_free(image);
    liken_free(lk);
    lk = open_with((liken_options){.size = sizeof(liken_options), .min_face = 30});
    assert_true(sought(0) == 30 && sought(4096) == 4096);
}

static void without_models_the_store_still_works(void **state) {
    (void)state;
    const char *photo = "photo 10 10\nface 1 0.1 50";
    (void)add(photo);
    const int loads = fake_loads();
    liken *plain = open_with((liken_options){.size = sizeof(liken_options), .no_models = true});
    assert_int_equal(fake_loads(), loads);
    liken_image_list *list;
    assert_ok(liken_list(plain, NULL, NULL, &list, &err), err);
    assert_int_equal(list->count, 1);
    const int64_t id = list->images[0]->id;
    liken_image_list_free(list);
    liken_state *s;
    assert_ok(liken_get_state(plain, NULL, &s, &err), err);
    assert_null(s->model);
    liken_state_free(s);
    liken_image *image = NULL;
    assert_int_equal(liken_detect(plain, NULL, photo, strlen(photo), NULL, &image, &err), LIKEN_E_MODEL);
    assert_int_equal(liken_add(plain, NULL, "photo 9 9", 9, NULL, &image, &err), LIKEN_E_MODEL);
    assert_ok(liken_find_bytes(plain, NULL, NULL, photo, strlen(photo), &image, &err), err);
    liken_image_free(image);
    assert_ok(liken_image_remove(plain, NULL, NULL, id, &err), err);
    liken_free(plain);
    assert_int_equal(found(lk, photo), 0);
}

static void default_exists_before_anything_was_written(void **state) {
    (void)state;
    struct sample_folder other;
    sample_folder_make(&other);
    liken *plain = NULL;
    liken_options o = {.size = sizeof(liken_options), .data = other.path, .no_models = true, .read_only = true};
    assert_int_equal(liken_open(&plain, &o, NULL, &err), LIKEN_E_NOT_FOUND);
    o.read_only = false;
    assert_ok(liken_open(&plain, &o, NULL, &err), err);
    liken_image_list *list;
    assert_ok(liken_list(plain, NULL, NULL, &list, &err), err);
    assert_int_equal(list->count, 0);
    liken_image_list_free(list);
    liken_free(plain);
    sample_folder_remove(&other);
}

static void read_only_searches_and_writes_nothing(void **state) {
    (void)state;
    const char *photo = "photo 10 10\nface 1 0.1 50";
    (void)add(photo);
    liken *reader = open_with((liken_options){.size = sizeof(liken_options), .read_only = true});
    assert_int_equal(found(reader, photo), 1);
    liken_image *image = NULL;
    assert_int_equal(liken_add(reader, NULL, "photo 9 9", 9, NULL, &image, &err), LIKEN_E_READ_ONLY);
    assert_int_equal(liken_collection_remove(reader, NULL, "default", &err), LIKEN_E_READ_ONLY);
    (void)add("photo 10 11\nface 1 0.1 50");
    assert_int_equal(found(reader, photo), 2);
    liken_free(reader);
}

/* The same limits as over HTTP, in characters. */
static void texts_have_limits(void **state) {
    (void)state;
    static const struct {
        size_t most;
        liken_label_kind kind;
    } cases[] = {
        {512, LIKEN_LABEL_LOST}, {4096, LIKEN_LABEL_OWN}, {4096, LIKEN_LABEL_FILE}, {65536, LIKEN_LABEL_SHARED}};
    static char text[2 * 65537 + 1];
    for (size_t i = 0; i < LK_LENGTH(cases); i++) {
        const bool bytes = cases[i].kind == LIKEN_LABEL_SHARED;
        for (size_t more = 0; more < 2; more++) {
            liken_image *image = NULL;
            liken_image_list *page = NULL;
            text[0] = '\0';
            for (size_t n = 0; n < cases[i].most + more; n++)
                strcpy(text + (bytes ? n : 2 * n), bytes ? "x" : "\xc3\xa9");
            liken_add_options o = LIKEN_ADD_INIT;
            liken_list_options l = LIKEN_LIST_INIT;
            o.file_kind = i == 0 ? LIKEN_LABEL_OWN : cases[i].kind;
            *(i == 0 ? &o.image_id : &o.file) = text;
            *(i == 0 ? &l.image_id : &l.file) = text;
            const int wanted = more == 0 ? LIKEN_OK : LIKEN_E_TOO_LARGE;
            assert_int_equal(liken_add(lk, NULL, "photo 9 9", 9, &o, &image, &err), wanted);
            if (i == 0 || bytes)
                assert_int_equal(liken_list(lk, NULL, &l, &page, &err), wanted);
            liken_image_free(image);
            liken_image_list_free(page);
        }
    }
    text[2 * 129] = '\0';
    const char *tags[] = {text};
    liken_add_options o = {.size = sizeof o, .tags = tags, .tag_count = 1};
    liken_search_options w = {.size = sizeof w, .tags = tags, .tag_count = 1};
    liken_image *image = NULL;
    for (size_t i = 0; i < 258; i += 2)
        memcpy(text + i, "\xc3\xa9", 2);
    assert_int_equal(liken_add(lk, NULL, "photo 9 9", 9, &o, &image, &err), LIKEN_E_TOO_LARGE);
    assert_non_null(strstr(err.message, "128 characters"));
    assert_int_equal(search_fails("photo 10 10\nface 1 0.1 50", w), LIKEN_E_TOO_LARGE);
    text[2 * 128] = '\0';
    assert_ok(liken_add(lk, NULL, "photo 9 9", 9, &o, &image, &err), err);
    liken_image_free(image);
}

/* ---- what floors above do in its transactions (store/inside.h; tests/unit/store/test_inside.c has the rest) ---- */

static char heard[128];

static int suppress_all(void *ctx, lk_sql *q, const lk_change *c, liken_reason *reasons, liken_error *e) {
    (void)ctx;
    (void)q;
    (void)e;
    for (size_t i = 0; i < c->photo->face_count; i++)
        reasons[i] = LIKEN_SUPPRESSED;
    return LIKEN_OK;
}

static int hear(void *ctx, lk_sql *q, const lk_change *c, liken_error *e) {
    (void)ctx;
    (void)q;
    (void)e;
    (void)snprintf(heard, sizeof heard, "%d by %s for %s", (int)c->kind, c->actor, c->request_id);
    return LIKEN_OK;
}

static void a_floor_above_acts_inside(void **state) {
    (void)state;
    const lk_inside inside = {suppress_all, hear, NULL};
    const liken_call call = {.size = sizeof call, .actor = "ann", .request_id = "r7"};
    const liken_options o = {.size = sizeof o, .data = folder.path, .models = "/nowhere"};
    const char *photo = "photo 10 10\nface 1 0.1 50\nface 2 0.1 40";
    liken_add_options with = LIKEN_ADD_INIT;
    liken *above = NULL;
    liken_image *image = NULL;
    assert_ok(lk_gallery_open(&above, &o, &inside, NULL, &err), err);
    with.require_face = true;
    assert_int_equal(liken_add(above, &call, photo, strlen(photo), &with, &image, &err), LIKEN_E_NO_FACE);
    with.require_face = false;
    assert_ok(liken_add(above, &call, photo, strlen(photo), &with, &image, &err), err);
    assert_int_equal(image->face_count, 0);
    assert_int_equal(image->refused_count, 2);
    assert_int_equal(image->refused[1].reason, LIKEN_SUPPRESSED);
    assert_string_equal(heard, "0 by ann for r7");
    assert_int_equal(found(above, "photo 10 10\nface 1 0.1 50"), 0);
    assert_ok(liken_image_remove(above, &call, NULL, image->id, &err), err);
    assert_string_equal(heard, "2 by ann for r7");
    liken_image_free(image);
    liken_free(above);
}

static struct { char warned[2048], told[2048]; } said;

static void hear_log(void *ctx, liken_log_level level, const char *message) {
    (void)ctx;
    char *to = level == LIKEN_LOG_WARN ? said.warned : said.told;
    const size_t used = strlen(to);
    (void)snprintf(to + used, sizeof said.warned - used, "%s\n", message);
}

static void model_of(const char *collection, const char *model) {
    liken_collection *c = NULL;
    assert_ok(liken_collection_get(lk, NULL, collection, &c, &err), err);
    assert_string_equal(c->model, model);
    liken_collection_free(c);
}

static void reopen_hearing(void) {
    liken_free(lk);
    memset(&said, 0, sizeof said);
    liken_set_log(hear_log, NULL);
    lk = open_with((liken_options){.size = sizeof(liken_options), .pack = "auto"});
    liken_set_log(NULL, NULL);
}

/* Another pack is the best that is there: "default" is what it was, and one process serves both. */
static void collections_keep_their_model(void **state) {
    (void)state;
    const char *photo = "photo 10 10\nface 1 0.1 50";
    liken_collection *c = NULL;
    liken_state *s = NULL;
    liken_free(lk);
    sample_folder_remove(&folder);
    sample_folder_make(&folder);
    fake_faceapi = false;
    lk = open_with((liken_options)LIKEN_OPTIONS_INIT);
    model_of("default", "other-1.0/fake");
    (void)add(photo);
    fake_faceapi = true;
    reopen_hearing();
    assert_string_equal(said.warned, "");
    assert_non_null(strstr(said.told, "Collection \"default\" keeps the model that it was made with, other-1.0/fake"));
    assert_ok(liken_get_state(lk, NULL, &s, &err), err);
    assert_string_equal(s->pack, "faceapi");
    assert_string_equal(s->pack_note, "It is the best.");
    liken_state_free(s);
    model_of("default", "other-1.0/fake");
    assert_int_equal(found(lk, photo), 1);
    assert_ok(liken_collection_create(lk, NULL, "new", "auto", LIKEN_NORMALIZED, LIKEN_SEARCH_AUTO,
                                      LIKEN_KEEP_THUMBNAIL, &c, &err),
              err);
    assert_string_equal(c->model, "faceapi-1.0/fake");
    liken_collection_free(c);
    liken_add_options to = LIKEN_ADD_INIT;
    to.collection = "new";
    liken_image_free(add_to(lk, photo, &to));
    liken_search_options in = LIKEN_SEARCH_INIT;
    in.collection = "new";
    liken_result *r = search(lk, photo, &in);
    assert_string_equal(r->model, "faceapi-1.0/fake");
    assert_int_equal(r->answers[0].match_count, 1);
    liken_result_free(r);
}

/* As where two servers of one store have different packs. */
static void a_collection_whose_pack_is_not_here_is_named(void **state) {
    (void)state;
    const char *photo = "photo 10 10\nface 1 0.1 50";
    liken_collection *c = NULL;
    (void)add(photo);
    fake_faceapi = false;
    reopen_hearing();
    assert_non_null(strstr(said.warned, "Photos can be neither added nor searched here. Collection \"default\" holds"));
    assert_non_null(strstr(said.warned, "liken models install faceapi"));
    assert_int_equal(search_fails(photo, (liken_search_options)LIKEN_SEARCH_INIT), LIKEN_E_MISMATCH);
    assert_non_null(strstr(err.message, "faceapi-1.0/fake"));
    assert_non_null(strstr(err.message, "liken models install faceapi"));
    memset(&said, 0, sizeof said);
    liken_set_log(hear_log, NULL);
    assert_ok(liken_collection_create(lk, NULL, "new", NULL, LIKEN_NORMALIZED, LIKEN_SEARCH_AUTO, LIKEN_KEEP_THUMBNAIL,
                                      &c, &err),
              err);
    liken_set_log(NULL, NULL);
    assert_string_equal(c->model, "other-1.0/fake");
    assert_string_equal(said.warned, "There is no better one.\n");
    liken_collection_free(c);
    model_of("default", "faceapi-1.0/fake");
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        T(opening_makes_the_default_collection),
        T(options_say_how_long_they_are),
        T(options_without_a_length_are_refused),
        T(options_are_checked),
        T(how_small_faces_are_looked_for),
        T(without_models_the_store_still_works),
        T(default_exists_before_anything_was_written),
        T(read_only_searches_and_writes_nothing),
        T(collections_keep_their_model),
        T(a_collection_whose_pack_is_not_here_is_named),
        T(a_floor_above_acts_inside),
        T(texts_have_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
