/* One client against a site on a loopback address, which it is allowed to ask by that address and by name. */
#include "unit/test.h"

#include "unit/fetch/site.h"
#include "unit/refuse.h"

#include "base/buf.h"
#include "base/call.h"
#include "fetch/fetch.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static site here;

static bool is_for(const char *head, const char *path) {
    char line[64];
    (void)snprintf(line, sizeof line, "GET %s HTTP/1.1\r\n", path);
    return strncmp(head, line, strlen(line)) == 0;
}

/* Until nobody listens any more, in parts. */
static bool forever(const site *s, int to, const char *part, long nanoseconds) {
    char more;
    while (!atomic_load(&s->stop) && site_say(to, part) && recv(to, &more, 1, MSG_DONTWAIT | MSG_PEEK) != 0)
        (void)nanosleep(&(struct timespec){.tv_nsec = nanoseconds}, NULL);
    return false;
}

/* A gzip of 1 MiB of zeros: 1051 bytes, nearly all of them zeros as well. */
static bool bomb(int to) {
    static const unsigned char head[25] = {0x1f, 0x8b, 8,    0,    0,    0,    0,    0,    2,    3,    0xed, 0xc1, 0x31,
                                           0x01, 0x00, 0x00, 0x00, 0xc2, 0xa0, 0xf5, 0x4f, 0x6d, 0x08, 0x5f, 0xa0};
    static const unsigned char tail[10] = {0x3e, 0x03, 0x1c, 0xea, 0x38, 0xa7, 0x00, 0x00, 0x10, 0x00};
    unsigned char all[1051] = {0};
    memcpy(all, head, sizeof head);
    memcpy(all + sizeof all - sizeof tail, tail, sizeof tail);
    return site_say(to, "HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Encoding: gzip\r\nContent-Length: "
                        "1051\r\n\r\n") &&
           site_send(to, all, sizeof all);
}

static bool redirect(int to, const char *where) {
    char answer[512];
    (void)snprintf(answer, sizeof answer, "HTTP/1.1 302 Found\r\nLocation: %s\r\nContent-Length: 5\r\n\r\nthere",
                   where);
    return site_say(to, answer);
}

static bool flood(int to) {
    if (!site_say(to, "HTTP/1.1 200 OK\r\n"))
        return false;
    for (int i = 0; i < 4000; i++)
        if (!site_say(to, "X-Header: of forty letters, more or less, so\r\n"))
            return false;
    return site_say(to, "Content-Length: 0\r\n\r\n");
}

/* What asks for more than a line. */
static bool answer_more(site *s, int to, const char *head) {
    char url[256];
    if (is_for(head, "/endless"))
        return site_say(to, "HTTP/1.1 200 OK\r\n\r\n") && forever(s, to, "0123456789abcdef0123456789abcdef", 0);
    if (is_for(head, "/drip"))
        return site_say(to, "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n") && forever(s, to, "x", 100000000);
    if (is_for(head, "/dripping-head"))
        return site_say(to, "HTTP/1.1 200 OK\r\nX: ") && forever(s, to, "x", 100000000);
    if (is_for(head, "/steady"))
        return site_say(to, "HTTP/1.1 200 OK\r\nContent-Length: 60000000\r\n\r\n") &&
               forever(s, to, "0123456789abcdef0123456789abcdef", 10000000);
    if (is_for(head, "/silent"))
        return forever(s, to, "", 10000000);
    if (is_for(head, "/credentials")) {
        (void)snprintf(url, sizeof url, "http://user:secret@127.0.0.1:%d/photo", s->port);
        return redirect(to, url);
    }
    if (is_for(head, "/next-door")) {
        (void)snprintf(url, sizeof url, "http://127.0.0.1:%d/photo", s->port == 65535 ? 1 : s->port + 1);
        return redirect(to, url);
    }
    return site_say(to, "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\ngone");
}

static bool answer(site *s, int to, const char *head) {
    static const struct {
        const char *path, *answer;
        bool hangs_up;
    } table[] = {
        {"/photo",
         "HTTP/1.1 200 OK\r\nContent-Type: Image/JPEG; q=1\r\nETag: \"e1\"\r\n"
         "Last-Modified: Tue, 01 Dec 2026 01:02:03 GMT\r\nContent-Length: 5\r\n\r\nphoto",
         false},
        {"/folded", "HTTP/1.1 200 OK\r\n folded: more\r\nContent-Length: 5\r\n\r\nphoto", false},
        {"/untyped", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nphoto", false},
        {"/page", "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 100000000\r\n\r\n<html>", true},
        {"/empty-page", "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 0\r\n\r\n", false},
        {"/long", "HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n0123456789", true},
        {"/short", "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n0123456789", true},
        {"/garbage", "SSH-2.0-OpenSSH_9.2\r\n", true},
        {"/old", "0123456789 and no headers\r\n", true},
        {"/busy", "HTTP/1.1 503 Busy\r\nRetry-After: 120\r\nContent-Length: 0\r\n\r\n", false},
        {"/too-many", "HTTP/1.1 429 Slow down\r\nContent-Length: 0\r\n\r\n", false},
        {"/forbidden", "HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno", false},
        {"/broken", "HTTP/1.1 500 Oh\r\nContent-Length: 2\r\n\r\nno", false},
        {"/nothing", "HTTP/1.1 204 None\r\n\r\n", false},
        {"/unasked", "HTTP/1.1 304 Same\r\n\r\n", false},
        {"/bad-encoding", "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nphoto", false},
        {"/nowhere", "HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n", false},
        {"/cookie", "HTTP/1.1 302 Found\r\nSet-Cookie: a=b\r\nLocation: /after\r\nContent-Length: 0\r\n\r\n", false},
        {"/twice", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nphoto", true},
    };
    static const struct {
        const char *path, *where;
    } redirects[] = {{"/to-photo", "/photo"},
                     {"/again", "again"},
                     {"/to-file", "file:///etc/passwd"},
                     {"/to-ftp", "ftp://127.0.0.1/x"},
                     {"/to-other", "http://other.example/photo"},
                     {"/to-ten", "http://10.0.0.1/photo"},
                     {"/to-octal", "http://0177.0.0.1/photo"}};
    if (is_for(head, "/flood"))
        return flood(to);
    if (is_for(head, "/bomb"))
        return bomb(to);
    if (is_for(head, "/after"))
        return site_say(to, strstr(head, "ookie:") != NULL ? "HTTP/1.1 500 It came back\r\nContent-Length: 0\r\n\r\n"
                                                           : "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    if (is_for(head, "/conditional"))
        return site_say(to, strstr(head, "\r\nIf-None-Match: \"e1\"\r\n") != NULL &&
                                    strstr(head, "\r\nIf-Modified-Since: Tue, 01 Dec 2026 01:02:03 GMT\r\n") != NULL
                                ? "HTTP/1.1 304 Same\r\nETag: \"e1\"\r\n\r\n"
                                : "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nnew");
    if (is_for(head, "/head"))
        return site_say(to, strstr(head, "\r\nUser-Agent: liken/" LIKEN_VERSION "\r\n") != NULL &&
                                    strstr(head, "uthorization:") == NULL && strstr(head, "eferer:") == NULL
                                ? "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
                                : "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n");
    for (size_t i = 0; i < LK_LENGTH(redirects); i++)
        if (is_for(head, redirects[i].path))
            return redirect(to, redirects[i].where);
    for (size_t i = 0; i < LK_LENGTH(table); i++)
        if (is_for(head, table[i].path))
            return site_say(to, table[i].answer) && !table[i].hangs_up;
    return answer_more(s, to, head);
}

static int keep(void *ctx, const void *bytes, size_t size, liken_error *err) {
    return lk_buf_append(ctx, bytes, size, err);
}

static lk_fetch *client(const lk_fetch_options *options) {
    char rule[64];
    const char *rules[] = {rule};
    lk_fetch *f = NULL;
    liken_error err;
    (void)snprintf(rule, sizeof rule, "127.0.0.1:%d", here.port);
    assert_ok(lk_fetch_open(&f, rules, 1, options, &err), err);
    return f;
}

/* Gets a path of the site; *body is to be freed. */
static int get(lk_fetch *f, const char *path, const char *const *types, lk_buf *body, lk_fetch_answer *a,
               liken_error *err) {
    char url[256];
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%d%s", here.port, path);
    lk_buf_init(body, 1 << 20);
    const lk_fetch_ask ask = {.url = url, .types = types, .sink = keep, .ctx = body};
    return lk_fetch_get(f, &ask, a, err);
}

static void a_photo_comes_with_what_is_said_of_it(void **state) {
    (void)state;
    static const char *const types[] = {"image/", NULL};
    lk_fetch *f = client(NULL);
    lk_fetch_answer a;
    lk_buf body;
    liken_error err;
    assert_ok(get(f, "/photo#part", types, &body, &a, &err), err);
    assert_string_equal(body.data, "photo");
    assert_int_equal(a.reason, LK_FETCH_DONE);
    assert_int_equal(a.status, 200);
    assert_int_equal(a.bytes, 5);
    assert_string_equal(a.type, "image/jpeg");
    assert_string_equal(a.etag, "\"e1\"");
    assert_string_equal(a.last_modified, "Tue, 01 Dec 2026 01:02:03 GMT");
    assert_null(strchr(a.url, '#'));
    lk_buf_free(&body);
    assert_ok(get(f, "/to-photo", types, &body, &a, &err), err);
    assert_string_equal(body.data, "photo");
    assert_int_equal(a.redirects, 1);
    assert_non_null(strstr(a.url, "/photo"));
    lk_buf_free(&body);
    assert_ok(get(f, "/untyped", types, &body, &a, &err), err);
    lk_buf_free(&body);
    assert_ok(get(f, "/head", NULL, &body, &a, &err), err);
    lk_buf_free(&body);
    assert_ok(get(f, "/cookie", NULL, &body, &a, &err), err);
    lk_buf_free(&body);
    lk_fetch_close(f);
}

static void what_is_refused_has_its_code(void **state) {
    (void)state;
    static const char *const types[] = {"image/", NULL};
    static const struct {
        const char *path;
        lk_fetch_reason reason;
        int rc, status;
    } table[] = {
        {"/page", LK_FETCH_TYPE, LIKEN_E_FORMAT, 200},
        {"/empty-page", LK_FETCH_TYPE, LIKEN_E_FORMAT, 200},
        {"/long", LK_FETCH_TOO_LARGE, LIKEN_E_TOO_LARGE, 200},
        {"/endless", LK_FETCH_TOO_LARGE, LIKEN_E_TOO_LARGE, 200},
        {"/bomb", LK_FETCH_TOO_LARGE, LIKEN_E_TOO_LARGE, 200},
        {"/flood", LK_FETCH_HEADERS, LIKEN_E_TOO_LARGE, 0},
        {"/short", LK_FETCH_BROKEN, LIKEN_E_IO, 200},
        {"/garbage", LK_FETCH_BROKEN, LIKEN_E_IO, 0},
        {"/twice", LK_FETCH_BROKEN, LIKEN_E_IO, 200},
        {"/old", LK_FETCH_BROKEN, LIKEN_E_IO, 0},
        {"/bad-encoding", LK_FETCH_BROKEN, LIKEN_E_IO, 200},
        {"/nowhere", LK_FETCH_STATUS, LIKEN_E_IO, 302},
        {"/missing", LK_FETCH_STATUS, LIKEN_E_NOT_FOUND, 404},
        {"/busy", LK_FETCH_STATUS, LIKEN_E_BUSY, 503},
        {"/too-many", LK_FETCH_STATUS, LIKEN_E_BUSY, 429},
        {"/forbidden", LK_FETCH_STATUS, LIKEN_E_IO, 403},
        {"/broken", LK_FETCH_STATUS, LIKEN_E_IO, 500},
        {"/nothing", LK_FETCH_STATUS, LIKEN_E_IO, 204},
        {"/unasked", LK_FETCH_STATUS, LIKEN_E_IO, 304},
        {"/again", LK_FETCH_REDIRECTS, LIKEN_E_IO, 302},
        {"/to-file", LK_FETCH_SCHEME, LIKEN_E_ARG, 302},
        {"/to-ftp", LK_FETCH_SCHEME, LIKEN_E_ARG, 302},
        {"/to-other", LK_FETCH_HOST, LIKEN_E_ARG, 302},
        {"/to-ten", LK_FETCH_HOST, LIKEN_E_ARG, 302},
        {"/to-octal", LK_FETCH_HOST, LIKEN_E_ARG, 302},
        {"/next-door", LK_FETCH_HOST, LIKEN_E_ARG, 302},
        {"/credentials", LK_FETCH_CREDENTIALS, LIKEN_E_ARG, 302},
    };
    lk_fetch *f = client(&(lk_fetch_options){.bytes = 10000});
    for (size_t i = 0; i < LK_LENGTH(table); i++) {
        lk_fetch_answer a;
        lk_buf body;
        liken_error err = {0};
        const int rc = get(f, table[i].path, types, &body, &a, &err);
        if (rc != table[i].rc || a.reason != table[i].reason || (table[i].status > 0 && a.status != table[i].status))
            fail_msg("%s: %d, %s, status %d: %s", table[i].path, rc, lk_fetch_reason_code(a.reason), a.status,
                     err.message);
        assert_true(body.size <= 10000);
        assert_int_equal(err.code, rc);
        lk_buf_free(&body);
    }
    lk_fetch_close(f);
}

/* A line that goes on where there is none, on a connection that is used again: a sanitizer sees more here. */
static void nothing_is_left_of_the_request_before(void **state) {
    (void)state;
    lk_fetch *f = client(&(lk_fetch_options){.per_host = 1});
    for (int i = 0; i < 4; i++) {
        lk_fetch_answer a;
        lk_buf body;
        liken_error err;
        const int rc = get(f, i % 2 == 0 ? "/photo" : "/folded", NULL, &body, &a, &err);
        assert_true(i % 2 == 0 ? rc == LIKEN_OK : a.reason == LK_FETCH_DONE || a.reason == LK_FETCH_BROKEN);
        lk_buf_free(&body);
    }
    lk_fetch_close(f);
}

static void a_busy_server_says_when_to_come_again(void **state) {
    (void)state;
    lk_fetch *f = client(NULL);
    lk_fetch_answer a;
    lk_buf body;
    liken_error err;
    assert_int_equal(get(f, "/busy", NULL, &body, &a, &err), LIKEN_E_BUSY);
    assert_int_equal(a.retry_after, 120);
    assert_non_null(strstr(err.message, "120 seconds"));
    assert_int_equal(get(f, "/too-many", NULL, &body, &a, &err), LIKEN_E_BUSY);
    assert_int_equal(a.retry_after, 0);
    lk_fetch_close(f);
}

static void what_is_unchanged_does_not_come_again(void **state) {
    (void)state;
    char url[128];
    lk_fetch *f = client(NULL);
    lk_fetch_answer a;
    lk_buf body;
    liken_error err;
    lk_buf_init(&body, 100);
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%d/conditional", here.port);
    lk_fetch_ask ask = {.url = url, .sink = keep, .ctx = &body};
    assert_ok(lk_fetch_get(f, &ask, &a, &err), err);
    assert_false(a.unchanged);
    assert_int_equal(body.size, 3);
    ask.etag = "\"e1\"";
    ask.last_modified = "Tue, 01 Dec 2026 01:02:03 GMT";
    assert_ok(lk_fetch_get(f, &ask, &a, &err), err);
    assert_true(a.unchanged);
    assert_int_equal(a.status, 304);
    assert_int_equal(body.size, 3);
    ask.etag = "\"e1\"\r\nX-More: headers";
    assert_int_equal(lk_fetch_get(f, &ask, &a, &err), LIKEN_E_ARG);
    lk_buf_free(&body);
    lk_fetch_close(f);
}

static void only_named_hosts_are_asked(void **state) {
    (void)state;
    const char *const rules[] = {"localhost:1", "example.org"};
    lk_fetch *f = NULL;
    lk_fetch_answer a;
    lk_buf body;
    liken_error err;
    assert_ok(lk_fetch_open(&f, rules, 2, &(lk_fetch_options){.how = "--this"}, &err), err);
    const int before = atomic_load(&here.connections);
    assert_int_equal(get(f, "/photo", NULL, &body, &a, &err), LIKEN_E_ARG);
    assert_int_equal(a.reason, LK_FETCH_HOST);
    assert_non_null(strstr(err.message, "--this"));
    assert_int_equal(atomic_load(&here.connections), before);
    lk_fetch_close(f);
    assert_int_equal(lk_fetch_open(&f, (const char *const[]){"a/b"}, 1, NULL, &err), LIKEN_E_ARG);
    assert_non_null(strstr(err.message, "a/b"));
}

/* The name may be asked, and what it leads to may not. */
static void a_name_opens_no_private_address(void **state) {
    (void)state;
    char rule[64], url[64], own[64];
    const char *rules[] = {rule, own};
    lk_fetch *f = NULL;
    lk_fetch_answer a;
    lk_buf body;
    liken_error err;
    (void)snprintf(rule, sizeof rule, "localhost:%d", here.port);
    (void)snprintf(own, sizeof own, "127.0.0.1:%d", here.port);
    (void)snprintf(url, sizeof url, "http://localhost:%d/photo", here.port);
    lk_buf_init(&body, 100);
    const lk_fetch_ask ask = {.url = url, .sink = keep, .ctx = &body};
    const int before = atomic_load(&here.connections);
    assert_ok(lk_fetch_open(&f, rules, 1, NULL, &err), err);
    assert_int_equal(lk_fetch_get(f, &ask, &a, &err), LIKEN_E_ARG);
    assert_int_equal(a.reason, LK_FETCH_ADDRESS);
    assert_non_null(strstr(err.message, "loopback"));
    lk_fetch_close(f);
    assert_int_equal(atomic_load(&here.connections), before);
    assert_ok(lk_fetch_open(&f, rules, 2, NULL, &err), err);
    assert_ok(lk_fetch_get(f, &ask, &a, &err), err);
    lk_fetch_close(f);
    lk_buf_free(&body);
}

static void nothing_is_taken_from_the_environment(void **state) {
    (void)state;
    lk_fetch_answer a;
    lk_buf body;
    liken_error err;
    static const char *const names[] = {"http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"};
    for (size_t i = 0; i < LK_LENGTH(names); i++)
        assert_int_equal(setenv(names[i], "http://127.0.0.1:1", 1), 0);
    lk_fetch *f = client(NULL);
    assert_ok(get(f, "/photo", NULL, &body, &a, &err), err);
    lk_buf_free(&body);
    lk_fetch_close(f);
    for (size_t i = 0; i < LK_LENGTH(names); i++)
        unsetenv(names[i]);
}

static void who_is_slow_is_left(void **state) {
    (void)state;
    static const struct {
        const char *path;
        double seconds, quiet;
        lk_fetch_reason reason;
    } table[] = {{"/drip", 60, 1, LK_FETCH_SLOW},
                 {"/dripping-head", 60, 1, LK_FETCH_SLOW},
                 {"/silent", 60, 1, LK_FETCH_SLOW},
                 {"/steady", 0.3, 60, LK_FETCH_TIMEOUT}};
    for (size_t i = 0; i < LK_LENGTH(table); i++) {
        lk_fetch *f = client(&(lk_fetch_options){.seconds = table[i].seconds, .quiet_seconds = table[i].quiet});
        lk_fetch_answer a;
        lk_buf body;
        liken_error err = {0};
        assert_int_equal(get(f, table[i].path, NULL, &body, &a, &err), LIKEN_E_IO);
        if (a.reason != table[i].reason)
            fail_msg("%s: %s: %s", table[i].path, lk_fetch_reason_code(a.reason), err.message);
        lk_buf_free(&body);
        lk_fetch_close(f);
    }
}

static int always(void *ctx) {
    (void)ctx;
    return 1;
}

static int at_last(void *ctx, const liken_progress *p) {
    atomic_int *told = ctx;
    assert_string_equal(p->what, "bytes");
    atomic_fetch_add(told, 1);
    return p->done > 100;
}

static int get_for(const liken_call *asked, const char *path, lk_fetch_reason *reason) {
    lk_fetch *f = client(NULL);
    lk_fetch_answer a = {.reason = LK_FETCH_STOPPED};
    lk_buf body = {0};
    liken_error err;
    lk_call call;
    int rc = lk_call_begin(&call, asked, &err);
    if (rc == LIKEN_OK)
        rc = get(f, path, NULL, &body, &a, &err);
    lk_call_end(&call);
    lk_buf_free(&body);
    lk_fetch_close(f);
    *reason = a.reason;
    return rc;
}

static void a_call_ends_it(void **state) {
    (void)state;
    atomic_int told = 0;
    lk_fetch_reason reason;
    liken_call call = LIKEN_CALL_INIT;
    call.progress = at_last;
    call.ctx = &told;
    assert_int_equal(get_for(&call, "/steady", &reason), LIKEN_E_CANCELLED);
    assert_int_equal(reason, LK_FETCH_STOPPED);
    assert_true(atomic_load(&told) > 0);
    call = (liken_call)LIKEN_CALL_INIT;
    call.deadline = liken_deadline(0.3);
    assert_int_equal(get_for(&call, "/steady", &reason), LIKEN_E_DEADLINE);
    call = (liken_call)LIKEN_CALL_INIT;
    call.cancelled = always;
    assert_int_equal(get_for(&call, "/photo", &reason), LIKEN_E_CANCELLED);
}

static int full(void *ctx, const void *bytes, size_t size, liken_error *err) {
    (void)ctx;
    (void)bytes;
    (void)size;
    if (err != NULL)
        *err = (liken_error){LIKEN_E_FULL, "no room"};
    return LIKEN_E_FULL;
}

static void the_sink_ends_it(void **state) {
    (void)state;
    char url[64];
    lk_fetch *f = client(NULL);
    lk_fetch_answer a;
    liken_error err;
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%d/photo", here.port);
    assert_int_equal(lk_fetch_get(f, &(lk_fetch_ask){.url = url, .sink = full}, &a, &err), LIKEN_E_FULL);
    assert_string_equal(err.message, "no room");
    assert_int_equal(a.bytes, 0);
    assert_int_equal(a.reason, LK_FETCH_STOPPED);
    lk_fetch_close(f);
}

static void *ten_times(void *f) {
    for (int i = 0; i < 10; i++) {
        lk_fetch_answer a;
        lk_buf body;
        liken_error err;
        assert_ok(get(f, i % 3 == 0 ? "/to-photo" : i % 3 == 1 ? "/photo" : "/untyped", NULL, &body, &a, &err), err);
        assert_string_equal(body.data, "photo");
        lk_buf_free(&body);
    }
    return NULL;
}

static void connections_to_a_host_are_few_and_used_again(void **state) {
    (void)state;
    pthread_t threads[8];
    wait_until(atomic_load(&here.open) == 0);
    const int before = atomic_load(&here.connections);
    atomic_store(&here.most, 0);
    lk_fetch *f = client(&(lk_fetch_options){.per_host = 2});
    for (size_t i = 0; i < LK_LENGTH(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ten_times, f), 0);
    for (size_t i = 0; i < LK_LENGTH(threads); i++)
        pthread_join(threads[i], NULL);
    lk_fetch_close(f);
    assert_true(atomic_load(&here.most) <= 2);
    assert_true(atomic_load(&here.connections) - before <= 2);
}

/* Each allocation in turn, of a transfer with a redirect. */
static void memory_runs_out(void **state) {
    (void)state;
    char rule[64], url[64];
    const char *rules[] = {rule};
    bool refused = true;
    (void)snprintf(rule, sizeof rule, "127.0.0.1:%d", here.port);
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%d/to-photo", here.port);
    wait_until(atomic_load(&here.open) == 0); /* the site takes memory for a visit, too */
    for (long n = 1; refused; n++) {
        lk_fetch *f = NULL;
        lk_fetch_answer a = {.reason = LK_FETCH_STOPPED};
        lk_buf body;
        lk_buf_init(&body, 100);
        const lk_fetch_ask ask = {.url = url, .sink = keep, .ctx = &body};
        refuse_begin(n, false);
        int rc = lk_fetch_open(&f, rules, 1, NULL, NULL);
        if (rc == LIKEN_OK)
            rc = lk_fetch_get(f, &ask, &a, NULL);
        refused = refuse_end();
        assert_int_equal(rc, refused ? LIKEN_E_MEMORY : LIKEN_OK);
        assert_int_equal(a.reason, refused ? LK_FETCH_STOPPED : LK_FETCH_DONE);
        lk_fetch_close(f);
        lk_buf_free(&body);
    }
}

static int begin(void **state) {
    (void)state;
    site_start(&here, answer);
    return 0;
}

static int end(void **state) {
    (void)state;
    site_stop(&here);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_photo_comes_with_what_is_said_of_it),
        cmocka_unit_test(what_is_refused_has_its_code),
        cmocka_unit_test(nothing_is_left_of_the_request_before),
        cmocka_unit_test(a_busy_server_says_when_to_come_again),
        cmocka_unit_test(what_is_unchanged_does_not_come_again),
        cmocka_unit_test(only_named_hosts_are_asked),
        cmocka_unit_test(a_name_opens_no_private_address),
        cmocka_unit_test(nothing_is_taken_from_the_environment),
        cmocka_unit_test(who_is_slow_is_left),
        cmocka_unit_test(a_call_ends_it),
        cmocka_unit_test(the_sink_ends_it),
        cmocka_unit_test(memory_runs_out),
        cmocka_unit_test(connections_to_a_host_are_few_and_used_again),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
