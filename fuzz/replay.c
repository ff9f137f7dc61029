/* replay.c - runs a fuzz target over every file of a corpus folder, and over each with a few thousand seeded mutations,
 * so that the normal test run (gcc too) exercises the target. */
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

int main(int argc, char **argv) {
    if (argc < 2)
        return fprintf(stderr, "usage: %s CORPUS_FOLDER [ROUNDS]\n", argv[0]), 2;
    const int rounds = argc > 2 ? atoi(argv[2]) : 200;
    DIR *folder = opendir(argv[1]);
    if (folder == NULL)
        return fprintf(stderr, "%s: cannot be opened\n", argv[1]), 2;
    int files = 0;
    for (struct dirent *e; (e = readdir(folder)) != NULL;) {
        char path[4096];
        (void)snprintf(path, sizeof path, "%s/%s", argv[1], e->d_name);
        FILE *f = e->d_name[0] == '.' ? NULL : fopen(path, "rb");
        if (f == NULL)
            continue;
        static uint8_t bytes[1 << 20];
        const size_t size = fread(bytes, 1, sizeof bytes, f);
        fclose(f);
        run(bytes, size);
        mutate(bytes, size, rounds);
        files++;
    }
    closedir(folder);
    printf("%d files, %d mutations of each\n", files, rounds);
    return files >= 3 ? 0 : (fprintf(stderr, "%s: fewer than three seeds\n", argv[1]), 1);
}
