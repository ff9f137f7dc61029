/* ssd.c - the SSD MobileNet v1 face detector of face-api.js: one look at the whole photo at 512 pixels, the rest of the
 * square black, as that package feeds it. */
#include "face/detect.h"

#include <math.h>
#include <stdlib.h>

#define SIDE 512
#define SEEN 32.0f /* height of a face, in pixels of the look, that it finds in four of five photos */
#define SSD_IOU 0.5f
#define ACCEPT 0.5f
#define REPORT 0.35f

typedef struct ssd {
    lk_detector base;
    lk_net_state *state;
    int boxes, scores; /* indices of outputs */
} ssd;

static int add_boxes(const ssd *s, double scale, lk_detections *out, liken_error *err) {
    size_t box_floats, score_floats;
    const float *boxes = lk_net_output(s->state, s->boxes, &box_floats);
    const float *scores = lk_net_output(s->state, s->scores, &score_floats);
    const size_t count = box_floats / 4, classes = count > 0 ? score_floats / count : 0;
    const float side = (float)(SIDE / scale);
    for (size_t i = 0; i < count && classes > 0; i++) {
        const float score = scores[i * classes], *b = boxes + 4 * i;
        const liken_box box = {b[1] * side, b[0] * side, (b[3] - b[1]) * side, (b[2] - b[0]) * side};
        if (!(score > REPORT) || !isfinite(box.x + box.y) || !(box.width > 0) || !(box.height > 0))
            continue;
        const int rc = lk_detections_add(out, &(lk_detection){.box = box, .score = score}, err);
        if (rc != LIKEN_OK)
            return rc;
    }
    return LIKEN_OK;
}

static int ssd_find(lk_detector *base, lk_source *source, lk_detections *out, liken_error *err) {
    ssd *s = (ssd *)base;
    lk_frame frame;
    int rc = lk_detector_one_look(base, "ssd", SEEN / SIDE * (float)lk_source_long_side(source), err);
    if (rc != LIKEN_OK)
        return rc;
    rc = lk_source_frame(source, SIDE, 0, true, &frame, err);
    if (rc != LIKEN_OK)
        return rc;
    const lk_net_input input = {frame.rgb, (size_t)frame.width * 3};
    lk_net_forward(s->state, &input, 1);
    rc = add_boxes(s, frame.scale, out, err);
    lk_frame_clear(&frame);
    lk_nms(out, SSD_IOU);
    return rc;
}

static void ssd_free(lk_detector *base) {
    lk_net_state_free(((ssd *)base)->state);
    free(base);
}

int lk_detector_ssd(lk_detector **out, const lk_net *net, liken_error *err) {
    ssd *s = calloc(1, sizeof *s);
    if (s == NULL)
        return lk_fail_memory(err);
    s->base = (lk_detector){.accept = ACCEPT, .find = ssd_find, .free = ssd_free};
    s->boxes = lk_net_output_find(net, "boxes");
    s->scores = lk_net_output_find(net, "scores");
    int rc = s->boxes >= 0 && s->scores >= 0
                 ? LIKEN_OK
                 : lk_fail(err, LIKEN_E_MODEL, "The SSD network has no outputs called boxes and scores.");
    if (rc == LIKEN_OK)
        rc = lk_net_state_new(&s->state, net, 1, 0, 0, err);
    if (rc != LIKEN_OK) {
        ssd_free(&s->base);
        return rc;
    }
    *out = &s->base;
    return LIKEN_OK;
}
