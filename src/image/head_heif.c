/* head_heif.c - how large the pictures of a HEIC or AVIF file are, and of how many others they are made.
 *
 * Which of them is the primary picture is the decoder's business: none may be over the limit, so the largest one
 * decides here. A picture may be a grid of tiles, and the same tile may be named thousands of times, or be a grid
 * itself: that is a bomb, so the areas of all tiles are added up, and only coded pictures may be tiles. Reference:
 * ISO/IEC 14496-12 (boxes, iinf, iloc, iref), 23008-12 (ispe, grid). */
#include "image/head.h"

#include <stdlib.h>
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

/* ---- items ---------------------------------------------------------------------------------------------- */

#define IDS 65536 /* item ids looked at; cameras count from 1 */

typedef struct item {
    uint64_t area; /* of its ispe, 0: none */
    bool derived;  /* made of other items: grid, overlay, identity */
    bool grid;
} item;

typedef struct heif {
    const uint8_t *bytes;
    size_t size;
    box idat;
    uint64_t *areas; /* of the ispe properties, by their place in ipco, from 1; 0 for other properties */
    size_t properties;
    item *items;            /* by id */
    uint64_t width, height; /* of the largest picture */
    int bits;
    bool nested, absurd; /* derived of derived; tiles that cover far more than the picture */
} heif;

/* A field of `n` bytes; 0 past the end, where *at stays. */
static uint64_t take(const box *b, size_t *at, size_t n) {
    if (*at > b->size || b->size - *at < n)
        return 0;
    uint64_t v = 0;
    for (size_t i = 0; i < n; i++)
        v = v << 8 | b->body[*at + i];
    *at += n;
    return v;
}

static void note_size(heif *h, uint64_t width, uint64_t height) {
    if (width * height > h->width * h->height) {
        h->width = width;
        h->height = height;
    }
}

static void read_ipco(heif *h, const box *ipco) {
    const uint8_t *p = ipco->body, *end = p + ipco->size;
    size_t count = 0;
    for (box b; next_box(&p, end, &b);) {
        count++;
        if (is(&b, "ispe") && b.size >= 12) {
            const uint64_t width = lk_be32(b.body + 4), height = lk_be32(b.body + 8);
            note_size(h, width, height);
            if (count < h->properties)
                h->areas[count] = width * height;
        }
        if (is(&b, "pixi") && b.size >= 6 && b.body[5] > h->bits)
            h->bits = b.body[5];
    }
}

/* Which properties belong to which item. */
static void read_ipma(heif *h, const box *b) {
    size_t at = 0;
    const uint64_t version = take(b, &at, 1), flags = take(b, &at, 3), entries = take(b, &at, 4);
    for (uint64_t i = 0; i < entries && at < b->size; i++) {
        const uint64_t id = take(b, &at, version < 1 ? 2 : 4), count = take(b, &at, 1);
        for (uint64_t k = 0; k < count; k++) {
            const uint64_t index = flags & 1 ? take(b, &at, 2) & 0x7fff : take(b, &at, 1) & 0x7f;
            if (id < IDS && index < h->properties && h->areas[index] > h->items[id].area)
                h->items[id].area = h->areas[index];
        }
    }
}

static void read_iinf(heif *h, const box *iinf) {
    const size_t skip = iinf->size > 0 && iinf->body[0] == 0 ? 6 : 8;
    const uint8_t *p = iinf->body + (skip < iinf->size ? skip : iinf->size), *end = iinf->body + iinf->size;
    for (box b; next_box(&p, end, &b);) {
        size_t at = 0;
        const uint64_t version = take(&b, &at, 4) >> 24, id = take(&b, &at, version < 3 ? 2 : 4);
        at += 2; /* protection */
        if (at > b.size || b.size - at < 4 || id >= IDS)
            continue;
        h->items[id].grid = memcmp(b.body + at, "grid", 4) == 0;
        h->items[id].derived =
            h->items[id].grid || memcmp(b.body + at, "iovl", 4) == 0 || memcmp(b.body + at, "iden", 4) == 0;
    }
}

/* Of what each derived item is made. */
static void read_iref(heif *h, const box *iref) {
    if (iref->size < 4)
        return;
    const size_t wide = iref->body[0] == 0 ? 2 : 4;
    const uint8_t *p = iref->body + 4, *end = iref->body + iref->size;
    for (box b; next_box(&p, end, &b);) {
        size_t at = 0;
        const uint64_t from = take(&b, &at, wide), count = take(&b, &at, 2);
        if (!is(&b, "dimg") || from >= IDS || !h->items[from].derived)
            continue;
        uint64_t area = 0;
        for (uint64_t i = 0; i < count && at < b.size; i++) {
            const uint64_t to = take(&b, &at, wide);
            if (to >= IDS || h->items[to].derived)
                h->nested = true;
            else
                area += h->items[to].area;
        }
        if (area > 2 * h->items[from].area + ((uint64_t)1 << 22)) /* tiles reach past the edge, by less than one */
            h->absurd = true;
    }
}

/* The payload of a grid says its size a second time. */
static void read_grid(heif *h, const box *payload) {
    size_t at = 1;
    const size_t wide = take(payload, &at, 1) & 1 ? 4 : 2;
    at += 2;
    const uint64_t width = take(payload, &at, wide), height = take(payload, &at, wide);
    note_size(h, width, height);
}

static void read_iloc(heif *h, const box *b) {
    size_t at = 0;
    const uint64_t version = take(b, &at, 4) >> 24, sizes = take(b, &at, 2), count = take(b, &at, version < 2 ? 2 : 4);
    const size_t offset_size = sizes >> 12, length_size = sizes >> 8 & 15, base_size = sizes >> 4 & 15,
                 index_size = version > 0 ? sizes & 15 : 0;
    for (uint64_t i = 0; i < count && at < b->size; i++) {
        const uint64_t id = take(b, &at, version < 2 ? 2 : 4), method = version > 0 ? take(b, &at, 2) & 15 : 0;
        (void)take(b, &at, 2);
        const uint64_t base = take(b, &at, base_size), extents = take(b, &at, 2);
        for (uint64_t k = 0; k < extents && at < b->size; k++) {
            (void)take(b, &at, index_size);
            const uint64_t from = base + take(b, &at, offset_size);
            (void)take(b, &at, length_size);
            const box whole = method == 1 ? h->idat : (box){.body = h->bytes, .size = h->size};
            if (k == 0 && id < IDS && h->items[id].grid && from < whole.size)
                read_grid(h, &(box){.body = whole.body + from, .size = whole.size - (size_t)from});
        }
    }
}

/* ---- the file ------------------------------------------------------------------------------------------- */

/* Calls `fn` for every box of the given path ("meta", "iprp", ..., NULL). */
static void visit(heif *h, const uint8_t *p, const uint8_t *end, const char *const *path,
                  void (*fn)(heif *, const box *)) {
    for (box b; next_box(&p, end, &b);) {
        const size_t skip = is(&b, "meta") ? 4 : 0; /* version and flags */
        if (!is(&b, path[0]) || b.size < skip)
            continue;
        if (path[1] == NULL)
            fn(h, &b);
        else
            visit(h, b.body + skip, b.body + b.size, path + 1, fn);
    }
}

static void keep_idat(heif *h, const box *b) {
    h->idat = *b;
}

static void walk(heif *h) {
    static const struct {
        const char *path[4];
        void (*fn)(heif *, const box *);
    } order[] = {{{"meta", "iprp", "ipco", NULL}, read_ipco}, {{"meta", "iprp", "ipma", NULL}, read_ipma},
                 {{"meta", "iinf", NULL, NULL}, read_iinf},   {{"meta", "iref", NULL, NULL}, read_iref},
                 {{"meta", "idat", NULL, NULL}, keep_idat},   {{"meta", "iloc", NULL, NULL}, read_iloc}};
    for (size_t i = 0; i < LK_LENGTH(order); i++)
        visit(h, h->bytes, h->bytes + h->size, order[i].path, order[i].fn);
}

int lk_heif_head(const uint8_t *bytes, size_t size, lk_head *head, liken_error *err) {
    heif h = {.bytes = bytes, .size = size, .bits = 8, .properties = 32768};
    h.areas = calloc(h.properties, sizeof *h.areas);
    h.items = calloc(IDS, sizeof *h.items);
    const bool memory = h.areas != NULL && h.items != NULL;
    if (memory)
        walk(&h);
    free(h.areas);
    free(h.items);
    if (!memory)
        return lk_fail_memory(err);
    if (h.width == 0 || h.height == 0 || h.width > INT32_MAX || h.height > INT32_MAX)
        return lk_fail(err, LIKEN_E_DECODE,
                       "This HEIC or AVIF file is damaged: it does not say how large its picture is.");
    if (h.nested)
        return lk_fail(err, LIKEN_E_FORMAT,
                       "This HEIC or AVIF file builds its picture of pictures that are built of others, which liken "
                       "does not read.");
    if (h.absurd)
        return lk_fail(err, LIKEN_E_DECODE,
                       "This HEIC or AVIF file is damaged: its tiles cover far more than its picture.");
    head->width = (int)h.width;
    head->height = (int)h.height;
    head->passes = 1;
    head->work = h.width * h.height * (h.bits > 8 ? 10 : 6); /* its planes, and the pixels made of them */
    return LIKEN_OK;
}
