#include "cli/results.h"

#include "base/clock.h"
#include "cli/message.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static void print_box(const liken_box *b) {
    (void)printf("%.0f,%.0f %.0fx%.0f", (double)b->x, (double)b->y, (double)b->width, (double)b->height);
}

void lk_refused_print(const liken_face *refused, size_t count) {
    for (size_t i = 0; i < count; i++) {
        (void)printf("  refused: ");
        print_box(&refused[i].box);
        (void)printf(" %s. %s\n", liken_reason_code(refused[i].reason), liken_reason_advice(refused[i].reason));
    }
}

/* ---- matches ---- */

/* The day is enough to tell which of two is meant; --json has the time. */
static void print_day(int64_t when) {
    char text[32];
    if (when == 0 || when == LIKEN_NO_TIME)
        (void)snprintf(text, sizeof text, "%s", "-");
    else
        lk_clock_format(when, text, sizeof text);
    (void)printf("%-10.10s", text);
}

static void print_match(const liken_match *m, bool several) {
    LK_FREE char *path = liken_path_of_label(m->file == NULL ? "" : m->file);
    LK_FREE char *file =
        path == NULL ? NULL : lk_printable(m->file != NULL || m->image_id == NULL ? path : m->image_id);
    (void)printf("  %8.4f  %10.3f  %8" PRId64 "  ", (double)m->distance, (double)m->similarity, m->image);
    print_day(m->captured_at);
    if (several)
        (void)printf("  %4d", m->photo + 1);
    (void)printf("  %s  ", file == NULL ? "?" : file);
    print_box(&m->box);
    if (m->weak)
        (void)printf("  weak");
    (void)putchar('\n');
}

/* "20 of 25 matches" */
static void print_count(const liken_answer *a) {
    if (a->total > (int64_t)a->match_count)
        (void)printf("%zu of %" PRId64 " matches", a->match_count, a->total);
    else
        (void)printf("%zu %s%s", a->match_count, a->match_count == 1 ? "match" : "matches",
                     a->total < 0 ? " and perhaps more" : "");
    (void)printf("; of strangers, about %.3g can be expected within the threshold\n", a->expected_false_matches);
}

static void print_matches(const liken_answer *a, bool several) {
    if (a->match_count > 0)
        (void)printf("  distance  similarity     photo  taken       %sfile  box\n", several ? "near  " : "");
    for (size_t m = 0; m < a->match_count; m++)
        print_match(&a->matches[m], several);
}

static void print_answer(const liken_answer *a, size_t i, size_t count) {
    (void)printf("Face %zu of %zu at ", i + 1, count);
    print_box(&a->face.box);
    (void)printf("%s: ", a->face.weak ? " (weak: seen badly, so matches must be nearer)" : "");
    print_count(a);
    print_matches(a, false);
}

/* ---- query photos ---- */

static bool has_face(const liken_query_photo *p) {
    return p->face.box.width > 0 || p->face.box.height > 0;
}

static void print_no_face(const liken_query_photo *p, const char *where) {
    if (p->refused_count == 0)
        (void)printf("No face was found in %s.\n", where);
    else
        (void)printf("No usable face in %s: %zu %s refused.\n", where, p->refused_count,
                     p->refused_count == 1 ? "was" : "were");
}

static void print_one(const liken_result *r) {
    const liken_query_photo *p = &r->photos[0];
    for (size_t i = 0; i < r->answer_count; i++)
        print_answer(&r->answers[i], i, r->answer_count);
    if (r->answer_count == 0)
        print_no_face(p, "the photo");
    else if (p->others > 0)
        (void)printf("Only the main face was searched for; the photo has %zu more.\n", p->others);
    if (p->note != NULL)
        (void)printf("Read was %s.\n", p->note);
    lk_refused_print(p->refused, p->refused_count);
}

static void print_view(const liken_query_photo *p, size_t i, const char *name) {
    LK_FREE char *file = lk_printable(name);
    if (!has_face(p)) {
        print_no_face(p, file == NULL ? "?" : file);
    } else {
        (void)printf("View %zu: %s, the face at ", i + 1, file == NULL ? "?" : file);
        print_box(&p->face.box);
        if (p->others > 0)
            (void)printf(", the largest of %zu", p->others + 1);
        (void)putchar('\n');
    }
    lk_refused_print(p->refused, p->refused_count);
}

static void print_several(const liken_result *r, const char *const *names) {
    for (size_t i = 0; i < r->photo_count; i++)
        print_view(&r->photos[i], i, names[i]);
    for (size_t i = 0; i < r->answer_count; i++) {
        (void)printf("Near any of these views: ");
        print_count(&r->answers[i]);
        print_matches(&r->answers[i], true);
    }
}

void lk_results_print(const liken_result *r, const char *const *names) {
    if (r->photo_count > 1)
        print_several(r, names);
    else
        print_one(r);
    for (size_t i = 0; i < r->missing_count; i++)
        (void)printf("Server %s of the cluster did not answer: what it holds was not compared.\n", r->missing[i]);
    (void)printf("Compared with %" PRIu64 " %s of %s, %s, threshold %.4f\n", r->searched,
                 r->searched == 1 ? "face" : "faces", r->collection, r->exact ? "exactly" : "approximately",
                 (double)r->threshold);
}

void lk_results_say_left_out(const liken_result *r, const char *const *names) {
    for (size_t i = 0; i < r->photo_count; i++) {
        const liken_query_photo *p = &r->photos[i];
        LK_FREE char *file = lk_printable(names[i]);
        if (r->photo_count > 1 ? !has_face(p) : r->answer_count == 0)
            lk_message("%s: %s", file == NULL ? "?" : file,
                       p->refused_count == 0 ? "no face was found." : "no usable face was found.");
        for (size_t k = 0; k < p->refused_count; k++)
            lk_message("%s: refused as %s. %s", file == NULL ? "?" : file, liken_reason_code(p->refused[k].reason),
                       liken_reason_advice(p->refused[k].reason));
    }
    for (size_t i = 0; i < r->answer_count; i++)
        if (r->answers[i].total > (int64_t)r->answers[i].match_count)
            lk_message("Face %zu of %zu: %zu of %" PRId64 " matches; --limit takes more.", i + 1, r->answer_count,
                       r->answers[i].match_count, r->answers[i].total);
}

void lk_results_doubt(const liken_result *r, const char *const *names) {
    for (size_t i = 0; i < r->photo_count; i++) {
        if (!r->photos[i].doubtful)
            continue;
        LK_FREE char *file = lk_printable(names[i]);
        lk_message(
            "%s does not seem to show the person of the other photos: its main face is at a distance of %.4f from "
            "the nearest of theirs. What is near it was searched for too; leave it out if it is somebody else.",
            file == NULL ? "?" : file, (double)r->photos[i].nearest);
    }
}
