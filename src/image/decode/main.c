/* main.c - liken-decode, the program in which photos are decoded. liken starts it and speaks to it over inherited
 * descriptors; by hand it is of no use. */
#include "image/decode/serve.h"

#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv) {
    static lk_decode_server server;
    lk_decode_request request;
    lk_decode_answer answer;
    if (argc != 4) {
        (void)fprintf(stderr, "liken-decode %s is started by liken, to decode photos in; it does nothing by hand.\n",
                      LIKEN_VERSION);
        return LK_DECODE_EXIT_USAGE;
    }
    if (!lk_decode_begin(&server, argv))
        _exit(LK_DECODE_EXIT_USAGE);
    while (lk_decode_next(&request)) {
        lk_decode_do(&server, &request, &answer);
        if (!lk_decode_say(&answer))
            break;
    }
    _exit(LK_DECODE_EXIT_DONE); /* nothing is flushed, freed or looked for leaks: none of it could be done in here */
}
