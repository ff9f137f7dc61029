/* exif_find.c - where each kind of file keeps its EXIF block. The first one counts; nothing is unpacked. */
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

/* ---- boxes: HEIC, AVIF, JPEG XL, CR3 ------------------------------------------------------------------- */

static lk_cursor find_box(lk_cursor c, const char *name) {
    lk_box b;
    return lk_box_find(c, name, &b) ? b.body : (lk_cursor){0};
}

/* A block behind a number that says how much further on it begins. */
static lk_cursor behind_offset(lk_cursor c) {
    const uint64_t skip = lk_cursor_be(&c, 4);
    if (c.failed || skip > lk_cursor_left(&c))
        return (lk_cursor){0};
    (void)lk_cursor_take(&c, (size_t)skip);
    return c;
}

/* The id of the first item called Exif, 0: none. */
static uint64_t exif_item(lk_cursor iinf) {
    const uint64_t version = lk_cursor_be(&iinf, 4) >> 24;
    (void)lk_cursor_take(&iinf, version == 0 ? 2 : 4);
    for (lk_box b; lk_box_next(&iinf, false, &b);) {
        const uint64_t kind = lk_cursor_be(&b.body, 4) >> 24, id = lk_cursor_be(&b.body, kind < 3 ? 2 : 4);
        (void)lk_cursor_take(&b.body, 2); /* protection */
        const uint8_t *name = lk_cursor_take(&b.body, 4);
        if (name != NULL && memcmp(name, "Exif", 4) == 0)
            return id;
    }
    return 0;
}

/* The first extent of an item, in the file or in `idat`. */
static lk_cursor item_bytes(lk_cursor file, lk_cursor idat, lk_cursor iloc, uint64_t wanted) {
    const uint64_t version = lk_cursor_be(&iloc, 4) >> 24, sizes = lk_cursor_be(&iloc, 2),
                   count = lk_cursor_be(&iloc, version < 2 ? 2 : 4);
    const size_t offset_size = sizes >> 12 & 15, length_size = sizes >> 8 & 15, base_size = sizes >> 4 & 15,
                 index_size = version > 0 ? sizes & 15 : 0;
    if (offset_size > 8 || length_size > 8 || base_size > 8 || index_size > 8)
        return (lk_cursor){0};
    const size_t extent = index_size + offset_size + length_size;
    for (uint64_t i = 0; i < count && !iloc.failed; i++) {
        const uint64_t id = lk_cursor_be(&iloc, version < 2 ? 2 : 4),
                       method = version > 0 ? lk_cursor_be(&iloc, 2) & 15 : 0;
        (void)lk_cursor_take(&iloc, 2);
        const uint64_t base = lk_cursor_be(&iloc, base_size), extents = lk_cursor_be(&iloc, 2);
        if (id != wanted || extents == 0) {
            (void)lk_cursor_take(&iloc, (size_t)extents * extent);
            continue;
        }
        (void)lk_cursor_take(&iloc, index_size);
        const uint64_t from = base + lk_cursor_be(&iloc, offset_size), length = lk_cursor_be(&iloc, length_size);
        lk_cursor whole = method == 1 ? idat : file;
        if (iloc.failed || method > 1 || from > lk_cursor_left(&whole))
            break;
        (void)lk_cursor_take(&whole, (size_t)from);
        return lk_cursor_of(whole.at, length < lk_cursor_left(&whole) ? (size_t)length : lk_cursor_left(&whole));
    }
    return (lk_cursor){0};
}

static lk_cursor in_heif(lk_cursor file) {
    lk_cursor meta = find_box(file, "meta");
    (void)lk_cursor_take(&meta, 4); /* version and flags */
    const uint64_t id = exif_item(find_box(meta, "iinf"));
    if (id == 0)
        return (lk_cursor){0};
    return behind_offset(item_bytes(file, find_box(meta, "idat"), find_box(meta, "iloc"), id));
}

/* ---- any kind ------------------------------------------------------------------------------------------ */

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
        return lk_cursor_left(&file) > 0 && file.at[0] == 0 ? behind_offset(find_box(file, "Exif")) : (lk_cursor){0};
    case LK_KIND_HEIC:
    case LK_KIND_AVIF:
        return in_heif(file);
    default:
        return (lk_cursor){0};
    }
}

int64_t lk_photo_time(lk_kind kind, const uint8_t *bytes, size_t size) {
    const lk_cursor block = find(kind, lk_cursor_of(bytes, size));
    return lk_exif_captured_at(block.at, lk_cursor_left(&block));
}
