#include "unit/gallery/fake_face.h"

#include "base/call.h"
#include "base/limits.h"

#include "face/face.h"
#include "packs/pack.h"
#include "image/decode/decoders.h"
#include "image/letters.h"

#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *fake_version = "1.0";
bool fake_faceapi = true;
static atomic_int running, peak, clashes, loads;

int fake_peak(void) {
    return atomic_exchange(&peak, 0);
}

int fake_clashes(void) {
    return atomic_load(&clashes);
}

int fake_loads(void) {
    return atomic_load(&loads);
}

/* ---- photos ---- */

struct lk_photo {
    char *text;
    int width, height;
};

static bool starts(const char *text, const char *word) {
    return strncmp(text, word, strlen(word)) == 0;
}

static int read_size(lk_photo *p, const lk_photo_limits *limits, liken_error *err) {
    if (starts(p->text, "FACES") || starts(p->text, "DAMAGED")) {
        p->width = 64;
        p->height = 48;
        return LIKEN_OK;
    }
    if (sscanf(p->text, "photo %d %d", &p->width, &p->height) != 2 || p->width < 1 || p->height < 1)
        return lk_fail(err, LIKEN_E_FORMAT, "This is not an image that liken reads.");
    if (limits->max_pixels != 0 && (size_t)p->width * (size_t)p->height > limits->max_pixels)
        return lk_fail(err, LIKEN_E_TOO_LARGE, "The photo has too many pixels.");
    return LIKEN_OK;
}

int lk_photo_open(lk_photo **out, const void *bytes, size_t size, const lk_photo_limits *limits, liken_error *err) {
    lk_photo *p = calloc(1, sizeof *p);
    if (p == NULL)
        return lk_fail_memory(err);
    p->text = strndup(bytes, size);
    if (p->text == NULL) {
        lk_photo_free(p);
        return lk_fail_memory(err);
    }
    if (limits->max_bytes != 0 && size > limits->max_bytes) {
        lk_photo_free(p);
        return lk_fail(err, LIKEN_E_TOO_LARGE, "too many bytes");
    }
    const int rc = read_size(p, limits, err);
    if (rc == LIKEN_OK)
        *out = p;
    else
        lk_photo_free(p);
    return rc;
}

void lk_photo_free(lk_photo *p) {
    if (p == NULL)
        return;
    free(p->text);
    free(p);
}

/* "photo 640 480 taken 77 preview" */
int64_t lk_photo_captured_at(const lk_photo *p) {
    const char *taken = strstr(p->text, " taken ");
    return taken == NULL ? LIKEN_NO_TIME : atoll(taken + 7);
}

const char *lk_photo_note(const lk_photo *p) {
    return strstr(p->text, " preview") == NULL ? NULL : "a preview";
}

int lk_image_support_read(lk_image_support *out, liken_error *err) {
    (void)err;
    *out = (lk_image_support){.vips = "8", .heif = "1.15.1", .old_heif = true, .hevc = true, .av1 = true};
    return LIKEN_OK;
}

int lk_photo_decode(lk_photo *p, int want, lk_image *out, double *scale, liken_error *err) {
    (void)want;
    (void)scale;
    uint8_t *rgb = calloc((size_t)p->width * (size_t)p->height, 3);
    if (rgb == NULL)
        return lk_fail_memory(err);
    *out = (lk_image){.width = p->width, .height = p->height, .stride = 3 * (size_t)p->width, .rgb = rgb};
    return LIKEN_OK;
}

void lk_image_clear(lk_image *image) {
    free(image->rgb);
    *image = (lk_image){0};
}

void lk_image_draw_box(lk_image *image, float x, float y, float width, float height, const uint8_t rgb[3]) {
    (void)x;
    (void)y;
    (void)width;
    (void)height;
    memcpy(image->rgb, rgb, 3);
}

void lk_image_draw_dot(lk_image *image, float x, float y, float radius, const uint8_t rgb[3]) {
    (void)x;
    (void)y;
    (void)radius;
    memcpy(image->rgb + 3, rgb, 3);
}

/* Ten pixels a letter. */
void lk_image_draw_text(lk_image *image, int x, int y, int scale, const char *text, const uint8_t rgb[3]) {
    (void)x;
    (void)y;
    (void)scale;
    for (size_t i = 0; i < 10 * strlen(text); i++)
        memcpy(image->rgb + 6 + 3 * i, rgb, 3);
}

const char *lk_photo_kind(const lk_photo *p) {
    (void)p;
    return "jpeg";
}

lk_photo_limits lk_photo_limits_of(const lk_photo_limits *given) {
    lk_photo_limits limits = given == NULL ? (lk_photo_limits){0} : *given;
    if (limits.max_bytes == 0)
        limits.max_bytes = LK_DEFAULT_FILE_BYTES;
    return limits;
}

int lk_photo_width(const lk_photo *p) {
    return p->width;
}

int lk_photo_height(const lk_photo *p) {
    return p->height;
}

/* Of the size that was asked for, black. */
int lk_image_fit(const lk_image *source, int long_side, lk_image *out, liken_error *err) {
    lk_photo fitted = {.width = source->width < long_side ? source->width : long_side,
                       .height = source->height < long_side ? source->height : long_side};
    return lk_photo_decode(&fitted, 0, out, NULL, err);
}

const char *lk_image_media(lk_image_type type) {
    return type == LK_IMAGE_WEBP ? "image/webp" : "image/jpeg";
}

/* As text: "picture WIDTH HEIGHT". */
int lk_image_encode_within(const lk_image *image, lk_image_type type, size_t most, void **bytes, size_t *size,
                           liken_error *err) {
    (void)type;
    (void)most;
    char text[64];
    *size = (size_t)snprintf(text, sizeof text, "picture %d %d", image->width, image->height);
    *bytes = strdup(text);
    return *bytes == NULL ? lk_fail_memory(err) : LIKEN_OK;
}

int lk_image_encode(const lk_image *image, lk_image_type type, int quality, void **bytes, size_t *size,
                    liken_error *err) {
    (void)quality;
    return lk_image_encode_within(image, type, 0, bytes, size, err);
}

void lk_image_warp(const lk_image *source, const double to_source[6], int width, int height, uint8_t *out) {
    (void)source;
    (void)to_source;
    memset(out, 0, 3 * (size_t)width * (size_t)height);
}

/* The pixels themselves, so that a test can look at them. */
int lk_image_encode_jpeg(const lk_image *image, int quality, void **jpeg, size_t *size, liken_error *err) {
    (void)quality;
    *size = image->stride * (size_t)image->height;
    *jpeg = malloc(*size);
    if (*jpeg == NULL)
        return lk_fail_memory(err);
    memcpy(*jpeg, image->rgb, *size);
    return LIKEN_OK;
}

/* ---- helpers: there are none ---- */

int lk_decoders_new(lk_decoders **out, int most, const lk_photo_limits *limits, liken_error *err) {
    (void)out, (void)most, (void)limits;
    return lk_fail(err, LIKEN_E_UNSUPPORTED, "liken-decode is missing");
}

int lk_decoders_ready(lk_decoders *d, liken_error *err) {
    (void)d, (void)err;
    return LIKEN_OK;
}

void lk_decoders_get(lk_decoders *d, lk_decoders_state *out) {
    (void)d;
    *out = (lk_decoders_state){0};
}

void lk_decoders_free(lk_decoders *d) {
    (void)d;
}

/* ---- models ---- */

struct lk_models {
    char pack[16], id[64];
    int dimension;
    lk_calibration calibration[3][2]; /* of two good faces, of a good and a weak one, of two weak ones */
};

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t opened = PTHREAD_COND_INITIALIZER;

/* What somebody may be kept waiting for. */
struct hold {
    bool held;
    int waiting;
};

static struct hold other, faces;

static void set_hold(struct hold *h, bool hold) {
    pthread_mutex_lock(&gate);
    h->held = hold;
    pthread_cond_broadcast(&opened);
    pthread_mutex_unlock(&gate);
}

static bool waits_for(const struct hold *h) {
    pthread_mutex_lock(&gate);
    const bool waits = h->held && h->waiting > 0;
    pthread_mutex_unlock(&gate);
    return waits;
}

static void pass(struct hold *h) {
    pthread_mutex_lock(&gate);
    h->waiting++;
    while (h->held)
        pthread_cond_wait(&opened, &gate);
    h->waiting--;
    pthread_mutex_unlock(&gate);
}

void fake_hold_other(bool hold) {
    set_hold(&other, hold);
}

bool fake_other_waits(void) {
    return waits_for(&other);
}

void fake_hold_faces(bool hold) {
    set_hold(&faces, hold);
}

bool fake_faces_wait(void) {
    return waits_for(&faces);
}

static void calibrate(lk_models *m) {
    static const float shares[] = {1, 0.75f, 0.5f};
    for (size_t i = 0; i < LK_LENGTH(shares); i++) {
        const float s = shares[i];
        m->calibration[i][LIKEN_NORMALIZED] =
            (lk_calibration){.threshold = s * 0.4f,
                             .points = {{s * 0.1f, 1e-6, 0.1}, {s * 0.4f, 1e-3, 0.9}, {s * 2.0f, 1, 1}},
                             .count = 3};
        m->calibration[i][LIKEN_L2] =
            (lk_calibration){.threshold = s * 0.6f,
                             .points = {{s * 0.2f, 1e-6, 0.1}, {s * 0.6f, 1e-3, 0.9}, {s * 4.0f, 1, 1}},
                             .count = 3};
    }
}

static bool is_there(const char *pack) {
    return (fake_faceapi && strcmp(pack, "faceapi") == 0) || strcmp(pack, "other") == 0 || strcmp(pack, "third") == 0;
}

int lk_models_id_of(const char *folder, const char *pack, char out[LK_MODEL_ID], liken_error *err) {
    (void)folder;
    if (!is_there(pack))
        return lk_fail(err, LIKEN_E_NOT_FOUND, "Pack %s is not installed: liken models install %s", pack, pack);
    (void)snprintf(out, LK_MODEL_ID, "%s-%s/fake", pack, fake_version);
    return LIKEN_OK;
}

int lk_models_load(lk_models **out, const lk_models_options *o, liken_error *err) {
    const char *pack = o->pack == NULL ? "faceapi" : o->pack;
    if (!is_there(pack))
        return lk_fail(err, LIKEN_E_NOT_FOUND, "Pack %s is not installed: liken models install %s", pack, pack);
    if (strcmp(pack, "other") == 0)
        pass(&other);
    lk_models *m = calloc(1, sizeof *m);
    if (m == NULL)
        return lk_fail_memory(err);
    (void)snprintf(m->pack, sizeof m->pack, "%s", pack);
    (void)snprintf(m->id, sizeof m->id, "%s-%s/fake", pack, fake_version);
    m->dimension = strcmp(pack, "other") == 0 ? 64 : 128;
    calibrate(m);
    atomic_fetch_add(&loads, 1);
    *out = m;
    return LIKEN_OK;
}

void lk_models_free(lk_models *m) {
    free(m);
}

const char *lk_models_id(const lk_models *m) {
    return m->id;
}

const char *lk_models_detector(const lk_models *m) {
    (void)m;
    return "fake";
}

const char *lk_models_detector_note(const lk_models *m) {
    (void)m;
    return NULL;
}

int lk_models_dimension(const lk_models *m) {
    return m->dimension;
}

const lk_calibration *lk_models_calibration(const lk_models *m, liken_metric metric) {
    return &m->calibration[0][metric];
}

int lk_models_comparable(const lk_models *m, liken_metric metric, liken_error *err) {
    (void)m;
    (void)metric;
    (void)err;
    return LIKEN_OK;
}

liken_metric lk_models_metric(const lk_models *m) {
    (void)m;
    return LIKEN_NORMALIZED;
}

float lk_models_good(const lk_models *m) {
    (void)m;
    return 0.5f;
}

const lk_calibration *lk_models_between(const lk_models *m, liken_metric metric, bool a_weak, bool b_weak) {
    return &m->calibration[a_weak + b_weak][metric];
}

lk_calibration lk_models_curve(const lk_models *m, liken_metric metric, bool weak, float score, bool other_weak) {
    lk_calibration c = *lk_models_between(m, metric, weak, other_weak);
    for (int i = 0; weak && other_weak && score < 0.2f && i < c.count; i++)
        c.points[i].distance *= 0.5f;
    return c;
}

const lk_expectation_model *lk_models_expectation(const lk_models *m, liken_metric metric) {
    return m->dimension == 128 && metric == LIKEN_NORMALIZED ? &lk_expectation_reid : NULL;
}

/* ---- the pipeline ---- */

#define MOST_NAMES 8

struct lk_pipeline {
    const lk_models *models;
    atomic_flag busy;
};

int lk_pipeline_new(lk_pipeline **out, const lk_models *m, liken_error *err) {
    lk_pipeline *p = calloc(1, sizeof *p);
    if (p == NULL)
        return lk_fail_memory(err);
    p->models = m;
    atomic_flag_clear(&p->busy);
    *out = p;
    return LIKEN_OK;
}

void lk_pipeline_free(lk_pipeline *p) {
    free(p);
}

static float noise_of(unsigned *seed) {
    *seed = *seed * 1664525u + 1013904223u;
    return (float)(*seed >> 8) / 8388608.0f - 1;
}

void fake_descriptor(const char *pack, unsigned person, float noise, unsigned salt, float *out) {
    const int dimension = strcmp(pack, "other") == 0 ? 64 : 128;
    unsigned who = (person + (strcmp(pack, "third") == 0 ? 1000003u : 1)) * 2654435761u, which = (salt + 1) * 40503u;
    for (int i = 0; i < dimension; i++)
        out[i] = 0.2f * noise_of(&who) + noise * 0.15f * noise_of(&which);
}

static unsigned salt_of(const char *text, size_t size) {
    unsigned salt = 2166136261u;
    for (size_t i = 0; i < size; i++)
        salt = (salt ^ (unsigned char)text[i]) * 16777619u;
    return salt;
}

static liken_face *more(liken_face **list, size_t *count) {
    liken_face *grown = realloc(*list, (*count + 1) * sizeof *grown);
    if (grown == NULL)
        return NULL;
    *list = grown;
    grown[*count] = (liken_face){0};
    return &grown[(*count)++];
}

static void measure(liken_face *f, float pixels) {
    f->box = (liken_box){1, 2, pixels, pixels};
    f->quality.size = pixels;
    f->quality.score = 1;
    f->confidence = 0.97f;
}

/* False without memory. */
static bool keep(const lk_pipeline *p, unsigned person, float noise, unsigned salt, float pixels, bool describe,
                 lk_faces *out) {
    liken_face *f = more(&out->kept, &out->kept_count);
    if (f == NULL)
        return false;
    measure(f, pixels);
    f->dimension = p->models->dimension;
    if (!describe)
        return true;
    f->descriptor = malloc((size_t)f->dimension * sizeof *f->descriptor);
    if (f->descriptor == NULL)
        return false;
    fake_descriptor(p->models->pack, person, noise, salt, f->descriptor);
    return true;
}

/* A face that only the pack "other" keeps, or all but that one. False without memory. */
static bool keep_if(bool by_other, liken_reason reason, const lk_pipeline *p, unsigned person, float noise,
                    unsigned salt, float pixels, bool describe, lk_faces *out) {
    if ((strcmp(p->models->pack, "other") == 0) == by_other)
        return keep(p, person, noise, salt, pixels, describe, out);
    liken_face *f = more(&out->refused, &out->refused_count);
    if (f == NULL)
        return false;
    measure(f, pixels);
    f->reason = reason;
    return true;
}

/* The last one. True. */
static bool weaken(lk_faces *out) {
    liken_face *face = &out->kept[out->kept_count - 1];
    face->quality.score = face->box.height < 10 ? 0.1f : 0.25f;
    return true;
}

/* False without memory. */
static bool refuse(float pixels, lk_faces *out) {
    liken_face *f = more(&out->refused, &out->refused_count);
    if (f == NULL)
        return false;
    measure(f, pixels);
    f->reason = LIKEN_TOO_SMALL;
    return true;
}

/* False without memory. */
static bool read_line(const lk_pipeline *p, const char *line, size_t size, bool describe, lk_faces *out) {
    unsigned person;
    float noise, pixels;
    if (sscanf(line, "face %u %f %f", &person, &noise, &pixels) == 3 && isfinite(noise) && isfinite(pixels))
        return keep(p, person, noise, salt_of(line, size), pixels, describe, out);
    if (sscanf(line, "weak %u %f %f", &person, &noise, &pixels) == 3 && isfinite(noise) && isfinite(pixels))
        return keep(p, person, noise, salt_of(line, size), pixels, describe, out) && weaken(out);
    if (sscanf(line, "soft %u %f %f", &person, &noise, &pixels) == 3 && isfinite(noise) && isfinite(pixels))
        return keep_if(false, LIKEN_BLURRED, p, person, noise, salt_of(line, size), pixels, describe, out);
    if (sscanf(line, "dim %u %f %f", &person, &noise, &pixels) == 3 && isfinite(noise) && isfinite(pixels))
        return keep_if(true, LIKEN_LOW_LIGHT, p, person, noise, salt_of(line, size), pixels, describe, out);
    if (sscanf(line, "small %f", &pixels) == 1 && isfinite(pixels))
        return refuse(pixels, out);
    return true;
}

/* False without memory. */
static bool read_names(const lk_pipeline *p, const char *text, bool describe, lk_faces *out) {
    bool whole = true;
    for (int n = 0; whole && n < MOST_NAMES; n++) {
        text += strspn(text, " ");
        const size_t size = strcspn(text, " ");
        if (size == 0)
            break;
        const bool tiny = size == 4 && starts(text, "tiny");
        const bool weak = size > 1 && text[size - 1] == '?';
        whole = tiny ? refuse(10, out) : keep(p, salt_of(text, size - weak), 0, 0, 40, describe, out);
        whole = whole && (!weak || weaken(out));
        text += size;
    }
    return whole;
}

/* False without memory; `*rc` is what else went wrong. */
static bool read_faces(const lk_pipeline *p, const char *text, bool describe, lk_faces *out, int *rc,
                       liken_error *err) {
    bool whole = true;
    *rc = lk_call_check(err);
    if (*rc == LIKEN_OK && starts(text, "DAMAGED"))
        *rc = lk_fail(err, LIKEN_E_DECODE, "The image is damaged.");
    if (*rc == LIKEN_OK && starts(text, "FACES"))
        return read_names(p, text + strlen("FACES"), describe, out);
    while (*rc == LIKEN_OK && whole && *text != '\0') {
        const size_t size = strcspn(text, "\n");
        whole = read_line(p, text, size, describe, out);
        text += size + (text[size] == '\n');
        *rc = lk_call_check(err);
    }
    return whole;
}

static int larger(const void *a, const void *b) {
    const float x = ((const liken_face *)a)->box.height, y = ((const liken_face *)b)->box.height;
    return (x < y) - (x > y);
}

/* No larger than is asked for: some tests have photos of a billion pixels. */
static int view_of(const lk_photo *photo, int side, lk_image *out, liken_error *err) {
    lk_photo fitted = {.width = photo->width < side ? photo->width : side,
                       .height = photo->height < side ? photo->height : side};
    return lk_photo_decode(&fitted, 0, out, NULL, err);
}

int lk_pipeline_run(lk_pipeline *p, lk_photo *photo, bool describe, int max_faces, int min_face, int view,
                    lk_faces *out, liken_error *err) {
    (void)max_faces;
    int rc = LIKEN_OK;
    if (atomic_flag_test_and_set(&p->busy))
        atomic_fetch_add(&clashes, 1);
    const int now = atomic_fetch_add(&running, 1) + 1;
    for (int seen = atomic_load(&peak); now > seen && !atomic_compare_exchange_weak(&peak, &seen, now);)
        continue;
    sched_yield();
    pass(&faces);
    *out = (lk_faces){.width = photo->width, .height = photo->height};
    out->smallest_face = min_face > 0 ? (float)min_face : 100;
    const bool whole = read_faces(p, photo->text, describe, out, &rc, err);
    if (out->kept_count > 1)
        qsort(out->kept, out->kept_count, sizeof *out->kept, larger);
    atomic_fetch_sub(&running, 1);
    atomic_flag_clear(&p->busy);
    if (whole && rc == LIKEN_OK && view > 0)
        rc = view_of(photo, view, &out->view, err);
    if (whole && rc == LIKEN_OK)
        return LIKEN_OK;
    lk_faces_clear(out);
    return rc != LIKEN_OK ? rc : lk_fail_memory(err);
}

/* Of each size there is one face, or they are in the order in which they were. */
static void give_ids(const liken_face *from, size_t from_count, liken_face *to, size_t to_count) {
    for (size_t i = 0; i < from_count; i++) {
        for (size_t k = 0; k < to_count; k++) {
            if (to[k].id != 0 || to[k].box.height < from[i].box.height || to[k].box.height > from[i].box.height)
                continue;
            to[k].id = from[i].id;
            break;
        }
    }
}

int lk_pipeline_again(lk_pipeline *p, lk_photo *photo, const lk_found *known, int max_faces, lk_faces *out,
                      liken_error *err) {
    const int rc = lk_pipeline_run(p, photo, true, max_faces, 0, 0, out, err);
    if (rc != LIKEN_OK)
        return rc;
    give_ids(known->kept, known->kept_count, out->kept, out->kept_count);
    give_ids(known->kept, known->kept_count, out->refused, out->refused_count);
    return LIKEN_OK;
}

void lk_faces_clear(lk_faces *f) {
    for (size_t i = 0; i < f->kept_count; i++)
        free(f->kept[i].descriptor);
    free(f->kept);
    free(f->refused);
    lk_image_clear(&f->view);
    *f = (lk_faces){0};
}

/* ---- packs ---- */

int lk_models_folder(const char *given, char **out, liken_error *err) {
    *out = strdup(given == NULL ? "/nowhere" : given);
    return *out == NULL ? lk_fail_memory(err) : LIKEN_OK;
}

bool lk_pack_name_ok(const char *name) {
    return name[0] != '\0' && name[0] != '.' && strchr(name, '/') == NULL;
}

bool lk_pack_is_auto(const char *asked) {
    return asked == NULL || strcmp(asked, LK_PACK_AUTO) == 0;
}

/* "other" is second best. */
int lk_pack_choose(lk_pack_choice *out, const char *folder, liken_error *err) {
    (void)folder;
    (void)err;
    *out = fake_faceapi ? (lk_pack_choice){"faceapi", "It is the best.", true}
                        : (lk_pack_choice){"other", "There is no better one.", false};
    return LIKEN_OK;
}

int liken_pack_list(const char *models, liken_pack **out, size_t *count, liken_error *err) {
    (void)models;
    liken_pack *p = calloc(1, sizeof *p);
    if (p == NULL)
        return lk_fail_memory(err);
    p->name = strdup("faceapi");
    p->version = strdup(fake_version);
    p->holds = strdup("descriptor 128");
    if (p->name == NULL || p->version == NULL || p->holds == NULL) {
        liken_packs_free(p, 1);
        return lk_fail_memory(err);
    }
    p->installed = p->known = p->is_default = true;
    *out = p;
    *count = 1;
    return LIKEN_OK;
}

void liken_packs_free(liken_pack *packs, size_t count) {
    for (size_t i = 0; i < count; i++) {
        free(packs[i].name);
        free(packs[i].version);
        free(packs[i].holds);
    }
    free(packs);
}

int liken_pack_verify(const char *models, const char *name, const liken_call *call, liken_error *err) {
    (void)call;
    (void)models;
    (void)name;
    (void)err;
    return LIKEN_OK;
}
