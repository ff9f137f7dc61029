/* search_int.h - what the files of a search share: scope.c settles what is asked, query.c answers one face inside it,
 * total.c says how many matches there are beyond those that are given, views.c makes one answer of several. */
#ifndef LK_GALLERY_SEARCH_INT_H
#define LK_GALLERY_SEARCH_INT_H

#include "gallery/gallery_int.h"
#include "packs/expectation.h"

/* ---- scope.c: collection, threshold, filters, resolved once ---- */

typedef struct lk_scope {
    liken *lk;
    liken_search_options asked;
    const liken_search_options *options; /* &asked */
    liken_collection *collection;
    lk_engine *engine;
    float threshold;   /* of two good faces */
    lk_reach reach[2]; /* of a good face that is searched by, and of a weak one, whatever their scores */
    double wanted;     /* strangers in one answer that the threshold is to be chosen by; 0: it is given */
    size_t limit;
    bool remote;   /* the store searches */
    lk_slot *slot; /* else; NULL: no faces */
    bool filtered;
    int64_t *allowed; /* when filtered: keys of the faces that may match, ascending */
    size_t allowed_count;
    uint64_t searched;        /* faces that a query is compared with */
    bool exact;               /* unless the store said otherwise */
    lk_store_missing missing; /* parts of the store that were left out; only where that was asked for */
    double recall;            /* the least that it said */
    bool switched;            /* the collection changed its model since the scope was opened */
    int attempts;             /* with that, how often */
} lk_scope;

/* Collection, models and limits: all that can be said before the query photo is looked at. To be closed in any case. */
int lk_scope_open(lk_scope *s, liken *lk, const liken_search_options *options, liken_error *err);
void lk_scope_close(lk_scope *s);
/* After a search that failed with `rc`: is it to be done again, from lk_scope_open on, because the collection changed
 * its model under it? Then the scope is closed. An answer is of one model or none. */
bool lk_scope_again(lk_scope *s, int rc);
/* BUSY, and ->switched is set, unless the collection is as it was when the scope was opened. */
int lk_scope_still(lk_scope *s, liken_error *err);
/* Brings the index up to the store, applies the filters and settles the threshold; `views`: how many query faces share
 * one answer, and the strangers that may be expected in it. */
int lk_scope_ready(lk_scope *s, size_t views, liken_error *err);
/* The threshold, or the largest that may be. */
float lk_scope_held(const lk_scope *s, float threshold);
/* Does every face that is compared lie within the threshold? */
bool lk_scope_takes_all(const lk_scope *s);

/* ---- query.c: one query face ---- */

typedef struct lk_query {
    lk_scope *scope;
    bool weak;       /* the face that is searched by, */
    float score;     /* and how well it was seen */
    float threshold; /* of two good faces */
    lk_reach reach;
    lk_expectation expectation;
    bool learnt;     /* the gallery told something to it */
    float *vector;   /* in the index's own form */
    int64_t exclude; /* a face that is not compared at all, or 0; */
    lk_ids own;      /* it, and with one_per_photo the others of its photo */
    lk_ids seen;     /* faces that may not come again */
    lk_ids images;   /* of the matches, where each may come once */
    liken_answer *out;
    size_t room;
    size_t labels; /* how many neighbours to ask labels for at once */
    uint64_t searched;
    bool asked;      /* a page was asked for, so that `searched` is known */
    bool complete;   /* there is no match but those in `out` */
    uint64_t within; /* faces within the threshold, once asked, where the index in memory was asked to count */
    int64_t *all;    /* the faces within the threshold, where the first page held them all; else NULL */
    size_t all_count;
} lk_query;

/* Answers a descriptor, as the network gave it, into *out. `face`: whose it is, which says how good it is; NULL: a good
 * one. To be closed in any case. */
int lk_query_run(lk_query *q, lk_scope *s, const float *descriptor, const liken_face *face, int64_t exclude,
                 liken_answer *out, liken_error *err);
void lk_query_close(lk_query *q);

/* ---- expect.c ---- */

/* Settles the threshold of a face that is searched by (NULL: a good one), and what it means for each class. */
int lk_query_expect(lk_query *q, const liken_face *face, liken_error *err);
/* Fills in what out says of strangers, once it is known how many faces were compared. */
void lk_query_say_expected(const lk_query *q);

/* ---- query.c ---- */

/* Asks the index; mends it once when a block of it turns out to be damaged. */
int lk_query_index(lk_query *q, const lk_index_query *query, lk_neighbour *neighbours, size_t *count,
                   uint64_t *searched, liken_error *err);
/* A lk_index_filter_fn of a lk_query: all but what was seen and what is excluded. */
bool lk_query_may_match(void *ctx, int64_t key);
/* For qsort: the nearer of two liken_match first, ties by face id. */
int lk_match_order(const void *a, const void *b);

/* ---- total.c ---- */

/* Sets out->total of a query that was run. */
int lk_query_total(lk_query *q, liken_error *err);
/* Adds the faces within the threshold to *faces; *known false: they cannot be told. */
int lk_query_gather(lk_query *q, lk_ids *faces, bool *known, liken_error *err);
/* How many matches these faces are: themselves, or their images. */
int lk_total_of(lk_scope *s, const lk_ids *faces, int64_t *total, liken_error *err);

/* ---- search.c ---- */

/* A result without answers and photos, with room for so many. */
int lk_result_new(const lk_scope *s, size_t answers, size_t photos, liken_result **out, liken_error *err);
/* The next photo of `r`; takes the refused faces out of *faces. */
int lk_result_photo(liken_result *r, lk_faces *faces, size_t searched_for, liken_error *err);
/* Names what was left out. */
int lk_result_missing(const lk_scope *s, liken_result *r, liken_error *err);
/* Hands `r` out, or frees it when rc tells of a failure; returns rc. */
int lk_result_finish(int rc, liken_result *r, liken_result **out);

/* ---- results.c ---- */

void lk_match_clear(liken_match *m);
void lk_answer_clear(liken_answer *a);

#endif
