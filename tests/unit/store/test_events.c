/* What happened, in one order: one table of tests over lk_store, for every kind of store (kinds.h). */
#include "unit/test.h"

#include "base/call.h"
#include "store/store.h"
#include "unit/store/kinds.h"
#include "unit/store/sample.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ALL 0, NULL

/* ---- a reader ---- */

struct reader {
    int64_t next;
    char told[4096]; /* "added 1, removed 1, ...": what it heard since it was last looked at */
};

static const char *const words[] = {"added", "changed", "removed", "face", "created", "dropped", "set"};

/* Events of collections are told with their name, of faces with their id, others with that of the image. */
static void note(struct reader *r, const liken_event *e) {
    const size_t used = strlen(r->told);
    char what[80];
    if (e->kind == LIKEN_FACE_REMOVED)
        (void)snprintf(what, sizeof what, "%lld", (long long)e->face);
    else if (e->image != 0)
        (void)snprintf(what, sizeof what, "%lld", (long long)e->image);
    else
        (void)snprintf(what, sizeof what, "%s", e->collection);
    const int n =
        snprintf(r->told + used, sizeof r->told - used, "%s%s %s", used > 0 ? ", " : "", words[e->kind], what);
    assert_true(n > 0 && (size_t)n < sizeof r->told - used);
    assert_non_null(e->collection);
    assert_true(e->at > 0);
}

/* Reads on to the end, by pages of `limit`. */
static const char *follow(struct reader *r, int64_t collection, const char *name, int limit) {
    bool more = true;
    r->told[0] = '\0';
    while (more) {
        liken_event_list *l = NULL;
        const int64_t before = r->next;
        assert_ok(store->ops->events->after(store, collection, name, r->next, limit, &l, &err), err);
        int64_t last = before;
        for (size_t i = 0; i < l->count; i++) {
            assert_true(l->events[i].number > last);
            last = l->events[i].number;
            note(r, &l->events[i]);
        }
        assert_true(l->next >= last && l->count <= (size_t)limit);
        assert_true(!l->more || l->next > before);
        r->next = l->next;
        more = l->more;
        liken_event_list_free(l);
    }
    return r->told;
}

static int64_t now(void) {
    liken_event_list *l = NULL;
    assert_ok(store->ops->events->after(store, ALL, LIKEN_EVENTS_NOW, 10, &l, &err), err);
    const int64_t next = l->next;
    assert_int_equal(l->count, 0);
    assert_false(l->more);
    liken_event_list_free(l);
    return next;
}

static int ask(int64_t after) {
    liken_event_list *l = NULL;
    const int rc = store->ops->events->after(store, ALL, after, 10, &l, &err);
    liken_event_list_free(l);
    return rc;
}

static void text(char *out, size_t room, const char *format, int64_t a, int64_t b, int64_t c) {
    (void)snprintf(out, room, format, (long long)a, (long long)b, (long long)c);
}

/* ---- changes ---- */

static int64_t face_of(int64_t image) {
    liken_image *im = NULL;
    assert_ok(store->ops->images->get(store, 0, image, &im, &err), err);
    const int64_t face = im->faces[0].id;
    liken_image_free(im);
    return face;
}

static void tag(int64_t collection, int64_t id, const char *word) {
    char *tags[] = {(char *)(uintptr_t)word};
    const liken_image with = {.tags = tags, .tag_count = 1, .captured_at = LIKEN_NO_TIME};
    liken_image *out = NULL;
    assert_ok(store->ops->names->extend(store, collection, id, &with, &out, &err), err);
    liken_image_free(out);
}

static int64_t add_file(int64_t collection, unsigned seed, const char *file, const char *place) {
    liken_image *image = sample_image(seed, 1), *existing = NULL;
    const liken_mark mark = {1000, 1700000000000000000, 7};
    lk_image_forget_labels(image);
    assert_true(lk_image_label(image, file, LIKEN_LABEL_FILE, place, &mark));
    assert_ok(store->ops->images->add(store, collection, image, false, &existing, &err), err);
    const int64_t id = existing != NULL ? existing->id : image->id;
    liken_image_free(existing);
    liken_image_free(image);
    return id;
}

static void every_change_is_told_in_order(void **state) {
    (void)state;
    struct reader r = {0};
    char expected[256];
    assert_int_equal(now(), 0);
    assert_string_equal(follow(&r, ALL, 10), "");
    const int64_t c = make_collection("a");
    const int64_t one = add(c, 1, 2), two = add(c, 2, 2);
    text(expected, sizeof expected, "created a, added %lld, added %lld", one, two, 0);
    assert_string_equal(follow(&r, ALL, 10), expected);
    const int64_t face = face_of(one);
    assert_ok(store->ops->faces->remove(store, NULL, face, &err), err);
    tag(c, two, "new");
    tag(c, two, "new"); /* changes nothing */
    const int64_t three = add(c, 3, 1);
    text(expected, sizeof expected, "face %lld, changed %lld, added %lld", face, two, three);
    assert_string_equal(follow(&r, ALL, 10), expected);
    assert_int_equal(r.next, now());
    assert_ok(store->ops->images->remove(store, c, one, &err), err);
    text(expected, sizeof expected, "removed %lld", one, 0, 0);
    assert_string_equal(follow(&r, ALL, 10), expected);
    assert_string_equal(follow(&r, ALL, 10), "");
    reopen();
    assert_string_equal(follow(&r, ALL, 10), "");
    assert_int_equal(r.next, now());
    expect_healthy();
}

/* Whatever the pages are, and wherever they end. */
static void pages_make_no_difference(void **state) {
    (void)state;
    const int64_t c = make_collection("a"), d = make_collection("b");
    for (unsigned i = 1; i <= 12; i++) {
        const int64_t id = add(i % 2 == 0 ? c : d, i, 1);
        if (i % 3 == 0)
            tag(i % 2 == 0 ? c : d, id, "x");
        if (i % 4 == 0)
            assert_ok(store->ops->images->remove(store, 0, id, &err), err);
        if (i % 5 == 0)
            assert_ok(store->ops->faces->remove(store, NULL, face_of(id), &err), err);
    }
    struct reader whole = {0}, of_c = {0};
    (void)follow(&whole, ALL, 1000);
    (void)follow(&of_c, c, "a", 1000);
    assert_non_null(strstr(of_c.told, "created a"));
    assert_null(strstr(of_c.told, "created b"));
    for (int limit = 1; limit < 12; limit++) {
        struct reader r = {0};
        assert_string_equal(follow(&r, ALL, limit), whole.told);
        assert_int_equal(r.next, whole.next);
        r = (struct reader){0};
        assert_string_equal(follow(&r, c, "a", limit), of_c.told);
        assert_int_equal(r.next, whole.next);
    }
}

/* The photo that loses a label to another is changed as well, and the one that keeps its file by its place. */
static void names_that_go_are_changes(void **state) {
    (void)state;
    const int64_t c = make_collection("a");
    const int64_t one = add_file(c, 1, "x.jpg", "/a/x.jpg");
    struct reader r = {.next = now()};
    char expected[256];
    const int64_t two = add_file(c, 2, "x.jpg", "/b/x.jpg"); /* another file of that name */
    text(expected, sizeof expected, "added %lld, changed %lld", two, one, 0);
    assert_string_equal(follow(&r, ALL, 10), expected);
    const int64_t three = add_file(c, 3, "x.jpg", "/b/x.jpg"); /* the file has other bytes now */
    text(expected, sizeof expected, "added %lld, changed %lld", three, two, 0);
    assert_string_equal(follow(&r, ALL, 10), expected);
    assert_int_equal(add_file(c, 3, "x.jpg", "/b/x.jpg"), three);
    assert_string_equal(follow(&r, ALL, 10), "");
    assert_int_equal(add_file(c, 3, "y.jpg", "/b/y.jpg"), three);
    text(expected, sizeof expected, "changed %lld", three, 0, 0);
    assert_string_equal(follow(&r, ALL, 10), expected);
    bool removed = true;
    assert_ok(store->ops->names->remove(store, c, three, "y.jpg", NULL, &removed, &err), err);
    assert_false(removed);
    assert_string_equal(follow(&r, ALL, 10), expected);
    assert_ok(store->ops->names->remove(store, c, three, "x.jpg", NULL, &removed, &err), err);
    assert_true(removed);
    text(expected, sizeof expected, "removed %lld", three, 0, 0);
    assert_string_equal(follow(&r, ALL, 10), expected);
    assert_ok(store->ops->names->lost_remove(store, c, two, &removed, &err), err);
    assert_true(removed);
    text(expected, sizeof expected, "removed %lld", two, 0, 0);
    assert_string_equal(follow(&r, ALL, 10), expected);
}

/* How much a collection keeps and how it is searched, once each, and not after it is gone. */
static void a_collection_that_is_set_is_told(void **state) {
    (void)state;
    const int64_t c = make_collection("a");
    struct reader r = {.next = now()};
    liken_picture kept = {.kind = LIKEN_KEEP_PREVIEW, .type = "image/jpeg", .width = 4, .height = 3, .size = 3};
    char bytes[] = "abc", expected[80];
    kept.bytes = bytes;
    const int64_t id = add(c, 1, 1);
    assert_ok(store->ops->pictures->keep(store, c, LIKEN_KEEP_PREVIEW, &err), err);
    assert_ok(store->ops->pictures->keep(store, c, LIKEN_KEEP_PREVIEW, &err), err); /* changes nothing */
    assert_ok(store->ops->pictures->put(store, id, &kept, 1, &err), err);
    assert_ok(store->ops->collections->search_set(store, c, LIKEN_SEARCH_MEMORY, &err), err);
    assert_ok(store->ops->collections->search_set(store, c, LIKEN_SEARCH_MEMORY, &err), err);
    text(expected, sizeof expected, "added %lld, set a, changed %lld, set a", id, id, 0);
    assert_string_equal(follow(&r, c, "a", 10), expected);
    assert_ok(store->ops->collections->remove(store, c, false, &err), err);
    assert_int_equal(store->ops->pictures->keep(store, c, LIKEN_KEEP_NOTHING, &err), LIKEN_E_NOT_FOUND);
    r = (struct reader){0};
    assert_string_equal(follow(&r, ALL, 10), "created a, dropped a");
}

static void what_fails_is_not_told(void **state) {
    (void)state;
    const int64_t c = make_collection("a");
    const int64_t id = add(c, 1, 1);
    struct reader r = {.next = now()};
    bool removed;
    assert_int_equal(store->ops->images->remove(store, c, id + 1, &err), LIKEN_E_NOT_FOUND);
    assert_int_equal(store->ops->images->remove(store, c + 1, id, &err), LIKEN_E_NOT_FOUND);
    assert_int_equal(store->ops->faces->remove(store, NULL, 999, &err), LIKEN_E_NOT_FOUND);
    assert_int_equal(store->ops->names->remove(store, c, id, "none", NULL, &removed, &err), LIKEN_E_NOT_FOUND);
    liken_collection again = {
        .name = (char *)(uintptr_t) "a", .model = (char *)(uintptr_t)SAMPLE_MODEL, .dimension = SAMPLE_DIMENSION};
    assert_int_equal(store->ops->collections->create(store, &again, &err), LIKEN_E_CONFLICT);
    assert_string_equal(follow(&r, ALL, 10), "");
    assert_int_equal(r.next, now());
}

/* Of a collection that is gone its removal is told and nothing else, now and while it is erased. */
static void a_collection_goes_with_one_event(void **state) {
    (void)state;
    const int64_t c = make_collection("a"), d = make_collection("b");
    char expected[256];
    (void)add(c, 1, 2);
    tag(c, add(c, 2, 1), "x");
    const int64_t stays = add(d, 3, 1);
    struct reader late = {0}, r = {.next = now()}, of_a = {.next = now()};
    assert_ok(store->ops->collections->remove(store, c, true, &err), err);
    assert_string_equal(follow(&r, ALL, 10), "dropped a, created a");
    for (bool more = true; more;)
        assert_ok(store->ops->erasing->step(store, &more, &err), err);
    assert_string_equal(follow(&r, ALL, 10), "");
    text(expected, sizeof expected, "created a, created b, added %lld, dropped a, created a", stays, 0, 0);
    assert_string_equal(follow(&late, ALL, 2), expected);
    liken_collection *again = NULL;
    assert_ok(store->ops->collections->get(store, "a", &again, &err), err);
    assert_string_equal(follow(&of_a, again->id, "a", 10), "dropped a, created a");
    liken_collection_free(again);
    assert_ok(store->ops->collections->remove(store, d, false, &err), err);
    assert_string_equal(follow(&r, ALL, 10), "dropped b");
}

static void trim_all(int64_t keep) {
    for (bool more = true; more;)
        assert_ok(store->ops->events->trim(store, keep, &more, &err), err);
}

static void old_events_are_let_go_of(void **state) {
    (void)state;
    const int64_t c = make_collection("a");
    int64_t ids[20];
    for (unsigned i = 0; i < 20; i++) {
        ids[i] = add(c, i + 1, 1);
        tag(c, ids[i], "x");
    }
    struct reader all = {0}, r = {.next = now() - 8};
    trim_all(1000);
    (void)follow(&all, ALL, 3);
    struct reader before = r;
    (void)follow(&before, ALL, 3);
    trim_all(8);
    assert_string_equal(follow(&r, ALL, 3), before.told); /* all of the last eight are there */
    assert_int_equal(ask(0), LIKEN_E_GONE);
    assert_non_null(strstr(err.message, "List anew"));
    int64_t oldest = 0;
    while (ask(oldest) == LIKEN_E_GONE)
        oldest++;
    assert_true(oldest <= now() - 8 && oldest > 20);
    struct reader from = {.next = oldest};
    assert_true(strstr(all.told, follow(&from, ALL, 2)) != NULL);
    trim_all(8);
    assert_ok(ask(oldest), err);
    assert_int_equal(ask(oldest - 1), LIKEN_E_GONE);
    trim_all(0);
    assert_ok(ask(now()), err);
    assert_int_equal(ask(now() - 1), LIKEN_E_GONE);
    r.next = now();
    assert_ok(store->ops->images->remove(store, c, ids[0], &err), err);
    assert_int_equal(now(), r.next + 1);
    assert_true(strncmp(follow(&r, ALL, 10), "removed ", 8) == 0);
}

/* A cursor that this store cannot have given: of a restored one, or another. */
static void what_has_not_happened_is_refused(void **state) {
    (void)state;
    (void)make_collection("a");
    assert_ok(ask(now()), err);
    assert_int_equal(ask(now() + 1), LIKEN_E_GONE);
    assert_int_equal(ask(INT64_MAX), LIKEN_E_GONE);
}

/* The copy of a store does not take the numbers of the one that it is a copy of. */
static void a_copy_begins_behind_its_source(void **state) {
    (void)state;
    int64_t last = -1;
    const int64_t old_end = 1000;
    assert_ok(store->ops->copy->begin(store, "6ba7b810-9dad-11d1-80b4-00c04fd430c8", &last, &err), err);
    const int64_t c = make_collection("a");
    liken_image *image = sample_image(1, 1);
    image->id = 40;
    image->faces[0].id = 50;
    assert_ok(store->ops->copy->put(store, &c, &image, 1, &err), err);
    liken_image_free(image);
    assert_ok(store->ops->copy->end(store, 60, old_end, &err), err);
    assert_true(now() > old_end);
    assert_int_equal(ask(old_end), LIKEN_E_GONE);
    assert_int_equal(ask(0), LIKEN_E_GONE);
    struct reader r = {.next = now()};
    const int64_t id = add(c, 2, 1);
    char expected[64];
    text(expected, sizeof expected, "added %lld", id, 0, 0);
    assert_string_equal(follow(&r, ALL, 10), expected);
}

/* Each change has the actor of the call that made it. */
static void who_did_it_is_told(void **state) {
    (void)state;
    static const char *const actors[] = {"ann", "bob", "\xff", "carl", NULL, "dora"};
    lk_call k;
    liken_call call = LIKEN_CALL_INIT;
    liken_event_list *l = NULL;
    int64_t c = 0, id = 0;
    const int64_t from = now();
    for (size_t i = 0; i < LK_LENGTH(actors); i++) {
        call.actor = actors[i];
        assert_ok(lk_call_begin(&k, &call, &err), err);
        if (i == 0)
            c = make_collection("a");
        else if (i == 1)
            id = add_file(c, 1, "x.jpg", "/x.jpg");
        else if (i == 3)
            (void)add_file(c, 2, "x.jpg", "/x.jpg"); /* takes the label of the first, too */
        else if (i == 5)
            assert_ok(store->ops->images->remove(store, c, id, &err), err);
        else
            tag(c, id, actors[i] == NULL ? "nobody" : "no text");
        lk_call_end(&k);
    }
    /* the first photo is not told as added any more */
    static const char *const expected[] = {"ann", NULL, "carl", "carl", NULL, "dora"};
    assert_ok(store->ops->events->after(store, ALL, from, 10, &l, &err), err);
    assert_int_equal(l->count, LK_LENGTH(expected));
    for (size_t i = 0; i < l->count; i++) {
        if (expected[i] == NULL)
            assert_null(l->events[i].actor);
        else
            assert_string_equal(l->events[i].actor, expected[i]);
    }
    liken_event_list_free(l);
}

/* ---- many at once ---- */

#define WRITERS 4
#define EACH 12

struct writer {
    pthread_t thread;
    lk_store *store;
    int64_t collection;
    unsigned number;
    bool failed;
};

static atomic_int writing;

/* Adds, and removes every third. */
static void *write_some(void *arg) {
    struct writer *w = arg;
    liken_error e = {0};
    for (unsigned i = 0; i < EACH && !w->failed; i++) {
        liken_image *image = sample_image(100 + w->number * EACH + i, 1), *existing = NULL;
        w->failed = w->store->ops->images->add(w->store, w->collection, image, false, &existing, &e) != LIKEN_OK;
        if (!w->failed && i % 3 == 0)
            w->failed = w->store->ops->faces->remove(w->store, NULL, image->faces[0].id, &e) != LIKEN_OK;
        liken_image_free(existing);
        liken_image_free(image);
    }
    if (w->failed)
        print_error("%s\n", e.message);
    atomic_fetch_sub(&writing, 1);
    return NULL;
}

/* Two handles write, by two threads each, while somebody reads on: he hears what one hears who comes when all is done.
 */
static void none_appears_behind_a_reader(void **state) {
    (void)state;
    struct writer w[WRITERS];
    struct reader r = {0}, late = {0};
    char heard[2 * sizeof r.told] = "";
    lk_store *other = NULL;
    const int64_t c = make_collection("a");
    assert_ok(kinds_open(&other, false, &err), err);
    atomic_store(&writing, WRITERS);
    for (unsigned i = 0; i < WRITERS; i++) {
        w[i] = (struct writer){.store = i % 2 == 0 ? store : other, .collection = c, .number = i};
        assert_int_equal(pthread_create(&w[i].thread, NULL, write_some, &w[i]), 0);
    }
    for (bool last = false; !last;) {
        last = atomic_load(&writing) == 0;
        if (*follow(&r, ALL, 7) == '\0')
            continue;
        const size_t used = strlen(heard);
        (void)snprintf(heard + used, sizeof heard - used, "%s%s", used > 0 ? ", " : "", r.told);
    }
    for (unsigned i = 0; i < WRITERS; i++) {
        assert_int_equal(pthread_join(w[i].thread, NULL), 0);
        assert_false(w[i].failed);
    }
    other->ops->close(other);
    assert_string_equal(heard, follow(&late, ALL, 1000));
    assert_int_equal(r.next, now());
}

int main(void) {
    const struct CMUnitTest tests[] = {
        KIND_TEST(every_change_is_told_in_order),   KIND_TEST(pages_make_no_difference),
        KIND_TEST(names_that_go_are_changes),       KIND_TEST(a_collection_that_is_set_is_told),
        KIND_TEST(what_fails_is_not_told),          KIND_TEST(a_collection_goes_with_one_event),
        KIND_TEST(old_events_are_let_go_of),        KIND_TEST(what_has_not_happened_is_refused),
        KIND_TEST(a_copy_begins_behind_its_source), KIND_TEST(who_did_it_is_told),
        KIND_TEST(none_appears_behind_a_reader),
    };
    return kinds_run(tests, LK_LENGTH(tests));
}
