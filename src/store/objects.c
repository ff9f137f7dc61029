/* What a store hands out: freeing the vocabulary's images, faces and collections (liken.h); the names of images and
 * matches (store.h); and the words for ways to search and to keep. */
#include "base/text.h"
#include "store/store.h"

#include <stdlib.h>
#include <string.h>

static void free_faces(liken_face *faces, size_t count) {
    for (size_t i = 0; faces != NULL && i < count; i++)
        free(faces[i].descriptor);
    free(faces);
}

static void free_label(liken_label *label) {
    free(label->file);
    free(label->place);
}

void lk_image_forget_labels(liken_image *image) {
    free(image->file);
    for (size_t i = 0; image->labels != NULL && i < image->label_count; i++)
        free_label(&image->labels[i]);
    free(image->labels);
    image->file = NULL;
    image->labels = NULL;
    image->label_count = 0;
}

void liken_image_free(liken_image *image) {
    if (image == NULL)
        return;
    free(image->collection);
    free(image->image_id);
    lk_image_forget_labels(image);
    lk_texts_free(image->image_ids, image->image_id_count);
    lk_texts_free(image->tags, image->tag_count);
    free(image->model);
    free(image->detector);
    free(image->note);
    free(image->source);
    free(image->metadata);
    free_faces(image->faces, image->face_count);
    free_faces(image->refused, image->refused_count);
    for (size_t i = 0; i < image->picture_count; i++)
        free(image->pictures[i].bytes);
    free(image->pictures);
    free(image);
}

bool lk_image_label(liken_image *image, const char *file, liken_label_kind kind, const char *place,
                    const liken_mark *mark) {
    const bool grow = (image->label_count & (image->label_count - 1)) == 0; /* at each power of two */
    const size_t room = image->label_count == 0 ? 1 : 2 * image->label_count;
    liken_label *more = grow ? realloc(image->labels, room * sizeof *more) : image->labels;
    if (more == NULL)
        return false;
    image->labels = more;
    if (image->file == NULL && kind != LIKEN_LABEL_LOST && (image->file = strdup(file)) == NULL)
        return false;
    liken_label label = {strdup(file), kind, place == NULL ? NULL : strdup(place), {0}};
    if (label.file == NULL || (place != NULL && label.place == NULL)) {
        free_label(&label);
        return false;
    }
    if (mark != NULL)
        label.mark = *mark;
    more[image->label_count++] = label;
    return true;
}

bool lk_image_id(liken_image *image, const char *image_id) {
    if (image->image_id == NULL && (image->image_id = strdup(image_id)) == NULL)
        return false;
    return lk_texts_add(&image->image_ids, &image->image_id_count, image_id);
}

size_t lk_image_names(const liken_image *image, size_t i, liken_label *label) {
    if (image->label_count > 0) {
        if (i < image->label_count)
            *label = image->labels[i];
        return image->label_count;
    }
    *label = (liken_label){.file = image->file, .kind = LIKEN_LABEL_SHARED};
    return image->file != NULL ? 1 : 0;
}

size_t lk_image_id_names(const liken_image *image, size_t i, const char **image_id) {
    if (image->image_id_count > 0) {
        if (i < image->image_id_count)
            *image_id = image->image_ids[i];
        return image->image_id_count;
    }
    *image_id = image->image_id;
    return image->image_id != NULL ? 1 : 0;
}

bool lk_store_match_file(lk_store_match *match, const char *file) {
    if (match->file == NULL && (match->file = strdup(file)) == NULL)
        return false;
    return lk_texts_add(&match->files, &match->file_count, file);
}

bool lk_store_match_image_id(lk_store_match *match, const char *image_id) {
    if (match->image_id == NULL && (match->image_id = strdup(image_id)) == NULL)
        return false;
    return lk_texts_add(&match->image_ids, &match->image_id_count, image_id);
}

void lk_store_match_clear(lk_store_match *match) {
    free(match->file);
    free(match->image_id);
    lk_texts_free(match->files, match->file_count);
    lk_texts_free(match->image_ids, match->image_id_count);
    *match = (lk_store_match){0};
}

static void clear_file(liken_file *f) {
    free(f->file);
    free(f->place);
}

void liken_file_free(liken_file *f) {
    if (f != NULL)
        clear_file(f);
    free(f);
}

void liken_file_list_free(liken_file_list *l) {
    for (size_t i = 0; l != NULL && i < l->count; i++)
        clear_file(&l->files[i]);
    if (l != NULL)
        free(l->files);
    free(l);
}

void liken_face_free(liken_face *f) {
    free_faces(f, 1);
}

void liken_image_list_free(liken_image_list *l) {
    if (l == NULL)
        return;
    for (size_t i = 0; l->images != NULL && i < l->count; i++)
        liken_image_free(l->images[i]);
    free(l->images);
    free(l);
}

void liken_collection_free(liken_collection *c) {
    if (c == NULL)
        return;
    free(c->name);
    free(c->model);
    free(c);
}

void liken_collections_free(liken_collection **list, size_t count) {
    for (size_t i = 0; list != NULL && i < count; i++)
        liken_collection_free(list[i]);
    free(list);
}

int lk_image_picture(liken_image *image, const liken_picture *picture, liken_error *err) {
    liken_picture *more = realloc(image->pictures, (image->picture_count + 1) * sizeof *more);
    if (more == NULL)
        return lk_fail_memory(err);
    image->pictures = more;
    more[image->picture_count++] = *picture;
    return LIKEN_OK;
}
