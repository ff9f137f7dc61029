/* turned.h - faces that lie on their side or stand on their head beside upright ones.
 *
 * The network takes many of them for upright faces, less surely than those, with points that are no use. So a face that
 * is not certain is looked at in all four turns, at one size of the network's best, and becomes what it is in the turn
 * where it is most convincing. */
#ifndef LK_FACE_TURNED_H
#define LK_FACE_TURNED_H

#include "face/look.h"

/* Puts those of `list` right that score `low` to `high` and are at least `least` photo pixels high. A turn must give
 * `accept` at least. */
typedef struct lk_turned {
    float low, high, least, accept;
} lk_turned;
int lk_turned_judge(const lk_look *look, const lk_turned *which, lk_detections *list, liken_error *err);

#endif
