/* repeat.c - Idempotency-Key: a client that did not see its answer sends the request again, with the same key, and gets
 * the first answer, headers and all.
 *
 * An answer is remembered for the caller (its API key), the collection and the Idempotency-Key together, and holds as
 * long as the image that it tells of is in that collection: once that was removed, or its collection was, the request
 * is a new one. Ids are never given twice, so an image of that id in a collection of that name is that image. A
 * repetition that comes while the first one is being worked on waits for it.
 *
 * Kept in memory, the last KEPT answers of at most BYTES together: after a restart, or later than that, the content
 * hash of the photo still makes the repetition harmless. A ring under one lock, oldest out first; what is being worked
 * on is a list of the workers' own notes. */
#include "api/api_int.h"
#include "base/crypto.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEPT 1024
#define BYTES ((size_t)16 << 20)
#define KEY_MAX 255

struct kept {
    char name[LK_SHA256_HEX]; /* of caller, collection and key; "" once it does not hold any more */
    char print[LK_SHA256_HEX], photo[LK_SHA256_HEX]; /* what was asked for: beside the photo, and the photo */
    int64_t image;
    int status;
    char *body;
    size_t size;
};

struct lk_repeats {
    pthread_mutex_t lock;
    pthread_cond_t ended; /* a repeat of `working` did */
    lk_repeat *working;
    struct kept ring[KEPT];
    size_t first, count, bytes;
};

int lk_repeats_make(lk_repeats **out, liken_error *err) {
    lk_repeats *t = calloc(1, sizeof *t);
    if (t == NULL)
        return lk_fail_memory(err);
    pthread_mutex_init(&t->lock, NULL);
    pthread_cond_init(&t->ended, NULL);
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
    pthread_cond_destroy(&t->ended);
    pthread_mutex_destroy(&t->lock);
    free(t);
}

/* ---- names ---- */

/* The name that the request's key has here. False when it carries none, or one that cannot be; *fit says which. */
static bool name_it(const lk_ask *q, char name[LK_SHA256_HEX], bool *fit) {
    const char *key = lk_request_header(q->request, "Idempotency-Key");
    const size_t length = key == NULL ? 0 : strnlen(key, KEY_MAX + 1);
    const char *caller = q->key == NULL ? "" : q->key->sha256; /* an open server has none: there all callers are one */
    char text[KEY_MAX + sizeof q->key->sha256 + 128];
    *fit = key == NULL || (length > 0 && length <= KEY_MAX);
    if (key == NULL || !*fit)
        return false;
    const int n = snprintf(text, sizeof text, "%s\n%.80s\n%s", caller, q->collection, key);
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

/* ---- one at a time ---- */

static const lk_repeat *worked_on(const lk_repeats *t, const char *name) {
    const lk_repeat *w = t->working;
    while (w != NULL && strcmp(w->name, name) != 0)
        w = w->next;
    return w;
}

/* By the bytes: most photos come once, and need no hash for this. */
static bool is_same(const lk_repeat *a, const lk_repeat *b) {
    return strcmp(a->print, b->print) == 0 && a->photo_size == b->photo_size &&
           memcmp(a->photo, b->photo, a->photo_size) == 0;
}

/* Waits until nobody else works on the name. False: what is worked on is another request. */
static bool enter(lk_repeats *t, lk_repeat *it) {
    const lk_repeat *other;
    pthread_mutex_lock(&t->lock);
    while ((other = worked_on(t, it->name)) != NULL && is_same(other, it))
        pthread_cond_wait(&t->ended, &t->lock);
    if (other == NULL) {
        it->next = t->working;
        t->working = it;
    }
    pthread_mutex_unlock(&t->lock);
    return other == NULL;
}

static void leave(lk_repeats *t, lk_repeat *it) {
    lk_repeat **link = &t->working;
    while (*link != it) {
        assert(*link != NULL); /* what is ended was begun */
        link = &(*link)->next;
    }
    *link = it->next;
    pthread_cond_broadcast(&t->ended);
}

/* ---- answering ---- */

static bool refuse(lk_request *r, int status, const char *code, const char *sentence, double limit) {
    lk_answer_problem(r, status, code, sentence, "Idempotency-Key", limit);
    return false;
}

static bool refuse_reuse(lk_request *r) {
    return refuse(r, 409, "key_reused", "This Idempotency-Key came with another request before; use a new one.", -1);
}

/* A copy of what is kept under the name: false when there is nothing. */
static bool recall(lk_repeats *t, const char *name, struct kept *out) {
    pthread_mutex_lock(&t->lock);
    const struct kept *k = find(t, name);
    if (k != NULL) {
        *out = *k;
        out->body = strdup(k->body);
    }
    pthread_mutex_unlock(&t->lock);
    return k != NULL && out->body != NULL; /* without memory it is forgotten: the content hash answers */
}

static void forget(lk_repeats *t, const char *name) {
    pthread_mutex_lock(&t->lock);
    struct kept *k = find(t, name);
    if (k != NULL)
        k->name[0] = '\0';
    pthread_mutex_unlock(&t->lock);
}

static bool asks_for(const lk_repeat *it, const struct kept *k) {
    char photo[LK_SHA256_HEX];
    if (strcmp(k->print, it->print) != 0)
        return false;
    lk_sha256_hex(it->photo, it->photo_size, photo);
    return strcmp(k->photo, photo) == 0;
}

/* True when the request was answered with what is kept, or cannot be. */
static bool replay(const lk_ask *q, const lk_repeat *it) {
    lk_request *r = q->request;
    lk_repeats *t = q->api->repeats;
    struct kept k;
    liken_error err = {0};
    liken_image *image = NULL;
    if (!recall(t, it->name, &k))
        return false;
    const int rc = liken_image_get(q->api->lk, &q->call, q->collection, k.image, &image, &err);
    if (rc == LIKEN_E_NOT_FOUND) {
        forget(t, it->name);
    } else if (rc != LIKEN_OK) {
        lk_answer_error(r, &err);
    } else if (!asks_for(it, &k)) {
        refuse_reuse(r);
    } else {
        lk_images_place(r, image);
        lk_respond(r, k.status, "application/json", k.body, k.size);
    }
    liken_image_free(image);
    free(k.body);
    return rc != LIKEN_E_NOT_FOUND;
}

bool lk_repeats_begin(lk_ask *q, lk_repeat *it) {
    lk_request *r = q->request;
    lk_repeats *t = q->api->repeats;
    bool fit;
    if (!name_it(q, it->name, &fit))
        return fit || refuse(r, 400, "bad_argument", "The Idempotency-Key must have 1 to 255 bytes.", KEY_MAX);
    if (!enter(t, it)) {
        it->name[0] = '\0';
        return refuse_reuse(r);
    }
    if (!replay(q, it))
        return true;
    lk_repeats_end(t, it, NULL, 0, NULL);
    return false;
}

/* ---- remembering ---- */

static void keep(lk_repeats *t, const struct kept *k) {
    while (t->count > 0 && (t->count == KEPT || t->bytes + k->size > BYTES))
        forget_oldest(t);
    t->ring[(t->first + t->count) % KEPT] = *k;
    t->count++;
    t->bytes += k->size;
}

void lk_repeats_end(lk_repeats *t, lk_repeat *it, const liken_image *image, int status, const char *body) {
    struct kept k = {.status = status, .size = body == NULL ? 0 : strlen(body)};
    if (it->name[0] == '\0')
        return;
    memcpy(k.name, it->name, sizeof k.name);
    memcpy(k.print, it->print, sizeof k.print);
    if (image != NULL) {
        k.image = image->id;
        memcpy(k.photo, image->sha256, sizeof k.photo);
    }
    k.body = body == NULL || k.size > BYTES / 16 ? NULL : strdup(body);
    pthread_mutex_lock(&t->lock);
    if (k.body != NULL) /* else not kept: the content hash answers a repetition */
        keep(t, &k);
    leave(t, it);
    pthread_mutex_unlock(&t->lock);
}
