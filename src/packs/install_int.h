/* install_int.h - what the installer's files share: a pack being put together in a temporary folder, and the sources
 * that its files may come from. */
#ifndef LK_PACKS_INSTALL_INT_H
#define LK_PACKS_INSTALL_INT_H

#include "base/buf.h"
#include "packs/pack.h"

/* Items are the known pack's files and then its samples. */
typedef struct lk_staging {
    const lk_known_pack *known;
    const char *models;               /* the models folder, absolute */
    char *pack;                       /* <temporary>/pack: becomes <models>/<name> */
    char *work;                       /* <temporary>/work: what the clients fetch into */
    bool have[2 * LK_PACK_MAX_FILES]; /* per item: it is in `pack`, verified and on disk */
    lk_buf tried;                     /* what each source lacked, for the sentence at the end */
} lk_staging;

/* "<pack>: <message>" to the call in progress. */
void lk_staging_say(const lk_staging *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* How many items are still to be had. */
size_t lk_staging_missing(const lk_staging *s);

/* Tries every source in order until nothing is missing. LIKEN_OK also when something is: ask lk_staging_missing.
 * Errors are only those that no other source can mend: memory, and writing into the temporary folder. */
int lk_fetch_all(lk_staging *s, liken_error *err);

/* liken_pack_install for a pack that need not be in the built-in table. */
int lk_known_install(const lk_known_pack *known, const char *models, liken_error *err);

#endif
