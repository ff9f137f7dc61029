/* inside.h - what floors above do inside the transactions that change a gallery: may this face be kept (suppression),
 * how long (retention), which rows say who did it (an audit).
 *
 * They give a table of functions to the gallery as it is opened (gallery/inside.h). Each is called in the transaction
 * of a change, before its commit, and what it writes (sql.h) is committed with the change or not at all. What it
 * returns but LIKEN_OK undoes the change: its caller is told that, with the sentence.
 *
 * They run on whatever thread commits, one at a time in a process, while all other writes wait: so few and short
 * statements. No call of liken.h, which would wait for itself, and nothing outside of the database, since a
 * transaction may be run twice, and may fail after all: what is to follow from a commit reads the events
 * (liken_events_after). LIKEN_E_BUSY is for the database to say.
 *
 * Not told of: a copy (liken move), whose photos were judged where they come from, and what a removed collection held,
 * which is erased later and in parts. */
#ifndef LK_STORE_INSIDE_H
#define LK_STORE_INSIDE_H

#include "store/sql.h"

typedef struct lk_change {
    liken_event_kind kind;
    int64_t collection, image, face; /* as in liken_event; 0: none, or a photo that is not there yet */
    const liken_image *photo;        /* IMAGE_ADDED: with names, tags, faces and their descriptors; else NULL */
    const int64_t *faces;            /* the ids of photo->faces; NULL: they have none yet */
    const char *actor, *request_id;  /* on whose behalf; NULL: nobody's */
} lk_change;

/* Either function may be NULL. */
typedef struct lk_inside {
    /* Of a new photo, before it is written. Sets reasons[i], which is LIKEN_KEPT, to why photo->faces[i] is not to be
     * kept: it is then among the refused, without its descriptor. Where the transaction is run again, what was refused
     * stays so, and is not asked about. */
    int (*judge)(void *ctx, lk_sql *q, const lk_change *change, liken_reason *reasons, liken_error *err);
    /* Of every change that events tell of. The rows of what is added are there, those of what is removed still are, and
     * what changes may be as it was or as it will be. */
    int (*changed)(void *ctx, lk_sql *q, const lk_change *change, liken_error *err);
    void *ctx;
} lk_inside;

/* `inside` is borrowed, as long as the store is open. Before the first change. UNSUPPORTED: it has no tables of
 * liken's own. */
LK_CHECKED int lk_store_inside(lk_store *s, const lk_inside *inside, liken_error *err);

/* ---- for the stores; `inside` may be NULL ---- */

/* Moves what `judge` refuses to the refused of change->photo, which is `photo`. NO_FACE: one is required, and none is
 * left. */
LK_CHECKED int lk_inside_judge(const lk_inside *inside, lk_sql *q, const lk_change *change, liken_image *photo,
                               bool face_required, liken_error *err);
LK_CHECKED int lk_inside_changed(const lk_inside *inside, lk_sql *q, const lk_change *change, liken_error *err);

#endif
