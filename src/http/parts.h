/* parts.h - bodies that come apart into parts while they arrive: multipart/form-data (multipart.c), forms in the way of
 * addresses (urlencoded.c), JSON whose photos are base64 (json_parts.c). A reader takes pieces of any size, keeps
 * nothing but what it is in the middle of, and tells a sink; form.c is the sink that keeps the parts and counts them.
 *
 * After a failure, its own or the sink's, a reader takes nothing more. Errors are sentences for the client:
 * LIKEN_E_ARG, LIKEN_E_TOO_LARGE. */
#ifndef LK_HTTP_PARTS_H
#define LK_HTTP_PARTS_H

#include "base/arena.h"
#include "base/buf.h"

typedef enum lk_coding { LK_CODING_NONE, LK_CODING_BASE64, LK_CODING_QUOTED } lk_coding; /* quoted-printable */

typedef struct lk_part_head {
    const char *name, *filename, *type, *charset; /* NULL: not said */
    lk_coding coding;                             /* what its data still is in */
} lk_part_head;

/* Each part: open, data as often as need be, close. What they are given is gone when they return. */
typedef struct lk_part_sink {
    int (*open)(void *cls, const lk_part_head *head, liken_error *err);
    int (*data)(void *cls, const char *bytes, size_t size, liken_error *err);
    int (*close)(void *cls, liken_error *err);
    void *cls;
} lk_part_sink;

/* ---- part_head.c: what the headers of a part say ---- */

/* The parameter of a header's value ("form-data; name=file"), its name in any case, as a token or quoted; *out NULL
 * when absent. LIKEN_E_ARG: it is there twice, or a quote before or in it is never closed. */
int lk_header_parameter(const char *value, const char *name, lk_arena *arena, const char **out, liken_error *err);
/* Reads a block of header lines; strings live in the arena. LIKEN_E_ARG. */
int lk_part_head_read(const char *block, size_t size, lk_arena *arena, lk_part_head *out, liken_error *err);

/* ---- multipart.c ---- */

#define LK_BOUNDARY_MAX 200 /* RFC 2046 has 70 */
#define LK_PART_HEADERS_MAX 32768

typedef struct lk_multipart lk_multipart;

/* LIKEN_E_ARG: the Content-Type names no boundary, or one that cannot be. */
int lk_multipart_start(lk_multipart **out, const char *content_type, const lk_part_sink *sink, liken_error *err);
int lk_multipart_feed(lk_multipart *m, const char *data, size_t size, liken_error *err);
/* LIKEN_E_ARG: the form is cut short. */
int lk_multipart_finish(lk_multipart *m, liken_error *err);
void lk_multipart_free(lk_multipart *m);

/* ---- urlencoded.c ---- */

typedef struct lk_urlencoded {
    lk_part_sink sink;
    lk_buf name;
    int state;
    char digit; /* the first of an escape */
} lk_urlencoded;

/* Names longer than `name_max` bytes are refused. */
void lk_urlencoded_start(lk_urlencoded *u, size_t name_max, const lk_part_sink *sink);
int lk_urlencoded_feed(lk_urlencoded *u, const char *data, size_t size, liken_error *err);
int lk_urlencoded_finish(lk_urlencoded *u, liken_error *err);
void lk_urlencoded_free(lk_urlencoded *u);

/* ---- json_parts.c ---- */

typedef struct lk_json_parts lk_json_parts;

/* Members of the outermost object that are named in `files` (separated by spaces; borrowed) and are strings become
 * parts, decoded; everything else is copied to `rest` as it is, with null in their place. */
int lk_json_parts_start(lk_json_parts **out, const char *files, lk_buf *rest, const lk_part_sink *sink,
                        liken_error *err);
int lk_json_parts_feed(lk_json_parts *j, const char *data, size_t size, liken_error *err);
int lk_json_parts_finish(lk_json_parts *j, liken_error *err);
void lk_json_parts_free(lk_json_parts *j);

#endif
