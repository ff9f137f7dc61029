/* Group commit. One thread owns the writing connection. It takes everything that waits, runs it inside one transaction
 * and commits once, so that many uploads share one fsync; while the disk works, the next group gathers by itself.
 *
 * Each job has a savepoint of its own: one that fails (a conflict, a foreign model) is undone alone. Nobody is told
 * of success before COMMIT has returned, and when COMMIT fails everybody in the group is told so. Another process may
 * hold the database's write lock meanwhile; BEGIN IMMEDIATE waits for it, for a time. When that was in vain, those who
 * came meanwhile are told so too, so that nobody waits twice. */
#include "store/sqlite/sqlite_int.h"

#include "base/lock.h"
#include "store/events.h"

#include <assert.h>
#include <stdatomic.h>
#include <string.h>

/* Runs one job; leaves the transaction as it was when the job fails. An error of its own means that it could not, and
 * the transaction may hold half a job: then nobody's may be committed. */
static int run_job(lk_sqlite_conn *c, lk_sqlite_job *job, liken_error *err) {
    int rc = lk_sqlite_exec(c, "SAVEPOINT job", err);
    if (rc != LIKEN_OK)
        return rc;
    c->actor = job->actor;
    c->request = job->request;
    job->status = job->fn(c, job->arg, &job->error);
    c->actor = c->request = NULL;
    lk_sqlite_reset(c);
    if (sqlite3_get_autocommit(c->db) != 0) /* the fault was bad enough for SQLite to end the transaction */
        return lk_fail(err, job->status == LIKEN_E_FULL ? LIKEN_E_FULL : LIKEN_E_STORE,
                       "The store %s ended a transaction by itself: %s", c->path,
                       job->status == LIKEN_OK ? "it gave no reason." : job->error.message);
    if (job->status != LIKEN_OK)
        rc = lk_sqlite_exec(c, "ROLLBACK TO job", err);
    return rc == LIKEN_OK ? lk_sqlite_exec(c, "RELEASE job", err) : rc;
}

static void fail_group(lk_sqlite_job *group, int status, const liken_error *why) {
    for (lk_sqlite_job *job = group; job != NULL; job = job->next) {
        if (!job->due || job->status != LIKEN_OK)
            continue;
        job->status = status;
        job->error = *why;
    }
}

/* Refuses to write when another process has migrated the file beyond what this liken knows. */
static int begin(lk_sqlite_conn *c, liken_error *err) {
    int version = 0;
    int rc = lk_sqlite_exec(c, "BEGIN IMMEDIATE", err);
    if (rc != LIKEN_OK)
        return rc;
    rc = lk_sqlite_examine(c, &version, err);
    if (rc != LIKEN_OK)
        (void)lk_sqlite_exec(c, "ROLLBACK", NULL);
    return rc;
}

/* One transaction of those of the group that are due. *busy: another process kept the lock all the time, and
 * this says so. */
static void run_group(lk_sqlite_conn *c, lk_sqlite_job *group, liken_error *busy) {
    liken_error err = {0};
    int rc = begin(c, &err);
    if (rc != LIKEN_OK) {
        fail_group(group, rc, &err);
        if (rc == LIKEN_E_BUSY)
            *busy = err;
        return;
    }
    for (lk_sqlite_job *job = group; rc == LIKEN_OK && job != NULL; job = job->next)
        if (job->due)
            rc = run_job(c, job, &err);
    if (rc == LIKEN_OK)
        rc = lk_sqlite_exec(c, "COMMIT", &err);
    if (rc != LIKEN_OK) {
        if (sqlite3_get_autocommit(c->db) == 0)
            (void)lk_sqlite_exec(c, "ROLLBACK", NULL);
        fail_group(group, rc, &err);
    }
}

/* What adds is refused while the disk is about to be full, so that the last of it is left to what removes. */
static void refuse_growth(lk_sqlite_store *s, lk_sqlite_job *group) {
    if (lk_sqlite_free(s) >= LK_SQLITE_ROOM)
        return;
    for (lk_sqlite_job *job = group; job != NULL; job = job->next) {
        job->due = job->removes;
        if (!job->due)
            job->status = lk_fail(&job->error, LIKEN_E_FULL,
                                  "The disk that holds the store %s is full; nothing was written. Free some space and "
                                  "try again; removing photos works.",
                                  s->path);
    }
}

static bool any_removal(const lk_sqlite_job *group, int status) {
    for (; group != NULL; group = group->next)
        if (group->removes && group->status == status)
            return true;
    return false;
}

/* What wanted to remove something and found no room is to be done once more, and nothing else. */
static void renew_removals(lk_sqlite_job *group) {
    for (lk_sqlite_job *job = group; job != NULL; job = job->next) {
        job->due = job->removes && job->status == LIKEN_E_FULL;
        if (job->due)
            job->status = LIKEN_OK;
    }
}

/* A removal that finds the disk full gets the reserve, and with it goes through. */
/* Once more, on a full disk, with the room that was held in reserve. What goes is otherwise written over in the log,
 * which takes as much room as it had; now room comes first. And the log stays where it is until the database has become
 * small (reserve.c): going into it, it would take all the room there is. */
static void remove_in_need(lk_sqlite_store *s, lk_sqlite_job *group, liken_error *busy) {
    renew_removals(group);
    (void)lk_sqlite_exec(&s->writer, "PRAGMA secure_delete = OFF; PRAGMA wal_autocheckpoint = 0", NULL);
    run_group(&s->writer, group, busy);
    if (any_removal(group, LIKEN_OK))
        lk_sqlite_give_back(s);
    (void)lk_sqlite_exec(&s->writer, "PRAGMA secure_delete = ON; PRAGMA wal_autocheckpoint = 1000", NULL);
}

static void write_group(lk_sqlite_store *s, lk_sqlite_job *group, liken_error *busy) {
    refuse_growth(s, group);
    run_group(&s->writer, group, busy);
    const uint64_t given = any_removal(group, LIKEN_E_FULL) ? lk_sqlite_reserve_give(s, UINT64_MAX) : 0;
    if (given > 0) {
        remove_in_need(s, group, busy);
        lk_sqlite_reserve_make(s, given);
    } else if (any_removal(group, LIKEN_OK)) {
        lk_sqlite_give_back(s);
    }
}

/* Whether one was refused for want of room, alone or with all, or one was written. */
static void note_room(lk_sqlite_store *s, const lk_sqlite_job *group) {
    bool full = false, written = false;
    for (; group != NULL; group = group->next) {
        full = full || group->status == LIKEN_E_FULL;
        written = written || group->status == LIKEN_OK;
    }
    if (full || written)
        atomic_store(&s->full, full);
}

/* Takes up to a batch of waiting jobs; NULL when closing and nothing waits. Called with the lock held. */
static lk_sqlite_job *take_group(lk_sqlite_store *s) {
    LK_HELD(&s->queue_lock);
    while (s->first == NULL && !s->closing)
        pthread_cond_wait(&s->has_job, &s->queue_lock);
    lk_sqlite_job *group = s->first, *end = group;
    if (group == NULL)
        return NULL;
    for (int n = 1; n < LK_SQLITE_BATCH && end->next != NULL; n++)
        end = end->next;
    s->first = end->next;
    if (s->first == NULL)
        s->last = NULL;
    end->next = NULL;
    return group;
}

/* Called with the lock held. */
static void tell_done(lk_sqlite_job *group) {
    for (lk_sqlite_job *job = group, *next; job != NULL; job = next) {
        next = job->next; /* the job is its submitter's stack: gone once done is seen */
        job->done = true;
    }
}

static void fail_waiting(lk_sqlite_store *s, const liken_error *why) {
    LK_HELD(&s->queue_lock);
    fail_group(s->first, why->code, why);
    tell_done(s->first);
    s->first = s->last = NULL;
}

static void *write_loop(void *arg) {
    lk_sqlite_store *s = arg;
    pthread_mutex_lock(&s->queue_lock);
    for (lk_sqlite_job *group = take_group(s); group != NULL; group = take_group(s)) {
        liken_error busy = {0};
        s->writer.inside = s->base.inside;
        pthread_mutex_unlock(&s->queue_lock);
        write_group(s, group, &busy);
        note_room(s, group);
        pthread_mutex_lock(&s->queue_lock);
        tell_done(group);
        if (busy.code != LIKEN_OK)
            fail_waiting(s, &busy);
        pthread_cond_broadcast(&s->has_done);
    }
    pthread_mutex_unlock(&s->queue_lock);
    return NULL;
}

int lk_sqlite_writer_start(lk_sqlite_store *s, liken_error *err) {
    const int rc = pthread_create(&s->thread, NULL, write_loop, s);
    if (rc != 0)
        return lk_fail_errno(err, LIKEN_E_MEMORY, rc, "The store's writer thread could not be started");
    (void)pthread_setname_np(s->thread, "liken-store");
    s->started = true;
    return LIKEN_OK;
}

void lk_sqlite_writer_stop(lk_sqlite_store *s) {
    if (!s->started)
        return;
    pthread_mutex_lock(&s->queue_lock);
    s->closing = true;
    pthread_cond_signal(&s->has_job);
    pthread_mutex_unlock(&s->queue_lock);
    pthread_join(s->thread, NULL);
    s->started = false;
}

static int refuse(const lk_sqlite_store *s, liken_error *err) {
    if (s->refusal.code == LIKEN_OK)
        return lk_fail(err, LIKEN_E_READ_ONLY, "The store %s was opened read-only; open it for writing to change it.",
                       s->path);
    if (err != NULL)
        *err = s->refusal;
    return s->refusal.code;
}

static int submit(lk_sqlite_store *s, lk_sqlite_job *job, liken_error *err) {
    if (s->read_only)
        return refuse(s, err);
    job->actor = lk_event_actor();
    job->request = lk_event_request();
    assert(!pthread_equal(pthread_self(), s->thread)); /* it would wait for itself */
    pthread_mutex_lock(&s->queue_lock);
    if (s->last == NULL)
        s->first = job;
    else
        s->last->next = job;
    s->last = job;
    pthread_cond_signal(&s->has_job);
    while (!job->done)
        pthread_cond_wait(&s->has_done, &s->queue_lock);
    pthread_mutex_unlock(&s->queue_lock);
    if (job->status != LIKEN_OK && err != NULL)
        *err = job->error;
    return job->status;
}

int lk_sqlite_write(lk_sqlite_store *s, lk_sqlite_fn *fn, void *arg, liken_error *err) {
    lk_sqlite_job job = {.fn = fn, .arg = arg, .due = true};
    return submit(s, &job, err);
}

int lk_sqlite_remove(lk_sqlite_store *s, lk_sqlite_fn *fn, void *arg, liken_error *err) {
    lk_sqlite_job job = {.fn = fn, .arg = arg, .due = true, .removes = true};
    return submit(s, &job, err);
}

/* ---- is there room? ---- */

/* What a photo with some faces takes. */
static int put_filler(lk_sqlite_conn *c, void *arg, liken_error *err) {
    (void)arg;
    return lk_sqlite_exec(c, "INSERT OR REPLACE INTO meta (key, value) VALUES ('filler', hex(zeroblob(32768)))", err);
}

static int drop_filler(lk_sqlite_conn *c, void *arg, liken_error *err) {
    (void)arg;
    return lk_sqlite_exec(c, "DELETE FROM meta WHERE key = 'filler'", err);
}

/* A disk with little left is full; and once a write has failed, only one that succeeds says that there is room again.
 */
int lk_sqlite_room(lk_store *base, liken_error *err) {
    lk_sqlite_store *s = (lk_sqlite_store *)base;
    if (s->read_only && s->refusal.code == LIKEN_E_FULL)
        return refuse(s, err);
    if (s->read_only)
        return LIKEN_OK;
    if (lk_sqlite_free(s) < LK_SQLITE_ROOM)
        return lk_fail(err, LIKEN_E_FULL, "The disk that holds the store %s is full; free some space.", s->path);
    if (!atomic_load(&s->full))
        return LIKEN_OK;
    const int rc = lk_sqlite_write(s, put_filler, NULL, err);
    return rc == LIKEN_OK ? lk_sqlite_write(s, drop_filler, NULL, err) : rc;
}
