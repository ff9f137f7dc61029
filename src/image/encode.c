/* encode.c - upright RGB as a file, through libvips.
 *
 * What is written holds pixels and nothing else: they are sRGB already, which is what a file without a profile means,
 * and neither EXIF nor a thumbnail of the camera's was ever near them. The pixels come from liken's own decoding, so
 * nothing from outside reaches an encoder but numbers. WebP is written at a low effort: more of it saves a tenth of the
 * bytes for several times the work. */
#include "image/image.h"
#include "image/reader.h"

#include "base/log.h"

#include <stdlib.h>
#include <string.h>
#include <vips/vips.h>

#define WEBP_EFFORT 2 /* of 0..6 */

static const int less[] = {LK_IMAGE_QUALITY, 60, 42, 25, 10}; /* qualities, until it is small enough */

const char *lk_image_media(lk_image_type type) {
    return type == LK_IMAGE_WEBP ? "image/webp" : "image/jpeg";
}

/* A copy without gaps between the rows, NULL when out of memory. */
static uint8_t *pack_rows(const lk_image *image) {
    const size_t row_bytes = (size_t)image->width * 3;
    uint8_t *packed = malloc(row_bytes * (size_t)image->height);
    for (int y = 0; packed != NULL && y < image->height; y++)
        memcpy(packed + (size_t)y * row_bytes, image->rgb + (size_t)y * image->stride, row_bytes);
    return packed;
}

static int write_as(VipsImage *in, lk_image_type type, int quality, void **bytes, size_t *size) {
    if (type == LK_IMAGE_WEBP)
        return vips_webpsave_buffer(in, bytes, size, "Q", quality, "effort", WEBP_EFFORT, "strip", TRUE, NULL);
    return vips_jpegsave_buffer(in, bytes, size, "Q", quality, "optimize_coding", TRUE, "strip", TRUE, NULL);
}

/* A WebP in its simplest form: the pixels alone. Some libvips write EXIF of their own beside them, whatever they are
 * told. The chunk is moved to the front; how many bytes are left, `size` where there is no such chunk. */
static size_t bare_webp(uint8_t *bytes, size_t size) {
    size_t at = 12;
    while (at + 8 <= size) {
        const size_t length = bytes[at + 4] | (size_t)bytes[at + 5] << 8 | (size_t)bytes[at + 6] << 16 |
                              (size_t)bytes[at + 7] << 24,
                     whole = 8 + length + (length & 1);
        if (whole > size - at)
            break;
        if (memcmp(bytes + at, "VP8 ", 4) == 0) {
            memmove(bytes + 12, bytes + at, whole);
            for (int i = 0; i < 4; i++)
                bytes[4 + i] = (uint8_t)((4 + whole) >> 8 * i);
            return 12 + whole;
        }
        at += whole;
    }
    return size;
}

/* *bytes is freed with g_free. */
static bool save(const uint8_t *packed, int width, int height, lk_image_type type, int quality, void **bytes,
                 size_t *size) {
    VipsImage *in =
        vips_image_new_from_memory(packed, (size_t)width * 3 * (size_t)height, width, height, 3, VIPS_FORMAT_UCHAR);
    VipsImage *named = NULL;
    const bool saved = in != NULL && vips_copy(in, &named, "interpretation", VIPS_INTERPRETATION_sRGB, NULL) == 0 &&
                       write_as(named, type, quality, bytes, size) == 0;
    if (named != NULL)
        g_object_unref(named);
    if (in != NULL)
        g_object_unref(in);
    if (!saved)
        lk_log(LIKEN_LOG_DEBUG, "libvips: %s", vips_error_buffer());
    vips_error_clear();
    return saved;
}

int lk_image_encode(const lk_image *image, lk_image_type type, int quality, void **out, size_t *out_size,
                    liken_error *err) {
    const int rc = lk_vips_enter(err);
    if (rc != LIKEN_OK)
        return rc;
    uint8_t *packed = pack_rows(image);
    void *bytes = NULL, *mine = NULL;
    size_t size = 0;
    const bool saved = packed != NULL && save(packed, image->width, image->height, type, quality, &bytes, &size);
    if (saved && type == LK_IMAGE_WEBP)
        size = bare_webp(bytes, size);
    if (saved && (mine = malloc(size)) != NULL)
        memcpy(mine, bytes, size); /* the caller frees with free() */
    g_free(bytes);
    lk_vips_leave();
    const bool memory = packed == NULL || (saved && mine == NULL);
    free(packed);
    if (memory)
        return lk_fail_memory(err);
    if (!saved)
        return lk_fail(err, LIKEN_E_INTERNAL,
                       "The picture of %d x %d could not be written as %s. Is libvips installed whole?", image->width,
                       image->height, type == LK_IMAGE_WEBP ? "WebP" : "JPEG");
    *out = mine;
    *out_size = size;
    return LIKEN_OK;
}

int lk_image_encode_within(const lk_image *image, lk_image_type type, size_t most, void **out, size_t *out_size,
                           liken_error *err) {
    void *bytes = NULL;
    size_t size = 0;
    int rc = lk_image_encode(image, type, less[0], &bytes, &size, err);
    for (size_t i = 1; rc == LIKEN_OK && size > most && i < LK_LENGTH(less); i++) {
        free(bytes);
        rc = lk_image_encode(image, type, less[i], &bytes, &size, err);
    }
    if (rc != LIKEN_OK)
        return rc;
    *out = bytes;
    *out_size = size;
    return LIKEN_OK;
}

int lk_image_encode_jpeg(const lk_image *image, int quality, void **jpeg, size_t *size, liken_error *err) {
    return lk_image_encode(image, LK_IMAGE_JPEG, quality, jpeg, size, err);
}
