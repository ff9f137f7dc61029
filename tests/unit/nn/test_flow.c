/* Chains in bands of rows: whatever the heights, strides, kernels and bands, each row is made once, everything that a
 * row needs is in its ring when it is made, and no node makes more at a time than its pace. */
#include "nn/flow.h"
#include "unit/test.h"

static uint64_t state = 88172645463325252u;

static int between(int low, int high) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return low + (int)((state >> 33) % (uint64_t)(high - low + 1));
}

/* A chain that could be: kernels of 1 to 4 rows, with or without border, strides 1 and 2. */
static lk_chain make_chain(void) {
    lk_chain c = {.links = between(2, 9), .load = between(0, 1), .band = between(1, 9)};
    c.link[0].height = between(8, 300);
    for (int k = 1; k < c.links; k++) {
        lk_link *made = &c.link[k], *read = &c.link[k - 1];
        made->size = between(1, 4);
        made->stride = read->height > 8 ? between(1, 2) : 1;
        made->top = made->size >= 3 ? between(0, 1) : 0;
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

/* The row that lies in each place of each ring. */
static int held[LK_MAX_LINKS][1024];

static void put(const lk_link *l, int k, int row) {
    held[k][(row + l->ring) % l->ring] = row;
}

/* The rows that link k reads to make rows [first, end) are made, and none has been written over. */
static void check_read(const lk_chain *c, const lk_flow *f, int k, int first, int end) {
    const lk_link *l = &c->link[k], *read = &c->link[k - 1];
    const int last = (end - 1) * l->stride - l->top + l->size;
    assert_true(last <= f->made[k - 1] || (f->made[k - 1] == read->height && last <= read->height + read->below));
    for (int row = first * l->stride - l->top; row < last && read->ring > 0; row++)
        assert_int_equal(held[k - 1][(row + read->ring) % read->ring], row);
}

/* As run_chain of forward.c does it, with book-keeping in the place of work. */
static void run(const lk_chain *c) {
    lk_flow f;
    lk_flow_start(c, &f);
    for (int k = 0; k < c->links; k++)
        for (int row = -c->link[k].above; row < 0 && c->link[k].ring > 0; row++)
            put(&c->link[k], k, row);
    while (lk_flow_next(c, &f)) {
        int pace = c->band, progress = 0;
        for (int k = 0; k < c->links; k++) {
            const lk_link *l = &c->link[k];
            pace = k > 0 ? (pace + l->stride - 1) / l->stride : pace;
            assert_true(f.want[k] >= f.made[k] && f.want[k] <= l->height && f.want[k] - f.made[k] <= pace);
            if (f.want[k] == f.made[k])
                continue;
            progress = 1;
            for (int row = f.made[k]; row < f.want[k] && l->ring > 0; row++)
                put(l, k, row);
            if (k > 0)
                check_read(c, &f, k, f.made[k], f.want[k]);
            f.made[k] = f.want[k];
            for (int row = l->height; row < l->height + l->below && f.made[k] == l->height && l->ring > 0; row++)
                put(l, k, row);
        }
        assert_true(progress);
    }
    for (int k = 1; k < c->links; k++) /* rows that nobody reads may stay unmade, but not of what the chain is for */
        assert_true(f.made[k] == c->link[k].height || k < c->links - 1);
}

static void test_chains(void **unused) {
    (void)unused;
    for (int i = 0; i < 20000; i++) {
        lk_chain c = make_chain();
        lk_flow_size_rings(&c);
        for (int k = 0; k < c.links; k++) {
            assert_int_equal(c.link[k].ring > 0, k < c.links - 1 && (k > 0 || c.load));
            assert_true(c.link[k].ring < (int)LK_LENGTH(held[0]));
        }
        run(&c);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_chains)};
    return cmocka_run_group_tests_name("nn/flow", tests, NULL, NULL);
}
