#include "cli/report_text.h"

#include "wire/json.h"
#include "base/buf.h"
#include "cli/message.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const rate_names[LK_REPORT_RATES] = {"0.01", "0.001", "0.0001", "0.00001"};

/* An object of one value per false match rate. */
static json_t *per_rate(const lk_report *r, json_t *(*make)(const lk_rate *)) {
    json_t *json = json_object();
    for (size_t i = 0; i < LK_REPORT_RATES; i++)
        if (json_object_set_new(json, rate_names[i], make(&r->rates[i])) != 0) {
            json_decref(json);
            return NULL;
        }
    return json;
}

static json_t *tmr_json(const lk_rate *rate) {
    return lk_json_number(rate->tmr);
}

static json_t *tmr_used_json(const lk_rate *rate) {
    return lk_json_number(rate->tmr_used);
}

static json_t *threshold_json(const lk_rate *rate) {
    return lk_json_number(rate->threshold);
}

static json_t *strangers_json(const lk_rate *rate) {
    return json_pack("{s:s, s:I}", "set", rate->all ? "all" : "pairs", "pairs", (json_int_t)rate->strangers);
}

static json_t *names_json(const lk_pairs *p, const lk_subject *s, const bool *in, bool unreadable) {
    json_t *list = json_array();
    for (size_t i = 0; i < p->file_count; i++)
        if (in[i] && s[i].vector == NULL && s[i].unreadable == unreadable &&
            json_array_append_new(list, lk_json_text(p->files[i])) != 0) {
            json_decref(list);
            return NULL;
        }
    return list;
}

json_t *lk_report_json(const lk_report *r, const lk_pairs *p, const lk_subject *subjects, uint16_t source) {
    LK_FREE bool *in = lk_pairs_files_of(p, source);
    if (in == NULL)
        return NULL;
    return json_pack(
        "{s:o, s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:I, s:o, s:o, s:o, s:o, s:o, s:o}",
        "source", lk_json_text(r->source), "pairs", (json_int_t)r->pairs, "same", (json_int_t)r->same, "different",
        (json_int_t)r->different, "used", (json_int_t)r->used, "accuracy", lk_json_number(r->accuracy), "accuracy_used",
        lk_json_number(r->accuracy_used), "threshold", lk_json_number(r->threshold), "folds",
        r->dealt ? "dealt" : "given", "tmr_at_fmr", per_rate(r, tmr_json), "tmr_at_fmr_used",
        per_rate(r, tmr_used_json), "threshold_at_fmr", per_rate(r, threshold_json), "strangers_at_fmr",
        per_rate(r, strangers_json), "strangers_pairs", (json_int_t)r->strangers_all, "auc", lk_json_number(r->auc),
        "eer", lk_json_number(r->equal_error), "ms_per_photo", lk_json_number(r->ms_per_photo), "ms_per_face",
        lk_json_number(r->ms_per_face), "files_without_face", names_json(p, subjects, in, false), "unreadable",
        names_json(p, subjects, in, true));
}

/* ---- the table ------------------------------------------------------------------------------ */

static void print_share(double share, int digits, const char *mark) {
    if (isnan(share))
        (void)printf("  %8s ", "-");
    else
        (void)printf("  %8.*f%s", digits, share, mark);
}

void lk_report_print(const lk_report *reports, size_t count) {
    (void)printf("%-28s %6s %6s  %8s   %8s   %8s   %8s   %8s   %8s   %8s   %8s   %8s  %8s\n", "source", "pairs", "used",
                 "accuracy", "(used)", "thresh.", "TMR 1e-2", "1e-3", "1e-4", "1e-5", "AUC", "EER", "ms/face");
    bool all = false;
    for (size_t i = 0; i < count; i++) {
        const lk_report *r = &reports[i];
        LK_FREE char *source = lk_printable(r->source);
        (void)printf("%-28s %6zu %6zu", source == NULL ? "?" : source, r->pairs, r->used);
        print_share(r->accuracy, 4, " ");
        print_share(r->accuracy_used, 4, " ");
        print_share(r->threshold, 4, " ");
        for (size_t k = 0; k < LK_REPORT_RATES; k++) {
            print_share(r->rates[k].tmr, 4, r->rates[k].all ? "*" : " ");
            all |= r->rates[k].all && !isnan(r->rates[k].tmr);
        }
        print_share(r->auc, 5, " ");
        print_share(r->equal_error, 4, "");
        (void)printf("  %8.1f\n", r->ms_per_face);
    }
    if (all)
        (void)printf(
            "* strangers: all pairs of different people among the source's photos, not only those of the file.\n");
}

/* ---- the curve ------------------------------------------------------------------------------ */

#define LEFT 70.0
#define TOP 30.0
#define SIDE_X 560.0
#define SIDE_Y 420.0
#define LOWEST_X LK_CURVE_LOWEST
#define LOWEST_Y (-3.0) /* decades of missed matches */

static double at_x(double fmr) {
    const double d = log10(fmr > 1e-5 ? fmr : 1e-5);
    return LEFT + SIDE_X * (d - LOWEST_X) / -LOWEST_X;
}

static double at_y(double miss) {
    const double d = log10(miss > 1e-3 ? miss : 1e-3);
    return TOP + SIDE_Y * (1 - (d - LOWEST_Y) / -LOWEST_Y);
}

static int axes(lk_buf *b, liken_error *err) {
    int rc = LIKEN_OK;
    for (int e = (int)LOWEST_X; rc == LIKEN_OK && e <= 0; e++)
        rc = lk_buf_format(b, err,
                           "<path d=\"M%.1f %.1fV%.1f\" class=\"grid\"/><text x=\"%.1f\" y=\"%.1f\" "
                           "text-anchor=\"middle\">%g</text>\n",
                           at_x(pow(10, e)), TOP, TOP + SIDE_Y, at_x(pow(10, e)), TOP + SIDE_Y + 18, pow(10, e));
    for (int e = (int)LOWEST_Y; rc == LIKEN_OK && e <= 0; e++)
        rc = lk_buf_format(b, err,
                           "<path d=\"M%.1f %.1fH%.1f\" class=\"grid\"/><text x=\"%.1f\" y=\"%.1f\" "
                           "text-anchor=\"end\">%g</text>\n",
                           LEFT, at_y(pow(10, e)), LEFT + SIDE_X, LEFT - 6, at_y(pow(10, e)) + 4, pow(10, e));
    return rc;
}

/* Text for XML: the five special characters as entities. */
static int escaped(lk_buf *b, const char *text, liken_error *err) {
    int rc = LIKEN_OK;
    for (const char *p = text; rc == LIKEN_OK && *p != '\0'; p++) {
        const char *entity = *p == '&'   ? "&amp;"
                             : *p == '<' ? "&lt;"
                             : *p == '>' ? "&gt;"
                             : *p == '"' ? "&quot;"
                                         : NULL;
        rc = entity == NULL ? lk_buf_append(b, p, 1, err) : lk_buf_string(b, entity, err);
    }
    return rc;
}

static int curve(lk_buf *b, const lk_report *r, size_t n, liken_error *err) {
    static const char *const colours[] = {"#0b62a4", "#d1495b", "#2e8540", "#b5651d",
                                          "#6a3d9a", "#008080", "#7a7a00", "#444444"};
    const char *colour = colours[n % LK_LENGTH(colours)];
    const char *dashes = n / LK_LENGTH(colours) % 2 == 0 ? "none" : "6 3";
    int rc = lk_buf_format(
        b, err, "<path fill=\"none\" stroke=\"%s\" stroke-dasharray=\"%s\" stroke-width=\"1.8\" d=\"", colour, dashes);
    for (size_t i = 0; rc == LIKEN_OK && i < r->curve_points; i++)
        rc = lk_buf_format(b, err, "%c%.1f %.1f", i == 0 ? 'M' : 'L', at_x(r->curve_fmr[i]), at_y(r->curve_miss[i]));
    const double y = TOP + 16 + 18 * (double)n;
    if (rc == LIKEN_OK)
        rc = lk_buf_format(b, err,
                           "\"/>\n<path stroke=\"%s\" stroke-dasharray=\"%s\" stroke-width=\"3\" d=\"M%.1f %.1fh20\"/>"
                           "<text x=\"%.1f\" y=\"%.1f\">",
                           colour, dashes, LEFT + SIDE_X + 16, y - 4, LEFT + SIDE_X + 42, y);
    LK_FREE char *source = lk_printable(r->source);
    if (rc == LIKEN_OK)
        rc = source == NULL ? lk_fail_memory(err) : escaped(b, source, err);
    return rc == LIKEN_OK ? lk_buf_string(b, "</text>\n", err) : rc;
}

static int draw(lk_buf *b, const lk_report *reports, size_t count, liken_error *err) {
    size_t drawn = 0;
    for (size_t i = 0; i < count; i++)
        drawn += reports[i].curve_points > 0;
    const double height = fmax(TOP + SIDE_Y + 50, TOP + 30 + 18 * (double)drawn);
    int rc = lk_buf_format(
        b, err,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"860\" height=\"%.0f\" font-family=\"sans-serif\" "
        "font-size=\"12\">\n<style>.grid{stroke:#ddd;fill:none}</style>\n"
        "<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n",
        height);
    if (rc == LIKEN_OK)
        rc = axes(b, err);
    if (rc == LIKEN_OK)
        rc = lk_buf_format(b, err,
                           "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">false match rate</text>\n"
                           "<text x=\"16\" y=\"%.1f\" text-anchor=\"middle\" transform=\"rotate(-90 16 %.1f)\">missed "
                           "matches</text>\n",
                           LEFT + SIDE_X / 2, TOP + SIDE_Y + 40, TOP + SIDE_Y / 2, TOP + SIDE_Y / 2);
    drawn = 0;
    for (size_t i = 0; rc == LIKEN_OK && i < count; i++)
        if (reports[i].curve_points > 0)
            rc = curve(b, &reports[i], drawn++, err);
    return rc == LIKEN_OK ? lk_buf_string(b, "</svg>\n", err) : rc;
}

int lk_report_svg(const lk_report *reports, size_t count, char **out, size_t *size, liken_error *err) {
    lk_buf b LK_CLEANUP(lk_buf_free);
    lk_buf_init(&b, (size_t)16 << 20);
    const int rc = draw(&b, reports, count, err);
    if (rc == LIKEN_OK)
        *out = lk_buf_steal(&b, size);
    return rc;
}
