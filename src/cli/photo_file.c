#include "cli/photo_file.h"

#include "base/buf.h"
#include "base/crypto.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Why a label was in vain: the larger, the more it says about where the photo is. */
enum { NOTHING, NO_FILE, MISSING, UNREADABLE, CHANGED, FOUND };

void lk_photo_file_free(lk_photo_file *f) {
    free(f->path);
    free(f->bytes);
    *f = (lk_photo_file){0};
}

static bool is_address(const char *label) {
    return strstr(label, "://") != NULL;
}

/* The photo's size is known of one whose bytes liken has seen. */
static bool has_sum(const liken_image *image) {
    return image->width > 0 && image->sha256[0] != '\0';
}

static int cannot_be_read(const liken_label *label, const char *path, const liken_error *err, char *why, size_t room) {
    if (err->code != LIKEN_E_NOT_FOUND) {
        (void)snprintf(why, room, "%s", err->message);
        return UNREADABLE;
    }
    if (label->kind != LIKEN_LABEL_FILE) {
        (void)snprintf(why, room, "%.300s names no file here: it was uploaded, or its label is not a path.", path);
        return NO_FILE;
    }
    (void)snprintf(why, room, "%.300s is not there%s.", path,
                   path[0] == '/' ? "" : " (the path is as it was given to liken add, from the folder it ran in)");
    return MISSING;
}

/* One label; fills *f when it is FOUND, else `why`. */
static int try_label(const liken_image *image, const liken_label *label, const char *path, size_t max, lk_photo_file *f,
                     char *why, size_t room) {
    liken_error err = {0};
    char sum[LK_SHA256_HEX];
    if (is_address(label->file)) {
        (void)snprintf(why, room, "%.300s is an address, not a file.", path);
        return NO_FILE;
    }
    if (lk_file_read(path, max, &f->bytes, &f->size, &err) != LIKEN_OK)
        return cannot_be_read(label, path, &err, why, room);
    lk_sha256_hex(f->bytes, f->size, sum);
    f->same = strcmp(sum, image->sha256) == 0;
    if (f->same || !has_sum(image))
        return FOUND;
    free(f->bytes);
    f->bytes = NULL;
    (void)snprintf(why, room, "%.300s has changed since it was added; liken add it again, then search again.", path);
    return CHANGED;
}

bool lk_photo_file_read(const liken_image *image, size_t max, lk_photo_file *out) {
    int best = NOTHING;
    *out = (lk_photo_file){.why = "It has no label that could name a file."};
    for (size_t i = 0; best != FOUND && i < image->label_count; i++) {
        char why[sizeof out->why];
        const liken_label *label = &image->labels[i];
        char *path = liken_path_of_label(label->place != NULL ? label->place : label->file);
        const int verdict = path == NULL ? NOTHING : try_label(image, label, path, max, out, why, sizeof why);
        if (verdict <= best) {
            free(path);
            continue;
        }
        free(out->path);
        out->path = path;
        best = verdict;
        if (verdict != FOUND)
            memcpy(out->why, why, sizeof why);
    }
    return best == FOUND;
}
