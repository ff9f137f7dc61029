/* hints.c - what a body or part is, where it is not what it is said to be: the mistakes that people make with curl and
 * with forms of their own, each told with what to write instead. By the first bytes alone; nothing is refused here that
 * could have been read. */
#include "api/api_int.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define SHOWN 60       /* bytes of a text that are repeated */
#define NAME_LIKE 1024 /* bytes: a text up to here may be the name of a file */

typedef struct span {
    const char *at;
    size_t size;
} span;

static bool begins(span s, const char *with) {
    return s.size >= strlen(with) && strncasecmp(s.at, with, strlen(with)) == 0;
}

/* ---- what it is ---- */

static const struct magic {
    size_t at, size;
    const char *bytes, *type;
} magics[] = {
    {0, 3, "\xff\xd8\xff", "image/jpeg"},   {0, 4, "\x89PNG", "image/png"},  {0, 4, "GIF8", "image/gif"},
    {8, 4, "WEBP", "image/webp"},           {4, 7, "ftyphei", "image/heic"}, {4, 7, "ftypmif", "image/heic"},
    {4, 7, "ftypavi", "image/avif"},        {0, 4, "II*\0", "image/tiff"},   {0, 4, "MM\0*", "image/tiff"},
    {4, 7, "ftypcrx", "image/x-canon-cr3"}, {0, 2, "\xff\x0a", "image/jxl"}, {4, 3, "JXL", "image/jxl"},
};

static const char *image_type(span s) {
    for (size_t i = 0; i < LK_LENGTH(magics); i++) {
        const struct magic *m = &magics[i];
        if (s.size >= m->at + m->size && memcmp(s.at + m->at, m->bytes, m->size) == 0)
            return m->type;
    }
    return NULL;
}

static span skip_space(span s) {
    while (s.size > 0 && isspace((unsigned char)*s.at)) {
        s.at++;
        s.size--;
    }
    return s;
}

static bool is_object(span s) {
    s = skip_space(s);
    if (s.size == 0 || *s.at != '{')
        return false;
    s = skip_space((span){s.at + 1, s.size - 1});
    return s.size > 0 && (*s.at == '"' || *s.at == '}');
}

/* A boundary's line, then a header. */
static bool is_multipart(span s) {
    s = skip_space(s);
    const char *end = s.size == 0 ? NULL : memchr(s.at, '\n', s.size);
    if (end == NULL || !begins(s, "--"))
        return false;
    return begins((span){end + 1, s.size - (size_t)(end + 1 - s.at)}, "Content-");
}

/* How the base64 of JPEG, PNG, WebP and HEIC begins. */
static bool is_base64(span s) {
    if (begins(s, "data:image/"))
        return true;
    return s.size > 10 && (memcmp(s.at, "/9j/", 4) == 0 || memcmp(s.at, "iVBORw0K", 8) == 0 ||
                           memcmp(s.at, "UklGR", 5) == 0 || memcmp(s.at + 6, "Z0eX", 4) == 0);
}

/* ---- bodies ---- */

static bool takes_photos(const lk_request *r) {
    const lk_route *route = lk_request_route(r);
    return route != NULL && route->max_json > 0;
}

/* How the route takes a photo of this type, for curl. */
static void how(const lk_request *r, const char *type, char *text, size_t room) {
    const lk_row *row = lk_row_of(r);
    if (row->body == LK_BODY_TWO_PHOTOS)
        (void)snprintf(text, room, "two photos in a form: -F a=@one.jpg -F b=@two.jpg");
    else if (row->about == LK_ABOUT_LEGACY)
        (void)snprintf(text, room, "it in a form: -F file=@photo.jpg");
    else
        (void)snprintf(text, room, "it with -H 'Content-Type: %s', or in a form: -F file=@photo.jpg", type);
}

static void say_type(const lk_request *r, char *text, size_t room) {
    const char *type = lk_request_header(r, "Content-Type");
    if (type == NULL)
        (void)snprintf(text, room, "there is no Content-Type");
    else
        (void)snprintf(text, room, "its Content-Type says %.*s", SHOWN, type);
}

/* Those that change the bytes: others (utf-8, binary) are a client's slip and change nothing. */
static bool is_compression(const char *coding) {
    static const char *const names[] = {"gzip", "x-gzip", "deflate", "br", "compress", "x-compress", "zstd"};
    for (size_t i = 0; coding != NULL && i < LK_LENGTH(names); i++)
        if (strncasecmp(coding, names[i], strlen(names[i])) == 0)
            return true;
    return false;
}

bool lk_hint_body(const lk_request *r, char *sentence, size_t room) {
    span s;
    s.at = lk_request_start(r, &s.size);
    const bool json = lk_request_is(r, "application/json"), form = lk_request_is(r, "multipart/form-data"),
               pairs = lk_request_is(r, "application/x-www-form-urlencoded");
    const char *image = json || form || pairs ? image_type(s) : NULL;
    char said[SHOWN + 64], send[160];
    const char *coding = lk_request_header(r, "Content-Encoding");
    say_type(r, said, sizeof said);
    if (s.size > 0 && is_compression(coding)) {
        (void)snprintf(sentence, room, "The body is compressed (Content-Encoding: %.*s): send it as it is.", SHOWN,
                       coding);
    } else if (image != NULL && takes_photos(r)) {
        how(r, image, send, sizeof send);
        (void)snprintf(sentence, room, "The body is a photo (%s), but %s%s. Send %s.", image, said,
                       pairs ? ", as curl does when nothing else is given" : "", send);
    } else if (!json && is_object(s)) {
        (void)snprintf(sentence, room,
                       "The body looks like JSON, but %s. Send it with -H 'Content-Type: application/json'.", said);
    } else if (!form && is_multipart(s)) {
        (void)snprintf(sentence, room,
                       "The body is a multipart form, but %s. Leave that header to what makes the form (curl -F, "
                       "requests' files=, FormData).",
                       said);
    } else if (!json && !form && takes_photos(r) && is_base64(s)) {
        (void)snprintf(sentence, room,
                       "The body is a photo in base64, but %s. Send the photo's bytes as they are, or JSON: {\"%s\": "
                       "\"...\"} with -H 'Content-Type: application/json'.",
                       said, strcmp(lk_request_path(r), "/v1/compare") == 0 ? "a" : "file");
    } else {
        return false;
    }
    return true;
}

/* ---- parts ---- */

/* One line of text, as names are. */
static bool is_line(span s) {
    for (size_t i = 0; i < s.size; i++)
        if ((unsigned char)s.at[i] < ' ' || s.at[i] == 0x7f)
            return false;
    return s.size > 0 && s.size <= NAME_LIKE;
}

bool lk_hint_photo(const char *name, const void *bytes, size_t size, char *sentence, size_t room) {
    span s = {bytes, size};
    while (s.size > 0 && size <= NAME_LIKE && (s.at[s.size - 1] == '\n' || s.at[s.size - 1] == '\r'))
        s.size--;
    const int shown = (int)(s.size < SHOWN ? s.size : SHOWN);
    const char *what = name != NULL ? name : "The body", *member = name != NULL ? name : "file";
    char flag[80] = "--data-binary @photo.jpg";
    if (name != NULL)
        (void)snprintf(flag, sizeof flag, "-F %.40s=@photo.jpg", name);
    if (is_base64(s))
        (void)snprintf(
            sentence, room,
            "%s is a photo in base64: send the photo's bytes as they are, or JSON with the base64 as its member "
            "\"%s\".",
            what, member);
    else if (is_line(s) && (begins(s, "http://") || begins(s, "https://")))
        (void)snprintf(sentence, room,
                       "%s is an address (%.*s), not an image: liken fetches none, send the photo's bytes.", what,
                       shown, s.at);
    else if (is_line(s))
        (void)snprintf(
            sentence, room,
            "%s is the text \"%.*s\", not an image: send the bytes of the photo. With curl that is %s, with the "
            "@.",
            what, shown, s.at, flag);
    else
        return false;
    return true;
}
