/* heif_mend.c - a copy of a HEIC that decoders older than its camera can read.
 *
 * Phones write auxiliary pictures, thumbnails and metadata that belong to several pictures at once, or to an item that
 * is no picture (a tone map). libheif before 1.18 refuses the whole file for it. None of that is wanted here but the
 * transparency, so in the copy each such reference keeps one target that is a picture, or goes. What is said in a HEIC
 * about offsets counts from the start of the file, so nothing may move: the copy keeps every byte, its meta box is
 * renamed free, and the new meta box stands behind the end. A file whose boxes are not all whole is left to the decoder
 * to judge. Reference: ISO/IEC 14496-12 (meta, iinf, iref), 23008-12. */
#include "image/head.h"

#include "image/boxes.h"

#include <stdlib.h>
#include <string.h>

#define IDS 65536 /* item ids looked at; cameras count from 1 */

typedef struct mend {
    lk_cursor children; /* of the meta box */
    uint8_t *pictures;  /* a bit an item id: it is a picture that the decoder makes */
    uint64_t primary;
    uint8_t *out; /* the new meta box so far */
    size_t size;
    bool changed;
} mend;

static bool is_picture(const mend *m, uint64_t id) {
    return id < IDS && (m->pictures[id / 8] >> id % 8 & 1);
}

static void read_items(mend *m, lk_cursor iinf) {
    static const char made[][5] = {"hvc1", "av01", "grid", "iden", "iovl"};
    const uint64_t version = lk_cursor_be(&iinf, 1);
    (void)lk_cursor_take(&iinf, 3 + (version == 0 ? 2 : 4));
    for (lk_box b; lk_box_next(&iinf, false, &b);) {
        const uint64_t kind = lk_cursor_be(&b.body, 4) >> 24, id = lk_cursor_be(&b.body, kind < 3 ? 2 : 4);
        (void)lk_cursor_take(&b.body, 2); /* protection */
        const uint8_t *type = lk_cursor_take(&b.body, 4);
        for (size_t i = 0; type != NULL && id < IDS && i < LK_LENGTH(made); i++)
            if (memcmp(type, made[i], 4) == 0)
                m->pictures[id / 8] |= (uint8_t)(1 << id % 8);
    }
}

static void put32(uint8_t *p, size_t v) {
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(v >> (24 - 8 * i));
}

static void put(mend *m, const uint8_t *bytes, size_t size) {
    memcpy(m->out + m->size, bytes, size);
    m->size += size;
}

static void put_number(mend *m, uint64_t v, size_t size) {
    for (size_t i = size; i-- > 0;)
        m->out[m->size++] = (uint8_t)(v >> 8 * i);
}

/* The target to keep: the primary picture, else the first that is one; *count: how many there were. */
static bool choose(const mend *m, lk_cursor targets, size_t wide, uint64_t *count, uint64_t *chosen) {
    bool found = false;
    *count = lk_cursor_be(&targets, 2);
    for (uint64_t i = 0; i < *count && !targets.failed; i++) {
        const uint64_t id = lk_cursor_be(&targets, wide);
        if (targets.failed || !is_picture(m, id) || (found && id != m->primary))
            continue;
        *chosen = id;
        found = true;
    }
    return found;
}

static void put_reference(mend *m, lk_box *b, size_t wide) {
    const bool single = lk_box_is(b, "auxl") || lk_box_is(b, "thmb") || lk_box_is(b, "cdsc");
    uint64_t count = 0, chosen = 0;
    const uint8_t *from = lk_cursor_take(&b->body, wide);
    const bool found = choose(m, b->body, wide, &count, &chosen);
    if (!single || from == NULL || (count == 1 && found)) {
        put(m, b->start, b->whole);
        return;
    }
    m->changed = true;
    if (!found)
        return;
    put_number(m, 8 + 2 * wide + 2, 4);
    put(m, b->start + 4, 4);
    put(m, from, wide);
    put_number(m, 1, 2);
    put_number(m, chosen, wide);
}

static void put_references(mend *m, const lk_box *iref) {
    lk_cursor c = iref->body;
    const size_t start = m->size;
    const uint8_t *head = lk_cursor_take(&c, 4);
    if (head == NULL) {
        put(m, iref->start, iref->whole);
        return;
    }
    put_number(m, 0, 4);
    put(m, iref->start + 4, 4);
    put(m, head, 4);
    for (lk_box b; lk_box_next(&c, false, &b);)
        put_reference(m, &b, head[0] == 0 ? 2 : 4);
    if (c.failed) /* the decoder's business */
        m->changed = false;
    put32(m->out + start, m->size - start);
}

/* `room` bytes at m->out are no fewer than the meta box has: nothing grows. */
static void put_meta(mend *m, const lk_box *meta) {
    put_number(m, 0, 4);
    put(m, meta->start + 4, 4);
    put(m, meta->body.at - 4, 4); /* version and flags; the body begins behind them */
    lk_cursor c = m->children;
    for (lk_box b; lk_box_next(&c, false, &b);)
        if (lk_box_is(&b, "iref"))
            put_references(m, &b);
        else
            put(m, b.start, b.whole);
    put32(m->out, m->size);
}

/* False: a box is not whole, or there is nothing to mend. */
static bool find_meta(lk_cursor file, lk_box *meta, lk_box *last) {
    bool found = false;
    for (lk_box b; lk_box_next(&file, false, &b); *last = b)
        if (!found && lk_box_is(&b, "meta")) {
            *meta = b;
            found = lk_cursor_take(&meta->body, 4) != NULL;
        }
    lk_box iref;
    return found && !file.failed && lk_box_find(meta->body, "iref", &iref);
}

static void fill(mend *m, const lk_box *meta) {
    lk_box b;
    if (lk_box_find(m->children, "iinf", &b))
        read_items(m, b.body);
    if (lk_box_find(m->children, "pitm", &b)) {
        const uint64_t version = lk_cursor_be(&b.body, 4) >> 24;
        m->primary = lk_cursor_be(&b.body, version == 0 ? 2 : 4);
    }
    put_meta(m, meta);
}

int lk_heif_mend(const uint8_t *bytes, size_t size, lk_head *head, liken_error *err) {
    lk_box meta = {0}, last = {0};
    if (size > INT32_MAX || !find_meta(lk_cursor_of(bytes, size), &meta, &last))
        return LIKEN_OK;
    uint8_t *copy = malloc(size + meta.whole), *pictures = calloc(1, IDS / 8);
    if (copy == NULL || pictures == NULL) {
        free(copy);
        free(pictures);
        return lk_fail_memory(err);
    }
    mend m = {.children = meta.body, .pictures = pictures, .out = copy + size};
    fill(&m, &meta);
    free(pictures);
    if (!m.changed) {
        free(copy);
        return LIKEN_OK;
    }
    memcpy(copy, bytes, size);
    memcpy(copy + (meta.start - bytes) + 4, "free", 4);
    if (last.to_end)
        put32(copy + (last.start - bytes), last.whole);
    head->copy = copy;
    head->copy_size = size + m.size;
    return LIKEN_OK;
}
