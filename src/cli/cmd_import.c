#include "base/clock.h"
#include "cli/caller.h"
#include "cli/cli.h"
#include "cli/interrupt.h"
#include "cli/message.h"

#include <stdio.h>
#include <string.h>

typedef struct importing {
    const lk_cli *cli;
    bool started;
    liken_import_count count;
    liken_error err; /* of printing */
} importing;

static int tell_row(importing *im, int64_t row, const char *why) {
    if (im->cli->json)
        return lk_cli_print(json_pack("{s:I, s:s, s:s}", "row", (json_int_t)row, "status", "unusable", "reason", why),
                            &im->err);
    LK_FREE char *clean = lk_printable(why);
    const size_t size = clean == NULL ? 0 : strlen(clean);
    lk_message("Row %lld: %s%s", (long long)row, clean == NULL ? "" : clean,
               size > 0 && clean[size - 1] == '.' ? "" : ".");
    return LIKEN_OK;
}

static int heard(void *ctx, const liken_progress *p) {
    importing *im = ctx;
    if (!im->started)
        lk_progress_start("rows", (size_t)p->total);
    im->started = true;
    lk_progress_show((size_t)p->done, (size_t)p->added);
    const int rc = p->message == NULL ? LIKEN_OK : tell_row(im, p->row, p->message);
    return rc != LIKEN_OK;
}

static int summary(const importing *im, double seconds, bool interrupted, liken_error *err) {
    const liken_import_count *n = &im->count;
    char took[32];
    if (im->cli->json)
        return lk_cli_print(json_pack("{s:{s:I, s:I, s:I, s:I, s:I, s:f, s:b}}", "summary", "rows",
                                      (json_int_t)n->total, "read", (json_int_t)n->read, "added", (json_int_t)n->added,
                                      "existed", (json_int_t)n->existed, "unusable", (json_int_t)n->unusable, "seconds",
                                      seconds, "interrupted", interrupted),
                            err);
    lk_duration_text(seconds, took, sizeof took);
    (void)printf("Read %lld of %lld rows in %s: %lld added, %lld there already, %lld that cannot be used.\n",
                 (long long)n->read, (long long)n->total, took, (long long)n->added, (long long)n->existed,
                 (long long)n->unusable);
    return LIKEN_OK;
}

int lk_cmd_import(const lk_cli *cli) {
    const lk_config *c = cli->config;
    liken_error err = {0};
    liken *lk = NULL;
    importing im = {.cli = cli};
    const bool named = lk_config_given(c, LK_SET_COLLECTION);
    const liken_import_options options = {.size = sizeof(liken_import_options),
                                          .from = cli->words[0],
                                          .table = lk_config_text(c, LK_SET_TABLE),
                                          .collection = named ? lk_config_text(c, LK_SET_COLLECTION) : NULL,
                                          .reencode = lk_config_switch(c, LK_SET_REENCODE)};
    int rc = lk_cli_open_or_make(cli, &lk, &err);
    const double started = lk_clock_monotonic();
    if (rc == LIKEN_OK) {
        lk_interrupt_arm();
        const liken_call call = lk_cli_call_telling(heard, &im);
        rc = liken_import(lk, &call, &options, &im.count, &err);
        lk_progress_end();
    }
    const bool stopped = rc == LIKEN_E_CANCELLED;
    if ((rc == LIKEN_OK || stopped) && summary(&im, lk_clock_monotonic() - started, stopped, &err) != LIKEN_OK)
        rc = LIKEN_E_MEMORY;
    liken_free(lk);
    if (stopped && im.err.code == 0) {
        lk_message("%s The same command goes on from here.", err.message);
        return LK_EXIT_INTERRUPTED;
    }
    if (rc != LIKEN_OK)
        return lk_cli_failed(cli, stopped ? &im.err : &err);
    return im.count.unusable > 0 ? LK_EXIT_FAILED : LK_EXIT_DONE;
}
