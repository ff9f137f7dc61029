/* Photos in every way that they come, and what is said where they do not. */
#include "unit/api/ask.h"

#define FACES_ANNA "RkFDRVMgYW5uYQ==" /* "FACES anna" */
#define FACES_BOB "RkFDRVMgYm9i"      /* "FACES bob" */
#define JPEG_START "\xff\xd8\xff\xe0\x02\x10JFIF\x01\x01"
#define JSON_TYPE "Content-Type: application/json\r\n"
#define CURL_TYPE "Content-Type: application/x-www-form-urlencoded\r\n"

static json_t *raw(const char *path, const char *headers, const char *body, int status) {
    return expect(ask("POST", path, headers, body, strlen(body)), status);
}

static void json_holds_photos_wherever_a_form_does(void **state) {
    (void)state;
    json_t *one =
        post(IMAGES, "{\"file\":\"" FACES_ANNA "\",\"image_id\":\"7\",\"tags\":[\"a\",\"b\"],\"url\":\"/a.jpg\"}", 201);
    assert_string_equal(text_of(one, "image_id"), "7");
    assert_string_equal(text_of(one, "file"), "/a.jpg");
    assert_string_equal(json_string_value(json_array_get(json_object_get(one, "tags"), 0)), "a");
    json_decref(one);
    json_decref(post(IMAGES, "{\"file\":\"data:image/jpeg;base64," FACES_ANNA "\"}", 200));
    json_t *r = post(SEARCH, "{\"limit\":1,\"file\":\"" FACES_ANNA "\"}", 200);
    assert_int_equal(json_array_size(json_object_get(r, "faces")), 1);
    json_decref(r);
    json_decref(post("/v1/detect", "{\"file\":\"RkFDRVMgYW5u\\nYQ\",\"descriptors\":true}", 200));
    r = post("/v1/compare", "{\"a\":\"" FACES_ANNA "\",\"b\":\"" FACES_ANNA "\"}", 200);
    assert_true(json_is_true(json_object_get(r, "same")));
    json_decref(r);
    json_decref(post("/faces", "{\"file\":\"" FACES_BOB "\",\"url\":\"/b.jpg\",\"image_id\":12}", 201));
    r = post("/faces/searches", "{\"file\":\"" FACES_BOB "\"}", 200);
    const json_t *match = json_array_get(json_object_get(r, "matches"), 0);
    assert_string_equal(text_of(match, "file"), "/b.jpg");
    assert_string_equal(text_of(match, "image_id"), "12");
    json_decref(r);
    static const char *const broken[] = {"{\"file\":\"" FACES_BOB "\"", "{\"file\":\"" FACES_BOB "\"} more"};
    for (size_t i = 0; i < LK_LENGTH(broken); i++) {
        r = post("/faces/searches", broken[i], 400);
        assert_non_null(strstr(text_of(r, "detail"), "not valid JSON"));
        json_decref(r);
    }
}

static void named(json_t *problem, const char *word) {
    assert_string_equal(text_of(problem, "parameter"), "file");
    if (strstr(text_of(problem, "detail"), word) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", word, text_of(problem, "detail"));
    json_decref(problem);
}

static void json_photos_are_checked(void **state) {
    (void)state;
    named(post(IMAGES, "{\"file\":\"photo.jpg\"}", 400), "not base64: its character 6 is \".\"");
    named(post(IMAGES, "{\"file\":\"RkFDR\"}", 400), "cut off");
    named(post(IMAGES, "{\"file\":\"RkFD", 400), "cut short");
    named(post(IMAGES, "{\"file\":\"\"}", 400), "file is empty");
    named(post(IMAGES, "{\"file\":7}", 400), "in base64");
    named(post(IMAGES, "{\"file\":[\"RkFD\"]}", 400), "in base64");
    named(post(IMAGES, "{\"image_id\":\"7\"}", 400), "the JSON body has no such member");
    named(post(IMAGES, "{\"file\":null}", 400), "no such member");
    named(post(IMAGES "?file=x", "{\"file\":\"" FACES_BOB "\"}", 400), "more than once");
    named(post(IMAGES, "{\"file\":\"aGVsbG8=\"}", 415), "the text \"hello\"");
    refused(post(IMAGES, "{\"file\":\"" FACES_BOB "\",\"file\":\"" FACES_BOB "\"}", 400), "bad_argument", "JSON");
    refused(post(IMAGES, "{\"file\":\"" FACES_BOB "\",\"nope\":1}", 400), "bad_argument", "no parameter \"nope\"");
    refused(post(IMAGES, "{\"file\":\"" FACES_BOB "\"", 400), "bad_argument", "not valid JSON");
    refused(post(SEARCH, "{\"file\":\"" FACES_BOB "\",\"face_id\":1}", 400), "bad_argument", "exactly one");
    refused(post(SEARCH, "{\"a\":\"" FACES_BOB "\"}", 400), "bad_argument", "no parameter \"a\"");
    refused(post("/v1/compare", "{\"a\":\"" FACES_BOB "\"}", 400), "bad_argument", "two photos");
    static char body[2 << 20];
    (void)sprintf(body, "{\"file\":\"");
    memset(body + 9, 'A', 5500); /* 4125 bytes */
    (void)strcat(body, "\"}");
    json_t *problem = post(IMAGES, body, 413);
    assert_int_equal(number_of(problem, "limit"), 4096);
    refused(problem, "too_large", "4125 bytes");
    (void)sprintf(body, "{\"image_id\":\"");
    memset(body + 13, 'A', (1 << 20) + 1);
    (void)strcat(body, "\"}");
    refused(post(IMAGES, body, 413), "too_large", "without its photos, longer than the limit of 1048576 bytes");
    memset(body + 13, 'A', (1 << 20) + 100000);
    (void)strcat(body, "\"}");
    refused(post(IMAGES, body, 413), "too_large", "limit of 1054549 bytes"); /* before it is read */
}

static void an_empty_photo_is_called_empty(void **state) {
    (void)state;
    static const char *const paths[] = {IMAGES, SEARCH, "/v1/detect"};
    for (size_t i = 0; i < LK_LENGTH(paths); i++) {
        named(form(paths[i], NAMED("file", "empty.jpg", ""), 400), "file is empty");
        named(form(paths[i], PART("file", ""), 400), "file is empty");
        refused(photo(paths[i], "", 400), "bad_argument", "he body is empty");
        refused(expect(ask("POST", paths[i], "", "", 0), 400), "bad_argument", "he body is empty");
        refused(raw(paths[i], CURL_TYPE, "", 400), "bad_argument", "he body is empty");
    }
    refused(photo(IMAGES, "", 400), "bad_argument", "no photo");
    named(form(IMAGES, PART("image_id", "1"), 400), "the form has no such part");
    refused(form("/v1/compare", NAMED("a", "a", "FACES a") NAMED("b", "b", ""), 400), "bad_argument", "b is empty");
    static const char *const old[] = {"/faces", "/faces/searches"};
    for (size_t i = 0; i < LK_LENGTH(old); i++) {
        json_t *bare = raw(old[i], CURL_TYPE, "", 400);
        assert_string_equal(text_of(bare, "detail"), "The body is empty.");
        json_decref(bare);
        json_t *answer = form(old[i], NAMED("file", "empty.jpg", "") PART("url", "/x"), 400);
        assert_non_null(strstr(text_of(answer, "error"), "Invalid file"));
        assert_non_null(strstr(text_of(answer, "detail"), "file is empty"));
        json_decref(answer);
    }
}

static void a_wrong_type_is_told(void **state) {
    (void)state;
    static const char *const types[] = {CURL_TYPE, JSON_TYPE, "Content-Type: multipart/form-data; boundary=XX\r\n",
                                        "Content-Type: multipart/form-data\r\n"};
    static const char *const paths[] = {IMAGES, SEARCH, "/v1/detect"};
    for (size_t i = 0; i < LK_LENGTH(paths); i++)
        for (size_t k = 0; k < LK_LENGTH(types) - 1; k++)
            refused(raw(paths[i], types[k], JPEG_START, 400), k == 1 ? "bad_argument" : "bad_request",
                    "-H 'Content-Type: image/jpeg'");
    refused(raw("/v1/compare", CURL_TYPE, JPEG_START, 400), "bad_request", "-F a=@one.jpg -F b=@two.jpg");
    refused(raw(IMAGES, CURL_TYPE, "\x89PNG\r\n\x1a\n", 400), "bad_request", "image/png");
    refused(raw(IMAGES, types[3], JPEG_START, 400), "bad_request", "names no boundary");
    refused(raw(SEARCH, CURL_TYPE, "{\"face_id\": 1}", 400), "bad_argument", "application/json");
    refused(raw(SEARCH, "Content-Type: text/plain;charset=UTF-8\r\n", " {\"face_id\": 1}", 400), "bad_argument",
            "text/plain");
    refused(raw("/v1/collections", CURL_TYPE, "{\"name\": \"x\"}", 400), "bad_argument", "application/json");
    refused(raw(IMAGES, JSON_TYPE, PART("file", "FACES a") "--XX--", 400), "bad_argument", "multipart form");
    refused(raw(IMAGES, "", NAMED("file", "a", "FACES a") "--XX--", 400), "bad_argument", "there is no Content-Type");
    refused(raw(IMAGES, "Content-Type: multipart/mixed; boundary=XX\r\n", PART("file", "FACES a") "--XX--", 400),
            "bad_argument", "multipart/mixed");
    refused(raw(IMAGES, "Content-Type: text/plain\r\n", "data:image/jpeg;base64,/9j/4AAQ", 400), "bad_argument",
            "base64");
    refused(raw(IMAGES, CURL_TYPE, "/9j/4AAQSkZJRgABAQ", 400), "bad_argument", "base64");
    refused(raw(SEARCH, JSON_TYPE "Content-Encoding: gzip\r\n", "\x1f\x8b\x08", 400), "bad_argument", "compressed");
    json_decref(
        raw(IMAGES, "Content-Type: text/plain\r\n", "FACES anna", 201)); /* a photo is one whatever it is called */
    json_decref(raw(IMAGES, "", "FACES anna", 200));
}

/* What it would be, were it a form, has names that are too long: that is not what is wrong. */
static void long_json_in_the_wrong_type_is_told(void **state) {
    (void)state;
    char body[2000] = "{\"file\":\"";
    memset(body + strlen(body), 'A', 1000);
    (void)strcat(body, "\"}");
    refused(raw(IMAGES, CURL_TYPE, body, 400), "bad_request", "application/json");
    json_t *old = raw("/faces", CURL_TYPE, body, 400);
    assert_non_null(strstr(text_of(old, "detail"), "application/json"));
    json_decref(old);
}

static void a_text_in_place_of_a_photo_is_told(void **state) {
    (void)state;
    named(form(IMAGES, PART("file", "photo.jpg"), 415), "-F file=@photo.jpg");
    named(form(SEARCH, NAMED("file", "file", "photo.jpg"), 415), "\"photo.jpg\"");
    named(form("/v1/detect", PART("file", "https://x.example/a.jpg"), 415), "address (https://x.example/a.jpg)");
    named(form("/v1/detect", PART("file", "/home/me/a.jpg"), 415), "\"/home/me/a.jpg\"");
    named(form(IMAGES, PART("file", "data:image/png;base64,iVBORw0K"), 415), "in base64");
    named(raw(IMAGES, "Content-Type: image/jpeg\r\n", "photo.jpg", 415), "--data-binary @photo.jpg");
    json_t *problem = form("/v1/compare", PART("a", "a.jpg") NAMED("b", "b", "FACES b"), 415);
    assert_string_equal(text_of(problem, "parameter"), "a");
    refused(problem, "not_an_image", "-F a=@photo.jpg");
}

static void the_old_calls_hint_in_detail(void **state) {
    (void)state;
    static const struct {
        const char *headers, *body, *word;
    } hints[] = {
        {CURL_TYPE, JPEG_START, "-F file=@photo.jpg"},
        {"Content-Type: image/jpeg\r\n", JPEG_START, "takes a form"},
        {CURL_TYPE, "file=photo.jpg&url=x", "the text \"photo.jpg\""},
        {CURL_TYPE, "file=a&file=b&url=x", "more than once"},
        {JSON_TYPE, "{\"file\":\"photo.jpg\",\"url\":\"x\"}", "not base64"},
        {"Content-Type: multipart/form-data; boundary=XX\r\n", PART("file", "FACES a"), "cut short"},
    };
    for (size_t i = 0; i < 2 * LK_LENGTH(hints); i++) {
        json_t *answer = raw(i % 2 == 0 ? "/faces" : "/faces/searches", hints[i / 2].headers, hints[i / 2].body, 400);
        assert_string_equal(text_of(answer, "error"), i % 2 == 0 ? "Invalid file or URL" : "Invalid file");
        if (strstr(text_of(answer, "detail"), hints[i / 2].word) == NULL)
            fail_msg("\"%s\" is not in \"%s\"", hints[i / 2].word, text_of(answer, "detail"));
        json_decref(answer);
    }
    json_t *answer = form("/faces", NAMED("file", "a.jpg", "text") PART("url", "u"), 400); /* as its clients know it */
    assert_int_equal(json_object_size(answer), 1);
    json_decref(answer);
    answer = expect(ask("POST", "/faces/searches", "", "", 0), 400);
    assert_int_equal(json_object_size(answer), 1);
    json_decref(answer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        OPEN(json_holds_photos_wherever_a_form_does), OPEN(json_photos_are_checked),
        OPEN(an_empty_photo_is_called_empty),         OPEN(a_wrong_type_is_told),
        OPEN(long_json_in_the_wrong_type_is_told),    OPEN(a_text_in_place_of_a_photo_is_told),
        OPEN(the_old_calls_hint_in_detail),
    };
    return cmocka_run_group_tests_name("api/bodies", tests, NULL, NULL);
}
