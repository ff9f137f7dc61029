/* What is said of a photo later: its tags, when it was taken, where it comes from, and what its caller keeps with it.
 */
#include "store/postgres/postgres_int.h"

#include "base/text.h"
#include "store/codec.h"

#include <stdlib.h>

static lk_postgres *of(lk_store *s) {
    return (lk_postgres *)s;
}

struct change {
    int64_t collection, id;
    const liken_image_changes *changes;
};

static int read_tags(lk_pg_conn *c, int64_t id, liken_image *image, liken_error *err) {
    lk_pg_result *r = NULL;
    int rc =
        lk_pg_exec(c, "SELECT tag FROM liken.tags WHERE image = $1 ORDER BY tag", LK_PG_ARGS(lk_pg_int8(id)), &r, err);
    for (int i = 0; rc == LIKEN_OK && i < lk_pg_rows(r); i++)
        if (!lk_texts_add(&image->tags, &image->tag_count, lk_pg_get_bytes(r, i, 0, NULL)))
            rc = lk_fail_memory(err);
    lk_pg_clear(r);
    return rc;
}

/* What can be changed of it, as it is. */
static int read_image(lk_pg_conn *c, const struct change *h, liken_image *image, liken_error *err) {
    lk_pg_result *r = NULL;
    int rc = lk_pg_exec(c,
                        "SELECT i.captured_at, i.source, i.metadata, i.revision FROM liken.images i"
                        " JOIN liken.collections c ON c.id = i.collection WHERE i.id = $1 AND ($2 = 0 OR c.id = $2)"
                        " AND " LK_POSTGRES_LIVE,
                        LK_PG_ARGS(lk_pg_int8(h->id), lk_pg_int8(h->collection)), &r, err);
    if (rc == LIKEN_OK && lk_pg_rows(r) == 0)
        rc = lk_fail(err, LIKEN_E_NOT_FOUND, "There is no image %lld%s.", (long long)h->id,
                     h->collection == 0 ? "" : " in this collection");
    if (rc == LIKEN_OK) {
        image->id = h->id;
        image->captured_at = lk_pg_is_null(r, 0, 0) ? LIKEN_NO_TIME : lk_pg_get_int(r, 0, 0);
        image->revision = lk_pg_get_int(r, 0, 3);
        if (!lk_pg_copy(r, 0, 1, &image->source) || !lk_pg_copy(r, 0, 2, &image->metadata))
            rc = lk_fail_memory(err);
    }
    lk_pg_clear(r);
    return rc == LIKEN_OK ? read_tags(c, h->id, image, err) : rc;
}

static int set_tags(lk_pg_conn *c, const struct change *h, liken_error *err) {
    lk_pg_column tags;
    lk_pg_column_init(&tags, LK_PG_TEXT);
    int rc = lk_pg_exec(c, "DELETE FROM liken.tags WHERE image = $1", LK_PG_ARGS(lk_pg_int8(h->id)), NULL, err);
    for (size_t i = 0; rc == LIKEN_OK && i < h->changes->tag_count; i++)
        rc = lk_pg_column_add(&tags, lk_pg_text(h->changes->tags[i]), err);
    if (rc == LIKEN_OK)
        rc = lk_pg_exec(c,
                        "INSERT INTO liken.tags (tag, image) SELECT t, $2 FROM unnest($1::text[]) u (t)"
                        " ON CONFLICT DO NOTHING",
                        LK_PG_ARGS(lk_pg_array(&tags), lk_pg_int8(h->id)), NULL, err);
    lk_pg_column_free(&tags);
    return rc;
}

/* $2: which of them are set. */
static int set_row(lk_pg_conn *c, const struct change *h, unsigned what, liken_error *err) {
    const liken_image_changes *to = h->changes;
    return lk_pg_exec(
        c,
        "UPDATE liken.images SET captured_at = CASE WHEN $2 & 2 > 0 THEN $3 ELSE captured_at END,"
        " source = CASE WHEN $2 & 4 > 0 THEN $4 ELSE source END,"
        " metadata = CASE WHEN $2 & 8 > 0 THEN $5 ELSE metadata END WHERE id = $1",
        LK_PG_ARGS(lk_pg_int8(h->id), lk_pg_int4((int)what),
                   to->captured_at == LIKEN_NO_TIME ? lk_pg_null(LK_PG_INT8) : lk_pg_int8(to->captured_at),
                   lk_pg_text(to->source), lk_pg_text(to->metadata)),
        NULL, err);
}

static int change(lk_pg_conn *c, lk_postgres_write_state *w, void *arg, liken_error *err) {
    const struct change *h = arg;
    unsigned what = 0;
    liken_image *before = calloc(1, sizeof *before);
    if (before == NULL)
        return lk_fail_memory(err);
    int rc = read_image(c, h, before, err);
    if (rc == LIKEN_OK)
        rc = lk_store_changes(before, h->changes, &what, err);
    liken_image_free(before);
    w->changed = what != 0;
    if (rc == LIKEN_OK && (what & LIKEN_CHANGE_TAGS) != 0)
        rc = set_tags(c, h, err);
    if (rc == LIKEN_OK && (what & ~(unsigned)LIKEN_CHANGE_TAGS) != 0)
        rc = set_row(c, h, what, err);
    return rc == LIKEN_OK && what != 0 ? lk_postgres_tell_image(c, w, LIKEN_IMAGE_CHANGED, h->id, err) : rc;
}

int lk_postgres_image_change(lk_store *s, int64_t collection, int64_t id, const liken_image_changes *changes,
                             liken_image **out, liken_error *err) {
    struct change h = {.collection = collection, .id = id, .changes = changes};
    int rc = lk_store_check_changes(changes, err);
    if (rc == LIKEN_OK)
        rc = lk_postgres_write(of(s), change, &h, err);
    return rc == LIKEN_OK ? lk_postgres_image_get(s, collection, id, out, err) : rc;
}
