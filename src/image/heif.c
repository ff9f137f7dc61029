/* heif.c - reads the boxes of a HEIC or AVIF file.
 *
 * Strict, because the decoder will read the same boxes again and must come to the same: whatever the two could
 * understand differently (a box or an item twice, a list that does not fill its box, numbers of odd sizes) is called
 * damaged. What the decoder's own search costs grows with the square of the items, so they are few.
 * Reference: ISO/IEC 14496-12 (boxes, iinf, iloc, iref), 23008-12 (ispe, ipma, auxC). */
#include "image/heif.h"

#include <stdlib.h>
#include <string.h>

#define MOST_ITEMS 2048
#define MOST_REFERENCES 4096
#define MOST_PROPERTIES 20000

static int damaged(liken_error *err, const char *what) {
    return lk_fail(err, LIKEN_E_DECODE, "This HEIC or AVIF file is damaged: %s.", what);
}

static int crowded(liken_error *err, const char *what, size_t most) {
    return lk_fail(err, LIKEN_E_TOO_LARGE,
                   "This HEIC or AVIF file has more %s than the limit of %zu. Save the photo anew as an ordinary JPEG.",
                   what, most);
}

/* ---- boxes ------------------------------------------------------------------------------------------------ */

/* Which boxes of the named types lie in `in`, each at most once; those absent stay empty and are not `there`. */
typedef struct wanted {
    const char *type;
    lk_box box;
    bool there;
} wanted;

static int find_boxes(lk_cursor in, bool top, wanted *list, size_t count, liken_error *err) {
    for (lk_box b; lk_box_next(&in, top, &b);)
        for (size_t i = 0; i < count; i++) {
            if (!lk_box_is(&b, list[i].type))
                continue;
            if (list[i].there)
                return lk_fail(err, LIKEN_E_DECODE, "This HEIC or AVIF file is damaged: it has two boxes of type %s.",
                               list[i].type);
            list[i].box = b;
            list[i].there = true;
        }
    return in.failed && !top ? damaged(err, "a box reaches past the one it lies in") : LIKEN_OK;
}

/* How many boxes; SIZE_MAX when they are damaged. */
static size_t count_boxes(lk_cursor in) {
    size_t n = 0;
    for (lk_box b; lk_box_next(&in, false, &b);)
        n++;
    return in.failed ? SIZE_MAX : n;
}

/* ---- items ------------------------------------------------------------------------------------------------ */

lk_heif_item *lk_heif_find(const lk_heif *h, uint64_t id) {
    size_t low = 0, high = h->item_count;
    while (low < high) {
        const size_t middle = (low + high) / 2;
        if (h->items[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < h->item_count && h->items[low].id == id ? &h->items[low] : NULL;
}

static int by_id(const void *a, const void *b) {
    const uint32_t x = ((const lk_heif_item *)a)->id, y = ((const lk_heif_item *)b)->id;
    return (x > y) - (x < y);
}

/* Past a text and its NUL; whether there was any text. */
static bool take_text(lk_cursor *c) {
    const uint8_t *nul = lk_cursor_left(c) > 0 ? memchr(c->at, 0, lk_cursor_left(c)) : NULL;
    const size_t size = nul == NULL ? lk_cursor_left(c) : (size_t)(nul - c->at) + 1;
    (void)lk_cursor_take(c, size);
    return size > 1;
}

static int read_infe(lk_cursor c, lk_heif_item *item, liken_error *err) {
    const uint64_t version = lk_cursor_be(&c, 4) >> 24;
    item->id = (uint32_t)lk_cursor_be(&c, version < 3 ? 2 : 4);
    (void)lk_cursor_take(&c, 2);
    const uint8_t *type = version >= 2 ? lk_cursor_take(&c, 4) : NULL;
    if (c.failed)
        return damaged(err, "an entry of its list of items is missing or cut short");
    if (type == NULL)
        return LIKEN_OK;
    memcpy(item->type, type, 4);
    (void)take_text(&c);
    if (lk_heif_is(type, "mime") && take_text(&c) && take_text(&c))
        return lk_fail(err, LIKEN_E_FORMAT,
                       "This HEIC or AVIF file holds packed metadata, which liken does not unpack. Save the photo "
                       "anew without metadata.");
    return LIKEN_OK;
}

static int read_iinf(lk_heif *h, lk_cursor c, liken_error *err) {
    (void)lk_cursor_take(&c, lk_cursor_be(&c, 4) >> 24 == 0 ? 2 : 4); /* how many: the boxes themselves are counted */
    const size_t count = c.failed ? SIZE_MAX : count_boxes(c);
    if (count == SIZE_MAX)
        return damaged(err, "its list of items is missing or cut short");
    if (count > MOST_ITEMS)
        return crowded(err, "items", MOST_ITEMS);
    h->items = calloc(count + 1, sizeof *h->items);
    if (h->items == NULL)
        return lk_fail_memory(err);
    int rc = LIKEN_OK;
    for (lk_box b; rc == LIKEN_OK && lk_box_next(&c, false, &b);)
        if (lk_box_is(&b, "infe"))
            rc = read_infe(b.body, &h->items[h->item_count++], err);
    if (rc != LIKEN_OK)
        return rc;
    qsort(h->items, h->item_count, sizeof *h->items, by_id);
    for (size_t i = 1; i < h->item_count; i++)
        if (h->items[i].id == h->items[i - 1].id)
            return damaged(err, "two of its items have one number");
    return LIKEN_OK;
}

/* ---- properties ------------------------------------------------------------------------------------------- */

static int read_ipco(lk_heif *h, lk_cursor c, liken_error *err) {
    const size_t count = count_boxes(c);
    if (count == SIZE_MAX)
        return damaged(err, "its list of properties is missing or cut short");
    if (count > MOST_PROPERTIES)
        return crowded(err, "properties", MOST_PROPERTIES);
    h->properties = calloc(count + 1, sizeof *h->properties);
    if (h->properties == NULL)
        return lk_fail_memory(err);
    for (lk_box b; lk_box_next(&c, false, &b);) {
        lk_heif_property *p = &h->properties[h->property_count++];
        p->box = b;
        const uint8_t *body = b.body.at;
        const size_t size = lk_cursor_left(&b.body);
        if (lk_box_is(&b, "hvcC"))
            lk_coded_hvcc(body, size, &p->coded);
        if (lk_box_is(&b, "pixi") && size >= 6 && body[5] > h->bits)
            h->bits = body[5];
    }
    return LIKEN_OK;
}

static bool ends_with(lk_cursor text, const char *end) {
    const size_t n = strlen(end) + 1;
    const uint8_t *nul = lk_cursor_left(&text) > 0 ? memchr(text.at, 0, lk_cursor_left(&text)) : NULL;
    const size_t size = nul != NULL ? (size_t)(nul - text.at) + 1 : 0;
    return size >= n && memcmp(nul + 1 - n, end, n) == 0;
}

static int give_property(lk_heif_item *item, const lk_heif_property *p, liken_error *err) {
    lk_cursor c = p->box.body;
    if (lk_box_is(&p->box, "hvcC") || lk_box_is(&p->box, "av1C")) {
        if (item->config != NULL && item->config != p)
            return damaged(err, "one of its pictures has two configurations");
        item->config = p;
    }
    if (lk_box_is(&p->box, "auxC")) {
        (void)lk_cursor_take(&c, 4);
        item->is_alpha = item->is_alpha || ends_with(c, ":alpha") || ends_with(c, ":auxid:1");
    }
    if (!lk_box_is(&p->box, "ispe"))
        return LIKEN_OK;
    (void)lk_cursor_take(&c, 4);
    const uint64_t width = lk_cursor_be(&c, 4), height = lk_cursor_be(&c, 4);
    if (width * height > item->width * item->height) {
        item->width = width;
        item->height = height;
    }
    return LIKEN_OK;
}

/* Which properties belong to which item. */
static int read_ipma(const lk_heif *h, lk_cursor c, liken_error *err) {
    const uint64_t full = lk_cursor_be(&c, 4), entries = lk_cursor_be(&c, 4);
    const size_t id_bytes = full >> 24 < 1 ? 2 : 4, index_bytes = full & 1 ? 2 : 1;
    if (entries > MOST_ITEMS && lk_cursor_holds(&c, entries, id_bytes + 1))
        return crowded(err, "items with properties", MOST_ITEMS);
    for (uint64_t i = 0; i < entries && !c.failed; i++) {
        lk_heif_item *item = lk_heif_find(h, lk_cursor_be(&c, id_bytes));
        const uint64_t count = lk_cursor_be(&c, 1);
        for (uint64_t k = 0; k < count && !c.failed; k++) {
            const uint64_t index = lk_cursor_be(&c, index_bytes) & (index_bytes == 2 ? 0x7fff : 0x7f);
            if (index > h->property_count)
                return damaged(err, "an item names a property that is not there");
            const int rc = item != NULL && index > 0 ? give_property(item, &h->properties[index - 1], err) : LIKEN_OK;
            if (rc != LIKEN_OK)
                return rc;
        }
    }
    return c.failed ? damaged(err, "its list of what belongs to which item is cut short") : LIKEN_OK;
}

static int read_iprp(lk_heif *h, lk_cursor c, liken_error *err) {
    wanted ipco = {.type = "ipco"};
    int rc = find_boxes(c, false, &ipco, 1, err);
    if (rc == LIKEN_OK)
        rc = read_ipco(h, ipco.box.body, err);
    size_t lists = 0;
    for (lk_box b; rc == LIKEN_OK && lk_box_next(&c, false, &b);) {
        if (!lk_box_is(&b, "ipma"))
            continue;
        rc = ++lists > 16 ? damaged(err, "it says too often what belongs to which item") : read_ipma(h, b.body, err);
    }
    return rc;
}

/* ---- references ------------------------------------------------------------------------------------------- */

static int read_reference(const lk_heif *h, const lk_box *b, size_t id_bytes, size_t *total, liken_error *err) {
    lk_cursor c = b->body;
    lk_heif_item *item = lk_heif_find(h, lk_cursor_be(&c, id_bytes));
    const uint64_t count = lk_cursor_be(&c, 2);
    if (c.failed || lk_cursor_left(&c) != count * id_bytes)
        return damaged(err, "a list of references does not fill its box");
    *total += 1 + (size_t)count;
    if (*total > MOST_REFERENCES)
        return crowded(err, "references", MOST_REFERENCES);
    if (item != NULL && lk_box_is(b, "dimg")) {
        if (item->part_bytes != 0)
            return damaged(err, "it says twice of what a picture is made");
        item->parts = c;
        item->part_bytes = id_bytes;
    }
    while (item != NULL && item->is_alpha && lk_box_is(b, "auxl") && lk_cursor_left(&c) > 0) {
        lk_heif_item *of = lk_heif_find(h, lk_cursor_be(&c, id_bytes));
        if (of != NULL && of->alpha != NULL && of->alpha != item)
            return damaged(err, "a picture has two transparencies");
        if (of != NULL)
            of->alpha = item;
    }
    return LIKEN_OK;
}

static int read_iref(const lk_heif *h, lk_cursor c, liken_error *err) {
    const size_t id_bytes = lk_cursor_be(&c, 4) >> 24 == 0 ? 2 : 4;
    size_t total = 0;
    int rc = LIKEN_OK;
    for (lk_box b; rc == LIKEN_OK && lk_box_next(&c, false, &b);)
        rc = read_reference(h, &b, id_bytes, &total, err);
    return rc == LIKEN_OK && c.failed ? damaged(err, "its references are cut short") : rc;
}

/* ---- where the bytes lie ---------------------------------------------------------------------------------- */

/* The next extent; false at their end. */
static bool next_extent(const lk_heif *h, const lk_heif_item *item, lk_cursor *c, uint64_t *from, uint64_t *length) {
    if (lk_cursor_left(c) == 0)
        return false;
    (void)lk_cursor_take(c, h->index_bytes);
    *from = item->base + lk_cursor_be(c, h->offset_bytes);
    *length = lk_cursor_be(c, h->length_bytes);
    return !c->failed;
}

static bool read_location(lk_heif *h, lk_cursor *c, uint64_t version, size_t base_bytes) {
    lk_heif_item unknown = {0}, *item = lk_heif_find(h, lk_cursor_be(c, version < 2 ? 2 : 4));
    item = item != NULL ? item : &unknown;
    const uint64_t method = version > 0 ? lk_cursor_be(c, 2) & 15 : 0;
    (void)lk_cursor_take(c, 2);
    item->base = lk_cursor_be(c, base_bytes);
    const size_t count = (size_t)lk_cursor_be(c, 2), each = h->index_bytes + h->offset_bytes + h->length_bytes;
    if (item->located || (each == 0 && count > 0) || (each > 0 && !lk_cursor_holds(c, count, each)))
        return lk_cursor_fail(c);
    item->located = true;
    item->method = (uint8_t)method;
    item->extents = lk_cursor_of(lk_cursor_take(c, count * each), count * each);
    lk_cursor extents = item->extents;
    for (uint64_t from, length; next_extent(h, item, &extents, &from, &length);)
        h->claimed += length < h->size ? length : h->size;
    return !c->failed;
}

static bool plain_size(size_t n) {
    return n == 0 || n == 4 || n == 8;
}

static int read_iloc(lk_heif *h, lk_cursor c, liken_error *err) {
    const uint64_t version = lk_cursor_be(&c, 4) >> 24, sizes = lk_cursor_be(&c, 2),
                   count = lk_cursor_be(&c, version < 2 ? 2 : 4);
    const size_t base_bytes = sizes >> 4 & 15;
    h->offset_bytes = sizes >> 12 & 15;
    h->length_bytes = sizes >> 8 & 15;
    h->index_bytes = version > 1 ? sizes & 15 : 0;
    const bool plain = plain_size(h->offset_bytes) && plain_size(h->length_bytes) && plain_size(base_bytes) &&
                       plain_size(h->index_bytes) && !(version == 1 && (sizes & 15) != 0);
    if (!plain || !lk_cursor_holds(&c, count, 6))
        return damaged(err, "it does not say where its pictures lie");
    if (count > MOST_ITEMS)
        return crowded(err, "items", MOST_ITEMS);
    for (uint64_t i = 0; i < count; i++)
        if (!read_location(h, &c, version, base_bytes))
            return damaged(err, "it does not say where its pictures lie");
    if (h->claimed > 2 * (uint64_t)h->size + (1 << 20)) /* pictures may share bytes, but the decoder reads them all */
        return damaged(err, "its items claim far more bytes than it has");
    return LIKEN_OK;
}

int lk_heif_bytes(const lk_heif *h, const lk_heif_item *item, lk_cursor before, uint8_t **out, size_t *size,
                  liken_error *err) {
    const lk_cursor whole = item->method == 1 ? h->idat : lk_cursor_of(h->bytes, h->size);
    const size_t there = lk_cursor_left(&whole);
    if (item->method > 1)
        return damaged(err, "the bytes of a picture lie inside another item");
    uint64_t total = lk_cursor_left(&before), from, length;
    for (lk_cursor c = item->extents; next_extent(h, item, &c, &from, &length); total += length)
        if (from > there || length > there - from)
            return damaged(err, "it is cut short, so that the bytes of a picture are not all there");
    uint8_t *bytes = malloc((size_t)total + 1), *p = bytes;
    if (bytes == NULL)
        return lk_fail_memory(err);
    if (lk_cursor_left(&before) > 0)
        p = (uint8_t *)memcpy(p, before.at, lk_cursor_left(&before)) + lk_cursor_left(&before);
    for (lk_cursor c = item->extents; next_extent(h, item, &c, &from, &length); p += length)
        if (length > 0)
            memcpy(p, whole.at + from, (size_t)length);
    *out = bytes;
    *size = (size_t)total;
    return LIKEN_OK;
}

/* ---- the file --------------------------------------------------------------------------------------------- */

static int read_meta(lk_heif *h, lk_cursor c, liken_error *err) {
    enum { PITM, IINF, IPRP, IREF, IDAT, ILOC, COUNT };
    wanted list[COUNT] = {{.type = "pitm"}, {.type = "iinf"}, {.type = "iprp"},
                          {.type = "iref"}, {.type = "idat"}, {.type = "iloc"}};
    (void)lk_cursor_take(&c, 4);
    int rc = find_boxes(c, false, list, COUNT, err);
    if (rc == LIKEN_OK)
        rc = read_iinf(h, list[IINF].box.body, err);
    if (rc == LIKEN_OK)
        rc = read_iprp(h, list[IPRP].box.body, err);
    if (rc == LIKEN_OK && list[IREF].there)
        rc = read_iref(h, list[IREF].box.body, err);
    h->idat = list[IDAT].box.body;
    if (rc == LIKEN_OK)
        rc = read_iloc(h, list[ILOC].box.body, err);
    if (rc != LIKEN_OK)
        return rc;
    lk_cursor pitm = list[PITM].box.body;
    const size_t id_bytes = lk_cursor_be(&pitm, 4) >> 24 == 0 ? 2 : 4;
    const uint64_t id = lk_cursor_be(&pitm, id_bytes);
    h->primary = pitm.failed ? NULL : lk_heif_find(h, id);
    return h->primary == NULL ? damaged(err, "it does not say which of its pictures is the photo") : LIKEN_OK;
}

int lk_heif_read(lk_heif *h, const uint8_t *bytes, size_t size, liken_error *err) {
    h->bytes = bytes;
    h->size = size;
    wanted list[] = {{.type = "meta"}, {.type = "mini"}};
    const int rc = find_boxes(lk_cursor_of(bytes, size), true, list, LK_LENGTH(list), err);
    if (rc != LIKEN_OK)
        return rc;
    if (list[1].there)
        return lk_fail(err, LIKEN_E_FORMAT,
                       "This HEIC or AVIF file is of the minimized kind, which liken does not read. Save the photo "
                       "anew as an ordinary JPEG.");
    return read_meta(h, list[0].box.body, err);
}

void lk_heif_clear(lk_heif *h) {
    free(h->properties);
    free(h->items);
}
