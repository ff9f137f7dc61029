/* jpeg_write.h - a picture as a JPEG file (libjpeg is named only behind this). */
#ifndef LK_IMAGE_JPEG_WRITE_H
#define LK_IMAGE_JPEG_WRITE_H

#include "image/image.h"

/* JFIF with pixels and nothing else. *out is freed with free(). `quality`: 1..100. MEMORY. INTERNAL: it is wider or
 * higher than a JPEG can be (65500 pixels). */
LK_CHECKED int lk_jpeg_write(const lk_image *image, int quality, void **out, size_t *size, liken_error *err);

#endif
