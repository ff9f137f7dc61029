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

/* "drawn": mean + N(0, total - within) a person + N(0, within) a photo, from the covariances of real descriptors in the
 * folder LIKEN_DESCRIPTORS; "faces": the same, normalised, which is how a collection keeps them unless told otherwise;
 * "spectrum": made up, with distances and a spectrum like theirs; "flat": no dimension matters more than another.
 * NULL: no memory, no such kind, or no such folder. */
gallery *gallery_new(const char *kind);
void gallery_free(gallery *g);
/* Photo `number` of the endless gallery; 128 floats. Negative numbers are photos of people who are not in it. */
void gallery_photo(const gallery *g, int64_t number, float *out);
/* Another photo of the person of photo `number`. */
void gallery_again(const gallery *g, int64_t number, float *out);
/* What is used as a threshold on such descriptors: 0.6, or what that is when they are normalised. */
float gallery_radius(const gallery *g);
/* Where the numbers come from, for the report. */
const char *gallery_source(const gallery *g);

#ifdef __cplusplus
}
#endif
#endif
