/* tiff_pages.c - which page of a TIFF is the photo, and whether the file is a camera's raw photo in disguise.
 *
 * A TIFF is a chain of directories, each perhaps with directories below it: thumbnails, masks, smaller copies, further
 * pages. The photo is the largest page that is neither a reduced copy nor a mask. Most raw files are TIFFs whose large
 * picture is sensor data that liken does not develop; of those it takes the largest preview. At most DIRECTORIES are
 * looked at, each once, so the time is bounded by the size of the file. Reference: TIFF 6.0, TIFF/EP, DNG 1.6. */
#include "image/exif.h"
#include "image/tiff.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIRECTORIES 64

enum {
    SUBFILE = 254,
    OLD_SUBFILE = 255,
    WIDTH = 256,
    HEIGHT = 257,
    COMPRESSION = 259,
    PHOTOMETRIC = 262,
    MAKE = 271,
    STRIPS = 273,
    ORIENTATION = 274,
    STRIP_BYTES = 279,
    SUB_DIRECTORIES = 330,
    JPEG_FROM = 513,
    JPEG_BYTES = 514,
    PANASONIC_JPEG = 0x2e,
    DNG_VERSION = 50706
};

typedef struct pages {
    lk_ifd_block block;
    lk_ifd page[DIRECTORIES];
    uint64_t at[DIRECTORIES]; /* where each begins */
    size_t count;
    bool raw;
} pages;

/* False: it was seen before, lies outside, or there is no more room. */
static bool add(pages *p, uint64_t at) {
    for (size_t i = 0; i < p->count; i++)
        if (p->at[i] == at)
            return false;
    if (p->count == DIRECTORIES || !lk_ifd_open(&p->page[p->count], &p->block, at))
        return false;
    p->at[p->count++] = at;
    return true;
}

static void add_below(pages *p, size_t i) {
    const lk_ifd_entry e = lk_ifd_find(&p->page[i], SUB_DIRECTORIES);
    for (uint64_t k = 0; k < e.count && k < DIRECTORIES; k++)
        (void)add(p, lk_ifd_number(&p->page[i], &e, k));
}

static bool is_sensor_data(const lk_ifd *ifd) {
    static const uint16_t compressions[] = {32767, 32769, 32770, 34713, 34892, 65000, 65535};
    const uint64_t photometric = lk_ifd_value(ifd, PHOTOMETRIC, 0), compression = lk_ifd_value(ifd, COMPRESSION, 1);
    if (photometric == 32803 || photometric == 34892)
        return true;
    for (size_t i = 0; i < LK_LENGTH(compressions); i++)
        if (compressions[i] == compression)
            return true;
    return false;
}

/* Canon's CR2 says so behind the header; Olympus and Panasonic have numbers of their own in place of 42. */
static bool is_raw_magic(const lk_ifd_block *b) {
    return (b->size >= 10 && memcmp(b->bytes + 8, "CR", 2) == 0) ||
           lk_ifd_read(b, b->bytes + 2, 2) != (b->big ? 43 : 42);
}

static void read_pages(pages *p) {
    const int wide = p->block.big ? 8 : 4;
    for (uint64_t at = p->block.first; add(p, at);) {
        const size_t next = lk_ifd_next(&p->page[p->count - 1]);
        at = next == 0 ? 0 : lk_ifd_read(&p->block, p->block.bytes + next, wide);
    }
    for (size_t i = 0; i < p->count; i++)
        add_below(p, i);
    for (size_t i = 0; i < p->count; i++)
        p->raw |= is_sensor_data(&p->page[i]) || lk_ifd_find(&p->page[i], DNG_VERSION).count > 0;
}

/* ---- ordinary files ------------------------------------------------------------------------------------ */

enum { FULL, REDUCED, NEVER };

static int rank_of(const lk_ifd *ifd) {
    const uint64_t subfile = lk_ifd_value(ifd, SUBFILE, 0);
    if (subfile & 4) /* a mask */
        return NEVER;
    return subfile & 1 || lk_ifd_value(ifd, OLD_SUBFILE, 0) == 2 ? REDUCED : FULL;
}

static uint64_t area_of(const lk_ifd *ifd) {
    const uint64_t width = lk_ifd_value(ifd, WIDTH, 0), height = lk_ifd_value(ifd, HEIGHT, 0);
    return width > INT32_MAX || height > INT32_MAX ? 0 : width * height;
}

/* The best page: a full one before a reduced one, then the largest, then the first; -1: none. */
static int best_page(const pages *p, bool readable) {
    int best = -1;
    for (size_t i = 0; i < p->count; i++) {
        lk_head head = {0};
        const int rank = rank_of(&p->page[i]);
        if (rank == NEVER || (p->raw && is_sensor_data(&p->page[i])) ||
            (readable && lk_tiff_page(&p->page[i], &head, NULL) != LIKEN_OK))
            continue;
        const int former = best < 0 ? NEVER : rank_of(&p->page[best]);
        if (best < 0 || (!p->raw && rank < former) ||
            ((p->raw || rank == former) && area_of(&p->page[i]) > area_of(&p->page[best])))
            best = (int)i;
    }
    return best;
}

static int take_page(const pages *p, int i, lk_head *head, liken_error *err) {
    int rc = lk_tiff_page(&p->page[i], head, err);
    if (rc == LIKEN_OK)
        rc = lk_tiff_take(&p->page[i], p->count > 1, head, err);
    if (lk_ifd_find(&p->page[i], ORIENTATION).count == 0)
        head->orientation = lk_exif_orientation(p->block.bytes, p->block.size);
    return rc;
}

/* ---- raw files ----------------------------------------------------------------------------------------- */

static void offer_previews(const pages *p, lk_preview *best) {
    const lk_ifd_block *b = &p->block;
    for (size_t i = 0; i < p->count; i++) {
        const lk_ifd *ifd = &p->page[i];
        lk_preview_offer(best, b->bytes, b->size, lk_ifd_value(ifd, JPEG_FROM, 0), lk_ifd_value(ifd, JPEG_BYTES, 0));
        const lk_ifd_entry inside = lk_ifd_find(ifd, PANASONIC_JPEG);
        if (inside.value != NULL && inside.type == 7)
            lk_preview_offer(best, b->bytes, b->size, (uint64_t)(inside.value - b->bytes), inside.count);
        if (lk_ifd_find(ifd, STRIPS).count == 1 && !is_sensor_data(ifd))
            lk_preview_offer(best, b->bytes, b->size, lk_ifd_value(ifd, STRIPS, 0), lk_ifd_value(ifd, STRIP_BYTES, 0));
    }
    lk_preview_notes(best, &p->page[0]);
}

/* "Canon CR2": by the magic of the file, else by the camera's maker. */
static const char *camera_of(const pages *p) {
    static const char *const makers[][2] = {
        {"NIKON", "Nikon NEF"}, {"SONY", "Sony ARW"},          {"PENTAX", "Pentax PEF"},     {"RICOH", "Ricoh PEF"},
        {"Canon", "Canon"},     {"SAMSUNG", "Samsung SRW"},    {"Hasselblad", "Hasselblad"}, {"Phase One", "Phase One"},
        {"EPSON", "Epson ERF"}, {"EASTMAN KODAK", "Kodak"},    {"Kodak", "Kodak"},           {"Leica", "Leica"},
        {"LEICA", "Leica"},     {"Panasonic", "Panasonic RW2"}};
    const uint8_t *b = p->block.bytes;
    char make[24];
    if (p->block.size >= 10 && memcmp(b + 8, "CR", 2) == 0)
        return "Canon CR2";
    if (b[2] == 'R' || b[3] == 'R')
        return "Olympus ORF";
    if (b[2] == 0x55)
        return "Panasonic RW2";
    if (lk_ifd_find(&p->page[0], DNG_VERSION).count > 0)
        return "DNG";
    lk_ifd_text(&p->page[0], MAKE, make, sizeof make);
    for (size_t i = 0; i < LK_LENGTH(makers); i++)
        if (strncmp(make, makers[i][0], strlen(makers[i][0])) == 0)
            return makers[i][1];
    return "camera's";
}

/* Some cameras keep their preview as a page of pixels. */
static int take_preview_page(const pages *p, int i, lk_head *head, liken_error *err) {
    head->inner = LK_KIND_TIFF;
    (void)snprintf(head->note, sizeof head->note, "the largest preview in a %s raw photo, %d x %d pixels", camera_of(p),
                   (int)lk_ifd_value(&p->page[i], WIDTH, 0), (int)lk_ifd_value(&p->page[i], HEIGHT, 0));
    return take_page(p, i, head, err);
}

static int take_preview(const pages *p, lk_head *head, liken_error *err) {
    lk_preview best = {0};
    const int page = best_page(p, true);
    const uint64_t area = page < 0 ? 0 : area_of(&p->page[page]);
    offer_previews(p, &best);
    const int rc = area > (uint64_t)best.width * (uint64_t)best.height && area >= LK_PREVIEW_SMALLEST
                       ? take_preview_page(p, page, head, err)
                       : lk_preview_take(&best, camera_of(p), p->block.bytes, head, err);
    head->is = LK_KIND_RAW;
    head->captured_at = lk_exif_captured_at(p->block.bytes, p->block.size);
    head->orientation = lk_exif_orientation(p->block.bytes, p->block.size);
    return rc;
}

/* A whole JPEG in a file that has no page that libtiff reads: the old way of TIFF to hold one. */
static bool take_old_jpeg(const pages *p, int page, lk_head *head) {
    lk_preview best = {0};
    lk_head found = {0};
    offer_previews(p, &best);
    if (page < 0 || (uint64_t)best.width * (uint64_t)best.height < area_of(&p->page[page]) || best.size == 0 ||
        lk_preview_use(&best, p->block.bytes, &found, NULL) != LIKEN_OK)
        return false;
    *head = found;
    return true;
}

/* When no page is readable, the best of those that are not says why. */
static int take_best(const pages *p, lk_head *head, liken_error *err) {
    int i = best_page(p, true);
    if (i >= 0)
        return take_page(p, i, head, err);
    i = best_page(p, false);
    if (!take_old_jpeg(p, i, head))
        return take_page(p, i < 0 ? 0 : i, head, err);
    head->orientation = lk_exif_orientation(p->block.bytes, p->block.size);
    return LIKEN_OK;
}

int lk_tiff_head(const uint8_t *bytes, size_t size, lk_head *head, liken_error *err) {
    pages *p = calloc(1, sizeof *p);
    if (p == NULL)
        return lk_fail_memory(err);
    int rc;
    if (!lk_ifd_block_open(&p->block, bytes, size)) {
        rc = lk_fail(err, LIKEN_E_DECODE, "This TIFF is damaged: its header is cut short.");
    } else {
        p->raw = is_raw_magic(&p->block);
        read_pages(p);
        if (p->count == 0)
            rc = lk_fail(err, LIKEN_E_DECODE, "This TIFF is damaged: its directory lies outside the file.");
        else
            rc = p->raw ? take_preview(p, head, err) : take_best(p, head, err);
    }
    free(p);
    return rc;
}
