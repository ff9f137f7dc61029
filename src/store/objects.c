/* Freeing what a store hands out: the vocabulary's images, faces and collections; and the words for ways to search.
 * Declared in liken.h. */
#include "store/store.h"

#include <stdlib.h>

static void free_faces(liken_face *faces, size_t count) {
    for (size_t i = 0; faces != NULL && i < count; i++)
        free(faces[i].descriptor);
    free(faces);
}

void liken_image_free(liken_image *image) {
    if (image == NULL)
        return;
    free(image->collection);
    free(image->image_id);
    free(image->file);
    for (size_t i = 0; image->tags != NULL && i < image->tag_count; i++)
        free(image->tags[i]);
    free(image->tags);
    free(image->model);
    free(image->detector);
    free_faces(image->faces, image->face_count);
    free_faces(image->refused, image->refused_count);
    free(image);
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

const char *liken_search_code(liken_search s) {
    static const char *const codes[] = {"auto", "memory", "cube", "pgvector", "hnsw"};
    return (size_t)s < LK_LENGTH(codes) ? codes[s] : "unknown";
}
