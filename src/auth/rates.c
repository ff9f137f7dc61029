/* Buckets of tokens in a table that never grows: somebody with a million addresses must not be able to fill the memory.
 *
 * The table is sets of WAYS places; where a caller lies is told by a hash with a secret, so that nobody can choose whom
 * to push out. A place that is not free goes to a newcomer when its bucket would be the fullest by now: to forget a
 * full bucket is to forget nothing. A bucket is kept as the moment at which it is full again. */
#include "auth/rates.h"

#include "base/crypto.h"

#include <assert.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define WAYS 8

struct bucket {
    uint8_t id[LK_RATES_ID];
    double full_at; /* 0: nobody's */
};

struct lk_rates {
    pthread_mutex_t lock;
    uint64_t secret[2];
    size_t sets; /* a power of two */
    struct bucket buckets[];
};

int lk_rates_make(lk_rates **out, size_t callers, liken_error *err) {
    size_t sets = 1;
    while (sets * WAYS < callers)
        sets *= 2;
    lk_rates *t = calloc(1, sizeof *t + sets * WAYS * sizeof t->buckets[0]);
    if (t == NULL)
        return lk_fail_memory(err);
    pthread_mutex_init(&t->lock, NULL);
    lk_random(t->secret, sizeof t->secret);
    t->sets = sets;
    *out = t;
    return LIKEN_OK;
}

void lk_rates_free(lk_rates *t) {
    if (t == NULL)
        return;
    pthread_mutex_destroy(&t->lock);
    free(t);
}

/* Two rounds of multiplying and folding, keyed: enough that nobody who sees only answers can aim. */
static size_t set_of(const lk_rates *t, const uint8_t id[LK_RATES_ID]) {
    uint64_t words[2];
    memcpy(words, id, sizeof words);
    __extension__ typedef unsigned __int128 wide;
    const wide a = (wide)(words[0] ^ t->secret[0]) * (words[1] ^ t->secret[1] ^ 0x9e3779b97f4a7c15u);
    const uint64_t folded = (uint64_t)a ^ (uint64_t)(a >> 64);
    const wide b = (wide)(folded ^ t->secret[1]) * (t->secret[0] | 1u);
    return (size_t)((uint64_t)b ^ (uint64_t)(b >> 64)) & (t->sets - 1);
}

/* The caller's bucket, or the one that it may have. */
static struct bucket *find(lk_rates *t, const uint8_t id[LK_RATES_ID]) {
    struct bucket *set = &t->buckets[set_of(t, id) * WAYS], *fullest = set;
    for (size_t i = 0; i < WAYS; i++) {
        if (set[i].full_at > 0 && memcmp(set[i].id, id, LK_RATES_ID) == 0)
            return &set[i];
        if (set[i].full_at < fullest->full_at)
            fullest = &set[i];
    }
    return fullest;
}

bool lk_rates_take(lk_rates *t, const uint8_t id[LK_RATES_ID], lk_rate rate, double now, double *wait) {
    if (rate.count == 0)
        return true;
    assert(now > 0 && rate.seconds > 0);
    const double each = (double)rate.seconds / rate.count; /* seconds */
    pthread_mutex_lock(&t->lock);
    struct bucket *b = find(t, id);
    const bool own = b->full_at > 0 && memcmp(b->id, id, LK_RATES_ID) == 0;
    const double before = own && b->full_at > now ? b->full_at : now;
    const double full_at = fmin(before, now + rate.seconds); /* of another rate it may be emptier than empty */
    const double over = full_at + each - now - rate.seconds; /* seconds until one is there */
    const bool has = over <= 1e-9;
    if (has || own) {
        memcpy(b->id, id, LK_RATES_ID);
        b->full_at = has ? full_at + each : full_at;
    }
    pthread_mutex_unlock(&t->lock);
    if (!has)
        *wait = over;
    return has;
}
