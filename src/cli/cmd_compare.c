#include "wire/json.h"
#include "base/buf.h"
#include "cli/caller.h"
#include "cli/cli.h"
#include "cli/message.h"
#include "cli/results.h"

#include <stdio.h>

static int compare(const lk_cli *cli, liken *lk, liken_comparison **out, liken_error *err) {
    const size_t ceiling = lk_config_size(cli->config, LK_SET_MAX_FILE);
    LK_FREE char *a = NULL;
    LK_FREE char *b = NULL;
    size_t a_size = 0, b_size = 0;
    const char *collection =
        lk_config_given(cli->config, LK_SET_COLLECTION) ? lk_config_text(cli->config, LK_SET_COLLECTION) : NULL;
    int rc = lk_file_read(cli->words[0], ceiling, &a, &a_size, err);
    if (rc == LIKEN_OK)
        rc = lk_file_read(cli->words[1], ceiling, &b, &b_size, err);
    if (rc != LIKEN_OK)
        return rc;
    return liken_compare(lk, lk_cli_call(), a, a_size, b, b_size, collection, out, err);
}

static void print_comparison(const lk_cli *cli, const liken_comparison *c) {
    if (c->best_a >= 0) {
        (void)printf("%s: distance %.4f, threshold %.4f, similarity %.3f (face %d of %zu, face %d of %zu)\n",
                     c->same ? "The same person" : "Different people", (double)c->distance, (double)c->threshold,
                     (double)c->similarity, c->best_a + 1, c->a->face_count, c->best_b + 1, c->b->face_count);
        return;
    }
    for (size_t i = 0; i < 2; i++) {
        LK_FREE char *file = lk_printable(cli->words[i]);
        const liken_image *image = i == 0 ? c->a : c->b;
        if (image->face_count > 0)
            continue;
        (void)printf(image->refused_count == 0 ? "No face was found in %s.\n" : "No usable face in %s.\n",
                     file == NULL ? "?" : file);
        lk_refused_print(image->refused, image->refused_count);
    }
}

int lk_cmd_compare(const lk_cli *cli) {
    liken_error err = {0};
    liken *lk = NULL;
    liken_comparison *c = NULL;
    const bool as_collection = lk_config_given(cli->config, LK_SET_COLLECTION);
    int rc = as_collection ? lk_cli_open(cli, false, &lk, &err) : lk_cli_open_models(cli, &lk, &err);
    if (rc == LIKEN_OK)
        rc = compare(cli, lk, &c, &err);
    if (rc == LIKEN_OK && cli->json)
        rc = lk_cli_print(lk_json_comparison(c), &err);
    else if (rc == LIKEN_OK)
        print_comparison(cli, c);
    const bool same = rc == LIKEN_OK && c->same;
    liken_comparison_free(c);
    liken_free(lk);
    if (rc != LIKEN_OK)
        return lk_cli_failed(cli, &err);
    return same ? LK_EXIT_DONE : LK_EXIT_NOTHING;
}
