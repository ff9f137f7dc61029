/* savers.h - pictures written by libvips in every format it writes, to be read back by liken. */
#ifndef LK_TESTS_SAVERS_H
#define LK_TESTS_SAVERS_H

#include "pictures.h"

#include <vips/vips.h>

/* The HEIC encoder loses a block an image; no photo is ever written as HEIC by liken. */
LIKEN_API const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) {
    return "leak:libx265\n";
}

/* libvips and GLib are not built for the thread sanitizer, which cannot see their locks. */
LIKEN_API const char *__tsan_default_options(void);
const char *__tsan_default_options(void) {
    return "ignore_noninstrumented_modules=1";
}

typedef struct saved {
    void *bytes; /* g_free */
    size_t size;
} saved;

/* The pixels are copied. */
static inline VipsImage *to_vips(const lk_image *image) {
    VipsImage *shared = vips_image_new_from_memory_copy(image->rgb, image->stride * (size_t)image->height, image->width,
                                                        image->height, 3, VIPS_FORMAT_UCHAR);
    assert_non_null(shared);
    VipsImage *out = NULL;
    assert_int_equal(vips_copy(shared, &out, "interpretation", VIPS_INTERPRETATION_sRGB, NULL), 0);
    g_object_unref(shared);
    return out;
}

/* `suffix` is libvips' own: ".jpg[Q=95]". NULL bytes when this machine has no encoder for it. Takes `image`. */
static inline saved save(VipsImage *image, const char *suffix) {
    saved s = {0};
    vips_operation_block_set("VipsForeignSaveJxl", FALSE); /* liken blocks it, as it writes none */
    if (vips_image_write_to_buffer(image, suffix, &s.bytes, &s.size, NULL) != 0) {
        print_message("no %s here: %s\n", suffix, vips_error_buffer());
        vips_error_clear();
        s = (saved){0};
    }
    g_object_unref(image);
    return s;
}

static inline saved save_picture(int width, int height, const char *suffix) {
    lk_image image = picture(width, height);
    const saved s = save(to_vips(&image), suffix);
    lk_image_clear(&image);
    return s;
}

#endif
