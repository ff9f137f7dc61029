/* bmp.c - Windows and OS/2 bitmaps, and the bitmaps inside icons; libvips has no reader of its own for them.
 *
 * 1, 4, 8, 16, 24 and 32 bits, RLE4 and RLE8, bit fields, bottom-up and top-down. Strict about the header, lenient
 * about rows that are missing at the end: row() then says NULL. Alpha counts only when the header gives it a mask and
 * some pixel uses it; it is laid over white. Reference: Microsoft, BITMAPFILEHEADER to BITMAPV5HEADER; OS/2
 * BITMAPCOREHEADER. */
#include "image/reader.h"

#include <stdlib.h>
#include <string.h>

enum { RGB = 0, RLE8 = 1, RLE4 = 2, FIELDS = 3, ALPHA_FIELDS = 6 };

typedef struct channel {
    uint32_t mask, top; /* top: the largest value it holds */
    int shift;
} channel;

typedef struct dib {
    const uint8_t *bytes;
    size_t size, pixels; /* where the pixels begin */
    int width, height, bits;
    uint32_t compression;
    bool top_down, icon;
    size_t stride;
    uint8_t palette[256][3]; /* RGB; black where the file gives none */
    channel channel[4];      /* red, green, blue, alpha */
} dib;

typedef struct bmp_reader {
    lk_reader base;
    dib dib;
    uint8_t *indices; /* RLE: unpacked, width*height, top row first */
    int rows;         /* RLE: how many rows were there */
    uint8_t *rgb;     /* one row */
    bool alpha;
} bmp_reader;

static void set_channel(channel *c, uint32_t mask) {
    *c = (channel){.mask = mask};
    if (mask == 0)
        return;
    c->shift = __builtin_ctz(mask);
    c->top = mask >> c->shift;
}

static int bad(liken_error *err, const char *what) {
    return lk_fail(err, LIKEN_E_DECODE, "This BMP is damaged: %s.", what);
}

static int read_size(dib *d, const uint8_t *p, uint32_t header, liken_error *err) {
    int64_t width, height;
    uint32_t planes;
    if (header == 12) {
        width = lk_le16(p + 4), height = lk_le16(p + 6), planes = lk_le16(p + 8);
        d->bits = (int)lk_le16(p + 10);
    } else {
        width = (int32_t)lk_le32(p + 4), height = (int32_t)lk_le32(p + 8), planes = lk_le16(p + 12);
        d->bits = (int)lk_le16(p + 14);
        d->compression = header >= 20 ? lk_le32(p + 16) : RGB;
    }
    d->top_down = height < 0;
    height = height < 0 ? -height : height;
    if (d->icon)
        height /= 2;
    if (width <= 0 || height <= 0 || height > INT32_MAX)
        return lk_fail(err, LIKEN_E_DECODE, "This BMP is damaged: its header says %lld x %lld pixels.",
                       (long long)width, (long long)height);
    if (planes != 1)
        return bad(err, "its header does not say one plane");
    d->width = (int)width;
    d->height = (int)height;
    d->stride = ((size_t)width * (size_t)d->bits + 31) / 32 * 4;
    return LIKEN_OK;
}

/* What there is of bitmaps that is not read here. */
static int refuse_layout(const dib *d, liken_error *err) {
    static const char advice[] = "which liken does not read. Save it as an ordinary BMP, PNG or JPEG.";
    if (d->compression == 4 && d->bits == 24)
        return lk_fail(err, LIKEN_E_FORMAT, "This BMP is packed in the way of OS/2 for 24 bits (RLE24), %s", advice);
    if (d->compression == FIELDS && d->bits == 1)
        return lk_fail(err, LIKEN_E_FORMAT, "This BMP is packed as a fax of OS/2 (Huffman 1D), %s", advice);
    if (d->compression == 4 || d->compression == 5)
        return lk_fail(err, LIKEN_E_FORMAT, "This BMP holds a JPEG or PNG for a printer, %s", advice);
    if (d->compression >= 11 && d->compression <= 13)
        return lk_fail(err, LIKEN_E_FORMAT, "This BMP holds inks for a printer (CMYK), %s", advice);
    if (d->compression == RGB && (d->bits == 2 || d->bits == 64))
        return lk_fail(err, LIKEN_E_FORMAT, "This BMP has %d bits a pixel, %s", d->bits, advice);
    return lk_fail(err, LIKEN_E_DECODE, "This BMP is damaged: its header says %d bits a pixel with compression %u.",
                   d->bits, d->compression);
}

static int check_layout(const dib *d, liken_error *err) {
    static const struct {
        uint32_t compression;
        int bits[6];
    } known[] = {{RGB, {1, 4, 8, 16, 24, 32}}, {RLE8, {8}}, {RLE4, {4}}, {FIELDS, {16, 32}}, {ALPHA_FIELDS, {16, 32}}};
    for (size_t i = 0; i < LK_LENGTH(known); i++)
        for (size_t k = 0; k < 6; k++)
            if (known[i].compression == d->compression && known[i].bits[k] == d->bits && d->bits != 0)
                return d->top_down && (d->compression == RLE8 || d->compression == RLE4)
                           ? bad(err, "a packed bitmap cannot be top-down")
                           : LIKEN_OK;
    return refuse_layout(d, err);
}

/* The masks of 16- and 32-bit pixels; *used grows by masks that follow the header. */
static int read_masks(dib *d, const uint8_t *p, uint32_t header, size_t room, size_t *used, liken_error *err) {
    uint32_t mask[4] = {0};
    if (d->compression == RGB && d->bits == 16) {
        mask[0] = 0x7c00, mask[1] = 0x3e0, mask[2] = 0x1f;
    } else if (d->compression == RGB) {
        mask[0] = 0xff0000, mask[1] = 0xff00, mask[2] = 0xff;
        mask[3] = d->icon && d->bits == 32 ? 0xff000000 : 0;
    } else {
        const size_t n = header >= 56 || d->compression == ALPHA_FIELDS ? 4 : 3;
        const size_t end = 40 + 4 * n;
        if (room < end)
            return bad(err, "its colour masks are cut short");
        for (size_t i = 0; i < n; i++)
            mask[i] = lk_le32(p + 40 + 4 * i);
        *used = end > *used ? end : *used;
    }
    for (int i = 0; i < 4; i++)
        set_channel(&d->channel[i], d->bits == 16 ? mask[i] & 0xffff : mask[i]);
    if (d->channel[0].mask == 0 || d->channel[1].mask == 0 || d->channel[2].mask == 0)
        return bad(err, "a colour mask is empty");
    return LIKEN_OK;
}

/* Behind the header and masks, *used bytes in. `room`: bytes up to the pixels; colours that do not fit stay black. */
static void read_palette(dib *d, const uint8_t *p, uint32_t header, size_t room, size_t *used) {
    const size_t entry = header == 12 ? 3 : 4, most = (size_t)1 << d->bits, fit = room / entry;
    size_t count = header >= 36 && lk_le32(p + 32) != 0 ? lk_le32(p + 32) : most;
    count = count < most ? count : most;
    count = count < fit ? count : fit;
    for (size_t i = 0; i < count; i++)
        for (size_t c = 0; c < 3; c++)
            d->palette[i][c] = p[*used + i * entry + 2 - c];
    *used += count * entry;
}

/* Header at `at`; pixels at `pixels`, or right behind the palette when that is 0. */
static int parse(dib *d, const uint8_t *bytes, size_t size, size_t at, size_t pixels, bool icon, liken_error *err) {
    *d = (dib){.bytes = bytes, .size = size, .icon = icon};
    const uint8_t *p = bytes + at;
    const uint32_t header = size - at >= 4 ? lk_le32(p) : 0;
    if ((header != 12 && header < 16) || header > 256 || size - at < header)
        return bad(err, "its header is cut short or of unknown size");
    int rc = read_size(d, p, header, err);
    if (rc == LIKEN_OK)
        rc = check_layout(d, err);
    size_t used = header;
    if (rc == LIKEN_OK && d->bits >= 16)
        rc = read_masks(d, p, header, size - at, &used, err);
    if (rc != LIKEN_OK)
        return rc;
    const size_t end = pixels > at + used && pixels < size ? pixels : size;
    if (d->bits <= 8)
        read_palette(d, p, header, end - at - used, &used);
    d->pixels = pixels != 0 ? pixels : at + used;
    if (d->pixels < at + header || d->pixels >= size)
        return bad(err, "its pixels lie outside the file");
    return LIKEN_OK;
}

static int parse_file(dib *d, const uint8_t *bytes, size_t size, liken_error *err) {
    if (size < 18)
        return bad(err, "it ends inside its header");
    const uint32_t pixels = lk_le32(bytes + 10);
    return parse(d, bytes, size, 14, pixels == 0 ? size : pixels, false, err);
}

/* ---- RLE ------------------------------------------------------------------------------------------- */

typedef struct rle {
    const dib *d;
    uint8_t *out; /* top row first */
    int x, y;     /* y counts from the bottom */
} rle;

static void put(rle *r, uint8_t index) {
    if (r->x < r->d->width && r->y < r->d->height)
        r->out[(size_t)(r->d->height - 1 - r->y) * (size_t)r->d->width + (size_t)r->x] = index;
    if (r->x < r->d->width)
        r->x++;
}

static uint8_t pick(const rle *r, const uint8_t *p, int i) {
    if (r->d->bits == 8)
        return p[i];
    return i % 2 == 0 ? p[i / 2] >> 4 : p[i / 2] & 15;
}

/* Unpacks what is there; returns the number of rows begun, counted from the bottom. */
static int unpack(const dib *d, uint8_t *out) {
    rle r = {.d = d, .out = out};
    const uint8_t *p = d->bytes + d->pixels, *end = d->bytes + d->size;
    while (end - p >= 2 && r.y < d->height) {
        const uint8_t count = p[0], value = p[1];
        p += 2;
        if (count > 0) {
            const uint8_t pair[2] = {d->bits == 8 ? value : value >> 4, d->bits == 8 ? value : value & 15};
            for (int i = 0; i < count; i++)
                put(&r, pair[i % 2]);
        } else if (value == 0) {
            r.x = 0;
            r.y++;
        } else if (value == 1) {
            return d->height;
        } else if (value == 2) {
            if (end - p < 2)
                break;
            r.x = r.x + p[0] < d->width ? r.x + p[0] : d->width;
            r.y += p[1];
            p += 2;
        } else {
            const int packed = d->bits == 8 ? value : (value + 1) / 2;
            if (end - p < packed)
                break;
            for (int i = 0; i < value; i++)
                put(&r, pick(&r, p, i));
            p += packed;
            if (packed % 2 == 1 && p < end)
                p++;
        }
    }
    if (r.x >= d->width) /* the last row there, without the mark of its end */
        r.y++;
    return r.y < d->height ? r.y : d->height;
}

/* ---- rows ------------------------------------------------------------------------------------------ */

static uint8_t value_of(const channel *c, uint32_t pixel) {
    return (uint8_t)(((uint64_t)((pixel & c->mask) >> c->shift) * 255 + c->top / 2) / c->top);
}

static uint32_t pixel_at(const dib *d, const uint8_t *line, int x) {
    switch (d->bits) {
    case 16:
        return lk_le16(line + (size_t)x * 2);
    case 24:
        return lk_le24(line + (size_t)x * 3);
    default:
        return lk_le32(line + (size_t)x * 4);
    }
}

/* Of a row without the bytes that fill it up. */
static size_t row_bytes(const dib *d) {
    return ((size_t)d->width * (size_t)d->bits + 7) / 8;
}

static const uint8_t *line_of(const dib *d, int y) {
    const size_t k = (size_t)(d->top_down ? y : d->height - 1 - y), at = k * d->stride, room = d->size - d->pixels;
    return at <= room && room - at >= row_bytes(d) ? d->bytes + d->pixels + at : NULL;
}

static int rows_there(const dib *d) {
    const size_t room = d->size - d->pixels, rows = room / d->stride + (room % d->stride >= row_bytes(d));
    return rows < (size_t)d->height ? (int)rows : d->height;
}

static bool uses_alpha(const dib *d) {
    if (d->bits < 16 || d->channel[3].mask == 0)
        return false;
    for (int y = 0; y < d->height; y++) {
        const uint8_t *line = line_of(d, y);
        for (int x = 0; line != NULL && x < d->width; x++)
            if ((pixel_at(d, line, x) & d->channel[3].mask) != 0)
                return true;
    }
    return false;
}

static void over_white(uint8_t *rgb, uint32_t alpha) {
    for (int c = 0; c < 3; c++)
        rgb[c] = (uint8_t)((rgb[c] * alpha + 255 * (255 - alpha) + 127) / 255);
}

static void direct_row(const bmp_reader *r, const uint8_t *line) {
    const dib *d = &r->dib;
    for (int x = 0; x < d->width; x++) {
        uint8_t *rgb = r->rgb + (size_t)x * 3;
        const uint32_t pixel = pixel_at(d, line, x);
        for (int c = 0; c < 3; c++)
            rgb[c] = value_of(&d->channel[c], pixel);
        if (r->alpha)
            over_white(rgb, value_of(&d->channel[3], pixel));
    }
}

static void indexed_row(const bmp_reader *r, const uint8_t *line, int bits) {
    const dib *d = &r->dib;
    for (int x = 0; x < d->width; x++) {
        const size_t bit = (size_t)x * (size_t)bits;
        const int index = line[bit / 8] >> (8 - bits - (int)(bit % 8)) & ((1 << bits) - 1);
        memcpy(r->rgb + (size_t)x * 3, d->palette[index], 3);
    }
}

/* Icons: a 1-bit mask of the same size follows the pixels; 1 is see-through. */
static void mask_row(const bmp_reader *r, int y) {
    const dib *d = &r->dib;
    const size_t stride = ((size_t)d->width + 31) / 32 * 4, k = (size_t)(d->height - 1 - y);
    const size_t at = d->pixels + d->stride * (size_t)d->height + k * stride;
    if (at > d->size || d->size - at < stride)
        return;
    for (int x = 0; x < d->width; x++)
        if (d->bytes[at + (size_t)x / 8] >> (7 - x % 8) & 1)
            memset(r->rgb + (size_t)x * 3, 255, 3);
}

static const uint8_t *row(lk_reader *base, int y) {
    bmp_reader *r = (bmp_reader *)base;
    const dib *d = &r->dib;
    if (r->indices != NULL) {
        if (y < d->height - r->rows)
            return NULL;
        indexed_row(r, r->indices + (size_t)y * (size_t)d->width, 8);
        return r->rgb;
    }
    const uint8_t *line = line_of(d, y);
    if (line == NULL)
        return NULL;
    if (d->bits >= 16)
        direct_row(r, line);
    else
        indexed_row(r, line, d->bits);
    if (d->icon && !r->alpha)
        mask_row(r, y);
    return r->rgb;
}

static void close_reader(lk_reader *base) {
    bmp_reader *r = (bmp_reader *)base;
    free(r->indices);
    free(r->rgb);
    free(r);
}

static int open_dib(lk_reader **out, const dib *d, liken_error *err) {
    bmp_reader *r = calloc(1, sizeof *r);
    if (r == NULL)
        return lk_fail_memory(err);
    r->dib = *d;
    r->base = (lk_reader){.width = d->width, .height = d->height, .row = row, .close = close_reader};
    r->rgb = malloc((size_t)d->width * 3);
    const bool packed = d->compression == RLE8 || d->compression == RLE4;
    if (packed)
        r->indices = calloc((size_t)d->width, (size_t)d->height);
    if (r->rgb == NULL || (packed && r->indices == NULL)) {
        close_reader(&r->base);
        return lk_fail_memory(err);
    }
    if (packed)
        r->rows = unpack(d, r->indices);
    r->base.counts = true;
    r->base.there = packed ? r->rows : rows_there(d);
    r->alpha = uses_alpha(d);
    *out = &r->base;
    return LIKEN_OK;
}

static void head_of(const dib *d, lk_head *head) {
    head->width = d->width;
    head->height = d->height;
    head->passes = 1;
    if (d->compression == RLE8 || d->compression == RLE4)
        head->work = (uint64_t)d->width * (uint64_t)d->height; /* unpacked before the first row is known */
}

int lk_bmp_head(const uint8_t *bytes, size_t size, lk_head *head, liken_error *err) {
    dib d;
    const int rc = parse_file(&d, bytes, size, err);
    if (rc == LIKEN_OK)
        head_of(&d, head);
    return rc;
}

int lk_bmp_head_icon(const uint8_t *bytes, size_t size, lk_head *head, liken_error *err) {
    dib d;
    const int rc = parse(&d, bytes, size, 0, 0, true, err);
    if (rc == LIKEN_OK)
        head_of(&d, head);
    return rc;
}

int lk_bmp_open(lk_reader **out, const uint8_t *bytes, size_t size, liken_error *err) {
    dib d;
    const int rc = parse_file(&d, bytes, size, err);
    return rc == LIKEN_OK ? open_dib(out, &d, err) : rc;
}

int lk_bmp_open_icon(lk_reader **out, const uint8_t *bytes, size_t size, liken_error *err) {
    dib d;
    const int rc = parse(&d, bytes, size, 0, 0, true, err);
    return rc == LIKEN_OK ? open_dib(out, &d, err) : rc;
}
