/* Saving the caches: by a chore whenever many faces came or went, and at the end. Searches and additions go
 * on meanwhile.
 *
 * A cache says how far it goes by two numbers: the face and the removal up to which every change of the store is in it.
 * They are read before the index is, so what comes between them is in the cache and done once more by whoever opens it,
 * which changes nothing. After many changes the index is given the time to seal them: what is not sealed has to be read
 * whole at the next start. An index that had no changes is saved only when it has fallen far behind. Whatever is not
 * saved costs the next start a longer way through the store, and no more. */
#include "gallery/gallery_int.h"

#include "base/lock.h"
#include "base/log.h"

#include <stdlib.h>

#define SAVE_EVERY 16384 /* changes */
#define FAR_BEHIND 4096  /* faces of other collections */

static void save_slot(liken *lk, lk_slot *s, bool last) {
    const int64_t unsaved = atomic_load(&s->unsaved);
    const int64_t change = atomic_load(&lk->seen_deletion), face = atomic_load(&lk->seen_face);
    if (unsaved == 0 && face - s->saved < FAR_BEHIND)
        return;
    liken_error err = {0};
    if (unsaved >= SAVE_EVERY)
        lk_index_settle(s->index);
    lk_index_pass(s->index, lk_face_key(face, true));
    const int rc = lk_index_save(s->index, change, &err);
    if (rc == LIKEN_OK) {
        (void)atomic_fetch_sub(&s->unsaved, unsaved);
        s->saved = face;
    } else if (rc == LIKEN_E_STORE && last) {
        lk_index_discard(s->index);   /* the next start would meet the same damage */
    } else if (rc != LIKEN_E_STORE) { /* else the next search makes it anew */
        lk_log(LIKEN_LOG_WARN, "The index could not be saved; the next start reads more from the store. %s",
               err.message);
    }
}

static void save_all(liken *lk, bool last) {
    lk_slot **slots = NULL;
    size_t count = 0;
    liken_error err = {0};
    if (lk_gallery_slots_take(lk, &slots, &count, &err) != LIKEN_OK)
        lk_log(LIKEN_LOG_WARN, "The index could not be saved. %s", err.message);
    for (size_t i = 0; i < count; i++) {
        save_slot(lk, slots[i], last);
        lk_gallery_slot_drop(lk, slots[i]);
    }
    free(slots);
}

static bool save(void *ctx) {
    save_all(ctx, false);
    return false;
}

void lk_saver_start(liken *lk) {
    liken_error err = {0};
    const lk_chore_options o = {.name = "liken-save", .fn = save, .ctx = lk};
    if (lk_chore_start(&lk->saver, &o, &err) != LIKEN_OK)
        lk_log(LIKEN_LOG_WARN, "The index is saved at the end only. %s", err.message);
}

void lk_saver_stop(liken *lk) {
    lk_chore_stop(lk->saver);
    if (lk->primed)
        save_all(lk, true);
}

void lk_saver_count(liken *lk, lk_slot *slot, size_t changes) {
    LK_HELD(&lk->sync_lock);
    (void)atomic_fetch_add(&slot->unsaved, (int64_t)changes);
    lk->pending += changes;
    if (lk->pending < SAVE_EVERY)
        return;
    lk->pending = 0;
    lk_chore_ask(lk->saver);
}
