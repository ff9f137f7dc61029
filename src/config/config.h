/* config.h - one table of settings. A row feeds the configuration file, the environment, the flag, --help and the man
 * pages. Order of precedence: flag, environment, file, default.
 *
 * The file is lines of `name = value`; blank lines and lines that start with '#' are skipped; a value runs to the end
 * of its line and is trimmed. It is $LIKEN_CONFIG or --config (which must then exist), else
 * $XDG_CONFIG_HOME/liken/liken.conf, else ~/.config/liken/liken.conf (which need not). Every message about a value
 * names where the value came from: "--port", "LIKEN_PORT", "/etc/liken.conf:12: port". */
#ifndef LK_CONFIG_CONFIG_H
#define LK_CONFIG_CONFIG_H

#include "base/error.h"

typedef enum lk_setting_type {
    LK_TEXT,    /* any UTF-8 text without control characters */
    LK_PATH,    /* the same; "~" and "~/..." stand for the user's home, as a shell has it */
    LK_INTEGER, /* a whole number, low..high */
    LK_NUMBER,  /* a decimal number, low..high */
    LK_SIZE,    /* bytes, with K, M, G for powers of 1024: "64M" */
    LK_SWITCH,  /* yes or no; the bare flag means yes */
    LK_CHOICE,  /* one of the words in value_name, which '|' parts */
    LK_LIST     /* text; the flag may be repeated */
} lk_setting_type;

enum { LK_IN_FLAG = 1, LK_IN_ENVIRONMENT = 2, LK_IN_FILE = 4, LK_ANYWHERE = 7 };

typedef enum lk_setting_id {
    LK_SET_COLLECTION,
    LK_SET_IMAGE_ID,
    LK_SET_FILE,
    LK_SET_FACE,
    LK_SET_FILE_LABEL,
    LK_SET_TAG,
    LK_SET_CAPTURED_AT,
    LK_SET_CAPTURED_FROM,
    LK_SET_CAPTURED_TO,
    LK_SET_FILE_PREFIX,
    LK_SET_HAS_FACE,
    LK_SET_HAS_REFUSED,
    LK_SET_NEWEST,
    LK_SET_SOURCE,
    LK_SET_METADATA,
    LK_SET_CLEAR,
    LK_SET_REQUIRE_FACE,
    LK_SET_PRUNE,
    LK_SET_VERIFY,
    LK_SET_INCLUDE_HIDDEN,
    LK_SET_EXCLUDE,
    LK_SET_NULL,
    LK_SET_ALLOW_HOST,
    LK_SET_THRESHOLD,
    LK_SET_MAX_FALSE_MATCHES,
    LK_SET_LIMIT,
    LK_SET_DISTINCT,
    LK_SET_MAIN_FACE,
    LK_SET_ONE_PER_PHOTO,
    LK_SET_PARTIAL,
    LK_SET_CSV,
    LK_SET_COPY_TO,
    LK_SET_CONTACT_SHEET,
    LK_SET_REPORT,
    LK_SET_FORMAT,
    LK_SET_OUTPUT,
    LK_SET_DRAW,
    LK_SET_DESCRIBE,
    LK_SET_METRIC,
    LK_SET_SEARCH,
    LK_SET_KEEP,
    LK_SET_DET,
    LK_SET_SVG,
    LK_SET_SCOPE,
    LK_SET_EXPIRES,
    LK_SET_RATE,
    LK_SET_MAX_LIMIT,
    LK_SET_MAX_THRESHOLD,
    LK_SET_DEEP,
    LK_SET_BACK,
    LK_SET_FINISH,
    LK_SET_DROP_MISSING,
    LK_SET_SAMPLE,
    LK_SET_YES,
    LK_SET_AFTER,
    LK_SET_FOLLOW,
    LK_SET_ADDRESS,
    LK_SET_PORT,
    LK_SET_KEY_FILE,
    LK_SET_LEGACY_COLLECTION,
    LK_SET_QUEUE,
    LK_SET_QUEUE_TIMEOUT,
    LK_SET_STORE_THREADS,
    LK_SET_IDLE_TIMEOUT,
    LK_SET_MAX_CONNECTIONS,
    LK_SET_MAX_PER_ADDRESS,
    LK_SET_ADDRESS_RATE,
    LK_SET_TLS_CERT,
    LK_SET_TLS_KEY,
    LK_SET_TRUSTED_PROXIES,
    LK_SET_FORWARDED_HEADER,
    LK_SET_PUBLIC_URL,
    LK_SET_ALLOWED_ORIGINS,
    LK_SET_PHOTO_FOLDERS,
    LK_SET_LOG_JSON,
    LK_SET_DATA,
    LK_SET_STORE,
    LK_SET_FROM,
    LK_SET_TO,
    LK_SET_LEGACY_TABLE,
    LK_SET_TABLE,
    LK_SET_REENCODE,
    LK_SET_INDEX_MEMORY,
    LK_SET_MODELS,
    LK_SET_PACK,
    LK_SET_DETECTOR,
    LK_SET_THREADS,
    LK_SET_MAX_FILE,
    LK_SET_MAX_MEGAPIXELS,
    LK_SET_MAX_FACES,
    LK_SET_MIN_FACE,
    LK_SET_THOROUGH,
    LK_SET_SANDBOX,
    LK_SET_LOG_LEVEL,
    LK_SET_JSON,
    LK_SET_CONFIG,
    LK_SET_HELP,
    LK_SET_VERSION,
    LK_SET_COUNT /* at most 127: lk_setting_set */
} lk_setting_id;

/* A set of settings: LK_BIT(PORT) | LK_BIT(ADDRESS). */
__extension__ typedef unsigned __int128 lk_setting_set;
#define LK_BIT_OF(id) ((lk_setting_set)1 << (id))
#define LK_BIT(name) LK_BIT_OF(LK_SET_##name)
#define LK_ALL_SETTINGS (LK_BIT_OF(LK_SET_COUNT) - 1)

typedef struct lk_setting {
    const char *name; /* "max-file": flag --max-file, file key max-file, environment LIKEN_MAX_FILE */
    char letter;      /* "-0" beside "--null", or 0 */
    lk_setting_type type;
    int where;              /* LK_IN_* : where it may be given */
    const char *value_name; /* "BYTES" in help; the words of a CHOICE; NULL for a SWITCH */
    const char *fallback;   /* default as text, or NULL */
    const char *help;       /* one line, with a full stop */
    double low, high;       /* range of INTEGER and NUMBER; of SIZE in bytes */
} lk_setting;

extern const lk_setting lk_settings[LK_SET_COUNT];

/* Names that settings had before: taken like today's, as flag, variable and line of the file, and shown nowhere. */
typedef struct lk_old_name {
    const char *name;
    lk_setting_id id;
} lk_old_name;
#define LK_OLD_NAMES 1
extern const lk_old_name lk_old_names[LK_OLD_NAMES];

/* "LIKEN_MAX_FILE" of "max-file"; `room` at least 64. */
void lk_setting_variable(const char *name, char *out, size_t room);

typedef struct lk_config lk_config;

/* What is not a flag, in order. Borrowed from argv. */
typedef struct lk_arguments {
    const char **words;
    size_t count;
} lk_arguments;

/* Reads flags from argv[1..]. "--" ends the flags; "-" alone is a word. ARG for an unknown flag or a value out of
 * range, with the nearest name of those in `hints` (a set of settings) when there is one. words->words is freed with
 * free(). */
int lk_config_flags(lk_config **out, lk_arguments *words, int argc, char **argv, lk_setting_set hints,
                    liken_error *err);
/* Reads the environment and the file as well: what help and version do without, so that they work whatever these hold.
 */
int lk_config_complete(lk_config *c, liken_error *err);
/* Only defaults. */
int lk_config_new(lk_config **out, liken_error *err);
/* Takes over what `text`, the content of the file called `name`, says. Limits: 64 KiB, 4096 bytes a line, each name
 * once. */
int lk_config_read(lk_config *c, const char *name, const char *text, size_t size, liken_error *err);
void lk_config_free(lk_config *c);

/* Fails with ARG when a flag was given that is not in `taken`; `who` is "liken add". */
int lk_config_check_taken(const lk_config *c, lk_setting_set taken, const char *who, liken_error *err);

/* Text as given, or NULL when neither given nor defaulted; lives as long as `c`. */
const char *lk_config_text(const lk_config *c, lk_setting_id id);
/* 0 when neither given nor defaulted. */
double lk_config_number(const lk_config *c, lk_setting_id id);
size_t lk_config_size(const lk_config *c, lk_setting_id id); /* SIZE and non-negative INTEGER */
bool lk_config_switch(const lk_config *c, lk_setting_id id);
/* Which of the words of a CHOICE, from 0. */
int lk_config_choice(const lk_config *c, lk_setting_id id);
/* The values of a LIST; *count may be 0. */
const char *const *lk_config_list(const lk_config *c, lk_setting_id id, size_t *count);
/* False when the value is the default. */
bool lk_config_given(const lk_config *c, lk_setting_id id);
/* "--port", "LIKEN_PORT", "FILE:LINE: port" or "default". */
const char *lk_config_origin(const lk_config *c, lk_setting_id id);

/* The name nearest to `word` by edits, or NULL when none is near. */
const char *lk_suggest(const char *word, const char *const *names, size_t count);

#endif
