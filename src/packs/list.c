/* list.c - which packs there are, and whether they are whole. */
#include "packs/install_int.h"

#include "base/call.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MAX_PACKS 256

/* ---- one row ---- */

static int copy(char **to, const char *text, liken_error *err) {
    *to = strdup(text);
    return *to == NULL ? lk_fail_memory(err) : LIKEN_OK;
}

/* "detector ssd, landmarks 68, descriptor 128" */
static int describe(const lk_pack *pack, char **out, liken_error *err) {
    lk_buf b;
    lk_buf_init(&b, 1024);
    int rc = LIKEN_OK;
    for (size_t i = 0; i < pack->network_count && rc == LIKEN_OK; i++) {
        static const char *const words[] = {
            [LK_KIND_YUNET] = "detector yunet",     [LK_KIND_SSD_MOBILENET] = "detector ssd",
            [LK_KIND_LANDMARKS68] = "landmarks 68", [LK_KIND_SHAPE5] = "landmarks 5",
            [LK_KIND_SHAPE68] = "landmarks 68",     [LK_KIND_DLIB_RESNET] = "descriptor",
            [LK_KIND_REID] = "descriptor",          [LK_KIND_MOBILEFACENET] = "descriptor",
            [LK_KIND_MINIFAS_V2] = "liveness 2.7",  [LK_KIND_MINIFAS_V1SE] = "liveness 4",
            [LK_KIND_FACE_MESH] = "mesh 468",       [LK_KIND_EMBEDDING] = "descriptor",
        };
        const lk_pack_network *n = &pack->networks[i];
        rc = lk_buf_format(&b, err, "%s%s", i == 0 ? "" : ", ", words[n->kind]);
        if (rc == LIKEN_OK && n->role == LK_ROLE_DESCRIPTOR)
            rc = lk_buf_format(&b, err, " %d%s", pack->descriptor.dimension,
                               pack->descriptor.normalized.count + pack->descriptor.l2.count > 0
                                   ? ""
                                   : " without a calibration (liken models calibrate)");
    }
    if (rc == LIKEN_OK)
        *out = lk_buf_steal(&b, NULL);
    lk_buf_free(&b);
    return rc;
}

static int fill_row(liken_pack *row, const lk_pack *pack, liken_error *err) {
    int rc = copy(&row->name, pack->name, err);
    if (rc == LIKEN_OK)
        rc = copy(&row->version, pack->version, err);
    if (rc == LIKEN_OK)
        rc = copy(&row->licence, pack->licence, err);
    if (rc == LIKEN_OK)
        rc = copy(&row->source, pack->source, err);
    if (rc == LIKEN_OK)
        rc = describe(pack, &row->holds, err);
    if (rc == LIKEN_OK && pack->path != NULL)
        rc = copy(&row->path, pack->path, err);
    row->installed = pack->path != NULL;
    return rc;
}

/* A user's folder whose pack.json cannot be used: `holds` says why. */
static int fill_unusable(liken_pack *row, const char *folder, const char *name, const char *why, liken_error *err) {
    row->path = lk_path_join(folder, name);
    int rc = row->path == NULL ? lk_fail_memory(err) : copy(&row->name, name, err);
    if (rc == LIKEN_OK)
        rc = copy(&row->version, "", err);
    if (rc == LIKEN_OK)
        rc = copy(&row->licence, "", err);
    if (rc == LIKEN_OK)
        rc = copy(&row->source, "", err);
    return rc == LIKEN_OK ? copy(&row->holds, why, err) : rc;
}

/* ---- the list ---- */

static int add_known(liken_pack *row, const char *folder, const lk_known_pack *known, liken_error *err) {
    lk_pack *pack = NULL;
    const bool usable = lk_pack_open(&pack, folder, known->pack.name, NULL) == LIKEN_OK;
    const int rc = fill_row(row, usable ? pack : &known->pack, err);
    row->known = true;
    lk_pack_free(pack);
    return rc;
}

static int add_own(liken_pack *row, const char *folder, const char *name, liken_error *err) {
    lk_pack *pack = NULL;
    liken_error why = {0};
    const int opened = lk_pack_open(&pack, folder, name, &why);
    const int rc = opened == LIKEN_OK ? fill_row(row, pack, err) : fill_unusable(row, folder, name, why.message, err);
    lk_pack_free(pack);
    return rc;
}

/* Is it a folder with a pack.json, and not one of the known packs? */
static bool is_own(const char *folder, const char *name) {
    if (!lk_pack_name_ok(name) || lk_known_find(name) != NULL)
        return false;
    LK_FREE char *path = lk_path_join(folder, name);
    LK_FREE char *json = path == NULL ? NULL : lk_path_join(path, "pack.json");
    LK_FREE char *text = NULL;
    size_t size = 0;
    return json != NULL && lk_file_read(json, LK_PACK_JSON_CEILING, &text, &size, NULL) != LIKEN_E_NOT_FOUND;
}

static int add_all_own(liken_pack *rows, size_t *count, const char *folder, liken_error *err) {
    struct dirent **entries = NULL;
    const int n = scandir(folder, &entries, NULL, alphasort);
    if (n < 0)
        return errno == ENOENT ? LIKEN_OK
                               : lk_fail_errno(err, LIKEN_E_IO, errno, "The models folder %s cannot be read", folder);
    int rc = LIKEN_OK;
    for (int i = 0; i < n; i++) {
        if (rc == LIKEN_OK && *count < MAX_PACKS && is_own(folder, entries[i]->d_name))
            rc = add_own(&rows[(*count)++], folder, entries[i]->d_name, err);
        free(entries[i]);
    }
    free(entries);
    return rc;
}

static void mark_default(liken_pack *rows, size_t count, const char *folder) {
    lk_pack_choice choice;
    const char *name = lk_pack_choose(&choice, folder, NULL) == LIKEN_OK ? choice.name : lk_pack_best();
    for (size_t i = 0; i < count; i++)
        rows[i].is_default = rows[i].name != NULL && strcmp(rows[i].name, name) == 0;
}

int liken_pack_list(const char *models, liken_pack **out, size_t *count, liken_error *err) {
    LK_FREE char *folder = NULL;
    int rc = lk_models_folder(models, &folder, err);
    if (rc != LIKEN_OK)
        return rc;
    liken_pack *rows = calloc(MAX_PACKS, sizeof *rows);
    if (rows == NULL)
        return lk_fail_memory(err);
    size_t n = 0, known_count = 0;
    const lk_known_pack *known = lk_known_all(&known_count);
    for (size_t i = 0; i < known_count && rc == LIKEN_OK; i++)
        rc = add_known(&rows[n++], folder, &known[i], err);
    mark_default(rows, n, folder);
    if (rc == LIKEN_OK)
        rc = add_all_own(rows, &n, folder, err);
    if (rc != LIKEN_OK) {
        liken_packs_free(rows, n);
        return rc;
    }
    *out = rows;
    *count = n;
    return LIKEN_OK;
}

void liken_packs_free(liken_pack *packs, size_t count) {
    for (size_t i = 0; packs != NULL && i < count; i++) {
        liken_pack *p = &packs[i];
        char *const texts[] = {p->name, p->version, p->licence, p->source, p->holds, p->path};
        for (size_t t = 0; t < LK_LENGTH(texts); t++)
            free(texts[t]);
    }
    free(packs);
}

static int verify(const char *models, const char *name, liken_error *err) {
    LK_FREE char *folder = NULL;
    lk_pack *pack = NULL;
    int rc = lk_models_folder(models, &folder, err);
    if (rc == LIKEN_OK)
        rc = lk_pack_open(&pack, folder, name == NULL ? "" : name, err);
    if (rc != LIKEN_OK)
        return rc;
    const lk_known_pack *known = lk_known_find(pack->name);
    lk_pack pinned = known == NULL ? *pack : known->pack; /* a known pack's pins are not the folder's to state */
    pinned.path = pack->path;
    rc = lk_pack_verify(&pinned, err);
    lk_pack_free(pack);
    return rc;
}

int liken_pack_verify(const char *models, const char *name, const liken_call *call, liken_error *err) {
    lk_call k;
    int rc = lk_call_begin(&k, call, err);
    if (rc == LIKEN_OK)
        rc = verify(models, name, err);
    lk_call_end(&k);
    return rc;
}
