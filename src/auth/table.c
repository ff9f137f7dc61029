/* Keys in the store, by sql.h. Of a row nothing ever changes but when the key was used last, and no id is given twice,
 * so how many there are and the last id tell whether anything happened to what they open. */
#include "auth/auth_int.h"

#include "base/clock.h"
#include "base/log.h"
#include "store/sql.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- reading ---- */

static int take_mark(void *ctx, const lk_sql_value *row, int columns, liken_error *err) {
    (void)columns;
    (void)err;
    *(lk_key_mark *)ctx = (lk_key_mark){row[0].whole, row[1].whole};
    return LIKEN_OK;
}

static int read_mark(lk_sql *q, void *arg, liken_error *err) {
    return lk_sql_query(q, "SELECT count(*), coalesce(max(id), 0) FROM liken.keys", LK_SQL_NO_ARGS, take_mark, arg,
                        err);
}

int lk_key_table_mark(lk_store *s, lk_key_mark *mark, liken_error *err) {
    return lk_sql_read(s, read_mark, mark, err);
}

#define READ_MAX 100000 /* keys that are read at all */
#define MILLION 1e6     /* a table has whole numbers: of a distance so many parts */

struct keys {
    lk_key *list;
    size_t count, room;
    lk_key_mark mark;
};

static bool take_text(const lk_sql_value *v, char *to, size_t room) {
    if (v->null || v->size >= room)
        return v->null;
    memcpy(to, v->bytes, v->size + 1);
    return true;
}

static int grow(struct keys *k, liken_error *err) {
    const size_t room = k->room == 0 ? 64 : 2 * k->room;
    if (k->count >= READ_MAX)
        return lk_fail(err, LIKEN_E_TOO_LARGE, "The store holds more than %d keys.", READ_MAX);
    lk_key *list = realloc(k->list, room * sizeof *list);
    if (list == NULL)
        return lk_fail_memory(err);
    k->list = list;
    k->room = room;
    return LIKEN_OK;
}

static int take_key(void *ctx, const lk_sql_value *row, int columns, liken_error *err) {
    struct keys *k = ctx;
    (void)columns;
    const int rc = k->count == k->room ? grow(k, err) : LIKEN_OK;
    if (rc != LIKEN_OK)
        return rc;
    lk_key *key = &k->list[k->count];
    *key = (lk_key){.scopes = (unsigned)row[2].whole,
                    .limits = {.expires_at = row[4].whole,
                               .rate = {(int)row[5].whole, (int)row[6].whole},
                               .max_limit = (int)row[7].whole,
                               .max_threshold = (double)row[8].whole / MILLION},
                    .used_at = row[9].whole};
    if (!take_text(&row[0], key->name, sizeof key->name) || !take_text(&row[1], key->sha256, sizeof key->sha256) ||
        !take_text(&row[3], key->collection, sizeof key->collection) || lk_limits_check(&key->limits, NULL) != LIKEN_OK)
        return lk_fail(err, LIKEN_E_STORE,
                       "The store holds a key that cannot be right (\"%.64s\"); no key is accepted.",
                       row[0].null ? "" : row[0].bytes);
    k->count++;
    return LIKEN_OK;
}

static int read_keys(lk_sql *q, void *arg, liken_error *err) {
    struct keys *k = arg;
    k->count = 0;
    const int rc = read_mark(q, &k->mark, err); /* before: a change in between is seen at the next look */
    return rc != LIKEN_OK ? rc
                          : lk_sql_query(q,
                                         "SELECT name, sha256, scopes, collection, expires_at, rate, rate_seconds,"
                                         " max_limit, max_threshold, used_at FROM liken.keys ORDER BY id",
                                         LK_SQL_NO_ARGS, take_key, k, err);
}

int lk_key_table_list(lk_store *s, lk_key **out, size_t *count, lk_key_mark *mark, liken_error *err) {
    struct keys k = {0};
    const int rc = lk_sql_read(s, read_keys, &k, err);
    if (rc != LIKEN_OK) {
        free(k.list);
        return rc;
    }
    *out = k.list;
    *count = k.count;
    *mark = k.mark;
    return LIKEN_OK;
}

/* ---- changing ---- */

static int check_room(lk_sql *q, liken_error *err) {
    int64_t count = 0;
    const int rc = lk_sql_number(q, "SELECT count(*) FROM liken.keys", LK_SQL_NO_ARGS, 0, &count, err);
    if (rc == LIKEN_OK && count >= LK_KEYS_MAX)
        return lk_fail(err, LIKEN_E_TOO_LARGE, "The store holds the limit of %d keys; remove one first.", LK_KEYS_MAX);
    return rc;
}

/* However small: a limit must not become 0, which is none. */
static int64_t millionths(double distance) {
    return distance > 0 ? llround(fmax(1, distance * MILLION)) : 0;
}

/* *made: 0 where a key has that name or hash. */
static int insert(lk_sql *q, const lk_key *key, const char *name, int64_t *made, liken_error *err) {
    int rc = check_room(q, err);
    const lk_key_limits *l = &key->limits;
    if (rc == LIKEN_OK)
        rc = lk_sql_run(q,
                        "INSERT INTO liken.keys (name, sha256, scopes, collection, created_at, expires_at, rate,"
                        " rate_seconds, max_limit, max_threshold)"
                        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING",
                        LK_SQL_ARGS(lk_sql_text(name), lk_sql_text(key->sha256), lk_sql_int((int64_t)key->scopes),
                                    lk_sql_text(key->collection[0] == '\0' ? NULL : key->collection),
                                    lk_sql_int(lk_clock_now()), lk_sql_int(l->expires_at), lk_sql_int(l->rate.count),
                                    lk_sql_int(l->rate.seconds), lk_sql_int(l->max_limit),
                                    lk_sql_int(millionths(l->max_threshold))),
                        made, err);
    return rc;
}

static int add(lk_sql *q, void *arg, liken_error *err) {
    const lk_key *key = arg;
    int64_t made = 0;
    const int rc = insert(q, key, key->name, &made, err);
    return rc == LIKEN_OK && made == 0 ? lk_key_taken(key->name, err) : rc;
}

int lk_key_table_add(lk_store *s, const lk_key *key, liken_error *err) {
    lk_key copy = *key;
    return lk_sql_write(s, add, &copy, err);
}

struct name {
    const char *name;
    int64_t gone;
};

static int drop(lk_sql *q, void *arg, liken_error *err) {
    struct name *n = arg;
    return lk_sql_run(q, "DELETE FROM liken.keys WHERE name = $1", LK_SQL_ARGS(lk_sql_text(n->name)), &n->gone, err);
}

int lk_key_table_remove(lk_store *s, const char *name, liken_error *err) {
    struct name n = {.name = name};
    const int rc = lk_sql_remove(s, drop, &n, err);
    return rc == LIKEN_OK && n.gone == 0 ? lk_key_unknown(name, err) : rc;
}

struct uses {
    const lk_key_use *list;
    size_t count;
};

static int note_uses(lk_sql *q, void *arg, liken_error *err) {
    const struct uses *u = arg;
    int rc = LIKEN_OK;
    for (size_t i = 0; rc == LIKEN_OK && i < u->count; i++)
        rc = lk_sql_run(q, "UPDATE liken.keys SET used_at = $2 WHERE sha256 = $1 AND used_at < $2",
                        LK_SQL_ARGS(lk_sql_text(u->list[i].sha256), lk_sql_int(u->list[i].used_at)), NULL, err);
    return rc;
}

int lk_key_table_used(lk_store *s, const lk_key_use *uses, size_t count, liken_error *err) {
    struct uses u = {uses, count};
    return lk_sql_write(s, note_uses, &u, err);
}

/* ---- taking a file over ---- */

struct taken {
    const char *hash;
    const lk_key *keys;
    size_t count;
    int added;
};

static int is_there(lk_sql *q, const lk_key *key, int64_t *there, liken_error *err) {
    return lk_sql_number(q, "SELECT count(*) FROM liken.keys WHERE sha256 = $1", LK_SQL_ARGS(lk_sql_text(key->sha256)),
                         0, there, err);
}

/* Under its name, or the first of NAME-2, NAME-3 ... that is free. */
static int take_one(lk_sql *q, const lk_key *key, int *added, liken_error *err) {
    char name[sizeof key->name];
    int64_t made = 0, there = 0;
    int rc = is_there(q, key, &there, err);
    (void)snprintf(name, sizeof name, "%s", key->name);
    for (int n = 2; rc == LIKEN_OK && there == 0 && made == 0; n++) {
        rc = insert(q, key, name, &made, err);
        if (rc == LIKEN_OK && made == 0)
            (void)snprintf(name, sizeof name, "%.50s-%d", key->name, n);
        else if (rc == LIKEN_OK && strcmp(name, key->name) != 0)
            lk_log(LIKEN_LOG_WARN, "Another key of the store is called %s; that of the file is now %s.", key->name,
                   name);
    }
    *added += made != 0;
    return rc;
}

static int take(lk_sql *q, void *arg, liken_error *err) {
    struct taken *t = arg;
    int64_t fresh = 0;
    t->added = 0;
    int rc = lk_sql_run(q, "INSERT INTO liken.key_files (sha256, taken_at) VALUES ($1, $2) ON CONFLICT DO NOTHING",
                        LK_SQL_ARGS(lk_sql_text(t->hash), lk_sql_int(lk_clock_now())), &fresh, err);
    for (size_t i = 0; rc == LIKEN_OK && fresh != 0 && i < t->count; i++)
        rc = take_one(q, &t->keys[i], &t->added, err);
    return rc;
}

int lk_key_table_take(lk_store *s, const char *hash, const lk_key *keys, size_t count, int *added, liken_error *err) {
    struct taken t = {hash, keys, count, 0};
    const int rc = lk_sql_write(s, take, &t, err);
    if (rc == LIKEN_OK)
        *added = t.added;
    return rc;
}

struct had {
    const char *hash;
    int64_t count;
};

static int count_taken(lk_sql *q, void *arg, liken_error *err) {
    struct had *h = arg;
    return lk_sql_number(q, "SELECT count(*) FROM liken.key_files WHERE sha256 = $1", LK_SQL_ARGS(lk_sql_text(h->hash)),
                         0, &h->count, err);
}

int lk_key_table_has_taken(lk_store *s, const char *hash, bool *taken, liken_error *err) {
    struct had h = {hash, 0};
    const int rc = lk_sql_read(s, count_taken, &h, err);
    *taken = h.count > 0;
    return rc;
}
