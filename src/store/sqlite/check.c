/* The doctor's look at the store: the file's pages, its references, and what the tables promise each other. */
#include "store/sqlite/sqlite_int.h"

#include <stdio.h>

static lk_sqlite_store *of(lk_store *s) {
    return (lk_sqlite_store *)s;
}

struct check {
    lk_check_fn *fn;
    void *ctx;
    int bad;
};

/* Tells of a fault; a statement that cannot even run is one too. */
static void blame(struct check *k, const char *what, const char *fault, const char *mend) {
    char message[512];
    k->bad++;
    (void)snprintf(message, sizeof message, "%.300s %s", fault, mend);
    k->fn(k->ctx, what, LIKEN_BAD, message);
}

static const char restore[] = "Restore the store from a backup, or move it away and add the photos again.";

static void check_pages(lk_sqlite_conn *c, struct check *k) {
    sqlite3_stmt *stmt;
    bool row = false;
    liken_error err;
    int rc = lk_sqlite_use(c, "PRAGMA integrity_check(1)", &stmt, &err);
    if (rc == LIKEN_OK)
        rc = lk_sqlite_step(c, stmt, &row, &err);
    const char *text = rc == LIKEN_OK && row ? (const char *)sqlite3_column_text(stmt, 0) : NULL;
    if (rc != LIKEN_OK)
        blame(k, "store integrity", err.message, "");
    else if (text == NULL || sqlite3_stricmp(text, "ok") != 0)
        blame(k, "store integrity", text == NULL ? "The check gave no answer." : text, restore);
    else
        k->fn(k->ctx, "store integrity", LIKEN_GOOD, "every page is sound");
}

/* A promise of the tables: `sql` counts the rows that break it. */
struct promise {
    const char *what, *sql, *kept, *broken;
};

static const struct promise promises[] = {
    {"store references", "SELECT count(*) FROM pragma_foreign_key_check", "every row that another points to is there",
     "rows point to rows that are not there."},
    {"store faces", "SELECT count(*) FROM faces f WHERE NOT EXISTS (SELECT 1 FROM images i WHERE i.id = f.image)",
     "each belongs to an image", "faces belong to no image."},
    {"store descriptors",
     "SELECT count(*) FROM faces f JOIN images i ON i.id = f.image JOIN collections c ON c.id = i.collection"
     " JOIN models m ON m.id = c.model WHERE length(f.descriptor) <> 4 * m.dimension",
     "each is as long as its model makes them", "descriptors have the wrong length."},
    {"store labels",
     "SELECT count(*) FROM labels l LEFT JOIN images i ON i.id = l.image WHERE i.collection IS NOT l.collection"
     " OR (l.kind = 3 AND EXISTS (SELECT 1 FROM labels o WHERE o.image = l.image AND o.kind < 3))",
     "each names a photo of its collection", "labels name no photo of their collection."},
    {"store image_ids",
     "SELECT count(*) FROM image_ids l LEFT JOIN images i ON i.id = l.image WHERE i.collection IS NOT l.collection",
     "each names a photo of its collection", "image_ids name no photo of their collection."},
    {"store counts",
     "SELECT count(*) FROM collections c WHERE images <> (SELECT count(*) FROM images i WHERE i.collection = c.id)"
     " OR faces <> (SELECT count(*) FROM faces f JOIN images i ON i.id = f.image WHERE i.collection = c.id)",
     "every collection counts its photos and faces rightly", "collections count their photos wrongly."},
};

static void check_promise(lk_sqlite_conn *c, struct check *k, const struct promise *p) {
    int64_t count = 0;
    liken_error err;
    char text[256];
    const int rc = lk_sqlite_number(c, p->sql, &count, &err);
    if (rc != LIKEN_OK) {
        blame(k, p->what, err.message, "");
    } else if (count > 0) {
        (void)snprintf(text, sizeof text, "%lld %s", (long long)count, p->broken);
        blame(k, p->what, text, restore);
    } else {
        k->fn(k->ctx, p->what, LIKEN_GOOD, p->kept);
    }
}

static int check(lk_sqlite_conn *c, void *arg, liken_error *err) {
    (void)err;
    check_pages(c, arg);
    for (size_t i = 0; i < LK_LENGTH(promises); i++)
        check_promise(c, arg, &promises[i]);
    return LIKEN_OK;
}

int lk_sqlite_check(lk_store *s, lk_check_fn *fn, void *ctx, int *bad, liken_error *err) {
    struct check k = {.fn = fn, .ctx = ctx};
    const int rc = lk_sqlite_read(of(s), check, &k, err);
    if (rc == LIKEN_OK)
        *bad = k.bad;
    return rc;
}
