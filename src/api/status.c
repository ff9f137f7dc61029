/* status.c - /v1/status for people, /healthz (the process answers) and /readyz (it can do its work) for machines. */
#include "api/api_int.h"

void lk_status(lk_ask *q) {
    lk_api *api = q->api;
    liken_error err = {0};
    liken_state *state = NULL;
    if (liken_get_state(api->lk, &q->call, &state, &err) != LIKEN_OK) {
        lk_answer_error(q->request, &err);
        return;
    }
    json_t *json = lk_json_state(state);
    liken_state_free(state);
    json_object_set_new(json, "open", json_boolean(lk_api_open(api)));
    json_object_set_new(json, "queue", json_integer((json_int_t)lk_http_waiting(lk_request_server(q->request))));
    json_object_set_new(json, "max_file_bytes", json_integer((json_int_t)api->max_file));
    lk_answer_json(q->request, 200, json);
}

void lk_health(lk_ask *q) {
    lk_answer_json(q->request, 200, json_pack("{s:s}", "status", "ok"));
}

void lk_ready(lk_ask *q) {
    lk_request *r = q->request;
    lk_finding found;
    lk_probe_read(q->api->probe, &found);
    if (found.trouble.code != LIKEN_OK) {
        lk_answer_error_as(r, 503, &found.trouble, NULL);
    } else if (found.full.code != LIKEN_OK) {
        lk_answer_error_as(r, 503, &found.full, NULL);
    } else if (!found.models) { /* nothing can be added or searched */
        lk_answer_problem(r, 503, "model_error", "The server was started without models.", NULL, -1);
    } else {
        json_t *json = json_pack("{s:s}", "status", "ready");
        if (json != NULL && found.read_only) /* searches are what it is ready for */
            (void)json_object_set_new(json, "read_only", json_true());
        lk_answer_json(r, 200, json);
    }
}
