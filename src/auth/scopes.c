/* What a key may do, as words; and whether one may. */
#include "auth/auth.h"

#include <stdio.h>
#include <string.h>

static const struct {
    lk_scope scope;
    const char *word;
} scopes_known[] = {{LK_SCOPE_READ, "read"},
                    {LK_SCOPE_SEARCH, "search"},
                    {LK_SCOPE_ADD, "add"},
                    {LK_SCOPE_DELETE, "delete"},
                    {LK_SCOPE_ADMIN, "admin"}};

static unsigned scope_of(const char *word, size_t size) {
    for (size_t i = 0; i < LK_LENGTH(scopes_known); i++)
        if (strlen(scopes_known[i].word) == size && memcmp(scopes_known[i].word, word, size) == 0)
            return scopes_known[i].scope;
    return 0;
}

int lk_scopes_parse(const char *text, unsigned *scopes, liken_error *err) {
    unsigned all = 0;
    for (const char *p = text + strspn(text, ", "); *p != '\0'; p += strspn(p, ", ")) {
        const size_t size = strcspn(p, ", ");
        const unsigned one = scope_of(p, size);
        if (one == 0)
            return lk_fail(err, LIKEN_E_ARG,
                           "\"%.*s\" is no scope; the scopes are read, search, add, delete and admin.",
                           size > 40 ? 40 : (int)size, p);
        all |= one;
        p += size;
    }
    if (all == 0)
        return lk_fail(err, LIKEN_E_ARG, "A key needs at least one scope: read, search, add, delete or admin.");
    *scopes = all;
    return LIKEN_OK;
}

void lk_scopes_format(unsigned scopes, char *text, size_t room) {
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < LK_LENGTH(scopes_known); i++)
        if ((scopes & scopes_known[i].scope) != 0 && used < room)
            used += (size_t)snprintf(text + used, room - used, "%s%s", used == 0 ? "" : ",", scopes_known[i].word);
}

bool lk_key_allows(const lk_key *key, lk_scope scope, const char *collection) {
    if ((key->scopes & (scope | LK_SCOPE_ADMIN)) == 0)
        return false;
    return key->collection[0] == '\0' || (collection != NULL && strcmp(key->collection, collection) == 0);
}
