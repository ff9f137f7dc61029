#include "wire/json.h"
#include "base/clock.h"
#include "cli/caller.h"
#include "cli/cli.h"
#include "cli/files.h"
#include "cli/message.h"
#include "cli/when.h"

#include <inttypes.h>
#include <stdio.h>

#define PAGE 500

/* "2026-11-24T21:56:00Z", or the room of it. */
static void time_text(int64_t when, char text[32]) {
    if (when == 0 || when == LIKEN_NO_TIME)
        (void)snprintf(text, 32, "%20s", "-");
    else
        lk_clock_format(when, text, 32);
}

static int print_image(const lk_cli *cli, const liken_image *image, liken_error *err) {
    if (cli->json)
        return lk_cli_print(lk_json_image(image), err);
    char added[32], captured[32];
    time_text(image->added_at, added);
    time_text(image->captured_at, captured);
    LK_FREE char *path = liken_path_of_label(image->file == NULL ? "" : image->file);
    LK_FREE char *file = path == NULL ? NULL : lk_printable(path);
    char more[32] = "";
    if (image->label_count > 1)
        (void)snprintf(more, sizeof more, " and %zu more", image->label_count - 1);
    LK_FREE char *id = lk_printable(image->image_id == NULL ? "" : image->image_id);
    (void)printf("%8" PRId64 "  %s  %s  %3zu %-5s  %5dx%-5d  %s%s%s%s%s\n", image->id, added, captured,
                 image->face_count, image->face_count == 1 ? "face" : "faces", image->width, image->height,
                 file == NULL ? "?" : file, more, image->image_id ? "  (" : "", id == NULL ? "?" : id,
                 image->image_id ? ")" : "");
    return LIKEN_OK;
}

static liken_wanted wanted(const lk_cli *cli, lk_setting_id id) {
    if (!lk_config_given(cli->config, id))
        return LIKEN_EITHER;
    return lk_config_choice(cli->config, id) == 0 ? LIKEN_ONLY_WITH : LIKEN_ONLY_WITHOUT;
}

static int read_filters(const lk_cli *cli, liken_list_options *o, liken_error *err) {
    o->image_id = lk_config_text(cli->config, LK_SET_IMAGE_ID);
    o->tags = lk_config_list(cli->config, LK_SET_TAG, &o->tag_count);
    o->file_prefix = lk_config_text(cli->config, LK_SET_FILE_PREFIX);
    o->faces = wanted(cli, LK_SET_HAS_FACE);
    o->refused = wanted(cli, LK_SET_HAS_REFUSED);
    o->newest = lk_config_switch(cli->config, LK_SET_NEWEST);
    return lk_cli_captured_between(cli, &o->captured_from, &o->captured_to, err);
}

/* Pages until the end or `most` images; *printed counts them. */
static int print_all(const lk_cli *cli, liken *lk, size_t most, size_t *printed, liken_error *err) {
    const char *wanted = lk_config_text(cli->config, LK_SET_FILE);
    LK_FREE char *label = NULL;
    const char *collection = lk_config_text(cli->config, LK_SET_COLLECTION);
    int rc = wanted == NULL ? LIKEN_OK : lk_file_named(lk, collection, wanted, &label, err);
    liken_list_options options = {.size = sizeof(liken_list_options), .collection = collection, .file = label};
    if (rc == LIKEN_OK)
        rc = read_filters(cli, &options, err);
    if (rc != LIKEN_OK)
        return rc;
    do {
        options.limit = most - *printed < PAGE ? (int)(most - *printed) : PAGE;
        liken_image_list *page = NULL;
        rc = liken_list(lk, lk_cli_call(), &options, &page, err);
        for (size_t i = 0; rc == LIKEN_OK && i < page->count; i++, (*printed)++)
            rc = print_image(cli, page->images[i], err);
        if (rc != LIKEN_OK) {
            liken_image_list_free(page);
            return rc;
        }
        options.after = page->next;
        liken_image_list_free(page);
    } while (options.after != 0 && *printed < most);
    return LIKEN_OK;
}

int lk_cmd_list(const lk_cli *cli) {
    liken_error err = {0};
    liken *lk = NULL;
    size_t printed = 0;
    const size_t most =
        lk_config_given(cli->config, LK_SET_LIMIT) ? lk_config_size(cli->config, LK_SET_LIMIT) : SIZE_MAX;
    int rc = lk_cli_open(cli, true, &lk, &err);
    if (rc == LIKEN_OK)
        rc = print_all(cli, lk, most, &printed, &err);
    liken_free(lk);
    if (rc != LIKEN_OK)
        return lk_cli_failed(cli, &err);
    if (printed == 0)
        lk_message("No such photo.");
    return printed == 0 ? LK_EXIT_NOTHING : LK_EXIT_DONE;
}
