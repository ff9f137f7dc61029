/* pipeline.c - one photo through detector, landmarks, alignment, quality and descriptor.
 *
 * The photo is decoded once, at a size that serves the detector and the chips of ordinary faces. It is decoded again,
 * larger, only when one of the accepted faces would otherwise be cut from fewer pixels than its chip has and the file
 * holds more. Faces go through one by one, largest first, and are described in small batches, so memory does not grow
 * with the crowd. */
#include "base/call.h"
#include "base/limits.h"
#include "face/describe.h"
#include "face/face.h"
#include "face/landmarks.h"
#include "face/quality.h"
#include "face/legacy.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SECOND_WIDEN 1.12   /* how a mirroring pack's second chip is cut: by landmarks from a wider look, */
#define SECOND_PADDING 0.06 /* and with this much more around the face */
#define BOX_SHARE 1.2       /* pixels a face's box should have in the decoded photo for each of its chip's */

struct lk_pipeline {
    const lk_models *models;
    lk_detector *detector;
    lk_landmarker *landmarker;
    lk_describer *describer;
    lk_legacy_cut *legacy; /* NULL, but for the pack seed */
    uint8_t *chip, *second;
};

static int new_detector(lk_detector **out, const lk_models *m, liken_error *err) {
    return m->detector == LK_DETECT_YUNET ? lk_detector_yunet(out, m->detector_net, err)
           : m->detector == LK_DETECT_SSD ? lk_detector_ssd(out, m->detector_net, err)
                                          : lk_detector_hog(out, err);
}

int lk_pipeline_new(lk_pipeline **out, const lk_models *m, liken_error *err) {
    lk_pipeline *p = calloc(1, sizeof *p);
    if (p == NULL)
        return lk_fail_memory(err);
    p->models = m;
    const size_t side = (size_t)m->pack->descriptor.chip;
    p->chip = malloc(side * side * 3);
    p->second = malloc(side * side * 3);
    int rc = p->chip == NULL || p->second == NULL ? lk_fail_memory(err) : LIKEN_OK;
    rc = rc != LIKEN_OK ? rc : new_detector(&p->detector, m, err);
    rc = rc != LIKEN_OK ? rc : lk_landmarker_new(&p->landmarker, m, err);
    rc = rc != LIKEN_OK ? rc : lk_describer_new(&p->describer, m, err);
    if (rc == LIKEN_OK && m->pack->descriptor.legacy)
        rc = lk_legacy_cut_new(&p->legacy, m, err);
    if (rc != LIKEN_OK) {
        lk_pipeline_free(p);
        return rc;
    }
    *out = p;
    return LIKEN_OK;
}

void lk_pipeline_free(lk_pipeline *p) {
    if (p == NULL)
        return;
    lk_detector_free(p->detector);
    lk_landmarker_free(p->landmarker);
    lk_describer_free(p->describer);
    lk_legacy_cut_free(p->legacy);
    free(p->chip);
    free(p->second);
    free(p);
}

static void clear_list(liken_face *faces, size_t count) {
    for (size_t i = 0; i < count; i++)
        free(faces[i].descriptor);
    free(faces);
}

void lk_faces_clear(lk_faces *f) {
    clear_list(f->kept, f->kept_count);
    clear_list(f->refused, f->refused_count);
    lk_image_clear(&f->view);
    *f = (lk_faces){0};
}

/* ---- one photo ---- */

typedef struct job {
    lk_pipeline *pipeline;
    lk_source source;
    lk_detections found;
    lk_faces faces; /* arrays with room for all that was found */
    float *blank;   /* of each kept face (lk_quality_blank), where the pack has classes */
    bool describe;
    size_t max_faces;
    size_t judged;         /* so many of the kept ones had the last word said of them */
    const lk_found *known; /* faces that were found before; NULL: they are looked for */
    float accept;          /* the confidence that is enough */
    bool yunet;            /* they were found by it */
} job;

static int larger_first(const void *pa, const void *pb) {
    const liken_box *a = &((const lk_detection *)pa)->box, *b = &((const lk_detection *)pb)->box;
    const float area_a = a->width * a->height, area_b = b->width * b->height;
    if (area_a != area_b)
        return area_a > area_b ? -1 : 1;
    return a->x != b->x ? (a->x < b->x ? -1 : 1) : (a->y > b->y) - (a->y < b->y);
}

/* Room for so many faces, kept and refused. */
static int make_room(job *j, size_t count, liken_error *err) {
    j->faces.kept = calloc(count, sizeof *j->faces.kept);
    j->faces.refused = calloc(count, sizeof *j->faces.refused);
    j->blank = calloc(count, sizeof *j->blank);
    const bool room = j->faces.kept != NULL && j->faces.refused != NULL && j->blank != NULL;
    return room ? LIKEN_OK : lk_fail_memory(err);
}

static int find(job *j, liken_error *err) {
    lk_detector *detector = j->pipeline->detector;
    int rc = detector->find(detector, &j->source, &j->found, err);
    if (rc != LIKEN_OK || j->found.count == 0)
        return rc;
    qsort(j->found.items, j->found.count, sizeof *j->found.items, larger_first);
    return make_room(j, j->found.count, err);
}

/* Decoded large enough for the smallest accepted face. */
static int enough_pixels(job *j, liken_error *err) {
    const double side = BOX_SHARE * j->pipeline->models->pack->descriptor.chip;
    double scale = 0;
    for (size_t i = 0; i < j->found.count; i++) {
        const lk_detection *d = &j->found.items[i];
        if (d->score >= j->accept)
            scale = j->pipeline->legacy != NULL ? 1 : fmax(scale, side / fmax(d->box.width, d->box.height));
    }
    return scale > 0 ? lk_source_need(&j->source, scale, err) : LIKEN_OK;
}

static void refuse(job *j, const liken_face *face, liken_reason reason) {
    j->faces.refused[j->faces.refused_count] = *face;
    j->faces.refused[j->faces.refused_count++].reason = reason;
}

static liken_face begin_face(const job *j, const lk_detection *d) {
    liken_face face = {
        .id = j->known == NULL ? 0 : d->id, .box = d->box, .confidence = d->score, .quality.size = d->box.height};
    memcpy(face.landmarks, d->points, sizeof face.landmarks);
    if (d->pointed)
        lk_quality_pose(face.landmarks, &face.quality);
    return face;
}

static bool cut_chip(const job *j, const lk_landmarks *points, double padding, uint8_t *chip) {
    const lk_pack_descriptor *cut = &j->pipeline->models->pack->descriptor;
    liken_point five[5];
    double map[6];
    if (cut->placed)
        lk_landmarks_five(points, five);
    if (!(cut->placed ? lk_align_five(five, cut->places, cut->chip, map)
                      : lk_align(points->points, points->kind, cut->chip, padding, map)))
        return false;
    lk_source_warp(&j->source, map, cut->chip, cut->chip, chip);
    return true;
}

/* Cuts the second chip of a mirroring pack by a second estimate of the points. Where that fails the first one counts
 * twice. */
static const uint8_t *second_chip(job *j, const lk_detection *d) {
    lk_pipeline *p = j->pipeline;
    lk_landmarks points;
    if (!p->models->pack->descriptor.mirror)
        return p->chip;
    lk_landmarker_find(p->landmarker, &j->source, d, SECOND_WIDEN, &points);
    return cut_chip(j, &points, p->models->pack->descriptor.padding + SECOND_PADDING, p->second) ? p->second : p->chip;
}

static int keep(job *j, const liken_face *face, const lk_detection *d, liken_error *err) {
    liken_face *kept = &j->faces.kept[j->faces.kept_count];
    *kept = *face;
    if (j->pipeline->models->classes != NULL)
        j->blank[j->faces.kept_count] = lk_quality_blank(j->pipeline->chip, j->pipeline->models->pack->descriptor.chip);
    if (j->describe || j->pipeline->models->classes != NULL) {
        kept->dimension = lk_models_dimension(j->pipeline->models);
        kept->descriptor = malloc((size_t)kept->dimension * sizeof *kept->descriptor);
        if (kept->descriptor == NULL)
            return lk_fail_memory(err);
        lk_describer_add(j->pipeline->describer, j->pipeline->chip, second_chip(j, d), kept->descriptor);
    }
    j->faces.kept_count++;
    return LIKEN_OK;
}

static void undescribe(liken_face *face) {
    free(face->descriptor);
    face->descriptor = NULL;
    face->dimension = 0;
}

/* A pack with classes has the last word once descriptors are there: scores are final, and what is below its floor is
 * refused after all. */
static void settle(job *j) {
    const lk_pack_classes *classes = j->pipeline->models->classes;
    const size_t count = j->faces.kept_count;
    lk_describer_flush(j->pipeline->describer);
    if (classes == NULL)
        return;
    j->faces.kept_count = j->judged;
    for (size_t i = j->judged; i < count; i++) {
        liken_face face = j->faces.kept[i];
        lk_quality_described(&face.quality, j->yunet ? face.confidence : 1, face.descriptor, face.dimension, classes);
        lk_quality_covered(&face.quality, j->blank[i], classes);
        const liken_reason reason = !lk_quality_enough(&face.quality, classes) ? lk_quality_blame(&face.quality)
                                    : lk_quality_drawn(&face.quality, face.descriptor, face.dimension, classes)
                                        ? LIKEN_LOW_CONFIDENCE
                                        : LIKEN_KEPT;
        if (reason != LIKEN_KEPT || !j->describe)
            undescribe(&face);
        if (reason != LIKEN_KEPT)
            refuse(j, &face, reason);
        else
            j->faces.kept[j->faces.kept_count++] = face;
    }
    j->judged = j->faces.kept_count;
}

/* Whether max_faces are kept for good: what the pack refuses after all leaves its place to a smaller face. */
static bool is_full(job *j) {
    if (j->faces.kept_count >= j->max_faces)
        settle(j);
    return j->faces.kept_count >= j->max_faces;
}

static int judge(job *j, const lk_detection *d, liken_error *err) {
    const lk_pack_descriptor *cut = &j->pipeline->models->pack->descriptor;
    liken_face face = begin_face(j, d);
    lk_landmarks points;
    lk_landmarker_find(j->pipeline->landmarker, &j->source, d, 1, &points);
    if (!d->pointed) {
        lk_landmarks_five(&points, face.landmarks);
        lk_quality_pose(face.landmarks, &face.quality);
    }
    if (!cut_chip(j, &points, cut->padding, j->pipeline->chip)) {
        refuse(j, &face, LIKEN_EXTREME_POSE);
        return LIKEN_OK;
    }
    lk_quality_chip(j->pipeline->chip, cut->chip, &face.quality);
    lk_quality_score(&face.quality, face.confidence);
    liken_reason reason = lk_quality_judge(&face.quality, face.confidence, j->accept);
    if (reason == LIKEN_KEPT && is_full(j))
        reason = LIKEN_OVER_LIMIT;
    if (reason != LIKEN_KEPT) {
        refuse(j, &face, reason);
        return LIKEN_OK;
    }
    lk_legacy_cut *legacy = j->pipeline->legacy; /* it describes another chip than the one that was judged */
    const int rc = legacy == NULL ? LIKEN_OK : lk_legacy_cut_chip(legacy, &j->source, d, j->pipeline->chip, err);
    return rc == LIKEN_OK ? keep(j, &face, d, err) : rc;
}

/* What the detector itself does not believe in is told of and costs no more. */
static int judge_all(job *j, liken_error *err) {
    int rc = LIKEN_OK;
    for (size_t i = 0; i < j->found.count && rc == LIKEN_OK; i++) {
        const lk_detection *d = &j->found.items[i];
        rc = lk_call_check(err);
        if (rc != LIKEN_OK)
            break;
        if (d->score >= j->accept) {
            rc = judge(j, d, err);
        } else {
            const liken_face face = begin_face(j, d);
            refuse(j, &face, LIKEN_LOW_CONFIDENCE);
        }
    }
    if (rc != LIKEN_OK) {
        lk_describer_reset(j->pipeline->describer);
        return rc;
    }
    settle(j);
    return LIKEN_OK;
}

static job begin(lk_pipeline *p, lk_photo *photo, bool describe, int max_faces) {
    job j = {.pipeline = p,
             .source = lk_source_of(photo),
             .describe = describe,
             .max_faces = max_faces > 0 ? (size_t)max_faces : LK_DEFAULT_FACES,
             .accept = p->detector->accept,
             .yunet = p->models->detector == LK_DETECT_YUNET};
    j.faces.width = j.source.width;
    j.faces.height = j.source.height;
    return j;
}

/* `rc`: how it went so far. */
static int end(job *j, int rc, lk_faces *out) {
    lk_source_clear(&j->source);
    lk_detections_clear(&j->found);
    free(j->blank);
    if (rc != LIKEN_OK)
        lk_faces_clear(&j->faces);
    else
        *out = j->faces;
    return rc;
}

int lk_pipeline_run(lk_pipeline *p, lk_photo *photo, bool describe, int max_faces, int min_face, int view,
                    lk_faces *out, liken_error *err) {
    job j = begin(p, photo, describe, max_faces);
    p->detector->min_face = min_face;
    int rc = find(&j, err);
    rc = rc != LIKEN_OK ? rc : lk_call_check(err);
    rc = rc != LIKEN_OK ? rc : enough_pixels(&j, err);
    rc = rc != LIKEN_OK ? rc : judge_all(&j, err);
    if (rc == LIKEN_OK && view > 0 && j.source.image.rgb != NULL)
        rc = lk_image_fit(&j.source.image, view, &j.faces.view, err);
    j.faces.smallest_face = p->detector->smallest;
    return end(&j, rc, out);
}

/* ---- faces that were found before ---- */

/* Points that are not of a network that this pack has are found again; they were found so then. */
static lk_detection detection_of(const job *j, const liken_face *f) {
    const lk_models *m = j->pipeline->models;
    lk_detection d = {.id = f->id, .box = f->box, .score = f->confidence};
    d.pointed = j->yunet || (m->landmarks_net == NULL && m->landmarks_shape == NULL);
    memcpy(d.points, f->landmarks, sizeof d.points);
    return d;
}

static int take_known(job *j, liken_error *err) {
    const lk_found *k = j->known;
    const bool same = strcmp(k->detector, lk_models_detector(j->pipeline->models)) == 0;
    j->yunet = strcmp(k->detector, "yunet") == 0;
    j->accept = same ? j->accept : 0;
    int rc = make_room(j, k->kept_count + k->refused_count + 1, err);
    for (size_t i = 0; rc == LIKEN_OK && i < k->kept_count; i++) {
        const lk_detection d = detection_of(j, &k->kept[i]);
        rc = lk_detections_add(&j->found, &d, err);
    }
    for (size_t i = 0; rc == LIKEN_OK && i < k->refused_count; i++) {
        const lk_detection d = detection_of(j, &k->refused[i]);
        if (!same || d.score < j->accept)
            refuse(j, &k->refused[i], k->refused[i].reason);
        else
            rc = lk_detections_add(&j->found, &d, err);
    }
    if (rc == LIKEN_OK && j->found.count > 1)
        qsort(j->found.items, j->found.count, sizeof *j->found.items, larger_first);
    return rc;
}

int lk_pipeline_again(lk_pipeline *p, lk_photo *photo, const lk_found *found, int max_faces, lk_faces *out,
                      liken_error *err) {
    job j = begin(p, photo, true, max_faces);
    j.known = found;
    int rc = take_known(&j, err);
    rc = rc != LIKEN_OK ? rc : lk_call_check(err);
    rc = rc != LIKEN_OK ? rc : enough_pixels(&j, err);
    rc = rc != LIKEN_OK ? rc : judge_all(&j, err);
    return end(&j, rc, out);
}
