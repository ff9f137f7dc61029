/* pack.h - model packs: a folder of weights with a pack.json that says what is in it.
 *
 * Everything that depends on a model is the pack's and never a constant in code: the networks and their files, each
 * file's size and sha256, how a chip is cut, and what a distance means. A user's own pack is just such a folder under
 * the models folder; the packs that liken can install by itself are in known.c, and what is installed there is
 * the same lk_pack written out as pack.json.
 *
 *   { "name": "faceapi", "version": "1.7.15", "licence": "MIT", "source": "npm:@vladmandic/face-api",
 *     "files":    [ { "name": "a.bin", "size": 123, "sha256": "<64 hex>" }, ... ],
 *     "samples":  [ ... ],                                        optional; photos, kept in the sub-folder samples/
 *     "networks": [ { "role": "descriptor", "kind": "dlib-resnet", "format": "tfjs", "files": ["m.json", "a.bin"] } ],
 *     "descriptor": { "dimension": 128, "chip": 150, "padding": 0.2, "alignment": 68, "mirror": true,
 *                     "mean": [122.782, 117.001, 104.298], "scale": 0.00392156863,
 *                     "calibration": { "normalized": { "threshold": 0.378,
 *                                                      "points": [ { "distance": 0.3, "fmr": 1e-5, "tmr": 0.6 }, ... ]
 * }, "l2": { ... } },
 *                     "places": [ [0.316, 0.462], [0.683, 0.462], [0.500, 0.641], [0.349, 0.825], [0.653, 0.825] ] } }
 *
 * "places" is optional: where on the chip the eyes, the tip of the nose and the corners of the mouth lie, as shares of
 * its side, or "arcface", the places that most networks of others are trained with. Without it a mean face and the
 * padding say that; with it, "padding", "alignment" and "mirror" may be left out.
 *
 * A network of kind "embedding" is anybody's: an ONNX file of one photo to one row of numbers (nn/onnx.h has what it
 * may hold). Its pack may say as well:
 *
 *   "scale": [0.0171, 0.0175, 0.0174]   one each for red, green and blue, as "mean" has them always
 *   "channels": "bgr"                   the order that the network wants; "rgb" is the default
 *   "normalise": true                   the descriptor is divided by its length
 *   "metric": "normalized"              the only metric that its descriptors are compared by, "normalized" or "l2"
 *
 * and its "calibration" may be missing: it then lies in calibration.json beside pack.json, as `liken models calibrate`
 * writes it, or nowhere yet, and no collection is made with the pack. What calibration.json says goes before pack.json.
 * "size" and "sha256" of a file may be missing; they are checked where they are there.
 *
 * All functions may be called from any thread; a lk_pack is immutable. */
#ifndef LK_PACKS_PACK_H
#define LK_PACKS_PACK_H

#include "base/arena.h"
#include "base/error.h"
#include "packs/calibration.h"
#include "packs/expectation.h"

#include <stdbool.h>

#define LK_PACK_FILE_CEILING ((size_t)512 << 20) /* one file of a pack; iResNet-100 is 261 MB */
#define LK_PACK_CURVES "calibration.json"
#define LK_PACK_JSON_CEILING ((size_t)256 << 10)
#define LK_PACK_MAX_FILES 64
#define LK_PACK_MAX_NETWORKS 16

typedef enum lk_pack_role {
    LK_ROLE_DETECTOR,
    LK_ROLE_LANDMARKS,
    LK_ROLE_DESCRIPTOR,
    LK_ROLE_LIVENESS,
    LK_ROLE_MESH
} lk_pack_role;

typedef enum lk_pack_kind {
    LK_KIND_YUNET,         /* "yunet", detector, onnx */
    LK_KIND_SSD_MOBILENET, /* "ssd-mobilenet", detector, tfjs */
    LK_KIND_LANDMARKS68,   /* "landmarks68", landmarks, tfjs */
    LK_KIND_SHAPE5,        /* "shape-predictor-5", landmarks, dlib */
    LK_KIND_SHAPE68,       /* "shape-predictor-68", landmarks, dlib */
    LK_KIND_DLIB_RESNET,   /* "dlib-resnet", descriptor, tfjs or dlib */
    LK_KIND_REID,          /* "reid-retail-0095", descriptor, values */
    LK_KIND_MOBILEFACENET, /* "mobilefacenet", descriptor, values */
    LK_KIND_MINIFAS_V2,    /* "minifasnet-v2", liveness, values */
    LK_KIND_MINIFAS_V1SE,  /* "minifasnet-v1se", liveness, values */
    LK_KIND_FACE_MESH,     /* "face-mesh", mesh, tfjs */
    LK_KIND_EMBEDDING      /* "embedding", descriptor, onnx */
} lk_pack_kind;

/* LK_FORMAT_VALUES: numbers at places that the kind knows, in a file that says nothing of them. */
typedef enum lk_pack_format { LK_FORMAT_TFJS, LK_FORMAT_ONNX, LK_FORMAT_DLIB, LK_FORMAT_VALUES } lk_pack_format;

typedef struct lk_pack_file {
    const char *name;   /* no folder in it: [A-Za-z0-9._-], not starting with '.' */
    size_t size;        /* 0: not stated */
    const char *sha256; /* 64 lower-case hex digits; NULL: not stated */
} lk_pack_file;

typedef struct lk_pack_network {
    lk_pack_role role;
    lk_pack_kind kind;
    lk_pack_format format;
    const char *files[2]; /* tfjs: manifest, binary; others: one file and NULL */
} lk_pack_network;

/* What may cap a score: at `weak` a face is just weak, below it in proportion but never less than `least`, at `full`
 * and more there is nothing against it. */
typedef struct lk_pack_limit {
    float weak, full, least;
} lk_pack_limit;

/* A face of that score meets so many times the strangers that its class does. */
typedef struct lk_pack_excess {
    float score, times;
} lk_pack_excess;

/* Poor faces look alike to a network: their descriptors gather about a few places, whoever they are of. How near to one
 * of those a descriptor lies tells how many strangers it will be taken for, and is what a face's score
 * (liken_quality.score) comes from. Among each other weak faces have a curve of their own, which keeps them further
 * apart. Measured for the very weights of a pack that liken knows. */
typedef struct lk_pack_classes {
    float floor;        /* a face with less is refused; */
    float large_floor;  /* so is one of size.full and more with less than this: nothing excuses it */
    float good;         /* more than both; one with less is weak */
    const float *poor;  /* the places: poor_count unit vectors of the pack's dimension, one behind another */
    int poor_count;     /* at least 1 */
    float apart, among; /* the cosine to the nearest place, from which on it is a fault, and at which nothing is left */
    const float *drawn; /* a unit vector: where drawn faces lie, of people and of animals; NULL: not known */
    float drawn_from;   /* the cosine to it from which on a face of size.full and more is not a person's */
    lk_pack_limit size, brightness, sharpness, norm,
        confidence;                   /* norm: length of the descriptor; confidence: yunet's */
    lk_pack_limit grain;              /* of 1 - sharpness, which noise takes away; full 0: no matter */
    lk_pack_limit shown;              /* the share of the face where there is something to see; full 0: no matter */
    lk_pack_excess excess[16];        /* by rising score; of two faces of one class */
    int excess_count;                 /* at least 1 */
    lk_calibration mixed[2], weak[2]; /* for each liken_metric: a weak face and a good one; two weak ones */
} lk_pack_classes;

typedef struct lk_pack_descriptor {
    int dimension;  /* 0: the pack describes nothing */
    int chip;       /* side of the aligned chip in pixels */
    double padding; /* around the mean shape, as a share of the chip */
    int alignment;  /* points the chip is aligned by: 68, or 5 */
    bool mirror;    /* the mean of four: two cuts of the face, and both mirrored (describe.h) */
    bool legacy;    /* cut and coloured as the legacy system did (face/legacy.h); of the built-in table only */
    double mean[3]; /* R, G, B; input = (pixel - mean) * scale */
    double scale;
    double scales[3]; /* R, G, B, of LK_KIND_EMBEDDING; of others `scale` thrice, or nothing in the built-in table */
    bool blue_first, normalise; /* of LK_KIND_EMBEDDING */
    bool one_metric;            /* compared by `metric` alone */
    liken_metric metric;
    bool placed;                   /* the chip is cut so that the five points lie at `places`; padding is not read */
    liken_point places[5];         /* shares of the chip's side, in the order of liken_face.landmarks */
    lk_calibration normalized, l2; /* one for each liken_metric; count 0: it has none */
} lk_pack_descriptor;

typedef struct lk_pack {
    const char *name, *version, *licence, *source;
    const lk_pack_file *files;
    size_t file_count;
    const lk_pack_file *samples; /* in <path>/samples/ */
    size_t sample_count;
    const lk_pack_network *networks;
    size_t network_count;
    lk_pack_descriptor descriptor;
    const char *path; /* the pack's folder; NULL in the built-in table */
    lk_arena arena;   /* owns all of the above, but in the built-in table */
} lk_pack;

/* The models folder: `given`, else $LIKEN_MODELS, else $XDG_DATA_HOME/liken/models, else ~/.local/share/liken/models.
 * *out is freed with free(). LIKEN_E_ARG when none of them is set. */
int lk_models_folder(const char *given, char **out, liken_error *err);

/* Reads and checks <folder>/<name>/pack.json (or its lender's) and, of a pack that is not known, its calibration.json;
 * opens no other file. `folder` as in
 * lk_models_folder's answer.
 * LIKEN_E_ARG (`name` is not one), LIKEN_E_NOT_FOUND (no such folder or no pack.json; the sentence names the command
 * that installs it), LIKEN_E_MODEL (malformed, or its name is not the folder's). */
int lk_pack_open(lk_pack **out, const char *folder, const char *name, liken_error *err);
void lk_pack_free(lk_pack *pack);

/* The checks of lk_pack_open on pack.json's bytes; the pack has no path. */
int lk_pack_parse(lk_pack **out, const char *json, size_t size, liken_error *err);

/* The text of pack.json (numbers to nine digits); parsing it gives the same pack. *out is freed with free(). */
int lk_pack_write(const lk_pack *pack, char **out, size_t *size, liken_error *err);

/* The same for calibration.json: replaces the curves of the pack, or fails and leaves them. */
int lk_pack_read_curves(lk_pack *pack, const char *json, size_t size, liken_error *err);
int lk_pack_write_curves(const lk_pack *pack, char **out, size_t *size, liken_error *err);

/* The first network of that role; NULL when there is none. */
const lk_pack_network *lk_pack_role_network(const lk_pack *pack, lk_pack_role role);
/* The network of that kind; NULL when there is none. */
const lk_pack_network *lk_pack_kind_network(const lk_pack *pack, lk_pack_kind kind);

/* One file named in pack->files, whole, its size and sha256 checked against pack.json. *out is freed with free().
 * LIKEN_E_MODEL (missing, of another size, or damaged; the sentence names the command that mends it), LIKEN_E_IO. */
int lk_pack_read(const lk_pack *pack, const char *file, char **out, size_t *size, liken_error *err);

/* The sha256 that pack.json states of such a file; NULL: none. */
const char *lk_pack_sum(const lk_pack *pack, const char *file);

/* Every file and sample against its sha256, as lk_pack_read. */
int lk_pack_verify(const lk_pack *pack, liken_error *err);

/* ---- the pack that describes faces where nobody names one (choose.c) ---- */

#define LK_PACK_AUTO "auto" /* asked for by this name, or by none */

typedef struct lk_pack_choice {
    const char *name; /* these two live as long as the program */
    const char *why;  /* a sentence: what was chosen, what would be better, and how to have that */
    bool best;        /* nothing that liken knows is better */
} lk_pack_choice;

bool lk_pack_is_auto(const char *asked);
/* The best of the packs in `folder` that describe faces (one that is there and damaged counts). NOT_FOUND: there is
 * none; the sentence names the command that installs them. */
int lk_pack_choose(lk_pack_choice *out, const char *folder, liken_error *err);
/* What lk_pack_choose takes where everything is installed. */
const char *lk_pack_best(void);

/* May this be the name of a pack (and of its folder)? 1-64 of [A-Za-z0-9._-], not starting with '.'. */
bool lk_pack_name_ok(const char *name);

/* ---- the built-in table (known.c) ---- */

/* Where a known pack comes from when no mirror has it. */
typedef enum lk_pack_from { LK_FROM_NPM, LK_FROM_PIP, LK_FROM_ADDRESS } lk_pack_from;

typedef struct lk_known_pack {
    lk_pack pack;
    const char *lender; /* the known pack whose files it reads, in whose folder, or NULL: a treatment, not weights */
    const lk_pack_classes *classes;          /* NULL: it has none, and every face is good */
    const lk_expectation_model *expectation; /* of normalized distances; NULL: it was not measured */
    lk_pack_from from;
    const char *package;        /* npm, pip: the package's name; its version is the pack's */
    const char *pin;            /* npm: the lock file's integrity; pip: sha256 of the archive */
    const char *addresses[3];   /* LK_FROM_ADDRESS: what goes before an origin, each asked when those before it failed;
                                   NULL behind the last */
    const char *root;           /* npm, pip: the folder inside the archive */
    const char *const *origins; /* of each file, then of each sample: its path below that folder or address */
} lk_known_pack;

/* NULL when `name` is not a known pack. */
const lk_known_pack *lk_known_find(const char *name);
extern const lk_pack_classes lk_classes_reid; /* classes.c */
/* The classes of a pack that was opened: those of the known pack of its name, version and dimension; NULL: none. */
const lk_pack_classes *lk_known_classes(const lk_pack *pack);
/* The same of the model by which a face's own expectation is told. */
const lk_expectation_model *lk_known_expectation(const lk_pack *pack);
/* All known packs, *count of them. */
const lk_known_pack *lk_known_all(size_t *count);

#endif
