#include "base/eigen.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static double dot(const double *x, const double *y, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += x[i] * y[i];
    return sum;
}

/* The reflector that maps column k of `a`, below the diagonal, onto its first component: `v` (m = n-k-1 components,
 * unit length, or zero when the column is zero already). Returns that component. */
static double reflector(const double *a, size_t n, size_t k, double *v) {
    const size_t m = n - k - 1;
    for (size_t i = 0; i < m; i++)
        v[i] = a[(k + 1 + i) * n + k];
    const double norm = sqrt(dot(v, v, m)), first = v[0];
    if (norm == 0)
        return 0;
    const double image = first > 0 ? -norm : norm;
    v[0] = first - image;
    const double length = sqrt(dot(v, v, m));
    for (size_t i = 0; i < m; i++)
        v[i] = length > 0 ? v[i] / length : 0;
    return image;
}

/* The block below and right of k becomes H A H with H = 1 - 2 v v'. */
static void reflect_both_sides(double *a, size_t n, size_t k, const double *v, double *w) {
    const size_t m = n - k - 1;
    double *block = a + (k + 1) * n + k + 1;
    for (size_t i = 0; i < m; i++)
        w[i] = 2 * dot(block + i * n, v, m);
    const double half = dot(v, w, m);
    for (size_t i = 0; i < m; i++)
        w[i] -= half * v[i];
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < m; j++)
            block[i * n + j] -= v[i] * w[j] + w[i] * v[j];
}

/* Rows from k+1 on become H times themselves. */
static void reflect_rows(double *z, size_t n, size_t k, const double *v, double *w) {
    const size_t m = n - k - 1;
    memset(w, 0, n * sizeof *w);
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++)
            w[j] += 2 * v[i] * z[(k + 1 + i) * n + j];
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++)
            z[(k + 1 + i) * n + j] -= v[i] * w[j];
}

/* d: diagonal, e[i]: between i and i+1; z receives the transformation, transposed. */
static void tridiagonal(double *a, size_t n, double *d, double *e, double *z, double *v, double *w) {
    memset(z, 0, n * n * sizeof *z);
    for (size_t i = 0; i < n; i++)
        z[i * n + i] = 1;
    for (size_t k = 0; k + 2 < n; k++) {
        d[k] = a[k * n + k];
        e[k] = reflector(a, n, k, v);
        reflect_both_sides(a, n, k, v, w);
        reflect_rows(z, n, k, v, w);
    }
    d[n - 2] = a[(n - 2) * n + n - 2];
    e[n - 2] = a[(n - 1) * n + n - 2];
    d[n - 1] = a[n * n - 1];
    e[n - 1] = 0;
}

static void turn(double *x, double *y, size_t n, double c, double s) {
    for (size_t i = 0; i < n; i++) {
        const double t = y[i];
        y[i] = s * x[i] + c * t;
        x[i] = c * x[i] - s * t;
    }
}

/* One implicit QL step on the unreduced rows low..high. */
static void ql_step(double *d, double *e, double *z, size_t n, size_t low, size_t high) {
    double g = (d[low + 1] - d[low]) / (2 * e[low]);
    const double root = hypot(g, 1);
    g = d[high] - d[low] + e[low] / (g + copysign(root, g));
    double s = 1, c = 1, p = 0;
    for (size_t i = high; i-- > low;) {
        const double f = s * e[i], b = c * e[i], r = hypot(f, g);
        e[i + 1] = r;
        if (r == 0) {
            d[i + 1] -= p;
            e[high] = 0;
            return;
        }
        s = f / r;
        c = g / r;
        g = d[i + 1] - p;
        const double t = (d[i] - g) * s + 2 * c * b;
        p = s * t;
        d[i + 1] = g + p;
        g = c * t - b;
        turn(z + i * n, z + (i + 1) * n, n, c, s);
    }
    d[low] -= p;
    e[low] = g;
    e[high] = 0;
}

static void diagonal(double *d, double *e, double *z, size_t n) {
    for (size_t low = 0; low < n; low++)
        for (int steps = 0; steps < 60;
             steps++) { /* far more than ever needed; what is left then is an approximation */
            size_t high = low;
            while (high + 1 < n && fabs(e[high]) > 1e-16 * (fabs(d[high]) + fabs(d[high + 1])))
                high++;
            if (high == low)
                break;
            ql_step(d, e, z, n, low, high);
        }
}

/* Rows of z in descending order of d, into `a` and `values`. */
static void order(double *a, size_t n, double *values, double *d, const double *z) {
    for (size_t i = 0; i < n; i++) {
        size_t best = 0;
        for (size_t j = 1; j < n; j++)
            if (d[j] > d[best])
                best = j;
        values[i] = d[best];
        d[best] = -INFINITY;
        memcpy(a + i * n, z + best * n, n * sizeof *a);
    }
}

bool lk_eigen(double *a, size_t n, double *values) {
    double *z = malloc(n * n * sizeof *z), *d = malloc(n * sizeof *d), *e = malloc(n * sizeof *e);
    double *v = malloc(n * sizeof *v), *w = malloc(n * sizeof *w);
    const bool ok = z != NULL && d != NULL && e != NULL && v != NULL && w != NULL;
    if (ok) {
        tridiagonal(a, n, d, e, z, v, w);
        diagonal(d, e, z, n);
        order(a, n, values, d, z);
    }
    free(z);
    free(d);
    free(e);
    free(v);
    free(w);
    return ok;
}
