/* Networks out of ONNX files: memory that runs out at any place, and that what is refused leaves nothing behind. What
 * they compute is held against ONNX Runtime in tests/cli/test_own_packs.py. The files are the fuzzer's seeds. */
#include "base/buf.h"
#include "nn/nn.h"
#include "unit/refuse.h"
#include "unit/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const lk_net_look look = {.side = 16, .mean = {127.5, 127.5, 127.5}, .scale = {0.5, 1, 2}, .dimension = 8};

static char *read_seed(const char *name, size_t *size) {
    char path[256], *bytes = NULL;
    liken_error err = {0};
    (void)snprintf(path, sizeof path, "fuzz/corpus/nn_onnx/%s", name);
    assert_int_equal(lk_file_read(path, 1 << 20, &bytes, size, &err), LIKEN_OK);
    return bytes;
}

/* Fails the n-th allocation for n = 1, 2, ... until none is refused. */
static void refuse_each(const char *name) {
    size_t size = 0;
    char *bytes = read_seed(name, &size);
    bool refused = true;
    long n = 0;
    while (refused) {
        liken_error err = {0};
        lk_net *net = NULL;
        refuse_begin(++n, false);
        const int rc = lk_net_onnx(&net, bytes, size, &look, &err);
        refused = refuse_end();
        if (refused && (rc != LIKEN_E_MEMORY || net != NULL))
            fail_msg("%s: allocation %ld was refused, and the answer is %d: %s", name, n, rc, err.message);
        if (!refused)
            assert_int_equal(rc, LIKEN_OK);
        lk_net_free(net);
    }
    assert_true(n > 20);
    free(bytes);
}

static void memory_that_runs_out_is_told(void **state) {
    (void)state;
    refuse_each("connected");
    refuse_each("squeezed");
}

/* Every byte changed in turn: an answer, whatever it is, and never a half-built net. */
static void any_byte_may_be_wrong(void **state) {
    (void)state;
    size_t size = 0;
    char *bytes = read_seed("squeezed", &size);
    for (size_t i = 0; i<size; i += size> 2000 && i > 1500 ? 37 : 1) {
        const char was = bytes[i];
        liken_error err = {0};
        lk_net *net = NULL;
        bytes[i] = (char)(was ^ 0x15);
        const int rc = lk_net_onnx(&net, bytes, size, &look, &err);
        assert_true((rc == LIKEN_OK) == (net != NULL));
        assert_true(rc == LIKEN_OK || (rc == LIKEN_E_MODEL && *err.message != '\0'));
        lk_net_free(net);
        bytes[i] = was;
    }
    free(bytes);
}

/* What would be run wrongly, or not at all. */
static void made_up_files_are_refused(void **state) {
    (void)state;
    static const char *const names[] = {"twice", "circle", "varint_bias"};
    for (size_t i = 0; i < LK_LENGTH(names); i++) {
        size_t size = 0;
        char *bytes = read_seed(names[i], &size);
        liken_error err = {0};
        lk_net *net = NULL;
        if (lk_net_onnx(&net, bytes, size, &look, &err) != LIKEN_E_MODEL || net != NULL || *err.message == '\0')
            fail_msg("%s: %s", names[i], err.message);
        free(bytes);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(memory_that_runs_out_is_told),
                                       cmocka_unit_test(any_byte_may_be_wrong),
                                       cmocka_unit_test(made_up_files_are_refused)};
    return cmocka_run_group_tests_name("nn/onnx", tests, NULL, NULL);
}
