#include "pictures.h"

/* Float64 reference: 16 x 16 bilinear samples over the output pixel's area, black outside. */
static double sample_at(const lk_image *s, double x, double y, int c) {
    const int ix = (int)floor(x), iy = (int)floor(y);
    double sum = 0;
    for (int j = 0; j < 2; j++)
        for (int i = 0; i < 2; i++) {
            const int px = ix + i, py = iy + j;
            const double w = (i ? x - ix : 1 - (x - ix)) * (j ? y - iy : 1 - (y - iy));
            if (px >= 0 && py >= 0 && px < s->width && py < s->height)
                sum += w * s->rgb[(size_t)py * s->stride + (size_t)px * 3 + (size_t)c];
        }
    return sum;
}

static double reference(const lk_image *s, const double m[6], int x, int y, int c, int n) {
    double sum = 0;
    for (int j = 0; j < n; j++)
        for (int i = 0; i < n; i++) {
            const double u = x + (i + 0.5) / n - 0.5, v = y + (j + 0.5) / n - 0.5;
            sum += sample_at(s, m[0] * u + m[1] * v + m[2], m[3] * u + m[4] * v + m[5], c);
        }
    return sum / (n * n);
}

static void similarity(double m[6], double scale, double degrees, double cx, double cy, int width, int height) {
    const double a = degrees * 3.14159265358979323846 / 180, c = scale * cos(a), s = scale * sin(a);
    const double ox = (width - 1) / 2.0, oy = (height - 1) / 2.0;
    const double value[6] = {c, -s, cx - c * ox + s * oy, s, c, cy - s * ox - c * oy};
    memcpy(m, value, sizeof value);
}

/* Mean and largest difference from the reference. */
static void compare(const lk_image *in, const double m[6], int width, int height, int n, double *mean, double *most) {
    uint8_t *out = malloc((size_t)width * (size_t)height * 3);
    assert_non_null(out);
    lk_image_warp(in, m, width, height, out);
    *mean = *most = 0;
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            for (int c = 0; c < 3; c++) {
                const double d =
                    fabs(out[((size_t)y * (size_t)width + (size_t)x) * 3 + (size_t)c] - reference(in, m, x, y, c, n));
                *mean += d / (3.0 * width * height);
                *most = fmax(*most, d);
            }
    free(out);
}

static void agrees_with_the_reference(void **state) {
    (void)state;
    lk_image smooth = picture(600, 600);
    static const double cases[][2] = {{0.3, 0},  {1, 0},    {1, 17},    {1.7, -40},
                                      {2.6, 90}, {5.3, 33}, {1.2, 180}, {0.8, -75}};
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        double m[6], mean, most;
        similarity(m, cases[k][0], cases[k][1], 301.3, 288.6, 48, 40);
        compare(&smooth, m, 48, 40, cases[k][0] > 1 ? 16 : 1, &mean, &most);
        if (mean > 0.6 || most > 2)
            fail_msg("scale %g, %g degrees: off by %g in the mean, %g at most", cases[k][0], cases[k][1], mean, most);
    }
    lk_image_clear(&smooth);
}

/* Where the edge of the source crosses the output, only its blur may differ. */
static void fades_at_the_edge(void **state) {
    (void)state;
    lk_image smooth = picture(200, 150);
    double m[6], mean, most;
    similarity(m, 5.3, 33, 100, 75, 48, 40);
    compare(&smooth, m, 48, 40, 16, &mean, &most);
    assert_true(mean < 0.8);
    assert_true(most < 25);
    lk_image_clear(&smooth);
}

/* White noise shrunk tenfold must come out as an even gray: anything else is aliasing. */
static void does_not_alias(void **state) {
    (void)state;
    lk_image noise = picture(640, 640);
    srand(7);
    for (size_t i = 0; i < noise.stride * 640; i++)
        noise.rgb[i] = rand() % 2 ? 255 : 0;
    static const double scales[] = {1.5, 1.99, 3.9, 10};
    for (size_t k = 0; k < 4; k++) {
        double m[6], sum = 0, squares = 0;
        uint8_t out[40 * 40 * 3];
        similarity(m, scales[k], 11, 320, 320, 40, 40);
        lk_image_warp(&noise, m, 40, 40, out);
        for (size_t i = 0; i < sizeof out; i++) {
            sum += out[i];
            squares += (double)out[i] * out[i];
        }
        const double mean = sum / sizeof out, deviation = sqrt(squares / sizeof out - mean * mean);
        /* n averaged pixels of 0 and 255 leave 127.5/sqrt(n) */
        assert_true(fabs(mean - 127.5) < 6);
        if (deviation > 127.5 / scales[k] * 1.15)
            fail_msg("scale %g leaves a deviation of %g", scales[k], deviation);
    }
    lk_image_clear(&noise);
}

static void is_exact_where_nothing_changes(void **state) {
    (void)state;
    lk_image in = picture(31, 17);
    const double same[6] = {1, 0, 0, 0, 1, 0}, moved[6] = {1, 0, 5, 0, 1, 3};
    uint8_t out[31 * 17 * 3];
    lk_image_warp(&in, same, 31, 17, out);
    assert_memory_equal(out, in.rgb, sizeof out);
    lk_image_warp(&in, moved, 31, 17, out);
    assert_memory_equal(out, in.rgb + 3 * in.stride + 15, 3 * (31 - 5));
    for (size_t i = 0; i < 5 * 3; i++)
        assert_int_equal(out[(31 - 5) * 3 + i], 0); /* outside: black */
    lk_image_clear(&in);
}

static void bears_any_map(void **state) {
    (void)state;
    lk_image in = picture(31, 17);
    static const double maps[][6] = {{0, 0, 0, 0, 0, 0},
                                     {1e9, 0, 0, 0, 1e9, 0},
                                     {NAN, 0, 0, 0, 1, 0},
                                     {1, 0, INFINITY, 0, 1, 0},
                                     {1, 0, 1e300, 0, 1, -1e300},
                                     {1e-9, 0, 5, 0, 1e-9, 5},
                                     {1e200, 1e200, 0, 1e200, 1e200, 0},
                                     {0, 400, 3, 0.001, 0, 3}};
    for (size_t k = 0; k < sizeof maps / sizeof *maps; k++) {
        uint8_t out[9 * 9 * 3];
        lk_image_warp(&in, maps[k], 9, 9, out);
    }
    lk_image_clear(&in);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(agrees_with_the_reference), cmocka_unit_test(fades_at_the_edge),
                                       cmocka_unit_test(does_not_alias),
                                       cmocka_unit_test(is_exact_where_nothing_changes),
                                       cmocka_unit_test(bears_any_map)};
    return cmocka_run_group_tests_name("image/warp", tests, NULL, NULL);
}
