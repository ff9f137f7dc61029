/* Words on a picture, without a font from the system: letters of 5 x 8 dots on a grid of 6 x 9, drawn for liken. ASCII
 * is there; letters of Latin-1 and Latin Extended-A lose their marks; of anything else there is an empty box. */
#include "image/letters.h"

#include "base/text.h"

#include <string.h>

#define COLUMNS 5
#define ROWS 8

/* ' ' to '~', then the box: eight rows of five bits, the top row and the left dot in the highest. */
static const uint64_t glyphs[] = {
    0x0000000000, 0x2108420080, 0x5294000000, 0x52beafa940, 0x23e8e2f880, 0xc644444c60, 0x64a88ac9a0, 0x2108000000,
    0x1110841040, 0x4104211100, 0x0289f22800, 0x0109f21000, 0x0000001088, 0x0001f00000, 0x0000003180, 0x0844444200,
    0x74675cc5c0, 0x23084211c0, 0x74426443e0, 0x744260c5c0, 0x11952f8840, 0xfc3c10c5c0, 0x3221e8c5c0, 0xf844442100,
    0x7462e8c5c0, 0x7462f08980, 0x0018c03180, 0x0018c01088, 0x1111041040, 0x003e0f8000, 0x4104111100, 0x7442220080,
    0x7442dad5c0, 0x7463f8c620, 0xf463e8c7c0, 0x74610845c0, 0xf46318c7c0, 0xfc21e843e0, 0xfc21e84200, 0x746178c5c0,
    0x8c63f8c620, 0x71084211c0, 0x3884214980, 0x8ca98a4a20, 0x84210843e0, 0x8eeb58c620, 0x8e7359ce20, 0x746318c5c0,
    0xf463e84200, 0x74631ac9a0, 0xf463ea4a20, 0x7c20e087c0, 0xf908421080, 0x8c6318c5c0, 0x8c6318a880, 0x8c635aee20,
    0x8c54454620, 0x8c54421080, 0xf8444443e0, 0x72108421c0, 0x8410410420, 0x70842109c0, 0x22a2000000, 0x000000001f,
    0x4104000000, 0x001c17c5e0, 0x843d18c7c0, 0x001d1845c0, 0x085f18c5e0, 0x001d1fc1c0, 0x3238842100, 0x001f18bc2e,
    0x843d18c620, 0x20184211c0, 0x100c210a4c, 0x84254c5240, 0x61084211c0, 0x00355ad6a0, 0x003d18c620, 0x001d18c5c0,
    0x003d18fa10, 0x001f18bc21, 0x002d984200, 0x001f0707c0, 0x42388424c0, 0x002318c5e0, 0x002318a880, 0x00235ad540,
    0x0022a22a20, 0x002318bc2e, 0x003e2223e0, 0x31088210c0, 0x2108421080, 0x6108221180, 0x0011510000, 0xfc6318c7e0,
};
#define BOX (LK_LENGTH(glyphs) - 1)

/* U+00C0 to U+017F without their marks. */
static const char plain[] = "AAAAAAACEEEEIIIIDNOOOOOxOUUUUYTsaaaaaaaceeeeiiiidnooooo/ouuuuyty"
                            "AaAaAaCcCcCcCcDdDdEeEeEeEeEeGgGgGgGgHhHhIiIiIiIiIiIiJjKkkLlLlLlL"
                            "lLlNnNnNnnNnOoOoOoOoRrRrRrSsSsSsSsTtTtTtUuUuUuUuUuUuWwYyYZzZzZzs";

static unsigned code_of(const char *text, size_t size) {
    const unsigned char *p = (const unsigned char *)text;
    return size == 1 ? p[0] : size == 2 ? (p[0] & 0x1fu) << 6 | (p[1] & 0x3fu) : 0;
}

/* Marks that stand on the letter before them. */
static size_t skip_marks(const char *text) {
    size_t n = 0;
    while (lk_utf8_sequence(text + n) == 2 && code_of(text + n, 2) >= 0x300 && code_of(text + n, 2) < 0x370)
        n += 2;
    return n;
}

/* The character at *text, which goes on behind it. */
static size_t next_glyph(const char **text) {
    const size_t size = lk_utf8_sequence(*text);
    const unsigned code = code_of(*text, size);
    *text += size == 0 ? 1 : size;
    *text += skip_marks(*text);
    if (code >= ' ' && code <= '~')
        return code - ' ';
    return code >= 0xc0 && code < 0x180 ? (size_t)plain[code - 0xc0] - ' ' : BOX;
}

static void draw_dot(lk_image *image, int x, int y, int scale, const uint8_t rgb[3]) {
    for (int row = y < 0 ? 0 : y; row < y + scale && row < image->height; row++) {
        for (int column = x < 0 ? 0 : x; column < x + scale && column < image->width; column++)
            memcpy(image->rgb + (size_t)row * image->stride + 3 * (size_t)column, rgb, 3);
    }
}

void lk_image_draw_text(lk_image *image, int x, int y, int scale, const char *text, const uint8_t rgb[3]) {
    for (; *text != '\0'; x += LK_LETTER_WIDTH * scale) {
        const uint64_t dots = glyphs[next_glyph(&text)];
        for (int bit = 0; bit < COLUMNS * ROWS; bit++) {
            if ((dots >> (COLUMNS * ROWS - 1 - bit) & 1) != 0)
                draw_dot(image, x + bit % COLUMNS * scale, y + bit / COLUMNS * scale, scale, rgb);
        }
    }
}

size_t lk_image_text_letters(const char *text) {
    size_t n = 0;
    for (; *text != '\0'; n++)
        (void)next_glyph(&text);
    return n;
}

const char *lk_image_text_skip(const char *text, size_t letters) {
    for (; *text != '\0' && letters > 0; letters--)
        (void)next_glyph(&text);
    return text;
}
