/* tiffs.h - TIFFs, raw files and EXIF blocks, entry by entry. */
#ifndef LK_TESTS_TIFFS_H
#define LK_TESTS_TIFFS_H

#include "savers.h"

typedef struct maker {
    uint8_t data[1 << 18];
    size_t size;
    bool big_endian;
    uint32_t entries[32][4]; /* tag, type, count, value or offset */
    size_t count;
    size_t next; /* where the pointer to the next directory is to be put */
} maker;

static inline void put_at(maker *m, size_t at, int size, uint64_t v) {
    assert_true(at + (size_t)size <= sizeof m->data);
    for (int i = 0; i < size; i++)
        m->data[at + (size_t)(m->big_endian ? size - 1 - i : i)] = (uint8_t)(v >> 8 * i);
}

static inline void put_number(maker *m, int size, uint64_t v) {
    put_at(m, m->size, size, v);
    m->size += (size_t)size;
}

/* Returns where they lie. */
static inline uint32_t put_bytes(maker *m, const void *bytes, size_t size) {
    m->size += m->size % 2;
    const size_t at = m->size;
    assert_true(at + size <= sizeof m->data);
    memcpy(m->data + at, bytes, size);
    m->size += size;
    return (uint32_t)at;
}

/* A header whose first directory will be the next one written. */
static inline void begin(maker *m, const char *magic) {
    memset(m, 0, sizeof *m);
    m->big_endian = magic[0] == 'M';
    memcpy(m->data, magic, 4);
    m->size = 8;
    m->next = 4;
}

static inline void tag(maker *m, unsigned number, unsigned type, uint32_t count, uint32_t value) {
    const uint32_t e[4] = {number, type, count, value};
    assert_true(m->count < sizeof m->entries / sizeof *m->entries);
    memcpy(m->entries[m->count++], e, sizeof e);
}

static inline void tag_text(maker *m, unsigned number, const char *text) {
    const uint32_t size = (uint32_t)strlen(text) + 1;
    assert_true(size > 4);
    tag(m, number, 2, size, put_bytes(m, text, size));
}

/* Writes the directory of the tags given since the last one. Returns where it lies. */
static inline uint32_t directory_alone(maker *m) {
    m->size += m->size % 2;
    const uint32_t at = (uint32_t)m->size;
    put_number(m, 2, m->count);
    for (size_t i = 0; i < m->count; i++) {
        const uint32_t *e = m->entries[i];
        put_number(m, 2, e[0]), put_number(m, 2, e[1]), put_number(m, 4, e[2]);
        if (e[1] == 3 && e[2] == 1)
            put_number(m, 2, e[3]), put_number(m, 2, 0);
        else
            put_number(m, 4, e[3]);
    }
    put_number(m, 4, 0);
    m->count = 0;
    return at;
}

/* The same as the next of the chain. */
static inline uint32_t directory(maker *m) {
    const uint32_t at = directory_alone(m);
    put_at(m, m->next, 4, at);
    m->next = m->size - 4;
    return at;
}

/* The tags of a page of gray pixels, all of that value; the caller adds others and ends the directory. */
static inline void page(maker *m, uint32_t width, uint32_t height, uint8_t gray) {
    m->size += m->size % 2;
    const uint32_t at = (uint32_t)m->size;
    assert_true(m->size + (size_t)width * height <= sizeof m->data);
    memset(m->data + m->size, gray, (size_t)width * height);
    m->size += (size_t)width * height;
    tag(m, 256, 4, 1, width), tag(m, 257, 4, 1, height), tag(m, 258, 3, 1, 8), tag(m, 259, 3, 1, 1);
    tag(m, 262, 3, 1, 1), tag(m, 273, 4, 1, at), tag(m, 277, 3, 1, 1), tag(m, 278, 4, 1, height);
    tag(m, 279, 4, 1, width * height);
}

/* Puts a JPEG of picture(width, height) there. */
static inline uint32_t put_jpeg(maker *m, int width, int height, uint32_t *size) {
    const saved s = save_picture(width, height, ".jpg[Q=90]");
    const uint32_t at = put_bytes(m, s.bytes, s.size);
    *size = (uint32_t)s.size;
    g_free(s.bytes);
    return at;
}

#endif
