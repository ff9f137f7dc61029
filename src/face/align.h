/* align.h - from a face's points to the map that cuts its chip.
 *
 * A map is 2x3, row-major; positions are continuous (pixel i covers i..i+1) on both sides. */
#ifndef LK_FACE_ALIGN_H
#define LK_FACE_ALIGN_H

#include "liken.h"

/* Whose points they are, which decides what they are fitted to. */
typedef enum lk_points_kind {
    LK_POINTS_68,       /* the usual 68; 33 of the inner 51 are used, as dlib does: no brows, no lower lip */
    LK_POINTS_DLIB5,    /* dlib's five: corners of one eye, of the other, base of the nose */
    LK_POINTS_DETECTOR5 /* liken_face.landmarks, as yunet gives them */
} lk_points_kind;

int lk_points_count(lk_points_kind kind);

/* The similarity (turn, scale, shift; no mirror) that takes `from` nearest to `to` in the least-squares sense; S.
 * Umeyama, "Least-squares estimation of transformation parameters between two point patterns", 1991. False, and `out`
 * untouched, when the points lie in one place or are not finite. */
bool lk_similarity(const liken_point *from, const liken_point *to, int count, double out[6]);

/* Chip positions -> photo positions, for a square chip of `side` pixels with `padding` (a share of the face's size)
 * around the mean face. False as above. */
bool lk_align(const liken_point *points, lk_points_kind kind, int side, double padding, double out[6]);

/* The same by liken_face.landmarks, which are to lie at these shares of the chip's side. */
bool lk_align_five(const liken_point five[5], const liken_point places[5], int side, double out[6]);

/* Where liken_face.landmarks lie on the mean face, laid over the face by dlib's five points. Unaligned: all at
 * points[4]. */
void lk_align_mean_five(const liken_point dlib5[5], liken_point five[5]);

liken_point lk_map_point(const double map[6], liken_point p);

#endif
