/* ask.h - a server over a gallery in a folder of its own, and asking it: each test that includes this has one. The
 * photos and the networks are the stand-in of unit/gallery/fake_face.h, all else is what serves. */
#ifndef LK_TESTS_ASK_H
#define LK_TESTS_ASK_H

#include "unit/test.h"

#include "unit/gallery/fake_face.h"
#include "unit/store/sample.h"
#include "unit/wire.h"

#include "api/api.h"
#include "base/buf.h"

#include <jansson.h>

static struct sample_folder data;
static liken *lk;
static lk_api *api;
static const char *key; /* sent when set */

static inline void open_gallery(void) {
    liken_error err = {0};
    sample_folder_make(&data);
    const liken_options o = {.size = sizeof o, .data = data.path, .models = "/nowhere", .threads = 1};
    assert_ok(liken_open(&lk, &o, NULL, &err), err);
}

static inline void close_gallery(void) {
    liken_free(lk);
    lk = NULL;
    sample_folder_remove(&data);
}

static inline void start_on(const char *address, const char *keys, size_t queue) {
    liken_error err = {0};
    const lk_api_options o = {
        .address = address, .key_file = keys, .workers = 1, .queue = queue, .max_file_bytes = 4096};
    open_gallery();
    assert_ok(lk_api_start(&api, &o, lk, &err), err);
}

static inline int start(void **state) {
    (void)state;
    key = NULL;
    start_on(NULL, NULL, 8);
    return 0;
}

static inline int stop(void **state) {
    (void)state;
    lk_api_stop(api);
    api = NULL;
    close_gallery();
    return 0;
}

/* ---- asking ---- */

static inline char *ask(const char *method, const char *path, const char *headers, const void *body, size_t size) {
    lk_buf b;
    char bearer[128] = "";
    if (key != NULL)
        (void)snprintf(bearer, sizeof bearer, "Authorization: Bearer %s\r\n", key);
    lk_buf_init(&b, 1 << 22);
    assert_int_equal(lk_buf_format(&b, NULL, "%s %s HTTP/1.1\r\n%s%s%sConnection: close\r\nContent-Length: %zu\r\n\r\n",
                                   method, path, strstr(headers, "Host:") != NULL ? "" : "Host: localhost\r\n", headers,
                                   bearer, size),
                     0);
    assert_int_equal(lk_buf_append(&b, body, size, NULL), 0);
    char *answer = wire_talk(lk_api_port(api), b.data, b.size);
    lk_buf_free(&b);
    return answer;
}

/* The parsed body of an answer that must have this status. The caller drops it. */
static inline json_t *expect(char *answer, int status) {
    if (wire_status(answer) != status)
        fail_msg("expected %d, got\n%s", status, answer);
    json_t *json = json_loads(wire_body(answer), JSON_DECODE_ANY, NULL);
    const bool is_legacy = json_object_get(json, "error") != NULL || json_is_string(json_object_get(json, "status"));
    if (status >= 400 && !is_legacy) {
        assert_non_null(strstr(answer, "Content-Type: application/problem+json"));
        assert_int_equal(json_integer_value(json_object_get(json, "status")), status);
        assert_true(json_string_length(json_object_get(json, "detail")) > 10);
        assert_true(json_string_length(json_object_get(json, "code")) > 2);
    }
    free(answer);
    return json;
}

static inline json_t *photo(const char *path, const char *text, int status) {
    return expect(ask("POST", path, "Content-Type: image/jpeg\r\n", text, strlen(text)), status);
}

static inline json_t *post(const char *path, const char *text, int status) {
    return expect(ask("POST", path, "Content-Type: application/json\r\n", text, strlen(text)), status);
}

static inline json_t *plain(const char *method, const char *path, int status) {
    return expect(ask(method, path, "", "", 0), status);
}

static inline json_t *form(const char *path, const char *parts, int status) {
    lk_buf b;
    lk_buf_init(&b, 1 << 20);
    assert_int_equal(lk_buf_format(&b, NULL, "%s--XX--\r\n", parts), 0);
    json_t *json =
        expect(ask("POST", path, "Content-Type: multipart/form-data; boundary=XX\r\n", b.data, b.size), status);
    lk_buf_free(&b);
    return json;
}

#define PART(name, data) "--XX\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n" data "\r\n"
#define NAMED(name, file, data)                                                                                        \
    "--XX\r\nContent-Disposition: form-data; name=\"" name "\"; filename=\"" file "\"\r\n\r\n" data "\r\n"

static inline const char *text_of(const json_t *json, const char *name) {
    const char *text = json_string_value(json_object_get(json, name));
    return text != NULL ? text : "(none)";
}

static inline long long number_of(const json_t *json, const char *name) {
    return json_integer_value(json_object_get(json, name));
}

/* 128 numbers, as a descriptor of the stand-in's pack has. */
#define EIGHT "1,0,0.5,0,0,0,0,0"
#define FORTY EIGHT "," EIGHT "," EIGHT "," EIGHT "," EIGHT
#define DESCRIPTOR "[" FORTY "," FORTY "," FORTY "," EIGHT "]"
#define MODEL "faceapi-1.0/fake"

#define IMAGES "/v1/collections/default/images"
#define SEARCH "/v1/collections/default/search"

/* A request that must fail with this code and this word in its sentence. */
static inline void refused(json_t *problem, const char *code, const char *word) {
    assert_string_equal(text_of(problem, "code"), code);
    if (strstr(text_of(problem, "detail"), word) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", word, text_of(problem, "detail"));
    json_decref(problem);
}

#define OPEN(test) cmocka_unit_test_setup_teardown(test, start, stop)

#endif
