/* plain.h - what foreign networks need beside liken's own (nn/onnx.h): a part of vector.h. Nothing of it is where their
 * time goes, so it is written plainly: a vector of channels at a time. */

/* One output's vector of channels at `c`: the taps of its window that lie inside the image. */
INLINE vec window_sum(const lk_depthwise *d, const lk_map *in, int n, int top, int left, size_t c) {
    const size_t pixel = (size_t)in->channels;
    int y0, y1, x0, x1;
    lk_inside(top, d->size, in->height, &y0, &y1);
    lk_inside(left, d->size, in->width, &x0, &x1);
    vec sum = vload(d->bias + c);
    for (int y = y0; y < y1; y++) {
        const float *a = lk_map_at(in, n, top + y, left + x0) + c;
        const float *w = d->weights + (size_t)(y * d->size + x0) * pixel + c;
        for (int x = x0; x < x1; x++, a += pixel, w += pixel)
            sum = vfma(vload(a), vload(w), sum);
    }
    return sum;
}

static void depthwise_any(const lk_depthwise *d, const lk_map *in, const lk_map *out, int batch) {
    for (int n = 0; n < batch; n++)
        for (int y = 0; y < out->height; y++)
            for (int x = 0; x < out->width; x++)
                for (size_t c = 0; c < (size_t)in->channels; c += LANES) {
                    vec sum = window_sum(d, in, n, y * d->stride - d->top, x * d->stride - d->left, c);
                    activate(d->act, d->slope, c, 0, 1, 1, &sum, 1);
                    vstore(lk_map_at(out, n, y, x) + c, sum);
                }
}

INLINE vec affine_vec(const lk_affine *a, vec x, size_t c) {
    vec y = vfma(x, vload(a->factor + c), vload(a->term + c));
    if (a->slope != NULL)
        y = leak(y, vload(a->slope + c));
    y = vbelow(vset(a->high), vabove(vset(a->low), y));
    return a->gate ? vmul(y, x) : y;
}

static void affine(const lk_affine *a, const lk_map *in, const lk_map *out, int batch) {
    const size_t pixel = (size_t)out->channels;
    for (int n = 0; n < batch; n++)
        for (int y = 0; y < out->height; y++) {
            const float *from = lk_map_at(in, n, y, 0);
            float *to = lk_map_at(out, n, y, 0);
            for (int x = 0; x < out->width; x++, from += pixel, to += pixel)
                for (size_t c = 0; c < pixel; c += LANES)
                    vstore(to + c, affine_vec(a, vload(from + c), c));
        }
}

static void pair(const lk_map *a, const lk_map *b, bool multiply, const lk_map *out, int batch) {
    const size_t row = (size_t)(out->width * out->channels);
    for (int n = 0; n < batch; n++)
        for (int y = 0; y < out->height; y++) {
            const float *p = lk_map_at(a, n, y, 0), *q = lk_map_at(b, n, y, 0);
            float *to = lk_map_at(out, n, y, 0);
            for (size_t i = 0; i < row; i += LANES) {
                const vec u = vload(p + i), v = vload(q + i);
                vstore(to + i, multiply ? vmul(u, v) : vadd(u, v));
            }
        }
}
