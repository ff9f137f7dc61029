/* bench_pipeline.c - liken's part of the pipeline benchmark: photos to descriptors. Packs come from $LIKEN_MODELS,
 * the descriptor's by the name of $LIKEN_PACK or as auto chooses.
 *
 * bench_pipeline make FROM.jpg LONG_SIDE TO.jpg [NOISE]
 *     Enlarges or shrinks a photo, at JPEG quality 90; NOISE: each value is up to so much more or less, by chance.
 * bench_pipeline raw PHOTO.jpg TO.ppm
 *     Decoded at 1:1, for the rivals.
 * bench_pipeline load
 *     Seconds of wall time to load the packs, every file verified.
 * bench_pipeline run PHOTO.jpg...
 *     A line a photo, CPU milliseconds: decode, detect, decode again, landmarks, align, describe (what lk_pipeline_run
 *     does, called by hand here in the same order); all of it through lk_pipeline_run; faces; a decode at 1:1; the
 *     scales of the first decode and of the last; MB of the thread's own memory.
 * bench_pipeline sandbox ROUNDS PHOTO.jpg...
 *     CPU milliseconds of one photo through lk_pipeline_run, decoded in this process, and in a helper (its time counted
 * too); medians of rounds in which the two take turns.
 * bench_pipeline pictures ROUNDS PHOTO.jpg...
 *     CPU milliseconds of one photo through lk_pipeline_run, and of the thumbnail that is kept of it beyond; its bytes.
 * bench_pipeline threads COUNT together|alone FACES PHOTO.jpg...
 *     On COUNT threads: photos a second of wall time, CPU milliseconds a photo, the mean batch of the descriptor
 * network. `together`: faces of several photos share batches where they queue (face/microbatch.h); `alone`: they never
 * do. FACES of a photo are described at most (0: all). */
#include <dirent.h>
#include <malloc.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "face/describe.h"
#include "face/landmarks.h"
#include "gallery/pictures.h"
#include "image/decode/decoders.h"

#define ROUNDS 3
#define MOST_FACES 64     /* of a photo; the samples have five */
#define SECOND_WIDEN 1.12 /* as in face/pipeline.c: the second chip of packs that mirror, */
#define SECOND_PADDING 0.06
#define BOX_SHARE 1.2 /* and the pixels that a chip wants */

enum { DECODE, DETECT, AGAIN, LANDMARKS, ALIGN, DESCRIBE, STAGES };

typedef struct worker {
    const lk_models *models;
    lk_detector *detector;
    lk_landmarker *landmarker;
    lk_describer *describer;
    lk_pipeline *pipeline;
} worker;

_Noreturn static void stop(const liken_error *err) {
    fprintf(stderr, "%s\n", err->message);
    exit(1);
}

static lk_photo *open_photo(const char *bytes, size_t size) {
    liken_error err;
    lk_photo *photo = NULL;
    if (lk_photo_open(&photo, bytes, size, NULL, &err) != LIKEN_OK)
        stop(&err);
    return photo;
}

static char *read_photo(const char *path, size_t *size) {
    liken_error err;
    char *bytes = NULL;
    if (lk_file_read(path, (size_t)64 << 20, &bytes, size, &err) != LIKEN_OK)
        stop(&err);
    return bytes;
}

/* ---- stages ---- */

typedef struct clock_of {
    double last, *stage;
} clock_of;

static void lap(clock_of *c, int stage) {
    const double now = lk_clock_cpu();
    c->stage[stage] += (now - c->last) * 1e3;
    c->last = lk_clock_cpu();
}

static void cut(const worker *w, const lk_source *source, const lk_landmarks *points, double more, uint8_t *chip) {
    const lk_pack_descriptor *d = &w->models->pack->descriptor;
    double map[6];
    if (lk_align(points->points, points->kind, d->chip, d->padding + more, map))
        lk_source_warp(source, map, d->chip, d->chip, chip);
}

static void describe(const worker *w, const lk_source *source, const lk_detection *faces, size_t count,
                     clock_of *clock) {
    static uint8_t chip[150 * 150 * 3], second[150 * 150 * 3];
    static float descriptors[MOST_FACES][128];
    for (size_t i = 0; i < count; i++) {
        lk_landmarks points, wider;
        lk_landmarker_find(w->landmarker, source, &faces[i], 1, &points);
        lk_landmarker_find(w->landmarker, source, &faces[i], SECOND_WIDEN, &wider);
        lap(clock, LANDMARKS);
        cut(w, source, &points, 0, chip);
        cut(w, source, &wider, SECOND_PADDING, second);
        lap(clock, ALIGN);
        lk_describer_add(w->describer, chip, second, descriptors[i]);
        lap(clock, DESCRIBE);
    }
    lk_describer_flush(w->describer);
    lap(clock, DESCRIBE);
}

/* `scale`: what the detector decodes at, learnt from a first look; 0: it decodes by itself. Gives what it
 * used, and in *last what chips are cut from. */
static double run_stages(const worker *w, const char *bytes, size_t size, double scale, double stage[STAGES],
                         double *last) {
    liken_error err;
    clock_of clock = {lk_clock_cpu(), stage};
    lk_photo *photo = open_photo(bytes, size);
    lk_source source = lk_source_of(photo);
    lk_detections found = {0};
    lk_detection sure[MOST_FACES];
    size_t count = 0;
    double want = 0;
    if (scale > 0 && lk_source_need(&source, scale, &err) != LIKEN_OK)
        stop(&err);
    lap(&clock, DECODE);
    if (w->detector->find(w->detector, &source, &found, &err) != LIKEN_OK)
        stop(&err);
    lap(&clock, DETECT);
    const double used = source.scale_x;
    for (size_t i = 0; i < found.count && count < MOST_FACES; i++)
        if (found.items[i].score >= w->detector->accept) {
            const liken_box *b = &found.items[i].box;
            want = fmax(want, BOX_SHARE * w->models->pack->descriptor.chip / (double)fmaxf(b->width, b->height));
            sure[count++] = found.items[i];
        }
    if (want > 0 && lk_source_need(&source, want, &err) != LIKEN_OK)
        stop(&err);
    *last = source.scale_x;
    lap(&clock, AGAIN);
    if (count > 0)
        describe(w, &source, sure, count, &clock);
    lk_source_clear(&source);
    lk_detections_clear(&found);
    lk_photo_free(photo);
    return used;
}

/* ---- a photo ---- */

/* *faces: at most so many, 0 for all; then as many as were kept. */
static double run_whole(const worker *w, const char *bytes, size_t size, size_t *faces) {
    liken_error err;
    lk_faces out = {0};
    const double start = lk_clock_cpu();
    lk_photo *photo = open_photo(bytes, size);
    if (lk_pipeline_run(w->pipeline, photo, true, (int)*faces, 0, 0, &out, &err) != LIKEN_OK)
        stop(&err);
    lk_photo_free(photo);
    const double took = lk_clock_cpu() - start;
    *faces = out.kept_count;
    lk_faces_clear(&out);
    return took * 1e3;
}

/* One decode at 1:1, in milliseconds. */
static double decode_whole(const char *bytes, size_t size, lk_image *image) {
    liken_error err;
    const double start = lk_clock_cpu();
    lk_photo *photo = open_photo(bytes, size);
    if (lk_photo_decode(photo, 0, image, NULL, &err) != LIKEN_OK)
        stop(&err);
    lk_photo_free(photo);
    return (lk_clock_cpu() - start) * 1e3;
}

static void report(const worker *w, const char *path, double megabytes) {
    size_t size, faces = 0;
    double best[STAGES], whole = 1e9, full = 1e9, last;
    char *bytes = read_photo(path, &size);
    double first[STAGES] = {0};
    const double scale = run_stages(w, bytes, size, 0, first, &last);
    for (int i = 0; i < STAGES; i++)
        best[i] = 1e9;
    for (int round = 0; round < ROUNDS; round++) {
        double stage[STAGES] = {0};
        (void)run_stages(w, bytes, size, scale, stage, &last);
        for (int i = 0; i < STAGES; i++)
            best[i] = fmin(best[i], stage[i]);
        faces = 0;
        whole = fmin(whole, run_whole(w, bytes, size, &faces));
        lk_image image = {0};
        full = fmin(full, decode_whole(bytes, size, &image));
        lk_image_clear(&image);
    }
    printf("%s", path);
    for (int i = 0; i < STAGES; i++)
        printf("\t%.3f", best[i]);
    printf("\t%.3f\t%zu\t%.3f\t%.4f\t%.4f\t%.1f\n", whole, faces, full, scale, last, megabytes);
    free(bytes);
}

static worker start_worker(const lk_models *models) {
    liken_error err;
    worker w = {.models = models};
    if (lk_detector_yunet(&w.detector, models->detector_net, &err) != LIKEN_OK ||
        lk_landmarker_new(&w.landmarker, models, &err) != LIKEN_OK ||
        lk_describer_new(&w.describer, models, &err) != LIKEN_OK)
        stop(&err);
    return w;
}

static double resident_megabytes(void) {
    size_t all, resident = 0;
    (void)malloc_trim(0);
    FILE *f = fopen("/proc/self/statm", "r");
    if (f == NULL || fscanf(f, "%zu %zu", &all, &resident) != 2)
        resident = 0;
    if (f != NULL)
        (void)fclose(f);
    return (double)resident * (double)sysconf(_SC_PAGESIZE) / 1e6;
}

static int run(const lk_models *models, char **paths) {
    liken_error err;
    size_t faces = 0, size;
    worker w = start_worker(models);
    const double before = resident_megabytes();
    if (lk_pipeline_new(&w.pipeline, models, &err) != LIKEN_OK)
        stop(&err);
    char *bytes = read_photo(*paths, &size);
    (void)run_whole(&w, bytes, size, &faces);
    free(bytes);
    const double own = resident_megabytes() - before;
    for (; *paths != NULL; paths++)
        report(&w, *paths, own);
    return 0;
}

/* ---- threads ---- */

#define TIMES 4 /* each thread goes through the photos */
#define MOST_THREADS 64

typedef struct share {
    const lk_models *models;
    size_t faces;
    char **paths;
} share;

static void *run_share(void *arg) {
    const share *s = arg;
    liken_error err;
    worker w = {.models = s->models};
    if (lk_pipeline_new(&w.pipeline, s->models, &err) != LIKEN_OK)
        stop(&err);
    for (int i = 0; i < TIMES; i++)
        for (char **p = s->paths; *p != NULL; p++) {
            size_t size, faces = s->faces;
            char *bytes = read_photo(*p, &size);
            (void)run_whole(&w, bytes, size, &faces);
            free(bytes);
        }
    lk_pipeline_free(w.pipeline);
    return NULL;
}

/* As many slots as threads: nobody ever queues. */
static void never_share(lk_models *models) {
    liken_error err;
    lk_microbatch_free(models->batch);
    if (lk_microbatch_new(&models->batch, MOST_THREADS, (size_t)lk_models_dimension(models), &err) != LIKEN_OK)
        stop(&err);
}

static double process_seconds(void) {
    struct timespec t;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int run_threads(lk_models *models, int count, bool together, size_t faces, char **paths) {
    pthread_t threads[MOST_THREADS];
    share s = {models, faces, paths};
    int photos = 0;
    while (paths[photos] != NULL)
        photos++;
    if (!together)
        never_share(models);
    lk_pipeline *first = NULL; /* the networks are measured with the first */
    liken_error err;
    if (lk_pipeline_new(&first, models, &err) != LIKEN_OK)
        stop(&err);
    const double start = lk_clock_monotonic(), cpu = process_seconds();
    for (int i = 0; i < count; i++)
        if (pthread_create(&threads[i], NULL, run_share, &s) != 0)
            return 1;
    for (int i = 0; i < count; i++)
        (void)pthread_join(threads[i], NULL);
    const double took = lk_clock_monotonic() - start;
    const lk_microbatch_count batches = lk_microbatch_counts(models->batch);
    const double all = count * photos * TIMES;
    printf("%.3f\t%.3f\t%.2f\n", all / took, (process_seconds() - cpu) / all * 1e3,
           (double)batches.inputs / (double)batches.passes);
    lk_pipeline_free(first);
    return 0;
}

/* ---- in a helper and without ---- */

#define MOST_ROUNDS 200

/* CPU seconds of this process and of the children that live. */
static double family_seconds(void) {
    double sum = process_seconds();
    DIR *tasks = opendir("/proc/self/task");
    for (struct dirent *e; tasks != NULL && (e = readdir(tasks)) != NULL;) {
        char path[300];
        int pid;
        clockid_t clock;
        struct timespec t;
        (void)snprintf(path, sizeof path, "/proc/self/task/%s/children", e->d_name);
        FILE *f = fopen(path, "r");
        while (f != NULL && fscanf(f, "%d", &pid) == 1)
            if (clock_getcpuclockid(pid, &clock) == 0 && clock_gettime(clock, &t) == 0)
                sum += (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
        if (f != NULL)
            (void)fclose(f);
    }
    if (tasks != NULL)
        (void)closedir(tasks);
    return sum;
}

static double run_boxed(const worker *w, const char *bytes, size_t size, lk_decoders *decoders) {
    liken_error err;
    lk_faces out = {0};
    lk_photo *photo = NULL;
    const double start = family_seconds();
    if (lk_photo_open(&photo, bytes, size, &(lk_photo_limits){.decoders = decoders}, &err) != LIKEN_OK ||
        lk_pipeline_run(w->pipeline, photo, true, 0, 0, 0, &out, &err) != LIKEN_OK)
        stop(&err);
    lk_photo_free(photo);
    const double took = family_seconds() - start;
    lk_faces_clear(&out);
    return took * 1e3;
}

static int by_value(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int run_sandbox(const lk_models *models, int rounds, char **paths) {
    liken_error err;
    worker w = start_worker(models);
    lk_decoders *decoders = NULL;
    if (lk_pipeline_new(&w.pipeline, models, &err) != LIKEN_OK ||
        lk_decoders_new(&decoders, 1, NULL, &err) != LIKEN_OK || lk_decoders_ready(decoders, &err) != LIKEN_OK)
        stop(&err);
    for (; *paths != NULL; paths++) {
        double took[2][MOST_ROUNDS];
        size_t size;
        char *bytes = read_photo(*paths, &size);
        for (int round = -1; round < rounds; round++) /* the first is for the caches */
            for (int i = 0; i < 2; i++) {
                const int boxed = (round + i) & 1;
                took[boxed][round < 0 ? 0 : round] = run_boxed(&w, bytes, size, boxed ? decoders : NULL);
            }
        for (int i = 0; i < 2; i++)
            qsort(took[i], (size_t)rounds, sizeof(double), by_value);
        printf("%s\t%.3f\t%.3f\n", *paths, took[0][rounds / 2], took[1][rounds / 2]);
        free(bytes);
    }
    lk_decoders_free(decoders);
    return 0;
}

/* ---- what is kept of a photo ---- */

/* Gives the CPU milliseconds of the look at it, and in *kept those of its thumbnail, in *size the bytes of that. */
static double run_kept(const worker *w, const char *bytes, size_t length, double *kept, size_t *size) {
    liken_error err;
    lk_faces out = {0};
    lk_image small = {0};
    void *jpeg = NULL;
    lk_photo *photo = open_photo(bytes, length);
    const double start = process_seconds();
    if (lk_pipeline_run(w->pipeline, photo, true, 0, 0, LK_PREVIEW_SIDE, &out, &err) != LIKEN_OK)
        stop(&err);
    const double looked = process_seconds();
    if (lk_image_fit(&out.view, LK_THUMBNAIL_SIDE, &small, &err) != LIKEN_OK ||
        lk_image_encode_within(&small, LK_IMAGE_JPEG, LK_THUMBNAIL_BYTES, &jpeg, size, &err) != LIKEN_OK)
        stop(&err);
    *kept = (process_seconds() - looked) * 1e3;
    free(jpeg);
    lk_image_clear(&small);
    lk_faces_clear(&out);
    lk_photo_free(photo);
    return (looked - start) * 1e3;
}

static int run_pictures(const lk_models *models, int rounds, char **paths) {
    liken_error err;
    worker w = start_worker(models);
    if (lk_pipeline_new(&w.pipeline, models, &err) != LIKEN_OK)
        stop(&err);
    for (; *paths != NULL; paths++) {
        double looked[MOST_ROUNDS], kept[MOST_ROUNDS];
        size_t length, size = 0;
        char *bytes = read_photo(*paths, &length);
        for (int i = -1; i < rounds; i++) /* the first is for the caches */
            looked[i < 0 ? 0 : i] = run_kept(&w, bytes, length, &kept[i < 0 ? 0 : i], &size);
        qsort(looked, (size_t)rounds, sizeof *looked, by_value);
        qsort(kept, (size_t)rounds, sizeof *kept, by_value);
        printf("%s\t%.3f\t%.3f\t%zu\n", *paths, looked[rounds / 2], kept[rounds / 2], size);
        free(bytes);
    }
    return 0;
}

/* ---- photos for the benchmark ---- */

static lk_image decode(const char *path) {
    size_t size;
    lk_image image = {0};
    char *bytes = read_photo(path, &size);
    (void)decode_whole(bytes, size, &image);
    free(bytes);
    return image;
}

static int write_file(const char *path, const char *head, const void *bytes, size_t size) {
    FILE *f = fopen(path, "wb");
    if (f == NULL)
        return 1;
    const int wrong = fputs(head, f) == EOF || fwrite(bytes, 1, size, f) != size;
    return fclose(f) != 0 || wrong;
}

/* The same for the same photo. */
static void add_noise(lk_image *image, int most) {
    uint32_t chance = 1;
    for (int y = 0; y < image->height; y++)
        for (size_t i = 0; i < (size_t)image->width * 3; i++) {
            uint8_t *value = image->rgb + (size_t)y * image->stride + i;
            chance = chance * 1664525 + 1013904223;
            const int noisy = *value + (int)(chance >> 16) % (2 * most + 1) - most;
            *value = (uint8_t)(noisy < 0 ? 0 : noisy > 255 ? 255 : noisy);
        }
}

static int make(const char *from, int long_side, const char *to, int noise) {
    liken_error err;
    lk_image image = decode(from), made = {0};
    const double scale = (double)long_side / (image.width > image.height ? image.width : image.height);
    void *jpeg = NULL;
    size_t size = 0;
    if (lk_image_resize(&image, (int)(image.width * scale), (int)(image.height * scale), &made, &err) != LIKEN_OK)
        stop(&err);
    if (noise > 0)
        add_noise(&made, noise);
    if (lk_image_encode_jpeg(&made, 90, &jpeg, &size, &err) != LIKEN_OK)
        stop(&err);
    const int status = write_file(to, "", jpeg, size);
    lk_image_clear(&image);
    lk_image_clear(&made);
    free(jpeg);
    return status;
}

static int raw(const char *from, const char *to) {
    lk_image image = decode(from);
    const size_t row = (size_t)image.width * 3;
    for (size_t y = 1; y < (size_t)image.height; y++)
        memmove(image.rgb + y * row, image.rgb + y * image.stride, row);
    char head[64];
    (void)snprintf(head, sizeof head, "P6\n%d %d\n255\n", image.width, image.height);
    const int status = write_file(to, head, image.rgb, row * (size_t)image.height);
    lk_image_clear(&image);
    return status;
}

int main(int argc, char **argv) {
    liken_error err;
    lk_models *models = NULL;
    if ((argc == 5 || argc == 6) && strcmp(argv[1], "make") == 0)
        return make(argv[2], atoi(argv[3]), argv[4], argc == 6 ? atoi(argv[5]) : 0);
    if (argc == 4 && strcmp(argv[1], "raw") == 0)
        return raw(argv[2], argv[3]);
    const int threads = argc > 5 && strcmp(argv[1], "threads") == 0 ? atoi(argv[2]) : 0;
    const int rounds =
        argc > 3 && (strcmp(argv[1], "sandbox") == 0 || strcmp(argv[1], "pictures") == 0) ? atoi(argv[2]) : 0;
    const bool only_load = argc == 2 && strcmp(argv[1], "load") == 0;
    if (!only_load && (argc < 3 || (strcmp(argv[1], "run") != 0 && (threads < 1 || threads > MOST_THREADS) &&
                                    (rounds < 1 || rounds > MOST_ROUNDS))))
        return fprintf(stderr,
                       "usage: bench_pipeline make|raw|load|run|sandbox|pictures|threads ...: see its source\n"),
               2;
    const double start = lk_clock_monotonic();
    if (lk_models_load(
            &models,
            &(lk_models_options){.folder = getenv("LIKEN_MODELS"), .pack = getenv("LIKEN_PACK"), .detector = "yunet"},
            &err) != LIKEN_OK)
        stop(&err);
    if (only_load)
        return printf("%.4f\n", lk_clock_monotonic() - start) < 0;
    if (rounds > 0)
        return (strcmp(argv[1], "sandbox") == 0 ? run_sandbox : run_pictures)(models, rounds, argv + 3);
    return threads > 0
               ? run_threads(models, threads, strcmp(argv[3], "together") == 0, strtoul(argv[4], NULL, 10), argv + 5)
               : run(models, argv + 2);
}
