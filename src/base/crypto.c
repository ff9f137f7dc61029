#include "base/crypto.h"

#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void start(void) {
    if (sodium_init() < 0)
        abort(); /* no source of randomness: nothing that follows could be trusted */
}

void lk_sha256(const void *bytes, size_t size, uint8_t out[LK_SHA256_BYTES]) {
    pthread_once(&once, start);
    crypto_hash_sha256(out, bytes, size);
}

void lk_sha256_hex(const void *bytes, size_t size, char out[LK_SHA256_HEX]) {
    uint8_t hash[LK_SHA256_BYTES];
    lk_sha256(bytes, size, hash);
    lk_hex(hash, sizeof hash, out);
}

void lk_hex(const uint8_t *bytes, size_t size, char *out) {
    sodium_bin2hex(out, size * 2 + 1, bytes, size);
}

void lk_random(void *out, size_t size) {
    pthread_once(&once, start);
    randombytes_buf(out, size);
}

bool lk_equal_secret(const void *a, const void *b, size_t size) {
    return sodium_memcmp(a, b, size) == 0;
}
