/* The rows of a photo, in the order of the tables' columns. Vectors go first: where they lie on other servers, a crash
 * between theirs and the coordinator's commit leaves vectors that belong to no face, and never a face without one. */
#include "store/postgres/rows.h"

#include "store/codec.h"

#include <string.h>

#define B LK_PG_BYTEA
#define I LK_PG_INT4
#define L LK_PG_INT8
#define R LK_PG_FLOAT4
#define S LK_PG_INT2
#define T LK_PG_TEXT

static const lk_pg_type image_types[] = {L, L, B, L, L, I, I, T, T, T, T, L};
static const lk_pg_type label_types[] = {L, T, L, S, L, L, L, T};
static const lk_pg_type image_id_types[] = {L, T, L};
static const lk_pg_type tag_types[] = {T, L};
static const lk_pg_type face_types[] = {L, L, R, R, R, R, B, R, R, R, R, R, R, R, R, S};
static const lk_pg_type refused_types[] = {L, S, R, R, R, R, B, R, R, R, R, R, R, R, R};
static const lk_pg_type picture_types[] = {L, L, S, T, I, I, B};
static const lk_pg_type count_types[] = {L, L, L};

#define FACE_ARRAYS                                                                                                    \
    "$3::real[], $4::real[], $5::real[], $6::real[], $7::bytea[], $8::real[], $9::real[], $10::real[], $11::real[],"   \
    " $12::real[], $13::real[], $14::real[], $15::real[]"

static void table_init(lk_postgres_table *t, const lk_pg_type *types, size_t count) {
    for (size_t i = 0; i < count; i++)
        lk_pg_column_init(&t->columns[i], types[i]);
    t->count = (int)count;
}

static int add_row(lk_postgres_table *t, const lk_pg_value *values, liken_error *err) {
    int rc = LIKEN_OK;
    for (int i = 0; rc == LIKEN_OK && i < t->count; i++)
        rc = lk_pg_column_add(&t->columns[i], values[i], err);
    return rc;
}

void lk_postgres_tables_init(lk_postgres_tables *t, const lk_search_plans *plans) {
    table_init(&t->images, image_types, LK_LENGTH(image_types));
    table_init(&t->labels, label_types, LK_LENGTH(label_types));
    table_init(&t->image_ids, image_id_types, LK_LENGTH(image_id_types));
    table_init(&t->tags, tag_types, LK_LENGTH(tag_types));
    table_init(&t->faces, face_types, LK_LENGTH(face_types));
    table_init(&t->refused, refused_types, LK_LENGTH(refused_types));
    table_init(&t->pictures, picture_types, LK_LENGTH(picture_types));
    lk_search_batch_init(&t->vectors, plans);
    table_init(&t->counts, count_types, LK_LENGTH(count_types));
}

void lk_postgres_tables_free(lk_postgres_tables *t) {
    lk_postgres_table *const all[] = {&t->images, &t->labels,  &t->image_ids, &t->tags,
                                      &t->faces,  &t->refused, &t->pictures,  &t->counts};
    lk_search_batch_free(&t->vectors);
    for (size_t i = 0; i < LK_LENGTH(all); i++) {
        for (int k = 0; k < all[i]->count; k++)
            lk_pg_column_free(&all[i]->columns[k]);
    }
}

/* ---- one photo ---- */

static int add_image(lk_postgres_tables *t, const liken_image *im, int64_t collection, int64_t id, const char *actor,
                     const unsigned char sha256[32], liken_error *err) {
    const lk_pg_value row[] = {
        lk_pg_int8(id),
        lk_pg_int8(collection),
        lk_pg_bytes(sha256, 32),
        im->captured_at == LIKEN_NO_TIME ? lk_pg_null(LK_PG_INT8) : lk_pg_int8(im->captured_at),
        lk_pg_int8(im->added_at),
        lk_pg_int4(im->width),
        lk_pg_int4(im->height),
        lk_pg_text(im->detector == NULL ? "" : im->detector),
        lk_pg_text(actor),
        lk_pg_text(im->source),
        lk_pg_text(im->metadata),
        lk_pg_int8(im->revision > 0 ? im->revision : 1),
    };
    return add_row(&t->images, row, err);
}

static int add_label(lk_postgres_tables *t, int64_t collection, int64_t image, const liken_label *label,
                     liken_error *err) {
    const bool marked = label->mark.size > 0;
    const lk_pg_value row[] = {lk_pg_int8(collection),
                               lk_pg_text(label->file),
                               lk_pg_int8(image),
                               lk_pg_int2((int)label->kind),
                               marked ? lk_pg_int8(label->mark.size) : lk_pg_null(LK_PG_INT8),
                               marked ? lk_pg_int8(label->mark.mtime) : lk_pg_null(LK_PG_INT8),
                               marked ? lk_pg_int8((int64_t)label->mark.inode) : lk_pg_null(LK_PG_INT8),
                               label->place != NULL ? lk_pg_text(label->place) : lk_pg_null(LK_PG_TEXT)};
    return add_row(&t->labels, row, err);
}

static int add_names(lk_postgres_tables *t, const liken_image *im, int64_t collection, int64_t id, liken_error *err) {
    int rc = LIKEN_OK;
    liken_label label;
    const char *image_id;
    for (size_t i = 0; rc == LIKEN_OK && i < lk_image_names(im, i, &label); i++)
        rc = add_label(t, collection, id, &label, err);
    for (size_t i = 0; rc == LIKEN_OK && i < lk_image_id_names(im, i, &image_id); i++)
        rc = add_row(&t->image_ids, (const lk_pg_value[]){lk_pg_int8(collection), lk_pg_text(image_id), lk_pg_int8(id)},
                     err);
    return rc;
}

/* A face or a refusal; `first` and `second` are the two columns before those that both have; a face has one more. */
static int add_face(lk_postgres_table *t, lk_pg_value first, lk_pg_value second, const liken_face *f,
                    liken_error *err) {
    lk_face_row face;
    lk_face_to_row(f, &face);
    lk_pg_value row[2 + LK_FACE_NUMBERS + 2] = {first, second};
    for (int i = 0; i < LK_FACE_NUMBERS; i++)
        row[2 + i + (i >= LK_FACE_BOX)] = lk_pg_float4(face.numbers[i]);
    row[2 + LK_FACE_BOX] = lk_pg_bytes(face.landmarks, sizeof face.landmarks);
    row[2 + LK_FACE_NUMBERS + 1] = lk_pg_int2(f->weak);
    return add_row(t, row, err);
}

static int add_vector(lk_postgres_tables *t, int64_t face, int64_t collection, const liken_face *f, liken_error *err) {
    unsigned char bytes[4 * LK_DIMENSION_MAX];
    lk_floats_encode(f->descriptor, (size_t)f->dimension, bytes);
    return lk_search_batch_add(&t->vectors, face, collection, bytes, 4 * (size_t)f->dimension, err);
}

int lk_postgres_tables_picture(lk_postgres_tables *t, int64_t collection, int64_t id, const liken_picture *p,
                               liken_error *err) {
    const lk_pg_value row[] = {lk_pg_int8(collection),        lk_pg_int8(id),       lk_pg_int2((int)p->kind),
                               lk_pg_text(p->type),           lk_pg_int4(p->width), lk_pg_int4(p->height),
                               lk_pg_bytes(p->bytes, p->size)};
    return add_row(&t->pictures, row, err);
}

int lk_postgres_tables_add(lk_postgres_tables *t, const liken_image *image, int64_t collection, int64_t id,
                           const int64_t *faces, const unsigned char sha256[32], const char *actor, liken_keep keep,
                           liken_error *err) {
    int rc = add_image(t, image, collection, id, actor, sha256, err);
    if (rc == LIKEN_OK)
        rc = add_names(t, image, collection, id, err);
    for (size_t i = 0; rc == LIKEN_OK && i < image->tag_count; i++)
        rc = add_row(&t->tags, (const lk_pg_value[]){lk_pg_text(image->tags[i]), lk_pg_int8(id)}, err);
    for (size_t i = 0; rc == LIKEN_OK && i < image->face_count; i++) {
        rc = add_face(&t->faces, lk_pg_int8(faces[i]), lk_pg_int8(id), &image->faces[i], err);
        if (rc == LIKEN_OK)
            rc = add_vector(t, faces[i], collection, &image->faces[i], err);
    }
    for (size_t i = 0; rc == LIKEN_OK && i < image->refused_count; i++)
        rc = add_face(&t->refused, lk_pg_int8(id), lk_pg_int2((int)image->refused[i].reason), &image->refused[i], err);
    for (size_t i = 0; rc == LIKEN_OK && i < image->picture_count; i++)
        if (image->pictures[i].kind <= keep)
            rc = lk_postgres_tables_picture(t, collection, id, &image->pictures[i], err);
    if (rc != LIKEN_OK)
        return rc;
    const lk_pg_value counts[] = {lk_pg_int8(collection), lk_pg_int8(1), lk_pg_int8((int64_t)image->face_count)};
    return add_row(&t->counts, counts, err);
}

/* ---- all of them ---- */

static int queue_table(lk_pg_conn *c, const char *sql, const lk_postgres_table *t, liken_error *err) {
    lk_pg_value values[LK_POSTGRES_COLUMNS];
    if (t->columns[0].count == 0)
        return LIKEN_OK;
    for (int i = 0; i < t->count; i++)
        values[i] = lk_pg_array(&t->columns[i]);
    return lk_pg_say(c, sql, values, t->count, err);
}

static int queue_counts(lk_pg_conn *c, const lk_postgres_tables *t, liken_error *err) {
    return queue_table(c,
                       "UPDATE liken.collections c SET images = c.images + n.images, faces = c.faces + n.faces"
                       " FROM (SELECT collection, sum(images)::bigint, sum(faces)::bigint FROM"
                       " unnest($1::bigint[], $2::bigint[], $3::bigint[]) u (collection, images, faces)"
                       " GROUP BY collection) n (collection, images, faces) WHERE c.id = n.collection",
                       &t->counts, err);
}

static int queue_vectors(lk_pg_conn *c, const lk_search_batch *b, liken_error *err) {
    int rc = LIKEN_OK;
    for (size_t i = 0; rc == LIKEN_OK && i < b->count; i++) {
        lk_search_statement insert;
        rc = lk_search_rows_insert(&b->kinds[i], "", &insert, err);
        if (rc == LIKEN_OK)
            rc = lk_pg_say(c, insert.sql.data, insert.values, insert.count, err);
        lk_search_statement_free(&insert);
    }
    return rc;
}

/* Labels and refused faces in order: their own ids are given as they come. */
static const struct {
    size_t table; /* where it is in lk_postgres_tables */
    const char *sql;
} inserts[] = {
    {offsetof(lk_postgres_tables, images),
     "INSERT INTO liken.images (id, collection, sha256, captured_at, added_at, width, height, "
     "detector, added_by, source, metadata, revision)"
     " SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bytea[], $4::bigint[], $5::bigint[],"
     " $6::integer[], $7::integer[], $8::text[], $9::text[], $10::text[], $11::text[], $12::bigint[])"},
    {offsetof(lk_postgres_tables, labels),
     "INSERT INTO liken.labels (collection, label, image, kind, size, mtime, inode, place) SELECT * FROM"
     " unnest($1::bigint[], $2::text[], $3::bigint[], $4::smallint[], $5::bigint[], $6::bigint[],"
     " $7::bigint[], $8::text[])"},
    {offsetof(lk_postgres_tables, image_ids),
     "INSERT INTO liken.image_ids (collection, image_id, image) SELECT * FROM unnest($1::bigint[],"
     " $2::text[], $3::bigint[])"},
    {offsetof(lk_postgres_tables, tags),
     "INSERT INTO liken.tags (tag, image) SELECT * FROM unnest($1::text[], $2::bigint[])"
     " ON CONFLICT DO NOTHING"},
    {offsetof(lk_postgres_tables, faces),
     "INSERT INTO liken.faces (id, image, " LK_FACE_NAMES
     ", weak) SELECT * FROM unnest($1::bigint[], $2::bigint[], " FACE_ARRAYS ", $16::smallint[])"},
    {offsetof(lk_postgres_tables, refused), "INSERT INTO liken.refused (image, reason, " LK_FACE_NAMES
                                            ") SELECT * FROM unnest($1::bigint[], $2::smallint[], " FACE_ARRAYS ")"},
    {offsetof(lk_postgres_tables, pictures),
     "INSERT INTO liken.pictures (collection, image, kind, type, width, height, bytes) SELECT *"
     " FROM unnest($1::bigint[], $2::bigint[], $3::smallint[], $4::text[], $5::integer[],"
     " $6::integer[], $7::bytea[]) ON CONFLICT DO NOTHING"},
};

int lk_postgres_tables_queue(lk_pg_conn *c, const lk_postgres_tables *t, bool vectors, liken_error *err) {
    int rc = vectors ? queue_vectors(c, &t->vectors, err) : LIKEN_OK;
    for (size_t i = 0; rc == LIKEN_OK && i < LK_LENGTH(inserts); i++)
        rc = queue_table(c, inserts[i].sql, (const lk_postgres_table *)((const char *)t + inserts[i].table), err);
    return rc == LIKEN_OK ? queue_counts(c, t, err) : rc;
}

static int copy_columns(lk_pg_conn *c, const char *sql, const lk_pg_column *columns, int count, liken_error *err) {
    if (columns[0].count == 0)
        return LIKEN_OK;
    int rc = lk_pg_copy_start(c, sql, err);
    if (rc == LIKEN_OK)
        rc = lk_pg_copy_columns(c, columns, count, err);
    return rc == LIKEN_OK ? lk_pg_copy_end(c, err) : rc;
}

int lk_postgres_tables_copy(lk_pg_conn *c, const lk_postgres_tables *t, bool vectors, liken_error *err) {
    const struct {
        const char *sql;
        const lk_postgres_table *table;
    } all[] = {
        {"COPY liken.images (id, collection, sha256, captured_at, added_at, width, height, detector, added_by,"
         " source, metadata, revision) FROM STDIN (FORMAT binary)",
         &t->images},
        {"COPY liken.labels (collection, label, image, kind, size, mtime, inode, place) FROM STDIN (FORMAT binary)",
         &t->labels},
        {"COPY liken.image_ids (collection, image_id, image) FROM STDIN (FORMAT binary)", &t->image_ids},
        {"COPY liken.tags (tag, image) FROM STDIN (FORMAT binary)", &t->tags},
        {"COPY liken.faces (id, image, " LK_FACE_NAMES ", weak) FROM STDIN (FORMAT binary)", &t->faces},
        {"COPY liken.refused (image, reason, " LK_FACE_NAMES ") FROM STDIN (FORMAT binary)", &t->refused},
        {"COPY liken.pictures (collection, image, kind, type, width, height, bytes) FROM STDIN (FORMAT binary)",
         &t->pictures},
    };
    int rc = LIKEN_OK;
    for (size_t i = 0; vectors && rc == LIKEN_OK && i < t->vectors.count; i++)
        rc = copy_columns(c, "COPY liken.vectors (face, collection, descriptor) FROM STDIN (FORMAT binary)",
                          t->vectors.kinds[i].columns, LK_SEARCH_NUMBERS, err);
    for (size_t i = 0; rc == LIKEN_OK && i < LK_LENGTH(all); i++)
        rc = copy_columns(c, all[i].sql, all[i].table->columns, all[i].table->count, err);
    return lk_pg_finish(c, rc == LIKEN_OK ? queue_counts(c, t, err) : rc, err);
}
