/* read_tfjs.c - tensorflow.js weights: a JSON manifest that lists tensors in the order in which their values lie in one
 * binary. Values are float32, whole numbers of 32 bits, float16, or bytes (or 16-bit words) with a scale and a minimum:
 * value = byte * scale + min. The manifest may be the "weightsManifest" of a graph, which is not read. */
#include <jansson.h>
#include <math.h>
#include <string.h>

#include "nn/weights.h"

#define MAX_MANIFEST ((size_t)1 << 20)

typedef struct bytes {
    const uint8_t *at;
    size_t left;
} bytes;

/* How the values of one tensor are stored. */
typedef struct storage {
    size_t width; /* bytes a value */
    enum { FLOAT, WHOLE, HALF, SCALED } as;
    double scale, min;
} storage;

static int bad(liken_error *err, const char *name, const char *what) {
    return lk_fail(err, LIKEN_E_MODEL, "The weights manifest is unfit: tensor \"%.80s\" %s.", name, what);
}

static int read_shape(json_t *shape, const char *name, int64_t out[4], int *rank, liken_error *err) {
    if (!json_is_array(shape) || json_array_size(shape) > 4)
        return bad(err, name, "has no shape of up to 4 dimensions");
    *rank = (int)json_array_size(shape);
    for (size_t i = 0; i < json_array_size(shape); i++) {
        json_t *d = json_array_get(shape, i);
        if (!json_is_integer(d))
            return bad(err, name, "has a dimension that is no whole number");
        out[i] = json_integer_value(d);
    }
    return LIKEN_OK;
}

static int read_storage(json_t *entry, const char *name, storage *s, liken_error *err) {
    const char *type = json_string_value(json_object_get(entry, "dtype"));
    json_t *q = json_object_get(entry, "quantization");
    if (type == NULL || (strcmp(type, "float32") != 0 && strcmp(type, "int32") != 0))
        return bad(err, name, "is neither float32 nor int32");
    if (q == NULL) {
        *s = (storage){.width = sizeof(float), .as = strcmp(type, "int32") == 0 ? WHOLE : FLOAT};
        return LIKEN_OK;
    }
    const char *stored = json_string_value(json_object_get(q, "dtype"));
    json_t *scale = json_object_get(q, "scale"), *min = json_object_get(q, "min");
    if (stored != NULL && strcmp(stored, "float16") == 0) {
        *s = (storage){.width = 2, .as = HALF};
        return LIKEN_OK;
    }
    if (stored == NULL || (strcmp(stored, "uint8") != 0 && strcmp(stored, "uint16") != 0))
        return bad(err, name, "is quantised to something else than uint8, uint16 or float16");
    if (!json_is_number(scale) || !json_is_number(min))
        return bad(err, name, "has a quantization without scale and min");
    *s = (storage){.width = strcmp(stored, "uint8") == 0 ? 1 : 2,
                   .as = SCALED,
                   .scale = json_number_value(scale),
                   .min = json_number_value(min)};
    return LIKEN_OK;
}

static float read_value(const storage *s, const uint8_t *at) {
    if (s->as == HALF)
        return lk_from_half(at);
    if (s->as == SCALED) {
        const unsigned stored = s->width == 1 ? at[0] : (unsigned)at[0] | (unsigned)at[1] << 8;
        return (float)(stored * s->scale + s->min);
    }
    const uint32_t bits = (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
    float value;
    memcpy(&value, &bits, sizeof value);
    return s->as == WHOLE ? (float)(int32_t)bits : value;
}

static int read_entry(lk_weights *w, json_t *entry, bytes *from, liken_error *err) {
    const char *name = json_string_value(json_object_get(entry, "name"));
    if (name == NULL)
        return lk_fail(err, LIKEN_E_MODEL, "The weights manifest lists a tensor without a name.");
    int64_t shape[4] = {0};
    int rank = 0;
    storage s = {0};
    int status = read_shape(json_object_get(entry, "shape"), name, shape, &rank, err);
    if (status == LIKEN_OK)
        status = read_storage(entry, name, &s, err);
    if (status != LIKEN_OK)
        return status;
    /* that the binary holds so much is known before memory is taken for it */
    size_t count = 1;
    for (int i = 0; i < rank; i++) {
        if (shape[i] < 1 || (size_t)shape[i] > from->left / count)
            return bad(err, name, "reaches past the end of the binary, or is empty");
        count *= (size_t)shape[i];
    }
    if (count > from->left / s.width)
        return bad(err, name, "reaches past the end of the binary");
    float *values;
    status = lk_weights_add(w, name, strlen(name), rank, shape, &values, err);
    if (status != LIKEN_OK)
        return status;
    for (size_t i = 0; i < count; i++)
        values[i] = read_value(&s, from->at + i * s.width);
    from->at += count * s.width;
    from->left -= count * s.width;
    return LIKEN_OK;
}

static int read_groups(lk_weights *w, json_t *manifest, bytes *from, liken_error *err) {
    size_t g, i;
    json_t *group, *entry;
    json_t *groups = json_is_object(manifest) ? json_object_get(manifest, "weightsManifest") : manifest;
    if (!json_is_array(groups) || json_array_size(groups) == 0)
        return lk_fail(err, LIKEN_E_MODEL, "The weights manifest is not a list of groups of tensors.");
    json_array_foreach(groups, g, group) {
        json_t *list = json_object_get(group, "weights");
        if (!json_is_array(list))
            return lk_fail(err, LIKEN_E_MODEL, "The weights manifest has a group without \"weights\".");
        json_array_foreach(list, i, entry) {
            const int status = read_entry(w, entry, from, err);
            if (status != LIKEN_OK)
                return status;
        }
    }
    if (from->left != 0)
        return lk_fail(err, LIKEN_E_MODEL, "The weights' binary has %zu bytes more than its manifest lists.",
                       from->left);
    return LIKEN_OK;
}

int lk_weights_read_tfjs(lk_weights **out, const char *manifest, size_t manifest_size, const void *bin, size_t bin_size,
                         liken_error *err) {
    if (manifest_size > MAX_MANIFEST)
        return lk_fail(err, LIKEN_E_TOO_LARGE, "The weights manifest has %zu bytes; liken reads up to %zu.",
                       manifest_size, MAX_MANIFEST);
    json_error_t why;
    json_t *groups = json_loadb(manifest, manifest_size, 0, &why);
    if (groups == NULL)
        return lk_fail(err, LIKEN_E_MODEL, "The weights manifest is not JSON: line %d: %s.", why.line, why.text);
    lk_weights *w = lk_weights_new();
    bytes from = {bin, bin_size};
    const int status = w == NULL ? lk_fail_memory(err) : read_groups(w, groups, &from, err);
    json_decref(groups);
    if (status != LIKEN_OK) {
        lk_weights_free(w);
        return status;
    }
    *out = w;
    return LIKEN_OK;
}
