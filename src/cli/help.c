#include "base/buf.h"
#include "cli/help.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WIDTH 96
#define CEILING (1u << 20)

/* "-0, --null", "--port PORT" */
static void flag_text(const lk_setting *s, char *out, size_t room) {
    char letter[8] = "";
    if (s->letter != 0)
        (void)snprintf(letter, sizeof letter, "-%c, ", s->letter);
    (void)snprintf(out, room, "%s--%s%s%s", letter, s->name, s->value_name ? " " : "",
                   s->value_name ? s->value_name : "");
}

/* Words of `text` on lines of at most WIDTH, every line but the first indented; a blank line keeps paragraphs apart. */
static int wrap(lk_buf *b, const char *text, int column, int indent, liken_error *err) {
    int rc = LIKEN_OK, at = column;
    bool fresh = true;
    while (rc == LIKEN_OK && *text != '\0') {
        const size_t n = strcspn(text, " \n");
        if (!fresh && at + 1 + (int)n > WIDTH) {
            rc = lk_buf_format(b, err, "\n%*s", indent, "");
            at = indent;
            fresh = true;
        }
        if (rc == LIKEN_OK)
            rc = lk_buf_format(b, err, "%s%.*s", fresh ? "" : " ", (int)n, text);
        at += (int)n + !fresh;
        fresh = false;
        text += n;
        if (*text == '\n') {
            if (rc == LIKEN_OK)
                rc = lk_buf_format(b, err, "\n\n%*s", indent, "");
            at = indent;
            fresh = true;
        }
        text += strspn(text, " \n");
    }
    return rc == LIKEN_OK ? lk_buf_string(b, "\n", err) : rc;
}

static int flag_lines(lk_buf *b, const char *title, lk_setting_set settings, liken_error *err) {
    int rc = settings == 0 ? LIKEN_OK : lk_buf_format(b, err, "\n%s:\n", title);
    for (size_t i = 0; rc == LIKEN_OK && i < LK_SET_COUNT; i++) {
        const lk_setting *s = &lk_settings[i];
        if (!(settings >> i & 1))
            continue;
        char flag[96], variable[64], text[512];
        flag_text(s, flag, sizeof flag);
        lk_setting_variable(s->name, variable, sizeof variable);
        const bool shows = s->fallback != NULL && s->type != LK_SWITCH;
        const bool environment = s->where & LK_IN_ENVIRONMENT;
        (void)snprintf(text, sizeof text, "%s%s%s%s%s%s%s", s->help, shows ? " Default: " : "",
                       shows ? s->fallback : "", shows ? "." : "", environment ? " [" : "", environment ? variable : "",
                       environment ? "]" : "");
        rc = lk_buf_format(b, err, "  %-34s  ", flag);
        if (rc == LIKEN_OK)
            rc = wrap(b, text, 38, 38, err);
    }
    return rc;
}

static int by_code(const void *a, const void *b) {
    return ((const lk_exit *)a)->code - ((const lk_exit *)b)->code;
}

size_t lk_help_exits(const lk_command *c, lk_exit all[LK_EXITS]) {
    size_t n = 0;
    all[n++] = (lk_exit){LK_EXIT_DONE, "done"};
    all[n++] = (lk_exit){LK_EXIT_USAGE, "the command line or a setting is wrong; nothing was done"};
    for (const lk_exit *e = c->exits; e->when != NULL; e++)
        all[n++] = *e;
    qsort(all, n, sizeof *all, by_code);
    return n;
}

static int exit_lines(lk_buf *b, const lk_command *c, liken_error *err) {
    lk_exit all[LK_EXITS];
    const size_t count = lk_help_exits(c, all);
    int rc = lk_buf_string(b, "\nExit codes:\n", err);
    for (size_t i = 0; rc == LIKEN_OK && i < count; i++)
        rc = lk_buf_format(b, err, "%5d  %s\n", all[i].code, all[i].when);
    return rc;
}

static int example_lines(lk_buf *b, const lk_command *c, liken_error *err) {
    int rc = c->examples[0].line == NULL ? LIKEN_OK : lk_buf_string(b, "\nExamples:\n", err);
    for (const lk_example *e = c->examples; rc == LIKEN_OK && e->line != NULL; e++)
        rc = lk_buf_format(b, err, "  %s\n      %s\n", e->line, e->what);
    return rc;
}

static int render(lk_buf *b, const lk_command *c, liken_error *err) {
    int rc = lk_buf_format(b, err, "liken %s: %s\n\nUsage: liken %s%s%s\n\n", c->name, c->summary, c->name,
                           *c->synopsis ? " " : "", c->synopsis);
    if (rc == LIKEN_OK)
        rc = wrap(b, c->description, 0, 0, err);
    if (rc == LIKEN_OK)
        rc = flag_lines(b, "Flags", c->settings & ~LK_COMMON, err);
    if (rc == LIKEN_OK)
        rc = flag_lines(b, "Flags of every command", LK_COMMON, err);
    if (rc == LIKEN_OK)
        rc = exit_lines(b, c, err);
    return rc == LIKEN_OK ? example_lines(b, c, err) : rc;
}

static int overview(lk_buf *b, liken_error *err) {
    int rc =
        lk_buf_string(b, "liken: photos in, the same face out\n\nUsage: liken COMMAND [flags] ...\n\nCommands:\n", err);
    for (size_t i = 0; rc == LIKEN_OK && i < lk_commands_count; i++)
        rc = lk_buf_format(b, err, "  %-12s  %s\n", lk_commands[i].name, lk_commands[i].summary);
    if (rc != LIKEN_OK)
        return rc;
    return lk_buf_string(b,
                         "\nliken help COMMAND says all about one. Every command takes --json. A setting may be given "
                         "as a flag, in the\n"
                         "environment or in a configuration file; man liken lists them all.\n\n"
                         "Exit codes: 0 done, 1 failed (all or part), 2 wrong command line or setting, 3 nothing "
                         "found, 130 interrupted.\n",
                         err);
}

int lk_help_render(const lk_command *command, char **out, liken_error *err) {
    lk_buf b LK_CLEANUP(lk_buf_free);
    lk_buf_init(&b, CEILING);
    const int rc = command == NULL ? overview(&b, err) : render(&b, command, err);
    if (rc == LIKEN_OK)
        *out = lk_buf_steal(&b, NULL);
    return rc;
}
