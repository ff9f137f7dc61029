/* head_png.c - checks the chunks of a PNG and copies the few that decide its first picture.
 *
 * A PNG may carry text chunks that unpack to gigabytes, frames of an animation, and rubbish after the end. None of it
 * is wanted, so the decoder is given a copy with only the chunks named below.
 * Reference: W3C PNG, third edition, chapters 5 and 11. */
#include "image/head.h"

#include <stdlib.h>
#include <string.h>

#define MAX_PROFILE 4000000 /* bytes of a packed colour profile */
#define MAX_EXIF 1000000

static bool is(const uint8_t *chunk, const char *name) {
    return memcmp(chunk + 4, name, 4) == 0;
}

static bool wanted(const uint8_t *chunk, size_t length) {
    if (is(chunk, "iCCP"))
        return length <= MAX_PROFILE;
    if (is(chunk, "eXIf"))
        return length <= MAX_EXIF;
    static const char *const names[] = {"IHDR", "PLTE", "IDAT", "IEND", "tRNS", "sRGB", "gAMA", "cHRM", "sBIT"};
    for (size_t i = 0; i < LK_LENGTH(names); i++)
        if (is(chunk, names[i]))
            return true;
    return false;
}

static void copy_chunk(lk_head *head, const uint8_t *chunk, size_t whole) {
    memcpy(head->copy + head->copy_size, chunk, whole);
    head->copy_size += whole;
}

/* With its header, what there is of it: the last one may be cut short. */
static size_t chunk_size(const uint8_t *bytes, size_t size, size_t at) {
    const size_t length = lk_be32(bytes + at);
    return length > size - at - 12 ? size - at : length + 12;
}

/* EXIF may stand behind the picture, where the decoder does not look for it any more. The offset of the first, or 0. */
static size_t find_exif(const uint8_t *bytes, size_t size) {
    for (size_t at = 8; size - at >= 12 && !is(bytes + at, "IEND"); at += chunk_size(bytes, size, at))
        if (is(bytes + at, "eXIf") && wanted(bytes + at, lk_be32(bytes + at)))
            return at;
    return 0;
}

static void copy_chunks(const uint8_t *bytes, size_t size, lk_head *head) {
    size_t at = 8, exif = find_exif(bytes, size);
    memcpy(head->copy, bytes, at);
    head->copy_size = at;
    while (size - at >= 12) {
        const size_t length = lk_be32(bytes + at), whole = chunk_size(bytes, size, at);
        if (exif != 0 && is(bytes + at, "IDAT")) {
            copy_chunk(head, bytes + exif, chunk_size(bytes, size, exif));
            exif = 0;
        }
        if (!is(bytes + at, "eXIf") && wanted(bytes + at, length))
            copy_chunk(head, bytes + at, whole);
        if (is(bytes + at, "IEND"))
            return;
        at += whole;
    }
}

int lk_png_head(const uint8_t *bytes, size_t size, lk_head *head, liken_error *err) {
    if (size < 8 + 25 || lk_be32(bytes + 8) != 13 || !is(bytes + 8, "IHDR"))
        return lk_fail(err, LIKEN_E_DECODE, "This PNG is damaged: it does not begin with a header chunk.");
    const uint32_t width = lk_be32(bytes + 16), height = lk_be32(bytes + 20);
    const uint8_t depth = bytes[24], colour = bytes[25], interlace = bytes[28];
    if (width == 0 || height == 0 || width > INT32_MAX || height > INT32_MAX)
        return lk_fail(err, LIKEN_E_DECODE, "This PNG is damaged: its header says %u x %u pixels.", width, height);
    head->width = (int)width;
    head->height = (int)height;
    head->passes = 1;
    if (interlace != 0) /* the decoder holds all pixels */
        head->work = (uint64_t)width * height * (colour == 0 || colour == 4 ? 2 : 4) * (depth == 16 ? 2 : 1);
    head->copy = malloc(size);
    if (head->copy == NULL)
        return lk_fail_memory(err);
    copy_chunks(bytes, size, head);
    return LIKEN_OK;
}
