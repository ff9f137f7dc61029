/* legacy_int.h - a table of the legacy system as a store, in place, and what its parts share.
 *
 * The table is the truth and stays as it is: vectors(id, file, image_id, vec_low cube, vec_high cube), of which file
 * and image_id may be missing. A row is a photo of one face, whose id is the row's. No trigger and no column is added,
 * so what others did is found by looking (watch.c), and rows are read where they lie (ctid), because the legacy system
 * gave its id no index.
 *
 * Its ids do not come in the order of commits. So the feed has numbers of its own, given in the order in which rows
 * were met, and good for this opening of the store only: rows.c knows which row has which. */
#ifndef LK_STORE_LEGACY_LEGACY_INT_H
#define LK_STORE_LEGACY_LEGACY_INT_H

#include "base/crypto.h"
#include "pg/pg.h"
#include "store/store.h"

#include <pthread.h>

#define LK_LEGACY_HALF 64
#define LK_LEGACY_DIMENSION (2 * LK_LEGACY_HALF)
#define LK_LEGACY_COLLECTION 1 /* the only one's id */
#define LK_LEGACY_BATCH 1000   /* rows a statement */

/* ---- cube.c: a descriptor in the form of two cubes ---- */

/* "(0.1, ...)", exact; room for LK_LEGACY_CUBE_TEXT bytes. */
#define LK_LEGACY_CUBE_TEXT (LK_LEGACY_HALF * 26 + 8)
void lk_legacy_cube_write(const float half[LK_LEGACY_HALF], char *text);
/* Why the two cannot be a descriptor ("it has 63 + 63 components ..."), or NULL and `out` filled in. NULL texts are
 * NULL cubes. */
const char *lk_legacy_cube_read(const char *low, const char *high, float out[LK_LEGACY_DIMENSION]);

/* The same of what cube_send gives. */
const char *lk_legacy_cube_read_sent(const void *low, size_t low_size, const void *high, size_t high_size,
                                     float out[LK_LEGACY_DIMENSION]);

/* ---- form.c: which table it is ---- */

typedef struct lk_legacy_form {
    char *table;      /* quoted, as SQL */
    char *cube;       /* the type of vec_low, as SQL */
    char *schema;     /* the type's, whose operators compare it; as SQL */
    char *image_type; /* of image_id, as SQL; NULL: there is no such column */
    char *sequence;   /* of id, quoted, as SQL; NULL: none that may be read */
    bool has_file;
    bool finds_equal; /* an index finds rows of equal descriptors */
    bool finds_ids;   /* an index finds rows by id */
    bool sends;       /* there is cube_send */
} lk_legacy_form;

/* The descriptor in columns `column` and the next one, which are the pattern %V: as lk_legacy_cube_read. */
const char *lk_legacy_cube_take(const lk_legacy_form *f, const lk_pg_result *r, int row, int column,
                                float out[LK_LEGACY_DIMENSION]);

/* NOT_FOUND; UNSUPPORTED: not a legacy table form. `name` is "table" or "schema.table", as written. What is not
 * used in place may be a view. */
int lk_legacy_form_read(lk_legacy_form *out, lk_pg_conn *c, const char *name, bool in_place, liken_error *err);
void lk_legacy_form_clear(lk_legacy_form *f); /* accepts {0} */

/* ---- rows.c: the rows that were met ---- */

typedef enum lk_legacy_state {
    LK_LEGACY_LIVE,
    LK_LEGACY_GONE,
    LK_LEGACY_UNFIT /* no descriptor that can be compared */
} lk_legacy_state;

typedef struct lk_legacy_row {
    int64_t id;
    uint32_t block, xmin; /* where it lies, and which transaction wrote it */
    uint16_t offset;
    uint8_t state;
    uint8_t mark; /* of the last look that met it */
} lk_legacy_row;

typedef struct lk_legacy_rows {
    lk_legacy_row *items; /* number n is items[n - 1] */
    size_t count, room;
    uint32_t *slots; /* numbers by id; 0: free */
    size_t slot_count;
    size_t live;
} lk_legacy_rows;

void lk_legacy_rows_clear(lk_legacy_rows *r); /* accepts {0} */
/* The last number given to this id; 0: never met. */
uint32_t lk_legacy_rows_find(const lk_legacy_rows *r, int64_t id);
/* A new number for the row, also where its id was met before. TOO_LARGE, MEMORY. */
int lk_legacy_rows_add(lk_legacy_rows *r, const lk_legacy_row *row, liken_error *err);

/* ---- the store ---- */

typedef struct lk_legacy_store {
    lk_store base;
    lk_pg *db;
    bool read_only;
    char id[LK_UUID_TEXT];
    liken_collection about; /* how the collection is described; counts are not kept in it */
    lk_legacy_form form;

    pthread_mutex_t lock; /* everything below */
    lk_legacy_rows rows;
    uint32_t *removed; /* numbers, in the order of their removal */
    size_t removed_count, removed_room;
    int64_t version;

    /* what the last look saw (watch.c) */
    double looked;           /* when */
    double next, next_whole; /* not before, so that looking stays a small part of what the database does */
    char *snapshot;
    int64_t changed, inserted; /* rows, as the server counts them */
    int64_t met;               /* rows, when that was `inserted` */
    int64_t filenode, last_value, top;
    int64_t low;                   /* rows up to this id are there, or will never be */
    int64_t pending, pending_xmax; /* the same of `pending`, once every transaction before that one has ended */
    bool begun, whole_due;
    size_t unfit;
    size_t nameless; /* rows without an id above 0, as the last whole look saw */
    double whole_at;
    uint8_t mark;
} lk_legacy_store;

/* Looks for what others did, unless that was done a moment ago. */
int lk_legacy_look(lk_legacy_store *s, bool now, liken_error *err);
/* Under the lock. */
int lk_legacy_note_removed(lk_legacy_store *s, uint32_t number, liken_error *err);
/* Takes note of a row that this store wrote. */
int lk_legacy_note_added(lk_legacy_store *s, const lk_legacy_row *row, liken_error *err);
/* Under the lock: the row holds no descriptor that can be compared, for this reason. */
void lk_legacy_note_unfit(lk_legacy_store *s, uint32_t number, const char *why);
/* "(12,3)" and the text of a transaction's number. */
void lk_legacy_place(const char *ctid, const char *xmin, lk_legacy_row *row);

/* SQL with names filled in: %T the table, %C the cube's type, %= its equality, %N image_id's type; %F file and %I
 * image_id as text (NULL where there is no such column). malloc'd, NULL when out of memory. */
char *lk_legacy_sql(const lk_legacy_form *f, const char *pattern);

/* ---- read.c ---- */

typedef struct lk_legacy_want {
    lk_legacy_row row; /* its id, and where it lay when it was last seen */
    bool placed;       /* the latter is known */
    bool met;          /* by lk_legacy_fetch */
} lk_legacy_want;

/* Row `i` of `r` is want `w`: id, ctid, xmin, and from column 3 on what was asked for. */
typedef int lk_legacy_take_fn(void *ctx, size_t w, const lk_pg_result *r, int i, liken_error *err);

/* Reads up to LK_LEGACY_BATCH rows where they lie, and those that moved by their ids. `columns` is a pattern of
 * lk_legacy_sql. What is not there (any more) stays unmet. */
int lk_legacy_fetch(lk_legacy_store *s, const char *columns, lk_legacy_want *want, size_t count,
                    lk_legacy_take_fn *take, void *ctx, liken_error *err);

/* ---- the operations, by file ---- */

int lk_legacy_vectors_after(lk_store *s, int64_t after, lk_store_vector_fn *fn, void *ctx, liken_error *err);
int lk_legacy_matches(lk_store *s, const int64_t *faces, size_t count, lk_store_match *matches, liken_error *err);
int lk_legacy_image_get(lk_store *s, int64_t collection, int64_t id, liken_image **out, liken_error *err);
int lk_legacy_image_list(lk_store *s, int64_t collection, const liken_list_options *o, liken_image_list **out,
                         liken_error *err);
int lk_legacy_face_get(lk_store *s, const char *in, int64_t id, liken_face **out, int64_t *image, int64_t *collection,
                       liken_error *err);

int lk_legacy_image_add(lk_store *s, int64_t collection, liken_image *image, bool face_required, liken_image **existing,
                        liken_error *err);
int lk_legacy_image_remove(lk_store *s, int64_t collection, int64_t id, liken_error *err);
int lk_legacy_face_remove(lk_store *s, const char *in, int64_t id, liken_error *err);

/* An image with room for `faces` faces, which are as a row knows them: without box. The first one's id is `id`. */
int lk_legacy_image_new(const lk_legacy_store *s, int64_t id, size_t faces, const char *file, const char *image_id,
                        liken_image **out, liken_error *err);

#endif
