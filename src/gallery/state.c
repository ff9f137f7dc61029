/* What the handle is and holds. */
#include "gallery/gallery_int.h"

#include "base/cpu.h"
#include "image/decode/decoders.h"

#include <stdlib.h>
#include <string.h>

void liken_state_free(liken_state *s) {
    if (s == NULL)
        return;
    free(s->pack);
    free(s->model);
    free(s->detector);
    free(s->detector_note);
    free(s->pack_note);
    free(s->cpu);
    free(s->store);
    free(s->data);
    free(s->store_id);
    free(s->sandbox);
    free(s->read_only);
    free(s->full);
    free(s);
}

static bool copy(char **to, const char *text) {
    *to = text == NULL ? NULL : strdup(text);
    return text == NULL || *to != NULL;
}

static void count_index(liken *lk, liken_state *s) {
    pthread_mutex_lock(&lk->slot_lock);
    for (lk_slot *slot = lk->slots; slot != NULL; slot = slot->next) {
        s->indexed += (int64_t)lk_index_size(slot->index);
        s->index_bytes += lk_index_bytes(slot->index);
    }
    pthread_mutex_unlock(&lk->slot_lock);
}

static void count_decoders(liken *lk, liken_state *s) {
    lk_decoders_state d;
    if (lk->limits.decoders == NULL)
        return;
    lk_decoders_get(lk->limits.decoders, &d);
    s->decoders = d.running;
    for (int i = 0; i < LK_LOSSES; i++)
        if (i != LK_LOST_IDLE)
            s->decoders_lost += (int64_t)d.lost[i];
}

/* Asked of the store each time: a right may be given and taken, a standby may become the first. */
static int fill_rights(const liken *lk, liken_state *s, liken_error *err) {
    liken_error why = {0};
    if (lk->store->ops->writable(lk->store, &why) == LIKEN_E_READ_ONLY)
        return copy(&s->read_only, why.message) ? LIKEN_OK : lk_fail_memory(err);
    if (lk->read_only && !copy(&s->read_only, "The gallery was opened read-only."))
        return lk_fail_memory(err);
    return LIKEN_OK;
}

static int fill_room(const liken *lk, liken_state *s, liken_error *err) {
    liken_error full = {0};
    if (s->read_only != NULL)
        return LIKEN_OK;
    const int rc = lk->store->ops->room(lk->store, &full);
    if (rc == LIKEN_E_FULL && !copy(&s->full, full.message))
        return lk_fail_memory(err);
    return LIKEN_OK; /* another trouble with writing is not want of room */
}

static int fill_store(const liken *lk, liken_state *s, liken_error *err) {
    char store_id[37];
    int rc = lk->store->ops->id(lk->store, store_id, err);
    if (rc == LIKEN_OK)
        rc = lk->store->ops->counts(lk->store, &s->collections, &s->images, &s->faces, err);
    if (rc == LIKEN_OK && lk->store->ops->erasing != NULL)
        rc = lk->store->ops->erasing->left(lk->store, &s->erasing, err);
    if (rc == LIKEN_OK)
        rc = fill_rights(lk, s, err);
    if (rc == LIKEN_OK)
        rc = fill_room(lk, s, err);
    if (rc != LIKEN_OK)
        return rc;
    const bool ok = copy(&s->store, lk->address == NULL ? lk->store->ops->name(lk->store) : lk->address) &&
                    copy(&s->data, lk->data) && copy(&s->store_id, store_id);
    return ok ? LIKEN_OK : lk_fail_memory(err);
}

static int fill(liken *lk, liken_state *s, liken_error *err) {
    lk_engine *e = NULL;
    s->version = liken_version();
    int rc = lk->store == NULL ? LIKEN_OK : fill_store(lk, s, err);
    if (rc == LIKEN_OK && !lk->no_models)
        rc = lk_gallery_engine(lk, NULL, &e, err);
    if (rc != LIKEN_OK)
        return rc;
    bool ok = copy(&s->pack, lk->pack) && copy(&s->cpu, lk_cpu_name(lk_cpu_level())) &&
              copy(&s->sandbox, lk->no_box != NULL ? lk->no_box
                                : lk->sandbox      ? "on"
                                                   : "off");
    if (e != NULL)
        ok = ok && copy(&s->model, lk_models_id(e->models)) && copy(&s->detector, lk_models_detector(e->models)) &&
             copy(&s->detector_note, lk_models_detector_note(e->models)) && copy(&s->pack_note, lk->pack_note);
    if (!ok)
        return lk_fail_memory(err);
    count_index(lk, s);
    count_decoders(lk, s);
    return LIKEN_OK;
}

int liken_get_state(liken *lk, const liken_call *call, liken_state **out, liken_error *err) {
    liken_state *s = calloc(1, sizeof *s);
    if (s == NULL)
        return lk_fail_memory(err);
    lk_call k;
    int rc = lk_gallery_enter(lk, &k, call, err);
    if (rc == LIKEN_OK)
        rc = fill(lk, s, err);
    lk_gallery_leave(lk, &k);
    if (rc == LIKEN_OK)
        *out = s;
    else
        liken_state_free(s);
    return rc;
}
