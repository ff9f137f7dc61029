/* log.h - one line to whoever called liken_set_log. Never put keys, descriptors or photo bytes in it. */
#ifndef LK_BASE_LOG_H
#define LK_BASE_LOG_H

#include "liken.h"

void lk_log(liken_log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
