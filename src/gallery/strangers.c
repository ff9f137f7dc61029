/* How many strangers a gallery has within a distance, when nobody has said who is who. The pairs of different photos
 * are a mixture: of some share of pairs of one person, who lie as the pack's curve has it (its true matches), and of
 * strangers. Strangers are taken to lie as the pack's do but for a shift and a stretch: on the scale on which the
 * pack's rates are a normal distribution, theirs is a line. Beyond the threshold, at rates from 0.001 on, strangers
 * soon are most of the pairs and each point is certain, so the line is laid there, for each share of pairs of one
 * person that may be, and the share whose line fits best is taken; what is nearer follows from the line. */
#include "gallery/curve.h"
#include "packs/normal.h"

#include <math.h>

#define FIRST 0.001 /* rates between which the line is laid */
#define LAST 0.9
#define SHARES 200 /* of pairs of one person that are tried, and again between those beside the best */
#define LEAST 2000 /* pairs; of fewer nothing is said */

typedef struct line {
    double shift, slope, misfit;
} line;

static bool is_laid_on(const liken_gallery_point *p) {
    return p->pack_strangers >= FIRST && p->pack_strangers <= LAST;
}

/* The line through the strangers that are left when `same` of the pairs are of one person. */
static line lay(const liken_gallery_curve *c, double same) {
    double n = 0, sx = 0, sy = 0, sxx = 0, sxy = 0, syy = 0;
    for (size_t i = 0; i < c->count; i++) {
        const liken_gallery_point *p = &c->points[i];
        if (!is_laid_on(p))
            continue;
        const double share = (p->apart - same * p->pack_same) / (1 - same);
        if (!(share > 0 && share < 1))
            return (line){0, 1, INFINITY};
        const double x = lk_normal_quantile(p->pack_strangers), y = lk_normal_quantile(share);
        n += 1;
        sx += x;
        sy += y;
        sxx += x * x;
        sxy += x * y;
        syy += y * y;
    }
    const double spread = sxx - sx * sx / n, together = sxy - sx * sy / n;
    if (!(n >= 3 && spread > 0))
        return (line){0, 1, INFINITY};
    const double slope = together / spread;
    return (line){(sy - slope * sx) / n, slope, syy - sy * sy / n - slope * together};
}

/* Sets c->same, where a line can be laid. Shares are tried by their roots, small ones finer. */
static line best_line(liken_gallery_curve *c) {
    line best = {0, 1, INFINITY};
    double middle = 0.5, width = 0.5;
    for (int turn = 0; turn < 3; turn++) {
        const double from = fmax(0, middle - width), to = fmin(0.999, middle + width);
        for (int i = 0; i <= SHARES; i++) {
            const double root = from + (to - from) * i / SHARES;
            const line l = lay(c, root * root);
            if (!(l.misfit < best.misfit))
                continue;
            best = l;
            middle = root;
            c->same = root * root;
        }
        width = 2 * (to - from) / SHARES;
    }
    return best;
}

void lk_gallery_strangers(liken_gallery_curve *c, const lk_calibration *curve) {
    for (size_t i = 0; i < c->count; i++) {
        liken_gallery_point *p = &c->points[i];
        p->pack_strangers = lk_calibration_fmr(curve, p->distance);
        p->pack_same = lk_calibration_tmr(curve, p->distance);
        p->strangers = NAN;
    }
    c->same = NAN;
    const line best = c->apart_pairs >= LEAST ? best_line(c) : (line){0, 1, INFINITY};
    for (size_t i = 0; !isnan(c->same) && i < c->count; i++)
        c->points[i].strangers = lk_normal(best.shift + best.slope * lk_normal_quantile(c->points[i].pack_strangers));
}
