/* vector128.h - sixteen sums in four vectors of NEON, and their end in the order that distance.h defines. */
#ifndef LK_KERN_SEARCH_VECTOR128_H
#define LK_KERN_SEARCH_VECTOR128_H

#include <arm_neon.h>

typedef struct sums {
    float32x4_t part[4]; /* sum j is lane j % 4 of part j / 4 */
} sums;

static inline sums no_sums(void) {
    const float32x4_t zero = vdupq_n_f32(0);
    return (sums){{zero, zero, zero, zero}};
}

static inline float fold(sums s) {
    const float32x4_t four = vaddq_f32(vaddq_f32(s.part[0], s.part[2]), vaddq_f32(s.part[1], s.part[3]));
    const float32x2_t two = vadd_f32(vget_low_f32(four), vget_high_f32(four));
    return vget_lane_f32(two, 0) + vget_lane_f32(two, 1);
}

#endif
