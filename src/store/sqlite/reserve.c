/* Room for removals on a full disk.
 *
 * Removing a photo writes before it frees: the pages that change go to the write-ahead log first. On a full disk there
 * is no room for them, and who wants to make room could not. So the folder of the gallery holds a file, `reserve`, of
 * nothing but room. It is cut short when a removal, or the opening of the gallery, finds the disk full, and made long
 * again when there is room; whoever deletes it only loses that. What a removal frees inside the database goes back to
 * the disk at once where the disk is short of room; else the database keeps some for what is added next. A gallery
 * made by a liken older than this keeps all of it. */
#include "store/sqlite/sqlite_int.h"

#include "base/buf.h"

#include <assert.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define RESERVE ((uint64_t)4 << 20)  /* more than removing a photo of a thousand faces takes */
#define LEAST ((uint64_t)128 << 10)  /* a smaller one is of no use */
#define SHARE 8                      /* at most this part of what is free */
#define SCARCE ((uint64_t)256 << 20) /* below which no free page is kept */
#define KEPT 1024                    /* free pages that are kept otherwise, or a quarter of all */
#define PORTIONS 8                   /* of 128 pages, after one group of removals */

uint64_t lk_sqlite_free(const lk_sqlite_store *s) {
    struct statvfs disk;
    if (statvfs(s->path, &disk) != 0 || disk.f_blocks == 0) /* some network file systems do not say */
        return UINT64_MAX;
    return (uint64_t)disk.f_bavail * disk.f_frsize;
}

static int open_reserve(const lk_sqlite_store *s, int flags) {
    LK_FREE char *path = lk_path_join(s->folder, "reserve");
    return path == NULL ? -1 : open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | flags, 0600);
}

static uint64_t size_of(int fd) {
    struct stat st;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size <= 0)
        return 0;
    const uint64_t size = (uint64_t)st.st_size, held = (uint64_t)st.st_blocks * 512; /* a copy may have holes */
    return held < size ? held : size;
}

void lk_sqlite_reserve_make(const lk_sqlite_store *s, uint64_t given) {
    const uint64_t room = lk_sqlite_free(s);
    if (room == UINT64_MAX)
        return;
    const uint64_t share = room / SHARE < RESERVE ? room / SHARE : RESERVE;
    const int fd = open_reserve(s, share < LEAST && given == 0 ? 0 : O_CREAT);
    if (fd < 0)
        return;
    const uint64_t has = size_of(fd), back = has + (given < room ? given : room);
    const uint64_t size = back > share ? back : share;
    if (size >= LEAST && has < size && posix_fallocate(fd, 0, (off_t)size) != 0)
        (void)ftruncate(fd, (off_t)has); /* the disk filled meanwhile, or cannot promise room */
    (void)close(fd);
}

uint64_t lk_sqlite_reserve_give(const lk_sqlite_store *s, uint64_t bytes) {
    const int fd = open_reserve(s, 0);
    if (fd < 0)
        return 0;
    const uint64_t has = size_of(fd), given = bytes < has ? bytes : has;
    const bool done = ftruncate(fd, (off_t)(has - given)) == 0;
    (void)close(fd);
    return done ? given : 0;
}

/* Up to PORTIONS of them, each a transaction of its own. On a full disk the log goes into the database only where it
 * cannot grow any more: before the database has become small that would make it grow first. */
static void shrink(lk_sqlite_conn *c, int64_t keep, bool scarce) {
    int64_t free_pages = 0;
    for (int i = 0; i < PORTIONS; i++) {
        if (lk_sqlite_number(c, "PRAGMA freelist_count", &free_pages, NULL) != LIKEN_OK || free_pages <= keep)
            return;
        if (lk_sqlite_exec(c, "PRAGMA incremental_vacuum(128)", NULL) == LIKEN_OK)
            continue;
        if (!scarce)
            return; /* what is not given back now is given back by the next removal */
        (void)lk_sqlite_exec(c, "PRAGMA wal_checkpoint(PASSIVE)", NULL);
    }
}

void lk_sqlite_give_back(lk_sqlite_store *s) {
    assert(pthread_equal(pthread_self(), s->thread));
    lk_sqlite_conn *c = &s->writer;
    const bool scarce = lk_sqlite_free(s) < SCARCE;
    int64_t mode = 0, pages = 0;
    if (lk_sqlite_number(c, "PRAGMA auto_vacuum", &mode, NULL) == LIKEN_OK && mode != 0 &&
        lk_sqlite_number(c, "PRAGMA page_count", &pages, NULL) == LIKEN_OK)
        shrink(c, scarce ? 0 : pages / 4 > KEPT ? pages / 4 : KEPT, scarce);
    if (!scarce)
        return;
    (void)sqlite3_busy_timeout(c->db, 0); /* a search under way needs the log, and keeps it */
    (void)lk_sqlite_exec(c, "PRAGMA wal_checkpoint(TRUNCATE)", NULL);
    (void)sqlite3_busy_timeout(c->db, LK_SQLITE_BUSY_MS);
}
