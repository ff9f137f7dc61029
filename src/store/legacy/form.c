/* Which table it is, which of the legacy columns it has, and how its names and types are written in SQL. */
#include "store/legacy/legacy_int.h"

#include <stdlib.h>
#include <string.h>

void lk_legacy_form_clear(lk_legacy_form *f) {
    free(f->table);
    free(f->cube);
    free(f->schema);
    free(f->image_type);
    free(f->sequence);
    *f = (lk_legacy_form){0};
}

/* "a.b" is table b of schema a. */
static int quote(lk_pg_conn *c, const char *name, char **out, liken_error *err) {
    const char *dot = strchr(name, '.');
    LK_FREE char *schema = dot == NULL ? NULL : strndup(name, (size_t)(dot - name));
    LK_FREE char *first = schema == NULL ? NULL : lk_pg_identifier(c, schema);
    LK_FREE char *second = lk_pg_identifier(c, dot == NULL ? name : dot + 1);
    if (*name == '\0' || second == NULL || (dot != NULL && first == NULL))
        return lk_fail(err, LIKEN_E_ARG, "The table's name cannot be read; give TABLE or SCHEMA.TABLE.");
    lk_buf b;
    lk_buf_init(&b, 1024);
    const int rc = first == NULL ? lk_buf_string(&b, second, err) : lk_buf_format(&b, err, "%s.%s", first, second);
    if (rc == LIKEN_OK)
        *out = lk_buf_steal(&b, NULL);
    lk_buf_free(&b);
    return rc;
}

static int misfit(const char *name, const char *what, liken_error *err) {
    return lk_fail(
        err, LIKEN_E_UNSUPPORTED,
        "The table %.100s is not one of the legacy system's: %s. It would be (id serial, file varchar, image_id "
        "numeric, vec_low cube, vec_high cube), of which file and image_id may be missing. liken import also "
        "reads a view of that form.",
        name, what);
}

static bool is_integer(const char *type) {
    return strcmp(type, "int2") == 0 || strcmp(type, "int4") == 0 || strcmp(type, "int8") == 0;
}

struct columns {
    bool id, low, high, odd_file;
};

/* One row of pg_attribute: name, type's name, type and its schema as SQL, type's category. */
static int take_column(lk_legacy_form *f, struct columns *seen, const lk_pg_result *r, int i, liken_error *err) {
    const char *name = lk_pg_get_bytes(r, i, 1, NULL), *type = lk_pg_get_bytes(r, i, 2, NULL);
    if (strcmp(name, "id") == 0)
        seen->id = is_integer(type);
    else if (strcmp(name, "vec_low") == 0)
        seen->low = strcmp(type, "cube") == 0;
    else if (strcmp(name, "vec_high") == 0)
        seen->high = strcmp(type, "cube") == 0;
    else if (strcmp(name, "file") == 0)
        seen->odd_file = !(f->has_file = strcmp(lk_pg_get_bytes(r, i, 5, NULL), "S") == 0);
    char **copy = strcmp(name, "vec_low") == 0 ? &f->cube : strcmp(name, "image_id") == 0 ? &f->image_type : NULL;
    if (copy == NULL)
        return LIKEN_OK;
    const bool copied = lk_pg_copy(r, i, 3, copy) && (copy != &f->cube || lk_pg_copy(r, i, 4, &f->schema));
    return copied ? LIKEN_OK : lk_fail_memory(err);
}

static int check_kind(const char *name, const char *kind, bool in_place, liken_error *err) {
    if (strcmp(kind, "r") == 0 || (!in_place && strchr("vmpf", *kind) != NULL))
        return LIKEN_OK;
    return misfit(name, "it is a view, a partitioned or a foreign table, or none at all", err);
}

static int read_columns(lk_legacy_form *f, lk_pg_conn *c, const char *name, bool in_place, liken_error *err) {
    struct columns seen = {0};
    lk_pg_result *r = NULL;
    int rc = lk_pg_exec(
        c,
        "SELECT k.relkind::text, a.attname::text, t.typname::text, format_type(a.atttypid, NULL),"
        " quote_ident(n.nspname), t.typcategory::text FROM pg_class k JOIN pg_attribute a ON a.attrelid = k.oid"
        " JOIN pg_type t ON t.oid = a.atttypid JOIN pg_namespace n ON n.oid = t.typnamespace"
        " WHERE k.oid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped",
        LK_PG_ARGS(lk_pg_text(f->table)), &r, err);
    if (rc != LIKEN_OK)
        return rc;
    if (lk_pg_rows(r) == 0)
        rc =
            lk_fail(err, LIKEN_E_NOT_FOUND,
                    "There is no table %.100s there. It is written without quotes, upper and lower case count, and one "
                    "outside the search path is SCHEMA.TABLE.",
                    name);
    else
        rc = check_kind(name, lk_pg_get_bytes(r, 0, 0, NULL), in_place, err);
    for (int i = 0; rc == LIKEN_OK && i < lk_pg_rows(r); i++)
        rc = take_column(f, &seen, r, i, err);
    lk_pg_clear(r);
    if (rc == LIKEN_OK && !seen.id)
        rc = misfit(name, "it has no column id of whole numbers", err);
    if (rc == LIKEN_OK && !(seen.low && seen.high))
        rc = misfit(name, "it has no columns vec_low and vec_high of type cube", err);
    if (rc == LIKEN_OK && seen.odd_file)
        rc = misfit(name, "its column file holds no text", err);
    return rc;
}

static int read_sends(lk_legacy_form *f, lk_pg_conn *c, liken_error *err) {
    int64_t found = 0;
    const int rc = lk_pg_number(c, "SELECT (to_regprocedure($1 || '.cube_send(' || $2 || ')') IS NOT NULL)::int",
                                LK_PG_ARGS(lk_pg_text(f->schema), lk_pg_text(f->cube)), 0, &found, err);
    f->sends = found != 0;
    return rc;
}

/* The first column of each index that is ready to be used and covers the whole table. */
static int read_indexes(lk_legacy_form *f, lk_pg_conn *c, liken_error *err) {
    lk_pg_result *r = NULL;
    const int rc = lk_pg_exec(c,
                              "SELECT a.attname::text FROM pg_index i JOIN pg_class k ON k.oid = i.indexrelid"
                              " JOIN pg_am m ON m.oid = k.relam AND m.amname = 'btree'"
                              " JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]"
                              " WHERE i.indrelid = to_regclass($1) AND i.indisvalid AND i.indpred IS NULL",
                              LK_PG_ARGS(lk_pg_text(f->table)), &r, err);
    for (int i = 0; rc == LIKEN_OK && i < lk_pg_rows(r); i++) {
        f->finds_ids = f->finds_ids || strcmp(lk_pg_get_bytes(r, i, 0, NULL), "id") == 0;
        f->finds_equal = f->finds_equal || strcmp(lk_pg_get_bytes(r, i, 0, NULL), "vec_low") == 0;
    }
    lk_pg_clear(r);
    return rc;
}

/* Without a sequence, or without the right to look at it, every change of the database might be a new row. */
static int read_sequence(lk_legacy_form *f, lk_pg_conn *c, liken_error *err) {
    lk_pg_result *r = NULL;
    int rc = lk_pg_exec(c,
                        "SELECT s FROM pg_get_serial_sequence($1, 'id') AS s WHERE s IS NOT NULL AND"
                        " has_sequence_privilege(s, 'SELECT')",
                        LK_PG_ARGS(lk_pg_text(f->table)), &r, err);
    if (rc == LIKEN_OK && lk_pg_rows(r) > 0 && !lk_pg_copy(r, 0, 0, &f->sequence))
        rc = lk_fail_memory(err);
    lk_pg_clear(r);
    return rc;
}

int lk_legacy_form_read(lk_legacy_form *out, lk_pg_conn *c, const char *name, bool in_place, liken_error *err) {
    lk_legacy_form f = {0};
    int rc = quote(c, name, &f.table, err);
    if (rc == LIKEN_OK)
        rc = read_columns(&f, c, name, in_place, err);
    if (rc == LIKEN_OK)
        rc = read_sends(&f, c, err);
    if (rc == LIKEN_OK)
        rc = read_indexes(&f, c, err);
    if (rc == LIKEN_OK)
        rc = read_sequence(&f, c, err);
    if (rc != LIKEN_OK) {
        lk_legacy_form_clear(&f);
        return rc;
    }
    *out = f;
    return LIKEN_OK;
}

static int spell_name(const lk_legacy_form *f, char what, lk_buf *b) {
    switch (what) {
    case 'V':
        return f->sends ? lk_buf_format(b, NULL, "%s.cube_send(vec_low), %s.cube_send(vec_high)", f->schema, f->schema)
                        : lk_buf_string(b, "vec_low::text, vec_high::text", NULL);
    case 'T':
        return lk_buf_string(b, f->table, NULL);
    case 'C':
        return lk_buf_string(b, f->cube, NULL);
    case '=':
        return lk_buf_format(b, NULL, "OPERATOR(%s.=)", f->schema);
    case 'N':
        return lk_buf_string(b, f->image_type != NULL ? f->image_type : "text", NULL);
    case 'F':
        return lk_buf_string(b, f->has_file ? "file::text" : "NULL::text", NULL);
    default:
        return lk_buf_string(b, f->image_type != NULL ? "image_id::text" : "NULL::text", NULL);
    }
}

char *lk_legacy_sql(const lk_legacy_form *f, const char *pattern) {
    lk_buf b;
    int rc = LIKEN_OK;
    lk_buf_init(&b, 16384);
    for (const char *p = pattern; rc == LIKEN_OK && *p != '\0'; p++)
        rc = *p == '%' ? spell_name(f, *++p, &b) : lk_buf_append(&b, p, 1, NULL);
    char *out = rc == LIKEN_OK ? lk_buf_steal(&b, NULL) : NULL;
    lk_buf_free(&b);
    return out;
}
