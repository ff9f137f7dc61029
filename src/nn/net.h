/* net.h - a network as a list of nodes, and how the network files (resnet.c, ...) write one. Inside src/nn only.
 *
 * A node reads one or two tensors and writes one; nodes run in the order in which they were added. Tensors are numbered
 * and have channels only: height and width follow from the input's when a state is planned (plan.c). Affine layers,
 * normalisation of the photo and order of colours are folded into the convolution's weights by the builder; bias,
 * residual and activation are part of the node. */
#ifndef LK_NN_NET_H
#define LK_NN_NET_H

#include <pthread.h>

#include "base/arena.h"
#include "kern/nets/kern.h"
#include "nn/nn.h"

#define LK_MAX_NODES 384 /* iResNet-200 as ONNX has 310 */
#define LK_MAX_TENSORS 385
#define LK_MAX_OUTPUTS 12
#define LK_MAX_PARTS 6
#define LK_INPUT 0 /* tensor 0: the photo, minus lk_net.mean */
#define LK_NONE (-1)

typedef enum lk_op {
    LK_OP_CONV,
    LK_OP_DEPTHWISE,
    LK_OP_DEPTHWISE_WHOLE, /* a window as large as its input */
    LK_OP_MAX_POOL,
    LK_OP_AVG_POOL,
    LK_OP_GLOBAL_POOL,
    LK_OP_ADD_UPSAMPLED,
    LK_OP_SCALE,
    LK_OP_SIGMOID,
    LK_OP_DEPTHWISE_ANY, /* any window, no border read */
    LK_OP_POOL,          /* windows that may reach past the input */
    LK_OP_AFFINE,
    LK_OP_SUM,    /* of `in` and `in2`, which are of one size */
    LK_OP_PRODUCT /* likewise */
} lk_op;

typedef enum lk_pad {
    LK_PAD_NONE, /* only windows that lie inside */
    LK_PAD_SAME, /* ceil(size / stride) outputs, what is missing is added evenly, the odd row last (tensorflow) */
    LK_PAD_ONE,  /* one row of zeros on each side (3x3 kernels) */
    LK_PAD_GIVEN /* lk_pads */
} lk_pad;

/* Rows and columns of zeros around what a window sees, of LK_PAD_GIVEN. */
typedef struct lk_pads {
    int top, left, bottom, right;
} lk_pads;

typedef struct lk_node {
    lk_op op;
    int in, in2, out; /* tensors; in2: residual, coarse or gate, LK_NONE */
    int in3;          /* of LK_OP_SCALE alone: residual, LK_NONE */
    int size, stride; /* kernel or window */
    lk_pad pad;
    lk_pads pads;
    lk_conv conv;           /* top and left are the plan's */
    lk_depthwise depthwise; /* likewise */
    lk_pool pool;           /* likewise */
    lk_affine affine;
} lk_node;

/* A result: for each cell of each part's tensor, `count` channels from `first` on, parts one after the other. */
typedef struct lk_output {
    const char *name;
    int parts;
    struct {
        int tensor, first, count;
    } part[LK_MAX_PARTS];
    /* Done to the values of one image where they lie; NULL: nothing. */
    void (*post)(const lk_net *net, float *values, size_t count);
} lk_output;

/* What was measured of a convolution that can be done in two ways, for one size. */
typedef struct lk_choice {
    int height, width; /* of the output; 0: nothing yet */
    int tried;         /* batches up to this were timed */
    int winograd_from; /* the smallest batch for which Winograd was faster, INT_MAX */
} lk_choice;

struct lk_net {
    lk_arena arena;    /* packed weights and constants */
    int height, width; /* of the input, 0: any that `multiple` divides */
    int multiple;
    float mean[3];
    int channels[LK_MAX_TENSORS]; /* stored */
    int tensors, nodes, outputs;
    lk_node node[LK_MAX_NODES];
    lk_output output[LK_MAX_OUTPUTS];
    const float *anchors;       /* ssd: (ymin, xmin, ymax, xmax) each */
    pthread_mutex_t *measuring; /* guards `choice`, the only thing that changes once the net is built */
    lk_choice *choice;          /* of each node */
};

/* ---- building ---- */

/* Once a step has failed, `status` is set and all later steps do nothing, so that a network reads as a plain list. */
typedef struct lk_builder {
    lk_net *net;
    const lk_weights *weights;
    lk_arena temporary;
    lk_output spare; /* what lk_build_output gives after a failure */
    int status;
    liken_error *err;
} lk_builder;

/* Starts a net with the photo as tensor 0. height 0: any size that `multiple` divides. */
void lk_build_start(lk_builder *b, const lk_weights *w, int height, int width, int multiple, const float mean[3],
                    liken_error *err);
/* Gives the net, or frees everything and returns what went wrong first. */
int lk_build_end(lk_builder *b, lk_net **out);

/* The values of the tensor named by `format`, which must have this shape, or NULL and `status` set. */
const float *lk_build_values(lk_builder *b, int rank, const int *shape, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* `count` floats that live until lk_build_end, or NULL and `status` set. */
float *lk_build_temporary(lk_builder *b, size_t count);

/* A new tensor of `channels` (stored in whole panels). */
int lk_build_tensor(lk_builder *b, int channels);

typedef struct lk_conv_spec {
    int in;                     /* tensor */
    const float *kernel, *bias; /* [h][w][in][out]; bias may be NULL */
    int height, width;          /* of the kernel */
    int channels_in, channels_out;
    int stride;
    lk_pad pad;
    lk_pads pads; /* of LK_PAD_GIVEN */
    bool direct;  /* without the weights for Winograd, which are four times as large */
    lk_act act;
    int residual; /* tensor to add before the activation, LK_NONE */
    int into;     /* an existing tensor to write, LK_NONE: a new one */
} lk_conv_spec;

/* Each returns the tensor it writes. */
int lk_build_conv(lk_builder *b, const lk_conv_spec *spec);
/* 3x3 of the photo with stride 2: kernel [3][3][3][channels_out]. */
int lk_build_first(lk_builder *b, const float *kernel, const float *bias, int channels_out, lk_pad pad, lk_act act);
/* 1x1: the same matrix, kernel [in][out], at every pixel; bias may be NULL. */
int lk_build_point(lk_builder *b, int in, const float *kernel, const float *bias, int channels_in, int channels_out,
                   lk_act act, int residual);
/* kernel [3][3][channels]; bias may be NULL. `rectify`: negative inputs count as zero. */
int lk_build_depthwise(lk_builder *b, int in, const float *kernel, const float *bias, int channels, int stride,
                       lk_pad pad, lk_act act, bool rectify);
/* Each channel by a kernel [height][width][channels] as large as the tensor is (which is the caller's to know): one
 * pixel. bias may be NULL. */
int lk_build_depthwise_whole(lk_builder *b, int in, const float *kernel, const float *bias, int side, int channels);
/* kernel [size][size][channels], any stride; bias may be NULL. */
int lk_build_depthwise_padded(lk_builder *b, int in, const float *kernel, const float *bias, int channels, int size,
                              int stride, const lk_pads *pads, lk_act act);
/* What the convolution (of any kind) that was added last writes goes through LK_ACT_PRELU with these slopes; it was
 * built without activation. */
void lk_build_prelu(lk_builder *b, const float *slope, int channels);
int lk_build_max_pool(lk_builder *b, int in, int size, int stride);
/* `channels` may be more than in's: the rest is zero. */
int lk_build_avg_pool(lk_builder *b, int in, int size, int stride, int channels);
int lk_build_global_pool(lk_builder *b, int in);
int lk_build_add_upsampled(lk_builder *b, int fine, int coarse);

/* Windows of pool->size; top and left are those of `pads`. Every window holds a pixel. */
int lk_build_pool(lk_builder *b, int in, const lk_pool *pool, const lk_pads *pads);
/* factor, term and slope (NULL: none) of `channels` are copied; the rest as in *a. */
int lk_build_affine(lk_builder *b, int in, const lk_affine *a, int channels);
int lk_build_sum(lk_builder *b, int first, int second);
int lk_build_product(lk_builder *b, int first, int second);
int lk_build_sigmoid(lk_builder *b, int in);
/* Each channel of `in` times that of the single pixel `gate`, plus residual (LK_NONE: nothing). */
int lk_build_scale(lk_builder *b, int in, int gate, int residual);

/* Adds an output without parts and gives it, never NULL. */
lk_output *lk_build_output(lk_builder *b, const char *name, void (*post)(const lk_net *, float *, size_t));
void lk_build_part(lk_builder *b, lk_output *o, int tensor, int first, int count);

/* A post step: 1 / (1 + exp(-x)). */
void lk_post_sigmoid(const lk_net *net, float *values, size_t count);
/* A post step: exp(x), as shares of their sum. */
void lk_post_softmax(const lk_net *net, float *values, size_t count);

#endif
