/* HEIC files that phones write and older decoders refuse: pictures that belong to several others, or to what is none.
 */
#include "savers.h"

#include "image/head.h"

typedef struct file {
    uint8_t *bytes;
    size_t size;
} file;

static void put32(uint8_t *p, size_t v) {
    p[0] = (uint8_t)(v >> 24), p[1] = (uint8_t)(v >> 16), p[2] = (uint8_t)(v >> 8), p[3] = (uint8_t)v;
}

/* Where the box of that type begins. */
static size_t find(const uint8_t *bytes, size_t size, const char *type) {
    for (size_t at = 4; at + 4 <= size; at++)
        if (memcmp(bytes + at, type, 4) == 0)
            return at - 4;
    fail_msg("no box %s", type);
    return 0;
}

/* The file with other references: its meta box is called free and comes again at the end. */
static file with_references(const saved *s, const char *iref, size_t iref_size) {
    const uint8_t *b = s->bytes;
    const size_t meta = find(b, s->size, "meta"), meta_size = lk_be32(b + meta), old = find(b, s->size, "iref"),
                 old_size = lk_be32(b + old), before = old - meta, after = meta_size - before - old_size;
    file f = {.size = s->size + meta_size - old_size + iref_size};
    f.bytes = malloc(f.size);
    assert_non_null(f.bytes);
    memcpy(f.bytes, b, s->size);
    memcpy(f.bytes + meta + 4, "free", 4);
    uint8_t *p = f.bytes + s->size;
    memcpy(p, b + meta, before);
    memcpy(p + before, iref, iref_size);
    memcpy(p + before + iref_size, b + old + old_size, after);
    put32(p, meta_size - old_size + iref_size);
    return f;
}

/* A picture whose right half is see-through, with its transparency in an auxiliary picture: item 2. */
static saved see_through(void) {
    lk_image image = picture(96, 64);
    VipsImage *in = to_vips(&image), *black = NULL, *left = NULL, *alpha = NULL, *both = NULL;
    assert_int_equal(vips_black(&black, 96, 64, NULL), 0);
    assert_int_equal(vips_linear1(black, &left, 1, 255, "uchar", TRUE, NULL), 0);
    assert_int_equal(vips_embed(left, &alpha, -48, 0, 96, 64, NULL), 0);
    assert_int_equal(vips_bandjoin2(in, alpha, &both, NULL), 0);
    g_object_unref(in), g_object_unref(black), g_object_unref(left), g_object_unref(alpha);
    lk_image_clear(&image);
    return save(both, ".heic[Q=95]");
}

#define IREF(size, body) "\0\0\0" size "iref\0\0\0\0" body

static void reads_what_belongs_to_several_pictures(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        bool mended, see_through;
    } irefs[] = {
#define CASE(text, mended, see_through) {text, sizeof(text) - 1, mended, see_through}
        CASE(IREF("\x1a", "\0\0\0\x0e"
                          "auxl\0\2\0\1\0\1"),
             false, true),
        CASE(IREF("\x1c", "\0\0\0\x10"
                          "auxl\0\2\0\2\0\1\0\1"),
             true, true), /* twice the same */
        CASE(IREF("\x1c", "\0\0\0\x10"
                          "auxl\0\2\0\2\0\x63\0\1"),
             true, true), /* first what there is not */
        CASE(IREF("\x1a", "\0\0\0\x0e"
                          "auxl\0\2\0\1\0\x63"),
             true, false), /* only that */
        CASE(IREF("\x2a", "\0\0\0\x0e"
                          "auxl\0\2\0\1\0\1"
                          "\0\0\0\x10"
                          "thmb\0\2\0\2\0\1\0\2"),
             true, true),
        CASE(IREF("\x2a", "\0\0\0\x0e"
                          "auxl\0\2\0\1\0\1"
                          "\0\0\0\x10"
                          "cdsc\0\3\0\2\0\1\0\x63"),
             true, true),
    };
    const saved s = see_through();
    if (s.bytes == NULL)
        skip();
    for (size_t i = 0; i < sizeof irefs / sizeof *irefs; i++) {
        const file f = with_references(&s, irefs[i].bytes, irefs[i].size);
        liken_error err = {0};
        lk_head head = {0};
        assert_ok(lk_heif_mend(f.bytes, f.size, &head, &err), err);
        if ((head.copy != NULL) != irefs[i].mended)
            fail_msg("case %zu is %s", i, head.copy != NULL ? "mended" : "not mended");
        free(head.copy);
        lk_image have = decode(f.bytes, f.size, 0, "heic", NULL);
        const bool white = have.rgb[80 * 3] > 240 && have.rgb[80 * 3 + 1] > 240;
        if (white != irefs[i].see_through)
            fail_msg("case %zu: the transparency is %s", i, white ? "kept" : "lost");
        lk_image_clear(&have);
        free(f.bytes);
    }
    g_free(s.bytes);
}

/* A sequence is read where it has a picture that the decoder reads; where not, it is not called damaged. */
static void names_sequences(void **state) {
    (void)state;
    static const char *const lone[] = {"\0\0\0\x18"
                                       "ftypavis\0\0\0\0avisiso8\0\0\0\x08moov",
                                       "\0\0\0\x18"
                                       "ftyphevc\0\0\0\0msf1iso8\0\0\0\x08moov"};
    liken_error err = {0};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(try_decode(lone[i], 32, 0, NULL, &err), LIKEN_E_FORMAT);
        assert_non_null(strstr(err.message, "sequence"));
        assert_null(strstr(err.message, "damaged"));
    }
    const saved s = save_picture(96, 64, ".avif[speed=8]");
    if (s.bytes == NULL)
        skip();
    memcpy((char *)s.bytes + 8, "avis", 4);
    lk_image image = decode(s.bytes, s.size, 0, "avif", NULL);
    lk_image_clear(&image);
    assert_int_equal(try_decode(s.bytes, s.size * 8 / 10, 0, NULL, &err), LIKEN_E_FORMAT);
    g_free(s.bytes);
}

/* Every cut and a change of every byte of the boxes. */
static void leaves_damage_to_the_decoder(void **state) {
    (void)state;
    static const char iref[] = IREF("\x1c", "\0\0\0\x10"
                                            "auxl\0\2\0\2\0\1\0\1");
    const saved s = see_through();
    if (s.bytes == NULL)
        skip();
    const file f = with_references(&s, iref, sizeof iref - 1);
    for (size_t i = 0; i < 2 * f.size; i++) {
        liken_error err = {0};
        lk_head head = {0};
        const bool cut = i < f.size;
        uint8_t *exact = malloc(cut ? i + 1 : f.size);
        assert_non_null(exact);
        memcpy(exact, f.bytes, cut ? i + 1 : f.size);
        if (!cut)
            exact[i - f.size] ^= (uint8_t)(1 << i % 8);
        assert_ok(lk_heif_mend(exact, cut ? i + 1 : f.size, &head, &err), err);
        free(head.copy);
        free(exact);
    }
    free(f.bytes);
    g_free(s.bytes);
}

static int start(void **state) {
    (void)state;
    return vips_init("test_mend");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(reads_what_belongs_to_several_pictures),
                                       cmocka_unit_test(names_sequences),
                                       cmocka_unit_test(leaves_damage_to_the_decoder)};
    return cmocka_run_group_tests_name("image/mend", tests, start, NULL);
}
