/* kern.c - chooses the table and packs weights. Packing is the same for every level: panels of 16 output channels, each
 * [taps][16], because 16 floats are two AVX registers, one AVX-512 register and four NEON registers. */
#include <math.h>
#include <string.h>

#include "kern/nets/levels.h"

const lk_kern *lk_kern_of(lk_cpu level) {
    const lk_cpu best = lk_cpu_level();
    if (level == LK_CPU_SCALAR)
        return &lk_kern_scalar;
#if defined(__x86_64__)
    if (level == LK_CPU_AVX2 && (best == LK_CPU_AVX2 || best == LK_CPU_AVX512))
        return &lk_kern_avx2;
    if (level == LK_CPU_AVX512 && best == LK_CPU_AVX512)
        return &lk_kern_avx512;
#elif defined(__aarch64__)
    if (level == LK_CPU_NEON && best == LK_CPU_NEON)
        return &lk_kern_neon;
#endif
    (void)best;
    return NULL;
}

const lk_kern *lk_kern_get(void) {
    const lk_kern *k = lk_kern_of(lk_cpu_level());
    return k != NULL ? k : &lk_kern_scalar;
}

size_t lk_kern_conv_floats(int kernel_h, int kernel_w, int in, int out) {
    return (size_t)kernel_h * (size_t)kernel_w * (size_t)in * (size_t)lk_panels(out);
}

void lk_kern_pack_conv(float *to, const float *from, int kernel_h, int kernel_w, int in, int in_stored, int out) {
    memset(to, 0, sizeof(float) * lk_kern_conv_floats(kernel_h, kernel_w, in_stored, out));
    const size_t taps = (size_t)kernel_h * (size_t)kernel_w;
    const size_t panel = taps * (size_t)in_stored * LK_PANEL;
    for (size_t tap = 0; tap < taps; tap++)
        for (size_t i = 0; i < (size_t)in; i++)
            for (size_t o = 0; o < (size_t)out; o++)
                to[o / LK_PANEL * panel + (tap * (size_t)in_stored + i) * LK_PANEL + o % LK_PANEL] = *from++;
}

size_t lk_kern_winograd_floats_weights(int in_stored, int out) {
    return 36 * (size_t)in_stored * (size_t)lk_panels(out);
}

/* g (3x3, elements `step` apart) to G g G', see winograd.h. In double: it is done once, and its error would stay. */
static void transform_weights(const float *g, size_t step, double u[36]) {
    static const double G[6][3] = {{1.0 / 4, 0, 0},
                                   {-1.0 / 6, -1.0 / 6, -1.0 / 6},
                                   {-1.0 / 6, 1.0 / 6, -1.0 / 6},
                                   {1.0 / 24, 1.0 / 12, 1.0 / 6},
                                   {1.0 / 24, -1.0 / 12, 1.0 / 6},
                                   {0, 0, 1}};
    double half[6][3];
    for (int i = 0; i < 6; i++)
        for (size_t x = 0; x < 3; x++)
            half[i][x] = G[i][0] * (double)g[x * step] + G[i][1] * (double)g[(3 + x) * step] +
                         G[i][2] * (double)g[(6 + x) * step];
    for (int i = 0; i < 6; i++)
        for (int j = 0; j < 6; j++)
            u[6 * i + j] = half[i][0] * G[j][0] + half[i][1] * G[j][1] + half[i][2] * G[j][2];
}

void lk_kern_pack_winograd(float *to, const float *from, int in, int in_stored, int out) {
    memset(to, 0, sizeof(float) * lk_kern_winograd_floats_weights(in_stored, out));
    const size_t panel = (size_t)in_stored * LK_PANEL;
    const size_t place = panel * (size_t)(lk_panels(out) / LK_PANEL); /* one of the 36 */
    for (size_t i = 0; i < (size_t)in; i++)
        for (size_t o = 0; o < (size_t)out; o++) {
            double u[36];
            transform_weights(from + i * (size_t)out + o, (size_t)in * (size_t)out, u);
            for (size_t k = 0; k < 36; k++)
                to[k * place + o / LK_PANEL * panel + i * LK_PANEL + o % LK_PANEL] = (float)u[k];
        }
}

size_t lk_kern_winograd_floats(int in_stored, int out_stored) {
    const int block = lk_winograd_block(in_stored, out_stored);
    return 36 * (lk_winograd_step(block, in_stored) + lk_winograd_step(block, out_stored));
}

void lk_kern_sigmoid(const lk_map *in, const lk_map *out, int batch) {
    for (int n = 0; n < batch; n++)
        for (int y = 0; y < out->height; y++) {
            const float *from = lk_map_at(in, n, y, 0);
            float *to = lk_map_at(out, n, y, 0);
            for (int i = 0; i < out->width * out->channels; i++)
                to[i] = 1.0f / (1.0f + expf(-from[i]));
        }
}

/* One pixel's window from (top, left) on, channel c. */
static float pool_value(const lk_pool *p, const lk_map *in, int n, int top, int left, int c) {
    int y0, y1, x0, x1;
    lk_inside(top, p->size, in->height, &y0, &y1);
    lk_inside(left, p->size, in->width, &x0, &x1);
    float best = lk_map_at(in, n, top + y0, left + x0)[c], sum = 0;
    for (int y = y0; y < y1; y++)
        for (int x = x0; x < x1; x++) {
            const float a = lk_map_at(in, n, top + y, left + x)[c];
            best = a > best || a != a ? a : best;
            sum += a;
        }
    return p->mean ? sum / (float)(p->whole ? p->size * p->size : (y1 - y0) * (x1 - x0)) : best;
}

void lk_kern_pool(const lk_pool *p, const lk_map *in, const lk_map *out, int batch) {
    for (int n = 0; n < batch; n++)
        for (int y = 0; y < out->height; y++)
            for (int x = 0; x < out->width; x++)
                for (int c = 0; c < in->channels; c++)
                    lk_map_at(out, n, y, x)[c] =
                        pool_value(p, in, n, y * p->stride - p->top, x * p->stride - p->left, c);
}
