/* The readers: small files written here by hand, and what is wrong with others. */
#include <string.h>

#include "base/buf.h"
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
    refuse_tfjs(ONE("\"shape\":[1],\"dtype\":\"int32\""), bin, 4, "without quantization");
    refuse_tfjs(ONE("\"shape\":[1],\"dtype\":\"float32\",\"quantization\":{\"dtype\":\"float16\"}"), bin, 4,
                "uint8 or uint16");
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tfjs),         cmocka_unit_test(test_tfjs_refused), cmocka_unit_test(test_onnx),
        cmocka_unit_test(test_onnx_refused), cmocka_unit_test(test_dlib_refused),
    };
    return cmocka_run_group_tests_name("nn/weights", tests, NULL, NULL);
}
