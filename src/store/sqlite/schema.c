/* The tables, as numbered steps that only go forward. A file's version is SQLite's user_version; a step and its number
 * are committed together, under the write lock, so two processes that open an old file at once migrate it once. */
#include "store/sqlite/sqlite_int.h"

#include "base/crypto.h"

#include <stdio.h>
#include <string.h>

#define FACE_COLUMNS                                                                                                   \
    "x REAL NOT NULL, y REAL NOT NULL, width REAL NOT NULL, height REAL NOT NULL,"                                     \
    " landmarks BLOB NOT NULL CHECK (length(landmarks) = 40)," /* 5 x (x, y), float32 little-endian */                 \
    " confidence REAL NOT NULL, size REAL NOT NULL, sharpness REAL NOT NULL, brightness REAL NOT NULL,"                \
    " yaw REAL NOT NULL, pitch REAL NOT NULL, roll REAL NOT NULL, score REAL NOT NULL"

static const char step_1[] =
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE models (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,"
    " dimension INTEGER NOT NULL CHECK (dimension > 0)) STRICT;"
    /* images and faces: how many there are, kept by every add and removal so that no answer has to count */
    "CREATE TABLE collections (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE,"
    " model INTEGER NOT NULL REFERENCES models (id), metric INTEGER NOT NULL CHECK (metric IN (0, 1)),"
    " threshold REAL NOT NULL, created_at INTEGER NOT NULL,"
    " images INTEGER NOT NULL DEFAULT 0, faces INTEGER NOT NULL DEFAULT 0) STRICT;"
    "CREATE TABLE images (id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " collection INTEGER NOT NULL REFERENCES collections (id),"
    " sha256 BLOB NOT NULL CHECK (length(sha256) = 32), image_id TEXT, file TEXT, captured_at INTEGER,"
    " added_at INTEGER NOT NULL, width INTEGER NOT NULL, height INTEGER NOT NULL, detector TEXT NOT NULL,"
    " UNIQUE (collection, sha256)) STRICT;"
    "CREATE INDEX images_by_image_id ON images (collection, image_id) WHERE image_id IS NOT NULL;"
    "CREATE INDEX images_by_file ON images (collection, file) WHERE file IS NOT NULL;"
    "CREATE INDEX images_by_time ON images (collection, captured_at) WHERE captured_at IS NOT NULL;"
    "CREATE INDEX images_by_collection ON images (collection, id);"
    "CREATE TABLE tags (tag TEXT NOT NULL, image INTEGER NOT NULL REFERENCES images (id) ON DELETE CASCADE,"
    " PRIMARY KEY (tag, image)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX tags_by_image ON tags (image);"
    /* AUTOINCREMENT: an id is never given twice, and ids rise in the order of commits (there is one writer at a time)
     */
    "CREATE TABLE faces (id INTEGER PRIMARY KEY AUTOINCREMENT, image INTEGER NOT NULL REFERENCES images "
    "(id)," FACE_COLUMNS ", descriptor BLOB NOT NULL) STRICT;" /* float32 little-endian, as the network gave them */
    "CREATE INDEX faces_by_image ON faces (image);"
    "CREATE TABLE refusals (id INTEGER PRIMARY KEY, image INTEGER NOT NULL REFERENCES images (id) ON DELETE CASCADE,"
    " reason INTEGER NOT NULL," FACE_COLUMNS ") STRICT;"
    "CREATE INDEX refusals_by_image ON refusals (image);"
    /* the feed of removals, for readers that hold faces in memory */
    "CREATE TABLE deletions (seq INTEGER PRIMARY KEY AUTOINCREMENT, face INTEGER NOT NULL) STRICT;"
    "CREATE TRIGGER faces_deleted AFTER DELETE ON faces BEGIN INSERT INTO deletions (face) VALUES (old.id); END;";

/* how it is searched: 0 auto, 1 in memory; a database that searches by itself knows more */
static const char step_2[] =
    "ALTER TABLE collections ADD COLUMN search INTEGER NOT NULL DEFAULT 0 CHECK (search IN (0, 1));";

/* Nothing changes but that a removed collection is hidden and erased bit by bit, which an older liken would show. */
static const char step_3[] = "";

/* A photo's names move out of its row. kind: liken_label_kind; of an old label it is told by its look: a path is a file
 * (where several photos have it, the last one's), an address its photo's own. An index that is made of what is there
 * already costs a fraction of one that grows with it. */
static const char step_4[] =
    "CREATE TABLE labels (id INTEGER PRIMARY KEY, collection INTEGER NOT NULL, label TEXT NOT NULL,"
    " image INTEGER NOT NULL REFERENCES images (id) ON DELETE CASCADE,"
    " kind INTEGER NOT NULL CHECK (kind BETWEEN 0 AND 3), size INTEGER, mtime INTEGER, inode INTEGER,"
    " UNIQUE (image, label)) STRICT;"
    "INSERT INTO labels (collection, label, image, kind) SELECT i.collection, i.file, i.id, CASE WHEN"
    " instr(i.file, '/') = 0 OR EXISTS (SELECT 1 FROM images o WHERE o.collection = i.collection AND o.file = i.file"
    " AND o.id > i.id) THEN 2 ELSE instr(i.file, '://') = 0 END FROM images i WHERE i.file IS NOT NULL ORDER BY i.id;"
    "CREATE INDEX labels_by_label ON labels (collection, label);"
    "CREATE UNIQUE INDEX labels_alone ON labels (collection, label) WHERE kind < 2;"
    "CREATE INDEX labels_lost ON labels (collection, image) WHERE kind = 3;"
    "CREATE TABLE image_ids (id INTEGER PRIMARY KEY, collection INTEGER NOT NULL, image_id TEXT NOT NULL,"
    " image INTEGER NOT NULL REFERENCES images (id) ON DELETE CASCADE, UNIQUE (image, image_id)) STRICT;"
    "INSERT INTO image_ids (collection, image_id, image) SELECT collection, image_id, id FROM images"
    " WHERE image_id IS NOT NULL ORDER BY id;"
    "CREATE INDEX image_ids_by_image_id ON image_ids (collection, image_id);"
    "DROP INDEX images_by_image_id; DROP INDEX images_by_file;"
    "ALTER TABLE images DROP COLUMN image_id; ALTER TABLE images DROP COLUMN file;";

/* Where a file lies, whatever its label says; of files that were added before it is learnt when they are again. */
static const char step_5[] = "ALTER TABLE labels ADD COLUMN place TEXT;"
                             "CREATE INDEX labels_by_place ON labels (collection, place) WHERE place IS NOT NULL;";

static const char step_6[] = LK_SQL_TABLE(LK_SQL_KEYS, LK_SQLITE_TYPES);

/* What happened (store/events.h); name: of a collection's events. That a photo was added is told by its row. */
static const char step_7[] =
    "CREATE TABLE events (number INTEGER PRIMARY KEY, last_image INTEGER NOT NULL, kind INTEGER NOT NULL,"
    " collection INTEGER NOT NULL, name TEXT, image INTEGER, face INTEGER, at INTEGER NOT NULL, actor TEXT) STRICT;"
    "ALTER TABLE images ADD COLUMN added_by TEXT;";

/* What is kept of photos, apart from everything that is read often: nobody's way leads past these bytes. `collection`
 * is that of the image, so that what is kept no longer is found without going through the photos. */
static const char step_8[] =
    "ALTER TABLE collections ADD COLUMN keep INTEGER NOT NULL DEFAULT 1 CHECK (keep BETWEEN 0 AND 3);"
    "CREATE TABLE pictures (id INTEGER PRIMARY KEY, collection INTEGER NOT NULL,"
    " image INTEGER NOT NULL REFERENCES images (id) ON DELETE CASCADE, kind INTEGER NOT NULL CHECK (kind BETWEEN 1 AND "
    "3),"
    " type TEXT NOT NULL, width INTEGER NOT NULL, height INTEGER NOT NULL, bytes BLOB NOT NULL, UNIQUE (image, kind))"
    " STRICT;"
    "CREATE INDEX pictures_by_kind ON pictures (collection, kind);";
#define SECRET_STEP 8 /* with it comes what links are signed with */

/* Whether a face was seen too poorly for the radius of the others. How well the older ones were seen was measured in
 * another way, so they stay what they were taken for. */
static const char step_9[] = "ALTER TABLE faces ADD COLUMN weak INTEGER NOT NULL DEFAULT 0 CHECK (weak IN (0, 1));";

/* Collections that change their model (store/upgrade.h); generation: how often that happened. */
static const char step_10[] = "ALTER TABLE collections ADD COLUMN generation INTEGER NOT NULL DEFAULT 0;" LK_SQL_TABLE(
    LK_SQL_UPGRADES, "REAL", LK_SQLITE_TYPES);

static const char step_11[] = LK_SQL_TABLE(LK_SQL_KEY_LIMITS, LK_SQLITE_TYPES);

/* What is said of a photo later (liken_image_change); revision: liken_image's. */
static const char step_12[] = "ALTER TABLE images ADD COLUMN source TEXT; ALTER TABLE images ADD COLUMN metadata TEXT;"
                              "ALTER TABLE images ADD COLUMN revision INTEGER NOT NULL DEFAULT 1;";

static const char *const steps[] = {step_1, step_2, step_3, step_4,  step_5,  step_6,
                                    step_7, step_8, step_9, step_10, step_11, step_12};
_Static_assert(LK_LENGTH(steps) == LK_SQLITE_SCHEMA, "one step a schema version");

static int examine(lk_sqlite_conn *c, int *version, liken_error *err) {
    int64_t application = 0, schema = 0, tables = 0;
    int rc = lk_sqlite_number(c, "PRAGMA application_id", &application, err);
    if (rc == LIKEN_OK)
        rc = lk_sqlite_number(c, "PRAGMA user_version", &schema, err);
    if (rc == LIKEN_OK)
        rc = lk_sqlite_number(c, "SELECT count(*) FROM sqlite_schema", &tables, err);
    if (rc != LIKEN_OK)
        return rc;
    if (application != LK_SQLITE_APPLICATION && (application != 0 || schema != 0 || tables != 0))
        return lk_fail(err, LIKEN_E_STORE,
                       "%s is another program's database; liken does not touch it. Choose another data "
                       "folder.",
                       c->path);
    if (schema > LK_SQLITE_SCHEMA)
        return lk_fail(err, LIKEN_E_STORE,
                       "The store %s was written by a newer liken (schema %lld, this liken knows %d); it "
                       "was not touched. Update liken.",
                       c->path, (long long)schema, LK_SQLITE_SCHEMA);
    *version = (int)schema;
    return LIKEN_OK;
}

/* In one moment: another process may just be making the tables. */
int lk_sqlite_examine(lk_sqlite_conn *c, int *version, liken_error *err) {
    int rc = lk_sqlite_exec(c, "SAVEPOINT examine", err);
    if (rc != LIKEN_OK)
        return rc;
    rc = examine(c, version, err);
    if (rc != LIKEN_OK)
        (void)lk_sqlite_exec(c, "RELEASE examine", NULL);
    return rc == LIKEN_OK ? lk_sqlite_exec(c, "RELEASE examine", err) : rc;
}

static int add_store_id(lk_sqlite_conn *c, liken_error *err) {
    char id[LK_UUID_TEXT];
    lk_random_uuid(id);
    sqlite3_stmt *stmt;
    const int rc = lk_sqlite_use(c, "INSERT INTO meta (key, value) VALUES ('store', ?1)", &stmt, err);
    if (rc != LIKEN_OK)
        return rc;
    lk_sqlite_text(stmt, 1, id);
    return lk_sqlite_run(c, stmt, err);
}

static int add_secret(lk_sqlite_conn *c, liken_error *err) {
    char hex[65];
    lk_random_hex(32, hex);
    sqlite3_stmt *stmt;
    const int rc = lk_sqlite_use(c, "INSERT INTO meta (key, value) VALUES ('secret', ?1)", &stmt, err);
    if (rc != LIKEN_OK)
        return rc;
    lk_sqlite_text(stmt, 1, hex);
    return lk_sqlite_run(c, stmt, err);
}

static int take_step(lk_sqlite_conn *c, int version, liken_error *err) {
    char number[96];
    (void)snprintf(number, sizeof number, "PRAGMA user_version = %d; PRAGMA application_id = %d", version + 1,
                   LK_SQLITE_APPLICATION);
    int rc = lk_sqlite_exec(c, steps[version], err);
    if (rc == LIKEN_OK && version == 0)
        rc = add_store_id(c, err);
    if (rc == LIKEN_OK && version + 1 == SECRET_STEP)
        rc = add_secret(c, err);
    if (rc == LIKEN_OK)
        rc = lk_sqlite_exec(c, number, err);
    return rc;
}

int lk_sqlite_migrate(lk_sqlite_conn *c, liken_error *err) {
    int version = 0;
    int rc = lk_sqlite_exec(c, "BEGIN IMMEDIATE", err);
    if (rc != LIKEN_OK)
        return rc;
    rc = lk_sqlite_examine(c, &version, err); /* again, now that no other process can be migrating */
    while (rc == LIKEN_OK && version < LK_SQLITE_SCHEMA)
        rc = take_step(c, version++, err);
    if (rc == LIKEN_OK)
        rc = lk_sqlite_exec(c, "COMMIT", err);
    if (rc != LIKEN_OK)
        (void)lk_sqlite_exec(c, "ROLLBACK", NULL);
    return rc;
}
