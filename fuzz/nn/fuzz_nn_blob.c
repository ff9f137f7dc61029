/* Values by a table of places, where the table comes from the fuzzer too: a byte of flags, a byte that says how many
 * layers, twelve bytes a layer, and the file. */
#include <string.h>

#include "nn/blob.h"

#define MOST 6
#define LAYER 12

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Channels up to 31, kernels up to 7x7, places up to 65535. */
static lk_layer layer_of(const uint8_t *b) {
    const lk_layer_kind kind = (lk_layer_kind)(b[0] % (LK_LAYER_EXCITE + 1));
    const int out = 1 + b[2] % 31;
    const bool alone = kind == LK_LAYER_DEPTH || kind == LK_LAYER_WHOLE;
    return (lk_layer){.kind = kind,
                      .in = alone ? out : 1 + b[1] % 31,
                      .out = out,
                      .size = 1 + b[3] % 7,
                      .stride = 1,
                      .has = b[4],
                      .weights = (size_t)b[6] << 8 | b[7],
                      .bias = (size_t)b[8] << 8 | b[9],
                      .slope = (size_t)b[10] << 8 | b[11]};
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    lk_layer layers[MOST];
    lk_norm norms[MOST];
    liken_error err;
    lk_weights *w = NULL;
    if (size < 2)
        return 0;
    const size_t count = 1 + data[1] % MOST;
    if (size < 2 + count * LAYER)
        return 0;
    for (size_t i = 0; i < count; i++) {
        const uint8_t *b = data + 2 + i * LAYER;
        layers[i] = layer_of(b);
        norms[i] = (lk_norm){b[5], 2 * (size_t)b[5], 3 * (size_t)b[5]};
    }
    const lk_blob blob = {.layers = layers,
                          .norms = (data[0] & 16) != 0 ? norms : NULL,
                          .count = count,
                          .size = size - 2 - count * LAYER,
                          .width = (data[0] & 1) != 0 ? 2 : 4,
                          .channels_first = (data[0] & 2) != 0,
                          .affine = (data[0] & 4) != 0,
                          .one_slope = (data[0] & 8) != 0,
                          .slope_scale = 1};
    if (lk_blob_read(&w, &blob, data + 2 + count * LAYER, blob.size, &err) == LIKEN_OK)
        lk_weights_free(w);
    w = NULL;
    if (lk_weights_read_reid(&w, data, size, &err) == LIKEN_OK)
        lk_weights_free(w);
    return 0;
}
