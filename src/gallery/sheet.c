/* A contact sheet: a picture that grows downwards by rows of cells, each a photo with a box on it and words below. The
 * photo is decoded no larger than it takes to show it, and where its face would be too small to be recognised, so
 * large that an enlarged face fits into a corner. */
#include "gallery/gallery_int.h"

#include "image/letters.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS 5
#define SIDE 256 /* of the square that a photo is fitted into */
#define GAP 16
#define CELL (SIDE + GAP)
#define SHEET_WIDTH (COLUMNS * CELL + GAP)
#define SCALE 2
#define LINE (LK_LETTER_HEIGHT * SCALE)
#define LINES 5 /* of words below a photo */
#define LETTERS (SIDE / (LK_LETTER_WIDTH * SCALE))
#define HEADING_SCALE 3
#define SMALL_FACE 56 /* pixels high in the sheet: a smaller one is shown enlarged as well */
#define INSET 88
#define LONGEST 2400 /* side of a photo as decoded */
#define JPEG_QUALITY 90

static const uint8_t black[3] = {20, 20, 20}, grey[3] = {150, 150, 150}, green[3] = {40, 220, 80},
                     white[3] = {255, 255, 255};

struct liken_sheet {
    liken *lk;
    lk_image canvas; /* rows up to `room` */
    int room, column, top;
    size_t photos;
};

/* ---- the paper ---- */

static int grow(liken_sheet *s, int height, liken_error *err) {
    lk_image *c = &s->canvas;
    if (c->height + height > s->room) {
        const int room = 2 * s->room > c->height + height ? 2 * s->room : c->height + height;
        uint8_t *rgb = realloc(c->rgb, (size_t)room * c->stride);
        if (rgb == NULL)
            return lk_fail_memory(err);
        c->rgb = rgb;
        s->room = room;
    }
    memset(c->rgb + (size_t)c->height * c->stride, 255, (size_t)height * c->stride);
    c->height += height;
    return LIKEN_OK;
}

int liken_sheet_new(liken_sheet **out, liken *lk, liken_error *err) {
    liken_sheet *s = calloc(1, sizeof *s);
    if (s == NULL)
        return lk_fail_memory(err);
    s->lk = lk;
    s->canvas.width = SHEET_WIDTH;
    s->canvas.stride = (size_t)SHEET_WIDTH * 3;
    const int rc = grow(s, GAP, err);
    if (rc != LIKEN_OK) {
        liken_sheet_free(s);
        return rc;
    }
    *out = s;
    return LIKEN_OK;
}

void liken_sheet_free(liken_sheet *s) {
    if (s == NULL)
        return;
    lk_image_clear(&s->canvas);
    free(s);
}

/* One line, cut where the sheet ends. */
static void draw_line(lk_image *image, int x, int y, int scale, size_t letters, const char *text,
                      const uint8_t rgb[3]) {
    const size_t size = (size_t)(lk_image_text_skip(text, letters) - text);
    char *line = strndup(text, size);
    if (line != NULL) /* out of memory: a line less */
        lk_image_draw_text(image, x, y, scale, line, rgb);
    free(line);
}

int liken_sheet_heading(liken_sheet *s, const char *text, liken_error *err) {
    const int height = LK_LETTER_HEIGHT * HEADING_SCALE, top = s->canvas.height;
    const int rc = grow(s, height + GAP, err);
    if (rc != LIKEN_OK)
        return rc;
    s->column = 0;
    draw_line(&s->canvas, GAP, top, HEADING_SCALE, (SHEET_WIDTH - 2 * GAP) / (LK_LETTER_WIDTH * HEADING_SCALE), text,
              black);
    return LIKEN_OK;
}

/* ---- a photo ---- */

static void paste(lk_image *to, const lk_image *from, int x, int y) {
    for (int row = 0; row < from->height; row++)
        memcpy(to->rgb + (size_t)(y + row) * to->stride + 3 * (size_t)x, from->rgb + (size_t)row * from->stride,
               3 * (size_t)from->width);
}

/* Longer side that shows the face, if there is one, in enough pixels. */
static int side_wanted(const lk_photo *photo, const liken_box *box) {
    const int longer = lk_photo_width(photo) > lk_photo_height(photo) ? lk_photo_width(photo) : lk_photo_height(photo);
    const float shown = box == NULL ? SIDE : box->height * SIDE / (float)longer;
    if (!(shown < SMALL_FACE) || !(shown > 0))
        return SIDE;
    const float side = SIDE * SMALL_FACE / shown;
    return side < LONGEST ? (int)side : LONGEST;
}

/* The face and some of what is around it, in the corner that it leaves free. */
static void draw_inset(lk_image *thumb, const lk_image *photo, const liken_box *box, float scale) {
    uint8_t rgb[INSET * INSET * 3];
    const float side = 1.7f * (box->width > box->height ? box->width : box->height) * scale;
    const double step = (double)side / INSET, left = (double)((box->x + box->width / 2) * scale - side / 2),
                 top = (double)((box->y + box->height / 2) * scale - side / 2);
    const double map[6] = {step, 0, left + step / 2 - 0.5, 0, step, top + step / 2 - 0.5};
    if (thumb->width < 2 * INSET || thumb->height < INSET)
        return;
    lk_image_warp(photo, map, INSET, INSET, rgb);
    lk_image inset = {.width = INSET, .height = INSET, .stride = (size_t)INSET * 3, .rgb = rgb};
    lk_image_draw_box(&inset, 0, 0, INSET, INSET, white);
    const float middle = (box->x + box->width / 2) * scale / (float)photo->width;
    paste(thumb, &inset, middle > 0.5f ? 0 : thumb->width - INSET, thumb->height - INSET);
}

static int fit(int side, int longer) {
    const int fitted = (int)lround((double)side * SIDE / longer);
    return fitted < 1 ? 1 : fitted;
}

static int draw_thumb(const lk_image *photo, double full, const liken_box *box, lk_image *out, liken_error *err) {
    const int longer = photo->width > photo->height ? photo->width : photo->height;
    const int rc = lk_image_resize(photo, fit(photo->width, longer), fit(photo->height, longer), out, err);
    if (rc != LIKEN_OK || box == NULL || !(box->height > 0))
        return rc;
    const float scale = (float)full * (float)out->width / (float)photo->width; /* of the box, here */
    lk_image_draw_box(out, box->x * scale, box->y * scale, box->width * scale, box->height * scale, green);
    if (box->height * scale < SMALL_FACE)
        draw_inset(out, photo, box, (float)full);
    return LIKEN_OK;
}

static int make_thumb(liken *lk, const liken_cell *cell, lk_image *out, liken_error *err) {
    lk_photo *photo = NULL;
    lk_image image = {0};
    double scale = 1;
    int rc = lk_photo_open(&photo, cell->bytes, cell->size, &lk->limits, err);
    if (rc == LIKEN_OK)
        rc = lk_photo_decode(photo, side_wanted(photo, cell->box), &image, &scale, err);
    lk_photo_free(photo);
    if (rc == LIKEN_OK)
        rc = draw_thumb(&image, scale, cell->box, out, err);
    lk_image_clear(&image);
    return rc;
}

/* ---- a cell ---- */

/* As many lines as there is room for, each going on in the next where it is too long. */
static void draw_words(lk_image *image, int x, int y, const char *const *lines, size_t count, size_t letters, int most,
                       const uint8_t rgb[3]) {
    int drawn = 0;
    for (size_t i = 0; i < count; i++) {
        for (const char *text = lines[i]; *text != '\0' && drawn < most; drawn++) {
            draw_line(image, x, y + drawn * LINE, SCALE, letters, text, rgb);
            text = lk_image_text_skip(text, letters);
        }
    }
}

/* The next one's place. */
static int take_cell(liken_sheet *s, int *x, int *y, liken_error *err) {
    if (s->column == COLUMNS)
        s->column = 0;
    if (s->column == 0) {
        s->top = s->canvas.height;
        const int rc = grow(s, SIDE + GAP / 2 + LINES * LINE + GAP, err);
        if (rc != LIKEN_OK)
            return rc;
    }
    *x = GAP + s->column++ * CELL;
    *y = s->top;
    return LIKEN_OK;
}

static int draw_frame(const char *why, lk_image *out, liken_error *err) {
    out->rgb = malloc((size_t)SIDE * SIDE * 3);
    if (out->rgb == NULL)
        return lk_fail_memory(err);
    out->width = out->height = SIDE;
    out->stride = (size_t)SIDE * 3;
    memset(out->rgb, 255, out->stride * SIDE);
    lk_image_draw_box(out, 0, 0, SIDE, SIDE, grey);
    if (why != NULL)
        draw_words(out, GAP / 2, SIDE / 6, &why, 1, LETTERS - 1, 9, black);
    return LIKEN_OK;
}

static int add(liken_sheet *s, const liken_cell *cell, liken_error *err) {
    lk_image thumb = {0};
    int x = 0, y = 0;
    if (s->photos >= LIKEN_SHEET_PHOTOS)
        return lk_fail(err, LIKEN_E_TOO_LARGE, "A contact sheet holds at most %d photos.", LIKEN_SHEET_PHOTOS);
    int rc = cell->bytes == NULL ? draw_frame(cell->why, &thumb, err) : make_thumb(s->lk, cell, &thumb, err);
    if (rc == LIKEN_OK)
        rc = take_cell(s, &x, &y, err);
    if (rc == LIKEN_OK) {
        paste(&s->canvas, &thumb, x + (SIDE - thumb.width) / 2, y + SIDE - thumb.height);
        draw_words(&s->canvas, x, y + SIDE + GAP / 2, cell->lines, cell->line_count, LETTERS, LINES, black);
        s->photos++;
    }
    lk_image_clear(&thumb);
    return rc;
}

int liken_sheet_add(liken_sheet *s, const liken_call *call, const liken_cell *cell, liken_error *err) {
    lk_call k;
    int rc = lk_gallery_enter(s->lk, &k, call, err);
    if (rc == LIKEN_OK)
        rc = add(s, cell, err);
    lk_gallery_leave(s->lk, &k);
    return rc;
}

int liken_sheet_jpeg(const liken_sheet *s, void **jpeg, size_t *size, liken_error *err) {
    return lk_image_encode_jpeg(&s->canvas, JPEG_QUALITY, jpeg, size, err);
}
