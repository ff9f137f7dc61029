/* crypto.h - hashes, randomness and secrets, by libcrypto (OpenSSL, named only here). All thread-safe. */
#ifndef LK_BASE_CRYPTO_H
#define LK_BASE_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LK_SHA256_BYTES 32
#define LK_SHA256_HEX 65 /* with NUL */

void lk_sha256(const void *bytes, size_t size, uint8_t out[LK_SHA256_BYTES]);
void lk_sha256_hex(const void *bytes, size_t size, char out[LK_SHA256_HEX]);

/* Lower-case hex of `size` bytes; `out` has 2*size+1. */
void lk_hex(const uint8_t *bytes, size_t size, char *out);

/* HMAC-SHA256 (RFC 2104), as 64 hex digits. */
void lk_hmac_sha256_hex(const void *key, size_t key_size, const void *text, size_t size, char out[LK_SHA256_HEX]);

void lk_random(void *out, size_t size);
/* `size` random bytes as lower-case hex; `out` has 2*size+1. */
void lk_random_hex(size_t size, char *out);

#define LK_UUID_TEXT 37 /* with NUL */
/* 128 random bits, written as a UUID is: what nothing else will ever be called. */
void lk_random_uuid(char out[LK_UUID_TEXT]);

/* Constant time. */
bool lk_equal_secret(const void *a, const void *b, size_t size);

#endif
