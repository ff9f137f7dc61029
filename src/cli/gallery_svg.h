/* gallery_svg.h - what distances mean in a collection (liken_calibrate), drawn. */
#ifndef LK_CLI_GALLERY_SVG_H
#define LK_CLI_GALLERY_SVG_H

#include "base/error.h"

#define LK_CURVE_SEEN 10 /* pairs; a share of fewer is not shown */

/* Is a share of so many pairs one of LK_CURVE_SEEN and more? */
bool lk_curve_seen(double share, int64_t pairs);
/* Shares of pairs against distance, the shares logarithmic, as SVG in light or dark as the reader has it. *out: free().
 */
int lk_gallery_svg(const liken_gallery_curve *c, char **out, size_t *size, liken_error *err);

#endif
