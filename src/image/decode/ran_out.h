/* ran_out.h - tells a photo that wanted more memory than there is from one that is damaged: decoders say the same of
 * both, and GLib and C++ end the process. For the helper only. */
#ifndef LK_IMAGE_DECODE_RAN_OUT_H
#define LK_IMAGE_DECODE_RAN_OUT_H

#include <stdbool.h>

/* From now on a process that ends for want of memory does so with LK_DECODE_EXIT_MEMORY. */
void lk_ran_out_watch(void);
/* Whether an allocation failed since the last call. Always false under a sanitizer, which brings its own allocator. */
bool lk_ran_out_take(void);

#endif
