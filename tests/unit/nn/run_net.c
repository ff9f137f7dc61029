/* run_net - what a network makes of the middle of photos; not a test, but what tests/accuracy/test_oracles.py asks.
 *
 * usage: run_net NETWORK PHOTO...      NETWORK: reid, mobilefacenet, minifas_v2, minifas_v1se, mesh
 * For each photo: the bytes that the network saw (side x side x 3), and its first output as floats. Weights come from
 * $LIKEN_MODELS; exit code 77 when it has none for that network. */
#include <stdio.h>
#include <string.h>

#include "image/image.h"
#include "unit/nn/models.h"

static const struct {
    const char *name;
    lk_weights *(*read)(void);
    int (*build)(lk_net **, const lk_weights *, liken_error *);
    int side;
} networks[] = {
    {"reid", reid_weights, build_reid, 128},
    {"mobilefacenet", mobilefacenet_weights, build_mobilefacenet, 112},
    {"minifas_v2", minifas_v2_weights, lk_net_minifas_v2, 80},
    {"minifas_v1se", minifas_v1se_weights, lk_net_minifas_v1se, 80},
    {"mesh", mesh_weights, lk_net_face_mesh, 192},
};

/* The middle of a photo, side x side pixels; false when it cannot be read or has fewer. */
static bool middle_of(const char *path, int side, uint8_t *chip) {
    char *bytes = NULL;
    size_t size = 0;
    lk_photo *photo = NULL;
    lk_image image = {0};
    const bool read = lk_file_read(path, (size_t)1 << 26, &bytes, &size, NULL) == LIKEN_OK &&
                      lk_photo_open(&photo, bytes, size, NULL, NULL) == LIKEN_OK &&
                      lk_photo_decode(photo, 0, &image, NULL, NULL) == LIKEN_OK && image.width >= side &&
                      image.height >= side;
    const size_t row = (size_t)side * 3;
    for (size_t y = 0; read && y < (size_t)side; y++)
        memcpy(chip + y * row,
               image.rgb + ((size_t)(image.height - side) / 2 + y) * image.stride +
                   (size_t)(image.width - side) / 2 * 3,
               row);
    lk_image_clear(&image);
    lk_photo_free(photo);
    free(bytes);
    return read;
}

static int run(lk_net *net, int side, int count, char **photos) {
    liken_error err = {0};
    lk_net_state *state = NULL;
    const size_t row = (size_t)side * 3;
    uint8_t *chip = malloc(row * (size_t)side);
    bool ok = chip != NULL && lk_net_state_new(&state, net, 1, 0, 0, &err) == LIKEN_OK;
    for (int i = 0; ok && i < count; i++) {
        size_t floats = 0;
        ok = middle_of(photos[i], side, chip);
        if (ok) {
            lk_net_forward(state, &(lk_net_input){chip, row}, 1);
            const float *made = lk_net_output(state, 0, &floats);
            ok = fwrite(chip, row, (size_t)side, stdout) == (size_t)side &&
                 fwrite(made, sizeof *made, floats, stdout) == floats;
        }
    }
    lk_net_state_free(state);
    free(chip);
    return ok ? 0 : 1;
}

int main(int argc, char **argv) {
    liken_error err = {0};
    for (size_t i = 0; argc > 2 && i < LK_LENGTH(networks); i++) {
        lk_net *net = NULL;
        if (strcmp(networks[i].name, argv[1]) != 0)
            continue;
        lk_weights *w = networks[i].read();
        if (w == NULL)
            return 77;
        int rc = networks[i].build(&net, w, &err) == LIKEN_OK ? 0 : 1;
        lk_weights_free(w);
        rc = rc == 0 ? run(net, networks[i].side, argc - 2, argv + 2) : rc;
        lk_net_free(net);
        return rc;
    }
    (void)fprintf(stderr, "usage: run_net NETWORK PHOTO...\n");
    return 2;
}
