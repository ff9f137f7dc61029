/* find.c - where the program liken-decode is.
 *
 * The folders of an installation are found from where this code itself lies, so that one that was moved as a whole, or
 * staged, uses its own helper; then as they were configured. In a build folder the program lies beside liken. */
#include "image/decode/decoders.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAME "liken-decode"
#define CONFIGURED LIKEN_PREFIX "/" LIKEN_LIBEXECDIR "/liken/" NAME

/* Cuts `suffix` ("/bin") off a folder; false when it does not end so. */
static bool cut(char *folder, const char *suffix) {
    const size_t size = strlen(folder), end = strlen(suffix);
    if (end == 0 || size < end || strcmp(folder + size - end, suffix) != 0)
        return false;
    folder[size - end] = '\0';
    return true;
}

/* The folder of the file that holds this code, links followed. */
static bool own_folder(char out[PATH_MAX]) {
    static const char here;
    Dl_info info;
    const bool named = dladdr(&here, &info) != 0 && info.dli_fname != NULL && strstr(info.dli_fname, ".so") != NULL;
    if (realpath(named ? info.dli_fname : "/proc/self/exe", out) == NULL)
        return false;
    *strrchr(out, '/') = '\0';
    return true;
}

static bool is_program(const char *path) {
    return access(path, X_OK) == 0;
}

static bool beside(char *path, size_t room, const char *folder) {
    static const char *const build[] = {"", "/..", "/../.."}; /* liken, libliken.so, and the tests */
    for (size_t i = 0; i < LK_LENGTH(build); i++) {
        const int n = snprintf(path, room, "%s%s/" NAME, folder, build[i]);
        if (n > 0 && (size_t)n < room && is_program(path))
            return true;
    }
    return false;
}

static bool installed(char *path, size_t room, const char *own) {
    static const char *const places[] = {LIKEN_BINDIR, LIKEN_LIBDIR};
    for (size_t i = 0; i < LK_LENGTH(places); i++) {
        char prefix[PATH_MAX], suffix[256];
        (void)snprintf(prefix, sizeof prefix, "%s", own);
        (void)snprintf(suffix, sizeof suffix, "/%s", places[i]);
        if (!cut(prefix, suffix))
            continue;
        const int n = snprintf(path, room, "%s/" LIKEN_LIBEXECDIR "/liken/" NAME, prefix);
        if (n > 0 && (size_t)n < room && is_program(path))
            return true;
    }
    return false;
}

static bool configured(char *path, size_t room) {
    return snprintf(path, room, "%s", CONFIGURED) < (int)room && is_program(path);
}

int lk_decoder_find(char *path, size_t room, liken_error *err) {
    char own[PATH_MAX];
    const char *named = secure_getenv("LIKEN_DECODE");
    if (named != NULL && *named != '\0') {
        if (snprintf(path, room, "%s", named) < (int)room && is_program(path))
            return LIKEN_OK;
        return lk_fail(err, LIKEN_E_UNSUPPORTED,
                       "LIKEN_DECODE names %.300s, which is no program that can be started. Unset it, or let it name "
                       "liken-decode.",
                       named);
    }
    if (!own_folder(own))
        return lk_fail(err, LIKEN_E_UNSUPPORTED, "/proc cannot be read, so liken does not know where it is installed.");
    if (installed(path, room, own) || beside(path, room, own) || configured(path, room))
        return LIKEN_OK;
    return lk_fail(err, LIKEN_E_UNSUPPORTED,
                   "The program liken-decode, in which photos are decoded, is missing: it is neither in %.150s nor at "
                   "%.200s. Install liken whole (meson install), or say --sandbox off to decode without it.",
                   own, CONFIGURED);
}
