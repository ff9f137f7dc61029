/* dlib's serialised ResNet. */
#include "nn/nn.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    liken_error err;
    lk_weights *w = NULL;
    lk_net *net = NULL;
    const float mean[] = {122.782f, 117.001f, 104.298f};
    if (lk_weights_read_dlib_resnet(&w, data, size, &err) != LIKEN_OK)
        return 0;
    if (lk_net_resnet(&net, w, mean, 1.0f / 256, &err) == LIKEN_OK)
        lk_net_free(net);
    lk_weights_free(w);
    return 0;
}
