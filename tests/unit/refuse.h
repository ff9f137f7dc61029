/* refuse.h - memory that runs out, for tests: the n-th allocation fails. Counted are those of the code that is linked
 * into the test itself, which is liken's and the test's own; libraries (SQLite, libpq, the C library) get what they ask
 * for. The test links with refuse_link_args of meson.build. Of all threads; the count is one for all of them. */
#ifndef LK_TESTS_REFUSE_H
#define LK_TESTS_REFUSE_H

#include <stdbool.h>

/* From now on the n-th allocation (from 1) fails, and with `all` every one after it. */
void refuse_begin(long n, bool all);
/* No more; true when one was refused. */
bool refuse_end(void);

#endif
