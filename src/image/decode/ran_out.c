/* ran_out.c - see ran_out.h. The allocating functions of the C library are called under the names that it keeps for
 * those who replace them. */
#include "image/decode/ran_out.h"

#include "base/child/confine.h"
#include "image/decode/wire.h"

#include <errno.h>
#include <glib.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

static atomic_bool ran_out;

#if !LK_SANITIZED && defined(__GLIBC__)

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

static void *seen(void *block) {
    if (block == NULL)
        atomic_store_explicit(&ran_out, true, memory_order_relaxed);
    return block;
}

/* Seen by every library in the process, hence visible. */
#define REPLACED __attribute__((visibility("default")))
REPLACED void *malloc(size_t size);
REPLACED void *calloc(size_t count, size_t size);
REPLACED void *realloc(void *block, size_t size);
REPLACED void *aligned_alloc(size_t alignment, size_t size);
REPLACED void *memalign(size_t alignment, size_t size);
REPLACED int posix_memalign(void **out, size_t alignment, size_t size);

void *malloc(size_t size) {
    return seen(__libc_malloc(size));
}

void *calloc(size_t count, size_t size) {
    return seen(__libc_calloc(count, size));
}

void *realloc(void *block, size_t size) {
    void *moved = __libc_realloc(block, size);
    return size == 0 ? moved : seen(moved);
}

void *aligned_alloc(size_t alignment, size_t size) {
    return seen(__libc_memalign(alignment, size));
}

void *memalign(size_t alignment, size_t size) {
    return seen(__libc_memalign(alignment, size));
}

int posix_memalign(void **out, size_t alignment, size_t size) {
    if (alignment < sizeof(void *) || (alignment & (alignment - 1)) != 0)
        return EINVAL;
    void *block = seen(__libc_memalign(alignment, size));
    if (block == NULL)
        return ENOMEM;
    *out = block;
    return 0;
}

#endif

bool lk_ran_out_take(void) {
    return atomic_exchange_explicit(&ran_out, false, memory_order_relaxed);
}

static void on_fatal(const gchar *domain, GLogLevelFlags level, const gchar *message, gpointer data) {
    (void)domain, (void)level, (void)data;
    if (strstr(message, "failed to allocate") != NULL)
        _exit(LK_DECODE_EXIT_MEMORY); /* else GLib aborts */
}

/* C++ ends so when nobody minds an allocation that failed. */
static void on_abort(int number) {
    if (atomic_load_explicit(&ran_out, memory_order_relaxed))
        _exit(LK_DECODE_EXIT_MEMORY);
    (void)signal(number, SIG_DFL);
    (void)raise(number);
}

void lk_ran_out_watch(void) {
    (void)g_log_set_handler("GLib", (GLogLevelFlags)(G_LOG_LEVEL_ERROR | G_LOG_FLAG_FATAL), on_fatal, NULL);
    (void)signal(SIGABRT, on_abort);
}
