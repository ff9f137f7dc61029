/* names.h - the names of photos, labels and image_ids (store/sqlite/names.c says what they are). No index holds to a
 * label naming one photo alone: labels may be longer than an index entry. There is one writer at a time, who looks. */
#ifndef LK_STORE_POSTGRES_NAMES_H
#define LK_STORE_POSTGRES_NAMES_H

#include "store/postgres/postgres_int.h"

/* A label, and where it is a file's the place of that, which `image` is to have alone. */
typedef struct lk_postgres_claim {
    int64_t collection, image;
    const liken_label *label;    /* borrowed */
    const char *actor, *request; /* on whose behalf, or NULL */
    int64_t replaced;            /* out: the photo that lost it; 0: none */
} lk_postgres_claim;
/* Takes them from the photos that have them. Inside lk_postgres_write; *changed is set when one had. */
int lk_postgres_claim_all(lk_pg_conn *c, const lk_postgres_write_state *w, lk_postgres_claim *claims, size_t count,
                          bool *changed, liken_error *err);

/* ---- the operations ---- */

int lk_postgres_image_extend(lk_store *s, int64_t collection, int64_t id, const liken_image *with, liken_image **out,
                             liken_error *err);
int lk_postgres_name_remove(lk_store *s, int64_t collection, int64_t id, const char *file, const char *image_id,
                            bool *removed, liken_error *err);
int lk_postgres_file_find(lk_store *s, int64_t collection, const char *place, const char *file, liken_file **out,
                          liken_mark *mark, liken_error *err);
int lk_postgres_files_between(lk_store *s, int64_t collection, const lk_store_range *range, int64_t after,
                              liken_file_list **out, liken_error *err);
int lk_postgres_lost(lk_store *s, int64_t collection, int64_t after, int64_t ids[1000], size_t *count,
                     liken_error *err);
int lk_postgres_lost_remove(lk_store *s, int64_t collection, int64_t id, bool *removed, liken_error *err);

#endif
