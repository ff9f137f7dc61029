/* align.c - see align.h. The mean face is dlib's (image_transforms/interpolation.h, get_face_chip_details): positions
 * in a unit square that padding then surrounds. dlib's positions count pixels by their index, hence the half pixel. */
#include "face/align.h"

#include <math.h>
#include <string.h>

static const struct {
    int index;
    float x, y;
} mean68[] = {
    {27, 0.490127f, 0.203352f}, {28, 0.490127f, 0.307009f}, {29, 0.490127f, 0.409805f}, {30, 0.490127f, 0.515625f},
    {31, 0.36688f, 0.587326f},  {32, 0.426036f, 0.609345f}, {33, 0.490127f, 0.628106f}, {34, 0.554217f, 0.609345f},
    {35, 0.613373f, 0.587326f}, {36, 0.121737f, 0.216423f}, {37, 0.187122f, 0.178758f}, {38, 0.265825f, 0.179852f},
    {39, 0.334606f, 0.231733f}, {40, 0.260918f, 0.245099f}, {41, 0.182743f, 0.244077f}, {42, 0.645647f, 0.231733f},
    {43, 0.714428f, 0.179852f}, {44, 0.793132f, 0.178758f}, {45, 0.858516f, 0.216423f}, {46, 0.79751f, 0.244077f},
    {47, 0.719335f, 0.245099f}, {48, 0.254149f, 0.780233f}, {49, 0.340985f, 0.745405f}, {50, 0.428858f, 0.727388f},
    {51, 0.490127f, 0.742578f}, {52, 0.551395f, 0.727388f}, {53, 0.639268f, 0.745405f}, {54, 0.726104f, 0.780233f},
    {60, 0.290379f, 0.784792f}, {61, 0.428096f, 0.778746f}, {62, 0.490127f, 0.785343f}, {63, 0.552157f, 0.778746f},
    {64, 0.689874f, 0.784792f},
};
#define USED68 ((int)(sizeof mean68 / sizeof *mean68))

static const liken_point mean_dlib5[5] = {
    {0.8595674595992f, 0.2134981538014f}, {0.6460604764104f, 0.2289674387677f}, {0.1205750620789f, 0.2137274526848f},
    {0.3340850613712f, 0.2290642403242f}, {0.4901123135679f, 0.6277975316475f},
};

/* Means over many faces of yunet's points on chips of 150 pixels cut by 68 points with padding 0.2. */
static const liken_point chip_detector5[5] = {
    {46.74f, 45.15f}, {103.77f, 44.91f}, {75.80f, 79.70f}, {49.73f, 104.60f}, {100.89f, 104.48f},
};

int lk_points_count(lk_points_kind kind) {
    return kind == LK_POINTS_68 ? 68 : 5;
}

bool lk_similarity(const liken_point *from, const liken_point *to, int count, double out[6]) {
    double fx = 0, fy = 0, tx = 0, ty = 0;
    for (int i = 0; i < count; i++) {
        fx += from[i].x / (double)count;
        fy += from[i].y / (double)count;
        tx += to[i].x / (double)count;
        ty += to[i].y / (double)count;
    }
    double along = 0, across = 0, spread = 0; /* sums of (from . to), (from x to), (from . from) about the means */
    for (int i = 0; i < count; i++) {
        const double ax = from[i].x - fx, ay = from[i].y - fy, bx = to[i].x - tx, by = to[i].y - ty;
        along += ax * bx + ay * by;
        across += ax * by - ay * bx;
        spread += ax * ax + ay * ay;
    }
    const double a = along / spread, b = across / spread;
    if (!(spread > 0) || !isfinite(a + b + tx + ty) || !(a * a + b * b > 0))
        return false;
    const double m[6] = {a, -b, tx - a * fx + b * fy, b, a, ty - b * fx - a * fy};
    memcpy(out, m, sizeof m);
    return true;
}

/* Where in the chip the mean face has its point. */
static liken_point padded(float x, float y, int side, double padding) {
    const double whole = 2 * padding + 1;
    return (liken_point){(float)((padding + x) / whole * side + 0.5), (float)((padding + y) / whole * side + 0.5)};
}

static int targets_of(const liken_point *points, lk_points_kind kind, int side, double padding, liken_point *chip,
                      liken_point *photo) {
    const int count = kind == LK_POINTS_68 ? USED68 : 5;
    for (int i = 0; i < count; i++) {
        photo[i] = points[kind == LK_POINTS_68 ? mean68[i].index : i];
        if (kind == LK_POINTS_68)
            chip[i] = padded(mean68[i].x, mean68[i].y, side, padding);
        else if (kind == LK_POINTS_DLIB5)
            chip[i] = padded(mean_dlib5[i].x, mean_dlib5[i].y, side, padding);
        else
            chip[i] =
                padded(chip_detector5[i].x / 150 * 1.4f - 0.2f, chip_detector5[i].y / 150 * 1.4f - 0.2f, side, padding);
    }
    return count;
}

bool lk_align(const liken_point *points, lk_points_kind kind, int side, double padding, double out[6]) {
    liken_point chip[USED68], photo[USED68];
    const int count = targets_of(points, kind, side, padding, chip, photo);
    return lk_similarity(chip, photo, count, out);
}

bool lk_align_five(const liken_point five[5], const liken_point places[5], int side, double out[6]) {
    liken_point chip[5];
    for (int i = 0; i < 5; i++)
        chip[i] = (liken_point){places[i].x * (float)side, places[i].y * (float)side};
    return lk_similarity(chip, five, 5, out);
}

void lk_align_mean_five(const liken_point dlib5[5], liken_point five[5]) {
    double map[6] = {0, 0, dlib5[4].x, 0, 0, dlib5[4].y};
    (void)lk_align(dlib5, LK_POINTS_DLIB5, 150, 0.2, map);
    for (int i = 0; i < 5; i++)
        five[i] = lk_map_point(map, chip_detector5[i]);
}

liken_point lk_map_point(const double m[6], liken_point p) {
    return (liken_point){(float)(m[0] * p.x + m[1] * p.y + m[2]), (float)(m[3] * p.x + m[4] * p.y + m[5])};
}
