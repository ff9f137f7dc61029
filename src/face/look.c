/* look.c - see look.h. */
#include "face/look.h"

#include "base/call.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LITTLE_SIDE 320 /* of a canvas for few and small windows */
#define OVERLAP 96      /* of the windows that cover a photo; no smaller than LK_LOOK_TAKEN */
#define BORDER 2.0f     /* closer to an inner edge of a window a face may be cut */

static void shift_and_scale(lk_detection *d, float dx, float dy, double scale) {
    const float s = (float)(1 / scale);
    d->box = (liken_box){(d->box.x + dx) * s, (d->box.y + dy) * s, d->box.width * s, d->box.height * s};
    for (int i = 0; i < 5; i++)
        d->points[i] = (liken_point){(d->points[i].x + dx) * s, (d->points[i].y + dy) * s};
    d->seen_at = (float)scale;
    d->looks = 1;
}

/* ---- the whole ---- */

/* The mean of each pixel and its neighbours, 3 x 3; the outermost pixels stay. */
static int smooth(lk_frame *f, liken_error *err) {
    const size_t row = (size_t)f->width * 3;
    uint8_t *out = malloc(row * (size_t)f->height);
    if (out == NULL)
        return lk_fail_memory(err);
    memcpy(out, f->rgb, row * (size_t)f->height);
    for (int y = 1; y + 1 < f->inner_height; y++)
        for (size_t i = 3; i + 3 < (size_t)f->inner_width * 3; i++) {
            const uint8_t *p = f->rgb + (size_t)(y - 1) * row + i, *q = p + row, *r = q + row;
            out[(size_t)y * row + i] =
                (uint8_t)((p[-3] + p[0] + p[3] + q[-3] + q[0] + q[3] + r[-3] + r[0] + r[3] + 4) / 9);
        }
    free(f->rgb);
    f->rgb = out;
    return LIKEN_OK;
}

int lk_look_whole(const lk_look *look, int long_side, bool smoothed, float floor, lk_detections *out,
                  liken_error *err) {
    lk_frame frame;
    int rc = lk_source_frame(look->source, long_side, look->turn, false, &frame, err);
    if (rc != LIKEN_OK)
        return rc;
    if (smoothed)
        rc = smooth(&frame, err);
    const size_t before = out->count;
    if (rc == LIKEN_OK)
        rc = lk_yunet_look(look->yunet, frame.rgb, (size_t)frame.width * 3, frame.width, frame.height, floor, out, err);
    for (size_t i = before; i < out->count; i++)
        shift_and_scale(&out->items[i], 0, 0, frame.scale);
    lk_frame_clear(&frame);
    return rc;
}

/* ---- everywhere ---- */

/* Windows of one axis: how many, and where the k-th begins. */
static int window_count(int length) {
    return length <= LK_LOOK_SIDE ? 1 : (length - OVERLAP + LK_LOOK_SIDE - OVERLAP - 1) / (LK_LOOK_SIDE - OVERLAP);
}

static int window_start(int length, int k) {
    const int n = window_count(length);
    return n == 1 ? 0 : (int)((int64_t)k * (length - LK_LOOK_SIDE) / (n - 1));
}

static bool cut_by_window(const liken_box *b, const lk_frame *f, int x, int y, int width, int height) {
    return (x > 0 && b->x < BORDER) || (y > 0 && b->y < BORDER) ||
           (x + width < f->width && b->x + b->width > (float)width - BORDER) ||
           (y + height < f->height && b->y + b->height > (float)height - BORDER);
}

static int look_in_frame(const lk_look *look, const lk_frame *f, int x, int y, float floor, lk_detections *out,
                         liken_error *err) {
    const int width = f->width < LK_LOOK_SIDE ? f->width : LK_LOOK_SIDE;
    const int height = f->height < LK_LOOK_SIDE ? f->height : LK_LOOK_SIDE;
    const size_t stride = (size_t)f->width * 3;
    lk_detections seen = {0};
    int rc = lk_yunet_look(look->yunet, f->rgb + (size_t)y * stride + (size_t)x * 3, stride, width, height, floor,
                           &seen, err);
    for (size_t i = 0; i < seen.count && rc == LIKEN_OK; i++) {
        lk_detection *d = &seen.items[i];
        if (d->box.height >= LK_LOOK_TAKEN || cut_by_window(&d->box, f, x, y, width, height))
            continue;
        shift_and_scale(d, (float)x, (float)y, f->scale);
        rc = lk_detections_add(out, d, err);
    }
    lk_detections_clear(&seen);
    return rc;
}

int lk_look_everywhere(const lk_look *look, int long_side, float floor, lk_detections *out, liken_error *err) {
    lk_frame f;
    int rc = lk_source_frame(look->source, long_side, look->turn, false, &f, err);
    if (rc != LIKEN_OK)
        return rc;
    for (int j = 0; j < window_count(f.height); j++)
        for (int i = 0; i < window_count(f.width) && rc == LIKEN_OK; i++) {
            rc = lk_call_check(err); /* there may be hundreds */
            if (rc == LIKEN_OK)
                rc = look_in_frame(look, &f, window_start(f.width, i), window_start(f.height, j), floor, out, err);
        }
    lk_frame_clear(&f);
    lk_nms(out, LK_YUNET_IOU);
    return rc;
}

/* ---- turns ---- */

/* Back from the photo turned clockwise by `turn` quarters. */
static liken_point turn_back(liken_point p, int turn, const lk_source *s) {
    const float w = (float)s->width, h = (float)s->height;
    return turn == 0   ? p
           : turn == 1 ? (liken_point){p.y, h - p.x}
           : turn == 2 ? (liken_point){w - p.x, h - p.y}
                       : (liken_point){w - p.y, p.x};
}

static liken_point turn_on(liken_point p, int turn, const lk_source *s) {
    const float w = (float)s->width, h = (float)s->height;
    return turn == 0   ? p
           : turn == 1 ? (liken_point){h - p.y, p.x}
           : turn == 2 ? (liken_point){w - p.x, h - p.y}
                       : (liken_point){p.y, w - p.x};
}

static liken_box box_between(liken_point a, liken_point b) {
    return (liken_box){fminf(a.x, b.x), fminf(a.y, b.y), fabsf(a.x - b.x), fabsf(a.y - b.y)};
}

lk_detection lk_look_turned_back(const lk_detection *d, int turn, const lk_source *s) {
    lk_detection out = *d;
    const liken_box *b = &d->box;
    out.box = box_between(turn_back((liken_point){b->x, b->y}, turn, s),
                          turn_back((liken_point){b->x + b->width, b->y + b->height}, turn, s));
    for (int i = 0; i < 5; i++)
        out.points[i] = turn_back(d->points[i], turn, s);
    return out;
}

liken_box lk_look_turned_box(const liken_box *b, int turn, const lk_source *s) {
    return box_between(turn_on((liken_point){b->x, b->y}, turn, s),
                       turn_on((liken_point){b->x + b->width, b->y + b->height}, turn, s));
}

void lk_look_turn_on(lk_detection *d, int turn, const lk_source *s) {
    d->box = lk_look_turned_box(&d->box, turn, s);
    for (int i = 0; i < 5; i++)
        d->points[i] = turn_on(d->points[i], turn, s);
}

/* ---- windows ---- */

/* A window in pixels of the look, and its place in a canvas. */
typedef struct spot {
    int x, y, width, height;
    int left, top;
} spot;

typedef struct canvas {
    const lk_look *look;
    double scale;
    int width, height;             /* of the canvas */
    int frame_width, frame_height; /* of the whole photo at this scale */
    uint8_t *rgb, *cut;            /* the canvas, and room for a window */
} canvas;

/* Positions of a window -> the photo as it lies in the file. */
static void window_map(const canvas *c, const spot *s, double m[6]) {
    const double unit = 1 / c->scale, x = s->x * unit, y = s->y * unit;
    const double w = c->look->source->width, h = c->look->source->height;
    const double maps[4][6] = {{unit, 0, x, 0, unit, y},
                               {0, unit, y, -unit, 0, h - x},
                               {-unit, 0, w - x, 0, -unit, h - y},
                               {0, -unit, w - y, unit, 0, x}};
    memcpy(m, maps[c->look->turn & 3], sizeof maps[0]);
}

static void draw_window(const canvas *c, const spot *s) {
    double map[6];
    window_map(c, s, map);
    lk_source_warp(c->look->source, map, s->width, s->height, c->cut);
    for (int y = 0; y < s->height; y++)
        memcpy(c->rgb + ((size_t)(s->top + y) * (size_t)c->width + (size_t)s->left) * 3,
               c->cut + (size_t)y * (size_t)s->width * 3, (size_t)s->width * 3);
}

static bool cut_off(const liken_box *b, const spot *s, const canvas *c) {
    const float x = b->x - (float)s->left, y = b->y - (float)s->top;
    return (s->x > 0 && x < BORDER) || (s->y > 0 && y < BORDER) ||
           (s->x + s->width < c->frame_width && x + b->width > (float)s->width - BORDER) ||
           (s->y + s->height < c->frame_height && y + b->height > (float)s->height - BORDER);
}

static const spot *spot_under(const liken_box *b, const spot *spots, size_t count) {
    const float x = b->x + b->width / 2, y = b->y + b->height / 2;
    for (const spot *s = spots; s < spots + count; s++)
        if (x >= (float)s->left && x < (float)(s->left + s->width) && y >= (float)s->top &&
            y < (float)(s->top + s->height))
            return s;
    return NULL;
}

static int see_canvas(canvas *c, const spot *spots, size_t count, float floor, lk_detections *out, liken_error *err) {
    const size_t bytes = (size_t)c->width * (size_t)c->height * 3;
    memset(c->rgb, 0, bytes);
    for (size_t i = 0; i < count; i++)
        draw_window(c, &spots[i]);
    lk_detections seen = {0};
    int rc = lk_yunet_look(c->look->yunet, c->rgb, (size_t)c->width * 3, c->width, c->height, floor, &seen, err);
    for (size_t i = 0; i < seen.count && rc == LIKEN_OK; i++) {
        lk_detection *d = &seen.items[i];
        const spot *s = spot_under(&d->box, spots, count);
        if (s == NULL || d->box.height >= LK_LOOK_TAKEN || cut_off(&d->box, s, c))
            continue;
        shift_and_scale(d, (float)(s->x - s->left), (float)(s->y - s->top), c->scale);
        rc = lk_detections_add(out, d, err);
    }
    lk_detections_clear(&seen);
    return rc;
}

static int higher_first(const void *pa, const void *pb) {
    const spot *a = pa, *b = pb;
    return a->height != b->height ? b->height - a->height : a->y != b->y ? a->y - b->y : a->x - b->x;
}

/* Lays spots out in rows, from the first on, until the canvas is full. Gives how many, and the size they take. */
static size_t lay_out(spot *spots, size_t count, int most, int *width, int *height) {
    int x = 0, top = 0, row = 0, used = 0;
    size_t i = 0;
    for (; i < count; i++) {
        spot *s = &spots[i];
        if (x + s->width > most) {
            top += row;
            x = row = 0;
        }
        if (top + s->height > LK_LOOK_SIDE)
            break;
        s->left = x;
        s->top = top;
        x += s->width;
        used = used > x ? used : x;
        row = row > s->height ? row : s->height;
    }
    *width = (used + 31) / 32 * 32;
    *height = (top + row + 31) / 32 * 32;
    return i;
}

/* Frame pixels of a window. */
static spot spot_of(const liken_box *b, const canvas *c) {
    const double s = c->scale;
    const int left = (int)fmax(0, floor(b->x * s)), top = (int)fmax(0, floor(b->y * s));
    const int right = (int)fmin(c->frame_width, ceil((b->x + b->width) * s));
    const int bottom = (int)fmin(c->frame_height, ceil((b->y + b->height) * s));
    return (spot){.x = left,
                  .y = top,
                  .width = right - left < LK_LOOK_SIDE ? right - left : LK_LOOK_SIDE,
                  .height = bottom - top < LK_LOOK_SIDE ? bottom - top : LK_LOOK_SIDE};
}

static size_t spots_of(const lk_windows *w, const canvas *c, spot *spots, int *width) {
    size_t count = 0;
    double pixels = 0;
    *width = LITTLE_SIDE;
    for (size_t i = 0; i < w->count; i++) {
        const spot s = spot_of(&w->items[i], c);
        if (s.width <= 0 || s.height <= 0)
            continue;
        spots[count++] = s;
        pixels += (double)s.width * s.height;
        if (s.width > *width)
            *width = LK_LOOK_SIDE;
    }
    if (pixels > (double)LITTLE_SIDE * LITTLE_SIDE)
        *width = LK_LOOK_SIDE;
    qsort(spots, count, sizeof *spots, higher_first);
    return count;
}

int lk_look_windows(const lk_look *look, const lk_windows *w, float floor, lk_detections *out, liken_error *err) {
    const bool aside = (look->turn & 1) != 0;
    const size_t canvas_bytes = (size_t)LK_LOOK_SIDE * LK_LOOK_SIDE * 3;
    canvas c = {.look = look, .scale = w->scale};
    c.frame_width = (int)ceil((aside ? look->source->height : look->source->width) * w->scale);
    c.frame_height = (int)ceil((aside ? look->source->width : look->source->height) * w->scale);
    if (w->count == 0)
        return LIKEN_OK;
    spot *spots = malloc(w->count * sizeof *spots);
    c.rgb = malloc(canvas_bytes);
    c.cut = malloc(canvas_bytes);
    int rc = spots == NULL || c.rgb == NULL || c.cut == NULL ? lk_fail_memory(err) : LIKEN_OK;
    int most = 0;
    size_t count = rc == LIKEN_OK ? spots_of(w, &c, spots, &most) : 0;
    for (size_t i = 0, n; i < count && rc == LIKEN_OK; i += n) {
        n = lay_out(spots + i, count - i, most, &c.width, &c.height);
        rc = see_canvas(&c, spots + i, n, floor, out, err);
    }
    if (rc == LIKEN_OK)
        lk_nms(out, LK_YUNET_IOU);
    free(spots);
    free(c.rgb);
    free(c.cut);
    return rc;
}

/* ---- merging windows ---- */

static double area_of(const liken_box *b) {
    return (double)b->width * b->height;
}

static bool merged(const liken_box *a, const liken_box *b, double scale, liken_box *both) {
    const float x = fminf(a->x, b->x), y = fminf(a->y, b->y);
    *both =
        (liken_box){x, y, fmaxf(a->x + a->width, b->x + b->width) - x, fmaxf(a->y + a->height, b->y + b->height) - y};
    const double most = LK_LOOK_SIDE / scale;
    return both->width <= most && both->height <= most && area_of(both) <= area_of(a) + area_of(b);
}

int lk_windows_add(lk_windows *w, const liken_box *box, liken_error *err) {
    liken_box now = *box, both;
    for (size_t i = 0; i < w->count; i++)
        if (merged(&now, &w->items[i], w->scale, &both)) {
            w->pixels -= area_of(&w->items[i]) * w->scale * w->scale;
            now = both;
            w->items[i] = w->items[--w->count];
            i = (size_t)-1; /* the larger one may take in others that were looked at before */
        }
    if (w->count == w->capacity) {
        const size_t capacity = w->capacity == 0 ? 32 : 2 * w->capacity;
        liken_box *items = realloc(w->items, capacity * sizeof *items);
        if (items == NULL)
            return lk_fail_memory(err);
        w->items = items;
        w->capacity = capacity;
    }
    w->items[w->count++] = now;
    w->pixels += area_of(&now) * w->scale * w->scale;
    return LIKEN_OK;
}

void lk_windows_clear(lk_windows *w) {
    free(w->items);
    *w = (lk_windows){.scale = w->scale};
}
