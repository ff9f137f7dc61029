#include "unit/test.h"

#include "base/buf.h"
#include "cli/message.h"
#include "cli/paths.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/liken-paths-XXXXXX";

static void make_file(const char *name) {
    liken_error err = {0};
    assert_ok(lk_file_write(name, "x", 1, &err), err);
}

static int make_tree(void **state) {
    (void)state;
    if (mkdtemp(folder) == NULL || chdir(folder) != 0)
        return -1;
    if (mkdir("t", 0700) != 0 || mkdir("t/b", 0700) != 0 || mkdir("t/.hidden", 0700) != 0)
        return -1;
    make_file("t/c.jpg");
    make_file("t/a.jpg");
    make_file("t/B.jpg");
    make_file("t/b/1.jpg");
    make_file("t/b/.2.jpg");
    make_file("t/.hidden/3.jpg");
    return mkfifo("t/fifo", 0600) | symlink("b", "t/link") | symlink("c.jpg", "t/d.jpg") |
           symlink("nowhere", "t/e.jpg");
}

static int remove_tree(void **state) {
    (void)state;
    char command[64];
    (void)snprintf(command, sizeof command, "rm -r %s", folder);
    return chdir("/") | system(command);
}

static void assert_paths(const lk_paths *p, size_t count, const char *const *names) {
    assert_int_equal(p->count, count);
    for (size_t i = 0; i < count; i++)
        assert_string_equal(p->items[i].name, names[i]);
}

static void folders_are_walked_in_byte_order(void **state) {
    (void)state;
    liken_error err = {0};
    lk_paths p = {0};
    static const char *const names[] = {"t/B.jpg", "t/a.jpg", "t/b/1.jpg", "t/c.jpg", "t/d.jpg"};
    assert_ok(lk_paths_add(&p, "t", &err), err);
    assert_paths(&p, 5, names);
    assert_true(p.items[0].walked);
    lk_paths_free(&p);
    assert_ok(lk_paths_add(&p, "t/", &err), err);
    assert_paths(&p, 5, names);
    lk_paths_free(&p);
}

static void what_is_hidden_or_excluded_is_left_out(void **state) {
    (void)state;
    liken_error err = {0};
    static const char *const all[] = {"t/.hidden/3.jpg", "t/B.jpg", "t/a.jpg", "t/b/.2.jpg",
                                      "t/b/1.jpg",       "t/c.jpg", "t/d.jpg"};
    static const char *const excludes[] = {"b/1*", "[ac].jpg"}, *const rest[] = {"t/B.jpg", "t/d.jpg"};
    lk_paths p = {.hidden = true};
    assert_ok(lk_paths_add(&p, "t", &err), err);
    assert_paths(&p, LK_LENGTH(all), all);
    assert_int_equal(p.left_out, 0);
    lk_paths_free(&p);
    p = (lk_paths){.excludes = excludes, .exclude_count = LK_LENGTH(excludes)};
    assert_ok(lk_paths_add(&p, "t", &err), err);
    assert_paths(&p, LK_LENGTH(rest), rest);
    assert_int_equal(p.left_out, 5);
    assert_int_equal(p.bare_count, 0);
    assert_ok(lk_paths_add(&p, "t/.hidden/", &err), err); /* named by the user */
    assert_int_equal(p.count, 3);
    lk_paths_free(&p);
}

/* The same folder b as people write it; and what is not there. */
static void excludes_are_read_as_people_write_them(void **state) {
    (void)state;
    liken_error err = {0};
    static const char *const all[] = {"t/B.jpg", "t/a.jpg", "t/b/1.jpg", "t/c.jpg", "t/d.jpg"};
    static const char *const rest[] = {"t/B.jpg", "t/a.jpg", "t/c.jpg", "t/d.jpg"};
    static const char *const ways[] = {"b",    "b/",   "/b",    "./b",  "/b/",    "t/b",
                                       "t/b/", "**/b", "**/b/", "b/**", "**/b/**"};
    static const char *const others[] = {"/1.jpg", "./1.jpg", "x/b", "B", "/", "//", "b/b"};
    for (size_t i = 0; i < LK_LENGTH(ways) + LK_LENGTH(others); i++) {
        const bool is_b = i < LK_LENGTH(ways);
        lk_paths p = {.excludes = is_b ? &ways[i] : &others[i - LK_LENGTH(ways)], .exclude_count = 1};
        assert_ok(lk_paths_add(&p, "t", &err), err);
        assert_paths(&p, is_b ? 4 : 5, is_b ? rest : all);
        lk_paths_free(&p);
    }
}

/* More folders than a small table holds, and links among them. */
static void links_to_folders_are_followed_once(void **state) {
    (void)state;
    liken_error err = {0};
    lk_paths p = {0};
    char name[64];
    for (int i = 0; i < 300; i++) {
        (void)snprintf(name, sizeof name, "t3/%03d", i);
        assert_ok(lk_folder_make(name, &err), err);
        (void)snprintf(name, sizeof name, "t3/%03d/link", i);
        assert_int_equal(symlink(i % 2 == 0 ? "../.." : "../../t3/001", name), 0);
    }
    assert_ok(lk_paths_add(&p, "t3", &err), err);
    assert_int_equal(p.count, 5 + 1); /* what is in t, and what is too deep in t2 */
    assert_int_equal(p.bare_count, 0);
    lk_paths_free(&p);
    assert_ok(lk_folder_make("t4/bare", &err), err);
    assert_ok(lk_paths_add(&p, "t4", &err), err);
    assert_int_equal(p.bare_count, 1);
    assert_string_equal(p.bare[0], "t4");
    lk_paths_free(&p);
}

static void a_named_file_is_taken_as_it_is(void **state) {
    (void)state;
    liken_error err = {0};
    lk_paths p = {0};
    static const char *const names[] = {"t/b/.2.jpg", "missing.jpg"};
    assert_ok(lk_paths_add(&p, names[0], &err), err);
    assert_ok(lk_paths_add(&p, names[1], &err), err);
    assert_paths(&p, 2, names);
    assert_false(p.items[0].walked);
    lk_paths_free(&p);
    lk_paths_free(&p);
    lk_paths_free(NULL);
    char *longest = calloc(1, 5000);
    assert_non_null(longest);
    memset(longest, 'x', 4999);
    assert_int_equal(lk_paths_add(&p, longest, &err), LIKEN_E_ARG);
    free(longest);
}

static void an_address_is_no_path(void **state) {
    (void)state;
    static const struct {
        const char *word;
        lk_source source;
    } table[] = {{"http://a/b.jpg", LK_SOURCE_URL}, {"HTTPS://a/b.jpg", LK_SOURCE_URL}, {"./http://a", LK_SOURCE_FILE},
                 {"ftp://a/b", LK_SOURCE_FILE},     {"http:/a", LK_SOURCE_FILE},        {"https", LK_SOURCE_FILE}};
    lk_paths p = {0};
    liken_error err;
    for (size_t i = 0; i < LK_LENGTH(table); i++) {
        assert_ok(lk_paths_add(&p, table[i].word, &err), err);
        assert_int_equal(p.items[i].source, table[i].source);
        assert_string_equal(p.items[i].name, table[i].word);
        assert_false(p.items[i].walked);
    }
    lk_paths_cut(&p, 2);
    assert_int_equal(p.count, 2);
    lk_paths_free(&p);
}

/* Of an archive, as of a folder; ".." is for others to judge. */
static void what_is_left_out_is_told_by_its_name(void **state) {
    (void)state;
    static const char *const excludes[] = {"*.txt", "drafts/**", "old"};
    static const char *const out[] = {".a", "a/.b/c", "__MACOSX/a", "a/@eaDir/b", "a/b.txt", "drafts/1.jpg", "a/old/b"};
    static const char *const in[] = {"a",  "a/b.jpg", "../a",           "./a",    "a/../b", "a//b",
                                     "a/", "",        "a/drafts/1.jpg", "older/a"};
    lk_paths p = {.excludes = excludes, .exclude_count = LK_LENGTH(excludes)};
    for (size_t i = 0; i < LK_LENGTH(out); i++)
        if (!lk_paths_leave_out(&p, out[i]))
            fail_msg("%s is not left out", out[i]);
    assert_int_equal(p.left_out, LK_LENGTH(out));
    for (size_t i = 0; i < LK_LENGTH(in); i++)
        if (lk_paths_leave_out(&p, in[i]))
            fail_msg("%s is left out", in[i]);
    p.hidden = true;
    assert_false(lk_paths_leave_out(&p, ".a/b"));
}

static void an_endless_folder_is_a_fault_of_its_own(void **state) {
    (void)state;
    liken_error err = {0};
    lk_paths p = {0};
    char deep[1000] = "t2";
    for (int i = 0; i < 120; i++)
        strcat(deep, "/d");
    assert_ok(lk_folder_make(deep, &err), err);
    assert_ok(lk_paths_add(&p, "t2", &err), err);
    assert_int_equal(p.count, 1);
    assert_int_equal(p.items[0].fault, LK_TOO_DEEP);
    lk_paths_free(&p);
}

static FILE *stream_of(const char *bytes, size_t size) {
    FILE *f = tmpfile();
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, size, f), size);
    rewind(f);
    return f;
}

static void lists_hold_lines_or_nul_ended_names(void **state) {
    (void)state;
    liken_error err = {0};
    lk_paths p = {0};
    static const char *const lines[] = {"x y.jpg", "t/b/1.jpg", "-"};
    FILE *f = stream_of("x y.jpg\n\nt/b\n-", 14);
    assert_ok(lk_paths_add_list(&p, f, false, &err), err);
    assert_paths(&p, 3, lines);
    fclose(f);
    lk_paths_free(&p);
    static const char *const odd[] = {"a\nb", "c"};
    f = stream_of("a\nb\0c\0", 6);
    assert_ok(lk_paths_add_list(&p, f, true, &err), err);
    assert_paths(&p, 2, odd);
    rewind(f);
    assert_int_equal(lk_paths_add_list(&p, f, false, &err), LIKEN_E_ARG);
    assert_non_null(strstr(err.message, "-0"));
    fclose(f);
    lk_paths_free(&p);
}

static void printable_text_cannot_steer_a_terminal(void **state) {
    (void)state;
    static const struct {
        const char *text, *printed;
    } cases[] = {
        {"plain é 漢 😀", "plain é 漢 😀"},
        {"a\nb\tc\rd", "a\\nb\\tc\\rd"},
        {"\x1b[31m\x7f", "\\x1b[31m\\x7f"},
        {"\xc2\x9b", "\xef\xbf\xbd"},                             /* an 8-bit CSI */
        {"\xff\xc3(", "\xef\xbf\xbd\xef\xbf\xbd("},               /* no UTF-8 at all */
        {"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"}, /* a surrogate */
        {"\xe2\x82", "\xef\xbf\xbd\xef\xbf\xbd"},                 /* cut short */
        {"", ""},
    };
    for (size_t i = 0; i < LK_LENGTH(cases); i++) {
        char *printed = lk_printable(cases[i].text);
        assert_string_equal(printed, cases[i].printed);
        free(printed);
    }
}

static void durations_read_like_a_clock(void **state) {
    (void)state;
    char text[32];
    lk_duration_text(0.4, text, sizeof text);
    assert_string_equal(text, "0:00");
    lk_duration_text(75, text, sizeof text);
    assert_string_equal(text, "1:15");
    lk_duration_text(3909, text, sizeof text);
    assert_string_equal(text, "1:05:09");
    lk_duration_text(-5, text, sizeof text);
    assert_string_equal(text, "0:00");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(folders_are_walked_in_byte_order),
        cmocka_unit_test(what_is_hidden_or_excluded_is_left_out),
        cmocka_unit_test(excludes_are_read_as_people_write_them),
        cmocka_unit_test(a_named_file_is_taken_as_it_is),
        cmocka_unit_test(an_address_is_no_path),
        cmocka_unit_test(what_is_left_out_is_told_by_its_name),
        cmocka_unit_test(an_endless_folder_is_a_fault_of_its_own),
        cmocka_unit_test(links_to_folders_are_followed_once),
        cmocka_unit_test(lists_hold_lines_or_nul_ended_names),
        cmocka_unit_test(printable_text_cannot_steer_a_terminal),
        cmocka_unit_test(durations_read_like_a_clock),
    };
    return cmocka_run_group_tests_name("cli/paths", tests, make_tree, remove_tree);
}
