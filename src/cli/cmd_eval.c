/* cmd_eval.c - liken eval: a CSV file of pairs of photos becomes rates. subjects.c describes the photos, eval/ counts,
 * report_text.c shows. Nothing is stored. */
#include "wire/json.h"
#include "base/buf.h"
#include "cli/caller.h"
#include "cli/cli.h"
#include "cli/message.h"
#include "cli/report_text.h"
#include "cli/subjects.h"

#include <stdlib.h>
#include <string.h>

typedef struct evaluation {
    const lk_cli *cli;
    lk_subjects seen;
    lk_report *reports; /* of each source */
} evaluation;

/* What was measured; 0 on success, like jansson's own. */
static int name_model(const evaluation *e, json_t *report) {
    const liken_metric metric = (liken_metric)lk_config_choice(e->cli->config, LK_SET_METRIC);
    return json_object_set_new(report, "metric", json_string(liken_metric_code(metric))) |
           json_object_set_new(report, "model", lk_json_text(e->seen.model)) |
           json_object_set_new(report, "detector", lk_json_text(e->seen.detector));
}

static int print_json(const evaluation *e, liken_error *err) {
    json_t *list = json_array();
    for (size_t i = 0; i < e->seen.pairs->source_count; i++) {
        json_t *report = lk_report_json(&e->reports[i], e->seen.pairs, e->seen.subjects, (uint16_t)i);
        if (name_model(e, report) != 0) {
            json_decref(report);
            report = NULL; /* which the list refuses */
        }
        if (json_array_append_new(list, report) != 0) {
            json_decref(list);
            return lk_fail_memory(err);
        }
    }
    return lk_cli_print(list, err);
}

static int write_curve(const evaluation *e, const char *path, liken_error *err) {
    LK_FREE char *svg = NULL;
    size_t size = 0;
    const int rc = lk_report_svg(e->reports, e->seen.pairs->source_count, &svg, &size, err);
    return rc == LIKEN_OK ? lk_file_write(path, svg, size, err) : rc;
}

static int report(evaluation *e, liken_error *err) {
    const size_t count = e->seen.pairs->source_count;
    e->reports = calloc(count, sizeof *e->reports);
    int rc = e->reports == NULL ? lk_fail_memory(err) : LIKEN_OK;
    for (size_t i = 0; rc == LIKEN_OK && i < count; i++)
        rc = lk_report_make(&e->reports[i], e->seen.pairs, e->seen.subjects, (uint16_t)i, err);
    if (rc == LIKEN_OK && e->cli->json)
        rc = print_json(e, err);
    else if (rc == LIKEN_OK)
        lk_report_print(e->reports, count);
    const char *det = lk_config_text(e->cli->config, LK_SET_DET);
    return rc == LIKEN_OK && det != NULL ? write_curve(e, det, err) : rc;
}

int lk_cmd_eval(const lk_cli *cli) {
    liken_error err = {0};
    evaluation e = {.cli = cli};
    const liken_options options = lk_cli_options(cli, false);
    int rc = lk_subjects_read(&e.seen, cli, cli->words[0], &options, &err);
    if (rc == LIKEN_OK && lk_config_choice(cli->config, LK_SET_METRIC) == LIKEN_NORMALIZED)
        lk_subjects_normalize(&e.seen);
    if (rc == LIKEN_OK)
        rc = report(&e, &err);
    if (rc == LIKEN_OK && e.seen.without_face + e.seen.unreadable > 0)
        lk_message(
            "%zu files without a usable face, %zu that could not be read; pairs with one count as errors in accuracy "
            "and TMR, and are left out of accuracy (used).",
            e.seen.without_face, e.seen.unreadable);
    const size_t unreadable = e.seen.unreadable;
    free(e.reports);
    lk_subjects_clear(&e.seen);
    if (rc != LIKEN_OK)
        return rc == LIKEN_E_ARG ? (void)lk_cli_failed(cli, &err), LK_EXIT_FAILED : lk_cli_failed(cli, &err);
    return unreadable > 0 ? LK_EXIT_FAILED : LK_EXIT_DONE;
}
