/* bench_nn.c - one round of one case of liken: CPU time of a forward pass an image.
 *
 * usage: bench_nn NETWORK BATCH    NETWORK: descriptor, yunet, ssd, landmarks; or: bench_nn peak
 * Weights come from $LIKEN_MODELS. Prints one line: ENGINE <tab> milliseconds an image <tab> MB of a state. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/cpu.h"
#include "bench_peak.h"
#include "nn/nn.h"

#define SECONDS 0.7 /* of CPU time a round */
#define MAX_RUNS 4096

typedef struct subject {
    const char *name, *pack, *file;
    int (*build)(lk_net **, const lk_weights *, liken_error *);
    int side;
} subject;

static int build_descriptor(lk_net **out, const lk_weights *w, liken_error *err) {
    return lk_net_resnet(out, w, (const float[]){122.782f, 117.001f, 104.298f}, 1.0f / 255, err);
}

static const subject subjects[] = {
    {"descriptor", "faceapi", "face_recognition_model", build_descriptor, 150},
    {"landmarks", "faceapi", "face_landmark_68_model", lk_net_landmarks68, 112},
    {"ssd", "faceapi", "ssd_mobilenetv1_model", lk_net_ssd_mobilenet, 512},
    {"yunet", "yunet", "yunet_n_640_640.onnx", lk_net_yunet, 640},
};

static int read_file(const subject *s, const char *suffix, char **bytes, size_t *size, liken_error *err) {
    char path[4096];
    const char *models = getenv("LIKEN_MODELS");
    (void)snprintf(path, sizeof path, "%s/%s/%s%s", models != NULL ? models : ".", s->pack, s->file, suffix);
    return lk_file_read(path, (size_t)1 << 28, bytes, size, err);
}

static int read_weights(const subject *s, lk_weights **w, liken_error *err) {
    LK_FREE char *first = NULL;
    LK_FREE char *second = NULL;
    size_t first_size, second_size;
    const int tfjs = strcmp(s->pack, "faceapi") == 0;
    int status = read_file(s, tfjs ? "-weights_manifest.json" : "", &first, &first_size, err);
    if (status == LIKEN_OK && tfjs)
        status = read_file(s, ".bin", &second, &second_size, err);
    if (status != LIKEN_OK)
        return status;
    return tfjs ? lk_weights_read_tfjs(w, first, first_size, second, second_size, err)
                : lk_weights_read_onnx(w, first, first_size, err);
}

static int compare(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The median run, in milliseconds an image. */
static double time_forward(lk_net_state *s, const lk_net_input *inputs, int batch) {
    static double runs[MAX_RUNS];
    int count = 0;
    lk_net_forward(s, inputs, batch);
    for (const double end = lk_clock_cpu() + SECONDS; count < 3 || (count < MAX_RUNS && lk_clock_cpu() < end);
         count++) {
        const double start = lk_clock_cpu();
        lk_net_forward(s, inputs, batch);
        runs[count] = lk_clock_cpu() - start;
    }
    qsort(runs, (size_t)count, sizeof *runs, compare);
    return runs[count / 2] * 1e3 / batch;
}

static int run(const subject *s, int batch, liken_error *err) {
    lk_weights *w = NULL;
    lk_net *net = NULL;
    lk_net_state *state = NULL;
    const size_t row = (size_t)s->side * 3, size = row * (size_t)s->side;
    uint8_t *photo = malloc(size);
    lk_net_input *inputs = calloc((size_t)batch, sizeof *inputs);
    int status = photo == NULL || inputs == NULL ? lk_fail_memory(err) : read_weights(s, &w, err);
    if (status == LIKEN_OK)
        status = s->build(&net, w, err);
    if (status == LIKEN_OK)
        status = lk_net_state_new(&state, net, batch, s->side, s->side, err);
    if (status == LIKEN_OK) {
        for (size_t i = 0; i < size; i++)
            photo[i] = (uint8_t)(i * i / 97 + i / row);
        for (int i = 0; i < batch; i++)
            inputs[i] = (lk_net_input){photo, row};
        printf("liken %s %s\t%.4f\t%.1f\n", liken_version(), lk_cpu_name(lk_cpu_level()),
               time_forward(state, inputs, batch), (double)lk_net_state_bytes(state) / 1e6);
    }
    lk_net_state_free(state);
    lk_net_free(net);
    lk_weights_free(w);
    free(photo);
    free(inputs);
    return status;
}

int main(int argc, char **argv) {
    liken_error err;
    if (argc == 2 && strcmp(argv[1], "peak") == 0)
        return printf("FMA peak\t%.1f\n", bench_peak_gflops()), 0;
    for (size_t i = 0; argc == 3 && i < LK_LENGTH(subjects); i++)
        if (strcmp(argv[1], subjects[i].name) == 0) {
            if (run(&subjects[i], atoi(argv[2]), &err) == LIKEN_OK)
                return 0;
            fprintf(stderr, "%s\n", err.message);
            return 1;
        }
    fprintf(stderr, "usage: bench_nn descriptor|landmarks|ssd|yunet BATCH, or bench_nn peak\n");
    return 2;
}
