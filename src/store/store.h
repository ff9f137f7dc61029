/* store.h - the durable truth: collections, images, faces, descriptors. A table of
 * functions in groups, one table per database; a group that is NULL is what that store cannot do.
 *
 * What a call has acknowledged survives kill -9 and power loss. Writes are all or nothing. Face ids are given in commit
 * order, so that a reader who has seen every face up to id N needs only `id > N` and the deletions since to catch up;
 * this holds for several processes on one store. All functions may be called from any thread. */
#ifndef LK_STORE_STORE_H
#define LK_STORE_STORE_H

#include "base/error.h"

typedef struct lk_store lk_store;

/* A face's id and class in one number, which is in the order of ids: what an index calls it, so that each of its states
 * knows the class of all that it holds. */
static inline int64_t lk_face_key(int64_t face, bool weak) {
    return 2 * face + weak;
}

static inline int64_t lk_key_face(int64_t key) {
    return (key - (key & 1)) / 2;
}

static inline bool lk_key_weak(int64_t key) {
    return (key & 1) != 0;
}

/* A face as a reader of the feed gets it. */
typedef struct lk_store_vector {
    int64_t id, collection, image;
    const float *descriptor;
    int dimension;
    bool weak;
    int64_t generation; /* of its collection (liken_collection), when the descriptor was read; -1: not known */
} lk_store_vector;
typedef int lk_store_vector_fn(void *ctx, const lk_store_vector *v); /* non-zero stops with that status */
typedef int lk_store_deletion_fn(void *ctx, int64_t seq, int64_t face);

/* What a search needs of a face beside its distance. */
typedef struct lk_store_match {
    int64_t face, image;
    char *image_id, *file; /* the first of */
    char **image_ids, **files;
    size_t image_id_count, file_count;
    liken_box box;
    int width, height;
    int64_t captured_at; /* LIKEN_NO_TIME: not known */
    bool weak;
} lk_store_match;

/* Parts of a store (shards of a cluster) that were not asked because they do not answer. */
#define LK_STORE_PARTS 64
typedef struct lk_store_missing {
    size_t count;
    char names[LK_STORE_PARTS][33];
} lk_store_missing;

/* A search that the database does. */
typedef struct lk_store_query {
    int64_t collection;
    const float *vector; /* as the collection compares: normalised where it does so */
    int dimension;
    float radius;          /* of good faces; INFINITY: none */
    float weak_radius;     /* of weak ones */
    size_t k;              /* 1..10000 */
    bool all;              /* not the nearest but every face within the radius; k, of any size, is then how many are of
                              interest: of more, some may be left out */
    const int64_t *except; /* faces that may not come, except_count of them */
    size_t except_count;
    const liken_search_options *filter; /* its tags and times count */
    lk_store_missing *missing; /* NULL: a part that does not answer fails the search (BUSY); else it is left out and
                                  added here, where it is not yet */
} lk_store_query;
/* A face that may be among the k nearest, and its class, unless both have the same radius; its descriptor is as the
 * network gave it, or, where all are asked for, NULL when the face lies within the radius for sure. Each face comes
 * once. With a face of 0 the search begins anew, and all that came before is to be forgotten. Non-zero stops with that
 * status. */
typedef int lk_store_query_fn(void *ctx, int64_t face, bool weak, const float *descriptor, int dimension);

/* Files by bytes: from <= label < to, where no place is known; place_from <= place < place_to, unless those are NULL.
 */
typedef struct lk_store_range {
    const char *from, *to, *place_from, *place_to;
} lk_store_range;

/* A finding of a doctor: what was looked at, the verdict, and a sentence. */
typedef void lk_check_fn(void *ctx, const char *what, liken_verdict verdict, const char *message);

typedef struct lk_store_collections {
    LK_CHECKED int (*create)(lk_store *s, liken_collection *c, liken_error *err); /* sets c->id; CONFLICT */
    LK_CHECKED int (*get)(lk_store *s, const char *name, liken_collection **out, liken_error *err);
    LK_CHECKED int (*list)(lk_store *s, liken_collection ***out, size_t *count, liken_error *err);
    /* It is gone with everything in it, for every reader and at once, and its name is free; `again`: there is one of
     * that name at once, empty, with another id. What it held is erased by lk_store_erasing. */
    LK_CHECKED int (*remove)(lk_store *s, int64_t id, bool again, liken_error *err);
    /* How it is searched. UNSUPPORTED says what is missing. */
    LK_CHECKED int (*search_set)(lk_store *s, int64_t collection, liken_search search, liken_error *err);
} lk_store_collections;

typedef struct lk_store_images {
    /* Adds the image with its faces (and the refused ones) and its names (lk_image_names); sets ids in *image. When the
     * bytes (sha256) are there already that is names->extend, and *existing receives that image. Sets ->replaced. Faces
     * may turn out to be refused (inside.h); `face_required`: NO_FACE where that leaves none. Group commit: returns
     * after the fsync. */
    LK_CHECKED int (*add)(lk_store *s, int64_t collection, liken_image *image, bool face_required,
                          liken_image **existing, liken_error *err);
    LK_CHECKED int (*find)(lk_store *s, int64_t collection, const char *sha256, liken_image **out, liken_error *err);
    LK_CHECKED int (*get)(lk_store *s, int64_t collection, int64_t id, liken_image **out,
                          liken_error *err); /* collection 0: any */
    /* ->describe: a face that is removed meanwhile is left out. */
    LK_CHECKED int (*list)(lk_store *s, int64_t collection, const liken_list_options *o, liken_image_list **out,
                           liken_error *err);
    /* liken_image_change, with tags that are sorted and each there once, and metadata in one line. collection 0: any.
     * NULL: it cannot. */
    LK_CHECKED int (*change)(lk_store *s, int64_t collection, int64_t id, const liken_image_changes *changes,
                             liken_image **out, liken_error *err);
    LK_CHECKED int (*remove)(lk_store *s, int64_t collection, int64_t id, liken_error *err);
} lk_store_images;

typedef struct lk_store_faces {
    /* A face of the collection named `in`; NULL: of any. *image and *collection, which may be NULL: where it is. */
    LK_CHECKED int (*get)(lk_store *s, const char *in, int64_t id, liken_face **out, int64_t *image,
                          int64_t *collection, liken_error *err);
    LK_CHECKED int (*remove)(lk_store *s, const char *in, int64_t id, liken_error *err); /* `in`: as above */
    /* Fills matches[i] for faces[i]; a face deleted meanwhile gets .face = 0. Strings are malloc'd. */
    LK_CHECKED int (*matches)(lk_store *s, const int64_t *faces, size_t count, lk_store_match *matches,
                              liken_error *err);
    /* Keys (lk_face_key) of the faces whose image carries all tags and lies in the time range, ascending, malloc'd. */
    LK_CHECKED int (*where)(lk_store *s, int64_t collection, const liken_search_options *o, int64_t **out,
                            size_t *count, liken_error *err);
} lk_store_faces;

/* NULL: an image is one face, of the same id. */
typedef struct lk_store_members {
    /* The faces of these images, in any order, malloc'd. */
    LK_CHECKED int (*faces_of)(lk_store *s, const int64_t *images, size_t count, int64_t **out, size_t *faces,
                               liken_error *err);
    /* images[i] is that of faces[i], or 0 when there is no such face. */
    LK_CHECKED int (*images_of)(lk_store *s, const int64_t *faces, size_t count, int64_t *images, liken_error *err);
} lk_store_members;

/* NULL: a photo has one name, and its bytes are not known again. */
typedef struct lk_store_names {
    /* Adds the names and tags of `with` to those of an image, and captured_at where it has none; *out is the image
     * then, with ->extended and ->replaced set. */
    LK_CHECKED int (*extend)(lk_store *s, int64_t collection, int64_t id, const liken_image *with, liken_image **out,
                             liken_error *err);
    /* liken_name_remove. */
    LK_CHECKED int (*remove)(lk_store *s, int64_t collection, int64_t id, const char *file, const char *image_id,
                             bool *removed, liken_error *err);
    /* The LIKEN_LABEL_FILE `file`, or the one at `place` where that is not NULL; *mark, which may be NULL, is its mark;
     * *out NULL: there is none. */
    LK_CHECKED int (*file_find)(lk_store *s, int64_t collection, const char *place, const char *file, liken_file **out,
                                liken_mark *mark, liken_error *err);
    /* A page of liken_files_below. */
    LK_CHECKED int (*files_between)(lk_store *s, int64_t collection, const lk_store_range *range, int64_t after,
                                    liken_file_list **out, liken_error *err);
    /* Up to 1000 lost images beyond `after`, ascending. */
    LK_CHECKED int (*lost)(lk_store *s, int64_t collection, int64_t after, int64_t ids[1000], size_t *count,
                           liken_error *err);
    /* Removes an image if it is lost; *removed. */
    LK_CHECKED int (*lost_remove)(lk_store *s, int64_t collection, int64_t id, bool *removed, liken_error *err);
} lk_store_names;

typedef struct lk_store_feed {
    /* Changes whenever any process committed; cheap. */
    LK_CHECKED int (*version)(lk_store *s, int64_t *version, liken_error *err);
    /* The largest face id and the last seq of a removal that were ever given; 0 for none. */
    LK_CHECKED int (*marks)(lk_store *s, int64_t *face, int64_t *deletion, liken_error *err);
    LK_CHECKED int (*vectors_after)(lk_store *s, int64_t after_face, lk_store_vector_fn *fn, void *ctx,
                                    liken_error *err);
    LK_CHECKED int (*deletions_after)(lk_store *s, int64_t after_seq, lk_store_deletion_fn *fn, void *ctx,
                                      liken_error *err);
} lk_store_feed;

/* What happened, in one order (store/events.h). NULL: it does not tell. */
typedef struct lk_store_events {
    /* liken_events_after; `collection` 0: all, else `name` is its name, by which earlier ones of it are told as
     * removed. GONE. */
    LK_CHECKED int (*after)(lk_store *s, int64_t collection, const char *name, int64_t after, int limit,
                            liken_event_list **out, liken_error *err);
    /* Lets go of a part of what is not among the last `keep`; *more: call again. Any number of processes may. */
    LK_CHECKED int (*trim)(lk_store *s, int64_t keep, bool *more, liken_error *err);
} lk_store_events;

/* NULL, but in a store that cannot give face ids in the order of commits: there faces have numbers beside their ids,
 * good until the store is closed, and the numbers are what the feed calls faces and what faces->matches takes. */
typedef struct lk_store_numbers {
    int64_t (*of)(lk_store *s, int64_t face); /* 0: it has none */
} lk_store_numbers;

/* What removed collections held. NULL: nothing is ever left to be erased. */
typedef struct lk_store_erasing {
    /* Erases a part of it, in a transaction of its own, each face with its line in the feed of removals; *more: call
     * again. Any number of processes may. */
    LK_CHECKED int (*step)(lk_store *s, bool *more, liken_error *err);
    LK_CHECKED int (*left)(lk_store *s, int64_t *images, liken_error *err); /* images that are still to be erased */
} lk_store_erasing;

/* What is kept of photos to be looked at. It goes into the store with the photo (->pictures, of which what its
 * collection does not keep is left out) and leaves it with the photo. NULL: nothing is kept. */
typedef struct lk_store_pictures {
    /* With its bytes, which are the caller's to free. collection 0: any. NOT_FOUND. */
    LK_CHECKED int (*get)(lk_store *s, int64_t collection, int64_t image, liken_keep kind, liken_picture *out,
                          liken_error *err);
    /* Gives a photo what it has not got and its collection keeps. NOT_FOUND: there is no such photo. */
    LK_CHECKED int (*put)(lk_store *s, int64_t image, const liken_picture *pictures, size_t count, liken_error *err);
    /* How much is kept of the photos that come from now on, */
    LK_CHECKED int (*keep)(lk_store *s, int64_t collection, liken_keep keep, liken_error *err);
    /* and a part of what is kept beyond that is erased, in a transaction of its own; *more: call again. */
    LK_CHECKED int (*trim)(lk_store *s, int64_t collection, bool *more, liken_error *err);
    /* Random, made with the store and known to nobody but who can read it: what links are signed with. */
    LK_CHECKED int (*secret)(lk_store *s, uint8_t out[32], liken_error *err);
} lk_store_pictures;

/* A store as a copy of another, ids and all (liken move). NULL in one that keeps its ids to itself. */
typedef struct lk_store_copying {
    /* The id of the store that this is a copy of, while it is not finished; else "". */
    LK_CHECKED int (*of)(lk_store *s, char source[37], liken_error *err);
    /* Images beyond `after`, of all collections, ascending, with the descriptors of their faces: at most `limit`
     * (1..1000), and a page ends sooner where its images hold LK_STORE_PAGE_FACES faces. An empty page: there are no
     * more. */
    LK_CHECKED int (*page)(lk_store *s, int64_t after, int limit, liken_image_list **out, liken_error *err);
    /* Makes an empty store a copy under way, or goes on with one; *last: the last image that it has, 0 for none.
     * CONFLICT: it holds photos of its own, or is a copy of another. */
    LK_CHECKED int (*begin)(lk_store *s, const char *source, int64_t *last, liken_error *err);
    /* Stores images under the ids that they and their faces have, with their ->pictures, whose bytes a page does not
     * have; collections[i] is where images[i] goes. */
    LK_CHECKED int (*put)(lk_store *s, const int64_t *collections, liken_image *const *images, size_t count,
                          liken_error *err);
    /* It is a store of its own from now on; no face id up to `face` will be given, nor a number of an event
     * up to `event`, the last of the source. */
    LK_CHECKED int (*end)(lk_store *s, int64_t face, int64_t event, liken_error *err);
} lk_store_copying;

/* Searching inside the database. NULL: it cannot, and all vectors are to be in memory. */
typedef struct lk_store_searching {
    /* Calls `fn`, in any order, with faces among which the k nearest within the radius surely are, however the
     * distance is rounded. *exact: false where an approximate index was chosen; then some may be missed, and *recall
     * says how many were found when that was last measured (else it is 1). */
    LK_CHECKED int (*find)(lk_store *s, const lk_store_query *query, lk_store_query_fn *fn, void *ctx, bool *exact,
                           double *recall, liken_error *err);
    /* Faces that a search may compare: those the filter lets through, without `except` (0: none). */
    LK_CHECKED int (*count)(lk_store *s, int64_t collection, const liken_search_options *filter, int64_t except,
                            uint64_t *count, liken_error *err);
    /* Makes the database quick for a collection of LIKEN_SEARCH_AUTO that this process has no room for. */
    LK_CHECKED int (*want)(lk_store *s, int64_t collection, liken_error *err);
    /* Does some of the work that is due to keep the database quick; *more: call again. Several processes may. */
    LK_CHECKED int (*tend)(lk_store *s, bool *more, liken_error *err);
    /* feed->vectors_after without the faces of these collections. */
    LK_CHECKED int (*vectors_except)(lk_store *s, int64_t after_face, const int64_t *collections, size_t count,
                                     lk_store_vector_fn *fn, void *ctx, liken_error *err);
} lk_store_searching;

/* Changing the model of a collection (upgrade.h). NULL: it cannot. */
typedef struct lk_store_upgrading {
    LK_CHECKED int (*may)(lk_store *s, int64_t collection, liken_error *err); /* NULL: always */
    LK_CHECKED int (*swap)(lk_store *s, int64_t collection, const char *model, int64_t *waiting, liken_error *err);
} lk_store_upgrading;

typedef struct lk_store_ops {
    void (*close)(lk_store *s);
    const char *(*name)(const lk_store *s);                            /* "sqlite" */
    LK_CHECKED int (*id)(lk_store *s, char out[37], liken_error *err); /* random, made with the store */
    LK_CHECKED int (*check)(lk_store *s, lk_check_fn *fn, void *ctx, int *bad, liken_error *err);
    /* READ_ONLY, with the reason, where the store cannot be changed now. */
    LK_CHECKED int (*writable)(lk_store *s, liken_error *err);
    /* FULL, with the reason, while nothing can be written for want of room. */
    LK_CHECKED int (*room)(lk_store *s, liken_error *err);
    LK_CHECKED int (*counts)(lk_store *s, int64_t *collections, int64_t *images, int64_t *faces, liken_error *err);

    /* in every store */
    const lk_store_collections *collections;
    const lk_store_images *images;
    const lk_store_faces *faces;
    const lk_store_feed *feed;

    /* NULL where it cannot; what that means is said at each */
    const lk_store_members *members;
    const lk_store_names *names;
    const lk_store_events *events;
    const lk_store_numbers *numbers;
    const lk_store_erasing *erasing;
    const lk_store_pictures *pictures;
    const lk_store_copying *copy;
    const lk_store_searching *searching;
    const lk_store_upgrading *upgrading;
    const struct lk_store_sql *sql; /* sql.h; NULL: it has no tables of liken's own */
} lk_store_ops;

struct lk_store {
    const lk_store_ops *ops;
    const struct lk_inside *inside; /* inside.h; NULL: nobody acts in its transactions */
};

/* How a store is opened: made or brought up to this liken's form where need be; as it is, and nothing written; as it
 * is. NOT_FOUND and STORE where the latter two find none, or an older one. One that cannot be written is open for
 * reading all the same. */
typedef enum lk_store_how { LK_STORE_MAKE, LK_STORE_READ, LK_STORE_THERE } lk_store_how;

/* `where` is a connection string of libpq ("postgres://..."). STORE, ARG. */
LK_CHECKED int lk_store_open_postgres(lk_store **out, const char *where, lk_store_how how, liken_error *err);
/* Serves a legacy table in place, as the one collection `about` describes (name, model, dimension, metric,
 * threshold, created_at; copied). Its ids do not come in the order of commits, so it has the op `number`; all else has
 * the row's id. `table` is TABLE or SCHEMA.TABLE. NOT_FOUND, UNSUPPORTED (not of the legacy form), STORE, ARG. */
LK_CHECKED int lk_store_open_legacy(lk_store **out, const char *where, const char *table, bool read_only,
                                    const liken_collection *about, liken_error *err);
LK_CHECKED int lk_store_open_sqlite(lk_store **out, const char *folder, lk_store_how how, liken_error *err);

/* ---- objects.c: the names of images and matches; false when out of memory ---- */

/* Adds a label, with what may be NULL of it; the first that is not lost becomes ->file. */
bool lk_image_label(liken_image *image, const char *file, liken_label_kind kind, const char *place,
                    const liken_mark *mark);
bool lk_image_id(liken_image *image, const char *image_id);
void lk_image_forget_labels(liken_image *image);
/* The names that an image is stored with: its labels, or ->file alone as one that is shared; its image_ids, or
 * ->image_id alone. How many there are; the i-th when there are so many, borrowed. */
size_t lk_image_names(const liken_image *image, size_t i, liken_label *label);
size_t lk_image_id_names(const liken_image *image, size_t i, const char **image_id);
/* Adds a picture and takes over its bytes, unless it fails: MEMORY. */
LK_CHECKED int lk_image_picture(liken_image *image, const liken_picture *picture, liken_error *err);
bool lk_store_match_file(lk_store_match *match, const char *file);
bool lk_store_match_image_id(lk_store_match *match, const char *image_id);
void lk_store_match_clear(lk_store_match *match);

#endif
