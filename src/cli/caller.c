#include "cli/caller.h"

#include "cli/interrupt.h"

#include <pthread.h>
#include <pwd.h>
#include <stdio.h>
#include <unistd.h>

static char actor[80];
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* By the account, which the environment cannot change. */
static void find_actor(void) {
    struct passwd entry, *found = NULL;
    char text[4096];
    if (getpwuid_r(getuid(), &entry, text, sizeof text, &found) == 0 && found != NULL)
        (void)snprintf(actor, sizeof actor, "cli:%s", entry.pw_name);
    else
        (void)snprintf(actor, sizeof actor, "cli:%lu", (unsigned long)getuid());
}

static int cancelled(void *ctx) {
    (void)ctx;
    return lk_interrupted();
}

liken_call lk_cli_call_telling(liken_progress_fn *progress, void *ctx) {
    (void)pthread_once(&once, find_actor);
    liken_call call = LIKEN_CALL_INIT;
    call.actor = actor;
    call.cancelled = cancelled;
    call.progress = progress;
    call.ctx = ctx;
    return call;
}

const liken_call *lk_cli_call(void) {
    static _Thread_local liken_call call;
    call = lk_cli_call_telling(NULL, NULL);
    return &call;
}
