/* curve.h - what distances mean in one gallery: curve.c counts, strangers.c estimates. */
#ifndef LK_GALLERY_CURVE_H
#define LK_GALLERY_CURVE_H

#include "gallery/gallery_int.h"

/* Fills in the pack's shares, and from the counted ones what cannot be counted: how many of the pairs of different
 * photos are of one person, and the shares of strangers without them. */
void lk_gallery_strangers(liken_gallery_curve *c, const lk_calibration *curve);

#endif
