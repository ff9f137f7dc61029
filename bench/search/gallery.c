#include "gallery.h"

#include "kern/search/loops.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { D = GALLERY_DIMENSION };

struct gallery {
    _Alignas(64) float between[D * D], within[D * D], mean[D]; /* lower triangular roots of the covariances */
    bool normal;
    float radius;
    const char *source;
};

static uint64_t mix(uint64_t z) {
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* Nearly normal: the sum of four 16-bit uniforms, scaled to variance 1. */
static void normals(uint64_t stream, float *out) {
    for (uint64_t i = 0; i < D; i++) {
        const uint64_t z = mix(stream * 0x9e3779b97f4a7c15u + (i + 1) * 0xd1b54a32d192ed03u);
        const int sum = (int)(z & 0xffff) + (int)(z >> 16 & 0xffff) + (int)(z >> 32 & 0xffff) + (int)(z >> 48);
        out[i] = ((float)sum - 131070.0f) / 37837.2f;
    }
}

/* Cholesky; directions without variance get none. */
static void root(const float *covariance, float *out) {
    double l[D * D] = {0};
    for (int i = 0; i < D; i++)
        for (int j = 0; j <= i; j++) {
            double sum = (double)covariance[i * D + j];
            for (int k = 0; k < j; k++)
                sum -= l[i * D + k] * l[j * D + k];
            if (i == j)
                l[i * D + i] = sum > 1e-9 ? sqrt(sum) : 0;
            else
                l[i * D + j] = l[j * D + j] > 0 ? sum / l[j * D + j] : 0;
        }
    for (int i = 0; i < D * D; i++)
        out[i] = (float)l[i];
}

static bool load(const char *folder, const char *name, float *out, size_t count) {
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "rb");
    const size_t got = f != NULL ? fread(out, sizeof *out, count, f) : 0;
    if (f != NULL)
        (void)fclose(f);
    return got == count;
}

static bool load_covariances(gallery *g) {
    static float total[D * D], within[D * D];
    const char *folder = getenv("LIKEN_DESCRIPTORS");
    if (folder == NULL || !load(folder, "total_cov.f32", total, D * D) ||
        !load(folder, "within_cov.f32", within, D * D) || !load(folder, "mean.f32", g->mean, D))
        return false;
    for (int i = 0; i < D * D; i++)
        total[i] -= within[i];
    root(total, g->between);
    root(within, g->within);
    return true;
}

/* Turns the coordinates into a basis that is nobody's: x - 2 u (u.x) for a u without a favourite among them. */
static void reflect(float *matrix) {
    float u[D], norm = 0;
    normals(77, u);
    for (int i = 0; i < D; i++)
        norm += u[i] * u[i];
    for (int j = 0; j < D; j++) {
        float dot = 0;
        for (int i = 0; i < D; i++)
            dot += u[i] * matrix[i * D + j];
        for (int i = 0; i < D; i++)
            matrix[i * D + j] -= 2 * u[i] * dot / norm;
    }
}

/* 13, 49 and 71 dimensions hold about 50, 90 and 99 % of the variance, as in real descriptors. */
static void make_spectrum(gallery *g) {
    for (int i = 0; i < D; i++) {
        const float share = i < 77 ? expf(-(float)i / 21.0f) * 0.05f : 1e-9f;
        g->between[i * D + i] = sqrtf(0.74f * 0.33f * share);
        g->within[i * D + i] = sqrtf(0.26f * 0.33f / 77) * (i < 77);
        g->mean[i] = 1.307f / sqrtf(D);
    }
    reflect(g->between);
    reflect(g->within);
}

static bool make_flat(gallery *g) {
    for (int i = 0; i < D; i++) {
        g->between[i * D + i] = 0.05f;
        g->within[i * D + i] = 0.02f;
    }
    return true;
}

gallery *gallery_new(const char *kind) {
    gallery *g = aligned_alloc(64, (sizeof *g + 63) / 64 * 64);
    bool made = false;
    if (g == NULL)
        return NULL;
    memset(g, 0, sizeof *g);
    g->radius = 0.6f;
    if (strcmp(kind, "flat") == 0) {
        made = make_flat(g);
        g->source = "equal variances, normal";
    } else if (strcmp(kind, "spectrum") == 0) {
        make_spectrum(g);
        made = true;
        g->source = "a spectrum like that of real descriptors";
    } else if (strcmp(kind, "drawn") == 0 || strcmp(kind, "faces") == 0) {
        made = load_covariances(g);
        g->source = "covariances of real descriptors";
        if (strcmp(kind, "faces") == 0) {
            g->normal = true;
            g->radius = 0.42f;
            g->source = "covariances of real descriptors, normalised";
        }
    }
    if (made)
        return g;
    free(g);
    return NULL;
}

void gallery_free(gallery *g) {
    free(g);
}

const char *gallery_source(const gallery *g) {
    return g->source;
}

float gallery_radius(const gallery *g) {
    return g->radius;
}

static void make(const gallery *g, uint64_t person, uint64_t photo, float *out) {
    _Alignas(64) float a[D], b[D], x[D], y[D];
    normals(2 * person, a);
    normals(2 * photo + 1, b);
    lk_loops_get()->dots(a, g->between, D, D, x);
    lk_loops_get()->dots(b, g->within, D, D, y);
    float sum = 0;
    for (int i = 0; i < D; i++) {
        out[i] = g->mean[i] + x[i] + y[i];
        sum += out[i] * out[i];
    }
    for (int i = 0; g->normal && i < D; i++)
        out[i] /= sqrtf(sum);
}

void gallery_photo(const gallery *g, int64_t number, float *out) {
    const int64_t person = number >= 0 ? number / PHOTOS : number;
    make(g, (uint64_t)person, (uint64_t)number, out);
}

void gallery_again(const gallery *g, int64_t number, float *out) {
    make(g, (uint64_t)(number / PHOTOS), (uint64_t)number + (UINT64_C(1) << 40), out);
}
