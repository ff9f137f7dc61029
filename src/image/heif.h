/* heif.h - the table of contents of a HEIC or AVIF file: its items, what belongs to them, of what they are made. */
#ifndef LK_IMAGE_HEIF_H
#define LK_IMAGE_HEIF_H

#include "image/boxes.h"
#include "image/coded.h"

typedef struct lk_heif_property {
    lk_box box;
    lk_coded coded; /* hvcC: what its parameter sets announce */
} lk_heif_property;

typedef struct lk_heif_item {
    uint32_t id;
    uint8_t type[4];                /* zeros: none is said */
    uint64_t width, height;         /* of its largest ispe, 0: none */
    const lk_heif_property *config; /* hvcC or av1C, or NULL */
    bool is_alpha, located;
    struct lk_heif_item *alpha; /* the picture of its transparency, or NULL */
    lk_cursor parts;            /* ids of the items it is made of, part_bytes each */
    size_t part_bytes;
    lk_cursor extents; /* where its bytes lie, as in iloc */
    uint64_t base;
    uint8_t method; /* 0: in the file, 1: in idat, 2: in another item */
    bool measured;  /* by head_heif.c */
    lk_coded coded;
} lk_heif_item;

typedef struct lk_heif {
    const uint8_t *bytes; /* the file, borrowed */
    size_t size;
    lk_cursor idat;
    lk_heif_property *properties; /* in their order */
    size_t property_count;
    lk_heif_item *items; /* by id */
    size_t item_count;
    const lk_heif_item *primary;
    int bits;                                       /* most that a pixi says */
    size_t index_bytes, offset_bytes, length_bytes; /* of the numbers of an extent */
    uint64_t claimed;                               /* bytes of all extents */
} lk_heif;

/* Fills a zeroed *h; what it holds points into `bytes`. DECODE, FORMAT (what the decoder would unpack without bounds),
 * TOO_LARGE (more items than it could look through in reasonable time), MEMORY; freed by lk_heif_clear then too. Takes
 * time and memory in proportion to `size`. */
int lk_heif_read(lk_heif *h, const uint8_t *bytes, size_t size, liken_error *err);
void lk_heif_clear(lk_heif *h);

/* NULL when there is none. */
lk_heif_item *lk_heif_find(const lk_heif *h, uint64_t id);

static inline bool lk_heif_is(const uint8_t type[4], const char *name) {
    for (int i = 0; i < 4; i++)
        if (type[i] != (uint8_t)name[i])
            return false;
    return true;
}

/* `before`, and behind it the item's own bytes; *out is freed with free(). DECODE when they are not all there. */
int lk_heif_bytes(const lk_heif *h, const lk_heif_item *item, lk_cursor before, uint8_t **out, size_t *size,
                  liken_error *err);

#endif
