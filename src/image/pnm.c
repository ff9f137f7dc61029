/* pnm.c - PBM, PGM and PPM, as text (P1-P3) and binary (P4-P6), up to 16 bits. libvips calls its own reader for them
 * untrusted. Reference: the netpbm format pages. */
#include "image/reader.h"

#include <ctype.h>
#include <stdlib.h>

typedef struct pnm_reader {
    lk_reader base;
    const uint8_t *bytes;
    size_t size, at;
    int type, channels;
    uint32_t top; /* largest value */
    uint8_t *rgb;
} pnm_reader;

static void skip_space(pnm_reader *r) {
    while (r->at < r->size && (isspace(r->bytes[r->at]) || r->bytes[r->at] == '#'))
        if (r->bytes[r->at++] == '#')
            while (r->at < r->size && r->bytes[r->at] != '\n')
                r->at++;
}

/* A number of at most nine digits; false when there is none. */
static bool read_number(pnm_reader *r, int most_digits, uint32_t *out) {
    skip_space(r);
    uint32_t v = 0;
    int digits = 0;
    while (digits < most_digits && r->at < r->size && isdigit(r->bytes[r->at])) {
        v = v * 10 + (uint32_t)(r->bytes[r->at++] - '0');
        digits++;
    }
    *out = v;
    return digits > 0;
}

static int parse(pnm_reader *r, const uint8_t *bytes, size_t size, liken_error *err) {
    *r = (pnm_reader){.bytes = bytes, .size = size, .at = 2, .type = bytes[1] - '0', .top = 1};
    uint32_t width, height;
    r->channels = r->type == 3 || r->type == 6 ? 3 : 1;
    const bool bits = r->type == 1 || r->type == 4;
    if (!read_number(r, 9, &width) || !read_number(r, 9, &height) || (!bits && !read_number(r, 9, &r->top)))
        return lk_fail(err, LIKEN_E_DECODE, "This PNM is damaged: its header is incomplete.");
    if (width == 0 || height == 0 || r->top == 0 || r->top > 65535)
        return lk_fail(err, LIKEN_E_DECODE, "This PNM is damaged: its header says %u x %u pixels of at most %u.", width,
                       height, r->top);
    r->at++; /* one blank before the pixels */
    r->base.width = (int)width;
    r->base.height = (int)height;
    return LIKEN_OK;
}

static uint8_t scale(const pnm_reader *r, uint32_t v) {
    v = v > r->top ? r->top : v;
    return (uint8_t)((v * 255 + r->top / 2) / r->top);
}

static bool text_row(pnm_reader *r) {
    const int n = r->base.width * r->channels;
    for (int i = 0; i < n; i++) {
        uint32_t v;
        if (!read_number(r, r->type == 1 ? 1 : 9, &v))
            return false;
        r->rgb[i] = r->type == 1 ? (v != 0 ? 0 : 255) : scale(r, v);
    }
    return true;
}

static bool binary_row(pnm_reader *r) {
    const size_t n = (size_t)r->base.width * (size_t)r->channels, wide = r->top > 255 ? 2 : 1;
    const size_t need = r->type == 4 ? (n + 7) / 8 : n * wide;
    if (r->at > r->size || r->size - r->at < need)
        return false;
    const uint8_t *p = r->bytes + r->at;
    for (size_t i = 0; i < n; i++) {
        if (r->type == 4)
            r->rgb[i] = p[i / 8] >> (7 - i % 8) & 1 ? 0 : 255;
        else
            r->rgb[i] = scale(r, wide == 2 ? lk_be16(p + 2 * i) : p[i]);
    }
    r->at += need;
    return true;
}

static const uint8_t *row(lk_reader *base, int y) {
    pnm_reader *r = (pnm_reader *)base;
    if (!(r->type <= 3 ? text_row(r) : binary_row(r)))
        return NULL;
    base->there = y + 1;
    if (r->channels == 1)
        for (int x = base->width - 1; x >= 0; x--) {
            const uint8_t v = r->rgb[x];
            r->rgb[3 * (size_t)x] = r->rgb[3 * (size_t)x + 1] = r->rgb[3 * (size_t)x + 2] = v;
        }
    return r->rgb;
}

static void close_reader(lk_reader *base) {
    pnm_reader *r = (pnm_reader *)base;
    free(r->rgb);
    free(r);
}

int lk_pnm_head(const uint8_t *bytes, size_t size, lk_head *head, liken_error *err) {
    pnm_reader r;
    const int rc = parse(&r, bytes, size, err);
    if (rc != LIKEN_OK)
        return rc;
    head->width = r.base.width;
    head->height = r.base.height;
    head->passes = 1;
    return LIKEN_OK;
}

int lk_pnm_open(lk_reader **out, const uint8_t *bytes, size_t size, liken_error *err) {
    pnm_reader parsed;
    const int rc = parse(&parsed, bytes, size, err);
    if (rc != LIKEN_OK)
        return rc;
    pnm_reader *r = malloc(sizeof *r);
    if (r == NULL)
        return lk_fail_memory(err);
    *r = parsed;
    r->base.row = row;
    r->base.close = close_reader;
    r->base.counts = true;
    r->rgb = malloc((size_t)r->base.width * 3);
    if (r->rgb == NULL) {
        free(r);
        return lk_fail_memory(err);
    }
    *out = &r->base;
    return LIKEN_OK;
}
