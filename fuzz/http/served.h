/* served.h - a server over the fake liken (tests/unit/api/fake_liken.c), started once, for targets that want its
 * answers. */
#ifndef LK_FUZZ_SERVED_H
#define LK_FUZZ_SERVED_H

#include <stddef.h>

/* Sends head and body and returns the status of the answer; 0 when none came within `patience` milliseconds. */
int served_ask(const void *head, size_t head_size, const void *body, size_t body_size, int patience);

/* The same with a Content-Type, as a POST to `path`, which must be answered. */
int served_post(const char *path, const char *type, const void *body, size_t size);

#endif
