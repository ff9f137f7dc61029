/* coded.h - how large a picture the coded bytes themselves announce: the sequence headers of AV1, the sequence
 * parameter sets of HEVC. A decoder allocates by these, whatever the file around them says. Only headers are read, each
 * byte at most once. */
#ifndef LK_IMAGE_CODED_H
#define LK_IMAGE_CODED_H

#include "base/error.h"

typedef struct lk_coded {
    uint32_t width, height; /* of the largest picture that is announced; 0: none is */
    int bits;               /* most bits a sample */
    int samples;            /* most samples in two pixels: 2 gray, 3 for 4:2:0, 4 for 4:2:2, 6 for 4:4:4 */
    uint32_t pictures;      /* how many are coded, shown or not */
    bool damaged;           /* the units do not lie one behind the other as they say */
} lk_coded;

/* Open bitstream units, as they lie in an av1C box and behind it in the item. */
lk_coded lk_coded_av1(const uint8_t *bytes, size_t size);

/* NAL units, each behind its size in four bytes, as they lie in the item; adds to *coded. */
void lk_coded_hevc(const uint8_t *bytes, size_t size, lk_coded *coded);
/* The same units as an hvcC box holds them. */
void lk_coded_hvcc(const uint8_t *bytes, size_t size, lk_coded *coded);

#endif
