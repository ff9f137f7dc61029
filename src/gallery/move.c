/* Moving a gallery to another store, ids and all.
 *
 * Photos go over in the order of their ids, a page a transaction, so the largest id that is there says where to go on
 * after an interruption. Then both stores are read side by side: each photo is turned into the same run of bytes on
 * either side and their hashes are compared. Only when all are equal does the copy become a gallery that can be opened.
 */
#include "gallery/gallery_int.h"
#include "gallery/pictures.h"

#include "base/buf.h"
#include "base/crypto.h"
#include "base/log.h"
#include "base/sized.h"
#include "store/codec.h"
#include "store/copy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE 500
#define PICTURES ((size_t)16 << 20) /* bytes of pictures that are on their way at once, and one photo's more */
#define PHOTO_MAX ((size_t)1 << 30) /* bytes of one photo as it is hashed: 100,000 faces of 4096 numbers fit */

struct move {
    liken *from, *to;
    char source[37]; /* the id of the store that is moved */
    liken_move_count count;
    liken_collection **collections; /* of the new store, by name */
    size_t collection_count;
};

/* Tells how far it is, and hears whether it is to go on. */
static int tell(const struct move *m, liken_error *err) {
    const bool copying = m->count.verified == 0;
    lk_call_tell(&(liken_progress){.what = copying ? "photos copied" : "photos compared",
                                   .done = copying ? m->count.copied : m->count.verified,
                                   .total = m->count.images});
    const int rc = lk_call_check(err);
    return rc == LIKEN_OK ? rc
                          : lk_fail(err, rc, "The move was stopped%s after %lld of %lld photos.",
                                    rc == LIKEN_E_DEADLINE ? " at its deadline" : "", (long long)m->count.copied,
                                    (long long)m->count.images);
}

/* ---- collections ---- */

static int by_name(const void *key, const void *row) {
    return strcmp(key, (*(liken_collection *const *)row)->name);
}

static liken_collection *find_collection(const struct move *m, const char *name) {
    liken_collection **found =
        m->collection_count == 0 ? NULL
                                 : bsearch(name, m->collections, m->collection_count, sizeof(*m->collections), by_name);
    return found == NULL ? NULL : *found;
}

static int same_collection(const liken_collection *a, const liken_collection *b, liken_error *err) {
    if (strcmp(a->model, b->model) == 0 && a->dimension == b->dimension && a->metric == b->metric)
        return LIKEN_OK;
    return lk_fail(
        err, LIKEN_E_CONFLICT,
        "Collection \"%s\" was removed and made again, with another model or metric, while it was moved; empty the "
        "new place and begin again.",
        a->name);
}

static int by_row(const void *a, const void *b) {
    return strcmp((*(liken_collection *const *)a)->name, (*(liken_collection *const *)b)->name);
}

/* Sorts by bytes, whatever order the database has. */
static int list_collections(liken *lk, liken_collection ***out, size_t *count, liken_error *err) {
    const int rc = lk->store->ops->collections->list(lk->store, out, count, err);
    if (rc == LIKEN_OK && *count > 0)
        qsort(*out, *count, sizeof(**out), by_row);
    return rc;
}

static int list_new_collections(struct move *m, liken_error *err) {
    liken_collections_free(m->collections, m->collection_count);
    m->collections = NULL;
    m->collection_count = 0;
    return list_collections(m->to, &m->collections, &m->collection_count, err);
}

/* Makes those that are not there yet. */
static int copy_collections(struct move *m, liken_error *err) {
    liken_collection **list = NULL;
    size_t count = 0;
    int rc = list_new_collections(m, err);
    if (rc == LIKEN_OK)
        rc = list_collections(m->from, &list, &count, err);
    for (size_t i = 0; rc == LIKEN_OK && i < count; i++) {
        const liken_collection *there = find_collection(m, list[i]->name);
        liken_collection made = *list[i];
        made.search = LIKEN_SEARCH_AUTO; /* its own way of searching is set at the end, when its photos are there */
        rc = there == NULL ? m->to->store->ops->collections->create(m->to->store, &made, err)
                           : same_collection(list[i], there, err);
    }
    liken_collections_free(list, count);
    return rc == LIKEN_OK ? list_new_collections(m, err) : rc;
}

/* A way of searching that the new store does not have is left at auto, with a line in the log. */
static int set_searches(struct move *m, liken_error *err) {
    liken_collection **list = NULL;
    size_t count = 0;
    int rc = list_collections(m->from, &list, &count, err);
    for (size_t i = 0; rc == LIKEN_OK && i < count; i++) {
        const liken_collection *there = find_collection(m, list[i]->name);
        liken_error why = {0};
        if (there == NULL || list[i]->search == LIKEN_SEARCH_AUTO)
            continue;
        rc = m->to->store->ops->collections->search_set(m->to->store, there->id, list[i]->search, &why);
        if (rc == LIKEN_E_UNSUPPORTED) {
            lk_log(LIKEN_LOG_WARN, "Collection \"%s\" will be searched in the way \"auto\". %s", there->name,
                   why.message);
            rc = LIKEN_OK;
        } else if (rc != LIKEN_OK && err != NULL) {
            *err = why;
        }
    }
    liken_collections_free(list, count);
    return rc;
}

/* ---- copying ---- */

static int read_page(liken *lk, int64_t after, liken_image_list **out, liken_error *err) {
    return lk->store->ops->copy->page(lk->store, after, PAGE, out, err);
}

/* The bytes of the pictures of a photo. One that went since the page was read is left out: the comparison tells. */
static int load_pictures(liken *lk, liken_image *image, size_t *bytes, liken_error *err) {
    size_t kept = 0;
    int rc = LIKEN_OK;
    for (size_t i = 0; rc == LIKEN_OK && i < image->picture_count; i++) {
        liken_picture *p = &image->pictures[kept];
        rc = lk->store->ops->pictures->get(lk->store, 0, image->id, image->pictures[i].kind, p, err);
        if (rc == LIKEN_OK)
            *bytes += image->pictures[kept++].size;
        else if (rc == LIKEN_E_NOT_FOUND)
            rc = LIKEN_OK;
    }
    image->picture_count = kept;
    return rc;
}

/* Photos go over in one transaction with their pictures, as many at once as their bytes allow. */
static int put_some(struct move *m, const int64_t *collections, liken_image *const *images, size_t count, size_t *done,
                    liken_error *err) {
    size_t bytes = 0, n = 0;
    int rc = LIKEN_OK;
    while (rc == LIKEN_OK && n < count && bytes < PICTURES)
        rc = load_pictures(m->from, images[n++], &bytes, err);
    if (rc == LIKEN_OK)
        rc = m->to->store->ops->copy->put(m->to->store, collections, images, n, err);
    for (size_t i = 0; i < n; i++)
        lk_pictures_forget(images[i]);
    *done += n;
    return rc;
}

static int put_page(struct move *m, const liken_image_list *page, liken_error *err) {
    int64_t collections[PAGE];
    for (size_t i = 0; i < page->count; i++) {
        const liken_collection *c = find_collection(m, page->images[i]->collection);
        if (c == NULL)
            return lk_fail(err, LIKEN_E_CONFLICT,
                           "A collection was made while the gallery was moved; run the move again.");
        collections[i] = c->id;
    }
    int rc = LIKEN_OK;
    for (size_t done = 0; rc == LIKEN_OK && done < page->count;)
        rc = put_some(m, collections + done, page->images + done, page->count - done, &done, err);
    return rc;
}

static int copy_images(struct move *m, int64_t after, liken_error *err) {
    int rc = tell(m, err);
    for (size_t got = 1; rc == LIKEN_OK && got > 0;) {
        liken_image_list *page = NULL;
        rc = read_page(m->from, after, &page, err);
        if (rc != LIKEN_OK)
            return rc;
        got = page->count;
        if (got > 0) {
            rc = put_page(m, page, err);
            after = page->images[got - 1]->id;
        }
        if (rc == LIKEN_OK) {
            m->count.copied += (int64_t)got;
            rc = tell(m, err);
        }
        liken_image_list_free(page);
    }
    return rc;
}

/* ---- comparing ---- */

static int hash_text(lk_buf *b, const char *text, liken_error *err) {
    const int rc = lk_buf_format(b, err, "%zu ", text == NULL ? (size_t)0 : strlen(text) + 1);
    return rc == LIKEN_OK && text != NULL ? lk_buf_append(b, text, strlen(text), err) : rc;
}

static int hash_face(lk_buf *b, const liken_face *f, bool kept, liken_error *err) {
    lk_face_row row;
    lk_face_to_row(f, &row);
    int rc = lk_buf_format(b, err, "%lld %d %d %d ", kept ? (long long)f->id : 0LL, (int)f->reason,
                           kept ? f->dimension : 0, kept && f->weak);
    if (rc == LIKEN_OK)
        rc = lk_buf_append(b, &row, sizeof row, err);
    if (rc == LIKEN_OK && kept)
        rc = lk_buf_append(b, f->descriptor, (size_t)f->dimension * sizeof *f->descriptor, err);
    return rc;
}

static int by_face(const void *a, const void *b) {
    const liken_face *x = a, *y = b;
    return (x->id > y->id) - (x->id < y->id);
}

static int by_text(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int hash_names(lk_buf *b, const liken_image *im, liken_error *err) {
    int rc = lk_buf_format(b, err, "%zu %zu ", im->image_id_count, im->label_count);
    for (size_t i = 0; rc == LIKEN_OK && i < im->image_id_count; i++)
        rc = hash_text(b, im->image_ids[i], err);
    for (size_t i = 0; rc == LIKEN_OK && i < im->label_count; i++) {
        const liken_label *l = &im->labels[i];
        rc = hash_text(b, l->file, err);
        if (rc == LIKEN_OK)
            rc = hash_text(b, l->place, err);
        if (rc == LIKEN_OK)
            rc = lk_buf_format(b, err, "%d %lld %lld %llu ", (int)l->kind, (long long)l->mark.size,
                               (long long)l->mark.mtime, (unsigned long long)l->mark.inode);
    }
    return rc;
}

/* One after the other, each by the hash of its bytes. */
static int hash_pictures(lk_buf *b, liken *lk, const liken_image *im, liken_error *err) {
    int rc = LIKEN_OK;
    for (size_t i = 0; rc == LIKEN_OK && i < im->picture_count; i++) {
        char hash[LK_SHA256_HEX];
        liken_picture p = {0};
        rc = lk->store->ops->pictures->get(lk->store, 0, im->id, im->pictures[i].kind, &p, err);
        if (rc != LIKEN_OK)
            return rc;
        lk_sha256_hex(p.bytes, p.size, hash);
        rc = lk_buf_format(b, err, "%d %s %d %d %s ", (int)p.kind, p.type, p.width, p.height, hash);
        free(p.bytes);
    }
    return rc;
}

/* Everything a photo has, in an order of its own. */
static int hash_image(lk_buf *b, liken *lk, const liken_image *im, uint8_t out[LK_SHA256_BYTES], liken_error *err) {
    lk_buf_clear(b);
    if (im->face_count > 0)
        qsort(im->faces, im->face_count, sizeof *im->faces, by_face);
    if (im->tag_count > 0)
        qsort(im->tags, im->tag_count, sizeof(*im->tags), by_text);
    int rc = lk_buf_format(b, err, "%lld %lld %lld %lld %d %d %s %zu %zu %zu ", (long long)im->id,
                           (long long)im->revision, (long long)im->captured_at, (long long)im->added_at, im->width,
                           im->height, im->sha256, im->tag_count, im->face_count, im->refused_count);
    const char *const texts[] = {im->collection, im->model, im->detector, im->source, im->metadata};
    for (size_t i = 0; rc == LIKEN_OK && i < LK_LENGTH(texts); i++)
        rc = hash_text(b, texts[i], err);
    if (rc == LIKEN_OK)
        rc = hash_names(b, im, err);
    for (size_t i = 0; rc == LIKEN_OK && i < im->tag_count; i++)
        rc = hash_text(b, im->tags[i], err);
    for (size_t i = 0; rc == LIKEN_OK && i < im->face_count; i++)
        rc = hash_face(b, &im->faces[i], true, err);
    for (size_t i = 0; rc == LIKEN_OK && i < im->refused_count; i++)
        rc = hash_face(b, &im->refused[i], false, err);
    if (rc == LIKEN_OK)
        rc = hash_pictures(b, lk, im, err);
    if (rc == LIKEN_OK)
        lk_sha256(b->data, b->size, out);
    return rc;
}

static int differs(const char *what, int64_t id, liken_error *err) {
    return lk_fail(
        err, LIKEN_E_CONFLICT,
        "Photo %lld %s. Was the gallery changed while it was moved? Stop what writes to it, empty the new place and "
        "begin again.",
        (long long)id, what);
}

static int compare_images(struct move *m, const liken_image *a, const liken_image *b, lk_buf *text, liken_error *err) {
    uint8_t x[LK_SHA256_BYTES], y[LK_SHA256_BYTES], chain[2 * LK_SHA256_BYTES];
    if (a->id != b->id)
        return a->id < b->id ? differs("is missing from the copy", a->id, err)
                             : differs("is in the copy and no longer in the gallery", b->id, err);
    int rc = hash_image(text, m->from, a, x, err);
    if (rc == LIKEN_OK)
        rc = hash_image(text, m->to, b, y, err);
    if (rc != LIKEN_OK)
        return rc;
    if (memcmp(x, y, sizeof x) != 0)
        return differs("is not the same in the copy", a->id, err);
    memcpy(chain, m->count.checksum, LK_SHA256_BYTES);
    memcpy(chain + LK_SHA256_BYTES, x, LK_SHA256_BYTES);
    lk_sha256(chain, sizeof chain, m->count.checksum);
    m->count.verified++;
    m->count.faces += (int64_t)a->face_count;
    return LIKEN_OK;
}

/* Pages of the two end at the same photo as long as the photos are the same. */
static int compare_pages(struct move *m, const liken_image_list *a, const liken_image_list *b, lk_buf *text,
                         liken_error *err) {
    int rc = LIKEN_OK;
    const size_t count = a->count < b->count ? a->count : b->count;
    for (size_t i = 0; rc == LIKEN_OK && i < count; i++)
        rc = compare_images(m, a->images[i], b->images[i], text, err);
    if (rc == LIKEN_OK && a->count > count)
        rc = differs("is missing from the copy", a->images[count]->id, err);
    if (rc == LIKEN_OK && b->count > count)
        rc = differs("is in the copy and no longer in the gallery", b->images[count]->id, err);
    return rc;
}

static int compare(struct move *m, liken_error *err) {
    lk_buf text;
    lk_buf_init(&text, PHOTO_MAX);
    int rc = LIKEN_OK;
    int64_t after = 0;
    for (size_t got = 1; rc == LIKEN_OK && got > 0;) {
        liken_image_list *a = NULL, *b = NULL;
        rc = read_page(m->from, after, &a, err);
        if (rc == LIKEN_OK)
            rc = read_page(m->to, after, &b, err);
        if (rc == LIKEN_OK)
            rc = compare_pages(m, a, b, &text, err);
        got = rc == LIKEN_OK ? a->count : 0;
        if (got > 0) {
            after = a->images[got - 1]->id;
            rc = tell(m, err);
        }
        liken_image_list_free(a);
        liken_image_list_free(b);
    }
    lk_buf_free(&text);
    return rc;
}

/* ---- all of it ---- */

static int open_side(liken **out, const liken_options *options, bool read_only, liken_error *err) {
    liken_options o;
    int rc = lk_sized_take(&o, sizeof o, options, "liken_options", err);
    o.no_models = true;
    o.read_only = read_only;
    if (rc == LIKEN_OK)
        rc = lk_gallery_settings(out, &o, err);
    if (rc == LIKEN_OK)
        rc = lk_gallery_store_open(*out, err);
    if (rc == LIKEN_OK && (*out)->store->ops->copy == NULL)
        rc = lk_fail(err, LIKEN_E_UNSUPPORTED,
                     "A legacy table is no gallery that can be moved; liken import copies its rows into one.");
    return rc;
}

static int begin(struct move *m, int64_t *last, liken_error *err) {
    char target[37], under_way[37];
    lk_store *from = m->from->store, *to = m->to->store;
    int64_t collections;
    int rc = from->ops->id(from, m->source, err);
    if (rc == LIKEN_OK)
        rc = to->ops->id(to, target, err);
    if (rc == LIKEN_OK && strcmp(m->source, target) == 0)
        return lk_fail(err, LIKEN_E_ARG, "This is the same gallery twice; say another place to move it to.");
    if (rc == LIKEN_OK)
        rc = from->ops->copy->of(from, under_way, err);
    if (rc == LIKEN_OK && *under_way != '\0')
        return lk_store_copy_refused("The gallery to be moved", under_way, err);
    if (rc == LIKEN_OK)
        rc = to->ops->copy->begin(to, m->source, last, err);
    if (rc == LIKEN_OK)
        rc = to->ops->counts(to, &collections, &m->count.copied, &m->count.faces, err);
    if (rc == LIKEN_OK)
        rc = from->ops->counts(from, &collections, &m->count.images, &m->count.faces, err);
    m->count.faces = 0;
    return rc;
}

static int finish(struct move *m, liken_error *err) {
    int64_t face = 0, deletion = 0;
    liken_event_list *end = NULL;
    lk_store *from = m->from->store;
    int rc = set_searches(m, err);
    if (rc == LIKEN_OK)
        rc = lk_store_copy_tables(from, m->to->store, err);
    if (rc == LIKEN_OK)
        rc = from->ops->feed->marks(from, &face, &deletion, err);
    if (rc == LIKEN_OK)
        rc = from->ops->events->after(from, 0, NULL, LIKEN_EVENTS_NOW, 1, &end, err);
    if (rc == LIKEN_OK)
        rc = m->to->store->ops->copy->end(m->to->store, face, end->next, err);
    liken_event_list_free(end);
    return rc;
}

static int move(struct move *m, liken_error *err) {
    int64_t last = 0;
    int rc = begin(m, &last, err);
    if (rc == LIKEN_OK)
        rc = copy_collections(m, err);
    if (rc == LIKEN_OK)
        rc = copy_images(m, last, err);
    if (rc == LIKEN_OK)
        rc = compare(m, err);
    return rc == LIKEN_OK ? finish(m, err) : rc;
}

int liken_move(const liken_options *from, const liken_options *to, const liken_call *call, liken_move_count *out,
               liken_error *err) {
    struct move m = {0};
    lk_call k;
    int rc = lk_call_begin(&k, call, err);
    if (rc == LIKEN_OK)
        rc = open_side(&m.from, from, true, err);
    if (rc == LIKEN_OK)
        rc = open_side(&m.to, to, false, err);
    if (rc == LIKEN_OK)
        rc = move(&m, err);
    lk_call_end(&k);
    liken_collections_free(m.collections, m.collection_count);
    liken_free(m.to);
    liken_free(m.from);
    if (out != NULL && (rc == LIKEN_OK || rc == LIKEN_E_CANCELLED || rc == LIKEN_E_DEADLINE))
        *out = m.count;
    return rc;
}

int lk_gallery_whole(liken *lk, liken_error *err) {
    char source[37] = "";
    if (lk->store->ops->copy == NULL)
        return LIKEN_OK;
    const int rc = lk->store->ops->copy->of(lk->store, source, err);
    if (rc != LIKEN_OK || *source == '\0')
        return rc;
    return lk_store_copy_refused(lk->address == NULL ? lk->data : lk->address, source, err);
}
