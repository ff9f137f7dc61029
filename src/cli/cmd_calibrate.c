/* cmd_calibrate.c - liken calibrate: a collection's own curve as a table, as JSON, as a drawing (gallery_svg.c). */
#include "wire/json.h"
#include "base/buf.h"
#include "cli/caller.h"
#include "cli/cli.h"
#include "cli/gallery_svg.h"
#include "cli/message.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

static json_t *seen_json(double share, int64_t pairs) {
    return lk_curve_seen(share, pairs) ? lk_json_number(share) : json_null();
}

static json_t *points_json(const liken_gallery_curve *c) {
    json_t *list = json_array();
    for (size_t i = 0; i < c->count; i++) {
        const liken_gallery_point *p = &c->points[i];
        json_t *point = json_pack(
            "{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "distance", lk_json_number((double)p->distance), "pack_strangers",
            lk_json_number(p->pack_strangers), "pack_same", lk_json_number(p->pack_same), "one_photo",
            seen_json(p->together, c->together_pairs), "photos", seen_json(p->apart, c->apart_pairs), "strangers",
            lk_json_number(p->strangers), "nearest", seen_json(p->nearest, c->compared));
        if (json_array_append_new(list, point) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static int print_json(const liken_gallery_curve *c, liken_error *err) {
    return lk_cli_print(json_pack("{s:s, s:s, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o}", "collection",
                                  c->collection, "model", c->model, "threshold", lk_json_number((double)c->threshold),
                                  "faces", (json_int_t)c->faces, "weak", (json_int_t)c->weak, "compared",
                                  (json_int_t)c->compared, "photos", (json_int_t)c->photos, "photos_pairs",
                                  (json_int_t)c->apart_pairs, "one_photo_pairs", (json_int_t)c->together_pairs, "same",
                                  lk_json_number(c->same), "points", points_json(c)),
                        err);
}

static void print_share(double share, bool seen) {
    if (seen && isfinite(share))
        (void)printf(" %11.2g", share);
    else
        (void)printf(" %11s", "-");
}

/* A rate of 1, 3 or 10 at the beginning of a decade; of the many points these are shown. */
static bool is_shown(const liken_gallery_curve *c, const liken_gallery_point *p) {
    const double decade = log10(p->pack_strangers);
    const bool round = fabs(remainder(decade, 1)) < 1e-3 || fabs(remainder(decade + 0.5, 1)) < 1e-3;
    return p->distance == c->threshold || (round && p->pack_strangers > 1.1e-6);
}

static void print_table(const liken_gallery_curve *c) {
    (void)printf("%s: %" PRId64 " good faces, %" PRId64 " weak ones left out; compared %" PRId64 " of %" PRId64
                 " photos: %" PRId64 " pairs of different photos, %" PRId64 " of one photo.\n",
                 c->collection, c->faces, c->weak, c->compared, c->photos, c->apart_pairs, c->together_pairs);
    if (isfinite(c->same))
        (void)printf("About %.2g %% of the pairs of different photos are of one person.\n", 100 * c->same);
    (void)printf("\nShare within a distance:\n%9s %11s %11s %11s %11s %11s\n", "distance", "pack", "strangers",
                 "one photo", "photos", "nearest");
    for (size_t i = 0; i < c->count; i++) {
        const liken_gallery_point *p = &c->points[i];
        if (!is_shown(c, p))
            continue;
        (void)printf("%9.3f", (double)p->distance);
        print_share(p->pack_strangers, true);
        print_share(p->strangers, true);
        print_share(p->together, lk_curve_seen(p->together, c->together_pairs));
        print_share(p->apart, lk_curve_seen(p->apart, c->apart_pairs));
        print_share(p->nearest, lk_curve_seen(p->nearest, c->compared));
        (void)printf("%s\n", p->distance == c->threshold ? "  threshold" : "");
    }
}

static int write_svg(const liken_gallery_curve *c, const char *path, liken_error *err) {
    LK_FREE char *svg = NULL;
    size_t size = 0;
    const int rc = lk_gallery_svg(c, &svg, &size, err);
    return rc == LIKEN_OK ? lk_file_write(path, svg, size, err) : rc;
}

int lk_cmd_calibrate(const lk_cli *cli) {
    liken_error err = {0};
    liken *lk = NULL;
    liken_gallery_curve *c = NULL;
    int rc = lk_cli_open(cli, false, &lk, &err);
    if (rc == LIKEN_OK)
        rc = liken_calibrate(lk, lk_cli_call(), cli->count > 0 ? cli->words[0] : NULL, &c, &err);
    const bool few = rc == LIKEN_E_ARG;
    const char *svg = lk_config_text(cli->config, LK_SET_SVG);
    if (rc == LIKEN_OK && svg != NULL)
        rc = write_svg(c, svg, &err);
    if (rc == LIKEN_OK && cli->json)
        rc = print_json(c, &err);
    else if (rc == LIKEN_OK)
        print_table(c);
    liken_gallery_curve_free(c);
    liken_free(lk);
    if (rc == LIKEN_OK)
        return LK_EXIT_DONE;
    const int code = lk_cli_failed(cli, &err);
    return few ? LK_EXIT_FAILED : code;
}
