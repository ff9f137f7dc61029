/* message.h - the one owner of standard error: messages, log lines and the progress line, which never tear each other.
 * All functions may be called from any thread. */
#ifndef LK_CLI_MESSAGE_H
#define LK_CLI_MESSAGE_H

#include "base/error.h"

/* One line; the progress line gives way. */
void lk_message(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* From here on, until the other is called, lines are written by a thread of their own: whoever says something does not
 * wait for whoever reads it, and what is not read fast enough is lost, which is said. Without progress lines. */
int lk_message_in_background(liken_error *err);
void lk_message_in_foreground(void);

/* Sends the library's log lines up to `level` to standard error, as text or as one JSON object a line. */
void lk_message_log(liken_log_level level, bool json);
/* Another level from now on. */
void lk_message_level(liken_log_level level);

/* Progress of `total` things called `noun` ("photos"). On a terminal one line that is redrawn a few times a second,
 * else a plain line every few seconds. */
void lk_progress_start(const char *noun, size_t total);
void lk_progress_show(size_t done, size_t faces);
void lk_progress_end(void);

/* "1:05:09", "2:15"; `room` at least 16. */
void lk_duration_text(double seconds, char *out, size_t room);

/* The text for a terminal or a table: control characters as \n, \t or \xNN, broken UTF-8 as U+FFFD. malloc'd; NULL
 * when out of memory. */
char *lk_printable(const char *text);

#endif
