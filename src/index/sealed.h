/* sealed.h - a finished segment: ids, rows and codes in one region of memory, which is a file where the index has a
 * folder.
 *
 * Layout, every part aligned to 64 bytes and its length following from the header alone:
 *   header | plan | checksums | ids | values | coarse codes | fine records | float32 rows
 * The header and the plan are covered by one CRC-32C; each other part by one for every few rows. A file that was opened
 * is not read: a block is checked when it is first looked at, or by lk_sealed_check. What every search reads whole, the
 * values and the coarse codes, is copied to memory of its own (pages.h) by the first search; the rest stays in the
 * mapped file, a page of it looked at here and there. The file is a cache: it is written and read on machines of one
 * byte order, and whatever is wrong with it means that it is made anew. */
#ifndef LK_INDEX_SEALED_H
#define LK_INDEX_SEALED_H

#include "index/plan.h"

#include <pthread.h>
#include <stdatomic.h>

#define LK_SEALED_MAX_ROWS (UINT64_C(1) << 23)
#define LK_SEALED_HEADER 1024 /* bytes before the plan */

/* Whose vectors these are; text, zero-padded. */
typedef struct lk_identity {
    char model[128], store[64];
} lk_identity;

/* What coding lost, and so how sure a bound is; see bound.h for its use. */
typedef struct lk_losses {
    double value_base, value_unit; /* a coarse value v > 0 stands for value_base + value_unit * v, or more */
    double error_min, error_max;   /* of the coarse codes, over the rows whose value is not 0 */
    double code_norm;              /* longest 2*code-15 */
    double fine_unit;              /* a fine record's error is its 16 bits times this, or less */
    double rest_unit;              /* its rest is its 16 bits times this, to rest_error */
    double rest_error;
} lk_losses;

typedef struct lk_sealed_header {
    uint64_t magic;
    uint32_t version, crc; /* crc: of header and plan, with this field 0 */
    uint32_t dimension, coarse, record, axes;
    uint64_t rows, number; /* number: the index's own, part of the file's name */
    int64_t first_id, last_id;
    double stretch, squeeze, usual;
    lk_losses losses;
    lk_identity identity;
} lk_sealed_header;

enum { LK_PART_IDS, LK_PART_VALUES, LK_PART_COARSE, LK_PART_FINE, LK_PART_ROWS, LK_PARTS };

/* One part: `unit` bytes a row, checked in blocks of `block` rows. */
typedef struct lk_part {
    size_t offset, unit, block, blocks, first_block;
} lk_part;

typedef struct lk_sealed {
    lk_sealed_header head;
    lk_plan plan; /* points into the region */
    lk_part parts[LK_PARTS];
    char *region;
    size_t bytes, blocks;
    bool mapped;  /* the region is a file's, ours to unmap */
    bool owned;   /* the region is lk_pages_new's */
    bool on_disk; /* and has been written out; for whoever saves */
    int64_t *ids;
    uint8_t *fine;
    float *rows;
    _Atomic(char *) codes; /* values and coarse codes, as in the region; NULL until they are loaded */
    pthread_mutex_t loading;
    uint32_t *sums;            /* one a block */
    _Atomic bool trusted;      /* every block is known to be intact */
    _Atomic bool damaged;      /* a block was found that is not */
    _Atomic uint64_t *checked; /* a bit a block; NULL when the region was made here */
} lk_sealed;

/* A region for that many rows, all zero, with a copy of the plan; `path` NULL: anonymous memory. Then the caller fills
 * ids (ascending) and rows, and calls encode, which makes codes, losses and checksums. */
int lk_sealed_create(lk_sealed **out, const char *path, const lk_plan *plan, const lk_identity *identity, size_t rows,
                     liken_error *err);
/* `stop` (may be NULL): set by another thread, ends early with LIKEN_E_CANCELLED. */
int lk_sealed_encode(lk_sealed *s, const _Atomic bool *stop, liken_error *err);

/* Maps a file. LIKEN_E_STORE when it is not an intact header of this identity and dimension. */
int lk_sealed_open(lk_sealed **out, const char *path, const lk_identity *identity, int dimension, liken_error *err);
/* The same for bytes in memory, which the caller keeps; for tests. */
int lk_sealed_read(lk_sealed **out, void *bytes, size_t size, const lk_identity *identity, int dimension,
                   liken_error *err);
/* Writes the region to disk for good. */
int lk_sealed_sync(lk_sealed *s, liken_error *err);
/* Before lk_sealed_values or lk_sealed_coarse: brings them to memory, and checks them. LIKEN_E_MEMORY; LIKEN_E_STORE
 * when a block is damaged (`damaged` is set then). Any thread. */
int lk_sealed_load(lk_sealed *s);
static inline const uint16_t *lk_sealed_values(const lk_sealed *s) {
    return (const uint16_t *)(const void *)atomic_load_explicit(&s->codes, memory_order_acquire);
}
static inline const uint8_t *lk_sealed_coarse(const lk_sealed *s) {
    return (const uint8_t *)lk_sealed_values(s) + (s->parts[LK_PART_COARSE].offset - s->parts[LK_PART_VALUES].offset);
}
/* Checks every block; false when one is damaged. */
bool lk_sealed_check(lk_sealed *s, const _Atomic bool *stop);
void lk_sealed_free(lk_sealed *s);

/* Is the block intact that holds this row's part? To be asked before the bytes are looked at. */
bool lk_sealed_check_block(lk_sealed *s, int part, size_t row);
static inline bool lk_sealed_intact(lk_sealed *s, int part, size_t row) {
    return atomic_load_explicit(&s->trusted, memory_order_acquire) || lk_sealed_check_block(s, part, row);
}

#endif
