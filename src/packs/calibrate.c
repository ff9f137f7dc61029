/* calibrate.c - the curves of a pack of the user's own, measured and put beside its pack.json. The packs that liken
 * installs by itself have curves already, with classes of faces that belong to them, and keep those. */
#include "packs/pack.h"

#include "base/buf.h"
#include "base/call.h"

#include <stdio.h>
#include <string.h>

static int take_curve(lk_calibration *to, const liken_curve *from, liken_error *err) {
    if (from->count < 2 || from->count > LK_LENGTH(to->points) || !(from->threshold > 0))
        return lk_fail(err, LIKEN_E_ARG, "A curve has 2 to %zu points and a threshold.", LK_LENGTH(to->points));
    *to = (lk_calibration){.threshold = from->threshold, .count = (int)from->count};
    for (size_t i = 0; i < from->count; i++)
        to->points[i] = (lk_calibration_point){from->points[i].distance, from->points[i].false_matches,
                                               from->points[i].true_matches};
    return LIKEN_OK;
}

/* What is written is read as it will be read, so that no curve is left that would make the pack unusable. */
static int write_curves(lk_pack *pack, liken_error *err) {
    LK_FREE char *text = NULL;
    LK_FREE char *file = lk_path_join(pack->path, LK_PACK_CURVES);
    size_t size = 0;
    int rc = file == NULL ? lk_fail_memory(err) : lk_pack_write_curves(pack, &text, &size, err);
    if (rc == LIKEN_OK)
        rc = lk_pack_read_curves(pack, text, size, err);
    return rc == LIKEN_OK ? lk_file_write(file, text, size, err) : rc;
}

static int calibrate(const char *folder, const char *name, const liken_curve *curves[2], liken_error *err) {
    lk_pack *pack = NULL;
    int rc = lk_pack_open(&pack, folder, name, err);
    if (rc == LIKEN_OK && lk_pack_role_network(pack, LK_ROLE_DESCRIPTOR) == NULL)
        rc = lk_fail(err, LIKEN_E_ARG, "The model pack %s describes no faces, so there is nothing to calibrate.", name);
    if (rc == LIKEN_OK && lk_known_find(name) != NULL)
        rc = lk_fail(
            err, LIKEN_E_ARG,
            "The model pack %s has curves of its own, which belong to it. How it does on your pairs: liken eval "
            "--pack %s",
            name, name);
    lk_calibration *const to[] = {rc == LIKEN_OK ? &pack->descriptor.normalized : NULL,
                                  rc == LIKEN_OK ? &pack->descriptor.l2 : NULL};
    for (int i = 0; i < 2 && rc == LIKEN_OK; i++) {
        if (pack->descriptor.one_metric && pack->descriptor.metric != (liken_metric)i)
            to[i]->count = 0;
        else
            rc = take_curve(to[i], curves[i], err);
    }
    if (rc == LIKEN_OK)
        rc = write_curves(pack, err);
    lk_pack_free(pack);
    return rc;
}

int liken_pack_calibrate(const char *models, const char *name, const liken_curve *normalized, const liken_curve *l2,
                         const liken_call *call, liken_error *err) {
    lk_call k;
    LK_FREE char *folder = NULL;
    int rc = lk_call_begin(&k, call, err);
    if (rc == LIKEN_OK && (normalized == NULL || l2 == NULL))
        rc = lk_fail(err, LIKEN_E_ARG, "Both curves of a pack are to be given.");
    if (rc == LIKEN_OK)
        rc = lk_models_folder(models, &folder, err);
    if (rc == LIKEN_OK)
        rc = calibrate(folder, name == NULL ? "" : name, (const liken_curve *[]){normalized, l2}, err);
    lk_call_end(&k);
    return rc;
}
