/* The table of contents of an index's cache, beside a sealed segment that is really there. The input is read as it is;
 * then with a right checksum, as an attacker would make it; then laid over the genuine table (bytes that are not zero
 * change it), so that whatever the format is, what comes after its header is reached. Whatever the bytes are, memory
 * must stay in bounds and the folder as it was. */
#include "index/index.h"
#include "kern/search/loops.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Every status is right here; what counts is that memory is left alone. */
static void any(int status) {
    (void)status;
}

enum { DIMENSION = 16, ROWS = 5000, OPEN = 7, ROOM = 1 << 20 };

static char folder[] = "/tmp/liken-fuzz-contents-XXXXXX", path[64];
static uint8_t genuine[ROOM];
static size_t genuine_size;

static void clean_up(void) {
    lk_index_remove(folder);
}

static void add(lk_index *ix, int64_t first, int count) {
    for (int64_t id = first; id < first + count; id++) {
        float v[DIMENSION];
        for (int i = 0; i < DIMENSION; i++)
            v[i] = (float)((id * 37 + i * i * 11) % 101) / 101;
        if (lk_index_add(ix, &id, v, 1, NULL) != LIKEN_OK)
            abort();
    }
}

/* A cache with a sealed segment, deletions, and rows that are not sealed. */
static void make_genuine(void) {
    lk_index *ix;
    int64_t change;
    if (mkdtemp(folder) == NULL || lk_index_open(&ix, folder, DIMENSION, "model", "store", &change, NULL) != LIKEN_OK)
        abort();
    atexit(clean_up);
    add(ix, 1, ROWS);
    any(lk_index_delete(ix, (int64_t[]){3, 700, 4000}, 3, NULL));
    lk_index_settle(ix);
    add(ix, ROWS + 1, OPEN);
    any(lk_index_delete(ix, (int64_t[]){5, 900, ROWS + 2}, 3, NULL));
    if (lk_index_save(ix, 6, NULL) != LIKEN_OK)
        abort();
    lk_index_free(ix);
    (void)snprintf(path, sizeof path, "%s/contents", folder);
    FILE *f = fopen(path, "rb");
    genuine_size = f != NULL ? fread(genuine, 1, sizeof genuine, f) : 0;
    if (genuine_size == 0 || genuine_size == sizeof genuine)
        abort();
    (void)fclose(f);
}

static void use(lk_index *ix) {
    float v[DIMENSION] = {0.5f, 0.25f};
    const int64_t only[] = {1, 5, ROWS + 3};
    lk_neighbour hits[20];
    size_t count;
    int64_t id;
    for (int i = 0; i < 3; i++) {
        const lk_index_query q = {.vector = v,
                                  .radius = i == 1 ? 1 : INFINITY,
                                  .k = 20,
                                  .only = i == 2 ? only : NULL,
                                  .only_count = i == 2 ? 3 : 0};
        const int rc = lk_index_search(ix, &q, hits, &count, NULL, NULL);
        if (rc != LIKEN_OK && rc != LIKEN_E_STORE)
            abort();
    }
    any(lk_index_get(ix, 5, v, NULL));
    any(lk_index_newest(ix, &id, v, NULL));
    any(lk_index_check(ix, NULL));
    any(lk_index_delete(ix, only, 3, NULL));
    id = lk_index_last_id(ix);
    if (id < INT64_MAX)
        any(lk_index_add(ix, &(int64_t){id + 1}, (float[DIMENSION]){1}, 1, NULL));
}

/* True when it was taken. */
static bool attempt(const uint8_t *bytes, size_t size) {
    FILE *f = fopen(path, "wb");
    if (f == NULL || fwrite(bytes, 1, size, f) != size || fclose(f) != 0)
        abort();
    lk_index *ix = NULL;
    int64_t change;
    if (lk_index_open_read_only(&ix, folder, DIMENSION, "model", "store", &change, NULL) != LIKEN_OK)
        return false; /* no memory for what it claims */
    const bool taken = lk_index_trouble(ix) == NULL;
    use(ix);
    lk_index_free(ix);
    return taken;
}

static bool attempt_signed(uint8_t *bytes, size_t size) {
    uint32_t crc;
    if (size < sizeof crc)
        return false;
    crc = lk_loops_get()->crc(0, bytes, size - sizeof crc);
    memcpy(bytes + size - sizeof crc, &crc, sizeof crc);
    return attempt(bytes, size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static uint8_t bytes[ROOM];
    if (genuine_size == 0) {
        make_genuine();
        if (!attempt(genuine, genuine_size))
            abort(); /* else nothing would be tested */
    }
    if (size > sizeof bytes)
        return 0;
    (void)attempt(data, size);
    memcpy(bytes, data, size);
    (void)attempt_signed(bytes, size);
    memcpy(bytes, genuine, genuine_size);
    for (size_t i = 0; i < size && i < genuine_size; i++)
        bytes[i] ^= data[i];
    (void)attempt_signed(bytes, genuine_size);
    return 0;
}
