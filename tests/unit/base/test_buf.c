#include "unit/test.h"

#include "base/buf.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void grows_to_its_ceiling_and_no_further(void **state) {
    (void)state;
    liken_error err = {0};
    lk_buf b;
    lk_buf_init(&b, 1000);
    for (int i = 0; i < 1000; i++)
        assert_ok(lk_buf_append(&b, "x", 1, &err), err);
    assert_int_equal(lk_buf_append(&b, "x", 1, &err), LIKEN_E_TOO_LARGE);
    assert_int_equal(b.size, 1000);
    assert_int_equal(strlen(b.data), 1000);
    assert_int_equal(lk_buf_append(&b, "x", SIZE_MAX, &err), LIKEN_E_TOO_LARGE);
    lk_buf_free(&b);
    assert_null(b.data);
}

static void formats_and_gives_away(void **state) {
    (void)state;
    liken_error err = {0};
    lk_buf b;
    lk_buf_init(&b, 64);
    assert_ok(lk_buf_format(&b, &err, "%d-%s", 7, "seven"), err);
    size_t size = 0;
    char *text = lk_buf_steal(&b, &size);
    assert_string_equal(text, "7-seven");
    assert_int_equal(size, 7);
    free(text);
    lk_buf_free(&b);
}

static void reads_only_whole_regular_files(void **state) {
    (void)state;
    liken_error err = {0};
    char *out = NULL;
    size_t size = 0;
    char folder[] = "/tmp/liken-test-XXXXXX";
    assert_non_null(mkdtemp(folder));
    char path[64], fifo[64];
    (void)snprintf(path, sizeof path, "%s/a/b", folder);
    assert_ok(lk_folder_make(path, &err), err);
    (void)snprintf(path, sizeof path, "%s/file", folder);
    (void)snprintf(fifo, sizeof fifo, "%s/fifo", folder);
    assert_ok(lk_file_write(path, "hello", 5, &err), err);
    assert_ok(lk_file_read(path, 5, &out, &size, &err), err);
    assert_int_equal(size, 5);
    assert_memory_equal(out, "hello", 6);
    free(out);
    assert_int_equal(lk_file_read(path, 4, &out, &size, &err), LIKEN_E_TOO_LARGE);
    assert_int_equal(lk_file_read(folder, 100, &out, &size, &err), LIKEN_E_IO);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    assert_int_equal(lk_file_read(fifo, 100, &out, &size, &err), LIKEN_E_IO);
    assert_int_equal(lk_file_read("/nowhere/at/all", 100, &out, &size, &err), LIKEN_E_NOT_FOUND);
    assert_int_equal(lk_file_write("/nowhere/at/all", "", 0, &err), LIKEN_E_IO);
    assert_int_equal(lk_folder_make(path, &err), LIKEN_E_IO);
}

static void writes_into_what_is_no_file_and_through_links(void **state) {
    (void)state;
    liken_error err = {0};
    char *out = NULL, got[8] = "";
    size_t size = 0;
    char folder[] = "/tmp/liken-test-XXXXXX", file[64], link[64], fifo[64];
    struct stat st;
    assert_non_null(mkdtemp(folder));
    (void)snprintf(file, sizeof file, "%s/file", folder);
    (void)snprintf(link, sizeof link, "%s/link", folder);
    (void)snprintf(fifo, sizeof fifo, "%s/fifo", folder);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    const int fd = open(fifo, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_ok(lk_file_write(fifo, "hello", 5, &err), err);
    assert_int_equal(read(fd, got, sizeof got), 5);
    assert_string_equal(got, "hello");
    close(fd);
    assert_int_equal(lstat(fifo, &st), 0);
    assert_true(S_ISFIFO(st.st_mode));
    assert_ok(lk_file_write(file, "old", 3, &err), err);
    assert_int_equal(symlink("file", link), 0);
    assert_ok(lk_file_write(link, "new", 3, &err), err);
    assert_int_equal(lstat(link, &st), 0);
    assert_true(S_ISLNK(st.st_mode));
    assert_ok(lk_file_read(file, 9, &out, &size, &err), err);
    assert_string_equal(out, "new");
    free(out);
    assert_int_equal(lk_file_write(folder, "", 0, &err), LIKEN_E_IO);
}

static void keeps_to_the_umask(void **state) {
    (void)state;
    liken_error err = {0};
    char folder[] = "/tmp/liken-test-XXXXXX", file[64];
    struct stat st;
    assert_non_null(mkdtemp(folder));
    (void)snprintf(file, sizeof file, "%s/file", folder);
    const mode_t mask = umask(077);
    assert_ok(lk_file_write(file, "mine", 4, &err), err);
    (void)umask(mask);
    assert_int_equal(stat(file, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grows_to_its_ceiling_and_no_further),
        cmocka_unit_test(formats_and_gives_away),
        cmocka_unit_test(reads_only_whole_regular_files),
        cmocka_unit_test(writes_into_what_is_no_file_and_through_links),
        cmocka_unit_test(keeps_to_the_umask),
    };
    return cmocka_run_group_tests_name("base/buf", tests, NULL, NULL);
}
