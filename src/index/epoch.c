#include "index/epoch.h"

#include <sched.h>

void lk_epoch_init(lk_epoch *e) {
    atomic_init(&e->now, 1);
    for (int i = 0; i < LK_EPOCH_SLOTS; i++)
        atomic_init(&e->slots[i].epoch, 0);
}

int lk_epoch_enter(lk_epoch *e) {
    static _Thread_local int favourite; /* spreads threads over slots, and so over cache lines */
    for (int tries = 0;; tries++) {
        const int slot = (favourite + tries) % LK_EPOCH_SLOTS;
        uint64_t empty = 0;
        if (atomic_compare_exchange_strong(&e->slots[slot].epoch, &empty, atomic_load(&e->now))) {
            favourite = slot;
            return slot;
        }
        if (tries % LK_EPOCH_SLOTS == LK_EPOCH_SLOTS - 1)
            sched_yield();
    }
}

void lk_epoch_leave(lk_epoch *e, int slot) {
    atomic_store(&e->slots[slot].epoch, 0);
}

uint64_t lk_epoch_retire(lk_epoch *e) {
    return atomic_fetch_add(&e->now, 1);
}

bool lk_epoch_passed(lk_epoch *e, uint64_t epoch) {
    for (int i = 0; i < LK_EPOCH_SLOTS; i++) {
        const uint64_t seen = atomic_load(&e->slots[i].epoch);
        if (seen != 0 && seen <= epoch)
            return false;
    }
    return true;
}
