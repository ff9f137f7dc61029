/* Parameters and rows as PostgreSQL's binary format has them: numbers big-endian, text and bytes as they are, an array
 * as a header and its items, each behind its length. */
#include "pg/pg_int.h"

#include <stdlib.h>
#include <string.h>

#define COLUMN_BYTES ((size_t)512 << 20) /* PostgreSQL takes no value above 1 GiB */
#define COLUMN_ITEMS 10000000

lk_pg_value lk_pg_null(lk_pg_type type) {
    return (lk_pg_value){.type = type, .null = true};
}

lk_pg_value lk_pg_bool(bool v) {
    return (lk_pg_value){.type = LK_PG_BOOL, .whole = v};
}

lk_pg_value lk_pg_int2(int v) {
    return (lk_pg_value){.type = LK_PG_INT2, .whole = v};
}

lk_pg_value lk_pg_int4(int v) {
    return (lk_pg_value){.type = LK_PG_INT4, .whole = v};
}

lk_pg_value lk_pg_int8(int64_t v) {
    return (lk_pg_value){.type = LK_PG_INT8, .whole = v};
}

lk_pg_value lk_pg_float4(float v) {
    return (lk_pg_value){.type = LK_PG_FLOAT4, .real = (double)v};
}

lk_pg_value lk_pg_float8(double v) {
    return (lk_pg_value){.type = LK_PG_FLOAT8, .real = v};
}

lk_pg_value lk_pg_text(const char *text) {
    return (lk_pg_value){
        .type = LK_PG_TEXT, .bytes = text, .size = text == NULL ? 0 : strlen(text), .null = text == NULL};
}

lk_pg_value lk_pg_bytes(const void *bytes, size_t size) {
    return (lk_pg_value){.type = LK_PG_BYTEA, .bytes = bytes, .size = size, .null = bytes == NULL};
}

lk_pg_value lk_pg_array(const lk_pg_column *column) {
    return (lk_pg_value){.type = column->type, .array = column};
}

/* ---- encoding ---- */

static int put(lk_buf *to, uint64_t bits, size_t bytes, liken_error *err) {
    unsigned char out[8];
    for (size_t i = 0; i < bytes; i++)
        out[i] = (unsigned char)(bits >> (8 * (bytes - 1 - i)) & 0xff);
    return lk_buf_append(to, out, bytes, err);
}

static int put_float4(lk_buf *to, float value, liken_error *err) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return put(to, bits, 4, err);
}

static int put_float8(lk_buf *to, double value, liken_error *err) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return put(to, bits, 8, err);
}

static unsigned array_type(lk_pg_type item) {
    switch (item) {
    case LK_PG_BOOL:
        return 1000;
    case LK_PG_BYTEA:
        return 1001;
    case LK_PG_INT8:
        return 1016;
    case LK_PG_INT2:
        return 1005;
    case LK_PG_INT4:
        return 1007;
    case LK_PG_TEXT:
        return 1009;
    case LK_PG_FLOAT4:
        return 1021;
    case LK_PG_FLOAT8:
        return 1022;
    }
    return 0;
}

unsigned lk_pg_type_of(lk_pg_value v) {
    return v.array == NULL ? (unsigned)v.type : array_type(v.type);
}

/* Dimensions, whether there are NULLs, the items' type, then the length and the lower bound of the one dimension. */
static int put_array(lk_buf *to, const lk_pg_column *column, liken_error *err) {
    int rc = put(to, column->count == 0 ? 0 : 1, 4, err);
    if (rc == LIKEN_OK)
        rc = put(to, column->nulls ? 1 : 0, 4, err);
    if (rc == LIKEN_OK)
        rc = put(to, (unsigned)column->type, 4, err);
    if (rc != LIKEN_OK || column->count == 0)
        return rc;
    rc = put(to, (uint64_t)column->count, 4, err);
    if (rc == LIKEN_OK)
        rc = put(to, 1, 4, err);
    return rc == LIKEN_OK ? lk_buf_append(to, column->bytes.data, column->bytes.size, err) : rc;
}

int lk_pg_encode(lk_pg_value v, lk_buf *to, liken_error *err) {
    if (v.null)
        return LIKEN_OK;
    if (v.array != NULL)
        return put_array(to, v.array, err);
    switch (v.type) {
    case LK_PG_BOOL:
        return put(to, (uint64_t)v.whole, 1, err);
    case LK_PG_INT2:
        return put(to, (uint64_t)v.whole, 2, err);
    case LK_PG_INT4:
        return put(to, (uint64_t)v.whole, 4, err);
    case LK_PG_INT8:
        return put(to, (uint64_t)v.whole, 8, err);
    case LK_PG_FLOAT4:
        return put_float4(to, (float)v.real, err);
    case LK_PG_FLOAT8:
        return put_float8(to, v.real, err);
    case LK_PG_TEXT:
    case LK_PG_BYTEA:
        return lk_buf_append(to, v.bytes, v.size, err);
    }
    return lk_fail(err, LIKEN_E_INTERNAL, "A value of an unknown type was to go to the database. Please report it.");
}

void lk_pg_column_init(lk_pg_column *column, lk_pg_type type) {
    *column = (lk_pg_column){.type = type};
    lk_buf_init(&column->bytes, COLUMN_BYTES);
}

int lk_pg_column_add(lk_pg_column *column, lk_pg_value v, liken_error *err) {
    if (v.type != column->type || v.array != NULL)
        return lk_fail(err, LIKEN_E_INTERNAL, "A value of another type was put into a column. Please report it.");
    if (column->count == COLUMN_ITEMS)
        return lk_fail(err, LIKEN_E_TOO_LARGE, "More than %d rows at once; send fewer.", COLUMN_ITEMS);
    lk_buf *b = &column->bytes;
    const size_t head = b->size;
    int rc = put(b, UINT64_MAX, 4, err); /* -1: NULL; else overwritten by the length */
    if (rc == LIKEN_OK)
        rc = lk_pg_encode(v, b, err);
    if (rc != LIKEN_OK) {
        b->size = head;
        return rc;
    }
    const size_t size = b->size - head - 4;
    for (size_t i = 0; !v.null && i < 4; i++)
        b->data[head + i] = (char)(unsigned char)(size >> (8 * (3 - i)) & 0xff);
    column->nulls |= v.null;
    column->count++;
    return LIKEN_OK;
}

size_t lk_pg_item_size(const lk_pg_column *column, size_t at) {
    const unsigned char *head = (const unsigned char *)column->bytes.data + at;
    const uint32_t size = (uint32_t)head[0] << 24 | (uint32_t)head[1] << 16 | (uint32_t)head[2] << 8 | head[3];
    return size == UINT32_MAX ? 4 : 4 + (size_t)size;
}

void lk_pg_column_free(lk_pg_column *column) {
    lk_buf_free(&column->bytes);
}

/* ---- rows ---- */

static uint64_t take(const PGresult *r, int row, int column, int *size) {
    const unsigned char *from = (const unsigned char *)PQgetvalue(r, row, column);
    uint64_t bits = 0;
    *size = PQgetlength(r, row, column);
    for (int i = 0; i < *size && i < 8; i++)
        bits = bits << 8 | from[i];
    return bits;
}

int lk_pg_rows(const lk_pg_result *r) {
    return PQntuples(r);
}

int64_t lk_pg_touched(const lk_pg_result *r) {
    return strtoll(PQcmdTuples((PGresult *)(uintptr_t)r), NULL, 10);
}

int lk_pg_columns(const lk_pg_result *r) {
    return PQnfields(r);
}

lk_pg_type lk_pg_type_at(const lk_pg_result *r, int column) {
    return (lk_pg_type)PQftype(r, column);
}

bool lk_pg_is_null(const lk_pg_result *r, int row, int column) {
    return PQgetisnull(r, row, column) != 0;
}

int64_t lk_pg_get_int(const lk_pg_result *r, int row, int column) {
    int size;
    const uint64_t bits = take(r, row, column, &size);
    switch (size) {
    case 2:
        return (int16_t)(uint16_t)bits;
    case 4:
        return (int32_t)(uint32_t)bits;
    default:
        return (int64_t)bits;
    }
}

double lk_pg_get_real(const lk_pg_result *r, int row, int column) {
    int size;
    const uint64_t bits = take(r, row, column, &size);
    if (size == 4) {
        const uint32_t half = (uint32_t)bits;
        float value;
        memcpy(&value, &half, sizeof value);
        return (double)value;
    }
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

const char *lk_pg_get_bytes(const lk_pg_result *r, int row, int column, size_t *size) {
    if (size != NULL)
        *size = (size_t)PQgetlength(r, row, column);
    return lk_pg_is_null(r, row, column) ? NULL : PQgetvalue(r, row, column);
}

bool lk_pg_copy(const lk_pg_result *r, int row, int column, char **out) {
    const char *text = lk_pg_get_bytes(r, row, column, NULL);
    *out = text == NULL ? NULL : strdup(text);
    return text == NULL || *out != NULL;
}

void lk_pg_clear(lk_pg_result *r) {
    PQclear(r);
}
