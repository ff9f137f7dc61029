/* form.c - the parts of a body: kept, bounded, and made ready to be read.
 *
 * Which of the readers of parts.h takes the body apart, its Content-Type says. Parts that may be photos share the room
 * of the body; all others together have little, so that a form cannot be a way to send a book of labels.
 *
 * Texts are UTF-8 for whoever reads them. Some clients still say otherwise, for one part (Content-Type: text/plain;
 * charset=ISO-8859-1) or for all, with a field of the name _charset_ (HTML), which is no parameter: Latin-1 is
 * translated, and what is in another character set and not plain ASCII is refused. */
#include "base/base64.h"
#include "base/text.h"
#include "http/http_int.h"
#include "http/parts.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct part {
    lk_part view;
    bool file;
    lk_coding coding;
    const char *charset;
    lk_buf data;
};

struct lk_form {
    lk_multipart *multipart; /* one of these three is in use */
    lk_json_parts *json;
    lk_urlencoded urlencoded;
    struct part parts[LK_FORM_PARTS];
    size_t count, max_body, text; /* text: bytes in parts that are no files */
    const char *files;
    bool open, finished;
    const char *blamed;
    lk_buf rest; /* of a JSON body */
    lk_arena arena;
};

static const char multipart[] = "multipart/form-data", urlencoded[] = "application/x-www-form-urlencoded",
                  json[] = "application/json";

bool lk_media_is(const char *content_type, const char *media_type) {
    const size_t n = strlen(media_type);
    return content_type != NULL && strncasecmp(content_type, media_type, n) == 0 &&
           (content_type[n] == '\0' || content_type[n] == ';' || content_type[n] == ' ');
}

bool lk_form_reads(const char *content_type) {
    return lk_media_is(content_type, multipart) || lk_media_is(content_type, urlencoded);
}

/* ---- parts, as the readers tell of them ---- */

static bool too_long(const char *text, size_t limit) {
    return text != NULL && strlen(text) > limit;
}

static int check_head(const lk_form *f, const lk_part_head *head, liken_error *err) {
    if (f->count == LK_FORM_PARTS)
        return lk_fail(err, LIKEN_E_TOO_LARGE, "The form has more than the limit of %d parts.", LK_FORM_PARTS);
    if (too_long(head->name, LK_FORM_NAME_MAX))
        return lk_fail(err, LIKEN_E_TOO_LARGE, "The name of a part is longer than the limit of %d bytes.",
                       LK_FORM_NAME_MAX);
    if (too_long(head->filename, LK_FORM_LABEL_MAX) || too_long(head->type, LK_FORM_LABEL_MAX))
        return lk_fail(err, LIKEN_E_TOO_LARGE, "The filename or type of a part is longer than the limit of %d bytes.",
                       LK_FORM_LABEL_MAX);
    return LIKEN_OK;
}

static int open_part(void *cls, const lk_part_head *head, liken_error *err) {
    lk_form *f = cls;
    const int rc = check_head(f, head, err);
    if (rc != LIKEN_OK)
        return rc;
    struct part *p = &f->parts[f->count];
    lk_arena *a = &f->arena;
    *p = (struct part){.view = {lk_arena_string(a, head->name), lk_arena_string(a, head->filename),
                                lk_arena_string(a, head->type), "", 0},
                       .file = f->files == NULL || lk_word_find(f->files, head->name) >= 0,
                       .coding = head->coding,
                       .charset = lk_arena_string(a, head->charset)};
    lk_buf_init(&p->data, f->max_body);
    f->count++;
    f->open = true;
    const bool whole = p->view.name != NULL && (p->view.filename == NULL) == (head->filename == NULL) &&
                       (p->view.type == NULL) == (head->type == NULL) &&
                       (p->charset == NULL) == (head->charset == NULL);
    return whole ? LIKEN_OK : lk_fail_memory(err);
}

/* Before they are kept: what is no file counts against a small limit that all such parts share. */
static int take(void *cls, const char *bytes, size_t size, liken_error *err) {
    lk_form *f = cls;
    struct part *p = &f->parts[f->count - 1];
    if (!p->file && (f->text += size) > LK_FORM_TEXT_MAX)
        return lk_fail(err, LIKEN_E_TOO_LARGE,
                       "The parts of the form beside the photo are together longer than the limit of %d bytes.",
                       LK_FORM_TEXT_MAX);
    return lk_buf_append(&p->data, bytes, size, err);
}

/* What follows decodes in place: data only becomes shorter. */
static bool decode_base64(lk_buf *data) {
    lk_base64 b = {0};
    size_t written = 0, more = 0;
    uint8_t last[2] = {0};
    if (lk_base64_read(&b, data->data, data->size, (uint8_t *)data->data, &written) < data->size ||
        !lk_base64_end(&b, last, &more))
        return false;
    memcpy(data->data + written, last, more);
    data->size = written + more;
    return true;
}

/* Quoted-printable (RFC 2045, 6.7): =E4 is a byte, "=" at the end of a line joins it with the next. The NUL behind the
 * data ends every look ahead. */
static bool decode_quoted(lk_buf *data) {
    const char *from = data->data, *end = from + data->size;
    char *to = data->data;
    while (from < end) {
        const int high = *from == '=' ? lk_hex_value(from[1]) : -1, low = high < 0 ? -1 : lk_hex_value(from[2]);
        if (*from != '=') {
            *to++ = *from++;
        } else if (low >= 0) {
            *to++ = (char)(high << 4 | low);
            from += 3;
        } else if (from[1] == '\n' || (from[1] == '\r' && from[2] == '\n')) {
            from += from[1] == '\n' ? 2 : 3;
        } else {
            return false;
        }
    }
    data->size = (size_t)(to - data->data);
    return true;
}

static int decode(struct part *p, liken_error *err) {
    const bool base64 = p->coding == LK_CODING_BASE64;
    if (p->coding == LK_CODING_NONE || p->data.size == 0)
        return LIKEN_OK;
    if (!(base64 ? decode_base64(&p->data) : decode_quoted(&p->data)))
        return lk_fail(err, LIKEN_E_ARG,
                       "The part \"%.60s\" of the form says that it is in %s (Content-Transfer-Encoding), and is not.",
                       p->view.name, base64 ? "base64" : "quoted-printable");
    p->data.data[p->data.size] = '\0';
    return LIKEN_OK;
}

static int close_part(void *cls, liken_error *err) {
    lk_form *f = cls;
    struct part *p = &f->parts[f->count - 1];
    const int rc = decode(p, err);
    if (rc == LIKEN_OK)
        f->open = false;
    return rc;
}

/* ---- receiving ---- */

static int choose(lk_form *f, const char *content_type, liken_error *err) {
    const lk_part_sink sink = {open_part, take, close_part, f};
    if (lk_media_is(content_type, multipart))
        return lk_multipart_start(&f->multipart, content_type, &sink, err);
    if (lk_media_is(content_type, json))
        return lk_json_parts_start(&f->json, f->files == NULL ? "" : f->files, &f->rest, &sink, err);
    lk_urlencoded_start(&f->urlencoded, LK_FORM_NAME_MAX, &sink);
    return LIKEN_OK;
}

int lk_form_start(lk_form **out, const char *content_type, const char *files, size_t max_body, size_t max_json,
                  liken_error *err) {
    lk_form *f = calloc(1, sizeof *f);
    if (f == NULL)
        return lk_fail_memory(err);
    f->max_body = max_body;
    f->files = files;
    lk_buf_init(&f->rest, max_json);
    const int rc = choose(f, content_type, err);
    if (rc == LIKEN_OK)
        *out = f;
    else
        lk_form_free(f);
    return rc;
}

int lk_form_feed(lk_form *f, const char *data, size_t size, liken_error *err) {
    const int rc = f->multipart != NULL ? lk_multipart_feed(f->multipart, data, size, err)
                   : f->json != NULL    ? lk_json_parts_feed(f->json, data, size, err)
                                        : lk_urlencoded_feed(&f->urlencoded, data, size, err);
    if (rc != LIKEN_OK && f->open)
        f->blamed = f->parts[f->count - 1].view.name;
    return rc;
}

/* ---- texts ---- */

static bool is_one_of(const char *word, const char *const *words) {
    while (*words != NULL && strcasecmp(word, *words) != 0)
        words++;
    return *words != NULL;
}

static bool is_ascii(const lk_buf *b) {
    for (size_t i = 0; i < b->size; i++)
        if ((unsigned char)b->data[i] >= 0x80)
            return false;
    return true;
}

static int from_latin1(struct part *p, liken_error *err) {
    lk_buf utf8;
    int rc = LIKEN_OK;
    lk_buf_init(&utf8, 2 * p->data.size);
    for (size_t i = 0; rc == LIKEN_OK && i < p->data.size; i++) {
        char character[2];
        const size_t size = lk_utf8_of_latin1((unsigned char)p->data.data[i], character);
        rc = lk_buf_append(&utf8, character, size, err);
    }
    if (rc != LIKEN_OK) {
        lk_buf_free(&utf8);
        return rc;
    }
    lk_buf_free(&p->data);
    p->data = utf8;
    return LIKEN_OK;
}

static int translate(struct part *p, const char *charset, liken_error *err) {
    static const char *const utf8[] = {"utf-8", "utf8", "us-ascii", "ascii", "", NULL};
    static const char *const latin1[] = {"iso-8859-1", "latin1", NULL};
    if (charset == NULL || is_one_of(charset, utf8) || is_ascii(&p->data))
        return LIKEN_OK;
    if (is_one_of(charset, latin1))
        return from_latin1(p, err);
    return lk_fail(err, LIKEN_E_ARG, "The part \"%.60s\" of the form is in the character set %.40s: send UTF-8.",
                   p->view.name, charset);
}

/* The character set of all texts that do not say their own: the value of _charset_, which is taken out. */
static const char *common_charset(lk_form *f) {
    for (size_t i = 0; i < f->count; i++) {
        struct part *p = &f->parts[i];
        if (p->file || strcmp(p->view.name, "_charset_") != 0)
            continue;
        const char *charset = lk_arena_string(&f->arena, p->data.data);
        lk_buf_free(&p->data);
        memmove(p, p + 1, (--f->count - i) * sizeof *p);
        return charset;
    }
    return NULL;
}

static int finish_reader(lk_form *f, liken_error *err) {
    if (f->multipart != NULL)
        return lk_multipart_finish(f->multipart, err);
    return f->json != NULL ? lk_json_parts_finish(f->json, err) : lk_urlencoded_finish(&f->urlencoded, err);
}

int lk_form_finish(lk_form *f, liken_error *err) {
    int rc = finish_reader(f, err);
    if (rc != LIKEN_OK && f->json != NULL && f->open)
        f->blamed = f->parts[f->count - 1].view.name;
    const char *common = common_charset(f);
    for (size_t i = 0; rc == LIKEN_OK && i < f->count; i++) {
        struct part *p = &f->parts[i];
        if (!p->file)
            rc = translate(p, p->charset != NULL ? p->charset : common, err);
        p->view.data = p->data.data != NULL ? p->data.data : "";
        p->view.size = p->data.size;
    }
    f->finished = rc == LIKEN_OK;
    return rc;
}

/* ---- reading ---- */

size_t lk_form_count(const lk_form *f) {
    return f == NULL || !f->finished ? 0 : f->count;
}

const lk_part *lk_form_at(const lk_form *f, size_t i) {
    return i < lk_form_count(f) ? &f->parts[i].view : NULL;
}

const char *lk_form_json(const lk_form *f, size_t *size) {
    *size = f->rest.size;
    return f->rest.data;
}

const char *lk_form_blamed(const lk_form *f) {
    return f->blamed;
}

void lk_form_free(lk_form *f) {
    if (f == NULL)
        return;
    lk_multipart_free(f->multipart);
    lk_json_parts_free(f->json);
    lk_urlencoded_free(&f->urlencoded);
    for (size_t i = 0; i < f->count; i++)
        lk_buf_free(&f->parts[i].data);
    lk_buf_free(&f->rest);
    lk_arena_free(&f->arena);
    free(f);
}
