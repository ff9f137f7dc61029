/* jpeg_read.c - rows of an ordinary JPEG, YCbCr without a colour profile, by libjpeg itself.
 *
 * Most photos are that. libvips reads them by libjpeg too, but clears and copies every strip on its way through: that
 * is a sixth of the time of a large one and two thirds of a small one's. All else is left to it, and so is a file in
 * which anything is wrong: from the row of the damage on it gives the rows, or says why not. Both give the same pixels.
 */
#include "image/reader.h"

#include <setjmp.h>
#include <stdio.h> /* which jpeglib.h needs */
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

#define PROFILE (JPEG_APP0 + 2)
#define PROFILE_NAME "ICC_PROFILE" /* and a zero */

typedef struct jpeg_reader {
    lk_reader base;
    struct jpeg_decompress_struct c;
    struct jpeg_error_mgr fault;
    jmp_buf back;
    lk_reader *inner; /* from the damage on */
    int inner_row;    /* that it gives next */
    const uint8_t *bytes;
    size_t size;
    lk_vips_options options;
    uint8_t *rgb;
} jpeg_reader;

static void give_up(j_common_ptr c) {
    jpeg_reader *r = c->client_data;
    longjmp(r->back, 1);
}

/* libjpeg tells of damage by a warning and goes on with gray. */
static void on_message(j_common_ptr c, int level) {
    if (level < 0)
        give_up(c);
}

static void say_nothing(j_common_ptr c) {
    (void)c;
}

static bool has_profile(const jpeg_reader *r) {
    for (jpeg_saved_marker_ptr m = r->c.marker_list; m != NULL; m = m->next)
        if (m->marker == PROFILE && m->data_length >= sizeof PROFILE_NAME &&
            memcmp(m->data, PROFILE_NAME, sizeof PROFILE_NAME) == 0)
            return true;
    return false;
}

/* False: not for us, or damaged at its beginning. */
static bool begin(jpeg_reader *r) {
    if (setjmp(r->back) != 0)
        return false;
    jpeg_create_decompress(&r->c);
    jpeg_mem_src(&r->c, r->bytes, (unsigned long)r->size);
    jpeg_save_markers(&r->c, PROFILE, sizeof PROFILE_NAME);
    (void)jpeg_read_header(&r->c, TRUE);
    if (r->c.jpeg_color_space != JCS_YCbCr || has_profile(r))
        return false;
    r->c.out_color_space = JCS_RGB;
    r->c.scale_num = 1;
    r->c.scale_denom = (unsigned)r->options.shrink;
    (void)jpeg_start_decompress(&r->c);
    r->base.width = (int)r->c.image_width / r->options.shrink; /* as libvips: what is left at the edges is cut off */
    r->base.height = (int)r->c.image_height / r->options.shrink;
    r->rgb = malloc((size_t)r->c.output_width * 3);
    return r->base.width > 0 && r->base.height > 0 && r->rgb != NULL;
}

/* ---- rows ---- */

/* libvips gives the rows from y on. */
static const uint8_t *from_libvips(jpeg_reader *r, int y) {
    liken_error err;
    if (r->inner == NULL && lk_vips_open(&r->inner, LK_KIND_JPEG, r->bytes, r->size, &r->options, &err) != LIKEN_OK) {
        r->base.starved = err.code == LIKEN_E_MEMORY;
        return NULL;
    }
    const uint8_t *row = NULL;
    for (; r->inner_row <= y; r->inner_row++)
        if ((row = r->inner->row(r->inner, r->inner_row)) == NULL)
            break;
    r->base.starved = r->inner->starved;
    return row;
}

static bool read_row(jpeg_reader *r) {
    JSAMPROW row = r->rgb;
    if (setjmp(r->back) != 0)
        return false;
    return jpeg_read_scanlines(&r->c, &row, 1) == 1;
}

static const uint8_t *row(lk_reader *base, int y) {
    jpeg_reader *r = (jpeg_reader *)base;
    if (r->inner == NULL && read_row(r))
        return r->rgb;
    return from_libvips(r, y);
}

/* ---- opening ---- */

static void close_reader(lk_reader *base) {
    jpeg_reader *r = (jpeg_reader *)base;
    if (r->inner != NULL)
        r->inner->close(r->inner);
    jpeg_destroy_decompress(&r->c);
    free(r->rgb);
    free(r);
}

lk_reader *lk_jpeg_open(const uint8_t *bytes, size_t size, int shrink) {
    jpeg_reader *r = calloc(1, sizeof *r); /* not on the stack, which a jump back would leave undefined */
    if (r == NULL)
        return NULL;
    r->base.row = row;
    r->base.close = close_reader;
    r->options = (lk_vips_options){.shrink = shrink, .scale = 1};
    r->bytes = bytes;
    r->size = size;
    r->c.err = jpeg_std_error(&r->fault);
    r->c.client_data = r;
    r->fault.error_exit = give_up;
    r->fault.emit_message = on_message;
    r->fault.output_message = say_nothing;
    if (begin(r))
        return &r->base;
    close_reader(&r->base);
    return NULL;
}
