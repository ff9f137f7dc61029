/* What a HEIC or AVIF file says of itself, what its coded pictures say, and what its lists claim. */
#include "boxes.h"

#include "image/head.h"

#include <stdio.h>
#include <time.h>

/* Of this thread; every call below is microseconds, and what it guards against was seconds. */
static double cpu_seconds(void) {
    struct timespec t;
    assert_int_equal(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t), 0);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* In memory that ends with the file, for the sanitizers. */
static int head_of(const boxes *b, lk_head *head, liken_error *err) {
    uint8_t *exact = malloc(b->size);
    assert_non_null(exact);
    memcpy(exact, b->data, b->size);
    *head = (lk_head){0};
    const double start = cpu_seconds();
    const int rc = lk_heif_head(exact, b->size, head, err);
    if (cpu_seconds() - start > 1)
        fail_msg("took %g s", cpu_seconds() - start);
    free(exact);
    if (rc != LIKEN_OK)
        assert_true(strlen(err->message) > 10);
    return rc;
}

static void expect(const char *what, const boxes *b, int want) {
    liken_error err = {0};
    lk_head head;
    const int rc = head_of(b, &head, &err);
    if (rc != want)
        fail_msg("%s: %d, not %d: %s", what, rc, want, rc == LIKEN_OK ? "read" : err.message);
}

static void expect_size(const char *what, const boxes *b, int width, int height) {
    liken_error err = {0};
    lk_head head;
    const int rc = head_of(b, &head, &err);
    if (rc != LIKEN_OK)
        fail_msg("%s: %s", what, err.message);
    if (head.width != width || head.height != height)
        fail_msg("%s: %d x %d, not %d x %d", what, head.width, head.height, width, height);
}

static boxes of(pic p) {
    return heif(&p, 1);
}

/* `parts` times picture 2, a tile of `side` pixels coded as `coded` pixels. */
static boxes grid(uint32_t width, uint32_t height, uint32_t parts, uint32_t side, uint32_t coded) {
    pic pics[] = {{.type = "grid", .width = width, .height = height, .parts = parts, .part = 2},
                  coded_hevc(side, side)};
    pics[0].data = derived(false, width, height);
    pics[1].config = hvcc(coded, coded);
    return heif(pics, 2);
}

/* ---- sizes ------------------------------------------------------------------------------------------------ */

static void believes_the_coded_picture(void **state) {
    (void)state;
    pic p = coded_av1(64, 64);
    boxes b = of(p);
    expect_size("as it says", &b, 64, 64);
    p.data = av1(24000, 20000);
    b = of(p);
    expect_size("AV1 item", &b, 24000, 20000);
    p = coded_av1(64, 64);
    p.config = av1(30000, 3);
    memmove(p.config.data + 4, p.config.data, p.config.size);
    memcpy(p.config.data, "\x81\x1f\x0c", 4);
    p.config.size += 4;
    b = of(p);
    expect_size("AV1 configuration", &b, 30000, 3);
    p = coded_av1(64, 64);
    add_sequence(&p.data, 9000, 9001, 14, true);
    b = of(p);
    expect_size("a second sequence header", &b, 9000, 9001);
    p = coded_hevc(64, 64);
    p.config = hvcc(20000, 19000);
    b = of(p);
    expect_size("HEVC configuration", &b, 20000, 19000);
    p = coded_hevc(64, 64);
    p.data = hevc(65535, 16);
    b = of(p);
    expect_size("HEVC item", &b, 65535, 16);
    p = coded_hevc(4000, 3000);
    p.config = hvcc(64, 64);
    b = of(p);
    expect_size("the larger one counts", &b, 4000, 3000);
}

/* dav1d, for one, decodes such a frame. */
static void believes_frames_that_size_themselves(void **state) {
    (void)state;
    pic p = {.type = "av01", .width = 64, .height = 64};
    add_sequence(&p.data, 64, 64, 15, false);
    add_key_frame(&p.data, false);
    boxes b = of(p);
    expect_size("a frame as its sequence", &b, 64, 64);
    add_key_frame(&p.data, true);
    b = of(p);
    expect_size("a frame with a size of its own", &b, 32768, 32768);
    p.data.size = 0;
    add_sequence(&p.data, 64, 64, 15, false);
    ADD(&p.data, "\x32\1\x10"); /* cut before it says so */
    b = of(p);
    expect_size("a frame that cannot be followed", &b, 32768, 32768);
}

static void finds_sizes_behind_odd_units(void **state) {
    (void)state;
    pic p = {.type = "av01", .width = 64, .height = 64};
    ADD(&p.data, "\x2a\3abc\x7e\x08\1z"); /* metadata; padding with an extension */
    const size_t at = p.data.size;
    boxes inner = {.size = 0};
    add_sequence(&inner, 12000, 10000, 14, true);
    memmove(inner.data, inner.data + 2, inner.size -= 2);
    add_obu(&p.data, 1, &inner, 8); /* its size in as many bytes as there may be */
    boxes b = of(p);
    expect_size("a long size", &b, 12000, 10000);
    p.data.size = at;
    add_obu(&p.data, 1, &inner, 9);
    b = of(p);
    expect("a size that does not end", &b, LIKEN_E_DECODE);
    p.data.size = at;
    ADD(&p.data, "\x0a\xff\xff\xff\xff\x0f");
    add(&p.data, inner.data, inner.size);
    b = of(p);
    expect("a size beyond the end", &b, LIKEN_E_DECODE);
    p.data.size = at;
    ADD(&p.data, "\x08"); /* no size at all: up to the end */
    add(&p.data, inner.data, inner.size);
    b = of(p);
    expect_size("no size", &b, 12000, 10000);
    p.data.size = at;
    b = of(p);
    expect("no header", &b, LIKEN_E_DECODE);
    p = coded_hevc(64, 64);
    p.config.size = 23;
    p.config.data[22] = 0;
    b = of(p);
    expect("no parameter sets", &b, LIKEN_E_DECODE);
    p.data = hevc(640, 480);
    b = of(p);
    expect_size("parameter sets in the item alone", &b, 640, 480);
    ADD(&p.data, "\0\0\1\0\x42");
    b = of(p);
    expect("a unit beyond the end", &b, LIKEN_E_DECODE);
}

/* Of the photo, in bytes a pixel: what libheif and its decoders were seen to hold, and a little more. */
static void knows_what_decoding_takes(void **state) {
    (void)state;
    lk_head head;
    liken_error err = {0};
    pic pics[] = {coded_av1(4000, 3000), coded_hevc(4000, 3000)};
    pics[1].alpha_of = 1;
    boxes b = heif(pics, 1);
    assert_ok(head_of(&b, &head, &err), err);
    assert_int_equal(head.work, 12000000 * UINT64_C(8));
    b = heif(pics, 2);
    assert_ok(head_of(&b, &head, &err), err);
    assert_int_equal(head.work, 12000000 * UINT64_C(11));
    const boxes tiles = grid(4000, 3000, 2, 2000, 2000), few = grid(4000, 3000, 48, 512, 512);
    assert_ok(head_of(&tiles, &head, &err), err);
    assert_true(head.work > 12000000 * UINT64_C(8));
    assert_ok(head_of(&few, &head, &err), err);
    assert_int_equal(head.work, 12000000 * UINT64_C(8));
}

static void refuses_films(void **state) {
    (void)state;
    pic p = coded_av1(64, 64);
    for (int i = 0; i < 4; i++)
        ADD(&p.data, "\x32\4....");
    boxes b = of(p);
    expect_size("layers", &b, 64, 64);
    for (int i = 0; i < 40; i++)
        ADD(&p.data, "\x1a\4....");
    b = of(p);
    expect("hidden AV1 frames", &b, LIKEN_E_FORMAT);
    p = coded_hevc(64, 64);
    for (int i = 0; i < 40; i++) {
        const boxes more = hevc(0, 0);
        add(&p.data, more.data, more.size);
    }
    b = of(p);
    expect("HEVC pictures", &b, LIKEN_E_FORMAT);
}

/* ---- built of others -------------------------------------------------------------------------------------- */

static void adds_up_the_tiles(void **state) {
    (void)state;
    boxes b = grid(4000, 3000, 48, 512, 512);
    expect_size("a photo", &b, 4000, 3000);
    b = grid(4000, 3000, 1000, 512, 512);
    expect("one tile, again and again", &b, LIKEN_E_TOO_LARGE);
    b = grid(128, 128, 4, 64, 10000);
    expect("tiles larger than they say", &b, LIKEN_E_TOO_LARGE);
    b = grid(128, 128, 4, 64, 12000);
    assert_int_equal(try_decode(b.data, b.size, 0, NULL, &(liken_error){0}), LIKEN_E_TOO_LARGE);
    b = grid(0, 0, 1, 0, 0);
    assert_int_equal(try_decode(b.data, b.size, 0, NULL, &(liken_error){0}), LIKEN_E_DECODE);
    pic pics[] = {{.type = "grid", .width = 4000, .height = 3000, .parts = 48, .part = 2}, coded_hevc(512, 512)};
    pics[0].data = derived(false, 16000, 3000);
    b = heif(pics, 2);
    expect_size("the payload lies, and is believed", &b, 16000, 3000);
    pics[0].type = "iovl";
    pics[0].data = derived(true, 4000, 30000);
    b = heif(pics, 2);
    expect_size("an overlay too", &b, 4000, 30000);
    pics[0] = (pic){.type = "iden", .width = 64, .height = 64, .parts = 1, .part = 2};
    b = heif(pics, 2);
    expect_size("the same picture again", &b, 512, 512);
    pics[0].parts = 0;
    b = heif(pics, 2);
    expect("built of nothing", &b, LIKEN_E_DECODE);
    pics[0].parts = 2, pics[0].part = 7;
    b = heif(pics, 2);
    expect("built of what is not there", &b, LIKEN_E_DECODE);
}

static void refuses_pictures_built_of_built_ones(void **state) {
    (void)state;
    static const char *const types[] = {"grid", "iovl", "iden"};
    for (size_t i = 0; i < 9; i++) {
        pic pics[] = {{.type = types[i / 3], .width = 600, .height = 600, .parts = 1, .part = 2},
                      {.type = types[i % 3], .width = 600, .height = 600, .parts = 1, .part = 3},
                      coded_hevc(512, 512)};
        pics[0].data = pics[1].data = derived(false, 600, 600);
        boxes b = heif(pics, 3);
        expect(types[i / 3], &b, LIKEN_E_FORMAT);
        pics[1].part = 1; /* in a circle */
        b = heif(pics, 3);
        expect(types[i % 3], &b, LIKEN_E_FORMAT);
        pics[0].part = 1;
        b = heif(pics, 3);
        expect(types[i % 3], &b, LIKEN_E_FORMAT);
    }
}

static void counts_the_transparency(void **state) {
    (void)state;
    pic pics[] = {coded_hevc(512, 512), coded_hevc(512, 512), coded_hevc(512, 512)};
    pics[1].alpha_of = 1;
    boxes b = heif(pics, 3);
    expect_size("a picture with one", &b, 512, 512);
    pics[1].config = hvcc(9000, 9000);
    b = heif(pics, 3);
    expect_size("one that is coded large", &b, 9000, 9000);
    pics[1].config = hvcc(512, 512);
    pics[2].alpha_of = 2;
    b = heif(pics, 3);
    expect("one that has one", &b, LIKEN_E_FORMAT);
    pics[2].alpha_of = 1;
    b = heif(pics, 3);
    expect("two of them", &b, LIKEN_E_DECODE);
    pics[2].alpha_of = 0;
    pics[0].alpha_of = 2;
    b = heif(pics, 3);
    expect("each the other's", &b, LIKEN_E_FORMAT);
    pics[0].alpha_of = 0;
    pics[1] = (pic){.type = "grid", .width = 512, .height = 512, .parts = 100, .part = 3, .alpha_of = 1};
    pics[1].data = derived(false, 512, 512);
    pics[1].config = hvcc(512, 512);
    b = heif(pics, 3);
    expect("one of many tiles", &b, LIKEN_E_TOO_LARGE);
    pic tiles[] = {{.type = "grid", .width = 4096, .height = 512, .parts = 8, .part = 2},
                   coded_hevc(512, 512),
                   coded_hevc(512, 512)};
    tiles[0].data = derived(false, 4096, 512);
    tiles[2].config = hvcc(8000, 8000);
    tiles[2].alpha_of = 2;
    b = heif(tiles, 3);
    expect("that of a tile", &b, LIKEN_E_TOO_LARGE);
}

static void names_other_codecs(void **state) {
    (void)state;
    pic p = coded_hevc(64, 64);
    p.type = "jpeg";
    liken_error err = {0};
    lk_head head;
    boxes b = of(p);
    assert_int_equal(head_of(&b, &head, &err), LIKEN_E_FORMAT);
    assert_non_null(strstr(err.message, "jpeg"));
    pic pics[] = {coded_hevc(64, 64), {.type = "mime", .mime = "deflate"}};
    b = heif(pics, 2);
    assert_int_equal(head_of(&b, &head, &err), LIKEN_E_FORMAT);
    assert_non_null(strstr(err.message, "packed"));
    pics[1].mime = "";
    b = heif(pics, 2);
    expect("metadata", &b, LIKEN_OK);
}

/* ---- boxes ------------------------------------------------------------------------------------------------ */

/* 0xff over each field that counts something, in a file that is otherwise good. */
static void ends_whatever_a_count_says(void **state) {
    (void)state;
    static const struct {
        const char *type;
        size_t at, size;
    } counts[] = {{"iloc", 14, 2}, {"iloc", 22, 2}, {"ipma", 12, 4}, {"ipma", 18, 1}, {"dimg", 10, 2},
                  {"hvcC", 30, 1}, {"hvcC", 32, 2}, {"iinf", 0, 4},  {"infe", 0, 4},  {"ispe", 0, 4},
                  {"ipco", 0, 4},  {"iprp", 0, 4},  {"iref", 0, 4},  {"dimg", 0, 4},  {"idat", 0, 4},
                  {"pitm", 12, 2}, {"meta", 8, 4},  {"iref", 8, 1},  {"infe", 8, 1},  {"ipma", 8, 1},
                  {"pitm", 8, 1},  {"iloc", 8, 1},  {"iloc", 12, 2}, {"ipma", 11, 1}, {"iloc", 12, 4}};
    const boxes good = grid(4000, 3000, 48, 512, 512);
    expect("good", &good, LIKEN_OK);
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        boxes b = good;
        memset(b.data + find_box(&b, counts[i].type, 0) + counts[i].at, 0xff, counts[i].size);
        liken_error err = {0};
        lk_head head;
        (void)head_of(&b, &head, &err); /* some are harmless; all end at once */
    }
    for (size_t size = 0; size < good.size; size++) {
        boxes b = good;
        b.size = size + 1;
        if (size + 1 < good.size)
            expect("cut", &b, LIKEN_E_DECODE);
    }
}

/* A list of 2^32 - 1 items, of numbers that take no room, in each version of the box. */
static void ends_when_locations_take_no_room(void **state) {
    (void)state;
    for (uint32_t i = 0; i < 16; i++) {
        const pic p = coded_hevc(64, 64);
        boxes b = heif(&p, 1);
        const size_t meta = find_box(&b, "meta", 0), old = find_box(&b, "iloc", 0);
        memcpy(b.data + old + 4, "free", 4);
        const uint32_t boxes_of_it = i % 2 == 0 ? 1 : 4, version = i / 2 % 3;
        for (uint32_t k = 0; k < boxes_of_it; k++) {
            const size_t at = begin_full(&b, "iloc", version << 24);
            add_number(&b, 2, i < 8 ? 0x4400 : 0);
            add_number(&b, version < 2 ? 2 : 4, UINT32_MAX);
            for (int n = 0; n < 200; n++)
                add_number(&b, 2, i < 8 ? 0xffff : 1);
            end_box(&b, at);
        }
        end_box(&b, meta);
        expect("locations", &b, LIKEN_E_DECODE);
    }
}

static void refuses_boxes_said_twice(void **state) {
    (void)state;
    static const char *const types[] = {"pitm", "iinf", "iprp", "iref", "idat", "iloc", "ipco"};
    const boxes good = grid(4000, 3000, 48, 512, 512);
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        boxes b = good;
        const size_t at = find_box(&b, types[i], 0), meta = find_box(&b, "meta", 0);
        const uint32_t size = lk_be32(b.data + at);
        memmove(b.data + at + size, b.data + at, b.size - at);
        b.size += size;
        put32(b.data + meta, lk_be32(b.data + meta) + size);
        if (strcmp(types[i], "ipco") == 0)
            put32(b.data + find_box(&b, "iprp", 0), lk_be32(b.data + find_box(&b, "iprp", 0)) + size);
        expect(types[i], &b, LIKEN_E_DECODE);
    }
    boxes b = good;
    const size_t meta = find_box(&b, "meta", 0);
    add(&b, b.data + meta, b.size - meta);
    expect("meta", &b, LIKEN_E_DECODE);
    b = good;
    memcpy(b.data + find_box(&b, "infe", 1) + 12, "\0\1", 2);
    expect("a number of an item", &b, LIKEN_E_DECODE);
    b = good;
    b.data[find_box(&b, "ipma", 0) + 23] = 2;
    expect("a configuration", &b, LIKEN_E_DECODE);
}

static void reads_every_form_of_box_size(void **state) {
    (void)state;
    boxes b = grid(4000, 3000, 48, 512, 512);
    put32(b.data + find_box(&b, "meta", 0), 0);
    put32(b.data + find_box(&b, "idat", 0), 0); /* the last in meta */
    expect_size("up to the end", &b, 4000, 3000);
    const size_t at = find_box(&b, "idat", 0);
    memmove(b.data + at + 16, b.data + at + 8, b.size - at - 8);
    b.size += 8;
    put32(b.data + at, 1), put32(b.data + at + 8, 0), put32(b.data + at + 12, (uint32_t)(b.size - at));
    expect_size("in 64 bits", &b, 4000, 3000);
    put32(b.data + at + 8, 0x80000000);
    expect("far too large", &b, LIKEN_E_DECODE);
    put32(b.data + at + 8, 0), put32(b.data + at + 12, 15);
    expect("smaller than its own header", &b, LIKEN_E_DECODE);
}

/* The decoder reads the bytes of every item into memory, so they may not all name the whole file. */
static void refuses_items_that_share_too_much(void **state) {
    (void)state;
    pic pics[40];
    for (size_t i = 0; i < 40; i++) {
        pics[i] = coded_hevc(64, 64);
        pics[i].data.size = 0;
    }
    pics[0].data = hevc(0, 0);
    boxes b = heif(pics, 40);
    const size_t size = (size_t)4 << 20, iloc = find_box(&b, "iloc", 0);
    uint8_t *large = calloc(1, size);
    assert_non_null(large);
    for (uint32_t share = 0; share < 2; share++) {
        for (size_t i = 1; i < 40; i++) {
            uint8_t *entry = b.data + iloc + 16 + 16 * i;
            entry[3] = 0; /* in the file */
            put32(entry + 8, (uint32_t)b.size), put32(entry + 12, share ? 3 << 20 : 100);
        }
        memcpy(large, b.data, b.size);
        liken_error err = {0};
        lk_head head = {0};
        assert_int_equal(lk_heif_head(large, size, &head, &err), share ? LIKEN_E_DECODE : LIKEN_OK);
    }
    free(large);
}

static void refuses_crowds(void **state) {
    (void)state;
    static uint8_t large[200000];
    boxes b = of(coded_hevc(64, 64));
    const size_t at = find_box(&b, "iinf", 0), end = at + lk_be32(b.data + at), meta = find_box(&b, "meta", 0);
    const uint32_t more = 8000;
    memcpy(large, b.data, end);
    for (uint32_t i = 0; i < more; i++)
        memcpy(large + end + 21 * i, "\0\0\0\x15infe\2\0\0\0\0\1\0\0hvc1", 21),
            large[end + 21 * i + 12] = (uint8_t)(i >> 8), large[end + 21 * i + 13] = (uint8_t)i;
    memcpy(large + end + 21 * more, b.data + end, b.size - end);
    put32(large + at, lk_be32(large + at) + 21 * more);
    put32(large + meta, lk_be32(large + meta) + 21 * more);
    liken_error err = {0};
    lk_head head = {0};
    assert_int_equal(lk_heif_head(large, b.size + 21 * more, &head, &err), LIKEN_E_TOO_LARGE);
    assert_non_null(strstr(err.message, "items"));
}

/* ---- files that took seconds and gigabytes, where they are ------------------------------------------------- */

static void refuses_the_known_cases(void **state) {
    (void)state;
    static const struct {
        const char *name;
        int code;
    } cases[] = {{"A1_iloc_55_bytes.heic", LIKEN_E_DECODE},
                 {"A1_iloc_four_boxes.heic", LIKEN_E_DECODE},
                 {"A2_avif_says_64_is_24000.avif", LIKEN_E_TOO_LARGE},
                 {"A2_avif_grid_of_12000.avif", LIKEN_E_TOO_LARGE}};
    const char *faces = getenv("LIKEN_FACES");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/../cases/%s", faces != NULL ? faces : "", cases[i].name);
        FILE *f = faces != NULL ? fopen(path, "rb") : NULL;
        if (f == NULL) {
            print_message("no %s here\n", cases[i].name);
            continue;
        }
        uint8_t bytes[16384];
        const size_t size = fread(bytes, 1, sizeof bytes, f);
        assert_int_equal(fclose(f), 0);
        liken_error err = {0};
        const double start = cpu_seconds();
        assert_int_equal(try_decode(bytes, size, 0, NULL, &err), cases[i].code);
        assert_true(cpu_seconds() - start < 1);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(believes_the_coded_picture),
        cmocka_unit_test(believes_frames_that_size_themselves),
        cmocka_unit_test(finds_sizes_behind_odd_units),
        cmocka_unit_test(knows_what_decoding_takes),
        cmocka_unit_test(refuses_films),
        cmocka_unit_test(adds_up_the_tiles),
        cmocka_unit_test(refuses_pictures_built_of_built_ones),
        cmocka_unit_test(counts_the_transparency),
        cmocka_unit_test(names_other_codecs),
        cmocka_unit_test(ends_whatever_a_count_says),
        cmocka_unit_test(ends_when_locations_take_no_room),
        cmocka_unit_test(refuses_boxes_said_twice),
        cmocka_unit_test(reads_every_form_of_box_size),
        cmocka_unit_test(refuses_items_that_share_too_much),
        cmocka_unit_test(refuses_crowds),
        cmocka_unit_test(refuses_the_known_cases),
    };
    return cmocka_run_group_tests_name("image/heif", tests, NULL, NULL);
}
