/* answer.c - how answers are written: JSON, and problems as RFC 9457 has them. */
#include "api/api_int.h"
#include "base/log.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char plain_type[] = "application/json", problem_type[] = "application/problem+json";

static void send_line(lk_request *r, int status, const char *type, const char *line) {
    if (line == NULL) {
        static const char sorry[] =
            "{\"type\":\"about:blank\",\"title\":\"Service Unavailable\",\"status\":503,"
            "\"code\":\"out_of_memory\",\"detail\":\"The server is out of memory; try again.\"}";
        lk_respond_header(r, "Retry-After", "5");
        lk_respond(r, 503, problem_type, sorry, sizeof sorry - 1);
        return;
    }
    lk_respond(r, status, type, line, strlen(line));
}

static void send_json(lk_request *r, int status, const char *type, json_t *json) {
    LK_FREE char *line = json == NULL ? NULL : lk_json_line(json);
    json_decref(json);
    send_line(r, status, type, line);
}

void lk_answer_line(lk_request *r, int status, const char *line) {
    send_line(r, status, plain_type, line);
}

void lk_answer_json(lk_request *r, int status, json_t *json) {
    send_json(r, status, plain_type, json);
}

void lk_answer_empty(lk_request *r) {
    lk_respond(r, 204, NULL, "", 0);
}

const char *lk_answer_title(int status) {
    switch (status) {
    case 400:
        return "Bad Request";
    case 401:
        return "Unauthorized";
    case 403:
        return "Forbidden";
    case 404:
        return "Not Found";
    case 405:
        return "Method Not Allowed";
    case 408:
        return "Request Timeout";
    case 409:
        return "Conflict";
    case 410:
        return "Gone";
    case 412:
        return "Precondition Failed";
    case 413:
        return "Content Too Large";
    case 415:
        return "Unsupported Media Type";
    case 422:
        return "Unprocessable Content";
    case 429:
        return "Too Many Requests";
    case 503:
        return "Service Unavailable";
    default:
        return "Internal Server Error";
    }
}

void lk_answer_problem(lk_request *r, int status, const char *code, const char *sentence, const char *parameter,
                       double limit) {
    json_t *o =
        json_pack("{s:s, s:s, s:i, s:s, s:o, s:s}", "type", "about:blank", "title", lk_answer_title(status), "status",
                  status, "code", code, "detail", lk_json_text(sentence), "request_id", lk_request_id(r));
    if (o != NULL && parameter != NULL && json_object_set_new(o, "parameter", lk_json_text(parameter)) != 0) {
        json_decref(o);
        o = NULL;
    }
    json_t *value = limit == floor(limit) ? json_integer((json_int_t)limit) : json_real(limit);
    if (o == NULL || limit < 0)
        json_decref(value);
    else if (json_object_set_new(o, "limit", value) != 0) {
        json_decref(o);
        o = NULL;
    }
    send_json(r, status, problem_type, o);
}

int lk_answer_status(int code) {
    switch (code) {
    case LIKEN_E_ARG:
        return 400;
    case LIKEN_E_READ_ONLY:
        return 403;
    case LIKEN_E_NOT_FOUND:
        return 404;
    case LIKEN_E_CONFLICT:
    case LIKEN_E_MISMATCH:
        return 409;
    case LIKEN_E_GONE:
        return 410;
    case LIKEN_E_TOO_LARGE:
        return 413;
    case LIKEN_E_FORMAT:
        return 415;
    case LIKEN_E_DECODE:
    case LIKEN_E_NO_FACE:
    case LIKEN_E_UNSUPPORTED:
        return 422;
    case LIKEN_E_MEMORY:
    case LIKEN_E_FULL:
    case LIKEN_E_BUSY:
    case LIKEN_E_MODEL:
    case LIKEN_E_CANCELLED:
    case LIKEN_E_DEADLINE:
        return 503;
    default:
        return 500; /* the store, the disk, liken itself */
    }
}

void lk_answer_error_as(lk_request *r, int status, const liken_error *err, const char *parameter) {
    const lk_api *api = lk_request_ctx(r);
    const char *const known[] = {api->data, api->store};
    /* the server's trouble, not the request's */
    const bool own = lk_answer_status(err->code) >= 500 || err->code == LIKEN_E_READ_ONLY;
    char told[sizeof err->message];
    lk_hide_places(err->message, known, LK_LENGTH(known), told, sizeof told);
    const bool unheard = err->code == LIKEN_E_CANCELLED && lk_request_gone(r); /* and so no trouble */
    if (own && !unheard)
        lk_log(status == 500 ? LIKEN_LOG_ERROR : LIKEN_LOG_WARN, "Request %s: %s", lk_request_id(r), err->message);
    if (status == 503)
        lk_respond_header(r, "Retry-After", err->code == LIKEN_E_FULL ? "30" : "5");
    lk_answer_problem(r, status, liken_status_code(err->code), own || parameter != NULL ? told : err->message,
                      parameter, -1);
}

void lk_answer_error(lk_request *r, const liken_error *err) {
    lk_answer_error_as(r, lk_answer_status(err->code), err, NULL);
}

/* Faults that http/ found. */
void lk_answer_fault(lk_request *r, int status, const char *sentence, void *ctx) {
    (void)ctx;
    char hint[LK_HINT_ROOM];
    const bool taken_apart = status == 400 || (status == 413 && lk_request_broken(r) == 0); /* what it should not be */
    const bool hinted = taken_apart && lk_hint_body(r, hint, sizeof hint);
    const char *told = hinted ? hint : sentence;
    status = hinted ? 400 : status;
    if (lk_legacy_fault(r, status, told))
        return;
    static const struct {
        int status;
        const char *code;
    } codes[] = {{400, "bad_request"}, {403, "forbidden"}, {404, "not_found"}, {405, "method_not_allowed"},
                 {408, "timeout"},     {413, "too_large"}, {503, "busy"}};
    const char *code = "internal_error";
    for (size_t i = 0; i < LK_LENGTH(codes); i++)
        if (codes[i].status == status)
            code = codes[i].code;
    const size_t limit = status == 413 ? lk_request_broken(r) : 0;
    lk_answer_problem(r, status, code, told, hinted ? NULL : lk_request_blamed(r), limit > 0 ? (double)limit : -1);
}

/* ---- parameters that were refused ---- */

bool lk_args_refused(lk_args *a) {
    char hint[LK_HINT_ROOM];
    if (lk_hint_body(a->request, hint, sizeof hint)) { /* then nothing that was read out of it is worth telling of */
        (void)lk_fail(&a->err, LIKEN_E_ARG, "%s", hint);
        a->parameter = NULL;
        a->limit = -1;
    }
    if (a->err.code == LIKEN_OK)
        return false;
    const int status = lk_answer_status(a->err.code);
    if (status == 503)
        lk_respond_header(a->request, "Retry-After", "5");
    lk_answer_problem(a->request, status, liken_status_code(a->err.code), a->err.message, a->parameter, a->limit);
    return true;
}

void lk_args_answer_photo(lk_args *a, const char *const *names, size_t count, const liken_error *err) {
    char hint[LK_HINT_ROOM];
    for (size_t i = 0; err->code == LIKEN_E_FORMAT && i < count; i++) {
        size_t size = 0;
        const void *bytes = lk_args_photo_bytes(a, names[i], &size);
        const bool part = lk_request_part(a->request, names[i]) != NULL;
        if (bytes == NULL || !lk_hint_photo(part ? names[i] : NULL, bytes, size, hint, sizeof hint))
            continue;
        /* it repeats what the client wrote, and nothing of this machine's */
        lk_answer_problem(a->request, lk_answer_status(err->code), liken_status_code(err->code), hint, names[i], -1);
        return;
    }
    lk_answer_error(a->request, err);
}
