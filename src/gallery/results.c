/* Freeing what this folder hands out, and the words for reasons. */
#include "gallery/search_int.h"

#include "base/text.h"

#include <stdlib.h>

void lk_match_clear(liken_match *m) {
    free(m->image_id);
    free(m->file);
    lk_texts_free(m->image_ids, m->image_id_count);
    lk_texts_free(m->files, m->file_count);
}

void lk_answer_clear(liken_answer *a) {
    for (size_t i = 0; i < a->match_count; i++)
        lk_match_clear(&a->matches[i]);
    free(a->matches);
    free(a->face.descriptor);
}

void liken_result_free(liken_result *r) {
    if (r == NULL)
        return;
    for (size_t i = 0; r->answers != NULL && i < r->answer_count; i++)
        lk_answer_clear(&r->answers[i]);
    for (size_t i = 0; i < r->photo_count; i++) {
        free(r->photos[i].note);
        free(r->photos[i].refused);
    }
    free(r->photos);
    for (size_t i = 0; i < r->missing_count; i++)
        free(r->missing[i]);
    free(r->missing);
    free(r->answers);
    free(r->collection);
    free(r->model);
    free(r->detector);
    free(r);
}

void liken_comparison_free(liken_comparison *c) {
    if (c == NULL)
        return;
    liken_image_free(c->a);
    liken_image_free(c->b);
    free(c->distances);
    free(c);
}
