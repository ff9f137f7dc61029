#include "base/words.h"

#include "base/error.h"

/* A newer liken may have written what this one does not know. */
#define WORD_OF(table, i) ((size_t)(i) < LK_LENGTH(table) ? (table)[i] : "unknown")

const char *liken_metric_code(liken_metric m) {
    static const char *const codes[] = {LK_METRIC_WORDS(LK_AND)};
    return WORD_OF(codes, m);
}

const char *liken_search_code(liken_search s) {
    static const char *const codes[] = {LK_SEARCH_WORDS(LK_AND)};
    return WORD_OF(codes, s);
}

const char *liken_keep_code(liken_keep k) {
    static const char *const codes[] = {LK_KEEP_WORDS(LK_AND)};
    return WORD_OF(codes, k);
}

const char *liken_expected_code(liken_expected e) {
    static const char *const codes[] = {"pack", "gallery"};
    return WORD_OF(codes, e);
}

const char *liken_event_code(liken_event_kind kind) {
    static const char *const codes[] = {"image_added",        "image_changed",      "image_removed",     "face_removed",
                                        "collection_created", "collection_removed", "collection_changed"};
    return WORD_OF(codes, kind);
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
    [LIKEN_LOW_LIGHT] = {"low_light", "The face is too dark; use a photo taken in more light."},
};

const char *liken_reason_code(liken_reason r) {
    return (size_t)r < LK_LENGTH(reasons) ? reasons[r].code : "unknown";
}

const char *liken_reason_advice(liken_reason r) {
    return (size_t)r < LK_LENGTH(reasons) ? reasons[r].advice : "This liken does not know the reason; update it.";
}
