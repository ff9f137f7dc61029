/* A collection changes its model in one moment, keeps the ids of its faces, and can go back to exactly what it was. */
#include "kinds.h"
#include "sample.h"
#include "unit/test.h"

#include "store/upgrade.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NEW_MODEL "new-2.0/5"
#define NEW_DIMENSION 64
#define PHOTOS 4

static lk_upgrade wanted(int64_t collection, const char *model) {
    lk_upgrade u = {.collection = collection, .dimension = NEW_DIMENSION, .metric = LIKEN_L2, .threshold = 0.625f};
    (void)snprintf(u.model, sizeof u.model, "%s", model);
    return u;
}

static liken_image *read_image(int64_t id) {
    liken_image *image = NULL;
    assert_ok(store->ops->images->get(store, 0, id, &image, &err), err);
    return image;
}

/* What a new model makes of a face: a descriptor that follows from `seed`. */
static liken_face seen(const liken_face *f, float seed) {
    liken_face s = *f;
    s.reason = LIKEN_KEPT;
    s.quality.score = seed;
    s.weak = false;
    s.dimension = NEW_DIMENSION;
    s.descriptor = calloc(NEW_DIMENSION, sizeof *s.descriptor);
    assert_non_null(s.descriptor);
    for (int i = 0; i < NEW_DIMENSION; i++)
        s.descriptor[i] = seed + (float)i;
    return s;
}

static void put(int64_t collection, int64_t id, const liken_face *faces, size_t count, const liken_face *refused,
                size_t refused_count) {
    const lk_upgraded p = {
        .image = id, .faces = faces, .face_count = count, .refused = refused, .refused_count = refused_count};
    assert_ok(lk_upgrade_put(store, collection, NEW_MODEL, &p, 1, &err), err);
}

/* Keeps the first face, refuses the second, and keeps what was refused. */
static void put_crosswise(int64_t collection, int64_t id) {
    liken_image *image = read_image(id);
    assert_int_equal(image->face_count, 2);
    liken_face kept[2] = {seen(&image->faces[0], 1), seen(&image->refused[0], 2)};
    liken_face refused = image->faces[1];
    refused.id = 0;
    refused.reason = LIKEN_BLURRED;
    put(collection, id, kept, 2, &refused, 1);
    free(kept[0].descriptor);
    free(kept[1].descriptor);
    liken_image_free(image);
}

static void put_all(int64_t collection, int64_t id) {
    liken_image *image = read_image(id);
    liken_face kept[2] = {{0}};
    for (size_t i = 0; i < image->face_count; i++)
        kept[i] = seen(&image->faces[i], (float)id * 10 + (float)i);
    put(collection, id, kept, image->face_count, image->refused, image->refused_count);
    for (size_t i = 0; i < image->face_count; i++)
        free(kept[i].descriptor);
    liken_image_free(image);
}

static liken_face *face_of(int64_t id) {
    liken_face *f = NULL;
    assert_ok(store->ops->faces->get(store, NULL, id, &f, NULL, NULL, &err), err);
    return f;
}

static liken_collection *collection_of(const char *name) {
    liken_collection *c = NULL;
    assert_ok(store->ops->collections->get(store, name, &c, &err), err);
    return c;
}

/* ---- the feed ---- */

struct fed {
    int64_t generation, collection;
    int dimension;
    size_t count;
};

static int take_vector(void *ctx, const lk_store_vector *v) {
    struct fed *f = ctx;
    if (v->collection != f->collection)
        return 0;
    f->count++;
    f->generation = v->generation;
    assert_int_equal(v->dimension, f->dimension);
    return 0;
}

static void expect_fed(int64_t collection, int64_t generation, int dimension, size_t count) {
    struct fed f = {.collection = collection, .dimension = dimension};
    assert_ok(store->ops->feed->vectors_after(store, 0, take_vector, &f, &err), err);
    assert_int_equal(f.count, count);
    assert_int_equal(f.generation, generation);
}

/* ---- tests ---- */

static void switches_and_goes_back(void **state) {
    (void)state;
    const int64_t c = make_collection("c"), other = make_collection("other");
    int64_t photos[PHOTOS], face_mark = 0, removal_mark = 0, marks[2], waiting = -1, version[2];
    liken_image *before[PHOTOS];
    for (unsigned i = 0; i < PHOTOS; i++) {
        photos[i] = add(c, 10 + i, 2);
        (void)add(other, 30 + i, 1);
        before[i] = read_image(photos[i]);
    }
    const lk_upgrade u = wanted(c, NEW_MODEL);
    liken_face *old = face_of(before[0]->faces[1].id);
    assert_ok(store->ops->feed->marks(store, &face_mark, &removal_mark, &err), err);
    assert_ok(lk_upgrade_begin(store, &u, &err), err);
    put_crosswise(c, photos[0]);
    put_all(c, photos[1]);
    put_all(c, photos[1]); /* once more is nothing */
    put_all(c, photos[2]);
    assert_ok(lk_upgrade_switch(store, c, NEW_MODEL, &waiting, &err), err);
    assert_int_equal(waiting, 1);
    expect_fed(c, 0, SAMPLE_DIMENSION, 8);
    const lk_upgraded missing = {.image = photos[3], .missing = true};
    assert_ok(lk_upgrade_put(store, c, NEW_MODEL, &missing, 1, &err), err);
    assert_ok(store->ops->feed->version(store, &version[0], &err), err);
    assert_ok(lk_upgrade_switch(store, c, NEW_MODEL, &waiting, &err), err);
    assert_int_equal(waiting, 0);

    assert_ok(store->ops->feed->version(store, &version[1], &err), err);
    assert_int_not_equal(version[0], version[1]);
    liken_collection *now = collection_of("c");
    assert_string_equal(now->model, NEW_MODEL);
    assert_int_equal(now->dimension, NEW_DIMENSION);
    assert_int_equal(now->metric, LIKEN_L2);
    assert_float_equal(now->threshold, 0.625, 0);
    assert_int_equal(now->generation, 1);
    assert_int_equal(now->faces, 6);
    assert_int_equal(now->images, PHOTOS);
    liken_collection_free(now);
    expect_fed(c, 1, NEW_DIMENSION, 6);
    expect_fed(other, 0, SAMPLE_DIMENSION, 4);
    liken_face *f = face_of(before[0]->faces[0].id);
    assert_int_equal(f->dimension, NEW_DIMENSION);
    assert_float_equal(f->descriptor[3], 4, 0);
    assert_float_equal(f->quality.score, 1, 0);
    liken_face_free(f);
    assert_int_equal(store->ops->faces->get(store, NULL, before[0]->faces[1].id, &f, NULL, NULL, &err),
                     LIKEN_E_NOT_FOUND);
    liken_image *image = read_image(photos[0]);
    assert_int_equal(image->face_count, 2);
    assert_true(image->faces[1].id > face_mark);
    assert_int_equal(image->refused_count, 1);
    assert_int_equal(image->refused[0].reason, LIKEN_BLURRED);
    assert_int_equal(image->revision, before[0]->revision + 1);
    liken_image_free(image);
    assert_ok(store->ops->feed->marks(store, &marks[0], &marks[1], &err), err);
    assert_int_equal(marks[0], face_mark + 1);
    (void)add(other, 77, 1); /* ids go on behind */
    expect_healthy();

    assert_int_equal(lk_upgrade_switch(store, c, NEW_MODEL, &waiting, &err), LIKEN_E_CONFLICT);
    assert_ok(lk_upgrade_switch(store, c, SAMPLE_MODEL, &waiting, &err), err);
    assert_int_equal(waiting, 0);
    now = collection_of("c");
    assert_string_equal(now->model, SAMPLE_MODEL);
    assert_int_equal(now->generation, 2);
    assert_int_equal(now->faces, 8);
    assert_int_equal(now->metric, LIKEN_NORMALIZED);
    assert_float_equal(now->threshold, 0.375, 0);
    liken_collection_free(now);
    for (int i = 0; i < PHOTOS; i++) {
        image = read_image(photos[i]);
        assert_int_equal(image->face_count, 2);
        assert_int_equal(image->refused_count, 1);
        for (size_t k = 0; k < 2; k++) {
            assert_int_equal(image->faces[k].id, before[i]->faces[k].id);
            assert_int_equal(image->faces[k].weak, before[i]->faces[k].weak);
            assert_memory_equal(&image->faces[k].quality, &before[i]->faces[k].quality, sizeof image->faces[k].quality);
            assert_memory_equal(image->faces[k].landmarks, before[i]->faces[k].landmarks,
                                sizeof image->faces[k].landmarks);
        }
        liken_image_free(image);
        liken_image_free(before[i]);
    }
    f = face_of(old->id);
    assert_memory_equal(f->descriptor, old->descriptor, SAMPLE_DIMENSION * sizeof *f->descriptor);
    liken_face_free(f);
    liken_face_free(old);
    expect_healthy();
}

static void what_is_removed_stays_removed(void **state) {
    (void)state;
    const int64_t c = make_collection("c");
    int64_t waiting = 0, faces = -1, ids[8];
    size_t count = 0;
    const int64_t a = add(c, 1, 2), b = add(c, 2, 2), d = add(c, 3, 1);
    const lk_upgrade u = wanted(c, NEW_MODEL);
    liken_image *image = read_image(a);
    const int64_t early = image->faces[0].id, late = image->faces[1].id;
    liken_face kept[2] = {seen(&image->faces[0], 1), seen(&image->faces[1], 2)};
    assert_ok(lk_upgrade_begin(store, &u, &err), err);
    assert_ok(lk_upgrade_todo(store, c, 0, ids, 8, &count, &err), err);
    assert_int_equal(count, 3);
    assert_ok(store->ops->faces->remove(store, NULL, early, &err), err); /* while it is described */
    put(c, a, kept, 2, NULL, 0);
    put_all(c, b);
    put_all(c, d);
    assert_ok(store->ops->faces->remove(store, NULL, late, &err), err); /* when it was */
    assert_ok(store->ops->images->remove(store, c, b, &err), err);
    assert_ok(lk_upgrade_switch(store, c, NEW_MODEL, &waiting, &err), err);
    assert_int_equal(waiting, 0);
    expect_counts(1, 2, 1);
    liken_image_free(image);
    image = read_image(a);
    assert_int_equal(image->face_count, 0);
    assert_ok(store->ops->images->remove(store, c, d, &err), err);
    assert_ok(lk_upgrade_switch(store, c, SAMPLE_MODEL, &waiting, &err), err);
    expect_counts(1, 1, 0);
    expect_healthy();
    assert_ok(lk_upgrade_forget(store, c, &faces, &err), err);
    bool there = true;
    lk_upgrade found;
    assert_ok(lk_upgrade_get(store, c, &found, &there, &err), err);
    assert_false(there);
    free(kept[0].descriptor);
    free(kept[1].descriptor);
    liken_image_free(image);
}

static size_t cold_rows(int64_t collection) {
    int64_t faces = 0;
    assert_ok(lk_upgrade_forget(store, collection, &faces, &err), err);
    return (size_t)faces;
}

/* A face that only the other model keeps can be removed too, and what one model refused of a face that is removed goes
 * with it: a later change would keep it again. */
static void what_is_removed_has_no_twin(void **state) {
    (void)state;
    const int64_t c = make_collection("c"), id = add(c, 1, 2);
    int64_t waiting = 0;
    const lk_upgrade u = wanted(c, NEW_MODEL);
    liken_image *before = read_image(id);
    (void)make_collection("other");
    assert_ok(lk_upgrade_begin(store, &u, &err), err);
    put_crosswise(c, id);
    assert_ok(lk_upgrade_switch(store, c, NEW_MODEL, &waiting, &err), err);
    liken_image *image = read_image(id);
    const int64_t gone = before->faces[1].id, came = image->faces[1].id, revision = image->revision;
    assert_int_equal(image->refused_count, 1);
    liken_image_free(image);
    assert_int_equal(store->ops->faces->remove(store, "other", gone, &err), LIKEN_E_NOT_FOUND);
    assert_ok(store->ops->faces->remove(store, "c", gone, &err), err);
    assert_int_equal(store->ops->faces->remove(store, NULL, gone, &err), LIKEN_E_NOT_FOUND);
    image = read_image(id);
    assert_int_equal(image->face_count, 2);
    assert_int_equal(image->refused_count, 0);
    assert_true(image->revision > revision);
    liken_image_free(image);
    assert_ok(store->ops->faces->remove(store, NULL, came, &err), err);
    expect_healthy();
    assert_ok(lk_upgrade_switch(store, c, SAMPLE_MODEL, &waiting, &err), err);
    image = read_image(id);
    assert_int_equal(image->face_count, 1);
    assert_int_equal(image->faces[0].id, before->faces[0].id);
    assert_int_equal(image->refused_count, 0);
    expect_counts(2, 1, 1);
    assert_int_equal(cold_rows(c), 1);
    liken_image_free(image);
    liken_image_free(before);
}

static void a_removed_collection_changes_no_more(void **state) {
    (void)state;
    const int64_t c = make_collection("c"), id = add(c, 1, 1);
    int64_t waiting = 0;
    const lk_upgrade u = wanted(c, NEW_MODEL);
    const lk_upgraded photo = {.image = id};
    assert_ok(lk_upgrade_begin(store, &u, &err), err);
    assert_ok(store->ops->collections->remove(store, c, false, &err), err);
    assert_int_equal(lk_upgrade_put(store, c, NEW_MODEL, &photo, 1, &err), LIKEN_E_CONFLICT);
    assert_int_equal(lk_upgrade_switch(store, c, NEW_MODEL, &waiting, &err), LIKEN_E_CONFLICT);
}

static void is_one_at_a_time_and_goes_with_its_collection(void **state) {
    (void)state;
    const int64_t c = make_collection("c"), id = add(c, 1, 1);
    lk_upgrade u = wanted(c, NEW_MODEL), found;
    bool there = true, more = true;
    assert_ok(lk_upgrade_get(store, c, &found, &there, &err), err);
    assert_false(there);
    assert_ok(lk_upgrade_begin(store, &u, &err), err);
    assert_ok(lk_upgrade_begin(store, &u, &err), err);
    u = wanted(c, "third-1.0/5");
    assert_int_equal(lk_upgrade_begin(store, &u, &err), LIKEN_E_CONFLICT);
    const lk_upgraded missing = {.image = id, .missing = true};
    assert_int_equal(lk_upgrade_put(store, c, "third-1.0/5", &missing, 1, &err), LIKEN_E_CONFLICT);
    assert_ok(lk_upgrade_put(store, c, NEW_MODEL, &missing, 1, &err), err);
    assert_ok(lk_upgrade_get(store, c, &found, &there, &err), err);
    assert_true(there);
    assert_int_equal(found.missing, 1);
    assert_int_equal(found.ready, 1);
    assert_int_equal(found.waiting, 0);
    assert_false(found.switched);
    reopen();
    u = wanted(c, NEW_MODEL);
    assert_ok(lk_upgrade_begin(store, &u, &err), err); /* its pixels may be back */
    assert_ok(lk_upgrade_get(store, c, &found, &there, &err), err);
    assert_int_equal(found.waiting, 1);
    put_all(c, id);
    assert_ok(store->ops->collections->remove(store, c, false, &err), err);
    while (more)
        assert_ok(store->ops->erasing->step(store, &more, &err), err);
    assert_ok(lk_upgrade_get(store, c, &found, &there, &err), err);
    assert_false(there);
    expect_healthy();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        KIND_TEST(switches_and_goes_back),
        KIND_TEST(what_is_removed_stays_removed),
        KIND_TEST(what_is_removed_has_no_twin),
        KIND_TEST(a_removed_collection_changes_no_more),
        KIND_TEST(is_one_at_a_time_and_goes_with_its_collection),
    };
    return kinds_run(tests, LK_LENGTH(tests));
}
