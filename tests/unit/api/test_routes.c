/* The table of routes. With --rows it prints the table as JSON, with --faults how faults are
 * answered, both for tests/api/test_table.py. */
#include "unit/api/ask.h"

#include "api/api_int.h"

#include <stdatomic.h>
#include <time.h>

/* ---- a key is looked up once a request ---- */

static atomic_int looked_up;

/* What the linker puts in place of the real one, and that one. */
bool __wrap_lk_keyring_find(lk_keyring *ring, const char *secret, lk_key *out);
bool __real_lk_keyring_find(lk_keyring *ring, const char *secret, lk_key *out);

bool __wrap_lk_keyring_find(lk_keyring *ring, const char *secret, lk_key *out) {
    atomic_fetch_add(&looked_up, 1);
    return __real_lk_keyring_find(ring, secret, out);
}

static int lookups(void) {
    return atomic_exchange(&looked_up, 0);
}

static void a_key_is_looked_up_once(void **state) {
    (void)state;
    char folder[] = "/tmp/liken-routes-XXXXXX", path[64], secret[LK_KEY_TEXT], later[LK_KEY_TEXT];
    liken_error err = {0};
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/keys", folder);
    assert_ok(lk_key_add(&(lk_key_place){NULL, path}, "one", LK_SCOPE_ADMIN, NULL, NULL, secret, &err), err);
    start_on(NULL, path, 8);
    key = secret;
    static const char again[] = "Content-Type: image/jpeg\r\nIdempotency-Key: k\r\n";
    json_decref(plain("GET", "/v1/collections", 200));
    assert_int_equal(lookups(), 1);
    for (int i = 0; i < 2; i++) { /* whose it is counts for its repetitions, too */
        json_decref(expect(ask("POST", IMAGES, again, "FACES anna", 10), 201));
        assert_int_equal(lookups(), 1);
    }
    json_decref(plain("GET", IMAGES "/x", 404));
    assert_int_equal(lookups(), 1);
    free(ask("GET", "/healthz", "", "", 0));
    assert_int_equal(lookups(), 0);
    assert_ok(lk_key_add(&(lk_key_place){NULL, path}, "two", LK_SCOPE_READ, NULL, NULL, later, &err), err);
    key = later; /* which the keys in memory do not have yet */
    json_decref(plain("GET", "/v1/collections", 200));
    assert_int_equal(lookups(), 2);
    assert_ok(lk_key_remove(&(lk_key_place){NULL, path}, "two", &err), err);
    refused(plain("GET", "/v1/collections", 401), "no_key", "valid key");
    assert_int_equal(lookups(), 2);
    key = NULL;
    refused(plain("GET", "/v1/collections", 401), "no_key", "valid key");
    assert_int_equal(lookups(), 0);
    assert_int_equal(stop(state), 0);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0);
}

/* ---- on whose behalf the library is called ---- */

static struct {
    atomic_int begun, cancelled;
    char actor[LK_KEY_NAME_MAX + 1], request_id[64];
} detection;

int __wrap_liken_detect(liken *gallery, const liken_call *call, const void *bytes, size_t size,
                        const liken_detect_options *options, liken_image **out, liken_error *err);

/* Works until it is told that nobody waits for it. */
int __wrap_liken_detect(liken *gallery, const liken_call *call, const void *bytes, size_t size,
                        const liken_detect_options *options, liken_image **out, liken_error *err) {
    assert_true(gallery == lk && bytes != NULL && size > 0 && options != NULL && out != NULL);
    (void)snprintf(detection.actor, sizeof detection.actor, "%s", call->actor != NULL ? call->actor : "-");
    (void)snprintf(detection.request_id, sizeof detection.request_id, "%s", call->request_id);
    atomic_store(&detection.begun, 1);
    wait_until(call->cancelled(call->ctx) != 0);
    atomic_store(&detection.cancelled, call->cancelled(call->ctx));
    return lk_fail(err, LIKEN_E_CANCELLED, "It was stopped before it was done, as asked.");
}

static void who_calls_is_told_and_who_hangs_up_stops_it(void **state) {
    char folder[] = "/tmp/liken-routes-XXXXXX", path[64], secret[LK_KEY_TEXT], request[256];
    liken_error err = {0};
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/keys", folder);
    assert_ok(lk_key_add(&(lk_key_place){NULL, path}, "anna", LK_SCOPE_SEARCH, NULL, NULL, secret, &err), err);
    start_on(NULL, path, 8);
    const int n = snprintf(request, sizeof request,
                           "POST /v1/detect HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n"
                           "Content-Length: 10\r\n\r\nFACES anna",
                           secret);
    const int fd = wire_open(lk_api_port(api));
    assert_true(wire_send(fd, request, (size_t)n));
    wait_until(atomic_load(&detection.begun) != 0);
    close(fd);
    assert_int_equal(stop(state), 0); /* which waits for the call */
    assert_int_equal(atomic_load(&detection.cancelled), 1);
    assert_string_equal(detection.actor, "anna");
    assert_int_equal(strlen(detection.request_id), 32);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0);
}

/* ---- the table itself ---- */

static void rows_are_sound(void **state) {
    (void)state;
    for (size_t i = 0; i < lk_row_count; i++) {
        const lk_row *row = &lk_rows[i];
        size_t params = 0;
        while (row->params != NULL && row->params[params].name != NULL)
            params++;
        assert_true(params <= LK_PARAMS_MAX);
        assert_true(row->lane != LK_LANE_AT_ONCE || !row->writes);
        assert_true(row->pattern[0] == '/' && row->fn != NULL);
        for (size_t k = 0; k < i; k++) /* a second one would never be reached */
            assert_false(strcmp(lk_rows[k].method, row->method) == 0 && strcmp(lk_rows[k].pattern, row->pattern) == 0);
    }
}

static json_t *param_json(const lk_param *p) {
    static const char *const kinds[] = {"text", "texts", "whole",  "wholes", "number", "switch",
                                        "time", "word",  "object", "floats", "photo",  "photos"};
    return json_pack("{s:s, s:s, s:i, s:i, s:I, s:I, s:I, s:f, s:f, s:s, s:b}", "name", p->name, "kind", kinds[p->kind],
                     "chars", (int)p->chars, "count", (int)p->count, "low", (json_int_t)p->low, "high",
                     (json_int_t)p->high, "otherwise", (json_int_t)p->otherwise, "above", p->above, "most", p->most,
                     "words", p->words == NULL ? "" : p->words, "needed", p->needed);
}

static int print_rows(void) {
    json_t *rows = json_array();
    for (size_t i = 0; i < lk_row_count; i++) {
        const lk_row *row = &lk_rows[i];
        json_t *params = row->params == NULL ? json_null() : json_array();
        for (const lk_param *p = row->params; p != NULL && p->name != NULL; p++)
            json_array_append_new(params, param_json(p));
        char scope[40] = "";
        if (row->scope != 0)
            lk_scopes_format(row->scope, scope, sizeof scope);
        json_array_append_new(rows, json_pack("{s:s, s:s, s:s, s:o}", "method", row->method, "pattern", row->pattern,
                                              "scope", scope, "params", params));
    }
    const int failed = json_dumpf(rows, stdout, JSON_INDENT(1));
    json_decref(rows);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* What each fault of liken.h is answered as. */
static int print_faults(void) {
    json_t *faults = json_array();
    for (int code = -1; strcmp(liken_status_code(code), "unknown") != 0; code--) {
        const int status = lk_answer_status(code);
        json_array_append_new(faults, json_pack("{s:i, s:s, s:i, s:s}", "number", code, "code", liken_status_code(code),
                                                "status", status, "title", lk_answer_title(status)));
    }
    const int failed = json_dumpf(faults, stdout, JSON_INDENT(1));
    json_decref(faults);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_key_is_looked_up_once),
                                       cmocka_unit_test(who_calls_is_told_and_who_hangs_up_stops_it),
                                       cmocka_unit_test(rows_are_sound)};
    if (argc > 1 && strcmp(argv[1], "--rows") == 0)
        return print_rows();
    if (argc > 1 && strcmp(argv[1], "--faults") == 0)
        return print_faults();
    return cmocka_run_group_tests_name("api/routes", tests, NULL, NULL);
}
