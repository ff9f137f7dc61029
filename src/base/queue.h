/* queue.h - a bounded queue of jobs and the threads that do them. The bound is the back-pressure: when it is full,
 * push says so at once and the caller decides (the server answers 503, the command line waits). */
#ifndef LK_BASE_QUEUE_H
#define LK_BASE_QUEUE_H

#include "base/error.h"

typedef struct lk_workers lk_workers;
typedef void lk_job_fn(void *job, int worker); /* worker: 0 .. threads-1, for per-thread state */

/* `threads` >= 1 threads named `name` (at most 15 characters) that take jobs in order; `capacity` >= 1 waiting jobs at
 * most. */
int lk_workers_start(lk_workers **out, const char *name, int threads, size_t capacity, lk_job_fn *fn, liken_error *err);

/* False when the queue is full or closing. */
bool lk_workers_push(lk_workers *w, void *job);
/* Waits for room; false only when closing. */
bool lk_workers_push_wait(lk_workers *w, void *job);
size_t lk_workers_waiting(lk_workers *w);
size_t lk_workers_busy(lk_workers *w); /* jobs under way */

/* Takes out the waiting jobs that `unwanted` picks, at most `room`, and leaves the others in their order; returns how
 * many. They are the caller's then. `unwanted` is called under the queue's lock: it must not wait, nor call in here. */
typedef bool lk_unwanted_fn(void *job, void *ctx);
size_t lk_workers_remove(lk_workers *w, lk_unwanted_fn *unwanted, void *ctx, void **out, size_t room);

/* Refuses new jobs, finishes every accepted one, joins the threads. NULL is accepted. */
void lk_workers_free(lk_workers *w);

#endif
