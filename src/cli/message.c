#include "cli/message.h"

#include "base/clock.h"
#include "base/text.h"
#include "base/words.h"
#include "cli/writer.h"

#include <jansson.h>

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TERMINAL_SECONDS 0.2
#define PLAIN_SECONDS 5.0
#define MARKS 16 /* the rate is that of the last so many seconds */

static struct {
    pthread_mutex_t lock;
    bool terminal, drawn;
    const char *noun;
    size_t total;
    double started, shown;
    struct mark {
        double when;
        size_t done;
    } marks[MARKS];
    size_t mark_count;
} progress = {.lock = PTHREAD_MUTEX_INITIALIZER};

static struct {
    atomic_int level; /* liken_log_level */
    bool json;
} logging;

static lk_writer *writer; /* progress.lock; NULL: lines are written by whoever has them */

static void clear_line(void) {
    if (progress.drawn)
        (void)fputs("\r\033[K", stderr);
    progress.drawn = false;
}

void lk_message(const char *format, ...) {
    va_list ap;
    char *line = NULL;
    va_start(ap, format);
    const int n = vasprintf(&line, format, ap);
    va_end(ap);
    char *whole = n < 0 ? NULL : realloc(line, (size_t)n + 2);
    if (whole == NULL) {
        if (n >= 0)
            free(line);
        return; /* no memory to say it */
    }
    whole[n] = '\n';
    whole[n + 1] = '\0';
    pthread_mutex_lock(&progress.lock);
    if (writer != NULL) {
        lk_writer_put(writer, whole);
    } else {
        clear_line();
        (void)fputs(whole, stderr);
        (void)fflush(stderr);
        free(whole);
    }
    pthread_mutex_unlock(&progress.lock);
}

int lk_message_in_background(liken_error *err) {
    lk_writer *w = NULL;
    const int rc = lk_writer_start(&w, STDERR_FILENO, err);
    pthread_mutex_lock(&progress.lock);
    writer = w;
    pthread_mutex_unlock(&progress.lock);
    return rc;
}

void lk_message_in_foreground(void) {
    pthread_mutex_lock(&progress.lock);
    lk_writer *w = writer;
    writer = NULL;
    pthread_mutex_unlock(&progress.lock);
    lk_writer_stop(w);
}

static void log_line(void *ctx, liken_log_level level, const char *message) {
    (void)ctx;
    static const char *const names[] = {LK_LOG_LEVEL_WORDS(LK_AND)};
    if ((int)level > atomic_load(&logging.level))
        return;
    char when[32];
    lk_clock_format(lk_clock_now(), when, sizeof when);
    LK_FREE char *clean = lk_printable(message);
    if (!logging.json) {
        lk_message("%s %s: %s", when, names[level], clean == NULL ? "?" : clean);
        return;
    }
    json_t *json =
        json_pack("{s:s, s:s, s:s}", "time", when, "level", names[level], "message", clean == NULL ? "?" : clean);
    char *line = json == NULL ? NULL : json_dumps(json, JSON_COMPACT);
    if (line != NULL)
        lk_message("%s", line);
    free(line);
    json_decref(json);
}

void lk_message_level(liken_log_level level) {
    atomic_store(&logging.level, (int)level);
}

void lk_message_log(liken_log_level level, bool json) {
    lk_message_level(level);
    logging.json = json;
    liken_set_log(log_line, NULL);
}

void lk_duration_text(double seconds, char *out, size_t room) {
    const long s = seconds < 0 ? 0 : seconds > 3.6e8 ? 360000000 : (long)(seconds + 0.5);
    if (s >= 3600)
        (void)snprintf(out, room, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
    else
        (void)snprintf(out, room, "%ld:%02ld", s / 60, s % 60);
}

void lk_progress_start(const char *noun, size_t total) {
    pthread_mutex_lock(&progress.lock);
    progress.terminal = isatty(STDERR_FILENO);
    progress.noun = noun;
    progress.total = total;
    progress.started = progress.shown = lk_clock_monotonic();
    progress.marks[0] = (struct mark){progress.started, 0};
    progress.mark_count = 1;
    pthread_mutex_unlock(&progress.lock);
}

/* Things a second since the oldest mark kept; a new mark is set once a second. */
static double rate_of(double now, size_t done) {
    struct mark *m = progress.marks;
    const double rate = now > m[0].when ? (double)(done - m[0].done) / (now - m[0].when) : 0;
    if (now - m[progress.mark_count - 1].when >= 1) {
        if (progress.mark_count == MARKS)
            memmove(m, m + 1, --progress.mark_count * sizeof *m);
        m[progress.mark_count++] = (struct mark){now, done};
    }
    return rate;
}

void lk_progress_show(size_t done, size_t faces) {
    pthread_mutex_lock(&progress.lock);
    const double now = lk_clock_monotonic();
    if (progress.total > 0 && now - progress.shown >= (progress.terminal ? TERMINAL_SECONDS : PLAIN_SECONDS)) {
        const double rate = rate_of(now, done);
        char left[32];
        clear_line();
        (void)fprintf(stderr, "%zu of %zu %s, %zu faces", done, progress.total, progress.noun, faces);
        if (rate > 0) {
            lk_duration_text((double)(progress.total - done) / rate, left, sizeof left);
            (void)fprintf(stderr, ", %.1f a second, %s left", rate, left);
        }
        if (!progress.terminal)
            (void)fputc('\n', stderr);
        (void)fflush(stderr);
        progress.drawn = progress.terminal;
        progress.shown = now;
    }
    pthread_mutex_unlock(&progress.lock);
}

void lk_progress_end(void) {
    pthread_mutex_lock(&progress.lock);
    clear_line();
    (void)fflush(stderr);
    progress.total = 0;
    pthread_mutex_unlock(&progress.lock);
}

char *lk_printable(const char *text) {
    char *out = malloc(strlen(text) * 4 + 1);
    if (out == NULL)
        return NULL;
    char *to = out;
    for (const unsigned char *p = (const unsigned char *)text; *p != '\0';) {
        const size_t n = lk_utf8_sequence((const char *)p);
        const bool c1 = n == 2 && p[0] == 0xc2 && p[1] < 0xa0; /* the 8-bit control characters */
        if (*p == '\n' || *p == '\t' || *p == '\r')
            to += snprintf(to, 5, "\\%c", *p == '\n' ? 'n' : *p == '\t' ? 't' : 'r');
        else if (*p < 0x20 || *p == 0x7f)
            to += snprintf(to, 5, "\\x%02x", *p);
        else if (n == 0 || c1)
            to += snprintf(to, 5, "\xef\xbf\xbd");
        else
            to = (char *)memcpy(to, p, n) + n;
        p += n == 0 ? 1 : n;
    }
    *to = '\0';
    return out;
}
