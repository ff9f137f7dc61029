/* rates.h - who may come again when: a bucket of tokens each for many callers, in a table of fixed size.
 *
 * A bucket holds as many tokens as its rate has requests, each request takes one, and they come back evenly: so all of
 * them may come at once, and afterwards one whenever the time for one is over. In memory, of this server alone. */
#ifndef LK_AUTH_RATES_H
#define LK_AUTH_RATES_H

#include "auth/auth.h"

#define LK_RATES_ID 16 /* bytes that a caller is known by */

typedef struct lk_rates lk_rates;

/* `callers` at most are remembered, 32 bytes each; where there are more, those are forgotten first who have taken
 * least. MEMORY. */
LK_CHECKED int lk_rates_make(lk_rates **out, size_t callers, liken_error *err);
void lk_rates_free(lk_rates *t); /* NULL is accepted */
/* Takes a token at this moment (lk_clock_monotonic); false when there is none: *wait is the seconds until there is one.
 * A rate without a count gives always; where it is another than before, one token of it is waited for at most. Any
 * thread. */
bool lk_rates_take(lk_rates *t, const uint8_t id[LK_RATES_ID], lk_rate rate, double now, double *wait);

#endif
