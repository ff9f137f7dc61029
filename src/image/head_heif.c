/* head_heif.c - how large the pictures of a HEIC or AVIF file are, from its `ispe` properties.
 *
 * Which of them belongs to the primary picture is the decoder's business: none may be over the limit, so the largest
 * one decides here. Reference: ISO/IEC 14496-12 (boxes), 23008-12 (meta, iprp, ipco, ispe). */
#include "image/head.h"

#include <string.h>

typedef struct box {
    const uint8_t *body;
    size_t size;
    uint8_t type[4];
} box;

/* Takes the box at *p; false at the end or when it is damaged. A box cut short ends with the bytes. */
static bool next_box(const uint8_t **p, const uint8_t *end, box *b) {
    const size_t left = (size_t)(end - *p);
    if (left < 8)
        return false;
    uint64_t size = lk_be32(*p);
    size_t header = 8;
    if (size == 1 && left >= 16) {
        size = (uint64_t)lk_be32(*p + 8) << 32 | lk_be32(*p + 12);
        header = 16;
    } else if (size == 0) {
        size = left;
    }
    if (size < header)
        return false;
    if (size > left)
        size = left;
    memcpy(b->type, *p + 4, 4);
    b->body = *p + header;
    b->size = (size_t)size - header;
    *p += size;
    return true;
}

static bool is(const box *b, const char *type) {
    return memcmp(b->type, type, 4) == 0;
}

typedef struct found {
    uint64_t width, height; /* of the largest ispe */
    int bits;
} found;

static void read_properties(const box *ipco, found *f) {
    const uint8_t *p = ipco->body, *end = p + ipco->size;
    for (box b; next_box(&p, end, &b);) {
        if (is(&b, "ispe") && b.size >= 12) {
            const uint64_t width = lk_be32(b.body + 4), height = lk_be32(b.body + 8);
            if (width * height > f->width * f->height) {
                f->width = width;
                f->height = height;
            }
        }
        if (is(&b, "pixi") && b.size >= 6 && b.body[5] > f->bits)
            f->bits = b.body[5];
    }
}

static void find_box(const uint8_t *p, const uint8_t *end, const char *const *path, found *f) {
    for (box b; next_box(&p, end, &b);) {
        if (!is(&b, path[0]))
            continue;
        const size_t skip = is(&b, "meta") ? 4 : 0; /* version and flags */
        if (b.size < skip)
            continue;
        if (path[1] == NULL)
            read_properties(&b, f);
        else
            find_box(b.body + skip, b.body + b.size, path + 1, f);
    }
}

int lk_heif_head(const uint8_t *bytes, size_t size, lk_head *head, liken_error *err) {
    static const char *const path[] = {"meta", "iprp", "ipco", NULL};
    found f = {.bits = 8};
    find_box(bytes, bytes + size, path, &f);
    if (f.width == 0 || f.height == 0 || f.width > INT32_MAX || f.height > INT32_MAX)
        return lk_fail(err, LIKEN_E_DECODE, "This HEIC or AVIF file is damaged: it does not say how large its picture is.");
    head->width = (int)f.width;
    head->height = (int)f.height;
    head->passes = 1;
    head->work = f.width * f.height * (f.bits > 8 ? 9 : 5); /* its planes, and the pixels made of them */
    return LIKEN_OK;
}
