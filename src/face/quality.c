/* quality.c - see quality.h. */
#include "face/quality.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MIN_SIZE 10.0f /* pixels of box height */
#define MIN_SHARPNESS 0.04f
#define MAX_YAW 80.0f
#define MAX_PITCH 70.0f
#define SURE 0.8f /* a detector as sure as that has seen a profile, not a texture */
#define DEGREES 57.29578f

/* What a fault of a face that the descriptor shows to be poor is called by. */
#define SMALL 26.0f
#define DARK 0.12f
#define AWAY_YAW 45.0f
#define AWAY_PITCH 35.0f
#define SOFT 0.33f

/* 0 at `low` and under, 1 at `high` and over. */
static float ramp(float v, float low, float high) {
    return fminf(1, fmaxf(0, (v - low) / (high - low)));
}

/* ---- pose ---- */

/* On the mean face: how far out the nose tip stands, in eye distances, and where between eyes (0) and mouth (1) it is.
 */
#define NOSE_DEPTH 0.6f
#define NOSE_DOWN 0.583f
#define FACE_LENGTH 1.04f /* eyes to mouth, in eye distances */

static liken_point middle(liken_point a, liken_point b) {
    return (liken_point){(a.x + b.x) / 2, (a.y + b.y) / 2};
}

void lk_quality_pose(const liken_point f[5], liken_quality *q) {
    const liken_point eyes = middle(f[0], f[1]), mouth = middle(f[3], f[4]);
    const float dx = f[1].x - f[0].x, dy = f[1].y - f[0].y, span = hypotf(dx, dy);
    const float mx = mouth.x - eyes.x, my = mouth.y - eyes.y, nx = f[2].x - eyes.x, ny = f[2].y - eyes.y;
    q->roll = atan2f(dy, dx) * DEGREES;
    const float ux = span > 0 ? dx / span : 1,
                uy = span > 0 ? dy / span : 0; /* along the eyes; (-uy, ux) points down */
    const float face_length = mx * -uy + my * ux, nose_down = nx * -uy + ny * ux;
    const float share = face_length != 0 ? nose_down / face_length : NOSE_DOWN;
    const float aside = nx * ux + ny * uy - share * (mx * ux + my * uy);
    q->yaw = atan2f(aside, NOSE_DEPTH * span) * DEGREES;
    q->pitch = atan2f((NOSE_DOWN - share) * FACE_LENGTH, NOSE_DEPTH) * DEGREES;
}

/* ---- the chip ---- */

static void luma(const uint8_t *chip, int side, float *out) {
    for (int i = 0; i < side * side; i++, chip += 3)
        out[i] = 0.299f * chip[0] + 0.587f * chip[1] + 0.114f * chip[2];
}

/* How much of the variation along one axis a running mean of 9 pixels along it takes away: 0 nothing, 1 all. `step`
 * goes along the axis, `across` to the next line; the outer fifth of the chip is not face. */
static float lost_to_blur(const float *luma_, int side, int step, int across) {
    const int margin = side / 5, reach = 4;
    float before = 0, lost = 0;
    for (int line = margin; line < side - margin; line++)
        for (int i = margin; i + 1 < side - margin; i++) {
            const float *p = luma_ + line * across + i * step;
            const float change = fabsf(p[step] - p[0]);
            const float blurred = fabsf(p[(reach + 1) * step] - p[-reach * step]) / (float)(2 * reach + 1);
            before += change;
            lost += change > blurred ? change - blurred : 0;
        }
    return before > 0 ? lost / before : 0;
}

void lk_quality_chip(const uint8_t *chip, int side, liken_quality *q) {
    q->sharpness = 0;
    q->brightness = 0;
    float *gray = malloc((size_t)side * (size_t)side * sizeof *gray);
    if (gray == NULL) /* unjudged rather than refused for want of memory: the caller's next allocation reports it */
        return;
    luma(chip, side, gray);
    double sum = 0;
    for (int i = 0; i < side * side; i++)
        sum += gray[i];
    q->brightness = (float)(sum / (side * side) / 255);
    const float horizontal = lost_to_blur(gray, side, 1, side), vertical = lost_to_blur(gray, side, side, 1);
    q->sharpness = fminf(horizontal, vertical);
    free(gray);
}

/* ---- all together ---- */

void lk_quality_score(liken_quality *q, float confidence) {
    const float size = ramp(q->size, 8, 80), sharp = ramp(q->sharpness, 0, 0.5f);
    const float pose = ramp(fmaxf(fabsf(q->yaw), fabsf(q->pitch)), 90, 15);
    const float light = fminf(ramp(q->brightness, 0.02f, 0.2f), ramp(q->brightness, 1, 0.85f));
    q->score = powf(size * sharp * pose * light, 0.25f) * ramp(confidence, 0.3f, 0.9f);
}

/* ---- by the descriptor ---- */

static double dot(const float *a, const float *b, int dimension) {
    double sum = 0;
    for (int i = 0; i < dimension; i++)
        sum += (double)a[i] * (double)b[i];
    return sum;
}

static float cap(float value, const lk_pack_limit *limit, float good) {
    return value < limit->weak ? fmaxf(limit->least, good * value / limit->weak)
                               : good + (1 - good) * ramp(value, limit->weak, limit->full);
}

void lk_quality_described(liken_quality *q, float confidence, const float *descriptor, int dimension,
                          const lk_pack_classes *c) {
    const float norm = (float)sqrt(dot(descriptor, descriptor, dimension));
    float nearest = -1;
    q->score = 0;
    if (!isfinite(norm) || !(norm > 0))
        return;
    for (int i = 0; i < c->poor_count; i++)
        nearest = fmaxf(nearest, (float)dot(descriptor, c->poor + (ptrdiff_t)i * dimension, dimension) / norm);
    float score = ramp(nearest, c->among, c->apart);
    score = fminf(score, cap(q->size, &c->size, c->good));
    score = fminf(score, cap(q->brightness, &c->brightness, c->good));
    score = fminf(score, cap(q->sharpness, &c->sharpness, c->good));
    if (c->grain.full > 0)
        score = fminf(score, cap(1 - q->sharpness, &c->grain, c->good));
    score = fminf(score, cap(norm, &c->norm, c->good));
    q->score = fminf(score, cap(confidence, &c->confidence, c->good));
}

void lk_quality_covered(liken_quality *q, float blank, const lk_pack_classes *c) {
    if (c->shown.full > 0)
        q->score = fminf(q->score, cap(1 - blank, &c->shown, c->good));
}

bool lk_quality_drawn(const liken_quality *q, const float *descriptor, int dimension, const lk_pack_classes *c) {
    const double norm = sqrt(dot(descriptor, descriptor, dimension));
    return c->drawn != NULL && q->size >= c->size.full &&
           dot(descriptor, c->drawn, dimension) >= (double)c->drawn_from * norm;
}

bool lk_quality_enough(const liken_quality *q, const lk_pack_classes *c) {
    return q->score >= (q->size < c->size.full ? c->floor : c->large_floor);
}

liken_reason lk_quality_blame(const liken_quality *q) {
    if (q->size < SMALL)
        return LIKEN_TOO_SMALL;
    if (q->brightness < DARK)
        return LIKEN_LOW_LIGHT;
    if (fabsf(q->yaw) > AWAY_YAW || fabsf(q->pitch) > AWAY_PITCH)
        return LIKEN_EXTREME_POSE;
    return q->sharpness < SOFT ? LIKEN_BLURRED : LIKEN_OCCLUDED;
}

liken_reason lk_quality_judge(const liken_quality *q, float confidence, float accept) {
    if (confidence < accept)
        return LIKEN_LOW_CONFIDENCE;
    if (q->size < MIN_SIZE)
        return LIKEN_TOO_SMALL;
    if (confidence < SURE && (fabsf(q->yaw) > MAX_YAW || fabsf(q->pitch) > MAX_PITCH))
        return LIKEN_EXTREME_POSE;
    if (q->sharpness < MIN_SHARPNESS)
        return LIKEN_BLURRED;
    return LIKEN_KEPT;
}
