/* preview.c - the JPEG that a camera puts into its raw file, for screens that cannot develop the raw data.
 *
 * Most lie where a directory says; Nikon and Olympus keep theirs in the maker's notes, which are directories again,
 * each with a beginning of its own that offsets count from. Nothing is trusted: a place counts when a JPEG begins there
 * whose frame liken reads. Reference: what ExifTool documents of the makers' tags. */
#include "image/jpeg.h"
#include "image/tiff.h"

#include "base/cursor.h"

#include <stdio.h>
#include <string.h>

/* The first frame header; false when it is not of the ordinary 8-bit kind: raw data is lossless JPEG in many files. */
static bool read_frame(lk_cursor c, int *width, int *height) {
    if (lk_cursor_be(&c, 2) != 0xffd8)
        return false;
    while (lk_cursor_left(&c) >= 4) {
        const uint64_t marker = lk_cursor_be(&c, 2), length = lk_cursor_be(&c, 2);
        if (marker <= 0xff00 || marker == 0xffda || length < 2)
            return false;
        if (!lk_jpeg_is_frame(marker & 0xff)) {
            (void)lk_cursor_take(&c, (size_t)length - 2);
            continue;
        }
        const uint64_t bits = lk_cursor_be(&c, 1);
        *height = (int)lk_cursor_be(&c, 2);
        *width = (int)lk_cursor_be(&c, 2);
        const uint64_t components = lk_cursor_be(&c, 1);
        return !c.failed && bits == 8 && marker <= 0xffc2 && (components == 1 || components == 3);
    }
    return false;
}

void lk_preview_offer(lk_preview *best, const uint8_t *bytes, size_t size, uint64_t from, uint64_t length) {
    int width, height;
    if (from >= size || length < 100 || length > size - from)
        return;
    if (!read_frame(lk_cursor_of(bytes + from, (size_t)length), &width, &height))
        return;
    if ((int64_t)width * height > (int64_t)best->width * best->height)
        *best = (lk_preview){.from = (size_t)from, .size = (size_t)length, .width = width, .height = height};
}

int lk_preview_use(const lk_preview *best, const uint8_t *bytes, lk_head *head, liken_error *err) {
    head->inner = LK_KIND_JPEG;
    head->from = best->from;
    head->size = best->size;
    return lk_jpeg_head(bytes + best->from, best->size, head, err);
}

int lk_preview_take(const lk_preview *best, const char *camera, const uint8_t *bytes, lk_head *head, liken_error *err) {
    static const char advice[] = "Develop it and save it as a JPEG.";
    if (best->size == 0)
        return lk_fail(
            err, LIKEN_E_FORMAT,
            "This is a %s raw photo without a preview that liken can read, and raw data it does not develop. "
            "%s",
            camera, advice);
    if ((uint64_t)best->width * (uint64_t)best->height < LK_PREVIEW_SMALLEST)
        return lk_fail(err, LIKEN_E_FORMAT,
                       "This is a %s raw photo whose largest preview has %d x %d pixels, too few to find faces in. %s",
                       camera, best->width, best->height, advice);
    (void)snprintf(head->note, sizeof head->note, "the largest preview in a %s raw photo, %d x %d pixels", camera,
                   best->width, best->height);
    return lk_preview_use(best, bytes, head, err);
}

/* ---- maker's notes ------------------------------------------------------------------------------------- */

/* A block inside the file whose offsets count from `at`. */
static lk_ifd_block block_at(const lk_ifd_block *file, size_t at, bool big_endian) {
    return (lk_ifd_block){.bytes = file->bytes + at, .size = file->size - at, .big_endian = big_endian};
}

static void offer_in(lk_preview *best, const lk_ifd_block *file, const lk_ifd *ifd, unsigned from_tag,
                     unsigned length_tag) {
    const size_t base = (size_t)(ifd->block->bytes - file->bytes);
    const uint64_t from = lk_ifd_value(ifd, from_tag, 0);
    if (from != 0 && from < file->size - base)
        lk_preview_offer(best, file->bytes, file->size, base + from, lk_ifd_value(ifd, length_tag, 0));
}

static void nikon(lk_preview *best, const lk_ifd_block *file, size_t notes) {
    lk_ifd_block block;
    lk_ifd ifd, preview;
    if (lk_ifd_block_open(&block, file->bytes + notes + 10, file->size - notes - 10) && !block.big &&
        lk_ifd_open(&ifd, &block, block.first) && lk_ifd_open(&preview, &block, lk_ifd_value(&ifd, 0x11, 0)))
        offer_in(best, file, &preview, 0x201, 0x202);
}

static void olympus(lk_preview *best, const lk_ifd_block *file, size_t base, size_t at, bool big_endian) {
    const lk_ifd_block block = block_at(file, base, big_endian);
    lk_ifd ifd, settings;
    if (!lk_ifd_open(&ifd, &block, at - base))
        return;
    offer_in(best, file, &ifd, 0x88, 0x89);
    const lk_ifd_entry e = lk_ifd_find(&ifd, 0x2020);
    const bool inside = e.value != NULL && e.type == 7; /* the directory itself, not its offset */
    const uint64_t from = inside ? (uint64_t)(e.value - block.bytes) : lk_ifd_number(&ifd, &e, 0);
    if (lk_ifd_open(&settings, &block, from))
        offer_in(best, file, &settings, 0x101, 0x102);
}

void lk_preview_notes(lk_preview *best, const lk_ifd *first) {
    const lk_ifd_block *file = first->block;
    lk_ifd exif;
    if (!lk_ifd_open(&exif, file, lk_ifd_value(first, 0x8769, 0)))
        return;
    const lk_ifd_entry notes = lk_ifd_find(&exif, 0x927c);
    if (notes.value == NULL || notes.type != 7 || notes.count < 32)
        return;
    const size_t at = (size_t)(notes.value - file->bytes);
    if (memcmp(notes.value, "Nikon\0\2", 7) == 0)
        nikon(best, file, at);
    else if (memcmp(notes.value, "OLYMPUS", 8) == 0)
        olympus(best, file, at, at + 12, notes.value[8] == 'M');
    else if (memcmp(notes.value, "OM SYSTEM\0\0", 12) == 0)
        olympus(best, file, at, at + 16, notes.value[12] == 'M');
    else if (memcmp(notes.value, "OLYMP", 6) == 0)
        olympus(best, file, 0, at + 8, file->big_endian);
}
