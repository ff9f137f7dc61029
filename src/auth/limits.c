/* What holds a key back beside its scopes: until when it counts, how often, and how much one answer may give. As people
 * write it, and as it is kept. */
#include "auth/auth_int.h"

#include "base/clock.h"
#include "base/limits.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RATE_MAX 1000000
#define SPAN_MAX (400 * 366LL * 86400) /* seconds */

static const struct unit {
    const char *name;
    int seconds;
} units[] = {{"s", 1}, {"min", 60}, {"h", 3600}, {"d", 86400}, {"w", 7 * 86400}};

/* "30d": a whole number above 0, and a unit. */
static bool read_span(const char *text, int64_t *seconds) {
    char *end = NULL;
    errno = 0;
    const long long number = *text >= '0' && *text <= '9' ? strtoll(text, &end, 10) : 0;
    if (number <= 0 || errno != 0)
        return false;
    for (size_t i = 0; i < LK_LENGTH(units); i++)
        if (strcmp(end, units[i].name) == 0 && number <= SPAN_MAX / units[i].seconds) {
            *seconds = number * units[i].seconds;
            return true;
        }
    return false;
}

int lk_rate_parse(const char *text, lk_rate *rate, liken_error *err) {
    char *end = NULL, span[32];
    int64_t seconds = 0;
    errno = 0;
    const long long count = *text >= '0' && *text <= '9' ? strtoll(text, &end, 10) : 0;
    bool good = count > 0 && count <= RATE_MAX && errno == 0 && *end == '/';
    if (good) {
        const bool bare = end[1] < '0' || end[1] > '9';
        good = (size_t)snprintf(span, sizeof span, "%s%s", bare ? "1" : "", end + 1) < sizeof span &&
               read_span(span, &seconds) && seconds <= units[3].seconds;
    }
    if (!good)
        return lk_fail(err, LIKEN_E_ARG,
                       "\"%.40s\" is no rate: write how many requests in what time, like 60/min (1 to %d; s, min, h or "
                       "d, a day at most).",
                       text, RATE_MAX);
    *rate = (lk_rate){(int)count, (int)seconds};
    return LIKEN_OK;
}

void lk_rate_format(lk_rate rate, char *text, size_t room) {
    size_t i = 3;
    while (i > 0 && rate.seconds % units[i].seconds != 0)
        i--;
    const int number = rate.seconds / units[i].seconds;
    if (number == 1)
        (void)snprintf(text, room, "%d/%s", rate.count, units[i].name);
    else
        (void)snprintf(text, room, "%d/%d%s", rate.count, number, units[i].name);
}

int lk_expiry_parse(const char *text, int64_t now, int64_t *when, liken_error *err) {
    int64_t span = 0, moment = 0;
    if (read_span(text, &span))
        moment = now + span;
    else if (!lk_clock_parse_end(text, &moment))
        return lk_fail(
            err, LIKEN_E_ARG,
            "\"%.40s\" is no time that a key may end at: write a span, like 30d (min, h, d or w), a date, or "
            "a moment as RFC 3339 has it.",
            text);
    if (moment <= now)
        return lk_fail(err, LIKEN_E_ARG, "\"%.40s\" is over: such a key would open nothing.", text);
    *when = moment;
    return LIKEN_OK;
}

int lk_limits_check(const lk_key_limits *l, liken_error *err) {
    if (l->expires_at < 0 || !lk_clock_can_be(l->expires_at))
        return lk_fail(err, LIKEN_E_ARG, "A key ends between 1970 and the year 9999.");
    if (l->rate.count < 0 || l->rate.count > RATE_MAX || (l->rate.count > 0) != (l->rate.seconds > 0))
        return lk_fail(err, LIKEN_E_ARG, "A rate is 1 to %d requests in 1 second to a day.", RATE_MAX);
    if (l->max_limit < 0 || l->max_limit > LK_MATCHES_MAX)
        return lk_fail(err, LIKEN_E_ARG, "max_limit is 1 to %d.", LK_MATCHES_MAX);
    if (!(l->max_threshold >= 0 && l->max_threshold <= LK_DISTANCE_MAX))
        return lk_fail(err, LIKEN_E_ARG, "max_threshold is a distance above 0, %g at most.", LK_DISTANCE_MAX);
    return LIKEN_OK;
}

double lk_key_max_threshold(const lk_key *key) {
    const bool reads = (key->scopes & (LK_SCOPE_READ | LK_SCOPE_ADMIN)) != 0;
    const bool searches = (key->scopes & LK_SCOPE_SEARCH) != 0;
    return searches && !reads && key->limits.max_threshold <= 0 ? LK_OWN_THRESHOLD : key->limits.max_threshold;
}

bool lk_key_expired(const lk_key *key, int64_t now) {
    return key->limits.expires_at != 0 && now >= key->limits.expires_at;
}

/* ---- in a line of a file ---- */

static int read_number(const char *text, double most, double *out, liken_error *err) {
    char *end = NULL;
    const double v = strtod(text, &end);
    if (*text == '\0' || *end != '\0' || !(v > 0 && v <= most))
        return lk_fail(err, LIKEN_E_ARG, "\"%.40s\" is no number above 0, %g at most", text, most);
    *out = v;
    return LIKEN_OK;
}

int lk_limits_read(const char *word, lk_key_limits *l, liken_error *err) {
    static const char expires[] = "expires=", rate[] = "rate=", limit[] = "max_limit=", threshold[] = "max_threshold=";
    double number = 0;
    int rc = LIKEN_OK;
    if (strncmp(word, rate, sizeof rate - 1) == 0)
        return lk_rate_parse(word + sizeof rate - 1, &l->rate, err);
    if (strncmp(word, threshold, sizeof threshold - 1) == 0)
        return read_number(word + sizeof threshold - 1, LK_DISTANCE_MAX, &l->max_threshold, err);
    if (strncmp(word, limit, sizeof limit - 1) == 0) {
        rc = read_number(word + sizeof limit - 1, LK_MATCHES_MAX, &number, err);
        l->max_limit = (int)ceil(number);
        return rc;
    }
    if (strncmp(word, expires, sizeof expires - 1) == 0)
        return lk_clock_parse_end(word + sizeof expires - 1, &l->expires_at)
                   ? LIKEN_OK
                   : lk_fail(err, LIKEN_E_ARG, "expires= is followed by a date or a moment as RFC 3339 has it");
    return lk_fail(err, LIKEN_E_ARG,
                   "a line has four fields: NAME SCOPES COLLECTION SHA256, and then only expires=, rate=, max_limit= "
                   "or max_threshold=");
}

int lk_limits_write(const lk_key_limits *l, lk_buf *b, liken_error *err) {
    char text[32];
    int rc = LIKEN_OK;
    if (l->expires_at != 0) {
        lk_clock_format(l->expires_at, text, sizeof text);
        rc = lk_buf_format(b, err, " expires=%s", text);
    }
    if (rc == LIKEN_OK && l->rate.count > 0) {
        lk_rate_format(l->rate, text, sizeof text);
        rc = lk_buf_format(b, err, " rate=%s", text);
    }
    if (rc == LIKEN_OK && l->max_limit > 0)
        rc = lk_buf_format(b, err, " max_limit=%d", l->max_limit);
    if (rc == LIKEN_OK && l->max_threshold > 0)
        rc = lk_buf_format(b, err, " max_threshold=%.9g", l->max_threshold);
    return rc;
}
