/* kern.h - the hot loops of the networks: one table of functions a CPU level, chosen once by lk_cpu_level().
 *
 * Activations are float32 "maps": a batch of images in NHWC with a border of zeros around each, so that no loop asks
 * whether a tap is inside. Channels are stored in whole panels of 16 (the last one filled with zeros), except for the
 * three channels of a photo; so no loop has a tail either. Weights are packed once into panels of 16 output channels.
 *
 * The scalar table is the definition. Every other agrees with it to 2e-5 of the largest output, keeps denormals, and
 * gives NaN where an input that counts is NaN. No function allocates, fails or locks; all are thread-safe as long as
 * their outputs are not shared. */
#ifndef LK_KERN_NETS_KERN_H
#define LK_KERN_NETS_KERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cpu.h"

#define LK_PANEL 16            /* channels a panel */
#define LK_SEPARABLE_PIXELS 96 /* of scratch */
#define LK_MAX_WINDOW 8        /* rows of a kernel or of a pool's window */

/* `n` rounded up to whole panels. */
static inline int lk_panels(int n) {
    return (n + LK_PANEL - 1) / LK_PANEL * LK_PANEL;
}

/* LK_ACT_PRELU: negative values are multiplied by their channel's slope. */
typedef enum lk_act { LK_ACT_NONE, LK_ACT_RELU, LK_ACT_RELU6, LK_ACT_PRELU } lk_act;

/* Pixel (n, y, x) starts at data[n*image + y*row + x*channels]; `data` is pixel (0, 0, 0), inside the border.
 *
 * A map may be a ring: only the last `ring` rows of one image are there, row y in the place of row (y + turn) % ring,
 * the first of which `data` is. conv, depthwise, separable and max_pool read and write rings. */
typedef struct lk_map {
    float *data;
    size_t image, row; /* strides in floats */
    int height, width;
    int channels;   /* stored: a multiple of 16, or 3 */
    int ring, turn; /* ring 0: all rows are there */
} lk_map;

/* Where pixel (n, y, x) is; y and x may be in the border. */
static inline float *lk_map_at(const lk_map *m, int n, int y, int x) {
    const int place = m->ring > 0 ? (y + m->turn + m->ring) % m->ring : y;
    return m->data + (ptrdiff_t)n * (ptrdiff_t)m->image + (ptrdiff_t)place * (ptrdiff_t)m->row +
           (ptrdiff_t)x * (ptrdiff_t)m->channels;
}

/* A dense convolution: out(y, x) = act(bias + sum of taps + residual(y, x)). Output (y, x) sees input rows from
 * y*stride - top and columns from x*stride - left, in the border where outside. */
typedef struct lk_conv {
    int kernel_h, kernel_w, stride, top, left;
    int in, out;           /* stored channels; out a multiple of 16 */
    const float *weights;  /* lk_kern_pack_conv */
    const float *winograd; /* lk_kern_pack_winograd, or NULL: then direct only */
    const float *bias;     /* out floats */
    lk_act act;
    const float *slope; /* out floats; of LK_ACT_PRELU alone */
} lk_conv;

/* A convolution of each channel alone: 3x3 with stride 1 or 2, or as large as its input (depthwise_whole), or size x
 * size with any stride (depthwise_any). */
typedef struct lk_depthwise {
    int stride, top, left;
    int rectify; /* negative inputs count as zero */
    int pool;    /* an output is the largest of 2x2 of the convolution's; stride 1, no rectify and no slopes only */
    const float *weights; /* [9][channels]; whole and any: [height][width][channels] */
    const float *bias;    /* channels floats */
    lk_act act;
    const float *slope; /* channels floats; of LK_ACT_PRELU alone */
    int size;           /* side of the window; of depthwise_any alone */
} lk_depthwise;

/* What becomes of a value: times its channel's factor, plus its term; where there are slopes, negative ones times
 * theirs; not below `low`, not above `high` (infinite: no limit); with `gate`, times the value that came in. */
typedef struct lk_affine {
    const float *factor, *term; /* channels floats */
    const float *slope;         /* likewise, or NULL */
    float low, high;
    bool gate;
} lk_affine;

/* Windows of size x size that may reach past the image: the largest of what lies inside, or (`mean`) its mean. `whole`:
 * what lies outside counts as zeros in the mean. Every window holds a pixel. */
typedef struct lk_pool {
    int size, stride, top, left;
    bool mean, whole;
} lk_pool;

typedef struct lk_kern {
    lk_cpu level;

    /* Writes `height` x `width` outputs an image from out->data on (they may be fewer than the map has). `residual` is
     * NULL, or has out's channels and may be `out` itself. */
    void (*conv)(const lk_conv *c, const lk_map *in, const lk_map *out, const lk_map *residual, int height, int width,
                 int batch);

    /* The same by Winograd F(4x4,3x3), for 3x3 stride 1 with c->winograd. Reads up to 3 rows and columns past the
     * border that conv needs (they must be there, any finite values). `scratch`: lk_kern_winograd_floats. NULL on
     * the scalar level, which is the definition and has no second way. */
    void (*winograd)(const lk_conv *c, const lk_map *in, const lk_map *out, const lk_map *residual, int height,
                     int width, int batch, float *scratch);

    /* Writes the whole of out, whose channels are in's. With `pool`, out has half the convolution's height and width.
     */
    void (*depthwise)(const lk_depthwise *d, const lk_map *in, const lk_map *out, int batch);

    /* depthwise (without pool), and at once the 1x1 stride 1 convolution `c` of what it gives, which is never stored
     * whole. Sizes and residual as for conv. `scratch`: LK_SEPARABLE_PIXELS * in->channels floats. */
    void (*separable)(const lk_depthwise *d, const lk_conv *c, const lk_map *in, const lk_map *out,
                      const lk_map *residual, int height, int width, int batch, float *scratch);

    /* One pixel of out: each channel of in by a window as large as in. The strides and `rectify` of d are not read. */
    void (*depthwise_whole)(const lk_depthwise *d, const lk_map *in, const lk_map *out, int batch);

    /* The whole of out, by windows of d->size that read no border; `rectify` and `pool` of d are not read. */
    void (*depthwise_any)(const lk_depthwise *d, const lk_map *in, const lk_map *out, int batch);

    /* Windows of `size` x `size` every `stride` pixels, no border; writes the whole of out. avg_pool: out may have more
     * channels than in, they are set to zero. */
    void (*max_pool)(const lk_map *in, const lk_map *out, int size, int stride, int batch);
    void (*avg_pool)(const lk_map *in, const lk_map *out, int size, int stride, int batch);

    /* The whole of out, which has in's channels. */
    void (*pool)(const lk_pool *p, const lk_map *in, const lk_map *out, int batch);

    /* The whole of out, which is as large as in and may be it. */
    void (*affine)(const lk_affine *a, const lk_map *in, const lk_map *out, int batch);

    /* out = a + b, or a * b; all of one size. */
    void (*pair)(const lk_map *a, const lk_map *b, bool multiply, const lk_map *out, int batch);

    /* out = fine + coarse, each pixel of coarse counted for 2x2 of out. */
    void (*add_upsampled)(const lk_map *fine, const lk_map *coarse, const lk_map *out, int batch);

    /* out = in, each channel times that of gate, which is one pixel, + residual (NULL: nothing; it may be out). */
    void (*scale)(const lk_map *in, const lk_map *gate, const lk_map *residual, const lk_map *out, int batch);

    /* out = 1 / (1 + exp(-in)). */
    void (*sigmoid)(const lk_map *in, const lk_map *out, int batch);

    /* to[i] = from[i] - mean[i % 3]: one row of a photo. */
    void (*load_row)(float *to, const uint8_t *from, size_t count, const float mean[3]);
} lk_kern;

/* The table of lk_cpu_level(), or the best below it that this build holds. */
const lk_kern *lk_kern_get(void);
/* The table of exactly this level, NULL when this build or this machine lacks it. */
const lk_kern *lk_kern_of(lk_cpu level);

/* ---- packing, once at load ---- */

/* Floats of a packed convolution. */
size_t lk_kern_conv_floats(int kernel_h, int kernel_w, int in, int out);
/* From [kernel_h][kernel_w][in][out] of real channels; in_stored and the panels of out are filled with zeros.
 * `to`: lk_kern_conv_floats(kernel_h, kernel_w, in_stored, out). */
void lk_kern_pack_conv(float *to, const float *from, int kernel_h, int kernel_w, int in, int in_stored, int out);

size_t lk_kern_winograd_floats_weights(int in_stored, int out);
void lk_kern_pack_winograd(float *to, const float *from, int in, int in_stored, int out);
/* Floats of scratch that winograd needs. */
size_t lk_kern_winograd_floats(int in_stored, int out_stored);

#endif
