#include "cli/export.h"

#include "wire/json.h"
#include "base/clock.h"

#include <stdlib.h>
#include <string.h>

/* ---- JSON lines ---- */

/* Takes the reference; NULL means out of memory. */
static int write_line(lk_export *e, json_t *json, liken_error *err) {
    LK_FREE char *line = json == NULL ? NULL : lk_json_line(json);
    json_decref(json);
    if (line == NULL)
        return lk_fail_memory(err);
    const int rc = lk_outfile_write(e->to, line, strlen(line), err);
    return rc == LIKEN_OK ? lk_outfile_write(e->to, "\n", 1, err) : rc;
}

/* {"type": ...} and behind it what `rest` has, whose reference it takes. */
static json_t *typed(const char *type, json_t *rest) {
    json_t *line = rest == NULL ? NULL : json_pack("{s:s}", "type", type);
    if (line != NULL && json_object_update_missing(line, rest) != 0) {
        json_decref(line);
        line = NULL;
    }
    json_decref(rest);
    return line;
}

static json_t *image_line(const liken_image *image) {
    json_t *line = typed("photo", lk_json_image(image));
    if (line != NULL)
        (void)json_object_del(line, "existed"); /* of an add */
    return line;
}

static json_t *first_line(const liken_state *state) {
    return json_pack("{s:s, s:i, s:s, s:o, s:o}", "type", "export", "schema", LK_EXPORT_SCHEMA, "liken",
                     liken_version(), "store_id", lk_json_text(state->store_id), "exported_at",
                     lk_json_time(lk_clock_now()));
}

static json_t *last_line(const lk_export *e) {
    return json_pack("{s:s, s:I, s:I, s:I}", "type", "end", "collections", (json_int_t)e->collections, "photos",
                     (json_int_t)e->images, "faces", (json_int_t)e->faces);
}

/* ---- CSV ---- */

static const char columns[] = "schema,collection,metric,model,detector,image,image_id,image_ids,file,files,tags,"
                              "captured_at,added_at,sha256,width,height,face_id,reason,box_x,box_y,box_width,"
                              "box_height,landmarks,confidence,size,sharpness,brightness,yaw,pitch,roll,score,"
                              "weak,descriptor";
#define FACE_COLUMNS 17

/* A list of texts as JSON. */
static int put_texts(lk_csv_out *o, char *const *list, size_t count, liken_error *err) {
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++)
        (void)json_array_append_new(array, lk_json_text(list[i]));
    LK_FREE char *text = array != NULL && json_array_size(array) == count ? lk_json_line(array) : NULL;
    json_decref(array);
    if (text == NULL)
        return lk_fail_memory(err);
    lk_csv_put_text(o, text);
    return LIKEN_OK;
}

static int put_labels(lk_csv_out *o, const liken_image *image, liken_error *err) {
    LK_FREE char **labels = calloc(image->label_count + 1, sizeof *labels);
    if (labels == NULL)
        return lk_fail_memory(err);
    for (size_t i = 0; i < image->label_count; i++)
        labels[i] = image->labels[i].file;
    return put_texts(o, labels, image->label_count, err);
}

static void put_time(lk_csv_out *o, int64_t when) {
    char text[32] = "";
    if (when != LIKEN_NO_TIME && when != 0)
        lk_clock_format(when, text, sizeof text);
    lk_csv_put_text(o, text);
}

static int put_image(lk_csv_out *o, const liken_collection *c, const liken_image *image, liken_error *err) {
    lk_csv_put_integer(o, LK_EXPORT_SCHEMA);
    lk_csv_put_text(o, c->name);
    lk_csv_put_text(o, liken_metric_code(c->metric));
    lk_csv_put_text(o, image->model);
    lk_csv_put_text(o, image->detector);
    lk_csv_put_integer(o, image->id);
    lk_csv_put_text(o, image->image_id);
    int rc = put_texts(o, image->image_ids, image->image_id_count, err);
    lk_csv_put_text(o, image->file);
    if (rc == LIKEN_OK)
        rc = put_labels(o, image, err);
    if (rc == LIKEN_OK)
        rc = put_texts(o, image->tags, image->tag_count, err);
    put_time(o, image->captured_at);
    put_time(o, image->added_at);
    lk_csv_put_text(o, image->sha256);
    lk_csv_put_integer(o, image->width);
    lk_csv_put_integer(o, image->height);
    return rc;
}

/* "[1,2]" of floats, in as many digits as tell them apart. */
static int put_floats(lk_csv_out *o, const float *values, size_t count, liken_error *err) {
    lk_buf b LK_CLEANUP(lk_buf_free);
    lk_buf_init(&b, (size_t)1 << 20);
    int rc = lk_buf_string(&b, "[", err);
    for (size_t i = 0; rc == LIKEN_OK && i < count; i++)
        rc = lk_buf_format(&b, err, "%s%.9g", i == 0 ? "" : ",", (double)values[i]);
    if (rc == LIKEN_OK)
        rc = lk_buf_string(&b, "]", err);
    if (rc == LIKEN_OK)
        lk_csv_put_text(o, b.data);
    return rc;
}

static int put_face(lk_csv_out *o, const liken_face *f, liken_error *err) {
    const float numbers[] = {f->confidence,  f->quality.size,  f->quality.sharpness, f->quality.brightness,
                             f->quality.yaw, f->quality.pitch, f->quality.roll,      f->quality.score};
    const float box[] = {f->box.x, f->box.y, f->box.width, f->box.height};
    float points[10];
    for (size_t i = 0; i < 5; i++) {
        points[2 * i] = f->landmarks[i].x;
        points[2 * i + 1] = f->landmarks[i].y;
    }
    if (f->id != 0)
        lk_csv_put_integer(o, f->id);
    else
        lk_csv_put_text(o, NULL);
    lk_csv_put_text(o, f->reason == LIKEN_KEPT ? NULL : liken_reason_code(f->reason));
    for (size_t i = 0; i < LK_LENGTH(box); i++)
        lk_csv_put_number(o, (double)box[i]);
    int rc = put_floats(o, points, LK_LENGTH(points), err);
    for (size_t i = 0; i < LK_LENGTH(numbers); i++)
        lk_csv_put_number(o, (double)numbers[i]);
    lk_csv_put_integer(o, f->weak);
    if (f->descriptor == NULL)
        lk_csv_put_text(o, NULL);
    else if (rc == LIKEN_OK)
        rc = put_floats(o, f->descriptor, (size_t)f->dimension, err);
    return rc;
}

/* A row for a face, kept or refused; NULL: of a photo that has none. */
static int write_row(lk_export *e, const liken_collection *c, const liken_image *image, const liken_face *face,
                     liken_error *err) {
    int rc = put_image(&e->row, c, image, err);
    if (rc == LIKEN_OK && face != NULL)
        rc = put_face(&e->row, face, err);
    for (int i = 0; rc == LIKEN_OK && face == NULL && i < FACE_COLUMNS; i++)
        lk_csv_put_text(&e->row, NULL);
    return rc == LIKEN_OK ? lk_csv_row_end(&e->row, e->to, err) : rc;
}

static int write_rows(lk_export *e, const liken_collection *c, const liken_image *image, liken_error *err) {
    int rc = LIKEN_OK;
    for (size_t i = 0; rc == LIKEN_OK && i < image->face_count; i++)
        rc = write_row(e, c, image, &image->faces[i], err);
    for (size_t i = 0; rc == LIKEN_OK && i < image->refused_count; i++)
        rc = write_row(e, c, image, &image->refused[i], err);
    return rc == LIKEN_OK && image->face_count + image->refused_count == 0 ? write_row(e, c, image, NULL, err) : rc;
}

/* ---- both ---- */

int lk_export_begin(lk_export *e, const char *path, bool csv, const liken_state *state, liken_error *err) {
    *e = (lk_export){.csv = csv};
    lk_csv_out_init(&e->row);
    const int rc = lk_outfile_open(&e->to, path, err);
    if (rc != LIKEN_OK || !csv)
        return rc == LIKEN_OK ? write_line(e, first_line(state), err) : rc;
    lk_csv_put_names(&e->row, columns);
    return lk_csv_row_end(&e->row, e->to, err);
}

int lk_export_collection(lk_export *e, const liken_collection *c, liken_error *err) {
    e->collections++;
    return e->csv ? LIKEN_OK : write_line(e, typed("collection", lk_json_collection(c)), err);
}

int lk_export_image(lk_export *e, const liken_collection *c, const liken_image *image, liken_error *err) {
    e->images++;
    e->faces += image->face_count;
    return e->csv ? write_rows(e, c, image, err) : write_line(e, image_line(image), err);
}

int lk_export_finish(lk_export *e, liken_error *err) {
    const int rc = e->csv ? LIKEN_OK : write_line(e, last_line(e), err);
    if (rc != LIKEN_OK)
        return rc;
    lk_outfile *to = e->to;
    e->to = NULL;
    return lk_outfile_finish(to, err);
}

void lk_export_free(lk_export *e) {
    lk_outfile_drop(e->to);
    lk_csv_out_free(&e->row);
    *e = (lk_export){0};
}
