/* encode.c - upright RGB as a file: JPEG (jpeg_write.c), and WebP through libvips.
 *
 * What is written holds pixels and nothing else: they are sRGB already, which is what a file without a profile means,
 * and neither EXIF nor a thumbnail of the camera's was ever near them. The pixels come from liken's own decoding, so
 * nothing from outside reaches an encoder but numbers. WebP is written at a low effort: more of it saves a tenth of the
 * bytes for several times the work. */
#include "image/image.h"
#include "image/jpeg_write.h"
#include "image/reader.h"

#include "base/log.h"

#include <stdlib.h>
#include <string.h>
#include <vips/vips.h>

#define WEBP_EFFORT 2 /* of 0..6 */
#define WORST 10      /* quality at which a picture can still be recognised */

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
static bool save(const uint8_t *packed, int width, int height, int quality, void **bytes, size_t *size) {
    VipsImage *in =
        vips_image_new_from_memory(packed, (size_t)width * 3 * (size_t)height, width, height, 3, VIPS_FORMAT_UCHAR);
    VipsImage *named = NULL;
    const bool saved =
        in != NULL && vips_copy(in, &named, "interpretation", VIPS_INTERPRETATION_sRGB, NULL) == 0 &&
        vips_webpsave_buffer(named, bytes, size, "Q", quality, "effort", WEBP_EFFORT, "strip", TRUE, NULL) == 0;
    if (named != NULL)
        g_object_unref(named);
    if (in != NULL)
        g_object_unref(in);
    if (!saved)
        lk_log(LIKEN_LOG_DEBUG, "libvips: %s", vips_error_buffer());
    vips_error_clear();
    return saved;
}

static int write_webp(const lk_image *image, int quality, void **out, size_t *out_size, liken_error *err) {
    const int rc = lk_vips_enter(err);
    if (rc != LIKEN_OK)
        return rc;
    uint8_t *packed = pack_rows(image);
    void *bytes = NULL, *mine = NULL;
    size_t size = 0;
    const bool saved = packed != NULL && save(packed, image->width, image->height, quality, &bytes, &size);
    if (saved)
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
                       "The picture of %d x %d could not be written as WebP. Is libvips installed whole?", image->width,
                       image->height);
    *out = mine;
    *out_size = size;
    return LIKEN_OK;
}

int lk_image_encode(const lk_image *image, lk_image_type type, int quality, void **out, size_t *out_size,
                    liken_error *err) {
    return (type == LK_IMAGE_WEBP ? write_webp : lk_jpeg_write)(image, quality, out, out_size, err);
}

/* ---- within so many bytes ---- */

/* How large a file is by its quality, beside one of LK_IMAGE_QUALITY: about so, of photos. */
static const struct {
    double quality, size;
} sizes[] = {{10, 0.23}, {25, 0.44}, {42, 0.61}, {60, 0.78}, {LK_IMAGE_QUALITY, 1}};

static double size_of(double quality) {
    size_t i = 1;
    while (i + 1 < LK_LENGTH(sizes) && sizes[i].quality < quality)
        i++;
    const double along = (quality - sizes[i - 1].quality) / (sizes[i].quality - sizes[i - 1].quality);
    return sizes[i - 1].size + along * (sizes[i].size - sizes[i - 1].size);
}

/* The quality at which what has `size` bytes at `quality` likely has a little less than `most`. */
static int quality_for(int quality, size_t size, size_t most) {
    const double wanted = 0.97 * size_of(quality) * (double)most / (double)size;
    int less = quality - 1;
    while (less > WORST && size_of(less) > wanted)
        less--;
    return less < WORST ? WORST : less;
}

/* Two tries as a rule: the first tells how busy the picture is. */
int lk_image_encode_within(const lk_image *image, lk_image_type type, size_t most, void **out, size_t *out_size,
                           liken_error *err) {
    void *bytes = NULL;
    size_t size = 0;
    int quality = LK_IMAGE_QUALITY;
    int rc = lk_image_encode(image, type, quality, &bytes, &size, err);
    while (rc == LIKEN_OK && size > most && quality > WORST) {
        free(bytes);
        quality = quality_for(quality, size, most);
        rc = lk_image_encode(image, type, quality, &bytes, &size, err);
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
