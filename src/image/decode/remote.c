/* remote.c - see remote.h. What a helper says is taken only where it can be true: sizes within the limits and within
 * each other, a scale that they agree with, a time with a year of four digits, a status that a photo can have, a
 * sentence of printable ASCII. */
#include "image/decode/remote.h"

#include "base/clock.h"
#include "image/decode/pool.h"
#include "image/shrink.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct lk_remote {
    lk_decoders *pool;
    lk_helper *helper; /* NULL between one that was lost and the next */
    const void *bytes;
    size_t size;
    lk_kind kind;
    lk_photo_limits limits;
    int width, height; /* 0: not known yet */
    int64_t captured_at;
    char note[LK_NOTE_ROOM];
    bool open; /* in `helper` */
};

static uint64_t pixels_of(const lk_remote *r) {
    return (uint64_t)r->width * (uint64_t)r->height;
}

/* ---- what is said when a helper is lost ---- */

static int fail_loss(const lk_remote *r, lk_loss why, liken_error *err) {
    const char *label = lk_kind_label(r->kind);
    const lk_allowance allow = r->open ? lk_allow_pixels(r->kind, pixels_of(r), r->size) : lk_allow_open(r->size);
    switch (why) {
    case LK_LOST_TIME:
        return lk_fail(err, LIKEN_E_DECODE,
                       "The decoder gave up on this %s: it took more than %.1f seconds of computing, which is all that "
                       "a photo of its size may take. Save it anew as an ordinary JPEG.",
                       label, allow.seconds * r->helper->slowness);
    case LK_LOST_STILL:
        return lk_fail(err, LIKEN_E_DECODE,
                       "The decoder gave up on this %s: it stood still and was stopped. Save the photo anew.", label);
    case LK_LOST_MEMORY:
        return lk_fail(
            err, LIKEN_E_DECODE,
            "The decoder gave up on this %s: it took more than the %zu MB of memory that a photo of its size "
            "may take. Save it anew as an ordinary JPEG.",
            label, allow.memory >> 20);
    case LK_LOST_OUTSIDE:
        return lk_fail(err, LIKEN_E_DECODE,
                       "The decoder gave up on this %s: it was killed twice, perhaps because the machine is "
                       "short of memory. Try it again when there is more, or shrink the photo first.",
                       label);
    case LK_LOST_ANSWER:
        return lk_fail(err, LIKEN_E_DECODE,
                       "The decoder gave up on this %s: it answered nonsense, so the file may be an attack. Save the "
                       "photo anew.",
                       label);
    default:
        return lk_fail(
            err, LIKEN_E_DECODE,
            "The decoder gave up on this %s: it crashed, so the file is damaged or an attack. Save the photo "
            "anew.",
            label);
    }
}

/* ---- answers ---- */

static bool failure_can_be(const lk_decode_answer *a) {
    const int code = a->code;
    return a->message[0] != '\0' && (code == LIKEN_E_TOO_LARGE || code == LIKEN_E_FORMAT || code == LIKEN_E_DECODE ||
                                     code == LIKEN_E_MEMORY || code == LIKEN_E_UNSUPPORTED || code == LIKEN_E_INTERNAL);
}

/* What a helper says, `room` bytes of it at most, in printable ASCII. */
static void copy_text(char *text, const char *said, size_t room) {
    size_t n = 0;
    for (; n + 1 < room && said[n] != '\0'; n++)
        text[n] = said[n] >= 0x20 && said[n] <= 0x7e ? said[n] : '?';
    text[n] = '\0';
}

/* A failure that the helper tells of. */
static int pass_on(const lk_remote *r, const lk_decode_answer *a, liken_error *err) {
    char text[sizeof a->message];
    copy_text(text, a->message, sizeof text);
    return a->code == LIKEN_E_MEMORY ? fail_loss(r, LK_LOST_MEMORY, err) : lk_fail(err, a->code, "%s", text);
}

static bool size_can_be(int width, int height, size_t max_pixels) {
    return width >= 1 && height >= 1 && width <= LK_MOST_SIDE && height <= LK_MOST_SIDE &&
           (uint64_t)width * (uint64_t)height <= max_pixels;
}

static bool photo_can_be(const lk_remote *r, const lk_decode_answer *a) {
    const bool known = r->width != 0;
    return size_can_be(a->width, a->height, r->limits.max_pixels) && a->kind > LK_KIND_NONE && a->kind < LK_KINDS &&
           (a->captured_at == LIKEN_NO_TIME || lk_clock_can_be(a->captured_at)) &&
           (!known || (a->width == r->width && a->height == r->height));
}

/* Decoders round a side up or down, to one pixel at least. */
static bool is_scaled(int side, int full, double scale) {
    return side >= 1 && side <= full && fabs(side - full * scale) <= 1;
}

static bool pixels_can_be(const lk_remote *r, const lk_decode_answer *a, int want) {
    const int full = r->width > r->height ? r->width : r->height, longer = a->width > a->height ? a->width : a->height;
    return a->scale > 0 && a->scale <= 1 && is_scaled(a->width, r->width, a->scale) &&
           is_scaled(a->height, r->height, a->scale) && longer >= (want <= 0 || want > full ? full : want);
}

/* ---- one try with the helper at hand; LK_LOST_NOT: `a` holds an answer that can be true ---- */

static lk_loss try_open(lk_remote *r, lk_decode_answer *a) {
    const lk_decode_request request = {.magic = LK_DECODE_MAGIC,
                                       .what = LK_DECODE_OPEN,
                                       .size = r->size,
                                       .max_bytes = r->limits.max_bytes,
                                       .max_pixels = r->limits.max_pixels};
    const lk_allowance allow = lk_allow_open(r->size);
    const lk_loss loss = lk_helper_ask(r->helper, &request, &allow, a);
    if (loss != LK_LOST_NOT)
        return loss;
    if (a->code != LIKEN_OK)
        return failure_can_be(a) ? LK_LOST_NOT : LK_LOST_ANSWER;
    if (!photo_can_be(r, a))
        return LK_LOST_ANSWER;
    r->width = a->width;
    r->height = a->height;
    r->kind = (lk_kind)a->kind;
    r->captured_at = a->captured_at;
    copy_text(r->note, a->note, sizeof r->note);
    r->open = true;
    return LK_LOST_NOT;
}

static lk_loss try_pixels(lk_remote *r, int want, lk_decode_answer *a) {
    const lk_decode_request request = {
        .magic = LK_DECODE_MAGIC, .what = LK_DECODE_PIXELS, .room = pixels_of(r) * 3, .want = want};
    const lk_allowance allow = lk_allow_pixels(r->kind, pixels_of(r), r->size);
    const lk_loss loss = lk_helper_ask(r->helper, &request, &allow, a);
    if (loss != LK_LOST_NOT)
        return loss;
    const bool can_be = a->code == LIKEN_OK ? pixels_can_be(r, a, want) : failure_can_be(a);
    return can_be ? LK_LOST_NOT : LK_LOST_ANSWER;
}

/* ---- with as many helpers as it takes ---- */

static int fetch(lk_remote *r, liken_error *err) {
    if (r->helper != NULL)
        return LIKEN_OK;
    const int rc = lk_decoders_take(r->pool, &r->helper, err);
    if (rc != LIKEN_OK)
        return rc;
    return lk_helper_load(r->helper, r->bytes, r->size) ? LIKEN_OK : lk_fail_memory(err);
}

/* `want` < 0: only opens. */
static int ask(lk_remote *r, int want, lk_decode_answer *a, liken_error *err) {
    for (int tries = 0;;) {
        const int rc = fetch(r, err);
        if (rc != LIKEN_OK)
            return rc;
        lk_loss loss = LK_LOST_NOT;
        *a = (lk_decode_answer){.code = LIKEN_OK};
        if (!r->open)
            loss = try_open(r, a);
        if (loss == LK_LOST_NOT && a->code == LIKEN_OK && want >= 0) {
            if (!lk_helper_room(r->helper, pixels_of(r) * 3))
                return lk_fail_memory(err);
            loss = try_pixels(r, want, a);
        }
        if (loss == LK_LOST_NOT)
            return a->code == LIKEN_OK ? LIKEN_OK : pass_on(r, a, err);
        const bool again = (loss == LK_LOST_IDLE || loss == LK_LOST_OUTSIDE) && ++tries < 2;
        const int failed = again ? LIKEN_OK : fail_loss(r, loss, err);
        lk_decoders_lose(r->pool, r->helper, loss);
        r->helper = NULL;
        r->open = false;
        if (!again)
            return failed;
    }
}

int lk_remote_open(lk_remote **out, const void *bytes, size_t size, lk_kind kind, const lk_photo_limits *limits,
                   liken_error *err) {
    lk_remote *r = calloc(1, sizeof *r);
    lk_decode_answer answer;
    if (r == NULL)
        return lk_fail_memory(err);
    *r = (lk_remote){.pool = limits->decoders, .bytes = bytes, .size = size, .kind = kind, .limits = *limits};
    const int rc = ask(r, -1, &answer, err);
    if (rc != LIKEN_OK) {
        lk_remote_free(r);
        return rc;
    }
    *out = r;
    return LIKEN_OK;
}

int lk_remote_width(const lk_remote *r) {
    return r->width;
}

int lk_remote_height(const lk_remote *r) {
    return r->height;
}

lk_kind lk_remote_kind(const lk_remote *r) {
    return r->kind;
}

int64_t lk_remote_captured_at(const lk_remote *r) {
    return r->captured_at;
}

const char *lk_remote_note(const lk_remote *r) {
    return r->note;
}

int lk_remote_decode(lk_remote *r, int want, lk_image *out, double *scale, liken_error *err) {
    lk_decode_answer answer;
    lk_image image = {0};
    int rc = ask(r, want < 0 ? 0 : want, &answer, err);
    if (rc == LIKEN_OK)
        rc = lk_image_new(&image, answer.width, answer.height, err);
    if (rc == LIKEN_OK && !lk_helper_pixels(r->helper, &image))
        rc = lk_fail_memory(err);
    if (rc != LIKEN_OK) {
        lk_image_clear(&image);
        return rc;
    }
    *out = image;
    if (scale != NULL)
        *scale = answer.scale;
    return LIKEN_OK;
}

void lk_remote_free(lk_remote *r) {
    if (r == NULL)
        return;
    if (r->helper != NULL)
        lk_decoders_give(r->pool, r->helper);
    free(r);
}
