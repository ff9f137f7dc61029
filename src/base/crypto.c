/* By libcrypto (OpenSSL), whose SHA-256 takes the CPU's own instructions where it has them. Its newer calls allocate
 * and may fail; these do neither, and are there from 1.0 on. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "base/crypto.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

void lk_sha256(const void *bytes, size_t size, uint8_t out[LK_SHA256_BYTES]) {
    SHA256_CTX c;
    (void)SHA256_Init(&c); /* these return 1, whatever happens */
    (void)SHA256_Update(&c, bytes, size);
    (void)SHA256_Final(out, &c);
}

void lk_sha256_hex(const void *bytes, size_t size, char out[LK_SHA256_HEX]) {
    uint8_t hash[LK_SHA256_BYTES];
    lk_sha256(bytes, size, hash);
    lk_hex(hash, sizeof hash, out);
}

void lk_hex(const uint8_t *bytes, size_t size, char *out) {
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < size; i++) {
        *out++ = digits[bytes[i] >> 4];
        *out++ = digits[bytes[i] & 15];
    }
    *out = '\0';
}

void lk_hmac_sha256_hex(const void *key, size_t key_size, const void *text, size_t size, char out[LK_SHA256_HEX]) {
    uint8_t mac[LK_SHA256_BYTES];
    unsigned length = sizeof mac;
    if (HMAC(EVP_sha256(), key, (int)key_size, text, size, mac, &length) == NULL)
        lk_random(mac, sizeof mac); /* it cannot be told for want of memory: a signature that fits nothing */
    lk_hex(mac, sizeof mac, out);
}

void lk_random(void *out, size_t size) {
    unsigned char *to = out;
    while (size > 0) {
        const size_t part = size < 256 ? size : 256; /* the most that it gives at a time */
        if (getentropy(to, part) != 0)
            abort(); /* no source of randomness: nothing that follows could be trusted */
        to += part;
        size -= part;
    }
}

void lk_random_hex(size_t size, char *out) {
    uint8_t bytes[32];
    *out = '\0';
    for (size_t at = 0; at < size; at += sizeof bytes) {
        const size_t part = size - at < sizeof bytes ? size - at : sizeof bytes;
        lk_random(bytes, part);
        lk_hex(bytes, part, out + 2 * at);
    }
}

void lk_random_uuid(char out[LK_UUID_TEXT]) {
    char hex[33];
    lk_random_hex(16, hex);
    (void)snprintf(out, LK_UUID_TEXT, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
}

bool lk_equal_secret(const void *a, const void *b, size_t size) {
    return CRYPTO_memcmp(a, b, size) == 0;
}
