/* The plan of a cluster. A search by cube reads every face on one core of each shard, so its time is the faces of a
 * shard times what one takes; everything else is bytes. */
#include "cli/cluster_plan.h"

#include <math.h>

void lk_plan_make(double faces, double seconds, lk_plan *out) {
    const double alone = faces * LK_PLAN_CUBE_US * 1e-6;
    const double wanted = ceil(alone / seconds);
    const int shards = wanted < 1 ? 1 : wanted > LK_PLAN_SHARDS ? LK_PLAN_SHARDS : (int)wanted;
    *out = (lk_plan){.faces = faces,
                     .index_bytes = faces * LK_PLAN_INDEX_BYTES,
                     .vector_bytes = faces * LK_PLAN_VECTOR_BYTES,
                     .cube_bytes = faces * LK_PLAN_CUBE_BYTES,
                     .meta_bytes = faces * LK_PLAN_META_BYTES,
                     .shards = shards,
                     .cube_seconds = alone / shards,
                     .index_seconds = faces * LK_PLAN_INDEX_US * 1e-6,
                     .shard_bytes = faces * LK_PLAN_CUBE_BYTES / shards};
}
