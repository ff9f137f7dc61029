/* Each line holds at most one connection of libcurl, to the host it was used for last. A new one
 * is taken for a host only when none that leads there is idle, so no more connections lead to a host, idle ones among
 * them, than may be under way to it. */
#include "fetch/fetch_int.h"

#include "base/call.h"
#include "base/clock.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct lk_lines {
    pthread_mutex_t lock; /* of all below, and of what the lines hold while they are idle */
    pthread_cond_t change;
    lk_line **items;
    size_t count;
    int per_host;
};

int lk_lines_open(lk_lines **out, int per_host, liken_error *err) {
    lk_lines *l = calloc(1, sizeof *l);
    if (l == NULL)
        return lk_fail_memory(err);
    l->per_host = per_host;
    pthread_mutex_init(&l->lock, NULL);
    lk_clock_condition(&l->change);
    *out = l;
    return LIKEN_OK;
}

static void free_line(lk_line *line) {
    if (line == NULL)
        return;
    (void)curl_multi_cleanup(line->multi);
    free(line->host);
    free(line);
}

void lk_lines_close(lk_lines *l) {
    if (l == NULL)
        return;
    for (size_t i = 0; i < l->count; i++)
        free_line(l->items[i]);
    free(l->items);
    pthread_cond_destroy(&l->change);
    pthread_mutex_destroy(&l->lock);
    free(l);
}

static bool leads_to(const lk_line *line, const char *host) {
    return line->host != NULL && strcmp(line->host, host) == 0;
}

/* Under the lock. An idle line, of this host if there is one; NULL: there is none at all. */
static lk_line *idle_line(const lk_lines *l, const char *host) {
    lk_line *any = NULL;
    for (size_t i = 0; i < l->count; i++) {
        if (l->items[i]->busy)
            continue;
        if (leads_to(l->items[i], host))
            return l->items[i];
        any = l->items[i];
    }
    return any;
}

static bool is_full(const lk_lines *l, const char *host) {
    int busy = 0;
    for (size_t i = 0; i < l->count; i++)
        busy += l->items[i]->busy && leads_to(l->items[i], host);
    return busy >= l->per_host;
}

/* Under the lock. NULL: out of memory. */
static lk_line *add_line(lk_lines *l) {
    lk_line **items = realloc(l->items, (l->count + 1) * sizeof(*items));
    if (items == NULL)
        return NULL;
    l->items = items;
    lk_line *line = calloc(1, sizeof *line);
    if (line != NULL && ((line->multi = curl_multi_init()) == NULL ||
                         curl_multi_setopt(line->multi, CURLMOPT_MAXCONNECTS, 1L) != CURLM_OK)) {
        free_line(line);
        line = NULL;
    }
    if (line != NULL)
        l->items[l->count++] = line;
    return line;
}

/* Under the lock. */
static lk_line *choose(lk_lines *l, const char *host) {
    lk_line *line = idle_line(l, host);
    if (line == NULL)
        line = add_line(l);
    if (line == NULL || leads_to(line, host))
        return line;
    char *own = strdup(host);
    if (own == NULL)
        return NULL;
    free(line->host);
    line->host = own;
    return line;
}

int lk_lines_take(lk_lines *l, const char *host, lk_line **out, liken_error *err) {
    int rc = LIKEN_OK;
    lk_line *line = NULL;
    pthread_mutex_lock(&l->lock);
    while (rc == LIKEN_OK && is_full(l, host))
        rc = lk_call_wait(&l->change, &l->lock, err);
    if (rc == LIKEN_OK && (line = choose(l, host)) == NULL)
        rc = lk_fail_memory(err);
    if (rc == LIKEN_OK) {
        line->busy = true;
        *out = line;
    }
    pthread_mutex_unlock(&l->lock);
    return rc;
}

void lk_lines_give(lk_lines *l, lk_line *line) {
    pthread_mutex_lock(&l->lock);
    line->busy = false;
    pthread_cond_broadcast(&l->change);
    pthread_mutex_unlock(&l->lock);
}
