/* nms.c - lists of detections and their non-maximum suppression. */
#include "face/detect.h"

#include <stdlib.h>
#include <string.h>

static int grow(lk_detections *list, liken_error *err) {
    const size_t capacity = list->capacity == 0 ? 32 : 2 * list->capacity;
    lk_detection *items = realloc(list->items, capacity * sizeof *items);
    if (items == NULL)
        return lk_fail_memory(err);
    list->items = items;
    list->capacity = capacity;
    return LIKEN_OK;
}

static void replace_worst(lk_detections *list, const lk_detection *d) {
    size_t worst = 0;
    for (size_t i = 1; i < list->count; i++)
        if (list->items[i].score < list->items[worst].score)
            worst = i;
    if (list->items[worst].score < d->score)
        list->items[worst] = *d;
}

int lk_detections_add(lk_detections *list, const lk_detection *d, liken_error *err) {
    if (list->count >= LK_MAX_DETECTIONS) {
        replace_worst(list, d);
        return LIKEN_OK;
    }
    if (list->count == list->capacity) {
        const int rc = grow(list, err);
        if (rc != LIKEN_OK)
            return rc;
    }
    list->items[list->count++] = *d;
    return LIKEN_OK;
}

void lk_detections_clear(lk_detections *list) {
    free(list->items);
    *list = (lk_detections){0};
}

static float overlap(float a, float a_size, float b, float b_size) {
    const float low = a > b ? a : b, high = a + a_size < b + b_size ? a + a_size : b + b_size;
    return high > low ? high - low : 0;
}

float lk_box_iou(const liken_box *a, const liken_box *b) {
    const float both = overlap(a->x, a->width, b->x, b->width) * overlap(a->y, a->height, b->y, b->height);
    return both > 0 ? both / (a->width * a->height + b->width * b->height - both) : 0;
}

/* A total order, so that the result does not depend on the order of the list. */
static int better_first(const void *pa, const void *pb) {
    const lk_detection *a = pa, *b = pb;
    if (a->score != b->score)
        return a->score > b->score ? -1 : 1;
    if (a->box.x != b->box.x)
        return a->box.x < b->box.x ? -1 : 1;
    return a->box.y < b->box.y ? -1 : a->box.y > b->box.y;
}

void lk_nms(lk_detections *list, float iou) {
    size_t kept = 0;
    if (list->count > 1)
        qsort(list->items, list->count, sizeof *list->items, better_first);
    for (size_t i = 0; i < list->count; i++) {
        bool covered = false;
        for (size_t k = 0; k < kept && !covered; k++)
            covered = lk_box_iou(&list->items[i].box, &list->items[k].box) > iou;
        if (!covered)
            list->items[kept++] = list->items[i];
    }
    list->count = kept;
}

int lk_detector_one_look(lk_detector *d, const char *name, float smallest, liken_error *err) {
    if (d->min_face > 0 && (float)d->min_face < smallest)
        return lk_fail(err, LIKEN_E_UNSUPPORTED,
                       "The detector %s looks at a photo once, and sees faces from %.0f pixels on in this one; %d were "
                       "asked for. Use the detector yunet (liken models install yunet), or ask for larger faces.",
                       name, (double)smallest, d->min_face);
    d->smallest = smallest;
    return LIKEN_OK;
}

void lk_detector_free(lk_detector *detector) {
    if (detector != NULL)
        detector->free(detector);
}

int lk_net_output_find(const lk_net *net, const char *name) {
    for (int i = 0; i < lk_net_output_count(net); i++)
        if (strcmp(lk_net_output_name(net, i), name) == 0)
            return i;
    return -1;
}
