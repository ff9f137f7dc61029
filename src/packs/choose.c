/* choose.c - which pack describes faces where nobody names one: the best of those that are there. What is there and
 * cannot be read is chosen all the same: its fault is told when it is loaded, and no other eyes stand in for it
 * unasked. */
#include "packs/pack.h"

#include <stdio.h>
#include <string.h>

/* The best first. */
static const struct {
    const char *name, *why;
} wishes[] = {
    {"reid", "The pack reid describes faces in new collections, as the best of those that liken knows."},
    {"mobilefacenet",
     "The pack mobilefacenet describes faces in new collections, since reid, which is better still, is "
     "not installed. Install it with: liken models install reid"},
    {"faceapi", "The pack faceapi describes faces in new collections, since neither reid nor mobilefacenet, which tell "
                "people apart better, is installed. Install one with: liken models install reid"},
};

bool lk_pack_is_auto(const char *asked) {
    return asked == NULL || strcmp(asked, LK_PACK_AUTO) == 0;
}

const char *lk_pack_best(void) {
    return wishes[0].name;
}

int lk_pack_choose(lk_pack_choice *out, const char *folder, liken_error *err) {
    for (size_t i = 0; i < LK_LENGTH(wishes); i++) {
        lk_pack *pack = NULL;
        const int rc = lk_pack_open(&pack, folder, wishes[i].name, NULL);
        lk_pack_free(pack);
        if (rc != LIKEN_E_NOT_FOUND) {
            *out = (lk_pack_choice){.name = wishes[i].name, .why = wishes[i].why, .best = i == 0};
            return LIKEN_OK;
        }
    }
    return lk_fail(err, LIKEN_E_NOT_FOUND,
                   "No model pack that describes faces is in %s. Install what most people need: liken models install",
                   folder);
}
