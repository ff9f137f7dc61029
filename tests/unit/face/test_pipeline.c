/* The whole pipeline on the sample photos of the faceapi pack; skipped where LIKEN_MODELS names no folder that holds
 * it. */
#include "unit/test.h"

#include "base/buf.h"
#include "face/models.h"
#include "unit/face/drawn.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *folder;

static bool has_pack(const char *name) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s/pack.json", folder == NULL ? "" : folder, name);
    return folder != NULL && access(path, R_OK) == 0;
}

static void need(const char *pack) {
    if (has_pack(pack))
        return;
    print_message("LIKEN_MODELS names no folder with the %s pack\n", pack);
    skip();
}

static lk_models *load(const char *pack, const char *detector) {
    liken_error err;
    lk_models *m = NULL;
    assert_ok(lk_models_load(&m, &(lk_models_options){folder, pack, detector}, &err), err);
    return m;
}

/* Detects and describes a picture, as a JPEG. */
static lk_faces run(const lk_models *m, const lk_image *image, bool describe, int max_faces) {
    liken_error err;
    lk_pipeline *p = NULL;
    lk_photo *photo = NULL;
    lk_faces faces = {0};
    void *jpeg = NULL;
    size_t size = 0;
    assert_ok(lk_image_encode_jpeg(image, 95, &jpeg, &size, &err), err);
    assert_ok(lk_photo_open(&photo, jpeg, size, NULL, &err), err);
    assert_ok(lk_pipeline_new(&p, m, &err), err);
    assert_ok(lk_pipeline_run(p, photo, describe, max_faces, 0, 0, &faces, &err), err);
    lk_pipeline_free(p);
    lk_photo_free(photo);
    free(jpeg);
    return faces;
}

static float distance(const liken_face *a, const liken_face *b) {
    double aa = 0, bb = 0, ab = 0;
    for (int i = 0; i < a->dimension; i++) {
        aa += (double)a->descriptor[i] * (double)a->descriptor[i];
        bb += (double)b->descriptor[i] * (double)b->descriptor[i];
        ab += (double)a->descriptor[i] * (double)b->descriptor[i];
    }
    return (float)sqrt(fmax(0, 2 - 2 * ab / sqrt(aa * bb)));
}

/* Every face of `a` again in `b`, nearest to itself, within the calibrated threshold. */
static void same_people(const lk_models *m, const lk_faces *a, const lk_faces *b) {
    const float threshold = lk_models_calibration(m, LIKEN_NORMALIZED)->threshold;
    assert_true(a->kept_count > 0);
    assert_int_equal(a->kept_count, b->kept_count);
    for (size_t i = 0; i < a->kept_count; i++) {
        float nearest = INFINITY;
        for (size_t k = 0; k < b->kept_count; k++)
            nearest = fminf(nearest, distance(&a->kept[i], &b->kept[k]));
        if (!(nearest < threshold))
            fail_msg("face %zu is %g from the nearest, and the threshold is %g", i, (double)nearest, (double)threshold);
    }
}

/* ---- loading ---- */

static void an_absent_pack_is_named_with_its_command(void **state) {
    (void)state;
    liken_error err = {0};
    lk_models *m = NULL;
    assert_int_equal(lk_models_load(&m, &(lk_models_options){"/nonexistent", NULL, NULL}, &err), LIKEN_E_NOT_FOUND);
    assert_non_null(strstr(err.message, "liken models install"));
    assert_null(m);
}

static void an_unknown_detector_is_refused(void **state) {
    (void)state;
    need("faceapi");
    liken_error err = {0};
    lk_models *m = NULL;
    assert_int_equal(lk_models_load(&m, &(lk_models_options){folder, NULL, "best"}, &err), LIKEN_E_ARG);
    assert_non_null(strstr(err.message, "yunet, ssd, hog"));
}

static void the_id_says_what_changes_the_numbers(void **state) {
    (void)state;
    need("faceapi");
    lk_models *m = load("faceapi", "ssd");
    assert_non_null(strstr(lk_models_id(m), "faceapi-"));
    assert_non_null(strstr(lk_models_id(m), "/68/"));
    assert_non_null(strstr(lk_models_id(m), "x4"));
    assert_string_equal(lk_models_detector(m), "ssd");
    assert_null(lk_models_detector_note(m)); /* asked for by name: nothing to excuse */
    assert_int_equal(lk_models_dimension(m), 128);
    lk_models_free(m);
}

static void without_yunet_auto_takes_ssd_and_says_so(void **state) {
    (void)state;
    need("faceapi");
    liken_error err = {0};
    lk_models *m = NULL;
    char alone[] = "/tmp/liken-test-models-XXXXXX", from[4096], to[4096];
    assert_non_null(mkdtemp(alone));
    snprintf(from, sizeof from, "%s/faceapi", folder);
    snprintf(to, sizeof to, "%s/faceapi", alone);
    assert_int_equal(symlink(from, to), 0);
    const int rc = lk_models_load(&m, &(lk_models_options){alone, NULL, "auto"}, &err);
    unlink(to);
    rmdir(alone);
    assert_ok(rc, err);
    assert_string_equal(lk_models_detector(m), "ssd");
    assert_non_null(lk_models_detector_note(m));
    assert_non_null(strstr(lk_models_detector_note(m), "liken models install yunet"));
    lk_models_free(m);
}

/* ---- running ---- */

static void faces_of_a_sample(const char *detector, size_t least) {
    lk_models *m = load("faceapi", detector);
    lk_image image = drawn_sample(folder, 1);
    lk_faces f = run(m, &image, true, 0);
    assert_int_equal(f.width, image.width);
    assert_int_equal(f.height, image.height);
    assert_true(f.kept_count >= least && f.kept_count <= least + 1);
    for (size_t i = 0; i < f.kept_count; i++) {
        const liken_face *k = &f.kept[i];
        assert_true(k->reason == LIKEN_KEPT && k->confidence > 0 && k->confidence <= 1);
        assert_true(k->landmarks[0].x < k->landmarks[1].x);
        assert_true(k->landmarks[2].y < fminf(k->landmarks[3].y, k->landmarks[4].y));
        assert_true(k->quality.score > 0.3f && fabsf(k->quality.roll) < 45);
        for (int d = 0; d < 128; d++)
            assert_true(isfinite(k->descriptor[d]));
        assert_true(i == 0 || k->box.width * k->box.height <= k[-1].box.width * k[-1].box.height);
        for (size_t o = 0; o < i; o++)
            assert_true(distance(k, &f.kept[o]) > 0.3f);
    }
    lk_faces_clear(&f);
    drawn_free(&image);
    lk_models_free(m);
}

/* A pack of five points: one pass a face, with yunet's own points, and with points out of 68 where `other_detector` has
 * none (they are coarser); both give the same people. */
static void a_pack_of_places(const char *pack, int dimension, const char *other_detector) {
    lk_models *m = load(pack, "yunet"), *other = load(pack, other_detector);
    char id[64];
    (void)snprintf(id, sizeof id, "/5/%d/x1", dimension);
    assert_non_null(strstr(lk_models_id(m), id));
    assert_string_equal(lk_models_id(m), lk_models_id(other));
    assert_int_equal(lk_models_dimension(m), dimension);
    lk_image image = drawn_sample(folder, 1);
    lk_faces a = run(m, &image, true, 0), b = run(other, &image, true, 0);
    same_people(m, &a, &b);
    for (size_t i = 0; i < a.kept_count; i++)
        for (size_t k = 0; k < i; k++)
            assert_true(distance(&a.kept[i], &a.kept[k]) > lk_models_calibration(m, LIKEN_NORMALIZED)->threshold);
    lk_faces_clear(&a);
    lk_faces_clear(&b);
    drawn_free(&image);
    lk_models_free(m);
    lk_models_free(other);
}

static void reid_describes_the_sample(void **state) {
    (void)state;
    need("faceapi");
    need("yunet");
    need("reid");
    a_pack_of_places("reid", 160, "ssd");
}

/* A folder of its own with reid, not folded, and yunet. */
static void copy_reid(char *template) {
    char text[4096];
    assert_non_null(mkdtemp(template));
    (void)snprintf(text, sizeof text, "cp -r %s/reid %s/ && rm -f %s/reid/folded && ln -s %s/yunet %s/", folder,
                   template, template, folder, template);
    assert_int_equal(system(text), 0);
}

/* The folded layer comes to lie beside the weights; it is used when it is whole, and nothing else is when it is not. */
static void what_was_folded_is_kept(void **state) {
    (void)state;
    need("yunet");
    need("faceapi");
    need("reid");
    char alone[] = "/tmp/liken-test-models-XXXXXX", text[4096], path[128];
    copy_reid(alone);
    (void)snprintf(path, sizeof path, "%s/reid/folded", alone);
    lk_image image = drawn_sample(folder, 1);
    float first[160] = {0};
    struct stat made = {0}, now;
    for (int i = 0; i < 4; i++) {
        static const char *const harm[] = {"", "", "printf x | dd of=%s bs=1 seek=99 conv=notrunc 2>/dev/null",
                                           "truncate -s 100 %s"};
        liken_error err = {0};
        lk_models *m = NULL;
        (void)snprintf(text, sizeof text, harm[i], path);
        assert_int_equal(system(text[0] == '\0' ? "true" : text), 0);
        assert_ok(lk_models_load(&m, &(lk_models_options){alone, NULL, NULL}, &err), err);
        assert_non_null(strstr(lk_models_id(m), "reid-"));
        lk_faces f = run(m, &image, true, 1);
        assert_int_equal(f.kept_count, 1);
        assert_true(i == 0 || memcmp(first, f.kept[0].descriptor, sizeof first) == 0);
        memcpy(first, f.kept[0].descriptor, sizeof first);
        lk_faces_clear(&f);
        lk_models_free(m);
        assert_int_equal(stat(path, &now), 0);
        assert_int_equal(now.st_size, 512 * 160 * 4 + 32);
        assert_true((i == 1) == (now.st_ino == made.st_ino)); /* whole: it is not written again */
        made = now;
    }
    drawn_free(&image);
    (void)snprintf(text, sizeof text, "rm -r %s", alone);
    assert_int_equal(system(text), 0);
}

/* Weights that may change unnoticed are folded at each start. */
static void what_was_folded_of_unpinned_weights_is_not_kept(void **state) {
    (void)state;
    need("yunet");
    need("reid");
    char alone[] = "/tmp/liken-test-models-XXXXXX", text[4096];
    copy_reid(alone);
    (void)snprintf(text, sizeof text, "sed -i '/\"sha256\"/d; s/\\(\"size\": [0-9]*\\),/\\1/' %s/reid/pack.json",
                   alone);
    assert_int_equal(system(text), 0);
    liken_error err = {0};
    lk_models *m = NULL;
    assert_ok(lk_models_load(&m, &(lk_models_options){alone, "reid", NULL}, &err), err);
    lk_models_free(m);
    (void)snprintf(text, sizeof text, "test ! -e %s/reid/folded && rm -r %s", alone, alone);
    assert_int_equal(system(text), 0);
}

/* The mean over (2*reach+1) x (2*reach+1) pixels. */
static lk_image blurred(const lk_image *in, int reach) {
    lk_image out = {.width = in->width, .height = in->height, .stride = (size_t)in->width * 3};
    out.rgb = malloc(out.stride * (size_t)out.height);
    assert_non_null(out.rgb);
    for (int y = 0; y < in->height; y++)
        for (int i = 0; i < in->width * 3; i++) {
            int sum = 0;
            for (int dy = -reach; dy <= reach; dy++)
                for (int dx = -reach; dx <= reach; dx++) {
                    const int at = i + 3 * dx, row = y + dy;
                    const int column = at < 0 || at >= in->width * 3 ? i : at;
                    sum += in->rgb[(size_t)(row < 0 || row >= in->height ? y : row) * in->stride + (size_t)column];
                }
            out.rgb[(size_t)y * out.stride + (size_t)i] = (uint8_t)(sum / ((2 * reach + 1) * (2 * reach + 1)));
        }
    return out;
}

static double mean_score(const lk_faces *f) {
    double sum = 0;
    for (size_t i = 0; i < f->kept_count; i++)
        sum += (double)f->kept[i].quality.score;
    for (size_t i = 0; i < f->refused_count; i++)
        if (f->refused[i].reason != LIKEN_LOW_CONFIDENCE)
            sum += (double)f->refused[i].quality.score;
    return sum / (double)(f->kept_count + f->refused_count);
}

/* With the pack reid: sharp faces are good, a blur takes from their score each time, and who only looks for faces is
 * told the same scores as who stores them. */
static void a_blur_takes_from_the_score(void **state) {
    (void)state;
    need("faceapi");
    need("yunet");
    need("reid");
    lk_models *m = load("reid", "yunet");
    lk_image image = drawn_sample(folder, 1);
    lk_faces sharp = run(m, &image, true, 0), seen = run(m, &image, false, 0);
    assert_int_equal(sharp.kept_count, seen.kept_count);
    for (size_t i = 0; i < sharp.kept_count; i++) {
        assert_true(sharp.kept[i].quality.score >= lk_models_good(m));
        assert_float_equal(sharp.kept[i].quality.score, seen.kept[i].quality.score, 1e-4);
        assert_null(seen.kept[i].descriptor);
    }
    double before = mean_score(&sharp);
    for (int reach = 2; reach <= 6; reach += 2) {
        lk_image soft = blurred(&image, reach);
        lk_faces f = run(m, &soft, false, 0);
        assert_true(f.kept_count + f.refused_count > 0);
        assert_true(mean_score(&f) < before);
        before = mean_score(&f);
        lk_faces_clear(&f);
        free(soft.rgb);
    }
    assert_true(before < (double)lk_models_good(m));
    lk_faces_clear(&sharp);
    lk_faces_clear(&seen);
    drawn_free(&image);
    lk_models_free(m);
}

static void mobilefacenet_describes_the_sample(void **state) {
    (void)state;
    need("faceapi");
    need("yunet");
    need("mobilefacenet");
    a_pack_of_places("mobilefacenet", 192, "yunet");
}

static lk_faces run_again(const lk_models *m, const void *jpeg, size_t size, const lk_found *found) {
    liken_error err;
    lk_pipeline *p = NULL;
    lk_photo *photo = NULL;
    lk_faces faces = {0};
    assert_ok(lk_photo_open(&photo, jpeg, size, NULL, &err), err);
    assert_ok(lk_pipeline_new(&p, m, &err), err);
    if (found == NULL)
        assert_ok(lk_pipeline_run(p, photo, true, 0, 0, 0, &faces, &err), err);
    else
        assert_ok(lk_pipeline_again(p, photo, found, 0, &faces, &err), err);
    lk_pipeline_free(p);
    lk_photo_free(photo);
    return faces;
}

/* What one pack found, another describes as if it had found it itself. */
static void faces_that_were_found_are_described_again(void **state) {
    (void)state;
    need("faceapi");
    need("yunet");
    need("reid");
    liken_error err;
    lk_models *former = load("faceapi", "yunet"), *m = load("reid", "yunet");
    lk_image image = drawn_sample(folder, 1);
    void *jpeg = NULL;
    size_t size = 0;
    assert_ok(lk_image_encode_jpeg(&image, 95, &jpeg, &size, &err), err);
    lk_faces known = run_again(former, jpeg, size, NULL), fresh = run_again(m, jpeg, size, NULL);
    for (size_t i = 0; i < known.kept_count; i++)
        known.kept[i].id = 100 + (int64_t)i;
    const lk_found found = {known.kept, known.refused, known.kept_count, known.refused_count, "yunet"};
    lk_faces again = run_again(m, jpeg, size, &found);
    assert_true(fresh.kept_count > 0);
    assert_int_equal(again.kept_count, fresh.kept_count);
    assert_int_equal(again.refused_count, fresh.refused_count);
    for (size_t i = 0; i < fresh.kept_count; i++) {
        assert_int_equal(again.kept[i].id, 100 + (int64_t)i);
        assert_memory_equal(&again.kept[i].box, &fresh.kept[i].box, sizeof again.kept[i].box);
        assert_memory_equal(&again.kept[i].quality, &fresh.kept[i].quality, sizeof again.kept[i].quality);
        assert_true(distance(&again.kept[i], &fresh.kept[i]) < 1e-5f);
    }
    lk_faces_clear(&known);
    lk_faces_clear(&fresh);
    lk_faces_clear(&again);
    free(jpeg);
    drawn_free(&image);
    lk_models_free(former);
    lk_models_free(m);
}

static void ssd_finds_the_sample(void **state) {
    (void)state;
    need("faceapi");
    faces_of_a_sample("ssd", 3);
}

static void yunet_finds_the_sample(void **state) {
    (void)state;
    need("yunet");
    faces_of_a_sample("yunet", 3);
}

static void a_smaller_copy_shows_the_same_people(void **state) {
    (void)state;
    need("yunet");
    liken_error err;
    lk_models *m = load(NULL, "yunet");
    lk_image image = drawn_sample(folder, 1), small;
    assert_ok(lk_image_resize(&image, image.width * 2 / 3, image.height * 2 / 3, &small, &err), err);
    lk_faces a = run(m, &image, true, 0), b = run(m, &small, true, 0);
    same_people(m, &a, &b);
    lk_faces_clear(&a);
    lk_faces_clear(&b);
    lk_image_clear(&small);
    drawn_free(&image);
    lk_models_free(m);
}

static lk_image turned(const lk_image *in) {
    lk_image out = {.width = in->height, .height = in->width, .stride = (size_t)in->height * 3};
    out.rgb = malloc(out.stride * (size_t)out.height);
    assert_non_null(out.rgb);
    for (int y = 0; y < in->height; y++)
        for (int x = 0; x < in->width; x++)
            memcpy(out.rgb + (size_t)x * out.stride + (size_t)(in->height - 1 - y) * 3,
                   in->rgb + (size_t)y * in->stride + (size_t)x * 3, 3);
    return out;
}

static void a_photo_on_its_side_shows_the_same_people(void **state) {
    (void)state;
    need("yunet");
    lk_models *m = load(NULL, "yunet");
    lk_image image = drawn_sample(folder, 1), side = turned(&image);
    lk_faces a = run(m, &image, true, 0), b = run(m, &side, true, 0);
    same_people(m, &a, &b);
    for (size_t i = 0; i < b.kept_count; i++)
        assert_true(b.kept[i].quality.roll > 45 && b.kept[i].quality.roll < 135);
    lk_faces_clear(&a);
    lk_faces_clear(&b);
    free(side.rgb);
    drawn_free(&image);
    lk_models_free(m);
}

static void what_is_over_the_limit_is_refused_and_told(void **state) {
    (void)state;
    need("yunet");
    lk_models *m = load(NULL, "yunet");
    lk_image image = drawn_sample(folder, 1);
    lk_faces all = run(m, &image, false, 0), one = run(m, &image, false, 1);
    assert_int_equal(one.kept_count, 1);
    assert_int_equal(one.refused_count, all.refused_count + all.kept_count - 1);
    assert_null(one.kept[0].descriptor);
    assert_true(one.kept[0].box.x == all.kept[0].box.x); /* the largest stays */
    size_t over = 0;
    for (size_t i = 0; i < one.refused_count; i++)
        over += one.refused[i].reason == LIKEN_OVER_LIMIT;
    assert_int_equal(over, all.kept_count - 1);
    lk_faces_clear(&all);
    lk_faces_clear(&one);
    lk_faces_clear(&one); /* {0} by now */
    drawn_free(&image);
    lk_models_free(m);
}

static bool larger(const liken_face *a, const liken_face *b) {
    return a->box.width * a->box.height > b->box.width * b->box.height;
}

/* One picture under the other. */
static lk_image stacked(const lk_image *above, const lk_image *below) {
    const int width = above->width > below->width ? above->width : below->width;
    lk_image out = {.width = width, .height = above->height + below->height, .stride = (size_t)width * 3};
    out.rgb = calloc((size_t)out.height, out.stride);
    assert_non_null(out.rgb);
    for (int y = 0; y < out.height; y++) {
        const lk_image *of = y < above->height ? above : below;
        const size_t row = (size_t)(y < above->height ? y : y - above->height);
        memcpy(out.rgb + (size_t)y * out.stride, of->rgb + row * of->stride, (size_t)of->width * 3);
    }
    return out;
}

/* As large, of a `share`th of the pixels. */
static lk_image coarse(const lk_image *in, int share) {
    liken_error err;
    lk_image few, out;
    assert_ok(lk_image_resize(in, in->width / share, in->height / share, &few, &err), err);
    assert_ok(lk_image_resize(&few, in->width, in->height, &out, &err), err);
    lk_image_clear(&few);
    return out;
}

/* Of what the pack refused after all the largest, or NULL. */
static const liken_face *refused_late(const lk_faces *f) {
    const liken_face *largest = NULL;
    for (size_t i = 0; i < f->refused_count; i++)
        if (f->refused[i].reason != LIKEN_LOW_CONFIDENCE && (largest == NULL || larger(&f->refused[i], largest)))
            largest = &f->refused[i];
    return largest;
}

static lk_image around(const liken_face *face, const lk_image *image) {
    const int more = (int)face->box.height / 2, x = (int)face->box.x - more, y = (int)face->box.y - more;
    const lk_image part = {.width = (int)face->box.width + 2 * more,
                           .height = (int)face->box.height + 2 * more,
                           .stride = image->stride,
                           .rgb = image->rgb + (size_t)y * image->stride + (size_t)x * 3};
    assert_true(x > 0 && y > 0 && x + part.width <= image->width && y + part.height <= image->height);
    return part;
}

static void what_is_refused_late_takes_no_place_of_the_limit(void **state) {
    (void)state;
    need("faceapi");
    need("yunet");
    need("reid");
    liken_error err;
    lk_models *m = load("reid", "yunet");
    lk_image image = drawn_sample(folder, 1), soft = {0}, small;
    lk_faces blur = {0};
    for (int share = 6; refused_late(&blur) == NULL; share++) {
        assert_true(share < 24);
        lk_faces_clear(&blur);
        lk_image_clear(&soft);
        soft = coarse(&image, share);
        blur = run(m, &soft, true, 0);
    }
    const lk_image part = around(refused_late(&blur), &soft);
    assert_ok(lk_image_resize(&image, image.width / 2, image.height / 2, &small, &err), err);
    lk_image both = stacked(&part, &small);
    lk_faces all = run(m, &both, true, 0), one = run(m, &both, true, 1);
    assert_true(all.kept_count > 1);
    assert_true(refused_late(&all) != NULL && larger(refused_late(&all), &all.kept[0]));
    assert_int_equal(one.kept_count, 1);
    assert_true(one.kept[0].box.x == all.kept[0].box.x && one.kept[0].box.y == all.kept[0].box.y);
    assert_int_equal(one.refused_count + 1, all.refused_count + all.kept_count);
    lk_faces_clear(&all);
    lk_faces_clear(&one);
    lk_faces_clear(&blur);
    free(both.rgb);
    lk_image_clear(&soft);
    lk_image_clear(&small);
    drawn_free(&image);
    lk_models_free(m);
}

static void a_photo_without_faces_has_none(void **state) {
    (void)state;
    need("yunet");
    lk_models *m = load(NULL, "yunet");
    lk_image image = drawn_image(300, 200, 30);
    lk_faces f = run(m, &image, true, 0);
    assert_int_equal(f.kept_count, 0);
    lk_faces_clear(&f);
    drawn_free(&image);
    lk_models_free(m);
}

/* dlib's own pack: five points, one pass. */
static void the_dlib_pack_tells_people_apart(void **state) {
    (void)state;
    need("dlib");
    need("yunet");
    liken_error err;
    lk_models *m = load("dlib", "yunet");
    assert_non_null(strstr(lk_models_id(m), "dlib-"));
    assert_non_null(strstr(lk_models_id(m), "/5/"));
    lk_image image = drawn_sample(folder, 1), small;
    assert_ok(lk_image_resize(&image, image.width * 3 / 4, image.height * 3 / 4, &small, &err), err);
    lk_faces a = run(m, &image, true, 0), b = run(m, &small, true, 0);
    same_people(m, &a, &b);
    lk_faces_clear(&a);
    lk_faces_clear(&b);
    lk_image_clear(&small);
    drawn_free(&image);
    lk_models_free(m);
}

/* ---- threads ---- */

typedef struct worker {
    const lk_models *models;
    const lk_image *image;
    int max_faces;
    lk_faces faces;
} worker;

static void *work(void *ctx) {
    worker *w = ctx;
    w->faces = run(w->models, w->image, true, w->max_faces);
    return NULL;
}

static void threads_share_models_and_agree(void **state) {
    (void)state;
    need("yunet");
    lk_models *m = load(NULL, "yunet");
    lk_image image = drawn_sample(folder, 1);
    worker w[2] = {{m, &image, 0, {0}}, {m, &image, 0, {0}}};
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, work, &w[i]), 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(w[0].faces.kept_count, w[1].faces.kept_count);
    for (size_t i = 0; i < w[0].faces.kept_count; i++)
        assert_memory_equal(w[0].faces.kept[i].descriptor, w[1].faces.kept[i].descriptor, 128 * sizeof(float));
    lk_faces_clear(&w[0].faces);
    lk_faces_clear(&w[1].faces);
    drawn_free(&image);
    lk_models_free(m);
}

/* Photos of one face each meet in batches of all sizes: the values are those of each alone but for the last bits. */
static void who_shares_a_batch_gets_the_same_descriptor(void **state) {
    (void)state;
    need("faceapi");
    need("yunet");
    enum { THREADS = 4, TIMES = 3 };
    liken_error err;
    lk_models *m = load(NULL, "yunet");
    lk_image image = drawn_sample(folder, 1);
    lk_faces alone = run(m, &image, true, 1);
    lk_microbatch_free(m->batch);
    assert_ok(lk_microbatch_new(&m->batch, 1, (size_t)lk_models_dimension(m), &err),
              err); /* one slot: the others queue */
    for (int round = 0; round < TIMES; round++) {
        worker w[THREADS];
        pthread_t threads[THREADS];
        for (int i = 0; i < THREADS; i++) {
            w[i] = (worker){.models = m, .image = &image, .max_faces = 1};
            assert_int_equal(pthread_create(&threads[i], NULL, work, &w[i]), 0);
        }
        for (int i = 0; i < THREADS; i++) {
            assert_int_equal(pthread_join(threads[i], NULL), 0);
            assert_int_equal(w[i].faces.kept_count, 1);
            for (int k = 0; k < lk_models_dimension(m); k++) /* numbers of up to a few */
                assert_true(fabsf(w[i].faces.kept[0].descriptor[k] - alone.kept[0].descriptor[k]) <= 1e-5f);
            lk_faces_clear(&w[i].faces);
        }
    }
    lk_faces_clear(&alone);
    drawn_free(&image);
    lk_models_free(m);
}

int main(void) {
    folder = getenv("LIKEN_MODELS");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_absent_pack_is_named_with_its_command),
        cmocka_unit_test(an_unknown_detector_is_refused),
        cmocka_unit_test(the_id_says_what_changes_the_numbers),
        cmocka_unit_test(without_yunet_auto_takes_ssd_and_says_so),
        cmocka_unit_test(reid_describes_the_sample),
        cmocka_unit_test(a_blur_takes_from_the_score),
        cmocka_unit_test(mobilefacenet_describes_the_sample),
        cmocka_unit_test(faces_that_were_found_are_described_again),
        cmocka_unit_test(what_was_folded_is_kept),
        cmocka_unit_test(what_was_folded_of_unpinned_weights_is_not_kept),
        cmocka_unit_test(ssd_finds_the_sample),
        cmocka_unit_test(yunet_finds_the_sample),
        cmocka_unit_test(a_smaller_copy_shows_the_same_people),
        cmocka_unit_test(a_photo_on_its_side_shows_the_same_people),
        cmocka_unit_test(what_is_over_the_limit_is_refused_and_told),
        cmocka_unit_test(what_is_refused_late_takes_no_place_of_the_limit),
        cmocka_unit_test(a_photo_without_faces_has_none),
        cmocka_unit_test(the_dlib_pack_tells_people_apart),
        cmocka_unit_test(threads_share_models_and_agree),
        cmocka_unit_test(who_shares_a_batch_gets_the_same_descriptor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
