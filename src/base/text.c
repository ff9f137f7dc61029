/* UTF-8, and paths as labels: a byte that is no UTF-8 becomes a character of a private range, U+F780..U+F7FF, whose
 * three bytes are EF 9E 80..BF (for 0x80..0xBF) and EF 9F 80..BF (for 0xC0..0xFF). The bytes of such a character in the
 * path itself are written so too; therefore the way back is unique. */
#include "base/text.h"

#include "base/error.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Unicode 15, table 3-7. A NUL inside stops each look, so nothing past the end is read. */
size_t lk_utf8_sequence(const char *text) {
    const unsigned char *p = (const unsigned char *)text;
    if (p[0] < 0x80)
        return 1;
    if (p[0] < 0xc2 || p[0] > 0xf4)
        return 0;
    const size_t size = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
    const unsigned char low = p[0] == 0xe0 ? 0xa0 : p[0] == 0xf0 ? 0x90 : 0x80;
    const unsigned char high = p[0] == 0xed ? 0x9f : p[0] == 0xf4 ? 0x8f : 0xbf;
    if (p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < size; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    }
    return size;
}

size_t lk_utf8_span(const char *text, size_t size) {
    size_t at = 0;
    while (at < size) {
        const size_t sequence = lk_utf8_sequence(text + at);
        if (sequence == 0)
            break;
        at += sequence;
    }
    return at;
}

bool lk_utf8_valid(const char *text) {
    const size_t size = strlen(text);
    return lk_utf8_span(text, size) == size;
}

static bool continues(char c) {
    return ((unsigned char)c & 0xc0) == 0x80;
}

size_t lk_utf8_count(const char *text) {
    size_t n = 0;
    for (; *text != '\0'; text++)
        n += !continues(*text);
    return n;
}

size_t lk_utf8_cut(const char *text, size_t size) {
    while (size > 0 && continues(text[size]))
        size--;
    return size;
}

size_t lk_utf8_of_latin1(unsigned char c, char out[2]) {
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    out[0] = (char)(0xc0 | c >> 6);
    out[1] = (char)(0x80 | (c & 0x3f));
    return 2;
}

int lk_hex_value(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool lk_text_ends(const char *text, const char *ending) {
    const size_t size = strlen(text), tail = strlen(ending);
    return size >= tail && strcasecmp(text + size - tail, ending) == 0;
}

int lk_word_find(const char *words, const char *word) {
    const size_t size = strlen(word);
    int position = 0;
    for (const char *p = words; *p != '\0'; p += strspn(p, " |"), position++) {
        const size_t length = strcspn(p, " |");
        if (length == size && memcmp(p, word, size) == 0)
            return position;
        p += length;
    }
    return -1;
}

int lk_switch_value(const char *text) {
    static const char *const words[] = {"no", "yes", "off", "on", "false", "true", "0", "1"};
    for (size_t i = 0; i < LK_LENGTH(words); i++)
        if (strcasecmp(text, words[i]) == 0)
            return i % 2;
    return -1;
}

void lk_texts_free(char **texts, size_t count) {
    for (size_t i = 0; texts != NULL && i < count; i++)
        free(texts[i]);
    free(texts);
}

bool lk_texts_add(char ***texts, size_t *count, const char *text) {
    if ((*count & (*count - 1)) == 0) { /* at each power of two */
        char **more = realloc(*texts, (*count == 0 ? 1 : 2 * *count) * sizeof *more);
        if (more == NULL)
            return false;
        *texts = more;
    }
    (*texts)[*count] = strdup(text);
    if ((*texts)[*count] == NULL)
        return false;
    ++*count;
    return true;
}

/* ---- labels of paths ---- */

/* The byte that the private character at `p` stands for; 0: there is none. */
static unsigned char stands_for(const char *text) {
    const unsigned char *p = (const unsigned char *)text;
    if (p[0] != 0xef || (p[1] != 0x9e && p[1] != 0x9f) || p[2] < 0x80 || p[2] > 0xbf)
        return 0;
    return (unsigned char)(p[2] + (p[1] == 0x9f ? 0x40 : 0));
}

static char *stand_in(char *to, unsigned char byte) {
    *to++ = (char)0xef;
    *to++ = (char)(byte < 0xc0 ? 0x9e : 0x9f);
    *to++ = (char)(byte < 0xc0 ? byte : byte - 0x40);
    return to;
}

char *liken_label_of_path(const char *path) {
    char *label = malloc(3 * strlen(path) + 1), *to = label;
    if (label == NULL)
        return NULL;
    while (*path != '\0') {
        const size_t size = stands_for(path) != 0 ? 0 : lk_utf8_sequence(path);
        if (size == 0)
            to = stand_in(to, (unsigned char)*path);
        else
            to = (char *)memcpy(to, path, size) + size;
        path += size == 0 ? 1 : size;
    }
    *to = '\0';
    return label;
}

char *liken_path_of_label(const char *label) {
    char *path = malloc(strlen(label) + 1), *to = path;
    if (path == NULL)
        return NULL;
    while (*label != '\0') {
        const unsigned char byte = stands_for(label);
        *to++ = byte != 0 ? (char)byte : *label;
        label += byte != 0 ? 3 : 1;
    }
    *to = '\0';
    return path;
}
