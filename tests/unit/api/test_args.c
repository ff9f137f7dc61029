/* What a request asks for is checked: every parameter, wherever it came from, and the photo. */
#include "unit/api/ask.h"

static void parameters_are_checked(void **state) {
    (void)state;
    static const struct {
        const char *query, *word;
    } bad[] = {
        {"limit=abc", "limit must be a whole number from 1 to 10000"},
        {"limit=0", "limit"},
        {"limit=10001", "limit"},
        {"limit=", "limit"},
        {"limit=1.5", "limit"},
        {"threshold=-1", "threshold must be a number above 0"},
        {"threshold=nan", "threshold"},
        {"threshold=inf", "threshold"},
        {"threshold=0", "threshold"},
        {"threshold=1e999", "threshold"},
        {"threshold=0x1", "threshold"},
        {"distinct=x", "one of: face image person"},
        {"captured_from=yesterday", "captured_from"},
        {"face_id=1&face_id=2", "more than once"},
        {"captured_from=2024-02-01&captured_to=2024-01-01", "before"},
        {"treshold=1", "no parameter \"treshold\""},
        {"threshold=1&max_false_matches=1", "not both"},
        {"limit=99999999999999999999", "limit"},
    };
    for (size_t i = 0; i < LK_LENGTH(bad); i++) {
        char path[256];
        (void)snprintf(path, sizeof path, SEARCH "?%s", bad[i].query);
        refused(photo(path, "FACES anna", 400), "bad_argument", bad[i].word);
    }
    refused(plain("GET", IMAGES "?limit=1001", 400), "bad_argument", "1000");
    refused(plain("GET", IMAGES "?after=-1", 400), "bad_argument", "after");
}

static void json_is_checked(void **state) {
    (void)state;
    static const struct {
        const char *body, *word;
    } bad[] = {
        {"", "not valid JSON"},
        {"{", "not valid JSON"},
        {"[]", "must be an object"},
        {"{\"face_id\":\"1\"}", "whole number"},
        {"{\"face_id\":1.5}", "whole number"},
        {"{\"face_id\":[1]}", "whole number"},
        {"{\"face_id\":1,\"face_id\":2}", "not valid JSON"},
        {"{\"descriptor\":[]}", "array"},
        {"{\"descriptor\":\"x\"}", "array"},
        {"{\"descriptor\":[1,\"x\"]}", "entry 1"},
        {"{\"descriptor\":[1,1e39]}", "entry 1"},
        {"{\"face_id\":1,\"descriptor\":[1,2]}", "exactly one"},
        {"{}", "exactly one"},
        {"{\"face_id\":1,\"tags\":\"x\"}", "list of strings"},
        {"{\"face_id\":1,\"tags\":[1]}", "list of strings"},
        {"{\"face_id\":1,\"threshold\":true}", "threshold"},
        {"{\"face_id\":1,\"nope\":1}", "no parameter"},
        {"{\"face_id\":1e400}", "not valid JSON"},
        {"{\"face_id\":1,\"model\":\"a\\u0000b\"}", ""},
    };
    for (size_t i = 0; i < LK_LENGTH(bad); i++)
        refused(post(SEARCH, bad[i].body, 400), "bad_argument", bad[i].word);
    refused(post(SEARCH, "{\"descriptor\":[1,2,3]}", 409), "model_mismatch", "3 numbers");
    refused(post(SEARCH, "{\"descriptor\":" DESCRIPTOR ",\"model\":\"other\"}", 409), "model_mismatch", MODEL);
    refused(post(SEARCH, "{\"face_id\":99}", 404), "not_found", "no face 99");
    char deep[8001];
    memset(deep, '[', 4000);
    memset(deep + 4000, ']', 4000);
    deep[8000] = '\0';
    refused(post("/v1/collections", deep, 400), "bad_argument", "not valid JSON");
}

/* `count` times `piece`. */
static char *repeated(const char *piece, size_t count) {
    char *text = calloc(count + 1, strlen(piece));
    assert_non_null(text);
    for (size_t i = 0; i < count; i++)
        memcpy(text + i * strlen(piece), piece, strlen(piece));
    return text;
}

static json_t *form_with(const char *name, const char *piece, size_t count, int status) {
    char *value = repeated(piece, count), *parts = NULL;
    assert_true(asprintf(&parts,
                         NAMED("file", "a", "FACES anna") "--XX\r\nContent-Disposition: form-data; name=\"%s\"\r\n"
                                                          "\r\n%s\r\n",
                         name, value) > 0);
    json_t *json = form(IMAGES, parts, status);
    free(parts);
    free(value);
    return json;
}

/* Limits count characters, as the contract's maxLength does, and each parameter has its own. */
static void texts_have_limits(void **state) {
    (void)state;
    static const struct {
        const char *name;
        size_t most;
    } texts[] = {{"image_id", 512}, {"url", 4096}, {"tags", 128}};
    for (size_t i = 0; i < LK_LENGTH(texts); i++) {
        static const char *const characters[] = {"x", "\xc3\xa9", "\xf0\x9f\x98\x80", "\xff"};
        for (size_t k = 0; k < LK_LENGTH(characters); k++) {
            json_t *image = form_with(texts[i].name, characters[k], texts[i].most, k == 0 && i == 0 ? 201 : 200);
            json_decref(image);
            json_t *problem = form_with(texts[i].name, characters[k], texts[i].most + 1, 413);
            assert_int_equal(number_of(problem, "limit"), texts[i].most);
            assert_string_equal(text_of(problem, "parameter"), texts[i].name);
            refused(problem, "too_large", "characters");
        }
    }
    static const char *const words[] = {"captured_at", "require_face"};
    for (size_t i = 0; i < LK_LENGTH(words); i++)
        refused(form_with(words[i], "1", 65, 400), "bad_argument", words[i]);
    refused(form_with("captured_at", "0", 64, 400), "bad_argument", "a time like");
    refused(form_with("captured_at", "0", 70000, 413), "too_large", "65536 bytes");
    char *long_number = repeated("1", 65), path[256];
    static const char *const numbers[] = {"threshold", "limit",    "max_false_matches",
                                          "face_id",   "distinct", "captured_to"};
    for (size_t i = 0; i < LK_LENGTH(numbers); i++) {
        (void)snprintf(path, sizeof path, SEARCH "?%s=%s", numbers[i], long_number);
        refused(photo(path, "FACES anna", 400), "bad_argument", numbers[i]);
    }
    free(long_number);
}

/* An answer does not hand back what a client sent at length. */
static void long_names_are_not_echoed(void **state) {
    (void)state;
    char *name = repeated("n", 100000), *body = NULL;
    assert_true(asprintf(&body, "{\"%s\": 1}", name) > 0);
    json_t *problem = post(SEARCH, body, 400);
    assert_int_equal(json_string_length(json_object_get(problem, "parameter")), 60);
    assert_true(json_string_length(json_object_get(problem, "detail")) < 400);
    json_decref(problem);
    free(body);
    free(name);
}

static void nothing_is_given_twice(void **state) {
    (void)state;
    refused(post(SEARCH "?tags=b", "{\"face_id\": 1, \"tags\": [\"a\"]}", 400), "bad_argument", "more than once");
    refused(post(SEARCH "?descriptor=1", "{\"descriptor\": [1, 2]}", 400), "bad_argument", "more than once");
    refused(post(SEARCH "?threshold=1", "{\"face_id\": 1, \"threshold\": 1}", 400), "bad_argument", "more than once");
    refused(form(IMAGES, NAMED("file", "a", "FACES anna") NAMED("file", "b", "FACES bob"), 400), "bad_argument",
            "more than once");
    refused(form(IMAGES "?file=x", NAMED("file", "a", "FACES anna"), 400), "bad_argument", "more than once");
    refused(form("/v1/compare", NAMED("a", "a", "FACES a") NAMED("a", "b", "FACES b") NAMED("b", "b", "FACES b"), 400),
            "bad_argument", "more than once");
}

static void photos_are_checked(void **state) {
    (void)state;
    char large[5001];
    memset(large, 'x', 5000);
    large[5000] = '\0';
    refused(photo(IMAGES, "GIF?", 415), "not_an_image", "not an image");
    refused(photo(IMAGES, "DAMAGED", 422), "damaged", "damaged");
    refused(photo(IMAGES, "", 400), "bad_argument", "no photo");
    refused(photo(IMAGES "?require_face=true", "FACES", 422), "no_face", "No face");
    refused(photo(IMAGES "?require_face=maybe", "FACES", 400), "bad_argument", "true or false");
    json_t *problem = photo(IMAGES, large, 413);
    assert_int_equal(number_of(problem, "limit"), 4096);
    refused(problem, "too_large", "4096");
    refused(form(IMAGES, PART("photo", "FACES"), 400), "bad_argument", "no parameter \"photo\"");
    refused(photo("/v1/collections/none/images", "FACES a", 404), "not_found", "none");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        OPEN(parameters_are_checked),    OPEN(json_is_checked),        OPEN(texts_have_limits),
        OPEN(long_names_are_not_echoed), OPEN(nothing_is_given_twice), OPEN(photos_are_checked),
    };
    return cmocka_run_group_tests_name("api/args", tests, NULL, NULL);
}
