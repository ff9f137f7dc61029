/* jpeg_coded.c - are all blocks of a JPEG there?
 *
 * A file that was cut loses its end marker, but one without an end marker need not have been cut: some cameras and
 * copying tools forget it. Only the coded data tells. This walks the Huffman codes of every scan and makes no pixels;
 * of a progressive file it holds which coefficients are not zero, a bit each, as the scans that refine them depend on
 * it. It is called for files without an end marker only, after the limits were checked. Reference: ITU-T T.81, annexes
 * C, F and G. */
#include "image/jpeg.h"

#include <stdlib.h>
#include <string.h>

#define UNSENT 127

typedef struct table {
    uint16_t quick[256]; /* by the next eight bits: length << 8 | symbol; 0: the code is longer */
    int32_t last[17];    /* the last code of each length, -1: none */
    int32_t shift[17];   /* code + shift = place in symbols */
    uint8_t symbols[256];
    bool given;
} table;

typedef struct component {
    uint8_t id, across, down, dc, ac;
    int wide, high;    /* blocks, as a scan of this component alone has them */
    int stride, lines; /* blocks, as scans of several components have them */
    uint64_t *nonzero; /* progressive: a bit a coefficient */
    uint8_t lacks[64]; /* progressive: low bits that each coefficient has not got yet; UNSENT: it has nothing */
    bool sent;         /* sequential */
} component;

typedef struct coded {
    const uint8_t *bytes;
    size_t size, at;
    uint64_t bits;
    int count, made_up; /* bits at hand; how many of them lie behind the end of the scan */
    bool dry, damaged;  /* bits were used that are not there; nonsense was found */
    table dc[4], ac[4];
    component component[4];
    int components, width, height, most_across, most_down, interval;
    bool frame, progressive, strange; /* strange: not followed here */
    component *scan[4];               /* of the scan at hand: its components, its band, its bits */
    int in_scan, from, to, high, low;
    uint32_t skip; /* blocks that have no further coefficients */
    int rows;      /* sequential: of pixels that are there */
} coded;

/* ---- bits -------------------------------------------------------------------------------------------- */

/* Sixteen bits or more; zeros behind the end of the scan. */
static void fill(coded *c) {
    if (c->count >= 16)
        return;
    while (c->count <= 48) {
        const bool more =
            c->at < c->size && (c->bytes[c->at] != 0xff || (c->at + 1 < c->size && c->bytes[c->at + 1] == 0));
        const uint8_t byte = more ? c->bytes[c->at] : 0;
        if (more)
            c->at += byte == 0xff ? 2 : 1;
        else
            c->made_up += 8;
        c->bits = c->bits << 8 | byte;
        c->count += 8;
    }
}

static uint32_t peek(coded *c, int n) {
    fill(c);
    return (uint32_t)(c->bits >> (c->count - n)) & ((1u << n) - 1);
}

static uint32_t take(coded *c, int n) {
    if (n == 0)
        return 0;
    const uint32_t v = peek(c, n);
    c->count -= n;
    if (c->count < c->made_up) {
        c->dry = true;
        c->made_up = c->count;
    }
    return v;
}

static void drop_bits(coded *c) {
    c->bits = 0;
    c->count = c->made_up = 0;
}

static int symbol(coded *c, const table *t) {
    if (!t->given) {
        c->damaged = true;
        return 0;
    }
    const uint16_t quick = t->quick[peek(c, 8)];
    if (quick != 0) {
        (void)take(c, quick >> 8);
        return quick & 255;
    }
    const int32_t code = (int32_t)peek(c, 16);
    for (int n = 9; n <= 16; n++)
        if (code >> (16 - n) <= t->last[n]) {
            (void)take(c, n);
            return t->symbols[((code >> (16 - n)) + t->shift[n]) & 255];
        }
    c->damaged = true;
    return 0;
}

/* ---- blocks ------------------------------------------------------------------------------------------ */

static bool stopped(const coded *c) {
    return c->dry || c->damaged;
}

static void sequential_block(coded *c, const component *k) {
    (void)take(c, symbol(c, &c->dc[k->dc]) & 15);
    for (int i = 1; i < 64 && !stopped(c); i++) {
        const int rs = symbol(c, &c->ac[k->ac]), run = rs >> 4, size = rs & 15;
        if (size == 0 && run != 15)
            return;
        i += run;
        (void)take(c, size);
    }
}

static void first_band(coded *c, const component *k, uint64_t *nonzero) {
    if (c->skip > 0) {
        c->skip--;
        return;
    }
    for (int i = c->from; i <= c->to && !stopped(c); i++) {
        const int rs = symbol(c, &c->ac[k->ac]), run = rs >> 4, size = rs & 15;
        if (size == 0 && run != 15) {
            c->skip = (1u << run) + take(c, run) - 1;
            return;
        }
        i += run;
        if (size != 0 && i <= c->to)
            *nonzero |= UINT64_C(1) << i;
        (void)take(c, size);
    }
}

/* Passes coefficients from *i on: a bit for each that is not zero already, until `zeros` others were passed and one
 * more is met. */
static void refine_run(coded *c, uint64_t nonzero, int *i, int zeros) {
    for (; *i <= c->to && !stopped(c); (*i)++)
        if (nonzero >> *i & 1)
            (void)take(c, 1);
        else if (zeros-- == 0)
            return;
}

static void refine_band(coded *c, const component *k, uint64_t *nonzero) {
    int i = c->from;
    while (c->skip == 0 && i <= c->to && !stopped(c)) {
        const int rs = symbol(c, &c->ac[k->ac]), run = rs >> 4, size = rs & 15;
        if (size == 0 && run != 15) {
            c->skip = (1u << run) + take(c, run);
            break;
        }
        if (size != 0)
            (void)take(c, 1);
        refine_run(c, *nonzero, &i, run);
        if (size != 0 && i <= c->to)
            *nonzero |= UINT64_C(1) << i;
        i++;
    }
    if (c->skip > 0) {
        refine_run(c, *nonzero, &i, 64);
        c->skip--;
    }
}

static void block(coded *c, const component *k, int x, int y) {
    if (!c->progressive) {
        sequential_block(c, k);
        return;
    }
    uint64_t *nonzero = &k->nonzero[(size_t)y * (size_t)k->stride + (size_t)x];
    if (c->from == 0)
        (void)take(c, c->high != 0 ? 1 : symbol(c, &c->dc[k->dc]) & 15);
    else if (c->high == 0)
        first_band(c, k, nonzero);
    else
        refine_band(c, k, nonzero);
}

/* ---- scans ------------------------------------------------------------------------------------------- */

/* Behind every interval stands a marker of its own. */
static void restart(coded *c) {
    drop_bits(c);
    c->skip = 0;
    while (c->at + 1 < c->size && c->bytes[c->at] == 0xff && c->bytes[c->at + 1] == 0xff)
        c->at++;
    if (c->at + 1 < c->size && c->bytes[c->at] == 0xff && c->bytes[c->at + 1] >= 0xd0 && c->bytes[c->at + 1] <= 0xd7)
        c->at += 2;
    else
        c->dry = true;
}

/* The blocks of one unit: of each component an area, or one block when the scan is of one component. */
static void unit(coded *c, int x, int y) {
    if (c->in_scan == 1) {
        block(c, c->scan[0], x, y);
        return;
    }
    for (int i = 0; i < c->in_scan; i++) {
        const component *k = c->scan[i];
        for (int v = 0; v < k->down; v++)
            for (int h = 0; h < k->across && !stopped(c); h++)
                block(c, k, x * k->across + h, y * k->down + v);
    }
}

/* Rows of units that are there. */
static int walk_units(coded *c, int wide, int high) {
    uint32_t done = 0;
    for (int y = 0; y < high; y++)
        for (int x = 0; x < wide; x++) {
            if (c->interval > 0 && done > 0 && done % (uint32_t)c->interval == 0)
                restart(c);
            if (!stopped(c))
                unit(c, x, y);
            if (stopped(c))
                return y;
            done++;
        }
    return high;
}

static int whole_units(int length, int unit_length) {
    return (length + unit_length - 1) / unit_length;
}

static void note_sent(coded *c, int rows, int unit_rows) {
    const int pixels = rows * unit_rows < c->height ? rows * unit_rows : c->height;
    c->rows = pixels < c->rows ? pixels : c->rows;
    for (int i = 0; i < c->in_scan; i++) {
        c->scan[i]->sent = true;
        for (int k = c->from; k <= c->to && !stopped(c); k++)
            c->scan[i]->lacks[k] = (uint8_t)c->low;
    }
}

static void walk_scan(coded *c) {
    const bool alone = c->in_scan == 1;
    const component *first = c->scan[0];
    const int wide = alone ? first->wide : whole_units(c->width, 8 * c->most_across),
              high = alone ? first->high : whole_units(c->height, 8 * c->most_down);
    drop_bits(c);
    c->skip = 0;
    const int rows = walk_units(c, wide, high);
    note_sent(c, rows, alone ? 8 * c->most_down / first->down : 8 * c->most_down);
}

/* ---- segments ---------------------------------------------------------------------------------------- */

static void read_frame(coded *c, const uint8_t *p, size_t size) {
    c->height = c->rows = (int)lk_be16(p + 1);
    c->width = (int)lk_be16(p + 3);
    c->components = p[5] <= 4 && size >= 6 + 3 * (size_t)p[5] ? p[5] : 0;
    c->most_across = c->most_down = 1;
    for (int i = 0; i < c->components; i++) {
        component *k = &c->component[i];
        *k = (component){.id = p[6 + 3 * i], .across = p[7 + 3 * i] >> 4, .down = p[7 + 3 * i] & 15};
        memset(k->lacks, UNSENT, sizeof k->lacks);
        c->strange |= k->across < 1 || k->across > 4 || k->down < 1 || k->down > 4;
        c->most_across = k->across > c->most_across ? k->across : c->most_across;
        c->most_down = k->down > c->most_down ? k->down : c->most_down;
    }
    c->frame = c->components > 0 && c->width > 0 && c->height > 0;
}

/* Blocks a component has, and room for what is known of each. False: out of memory. */
static bool lay_out(coded *c) {
    for (int i = 0; i < c->components && !c->strange; i++) {
        component *k = &c->component[i];
        k->wide = whole_units(c->width * k->across, 8 * c->most_across);
        k->high = whole_units(c->height * k->down, 8 * c->most_down);
        k->stride = whole_units(c->width, 8 * c->most_across) * k->across;
        k->lines = whole_units(c->height, 8 * c->most_down) * k->down;
        if (c->progressive && (k->nonzero = calloc((size_t)k->stride * (size_t)k->lines, sizeof *k->nonzero)) == NULL)
            return false;
    }
    return true;
}

static bool read_table(table *t, const uint8_t *counts, const uint8_t *symbols, int total) {
    *t = (table){.given = true};
    memcpy(t->symbols, symbols, (size_t)total);
    int32_t code = 0;
    int place = 0;
    for (int n = 1; n <= 16; n++, code <<= 1) {
        t->shift[n] = place - code;
        for (int i = 0; i < counts[n - 1]; i++, code++, place++)
            for (int k = 0; n <= 8 && k < 1 << (8 - n) && code < 1 << n; k++)
                t->quick[(code << (8 - n)) + k] = (uint16_t)(n << 8 | symbols[place]);
        t->last[n] = counts[n - 1] > 0 ? code - 1 : -1;
        if (code > 1 << n)
            return false;
    }
    return true;
}

static void read_tables(coded *c, const uint8_t *p, size_t size) {
    while (size >= 17 && !c->damaged) {
        int total = 0;
        for (int i = 1; i <= 16; i++)
            total += p[i];
        if (total > 256 || size < 17 + (size_t)total || (p[0] & 15) > 3 || p[0] >> 4 > 1) {
            c->damaged = true;
            return;
        }
        table *t = p[0] >> 4 == 0 ? &c->dc[p[0] & 15] : &c->ac[p[0] & 15];
        c->damaged = !read_table(t, p + 1, p + 17, total);
        p += 17 + total;
        size -= 17 + (size_t)total;
    }
}

static void read_scan(coded *c, const uint8_t *p, size_t size) {
    const int n = size > 0 ? p[0] : 0;
    if (!c->frame || n < 1 || n > c->components || size < 4 + 2 * (size_t)n) {
        c->damaged = true;
        return;
    }
    c->in_scan = n;
    for (int i = 0; i < n; i++) {
        c->scan[i] = NULL;
        for (int k = 0; k < c->components; k++)
            if (c->component[k].id == p[1 + 2 * i])
                c->scan[i] = &c->component[k];
        if (c->scan[i] == NULL) {
            c->damaged = true;
            return;
        }
        c->scan[i]->dc = p[2 + 2 * i] >> 4 & 3;
        c->scan[i]->ac = p[2 + 2 * i] & 3;
    }
    const uint8_t *band = p + 1 + 2 * n;
    c->from = c->progressive ? band[0] : 0;
    c->to = c->progressive ? band[1] : 63;
    c->high = c->progressive ? band[2] >> 4 : 0;
    c->low = c->progressive ? band[2] & 15 : 0;
    c->damaged |= c->from > c->to || c->to > 63 || (c->progressive && c->from > 0 && n > 1) ||
                  (c->progressive && c->from == 0 && c->to != 0);
}

/* The segment at c->at, just behind its marker; false when it is not all there. */
static bool segment(const coded *c, const uint8_t **payload, size_t *length) {
    if (c->size - c->at < 2 || lk_be16(c->bytes + c->at) < 2 || lk_be16(c->bytes + c->at) > c->size - c->at)
        return false;
    *payload = c->bytes + c->at + 2;
    *length = lk_be16(c->bytes + c->at) - 2;
    return true;
}

static bool marker(coded *c, uint8_t *out) {
    while (c->at + 1 < c->size && !(c->bytes[c->at] == 0xff && c->bytes[c->at + 1] != 0xff && c->bytes[c->at + 1] != 0))
        c->at++;
    if (c->at + 1 >= c->size)
        return false;
    *out = c->bytes[c->at + 1];
    c->at += 2;
    return *out != 0xd9;
}

/* False: out of memory. */
static bool use(coded *c, uint8_t m, const uint8_t *p, size_t length) {
    if (m == 0xc4)
        read_tables(c, p, length);
    else if (m == 0xdd && length >= 2)
        c->interval = (int)lk_be16(p);
    else if (m == 0xda) {
        read_scan(c, p, length);
        if (!stopped(c))
            walk_scan(c);
    } else if (lk_jpeg_is_frame(m) && !c->frame && length >= 6) {
        c->progressive = m == 0xc2;
        c->strange = m != 0xc0 && m != 0xc1 && m != 0xc2;
        read_frame(c, p, length);
        return lay_out(c);
    }
    return true;
}

static bool any_unsent(const coded *c) {
    for (int i = 0; i < c->components; i++)
        if (!c->component[i].sent)
            return true;
    return false;
}

static bool all_sent(const coded *c) {
    for (int i = 0; i < c->components && c->progressive; i++)
        for (int k = 0; k < 64; k++)
            if (c->component[i].lacks[k] != 0)
                return false;
    return c->frame && !any_unsent(c) && !stopped(c);
}

int lk_jpeg_measure(const uint8_t *bytes, size_t size, lk_jpeg_extent *out, liken_error *err) {
    coded *c = calloc(1, sizeof *c);
    bool room = c != NULL;
    uint8_t m;
    size_t end = 0;
    if (room)
        *c = (coded){.bytes = bytes, .size = size, .at = 2};
    while (room && !stopped(c) && !c->strange && marker(c, &m)) {
        const uint8_t *payload;
        size_t length;
        if (m == 0x01 || m == 0xd8 || (m >= 0xd0 && m <= 0xd7))
            continue;
        if (!segment(c, &payload, &length))
            break;
        c->at += length + 2;
        room = use(c, m, payload, length);
        end = m == 0xda ? c->at : end;
    }
    if (room)
        *out = (lk_jpeg_extent){.whole = !c->strange && all_sent(c),
                                .counted = c->frame && !c->strange && !c->progressive,
                                .rows = any_unsent(c) ? 0 : c->rows,
                                .end = end};
    for (int i = 0; c != NULL && i < 4; i++)
        free(c->component[i].nonzero);
    free(c);
    return room ? LIKEN_OK : lk_fail_memory(err);
}

int lk_jpeg_mend(const uint8_t *bytes, size_t size, lk_head *head, liken_error *err) {
    lk_jpeg_extent extent;
    if (!head->endless)
        return LIKEN_OK;
    const int rc = lk_jpeg_measure(bytes, size, &extent, err);
    if (rc != LIKEN_OK)
        return rc;
    if (!extent.whole && extent.counted)
        return lk_fail(err, LIKEN_E_DECODE, "This JPEG is cut short: only %d of its %d rows are there. Copy it anew.",
                       extent.rows, head->height);
    if (!extent.whole)
        return lk_fail(err, LIKEN_E_DECODE, "This JPEG is cut short: not all of its scans are there. Copy it anew.");
    head->copy = malloc(extent.end + 2);
    if (head->copy == NULL)
        return lk_fail_memory(err);
    memcpy(head->copy, bytes, extent.end);
    memcpy(head->copy + extent.end, "\xff\xd9", 2);
    head->copy_size = extent.end + 2;
    return LIKEN_OK;
}
