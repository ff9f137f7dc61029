/* config.h - one table of settings. A row feeds the configuration file, the environment, the flag, --help and the man
 * page. Order of precedence: flag, environment, file, default. */
#ifndef LK_CONFIG_CONFIG_H
#define LK_CONFIG_CONFIG_H

#include "base/error.h"

typedef enum lk_setting_type { LK_TEXT, LK_NUMBER, LK_SIZE, LK_SWITCH } lk_setting_type;

typedef struct lk_setting {
    const char *name;         /* "max-file": flag --max-file, file key max-file, environment LIKEN_MAX_FILE */
    lk_setting_type type;
    const char *value_name;   /* "BYTES" in help */
    const char *fallback;     /* default as text, or NULL */
    const char *help;         /* one line */
    const char *commands;     /* words: the commands it belongs to, or "*" */
    double low, high;         /* range of NUMBER and SIZE */
} lk_setting;

extern const lk_setting lk_settings[];
extern const size_t lk_settings_count;

#endif
