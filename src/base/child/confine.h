/* confine.h - how a helper gives up everything but computing, before it sees a byte from outside (libseccomp is named
 * only in confine.c).
 *
 * Afterwards the process can compute, allocate memory up to its limit, start threads, and read and write what it
 * already holds. It cannot open a file or a socket, start a program or a process, look at another process, or make
 * memory executable: the kernel answers EPERM, so that a library which merely tries goes on without. */
#ifndef LK_BASE_CHILD_CONFINE_H
#define LK_BASE_CHILD_CONFINE_H

#include "base/error.h"

/* A sanitizer needs all of the address space, and brings its own allocator. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define LK_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define LK_SANITIZED 1
#endif
#endif
#ifndef LK_SANITIZED
#define LK_SANITIZED 0
#endif

/* `memory`: bytes of address space beyond what the process has now; 0: no limit. No descriptor above `last_fd` is kept.
 * *address_space receives what it has now; 0: no limit was set, as in a build with a sanitizer. UNSUPPORTED: the kernel
 * refuses, and the sentence says what to do. Whatever is to be loaded must have been loaded. */
int lk_confine(size_t memory, int last_fd, size_t *address_space, liken_error *err);

#endif
