#include "eval/pairs.h"

#include "eval/csv.h"

#include <stdlib.h>
#include <string.h>

typedef struct columns {
    int a, b, same, source, fold; /* -1: absent */
} columns;

/* Names of both files of each pair until every file has its index. */
typedef struct names {
    const char **items;
    size_t count, capacity;
} names;

static int line_fault(const lk_csv *c, const char *what, liken_error *err) {
    return lk_fail(err, LIKEN_E_ARG, "line %zu: %s", c->line, what);
}

static int read_header(lk_csv *c, columns *out, liken_error *err) {
    const int rc = lk_csv_next(c, err);
    if (rc < 0)
        return rc;
    if (rc == 0)
        return lk_fail(err, LIKEN_E_ARG, "the file is empty.");
    *out = (columns){lk_csv_find(c, "file_a"), lk_csv_find(c, "file_b"), lk_csv_find(c, "same"),
                     lk_csv_find(c, "source"), lk_csv_find(c, "fold")};
    if (out->a < 0 || out->b < 0 || out->same < 0)
        return line_fault(c, "the header must name the columns file_a, file_b and same.", err);
    return LIKEN_OK;
}

static int read_fold(const lk_csv *c, const char *text, int *fold, liken_error *err) {
    const size_t n = strlen(text);
    *fold = LK_NO_FOLD;
    if (n == 0)
        return LIKEN_OK;
    if (n > 3 || strspn(text, "0123456789") != n)
        return line_fault(c, "fold must be empty or a number from 0 to 999.", err);
    *fold = (int)strtol(text, NULL, 10);
    return LIKEN_OK;
}

static int find_source(lk_pairs *p, const lk_csv *c, const char *name, uint16_t *out, liken_error *err) {
    size_t i = 0;
    while (i < p->source_count && strcmp(p->sources[i], name) != 0)
        i++;
    if (i == LK_PAIR_SOURCES)
        return line_fault(c, "there are more than 256 sources.", err);
    if (i == p->source_count)
        p->sources[p->source_count++] = name;
    *out = (uint16_t)i;
    return LIKEN_OK;
}

static int grow(lk_pairs *p, names *n, liken_error *err) {
    if (p->count * 2 < n->capacity)
        return LIKEN_OK;
    const size_t capacity = n->capacity == 0 ? 1024 : n->capacity * 2;
    const char **items = realloc(n->items, capacity * sizeof *items);
    if (items == NULL)
        return lk_fail_memory(err);
    n->items = items;
    lk_pair *pairs = realloc(p->pairs, capacity / 2 * sizeof *pairs);
    if (pairs == NULL)
        return lk_fail_memory(err);
    p->pairs = pairs;
    n->capacity = capacity;
    return LIKEN_OK;
}

static int read_row(lk_pairs *p, names *n, const lk_csv *c, const columns *k, size_t width, liken_error *err) {
    if (c->count != width)
        return lk_fail(err, LIKEN_E_ARG, "line %zu: there are %zu fields, but the header has %zu.", c->line, c->count,
                       width);
    if (p->count == LK_PAIRS_CEILING)
        return line_fault(c, "there are more than a million pairs.", err);
    int rc = grow(p, n, err);
    if (rc != LIKEN_OK)
        return rc;
    const char *a = c->fields[k->a], *b = c->fields[k->b], *same = c->fields[k->same];
    if (*a == '\0' || *b == '\0')
        return line_fault(c, "a file name is empty.", err);
    if (strcmp(same, "0") != 0 && strcmp(same, "1") != 0)
        return line_fault(c, "same must be 0 or 1.", err);
    lk_pair pair = {.same = *same == '1', .fold = LK_NO_FOLD};
    rc = find_source(p, c, k->source < 0 ? "all" : c->fields[k->source], &pair.source, err);
    if (rc == LIKEN_OK && k->fold >= 0)
        rc = read_fold(c, c->fields[k->fold], &pair.fold, err);
    if (rc != LIKEN_OK)
        return rc;
    p->pairs[p->count++] = pair;
    n->items[n->count++] = a;
    n->items[n->count++] = b;
    return LIKEN_OK;
}

static int by_text(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static uint32_t index_of(const lk_pairs *p, const char *name) {
    const char **at = bsearch(&name, p->files, p->file_count, sizeof *p->files, by_text);
    return (uint32_t)(at - p->files); /* every name is there */
}

static int number_files(lk_pairs *p, const names *n, liken_error *err) {
    p->files = malloc((n->count + 1) * sizeof *p->files);
    if (p->files == NULL)
        return lk_fail_memory(err);
    if (n->count > 0)
        memcpy(p->files, n->items, n->count * sizeof *p->files);
    qsort(p->files, n->count, sizeof *p->files, by_text);
    for (size_t i = 0; i < n->count; i++)
        if (p->file_count == 0 || strcmp(p->files[p->file_count - 1], p->files[i]) != 0)
            p->files[p->file_count++] = p->files[i];
    for (size_t i = 0; i < p->count; i++) {
        p->pairs[i].a = index_of(p, n->items[2 * i]);
        p->pairs[i].b = index_of(p, n->items[2 * i + 1]);
    }
    return LIKEN_OK;
}

static uint32_t root(uint32_t *people, uint32_t i) {
    while (people[i] != i)
        i = people[i] = people[people[i]];
    return i;
}

static void join(uint32_t *people, uint32_t a, uint32_t b) {
    a = root(people, a);
    b = root(people, b);
    people[a > b ? a : b] = a > b ? b : a;
}

static bool same_folder(const char *a, const char *b) {
    const char *sa = strrchr(a, '/'), *sb = strrchr(b, '/');
    const size_t na = sa == NULL ? 0 : (size_t)(sa - a), nb = sb == NULL ? 0 : (size_t)(sb - b);
    return na == nb && memcmp(a, b, na) == 0;
}

/* Files of one folder need not be neighbours in byte order: a folder below it may lie between. */
static int by_folder(const void *a, const void *b, void *ctx) {
    const char *const *files = ctx;
    const char *fa = files[*(const uint32_t *)a], *fb = files[*(const uint32_t *)b];
    const char *sa = strrchr(fa, '/'), *sb = strrchr(fb, '/');
    const size_t na = sa == NULL ? 0 : (size_t)(sa - fa), nb = sb == NULL ? 0 : (size_t)(sb - fb);
    const int order = memcmp(fa, fb, na < nb ? na : nb);
    return order != 0 ? order : (na > nb) - (na < nb);
}

/* Union-find over folders and same pairs. */
static int find_people(lk_pairs *p, liken_error *err) {
    const size_t n = p->file_count;
    LK_FREE uint32_t *order = malloc((n + 1) * sizeof *order);
    p->people = malloc((n + 1) * sizeof *p->people);
    if (order == NULL || p->people == NULL)
        return lk_fail_memory(err);
    for (size_t i = 0; i < n; i++)
        p->people[i] = order[i] = (uint32_t)i;
    qsort_r(order, n, sizeof *order, by_folder, p->files);
    for (size_t i = 1; i < n; i++)
        if (same_folder(p->files[order[i - 1]], p->files[order[i]]))
            join(p->people, order[i - 1], order[i]);
    for (size_t i = 0; i < p->count; i++)
        if (p->pairs[i].same)
            join(p->people, p->pairs[i].a, p->pairs[i].b);
    for (size_t i = 0; i < n; i++)
        p->people[i] = root(p->people, (uint32_t)i);
    return LIKEN_OK;
}

static int read_all(lk_pairs *p, names *n, size_t size, liken_error *err) {
    lk_csv c;
    columns k = {0};
    lk_csv_start(&c, p->text, size);
    int rc = read_header(&c, &k, err);
    if (rc != LIKEN_OK)
        return rc;
    const size_t width = c.count;
    while ((rc = lk_csv_next(&c, err)) == 1) {
        rc = read_row(p, n, &c, &k, width, err);
        if (rc != LIKEN_OK)
            return rc;
    }
    if (rc == LIKEN_OK && p->count == 0)
        rc = lk_fail(err, LIKEN_E_ARG, "the file holds no pair.");
    return rc;
}

int lk_pairs_read(lk_pairs **out, char *text, size_t size, liken_error *err) {
    lk_pairs *p = calloc(1, sizeof *p);
    names n = {0};
    if (p == NULL) {
        free(text);
        return lk_fail_memory(err);
    }
    p->text = text;
    int rc = size > LK_CSV_BYTES ? lk_fail(err, LIKEN_E_TOO_LARGE, "the file is larger than 64 MiB.")
                                 : read_all(p, &n, size, err);
    if (rc == LIKEN_OK)
        rc = number_files(p, &n, err);
    if (rc == LIKEN_OK)
        rc = find_people(p, err);
    free(n.items);
    if (rc != LIKEN_OK) {
        lk_pairs_free(p);
        return rc;
    }
    *out = p;
    return LIKEN_OK;
}

bool *lk_pairs_files_of(const lk_pairs *p, uint16_t source) {
    bool *in = calloc(p->file_count + 1, sizeof *in);
    for (size_t i = 0; in != NULL && i < p->count; i++)
        if (p->pairs[i].source == source)
            in[p->pairs[i].a] = in[p->pairs[i].b] = true;
    return in;
}

void lk_pairs_free(lk_pairs *p) {
    if (p == NULL)
        return;
    free(p->text);
    free(p->pairs);
    free(p->files);
    free(p->people);
    free(p);
}
