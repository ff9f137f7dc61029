#include "cli/add_report.h"

#include "base/text.h"
#include "cli/csv_out.h"
#include "wire/json.h"

#include <stdlib.h>
#include <string.h>

struct lk_add_report {
    lk_outfile *to;
    bool csv;
    lk_csv_out row;
    int rc; /* the first fault */
    liken_error err;
};

int lk_add_report_open(lk_add_report **out, const char *path, liken_error *err) {
    const bool csv = lk_text_ends(path, ".csv");
    if (!csv && !lk_text_ends(path, ".jsonl"))
        return lk_fail(err, LIKEN_E_ARG,
                       "--report: the name says what is written: FILE.csv, or FILE.jsonl for JSON lines.");
    lk_add_report *r = calloc(1, sizeof *r);
    if (r == NULL)
        return lk_fail_memory(err);
    r->csv = csv;
    lk_csv_out_init(&r->row);
    int rc = lk_outfile_open(&r->to, path, err);
    if (rc == LIKEN_OK && csv) {
        lk_csv_put_names(&r->row,
                         "path,status,image,width,height,faces,refused,reason,box_x,box_y,box_width,box_height,"
                         "message");
        rc = lk_csv_row_end(&r->row, r->to, err);
    }
    if (rc != LIKEN_OK) {
        lk_add_report_drop(r);
        return rc;
    }
    *out = r;
    return LIKEN_OK;
}

void lk_add_report_drop(lk_add_report *r) {
    if (r == NULL)
        return;
    lk_outfile_drop(r->to);
    lk_csv_out_free(&r->row);
    free(r);
}

/* ---- CSV ---- */

#define CELLS 11 /* between status and message */

static void put_nothing(lk_csv_out *o, int cells) {
    for (int i = 0; i < cells; i++)
        lk_csv_put_text(o, NULL);
}

static const char *remark(const lk_outcome *o) {
    if (o->rc != LIKEN_OK)
        return o->err.message;
    if (o->image->note != NULL)
        return o->image->note;
    return o->image->face_count == 0 ? "No usable face was found." : NULL;
}

static int write_photo(lk_add_report *r, const char *path, const lk_outcome *o, const char *status) {
    lk_csv_put_text(&r->row, path);
    lk_csv_put_text(&r->row, status);
    if (o->rc == LIKEN_OK) {
        lk_csv_put_integer(&r->row, o->image->id);
        lk_csv_put_integer(&r->row, o->image->width);
        lk_csv_put_integer(&r->row, o->image->height);
        lk_csv_put_integer(&r->row, (int64_t)o->image->face_count);
        lk_csv_put_integer(&r->row, (int64_t)o->image->refused_count);
        put_nothing(&r->row, 5);
    } else {
        put_nothing(&r->row, 5);
        lk_csv_put_text(&r->row, o->reason != NULL ? o->reason : liken_status_code(o->rc));
        put_nothing(&r->row, 4);
    }
    lk_csv_put_text(&r->row, remark(o));
    return lk_csv_row_end(&r->row, r->to, &r->err);
}

static int write_refused(lk_add_report *r, const char *path, const liken_image *image, const liken_face *face) {
    lk_csv_put_text(&r->row, path);
    lk_csv_put_text(&r->row, "refused");
    lk_csv_put_integer(&r->row, image->id);
    put_nothing(&r->row, 4);
    lk_csv_put_text(&r->row, liken_reason_code(face->reason));
    lk_csv_put_number(&r->row, (double)face->box.x);
    lk_csv_put_number(&r->row, (double)face->box.y);
    lk_csv_put_number(&r->row, (double)face->box.width);
    lk_csv_put_number(&r->row, (double)face->box.height);
    lk_csv_put_text(&r->row, liken_reason_advice(face->reason));
    return lk_csv_row_end(&r->row, r->to, &r->err);
}

static int write_rows(lk_add_report *r, const lk_outcome *o, const char *status) {
    LK_FREE char *path = liken_label_of_path(o->path->name);
    if (path == NULL)
        return lk_fail_memory(&r->err);
    int rc = write_photo(r, path, o, status);
    for (size_t i = 0; rc == LIKEN_OK && o->rc == LIKEN_OK && i < o->image->refused_count; i++)
        rc = write_refused(r, path, o->image, &o->image->refused[i]);
    return rc;
}

static int write_end(lk_add_report *r, const char *why) {
    if (why == NULL)
        return LIKEN_OK;
    put_nothing(&r->row, 1);
    lk_csv_put_text(&r->row, "interrupted");
    put_nothing(&r->row, CELLS - 1);
    lk_csv_put_text(&r->row, why);
    return lk_csv_row_end(&r->row, r->to, &r->err);
}

/* ---- JSON lines ---- */

static int write_line(lk_add_report *r, const json_t *line) {
    LK_FREE char *text = line == NULL ? NULL : lk_json_line(line);
    if (text == NULL)
        return lk_fail_memory(&r->err);
    const int rc = lk_outfile_write(r->to, text, strlen(text), &r->err);
    return rc == LIKEN_OK ? lk_outfile_write(r->to, "\n", 1, &r->err) : rc;
}

/* ---- both ---- */

void lk_add_report_photo(lk_add_report *r, const lk_outcome *o, const char *status, const json_t *line) {
    if (r->rc == LIKEN_OK)
        r->rc = r->csv ? write_rows(r, o, status) : write_line(r, line);
    if (r->rc == LIKEN_OK)
        r->rc = lk_outfile_flush(r->to, &r->err); /* whoever quits at once still has it, under its temporary name */
}

int lk_add_report_finish(lk_add_report *r, const json_t *summary, const char *why, liken_error *err) {
    if (r == NULL)
        return LIKEN_OK;
    if (r->rc == LIKEN_OK)
        r->rc = r->csv ? write_end(r, why) : write_line(r, summary);
    if (r->rc == LIKEN_OK)
        r->rc = lk_outfile_finish(r->to, &r->err);
    else
        lk_outfile_drop(r->to);
    const int rc = r->rc;
    if (rc != LIKEN_OK && err != NULL)
        *err = r->err;
    lk_csv_out_free(&r->row);
    free(r);
    return rc;
}
