#include "jobs/unpack.h"

#include "base/buf.h"
#include "base/text.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOCK ((size_t)64 << 10)
#define NAME_MAX_BYTES 2048
#define BOMB_FROM ((size_t)64 << 20)

struct lk_archive {
    struct archive *reader;
    struct archive_entry *entry; /* the last; NULL: none */
    bool over;                   /* there is none any more */
    locale_t utf8; /* names are turned into it by libarchive, whatever locale the program has; 0: it is none */
    int file;
    size_t size; /* of the file */
    lk_archive_options options;
    size_t entries, total; /* so far; and their bytes */
    void *names;           /* a tree of them */
    char name[NAME_MAX_BYTES + 1];
    lk_archive_reason verdict; /* on the last entry; */
    lk_archive_reason end;     /* on all of it */
    int rc;
    liken_error err;
};

static const struct {
    lk_archive_reason reason;
    const char *code;
    int rc;
    const char *sentence; /* of an entry */
} faults[] = {
    {LK_ARCHIVE_FINE, "fine", LIKEN_OK, NULL},
    {LK_ARCHIVE_UNREADABLE, "unreadable", LIKEN_E_IO, NULL},
    {LK_ARCHIVE_UNKNOWN, "not_an_archive", LIKEN_E_FORMAT, NULL},
    {LK_ARCHIVE_DAMAGED, "damaged", LIKEN_E_DECODE, "This part of the archive is damaged; get the file again."},
    {LK_ARCHIVE_ENTRIES, "too_many_entries", LIKEN_E_TOO_LARGE, NULL},
    {LK_ARCHIVE_BOMB, "archive_bomb", LIKEN_E_TOO_LARGE, NULL},
    {LK_ARCHIVE_STOPPED, "stopped", LIKEN_E_MEMORY, NULL},
    {LK_ARCHIVE_TOO_LARGE, "too_large", LIKEN_E_TOO_LARGE, NULL},
    {LK_ARCHIVE_ENCRYPTED, "encrypted", LIKEN_E_UNSUPPORTED,
     "It is encrypted, and liken asks for no password: unpack the archive, or pack it without one."},
    {LK_ARCHIVE_NESTED, "nested_archive", LIKEN_E_UNSUPPORTED,
     "An archive in an archive is not opened: unpack it, and add it by itself."},
    {LK_ARCHIVE_LINK, "link", LIKEN_E_UNSUPPORTED, "A link is not followed: pack the file that it leads to."},
    {LK_ARCHIVE_SPECIAL, "special_file", LIKEN_E_UNSUPPORTED, "It is a device or a pipe, and no file."},
    {LK_ARCHIVE_PATH, "unsafe_path", LIKEN_E_ARG,
     "Its name leads out of the archive: pack it under a path without \"..\", a drive or a slash in front."},
    {LK_ARCHIVE_NAME, "name_not_utf8", LIKEN_E_ARG,
     "Its name is not UTF-8, or empty, or longer than 2048 bytes: rename it, or pack it with a program of today."},
    {LK_ARCHIVE_TWICE, "same_name_twice", LIKEN_E_CONFLICT,
     "The archive holds this name twice, and the first was taken: rename one of the two."},
};

const char *lk_archive_reason_code(lk_archive_reason reason) {
    return faults[(size_t)reason < LK_LENGTH(faults) ? reason : LK_ARCHIVE_STOPPED].code;
}

bool lk_archive_is(const char *path) {
    static const char *const endings[] = {".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.zst", ".tzst"};
    for (size_t i = 0; i < LK_LENGTH(endings); i++)
        if (lk_text_ends(path, endings[i]))
            return true;
    return false;
}

/* ---- faults ---- */

/* Of the entry. */
static int refuse(lk_archive_reason why, lk_archive_reason *reason, liken_error *err) {
    *reason = why;
    return lk_fail(err, faults[why].rc, "%s", faults[why].sentence);
}

/* Of the archive, kept in a->err: it is over. */
static int end(lk_archive *a, lk_archive_reason why) {
    a->end = why;
    a->rc = a->err.code;
    return a->rc;
}

static int out_of_memory(lk_archive *a) {
    (void)lk_fail_memory(&a->err);
    return end(a, LK_ARCHIVE_STOPPED);
}

static int damaged(lk_archive *a) {
    if (archive_errno(a->reader) == ENOMEM)
        return out_of_memory(a);
    (void)lk_fail(&a->err, LIKEN_E_DECODE,
                  "The archive is damaged (%.200s): what lies behind that cannot be read; get the file again.",
                  archive_error_string(a->reader) == NULL ? "no reason given" : archive_error_string(a->reader));
    return end(a, LK_ARCHIVE_DAMAGED);
}

static int unknown(lk_archive *a) {
    (void)lk_fail(&a->err, LIKEN_E_FORMAT,
                  "It is no archive that is read: a zip, or a tar that is plain or packed by gzip, bzip2 or zstd.");
    return end(a, LK_ARCHIVE_UNKNOWN);
}

static int unknown_to(lk_archive *a, liken_error *err) {
    const int rc = unknown(a);
    if (err != NULL)
        *err = a->err;
    return rc;
}

static int count_bytes(lk_archive *a, size_t more) {
    const size_t most = a->size > SIZE_MAX / a->options.ratio ? SIZE_MAX : a->size * a->options.ratio;
    a->total += more;
    if (a->total > a->options.total_bytes || (a->total > BOMB_FROM && a->total > most)) {
        (void)lk_fail(&a->err, LIKEN_E_TOO_LARGE,
                      "The archive unpacks to far more than it is (%zu bytes of file, more than %zu of content), as "
                      "nothing made of photos does: unpack it yourself if you trust it.",
                      a->size, a->total);
        return end(a, LK_ARCHIVE_BOMB);
    }
    return LIKEN_OK;
}

/* ---- opening ---- */

void lk_archive_close(lk_archive *a) {
    if (a == NULL)
        return;
    (void)archive_read_free(a->reader);
    if (a->file >= 0)
        close(a->file);
    if (a->utf8 != (locale_t)0)
        freelocale(a->utf8);
    tdestroy(a->names, free);
    free(a);
}

static lk_archive_options options_of(const lk_archive_options *given) {
    lk_archive_options o = given == NULL ? (lk_archive_options){0} : *given;
    o.entries = o.entries > 0 ? o.entries : 100000;
    o.entry_bytes = o.entry_bytes > 0 ? o.entry_bytes : (size_t)64 << 20;
    o.total_bytes = o.total_bytes > 0 ? o.total_bytes : (size_t)1 << 40;
    o.ratio = o.ratio > 0 ? o.ratio : 200;
    return o;
}

static int open_file(lk_archive *a, const char *path, liken_error *err) {
    struct stat st;
    a->file = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (a->file < 0 || fstat(a->file, &st) != 0)
        return lk_fail_errno(err, errno == ENOENT ? LIKEN_E_NOT_FOUND : LIKEN_E_IO, errno, "%.300s cannot be read",
                             path);
    if (!S_ISREG(st.st_mode))
        return lk_fail(err, LIKEN_E_IO, "%.300s is no file.", path);
    a->size = (size_t)st.st_size;
    return LIKEN_OK;
}

/* Only what libarchive does itself: for others it would run programs. */
static bool choose_formats(struct archive *reader) {
    return archive_read_support_filter_gzip(reader) == ARCHIVE_OK &&
           archive_read_support_filter_bzip2(reader) == ARCHIVE_OK &&
           archive_read_support_filter_zstd(reader) == ARCHIVE_OK &&
           archive_read_support_format_tar(reader) == ARCHIVE_OK &&
           archive_read_support_format_zip_seekable(reader) == ARCHIVE_OK;
}

static int open_reader(lk_archive *a, const char *path, lk_archive_reason *reason, liken_error *err) {
    *reason = LK_ARCHIVE_STOPPED;
    a->reader = archive_read_new();
    if (a->reader == NULL)
        return lk_fail_memory(err);
    if (!choose_formats(a->reader))
        return lk_fail(err, LIKEN_E_UNSUPPORTED,
                       "The libarchive of this machine lacks zip, tar, gzip, bzip2 or zstd; install a whole one.");
    *reason = LK_ARCHIVE_UNREADABLE;
    const int rc = open_file(a, path, err);
    if (rc != LIKEN_OK)
        return rc;
    *reason = LK_ARCHIVE_UNKNOWN;
    return archive_read_open_fd(a->reader, a->file, BLOCK) == ARCHIVE_OK ? LIKEN_OK : unknown_to(a, err);
}

int lk_archive_open(lk_archive **out, const char *path, const lk_archive_options *options, lk_archive_reason *reason,
                    liken_error *err) {
    lk_archive *a = calloc(1, sizeof *a);
    *reason = LK_ARCHIVE_STOPPED;
    if (a == NULL)
        return lk_fail_memory(err);
    a->file = -1;
    a->options = options_of(options);
    a->utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    const int rc = open_reader(a, path, reason, err);
    if (rc != LIKEN_OK) {
        lk_archive_close(a);
        return rc;
    }
    *reason = LK_ARCHIVE_FINE;
    *out = a;
    return LIKEN_OK;
}

/* ---- the next entry ---- */

/* A ".." between slashes of either kind. */
static bool climbs(const char *name) {
    for (const char *part = name; *part != '\0'; part += *part != '\0') {
        const size_t size = strcspn(part, "/\\");
        if (size == 2 && part[0] == '.' && part[1] == '.')
            return true;
        part += size;
    }
    return false;
}

static bool is_rooted(const char *name) {
    return name[0] == '/' || name[0] == '\\' || (name[0] != '\0' && name[1] == ':');
}

/* Fills a->name with what can be shown. False: there is no name to go by. */
static bool take_name(lk_archive *a, const char *raw) {
    while (raw != NULL && raw[0] == '.' && raw[1] == '/')
        raw += 1 + strspn(raw + 1, "/");
    const size_t size = raw == NULL ? 0 : strnlen(raw, NAME_MAX_BYTES + 1);
    const bool good = size > 0 && size <= NAME_MAX_BYTES && lk_utf8_valid(raw);
    const size_t kept = size < NAME_MAX_BYTES ? size : NAME_MAX_BYTES;
    if (size == 0)
        memcpy(a->name, "?", 2);
    for (size_t i = 0; i < kept; i++)
        a->name[i] = good || (raw[i] >= ' ' && raw[i] < 127) ? raw[i] : '?';
    if (size > 0)
        a->name[kept] = '\0';
    return good;
}

static bool is_nested(const char *name) {
    static const char *const endings[] = {".gz", ".bz2", ".xz", ".txz", ".zst", ".7z", ".rar"};
    for (size_t i = 0; i < LK_LENGTH(endings); i++)
        if (lk_text_ends(name, endings[i]))
            return true;
    return lk_archive_is(name);
}

static int compare_names(const void *a, const void *b) {
    return strcmp(a, b);
}

/* Remembers it; *again: it was known. */
static int meet(lk_archive *a, bool *again) {
    char *own = strdup(a->name);
    if (own == NULL)
        return out_of_memory(a);
    const void *node = tsearch(own, &a->names, compare_names);
    if (node == NULL) {
        free(own);
        return out_of_memory(a);
    }
    *again = *(char *const *)node != own;
    if (*again)
        free(own);
    return LIKEN_OK;
}

static int judge(lk_archive *a) {
    const mode_t kind = archive_entry_filetype(a->entry);
    bool again = false;
    a->verdict = LK_ARCHIVE_FINE;
    if (!take_name(a, archive_entry_pathname(a->entry)))
        a->verdict = LK_ARCHIVE_NAME;
    else if (is_rooted(a->name) || climbs(a->name))
        a->verdict = LK_ARCHIVE_PATH;
    else if (kind == AE_IFLNK || archive_entry_hardlink(a->entry) != NULL || archive_entry_symlink(a->entry) != NULL)
        a->verdict = LK_ARCHIVE_LINK;
    else if (kind != AE_IFREG && kind != 0)
        a->verdict = LK_ARCHIVE_SPECIAL;
    else if (meet(a, &again) != LIKEN_OK)
        return a->rc;
    else if (again)
        a->verdict = LK_ARCHIVE_TWICE;
    else if (archive_entry_is_encrypted(a->entry))
        a->verdict = LK_ARCHIVE_ENCRYPTED;
    else if (is_nested(a->name))
        a->verdict = LK_ARCHIVE_NESTED;
    return LIKEN_OK;
}

static int too_many(lk_archive *a) {
    (void)lk_fail(&a->err, LIKEN_E_TOO_LARGE, "The archive holds more than %zu entries: pack the photos in several.",
                  a->options.entries);
    return end(a, LK_ARCHIVE_ENTRIES);
}

/* Past folders. LIKEN_OK without an entry: there is none any more. */
static int step(lk_archive *a) {
    for (;;) {
        a->entry = NULL;
        struct archive_entry *entry = NULL;
        const int got = archive_read_next_header(a->reader, &entry);
        a->over = got == ARCHIVE_EOF;
        if (a->over)
            return LIKEN_OK;
        if (got != ARCHIVE_OK && got != ARCHIVE_WARN)
            return a->entries == 0 ? unknown(a) : damaged(a);
        if (++a->entries > a->options.entries)
            return too_many(a);
        const int64_t size = archive_entry_size_is_set(entry) ? archive_entry_size(entry) : 0;
        if (size > 0 && count_bytes(a, (size_t)size) != LIKEN_OK)
            return a->rc;
        a->entry = entry;
        if (archive_entry_filetype(entry) != AE_IFDIR)
            return judge(a);
    }
}

static locale_t enter(const lk_archive *a) {
    return a->utf8 == (locale_t)0 ? (locale_t)0 : uselocale(a->utf8);
}

static void leave(locale_t before) {
    if (before != (locale_t)0)
        (void)uselocale(before);
}

int lk_archive_next(lk_archive *a, const char **name, lk_archive_reason *reason, liken_error *err) {
    if (a->end == LK_ARCHIVE_FINE && !a->over) {
        const locale_t before = enter(a);
        a->rc = step(a);
        leave(before);
    }
    *reason = a->end;
    if (a->rc != LIKEN_OK) {
        if (err != NULL)
            *err = a->err;
        return a->rc;
    }
    *name = a->entry == NULL ? NULL : a->name;
    return LIKEN_OK;
}

/* ---- its bytes ---- */

static int too_large(const lk_archive *a, lk_archive_reason *reason, liken_error *err) {
    *reason = LK_ARCHIVE_TOO_LARGE;
    return lk_fail(err, LIKEN_E_TOO_LARGE,
                   "It is larger than %zu bytes, which is the most that may be read; raise that limit if it should be "
                   "had.",
                   a->options.entry_bytes);
}

/* What was announced has been counted; more than that is counted as it comes. */
static int read_all(lk_archive *a, lk_buf *body, lk_archive_reason *reason, liken_error *err) {
    char part[16384];
    const int64_t told = archive_entry_size_is_set(a->entry) ? archive_entry_size(a->entry) : 0;
    for (;;) {
        const ssize_t n = archive_read_data(a->reader, part, sizeof part);
        if (n == 0)
            return LIKEN_OK;
        if (n == ARCHIVE_RETRY)
            continue;
        if (n == ARCHIVE_FATAL)
            return damaged(a);
        if (n < 0)
            return refuse(LK_ARCHIVE_DAMAGED, reason, err);
        if ((uint64_t)body->size + (uint64_t)n > (uint64_t)(told > 0 ? told : 0) &&
            count_bytes(a, (size_t)n) != LIKEN_OK)
            return a->rc;
        if ((size_t)n > a->options.entry_bytes - body->size)
            return too_large(a, reason, err);
        const int rc = lk_buf_append(body, part, (size_t)n, err);
        if (rc != LIKEN_OK)
            return rc;
    }
}

static int read_entry(lk_archive *a, lk_buf *body, lk_archive_reason *reason, liken_error *err) {
    if (a->verdict != LK_ARCHIVE_FINE)
        return refuse(a->verdict, reason, err);
    if (archive_entry_size_is_set(a->entry) && archive_entry_size(a->entry) > (int64_t)a->options.entry_bytes)
        return too_large(a, reason, err);
    const locale_t before = enter(a);
    int rc = read_all(a, body, reason, err);
    leave(before);
    if (rc == LIKEN_OK && body->data == NULL)
        rc = lk_buf_string(body, "", err);
    return rc;
}

int lk_archive_read(lk_archive *a, char **bytes, size_t *size, lk_archive_reason *reason, liken_error *err) {
    lk_buf body;
    *reason = LK_ARCHIVE_STOPPED;
    if (a->end == LK_ARCHIVE_FINE && a->entry == NULL)
        return lk_fail(err, LIKEN_E_ARG, "There is no entry to be read.");
    lk_buf_init(&body, a->options.entry_bytes);
    int rc = a->end == LK_ARCHIVE_FINE ? read_entry(a, &body, reason, err) : a->rc;
    if (a->end != LK_ARCHIVE_FINE) {
        *reason = a->end;
        if (err != NULL)
            *err = a->err;
    }
    if (rc == LIKEN_OK) {
        *reason = LK_ARCHIVE_FINE;
        *bytes = lk_buf_steal(&body, size);
    }
    lk_buf_free(&body);
    return rc;
}
