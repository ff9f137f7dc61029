/* replay.c - runs a fuzz target over every file of a corpus folder, then over seeded mutations of them, so that the
 * normal test run (gcc too) exercises the target. The number of mutations is shared out among the files: a larger
 * corpus takes no longer. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t state = 0x9e3779b97f4a7c15u;

static uint32_t next(void) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 32);
}

/* The target gets a block of exactly `size` bytes, so that a sanitizer sees one byte too far. */
static void run(const uint8_t *bytes, size_t size) {
    uint8_t *exact = malloc(size == 0 ? 1 : size);
    if (exact == NULL)
        abort();
    if (size > 0)
        memcpy(exact, bytes, size);
    (void)LLVMFuzzerTestOneInput(exact, size);
    free(exact);
}

static void mutate(const uint8_t *bytes, size_t size, int rounds) {
    uint8_t *copy = malloc(size + 1);
    if (copy == NULL)
        abort();
    for (int i = 0; i < rounds; i++) {
        memcpy(copy, bytes, size);
        const uint32_t flips = 1 + next() % 8;
        for (uint32_t f = 0; f < flips && size > 0; f++) {
            /* headers decide most: half of the changes go to the first 256 bytes */
            const size_t reach = next() % 2 && size > 256 ? 256 : size;
            copy[next() % reach] = (uint8_t)(next() % 4 == 0 ? 0xff : next());
        }
        run(copy, next() % 4 == 0 && size > 0 ? next() % size : size);
    }
    free(copy);
}

typedef struct seed {
    char name[256];
    uint8_t *bytes;
    size_t size;
} seed;

static int by_name(const void *a, const void *b) {
    return strcmp(((const seed *)a)->name, ((const seed *)b)->name);
}

static void read_seed(const char *folder, const char *name, seed *s) {
    static uint8_t bytes[1 << 20];
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "rb");
    s->size = f == NULL ? 0 : fread(bytes, 1, sizeof bytes, f);
    s->bytes = malloc(s->size + 1);
    if (f == NULL || s->bytes == NULL || strlen(name) >= sizeof s->name)
        abort();
    memcpy(s->bytes, bytes, s->size);
    memcpy(s->name, name, strlen(name) + 1);
    fclose(f);
}

/* Every file of the folder, by name: the same mutations on every file system. */
static size_t read_seeds(const char *folder, seed **out) {
    DIR *entries = opendir(folder);
    size_t count = 0;
    *out = NULL;
    for (struct dirent *e; entries != NULL && (e = readdir(entries)) != NULL;) {
        if (e->d_name[0] == '.')
            continue;
        *out = realloc(*out, (count + 1) * sizeof **out);
        if (*out == NULL)
            abort();
        read_seed(folder, e->d_name, &(*out)[count++]);
    }
    if (entries != NULL)
        closedir(entries);
    if (count > 0)
        qsort(*out, count, sizeof **out, by_name);
    return count;
}

int main(int argc, char **argv) {
    if (argc < 2)
        return fprintf(stderr, "usage: %s CORPUS_FOLDER [MUTATIONS]\n", argv[0]), 2;
    seed *seeds;
    const size_t count = read_seeds(argv[1], &seeds);
    if (count < 3)
        return fprintf(stderr, "%s: fewer than three seeds\n", argv[1]), 1;
    const int mutations = argc > 2 ? atoi(argv[2]) : 5000, each = mutations / (int)count + 1;
    for (size_t i = 0; i < count; i++) {
        run(seeds[i].bytes, seeds[i].size);
        mutate(seeds[i].bytes, seeds[i].size, each);
        free(seeds[i].bytes);
    }
    free(seeds);
    printf("%zu files, %d mutations of each\n", count, each);
    return 0;
}
