#include "image/ifd.h"

#include <string.h>

uint64_t lk_ifd_read(const lk_ifd_block *block, const uint8_t *p, int size) {
    uint64_t v = 0;
    for (int i = 0; i < size; i++)
        v = v << 8 | p[block->big_endian ? i : size - 1 - i];
    return v;
}

bool lk_ifd_block_open(lk_ifd_block *out, const uint8_t *bytes, size_t size) {
    if (size < 8 || bytes[0] != bytes[1] || (bytes[0] != 'I' && bytes[0] != 'M'))
        return false;
    lk_ifd_block b = {.bytes = bytes, .size = size, .big_endian = bytes[0] == 'M'};
    b.big = lk_ifd_read(&b, bytes + 2, 2) == 43;
    if (b.big && size < 16)
        return false;
    b.first = b.big ? lk_ifd_read(&b, bytes + 8, 8) : lk_ifd_read(&b, bytes + 4, 4);
    *out = b;
    return true;
}

static size_t entry_size(const lk_ifd_block *b) {
    return b->big ? 20 : 12;
}

bool lk_ifd_open(lk_ifd *out, const lk_ifd_block *block, uint64_t at) {
    const size_t head = block->big ? 8 : 2;
    if (at < 8 || at > block->size || block->size - at < head)
        return false;
    const size_t first = (size_t)at + head, room = (block->size - first) / entry_size(block);
    uint64_t count = lk_ifd_read(block, block->bytes + at, (int)head);
    count = count < room ? count : room;
    *out = (lk_ifd){.block = block, .at = first, .count = count < LK_IFD_ENTRIES ? (size_t)count : LK_IFD_ENTRIES};
    return true;
}

static size_t type_size(unsigned type) {
    static const uint8_t sizes[] = {0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4, 0, 0, 8, 8, 8};
    return type < LK_LENGTH(sizes) ? sizes[type] : 0;
}

lk_ifd_entry lk_ifd_at(const lk_ifd *ifd, size_t i) {
    const lk_ifd_block *b = ifd->block;
    const size_t at = ifd->at + i * entry_size(b), wide = b->big ? 8 : 4;
    const uint8_t *p = b->bytes + at;
    lk_ifd_entry e = {.tag = (unsigned)lk_ifd_read(b, p, 2), .type = (unsigned)lk_ifd_read(b, p + 2, 2), .at = at};
    e.count = lk_ifd_read(b, p + 4, (int)wide);
    const size_t size = type_size(e.type);
    if (size == 0 || e.count == 0 || e.count > b->size / size)
        return e;
    if (e.count * size <= wide) {
        e.value = p + 4 + wide;
        return e;
    }
    const uint64_t from = lk_ifd_read(b, p + 4 + wide, (int)wide);
    if (from <= b->size && b->size - from >= e.count * size)
        e.value = b->bytes + from;
    return e;
}

lk_ifd_entry lk_ifd_find(const lk_ifd *ifd, unsigned tag) {
    for (size_t i = 0; i < ifd->count; i++)
        if (lk_ifd_read(ifd->block, ifd->block->bytes + ifd->at + i * entry_size(ifd->block), 2) == tag)
            return lk_ifd_at(ifd, i);
    return (lk_ifd_entry){0};
}

size_t lk_ifd_next(const lk_ifd *ifd) {
    const size_t end = ifd->at + ifd->count * entry_size(ifd->block), wide = ifd->block->big ? 8 : 4;
    return end <= ifd->block->size && ifd->block->size - end >= wide ? end : 0;
}

/* Bytes, shorts, longs, and offsets of directories. */
static bool is_whole(unsigned type) {
    return type == 1 || type == 3 || type == 4 || type == 7 || type == 13 || type == 16 || type == 18;
}

uint64_t lk_ifd_number(const lk_ifd *ifd, const lk_ifd_entry *e, uint64_t k) {
    if (e->value == NULL || k >= e->count || !is_whole(e->type))
        return 0;
    const size_t size = type_size(e->type);
    return lk_ifd_read(ifd->block, e->value + k * size, (int)size);
}

uint64_t lk_ifd_value(const lk_ifd *ifd, unsigned tag, uint64_t otherwise) {
    const lk_ifd_entry e = lk_ifd_find(ifd, tag);
    return e.tag == tag && e.count > 0 ? lk_ifd_number(ifd, &e, 0) : otherwise;
}

void lk_ifd_text(const lk_ifd *ifd, unsigned tag, char *text, size_t room) {
    const lk_ifd_entry e = lk_ifd_find(ifd, tag);
    size_t length = e.value != NULL && (e.type == 2 || e.type == 7) ? (size_t)e.count : 0;
    length = length < room - 1 ? length : room - 1;
    if (length > 0)
        memcpy(text, e.value, length);
    text[length] = '\0';
}
