/* report.h - what an evaluation found, for one source of pairs. */
#ifndef LK_EVAL_REPORT_H
#define LK_EVAL_REPORT_H

#include "eval/pairs.h"

#define LK_REPORT_RATES 4 /* false match rates 1e-2, 1e-3, 1e-4, 1e-5 */
#define LK_CURVE_POINTS 160
#define LK_CURVE_LOWEST (-5.0) /* decades of false match rate */

/* The subject of one file. */
typedef struct lk_subject {
    float *vector; /* NULL: no face, or the file could not be read */
    int dimension;
    bool unreadable; /* it is the second */
    int faces;       /* in the whole photo */
    double seconds;  /* to find and describe them */
} lk_subject;

typedef struct lk_rate {
    double fmr;           /* wanted */
    double tmr, tmr_used; /* same pairs without a face counted as missed, or left out; NAN: not resolvable */
    double threshold;
    bool all;         /* strangers: all pairs of different people among the files, not those of the CSV file */
    size_t strangers; /* how many pairs */
} lk_rate;

typedef struct lk_report {
    const char *source;
    size_t pairs, same, different; /* in the file */
    size_t used, used_same;        /* with a face in both photos */
    size_t strangers_all;          /* pairs of different people among the source's files */
    double accuracy, accuracy_used, threshold, auc, equal_error; /* NAN: needs both kinds */
    bool dealt;                                                  /* the folds were not in the file */
    lk_rate rates[LK_REPORT_RATES];
    double ms_per_photo, ms_per_face;
    double curve_fmr[LK_CURVE_POINTS], curve_miss[LK_CURVE_POINTS]; /* falling fmr */
    size_t curve_points;
} lk_report;

/* Subjects of the same index as the files; vectors as they are to be compared (normalised or not). */
int lk_report_make(lk_report *out, const lk_pairs *p, const lk_subject *subjects, uint16_t source, liken_error *err);

#endif
