/* models.c - loads what a pipeline needs from the packs, every file verified as it is read.
 *
 * The detector is a choice of its own: "auto" takes yunet where its pack is installed and else the SSD of the faceapi
 * pack, with a note that says so; with the pack seed it takes hog, as the legacy system did. Everything else comes from
 * the one descriptor pack. */
#include "face/models.h"

#include "face/folded.h"

#include "base/buf.h"
#include "base/cpu.h"
#include "base/crypto.h"
#include "base/limits.h"
#include "base/text.h"
#include "base/words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SSD_PACK "faceapi"
#define YUNET_PACK "yunet"
#define LANDMARKS_PACK "faceapi"

/* ---- one network ---- */

static int read_weights(lk_weights **out, const lk_pack *pack, const lk_pack_network *n, liken_error *err) {
    LK_FREE char *first = NULL;
    LK_FREE char *second = NULL;
    size_t first_size, second_size = 0;
    int rc = lk_pack_read(pack, n->files[0], &first, &first_size, err);
    if (rc == LIKEN_OK && n->files[1] != NULL)
        rc = lk_pack_read(pack, n->files[1], &second, &second_size, err);
    if (rc != LIKEN_OK)
        return rc;
    rc = n->kind == LK_KIND_REID            ? lk_weights_read_reid(out, first, first_size, err)
         : n->kind == LK_KIND_MOBILEFACENET ? lk_weights_read_mobilefacenet(out, first, first_size, err)
         : n->format == LK_FORMAT_TFJS      ? lk_weights_read_tfjs(out, first, first_size, second, second_size, err)
         : n->format == LK_FORMAT_ONNX      ? lk_weights_read_onnx(out, first, first_size, err)
                                            : lk_weights_read_dlib_resnet(out, first, first_size, err);
    if (rc == LIKEN_OK && n->kind == LK_KIND_REID && (rc = lk_folded_add(*out, pack, n->files[0], err)) != LIKEN_OK) {
        lk_weights_free(*out);
        *out = NULL;
    }
    if (rc != LIKEN_OK)
        lk_error_prefix(err, "Model pack %s, %s", pack->name, n->files[0]);
    return rc;
}

typedef int build_fn(lk_net **out, const lk_weights *w, liken_error *err);

/* Names the pack and the file in an error, frees the weights. */
static int built(int rc, lk_weights *weights, const lk_pack *pack, const lk_pack_network *n, liken_error *err) {
    lk_weights_free(weights);
    if (rc != LIKEN_OK)
        lk_error_prefix(err, "Model pack %s, %s", pack->name, n->files[0]);
    return rc;
}

static int load_net(lk_net **out, build_fn *build, const lk_pack *pack, const lk_pack_network *n, liken_error *err) {
    lk_weights *weights = NULL;
    const int rc = read_weights(&weights, pack, n, err);
    return rc != LIKEN_OK ? rc : built(build(out, weights, err), weights, pack, n, err);
}

typedef int build_descriptor_fn(lk_net **out, const lk_weights *w, const float mean[3], float scale, liken_error *err);

/* The descriptor networks that there are. */
static const struct {
    lk_pack_kind kind;
    int chip, dimension;
    build_descriptor_fn *build;
} descriptors[] = {
    {LK_KIND_DLIB_RESNET, 150, 128, lk_net_resnet},
    {LK_KIND_REID, 128, 160, lk_net_reid},
    {LK_KIND_MOBILEFACENET, 112, 192, lk_net_mobilefacenet},
};

/* The descriptor, which sees the photo as its pack says. */
static int load_descriptor_net(lk_net **out, build_descriptor_fn *build, const lk_pack *pack, const lk_pack_network *n,
                               liken_error *err) {
    const lk_pack_descriptor *d = &pack->descriptor;
    const float mean[] = {(float)d->mean[0], (float)d->mean[1], (float)d->mean[2]};
    lk_weights *weights = NULL;
    const int rc = read_weights(&weights, pack, n, err);
    return rc != LIKEN_OK ? rc : built(build(out, weights, mean, (float)d->scale, err), weights, pack, n, err);
}

/* Eight digits of what makes the numbers: the file, by its sum, and how it sees a face. A pack of the user's own may
 * change and keep its name and version. */
static void write_own_mark(char mark[LK_MARK], const lk_pack_descriptor *d, const char *file_sum) {
    char text[1024], sha256[LK_SHA256_HEX];
    int used = snprintf(text, sizeof text, "%s %d %d %d", file_sum, d->chip, d->blue_first, d->normalise);
    for (size_t i = 0; i < 3; i++)
        used += snprintf(text + used, sizeof text - (size_t)used, " %.9g %.9g", d->mean[i], d->scales[i]);
    for (size_t i = 0; d->placed && i < 5; i++)
        used += snprintf(text + used, sizeof text - (size_t)used, " %.7g %.7g", (double)d->places[i].x,
                         (double)d->places[i].y);
    lk_sha256_hex(text, (size_t)used, sha256);
    (void)snprintf(mark, LK_MARK, "%.8s", sha256);
}

/* By the sum that pack.json states, which is the file's or it could not be read; by the bytes where it states none. */
static void mark_bytes(char mark[LK_MARK], const lk_pack *pack, const char *file, const char *bytes, size_t size) {
    const char *stated = lk_pack_sum(pack, file);
    char sum[LK_SHA256_HEX];
    if (stated == NULL)
        lk_sha256_hex(bytes, size, sum);
    write_own_mark(mark, &pack->descriptor, stated != NULL ? stated : sum);
}

/* The mark of a pack that is not loaded. Empty: it needs none. */
static int find_mark(char mark[LK_MARK], const lk_pack *pack, liken_error *err) {
    const lk_pack_network *n = lk_pack_kind_network(pack, LK_KIND_EMBEDDING);
    LK_FREE char *bytes = NULL;
    size_t size = 0;
    *mark = '\0';
    if (n == NULL)
        return LIKEN_OK;
    if (lk_pack_sum(pack, n->files[0]) == NULL) {
        const int rc = lk_pack_read(pack, n->files[0], &bytes, &size, err);
        if (rc != LIKEN_OK)
            return rc;
    }
    mark_bytes(mark, pack, n->files[0], bytes, size);
    return LIKEN_OK;
}

static int load_embedding(lk_models *m, const lk_pack_network *n, liken_error *err) {
    const lk_pack_descriptor *d = &m->pack->descriptor;
    lk_net_look look = {
        .side = d->chip, .blue_first = d->blue_first, .normalise = d->normalise, .dimension = d->dimension};
    memcpy(look.mean, d->mean, sizeof look.mean);
    memcpy(look.scale, d->scales, sizeof look.scale);
    LK_FREE char *bytes = NULL;
    size_t size;
    int rc = lk_pack_read(m->pack, n->files[0], &bytes, &size, err);
    if (rc != LIKEN_OK)
        return rc;
    rc = lk_net_onnx(&m->descriptor_net, bytes, size, &look, err);
    if (rc == LIKEN_OK)
        mark_bytes(m->mark, m->pack, n->files[0], bytes, size);
    else
        lk_error_prefix(err, "Model pack %s, %s", m->pack->name, n->files[0]);
    return rc;
}

static int load_shape(lk_shape **out, int points, const lk_pack *pack, const lk_pack_network *n, liken_error *err) {
    LK_FREE char *bytes = NULL;
    size_t size;
    int rc = lk_pack_read(pack, n->files[0], &bytes, &size, err);
    if (rc != LIKEN_OK)
        return rc;
    rc = lk_shape_read(out, bytes, size, err);
    if (rc == LIKEN_OK && lk_shape_points(*out) != points)
        rc = lk_fail(err, LIKEN_E_MODEL, "It finds %d points where %d are needed.", lk_shape_points(*out), points);
    if (rc != LIKEN_OK)
        lk_error_prefix(err, "Model pack %s, %s", pack->name, n->files[0]);
    return rc;
}

/* ---- the detector ---- */

static int load_detector_from(lk_models *m, lk_pack_kind kind, build_fn *build, const lk_pack *pack, liken_error *err) {
    const lk_pack_network *n = lk_pack_kind_network(pack, kind);
    if (n == NULL)
        return lk_fail(err, LIKEN_E_MODEL, "The model pack %s holds no detector of the kind that was asked for.",
                       pack->name);
    return load_net(&m->detector_net, build, pack, n, err);
}

static int load_yunet(lk_models *m, const char *folder, liken_error *err) {
    lk_pack *pack = NULL;
    int rc = lk_pack_open(&pack, folder, YUNET_PACK, err);
    if (rc != LIKEN_OK)
        return rc;
    m->detector = LK_DETECT_YUNET;
    rc = load_detector_from(m, LK_KIND_YUNET, lk_net_yunet, pack, err);
    lk_pack_free(pack);
    return rc;
}

static int load_ssd(lk_models *m, const char *folder, liken_error *err) {
    m->detector = LK_DETECT_SSD;
    if (lk_pack_kind_network(m->pack, LK_KIND_SSD_MOBILENET) != NULL)
        return load_detector_from(m, LK_KIND_SSD_MOBILENET, lk_net_ssd_mobilenet, m->pack, err);
    lk_pack *pack = NULL;
    int rc = lk_pack_open(&pack, folder, SSD_PACK, err);
    if (rc != LIKEN_OK)
        return rc;
    rc = load_detector_from(m, LK_KIND_SSD_MOBILENET, lk_net_ssd_mobilenet, pack, err);
    lk_pack_free(pack);
    return rc;
}

static int load_auto(lk_models *m, const char *folder, liken_error *err) {
    const int rc = load_yunet(m, folder, err);
    if (rc != LIKEN_E_NOT_FOUND)
        return rc;
    snprintf(m->note, sizeof m->note,
             "The yunet pack is not installed, so faces are found by the SSD detector, which misses more small ones. "
             "Install "
             "it with: liken models install " YUNET_PACK);
    return load_ssd(m, folder, err);
}

static int load_hog(lk_models *m, liken_error *err) {
    lk_detector *probe = NULL; /* is dlib in this build? */
    const int rc = lk_detector_hog(&probe, err);
    lk_detector_free(probe);
    if (rc == LIKEN_OK)
        m->detector = LK_DETECT_HOG;
    return rc;
}

static int load_detector(lk_models *m, const char *folder, const char *name, liken_error *err) {
    const bool any = name == NULL || strcmp(name, "auto") == 0;
    if (any && m->pack->descriptor.legacy && load_hog(m, NULL) == LIKEN_OK)
        return LIKEN_OK;
    if (any)
        return load_auto(m, folder, err);
    switch (lk_word_find(LK_DETECTOR_WORDS(" "), name)) {
    case LK_DETECT_YUNET:
        return load_yunet(m, folder, err);
    case LK_DETECT_SSD:
        return load_ssd(m, folder, err);
    case LK_DETECT_HOG:
        return load_hog(m, err);
    default:
        return lk_fail(err, LIKEN_E_ARG,
                       "There is no detector called \"%s\"; there are auto, " LK_DETECTOR_WORDS(", ") ".", name);
    }
}

/* ---- the descriptor pack ---- */

/* A pack whose chips are cut by the detector's own five points takes them from 68 where the detector has none. */
static int load_landmarks_for_places(lk_models *m, const char *folder, liken_error *err) {
    m->points = LK_POINTS_DETECTOR5;
    if (m->detector == LK_DETECT_YUNET)
        return LIKEN_OK;
    lk_pack *lender = NULL;
    int rc = lk_pack_open(&lender, folder, LANDMARKS_PACK, err);
    if (rc != LIKEN_OK)
        return rc;
    m->points = LK_POINTS_68;
    const lk_pack_network *net = lk_pack_kind_network(lender, LK_KIND_LANDMARKS68);
    rc = net != NULL
             ? load_net(&m->landmarks_net, lk_net_landmarks68, lender, net, err)
             : lk_fail(err, LIKEN_E_MODEL, "The model pack %s holds no network that finds 68 points.", lender->name);
    lk_pack_free(lender);
    return rc;
}

static int load_landmarks(lk_models *m, const char *folder, liken_error *err) {
    if (m->pack->descriptor.placed)
        return load_landmarks_for_places(m, folder, err);
    const bool five = m->pack->descriptor.alignment == 5;
    const lk_pack_network *net = lk_pack_kind_network(m->pack, LK_KIND_LANDMARKS68);
    const lk_pack_network *shape = lk_pack_kind_network(m->pack, five ? LK_KIND_SHAPE5 : LK_KIND_SHAPE68);
    m->points = shape != NULL && five ? LK_POINTS_DLIB5 : five ? LK_POINTS_DETECTOR5 : LK_POINTS_68;
    if (shape != NULL)
        return load_shape(&m->landmarks_shape, lk_points_count(m->points), m->pack, shape, err);
    if (net != NULL && !five)
        return load_net(&m->landmarks_net, lk_net_landmarks68, m->pack, net, err);
    if (m->points == LK_POINTS_DETECTOR5 && m->detector == LK_DETECT_YUNET)
        return LIKEN_OK;
    return lk_fail(err, LIKEN_E_MODEL,
                   "The model pack %s aligns faces by %d points and holds no network that finds them.", m->pack->name,
                   m->pack->descriptor.alignment);
}

static int load_descriptor(lk_models *m, liken_error *err) {
    const lk_pack_descriptor *d = &m->pack->descriptor;
    const lk_pack_network *n = lk_pack_role_network(m->pack, LK_ROLE_DESCRIPTOR);
    if (n == NULL || d->dimension == 0)
        return lk_fail(err, LIKEN_E_MODEL,
                       "The model pack %s describes no faces: choose one that holds a descriptor, like %s.",
                       m->pack->name, lk_pack_best());
    size_t i = 0;
    while (i < LK_LENGTH(descriptors) && descriptors[i].kind != n->kind)
        i++;
    if (n->kind == LK_KIND_EMBEDDING) {
        const int rc = load_embedding(m, n, err);
        return rc != LIKEN_OK ? rc : lk_microbatch_new(&m->batch, lk_cpu_count(), (size_t)d->dimension, err);
    }
    if (i == LK_LENGTH(descriptors) || d->dimension != descriptors[i].dimension || d->chip != descriptors[i].chip)
        return lk_fail(
            err, LIKEN_E_MODEL,
            "The model pack %s has a descriptor network that this liken cannot run: it runs dlib-resnet (150 pixels to "
            "128 numbers), reid-retail-0095 (128 to 160), mobilefacenet (112 to 192) and, of anybody's, embedding.",
            m->pack->name);
    const int rc = load_descriptor_net(&m->descriptor_net, descriptors[i].build, m->pack, n, err);
    return rc != LIKEN_OK ? rc : lk_microbatch_new(&m->batch, lk_cpu_count(), (size_t)d->dimension, err);
}

static void write_id(char out[LK_MODEL_ID], const lk_pack *pack, const char *mark) {
    const lk_pack_descriptor *d = &pack->descriptor;
    if (*mark != '\0')
        (void)snprintf(out, LK_MODEL_ID, "%s-%s/%d/%d/%s/%s", pack->name, pack->version, d->alignment, d->dimension,
                       d->mirror ? "x4" : "x1", mark);
    else if (d->placed)
        (void)snprintf(out, LK_MODEL_ID, "%s-%s/%d/%d/x1", pack->name, pack->version, d->alignment, d->dimension);
    else
        (void)snprintf(out, LK_MODEL_ID, "%s-%s/%d/%.2f/%s", pack->name, pack->version, d->alignment, d->padding,
                       d->mirror ? "x4" : "x1");
}

int lk_models_id_of(const char *folder, const char *pack, char out[LK_MODEL_ID], liken_error *err) {
    lk_pack *opened = NULL;
    char mark[LK_MARK] = "";
    int rc = lk_pack_open(&opened, folder, pack, err);
    if (rc == LIKEN_OK)
        rc = find_mark(mark, opened, err);
    if (rc == LIKEN_OK)
        write_id(out, opened, mark);
    lk_pack_free(opened);
    return rc;
}

static int load_all(lk_models *m, const char *folder, const lk_models_options *options, liken_error *err) {
    lk_pack_choice choice = {.name = options->pack};
    int rc = lk_pack_is_auto(options->pack) ? lk_pack_choose(&choice, folder, err) : LIKEN_OK;
    rc = rc != LIKEN_OK ? rc : lk_pack_open(&m->pack, folder, choice.name, err);
    rc = rc != LIKEN_OK ? rc : load_detector(m, folder, options->detector, err);
    rc = rc != LIKEN_OK ? rc : load_landmarks(m, folder, err);
    rc = rc != LIKEN_OK ? rc : load_descriptor(m, err);
    if (rc != LIKEN_OK)
        return rc;
    m->classes = lk_known_classes(m->pack);
    write_id(m->id, m->pack, m->mark);
    return LIKEN_OK;
}

int lk_models_load(lk_models **out, const lk_models_options *options, liken_error *err) {
    LK_FREE char *folder = NULL;
    int rc = lk_models_folder(options->folder, &folder, err);
    if (rc != LIKEN_OK)
        return rc;
    lk_models *m = calloc(1, sizeof *m);
    if (m == NULL)
        return lk_fail_memory(err);
    rc = load_all(m, folder, options, err);
    if (rc != LIKEN_OK) {
        lk_models_free(m);
        return rc;
    }
    *out = m;
    return LIKEN_OK;
}

void lk_models_free(lk_models *m) {
    if (m == NULL)
        return;
    lk_net_free(m->detector_net);
    lk_net_free(m->landmarks_net);
    lk_net_free(m->descriptor_net);
    lk_microbatch_free(m->batch);
    lk_shape_free(m->landmarks_shape);
    lk_pack_free(m->pack);
    free(m);
}

const char *lk_models_id(const lk_models *m) {
    return m->id;
}

const char *lk_models_detector(const lk_models *m) {
    static const char *const names[] = {LK_DETECTOR_WORDS(LK_AND)};
    return names[m->detector];
}

const char *lk_models_detector_note(const lk_models *m) {
    return m->note[0] != '\0' ? m->note : NULL;
}

int lk_models_dimension(const lk_models *m) {
    return m->pack->descriptor.dimension;
}

int lk_models_comparable(const lk_models *m, liken_metric metric, liken_error *err) {
    const lk_pack_descriptor *d = &m->pack->descriptor;
    if (lk_models_calibration(m, metric)->count > 0)
        return LIKEN_OK;
    if (d->one_metric && d->metric != metric)
        return lk_fail(err, LIKEN_E_MODEL,
                       "Descriptors of the model pack %s are compared by %s, its pack.json says: give --metric %s.",
                       m->pack->name, liken_metric_code(d->metric), liken_metric_code(d->metric));
    return lk_fail(err, LIKEN_E_MODEL,
                   "What a distance means to the model pack %s is not known yet. Measure it on pairs of photos: liken "
                   "models calibrate %s PAIRS.csv",
                   m->pack->name, m->pack->name);
}

liken_metric lk_models_metric(const lk_models *m) {
    return m->pack->descriptor.one_metric ? m->pack->descriptor.metric : LIKEN_NORMALIZED;
}
