/* image.h - bytes to upright 8-bit sRGB.
 *
 * A photo is opened (sniffed, header read, limits checked; nothing decoded) and then decoded, perhaps twice: once
 * small, to find faces; once larger, when a face needs more real pixels than that. Kinds are recognised by their first
 * bytes, never by a name; a parser is called only by its own name after that. */
#ifndef LK_IMAGE_IMAGE_H
#define LK_IMAGE_IMAGE_H

#include "base/error.h"

typedef struct lk_image {
    int width, height;
    size_t stride; /* bytes a row, >= 3*width */
    uint8_t *rgb;  /* free with lk_image_clear; RGBRGB..., top row first */
} lk_image;

void lk_image_clear(lk_image *image); /* accepts {0} */

typedef struct lk_decoders lk_decoders; /* image/decode/decoders.h */

typedef struct lk_photo_limits {
    size_t max_bytes;      /* 0: 64 MiB */
    size_t max_pixels;     /* 0: 120 million */
    lk_decoders *decoders; /* NULL: decoded in this process; else in a helper, with the same results */
} lk_photo_limits;

/* The same without zeros. NULL: all defaults. */
lk_photo_limits lk_photo_limits_of(const lk_photo_limits *given);

typedef struct lk_photo lk_photo;

/* `bytes` are borrowed until lk_photo_free, and so is a helper: this waits until one is free. TOO_LARGE (bytes or
 * pixels, from the header), FORMAT (not a kind we read; the sentence names what it looks like when that is known),
 * DECODE (header damaged). */
int lk_photo_open(lk_photo **out, const void *bytes, size_t size, const lk_photo_limits *limits, liken_error *err);
void lk_photo_free(lk_photo *photo);

/* Bytes that a decoder may hold where so many pixels are allowed. */
uint64_t lk_photo_work_limit(size_t max_pixels);

const char *lk_photo_kind(const lk_photo *photo); /* "jpeg", "png", "webp", "gif", "tiff", "heic", "raw", ... */
int lk_photo_width(const lk_photo *photo);        /* upright, full size */
int lk_photo_height(const lk_photo *photo);

/* When it was taken, by its EXIF (exif.h says how), in seconds since 1970 UTC; LIKEN_NO_TIME: not said. */
int64_t lk_photo_captured_at(const lk_photo *photo);
/* What is decoded, when that is not the photo itself but a preview of it ("the largest preview in a Canon CR2 raw
 * photo"); else NULL. */
const char *lk_photo_note(const lk_photo *photo);

/* Decodes the first frame upright (EXIF 1-8), to sRGB through an embedded profile, alpha over white; shrunk
 * while decoding (JPEG 1/2, 1/4, 1/8; others after decoding, with an area filter) to the smallest size whose longer
 * side is still >= want_long_side; 0: full size. A picture is decoded whole or not at all: one that is cut short
 * or damaged is DECODE, and the sentence says how far it went. `*scale` (optional) receives decoded/full. */
int lk_photo_decode(lk_photo *photo, int want_long_side, lk_image *out, double *scale, liken_error *err);

/* Which decoders are here. */
typedef struct lk_image_support {
    char vips[24], heif[24]; /* versions; "" when the library is not there, or does not say */
    bool old_heif;           /* older than 1.18: refuses some photos of phones of 2024 and later */
    bool hevc, av1, jxl;     /* whether HEIC, AVIF and JPEG XL can be decoded */
} lk_image_support;

int lk_image_support_read(lk_image_support *out, liken_error *err);

/* out (width x height x 3, tightly packed) = the source seen through `to_source` (2x3, row-major), which maps output
 * pixel centres (x, y) to source pixel centres; pixel (0, 0) has its centre at (0, 0). Where it shrinks, it averages
 * the area (no aliasing); where it enlarges, bilinear. Outside the source: black. */
void lk_image_warp(const lk_image *source, const double to_source[6], int width, int height, uint8_t *out);

/* Area-averaging shrink or bilinear enlargement to width x height. */
int lk_image_resize(const lk_image *source, int width, int height, lk_image *out, liken_error *err);

/* Boxes (thick outline), dots and short ASCII labels, for `detect --draw`. */
void lk_image_draw_box(lk_image *image, float x, float y, float width, float height, const uint8_t rgb[3]);
void lk_image_draw_dot(lk_image *image, float x, float y, float radius, const uint8_t rgb[3]);

/* The picture, to be looked at, with its longer side at most `long_side` (>= 1) pixels and no side 0: shrunk by area,
 * to within two of 255, or a copy of one that is no larger. MEMORY. */
int lk_image_fit(const lk_image *source, int long_side, lk_image *out, liken_error *err);

/* ---- encode.c: pictures as files: sRGB, without metadata of any kind --------------------------------- */

typedef enum lk_image_type { LK_IMAGE_JPEG, LK_IMAGE_WEBP } lk_image_type;

const char *lk_image_media(lk_image_type type); /* "image/jpeg" */

#define LK_IMAGE_QUALITY 75 /* of what is made to be looked at on a page */

/* *bytes is freed with free(). INTERNAL: libvips was built without WebP (or the picture is larger than the kind of file
 * can be: 65500 pixels a side in JPEG, 16383 in WebP). */
int lk_image_encode(const lk_image *image, lk_image_type type, int quality, void **bytes, size_t *size,
                    liken_error *err);
/* The same at LK_IMAGE_QUALITY, or so much less, but not below what can still be recognised, that it has at most `most`
 * bytes. */
int lk_image_encode_within(const lk_image *image, lk_image_type type, size_t most, void **bytes, size_t *size,
                           liken_error *err);
int lk_image_encode_jpeg(const lk_image *image, int quality, void **jpeg, size_t *size, liken_error *err);

#endif
