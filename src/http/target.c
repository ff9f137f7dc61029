/* target.c - a request target taken apart and matched with a route.
 *
 * The path is split at '/' before its parts are decoded, so that "%2F" inside a part is data and never a separator. A
 * part that decodes to a NUL is refused: no name that the rest of the program sees is shorter than it was sent. */
#include "base/text.h"
#include "http/http_int.h"

#include <stdio.h>
#include <string.h>

/* Decodes `size` bytes into the arena; '+' means a space only in a query. NULL with *err set when they are malformed.
 */
static const char *decode(lk_arena *arena, const char *text, size_t size, bool query, liken_error *err) {
    char *out = lk_arena_alloc(arena, size + 1);
    if (out == NULL) {
        (void)lk_fail_memory(err);
        return NULL;
    }
    size_t n = 0;
    for (size_t i = 0; i < size; i++) {
        char c = text[i];
        if (c == '+' && query) {
            c = ' ';
        } else if (c == '%') {
            const int high = i + 2 < size ? lk_hex_value(text[i + 1]) : -1;
            const int low = high >= 0 ? lk_hex_value(text[i + 2]) : -1;
            if (high < 0 || low < 0 || (high == 0 && low == 0)) {
                (void)lk_fail(
                    err, LIKEN_E_ARG,
                    "The address holds a %% that two hex digits other than 00 must follow; write a bare %% as %%25.");
                return NULL;
            }
            c = (char)(high * 16 + low);
            i += 2;
        }
        out[n++] = c;
    }
    return out;
}

static int parse_path(lk_target *t, lk_arena *arena, const char *path, size_t size, liken_error *err) {
    size_t at = 1; /* behind the first '/' */
    while (at < size || (at == size && size > 1)) {
        const char *slash = memchr(path + at, '/', size - at);
        const size_t length = slash == NULL ? size - at : (size_t)(slash - path) - at;
        if (t->segment_count == LK_TARGET_SEGMENTS)
            return lk_fail(err, LIKEN_E_ARG, "The address has more than %d parts.", LK_TARGET_SEGMENTS);
        const char *segment = decode(arena, path + at, length, false, err);
        if (segment == NULL)
            return LIKEN_E_ARG;
        t->segments[t->segment_count++] = segment;
        at += length + 1;
    }
    return LIKEN_OK;
}

static int parse_query(lk_target *t, lk_arena *arena, const char *query, liken_error *err) {
    while (*query != '\0') {
        const size_t length = strcspn(query, "&");
        if (length > 0) {
            if (t->query_count == LK_TARGET_QUERIES)
                return lk_fail(err, LIKEN_E_ARG, "The address has more than %d query parameters.", LK_TARGET_QUERIES);
            const char *equals = memchr(query, '=', length);
            const size_t name = equals == NULL ? length : (size_t)(equals - query);
            lk_pair *pair = &t->queries[t->query_count];
            pair->name = decode(arena, query, name, true, err);
            pair->value = equals == NULL ? "" : decode(arena, equals + 1, length - name - 1, true, err);
            if (pair->name == NULL || pair->value == NULL)
                return LIKEN_E_ARG;
            t->query_count++;
        }
        query += length + (query[length] == '&');
    }
    return LIKEN_OK;
}

static bool has_control(const char *raw) {
    for (; *raw != '\0'; raw++)
        if ((unsigned char)*raw <= ' ' || *raw == 0x7f)
            return true;
    return false;
}

/* The form for proxies, which servers must read too. */
static const char *skip_host(const char *raw) {
    const size_t scheme = strncmp(raw, "http://", 7) == 0 ? 7 : strncmp(raw, "https://", 8) == 0 ? 8 : 0;
    if (scheme == 0)
        return raw;
    raw += scheme + strcspn(raw + scheme, "/?");
    return *raw == '/' ? raw : "/";
}

const char *lk_target_below(const char *raw, const char *base) {
    const size_t size = base == NULL ? 0 : strlen(base);
    const char *path = skip_host(raw);
    if (size == 0 || strncmp(path, base, size) != 0 || (path[size] != '/' && path[size] != '\0'))
        return raw;
    return path[size] == '/' ? path + size : "/";
}

int lk_target_parse(lk_target *t, lk_arena *arena, const char *raw, liken_error *err) {
    *t = (lk_target){.path = ""};
    if (has_control(raw))
        return lk_fail(err, LIKEN_E_ARG,
                       "The address holds a space or a control character; write it as %%20 and so on.");
    raw = skip_host(raw);
    if (*raw != '/')
        return lk_fail(err, LIKEN_E_ARG, "The address must start with '/'.");
    const size_t size = strcspn(raw, "?#");
    char *path = lk_arena_alloc(arena, size + 1);
    if (path == NULL)
        return lk_fail_memory(err);
    memcpy(path, raw, size);
    t->path = path;
    const int rc = parse_path(t, arena, path, size, err);
    return rc != LIKEN_OK || raw[size] != '?' ? rc : parse_query(t, arena, raw + size + 1, err);
}

/* May this part be one of those that {name*} stands for? Whoever looks it up need not think of ways out of a folder. */
static bool is_plain(const char *segment) {
    return *segment != '\0' && strcmp(segment, ".") != 0 && strcmp(segment, "..") != 0 && strchr(segment, '/') == NULL;
}

/* The parts of the address from the i-th on as one text; NULL when there are none, or one of them is not plain. */
static const char *rest(const lk_target *target, size_t i, lk_arena *arena) {
    size_t size = 0;
    for (size_t k = i; k < target->segment_count; k++) {
        if (!is_plain(target->segments[k]))
            return NULL;
        size += strlen(target->segments[k]) + 1;
    }
    char *text = size == 0 ? NULL : lk_arena_alloc(arena, size), *end = text;
    for (size_t k = i; text != NULL && k < target->segment_count; k++) {
        const size_t length = strlen(target->segments[k]);
        if (k > i)
            *end++ = '/';
        memcpy(end, target->segments[k], length); /* the arena's zeros end it */
        end += length;
    }
    return text;
}

/* Notes what the part "{name}", or "{name*}", of a pattern stands for from the i-th part of the address on. */
static bool note(const char *part, size_t length, const lk_target *target, size_t i, lk_arena *arena, lk_pair *out) {
    const bool wild = part[length - 2] == '*';
    char *name = lk_arena_alloc(arena, length);
    const char *value = wild ? rest(target, i, arena) : target->segments[i];
    if (name == NULL || value == NULL || *value == '\0')
        return false;
    memcpy(name, part + 1, length - 2 - wild);
    *out = (lk_pair){name, value};
    return true;
}

static bool is_wild(const char *pattern) {
    const size_t length = strlen(pattern);
    return length > 2 && strcmp(pattern + length - 2, "*}") == 0;
}

/* Does the pattern fit? Notes what its {names} stand for. */
static bool fits(const char *pattern, const lk_target *target, lk_arena *arena, lk_pair *params, size_t *count) {
    const bool wild = is_wild(pattern);
    size_t i = 0;
    *count = 0;
    while (*pattern == '/' && pattern[1] != '\0') {
        pattern++;
        const size_t length = strcspn(pattern, "/");
        if (i == target->segment_count)
            return false;
        const char *segment = target->segments[i];
        if (*pattern == '{') {
            if (!note(pattern, length, target, i, arena, &params[*count]))
                return false;
            (*count)++;
        } else if (strlen(segment) != length || memcmp(segment, pattern, length) != 0) {
            return false;
        }
        i++;
        pattern += length;
    }
    return i == target->segment_count || wild;
}

static void allow(char *list, size_t room, const char *method) {
    const size_t used = strlen(list);
    if (strstr(list, method) == NULL)
        (void)snprintf(list + used, room - used, "%s%s", used == 0 ? "" : ", ", method);
}

/* Among the patterns with, or without, a {name*}. */
static void find(lk_routed *out, lk_arena *arena, const lk_route *routes, size_t count, const char *method,
                 const lk_target *target, bool wild) {
    for (size_t i = 0; i < count && out->route == NULL; i++) {
        if (is_wild(routes[i].pattern) != wild ||
            !fits(routes[i].pattern, target, arena, out->params, &out->param_count))
            continue;
        if (strcmp(routes[i].method, method) == 0)
            out->route = &routes[i];
        allow(out->allow, sizeof out->allow, routes[i].method);
        if (strcmp(routes[i].method, "GET") == 0)
            allow(out->allow, sizeof out->allow, "HEAD");
    }
}

void lk_route_find(lk_routed *out, lk_arena *arena, const lk_route *routes, size_t count, const char *method,
                   const lk_target *target) {
    const char *wanted = strcmp(method, "HEAD") == 0 ? "GET" : method;
    *out = (lk_routed){0};
    find(out, arena, routes, count, wanted, target, false);
    if (out->allow[0] == '\0') /* nothing fits but what takes anything */
        find(out, arena, routes, count, wanted, target, true);
}
