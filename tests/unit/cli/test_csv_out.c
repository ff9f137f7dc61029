#include "unit/test.h"

#include "cli/csv_out.h"
#include "eval/csv.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What is written is read again, but for what no cell may hold. */
static void rows_are_written(void **state) {
    (void)state;
    static const struct {
        const char *given, *read;
    } cells[] = {
        {"plain", "plain"},
        {"a,b", "a,b"},
        {"say \"so\"", "say \"so\""},
        {"two\r\nlines", "two\r\nlines"},
        {" edges ", " edges "},
        {NULL, ""},
        {"=1+1", "'=1+1"},
        {"+1", "'+1"},
        {"-1", "'-1"},
        {"@sum", "'@sum"},
        {"'so", "''so"},
        {"\tx", "'\tx"},
        {"\rx", "'\rx"},
        {"a\033[1m", "a\xef\xbf\xbd[1m"},
        {"a=b", "a=b"},
        {"", ""},
    };
    char path[] = "/tmp/liken-test-XXXXXX";
    liken_error err = {0};
    lk_outfile *to = NULL;
    lk_csv_out o;
    LK_FREE char *text = NULL;
    size_t size = 0;
    close(mkstemp(path));
    assert_ok(lk_outfile_open(&to, path, &err), err);
    lk_csv_out_init(&o);
    for (size_t i = 0; i < LK_LENGTH(cells); i++)
        lk_csv_put_text(&o, cells[i].given);
    assert_ok(lk_csv_row_end(&o, to, &err), err);
    lk_csv_put_number(&o, (double)0.1f);
    lk_csv_put_number(&o, NAN);
    lk_csv_put_integer(&o, INT64_MIN);
    assert_ok(lk_csv_row_end(&o, to, &err), err);
    lk_csv_out_free(&o);
    assert_ok(lk_outfile_finish(to, &err), err);
    assert_ok(lk_file_read(path, 10000, &text, &size, &err), err);
    (void)unlink(path);
    lk_csv c;
    lk_csv_start(&c, text, size);
    assert_int_equal(lk_csv_next(&c, &err), 1);
    assert_int_equal(c.count, LK_LENGTH(cells));
    for (size_t i = 0; i < LK_LENGTH(cells); i++)
        assert_string_equal(c.fields[i], cells[i].read);
    assert_int_equal(lk_csv_next(&c, &err), 1);
    assert_int_equal(c.count, 3);
    assert_string_equal(c.fields[0], "0.100000001");
    assert_string_equal(c.fields[1], "");
    assert_string_equal(c.fields[2], "-9223372036854775808");
    assert_int_equal(lk_csv_next(&c, &err), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_written),
    };
    return cmocka_run_group_tests_name("cli/csv_out", tests, NULL, NULL);
}
