#include "base/clock.h"
#include "cli/caller.h"
#include "cli/cli.h"
#include "cli/interrupt.h"
#include "cli/message.h"

#include <stdio.h>
#include <string.h>

typedef struct moving {
    char what[32]; /* is shown now: "photos copied" */
} moving;

static int heard(void *ctx, const liken_progress *p) {
    moving *m = ctx;
    if (strcmp(m->what, p->what) != 0) {
        lk_progress_end();
        (void)snprintf(m->what, sizeof m->what, "%s", p->what);
        lk_progress_start(m->what, (size_t)p->total);
    }
    lk_progress_show((size_t)p->done, 0);
    return 0;
}

/* "sqlite:FOLDER", or what --store takes. */
static liken_options place(const char *where) {
    liken_options o = LIKEN_OPTIONS_INIT;
    if (strncmp(where, "sqlite:", 7) == 0)
        o.data = where[7] == '\0' ? NULL : where + 7;
    else
        o.store = where;
    return o;
}

static int summary(const lk_cli *cli, const liken_move_count *n, double seconds, liken_error *err) {
    char took[32], sum[65];
    for (size_t i = 0; i < sizeof n->checksum; i++)
        (void)snprintf(sum + 2 * i, 3, "%02x", n->checksum[i]);
    if (cli->json)
        return lk_cli_print(json_pack("{s:I, s:I, s:s, s:f}", "images", (json_int_t)n->verified, "faces",
                                      (json_int_t)n->faces, "checksum", sum, "seconds", seconds),
                            err);
    lk_duration_text(seconds, took, sizeof took);
    (void)printf("Moved %lld photos with %lld faces in %s; every one was compared (checksum %.16s).\n",
                 (long long)n->verified, (long long)n->faces, took, sum);
    return LIKEN_OK;
}

int lk_cmd_move(const lk_cli *cli) {
    const char *from = lk_config_text(cli->config, LK_SET_FROM), *to = lk_config_text(cli->config, LK_SET_TO);
    liken_error err = {0};
    liken_move_count count = {0};
    moving m = {0};
    if (from == NULL || to == NULL)
        return lk_cli_usage(cli, "Say --from and --to.");
    const liken_options a = place(from), b = place(to);
    const double started = lk_clock_monotonic();
    lk_interrupt_arm();
    const liken_call call = lk_cli_call_telling(heard, &m);
    int rc = liken_move(&a, &b, &call, &count, &err);
    lk_progress_end();
    if (rc == LIKEN_E_CANCELLED) {
        lk_message("%s The same command goes on from there.", err.message);
        return LK_EXIT_INTERRUPTED;
    }
    if (rc == LIKEN_OK)
        rc = summary(cli, &count, lk_clock_monotonic() - started, &err);
    return rc == LIKEN_OK ? LK_EXIT_DONE : lk_cli_failed(cli, &err);
}
