#include "cli/matches.h"

#include "cli/csv_out.h"

#include <stdlib.h>

static void put_box(lk_csv_out *o, const liken_box *b) {
    lk_csv_put_number(o, (double)b->x);
    lk_csv_put_number(o, (double)b->y);
    lk_csv_put_number(o, (double)b->width);
    lk_csv_put_number(o, (double)b->height);
}

static void put_match(lk_csv_out *o, const char *query, size_t face, size_t rank, const liken_match *m) {
    lk_csv_put_text(o, query);
    lk_csv_put_integer(o, (int64_t)face);
    lk_csv_put_integer(o, (int64_t)rank);
    lk_csv_put_number(o, (double)m->distance);
    lk_csv_put_number(o, (double)m->similarity);
    lk_csv_put_integer(o, m->image);
    lk_csv_put_integer(o, m->face_id);
    lk_csv_put_text(o, m->file);
    lk_csv_put_text(o, m->image_id);
    put_box(o, &m->box);
    lk_csv_put_integer(o, m->image_width);
    lk_csv_put_integer(o, m->image_height);
    lk_csv_put_integer(o, m->weak);
}

/* The query photo's name as labels have theirs: UTF-8. */
static int write_row(lk_csv_out *o, const char *name, size_t face, size_t rank, const liken_match *m, lk_outfile *to,
                     liken_error *err) {
    LK_FREE char *query = liken_label_of_path(name);
    if (query == NULL)
        return lk_fail_memory(err);
    put_match(o, query, face, rank, m);
    return lk_csv_row_end(o, to, err);
}

static int write_rows(lk_csv_out *o, const liken_result *r, const char *const *names, lk_outfile *to,
                      liken_error *err) {
    lk_csv_put_names(o, "query,query_face,rank,distance,similarity,image,face_id,file,image_id,box_x,box_y,box_width,"
                        "box_height,width,height,weak");
    int rc = lk_csv_row_end(o, to, err);
    for (size_t a = 0; a < r->answer_count; a++) {
        const liken_answer *answer = &r->answers[a];
        for (size_t m = 0; rc == LIKEN_OK && m < answer->match_count; m++)
            rc = write_row(o, names[answer->matches[m].photo], a + 1, m + 1, &answer->matches[m], to, err);
    }
    return rc;
}

int lk_matches_csv(const liken_result *r, const char *const *names, liken_error *err) {
    lk_outfile *to = NULL;
    lk_csv_out o;
    int rc = lk_outfile_open(&to, NULL, err);
    if (rc != LIKEN_OK)
        return rc;
    lk_csv_out_init(&o);
    rc = write_rows(&o, r, names, to, err);
    lk_csv_out_free(&o);
    if (rc == LIKEN_OK)
        return lk_outfile_finish(to, err);
    lk_outfile_drop(to);
    return rc;
}

/* ---- the photos ---- */

static int by_photo(const void *a, const void *b) {
    const liken_match *x = *(const liken_match *const *)a, *y = *(const liken_match *const *)b;
    if (x->image != y->image)
        return x->image < y->image ? -1 : 1;
    return (x->distance > y->distance) - (x->distance < y->distance);
}

static int by_distance(const void *a, const void *b) {
    const liken_match *x = *(const liken_match *const *)a, *y = *(const liken_match *const *)b;
    const int order = (x->distance > y->distance) - (x->distance < y->distance);
    return order != 0 ? order : (x->image > y->image) - (x->image < y->image);
}

int lk_matches_photos(const liken_result *r, const liken_match ***out, size_t *count, liken_error *err) {
    size_t all = 0, n = 0, kept = 0;
    for (size_t a = 0; a < r->answer_count; a++)
        all += r->answers[a].match_count;
    const liken_match **list = calloc(all + 1, sizeof(*list));
    if (list == NULL)
        return lk_fail_memory(err);
    for (size_t a = 0; a < r->answer_count; a++)
        for (size_t m = 0; m < r->answers[a].match_count; m++)
            list[n++] = &r->answers[a].matches[m];
    qsort(list, n, sizeof(*list), by_photo);
    for (size_t i = 0; i < n; i++)
        if (i == 0 || list[i]->image != list[i - 1]->image)
            list[kept++] = list[i];
    qsort(list, kept, sizeof(*list), by_distance);
    *out = list;
    *count = kept;
    return LIKEN_OK;
}
