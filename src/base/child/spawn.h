/* spawn.h - what every start of a child has in common: signals as a fresh program expects them. For base/child only. */
#ifndef LK_BASE_CHILD_SPAWN_H
#define LK_BASE_CHILD_SPAWN_H

#include <spawn.h>
#include <stdbool.h>

typedef struct lk_spawn {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    bool has_actions, has_attributes;
} lk_spawn;

/* 0 or an errno; either way lk_spawn_end is called after it. */
int lk_spawn_begin(lk_spawn *s);
/* More flags of posix_spawnattr_setflags. */
int lk_spawn_flags(lk_spawn *s, short more);
void lk_spawn_end(lk_spawn *s);

#endif
