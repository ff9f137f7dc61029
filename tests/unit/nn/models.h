/* models.h - weights and photos for the tests of src/nn. Weights come from the packs in $LIKEN_MODELS, or in the mirror
 * that packs are installed from. */
#ifndef LK_TESTS_NN_MODELS_H
#define LK_TESTS_NN_MODELS_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "nn/nn.h"
#include "unit/test.h"

/* The file `name` of pack `pack`, or false where it is in neither folder. */
static inline bool model_file(const char *pack, const char *name, char **bytes, size_t *size) {
    static const char *const folders[] = {"LIKEN_MODELS", "LIKEN_MODEL_MIRROR"};
    for (size_t i = 0; i < LK_LENGTH(folders); i++) {
        const char *folder = getenv(folders[i]);
        char path[4096];
        liken_error err;
        (void)snprintf(path, sizeof path, "%s/%s/%s", folder != NULL ? folder : "", pack, name);
        if (folder != NULL && lk_file_read(path, (size_t)1 << 30, bytes, size, &err) == LIKEN_OK)
            return true;
    }
    return false;
}

static inline lk_weights *faceapi_weights(const char *network) {
    char name[128];
    char *manifest = NULL, *bin = NULL;
    size_t manifest_size = 0, bin_size = 0;
    lk_weights *w = NULL;
    liken_error err;
    (void)snprintf(name, sizeof name, "%s_model-weights_manifest.json", network);
    bool there = model_file("faceapi", name, &manifest, &manifest_size);
    (void)snprintf(name, sizeof name, "%s_model.bin", network);
    there = there && model_file("faceapi", name, &bin, &bin_size);
    if (there)
        assert_ok(lk_weights_read_tfjs(&w, manifest, manifest_size, bin, bin_size, &err), err);
    free(manifest);
    free(bin);
    return w;
}

static inline lk_weights *yunet_weights(void) {
    char *bytes = NULL;
    size_t size = 0;
    lk_weights *w = NULL;
    liken_error err;
    if (model_file("yunet", "yunet_n_640_640.onnx", &bytes, &size))
        assert_ok(lk_weights_read_onnx(&w, bytes, size, &err), err);
    free(bytes);
    return w;
}

static inline lk_weights *dlib_weights(void) {
    char *bytes = NULL;
    size_t size = 0;
    lk_weights *w = NULL;
    liken_error err;
    if (model_file("dlib", "dlib_face_recognition_resnet_model_v1.dat", &bytes, &size))
        assert_ok(lk_weights_read_dlib_resnet(&w, bytes, size, &err), err);
    free(bytes);
    return w;
}

static inline lk_weights *reid_weights(void) {
    char *bytes = NULL;
    size_t size = 0;
    lk_weights *w = NULL;
    liken_error err;
    if (model_file("reid", "face-reidentification-retail-0095.bin", &bytes, &size))
        assert_ok(lk_weights_read_reid(&w, bytes, size, &err), err);
    free(bytes);
    return w;
}

static inline lk_weights *mobilefacenet_weights(void) {
    char *bytes = NULL;
    size_t size = 0;
    lk_weights *w = NULL;
    liken_error err;
    if (model_file("mobilefacenet", "MobileFaceNet.tflite", &bytes, &size))
        assert_ok(lk_weights_read_mobilefacenet(&w, bytes, size, &err), err);
    free(bytes);
    return w;
}

static inline lk_weights *minifas_v2_weights(void) {
    char *bytes = NULL;
    size_t size = 0;
    lk_weights *w = NULL;
    liken_error err;
    if (model_file("antispoof", "2.7_80x80_MiniFASNetV2.pth", &bytes, &size))
        assert_ok(lk_weights_read_minifas_v2(&w, bytes, size, &err), err);
    free(bytes);
    return w;
}

static inline lk_weights *minifas_v1se_weights(void) {
    char *bytes = NULL;
    size_t size = 0;
    lk_weights *w = NULL;
    liken_error err;
    if (model_file("antispoof", "4_0_0_80x80_MiniFASNetV1SE.pth", &bytes, &size))
        assert_ok(lk_weights_read_minifas_v1se(&w, bytes, size, &err), err);
    free(bytes);
    return w;
}

static inline lk_weights *mesh_weights(void) {
    char *json = NULL, *bytes = NULL;
    size_t json_size = 0, size = 0;
    lk_weights *w = NULL;
    liken_error err;
    if (model_file("mesh", "facemesh.json", &json, &json_size) && model_file("mesh", "facemesh.bin", &bytes, &size))
        assert_ok(lk_weights_read_tfjs(&w, json, json_size, bytes, size, &err), err);
    free(json);
    free(bytes);
    return w;
}

static inline int build_reid(lk_net **out, const lk_weights *w, liken_error *err) {
    return lk_net_reid(out, w, (const float[]){0, 0, 0}, 1, err);
}

static inline int build_mobilefacenet(lk_net **out, const lk_weights *w, liken_error *err) {
    return lk_net_mobilefacenet(out, w, (const float[]){127.5f, 127.5f, 127.5f}, 1.0f / 128, err);
}

/* The descriptor's input as each pack says it. */
static const float descriptor_mean[] = {122.782f, 117.001f, 104.298f};

static inline int build_faceapi(lk_net **out, const lk_weights *w, liken_error *err) {
    return lk_net_resnet(out, w, descriptor_mean, 1.0f / 255, err);
}

static inline int build_dlib(lk_net **out, const lk_weights *w, liken_error *err) {
    return lk_net_resnet(out, w, descriptor_mean, 1.0f / 256, err);
}

/* Photo number `n` of height x width, by a formula that tests/reference has too: smooth waves, a bright disc, and a
 * little hash noise. In whole numbers, so that every language gives the same bytes. */
static inline uint8_t photo_value(int n, int height, int width, int y, int x, int c) {
    const int cy = y * 256 / height, cx = x * 256 / width;
    const int wave = (cx * (3 + n % 5) + cy * (2 + c) + 40 * n) & 255;
    const int fold = wave < 128 ? wave : 255 - wave;
    const int dy = cy - 128 - 9 * (n % 3), dx = cx - 120 + 7 * c;
    const int disc = dy * dy + dx * dx < 6000 + 500 * (n % 4) ? 90 + 12 * c : 20;
    const uint32_t mixed =
        (uint32_t)x * 73856093u ^ (uint32_t)y * 19349663u ^ (uint32_t)c * 83492791u ^ (uint32_t)n * 40503u;
    return (uint8_t)(fold / 2 + disc + (int)((mixed * 2654435761u) >> 27));
}

static inline uint8_t *photo_new(int n, int height, int width) {
    uint8_t *rgb = malloc((size_t)height * (size_t)width * 3), *p = rgb;
    assert_non_null(rgb);
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            for (int c = 0; c < 3; c++)
                *p++ = photo_value(n, height, width, y, x, c);
    return rgb;
}

#endif
