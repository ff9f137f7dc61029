/* Where the keys of a gallery are. */
#include "auth/auth.h"

#include "gallery/inside.h"
#include "store/store.h"

lk_key_place lk_keys_of(liken *lk, const char *given, const char *old) {
    lk_store *store = given != NULL ? NULL : lk_gallery_store(lk);
    if (store != NULL && store->ops->sql != NULL)
        return (lk_key_place){store, old};
    return (lk_key_place){NULL, given != NULL ? given : old};
}
