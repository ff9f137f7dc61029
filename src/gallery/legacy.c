/* A table of the legacy system served in place: one collection, compared as the legacy system compared (raw distances,
 * and with the pack seed its own threshold of 0.6). */
#include "gallery/gallery_int.h"

#include "base/clock.h"

#include <stdio.h>

/* What the rows are described by, where no models are loaded to ask. */
#define DIMENSION 128
#define THRESHOLD 0.6f

int lk_gallery_legacy_open(liken *lk, liken_error *err) {
    liken_collection about = {.name = LK_DEFAULT_COLLECTION,
                              .model = lk->pack,
                              .dimension = DIMENSION,
                              .metric = LIKEN_L2,
                              .threshold = THRESHOLD,
                              .created_at = lk_clock_now()};
    lk_engine *e = NULL;
    char model[128];
    const int rc = lk->no_models ? LIKEN_OK : lk_gallery_engine(lk, NULL, &e, err);
    if (rc != LIKEN_OK)
        return rc;
    if (e != NULL) {
        (void)snprintf(model, sizeof model, "%s", lk_models_id(e->models));
        about.model = model;
        about.dimension = lk_models_dimension(e->models);
        about.threshold = lk_models_calibration(e->models, LIKEN_L2)->threshold;
    }
    if (about.dimension != DIMENSION)
        return lk_fail(err, LIKEN_E_ARG, "A legacy table holds descriptors of %d numbers; those of pack %s have %d.",
                       DIMENSION, lk->pack, about.dimension);
    return lk_store_open_legacy(&lk->store, lk->where, lk->legacy_table, lk->read_only, &about, err);
}
