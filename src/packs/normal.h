/* normal.h - the standard normal distribution, and back. */
#ifndef LK_PACKS_NORMAL_H
#define LK_PACKS_NORMAL_H

#include <math.h>

/* The share that lies below z. */
static inline double lk_normal(double z) {
    return 0.5 * erfc(-z * M_SQRT1_2);
}

/* z with lk_normal(z) = p, within -9 .. 9. */
static inline double lk_normal_quantile(double p) {
    double low = -9, high = 9;
    for (int i = 0; i < 60; i++) {
        const double middle = (low + high) / 2;
        if (lk_normal(middle) < p)
            low = middle;
        else
            high = middle;
    }
    return (low + high) / 2;
}

#endif
