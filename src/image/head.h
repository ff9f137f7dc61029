/* head.h - what can be known of a photo without decoding it: one small strict reader a kind.
 *
 * These readers stand between bytes from outside and the big decoders. Each looks only at what says how large the
 * photo is and how much memory or time its decoder would take, so that a bomb is refused before any decoder sees it.
 * Where a container can carry more than the first picture (GIF and APNG frames, ICO entries, PNG text), the reader
 * says which bytes, or makes which copy, hold just that picture. */
#ifndef LK_IMAGE_HEAD_H
#define LK_IMAGE_HEAD_H

#include "base/error.h"

#define LK_MOST_SIDE 1000000 /* pixels of either side; keeps every sum of shrink.c within its integers */
#define LK_NOTE_ROOM 120

typedef enum lk_kind {
    LK_KIND_NONE,
    LK_KIND_JPEG,
    LK_KIND_PNG,
    LK_KIND_WEBP,
    LK_KIND_GIF,
    LK_KIND_TIFF,
    LK_KIND_BMP,
    LK_KIND_HEIC,
    LK_KIND_AVIF,
    LK_KIND_PNM,
    LK_KIND_ICO,
    LK_KIND_RAW,
    LK_KIND_JXL,
    LK_KINDS
} lk_kind;

typedef struct lk_head {
    int width, height;        /* as stored, before orientation */
    uint64_t work;            /* bytes a full decode holds beside its output, when more than a few rows */
    uint64_t passes;          /* how often the decoder goes over all pixels */
    lk_kind inner;            /* ICO: LK_KIND_PNG or LK_KIND_BMP; else the kind itself */
    size_t from, size;        /* ICO: where the chosen picture lies in the bytes; size 0: all of them */
    lk_kind is;               /* TIFF: LK_KIND_RAW when it turned out to be one; else LK_KIND_NONE */
    int orientation;          /* EXIF 1-8 that applies whatever the decoder says, 0: the decoder's own */
    int64_t captured_at;      /* as lk_photo_captured_at; 0: to be looked for (exif.h) */
    char note[LK_NOTE_ROOM];  /* what is decoded, when that is not the photo itself; else "" */
    bool endless;             /* JPEG: the end marker is missing, see jpeg.h */
    int ycc_across, ycc_down; /* TIFF: how many pixels share a Cb and a Cr in the copy, see ycc.c; else 0 */
    uint8_t *copy;            /* NULL, or a copy to decode instead, malloc'd, the photo's own */
    size_t copy_size;
} lk_head;

/* By the first bytes alone. LK_KIND_NONE: not read; *looks_like is then what it is, in words, or NULL. */
lk_kind lk_sniff(const uint8_t *bytes, size_t size, const char **looks_like);
const char *lk_kind_name(lk_kind kind);  /* "jpeg": for programs */
const char *lk_kind_label(lk_kind kind); /* "JPEG": for sentences */
struct lk_photo;
lk_kind lk_photo_kind_of(const struct lk_photo *photo); /* lk_photo_kind, as it is told between processes */

/* Each fills a zeroed *head. Errors: LIKEN_E_DECODE (damaged), LIKEN_E_FORMAT (a variant no decoder here reads),
 * LIKEN_E_TOO_LARGE, LIKEN_E_MEMORY. */
int lk_jpeg_head(const uint8_t *bytes, size_t size, lk_head *head, liken_error *err);
int lk_png_head(const uint8_t *bytes, size_t size, lk_head *head, liken_error *err);
int lk_webp_head(const uint8_t *bytes, size_t size, lk_head *head, liken_error *err);
int lk_gif_head(const uint8_t *bytes, size_t size, lk_head *head, liken_error *err);
int lk_tiff_head(const uint8_t *bytes, size_t size, lk_head *head, liken_error *err);
int lk_heif_head(const uint8_t *bytes, size_t size, lk_head *head, liken_error *err);
int lk_jxl_head(const uint8_t *bytes, size_t size, lk_head *head, liken_error *err);
int lk_raw_head(const uint8_t *bytes, size_t size, lk_head *head, liken_error *err);
int lk_bmp_head(const uint8_t *bytes, size_t size, lk_head *head, liken_error *err);
int lk_pnm_head(const uint8_t *bytes, size_t size, lk_head *head, liken_error *err);
int lk_ico_head(const uint8_t *bytes, size_t size, lk_head *head, liken_error *err);

/* A copy of a HEIC or AVIF file that older decoders read, if it needs one. Errors: MEMORY. */
int lk_heif_mend(const uint8_t *bytes, size_t size, lk_head *head, liken_error *err);

/* ---- bytes: the caller has checked that they are there ---------------------------------------------- */

static inline uint32_t lk_be16(const uint8_t *p) {
    return (uint32_t)p[0] << 8 | p[1];
}
static inline uint32_t lk_le16(const uint8_t *p) {
    return (uint32_t)p[1] << 8 | p[0];
}
static inline uint32_t lk_be32(const uint8_t *p) {
    return lk_be16(p) << 16 | lk_be16(p + 2);
}
static inline uint32_t lk_le32(const uint8_t *p) {
    return lk_le16(p + 2) << 16 | lk_le16(p);
}
static inline uint32_t lk_le24(const uint8_t *p) {
    return (uint32_t)p[2] << 16 | lk_le16(p);
}

#endif
