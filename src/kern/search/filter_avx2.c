#include "kern/search/loops.h"
#include "kern/search/vector256.h"

#include <string.h>

void lk_dots_avx2(const float *x, const float *rows, size_t stride, size_t count, float *out) {
    for (size_t r = 0; r < count; r++) {
        __m256 low = _mm256_setzero_ps(), high = low;
        for (size_t i = 0; i < stride; i += 16) {
            const float *row = rows + r * stride + i;
            low = _mm256_add_ps(low, _mm256_mul_ps(_mm256_load_ps(x + i), _mm256_load_ps(row)));
            high = _mm256_add_ps(high, _mm256_mul_ps(_mm256_load_ps(x + i + 8), _mm256_load_ps(row + 8)));
        }
        out[r] = fold(low, high);
    }
}

/* Pairs of products add up in 16 bits: at most 8 of 2 * 15 * 127, that is 4 lines, before they are widened. */
static inline __m256i half_block(const uint8_t *codes, const int8_t *query, size_t lines) {
    const __m256i low_half = _mm256_set1_epi8(15), ones = _mm256_set1_epi16(1);
    __m256i dot = _mm256_setzero_si256();
    for (size_t first = 0; first < lines; first += 4) {
        const size_t end = first + 4 < lines ? first + 4 : lines;
        __m256i pairs = _mm256_setzero_si256();
        for (size_t l = first; l < end; l++) {
            int32_t q[2];
            memcpy(q, query + 8 * l, sizeof q);
            const __m256i both = _mm256_load_si256((const __m256i *)(codes + 64 * l));
            const __m256i low = _mm256_and_si256(both, low_half);
            const __m256i high = _mm256_and_si256(_mm256_srli_epi16(both, 4), low_half);
            pairs = _mm256_add_epi16(pairs, _mm256_maddubs_epi16(low, _mm256_set1_epi32(q[0])));
            pairs = _mm256_add_epi16(pairs, _mm256_maddubs_epi16(high, _mm256_set1_epi32(q[1])));
        }
        dot = _mm256_add_epi32(dot, _mm256_madd_epi16(pairs, ones));
    }
    return dot;
}

static inline unsigned survivors(__m256i dot, const uint16_t *values, __m256 slope, __m256 limit) {
    const __m256i value = _mm256_cvtepu16_epi32(_mm_load_si128((const __m128i *)values));
    const __m256 scaled = _mm256_mul_ps(slope, _mm256_cvtepi32_ps(value));
    const __m256 near = _mm256_cmp_ps(_mm256_sub_ps(scaled, _mm256_cvtepi32_ps(dot)), limit, _CMP_LE_OQ);
    const __m256 always = _mm256_castsi256_ps(_mm256_cmpeq_epi32(value, _mm256_setzero_si256()));
    return (unsigned)_mm256_movemask_ps(_mm256_or_ps(near, always));
}

void lk_coarse_avx2(const uint8_t *codes, const uint16_t *values, const int8_t *query, size_t dims, size_t blocks,
                    float slope, float limit, uint16_t *masks) {
    const __m256 slopes = _mm256_set1_ps(slope), limits = _mm256_set1_ps(limit);
    for (size_t b = 0; b < blocks; b++) {
        const uint8_t *block = codes + b * dims * 8;
        const unsigned low = survivors(half_block(block, query, dims / 8), values + 16 * b, slopes, limits);
        const unsigned high = survivors(half_block(block + 32, query, dims / 8), values + 16 * b + 8, slopes, limits);
        masks[b] = (uint16_t)(low | high << 8);
    }
}

static inline __m256 fine_step(__m256 sum, const uint8_t *bytes, const float *query, const float *scale) {
    const __m256i code = _mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)bytes));
    const __m256 decoded = _mm256_mul_ps(_mm256_load_ps(scale), _mm256_cvtepi32_ps(code));
    const __m256 d = _mm256_sub_ps(_mm256_load_ps(query), decoded);
    return _mm256_add_ps(sum, _mm256_mul_ps(d, d));
}

void lk_fine_avx2(const uint8_t *records, size_t record, const float *query, const float *scale, const uint32_t *rows,
                  size_t count, float *out) {
    for (size_t r = 0; r < count; r++) {
        const uint8_t *bytes = records + rows[r] * record;
        if (r + 8 < count)
            _mm_prefetch((const char *)(records + rows[r + 8] * record), _MM_HINT_T0);
        __m256 low = _mm256_setzero_ps(), high = low;
        for (size_t i = 0; i < record; i += 16) {
            low = fine_step(low, bytes + i, query + i, scale + i);
            high = fine_step(high, bytes + i + 8, query + i + 8, scale + i + 8);
        }
        out[r] = fold(low, high);
    }
}

uint32_t lk_crc_sse42(uint32_t crc, const void *bytes, size_t size) {
    const uint8_t *b = bytes;
    uint64_t wide = ~crc;
    size_t i = 0;
    for (; i + 8 <= size; i += 8) {
        uint64_t word;
        memcpy(&word, b + i, sizeof word);
        wide = _mm_crc32_u64(wide, word);
    }
    uint32_t narrow = (uint32_t)wide;
    for (; i < size; i++)
        narrow = _mm_crc32_u8(narrow, b[i]);
    return ~narrow;
}
