/* Changing what is said of a photo. Metadata is kept as one line of JSON without spaces, its members in the order in
 * which they came: what it is, and no more than a caller may keep, is checked before the store sees it. */
#include "gallery/gallery_int.h"

#include "base/sized.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define RAW_MAX (8 * (size_t)LK_METADATA_MAX) /* bytes of it as it came, with its spaces and escapes */

/* ---- metadata ---- */

/* Levels of arrays and objects, looked into up to one too many. */
static int depth_of(const json_t *value, int room) {
    const char *name;
    json_t *member;
    size_t i;
    int below = 0;
    if (!json_is_object(value) && !json_is_array(value))
        return 0;
    json_object_foreach((json_t *)(uintptr_t)value, name, member) if (room > 0) {
        const int depth = depth_of(member, room - 1);
        below = depth > below ? depth : below;
    }
    json_array_foreach(value, i, member) if (room > 0) {
        const int depth = depth_of(member, room - 1);
        below = depth > below ? depth : below;
    }
    return below + 1;
}

static int check_object(const json_t *json, const json_error_t *fault, liken_error *err) {
    if (json == NULL)
        return lk_fail(err, LIKEN_E_ARG, "metadata is not valid JSON: line %d, column %d: %s.", fault->line,
                       fault->column, fault->text);
    if (!json_is_object(json))
        return lk_fail(err, LIKEN_E_ARG, "metadata must be a JSON object, like {\"camera\": \"front\"}.");
    if (depth_of(json, LK_METADATA_DEEP) > LK_METADATA_DEEP)
        return lk_fail(err, LIKEN_E_ARG, "metadata has more than %d levels; put less in one another.",
                       LK_METADATA_DEEP);
    return LIKEN_OK;
}

static int too_large(liken_error *err) {
    return lk_fail(err, LIKEN_E_TOO_LARGE,
                   "metadata has more than %d bytes; keep it elsewhere, and here what it is found by.",
                   LK_METADATA_MAX);
}

/* *out, to be freed, is the one line. */
static int take_metadata(const char *text, char **out, liken_error *err) {
    if (strlen(text) > RAW_MAX)
        return too_large(err);
    json_error_t fault;
    json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, &fault);
    int rc = check_object(json, &fault, err);
    char *line = rc == LIKEN_OK ? json_dumps(json, JSON_COMPACT) : NULL;
    json_decref(json);
    if (rc == LIKEN_OK && line == NULL)
        return lk_fail_memory(err);
    if (rc == LIKEN_OK && strlen(line) > LK_METADATA_MAX)
        rc = too_large(err);
    if (rc == LIKEN_OK)
        *out = line;
    else
        free(line);
    return rc;
}

/* ---- changing ---- */

static int check(const liken *lk, const liken_image_changes *c, liken_error *err) {
    const unsigned all = LIKEN_CHANGE_TAGS | LIKEN_CHANGE_CAPTURED_AT | LIKEN_CHANGE_SOURCE | LIKEN_CHANGE_METADATA;
    if (c->what == 0 || (c->what & ~all) != 0)
        return lk_fail(err, LIKEN_E_ARG, "Say what to change: tags, captured_at, source or metadata.");
    if (c->revision < 0)
        return lk_fail(err, LIKEN_E_ARG, "A revision is a whole number from 1 on.");
    for (size_t i = 0; (c->what & LIKEN_CHANGE_TAGS) != 0 && i < c->tag_count; i++)
        if (c->tags[i] == NULL)
            return lk_fail(err, LIKEN_E_ARG, "A tag is missing its text.");
    if (lk->store->ops->images->change == NULL)
        return lk_fail(err, LIKEN_E_UNSUPPORTED,
                       "A row of the legacy table has room for nothing but what it was written with.");
    return LIKEN_OK;
}

static int by_text(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Tags are a set: sorted, each once. *out is to be freed. */
static int take_tags(liken_image_changes *c, const char ***out, liken_error *err) {
    if (c->tag_count > LK_TAGS_MAX) /* the store says so, before it looks at one */
        return LIKEN_OK;
    const char **tags = calloc(c->tag_count + 1, sizeof *tags);
    size_t kept = 0;
    if (tags == NULL)
        return lk_fail_memory(err);
    for (size_t i = 0; i < c->tag_count; i++)
        tags[i] = c->tags[i];
    qsort(tags, c->tag_count, sizeof *tags, by_text);
    for (size_t i = 0; i < c->tag_count; i++)
        if (kept == 0 || strcmp(tags[i], tags[kept - 1]) != 0)
            tags[kept++] = tags[i];
    c->tags = *out = tags;
    c->tag_count = kept;
    return LIKEN_OK;
}

static int write_changes(liken *lk, int64_t collection, int64_t id, liken_image_changes *c, liken_image **out,
                         liken_error *err) {
    LK_FREE char *line = NULL;
    const char **tags = NULL;
    int rc = LIKEN_OK;
    if ((c->what & LIKEN_CHANGE_TAGS) != 0)
        rc = take_tags(c, &tags, err);
    else
        c->tag_count = 0;
    if (c->captured_at == 0)
        c->captured_at = LIKEN_NO_TIME;
    if ((c->what & LIKEN_CHANGE_SOURCE) == 0)
        c->source = NULL;
    if ((c->what & LIKEN_CHANGE_METADATA) == 0)
        c->metadata = NULL;
    if (rc == LIKEN_OK && c->metadata != NULL)
        rc = take_metadata(c->metadata, &line, err);
    c->metadata = line;
    if (rc == LIKEN_OK)
        rc = lk->store->ops->images->change(lk->store, collection, id, c, out, err);
    free(tags);
    return rc;
}

static int change(liken *lk, const char *collection, int64_t id, const liken_image_changes *changes, liken_image **out,
                  liken_error *err) {
    liken_image_changes c;
    int64_t owner = 0;
    int rc = lk_sized_take(&c, sizeof c, changes, "liken_image_changes", err);
    if (rc == LIKEN_OK)
        rc = lk_gallery_collection_id(lk, collection, &owner, err);
    if (rc == LIKEN_OK)
        rc = check(lk, &c, err);
    return rc == LIKEN_OK ? write_changes(lk, owner, id, &c, out, err) : rc;
}

int liken_image_change(liken *lk, const liken_call *call, const char *collection, int64_t id,
                       const liken_image_changes *changes, liken_image **out, liken_error *err) {
    liken_image *image = NULL;
    lk_call k;
    int rc = lk_gallery_enter(lk, &k, call, err);
    if (rc == LIKEN_OK)
        rc = change(lk, collection, id, changes, &image, err);
    if (rc == LIKEN_OK)
        lk_gallery_sync_after_write(lk);
    lk_gallery_leave(lk, &k);
    if (rc == LIKEN_OK && out != NULL)
        *out = image;
    else
        liken_image_free(image);
    return rc;
}
