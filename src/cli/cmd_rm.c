/* cmd_rm.c - liken rm: photos by number, by label or by image_id, or one face. All are found and counted before the one
 * question whether to go on; what is not there is told, and the rest is done. */
#include "wire/json.h"
#include "cli/caller.h"
#include "cli/cli.h"
#include "cli/files.h"
#include "cli/message.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE 500

typedef struct targets {
    int64_t *ids;
    size_t count, capacity;
    size_t missing;         /* ids that are not there */
    char *file, *image_id;  /* the names that are taken; NULL, NULL: the photos go whatever they are called */
    size_t others;          /* photos that have others of the kind, and stay */
    size_t removed, stayed; /* done so far */
} targets;

static int push(targets *t, int64_t id, liken_error *err) {
    if (t->count == t->capacity) {
        const size_t capacity = t->capacity == 0 ? 64 : t->capacity * 2;
        int64_t *ids = realloc(t->ids, capacity * sizeof *ids);
        if (ids == NULL)
            return lk_fail_memory(err);
        t->ids = ids;
        t->capacity = capacity;
    }
    t->ids[t->count++] = id;
    return LIKEN_OK;
}

static int find_by_ids(const lk_cli *cli, liken *lk, targets *t, liken_error *err) {
    for (size_t i = 0; i < cli->count; i++) {
        int64_t id = 0;
        (void)lk_cli_read_id(cli->words[i], &id); /* it is one */
        liken_image *image = NULL;
        int rc = liken_image_get(lk, lk_cli_call(), lk_config_text(cli->config, LK_SET_COLLECTION), id, &image, err);
        liken_image_free(image);
        if (rc == LIKEN_OK)
            rc = push(t, id, err);
        if (rc == LIKEN_E_NOT_FOUND) {
            lk_message("%s", err->message);
            t->missing++;
        } else if (rc != LIKEN_OK)
            return rc;
    }
    return LIKEN_OK;
}

static bool stays(const targets *t, const liken_image *image) {
    return (t->file == NULL || image->label_count > 1) && (t->image_id == NULL || image->image_id_count > 1);
}

static int read_names(const lk_cli *cli, liken *lk, targets *t, liken_error *err) {
    const char *file = lk_config_text(cli->config, LK_SET_FILE);
    const char *image_id = lk_config_text(cli->config, LK_SET_IMAGE_ID);
    const int rc = file == NULL
                       ? LIKEN_OK
                       : lk_file_named(lk, lk_config_text(cli->config, LK_SET_COLLECTION), file, &t->file, err);
    t->image_id = image_id == NULL ? NULL : strdup(image_id);
    return rc == LIKEN_OK && image_id != NULL && t->image_id == NULL ? lk_fail_memory(err) : rc;
}

static int find_by_labels(const lk_cli *cli, liken *lk, targets *t, liken_error *err) {
    const int read = read_names(cli, lk, t, err);
    liken_list_options options = {.size = sizeof(liken_list_options),
                                  .collection = lk_config_text(cli->config, LK_SET_COLLECTION),
                                  .image_id = t->image_id,
                                  .file = t->file,
                                  .limit = PAGE};
    if (read != LIKEN_OK)
        return read;
    do {
        liken_image_list *page = NULL;
        int rc = liken_list(lk, lk_cli_call(), &options, &page, err);
        for (size_t i = 0; rc == LIKEN_OK && i < page->count; i++) {
            t->others += stays(t, page->images[i]);
            rc = push(t, page->images[i]->id, err);
        }
        options.after = rc == LIKEN_OK ? page->next : 0;
        liken_image_list_free(page);
        if (rc != LIKEN_OK)
            return rc;
    } while (options.after != 0);
    return LIKEN_OK;
}

/* A row of the legacy table has one name, and goes with it. */
static int remove_one(const lk_cli *cli, liken *lk, const targets *t, int64_t id, bool *removed, liken_error *err) {
    const char *collection = lk_config_text(cli->config, LK_SET_COLLECTION);
    int rc = LIKEN_E_UNSUPPORTED;
    if (t->file != NULL || t->image_id != NULL)
        rc = liken_name_remove(lk, lk_cli_call(), collection, id, t->file, t->image_id, removed, err);
    if (rc != LIKEN_E_UNSUPPORTED)
        return rc;
    *removed = true;
    return liken_image_remove(lk, lk_cli_call(), collection, id, err);
}

static void print_done(const targets *t) {
    if (t->removed > 0 || t->stayed == 0)
        (void)printf("Removed %zu %s.\n", t->removed, t->removed == 1 ? "photo" : "photos");
    if (t->stayed > 0)
        (void)printf("%zu %s, known by another name.\n", t->stayed, t->stayed == 1 ? "photo stays" : "photos stay");
}

/* Counts what is done when it returns, whatever it returns. */
static int remove_images(const lk_cli *cli, liken *lk, targets *t, liken_error *err) {
    for (size_t i = 0; i < t->count; i++) {
        bool removed = false;
        const int rc = remove_one(cli, lk, t, t->ids[i], &removed, err);
        if (rc == LIKEN_E_NOT_FOUND)
            continue; /* somebody else did it meanwhile */
        if (rc != LIKEN_OK)
            return rc;
        t->removed += removed;
        t->stayed += !removed;
        if (cli->json &&
            lk_cli_print(json_pack("{s:I}", removed ? "removed" : "stays", (json_int_t)t->ids[i]), err) != LIKEN_OK)
            return LIKEN_E_MEMORY;
    }
    if (!cli->json)
        print_done(t);
    return LIKEN_OK;
}

/* LK_EXIT_DONE to go on. */
static int ask(const lk_cli *cli, const char *question) {
    bool usage = false;
    if (lk_cli_confirm(cli, question, &usage))
        return LK_EXIT_DONE;
    if (usage)
        return lk_cli_usage(cli, "There is no terminal to ask on; say --yes.");
    lk_message("Nothing was removed.");
    return LK_EXIT_FAILED;
}

static int rm_images(const lk_cli *cli, liken *lk, targets *t) {
    liken_error err = {0};
    int rc = cli->count > 0 ? find_by_ids(cli, lk, t, &err) : find_by_labels(cli, lk, t, &err);
    if (rc != LIKEN_OK)
        return lk_cli_failed(cli, &err);
    if (t->count == 0) {
        lk_message("No such photo.");
        return LK_EXIT_NOTHING;
    }
    char question[256];
    const size_t go = t->count - t->others;
    int n = snprintf(question, sizeof question, "Remove %zu %s with all faces%s", go, go == 1 ? "photo" : "photos",
                     t->others > 0 ? "" : "?");
    if (t->others > 0 && n > 0)
        (void)snprintf(question + n, sizeof question - (size_t)n,
                       ", and take the name from %zu %s known by others, too?", t->others,
                       t->others == 1 ? "that is" : "that are");
    const int code = ask(cli, question);
    if (code != LK_EXIT_DONE)
        return code;
    rc = remove_images(cli, lk, t, &err);
    if (rc != LIKEN_OK)
        return lk_cli_failed(cli, &err);
    return t->missing > 0 ? LK_EXIT_FAILED : LK_EXIT_DONE;
}

static int rm_face(const lk_cli *cli, liken *lk) {
    liken_error err = {0};
    const int64_t id = (int64_t)lk_config_number(cli->config, LK_SET_FACE);
    liken_face *face = NULL;
    int64_t image = 0;
    int rc = liken_face_get(lk, lk_cli_call(), NULL, id, &face, &image, &err);
    liken_face_free(face);
    if (rc == LIKEN_OK) {
        char question[128];
        (void)snprintf(question, sizeof question, "Remove face %" PRId64 " of photo %" PRId64 "?", id, image);
        const int code = ask(cli, question);
        if (code != LK_EXIT_DONE)
            return code;
        rc = liken_face_remove(lk, lk_cli_call(), NULL, id, &err);
    }
    if (rc == LIKEN_E_NOT_FOUND) {
        lk_message("%s", err.message);
        return LK_EXIT_NOTHING;
    }
    if (rc == LIKEN_OK && cli->json)
        rc = lk_cli_print(json_pack("{s:I}", "removed_face", (json_int_t)id), &err);
    else if (rc == LIKEN_OK)
        (void)printf("Removed face %" PRId64 ".\n", id);
    return rc == LIKEN_OK ? LK_EXIT_DONE : lk_cli_failed(cli, &err);
}

int lk_cmd_rm(const lk_cli *cli) {
    const bool face = lk_config_given(cli->config, LK_SET_FACE);
    const bool labels = lk_config_given(cli->config, LK_SET_IMAGE_ID) || lk_config_given(cli->config, LK_SET_FILE);
    if ((cli->count > 0) + face + labels != 1)
        return lk_cli_usage(cli, "Say what to remove: either ids, or --image-id and --file, or --face.");
    liken_error err = {0};
    liken *lk = NULL;
    if (lk_cli_check_ids(cli, &err) != LIKEN_OK || lk_cli_open(cli, true, &lk, &err) != LIKEN_OK)
        return lk_cli_failed(cli, &err);
    targets t = {0};
    const int code = face ? rm_face(cli, lk) : rm_images(cli, lk, &t);
    free(t.ids);
    free(t.file);
    free(t.image_id);
    liken_free(lk);
    return code;
}
