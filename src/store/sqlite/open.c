/* How the file is opened: to be written where that may be, else to be read, with nothing written for it.
 *
 * SQLite reads a file in write-ahead mode with the help of two others, the log (-wal) and the index of the log (-shm),
 * which it makes where they are not there. So what may not be written has three forms. Where both are there SQLite
 * reads with what it finds, and sees the commits of another process. Where there is no log nobody has the file open,
 * and it is read as it is, without locks; that holds only as long as nobody else begins to write to it (another user;
 * another mount of the same disk), so the file is looked at after each reading, and what was read is thrown away
 * when it is not as it was found. Where there is a log but no index, nobody can tell what of the log counts.
 *
 * A full disk has no room for the two either. Then the reserve gives some (reserve.c), and without one the file
 * can still be read. */
#include "store/sqlite/sqlite_int.h"

#include "base/buf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define FOR_LOCKS (256 << 10)      /* bytes that -shm and the beginning of -wal take */
#define TICK_NANOSECONDS 50000000L /* two changes of a file within this may leave one and the same time on it */

/* ---- to be written ---- */

/* Makes the file as ours alone to read: SQLite gives its companions the same permissions. */
static int make_file(const char *folder, const char *path, liken_error *err) {
    int rc = lk_folder_make(folder, err);
    if (rc != LIKEN_OK)
        return rc;
    const int fd = open(path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0 && errno == EEXIST)
        return LIKEN_OK;
    if (fd < 0)
        return lk_fail_errno(err, LIKEN_E_IO, errno, "The store %s could not be made", path);
    (void)close(fd); /* new, so no lock of this process can be lost by it */
    const int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0 || fsync(dir) != 0)
        rc = lk_fail_errno(err, LIKEN_E_IO, errno, "The folder %s could not be written to disk", folder);
    if (dir >= 0)
        (void)close(dir);
    return rc;
}

static int use_wal(lk_sqlite_conn *c, liken_error *err) {
    sqlite3_stmt *stmt = NULL;
    int rc = SQLITE_BUSY;
    /* two processes that open a new file at once both want to switch it; SQLite does not wait for that lock by itself
     */
    for (int tries = 0; tries < 500 && (rc & 0xff) == SQLITE_BUSY; tries++) {
        if (tries > 0)
            (void)nanosleep(&(struct timespec){.tv_nsec = 20 * 1000 * 1000}, NULL);
        rc = sqlite3_prepare_v2(c->db, "PRAGMA journal_mode = WAL", -1, &stmt, NULL);
        if (rc == SQLITE_OK)
            rc = sqlite3_step(stmt);
        const bool wal = rc == SQLITE_ROW && strcmp((const char *)sqlite3_column_text(stmt, 0), "wal") == 0;
        (void)sqlite3_finalize(stmt);
        if (wal)
            return LIKEN_OK;
        if (rc == SQLITE_ROW)
            return lk_fail(err, LIKEN_E_STORE,
                           "The file system that holds %s cannot carry a write-ahead log (a network "
                           "folder?); choose a data folder on a local disk.",
                           c->path);
    }
    return lk_sqlite_fail(c, rc, err);
}

static int nothing_there(const lk_sqlite_store *s, liken_error *err) {
    return lk_fail(err, LIKEN_E_NOT_FOUND, "There is no gallery in %s; liken add PHOTO makes one.", s->folder);
}

/* Version 0: whoever made the file came no further. */
static int outdated(const lk_sqlite_store *s, int version, liken_error *err) {
    if (version == 0)
        return nothing_there(s, err);
    return lk_fail(err, LIKEN_E_STORE,
                   "The gallery in %s is of an older liken. Adding a photo brings it up to date, and so does a server "
                   "that is started on it (liken serve).",
                   s->folder);
}

static int begin_writing(lk_sqlite_store *s, lk_store_how how, liken_error *err) {
    int version = 0;
    int rc = lk_sqlite_connect(&s->writer, s->path, s->flags, err);
    if (rc != LIKEN_OK)
        return rc;
    if (sqlite3_db_readonly(s->writer.db, "main") == 1) /* SQLite asks for less in silence */
        return lk_fail(err, LIKEN_E_READ_ONLY,
                       "The gallery in %s can only be read: the system does not let this process write liken.db.",
                       s->folder);
    (void)sqlite3_db_config(s->writer.db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    rc = lk_sqlite_examine(&s->writer, &version, err);
    if (rc == LIKEN_OK && version < LK_SQLITE_SCHEMA && how != LK_STORE_MAKE)
        return outdated(s, version, err);
    if (rc == LIKEN_OK && version == 0) /* before there is a page: removals can then give room back to the disk */
        rc = lk_sqlite_exec(&s->writer, "PRAGMA auto_vacuum = INCREMENTAL", err);
    if (rc == LIKEN_OK)
        rc = use_wal(&s->writer, err);
    if (rc == LIKEN_OK && version < LK_SQLITE_SCHEMA)
        rc = lk_sqlite_migrate(&s->writer, err);
    if (rc == LIKEN_OK)
        (void)sqlite3_db_config(s->writer.db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
    return rc;
}

static int connect_watch(lk_sqlite_store *s, int *version, liken_error *err) {
    const int rc = lk_sqlite_connect(&s->watch, s->path, s->flags & ~LK_SQLITE_WRITE, err);
    return rc == LIKEN_OK ? lk_sqlite_examine(&s->watch, version, err) : rc;
}

static int open_to_write(lk_sqlite_store *s, lk_store_how how, liken_error *err) {
    int version = 0;
    s->flags = LK_SQLITE_WRITE;
    int rc = begin_writing(s, how, err);
    if (rc == LIKEN_OK)
        rc = connect_watch(s, &version, err);
    if (rc != LIKEN_OK) {
        lk_sqlite_disconnect(&s->watch);
        lk_sqlite_disconnect(&s->writer);
        return rc;
    }
    lk_sqlite_reserve_make(s, 0);
    return lk_sqlite_writer_start(s, err);
}

/* ---- may it be written? ---- */

static bool companion(const lk_sqlite_store *s, const char *suffix, char *out, size_t room) {
    const int n = snprintf(out, room, "%s%s", s->path, suffix);
    return n > 0 && (size_t)n < room;
}

static int refuse(const lk_sqlite_store *s, const char *what, int why, liken_error *err) {
    char text[128];
    if (why == EROFS)
        return lk_fail(err, LIKEN_E_READ_ONLY, "The gallery in %s can only be read: its disk is mounted read-only.",
                       s->folder);
    return lk_fail(err, LIKEN_E_READ_ONLY, "The gallery in %s can only be read: this user may not write %s (%s).",
                   s->folder, what, strerror_r(why, text, sizeof text));
}

/* Rights are not all: a file system, a flag (chattr +i) or a policy may have the last word, so a nameless file is made.
 */
static int try_folder(const lk_sqlite_store *s, liken_error *err) {
    if (faccessat(AT_FDCWD, s->folder, W_OK, AT_EACCESS) != 0)
        return refuse(s, "in that folder", errno, err);
    const int fd = open(s->folder, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
    if (fd >= 0)
        close(fd);
    else if (errno == EROFS || errno == EACCES || errno == EPERM)
        return refuse(s, "in that folder", errno, err);
    return LIKEN_OK; /* not every file system can do that */
}

static int examine_rights(const lk_sqlite_store *s, liken_error *err) {
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    char path[4096];
    int rc = try_folder(s, err);
    for (size_t i = 0; rc == LIKEN_OK && i < LK_LENGTH(suffixes); i++)
        if (companion(s, suffixes[i], path, sizeof path) && faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) != 0 &&
            errno != ENOENT)
            rc = refuse(s, strrchr(path, '/') + 1, errno, err);
    return rc;
}

int lk_sqlite_writable(lk_store *base, liken_error *err) {
    const lk_sqlite_store *s = (const lk_sqlite_store *)base;
    if (s->refusal.code != LIKEN_E_READ_ONLY)
        return examine_rights(s, err);
    if (err != NULL)
        *err = s->refusal;
    return LIKEN_E_READ_ONLY;
}

/* ---- to be read ---- */

static bool look(const char *path, lk_sqlite_mark *mark) {
    struct stat st;
    if (stat(path, &st) != 0)
        return false;
    *mark = (lk_sqlite_mark){(uint64_t)st.st_ino, st.st_size, st.st_mtim.tv_sec, st.st_mtim.tv_nsec};
    return true;
}

static bool same(const lk_sqlite_mark *a, const lk_sqlite_mark *b) {
    return a->inode == b->inode && a->size == b->size && a->seconds == b->seconds && a->nanoseconds == b->nanoseconds;
}

static bool log_holds_something(const lk_sqlite_store *s) {
    char path[4096];
    lk_sqlite_mark log;
    return companion(s, "-wal", path, sizeof path) && look(path, &log) && log.size > 0;
}

static bool has_both(const lk_sqlite_store *s) {
    char log[4096], index[4096];
    return companion(s, "-wal", log, sizeof log) && companion(s, "-shm", index, sizeof index) &&
           access(log, R_OK) == 0 && access(index, R_OK) == 0;
}

/* A file that was written a moment ago could be written once more without its time changing: waits the moment out. */
static bool take_mark(lk_sqlite_store *s) {
    for (int tries = 0; tries < 20; tries++) {
        struct timespec now;
        if (!look(s->path, &s->mark))
            return false;
        (void)clock_gettime(CLOCK_REALTIME, &now);
        const double age = (double)(now.tv_sec - s->mark.seconds) + 1e-9 * (double)(now.tv_nsec - s->mark.nanoseconds);
        if (age < 0 || age > 1e-9 * TICK_NANOSECONDS)
            return true;
        (void)nanosleep(&(struct timespec){.tv_nsec = TICK_NANOSECONDS}, NULL);
    }
    return true;
}

int lk_sqlite_still(lk_sqlite_store *s, liken_error *err) {
    lk_sqlite_mark now;
    if ((s->flags & LK_SQLITE_IMMUTABLE) == 0)
        return LIKEN_OK;
    if (!atomic_load(&s->thawed) && look(s->path, &now) && same(&now, &s->mark) && !log_holds_something(s))
        return LIKEN_OK;
    atomic_store(&s->thawed, true);
    return lk_fail(err, LIKEN_E_STORE,
                   "Another process has begun to write to the gallery in %s, which this one took for one that nobody "
                   "writes to; start it again.",
                   s->folder);
}

static int open_frozen(lk_sqlite_store *s, int *version, liken_error *err) {
    if (!take_mark(s) || log_holds_something(s))
        return lk_fail(err, LIKEN_E_STORE,
                       "The gallery in %s cannot be read where it is: its last changes are still in the file "
                       "liken.db-wal, and reading them takes another file beside it, which cannot be made. Copy "
                       "liken.db and liken.db-wal to a folder that can be written and use that, or open the gallery "
                       "once where it can be written.",
                       s->folder);
    s->flags = LK_SQLITE_IMMUTABLE;
    int rc = connect_watch(s, version, err);
    const int still = lk_sqlite_still(s, err);
    if (still != LIKEN_OK)
        rc = still;
    if (rc != LIKEN_OK)
        lk_sqlite_disconnect(&s->watch);
    return rc;
}

/* `frozen`: beside the file nothing can be made. */
static int open_to_read(lk_sqlite_store *s, bool frozen, liken_error *err) {
    int version = 0;
    s->read_only = true;
    s->flags = 0;
    int rc = frozen && !has_both(s) ? open_frozen(s, &version, err) : connect_watch(s, &version, err);
    if (rc != LIKEN_OK && s->flags == 0 && !log_holds_something(s)) { /* no room, or locks that cannot be had */
        liken_error first = err == NULL ? (liken_error){0} : *err;
        lk_sqlite_disconnect(&s->watch);
        if ((rc == LIKEN_E_FULL || rc == LIKEN_E_IO || rc == LIKEN_E_READ_ONLY || rc == LIKEN_E_STORE) &&
            open_frozen(s, &version, NULL) == LIKEN_OK)
            rc = LIKEN_OK;
        else if (err != NULL)
            *err = first;
    }
    return rc == LIKEN_OK && version < LK_SQLITE_SCHEMA ? outdated(s, version, err) : rc;
}

/* ---- which of them ---- */

static int look_for_file(const lk_sqlite_store *s, bool *there, liken_error *err) {
    *there = access(s->path, F_OK) == 0;
    if (*there || errno == ENOENT || errno == ENOTDIR)
        return LIKEN_OK;
    return lk_fail_errno(err, LIKEN_E_IO, errno, "The store %s cannot be reached", s->path);
}

static int open_there(lk_sqlite_store *s, lk_store_how how, liken_error *err) {
    liken_error why = {0};
    int rc = examine_rights(s, &why);
    if (rc == LIKEN_OK)
        rc = open_to_write(s, how, &why);
    if (rc == LIKEN_E_FULL && lk_sqlite_reserve_give(s, FOR_LOCKS) > 0)
        rc = open_to_write(s, how, &why);
    if (rc != LIKEN_E_READ_ONLY && rc != LIKEN_E_FULL) {
        if (rc != LIKEN_OK && err != NULL)
            *err = why;
        return rc;
    }
    s->refusal = why;
    return open_to_read(s, true, err);
}

int lk_sqlite_open(lk_sqlite_store *s, lk_store_how how, liken_error *err) {
    bool there = false;
    int rc = look_for_file(s, &there, err);
    if (rc != LIKEN_OK)
        return rc;
    if (!there && how != LK_STORE_MAKE)
        return nothing_there(s, err);
    if (!there) {
        rc = make_file(s->folder, s->path, err);
        return rc == LIKEN_OK ? open_to_write(s, how, err) : rc;
    }
    if (how != LK_STORE_READ)
        return open_there(s, how, err);
    return open_to_read(s, examine_rights(s, NULL) != LIKEN_OK, err);
}
