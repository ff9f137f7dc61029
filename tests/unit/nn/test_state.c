/* States and builders: what they refuse, and that forward allocates nothing. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "nn/nn.h"
#include "unit/nn/models.h"

/* ---- a counting allocator: these stand before the C library's own. A sanitizer has its own and must keep it. ---- */

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(__GLIBC__)
#define COUNTING 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define COUNTING 0
#endif
#endif
#ifndef COUNTING
#define COUNTING 1
#endif

#if COUNTING
static _Thread_local long allocations;

void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void *__libc_memalign(size_t, size_t);

void *malloc(size_t size) {
    allocations++;
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
    allocations++;
    return __libc_calloc(count, size);
}

void *realloc(void *p, size_t size) {
    allocations++;
    return __libc_realloc(p, size);
}

void *aligned_alloc(size_t align, size_t size) {
    allocations++;
    return __libc_memalign(align, size);
}
#endif

static void check_forward(int (*build)(lk_net **, const lk_weights *, liken_error *), lk_weights *w, int height,
                          int width) {
#if COUNTING
    liken_error err;
    lk_net *net = NULL;
    lk_net_state *s = NULL;
    assert_ok(build(&net, w, &err), err);
    assert_ok(lk_net_state_new(&s, net, 3, height, width, &err), err);
    uint8_t *photo = photo_new(0, height, width);
    const lk_net_input in = {photo, (size_t)width * 3}, inputs[] = {in, in, in};
    const long before = allocations;
    assert_true(before > 0); /* it does count */
    lk_net_forward(s, inputs, 1);
    lk_net_forward(s, inputs, 3);
    assert_int_equal(allocations - before, 0);
    free(photo);
    lk_net_state_free(s);
    lk_net_free(net);
#else
    (void)build;
    (void)height;
    (void)width;
    print_message("not run: a sanitizer's allocator cannot be counted\n");
#endif
    lk_weights_free(w);
}

static lk_weights *or_skip(lk_weights *w) {
    if (w == NULL) {
        print_message("skipped: LIKEN_MODELS has no such pack\n");
        skip();
    }
    return w;
}

static void test_forward_allocates_nothing(void **unused) {
    (void)unused;
    check_forward(lk_net_yunet, or_skip(yunet_weights()), 64, 96);
    check_forward(build_faceapi, or_skip(faceapi_weights("face_recognition")), 150, 150);
    check_forward(lk_net_landmarks68, or_skip(faceapi_weights("face_landmark_68")), 112, 112);
    check_forward(build_reid, or_skip(reid_weights()), 128, 128);
    check_forward(lk_net_ssd_mobilenet, or_skip(faceapi_weights("ssd_mobilenetv1")), 512, 512);
}

static void test_sizes(void **unused) {
    (void)unused;
    static const struct {
        int batch, height, width;
    } bad[] = {{0, 64, 64}, {-1, 64, 64}, {100000, 64, 64}, {1, 0, 64},       {1, 64, -32},
               {1, 63, 64}, {1, 64, 100}, {1, 1 << 20, 64}, {256, 4096, 4096}};
    liken_error err;
    lk_net *net = NULL;
    lk_weights *w = or_skip(yunet_weights());
    assert_ok(lk_net_yunet(&net, w, &err), err);
    lk_weights_free(w);
    for (size_t i = 0; i < LK_LENGTH(bad); i++) {
        lk_net_state *s = NULL;
        memset(&err, 0, sizeof err);
        assert_int_not_equal(lk_net_state_new(&s, net, bad[i].batch, bad[i].height, bad[i].width, &err), LIKEN_OK);
        assert_null(s);
        assert_true(strlen(err.message) > 20);
    }
    static const int sides[][2] = {{32, 32}, {32, 256}, {352, 32}, {96, 160}};
    for (size_t i = 0; i < LK_LENGTH(sides); i++) {
        lk_net_state *s = NULL;
        size_t count;
        assert_ok(lk_net_state_new(&s, net, 1, sides[i][0], sides[i][1], &err), err);
        uint8_t *photo = photo_new(1, sides[i][0], sides[i][1]);
        lk_net_forward(s, &(lk_net_input){photo, (size_t)sides[i][1] * 3}, 1);
        (void)lk_net_output(s, 0, &count);
        assert_int_equal(count, sides[i][0] / 8 * (sides[i][1] / 8));
        (void)lk_net_output(s, 11, &count);
        assert_int_equal(count, sides[i][0] / 32 * (sides[i][1] / 32) * 10);
        free(photo);
        lk_net_state_free(s);
    }
    lk_net_free(net);
}

/* Weights of one network do not make another. */
static void test_wrong_weights(void **unused) {
    (void)unused;
    liken_error err;
    lk_net *net = NULL;
    lk_weights *w = or_skip(yunet_weights());
    assert_int_equal(build_faceapi(&net, w, &err), LIKEN_E_MODEL);
    assert_non_null(strstr(err.message, "conv32_down/conv/filters"));
    assert_int_equal(lk_net_ssd_mobilenet(&net, w, &err), LIKEN_E_MODEL);
    assert_int_equal(lk_net_landmarks68(&net, w, NULL), LIKEN_E_MODEL);
    lk_weights_free(w);
    w = or_skip(faceapi_weights("face_recognition"));
    assert_int_equal(lk_net_yunet(&net, w, &err), LIKEN_E_MODEL);
    lk_weights_free(w);
    assert_null(net);
}

/* A file that says what was taken off its photos, and a pack that says something else. */
static void test_wrong_mean(void **unused) {
    (void)unused;
    liken_error err;
    lk_net *net = NULL;
    lk_weights *w = or_skip(dlib_weights());
    assert_int_equal(lk_net_resnet(&net, w, (const float[]){122.782f, 0, 104.298f}, 1.0f / 256, &err), LIKEN_E_MODEL);
    assert_non_null(strstr(err.message, "pack.json"));
    assert_null(net);
    lk_weights_free(w);
}

static void test_names(void **unused) {
    (void)unused;
    static const char *const names[] = {"cls_8",   "obj_8",  "bbox_8", "kps_8",  "cls_16",  "obj_16",
                                        "bbox_16", "kps_16", "cls_32", "obj_32", "bbox_32", "kps_32"};
    liken_error err;
    lk_net *net = NULL;
    lk_weights *w = or_skip(yunet_weights());
    assert_ok(lk_net_yunet(&net, w, &err), err);
    assert_int_equal(lk_net_output_count(net), LK_LENGTH(names));
    for (int i = 0; i < (int)LK_LENGTH(names); i++)
        assert_string_equal(lk_net_output_name(net, i), names[i]);
    assert_null(lk_net_output_name(net, -1));
    assert_null(lk_net_output_name(net, 12));
    lk_weights_free(w);
    lk_net_free(net);
}

typedef struct worker {
    const lk_net *net;
    const lk_net_input *photo;
    float descriptor[128];
    int status;
} worker;

/* A state of its own, planned and measured while the others do the same. */
static void *work(void *arg) {
    worker *w = arg;
    lk_net_state *s = NULL;
    size_t count;
    w->status = lk_net_state_new(&s, w->net, 2, 0, 0, NULL);
    if (w->status != LIKEN_OK)
        return NULL;
    lk_net_forward(s, w->photo, 1);
    memcpy(w->descriptor, lk_net_output(s, 0, &count), sizeof w->descriptor);
    lk_net_state_free(s);
    return NULL;
}

/* One net, several threads: the same to the last bit. */
static void test_threads(void **unused) {
    (void)unused;
    liken_error err;
    lk_net *net = NULL;
    lk_weights *w = or_skip(faceapi_weights("face_recognition"));
    assert_ok(build_faceapi(&net, w, &err), err);
    lk_weights_free(w);
    uint8_t *photo = photo_new(0, 150, 150);
    const lk_net_input in = {photo, 150 * 3};
    worker workers[4];
    pthread_t threads[LK_LENGTH(workers)];
    for (size_t i = 0; i < LK_LENGTH(workers); i++) {
        workers[i] = (worker){.net = net, .photo = &in};
        assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    }
    for (size_t i = 0; i < LK_LENGTH(workers); i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(workers[i].status, LIKEN_OK);
        assert_memory_equal(workers[i].descriptor, workers[0].descriptor, sizeof workers[i].descriptor);
    }
    free(photo);
    lk_net_free(net);
}

static void test_free_null(void **unused) {
    (void)unused;
    lk_net_free(NULL);
    lk_net_state_free(NULL);
    lk_weights_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forward_allocates_nothing),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_wrong_weights),
        cmocka_unit_test(test_wrong_mean),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_free_null),
    };
    return cmocka_run_group_tests_name("nn/state", tests, NULL, NULL);
}
