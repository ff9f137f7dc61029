#include "wire/json.h"
#include "cli/caller.h"
#include "cli/cli.h"
#include "cli/message.h"

#include <stdio.h>
#include <string.h>

static const char *folder_of(const lk_cli *cli) {
    return lk_config_text(cli->config, LK_SET_MODELS);
}

static json_t *pack_json(const liken_pack *p) {
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:b}", "name", lk_json_text(p->name), "version",
                     lk_json_text(p->version), "licence", lk_json_text(p->licence), "source", lk_json_text(p->source),
                     "holds", lk_json_text(p->holds), "path", lk_json_text(p->path), "installed", p->installed,
                     "default", p->is_default);
}

static int print_packs(const lk_cli *cli, const liken_pack *packs, size_t count, liken_error *err) {
    if (cli->json) {
        json_t *list = json_array();
        for (size_t i = 0; i < count; i++)
            if (json_array_append_new(list, pack_json(&packs[i])) != 0) {
                json_decref(list);
                return lk_fail_memory(err);
            }
        return lk_cli_print(list, err);
    }
    for (size_t i = 0; i < count; i++) {
        const liken_pack *p = &packs[i];
        (void)printf("%-13s %-9s %-13s %s (%s)\n", p->name, p->version == NULL ? "" : p->version,
                     p->installed ? "installed" : "not installed", p->holds == NULL ? "" : p->holds,
                     p->licence == NULL ? "licence unknown" : p->licence);
    }
    return LIKEN_OK;
}

static int list(const lk_cli *cli) {
    liken_error err = {0};
    liken_pack *packs = NULL;
    size_t count = 0;
    int rc = liken_pack_list(folder_of(cli), &packs, &count, &err);
    if (rc == LIKEN_OK)
        rc = print_packs(cli, packs, count, &err);
    liken_packs_free(packs, count);
    return rc == LIKEN_OK ? LK_EXIT_DONE : lk_cli_failed(cli, &err);
}

static int on_progress(void *ctx, const liken_progress *p) {
    (void)ctx;
    LK_FREE char *clean = lk_printable(p->message);
    lk_message("%s", clean == NULL ? "" : clean);
    return 0;
}

/* One line about one pack; false when `err` could not be said in JSON for want of memory. */
static int report(const lk_cli *cli, const char *name, int rc, const char *done, const liken_error *err) {
    liken_error failed = {0};
    if (!cli->json && rc == LIKEN_OK)
        (void)printf("%s: %s\n", name, done);
    if (!cli->json)
        return LIKEN_OK;
    json_t *json = json_pack("{s:o, s:s}", "pack", lk_json_text(name), "status", rc == LIKEN_OK ? done : "failed");
    if (json != NULL && rc != LIKEN_OK)
        (void)json_object_set_new(json, "error", lk_cli_error_json(err));
    return lk_cli_print(json, &failed);
}

static int install_one(const lk_cli *cli, const char *name, bool optional, bool *done) {
    liken_error err = {0};
    const liken_call call = lk_cli_call_telling(on_progress, NULL);
    const int rc = liken_pack_install(folder_of(cli), name, &call, &err);
    *done = rc == LIKEN_OK;
    if (report(cli, name, rc, "installed", &err) != LIKEN_OK)
        return LK_EXIT_FAILED;
    if (rc == LIKEN_OK)
        return LK_EXIT_DONE;
    if (!optional)
        return lk_cli_failed(cli, &err);
    LK_FREE char *sentence = lk_printable(err.message);
    lk_message("Note: the optional pack %s is not installed: %s", name, sentence == NULL ? "" : sentence);
    return LK_EXIT_DONE;
}

/* The best pack for each task that can be had. faceapi, which has one for all of them, is needed where that leaves
 * something undone. */
static int install_most(const lk_cli *cli) {
    bool finds = false, describes = false, spare = false;
    int code = install_one(cli, "yunet", true, &finds);
    if (code == LK_EXIT_DONE)
        code = install_one(cli, "reid", true, &describes);
    if (code == LK_EXIT_DONE && !describes)
        code = install_one(cli, "mobilefacenet", true, &describes);
    const int last = install_one(cli, "faceapi", finds && describes, &spare);
    return code != LK_EXIT_DONE ? code : last;
}

static int install(const lk_cli *cli) {
    bool done;
    if (cli->count == 0)
        return install_most(cli);
    int code = LK_EXIT_DONE;
    for (size_t i = 0; i < cli->count; i++) {
        const int c = install_one(cli, cli->words[i], false, &done);
        code = c == LK_EXIT_DONE ? code : c;
    }
    return code;
}

static int verify_one(const lk_cli *cli, const char *name) {
    liken_error err = {0};
    const int rc = liken_pack_verify(folder_of(cli), name, lk_cli_call(), &err);
    if (report(cli, name, rc, "intact", &err) != LIKEN_OK)
        return LK_EXIT_FAILED;
    return rc == LIKEN_OK ? LK_EXIT_DONE : lk_cli_failed(cli, &err);
}

static int verify_installed(const lk_cli *cli) {
    liken_error err = {0};
    liken_pack *packs = NULL;
    size_t count = 0, installed = 0;
    if (liken_pack_list(folder_of(cli), &packs, &count, &err) != LIKEN_OK)
        return lk_cli_failed(cli, &err);
    int code = LK_EXIT_DONE;
    for (size_t i = 0; i < count; i++) {
        if (!packs[i].installed)
            continue;
        installed++;
        if (verify_one(cli, packs[i].name) != LK_EXIT_DONE)
            code = LK_EXIT_FAILED;
    }
    liken_packs_free(packs, count);
    if (installed == 0) {
        lk_message("liken models: no pack is installed; liken models install fetches them.");
        return LK_EXIT_FAILED;
    }
    return code;
}

static int verify(const lk_cli *cli) {
    int code = cli->count == 0 ? verify_installed(cli) : LK_EXIT_DONE;
    for (size_t i = 0; i < cli->count; i++)
        if (verify_one(cli, cli->words[i]) != LK_EXIT_DONE)
            code = LK_EXIT_FAILED;
    return code;
}

int lk_cmd_models(const lk_cli *cli) {
    static const lk_verb verbs[] = {
        {"list", 0, 0, list}, {"install", 0, LK_ANY, install}, {"verify", 0, LK_ANY, verify}};
    return lk_cli_verb(cli, verbs, LK_LENGTH(verbs));
}
