/* proxy.h - a network between liken and the database that can be cut at a chosen moment. */
#ifndef LK_TESTS_STORE_PROXY_H
#define LK_TESTS_STORE_PROXY_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

enum cut {
    CUT_NEVER,
    CUT_BEFORE_COMMIT, /* the COMMIT is swallowed, and the connection closed */
    CUT_AFTER_COMMIT,  /* the COMMIT goes through, its answer does not */
};

struct proxy {
    int port, listening, target; /* target: the server's port on 127.0.0.1 */
    atomic_int cut;              /* back to CUT_NEVER once it has happened */
    atomic_int cuts, pairs;
    atomic_bool end;
    pthread_t thread;
};

void proxy_start(struct proxy *p, int target);
void proxy_stop(struct proxy *p);

#endif
