#include "unit/test.h"

#include "unit/wire.h"

#include "http/http_int.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

/* A small server: what its handlers see, they answer. `gate` holds the heavy ones. */
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static atomic_int heavy_started, watch_started, answered, last_status;

static void echo(lk_request *r, void *ctx) {
    (void)ctx;
    lk_buf b;
    size_t size = 0;
    const void *body = lk_request_body(r, &size);
    const char *q = lk_request_query(r, "q"), *id = lk_request_param(r, "id");
    lk_buf_init(&b, 1 << 20);
    assert_int_equal(lk_buf_format(&b, NULL, "%s %s q=%s id=%s body=%zu:%.20s\n", lk_request_method(r),
                                   lk_request_path(r), q != NULL ? q : "-", id != NULL ? id : "-", size,
                                   body != NULL ? (const char *)body : ""),
                     0);
    for (size_t i = 0; i < lk_request_part_count(r); i++) {
        const lk_part *p = lk_request_part_at(r, i);
        assert_int_equal(((const char *)p->data)[p->size], 0);
        assert_int_equal(lk_buf_format(&b, NULL, "part %s file=%s size=%zu %.10s\n", p->name,
                                       p->filename != NULL ? p->filename : "-", p->size, (const char *)p->data),
                         0);
    }
    lk_respond(r, 200, "text/plain", b.data, b.size);
    lk_buf_free(&b);
}

static void slow(lk_request *r, void *ctx) {
    (void)ctx;
    atomic_fetch_add(&heavy_started, 1);
    pthread_mutex_lock(&gate);
    pthread_mutex_unlock(&gate);
    lk_respond(r, 201, "text/plain", "done", 4);
}

static void until_gone(lk_request *r, void *ctx) {
    (void)ctx;
    atomic_fetch_add(&watch_started, 1);
    for (int i = 0; i < 6000 && !lk_request_gone(r); i++)
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    assert_true(lk_request_gone(r));
    lk_respond(r, 200, "text/plain", "to nobody", 9);
}

static void silent(lk_request *r, void *ctx) {
    (void)r;
    (void)ctx;
}

static const lk_route routes[] = {
    {"GET", "/echo", echo, .lane = LK_LANE_AT_ONCE},
    {"GET", "/echo/{id}", echo, .lane = LK_LANE_AT_ONCE},
    {"POST", "/echo", echo, .lane = LK_LANE_AT_ONCE},
    {"POST", "/heavy", slow, .lane = LK_LANE_PHOTO},
    {"POST", "/worker", echo, .lane = LK_LANE_PHOTO},
    {"POST", "/gone", until_gone, .lane = LK_LANE_PHOTO},
    {"GET", "/silent", silent, .lane = LK_LANE_AT_ONCE},
    {"POST", "/secret", echo, .lane = LK_LANE_AT_ONCE, .tag = "secret"},
    {"POST", "/small", echo, .lane = LK_LANE_AT_ONCE, .max_body = 100},
};

static lk_glance glance(lk_request *r, const lk_route *route, void *ctx) {
    (void)r;
    (void)ctx;
    return route->tag == NULL ? LK_MAY : LK_NOT_SURE;
}

static bool admit(lk_request *r, const lk_route *route, void *ctx) {
    (void)ctx;
    if (route->tag == NULL)
        return true;
    lk_respond_header(r, "WWW-Authenticate", "Bearer");
    lk_respond(r, 401, "text/plain", "no", 2);
    return false;
}

static void done(const lk_request *r, int status, double seconds, void *ctx) {
    (void)r;
    (void)ctx;
    assert_true(seconds >= 0);
    atomic_store(&last_status, status);
    atomic_fetch_add(&answered, 1);
}

static lk_http *start_with(lk_http_options o) {
    lk_http *h = NULL;
    liken_error err = {0};
    o.glance = glance;
    o.admit = admit;
    o.done = done;
    atomic_store(&heavy_started, 0);
    atomic_store(&answered, 0);
    assert_ok(lk_http_start(&h, &o, routes, LK_LENGTH(routes), &err), err);
    return h;
}

static lk_http *start(void) {
    return start_with((lk_http_options){.max_body = 100000, .workers = 1, .queue = 2, .threads = 2});
}

static char *ask(lk_http *h, const char *request) {
    return wire_talk(lk_http_port(h), request, strlen(request));
}

static void expect(lk_http *h, const char *request, int status, const char *piece) {
    char *answer = ask(h, request);
    if (wire_status(answer) != status || strstr(answer, piece) == NULL)
        fail_msg("expected %d and \"%s\" for\n%s\ngot\n%s", status, piece, request, answer);
    free(answer);
}

#define CLOSE "Host: x\r\nConnection: close\r\n"

static void requests_are_answered(void **state) {
    (void)state;
    lk_http *h = start();
    expect(h, "GET /echo?q=a%20b HTTP/1.1\r\n" CLOSE "\r\n", 200, "GET /echo q=a b id=- body=0:");
    expect(h, "GET /echo/x%2Fy HTTP/1.1\r\n" CLOSE "\r\n", 200, "id=x/y");
    expect(h, "POST /echo HTTP/1.1\r\n" CLOSE "Content-Length: 5\r\n\r\nhello", 200, "body=5:hello");
    expect(h, "POST /worker HTTP/1.1\r\n" CLOSE "Content-Length: 5\r\n\r\nhello", 200, "body=5:hello");
    expect(h, "POST /worker HTTP/1.1\r\n" CLOSE "Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n",
           200, "body=5:hello");
    expect(h, "GET /echo HTTP/1.1\r\n" CLOSE "\r\n", 200, "X-Request-Id: ");
    expect(h, "GET /silent HTTP/1.1\r\n" CLOSE "\r\n", 500, "without an answer");
    char *answer = ask(h, "HEAD /echo HTTP/1.1\r\n" CLOSE "\r\n");
    assert_int_equal(wire_status(answer), 200);
    assert_string_equal(wire_body(answer), "");
    free(answer);
    lk_http_stop(h);
}

static void what_is_wrong_is_refused(void **state) {
    (void)state;
    lk_http *h = start();
    expect(h, "GET /none HTTP/1.1\r\n" CLOSE "\r\n", 404, "nothing at this address");
    expect(h, "PUT /echo HTTP/1.1\r\n" CLOSE "Content-Length: 3\r\n\r\nabc", 405, "Allow: GET, HEAD, POST\r\n");
    expect(h, "GET /echo/%00 HTTP/1.1\r\n" CLOSE "\r\n", 400, "other than 00");
    expect(h, "GET /%zz HTTP/1.1\r\n" CLOSE "\r\n", 400, "two hex digits");
    expect(h, "POST /secret HTTP/1.1\r\n" CLOSE "Content-Length: 3\r\n\r\nabc", 401, "WWW-Authenticate: Bearer\r\n");
    expect(h, "GET /echo NONSENSE\r\n\r\n", 400, "");
    expect(h, "GET /echo HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n", 400, "");
    expect(h, "GET /echo HTTP/1.1\r\nConnection: close\r\n\r\n", 400, ""); /* no Host */
    expect(h, "GET /echo HTTP/1.1\r\n" CLOSE "\r\n", 200, "GET /echo");    /* still there */
    lk_http_stop(h);
}

static void bodies_have_a_limit(void **state) {
    (void)state;
    lk_http *h = start();
    /* said at once, although nothing of the body came */
    expect(h, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 100001\r\n\r\n", 413, "limit of 100000 bytes");
    assert_int_equal(atomic_load(&last_status), 413);
    expect(h, "POST /small HTTP/1.1\r\nHost: x\r\nContent-Length: 101\r\n\r\n", 413, "limit of 100 bytes");
    expect(h, "POST /small HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999999\r\n\r\n", 413, "");
    /* while streaming, by a client that would go on for ever */
    const int fd = wire_open(lk_http_port(h));
    static const char head[] = "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert_true(wire_send(fd, head, sizeof head - 1));
    char chunk[6 + 10000 + 2];
    memset(chunk, 'a', sizeof chunk);
    memcpy(chunk, "2710\r\n", 6);
    memcpy(chunk + sizeof chunk - 2, "\r\n", 2);
    for (int i = 0; i < 40; i++)
        (void)wire_send(fd, chunk, sizeof chunk);
    char *answer = wire_read(fd);
    close(fd);
    assert_int_equal(wire_status(answer), 413);
    free(answer);
    lk_http_stop(h);
}

/* A client that sends all of a refused body before it reads still sees the answer. */
static void a_refusal_survives_the_body(void **state) {
    (void)state;
    lk_http *h = start();
    const size_t size = 8 << 20;
    char *body = calloc(1, size);
    assert_non_null(body);
    const int fd = wire_open(lk_http_port(h));
    char head[128];
    const int n = snprintf(head, sizeof head, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n", size);
    assert_true(wire_send(fd, head, (size_t)n));
    assert_true(wire_send(fd, body, size));
    char *answer = wire_read(fd);
    close(fd);
    assert_int_equal(wire_status(answer), 413);
    free(answer);
    free(body);
    lk_http_stop(h);
}

static void wait_until_held(lk_http *h, size_t size) {
    wait_until(atomic_load(&h->held) >= size);
}

/* While one body is held, a second one that finds no room is put off, and the first is served all the same. */
static void check_room_for_one(size_t max_memory) {
    lk_http *h = start_with((lk_http_options){.max_body = 50000, .max_memory = max_memory, .workers = 1});
    static char body[40000];
    memset(body, 'x', sizeof body);
    static const char head[] = "POST /echo HTTP/1.1\r\n" CLOSE "Content-Length: 40001\r\n\r\n";
    const int first = wire_open(lk_http_port(h)), second = wire_open(lk_http_port(h));
    assert_true(wire_send(first, head, sizeof head - 1) && wire_send(first, body, sizeof body));
    wait_until_held(h, sizeof body);
    (void)wire_send(second, head, sizeof head - 1);
    (void)wire_send(second, body, sizeof body);
    char *answer = wire_read(second);
    assert_int_equal(wire_status(answer), 503);
    assert_non_null(strstr(answer, "Retry-After: "));
    free(answer);
    assert_true(wire_send(first, "x", 1));
    answer = wire_read(first);
    assert_int_equal(wire_status(answer), 200);
    free(answer);
    close(first);
    close(second);
    expect(h, "GET /echo HTTP/1.1\r\n" CLOSE "\r\n", 200, "");
    lk_http_stop(h);
}

static void memory_is_bounded_over_all_connections(void **state) {
    (void)state;
    check_room_for_one(60000);
}

static char *form(const char *type, const char *body) {
    char *request = malloc(strlen(body) + strlen(type) + 256);
    assert_non_null(request);
    (void)sprintf(request, "POST /echo HTTP/1.1\r\n" CLOSE "Content-Type: %s\r\nContent-Length: %zu\r\n\r\n%s", type,
                  strlen(body), body);
    return request;
}

static void expect_form(lk_http *h, const char *type, const char *body, int status, const char *piece) {
    char *request = form(type, body);
    expect(h, request, status, piece);
    free(request);
}

#define MULTIPART "multipart/form-data; boundary=XX"
#define PART(name, more, data) "--XX\r\nContent-Disposition: form-data; name=\"" name "\"" more "\r\n\r\n" data "\r\n"

static void forms_come_apart(void **state) {
    (void)state;
    lk_http *h = start();
    static const char two[] =
        PART("a", "", "1") PART("f", "; filename=\"x y.jpg\"\r\nContent-Type: image/jpeg", "data") "--XX--\r\n";
    expect_form(h, MULTIPART, two, 200, "part a file=- size=1 1\npart f file=x y.jpg size=4 data\n");
    expect_form(h, MULTIPART, PART("t", "", "1") PART("t", "", "2") "--XX--\r\n", 200,
                "part t file=- size=1 1\npart t file=- size=1 2\n");
    expect_form(h, MULTIPART, PART("e", "", "") PART("f", "", "x") "--XX--\r\n", 200,
                "part e file=- size=0 \npart f file=- size=1 x\n");
    expect_form(h, "application/x-www-form-urlencoded", "a=1+2&b=%41&c=", 200,
                "part a file=- size=3 1 2\npart b file=- size=1 A\npart c");
    lk_http_stop(h);
}

/* 60,000 bytes each: one fits the room of texts, two do not; a file may have all of the body. */
static void texts_of_a_form_share_a_small_limit(void **state) {
    (void)state;
    lk_http *h = start_with((lk_http_options){.max_body = 300000, .max_json = 1000, .files = "photo b", .workers = 1});
    static const char *const names[][3] = {{"photo", "a", ""}, {"b", "photo", ""}, {"a", "", ""},
                                           {"a", "c", "413"},  {"a", "a", "413"},  {"phot", "photo b", "413"}};
    char *long_text = malloc(60001);
    assert_non_null(long_text);
    memset(long_text, 'x', 60000);
    long_text[60000] = '\0';
    for (size_t i = 0; i < LK_LENGTH(names); i++) {
        lk_buf b, u;
        lk_buf_init(&b, 1 << 20);
        lk_buf_init(&u, 1 << 20);
        for (int k = 0; k < 2 && names[i][k][0] != '\0'; k++) {
            assert_int_equal(lk_buf_format(&b, NULL,
                                           "--XX\r\nContent-Disposition: form-data; name=\"%s\"\r\n\r\n%s\r\n",
                                           names[i][k], long_text),
                             0);
            assert_int_equal(lk_buf_format(&u, NULL, "%s%s=%s", k > 0 ? "&" : "", names[i][k], long_text), 0);
        }
        assert_int_equal(lk_buf_string(&b, "--XX--\r\n", NULL), 0);
        const int status = names[i][2][0] != '\0' ? 413 : 200;
        const char *word = status == 413 ? "65536 bytes" : "size=60000";
        expect_form(h, MULTIPART, b.data, status, word);
        if (strchr(u.data, ' ') == NULL)
            expect_form(h, "application/x-www-form-urlencoded", u.data, status, word);
        lk_buf_free(&b);
        lk_buf_free(&u);
    }
    long_text[2000] = '\0';
    expect_form(h, "text/plain", long_text, 200, "body=2000");
    expect_form(h, "application/json; charset=utf-8", long_text, 413, "1000 bytes");
    expect_form(h, "application/jsonl", long_text, 200, "body=2000");
    free(long_text);
    lk_http_stop(h);
}

static void damaged_forms_are_refused(void **state) {
    (void)state;
    lk_http *h = start();
    expect_form(h, "multipart/form-data", "x", 400, "boundary");
    expect_form(h, MULTIPART, "no boundary in here", 400, "form");
    expect_form(h, MULTIPART, PART("a", "", "1"), 400, "cut short");
    expect_form(h, MULTIPART, "--XX\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nno end", 400, "cut short");
    expect_form(h, MULTIPART, "--XX\r\n\r\nnameless\r\n--XX--\r\n", 400, "no name");
    lk_buf many, key;
    lk_buf_init(&many, 1 << 20);
    for (int i = 0; i < LK_FORM_PARTS + 1; i++)
        assert_int_equal(
            lk_buf_format(&many, NULL, "--XX\r\nContent-Disposition: form-data; name=\"n%d\"\r\n\r\nv\r\n", i), 0);
    assert_int_equal(lk_buf_string(&many, "--XX--\r\n", NULL), 0);
    expect_form(h, MULTIPART, many.data, 413, "parts");
    lk_buf_init(&key, 1 << 20);
    for (int i = 0; i < 400; i++)
        assert_int_equal(lk_buf_string(&key, "k", NULL), 0);
    assert_int_equal(lk_buf_string(&key, "=v", NULL), 0);
    expect_form(h, "application/x-www-form-urlencoded", key.data, 413, "name of a part");
    lk_buf_free(&many);
    lk_buf_free(&key);
    lk_http_stop(h);
}

static void wait_for(atomic_int *counter, int value) {
    wait_until(atomic_load(counter) >= value);
}

static const char heavy[] = "POST /heavy HTTP/1.1\r\n" CLOSE "Content-Length: 1\r\n\r\nx";

static void wait_until_waiting(lk_http *h, size_t n) {
    wait_until(lk_http_waiting(h) >= n);
}

static void a_full_queue_answers_503(void **state) {
    (void)state;
    lk_http *h = start(); /* one worker, two may wait */
    int fd[3];
    pthread_mutex_lock(&gate);
    for (int i = 0; i < 3; i++) {
        fd[i] = wire_open(lk_http_port(h));
        assert_true(wire_send(fd[i], heavy, sizeof heavy - 1));
        if (i == 0)
            wait_for(&heavy_started, 1);
    }
    wait_until_waiting(h, 2);
    expect(h, heavy, 503, "Retry-After: ");
    expect(h, "GET /echo HTTP/1.1\r\n" CLOSE "\r\n", 200, "GET /echo"); /* light ones go on */
    pthread_mutex_unlock(&gate);
    for (int i = 0; i < 3; i++) {
        char *answer = wire_read(fd[i]);
        assert_int_equal(wire_status(answer), 201);
        free(answer);
        close(fd[i]);
    }
    lk_http_stop(h);
}

static void *stop(void *h) {
    lk_http_stop(h);
    return NULL;
}

static void stopping_finishes_what_was_accepted(void **state) {
    (void)state;
    lk_http *h = start();
    const int port = lk_http_port(h);
    int fd[3];
    pthread_t stopper;
    pthread_mutex_lock(&gate);
    for (int i = 0; i < 2; i++) {
        fd[i] = wire_open(port);
        assert_true(wire_send(fd[i], heavy, sizeof heavy - 1));
    }
    wait_for(&heavy_started, 1);
    wait_until_waiting(h, 1);
    fd[2] = wire_open(port); /* half an upload */
    static const char half[] = "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\nabc";
    assert_true(wire_send(fd[2], half, sizeof half - 1));
    wait_until_held(h, 3);
    assert_int_equal(pthread_create(&stopper, NULL, stop, h), 0);
    for (int late; (late = wire_open(port)) >= 0;) /* until it listens no more */
        close(late);
    assert_true(wire_send(fd[2], "def", 3));
    char *answer = wire_read(fd[2]);
    assert_int_equal(wire_status(answer), 200);
    assert_non_null(strstr(answer, "body=6:abcdef"));
    free(answer);
    pthread_mutex_unlock(&gate);
    for (int i = 0; i < 2; i++) {
        answer = wire_read(fd[i]);
        assert_int_equal(wire_status(answer), 201);
        free(answer);
    }
    for (int i = 0; i < 3; i++)
        close(fd[i]);
    pthread_join(stopper, NULL);
    lk_http_stop(NULL);
}

static void too_many_connections_are_turned_away(void **state) {
    (void)state;
    lk_http *h = start_with((lk_http_options){.max_connections = 2, .threads = 1, .workers = 1});
    pthread_mutex_lock(&gate);
    const int one = wire_open(lk_http_port(h)), two = wire_open(lk_http_port(h));
    assert_true(wire_send(one, heavy, sizeof heavy - 1) && wire_send(two, heavy, sizeof heavy - 1));
    wait_for(&heavy_started, 1);
    wait_until_waiting(h, 1); /* both places are taken by work */
    const int three = wire_open(lk_http_port(h));
    char *answer = wire_read(three);
    assert_int_equal(wire_status(answer), 503);
    assert_non_null(strstr(answer, "nosniff"));
    free(answer);
    pthread_mutex_unlock(&gate);
    free(wire_read(one));
    free(wire_read(two));
    close(one);
    close(two);
    close(three);
    lk_http_stop(h);
}

static size_t gone_of(lk_http *h) {
    lk_lane_state lane = {0};
    lk_http_lane(h, LK_LANE_PHOTO, false, &lane);
    return (size_t)lane.gone;
}

static void nobody_works_for_who_is_gone(void **state) {
    (void)state;
    lk_http *h = start();
    static const char request[] = "POST /gone HTTP/1.1\r\n" CLOSE "Content-Length: 0\r\n\r\n";
    const int runs = wire_open(lk_http_port(h)), waits = wire_open(lk_http_port(h));
    assert_true(wire_send(runs, request, sizeof request - 1));
    wait_for(&watch_started, 1);
    assert_true(wire_send(waits, heavy, sizeof heavy - 1));
    wait_until_waiting(h, 1);
    close(waits);
    wait_until(gone_of(h) > 0); /* it was noticed while the only worker works */
    close(runs);
    wait_for(&answered, 2);
    assert_int_equal(atomic_load(&heavy_started), 0);
    lk_http_stop(h);
}

static void one_address_holds_half_of_the_memory(void **state) {
    (void)state;
    check_room_for_one(120000);
}

static void what_nobody_asked_for_is_not_held(void **state) {
    (void)state;
    lk_http *h = start_with((lk_http_options){.max_body = 100000, .max_memory = 1000}); /* to hold it: 503 */
    static char body[60000];
    static const char head[] = "GET /echo HTTP/1.1\r\n" CLOSE "Content-Length: 60001\r\n\r\n";
    const int fd = wire_open(lk_http_port(h));
    assert_true(wire_send(fd, head, sizeof head - 1) && wire_send(fd, body, sizeof body) && wire_send(fd, "x", 1));
    char *answer = wire_read(fd);
    assert_int_equal(wire_status(answer), 200);
    assert_non_null(strstr(answer, "body=0:"));
    free(answer);
    close(fd);
    expect(h, "GET /echo HTTP/1.1\r\n" CLOSE "Content-Length: 70000\r\n\r\n", 413, "");
    lk_http_stop(h);
}

static void a_taken_port_is_said(void **state) {
    (void)state;
    lk_http *h = start(), *other = NULL;
    liken_error err = {0};
    const lk_http_options same = {.port = lk_http_port(h)}, nowhere = {.address = "not an address"};
    assert_int_equal(lk_http_start(&other, &same, routes, 1, &err), LIKEN_E_CONFLICT);
    assert_non_null(strstr(err.message, "cannot listen"));
    assert_int_equal(lk_http_start(&other, &nowhere, routes, 1, &err), LIKEN_E_ARG);
    assert_null(other);
    lk_http_stop(h);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_are_answered),
        cmocka_unit_test(what_is_wrong_is_refused),
        cmocka_unit_test(bodies_have_a_limit),
        cmocka_unit_test(a_refusal_survives_the_body),
        cmocka_unit_test(memory_is_bounded_over_all_connections),
        cmocka_unit_test(forms_come_apart),
        cmocka_unit_test(texts_of_a_form_share_a_small_limit),
        cmocka_unit_test(damaged_forms_are_refused),
        cmocka_unit_test(a_full_queue_answers_503),
        cmocka_unit_test(stopping_finishes_what_was_accepted),
        cmocka_unit_test(too_many_connections_are_turned_away),
        cmocka_unit_test(nobody_works_for_who_is_gone),
        cmocka_unit_test(one_address_holds_half_of_the_memory),
        cmocka_unit_test(what_nobody_asked_for_is_not_held),
        cmocka_unit_test(a_taken_port_is_said),
    };
    return cmocka_run_group_tests_name("http/server", tests, NULL, NULL);
}
