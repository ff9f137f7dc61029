/* Freeing what this folder hands out, and the words for reasons. */
#include "gallery/gallery_int.h"

#include "base/text.h"

#include <stdlib.h>

void liken_result_free(liken_result *r) {
    if (r == NULL)
        return;
    for (size_t i = 0; r->answers != NULL && i < r->answer_count; i++) {
        liken_answer *a = &r->answers[i];
        for (size_t j = 0; j < a->match_count; j++) {
            free(a->matches[j].image_id);
            free(a->matches[j].file);
            lk_texts_free(a->matches[j].image_ids, a->matches[j].image_id_count);
            lk_texts_free(a->matches[j].files, a->matches[j].file_count);
        }
        free(a->matches);
        free(a->face.descriptor);
    }
    for (size_t i = 0; i < r->missing_count; i++)
        free(r->missing[i]);
    free(r->missing);
    free(r->answers);
    free(r->collection);
    free(r->model);
    free(r->detector);
    free(r);
}

void liken_comparison_free(liken_comparison *c) {
    if (c == NULL)
        return;
    liken_image_free(c->a);
    liken_image_free(c->b);
    free(c->distances);
    free(c);
}

static const struct {
    const char *code, *advice;
} reasons[] = {
    [LIKEN_KEPT] = {"kept", "The face was kept."},
    [LIKEN_TOO_SMALL] = {"too_small", "The face is too small; use a photo with more pixels, or taken from nearer."},
    [LIKEN_BLURRED] = {"blurred", "The face is blurred; use a sharper photo."},
    [LIKEN_EXTREME_POSE] = {"extreme_pose",
                            "The face is turned too far away; use a photo in which it looks towards the camera."},
    [LIKEN_LOW_CONFIDENCE] = {"low_confidence", "It may not be a face; use a clearer photo of it."},
    [LIKEN_OCCLUDED] = {"occluded",
                        "The face is covered too much; use a photo in which eyes, nose and mouth can be seen."},
    [LIKEN_SUPPRESSED] = {"suppressed", "The person asked not to be found; the face is not stored."},
    [LIKEN_OVER_LIMIT] = {"over_limit",
                          "The photo holds more faces than the limit; raise max_faces or crop the photo."},
};

const char *liken_reason_code(liken_reason r) {
    return (size_t)r < LK_LENGTH(reasons) ? reasons[r].code : "unknown";
}

const char *liken_reason_advice(liken_reason r) {
    return (size_t)r < LK_LENGTH(reasons) ? reasons[r].advice : "This liken does not know the reason; update it.";
}
