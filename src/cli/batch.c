#include "cli/batch.h"

#include "wire/json.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/queue.h"
#include "cli/cli.h"
#include "cli/interrupt.h"
#include "cli/message.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define SECOND INT64_C(1000000000)

typedef struct slot {
    struct run *run;
    lk_outcome outcome;
    bool finished;
} slot;

typedef struct run {
    const lk_batch *batch;
    slot *slots; /* path i lives in slot i % window while it is in the window */
    size_t window;
    pthread_mutex_t lock; /* of every slot's `finished` */
    pthread_cond_t change;
    size_t faces;
} run;

/* ---- what tells that a file is as it was ---- */

static liken_mark mark_of(const char *path) {
    struct stat st;
    if (stat(path, &st) != 0 || !S_ISREG(st.st_mode))
        return (liken_mark){0};
    return (liken_mark){st.st_size, (int64_t)st.st_mtim.tv_sec * SECOND + st.st_mtim.tv_nsec, (uint64_t)st.st_ino};
}

static bool same_mark(const liken_mark *a, const liken_mark *b) {
    return a->size == b->size && a->mtime == b->mtime && a->inode == b->inode;
}

/* A file that is written to twice within one tick of its file system's clock can look the same both times. Clocks tick
 * in milliseconds, or where only whole seconds are kept, in one or two seconds. */
static bool is_settled(const liken_mark *mark) {
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    const int64_t tick = mark->mtime % SECOND == 0 ? 2 * SECOND : SECOND / 50;
    return (int64_t)now.tv_sec * SECOND + now.tv_nsec - mark->mtime > tick;
}

static int take_other(const lk_batch *b, lk_outcome *o, double *started) {
    LK_FREE char *bytes = NULL;
    size_t size = 0;
    const liken_mark none = {0};
    const int rc = b->fetch(b->ctx, o->path, &bytes, &size, &o->reason, &o->err);
    *started = lk_clock_monotonic();
    return rc == LIKEN_OK ? b->work(b->ctx, o->path, &none, bytes, size, &o->image, &o->err) : rc;
}

/* Reads the file unless it is known, and works on it. */
static int take_file(const lk_batch *b, lk_outcome *o, double *started) {
    LK_FREE char *bytes = NULL;
    size_t size = 0;
    liken_mark mark = mark_of(o->path->name);
    const bool settled = is_settled(&mark);
    int rc = LIKEN_E_NOT_FOUND;
    if (b->known != NULL && mark.size > 0)
        rc = b->known(b->ctx, o->path, &mark, &o->image, &o->err);
    o->unread = rc == LIKEN_OK;
    if (rc != LIKEN_E_NOT_FOUND)
        return rc;
    rc = lk_file_read(o->path->name, b->max_file, &bytes, &size, &o->err);
    const liken_mark after = mark_of(o->path->name);
    if (!settled || !same_mark(&mark, &after))
        mark = (liken_mark){0};
    *started = lk_clock_monotonic();
    return rc == LIKEN_OK ? b->work(b->ctx, o->path, &mark, bytes, size, &o->image, &o->err) : rc;
}

static void work_on(void *job, int worker) {
    (void)worker;
    slot *s = job;
    lk_outcome *o = &s->outcome;
    double started = lk_clock_monotonic();
    if (lk_interrupted()) /* it was waiting: it is left */
        o->rc = LIKEN_E_CANCELLED;
    else if (o->path->fault == LK_TOO_DEEP)
        o->rc = lk_fail(&o->err, LIKEN_E_TOO_LARGE,
                        "The folder was left out: it lies more than %d folders deep; name it by itself.",
                        LK_FOLDERS_CEILING);
    else if (o->path->fault != 0)
        o->rc = lk_fail_errno(&o->err, LIKEN_E_IO, o->path->fault, "The folder cannot be read");
    else
        o->rc = (o->path->source == LK_SOURCE_FILE ? take_file : take_other)(s->run->batch, o, &started);
    o->seconds = lk_clock_monotonic() - started;
    pthread_mutex_lock(&s->run->lock);
    s->finished = true;
    pthread_cond_signal(&s->run->change);
    pthread_mutex_unlock(&s->run->lock);
}

/* Waits until path `i` is finished, showing progress meanwhile. */
static slot *wait_for(run *r, size_t i) {
    slot *s = &r->slots[i % r->window];
    pthread_mutex_lock(&r->lock);
    while (!s->finished) {
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += 200000000;
        if (until.tv_nsec >= 1000000000)
            until.tv_sec++, until.tv_nsec -= 1000000000;
        (void)pthread_cond_timedwait(&r->change, &r->lock, &until);
        lk_progress_show(i, r->faces);
    }
    pthread_mutex_unlock(&r->lock);
    return s;
}

static int hand_out(run *r, size_t i, int rc, size_t *handed, liken_error *err) {
    slot *s = wait_for(r, i);
    if (rc == LIKEN_OK && s->outcome.rc != LIKEN_E_CANCELLED) {
        rc = r->batch->done(r->batch->ctx, &s->outcome, err);
        *handed += rc == LIKEN_OK;
    }
    if (s->outcome.image != NULL)
        r->faces += s->outcome.image->face_count;
    liken_image_free(s->outcome.image);
    *s = (slot){.run = r};
    lk_progress_show(i + 1, r->faces);
    return rc;
}

/* Keeps the window full until the paths end, an interrupt comes or `done` fails. What was pushed is always awaited. */
static int move_window(run *r, lk_workers *workers, size_t *handed, liken_error *err) {
    const lk_batch *b = r->batch;
    size_t pushed = 0, next = 0;
    int rc = LIKEN_OK;
    for (;;) {
        while (rc == LIKEN_OK && !lk_interrupted() && pushed < b->count && pushed - next < r->window) {
            slot *s = &r->slots[pushed % r->window];
            s->outcome = (lk_outcome){.path = &b->paths[pushed], .index = pushed};
            (void)lk_workers_push_wait(workers, s); /* false only after lk_workers_free */
            pushed++;
        }
        if (next == pushed)
            break;
        rc = hand_out(r, next++, rc, handed, err);
    }
    if (rc == LIKEN_OK && *handed < b->count)
        rc = lk_fail(err, LIKEN_E_CANCELLED, "Interrupted after %zu of %zu files.", *handed, b->count);
    return rc;
}

int lk_batch_run(const lk_batch *b, size_t *handed, liken_error *err) {
    run r = {.batch = b, .window = (size_t)b->threads * 8, .lock = PTHREAD_MUTEX_INITIALIZER};
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&r.change, &attributes);
    pthread_condattr_destroy(&attributes);
    r.slots = calloc(r.window, sizeof *r.slots);
    lk_workers *workers = NULL;
    int rc = r.slots == NULL ? lk_fail_memory(err) : LIKEN_OK;
    for (size_t i = 0; rc == LIKEN_OK && i < r.window; i++)
        r.slots[i].run = &r;
    if (rc == LIKEN_OK)
        rc = lk_workers_start(&workers, "photo", b->threads, r.window, work_on, err);
    *handed = 0;
    if (rc == LIKEN_OK) {
        lk_progress_start("files", b->count);
        rc = move_window(&r, workers, handed, err);
        lk_progress_end();
    }
    lk_workers_free(workers);
    free(r.slots);
    pthread_cond_destroy(&r.change);
    return rc;
}

void lk_outcome_say(const lk_outcome *o) {
    LK_FREE char *path = lk_printable(o->path->name);
    LK_FREE char *sentence = lk_printable(o->err.message);
    const char *said = sentence == NULL ? "" : sentence;
    if (path != NULL && strncmp(said, path, strlen(path)) == 0)
        lk_message("%s", said);
    else
        lk_message("%s: %s", path == NULL ? "?" : path, said);
}

json_t *lk_outcome_json(const lk_outcome *o, json_t *head) {
    if (head == NULL)
        return NULL;
    json_t *error = o->rc == LIKEN_OK ? NULL : lk_cli_error_json(&o->err);
    if (error != NULL && o->reason != NULL)
        (void)json_object_set_new(error, "reason", json_string(o->reason));
    json_t *rest = o->rc == LIKEN_OK ? lk_json_image(o->image) : json_pack("{s:o}", "error", error);
    const int failed = rest == NULL || json_object_update_missing(head, rest) != 0;
    json_decref(rest);
    if (failed)
        json_decref(head);
    return failed ? NULL : head;
}
