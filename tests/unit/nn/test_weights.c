/* The readers: small files written here by hand, and what is wrong with others. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "nn/blob.h"
#include "nn/nn.h"
#include "unit/test.h"

/* ---- tensorflow.js ---- */

static const char manifest[] =
    "[{\"weights\":["
    "{\"name\":\"a/"
    "w\",\"shape\":[2,3],\"dtype\":\"float32\",\"quantization\":{\"dtype\":\"uint8\",\"scale\":0.5,\"min\":-1}},"
    "{\"name\":\"b\",\"shape\":[],\"dtype\":\"float32\"},"
    "{\"name\":\"c\",\"shape\":[2],\"dtype\":\"int32\",\"quantization\":{\"dtype\":\"uint16\",\"scale\":2,\"min\":10}}"
    "],\"paths\":[\"x.bin\"]}]";

static const uint8_t bin[] = {0, 1, 2, 3, 4, 255, 0, 0, 0x80, 0x3f, 1, 0, 0, 1};

static void test_tfjs(void **unused) {
    (void)unused;
    liken_error err;
    lk_weights *w = NULL;
    assert_ok(lk_weights_read_tfjs(&w, manifest, strlen(manifest), bin, sizeof bin, &err), err);
    assert_int_equal(lk_weights_count(w), 3);
    const lk_tensor *a = lk_weights_find(w, "a/w"), *b = lk_weights_find(w, "b"), *c = lk_weights_at(w, 2);
    assert_int_equal(a->rank, 2);
    assert_int_equal(a->shape[0], 2);
    assert_int_equal(a->shape[1], 3);
    assert_int_equal(a->count, 6);
    assert_float_equal(a->data[0], -1, 0);
    assert_float_equal(a->data[5], 126.5, 0);
    assert_int_equal(b->rank, 0);
    assert_float_equal(b->data[0], 1, 0);
    assert_float_equal(c->data[0], 12, 0);
    assert_float_equal(c->data[1], 10 + 512, 0);
    assert_null(lk_weights_find(w, "d"));
    assert_null(lk_weights_at(w, 3));
    lk_weights_free(w);
}

/* The manifest of a graph, with halves and whole numbers. */
static void test_tfjs_graph(void **unused) {
    (void)unused;
    static const char graph[] = "{\"modelTopology\":{},\"weightsManifest\":[{\"weights\":["
                                "{\"name\":\"h\",\"shape\":[2],\"dtype\":\"float32\",\"quantization\":"
                                "{\"dtype\":\"float16\",\"original_dtype\":\"float32\"}},"
                                "{\"name\":\"i\",\"shape\":[1],\"dtype\":\"int32\"}]}]}";
    static const uint8_t values[] = {0x00, 0x3c, 0x00, 0xc1, 0xfe, 0xff, 0xff, 0xff};
    liken_error err;
    lk_weights *w = NULL;
    assert_ok(lk_weights_read_tfjs(&w, graph, strlen(graph), values, sizeof values, &err), err);
    assert_float_equal(lk_weights_at(w, 0)->data[0], 1, 0);
    assert_float_equal(lk_weights_at(w, 0)->data[1], -2.5, 0);
    assert_float_equal(lk_weights_at(w, 1)->data[0], -2, 0);
    lk_weights_free(w);
}

static void refuse_tfjs(const char *text, const void *bytes, size_t size, const char *says) {
    liken_error err = {0};
    lk_weights *w = NULL;
    assert_true(lk_weights_read_tfjs(&w, text, strlen(text), bytes, size, &err) < 0);
    assert_null(w);
    if (strstr(err.message, says) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", err.message, says);
}

#define ONE(entry) "[{\"weights\":[{\"name\":\"t\"," entry "}]}]"

static void test_tfjs_refused(void **unused) {
    (void)unused;
    refuse_tfjs("", bin, 0, "not JSON");
    refuse_tfjs("{}", bin, 0, "not a list");
    refuse_tfjs("[]", bin, 0, "not a list");
    refuse_tfjs("[7]", bin, 0, "without \"weights\"");
    refuse_tfjs("[{\"weights\":[{}]}]", bin, 0, "without a name");
    refuse_tfjs(manifest, bin, sizeof bin - 1, "past the end");
    refuse_tfjs(ONE("\"shape\":[1],\"dtype\":\"float32\""), bin, sizeof bin, "more than its manifest lists");
    refuse_tfjs(ONE("\"shape\":[1,1,1,1,1],\"dtype\":\"float32\""), bin, 4, "4 dimensions");
    refuse_tfjs(ONE("\"shape\":[-1],\"dtype\":\"float32\""), bin, 4, "past the end of the binary, or is empty");
    refuse_tfjs(ONE("\"shape\":[0],\"dtype\":\"float32\""), bin, 4, "is empty");
    refuse_tfjs(ONE("\"shape\":[4294967296,4294967296],\"dtype\":\"float32\""), bin, 4, "past the end");
    refuse_tfjs(ONE("\"shape\":[1.5],\"dtype\":\"float32\""), bin, 4, "whole number");
    refuse_tfjs(ONE("\"shape\":\"x\",\"dtype\":\"float32\""), bin, 4, "no shape");
    refuse_tfjs(ONE("\"shape\":[1],\"dtype\":\"string\""), bin, 4, "neither float32");
    refuse_tfjs(ONE("\"shape\":[1],\"dtype\":\"int32\",\"quantization\":{}"), bin, 4, "quantised to something else");
    refuse_tfjs(ONE("\"shape\":[1],\"dtype\":\"float32\",\"quantization\":{\"dtype\":\"float8\"}"), bin, 4,
                "uint8, uint16 or float16");
    refuse_tfjs("{\"weightsManifest\":7}", bin, 0, "not a list");
    refuse_tfjs(ONE("\"shape\":[1],\"dtype\":\"float32\",\"quantization\":{\"dtype\":\"uint8\",\"scale\":1}"), bin, 1,
                "without scale and min");
    refuse_tfjs("[{\"weights\":[{\"name\":\"t\",\"shape\":[1],\"dtype\":\"float32\"},"
                "{\"name\":\"t\",\"shape\":[1],\"dtype\":\"float32\"}]}]",
                bin, 8, "same name");
    refuse_tfjs("[{\"weights\":[{\"name\":\"\",\"shape\":[1],\"dtype\":\"float32\"}]}]", bin, 4, "no usable name");
}

/* ---- ONNX ---- */

/* Appends field `number` of wire type 2. */
static void put(lk_buf *to, int number, const void *bytes, size_t size) {
    liken_error err;
    const uint8_t key[] = {(uint8_t)(number << 3 | 2), (uint8_t)size};
    assert_true(size < 128);
    assert_ok(lk_buf_append(to, key, 2, &err), err);
    assert_ok(lk_buf_append(to, bytes, size, &err), err);
}

static void put_int(lk_buf *to, int number, uint8_t value) {
    liken_error err;
    const uint8_t field[] = {(uint8_t)(number << 3), value};
    assert_ok(lk_buf_append(to, field, 2, &err), err);
}

/* A model with one initialiser of the given dimensions and raw values. */
static lk_buf onnx(const uint8_t *dims, int rank, uint8_t type, const void *raw, size_t size) {
    lk_buf tensor, graph, model;
    lk_buf_init(&tensor, 1000);
    lk_buf_init(&graph, 1000);
    lk_buf_init(&model, 1000);
    for (int i = 0; i < rank; i++)
        put_int(&tensor, 1, dims[i]);
    put_int(&tensor, 2, type);
    put(&tensor, 8, "w", 1);
    put(&tensor, 9, raw, size);
    put(&graph, 5, tensor.data, tensor.size);
    put_int(&model, 1, 6);
    put(&model, 7, graph.data, graph.size);
    lk_buf_free(&tensor);
    lk_buf_free(&graph);
    return model;
}

static void test_onnx(void **unused) {
    (void)unused;
    const float values[] = {1, 2, 3, 4, 5, 6};
    liken_error err;
    lk_weights *w = NULL;
    lk_buf model = onnx((const uint8_t[]){2, 3}, 2, 1, values, sizeof values);
    assert_ok(lk_weights_read_onnx(&w, model.data, model.size, &err), err);
    assert_int_equal(lk_weights_count(w), 1);
    const lk_tensor *t = lk_weights_find(w, "w");
    assert_int_equal(t->rank, 2);
    assert_int_equal(t->shape[1], 3);
    assert_memory_equal(t->data, values, sizeof values);
    lk_weights_free(w);
    /* cut anywhere, it is an error or has nothing */
    for (size_t size = 0; size < model.size; size++) {
        w = NULL;
        assert_true(lk_weights_read_onnx(&w, model.data, size, &err) < 0);
        assert_null(w);
    }
    lk_buf_free(&model);
}

static void test_onnx_refused(void **unused) {
    (void)unused;
    static const struct {
        uint8_t dims[5];
        int rank;
        uint8_t type;
        size_t size;
    } bad[] = {
        {{7}, 1, 1, 24},             /* more values than bytes */
        {{5}, 1, 1, 24},             /* fewer */
        {{2, 3, 1, 1, 1}, 5, 1, 24}, /* too many dimensions */
        {{6}, 1, 7, 24},             /* integers: then there is no weight at all */
        {{0}, 1, 1, 0},              /* empty: likewise */
    };
    const float values[6] = {0};
    for (size_t i = 0; i < LK_LENGTH(bad); i++) {
        liken_error err;
        lk_weights *w = NULL;
        lk_buf model = onnx(bad[i].dims, bad[i].rank, bad[i].type, values, bad[i].size);
        assert_int_equal(lk_weights_read_onnx(&w, model.data, model.size, &err), LIKEN_E_MODEL);
        assert_null(w);
        lk_buf_free(&model);
    }
}

/* ---- dlib ---- */

static void test_dlib_refused(void **unused) {
    (void)unused;
    static const char no_layers[] =
        "\x01\x01\x01\x0dloss_metric_2\x01\x01\x01\x01\x01\x01\x01\x01\x01\x15input_rgb_image_sized"
        "\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01";
    static const char *const bad[] = {
        "",
        "\x01",
        "\x01\x01\x01\x0dloss_metric_2",
        "\x01\x01\x01\x0dloss_metric_3\x01\x01\x01\x01\x01\x01\x01\x01",
        "\x01\x01\x01\x0dloss_metric_2\x01\x01\x01\x01\x01\x01\x01\x01\x01\x02\x01\x02",
        no_layers,
        "\x0f\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
    };
    for (size_t i = 0; i < LK_LENGTH(bad); i++) {
        liken_error err;
        lk_weights *w = NULL;
        assert_int_equal(lk_weights_read_dlib_resnet(&w, bad[i], strlen(bad[i]), &err), LIKEN_E_MODEL);
        assert_null(w);
        assert_non_null(strstr(err.message, "dlib"));
    }
}

/* ---- tables of places ---- */

/* Two layers of float16 one after the other, behind factors and terms. */
static const lk_layer follow[] = {
    {LK_LAYER_DENSE, 2, 3, 1, 1, LK_LAYER_BIAS | LK_LAYER_SLOPE, 0, 0, 0},
    {LK_LAYER_DEPTH, 3, 3, 3, 1, 0, 0, 0, 0},
};
static const lk_blob halves = {.layers = follow,
                               .count = 2,
                               .size = 2 * (6 + 6 + 3 + 1 + 27),
                               .width = 2,
                               .channels_first = true,
                               .affine = true,
                               .one_slope = true,
                               .slope_scale = 0.5f};

/* The float16 of a small whole number. */
static void put_half(uint8_t *to, int number) {
    unsigned exponent = 15, fraction = (unsigned)number;
    while (fraction >= 2 << 10)
        fraction >>= 1;
    for (unsigned top = (unsigned)number; top > 1; top >>= 1)
        exponent++;
    fraction = number == 0 ? 0 : ((unsigned)number << (25 - exponent)) & 0x3ffu;
    const unsigned bits = number == 0 ? 0 : exponent << 10 | fraction;
    to[0] = (uint8_t)bits;
    to[1] = (uint8_t)(bits >> 8);
}

static void test_blob_halves(void **unused) {
    (void)unused;
    uint8_t bytes[86];
    liken_error err;
    lk_weights *w = NULL;
    for (int i = 0; i < 43; i++)
        put_half(bytes + 2 * i, i);
    bytes[1] = 0x80; /* -0 */
    assert_ok(lk_blob_read(&w, &halves, bytes, sizeof bytes, &err), err);
    assert_int_equal(lk_weights_count(w), 6);
    assert_float_equal(lk_weights_find(w, "photo/term")->data[2], 5, 0);
    const lk_tensor *dense = lk_weights_find(w, "0/weights"), *depth = lk_weights_find(w, "1/weights");
    assert_int_equal(dense->rank, 4);
    assert_float_equal(dense->data[1 * 3 + 2], 6 + 2 * 2 + 1, 0); /* from channel 1 to channel 2 */
    assert_float_equal(lk_weights_find(w, "0/bias")->data[2], 14, 0);
    assert_int_equal(lk_weights_find(w, "0/slope")->count, 3);
    assert_float_equal(lk_weights_find(w, "0/slope")->data[2], 7.5, 0);
    assert_int_equal(depth->rank, 3);
    assert_float_equal(depth->data[4 * 3 + 1], 16 + 9 + 4, 0); /* the middle tap of channel 1 */
    lk_weights_free(w);
}

static void test_blob_special_halves(void **unused) {
    (void)unused;
    static const lk_layer one[] = {{LK_LAYER_DENSE, 6, 1, 1, 1, 0, 0, 0, 0}};
    static const lk_blob blob = {.layers = one, .count = 1, .size = 12, .width = 2, .channels_first = true};
    static const uint8_t bytes[] = {1, 0, 0xff, 0x83, 0, 4, 0xff, 0x7b, 0, 0xfc, 1, 0x7e};
    liken_error err;
    lk_weights *w = NULL;
    assert_ok(lk_blob_read(&w, &blob, bytes, sizeof bytes, &err), err);
    const float *v = lk_weights_at(w, 0)->data;
    assert_true(v[0] == 0x1p-24f && v[1] == -1023 * 0x1p-24f && v[2] == 0x1p-14f && v[3] == 65504.0f);
    assert_true(v[4] < -3e38f && v[5] != v[5]);
    lk_weights_free(w);
}

static void test_blob_places(void **unused) {
    (void)unused;
    static const lk_layer places[] = {{LK_LAYER_DENSE, 2, 1, 1, 1, LK_LAYER_BIAS, 8, 4, 0}};
    static const lk_blob blob = {.layers = places, .count = 1, .size = 20, .width = 4};
    static const float values[] = {9, 3, 1, 2, 9};
    liken_error err;
    lk_weights *w = NULL;
    assert_ok(lk_blob_read(&w, &blob, values, sizeof values, &err), err);
    assert_float_equal(lk_weights_find(w, "0/weights")->data[1], 2, 0);
    assert_float_equal(lk_weights_find(w, "0/bias")->data[0], 3, 0);
    lk_weights_free(w);
}

static void refuse_blob(const lk_blob *blob, size_t size, const char *says) {
    static const uint8_t bytes[256];
    liken_error err = {0};
    lk_weights *w = NULL;
    assert_int_equal(lk_blob_read(&w, blob, bytes, size, &err), LIKEN_E_MODEL);
    assert_null(w);
    if (strstr(err.message, says) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", err.message, says);
}

static void test_blob_refused(void **unused) {
    (void)unused;
    lk_blob blob = halves;
    refuse_blob(&blob, blob.size - 1, "85 bytes where 86 belong");
    refuse_blob(&blob, blob.size + 1, "belong");
    refuse_blob(&blob, 0, "belong");
    blob.size -= 2;
    refuse_blob(&blob, blob.size, "end before");
    blob.size += 4;
    refuse_blob(&blob, blob.size, "go on behind");
    static const lk_layer outside[] = {{LK_LAYER_DENSE, 2, 1, 1, 1, 0, SIZE_MAX - 1, 0, 0}},
                          large[] = {{LK_LAYER_WHOLE, 4096, 4096, 4096, 1, 0, 4, 0, 0}};
    blob.affine = false;
    blob.count = 1;
    blob.layers = outside;
    refuse_blob(&blob, blob.size, "end before");
    blob.layers = large;
    refuse_blob(&blob, blob.size, "end before");
}

/* A layer's normalisation goes into its kernel and its bias. */
static void test_blob_normalised(void **unused) {
    (void)unused;
    static const float values[] = {0, 2, 3, 10, 20, 4, 5, 1, 2, 4 - 1e-5f, 1 - 1e-5f, -1e-5f};
    static const lk_layer layer = {LK_LAYER_DENSE, 1, 2, 1, 1, LK_LAYER_BIAS, 4, 12, 0};
    static const lk_norm norm = {20, 28, 36}, infinite = {20, 28, 40}, outside = {20, 28, 44};
    lk_blob blob = {.layers = &layer,
                    .norms = &norm,
                    .count = 1,
                    .size = sizeof values,
                    .width = 4,
                    .channels_first = true,
                    .slope_scale = 1};
    liken_error err = {0};
    lk_weights *w = NULL;
    assert_ok(lk_blob_read(&w, &blob, values, sizeof values, &err), err);
    const float *kernel = lk_weights_find(w, "0/weights")->data, *bias = lk_weights_find(w, "0/bias")->data;
    assert_float_equal(kernel[0], 2 * 4 / 2.0f, 1e-5);
    assert_float_equal(kernel[1], 3 * 5 / 1.0f, 1e-4);
    assert_float_equal(bias[0], 10 - 1 * 2, 1e-5);
    assert_float_equal(bias[1], 20 - 2 * 5, 1e-4);
    lk_weights_free(w);
    w = NULL;
    blob.norms = &infinite;
    assert_int_equal(lk_blob_read(&w, &blob, values, sizeof values, &err), LIKEN_E_MODEL);
    assert_non_null(strstr(err.message, "by no number"));
    blob.norms = &outside;
    assert_int_equal(lk_blob_read(&w, &blob, values, sizeof values, &err), LIKEN_E_MODEL);
    assert_null(w);
}

/* Weights whose photo is multiplied by nothing make no network. */
static void test_reid_of_zeros(void **unused) {
    (void)unused;
    liken_error err = {0};
    lk_weights *w = NULL;
    lk_net *net = NULL;
    uint8_t *zeros = calloc(1, lk_blob_reid.size);
    assert_non_null(zeros);
    assert_ok(lk_weights_read_reid(&w, zeros, lk_blob_reid.size, &err), err);
    assert_int_equal(lk_net_reid(&net, w, (const float[]){0, 0, 0}, 1, &err), LIKEN_E_MODEL);
    assert_null(net);
    assert_non_null(strstr(err.message, "another network"));
    lk_weights_free(w);
    free(zeros);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tfjs),
        cmocka_unit_test(test_tfjs_graph),
        cmocka_unit_test(test_tfjs_refused),
        cmocka_unit_test(test_blob_normalised),
        cmocka_unit_test(test_onnx),
        cmocka_unit_test(test_onnx_refused),
        cmocka_unit_test(test_dlib_refused),
        cmocka_unit_test(test_blob_halves),
        cmocka_unit_test(test_blob_special_halves),
        cmocka_unit_test(test_blob_places),
        cmocka_unit_test(test_blob_refused),
        cmocka_unit_test(test_reid_of_zeros),
    };
    return cmocka_run_group_tests_name("nn/weights", tests, NULL, NULL);
}
