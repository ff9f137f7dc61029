/* cli.h - what every command is made of.
 *
 * A command is a row of the table in commands.c; help, man pages, completion and dispatch all come from that row. Its
 * `run` gets a checked configuration and the words after its name. Data goes to standard output, everything else
 * through message.h to standard error. */
#ifndef LK_CLI_CLI_H
#define LK_CLI_CLI_H

#include "config/config.h"

#include <jansson.h>

enum {
    LK_EXIT_DONE = 0,
    LK_EXIT_FAILED = 1,       /* all or part of it */
    LK_EXIT_USAGE = 2,        /* the command line or a setting is wrong: nothing was done */
    LK_EXIT_NOTHING = 3,      /* it went well, and the answer is: no match, no face, nothing there */
    LK_EXIT_INTERRUPTED = 130 /* Ctrl-C, SIGTERM */
};

typedef struct lk_cli {
    const struct lk_command *command;
    const lk_config *config;
    const char *const *words; /* after the command's name */
    size_t count;
    bool json;
    const char *data; /* the folder of the store */
    const char *keys; /* the file of the server's keys: an older liken's, or --key-file */
    int argc;         /* the command line */
    char **argv;
} lk_cli;

typedef struct lk_exit {
    int code;
    const char *when;
} lk_exit;

typedef struct lk_example {
    const char *line, *what;
} lk_example;

typedef struct lk_command {
    const char *name;
    const char *synopsis;    /* "PATH..." */
    const char *summary;     /* one line, lower case, no full stop */
    const char *description; /* paragraphs, parted by blank lines */
    lk_setting_set settings; /* LK_BIT(...) of those it takes, beside those that all take */
    size_t least, most;      /* words after its name */
    lk_exit exits[5];        /* beside 0, 2 and 130; ends with a NULL `when` */
    lk_example examples[8];  /* ends with a NULL `line` */
    int (*run)(const lk_cli *cli);
} lk_command;

extern const lk_command lk_commands[];
extern const size_t lk_commands_count;

#define LK_ANY SIZE_MAX /* no upper bound of words */

/* Settings that every command takes. */
#define LK_COMMON (LK_BIT(CONFIG) | LK_BIT(JSON) | LK_BIT(LOG_LEVEL) | LK_BIT(HELP))

/* The whole program; returns its exit code. */
int lk_cli_main(int argc, char **argv);

/* Opens the gallery that the settings name, as it is. With `no_models` only its store. NOT_FOUND names one that may be
 * meant. */
int lk_cli_open(const lk_cli *cli, bool no_models, liken **out, liken_error *err);
/* The same, but it is made where it is not, or brought up to date: for what adds. */
int lk_cli_open_or_make(const lk_cli *cli, liken **out, liken_error *err);
/* For what needs no gallery: only the models. */
int lk_cli_open_models(const lk_cli *cli, liken **out, liken_error *err);
/* The same settings as options; what they point to belongs to the configuration. */
liken_options lk_cli_options(const lk_cli *cli, bool no_models);

/* Reads the settings again: flags, environment and file as they are by now. To be freed by the caller; ARG as at the
 * start. */
int lk_cli_reread(const lk_cli *cli, lk_config **out, liken_error *err);
/* The level to log at by these settings. */
liken_log_level lk_cli_log_level(const lk_config *config, const lk_command *command);

/* Says "liken add: SENTENCE" and returns the exit code that fits the error. */
int lk_cli_failed(const lk_cli *cli, const liken_error *err);
/* Says what is wrong with the command line and where its help is; returns LK_EXIT_USAGE. */
int lk_cli_usage(const lk_cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Prints one line of JSON on standard output, at once, and drops the reference; NULL means out of memory. */
int lk_cli_print(json_t *json, liken_error *err);
/* {"code": "not_found", "message": "..."} */
json_t *lk_cli_error_json(const liken_error *err);

/* A command of several verbs: "models install". */
typedef struct lk_verb {
    const char *name;
    size_t least, most;            /* words after the verb */
    int (*run)(const lk_cli *cli); /* cli->words start after the verb */
} lk_verb;
int lk_cli_verb(const lk_cli *cli, const lk_verb *verbs, size_t count);

/* A label as the user wrote it: as it is when it is UTF-8, else as that of a path. malloc'd; NULL when out of memory.
 */
char *lk_cli_label(const char *text);

/* A positive 64-bit id from a word. */
bool lk_cli_read_id(const char *word, int64_t *id);
/* Are all words ids of photos? Asked before the gallery is opened: what is wrong with the command line is told first.
 */
int lk_cli_check_ids(const lk_cli *cli, liken_error *err);
/* Asks on the terminal; true for "y" or "yes", and at once with --yes. *usage is set when there is no terminal to ask.
 */
bool lk_cli_confirm(const lk_cli *cli, const char *question, bool *usage);

int lk_cmd_add(const lk_cli *cli);
int lk_cmd_search(const lk_cli *cli);
int lk_cmd_compare(const lk_cli *cli);
int lk_cmd_detect(const lk_cli *cli);
int lk_cmd_events(const lk_cli *cli);
int lk_cmd_edit(const lk_cli *cli);
int lk_cmd_list(const lk_cli *cli);
int lk_cmd_rm(const lk_cli *cli);
int lk_cmd_cluster(const lk_cli *cli);
int lk_cmd_export(const lk_cli *cli);
int lk_cmd_import(const lk_cli *cli);
int lk_cmd_move(const lk_cli *cli);
int lk_cmd_upgrade(const lk_cli *cli);
int lk_cmd_collections(const lk_cli *cli);
int lk_cmd_serve(const lk_cli *cli);
int lk_cmd_models(const lk_cli *cli);
int lk_cmd_keys(const lk_cli *cli);
int lk_cmd_calibrate(const lk_cli *cli);
int lk_cmd_eval(const lk_cli *cli);
int lk_cmd_status(const lk_cli *cli);
int lk_cmd_doctor(const lk_cli *cli);
int lk_cmd_version(const lk_cli *cli);
int lk_cmd_help(const lk_cli *cli);
int lk_cmd_man(const lk_cli *cli);

#endif
