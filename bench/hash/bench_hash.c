/* bench_hash.c - SHA-256 of a photo's bytes, which each photo is known by: liken's, and libsodium's as the rival where
 * it is installed. They take turns; the median of the rounds counts. Prints a table and writes the file it is given. */
#include "base/clock.h"
#include "base/cpu.h"
#include "base/crypto.h"

#include <jansson.h>
#include <openssl/opensslv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#ifdef WITH_SODIUM
#include <sodium.h>
#endif

#define SIZE ((size_t)4 << 20) /* a photo of 12 megapixels */
#define ROUNDS 21

static unsigned char photo[SIZE];

static int ascending(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void ours(unsigned char out[32]) {
    lk_sha256(photo, SIZE, out);
}

static void rivals(unsigned char out[32]) {
#ifdef WITH_SODIUM
    crypto_hash_sha256(out, photo, SIZE);
#else
    ours(out);
#endif
}

static double seconds(void (*hash)(unsigned char out[32]), unsigned char out[32]) {
    const double begin = lk_clock_cpu();
    hash(out);
    return lk_clock_cpu() - begin;
}

static double median(double *times) {
    qsort(times, ROUNDS, sizeof *times, ascending);
    return times[ROUNDS / 2];
}

int main(int argc, char **argv) {
    unsigned char a[32], b[32];
    double mine[ROUNDS], theirs[ROUNDS];
    char when[32];
    const char *rival = NULL;
    struct utsname machine;
    struct tm day;
    const time_t now = time(NULL);
    for (size_t i = 0; i < SIZE; i++)
        photo[i] = (unsigned char)(i * 31 + (i >> 8));
    for (int i = 0; i < ROUNDS; i++) {
        mine[i] = seconds(ours, a);
        theirs[i] = seconds(rivals, b);
        if (memcmp(a, b, sizeof a) != 0)
            return fprintf(stderr, "The two hashes differ.\n"), 1;
    }
#ifdef WITH_SODIUM
    rival = SODIUM_VERSION_STRING;
#endif
    const double m = median(mine), t = median(theirs);
    printf("SHA-256 of %zu MB, CPU time: liken (%s) %.2f ms, %.0f MB/s\n", SIZE >> 20, OPENSSL_VERSION_TEXT, m * 1e3,
           (double)SIZE / m / 1e6);
    if (rival != NULL)
        printf("libsodium %s %.2f ms, %.0f MB/s: %.1f times liken's time\n", rival, t * 1e3, (double)SIZE / t / 1e6,
               t / m);
    (void)uname(&machine);
    (void)strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &day));
    json_t *o = json_pack("{s:s,s:s,s:s,s:s,s:I,s:f,s:s*}", "level", lk_cpu_name(lk_cpu_level()), "system",
                          machine.release, "compiler", __VERSION__, "date", when, "bytes", (json_int_t)SIZE, "liken_ms",
                          m * 1e3, "rival", rival);
    if (rival != NULL)
        json_object_set_new(o, "rival_ms", json_real(t * 1e3));
    const int rc = argc > 1 ? json_dump_file(o, argv[1], JSON_INDENT(1)) : 0;
    json_decref(o);
    return rc == 0 ? 0 : 1;
}
