/* Answers from memory: tags, codings, caching, and whose the bytes are. */
#include "unit/test.h"

#include "unit/wire.h"

#include "http/http_int.h"

#include <stdatomic.h>
#include <time.h>

static atomic_int released, released_wrong;
static char page[] = "the page as it is, long enough that it is worth being compressed", owned[300000];

static void release(void *owner) {
    atomic_fetch_add(owner == owned ? &released : &released_wrong, 1);
}

static void get_page(lk_request *r, void *ctx) {
    (void)ctx;
    const lk_file file = {.type = "text/html",
                          .plain = {page, sizeof page - 1},
                          .gzip = {"gzipped bytes", 13},
                          .brotli = {"br bytes", 8},
                          .etag = "abc",
                          .max_age = 31536000,
                          .immutable = true};
    lk_respond_header(r, "Content-Security-Policy", "default-src 'self'");
    lk_respond_file(r, &file);
}

static void get_owned(lk_request *r, void *ctx) {
    (void)ctx;
    const lk_file file = {.type = "image/webp",
                          .plain = {owned, sizeof owned},
                          .etag = "o",
                          .personal = true,
                          .release = release,
                          .owner = owned};
    lk_respond_file(r, &file);
}

static void answer_twice(lk_request *r, void *ctx) {
    lk_respond(r, 200, "text/plain", lk_request_param(r, "path"), strlen(lk_request_param(r, "path")));
    get_owned(r, ctx);
}

static const lk_route routes[] = {
    {"GET", "/page", get_page, .lane = LK_LANE_AT_ONCE},
    {"POST", "/page", get_page, .lane = LK_LANE_AT_ONCE},
    {"GET", "/owned", get_owned, .lane = LK_LANE_STORE},
    {"GET", "/twice/{path*}", answer_twice, .lane = LK_LANE_AT_ONCE},
};

static lk_http *start(void) {
    lk_http *h = NULL;
    liken_error err = {0};
    const lk_http_options o = {.threads = 2};
    atomic_store(&released, 0);
    for (size_t i = 0; i < sizeof owned; i++)
        owned[i] = (char)('a' + i % 26);
    assert_ok(lk_http_start(&h, &o, routes, LK_LENGTH(routes), &err), err);
    return h;
}

static char *ask(lk_http *h, const char *line, const char *more) {
    char text[512];
    const int n = snprintf(text, sizeof text, "%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s\r\n", line, more);
    return wire_talk(lk_http_port(h), text, (size_t)n);
}

/* A piece that begins with '!' must not be there. */
static void expect(lk_http *h, const char *line, const char *more, int status, const char *body,
                   const char *const *pieces) {
    char *answer = ask(h, line, more);
    if (wire_status(answer) != status || strcmp(wire_body(answer), body) != 0)
        fail_msg("expected %d and \"%s\" for %s\n%s\ngot\n%s", status, body, line, more, answer);
    for (; *pieces != NULL; pieces++)
        if ((strstr(answer, *pieces + (**pieces == '!')) == NULL) != (**pieces == '!'))
            fail_msg("%s for %s\n%s\nin\n%s", *pieces, line, more, answer);
    free(answer);
}

#define PIECES(...) ((const char *const[]){__VA_ARGS__, NULL})

static void a_file_says_how_long_it_may_be_kept(void **state) {
    (void)state;
    lk_http *h = start();
    expect(h, "GET /page", "", 200, page,
           PIECES("ETag: \"abc\"\r\n", "Cache-Control: public, max-age=31536000, immutable\r\n",
                  "Content-Length: 64\r\n", "Vary: Accept-Encoding\r\n", "Content-Type: text/html\r\n", "nosniff",
                  "X-Request-Id: ", "Content-Security-Policy: ", "!Content-Encoding"));
    expect(h, "HEAD /page", "", 200, "", PIECES("Content-Length: 64\r\n", "ETag: \"abc\"\r\n"));
    char *answer = ask(h, "GET /owned", "");
    assert_memory_equal(wire_body(answer), owned, sizeof owned);
    assert_non_null(strstr(answer, "Cache-Control: private, no-cache\r\n"));
    assert_null(strstr(answer, "Vary"));
    free(answer);
    lk_http_stop(h);
}

static void what_the_client_has_is_not_sent(void **state) {
    (void)state;
    lk_http *h = start();
    static const char *const have[] = {"\"abc\"", "W/\"abc\"", "*", "\"x\", W/\"y,\" , \"abc\"",
                                       "\"x\"\r\nIf-None-Match: \"abc\""};
    static const char *const have_not[] = {"\"ab\"", "abc", "\"abcd\"", "\"abc-br\"", "", "\"", "W/", "\"x\" \"", "**"};
    char header[128];
    for (size_t i = 0; i < LK_LENGTH(have); i++) {
        (void)snprintf(header, sizeof header, "If-None-Match: %s\r\n", have[i]);
        expect(h, "GET /page", header, 304, "",
               PIECES("ETag: \"abc\"\r\n", "Cache-Control: public", "Vary: Accept-Encoding\r\n",
                      "!Content-Type: ", "!Content-Length: 0", "!the page"));
        expect(h, "HEAD /page", header, 304, "", PIECES("ETag: \"abc\"\r\n"));
    }
    for (size_t i = 0; i < LK_LENGTH(have_not); i++) {
        (void)snprintf(header, sizeof header, "If-None-Match: %s\r\n", have_not[i]);
        expect(h, "GET /page", header, 200, page, PIECES("ETag: \"abc\"\r\n"));
    }
    expect(h, "GET /page", "Accept-Encoding: br\r\nIf-None-Match: \"abc\"\r\n", 200, "br bytes",
           PIECES("ETag: \"abc-br\"\r\n"));
    expect(h, "GET /page", "Accept-Encoding: br\r\nIf-None-Match: \"abc-br\"\r\n", 304, "",
           PIECES("ETag: \"abc-br\"\r\n", "!Content-Encoding"));
    expect(h, "POST /page", "Content-Length: 0\r\nIf-None-Match: *\r\n", 200, page, PIECES("ETag"));
    lk_http_stop(h);
}

static void the_client_says_which_coding(void **state) {
    (void)state;
    lk_http *h = start();
    static const struct {
        const char *accept, *body, *coding;
    } cases[] = {
        {"gzip, deflate, br", "br bytes", "br"},
        {"gzip", "gzipped bytes", "gzip"},
        {"GZIP;q=0.5", "gzipped bytes", "gzip"},
        {"gzip;q=0.9, br ; q=0.8", "gzipped bytes", "gzip"},
        {"*", "br bytes", "br"},
        {"*;q=0.5, br;q=0", "gzipped bytes", "gzip"},
        {"br;q=0.000, gzip;q=0", page, NULL},
        {"identity, gzip;q=0.5", page, NULL},
        {"gzipped, xbr", page, NULL},
        {"gzip;q=nonsense", page, NULL},
        {"", page, NULL},
        {",, ,", page, NULL},
    };
    for (size_t i = 0; i < LK_LENGTH(cases); i++) {
        char header[128], coding[64];
        (void)snprintf(header, sizeof header, "Accept-Encoding: %s\r\n", cases[i].accept);
        (void)snprintf(coding, sizeof coding, "%sContent-Encoding: %s", cases[i].coding == NULL ? "!" : "",
                       cases[i].coding == NULL ? "" : cases[i].coding);
        expect(h, "GET /page", header, 200, cases[i].body, PIECES(coding, "Vary: Accept-Encoding\r\n"));
    }
    lk_http_stop(h);
}

/* However the request went, the bytes are given back, once. */
static void bytes_are_given_back(void **state) {
    (void)state;
    lk_http *h = start();
    free(ask(h, "GET /owned", ""));
    wait_until(atomic_load(&released) == 1);
    free(ask(h, "HEAD /owned", ""));
    wait_until(atomic_load(&released) == 2);
    expect(h, "GET /owned", "If-None-Match: *\r\n", 304, "", PIECES("ETag: \"o\""));
    wait_until(atomic_load(&released) == 3);
    expect(h, "GET /twice/a/b%20c", "", 200, "a/b c", PIECES("!ETag"));
    wait_until(atomic_load(&released) == 4);
    static const char request[] = "GET /owned HTTP/1.1\r\nHost: x\r\n\r\n";
    const int fd = wire_open(lk_http_port(h)); /* reads nothing, and hangs up */
    assert_true(wire_send(fd, request, sizeof request - 1));
    char byte;
    assert_int_equal(recv(fd, &byte, 1, 0), 1);
    close(fd);
    wait_until(atomic_load(&released) == 5);
    lk_http_stop(h);
    assert_int_equal(atomic_load(&released), 5);
    assert_int_equal(atomic_load(&released_wrong), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_says_how_long_it_may_be_kept),
        cmocka_unit_test(what_the_client_has_is_not_sent),
        cmocka_unit_test(the_client_says_which_coding),
        cmocka_unit_test(bytes_are_given_back),
    };
    return cmocka_run_group_tests_name("http/file", tests, NULL, NULL);
}
