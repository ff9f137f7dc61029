/* boxes.h - the boxes of ISO media files (HEIC, AVIF, CR3) and of JPEG XL: a size, a type of four letters, a body.
 * Reference: ISO/IEC 14496-12, 4.2. */
#ifndef LK_IMAGE_BOXES_H
#define LK_IMAGE_BOXES_H

#include "base/cursor.h"

typedef struct lk_box {
    const uint8_t *start; /* of its header, borrowed; the type lies at start + 4 */
    size_t whole;         /* bytes, with the header */
    lk_cursor body;       /* without it */
    bool to_end;          /* its size is not said: it ends where all ends */
} lk_box;

/* Takes the next box of *c. False where nothing is left, and, with *c failed, where it is damaged. One that reaches
 * past the end is damaged, or with `cut` ends there. */
bool lk_box_next(lk_cursor *c, bool cut, lk_box *b);
bool lk_box_is(const lk_box *b, const char *type);
/* The first of that type in `among`; false, and *out untouched, when there is none before the end or a damaged one. */
bool lk_box_find(lk_cursor among, const char *type, lk_box *out);

#endif
