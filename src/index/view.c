#include "index/inner.h"

#include "base/lock.h"

#include <stdlib.h>

lk_view *lk_view_new(size_t count) {
    lk_view *v = calloc(1, sizeof *v + count * sizeof v->parts[0]);
    if (v != NULL)
        v->count = count;
    return v;
}

void lk_view_free(lk_view *v) {
    for (size_t i = 0; v != NULL && i < v->count; i++)
        if (--v->parts[i].segment->refs == 0)
            lk_segment_free(v->parts[i].segment);
    free(v);
}

void lk_free_retired(lk_index *ix) {
    for (lk_view **link = &ix->retired; *link != NULL;) {
        lk_view *v = *link;
        if (!lk_epoch_passed(&ix->epoch, v->epoch)) {
            link = &v->next;
            continue;
        }
        *link = v->next;
        lk_view_free(v);
    }
}

void lk_view_publish(lk_index *ix, lk_view *v) {
    LK_HELD(&ix->lock);
    for (size_t i = 0; i < v->count; i++)
        v->parts[i].segment->refs++;
    lk_view *old = atomic_exchange(&ix->current, v);
    old->epoch = lk_epoch_retire(&ix->epoch);
    old->next = ix->retired;
    ix->retired = old;
    lk_free_retired(ix);
}

lk_segment *lk_view_find(const lk_view *v, uint64_t state, int64_t id, size_t *row) {
    size_t low = 0, high = v->count;
    while (low < high) { /* the last segment whose first id is not past `id` */
        const size_t middle = low + (high - low) / 2;
        if (lk_segment_id(v->parts[middle].segment, 0) <= id)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0)
        return NULL;
    lk_segment *s = v->parts[low - 1].segment;
    *row = lk_segment_find(s, lk_view_rows(v, low - 1, state), id);
    return *row == SIZE_MAX ? NULL : s;
}

int lk_index_intact(lk_index *ix, const lk_view *v, liken_error *err) {
    for (size_t i = 0; i < v->count; i++)
        if (v->parts[i].segment->sealed != NULL && atomic_load(&v->parts[i].segment->sealed->damaged))
            atomic_store(&ix->damaged, true);
    if (!atomic_load(&ix->damaged))
        return LIKEN_OK;
    return lk_fail(err, LIKEN_E_STORE, "The index files are damaged; the index must be made anew from the store.");
}
