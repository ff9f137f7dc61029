/* plain_cases.h - what foreign networks need (kern/nets/plain.h): a part of test_kern.c. */

/* Of one output: the window from (top, left) on, the taps outside counted by nobody. */
static double any_value(const lk_depthwise *d, const image *in, int n, int top, int left, int c) {
    double sum = (double)d->bias[c];
    for (int k = 0; k < d->size * d->size; k++)
        sum += value(in, n, top + k / d->size, left + k % d->size, c) *
               (double)d->weights[(size_t)(k * in->map.channels + c)];
    return activate(sum, d->act, d->slope != NULL ? d->slope[c] : 0);
}

static double clipped_value(const lk_pool *p, const image *in, int n, int top, int left, int c) {
    double best = -INFINITY, sum = 0;
    int inside = 0;
    for (int k = 0; k < p->size * p->size; k++) {
        const int y = top + k / p->size, x = left + k % p->size;
        if (y < 0 || x < 0 || y >= in->map.height || x >= in->map.width)
            continue;
        inside++;
        best = fmax(best, value(in, n, y, x, c));
        sum += value(in, n, y, x, c);
    }
    return p->mean ? sum / (p->whole ? p->size * p->size : inside) : best;
}

/* A window of `size` with `before` zeros on each side, as a convolution of each channel and as both pools. */
static void check_windows(int size, int stride, int before, int side, int channels, int batch, kind k) {
    const int made = (side + 2 * before - size) / stride + 1;
    const size_t stored = (size_t)lk_panels(channels), count = (size_t)(batch * made * made * channels);
    image in = new_image(side, side, channels, batch, k);
    float *w = calloc((size_t)(size * size + 1) * stored, sizeof *w), *slope = new_slopes(channels);
    double *expected = malloc(sizeof *expected * count);
    assert_true(w != NULL && expected != NULL);
    for (size_t i = 0; i < (size_t)(size * size + 1) * stored; i++)
        w[i] = i % stored < (size_t)channels ? number(ORDINARY) : 0;
    const lk_depthwise d = {.stride = stride,
                            .top = before,
                            .left = before,
                            .weights = w,
                            .act = LK_ACT_PRELU,
                            .bias = w + (size_t)(size * size) * stored,
                            .slope = slope,
                            .size = size};
    for (int what = 0; what < 4; what++) {
        const lk_pool pool = {size, stride, before, before, what > 1, what > 2};
        double *p = expected;
        for (int n = 0; n < batch; n++)
            for (int y = 0; y < made; y++)
                for (int x = 0; x < made; x++)
                    for (int c = 0; c < channels; c++)
                        *p++ = what == 0 ? any_value(&d, &in, n, y * stride - before, x * stride - before, c)
                                         : clipped_value(&pool, &in, n, y * stride - before, x * stride - before, c);
        for (size_t l = 0; l < LK_LENGTH(levels); l++) {
            const lk_kern *kern = lk_kern_of(levels[l]);
            if (kern == NULL)
                continue;
            image out = new_image(made, made, channels, batch, ORDINARY);
            if (what == 0)
                kern->depthwise_any(&d, &in.map, &out.map, batch);
            else
                kern->pool(&pool, &in.map, &out.map, batch);
            compare(what == 0 ? "depthwise_any" : "pool", levels[l], &out, expected, made, made);
            free(out.memory);
        }
    }
    free(w);
    free(slope);
    free(expected);
    free(in.memory);
}

static void test_windows(void **unused) {
    (void)unused;
    for (kind k = ORDINARY; k <= DENORMALS; k++) {
        check_windows(5, 1, 2, 9, 40, 2, k);
        check_windows(7, 2, 3, 11, 16, 1, k);
        check_windows(3, 3, 1, 8, 64, 3, k);
        check_windows(4, 2, 1, 7, 32, 1, k);
    }
}

static double affine_of(const lk_affine *a, double x, int c) {
    double y = x * (double)a->factor[c] + (double)a->term[c];
    y = a->slope != NULL && y < 0 ? y * (double)a->slope[c] : y;
    y = fmin((double)a->high, fmax((double)a->low, y));
    return a->gate ? y * x : y;
}

/* In place; a NaN stays one. */
static void check_affine(const lk_affine *a, kind k) {
    image in = new_image(5, 7, 40, 2, k);
    double expected[2 * 5 * 7 * 40], *p = expected;
    for (int i = 0; i < 70; i++)
        for (int c = 0; c < 40; c++)
            *p++ = affine_of(a, value(&in, i / 35, i % 35 / 7, i % 7, c), c);
    for (size_t l = 0; l < LK_LENGTH(levels); l++) {
        const lk_kern *kern = lk_kern_of(levels[l]);
        if (kern == NULL)
            continue;
        image out = new_image(5, 7, 40, 2, ORDINARY);
        memcpy(out.memory, in.memory, (in.map.image * 2 + 1) * sizeof(float));
        kern->affine(a, &out.map, &out.map, 2);
        compare("affine", levels[l], &out, expected, 5, 7);
        at(&out, 0, 0, 0)[1] = NAN;
        kern->affine(a, &out.map, &out.map, 2);
        assert_true(isnan(at(&out, 0, 0, 0)[1]));
        free(out.memory);
    }
    free(in.memory);
}

static void test_affine(void **unused) {
    (void)unused;
    float *factor = new_slopes(40), *term = new_slopes(40), *slope = new_slopes(40);
    for (kind k = ORDINARY; k <= DENORMALS; k++) {
        check_affine(&(lk_affine){factor, term, NULL, -INFINITY, INFINITY, false}, k);
        check_affine(&(lk_affine){factor, term, slope, -INFINITY, INFINITY, false}, k);
        check_affine(&(lk_affine){factor, term, NULL, 0, 0.5f, false}, k);
        check_affine(&(lk_affine){factor, term, NULL, 0, 1, true}, k);
    }
    free(factor);
    free(term);
    free(slope);
}

static void test_pair(void **unused) {
    (void)unused;
    image a = new_image(3, 5, 40, 2, ORDINARY), b = new_image(3, 5, 40, 2, ORDINARY);
    for (size_t l = 0; l < LK_LENGTH(levels); l++)
        for (int multiply = 0; multiply < 2 && lk_kern_of(levels[l]) != NULL; multiply++) {
            image out = new_image(3, 5, 40, 2, ORDINARY);
            lk_kern_of(levels[l])->pair(&a.map, &b.map, multiply, &out.map, 2);
            for (int i = 0; i < 30; i++)
                for (int c = 0; c < 48; c++) {
                    const float p = at(&a, i / 15, i % 15 / 5, i % 5)[c], q = at(&b, i / 15, i % 15 / 5, i % 5)[c];
                    assert_true(at(&out, i / 15, i % 15 / 5, i % 5)[c] == (multiply ? p * q : p + q));
                }
            free(out.memory);
        }
    free(a.memory);
    free(b.memory);
}
