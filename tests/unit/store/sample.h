/* sample.h - made-up photos for the store's tests: everything about one follows from its seed. */
#ifndef LK_TESTS_STORE_SAMPLE_H
#define LK_TESTS_STORE_SAMPLE_H

#include "store/store.h"

#define SAMPLE_MODEL "test-1.0/68/0.20"
#define SAMPLE_DIMENSION 128

struct sample_folder {
    char path[64];
};

void sample_folder_make(struct sample_folder *f);   /* a new folder below $TMPDIR or /tmp */
void sample_folder_remove(struct sample_folder *f); /* with everything in it */

/* Makes a collection; its id. */
int64_t sample_collection(lk_store *s, const char *name, const char *model, liken_metric metric);

/* With `faces` kept faces, one refused one, two tags and labels; not stored. */
liken_image *sample_image(unsigned seed, size_t faces);

/* Replaces a string of an image. */
void sample_set(char **text, const char *value);

#endif
