/* cmd_keys.c - liken keys add, list and rm: the keys of a gallery's server, in its store or in a file. */
#include "auth/auth.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/limits.h"
#include "cli/caller.h"
#include "cli/cli.h"
#include "cli/message.h"
#include "wire/json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* What holds it back, and when it was used, as people read it. */
static void print_limits(const lk_key *key) {
    char text[32];
    const lk_key_limits *l = &key->limits;
    const double threshold = lk_key_max_threshold(key);
    lk_rate_format(l->rate, text, sizeof text);
    if (l->rate.count > 0)
        (void)printf(", %s", text);
    if (l->max_limit > 0)
        (void)printf(", max-limit %d", l->max_limit);
    if (threshold > 0)
        (void)printf(", max-threshold %g", threshold);
    else if (threshold < 0)
        (void)printf(", max-threshold of the collection");
    lk_clock_format(l->expires_at, text, sizeof text);
    if (l->expires_at != 0)
        (void)printf(", %s %s", lk_key_expired(key, lk_clock_now()) ? "EXPIRED" : "until", text);
    lk_clock_format(key->used_at, text, sizeof text);
    if (key->used_at != 0)
        (void)printf(", last used %s", text);
    (void)printf("\n");
}

static int print_key(const lk_cli *cli, const lk_key *key, const char *secret, liken_error *err) {
    char scopes[64];
    lk_scopes_format(key->scopes, scopes, sizeof scopes);
    if (cli->json)
        return lk_cli_print(lk_key_json(key, secret), err);
    if (secret != NULL) {
        (void)printf("%s\n", secret);
    } else {
        (void)printf("%-20s %-30s %s", key->name, scopes,
                     key->collection[0] != '\0' ? key->collection : "every collection");
        print_limits(key);
    }
    return LIKEN_OK;
}

/* Where the keys are: *lk, to be freed, is the gallery whose store holds them; NULL with --key-file. */
static int open_keys(const lk_cli *cli, const liken_options *options, liken **lk, lk_key_place *place,
                     liken_error *err) {
    const char *given = lk_config_text(cli->config, LK_SET_KEY_FILE);
    const int rc = given == NULL ? liken_open(lk, options, lk_cli_call(), err) : LIKEN_OK;
    if (rc == LIKEN_OK)
        *place = given == NULL ? lk_keys_of(*lk, NULL, cli->keys) : (lk_key_place){NULL, given};
    return rc;
}

/* A file of keys has a folder: a mistyped one has none. */
static int check_folder(const char *file, liken_error *err) {
    const char *slash = strrchr(file, '/');
    LK_FREE char *folder = slash == NULL ? strdup(".") : strndup(file, slash == file ? 1 : (size_t)(slash - file));
    struct stat st;
    if (folder == NULL)
        return lk_fail_memory(err);
    if (stat(folder, &st) != 0 && (errno == ENOENT || errno == ENOTDIR))
        return lk_fail(err, LIKEN_E_NOT_FOUND,
                       "There is no folder %s, and so no key in it. liken keys add NAME makes one.", folder);
    return LIKEN_OK;
}

/* The same for what makes nothing. The file of an older liken is there before a gallery is. */
static int open_existing(const lk_cli *cli, bool read_only, liken **lk, lk_key_place *place, liken_error *err) {
    liken_options options = lk_cli_options(cli, true);
    struct stat st;
    options.existing = true;
    options.read_only = read_only;
    int rc = open_keys(cli, &options, lk, place, err);
    if (rc == LIKEN_E_NOT_FOUND && stat(cli->keys, &st) == 0) {
        *place = (lk_key_place){NULL, cli->keys};
        return LIKEN_OK;
    }
    if (rc == LIKEN_E_NOT_FOUND && (options.store == NULL || strcmp(options.store, "sqlite") == 0))
        return lk_fail(err, rc, "There is no gallery in %s, and so no key. liken keys add NAME makes one.", cli->data);
    return rc == LIKEN_OK && place->store == NULL ? check_folder(place->file, err) : rc;
}

static int list(const lk_cli *cli) {
    liken_error err = {0};
    lk_key *keys = NULL;
    size_t count = 0;
    liken *lk = NULL;
    lk_key_place place;
    int rc = open_existing(cli, true, &lk, &place, &err);
    if (rc == LIKEN_OK)
        rc = lk_key_list(&place, &keys, &count, &err);
    for (size_t i = 0; rc == LIKEN_OK && i < count; i++)
        rc = print_key(cli, &keys[i], NULL, &err);
    free(keys);
    liken_free(lk);
    if (rc == LIKEN_OK && count == 0)
        lk_message("There is no key; liken keys add NAME makes one.");
    return rc == LIKEN_OK ? LK_EXIT_DONE : lk_cli_failed(cli, &err);
}

/* Is there a collection of that name? Looks without making a gallery where there is none. */
static int find_collection(const lk_cli *cli, const char *name, bool *found, liken_error *err) {
    liken_options options = lk_cli_options(cli, true);
    liken *lk = NULL;
    liken_collection *collection = NULL;
    options.read_only = true;
    int rc = liken_open(&lk, &options, lk_cli_call(), err);
    if (rc == LIKEN_OK)
        rc = liken_collection_get(lk, lk_cli_call(), name, &collection, err);
    *found = rc == LIKEN_OK;
    liken_collection_free(collection);
    liken_free(lk);
    return rc == LIKEN_E_NOT_FOUND ? LIKEN_OK : rc;
}

/* LK_EXIT_DONE when the key may be bound to the collection: a misspelt one would open nothing, and in silence. */
static int check_collection(const lk_cli *cli, const char *name) {
    liken_error err = {0};
    bool found = false, usage = false;
    if (name == NULL || strcmp(name, LK_DEFAULT_COLLECTION) == 0 || lk_config_switch(cli->config, LK_SET_YES))
        return LK_EXIT_DONE;
    if (find_collection(cli, name, &found, &err) != LIKEN_OK)
        return lk_cli_failed(cli, &err);
    if (found)
        return LK_EXIT_DONE;
    char question[256];
    (void)snprintf(question, sizeof question, "There is no collection \"%.64s\" yet. Make the key all the same?", name);
    if (lk_cli_confirm(cli, question, &usage))
        return LK_EXIT_DONE;
    return usage
               ? lk_cli_usage(cli,
                              "There is no collection \"%.64s\"; liken collections list shows them. With --yes the key "
                              "is made all the same.",
                              name)
               : LK_EXIT_NOTHING;
}

/* What the flags say of a key that is to be made. */
static int read_key(const lk_cli *cli, const char *collection, lk_key *key, liken_error *err) {
    const lk_config *c = cli->config;
    const char *expires = lk_config_text(c, LK_SET_EXPIRES), *rate = lk_config_text(c, LK_SET_RATE);
    *key = (lk_key){.limits = {.max_limit = (int)lk_config_number(c, LK_SET_MAX_LIMIT),
                               .max_threshold = lk_config_number(c, LK_SET_MAX_THRESHOLD)}};
    (void)snprintf(key->name, sizeof key->name, "%s", cli->words[0]);
    (void)snprintf(key->collection, sizeof key->collection, "%s", collection != NULL ? collection : "");
    int rc = lk_scopes_parse(lk_config_text(c, LK_SET_SCOPE), &key->scopes, err);
    if (rc == LIKEN_OK && expires != NULL) {
        rc = lk_expiry_parse(expires, lk_clock_now(), &key->limits.expires_at, err);
        if (rc != LIKEN_OK)
            lk_error_prefix(err, "--expires");
    }
    if (rc == LIKEN_OK && rate != NULL) {
        rc = lk_rate_parse(rate, &key->limits.rate, err);
        if (rc != LIKEN_OK)
            lk_error_prefix(err, "--rate");
    }
    return rc;
}

static int make(const lk_cli *cli, const lk_key *key, const char *collection, char secret[LK_KEY_TEXT],
                liken_error *err) {
    const liken_options options = lk_cli_options(cli, true);
    liken *lk = NULL;
    lk_key_place place;
    int rc = open_keys(cli, &options, &lk, &place, err);
    if (rc == LIKEN_OK)
        rc = lk_key_add(&place, cli->words[0], key->scopes, collection, &key->limits, secret, err);
    liken_free(lk);
    return rc;
}

static int add(const lk_cli *cli) {
    liken_error err = {0};
    lk_key key;
    char secret[LK_KEY_TEXT];
    const bool bound = lk_config_given(cli->config, LK_SET_COLLECTION);
    const char *collection = bound ? lk_config_text(cli->config, LK_SET_COLLECTION) : NULL;
    const int code = check_collection(cli, collection);
    if (code != LK_EXIT_DONE)
        return code;
    int rc = read_key(cli, collection, &key, &err);
    if (rc == LIKEN_OK)
        rc = make(cli, &key, collection, secret, &err);
    if (rc == LIKEN_OK) {
        rc = print_key(cli, &key, secret, &err);
        lk_message("Keep it now: it is not shown again.");
    }
    return rc == LIKEN_OK ? LK_EXIT_DONE : lk_cli_failed(cli, &err);
}

static int rm(const lk_cli *cli) {
    liken_error err = {0};
    liken *lk = NULL;
    lk_key_place place;
    int rc = open_existing(cli, false, &lk, &place, &err);
    if (rc != LIKEN_OK)
        return lk_cli_failed(cli, &err);
    rc = lk_key_remove(&place, cli->words[0], &err);
    liken_free(lk);
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
