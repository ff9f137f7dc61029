/* Each setting holds the text of its highest-ranking source, checked and parsed when it was taken over. Sources may be
 * read in any order: a value replaces one of a lower rank and is dropped (after its check) under a higher one. */
#include "config/config.h"

#include "base/buf.h"
#include "base/places.h"
#include "base/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_CEILING 65536
#define LINE_CEILING 4096
#define VALUE_CEILING 4096
#define LIST_CEILING 64

typedef enum rank { BY_DEFAULT, BY_FILE, BY_ENVIRONMENT, BY_FLAG } rank;

typedef struct value {
    rank from;
    char *origin; /* NULL: default */
    char **texts; /* one, or several of a LIST */
    size_t count;
    double number; /* INTEGER, NUMBER, SIZE; 0 or 1 of a SWITCH; index of a CHOICE */
} value;

struct lk_config {
    value values[LK_SET_COUNT];
};

static int read_number(const char *text, double *out) {
    if (*text == '\0' || strspn(text, "0123456789.+-eE") != strlen(text))
        return LIKEN_E_ARG;
    char *end;
    const double n = strtod(text, &end);
    if (*end != '\0' || !isfinite(n))
        return LIKEN_E_ARG;
    *out = n;
    return LIKEN_OK;
}

/* Digits, then nothing, K, M or G, which "B" or "iB" may follow. */
static int read_size(const char *text, double *out) {
    const size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 15)
        return LIKEN_E_ARG;
    double n = strtod(text, NULL);
    const char *unit = text + digits;
    if (*unit != '\0') {
        static const char letters[] = "KMG";
        const char *at = strchr(letters, *unit & ~0x20);
        if (at == NULL)
            return LIKEN_E_ARG;
        n = ldexp(n, 10 * (int)(at - letters + 1));
        unit++;
        if (*unit != '\0' && strcmp(unit, "B") != 0 && strcmp(unit, "iB") != 0)
            return LIKEN_E_ARG;
    }
    *out = n;
    return LIKEN_OK;
}

static int read_switch(const char *text, double *out) {
    const int on = lk_switch_value(text);
    if (on < 0)
        return LIKEN_E_ARG;
    *out = on;
    return LIKEN_OK;
}

static bool is_plain(const char *text) {
    for (const char *p = text; *p != '\0'; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            return false;
    return true;
}

static int check_range(const lk_setting *s, const char *origin, const char *text, double n, liken_error *err) {
    if (n >= s->low && n <= s->high)
        return LIKEN_OK;
    return lk_fail(err, LIKEN_E_ARG, "%s: %.64s is out of range; it may be from %.15g to %.15g.", origin, text, s->low,
                   s->high);
}

/* The value of `text` as a number where the type has one; says what is wrong with it otherwise. */
static int parse(const lk_setting *s, const char *origin, const char *text, double *out, liken_error *err) {
    if (strlen(text) > VALUE_CEILING)
        return lk_fail(err, LIKEN_E_ARG, "%s: the value is longer than %d bytes.", origin, VALUE_CEILING);
    double n = 0;
    switch (s->type) {
    case LK_TEXT:
    case LK_PATH:
    case LK_LIST:
        if (*text == '\0')
            return lk_fail(err, LIKEN_E_ARG, "%s: the value is empty.", origin);
        if (s->where != LK_IN_FLAG && !is_plain(text))
            return lk_fail(err, LIKEN_E_ARG, "%s: the value holds a control character.", origin);
        break;
    case LK_INTEGER:
        if (read_number(text, &n) != LIKEN_OK || n != floor(n))
            return lk_fail(err, LIKEN_E_ARG, "%s: \"%.64s\" is not a whole number.", origin, text);
        break;
    case LK_NUMBER:
        if (read_number(text, &n) != LIKEN_OK)
            return lk_fail(err, LIKEN_E_ARG, "%s: \"%.64s\" is not a number.", origin, text);
        break;
    case LK_SIZE:
        if (read_size(text, &n) != LIKEN_OK)
            return lk_fail(err, LIKEN_E_ARG, "%s: \"%.64s\" is not a size; write bytes, or 512K, 64M, 2G.", origin,
                           text);
        break;
    case LK_SWITCH:
        if (read_switch(text, &n) != LIKEN_OK)
            return lk_fail(err, LIKEN_E_ARG, "%s: \"%.64s\" is neither yes nor no.", origin, text);
        break;
    case LK_CHOICE:
        n = lk_word_find(s->value_name, text);
        if (n < 0)
            return lk_fail(err, LIKEN_E_ARG, "%s: \"%.64s\" is not one of %s.", origin, text, s->value_name);
        break;
    }
    *out = n;
    return LIKEN_OK;
}

/* The same, and within what the setting allows. */
static int parse_in_range(const lk_setting *s, const char *origin, const char *text, double *out, liken_error *err) {
    double n = 0;
    int rc = parse(s, origin, text, &n, err);
    if (rc == LIKEN_OK && (s->type == LK_INTEGER || s->type == LK_NUMBER || s->type == LK_SIZE))
        rc = check_range(s, origin, text, n, err);
    if (rc == LIKEN_OK)
        *out = n;
    return rc;
}

static void clear(value *v) {
    for (size_t i = 0; i < v->count; i++)
        free(v->texts[i]);
    free(v->texts);
    free(v->origin);
    *v = (value){.from = BY_DEFAULT};
}

/* Takes `text`, malloc'd, also when it fails. */
static int append_text(value *v, char *text, liken_error *err) {
    char **texts = text == NULL ? NULL : realloc(v->texts, (v->count + 1) * sizeof *texts);
    if (texts == NULL) {
        free(text);
        return lk_fail_memory(err);
    }
    v->texts = texts;
    v->texts[v->count++] = text;
    return LIKEN_OK;
}

/* *out, malloc'd: the path with the home folder in place of a leading "~", which only a shell would have replaced. */
static int expand_home(const char *origin, const char *path, char **out, liken_error *err) {
    const char *home = getenv("HOME");
    if (path[0] != '~') {
        *out = strdup(path);
        return *out != NULL ? LIKEN_OK : lk_fail_memory(err);
    }
    if (path[1] != '\0' && path[1] != '/')
        return lk_fail(err, LIKEN_E_ARG,
                       "%s: of homes only your own, ~/, is understood; write the whole path for %.64s.", origin, path);
    if (home == NULL || home[0] == '\0')
        return lk_fail(err, LIKEN_E_ARG, "%s: HOME is not set; write the whole path for %.64s.", origin, path);
    return asprintf(out, "%s%s", home, path + 1) >= 0 ? LIKEN_OK : lk_fail_memory(err);
}

static int take(lk_config *c, size_t id, rank from, const char *origin, const char *text, liken_error *err) {
    const lk_setting *s = &lk_settings[id];
    value *v = &c->values[id];
    double n = 0;
    int rc = parse_in_range(s, origin, text, &n, err);
    if (rc != LIKEN_OK || from < v->from)
        return rc;
    if (from > v->from || s->type != LK_LIST)
        clear(v);
    if (v->count >= LIST_CEILING)
        return lk_fail(err, LIKEN_E_ARG, "%s: more than %d values.", origin, LIST_CEILING);
    if (v->origin == NULL && from != BY_DEFAULT && (v->origin = strdup(origin)) == NULL)
        return lk_fail_memory(err);
    char *kept = NULL;
    if (s->type == LK_PATH)
        rc = expand_home(origin, text, &kept, err);
    else
        kept = strdup(text);
    if (rc != LIKEN_OK)
        return rc;
    v->from = from;
    v->number = n;
    return append_text(v, kept, err);
}

int lk_config_new(lk_config **out, liken_error *err) {
    lk_config *c = calloc(1, sizeof *c);
    int rc = c == NULL ? lk_fail_memory(err) : LIKEN_OK;
    for (size_t i = 0; rc == LIKEN_OK && i < LK_SET_COUNT; i++)
        if (lk_settings[i].fallback != NULL)
            rc = take(c, i, BY_DEFAULT, lk_settings[i].name, lk_settings[i].fallback, err);
    if (rc != LIKEN_OK) {
        lk_config_free(c);
        return rc;
    }
    *out = c;
    return LIKEN_OK;
}

void lk_config_free(lk_config *c) {
    if (c == NULL)
        return;
    for (size_t i = 0; i < LK_SET_COUNT; i++)
        clear(&c->values[i]);
    free(c);
}

/* ---- the file ------------------------------------------------------------------------------ */

static const char *nearest(const char *word, int where, lk_setting_set hints) {
    const char *names[LK_SET_COUNT];
    size_t n = 0;
    for (size_t i = 0; i < LK_SET_COUNT; i++)
        if (lk_settings[i].where & where && hints >> i & 1)
            names[n++] = lk_settings[i].name;
    return lk_suggest(word, names, n);
}

static size_t find_setting(const char *name, size_t length) {
    for (size_t i = 0; i < LK_SET_COUNT; i++)
        if (strlen(lk_settings[i].name) == length && memcmp(lk_settings[i].name, name, length) == 0)
            return i;
    for (size_t i = 0; i < LK_OLD_NAMES; i++)
        if (strlen(lk_old_names[i].name) == length && memcmp(lk_old_names[i].name, name, length) == 0)
            return lk_old_names[i].id;
    return LK_SET_COUNT;
}

static char *trim(char *text) {
    text += strspn(text, " \t");
    size_t n = strlen(text);
    while (n > 0 && strchr(" \t\r", text[n - 1]) != NULL)
        text[--n] = '\0';
    return text;
}

static int unknown_name(const char *file, int number, const char *name, bool exists, liken_error *err) {
    if (exists)
        return lk_fail(err, LIKEN_E_ARG, "%.256s:%d: %s can only be given as a flag.", file, number, name);
    const char *near = nearest(name, LK_IN_FILE, LK_ALL_SETTINGS);
    if (near != NULL)
        return lk_fail(err, LIKEN_E_ARG, "%.256s:%d: there is no setting \"%.64s\"; did you mean %s?", file, number,
                       name, near);
    return lk_fail(err, LIKEN_E_ARG, "%.256s:%d: there is no setting \"%.64s\".", file, number, name);
}

/* One line, which is cut up in place. `seen` holds the line each name was first given on. */
static int read_line(lk_config *c, const char *file, int number, char *line, int seen[LK_SET_COUNT], liken_error *err) {
    char *name = trim(line);
    if (*name == '\0' || *name == '#')
        return LIKEN_OK;
    if (!is_plain(name))
        return lk_fail(err, LIKEN_E_ARG, "%.256s:%d: the line holds a control character.", file, number);
    char *equals = strchr(name, '=');
    if (equals == NULL)
        return lk_fail(err, LIKEN_E_ARG, "%.256s:%d: the line is not \"name = value\".", file, number);
    *equals = '\0';
    name = trim(name);
    const size_t id = find_setting(name, strlen(name));
    if (id == LK_SET_COUNT || !(lk_settings[id].where & LK_IN_FILE))
        return unknown_name(file, number, name, id != LK_SET_COUNT, err);
    if (seen[id] != 0)
        return lk_fail(err, LIKEN_E_ARG, "%.256s:%d: %s was given on line %d already.", file, number, name, seen[id]);
    seen[id] = number;
    char origin[400];
    (void)snprintf(origin, sizeof origin, "%.256s:%d: %s", file, number, name);
    return take(c, id, BY_FILE, origin, trim(equals + 1), err);
}

int lk_config_read(lk_config *c, const char *name, const char *text, size_t size, liken_error *err) {
    if (size > FILE_CEILING)
        return lk_fail(err, LIKEN_E_TOO_LARGE, "%.256s: the file is larger than %d bytes.", name, FILE_CEILING);
    int seen[LK_SET_COUNT] = {0};
    int rc = LIKEN_OK;
    if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        text += 3, size -= 3;
    for (int number = 1; rc == LIKEN_OK && size > 0; number++) {
        const char *end = memchr(text, '\n', size);
        const size_t length = end == NULL ? size : (size_t)(end - text);
        char line[LINE_CEILING + 1];
        if (length > LINE_CEILING)
            return lk_fail(err, LIKEN_E_ARG, "%.256s:%d: the line is longer than %d bytes.", name, number,
                           LINE_CEILING);
        if (memchr(text, '\0', length) != NULL)
            return lk_fail(err, LIKEN_E_ARG, "%.256s:%d: the line holds a NUL byte.", name, number);
        memcpy(line, text, length);
        line[length] = '\0';
        rc = read_line(c, name, number, line, seen, err);
        text += length + (end != NULL);
        size -= length + (end != NULL);
    }
    return rc;
}

static int read_file(lk_config *c, liken_error *err) {
    const char *named = lk_config_text(c, LK_SET_CONFIG);
    LK_FREE char *usual = NULL;
    int rc = named == NULL ? lk_place_of(LK_PLACE_CONFIG, "liken/liken.conf", &usual, err) : LIKEN_OK;
    const char *path = named == NULL ? usual : named;
    if (rc != LIKEN_OK || path == NULL)
        return rc;
    LK_FREE char *text = NULL;
    size_t size = 0;
    rc = lk_file_read(path, FILE_CEILING, &text, &size, err);
    if (rc == LIKEN_E_NOT_FOUND && named == NULL)
        return LIKEN_OK;
    if (rc != LIKEN_OK) {
        lk_error_prefix(err, "%s", named == NULL ? "configuration file" : lk_config_origin(c, LK_SET_CONFIG));
        return rc;
    }
    return lk_config_read(c, path, text, size, err);
}

/* ---- environment and flags ------------------------------------------------------------------ */

static int read_variable(lk_config *c, size_t id, const char *name, liken_error *err) {
    char variable[64];
    lk_setting_variable(name, variable, sizeof variable);
    const char *text = lk_settings[id].where & LK_IN_ENVIRONMENT ? getenv(variable) : NULL;
    return text != NULL && *text != '\0' ? take(c, id, BY_ENVIRONMENT, variable, text, err) : LIKEN_OK;
}

/* Of an old and a new variable for one setting the new one, read last, counts. */
static int read_environment(lk_config *c, liken_error *err) {
    int rc = LIKEN_OK;
    for (size_t i = 0; rc == LIKEN_OK && i < LK_OLD_NAMES; i++)
        rc = read_variable(c, lk_old_names[i].id, lk_old_names[i].name, err);
    for (size_t i = 0; rc == LIKEN_OK && i < LK_SET_COUNT; i++)
        rc = read_variable(c, i, lk_settings[i].name, err);
    return rc;
}

static size_t find_letter(char letter) {
    for (size_t i = 0; i < LK_SET_COUNT; i++)
        if (lk_settings[i].letter != 0 && lk_settings[i].letter == letter)
            return i;
    return LK_SET_COUNT;
}

static int unknown_flag(const char *word, size_t length, lk_setting_set hints, liken_error *err) {
    char name[64];
    (void)snprintf(name, sizeof name, "%.*s", (int)(length < 63 ? length : 63), word);
    const char *bare = name + strspn(name, "-");
    const char *near = nearest(bare, LK_IN_FLAG, hints);
    if (near != NULL)
        return lk_fail(err, LIKEN_E_ARG, "There is no flag %s; did you mean --%s?", name, near);
    return lk_fail(err, LIKEN_E_ARG, "There is no flag %s; see liken help.", name);
}

/* Takes argv[i], which is a flag, and perhaps its value; *used: how many words it took. */
static int read_flag(lk_config *c, int argc, char **argv, lk_setting_set hints, int i, int *used, liken_error *err) {
    const char *word = argv[i];
    const bool is_long = word[1] == '-';
    const char *equals = is_long ? strchr(word, '=') : NULL;
    const size_t length = equals == NULL ? strlen(word) : (size_t)(equals - word);
    const size_t id = is_long           ? find_setting(word + 2, length - 2)
                      : word[2] == '\0' ? find_letter(word[1])
                                        : LK_SET_COUNT;
    if (id == LK_SET_COUNT || !(lk_settings[id].where & LK_IN_FLAG))
        return unknown_flag(word, length, hints, err);
    char origin[64];
    (void)snprintf(origin, sizeof origin, "--%s", lk_settings[id].name);
    const char *text = equals != NULL ? equals + 1 : NULL;
    *used = 1;
    if (text == NULL && lk_settings[id].type == LK_SWITCH)
        text = "yes";
    if (text == NULL && i + 1 < argc) {
        text = argv[i + 1];
        *used = 2;
    }
    if (text == NULL)
        return lk_fail(err, LIKEN_E_ARG, "%s needs a value: %s.", origin, lk_settings[id].value_name);
    return take(c, id, BY_FLAG, origin, text, err);
}

static int read_flags(lk_config *c, lk_arguments *words, int argc, char **argv, lk_setting_set hints,
                      liken_error *err) {
    bool flags = true;
    for (int i = 1, used = 1; i < argc; i += used) {
        const char *word = argv[i];
        used = 1;
        if (flags && strcmp(word, "--") == 0) {
            flags = false;
        } else if (flags && word[0] == '-' && word[1] != '\0') {
            const int rc = read_flag(c, argc, argv, hints, i, &used, err);
            if (rc != LIKEN_OK)
                return rc;
        } else {
            words->words[words->count++] = word;
        }
    }
    return LIKEN_OK;
}

int lk_config_flags(lk_config **out, lk_arguments *words, int argc, char **argv, lk_setting_set hints,
                    liken_error *err) {
    lk_config *c = NULL;
    lk_arguments w = {calloc((size_t)argc + 1, sizeof *w.words), 0};
    int rc = w.words == NULL ? lk_fail_memory(err) : lk_config_new(&c, err);
    if (rc == LIKEN_OK)
        rc = read_flags(c, &w, argc, argv, hints, err);
    if (rc != LIKEN_OK) {
        free(w.words);
        lk_config_free(c);
        return rc;
    }
    *out = c;
    *words = w;
    return LIKEN_OK;
}

int lk_config_complete(lk_config *c, liken_error *err) {
    const int rc = read_environment(c, err);
    return rc == LIKEN_OK ? read_file(c, err) : rc;
}

int lk_config_check_taken(const lk_config *c, lk_setting_set taken, const char *who, liken_error *err) {
    for (size_t i = 0; i < LK_SET_COUNT; i++)
        if (c->values[i].from == BY_FLAG && !(taken >> i & 1))
            return lk_fail(err, LIKEN_E_ARG, "%s does not take --%s; see %s --help.", who, lk_settings[i].name, who);
    return LIKEN_OK;
}

/* ---- reading ----------------------------------------------------------------------------------- */

const char *lk_config_text(const lk_config *c, lk_setting_id id) {
    const value *v = &c->values[id];
    return v->count == 0 ? NULL : v->texts[v->count - 1];
}

double lk_config_number(const lk_config *c, lk_setting_id id) {
    return c->values[id].number;
}

size_t lk_config_size(const lk_config *c, lk_setting_id id) {
    return (size_t)c->values[id].number;
}

bool lk_config_switch(const lk_config *c, lk_setting_id id) {
    return c->values[id].number > 0;
}

int lk_config_choice(const lk_config *c, lk_setting_id id) {
    return (int)c->values[id].number;
}

const char *const *lk_config_list(const lk_config *c, lk_setting_id id, size_t *count) {
    *count = c->values[id].count;
    return (const char *const *)c->values[id].texts;
}

bool lk_config_given(const lk_config *c, lk_setting_id id) {
    return c->values[id].from != BY_DEFAULT;
}

const char *lk_config_origin(const lk_config *c, lk_setting_id id) {
    return c->values[id].origin == NULL ? "default" : c->values[id].origin;
}
