#include "wire/json.h"
#include "base/buf.h"
#include "base/cpu.h"
#include "cli/batch.h"
#include "cli/caller.h"
#include "cli/cli.h"
#include "cli/interrupt.h"
#include "cli/message.h"

#include <stdio.h>
#include <stdlib.h>

typedef struct detection {
    const lk_cli *cli;
    liken *lk;
    const char *draw; /* NULL: do not */
    size_t faces, failed;
} detection;

static int work(void *ctx, const lk_path *path, const liken_mark *mark, const char *bytes, size_t size,
                liken_image **out, liken_error *err) {
    (void)path;
    (void)mark;
    const detection *d = ctx;
    const liken_detect_options options = {.size = sizeof(liken_detect_options),
                                          .describe = lk_config_switch(d->cli->config, LK_SET_DESCRIBE),
                                          .pack = lk_config_text(d->cli->config, LK_SET_PACK)};
    liken_image *image = NULL;
    int rc = liken_detect(d->lk, lk_cli_call(), bytes, size, &options, &image, err);
    if (rc == LIKEN_OK && d->draw != NULL) {
        LK_FREE void *jpeg = NULL;
        size_t jpeg_size = 0;
        rc = liken_draw(d->lk, lk_cli_call(), bytes, size, image, &jpeg, &jpeg_size, err);
        if (rc == LIKEN_OK)
            rc = lk_file_write(d->draw, jpeg, jpeg_size, err);
    }
    if (rc != LIKEN_OK) {
        liken_image_free(image);
        return rc;
    }
    *out = image;
    return LIKEN_OK;
}

static void print_face(const liken_face *f) {
    (void)printf("  %.0f,%.0f %.0fx%.0f  confidence %.2f  sharpness %.2f  yaw %.0f pitch %.0f roll %.0f",
                 (double)f->box.x, (double)f->box.y, (double)f->box.width, (double)f->box.height, (double)f->confidence,
                 (double)f->quality.sharpness, (double)f->quality.yaw, (double)f->quality.pitch,
                 (double)f->quality.roll);
    if (f->reason == LIKEN_KEPT)
        (void)putchar('\n');
    else
        (void)printf("  refused: %s. %s\n", liken_reason_code(f->reason), liken_reason_advice(f->reason));
}

static void print_photo(const lk_outcome *o) {
    LK_FREE char *file = lk_printable(o->path->name);
    const liken_image *image = o->image;
    (void)printf("%s: %dx%d, %zu %s, %zu refused (%s, from %.0f pixels on everywhere)\n", file == NULL ? "?" : file,
                 image->width, image->height, image->face_count, image->face_count == 1 ? "face" : "faces",
                 image->refused_count, image->detector == NULL ? "no detector" : image->detector,
                 (double)image->smallest_face);
    if (image->note != NULL)
        (void)printf("  read: %s\n", image->note);
    for (size_t i = 0; i < image->face_count; i++)
        print_face(&image->faces[i]);
    for (size_t i = 0; i < image->refused_count; i++)
        print_face(&image->refused[i]);
}

static int done(void *ctx, const lk_outcome *o, liken_error *err) {
    detection *d = ctx;
    if (o->rc == LIKEN_OK) {
        d->faces += o->image->face_count;
    } else {
        d->failed++;
        lk_outcome_say(o);
    }
    if (d->cli->json)
        return lk_cli_print(lk_outcome_json(o, json_pack("{s:o}", "file", lk_json_text(o->path->name))), err);
    if (o->rc == LIKEN_OK)
        print_photo(o);
    return LIKEN_OK;
}

int lk_cmd_detect(const lk_cli *cli) {
    liken_error err = {0};
    detection d = {.cli = cli, .draw = lk_config_text(cli->config, LK_SET_DRAW)};
    if (d.draw != NULL && cli->count > 1)
        return lk_cli_usage(cli, "--draw takes one photo at a time.");
    int rc = lk_cli_open_models(cli, &d.lk, &err);
    lk_path *paths = calloc(cli->count, sizeof *paths);
    if (rc == LIKEN_OK && paths == NULL)
        rc = lk_fail_memory(&err);
    if (rc == LIKEN_OK) {
        for (size_t i = 0; i < cli->count; i++)
            paths[i].name = (char *)(uintptr_t)cli->words[i]; /* read only; the batch frees nothing */
        const int threads = (int)lk_config_number(cli->config, LK_SET_THREADS);
        const lk_batch batch = {.paths = paths,
                                .count = cli->count,
                                .threads = threads > 0 ? threads : lk_cpu_count(),
                                .max_file = lk_config_size(cli->config, LK_SET_MAX_FILE),
                                .work = work,
                                .done = done,
                                .ctx = &d};
        size_t handed = 0;
        lk_interrupt_arm();
        rc = lk_batch_run(&batch, &handed, &err);
    }
    free(paths);
    liken_free(d.lk);
    if (rc != LIKEN_OK)
        return lk_cli_failed(cli, &err);
    return d.failed > 0 ? LK_EXIT_FAILED : d.faces == 0 ? LK_EXIT_NOTHING : LK_EXIT_DONE;
}
