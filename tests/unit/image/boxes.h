/* boxes.h - HEIC and AVIF files made byte by byte, and the headers of the coded pictures in them. */
#ifndef LK_TESTS_BOXES_H
#define LK_TESTS_BOXES_H

#include "pictures.h"

typedef struct boxes {
    uint8_t data[16384];
    size_t size;
} boxes;

static inline void add(boxes *b, const void *bytes, size_t size) {
    assert_true(b->size + size <= sizeof b->data);
    if (size > 0)
        memcpy(b->data + b->size, bytes, size);
    b->size += size;
}

#define ADD(b, text) add(b, text, sizeof(text) - 1)

static inline void add_number(boxes *b, int size, uint64_t v) {
    for (int i = size - 1; i >= 0; i--)
        add(b, &(uint8_t){(uint8_t)(v >> 8 * i)}, 1);
}

static inline void put32(uint8_t *p, uint32_t v) {
    p[0] = (uint8_t)(v >> 24), p[1] = (uint8_t)(v >> 16), p[2] = (uint8_t)(v >> 8), p[3] = (uint8_t)v;
}

static inline size_t begin_box(boxes *b, const char *type) {
    const size_t at = b->size;
    ADD(b, "\0\0\0\0");
    add(b, type, 4);
    return at;
}

static inline size_t begin_full(boxes *b, const char *type, uint32_t version_and_flags) {
    const size_t at = begin_box(b, type);
    add_number(b, 4, version_and_flags);
    return at;
}

static inline void end_box(boxes *b, size_t at) {
    put32(b->data + at, (uint32_t)(b->size - at));
}

/* Where the n-th box of this type begins, from 0. */
static inline size_t find_box(const boxes *b, const char *type, int n) {
    for (size_t i = 4; i + 4 <= b->size; i++)
        if (memcmp(b->data + i, type, 4) == 0 && n-- == 0)
            return i - 4;
    fail_msg("no box %s", type);
    return 0;
}

/* ---- coded pictures --------------------------------------------------------------------------------------- */

typedef struct bit_writer {
    boxes b;
    int used; /* bits of the last byte */
} bit_writer;

static inline void add_bits(bit_writer *w, int n, uint64_t v) {
    for (int i = n - 1; i >= 0; i--) {
        if (w->used % 8 == 0)
            add(&w->b, "", 1);
        w->b.data[w->b.size - 1] |= (uint8_t)((v >> i & 1) << (7 - w->used % 8));
        w->used++;
    }
}

static inline void add_golomb(bit_writer *w, uint64_t v) {
    int n = 0;
    while ((v + 1) >> (n + 1) != 0)
        n++;
    add_bits(w, n, 0);
    add_bits(w, n + 1, v + 1);
}

/* An OBU with its size in `length_bytes`. */
static inline void add_obu(boxes *b, int type, const boxes *payload, int length_bytes) {
    add_number(b, 1, (uint64_t)type << 3 | 2);
    for (int i = 0; i < length_bytes; i++)
        add_number(b, 1, (payload->size >> 7 * i & 0x7f) | (i + 1 < length_bytes ? 0x80 : 0));
    add(b, payload->data, payload->size);
}

/* `reduced`: the short form of stills. Without it two operating points, a decoder model and frame numbers are there. */
static inline void add_sequence(boxes *b, uint32_t width, uint32_t height, int bits, bool reduced) {
    bit_writer w = {0};
    add_bits(&w, 3, 0), add_bits(&w, 1, 1), add_bits(&w, 1, reduced);
    if (reduced) {
        add_bits(&w, 5, 31);
    } else {
        add_bits(&w, 1, 1), add_bits(&w, 32, 1), add_bits(&w, 32, 25), add_bits(&w, 1, 1), add_golomb(&w, 0);
        add_bits(&w, 1, 1), add_bits(&w, 5, 9), add_bits(&w, 32, 1), add_bits(&w, 5, 9), add_bits(&w, 5, 9);
        add_bits(&w, 1, 1), add_bits(&w, 5, 1);
        add_bits(&w, 12, 0x103), add_bits(&w, 5, 31), add_bits(&w, 1, 0), add_bits(&w, 1, 1), add_bits(&w, 21, 0),
            add_bits(&w, 1, 1), add_bits(&w, 4, 3);
        add_bits(&w, 12, 0x101), add_bits(&w, 5, 4), add_bits(&w, 1, 0), add_bits(&w, 1, 0);
    }
    add_bits(&w, 4, (uint64_t)bits - 1), add_bits(&w, 4, (uint64_t)bits - 1);
    add_bits(&w, bits, width - 1), add_bits(&w, bits, height - 1);
    if (!reduced)
        add_bits(&w, 1, 1), add_bits(&w, 4, 5), add_bits(&w, 3, 2);
    add_bits(&w, 3, 0);
    if (!reduced)
        add_bits(&w, 4, 0), add_bits(&w, 1, 1), add_bits(&w, 2, 0), add_bits(&w, 1, 1), add_bits(&w, 1, 1),
            add_bits(&w, 3, 6);
    add_bits(&w, 3, 0);
    add_bits(&w, 2, 0), add_bits(&w, 1, 0), add_bits(&w, 1, 1), add_bits(&w, 2, 0), add_bits(&w, 2, 0),
        add_bits(&w, 1, 1);
    add_obu(b, 1, &w.b, 1);
}

/* A key frame after a long sequence header, up to whether it says a size of its own. */
static inline void add_key_frame(boxes *b, bool own_size) {
    bit_writer w = {0};
    add_bits(&w, 1, 0), add_bits(&w, 2, 0), add_bits(&w, 1, 1), add_bits(&w, 1, 0);
    add_bits(&w, 1, 1), add_bits(&w, 1, 1), add_bits(&w, 10, 5), add_bits(&w, 1, own_size), add_bits(&w, 30, 0);
    add_obu(b, 6, &w.b, 1);
}

static inline boxes av1(uint32_t width, uint32_t height) {
    boxes b = {.size = 0};
    ADD(&b, "\x12\0");
    add_sequence(&b, width, height, 16, true);
    ADD(&b, "\x32\4....");
    return b;
}

/* An SPS with `sublayers` more than one, escaped where it must be. */
static inline boxes sps(uint32_t width, uint32_t height, uint32_t sublayers) {
    bit_writer w = {0};
    add_bits(&w, 4, 0), add_bits(&w, 3, sublayers), add_bits(&w, 1, 1);
    add_bits(&w, 8, 3), add_bits(&w, 32, 0x70000000), add_bits(&w, 48, 0), add_bits(&w, 8, 90);
    for (uint32_t i = 0; i < sublayers; i++)
        add_bits(&w, 2, 3);
    if (sublayers > 0)
        add_bits(&w, 2 * (8 - (int)sublayers), 0);
    for (uint32_t i = 0; i < sublayers; i++)
        add_bits(&w, 48, 0), add_bits(&w, 48, 0);
    add_golomb(&w, 0), add_golomb(&w, 1), add_golomb(&w, width), add_golomb(&w, height);
    add_bits(&w, 1, 0), add_golomb(&w, 0), add_golomb(&w, 0), add_bits(&w, 8, 0x80);
    boxes out = {.size = 0};
    ADD(&out, "\x42\1");
    for (size_t i = 0, zeros = 0; i < w.b.size; i++) {
        if (zeros >= 2 && w.b.data[i] <= 3) {
            ADD(&out, "\3");
            zeros = 0;
        }
        zeros = w.b.data[i] == 0 ? zeros + 1 : 0;
        add(&out, w.b.data + i, 1);
    }
    return out;
}

static inline void add_nal(boxes *b, const boxes *nal, int length_bytes) {
    add_number(b, length_bytes, nal->size);
    add(b, nal->data, nal->size);
}

/* The SPS lies in the last of three arrays, one of them empty, under a wrong type. */
static inline boxes hvcc(uint32_t width, uint32_t height) {
    boxes b = {.size = 0};
    const boxes unit = sps(width, height, 0);
    add(&b, "\1\3p\0\0\0\0\0\0\0\0\0\x5a\xf0\0\xfc\xfd\xf8\xf8\0\0\x0f\3", 23);
    ADD(&b, "\xa0\0\0\xa2\0\2\0\3\x44\1\xc1\0\0\xa7\0\1");
    add_nal(&b, &unit, 2);
    return b;
}

/* One picture, perhaps with parameter sets before it. */
static inline boxes hevc(uint32_t width, uint32_t height) {
    boxes b = {.size = 0};
    const boxes unit = sps(width, height, 3), slice = {.data = "\x26\1\xaf....", .size = 7};
    if (width > 0)
        add_nal(&b, &unit, 4);
    add_nal(&b, &slice, 4);
    return b;
}

/* ---- the file --------------------------------------------------------------------------------------------- */

typedef struct pic {
    const char *type;
    uint32_t width, height; /* of its ispe */
    boxes config, data;
    uint32_t parts, part; /* dimg: `parts` times the item `part` */
    uint32_t alpha_of;    /* 0: it is none */
    const char *mime;     /* content encoding */
} pic;

static inline void add_infe(boxes *b, uint32_t id, const pic *p) {
    const size_t at = begin_full(b, "infe", 2 << 24);
    add_number(b, 2, id), add_number(b, 2, 0);
    add(b, p->type, 4), ADD(b, "\0");
    if (p->mime != NULL)
        ADD(b, "application/rdf+xml\0"), add(b, p->mime, strlen(p->mime) + 1);
    end_box(b, at);
}

static inline void add_references(boxes *b, const pic *pics, uint32_t count) {
    const size_t iref = begin_full(b, "iref", 0);
    for (uint32_t i = 0; i < count; i++) {
        if (pics[i].parts > 0) {
            const size_t at = begin_box(b, "dimg");
            add_number(b, 2, i + 1), add_number(b, 2, pics[i].parts);
            for (uint32_t k = 0; k < pics[i].parts; k++)
                add_number(b, 2, pics[i].part);
            end_box(b, at);
        }
        if (pics[i].alpha_of > 0) {
            const size_t at = begin_box(b, "auxl");
            add_number(b, 2, i + 1), add_number(b, 2, 1), add_number(b, 2, pics[i].alpha_of);
            end_box(b, at);
        }
    }
    end_box(b, iref);
}

static inline void add_properties(boxes *b, const pic *pics, uint32_t count) {
    const size_t iprp = begin_box(b, "iprp"), ipco = begin_box(b, "ipco");
    for (uint32_t i = 0; i < count; i++) { /* three each */
        size_t at = begin_full(b, "ispe", 0);
        add_number(b, 4, pics[i].width), add_number(b, 4, pics[i].height);
        end_box(b, at);
        at = begin_box(b, strcmp(pics[i].type, "av01") == 0 ? "av1C" : "hvcC");
        add(b, pics[i].config.data, pics[i].config.size);
        end_box(b, at);
        at = begin_full(b, "auxC", 0);
        ADD(b, "urn:mpeg:mpegB:cicp:systems:auxiliary:alpha\0");
        end_box(b, at);
    }
    end_box(b, ipco);
    const size_t ipma = begin_full(b, "ipma", 0);
    add_number(b, 4, count);
    for (uint32_t i = 0; i < count; i++) {
        add_number(b, 2, i + 1);
        add_number(b, 1, 1 + (uint64_t)(pics[i].config.size > 0) + (uint64_t)(pics[i].alpha_of > 0));
        add_number(b, 1, 3 * i + 1);
        if (pics[i].config.size > 0)
            add_number(b, 1, 3 * i + 2);
        if (pics[i].alpha_of > 0)
            add_number(b, 1, 3 * i + 3);
    }
    end_box(b, ipma), end_box(b, iprp);
}

/* Item n + 1 is pics[n], the first is the photo. */
static inline boxes heif(const pic *pics, uint32_t count) {
    boxes b = {.size = 0};
    ADD(&b, "\0\0\0\x18"
            "ftypheic\0\0\0\0mif1heic");
    const size_t meta = begin_full(&b, "meta", 0);
    size_t at = begin_full(&b, "pitm", 0);
    add_number(&b, 2, 1);
    end_box(&b, at);
    at = begin_full(&b, "iinf", 0);
    add_number(&b, 2, count);
    for (uint32_t i = 0; i < count; i++)
        add_infe(&b, i + 1, &pics[i]);
    end_box(&b, at);
    add_references(&b, pics, count);
    add_properties(&b, pics, count);
    at = begin_full(&b, "iloc", 1 << 24);
    add_number(&b, 2, 0x4400), add_number(&b, 2, count);
    size_t from = 0;
    for (uint32_t i = 0; i < count; from += pics[i++].data.size) {
        add_number(&b, 2, i + 1), add_number(&b, 2, 1), add_number(&b, 2, 0), add_number(&b, 2, 1);
        add_number(&b, 4, from), add_number(&b, 4, pics[i].data.size);
    }
    end_box(&b, at);
    at = begin_box(&b, "idat");
    for (uint32_t i = 0; i < count; i++)
        add(&b, pics[i].data.data, pics[i].data.size);
    end_box(&b, at), end_box(&b, meta);
    return b;
}

/* The payload of a grid, or of an overlay. */
static inline boxes derived(bool overlay, uint32_t width, uint32_t height) {
    boxes b = {.size = 0};
    ADD(&b, "\0\1");
    if (overlay)
        ADD(&b, "\0\0\0\0\0\0\0\0");
    else
        ADD(&b, "\0\0");
    add_number(&b, 4, width), add_number(&b, 4, height);
    return b;
}

static inline pic coded_hevc(uint32_t width, uint32_t height) {
    return (pic){.type = "hvc1", .width = width, .height = height, .config = hvcc(width, height), .data = hevc(0, 0)};
}

static inline pic coded_av1(uint32_t width, uint32_t height) {
    return (pic){.type = "av01", .width = width, .height = height, .data = av1(width, height)};
}

#endif
