#include "kern/search/loops.h"

static float fold(float sum[16]) {
    for (size_t half = 8; half > 0; half /= 2)
        for (size_t j = 0; j < half; j++)
            sum[j] += sum[j + half];
    return sum[0];
}

void lk_dots_scalar(const float *x, const float *rows, size_t stride, size_t count, float *out) {
    for (size_t r = 0; r < count; r++) {
        float sum[16] = {0};
        for (size_t i = 0; i < stride; i++)
            sum[i % 16] += x[i] * rows[r * stride + i];
        out[r] = fold(sum);
    }
}

static int code_dot(const uint8_t *block, const int8_t *query, size_t dims, size_t row) {
    int dot = 0;
    for (size_t l = 0; l < dims / 8; l++)
        for (size_t j = 0; j < 4; j++) {
            const uint8_t byte = block[64 * l + 4 * row + j];
            dot += (byte & 15) * query[8 * l + j] + (byte >> 4) * query[8 * l + 4 + j];
        }
    return dot;
}

void lk_coarse_scalar(const uint8_t *codes, const uint16_t *values, const int8_t *query, size_t dims, size_t blocks,
                      float slope, float limit, uint16_t *masks) {
    for (size_t b = 0; b < blocks; b++) {
        unsigned mask = 0;
        for (size_t r = 0; r < 16; r++) {
            const uint16_t value = values[16 * b + r];
            const float scaled = slope * (float)value;
            const float left = scaled - (float)code_dot(codes + b * dims * 8, query, dims, r);
            mask |= (unsigned)(value == 0 || left <= limit) << r;
        }
        masks[b] = (uint16_t)mask;
    }
}

void lk_fine_scalar(const uint8_t *records, size_t record, const float *query, const float *scale, const uint32_t *rows,
                    size_t count, float *out) {
    for (size_t r = 0; r < count; r++) {
        const uint8_t *bytes = records + rows[r] * record;
        float sum[16] = {0};
        for (size_t i = 0; i < record; i++) {
            const float decoded = scale[i] * (float)(int8_t)bytes[i], d = query[i] - decoded;
            sum[i % 16] += d * d;
        }
        out[r] = fold(sum);
    }
}

static uint32_t crc_byte(uint32_t crc) {
    for (int bit = 0; bit < 8; bit++)
        crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
    return crc;
}

uint32_t lk_crc_scalar(uint32_t crc, const void *bytes, size_t size) {
    uint32_t table[256];
    for (uint32_t i = 0; i < 256; i++)
        table[i] = crc_byte(i);
    const uint8_t *b = bytes;
    crc = ~crc;
    for (size_t i = 0; i < size; i++)
        crc = crc >> 8 ^ table[(crc ^ b[i]) & 255];
    return ~crc;
}
