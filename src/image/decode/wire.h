/* wire.h - what liken and its helper say to each other, over a socket that keeps messages apart (SOCK_SEQPACKET).
 *
 * The helper says hello once it is confined. Then each request has one answer, both of fixed size. Bytes of the photo
 * lie in one shared file in memory, pixels in another, upright, RGBRGB... without gaps. Only liken changes their sizes.
 */
#ifndef LK_IMAGE_DECODE_WIRE_H
#define LK_IMAGE_DECODE_WIRE_H

#include "image/head.h"
#include "image/image.h"

#define LK_DECODE_MAGIC 0x4c4b4432u /* changes with any of the structs */

/* The helper's descriptors. */
enum { LK_DECODE_SOCKET = 3, LK_DECODE_INPUT, LK_DECODE_OUTPUT };

/* Why it left by itself. */
enum { LK_DECODE_EXIT_DONE = 0, LK_DECODE_EXIT_USAGE = 2, LK_DECODE_EXIT_MEMORY = 12, LK_DECODE_EXIT_IDLE = 13 };

typedef enum lk_decode_what { LK_DECODE_HELLO = 1, LK_DECODE_OPEN, LK_DECODE_PIXELS } lk_decode_what;

typedef struct lk_decode_request {
    uint32_t magic;
    int32_t what;                         /* lk_decode_what */
    uint64_t size, max_bytes, max_pixels; /* OPEN */
    uint64_t room;                        /* PIXELS: bytes of the output file */
    int32_t want;                         /* PIXELS: as lk_photo_decode */
    int32_t spare;                        /* fills what would be a gap */
} lk_decode_request;

typedef struct lk_decode_answer {
    uint32_t magic;
    int32_t what;            /* as asked */
    int32_t code;            /* liken_status; when it is not LIKEN_OK only `message` counts */
    int32_t width, height;   /* OPEN: upright, full size; PIXELS: of what lies in the output */
    int32_t kind;            /* OPEN: lk_kind */
    int64_t captured_at;     /* OPEN: as lk_photo_captured_at */
    double scale;            /* PIXELS */
    uint64_t address_space;  /* HELLO: bytes before the first photo; 0: not limited */
    char version[16];        /* HELLO */
    char note[LK_NOTE_ROOM]; /* OPEN: as lk_photo_note, "" for none */
    char message[512];
} lk_decode_answer;

#endif
