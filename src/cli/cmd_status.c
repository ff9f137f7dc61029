#include "wire/json.h"
#include "cli/caller.h"
#include "cli/cli.h"
#include "cli/message.h"

#include <inttypes.h>
#include <stdio.h>

static int print_state(const lk_cli *cli, const liken_state *s, liken_error *err) {
    if (cli->json)
        return lk_cli_print(lk_json_state(s), err);
    LK_FREE char *store = lk_printable(s->store);
    LK_FREE char *data = lk_printable(s->data);
    (void)printf("store        %s\ndata         %s\n", store == NULL ? "?" : store, data == NULL ? "?" : data);
    (void)printf("collections  %" PRId64 "\nphotos       %" PRId64 "\nfaces        %" PRId64 "\n", s->collections,
                 s->images, s->faces);
    (void)printf("sandbox      %s\n", s->sandbox);
    if (s->read_only != NULL) {
        LK_FREE char *why = lk_printable(s->read_only);
        (void)printf("read-only    %s\n", why == NULL ? "?" : why);
    }
    if (s->erasing > 0)
        (void)printf("erasing      %" PRId64 " photos of removed collections\n", s->erasing);
    return LIKEN_OK;
}

int lk_cmd_status(const lk_cli *cli) {
    liken_error err = {0};
    liken *lk = NULL;
    liken_state *state = NULL;
    int rc = lk_cli_open(cli, true, &lk, &err);
    if (rc == LIKEN_OK)
        rc = liken_get_state(lk, lk_cli_call(), &state, &err);
    if (rc == LIKEN_OK)
        rc = print_state(cli, state, &err);
    liken_state_free(state);
    liken_free(lk);
    return rc == LIKEN_OK ? LK_EXIT_DONE : lk_cli_failed(cli, &err);
}
