/* eigen.h - eigenvectors of a symmetric matrix: Householder reduction to three diagonals, then implicit QL steps (Golub
 * and Van Loan, Matrix Computations, chapter 8). */
#ifndef LK_BASE_EIGEN_H
#define LK_BASE_EIGEN_H

#include <stdbool.h>
#include <stddef.h>

/* `a` (n x n, symmetric, row-major) is replaced by its orthonormal eigenvectors, one a row, largest eigenvalue first;
 * `values` (n) receives the eigenvalues. False when out of memory; then `a` is spoilt. */
bool lk_eigen(double *a, size_t n, double *values);

#endif
