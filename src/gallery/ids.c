/* ids.c - a set of ids, which is also the list of them in the order in which they came.
 *
 * The list holds the ids; an open-addressed table, at most half full, holds their places in it plus one. Ids are not
 * spread by nature (a photo's faces follow each other), so a multiplication spreads them. */
#include "gallery/gallery_int.h"

#include <stdlib.h>

#define FEWEST 64 /* slots of the smallest table; a power of two, as all are */

/* The slot of `id`, or the free one where it would go. */
static size_t slot_of(const lk_ids *s, int64_t id) {
    size_t at = (size_t)(((uint64_t)id * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & (s->slots - 1);
    while (s->table[at] != 0 && s->list[s->table[at] - 1] != id)
        at = (at + 1) & (s->slots - 1);
    return at;
}

bool lk_ids_has(const lk_ids *s, int64_t id) {
    return s->count > 0 && s->table[slot_of(s, id)] != 0;
}

/* Room for one more. */
static int grow(lk_ids *s, liken_error *err) {
    if (2 * (s->count + 1) <= s->slots)
        return LIKEN_OK;
    lk_ids bigger = {.count = s->count, .slots = s->slots == 0 ? FEWEST : 2 * s->slots};
    if (bigger.slots / 2 > UINT32_MAX)
        return lk_fail_memory(err);
    bigger.table = calloc(bigger.slots, sizeof *bigger.table);
    bigger.list = bigger.table == NULL ? NULL : realloc(s->list, bigger.slots / 2 * sizeof *bigger.list);
    if (bigger.list == NULL) {
        free(bigger.table);
        return lk_fail_memory(err);
    }
    for (size_t i = 0; i < s->count; i++)
        bigger.table[slot_of(&bigger, bigger.list[i])] = (uint32_t)i + 1;
    free(s->table);
    *s = bigger;
    return LIKEN_OK;
}

int lk_ids_add(lk_ids *s, int64_t id, liken_error *err) {
    const int rc = grow(s, err);
    if (rc != LIKEN_OK)
        return rc;
    const size_t at = slot_of(s, id);
    if (s->table[at] == 0) {
        s->list[s->count++] = id;
        s->table[at] = (uint32_t)s->count;
    }
    return LIKEN_OK;
}

void lk_ids_free(lk_ids *s) {
    free(s->list);
    free(s->table);
    *s = (lk_ids){0};
}
