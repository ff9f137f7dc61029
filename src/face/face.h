/* face.h - from upright pixels to described faces: detect, find landmarks, align, describe, judge.
 *
 * A model pack is a folder of weights with its pack.json. lk_models holds what is loaded from packs, shared by all
 * threads; lk_pipeline is one thread's working state. Pipelines of one lk_models describe faces together where that is
 * quicker (microbatch.h). A descriptor belongs to the model id of the
 * lk_models that made it ("faceapi-1.7.15/68/0.20/x4"): everything that changes the numbers is in that id, and
 * descriptors of different ids are never compared. */
#ifndef LK_FACE_FACE_H
#define LK_FACE_FACE_H

#include "base/error.h"
#include "image/head.h"
#include "image/image.h"
#include "packs/calibration.h"
#include "packs/expectation.h"

#define LK_MODEL_ID 128 /* bytes of a model's id, with its end */

typedef struct lk_models lk_models;

typedef struct lk_models_options {
    const char *folder;   /* of packs */
    const char *pack;     /* descriptor pack; NULL or "auto": the best that is there (lk_pack_choose) */
    const char *detector; /* NULL or "auto", "yunet", "ssd", "hog" */
} lk_models_options;

int lk_models_load(lk_models **out, const lk_models_options *options, liken_error *err);
void lk_models_free(lk_models *m);
const char *lk_models_id(const lk_models *m); /* descriptor model id */
/* The id that lk_models_load of this pack would have, from its pack.json alone where that states the sha256 of a
 * network of the user's own, else that file is read. Errors of lk_pack_open and lk_pack_read. */
int lk_models_id_of(const char *folder, const char *pack, char out[LK_MODEL_ID], liken_error *err);
const char *lk_models_detector(const lk_models *m);      /* "yunet" */
const char *lk_models_detector_note(const lk_models *m); /* why auto fell back, or NULL */
int lk_models_dimension(const lk_models *m);
const lk_calibration *lk_models_calibration(const lk_models *m, liken_metric metric);
/* Can its descriptors be compared by that metric? LIKEN_E_MODEL: the pack has no curve for it; before this is asked
 * none of the curves here is of use. */
int lk_models_comparable(const lk_models *m, liken_metric metric, liken_error *err);
/* The metric of whoever says none. */
liken_metric lk_models_metric(const lk_models *m);
/* A kept face whose quality.score is less is weak; 0: this pack has no classes, and none is. */
float lk_models_good(const lk_models *m);
/* The curve of two faces, each weak or not; of two that are not it is lk_models_calibration. Never NULL. A curve of
 * weak faces has at each rate a distance that is no larger than that of good ones. */
const lk_calibration *lk_models_between(const lk_models *m, liken_metric metric, bool a_weak, bool b_weak);
/* The same for a query face of that score: where both are of one class its rates are those that such a query meets, so
 * that a poor one is not taken for more strangers than was asked for. */
lk_calibration lk_models_curve(const lk_models *m, liken_metric metric, bool weak, float score, bool other_weak);
/* By what the faces near a face tell of the strangers that it will meet (packs/expectation.h); NULL: that was not
 * measured for this pack and metric, and its curve is all there is. */
const lk_expectation_model *lk_models_expectation(const lk_models *m, liken_metric metric);

typedef struct lk_pipeline lk_pipeline;
int lk_pipeline_new(lk_pipeline **out, const lk_models *m, liken_error *err);
void lk_pipeline_free(lk_pipeline *p);

typedef struct lk_faces {
    liken_face *kept; /* largest first */
    size_t kept_count;
    liken_face *refused;
    size_t refused_count;
    int width, height;       /* of the upright photo, full size */
    int64_t captured_at;     /* as lk_photo_captured_at; set by whoever opened the photo */
    char note[LK_NOTE_ROOM]; /* as lk_photo_note, "" for none */
    const char *kind;        /* as lk_photo_kind; set with captured_at */
    float smallest_face;     /* height of the faces that were looked for everywhere */
    lk_image view;           /* the upright photo, smaller; {0} where none was asked for */
} lk_faces;
void lk_faces_clear(lk_faces *f); /* accepts {0} */

/* Coordinates are of the full upright photo. With `describe`, kept faces carry descriptors. `min_face`: as in
 * liken_options; UNSUPPORTED where the detector cannot. `view`: the longer side
 * that out->view is to have at most, of the pixels that were decoded for the faces; 0: none is wanted. */
int lk_pipeline_run(lk_pipeline *p, lk_photo *photo, bool describe, int max_faces, int min_face, int view,
                    lk_faces *out, liken_error *err);

/* Faces that were found in a photo before, as they are stored. */
typedef struct lk_found {
    const liken_face *kept, *refused;
    size_t kept_count, refused_count;
    const char *detector; /* by which */
} lk_found;

/* The same where nothing is looked for: each of the faces is judged and described once more, by this pack, and keeps
 * its id. Those whose detector did not believe in them stay refused, and, since one detector's confidence says nothing
 * to another, so do all that were refused and were found by another one than lk_models has. */
int lk_pipeline_again(lk_pipeline *p, lk_photo *photo, const lk_found *found, int max_faces, lk_faces *out,
                      liken_error *err);

#endif
