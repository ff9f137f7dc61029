/* The part of fake_liken.c about pictures: none is kept. */
#include "base/error.h"

#include <stdlib.h>
#include <string.h>

int liken_collection_set_keep(liken *lk, const liken_call *call, const char *name, liken_keep keep,
                              liken_collection **out, liken_error *err) {
    const int rc = liken_collection_get(lk, call, name, out, err);
    if (rc == LIKEN_OK)
        (*out)->keep = keep;
    return rc;
}

void liken_picture_free(liken_picture *p) {
    free(p);
}

static int nothing(liken_error *err) {
    return lk_fail(err, LIKEN_E_NOT_FOUND, "The fake keeps no pictures.");
}

int liken_picture_get(liken *lk, const liken_call *call, const char *collection, int64_t image, int size,
                      liken_picture_type type, liken_picture **out, liken_error *err) {
    (void)lk, (void)call, (void)collection, (void)image, (void)size, (void)type, (void)out;
    return nothing(err);
}

int liken_crop_get(liken *lk, const liken_call *call, const char *collection, int64_t face, int size,
                   liken_picture_type type, liken_picture **out, liken_error *err) {
    (void)lk, (void)call, (void)collection, (void)face, (void)size, (void)type, (void)out;
    return nothing(err);
}

int liken_preview(liken *lk, const liken_call *call, const void *bytes, size_t size, int side, liken_picture_type type,
                  liken_picture **out, liken_error *err) {
    (void)lk, (void)call, (void)bytes, (void)size, (void)side, (void)type, (void)out;
    return nothing(err);
}

int liken_sign(liken *lk, const liken_call *call, const char *text, char out[65], liken_error *err) {
    (void)lk, (void)call, (void)text, (void)err;
    memset(out, 'a', 64);
    out[64] = '\0';
    return LIKEN_OK;
}
