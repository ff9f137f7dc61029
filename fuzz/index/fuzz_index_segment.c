/* A sealed segment from outside: read as it is, with every block checked; then once more as an attacker who can make
 * checksums would have it, searched without any check. Whatever the bytes are, memory must stay in bounds. */
#include "index/inner.h"
#include "kern/search/distance.h"
#include "kern/search/loops.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Every status is right here; what counts is that memory is left alone. */
static void any(int status) {
    (void)status;
}

static void search(lk_sealed *sealed) {
    lk_index *ix = NULL;
    lk_segment *segment = lk_segment_of(sealed);
    lk_view *view = lk_view_new(1);
    if (segment == NULL || view == NULL || lk_index_new(&ix, (int)sealed->head.dimension, NULL) != LIKEN_OK)
        abort();
    view->parts[0].segment = segment;
    view->parts[0].rows = segment->count;
    atomic_init(&view->state, lk_state_of(0, segment->count));
    pthread_mutex_lock(&ix->lock);
    lk_view_publish(ix, view);
    pthread_mutex_unlock(&ix->lock);
    float vector[LK_INDEX_MAX_DIMENSION] = {1, 0.5f, -0.25f};
    const int64_t only[] = {-1, 2, 5};
    lk_neighbour hits[8];
    size_t count = 0;
    for (int i = 0; i < 4; i++) {
        const lk_index_query q = {.vector = vector,
                                  .radius = i == 1 ? 0.5f : INFINITY,
                                  .k = i == 2 ? 1 : 8,
                                  .only = i == 3 ? only : NULL,
                                  .only_count = i == 3 ? 3 : 0};
        const int rc = lk_index_search(ix, &q, hits, &count, NULL, NULL);
        if (rc != LIKEN_OK && rc != LIKEN_E_STORE)
            abort();
        vector[i] = -2;
    }
    any(lk_index_get(ix, 2, vector, NULL));
    any(lk_index_delete(ix, only, 3, NULL));
    lk_index_free(ix);
}

static void attempt(void *bytes, size_t size, bool trust) {
    static const lk_identity identity = {"model", "store"};
    lk_sealed_header head;
    memcpy(&head, bytes, sizeof head);
    lk_sealed *sealed = NULL;
    if (lk_sealed_read(&sealed, bytes, size, &identity, (int)head.dimension, NULL) != LIKEN_OK)
        return;
    if (trust)
        atomic_store(&sealed->trusted, true);
    else
        (void)lk_sealed_check(sealed, NULL);
    search(sealed);
}

/* A right checksum for whatever header and plan these are. */
static bool sign(char *bytes, size_t size) {
    lk_sealed_header head;
    memcpy(&head, bytes, sizeof head);
    const lk_plan plan = {.stride = (uint32_t)lk_row_stride((int)(head.dimension % 2048)),
                          .coarse = head.coarse % 4096,
                          .record = head.record % 4096,
                          .axes = head.axes % 4096};
    const size_t floats = lk_plan_floats(&plan);
    if (LK_SEALED_HEADER + floats * sizeof(float) > size)
        return false;
    head.crc = 0;
    head.crc = lk_loops_get()->crc(lk_loops_get()->crc(0, &head, sizeof head), bytes + LK_SEALED_HEADER,
                                   floats * sizeof(float));
    memcpy(bytes, &head, sizeof head);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < LK_SEALED_HEADER)
        return 0;
    const size_t room = (size + 63) / 64 * 64;
    char *bytes = aligned_alloc(64, room);
    if (bytes == NULL)
        abort();
    memcpy(bytes, data, size);
    attempt(bytes, size, false);
    if (sign(bytes, size))
        attempt(bytes, size, true);
    free(bytes);
    return 0;
}
