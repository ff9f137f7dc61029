/* A request target: taken apart, decoded, matched with routes. No part holds a NUL, and no decoded part is longer than
 * it came. */
#include "http/http_int.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void nothing(lk_request *r, void *ctx) {
    (void)r;
    (void)ctx;
}

static const lk_route routes[] = {{"GET", "/", nothing, .lane = LK_LANE_AT_ONCE},
                                  {"GET", "/v1/{a}", nothing, .lane = LK_LANE_AT_ONCE},
                                  {"POST", "/v1/{a}/{b}/c", nothing, .lane = LK_LANE_AT_ONCE},
                                  {"POST", "/{a}/{rest*}", nothing, .lane = LK_LANE_AT_ONCE}};

/* What {rest*} stands for leads out of no folder. */
static bool is_inside(const char *rest) {
    for (const char *part = rest; *part != '\0'; part += part[0] == '/') {
        const size_t n = strcspn(part, "/");
        if (n == 0 || (n == 1 && *part == '.') || (n == 2 && memcmp(part, "..", 2) == 0))
            return false;
        part += n;
    }
    return *rest != '\0';
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    lk_arena arena = {0};
    lk_target target;
    lk_routed routed;
    char *text = calloc(1, size + 1);
    if (text == NULL)
        abort();
    memcpy(text, data, size);
    if (lk_target_parse(&target, &arena, text, NULL) == LIKEN_OK) {
        size_t total = 0;
        for (size_t i = 0; i < target.segment_count; i++)
            total += strlen(target.segments[i]);
        if (total > strlen(text))
            abort();
        lk_route_find(&routed, &arena, routes, LK_LENGTH(routes), "POST", &target);
        if (routed.route == &routes[3] && !is_inside(routed.params[1].value))
            abort();
    }
    lk_arena_free(&arena);
    free(text);
    return 0;
}
