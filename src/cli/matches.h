/* matches.h - the matches of a search as rows, and the photos they lie in. */
#ifndef LK_CLI_MATCHES_H
#define LK_CLI_MATCHES_H

#include "base/error.h"

/* Prints a header and a row for each match; `names`: the query photos as they were named, of which a row has the one
 * that its match is nearest to. */
int lk_matches_csv(const liken_result *r, const char *const *names, liken_error *err);

/* Each photo once, by its nearest match, nearest first; free(*out). What it points to belongs to `r`. */
int lk_matches_photos(const liken_result *r, const liken_match ***out, size_t *count, liken_error *err);

#endif
