#include "unit/test.h"

#include "http/http_int.h"

#include <string.h>

static void nothing(lk_request *r, void *ctx) {
    (void)r;
    (void)ctx;
}

static const lk_route routes[] = {
    {"GET", "/", nothing, .lane = LK_LANE_AT_ONCE},
    {"GET", "/v1/things", nothing, .lane = LK_LANE_AT_ONCE},
    {"POST", "/v1/things", nothing, .lane = LK_LANE_AT_ONCE},
    {"GET", "/v1/things/{id}", nothing, .lane = LK_LANE_AT_ONCE},
    {"DELETE", "/v1/things/{id}", nothing, .lane = LK_LANE_AT_ONCE},
    {"GET", "/v1/{kind}/{id}/all", nothing, .lane = LK_LANE_AT_ONCE},
    {"GET", "/files/{path*}", nothing, .lane = LK_LANE_AT_ONCE},
    {"POST", "/files/{id}", nothing, .lane = LK_LANE_AT_ONCE},
    {"GET", "/all/{path*}", nothing, .lane = LK_LANE_AT_ONCE},
    {"DELETE", "/all/{folder}/{path*}", nothing, .lane = LK_LANE_AT_ONCE},
};

static void addresses_come_apart(void **state) {
    (void)state;
    static const struct {
        const char *raw, *path;
        size_t segments;
        const char *last, *query;
    } good[] = {
        {"/", "/", 0, NULL, NULL},
        {"/a", "/a", 1, "a", NULL},
        {"/a/", "/a/", 2, "", NULL},
        {"/a/b%20c", "/a/b%20c", 2, "b c", NULL},
        {"/a%2Fb", "/a%2Fb", 1, "a/b", NULL},
        {"/a+b?q=1+2%2B3&r", "/a+b", 1, "a+b", "1 2+3"},
        {"/a?&&q=x&q=y", "/a", 1, "a", "x"},
        {"/a#b?q=1", "/a", 1, "a", NULL},
        {"http://host:1/a?q=z", "/a", 1, "a", "z"},
        {"http://host", "/", 0, NULL, NULL},
    };
    for (size_t i = 0; i < LK_LENGTH(good); i++) {
        lk_arena arena = {0};
        lk_target t;
        liken_error err = {0};
        assert_ok(lk_target_parse(&t, &arena, good[i].raw, &err), err);
        assert_string_equal(t.path, good[i].path);
        assert_int_equal(t.segment_count, good[i].segments);
        if (good[i].last != NULL)
            assert_string_equal(t.segments[t.segment_count - 1], good[i].last);
        if (good[i].query != NULL) {
            assert_string_equal(t.queries[0].name, "q");
            assert_string_equal(t.queries[0].value, good[i].query);
        }
        lk_arena_free(&arena);
    }
}

static void bad_addresses_are_refused(void **state) {
    (void)state;
    char deep[256], wide[1024] = "/?";
    for (size_t i = 0; i < 128; i++)
        memcpy(deep + 2 * i, "/a", 3 - (i == 127));
    deep[255] = '\0';
    for (size_t i = 0; i < 100; i++)
        strcat(wide, "a&");
    const char *bad[] = {"", "*", "a", "/%", "/%4", "/%zz", "/%00", "/a?q=%00", "/a?%0", "ftp://x/", deep, wide};
    for (size_t i = 0; i < LK_LENGTH(bad); i++) {
        lk_arena arena = {0};
        lk_target t;
        liken_error err = {0};
        assert_int_equal(lk_target_parse(&t, &arena, bad[i], &err), LIKEN_E_ARG);
        assert_true(strlen(err.message) > 10);
        lk_arena_free(&arena);
    }
}

static const lk_route *find(lk_routed *out, lk_arena *arena, const char *method, const char *raw) {
    lk_target t;
    liken_error err = {0};
    assert_ok(lk_target_parse(&t, arena, raw, &err), err);
    lk_route_find(out, arena, routes, LK_LENGTH(routes), method, &t);
    return out->route;
}

static void routes_are_found(void **state) {
    (void)state;
    lk_arena arena = {0};
    lk_routed found;
    assert_ptr_equal(find(&found, &arena, "GET", "/"), &routes[0]);
    assert_ptr_equal(find(&found, &arena, "HEAD", "/v1/things"), &routes[1]);
    assert_ptr_equal(find(&found, &arena, "POST", "/v1/things"), &routes[2]);
    assert_ptr_equal(find(&found, &arena, "DELETE", "/v1/things/a%2fb"), &routes[4]);
    assert_int_equal(found.param_count, 1);
    assert_string_equal(found.params[0].name, "id");
    assert_string_equal(found.params[0].value, "a/b");
    assert_ptr_equal(find(&found, &arena, "GET", "/v1/x/y/all"), &routes[5]);
    assert_string_equal(found.params[0].value, "x");
    assert_string_equal(found.params[1].value, "y");
    lk_arena_free(&arena);
}

static void what_does_not_fit_says_what_would(void **state) {
    (void)state;
    lk_arena arena = {0};
    lk_routed found;
    assert_null(find(&found, &arena, "PUT", "/v1/things/1"));
    assert_string_equal(found.allow, "GET, HEAD, DELETE");
    assert_null(find(&found, &arena, "PUT", "/v1/nothing"));
    assert_string_equal(found.allow, "");
    assert_null(find(&found, &arena, "GET", "/v1/things/"));
    assert_string_equal(found.allow, "");
    assert_null(find(&found, &arena, "GET", "/v1"));
    assert_null(find(&found, &arena, "GET", "/v1/things/1/2"));
    lk_arena_free(&arena);
}

static void the_last_part_may_take_the_rest(void **state) {
    (void)state;
    static const struct {
        const char *raw, *path;
    } cases[] = {
        {"/all/a", "a"},         {"/all/css/a%20b.css?v=1", "css/a b.css"},
        {"/all/...", "..."},     {"/all/.hidden/%C3%A4", ".hidden/\xc3\xa4"},
        {"/all", NULL},          {"/all/", NULL},
        {"/all/a/", NULL},       {"/all//a", NULL},
        {"/all/..", NULL},       {"/all/a/../b", NULL},
        {"/all/%2e%2e/b", NULL}, {"/all/.", NULL},
        {"/all/a%2Fb", NULL},    {"/all/..%2f..%2fb", NULL},
        {"/all/a/%2e", NULL},
    };
    lk_arena arena = {0};
    lk_routed found;
    for (size_t i = 0; i < LK_LENGTH(cases); i++) {
        assert_ptr_equal(find(&found, &arena, "GET", cases[i].raw), cases[i].path == NULL ? NULL : &routes[8]);
        if (cases[i].path != NULL) {
            assert_int_equal(found.param_count, 1);
            assert_string_equal(found.params[0].name, "path");
            assert_string_equal(found.params[0].value, cases[i].path);
        }
    }
    assert_ptr_equal(find(&found, &arena, "DELETE", "/all/a/b/c"), &routes[9]);
    assert_int_equal(found.param_count, 2);
    assert_string_equal(found.params[0].value, "a");
    assert_string_equal(found.params[1].value, "b/c");
    lk_arena_free(&arena);
}

/* A page of the pages' own must not hide that an address has other methods. */
static void what_takes_the_rest_comes_last(void **state) {
    (void)state;
    lk_arena arena = {0};
    lk_routed found;
    assert_ptr_equal(find(&found, &arena, "POST", "/files/a"), &routes[7]);
    assert_null(find(&found, &arena, "GET", "/files/a"));
    assert_string_equal(found.allow, "POST");
    assert_ptr_equal(find(&found, &arena, "HEAD", "/files/a/b"), &routes[6]);
    assert_null(find(&found, &arena, "PUT", "/all/a/b"));
    assert_string_equal(found.allow, "GET, HEAD, DELETE");
    lk_arena_free(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(addresses_come_apart),
                                       cmocka_unit_test(bad_addresses_are_refused),
                                       cmocka_unit_test(routes_are_found),
                                       cmocka_unit_test(what_does_not_fit_says_what_would),
                                       cmocka_unit_test(the_last_part_may_take_the_rest),
                                       cmocka_unit_test(what_takes_the_rest_comes_last)};
    return cmocka_run_group_tests_name("http/target", tests, NULL, NULL);
}
