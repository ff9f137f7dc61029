/* An ONNX file: its initialisers, which are also offered to a network that must refuse them, and the network that it
 * holds itself. */
#include "nn/nn.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_weights(const uint8_t *data, size_t size) {
    liken_error err;
    lk_weights *w = NULL;
    lk_net *net = NULL;
    if (lk_weights_read_onnx(&w, data, size, &err) != LIKEN_OK)
        return;
    if (lk_net_yunet(&net, w, &err) == LIKEN_OK)
        lk_net_free(net);
    lk_weights_free(w);
}

/* What is built must plan and run as well, whatever its numbers. */
static void run_network(const uint8_t *data, size_t size) {
    static const uint8_t photo[16 * 16 * 3] = {1, 2, 3};
    const lk_net_look look = {.side = 16, .mean = {127.5, 127.5, 127.5}, .scale = {0.5, 1, 2}, .dimension = 8};
    const lk_net_input input = {photo, 48};
    liken_error err;
    lk_net *net = NULL;
    lk_net_state *state = NULL;
    if (lk_net_onnx(&net, data, size, &look, &err) != LIKEN_OK)
        return;
    if (lk_net_state_new(&state, net, 1, 0, 0, &err) == LIKEN_OK)
        lk_net_forward(state, &input, 1);
    lk_net_state_free(state);
    lk_net_free(net);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    read_weights(data, size);
    run_network(data, size);
    return 0;
}
