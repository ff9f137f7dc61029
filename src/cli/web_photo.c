#include "cli/web_photo.h"

#include "base/buf.h"
#include "base/call.h"
#include "cli/caller.h"

#include <string.h>

int lk_web_open(lk_fetch **out, const lk_cli *cli, liken_error *err) {
    size_t count = 0;
    const char *const *hosts = lk_config_list(cli->config, LK_SET_ALLOW_HOST, &count);
    const lk_fetch_options options = {.bytes = lk_config_size(cli->config, LK_SET_MAX_FILE), .how = "--allow-host"};
    return lk_fetch_open(out, hosts, count, &options, err);
}

static int keep(void *ctx, const void *bytes, size_t size, liken_error *err) {
    return lk_buf_append(ctx, bytes, size, err);
}

int lk_web_read(lk_fetch *f, const char *url, size_t max, char **bytes, size_t *size, const char **reason,
                liken_error *err) {
    static const char *const types[] = {"image/", "application/octet-stream", "binary/octet-stream", NULL};
    lk_fetch_answer answer = {.reason = LK_FETCH_STOPPED};
    lk_buf body;
    lk_call call;
    lk_buf_init(&body, max);
    int rc = lk_call_begin(&call, lk_cli_call(), err);
    if (rc == LIKEN_OK) {
        const lk_fetch_ask ask = {.url = url, .types = types, .sink = keep, .ctx = &body};
        rc = lk_fetch_get(f, &ask, &answer, err);
    }
    lk_call_end(&call);
    if (rc == LIKEN_OK && body.size == 0)
        rc = lk_buf_string(&body, "", err); /* an empty file is one, too */
    if (rc == LIKEN_OK)
        *bytes = lk_buf_steal(&body, size);
    else if (answer.reason != LK_FETCH_STOPPED)
        *reason = lk_fetch_reason_code(answer.reason);
    lk_buf_free(&body);
    return rc;
}
