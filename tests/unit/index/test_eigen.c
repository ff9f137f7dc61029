#include "oracle.h"

#include "base/eigen.h"

#include <math.h>
#include <stdlib.h>

/* Largest |A x - value x| and largest deviation from orthonormality, for a random matrix of that size and rank. */
static void check(size_t n, size_t rank, uint64_t seed) {
    dice d = {seed};
    double *a = calloc(n * n, sizeof *a), *z = malloc(n * n * sizeof *z), *values = malloc(n * sizeof *values);
    double *x = malloc(n * sizeof *x);
    assert_true(a != NULL && z != NULL && values != NULL && x != NULL);
    for (size_t r = 0; r < rank; r++) {
        for (size_t i = 0; i < n; i++)
            x[i] = (double)dice_normal(&d);
        for (size_t i = 0; i < n * n; i++)
            a[i] += x[i / n] * x[i % n];
    }
    for (size_t i = 0; i < n * n; i++)
        z[i] = a[i];
    assert_true(lk_eigen(z, n, values));
    double wrong = 0, skew = 0;
    for (size_t k = 0; k < n; k++) {
        assert_true(k == 0 || values[k] <= values[k - 1]);
        for (size_t i = 0; i < n; i++) {
            double ax = 0, zz = 0;
            for (size_t j = 0; j < n; j++) {
                ax += a[i * n + j] * z[k * n + j];
                zz += z[i * n + j] * z[k * n + j];
            }
            wrong = fmax(wrong, fabs(ax - values[k] * z[k * n + i]));
            skew = fmax(skew, fabs(zz - (i == k)));
        }
    }
    print_message("n %zu, rank %zu: residual %.1e of %.1e, skew %.1e\n", n, rank, wrong, values[0], skew);
    assert_true(wrong <= 1e-11 * (1 + values[0]));
    assert_true(skew <= 1e-11);
    free(a);
    free(z);
    free(values);
    free(x);
}

static void eigenvectors_are_eigenvectors(void **state) {
    (void)state;
    check(16, 40, 1);
    check(17, 3, 2);
    check(64, 0, 3);
    check(128, 300, 4);
    check(200, 77, 5);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(eigenvectors_are_eigenvectors)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
