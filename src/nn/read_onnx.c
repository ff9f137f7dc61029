/* read_onnx.c - the float32 initialisers of an ONNX file, which is protocol buffers (proto.h). Only the path
 * Model.graph(7) -> Graph.initializer(5) -> Tensor is followed (dims 1, data_type 2, float_data 4, name 8, raw_data 9,
 * data_location 14); all else is skipped by its wire type. Initialisers of other types and empty ones (shapes, axes)
 * are not weights and are left out. */
#include <string.h>

#include "nn/onnx.h"
#include "nn/weights.h"

#define TYPE_FLOAT 1

typedef struct initializer {
    int64_t shape[4];
    int rank;
    uint64_t type, location;
    lk_message name, raw, floats;
} initializer;

static int add_dim(initializer *t, uint64_t d) {
    if (t->rank == 4)
        return 0;
    t->shape[t->rank++] = (int64_t)d;
    return 1;
}

/* One dimension, or a packed list of them. */
static int read_dims(initializer *t, lk_field *f) {
    if (f->wire == 0)
        return add_dim(t, f->value);
    uint64_t d;
    while (f->content.at < f->content.end)
        if (!lk_message_varint(&f->content, &d) || !add_dim(t, d))
            return 0;
    return 1;
}

static int parse_tensor(lk_message m, initializer *t) {
    lk_field f = {0};
    int more;
    while ((more = lk_message_next(&m, &f)) == 1) {
        const int packed = f.wire == 2;
        if (f.number == 1 && (f.wire == 0 || packed)) {
            if (!read_dims(t, &f))
                return 0;
        } else if (f.number == 2 && f.wire == 0) {
            t->type = f.value;
        } else if (f.number == 4 && packed) {
            t->floats = f.content;
        } else if (f.number == 8 && packed) {
            t->name = f.content;
        } else if (f.number == 9 && packed) {
            t->raw = f.content;
        } else if (f.number == 14 && f.wire == 0) {
            t->location = f.value;
        }
    }
    return more == 0;
}

static int add_tensor(lk_weights *w, lk_message m, liken_error *err) {
    initializer t = {0};
    if (!parse_tensor(m, &t))
        return lk_onnx_damaged(err);
    if (t.type != TYPE_FLOAT)
        return LIKEN_OK;
    if (t.location != 0)
        return lk_onnx_external(err);
    const lk_message values = t.raw.at != NULL ? t.raw : t.floats;
    const size_t size = values.at == NULL ? 0 : (size_t)(values.end - values.at);
    size_t count = 1;
    for (int i = 0; i < t.rank; i++) {
        if (t.shape[i] == 0)
            return LIKEN_OK;
        if (t.shape[i] < 0 || (size_t)t.shape[i] > size / count)
            return lk_onnx_damaged(err);
        count *= (size_t)t.shape[i];
    }
    if (count * sizeof(float) != size || t.name.at == NULL)
        return lk_onnx_damaged(err);
    float *to;
    const int status =
        lk_weights_add(w, (const char *)t.name.at, (size_t)(t.name.end - t.name.at), t.rank, t.shape, &to, err);
    if (status != LIKEN_OK)
        return status;
    memcpy(to, values.at, size); /* little-endian, as every machine that liken runs on */
    return LIKEN_OK;
}

static int read_graph(lk_weights *w, lk_message m, liken_error *err) {
    lk_field f = {0};
    int more;
    while ((more = lk_message_next(&m, &f)) == 1)
        if (f.number == 5 && f.wire == 2) {
            const int status = add_tensor(w, f.content, err);
            if (status != LIKEN_OK)
                return status;
        }
    return more == 0 ? LIKEN_OK : lk_onnx_damaged(err);
}

static int read_model(lk_weights *w, lk_message m, liken_error *err) {
    lk_field f = {0};
    int more;
    while ((more = lk_message_next(&m, &f)) == 1)
        if (f.number == 7 && f.wire == 2) {
            const int status = read_graph(w, f.content, err);
            if (status != LIKEN_OK)
                return status;
        }
    if (more != 0 || lk_weights_count(w) == 0)
        return lk_onnx_damaged(err);
    return LIKEN_OK;
}

int lk_weights_read_onnx(lk_weights **out, const void *bytes, size_t size, liken_error *err) {
    if (size == 0)
        return lk_onnx_damaged(err);
    lk_weights *w = lk_weights_new();
    if (w == NULL)
        return lk_fail_memory(err);
    const lk_message m = {bytes, (const uint8_t *)bytes + size};
    const int status = read_model(w, m, err);
    if (status != LIKEN_OK) {
        lk_weights_free(w);
        return status;
    }
    *out = w;
    return LIKEN_OK;
}
