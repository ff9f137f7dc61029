/* json.c - pack.json to lk_pack and back.
 *
 * The text may be anybody's, so every key is looked at: an unknown one, a wrong type, a number out of range or a name
 * that could leave the folder is refused with a sentence that names it. Everything a lk_pack points to is in its arena.
 */
#include "packs/pack.h"

#include "base/limits.h"
#include "base/words.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct kind_row {
    const char *name;
    lk_pack_role role;
    unsigned formats; /* bit per lk_pack_format */
} kind_row;

static const char *const role_names[] = {"detector", "landmarks", "descriptor", "liveness", "mesh"};
static const char *const format_names[] = {"tfjs", "onnx", "dlib", "values"};
static const kind_row kinds[] = {
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
};

/* ---- reading: one object of the text, with the words for a complaint about it ---- */

typedef struct node {
    const json_t *json;
    const char *where; /* "networks[2]" */
    lk_arena *arena;
    liken_error *err;
} node;

static int wrong(const node *n, const char *key, const char *what) {
    return lk_fail(n->err, LIKEN_E_MODEL, "pack.json: %s%s%s %s.", n->where, *n->where && *key ? "." : "", key, what);
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
    if (rc == LIKEN_OK)
        rc = get_integer(n, "size", 1, (long long)LK_PACK_FILE_CEILING, &size);
    if (rc == LIKEN_OK)
        rc = get_string(n, "sha256", 64, &file->sha256);
    if (rc != LIKEN_OK)
        return rc;
    file->size = (size_t)size;
    if (strcmp(file->name, "pack.json") == 0)
        return wrong(n, "name", "cannot be pack.json itself");
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
        const node item = {json_array_get(array, i), where, top->arena, top->err};
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
    const char *names[LK_LENGTH(kinds)];
    for (size_t i = 0; i < LK_LENGTH(kinds); i++)
        names[i] = kinds[i].name;
    size_t role = 0, kind = 0, format = 0;
    int rc = get_choice(n, "role", role_names, LK_LENGTH(role_names), &role);
    if (rc == LIKEN_OK)
        rc = get_choice(n, "kind", names, LK_LENGTH(names), &kind);
    if (rc == LIKEN_OK)
        rc = get_choice(n, "format", format_names, LK_LENGTH(format_names), &format);
    if (rc != LIKEN_OK)
        return rc;
    if (kinds[kind].role != role)
        return wrong(n, "role", "does not fit its kind");
    if ((kinds[kind].formats >> format & 1u) == 0)
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
        const node item = {json_array_get(array, i), where, top->arena, top->err};
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
    const node n = {json_object_get(above->json, key), where, above->arena, above->err};
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
        const node item = {json_array_get(points, (size_t)i), at, above->arena, above->err};
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

/* [[x, y], ...], five of them; without it the chip is cut by a mean face and `padding`. */
static int parse_places(const node *n, lk_pack_descriptor *d) {
    const json_t *array = NULL;
    if (json_object_get(n->json, "places") == NULL)
        return LIKEN_OK;
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
    d->placed = true;
    return rc;
}

static int parse_calibrations(const node *above, lk_pack_descriptor *d) {
    static const char *const keys[] = {LK_METRIC_WORDS(LK_AND)};
    const node n = {json_object_get(above->json, "calibration"), "descriptor.calibration", above->arena, above->err};
    int rc = n.json == NULL ? wrong(above, "calibration", "is missing") : expect_object(&n, keys, LK_LENGTH(keys));
    if (rc == LIKEN_OK)
        rc = parse_calibration(&n, "normalized", "descriptor.calibration.normalized", &d->normalized);
    if (rc == LIKEN_OK)
        rc = parse_calibration(&n, "l2", "descriptor.calibration.l2", &d->l2);
    return rc;
}

static int parse_descriptor(const node *top, lk_pack_descriptor *d) {
    static const char *const keys[] = {"dimension", "chip",  "padding", "alignment",  "mirror",
                                       "mean",      "scale", "places",  "calibration"};
    const node n = {json_object_get(top->json, "descriptor"), "descriptor", top->arena, top->err};
    long long dimension = 0, chip = 0, alignment = 0;
    int rc = expect_object(&n, keys, LK_LENGTH(keys));
    if (rc == LIKEN_OK)
        rc = get_integer(&n, "dimension", 1, LK_DIMENSION_MAX, &dimension);
    if (rc == LIKEN_OK)
        rc = get_integer(&n, "chip", 16, 1024, &chip);
    if (rc == LIKEN_OK)
        rc = get_number(&n, "padding", 0, 4, &d->padding);
    if (rc == LIKEN_OK)
        rc = get_integer(&n, "alignment", 5, 68, &alignment);
    if (rc == LIKEN_OK)
        rc = parse_mean(&n, d->mean);
    if (rc == LIKEN_OK)
        rc = get_number(&n, "scale", 1e-6, 1e3, &d->scale);
    if (rc == LIKEN_OK)
        rc = parse_places(&n, d);
    if (rc == LIKEN_OK)
        rc = parse_calibrations(&n, d);
    if (rc != LIKEN_OK)
        return rc;
    const json_t *mirror = json_object_get(n.json, "mirror");
    if (!json_is_boolean(mirror))
        return wrong(&n, "mirror", mirror == NULL ? "is missing" : "is not true or false");
    if (alignment != 5 && alignment != 68)
        return wrong(&n, "alignment", "is neither 5 nor 68");
    if (d->placed && alignment != 5)
        return wrong(&n, "places", "is there, and alignment is not 5");
    d->mirror = json_is_true(mirror);
    if (d->placed && d->mirror)
        return wrong(&n, "mirror", "is true, and a chip cut by places has no second cut");
    d->dimension = (int)dimension;
    d->chip = (int)chip;
    d->alignment = (int)alignment;
    return LIKEN_OK;
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
        rc = parse_descriptor(top, &pack->descriptor);
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
        const node top = {root, "", &pack->arena, err};
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

/* ---- writing: NULL when out of memory; jansson passes NULL on, so only the end is checked ---- */

/* The shortest decimal that is this float again. */
static json_t *write_float(float value) {
    char text[32];
    (void)snprintf(text, sizeof text, "%.7g", (double)value);
    if (strtof(text, NULL) != value)
        (void)snprintf(text, sizeof text, "%.9g", (double)value);
    return json_real(strtod(text, NULL));
}

static json_t *write_files(const lk_pack_file *files, size_t count) {
    json_t *array = json_array();
    for (size_t i = 0; i < count && array != NULL; i++) {
        json_t *item = json_pack("{s:s, s:I, s:s}", "name", files[i].name, "size", (json_int_t)files[i].size, "sha256",
                                 files[i].sha256);
        if (json_array_append_new(array, item) != 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

static json_t *write_networks(const lk_pack *pack) {
    json_t *array = json_array();
    for (size_t i = 0; i < pack->network_count && array != NULL; i++) {
        const lk_pack_network *n = &pack->networks[i];
        json_t *item = json_pack("{s:s, s:s, s:s, s:[s, s*]}", "role", role_names[n->role], "kind", kinds[n->kind].name,
                                 "format", format_names[n->format], "files", n->files[0], n->files[1]);
        if (json_array_append_new(array, item) != 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

static json_t *write_calibration(const lk_calibration *c) {
    json_t *points = json_array();
    for (int i = 0; i < c->count && points != NULL; i++) {
        const lk_calibration_point *p = &c->points[i];
        json_t *item = json_pack("{s:o, s:f, s:f}", "distance", write_float(p->distance), "fmr", p->fmr, "tmr", p->tmr);
        if (json_array_append_new(points, item) != 0) {
            json_decref(points);
            return NULL;
        }
    }
    return json_pack("{s:o, s:o}", "threshold", write_float(c->threshold), "points", points);
}

static json_t *write_places(const lk_pack_descriptor *d) {
    json_t *array = json_array();
    for (size_t i = 0; i < 5 && array != NULL; i++) {
        json_t *point = json_pack("[o, o]", write_float(d->places[i].x), write_float(d->places[i].y));
        if (json_array_append_new(array, point) != 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

static json_t *write_descriptor(const lk_pack_descriptor *d) {
    json_t *out = json_pack("{s:i, s:i, s:f, s:i, s:b, s:[f, f, f], s:f, s:{s:o, s:o}}", "dimension", d->dimension,
                            "chip", d->chip, "padding", d->padding, "alignment", d->alignment, "mirror", (int)d->mirror,
                            "mean", d->mean[0], d->mean[1], d->mean[2], "scale", d->scale, "calibration", "normalized",
                            write_calibration(&d->normalized), "l2", write_calibration(&d->l2));
    if (out != NULL && d->placed && json_object_set_new(out, "places", write_places(d)) != 0) {
        json_decref(out);
        return NULL;
    }
    return out;
}

int lk_pack_write(const lk_pack *pack, char **out, size_t *size, liken_error *err) {
    json_t *root = json_pack("{s:s, s:s, s:s, s:s, s:o, s:o}", "name", pack->name, "version", pack->version, "licence",
                             pack->licence, "source", pack->source, "files", write_files(pack->files, pack->file_count),
                             "networks", write_networks(pack));
    int failed = root == NULL;
    if (!failed && pack->sample_count > 0)
        failed = json_object_set_new(root, "samples", write_files(pack->samples, pack->sample_count));
    if (!failed && pack->descriptor.dimension > 0)
        failed = json_object_set_new(root, "descriptor", write_descriptor(&pack->descriptor));
    char *text = failed ? NULL : json_dumps(root, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
    json_decref(root);
    if (text == NULL)
        return lk_fail_memory(err);
    *out = text;
    *size = strlen(text);
    return LIKEN_OK;
}
