#include "unit/test.h"

#include "auth/auth.h"
#include "base/buf.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

static char folder[64], path[96];
static const lk_key_place in_file = {NULL, path};

static void refresh(lk_keyring *ring) {
    liken_error err = {0};
    assert_ok(lk_keyring_refresh(ring, &err), err);
}

static int setup(void **state) {
    (void)state;
    memcpy(folder, "/tmp/liken-test-XXXXXX", sizeof "/tmp/liken-test-XXXXXX");
    if (mkdtemp(folder) == NULL)
        return -1;
    (void)snprintf(path, sizeof path, "%s/keys", folder);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    (void)unlink(path);
    return rmdir(folder);
}

static void scopes_are_read_and_written(void **state) {
    (void)state;
    liken_error err = {0};
    unsigned scopes = 0;
    char text[40];
    assert_ok(lk_scopes_parse("admin, read,search delete add", &scopes, &err), err);
    assert_int_equal(scopes, 31);
    lk_scopes_format(scopes, text, sizeof text);
    assert_string_equal(text, "read,search,add,delete,admin");
    scopes = 77;
    assert_int_equal(lk_scopes_parse("read,reed", &scopes, &err), LIKEN_E_ARG);
    assert_non_null(strstr(err.message, "\"reed\""));
    assert_int_equal(lk_scopes_parse("", &scopes, &err), LIKEN_E_ARG);
    assert_int_equal(lk_scopes_parse(" , ", &scopes, &err), LIKEN_E_ARG);
    assert_int_equal(scopes, 77);
}

static void a_key_is_made_listed_and_removed(void **state) {
    (void)state;
    liken_error err = {0};
    char secret[LK_KEY_TEXT], other[LK_KEY_TEXT];
    lk_key *keys = NULL;
    size_t count = 9;
    assert_ok(lk_key_list(&in_file, &keys, &count, &err), err); /* no file: no keys */
    assert_int_equal(count, 0);
    free(keys);
    assert_ok(lk_key_add(&in_file, "phone", LK_SCOPE_READ | LK_SCOPE_SEARCH, "party", NULL, secret, &err), err);
    assert_ok(lk_key_add(&in_file, "cms", LK_SCOPE_ADD, NULL, NULL, other, &err), err);
    assert_int_equal(strlen(secret), 67);
    assert_memory_equal(secret, "lk_", 3);
    assert_string_not_equal(secret, other);
    assert_int_equal(lk_key_add(&in_file, "cms", LK_SCOPE_READ, NULL, NULL, other, &err), LIKEN_E_CONFLICT);
    assert_ok(lk_key_list(&in_file, &keys, &count, &err), err);
    assert_int_equal(count, 2);
    assert_string_equal(keys[0].name, "phone");
    assert_string_equal(keys[0].collection, "party");
    assert_int_equal(keys[0].scopes, LK_SCOPE_READ | LK_SCOPE_SEARCH);
    assert_string_equal(keys[1].collection, "");
    free(keys);
    LK_FREE char *text = NULL;
    size_t size = 0;
    assert_ok(lk_file_read(path, 10000, &text, &size, &err), err);
    assert_null(strstr(text, secret + 3)); /* the text of a key is written nowhere */
    assert_ok(lk_key_remove(&in_file, "phone", &err), err);
    assert_int_equal(lk_key_remove(&in_file, "phone", &err), LIKEN_E_NOT_FOUND);
    assert_ok(lk_key_list(&in_file, &keys, &count, &err), err);
    assert_int_equal(count, 1);
    free(keys);
}

static void bad_names_are_refused(void **state) {
    (void)state;
    liken_error err = {0};
    char secret[LK_KEY_TEXT] = "untouched", long_name[80];
    memset(long_name, 'a', 65);
    long_name[65] = '\0';
    const char *bad[] = {"", "a b", "a#", "ä", "a\n", long_name};
    for (size_t i = 0; i < LK_LENGTH(bad); i++) {
        assert_int_equal(lk_key_add(&in_file, bad[i], LK_SCOPE_READ, NULL, NULL, secret, &err), LIKEN_E_ARG);
        assert_int_equal(lk_key_add(&in_file, "x", LK_SCOPE_READ, bad[i], NULL, secret, &err), LIKEN_E_ARG);
    }
    assert_int_equal(lk_key_add(&in_file, "x", 0, NULL, NULL, secret, &err), LIKEN_E_ARG);
    assert_string_equal(secret, "untouched");
}

#define HASH "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void write_file(const char *text) {
    liken_error err = {0};
    assert_ok(lk_file_write(path, text, strlen(text), &err), err);
}

static void a_damaged_file_names_its_line(void **state) {
    (void)state;
    static const char *const bad[] = {
        "\na read *\n",     "# x\na read * " HASH " more\n", "\na nope * " HASH,       "\na b read * " HASH,
        "\na read * ABC\n", "\n$ read * " HASH "\n",         "\na read p/q " HASH "\n"};
    for (size_t i = 0; i < LK_LENGTH(bad); i++) {
        liken_error err = {0};
        lk_key *keys = NULL;
        size_t count = 0;
        write_file(bad[i]);
        assert_int_equal(lk_key_list(&in_file, &keys, &count, &err), LIKEN_E_ARG);
        assert_non_null(strstr(err.message, "line 2"));
        assert_null(keys);
    }
}

static void comments_and_blank_lines_are_skipped(void **state) {
    (void)state;
    liken_error err = {0};
    lk_key *keys = NULL;
    size_t count = 0;
    write_file("# keys\n\n  \t\r\na  read,add\t* " HASH " # mine\r\nb read x " HASH);
    assert_ok(lk_key_list(&in_file, &keys, &count, &err), err);
    assert_int_equal(count, 2);
    assert_string_equal(keys[1].collection, "x");
    free(keys);
}

static void the_ring_follows_the_file(void **state) {
    (void)state;
    liken_error err = {0};
    char secret[LK_KEY_TEXT];
    lk_keyring *ring = NULL;
    lk_key key;
    assert_ok(lk_keyring_open(&ring, &in_file, &err), err);
    assert_true(lk_keyring_empty(ring));
    assert_ok(lk_key_add(&in_file, "phone", LK_SCOPE_READ, NULL, NULL, secret, &err), err);
    assert_true(lk_keyring_empty(ring)); /* nobody looked at the file yet */
    refresh(ring);
    assert_false(lk_keyring_empty(ring));
    assert_true(lk_keyring_find(ring, secret, &key));
    assert_string_equal(key.name, "phone");
    assert_false(lk_keyring_find(ring, "lk_", &key));
    assert_false(lk_keyring_find(ring, "", &key));
    write_file("garbage\n"); /* opens nothing, and does not count as empty */
    assert_true(lk_keyring_find(ring, secret, &key));
    refresh(ring);
    assert_false(lk_keyring_find(ring, secret, &key));
    assert_false(lk_keyring_empty(ring));
    write_file("");
    refresh(ring);
    assert_true(lk_keyring_empty(ring));
    lk_keyring_free(ring);
    lk_keyring_free(NULL);
    write_file("garbage\n");
    ring = NULL;
    assert_int_equal(lk_keyring_open(&ring, &in_file, &err), LIKEN_E_ARG);
    assert_null(ring);
    assert_ok(lk_keyring_open(&ring, &(lk_key_place){NULL, NULL}, &err), err);
    assert_true(lk_keyring_empty(ring));
    lk_keyring_free(ring);
}

static void a_key_allows_its_scopes_and_collection(void **state) {
    (void)state;
    const lk_key reader = {.scopes = LK_SCOPE_READ}, boss = {.scopes = LK_SCOPE_ADMIN},
                 bound = {.scopes = LK_SCOPE_READ, .collection = "party"};
    assert_true(lk_key_allows(&reader, LK_SCOPE_READ, NULL));
    assert_true(lk_key_allows(&reader, LK_SCOPE_READ, "any"));
    assert_false(lk_key_allows(&reader, LK_SCOPE_ADD, "any"));
    assert_true(lk_key_allows(&boss, LK_SCOPE_DELETE, "any"));
    assert_true(lk_key_allows(&bound, LK_SCOPE_READ, "party"));
    assert_false(lk_key_allows(&bound, LK_SCOPE_READ, "part"));
    assert_false(lk_key_allows(&bound, LK_SCOPE_READ, NULL));
}

static void *add_ten(void *number) {
    for (int i = 0; i < 10; i++) {
        char name[32], secret[LK_KEY_TEXT];
        (void)snprintf(name, sizeof name, "k%d-%d", *(int *)number, i);
        if (lk_key_add(&in_file, name, LK_SCOPE_READ, NULL, NULL, secret, NULL) != LIKEN_OK)
            return NULL;
    }
    return number;
}

static void two_at_once_lose_nothing(void **state) {
    (void)state;
    pthread_t threads[4];
    int numbers[4] = {0, 1, 2, 3};
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, add_ten, &numbers[i]), 0);
    for (int i = 0; i < 4; i++) {
        void *result = NULL;
        pthread_join(threads[i], &result);
        assert_non_null(result);
    }
    lk_key *keys = NULL;
    size_t count = 0;
    liken_error err = {0};
    assert_ok(lk_key_list(&in_file, &keys, &count, &err), err);
    assert_int_equal(count, 40);
    free(keys);
}

static volatile sig_atomic_t rings;

static void on_ring(int number) {
    (void)number;
    rings = rings + 1;
}

/* Gives the folder's lock back once the timer has rung often. */
static void *unlock_late(void *lock) {
    while (rings < 5)
        usleep(1000);
    assert_int_equal(flock(*(int *)lock, LOCK_UN), 0);
    return NULL;
}

static void signals_do_not_end_the_wait_for_the_lock(void **state) {
    (void)state;
#if defined(__SANITIZE_THREAD__)
    (void)printf("the thread sanitizer keeps signals back while a call waits, so none comes\n");
    skip();
#endif
    const struct itimerval ringing = {{0, 5000}, {0, 5000}}, silent = {{0, 0}, {0, 0}};
    const struct sigaction act = {.sa_handler = on_ring}; /* calls are interrupted, not started anew */
    struct sigaction before;
    sigset_t timer;
    pthread_t thread;
    char secret[LK_KEY_TEXT];
    liken_error err = {0};
    int lock = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(flock(lock, LOCK_EX), 0);
    sigemptyset(&timer);
    sigaddset(&timer, SIGALRM);
    assert_int_equal(sigaction(SIGALRM, &act, &before), 0);
    pthread_sigmask(SIG_BLOCK, &timer, NULL); /* in the other thread */
    assert_int_equal(pthread_create(&thread, NULL, unlock_late, &lock), 0);
    pthread_sigmask(SIG_UNBLOCK, &timer, NULL);
    assert_int_equal(setitimer(ITIMER_REAL, &ringing, NULL), 0);
    const int rc = lk_key_add(&in_file, "late", LK_SCOPE_READ, NULL, NULL, secret, &err);
    pthread_join(thread, NULL);
    assert_int_equal(setitimer(ITIMER_REAL, &silent, NULL), 0);
    assert_int_equal(sigaction(SIGALRM, &before, NULL), 0);
    close(lock);
    assert_ok(rc, err);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {cmocka_unit_test(scopes_are_read_and_written),
                                       TEST(a_key_is_made_listed_and_removed),
                                       TEST(bad_names_are_refused),
                                       TEST(a_damaged_file_names_its_line),
                                       TEST(comments_and_blank_lines_are_skipped),
                                       TEST(the_ring_follows_the_file),
                                       cmocka_unit_test(a_key_allows_its_scopes_and_collection),
                                       TEST(two_at_once_lose_nothing),
                                       TEST(signals_do_not_end_the_wait_for_the_lock)};
    return cmocka_run_group_tests_name("auth/keys", tests, NULL, NULL);
}
