#include "image/exif.h"

#include "base/clock.h"
#include "image/ifd.h"

#include <stdio.h>
#include <string.h>

enum {
    ORIENTATION = 0x112,
    EXIF = 0x8769,
    GPS = 0x8825,
    TAKEN = 0x9003,
    OFFSET = 0x9011,
    GPS_DATE = 0x1d,
    GPS_TIME = 7
};

#define FARTHEST (15 * 3600) /* seconds that a place's time is from UTC, and some */
#define QUARTER 900

static bool digits(const char *text, const char *form) {
    for (; *form != '\0'; form++, text++)
        if (*form == '0' ? *text < '0' || *text > '9'
                         : strchr(*form == ':' ? ":-" : " T", *text) == NULL || *text == '\0')
            return false;
    return true;
}

/* "2026:11:30 10:47:00", perhaps with more behind it, read as UTC. */
static int64_t read_stamp(const char *text) {
    char rfc[24];
    int64_t when;
    if (!digits(text, "0000:00:00 00:00:00") || memcmp(text, "0000", 4) == 0)
        return LIKEN_NO_TIME;
    (void)snprintf(rfc, sizeof rfc, "%.4s-%.2s-%.2sT%.8sZ", text, text + 5, text + 8, text + 11);
    return lk_clock_parse(rfc, &when) ? when : LIKEN_NO_TIME;
}

/* "+02:00" in seconds; false when it is none. */
static bool read_offset(const char *text, int64_t *seconds) {
    if (strcmp(text, "Z") == 0) {
        *seconds = 0;
        return true;
    }
    if ((text[0] != '+' && text[0] != '-') || !digits(text + 1, "00:00"))
        return false;
    const int64_t hours = (text[1] - '0') * 10 + text[2] - '0', minutes = (text[4] - '0') * 10 + text[5] - '0';
    *seconds = (hours * 3600 + minutes * 60) * (text[0] == '-' ? -1 : 1);
    return hours <= 15 && minutes < 60;
}

/* Whole units of a rational number, -1 when it is none. */
static int64_t rational(const lk_ifd *ifd, const lk_ifd_entry *e, uint64_t k) {
    if (e->value == NULL || e->type != 5 || k >= e->count)
        return -1;
    const uint64_t top = lk_ifd_read(ifd->block, e->value + 8 * k, 4),
                   bottom = lk_ifd_read(ifd->block, e->value + 8 * k + 4, 4);
    return bottom == 0 ? -1 : (int64_t)(top / bottom);
}

/* The satellites' time, LIKEN_NO_TIME when it is not given. */
static int64_t satellites(const lk_ifd *first) {
    lk_ifd gps;
    char date[12], stamp[32];
    if (!lk_ifd_open(&gps, first->block, lk_ifd_value(first, GPS, 0)))
        return LIKEN_NO_TIME;
    lk_ifd_text(&gps, GPS_DATE, date, sizeof date);
    const lk_ifd_entry time = lk_ifd_find(&gps, GPS_TIME);
    const int64_t h = rational(&gps, &time, 0), m = rational(&gps, &time, 1), s = rational(&gps, &time, 2);
    if (h < 0 || h > 23 || m < 0 || m > 59 || s < 0 || s > 60 || strlen(date) != 10)
        return LIKEN_NO_TIME;
    (void)snprintf(stamp, sizeof stamp, "%s %02d:%02d:%02d", date, (int)h, (int)m, (int)s);
    return read_stamp(stamp);
}

static int64_t distance(int64_t a, int64_t b) {
    return a > b ? a - b : b - a;
}

/* How far local time was ahead of UTC. */
static int64_t offset_of(const lk_ifd *first, const lk_ifd *exif, int64_t local) {
    char text[8];
    int64_t offset;
    lk_ifd_text(exif, OFFSET, text, sizeof text);
    text[strcspn(text, " ")] = '\0';
    if (read_offset(text, &offset))
        return offset;
    const int64_t utc = satellites(first);
    if (utc == LIKEN_NO_TIME || distance(local, utc) > FARTHEST)
        return 0;
    const int64_t steps = (local - utc + (local >= utc ? QUARTER / 2 : -QUARTER / 2)) / QUARTER;
    return steps * QUARTER;
}

int64_t lk_exif_captured_at(const uint8_t *block, size_t size) {
    lk_ifd_block b;
    lk_ifd first, exif;
    char text[24];
    if (!lk_ifd_block_open(&b, block, size) || !lk_ifd_open(&first, &b, b.first))
        return LIKEN_NO_TIME;
    if (!lk_ifd_open(&exif, &b, lk_ifd_value(&first, EXIF, 0)))
        exif = first; /* some raw files keep a block of its own for each directory */
    lk_ifd_text(&exif, TAKEN, text, sizeof text);
    const int64_t local = read_stamp(text);
    if (local == LIKEN_NO_TIME)
        return local;
    const int64_t when = local - offset_of(&first, &exif, local);
    return lk_clock_can_be(when) ? when : LIKEN_NO_TIME;
}

int lk_exif_orientation(const uint8_t *block, size_t size) {
    lk_ifd_block b;
    lk_ifd first;
    if (!lk_ifd_block_open(&b, block, size) || !lk_ifd_open(&first, &b, b.first))
        return 0;
    const uint64_t orientation = lk_ifd_value(&first, ORIENTATION, 0);
    return orientation >= 1 && orientation <= 8 ? (int)orientation : 0;
}
