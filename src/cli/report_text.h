/* report_text.h - what an evaluation found (eval/report.h), shown: as JSON, as a table, as a drawing. */
#ifndef LK_CLI_REPORT_TEXT_H
#define LK_CLI_REPORT_TEXT_H

#include "eval/report.h"

#include <jansson.h>

/* {source, pairs, ..., files_without_face: [...], unreadable: [...]}; NULL when out of memory. */
json_t *lk_report_json(const lk_report *r, const lk_pairs *p, const lk_subject *subjects, uint16_t source);
/* The table, on standard output. */
void lk_report_print(const lk_report *reports, size_t count);

/* Missed matches against false matches, both logarithmic, one line a report, as SVG. *out: free(). */
int lk_report_svg(const lk_report *reports, size_t count, char **out, size_t *size, liken_error *err);

#endif
