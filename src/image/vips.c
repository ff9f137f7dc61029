/* vips.c - reading photos through libvips, which only this file and encode.c name.
 *
 * Loaders are called by their own names, sequentially: pixels are made in strips as rows are asked for, and no more of
 * the picture is held than the format demands. Loaders that libvips itself calls untrusted are blocked for the whole
 * process. libvips keeps one error text for all threads, so it is never shown: it goes to the debug log, and the
 * sentence is ours. One decode is one thread; how many run at once is the caller's business. */
#include "image/image.h"
#include "image/reader.h"

#include "base/log.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vips/vips.h>

#define STRIP 16 /* rows fetched at a time */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool ready;

static void on_log(const gchar *domain, GLogLevelFlags level, const gchar *message, gpointer data) {
    (void)level;
    (void)data;
    lk_log(LIKEN_LOG_DEBUG, "%s: %s", domain, message);
}

static void start(void) {
    g_log_set_handler("VIPS", (GLogLevelFlags)(G_LOG_LEVEL_MASK & ~G_LOG_LEVEL_ERROR), on_log, NULL);
    if (vips_init("liken") != 0)
        return;
    vips_cache_set_max(0);
    vips_concurrency_set(1);
    vips_block_untrusted_set(TRUE);
    vips_operation_block_set("VipsForeignLoadJxl", FALSE); /* young, but the only one of its kind */
    ready = true;
}

int lk_vips_enter(liken_error *err) {
    pthread_once(&once, start);
    if (!ready)
        return lk_fail(err, LIKEN_E_INTERNAL, "libvips did not start, so no photo can be read. Is it installed whole?");
    return LIKEN_OK;
}

void lk_vips_leave(void) {
    vips_thread_shutdown();
}

bool lk_vips_ran_out(const char *said) {
    static const char *const words[] = {"out of memory",   "insufficient memory", "memory allocation",
                                        "cannot allocate", "not enough memory",   "unable to allocate"};
    if (strcasestr(said, "limit") != NULL)
        return false;
    for (size_t i = 0; i < LK_LENGTH(words); i++)
        if (strcasestr(said, words[i]) != NULL)
            return true;
    return false;
}

/* libvips opens libheif by itself, perhaps as a part of a module; only one that is loaded is asked. NULL: none is. */
static void *heif_symbol(const char *name) {
    void *heif = dlopen("libheif.so.1", RTLD_LAZY | RTLD_NOLOAD);
    void *symbol = heif == NULL ? NULL : dlsym(heif, name);
    if (heif != NULL)
        (void)dlclose(heif); /* libvips keeps it */
    return symbol;
}

static void heif_version(char *text, size_t room) {
    const char *(*get)(void) = NULL;
    void *symbol = heif_symbol("heif_get_version");
    memcpy(&get, &symbol, sizeof get);
    (void)snprintf(text, room, "%s", get == NULL ? "" : get());
}

/* libheif numbers the codings: 1 is HEVC, 4 is AV1. */
static bool heif_decodes(int coding) {
    int (*have)(int) = NULL;
    void *symbol = heif_symbol("heif_have_decoder_for_format");
    memcpy(&have, &symbol, sizeof have);
    return have != NULL && have(coding) != 0;
}

static bool has_loader(const char *name) {
    return vips_type_find("VipsOperation", name) != 0;
}

/* What to install where libvips has no loader of a kind, or no decoder for what it holds; NULL: it has both. */
static const char *missing(lk_kind kind) {
    if (kind == LK_KIND_JXL)
        return has_loader("jxlload_buffer") ? NULL : "libvips with JPEG XL (Debian: libvips42, and libjxl)";
    if (kind == LK_KIND_HEIC)
        return has_loader("heifload_buffer") && heif_decodes(1)
                   ? NULL
                   : "libheif with libde265 (Debian: libheif-plugin-libde265)";
    if (kind == LK_KIND_AVIF)
        return has_loader("heifload_buffer") && heif_decodes(4)
                   ? NULL
                   : "libheif with dav1d or aom (Debian: libheif-plugin-dav1d)";
    return NULL;
}

static int fail_heif(lk_kind kind, liken_error *err) {
    char version[24];
    heif_version(version, sizeof version);
    return lk_fail(
        err, LIKEN_E_DECODE,
        "This %s cannot be opened: it is damaged, or made in a way that libheif %s, the decoder here, does not "
        "know. If other programs show it, install libheif 1.19 or newer, or save it as a JPEG.",
        lk_kind_label(kind), version);
}

static int fail_decode(lk_kind kind, liken_error *err) {
    const char *lacking = missing(kind);
    lk_log(LIKEN_LOG_DEBUG, "libvips: %s", vips_error_buffer());
    const bool memory = lk_vips_ran_out(vips_error_buffer());
    vips_error_clear();
    if (memory)
        return lk_fail_memory(err);
    if (lacking != NULL)
        return lk_fail(err, LIKEN_E_FORMAT, "%s cannot be read on this machine; install %s.", lk_kind_label(kind),
                       lacking);
    if (kind == LK_KIND_HEIC || kind == LK_KIND_AVIF)
        return fail_heif(kind, err);
    return lk_fail(err, LIKEN_E_DECODE,
                   "This %s cannot be opened: it is damaged, cut short, or of a variant that the decoder here does not "
                   "know. Copy it anew, or save it as an ordinary JPEG.",
                   lk_kind_label(kind));
}

/* A lazily opened image: its header is read, its pixels come when asked for. */
static VipsImage *load(lk_kind kind, const uint8_t *bytes, size_t size, const lk_vips_options *o) {
    VipsImage *image = NULL;
    void *b = (void *)(uintptr_t)bytes;
    /* a GIF was checked for being whole, and decoders disagree on what else is an error in one */
    const VipsFailOn fail = kind == LK_KIND_GIF ? VIPS_FAIL_ON_NONE : VIPS_FAIL_ON_TRUNCATED;
    int failed = -1;
#define COMMON "access", VIPS_ACCESS_SEQUENTIAL, "fail_on", fail
    switch (kind) {
    case LK_KIND_JPEG:
        failed = vips_jpegload_buffer(b, size, &image, COMMON, "shrink", o->shrink, NULL);
        break;
    case LK_KIND_PNG:
        failed = vips_pngload_buffer(b, size, &image, COMMON, NULL);
        break;
    case LK_KIND_WEBP:
        failed = vips_webpload_buffer(b, size, &image, COMMON, "page", 0, "n", 1, "scale", o->scale, NULL);
        break;
    case LK_KIND_GIF:
        failed = vips_gifload_buffer(b, size, &image, COMMON, "page", 0, "n", 1, NULL);
        break;
    case LK_KIND_TIFF:
        failed = vips_tiffload_buffer(b, size, &image, COMMON, "page", 0, "n", 1, NULL);
        break;
    case LK_KIND_JXL:
        failed = vips_jxlload_buffer(b, size, &image, COMMON, NULL);
        break;
    case LK_KIND_HEIC:
    case LK_KIND_AVIF: /* without a page number it takes the primary picture, which need not be the first */
        failed = vips_heifload_buffer(b, size, &image, COMMON, NULL);
        break;
    default:
        break;
    }
#undef COMMON
    return failed == 0 ? image : NULL;
}

int lk_vips_head(lk_kind kind, const uint8_t *bytes, size_t size, int *width, int *height, int *orientation,
                 liken_error *err) {
    const int rc = lk_vips_enter(err);
    if (rc != LIKEN_OK)
        return rc;
    const lk_vips_options options = {.shrink = 1, .scale = 1};
    VipsImage *image = load(kind, bytes, size, &options);
    if (image == NULL) {
        lk_vips_leave();
        return fail_decode(kind, err);
    }
    *width = vips_image_get_width(image);
    *height = vips_image_get_height(image);
    *orientation = vips_image_get_orientation(image);
    if (*orientation < 1 || *orientation > 8)
        *orientation = 1;
    g_object_unref(image);
    lk_vips_leave();
    return LIKEN_OK;
}

/* Each step below takes the reference to `in` and gives one to its result, NULL when it failed. A step that has nothing
 * to do gives `in` itself: every operation of libvips that is passed through costs a fresh buffer a strip, cleared. */
static VipsImage *step(VipsImage *in, int failed, VipsImage *out) {
    g_object_unref(in);
    return failed == 0 ? out : NULL;
}

/* Gray or colour without a stated meaning gets the obvious one. */
static VipsImage *name_colours(VipsImage *in) {
    const VipsInterpretation guess = vips_image_guess_interpretation(in);
    VipsInterpretation use = guess;
    if (guess == VIPS_INTERPRETATION_MULTIBAND) {
        const bool wide = vips_image_get_format(in) == VIPS_FORMAT_USHORT, gray = vips_image_get_bands(in) < 3;
        use = gray ? (wide ? VIPS_INTERPRETATION_GREY16 : VIPS_INTERPRETATION_B_W)
                   : (wide ? VIPS_INTERPRETATION_RGB16 : VIPS_INTERPRETATION_sRGB);
    }
    if (use == vips_image_get_interpretation(in))
        return in;
    VipsImage *out = NULL;
    const int failed = vips_copy(in, &out, "interpretation", use, NULL);
    return step(in, failed, out);
}

/* Ink without a profile, as browsers show it: each ink takes away its colour, black all of them. */
static VipsImage *mix_inks(VipsImage *in) {
    VipsImage *t[6] = {0};
    VipsImage *out = NULL;
    const double most = vips_image_get_format(in) == VIPS_FORMAT_USHORT ? 65535 : 255;
    const bool made =
        vips_linear1(in, &t[0], -1, most, NULL) == 0 && vips_extract_band(t[0], &t[1], 0, "n", 3, NULL) == 0 &&
        vips_extract_band(t[0], &t[2], 3, NULL) == 0 && vips_multiply(t[1], t[2], &t[3], NULL) == 0 &&
        vips_linear1(t[3], &t[4], 255 / (most * most), 0.5, NULL) == 0 && vips_cast_uchar(t[4], &t[5], NULL) == 0 &&
        vips_copy(t[5], &out, "interpretation", VIPS_INTERPRETATION_sRGB, NULL) == 0;
    for (size_t i = 0; i < LK_LENGTH(t); i++)
        if (t[i] != NULL)
            g_object_unref(t[i]);
    return step(in, made ? 0 : -1, out);
}

/* The perceptual intent is the one that every profile has. */
static VipsImage *convert_colours(VipsImage *in) {
    VipsImage *out = NULL;
    if (vips_image_get_typeof(in, VIPS_META_ICC_NAME) != 0) {
        if (vips_icc_transform(in, &out, "srgb", "embedded", TRUE, "depth", 8, "intent", VIPS_INTENT_PERCEPTUAL,
                               NULL) == 0)
            return step(in, 0, out);
        lk_log(LIKEN_LOG_DEBUG, "an embedded colour profile is ignored: %s", vips_error_buffer());
        vips_error_clear();
    }
    if (vips_image_get_interpretation(in) == VIPS_INTERPRETATION_CMYK && vips_image_get_bands(in) >= 4)
        return mix_inks(in);
    if (vips_image_get_interpretation(in) == VIPS_INTERPRETATION_sRGB && vips_image_get_format(in) == VIPS_FORMAT_UCHAR)
        return in;
    const int failed = vips_colourspace(in, &out, VIPS_INTERPRETATION_sRGB, NULL);
    return step(in, failed, out);
}

static VipsImage *lay_on_white(VipsImage *in) {
    if (!vips_image_hasalpha(in))
        return in;
    VipsArrayDouble *white = vips_array_double_newv(1, 255.0);
    VipsImage *out = NULL;
    const int failed = vips_flatten(in, &out, "background", white, NULL);
    vips_area_unref(VIPS_AREA(white));
    return step(in, failed, out);
}

static VipsImage *to_bytes(VipsImage *in) {
    VipsImage *out = NULL;
    if (vips_image_get_bands(in) > 3) {
        const int failed = vips_extract_band(in, &out, 0, "n", 3, NULL);
        in = step(in, failed, out);
    }
    if (in == NULL || vips_image_get_format(in) == VIPS_FORMAT_UCHAR)
        return in;
    const int failed = vips_cast_uchar(in, &out, NULL);
    return step(in, failed, out);
}

typedef struct vips_reader {
    lk_reader base;
    VipsImage *image;
    VipsRegion *region;
    int strip_top, strip_end; /* rows now in the region */
} vips_reader;

static const uint8_t *row(lk_reader *base, int y) {
    vips_reader *r = (vips_reader *)base;
    if (y >= r->strip_end) {
        const int rows = y + STRIP <= base->height ? STRIP : base->height - y;
        const VipsRect strip = {.left = 0, .top = y, .width = base->width, .height = rows};
        if (vips_region_prepare(r->region, &strip) != 0) {
            lk_log(LIKEN_LOG_DEBUG, "libvips, row %d of %d: %s", y, base->height, vips_error_buffer());
            base->starved = lk_vips_ran_out(vips_error_buffer());
            vips_error_clear();
            return NULL;
        }
        r->strip_top = y;
        r->strip_end = y + rows;
    }
    return r->region->data + (size_t)(y - r->region->valid.top) * (size_t)r->region->bpl;
}

static void close_reader(lk_reader *base) {
    vips_reader *r = (vips_reader *)base;
    if (r->region != NULL)
        g_object_unref(r->region);
    if (r->image != NULL)
        g_object_unref(r->image);
    free(r);
    lk_vips_leave();
}

int lk_vips_open(lk_reader **out, lk_kind kind, const uint8_t *bytes, size_t size, const lk_vips_options *options,
                 liken_error *err) {
    const int rc = lk_vips_enter(err);
    if (rc != LIKEN_OK)
        return rc;
    vips_reader *r = calloc(1, sizeof *r);
    if (r == NULL)
        return lk_fail_memory(err);
    r->base.row = row;
    r->base.close = close_reader;
    r->image = load(kind, bytes, size, options);
    VipsImage *(*const steps[])(VipsImage *) = {name_colours, convert_colours, lay_on_white, to_bytes};
    for (size_t i = 0; i < LK_LENGTH(steps) && r->image != NULL; i++)
        r->image = steps[i](r->image);
    if (r->image == NULL || vips_image_get_bands(r->image) != 3 || (r->region = vips_region_new(r->image)) == NULL) {
        close_reader(&r->base);
        return fail_decode(kind, err);
    }
    r->base.width = vips_image_get_width(r->image);
    r->base.height = vips_image_get_height(r->image);
    *out = &r->base;
    return LIKEN_OK;
}

int lk_image_support_read(lk_image_support *out, liken_error *err) {
    const int rc = lk_vips_enter(err);
    if (rc != LIKEN_OK)
        return rc;
    lk_image_support s = {.jxl = missing(LK_KIND_JXL) == NULL};
    s.hevc = missing(LK_KIND_HEIC) == NULL; /* loads the module that holds libheif */
    s.av1 = missing(LK_KIND_AVIF) == NULL;
    (void)snprintf(s.vips, sizeof s.vips, "%d.%d.%d", vips_version(0), vips_version(1), vips_version(2));
    heif_version(s.heif, sizeof s.heif);
    int major = 0, minor = 0;
    s.old_heif = sscanf(s.heif, "%d.%d", &major, &minor) == 2 && (major < 1 || (major == 1 && minor < 18));
    lk_vips_leave();
    *out = s;
    return LIKEN_OK;
}
