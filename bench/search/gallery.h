/* gallery.h - descriptors to measure with, the same in every run. */
#ifndef LK_BENCH_GALLERY_H
#define LK_BENCH_GALLERY_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { GALLERY_DIMENSION = 128, PHOTOS = 5 }; /* photos of a person */

typedef struct gallery gallery;

/* "faces": mean + N(0, total - within) a person + N(0, within) a photo, normalised, from the covariances in the folder
 * LIKEN_DESCRIPTORS; without that folder a spectrum like theirs. "flat": no dimension matters more than another. */
gallery *gallery_new(const char *kind);
void gallery_free(gallery *g);
/* Photo `number` of the endless gallery; 128 floats. Negative numbers are photos of people who are not in it. */
void gallery_photo(const gallery *g, int64_t number, float *out);
/* Another photo of the person of photo `number`. */
void gallery_again(const gallery *g, int64_t number, float *out);
/* Where the numbers come from, for the report. */
const char *gallery_source(const gallery *g);

#ifdef __cplusplus
}
#endif
#endif
