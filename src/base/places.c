#include "base/places.h"

#include "base/buf.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    const char *variable, *below_home;
} places[] = {[LK_PLACE_DATA] = {"XDG_DATA_HOME", ".local/share"}, [LK_PLACE_CONFIG] = {"XDG_CONFIG_HOME", ".config"}};

int lk_place_of(lk_place place, const char *name, char **out, liken_error *err) {
    const char *base = getenv(places[place].variable), *home = getenv("HOME");
    if (base != NULL && base[0] == '/') {
        *out = lk_path_join(base, name);
        return *out != NULL ? LIKEN_OK : lk_fail_memory(err);
    }
    if (home == NULL || home[0] == '\0') {
        *out = NULL;
        return LIKEN_OK;
    }
    LK_FREE char *folder = lk_path_join(home, places[place].below_home);
    char *path = folder != NULL ? lk_path_join(folder, name) : NULL;
    if (path == NULL)
        return lk_fail_memory(err);
    *out = path;
    return LIKEN_OK;
}

static bool is_set(const char *text) {
    return text != NULL && text[0] != '\0';
}

int lk_place_folder(const char *given, const char *variable, const char *name, const char *what, char **out,
                    liken_error *err) {
    const char *value = getenv(variable), *named = is_set(given) ? given : is_set(value) ? value : NULL;
    char *path = NULL;
    if (named != NULL && (path = strdup(named)) == NULL)
        return lk_fail_memory(err);
    const int rc = named == NULL ? lk_place_of(LK_PLACE_DATA, name, &path, err) : LIKEN_OK;
    if (rc == LIKEN_OK && path == NULL)
        return lk_fail(err, LIKEN_E_ARG, "Where is the folder of %s? Set %s to it, since HOME is not set.", what,
                       variable);
    if (rc == LIKEN_OK)
        *out = path;
    return rc;
}

int lk_place_gallery(const char *given, char **out, liken_error *err) {
    return lk_place_folder(given, "LIKEN_DATA", "liken", "the gallery", out, err);
}
