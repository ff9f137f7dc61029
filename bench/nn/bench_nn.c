/* bench_nn.c - one round of one case of liken: CPU time of a forward pass an image.
 *
 * usage: bench_nn NETWORK BATCH      prints: ENGINE <tab> milliseconds an image <tab> MB of a state
 *        bench_nn NETWORK outputs    writes what the network makes of the first photo, as float32, to be compared
 *        bench_nn NETWORK threads    prints: images a second of wall time on one thread <tab> on two, a state each
 *        bench_nn peak               prints: FMA peak <tab> GFLOP/s of a core
 * NETWORK: descriptor, dlib (the descriptor from the pack "dlib"), reid, mobilefacenet, yunet, ssd, landmarks. Weights
 * come from $LIKEN_MODELS. */
#include <pthread.h>
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
#define THREADS_BATCH 8

typedef struct subject {
    const char *name, *pack, *file;
    int (*read)(lk_weights **, const void *, size_t, liken_error *); /* NULL: a manifest and a binary */
    int (*build)(lk_net **, const lk_weights *, liken_error *);
    int side;
} subject;

static int build_descriptor(lk_net **out, const lk_weights *w, liken_error *err) {
    return lk_net_resnet(out, w, (const float[]){122.782f, 117.001f, 104.298f}, 1.0f / 255, err);
}

static int build_dlib(lk_net **out, const lk_weights *w, liken_error *err) {
    return lk_net_resnet(out, w, (const float[]){122.782f, 117.001f, 104.298f}, 1.0f / 256, err);
}

static int build_reid(lk_net **out, const lk_weights *w, liken_error *err) {
    return lk_net_reid(out, w, (const float[]){0, 0, 0}, 1, err);
}

static int build_mobilefacenet(lk_net **out, const lk_weights *w, liken_error *err) {
    return lk_net_mobilefacenet(out, w, (const float[]){127.5f, 127.5f, 127.5f}, 1.0f / 128, err);
}

static const subject subjects[] = {
    {"dlib", "dlib", "dlib_face_recognition_resnet_model_v1.dat", lk_weights_read_dlib_resnet, build_dlib, 150},
    {"reid", "reid", "face-reidentification-retail-0095.bin", lk_weights_read_reid, build_reid, 128},
    {"mobilefacenet", "mobilefacenet", "MobileFaceNet.tflite", lk_weights_read_mobilefacenet, build_mobilefacenet, 112},
    {"descriptor", "faceapi", "face_recognition_model", NULL, build_descriptor, 150},
    {"landmarks", "faceapi", "face_landmark_68_model", NULL, lk_net_landmarks68, 112},
    {"ssd", "faceapi", "ssd_mobilenetv1_model", NULL, lk_net_ssd_mobilenet, 512},
    {"yunet", "yunet", "yunet_n_640_640.onnx", lk_weights_read_onnx, lk_net_yunet, 640},
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
    const bool tfjs = s->read == NULL;
    int status = read_file(s, tfjs ? "-weights_manifest.json" : "", &first, &first_size, err);
    if (status == LIKEN_OK && tfjs)
        status = read_file(s, ".bin", &second, &second_size, err);
    if (status != LIKEN_OK)
        return status;
    if (tfjs)
        return lk_weights_read_tfjs(w, first, first_size, second, second_size, err);
    return s->read(w, first, first_size, err);
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

/* A network and a photo by a formula that the rivals have too. */
typedef struct opened {
    const subject *subject;
    lk_net *net;
    uint8_t *photo;
} opened;

static int open_subject(opened *o, const subject *s, liken_error *err) {
    const size_t row = (size_t)s->side * 3, size = row * (size_t)s->side;
    lk_weights *w = NULL;
    *o = (opened){.subject = s, .photo = malloc(size)};
    int status = o->photo == NULL ? lk_fail_memory(err) : read_weights(s, &w, err);
    if (status == LIKEN_OK)
        status = s->build(&o->net, w, err);
    lk_weights_free(w);
    for (size_t i = 0; status == LIKEN_OK && i < size; i++)
        o->photo[i] = (uint8_t)(i * i / 97 + i / row);
    return status;
}

static void close_subject(opened *o) {
    lk_net_free(o->net);
    free(o->photo);
}

static int new_state(const opened *o, int batch, lk_net_state **state, lk_net_input **inputs, liken_error *err) {
    *inputs = calloc((size_t)batch, sizeof **inputs);
    if (*inputs == NULL)
        return lk_fail_memory(err);
    for (int i = 0; i < batch; i++)
        (*inputs)[i] = (lk_net_input){o->photo, (size_t)o->subject->side * 3};
    return lk_net_state_new(state, o->net, batch, o->subject->side, o->subject->side, err);
}

static int run_timing(const opened *o, int batch, liken_error *err) {
    lk_net_state *state = NULL;
    LK_FREE lk_net_input *inputs = NULL;
    const int status = new_state(o, batch, &state, &inputs, err);
    if (status == LIKEN_OK)
        printf("liken %s %s\t%.4f\t%.1f\n", liken_version(), lk_cpu_name(lk_cpu_level()),
               time_forward(state, inputs, batch), (double)lk_net_state_bytes(state) / 1e6);
    lk_net_state_free(state);
    return status;
}

/* All outputs one after the other; of ssd only what every engine gives, the scores of the first of its two classes. */
static void write_outputs(const opened *o, const lk_net_state *state) {
    const bool ssd = strcmp(o->subject->name, "ssd") == 0;
    for (int i = ssd ? 1 : 0; i < lk_net_output_count(o->net); i++) {
        size_t count;
        const float *values = lk_net_output(state, i, &count);
        for (size_t k = 0; k < count; k += ssd ? 2 : 1)
            (void)fwrite(&values[k], sizeof *values, 1, stdout);
    }
}

static int run_outputs(const opened *o, liken_error *err) {
    lk_net_state *state = NULL;
    LK_FREE lk_net_input *inputs = NULL;
    const int status = new_state(o, 1, &state, &inputs, err);
    if (status == LIKEN_OK) {
        lk_net_forward(state, inputs, 1);
        write_outputs(o, state);
    }
    lk_net_state_free(state);
    return status;
}

/* ---- threads ---- */

typedef struct worker {
    pthread_t thread;
    pthread_barrier_t *ready;
    lk_net_state *state;
    lk_net_input *inputs;
    double rate; /* images a second */
} worker;

static void *work(void *arg) {
    worker *w = arg;
    int passes = 0;
    lk_net_forward(w->state, w->inputs, THREADS_BATCH);
    (void)pthread_barrier_wait(w->ready);
    const double start = lk_clock_monotonic();
    for (; lk_clock_monotonic() < start + SECONDS; passes++)
        lk_net_forward(w->state, w->inputs, THREADS_BATCH);
    w->rate = passes * THREADS_BATCH / (lk_clock_monotonic() - start);
    return NULL;
}

/* Images a second of the first `count` workers together. */
static int rate_of(worker *workers, int count, double *rate, liken_error *err) {
    pthread_barrier_t ready;
    int started = 0;
    *rate = 0;
    if (pthread_barrier_init(&ready, NULL, (unsigned)count) != 0)
        return lk_fail_memory(err);
    for (; started < count; started++) {
        workers[started].ready = &ready;
        if (pthread_create(&workers[started].thread, NULL, work, &workers[started]) != 0) {
            fprintf(stderr, "A thread cannot be started.\n"); /* the others wait for it for ever */
            exit(1);
        }
    }
    for (int i = 0; i < count; i++) {
        (void)pthread_join(workers[i].thread, NULL);
        *rate += workers[i].rate;
    }
    (void)pthread_barrier_destroy(&ready);
    return LIKEN_OK;
}

static int run_threads(const opened *o, liken_error *err) {
    worker workers[2] = {{.rate = 0}, {.rate = 0}};
    double one = 0, two = 0;
    int status = new_state(o, THREADS_BATCH, &workers[0].state, &workers[0].inputs, err);
    if (status == LIKEN_OK)
        status = new_state(o, THREADS_BATCH, &workers[1].state, &workers[1].inputs, err);
    if (status == LIKEN_OK)
        status = rate_of(workers, 1, &one, err);
    if (status == LIKEN_OK)
        status = rate_of(workers, 2, &two, err);
    if (status == LIKEN_OK)
        printf("%.2f\t%.2f\n", one, two);
    for (int i = 0; i < 2; i++) {
        lk_net_state_free(workers[i].state);
        free(workers[i].inputs);
    }
    return status;
}

static int run(const subject *s, const char *what, liken_error *err) {
    opened o;
    int status = open_subject(&o, s, err);
    if (status == LIKEN_OK)
        status = strcmp(what, "outputs") == 0   ? run_outputs(&o, err)
                 : strcmp(what, "threads") == 0 ? run_threads(&o, err)
                                                : run_timing(&o, atoi(what), err);
    close_subject(&o);
    return status;
}

int main(int argc, char **argv) {
    liken_error err;
    if (argc == 2 && strcmp(argv[1], "peak") == 0)
        return printf("FMA peak\t%.1f\n", bench_peak_gflops()), 0;
    for (size_t i = 0; argc == 3 && i < LK_LENGTH(subjects); i++)
        if (strcmp(argv[1], subjects[i].name) == 0) {
            if (run(&subjects[i], argv[2], &err) == LIKEN_OK)
                return 0;
            fprintf(stderr, "%s\n", err.message);
            return 1;
        }
    fprintf(stderr, "usage: bench_nn descriptor|dlib|landmarks|ssd|yunet BATCH|outputs|threads, or bench_nn peak\n");
    return 2;
}
