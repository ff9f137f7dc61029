#include "unit/test.h"

#include "unit/face/dlib_writer.h"

#include <math.h>

static void put(lk_buf *b, const void *bytes, size_t size) {
    liken_error err = {0};
    assert_ok(lk_buf_append(b, bytes, size, &err), err);
}

void dlib_write_integer(lk_buf *b, int64_t value) {
    uint8_t bytes[9] = {0};
    uint64_t rest = value < 0 ? (uint64_t)-value : (uint64_t)value;
    uint8_t count = 0;
    do {
        bytes[++count] = (uint8_t)rest;
        rest >>= 8;
    } while (rest != 0);
    bytes[0] = (uint8_t)(count | (value < 0 ? 0x80 : 0));
    put(b, bytes, (size_t)count + 1);
}

void dlib_write_float(lk_buf *b, float value) {
    int exponent = 0;
    const double mantissa = frexp((double)value, &exponent);
    dlib_write_integer(b, (int64_t)ldexp(mantissa, 24));
    dlib_write_integer(b, value == 0 ? 0 : exponent - 24);
}

static uint32_t next(uint32_t *state) {
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

static float between(uint32_t *state, float low, float high) {
    return low + (high - low) * (float)(next(state) % 4096) / 4096;
}

static void write_vector(lk_buf *b, int values, uint32_t *state, float low, float high) {
    dlib_write_integer(b, -values);
    dlib_write_integer(b, -1);
    for (int i = 0; i < values; i++)
        dlib_write_float(b, between(state, low, high));
}

static void write_tree(lk_buf *b, const shape_plan *p, uint32_t *state) {
    dlib_write_integer(b, p->splits);
    for (int i = 0; i < p->splits; i++) {
        dlib_write_integer(b, next(state) % (uint32_t)p->pixels);
        dlib_write_integer(b, next(state) % (uint32_t)p->pixels);
        dlib_write_float(b, between(state, -100, 100));
    }
    dlib_write_integer(b, p->splits + 1);
    for (int i = 0; i <= p->splits; i++)
        write_vector(b, 2 * p->points, state, -0.02f, 0.02f);
}

void dlib_write_shape(lk_buf *b, const shape_plan *p, uint32_t seed) {
    uint32_t state = seed;
    dlib_write_integer(b, 1);
    write_vector(b, 2 * p->points, &state, 0.1f, 0.9f);
    dlib_write_integer(b, p->stages);
    for (int stage = 0; stage < p->stages; stage++) {
        dlib_write_integer(b, p->trees);
        for (int tree = 0; tree < p->trees; tree++)
            write_tree(b, p, &state);
    }
    dlib_write_integer(b, p->stages);
    for (int stage = 0; stage < p->stages; stage++) {
        dlib_write_integer(b, p->pixels);
        for (int i = 0; i < p->pixels; i++)
            dlib_write_integer(b, next(&state) % (uint32_t)p->points);
    }
    dlib_write_integer(b, p->stages);
    for (int stage = 0; stage < p->stages; stage++) {
        dlib_write_integer(b, p->pixels);
        for (int i = 0; i < 2 * p->pixels; i++)
            dlib_write_float(b, between(&state, -0.2f, 0.2f));
    }
}
