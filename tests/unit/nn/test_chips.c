/* The networks of a face on crops of real photos ($LIKEN_FACES): the scalar level against double precision, every other
 * level against scalar, all to 2e-5 of the largest output. */
#include <math.h>
#include <string.h>

#include "image/image.h"
#include "unit/nn/models.h"
#include "unit/nn/reference_double.h"

#define CHIPS 4
#define TOLERANCE 2e-5

/* Opens the photo that line `line` of pairs.csv names first, and gives its middle, side x side. */
static uint8_t *crop_of(const char *faces, const char *line, int side) {
    char path[4096];
    char *bytes = NULL;
    size_t size = 0;
    lk_photo *photo = NULL;
    lk_image image = {0};
    liken_error err;
    (void)snprintf(path, sizeof path, "%s/%.*s", faces, (int)strcspn(line, ","), line);
    assert_ok(lk_file_read(path, (size_t)1 << 26, &bytes, &size, &err), err);
    assert_ok(lk_photo_open(&photo, bytes, size, &(lk_photo_limits){0}, &err), err);
    assert_ok(lk_photo_decode(photo, 0, &image, NULL, &err), err);
    uint8_t *crop = malloc((size_t)(side * side * 3));
    assert_true(crop != NULL && image.width >= side && image.height >= side);
    for (int y = 0; y < side; y++)
        memcpy(crop + (size_t)(y * side * 3),
               image.rgb + (size_t)((image.height - side) / 2 + y) * image.stride +
                   (size_t)((image.width - side) / 2 * 3),
               (size_t)(side * 3));
    lk_image_clear(&image);
    lk_photo_free(photo);
    free(bytes);
    return crop;
}

/* Crops of the photos of CHIPS lines, spread over the file. */
static void read_chips(uint8_t *chips[CHIPS], const char *faces, int side) {
    char path[4096], *table = NULL;
    size_t size = 0;
    liken_error err;
    (void)snprintf(path, sizeof path, "%s/pairs.csv", faces);
    assert_ok(lk_file_read(path, (size_t)1 << 26, &table, &size, &err), err);
    const char *line = strchr(table, '\n');
    for (int i = 0; i < CHIPS; i++) {
        for (int step = 0; step < 97; step++) {
            assert_non_null(line);
            line = strchr(line + 1, '\n');
        }
        assert_non_null(line);
        chips[i] = crop_of(faces, line + 1, side);
    }
    free(table);
}

/* Sets a state to one level, with or without Winograd, and runs it. */
static void forward_at(lk_net_state *s, lk_cpu level, bool winograd, const lk_net_input *inputs) {
    s->kern = lk_kern_of(level);
    for (int i = 0; i < s->net->nodes; i++)
        s->step[i].winograd_from = winograd && s->net->node[i].conv.winograd != NULL ? 1 : INT32_MAX;
    lk_net_forward(s, inputs, CHIPS);
}

static void check_near(const char *what, int chip, const float *values, const double *expected, size_t count) {
    double most = 0;
    for (size_t i = 0; i < count; i++)
        most = fmax(most, fabs(expected[i]));
    for (size_t i = 0; i < count; i++)
        if (!(fabs((double)values[i] - expected[i]) <= TOLERANCE * most))
            fail_msg("%s, chip %d: value %zu is %.9g, should be %.9g", what, chip, i, (double)values[i], expected[i]);
}

/* Every output of `s` against `expected`, CHIPS blocks of `count`. */
static void check_all(const char *what, const lk_net_state *s, const double *expected, size_t count) {
    size_t made;
    const float *values = lk_net_output(s, 0, &made);
    assert_int_equal(made, count);
    for (int n = 0; n < CHIPS; n++)
        check_near(what, n, values + (size_t)n * count, expected + (size_t)n * count, count);
}

static double *reference_of(const lk_net_state *s, const lk_net_input *inputs, size_t *count) {
    double *all = NULL;
    for (size_t n = 0; n < CHIPS; n++) {
        double *one = double_forward(s, &inputs[n], count);
        all = n == 0 ? malloc(CHIPS * *count * sizeof *all) : all;
        assert_non_null(all);
        memcpy(all + n * *count, one, *count * sizeof *all);
        free(one);
    }
    return all;
}

/* `w` is freed. */
static void check_network(int (*build)(lk_net **, const lk_weights *, liken_error *), lk_weights *w, const char *what,
                          int side) {
    static const lk_cpu levels[] = {LK_CPU_AVX2, LK_CPU_AVX512, LK_CPU_NEON};
    uint8_t *chips[CHIPS];
    lk_net_input inputs[CHIPS];
    liken_error err;
    lk_net *net = NULL;
    lk_net_state *s = NULL;
    size_t count;
    if (w == NULL || getenv("LIKEN_FACES") == NULL) {
        lk_weights_free(w);
        print_message("skipped: it takes LIKEN_FACES, the labelled photos, and LIKEN_MODELS with the pack %s\n", what);
        skip();
    }
    read_chips(chips, getenv("LIKEN_FACES"), side);
    for (int i = 0; i < CHIPS; i++)
        inputs[i] = (lk_net_input){chips[i], (size_t)side * 3};
    assert_ok(build(&net, w, &err), err);
    assert_ok(lk_net_state_new(&s, net, CHIPS, 0, 0, &err), err);
    double *expected = reference_of(s, inputs, &count);
    forward_at(s, LK_CPU_SCALAR, false, inputs);
    check_all("scalar", s, expected, count);
    const float *scalar = lk_net_output(s, 0, &count);
    for (size_t i = 0; i < CHIPS * count; i++)
        expected[i] = (double)scalar[i];
    for (size_t i = 0; i < LK_LENGTH(levels); i++)
        if (lk_kern_of(levels[i]) == NULL) {
            print_message("%s: not on this machine, not run\n", lk_cpu_name(levels[i]));
        } else {
            for (int winograd = 0; winograd < 2; winograd++) {
                forward_at(s, levels[i], winograd, inputs);
                check_all(lk_cpu_name(levels[i]), s, expected, count);
            }
            print_message("%s: run natively\n", lk_cpu_name(levels[i]));
        }
    free(expected);
    for (int i = 0; i < CHIPS; i++)
        free(chips[i]);
    lk_net_state_free(s);
    lk_net_free(net);
    lk_weights_free(w);
}

static void test_descriptor(void **unused) {
    (void)unused;
    check_network(build_faceapi, faceapi_weights("face_recognition"), "faceapi", 150);
}

static void test_landmarks(void **unused) {
    (void)unused;
    check_network(lk_net_landmarks68, faceapi_weights("face_landmark_68"), "faceapi", 112);
}

static void test_reid(void **unused) {
    (void)unused;
    check_network(build_reid, reid_weights(), "reid", 128);
}

static void test_mobilefacenet(void **unused) {
    (void)unused;
    check_network(build_mobilefacenet, mobilefacenet_weights(), "mobilefacenet", 112);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_descriptor), cmocka_unit_test(test_landmarks),
                                       cmocka_unit_test(test_reid), cmocka_unit_test(test_mobilefacenet)};
    return cmocka_run_group_tests_name("nn/chips", tests, NULL, NULL);
}
