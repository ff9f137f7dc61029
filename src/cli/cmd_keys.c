#include "api/json.h"
#include "auth/auth.h"
#include "base/buf.h"
#include "cli/cli.h"
#include "cli/message.h"

#include <stdio.h>
#include <stdlib.h>

static int print_key(const lk_cli *cli, const lk_key *key, const char *secret, liken_error *err) {
    char scopes[64];
    lk_scopes_format(key->scopes, scopes, sizeof scopes);
    const bool bound = key->collection[0] != '\0';
    if (cli->json) {
        json_t *json = json_pack("{s:s, s:s, s:s?}", "name", key->name, "scopes", scopes, "collection",
                                 bound ? key->collection : NULL);
        if (json != NULL && secret != NULL)
            (void)json_object_set_new(json, "key", json_string(secret));
        return lk_cli_print(json, err);
    }
    if (secret != NULL)
        (void)printf("%s\n", secret);
    else
        (void)printf("%-20s %-30s %s\n", key->name, scopes, bound ? key->collection : "every collection");
    return LIKEN_OK;
}

static int list(const lk_cli *cli) {
    liken_error err = {0};
    lk_key *keys = NULL;
    size_t count = 0;
    int rc = lk_key_list(cli->keys, &keys, &count, &err);
    for (size_t i = 0; rc == LIKEN_OK && i < count; i++)
        rc = print_key(cli, &keys[i], NULL, &err);
    free(keys);
    if (rc == LIKEN_OK && count == 0)
        lk_message("There is no key; liken keys add NAME makes one.");
    return rc == LIKEN_OK ? LK_EXIT_DONE : lk_cli_failed(cli, &err);
}

static int add(const lk_cli *cli) {
    liken_error err = {0};
    lk_key key = {0};
    char secret[LK_KEY_TEXT];
    const bool bound = lk_config_given(cli->config, LK_SET_COLLECTION);
    const char *collection = bound ? lk_config_text(cli->config, LK_SET_COLLECTION) : NULL;
    int rc = lk_scopes_parse(lk_config_text(cli->config, LK_SET_SCOPE), &key.scopes, &err);
    if (rc == LIKEN_OK && lk_config_text(cli->config, LK_SET_KEY_FILE) == NULL)
        rc = lk_folder_make(cli->data, &err);
    if (rc == LIKEN_OK)
        rc = lk_key_add(cli->keys, cli->words[0], key.scopes, collection, secret, &err);
    if (rc == LIKEN_OK) {
        (void)snprintf(key.name, sizeof key.name, "%s", cli->words[0]);
        (void)snprintf(key.collection, sizeof key.collection, "%s", bound ? collection : "");
        rc = print_key(cli, &key, secret, &err);
        lk_message("Keep it now: it is not shown again.");
    }
    return rc == LIKEN_OK ? LK_EXIT_DONE : lk_cli_failed(cli, &err);
}

static int rm(const lk_cli *cli) {
    liken_error err = {0};
    int rc = lk_key_remove(cli->keys, cli->words[0], &err);
    if (rc == LIKEN_E_NOT_FOUND) {
        lk_message("%s", err.message);
        return LK_EXIT_NOTHING;
    }
    if (rc == LIKEN_OK && cli->json)
        rc = lk_cli_print(json_pack("{s:s}", "removed", cli->words[0]), &err);
    else if (rc == LIKEN_OK)
        (void)printf("Removed %s.\n", cli->words[0]);
    return rc == LIKEN_OK ? LK_EXIT_DONE : lk_cli_failed(cli, &err);
}

int lk_cmd_keys(const lk_cli *cli) {
    static const lk_verb verbs[] = {{"list", 0, 0, list}, {"add", 1, 1, add}, {"rm", 1, 1, rm}};
    return lk_cli_verb(cli, verbs, LK_LENGTH(verbs));
}
