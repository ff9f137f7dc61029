#include "kern/search/loops.h"

#include <arm_acle.h>
#include <string.h>

uint32_t lk_crc_arm(uint32_t crc, const void *bytes, size_t size) {
    const uint8_t *b = bytes;
    crc = ~crc;
    size_t i = 0;
    for (; i + 8 <= size; i += 8) {
        uint64_t word;
        memcpy(&word, b + i, sizeof word);
        crc = __crc32cd(crc, word);
    }
    for (; i < size; i++)
        crc = __crc32cb(crc, b[i]);
    return ~crc;
}
