/* A shape predictor's bytes: whatever is accepted can predict on any box. */
#include "face/shape.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    lk_shape *shape = NULL;
    if (lk_shape_read(&shape, data, size, NULL) != LIKEN_OK)
        return 0;
    uint8_t rgb[16 * 12 * 3];
    for (size_t i = 0; i < sizeof rgb; i++)
        rgb[i] = (uint8_t)(i * 37);
    const lk_image image = {.width = 16, .height = 12, .stride = 48, .rgb = rgb};
    static const liken_box boxes[] = {{2, 1, 12, 10}, {-100, -100, 3000, 3000}, {8, 8, 0, 0}};
    liken_point points[LK_SHAPE_MAX_POINTS];
    for (size_t i = 0; i < LK_LENGTH(boxes); i++)
        lk_shape_predict(shape, &image, boxes[i], points);
    lk_shape_free(shape);
    return 0;
}
