#include "image/orient.h"
#include "image/shrink.h"

#include <string.h>

/* EXIF: which side of the upright picture the first stored row and column are. Upright pixel (x, y) is the stored one
 * at origin + x*dx + y*dy. */
typedef struct path {
    ptrdiff_t origin, dx, dy; /* in bytes */
} path;

static path path_of(const lk_image *in, int orientation) {
    const ptrdiff_t px = 3, line = (ptrdiff_t)in->stride, right = (in->width - 1) * px,
                    bottom = (in->height - 1) * line;
    switch (orientation) {
    case 2:
        return (path){right, -px, line};
    case 3:
        return (path){right + bottom, -px, -line};
    case 4:
        return (path){bottom, px, -line};
    case 5:
        return (path){0, line, px};
    case 6:
        return (path){bottom, -line, px};
    case 7:
        return (path){right + bottom, -line, -px};
    case 8:
        return (path){right, line, -px};
    default:
        return (path){0, px, line};
    }
}

int lk_image_orient(lk_image *image, int orientation, liken_error *err) {
    const bool turned = orientation >= 5;
    lk_image out;
    const int rc =
        lk_image_new(&out, turned ? image->height : image->width, turned ? image->width : image->height, err);
    if (rc != LIKEN_OK)
        return rc;
    const path p = path_of(image, orientation);
    for (int y = 0; y < out.height; y++) {
        const uint8_t *from = image->rgb + p.origin + y * p.dy;
        uint8_t *to = out.rgb + (size_t)y * out.stride;
        for (int x = 0; x < out.width; x++)
            memcpy(to + 3 * x, from + x * p.dx, 3);
    }
    lk_image_clear(image);
    *image = out;
    return LIKEN_OK;
}
