/* store.h - the durable truth: collections, images, faces, descriptors. One struct of functions, one file per database.
 *
 * What a call has acknowledged survives kill -9 and power loss. Writes are all or nothing. Face ids are given in commit
 * order, so that a reader who has seen every face up to id N needs only `id > N` and the deletions since to catch up;
 * this holds for several processes on one store. All functions may be called from any thread. */
#ifndef LK_STORE_STORE_H
#define LK_STORE_STORE_H

#include "base/error.h"

typedef struct lk_store lk_store;

/* A face as a reader of the feed gets it. */
typedef struct lk_store_vector {
    int64_t id, collection, image;
    const float *descriptor;
    int dimension;
} lk_store_vector;
typedef int lk_store_vector_fn(void *ctx, const lk_store_vector *v); /* non-zero stops with that status */
typedef int lk_store_deletion_fn(void *ctx, int64_t seq, int64_t face);

/* What a search needs of a face beside its distance. */
typedef struct lk_store_hit {
    int64_t face, image;
    char *image_id, *file;
    liken_box box;
    int width, height;
} lk_store_hit;

typedef struct lk_store_ops {
    void (*close)(lk_store *s);
    const char *(*name)(const lk_store *s);                 /* "sqlite" */
    int (*id)(lk_store *s, char out[37], liken_error *err); /* random, made with the store */
    int (*check)(lk_store *s, liken_check_fn *fn, void *ctx, int *bad, liken_error *err);
    int (*counts)(lk_store *s, int64_t *collections, int64_t *images, int64_t *faces, liken_error *err);

    int (*collection_create)(lk_store *s, liken_collection *c, liken_error *err); /* sets c->id; CONFLICT */
    int (*collection_get)(lk_store *s, const char *name, liken_collection **out, liken_error *err);
    int (*collection_list)(lk_store *s, liken_collection ***out, size_t *count, liken_error *err);
    int (*collection_remove)(lk_store *s, int64_t id, bool keep_row, liken_error *err);

    /* Adds the image with its faces (and the refused ones); sets ids in *image. When the bytes (sha256) are there
     * already nothing is written and *existing receives that image. Group commit: returns after the fsync. */
    int (*image_add)(lk_store *s, int64_t collection, liken_image *image, liken_image **existing, liken_error *err);
    int (*image_find)(lk_store *s, int64_t collection, const char *sha256, liken_image **out, liken_error *err);
    int (*image_get)(lk_store *s, int64_t collection, int64_t id, liken_image **out,
                     liken_error *err); /* collection 0: any */
    int (*image_list)(lk_store *s, int64_t collection, const liken_list_options *o, liken_image_list **out,
                      liken_error *err);
    int (*image_remove)(lk_store *s, int64_t collection, int64_t id, liken_error *err);
    int (*face_get)(lk_store *s, int64_t id, liken_face **out, int64_t *image, int64_t *collection, liken_error *err);
    int (*face_remove)(lk_store *s, int64_t id, liken_error *err);

    /* Fills hits[i] for faces[i]; a face deleted meanwhile gets .face = 0. Strings are malloc'd. */
    int (*hits)(lk_store *s, const int64_t *faces, size_t count, lk_store_hit *hits, liken_error *err);
    /* Face ids whose image carries all tags and lies in the time range, ascending, malloc'd. */
    int (*faces_where)(lk_store *s, int64_t collection, const liken_search_options *o, int64_t **out, size_t *count,
                       liken_error *err);

    /* Changes whenever any process committed; cheap. */
    int (*version)(lk_store *s, int64_t *version, liken_error *err);
    /* The largest face id and the last seq of a removal that were ever given; 0 for none. */
    int (*marks)(lk_store *s, int64_t *face, int64_t *deletion, liken_error *err);
    int (*vectors_after)(lk_store *s, int64_t after_face, lk_store_vector_fn *fn, void *ctx, liken_error *err);
    int (*deletions_after)(lk_store *s, int64_t after_seq, lk_store_deletion_fn *fn, void *ctx, liken_error *err);
} lk_store_ops;

struct lk_store {
    const lk_store_ops *ops;
};

/* `where` is a connection string of libpq ("postgres://..."). The schema is made unless read_only. STORE, ARG. */
int lk_store_open_postgres(lk_store **out, const char *where, bool read_only, liken_error *err);
int lk_store_open_sqlite(lk_store **out, const char *folder, bool read_only, liken_error *err);

#endif
