/* prune.h - taking away the labels of files that are gone. */
#ifndef LK_CLI_PRUNE_H
#define LK_CLI_PRUNE_H

#include "cli/cli.h"

typedef struct lk_pruned {
    size_t labels, photos; /* taken away; photos: that went with their last */
    bool refused;          /* nobody agreed */
} lk_pruned;

/* For one folder, by where it lies: tells how many there are, asks, does it, and tells (or prints,
 * with --json) what was done. Adds to *out. */
int lk_prune(const lk_cli *cli, liken *lk, const char *folder, lk_pruned *out, liken_error *err);

#endif
