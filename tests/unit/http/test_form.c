/* Bodies that come apart into parts: each case is fed whole, and in pieces of several sizes, with the same outcome. */
#include "unit/test.h"

#include "http/http_int.h"

#include <stdlib.h>
#include <string.h>

#define FORM "multipart/form-data; boundary=XX"
#define URL "application/x-www-form-urlencoded"
#define JSON "application/json"
#define FILES "file a b"
#define PART(headers, data) "--XX\r\n" headers "\r\n\r\n" data "\r\n"
#define NAMED(rest, data) PART("Content-Disposition: form-data; " rest, data)
#define END "--XX--\r\n"

/* name|filename|data; for each part, then the JSON that is left; or the sentence of the fault. */
static char *outcome(const char *type, const char *body, size_t size, size_t piece, int *rc) {
    lk_form *f = NULL;
    liken_error err = {0};
    lk_buf b;
    lk_buf_init(&b, 1 << 20);
    *rc = lk_form_start(&f, type, FILES, 200000, 300, &err);
    for (size_t at = 0; *rc == LIKEN_OK && at < size; at += piece)
        *rc = lk_form_feed(f, body + at, size - at < piece ? size - at : piece, &err);
    if (*rc == LIKEN_OK)
        *rc = lk_form_finish(f, &err);
    if (*rc != LIKEN_OK)
        assert_int_equal(lk_buf_string(&b, err.message, NULL), 0);
    for (size_t i = 0; *rc == LIKEN_OK && i < lk_form_count(f); i++) {
        const lk_part *p = lk_form_at(f, i);
        assert_int_equal(((const char *)p->data)[p->size], 0);
        assert_int_equal(lk_buf_format(&b, NULL, "%s|%s|%s;", p->name, p->filename != NULL ? p->filename : "-",
                                       (const char *)p->data),
                         0);
    }
    size_t left = 0;
    if (*rc == LIKEN_OK && lk_form_json(f, &left) != NULL)
        assert_int_equal(lk_buf_append(&b, lk_form_json(f, &left), left, NULL), 0);
    lk_form_free(f);
    return b.data != NULL ? b.data : strdup("");
}

static void check(const char *type, const char *body, int rc, const char *piece) {
    static const size_t pieces[] = {1 << 20, 1, 2, 3, 7, 31};
    for (size_t i = 0; i < LK_LENGTH(pieces); i++) {
        int got = 0;
        char *text = outcome(type, body, strlen(body), pieces[i], &got);
        const bool fits = rc == LIKEN_OK ? strcmp(text, piece) == 0 : strstr(text, piece) != NULL;
        if (got != rc || !fits)
            fail_msg("%s in pieces of %zu:\n%s\nexpected %d \"%s\", got %d \"%s\"", type, pieces[i], body, rc, piece,
                     got, text);
        free(text);
    }
}

static void read_as(const char *body, const char *expected) {
    check(FORM, body, LIKEN_OK, expected);
}

static void refused(const char *body, const char *piece) {
    check(FORM, body, LIKEN_E_ARG, piece);
}

static void boundaries_are_found_where_they_are(void **state) {
    (void)state;
    read_as(NAMED("name=\"file\"", "data") END, "file|-|data;");
    read_as("some preamble\r\n--XXX\r\n" NAMED("name=t", "1") END "an epilogue\r\n" NAMED("name=u", "2") END, "t|-|1;");
    read_as("\r\n" NAMED("name=t", "1") "--XX--", "t|-|1;"); /* no line end behind the last */
    read_as("--XX \t \r\nContent-Disposition: form-data; name=t\r\n\r\n1\r\n--XX--  \r\n", "t|-|1;");
    read_as("--XX\r\nContent-Disposition: form-data; name=e\r\n\r\n" NAMED("name=t", "1") END, "e|-|;t|-|1;");
    read_as("--XX--\r\n", ""); /* a form without fields */
    read_as("", "");
    /* almost boundaries are data */
    read_as(NAMED("name=file", "a\r\n--X\r\n--XY\r\n--XX-\r\n--XX x\r\n\r\r\n-\r\n--XX\r-\n--XX\r\nb") END,
            "file|-|a\r\n--X\r\n--XY\r\n--XX-\r\n--XX x\r\n\r\r\n-\r\n--XX\r-\n--XX\r\nb;");
    read_as(NAMED("name=file", "--XXX\r\n--") END, "file|-|--XXX\r\n--;");
    /* lines that end with LF throughout */
    read_as("--XX\nContent-Disposition: form-data; "
            "name=file\n\na\r\nb\n--XX\ncontent-disposition:form-data;name=t\n\n1\n--XX--\n",
            "file|-|a\r\nb;t|-|1;");
    read_as("--XX\r\nContent-Disposition: form-data; name=t\n\n1\r\n" END, "t|-|1;");
    refused(NAMED("name=t", "1"), "cut short");
    refused("--XX\r\nContent-Disposition: form-data; name=t\r\n\r\n1", "cut short");
    refused("--XX\r\nContent-Disposition: form-data", "cut short");
    refused(NAMED("name=t", "1") "--XX-", "\"--XX--\" that ends it never came");
    refused("anything else", "\"--XX\" that its Content-Type promises never occurs");
}

static void boundaries_are_named_in_many_ways(void **state) {
    (void)state;
    static const char *const types[] = {
        "multipart/form-data; Boundary=XX",
        "multipart/form-data;BOUNDARY=\"XX\"",
        "Multipart/Form-Data ; boundary = XX ",
        "multipart/form-data; charset=utf-8; boundary=XX; x=y",
        "multipart/form-data; x=\"; boundary=YY\"; boundary=XX",
    };
    for (size_t i = 0; i < LK_LENGTH(types); i++)
        check(types[i], NAMED("name=t", "1") END, LIKEN_OK, "t|-|1;");
    check("multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=t\r\n\r\n1\r\n--xy\r\n--x--",
          LIKEN_OK, "t|-|1\r\n--xy;");
    check("multipart/form-data; boundary=\"a b:?=\"",
          "--a b:?=\r\nContent-Disposition: form-data; name=t\r\n\r\n1\r\n--a b:?=--", LIKEN_OK, "t|-|1;");
    check("multipart/form-data", END, LIKEN_E_ARG, "names no boundary");
    check("multipart/form-data; boundary=", END, LIKEN_E_ARG, "names no boundary");
    check("multipart/form-data; boundary=\"XX", END, LIKEN_E_ARG, "never closed");
    check("multipart/form-data; boundary=X; boundary=Y", END, LIKEN_E_ARG, "twice");
    check("multipart/form-data; boundary=\xc3\xa4", END, LIKEN_E_ARG, "printable ASCII");
}

static void names_are_read_in_every_dialect(void **state) {
    (void)state;
    read_as(NAMED("name=file; filename=a.jpg; filename*=utf-8''%C3%A4.jpg", "x") END,
            "file|\xc3\xa4.jpg|x;"); /* .NET */
    read_as(NAMED("filename*=UTF-8'de'b%20c; Name = \"file\" ;size=1;", "x") END, "file|b c|x;");
    read_as(NAMED("name=file; filename*=iso-8859-1''%E4%80; filename=a", "x") END, "file|\xc3\xa4\xc2\x80|x;");
    read_as(NAMED("name=file; filename=a; filename*=koi8-r''%C3", "x") END, "file|a|x;");
    read_as(NAMED("name=file; filename=a; filename*=utf-8''%FF", "x") END, "file|a|x;");
    read_as(NAMED("name=file; filename=a; filename*=utf-8''%0", "x") END, "file|a|x;");
    read_as(NAMED("name=file; filename=a; filename*=utf-8''%00", "x") END, "file|a|x;");
    read_as(NAMED("name=file; filename=a; filename*=b", "x") END, "file|a|x;");
    read_as(NAMED("name*=utf-8''%66ile", "x") END, "file|-|x;");
    read_as(NAMED("name=file; filename=my photo.jpg ; x", "x") END, "file|my photo.jpg|x;");
    read_as(NAMED("name=\"file\"; filename=\"a;b \\\"c\\\" \\\\d%22e%0D%0a100%.jpg\"", "x") END,
            "file|a;b \"c\" \\d\"e\r\n100%.jpg|x;");
    read_as(NAMED("name=file; filename=\"C:\\My Photos\\new\\a.jpg\"", "x") END, "file|a.jpg|x;");
    read_as(NAMED("name=file; filename=\"\\\\server\\share\\a.jpg\"", "x") END, "file|a.jpg|x;");
    read_as(NAMED("name=file; filename=\"a\\b.jpg\"", "x") END, "file|a\\b.jpg|x;");
    read_as(NAMED("name=file; filename=\"\"", "") END, "file||;");
    read_as(NAMED("name=\"a\\\"b\\\\c%22\"", "x") END, "a\"b\\c\"|-|x;");
    read_as(PART("content-DISPOSITION:form-data;\r\n name=\"file\";\r\n\t  filename=\"a\r\n  b.jpg\"", "x") END,
            "file|a b.jpg|x;");
    read_as(PART("X-More: 1\r\nContent-Length: 99\r\nContent-Type: image/jpeg\r\n \r\nContent-Disposition: form-data; "
                 "name=file",
                 "x") END,
            "file|-|x;");
    refused(PART("Content-Type: text/plain", "x") END, "has no name");
    refused("--XX\r\n\r\nx\r\n" END, "has no name");
    refused(NAMED("name=\"\"", "x") END, "has no name");
    refused(NAMED("name=a; name=b", "x") END, "\"name\" twice");
    refused(NAMED("name=a; filename=b; FILENAME=c", "x") END, "\"filename\" twice");
    refused(NAMED("name=a\r\nContent-Disposition: form-data; name=b", "x") END, "two headers Content-Disposition");
    refused(NAMED("name=\"file", "x") END, "never closed");
    refused(NAMED("name=file; filename=\"a \"b\" c\"", "x") END, "behind a closing quote");
    refused(PART("no colon", "x") END, "without a colon: no colon");
    refused(NAMED("name=file\rX: y", "x") END, "carriage return");
    refused("--XX\r\nContent-Disposition: form-data; name=t\r\n--XX--\r\n\r\n", "without a colon");
    int rc = 0;
    static const char nul[] = "--XX\r\nContent-Disposition: form-data; name=\"a\0b\"\r\n\r\n1\r\n--XX--";
    char *text = outcome(FORM, nul, sizeof nul - 1, 5, &rc);
    assert_int_equal(rc, LIKEN_E_ARG);
    assert_non_null(strstr(text, "NUL"));
    free(text);
}

static void encodings_are_undone_or_refused(void **state) {
    (void)state;
    read_as(NAMED("name=file\r\nContent-Transfer-Encoding: BASE64", "aGVs\r\nbG8=") END, "file|-|hello;");
    read_as(NAMED("name=file\r\nContent-Transfer-Encoding: base64", "") END, "file|-|;");
    read_as(NAMED("name=t\r\nContent-Transfer-Encoding: 8bit", "x=3D") END, "t|-|x=3D;");
    refused(NAMED("name=file\r\nContent-Transfer-Encoding: base64", "a.b") END,
            "\"file\" of the form says that it is in base64");
    refused(NAMED("name=file\r\nContent-Transfer-Encoding: base64", "aGVsb") END, "is not");
    read_as(NAMED("name=t\r\nContent-Transfer-Encoding: Quoted-Printable", "a=C3=a4 =\r\nb=\nc\r\nd=3D") END,
            "t|-|a\xc3\xa4 bc\r\nd=;");
    refused(NAMED("name=t\r\nContent-Transfer-Encoding: quoted-printable", "a=") END, "quoted-printable (Content-T");
    refused(NAMED("name=t\r\nContent-Transfer-Encoding: quoted-printable", "a=3") END, "is not");
    refused(NAMED("name=t\r\nContent-Transfer-Encoding: quoted-printable", "=xyz") END, "is not");
    refused(NAMED("name=file\r\nContent-Transfer-Encoding: x-uuencode", "x") END, "\"x-uuencode\"");
    refused(NAMED("name=files\r\nContent-Type: Multipart/mixed; boundary=YY", "--YY\r\n\r\nx\r\n--YY--") END,
            "\"files\" of the form holds parts of its own");
    /* Java's clients say ISO-8859-1 of every text */
    read_as(NAMED("name=t\r\nContent-Type: text/plain; charset=ISO-8859-1", "\xe4") NAMED("name=u", "\xc3\xa4") END,
            "t|-|\xc3\xa4;u|-|\xc3\xa4;");
    read_as(NAMED("name=t\r\nContent-Type: text/plain; charset=koi8-r", "x") END, "t|-|x;");
    refused(NAMED("name=t\r\nContent-Type: text/plain; charset=koi8-r", "\xc1") END, "character set koi8-r");
    read_as(NAMED("name=file\r\nContent-Type: image/x; charset=koi8-r", "\xc1") END, "file|-|\xc1;");
    read_as(NAMED("name=t", "\xe4") NAMED("name=_charset_", "iso-8859-1") NAMED("name=file", "\xe4") END,
            "t|-|\xc3\xa4;file|-|\xe4;");
    read_as(NAMED("name=_charset_", "UTF-8") NAMED("name=t", "\xc3\xa4") END, "t|-|\xc3\xa4;");
}

static void addresses_ways_are_read(void **state) {
    (void)state;
    check(URL, "a=1+2&b=%41%e4&&c=&d&e==%3D", LIKEN_OK, "a|-|1 2;b|-|A\xe4;c|-|;d|-|;e|-|==;");
    check(URL "; charset=UTF-8", "_charset_=iso-8859-1&t=%E4\r\n", LIKEN_OK, "t|-|\xc3\xa4;");
    check(URL, "", LIKEN_OK, "");
    check(URL, "&", LIKEN_OK, "");
    check(URL, "a=%4", LIKEN_E_ARG, "two hex digits");
    check(URL, "a=%", LIKEN_E_ARG, "two hex digits");
    check(URL, "a%zz=1", LIKEN_E_ARG, "two hex digits");
    check(URL, "=1", LIKEN_E_ARG, "no name");
    check(URL, "a%00b=1", LIKEN_E_ARG, "NUL");
    check(URL, "a=1\nb=2", LIKEN_E_ARG, "one line");
    check(URL, "\xff\xd8\xff\xe0\x10JFIF", LIKEN_E_ARG, "control characters");
}

static void photos_are_cut_out_of_json(void **state) {
    (void)state;
    check(JSON, "{\"file\": \"aGVsbG8=\", \"image_id\": \"file\"}", LIKEN_OK,
          "file|-|hello;{\"file\": null, \"image_id\": \"file\"}");
    check(JSON,
          "{\"x\":{\"file\":\"aGk\"},\"y\":[\"file\",\"a\"],\"a\":\"aGk\",\"b\" :\n\"data:image/png;base64,aGk=\"}",
          LIKEN_OK, "a|-|hi;b|-|hi;{\"x\":{\"file\":\"aGk\"},\"y\":[\"file\",\"a\"],\"a\":null,\"b\" :\nnull}");
    check(JSON, "{\"\\u0066ile\":\"\\/\\u002b8=\",\"a\":\"_-8\",\"b\":\" a\\nGk\r\n=\\t\"}", LIKEN_OK,
          "file|-|\xff\xef;a|-|\xff\xef;b|-|hi;{\"\\u0066ile\":null,\"a\":null,\"b\":null}");
    check(JSON, "{\"x\\\"file\":\"aGk\",\"file\":7,\"a\":null}", LIKEN_OK,
          "{\"x\\\"file\":\"aGk\",\"file\":7,\"a\":null}");
    check(JSON, "[\"file\", {\"file\":\"aGk\"}, \"file\"]", LIKEN_OK, "[\"file\", {\"file\":\"aGk\"}, \"file\"]");
    check(JSON, "{\"file\":\"\"}", LIKEN_OK, "file|-|;{\"file\":null}");
    check(JSON, "not: JSON \"{", LIKEN_OK, "not: JSON \"{");
    check(JSON, "{\"file\":\"photo.jpg\"}", LIKEN_E_ARG, "file is not base64: its character 6 is \".\"");
    check(JSON, "{\"file\":\" \xff\"}", LIKEN_E_ARG, "file is not base64: its character 2 is the byte 255");
    check(JSON, "{\"file\":\"aGk=aGk=\"}", LIKEN_E_ARG, "character 5 is \"a\"");
    check(JSON, "{\"file\":\"aGVsb\"}", LIKEN_E_ARG, "cut off");
    check(JSON, "{\"file\":\"data:image/jpeg,%FF\"}", LIKEN_E_ARG, "data URL");
    check(JSON, "{\"file\":\"data:image/jpeg;base64\"}", LIKEN_E_ARG, "data URL");
    check(JSON, "{\"file\":\"aGk", LIKEN_E_ARG, "cut short");
    static char body[12100] = "{\"file\":\""; /* much more photo than JSON may be: 9000 bytes of 0xaa */
    for (int i = 9; i < 9 + 12000; i++)
        body[i] = 'q';
    memcpy(body + 9 + 12000, "\"}", 3);
    int rc = 1;
    for (size_t piece = 1000; piece <= 20000; piece += 19000) {
        char *text = outcome(JSON, body, strlen(body), piece, &rc);
        assert_int_equal(rc, LIKEN_OK);
        assert_int_equal(strspn(text + 7, "\xaa"), 9000);
        assert_string_equal(text + 9007, ";{\"file\":null}");
        free(text);
    }
    memset(body + 2, 'x', 4); /* no name of a photo */
    check(JSON, body, LIKEN_E_TOO_LARGE, "300 bytes");
}

static void limits_hold(void **state) {
    (void)state;
    lk_buf b;
    lk_buf_init(&b, 1 << 20);
    assert_int_equal(lk_buf_string(&b, "--XX\r\nX: ", NULL), 0);
    for (int i = 0; i < 40000; i++)
        assert_int_equal(lk_buf_string(&b, "y", NULL), 0);
    check(FORM, b.data, LIKEN_E_TOO_LARGE, "headers of a part");
    lk_buf_clear(&b);
    for (int i = 0; i < LK_FORM_PARTS + 1; i++)
        assert_int_equal(lk_buf_string(&b, "t=1&", NULL), 0);
    check(URL, b.data, LIKEN_E_TOO_LARGE, "128 parts");
    lk_buf_clear(&b);
    for (int i = 0; i < 300; i++)
        assert_int_equal(lk_buf_string(&b, "%41", NULL), 0);
    check(URL, b.data, LIKEN_E_TOO_LARGE, "256 bytes");
    lk_buf_free(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(boundaries_are_found_where_they_are),
        cmocka_unit_test(boundaries_are_named_in_many_ways),
        cmocka_unit_test(names_are_read_in_every_dialect),
        cmocka_unit_test(encodings_are_undone_or_refused),
        cmocka_unit_test(addresses_ways_are_read),
        cmocka_unit_test(photos_are_cut_out_of_json),
        cmocka_unit_test(limits_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
