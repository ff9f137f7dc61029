/* site.h - a small site on a loopback address: what it sends back is written by the test, byte by byte. */
#ifndef LK_TESTS_UNIT_FETCH_SITE_H
#define LK_TESTS_UNIT_FETCH_SITE_H

#include <stdatomic.h>
#include <stddef.h>

/* On a thread of the connection. `head` is the whole request; false: hang up, else read the next one. */
typedef struct site site;
typedef struct site_visit {
    site *site;
    int with;
} site_visit;
typedef _Bool site_fn(site *s, int to, const char *head);

struct site {
    site_fn *answer;
    int port, listening;
    atomic_int connections, open, most; /* in all, now, and the most at once */
    atomic_int requests, threads;
    site_visit visits[256];
    atomic_bool stop; /* who sends for long looks at it */
};

void site_start(site *s, site_fn *answer);
void site_stop(site *s);

/* Sends all of a text, or of `size` bytes; what cannot be sent any more is dropped. False then. */
_Bool site_say(int to, const char *text);
_Bool site_send(int to, const void *bytes, size_t size);

#endif
