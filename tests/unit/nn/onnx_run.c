/* onnx_run.c - no test itself: runs an embedding network out of an ONNX file, for tests that compare it with another
 * program's (tests/cli/test_own_packs.py).
 *
 *   onnx_run FILE SIDE DIMENSION MEAN SCALE rgb|bgr BATCH < chips > descriptors
 *
 * Chips are SIDE x SIDE x 3 bytes each, red first; descriptors are floats. What is wrong with the file is said on
 * standard error, with exit status 1. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "nn/nn.h"

static int fail(const liken_error *err) {
    (void)fprintf(stderr, "%s\n", err->message);
    return 1;
}

/* Runs up to `batch` chips at a time until there are no more. */
static int run(const lk_net *net, const lk_net_look *look, int batch) {
    const size_t bytes = (size_t)look->side * (size_t)look->side * 3;
    liken_error err = {0};
    lk_net_state *state = NULL;
    if (lk_net_state_new(&state, net, batch, 0, 0, &err) != LIKEN_OK)
        return fail(&err);
    uint8_t *chips = malloc(bytes * (size_t)batch);
    lk_net_input *inputs = calloc((size_t)batch, sizeof *inputs);
    if (chips == NULL || inputs == NULL)
        abort();
    size_t count, floats;
    while ((count = fread(chips, bytes, (size_t)batch, stdin)) > 0) {
        for (size_t i = 0; i < count; i++)
            inputs[i] = (lk_net_input){chips + i * bytes, (size_t)look->side * 3};
        lk_net_forward(state, inputs, (int)count);
        const float *out = lk_net_output(state, 0, &floats);
        if (fwrite(out, sizeof *out, floats * count, stdout) != floats * count)
            abort();
    }
    free(chips);
    free(inputs);
    lk_net_state_free(state);
    return 0;
}

int main(int argc, char **argv) {
    liken_error err = {0};
    char *bytes = NULL;
    size_t size = 0;
    lk_net *net = NULL;
    if (argc != 8)
        return 2;
    lk_net_look look = {.side = (int)strtol(argv[2], NULL, 10),
                        .dimension = (int)strtol(argv[3], NULL, 10),
                        .blue_first = strcmp(argv[6], "bgr") == 0};
    for (int c = 0; c < 3; c++) {
        look.mean[c] = strtod(argv[4], NULL);
        look.scale[c] = strtod(argv[5], NULL);
    }
    if (lk_file_read(argv[1], (size_t)1 << 30, &bytes, &size, &err) != LIKEN_OK)
        return fail(&err);
    const int rc = lk_net_onnx(&net, bytes, size, &look, &err);
    free(bytes);
    if (rc != LIKEN_OK)
        return fail(&err);
    const int status = run(net, &look, (int)strtol(argv[7], NULL, 10));
    lk_net_free(net);
    return status;
}
