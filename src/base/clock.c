#include "base/clock.h"

#include <stdio.h>
#include <string.h>

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

void lk_clock_condition(pthread_cond_t *c) {
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(c, &attributes);
    pthread_condattr_destroy(&attributes);
}

struct timespec lk_clock_after(double seconds) {
    const double until = lk_clock_monotonic() + seconds;
    const time_t whole = (time_t)until;
    return (struct timespec){.tv_sec = whole, .tv_nsec = (long)((until - (double)whole) * 1e9)};
}

void lk_clock_format(int64_t when, char *text, size_t room) {
    const time_t t = (time_t)when;
    struct tm tm;
    int n = -1;
    if (gmtime_r(&t, &tm) != NULL) /* strftime would write the year 226 with three digits */
        n = snprintf(text, room, "%04lld-%02d-%02dT%02d:%02d:%02dZ", (long long)tm.tm_year + 1900, tm.tm_mon + 1,
                     tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
    if (n < 0 || (size_t)n >= room)
        (void)snprintf(text, room, "?");
}

/* ---- reading: every character counts, where the C library would skip blanks, take signs and short numbers ---- */

/* A number of exactly `digits` digits between low and high; *at is then behind it. */
static bool take_number(const char **at, int digits, int low, int high, int *out) {
    int value = 0;
    for (int i = 0; i < digits; i++) {
        const char c = (*at)[i];
        if (c < '0' || c > '9')
            return false;
        value = value * 10 + (c - '0');
    }
    *at += digits;
    *out = value;
    return value >= low && value <= high;
}

static bool take_mark(const char **at, const char *marks) {
    if (**at == '\0' || strchr(marks, **at) == NULL)
        return false;
    (*at)++;
    return true;
}

static int days_of(int year, int month) {
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap);
}

static bool take_date(const char **at, struct tm *tm) {
    int year, month;
    if (!take_number(at, 4, 0, 9999, &year) || !take_mark(at, "-") || !take_number(at, 2, 1, 12, &month) ||
        !take_mark(at, "-") || !take_number(at, 2, 1, days_of(year, month), &tm->tm_mday))
        return false;
    tm->tm_year = year - 1900;
    tm->tm_mon = month - 1;
    return true;
}

/* A second of 60 is a leap second: the first one of the next minute. */
static bool take_time(const char **at, struct tm *tm) {
    if (!take_number(at, 2, 0, 23, &tm->tm_hour) || !take_mark(at, ":") || !take_number(at, 2, 0, 59, &tm->tm_min) ||
        !take_mark(at, ":") || !take_number(at, 2, 0, 60, &tm->tm_sec))
        return false;
    if (**at != '.')
        return true;
    const size_t digits = strspn(*at + 1, "0123456789");
    *at += 1 + digits;
    return digits > 0;
}

static bool take_offset(const char **at, int *seconds) {
    int h, m;
    *seconds = 0;
    if (take_mark(at, "Zz"))
        return true;
    const int sign = **at == '-' ? -1 : 1;
    if (!take_mark(at, "+-") || !take_number(at, 2, 0, 23, &h) || !take_mark(at, ":") || !take_number(at, 2, 0, 59, &m))
        return false;
    *seconds = sign * (h * 3600 + m * 60);
    return true;
}

bool lk_clock_parse(const char *text, int64_t *when) {
    struct tm tm = {0};
    const char *at = text;
    int offset = 0;
    if (!take_date(&at, &tm))
        return false;
    if (*at != '\0' && (!take_mark(&at, "Tt ") || !take_time(&at, &tm) || !take_offset(&at, &offset)))
        return false;
    if (*at != '\0')
        return false;
    *when = (int64_t)timegm(&tm) - offset;
    return true;
}

bool lk_clock_parse_end(const char *text, int64_t *when) {
    if (!lk_clock_parse(text, when))
        return false;
    if (strchr(text, ':') == NULL)
        *when += 86399;
    return true;
}

bool lk_clock_can_be(int64_t when) {
    return when >= INT64_C(-62167219200) && when <= INT64_C(253402300799);
}
