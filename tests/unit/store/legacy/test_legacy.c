/* The parts of the legacy table that need no database: a descriptor as two cubes, the rows that were met, SQL with
 * names in it; and what a table that is served refuses. */
#include "unit/store/server.h"
#include "unit/test.h"

#include "store/inside.h"
#include "store/legacy/legacy_int.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void a_descriptor_goes_through_cubes_unchanged(void **state) {
    (void)state;
    static const float odd[] = {0.0f, -0.0f, 0.1f, -1e-30f, 1.17549435e-38f, 3.4e14f, 1.0f / 3, 0.6f};
    float in[LK_LEGACY_DIMENSION], out[LK_LEGACY_DIMENSION];
    char low[LK_LEGACY_CUBE_TEXT], high[LK_LEGACY_CUBE_TEXT];
    for (size_t i = 0; i < LK_LEGACY_DIMENSION; i++)
        in[i] = odd[i % LK_LENGTH(odd)] * (i % 3 == 0 ? -1.0f : 1.0f);
    lk_legacy_cube_write(in, low);
    lk_legacy_cube_write(in + LK_LEGACY_HALF, high);
    assert_null(lk_legacy_cube_read(low, high, out));
    assert_memory_equal(in, out, sizeof in);
}

/* "(0.5, ...)" of n components. */
static char *point(int n, const char *last) {
    char *text = malloc((size_t)n * 8 + 64), *to = text;
    assert_non_null(text);
    to += sprintf(to, "(");
    for (int i = 0; i < n; i++)
        to += sprintf(to, "%s%s", i == 0 ? "" : ", ", i == n - 1 && last != NULL ? last : "0.5");
    (void)sprintf(to, ")");
    return text;
}

static void what_is_no_descriptor_is_told(void **state) {
    (void)state;
    char *good = point(64, NULL), *short_ = point(63, NULL), *nan_ = point(64, "NaN"), *inf = point(64, "Infinity");
    char *huge = point(64, "1e300"), *none = point(0, NULL), *lots = point(100, NULL), *word = point(64, "x");
    char box[2048];
    float out[LK_LEGACY_DIMENSION] = {7};
    (void)snprintf(box, sizeof box, "%s,%s", good, good);
    assert_null(lk_legacy_cube_read(good, good, out));
    assert_true(out[127] == 0.5f);
    const struct {
        const char *low, *high, *why;
    } rows[] = {{NULL, good, "NULL"},        {good, NULL, "NULL"},        {short_, short_, "126"},
                {short_, good, "64"},        {none, good, "64"},          {lots, good, "64"},
                {nan_, good, "not numbers"}, {good, inf, "not numbers"},  {huge, good, "not numbers"},
                {box, good, "no point"},     {"", good, "no point"},      {"(", good, "no point"},
                {"(1,", good, "no point"},   {"(1 2)", good, "no point"}, {word, good, "no point"},
                {"1,2)", good, "no point"}};
    for (size_t i = 0; i < LK_LENGTH(rows); i++) {
        out[0] = 7;
        const char *why = lk_legacy_cube_read(rows[i].low, rows[i].high, out);
        assert_non_null(why);
        assert_non_null(strstr(why, rows[i].why));
        assert_true(out[0] == 7);
    }
    char *const all[] = {good, short_, nan_, inf, huge, none, lots, word};
    for (size_t i = 0; i < LK_LENGTH(all); i++)
        free(all[i]);
}

/* As cube_send has it: a head, then float64s, highest byte first. Its size. */
static size_t sent(unsigned char *to, uint32_t head, int count, double value) {
    uint64_t bits;
    size_t n = 0;
    memcpy(&bits, &value, sizeof bits);
    for (int i = 3; i >= 0; i--)
        to[n++] = (unsigned char)(head >> 8 * i);
    for (int k = 0; k < count; k++) {
        for (int i = 7; i >= 0; i--)
            to[n++] = (unsigned char)(bits >> 8 * i);
    }
    return n;
}

static void cubes_as_they_are_sent(void **state) {
    (void)state;
    const uint32_t point_of = UINT32_C(0x80000000);
    unsigned char good[2048], bad[2048];
    float out[LK_LEGACY_DIMENSION] = {0};
    const size_t size = sent(good, point_of | 64, 64, 0.1);
    assert_null(lk_legacy_cube_read_sent(good, size, good, size, out));
    assert_true(out[0] == 0.1f && out[63] == 0.1f && out[64] == 0.1f && out[127] == 0.1f);
    const struct {
        uint32_t head;
        int count;
        double value;
        const char *why;
    } rows[] = {{point_of | 63, 63, 0.1, "64"},
                {point_of | 100, 100, 0.1, "64"},
                {64, 128, 0.1, "no point"},
                {point_of | 64, 63, 0.1, "no point"},
                {point_of | 64, 64, NAN, "not numbers"},
                {UINT32_MAX, 3, 0, "no point"},
                {point_of, 0, 0, "64"},
                {point_of | 64, 64, 1e300, "not numbers"}};
    for (size_t i = 0; i < LK_LENGTH(rows); i++) {
        const size_t n = sent(bad, rows[i].head, rows[i].count, rows[i].value);
        const char *first = lk_legacy_cube_read_sent(bad, n, good, size, out);
        const char *second = lk_legacy_cube_read_sent(good, size, bad, n, out);
        assert_true(first != NULL && second != NULL);
        assert_non_null(strstr(first, rows[i].why));
        assert_non_null(strstr(second, rows[i].why));
        assert_true(out[127] == 0.1f);
    }
    const size_t less = sent(bad, point_of | 63, 63, 0.1);
    assert_non_null(strstr(lk_legacy_cube_read_sent(bad, less, bad, less, out), "126"));
    assert_non_null(strstr(lk_legacy_cube_read_sent(good, 3, good, size, out), "no point"));
    assert_non_null(strstr(lk_legacy_cube_read_sent(NULL, 0, good, size, out), "NULL"));
}

static void rows_are_found_by_id(void **state) {
    (void)state;
    lk_legacy_rows r = {0};
    liken_error err = {0};
    assert_int_equal(lk_legacy_rows_find(&r, 1), 0);
    for (int64_t i = 0; i < 5000; i++) {
        const lk_legacy_row row = {.id = i * 977 % 5000 + 1};
        assert_ok(lk_legacy_rows_add(&r, &row, &err), err);
    }
    assert_int_equal(r.live, 5000);
    for (int64_t i = 0; i < 5000; i++)
        assert_int_equal(lk_legacy_rows_find(&r, i * 977 % 5000 + 1), i + 1);
    assert_int_equal(lk_legacy_rows_find(&r, 5001), 0);
    assert_int_equal(lk_legacy_rows_find(&r, -1), 0);
    assert_ok(lk_legacy_rows_add(&r, &(lk_legacy_row){.id = 17}, &err), err); /* met again: another number */
    assert_int_equal(lk_legacy_rows_find(&r, 17), 5001);
    lk_legacy_rows_clear(&r);
    lk_legacy_rows_clear(&r);
}

static void sql_gets_its_names(void **state) {
    (void)state;
    char table[] = "\"a%b\"", cube[] = "public.cube", schema[] = "public", type[] = "numeric";
    lk_legacy_form f = {.table = table, .cube = cube, .schema = schema, .image_type = type, .has_file = true};
    char *sql = lk_legacy_sql(&f, "SELECT %F, %I FROM %T WHERE a %= $1::%C AND b = $2::%N");
    assert_string_equal(sql, "SELECT file::text, image_id::text FROM \"a%b\" WHERE a OPERATOR(public.=) $1::public.cube"
                             " AND b = $2::numeric");
    free(sql);
    f.image_type = NULL;
    f.has_file = false;
    sql = lk_legacy_sql(&f, "%F %I %N");
    assert_string_equal(sql, "NULL::text NULL::text text");
    free(sql);
}

static void places_are_read(void **state) {
    (void)state;
    lk_legacy_row row = {0};
    lk_legacy_place("(4294967295,65535)", "4294967295", &row);
    assert_true(row.block == UINT32_MAX && row.offset == UINT16_MAX && row.xmin == UINT32_MAX);
}

static void what_a_served_table_refuses(void **state) {
    (void)state;
    if (server_programs() == NULL) {
        print_message("SKIPPED: %s\n", server_missing);
        skip();
    }
    struct server server;
    const liken_collection about = {
        .name = "default", .model = "m", .dimension = 128, .metric = LIKEN_L2, .threshold = 0.6f};
    liken_error err = {0};
    lk_store *s = NULL;
    liken_image_list *page = NULL;
    server_make(&server);
    server_sql(&server, "postgres",
               "CREATE EXTENSION cube; CREATE TABLE vectors (id serial, file varchar,"
               " image_id numeric, vec_low cube, vec_high cube)");
    assert_ok(lk_store_open_legacy(&s, server_where(&server, "postgres", false, 0), "vectors", false, &about, &err),
              err);
    static const int wrong[] = {-1, 1001};
    for (size_t i = 0; i < LK_LENGTH(wrong); i++) {
        const liken_list_options o = {.limit = wrong[i]};
        assert_int_equal(s->ops->images->list(s, LK_LEGACY_COLLECTION, &o, &page, &err), LIKEN_E_ARG);
        assert_null(page);
    }
    const liken_list_options most = {.limit = 1000};
    assert_ok(s->ops->images->list(s, LK_LEGACY_COLLECTION, &most, &page, &err), err);
    assert_int_equal(page->count, 0);
    liken_image_list_free(page);
    const lk_inside nothing = {0};
    assert_int_equal(lk_store_inside(s, &nothing, &err), LIKEN_E_UNSUPPORTED);
    assert_non_null(strstr(err.message, "liken import"));
    s->ops->close(s);
    server_remove(&server);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_descriptor_goes_through_cubes_unchanged),
        cmocka_unit_test(what_is_no_descriptor_is_told),
        cmocka_unit_test(cubes_as_they_are_sent),
        cmocka_unit_test(rows_are_found_by_id),
        cmocka_unit_test(sql_gets_its_names),
        cmocka_unit_test(places_are_read),
        cmocka_unit_test(what_a_served_table_refuses),
    };
    return cmocka_run_group_tests_name("store/legacy", tests, NULL, NULL);
}
