/* confine.h - how a helper gives up everything but computing, before it sees a byte from outside (libseccomp is named
 * only in confine.c).
 *
 * Afterwards the process can compute, allocate memory up to its limit, start threads, and read and write what it
 * already holds. It cannot open a file or a socket, start a program or a process, look at another process, or make
 * memory executable: the kernel answers EPERM, so that a library which merely tries goes on without. */
#ifndef LK_BASE_CHILD_CONFINE_H
#define LK_BASE_CHILD_CONFINE_H

#include "base/error.h"

/* `memory`: bytes of address space beyond what the process has now; 0: no limit. No descriptor above `last_fd` is kept.
 * *address_space receives what it has now; 0: no limit was set, as a sanitizer needs all of it. UNSUPPORTED: the kernel
 * refuses, and the sentence says what to do. Whatever is to be loaded must have been loaded. */
int lk_confine(size_t memory, int last_fd, size_t *address_space, liken_error *err);

#endif
