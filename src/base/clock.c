#include "base/clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

int64_t lk_clock_now(void) {
    return (int64_t)time(NULL);
}

static double read_clock(clockid_t id) {
    struct timespec t;
    clock_gettime(id, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

double lk_clock_monotonic(void) {
    return read_clock(CLOCK_MONOTONIC);
}

double lk_clock_cpu(void) {
    return read_clock(CLOCK_PROCESS_CPUTIME_ID);
}

void lk_clock_format(int64_t when, char *text, size_t room) {
    const time_t t = (time_t)when;
    struct tm tm;
    if (gmtime_r(&t, &tm) == NULL || strftime(text, room, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
        (void)snprintf(text, room, "?");
}

static bool read_offset(const char *p, int *seconds) {
    if ((*p == 'Z' || *p == 'z') && p[1] == '\0')
        return *seconds = 0, true;
    unsigned h, m;
    int used = 0;
    if ((*p != '+' && *p != '-') || sscanf(p + 1, "%2u:%2u%n", &h, &m, &used) != 2 || used != 5 || p[6] != '\0' ||
        h > 23 || m > 59)
        return false;
    *seconds = (int)(h * 3600 + m * 60) * (*p == '-' ? -1 : 1);
    return true;
}

bool lk_clock_parse(const char *text, int64_t *when) {
    struct tm tm = {0};
    const char *rest = strptime(text, "%Y-%m-%d", &tm);
    int offset = 0;
    if (rest == NULL)
        return false;
    if (*rest != '\0') {
        if (*rest != 'T' && *rest != 't' && *rest != ' ')
            return false;
        rest = strptime(rest + 1, "%H:%M:%S", &tm);
        if (rest == NULL)
            return false;
        if (*rest == '.')
            rest += 1 + strspn(rest + 1, "0123456789");
        if (!read_offset(rest, &offset))
            return false;
    }
    const int day = tm.tm_mday;
    const time_t t = timegm(&tm);
    if (tm.tm_mday != day) /* 31 February was carried over into March */
        return false;
    *when = (int64_t)t - offset;
    return true;
}
