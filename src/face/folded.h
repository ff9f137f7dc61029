/* folded.h - the last layer of the network reid as it is used (nn/blob_net.c), kept beside the weights.
 *
 * Folding it takes longer than all else that a start does with the pack, and gives the same each time. So whoever does
 * it first puts it into the pack's folder, where that can be written, with a sum over it and over what it was made of.
 * It is a cache: what is wrong with it costs time and nothing else, and the next start makes it anew. */
#ifndef LK_FACE_FOLDED_H
#define LK_FACE_FOLDED_H

#include "nn/nn.h"
#include "packs/pack.h"

#define LK_FOLDED_FILE "folded"

/* Adds it to `w`, which was read from the file `made_of` of `pack`. Where pack.json does not state that file's sha256
 * nothing is kept, as nothing would tell what it was made of. Any thread, any process. */
int lk_folded_add(lk_weights *w, const lk_pack *pack, const char *made_of, liken_error *err);

#endif
