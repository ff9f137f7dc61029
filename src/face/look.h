/* look.h - one look of the yunet network at a photo: the whole of it at some size, or windows of it.
 *
 * Windows from anywhere in the photo are cut straight from the decoded picture at the scale that is wanted, packed side
 * by side into canvases and seen together, so that a doubtful face costs as much as its own pixels, and a crowd no more
 * than the tiles that would cover it. */
#ifndef LK_FACE_LOOK_H
#define LK_FACE_LOOK_H

#include "face/yunet.h"

/* Coordinates are those of the photo turned clockwise by `turn` quarters. */
typedef struct lk_look {
    lk_yunet *yunet;
    lk_source *source;
    int turn;
} lk_look;

#define LK_LOOK_SIDE 640    /* pixels of a canvas, and the most of a window */
#define LK_LOOK_TAKEN 96.0f /* the largest face, in pixels of the look, that is taken from a window */

/* Adds what is seen with a score over `floor` in the photo fitted to `long_side`. `smoothed`: each pixel the mean of
 * its neighbours first. */
int lk_look_whole(const lk_look *look, int long_side, bool smoothed, float floor, lk_detections *out, liken_error *err);

/* The same in windows that cover the whole of it at that size; suppressed by LK_YUNET_IOU, and as lk_look_windows
 * leaves out. */
int lk_look_everywhere(const lk_look *look, int long_side, float floor, lk_detections *out, liken_error *err);

/* Windows, each at most LK_LOOK_SIDE pixels of the look a side. Those that cost less seen as one are merged. */
typedef struct lk_windows {
    liken_box *items; /* photo coordinates */
    size_t count, capacity;
    double scale;  /* pixels of the look a photo pixel */
    double pixels; /* of the look, of all */
} lk_windows;      /* {.scale = ...} is empty */

int lk_windows_add(lk_windows *w, const liken_box *box, liken_error *err);
void lk_windows_clear(lk_windows *w);

/* Adds what is seen in the windows, suppressed by LK_YUNET_IOU; a face that the inner edge of a window may have cut is
 * left out, and so is one of LK_LOOK_TAKEN and more. The picture must have been decoded; it is enlarged where it has
 * fewer pixels. */
int lk_look_windows(const lk_look *look, const lk_windows *w, float floor, lk_detections *out, liken_error *err);

/* Between a photo and the same turned clockwise by so many quarters. */
lk_detection lk_look_turned_back(const lk_detection *d, int turn, const lk_source *source);
void lk_look_turn_on(lk_detection *upright, int turn, const lk_source *source);
liken_box lk_look_turned_box(const liken_box *upright, int turn, const lk_source *source);

#endif
