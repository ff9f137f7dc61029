/* hide.c - what a sentence about the server's own trouble may tell a client: not where the server keeps its files, nor
 * the address of its database. Whoever runs the server finds the whole sentence in the log.
 *
 * Three kinds of words give way to "(hidden)": those that begin with a string that is known to be such a place (the
 * data folder, which may hold spaces; the store's address), absolute paths, and addresses with "://". Of libpq's
 * sentence, the server's name and port go too. */
#include "api/api_int.h"

#include <ctype.h>
#include <string.h>

static const char hidden[] = "(hidden)";

/* Bytes up to where a word ends; punctuation at its end belongs to the sentence. */
static size_t word_size(const char *text) {
    size_t n = strcspn(text, " \t\"'()<>,;");
    while (n > 0 && strchr(".:!?", text[n - 1]) != NULL)
        n--;
    return n;
}

static size_t known_place(const char *text, const char *const *known, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const size_t n = known[i] == NULL ? 0 : strlen(known[i]);
        if (n > 2 && strncmp(text, known[i], n) == 0)
            return n + word_size(text + n);
    }
    return 0;
}

/* `server at "db.example" (10.0.0.1), port 5432 failed` and `server on socket "/run/x" failed`. */
static size_t server_name(const char *text) {
    static const char *const starts[] = {"server at ", "server on socket "};
    for (size_t i = 0; i < LK_LENGTH(starts); i++) {
        const char *end = strncmp(text, starts[i], strlen(starts[i])) == 0 ? strstr(text, " failed") : NULL;
        if (end != NULL)
            return (size_t)(end - text);
    }
    return 0;
}

/* Bytes at the beginning of `text`, where a word may begin, that are not to be told; 0: none. */
static size_t place(const char *text, const char *const *known, size_t count) {
    size_t n = known_place(text, known, count);
    if (n == 0)
        n = server_name(text);
    if (n > 0)
        return n;
    n = word_size(text);
    const bool path = text[0] == '/' && n > 1 && (isalnum((unsigned char)text[1]) || strchr("._-/", text[1]) != NULL);
    return path || (isalpha((unsigned char)text[0]) && memmem(text, n, "://", 3) != NULL) ? n : 0;
}

static bool begins_word(const char *text, size_t at) {
    return at == 0 || strchr(" \t\"'(<=[:", text[at - 1]) != NULL;
}

void lk_hide_places(const char *text, const char *const *known, size_t count, char *out, size_t room) {
    size_t used = 0;
    for (size_t at = 0; text[at] != '\0' && used + sizeof hidden < room;) {
        const size_t n = begins_word(text, at) ? place(text + at, known, count) : 0;
        if (n == 0) {
            out[used++] = text[at++];
            continue;
        }
        memcpy(out + used, hidden, sizeof hidden - 1);
        used += sizeof hidden - 1;
        at += n;
    }
    out[used] = '\0';
}
