/* sniff.c - what a file is, by its first bytes. Names and declared types are never asked. */
#include "image/head.h"

#include <ctype.h>
#include <string.h>

typedef struct magic {
    size_t at;
    const char *bytes;
    size_t size;
    lk_kind kind;      /* LK_KIND_NONE: known, but not read */
    const char *words; /* what it looks like, when not read */
} magic;

#define MAGIC(at, bytes, kind, words)                                                                                  \
    { at, bytes, sizeof(bytes) - 1, kind, words }

static const magic magics[] = {
    MAGIC(0, "\xff\xd8\xff", LK_KIND_JPEG, NULL),
    MAGIC(0, "\x89PNG\r\n\x1a\n", LK_KIND_PNG, NULL),
    MAGIC(0, "GIF87a", LK_KIND_GIF, NULL),
    MAGIC(0, "GIF89a", LK_KIND_GIF, NULL),
    MAGIC(0, "II*\0", LK_KIND_TIFF, NULL),
    MAGIC(0, "MM\0*", LK_KIND_TIFF, NULL),
    MAGIC(0, "II+\0\x08\0\0\0", LK_KIND_TIFF, NULL),
    MAGIC(0, "MM\0+\0\x08\0\0", LK_KIND_TIFF, NULL),
    MAGIC(0, "IIRO", LK_KIND_RAW, NULL),
    MAGIC(0, "IIRS", LK_KIND_RAW, NULL),
    MAGIC(0, "MMOR", LK_KIND_RAW, NULL),
    MAGIC(0, "IIU\0", LK_KIND_RAW, NULL),
    MAGIC(0, "FUJIFILMCCD-RAW ", LK_KIND_RAW, NULL),
    MAGIC(0, "II\x1a\0\0\0HEAPCCDR", LK_KIND_NONE, "an old Canon raw photo (CRW; develop it first)"),
    MAGIC(0, "\0MRM", LK_KIND_NONE, "a Minolta raw photo (MRW; develop it first)"),
    MAGIC(0, "FOVb", LK_KIND_NONE, "a Sigma raw photo (X3F; develop it first)"),
    MAGIC(0, "\0\0\1\0", LK_KIND_ICO, NULL),
    MAGIC(0, "%PDF", LK_KIND_NONE, "a PDF document"),
    MAGIC(0, "PK\3\4", LK_KIND_NONE, "a ZIP archive or an office document"),
    MAGIC(0, "PK\5\6", LK_KIND_NONE, "an empty ZIP archive"),
    MAGIC(0, "\x1f\x8b", LK_KIND_NONE, "a gzip archive"),
    MAGIC(0, "7z\xbc\xaf\x27\x1c", LK_KIND_NONE, "a 7-Zip archive"),
    MAGIC(0, "Rar!\x1a\x07", LK_KIND_NONE, "a RAR archive"),
    MAGIC(0, "BZh", LK_KIND_NONE, "a bzip2 archive"),
    MAGIC(0,
          "\xfd"
          "7zXZ",
          LK_KIND_NONE, "an xz archive"),
    MAGIC(0, "\x28\xb5\x2f\xfd", LK_KIND_NONE, "a Zstandard archive"),
    MAGIC(0, "\0\0\0\x0cjP  \r\n", LK_KIND_NONE, "a JPEG 2000 image"),
    MAGIC(0, "\xff\x4f\xff\x51", LK_KIND_NONE, "a JPEG 2000 codestream"),
    MAGIC(0, "\0\0\0\x0cJXL \r\n", LK_KIND_JXL, NULL),
    MAGIC(0, "\xff\x0a", LK_KIND_JXL, NULL),
    MAGIC(0, "II\xbc\x01", LK_KIND_NONE, "a JPEG XR image"),
    MAGIC(0, "DDS ", LK_KIND_NONE, "a DDS texture"),
    MAGIC(0, "BLP1", LK_KIND_NONE, "a BLP texture"),
    MAGIC(0, "BLP2", LK_KIND_NONE, "a BLP texture"),
    MAGIC(0, "8BPS", LK_KIND_NONE, "a Photoshop document"),
    MAGIC(0, "\x01\xda", LK_KIND_NONE, "an SGI image"),
    MAGIC(0, "\x0a\x05\x01", LK_KIND_NONE, "a PCX image"),
    MAGIC(0, "\x76\x2f\x31\x01", LK_KIND_NONE, "an OpenEXR image"),
    MAGIC(0, "#?RADIANCE", LK_KIND_NONE, "a Radiance image"),
    MAGIC(0, "SIMPLE  =", LK_KIND_NONE, "a FITS file"),
    MAGIC(0, "\0\0\2\0", LK_KIND_NONE, "a Windows cursor"),
    MAGIC(0, "FLIF", LK_KIND_NONE, "a FLIF image"),
    MAGIC(0, "DanM", LK_KIND_NONE, "a Windows Paint (MSP) image"),
    MAGIC(0, "LinS", LK_KIND_NONE, "a Windows Paint (MSP) image"),
    MAGIC(4, "\x11\xaf", LK_KIND_NONE, "a FLI animation"),
    MAGIC(4, "\x12\xaf", LK_KIND_NONE, "a FLC animation"),
    MAGIC(0, "\x1a\x45\xdf\xa3", LK_KIND_NONE, "a Matroska or WebM video"),
    MAGIC(0, "OggS", LK_KIND_NONE, "an Ogg file"),
    MAGIC(0, "ID3", LK_KIND_NONE, "an MP3 file"),
    MAGIC(0, "FLV\1", LK_KIND_NONE, "a Flash video"),
    MAGIC(0, "\0\0\1\xba", LK_KIND_NONE, "an MPEG video"),
    MAGIC(0, "\0\0\1\xb3", LK_KIND_NONE, "an MPEG video"),
    MAGIC(0,
          "\x7f"
          "ELF",
          LK_KIND_NONE, "a program"),
    MAGIC(0, "MZ", LK_KIND_NONE, "a Windows program"),
    MAGIC(0, "SQLite format 3", LK_KIND_NONE, "a SQLite database"),
    MAGIC(0, "\xd0\xcf\x11\xe0", LK_KIND_NONE, "an old office document"),
    MAGIC(0, "%!PS", LK_KIND_NONE, "a PostScript document"),
    MAGIC(0, "{\\rtf", LK_KIND_NONE, "an RTF document"),
};

static bool has(const uint8_t *bytes, size_t size, size_t at, const char *text, size_t length) {
    return size >= at + length && memcmp(bytes + at, text, length) == 0;
}

/* ISO media files name a main brand and the brands they are compatible with. */
static lk_kind sniff_brands(const uint8_t *bytes, size_t size, const char **looks_like) {
    static const char avif[][5] = {"avif", "avis"},
                      heic[][5] = {"heic", "heix", "heim", "heis", "hevc", "hevx", "mif1", "msf1"};
    size_t end = lk_be32(bytes);
    if (end > size || end < 16)
        end = size;
    if (end > 256)
        end = 256;
    lk_kind found = LK_KIND_NONE;
    for (size_t at = 8; at + 4 <= end; at += at == 8 ? 8 : 4) { /* between the two: a version */
        for (size_t i = 0; i < LK_LENGTH(avif); i++)
            if (memcmp(bytes + at, avif[i], 4) == 0)
                return LK_KIND_AVIF;
        for (size_t i = 0; i < LK_LENGTH(heic); i++)
            if (memcmp(bytes + at, heic[i], 4) == 0)
                found = LK_KIND_HEIC;
    }
    if (found == LK_KIND_NONE && memcmp(bytes + 8, "crx ", 4) == 0)
        return LK_KIND_RAW;
    if (found == LK_KIND_NONE)
        *looks_like = "an MP4 or QuickTime video";
    return found;
}

static const char *sniff_text(const uint8_t *bytes, size_t size) {
    char text[1025];
    size_t length = 0, high = 0;
    size_t at = has(bytes, size, 0, "\xef\xbb\xbf", 3) ? 3 : 0;
    while (at < size && isspace(bytes[at]))
        at++;
    for (; at < size && length + 1 < sizeof text; at++) {
        if (bytes[at] < 0x20 && !isspace(bytes[at]))
            return NULL;
        high += bytes[at] >= 0x80;
        text[length++] = (char)tolower(bytes[at]);
    }
    text[length] = '\0';
    if (length == 0)
        return size > 0 ? "nothing but blank space" : NULL;
    if (high * 3 > length)
        return NULL;
    if (text[0] == '<' && strstr(text, "<svg") != NULL)
        return "an SVG drawing";
    if (strncmp(text, "<!doctype svg", 13) == 0)
        return "an SVG drawing";
    if (text[0] == '<' && (strstr(text, "<html") != NULL || strncmp(text, "<!doctype html", 14) == 0))
        return "an HTML page";
    if (strncmp(text, "<?xml", 5) == 0)
        return "an XML document";
    return "text";
}

static bool is_pnm(const uint8_t *b, size_t size) {
    return size >= 3 && b[0] == 'P' && b[1] >= '1' && b[1] <= '6' && (isspace(b[2]) || b[2] == '#');
}

/* Two letters are little: the four reserved bytes or a sane header size must agree. */
static bool is_bmp(const uint8_t *b, size_t size) {
    return size >= 18 && b[0] == 'B' && b[1] == 'M' &&
           (lk_le32(b + 6) == 0 || (lk_le32(b + 14) >= 12 && lk_le32(b + 14) <= 256));
}

lk_kind lk_sniff(const uint8_t *bytes, size_t size, const char **looks_like) {
    *looks_like = NULL;
    for (size_t i = 0; i < LK_LENGTH(magics); i++) {
        const magic *m = &magics[i];
        if (has(bytes, size, m->at, m->bytes, m->size)) {
            *looks_like = m->words;
            return m->kind;
        }
    }
    if (has(bytes, size, 0, "RIFF", 4) && size >= 12) {
        if (memcmp(bytes + 8, "WEBP", 4) == 0)
            return LK_KIND_WEBP;
        *looks_like = memcmp(bytes + 8, "WAVE", 4) == 0 ? "a WAV sound" : "an AVI video";
        return LK_KIND_NONE;
    }
    if (has(bytes, size, 4, "ftyp", 4) && size >= 12)
        return sniff_brands(bytes, size, looks_like);
    if (is_bmp(bytes, size))
        return LK_KIND_BMP;
    if (is_pnm(bytes, size))
        return LK_KIND_PNM;
    *looks_like = sniff_text(bytes, size);
    return LK_KIND_NONE;
}

const char *lk_kind_name(lk_kind kind) {
    static const char *const names[] = {"none", "jpeg", "png", "webp", "gif", "tiff", "bmp",
                                        "heic", "avif", "pnm", "ico",  "raw", "jxl"};
    return names[kind];
}

const char *lk_kind_label(lk_kind kind) {
    static const char *const labels[] = {"file", "JPEG", "PNG", "WebP", "GIF",       "TIFF",   "BMP",
                                         "HEIC", "AVIF", "PNM", "ICO",  "raw photo", "JPEG XL"};
    return labels[kind];
}
