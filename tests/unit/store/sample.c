#include "unit/test.h"

#include "unit/store/sample.h"

#include "base/crypto.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void sample_folder_make(struct sample_folder *f) {
    const char *base = getenv("TMPDIR");
    (void)snprintf(f->path, sizeof f->path, "%.30s/liken-test-XXXXXX", base == NULL ? "/tmp" : base);
    assert_non_null(mkdtemp(f->path));
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *walk) {
    (void)status;
    (void)kind;
    (void)walk;
    return remove(path);
}

void sample_folder_remove(struct sample_folder *f) {
    assert_int_equal(nftw(f->path, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

int64_t sample_collection(lk_store *s, const char *name, const char *model, liken_metric metric) {
    liken_error err;
    liken_collection c = {.name = strdup(name),
                          .model = strdup(model),
                          .dimension = SAMPLE_DIMENSION,
                          .metric = metric,
                          .threshold = 0.375f,
                          .created_at = 1700000000};
    assert_ok(s->ops->collections->create(s, &c, &err), err);
    free(c.name);
    free(c.model);
    return c.id;
}

static unsigned next(unsigned *seed) {
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

static float real(unsigned *seed) {
    return (float)next(seed) / 16777216.0f - 0.5f;
}

static void fill(liken_face *f, unsigned *seed, bool describe) {
    f->box = (liken_box){real(seed) * 100, real(seed), 100 + real(seed), 120 + real(seed)};
    for (size_t i = 0; i < 5; i++)
        f->landmarks[i] = (liken_point){real(seed) * 640, real(seed) * 480};
    f->confidence = 0.75f + real(seed) / 4;
    f->quality = (liken_quality){real(seed), real(seed), real(seed), real(seed), real(seed), real(seed), real(seed)};
    f->dimension = SAMPLE_DIMENSION;
    if (!describe) {
        f->reason = LIKEN_TOO_SMALL;
        return;
    }
    f->descriptor = calloc(SAMPLE_DIMENSION, sizeof *f->descriptor);
    assert_non_null(f->descriptor);
    for (size_t i = 0; i < SAMPLE_DIMENSION; i++)
        f->descriptor[i] = real(seed);
    f->weak = (*seed >> 16) % 2 == 1;
}

void sample_set(char **text, const char *value) {
    free(*text);
    *text = strdup(value);
    assert_non_null(*text);
}

liken_image *sample_image(unsigned seed, size_t faces) {
    char text[64];
    liken_image *image = calloc(1, sizeof *image);
    assert_non_null(image);
    lk_sha256_hex(&seed, sizeof seed, image->sha256);
    (void)snprintf(text, sizeof text, "photos/%u.jpg", seed);
    sample_set(&image->file, text);
    (void)snprintf(text, sizeof text, "%u", seed);
    sample_set(&image->image_id, text);
    sample_set(&image->model, SAMPLE_MODEL);
    sample_set(&image->detector, "yunet");
    image->tags = calloc(2, sizeof(*image->tags));
    assert_non_null(image->tags);
    image->tag_count = 2;
    sample_set(&image->tags[0], "a tag");
    sample_set(&image->tags[1], "b tag");
    image->captured_at = 1600000000 + (int64_t)seed;
    image->added_at = 1700000000;
    image->width = 640;
    image->height = 480;
    image->faces = calloc(faces + 1, sizeof *image->faces);
    image->refused = calloc(1, sizeof *image->refused);
    assert_non_null(image->faces);
    assert_non_null(image->refused);
    image->face_count = faces;
    image->refused_count = 1;
    unsigned state = seed * 2654435761u + 1;
    for (size_t i = 0; i < faces; i++)
        fill(&image->faces[i], &state, true);
    fill(&image->refused[0], &state, false);
    return image;
}
