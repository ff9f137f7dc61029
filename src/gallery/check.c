/* `liken doctor`: every part that can be at fault, and how to mend it. Opens on its own, read-only. */
#include "gallery/gallery_int.h"

#include "base/buf.h"
#include "base/cpu.h"
#include "image/decode/decoders.h"
#include "packs/pack.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#define DISK_BAD ((uint64_t)64 << 20) /* free bytes below which adding photos will soon fail */
#define DISK_LOW ((uint64_t)1 << 30)

struct doctor {
    int bad;
};

static void say(struct doctor *d, const char *what, liken_verdict verdict, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static void say(struct doctor *d, const char *what, liken_verdict verdict, const char *format, ...) {
    char message[1024];
    va_list ap;
    va_start(ap, format);
    (void)vsnprintf(message, sizeof message, format, ap);
    va_end(ap);
    if (verdict == LIKEN_BAD)
        d->bad++;
    lk_call_tell(&(liken_progress){.what = what, .message = message, .verdict = verdict});
}

/* A finding of the store's. */
static void tell(void *ctx, const char *what, liken_verdict verdict, const char *message) {
    (void)ctx;
    lk_call_tell(&(liken_progress){.what = what, .message = message, .verdict = verdict});
}

static void check_cpu(struct doctor *d) {
    const lk_cpu level = lk_cpu_level();
    if (level == LK_CPU_SCALAR)
        say(d, "CPU", LIKEN_NOTE,
            "scalar: correct, but several times slower. A CPU with AVX2 or NEON is faster; if this one "
            "has it, unset LIKEN_CPU.");
    else
        say(d, "CPU", LIKEN_GOOD, "%s, %d threads", lk_cpu_name(level), lk_cpu_count());
}

/* What libvips and libheif on this machine cannot read. */
static void check_decoders(struct doctor *d) {
    liken_error err;
    lk_image_support s;
    if (lk_image_support_read(&s, &err) != LIKEN_OK) {
        say(d, "photos", LIKEN_BAD, "%s", err.message);
        return;
    }
    const bool all = s.hevc && s.av1 && s.jxl;
    say(d, "photos", all && !s.old_heif ? LIKEN_GOOD : LIKEN_NOTE, "libvips %s, libheif %s%s%s%s%s%s", s.vips,
        s.heif[0] == '\0' ? "not there" : s.heif, all ? "" : "; not read:", s.hevc ? "" : " HEIC (install libde265)",
        s.av1 ? "" : " AVIF (install dav1d or aom)", s.jxl ? "" : " JPEG XL (libvips is built without it)",
        s.old_heif
            ? ". libheif is older than 1.18: photos of iOS 18 and later are mended before it sees them, and other "
              "new ones may be refused; 1.19 or newer reads them"
            : "");
}

/* ---- packs ---- */

static void check_pack(struct doctor *d, const liken *lk, const liken_pack *pack) {
    liken_error err;
    char what[96];
    (void)snprintf(what, sizeof what, "pack %.80s", pack->name);
    const bool needed = strcmp(pack->name, lk->pack) == 0;
    if (!pack->installed && needed)
        say(d, what, LIKEN_BAD, "Not installed. Install it: liken models install %s", pack->name);
    else if (!pack->installed && pack->path != NULL)
        say(d, what, LIKEN_NOTE, "Cannot be used. %s", pack->holds);
    else if (pack->installed && liken_pack_verify(lk->models, pack->name, lk_call_now(), &err) != LIKEN_OK)
        say(d, what, LIKEN_BAD, "%s", err.message);
    else if (pack->installed)
        say(d, what, LIKEN_GOOD, "%s %s, %s", pack->name, pack->version, pack->holds);
}

static void check_models(struct doctor *d, const liken *lk) {
    liken_error err;
    liken_pack *packs = NULL;
    size_t count = 0;
    bool known = false;
    if (liken_pack_list(lk->models, &packs, &count, &err) != LIKEN_OK) {
        say(d, "packs", LIKEN_BAD, "%s", err.message);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        check_pack(d, lk, &packs[i]);
        known = known || strcmp(packs[i].name, lk->pack) == 0;
    }
    liken_packs_free(packs, count);
    if (strcmp(lk->pack, LK_PACK_AUTO) == 0)
        say(d, "packs", LIKEN_BAD,
            "No pack that describes faces is installed. Install what most people need: liken models install");
    else if (!known)
        say(d, "packs", LIKEN_BAD, "There is no pack \"%s\" in %s; liken models list shows those that there are.",
            lk->pack, lk->models);
}

static void check_networks(struct doctor *d, const liken *lk) {
    const lk_models_options options = {.folder = lk->models, .pack = lk->pack, .detector = lk->detector};
    lk_models *models = NULL;
    lk_pipeline *pipeline = NULL;
    liken_error err;
    int rc = lk_models_load(&models, &options, &err);
    if (rc == LIKEN_OK)
        rc = lk_pipeline_new(&pipeline, models, &err);
    if (rc != LIKEN_OK)
        say(d, "networks", LIKEN_BAD, "%s", err.message);
    else if (lk_models_detector_note(models) != NULL)
        say(d, "networks", LIKEN_NOTE, "%s, detector %s. %s", lk_models_id(models), lk_models_detector(models),
            lk_models_detector_note(models));
    else
        say(d, "networks", LIKEN_GOOD, "%s, detector %s", lk_models_id(models), lk_models_detector(models));
    if (lk->pack_note != NULL && rc == LIKEN_OK)
        say(d, "new collections", lk->pack_is_poor ? LIKEN_NOTE : LIKEN_GOOD, "%s", lk->pack_note);
    lk_pipeline_free(pipeline);
    lk_models_free(models);
}

/* ---- decoding ---- */

static void check_sandbox(struct doctor *d, liken *lk) {
    liken_error err;
    lk_decoders_state s;
    int rc = lk_gallery_sandbox_begin(lk, &err);
    if (rc == LIKEN_OK)
        rc = lk_gallery_sandbox_ready(lk, &err);
    if (rc != LIKEN_OK) {
        say(d, "sandbox", LIKEN_BAD, "%s", err.message);
        return;
    }
    if (lk->limits.decoders == NULL) {
        say(d, "sandbox", LIKEN_NOTE,
            "%s: photos are decoded in liken's own process, which a hostile file can then bring down or take over. Use "
            "it (sandbox = on) where photos come from strangers.",
            lk->no_box != NULL ? lk->no_box : "off");
        return;
    }
    lk_decoders_get(lk->limits.decoders, &s);
    say(d, "sandbox", LIKEN_GOOD,
        "photos are decoded by at most %d processes of %s, without files, network or other programs (seccomp), limited "
        "in time%s",
        s.most, s.path, s.limits_memory ? " and memory" : "; not in memory, as this build has a sanitizer");
}

/* ---- store and index ---- */

static int64_t indexed(liken *lk) {
    int64_t sum = 0;
    for (lk_slot *s = lk->slots; s != NULL; s = s->next)
        sum += (int64_t)lk_index_size(s->index);
    return sum;
}

/* Reads each cache to its end. What is wrong with one costs only time, at the next start or search. */
static void check_caches(struct doctor *d, liken *lk) {
    liken_error err;
    lk_slot **slots = NULL;
    size_t count = 0;
    if (lk_gallery_slots_take(lk, &slots, &count, &err) != LIKEN_OK) {
        say(d, "index cache", LIKEN_BAD, "%s", err.message);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        int rc = lk_index_check(slots[i]->index, &err);
        if (rc == LIKEN_E_STORE)
            rc = lk_gallery_mend(lk, &slots[i], &err);
        LK_FREE char *folder = slots[i] == NULL ? NULL : lk_cache_folder(lk, slots[i]->collection);
        if (rc != LIKEN_OK)
            say(d, "index cache", LIKEN_BAD, "%s", err.message);
        else if (folder != NULL && slots[i]->trouble[0] != '\0')
            say(d, "index cache", LIKEN_NOTE,
                "%.512s: %.200s. It is made anew from the store when a search or a start needs it; to be rid of it at "
                "once, stop liken and delete that folder.",
                folder, slots[i]->trouble);
        lk_gallery_slot_drop(lk, slots[i]);
    }
    free(slots);
}

/* How many faces the indexes should hold, and how many the store searches by itself. */
static int count_faces(liken *lk, int64_t *here, int64_t *remote, liken_error *err) {
    liken_collection **list = NULL;
    size_t count = 0;
    const int rc = lk->store->ops->collections->list(lk->store, &list, &count, err);
    if (rc != LIKEN_OK)
        return rc;
    *here = *remote = 0;
    for (size_t i = 0; i < count; i++)
        *(lk_place_is_remote(lk, list[i]->id) ? remote : here) += list[i]->faces;
    liken_collections_free(list, count);
    return LIKEN_OK;
}

/* Builds the index as a search would. Another process may be adding or removing: then the two counts are not of one
 * moment, and it is tried again. */
static void check_index(struct doctor *d, liken *lk) {
    liken_error err;
    int64_t here = 0, remote = 0, face = 0, removal = 0, last_face = -1, last_removal = -1;
    int rc = lk_gallery_sync_now(lk, &err);
    if (rc == LIKEN_OK)
        check_caches(d, lk);
    for (int tries = 0; rc == LIKEN_OK && tries < 5 && (face != last_face || removal != last_removal); tries++) {
        rc = lk->store->ops->feed->marks(lk->store, &face, &removal, &err);
        if (rc == LIKEN_OK)
            rc = lk_gallery_sync_now(lk, &err);
        if (rc == LIKEN_OK)
            rc = count_faces(lk, &here, &remote, &err);
        if (rc == LIKEN_OK)
            rc = lk->store->ops->feed->marks(lk->store, &last_face, &last_removal, &err);
    }
    if (rc != LIKEN_OK)
        say(d, "index", LIKEN_BAD, "%s", err.message);
    else if (face != last_face || removal != last_removal)
        say(d, "index", LIKEN_NOTE,
            "Photos are being added all the time, so index and store could not be compared; try again "
            "later.");
    else if (indexed(lk) != here)
        say(d, "index", LIKEN_BAD,
            "It would hold %lld faces and the store counts %lld. Restore the store from a backup.",
            (long long)indexed(lk), (long long)here);
    else if (remote > 0)
        say(d, "index", LIKEN_GOOD, "%lld faces, as the store; %lld more are searched by the database", (long long)here,
            (long long)remote);
    else
        say(d, "index", LIKEN_GOOD, "%lld faces, as the store", (long long)here);
}

static void check_collections(struct doctor *d, liken *lk) {
    liken_error err;
    liken_collection **list = NULL;
    size_t count = 0;
    if (lk->store->ops->collections->list(lk->store, &list, &count, &err) != LIKEN_OK) {
        say(d, "collections", LIKEN_BAD, "%s", err.message);
        return;
    }
    for (size_t i = 0; i < count; i++)
        if (lk_gallery_serves(lk, list[i], &err) != LIKEN_OK)
            say(d, "collections", LIKEN_BAD, "%s", err.message);
    liken_collections_free(list, count);
}

static void check_store(struct doctor *d, liken *lk) {
    liken_error err;
    int bad = 0;
    const int rc = lk->store->ops->check(lk->store, tell, NULL, &bad, &err);
    d->bad += bad;
    if (lk->address != NULL)
        say(d, "store", LIKEN_GOOD, "%s", lk->address);
    liken_error why;
    if (lk->store->ops->writable(lk->store, &why) == LIKEN_E_READ_ONLY)
        say(d, "store", LIKEN_NOTE, "%s Searches work; nothing can be added or removed.", why.message);
    if (rc != LIKEN_OK)
        say(d, "store", LIKEN_BAD, "%s", err.message);
    else if (bad == 0)
        check_index(d, lk);
}

/* Cuts the last part off a path: "/a/b", "/a", "/"; "a/b", "a", ".". False when nothing is left to cut. */
static bool cut(char *path) {
    char *slash = strrchr(path, '/');
    if (strcmp(path, "/") == 0 || strcmp(path, ".") == 0)
        return false;
    if (slash == NULL)
        memcpy(path, ".", 2);
    else
        slash[slash == path] = '\0';
    return true;
}

/* The store may not have been made yet: then the space counts where it will be. */
static void check_disk(struct doctor *d, const char *folder) {
    struct statvfs space;
    LK_FREE char *path = strdup(*folder == '\0' ? "." : folder);
    int rc = path == NULL ? -1 : statvfs(path, &space);
    while (rc != 0 && path != NULL && errno == ENOENT && cut(path))
        rc = statvfs(path, &space);
    if (rc != 0) {
        say(d, "disk", LIKEN_BAD, "The folder %s cannot be looked at: %s", folder, strerror(errno));
        return;
    }
    const uint64_t bytes = (uint64_t)space.f_bavail * space.f_frsize;
    const unsigned long long mib = (unsigned long long)(bytes >> 20);
    if (bytes < DISK_BAD)
        say(d, "disk", LIKEN_BAD, "Only %llu MiB are free for %s: adding photos will fail. Free some space.", mib,
            folder);
    else if (bytes < DISK_LOW)
        say(d, "disk", LIKEN_NOTE, "%llu MiB are free for %s; free some space before adding many photos.", mib, folder);
    else
        say(d, "disk", LIKEN_GOOD, "%llu MiB free", mib);
}

static int check(struct doctor *d, liken *lk, liken_error *err) {
    liken_error why;
    lk->read_only = true; /* whatever the options say: a doctor looks */
    check_cpu(d);
    check_decoders(d);
    if (!lk->no_models) {
        check_models(d, lk);
        check_networks(d, lk);
        check_sandbox(d, lk);
    }
    int rc = lk_call_check(err);
    if (rc != LIKEN_OK)
        return rc;
    rc = lk_gallery_store_open(lk, &why);
    if (rc == LIKEN_OK)
        check_store(d, lk);
    if (rc == LIKEN_OK && !lk->no_models)
        check_collections(d, lk);
    if (rc != LIKEN_OK)
        say(d, "store", rc == LIKEN_E_NOT_FOUND ? LIKEN_NOTE : LIKEN_BAD, "%s", why.message);
    check_disk(d, lk->data);
    return lk_call_check(err);
}

int liken_check(const liken_options *options, const liken_call *call, liken_error *err) {
    struct doctor d = {0};
    liken *lk = NULL;
    lk_call k;
    int rc = lk_call_begin(&k, call, err);
    if (rc == LIKEN_OK)
        rc = lk_gallery_settings(&lk, options, err);
    if (rc == LIKEN_OK)
        rc = check(&d, lk, err);
    lk_call_end(&k);
    liken_free(lk);
    return rc == LIKEN_OK ? d.bad : rc;
}
