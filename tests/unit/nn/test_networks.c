/* The networks against the implementations that their packs come from (tests/reference), and against themselves: every
 * CPU level, every batch size. */
#include <math.h>
#include <string.h>

#include "kern/nets/kern.h"
#include "nn/blob.h"
#include "nn/plan.h"
#include "unit/nn/models.h"
#include "unit/nn/reference_dlib.h"
#include "unit/nn/reference_faceapi.h"
#include "unit/nn/reference_liveness.h"
#include "unit/nn/reference_reid.h"
#include "unit/nn/reference_yunet.h"

typedef int build_fn(lk_net **, const lk_weights *, liken_error *);

/* A network with a state, and photos to run it on. */
typedef struct subject {
    lk_net *net;
    lk_net_state *state;
    int height, width, batch;
    lk_net_input *photos;
} subject;

static subject open_subject(build_fn *build, lk_weights *w, int height, int width, int batch) {
    liken_error err;
    subject s = {.height = height, .width = width, .batch = batch, .photos = calloc((size_t)batch, sizeof *s.photos)};
    assert_non_null(s.photos);
    assert_ok(build(&s.net, w, &err), err);
    lk_weights_free(w);
    assert_ok(lk_net_state_new(&s.state, s.net, batch, height, width, &err), err);
    for (int n = 0; n < batch; n++)
        s.photos[n] = (lk_net_input){photo_new(n, height, width), (size_t)width * 3};
    return s;
}

static void close_subject(subject *s) {
    for (int n = 0; n < s->batch; n++)
        free((void *)s->photos[n].rgb);
    free(s->photos);
    lk_net_state_free(s->state);
    lk_net_free(s->net);
}

/* Output `name` of image n. */
static const float *output_of(const subject *s, const char *name, int n, size_t *count) {
    for (int i = 0; i < lk_net_output_count(s->net); i++)
        if (strcmp(lk_net_output_name(s->net, i), name) == 0)
            return lk_net_output(s->state, i, count) + (size_t)n * *count;
    fail_msg("no output %s", name);
    return NULL;
}

/* `expected`: all values, or 128 spread evenly. */
static void check(const subject *s, const char *name, int n, const float *expected, size_t size, double tolerance) {
    size_t count;
    const float *values = output_of(s, name, n, &count);
    assert_true(size > 0 && size <= count);
    const size_t step = size < 128 ? 1 : count / size;
    for (size_t i = 0; i < size; i++)
        if (!(fabs((double)values[i * step] - (double)expected[i]) <= tolerance))
            fail_msg("%s of photo %d: value %zu is %g, the reference has %g", name, n, i, (double)values[i * step],
                     (double)expected[i]);
}

#define CHECK(s, name, n, table, tolerance) check(s, name, n, table, LK_LENGTH(table), tolerance)

static lk_weights *or_skip(lk_weights *w, const char *what) {
    if (w == NULL) {
        print_message("skipped: LIKEN_MODELS has no %s\n", what);
        skip();
    }
    return w;
}

static void test_faceapi_descriptor(void **unused) {
    (void)unused;
    lk_weights *w = or_skip(faceapi_weights("face_recognition"), "faceapi/face_recognition_model");
    subject s = open_subject(build_faceapi, w, 150, 150, 3);
    lk_net_forward(s.state, s.photos, 3);
    CHECK(&s, "descriptor", 0, faceapi_descriptor_0, 1e-5);
    CHECK(&s, "descriptor", 1, faceapi_descriptor_1, 1e-5);
    CHECK(&s, "descriptor", 2, faceapi_descriptor_2, 1e-5);
    close_subject(&s);
}

static void test_dlib_descriptor(void **unused) {
    (void)unused;
    lk_weights *w = or_skip(dlib_weights(), "dlib/dlib_face_recognition_resnet_model_v1.dat");
    subject s = open_subject(build_dlib, w, 150, 150, 3);
    lk_net_forward(s.state, s.photos, 3);
    CHECK(&s, "descriptor", 0, dlib_descriptor_0, 1e-5);
    CHECK(&s, "descriptor", 1, dlib_descriptor_1, 1e-5);
    CHECK(&s, "descriptor", 2, dlib_descriptor_2, 1e-5);
    close_subject(&s);
}

static void test_landmarks(void **unused) {
    (void)unused;
    lk_weights *w = or_skip(faceapi_weights("face_landmark_68"), "faceapi/face_landmark_68_model");
    subject s = open_subject(lk_net_landmarks68, w, 112, 112, 3);
    lk_net_forward(s.state, s.photos, 3);
    CHECK(&s, "points", 0, faceapi_points_0, 1e-5);
    CHECK(&s, "points", 1, faceapi_points_1, 1e-5);
    CHECK(&s, "points", 2, faceapi_points_2, 1e-5);
    close_subject(&s);
}

/* The pack's own code gives the first class only; liken gives two a box. */
static void test_ssd(void **unused) {
    (void)unused;
    lk_weights *w = or_skip(faceapi_weights("ssd_mobilenetv1"), "faceapi/ssd_mobilenetv1_model");
    subject s = open_subject(lk_net_ssd_mobilenet, w, 512, 512, 1);
    lk_net_forward(s.state, s.photos, 1);
    CHECK(&s, "boxes", 0, faceapi_boxes_0, 1e-4);
    size_t count;
    const float *scores = output_of(&s, "scores", 0, &count);
    assert_int_equal(count, 5118 * 2);
    const size_t step = 5118 / LK_LENGTH(faceapi_scores_0);
    for (size_t i = 0; i < LK_LENGTH(faceapi_scores_0); i++)
        assert_float_equal(scores[2 * i * step], faceapi_scores_0[i], 1e-5f);
    close_subject(&s);
}

static void test_yunet(void **unused) {
    (void)unused;
    subject s = open_subject(lk_net_yunet, or_skip(yunet_weights(), "yunet/yunet_n_640_640.onnx"), 640, 640, 2);
    lk_net_forward(s.state, s.photos, 2);
#define CHECK_STRIDE(n, stride)                                                                                        \
    do {                                                                                                               \
        CHECK(&s, "cls_" #stride, n, yunet_##n##_cls_##stride, 1e-5);                                                  \
        CHECK(&s, "obj_" #stride, n, yunet_##n##_obj_##stride, 1e-5);                                                  \
        CHECK(&s, "bbox_" #stride, n, yunet_##n##_bbox_##stride, 1e-4);                                                \
        CHECK(&s, "kps_" #stride, n, yunet_##n##_kps_##stride, 1e-4);                                                  \
    } while (0)
    CHECK_STRIDE(0, 8);
    CHECK_STRIDE(0, 16);
    CHECK_STRIDE(0, 32);
    CHECK_STRIDE(1, 8);
    CHECK_STRIDE(1, 16);
    CHECK_STRIDE(1, 32);
    close_subject(&s);
}

/* With all the numbers that its last layer makes. */
static int build_reid_whole(lk_net **out, const lk_weights *w, liken_error *err) {
    lk_blob whole = lk_blob_reid;
    whole.dimension = whole.layers[whole.count - 1].out;
    return lk_blob_net(out, &whole, w, (const float[]){0, 0, 0}, 1, err);
}

static void test_reid(void **unused) {
    (void)unused;
    lk_weights *w = or_skip(reid_weights(), "reid/face-reidentification-retail-0095.bin");
    subject s = open_subject(build_reid_whole, w, 128, 128, 3);
    lk_net_forward(s.state, s.photos, 3);
    CHECK(&s, "descriptor", 0, reid_descriptor_0, 1e-5);
    CHECK(&s, "descriptor", 1, reid_descriptor_1, 1e-5);
    CHECK(&s, "descriptor", 2, reid_descriptor_2, 1e-5);
    close_subject(&s);
}

static double cosine(const float *a, const float *b, size_t count) {
    double ab = 0, aa = 0, bb = 0;
    for (size_t i = 0; i < count; i++) {
        ab += (double)a[i] * (double)b[i];
        aa += (double)a[i] * (double)a[i];
        bb += (double)b[i] * (double)b[i];
    }
    return ab / sqrt(aa * bb);
}

/* Fewer numbers, and the same angles between them. */
static void test_liveness(void **unused) {
    (void)unused;
    lk_weights *w = or_skip(minifas_v2_weights(), "antispoof/2.7_80x80_MiniFASNetV2.pth");
    subject s = open_subject(lk_net_minifas_v2, w, 80, 80, 3);
    lk_net_forward(s.state, s.photos, 3);
    CHECK(&s, "liveness", 0, minifas_v2_0, 1e-5);
    CHECK(&s, "liveness", 1, minifas_v2_1, 1e-5);
    CHECK(&s, "liveness", 2, minifas_v2_2, 1e-5);
    close_subject(&s);
    w = or_skip(minifas_v1se_weights(), "antispoof/4_0_0_80x80_MiniFASNetV1SE.pth");
    s = open_subject(lk_net_minifas_v1se, w, 80, 80, 3);
    lk_net_forward(s.state, s.photos, 3);
    CHECK(&s, "liveness", 0, minifas_v1se_0, 1e-5);
    CHECK(&s, "liveness", 1, minifas_v1se_1, 1e-5);
    CHECK(&s, "liveness", 2, minifas_v1se_2, 1e-5);
    close_subject(&s);
}

static void test_mesh(void **unused) {
    (void)unused;
    lk_weights *w = or_skip(mesh_weights(), "mesh/facemesh.bin");
    subject s = open_subject(lk_net_face_mesh, w, 192, 192, 3);
    lk_net_forward(s.state, s.photos, 3);
    CHECK(&s, "mesh", 0, mesh_0, 2e-3); /* pixels of 192, told to 1e-5 of them */
    CHECK(&s, "mesh", 1, mesh_1, 2e-3);
    CHECK(&s, "mesh", 2, mesh_2, 2e-3);
    close_subject(&s);
}

static void test_reid_fold(void **unused) {
    (void)unused;
    lk_weights *w = or_skip(reid_weights(), "reid/face-reidentification-retail-0095.bin");
    subject s = open_subject(build_reid, w, 128, 128, 3);
    const float *const whole[] = {reid_descriptor_0, reid_descriptor_1, reid_descriptor_2};
    lk_net_forward(s.state, s.photos, 3);
    size_t count;
    const float *folded = output_of(&s, "descriptor", 0, &count);
    assert_int_equal(count, 160);
    for (size_t a = 0; a < 3; a++)
        for (size_t b = 0; b <= a; b++)
            assert_float_equal(cosine(folded + a * count, folded + b * count, count),
                               cosine(whole[a], whole[b], LK_LENGTH(reid_descriptor_0)), 1e-5);
    close_subject(&s);
}

/* ---- a network against itself ---- */

static double largest(const float *values, size_t count) {
    double most = 0;
    for (size_t i = 0; i < count; i++)
        most = fmax(most, fabs((double)values[i]));
    return most;
}

/* Every output of image `a` of one state against image `b` of another, to 2e-5 of the largest value. */
static void check_same(const subject *x, int a, const subject *y, int b) {
    for (int o = 0; o < lk_net_output_count(x->net); o++) {
        size_t count, other;
        const float *p = lk_net_output(x->state, o, &count) + (size_t)a * count;
        const float *q = lk_net_output(y->state, o, &other) + (size_t)b * count;
        assert_int_equal(count, other);
        const double room = 2e-5 * largest(p, count);
        for (size_t i = 0; i < count; i++)
            if (!(fabs((double)p[i] - (double)q[i]) <= room))
                fail_msg("%s, value %zu: %g and %g", lk_net_output_name(x->net, o), i, (double)p[i], (double)q[i]);
    }
}

static void check_levels(build_fn *build, lk_weights *(*weights)(void), const char *what, int height, int width,
                         int batch) {
    static const lk_cpu levels[] = {LK_CPU_AVX2, LK_CPU_AVX512, LK_CPU_NEON};
    subject truth = open_subject(build, or_skip(weights(), what), height, width, batch);
    truth.state->kern = lk_kern_of(LK_CPU_SCALAR);
    for (int i = 0; i < truth.net->nodes; i++)
        truth.state->step[i].winograd_from = INT32_MAX;
    lk_net_forward(truth.state, truth.photos, batch);
    for (size_t i = 0; i < LK_LENGTH(levels); i++) {
        const lk_kern *kern = lk_kern_of(levels[i]);
        if (kern == NULL) {
            print_message("%s: not on this machine, not run\n", lk_cpu_name(levels[i]));
            continue;
        }
        for (int winograd = 0; winograd < 2; winograd++) {
            subject s = open_subject(build, weights(), height, width, batch);
            s.state->kern = kern;
            for (int k = 0; k < s.net->nodes; k++)
                s.state->step[k].winograd_from = winograd && s.net->node[k].conv.winograd != NULL ? 1 : INT32_MAX;
            lk_net_forward(s.state, s.photos, batch);
            for (int n = 0; n < batch; n++)
                check_same(&truth, n, &s, n);
            close_subject(&s);
        }
        print_message("%s: run natively\n", lk_cpu_name(levels[i]));
    }
    close_subject(&truth);
}

static lk_weights *recognition(void) {
    return faceapi_weights("face_recognition");
}

static lk_weights *landmark(void) {
    return faceapi_weights("face_landmark_68");
}

static lk_weights *ssd(void) {
    return faceapi_weights("ssd_mobilenetv1");
}

static void test_levels_descriptor(void **unused) {
    (void)unused;
    check_levels(build_faceapi, recognition, "faceapi/face_recognition_model", 150, 150, 2);
}

static void test_levels_landmarks(void **unused) {
    (void)unused;
    check_levels(lk_net_landmarks68, landmark, "faceapi/face_landmark_68_model", 112, 112, 2);
}

static void test_levels_ssd(void **unused) {
    (void)unused;
    check_levels(lk_net_ssd_mobilenet, ssd, "faceapi/ssd_mobilenetv1_model", 512, 512, 1);
}

static void test_levels_yunet(void **unused) {
    (void)unused;
    check_levels(lk_net_yunet, yunet_weights, "yunet/yunet_n_640_640.onnx", 96, 160, 2);
    check_levels(lk_net_yunet, yunet_weights, "yunet/yunet_n_640_640.onnx", 352, 608, 1); /* large enough for chains */
}

static void test_levels_reid(void **unused) {
    (void)unused;
    check_levels(build_reid, reid_weights, "reid/face-reidentification-retail-0095.bin", 128, 128, 2);
}

static void test_levels_liveness(void **unused) {
    (void)unused;
    check_levels(lk_net_minifas_v1se, minifas_v1se_weights, "antispoof/4_0_0_80x80_MiniFASNetV1SE.pth", 80, 80, 2);
}

static void test_levels_mesh(void **unused) {
    (void)unused;
    check_levels(lk_net_face_mesh, mesh_weights, "mesh/facemesh.bin", 192, 192, 1);
}

static void test_levels_mobilefacenet(void **unused) {
    (void)unused;
    check_levels(build_mobilefacenet, mobilefacenet_weights, "mobilefacenet/MobileFaceNet.tflite", 112, 112, 1);
}

/* Image n gives the same whatever else is in the batch, and a state gives the same when it is used again. */
static void test_batches(void **unused) {
    (void)unused;
    subject one = open_subject(build_faceapi, or_skip(recognition(), "faceapi/face_recognition_model"), 150, 150, 1);
    subject many = open_subject(build_faceapi, recognition(), 150, 150, 33);
    for (int batch = 1; batch <= 33; batch += batch < 9 ? 1 : 8) {
        lk_net_forward(many.state, many.photos, batch);
        for (int n = 0; n < batch; n += batch < 5 ? 1 : 4) {
            lk_net_forward(one.state, &many.photos[n], 1);
            check_same(&one, 0, &many, n);
        }
    }
    close_subject(&one);
    close_subject(&many);
}

/* A photo that is part of a larger one: rows further apart, at any address. */
static void test_stride(void **unused) {
    (void)unused;
    subject s = open_subject(lk_net_yunet, or_skip(yunet_weights(), "yunet/yunet_n_640_640.onnx"), 64, 96, 1);
    subject t = open_subject(lk_net_yunet, yunet_weights(), 64, 96, 1);
    const size_t stride = 96 * 3 + 7;
    uint8_t *larger = calloc(64 + 1, stride);
    assert_non_null(larger);
    for (size_t y = 0; y < 64; y++)
        memcpy(larger + 1 + y * stride, s.photos[0].rgb + y * 96 * 3, 96 * 3);
    lk_net_forward(s.state, s.photos, 1);
    lk_net_forward(t.state, &(lk_net_input){larger + 1, stride}, 1);
    check_same(&s, 0, &t, 0);
    free(larger);
    close_subject(&s);
    close_subject(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_faceapi_descriptor),
        cmocka_unit_test(test_dlib_descriptor),
        cmocka_unit_test(test_landmarks),
        cmocka_unit_test(test_ssd),
        cmocka_unit_test(test_yunet),
        cmocka_unit_test(test_reid),
        cmocka_unit_test(test_reid_fold),
        cmocka_unit_test(test_liveness),
        cmocka_unit_test(test_mesh),
        cmocka_unit_test(test_levels_liveness),
        cmocka_unit_test(test_levels_mesh),
        cmocka_unit_test(test_levels_descriptor),
        cmocka_unit_test(test_levels_landmarks),
        cmocka_unit_test(test_levels_ssd),
        cmocka_unit_test(test_levels_yunet),
        cmocka_unit_test(test_levels_reid),
        cmocka_unit_test(test_levels_mobilefacenet),
        cmocka_unit_test(test_batches),
        cmocka_unit_test(test_stride),
    };
    return cmocka_run_group_tests_name("nn/networks", tests, NULL, NULL);
}
