/* exif.h - the little that is read of EXIF: which way up, and when. */
#ifndef LK_IMAGE_EXIF_H
#define LK_IMAGE_EXIF_H

#include "image/head.h"

/* A block as it begins with its byte order, "II" or "MM". Any bytes will do; takes time in proportion to `size`.
 *
 * When a photo was taken is DateTimeOriginal with OffsetTimeOriginal. Without the offset it is local time of some
 * place: the satellites' time beside it (GPSDateStamp, GPSTimeStamp: UTC), where it is within 15 hours, tells the
 * offset to a quarter of an hour; without either it is taken for UTC. LIKEN_NO_TIME: not said, or nonsense. */
int64_t lk_exif_captured_at(const uint8_t *block, size_t size);

/* The same of a block behind four bytes that say how much further on it begins, as in HEIC and JPEG XL. */
int64_t lk_exif_item_captured_at(const uint8_t *item, size_t size);

/* The same of a whole file, by where its kind keeps EXIF; LIKEN_NO_TIME for a kind whose head reads it. */
int64_t lk_photo_time(lk_kind kind, const uint8_t *bytes, size_t size);

/* EXIF orientation 1-8 of the first directory of a block, 0: none. */
int lk_exif_orientation(const uint8_t *block, size_t size);

#endif
