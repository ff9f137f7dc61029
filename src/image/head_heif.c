/* head_heif.c - what it takes to decode a HEIC or AVIF file.
 *
 * A size is said in three places: beside the picture (ispe), by what puts it together (grid, overlay), and in the
 * coded bytes, by which the decoder allocates. The largest counts. Which picture is the photo is the decoder's
 * business: none may be over the limit, so the largest of all decides. What the decoder goes over for the photo is
 * added up: a picture may be a grid of tiles, and the same tile may be named thousands of times, or be a grid itself,
 * or have a transparency that is a grid. Reference: ISO/IEC 23008-12 (ispe, grid, iovl, iden). */
#include "image/exif.h"
#include "image/heif.h"

#include <stdlib.h>

#define MOST_PICTURES 8          /* coded in one item: hidden ones, and layers that refine the first */
#define MOST_CONFIG 65536        /* bytes of a configuration */
#define MARGIN 64                /* whole blocks are coded, a few of whose pixels are not shown */
#define SIDE (UINT64_C(1) << 24) /* no side counts as longer, so that areas can be added */

typedef struct sum {
    lk_heif heif;
    uint64_t width, height; /* of the largest picture */
    int bits, samples;
    uint64_t tile, covered; /* of the photo: area of the largest part that is decoded by itself; of all of them */
    bool av1;
} sum;

static void note_size(sum *s, uint64_t width, uint64_t height) {
    width = width < SIDE ? width : SIDE;
    height = height < SIDE ? height : SIDE;
    if (width * height > s->width * s->height) {
        s->width = width;
        s->height = height;
    }
}

static uint64_t area_of(uint64_t width, uint64_t height) {
    return (width < SIDE ? width : SIDE) * (height < SIDE ? height : SIDE);
}

static bool is_derived(const lk_heif_item *item) {
    return lk_heif_is(item->type, "grid") || lk_heif_is(item->type, "iovl") || lk_heif_is(item->type, "iden");
}

static bool is_coded(const lk_heif_item *item) {
    return lk_heif_is(item->type, "hvc1") || lk_heif_is(item->type, "av01");
}

/* ---- sizes of every item ---------------------------------------------------------------------------------- */

/* The payload of a grid or an overlay says its size a second time. */
static void read_payload(lk_heif_item *item, const uint8_t *bytes, size_t size) {
    lk_cursor c = lk_cursor_of(bytes, size);
    (void)lk_cursor_take(&c, 1);
    const size_t wide = lk_cursor_be(&c, 1) & 1 ? 4 : 2;
    (void)lk_cursor_take(&c, lk_heif_is(item->type, "grid") ? 2 : 8); /* rows and columns; a colour */
    const uint64_t width = lk_cursor_be(&c, wide), height = lk_cursor_be(&c, wide);
    if (area_of(width, height) > area_of(item->width, item->height)) {
        item->width = width;
        item->height = height;
    }
}

static int measure(const lk_heif *h, lk_heif_item *item, liken_error *err) {
    if (lk_heif_is(item->type, "iden") || (!is_derived(item) && !is_coded(item)))
        return LIKEN_OK;
    const bool av1 = lk_heif_is(item->type, "av01"), hevc = lk_heif_is(item->type, "hvc1");
    lk_cursor config = item->config != NULL ? item->config->box.body : (lk_cursor){0};
    if (lk_cursor_left(&config) > MOST_CONFIG)
        return lk_fail(err, LIKEN_E_TOO_LARGE,
                       "This HEIC or AVIF file has a decoder configuration of %zu bytes; the limit is %d.",
                       lk_cursor_left(&config), MOST_CONFIG);
    (void)lk_cursor_take(&config, 4);
    uint8_t *bytes;
    size_t size;
    const int rc = lk_heif_bytes(h, item, av1 ? config : (lk_cursor){0}, &bytes, &size, err);
    if (rc != LIKEN_OK)
        return rc;
    if (av1) {
        item->coded = lk_coded_av1(bytes, size);
    } else if (hevc) {
        item->coded = item->config != NULL ? item->config->coded : (lk_coded){0};
        lk_coded_hevc(bytes, size, &item->coded);
    } else {
        read_payload(item, bytes, size);
    }
    free(bytes);
    item->measured = true;
    return LIKEN_OK;
}

/* Those that are not part of the photo may be damaged. */
static int measure_all(sum *s, liken_error *err) {
    for (size_t i = 0; i < s->heif.item_count; i++) {
        lk_heif_item *item = &s->heif.items[i];
        const int rc = measure(&s->heif, item, err);
        if (rc != LIKEN_OK && rc != LIKEN_E_DECODE)
            return rc;
        note_size(s, item->width, item->height);
        if (item->coded.width > item->width + MARGIN || item->coded.height > item->height + MARGIN)
            note_size(s, item->coded.width, item->coded.height);
    }
    return LIKEN_OK;
}

/* ---- the photo -------------------------------------------------------------------------------------------- */

static int damaged(liken_error *err, const char *what) {
    return lk_fail(err, LIKEN_E_DECODE, "This HEIC or AVIF file is damaged: %s.", what);
}

static int refuse_type(const lk_heif_item *item, liken_error *err) {
    char type[5] = "????";
    for (int i = 0; i < 4; i++)
        if (item->type[i] > ' ' && item->type[i] < 0x7f)
            type[i] = (char)item->type[i];
    return lk_fail(err, LIKEN_E_FORMAT,
                   "This HEIC or AVIF file holds a picture of type %s, which liken does not read. Save the photo anew "
                   "as an ordinary JPEG.",
                   type);
}

static int nested(liken_error *err) {
    return lk_fail(err, LIKEN_E_FORMAT,
                   "This HEIC or AVIF file builds its picture of pictures that are built of others, which liken does "
                   "not read.");
}

/* Adds the pixels that are gone over for a coded picture. */
static int add_coded(sum *s, const lk_heif_item *item, uint64_t *area, liken_error *err) {
    if (is_derived(item))
        return nested(err);
    if (!is_coded(item))
        return refuse_type(item, err);
    if (!item->measured)
        return damaged(err, "it is cut short, so that the bytes of a picture are not all there");
    if (item->coded.damaged || item->coded.width == 0 || item->coded.height == 0)
        return damaged(err, "its coded picture does not say how large it is, or is cut short");
    if (item->coded.pictures > MOST_PICTURES)
        return lk_fail(err, LIKEN_E_FORMAT,
                       "This HEIC or AVIF file holds a film of %u pictures where its photo should be, which liken does "
                       "not read.",
                       item->coded.pictures);
    const uint64_t pictures = item->coded.pictures > 1 ? item->coded.pictures : 1,
                   one = area_of(item->coded.width, item->coded.height) * pictures;
    s->tile = one > s->tile ? one : s->tile;
    s->covered += one;
    s->av1 = s->av1 || lk_heif_is(item->type, "av01");
    s->bits = item->coded.bits > s->bits ? item->coded.bits : s->bits;
    s->samples = item->coded.samples > s->samples ? item->coded.samples : s->samples;
    *area += one;
    return LIKEN_OK;
}

static int check_cover(uint64_t covered, uint64_t shown, liken_error *err) {
    if (covered <= 2 * shown + ((uint64_t)1 << 22)) /* tiles reach past the edge, by less than one */
        return LIKEN_OK;
    return lk_fail(err, LIKEN_E_TOO_LARGE,
                   "This HEIC or AVIF file is built of tiles that cover %llu pixels to show %llu. Save the photo anew "
                   "as an ordinary JPEG.",
                   (unsigned long long)covered, (unsigned long long)shown);
}

/* With its transparency, which has none of its own. */
static int add_part(sum *s, const lk_heif_item *item, uint64_t *area, liken_error *err) {
    const uint64_t before = *area;
    int rc = add_coded(s, item, area, err);
    const uint64_t own = *area - before;
    if (rc != LIKEN_OK || item->alpha == NULL)
        return rc;
    if (item->alpha->alpha != NULL)
        return nested(err);
    uint64_t alpha = 0;
    rc = add_coded(s, item->alpha, &alpha, err);
    *area += alpha;
    return rc == LIKEN_OK ? check_cover(alpha, own, err) : rc;
}

/* A whole picture, coded or built of coded ones, without its transparency. */
static int add_picture(sum *s, const lk_heif_item *item, uint64_t *area, liken_error *err) {
    if (!is_derived(item))
        return add_coded(s, item, area, err);
    lk_cursor parts = item->parts;
    if (lk_cursor_left(&parts) == 0)
        return damaged(err, "its picture is built of nothing");
    uint64_t covered = 0, largest = 0;
    while (lk_cursor_left(&parts) > 0) {
        const lk_heif_item *part = lk_heif_find(&s->heif, lk_cursor_be(&parts, item->part_bytes));
        if (part == NULL)
            return damaged(err, "a tile of its picture is missing");
        const uint64_t before = covered;
        const int rc = add_part(s, part, &covered, err);
        if (rc != LIKEN_OK)
            return rc;
        largest = covered - before > largest ? covered - before : largest;
    }
    const uint64_t shown = area_of(item->width, item->height);
    *area += covered;
    return check_cover(covered, lk_heif_is(item->type, "iden") && largest > shown ? largest : shown, err);
}

static int add_photo(sum *s, liken_error *err) {
    const lk_heif_item *photo = s->heif.primary, *alpha = photo->alpha;
    uint64_t colours = 0, transparency = 0;
    int rc = add_picture(s, photo, &colours, err);
    if (rc != LIKEN_OK || alpha == NULL)
        return rc;
    if (alpha->alpha != NULL || alpha == photo)
        return nested(err);
    rc = add_picture(s, alpha, &transparency, err);
    return rc == LIKEN_OK ? check_cover(transparency, area_of(s->width, s->height), err) : rc;
}

#define AT_ONCE 4 /* tiles that the decoder works on */

/* The most bytes at a time, as libheif with dav1d or libde265 goes about it: coded planes (and coefficients of AV1),
 * a copy of the planes, three full planes of colour, then those and the interleaved pixels. */
static uint64_t work_of(const sum *s) {
    const uint64_t wide = s->bits > 8 ? 2 : 1, planes = (uint64_t)s->samples * wide, canvas = s->width * s->height,
                   decoding = (s->av1 ? 2 : 1) * planes + 2, making = planes / 2 + 1 + 6 * wide,
                   alpha = s->heif.primary->alpha != NULL ? 2 * wide : 0;
    const bool derived = is_derived(s->heif.primary);
    const uint64_t tiles = derived ? AT_ONCE : 1, busy = tiles * s->tile < s->covered ? tiles * s->tile : s->covered;
    const uint64_t last = (making + alpha) * canvas;
    uint64_t first = busy * (decoding > making ? decoding : making);
    if (derived || alpha != 0)
        first += 3 * wide * canvas;
    return first > last ? first : last;
}

/* By the first item that holds EXIF. */
static int64_t captured_at(const lk_heif *h) {
    uint8_t *bytes = NULL;
    size_t size = 0, i = 0;
    while (i < h->item_count && !lk_heif_is(h->items[i].type, "Exif"))
        i++;
    if (i == h->item_count || lk_heif_bytes(h, &h->items[i], (lk_cursor){0}, &bytes, &size, NULL) != LIKEN_OK)
        return LIKEN_NO_TIME;
    const int64_t when = lk_exif_item_captured_at(bytes, size);
    free(bytes);
    return when;
}

int lk_heif_head(const uint8_t *bytes, size_t size, lk_head *head, liken_error *err) {
    sum s = {.bits = 8, .samples = 3};
    int rc = lk_heif_read(&s.heif, bytes, size, err);
    if (rc == LIKEN_OK)
        rc = measure_all(&s, err);
    if (rc == LIKEN_OK && (s.width == 0 || s.height == 0))
        rc = damaged(err, "it does not say how large its picture is");
    if (rc == LIKEN_OK)
        rc = add_photo(&s, err);
    if (rc == LIKEN_OK) {
        s.bits = s.heif.bits > s.bits ? s.heif.bits : s.bits;
        head->width = (int)s.width;
        head->height = (int)s.height;
        head->passes = 1;
        head->work = work_of(&s);
        head->captured_at = captured_at(&s.heif);
    }
    lk_heif_clear(&s.heif);
    return rc;
}
