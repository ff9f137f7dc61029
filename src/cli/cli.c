#include "cli/caller.h"
#include "cli/cli.h"

#include "wire/json.h"
#include "base/buf.h"
#include "base/places.h"
#include "base/text.h"
#include "base/words.h"
#include "cli/message.h"
#include "cli/nearby.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int lk_cli_failed(const lk_cli *cli, const liken_error *err) {
    LK_FREE char *sentence = lk_printable(err->message);
    lk_message("liken %s: %s", cli->command->name, sentence == NULL ? "out of memory" : sentence);
    return err->code == LIKEN_E_CANCELLED ? LK_EXIT_INTERRUPTED
           : err->code == LIKEN_E_ARG     ? LK_EXIT_USAGE
                                          : LK_EXIT_FAILED;
}

int lk_cli_usage(const lk_cli *cli, const char *format, ...) {
    char text[512];
    va_list ap;
    va_start(ap, format);
    (void)vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    LK_FREE char *sentence = lk_printable(text);
    lk_message("liken %s: %s See liken help %s.", cli->command->name, sentence == NULL ? "" : sentence,
               cli->command->name);
    return LK_EXIT_USAGE;
}

/* The smaller of what --min-face and --thorough ask for; 0: neither is there. */
static int min_face(const lk_config *c) {
    const int given = (int)lk_config_number(c, LK_SET_MIN_FACE);
    const bool thorough = lk_config_switch(c, LK_SET_THOROUGH);
    return thorough && (given == 0 || given > LIKEN_THOROUGH) ? LIKEN_THOROUGH : given;
}

liken_options lk_cli_options(const lk_cli *cli, bool no_models) {
    const lk_config *c = cli->config;
    static const char *const detectors[] = {"auto", LK_DETECTOR_WORDS(LK_AND)};
    return (liken_options){
        .size = sizeof(liken_options),
        .data = cli->data,
        .store = lk_config_text(c, LK_SET_STORE),
        .legacy_table = lk_config_text(c, LK_SET_LEGACY_TABLE),
        .index_memory = lk_config_size(c, LK_SET_INDEX_MEMORY),
        .models = lk_config_text(c, LK_SET_MODELS),
        .pack = lk_config_text(c, LK_SET_PACK),
        .detector = detectors[lk_config_choice(c, LK_SET_DETECTOR)],
        .threads = (int)lk_config_number(c, LK_SET_THREADS),
        .max_file_bytes = lk_config_size(c, LK_SET_MAX_FILE),
        .max_pixels = (size_t)(lk_config_number(c, LK_SET_MAX_MEGAPIXELS) * 1e6),
        .max_faces = (int)lk_config_number(c, LK_SET_MAX_FACES),
        .min_face = min_face(c),
        .sandbox = lk_config_choice(c, LK_SET_SANDBOX) == 0,
        .no_models = no_models,
        .photo_folders = lk_config_text(c, LK_SET_PHOTO_FOLDERS),
    };
}

int lk_cli_open(const lk_cli *cli, bool no_models, liken **out, liken_error *err) {
    liken_options options = lk_cli_options(cli, no_models);
    options.existing = true;
    const int rc = liken_open(out, &options, lk_cli_call(), err);
    if (rc == LIKEN_E_NOT_FOUND && (options.store == NULL || strcmp(options.store, "sqlite") == 0))
        lk_cli_hint_gallery(cli->data, err);
    return rc;
}

int lk_cli_open_or_make(const lk_cli *cli, liken **out, liken_error *err) {
    const liken_options options = lk_cli_options(cli, false);
    return liken_open(out, &options, lk_cli_call(), err);
}

int lk_cli_open_models(const lk_cli *cli, liken **out, liken_error *err) {
    liken_options options = lk_cli_options(cli, false);
    options.no_store = true;
    return liken_open(out, &options, lk_cli_call(), err);
}

int lk_cli_print(json_t *json, liken_error *err) {
    LK_FREE char *line = json == NULL ? NULL : lk_json_line(json);
    json_decref(json);
    if (line == NULL)
        return lk_fail_memory(err);
    (void)puts(line);     /* a full disk is found when the program ends */
    (void)fflush(stdout); /* a reader learns at once what is done */
    return LIKEN_OK;
}

json_t *lk_cli_error_json(const liken_error *err) {
    return json_pack("{s:s, s:o}", "code", liken_status_code(err->code), "message", lk_json_text(err->message));
}

static const char *nearest_verb(const lk_verb *verbs, size_t count, const char *word) {
    const char *names[16];
    for (size_t i = 0; i < count && i < LK_LENGTH(names); i++)
        names[i] = verbs[i].name;
    return lk_suggest(word, names, count);
}

int lk_cli_verb(const lk_cli *cli, const lk_verb *verbs, size_t count) {
    const char *word = cli->count == 0 ? "" : cli->words[0];
    for (size_t i = 0; i < count; i++) {
        if (strcmp(word, verbs[i].name) != 0)
            continue;
        lk_cli rest = *cli;
        rest.words++;
        rest.count--;
        if (rest.count < verbs[i].least)
            return lk_cli_usage(cli, "%s needs a name.", word);
        if (rest.count > verbs[i].most)
            return lk_cli_usage(cli, "%s takes fewer words: \"%s\" is one too many.", word, rest.words[verbs[i].most]);
        return verbs[i].run(&rest);
    }
    const char *near = nearest_verb(verbs, count, word);
    if (near != NULL)
        return lk_cli_usage(cli, "There is no \"%s\"; did you mean %s?", word, near);
    return lk_cli_usage(cli, "%s%s%s", *word ? "There is no \"" : "What to do? Say ",
                        *word ? word : cli->command->synopsis, *word ? "\"." : ".");
}

char *lk_cli_label(const char *text) {
    return lk_utf8_valid(text) ? strdup(text) : liken_label_of_path(text);
}

bool lk_cli_read_id(const char *word, int64_t *id) {
    const size_t digits = strspn(word, "0123456789");
    if (digits == 0 || word[digits] != '\0')
        return false;
    errno = 0;
    const long long n = strtoll(word, NULL, 10);
    if (errno != 0 || n < 1)
        return false;
    *id = n;
    return true;
}

int lk_cli_check_ids(const lk_cli *cli, liken_error *err) {
    int64_t id = 0;
    for (size_t i = 0; i < cli->count; i++)
        if (!lk_cli_read_id(cli->words[i], &id))
            return lk_fail(err, LIKEN_E_ARG, "\"%.64s\" is not the id of a photo; liken list shows them.",
                           cli->words[i]);
    return LIKEN_OK;
}

bool lk_cli_confirm(const lk_cli *cli, const char *question, bool *usage) {
    *usage = false;
    if (lk_config_switch(cli->config, LK_SET_YES))
        return true;
    if (!isatty(STDIN_FILENO)) {
        *usage = true;
        return false;
    }
    LK_FREE char *clean = lk_printable(question);
    (void)fprintf(stderr, "%s [y/N] ", clean == NULL ? "" : clean);
    (void)fflush(stderr);
    char answer[16];
    return fgets(answer, sizeof answer, stdin) != NULL && (strcmp(answer, "y\n") == 0 || strcmp(answer, "yes\n") == 0);
}

/* ---- the program ---------------------------------------------------------------------------- */

static const lk_command *find_command(const char *name) {
    for (size_t i = 0; i < lk_commands_count; i++)
        if (strcmp(lk_commands[i].name, name) == 0)
            return &lk_commands[i];
    return NULL;
}

/* The command that people mean who say it in the words of other programs, else the one that is spelt most alike. */
static const char *nearest_command(const char *name) {
    static const struct {
        const char *word, *command;
    } others[] = {{"remove", "rm"},    {"delete", "rm"},   {"del", "rm"},       {"erase", "rm"},
                  {"ls", "list"},      {"index", "add"},   {"scan", "add"},     {"find", "search"},
                  {"query", "search"}, {"start", "serve"}, {"server", "serve"}, {"verify", "doctor"},
                  {"check", "doctor"}};
    for (size_t i = 0; i < LK_LENGTH(others); i++)
        if (strcmp(others[i].word, name) == 0)
            return others[i].command;
    const char *names[64];
    for (size_t i = 0; i < lk_commands_count; i++)
        names[i] = lk_commands[i].name;
    return lk_suggest(name, names, lk_commands_count);
}

static int unknown_command(const char *name) {
    const char *near = nearest_command(name);
    LK_FREE char *clean = lk_printable(name);
    if (near != NULL)
        lk_message("liken: there is no command \"%s\"; did you mean %s?", clean == NULL ? "" : clean, near);
    else
        lk_message("liken: there is no command \"%s\"; liken help lists them.", clean == NULL ? "" : clean);
    return LK_EXIT_USAGE;
}

static int bad_setting(const liken_error *err) {
    LK_FREE char *sentence = lk_printable(err->message);
    lk_message("liken: %s", sentence == NULL ? "out of memory" : sentence);
    return err->code == LIKEN_E_MEMORY ? LK_EXIT_FAILED : LK_EXIT_USAGE;
}

liken_log_level lk_cli_log_level(const lk_config *config, const lk_command *command) {
    const bool serves = strcmp(command->name, "serve") == 0;
    const bool given = lk_config_text(config, LK_SET_LOG_LEVEL) != NULL;
    return given    ? (liken_log_level)lk_config_choice(config, LK_SET_LOG_LEVEL)
           : serves ? LIKEN_LOG_INFO
                    : LIKEN_LOG_WARN;
}

int lk_cli_reread(const lk_cli *cli, lk_config **out, liken_error *err) {
    lk_arguments words = {0};
    lk_config *config = NULL;
    int rc = lk_config_flags(&config, &words, cli->argc, cli->argv, LK_ALL_SETTINGS, err);
    free(words.words);
    if (rc == LIKEN_OK)
        rc = lk_config_complete(config, err);
    if (rc == LIKEN_OK)
        *out = config;
    else
        lk_config_free(config);
    return rc;
}

/* malloc'd, also when it fails. */
static int find_files(const lk_config *config, char **data, char **keys, liken_error *err) {
    const char *given = lk_config_text(config, LK_SET_KEY_FILE);
    const int rc = lk_place_gallery(lk_config_text(config, LK_SET_DATA), data, err);
    if (rc != LIKEN_OK)
        return rc;
    *keys = given == NULL ? lk_path_join(*data, "keys") : strdup(given);
    return *keys != NULL ? LIKEN_OK : lk_fail_memory(err);
}

static int run_command(const lk_command *command, lk_config *config, const lk_arguments *words, int argc, char **argv) {
    lk_cli cli = {.command = command,
                  .config = config,
                  .words = words->words + 1,
                  .count = words->count - 1,
                  .json = lk_config_switch(config, LK_SET_JSON),
                  .argc = argc,
                  .argv = argv};
    char who[64];
    LK_FREE char *data = NULL, *keys = NULL;
    liken_error err = {0};
    (void)snprintf(who, sizeof who, "liken %s", command->name);
    if (lk_config_switch(config, LK_SET_HELP)) { /* liken CMD --help is liken help CMD */
        cli.words = &command->name;
        cli.count = 1;
        return lk_cmd_help(&cli);
    }
    if (lk_config_check_taken(config, command->settings | LK_COMMON, who, &err) != LIKEN_OK) {
        lk_message("%s", err.message);
        return LK_EXIT_USAGE;
    }
    if (cli.count < command->least)
        return lk_cli_usage(&cli, "Something is missing: liken %s %s.", command->name, command->synopsis);
    if (cli.count > command->most)
        return lk_cli_usage(&cli, "\"%s\" is one word too many.", cli.words[command->most]);
    if (command->settings != 0 && lk_config_complete(config, &err) != LIKEN_OK)
        return bad_setting(&err);
    if (command->settings & LK_BIT(DATA) && find_files(config, &data, &keys, &err) != LIKEN_OK)
        return lk_cli_failed(&cli, &err);
    cli.data = data;
    cli.keys = keys;
    lk_message_log(lk_cli_log_level(config, command), lk_config_switch(config, LK_SET_LOG_JSON));
    return command->run(&cli);
}

static int dispatch(lk_config *config, const lk_arguments *words, int argc, char **argv) {
    static const char *const version[] = {"version"};
    static const char *const help[] = {"help"};
    const bool asks_version = words->count == 0 && lk_config_switch(config, LK_SET_VERSION);
    const bool asks_help = words->count == 0 && lk_config_switch(config, LK_SET_HELP);
    if (asks_version || asks_help) {
        const lk_cli cli = {.command = find_command(asks_help ? "help" : "version"),
                            .config = config,
                            .words = asks_help ? help : version};
        return cli.command->run(&cli);
    }
    if (words->count == 0) {
        lk_message("liken: say what to do, for example: liken add ~/Photos. liken help lists the commands.");
        return LK_EXIT_USAGE;
    }
    const lk_command *command = find_command(words->words[0]);
    return command == NULL ? unknown_command(words->words[0]) : run_command(command, config, words, argc, argv);
}

/* A standard stream that the caller closed must not become the number of one of our files or sockets, into which
 * messages would then be written. What holds the number refuses: a lost answer is still a failure. */
static bool hold_streams(void) {
    for (int fd = 0; fd < 3; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) < 0)
            return false;
    return true;
}

/* What the command in these words takes: other flags are no help to who mistyped one. */
static lk_setting_set flags_worth_a_hint(int argc, char **argv) {
    for (int i = 1; i < argc; i++) {
        const lk_command *command = find_command(argv[i]);
        if (command != NULL)
            return command->settings | LK_COMMON;
    }
    return LK_ALL_SETTINGS;
}

int lk_cli_main(int argc, char **argv) {
    lk_config *config = NULL;
    lk_arguments words = {0};
    liken_error err = {0};
    if (!hold_streams())
        return LK_EXIT_FAILED; /* there is nowhere to say why */
    if (lk_config_flags(&config, &words, argc, argv, flags_worth_a_hint(argc, argv), &err) != LIKEN_OK)
        return bad_setting(&err);
    int code = dispatch(config, &words, argc, argv);
    free(words.words);
    lk_config_free(config);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        lk_message("liken: standard output could not be written; is the disk full?");
        code = code == LK_EXIT_DONE || code == LK_EXIT_NOTHING ? LK_EXIT_FAILED : code;
    }
    return code;
}
