/* Photos that are in a collection, described by another pack: their faces are where they were found, and only what the
 * new eyes make of them is new. The pixels are those of the original, where it is kept, or of the photo's own file,
 * where its labels lead to one whose bytes are those that were added (photo_file.c).
 *
 * A page of photos is described by several threads and stored in one transaction; whoever is killed loses no more than
 * that. A face that the pack keeps and the former one had refused would be a new one: once there are people who are not
 * to be found (store/inside.h, lk_inside.judge), they are to be asked about it in lk_upgrade_put. */
#include "gallery/pictures.h"
#include "gallery/upgrade.h"

#include "base/log.h"

#include <stdlib.h>
#include <string.h>

#define PAGE 32 /* photos stored at once, at most, and */
#define EACH 4  /* for each thread */
#define THREADS 64

struct photo {
    int64_t id;
    bool gone, missing;
    liken_image *image; /* as it is stored */
    lk_faces faces;     /* as it is seen now */
    int status;
    liken_error err;
};

struct page {
    liken *lk;
    const liken_collection *collection;
    lk_engine *engine;
    const liken_call *call;
    atomic_size_t next;
    size_t count;
    struct photo photos[PAGE];
};

/* ---- one photo ---- */

/* NOT_FOUND, without a sentence: there are none. */
static int read_pixels(const liken *lk, const liken_image *image, liken_picture *out, liken_error *err) {
    for (size_t i = 0; i < image->picture_count; i++)
        if (image->pictures[i].kind == LIKEN_KEEP_ORIGINAL)
            return lk->store->ops->pictures->get(lk->store, 0, image->id, LIKEN_KEEP_ORIGINAL, out, err);
    return lk_photo_file(lk, image, out, err);
}

/* Is there a face in it that would be missed without its pixels? What a detector hardly believed in would not. */
static bool has_faces(const liken_image *image) {
    bool any = image->face_count > 0;
    for (size_t i = 0; i < image->refused_count; i++)
        any = any || image->refused[i].reason != LIKEN_LOW_CONFIDENCE;
    return any;
}

static int keep_refused(struct photo *p, liken_error *err) {
    const size_t count = p->image->refused_count;
    p->faces.refused = calloc(count + 1, sizeof *p->faces.refused);
    if (p->faces.refused == NULL)
        return lk_fail_memory(err);
    if (count > 0)
        memcpy(p->faces.refused, p->image->refused, count * sizeof *p->faces.refused);
    p->faces.refused_count = count;
    return LIKEN_OK;
}

static bool is_of_the_photo(int rc) {
    return rc == LIKEN_E_FORMAT || rc == LIKEN_E_DECODE || rc == LIKEN_E_TOO_LARGE || rc == LIKEN_E_UNSUPPORTED;
}

static int look(const struct page *page, struct photo *p, liken_error *err) {
    const liken_image *image = p->image;
    liken_picture pixels = {0};
    liken_error why = {0};
    const lk_found found = {image->faces, image->refused, image->face_count, image->refused_count, image->detector};
    if (image->face_count + image->refused_count == 0)
        return LIKEN_OK;
    int rc = read_pixels(page->lk, image, &pixels, &why);
    if (rc == LIKEN_OK)
        rc = lk_gallery_look_again(page->lk, page->engine, pixels.bytes, pixels.size, &found, &p->faces, &why);
    free(pixels.bytes);
    const bool lost = rc == LIKEN_E_NOT_FOUND || is_of_the_photo(rc);
    p->missing = lost && has_faces(image);
    if (is_of_the_photo(rc))
        lk_log(LIKEN_LOG_WARN, "Photo %lld cannot be read any more. %s", (long long)p->id, why.message);
    if (lost)
        return p->missing ? LIKEN_OK : keep_refused(p, err);
    if (rc != LIKEN_OK && err != NULL)
        *err = why;
    return rc;
}

static void describe(const struct page *page, struct photo *p) {
    const lk_store_images *ops = page->lk->store->ops->images;
    p->status = ops->get(page->lk->store, page->collection->id, p->id, &p->image, &p->err);
    if (p->status == LIKEN_E_NOT_FOUND) { /* it was removed meanwhile */
        p->gone = true;
        p->status = LIKEN_OK;
    } else if (p->status == LIKEN_OK) {
        p->status = look(page, p, &p->err);
    }
}

static void forget(struct photo *p) {
    liken_image_free(p->image);
    lk_faces_clear(&p->faces);
    *p = (struct photo){0};
}

/* ---- a page ---- */

static void *work(void *arg) {
    struct page *page = arg;
    lk_call k;
    liken_error why = {0};
    int rc = lk_call_begin(&k, page->call, &why);
    for (size_t i; (i = atomic_fetch_add(&page->next, 1)) < page->count;) {
        struct photo *p = &page->photos[i];
        if (rc == LIKEN_OK)
            rc = lk_call_check(&why);
        if (rc == LIKEN_OK) {
            describe(page, p);
        } else {
            p->status = rc;
            p->err = why;
        }
    }
    lk_call_end(&k);
    return NULL;
}

/* On as many threads as can be had, this one among them. */
static void work_together(struct page *page) {
    pthread_t others[THREADS];
    int started = 0;
    atomic_store(&page->next, 0);
    while (started + 1 < page->lk->threads && started < THREADS && (size_t)started + 1 < page->count &&
           pthread_create(&others[started], NULL, work, page) == 0)
        started++;
    (void)work(page);
    for (int i = 0; i < started; i++)
        (void)pthread_join(others[i], NULL);
}

/* The first fault, if there was one. */
static int status_of(const struct page *page, liken_error *err) {
    for (size_t i = 0; i < page->count; i++) {
        if (page->photos[i].status == LIKEN_OK)
            continue;
        if (err != NULL)
            *err = page->photos[i].err;
        return page->photos[i].status;
    }
    return LIKEN_OK;
}

static int store_page(const struct page *page, liken_error *err) {
    lk_upgraded list[PAGE];
    size_t count = 0;
    for (size_t i = 0; i < page->count; i++) {
        const struct photo *p = &page->photos[i];
        if (!p->gone)
            list[count++] = (lk_upgraded){.image = p->id,
                                          .missing = p->missing,
                                          .faces = p->faces.kept,
                                          .face_count = p->faces.kept_count,
                                          .refused = p->faces.refused,
                                          .refused_count = p->faces.refused_count};
    }
    return lk_upgrade_put(page->lk->store, page->collection->id, lk_models_id(page->engine->models), list, count, err);
}

static int take_page(struct page *page, const int64_t *ids, size_t count, liken_error *err) {
    page->count = count;
    for (size_t i = 0; i < count; i++)
        page->photos[i].id = ids[i];
    work_together(page);
    int rc = status_of(page, err);
    if (rc == LIKEN_OK)
        rc = store_page(page, err);
    for (size_t i = 0; i < count; i++)
        forget(&page->photos[i]);
    return rc;
}

int lk_redescribe(liken *lk, const liken_collection *c, lk_engine *e, int64_t done, int64_t total, liken_error *err) {
    LK_FREE struct page *page = calloc(1, sizeof *page);
    const size_t room = EACH * lk->threads < PAGE ? (size_t)(EACH * lk->threads) : PAGE;
    int64_t ids[PAGE], after = 0;
    size_t count = 1;
    if (page == NULL)
        return lk_fail_memory(err);
    page->lk = lk;
    page->collection = c;
    page->engine = e;
    page->call = lk_call_now();
    int rc = LIKEN_OK;
    while (rc == LIKEN_OK && count > 0) {
        rc = lk_upgrade_todo(lk->store, c->id, after, ids, room, &count, err);
        if (rc == LIKEN_OK && count > 0)
            rc = take_page(page, ids, count, err);
        if (rc != LIKEN_OK || count == 0)
            break;
        after = ids[count - 1];
        done += (int64_t)count;
        lk_call_tell(&(liken_progress){.what = "photos described", .done = done, .total = total > done ? total : done});
        rc = lk_call_check(err);
    }
    if (rc == LIKEN_E_CANCELLED || rc == LIKEN_E_DEADLINE)
        return lk_fail(err, rc, "The upgrade was stopped%s; what was described is kept.",
                       rc == LIKEN_E_DEADLINE ? " at its deadline" : "");
    return rc;
}
