/* upkeep.h - the part of liken.h that whoever runs a gallery calls: what distances mean in it, importing, changing its
 * model, moving it, spreading it over servers, and the packs. liken.h includes it, and its conventions hold here. */
#ifndef LIKEN_UPKEEP_H
#define LIKEN_UPKEEP_H

#include "../liken.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- what distances mean in one gallery ------------------------------------------------------------ */

#define LIKEN_CURVE_FACES 50 /* good faces that it takes */

/* Shares of pairs, and of faces, that lie within a distance. */
typedef struct liken_gallery_point {
    float distance;
    double pack_strangers, pack_same; /* by the pack's curve: pairs of strangers, pairs of one person */
    double apart;                     /* pairs of different photos: strangers, and pairs of one person among them */
    double strangers; /* of those the strangers, as estimated from where most of them lie; NAN: there are too few */
    double together;  /* pairs of one photo, who are two people unless it is a collage or shows a mirror */
    double nearest;   /* faces whose nearest one in another photo of those compared lies there */
} liken_gallery_point;

typedef struct liken_gallery_curve {
    char *collection, *model;
    float threshold;          /* of the collection; one of the points has it */
    int64_t faces, weak;      /* good ones and weak ones in the collection; of these the weak ones are left out */
    int64_t compared, photos; /* good faces that were taken by chance, all those of a photo together; their photos */
    int64_t apart_pairs, together_pairs;
    double same; /* share of the pairs of different photos that are of one person, as estimated; NAN: too few */
    liken_gallery_point *points; /* by rising distance */
    size_t count;
} liken_gallery_curve;

LIKEN_API void liken_gallery_curve_free(liken_gallery_curve *c);
/* Compares up to 4096 good faces of a collection (NULL: "default") with each other, to be held against the pack's
 * curve; reads all of its descriptors once. Nothing is changed. ARG: it has fewer than LIKEN_CURVE_FACES. BUSY: it
 * changed its model meanwhile. NOT_FOUND; MISMATCH, MODEL: its model is not installed. */
LIKEN_API LIKEN_CHECKED int liken_calibrate(liken *lk, const liken_call *call, const char *collection,
                                            liken_gallery_curve **out, liken_error *err);

/* ---- importing from the legacy system (docs/legacy.md) ------------------------------------------------------ */

typedef struct liken_import_options {
    size_t size;            /* LIKEN_IMPORT_INIT sets it */
    const char *from;       /* its PostgreSQL server, as options.store */
    const char *table;      /* TABLE or SCHEMA.TABLE */
    const char *collection; /* made when it is not there; default "seed", with reencode "default" */
    bool reencode;          /* look at the photos anew, where a row's `file` is a path that can be read */
} liken_import_options;

#define LIKEN_IMPORT_INIT LIKEN_SIZED(liken_import_options)

typedef struct liken_import_count {
    int64_t total; /* rows of the table when it began */
    int64_t read;  /* so far: */
    int64_t added, existed, unusable;
} liken_import_count;

/* Copies the rows of a legacy table into a collection of the model that the legacy rows are of (pack "seed"), each as a
 * photo of one face; its box and the photo's size, which no row knows, are 0. Again, or after an interruption: goes on,
 * and takes nothing twice. Progress is told of each row that cannot be used and after each page of rows. *out also when
 * it was stopped: CANCELLED, DEADLINE. MODEL: the pack "seed" is not installed. MISMATCH: the collection is of another
 * model. NOT_FOUND: no such table. Write errors. What was imported before it failed stays. */
LIKEN_API LIKEN_CHECKED int liken_import(liken *lk, const liken_call *call, const liken_import_options *options,
                                         liken_import_count *out, liken_error *err);

/* ---- changing the model of a collection (docs/models.md) ------------------------------------------------------ */

typedef struct liken_upgrade_options {
    size_t size;            /* LIKEN_UPGRADE_INIT sets it */
    const char *collection; /* default "default" */
    const char *pack;       /* that is to describe its faces; NULL: the model that it had before, while that is kept */
    bool apply;             /* switch once all is described; else that is only prepared and compared */
    bool drop_missing;      /* switch although there are photos without pixels: they stay, and their faces go */
    int sample;             /* faces by which the two models are compared; 0: 200; negative: none */
} liken_upgrade_options;

#define LIKEN_UPGRADE_INIT LIKEN_SIZED(liken_upgrade_options)

/* A match that one of the models finds within its threshold, and the other does not. */
typedef struct liken_upgrade_match {
    int64_t face, match;        /* face 0: it has no id before the switch */
    int64_t image, match_image; /* the photos that they are in */
    char *file, *match_file;    /* the first label of each, or NULL */
    float similarity;           /* to the model that finds it */
} liken_upgrade_match;

typedef struct liken_upgrade {
    char *collection, *model; /* model: what its faces are described by now */
    char *other;              /* what they are prepared to be described by, or were before; NULL: nothing is kept */
    bool former;              /* `other` is what they were described by before: the way back */
    bool done;                /* of liken_upgrade_run: `model` is what was asked for */
    int64_t photos;           /* of the collection */
    int64_t ready;            /* of them, what is described by `other` */
    int64_t missing;          /* of those, what has no pixels any more */
    int64_t faces;            /* of the collection */
    int64_t kept, gone, came; /* faces that `other` keeps too; does not keep; keeps and `model` does not */
    /* By `sampled` faces, all matches in other photos, by `model` and by `other`: */
    int64_t sampled, matches_now, matches_then, lost_count, gained_count;
    liken_upgrade_match *lost, *gained; /* the most similar of those that only `model` finds; only `other` */
    size_t lost_shown, gained_shown;    /* 20 at most */
} liken_upgrade;

LIKEN_API void liken_upgrade_free(liken_upgrade *u);

/* Describes the faces of a collection by another pack, beside what is there, from the originals that are kept and from
 * the photos' own files (options.photo_folders), compares what the two find, and with ->apply switches in one moment:
 * ids, labels and tags stay, answers before are all of the one model, answers after all of the other, in every process.
 * Searches and additions go on meanwhile; photos that are added are taken along. A face that only one of the packs
 * keeps goes, or comes, with it. Again, or after an interruption: goes on. Where photos have no pixels any more it does
 * not switch, unless ->drop_missing. What was there is kept, for the way back, until liken_upgrade_end. Progress is
 * told of "photos described". Of a collection that is of that model already it tells the state. NOT_FOUND: no such
 * collection, or pack, or no way back. CONFLICT: another change of model is prepared or kept. UNSUPPORTED: a legacy
 * table; a collection that is searched in the database, a gallery that is spread over servers. MODEL. Write errors. */
LIKEN_API LIKEN_CHECKED int liken_upgrade_run(liken *lk, const liken_call *call, const liken_upgrade_options *options,
                                              liken_upgrade **out, liken_error *err);
/* How far that is; compares nothing. NOT_FOUND: no such collection. UNSUPPORTED: a legacy table. */
LIKEN_API LIKEN_CHECKED int liken_upgrade_get(liken *lk, const liken_call *call, const char *collection,
                                              liken_upgrade **out, liken_error *err);
/* Forgets what is prepared, or the way back; *faces, which may be NULL: how many descriptors and refusals that was.
 * NOT_FOUND: no such collection, or nothing is kept. UNSUPPORTED: a legacy table. Write errors. */
LIKEN_API LIKEN_CHECKED int liken_upgrade_end(liken *lk, const liken_call *call, const char *collection, int64_t *faces,
                                              liken_error *err);

/* ---- moving a gallery to another store ------------------------------------------------------------------ */

typedef struct liken_move_count {
    int64_t images;           /* of the gallery when it began */
    int64_t copied, verified; /* photos so far */
    int64_t faces;            /* of those verified */
    uint8_t checksum[32];     /* over everything that was compared */
} liken_move_count;

/* Copies a gallery, ids and all, into an empty store, then reads both and compares every photo. Of the options `data`
 * and `store` count. The old one stays as it is. Until the move is finished the new one cannot be opened. CONFLICT:
 * `to` is not empty, or the gallery was changed meanwhile. Progress is told of "photos copied", then of "photos
 * compared". `out` may be NULL; *out also when it was stopped, which the next call takes up again: CANCELLED, DEADLINE.
 * NOT_FOUND: no gallery at `from`. UNSUPPORTED: a legacy table. Write errors, of `to`. */
LIKEN_API LIKEN_CHECKED int liken_move(const liken_options *from, const liken_options *to, const liken_call *call,
                                       liken_move_count *out, liken_error *err);

/* ---- a cluster -------------------------------------------------------------------------------------------
 *
 * A gallery in PostgreSQL can keep its descriptors on several servers, the shards; options->store names the one that
 * keeps all else. Where that one has the Citus extension loaded the shards are nodes of Citus, else they are reached by
 * postgres_fdw. See docs/scale.md. */

/* A server of a cluster, as it is added: `name` is 1 to 32 of a-z 0-9 _, `where` as in liken_options.store; liken and
 * the first server both reach it so. */
typedef struct liken_shard_address {
    const char *name, *where;
} liken_shard_address;

typedef struct liken_shard {
    char *name;
    char *where;   /* without its password; NULL when it does not answer */
    char *trouble; /* why it does not answer, or NULL */
    int buckets;   /* parts of the gallery that lie there, of liken_cluster.buckets */
    int64_t faces; /* descriptors there: as the server estimates, or counted when deep; -1: not counted yet */
    uint64_t bytes;
    int64_t orphans; /* deep: descriptors that belong to no face; -1: not counted */
    int64_t missing; /* deep: faces without their descriptor; -1: not counted */
} liken_shard;

typedef struct liken_cluster {
    bool citus;    /* Citus spreads it, else postgres_fdw */
    int64_t faces; /* in all collections */
    int buckets;
    int64_t gone; /* descriptors of removed faces that wait to be removed themselves */
    liken_shard *shards;
    size_t shard_count;
} liken_cluster;

LIKEN_API void liken_cluster_free(liken_cluster *c);
/* Of all five: ARG: options->store is no PostgreSQL server. BUSY: another liken changes the cluster now, or a server
 * does not answer. STORE: a server refuses. Write errors. */

/* Spreads the gallery over these servers. Nobody can write to it meanwhile. CONFLICT: it is spread already, or a
 * shard's database is in use. On failure nothing has changed. */
LIKEN_API LIKEN_CHECKED int liken_cluster_create(const liken_options *options, const liken_call *call,
                                                 const liken_shard_address *shards, size_t count, liken_error *err);
/* Adds a server and gives it its part, while everything goes on. Interrupted: liken_cluster_balance goes on with it.
 * CONFLICT: the gallery is not spread, or its database is in use. */
LIKEN_API LIKEN_CHECKED int liken_cluster_add(const liken_options *options, const liken_call *call,
                                              const liken_shard_address *shard, liken_error *err);
/* Moves parts until every server has as many as the others. CONFLICT: the gallery is not spread. Stopped between two
 * parts, it goes on with the next call. */
LIKEN_API LIKEN_CHECKED int liken_cluster_balance(const liken_options *options, const liken_call *call,
                                                  liken_error *err);
/* NOT_FOUND: the gallery is not spread. `deep` reads every id. A shard that does not answer is told in ->trouble. */
LIKEN_API LIKEN_CHECKED int liken_cluster_status(const liken_options *options, const liken_call *call, bool deep,
                                                 liken_cluster **out, liken_error *err);
/* Removes descriptors that belong to no face, which a crash may leave; *removed counts them. CONFLICT: the gallery is
 * not spread. */
LIKEN_API LIKEN_CHECKED int liken_cluster_clean(const liken_options *options, const liken_call *call, int64_t *removed,
                                                liken_error *err);

/* ---- model packs ------------------------------------------------------------------------------------- */

typedef struct liken_pack {
    char *name, *version, *licence, *source;
    char *holds;           /* "detector ssd, landmarks, descriptor 128" */
    char *path;            /* where it is installed, or NULL */
    bool installed, known; /* known: liken can install it by itself */
    bool is_default;       /* describes faces in new collections where no other pack is named */
} liken_pack;

/* Those that are installed in `models` (NULL: as in liken_options) and those that liken can install. IO: the folder
 * cannot be read. */
LIKEN_API LIKEN_CHECKED int liken_pack_list(const char *models, liken_pack **out, size_t *count, liken_error *err);
LIKEN_API void liken_packs_free(liken_pack *packs, size_t count);
/* Every file against its pinned sha256. MODEL: one differs, or the pack is damaged. NOT_FOUND: it is not installed. IO.
 */
LIKEN_API LIKEN_CHECKED int liken_pack_verify(const char *models, const char *name, const liken_call *call,
                                              liken_error *err);
/* What a distance means, measured on pairs of faces: the share of strangers' pairs, and of pairs of one person, that
 * are no further apart. Points rise in all three. */
typedef struct liken_curve_point {
    float distance;
    double false_matches, true_matches;
} liken_curve_point;

typedef struct liken_curve {
    float threshold; /* of new collections */
    const liken_curve_point *points;
    size_t count; /* 2 to 24 */
} liken_curve;

/* Gives a pack of the user's own its curves, one for each metric, as calibration.json in its folder; handles that are
 * open keep the former ones. ARG: a curve is none, the pack is one that liken installs, or describes nothing.
 * NOT_FOUND, MODEL, IO. */
LIKEN_API LIKEN_CHECKED int liken_pack_calibrate(const char *models, const char *name, const liken_curve *normalized,
                                                 const liken_curve *l2, const liken_call *call, liken_error *err);
/* Tries $LIKEN_MODEL_MIRROR, the registry package, the upstream address; verifies; then moves the pack
 * into place in one rename. Already there and intact: LIKEN_OK at once. NOT_FOUND: liken cannot install a pack of that
 * name. IO: no source has it, which the sentence names one by one, or the folder cannot be written. */
LIKEN_API LIKEN_CHECKED int liken_pack_install(const char *models, const char *name, const liken_call *call,
                                               liken_error *err);

#ifdef __cplusplus
}
#endif
#endif
