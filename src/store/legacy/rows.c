/* The rows that were met, in the order in which they were, and the way from an id to its number. */
#include "store/legacy/legacy_int.h"

#include <stdlib.h>

#define ROWS_MAX ((size_t)1 << 31)

void lk_legacy_rows_clear(lk_legacy_rows *r) {
    free(r->items);
    free(r->slots);
    *r = (lk_legacy_rows){0};
}

static size_t slot_of(const lk_legacy_rows *r, int64_t id) {
    return (size_t)((uint64_t)id * UINT64_C(0x9e3779b97f4a7c15) >> 20) & (r->slot_count - 1);
}

/* The slot that holds the id, or the free one where it would go. */
static size_t seek(const lk_legacy_rows *r, int64_t id) {
    size_t at = slot_of(r, id);
    while (r->slots[at] != 0 && r->items[r->slots[at] - 1].id != id)
        at = (at + 1) & (r->slot_count - 1);
    return at;
}

uint32_t lk_legacy_rows_find(const lk_legacy_rows *r, int64_t id) {
    return r->slot_count == 0 ? 0 : r->slots[seek(r, id)];
}

/* Twice as many slots, at most half of them in use. */
static int more_slots(lk_legacy_rows *r, liken_error *err) {
    lk_legacy_rows next = *r;
    next.slot_count = r->slot_count == 0 ? 1024 : 2 * r->slot_count;
    next.slots = calloc(next.slot_count, sizeof *next.slots);
    if (next.slots == NULL)
        return lk_fail_memory(err);
    for (size_t i = 0; i < r->count; i++)
        next.slots[seek(&next, r->items[i].id)] = (uint32_t)(i + 1);
    free(r->slots);
    *r = next;
    return LIKEN_OK;
}

int lk_legacy_rows_add(lk_legacy_rows *r, const lk_legacy_row *row, liken_error *err) {
    if (r->count == ROWS_MAX)
        return lk_fail(err, LIKEN_E_TOO_LARGE,
                       "The table has more rows than can be served in place; import it instead.");
    if (2 * (r->count + 1) > r->slot_count && more_slots(r, err) != LIKEN_OK)
        return LIKEN_E_MEMORY;
    if (r->count == r->room) {
        const size_t room = r->room == 0 ? 1024 : 2 * r->room;
        lk_legacy_row *items = realloc(r->items, room * sizeof *items);
        if (items == NULL)
            return lk_fail_memory(err);
        r->items = items;
        r->room = room;
    }
    const size_t at = seek(r, row->id);
    r->items[r->count++] = *row;
    r->slots[at] = (uint32_t)r->count;
    r->live += row->state == LK_LEGACY_LIVE;
    return LIKEN_OK;
}
