/* proto.h - protocol buffers, as ONNX files are made of them: messages of fields, each a key (number * 8 + wire type)
 * and a value. Nothing is copied: a message points into the bytes that it was read from. Inside src/nn only. */
#ifndef LK_NN_PROTO_H
#define LK_NN_PROTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct lk_message {
    const uint8_t *at, *end; /* at NULL: there is none */
} lk_message;

enum { LK_WIRE_VARINT = 0, LK_WIRE_BYTES = 2, LK_WIRE_FIXED32 = 5 };

typedef struct lk_field {
    uint64_t number;
    int wire;
    uint64_t value;     /* LK_WIRE_VARINT, LK_WIRE_FIXED32 */
    lk_message content; /* LK_WIRE_BYTES */
} lk_field;

/* 1: a field; 0: the end; -1: damaged. Fields of 8 bytes are given without their value. */
int lk_message_next(lk_message *m, lk_field *f);
/* False at the end, and where it is damaged. */
bool lk_message_varint(lk_message *m, uint64_t *out);

static inline size_t lk_message_size(const lk_message *m) {
    return (size_t)(m->end - m->at);
}

#endif
