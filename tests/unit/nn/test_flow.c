/* Chains in bands of rows: whatever the heights, strides, kernels and bands, each row is made once, everything that a
 * row needs is in its window when it is made, and no window overflows. */
#include "nn/flow.h"
#include "unit/test.h"

static uint64_t state = 88172645463325252u;

static int between(int low, int high) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return low + (int)((state >> 33) % (uint64_t)(high - low + 1));
}

/* A chain that could be: kernels of 1 to 3 rows, with or without border, strides 1 and 2. */
static lk_chain make_chain(void) {
    lk_chain c = {.links = between(2, 9), .load = between(0, 1), .band = between(1, 9)};
    c.link[0].height = between(8, 300);
    for (int k = 1; k < c.links; k++) {
        lk_link *made = &c.link[k], *read = &c.link[k - 1];
        made->size = between(1, 3);
        made->stride = read->height > 8 ? between(1, 2) : 1;
        made->top = made->size == 3 ? between(0, 1) : 0;
        const int after = made->top == 0 ? 0 : between(0, 1);
        made->height = (read->height + made->top + after - made->size) / made->stride + 1;
        read->above = made->top;
        const int end = (made->height - 1) * made->stride - made->top + made->size;
        read->below = end > read->height ? end - read->height : 0;
        if (made->height < 4) {
            c.links = k + 1;
            break;
        }
    }
    return c;
}

/* As run_chain of forward.c does it, with counting in the place of work. */
static void run(const lk_chain *c) {
    lk_flow f;
    lk_flow_start(c, &f);
    while (lk_flow_next(c, &f))
        for (int k = c->load ? 0 : 1; k < c->links; k++) {
            const lk_link *l = &c->link[k];
            assert_true(f.want[k] >= f.made[k] && f.want[k] <= l->height);
            if (f.want[k] == f.made[k])
                continue;
            const int end = f.want[k] == l->height ? l->height + l->below : f.want[k];
            if (l->window > 0 && end - f.base[k] > l->window) {
                const int from = lk_flow_needed(c, &f, k);
                assert_true(from >= f.base[k] && from <= f.made[k]);
                f.base[k] = from;
                assert_true(end - from <= l->window);
            }
            if (k > 0) { /* the rows it reads are made, and still there */
                const lk_link *read = &c->link[k - 1];
                const int first = f.made[k] * l->stride - l->top, last = (f.want[k] - 1) * l->stride - l->top + l->size;
                const int there = k == 1 && !c->load ? read->height : f.made[k - 1];
                assert_true(last <= there || (there == read->height && last <= read->height + read->below));
                assert_true(read->window == 0 || first >= f.base[k - 1]);
            }
            f.made[k] = f.want[k];
        }
    for (int k = 1; k < c->links; k++)
        if (k == c->links - 1)
            assert_int_equal(f.made[k], c->link[k].height);
}

static void test_chains(void **unused) {
    (void)unused;
    for (int i = 0; i < 20000; i++) {
        lk_chain c = make_chain();
        lk_flow_size_windows(&c);
        for (int k = 0; k < c.links; k++)
            assert_int_equal(c.link[k].window > 0, k < c.links - 1 && (k > 0 || c.load));
        run(&c);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_chains)};
    return cmocka_run_group_tests_name("nn/flow", tests, NULL, NULL);
}
