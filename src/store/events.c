#include "store/events.h"

#include "base/call.h"
#include "store/codec.h"

#include <assert.h>
#include <stdlib.h>

static const char *fit(const char *text) {
    return text != NULL && lk_store_text("actor", text, LK_EVENTS_ACTOR, NULL) == LIKEN_OK ? text : NULL;
}

const char *lk_event_actor(void) {
    return fit(lk_call_now()->actor);
}

const char *lk_event_request(void) {
    return fit(lk_call_now()->request_id);
}

int lk_events_start(lk_event_page *p, int64_t collection, const char *name, int64_t after, int limit,
                    liken_error *err) {
    *p = (lk_event_page){.collection = collection, .name = name, .after = after, .limit = limit};
    p->rows = calloc((size_t)limit, sizeof *p->rows);
    p->images = calloc((size_t)limit, sizeof *p->images);
    return p->rows == NULL || p->images == NULL ? lk_fail_memory(err) : LIKEN_OK;
}

static void clear(liken_event *e) {
    free(e->collection);
    free(e->actor);
}

static void clear_rows(lk_event_row *rows, size_t *count) {
    for (; *count > 0; --*count) {
        clear(&rows[*count - 1].event);
        rows[*count - 1] = (lk_event_row){0};
    }
}

void lk_events_clear(lk_event_page *p) {
    clear_rows(p->rows, &p->row_count);
    clear_rows(p->images, &p->image_count);
}

void lk_events_end(lk_event_page *p) {
    lk_events_clear(p);
    free(p->rows);
    free(p->images);
}

void liken_event_list_free(liken_event_list *l) {
    if (l == NULL)
        return;
    for (size_t i = 0; i < l->count; i++)
        clear(&l->events[i]);
    free(l->events);
    free(l);
}

/* The number of whatever happened last. */
static int64_t head(const lk_event_page *p) {
    return p->last_image + p->last_event;
}

/* *more: there is something beyond `after` to be read. */
static int judge(const lk_event_page *p, bool *more, liken_error *err) {
    const int64_t kept = p->first_event > 1 ? p->first_number : 0;
    if (p->after > head(p))
        return lk_fail(
            err, LIKEN_E_GONE,
            "Event %lld has not happened in this gallery: it was restored, or is another one. List anew, and "
            "follow its events from now on.",
            (long long)p->after);
    if (p->after >= 0 && p->after < kept)
        return lk_fail(err, LIKEN_E_GONE,
                       "What happened after event %lld is too long ago, and was let go of up to event %lld. List anew, "
                       "and follow the events from now on.",
                       (long long)p->after, (long long)kept);
    *more = p->after >= 0 && p->after < head(p);
    return LIKEN_OK;
}

static int64_t event_of(const lk_event_row *row) {
    return row->event.number - row->last_image;
}

/* The event before the rows. */
static int64_t event_before(const lk_event_page *p) {
    return p->row_count == 0 ? p->last_event : event_of(&p->rows[0]) - 1;
}

/* Of the images after `after`, which itself may be none: those beyond this id. */
static int64_t images_after(const lk_event_page *p) {
    const int64_t id = p->after - event_before(p);
    assert(id >= 0);
    return id;
}

int lk_events_read(lk_event_page *p, const lk_event_source *source, void *from, liken_error *err) {
    bool more = false;
    int rc = source->ends(from, p, err);
    if (rc == LIKEN_OK)
        rc = judge(p, &more, err);
    if (rc == LIKEN_OK && more)
        rc = source->events(from, p, err);
    return rc == LIKEN_OK && more ? source->images(from, p, images_after(p), err) : rc;
}

static void take(liken_event_list *l, lk_event_row *row) {
    l->next = row->event.number;
    if (!row->told)
        return;
    l->events[l->count++] = row->event;
    row->event = (liken_event){0};
}

/* Rows that were cut off end the page too, since it is not known how many come before the images after them. */
static void merge(lk_event_page *p, liken_event_list *l) {
    const size_t limit = (size_t)p->limit;
    const bool rows_end = p->row_count < limit;
    int64_t event = event_before(p);
    size_t r = 0, i = 0;
    while (l->count < limit && (r < p->row_count || (rows_end && i < p->image_count))) {
        const bool row = r < p->row_count && (i == p->image_count || p->rows[r].last_image < p->images[i].event.image);
        if (row) {
            event = event_of(&p->rows[r]);
            take(l, &p->rows[r++]);
            continue;
        }
        p->images[i].event.number = p->images[i].event.image + event;
        take(l, &p->images[i++]);
    }
    l->more = r < p->row_count || i < p->image_count || !rows_end || p->image_count == limit;
    if (!l->more)
        l->next = head(p);
}

int lk_events_merge(lk_event_page *p, liken_event_list **out, liken_error *err) {
    liken_event_list *l = calloc(1, sizeof *l);
    if (l == NULL)
        return lk_fail_memory(err);
    l->events = calloc((size_t)p->limit, sizeof *l->events);
    if (l->events == NULL) {
        free(l);
        return lk_fail_memory(err);
    }
    merge(p, l);
    *out = l;
    return LIKEN_OK;
}
