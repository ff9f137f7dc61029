/* serve.h - the helper's side: takes requests until liken hangs up. */
#ifndef LK_IMAGE_DECODE_SERVE_H
#define LK_IMAGE_DECODE_SERVE_H

#include "image/decode/wire.h"

typedef struct lk_decode_server {
    const uint8_t *input; /* as much as a photo may have; what lies beyond the end of the file is never touched */
    uint8_t *output;
    size_t input_room, output_room;
    lk_photo *photo; /* what was opened last */
} lk_decode_server;

/* Makes the calling process a helper: shared files mapped, decoders loaded, allowances and filter set. `argv`: sizes of
 * input and output, bytes of memory, in decimal. Says hello, also when it fails; false then. */
bool lk_decode_begin(lk_decode_server *s, char **argv);

/* Waits for a request; false when liken is gone, speaks another language, or has asked nothing for long. */
bool lk_decode_next(lk_decode_request *request);
/* Does what was asked. */
void lk_decode_do(lk_decode_server *s, const lk_decode_request *request, lk_decode_answer *answer);
bool lk_decode_say(const lk_decode_answer *answer);

#endif
