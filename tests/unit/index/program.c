#include "program.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    FEW = 6,
    OTHERS = 12,
    MOST_RUNS = 2000
}; /* up to MOST_RUNS lists of FEW steps are tried with OTHERS questions */

static const char *const verbs[VERBS] = {"add", "delete", "settle", "save", "restart", "ask", "read"};

static bool is_plain(verb v) {
    return v == SETTLE || v == SAVE || v == RESTART;
}

static step draw_step(dice *d) {
    static const verb often[] = {ADD,  ADD,     ADD, DELETE, DELETE, DELETE, SETTLE,
                                 SAVE, RESTART, ASK, ASK,    ASK,    ASK,    READ};
    step s = {.verb = often[dice_below(d, sizeof often / sizeof often[0])], .seed = dice_below(d, 1000000)};
    if (s.verb == ADD)
        s.n = dice_below(d, 4) == 0 ? dice_below(d, 1500) : dice_below(d, 20);
    else if (s.verb == DELETE)
        s.n = dice_below(d, 64);
    else if (!is_plain(s.verb))
        s.n = 1 + dice_below(d, 5);
    return s;
}

void program_draw(program *p, uint64_t seed, size_t count) {
    static const unsigned dimensions[] = {16, 17, 31, 33, 48, 64, 100, 128}, large[] = {130, 260, 512, 1024};
    dice d = {seed};
    *p = (program){.kind = dice_below(&d, KINDS), .small = 1 + dice_below(&d, 1000), .count = count};
    p->dimension = dimensions[dice_below(&d, sizeof dimensions / sizeof dimensions[0])];
    if (dice_below(&d, 16) == 0) /* learning takes the cube of it */
        p->dimension = large[dice_below(&d, sizeof large / sizeof large[0])];
    for (size_t i = 0; i < count; i++)
        p->steps[i] = draw_step(&d);
}

/* ---- running ------------------------------------------------------------------------------------------------------
 */

static void of_kind(const void *ctx, int64_t id, dice *d, float *v, int dimension) {
    (void)id;
    dice_vector(d, (int)*(const unsigned *)ctx, v, dimension);
}

static bool run_step(history *h, const step *s) {
    switch (s->verb) {
    case ADD:
        return history_add(h, s->n, s->seed);
    case DELETE:
        return history_delete(h, s->n, s->seed);
    case SETTLE:
        history_settle(h);
        return true;
    case SAVE:
        return history_save(h);
    case RESTART:
        return history_restart(h);
    case ASK:
        return history_ask(h, s->n, s->seed);
    default:
        return history_read(h, s->n, s->seed);
    }
}

bool program_run(const program *p, char why[WHY]) {
    history h;
    bool good = history_begin(&h, (int)p->dimension, of_kind, &p->kind, p->small);
    if (h.o != NULL)
        h.o->wrong = p->wrong;
    for (size_t i = 0; good && i < p->count; i++)
        good = run_step(&h, &p->steps[i]);
    if (!good)
        memcpy(why, h.why, WHY);
    history_end(&h);
    return good;
}

/* ---- shrinking ----------------------------------------------------------------------------------------------------
 */

static bool fails(const program *p, int *runs) {
    char why[WHY];
    ++*runs;
    return !program_run(p, why);
}

/* Other questions may show in a shorter list what these do not show any more. */
static bool fails_otherwise(program *p, int *runs) {
    for (unsigned seed = 0; seed < OTHERS; seed++) {
        for (size_t i = 0; i < p->count; i++)
            if (p->steps[i].verb == ASK)
                p->steps[i].seed = seed;
        if (fails(p, runs))
            return true;
    }
    return false;
}

/* Takes the candidate if it fails as well. */
static bool take(program *p, const program *candidate, int *runs) {
    program other = *candidate;
    if (fails(candidate, runs)) {
        *p = *candidate;
        return true;
    }
    if (*runs > MOST_RUNS || other.count > FEW || !fails_otherwise(&other, runs))
        return false;
    *p = other;
    return true;
}

static bool without(program *p, size_t first, size_t n, int *runs) {
    program candidate = *p;
    memmove(candidate.steps + first, candidate.steps + first + n, (p->count - first - n) * sizeof(step));
    candidate.count -= n;
    return take(p, &candidate, runs);
}

/* Runs of steps, from half of them to single ones, last first: what comes after the failure goes at once. */
static bool shrink_list(program *p, int *runs) {
    const size_t before = p->count;
    for (size_t n = (p->count + 1) / 2; n > 0; n /= 2)
        for (size_t end = p->count; end >= n && p->count > 0;) {
            const size_t first = end - n;
            (void)without(p, first, n, runs);
            end = first;
        }
    return p->count < before;
}

/* The smallest value of a number that still fails, by halving the distance to it. */
static bool shrink_number(program *p, unsigned *number, unsigned least, int *runs) {
    const size_t offset = (size_t)((char *)number - (char *)p);
    const unsigned before = *number;
    while (*number > least) {
        unsigned low = least;
        bool smaller = false;
        while (!smaller && low < *number) {
            program candidate = *p;
            memcpy((char *)&candidate + offset, &low, sizeof low);
            smaller = fails(&candidate, runs);
            if (smaller)
                *p = candidate;
            low += (*number - low + 1) / 2;
        }
        if (!smaller)
            break;
    }
    return *number < before;
}

/* Two steps of the same sort, one after the other, may be one. */
static bool merge_steps(program *p, int *runs) {
    const size_t before = p->count;
    for (size_t i = p->count; i-- > 1;) {
        program candidate = *p;
        if (p->steps[i].verb != p->steps[i - 1].verb || p->steps[i].n + p->steps[i - 1].n > QUESTIONS)
            continue;
        candidate.steps[i - 1].n += p->steps[i].n;
        memmove(candidate.steps + i, candidate.steps + i + 1, (p->count - i - 1) * sizeof(step));
        candidate.count--;
        (void)take(p, &candidate, runs);
    }
    return p->count < before;
}

static bool shrink_numbers(program *p, int *runs) {
    bool smaller = shrink_number(p, &p->dimension, 16, runs);
    for (size_t i = 0; i < p->count; i++)
        if (!is_plain(p->steps[i].verb)) {
            smaller |= shrink_number(p, &p->steps[i].n, p->steps[i].verb == ASK, runs);
            smaller |= shrink_number(p, &p->steps[i].seed, 0, runs);
        }
    return smaller;
}

int program_shrink(program *p) {
    int runs = 0;
    bool smaller = true;
    while (smaller) {
        smaller = shrink_list(p, &runs);
        smaller |= merge_steps(p, &runs);
        smaller |= shrink_numbers(p, &runs);
    }
    return runs;
}

/* ---- writing and reading ------------------------------------------------------------------------------------------
 */

void program_write(const program *p, char text[PROGRAM_TEXT]) {
    size_t at = (size_t)snprintf(text, PROGRAM_TEXT, "kind %s dimension %u small %u", kind_names[p->kind], p->dimension,
                                 p->small);
    for (size_t i = 0; i < p->count; i++) {
        const step *s = &p->steps[i];
        at += (size_t)snprintf(text + at, PROGRAM_TEXT - at, is_plain(s->verb) ? "; %s" : "; %s %u %u", verbs[s->verb],
                               s->n, s->seed);
    }
}

/* The place of `name` among `names`, or `count`. */
static unsigned lookup(const char *name, const char *const *names, unsigned count) {
    unsigned i = 0;
    while (i < count && strcmp(name, names[i]) != 0)
        i++;
    return i;
}

static bool read_step(program *p, const char *text) {
    char name[16];
    step s = {VERBS, 0, 0};
    const int got = sscanf(text, " %15s %u %u", name, &s.n, &s.seed);
    s.verb = got > 0 ? (verb)lookup(name, verbs, VERBS) : VERBS;
    if (s.verb == VERBS || p->count == STEPS || got != (is_plain(s.verb) ? 1 : 3) || s.n > 100000 ||
        (s.verb == ASK && (s.n < 1 || s.n > QUESTIONS)))
        return false;
    p->steps[p->count++] = s;
    return true;
}

bool program_read(program *p, const char *text) {
    char kind[16];
    *p = (program){0};
    bool good = sscanf(text, "kind %15s dimension %u small %u", kind, &p->dimension, &p->small) == 3;
    p->kind = good ? lookup(kind, kind_names, KINDS) : KINDS;
    good = good && p->kind < KINDS && p->dimension >= 16 && p->dimension <= 1024;
    char *copy = strdup(text), *rest = copy;
    assert_non_null(copy);
    (void)strsep(&rest, ";");
    for (char *line; good && (line = strsep(&rest, ";")) != NULL;) {
        line[strcspn(line, "\n")] = '\0';
        good = read_step(p, line);
    }
    free(copy);
    return good;
}
