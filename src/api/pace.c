/* pace.c - how often: rates of keys and of addresses, and what is done about keys that are wrong.
 *
 * A request costs its address a token, where the server has a rate for addresses, and its key one, where that has a
 * rate; without one it is answered 429 and told when to come again. Probes (/healthz, /readyz) cost nothing. Tokens are
 * in this server's memory: several servers of a store give each its own.
 *
 * A wrong key is logged and its answer held back for a second, on no thread. An address that brings WRONG of them gets
 * 429 for every other that is not known in memory, at once and without a question to the store; keys that are known go
 * on, so that nobody is locked out by a neighbour behind the same address. The try is paid before the store is asked,
 * so that many at once are no more. */
#include "api/api_int.h"
#include "auth/rates.h"
#include "base/clock.h"
#include "base/log.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ADDRESSES 65536 /* remembered at a time */
#define KEYS 8192
#define DELAY 1.0 /* seconds before the answer to a wrong key */

static const lk_rate wrong = {20, 60}, lines = {60, 60}; /* of an address; in the log */

struct lk_pace {
    lk_rates *addresses, *keys, *wrongs;
    _Atomic uint64_t address_rate; /* count, and seconds in the upper half */
    atomic_ullong refused[LK_PACE_WHYS];
};

int lk_pace_make(lk_pace **out, lk_rate address_rate, liken_error *err) {
    lk_pace *p = calloc(1, sizeof *p);
    if (p == NULL)
        return lk_fail_memory(err);
    lk_pace_set(p, address_rate);
    int rc = lk_rates_make(&p->addresses, ADDRESSES, err);
    if (rc == LIKEN_OK)
        rc = lk_rates_make(&p->keys, KEYS, err);
    if (rc == LIKEN_OK)
        rc = lk_rates_make(&p->wrongs, ADDRESSES, err);
    if (rc == LIKEN_OK)
        *out = p;
    else
        lk_pace_free(p);
    return rc;
}

void lk_pace_free(lk_pace *p) {
    if (p == NULL)
        return;
    lk_rates_free(p->addresses);
    lk_rates_free(p->keys);
    lk_rates_free(p->wrongs);
    free(p);
}

void lk_pace_set(lk_pace *p, lk_rate address_rate) {
    atomic_store(&p->address_rate, (uint64_t)(uint32_t)address_rate.count | (uint64_t)address_rate.seconds << 32);
}

unsigned long long lk_pace_refused(const lk_pace *p, lk_pace_why why) {
    return atomic_load(&p->refused[why]);
}

static bool refuse(lk_pace *p, lk_request *r, lk_pace_why why, const char *code, const char *whose, lk_rate rate,
                   double wait) {
    char after[24], text[32], sentence[256];
    (void)snprintf(after, sizeof after, "%.0f", fmax(1, ceil(wait)));
    lk_rate_format(rate, text, sizeof text);
    (void)snprintf(sentence, sizeof sentence, "%s (%s). Try again in %s second%s.", whose, text, after,
                   strcmp(after, "1") == 0 ? "" : "s");
    (void)atomic_fetch_add(&p->refused[why], 1);
    lk_respond_header(r, "Retry-After", after);
    lk_answer_problem(r, 429, code, sentence, NULL, rate.count);
    return false;
}

bool lk_pace_address(lk_pace *p, lk_request *r) {
    const uint64_t packed = atomic_load(&p->address_rate);
    const lk_rate rate = {(int)(packed & 0xffffffff), (int)(packed >> 32)};
    uint8_t id[LK_RATES_ID];
    double wait = 0;
    lk_request_address(r, id);
    return lk_rates_take(p->addresses, id, rate, lk_clock_monotonic(), &wait) ||
           refuse(p, r, LK_PACE_ADDRESS, "rate_limited", "Too many requests came from this address", rate, wait);
}

bool lk_pace_key(lk_pace *p, lk_request *r, const lk_key *key) {
    uint8_t id[LK_RATES_ID];
    double wait = 0;
    memcpy(id, key->sha256, sizeof id); /* 64 bits of it */
    return lk_rates_take(p->keys, id, key->limits.rate, lk_clock_monotonic(), &wait) ||
           refuse(p, r, LK_PACE_KEY, "rate_limited", "Too many requests came with this key", key->limits.rate, wait);
}

bool lk_pace_guess(lk_pace *p, lk_request *r) {
    uint8_t id[LK_RATES_ID];
    double wait = 0;
    lk_request_address(r, id);
    return lk_rates_take(p->wrongs, id, wrong, lk_clock_monotonic(), &wait) ||
           refuse(p, r, LK_PACE_GUESSES, "too_many_wrong_keys", "Too many wrong keys came from this address", wrong,
                  wait);
}

void lk_pace_wrong(lk_pace *p, lk_request *r, const char *what) {
    static const uint8_t everybody[LK_RATES_ID] = {0};
    const double now = lk_clock_monotonic();
    double wait = 0;
    (void)atomic_fetch_add(&p->refused[LK_PACE_WRONG], 1);
    if (lk_rates_take(p->keys, everybody, lines, now, &wait)) /* an attacker must not fill the log either */
        lk_log(LIKEN_LOG_WARN, "%s came from %s (request %s).", what, lk_request_peer(r), lk_request_id(r));
    lk_respond_late(r, DELAY);
}
