#include "unit/test.h"

#include "image/letters.h"

#include <stdlib.h>
#include <string.h>

static const uint8_t ink[3] = {1, 2, 3};

/* How many dots of a 60 x 12 picture the text takes at (x, y). */
static size_t dots(const char *text, int x, int y, int scale) {
    enum { WIDTH = 60, HEIGHT = 12 };
    static uint8_t rgb[WIDTH * HEIGHT * 3];
    lk_image image = {.width = WIDTH, .height = HEIGHT, .stride = (size_t)WIDTH * 3, .rgb = rgb};
    size_t n = 0;
    memset(rgb, 255, sizeof rgb);
    lk_image_draw_text(&image, x, y, scale, text, ink);
    for (size_t i = 0; i < sizeof rgb; i += 3)
        n += memcmp(rgb + i, ink, 3) == 0;
    return n;
}

static void letters_lose_their_marks_and_others_are_boxes(void **state) {
    (void)state;
    assert_int_equal(dots("", 0, 0, 1), 0);
    assert_int_equal(dots(" ", 0, 0, 1), 0);
    assert_true(dots("A", 0, 0, 1) > 10);
    assert_int_equal(dots("\xc3\x84", 0, 0, 1), dots("A", 0, 0, 1));        /* A with two dots */
    assert_int_equal(dots("A\xcc\x88", 0, 0, 1), dots("A", 0, 0, 1));       /* as two characters */
    assert_int_equal(dots("\xc5\xbf", 0, 0, 1), dots("s", 0, 0, 1));        /* the last one of the table */
    assert_int_equal(dots("\xe6\x97\xa5", 0, 0, 1), dots("\xff", 0, 0, 1)); /* a box each */
    assert_int_equal(dots("\x01", 0, 0, 1), dots("\xff", 0, 0, 1));
    assert_int_equal(dots("A", 0, 0, 1) * 1, dots("A", 50, 0, 1));
    assert_int_equal(lk_image_text_letters("Zo\xc3\xab \xe6\x97\xa5"), 5);
    assert_string_equal(lk_image_text_skip("Zo\xc3\xab!", 3), "!");
    assert_string_equal(lk_image_text_skip("ab", 9), "");
}

static void drawing_stays_on_the_picture(void **state) {
    (void)state;
    assert_true(dots("WWWWWWWWWWWWWWWWWWWW", -3, -2, 3) > 0);
    assert_int_equal(dots("W", -100, 0, 2), 0);
    assert_int_equal(dots("W", 0, 500, 2), 0);
    assert_int_equal(dots("W", 0, -500, 2), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(letters_lose_their_marks_and_others_are_boxes),
        cmocka_unit_test(drawing_stays_on_the_picture),
    };
    return cmocka_run_group_tests_name("image/letters", tests, NULL, NULL);
}
