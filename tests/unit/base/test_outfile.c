#include "unit/test.h"

#include "base/buf.h"
#include "base/outfile.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/liken-test-XXXXXX", path[64];
static liken_error err;

static int make_folder(void **state) {
    (void)state;
    (void)strcpy(folder + strlen(folder) - 6, "XXXXXX");
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/file", folder);
    return 0;
}

static size_t files(void) {
    size_t n = 0;
    DIR *d = opendir(folder);
    assert_non_null(d);
    for (const struct dirent *e = readdir(d); e != NULL; e = readdir(d))
        n += e->d_name[0] != '.';
    closedir(d);
    return n;
}

static void assert_holds(const char *text) {
    LK_FREE char *bytes = NULL;
    size_t size = 0;
    assert_ok(lk_file_read(path, (size_t)1 << 20, &bytes, &size, &err), err);
    assert_int_equal(size, strlen(text));
    assert_memory_equal(bytes, text, size);
}

static void is_there_whole_or_not_at_all(void **state) {
    (void)state;
    lk_outfile *f = NULL;
    assert_ok(lk_outfile_open(&f, path, &err), err);
    assert_ok(lk_outfile_write(f, "one", 3, &err), err);
    assert_ok(lk_outfile_flush(f, &err), err);
    assert_int_equal(access(path, F_OK), -1);
    assert_ok(lk_outfile_write(f, " two", 4, &err), err);
    assert_ok(lk_outfile_finish(f, &err), err);
    assert_holds("one two");
    assert_ok(lk_outfile_open(&f, path, &err), err);
    assert_ok(lk_outfile_write(f, "half", 4, &err), err);
    lk_outfile_drop(f);
    lk_outfile_drop(NULL);
    assert_holds("one two");
    assert_int_equal(files(), 1);
    assert_int_equal(lk_outfile_open(&f, "/nowhere/at/all", &err), LIKEN_E_IO);
    assert_int_equal(lk_outfile_create(&f, "/nowhere/at/all", &err), LIKEN_E_IO);
}

static void pieces_of_all_sizes_come_in_order(void **state) {
    (void)state;
    static char all[400001];
    lk_outfile *f = NULL;
    size_t at = 0;
    for (size_t i = 0; i + 1 < sizeof all; i++)
        all[i] = (char)('a' + i * 7 % 26);
    assert_ok(lk_outfile_open(&f, path, &err), err);
    for (size_t size = 1; at + size < sizeof all; at += size, size = size * 3 + 1)
        assert_ok(lk_outfile_write(f, all + at, size, &err), err);
    all[at] = '\0';
    assert_true(at > 200000);
    assert_ok(lk_outfile_finish(f, &err), err);
    assert_holds(all);
}

static void a_new_file_replaces_nothing(void **state) {
    (void)state;
    lk_outfile *f = NULL;
    assert_ok(lk_outfile_create(&f, path, &err), err);
    assert_ok(lk_outfile_write(f, "new", 3, &err), err);
    assert_ok(lk_file_write(path, "came first", 10, &err), err);
    assert_int_equal(lk_outfile_finish(f, &err), LIKEN_E_CONFLICT);
    assert_holds("came first");
    assert_int_equal(files(), 1);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink("nowhere", path), 0);
    assert_ok(lk_outfile_create(&f, path, &err), err);
    assert_int_equal(lk_outfile_finish(f, &err), LIKEN_E_CONFLICT);
    assert_int_equal(unlink(path), 0);
    assert_ok(lk_outfile_create(&f, path, &err), err);
    assert_ok(lk_outfile_write(f, "new", 3, &err), err);
    assert_ok(lk_outfile_finish(f, &err), err);
    assert_holds("new");
}

static void a_full_disk_is_said(void **state) {
    (void)state;
    lk_outfile *f = NULL;
    if (access("/dev/full", W_OK) != 0)
        skip();
    assert_ok(lk_outfile_open(&f, "/dev/full", &err), err);
    assert_ok(lk_outfile_write(f, "x", 1, &err), err);
    assert_int_equal(lk_outfile_finish(f, &err), LIKEN_E_IO);
    assert_string_equal(err.message, "/dev/full cannot be written: No space left on device");
    struct stat st;
    assert_int_equal(stat("/dev/full", &st), 0);
    assert_true(S_ISCHR(st.st_mode));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(is_there_whole_or_not_at_all, make_folder),
        cmocka_unit_test_setup(pieces_of_all_sizes_come_in_order, make_folder),
        cmocka_unit_test_setup(a_new_file_replaces_nothing, make_folder),
        cmocka_unit_test(a_full_disk_is_said),
    };
    return cmocka_run_group_tests_name("base/outfile", tests, NULL, NULL);
}
