/* events.h - what happened, in one order, out of two tables.
 *
 * That a photo was added is told by its own row, so adding writes nothing more than it did. All else that happens has a
 * row in the table of events, written in the transaction of the change, with the last image id that was given by then.
 * So both fall into one order: an event comes after the images up to its `last_image`, and before the next one. Its
 * number is last_image + the number of events so far, itself included; that of an image is its id + the number of
 * events before it. Numbers rise in the order of commits, as image ids do, and are given once.
 *
 * Of the oldest events all but one are let go of (trim). That one is not told any more: it says where what is kept
 * begins. The very first event, where it is still there, says that everything is. */
#ifndef LK_STORE_EVENTS_H
#define LK_STORE_EVENTS_H

#include "base/error.h"

#define LK_EVENTS_TRIM 4096 /* rows that go in one transaction */

typedef struct lk_event_row {
    liken_event event; /* of an image its number is not known before it is merged */
    int64_t last_image;
    bool told; /* else passed over: of a collection that is gone, or not of the one that is asked for */
} lk_event_row;

typedef struct lk_event_page {
    int64_t collection; /* 0: all */
    const char *name;   /* of it */
    int64_t after;
    int limit;

    int64_t last_image, last_event;    /* that were ever given */
    int64_t first_number, first_event; /* of the oldest row; 0: there is none */

    lk_event_row *rows, *images;
    size_t row_count, image_count;
} lk_event_page;

#define LK_EVENTS_ACTOR 256 /* bytes of an actor at most */

/* On whose behalf this thread works, as it may be stored; NULL: nobody's that can be. Valid until its call ends. */
const char *lk_event_actor(void);
/* The id of its request, in the same way. */
const char *lk_event_request(void);

/* MEMORY. Free with lk_events_end, also after a fault of this. */
LK_CHECKED int lk_events_start(lk_event_page *p, int64_t collection, const char *name, int64_t after, int limit,
                               liken_error *err);
void lk_events_end(lk_event_page *p);
void lk_events_clear(lk_event_page *p); /* as it was after the start */
/* How a database reads, out of what it is `from`. */
typedef struct lk_event_source {
    int (*ends)(void *from, lk_event_page *p, liken_error *err); /* last_image to first_event */
    /* Up to `limit` rows with a number beyond `after` into `rows`; and images with a larger id than `id` into `images`,
     * of the collection where one is asked for. */
    int (*events)(void *from, lk_event_page *p, liken_error *err);
    int (*images)(void *from, lk_event_page *p, int64_t id, liken_error *err);
} lk_event_source;
/* Reads what the page is made of, all in one moment. GONE. */
LK_CHECKED int lk_events_read(lk_event_page *p, const lk_event_source *source, void *from, liken_error *err);
/* Makes the page of what was read, whose strings it takes. MEMORY. */
LK_CHECKED int lk_events_merge(lk_event_page *p, liken_event_list **out, liken_error *err);

/* ---- SQL of both databases ---- */

/* The number of the event that is to be written now, of which `last` is the last image id. */
#define LK_EVENTS_NUMBER(table, last)                                                                                  \
    last " + 1 + coalesce((SELECT number - last_image FROM " table " ORDER BY number DESC LIMIT 1), 0)"

#endif
