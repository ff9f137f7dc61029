/* Where handlers run: one that waits keeps only its own kind waiting. */
#include "unit/test.h"

#include "unit/wire.h"

#include "http/http.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

/* Handlers that wait here until the test lets go. */
static struct door {
    pthread_mutex_t lock;
    pthread_cond_t moved;
    bool shut;
    int inside, ran;
} doors[3] = {{PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, 0, 0},
              {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, 0, 0},
              {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, 0, 0}};
enum { STORE, PHOTO, KEYS };

static void pass(struct door *d) {
    pthread_mutex_lock(&d->lock);
    d->inside++;
    pthread_cond_broadcast(&d->moved);
    while (d->shut)
        pthread_cond_wait(&d->moved, &d->lock);
    d->inside--;
    d->ran++;
    pthread_cond_broadcast(&d->moved);
    pthread_mutex_unlock(&d->lock);
}

static void shut(int which) {
    pthread_mutex_lock(&doors[which].lock);
    doors[which].shut = true;
    doors[which].ran = 0;
    pthread_mutex_unlock(&doors[which].lock);
}

static void open_door(int which) {
    pthread_mutex_lock(&doors[which].lock);
    doors[which].shut = false;
    pthread_cond_broadcast(&doors[which].moved);
    pthread_mutex_unlock(&doors[which].lock);
}

static void wait_inside(int which, int count) {
    pthread_mutex_lock(&doors[which].lock);
    while (doors[which].inside < count)
        pthread_cond_wait(&doors[which].moved, &doors[which].lock);
    pthread_mutex_unlock(&doors[which].lock);
}

static int ran(int which) {
    pthread_mutex_lock(&doors[which].lock);
    const int count = doors[which].ran;
    pthread_mutex_unlock(&doors[which].lock);
    return count;
}

static void answer(lk_request *r, void *ctx) {
    (void)ctx;
    lk_respond(r, 200, "text/plain", "ok", 2);
}

static void store(lk_request *r, void *ctx) {
    pass(&doors[STORE]);
    answer(r, ctx);
}

static void photo(lk_request *r, void *ctx) {
    pass(&doors[PHOTO]);
    answer(r, ctx);
}

static lk_lane either(const lk_request *r) {
    return lk_request_has_body(r) ? LK_LANE_PHOTO : LK_LANE_STORE;
}

static const lk_route routes[] = {
    {"GET", "/now", answer, .lane = LK_LANE_AT_ONCE},
    {"GET", "/read", answer, .lane = LK_LANE_STORE},
    {"GET", "/slow", store, .lane = LK_LANE_STORE},
    {"DELETE", "/slow", store, .lane = LK_LANE_STORE, .writes = true},
    {"POST", "/look", photo, .lane = LK_LANE_PHOTO},
    {"POST", "/add", photo, .lane = LK_LANE_PHOTO, .writes = true},
    {"POST", "/either", answer, .lane = LK_LANE_PHOTO, .lane_of = either},
    {"GET", "/secret", answer, .lane = LK_LANE_STORE, .tag = "secret"},
    {"GET", "/metric", answer, .lane = LK_LANE_AT_ONCE, .tag = "secret"},
};

static atomic_int asked;

static bool has_key(const lk_request *r, const char *key) {
    const char *header = lk_request_header(r, "Authorization");
    return header != NULL && strcmp(header, key) == 0;
}

static lk_glance glance(lk_request *r, const lk_route *route, void *ctx) {
    (void)ctx;
    if (route->tag == NULL || has_key(r, "known") || has_key(r, "revoked"))
        return LK_MAY;
    return lk_request_header(r, "Authorization") == NULL ? LK_MAY_NOT : LK_NOT_SURE;
}

static bool admit(lk_request *r, const lk_route *route, void *ctx) {
    (void)ctx;
    if (route->tag == NULL)
        return true;
    atomic_fetch_add(&asked, 1);
    pass(&doors[KEYS]);
    return has_key(r, "known") || has_key(r, "new");
}

static lk_http *start_with(lk_http_options o) {
    lk_http *h = NULL;
    liken_error err = {0};
    o.glance = glance;
    o.admit = admit;
    o.threads = 1; /* one that waited would be seen by all */
    o.workers = 1;
    o.store_threads = 1;
    assert_ok(lk_http_start(&h, &o, routes, LK_LENGTH(routes), &err), err);
    return h;
}

static int send_request(lk_http *h, const char *what, const char *more) {
    char text[256];
    const int n = snprintf(text, sizeof text, "%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s\r\n", what, more);
    const int fd = wire_open(lk_http_port(h));
    assert_true(fd >= 0 && wire_send(fd, text, (size_t)n));
    return fd;
}

static void expect_on(int fd, int status, const char *piece) {
    char *text = wire_read(fd);
    close(fd);
    if (wire_status(text) != status || strstr(text, piece) == NULL)
        fail_msg("expected %d and \"%s\", got\n%s", status, piece, text);
    free(text);
}

static void expect(lk_http *h, const char *what, int status, const char *piece) {
    expect_on(send_request(h, what, ""), status, piece);
}

#define PHOTO_BODY "Content-Length: 0\r\n"

static lk_lane_state state_of(lk_http *h, lk_lane lane, bool writes) {
    lk_lane_state s;
    lk_http_lane(h, lane, writes, &s);
    return s;
}

static void wait_waiting(lk_http *h, lk_lane lane, bool writes, size_t count) {
    wait_until(state_of(h, lane, writes).waiting == count);
}

static void a_lane_that_is_stuck_keeps_no_other_waiting(void **state) {
    (void)state;
    lk_http *h = start_with((lk_http_options){.queue = 8});
    shut(STORE);
    shut(PHOTO);
    int stuck[8], count = 0;
    for (int i = 0; i < 4; i++) /* one runs, three wait */
        stuck[count++] = send_request(h, "DELETE /slow", "");
    wait_inside(STORE, 1);
    wait_waiting(h, LK_LANE_STORE, true, 3);
    expect(h, "GET /now", 200, "ok");
    expect(h, "GET /read", 200, "ok"); /* writes that wait leave reads alone */
    stuck[count++] = send_request(h, "POST /add", PHOTO_BODY);
    wait_inside(PHOTO, 1);
    stuck[count++] = send_request(h, "POST /look", PHOTO_BODY);
    wait_inside(PHOTO, 2);
    expect(h, "GET /now", 200, "ok");
    expect(h, "GET /read", 200, "ok");
    expect(h, "POST /either", 200, "ok"); /* no photo in it: it does not wait behind photos */
    stuck[count++] = send_request(h, "GET /slow", "");
    wait_inside(STORE, 2);
    expect(h, "GET /now", 200, "ok");
    assert_int_equal(state_of(h, LK_LANE_STORE, false).running, 1);
    assert_int_equal(ran(STORE) + ran(PHOTO), 0);
    open_door(STORE);
    open_door(PHOTO);
    for (int i = 0; i < count; i++)
        expect_on(stuck[i], 200, "ok");
    lk_http_stop(h);
}

static void a_full_lane_says_so(void **state) {
    (void)state;
    lk_http *h = start_with((lk_http_options){.queue = 1});
    shut(STORE);
    const int one = send_request(h, "DELETE /slow", "");
    wait_inside(STORE, 1);
    const int two = send_request(h, "DELETE /slow", "");
    wait_waiting(h, LK_LANE_STORE, true, 1);
    expect(h, "DELETE /slow", 503, "Retry-After: ");
    expect(h, "GET /read", 200, "ok");
    assert_int_equal(state_of(h, LK_LANE_STORE, true).full, 1);
    open_door(STORE);
    expect_on(one, 200, "ok");
    expect_on(two, 200, "ok");
    lk_http_stop(h);
}

/* Answered while the only thread of its lane is still stuck, and never run. */
static void what_waits_too_long_is_told_so(void **state) {
    (void)state;
    lk_http *h = start_with((lk_http_options){.queue = 8, .queue_seconds = 3});
    shut(STORE);
    const int first = send_request(h, "DELETE /slow", "");
    wait_inside(STORE, 1);
    const int second = send_request(h, "DELETE /slow", ""), third = send_request(h, "DELETE /slow", "");
    expect_on(second, 503, "Retry-After: ");
    expect_on(third, 503, "in time");
    assert_int_equal(ran(STORE), 0);
    assert_int_equal(state_of(h, LK_LANE_STORE, true).late, 2);
    open_door(STORE);
    expect_on(first, 200, "ok");
    assert_int_equal(ran(STORE), 1);
    expect(h, "DELETE /slow", 200, "ok");
    lk_http_stop(h);
}

/* The client resets its connection while its request waits behind one that is stuck: dropped at once, and never run. */
static void what_a_client_left_behind_is_dropped(void **state) {
    (void)state;
    lk_http *h = start_with((lk_http_options){.queue = 8});
    shut(STORE);
    const int first = send_request(h, "DELETE /slow", "");
    wait_inside(STORE, 1);
    const int left = send_request(h, "DELETE /slow", "");
    wait_waiting(h, LK_LANE_STORE, true, 1);
    const struct linger at_once = {1, 0};
    assert_int_equal(setsockopt(left, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
    close(left);
    wait_waiting(h, LK_LANE_STORE, true, 0);
    assert_int_equal(state_of(h, LK_LANE_STORE, true).gone, 1);
    open_door(STORE);
    expect_on(first, 200, "ok");
    assert_int_equal(ran(STORE), 1);
    lk_http_stop(h);
}

static void keys_are_looked_up_where_waiting_is_allowed(void **state) {
    (void)state;
    lk_http *h = start_with((lk_http_options){.queue = 8});
    atomic_store(&asked, 0);
    expect(h, "GET /secret", 403, "not allowed"); /* surely not: nobody was asked */
    assert_int_equal(atomic_load(&asked), 0);
    expect_on(send_request(h, "GET /secret", "Authorization: known\r\n"), 200, "ok");
    assert_int_equal(atomic_load(&asked), 1); /* once more before the handler */
    expect_on(send_request(h, "GET /secret", "Authorization: new\r\n"), 200, "ok");
    expect_on(send_request(h, "GET /secret", "Authorization: wrong\r\n"), 403, "not allowed");
    expect_on(send_request(h, "GET /secret", "Authorization: revoked\r\n"), 403, "not allowed");
    expect_on(send_request(h, "GET /metric", "Authorization: new\r\n"), 200, "ok");
    expect_on(send_request(h, "GET /metric", "Authorization: wrong\r\n"), 403, "not allowed");
    shut(KEYS);
    const int late = send_request(h, "GET /metric", "Authorization: new\r\n");
    wait_inside(KEYS, 1);
    expect(h, "GET /now", 200, "ok");
    expect_on(send_request(h, "GET /metric", "Authorization: known\r\n"), 200, "ok");
    open_door(KEYS);
    expect_on(late, 200, "ok");
    lk_http_stop(h);
}

static void *stop(void *h) {
    lk_http_stop(h);
    return NULL;
}

/* What was accepted is answered, also what waits behind it and what is being asked for its key. */
static void stopping_while_stuck(void **state) {
    (void)state;
    pthread_t stopper;
    lk_http *h = start_with((lk_http_options){.queue = 8});
    const int port = lk_http_port(h);
    shut(STORE);
    shut(PHOTO);
    shut(KEYS);
    const int fds[] = {send_request(h, "DELETE /slow", ""), send_request(h, "POST /look", PHOTO_BODY),
                       send_request(h, "GET /metric", "Authorization: new\r\n")};
    wait_inside(STORE, 1);
    wait_inside(PHOTO, 1);
    wait_inside(KEYS, 1);
    const int behind = send_request(h, "DELETE /slow", "");
    wait_waiting(h, LK_LANE_STORE, true, 1);
    assert_int_equal(pthread_create(&stopper, NULL, stop, h), 0);
    for (int late; (late = wire_open(port)) >= 0;) /* until it listens no more */
        close(late);
    open_door(KEYS);
    open_door(PHOTO);
    open_door(STORE);
    for (size_t i = 0; i < LK_LENGTH(fds); i++)
        expect_on(fds[i], 200, "ok");
    expect_on(behind, 200, "ok");
    pthread_join(stopper, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lane_that_is_stuck_keeps_no_other_waiting),
        cmocka_unit_test(a_full_lane_says_so),
        cmocka_unit_test(what_waits_too_long_is_told_so),
        cmocka_unit_test(what_a_client_left_behind_is_dropped),
        cmocka_unit_test(keys_are_looked_up_where_waiting_is_allowed),
        cmocka_unit_test(stopping_while_stuck),
    };
    return cmocka_run_group_tests_name("http/lanes", tests, NULL, NULL);
}
