/* A descriptor as the legacy table has it: the texts of two cubes, parted by the first line feed, or two halves as the
 * database sends them. What is taken is sane, and the same again when it is written as text and read. */
#include "store/codec.h"
#include "store/legacy/legacy_int.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const float first[LK_LEGACY_DIMENSION]) {
    float again[LK_LEGACY_DIMENSION];
    char low[LK_LEGACY_CUBE_TEXT], high[LK_LEGACY_CUBE_TEXT];
    lk_legacy_cube_write(first, low);
    lk_legacy_cube_write(first + LK_LEGACY_HALF, high);
    if (!lk_floats_sane(first, LK_LEGACY_DIMENSION) || lk_legacy_cube_read(low, high, again) != NULL ||
        memcmp(first, again, sizeof again) != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    float found[LK_LEGACY_DIMENSION];
    char *text = malloc(size + 1);
    if (text == NULL)
        return 0;
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    char *rest = strchr(text, '\n');
    if (rest != NULL)
        *rest++ = '\0';
    if (lk_legacy_cube_read(text, rest, found) == NULL)
        check(found);
    if (lk_legacy_cube_read_sent(data, size / 2, data + size / 2, size - size / 2, found) == NULL)
        check(found);
    free(text);
    return 0;
}
