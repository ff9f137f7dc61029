#include "base/log.h"

#include "base/call.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static liken_log_fn *sink;
static void *sink_ctx;

void liken_set_log(liken_log_fn *fn, void *ctx) {
    pthread_mutex_lock(&lock);
    sink = fn;
    sink_ctx = ctx;
    pthread_mutex_unlock(&lock);
}

/* Whose request it is about, when that has a name by which others know it. A name that is the caller's own makes no
 * line of its own. */
static void name_caller(char *line, size_t room) {
    const liken_call *call = lk_call_now();
    const size_t used = strlen(line);
    if (call->request_id != NULL)
        (void)snprintf(line + used, room - used, " (request %.64s%s%.64s)", call->request_id,
                       call->actor == NULL ? "" : ", by ", call->actor == NULL ? "" : call->actor);
    for (char *p = line + used; *p != '\0'; p++)
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            *p = '?';
}

void lk_log(liken_log_level level, const char *format, ...) {
    char line[1024];
    va_list ap;
    va_start(ap, format);
    (void)vsnprintf(line, sizeof line, format, ap);
    va_end(ap);
    name_caller(line, sizeof line);
    pthread_mutex_lock(&lock);
    if (sink != NULL)
        sink(sink_ctx, level, line);
    pthread_mutex_unlock(&lock);
}
