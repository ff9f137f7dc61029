/* Files are opened in a folder and nowhere else, by the kernel's own means and without them. */
#include "unit/test.h"

#include "base/beneath.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char root[64];
static liken_error err;

static char *under(const char *name) {
    static char path[2][256];
    static int turn;
    turn = !turn;
    (void)snprintf(path[turn], sizeof path[turn], "%s/%s", root, name);
    return path[turn];
}

static void write_file(const char *name, const char *text) {
    FILE *f = fopen(under(name), "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

/* in/a.jpg, in/b/c.jpg, in/pipe, links of all kinds in `in`; out/secret.jpg beside it. */
static int make_folders(void **state) {
    (void)state;
    (void)strcpy(root, "/tmp/liken-test-XXXXXX");
    assert_non_null(mkdtemp(root));
    for (const char *const *d = (const char *const[]){"in", "in/b", "out", NULL}; *d != NULL; d++)
        assert_int_equal(mkdir(under(*d), 0700), 0);
    write_file("in/a.jpg", "one");
    write_file("in/b/c.jpg", "two");
    write_file("out/secret.jpg", "secret");
    assert_int_equal(mkfifo(under("in/pipe"), 0600), 0);
    assert_int_equal(symlink("../out/secret.jpg", under("in/link.jpg")), 0);
    assert_int_equal(symlink("../out", under("in/away")), 0);
    assert_int_equal(symlink(under("out/secret.jpg"), under("in/whole.jpg")), 0);
    assert_int_equal(symlink("/proc/self/root", under("in/magic")), 0);
    return 0;
}

static int remove_folders(void **state) {
    (void)state;
    char command[128];
    (void)snprintf(command, sizeof command, "rm -r %s", root);
    return system(command);
}

typedef int opener(const char *folder, const char *path);

static void assert_opens(opener *open_it, const char *path, const char *text) {
    void *bytes = NULL;
    size_t size = 0;
    const int fd = open_it(under("in"), path);
    assert_true(fd >= 0);
    assert_ok(lk_beneath_read(fd, 100, &bytes, &size, &err), err);
    assert_int_equal(size, strlen(text));
    assert_memory_equal(bytes, text, size);
    free(bytes);
    (void)close(fd);
}

static void check(opener *open_it) {
    assert_opens(open_it, "a.jpg", "one");
    assert_opens(open_it, "b/c.jpg", "two");
    assert_opens(open_it, "./b//./c.jpg", "two");
    static const char *const refused[] = {"",
                                          ".",
                                          "b",
                                          "none.jpg",
                                          "a.jpg/b",
                                          "..",
                                          "../out/secret.jpg",
                                          "b/../../out/secret.jpg",
                                          "link.jpg",
                                          "away/secret.jpg",
                                          "whole.jpg",
                                          "magic/etc/passwd",
                                          "pipe"};
    for (size_t i = 0; i < LK_LENGTH(refused); i++)
        if (open_it(under("in"), refused[i]) != -1)
            fail_msg("%s was opened", refused[i]);
    char long_name[400];
    memset(long_name, 'a', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = '\0';
    assert_int_equal(open_it(under("in"), long_name), -1);
    assert_int_equal(errno, ENAMETOOLONG);
    assert_int_equal(open_it(under("in/none"), "a.jpg"), -1);
    assert_int_equal(open_it(under("in/a.jpg"), "a.jpg"), -1);
}

static void nothing_outside_is_opened(void **state) {
    (void)state;
    check(lk_beneath_open);
}

static void nor_without_the_kernel_s_help(void **state) {
    (void)state;
    check(lk_beneath_walk);
}

static void what_is_too_large_is_not_read(void **state) {
    (void)state;
    void *bytes = NULL;
    size_t size = 0;
    const int fd = lk_beneath_open(under("in"), "a.jpg");
    assert_int_equal(lk_beneath_read(fd, 2, &bytes, &size, &err), LIKEN_E_TOO_LARGE);
    assert_null(bytes);
    (void)close(fd);
    assert_int_equal(lk_beneath_read(-1, 2, &bytes, &size, &err), LIKEN_E_IO);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_outside_is_opened),
        cmocka_unit_test(nor_without_the_kernel_s_help),
        cmocka_unit_test(what_is_too_large_is_not_read),
    };
    return cmocka_run_group_tests_name("base/beneath", tests, make_folders, remove_folders);
}
