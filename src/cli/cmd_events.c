/* What happened in a collection: all that the store still knows, or from a number on, and with --follow on and on. */
#include "base/clock.h"
#include "cli/caller.h"
#include "cli/cli.h"
#include "cli/interrupt.h"
#include "cli/message.h"
#include "wire/json.h"

#include <inttypes.h>
#include <stdio.h>

#define PAGE 500
#define PAUSE 1.0 /* seconds between two questions, when following */

static int print_event(const lk_cli *cli, const liken_event *e, liken_error *err) {
    if (cli->json)
        return lk_cli_print(lk_json_event(e, true), err);
    char at[32];
    lk_clock_format(e->at, at, sizeof at);
    LK_FREE char *actor = lk_printable(e->actor == NULL ? "" : e->actor);
    (void)printf("%8" PRId64 "  %s  %-18s", e->number, at, liken_event_code(e->kind));
    if (e->image > 0)
        (void)printf("  image %" PRId64, e->image);
    if (e->face > 0)
        (void)printf("  face %" PRId64, e->face);
    (void)printf("%s%s\n", e->actor == NULL ? "" : "  by ", actor == NULL ? "?" : actor);
    return fflush(stdout) == 0 ? LIKEN_OK : lk_fail(err, LIKEN_E_IO, "Standard output cannot be written to.");
}

/* All that came after *after, which moves on; *printed counts. */
static int print_new(const lk_cli *cli, liken *lk, int64_t *after, size_t *printed, liken_error *err) {
    const char *collection = lk_config_text(cli->config, LK_SET_COLLECTION);
    int rc = LIKEN_OK;
    for (bool more = true; rc == LIKEN_OK && more && !lk_interrupted();) {
        liken_event_list *page = NULL;
        rc = liken_events_after(lk, lk_cli_call(), collection, *after, PAGE, &page, err);
        if (rc != LIKEN_OK)
            return rc;
        for (size_t i = 0; rc == LIKEN_OK && i < page->count; i++, (*printed)++)
            rc = print_event(cli, &page->events[i], err);
        *after = page->next;
        more = page->more;
        liken_event_list_free(page);
    }
    return rc;
}

int lk_cmd_events(const lk_cli *cli) {
    liken_error err = {0};
    liken *lk = NULL;
    size_t printed = 0;
    int64_t after = (int64_t)lk_config_size(cli->config, LK_SET_AFTER);
    const bool follow = lk_config_switch(cli->config, LK_SET_FOLLOW);
    if (follow)
        lk_interrupt_arm();
    int rc = lk_cli_open(cli, true, &lk, &err);
    if (rc == LIKEN_OK)
        rc = print_new(cli, lk, &after, &printed, &err);
    while (rc == LIKEN_OK && follow && !lk_interrupt_wait_for(PAUSE))
        rc = print_new(cli, lk, &after, &printed, &err);
    liken_free(lk);
    if (rc != LIKEN_OK)
        return lk_cli_failed(cli, &err);
    if (printed == 0 && !follow)
        lk_message("Nothing happened since.");
    return printed == 0 && !follow ? LK_EXIT_NOTHING : LK_EXIT_DONE;
}
