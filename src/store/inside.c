#include "store/inside.h"

#include <assert.h>
#include <stdlib.h>

int lk_store_inside(lk_store *s, const lk_inside *inside, liken_error *err) {
    if (s->ops->sql == NULL)
        return lk_fail(err, LIKEN_E_UNSUPPORTED,
                       "A legacy table takes photos as they are: nothing can be refused, noted or kept for a time as "
                       "one is added. Import it (liken import) to have that.");
    s->inside = inside;
    return LIKEN_OK;
}

/* Takes out of the faces what has a reason, and puts it behind the refused, for which there is room. */
static void move_refused(liken_image *photo, const liken_reason *reasons) {
    size_t kept = 0;
    for (size_t i = 0; i < photo->face_count; i++) {
        liken_face *f = &photo->faces[i];
        assert((unsigned)reasons[i] <= LIKEN_LOW_LIGHT);
        if (reasons[i] == LIKEN_KEPT) {
            photo->faces[kept++] = *f;
            continue;
        }
        free(f->descriptor);
        f->descriptor = NULL;
        f->reason = reasons[i];
        photo->refused[photo->refused_count++] = *f;
    }
    photo->face_count = kept;
}

static int refuse(liken_image *photo, const liken_reason *reasons, bool face_required, liken_error *err) {
    size_t count = 0;
    for (size_t i = 0; i < photo->face_count; i++)
        count += reasons[i] != LIKEN_KEPT;
    if (count == 0)
        return LIKEN_OK;
    if (face_required && count == photo->face_count)
        return lk_fail(err, LIKEN_E_NO_FACE, "No face of the photo may be kept (%s); nothing was stored.",
                       liken_reason_code(reasons[0]));
    liken_face *refused = realloc(photo->refused, (photo->refused_count + count) * sizeof *refused);
    if (refused == NULL)
        return lk_fail_memory(err);
    photo->refused = refused;
    move_refused(photo, reasons);
    return LIKEN_OK;
}

int lk_inside_judge(const lk_inside *inside, lk_sql *q, const lk_change *change, liken_image *photo, bool face_required,
                    liken_error *err) {
    if (inside == NULL || inside->judge == NULL)
        return LIKEN_OK;
    liken_reason *reasons = calloc(photo->face_count + 1, sizeof *reasons);
    if (reasons == NULL)
        return lk_fail_memory(err);
    int rc = inside->judge(inside->ctx, q, change, reasons, err);
    if (rc == LIKEN_OK)
        rc = refuse(photo, reasons, face_required, err);
    free(reasons);
    return rc;
}

int lk_inside_changed(const lk_inside *inside, lk_sql *q, const lk_change *change, liken_error *err) {
    return inside == NULL || inside->changed == NULL ? LIKEN_OK : inside->changed(inside->ctx, q, change, err);
}
