/* report.h - one measurement a row: a table on the screen, and build/bench/NAME.json. */
#ifndef LK_BENCH_REPORT_H
#define LK_BENCH_REPORT_H

#ifdef __cplusplus
extern "C" {
#endif

void report_open(const char *json_path);
void report(const char *what, const char *engine, const char *metric, double value, const char *unit, int rounds);
void report_close(void);

#ifdef __cplusplus
}
#endif
#endif
