/* neon.c - vectors of 4 floats on aarch64. A tile is 6 pixels by 16 channels: 24 sums, 4 weights and a broadcast of the
 * 32 registers. */
#include <arm_neon.h>
#include <stdint.h>

#define LANES 4
#define ROWS 6
#define WIDE 1
typedef float32x4_t vec;

static inline vec vload(const float *p) {
    return vld1q_f32(p);
}
static inline void vstore(float *p, vec x) {
    vst1q_f32(p, x);
}
static inline vec vbytes(const uint8_t *p) {
    return (vec){p[0], p[1], p[2], p[3]};
}
static inline vec vset(float x) {
    return vdupq_n_f32(x);
}
static inline vec vadd(vec a, vec b) {
    return vaddq_f32(a, b);
}
static inline vec vsub(vec a, vec b) {
    return vsubq_f32(a, b);
}
static inline vec vmul(vec a, vec b) {
    return vmulq_f32(a, b);
}
static inline vec vfma(vec a, vec b, vec c) {
    return vfmaq_f32(c, a, b);
}
/* vmaxq and vminq give NaN when either operand is */
static inline vec vabove(vec low, vec x) {
    return vmaxq_f32(low, x);
}
static inline vec vbelow(vec high, vec x) {
    return vminq_f32(high, x);
}
static inline vec vmaximum(vec a, vec b) {
    return vmaxq_f32(a, b);
}

#include "kern/nets/vector.h"

const lk_kern lk_kern_neon = LK_KERN_TABLE(LK_CPU_NEON);
