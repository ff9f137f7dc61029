/* blob.h - weights that lie at known places of a file, and the networks that are read that way. Inside src/nn only.
 *
 * Some networks come without a container that names their tensors (the Open Model Zoo's .bin is nothing but values), or
 * in one that need not be understood where the file's sha256 is pinned. They are all of one build: convolutions, dense
 * or of each channel alone, mostly in blocks that widen (1x1), look around (3x3) and narrow (1x1), with slopes for
 * negative values and sometimes squeeze and excitation: the mean of each channel goes through two 1x1 layers and comes
 * back as a factor for it. So one list of layers, in the order in which they run, is both where the values lie and what
 * the network is: lk_weights_read_blob reads by it, and lk_net_reid and lk_net_mobilefacenet build by it. */
#ifndef LK_NN_BLOB_H
#define LK_NN_BLOB_H

#include "nn/net.h"

typedef enum lk_layer_kind {
    LK_LAYER_DENSE,
    LK_LAYER_EXPAND,  /* dense; what it reads is what LK_LAYER_ADD adds further down */
    LK_LAYER_DEPTH,   /* each channel alone, 3x3 */
    LK_LAYER_WHOLE,   /* each channel alone, as large as what it reads */
    LK_LAYER_SQUEEZE, /* dense 1x1, of the means of the channels of what the layer before it writes */
    LK_LAYER_EXCITE   /* dense 1x1; its sigmoids are factors for what the layer before LK_LAYER_SQUEEZE wrote */
} lk_layer_kind;

enum { LK_LAYER_BIAS = 1, LK_LAYER_SLOPE = 2, LK_LAYER_ADD = 4, LK_LAYER_RELU = 8 };

/* Where values lie, in bytes. FOLLOWS: behind those read before them. */
#define LK_BLOB_FOLLOWS 0

typedef struct lk_layer {
    lk_layer_kind kind;
    int in, out, size, stride; /* channels, side of the kernel; of each channel alone: in == out */
    unsigned has;              /* LK_LAYER_... */
    size_t weights, bias, slope;
} lk_layer;

/* What a layer gives is normalised: (x - mean) / sqrt(variance + 1e-5) * factor + the layer's bias. All three 0: not.
 */
typedef struct lk_norm {
    size_t factor, mean, variance; /* places, a value a channel */
} lk_norm;

typedef struct lk_blob {
    const lk_layer *layers;
    const lk_norm *norms; /* one a layer; NULL: none is */
    size_t count;
    size_t size;         /* bytes of the file */
    size_t width;        /* bytes a value, little-endian: 2 (float16) or 4 (float32) */
    bool channels_first; /* kernels are [out][in][y][x]; else [out][y][x][in], of each channel alone [y][x][channel] */
    bool blue_first;     /* of the three channels that the first layer reads */
    bool affine;         /* the file begins with three factors and three terms for the photo's channels */
    bool one_slope;      /* a layer has a single slope; else one a channel */
    float slope_scale;   /* slopes are stored divided by this */
    lk_pad pad;          /* of kernels of 3x3 */
    int side;            /* of the photo */
    const char *output;  /* its name */
    bool shares;         /* the output's values become shares of one (softmax) */
    int dimension;       /* numbers that are kept of the last layer's; fewer: see fold in blob_net.c */
} lk_blob;

/* The names of a layer's tensors: "<number>/weights", ... */
#define LK_BLOB_NAME 32

/* Fails the values that do not end where the file does, or lie outside of it, layers that do not fit together, and
 * files of another size. Kernels come as [y][x][in][out], or [y][x][channel]; slopes as one a channel. */
int lk_blob_read(lk_weights **out, const lk_blob *blob, const void *bytes, size_t size, liken_error *err);

/* The network of the list; `w` is what lk_blob_read gave. It sees (pixel - mean) * scale. */
int lk_blob_net(lk_net **out, const lk_blob *blob, const lk_weights *w, const float mean[3], float scale,
                liken_error *err);

extern const lk_blob lk_blob_reid, lk_blob_mobilefacenet, lk_blob_minifas_v2, lk_blob_minifas_v1se;

#endif
