/* json.c - everything that liken.h returns, as JSON. Keys come out in the order they are put in. */
#include "wire/json.h"

#include "base/clock.h"
#include "base/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- texts and numbers ---- */

/* A copy with U+FFFD for every byte that belongs to no sequence. */
static json_t *mended(const char *text) {
    char *copy = malloc(strlen(text) * 3 + 1);
    if (copy == NULL)
        return NULL;
    size_t n = 0;
    while (*text != '\0') {
        const size_t length = lk_utf8_sequence(text);
        memcpy(copy + n, length > 0 ? text : "\xef\xbf\xbd", length > 0 ? length : 3);
        n += length > 0 ? length : 3;
        text += length > 0 ? length : 1;
    }
    json_t *json = json_stringn(copy, n);
    free(copy);
    return json;
}

json_t *lk_json_text(const char *text) {
    if (text == NULL)
        return json_null();
    json_t *json = json_string(text); /* refuses what is not UTF-8 */
    return json != NULL ? json : mended(text);
}

json_t *lk_json_number(double value) {
    return isfinite(value) ? json_real(value) : json_null();
}

/* A float as the shortest decimal that means it: 0.6, not 0.600000024. */
static json_t *shortest(float value) {
    char text[32];
    double decimal = (double)value;
    for (int digits = 3; digits <= 9 && isfinite(value); digits++) {
        (void)snprintf(text, sizeof text, "%.*g", digits, (double)value);
        decimal = strtod(text, NULL);
        if (!((float)decimal < value) && !((float)decimal > value))
            break;
    }
    return lk_json_number(decimal);
}

json_t *lk_json_time(int64_t when) {
    char text[32];
    if (when == LIKEN_NO_TIME || when == 0)
        return json_null();
    lk_clock_format(when, text, sizeof text);
    return json_string(text);
}

char *lk_json_line(const json_t *json) {
    return json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY |
                                JSON_REAL_PRECISION(9)); /* nine digits tell any two floats apart */
}

/* ---- putting together: a NULL anywhere makes the whole NULL ---- */

static void put(json_t **object, const char *key, json_t *value) {
    if (json_object_set_new(*object, key, value) != 0) { /* which frees the value then, and accepts NULL for both */
        json_decref(*object);
        *object = NULL;
    }
}

static void push(json_t **array, json_t *value) {
    if (json_array_append_new(*array, value) != 0) {
        json_decref(*array);
        *array = NULL;
    }
}

/* ---- faces and images ---- */

static json_t *box(const liken_box *b) {
    json_t *o = json_object();
    put(&o, "x", lk_json_number((double)b->x));
    put(&o, "y", lk_json_number((double)b->y));
    put(&o, "width", lk_json_number((double)b->width));
    put(&o, "height", lk_json_number((double)b->height));
    return o;
}

static json_t *landmarks(const liken_point *points, size_t count) {
    json_t *a = json_array();
    for (size_t i = 0; i < count; i++) {
        json_t *o = json_object();
        put(&o, "x", lk_json_number((double)points[i].x));
        put(&o, "y", lk_json_number((double)points[i].y));
        push(&a, o);
    }
    return a;
}

static json_t *quality(const liken_quality *q) {
    json_t *o = json_object();
    put(&o, "size", lk_json_number((double)q->size));
    put(&o, "sharpness", lk_json_number((double)q->sharpness));
    put(&o, "brightness", lk_json_number((double)q->brightness));
    put(&o, "yaw", lk_json_number((double)q->yaw));
    put(&o, "pitch", lk_json_number((double)q->pitch));
    put(&o, "roll", lk_json_number((double)q->roll));
    put(&o, "score", lk_json_number((double)q->score));
    return o;
}

static json_t *floats(const float *values, size_t count) {
    json_t *a = json_array();
    for (size_t i = 0; i < count; i++)
        push(&a, lk_json_number((double)values[i]));
    return a;
}

json_t *lk_json_face(const liken_face *face) {
    json_t *o = json_object();
    if (face->id != 0)
        put(&o, "id", json_integer(face->id));
    put(&o, "box", box(&face->box));
    put(&o, "landmarks", landmarks(face->landmarks, sizeof face->landmarks / sizeof face->landmarks[0]));
    put(&o, "confidence", lk_json_number((double)face->confidence));
    put(&o, "quality", quality(&face->quality));
    if (face->reason == LIKEN_KEPT)
        put(&o, "weak", json_boolean(face->weak));
    if (face->reason != LIKEN_KEPT) {
        put(&o, "reason", json_string(liken_reason_code(face->reason)));
        put(&o, "advice", json_string(liken_reason_advice(face->reason)));
    }
    if (face->descriptor != NULL && face->dimension > 0)
        put(&o, "descriptor", floats(face->descriptor, (size_t)face->dimension));
    return o;
}

static json_t *faces(const liken_face *list, size_t count) {
    json_t *a = json_array();
    for (size_t i = 0; i < count; i++)
        push(&a, lk_json_face(&list[i]));
    return a;
}

static json_t *texts(char *const *list, size_t count) {
    json_t *a = json_array();
    for (size_t i = 0; i < count; i++)
        push(&a, lk_json_text(list[i]));
    return a;
}

static json_t *labels(const liken_image *image) {
    json_t *a = json_array();
    for (size_t i = 0; i < image->label_count; i++)
        push(&a, lk_json_text(image->labels[i].file));
    return a;
}

static json_t *pictures(const liken_image *image) {
    json_t *list = json_array();
    for (size_t i = 0; i < image->picture_count; i++) {
        const liken_picture *p = &image->pictures[i];
        json_t *o = json_object();
        put(&o, "kind", json_string(liken_keep_code(p->kind)));
        put(&o, "type", json_string(p->type));
        put(&o, "width", json_integer(p->width));
        put(&o, "height", json_integer(p->height));
        put(&o, "bytes", json_integer((json_int_t)p->size));
        json_array_append_new(list, o);
    }
    return list;
}

/* The store holds it as it was checked; what cannot be read all the same is as good as none. */
static json_t *metadata(const char *text) {
    json_t *json = text == NULL ? NULL : json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    return json == NULL ? json_null() : json;
}

json_t *lk_json_image(const liken_image *image) {
    const bool stored = image->id != 0;
    json_t *o = json_object();
    if (stored) {
        put(&o, "id", json_integer(image->id));
        put(&o, "collection", lk_json_text(image->collection));
        put(&o, "image_id", lk_json_text(image->image_id));
        put(&o, "file", lk_json_text(image->file));
        put(&o, "image_ids", texts(image->image_ids, image->image_id_count));
        put(&o, "files", labels(image));
        put(&o, "tags", texts(image->tags, image->tag_count));
        put(&o, "captured_at", lk_json_time(image->captured_at));
        put(&o, "added_at", lk_json_time(image->added_at));
        put(&o, "source", lk_json_text(image->source));
        put(&o, "metadata", metadata(image->metadata));
        put(&o, "revision", json_integer(image->revision));
        put(&o, "pictures", pictures(image));
        put(&o, "existed", json_boolean(image->existed));
        if (image->replaced != 0)
            put(&o, "replaced", json_integer(image->replaced));
    }
    put(&o, "sha256", lk_json_text(image->sha256));
    put(&o, "width", json_integer(image->width));
    put(&o, "height", json_integer(image->height));
    if (image->smallest_face > 0)
        put(&o, "smallest_face", lk_json_number((double)image->smallest_face));
    put(&o, "model", lk_json_text(image->model));
    put(&o, "detector", lk_json_text(image->detector));
    if (image->note != NULL)
        put(&o, "note", lk_json_text(image->note));
    put(&o, "faces", faces(image->faces, image->face_count));
    put(&o, "refused", faces(image->refused, image->refused_count));
    return o;
}

/* ---- answers ---- */

static json_t *match(const liken_match *m, bool several) {
    json_t *o = json_object();
    put(&o, "face_id", json_integer(m->face_id));
    put(&o, "image", json_integer(m->image));
    put(&o, "image_id", lk_json_text(m->image_id));
    put(&o, "file", lk_json_text(m->file));
    put(&o, "image_ids", texts(m->image_ids, m->image_id_count));
    put(&o, "files", texts(m->files, m->file_count));
    put(&o, "box", box(&m->box));
    put(&o, "width", json_integer(m->image_width));
    put(&o, "height", json_integer(m->image_height));
    put(&o, "captured_at", lk_json_time(m->captured_at));
    put(&o, "distance", lk_json_number((double)m->distance));
    put(&o, "similarity", lk_json_number((double)m->similarity));
    put(&o, "weak", json_boolean(m->weak));
    put(&o, "strangers", lk_json_number(m->strangers));
    if (several)
        put(&o, "photo", json_integer(m->photo));
    return o;
}

static json_t *answer(const liken_answer *a, bool has_face, bool several) {
    json_t *matches = json_array(), *o = json_object();
    for (size_t i = 0; i < a->match_count; i++)
        push(&matches, match(&a->matches[i], several));
    if (has_face)
        put(&o, "face", lk_json_face(&a->face));
    put(&o, "threshold", shortest(a->threshold));
    put(&o, "expected_false_matches", lk_json_number(a->expected_false_matches));
    put(&o, "expected_at_default", lk_json_number(a->expected_at_default));
    put(&o, "expected_by", json_string(liken_expected_code(a->expected_by)));
    put(&o, "total", a->total >= 0 ? json_integer(a->total) : json_null());
    put(&o, "matches", matches);
    return o;
}

/* A search by descriptor leaves the query face zeroed. */
static bool is_face(const liken_face *face) {
    return face->id != 0 || face->box.width > 0 || face->box.height > 0;
}

/* What a photo is searched by says of itself. */
static void put_photo(json_t **o, const liken_query_photo *p) {
    put(o, "width", json_integer(p->width));
    put(o, "height", json_integer(p->height));
    put(o, "smallest_face", lk_json_number((double)p->smallest_face));
    if (p->note != NULL)
        put(o, "note", lk_json_text(p->note));
    if (p->others > 0)
        put(o, "others", json_integer((json_int_t)p->others));
    put(o, "refused", faces(p->refused, p->refused_count));
}

/* One of several photos of a person. */
static json_t *view(const liken_query_photo *p) {
    json_t *o = json_object();
    put(&o, "face", is_face(&p->face) ? lk_json_face(&p->face) : json_null());
    put(&o, "nearest", lk_json_number((double)p->nearest));
    put(&o, "doubtful", json_boolean(p->doubtful));
    put_photo(&o, p);
    return o;
}

static json_t *views(const liken_result *r) {
    json_t *list = json_array();
    for (size_t i = 0; i < r->photo_count; i++)
        push(&list, view(&r->photos[i]));
    return list;
}

json_t *lk_json_result(const liken_result *r) {
    json_t *list = json_array(), *o = json_object();
    for (size_t i = 0; i < r->answer_count; i++)
        push(&list, answer(&r->answers[i], is_face(&r->answers[i].face), r->photo_count > 1));
    put(&o, "collection", lk_json_text(r->collection));
    put(&o, "model", lk_json_text(r->model));
    if (r->detector != NULL)
        put(&o, "detector", lk_json_text(r->detector));
    put(&o, "mode", json_string(r->exact ? "exact" : "approximate"));
    put(&o, "recall", lk_json_number(r->recall));
    put(&o, "searched", json_integer((json_int_t)r->searched));
    if (r->missing_count > 0) {
        json_t *missing = json_array();
        for (size_t i = 0; i < r->missing_count; i++)
            push(&missing, lk_json_text(r->missing[i]));
        put(&o, "missing", missing);
    }
    put(&o, "threshold", shortest(r->threshold));
    if (r->photo_count == 1)
        put_photo(&o, &r->photos[0]);
    else if (r->photo_count > 1)
        put(&o, "photos", views(r));
    put(&o, "faces", list);
    return o;
}

json_t *lk_json_comparison(const liken_comparison *c) {
    const size_t rows = c->a->face_count, columns = c->b->face_count;
    json_t *o = json_object(), *table = json_array(), *best = json_null();
    for (size_t i = 0; i < rows; i++)
        push(&table, floats(c->distances + i * columns, columns));
    if (c->best_a >= 0 && c->best_b >= 0) {
        best = json_object();
        put(&best, "a", json_integer(c->best_a));
        put(&best, "b", json_integer(c->best_b));
    }
    put(&o, "same", json_boolean(c->same));
    put(&o, "distance", lk_json_number((double)c->distance));
    put(&o, "similarity", lk_json_number((double)c->similarity));
    put(&o, "threshold", shortest(c->threshold));
    put(&o, "best", best);
    put(&o, "distances", table);
    put(&o, "a", lk_json_image(c->a));
    put(&o, "b", lk_json_image(c->b));
    return o;
}

json_t *lk_json_event(const liken_event *e, bool with_actor) {
    json_t *o = json_object();
    put(&o, "number", json_integer(e->number));
    put(&o, "kind", json_string(liken_event_code(e->kind)));
    put(&o, "collection", lk_json_text(e->collection));
    if (e->image > 0)
        put(&o, "image", json_integer(e->image));
    if (e->face > 0)
        put(&o, "face", json_integer(e->face));
    put(&o, "at", lk_json_time(e->at));
    if (with_actor && e->actor != NULL)
        put(&o, "actor", lk_json_text(e->actor));
    return o;
}

json_t *lk_json_collection(const liken_collection *c) {
    json_t *o = json_object();
    put(&o, "id", json_integer(c->id));
    put(&o, "name", lk_json_text(c->name));
    put(&o, "model", lk_json_text(c->model));
    put(&o, "dimension", json_integer(c->dimension));
    put(&o, "metric", json_string(liken_metric_code(c->metric)));
    put(&o, "search", json_string(liken_search_code(c->search)));
    put(&o, "keep", json_string(liken_keep_code(c->keep)));
    put(&o, "threshold", shortest(c->threshold));
    put(&o, "created_at", lk_json_time(c->created_at));
    put(&o, "images", json_integer(c->images));
    put(&o, "faces", json_integer(c->faces));
    return o;
}

json_t *lk_json_state(const liken_state *s) {
    json_t *o = json_object();
    put(&o, "version", lk_json_text(s->version));
    put(&o, "pack", lk_json_text(s->pack));
    put(&o, "model", lk_json_text(s->model));
    put(&o, "detector", lk_json_text(s->detector));
    put(&o, "detector_note", lk_json_text(s->detector_note));
    put(&o, "pack_note", lk_json_text(s->pack_note));
    put(&o, "cpu", lk_json_text(s->cpu));
    put(&o, "store", lk_json_text(s->store));
    put(&o, "data", lk_json_text(s->data));
    put(&o, "store_id", lk_json_text(s->store_id));
    put(&o, "collections", json_integer(s->collections));
    put(&o, "images", json_integer(s->images));
    put(&o, "faces", json_integer(s->faces));
    put(&o, "erasing", json_integer(s->erasing));
    put(&o, "indexed", json_integer(s->indexed));
    put(&o, "index_bytes", json_integer((json_int_t)s->index_bytes));
    put(&o, "sandbox", lk_json_text(s->sandbox));
    put(&o, "decoders", json_integer(s->decoders));
    put(&o, "decoders_lost", json_integer(s->decoders_lost));
    put(&o, "read_only", lk_json_text(s->read_only));
    return o;
}
