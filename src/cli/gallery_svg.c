#include "cli/gallery_svg.h"

#include "base/buf.h"

#include <math.h>

#define LEFT 100.0
#define TOP 64.0
#define SIDE_X 600.0
#define SIDE_Y 400.0
#define LOWEST (-6.0) /* decades of a share */
#define CEILING ((size_t)1 << 20)

typedef struct series {
    const char *class, *name;
    size_t at;     /* offset of its share in liken_gallery_point */
    int64_t pairs; /* that it is of; 0: it is no count */
} series;

typedef struct frame {
    double from, to; /* distances */
} frame;

bool lk_curve_seen(double share, int64_t pairs) {
    return isfinite(share) && share * (double)pairs > LK_CURVE_SEEN - 0.5;
}

static double share_of(const liken_gallery_point *p, const series *s) {
    return *(const double *)(const void *)((const char *)p + s->at);
}

static double at_x(const frame *f, double distance) {
    return LEFT + SIDE_X * (distance - f->from) / (f->to - f->from);
}

static double at_y(double share) {
    return TOP + SIDE_Y * log10(fmax(share, pow(10, LOWEST))) / LOWEST;
}

static int head(lk_buf *b, const liken_gallery_curve *c, liken_error *err) {
    return lk_buf_format(
        b, err,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 960 540\" width=\"960\" height=\"540\" role=\"img\" "
        "font-family=\"sans-serif\" font-size=\"13\">\n<title>What distances mean in %s</title>\n<style>\n"
        "svg{--back:#fff;--ink:#222;--grid:#ddd;--pack:#555;--one:#c0392b;--apart:#1f6fb2;--strangers:#e08a00;"
        "--nearest:#2e8540}\n"
        "@media (prefers-color-scheme:dark){svg{--back:#16181c;--ink:#e6e6e6;--grid:#3a3d44;--pack:#aaa;--one:#ff7b6b;"
        "--apart:#6db6f2;--strangers:#ffb84d;--nearest:#7bd08a}}\n"
        ".back{fill:var(--back)}text{fill:var(--ink)}.grid{stroke:var(--grid)}path{fill:none;stroke-width:2}"
        ".pack{stroke:var(--pack)}.same{stroke:var(--pack);stroke-dasharray:2 4}.one{stroke:var(--one)}"
        ".apart{stroke:var(--apart)}.strangers{stroke:var(--strangers);stroke-dasharray:8 4}"
        ".nearest{stroke:var(--nearest)}.mark{stroke:var(--ink);stroke-dasharray:3 3;stroke-width:1}"
        ".grid{stroke-width:1}\n"
        "</style>\n<rect width=\"100%%\" height=\"100%%\" class=\"back\"/>\n"
        "<text x=\"%.0f\" y=\"26\" font-size=\"17\">What distances mean in %s</text>\n"
        "<text x=\"%.0f\" y=\"46\">%lld good faces of %lld photos, compared with each other; the pack's curve beside "
        "them</text>\n",
        c->collection, LEFT, c->collection, LEFT, (long long)c->compared, (long long)c->photos);
}

static int axes(lk_buf *b, const frame *f, liken_error *err) {
    int rc = LIKEN_OK;
    for (int e = (int)LOWEST; rc == LIKEN_OK && e <= 0; e++)
        rc = lk_buf_format(b, err,
                           "<path d=\"M%.1f %.1fh%.1f\" class=\"grid\"/><text x=\"%.1f\" y=\"%.1f\" "
                           "text-anchor=\"end\">%.*f</text>\n",
                           LEFT, at_y(pow(10, e)), SIDE_X, LEFT - 8, at_y(pow(10, e)) + 4, -e, pow(10, e));
    const double step = pow(10, floor(log10((f->to - f->from) / 4)));
    for (double d = ceil(f->from / step) * step; rc == LIKEN_OK && d <= f->to; d += step)
        rc = lk_buf_format(b, err,
                           "<path d=\"M%.1f %.1fv%.1f\" class=\"grid\"/><text x=\"%.1f\" y=\"%.1f\" "
                           "text-anchor=\"middle\">%g</text>\n",
                           at_x(f, d), TOP, SIDE_Y, at_x(f, d), TOP + SIDE_Y + 20, d);
    if (rc == LIKEN_OK)
        rc = lk_buf_format(b, err,
                           "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">distance</text>\n"
                           "<text x=\"20\" y=\"%.1f\" text-anchor=\"middle\" transform=\"rotate(-90 20 %.1f)\">share "
                           "within the distance</text>\n",
                           LEFT + SIDE_X / 2, TOP + SIDE_Y + 44, TOP + SIDE_Y / 2, TOP + SIDE_Y / 2);
    return rc;
}

static int mark_threshold(lk_buf *b, const frame *f, float threshold, liken_error *err) {
    if (!((double)threshold > f->from && (double)threshold < f->to))
        return LIKEN_OK;
    return lk_buf_format(b, err,
                         "<path d=\"M%.1f %.1fv%.1f\" class=\"mark\"/><text x=\"%.1f\" y=\"%.1f\">"
                         "threshold %.3f</text>\n",
                         at_x(f, (double)threshold), TOP, SIDE_Y, at_x(f, (double)threshold) + 6, TOP + SIDE_Y - 10,
                         (double)threshold);
}

static int draw_series(lk_buf *b, const frame *f, const liken_gallery_curve *c, const series *s, size_t row,
                       liken_error *err) {
    const double y = TOP + 12 + 24 * (double)row;
    bool begun = false;
    int rc = lk_buf_format(b, err, "<path class=\"%s\" d=\"M%.1f %.1fh26\"/><text x=\"%.1f\" y=\"%.1f\">%s</text>\n",
                           s->class, LEFT + SIDE_X + 20, y - 4, LEFT + SIDE_X + 54, y, s->name);
    for (size_t i = 0; rc == LIKEN_OK && i < c->count; i++) {
        const liken_gallery_point *p = &c->points[i];
        const double share = share_of(p, s);
        const bool seen = s->pairs > 0 ? lk_curve_seen(share, s->pairs) : share > 1.001 * pow(10, LOWEST);
        if (!seen || (double)p->distance < f->from || (double)p->distance > f->to)
            continue;
        rc = lk_buf_format(b, err, "%s%.1f %.1f", begun ? "L" : "<path d=\"M", at_x(f, (double)p->distance),
                           at_y(share));
        begun = true;
    }
    return rc == LIKEN_OK && begun ? lk_buf_format(b, err, "\" class=\"%s\"/>\n", s->class) : rc;
}

static int draw(lk_buf *b, const liken_gallery_curve *c, liken_error *err) {
    const series all[] = {
        {"pack", "pack: strangers", offsetof(liken_gallery_point, pack_strangers), 0},
        {"same", "pack: one person", offsetof(liken_gallery_point, pack_same), 0},
        {"one", "pairs of one photo", offsetof(liken_gallery_point, together), c->together_pairs},
        {"apart", "pairs of two photos", offsetof(liken_gallery_point, apart), c->apart_pairs},
        {"strangers", "strangers (estimate)", offsetof(liken_gallery_point, strangers), 0},
        {"nearest", "nearest of a face", offsetof(liken_gallery_point, nearest), c->compared},
    };
    const double last = (double)c->points[c->count - 1].distance;
    const frame f = {0.3 * last, last};
    int rc = head(b, c, err);
    if (rc == LIKEN_OK)
        rc = axes(b, &f, err);
    if (rc == LIKEN_OK)
        rc = mark_threshold(b, &f, c->threshold, err);
    for (size_t i = 0; rc == LIKEN_OK && i < LK_LENGTH(all); i++)
        rc = draw_series(b, &f, c, &all[i], i, err);
    return rc == LIKEN_OK ? lk_buf_string(b, "</svg>\n", err) : rc;
}

int lk_gallery_svg(const liken_gallery_curve *c, char **out, size_t *size, liken_error *err) {
    lk_buf b LK_CLEANUP(lk_buf_free);
    lk_buf_init(&b, CEILING);
    const int rc = draw(&b, c, err);
    if (rc == LIKEN_OK)
        *out = lk_buf_steal(&b, size);
    return rc;
}
