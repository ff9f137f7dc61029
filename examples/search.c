/* search.c - the whole of liken in one page: add photos to a gallery, then find a face in it.
 *
 *   cc search.c $(pkg-config --cflags --libs liken) -o search
 *   ./search GALLERY QUERY [PHOTO...]
 *
 * GALLERY is a folder (made when it is not there), QUERY a photo; the PHOTOs are added first. The model packs are those
 * of $LIKEN_MODELS or of the user's data folder: `liken models install` puts them there. */
#include <liken.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int fail(const char *what, const liken_error *err) {
    fprintf(stderr, "search: %s: %s\n", what, err->message);
    return 1;
}

/* A whole file in memory; NULL after saying why not. */
static void *read_file(const char *path, size_t *size) {
    FILE *f = fopen(path, "rb");
    char *bytes = NULL;
    if (f != NULL && fseek(f, 0, SEEK_END) == 0) {
        const long length = ftell(f);
        rewind(f);
        bytes = length < 0 ? NULL : malloc((size_t)length + 1);
        *size = bytes == NULL ? 0 : fread(bytes, 1, (size_t)length, f);
    }
    if (bytes == NULL)
        perror(path);
    if (f != NULL)
        fclose(f);
    return bytes;
}

static int add(liken *lk, const char *path) {
    const liken_add_options options = {.size = sizeof(liken_add_options), .file = path};
    liken_image *image = NULL;
    liken_error err;
    size_t size = 0;
    void *bytes = read_file(path, &size);
    if (bytes == NULL)
        return 1;
    const int rc = liken_add(lk, NULL, bytes, size, &options, &image, &err);
    free(bytes);
    if (rc != LIKEN_OK)
        return fail(path, &err);
    printf("%s: %zu faces%s\n", path, image->face_count, image->existed ? " (added before)" : "");
    liken_image_free(image);
    return 0;
}

static int search(liken *lk, const char *path) {
    liken_result *result = NULL;
    liken_error err;
    size_t size = 0;
    void *bytes = read_file(path, &size);
    if (bytes == NULL)
        return 1;
    const int rc = liken_search_photo(lk, NULL, bytes, size, NULL, &result, &err);
    free(bytes);
    if (rc != LIKEN_OK)
        return fail(path, &err);
    for (size_t i = 0; i < result->answer_count; i++) {
        const liken_answer *a = &result->answers[i];
        printf("face at %.0f,%.0f: %zu matches\n", a->face.box.x, a->face.box.y, a->match_count);
        for (size_t j = 0; j < a->match_count; j++)
            printf("  %.3f  %s\n", a->matches[j].distance, a->matches[j].file == NULL ? "-" : a->matches[j].file);
    }
    if (result->answer_count == 0)
        printf("no face in %s\n", path);
    liken_result_free(result);
    return 0;
}

int main(int argc, char **argv) {
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        printf("liken %s\nusage: search GALLERY QUERY [PHOTO...]\n", liken_version());
        return 0;
    }
    if (argc < 3) {
        fprintf(stderr, "usage: search GALLERY QUERY [PHOTO...]\n");
        return 2;
    }
    liken *lk = NULL;
    liken_error err;
    const liken_options options = {
        .size = sizeof(liken_options), .data = argv[1], .sandbox = true}; /* photos may come from strangers */
    if (liken_open(&lk, &options, NULL, &err) != LIKEN_OK)
        return fail(argv[1], &err);
    int failed = 0;
    for (int i = 3; i < argc; i++)
        failed |= add(lk, argv[i]);
    failed |= search(lk, argv[2]);
    liken_free(lk);
    return failed;
}
