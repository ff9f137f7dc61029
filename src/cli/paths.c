/* Walking folders. A folder is known by its device and inode, so that a link (or a mount) that leads back, or to a
 * folder that is walked anyhow, adds nothing. Links to folders wait until all else was met: a photo that can be reached
 * without one is always called by the path without. */
#include "cli/paths.h"

#include "base/text.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

int lk_paths_push(lk_paths *p, const char *name, lk_path path, liken_error *err) {
    if (p->count >= LK_PATHS_CEILING)
        return lk_fail(err, LIKEN_E_TOO_LARGE, "More than %d files were named; add them in several runs.",
                       LK_PATHS_CEILING);
    if (p->count == p->capacity) {
        const size_t capacity = p->capacity == 0 ? 64 : p->capacity * 2;
        lk_path *items = realloc(p->items, capacity * sizeof *items);
        if (items == NULL)
            return lk_fail_memory(err);
        p->items = items;
        p->capacity = capacity;
    }
    path.name = strdup(name);
    if (path.name == NULL)
        return lk_fail_memory(err);
    p->items[p->count++] = path;
    return LIKEN_OK;
}

void lk_paths_cut(lk_paths *p, size_t count) {
    while (p->count > count)
        free(p->items[--p->count].name);
}

/* What a walk met. */
static int push(lk_paths *p, const char *name, int fault, liken_error *err) {
    return lk_paths_push(p, name, (lk_path){.walked = true, .root = p->root, .fault = fault}, err);
}

/* ---- what is left out ---- */

/* Thumbnails, waste and snapshots that file servers and systems keep in folders of photos. */
static bool is_hidden(const char *entry) {
    static const char *const names[] = {
        "@eaDir",       "@Recycle", "@Recently-Snapshot",        "#recycle", "#snapshot",
        "$RECYCLE.BIN", "RECYCLER", "System Volume Information", "__MACOSX", "lost+found",
        "@tmp",         "@__thumb"};
    for (size_t i = 0; i < LK_LENGTH(names); i++)
        if (strcasecmp(entry, names[i]) == 0)
            return true;
    return entry[0] == '.';
}

/* Like the patterns of .gitignore, as people write them: a slash in front or ./ says "here", a last one is nothing, and
 * a star star slash in front may be no folder at all. `below` is the path in the folder that was named. */
static bool is_excluded(const char *exclude, const char *path, const char *below, const char *entry) {
    char text[LK_PATH_CEILING + 1];
    size_t size = strnlen(exclude, LK_PATH_CEILING);
    memcpy(text, exclude, size);
    while (size > 1 && text[size - 1] == '/')
        size--;
    text[size] = '\0';
    if (strchr(text, '/') == NULL)
        return fnmatch(text, entry, 0) == 0;
    const char *here = text;
    while (*here == '/' || strncmp(here, "./", 2) == 0)
        here += *here == '/' ? 1 : 2;
    if (fnmatch(here, below, 0) == 0 || fnmatch(text, path, 0) == 0)
        return true;
    return strncmp(here, "**/", 3) == 0 && fnmatch(here + 3, below, 0) == 0;
}

/* `path`: with the folder that was named, which p->root cuts off. */
static bool is_left_out(const lk_paths *p, const char *path, const char *entry) {
    if (!p->hidden && is_hidden(entry))
        return true;
    for (size_t i = 0; i < p->exclude_count; i++)
        if (is_excluded(p->excludes[i], path, path + p->root, entry))
            return true;
    return false;
}

/* ---- folders ---- */

/* Where the folder is in the table, or where it would be put. */
static size_t place(const lk_folder_id *seen, size_t room, const lk_folder_id *id) {
    size_t at = (size_t)((uint64_t)id->inode * UINT64_C(0x9e3779b97f4a7c15) >> 20) & (room - 1);
    while (seen[at].inode != 0 && (seen[at].inode != id->inode || seen[at].device != id->device))
        at = (at + 1) & (room - 1);
    return at;
}

static bool is_dots(const char *entry) {
    return strcmp(entry, ".") == 0 || strcmp(entry, "..") == 0;
}

bool lk_paths_leave_out(lk_paths *p, const char *below) {
    char path[LK_PATH_CEILING + 1];
    const size_t size = strnlen(below, LK_PATH_CEILING), root = p->root;
    bool out = false;
    p->root = 0;
    for (size_t begin = 0, end = 0; !out && end < size; begin = end + 1) { /* each folder on the way, and it itself */
        end = begin + strcspn(below + begin, "/");
        memcpy(path, below, end);
        path[end] = '\0';
        out = end > begin && !is_dots(path + begin) && is_left_out(p, path, path + begin);
    }
    p->root = root;
    p->left_out += out;
    return out;
}

/* Keeps at least half of the table empty; a place is empty that has no inode. */
static int more_room(lk_paths *p, liken_error *err) {
    if (2 * p->seen_count < p->seen_room)
        return LIKEN_OK;
    const size_t room = p->seen_room == 0 ? 64 : 2 * p->seen_room;
    lk_folder_id *seen = calloc(room, sizeof *seen);
    if (seen == NULL)
        return lk_fail_memory(err);
    for (size_t i = 0; i < p->seen_room; i++)
        if (p->seen[i].inode != 0)
            seen[place(seen, room, &p->seen[i])] = p->seen[i];
    free(p->seen);
    p->seen = seen;
    p->seen_room = room;
    return LIKEN_OK;
}

/* Notes the folder; *again: it was met before. */
static int meet(lk_paths *p, const struct stat *st, bool *again, liken_error *err) {
    const lk_folder_id id = {st->st_dev, st->st_ino};
    const int rc = more_room(p, err);
    if (rc != LIKEN_OK)
        return rc;
    lk_folder_id *slot = &p->seen[place(p->seen, p->seen_room, &id)];
    *again = id.inode != 0 && slot->inode != 0;
    if (id.inode == 0 || *again)
        return LIKEN_OK;
    *slot = id;
    p->seen_count++;
    return LIKEN_OK;
}

static int by_bytes(const struct dirent **a, const struct dirent **b) {
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int no_dots(const struct dirent *e) {
    return !is_dots(e->d_name);
}

static int walk(lk_paths *p, const char *folder, const struct stat *st, int depth, liken_error *err);

static int visit(lk_paths *p, const char *folder, const char *entry, int depth, liken_error *err) {
    char path[LK_PATH_CEILING + 1];
    const bool slash = folder[strlen(folder) - 1] == '/';
    const int n = snprintf(path, sizeof path, "%s%s%s", folder, slash ? "" : "/", entry);
    if (n < 0 || (size_t)n >= sizeof path)
        return push(p, folder, ENAMETOOLONG, err);
    struct stat st;
    if (lstat(path, &st) != 0)
        return LIKEN_OK; /* gone since the folder was read */
    if (is_left_out(p, path, entry)) {
        p->left_out++;
        return S_ISDIR(st.st_mode) ? meet(p, &st, &(bool){false}, err) : LIKEN_OK; /* a link that leads there, too */
    }
    const bool link = S_ISLNK(st.st_mode);
    if (link && stat(path, &st) != 0)
        return LIKEN_OK; /* it leads nowhere */
    if (S_ISDIR(st.st_mode) && link)
        return lk_texts_add(&p->links, &p->link_count, path) ? LIKEN_OK : lk_fail_memory(err);
    if (S_ISDIR(st.st_mode))
        return walk(p, path, &st, depth + 1, err);
    return S_ISREG(st.st_mode) ? push(p, path, 0, err) : LIKEN_OK;
}

static int walk(lk_paths *p, const char *folder, const struct stat *st, int depth, liken_error *err) {
    bool again = false;
    if (depth > LK_FOLDERS_CEILING)
        return push(p, folder, LK_TOO_DEEP, err);
    int rc = meet(p, st, &again, err);
    if (rc != LIKEN_OK || again)
        return rc;
    struct dirent **entries;
    const int n = scandir(folder, &entries, no_dots, by_bytes);
    if (n < 0)
        return push(p, folder, errno, err);
    for (int i = 0; i < n; i++) {
        if (rc == LIKEN_OK)
            rc = visit(p, folder, entries[i]->d_name, depth, err);
        free(entries[i]);
    }
    free(entries);
    return rc;
}

static int depth_of(const char *path) {
    int depth = 0;
    for (; *path != '\0'; path++)
        depth += *path == '/';
    return depth;
}

/* Everything in a folder that was named; links lead to further ones, which may hold links. */
static int walk_root(lk_paths *p, const char *name, const struct stat *st, liken_error *err) {
    const size_t before = p->count;
    p->root = strlen(name) + (name[strlen(name) - 1] != '/');
    int rc = walk(p, name, st, 0, err);
    for (size_t i = 0; rc == LIKEN_OK && i < p->link_count; i++) {
        struct stat target;
        if (stat(p->links[i], &target) == 0 && S_ISDIR(target.st_mode))
            rc = walk(p, p->links[i], &target, depth_of(p->links[i] + p->root) + 1, err);
    }
    lk_texts_free(p->links, p->link_count);
    free(p->seen);
    p->links = NULL;
    p->seen = NULL;
    p->link_count = p->seen_count = p->seen_room = 0;
    if (rc == LIKEN_OK && p->count == before && !lk_texts_add(&p->bare, &p->bare_count, name))
        rc = lk_fail_memory(err);
    return rc;
}

static bool is_address(const char *word) {
    return strncasecmp(word, "http://", 7) == 0 || strncasecmp(word, "https://", 8) == 0;
}

int lk_paths_add(lk_paths *p, const char *name, liken_error *err) {
    struct stat st;
    if (*name == '\0')
        return lk_fail(err, LIKEN_E_ARG, "A path is empty; name a photo or a folder.");
    if (strlen(name) > LK_PATH_CEILING)
        return lk_fail(err, LIKEN_E_ARG, "A path is longer than %d bytes: %.40s...", LK_PATH_CEILING, name);
    const bool address = is_address(name);
    if (!address && stat(name, &st) == 0 && S_ISDIR(st.st_mode))
        return walk_root(p, name, &st, err);
    return lk_paths_push(p, name, (lk_path){.source = address ? LK_SOURCE_URL : LK_SOURCE_FILE}, err);
}

int lk_paths_add_list(lk_paths *p, FILE *in, bool nul, liken_error *err) {
    const int mark = nul ? '\0' : '\n';
    char path[LK_PATH_CEILING + 2];
    size_t n = 0;
    int rc = LIKEN_OK;
    for (int c = 0; rc == LIKEN_OK && c != EOF;) {
        c = getc(in);
        if (c != mark && c != EOF) {
            if (c == '\0')
                return lk_fail(err, LIKEN_E_ARG, "The list of paths holds a NUL byte; did you mean -0?");
            if (n > LK_PATH_CEILING)
                return lk_fail(err, LIKEN_E_ARG, "The list of paths holds one of more than %d bytes.", LK_PATH_CEILING);
            path[n++] = (char)c;
            continue;
        }
        path[n] = '\0';
        if (n > 0)
            rc = lk_paths_add(p, path, err);
        n = 0;
    }
    if (rc == LIKEN_OK && ferror(in))
        rc = lk_fail(err, LIKEN_E_IO, "The list of paths on standard input could not be read.");
    return rc;
}

void lk_paths_free(lk_paths *p) {
    if (p == NULL)
        return;
    for (size_t i = 0; i < p->count; i++)
        free(p->items[i].name);
    free(p->items);
    lk_texts_free(p->bare, p->bare_count);
    *p = (lk_paths){0};
}
