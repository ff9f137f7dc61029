/* What several cells of the yunet network say of one face, with a stand-in for the network whose cells are set here. */
#include "unit/test.h"

#include "face/yunet.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIDE 64
#define CELLS (SIDE / 8 * SIDE / 8)

static const char *const kinds[] = {"cls", "obj", "bbox", "kps"};
static const int numbers[] = {1, 1, 4, 10};
static float said[12][CELLS * 10]; /* of strides 8, 16, 32 */

int lk_net_output_count(const lk_net *net) {
    (void)net;
    return 12;
}

const char *lk_net_output_name(const lk_net *net, int i) {
    static char name[16];
    (void)net;
    (void)snprintf(name, sizeof name, "%s_%d", kinds[i % 4], 8 << i / 4);
    return name;
}

int lk_net_state_new(lk_net_state **out, const lk_net *net, int max_batch, int height, int width, liken_error *err) {
    (void)net;
    assert_int_equal(max_batch, 1);
    assert_int_equal(height, SIDE);
    assert_int_equal(width, SIDE);
    *out = malloc(1);
    return *out != NULL ? LIKEN_OK : lk_fail_memory(err);
}

void lk_net_state_free(lk_net_state *s) {
    free(s);
}

void lk_net_forward(lk_net_state *s, const lk_net_input *inputs, int batch) {
    (void)s;
    (void)inputs;
    assert_int_equal(batch, 1);
}

const float *lk_net_output(const lk_net_state *s, int i, size_t *floats) {
    (void)s;
    const int across = SIDE / (8 << i / 4);
    *floats = (size_t)(across * across * numbers[i % 4]);
    return said[i];
}

/* The cell of stride 8 says: a face of 24 pixels about (x, y), all its points at (px, py). */
static void cell_says(int column, int row, float score, float x, float y, float px, float py) {
    const int cell = row * (SIDE / 8) + column;
    const float box[4] = {x / 8 - (float)column, y / 8 - (float)row, logf(3), logf(3)};
    said[0][cell] = said[1][cell] = score;
    for (int i = 0; i < 4; i++)
        said[2][cell * 4 + i] = box[i];
    for (int i = 0; i < 5; i++) {
        said[3][cell * 10 + 2 * i] = px / 8 - (float)column;
        said[3][cell * 10 + 2 * i + 1] = py / 8 - (float)row;
    }
}

static void look(lk_detections *seen) {
    static const uint8_t photo[SIDE * SIDE * 3];
    liken_error err;
    lk_yunet *yunet;
    assert_ok(lk_yunet_new(&yunet, NULL, &err), err);
    assert_ok(lk_yunet_look(yunet, photo, (size_t)SIDE * 3, SIDE, SIDE, 0.3f, seen, &err), err);
    lk_yunet_free(yunet);
}

static int nothing_said(void **state) {
    (void)state;
    memset(said, 0, sizeof said);
    return 0;
}

static void points_are_the_mean_of_all_cells_that_see_the_face(void **state) {
    (void)state;
    lk_detections seen = {0};
    cell_says(2, 2, 0.8f, 20, 20, 18, 19);
    cell_says(3, 2, 0.4f, 21, 20, 23, 14);
    look(&seen);
    assert_int_equal(seen.count, 1);
    assert_float_equal(seen.items[0].score, 0.8, 1e-6);
    assert_float_equal(seen.items[0].box.x, 8, 1e-4); /* the box is the surest's */
    for (int i = 0; i < 5; i++) {
        assert_float_equal(seen.items[0].points[i].x, 19, 1e-4); /* (0.64 * 18 + 0.16 * 23) / 0.8 */
        assert_float_equal(seen.items[0].points[i].y, 18, 1e-4);
    }
    lk_detections_clear(&seen);
}

static void one_cell_alone_is_taken_at_its_word(void **state) {
    (void)state;
    lk_detections seen = {0};
    cell_says(2, 2, 0.8f, 20, 20, 18, 19);
    look(&seen);
    assert_int_equal(seen.count, 1);
    assert_float_equal(seen.items[0].points[4].x, 18, 1e-4);
    lk_detections_clear(&seen);
}

static void the_unsure_and_those_of_the_face_beside_it_are_not_heard(void **state) {
    (void)state;
    lk_detections seen = {0};
    cell_says(2, 2, 0.9f, 20, 20, 18, 19);
    cell_says(3, 2, 0.4f, 20, 20, 30, 30);  /* less than half as sure */
    cell_says(4, 2, 0.85f, 36, 20, 40, 40); /* its box overlaps the other by a fifth */
    look(&seen);
    assert_int_equal(seen.count, 2);
    assert_float_equal(seen.items[0].points[0].x, 18, 1e-4);
    assert_float_equal(seen.items[1].points[0].x, 40, 1e-4);
    lk_detections_clear(&seen);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(points_are_the_mean_of_all_cells_that_see_the_face, nothing_said),
        cmocka_unit_test_setup(one_cell_alone_is_taken_at_its_word, nothing_said),
        cmocka_unit_test_setup(the_unsure_and_those_of_the_face_beside_it_are_not_heard, nothing_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
