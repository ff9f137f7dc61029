#include "index/sealed.h"

#include "index/bound.h"
#include "kern/search/distance.h"
#include "kern/search/loops.h"
#include "index/pages.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC UINT64_C(0x31644c53696b6e4c) /* reads differently on a machine of the other byte order */
#define VERSION 2

_Static_assert(sizeof(lk_sealed_header) <= LK_SEALED_HEADER, "the header outgrew its room");

static size_t up(size_t n, size_t to) {
    return (n + to - 1) / to * to;
}

/* Everything that follows from the header; the caller has checked it. */
static void lay_out(lk_sealed *s) {
    const lk_sealed_header *h = &s->head;
    const size_t rows = up(h->rows, 16);
    s->plan = (lk_plan){.dimension = h->dimension,
                        .stride = (uint32_t)lk_row_stride((int)h->dimension),
                        .coarse = h->coarse,
                        .record = h->record,
                        .axes = h->axes,
                        .usual = (float)h->usual,
                        .stretch = h->stretch,
                        .squeeze = h->squeeze};
    const size_t units[LK_PARTS] = {sizeof(int64_t), sizeof(uint16_t), h->coarse / 2, h->record,
                                    s->plan.stride * sizeof(float)};
    const size_t steps[LK_PARTS] = {1024, 1024, 1024, 32, 8};
    s->blocks = 0;
    for (int p = 0; p < LK_PARTS; p++) {
        s->parts[p] = (lk_part){0, units[p], steps[p], (rows + steps[p] - 1) / steps[p], s->blocks};
        s->blocks += s->parts[p].blocks;
    }
    size_t at =
        LK_SEALED_HEADER + up(lk_plan_floats(&s->plan) * sizeof(float), 64) + up(s->blocks * sizeof(uint32_t), 64);
    for (int p = 0; p < LK_PARTS; p++) {
        s->parts[p].offset = at;
        at += up(rows * units[p], 64);
    }
    s->bytes = at;
}

static void point(lk_sealed *s) {
    const size_t plan = lk_plan_floats(&s->plan) * sizeof(float);
    lk_plan_place(&s->plan, (float *)(void *)(s->region + LK_SEALED_HEADER));
    s->sums = (uint32_t *)(void *)(s->region + LK_SEALED_HEADER + up(plan, 64));
    s->ids = (int64_t *)(void *)(s->region + s->parts[LK_PART_IDS].offset);
    s->fine = (uint8_t *)s->region + s->parts[LK_PART_FINE].offset;
    s->rows = (float *)(void *)(s->region + s->parts[LK_PART_ROWS].offset);
}

static uint32_t header_sum(const lk_sealed *s) {
    lk_sealed_header head;
    memcpy(&head, s->region, sizeof head);
    head.crc = 0;
    const uint32_t crc = lk_loops_get()->crc(0, &head, sizeof head);
    return lk_loops_get()->crc(crc, s->region + LK_SEALED_HEADER, lk_plan_floats(&s->plan) * sizeof(float));
}

/* First byte and length of a block. */
static const char *block_bytes(const lk_sealed *s, int part, size_t block, size_t *size) {
    const lk_part *p = &s->parts[part];
    const size_t rows = up(s->head.rows, 16), first = block * p->block;
    *size = (rows - first < p->block ? rows - first : p->block) * p->unit;
    return s->region + p->offset + first * p->unit;
}

static uint32_t block_sum(const lk_sealed *s, int part, size_t block) {
    size_t size;
    const char *bytes = block_bytes(s, part, block, &size);
    return lk_loops_get()->crc(0, bytes, size);
}

static int map_file(lk_sealed *s, const char *path, liken_error *err) {
    (void)unlink(path); /* never written over: somebody may have it mapped */
    const int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return lk_fail_errno(err, LIKEN_E_IO, errno, "The index file %s cannot be made", path);
    const int full = posix_fallocate(fd, 0, (off_t)s->bytes); /* else a full disk would be a SIGBUS later */
    if (full != 0) {
        close(fd);
        unlink(path);
        return lk_fail_errno(err, LIKEN_E_IO, full, "The index file %s cannot be given %zu bytes", path, s->bytes);
    }
    void *region = mmap(NULL, s->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (region == MAP_FAILED)
        return lk_fail_memory(err);
    s->region = region;
    s->mapped = true;
    return LIKEN_OK;
}

/* Values and coarse codes: where they are in the region, and their size. */
static char *codes_at(const lk_sealed *s, size_t *size) {
    *size = s->parts[LK_PART_FINE].offset - s->parts[LK_PART_VALUES].offset;
    return s->region + s->parts[LK_PART_VALUES].offset;
}

/* A region to be filled, and memory for the codes where that is not the region itself. */
static int make_room(lk_sealed *s, const char *path, liken_error *err) {
    size_t size;
    if (path == NULL) {
        s->region = lk_pages_new(s->bytes);
        s->owned = s->region != NULL;
        atomic_init(&s->codes, s->owned ? codes_at(s, &size) : NULL);
        return s->owned ? LIKEN_OK : lk_fail_memory(err);
    }
    const int rc = map_file(s, path, err);
    if (rc != LIKEN_OK)
        return rc;
    (void)codes_at(s, &size);
    atomic_init(&s->codes, lk_pages_new(size));
    if (atomic_load(&s->codes) != NULL)
        return LIKEN_OK;
    unlink(path);
    return lk_fail_memory(err);
}

int lk_sealed_create(lk_sealed **out, const char *path, const lk_plan *plan, const lk_identity *identity, size_t rows,
                     liken_error *err) {
    lk_sealed *s = calloc(1, sizeof *s);
    if (s == NULL)
        return lk_fail_memory(err);
    s->head = (lk_sealed_header){.magic = MAGIC,
                                 .version = VERSION,
                                 .dimension = plan->dimension,
                                 .coarse = plan->coarse,
                                 .record = plan->record,
                                 .axes = plan->axes,
                                 .rows = rows,
                                 .stretch = plan->stretch,
                                 .squeeze = plan->squeeze,
                                 .usual = (double)plan->usual,
                                 .identity = *identity};
    pthread_mutex_init(&s->loading, NULL);
    lay_out(s);
    const int rc = make_room(s, path, err);
    if (rc != LIKEN_OK) {
        lk_sealed_free(s);
        return rc;
    }
    point(s);
    memcpy(s->plan.mean, plan->mean, lk_plan_floats(plan) * sizeof(float));
    atomic_init(&s->trusted, true);
    *out = s;
    return LIKEN_OK;
}

/* ---- coding -------------------------------------------------------------------------------------------------------
 */

/* What a row's codes lost, until the units are known. */
typedef struct loss {
    float error, norm2, fine_error, rest;
} loss;

typedef struct coder {
    lk_sealed *s;
    uint16_t *values;
    uint8_t *coarse;
    const lk_loops *loops;
    float *centred, *turned;
    loss *losses;
    double longest; /* distance of a row from the mean */
} coder;

/* Upwards to float. */
static float ceiling(double x) {
    const float f = (float)x;
    return (double)f < x ? nextafterf(f, INFINITY) : f;
}

/* A file made by hand may hold rows that are no numbers: those are `low`. */
static int clamped(double x, int low, int high) {
    return x > low ? x < high ? (int)x : high : low;
}

static void code_coarse(const coder *c, size_t row, double lost, loss *out) {
    const lk_plan *p = &c->s->plan;
    uint8_t *block = c->coarse + row / 16 * p->coarse * 8;
    double error = 0, norm = 0, code_norm = 0;
    for (size_t i = 0; i < p->coarse; i++) {
        const double y = (double)c->turned[i], step = (double)p->step[i];
        const int code = step > 0 ? clamped(floor(y / (2 * step) + 8), 0, 15) : 8;
        const double decoded = step * (2 * code - 15);
        error += (y - decoded) * (y - decoded);
        norm += decoded * decoded;
        code_norm += (2.0 * code - 15) * (2.0 * code - 15);
        block[64 * (i / 8) + 4 * (row % 16) + i % 4] |= (uint8_t)(code << (i % 8 < 4 ? 0 : 4));
    }
    out->error = ceiling(sqrt(error) * (1 + 1e-12) + lost);
    out->norm2 = (float)(norm * (1 - 2e-7)); /* downwards */
    lk_losses *l = &c->s->head.losses;
    l->code_norm = fmax(l->code_norm, sqrt(code_norm));
}

static void code_fine(const coder *c, size_t row, double length2, double lost, loss *out) {
    const lk_plan *p = &c->s->plan;
    int8_t *record = (int8_t *)c->s->fine + row * p->record;
    double error = 0, kept = 0;
    for (size_t i = 0; i < p->record - LK_RECORD_TAIL; i++) {
        const double y = (double)c->turned[i], scale = (double)p->scale[i];
        record[i] = (int8_t)(scale > 0 ? clamped(rint(y / scale), -127, 127) : 0);
        const double d = y - scale * record[i];
        error += d * d;
        kept += y * y;
    }
    out->fine_error = ceiling(sqrt(error) * (1 + 1e-12) + lost);
    out->rest = (float)sqrt(fmax(0, length2 - kept));
}

static void code_row(coder *c, size_t row) {
    const lk_plan *p = &c->s->plan;
    const float *x = c->s->rows + row * p->stride;
    float length2;
    for (size_t i = 0; i < p->stride; i++)
        c->centred[i] = x[i] - p->mean[i];
    c->loops->dots(c->centred, p->rotation, p->stride, p->axes, c->turned);
    c->loops->dots(c->centred, c->centred, p->stride, 1, &length2);
    const double length = sqrt((double)length2) * (1 + 1e-4), lost = lk_rotation_error(p, length);
    c->longest = fmax(c->longest, length);
    code_coarse(c, row, lost, &c->losses[row]);
    code_fine(c, row, (double)length2, lost, &c->losses[row]);
}

static int ascending(const void *a, const void *b) {
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* Rows that lose more than this are looked at in every search, so that a few odd ones do not loosen the bounds of all.
 */
static float largest_usual_error(const coder *c) {
    float seen[1024];
    const size_t rows = c->s->head.rows, n = rows < 1024 ? rows : 1024;
    for (size_t i = 0; i < n; i++)
        seen[i] = c->losses[i * rows / n].error;
    qsort(seen, n, sizeof *seen, ascending);
    return 1.5f * seen[(n - 1) * 99 / 100];
}

static double value_of(const coder *c, size_t row) {
    const double e = (double)c->losses[row].error, base = c->s->head.losses.error_min;
    return (double)c->losses[row].norm2 - e * e * (1 + 1e-12) - 2 * (double)c->s->plan.usual * (e - base);
}

static void find_value_range(coder *c, float most) {
    lk_losses *l = &c->s->head.losses;
    double low = INFINITY, high = -INFINITY;
    l->error_min = INFINITY;
    for (size_t r = 0; r < c->s->head.rows; r++)
        if (c->losses[r].error <= most) {
            l->error_min = fmin(l->error_min, (double)c->losses[r].error);
            l->error_max = fmax(l->error_max, (double)c->losses[r].error);
        }
    for (size_t r = 0; r < c->s->head.rows; r++)
        if (c->losses[r].error <= most) {
            low = fmin(low, value_of(c, r));
            high = fmax(high, value_of(c, r));
        }
    l->value_unit = fmax((high - low) / 65000, 1e-30);
    l->value_base = low - l->value_unit;
}

static void write_values(coder *c) {
    const float most = largest_usual_error(c);
    find_value_range(c, most);
    const lk_losses *l = &c->s->head.losses;
    for (size_t r = 0; r < c->s->head.rows; r++) {
        if (c->losses[r].error > most)
            continue; /* 0: always looked at */
        const double v = value_of(c, r), steps = floor((v - l->value_base) / l->value_unit);
        uint16_t value = (uint16_t)clamped(steps, 0, 65535);
        if (value > 0 && l->value_base + l->value_unit * value > v)
            value--;
        c->values[r] = value;
    }
}

static uint16_t in_units(double x, double unit) {
    return (uint16_t)(unit > 0 ? fmin(65535, ceil(x / unit)) : 0);
}

static void write_tails(coder *c) {
    lk_losses *l = &c->s->head.losses;
    const lk_plan *p = &c->s->plan;
    double error = 0, rest = 0;
    for (size_t r = 0; r < c->s->head.rows; r++) {
        error = fmax(error, (double)c->losses[r].fine_error);
        rest = fmax(rest, (double)c->losses[r].rest);
    }
    l->fine_unit = error / 65535 * (1 + 1e-9);
    l->rest_unit = rest / 65535 * (1 + 1e-9);
    l->rest_error = lk_rest_error(p, c->longest) + l->rest_unit;
    for (size_t r = 0; r < c->s->head.rows; r++) {
        const uint16_t tail[2] = {in_units((double)c->losses[r].fine_error, l->fine_unit),
                                  in_units((double)c->losses[r].rest, l->rest_unit)};
        memcpy(c->s->fine + (r + 1) * p->record - LK_RECORD_TAIL, tail, sizeof tail);
    }
}

/* Nobody looks at the codes in a file before it is opened again, so its pages need not stay. */
static void forget_codes(const lk_sealed *s) {
    size_t size;
    char *codes = codes_at(s, &size);
    const size_t page = lk_page_size(), before = up((uintptr_t)codes, page) - (uintptr_t)codes;
    if (s->mapped && size > before + page)
        (void)madvise(codes + before, (size - before) / page * page, MADV_DONTNEED);
}

static void write_sums(lk_sealed *s) {
    size_t size;
    char *codes = codes_at(s, &size);
    if (s->mapped)
        memcpy(codes, atomic_load(&s->codes), size);
    for (int p = 0; p < LK_PARTS; p++)
        for (size_t b = 0; b < s->parts[p].blocks; b++)
            s->sums[s->parts[p].first_block + b] = block_sum(s, p, b);
    s->head.first_id = s->ids[0];
    s->head.last_id = s->ids[s->head.rows - 1];
    memcpy(s->region, &s->head, sizeof s->head);
    s->head.crc = header_sum(s);
    memcpy(s->region, &s->head, sizeof s->head);
    forget_codes(s);
}

int lk_sealed_encode(lk_sealed *s, const _Atomic bool *stop, liken_error *err) {
    coder c = {.s = s, .loops = lk_loops_get(), .losses = malloc(s->head.rows * sizeof *c.losses)};
    c.values = (uint16_t *)lk_sealed_values(s); /* still ours alone */
    c.coarse = (uint8_t *)lk_sealed_coarse(s);
    c.centred = aligned_alloc(64, s->plan.stride * sizeof(float));
    c.turned = aligned_alloc(64, s->plan.axes * sizeof(float));
    int rc = LIKEN_OK;
    if (c.losses == NULL || c.centred == NULL || c.turned == NULL)
        rc = lk_fail_memory(err);
    for (size_t r = 0; rc == LIKEN_OK && r < s->head.rows; r++) {
        if (r % 4096 == 0 && stop != NULL && atomic_load(stop))
            rc = lk_fail(err, LIKEN_E_CANCELLED, "The index is closing.");
        code_row(&c, r);
    }
    if (rc == LIKEN_OK) {
        write_values(&c);
        write_tails(&c);
        write_sums(s);
    }
    free(c.losses);
    free(c.centred);
    free(c.turned);
    return rc;
}

/* ---- reading ------------------------------------------------------------------------------------------------------
 */

static bool finite_positive(double x) {
    return x >= 0 && x < 1e30;
}

static bool sane(const lk_sealed_header *h) {
    const lk_losses *l = &h->losses;
    return h->magic == MAGIC && h->version == VERSION && h->dimension >= 16 && h->dimension <= LK_INDEX_MAX_DIMENSION &&
           h->rows >= 1 && h->rows <= LK_SEALED_MAX_ROWS && h->coarse >= 8 && h->coarse <= LK_PLAN_MAX_COARSE &&
           h->coarse % 8 == 0 && h->record >= 64 && h->record <= LK_PLAN_MAX_RECORD && h->record % 64 == 0 &&
           h->axes % 16 == 0 && h->axes >= h->coarse && h->axes >= h->record - LK_RECORD_TAIL &&
           h->axes <= LK_PLAN_MAX_COARSE && h->stretch >= 1 && h->stretch < 2 && h->squeeze >= 0 && h->squeeze <= 1 &&
           finite_positive(h->usual) && fabs(l->value_base) < 1e38 && finite_positive(l->value_unit) &&
           finite_positive(l->error_min) && finite_positive(l->error_max) && finite_positive(l->code_norm) &&
           finite_positive(l->fine_unit) && finite_positive(l->rest_unit) && finite_positive(l->rest_error);
}

/* Checks header and plan of s->region, which has `size` bytes. */
static int adopt(lk_sealed *s, size_t size, const lk_identity *identity, int dimension, liken_error *err) {
    if (size < LK_SEALED_HEADER)
        return lk_fail(err, LIKEN_E_STORE, "it is too short to be an index file");
    memcpy(&s->head, s->region, sizeof s->head);
    if (s->head.magic == MAGIC && s->head.version > VERSION)
        return lk_fail(err, LIKEN_E_STORE, "it was written by a newer liken");
    if (!sane(&s->head))
        return lk_fail(err, LIKEN_E_STORE, "its header makes no sense");
    lay_out(s);
    if (s->bytes != size)
        return lk_fail(err, LIKEN_E_STORE, "it has %zu bytes where its header promises %zu", size, s->bytes);
    point(s);
    if (header_sum(s) != s->head.crc)
        return lk_fail(err, LIKEN_E_STORE, "its header is damaged");
    if (memcmp(&s->head.identity, identity, sizeof *identity) != 0 || (int)s->head.dimension != dimension)
        return lk_fail(err, LIKEN_E_STORE, "it belongs to another store or model");
    s->checked = calloc((s->blocks + 63) / 64, sizeof *s->checked);
    return s->checked != NULL ? LIKEN_OK : lk_fail_memory(err);
}

int lk_sealed_read(lk_sealed **out, void *bytes, size_t size, const lk_identity *identity, int dimension,
                   liken_error *err) {
    lk_sealed *s = calloc(1, sizeof *s);
    if (s == NULL)
        return lk_fail_memory(err);
    s->region = bytes;
    pthread_mutex_init(&s->loading, NULL);
    const int rc = adopt(s, size, identity, dimension, err);
    if (rc != LIKEN_OK) {
        lk_sealed_free(s);
        return rc;
    }
    *out = s;
    return LIKEN_OK;
}

int lk_sealed_open(lk_sealed **out, const char *path, const lk_identity *identity, int dimension, liken_error *err) {
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size < LK_SEALED_HEADER) {
        if (fd >= 0)
            close(fd);
        return lk_fail(err, LIKEN_E_STORE, "The index file %s is missing or empty.", path);
    }
    void *region = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
    if (region == MAP_FAILED)
        return lk_fail_memory(err);
    lk_sealed *s = NULL;
    const int rc = lk_sealed_read(&s, region, (size_t)st.st_size, identity, dimension, err);
    if (rc != LIKEN_OK) {
        munmap(region, (size_t)st.st_size);
        lk_error_prefix(err, "The index file %s is of no use", path);
        return rc;
    }
    s->mapped = true;
    *out = s;
    return LIKEN_OK;
}

int lk_sealed_sync(lk_sealed *s, liken_error *err) {
    if (msync(s->region, s->bytes, MS_SYNC) != 0)
        return lk_fail_errno(err, LIKEN_E_IO, errno, "An index file could not be written");
    return LIKEN_OK;
}

bool lk_sealed_check_block(lk_sealed *s, int part, size_t row) {
    const lk_part *p = &s->parts[part];
    const size_t block = row / p->block, bit = p->first_block + block;
    if (atomic_load_explicit(&s->checked[bit / 64], memory_order_relaxed) >> (bit % 64) & 1)
        return true;
    if (block_sum(s, part, block) != s->sums[bit]) {
        atomic_store(&s->damaged, true);
        return false;
    }
    atomic_fetch_or_explicit(&s->checked[bit / 64], UINT64_C(1) << (bit % 64), memory_order_relaxed);
    return true;
}

/* Is the copy in `codes` as the checksums want it? */
static bool codes_intact(const lk_sealed *s, const char *codes) {
    size_t size;
    const char *from = codes_at(s, &size);
    for (int p = LK_PART_VALUES; p <= LK_PART_COARSE; p++)
        for (size_t b = 0; b < s->parts[p].blocks; b++) {
            const char *bytes = codes + (block_bytes(s, p, b, &size) - from);
            if (lk_loops_get()->crc(0, bytes, size) != s->sums[s->parts[p].first_block + b])
                return false;
        }
    return true;
}

static int load_codes(lk_sealed *s) {
    size_t size;
    const char *from = codes_at(s, &size);
    char *codes = lk_pages_new(size);
    if (codes == NULL)
        return LIKEN_E_MEMORY;
    memcpy(codes, from, size);
    if (!atomic_load(&s->trusted) && !codes_intact(s, codes)) {
        lk_pages_free(codes, size);
        atomic_store(&s->damaged, true);
        return LIKEN_E_STORE;
    }
    forget_codes(s);
    atomic_store_explicit(&s->codes, codes, memory_order_release);
    return LIKEN_OK;
}

int lk_sealed_load(lk_sealed *s) {
    if (atomic_load_explicit(&s->codes, memory_order_acquire) != NULL)
        return LIKEN_OK;
    pthread_mutex_lock(&s->loading);
    const int rc = atomic_load(&s->codes) != NULL ? LIKEN_OK : load_codes(s);
    pthread_mutex_unlock(&s->loading);
    return rc;
}

bool lk_sealed_check(lk_sealed *s, const _Atomic bool *stop) {
    for (int p = 0; p < LK_PARTS; p++)
        for (size_t r = 0; r < up(s->head.rows, 16); r += s->parts[p].block) {
            if (stop != NULL && atomic_load(stop))
                return true;
            if (!lk_sealed_intact(s, p, r))
                return false;
        }
    atomic_store(&s->trusted, true);
    return true;
}

void lk_sealed_free(lk_sealed *s) {
    if (s == NULL)
        return;
    size_t size;
    if (atomic_load(&s->codes) != NULL && !s->owned) {
        (void)codes_at(s, &size);
        lk_pages_free(atomic_load(&s->codes), size);
    }
    if (s->mapped)
        munmap(s->region, s->bytes);
    if (s->owned)
        lk_pages_free(s->region, s->bytes);
    pthread_mutex_destroy(&s->loading);
    free(s->checked);
    free(s);
}
