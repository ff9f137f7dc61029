/* writer.h - lines for a reader that may be slow: a log's pipe that nobody empties, a disk that hangs. Whoever has
 * something to say leaves it and goes on; a thread writes. What does not fit is lost, and how many lines were is said
 * when there is room again. */
#ifndef LK_CLI_WRITER_H
#define LK_CLI_WRITER_H

#include "base/error.h"

typedef struct lk_writer lk_writer;

/* To the descriptor `fd`, which stays the caller's. */
int lk_writer_start(lk_writer **out, int fd, liken_error *err);
/* Takes the malloc'd line, which ends in '\n', and never waits. Any thread. */
void lk_writer_put(lk_writer *w, char *line);
/* Writes what is left, for a second at most where the reader does not take it. NULL is accepted. */
void lk_writer_stop(lk_writer *w);

#endif
