/* subjects.h - the photos of a CSV file of pairs, each described once whatever the number of pairs it is in: what eval
 * and models calibrate count by. Nothing is stored. */
#ifndef LK_CLI_SUBJECTS_H
#define LK_CLI_SUBJECTS_H

#include "cli/cli.h"
#include "cli/paths.h"
#include "eval/report.h"

typedef struct lk_subjects {
    const char *pack; /* borrowed */
    liken *lk;
    lk_pairs *pairs;
    lk_subject *subjects; /* of each file; vectors as the network gives them */
    lk_path *paths;       /* of each file, from the CSV file's folder */
    size_t unreadable, without_face;
    int dimension;
    char *model, *detector; /* that made the descriptors */
} lk_subjects;

/* Photos that cannot be read, or have no face, are named on standard error and counted. *s is cleared with
 * lk_subjects_clear in any case. ARG: the CSV file is malformed. */
int lk_subjects_read(lk_subjects *s, const lk_cli *cli, const char *csv, const liken_options *options,
                     liken_error *err);
/* Makes all vectors of unit length. */
void lk_subjects_normalize(lk_subjects *s);
void lk_subjects_clear(lk_subjects *s);

#endif
