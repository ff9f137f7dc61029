/* epoch.h - readers that never wait for a writer.
 *
 * A reader writes the current epoch into a free slot before it loads a shared pointer, and zero when it is done. A
 * writer replaces the pointer, then moves the epoch on; what it replaced may be freed once no slot holds an epoch as
 * old as the replacement. All operations are sequentially consistent: a slot that was still empty when the writer
 * looked belongs to a reader that will load the new pointer. */
#ifndef LK_INDEX_EPOCH_H
#define LK_INDEX_EPOCH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define LK_EPOCH_SLOTS 64 /* searches at once; one more waits for another reader, never for a writer */

typedef struct lk_epoch {
    _Atomic uint64_t now;
    struct {
        _Alignas(64) _Atomic uint64_t epoch;
    } slots[LK_EPOCH_SLOTS];
} lk_epoch;

void lk_epoch_init(lk_epoch *e);
/* Returns the slot to hand to lk_epoch_leave. */
int lk_epoch_enter(lk_epoch *e);
void lk_epoch_leave(lk_epoch *e, int slot);
/* To be called after a shared pointer was replaced; returns the epoch that the old object is retired with. */
uint64_t lk_epoch_retire(lk_epoch *e);
/* May what was retired with `epoch` be freed? */
bool lk_epoch_passed(lk_epoch *e, uint64_t epoch);

#endif
