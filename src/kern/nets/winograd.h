/* winograd.h - 3x3 stride 1 convolution by Winograd's F(4x4,3x3): part of vector.h.
 *
 * Four outputs of a 3-tap filter cost 6 products instead of 12 when both sides are first seen as polynomials and
 * evaluated at six points; in two dimensions a 4x4 tile of outputs costs 36 products instead of 144 (Winograd,
 * "Arithmetic Complexity of Computations", 1980; Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks",
 * 2015, where the matrices below are given). With points 0, 1, -1, 2, -2 and infinity, for an input tile d (6x6) and a
 * filter g (3x3):
 *
 *     Y = A' [ (G g G') . (B' d B) ] A            ( . is the product of equal places )
 *
 *     B' = 4  0 -5  0  1  0     G =  1/4    0    0     A' = 1  1  1  1  1  0
 *          0 -4 -4  1  1  0         -1/6 -1/6 -1/6          0  1 -1  2 -2  0
 *          0  4 -4 -1  1  0         -1/6  1/6 -1/6          0  1  1  4  4  0
 *          0 -2 -1  2  1  0         1/24 1/12  1/6          0  1 -1  8 -8  1
 *          0  2 -1 -2  1  0         1/24 -1/12 1/6
 *          0  4  0 -5  0  1            0    0    1
 *
 * The sum over input channels may be taken before A', so the middle is 36 independent matrix products of
 * [tiles x in] by [in x out]. G g G' is done at load (kern.c). Here a block of tiles is transformed (B'), multiplied,
 * and transformed back (A') with bias, residual and activation on the way out; a block is as large as the caches like
 * (lk_winograd_block). Tiles that reach past the image read its border and are cut when stored. */

/* Six values down a column to B' of them. */
INLINE void transform_in(const vec d[6], vec o[6]) {
    const vec even = vfma(vset(-4), d[2], d[4]), odd = vfma(vset(-4), d[1], d[3]);
    const vec even2 = vsub(d[4], d[2]), odd2 = vsub(d[3], d[1]);
    o[0] = vfma(vset(4), d[0], vfma(vset(-5), d[2], d[4]));
    o[1] = vadd(even, odd);
    o[2] = vsub(even, odd);
    o[3] = vfma(vset(2), odd2, even2);
    o[4] = vfma(vset(-2), odd2, even2);
    o[5] = vfma(vset(4), d[1], vfma(vset(-5), d[3], d[5]));
}

/* Six values to A' of them. */
INLINE void transform_out(const vec m[6], vec o[4]) {
    const vec s1 = vadd(m[1], m[2]), d1 = vsub(m[1], m[2]), s2 = vadd(m[3], m[4]), d2 = vsub(m[3], m[4]);
    o[0] = vadd(m[0], vadd(s1, s2));
    o[1] = vfma(vset(2), d2, d1);
    o[2] = vfma(vset(4), s2, s1);
    o[3] = vadd(m[5], vfma(vset(8), d2, d1));
}

/* The 6x6 pixels from `from` on to 36 places, `step` floats apart, all channels. */
static void tile_in(const float *from, size_t row, int channels, float *to, size_t step) {
    for (int c = 0; c < channels; c += LANES) {
        vec half[6][6];
        UNROLL
        for (int x = 0; x < 6; x++) {
            vec d[6], o[6];
            UNROLL
            for (int y = 0; y < 6; y++)
                d[y] = vload(from + (size_t)y * row + (size_t)(x * channels + c));
            transform_in(d, o);
            UNROLL
            for (int y = 0; y < 6; y++)
                half[y][x] = o[y];
        }
        UNROLL
        for (int y = 0; y < 6; y++) {
            vec o[6];
            transform_in(half[y], o);
            UNROLL
            for (int x = 0; x < 6; x++)
                vstore(to + (size_t)(6 * y + x) * step + c, o[x]);
        }
    }
}

/* 36 places, `step` apart, to at most 4x4 pixels. */
static void tile_out(const lk_conv *k, const float *from, size_t step, const lk_map *out, float *to,
                     const lk_map *residual, const float *add, int height, int width) {
    for (int c = 0; c < k->out; c += LANES) {
        vec half[4][6];
        UNROLL
        for (int x = 0; x < 6; x++) {
            vec m[6], o[4];
            UNROLL
            for (int y = 0; y < 6; y++)
                m[y] = vload(from + (size_t)(6 * y + x) * step + c);
            transform_out(m, o);
            UNROLL
            for (int y = 0; y < 4; y++)
                half[y][x] = o[y];
        }
        const vec bias = vload(k->bias + c);
        for (int y = 0; y < height; y++) {
            vec o[4];
            transform_out(half[y], o);
            UNROLL
            for (int x = 0; x < 4; x++)
                o[x] = vadd(o[x], bias);
            for (int x = 0; x < width && add != NULL; x++)
                o[x] = vadd(o[x], vload(add + (size_t)y * residual->row + (size_t)(x * residual->channels + c)));
            activate(k->act, k->slope, (size_t)c, 0, 1, 4, o, 4);
            for (int x = 0; x < width; x++)
                vstore(to + (size_t)y * out->row + (size_t)(x * out->channels + c), o[x]);
        }
    }
}

/* The 36 products of `count` tiles. */
static void multiply_places(const lk_conv *c, int count, int block, const float *in, float *out) {
    const size_t in_step = lk_winograd_step(block, c->in), out_step = lk_winograd_step(block, c->out);
    const runs g = {.count = 1, .length = (size_t)c->in, .panel = (size_t)c->in * LK_PANEL};
    const finish f = {NULL, LK_ACT_NONE, NULL};
    const float *a[96];
    float *to[96];
    for (size_t place = 0; place < 36; place++) {
        for (int t = 0; t < count; t++) {
            a[t] = in + place * in_step + (size_t)(t * c->in);
            to[t] = out + place * out_step + (size_t)(t * c->out);
        }
        product(&g, count, c->out, c->winograd + place * (size_t)c->in * (size_t)c->out, &f, a, to, NULL);
    }
}

/* Tile `t` of the batch, tiles_y x tiles_x an image. */
typedef struct place {
    int n, y, x;
} place;

static place place_of(int t, int tiles_y, int tiles_x) {
    const int in_image = t % (tiles_y * tiles_x);
    return (place){t / (tiles_y * tiles_x), in_image / tiles_x * 4, in_image % tiles_x * 4};
}

static void winograd(const lk_conv *c, const lk_map *in, const lk_map *out, const lk_map *residual, int height,
                     int width, int batch, float *scratch) {
    const int block = lk_winograd_block(c->in, c->out);
    float *seen = scratch, *made = scratch + 36 * lk_winograd_step(block, c->in);
    const int tiles_y = (height + 3) / 4, tiles_x = (width + 3) / 4, total = batch * tiles_y * tiles_x;
    for (int first = 0; first < total; first += block) {
        const int count = total - first < block ? total - first : block;
        for (int t = 0; t < count; t++) {
            const place p = place_of(first + t, tiles_y, tiles_x);
            tile_in(lk_map_at(in, p.n, p.y - c->top, p.x - c->left), in->row, c->in, seen + (size_t)(t * c->in),
                    lk_winograd_step(block, c->in));
        }
        multiply_places(c, count, block, seen, made);
        for (int t = 0; t < count; t++) {
            const place p = place_of(first + t, tiles_y, tiles_x);
            tile_out(c, made + (size_t)(t * c->out), lk_winograd_step(block, c->out), out,
                     lk_map_at(out, p.n, p.y, p.x), residual,
                     residual != NULL ? lk_map_at(residual, p.n, p.y, p.x) : NULL, height - p.y < 4 ? height - p.y : 4,
                     width - p.x < 4 ? width - p.x : 4);
        }
    }
}
