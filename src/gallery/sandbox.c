/* Where photos are decoded: in helper processes, where that was asked for and can be. */
#include "gallery/gallery_int.h"

#include "base/child/child.h"
#include "base/log.h"
#include "image/decode/decoders.h"

int lk_gallery_sandbox_begin(liken *lk, liken_error *err) {
    if (!lk->sandbox || lk->no_models)
        return LIKEN_OK;
    if (lk_child_under_valgrind()) {
        lk->no_box = "off under valgrind";
        lk_log(LIKEN_LOG_INFO, "the sandbox is off under valgrind: photos are decoded in this process");
        return LIKEN_OK;
    }
    return lk_decoders_new(&lk->limits.decoders, lk->threads, &lk->limits, err);
}

int lk_gallery_sandbox_ready(liken *lk, liken_error *err) {
    lk_decoders_state state;
    if (lk->limits.decoders == NULL)
        return LIKEN_OK;
    const int rc = lk_decoders_ready(lk->limits.decoders, err);
    if (rc != LIKEN_OK)
        return rc;
    lk_decoders_get(lk->limits.decoders, &state);
    if (!state.limits_memory)
        lk_log(LIKEN_LOG_INFO, "decoders have no limit of memory in a build with a sanitizer");
    return LIKEN_OK;
}
