/* What is said of a photo later: its tags, when it was taken, where it comes from, and what its caller keeps with it.
 */
#include "store/sqlite/sqlite_int.h"

#include "store/codec.h"

static lk_sqlite_store *of(lk_store *s) {
    return (lk_sqlite_store *)s;
}

struct change {
    int64_t collection, id;
    const liken_image_changes *changes;
    liken_image *out;
};

static int set_tags(lk_sqlite_conn *c, const struct change *h, liken_error *err) {
    sqlite3_stmt *stmt;
    int rc = lk_sqlite_use(c, "DELETE FROM tags WHERE image = ?1", &stmt, err);
    if (rc != LIKEN_OK)
        return rc;
    (void)sqlite3_bind_int64(stmt, 1, h->id);
    rc = lk_sqlite_run(c, stmt, err);
    for (size_t i = 0; rc == LIKEN_OK && i < h->changes->tag_count; i++) {
        rc = lk_sqlite_use(c, "INSERT INTO tags (tag, image) VALUES (?1, ?2) ON CONFLICT DO NOTHING", &stmt, err);
        if (rc != LIKEN_OK)
            break;
        lk_sqlite_text(stmt, 1, h->changes->tags[i]);
        (void)sqlite3_bind_int64(stmt, 2, h->id);
        rc = lk_sqlite_run(c, stmt, err);
    }
    return rc;
}

/* ?2: which of them are set. */
static int set_row(lk_sqlite_conn *c, const struct change *h, unsigned what, liken_error *err) {
    const liken_image_changes *to = h->changes;
    sqlite3_stmt *stmt;
    const int rc = lk_sqlite_use(c,
                                 "UPDATE images SET captured_at = CASE WHEN ?2 & 2 THEN ?3 ELSE captured_at END,"
                                 " source = CASE WHEN ?2 & 4 THEN ?4 ELSE source END,"
                                 " metadata = CASE WHEN ?2 & 8 THEN ?5 ELSE metadata END WHERE id = ?1",
                                 &stmt, err);
    if (rc != LIKEN_OK)
        return rc;
    (void)sqlite3_bind_int64(stmt, 1, h->id);
    (void)sqlite3_bind_int64(stmt, 2, what);
    if (to->captured_at != LIKEN_NO_TIME)
        (void)sqlite3_bind_int64(stmt, 3, to->captured_at);
    lk_sqlite_text(stmt, 4, to->source);
    lk_sqlite_text(stmt, 5, to->metadata);
    return lk_sqlite_run(c, stmt, err);
}

static int change(lk_sqlite_conn *c, void *arg, liken_error *err) {
    struct change *h = arg;
    liken_image *before = NULL;
    unsigned what = 0;
    int rc = lk_sqlite_image_read(c, h->collection, h->id, &before, err);
    if (rc == LIKEN_OK)
        rc = lk_store_changes(before, h->changes, &what, err);
    if (rc != LIKEN_OK || what == 0) {
        h->out = before;
        return rc;
    }
    liken_image_free(before);
    if ((what & LIKEN_CHANGE_TAGS) != 0)
        rc = set_tags(c, h, err);
    if (rc == LIKEN_OK && (what & ~(unsigned)LIKEN_CHANGE_TAGS) != 0)
        rc = set_row(c, h, what, err);
    if (rc == LIKEN_OK)
        rc = lk_sqlite_tell_image(c, LIKEN_IMAGE_CHANGED, h->id, err);
    return rc == LIKEN_OK ? lk_sqlite_image_load(c, h->id, &h->out, err) : rc;
}

int lk_sqlite_image_change(lk_store *s, int64_t collection, int64_t id, const liken_image_changes *changes,
                           liken_image **out, liken_error *err) {
    struct change h = {.collection = collection, .id = id, .changes = changes};
    int rc = lk_store_check_changes(changes, err);
    if (rc == LIKEN_OK)
        rc = lk_sqlite_write(of(s), change, &h, err);
    if (rc == LIKEN_OK)
        *out = h.out;
    else
        liken_image_free(h.out);
    return rc;
}
