/* Reading rows of the table: descriptors for the index, labels of matches, and rows shown as photos of one face. */
#include "store/legacy/legacy_int.h"

#include "store/codec.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static lk_legacy_store *of(lk_store *s) {
    return (lk_legacy_store *)s;
}

/* ---- rows by place, else by id ---- */

struct fetch {
    lk_legacy_store *store;
    const char *columns;
    lk_legacy_want *want;
    size_t count;
    lk_legacy_take_fn *take;
    void *ctx;
    lk_pg_column keys;                      /* of the statement */
    size_t order[LK_LEGACY_BATCH], ordered; /* wants by id, to find the one a row belongs to */
};

static int by_id(const void *a, const void *b, void *ctx) {
    const lk_legacy_want *want = ctx;
    const int64_t x = want[*(const size_t *)a].row.id, y = want[*(const size_t *)b].row.id;
    return (x > y) - (x < y);
}

static lk_legacy_want *find_want(struct fetch *f, int64_t id, size_t *which) {
    size_t low = 0, high = f->ordered;
    while (low < high) {
        const size_t middle = (low + high) / 2;
        if (f->want[f->order[middle]].row.id < id)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == f->ordered || f->want[f->order[low]].row.id != id)
        return NULL;
    *which = f->order[low];
    return &f->want[*which];
}

static int take_rows(struct fetch *f, const lk_pg_result *r, liken_error *err) {
    int rc = LIKEN_OK;
    for (int i = 0; rc == LIKEN_OK && i < lk_pg_rows(r); i++) {
        size_t which = 0;
        lk_legacy_want *w = find_want(f, lk_pg_get_int(r, i, 0), &which);
        if (w == NULL || w->met) /* another row lies there now, or the id is two rows' */
            continue;
        w->met = true;
        lk_legacy_place(lk_pg_get_bytes(r, i, 1, NULL), lk_pg_get_bytes(r, i, 2, NULL), &w->row);
        rc = f->take(f->ctx, which, r, i, err);
    }
    return rc;
}

static int add_key(struct fetch *f, const lk_legacy_want *w, bool by_place, liken_error *err) {
    char place[32];
    if (!by_place)
        return lk_pg_column_add(&f->keys, lk_pg_int8(w->row.id), err);
    (void)snprintf(place, sizeof place, "(%" PRIu32 ",%u)", w->row.block, (unsigned)w->row.offset);
    return lk_pg_column_add(&f->keys, lk_pg_text(place), err);
}

static int fetch_way(struct fetch *f, lk_pg_conn *c, bool by_place, liken_error *err) {
    char pattern[256];
    int rc = LIKEN_OK;
    lk_pg_column_init(&f->keys, by_place ? LK_PG_TEXT : LK_PG_INT8);
    for (size_t i = 0; rc == LIKEN_OK && i < f->count; i++)
        if (!f->want[i].met && (f->want[i].placed || !by_place))
            rc = add_key(f, &f->want[i], by_place, err);
    (void)snprintf(pattern, sizeof pattern, "SELECT id::bigint, ctid::text, xmin::text, %s FROM %%T WHERE %s",
                   f->columns, by_place ? "ctid = ANY ($1::text[]::tid[])" : "id = ANY ($1)");
    LK_FREE char *sql = rc == LIKEN_OK ? lk_legacy_sql(&f->store->form, pattern) : NULL;
    lk_pg_result *r = NULL;
    if (rc == LIKEN_OK && sql == NULL)
        rc = lk_fail_memory(err);
    if (rc == LIKEN_OK && f->keys.count > 0)
        rc = lk_pg_exec(c, sql, LK_PG_ARGS(lk_pg_array(&f->keys)), &r, err);
    if (rc == LIKEN_OK && f->keys.count > 0)
        rc = take_rows(f, r, err);
    lk_pg_clear(r);
    lk_pg_column_free(&f->keys);
    return rc;
}

static int fetch(lk_pg_conn *c, void *arg, liken_error *err) {
    struct fetch *f = arg;
    const int rc = fetch_way(f, c, true, err);
    return rc == LIKEN_OK ? fetch_way(f, c, false, err) : rc;
}

int lk_legacy_fetch(lk_legacy_store *s, const char *columns, lk_legacy_want *want, size_t count,
                    lk_legacy_take_fn *take, void *ctx, liken_error *err) {
    LK_FREE struct fetch *f = calloc(1, sizeof *f);
    if (f == NULL)
        return lk_fail_memory(err);
    *f = (struct fetch){.store = s, .columns = columns, .want = want, .count = count, .take = take, .ctx = ctx};
    for (size_t i = 0; i < count; i++)
        f->order[f->ordered++] = i;
    qsort_r(f->order, count, sizeof *f->order, by_id, want);
    return lk_pg_with(s->db, fetch, f, err);
}

/* A row as far as it is known: by its number, or, where that is 0, by its id. */
static lk_legacy_want want_of(lk_legacy_store *s, uint32_t number, int64_t id) {
    lk_legacy_want w = {.row.id = id};
    pthread_mutex_lock(&s->lock);
    if (number == 0)
        number = lk_legacy_rows_find(&s->rows, id);
    if (number != 0 && number <= s->rows.count) {
        w.row = s->rows.items[number - 1];
        w.placed = true;
    }
    pthread_mutex_unlock(&s->lock);
    return w;
}

/* ---- the feed ---- */

#define VECTOR_COLUMNS "%V"

struct page {
    lk_legacy_store *store;
    size_t count;
    lk_legacy_want want[LK_LEGACY_BATCH];
    uint32_t numbers[LK_LEGACY_BATCH];
    const char *unfit[LK_LEGACY_BATCH]; /* why */
    float vectors[LK_LEGACY_BATCH][LK_LEGACY_DIMENSION];
};

static int take_vector(void *ctx, size_t w, const lk_pg_result *r, int i, liken_error *err) {
    struct page *p = ctx;
    (void)err;
    p->unfit[w] = lk_legacy_cube_take(&p->store->form, r, i, 3, p->vectors[w]);
    return LIKEN_OK;
}

/* The next live rows after that number. */
static void fill_page(struct page *p, int64_t after) {
    lk_legacy_store *s = p->store;
    p->count = 0;
    pthread_mutex_lock(&s->lock);
    for (size_t i = (size_t)after; i < s->rows.count && p->count < LK_LEGACY_BATCH; i++) {
        if (s->rows.items[i].state != LK_LEGACY_LIVE)
            continue;
        p->want[p->count] = (lk_legacy_want){.row = s->rows.items[i], .placed = true};
        p->unfit[p->count] = NULL;
        p->numbers[p->count++] = (uint32_t)(i + 1);
    }
    pthread_mutex_unlock(&s->lock);
}

/* What reading the rows taught about them. */
static int note_page(struct page *p, liken_error *err) {
    lk_legacy_store *s = p->store;
    int rc = LIKEN_OK;
    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; rc == LIKEN_OK && i < p->count; i++) {
        lk_legacy_row *row = &s->rows.items[p->numbers[i] - 1];
        if (row->state != LK_LEGACY_LIVE) {
            p->want[i].met = false;
        } else if (!p->want[i].met) {
            rc = lk_legacy_note_removed(s, p->numbers[i], err);
        } else {
            const uint8_t mark = row->mark;
            *row = p->want[i].row;
            row->mark = mark;
            if (p->unfit[i] != NULL)
                lk_legacy_note_unfit(s, p->numbers[i], p->unfit[i]);
        }
    }
    pthread_mutex_unlock(&s->lock);
    return rc;
}

static int pass_page(struct page *p, lk_store_vector_fn *fn, void *ctx) {
    int rc = LIKEN_OK;
    for (size_t i = 0; rc == LIKEN_OK && i < p->count; i++) {
        if (!p->want[i].met || p->unfit[i] != NULL)
            continue;
        const lk_store_vector v = {.id = p->numbers[i],
                                   .collection = LK_LEGACY_COLLECTION,
                                   .image = p->want[i].row.id,
                                   .descriptor = p->vectors[i],
                                   .dimension = LK_LEGACY_DIMENSION};
        rc = fn(ctx, &v);
    }
    return rc;
}

int lk_legacy_vectors_after(lk_store *base, int64_t after, lk_store_vector_fn *fn, void *ctx, liken_error *err) {
    LK_FREE struct page *p = malloc(sizeof *p);
    if (p == NULL)
        return lk_fail_memory(err);
    p->store = of(base);
    int rc = lk_legacy_look(p->store, false, err);
    while (rc == LIKEN_OK) {
        fill_page(p, after);
        if (p->count == 0)
            break;
        rc = lk_legacy_fetch(p->store, VECTOR_COLUMNS, p->want, p->count, take_vector, p, err);
        if (rc == LIKEN_OK)
            rc = note_page(p, err);
        if (rc == LIKEN_OK)
            rc = pass_page(p, fn, ctx);
        after = p->numbers[p->count - 1];
    }
    return rc;
}

/* ---- labels of matches ---- */

struct labels {
    lk_store_match *out; /* of all, */
    const size_t *which; /* and which of them the wants are */
};

static int take_label(void *ctx, size_t w, const lk_pg_result *r, int i, liken_error *err) {
    struct labels *l = ctx;
    lk_store_match *match = &l->out[l->which[w]];
    match->face = match->image = lk_pg_get_int(r, i, 0);
    match->captured_at = LIKEN_NO_TIME;
    const char *file = lk_pg_get_bytes(r, i, 3, NULL), *image_id = lk_pg_get_bytes(r, i, 4, NULL);
    const bool ok = (file == NULL || lk_store_match_file(match, file)) &&
                    (image_id == NULL || lk_store_match_image_id(match, image_id));
    return ok ? LIKEN_OK : lk_fail_memory(err);
}

/* A row that was written again is another one: it has, or soon has, another number. */
static void drop_changed(const lk_legacy_want *want, const uint32_t *before, const size_t *which, size_t count,
                         lk_store_match *out) {
    for (size_t i = 0; i < count; i++) {
        lk_store_match *match = &out[which[i]];
        if (!want[i].met || want[i].row.xmin == before[i])
            continue;
        lk_store_match_clear(match);
    }
}

static int label_some(lk_legacy_store *s, const int64_t *faces, size_t count, lk_store_match *out, liken_error *err) {
    lk_legacy_want want[LK_LEGACY_BATCH];
    uint32_t before[LK_LEGACY_BATCH];
    size_t which[LK_LEGACY_BATCH], n = 0;
    struct labels l = {.out = out, .which = which};
    for (size_t i = 0; i < count; i++) {
        if (faces[i] < 1 || faces[i] > UINT32_MAX)
            continue;
        want[n] = want_of(s, (uint32_t)faces[i], 0);
        if (!want[n].placed || want[n].row.state != LK_LEGACY_LIVE)
            continue;
        before[n] = want[n].row.xmin;
        which[n++] = i;
    }
    const int rc = lk_legacy_fetch(s, "%F, %I", want, n, take_label, &l, err);
    if (rc == LIKEN_OK)
        drop_changed(want, before, which, n, out);
    return rc;
}

int lk_legacy_matches(lk_store *s, const int64_t *faces, size_t count, lk_store_match *matches, liken_error *err) {
    LK_FREE lk_store_match *own = calloc(count + 1, sizeof *own);
    if (own == NULL)
        return lk_fail_memory(err);
    int rc = LIKEN_OK;
    for (size_t i = 0; rc == LIKEN_OK && i < count; i += LK_LEGACY_BATCH)
        rc = label_some(of(s), faces + i, count - i < LK_LEGACY_BATCH ? count - i : LK_LEGACY_BATCH, own + i, err);
    if (rc == LIKEN_OK && count > 0)
        memcpy(matches, own, count * sizeof *own);
    for (size_t i = 0; rc != LIKEN_OK && i < count; i++)
        lk_store_match_clear(&own[i]);
    return rc;
}

/* ---- rows as photos and faces ---- */

static bool copy(char **to, const char *text) {
    *to = text == NULL ? NULL : strdup(text);
    return text == NULL || *to != NULL;
}

int lk_legacy_image_new(const lk_legacy_store *s, int64_t id, size_t faces, const char *file, const char *image_id,
                        liken_image **out, liken_error *err) {
    liken_image *image = calloc(1, sizeof *image);
    if (image == NULL)
        return lk_fail_memory(err);
    image->faces = calloc(faces + 1, sizeof *image->faces);
    image->face_count = image->faces == NULL ? 0 : faces;
    const bool ok = copy(&image->collection, s->about.name) && copy(&image->model, s->about.model) &&
                    copy(&image->detector, "hog") &&
                    (file == NULL || lk_image_label(image, file, LIKEN_LABEL_SHARED, NULL, NULL)) &&
                    (image_id == NULL || lk_image_id(image, image_id));
    if (!ok || image->faces == NULL) {
        liken_image_free(image);
        return lk_fail_memory(err);
    }
    image->id = id;
    image->faces[0].id = id;
    image->faces[0].dimension = s->about.dimension;
    image->captured_at = image->added_at = LIKEN_NO_TIME;
    *out = image;
    return LIKEN_OK;
}

struct one {
    const lk_legacy_store *store;
    liken_image *image;
    liken_face *face;
};

static int take_image(void *ctx, size_t w, const lk_pg_result *r, int i, liken_error *err) {
    struct one *o = ctx;
    (void)w;
    return lk_legacy_image_new(o->store, lk_pg_get_int(r, i, 0), 1, lk_pg_get_bytes(r, i, 3, NULL),
                               lk_pg_get_bytes(r, i, 4, NULL), &o->image, err);
}

int lk_legacy_image_get(lk_store *s, int64_t collection, int64_t id, liken_image **out, liken_error *err) {
    struct one o = {.store = of(s)};
    lk_legacy_want want = want_of(of(s), 0, id);
    int rc = LIKEN_OK;
    if (collection == 0 || collection == LK_LEGACY_COLLECTION)
        rc = lk_legacy_fetch(of(s), "%F, %I", &want, 1, take_image, &o, err);
    if (rc == LIKEN_OK && o.image == NULL)
        rc = lk_fail(err, LIKEN_E_NOT_FOUND, "There is no image %lld.", (long long)id);
    if (rc == LIKEN_OK)
        *out = o.image;
    return rc;
}

static int take_face(void *ctx, size_t w, const lk_pg_result *r, int i, liken_error *err) {
    struct one *o = ctx;
    float vector[LK_LEGACY_DIMENSION];
    (void)w;
    const char *unfit = lk_legacy_cube_take(&o->store->form, r, i, 3, vector);
    if (unfit != NULL)
        return lk_fail(err, LIKEN_E_UNSUPPORTED, "Face %lld cannot be compared: %s.", (long long)lk_pg_get_int(r, i, 0),
                       unfit);
    liken_face *face = calloc(1, sizeof *face);
    if (face != NULL)
        face->descriptor = malloc(sizeof vector);
    if (face == NULL || face->descriptor == NULL) {
        liken_face_free(face);
        return lk_fail_memory(err);
    }
    memcpy(face->descriptor, vector, sizeof vector);
    face->dimension = LK_LEGACY_DIMENSION;
    face->id = lk_pg_get_int(r, i, 0);
    o->face = face;
    return LIKEN_OK;
}

int lk_legacy_face_get(lk_store *s, const char *in, int64_t id, liken_face **out, int64_t *image, int64_t *collection,
                       liken_error *err) {
    struct one o = {.store = of(s)};
    lk_legacy_want want = want_of(of(s), 0, id);
    const int rc = lk_legacy_fetch(of(s), VECTOR_COLUMNS, &want, 1, take_face, &o, err);
    if (rc != LIKEN_OK)
        return rc;
    if (o.face == NULL || (in != NULL && strcmp(in, of(s)->about.name) != 0)) {
        liken_face_free(o.face);
        return lk_store_no_face(id, in, err);
    }
    *out = o.face;
    if (image != NULL)
        *image = id;
    if (collection != NULL)
        *collection = LK_LEGACY_COLLECTION;
    return LIKEN_OK;
}

struct listing {
    lk_legacy_store *store;
    const liken_list_options *options;
    int limit;
    liken_image_list *list;
};

static int take_list(struct listing *l, const lk_pg_result *r, liken_error *err) {
    liken_image_list *list = calloc(1, sizeof *list);
    const int rows = lk_pg_rows(r), shown = rows < l->limit ? rows : l->limit;
    int rc = list == NULL || (list->images = calloc((size_t)shown + 1, sizeof(liken_image *))) == NULL
                 ? lk_fail_memory(err)
                 : LIKEN_OK;
    for (int i = 0; rc == LIKEN_OK && i < shown; i++) {
        rc = lk_legacy_image_new(l->store, lk_pg_get_int(r, i, 0), 1, lk_pg_get_bytes(r, i, 1, NULL),
                                 lk_pg_get_bytes(r, i, 2, NULL), &list->images[i], err);
        if (rc == LIKEN_OK)
            list->count++;
    }
    if (rc != LIKEN_OK) {
        liken_image_list_free(list);
        return rc;
    }
    if (rows > shown)
        list->next = list->images[shown - 1]->id;
    l->list = list;
    return LIKEN_OK;
}

static int list(lk_pg_conn *c, void *arg, liken_error *err) {
    struct listing *l = arg;
    const liken_list_options *o = l->options;
    lk_pg_result *r = NULL;
    LK_FREE char *sql = lk_legacy_sql(
        &l->store->form, "SELECT id::bigint, %F, %I FROM %T AS t WHERE id > $1 AND ($2 IS NULL OR %F = $2)"
                         " AND ($3 IS NULL OR %I = $3) ORDER BY t.id LIMIT $4"); /* so that an index serves */
    if (sql == NULL)
        return lk_fail_memory(err);
    int rc = lk_pg_exec(c, sql,
                        LK_PG_ARGS(lk_pg_int8(o->after > 0 ? o->after : 0), lk_pg_text(o->file),
                                   lk_pg_text(o->image_id), lk_pg_int8(l->limit + 1)),
                        &r, err);
    if (rc == LIKEN_OK)
        rc = take_list(l, r, err);
    lk_pg_clear(r);
    return rc;
}

/* ---- descriptors of listed rows ---- */

struct described {
    const lk_legacy_store *store;
    liken_image **images; /* the wants' */
};

/* A row that holds none that can be compared keeps NULL. */
static int take_descriptor(void *ctx, size_t w, const lk_pg_result *r, int i, liken_error *err) {
    const struct described *d = ctx;
    float vector[LK_LEGACY_DIMENSION];
    if (lk_legacy_cube_take(&d->store->form, r, i, 3, vector) != NULL)
        return LIKEN_OK;
    liken_face *face = &d->images[w]->faces[0];
    face->descriptor = malloc(sizeof vector);
    if (face->descriptor == NULL)
        return lk_fail_memory(err);
    memcpy(face->descriptor, vector, sizeof vector);
    face->dimension = LK_LEGACY_DIMENSION;
    return LIKEN_OK;
}

/* What is not there any more becomes NULL. */
static int describe_some(lk_legacy_store *s, liken_image **images, size_t count, liken_error *err) {
    lk_legacy_want want[LK_LEGACY_BATCH];
    struct described d = {s, images};
    for (size_t i = 0; i < count; i++)
        want[i] = want_of(s, 0, images[i]->id);
    const int rc = lk_legacy_fetch(s, VECTOR_COLUMNS, want, count, take_descriptor, &d, err);
    for (size_t i = 0; rc == LIKEN_OK && i < count; i++) {
        if (want[i].met)
            continue;
        liken_image_free(images[i]);
        images[i] = NULL;
    }
    return rc;
}

static int describe(lk_legacy_store *s, liken_image_list *list, liken_error *err) {
    size_t kept = 0;
    int rc = LIKEN_OK;
    for (size_t i = 0; rc == LIKEN_OK && i < list->count; i += LK_LEGACY_BATCH)
        rc = describe_some(s, list->images + i, list->count - i < LK_LEGACY_BATCH ? list->count - i : LK_LEGACY_BATCH,
                           err);
    for (size_t i = 0; i < list->count; i++) {
        if (list->images[i] != NULL)
            list->images[kept++] = list->images[i];
    }
    list->count = kept;
    return rc;
}

int lk_legacy_image_list(lk_store *s, int64_t collection, const liken_list_options *o, liken_image_list **out,
                         liken_error *err) {
    struct listing l = {.store = of(s), .options = o};
    (void)collection;
    if (lk_store_bound(o->captured_from) || lk_store_bound(o->captured_to))
        return lk_fail(err, LIKEN_E_UNSUPPORTED,
                       "The rows of a legacy table carry no times; list them without those filters.");
    int rc = lk_store_page_size(o->limit, &l.limit, err);
    if (rc == LIKEN_OK)
        rc = lk_store_check_asked(o->file, o->image_id, err);
    if (rc == LIKEN_OK)
        rc = lk_pg_with(of(s)->db, list, &l, err);
    if (rc == LIKEN_OK && o->describe)
        rc = describe(of(s), l.list, err);
    if (rc == LIKEN_OK)
        *out = l.list;
    else
        liken_image_list_free(l.list);
    return rc;
}
