/* outfile.h - a file that is written bit by bit and is there whole or not at all: until lk_outfile_finish it has a
 * temporary name beside its own. A link stays, and what it points to is replaced; a device, a pipe and standard output
 * are written into as they are. One thread. */
#ifndef LK_BASE_OUTFILE_H
#define LK_BASE_OUTFILE_H

#include "base/error.h"

typedef struct lk_outfile lk_outfile;

/* `path` NULL: standard output. IO; the message names the path. */
LK_CHECKED int lk_outfile_open(lk_outfile **out, const char *path, liken_error *err);
/* One that replaces nothing: where something has come to be at `path`, lk_outfile_finish is a CONFLICT. */
LK_CHECKED int lk_outfile_create(lk_outfile **out, const char *path, liken_error *err);
/* Kept until there is enough to be written. IO. */
LK_CHECKED int lk_outfile_write(lk_outfile *f, const void *bytes, size_t size, liken_error *err);
/* Writes what was kept. */
LK_CHECKED int lk_outfile_flush(lk_outfile *f, liken_error *err);
/* Puts the file, which is on disk then, in its place. Frees `f` also when it fails, and what was there before stays. */
LK_CHECKED int lk_outfile_finish(lk_outfile *f, liken_error *err);
/* Leaves what was there before. NULL is accepted. */
void lk_outfile_drop(lk_outfile *f);

/* fsync of the folder that `path` lies in, where its file system can do that. */
void lk_folder_sync_of(const char *path);

#endif
