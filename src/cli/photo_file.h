/* photo_file.h - the file of a stored photo, found again through its labels. */
#ifndef LK_CLI_PHOTO_FILE_H
#define LK_CLI_PHOTO_FILE_H

#include "base/error.h"

typedef struct lk_photo_file {
    char *path;  /* of what was read; or, in vain, the likeliest; NULL: the photo has no label */
    char *bytes; /* NULL: in vain */
    size_t size;
    bool same;     /* these are the bytes that were added; else nobody can tell (rows of the legacy system) */
    char why[512]; /* in vain: a sentence that names the path */
} lk_photo_file;

/* Takes the first label whose file has the bytes that were added; files of more than `max` bytes are not read. False:
 * there is none. Free it in any case. */
bool lk_photo_file_read(const liken_image *image, size_t max, lk_photo_file *out);
void lk_photo_file_free(lk_photo_file *f);

#endif
