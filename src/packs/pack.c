/* pack.c - a pack on disk: where packs are, opening one, reading its files.
 *
 * A file is handed out only whole and only when it has the size and sha256 that pack.json states, so that whoever
 * parses weights parses what was meant. */
#include "packs/pack.h"

#include "base/buf.h"
#include "base/crypto.h"
#include "base/limits.h"
#include "base/places.h"

#include <stdlib.h>
#include <string.h>

bool lk_pack_name_ok(const char *name) {
    const size_t size = strlen(name);
    return size >= 1 && size <= LK_NAME_MAX && name[0] != '.' &&
           strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") == size;
}

int lk_models_folder(const char *given, char **out, liken_error *err) {
    return lk_place_folder(given, "LIKEN_MODELS", "liken/models", "model packs", out, err);
}

const lk_pack_network *lk_pack_role_network(const lk_pack *pack, lk_pack_role role) {
    for (size_t i = 0; i < pack->network_count; i++)
        if (pack->networks[i].role == role)
            return &pack->networks[i];
    return NULL;
}

const lk_pack_network *lk_pack_kind_network(const lk_pack *pack, lk_pack_kind kind) {
    for (size_t i = 0; i < pack->network_count; i++)
        if (pack->networks[i].kind == kind)
            return &pack->networks[i];
    return NULL;
}

void lk_pack_free(lk_pack *pack) {
    if (pack == NULL)
        return;
    lk_arena_free(&pack->arena);
    free(pack);
}

/* One that borrows another's files is asked for, and installed, by its own name. */
static int fail_absent(const char *folder, const char *name, liken_error *err) {
    const lk_known_pack *known = lk_known_find(name);
    if (known != NULL && known->lender != NULL)
        return lk_fail(err, LIKEN_E_NOT_FOUND,
                       "The model pack %s, which is the pack %s used in another way, is not in %s. Install it: liken "
                       "models install %s",
                       name, known->lender, folder, name);
    if (known != NULL)
        return lk_fail(err, LIKEN_E_NOT_FOUND, "The model pack %s is not in %s. Install it: liken models install %s",
                       name, folder, name);
    return lk_fail(err, LIKEN_E_NOT_FOUND, "There is no model pack %s in %s. See what there is: liken models list",
                   name, folder);
}

/* What `liken models calibrate` has left beside pack.json. */
static int read_curves(lk_pack *pack, const char *path, liken_error *err) {
    LK_FREE char *file = lk_path_join(path, LK_PACK_CURVES);
    LK_FREE char *text = NULL;
    size_t size = 0;
    if (file == NULL)
        return lk_fail_memory(err);
    if (lk_known_find(pack->name) != NULL || pack->descriptor.dimension == 0)
        return LIKEN_OK;
    liken_error why = {0};
    const int rc = lk_file_read(file, LK_PACK_JSON_CEILING, &text, &size, &why);
    if (rc == LIKEN_E_NOT_FOUND)
        return LIKEN_OK;
    return rc == LIKEN_OK ? lk_pack_read_curves(pack, text, size, err) : lk_fail(err, rc, "%s", why.message);
}

/* The pack in the folder `name`; where that is not there the sentence is about `wanted`. */
static int open_folder(lk_pack **out, const char *folder, const char *name, const char *wanted, liken_error *err) {
    LK_FREE char *path = lk_path_join(folder, name);
    LK_FREE char *file = path == NULL ? NULL : lk_path_join(path, "pack.json");
    if (file == NULL)
        return lk_fail_memory(err);
    LK_FREE char *text = NULL;
    size_t size = 0;
    int rc = lk_file_read(file, LK_PACK_JSON_CEILING, &text, &size, err);
    if (rc != LIKEN_OK)
        return rc == LIKEN_E_NOT_FOUND ? fail_absent(folder, wanted, err) : rc;
    lk_pack *pack = NULL;
    rc = lk_pack_parse(&pack, text, size, err);
    if (rc == LIKEN_OK && strcmp(pack->name, name) != 0)
        rc = lk_fail(err, LIKEN_E_MODEL, "pack.json: name is \"%s\", but the folder is named %s.", pack->name, name);
    if (rc == LIKEN_OK)
        rc = read_curves(pack, path, err);
    if (rc == LIKEN_OK && (pack->path = lk_arena_string(&pack->arena, path)) == NULL)
        rc = lk_fail_memory(err);
    if (rc != LIKEN_OK) {
        lk_error_prefix(err, "%s", path);
        lk_pack_free(pack);
        return rc;
    }
    *out = pack;
    return LIKEN_OK;
}

int lk_pack_open(lk_pack **out, const char *folder, const char *name, liken_error *err) {
    if (!lk_pack_name_ok(name))
        return lk_fail(err, LIKEN_E_ARG,
                       "The name of a model pack is 1 to 64 of A-Z a-z 0-9 . _ - and starts with no dot.");
    const lk_known_pack *known = lk_known_find(name);
    if (known == NULL || known->lender == NULL)
        return open_folder(out, folder, name, name, err);
    lk_pack *pack = NULL;
    const int rc = open_folder(&pack, folder, known->lender, name, err);
    if (rc != LIKEN_OK)
        return rc;
    pack->name = known->pack.name;
    pack->descriptor = known->pack.descriptor;
    *out = pack;
    return LIKEN_OK;
}

static int fail_file(const lk_pack *pack, const char *path, const char *what, liken_error *err) {
    if (lk_known_find(pack->name) != NULL)
        return lk_fail(err, LIKEN_E_MODEL, "%s %s. Mend it: liken models install %s", path, what, pack->name);
    return lk_fail(err, LIKEN_E_MODEL, "%s %s. Copy the model pack %s there again, or correct its pack.json.", path,
                   what, pack->name);
}

static int read_pinned(const lk_pack *pack, const char *folder, const lk_pack_file *file, char **out, size_t *size,
                       liken_error *err) {
    LK_FREE char *path = lk_path_join(folder, file->name);
    if (path == NULL)
        return lk_fail_memory(err);
    LK_FREE char *bytes = NULL;
    size_t got = 0;
    char sha256[LK_SHA256_HEX];
    const int rc = lk_file_read(path, file->size > 0 ? file->size : LK_PACK_FILE_CEILING, &bytes, &got, err);
    if (rc == LIKEN_E_NOT_FOUND)
        return fail_file(pack, path, "is missing", err);
    if (rc != LIKEN_OK && (rc != LIKEN_E_TOO_LARGE || file->size == 0))
        return rc;
    if (file->size > 0 && (rc == LIKEN_E_TOO_LARGE || got != file->size))
        return fail_file(pack, path, "has another size than its pack.json states", err);
    if (file->sha256 != NULL)
        lk_sha256_hex(bytes, got, sha256);
    if (file->sha256 != NULL && strcmp(sha256, file->sha256) != 0)
        return fail_file(pack, path, "is damaged: its sha256 is not the pinned one", err);
    *out = bytes;
    *size = got;
    bytes = NULL;
    return LIKEN_OK;
}

static const lk_pack_file *find_file(const lk_pack *pack, const char *name) {
    for (size_t i = 0; i < pack->file_count; i++)
        if (strcmp(pack->files[i].name, name) == 0)
            return &pack->files[i];
    return NULL;
}

const char *lk_pack_sum(const lk_pack *pack, const char *file) {
    const lk_pack_file *found = find_file(pack, file);
    return found == NULL ? NULL : found->sha256;
}

int lk_pack_read(const lk_pack *pack, const char *file, char **out, size_t *size, liken_error *err) {
    const lk_pack_file *found = find_file(pack, file);
    return found != NULL ? read_pinned(pack, pack->path, found, out, size, err)
                         : lk_fail(err, LIKEN_E_INTERNAL, "The model pack %s has no file %s.", pack->name, file);
}

static int verify_files(const lk_pack *pack, const char *folder, const lk_pack_file *files, size_t count,
                        liken_error *err) {
    int rc = LIKEN_OK;
    for (size_t i = 0; i < count && rc == LIKEN_OK; i++) {
        LK_FREE char *bytes = NULL;
        size_t size = 0;
        rc = read_pinned(pack, folder, &files[i], &bytes, &size, err);
    }
    return rc;
}

int lk_pack_verify(const lk_pack *pack, liken_error *err) {
    LK_FREE char *samples = lk_path_join(pack->path, "samples");
    if (samples == NULL)
        return lk_fail_memory(err);
    const int rc = verify_files(pack, pack->path, pack->files, pack->file_count, err);
    return rc == LIKEN_OK ? verify_files(pack, samples, pack->samples, pack->sample_count, err) : rc;
}
