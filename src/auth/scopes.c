/* What a key may do, as words; and whether one may. */
#include "auth/auth.h"

#include "base/words.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static const char *const words[] = {LK_SCOPE_WORDS(LK_AND)};

static_assert(LK_SCOPE_ADMIN == 1 << (LK_LENGTH(words) - 1), "each scope has a bit and a word");

static unsigned scope_of(const char *word, size_t size) {
    for (size_t i = 0; i < LK_LENGTH(words); i++)
        if (strlen(words[i]) == size && memcmp(words[i], word, size) == 0)
            return 1u << i;
    return 0;
}

int lk_scopes_parse(const char *text, unsigned *scopes, liken_error *err) {
    unsigned all = 0;
    for (const char *p = text + strspn(text, ", "); *p != '\0'; p += strspn(p, ", ")) {
        const size_t size = strcspn(p, ", ");
        const unsigned one = scope_of(p, size);
        if (one == 0)
            return lk_fail(err, LIKEN_E_ARG, "\"%.*s\" is no scope; the scopes are " LK_SCOPE_WORDS(", ") ".",
                           size > 40 ? 40 : (int)size, p);
        all |= one;
        p += size;
    }
    if (all == 0)
        return lk_fail(err, LIKEN_E_ARG, "A key needs at least one scope: " LK_SCOPE_WORDS(", ") ".");
    *scopes = all;
    return LIKEN_OK;
}

void lk_scopes_format(unsigned scopes, char *text, size_t room) {
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < LK_LENGTH(words); i++)
        if ((scopes & 1u << i) != 0 && used < room)
            used += (size_t)snprintf(text + used, room - used, "%s%s", used == 0 ? "" : ",", words[i]);
}

bool lk_key_allows(const lk_key *key, lk_scope scope, const char *collection) {
    if ((key->scopes & (scope | LK_SCOPE_ADMIN)) == 0)
        return false;
    return key->collection[0] == '\0' || (collection != NULL && strcmp(key->collection, collection) == 0);
}
