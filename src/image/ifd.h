/* ifd.h - the directories of TIFF, BigTIFF, EXIF and camera raw files: every read is checked against the block.
 *
 * A block is hostile: offsets may point anywhere and directories may overlap. An entry whose values do not lie inside
 * the block has none; a directory that does not is not opened. Reference: TIFF 6.0; the BigTIFF design. */
#ifndef LK_IMAGE_IFD_H
#define LK_IMAGE_IFD_H

#include "image/head.h"

typedef struct lk_ifd_block {
    const uint8_t *bytes; /* offsets count from here */
    size_t size;
    bool big_endian, big; /* big: BigTIFF */
    uint64_t first;       /* offset of the first directory */
} lk_ifd_block;

typedef struct lk_ifd {
    const lk_ifd_block *block;
    size_t at, count; /* of the first entry; entries that lie inside the block */
} lk_ifd;

typedef struct lk_ifd_entry {
    unsigned tag, type;
    uint64_t count;       /* values */
    const uint8_t *value; /* the first of them, all inside the block; NULL: there are none */
    size_t at;            /* offset of the entry itself */
} lk_ifd_entry;

/* Takes any of the magic numbers 42, 43 (BigTIFF) and those of raw files. False: cut short, or no byte order. */
bool lk_ifd_block_open(lk_ifd_block *out, const uint8_t *bytes, size_t size);
uint64_t lk_ifd_read(const lk_ifd_block *block, const uint8_t *p, int size);

/* At most LK_IFD_ENTRIES are looked at. */
#define LK_IFD_ENTRIES 4096
bool lk_ifd_open(lk_ifd *out, const lk_ifd_block *block, uint64_t at);
/* 0 <= i < count */
lk_ifd_entry lk_ifd_at(const lk_ifd *ifd, size_t i);
/* {0} when the directory has no such tag. */
lk_ifd_entry lk_ifd_find(const lk_ifd *ifd, unsigned tag);
/* Offset of the pointer to the next directory, 0 when it lies outside. */
size_t lk_ifd_next(const lk_ifd *ifd);

/* Value k of an entry of whole numbers; 0 when it has none such. */
uint64_t lk_ifd_number(const lk_ifd *ifd, const lk_ifd_entry *e, uint64_t k);
/* The first value of a tag, `otherwise` when it is absent. */
uint64_t lk_ifd_value(const lk_ifd *ifd, unsigned tag, uint64_t otherwise);
/* Text of at most `room` - 1 bytes, "" when there is none. */
void lk_ifd_text(const lk_ifd *ifd, unsigned tag, char *text, size_t room);

#endif
