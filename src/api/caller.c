/* caller.c - on whose behalf a handler calls the library: the key that the request came with, and the request's id. */
#include "api/api_int.h"

const liken_call *lk_api_call(const lk_request *r) {
    static _Thread_local struct {
        liken_call call;
        lk_key key;
    } caller;
    lk_api *api = lk_request_ctx(r);
    caller.call = (liken_call)LIKEN_CALL_INIT;
    caller.call.request_id = lk_request_id(r);
    if (lk_guard_key(api, r, &caller.key))
        caller.call.actor = caller.key.name;
    return &caller.call;
}
