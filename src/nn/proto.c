#include "nn/proto.h"

#include <string.h>

bool lk_message_varint(lk_message *m, uint64_t *out) {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && m->at < m->end; shift += 7) {
        const uint8_t byte = *m->at++;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *out = value;
            return true;
        }
    }
    return false;
}

static bool skip(lk_message *m, uint64_t size) {
    if (size > (uint64_t)(m->end - m->at))
        return false;
    m->at += size;
    return true;
}

int lk_message_next(lk_message *m, lk_field *f) {
    uint64_t key;
    if (m->at == m->end)
        return 0;
    if (!lk_message_varint(m, &key))
        return -1;
    f->number = key >> 3;
    f->wire = (int)(key & 7);
    f->value = 0;
    f->content = (lk_message){m->at, m->at};
    switch (f->wire) {
    case LK_WIRE_VARINT:
        return lk_message_varint(m, &f->value) ? 1 : -1;
    case 1:
        return skip(m, 8) ? 1 : -1;
    case LK_WIRE_BYTES:
        if (!lk_message_varint(m, &f->value))
            return -1;
        f->content.at = m->at;
        if (!skip(m, f->value))
            return -1;
        f->content.end = m->at;
        return 1;
    case LK_WIRE_FIXED32: {
        uint32_t bits = 0;
        const uint8_t *from = m->at;
        if (!skip(m, sizeof bits))
            return -1;
        memcpy(&bits, from, sizeof bits); /* little-endian, as every machine that liken runs on */
        f->value = bits;
        return 1;
    }
    default:
        return -1; /* groups (3, 4) are not used by ONNX */
    }
}
