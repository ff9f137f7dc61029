/* base64.h - base64 (RFC 4648), read in pieces of any size: the standard and the URL-safe alphabet, with or without
 * padding, white space anywhere. */
#ifndef LK_BASE_BASE64_H
#define LK_BASE_BASE64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* {0} to start. */
typedef struct lk_base64 {
    uint32_t bits;        /* of the characters that are not bytes yet */
    unsigned count, pads; /* how many of those, 0..3; "=" seen */
} lk_base64;

/* Bytes that `size` characters may become. */
#define LK_BASE64_ROOM(size) (((size) + 3) / 4 * 3)

/* Decodes a piece; `out` has room for LK_BASE64_ROOM(size), and for the first piece may be where `text` is. Returns the
 * characters that were read: fewer than `size` where one does not belong there. */
size_t lk_base64_read(lk_base64 *b, const char *text, size_t size, uint8_t *out, size_t *written);
/* Decodes what is left, one or two bytes at most, after the last piece. False: the text is cut off. */
bool lk_base64_end(lk_base64 *b, uint8_t out[2], size_t *written);

#endif
