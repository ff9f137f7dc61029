/* json.c - pack.json to lk_pack (json_write.c: and back).
 *
 * The text may be anybody's, so every key is looked at: an unknown one, a wrong type, a number out of range or a name
 * that could leave the folder is refused with a sentence that names it. Everything a lk_pack points to is in its arena.
 */
#include "packs/json_int.h"

#include "base/limits.h"
#include "base/words.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const lk_pack_role_names[LK_PACK_ROLES] = {"detector", "landmarks", "descriptor", "liveness", "mesh"};
const char *const lk_pack_format_names[LK_PACK_FORMATS] = {"tfjs", "onnx", "dlib", "values"};
const lk_pack_kind_row lk_pack_kinds[LK_PACK_KINDS] = {
    [LK_KIND_YUNET] = {"yunet", LK_ROLE_DETECTOR, 1u << LK_FORMAT_ONNX},
    [LK_KIND_SSD_MOBILENET] = {"ssd-mobilenet", LK_ROLE_DETECTOR, 1u << LK_FORMAT_TFJS},
    [LK_KIND_LANDMARKS68] = {"landmarks68", LK_ROLE_LANDMARKS, 1u << LK_FORMAT_TFJS},
    [LK_KIND_SHAPE5] = {"shape-predictor-5", LK_ROLE_LANDMARKS, 1u << LK_FORMAT_DLIB},
    [LK_KIND_SHAPE68] = {"shape-predictor-68", LK_ROLE_LANDMARKS, 1u << LK_FORMAT_DLIB},
    [LK_KIND_DLIB_RESNET] = {"dlib-resnet", LK_ROLE_DESCRIPTOR, 1u << LK_FORMAT_TFJS | 1u << LK_FORMAT_DLIB},
    [LK_KIND_REID] = {"reid-retail-0095", LK_ROLE_DESCRIPTOR, 1u << LK_FORMAT_VALUES},
    [LK_KIND_MOBILEFACENET] = {"mobilefacenet", LK_ROLE_DESCRIPTOR, 1u << LK_FORMAT_VALUES},
    [LK_KIND_MINIFAS_V2] = {"minifasnet-v2", LK_ROLE_LIVENESS, 1u << LK_FORMAT_VALUES},
    [LK_KIND_MINIFAS_V1SE] = {"minifasnet-v1se", LK_ROLE_LIVENESS, 1u << LK_FORMAT_VALUES},
    [LK_KIND_FACE_MESH] = {"face-mesh", LK_ROLE_MESH, 1u << LK_FORMAT_TFJS},
    [LK_KIND_EMBEDDING] = {"embedding", LK_ROLE_DESCRIPTOR, 1u << LK_FORMAT_ONNX},
};

/* ---- reading: one object of the text, with the words for a complaint about it ---- */

typedef struct node {
    const json_t *json;
    const char *where; /* "networks[2]" */
    lk_arena *arena;
    liken_error *err;
    const char *file; /* NULL: pack.json */
} node;

static int wrong(const node *n, const char *key, const char *what) {
    return lk_fail(n->err, LIKEN_E_MODEL, "%s: %s%s%s %s.", n->file == NULL ? "pack.json" : n->file, n->where,
                   *n->where && *key ? "." : "", key, what);
}

/* An object with no other keys than those. */
static int expect_object(const node *n, const char *const *keys, size_t count) {
    if (!json_is_object(n->json))
        return wrong(n, "", *n->where ? "is not an object" : "the text is not an object");
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)n->json, key, value) {
        size_t i = 0;
        while (i < count && strcmp(key, keys[i]) != 0)
            i++;
        if (i == count) {
            char shown[48];
            (void)snprintf(shown, sizeof shown, "%s", key);
            return wrong(n, shown, "is not a key that liken knows");
        }
    }
    return LIKEN_OK;
}

static int get_string(const node *n, const char *key, size_t longest, const char **out) {
    const json_t *value = json_object_get(n->json, key);
    if (!json_is_string(value))
        return wrong(n, key, value == NULL ? "is missing" : "is not a string");
    const char *text = json_string_value(value);
    const size_t size = json_string_length(value);
    if (size == 0 || size > longest)
        return wrong(n, key, size == 0 ? "is empty" : "is too long");
    for (size_t i = 0; i < size; i++)
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
            return wrong(n, key, "has control characters");
    *out = lk_arena_string(n->arena, text);
    return *out == NULL ? lk_fail_memory(n->err) : LIKEN_OK;
}

static int get_integer(const node *n, const char *key, long long least, long long most, long long *out) {
    const json_t *value = json_object_get(n->json, key);
    if (!json_is_integer(value))
        return wrong(n, key, value == NULL ? "is missing" : "is not an integer");
    const long long number = json_integer_value(value);
    if (number < least || number > most)
        return wrong(n, key, "is out of range");
    *out = number;
    return LIKEN_OK;
}

static int number_of(const node *n, const char *key, const json_t *value, double least, double most, double *out) {
    if (!json_is_number(value))
        return wrong(n, key, value == NULL ? "is missing" : "is not a number");
    char digits[32]; /* nine, as they are written, so that reading what was written gives the same */
    (void)snprintf(digits, sizeof digits, "%.9g", json_number_value(value));
    const double number = strtod(digits, NULL);
    if (!(number >= least && number <= most))
        return wrong(n, key, "is out of range");
    *out = number;
    return LIKEN_OK;
}

static int get_number(const node *n, const char *key, double least, double most, double *out) {
    return number_of(n, key, json_object_get(n->json, key), least, most, out);
}

static int get_array(const node *n, const char *key, size_t least, size_t most, const json_t **out) {
    const json_t *value = json_object_get(n->json, key);
    if (!json_is_array(value))
        return wrong(n, key, value == NULL ? "is missing" : "is not an array");
    if (json_array_size(value) < least || json_array_size(value) > most)
        return wrong(n, key, json_array_size(value) < least ? "has too few entries" : "has too many entries");
    *out = value;
    return LIKEN_OK;
}

static int get_name(const node *n, const char *key, const char **out) {
    const int rc = get_string(n, key, 64, out);
    return rc != LIKEN_OK || lk_pack_name_ok(*out) ? rc : wrong(n, key, "is not a name of A-Z a-z 0-9 . _ -");
}

/* ---- files ---- */

static int parse_file(const node *n, lk_pack_file *file) {
    static const char *const keys[] = {"name", "size", "sha256"};
    long long size = 0;
    int rc = expect_object(n, keys, LK_LENGTH(keys));
    if (rc == LIKEN_OK)
        rc = get_name(n, "name", &file->name);
    if (rc == LIKEN_OK && json_object_get(n->json, "size") != NULL)
        rc = get_integer(n, "size", 1, (long long)LK_PACK_FILE_CEILING, &size);
    if (rc == LIKEN_OK && json_object_get(n->json, "sha256") != NULL)
        rc = get_string(n, "sha256", 64, &file->sha256);
    if (rc != LIKEN_OK)
        return rc;
    file->size = (size_t)size;
    if (strcmp(file->name, "pack.json") == 0 || strcmp(file->name, LK_PACK_CURVES) == 0)
        return wrong(n, "name", "cannot be pack.json itself, nor " LK_PACK_CURVES);
    if (file->sha256 == NULL)
        return LIKEN_OK;
    return strspn(file->sha256, "0123456789abcdef") == 64 ? LIKEN_OK
                                                          : wrong(n, "sha256", "is not 64 lower-case hex digits");
}

static int parse_files(const node *top, const char *key, size_t least, const lk_pack_file **out, size_t *count) {
    const json_t *array = NULL;
    int rc = get_array(top, key, least, LK_PACK_MAX_FILES, &array);
    if (rc != LIKEN_OK)
        return rc;
    const size_t n = json_array_size(array);
    lk_pack_file *files = lk_arena_alloc(top->arena, (n + 1) * sizeof *files);
    if (files == NULL)
        return lk_fail_memory(top->err);
    for (size_t i = 0; i < n && rc == LIKEN_OK; i++) {
        char where[32];
        (void)snprintf(where, sizeof where, "%s[%zu]", key, i);
        const node item = {json_array_get(array, i), where, top->arena, top->err, top->file};
        rc = parse_file(&item, &files[i]);
        for (size_t j = 0; j < i && rc == LIKEN_OK; j++)
            if (strcmp(files[j].name, files[i].name) == 0)
                rc = wrong(&item, "name", "is named twice");
    }
    *out = files;
    *count = n;
    return rc;
}

/* ---- networks ---- */

static int get_choice(const node *n, const char *key, const char *const *names, size_t count, size_t *out) {
    const char *text = NULL;
    const int rc = get_string(n, key, 64, &text);
    if (rc != LIKEN_OK)
        return rc;
    for (size_t i = 0; i < count; i++)
        if (strcmp(text, names[i]) == 0) {
            *out = i;
            return LIKEN_OK;
        }
    return wrong(n, key, "is not one that this liken knows");
}

static int get_kind(const node *n, lk_pack_network *network) {
    const char *names[LK_PACK_KINDS];
    for (size_t i = 0; i < LK_PACK_KINDS; i++)
        names[i] = lk_pack_kinds[i].name;
    size_t role = 0, kind = 0, format = 0;
    int rc = get_choice(n, "role", lk_pack_role_names, LK_PACK_ROLES, &role);
    if (rc == LIKEN_OK)
        rc = get_choice(n, "kind", names, LK_LENGTH(names), &kind);
    if (rc == LIKEN_OK)
        rc = get_choice(n, "format", lk_pack_format_names, LK_PACK_FORMATS, &format);
    if (rc != LIKEN_OK)
        return rc;
    if (lk_pack_kinds[kind].role != role)
        return wrong(n, "role", "does not fit its kind");
    if ((lk_pack_kinds[kind].formats >> format & 1u) == 0)
        return wrong(n, "format", "does not fit its kind");
    network->role = (lk_pack_role)role;
    network->kind = (lk_pack_kind)kind;
    network->format = (lk_pack_format)format;
    return LIKEN_OK;
}

static const lk_pack_file *find_file(const lk_pack *pack, const char *name) {
    for (size_t i = 0; i < pack->file_count; i++)
        if (strcmp(pack->files[i].name, name) == 0)
            return &pack->files[i];
    return NULL;
}

static int parse_network(const node *n, const lk_pack *pack, lk_pack_network *network) {
    static const char *const keys[] = {"role", "kind", "format", "files"};
    const json_t *files = NULL;
    int rc = expect_object(n, keys, LK_LENGTH(keys));
    if (rc == LIKEN_OK)
        rc = get_kind(n, network);
    const size_t count = network->format == LK_FORMAT_TFJS ? 2 : 1;
    if (rc == LIKEN_OK)
        rc = get_array(n, "files", count, count, &files);
    for (size_t i = 0; i < count && rc == LIKEN_OK; i++) {
        const char *name = json_string_value(json_array_get(files, i));
        const lk_pack_file *file = name == NULL ? NULL : find_file(pack, name);
        if (file == NULL)
            return wrong(n, "files", "names one that is not in the pack's files");
        network->files[i] = file->name;
    }
    return rc;
}

static int parse_networks(const node *top, lk_pack *pack) {
    const json_t *array = NULL;
    int rc = get_array(top, "networks", 1, LK_PACK_MAX_NETWORKS, &array);
    if (rc != LIKEN_OK)
        return rc;
    const size_t n = json_array_size(array);
    lk_pack_network *networks = lk_arena_alloc(top->arena, n * sizeof *networks);
    if (networks == NULL)
        return lk_fail_memory(top->err);
    for (size_t i = 0; i < n && rc == LIKEN_OK; i++) {
        char where[32];
        (void)snprintf(where, sizeof where, "networks[%zu]", i);
        const node item = {json_array_get(array, i), where, top->arena, top->err, top->file};
        rc = parse_network(&item, pack, &networks[i]);
        for (size_t j = 0; j < i && rc == LIKEN_OK; j++)
            if (networks[j].kind == networks[i].kind)
                rc = wrong(&item, "kind", "is there twice");
    }
    pack->networks = networks;
    pack->network_count = n;
    return rc;
}

/* ---- the descriptor and what its distances mean ---- */

static int parse_point(const node *n, const lk_calibration_point *before, lk_calibration_point *point) {
    static const char *const keys[] = {"distance", "fmr", "tmr"};
    double distance = 0;
    int rc = expect_object(n, keys, LK_LENGTH(keys));
    if (rc == LIKEN_OK)
        rc = get_number(n, "distance", 1e-6, 1e6, &distance);
    if (rc == LIKEN_OK)
        rc = get_number(n, "fmr", 1e-12, 1, &point->fmr);
    if (rc == LIKEN_OK)
        rc = get_number(n, "tmr", 0, 1, &point->tmr);
    if (rc != LIKEN_OK)
        return rc;
    point->distance = (float)distance;
    if (before != NULL &&
        !(point->distance > before->distance && point->fmr > before->fmr && point->tmr >= before->tmr))
        return wrong(n, "", "does not rise above the point before it");
    return LIKEN_OK;
}

static int parse_calibration(const node *above, const char *key, const char *where, lk_calibration *c) {
    static const char *const keys[] = {"threshold", "points"};
    const node n = {json_object_get(above->json, key), where, above->arena, above->err, above->file};
    const json_t *points = NULL;
    double threshold = 0;
    int rc = n.json == NULL ? wrong(above, key, "is missing") : expect_object(&n, keys, LK_LENGTH(keys));
    if (rc == LIKEN_OK)
        rc = get_number(&n, "threshold", 1e-6, 1e6, &threshold);
    if (rc == LIKEN_OK)
        rc = get_array(&n, "points", 2, LK_LENGTH(c->points), &points);
    if (rc != LIKEN_OK)
        return rc;
    c->threshold = (float)threshold;
    c->count = (int)json_array_size(points);
    for (int i = 0; i < c->count && rc == LIKEN_OK; i++) {
        char at[96];
        (void)snprintf(at, sizeof at, "%s.points[%d]", where, i);
        const node item = {json_array_get(points, (size_t)i), at, above->arena, above->err, above->file};
        rc = parse_point(&item, i == 0 ? NULL : &c->points[i - 1], &c->points[i]);
    }
    return rc;
}

static int parse_mean(const node *n, double mean[3]) {
    const json_t *array = NULL;
    int rc = get_array(n, "mean", 3, 3, &array);
    for (size_t i = 0; i < 3 && rc == LIKEN_OK; i++)
        rc = number_of(n, "mean", json_array_get(array, i), 0, 255, &mean[i]);
    return rc;
}

/* One number, or one each for red, green and blue. */
static int parse_scale(const node *n, lk_pack_descriptor *d) {
    const json_t *value = json_object_get(n->json, "scale");
    int rc = LIKEN_OK;
    if (json_is_array(value) && json_array_size(value) != 3)
        return wrong(n, "scale", "is neither a number nor three");
    for (size_t i = 0; i < 3 && rc == LIKEN_OK; i++)
        rc = number_of(n, "scale", json_is_array(value) ? json_array_get(value, i) : value, 1e-6, 1e3, &d->scales[i]);
    d->scale = d->scales[0];
    return rc;
}

/* [[x, y], ...], five of them, or "arcface"; without it the chip is cut by a mean face and `padding`. */
static int parse_places(const node *n, lk_pack_descriptor *d) {
    static const liken_point arcface[5] = LK_ARCFACE_PLACES;
    const json_t *array = NULL;
    const json_t *places = json_object_get(n->json, "places");
    if (places == NULL)
        return LIKEN_OK;
    d->placed = true;
    if (json_is_string(places) && strcmp(json_string_value(places), "arcface") == 0) {
        memcpy(d->places, arcface, sizeof arcface);
        return LIKEN_OK;
    }
    int rc = get_array(n, "places", 5, 5, &array);
    for (size_t i = 0; i < 5 && rc == LIKEN_OK; i++) {
        const json_t *point = json_array_get(array, i);
        double at[2] = {0};
        if (json_array_size(point) != 2)
            return wrong(n, "places", "has a point that is not two numbers");
        for (size_t k = 0; k < 2 && rc == LIKEN_OK; k++)
            rc = number_of(n, "places", json_array_get(point, k), 0, 1, &at[k]);
        d->places[i] = (liken_point){(float)at[0], (float)at[1]};
    }
    return rc;
}

/* The curves of the metrics that the pack is compared by, out of an object. */
static int parse_curves(const node *n, const char *where, lk_pack_descriptor *d) {
    static const char *const keys[] = {LK_METRIC_WORDS(LK_AND)};
    lk_calibration *const curves[] = {&d->normalized, &d->l2};
    int rc = expect_object(n, keys, LK_LENGTH(keys));
    for (size_t i = 0; i < LK_LENGTH(keys) && rc == LIKEN_OK; i++) {
        char at[64];
        (void)snprintf(at, sizeof at, "%s%s%s", where, *where != '\0' ? "." : "", keys[i]);
        const bool other = d->one_metric && d->metric != (liken_metric)i;
        if (!other || json_object_get(n->json, keys[i]) != NULL)
            rc = parse_calibration(n, keys[i], at, curves[i]);
        if (other)
            curves[i]->count = 0;
    }
    return rc;
}

static int parse_calibrations(const node *above, lk_pack_descriptor *d, bool optional) {
    const node n = {json_object_get(above->json, "calibration"), "descriptor.calibration", above->arena, above->err,
                    above->file};
    if (n.json == NULL)
        return optional ? LIKEN_OK : wrong(above, "calibration", "is missing");
    return parse_curves(&n, n.where, d);
}

static int get_boolean(const node *n, const char *key, bool optional, bool *out) {
    const json_t *value = json_object_get(n->json, key);
    if (value == NULL && optional)
        return LIKEN_OK;
    if (!json_is_boolean(value))
        return wrong(n, key, value == NULL ? "is missing" : "is not true or false");
    *out = json_is_true(value);
    return LIKEN_OK;
}

/* How a chip is cut. With places that is said, and padding, alignment and mirror need not be. */
static int parse_cut(const node *n, lk_pack_descriptor *d) {
    long long dimension = 0, chip = 0, alignment = 5;
    int rc = get_integer(n, "dimension", 1, LK_DIMENSION_MAX, &dimension);
    if (rc == LIKEN_OK)
        rc = get_integer(n, "chip", 16, 1024, &chip);
    if (rc == LIKEN_OK)
        rc = parse_places(n, d);
    if (rc == LIKEN_OK && !(d->placed && json_object_get(n->json, "padding") == NULL))
        rc = get_number(n, "padding", 0, 4, &d->padding);
    if (rc == LIKEN_OK && !(d->placed && json_object_get(n->json, "alignment") == NULL))
        rc = get_integer(n, "alignment", 5, 68, &alignment);
    if (rc == LIKEN_OK)
        rc = get_boolean(n, "mirror", d->placed, &d->mirror);
    if (rc != LIKEN_OK)
        return rc;
    if (alignment != 5 && alignment != 68)
        return wrong(n, "alignment", "is neither 5 nor 68");
    if (d->placed && alignment != 5)
        return wrong(n, "places", "is there, and alignment is not 5");
    if (d->placed && d->mirror)
        return wrong(n, "mirror", "is true, and a chip cut by places has no second cut");
    d->dimension = (int)dimension;
    d->chip = (int)chip;
    d->alignment = (int)alignment;
    return LIKEN_OK;
}

/* What only a network of kind "embedding" may say. */
static int parse_own(const node *n, lk_pack_descriptor *d, bool own) {
    static const char *const orders[] = {"rgb", "bgr"}, *const metrics[] = {LK_METRIC_WORDS(LK_AND)};
    size_t order = 0, metric = 0;
    int rc = LIKEN_OK;
    for (size_t i = 0; i < 3; i++) {
        const char *key = ((const char *const[]){"channels", "normalise", "metric"})[i];
        if (!own && json_object_get(n->json, key) != NULL)
            return wrong(n, key, "is for a network of kind \"embedding\" only");
    }
    if (!own && (d->scales[1] != d->scale || d->scales[2] != d->scale))
        return wrong(n, "scale", "is three numbers, which is for a network of kind \"embedding\" only");
    if (json_object_get(n->json, "channels") != NULL)
        rc = get_choice(n, "channels", orders, LK_LENGTH(orders), &order);
    d->blue_first = order == 1;
    if (rc == LIKEN_OK)
        rc = get_boolean(n, "normalise", true, &d->normalise);
    d->one_metric = rc == LIKEN_OK && json_object_get(n->json, "metric") != NULL;
    if (d->one_metric)
        rc = get_choice(n, "metric", metrics, LK_LENGTH(metrics), &metric);
    d->metric = (liken_metric)metric;
    return rc;
}

static int parse_descriptor(const node *top, lk_pack_descriptor *d, bool own) {
    static const char *const keys[] = {"dimension", "chip",     "padding",   "alignment", "mirror", "mean",
                                       "scale",     "channels", "normalise", "metric",    "places", "calibration"};
    const node n = {json_object_get(top->json, "descriptor"), "descriptor", top->arena, top->err, top->file};
    int rc = expect_object(&n, keys, LK_LENGTH(keys));
    if (rc == LIKEN_OK)
        rc = parse_cut(&n, d);
    if (rc == LIKEN_OK)
        rc = parse_mean(&n, d->mean);
    if (rc == LIKEN_OK)
        rc = parse_scale(&n, d);
    if (rc == LIKEN_OK)
        rc = parse_own(&n, d, own);
    return rc == LIKEN_OK ? parse_calibrations(&n, d, own) : rc;
}

int lk_pack_read_curves(lk_pack *pack, const char *text, size_t size, liken_error *err) {
    json_error_t fault;
    lk_pack_descriptor d = pack->descriptor;
    json_t *root = json_loadb(text, size, JSON_REJECT_DUPLICATES, &fault);
    if (root == NULL)
        return lk_fail(err, LIKEN_E_MODEL, LK_PACK_CURVES " is not JSON: line %d: %s.", fault.line, fault.text);
    const node n = {root, "", &pack->arena, err, LK_PACK_CURVES};
    const int rc = parse_curves(&n, "", &d);
    json_decref(root);
    if (rc == LIKEN_OK)
        pack->descriptor = d;
    return rc;
}

/* ---- the whole ---- */

static int check_whole(const node *top, const lk_pack *pack) {
    const bool describes = lk_pack_role_network(pack, LK_ROLE_DESCRIPTOR) != NULL;
    if (describes != (pack->descriptor.dimension > 0))
        return wrong(top, "descriptor",
                     describes ? "is missing, and a network has that role" : "is there, and no network has that role");
    if (pack->descriptor.alignment == 68 && lk_pack_kind_network(pack, LK_KIND_LANDMARKS68) == NULL &&
        lk_pack_kind_network(pack, LK_KIND_SHAPE68) == NULL)
        return wrong(top, "descriptor.alignment", "is 68, and no network of the pack finds 68 points");
    if (strspn(pack->version, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._+-") !=
        strlen(pack->version))
        return wrong(top, "version", "has other characters than A-Z a-z 0-9 . _ + -");
    return LIKEN_OK;
}

static int parse_whole(const node *top, lk_pack *pack) {
    static const char *const keys[] = {"name",  "version", "licence",  "source",
                                       "files", "samples", "networks", "descriptor"};
    int rc = expect_object(top, keys, LK_LENGTH(keys));
    if (rc == LIKEN_OK)
        rc = get_name(top, "name", &pack->name);
    if (rc == LIKEN_OK)
        rc = get_string(top, "version", 32, &pack->version);
    if (rc == LIKEN_OK)
        rc = get_string(top, "licence", 200, &pack->licence);
    if (rc == LIKEN_OK)
        rc = get_string(top, "source", 200, &pack->source);
    if (rc == LIKEN_OK)
        rc = parse_files(top, "files", 1, &pack->files, &pack->file_count);
    if (rc == LIKEN_OK && json_object_get(top->json, "samples") != NULL)
        rc = parse_files(top, "samples", 0, &pack->samples, &pack->sample_count);
    if (rc == LIKEN_OK)
        rc = parse_networks(top, pack);
    if (rc == LIKEN_OK && json_object_get(top->json, "descriptor") != NULL)
        rc = parse_descriptor(top, &pack->descriptor, lk_pack_kind_network(pack, LK_KIND_EMBEDDING) != NULL);
    return rc == LIKEN_OK ? check_whole(top, pack) : rc;
}

int lk_pack_parse(lk_pack **out, const char *json, size_t size, liken_error *err) {
    if (size > LK_PACK_JSON_CEILING)
        return lk_fail(err, LIKEN_E_MODEL, "pack.json is larger than %zu bytes.", LK_PACK_JSON_CEILING);
    json_error_t fault;
    json_t *root = json_loadb(json, size, JSON_REJECT_DUPLICATES, &fault);
    if (root == NULL)
        return lk_fail(err, LIKEN_E_MODEL, "pack.json is not JSON: line %d: %s.", fault.line, fault.text);
    lk_pack *pack = calloc(1, sizeof *pack);
    int rc = pack == NULL ? lk_fail_memory(err) : LIKEN_OK;
    if (rc == LIKEN_OK) {
        const node top = {root, "", &pack->arena, err, NULL};
        rc = parse_whole(&top, pack);
    }
    json_decref(root);
    if (rc != LIKEN_OK) {
        lk_pack_free(pack);
        return rc;
    }
    *out = pack;
    return LIKEN_OK;
}
