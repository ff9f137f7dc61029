/* repeat.c - Idempotency-Key: a client that did not see its answer sends the request again, with the same key, and gets
 * the first answer. Kept in memory, the last KEPT answers of at most BYTES together: after a restart, or later than
 * that, the content hash of the photo still makes the repetition harmless. A ring under one lock, oldest out first. */
#include "api/api_int.h"
#include "base/crypto.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEPT 1024
#define BYTES ((size_t)16 << 20)
#define KEY_MAX 255

struct kept {
    char name[LK_SHA256_HEX]; /* of collection and key */
    char print[LK_SHA256_HEX];
    int status;
    char *body;
    size_t size;
};

struct lk_repeats {
    pthread_mutex_t lock;
    struct kept ring[KEPT];
    size_t first, count, bytes;
};

int lk_repeats_make(lk_repeats **out, liken_error *err) {
    lk_repeats *t = calloc(1, sizeof *t);
    if (t == NULL)
        return lk_fail_memory(err);
    pthread_mutex_init(&t->lock, NULL);
    *out = t;
    return LIKEN_OK;
}

static void forget_oldest(lk_repeats *t) {
    struct kept *k = &t->ring[t->first];
    t->bytes -= k->size;
    free(k->body);
    *k = (struct kept){0};
    t->first = (t->first + 1) % KEPT;
    t->count--;
}

void lk_repeats_free(lk_repeats *t) {
    if (t == NULL)
        return;
    while (t->count > 0)
        forget_oldest(t);
    pthread_mutex_destroy(&t->lock);
    free(t);
}

/* False when the request carries no key. */
static bool name_of(const lk_request *r, const char *collection, char name[LK_SHA256_HEX]) {
    const char *key = lk_request_header(r, "Idempotency-Key");
    char text[KEY_MAX + 128];
    if (key == NULL || *key == '\0' || strlen(key) > KEY_MAX)
        return false;
    const int n = snprintf(text, sizeof text, "%.80s\n%s", collection, key);
    lk_sha256_hex(text, (size_t)n, name);
    return true;
}

static struct kept *find(lk_repeats *t, const char *name) {
    for (size_t i = 0; i < t->count; i++) {
        struct kept *k = &t->ring[(t->first + i) % KEPT];
        if (strcmp(k->name, name) == 0)
            return k;
    }
    return NULL;
}

bool lk_repeats_answer(lk_repeats *t, lk_request *r, const char *collection, const char *print) {
    char name[LK_SHA256_HEX];
    const char *key = lk_request_header(r, "Idempotency-Key");
    if (key != NULL && strlen(key) > KEY_MAX) {
        lk_answer_problem(r, 400, "bad_argument", "The Idempotency-Key is longer than the limit of 255 bytes.",
                          "Idempotency-Key", KEY_MAX);
        return true;
    }
    if (!name_of(r, collection, name))
        return false;
    pthread_mutex_lock(&t->lock);
    const struct kept *k = find(t, name);
    const bool seen = k != NULL, same = seen && strcmp(k->print, print) == 0;
    if (same)
        lk_respond(r, k->status, "application/json", k->body, k->size);
    pthread_mutex_unlock(&t->lock);
    if (seen && !same)
        lk_answer_problem(r, 409, "key_reused", "This Idempotency-Key came with another request before; use a new one.",
                          "Idempotency-Key", -1);
    return seen;
}

void lk_repeats_keep(lk_repeats *t, const lk_request *r, const char *collection, const char *print, int status,
                     const char *body) {
    struct kept k = {.status = status, .size = strlen(body)};
    if (!name_of(r, collection, k.name) || k.size > BYTES / 16 || (k.body = strdup(body)) == NULL)
        return; /* not kept: the content hash answers a repetition */
    memcpy(k.print, print, sizeof k.print);
    pthread_mutex_lock(&t->lock);
    const bool fresh = find(t, k.name) == NULL;
    while (fresh && t->count > 0 && (t->count == KEPT || t->bytes + k.size > BYTES))
        forget_oldest(t);
    if (fresh) {
        t->ring[(t->first + t->count) % KEPT] = k;
        t->count++;
        t->bytes += k.size;
    }
    pthread_mutex_unlock(&t->lock);
    if (!fresh)
        free(k.body);
}
