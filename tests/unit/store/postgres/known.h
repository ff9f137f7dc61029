/* known.h - photos in a store, and what searches and the feed must then say: all that was acknowledged is known here
 * too, and looked through by brute force. */
#ifndef LK_UNIT_STORE_POSTGRES_KNOWN_H
#define LK_UNIT_STORE_POSTGRES_KNOWN_H

#include "store/store.h"
#include "unit/store/sample.h"

#include <stdatomic.h>

#define FACES_MAX 400000 /* ids are below */

extern lk_store *store;
extern int64_t people; /* the collection */
extern liken_error err;

/* Every face that was acknowledged: its descriptor, by id. */
extern float (*known)[SAMPLE_DIMENSION];
extern _Atomic bool *is_known;
extern _Atomic int64_t last_known;

void known_begin(void);
void known_end(void);

/* One photo; true when it was acknowledged, and then its faces are known. Any thread. */
bool add_photo(size_t faces, liken_error *why);
void add_photos(int count);

typedef struct near {
    int64_t face;
    double distance;
    bool weak;
} near;

typedef struct answer {
    const float *query;
    near *list;
    size_t count, room;
    bool wrong; /* a face came twice, or not as it was added */
} answer;

int on_near(void *ctx, int64_t face, bool weak, const float *descriptor,
            int dimension); /* an lk_store_query_fn of an answer */
/* What the store says, nearest first; out->list is the caller's to free. */
int search(const float *query, size_t k, float radius, lk_store_missing *missing, answer *out, liken_error *why);
/* Nobody else adds meanwhile: are the nearest of the known faces what the store says? */
void check_answers(int queries);
/* Does the feed have all that is known, each once? */
void check_feed(void);

#endif
