/* Addresses in answers. Behind a proxy a client finds the server under another name, with TLS that is not ours, and
 * maybe below a path: what is told is what it can use. Without a public address that is the path alone, which means the
 * server that was asked. */
#include "api/api_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PUBLIC_MAX 400

static const char unreserved[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";

/* Is it "https://name[:port]" with a plain path, if any? *path: where that begins. */
static bool looks_right(const char *url, size_t *path) {
    const size_t scheme = strncmp(url, "https://", 8) == 0 ? 8 : strncmp(url, "http://", 7) == 0 ? 7 : 0;
    const char *host = url + scheme;
    const size_t name = strcspn(host, "/");
    *path = scheme + name;
    if (scheme == 0 || name == 0 || strlen(url) > PUBLIC_MAX)
        return false;
    for (size_t i = 0; i < name; i++)
        if (strchr(unreserved, host[i]) == NULL && strchr(":[]", host[i]) == NULL)
            return false;
    for (const char *p = host + name; *p != '\0'; p++)
        if (*p != '/' && strchr(unreserved, *p) == NULL)
            return false;
    return strstr(host + name, "//") == NULL && strstr(host + name, "/.") == NULL;
}

int lk_public_take(lk_api *api, const char *url, liken_error *err) {
    size_t path = 0;
    if (url == NULL)
        return LIKEN_OK;
    if (!looks_right(url, &path))
        return lk_fail(err, LIKEN_E_ARG,
                       "\"%.80s\" is no address that clients could find the server at; write it like "
                       "https://faces.example or https://example.org/liken.",
                       url);
    api->public_url = strdup(url);
    if (api->public_url == NULL)
        return lk_fail_memory(err);
    const size_t size = strlen(url);
    if (api->public_url[size - 1] == '/')
        api->public_url[size - 1] = '\0';
    api->base = api->public_url[path] == '/' ? api->public_url + path : NULL;
    return LIKEN_OK;
}

void lk_public_address(const lk_api *api, const char *path, char *out, size_t room) {
    (void)snprintf(out, room, "%s%s", api->public_url == NULL ? "" : api->public_url, path);
}

void lk_public_location(lk_request *r, const char *path) {
    char place[PUBLIC_MAX + 256];
    lk_public_address(lk_request_ctx(r), path, place, sizeof place);
    lk_respond_header(r, "Location", place);
}
