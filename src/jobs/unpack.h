/* unpack.h - what lies in a zip or tar that somebody packed, entry by entry, as bytes.
 *
 * Nothing is ever written where an entry says: names are only names. Even so, what an archive can be made to do is
 * refused, with a code: to be a thousand times as large as it looks, to lead out of itself, to be another file by a
 * link, to hold further archives, to hold one name twice. What one entry is at fault for costs that entry; what the
 * archive is at fault for ends it.
 *
 * Read are zip, and tar plain or packed by gzip, bzip2 or zstd; xz is not, since it may ask for a gigabyte of memory
 * to unpack. The file must be one that can be read twice. libarchive is named only in this folder. */
#ifndef LK_JOBS_UNPACK_H
#define LK_JOBS_UNPACK_H

#include "base/error.h"

typedef enum lk_archive_reason {
    LK_ARCHIVE_FINE = 0,
    /* of the archive */
    LK_ARCHIVE_UNREADABLE, /* "unreadable": the file. NOT_FOUND, IO */
    LK_ARCHIVE_UNKNOWN,    /* "not_an_archive". FORMAT */
    LK_ARCHIVE_DAMAGED,    /* "damaged"; also of an entry. DECODE */
    LK_ARCHIVE_ENTRIES,    /* "too_many_entries". TOO_LARGE */
    LK_ARCHIVE_BOMB,       /* "archive_bomb": it unpacks to far more than it is. TOO_LARGE */
    LK_ARCHIVE_STOPPED,    /* "stopped": for want of memory. MEMORY */
    /* of an entry */
    LK_ARCHIVE_TOO_LARGE, /* "too_large". TOO_LARGE */
    LK_ARCHIVE_ENCRYPTED, /* "encrypted". UNSUPPORTED */
    LK_ARCHIVE_NESTED,    /* "nested_archive". UNSUPPORTED */
    LK_ARCHIVE_LINK,      /* "link": symbolic or hard. UNSUPPORTED */
    LK_ARCHIVE_SPECIAL,   /* "special_file": a device, a pipe. UNSUPPORTED */
    LK_ARCHIVE_PATH,      /* "unsafe_path": from the root, by a drive, or with "..". ARG */
    LK_ARCHIVE_NAME,      /* "name_not_utf8": nor is one that is empty, or longer than a path. ARG */
    LK_ARCHIVE_TWICE      /* "same_name_twice": the first is read. CONFLICT */
} lk_archive_reason;

/* Never NULL. */
const char *lk_archive_reason_code(lk_archive_reason reason);

/* 0: the default, which is named. */
typedef struct lk_archive_options {
    size_t entries;     /* 100,000, folders among them */
    size_t entry_bytes; /* 64 MiB */
    size_t total_bytes; /* of all entries: 1 TiB */
    size_t ratio;       /* of these to the file, from 64 MiB on: 200 */
} lk_archive_options;

typedef struct lk_archive lk_archive;

/* Whether a file is meant as one, by its name. */
bool lk_archive_is(const char *path);

/* For one thread at a time. `options` may be NULL. *reason: why not. */
LK_CHECKED int lk_archive_open(lk_archive **out, const char *path, const lk_archive_options *options,
                               lk_archive_reason *reason, liken_error *err);
void lk_archive_close(lk_archive *a); /* NULL is accepted */

/* The name of the next entry that is no folder, without "./" in front, UTF-8 or with '?' for what is none, borrowed
 * until the next call; *name NULL: there is none any more. A fault is one of the archive, for good. */
LK_CHECKED int lk_archive_next(lk_archive *a, const char **name, lk_archive_reason *reason, liken_error *err);

/* All bytes of the entry that came last, once; free(). Or why it is refused: the archive goes on, unless the reason is
 * one of the archive. */
LK_CHECKED int lk_archive_read(lk_archive *a, char **bytes, size_t *size, lk_archive_reason *reason, liken_error *err);

#endif
