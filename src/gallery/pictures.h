/* pictures.h - what is kept of photos to be looked at (pictures.c makes it, show.c shows it, or
 * the photo's own file, which photo_file.c finds). */
#ifndef LK_GALLERY_PICTURES_H
#define LK_GALLERY_PICTURES_H

#include "gallery/gallery_int.h"

#define LK_THUMBNAIL_SIDE 400
#define LK_THUMBNAIL_BYTES 20000 /* at most, however busy the picture is */
#define LK_PREVIEW_SIDE 1280 /* no more than the detector decodes at least, so that nothing is decoded again for it */

/* The longer side of what a look at a photo is to give back, for lk_pictures_make; 0: nothing. */
int lk_pictures_side(liken_keep keep);

/* Adds to image->pictures what `keep` says, of the pixels `view` (upright; {0}: none) and, for an original, the bytes
 * of a file of this kind ("jpeg"). */
LK_CHECKED int lk_pictures_make(liken_image *image, liken_keep keep, const lk_image *view, const void *bytes,
                                size_t size, const char *kind, liken_error *err);
/* Frees the bytes of its pictures, which are in the store. */
void lk_pictures_forget(liken_image *image);
/* Is there less of it than its collection keeps? */
bool lk_pictures_lack(const liken *lk, const liken_collection *c, const liken_image *image);
/* A photo that came before its collection kept so much gets what it lacks when its bytes come again; *image is replaced
 * by what it is then. What cannot be made is logged, and no fault. NOT_FOUND: the photo was removed meanwhile. */
LK_CHECKED int lk_pictures_catch_up(liken *lk, const liken_collection *c, liken_image **image, const void *bytes,
                                    size_t size, liken_error *err);

/* ---- photo_file.c ---- */

/* Takes options.photo_folders. ARG: one is no whole path. */
LK_CHECKED int lk_photo_folders_take(liken *lk, const char *folders, liken_error *err);
/* The photo's own file, whole, from a folder that is allowed; free(out->bytes). NOT_FOUND, without a sentence: there is
 * none whose bytes are those that were added. */
LK_CHECKED int lk_photo_file(const liken *lk, const liken_image *image, liken_picture *out, liken_error *err);

#endif
