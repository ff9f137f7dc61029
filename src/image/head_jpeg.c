/* head_jpeg.c - walks the markers of a JPEG: its size from the frame header, and how many scans follow.
 *
 * A progressive JPEG may hold any number of scans, each a pass over all pixels, in a few bytes apiece: counting them
 * is what stops a scan bomb.
 * Reference: ITU-T T.81, annex B. */
#include "image/jpeg.h"

#include <string.h>

typedef struct walk {
    const uint8_t *bytes;
    size_t size, at;
    uint64_t sample_area; /* samples of all components a pixel, in 1/64: for the memory of progressive files */
    bool frame, ended, progressive;
} walk;

static int read_frame(walk *w, uint8_t marker, const uint8_t *p, size_t length, lk_head *head, liken_error *err) {
    if (w->frame)
        return lk_fail(err, LIKEN_E_DECODE, "This JPEG is damaged: it has two frame headers.");
    const int components = length >= 6 ? p[5] : 0;
    if (components == 2)
        return lk_fail(err, LIKEN_E_FORMAT,
                       "This JPEG has two colour components, which liken does not read. Save it in gray or in colour.");
    if (components != 1 && components != 3 && components != 4)
        return lk_fail(err, LIKEN_E_DECODE, "This JPEG is damaged: its header declares %d colour components.",
                       components);
    if (length < 6 + 3 * (size_t)components)
        return lk_fail(err, LIKEN_E_DECODE, "This JPEG is damaged: its frame header is cut short.");
    if (p[0] != 8)
        return lk_fail(err, LIKEN_E_FORMAT, "This JPEG has %d bits a sample; liken reads those with 8.", p[0]);
    if (marker != 0xc0 && marker != 0xc1 && marker != 0xc2 && marker != 0xc9 && marker != 0xca)
        return lk_fail(err, LIKEN_E_FORMAT,
                       "This JPEG is of the lossless or hierarchical kind, which liken does not read.");
    head->height = (int)lk_be16(p + 1);
    head->width = (int)lk_be16(p + 3);
    w->progressive = marker == 0xc2 || marker == 0xca;
    w->frame = true;
    uint64_t largest = 1, total = 0;
    for (int i = 0; i < components; i++) {
        const uint8_t sampling = p[7 + 3 * i];
        const uint64_t area = (uint64_t)(sampling >> 4) * (sampling & 15);
        largest = area > largest ? area : largest;
        total += area;
    }
    w->sample_area = total * 64 / largest;
    return LIKEN_OK;
}

/* Passes the entropy-coded bytes of a scan: up to the next marker that is neither a stuffed zero nor a restart. */
static void skip_coded(walk *w) {
    while (w->at + 1 < w->size) {
        const uint8_t *p = memchr(w->bytes + w->at, 0xff, w->size - 1 - w->at);
        if (p == NULL)
            break;
        w->at = (size_t)(p - w->bytes);
        const uint8_t m = p[1];
        if (m != 0 && m != 0xff && !(m >= 0xd0 && m <= 0xd7))
            return;
        w->at += m == 0xff ? 1 : 2;
    }
    w->at = w->size;
}

/* The next marker segment; false at the end of the picture or of the bytes. */
static bool next_segment(walk *w, uint8_t *marker, const uint8_t **payload, size_t *length) {
    while (w->at + 1 < w->size && !(w->bytes[w->at] == 0xff && w->bytes[w->at + 1] != 0xff && w->bytes[w->at + 1] != 0))
        w->at++; /* fill bytes and stray data, which decoders pass over too */
    if (w->at + 1 >= w->size)
        return false;
    *marker = w->bytes[w->at + 1];
    w->at += 2;
    if (*marker == 0xd9) {
        w->ended = true;
        return false;
    }
    *length = 0;
    *payload = w->bytes + w->at;
    if (*marker == 0xd8 || *marker == 0x01 || (*marker >= 0xd0 && *marker <= 0xd7))
        return true;
    if (w->at + 2 > w->size || lk_be16(w->bytes + w->at) < 2 || lk_be16(w->bytes + w->at) > w->size - w->at)
        return false;
    *length = lk_be16(w->bytes + w->at) - 2;
    *payload = w->bytes + w->at + 2;
    w->at += *length + 2;
    return true;
}

int lk_jpeg_head(const uint8_t *bytes, size_t size, lk_head *head, liken_error *err) {
    walk w = {.bytes = bytes, .size = size, .at = 2};
    uint8_t marker;
    const uint8_t *payload;
    size_t length;
    while (next_segment(&w, &marker, &payload, &length)) {
        if (lk_jpeg_is_frame(marker)) {
            const int rc = read_frame(&w, marker, payload, length, head, err);
            if (rc != LIKEN_OK)
                return rc;
        } else if (marker == 0xda) {
            head->passes++;
            skip_coded(&w);
        }
    }
    if (!w.frame || head->passes == 0)
        return lk_fail(err, LIKEN_E_DECODE, "This JPEG is damaged: it ends before its picture begins.");
    head->endless = !w.ended;
    if (w.progressive || head->passes > 1) /* all coefficients are held, 16 bits each */
        head->work = (uint64_t)head->width * (uint64_t)head->height * w.sample_area / 64 * 2;
    return LIKEN_OK;
}
