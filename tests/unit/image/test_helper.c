/* Helpers that crash, hang, swallow, lie or are killed (fake_decode.c): each costs its photo, and the next is served.
 */
#include "savers.h"

/* With the waits of a test. */
#define STILL_SECONDS 1.0
#define REAP_SECONDS 0.5
#define SECONDS_BASE 0.2
#include "../../../src/image/decode/helper.c"

#include <dirent.h>
#include <libgen.h>
#include <limits.h>
#include <sys/wait.h>

static lk_decoders *pool;
static saved photo_bytes;

static int start(void **state) {
    (void)state;
    char self[PATH_MAX], fake[PATH_MAX + 32];
    liken_error err = {0};
    assert_non_null(realpath("/proc/self/exe", self));
    (void)snprintf(fake, sizeof fake, "%s/image/fake_decode", dirname(self));
    setenv("LIKEN_DECODE", fake, 1);
    assert_ok(lk_decoders_new(&pool, 1, NULL, &err), err);
    assert_ok(lk_decoders_ready(pool, &err), err);
    photo_bytes = save_picture(96, 64, ".jpg[Q=95]");
    return 0;
}

static int stop(void **state) {
    (void)state;
    lk_decoders_free(pool);
    g_free(photo_bytes.bytes);
    return 0;
}

static const lk_photo_limits *in_pool(void) {
    static lk_photo_limits limits;
    limits.decoders = pool;
    return &limits;
}

/* The photo, with an order to the fake helper behind its end. */
static char *with_order(const char *order, size_t *size) {
    char *bytes = malloc(photo_bytes.size + 64);
    assert_non_null(bytes);
    memcpy(bytes, photo_bytes.bytes, photo_bytes.size);
    *size = photo_bytes.size + (size_t)snprintf(bytes + photo_bytes.size, 64, "%s%s",
                                                order == NULL ? "" : "LIKEN-TEST:", order == NULL ? "" : order);
    return bytes;
}

static int ask_with(const char *order, liken_error *err) {
    size_t size;
    LK_FREE char *bytes = with_order(order, &size);
    *err = (liken_error){0};
    return try_decode(bytes, size, 0, in_pool(), err);
}

static uint64_t lost(lk_loss why) {
    lk_decoders_state s;
    lk_decoders_get(pool, &s);
    return s.lost[why];
}

static const struct {
    const char *order;
    lk_loss loss;
    const char *says;
} cases[] = {{"open-crash", LK_LOST_CRASH, "crashed"},
             {"pixels-crash", LK_LOST_CRASH, "crashed"},
             {"pixels-glib", LK_LOST_CRASH, "crashed"},
             {"pixels-abort", LK_LOST_CRASH, "crashed"},
             {"pixels-exit", LK_LOST_CRASH, "crashed"},
             {"open-memory", LK_LOST_MEMORY, "MB of memory"},
             {"pixels-memory", LK_LOST_MEMORY, "MB of memory"},
             {"open-spin", LK_LOST_TIME, "seconds of computing"},
             {"pixels-spin", LK_LOST_TIME, "seconds of computing"},
             {"pixels-sleep", LK_LOST_STILL, "stood still"},
             {"pixels-hangup", LK_LOST_ANSWER, "nonsense"},
             {"open-short", LK_LOST_ANSWER, "nonsense"},
             {"pixels-short", LK_LOST_ANSWER, "nonsense"},
             {"pixels-long", LK_LOST_ANSWER, "nonsense"},
             {"pixels-magic", LK_LOST_ANSWER, "nonsense"},
             {"pixels-what", LK_LOST_ANSWER, "nonsense"},
             {"open-huge", LK_LOST_ANSWER, "nonsense"},
             {"pixels-huge", LK_LOST_ANSWER, "nonsense"},
             {"open-negative", LK_LOST_ANSWER, "nonsense"},
             {"pixels-negative", LK_LOST_ANSWER, "nonsense"},
             {"open-tiny", LK_LOST_ANSWER, "nonsense"},
             {"pixels-tiny", LK_LOST_ANSWER, "nonsense"},
             {"open-time", LK_LOST_ANSWER, "nonsense"},
             {"pixels-scale", LK_LOST_ANSWER, "nonsense"},
             {"pixels-shrunk", LK_LOST_ANSWER, "nonsense"},
             {"open-code", LK_LOST_ANSWER, "nonsense"},
             {"pixels-busy", LK_LOST_ANSWER, "nonsense"}};

static void what_a_helper_does_costs_it_and_its_photo(void **state) {
    (void)state;
    lk_decoders_state s;
    lk_decoders_get(pool, &s);
    for (size_t i = 0; i < LK_LENGTH(cases); i++) {
        liken_error err;
        if (cases[i].loss == LK_LOST_MEMORY && !s.limits_memory)
            continue;
        const uint64_t before = lost(cases[i].loss);
        const int rc = ask_with(cases[i].order, &err);
        if (rc != LIKEN_E_DECODE || strstr(err.message, cases[i].says) == NULL || lost(cases[i].loss) != before + 1)
            fail_msg("%s: %d \"%s\", lost %d", cases[i].order, rc, err.message, (int)(lost(cases[i].loss) - before));
        assert_ok(ask_with(NULL, &err), err);
    }
}

/* Before a pixel is asked for. */
static void no_side_is_longer_than_any_photo_s(void **state) {
    (void)state;
    liken_error err = {0};
    lk_photo *photo = NULL;
    size_t size;
    LK_FREE char *bytes = with_order("open-thin", &size);
    assert_int_equal(lk_photo_open(&photo, bytes, size, in_pool(), &err), LIKEN_E_DECODE);
    assert_non_null(strstr(err.message, "nonsense"));
}

static void a_sentence_of_a_helper_is_made_printable(void **state) {
    (void)state;
    liken_error err;
    assert_int_equal(ask_with("pixels-text", &err), LIKEN_E_DECODE);
    assert_int_equal(strlen(err.message), sizeof err.message - 1);
    assert_int_equal(strspn(err.message, "?"), strlen(err.message));
}

/* One that leaves as if it had had nothing to do is replaced, but not for ever. */
static void a_photo_that_sends_every_helper_away_is_refused(void **state) {
    (void)state;
    static const char *const orders[] = {"open-idle", "pixels-idle"};
    for (size_t i = 0; i < LK_LENGTH(orders); i++) {
        liken_error err;
        const uint64_t before = lost(LK_LOST_IDLE);
        assert_int_equal(ask_with(orders[i], &err), LIKEN_E_DECODE);
        assert_int_equal(lost(LK_LOST_IDLE), before + 2);
        assert_ok(ask_with(NULL, &err), err);
    }
}

/* The children of this process; returns how many. */
static size_t helper_pids(pid_t *pids, size_t room) {
    size_t count = 0;
    DIR *tasks = opendir("/proc/self/task");
    for (struct dirent *e; tasks != NULL && (e = readdir(tasks)) != NULL;) {
        char path[300];
        (void)snprintf(path, sizeof path, "/proc/self/task/%s/children", e->d_name);
        FILE *f = fopen(path, "r");
        int found = 0;
        while (f != NULL && count < room && fscanf(f, "%d", &found) == 1)
            pids[count++] = found;
        if (f != NULL)
            (void)fclose(f);
    }
    if (tasks != NULL)
        (void)closedir(tasks);
    return count;
}

static pid_t helper_pid(void) {
    pid_t pid = 0;
    assert_int_equal(helper_pids(&pid, 1), 1);
    return pid;
}

static void a_photo_whose_helper_was_killed_is_tried_again(void **state) {
    (void)state;
    liken_error err = {0};
    lk_photo *photo = NULL;
    lk_image image = {0}, want = {0};
    const uint64_t before = lost(LK_LOST_OUTSIDE);
    assert_ok(lk_photo_open(&photo, photo_bytes.bytes, photo_bytes.size, in_pool(), &err), err);
    assert_int_equal(kill(helper_pid(), SIGKILL), 0);
    assert_ok(lk_photo_decode(photo, 0, &image, NULL, &err), err);
    assert_int_equal(lost(LK_LOST_OUTSIDE), before + 1);
    lk_photo_free(photo);
    want = decode(photo_bytes.bytes, photo_bytes.size, 0, "jpeg", NULL);
    assert_true(difference(&want, &image) <= 0);
    lk_image_clear(&image);
    lk_image_clear(&want);
}

static void helpers_that_ended_between_photos_cost_none(void **state) {
    (void)state;
    enum { MOST = 3 };
    liken_error err = {0};
    lk_decoders *many = NULL;
    lk_photo *photos[MOST];
    pid_t pids[MOST + 1];
    lk_decoders_state s;
    assert_ok(lk_decoders_new(&many, MOST, NULL, &err), err);
    const lk_photo_limits limits = {.decoders = many};
    for (size_t i = 0; i < MOST; i++)
        assert_ok(lk_photo_open(&photos[i], photo_bytes.bytes, photo_bytes.size, &limits, &err), err);
    for (size_t i = 0; i < MOST; i++)
        lk_photo_free(photos[i]);
    const size_t count = helper_pids(pids, LK_LENGTH(pids));
    assert_true(count >= MOST);
    for (size_t i = 0; i < count; i++) {
        siginfo_t end;
        assert_int_equal(kill(pids[i], SIGKILL), 0);
        assert_int_equal(waitid(P_PID, (id_t)pids[i], &end, WEXITED | WNOWAIT), 0);
    }
    assert_ok(try_decode(photo_bytes.bytes, photo_bytes.size, 0, &limits, &err), err);
    lk_decoders_get(many, &s);
    assert_int_equal(s.lost[LK_LOST_OUTSIDE], MOST);
    assert_int_equal(s.running, 1);
    lk_decoders_free(many);
}

/* Nothing can make the files smaller that both sides have mapped. */
static void shared_files_cannot_shrink(void **state) {
    (void)state;
    const int fd = shared_file("test");
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, 8192), 0);
    assert_int_equal(ftruncate(fd, 4096), -1);
    assert_int_equal(errno, EPERM);
    assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), -1);
    close(fd);
}

static void a_program_that_is_not_there_is_named(void **state) {
    (void)state;
    liken_error err = {0};
    lk_decoders *none = NULL;
    LK_FREE char *kept = strdup(getenv("LIKEN_DECODE"));
    setenv("LIKEN_DECODE", "/nowhere/liken-decode", 1);
    assert_int_equal(lk_decoders_new(&none, 1, NULL, &err), LIKEN_E_UNSUPPORTED);
    assert_non_null(strstr(err.message, "/nowhere/liken-decode"));
    setenv("LIKEN_DECODE", "/bin/true", 1);
    assert_ok(lk_decoders_new(&none, 1, NULL, &err), err);
    assert_int_equal(lk_decoders_ready(none, &err), LIKEN_E_UNSUPPORTED);
    assert_non_null(strstr(err.message, "/bin/true"));
    lk_decoders_free(none);
    setenv("LIKEN_DECODE", kept, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_a_helper_does_costs_it_and_its_photo),
                                       cmocka_unit_test(no_side_is_longer_than_any_photo_s),
                                       cmocka_unit_test(a_sentence_of_a_helper_is_made_printable),
                                       cmocka_unit_test(a_photo_that_sends_every_helper_away_is_refused),
                                       cmocka_unit_test(a_photo_whose_helper_was_killed_is_tried_again),
                                       cmocka_unit_test(helpers_that_ended_between_photos_cost_none),
                                       cmocka_unit_test(shared_files_cannot_shrink),
                                       cmocka_unit_test(a_program_that_is_not_there_is_named)};
    return cmocka_run_group_tests(tests, start, stop);
}
