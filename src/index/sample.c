/* A sample of all vectors, measured: rows at even distances, which for faces in the order of their adding is as good as
 * by chance. The distance is a power of two, so that they are the same each time, until there are twice as many, and
 * what is touched stays in the cache. */
#include "index/inner.h"

#include "kern/search/loops.h"

#include <math.h>
#include <string.h>

static size_t rows_of(const lk_view *v, uint64_t state) {
    size_t rows = 0;
    for (size_t i = 0; i < v->count; i++)
        rows += lk_view_rows(v, i, state);
    return rows;
}

/* From one row to the next, that there are no more than `room`. */
static size_t step_for(size_t rows, size_t room) {
    size_t step = 1;
    while ((rows + step - 1) / step > room)
        step *= 2;
    return step;
}

static bool is_usable(const lk_segment *s, size_t row, uint64_t version) {
    return lk_segment_alive(s, row, version) && (s->sealed == NULL || lk_sealed_intact(s->sealed, LK_PART_ROWS, row));
}

/* `query` is padded and aligned as rows are. */
static size_t sample(const lk_view *v, uint64_t state, const float *query, lk_neighbour *out, size_t room) {
    const size_t rows = rows_of(v, state), step = step_for(rows, room);
    size_t part = 0, before = 0, count = 0;
    for (size_t at = 0; at < rows; at += step) {
        while (at >= before + lk_view_rows(v, part, state))
            before += lk_view_rows(v, part++, state);
        const lk_segment *s = v->parts[part].segment;
        float square;
        if (!is_usable(s, at - before, lk_state_version(state)))
            continue;
        lk_loops_get()->squares(query, s->rows + (at - before) * s->stride, s->stride, 1, &square);
        out[count++] = (lk_neighbour){lk_segment_id(s, at - before), sqrtf(square)};
    }
    return count;
}

int lk_index_sample(lk_index *ix, const float *vector, lk_neighbour *neighbours, size_t room, size_t *count,
                    liken_error *err) {
    _Alignas(64) float query[LK_INDEX_MAX_DIMENSION] = {0};
    memcpy(query, vector, (size_t)ix->dimension * sizeof *query);
    const int slot = lk_epoch_enter(&ix->epoch);
    lk_view *v = atomic_load(&ix->current);
    const size_t found = sample(v, atomic_load(&v->state), query, neighbours, room);
    const int rc = lk_index_intact(ix, v, err);
    lk_epoch_leave(&ix->epoch, slot);
    if (rc == LIKEN_OK)
        *count = found;
    return rc;
}
