/* exif_find.c - where each kind of file keeps its EXIF block. The first one counts; nothing is unpacked. HEIC, AVIF and
 * raw files are not among them: their heads read it. */
#include "image/boxes.h"
#include "image/exif.h"

#include <string.h>

static const char mark[] = "Exif\0"; /* and the NUL of the string: six bytes */

/* JPEG: the first APP1 segment with the mark, before the picture. */
static lk_cursor in_jpeg(lk_cursor c) {
    (void)lk_cursor_take(&c, 2);
    while (lk_cursor_left(&c) >= 4) {
        const uint64_t marker = lk_cursor_be(&c, 2);
        if (marker == 0xffff) { /* a fill byte */
            c.at--;
            continue;
        }
        if (marker < 0xffc0 || marker == 0xffda || marker == 0xffd9)
            break;
        const uint64_t length = lk_cursor_be(&c, 2);
        const uint8_t *body = length >= 2 ? lk_cursor_take(&c, (size_t)length - 2) : NULL;
        if (body == NULL && length != 2)
            break;
        if (marker == 0xffe1 && length >= 2 + sizeof mark && memcmp(body, mark, sizeof mark) == 0)
            return lk_cursor_of(body + sizeof mark, (size_t)length - 2 - sizeof mark);
    }
    return (lk_cursor){0};
}

/* PNG: the eXIf chunk, wherever it stands. */
static lk_cursor in_png(lk_cursor c) {
    (void)lk_cursor_take(&c, 8);
    while (lk_cursor_left(&c) >= 12) {
        const uint64_t length = lk_cursor_be(&c, 4);
        const uint8_t *type = lk_cursor_take(&c, 4), *body = lk_cursor_take(&c, (size_t)length);
        if (c.failed || type == NULL || memcmp(type, "IEND", 4) == 0)
            break;
        if (memcmp(type, "eXIf", 4) == 0 && body != NULL)
            return lk_cursor_of(body, (size_t)length);
        (void)lk_cursor_take(&c, 4);
    }
    return (lk_cursor){0};
}

/* WebP: the chunk EXIF, usually the last; some writers begin it with the mark of a JPEG. */
static lk_cursor in_webp(lk_cursor c) {
    (void)lk_cursor_take(&c, 12);
    while (lk_cursor_left(&c) >= 8) {
        const uint8_t *type = lk_cursor_take(&c, 4), *size = lk_cursor_take(&c, 4);
        const size_t length = lk_le32(size);
        const uint8_t *body = lk_cursor_take(&c, length);
        if (body != NULL && memcmp(type, "EXIF", 4) == 0)
            return length > sizeof mark && memcmp(body, mark, sizeof mark) == 0
                       ? lk_cursor_of(body + sizeof mark, length - sizeof mark)
                       : lk_cursor_of(body, length);
        if (length % 2 == 1)
            (void)lk_cursor_take(&c, 1);
    }
    return (lk_cursor){0};
}

/* A block behind a number that says how much further on it begins. */
static lk_cursor behind_offset(lk_cursor c) {
    const uint64_t skip = lk_cursor_be(&c, 4);
    if (c.failed || skip > lk_cursor_left(&c))
        return (lk_cursor){0};
    (void)lk_cursor_take(&c, (size_t)skip);
    return c;
}

/* JPEG XL in boxes. */
static lk_cursor in_jxl(lk_cursor c) {
    lk_box b;
    return lk_cursor_left(&c) > 0 && c.at[0] == 0 && lk_box_find(c, "Exif", &b) ? behind_offset(b.body)
                                                                                : (lk_cursor){0};
}

static lk_cursor find(lk_kind kind, lk_cursor file) {
    switch (kind) {
    case LK_KIND_JPEG:
        return in_jpeg(file);
    case LK_KIND_PNG:
        return in_png(file);
    case LK_KIND_WEBP:
        return in_webp(file);
    case LK_KIND_TIFF:
        return file;
    case LK_KIND_JXL:
        return in_jxl(file);
    default:
        return (lk_cursor){0};
    }
}

int64_t lk_exif_item_captured_at(const uint8_t *item, size_t size) {
    const lk_cursor block = behind_offset(lk_cursor_of(item, size));
    return lk_exif_captured_at(block.at, lk_cursor_left(&block));
}

int64_t lk_photo_time(lk_kind kind, const uint8_t *bytes, size_t size) {
    const lk_cursor block = find(kind, lk_cursor_of(bytes, size));
    return lk_exif_captured_at(block.at, lk_cursor_left(&block));
}
