#include "cli/copies.h"

#include "wire/json.h"
#include "base/buf.h"
#include "base/outfile.h"
#include "base/text.h"
#include "cli/interrupt.h"
#include "cli/matches.h"
#include "cli/message.h"
#include "cli/photo_file.h"
#include "cli/caller.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define NAMES_MOST 10000 /* of one name, by number */
#define NAME_BYTES 200   /* so that a number and a temporary name fit behind it */
#define ENDING_BYTES 16
#define FAILURES_IN_A_ROW 3 /* then it is the folder's fault */

/* ---- names ---- */

/* Characters that no name should have: controls, and those that turn the direction of writing. */
static bool is_bad(const unsigned char *p, size_t size) {
    if (size < 2)
        return *p < 0x20 || *p == 0x7f;
    const bool control = size == 2 && p[0] == 0xc2 && p[1] < 0xa0;
    const bool turns = size == 3 && p[0] == 0xe2 &&
                       ((p[1] == 0x80 && (p[2] == 0x8e || p[2] == 0x8f || (p[2] >= 0xaa && p[2] <= 0xae))) ||
                        (p[1] == 0x81 && p[2] >= 0xa6 && p[2] <= 0xa9));
    return control || turns;
}

/* Appends text[0..size), harmless, as long as the name has at most `most` bytes. */
static size_t append(char *name, size_t n, size_t most, const char *text, size_t size) {
    for (const char *p = text; p < text + size;) {
        const size_t sequence = lk_utf8_sequence(p), step = sequence == 0 ? 1 : sequence;
        if (n + step > most)
            break;
        if (is_bad((const unsigned char *)p, step) || (n == 0 && *p == '.'))
            name[n++] = '_';
        else
            for (size_t i = 0; i < step; i++)
                name[n++] = p[i];
        p += step;
    }
    return n;
}

/* The last part of the path, harmless as a name; a long one is cut before its ending. */
static void name_of(const char *path, char out[NAME_BYTES + 1]) {
    const char *slash = strrchr(path, '/'), *name = slash == NULL ? path : slash + 1, *dot = strrchr(name, '.');
    const char *ending = dot == NULL || strlen(dot) > ENDING_BYTES ? name + strlen(name) : dot;
    size_t n = append(out, 0, NAME_BYTES - strlen(ending), name, (size_t)(ending - name));
    n = append(out, n, NAME_BYTES, ending, strlen(ending));
    out[n] = '\0';
    if (n == 0)
        memcpy(out, "photo", sizeof "photo");
}

/* FOLDER/NAME.jpg, then FOLDER/NAME-2.jpg and so on. */
static char *numbered(const char *folder, const char *name, int number) {
    char text[NAME_BYTES + 32];
    const char *dot = strrchr(name, '.');
    const size_t stem = dot == NULL ? strlen(name) : (size_t)(dot - name);
    if (number == 1)
        return lk_path_join(folder, name);
    (void)snprintf(text, sizeof text, "%.*s-%d%s", (int)stem, name, number, name + stem);
    return lk_path_join(folder, text);
}

/* ---- one copy ---- */

static bool holds(const char *path, const lk_photo_file *f) {
    struct stat st;
    LK_FREE char *bytes = NULL;
    size_t size = 0;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && (uint64_t)st.st_size == f->size &&
           lk_file_read(path, f->size, &bytes, &size, NULL) == LIKEN_OK && size == f->size &&
           (size == 0 || memcmp(bytes, f->bytes, size) == 0);
}

/* CONFLICT: the name is taken. */
static int write_new(const char *path, const lk_photo_file *f, liken_error *err) {
    struct stat st;
    lk_outfile *to = NULL;
    if (lstat(path, &st) == 0)
        return LIKEN_E_CONFLICT;
    int rc = lk_outfile_create(&to, path, err);
    if (rc != LIKEN_OK)
        return rc;
    rc = lk_outfile_write(to, f->bytes, f->size, err);
    if (rc == LIKEN_OK)
        return lk_outfile_finish(to, err);
    lk_outfile_drop(to);
    return rc;
}

static void keep_time(const char *from, const char *to) {
    struct stat st;
    if (stat(from, &st) == 0) { /* a time that cannot be set is no reason to have no copy */
        const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, st.st_mtim};
        (void)utimensat(AT_FDCWD, to, times, 0);
    }
}

static int copy_file(const lk_photo_file *f, const char *folder, lk_copy *out, liken_error *err) {
    char name[NAME_BYTES + 1];
    name_of(f->path, name);
    for (int number = 1; number <= NAMES_MOST; number++) {
        LK_FREE char *to = numbered(folder, name, number);
        if (to == NULL)
            return lk_fail_memory(err);
        out->there = holds(to, f);
        const int rc = out->there ? LIKEN_OK : write_new(to, f, err);
        if (rc == LIKEN_E_CONFLICT)
            continue;
        if (rc != LIKEN_OK)
            return rc;
        if (!out->there)
            keep_time(f->path, to);
        out->to = strdup(to);
        return out->to == NULL ? lk_fail_memory(err) : LIKEN_OK;
    }
    return lk_fail(err, LIKEN_E_IO, "Too many files in %s are called %s.", folder, name);
}

/* ---- one photo ---- */

/* Of what nobody ever had a sum of, at least that it is a photo. */
static bool is_photo(liken *lk, lk_photo_file *f) {
    liken_error err = {0};
    liken_image *image = NULL;
    if (f->same)
        return true;
    const int rc =
        liken_detect(lk, lk_cli_call(), f->bytes, f->size, &(liken_detect_options)LIKEN_DETECT_INIT, &image, &err);
    liken_image_free(image);
    if (rc != LIKEN_OK)
        (void)snprintf(f->why, sizeof f->why, "%.200s: %.280s", f->path, err.message);
    return rc == LIKEN_OK;
}

/* What one photo lacks is said in *out; a fault is one of the folder's. */
static int copy_photo(const lk_cli *cli, liken *lk, const liken_match *m, const char *folder, lk_copy *out,
                      liken_error *err) {
    lk_photo_file f = {0};
    liken_image *image = NULL;
    liken_error gone = {0};
    const char *collection = lk_config_text(cli->config, LK_SET_COLLECTION);
    int rc = liken_image_get(lk, lk_cli_call(), collection, m->image, &image, &gone);
    out->image = m->image;
    if (rc == LIKEN_OK && lk_photo_file_read(image, lk_config_size(cli->config, LK_SET_MAX_FILE), &f) &&
        is_photo(lk, &f))
        rc = copy_file(&f, folder, out, err);
    else
        (void)snprintf(out->why, sizeof out->why, "%s", rc == LIKEN_OK ? f.why : gone.message);
    rc = rc == LIKEN_E_NOT_FOUND ? LIKEN_OK : rc; /* removed meanwhile */
    if (rc != LIKEN_OK && gone.code != LIKEN_OK)
        *err = gone; /* the store's, which ends it */
    if (rc != LIKEN_OK)
        (void)snprintf(out->why, sizeof out->why, "%s", err->message);
    out->file = f.path;
    f.path = NULL;
    lk_photo_file_free(&f);
    liken_image_free(image);
    return rc;
}

/* ---- all of them ---- */

int lk_copies_check(const char *folder, liken_error *err) {
    struct stat st;
    if (stat(folder, &st) == 0)
        return S_ISDIR(st.st_mode) ? LIKEN_OK : lk_fail(err, LIKEN_E_ARG, "--copy-to: %s is not a folder.", folder);
    LK_FREE char *parent = strdup(folder);
    if (parent == NULL)
        return lk_fail_memory(err);
    size_t n = strlen(parent);
    while (n > 1 && parent[n - 1] == '/')
        parent[--n] = '\0';
    char *slash = strrchr(parent, '/');
    if (slash == parent)
        slash++;
    if (slash != NULL)
        *slash = '\0';
    return stat(slash == NULL ? "." : parent, &st) == 0 && S_ISDIR(st.st_mode)
               ? LIKEN_OK
               : lk_fail(err, LIKEN_E_ARG, "--copy-to: there is no folder %s to make %s in.", parent, folder);
}

static int make_folder(const char *folder, liken_error *err) {
    return mkdir(folder, 0777) == 0 || errno == EEXIST
               ? LIKEN_OK
               : lk_fail_errno(err, LIKEN_E_IO, errno, "The folder %s cannot be made", folder);
}

static int copy_all(const lk_cli *cli, liken *lk, const liken_match **matches, const char *folder, lk_copies *out,
                    liken_error *err) {
    int rc = LIKEN_OK;
    for (size_t i = 0, failures = 0; i < out->photos && failures < FAILURES_IN_A_ROW; i++) {
        if (lk_interrupted())
            return lk_fail(err, LIKEN_E_CANCELLED, "Interrupted after %zu of %zu photos.", i, out->photos);
        lk_copy *c = &out->list[out->count++];
        rc = copy_photo(cli, lk, matches[i], folder, c, err);
        if (rc == LIKEN_E_MEMORY || rc == LIKEN_E_STORE)
            return rc;
        failures = rc == LIKEN_OK ? 0 : failures + 1;
        out->failed += c->to == NULL;
    }
    return LIKEN_OK; /* what failed is counted */
}

int lk_copies_make(const lk_cli *cli, liken *lk, const liken_result *r, const char *folder, lk_copies *out,
                   liken_error *err) {
    const liken_match **matches = NULL;
    int rc = lk_matches_photos(r, &matches, &out->photos, err);
    if (rc != LIKEN_OK)
        return rc;
    out->list = calloc(out->photos + 1, sizeof *out->list);
    if (out->list == NULL)
        rc = lk_fail_memory(err);
    if (rc == LIKEN_OK && out->photos > 0)
        rc = make_folder(folder, err);
    if (rc == LIKEN_OK)
        rc = copy_all(cli, lk, matches, folder, out, err);
    free(matches);
    return rc;
}

void lk_copies_free(lk_copies *c) {
    for (size_t i = 0; i < c->count; i++) {
        free(c->list[i].file);
        free(c->list[i].to);
    }
    free(c->list);
    *c = (lk_copies){0};
}

/* ---- what became of them ---- */

static json_t *path_json(const char *path) {
    LK_FREE char *text = path == NULL ? NULL : liken_label_of_path(path);
    return lk_json_text(text);
}

json_t *lk_copies_json(const lk_copies *c, const char *folder) {
    json_t *copied = json_array(), *failed = json_array();
    for (size_t i = 0; i < c->count; i++) {
        const lk_copy *p = &c->list[i];
        json_t *head = json_pack("{s:I, s:o}", "image", (json_int_t)p->image, "file", path_json(p->file));
        if (head != NULL && p->to == NULL)
            (void)json_object_set_new(head, "error", lk_json_text(p->why));
        if (head != NULL && p->to != NULL) {
            (void)json_object_set_new(head, "to", path_json(p->to));
            (void)json_object_set_new(head, "existed", json_boolean(p->there));
        }
        (void)json_array_append_new(p->to == NULL ? failed : copied, head);
    }
    return json_pack("{s:o, s:o, s:o, s:I}", "folder", path_json(folder), "copied", copied, "failed", failed, "left",
                     (json_int_t)(c->photos - c->count));
}

void lk_copies_say(const lk_copies *c, const char *folder) {
    LK_FREE char *where = lk_printable(folder);
    size_t copied = 0, there = 0;
    for (size_t i = 0; i < c->count; i++) {
        there += c->list[i].there;
        copied += c->list[i].to != NULL && !c->list[i].there;
    }
    if (c->photos > 0)
        lk_message("Copied %zu %s to %s.", copied, copied == 1 ? "photo" : "photos", where == NULL ? "?" : where);
    if (there > 0)
        lk_message("There already: %zu.", there);
    for (size_t i = 0; i < c->count; i++) {
        LK_FREE char *why = lk_printable(c->list[i].why);
        if (c->list[i].to == NULL)
            lk_message("Not copied: photo %" PRId64 ": %s", c->list[i].image, why == NULL ? "?" : why);
    }
    if (c->count < c->photos)
        lk_message("Left after that: %zu.", c->photos - c->count);
}
