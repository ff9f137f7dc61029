/* onnx.h - an embedding network as its owner has it: an ONNX file becomes a lk_net. Inside src/nn only (nn.h has
 * lk_net_onnx).
 *
 * Three steps. onnx_read.c: bytes to a lk_onnx, the graph as the file says it, checked for form alone; tensors stay
 * where they lie in the file. onnx_values.c: what is known of each value while the graph is gone through from its first
 * node to its last: shapes are followed for a batch of one, what depends on nothing but shapes is worked out, and so
 * all that is left to run works on maps. onnx_dense.c and onnx_ops.c: each node that the output needs becomes nodes of
 * the net, a convolution together with what follows it alone (batch normalisation, sum, activation).
 *
 * Every byte is from outside: what is not understood is refused with a sentence that names node and operator. */
#ifndef LK_NN_ONNX_H
#define LK_NN_ONNX_H

#include "nn/net.h"
#include "nn/proto.h"

#define LK_ONNX_OPSET_LEAST 7 /* before, sums and products had their broadcasting as attributes */
#define LK_ONNX_OPSET_MOST 25
#define LK_ONNX_NODES 4096
#define LK_ONNX_VALUES 16384
#define LK_ONNX_RANK 6
#define LK_ONNX_INPUTS 8
#define LK_ONNX_OUTPUTS 4
#define LK_ONNX_ATTRIBUTES 16
#define LK_ONNX_INTS 8

/* Types of tensors that are read. */
enum { LK_ONNX_FLOAT = 1, LK_ONNX_INT32 = 6, LK_ONNX_INT64 = 7, LK_ONNX_FLOAT16 = 10, LK_ONNX_DOUBLE = 11 };

typedef struct lk_onnx_tensor {
    int type, rank;
    int64_t dim[LK_ONNX_RANK];
    size_t count;      /* of values */
    lk_message values; /* little-endian, one after the other; as varints where `varints` */
    bool varints;
} lk_onnx_tensor;

typedef struct lk_onnx_attribute {
    const char *name;
    int64_t i;
    float f;
    const char *s; /* NULL: none */
    const lk_onnx_tensor *t;
    int64_t ints[LK_ONNX_INTS];
    int count; /* of ints; more than fit: LK_ONNX_INTS + 1 */
} lk_onnx_attribute;

typedef struct lk_onnx_node {
    const char *op, *name, *domain;
    int input[LK_ONNX_INPUTS], inputs; /* values; LK_NONE: left out */
    int output[LK_ONNX_OUTPUTS], outputs;
    lk_onnx_attribute attribute[LK_ONNX_ATTRIBUTES];
    int attributes;
} lk_onnx_node;

typedef struct lk_onnx {
    lk_arena arena;
    int64_t opset;
    const char **name; /* of each value */
    const lk_onnx_tensor **constant;
    int values;
    lk_onnx_node *node;
    int nodes;
    int input, output; /* values; the first output of several */
    int input_rank;
    int64_t input_dim[4]; /* -1: said by a name, or not at all */
    int *place;           /* hashing names */
} lk_onnx;

/* `bytes` must live as long as *out is used. Freed with lk_onnx_free, by whoever made the struct, in any case. */
int lk_onnx_read(lk_onnx *out, const void *bytes, size_t size, liken_error *err);
void lk_onnx_free(lk_onnx *o);

int lk_onnx_damaged(liken_error *err);
/* The file has its weights elsewhere: how to make one file. */
int lk_onnx_external(liken_error *err);

/* Is it of FLOAT, FLOAT16 or DOUBLE? */
bool lk_onnx_is_real(const lk_onnx_tensor *t);
/* Value i of such a tensor. */
float lk_onnx_float(const lk_onnx_tensor *t, size_t i);
/* The values of a tensor of INT32 or INT64, LK_ONNX_INTS at most; their count, or -1. */
int lk_onnx_integers(const lk_onnx_tensor *t, int64_t to[LK_ONNX_INTS]);

bool lk_onnx_is(const lk_onnx_node *n, const char *op);
/* Is its operator one of ONNX's own set? */
bool lk_onnx_own(const lk_onnx_node *n);
/* NULL when the node has none of that name. */
const lk_onnx_attribute *lk_onnx_find(const lk_onnx_node *n, const char *name);
int64_t lk_onnx_int(const lk_onnx_node *n, const char *name, int64_t otherwise);
float lk_onnx_real(const lk_onnx_node *n, const char *name, float otherwise);

/* ---- what is known of values (onnx_values.c) ---- */

typedef enum lk_known {
    LK_UNKNOWN,  /* no node before has made it */
    LK_CONSTANT, /* a tensor of the file */
    LK_INTEGERS, /* worked out of shapes */
    LK_PHOTO,    /* the photo, each channel less a mean and times a scale */
    LK_MAP,      /* a tensor of the net */
    LK_LENGTH_OF /* the Euclidean length of a map's values */
} lk_known;

typedef struct lk_value {
    lk_known known;
    const lk_onnx_tensor *constant;
    int64_t ints[LK_ONNX_INTS];
    int count;   /* of ints */
    bool scalar; /* ints are one number without a dimension */
    int tensor;  /* of the net; of LK_LENGTH_OF: whose length */
    int channels, height, width;
    bool flat;                /* one row of channels * height * width, channel by channel; else four dimensions */
    bool unit;                /* to be divided by its length once all is done */
    double mean[3], scale[3]; /* LK_PHOTO; in the order of the network's channels */
} lk_value;

/* The way from a graph to a net. */
typedef struct lk_lowering {
    const lk_onnx *graph;
    lk_builder build;
    lk_value *value;
    int *users;   /* of each value: nodes that read it, and outputs */
    int *user;    /* the last of those nodes */
    bool *needed; /* nodes */
    bool *done;   /* nodes that became part of one before them */
    int at;       /* node */
    double multiplications, weights;
    bool blue_first;
    bool seen; /* a convolution has seen the photo: build.net->mean is fixed */
} lk_lowering;

/* Fails with "Node NAME (OP): " and the sentence, unless there is a failure already. Returns the status. */
int lk_refuse(lk_lowering *l, const char *format, ...) __attribute__((format(printf, 2, 3), cold));

/* Input i of the node, or a value of nothing. Fails where it is neither given nor `optional`. */
const lk_value *lk_input_of(lk_lowering *l, int i, bool optional);
/* Input i as a map, of four dimensions unless `flat` is allowed; NULL after a failure. */
const lk_value *lk_map_input(lk_lowering *l, int i, bool flat);
/* What the node's first output is. */
void lk_set(lk_lowering *l, const lk_value *v);
/* A map of the net's tensor; refused where it is too large. */
void lk_set_map(lk_lowering *l, int tensor, int channels, int height, int width, bool flat);

/* One number a channel of `like` out of a constant that broadcasts over it so; malloc'd; NULL and a failure (or, with
 * `quiet`, none) where it does not. */
float *lk_per_channel(lk_lowering *l, const lk_value *constant, const lk_value *like, bool quiet);

/* Whole numbers as LK_INTEGERS, out of such or out of a constant of one dimension at most. False: it is neither. */
bool lk_integers(const lk_value *v, lk_value *out);
/* Does the node work on what is known of shapes alone? Then it is worked out. */
bool lk_lower_shape(lk_lowering *l, const lk_onnx_node *n);

/* ---- operators; each gives false where the node is another's ---- */

/* Outputs along one side with so many zeros around; 0: the window does not fit. */
int lk_onnx_outputs(int size, int window, int stride, int zeros);
/* What pads or auto_pad say for a window over x. */
lk_pads lk_onnx_pads(lk_lowering *l, const lk_onnx_node *n, const lk_value *x, int kernel_h, int kernel_w, int stride);

/* Conv, Gemm, MatMul. */
bool lk_lower_dense(lk_lowering *l, const lk_onnx_node *n);
/* All others that work on maps. */
bool lk_lower_op(lk_lowering *l, const lk_onnx_node *n);

/* Scale and shift of each channel by a BatchNormalization; malloc'd both, false after a failure. */
bool lk_batch_norm(lk_lowering *l, const lk_onnx_node *n, int channels, float **factor, float **term);
/* Is it max(x, 0), min(max(x, 0), 6)? LK_ACT_NONE: neither. */
lk_act lk_simple_act(lk_lowering *l, const lk_onnx_node *n);
/* The slopes of a PRelu or LeakyRelu over `like`; malloc'd; NULL where it is another or (not `quiet`) has failed. */
float *lk_slopes(lk_lowering *l, const lk_onnx_node *n, const lk_value *like, bool quiet);

#endif
