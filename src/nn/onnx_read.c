/* onnx_read.c - an ONNX file to a lk_onnx (see onnx.h): numbers of fields are those of onnx.proto. Values are numbered
 * by their names in the order in which they are met; a node's inputs that are left out have an empty name. */
#include "nn/onnx.h"
#include "nn/weights.h"

#include <stdlib.h>
#include <string.h>

#define NAME_MOST 512
#define GRAPH_MOST ((size_t)64 << 20) /* bytes of all that is kept beside the file */
#define PLACES (4 * LK_ONNX_VALUES)   /* of the hash table */

typedef struct reader {
    lk_onnx *out;
    bool *made;   /* values */
    size_t taken; /* bytes, and a little each time */
    liken_error *err;
    int status;
} reader;

int lk_onnx_damaged(liken_error *err) {
    return lk_fail(err, LIKEN_E_MODEL, "The ONNX file is damaged, or not an ONNX file.");
}

int lk_onnx_external(liken_error *err) {
    return lk_fail(err, LIKEN_E_MODEL,
                   "The ONNX file keeps its weights in another file, and liken reads one. Make one of both: python3 -c "
                   "\"import onnx; onnx.save(onnx.load('OLD.onnx'), 'NEW.onnx')\"");
}

static void fail_damaged(reader *r) {
    if (r->status == LIKEN_OK)
        r->status = lk_onnx_damaged(r->err);
}

static void fail_many(reader *r, const char *what, int most) {
    if (r->status == LIKEN_OK)
        r->status =
            lk_fail(r->err, LIKEN_E_MODEL, "The ONNX file has more %s than the %d that liken reads.", what, most);
}

static void *alloc(reader *r, size_t size) {
    r->taken += size + 16;
    if (r->taken > GRAPH_MOST && r->status == LIKEN_OK)
        r->status =
            lk_fail(r->err, LIKEN_E_MODEL,
                    "The ONNX file has more nodes, names and tensors than the %zu MiB of them that liken holds.",
                    GRAPH_MOST >> 20);
    void *p = r->status == LIKEN_OK ? lk_arena_alloc(&r->out->arena, size) : NULL;
    if (p == NULL && r->status == LIKEN_OK)
        r->status = lk_fail_memory(r->err);
    return p;
}

/* The next field, or false at the end and where it is damaged. */
static bool next(reader *r, lk_message *m, lk_field *f) {
    if (r->status != LIKEN_OK)
        return false;
    const int more = lk_message_next(m, f);
    if (more < 0)
        fail_damaged(r);
    return more == 1;
}

static const char *text_of(reader *r, const lk_message *m) {
    const size_t size = lk_message_size(m);
    if (size > NAME_MOST || memchr(m->at, 0, size) != NULL) {
        fail_damaged(r);
        return "";
    }
    char *copy = alloc(r, size + 1);
    return copy == NULL ? "" : memcpy(copy, m->at, size);
}

/* The number of a value by its name. */
static int value_of(reader *r, const lk_message *m) {
    uint32_t hash = 2166136261u; /* FNV-1a */
    const char *name = text_of(r, m);
    lk_onnx *o = r->out;
    if (r->status != LIKEN_OK || *name == '\0')
        return LK_NONE;
    for (const char *p = name; *p != '\0'; p++)
        hash = (hash ^ (uint8_t)*p) * 16777619u;
    size_t at = hash % PLACES;
    for (; o->place[at] != 0; at = (at + 1) % PLACES)
        if (strcmp(o->name[o->place[at] - 1], name) == 0)
            return o->place[at] - 1;
    if (o->values == LK_ONNX_VALUES) {
        fail_many(r, "values", LK_ONNX_VALUES);
        return LK_NONE;
    }
    o->name[o->values] = name;
    o->place[at] = ++o->values;
    return o->values - 1;
}

/* A value has one maker: an initialiser, a node or the photo. */
static void claim(reader *r, int value) {
    if (r->status != LIKEN_OK || value == LK_NONE)
        return;
    if (r->made[value])
        fail_damaged(r);
    r->made[value] = true;
}

/* ---- tensors ---- */

static size_t width_of(int type) {
    static const size_t widths[] = {
        [LK_ONNX_FLOAT] = 4, [LK_ONNX_INT32] = 4, [LK_ONNX_INT64] = 8, [LK_ONNX_FLOAT16] = 2, [LK_ONNX_DOUBLE] = 8};
    return type >= 0 && (size_t)type < LK_LENGTH(widths) ? widths[type] : 0;
}

static void add_dim(reader *r, lk_onnx_tensor *t, uint64_t d) {
    if (t->rank == LK_ONNX_RANK || d > INT32_MAX)
        fail_damaged(r);
    else
        t->dim[t->rank++] = (int64_t)d;
}

static void add_dims(reader *r, lk_onnx_tensor *t, lk_field *f) {
    uint64_t d;
    if (f->wire == LK_WIRE_VARINT) {
        add_dim(r, t, f->value);
        return;
    }
    while (r->status == LIKEN_OK && lk_message_varint(&f->content, &d))
        add_dim(r, t, d);
}

/* Types that are not read have no values, and whoever needs them says so. */
static void check_tensor(reader *r, lk_onnx_tensor *t) {
    const size_t width = width_of(t->type), size = t->values.at == NULL ? 0 : lk_message_size(&t->values);
    t->count = 1;
    for (int i = 0; i < t->rank; i++) {
        t->count *= (size_t)t->dim[i];
        if (t->count > size && t->count > 0) {
            if (width != 0)
                fail_damaged(r);
            t->count = 0;
            return;
        }
    }
    if (width == 0)
        t->count = 0;
    else if (!t->varints && t->count * width != size)
        fail_damaged(r);
}

static void read_tensor(reader *r, lk_message m, lk_onnx_tensor *t, int *name) {
    lk_field f;
    bool elsewhere = false;
    while (next(r, &m, &f)) {
        if (f.number == 1)
            add_dims(r, t, &f);
        else if (f.number == 2 && f.wire == LK_WIRE_VARINT)
            t->type = f.value <= INT32_MAX ? (int)f.value : 0;
        else if ((f.number == 5 || f.number == 7) && f.wire == LK_WIRE_BYTES && lk_message_size(&f.content) > 0) {
            t->values = f.content;
            t->varints = true;
        } else if ((f.number == 4 || f.number == 9 || f.number == 10) && f.wire == LK_WIRE_BYTES) {
            if (!t->varints)
                t->values = f.content;
        } else if (f.number == 8 && f.wire == LK_WIRE_BYTES && name != NULL)
            *name = value_of(r, &f.content);
        else if (f.number == 13 || (f.number == 14 && f.value != 0))
            elsewhere = true;
    }
    if (elsewhere && r->status == LIKEN_OK)
        r->status = lk_onnx_external(r->err);
    if (t->varints && t->type != LK_ONNX_INT32 && t->type != LK_ONNX_INT64)
        t->type = 0;
    if (r->status == LIKEN_OK)
        check_tensor(r, t);
}

static const lk_onnx_tensor *new_tensor(reader *r, lk_message m, int *name) {
    lk_onnx_tensor *t = alloc(r, sizeof *t);
    if (t != NULL)
        read_tensor(r, m, t, name);
    return t;
}

bool lk_onnx_is_real(const lk_onnx_tensor *t) {
    return t->type == LK_ONNX_FLOAT || t->type == LK_ONNX_FLOAT16 || t->type == LK_ONNX_DOUBLE;
}

float lk_onnx_float(const lk_onnx_tensor *t, size_t i) {
    const uint8_t *p = t->values.at;
    float f;
    double d;
    if (t->type == LK_ONNX_FLOAT16)
        return lk_from_half(p + 2 * i);
    if (t->type == LK_ONNX_DOUBLE) {
        memcpy(&d, p + i * sizeof d, sizeof d);
        return (float)d;
    }
    memcpy(&f, p + i * sizeof f, sizeof f); /* a field may begin anywhere */
    return f;
}

int lk_onnx_integers(const lk_onnx_tensor *t, int64_t to[LK_ONNX_INTS]) {
    lk_message left = t->values;
    if ((t->type != LK_ONNX_INT32 && t->type != LK_ONNX_INT64) || t->count > LK_ONNX_INTS)
        return -1;
    for (size_t i = 0; i < t->count; i++) {
        uint64_t u = 0;
        int32_t small;
        if (t->varints) {
            if (!lk_message_varint(&left, &u))
                return -1;
            to[i] = (int64_t)u;
        } else if (t->type == LK_ONNX_INT64) {
            memcpy(&to[i], t->values.at + i * sizeof to[i], sizeof to[i]);
        } else {
            memcpy(&small, t->values.at + i * sizeof small, sizeof small);
            to[i] = small;
        }
    }
    return (int)t->count;
}

/* ---- nodes ---- */

static void add_int(lk_onnx_attribute *a, uint64_t value) {
    if (a->count < LK_ONNX_INTS)
        a->ints[a->count++] = (int64_t)value;
    else
        a->count = LK_ONNX_INTS + 1;
}

static void read_ints(lk_onnx_attribute *a, lk_field *f) {
    uint64_t value;
    if (f->wire == LK_WIRE_VARINT)
        add_int(a, f->value);
    while (f->wire == LK_WIRE_BYTES && lk_message_varint(&f->content, &value))
        add_int(a, value);
}

static void read_attribute(reader *r, lk_message m, lk_onnx_attribute *a) {
    lk_field f;
    *a = (lk_onnx_attribute){.name = ""};
    while (next(r, &m, &f)) {
        const bool bytes = f.wire == LK_WIRE_BYTES;
        if (f.number == 1 && bytes) {
            a->name = text_of(r, &f.content);
        } else if (f.number == 2 && f.wire == LK_WIRE_FIXED32) {
            const uint32_t bits = (uint32_t)f.value;
            memcpy(&a->f, &bits, sizeof bits);
        } else if (f.number == 3 && f.wire == LK_WIRE_VARINT) {
            a->i = (int64_t)f.value;
        } else if (f.number == 4 && bytes && lk_message_size(&f.content) <= NAME_MOST) {
            a->s = memchr(f.content.at, 0, lk_message_size(&f.content)) == NULL ? text_of(r, &f.content) : NULL;
        } else if (f.number == 5 && bytes) {
            a->t = new_tensor(r, f.content, NULL);
        } else if (f.number == 8) {
            read_ints(a, &f);
        }
    }
}

static void add_link(reader *r, const lk_message *m, int *list, int *count, int most) {
    if (*count == most)
        fail_many(r, "inputs or outputs of a node", most);
    else
        list[(*count)++] = value_of(r, m);
}

static void read_node(reader *r, lk_message m, lk_onnx_node *n) {
    lk_field f;
    n->op = n->name = n->domain = "";
    while (next(r, &m, &f)) {
        if (f.wire != LK_WIRE_BYTES)
            continue;
        if (f.number == 1)
            add_link(r, &f.content, n->input, &n->inputs, LK_ONNX_INPUTS);
        else if (f.number == 2) {
            add_link(r, &f.content, n->output, &n->outputs, LK_ONNX_OUTPUTS);
            claim(r, n->output[n->outputs - 1]);
        } else if (f.number == 3)
            n->name = text_of(r, &f.content);
        else if (f.number == 4)
            n->op = text_of(r, &f.content);
        else if (f.number == 7)
            n->domain = text_of(r, &f.content);
        else if (f.number == 5 && n->attributes < LK_ONNX_ATTRIBUTES)
            read_attribute(r, f.content, &n->attribute[n->attributes++]);
        else if (f.number == 5)
            fail_many(r, "attributes of a node", LK_ONNX_ATTRIBUTES);
    }
    const lk_onnx_attribute *value = lk_onnx_find(n, "value");
    if (r->status == LIKEN_OK && lk_onnx_is(n, "Constant") && value != NULL && n->outputs == 1 &&
        n->output[0] != LK_NONE)
        r->out->constant[n->output[0]] = value->t;
}

bool lk_onnx_is(const lk_onnx_node *n, const char *op) {
    return strcmp(n->op, op) == 0;
}

bool lk_onnx_own(const lk_onnx_node *n) {
    return *n->domain == '\0' || strcmp(n->domain, "ai.onnx") == 0;
}

const lk_onnx_attribute *lk_onnx_find(const lk_onnx_node *n, const char *name) {
    for (int i = 0; i < n->attributes; i++)
        if (strcmp(n->attribute[i].name, name) == 0)
            return &n->attribute[i];
    return NULL;
}

int64_t lk_onnx_int(const lk_onnx_node *n, const char *name, int64_t otherwise) {
    const lk_onnx_attribute *a = lk_onnx_find(n, name);
    return a != NULL ? a->i : otherwise;
}

float lk_onnx_real(const lk_onnx_node *n, const char *name, float otherwise) {
    const lk_onnx_attribute *a = lk_onnx_find(n, name);
    return a != NULL ? a->f : otherwise;
}

/* ---- the graph ---- */

/* The message of field `number`, or one of nothing. */
static lk_message inside(reader *r, lk_message m, uint64_t number) {
    lk_message found = {m.end, m.end};
    lk_field f;
    while (next(r, &m, &f))
        if (f.number == number && f.wire == LK_WIRE_BYTES)
            found = f.content;
    return found;
}

/* ValueInfo.type.tensor_type.shape.dim */
static void read_shape(reader *r, lk_message m) {
    lk_message shape = inside(r, inside(r, inside(r, m, 2), 1), 2);
    lk_onnx *o = r->out;
    lk_field f, d;
    o->input_rank = 0;
    while (next(r, &shape, &f)) {
        if (f.number != 1 || f.wire != LK_WIRE_BYTES)
            continue;
        int64_t dim = -1;
        while (next(r, &f.content, &d))
            if (d.number == 1 && d.wire == LK_WIRE_VARINT)
                dim = (int64_t)d.value;
        if (o->input_rank < 4)
            o->input_dim[o->input_rank] = dim;
        o->input_rank++;
    }
}

static void read_initializer(reader *r, lk_message m) {
    int name = LK_NONE;
    const lk_onnx_tensor *t = new_tensor(r, m, &name);
    claim(r, name);
    if (r->status == LIKEN_OK && name != LK_NONE)
        r->out->constant[name] = t;
}

static void read_input(reader *r, lk_message m) {
    const lk_message text = inside(r, m, 1);
    const int value = value_of(r, &text);
    if (r->status != LIKEN_OK || value == LK_NONE || r->out->constant[value] != NULL)
        return; /* older files list initialisers among the inputs */
    if (r->out->input != LK_NONE) {
        r->status = lk_fail(r->err, LIKEN_E_MODEL,
                            "The network of the ONNX file has several inputs; liken runs networks that see a photo and "
                            "nothing else.");
        return;
    }
    r->out->input = value;
    claim(r, value);
    read_shape(r, m);
}

/* Initialisers first: inputs and nodes are understood by them. */
static void read_graph(reader *r, lk_message graph) {
    lk_onnx *o = r->out;
    lk_field f;
    int nodes = 0;
    for (lk_message m = graph; next(r, &m, &f);) {
        nodes += f.number == 1;
        if (f.number == 5 && f.wire == LK_WIRE_BYTES)
            read_initializer(r, f.content);
    }
    if (nodes > LK_ONNX_NODES)
        fail_many(r, "nodes", LK_ONNX_NODES);
    o->node = alloc(r, ((size_t)nodes + 1) * sizeof *o->node);
    for (lk_message m = graph; next(r, &m, &f);) {
        if (f.wire != LK_WIRE_BYTES)
            continue;
        if (f.number == 1)
            read_node(r, f.content, &o->node[o->nodes++]);
        else if (f.number == 11)
            read_input(r, f.content);
        else if (f.number == 12 && o->output == LK_NONE) {
            const lk_message text = inside(r, f.content, 1);
            o->output = value_of(r, &text);
        }
    }
    if (r->status == LIKEN_OK && (o->nodes == 0 || o->input == LK_NONE || o->output == LK_NONE))
        fail_damaged(r);
}

/* OperatorSet: domain 1, version 2; the one without a domain is ONNX's own. */
static void read_opset(reader *r, lk_message m) {
    lk_field f;
    bool own = true;
    int64_t version = 0;
    while (next(r, &m, &f)) {
        if (f.number == 1 && f.wire == LK_WIRE_BYTES)
            own = lk_message_size(&f.content) == 0;
        else if (f.number == 2 && f.wire == LK_WIRE_VARINT)
            version = (int64_t)f.value;
    }
    if (own)
        r->out->opset = version;
}

int lk_onnx_read(lk_onnx *out, const void *bytes, size_t size, liken_error *err) {
    *out = (lk_onnx){.input = LK_NONE, .output = LK_NONE};
    reader r = {.out = out, .err = err};
    lk_message model = {bytes, (const uint8_t *)bytes + size}, graph = {0};
    lk_field f;
    out->name = alloc(&r, LK_ONNX_VALUES * sizeof *out->name);
    out->constant = alloc(&r, LK_ONNX_VALUES * sizeof *out->constant);
    r.made = alloc(&r, LK_ONNX_VALUES * sizeof *r.made);
    out->place = alloc(&r, PLACES * sizeof *out->place);
    while (next(&r, &model, &f)) {
        if (f.number == 8 && f.wire == LK_WIRE_BYTES)
            read_opset(&r, f.content);
        else if (f.number == 7 && f.wire == LK_WIRE_BYTES)
            graph = f.content;
    }
    if (r.status == LIKEN_OK && graph.at == NULL)
        fail_damaged(&r);
    if (r.status == LIKEN_OK && (out->opset < LK_ONNX_OPSET_LEAST || out->opset > LK_ONNX_OPSET_MOST))
        r.status = lk_fail(err, LIKEN_E_MODEL,
                           "The ONNX file is of opset %lld; liken reads %d to %d. Save it as one of those, with "
                           "onnx.version_converter or from where it was trained.",
                           (long long)out->opset, LK_ONNX_OPSET_LEAST, LK_ONNX_OPSET_MOST);
    if (r.status == LIKEN_OK)
        read_graph(&r, graph);
    return r.status;
}

void lk_onnx_free(lk_onnx *o) {
    lk_arena_free(&o->arena);
}
