/* photo.c - from bytes to an upright picture: sniff, read the header, hold it against the limits, decode row by row
 * into an area-averaging shrink, turn upright.
 *
 * Invariant: no decoder is called before its file's header was read here and found within the limits. A picture is
 * decoded whole or not at all: a face in the part that is missing would otherwise be missed in silence. */
#include "image/image.h"

#include "base/limits.h"
#include "image/decode/remote.h"
#include "image/exif.h"
#include "image/jpeg.h"
#include "image/orient.h"
#include "image/reader.h"
#include "image/shrink.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_WORK ((uint64_t)768 << 20)      /* bytes that a decoder may hold beside its output */
#define PIXEL_WORK 20                        /* bytes a pixel, where more pixels are allowed than by default */
#define MAX_PASSES 100                       /* scans of a progressive JPEG */
#define MAX_PASS_PIXELS UINT64_C(3000000000) /* scans x pixels: what one photo may cost in time */

struct lk_photo {
    const uint8_t *bytes; /* what is decoded: the caller's, a part of it, or head.copy */
    size_t size;
    lk_kind kind;
    lk_head head;
    int orientation;
    lk_remote *remote; /* where it is decoded in a helper, which makes it upright; of the head only size and note are
                          known then */
    int64_t captured_at;
};

static int no_head(const uint8_t *bytes, size_t size, lk_head *head, liken_error *err) {
    (void)bytes, (void)size, (void)head;
    return lk_fail(err, LIKEN_E_INTERNAL, "There is no reader for this kind of file.");
}

typedef int head_fn(const uint8_t *bytes, size_t size, lk_head *head, liken_error *err);

static head_fn *const head_readers[] = {
    [LK_KIND_NONE] = no_head,      [LK_KIND_JPEG] = lk_jpeg_head, [LK_KIND_PNG] = lk_png_head,
    [LK_KIND_WEBP] = lk_webp_head, [LK_KIND_GIF] = lk_gif_head,   [LK_KIND_TIFF] = lk_tiff_head,
    [LK_KIND_BMP] = lk_bmp_head,   [LK_KIND_HEIC] = lk_heif_head, [LK_KIND_AVIF] = lk_heif_head,
    [LK_KIND_PNM] = lk_pnm_head,   [LK_KIND_ICO] = lk_ico_head,   [LK_KIND_RAW] = lk_raw_head,
    [LK_KIND_JXL] = lk_jxl_head,
};

static int refuse_kind(const uint8_t *bytes, size_t size, const char *looks_like, liken_error *err) {
    static const char reads[] =
        "liken reads JPEG, PNG, WebP, GIF, TIFF, BMP, HEIC, AVIF, JPEG XL, PNM and ICO, and the previews "
        "in raw photos.";
    if (size == 0)
        return lk_fail(err, LIKEN_E_FORMAT, "The file is empty.");
    if (looks_like != NULL)
        return lk_fail(err, LIKEN_E_FORMAT, "This looks like %s, which is not read. %s", looks_like, reads);
    if (size < 4 && bytes[0] == 0xff)
        return lk_fail(err, LIKEN_E_FORMAT, "This is only the first bytes of a JPEG; the rest is missing.");
    return lk_fail(err, LIKEN_E_FORMAT, "This is not a kind of photo that liken knows. %s", reads);
}

uint64_t lk_photo_work_limit(size_t max_pixels) {
    const uint64_t raised = max_pixels > LK_DEFAULT_PIXELS ? (uint64_t)max_pixels * PIXEL_WORK : 0;
    return raised > MOST_WORK ? raised : MOST_WORK;
}

static int check_size(int width, int height, size_t max_pixels, liken_error *err) {
    if (width < 1 || height < 1)
        return lk_fail(err, LIKEN_E_DECODE, "This photo is damaged: its header says %d x %d pixels.", width, height);
    if (width > LK_MOST_SIDE || height > LK_MOST_SIDE || (uint64_t)width * (uint64_t)height > max_pixels)
        return lk_fail(err, LIKEN_E_TOO_LARGE,
                       "This photo has %d x %d pixels, over the limit of %.1f million. Raise the setting "
                       "max-megapixels (to %.0f), or shrink the photo first.",
                       width, height, (double)max_pixels / 1e6, ceil((double)width * height / 1e6));
    return LIKEN_OK;
}

/* What the setting must be raised to for so much memory. */
static unsigned long long megapixels_for(uint64_t work) {
    const uint64_t pixels = work / PIXEL_WORK > LK_DEFAULT_PIXELS ? work / PIXEL_WORK : LK_DEFAULT_PIXELS;
    return pixels / 1000000 + 1;
}

static int check_head(const lk_photo *p, size_t max_pixels, liken_error *err) {
    const lk_head *h = &p->head;
    const int rc = check_size(h->width, h->height, max_pixels, err);
    if (rc != LIKEN_OK)
        return rc;
    const uint64_t work = lk_photo_work_limit(max_pixels);
    if (h->work > work)
        return lk_fail(
            err, LIKEN_E_TOO_LARGE,
            "Decoding this %s of %d x %d pixels would take %llu MB of memory at once, over the limit of %llu MB. "
            "Save it anew as an ordinary JPEG, or raise the setting max-megapixels (to %llu), which allows more.",
            lk_kind_label(p->kind), h->width, h->height, (unsigned long long)(h->work >> 20),
            (unsigned long long)(work >> 20), megapixels_for(h->work));
    const uint64_t scans = h->passes * (uint64_t)h->width * (uint64_t)h->height;
    if (h->passes > MAX_PASSES || scans > MAX_PASS_PIXELS * (work / MOST_WORK))
        return lk_fail(err, LIKEN_E_TOO_LARGE,
                       "This JPEG of %d x %d pixels is built of %llu scans, too many to be decoded in reasonable time.",
                       h->width, h->height, (unsigned long long)h->passes);
    return LIKEN_OK;
}

static lk_kind decoder_of(const lk_photo *p) {
    return p->head.inner != LK_KIND_NONE ? p->head.inner : p->kind;
}

static bool by_vips(lk_kind kind) {
    return kind != LK_KIND_BMP && kind != LK_KIND_PNM;
}

/* What is decoded: the copy, a part, or all of the bytes. */
static void use_part(lk_photo *p) {
    if (p->head.copy != NULL) {
        p->bytes = p->head.copy;
        p->size = p->head.copy_size;
    } else if (p->head.size != 0) {
        p->bytes += p->head.from;
        p->size = p->head.size;
    }
}

/* Makes a copy of what our decoders would refuse for a reason that does not matter. */
static int mend(lk_photo *p, liken_error *err) {
    const lk_kind kind = decoder_of(p);
    int rc = LIKEN_OK;
    if (p->head.copy != NULL)
        return LIKEN_OK;
    if (kind == LK_KIND_JPEG)
        rc = lk_jpeg_mend(p->bytes, p->size, &p->head, err);
    else if (kind == LK_KIND_HEIC || kind == LK_KIND_AVIF)
        rc = lk_heif_mend(p->bytes, p->size, &p->head, err);
    if (rc == LIKEN_OK && p->head.copy != NULL)
        use_part(p);
    return rc;
}

/* A HEIC or AVIF file whose main brand is that of a sequence of pictures; stills name some of them beside theirs. */
static bool is_sequence(const lk_photo *p) {
    static const char brands[][5] = {"avis", "msf1", "hevc", "hevx"};
    if ((p->kind != LK_KIND_HEIC && p->kind != LK_KIND_AVIF) || p->size < 16)
        return false;
    const size_t said = lk_be32(p->bytes), most = said < p->size ? said : p->size;
    for (size_t at = 8; at + 4 <= most && at < 256; at += at == 8 ? 8 : 4) /* between the two: a version */
        for (size_t i = 0; i < (at == 8 ? LK_LENGTH(brands) : 1); i++)
            if (memcmp(p->bytes + at, brands[i], 4) == 0)
                return true;
    return false;
}

/* Decoders of single pictures fail on many a sequence: that is no damage. */
static int judge(const lk_photo *p, int rc, liken_error *err) {
    if (rc != LIKEN_E_DECODE || !is_sequence(p))
        return rc;
    return lk_fail(
        err, LIKEN_E_FORMAT,
        "This %s is a sequence of pictures, of which the decoder here does not read the first. Save one picture "
        "of it as a JPEG.",
        lk_kind_label(p->kind));
}

/* Fills a photo whose bytes and kind are known. */
static int read_head(lk_photo *p, size_t max_pixels, liken_error *err) {
    int rc = head_readers[p->kind](p->bytes, p->size, &p->head, err);
    if (p->head.is != LK_KIND_NONE)
        p->kind = p->head.is;
    if (rc == LIKEN_OK)
        rc = check_head(p, max_pixels, err);
    if (rc != LIKEN_OK)
        return rc;
    p->captured_at = p->head.captured_at != 0 ? p->head.captured_at : lk_photo_time(p->kind, p->bytes, p->size);
    use_part(p);
    rc = mend(p, err);
    p->orientation = 1;
    if (rc != LIKEN_OK || !by_vips(decoder_of(p)))
        return rc;
    int width, height;
    rc = lk_vips_head(decoder_of(p), p->bytes, p->size, &width, &height, &p->orientation, err);
    if (p->head.orientation != 0)
        p->orientation = p->head.orientation;
    if (rc != LIKEN_OK || p->head.ycc_across != 0)
        return rc;
    p->head.width = width;
    p->head.height = height;
    return check_size(width, height, max_pixels, err);
}

lk_photo_limits lk_photo_limits_of(const lk_photo_limits *given) {
    lk_photo_limits limits = given != NULL ? *given : (lk_photo_limits){0};
    limits.max_bytes = limits.max_bytes != 0 ? limits.max_bytes : LK_DEFAULT_FILE_BYTES;
    limits.max_pixels = limits.max_pixels != 0 ? limits.max_pixels : LK_DEFAULT_PIXELS;
    return limits;
}

/* The same by a helper. */
static int open_remote(lk_photo *p, const lk_photo_limits *limits, liken_error *err) {
    const int rc = lk_remote_open(&p->remote, p->bytes, p->size, p->kind, limits, err);
    if (rc != LIKEN_OK)
        return rc;
    p->kind = lk_remote_kind(p->remote);
    p->head.width = lk_remote_width(p->remote);
    p->head.height = lk_remote_height(p->remote);
    p->orientation = 1;
    p->captured_at = lk_remote_captured_at(p->remote);
    (void)snprintf(p->head.note, sizeof p->head.note, "%s", lk_remote_note(p->remote));
    return LIKEN_OK;
}

int lk_photo_open(lk_photo **out, const void *bytes, size_t size, const lk_photo_limits *given, liken_error *err) {
    const lk_photo_limits limits = lk_photo_limits_of(given);
    if (size > limits.max_bytes)
        return lk_fail(err, LIKEN_E_TOO_LARGE,
                       "The file has %.1f MB, over the limit of %.1f MB. Raise the setting max-file, or "
                       "save the photo smaller.",
                       (double)size / 1e6, (double)limits.max_bytes / 1e6);
    const char *looks_like;
    const lk_kind kind = lk_sniff(bytes, size, &looks_like);
    if (kind == LK_KIND_NONE)
        return refuse_kind(bytes, size, looks_like, err);
    lk_photo *p = calloc(1, sizeof *p);
    if (p == NULL)
        return lk_fail_memory(err);
    p->bytes = bytes;
    p->size = size;
    p->kind = kind;
    const int rc =
        limits.decoders != NULL ? open_remote(p, &limits, err) : judge(p, read_head(p, limits.max_pixels, err), err);
    if (rc != LIKEN_OK) {
        lk_photo_free(p);
        return rc;
    }
    *out = p;
    return LIKEN_OK;
}

void lk_photo_free(lk_photo *photo) {
    if (photo == NULL)
        return;
    lk_remote_free(photo->remote);
    free(photo->head.copy);
    free(photo);
}

const char *lk_photo_kind(const lk_photo *photo) {
    return lk_kind_name(photo->kind);
}

int64_t lk_photo_captured_at(const lk_photo *photo) {
    return photo->captured_at;
}

const char *lk_photo_note(const lk_photo *photo) {
    return photo->head.note[0] == '\0' ? NULL : photo->head.note;
}

lk_kind lk_photo_kind_of(const lk_photo *photo) {
    return photo->kind;
}

static bool lies_on_side(const lk_photo *p) {
    return p->orientation >= 5;
}

int lk_photo_width(const lk_photo *photo) {
    return lies_on_side(photo) ? photo->head.height : photo->head.width;
}

int lk_photo_height(const lk_photo *photo) {
    return lies_on_side(photo) ? photo->head.width : photo->head.height;
}

/* ---- decoding --------------------------------------------------------------------------------------- */

/* What the picture comes to: the decoder's own shrinking, then the size to average down to. */
typedef struct plan {
    lk_vips_options options;
    int width, height; /* as stored; 0: what the decoder gives */
    double scale;
} plan;

static plan make_plan(const lk_photo *p, int want) {
    plan n = {.options = {.shrink = 1, .scale = 1}, .scale = 1};
    const int width = p->head.width, height = p->head.height, longer = width > height ? width : height;
    if (want <= 0 || want >= longer)
        return n;
    if (decoder_of(p) == LK_KIND_JPEG) {
        const int shorter = width < height ? width : height;
        while (n.options.shrink < 8 && longer / (n.options.shrink * 2) >= want && shorter / (n.options.shrink * 2) >= 1)
            n.options.shrink *= 2;
        n.scale = 1.0 / n.options.shrink;
        return n;
    }
    n.scale = (double)want / longer;
    n.width = (int)(width * n.scale + 0.5);
    n.height = (int)(height * n.scale + 0.5);
    n.width = n.width < 1 ? 1 : n.width;
    n.height = n.height < 1 ? 1 : n.height;
    if (decoder_of(p) == LK_KIND_WEBP)
        n.options.scale = n.scale;
    return n;
}

static int open_reader(const lk_photo *p, const lk_vips_options *options, lk_reader **out, liken_error *err) {
    switch (decoder_of(p)) {
    case LK_KIND_BMP:
        return (p->kind == LK_KIND_ICO ? lk_bmp_open_icon : lk_bmp_open)(out, p->bytes, p->size, err);
    case LK_KIND_PNM:
        return lk_pnm_open(out, p->bytes, p->size, err);
    case LK_KIND_JPEG:
        if ((*out = lk_jpeg_open(p->bytes, p->size, options->shrink)) != NULL)
            return LIKEN_OK;
        break;
    default:
        break;
    }
    lk_reader *reader = NULL;
    const int rc = lk_vips_open(&reader, decoder_of(p), p->bytes, p->size, options, err);
    if (rc == LIKEN_OK && p->head.ycc_across != 0)
        return lk_ycc_open(out, reader, &p->head, err);
    if (rc == LIKEN_OK)
        *out = reader;
    return rc;
}

/* Feeds rows until one is damaged or missing; returns how many came. */
static int feed(lk_reader *reader, lk_shrink *shrink) {
    const uint8_t *row;
    int y = 0;
    for (; y < reader->height && (row = reader->row(reader, y)) != NULL; y++)
        lk_shrink_row(shrink, row);
    return y;
}

/* Decoders stop up to a strip or block early, and some give no row before they have all. */
static int fail_rows(const lk_photo *p, const lk_reader *reader, int came, liken_error *err) {
    const char *label = lk_kind_label(p->kind);
    const int rows = (int)((int64_t)came * p->head.height / reader->height);
    if (reader->starved)
        return lk_fail_memory(err);
    if (reader->counts)
        return lk_fail(err, LIKEN_E_DECODE, "This %s is cut short: only %d of its %d rows are there. Copy it anew.",
                       label, reader->there, reader->height);
    if (rows == 0)
        return lk_fail(
            err, LIKEN_E_DECODE,
            "This %s cannot be decoded: it is damaged, cut short, or of a variant that the decoder here does "
            "not know. Copy it anew, or save it as an ordinary JPEG.",
            label);
    return lk_fail(err, LIKEN_E_DECODE,
                   "This %s is damaged or cut short: it can be decoded up to about row %d of %d. Copy it anew.", label,
                   rows, p->head.height);
}

/* As stored, not yet upright. */
static int decode_stored(const lk_photo *p, const plan *n, lk_image *out, liken_error *err) {
    lk_reader *reader = NULL;
    int rc = open_reader(p, &n->options, &reader, err);
    if (rc != LIKEN_OK)
        return rc;
    lk_shrink shrink = {0};
    const int height = reader->height;
    const bool smaller = n->width > 0 && n->width <= reader->width && n->height <= height;
    rc = lk_shrink_begin(&shrink, reader->width, height, smaller ? n->width : reader->width,
                         smaller ? n->height : height, err);
    const int rows = rc == LIKEN_OK ? feed(reader, &shrink) : 0;
    if (rc == LIKEN_OK && rows < height)
        rc = fail_rows(p, reader, rows, err);
    if (rc == LIKEN_OK)
        lk_shrink_end(&shrink, out);
    lk_shrink_clear(&shrink);
    reader->close(reader);
    return rc;
}

int lk_photo_decode(lk_photo *photo, int want_long_side, lk_image *out, double *scale, liken_error *err) {
    if (photo->remote != NULL)
        return lk_remote_decode(photo->remote, want_long_side, out, scale, err);
    plan n = make_plan(photo, want_long_side);
    lk_image image = {0};
    int rc = judge(photo, decode_stored(photo, &n, &image, err), err);
    if (rc == LIKEN_OK && photo->orientation != 1)
        rc = lk_image_orient(&image, photo->orientation, err);
    if (rc != LIKEN_OK) {
        lk_image_clear(&image);
        return rc;
    }
    *out = image;
    if (scale != NULL)
        *scale = n.scale;
    return LIKEN_OK;
}
