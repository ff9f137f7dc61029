/* man.c - the man pages, as roff, from the tables of commands and settings: they cannot say what --help does not. */
#include "base/buf.h"
#include "cli/help.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CEILING (1u << 20)

/* Text for roff: backslashes and hyphens escaped, paragraphs parted by .PP, no line that starts with a request. */
static int roff(lk_buf *b, const char *text, liken_error *err) {
    int rc = LIKEN_OK;
    bool fresh = true;
    for (const char *p = text; rc == LIKEN_OK && *p != '\0'; p++) {
        if (fresh && (*p == '.' || *p == '\''))
            rc = lk_buf_string(b, "\\&", err);
        fresh = false;
        if (rc != LIKEN_OK)
            break;
        if (*p == '\\')
            rc = lk_buf_string(b, "\\e", err);
        else if (*p == '-')
            rc = lk_buf_string(b, "\\-", err);
        else if (*p == '\n') {
            rc = lk_buf_string(b, "\n.PP\n", err);
            p += strspn(p, "\n") - 1;
            fresh = true;
        } else
            rc = lk_buf_append(b, p, 1, err);
    }
    return rc == LIKEN_OK ? lk_buf_string(b, "\n", err) : rc;
}

/* ".TP" with a bold tag and its text. */
static int tagged(lk_buf *b, const char *tag, const char *text, liken_error *err) {
    int rc = lk_buf_string(b, ".TP\n.B ", err);
    if (rc == LIKEN_OK)
        rc = roff(b, tag, err);
    return rc == LIKEN_OK ? roff(b, text, err) : rc;
}

static int section(lk_buf *b, const char *title, const char *text, liken_error *err) {
    const int rc = lk_buf_format(b, err, ".SH %s\n", title);
    return rc == LIKEN_OK && text != NULL ? roff(b, text, err) : rc;
}

static int setting(lk_buf *b, const lk_setting *s, liken_error *err) {
    char tag[128], variable[64], text[768], letter[8] = "";
    if (s->letter != 0)
        (void)snprintf(letter, sizeof letter, "-%c, ", s->letter);
    (void)snprintf(tag, sizeof tag, "%s--%s%s%s", letter, s->name, s->value_name ? " " : "",
                   s->value_name ? s->value_name : "");
    lk_setting_variable(s->name, variable, sizeof variable);
    const bool shows = s->fallback != NULL && s->type != LK_SWITCH;
    (void)snprintf(text, sizeof text, "%s%s%s%s%s%s%s%s%s%s", s->help, shows ? " Default: " : "",
                   shows ? s->fallback : "", shows ? "." : "", s->where & LK_IN_ENVIRONMENT ? " Environment: " : "",
                   s->where & LK_IN_ENVIRONMENT ? variable : "", s->where & LK_IN_ENVIRONMENT ? "." : "",
                   s->where & LK_IN_FILE ? " In the file: " : "", s->where & LK_IN_FILE ? s->name : "",
                   s->where & LK_IN_FILE ? "." : "");
    return tagged(b, tag, text, err);
}

static int settings(lk_buf *b, lk_setting_set which, liken_error *err) {
    int rc = section(b, "OPTIONS", NULL, err);
    for (size_t i = 0; rc == LIKEN_OK && i < LK_SET_COUNT; i++)
        if (which >> i & 1)
            rc = setting(b, &lk_settings[i], err);
    return rc;
}

static int exits(lk_buf *b, const lk_command *c, liken_error *err) {
    lk_exit all[LK_EXITS];
    const size_t count = lk_help_exits(c, all);
    int rc = section(b, "EXIT STATUS", NULL, err);
    for (size_t i = 0; rc == LIKEN_OK && i < count; i++) {
        char code[16];
        (void)snprintf(code, sizeof code, "%d", all[i].code);
        rc = tagged(b, code, all[i].when, err);
    }
    return rc;
}

static int head(lk_buf *b, const char *name, const char *summary, const char *synopsis, liken_error *err) {
    int rc = lk_buf_format(b, err, ".TH %s 1 \"\" \"liken %s\" \"User Commands\"\n.SH NAME\n", name, liken_version());
    char text[256];
    (void)snprintf(text, sizeof text, "%s - %s", name, summary);
    if (rc == LIKEN_OK)
        rc = roff(b, text, err);
    if (rc == LIKEN_OK)
        rc = lk_buf_string(b, ".SH SYNOPSIS\n.B ", err);
    return rc == LIKEN_OK ? roff(b, synopsis, err) : rc;
}

static int command_page(lk_buf *b, const lk_command *c, liken_error *err) {
    char name[64], synopsis[256];
    (void)snprintf(name, sizeof name, "liken-%s", c->name);
    (void)snprintf(synopsis, sizeof synopsis, "liken %s [flags] %s", c->name, c->synopsis);
    int rc = head(b, name, c->summary, synopsis, err);
    if (rc == LIKEN_OK)
        rc = section(b, "DESCRIPTION", c->description, err);
    if (rc == LIKEN_OK)
        rc = settings(b, c->settings | LK_COMMON, err);
    if (rc == LIKEN_OK)
        rc = exits(b, c, err);
    if (rc == LIKEN_OK && c->examples[0].line != NULL)
        rc = section(b, "EXAMPLES", NULL, err);
    for (const lk_example *e = c->examples; rc == LIKEN_OK && e->line != NULL; e++)
        rc = tagged(b, e->line, e->what, err);
    return rc == LIKEN_OK ? section(b, "SEE ALSO", "liken(1)", err) : rc;
}

static const char about[] =
    "liken finds the same face again in a collection of photos. Photos are added once; the faces in them become "
    "vectors that are kept in a store. Another photo is then answered with every stored photo that holds the same "
    "face, "
    "nearest first. All work is done on this machine.\n\n"
    "Data is printed on standard output; messages and progress go to standard error. Every command takes --json.";

static const char file_text[] =
    "Lines of \"name = value\", each name once; blank lines and lines that start with # are skipped. The file is the "
    "one "
    "named by --config or LIKEN_CONFIG, else $XDG_CONFIG_HOME/liken/liken.conf, else ~/.config/liken/liken.conf. "
    "A flag wins over the environment, the environment over the file. Sizes may end in K, M or G (powers of 1024); "
    "switches are yes or no.";

static int overview_page(lk_buf *b, liken_error *err) {
    static const lk_command any = {.exits = {{LK_EXIT_FAILED, "failed, all or part of it; the messages say what"},
                                             {LK_EXIT_NOTHING, "nothing found: no match, no face, nothing there"},
                                             {LK_EXIT_INTERRUPTED, "interrupted; what was finished is kept"}}};
    int rc = head(b, "liken", "photos in, the same face out", "liken COMMAND [flags] ...", err);
    if (rc == LIKEN_OK)
        rc = section(b, "DESCRIPTION", about, err);
    if (rc == LIKEN_OK)
        rc = section(b, "COMMANDS", NULL, err);
    for (size_t i = 0; rc == LIKEN_OK && i < lk_commands_count; i++) {
        char tag[64];
        (void)snprintf(tag, sizeof tag, "liken-%s(1)", lk_commands[i].name);
        rc = tagged(b, tag, lk_commands[i].summary, err);
    }
    if (rc == LIKEN_OK)
        rc = settings(b, LK_ALL_SETTINGS, err);
    if (rc == LIKEN_OK)
        rc = section(b, "CONFIGURATION FILE", file_text, err);
    return rc == LIKEN_OK ? exits(b, &any, err) : rc;
}

int lk_man_render(const lk_command *command, char **out, liken_error *err) {
    lk_buf b LK_CLEANUP(lk_buf_free);
    lk_buf_init(&b, CEILING);
    const int rc = command == NULL ? overview_page(&b, err) : command_page(&b, command, err);
    if (rc == LIKEN_OK)
        *out = lk_buf_steal(&b, NULL);
    return rc;
}
