/* float32 brute force: the same SIMD loop for the distances that liken's index refines with, straight through, and the
 * simplest use of the k-th best. */
#include "bench.h"
#include "report.h"

#include "kern/search/loops.h"

#include <math.h>

static size_t nearest(const bench *b, const float *query, size_t k, lk_neighbour *best) {
    enum { SOME = 256 };
    float squares[SOME], limit = INFINITY;
    size_t count = 0;
    for (size_t at = 0; at < b->n; at += SOME) {
        const size_t some = b->n - at < SOME ? b->n - at : SOME;
        lk_loops_get()->squares(query, b->vectors + at * D, D, some, squares);
        for (size_t i = 0; i < some; i++) {
            if (squares[i] > limit)
                continue;
            const lk_neighbour neighbour = {(int64_t)(at + i), sqrtf(squares[i])};
            if (count == k && neighbour.distance >= best[k - 1].distance)
                continue;
            size_t put = count < k ? count++ : k - 1;
            for (; put > 0 && best[put - 1].distance > neighbour.distance; put--)
                best[put] = best[put - 1];
            best[put] = neighbour;
            if (count == k) /* a little more than the square, which was rounded */
                limit = best[k - 1].distance * best[k - 1].distance * 1.000001f;
        }
    }
    return count;
}

void bench_scan(bench *b) {
    static times ten, hundred;
    lk_neighbour best[10];
    ten.count = hundred.count = 0;
    for (int q = 0; q < b->query_count; q++) {
        times_start(&hundred);
        if (nearest(b, b->queries + q * D, DEEP, b->truth[q]) != DEEP)
            bench_fail("the gallery is too small");
        times_stop(&hundred);
        if (q >= 50)
            continue;
        times_start(&ten);
        (void)nearest(b, b->queries + q * D, 10, best);
        times_stop(&ten);
    }
    b->scan = times_report(&ten, b, "float32 scan", "top10");
    (void)times_report(&hundred, b, "float32 scan", "top100");
}
