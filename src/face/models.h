/* models.h - what is loaded from packs, immutable, and the place where its pipelines share batches. All threads share
 * one. */
#ifndef LK_FACE_MODELS_H
#define LK_FACE_MODELS_H

#include "face/align.h"
#include "face/microbatch.h"
#include "face/detect.h"
#include "face/face.h"
#include "packs/pack.h"
#include "face/shape.h"
#include "nn/nn.h"

#define LK_MARK 9 /* eight digits */

/* In the order of LK_DETECTOR_WORDS. */
typedef enum lk_detector_kind { LK_DETECT_YUNET, LK_DETECT_SSD, LK_DETECT_HOG } lk_detector_kind;

struct lk_models {
    lk_pack *pack;                  /* of the descriptor; its descriptor part says how a chip is cut */
    const lk_pack_classes *classes; /* NULL: none */
    lk_detector_kind detector;
    lk_net *detector_net;  /* NULL for hog */
    lk_net *landmarks_net; /* one of these two, or neither: the detector's own points */
    lk_shape *landmarks_shape;
    lk_points_kind points; /* what the chip is aligned by */
    lk_net *descriptor_net;
    lk_microbatch *batch; /* of the descriptor network */
    char mark[LK_MARK];   /* of a network of the user's own; empty: none */
    char id[LK_MODEL_ID];
    char note[512]; /* empty: none */
};

#endif
