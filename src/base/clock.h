/* clock.h - time, in three kinds that must not be mixed. */
#ifndef LK_BASE_CLOCK_H
#define LK_BASE_CLOCK_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

int64_t lk_clock_now(void);      /* seconds since 1970 UTC */
double lk_clock_monotonic(void); /* seconds, only for differences */
double lk_clock_cpu(void);       /* CPU seconds of this process */

/* A condition whose timed waits do not follow the wall clock when that is set, and the moment up to which such a wait
 * lasts `seconds` (>= 0). */
void lk_clock_condition(pthread_cond_t *c);
struct timespec lk_clock_after(double seconds);

/* "2026-11-24T21:56:00Z"; `room` at least 21. */
void lk_clock_format(int64_t when, char *text, size_t room);
/* Reads RFC 3339 with Z or an offset, and a bare date; false when it is neither. */
bool lk_clock_parse(const char *text, int64_t *when);
/* The same as the end of a span: a bare date is its last second. */
bool lk_clock_parse_end(const char *text, int64_t *when);
/* Whether the one reads what the other writes of it: the years 0 to 9999. */
bool lk_clock_can_be(int64_t when);

#endif
