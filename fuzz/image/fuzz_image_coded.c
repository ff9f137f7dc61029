/* The headers of coded pictures: the first byte says whether the rest is AV1's units, HEVC's, or an hvcC box. The time
 * is that of a pass over the bytes, and what is announced can be multiplied. */
#include "image/coded.h"

#include "effort.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0)
        return 0;
    lk_coded coded = {0};
    const double begin = effort_begin();
    switch (data[0] % 3) {
    case 0:
        coded = lk_coded_av1(data + 1, size - 1);
        break;
    case 1:
        lk_coded_hevc(data + 1, size - 1, &coded);
        break;
    default:
        lk_coded_hvcc(data + 1, size - 1, &coded);
    }
    effort_end(begin);
    if (coded.bits < 0 || coded.bits > 64 || coded.samples < 0 || coded.samples > 6 || coded.pictures > size)
        abort();
    return 0;
}
