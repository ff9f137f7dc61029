/* json_write.c - lk_pack to pack.json. A function that gives a json_t gives NULL when out of memory; jansson passes
 * NULL on, so only the end is checked. */
#include "packs/json_int.h"

#include "base/words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
        json_t *stated = files[i].size > 0 ? json_integer((json_int_t)files[i].size) : NULL;
        json_t *item = json_pack("{s:s, s:o*, s:s*}", "name", files[i].name, "size", stated, "sha256", files[i].sha256);
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
        json_t *item = json_pack("{s:s, s:s, s:s, s:[s, s*]}", "role", lk_pack_role_names[n->role], "kind",
                                 lk_pack_kinds[n->kind].name, "format", lk_pack_format_names[n->format], "files",
                                 n->files[0], n->files[1]);
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

/* Of the metrics that have a curve. */
static json_t *write_curves(const lk_pack_descriptor *d) {
    static const char *const names[] = {LK_METRIC_WORDS(LK_AND)};
    const lk_calibration *const curves[] = {&d->normalized, &d->l2};
    json_t *out = json_object();
    for (size_t i = 0; i < LK_LENGTH(names) && out != NULL; i++)
        if (curves[i]->count > 0 && json_object_set_new(out, names[i], write_calibration(curves[i])) != 0) {
            json_decref(out);
            return NULL;
        }
    return out;
}

static json_t *write_scale(const lk_pack_descriptor *d) {
    const double *s = d->scales;
    return s[0] == s[1] && s[0] == s[2] ? json_real(d->scale) : json_pack("[f, f, f]", s[0], s[1], s[2]);
}

static json_t *write_descriptor(const lk_pack_descriptor *d) {
    static const char *const metrics[] = {LK_METRIC_WORDS(LK_AND)};
    json_t *out = json_pack("{s:i, s:i, s:f, s:i, s:b, s:[f, f, f], s:o}", "dimension", d->dimension, "chip", d->chip,
                            "padding", d->padding, "alignment", d->alignment, "mirror", (int)d->mirror, "mean",
                            d->mean[0], d->mean[1], d->mean[2], "scale", write_scale(d));
    int failed = out == NULL;
    if (!failed && (d->normalized.count > 0 || d->l2.count > 0))
        failed = json_object_set_new(out, "calibration", write_curves(d));
    if (!failed && d->placed)
        failed = json_object_set_new(out, "places", write_places(d));
    if (!failed && d->blue_first)
        failed = json_object_set_new(out, "channels", json_string("bgr"));
    if (!failed && d->normalise)
        failed = json_object_set_new(out, "normalise", json_true());
    if (!failed && d->one_metric)
        failed = json_object_set_new(out, "metric", json_string(metrics[d->metric]));
    if (failed) {
        json_decref(out);
        return NULL;
    }
    return out;
}

/* Takes `root`. */
static int write_text(json_t *root, char **out, size_t *size, liken_error *err) {
    char *text = root == NULL ? NULL : json_dumps(root, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
    json_decref(root);
    if (text == NULL)
        return lk_fail_memory(err);
    *out = text;
    *size = strlen(text);
    return LIKEN_OK;
}

int lk_pack_write_curves(const lk_pack *pack, char **out, size_t *size, liken_error *err) {
    return write_text(write_curves(&pack->descriptor), out, size, err);
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
    if (failed) {
        json_decref(root);
        root = NULL;
    }
    return write_text(root, out, size, err);
}
