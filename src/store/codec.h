/* codec.h - what may go into a store and how it lies there, the same for every database. */
#ifndef LK_STORE_CODEC_H
#define LK_STORE_CODEC_H

#include "base/error.h"
#include "base/limits.h"

#define LK_STORE_NAMES_MAX 10000  /* labels, and image_ids, of one photo */
#define LK_STORE_PAGE_FACES 10000 /* a page of images ends once it holds so many */

/* Is this bound of a time given? */
static inline bool lk_store_bound(int64_t when) {
    return when != 0 && when != LIKEN_NO_TIME;
}

/* ARG: not UTF-8; TOO_LARGE: more than `most` bytes. NULL is fine. `what` names it: "file label". */
int lk_store_text(const char *what, const char *text, size_t most, liken_error *err);
/* The same of a text that may have so many characters. */
int lk_store_short(const char *what, const char *text, size_t most, liken_error *err);

/* float32 little-endian, whatever the machine; `bytes` need no alignment. */
void lk_floats_encode(const float *values, size_t count, unsigned char *bytes);
void lk_floats_decode(const void *bytes, size_t count, float *values);
/* Numbers that can be squared and summed: finite, at most 1e15 in size. */
bool lk_floats_sane(const float *values, size_t count);

/* What a row of a face or of a refusal has beside its ids: the columns LK_FACE_NAMES, of which the first LK_FACE_BOX
 * are numbers, then come the landmarks (five points x, y, float32 little-endian), then the rest of the numbers. */
#define LK_FACE_NAMES "x, y, width, height, landmarks, confidence, size, sharpness, brightness, yaw, pitch, roll, score"
#define LK_FACE_BOX 4
#define LK_FACE_NUMBERS 12
typedef struct lk_face_row {
    float numbers[LK_FACE_NUMBERS];
    unsigned char landmarks[40];
} lk_face_row;
void lk_face_to_row(const liken_face *f, lk_face_row *out);
void lk_face_from_row(const lk_face_row *row, liken_face *f);

/* 64 lower-case hex digits to 32 bytes; false when it is anything else. */
bool lk_sha256_parse(const char *hex, unsigned char out[32]);

#define LK_STORE_PICTURE_MAX ((size_t)256 << 20) /* bytes of one picture that is kept */
/* Is this a picture that can be kept? TOO_LARGE; INTERNAL for what only liken itself can have got wrong. */
int lk_store_check_picture(const liken_picture *p, liken_error *err);

/* May this photo be stored at all: its labels, its tags, its faces' numbers? Also gives its hash as bytes. ARG,
 * TOO_LARGE; INTERNAL for what only liken itself can have got wrong. */
int lk_store_check_image(const liken_image *image, unsigned char sha256[32], liken_error *err);

/* May this be said of a photo? TOO_LARGE, ARG: not UTF-8. */
int lk_store_check_changes(const liken_image_changes *changes, liken_error *err);
/* *what: which of the changes (liken_change_bits) change the image as it is. CONFLICT: it is of another revision. */
int lk_store_changes(const liken_image *image, const liken_image_changes *changes, unsigned *what, liken_error *err);

/* Its names and tags alone. ARG, TOO_LARGE. */
int lk_store_check_names(const liken_image *image, liken_error *err);
/* TOO_LARGE: LK_STORE_NAMES_MAX of `what` ("labels") are there. */
int lk_store_too_many_names(const char *what, liken_error *err);
int lk_store_too_many_tags(size_t count, liken_error *err); /* TOO_LARGE */

/* The kind (0 own, 1 file, 2 shared, 3 lost) of a label that a photo has, as the column `kind`, once it is given again
 * with another; SQL. */
#define LK_STORE_KIND_AGAIN(given)                                                                                     \
    "CASE WHEN " given " = 1 OR kind = 1 THEN 1 WHEN " given " = 0 OR kind = 0 THEN 0 ELSE 2 END"

/* NOT_FOUND: there is no such face, in the collection `in` unless that is NULL. */
int lk_store_no_face(int64_t id, const char *in, liken_error *err);

/* May this be searched for? ARG, TOO_LARGE: its tags. NULL is fine. */
int lk_store_check_search(const liken_search_options *o, liken_error *err);
/* May a label and an image_id, which may be NULL, be looked for? */
int lk_store_check_asked(const char *file, const char *image_id, liken_error *err);

/* *size: how many images a page of `limit` holds, where 0 stands for the usual. ARG. */
int lk_store_page_size(int limit, int *size, liken_error *err);
/* What a list begins with: its options are looked at, and *out is an empty page of *limit. MEMORY, ARG, TOO_LARGE. */
int lk_store_list_begin(const liken_list_options *o, int *limit, liken_image_list **out, liken_error *err);
/* An empty page with room for `limit` images; NULL: out of memory. */
liken_image_list *lk_store_page(size_t limit);
/* The same of 1000 labels. */
liken_file_list *lk_store_files(void);

#endif
