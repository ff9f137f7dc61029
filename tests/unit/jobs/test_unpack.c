/* Archives made here, as people and as others make them. */
#include "unit/test.h"

#include "unit/refuse.h"

#include "jobs/unpack.h"

#include <archive.h>
#include <archive_entry.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct item {
    const char *name;
    mode_t kind; /* 0: a file */
    const char *text, *leads_to;
    size_t zeros; /* instead of a text */
    bool unsized, hard;
} item;

static char folder[] = "/tmp/liken-unpack-XXXXXX";
static char path[128];

static void put(struct archive *w, const item *i) {
    static const char zeros[65536];
    struct archive_entry *e = archive_entry_new();
    const size_t size = i->text != NULL ? strlen(i->text) : i->zeros;
    archive_entry_set_pathname(e, i->name);
    archive_entry_set_filetype(e, i->kind != 0 ? i->kind : AE_IFREG);
    archive_entry_set_perm(e, 0644);
    if (i->leads_to != NULL && i->hard)
        archive_entry_set_hardlink(e, i->leads_to);
    else if (i->leads_to != NULL)
        archive_entry_set_symlink(e, i->leads_to);
    if (!i->unsized)
        archive_entry_set_size(e, (int64_t)size);
    assert_true(archive_write_header(w, e) >= ARCHIVE_WARN);
    if (i->text != NULL)
        assert_int_equal(archive_write_data(w, i->text, size), size);
    for (size_t at = 0; i->text == NULL && at < size; at += sizeof zeros) {
        const size_t part = size - at < sizeof zeros ? size - at : sizeof zeros;
        assert_int_equal(archive_write_data(w, zeros, part), part);
    }
    archive_entry_free(e);
}

/* `kind`: "zip", "tar" or "tar.gz" and so on; `options` of libarchive's writer, or NULL. */
static void pack(const char *kind, const char *options, const item *items, size_t count) {
    struct archive *w = archive_write_new();
    (void)snprintf(path, sizeof path, "%s/packed.%s", folder, kind);
    assert_int_equal(strcmp(kind, "zip") == 0 ? archive_write_set_format_zip(w) : archive_write_set_format_gnutar(w),
                     0);
    if (strcmp(kind, "tar.gz") == 0)
        assert_int_equal(archive_write_add_filter_gzip(w), 0);
    if (strcmp(kind, "tar.bz2") == 0)
        assert_int_equal(archive_write_add_filter_bzip2(w), 0);
    if (strcmp(kind, "tar.zst") == 0)
        assert_int_equal(archive_write_add_filter_zstd(w), 0);
    if (options != NULL) {
        assert_int_equal(archive_write_set_options(w, options), 0);
        assert_int_equal(archive_write_set_passphrase(w, "word"), 0);
    }
    assert_int_equal(archive_write_open_filename(w, path), 0);
    for (size_t i = 0; i < count; i++)
        put(w, &items[i]);
    assert_int_equal(archive_write_close(w), 0);
    archive_write_free(w);
}

static lk_archive *opened(const lk_archive_options *options) {
    lk_archive *a = NULL;
    lk_archive_reason reason;
    liken_error err;
    assert_ok(lk_archive_open(&a, path, options, &reason, &err), err);
    assert_int_equal(reason, LK_ARCHIVE_FINE);
    return a;
}

/* The next entry's name, which must be `name`, and what reading it gives. */
static lk_archive_reason next_is(lk_archive *a, const char *name, const char *text) {
    const char *is = NULL;
    char *bytes = NULL;
    size_t size = 0;
    lk_archive_reason reason;
    liken_error err = {0};
    assert_ok(lk_archive_next(a, &is, &reason, &err), err);
    if (name == NULL) {
        assert_null(is);
        return reason;
    }
    assert_non_null(is);
    assert_string_equal(is, name);
    const int rc = lk_archive_read(a, &bytes, &size, &reason, &err);
    assert_int_equal(rc == LIKEN_OK, reason == LK_ARCHIVE_FINE);
    if (rc != LIKEN_OK) {
        assert_int_equal(err.code, rc);
        assert_true(strlen(err.message) > 20);
    } else if (text != NULL) {
        assert_int_equal(size, strlen(text));
        assert_memory_equal(bytes, text, size);
    }
    free(bytes);
    return reason;
}

static void entries_come_in_order(void **state) {
    (void)state;
    static const char *const kinds[] = {"zip", "tar", "tar.gz", "tar.bz2", "tar.zst"};
    static const item items[] = {{.name = "a", .kind = AE_IFDIR},
                                 {.name = "a/one.jpg", .text = "first"},
                                 {.name = "./a/J\xc3\xbcrgen.jpg", .text = "second"},
                                 {.name = "empty", .text = ""},
                                 {.name = "a/b/..c..", .text = "dots"},
                                 {.name = "long", .zeros = 100000}};
    for (size_t k = 0; k < LK_LENGTH(kinds); k++) {
        pack(kinds[k], NULL, items, LK_LENGTH(items));
        assert_true(lk_archive_is(path));
        lk_archive *a = opened(NULL);
        assert_int_equal(next_is(a, "a/one.jpg", "first"), LK_ARCHIVE_FINE);
        assert_int_equal(next_is(a, "a/J\xc3\xbcrgen.jpg", "second"), LK_ARCHIVE_FINE);
        assert_int_equal(next_is(a, "empty", ""), LK_ARCHIVE_FINE);
        assert_int_equal(next_is(a, "a/b/..c..", "dots"), LK_ARCHIVE_FINE);
        assert_int_equal(next_is(a, "long", NULL), LK_ARCHIVE_FINE);
        (void)next_is(a, NULL, NULL);
        (void)next_is(a, NULL, NULL);
        lk_archive_close(a);
    }
}

static void each_entry_answers_for_itself(void **state) {
    (void)state;
    static const struct {
        item item;
        const char *shown;
        lk_archive_reason reason;
    } table[] = {
        {{.name = "link", .kind = AE_IFLNK, .leads_to = "/etc/passwd"}, "link", LK_ARCHIVE_LINK},
        {{.name = "first", .text = "1"}, "first", LK_ARCHIVE_FINE},
        {{.name = "hard", .leads_to = "first", .hard = true}, "hard", LK_ARCHIVE_LINK},
        {{.name = "pipe", .kind = AE_IFIFO}, "pipe", LK_ARCHIVE_SPECIAL},
        {{.name = "device", .kind = AE_IFCHR}, "device", LK_ARCHIVE_SPECIAL},
        {{.name = "../up", .text = "x"}, "../up", LK_ARCHIVE_PATH},
        {{.name = "a/../../up", .text = "x"}, "a/../../up", LK_ARCHIVE_PATH},
        {{.name = "a/..", .text = "x"}, "a/..", LK_ARCHIVE_PATH},
        {{.name = "a\\..\\up", .text = "x"}, "a\\..\\up", LK_ARCHIVE_PATH},
        {{.name = "/etc/passwd", .text = "x"}, "/etc/passwd", LK_ARCHIVE_PATH},
        {{.name = ".//etc/passwd", .text = "x"}, "etc/passwd", LK_ARCHIVE_FINE},
        {{.name = "\\\\host\\x", .text = "x"}, "\\\\host\\x", LK_ARCHIVE_PATH},
        {{.name = "C:\\x", .text = "x"}, "C:\\x", LK_ARCHIVE_PATH},
        {{.name = "Jos\x82.jpg", .text = "x"}, "Jos?.jpg", LK_ARCHIVE_NAME},
        {{.name = "first", .text = "2"}, "first", LK_ARCHIVE_TWICE},
        {{.name = "./first", .text = "3"}, "first", LK_ARCHIVE_TWICE},
        {{.name = "in.zip", .text = "PK"}, "in.zip", LK_ARCHIVE_NESTED},
        {{.name = "in.TAR.GZ", .text = "x"}, "in.TAR.GZ", LK_ARCHIVE_NESTED},
        {{.name = "in.7z", .text = "x"}, "in.7z", LK_ARCHIVE_NESTED},
        {{.name = "large", .zeros = 5001}, "large", LK_ARCHIVE_TOO_LARGE},
        {{.name = "as-large-as-may-be", .zeros = 5000}, "as-large-as-may-be", LK_ARCHIVE_FINE},
        {{.name = "last", .text = "x"}, "last", LK_ARCHIVE_FINE},
    };
    item items[LK_LENGTH(table)];
    for (size_t i = 0; i < LK_LENGTH(table); i++)
        items[i] = table[i].item;
    pack("tar", NULL, items, LK_LENGTH(items));
    lk_archive *a = opened(&(lk_archive_options){.entry_bytes = 5000});
    for (size_t i = 0; i < LK_LENGTH(table); i++) {
        const lk_archive_reason reason = next_is(a, table[i].shown, table[i].item.text);
        if (reason != table[i].reason)
            fail_msg("%s: %s", table[i].shown, lk_archive_reason_code(reason));
    }
    (void)next_is(a, NULL, NULL);
    lk_archive_close(a);
}

static void a_name_of_all_lengths_is_kept_short(void **state) {
    (void)state;
    static char names[3][2100];
    memset(names[0], 'a', 2047);
    memset(names[1], 'b', 2048);
    memset(names[2], 'c', 2049);
    const item items[] = {
        {.name = names[0], .text = "1"}, {.name = names[1], .text = "2"}, {.name = names[2], .text = "3"}};
    pack("tar", NULL, items, 3);
    lk_archive *a = opened(NULL);
    assert_int_equal(next_is(a, names[0], "1"), LK_ARCHIVE_FINE);
    assert_int_equal(next_is(a, names[1], "2"), LK_ARCHIVE_FINE);
    names[2][2048] = '\0';
    assert_int_equal(next_is(a, names[2], NULL), LK_ARCHIVE_NAME);
    lk_archive_close(a);
}

static void what_is_encrypted_is_named(void **state) {
    (void)state;
    static const item items[] = {{.name = "a.jpg", .text = "secret"}, {.name = "b.jpg", .text = "secret"}};
    static const char *const ways[] = {"zip:encryption=zipcrypt", "zip:encryption=aes256"};
    for (size_t i = 0; i < LK_LENGTH(ways); i++) {
        pack("zip", ways[i], items, 2);
        lk_archive *a = opened(NULL);
        assert_int_equal(next_is(a, "a.jpg", NULL), LK_ARCHIVE_ENCRYPTED);
        assert_int_equal(next_is(a, "b.jpg", NULL), LK_ARCHIVE_ENCRYPTED);
        lk_archive_close(a);
    }
}

/* All that lk_archive_next gives until it fails or ends. */
static lk_archive_reason through(lk_archive *a, bool reading, int *rc) {
    lk_archive_reason reason = LK_ARCHIVE_FINE;
    for (;;) {
        const char *name = NULL;
        char *bytes = NULL;
        size_t size = 0;
        *rc = lk_archive_next(a, &name, &reason, NULL);
        if (*rc != LIKEN_OK || name == NULL)
            return reason;
        lk_archive_reason of_entry;
        if (reading && lk_archive_read(a, &bytes, &size, &of_entry, NULL) == LIKEN_OK)
            free(bytes);
    }
}

static void an_archive_has_an_end(void **state) {
    (void)state;
    static const item three[] = {{.name = "a", .text = "1"}, {.name = "b", .text = "2"}, {.name = "c", .text = "3"}};
    int rc;
    pack("zip", NULL, three, 3);
    lk_archive *a = opened(&(lk_archive_options){.entries = 3});
    assert_int_equal(through(a, true, &rc), LK_ARCHIVE_FINE);
    lk_archive_close(a);
    a = opened(&(lk_archive_options){.entries = 2});
    assert_int_equal(through(a, false, &rc), LK_ARCHIVE_ENTRIES);
    assert_int_equal(rc, LIKEN_E_TOO_LARGE);
    assert_int_equal(through(a, false, &rc), LK_ARCHIVE_ENTRIES); /* for good */
    lk_archive_close(a);
    a = opened(&(lk_archive_options){.total_bytes = 2});
    assert_int_equal(through(a, true, &rc), LK_ARCHIVE_BOMB);
    lk_archive_close(a);
}

static void a_bomb_does_not_go_off(void **state) {
    (void)state;
    static const char *const kinds[] = {"zip", "tar.gz"};
    static const item told[] = {{.name = "a", .zeros = 40 << 20}, {.name = "b", .zeros = 40 << 20}};
    static const item untold[] = {{.name = "a", .zeros = 40 << 20, .unsized = true},
                                  {.name = "b", .zeros = 40 << 20, .unsized = true}};
    for (int i = 0; i < 3; i++) {
        int rc;
        pack(kinds[i / 2], NULL, i == 1 ? untold : told, 2);
        lk_archive *a = opened(NULL);
        if (through(a, i < 2, &rc) != LK_ARCHIVE_BOMB)
            fail_msg("%d goes off", i);
        assert_int_equal(rc, LIKEN_E_TOO_LARGE);
        lk_archive_close(a);
    }
}

static char *bytes_of(size_t *size) {
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    *size = (size_t)st.st_size;
    char *bytes = malloc(*size);
    FILE *f = fopen(path, "rb");
    assert_int_equal(fread(bytes, 1, *size, f), *size);
    fclose(f);
    return bytes;
}

static void write_bytes(const char *bytes, size_t size) {
    FILE *f = fopen(path, "wb");
    assert_int_equal(fwrite(bytes, 1, size, f), size);
    fclose(f);
}

static void a_spoilt_entry_spoils_no_other(void **state) {
    (void)state;
    static const item items[] = {{.name = "a", .text = "the text of the first"},
                                 {.name = "b", .text = "of the second"}};
    size_t size;
    pack("zip", NULL, items, 2);
    char *bytes = bytes_of(&size);
    char *data = memmem(bytes, size, "PK\x01\x02", 4); /* the list behind the data; its sum of the first */
    assert_non_null(data);
    data[16] = (char)(data[16] ^ 1);
    write_bytes(bytes, size);
    lk_archive *a = opened(NULL);
    assert_int_equal(next_is(a, "a", NULL), LK_ARCHIVE_DAMAGED);
    assert_int_equal(next_is(a, "b", "of the second"), LK_ARCHIVE_FINE);
    lk_archive_close(a);
    free(bytes);
}

static void what_is_cut_is_told(void **state) {
    (void)state;
    static const char *const kinds[] = {"zip", "tar", "tar.gz"};
    static const item items[] = {{.name = "a", .text = "the text of the first"}, {.name = "b", .zeros = 1000}};
    for (size_t k = 0; k < LK_LENGTH(kinds); k++) {
        size_t size;
        pack(kinds[k], NULL, items, 2);
        char *bytes = bytes_of(&size);
        for (size_t cut = 0; cut < size; cut += cut < 700 ? 7 : 97) {
            lk_archive *a = NULL;
            lk_archive_reason reason;
            int rc;
            write_bytes(bytes, cut);
            if (lk_archive_open(&a, path, NULL, &reason, NULL) == LIKEN_OK)
                reason = through(a, true, &rc);
            if (reason != LK_ARCHIVE_FINE && reason != LK_ARCHIVE_UNKNOWN && reason != LK_ARCHIVE_DAMAGED)
                fail_msg("%s cut at %zu: %s", kinds[k], cut, lk_archive_reason_code(reason));
            if (reason == LK_ARCHIVE_FINE && (k == 0 || cut < 512))
                fail_msg("%s cut at %zu is whole", kinds[k], cut);
            lk_archive_close(a);
        }
        free(bytes);
    }
}

static void other_things_are_no_archives(void **state) {
    (void)state;
    lk_archive *a = NULL;
    lk_archive_reason reason;
    liken_error err;
    int rc;
    assert_int_equal(lk_archive_open(&a, "/nonexistent.zip", NULL, &reason, &err), LIKEN_E_NOT_FOUND);
    assert_int_equal(reason, LK_ARCHIVE_UNREADABLE);
    assert_int_equal(lk_archive_open(&a, folder, NULL, &reason, &err), LIKEN_E_IO);
    assert_int_equal(lk_archive_open(&a, "/dev/null", NULL, &reason, &err), LIKEN_E_IO);
    assert_null(a);
    (void)snprintf(path, sizeof path, "%s/packed.zip", folder);
    write_bytes("a text of some length, which is no archive at all, whatever it is called\n", 73);
    if (lk_archive_open(&a, path, NULL, &reason, &err) == LIKEN_OK)
        reason = through(a, false, &rc);
    assert_int_equal(reason, LK_ARCHIVE_UNKNOWN);
    lk_archive_close(a);
    assert_true(lk_archive_is("A.ZIP") && lk_archive_is("a.tgz") && lk_archive_is("x/a.tar.zst"));
    assert_false(lk_archive_is("a.jpg") || lk_archive_is("zip") || lk_archive_is("a.gz") || lk_archive_is("a.tar.xz"));
    lk_archive_close(NULL);
}

/* Each allocation in turn: it is said, and nothing is lost or left. */
static void memory_runs_out(void **state) {
    (void)state;
    static const item items[] = {{.name = "a", .text = "first"}, {.name = "b", .text = "second"}};
    bool refused = true;
    pack("zip", NULL, items, 2);
    for (long n = 1; refused; n++) {
        lk_archive *a = NULL;
        lk_archive_reason reason = LK_ARCHIVE_FINE;
        const char *name = NULL;
        char *bytes = NULL;
        size_t size;
        refuse_begin(n, false);
        int rc = lk_archive_open(&a, path, NULL, &reason, NULL);
        for (int i = 0; rc == LIKEN_OK && i < 2; i++) {
            rc = lk_archive_next(a, &name, &reason, NULL);
            if (rc == LIKEN_OK)
                rc = lk_archive_read(a, &bytes, &size, &reason, NULL);
            free(bytes);
            bytes = NULL;
        }
        refused = refuse_end();
        assert_int_equal(rc, refused ? LIKEN_E_MEMORY : LIKEN_OK);
        assert_int_equal(reason, refused ? LK_ARCHIVE_STOPPED : LK_ARCHIVE_FINE);
        lk_archive_close(a);
    }
}

static int begin(void **state) {
    (void)state;
    return mkdtemp(folder) == NULL;
}

static int end(void **state) {
    static const char *const kinds[] = {"zip", "tar", "tar.gz", "tar.bz2", "tar.zst"};
    (void)state;
    for (size_t k = 0; k < LK_LENGTH(kinds); k++) {
        (void)snprintf(path, sizeof path, "%s/packed.%s", folder, kinds[k]);
        (void)unlink(path);
    }
    return rmdir(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_come_in_order),
        cmocka_unit_test(each_entry_answers_for_itself),
        cmocka_unit_test(a_name_of_all_lengths_is_kept_short),
        cmocka_unit_test(what_is_encrypted_is_named),
        cmocka_unit_test(an_archive_has_an_end),
        cmocka_unit_test(a_bomb_does_not_go_off),
        cmocka_unit_test(a_spoilt_entry_spoils_no_other),
        cmocka_unit_test(what_is_cut_is_told),
        cmocka_unit_test(memory_runs_out),
        cmocka_unit_test(other_things_are_no_archives),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
