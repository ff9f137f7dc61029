/* folded.c - see folded.h. The file: the numbers, and the sha256 of them with the sha256 (in hex) of the weights behind
 * them. */
#include "face/folded.h"

#include "base/buf.h"
#include "base/crypto.h"
#include "base/log.h"
#include "base/outfile.h"

#include <stdlib.h>
#include <string.h>

#define CEILING ((size_t)16 << 20)

static bool sum(const void *numbers, size_t size, const char *made_of, uint8_t out[LK_SHA256_BYTES]) {
    const size_t more = strlen(made_of);
    LK_FREE uint8_t *bytes = malloc(size + more + 1);
    if (bytes == NULL)
        return false;
    memcpy(bytes, numbers, size);
    memcpy(bytes + size, made_of, more);
    lk_sha256(bytes, size + more, out);
    return true;
}

/* False: it is not there, or not what it should be. */
static bool take(lk_weights *w, const char *path, const char *made_of) {
    LK_FREE char *bytes = NULL;
    size_t size = 0;
    uint8_t expected[LK_SHA256_BYTES];
    if (lk_file_read(path, CEILING, &bytes, &size, NULL) != LIKEN_OK || size < sizeof expected)
        return false;
    size -= sizeof expected;
    return sum(bytes, size, made_of, expected) && memcmp(bytes + size, expected, sizeof expected) == 0 &&
           lk_weights_put_folded_reid(w, (const float *)(const void *)bytes, size / sizeof(float), NULL) == LIKEN_OK;
}

/* Where it cannot be written the next start folds again. */
static void keep(const lk_weights *w, const char *path, const char *made_of) {
    const lk_tensor *t = lk_weights_find(w, LK_FOLDED);
    const size_t size = t->count * sizeof(float);
    uint8_t whole[LK_SHA256_BYTES];
    lk_outfile *file = NULL;
    if (!sum(t->data, size, made_of, whole) || lk_outfile_open(&file, path, NULL) != LIKEN_OK)
        return;
    int rc = lk_outfile_write(file, t->data, size, NULL);
    rc = rc == LIKEN_OK ? lk_outfile_write(file, whole, sizeof whole, NULL) : rc;
    if (rc != LIKEN_OK)
        lk_outfile_drop(file);
    else
        rc = lk_outfile_finish(file, NULL);
    if (rc != LIKEN_OK)
        lk_log(LIKEN_LOG_DEBUG, "%s could not be written; each start folds again.", path);
}

int lk_folded_add(lk_weights *w, const lk_pack *pack, const char *made_of, liken_error *err) {
    const char *sum_of_weights = lk_pack_sum(pack, made_of);
    if (sum_of_weights == NULL)
        return lk_weights_fold_reid(w, err);
    LK_FREE char *path = lk_path_join(pack->path, LK_FOLDED_FILE);
    if (path == NULL)
        return lk_fail_memory(err);
    if (take(w, path, sum_of_weights))
        return LIKEN_OK;
    const int rc = lk_weights_fold_reid(w, err);
    if (rc == LIKEN_OK)
        keep(w, path, sum_of_weights);
    return rc;
}
