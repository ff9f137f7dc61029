/* A value as a database sends it, whatever its length: every way to read it stays within its bytes. A column of such
 * values, as liken sends one, is as long as its items say. */
#include "pg/pg_int.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { COLUMNS = 8 };

/* A result of one row; columns are cut off the bytes by lengths among them, 255 is NULL. */
static PGresult *result_of(const uint8_t *data, size_t size) {
    static char name[] = "value";
    PGresAttDesc names[COLUMNS];
    memset(names, 0, sizeof names);
    for (int i = 0; i < COLUMNS; i++)
        names[i].name = name;
    PGresult *r = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
    if (r == NULL || !PQsetResultAttrs(r, COLUMNS, names))
        abort();
    for (int i = 0; i < COLUMNS; i++) {
        const int wish = size > 0 ? *data : 255;
        data += size > 0;
        size -= size > 0;
        const int length = wish == 255 ? -1 : wish < (int)size ? wish : (int)size;
        char *exact = malloc(length > 0 ? (size_t)length : 1);
        if (exact == NULL)
            abort();
        if (length > 0)
            memcpy(exact, data, (size_t)length);
        if (!PQsetvalue(r, 0, i, length < 0 ? NULL : exact, length))
            abort();
        free(exact);
        data += length > 0 ? length : 0;
        size -= length > 0 ? (size_t)length : 0;
    }
    return r;
}

static void read_value(const PGresult *r, int column, lk_pg_column *to) {
    size_t size = 0;
    char *copy = NULL;
    const int64_t whole = lk_pg_get_int(r, 0, column);
    const double real = lk_pg_get_real(r, 0, column);
    const char *bytes = lk_pg_get_bytes(r, 0, column, &size);
    if ((bytes == NULL) != lk_pg_is_null(r, 0, column) || !lk_pg_copy(r, 0, column, &copy))
        abort();
    unsigned sum = (unsigned)whole + (real > 0);
    for (size_t i = 0; i < size; i++)
        sum += (unsigned char)bytes[i];
    __asm__ volatile("" : : "r"(sum));
    if (lk_pg_column_add(to, lk_pg_bytes(bytes, size), NULL) != LIKEN_OK)
        abort();
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    lk_pg_column column;
    lk_buf sent;
    PGresult *r = result_of(data, size);
    lk_pg_column_init(&column, LK_PG_BYTEA);
    lk_buf_init(&sent, 1 << 20);
    for (int i = 0; i < COLUMNS; i++)
        read_value(r, i, &column);
    size_t at = 0;
    for (int i = 0; i < COLUMNS; i++)
        at += lk_pg_item_size(&column, at);
    if (at != column.bytes.size || lk_pg_encode(lk_pg_array(&column), &sent, NULL) != LIKEN_OK || sent.size != at + 20)
        abort();
    lk_buf_free(&sent);
    lk_pg_column_free(&column);
    PQclear(r);
    return 0;
}
