#include "base/clock.h"
#include "base/text.h"
#include "cli/caller.h"
#include "cli/cli.h"
#include "cli/export.h"
#include "cli/interrupt.h"
#include "cli/message.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE 1000

typedef struct exporting {
    const lk_cli *cli;
    liken *lk;
    lk_export out;
    size_t expected; /* photos, when it began */
} exporting;

static const char *path_of(const lk_cli *cli) {
    const char *path = lk_config_text(cli->config, LK_SET_OUTPUT);
    return path == NULL || strcmp(path, "-") == 0 ? NULL : path;
}

/* As --format says, else as the name of the file does. */
static bool is_csv(const lk_cli *cli) {
    const char *path = path_of(cli);
    return lk_config_given(cli->config, LK_SET_FORMAT) ? lk_config_choice(cli->config, LK_SET_FORMAT) == 1
                                                       : path != NULL && lk_text_ends(path, ".csv");
}

static void show(const exporting *x) {
    lk_progress_show(x->out.images < x->expected ? x->out.images : x->expected, x->out.faces);
}

/* Page by page, so that memory stays flat. */
static int write_images(exporting *x, const liken_collection *c, liken_error *err) {
    liken_list_options options = {
        .size = sizeof(liken_list_options), .collection = c->name, .limit = PAGE, .describe = true};
    int rc = LIKEN_OK;
    do {
        liken_image_list *page = NULL;
        rc = lk_interrupted() ? lk_fail(err, LIKEN_E_CANCELLED, "Interrupted after %zu photos.", x->out.images)
                              : liken_list(x->lk, lk_cli_call(), &options, &page, err);
        for (size_t i = 0; rc == LIKEN_OK && i < page->count; i++)
            rc = lk_export_image(&x->out, c, page->images[i], err);
        options.after = rc == LIKEN_OK ? page->next : 0;
        liken_image_list_free(page);
        show(x);
    } while (rc == LIKEN_OK && options.after != 0);
    return rc;
}

static int write_all(exporting *x, liken_collection *const *list, size_t count, liken_error *err) {
    liken_state *state = NULL;
    int rc = liken_get_state(x->lk, lk_cli_call(), &state, err);
    if (rc == LIKEN_OK)
        rc = lk_export_begin(&x->out, path_of(x->cli), is_csv(x->cli), state, err);
    liken_state_free(state);
    for (size_t i = 0; i < count; i++)
        x->expected += (size_t)list[i]->images;
    lk_progress_start("photos", x->expected);
    for (size_t i = 0; rc == LIKEN_OK && i < count; i++) {
        rc = lk_export_collection(&x->out, list[i], err);
        if (rc == LIKEN_OK)
            rc = write_images(x, list[i], err);
    }
    lk_progress_end();
    return rc == LIKEN_OK ? lk_export_finish(&x->out, err) : rc;
}

/* The one that is named, else all. */
static int run(exporting *x, liken_error *err) {
    liken_collection **list = NULL, *one = NULL;
    size_t count = 0;
    if (lk_config_given(x->cli->config, LK_SET_COLLECTION)) {
        int rc =
            liken_collection_get(x->lk, lk_cli_call(), lk_config_text(x->cli->config, LK_SET_COLLECTION), &one, err);
        if (rc == LIKEN_OK)
            rc = write_all(x, &one, 1, err);
        liken_collection_free(one);
        return rc;
    }
    int rc = liken_collection_list(x->lk, lk_cli_call(), &list, &count, err);
    if (rc == LIKEN_OK)
        rc = write_all(x, list, count, err);
    liken_collections_free(list, count);
    return rc;
}

/* On standard output only where the data is not. */
static int summary(const exporting *x, double seconds, liken_error *err) {
    const char *path = path_of(x->cli);
    char took[32];
    if (x->cli->json && path != NULL)
        return lk_cli_print(json_pack("{s:I, s:I, s:I, s:f}", "collections", (json_int_t)x->out.collections, "photos",
                                      (json_int_t)x->out.images, "faces", (json_int_t)x->out.faces, "seconds", seconds),
                            err);
    lk_duration_text(seconds, took, sizeof took);
    lk_message("Exported %zu %s with %zu %s in %s.", x->out.images, x->out.images == 1 ? "photo" : "photos",
               x->out.faces, x->out.faces == 1 ? "face" : "faces", took);
    return LIKEN_OK;
}

int lk_cmd_export(const lk_cli *cli) {
    liken_error err = {0};
    exporting x = {.cli = cli};
    if (cli->json && path_of(cli) == NULL && is_csv(cli))
        return lk_cli_usage(cli, "--format csv is no JSON: leave --json out, or name a file with -o.");
    const double started = lk_clock_monotonic();
    int rc = lk_cli_open(cli, true, &x.lk, &err);
    if (rc == LIKEN_OK) {
        lk_interrupt_arm();
        rc = run(&x, &err);
    }
    if (rc == LIKEN_OK)
        rc = summary(&x, lk_clock_monotonic() - started, &err);
    const bool nothing = x.out.images == 0;
    lk_export_free(&x.out);
    liken_free(x.lk);
    if (rc != LIKEN_OK)
        return lk_cli_failed(cli, &err);
    return nothing ? LK_EXIT_NOTHING : LK_EXIT_DONE;
}
