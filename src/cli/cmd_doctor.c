#include "wire/json.h"
#include "cli/caller.h"
#include "cli/cli.h"
#include "cli/message.h"

#include <stdio.h>

typedef struct findings {
    json_t *list; /* NULL unless JSON is wanted */
} findings;

static int on_finding(void *ctx, const liken_progress *p) {
    static const char *const names[] = {"good", "note", "bad"};
    findings *f = ctx;
    if (f->list != NULL) {
        /* appending NULL fails and is seen in the count that is printed */
        (void)json_array_append_new(f->list, json_pack("{s:o, s:s, s:o}", "what", lk_json_text(p->what), "verdict",
                                                       names[p->verdict], "message", lk_json_text(p->message)));
        return 0;
    }
    LK_FREE char *subject = lk_printable(p->what);
    LK_FREE char *sentence = lk_printable(p->message == NULL ? "" : p->message);
    const bool says = sentence != NULL && sentence[0] != '\0';
    (void)printf("%-4s  %s%s%s\n", names[p->verdict], subject == NULL ? "?" : subject, says ? ": " : "",
                 says ? sentence : "");
    return 0;
}

int lk_cmd_doctor(const lk_cli *cli) {
    liken_error err = {0};
    findings f = {cli->json ? json_array() : NULL};
    const liken_options options = lk_cli_options(cli, false);
    const liken_call call = lk_cli_call_telling(on_finding, &f);
    const int bad = liken_check(&options, &call, &err);
    if (bad < 0) {
        json_decref(f.list);
        return lk_cli_failed(cli, &err);
    }
    if (cli->json && lk_cli_print(json_pack("{s:i, s:o}", "bad", bad, "findings", f.list), &err) != LIKEN_OK)
        return lk_cli_failed(cli, &err);
    if (!cli->json)
        (void)printf(bad == 0 ? "All is well.\n" : "%d to mend.\n", bad);
    return bad == 0 ? LK_EXIT_DONE : LK_EXIT_FAILED;
}
