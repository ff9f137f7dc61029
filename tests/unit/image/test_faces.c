/* The unusual and the hostile files of the labelled set, where LIKEN_FACES names it. */
#include "pictures.h"

#include "base/buf.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/resource.h>

typedef void visit_fn(const char *name, const char *bytes, size_t size);

static void visit(const char *folder, visit_fn *fn) {
    const char *faces = getenv("LIKEN_FACES");
    if (faces == NULL) {
        print_message("LIKEN_FACES is not set: the labelled photos are not here\n");
        skip();
        return;
    }
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/%s", faces, folder);
    DIR *d = opendir(path);
    if (d == NULL)
        fail_msg("%s cannot be opened", path);
    int count = 0;
    for (struct dirent *e; (e = readdir(d)) != NULL;) {
        if (e->d_name[0] == '.')
            continue;
        (void)snprintf(path, sizeof path, "%s/%s/%s", faces, folder, e->d_name);
        liken_error err = {0};
        char *bytes = NULL;
        size_t size = 0;
        assert_ok(lk_file_read(path, (size_t)1 << 30, &bytes, &size, &err), err);
        fn(e->d_name, bytes, size);
        free(bytes);
        count++;
    }
    closedir(d);
    assert_true(count > 10);
}

static void read_odd(const char *name, const char *bytes, size_t size) {
    liken_error err = {0};
    const int rc = try_decode(bytes, size, 640, NULL, &err);
    int want = LIKEN_OK;
    if (strstr(name, "17000x17000") != NULL)
        want = LIKEN_E_TOO_LARGE;
    if (strstr(name, ".svg") != NULL)
        want = LIKEN_E_FORMAT;
    if (rc != want)
        fail_msg("%s: %d: %s", name, rc, err.message);
}

static void reads_every_odd_file(void **state) {
    (void)state;
    visit("odd", read_odd);
}

static void read_bad(const char *name, const char *bytes, size_t size) {
    liken_error err = {0};
    (void)try_decode(bytes, size, 0, NULL, &err);
    struct rusage usage;
    assert_int_equal(getrusage(RUSAGE_SELF, &usage), 0);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    if (usage.ru_maxrss > 512 * 1024)
        fail_msg("%s took the process to %ld MB", name, usage.ru_maxrss / 1024);
#else
    (void)name;
#endif
}

static void bears_every_bad_file(void **state) {
    (void)state;
    visit("bad", read_bad);
}

static void shows_the_eight_orientations_alike(void **state) {
    (void)state;
    const char *faces = getenv("LIKEN_FACES");
    if (faces == NULL) {
        print_message("LIKEN_FACES is not set: the labelled photos are not here\n");
        skip();
        return;
    }
    lk_image first = {0};
    for (int k = 1; k <= 8; k++) {
        char path[4096];
        (void)snprintf(path, sizeof path, "%s/odd/d_exif%d.jpg", faces, k);
        liken_error err = {0};
        char *bytes = NULL;
        size_t size = 0;
        assert_ok(lk_file_read(path, (size_t)1 << 30, &bytes, &size, &err), err);
        lk_image image = decode(bytes, size, 0, "jpeg", NULL);
        free(bytes);
        if (k == 1) {
            first = image;
            continue;
        }
        const double off = difference(&image, &first);
        if (off > 4)
            fail_msg("orientation %d: off by %g", k, off);
        lk_image_clear(&image);
    }
    lk_image_clear(&first);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(bears_every_bad_file), cmocka_unit_test(reads_every_odd_file),
                                       cmocka_unit_test(shows_the_eight_orientations_alike)};
    return cmocka_run_group_tests_name("image/faces", tests, NULL, NULL);
}
