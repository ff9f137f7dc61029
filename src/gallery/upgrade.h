/* upgrade.h - what the files of a change of model share: redescribe.c looks at the photos once more, shadow.c compares
 * what the two models find, upgrade.c has them do so and switches. */
#ifndef LK_GALLERY_UPGRADE_H
#define LK_GALLERY_UPGRADE_H

#include "gallery/gallery_int.h"
#include "store/upgrade.h"

/* ---- redescribe.c ---- */

/* Describes the photos that are to be looked at yet, and stores what comes of it (lk_upgrade_put), a page at a time.
 * `done` of `total` are so already, for progress. */
LK_CHECKED int lk_redescribe(liken *lk, const liken_collection *c, lk_engine *e, int64_t done, int64_t total,
                             liken_error *err);

/* ---- shadow.c ---- */

/* Compares what is live with what is prepared by up to `sample` faces, and fills that part of *out. `now` makes the
 * collection's descriptors, `then` those that are prepared (`u`). */
LK_CHECKED int lk_shadow(liken *lk, const liken_collection *c, lk_engine *now, lk_engine *then, const lk_upgrade *u,
                         size_t sample, liken_upgrade *out, liken_error *err);

#endif
