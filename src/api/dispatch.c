/* dispatch.c - from a request that may go on (guard.c) to the function of its row: which collection and id it is about,
 * with which key it came, and its parameters, all read and checked by the row's table. What is wrong with them is
 * answered here; metrics.c counts every answer when it has left. */
#include "api/api_int.h"

/* The {id} of the address, where it has one. False when it is none, and answered. */
static bool read_id(lk_ask *q) {
    const char *text = lk_request_param(q->request, "id");
    if (text == NULL || lk_args_id(q->request, "id", &q->id))
        return true;
    liken_error err = {0};
    (void)lk_fail(&err, LIKEN_E_NOT_FOUND, "There is nothing with the id \"%.40s\": ids are whole numbers from 1 on.",
                  text);
    lk_answer_error(q->request, &err);
    return false;
}

/* Nobody works for a client that is gone. */
static int is_gone(void *request) {
    return lk_request_gone(request);
}

static liken_call call_of(lk_request *r, const lk_key *key) {
    liken_call call = LIKEN_CALL_INIT;
    call.actor = key == NULL ? NULL : key->name;
    call.request_id = lk_request_id(r);
    call.cancelled = is_gone;
    call.ctx = r;
    return call;
}

void lk_dispatch(lk_request *r, void *ctx) {
    lk_api *api = ctx;
    const lk_row *row = lk_row_of(r);
    lk_ask q = {.api = api,
                .request = r,
                .key = row->scope == 0 ? NULL : lk_guard_key(api, r),
                .collection = row->about == LK_ABOUT_LEGACY ? api->legacy : lk_request_param(r, "c")};
    if (row->scope != 0 && q.key == NULL && !lk_api_open(api)) { /* revoked since it was admitted */
        lk_guard_refuse_keyless(r);
        return;
    }
    q.call = call_of(r, q.key);
    if (row->params == NULL) {
        row->fn(&q);
        return;
    }
    lk_args_open(&q.args, r, row->params, api->max_file);
    if (!lk_args_refused(&q.args) && read_id(&q))
        row->fn(&q);
    lk_args_close(&q.args);
}
