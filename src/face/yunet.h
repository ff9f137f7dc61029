/* yunet.h - one look of the YuNet network at one window of pixels. The policy over sizes and turns is pyramid.c. */
#ifndef LK_FACE_YUNET_H
#define LK_FACE_YUNET_H

#include "face/detect.h"

typedef struct lk_yunet lk_yunet; /* one thread's */

int lk_yunet_new(lk_yunet **out, const lk_net *net, liken_error *err);
void lk_yunet_free(lk_yunet *yunet);

/* Adds what it sees with a score over `floor` in width x height pixels of 8-bit RGB (multiples of 32), in the window's
 * pixels, suppressed by LK_YUNET_IOU. */
#define LK_YUNET_IOU 0.3f
int lk_yunet_look(lk_yunet *yunet, const uint8_t *rgb, size_t stride, int width, int height, float floor,
                  lk_detections *out, liken_error *err);

#endif
