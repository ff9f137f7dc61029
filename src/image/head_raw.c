/* head_raw.c - the raw files that are no TIFFs: Fujifilm's RAF, and Canon's CR3, which is built like a video.
 *
 * Of either only the places of its JPEGs are looked for; offsets are checked against the file, and a JPEG counts when
 * it begins there. Reference: what ExifTool and the libopenraw project document of RAF; Laurent Clevy's description of
 * CR3. */
#include "image/boxes.h"
#include "image/exif.h"
#include "image/tiff.h"

#include <string.h>

static int read_raf(const uint8_t *bytes, size_t size, lk_head *head, liken_error *err) {
    lk_preview best = {0};
    if (size >= 92)
        lk_preview_offer(&best, bytes, size, lk_be32(bytes + 84), lk_be32(bytes + 88));
    const int rc = lk_preview_take(&best, "Fujifilm RAF", bytes, head, err);
    if (rc != LIKEN_OK)
        return rc;
    head->captured_at = lk_photo_time(LK_KIND_JPEG, bytes + best.from, best.size);
    return LIKEN_OK;
}

/* ---- CR3 ------------------------------------------------------------------------------------------------- */

typedef struct cr3 {
    const uint8_t *bytes;
    size_t size;
    lk_preview best;
    uint64_t sample_bytes, sample_at; /* of the track at hand: its first sample */
    int64_t captured_at;
    int orientation;
} cr3;

/* PRVW and THMB: sixteen bytes of sizes, then a JPEG. */
static void offer_box(cr3 *f, lk_cursor body) {
    if (lk_cursor_take(&body, 16) != NULL)
        lk_preview_offer(&f->best, f->bytes, f->size, (uint64_t)(body.at - f->bytes), lk_cursor_left(&body));
}

static void read_settings(cr3 *f, const lk_box *b) {
    const size_t size = lk_cursor_left(&b->body);
    if (lk_box_is(b, "CMT1"))
        f->orientation = lk_exif_orientation(b->body.at, size);
    else if (lk_box_is(b, "CMT2"))
        f->captured_at = lk_exif_captured_at(b->body.at, size);
    else if (lk_box_is(b, "THMB") || lk_box_is(b, "PRVW"))
        offer_box(f, b->body);
}

/* Canon's own boxes: behind sixteen bytes of a name come boxes, behind eight more in the one that holds the preview. */
static void read_uuid(cr3 *f, lk_cursor body) {
    static const uint8_t preview[] = {0xea, 0xf4, 0x2b, 0x5e};
    const uint8_t *name = lk_cursor_take(&body, 16);
    if (name != NULL && memcmp(name, preview, sizeof preview) == 0)
        (void)lk_cursor_take(&body, 8);
    for (lk_box b; lk_box_next(&body, true, &b);)
        read_settings(f, &b);
}

static void read_sample_table(cr3 *f, lk_cursor stbl) {
    for (lk_box b; lk_box_next(&stbl, true, &b);) {
        const bool wide = lk_box_is(&b, "co64");
        if (lk_box_is(&b, "stsz")) {
            (void)lk_cursor_take(&b.body, 4);
            const uint64_t each = lk_cursor_be(&b.body, 4), count = lk_cursor_be(&b.body, 4);
            f->sample_bytes = each != 0 || count == 0 ? each : lk_cursor_be(&b.body, 4);
        } else if (wide || lk_box_is(&b, "stco")) {
            (void)lk_cursor_take(&b.body, 8);
            f->sample_at = lk_cursor_be(&b.body, wide ? 8 : 4);
        }
    }
}

/* The photo in full size is the first sample of a track. */
static void read_track(cr3 *f, lk_cursor c, int depth) {
    static const char path[][5] = {"mdia", "minf", "stbl"};
    for (lk_box b; lk_box_next(&c, true, &b);)
        if (lk_box_is(&b, path[depth]) && depth < 2)
            read_track(f, b.body, depth + 1);
        else if (lk_box_is(&b, path[depth]))
            read_sample_table(f, b.body);
}

static void read_movie(cr3 *f, lk_cursor moov) {
    for (lk_box b; lk_box_next(&moov, true, &b);) {
        if (lk_box_is(&b, "uuid"))
            read_uuid(f, b.body);
        if (!lk_box_is(&b, "trak"))
            continue;
        f->sample_at = f->sample_bytes = 0;
        read_track(f, b.body, 0);
        lk_preview_offer(&f->best, f->bytes, f->size, f->sample_at, f->sample_bytes);
    }
}

static int read_cr3(const uint8_t *bytes, size_t size, lk_head *head, liken_error *err) {
    cr3 f = {.bytes = bytes, .size = size, .captured_at = LIKEN_NO_TIME};
    lk_cursor c = lk_cursor_of(bytes, size);
    for (lk_box b; lk_box_next(&c, true, &b);)
        if (lk_box_is(&b, "moov"))
            read_movie(&f, b.body);
        else if (lk_box_is(&b, "uuid"))
            read_uuid(&f, b.body);
    const int rc = lk_preview_take(&f.best, "Canon CR3", bytes, head, err);
    head->orientation = f.orientation;
    head->captured_at = f.captured_at;
    return rc;
}

int lk_raw_head(const uint8_t *bytes, size_t size, lk_head *head, liken_error *err) {
    if (size >= 16 && memcmp(bytes, "FUJIFILMCCD-RAW ", 16) == 0)
        return read_raf(bytes, size, head, err);
    if (size >= 12 && memcmp(bytes + 4, "ftyp", 4) == 0)
        return read_cr3(bytes, size, head, err);
    return lk_tiff_head(bytes, size, head, err);
}
