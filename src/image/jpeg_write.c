/* jpeg_write.c - upright RGB as a JPEG file, by libjpeg itself.
 *
 * A thumbnail is written for each photo that is added. Through libvips, which starts threads and tables of its own for
 * every picture, it takes four times as long. The Huffman tables are the standard's: own ones save 3 % of the bytes for
 * half of the time. */
#include "image/jpeg_write.h"

#include <setjmp.h>
#include <stdio.h> /* which jpeglib.h needs */
#include <stdlib.h>

#include <jerror.h>
#include <jpeglib.h>

#define FINE 90                 /* from this quality on colours have as many pixels as brightness */
#define ROOM ((size_t)32 << 10) /* bytes at first; most pictures have less */

typedef struct writer {
    struct jpeg_compress_struct c;
    struct jpeg_error_mgr fault;
    struct jpeg_destination_mgr to;
    jmp_buf back;
    JOCTET *bytes;
    size_t room, size;
    bool full; /* memory did not suffice */
} writer;

static void give_up(j_common_ptr c) {
    writer *w = c->client_data;
    longjmp(w->back, 1);
}

static void say_nothing(j_common_ptr c) {
    (void)c;
}

/* ---- where the bytes go ---- */

static void no_more(j_compress_ptr c) {
    writer *w = c->client_data;
    w->full = true;
    longjmp(w->back, 1);
}

static void begin(j_compress_ptr c) {
    writer *w = c->client_data;
    w->bytes = malloc(ROOM);
    w->room = ROOM;
    if (w->bytes == NULL)
        no_more(c);
    w->to.next_output_byte = w->bytes;
    w->to.free_in_buffer = w->room;
}

static boolean grow(j_compress_ptr c) {
    writer *w = c->client_data;
    JOCTET *more = realloc(w->bytes, 2 * w->room);
    if (more == NULL)
        no_more(c);
    w->bytes = more;
    w->to.next_output_byte = more + w->room;
    w->to.free_in_buffer = w->room;
    w->room *= 2;
    return TRUE;
}

static void end(j_compress_ptr c) {
    writer *w = c->client_data;
    w->size = w->room - w->to.free_in_buffer;
}

/* ---- the picture ---- */

static void write_rows(writer *w, const lk_image *image) {
    while (w->c.next_scanline < w->c.image_height) {
        JSAMPROW row = image->rgb + w->c.next_scanline * image->stride;
        (void)jpeg_write_scanlines(&w->c, &row, 1);
    }
}

/* False: w->full or w->fault says why. */
static bool write_all(writer *w, const lk_image *image, int quality) {
    if (setjmp(w->back) != 0)
        return false;
    jpeg_create_compress(&w->c);
    w->to =
        (struct jpeg_destination_mgr){.init_destination = begin, .empty_output_buffer = grow, .term_destination = end};
    w->c.dest = &w->to;
    w->c.image_width = (JDIMENSION)image->width;
    w->c.image_height = (JDIMENSION)image->height;
    w->c.input_components = 3;
    w->c.in_color_space = JCS_RGB;
    jpeg_set_defaults(&w->c);
    jpeg_set_quality(&w->c, quality, TRUE);
    if (quality >= FINE)
        w->c.comp_info[0].h_samp_factor = w->c.comp_info[0].v_samp_factor = 1;
    jpeg_start_compress(&w->c, TRUE);
    write_rows(w, image);
    jpeg_finish_compress(&w->c);
    return true;
}

int lk_jpeg_write(const lk_image *image, int quality, void **out, size_t *size, liken_error *err) {
    writer *w = calloc(1, sizeof *w); /* not on the stack, which a jump back would leave undefined */
    if (w == NULL)
        return lk_fail_memory(err);
    w->c.err = jpeg_std_error(&w->fault);
    w->c.client_data = w;
    w->fault.error_exit = give_up;
    w->fault.output_message = say_nothing;
    int rc = LIKEN_OK;
    if (write_all(w, image, quality)) {
        *out = w->bytes;
        *size = w->size;
    } else if (w->full || w->fault.msg_code == JERR_OUT_OF_MEMORY) {
        rc = lk_fail_memory(err);
    } else {
        rc = lk_fail(err, LIKEN_E_INTERNAL, "The picture of %d x %d could not be written as JPEG. Please report it.",
                     image->width, image->height);
    }
    jpeg_destroy_compress(&w->c);
    if (rc != LIKEN_OK)
        free(w->bytes);
    free(w);
    return rc;
}
