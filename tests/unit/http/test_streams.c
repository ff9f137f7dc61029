/* Answers that come bit by bit, and clients that do not take them. */
#include "unit/test.h"

#include "unit/wire.h"

#include "base/clock.h"
#include "http/http_int.h"

#include <stdatomic.h>
#include <sys/resource.h>
#include <time.h>

#define ENDLESS UINT64_MAX

/* ---- sources ---- */

static atomic_int closed, asked;

/* Says what the test gives it, to whoever asks first. */
static struct {
    pthread_mutex_t lock;
    char text[65536];
    size_t size;
    lk_streamed then; /* when there is no more */
} tap = {.lock = PTHREAD_MUTEX_INITIALIZER};

static lk_streamed from_tap(void *cls, void *to, size_t room, size_t *size) {
    (void)cls;
    pthread_mutex_lock(&tap.lock);
    const lk_streamed then = tap.size > 0 ? LK_STREAM_MORE : tap.then;
    *size = tap.size < room ? tap.size : room;
    memcpy(to, tap.text, *size);
    tap.size -= *size;
    memmove(tap.text, tap.text + *size, tap.size);
    pthread_mutex_unlock(&tap.lock);
    atomic_fetch_add(&asked, 1);
    return then;
}

static void give(lk_http *h, const char *text, lk_streamed then) {
    pthread_mutex_lock(&tap.lock);
    assert_true(tap.size + strlen(text) <= sizeof tap.text);
    memcpy(tap.text + tap.size, text, strlen(text));
    tap.size += strlen(text);
    tap.then = then;
    pthread_mutex_unlock(&tap.lock);
    lk_http_wake_streams(h);
}

static void tap_closed(void *cls) {
    (void)cls;
    atomic_fetch_add(&closed, 1);
}

/* So many bytes of the alphabet. */
struct run {
    uint64_t at, size;
    lk_streamed then;
};

static lk_streamed from_run(void *cls, void *to, size_t room, size_t *size) {
    struct run *run = cls;
    atomic_fetch_add(&asked, 1);
    if (run->at == run->size)
        return run->then;
    *size = run->size - run->at < room ? (size_t)(run->size - run->at) : room;
    for (size_t i = 0; i < *size; i++)
        ((char *)to)[i] = (char)('a' + (run->at + i) % 26);
    run->at += *size;
    return LK_STREAM_MORE;
}

static void run_closed(void *cls) {
    free(cls);
    atomic_fetch_add(&closed, 1);
}

static void respond_run(lk_request *r, uint64_t size, uint64_t told, lk_streamed then, lk_lane lane) {
    struct run *run = malloc(sizeof *run);
    assert_non_null(run);
    *run = (struct run){0, size, then};
    const lk_stream stream = {.type = "application/octet-stream",
                              .size = told,
                              .next = from_run,
                              .lane = lane,
                              .close = run_closed,
                              .cls = run};
    lk_respond_stream(r, &stream);
}

static void respond_tap(lk_request *r, const char *beat, lk_lane lane) {
    const lk_stream stream = {.type = "text/event-stream",
                              .next = from_tap,
                              .lane = lane,
                              .close = tap_closed,
                              .beat = beat,
                              .beat_seconds = 1};
    lk_respond_header(r, "Cache-Control", "no-store");
    lk_respond_stream(r, &stream);
}

static void events(lk_request *r, void *ctx) {
    (void)ctx;
    respond_tap(r, lk_request_query(r, "beat") != NULL ? ":\n\n" : NULL,
                lk_request_query(r, "lane") != NULL ? LK_LANE_STORE : LK_LANE_AT_ONCE);
}

static void download(lk_request *r, void *ctx) {
    (void)ctx;
    const char *size = lk_request_query(r, "size"), *told = lk_request_query(r, "told");
    respond_run(r, size == NULL ? ENDLESS : strtoull(size, NULL, 10), told == NULL ? 0 : strtoull(told, NULL, 10),
                lk_request_query(r, "fails") != NULL ? LK_STREAM_FAILED : LK_STREAM_END,
                lk_request_query(r, "now") != NULL ? LK_LANE_AT_ONCE : LK_LANE_STORE);
}

/* Keeps the lane's only thread while the test holds the gate. */
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static atomic_int at_gate;

static void pass_gate(lk_request *r, void *ctx) {
    (void)ctx;
    atomic_fetch_add(&at_gate, 1);
    pthread_mutex_lock(&gate);
    pthread_mutex_unlock(&gate);
    lk_respond(r, 200, "text/plain", "through", 7);
}

static void twice(lk_request *r, void *ctx) {
    lk_respond(r, 200, "text/plain", "first", 5);
    events(r, ctx);
}

static void small(lk_request *r, void *ctx) {
    (void)ctx;
    lk_respond(r, 200, "text/plain", "ok", 2);
}

static const lk_route routes[] = {
    {"GET", "/events", events, .lane = LK_LANE_AT_ONCE}, {"GET", "/download", download, .lane = LK_LANE_STORE},
    {"GET", "/twice", twice, .lane = LK_LANE_AT_ONCE},   {"GET", "/gate", pass_gate, .lane = LK_LANE_STORE},
    {"GET", "/small", small, .lane = LK_LANE_STORE},
};

static lk_http *start(lk_http_options o) {
    lk_http *h = NULL;
    liken_error err = {0};
    o.store_threads = 1;
    o.workers = 1;
    o.idle_timeout = 60;
    atomic_store(&closed, 0);
    atomic_store(&asked, 0);
    tap.size = 0;
    tap.then = LK_STREAM_NOTHING_YET;
    assert_ok(lk_http_start(&h, &o, routes, LK_LENGTH(routes), &err), err);
    return h;
}

static bool has_closed(int count) {
    return atomic_load(&closed) >= count;
}

static bool has_asked(int count) {
    return atomic_load(&asked) >= count;
}

/* ---- clients ---- */

static int ask(lk_http *h, const char *what, const char *more) {
    char text[256];
    const int n = snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: x\r\n%s\r\n", what, more);
    const int fd = wire_open(lk_http_port(h));
    assert_true(fd >= 0 && wire_send(fd, text, (size_t)n));
    return fd;
}

#define CLOSE "Connection: close\r\n"

/* Reads until the piece has come, or the other side closed; the text is the test's until the next call. */
static const char *read_until(int fd, const char *piece) {
    static char text[1 << 20];
    size_t used = 0;
    text[0] = '\0';
    while (strstr(text, piece) == NULL && used < sizeof text - 1) {
        const ssize_t n = recv(fd, text + used, sizeof text - 1 - used, 0);
        if (n <= 0)
            break;
        used += (size_t)n;
        text[used] = '\0';
    }
    return text;
}

static void expect(int fd, const char *piece) {
    const char *text = read_until(fd, piece);
    if (strstr(text, piece) == NULL)
        fail_msg("expected \"%s\", got\n%s", piece, text);
}

static char *whole(lk_http *h, const char *what) {
    const int fd = ask(h, what, CLOSE);
    char *text = wire_read(fd);
    close(fd);
    return text;
}

/* ---- tests ---- */

static void events_arrive_as_they_happen(void **state) {
    (void)state;
    static const char *const targets[] = {"/events", "/events?lane"};
    for (size_t i = 0; i < LK_LENGTH(targets); i++) {
        lk_http *h = start((lk_http_options){.threads = 1});
        const int fd = ask(h, targets[i], "");
        const char *head = read_until(fd, "\r\n\r\n");
        assert_int_equal(wire_status(head), 200);
        assert_non_null(strstr(head, "Transfer-Encoding: chunked\r\n"));
        assert_non_null(strstr(head, "Content-Type: text/event-stream\r\n"));
        assert_non_null(strstr(head, "Cache-Control: no-store\r\n"));
        assert_int_equal(lk_http_streams(h), 1);
        wait_until(has_asked(1)); /* it had nothing to say, and must be asked again */
        give(h, "data: one\n\n", LK_STREAM_NOTHING_YET);
        expect(fd, "data: one\n\n");
        free(whole(h, "/small")); /* the only threads are free */
        give(h, "data: two\n\n", LK_STREAM_NOTHING_YET);
        expect(fd, "data: two\n\n");
        give(h, "last", LK_STREAM_END);
        expect(fd, "0\r\n\r\n");
        wait_until(has_closed(1));
        static const char again[] = "GET /small HTTP/1.1\r\nHost: x\r\n" CLOSE "\r\n"; /* the connection goes on */
        assert_true(wire_send(fd, again, sizeof again - 1));
        expect(fd, "ok");
        close(fd);
        assert_int_equal(lk_http_streams(h), 0);
        lk_http_stop(h);
    }
}

static lk_http *told;

static void *tell(void *arg) {
    (void)arg;
    for (int i = 0; i < 3000; i++) {
        char line[16];
        (void)snprintf(line, sizeof line, "<%d>", i);
        give(told, line, LK_STREAM_NOTHING_YET);
    }
    give(told, "", LK_STREAM_END);
    return NULL;
}

/* All of them in order, in chunks of any size. */
static void check_numbers(char *body) {
    char *from = body, *to = body;
    const char *numbers = body;
    for (size_t size; (size = strtoul(from, &from, 16)) > 0; from += size + 4) {
        memmove(to, from + 2, size);
        to += size;
    }
    *to = '\0';
    for (int i = 0; i < 3000; i++) {
        char line[16];
        const int n = snprintf(line, sizeof line, "<%d>", i);
        if (strncmp(numbers, line, (size_t)n) != 0)
            fail_msg("expected %s, got %.40s", line, numbers);
        numbers += n;
    }
    assert_ptr_equal(numbers, to);
}

/* Each wake may fall anywhere between a source that has nothing and a stream that waits. */
static void no_wake_is_lost(void **state) {
    (void)state;
    static const char *const targets[] = {"/events", "/events?lane"};
    for (size_t i = 0; i < LK_LENGTH(targets); i++) {
        pthread_t teller;
        told = start((lk_http_options){.threads = 1});
        const int fd = ask(told, targets[i], CLOSE);
        expect(fd, "\r\n\r\n");
        assert_int_equal(pthread_create(&teller, NULL, tell, NULL), 0);
        char *text = wire_read(fd);
        assert_non_null(strstr(text, "\r\n0\r\n\r\n"));
        check_numbers(text);
        free(text);
        pthread_join(teller, NULL);
        wait_until(has_closed(1));
        close(fd);
        lk_http_stop(told);
    }
}

static void silence_has_a_heartbeat(void **state) {
    (void)state;
    static const char *const targets[] = {"/events?beat", "/events?beat&lane"};
    for (size_t i = 0; i < LK_LENGTH(targets); i++) {
        lk_http *h = start((lk_http_options){.threads = 1});
        const int fd = ask(h, targets[i], "");
        expect(fd, ":\n\n");
        give(h, "x", LK_STREAM_END);
        expect(fd, "0\r\n\r\n");
        close(fd);
        lk_http_stop(h);
    }
}

static void check_run(const char *body, size_t size) {
    for (size_t i = 0; i < size; i++)
        if (body[i] != (char)('a' + i % 26))
            fail_msg("byte %zu of %zu is %02x", i, size, body[i]);
}

static void downloads_come_whole(void **state) {
    (void)state;
    lk_http *h = start((lk_http_options){.threads = 2});
    static const char *const targets[] = {"/download?size=900000&told=900000", "/download?size=900000&told=900000&now",
                                          "/download?size=999999&told=900000"};
    for (size_t i = 0; i < LK_LENGTH(targets); i++) {
        char *text = whole(h, targets[i]);
        assert_non_null(strstr(text, "Content-Length: 900000\r\n"));
        assert_int_equal(strlen(wire_body(text)), 900000);
        check_run(wire_body(text), 900000);
        free(text);
    }
    static const char *const old[] = {"GET /download?size=300000 HTTP/1.0\r\n\r\n",
                                      "GET /download?size=300000&now HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"};
    for (size_t i = 0; i < LK_LENGTH(old); i++) { /* which know no chunks */
        char *text = wire_talk(lk_http_port(h), old[i], strlen(old[i]));
        assert_null(strstr(text, "chunked"));
        assert_int_equal(strlen(wire_body(text)), 300000);
        check_run(wire_body(text), 300000);
        free(text);
    }
    char *text = whole(h, "/download?size=300000");
    assert_non_null(strstr(text, "chunked"));
    assert_non_null(strstr(text, "\r\n0\r\n\r\n"));
    free(text);
    wait_until(has_closed(6));
    lk_http_stop(h);
}

static void a_head_asks_for_nothing(void **state) {
    (void)state;
    lk_http *h = start((lk_http_options){.threads = 2, .max_streams = 1});
    static const char head[] = "HEAD /download?told=77 HTTP/1.1\r\nHost: x\r\n" CLOSE "\r\n";
    char *text = wire_talk(lk_http_port(h), head, sizeof head - 1);
    assert_int_equal(wire_status(text), 200);
    assert_non_null(strstr(text, "Content-Length: 77\r\n"));
    assert_string_equal(wire_body(text), "");
    free(text);
    wait_until(has_closed(1));
    text = whole(h, "/twice"); /* the first answer counts, and the stream is given back */
    assert_string_equal(wire_body(text), "first");
    free(text);
    wait_until(has_closed(2));
    assert_int_equal(atomic_load(&asked), 0);
    lk_http_stop(h);
}

static void what_breaks_off_does_not_look_whole(void **state) {
    (void)state;
    lk_http *h = start((lk_http_options){.threads = 1});
    static const char *const targets[] = {"/download?size=100000&fails", "/download?size=100000&fails&now",
                                          "/download?size=100000&told=100001", "/download?size=100000&told=100001&now"};
    for (size_t i = 0; i < LK_LENGTH(targets); i++) {
        const int fd = ask(h, targets[i], ""); /* would be kept open */
        char *text = wire_read(fd);
        assert_int_equal(wire_status(text), 200);
        assert_null(strstr(text, "\r\n0\r\n\r\n"));
        assert_true(strlen(wire_body(text)) >= 100000 && strlen(wire_body(text)) < 101000);
        free(text);
        close(fd);
    }
    wait_until(has_closed(4));
    free(whole(h, "/small"));
    lk_http_stop(h);
}

static void a_client_that_does_not_read_keeps_nobody_waiting(void **state) {
    (void)state;
    lk_http *h = start((lk_http_options){.threads = 1});
    int fd[8];
    for (int i = 0; i < 8; i++)
        fd[i] = ask(h, i % 2 == 0 ? "/download" : "/download?now", "");
    wait_until(has_asked(8));
    for (int i = 0; i < 20; i++) { /* one thread in the lane, one for all connections */
        char *text = whole(h, "/small");
        assert_string_equal(wire_body(text), "ok");
        free(text);
    }
    assert_int_equal(lk_http_streams(h), 8);
    for (int i = 0; i < 8; i++)
        close(fd[i]);
    wait_until(has_closed(8));
    lk_http_stop(h);
}

static bool is_at_gate(int count) {
    return atomic_load(&at_gate) >= count;
}

static bool is_waiting(int count) {
    return lk_http_waiting(told) >= (size_t)count;
}

static void *stop(void *h) {
    lk_http_stop(h);
    return NULL;
}

/* What has begun is not broken off because others are in front of it, nor because the server stops. */
static void a_full_lane_is_waited_for(void **state) {
    (void)state;
    told = start((lk_http_options){.threads = 1, .queue = 1});
    pthread_t stopper;
    atomic_store(&at_gate, 0);
    pthread_mutex_lock(&gate);
    const int runs = ask(told, "/gate", CLOSE);
    wait_until(is_at_gate(1));
    const int waits = ask(told, "/gate", CLOSE);
    wait_until(is_waiting(1));
    const int streams = ask(told, "/events?lane&beat", "");
    expect(streams, "\r\n\r\n");
    give(told, "in the end", LK_STREAM_END);
    assert_int_equal(atomic_load(&asked), 0);
    const int port = lk_http_port(told);
    assert_int_equal(pthread_create(&stopper, NULL, stop, told), 0);
    for (int late; (late = wire_open(port)) >= 0;) /* until it listens no more */
        close(late);
    pthread_mutex_unlock(&gate);
    expect(streams, "in the end\r\n0\r\n\r\n");
    expect(runs, "through");
    expect(waits, "through");
    close(streams);
    close(runs);
    close(waits);
    pthread_join(stopper, NULL);
}

/* Many streams that have something for their clients leave half of the queue to requests. */
static void streams_leave_room_in_a_queue(void **state) {
    (void)state;
    enum { STREAMS = 12, QUEUE = 4, HALF = QUEUE / 2 };
    int streams[STREAMS], gates[1 + HALF];
    told = start((lk_http_options){.threads = 1, .queue = QUEUE});
    atomic_store(&at_gate, 0);
    for (int i = 0; i < STREAMS; i++) {
        streams[i] = ask(told, "/events?lane", "");
        expect(streams[i], "\r\n\r\n");
    }
    wait_until(has_asked(STREAMS)); /* and had nothing */
    pthread_mutex_lock(&gate);
    gates[0] = ask(told, "/gate", CLOSE);
    wait_until(is_at_gate(1));
    give(told, "x", LK_STREAM_END);
    wait_until(is_waiting(HALF));
    lk_http_wake_streams(told);
    for (int i = 1; i <= HALF; i++) {
        assert_int_equal(lk_http_waiting(told), HALF + i - 1);
        gates[i] = ask(told, "/gate", CLOSE);
        wait_until(is_waiting(HALF + i));
    }
    pthread_mutex_unlock(&gate);
    for (int i = 0; i <= HALF; i++) {
        expect(gates[i], "through");
        close(gates[i]);
    }
    for (int i = 0; i < STREAMS; i++) {
        expect(streams[i], "0\r\n\r\n");
        close(streams[i]);
    }
    lk_http_stop(told);
}

static _Atomic double told_seconds;
static atomic_int told_done;

static void note_done(const lk_request *r, int status, double seconds, void *ctx) {
    (void)r;
    (void)ctx;
    (void)status;
    atomic_store(&told_seconds, seconds);
    atomic_fetch_add(&told_done, 1);
}

static bool is_done(int count) {
    return atomic_load(&told_done) >= count;
}

/* How long it is listened to says nothing about the server. */
static void a_stream_takes_until_its_first_byte(void **state) {
    (void)state;
    told = start((lk_http_options){.threads = 1, .queue = 4, .done = note_done});
    const double before = lk_clock_monotonic();
    const int fd = ask(told, "/events?lane", CLOSE);
    give(told, "first", LK_STREAM_NOTHING_YET);
    expect(fd, "first");
    const double first = lk_clock_monotonic() - before;
    wait_until(lk_clock_monotonic() - before > 2 * first); /* so that from its start to its end it takes longer */
    give(told, "last", LK_STREAM_END);
    expect(fd, "last\r\n0\r\n\r\n");
    close(fd);
    wait_until(is_done(1));
    assert_true(atomic_load(&told_seconds) <= first);
    lk_http_stop(told);
}

static bool none_open(int unused) {
    (void)unused;
    return lk_http_streams(told) == 0;
}

#define MANY 1000
#define PLACES 600

static void streams_have_their_number(void **state) {
    (void)state;
    struct rlimit files;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &files), 0);
    files.rlim_cur = files.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &files), 0);
    if (files.rlim_cur < 4 * MANY)
        skip(); /* two ends each, and more */
    told = start((lk_http_options){.threads = 2, .max_connections = 2 * MANY, .max_streams = PLACES});
    static int fd[MANY];
    int open = 0, refused = 0;
    for (int i = 0; i < MANY; i++) {
        fd[i] = ask(told, i % 3 == 0 ? "/events?lane" : "/events", "");
        const char *text = read_until(fd[i], "\r\n\r\n");
        open += wire_status(text) == 200;
        refused += wire_status(text) == 503 && strstr(text, "Retry-After: ") != NULL;
    }
    assert_int_equal(open, PLACES);
    assert_int_equal(refused, MANY - PLACES);
    free(whole(told, "/small"));
    wait_until(has_closed(MANY - PLACES));
    for (int i = 0; i < MANY; i++)
        close(fd[i]);
    wait_until(none_open(0));
    assert_int_equal(atomic_load(&closed), MANY);
    lk_http_stop(told);
}

static void one_address_has_half_of_them(void **state) {
    (void)state;
    lk_http *h = start((lk_http_options){.threads = 1, .max_streams = 4});
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    lk_peer *peer = lk_peers_enter(h->peers, (struct sockaddr *)&here, false); /* as long as the test goes on */
    peer->local = false;
    int fd[3];
    for (int i = 0; i < 3; i++) {
        fd[i] = ask(h, "/events", "");
        assert_int_equal(wire_status(read_until(fd[i], "\r\n\r\n")), i < 2 ? 200 : 503);
    }
    for (int i = 0; i < 3; i++)
        close(fd[i]);
    wait_until(has_closed(3));
    const int again = ask(h, "/events", "");
    assert_int_equal(wire_status(read_until(again, "\r\n\r\n")), 200);
    close(again);
    wait_until(has_closed(4));
    lk_http_stop(h);
}

static void who_hangs_up_is_noticed(void **state) {
    (void)state;
    lk_http *h = start((lk_http_options){.threads = 1});
    static const char *const targets[] = {"/events", "/events?lane", "/events?beat", "/events?beat&lane"};
    for (size_t i = 0; i < LK_LENGTH(targets); i++) {
        const int fd = ask(h, targets[i], "");
        expect(fd, "\r\n\r\n");
        close(fd);
        wait_until(has_closed((int)i + 1));
    }
    const int half = ask(h, "/events?beat", ""); /* has said all it will, and listens */
    expect(half, "\r\n\r\n");
    assert_int_equal(shutdown(half, SHUT_WR), 0);
    expect(half, ":\n\n");
    give(h, "still there", LK_STREAM_NOTHING_YET);
    expect(half, "still there");
    assert_int_equal(atomic_load(&closed), LK_LENGTH(targets));
    close(half);
    wait_until(has_closed((int)LK_LENGTH(targets) + 1));
    lk_http_stop(h);
}

static void stopping_ends_them(void **state) {
    (void)state;
    lk_http *h = start((lk_http_options){.threads = 1});
    pthread_t stopper;
    const int port = lk_http_port(h);
    int fd[4];
    for (int i = 0; i < 4; i++) {
        fd[i] = ask(h, i % 2 == 0 ? "/events?beat" : "/events?lane", "");
        expect(fd[i], "\r\n\r\n");
    }
    const int stuck = ask(h, "/download", ""), slow = ask(h, "/download?size=900000&told=900000", "");
    expect(stuck, "abc");
    const size_t begun = strlen(wire_body(read_until(slow, "\r\n\r\n")));
    assert_int_equal(pthread_create(&stopper, NULL, stop, h), 0);
    for (int late; (late = wire_open(port)) >= 0;) /* until it listens no more */
        close(late);
    char *text = wire_read(slow); /* what was begun is finished */
    assert_int_equal(begun + strlen(text), 900000);
    free(text);
    for (int i = 0; i < 4; i++)
        expect(fd[i], "0\r\n\r\n");
    pthread_join(stopper, NULL); /* although one never reads */
    assert_int_equal(atomic_load(&closed), 6);
    for (int i = 0; i < 4; i++)
        close(fd[i]);
    close(stuck);
    close(slow);
}

static void set_cut(lk_http *h, bool cut) {
    pthread_mutex_lock(&h->lock);
    h->cut = cut;
    pthread_mutex_unlock(&h->lock);
}

/* The time for what still goes on while the server stops is over: who takes all it gets sees that this was not the end.
 */
static void what_never_ends_is_broken_off(void **state) {
    (void)state;
    lk_http *h = start((lk_http_options){.threads = 1});
    static const char *const targets[] = {"/download", "/download?now"};
    for (size_t i = 0; i < LK_LENGTH(targets); i++) {
        static char piece[1 << 16];
        char end[8] = "";
        const int fd = ask(h, targets[i], "");
        ssize_t n = recv(fd, piece, sizeof piece, 0);
        set_cut(h, true);
        for (; n > 0; n = recv(fd, piece, sizeof piece, 0))
            if (n >= 7)
                memcpy(end, piece + n - 7, 7);
        assert_int_equal(n, 0);
        assert_string_not_equal(end, "\r\n0\r\n\r\n");
        close(fd);
        set_cut(h, false);
    }
    wait_until(has_closed(2));
    lk_http_stop(h);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_arrive_as_they_happen),
        cmocka_unit_test(no_wake_is_lost),
        cmocka_unit_test(silence_has_a_heartbeat),
        cmocka_unit_test(downloads_come_whole),
        cmocka_unit_test(a_head_asks_for_nothing),
        cmocka_unit_test(what_breaks_off_does_not_look_whole),
        cmocka_unit_test(a_client_that_does_not_read_keeps_nobody_waiting),
        cmocka_unit_test(a_full_lane_is_waited_for),
        cmocka_unit_test(streams_leave_room_in_a_queue),
        cmocka_unit_test(a_stream_takes_until_its_first_byte),
        cmocka_unit_test(streams_have_their_number),
        cmocka_unit_test(one_address_has_half_of_them),
        cmocka_unit_test(who_hangs_up_is_noticed),
        cmocka_unit_test(stopping_ends_them),
        cmocka_unit_test(what_never_ends_is_broken_off),
    };
    return cmocka_run_group_tests_name("http/streams", tests, NULL, NULL);
}
