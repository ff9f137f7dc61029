/* form.c - forms, taken apart while they arrive by libmicrohttpd's post processor.
 *
 * The processor reports pieces of values; a piece at offset 0 starts a part. (It may report offset 0 twice, first with
 * nothing, when a boundary might have started: the empty piece is then joined with the next.) It skips whatever
 * precedes the first boundary, so a body that holds none ends without any part: that is an error here. */
#include "base/text.h"
#include "http/http_int.h"

#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define PROCESSOR_ROOM 32768 /* also the limit of one header line of a part */

struct part {
    lk_part view;
    bool file;
    lk_buf data;
};

struct lk_form {
    struct MHD_PostProcessor *processor;
    struct part parts[LK_FORM_PARTS];
    size_t count, max_body, received, text; /* text: bytes in parts that are no files */
    const char *files;
    bool finished;
    lk_arena arena;
    liken_error fault; /* of the part at hand; code 0: none */
};

static const char multipart[] = "multipart/form-data", urlencoded[] = "application/x-www-form-urlencoded";

bool lk_media_is(const char *content_type, const char *media_type) {
    const size_t n = strlen(media_type);
    return content_type != NULL && strncasecmp(content_type, media_type, n) == 0 &&
           (content_type[n] == '\0' || content_type[n] == ';' || content_type[n] == ' ');
}

bool lk_form_reads(const char *content_type) {
    return lk_media_is(content_type, multipart) || lk_media_is(content_type, urlencoded);
}

static bool same(const char *a, const char *b) {
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool too_long(const char *text, size_t limit) {
    return text != NULL && strlen(text) > limit;
}

static int open_part(lk_form *f, const char *name, const char *filename, const char *type) {
    liken_error *err = &f->fault;
    const struct part *last = f->count > 0 ? &f->parts[f->count - 1] : NULL;
    if (name == NULL)
        return lk_fail(err, LIKEN_E_ARG, "A part of the form has no name.");
    if (last != NULL && last->data.size == 0 && same(last->view.name, name) && same(last->view.filename, filename) &&
        same(last->view.type, type))
        return LIKEN_OK;
    if (f->count == LK_FORM_PARTS)
        return lk_fail(err, LIKEN_E_TOO_LARGE, "The form has more than the limit of %d parts.", LK_FORM_PARTS);
    if (too_long(name, LK_FORM_NAME_MAX))
        return lk_fail(err, LIKEN_E_TOO_LARGE, "The name of a part is longer than the limit of %d bytes.",
                       LK_FORM_NAME_MAX);
    if (too_long(filename, LK_FORM_LABEL_MAX) || too_long(type, LK_FORM_LABEL_MAX))
        return lk_fail(err, LIKEN_E_TOO_LARGE, "The filename or type of a part is longer than the limit of %d bytes.",
                       LK_FORM_LABEL_MAX);
    struct part *p = &f->parts[f->count];
    p->view = (lk_part){lk_arena_string(&f->arena, name), lk_arena_string(&f->arena, filename),
                        lk_arena_string(&f->arena, type), "", 0};
    p->file = f->files == NULL || lk_word_find(f->files, name) >= 0;
    lk_buf_init(&p->data, f->max_body);
    f->count++;
    return p->view.name == NULL ? lk_fail_memory(err) : LIKEN_OK;
}

/* Before they are kept: what is no file counts against a small limit that all such parts share. */
static int take(lk_form *f, struct part *p, const char *data, size_t size) {
    if (!p->file && (f->text += size) > LK_FORM_TEXT_MAX)
        return lk_fail(&f->fault, LIKEN_E_TOO_LARGE,
                       "The parts of the form beside the photo are together longer than the limit of %d bytes.",
                       LK_FORM_TEXT_MAX);
    return lk_buf_append(&p->data, data, size, &f->fault);
}

static enum MHD_Result piece(void *cls, enum MHD_ValueKind kind, const char *name, const char *filename,
                             const char *type, const char *encoding, const char *data, uint64_t offset, size_t size) {
    (void)kind;
    (void)encoding;
    lk_form *f = cls;
    if (f->fault.code != LIKEN_OK)
        return MHD_NO;
    if (offset == 0 && open_part(f, name, filename, type) != LIKEN_OK)
        return MHD_NO;
    if (f->count == 0)
        return MHD_NO;
    struct part *p = &f->parts[f->count - 1];
    if (size > 0 && take(f, p, data, size) != LIKEN_OK)
        return MHD_NO;
    p->view.data = p->data.data != NULL ? p->data.data : "";
    p->view.size = p->data.size;
    return MHD_YES;
}

int lk_form_start(lk_form **out, struct MHD_Connection *connection, const char *files, size_t max_body,
                  liken_error *err) {
    lk_form *f = calloc(1, sizeof *f);
    if (f == NULL)
        return lk_fail_memory(err);
    f->max_body = max_body;
    f->files = files;
    f->processor = MHD_create_post_processor(connection, PROCESSOR_ROOM, piece, f);
    if (f->processor == NULL) {
        free(f);
        return lk_fail(err, LIKEN_E_ARG,
                       "The multipart form names no boundary in its Content-Type, or one of a single character.");
    }
    *out = f;
    return LIKEN_OK;
}

static int malformed(lk_form *f, liken_error *err) {
    if (f->fault.code == LIKEN_OK)
        return lk_fail(err, LIKEN_E_ARG, "The form is malformed: a part or its boundary is damaged or cut off.");
    if (err != NULL)
        *err = f->fault;
    return f->fault.code;
}

int lk_form_feed(lk_form *f, const char *data, size_t size, liken_error *err) {
    f->received += size;
    return MHD_post_process(f->processor, data, size) == MHD_YES && f->fault.code == LIKEN_OK ? LIKEN_OK
                                                                                              : malformed(f, err);
}

int lk_form_finish(lk_form *f, liken_error *err) {
    const bool whole = MHD_destroy_post_processor(f->processor) == MHD_YES;
    f->processor = NULL;
    if (!whole || f->fault.code != LIKEN_OK)
        return malformed(f, err);
    if (f->count == 0 && f->received > 0)
        return lk_fail(err, LIKEN_E_ARG, "The form holds no part: its boundary never occurs.");
    f->finished = true;
    return LIKEN_OK;
}

size_t lk_form_count(const lk_form *f) {
    return f == NULL || !f->finished ? 0 : f->count;
}

const lk_part *lk_form_at(const lk_form *f, size_t i) {
    return i < lk_form_count(f) ? &f->parts[i].view : NULL;
}

void lk_form_free(lk_form *f) {
    if (f == NULL)
        return;
    if (f->processor != NULL)
        (void)MHD_destroy_post_processor(f->processor); /* whether it was whole no longer matters */
    for (size_t i = 0; i < f->count; i++)
        lk_buf_free(&f->parts[i].data);
    lk_arena_free(&f->arena);
    free(f);
}
