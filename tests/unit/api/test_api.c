#include "unit/api/ask.h"

#include "api/api_int.h"
#include "auth/auth.h"

#include <pthread.h>
#include <sqlite3.h>
#include <time.h>

/* What is known in the background is a second late. */
static void soon(const char *path, int status, const char *piece) {
    for (int i = 0; i < 3000; i++) {
        char *answer = ask("GET", path, "", "", 0);
        const bool there = wire_status(answer) == status && strstr(answer, piece) != NULL;
        free(answer);
        if (there)
            return;
        nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    }
    fail_msg("%s never answered %d with \"%s\"", path, status, piece);
}

/* A store that fails: as if somebody had been at its tables. */
static void hide_collections(bool hide) {
    char path[128];
    sqlite3 *db = NULL;
    (void)snprintf(path, sizeof path, "%s/liken.db", data.path);
    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_busy_timeout(db, 60000), SQLITE_OK);
    const char *sql = hide ? "ALTER TABLE collections RENAME TO hidden" : "ALTER TABLE hidden RENAME TO collections";
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        fail_msg("%s", sqlite3_errmsg(db));
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static json_t *matches_of(const json_t *result, size_t face) {
    return json_object_get(json_array_get(json_object_get(result, "faces"), face), "matches");
}

/* ---- the tests ---- */

static void images_are_added_listed_and_removed(void **state) {
    (void)state;
    json_t *one = form(IMAGES,
                       NAMED("file", "a b.jpg", "FACES anna tiny") PART("image_id", "x1") PART("tags", "red")
                           PART("captured_at", "2024-05-01T10:00:00Z"),
                       201);
    assert_string_equal(text_of(one, "file"), "a b.jpg");
    assert_string_equal(text_of(one, "image_id"), "x1");
    assert_string_equal(text_of(one, "captured_at"), "2024-05-01T10:00:00Z");
    assert_int_equal(json_array_size(json_object_get(one, "faces")), 1);
    assert_string_equal(text_of(json_array_get(json_object_get(one, "refused"), 0), "reason"), "too_small");
    json_t *again = photo(IMAGES "?image_id=x2", "FACES anna tiny", 200);
    assert_int_equal(number_of(one, "id"), number_of(again, "id"));
    assert_true(json_is_true(json_object_get(again, "existed")));
    json_decref(again);
    json_decref(photo(IMAGES "?url=http%3A%2F%2Fx%2Fy.jpg&tags=red&tags=blue", "FACES bob", 201));
    json_t *list = plain("GET", IMAGES "?limit=1", 200);
    assert_int_equal(json_array_size(json_object_get(list, "images")), 1);
    assert_int_equal(number_of(list, "next"), 1);
    json_decref(list);
    list = plain("GET", IMAGES "?limit=1&after=1", 200);
    assert_string_equal(text_of(json_array_get(json_object_get(list, "images"), 0), "file"), "http://x/y.jpg");
    assert_true(json_is_null(json_object_get(list, "next")));
    json_decref(list);
    json_decref(plain("GET", IMAGES "/1", 200));
    json_decref(plain("GET", "/v1/collections/default/faces/1", 200));
    json_decref(plain("DELETE", "/v1/collections/default/faces/1", 204));
    json_decref(plain("DELETE", IMAGES "/1", 204));
    refused(plain("GET", IMAGES "/1", 404), "not_found", "no image 1");
    refused(plain("GET", IMAGES "/abc", 404), "not_found", "whole numbers");
    refused(plain("DELETE", "/v1/collections/default/faces/77", 404), "not_found", "no face 77");
    json_decref(one);
}

/* Clients that take theirs slowly hold them. */
static void pictures_on_their_way_have_a_ceiling(void **state) {
    (void)state;
    json_decref(photo(IMAGES, "FACES anna", 201));
    atomic_store(&api->pictures_held, LK_PICTURES_HELD - 1);
    char *answer = ask("GET", IMAGES "/1/picture", "", "", 0);
    assert_non_null(strstr(answer, "Retry-After:"));
    refused(expect(answer, 503), "busy", "Too many pictures");
    assert_int_equal(atomic_load(&api->pictures_held), LK_PICTURES_HELD - 1);
    atomic_store(&api->pictures_held, 0);
    answer = ask("GET", IMAGES "/1/picture", "", "", 0);
    assert_int_equal(wire_status(answer), 200);
    free(answer);
    wait_until(atomic_load(&api->pictures_held) == 0);
}

static void any_bytes_in_a_label_are_data(void **state) {
    (void)state;
    json_t *one = form(IMAGES, NAMED("file", "../\xff'; DROP--", "FACES anna"), 201);
    assert_string_equal(text_of(one, "file"), "../\xef\x9f\xbf'; DROP--");
    json_decref(one);
    refused(photo(IMAGES "?image_id=%00", "FACES bob", 400), "bad_request", "other than 00");
}

static void a_search_answers_every_face(void **state) {
    (void)state;
    json_decref(photo(IMAGES "?image_id=1&tags=red", "FACES anna bob", 201));
    json_decref(photo(IMAGES "?image_id=2", "FACES anna", 201));
    json_t *r = photo(SEARCH, "FACES bob anna", 200);
    assert_string_equal(text_of(r, "mode"), "exact");
    assert_int_equal(json_array_size(matches_of(r, 0)), 1);
    assert_int_equal(json_array_size(matches_of(r, 1)), 2);
    assert_non_null(json_object_get(json_array_get(json_object_get(r, "faces"), 0), "expected_false_matches"));
    json_decref(r);
    r = photo(SEARCH "?limit=1&tags=red", "FACES anna", 200);
    assert_int_equal(json_array_size(matches_of(r, 0)), 1);
    json_decref(r);
    r = post(SEARCH, "{\"face_id\": 1, \"threshold\": 0.5, \"distinct\": \"image\"}", 200);
    assert_int_equal(json_array_size(matches_of(r, 0)), 1);
    json_decref(r);
    r = post(SEARCH, "{\"descriptor\": " DESCRIPTOR ", \"model\": \"" MODEL "\"}", 200);
    assert_null(json_object_get(json_array_get(json_object_get(r, "faces"), 0), "face"));
    json_decref(r);
    r = photo(SEARCH, "FACES", 200);
    assert_int_equal(json_array_size(json_object_get(r, "faces")), 0);
    json_decref(r);
}

static void collections_come_and_go(void **state) {
    (void)state;
    json_t *c = post("/v1/collections", "{\"name\": \"party\", \"metric\": \"l2\"}", 201);
    assert_string_equal(text_of(c, "metric"), "l2");
    json_decref(c);
    json_decref(plain("GET", "/v1/collections/party", 200));
    c = plain("GET", "/v1/collections", 200);
    assert_int_equal(json_array_size(json_object_get(c, "collections")), 2);
    json_decref(c);
    refused(post("/v1/collections", "{\"name\": \"party\"}", 409), "conflict", "already");
    refused(post("/v1/collections", "{\"name\": \"a/b\"}", 400), "bad_argument", "name");
    refused(post("/v1/collections", "{\"metric\": \"l2\"}", 400), "bad_argument", "name");
    refused(post("/v1/collections", "{\"name\": \"x\", \"metric\": \"l3\"}", 400), "bad_argument", "normalized");
    refused(post("/v1/collections", "{\"name\": \"x\", \"pack\": \"none\"}", 422), "not_found", "not installed");
    /* a face is found in its own collection only */
    json_decref(photo(IMAGES, "FACES anna", 201));
    refused(plain("GET", "/v1/collections/party/faces/1", 404), "not_found", "no face 1");
    refused(post("/v1/collections/party/search", "{\"face_id\": 1}", 404), "not_found", "no face 1");
    json_decref(plain("DELETE", "/v1/collections/party", 204));
    refused(plain("DELETE", "/v1/collections/party", 404), "not_found", "party");
}

static void comparing_and_detecting_store_nothing(void **state) {
    (void)state;
    json_t *c = form("/v1/compare", NAMED("a", "1", "FACES anna") NAMED("b", "2", "FACES anna bob"), 200);
    assert_true(json_is_true(json_object_get(c, "same")));
    assert_int_equal(json_array_size(json_array_get(json_object_get(c, "distances"), 0)), 2);
    json_decref(c);
    c = form("/v1/compare", NAMED("a", "1", "FACES") NAMED("b", "2", "FACES bob"), 200);
    assert_true(json_is_null(json_object_get(c, "distance")));
    assert_true(json_is_null(json_object_get(c, "best")));
    json_decref(c);
    refused(form("/v1/compare", NAMED("a", "1", "FACES"), 400), "bad_argument", "two photos");
    json_t *d = photo("/v1/detect?descriptors=true", "FACES anna", 200);
    assert_null(json_object_get(d, "id"));
    assert_int_equal(json_array_size(json_object_get(json_array_get(json_object_get(d, "faces"), 0), "descriptor")),
                     128);
    json_decref(d);
    json_t *s = plain("GET", "/v1/status", 200);
    assert_int_equal(number_of(s, "images"), 0);
    assert_true(json_is_true(json_object_get(s, "open")));
    json_decref(s);
}

static void health_and_metrics(void **state) {
    (void)state;
    json_decref(plain("GET", "/healthz", 200));
    json_decref(plain("GET", "/readyz", 200));
    json_decref(photo(IMAGES, "FACES anna", 201));
    char *answer = ask("GET", "/metrics", "", "", 0);
    assert_int_equal(wire_status(answer), 200);
    assert_non_null(strstr(
        answer, "liken_requests_total{method=\"POST\",route=\"/v1/collections/{c}/images\",status=\"2xx\"} 1\n"));
    assert_non_null(strstr(answer, "liken_request_seconds_count{method=\"GET\",route=\"/healthz\"} 1\n"));
    assert_non_null(strstr(answer, "liken_lane_waiting{lane=\"photo\",kind=\"write\"} 0\n"));
    assert_non_null(strstr(answer, "\nliken_streams 0\n"));
    free(answer);
    soon("/metrics", 200, "liken_images 1\n");
    hide_collections(true);
    soon("/readyz", 503, "no such table: collections");
    refused(plain("GET", "/readyz", 503), "store_error", "no such table");
    refused(plain("GET", "/v1/status", 500), "store_error", "no such table");
    answer = ask("GET", "/metrics", "", "", 0); /* what the server counts itself is told all the same */
    assert_int_equal(wire_status(answer), 200);
    assert_non_null(strstr(answer, "liken_store_up 0\n"));
    assert_non_null(strstr(answer, "liken_requests_total{"));
    assert_null(strstr(answer, "liken_images "));
    free(answer);
    refused(photo(IMAGES, "FACES anna", 500), "store_error", "no such table");
    hide_collections(false);
    soon("/readyz", 200, "ready");
}

static void the_legacy_calls(void **state) {
    (void)state;
    char *answer = ask(
        "POST", "/faces", "Content-Type: multipart/form-data; boundary=XX\r\n",
        NAMED("file", "a.jpg", "FACES anna bob") PART("url", "/u/a.jpg") PART("image_id", "7") "--XX--\r\n",
        strlen(NAMED("file", "a.jpg", "FACES anna bob") PART("url", "/u/a.jpg") PART("image_id", "7") "--XX--\r\n"));
    assert_int_equal(wire_status(answer), 201);
    assert_string_equal(wire_body(answer), "{\"status\":\"PROCESSED\",\"ids\":[1,2]}");
    free(answer);
    json_decref(form("/faces", NAMED("file", "b.jpg", "FACES bob") PART("url", "/u/b.jpg"), 201));
    json_t *r = form("/faces/searches", NAMED("file", "q.jpg", "FACES bob anna bob"), 200);
    json_t *matches = json_object_get(r, "matches");
    assert_int_equal(json_array_size(matches), 3); /* each face once */
    assert_int_equal(number_of(json_array_get(matches, 0), "id"), 1);
    assert_string_equal(text_of(json_array_get(matches, 0), "file"), "/u/a.jpg");
    assert_string_equal(text_of(json_array_get(matches, 0), "image_id"), "7");
    json_decref(r);
    r = form("/faces/searches", NAMED("file", "q.jpg", "FACES"), 200);
    assert_int_equal(json_array_size(json_object_get(r, "matches")), 0);
    json_decref(r);
    r = form("/faces", NAMED("file", "n.jpg", "FACES") PART("url", "u"), 500);
    assert_string_equal(text_of(r, "status"), "FAILED");
    json_decref(r);
}

static void legacy_error(json_t *json, const char *text) {
    assert_string_equal(text_of(json, "error"), text);
    json_decref(json);
}

static void the_legacy_failures(void **state) {
    (void)state;
    legacy_error(form("/faces", NAMED("file", "a.jpg", "FACES anna"), 400), "Invalid file or URL");
    legacy_error(form("/faces", PART("url", "u"), 400), "Invalid file or URL");
    legacy_error(form("/faces", NAMED("file", "a.jpg", "no image") PART("url", "u"), 400), "Invalid file or URL");
    legacy_error(expect(ask("POST", "/faces", "", "", 0), 400), "Invalid file or URL");
    legacy_error(form("/faces/searches", PART("url", "u"), 400), "Invalid file");
    legacy_error(form("/faces/searches", NAMED("file", "a.jpg", "DAMAGED"), 400), "Invalid file");
    static const char large[] = "POST /faces HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10600000\r\n\r\n";
    legacy_error(expect(wire_talk(lk_api_port(api), large, sizeof large - 1), 413), "File too large");
}

static char *add_with_key(const char *name, const char *text) {
    char headers[128];
    (void)snprintf(headers, sizeof headers, "Content-Type: image/jpeg\r\nIdempotency-Key: %s\r\n", name);
    return ask("POST", IMAGES, headers, text, strlen(text));
}

static void a_repeated_key_gets_the_first_answer(void **state) {
    (void)state;
    char *first = add_with_key("k1", "FACES anna"), *second = add_with_key("k1", "FACES anna");
    assert_int_equal(wire_status(first), 201);
    assert_int_equal(wire_status(second), 201);
    assert_string_equal(wire_body(first), wire_body(second));
    free(first);
    free(second);
    refused(expect(add_with_key("k1", "FACES bob"), 409), "key_reused", "Idempotency-Key");
    static const char headers[] = "Content-Type: image/jpeg\r\nIdempotency-Key: k1\r\n";
    refused(expect(ask("POST", IMAGES "?image_id=7", headers, "FACES anna", 10), 409), "key_reused", "Idempotency-Key");
    json_decref(expect(add_with_key("k2", "FACES bob"), 201));
}

static json_t *added(const char *name, const char *path, const char *text, int status) {
    char headers[128], place[64];
    (void)snprintf(headers, sizeof headers, "Content-Type: image/jpeg\r\nIdempotency-Key: %s\r\n", name);
    char *answer = ask("POST", path, headers, text, strlen(text));
    json_t *image = json_loads(wire_body(answer), 0, NULL);
    (void)snprintf(place, sizeof place, "/images/%lld\r\n", number_of(image, "id"));
    const char *location = strstr(answer, "Location: ");
    if (location == NULL || strstr(location, place) == NULL)
        fail_msg("no Location with %s in\n%s", place, answer);
    json_decref(image);
    return expect(answer, status);
}

/* The first answer holds while the image that it tells of is where it says. */
static void a_removed_image_is_not_told_of(void **state) {
    (void)state;
    char path[64];
    json_t *first = added("k", IMAGES, "FACES anna", 201), *again = added("k", IMAGES, "FACES anna", 201);
    assert_true(json_equal(first, again));
    (void)snprintf(path, sizeof path, IMAGES "/%lld", number_of(first, "id"));
    json_decref(plain("DELETE", path, 204));
    json_decref(again);
    again = added("k", IMAGES, "FACES anna", 201);
    assert_int_not_equal(number_of(again, "id"), number_of(first, "id"));
    (void)snprintf(path, sizeof path, IMAGES "/%lld", number_of(again, "id"));
    json_decref(plain("GET", path, 200));
    json_decref(first);
    first = added("k", IMAGES, "FACES anna", 201); /* the new answer is the one to repeat */
    assert_true(json_equal(first, again));
    json_decref(plain("DELETE", path, 204));
    json_decref(added("k", IMAGES, "FACES bob", 201)); /* and what is gone does not forbid another request */
    json_decref(first);
    json_decref(again);

    json_decref(post("/v1/collections", "{\"name\": \"party\"}", 201));
    first = added("k", "/v1/collections/party/images", "FACES anna", 201);
    json_decref(plain("DELETE", "/v1/collections/party", 204));
    refused(expect(ask("POST", "/v1/collections/party/images", "Content-Type: image/jpeg\r\nIdempotency-Key: k\r\n",
                       "FACES anna", 10),
                   404),
            "not_found", "party");
    json_decref(post("/v1/collections", "{\"name\": \"party\"}", 201));
    again = added("k", "/v1/collections/party/images", "FACES anna", 201);
    assert_int_not_equal(number_of(again, "id"), number_of(first, "id"));
    json_decref(first);
    json_decref(again);
    refused(expect(add_with_key("", "FACES anna"), 400), "bad_argument", "1 to 255");
}

static void pages_of_other_sites_are_kept_out(void **state) {
    (void)state;
    refused(expect(ask("GET", "/v1/status", "Host: evil.example\r\n", "", 0), 403), "foreign_host", "localhost");
    refused(expect(ask("GET", "/v1/status", "Host: 127.0.0.1.evil.example\r\n", "", 0), 403), "foreign_host",
            "localhost");
    json_decref(expect(ask("GET", "/v1/status", "Host: 127.0.0.1:9000\r\n", "", 0), 200));
    json_decref(expect(ask("GET", "/v1/status", "Host: [::1]:9000\r\n", "", 0), 200));
    static const char photo_type[] = "Content-Type: image/jpeg\r\n";
    static const struct {
        const char *headers;
        int status;
    } origins[] = {
        {"Origin: http://evil.example\r\n", 403}, {"Origin: null\r\n", 403},
        {"Sec-Fetch-Site: cross-site\r\n", 403},  {"Origin: http://localhost:1\r\n", 403},
        {"Origin: http://localhost\r\n", 201},    {"Sec-Fetch-Site: none\r\n", 200},
    };
    for (size_t i = 0; i < LK_LENGTH(origins); i++) {
        char headers[256];
        (void)snprintf(headers, sizeof headers, "%s%s", photo_type, origins[i].headers);
        json_decref(expect(ask("POST", IMAGES, headers, "FACES anna", 10), origins[i].status));
    }
}

/* Do so many requests wait for a worker, as /metrics, which needs none, says? */
static bool there_wait(int count) {
    char line[48];
    (void)snprintf(line, sizeof line, "\nliken_queue_waiting %d\n", count);
    char *answer = ask("GET", "/metrics", "", NULL, 0);
    const bool wait = strstr(answer, line) != NULL;
    free(answer);
    return wait;
}

static void a_full_queue_answers_503(void **state) {
    (void)state;
    (void)stop(NULL);
    start_on(NULL, NULL, 1);
    static const char request[] =
        "POST /v1/detect HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: image/jpeg\r\n"
        "Content-Length: 10\r\n\r\nFACES anna";
    int fd[2];
    fake_hold_faces(true);
    for (int i = 0; i < 2; i++) {
        fd[i] = wire_open(lk_api_port(api));
        assert_true(wire_send(fd[i], request, sizeof request - 1));
        if (i == 0)
            wait_until(fake_faces_wait()); /* the worker is in the middle of it */
    }
    wait_until(there_wait(1));
    refused(photo("/v1/detect", "FACES anna", 503), "busy", "queue is full");
    fake_hold_faces(false);
    for (int i = 0; i < 2; i++) {
        json_decref(expect(wire_read(fd[i]), 200));
        close(fd[i]);
    }
}

/* ---- keys ---- */

static char folder[] = "/tmp/liken-test-XXXXXX", keys_path[64];
static char reader[LK_KEY_TEXT], bound[LK_KEY_TEXT], admin[LK_KEY_TEXT];

static int start_with_keys(void **state) {
    (void)state;
    liken_error err = {0};
    memcpy(folder + sizeof folder - 7, "XXXXXX", 6);
    assert_non_null(mkdtemp(folder));
    (void)snprintf(keys_path, sizeof keys_path, "%s/keys", folder);
    assert_ok(lk_key_add(&(lk_key_place){NULL, keys_path}, "reader", LK_SCOPE_READ, NULL, NULL, reader, &err), err);
    assert_ok(lk_key_add(&(lk_key_place){NULL, keys_path}, "bound", LK_SCOPE_READ | LK_SCOPE_ADD | LK_SCOPE_SEARCH,
                         "party", NULL, bound, &err),
              err);
    assert_ok(lk_key_add(&(lk_key_place){NULL, keys_path}, "boss", LK_SCOPE_ADMIN, NULL, NULL, admin, &err), err);
    key = NULL;
    start_on("0.0.0.0", keys_path, 8);
    return 0;
}

static int stop_with_keys(void **state) {
    key = NULL;
    (void)unlink(keys_path);
    (void)rmdir(folder);
    return stop(state);
}

static void keys_open_what_they_should(void **state) {
    (void)state;
    char *answer = ask("GET", "/v1/status", "", "", 0);
    assert_non_null(strstr(answer, "WWW-Authenticate: Bearer"));
    refused(expect(answer, 401), "no_key", "valid key");
    json_decref(plain("GET", "/healthz", 200));
    key = "lk_wrong";
    refused(plain("GET", "/v1/status", 401), "no_key", "valid key");
    key = reader;
    json_decref(plain("GET", "/v1/status", 200));
    refused(photo(IMAGES, "FACES anna", 403), "forbidden", "scope add");
    refused(post("/v1/collections", "{\"name\":\"party\"}", 403), "forbidden", "scope admin");
    key = admin;
    json_decref(post("/v1/collections", "{\"name\":\"party\"}", 201));
    json_decref(photo(IMAGES, "FACES anna", 201));
    key = bound;
    refused(plain("GET", "/v1/status", 403), "forbidden", "all collections");
    refused(plain("GET", IMAGES, 403), "forbidden", "this collection");
    json_decref(photo("/v1/collections/party/images", "FACES anna", 201));
    json_decref(photo("/v1/detect", "FACES anna", 200));
    refused(form("/v1/compare", PART("a", "FACES") PART("b", "FACES") PART("collection", "default"), 403), "forbidden",
            "collection");
    json_t *list = plain("GET", "/v1/collections", 200);
    assert_int_equal(json_array_size(json_object_get(list, "collections")), 1);
    json_decref(list);
    refused(form("/faces", NAMED("file", "a", "FACES a") PART("url", "u"), 403), "forbidden", "this collection");
}

/* An Idempotency-Key is its caller's own. */
static void callers_do_not_share_repetitions(void **state) {
    (void)state;
    key = admin;
    json_decref(post("/v1/collections", "{\"name\":\"party\"}", 201));
    json_decref(added("k", "/v1/collections/party/images", "FACES anna", 201));
    key = bound;
    json_decref(added("k", "/v1/collections/party/images", "FACES anna", 200)); /* there already, by another */
    json_decref(added("k2", "/v1/collections/party/images", "FACES bob", 201));
    key = admin;
    json_decref(added("k2", "/v1/collections/party/images", "FACES carl", 201));
    json_decref(added("k", "/v1/collections/party/images", "FACES anna", 201));
}

static void a_removed_key_opens_nothing(void **state) {
    (void)state;
    liken_error err = {0};
    key = reader;
    json_decref(plain("GET", "/v1/status", 200));
    assert_ok(lk_key_remove(&(lk_key_place){NULL, keys_path}, "reader", &err), err);
    refused(plain("GET", "/v1/status", 401), "no_key", "valid key");
    assert_ok(lk_key_remove(&(lk_key_place){NULL, keys_path}, "bound", &err), err);
    assert_ok(lk_key_remove(&(lk_key_place){NULL, keys_path}, "boss", &err), err);
    key = NULL;
    refused(plain("GET", "/v1/status", 401), "no_key", "valid key"); /* no key at all is not an open server here */
}

static void other_addresses_need_a_key(void **state) {
    (void)state;
    liken_error err = {0};
    lk_api *none = NULL;
    open_gallery();
    assert_int_equal(lk_api_start(&none, &(lk_api_options){.address = "0.0.0.0"}, lk, &err), LIKEN_E_ARG);
    assert_non_null(strstr(err.message, "liken keys add"));
    assert_null(none);
    lk_api_stop(NULL);
    close_gallery();
}

int main(void) {
#define KEYED(test) cmocka_unit_test_setup_teardown(test, start_with_keys, stop_with_keys)
    const struct CMUnitTest tests[] = {
        OPEN(images_are_added_listed_and_removed),
        OPEN(pictures_on_their_way_have_a_ceiling),
        OPEN(any_bytes_in_a_label_are_data),
        OPEN(a_search_answers_every_face),
        OPEN(collections_come_and_go),
        OPEN(comparing_and_detecting_store_nothing),
        OPEN(health_and_metrics),
        OPEN(the_legacy_calls),
        OPEN(the_legacy_failures),
        OPEN(a_repeated_key_gets_the_first_answer),
        OPEN(a_removed_image_is_not_told_of),
        OPEN(pages_of_other_sites_are_kept_out),
        OPEN(a_full_queue_answers_503),
        KEYED(keys_open_what_they_should),
        KEYED(callers_do_not_share_repetitions),
        KEYED(a_removed_key_opens_nothing),
        cmocka_unit_test(other_addresses_need_a_key),
    };
    return cmocka_run_group_tests_name("api/api", tests, NULL, NULL);
}
