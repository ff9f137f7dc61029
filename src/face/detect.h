/* detect.h - what all detectors share: a detection, lists of them, the picture they look at, and their interface. */
#ifndef LK_FACE_DETECT_H
#define LK_FACE_DETECT_H

#include "base/error.h"
#include "face/source.h"
#include "nn/nn.h"

#define LK_MAX_DETECTIONS 4096 /* in a list; the best are kept */

typedef struct lk_detection {
    liken_box box;         /* pixels of the full upright photo, but where a function says otherwise */
    liken_point points[5]; /* as liken_face.landmarks; meaningless unless `pointed` */
    bool pointed;
    float score;   /* 0..1 */
    float seen_at; /* of yunet: pixels of the look that saw it last, a photo pixel; */
    int looks;     /* how many looks it has been judged by */
    int64_t id;    /* of a face that was stored, and is judged again (lk_pipeline_again) */
} lk_detection;

typedef struct lk_detections {
    lk_detection *items;
    size_t count, capacity;
} lk_detections; /* {0} is an empty list */

/* Beyond LK_MAX_DETECTIONS the worst in the list makes way, or `d` is dropped when it is the worst itself. */
int lk_detections_add(lk_detections *list, const lk_detection *d, liken_error *err);
void lk_detections_clear(lk_detections *list); /* accepts {0} */

/* Intersection over union, 0 when either is empty. */
float lk_box_iou(const liken_box *a, const liken_box *b);
/* Sorts by falling score and drops every detection that overlaps a better one by more than `iou`. */
void lk_nms(lk_detections *list, float iou);

/* One thread's detector. It lies open to whoever calls it. */
typedef struct lk_detector lk_detector;
struct lk_detector {
    float accept;   /* a detection with less score is reported as refused */
    int min_face;   /* set before find: faces of that height, in photo pixels, are to be looked for everywhere, whatever
                       it costs; 0: what is quick. UNSUPPORTED where the detector cannot */
    float smallest; /* set by find: the height that it could look for everywhere */
    int (*find)(lk_detector *detector, lk_source *source, lk_detections *out, liken_error *err); /* adds to *out */
    void (*free)(lk_detector *detector);
};

/* The nets are borrowed and must outlive the detector. */
int lk_detector_yunet(lk_detector **out, const lk_net *net, liken_error *err);
int lk_detector_ssd(lk_detector **out, const lk_net *net, liken_error *err);
int lk_detector_hog(lk_detector **out, liken_error *err); /* UNSUPPORTED in a build without dlib */
void lk_detector_free(lk_detector *detector);

/* For a detector that looks once, and sees faces of `smallest` photo pixels: UNSUPPORTED when smaller ones are asked
 * for. */
int lk_detector_one_look(lk_detector *detector, const char *name, float smallest, liken_error *err);

/* The index of the net's output of that name, -1 when it has none. */
int lk_net_output_find(const lk_net *net, const char *name);

#endif
