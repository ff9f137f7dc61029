#include "kern/search/loops.h"
#include "kern/search/vector128.h"

#include <string.h>

void lk_dots_neon(const float *x, const float *rows, size_t stride, size_t count, float *out) {
    for (size_t r = 0; r < count; r++) {
        sums s = no_sums();
        for (size_t i = 0; i < stride; i += 16)
            for (size_t j = 0; j < 4; j++) {
                const float32x4_t product =
                    vmulq_f32(vld1q_f32(x + i + 4 * j), vld1q_f32(rows + r * stride + i + 4 * j));
                s.part[j] = vaddq_f32(s.part[j], product);
            }
        out[r] = fold(s);
    }
}

static inline int8x8_t four_twice(const int8_t *query) {
    int32_t four;
    memcpy(&four, query, sizeof four);
    return vreinterpret_s8_s32(vdup_n_s32(four));
}

/* Products of two rows' bytes, a row in four lanes. */
typedef struct products {
    int16x8_t rows[2];
} products;

static inline products multiply(products p, uint8x16_t codes, int8x8_t query) {
    const int8x16_t bytes = vreinterpretq_s8_u8(codes); /* at most 15 */
    p.rows[0] = vmlal_s8(p.rows[0], vget_low_s8(bytes), query);
    p.rows[1] = vmlal_s8(p.rows[1], vget_high_s8(bytes), query);
    return p;
}

/* Inner products of four rows. A lane of 16 bits holds 16 products of 15 * 127, that is 8 lines, before it is widened.
 */
static inline int32x4_t quarter(const uint8_t *codes, const int8_t *query, size_t lines) {
    int32x4_t low = vdupq_n_s32(0), high = low;
    for (size_t first = 0; first < lines; first += 8) {
        const size_t end = first + 8 < lines ? first + 8 : lines;
        products p = {{vdupq_n_s16(0), vdupq_n_s16(0)}};
        for (size_t l = first; l < end; l++) {
            const uint8x16_t both = vld1q_u8(codes + 64 * l);
            p = multiply(p, vandq_u8(both, vdupq_n_u8(15)), four_twice(query + 8 * l));
            p = multiply(p, vshrq_n_u8(both, 4), four_twice(query + 8 * l + 4));
        }
        low = vpadalq_s16(low, p.rows[0]);
        high = vpadalq_s16(high, p.rows[1]);
    }
    return vpaddq_s32(low, high);
}

/* A bit for each of four rows. */
static inline unsigned survivors(int32x4_t dot, const uint16_t *values, float slope, float limit) {
    static const uint32_t bits[4] = {1, 2, 4, 8};
    const uint32x4_t value = vmovl_u16(vld1_u16(values));
    const float32x4_t scaled = vmulq_n_f32(vcvtq_f32_u32(value), slope);
    const uint32x4_t near = vcleq_f32(vsubq_f32(scaled, vcvtq_f32_s32(dot)), vdupq_n_f32(limit));
    const uint32x4_t always = vceqq_u32(value, vdupq_n_u32(0));
    return vaddvq_u32(vandq_u32(vorrq_u32(near, always), vld1q_u32(bits)));
}

void lk_coarse_neon(const uint8_t *codes, const uint16_t *values, const int8_t *query, size_t dims, size_t blocks,
                    float slope, float limit, uint16_t *masks) {
    for (size_t b = 0; b < blocks; b++) {
        unsigned mask = 0;
        for (size_t r = 0; r < 16; r += 4)
            mask |= survivors(quarter(codes + b * dims * 8 + 4 * r, query, dims / 8), values + 16 * b + r, slope, limit)
                    << r;
        masks[b] = (uint16_t)mask;
    }
}

static inline float32x4_t fine_step(float32x4_t sum, int16x4_t code, const float *query, const float *scale) {
    const float32x4_t decoded = vmulq_f32(vld1q_f32(scale), vcvtq_f32_s32(vmovl_s16(code)));
    const float32x4_t d = vsubq_f32(vld1q_f32(query), decoded);
    return vaddq_f32(sum, vmulq_f32(d, d));
}

void lk_fine_neon(const uint8_t *records, size_t record, const float *query, const float *scale, const uint32_t *rows,
                  size_t count, float *out) {
    for (size_t r = 0; r < count; r++) {
        const uint8_t *bytes = records + rows[r] * record;
        if (r + 8 < count)
            __builtin_prefetch(records + rows[r + 8] * record);
        sums s = no_sums();
        for (size_t i = 0; i < record; i += 16) {
            const int8x16_t codes = vreinterpretq_s8_u8(vld1q_u8(bytes + i));
            const int16x8_t low = vmovl_s8(vget_low_s8(codes)), high = vmovl_s8(vget_high_s8(codes));
            s.part[0] = fine_step(s.part[0], vget_low_s16(low), query + i, scale + i);
            s.part[1] = fine_step(s.part[1], vget_high_s16(low), query + i + 4, scale + i + 4);
            s.part[2] = fine_step(s.part[2], vget_low_s16(high), query + i + 8, scale + i + 8);
            s.part[3] = fine_step(s.part[3], vget_high_s16(high), query + i + 12, scale + i + 12);
        }
        out[r] = fold(s);
    }
}
