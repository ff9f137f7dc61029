/* A key as JSON, for --json and for the API. */
#include "auth/auth.h"

#include "base/clock.h"

static json_t *time_or_null(int64_t when) {
    char text[32];
    lk_clock_format(when, text, sizeof text);
    return when == 0 ? json_null() : json_string(text);
}

static json_t *rate_or_null(lk_rate rate) {
    char text[32];
    lk_rate_format(rate, text, sizeof text);
    return rate.count == 0 ? json_null() : json_string(text);
}

static json_t *threshold_or_null(const lk_key *key) {
    const double most = lk_key_max_threshold(key);
    return most < 0 ? json_string("collection") : most > 0 ? json_real(most) : json_null();
}

json_t *lk_key_json(const lk_key *key, const char *secret) {
    char scopes[64];
    const lk_key_limits *l = &key->limits;
    lk_scopes_format(key->scopes, scopes, sizeof scopes);
    return json_pack("{s:s, s:s, s:s?, s:o, s:o, s:o, s:o, s:o, s:s*}", "name", key->name, "scopes", scopes,
                     "collection", key->collection[0] == '\0' ? NULL : key->collection, "expires_at",
                     time_or_null(l->expires_at), "rate", rate_or_null(l->rate), "max_limit",
                     l->max_limit > 0 ? json_integer(l->max_limit) : json_null(), "max_threshold",
                     threshold_or_null(key), "last_used_at", time_or_null(key->used_at), "key", secret);
}
