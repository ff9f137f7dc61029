/* helper.h - one helper as liken sees it: started, asked, watched, ended. One thread at a time. Nothing that it says is
 * trusted. */
#ifndef LK_IMAGE_DECODE_HELPER_H
#define LK_IMAGE_DECODE_HELPER_H

#include "image/decode/decoders.h"
#include "image/decode/wire.h"
#include "image/head.h"

#include <sys/types.h>

typedef struct lk_helper {
    pid_t pid;
    int socket, input, output;        /* the latter two: shared files */
    uint64_t input_size, output_size; /* bytes that those have */
    size_t address_space;             /* bytes before the first photo; 0: not limited */
    double slowness;                  /* allowances of time are multiplied by it */
    unsigned photos;
    bool ready; /* has said hello */
    int signal; /* what it died of, 0: none */
} lk_helper;

/* What one question may cost. */
typedef struct lk_allowance {
    double seconds; /* of CPU, on a machine like the one that the numbers were found on */
    size_t memory;  /* bytes of address space beyond what it began with */
} lk_allowance;

/* By kind and pixels of the photo, and bytes of its file. */
lk_allowance lk_allow_open(uint64_t file);
lk_allowance lk_allow_pixels(lk_kind kind, uint64_t pixels, uint64_t file);

/* Starts the program and does not wait for it. UNSUPPORTED: it is not there; BUSY: not now. */
int lk_helper_start(lk_helper **out, const char *path, const lk_photo_limits *limits, liken_error *err);
/* Waits until it is confined. UNSUPPORTED. */
int lk_helper_ready(lk_helper *h, const char *path, liken_error *err);

/* Why one that nobody asks anything has ended; LK_LOST_NOT: it waits. */
lk_loss lk_helper_left(lk_helper *h);

/* Gives it a photo's bytes; false when there is no memory for them. */
bool lk_helper_load(lk_helper *h, const void *bytes, size_t size);
/* Makes room for so many bytes of pixels. */
bool lk_helper_room(lk_helper *h, uint64_t bytes);
/* Copies pixels out. */
bool lk_helper_pixels(lk_helper *h, lk_image *out);

/* Asks and waits for an answer of the right kind and size, at most as long as allowed. Anything but LK_LOST_NOT: the
 * helper is of no use any more. */
lk_loss lk_helper_ask(lk_helper *h, const lk_decode_request *request, const lk_allowance *allow,
                      lk_decode_answer *answer);

/* Gives back memory beyond what most photos need; false: it has grown or served so much that a fresh one is better. */
bool lk_helper_rest(lk_helper *h);
void lk_helper_free(lk_helper *h); /* accepts NULL; ends the process */

#endif
