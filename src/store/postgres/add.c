/* Adding photos. Whoever comes while nobody is committing becomes the one who commits: it takes everything that waits,
 * writes it in one transaction (one statement a table) and tells the others; while the database works, the next group
 * gathers by itself. A photo that cannot be stored (an unknown collection, a foreign model) is left out of the group;
 * when the database itself refuses the group, each is tried alone, so that one cannot take the others down. */
#include "store/postgres/names.h"
#include "base/lock.h"
#include "store/postgres/rows.h"

#include "base/call.h"
#include "store/codec.h"
#include "store/events.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define GROUP_IMAGES 512
#define GROUP_FACES 4096
#define GROUP_BYTES ((size_t)16 << 20) /* of pictures */

static lk_postgres *of(lk_store *s) {
    return (lk_postgres *)s;
}

struct lk_postgres_job {
    int64_t collection;
    liken_image *image;
    bool face_required;
    const char *actor, *request; /* who adds it, or NULL */
    double deadline;             /* its call's */
    unsigned char sha256[32];
    liken_keep keep; /* what its collection keeps of it */

    int64_t id, *faces; /* what it will be called; true once it is committed */
    int64_t same;       /* the image with the same bytes, which is there already */
    int64_t replaced;   /* the image that lost a label to this one */
    int status;
    liken_error error;
    bool fresh, done;
    size_t row; /* of its first face among those that go to shards */
    lk_postgres_job *next;
};

/* ---- which of a group are new ---- */

static int judge(lk_postgres_job *job, const lk_pg_result *r, int row, liken_error *err) {
    if (!lk_pg_is_null(r, row, 3)) {
        job->same = lk_pg_get_int(r, row, 3);
        return LIKEN_OK;
    }
    if (lk_pg_is_null(r, row, 0))
        return lk_fail(err, LIKEN_E_NOT_FOUND, "The collection was removed meanwhile; nothing was stored.");
    const char *name = lk_pg_get_bytes(r, row, 0, NULL), *model = lk_pg_get_bytes(r, row, 1, NULL);
    const char *ours = job->image->model == NULL ? "" : job->image->model;
    bool same = strcmp(model, ours) == 0;
    for (size_t i = 0; i < job->image->face_count; i++)
        same = same && job->image->faces[i].dimension == lk_pg_get_int(r, row, 2);
    if (!same)
        return lk_fail(
            err, LIKEN_E_MISMATCH,
            "Collection \"%s\" holds descriptors of model %s, and these are of %s; they cannot be compared. Add "
            "to a collection of that model.",
            name, model, ours);
    job->keep = (liken_keep)lk_pg_get_int(r, row, 4);
    job->fresh = true;
    return LIKEN_OK;
}

static int ask(lk_pg_conn *c, lk_postgres_job *group, lk_pg_result **out, liken_error *err) {
    lk_pg_column collections, hashes;
    lk_pg_column_init(&collections, LK_PG_INT8);
    lk_pg_column_init(&hashes, LK_PG_BYTEA);
    int rc = LIKEN_OK;
    for (lk_postgres_job *job = group; rc == LIKEN_OK && job != NULL; job = job->next) {
        rc = lk_pg_column_add(&collections, lk_pg_int8(job->collection), err);
        if (rc == LIKEN_OK)
            rc = lk_pg_column_add(&hashes, lk_pg_bytes(job->sha256, sizeof job->sha256), err);
    }
    if (rc == LIKEN_OK)
        rc = lk_pg_exec(
            c,
            "SELECT c.name, m.name, m.dimension, i.id, c.keep FROM unnest($1::bigint[], $2::bytea[]) WITH ORDINALITY"
            " g (collection, sha256, n) LEFT JOIN liken.collections c ON c.id = g.collection AND " LK_POSTGRES_LIVE
            " LEFT JOIN liken.models m ON m.id = c.model"
            " LEFT JOIN liken.images i ON i.collection = c.id AND i.sha256 = g.sha256 ORDER BY g.n",
            LK_PG_ARGS(lk_pg_array(&collections), lk_pg_array(&hashes)), out, err);
    lk_pg_column_free(&collections);
    lk_pg_column_free(&hashes);
    return rc;
}

/* An earlier one of the group with the same bytes. */
static const lk_postgres_job *twin(const lk_postgres_job *group, const lk_postgres_job *job) {
    for (const lk_postgres_job *other = group; other != job; other = other->next) {
        if (other->fresh && other->collection == job->collection &&
            memcmp(other->sha256, job->sha256, sizeof job->sha256) == 0)
            return other;
    }
    return NULL;
}

static lk_change change(const lk_postgres_job *job, bool written) {
    return (lk_change){.kind = LIKEN_IMAGE_ADDED,
                       .collection = job->collection,
                       .image = written ? job->id : 0,
                       .photo = job->image,
                       .faces = written ? job->faces : NULL,
                       .actor = job->actor,
                       .request_id = job->request};
}

/* A fault of these undoes the whole group, of which each is then tried alone. */
static int judge_inside(lk_pg_conn *c, const lk_inside *inside, const lk_postgres_job *job, liken_error *err) {
    lk_postgres_statements q = lk_postgres_statements_on(c);
    const lk_change what = change(job, false);
    return lk_inside_judge(inside, &q.base, &what, job->image, job->face_required, err);
}

static int tell_inside(lk_pg_conn *c, const lk_inside *inside, const lk_postgres_job *group, liken_error *err) {
    lk_postgres_statements q = lk_postgres_statements_on(c);
    int rc = LIKEN_OK;
    for (const lk_postgres_job *job = group; rc == LIKEN_OK && inside != NULL && job != NULL; job = job->next) {
        const lk_change what = change(job, true);
        if (job->fresh)
            rc = lk_inside_changed(inside, &q.base, &what, err);
    }
    return rc;
}

/* Decides about each and gives ids to the new ones. */
static int sort_out(lk_pg_conn *c, lk_postgres_write_state *w, lk_postgres_job *group, liken_error *err) {
    lk_pg_result *r = NULL;
    int rc = ask(c, group, &r, err), row = 0;
    for (lk_postgres_job *job = group; rc == LIKEN_OK && job != NULL; job = job->next, row++) {
        job->fresh = false;
        job->same = job->replaced = 0;
        job->status = judge(job, r, row, &job->error);
        const lk_postgres_job *first = job->fresh ? twin(group, job) : NULL;
        if (first != NULL) {
            job->fresh = false;
            job->same = first->id;
        }
        if (job->fresh)
            rc = judge_inside(c, w->inside, job, err);
        if (!job->fresh || rc != LIKEN_OK)
            continue;
        w->changed = true;
        job->id = ++w->image;
        for (size_t i = 0; i < job->image->face_count; i++)
            job->faces[i] = ++w->face;
    }
    lk_pg_clear(r);
    return rc;
}

/* ---- labels that one photo has alone ---- */

static bool next_alone(const lk_postgres_job *job, size_t *i, liken_label *label) {
    while (*i < lk_image_names(job->image, *i, label)) {
        ++*i;
        if (label->kind < LIKEN_LABEL_SHARED)
            return true;
    }
    return false;
}

/* No two of a group claim the same label or place (take_group). */
static int claim_labels(lk_pg_conn *c, const lk_postgres_write_state *w, lk_postgres_job *group, liken_error *err) {
    liken_label label;
    size_t count = 0, n = 0;
    bool changed = false;
    for (const lk_postgres_job *job = group; job != NULL; job = job->next)
        for (size_t i = 0; job->fresh && next_alone(job, &i, &label);)
            count++;
    LK_FREE lk_postgres_claim *claims = calloc(count + 1, sizeof *claims);
    LK_FREE liken_label *labels = calloc(count + 1, sizeof *labels);
    LK_FREE lk_postgres_job **claimants = calloc(count + 1, sizeof(lk_postgres_job *));
    if (claims == NULL || labels == NULL || claimants == NULL)
        return lk_fail_memory(err);
    for (lk_postgres_job *job = group; job != NULL; job = job->next) {
        for (size_t i = 0; job->fresh && next_alone(job, &i, &labels[n]); n++) {
            claims[n] = (lk_postgres_claim){.collection = job->collection,
                                            .image = job->id,
                                            .label = &labels[n],
                                            .actor = job->actor,
                                            .request = job->request};
            claimants[n] = job;
        }
    }
    const int rc = lk_postgres_claim_all(c, w, claims, count, &changed, err);
    for (size_t i = 0; rc == LIKEN_OK && i < count; i++)
        if (claims[i].replaced != 0)
            claimants[i]->replaced = claims[i].replaced;
    return rc;
}

static bool claims(const lk_postgres_job *job, const liken_label *what) {
    liken_label label;
    for (size_t i = 0; next_alone(job, &i, &label);)
        if (strcmp(label.file, what->file) == 0 ||
            (label.place != NULL && what->place != NULL && strcmp(label.place, what->place) == 0))
            return true;
    return false;
}

/* Does one of the jobs from `group` to before `job` claim a label or a place that it claims too? */
static bool is_contested(const lk_postgres_job *group, const lk_postgres_job *job) {
    liken_label label;
    for (size_t i = 0; next_alone(job, &i, &label);)
        for (const lk_postgres_job *other = group; other != job; other = other->next)
            if (other->collection == job->collection && claims(other, &label))
                return true;
    return false;
}

/* ---- rows ---- */

static int fill_tables(const lk_postgres_job *group, lk_postgres_tables *t, liken_error *err) {
    int rc = LIKEN_OK;
    for (const lk_postgres_job *job = group; rc == LIKEN_OK && job != NULL; job = job->next) {
        if (job->fresh)
            rc = lk_postgres_tables_add(t, job->image, job->collection, job->id, job->faces, job->sha256, job->actor,
                                        job->keep, err);
    }
    return rc;
}

/* ---- shards ---- */

static size_t fill_rows(lk_postgres_job *group, lk_search_row *rows) {
    size_t n = 0;
    for (lk_postgres_job *job = group; job != NULL; job = job->next) {
        job->row = n;
        for (size_t i = 0; job->fresh && i < job->image->face_count; i++, n++) {
            const liken_face *f = &job->image->faces[i];
            if (rows != NULL)
                rows[n] = (lk_search_row){.face = job->faces[i],
                                          .collection = job->collection,
                                          .descriptor = f->descriptor,
                                          .dimension = f->dimension};
        }
    }
    return n;
}

/* A photo is left out when a shard did not take all of its faces. Its ids stay given, so that the next photo goes to
 * another shard; they are noted, so that what the others took of it is removed. */
static int leave_out(lk_pg_conn *c, lk_postgres_job *group, const lk_search_row *rows, const liken_error *why,
                     liken_error *err) {
    lk_pg_column gone;
    int rc = LIKEN_OK;
    lk_pg_column_init(&gone, LK_PG_INT8);
    for (lk_postgres_job *job = group; rc == LIKEN_OK && job != NULL; job = job->next) {
        bool stored = true;
        for (size_t i = 0; job->fresh && i < job->image->face_count; i++)
            stored = stored && !rows[job->row + i].failed;
        for (size_t i = 0; rc == LIKEN_OK && !stored && i < job->image->face_count; i++)
            rc = lk_pg_column_add(&gone, lk_pg_int8(job->faces[i]), err);
        if (stored)
            continue;
        job->fresh = false;
        job->status = why->code;
        job->error = *why;
    }
    if (rc == LIKEN_OK)
        rc = lk_pg_say(c, "INSERT INTO liken.vectors_gone (face) SELECT * FROM unnest($1::bigint[])",
                       LK_PG_ARGS(lk_pg_array(&gone)), err);
    lk_pg_column_free(&gone);
    return rc;
}

/* The descriptors of a group go to their shards, and are committed there before the photos are here. */
static int put_on_shards(lk_postgres *s, lk_pg_conn *c, const lk_cluster_map *map, lk_postgres_job *group,
                         const lk_search_plans *plans, liken_error *err) {
    liken_error why = {0};
    const size_t count = fill_rows(group, NULL);
    if (count == 0)
        return LIKEN_OK;
    lk_search_row *rows = calloc(count, sizeof *rows);
    if (rows == NULL)
        return lk_fail_memory(err);
    (void)fill_rows(group, rows);
    int rc = lk_search_put(s->cluster, map, plans, rows, count, &why);
    if (rc != LIKEN_OK)
        rc = leave_out(c, group, rows, &why, err);
    free(rows);
    return rc;
}

struct group {
    lk_postgres *store;
    lk_postgres_job *first;
};

/* `before`: the last face that was given before these. */
static int add_rows(lk_pg_conn *c, const lk_postgres_write_state *w, const struct group *g,
                    const lk_search_plans *plans, int64_t before, liken_error *err) {
    lk_postgres_tables t;
    lk_cluster_map map;
    int rc = lk_cluster_look(g->store->cluster, c, &map, err);
    if (rc == LIKEN_OK && map.epoch != 0)
        rc = put_on_shards(g->store, c, &map, g->first, plans, err);
    if (rc == LIKEN_OK)
        rc = claim_labels(c, w, g->first, err);
    if (rc != LIKEN_OK)
        return rc;
    lk_postgres_tables_init(&t, map.epoch == 0 ? plans : NULL);
    rc = fill_tables(g->first, &t, err);
    if (rc == LIKEN_OK)
        rc = lk_postgres_tables_queue(c, &t, map.epoch == 0, err);
    if (rc == LIKEN_OK)
        rc = lk_search_plans_say(c, plans, before, w->face, err);
    if (rc == LIKEN_OK)
        rc = tell_inside(c, w->inside, g->first, err);
    lk_postgres_tables_free(&t);
    return rc;
}

#define LARGE ((size_t)16 << 20) /* bytes of pictures in one transaction beyond which a statement may take */
#define LARGE_MS 60000           /* so long */

static bool is_large(const lk_postgres_job *group) {
    size_t bytes = 0;
    for (; group != NULL; group = group->next)
        for (size_t i = 0; i < group->image->picture_count; i++)
            bytes += group->image->pictures[i].size;
    return bytes > LARGE;
}

static int add_group(lk_pg_conn *c, lk_postgres_write_state *w, void *arg, liken_error *err) {
    const struct group *g = arg;
    const int64_t before = w->face;
    lk_search_plans plans = {0};
    int rc = sort_out(c, w, g->first, err);
    if (rc != LIKEN_OK || !w->changed)
        return rc;
    if (is_large(g->first))
        rc = lk_pg_patience(c, LARGE_MS, err);
    if (rc == LIKEN_OK)
        rc = lk_search_plans_read(c, &plans, err);
    if (rc == LIKEN_OK)
        rc = add_rows(c, w, g, &plans, before, err);
    lk_search_plans_free(&plans);
    return rc;
}

/* ---- group commit ---- */

/* The last of their deadlines: nobody's photo is given up because another had less time. */
static double deadline_of(const lk_postgres_job *group) {
    double last = group->deadline;
    for (; group != NULL && last > 0; group = group->next)
        last = group->deadline > 0 ? fmax(last, group->deadline) : 0;
    return last;
}

static int write_together(lk_postgres *s, lk_postgres_job *group, liken_error *err) {
    struct group g = {s, group};
    lk_call k;
    const liken_call call = {.size = sizeof call, .deadline = deadline_of(group)};
    int rc = lk_call_begin(&k, &call, err);
    if (rc == LIKEN_OK)
        rc = lk_postgres_write(s, add_group, &g, err);
    lk_call_end(&k);
    return rc;
}

static void write_group(lk_postgres *s, lk_postgres_job *group) {
    liken_error err = {0};
    const int rc = write_together(s, group, &err);
    if (rc == LIKEN_OK)
        return;
    const bool alone = rc != LIKEN_E_BUSY && group->next != NULL;
    for (lk_postgres_job *job = group, *next; job != NULL; job = next) {
        next = job->next;
        if (alone) {
            job->next = NULL;
            write_group(s, job);
            job->next = next;
        } else {
            job->status = rc;
            job->error = err;
        }
    }
}

static size_t picture_bytes(const liken_image *image) {
    size_t bytes = 0;
    for (size_t i = 0; i < image->picture_count; i++)
        bytes += image->pictures[i].size;
    return bytes;
}

/* Takes what waits. Called with the lock held. */
static lk_postgres_job *take_group(lk_postgres *s) {
    LK_HELD(&s->add_lock);
    assert(s->first != NULL); /* who commits has put its own there, if nobody took it */
    lk_postgres_job *group = s->first, *end = group;
    size_t faces = group->image->face_count, bytes = picture_bytes(group->image);
    for (int n = 1; n < GROUP_IMAGES && end->next != NULL; n++) {
        faces += end->next->image->face_count;
        bytes += picture_bytes(end->next->image);
        if (faces > GROUP_FACES || bytes > GROUP_BYTES || is_contested(group, end->next))
            break;
        end = end->next;
    }
    s->first = end->next;
    if (s->first == NULL)
        s->last = NULL;
    end->next = NULL;
    return group;
}

/* Returns once `job` is done, by this thread or another. */
static void commit_together(lk_postgres *s, lk_postgres_job *job) {
    pthread_mutex_lock(&s->add_lock);
    if (s->last == NULL)
        s->first = job;
    else
        s->last->next = job;
    s->last = job;
    while (!job->done) {
        if (s->committing) {
            pthread_cond_wait(&s->added, &s->add_lock);
            continue;
        }
        s->committing = true;
        lk_postgres_job *group = take_group(s);
        pthread_mutex_unlock(&s->add_lock);
        write_group(s, group);
        pthread_mutex_lock(&s->add_lock);
        for (lk_postgres_job *one = group, *next; one != NULL; one = next) {
            next = one->next; /* it is its submitter's stack: gone once done is seen */
            one->done = true;
        }
        s->committing = false;
        pthread_cond_broadcast(&s->added);
    }
    pthread_mutex_unlock(&s->add_lock);
}

static int add_once(lk_postgres *s, lk_postgres_job *job, liken_image **existing, liken_error *err) {
    job->next = NULL;
    job->done = false;
    job->status = LIKEN_OK;
    commit_together(s, job);
    if (job->status != LIKEN_OK) {
        if (err != NULL)
            *err = job->error;
        return job->status;
    }
    return job->same == 0 ? LIKEN_OK
                          : lk_postgres_image_extend(&s->base, job->collection, job->same, job->image, existing, err);
}

int lk_postgres_image_add(lk_store *s, int64_t collection, liken_image *image, bool face_required,
                          liken_image **existing, liken_error *err) {
    lk_postgres_job job = {.collection = collection,
                           .image = image,
                           .face_required = face_required,
                           .actor = lk_event_actor(),
                           .request = lk_event_request(),
                           .deadline = lk_call_now()->deadline};
    liken_image *found = NULL;
    int rc = lk_store_check_image(image, job.sha256, err);
    if (rc != LIKEN_OK)
        return rc;
    job.faces = calloc(image->face_count + 1, sizeof *job.faces);
    if (job.faces == NULL)
        return lk_fail_memory(err);
    /* the image with the same bytes may be removed between the two looks at it: then this one is new after all */
    do {
        job.same = 0;
        rc = add_once(of(s), &job, &found, err);
    } while (rc == LIKEN_E_NOT_FOUND && job.same != 0);
    if (rc == LIKEN_OK && job.same == 0) {
        image->id = job.id;
        image->revision = 1;
        image->replaced = job.replaced;
        for (size_t i = 0; i < image->face_count; i++)
            image->faces[i].id = job.faces[i];
    }
    if (rc == LIKEN_OK)
        *existing = found;
    free(job.faces);
    return rc;
}
