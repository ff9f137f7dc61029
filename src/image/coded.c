/* coded.c - sizes out of AV1 and HEVC headers.
 *
 * A frame of AV1 may say a size of its own in as many bits as the sequence header reserves for it, and not every
 * decoder holds that against the largest size of the sequence; so where a frame does, or its header cannot be followed
 * up to there, the largest number of that many bits counts.
 * Reference: AV1 bitstream specification, 5.3-5.5 and 5.9.2; ITU-T H.265, 7.3.1-7.3.2. */
#include "image/coded.h"

#include "base/cursor.h"

#include <stdlib.h>

/* ---- bits ------------------------------------------------------------------------------------------------ */

/* The bits of some bytes, most significant first; past their end zeros, and `failed`. */
typedef struct bits {
    const uint8_t *bytes;
    size_t size, at; /* at: in bits */
    bool failed;
} bits;

static uint32_t take(bits *b, int n) {
    uint32_t v = 0;
    if (b->failed || b->size * 8 - b->at < (size_t)n) {
        b->failed = true;
        return 0;
    }
    for (int i = 0; i < n; i++, b->at++)
        v = v << 1 | ((uint32_t)b->bytes[b->at / 8] >> (7 - b->at % 8) & 1u);
    return v;
}

static void skip(bits *b, size_t n) {
    b->failed = b->failed || b->size * 8 - b->at < n;
    b->at += b->failed ? 0 : n;
}

/* Exponential Golomb, up to 2^32 - 2: as many zeros as bits follow the first one. */
static uint32_t take_golomb(bits *b) {
    int zeros = 0;
    while (!b->failed && take(b, 1) == 0)
        zeros++;
    if (zeros > 31) {
        b->failed = true;
        return 0;
    }
    return (uint32_t)((UINT64_C(1) << zeros) - 1) + take(b, zeros);
}

static void note(lk_coded *c, uint64_t width, uint64_t height, int depth, int samples) {
    width = width > INT32_MAX ? INT32_MAX : width;
    height = height > INT32_MAX ? INT32_MAX : height;
    if (width * height > (uint64_t)c->width * c->height) {
        c->width = (uint32_t)width;
        c->height = (uint32_t)height;
    }
    c->bits = depth > c->bits ? depth : c->bits;
    c->samples = samples > c->samples ? samples : c->samples;
}

/* ---- AV1 ------------------------------------------------------------------------------------------------- */

enum { SEQUENCE = 1, FRAME_HEADER = 3, FRAME = 6, REDUNDANT_FRAME_HEADER = 7, BY_FRAME = 2 };

typedef struct sequence {
    bool known, reduced;
    uint32_t model, even; /* decoder model there; pictures evenly spaced */
    int model_bits, time_bits, width_bits, height_bits, id_bits;
    uint32_t screen_tools, whole_vectors; /* 0, 1, or BY_FRAME: each frame says it */
    int depth, samples;
} sequence;

static void read_timing(bits *b, sequence *s) {
    skip(b, 64);
    s->even = take(b, 1);
    if (s->even)
        (void)take_golomb(b);
    s->model = take(b, 1);
    if (s->model) {
        s->model_bits = (int)take(b, 5) + 1;
        skip(b, 32 + 5);
        s->time_bits = (int)take(b, 5) + 1;
    }
}

static void read_points(bits *b, sequence *s) {
    if (take(b, 1))
        read_timing(b, s);
    const uint32_t delays = take(b, 1), count = take(b, 5) + 1;
    for (uint32_t i = 0; i < count; i++) {
        skip(b, 12);
        if (take(b, 5) > 7) /* level */
            skip(b, 1);
        if (s->model && take(b, 1))
            skip(b, 2 * (size_t)s->model_bits + 1);
        if (delays && take(b, 1))
            skip(b, 4);
    }
}

/* What frames may do, between the sizes and the colours. */
static void read_tools(bits *b, sequence *s) {
    s->screen_tools = s->whole_vectors = BY_FRAME;
    skip(b, 3);
    if (!s->reduced) {
        skip(b, 4);
        const uint32_t order = take(b, 1);
        skip(b, order ? 2 : 0);
        if (!take(b, 1))
            s->screen_tools = take(b, 1);
        if (s->screen_tools > 0 && !take(b, 1))
            s->whole_vectors = take(b, 1);
        skip(b, order ? 3 : 0);
    }
    skip(b, 3);
}

static void read_colours(bits *b, uint32_t profile, sequence *s) {
    const bool high = take(b, 1), higher = profile == 2 && high && take(b, 1);
    s->depth = higher ? 12 : high ? 10 : 8;
    const bool gray = profile != 1 && take(b, 1);
    s->samples = gray ? 2 : profile == 0 ? 3 : profile == 1 ? 6 : 4;
    if (!higher || gray)
        return;
    const uint32_t described = take(b, 1) ? take(b, 24) : 0;
    if (described == 0x010d00) /* sRGB, whose planes are whole */
        s->samples = 6;
    else if (take(b, 2) & 1) /* range; fewer colour samples across, then down */
        s->samples = take(b, 1) ? 3 : 4;
    else
        s->samples = 6;
}

static void read_sequence(bits b, sequence *s, lk_coded *c) {
    *s = (sequence){.known = true};
    const uint32_t profile = take(&b, 3);
    skip(&b, 1);
    s->reduced = take(&b, 1);
    if (s->reduced)
        skip(&b, 5);
    else
        read_points(&b, s);
    s->width_bits = (int)take(&b, 4) + 1;
    s->height_bits = (int)take(&b, 4) + 1;
    const uint64_t width = (uint64_t)take(&b, s->width_bits) + 1, height = (uint64_t)take(&b, s->height_bits) + 1;
    if (!s->reduced && take(&b, 1)) {
        const int difference = (int)take(&b, 4) + 2;
        s->id_bits = (int)take(&b, 3) + difference + 1;
    }
    read_tools(&b, s);
    read_colours(&b, profile, s);
    if (b.failed)
        c->damaged = true;
    else
        note(c, width, height, s->depth, s->samples);
}

/* Whether a frame has a size of its own; true also when that cannot be told. */
static bool sizes_itself(bits b, const sequence *s) {
    enum { KEY = 0, SWITCH = 3 };
    if (s->reduced || take(&b, 1)) /* or shows a frame that is there already */
        return false;
    const uint32_t type = take(&b, 2), shown = take(&b, 1);
    if (!shown)
        skip(&b, 1);
    else if (s->model && !s->even)
        skip(&b, (size_t)s->time_bits);
    if (type != SWITCH && !(type == KEY && shown))
        skip(&b, 1);
    skip(&b, 1);
    const uint32_t tools = s->screen_tools == BY_FRAME ? take(&b, 1) : s->screen_tools;
    if (tools && s->whole_vectors == BY_FRAME)
        skip(&b, 1);
    skip(&b, (size_t)s->id_bits);
    return type == SWITCH || take(&b, 1) || b.failed;
}

static uint64_t take_leb128(lk_cursor *c) {
    uint64_t v = 0;
    for (int i = 0; i < 8; i++) {
        const uint64_t byte = lk_cursor_be(c, 1);
        v |= (byte & 0x7f) << 7 * i;
        if (byte < 0x80)
            return v;
    }
    lk_cursor_fail(c);
    return 0;
}

lk_coded lk_coded_av1(const uint8_t *bytes, size_t size) {
    lk_coded coded = {0};
    sequence s = {0};
    lk_cursor c = lk_cursor_of(bytes, size);
    while (lk_cursor_left(&c) > 0) {
        const uint64_t head = lk_cursor_be(&c, 1), type = head >> 3 & 15;
        if (head & 4)
            (void)lk_cursor_take(&c, 1);
        const uint64_t length = head & 2 ? take_leb128(&c) : lk_cursor_left(&c);
        if (!lk_cursor_holds(&c, length, 1))
            break;
        const bits payload = {.bytes = lk_cursor_take(&c, (size_t)length), .size = (size_t)length};
        if (type == SEQUENCE)
            read_sequence(payload, &s, &coded);
        if (type != FRAME_HEADER && type != FRAME && type != REDUNDANT_FRAME_HEADER)
            continue;
        coded.pictures++;
        if (s.known && sizes_itself(payload, &s))
            note(&coded, UINT64_C(1) << s.width_bits, UINT64_C(1) << s.height_bits, s.depth, s.samples);
    }
    coded.damaged = coded.damaged || c.failed;
    return coded;
}

/* ---- HEVC ------------------------------------------------------------------------------------------------ */

#define SPS 33
#define SPS_BYTES 512 /* its size stands well before that */

/* Copies the payload without its emulation prevention bytes; returns its size. */
static size_t unescape(const uint8_t *p, size_t size, uint8_t out[SPS_BYTES]) {
    size_t n = 0, zeros = 0;
    for (size_t i = 0; i < size && n < SPS_BYTES; i++) {
        if (zeros >= 2 && p[i] == 3) {
            zeros = 0;
            continue;
        }
        zeros = p[i] == 0 ? zeros + 1 : 0;
        out[n++] = p[i];
    }
    return n;
}

static void skip_profile(bits *b, uint32_t sublayers) {
    bool profile[8], level[8];
    skip(b, 96);
    for (uint32_t i = 0; i < sublayers; i++) {
        profile[i] = take(b, 1);
        level[i] = take(b, 1);
    }
    if (sublayers > 0)
        skip(b, 2 * (8 - (size_t)sublayers));
    for (uint32_t i = 0; i < sublayers; i++)
        skip(b, (profile[i] ? 88u : 0u) + (level[i] ? 8u : 0u));
}

/* One that cannot be read is none to a decoder either. */
static void read_sps(const uint8_t *p, size_t size, lk_coded *c) {
    uint8_t clean[SPS_BYTES];
    bits b = {.bytes = clean, .size = unescape(p, size, clean)};
    skip(&b, 4);
    const uint32_t sublayers = take(&b, 3);
    skip(&b, 1);
    skip_profile(&b, sublayers);
    (void)take_golomb(&b);
    const uint32_t format = take_golomb(&b);
    if (format == 3)
        skip(&b, 1);
    const uint32_t width = take_golomb(&b), height = take_golomb(&b);
    if (b.failed)
        return;
    if (take(&b, 1)) /* a window, which crops after decoding */
        for (int i = 0; i < 4; i++)
            (void)take_golomb(&b);
    const uint32_t luma = take_golomb(&b), chroma = take_golomb(&b), deeper = luma > chroma ? luma : chroma;
    static const int samples[] = {2, 3, 4, 6};
    note(c, width, height, deeper > 8 || b.failed ? 16 : (int)deeper + 8, samples[format < 3 ? format : 3]);
}

/* Layers above the first are none of the decoder's business. */
static void read_nal(const uint8_t *p, size_t size, lk_coded *c) {
    if (size < 3 || ((p[0] & 1) << 5 | p[1] >> 3) != 0)
        return;
    const int type = p[0] >> 1 & 63;
    if (type == SPS)
        read_sps(p + 2, size - 2, c);
    else if (type < 32 && p[2] & 0x80) /* the first slice of a picture */
        c->pictures++;
}

void lk_coded_hevc(const uint8_t *bytes, size_t size, lk_coded *coded) {
    lk_cursor c = lk_cursor_of(bytes, size);
    while (lk_cursor_left(&c) > 0) {
        const uint64_t length = lk_cursor_be(&c, 4);
        const uint8_t *nal = lk_cursor_take(&c, (size_t)length);
        if (nal != NULL)
            read_nal(nal, (size_t)length, coded);
    }
    coded->damaged = coded->damaged || c.failed;
}

void lk_coded_hvcc(const uint8_t *bytes, size_t size, lk_coded *coded) {
    lk_cursor c = lk_cursor_of(bytes, size);
    (void)lk_cursor_take(&c, 22);
    for (uint64_t arrays = lk_cursor_be(&c, 1); arrays > 0 && !c.failed; arrays--) {
        (void)lk_cursor_take(&c, 1);
        const uint64_t count = lk_cursor_be(&c, 2);
        for (uint64_t i = 0; i < count && !c.failed; i++) {
            const size_t length = (size_t)lk_cursor_be(&c, 2);
            const uint8_t *nal = lk_cursor_take(&c, length);
            if (nal != NULL)
                read_nal(nal, length, coded);
        }
    }
    coded->damaged = coded->damaged || c.failed;
}
