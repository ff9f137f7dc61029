/* A store that becomes a copy of another, and one that is copied. While a copy is under way, liken.meta says of which
 * store. */
#include "store/postgres/rows.h"

#include "store/codec.h"
#include "store/copy.h"

#include <stdlib.h>
#include <string.h>

static lk_postgres *of(lk_store *s) {
    return (lk_postgres *)s;
}

/* ---- what it is a copy of ---- */

struct mark {
    const lk_postgres *store;
    char source[37];
    int64_t last, face, event;
};

static int read_mark(lk_pg_conn *c, char source[37], liken_error *err) {
    lk_pg_result *r = NULL;
    const int rc = lk_pg_exec(c, "SELECT value FROM liken.meta WHERE key = 'copy of'", LK_PG_NO_ARGS, &r, err);
    if (rc != LIKEN_OK)
        return rc;
    const char *value = lk_pg_rows(r) == 0 ? "" : lk_pg_get_bytes(r, 0, 0, NULL);
    const size_t size = strnlen(value, 36);
    memcpy(source, value, size);
    source[size] = '\0';
    lk_pg_clear(r);
    return LIKEN_OK;
}

static int copy_of(lk_pg_conn *c, void *arg, liken_error *err) {
    return read_mark(c, ((struct mark *)arg)->source, err);
}

int lk_postgres_copy_of(lk_store *s, char source[37], liken_error *err) {
    struct mark m;
    const int rc = lk_pg_with(of(s)->db, copy_of, &m, err);
    if (rc == LIKEN_OK)
        memcpy(source, m.source, sizeof m.source);
    return rc;
}

/* ---- reading ---- */

#define PAGE_MAX 1000

struct page {
    const lk_postgres *store;
    int64_t after, ids[PAGE_MAX];
    int limit;
    size_t count;
    liken_image_list *out;
};

/* The ids of the page, which ends where it has enough faces. */
static int read_ids(lk_pg_conn *c, struct page *p, liken_error *err) {
    lk_pg_result *r = NULL;
    const int rc =
        lk_pg_exec(c,
                   "SELECT i.id, (SELECT count(*) FROM liken.faces f WHERE f.image = i.id) + (SELECT count(*)"
                   " FROM liken.refused r WHERE r.image = i.id) FROM liken.images i JOIN liken.collections c"
                   " ON c.id = i.collection AND " LK_POSTGRES_LIVE " WHERE i.id > $1"
                   " ORDER BY i.id LIMIT $2",
                   LK_PG_ARGS(lk_pg_int8(p->after), lk_pg_int8(p->limit)), &r, err);
    int64_t faces = 0;
    p->count = 0;
    for (int row = 0; rc == LIKEN_OK && row < lk_pg_rows(r) && faces < LK_STORE_PAGE_FACES; row++) {
        p->ids[p->count++] = lk_pg_get_int(r, row, 0);
        faces += lk_pg_get_int(r, row, 1);
    }
    lk_pg_clear(r);
    return rc;
}

static int read_page(lk_pg_conn *c, void *arg, liken_error *err) {
    struct page *p = arg;
    for (size_t i = 0; i < p->count; i++) { /* of a first call, on a connection that died */
        liken_image_free(p->out->images[i]);
        p->out->images[i] = NULL;
    }
    int rc = read_ids(c, p, err);
    if (rc != LIKEN_OK || p->count == 0)
        return rc;
    rc = lk_postgres_snapshot(c, err);
    if (rc != LIKEN_OK)
        return lk_pg_finish(c, rc, err);
    return lk_postgres_images_load(c, 0, p->ids, p->count, true, p->out->images, err);
}

/* The faces of a page, by id. */
struct faces {
    liken_face **list;
    size_t count, found;
};

static int by_id(const void *a, const void *b) {
    const int64_t x = (*(liken_face *const *)a)->id, y = (*(liken_face *const *)b)->id;
    return (x > y) - (x < y);
}

static int gather_faces(const liken_image_list *page, struct faces *f, liken_error *err) {
    size_t count = 0;
    for (size_t i = 0; i < page->count; i++)
        count += page->images[i]->face_count;
    f->list = malloc((count + 1) * sizeof(*f->list));
    if (f->list == NULL)
        return lk_fail_memory(err);
    for (size_t i = 0; i < page->count; i++) {
        for (size_t k = 0; k < page->images[i]->face_count; k++)
            f->list[f->count++] = &page->images[i]->faces[k];
    }
    if (f->count > 0)
        qsort(f->list, f->count, sizeof(*f->list), by_id);
    return LIKEN_OK;
}

#define ENOUGH 1 /* the feed has passed the last face of the page */

/* From the feed of vectors, which comes by face id. */
static int take_vector(void *ctx, const lk_store_vector *v) {
    struct faces *f = ctx;
    while (f->found < f->count && f->list[f->found]->id < v->id)
        f->found++;
    if (f->found == f->count)
        return ENOUGH;
    liken_face *face = f->list[f->found];
    if (face->id != v->id)
        return LIKEN_OK;
    face->descriptor = malloc((size_t)v->dimension * sizeof *face->descriptor);
    if (face->descriptor == NULL)
        return LIKEN_E_MEMORY;
    memcpy(face->descriptor, v->descriptor, (size_t)v->dimension * sizeof *face->descriptor);
    face->dimension = v->dimension;
    return LIKEN_OK;
}

static int load_descriptors(lk_store *s, const liken_image_list *page, liken_error *err) {
    struct faces f = {0};
    int rc = gather_faces(page, &f, err);
    if (rc == LIKEN_OK && f.count > 0) {
        rc = lk_postgres_vectors_after(s, f.list[0]->id - 1, take_vector, &f, err);
        if (rc == LIKEN_E_MEMORY)
            rc = lk_fail_memory(err);
    }
    free(f.list);
    return rc == ENOUGH ? LIKEN_OK : rc;
}

static int lost(const lk_store *s, const liken_face *face, liken_error *err) {
    return lk_fail(err, LIKEN_E_STORE, "The database %s has lost the descriptor of face %lld; run liken doctor.",
                   lk_pg_name(((const lk_postgres *)s)->db), (long long)face->id);
}

/* NULL: it has all. */
static const liken_face *without_descriptor(const liken_image *image) {
    for (size_t i = 0; i < image->face_count; i++) {
        if (image->faces[i].descriptor == NULL)
            return &image->faces[i];
    }
    return NULL;
}

static bool has_face(const liken_image *image, int64_t id) {
    for (size_t i = 0; i < image->face_count; i++) {
        if (image->faces[i].id == id)
            return true;
    }
    return false;
}

/* Takes out what is not there any more; what is there and has no descriptor has lost it. */
static int take_out_removed(lk_store *s, liken_image **image, liken_error *err) {
    liken_image *now = NULL, *old = *image;
    size_t kept = 0;
    int rc = lk_postgres_image_get(s, 0, old->id, &now, err);
    if (rc == LIKEN_E_NOT_FOUND) {
        liken_image_free(old);
        *image = NULL;
        return LIKEN_OK;
    }
    for (size_t i = 0; rc == LIKEN_OK && i < old->face_count; i++) {
        const liken_face face = old->faces[i];
        old->faces[i].descriptor = NULL; /* it has one owner, also when this ends here */
        if (face.descriptor != NULL)
            old->faces[kept++] = face;
        else if (has_face(now, face.id))
            rc = lost(s, &face, err);
    }
    if (rc == LIKEN_OK)
        old->face_count = kept;
    liken_image_free(now);
    return rc;
}

int lk_postgres_describe(lk_store *s, liken_image_list *page, liken_error *err) {
    int rc = load_descriptors(s, page, err);
    for (size_t i = 0; rc == LIKEN_OK && i < page->count; i++) {
        if (without_descriptor(page->images[i]) != NULL)
            rc = take_out_removed(s, &page->images[i], err);
    }
    if (rc == LIKEN_OK)
        lk_postgres_close_ranks(page);
    return rc;
}

int lk_postgres_copy_page(lk_store *s, int64_t after, int limit, liken_image_list **out, liken_error *err) {
    struct page p = {.after = after, .limit = limit, .out = lk_store_page((size_t)limit)};
    if (p.out == NULL)
        return lk_fail_memory(err);
    int rc = lk_pg_with(of(s)->db, read_page, &p, err);
    p.out->count = p.count;
    lk_postgres_close_ranks(p.out);
    if (rc == LIKEN_OK)
        rc = load_descriptors(s, p.out, err);
    for (size_t i = 0; rc == LIKEN_OK && i < p.out->count; i++) {
        const liken_face *face = without_descriptor(p.out->images[i]);
        rc = face == NULL ? LIKEN_OK : lost(s, face, err);
    }
    if (rc == LIKEN_OK)
        *out = p.out;
    else
        liken_image_list_free(p.out);
    return rc;
}

/* ---- writing ---- */

static int begin(lk_pg_conn *c, lk_postgres_write_state *w, void *arg, liken_error *err) {
    struct mark *m = arg;
    char now[37];
    int rc = read_mark(c, now, err);
    if (rc == LIKEN_OK)
        rc = lk_pg_number(c, "SELECT max(id) FROM liken.images", LK_PG_NO_ARGS, 0, &m->last, err);
    if (rc != LIKEN_OK)
        return rc;
    if (*now != '\0' || m->last != 0)
        return strcmp(now, m->source) == 0 ? LIKEN_OK : lk_store_copy_refused(lk_pg_name(m->store->db), now, err);
    w->changed = true;
    rc = lk_pg_exec(c, "DELETE FROM liken.collections", LK_PG_NO_ARGS, NULL, err);
    if (rc == LIKEN_OK)
        rc = lk_pg_exec(c, "INSERT INTO liken.meta (key, value) VALUES ('copy of', $1)",
                        LK_PG_ARGS(lk_pg_text(m->source)), NULL, err);
    return rc;
}

int lk_postgres_copy_begin(lk_store *s, const char *source, int64_t *last, liken_error *err) {
    struct mark m = {.store = of(s)};
    memcpy(m.source, source, strnlen(source, sizeof m.source - 1));
    const int rc = lk_postgres_write(of(s), begin, &m, err);
    if (rc == LIKEN_OK)
        *last = m.last;
    return rc;
}

struct images {
    lk_postgres *store;
    const int64_t *collections;
    liken_image *const *images;
    size_t count;
};

static int fill_image(lk_postgres_tables *t, const liken_image *image, int64_t collection, lk_postgres_write_state *w,
                      liken_error *err) {
    unsigned char sha256[32];
    int rc = lk_store_check_image(image, sha256, err);
    int64_t *faces = rc == LIKEN_OK ? malloc((image->face_count + 1) * sizeof *faces) : NULL;
    if (rc == LIKEN_OK && faces == NULL)
        rc = lk_fail_memory(err);
    for (size_t i = 0; rc == LIKEN_OK && i < image->face_count; i++) {
        faces[i] = image->faces[i].id;
        w->face = faces[i] > w->face ? faces[i] : w->face;
    }
    w->image = image->id > w->image ? image->id : w->image;
    if (rc == LIKEN_OK)
        rc = lk_postgres_tables_add(t, image, collection, image->id, faces, sha256, NULL, LIKEN_KEEP_ORIGINAL, err);
    free(faces);
    return rc;
}

static int put_on_shards(const struct images *p, const lk_cluster_map *map, liken_error *err) {
    size_t count = 0, n = 0;
    for (size_t i = 0; i < p->count; i++)
        count += p->images[i]->face_count;
    LK_FREE lk_search_row *rows = calloc(count + 1, sizeof *rows);
    if (rows == NULL)
        return lk_fail_memory(err);
    for (size_t i = 0; i < p->count; i++) {
        for (size_t k = 0; k < p->images[i]->face_count; k++) {
            const liken_face *f = &p->images[i]->faces[k];
            rows[n++] = (lk_search_row){
                .face = f->id, .collection = p->collections[i], .descriptor = f->descriptor, .dimension = f->dimension};
        }
    }
    return count == 0 ? LIKEN_OK : lk_search_put(p->store->cluster, map, NULL, rows, count, err);
}

static int put(lk_pg_conn *c, lk_postgres_write_state *w, void *arg, liken_error *err) {
    const struct images *p = arg;
    lk_postgres_tables t;
    lk_cluster_map map = {0};
    lk_postgres_tables_init(&t, NULL);
    int rc = lk_pg_patience(c, LK_POSTGRES_LONG_MS, err); /* an original may be large, and nobody else waits */
    if (rc == LIKEN_OK)
        rc = lk_cluster_look(p->store->cluster, c, &map, err);
    for (size_t i = 0; rc == LIKEN_OK && i < p->count; i++)
        rc = fill_image(&t, p->images[i], p->collections[i], w, err);
    if (rc == LIKEN_OK && map.epoch != 0)
        rc = put_on_shards(p, &map, err);
    if (rc == LIKEN_OK)
        rc = lk_postgres_tables_copy(c, &t, map.epoch == 0, err);
    lk_postgres_tables_free(&t);
    w->changed = true;
    return rc;
}

int lk_postgres_copy_put(lk_store *s, const int64_t *collections, liken_image *const *images, size_t count,
                         liken_error *err) {
    struct images p = {of(s), collections, images, count};
    return lk_postgres_write(of(s), put, &p, err);
}

static int end(lk_pg_conn *c, lk_postgres_write_state *w, void *arg, liken_error *err) {
    const struct mark *m = arg;
    w->face = m->face > w->face ? m->face : w->face;
    w->changed = true;
    const int rc = lk_postgres_events_begin(c, w, m->event, err);
    return rc == LIKEN_OK ? lk_pg_exec(c, "DELETE FROM liken.meta WHERE key = 'copy of'", LK_PG_NO_ARGS, NULL, err)
                          : rc;
}

int lk_postgres_copy_end(lk_store *s, int64_t face, int64_t event, liken_error *err) {
    struct mark m = {.face = face, .event = event};
    return lk_postgres_write(of(s), end, &m, err);
}
