/* lock.h - "under the lock", said so that the program minds it too. */
#ifndef LK_BASE_LOCK_H
#define LK_BASE_LOCK_H

#include <assert.h>
#include <errno.h>
#include <pthread.h>

/* Somebody holds this mutex, which whoever wrote this knows to be the caller. Costs nothing in a release build. */
#define LK_HELD(mutex) assert(pthread_mutex_trylock(mutex) == EBUSY)

#endif
