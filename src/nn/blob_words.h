/* blob_words.h - short names for the tables of layers (blob.h). For the files that are such tables, and no others. */
#ifndef LK_NN_BLOB_WORDS_H
#define LK_NN_BLOB_WORDS_H

#include "nn/blob.h"

#define DENSE LK_LAYER_DENSE
#define EXPAND LK_LAYER_EXPAND
#define DEPTH LK_LAYER_DEPTH
#define WHOLE LK_LAYER_WHOLE
#define BIAS LK_LAYER_BIAS
#define SLOPE LK_LAYER_SLOPE
#define ADD LK_LAYER_ADD

#endif
