#include "base/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static liken_log_fn *sink;
static void *sink_ctx;

void liken_set_log(liken_log_fn *fn, void *ctx) {
    pthread_mutex_lock(&lock);
    sink = fn;
    sink_ctx = ctx;
    pthread_mutex_unlock(&lock);
}

void lk_log(liken_log_level level, const char *format, ...) {
    char line[1024];
    va_list ap;
    va_start(ap, format);
    (void)vsnprintf(line, sizeof line, format, ap);
    va_end(ap);
    pthread_mutex_lock(&lock);
    if (sink != NULL)
        sink(sink_ctx, level, line);
    pthread_mutex_unlock(&lock);
}
