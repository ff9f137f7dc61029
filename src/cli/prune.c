/* A file is gone when its path leads nowhere, and not when it cannot be looked at. Where the nearest folder above it
 * that is still there is empty, it may be the place at which a disk is mounted at other times: such labels stay. */
#include "cli/prune.h"

#include "cli/files.h"
#include "cli/message.h"
#include "wire/json.h"
#include "cli/caller.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct gone {
    char *file; /* the label */
    int64_t image;
} gone;

typedef struct pruning {
    const lk_cli *cli;
    liken *lk;
    const char *collection;
    gone *list;
    size_t count, room;
    size_t known, photos;
    char *empty; /* the last folder that was found empty */
} pruning;

/* ---- what is gone ---- */

typedef enum { THERE, GONE, DOUBTFUL } state;

/* What becomes of the files that lay below a folder which is there itself. */
static state state_below(const char *folder) {
    DIR *d = opendir(folder);
    if (d == NULL)
        return errno == ENOENT || errno == ENOTDIR ? GONE : THERE;
    bool empty = true;
    for (const struct dirent *e; empty && (e = readdir(d)) != NULL;)
        empty = strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 || strcmp(e->d_name, "lost+found") == 0;
    (void)closedir(d);
    return empty ? DOUBTFUL : GONE;
}

/* Of a path that leads nowhere; cuts it down to the nearest folder that is there. */
static state look_above(pruning *p, char *path) {
    struct stat st;
    for (char *slash; (slash = strrchr(path, '/')) != NULL && slash != path;) {
        *slash = '\0';
        if (p->empty != NULL && strcmp(p->empty, path) == 0)
            return DOUBTFUL;
        if (stat(path, &st) == 0)
            break;
        if (errno != ENOENT && errno != ENOTDIR)
            return THERE;
    }
    const state below = state_below(path);
    if (below != DOUBTFUL)
        return below;
    free(p->empty);
    p->empty = strdup(path);
    LK_FREE char *shown = lk_printable(path);
    lk_message("%s is empty: photos that lay below it keep their labels, in case its disk is not mounted. If they are "
               "gone for good, remove the empty folder.",
               shown == NULL ? "?" : shown);
    return DOUBTFUL;
}

static state look(pruning *p, char *path) {
    struct stat st;
    if (stat(path, &st) == 0)
        return S_ISDIR(st.st_mode) ? GONE : THERE;
    return errno == ENOENT || errno == ENOTDIR ? look_above(p, path) : THERE;
}

static int keep(pruning *p, liken_file *f, liken_error *err) {
    if (p->count == p->room) {
        const size_t room = p->room == 0 ? 64 : 2 * p->room;
        gone *list = realloc(p->list, room * sizeof *list);
        if (list == NULL)
            return lk_fail_memory(err);
        p->list = list;
        p->room = room;
    }
    p->list[p->count++] = (gone){f->file, f->image};
    f->file = NULL;
    return LIKEN_OK;
}

static int look_at_page(pruning *p, liken_file_list *page, liken_error *err) {
    int rc = LIKEN_OK;
    for (size_t i = 0; rc == LIKEN_OK && i < page->count; i++) {
        const liken_file *f = &page->files[i];
        LK_FREE char *path = liken_path_of_label(f->place != NULL ? f->place : f->file);
        const state s = path == NULL ? THERE : look(p, path);
        if (path == NULL)
            return lk_fail_memory(err);
        p->known++;
        if (s == GONE)
            rc = keep(p, &page->files[i], err);
    }
    return rc;
}

static int find_gone(pruning *p, const char *label, const char *place, liken_error *err) {
    for (int64_t after = 0;;) {
        liken_file_list *page = NULL;
        int rc = liken_files_below(p->lk, lk_cli_call(), p->collection, label, place, after, &page, err);
        if (rc == LIKEN_OK)
            rc = look_at_page(p, page, err);
        after = rc == LIKEN_OK ? page->next : 0;
        liken_file_list_free(page);
        if (rc != LIKEN_OK || after == 0)
            return rc;
    }
}

/* ---- which photos go with them ---- */

static int by_image(const void *a, const void *b) {
    const gone *x = a, *y = b;
    return x->image != y->image ? (x->image < y->image ? -1 : 1) : strcmp(x->file, y->file);
}

static int by_label(const void *a, const void *b) {
    return strcmp(((const gone *)a)->file, ((const gone *)b)->file);
}

/* A photo goes when all labels that it has are among those. */
static int count_photos(pruning *p, liken_error *err) {
    if (p->count > 0)
        qsort(p->list, p->count, sizeof *p->list, by_image);
    for (size_t i = 0, n; i < p->count; i += n) {
        liken_image *image = NULL;
        for (n = 1; i + n < p->count && p->list[i + n].image == p->list[i].image;)
            n++;
        const int rc = liken_image_get(p->lk, lk_cli_call(), p->collection, p->list[i].image, &image, err);
        if (rc != LIKEN_OK && rc != LIKEN_E_NOT_FOUND)
            return rc;
        p->photos += rc == LIKEN_OK && image->label_count <= n;
        liken_image_free(image);
    }
    if (p->count > 0)
        qsort(p->list, p->count, sizeof *p->list, by_label);
    return LIKEN_OK;
}

/* ---- doing it ---- */

static bool agreed(const pruning *p, const char *folder) {
    char question[512];
    bool usage = false;
    LK_FREE char *shown = lk_printable(folder);
    (void)snprintf(
        question, sizeof question,
        "Of %zu files known below %.200s, %zu are gone. Take away their labels, and %zu %s that %s no other?", p->known,
        shown == NULL ? "?" : shown, p->count, p->photos, p->photos == 1 ? "photo" : "photos",
        p->photos == 1 ? "has" : "have");
    if (lk_cli_confirm(p->cli, question, &usage)) {
        if (lk_config_switch(p->cli->config, LK_SET_YES) && !p->cli->json)
            (void)printf("Of %zu files known below %s, %zu are gone.\n", p->known, shown == NULL ? "?" : shown,
                         p->count);
        return true;
    }
    if (usage)
        lk_message("%s There is no terminal to ask on; say --yes.", question);
    return false;
}

static int take_away(const pruning *p, lk_pruned *out, liken_error *err) {
    for (size_t i = 0; i < p->count; i++) {
        bool removed = false;
        const gone *g = &p->list[i];
        int rc = liken_name_remove(p->lk, lk_cli_call(), p->collection, g->image, g->file, NULL, &removed, err);
        if (rc == LIKEN_E_NOT_FOUND)
            continue; /* somebody else did it meanwhile */
        if (rc != LIKEN_OK)
            return rc;
        out->labels++;
        out->photos += removed;
        if (p->cli->json)
            rc = lk_cli_print(json_pack("{s:o, s:I, s:b}", "pruned", lk_json_text(g->file), "image",
                                        (json_int_t)g->image, "removed", removed),
                              err);
        if (rc != LIKEN_OK)
            return rc;
    }
    return LIKEN_OK;
}

static int prune(pruning *p, const char *folder, lk_pruned *out, liken_error *err) {
    LK_FREE char *label = liken_label_of_path(folder), *place = lk_file_place_of_folder(folder);
    const lk_pruned before = *out;
    int rc = label == NULL ? lk_fail_memory(err) : find_gone(p, label, place, err);
    if (rc == LIKEN_OK)
        rc = count_photos(p, err);
    if (rc != LIKEN_OK)
        return rc;
    if (p->count > 0 && !agreed(p, folder)) {
        lk_message("Nothing was taken away.");
        out->refused = true;
        return LIKEN_OK;
    }
    rc = take_away(p, out, err);
    if (!p->cli->json && p->count > 0)
        (void)printf("Took away %zu %s, and %zu %s that had no other.\n", out->labels - before.labels,
                     out->labels - before.labels == 1 ? "label" : "labels", out->photos - before.photos,
                     out->photos - before.photos == 1 ? "photo" : "photos");
    return rc;
}

int lk_prune(const lk_cli *cli, liken *lk, const char *folder, lk_pruned *out, liken_error *err) {
    pruning p = {.cli = cli, .lk = lk, .collection = lk_config_text(cli->config, LK_SET_COLLECTION)};
    const int rc = prune(&p, folder, out, err);
    for (size_t i = 0; i < p.count; i++)
        free(p.list[i].file);
    free(p.list);
    free(p.empty);
    return rc;
}
