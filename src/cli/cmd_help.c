#include "cli/help.h"

#include <stdio.h>
#include <string.h>

static int page(const lk_cli *cli, int (*render)(const lk_command *, char **, liken_error *)) {
    liken_error err = {0};
    const lk_command *command = NULL;
    for (size_t i = 0; cli->count > 0 && i < lk_commands_count; i++)
        if (strcmp(lk_commands[i].name, cli->words[0]) == 0)
            command = &lk_commands[i];
    if (cli->count > 0 && command == NULL)
        return lk_cli_usage(cli, "There is no command \"%s\".", cli->words[0]);
    LK_FREE char *text = NULL;
    int rc = render(command, &text, &err);
    if (rc == LIKEN_OK && cli->json)
        rc = lk_cli_print(json_pack("{s:s}", "text", text), &err);
    else if (rc == LIKEN_OK)
        (void)fputs(text, stdout);
    return rc == LIKEN_OK ? LK_EXIT_DONE : lk_cli_failed(cli, &err);
}

int lk_cmd_help(const lk_cli *cli) {
    return page(cli, lk_help_render);
}

int lk_cmd_man(const lk_cli *cli) {
    return page(cli, lk_man_render);
}
