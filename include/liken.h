/* liken.h - the public interface of liken, a face-search engine (with liken/upkeep.h, which it includes at its end).
 *
 * Photos go in as bytes; the faces in them become descriptors (vectors) and are stored in a
 * gallery; another photo is answered with every stored photo that holds the same face, nearest
 * first. The command line and the HTTP server are written on this header alone.
 *
 * Conventions, true for every function below unless it says otherwise:
 *   - Functions return LIKEN_OK (0) or a negative liken_status. On failure no output is touched.
 *   - `err` is the caller's, may be NULL, and is filled in only on failure: a code and a sentence
 *     that says what happened and what to do.
 *   - What a function may return is said with it, but for what all may: ARG (a parameter that is not as described, a
 *     struct without its size, a handle that was opened without what is asked of it), MEMORY, INTERNAL; with a
 *     liken_call CANCELLED and DEADLINE; of a gallery STORE (damaged, does not answer), IO and BUSY. "Photo errors" are
 *     FORMAT, DECODE, TOO_LARGE, UNSUPPORTED (a kind that this build does not read) and MODEL; "write errors" are
 *     READ_ONLY and FULL.
 *   - An output written through `T **out` is the caller's: free it with liken_T_free, which
 *     accepts NULL. Every pointer inside a returned object belongs to that object.
 *   - Strings are UTF-8, NUL-terminated. An optional string may be NULL.
 *   - Boxes and points are pixels of the upright photo (EXIF orientation applied), origin top
 *     left, x to the right, y down. They may reach outside the photo.
 *   - Times are seconds since 1970-01-01 UTC; LIKEN_NO_TIME means "not given".
 *   - Options structs begin with their size: start from LIKEN_..._INIT, or set .size yourself. NULL, and a field that
 * is 0 or NULL, mean the default. So a program that was built against an older liken.h goes on working; one that is
 *     newer than the library is told (LIKEN_E_ARG) when it sets what the library does not know.
 *   - A `liken` handle may be used by any number of threads at once.
 *   - What reads or writes a gallery, looks at photos or takes long gets a liken_call: who asks, until when, and how to
 *     stop it. NULL: nobody, no deadline, not to be stopped.
 *   - The library never prints; it logs through liken_set_log.
 */
#ifndef LIKEN_H
#define LIKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LIKEN_API __attribute__((visibility("default")))
#define LIKEN_CHECKED __attribute__((warn_unused_result)) /* its failure must not be missed */
#define LIKEN_NO_TIME INT64_MIN

/* ---- status ---------------------------------------------------------------------------- */

typedef enum liken_status {
    LIKEN_OK = 0,
    LIKEN_E_ARG = -1,          /* a parameter is missing, malformed or out of range */
    LIKEN_E_MEMORY = -2,       /* out of memory */
    LIKEN_E_IO = -3,           /* a file or the network could not be read or written */
    LIKEN_E_NOT_FOUND = -4,    /* no such collection, image, face, pack or file */
    LIKEN_E_CONFLICT = -5,     /* exists already, or differs from what exists */
    LIKEN_E_TOO_LARGE = -6,    /* over a limit: bytes, pixels, faces, rows */
    LIKEN_E_FORMAT = -7,       /* not a kind of image that liken reads */
    LIKEN_E_DECODE = -8,       /* an image, but damaged beyond use */
    LIKEN_E_NO_FACE = -9,      /* a face was required and none was found */
    LIKEN_E_MODEL = -10,       /* a model pack is missing, damaged or unfit */
    LIKEN_E_MISMATCH = -11,    /* descriptors of different models were to be compared */
    LIKEN_E_BUSY = -12,        /* no capacity now; try again later */
    LIKEN_E_STORE = -13,       /* the store failed, is damaged, or is newer than this liken */
    LIKEN_E_CANCELLED = -14,   /* stopped on request */
    LIKEN_E_UNSUPPORTED = -15, /* valid, but not in this build or on this machine */
    LIKEN_E_INTERNAL = -16,    /* a fault of liken's own: please report it */
    LIKEN_E_FULL = -17,        /* the disk of the store is full; nothing was written */
    LIKEN_E_READ_ONLY = -18,   /* the gallery can be read but not changed: opened so, a disk or files that may not be
                                  written, a database role that may only read, a standby server */
    LIKEN_E_DEADLINE = -19,    /* the call's deadline passed before it was done */
    LIKEN_E_GONE = -20         /* it was there once and is not kept any more: an old event */
} liken_status;

typedef struct liken_error {
    int code;          /* liken_status */
    char message[512]; /* one sentence or two, no trailing newline */
} liken_error;

/* "not_found", "too_large", ...: stable, for programs. Never NULL. */
LIKEN_API const char *liken_status_code(int status);

/* "0.1.0". */
LIKEN_API const char *liken_version(void);

typedef enum liken_log_level { LIKEN_LOG_ERROR, LIKEN_LOG_WARN, LIKEN_LOG_INFO, LIKEN_LOG_DEBUG } liken_log_level;
typedef void liken_log_fn(void *ctx, liken_log_level level, const char *message);

/* Where log lines go, process-wide; NULL (the default) drops them. `fn` is called from any thread,
 * one call at a time. */
LIKEN_API void liken_set_log(liken_log_fn *fn, void *ctx);

/* ---- who calls --------------------------------------------------------------------------- */

#ifdef __cplusplus
#define LIKEN_SIZED(type)                                                                                              \
    { sizeof(type) }
#else
#define LIKEN_SIZED(type)                                                                                              \
    { .size = sizeof(type) }
#endif

typedef enum liken_verdict { LIKEN_GOOD, LIKEN_NOTE, LIKEN_BAD } liken_verdict;

/* How far a call is. It may get fields at its end. */
typedef struct liken_progress {
    const char *what;      /* "rows", "photos copied", "pack yunet": of what it is told; never NULL */
    const char *message;   /* news, a sentence or a clause; NULL: only the numbers are new */
    liken_verdict verdict; /* of liken_check: how that is; of a row that cannot be imported: LIKEN_BAD */
    int64_t row;           /* the legacy row that `message` is about; 0: none */
    int64_t done, total;   /* so far, and of how many; total 0: it cannot be counted */
    int64_t added;         /* of `done`, what was not there before */
} liken_progress;

/* Anything but 0 stops the call, as soon as that leaves nothing half-done: LIKEN_E_CANCELLED. */
typedef int liken_progress_fn(void *ctx, const liken_progress *progress);
typedef int liken_cancelled_fn(void *ctx);

/* On whose behalf something is called. What it points to must last until the call returns. A call that was stopped, or
 * whose deadline passed, has written nothing, but for those that work through many photos: what they had done stays,
 * and the same call goes on from there. They look before each step that takes long, so a step is waited for. */
typedef struct liken_call {
    size_t size;                   /* LIKEN_CALL_INIT sets it */
    const char *actor;             /* who: a user, the name of a key; NULL: nobody in particular */
    const char *request_id;        /* by which others know the request; goes into the log */
    double deadline;               /* liken_deadline(SECONDS); 0: none */
    liken_cancelled_fn *cancelled; /* asked now and then, from any thread; not 0: stop. NULL: never */
    liken_progress_fn *progress;   /* told by what works through many things, on the caller's thread. NULL: nobody */
    void *ctx;                     /* of both */
} liken_call;

#define LIKEN_CALL_INIT LIKEN_SIZED(liken_call)

/* The moment that is `seconds` from now, as liken_call.deadline. */
LIKEN_API double liken_deadline(double seconds);

/* ---- the vocabulary --------------------------------------------------------------------- */

typedef struct liken_box {
    float x, y, width, height;
} liken_box;
typedef struct liken_point {
    float x, y;
} liken_point;

/* Why a face that was seen was not kept. */
typedef enum liken_reason {
    LIKEN_KEPT = 0,
    LIKEN_TOO_SMALL,
    LIKEN_BLURRED,
    LIKEN_EXTREME_POSE,
    LIKEN_LOW_CONFIDENCE,
    LIKEN_OCCLUDED,
    LIKEN_SUPPRESSED, /* the person asked not to be found */
    LIKEN_OVER_LIMIT, /* more faces in the photo than max_faces */
    LIKEN_LOW_LIGHT
} liken_reason;

LIKEN_API const char *liken_reason_code(liken_reason r);   /* "too_small"; never NULL */
LIKEN_API const char *liken_reason_advice(liken_reason r); /* a sentence: what would fix it */

/* How usable a face is. Angles in degrees, estimated from landmarks; 0 is frontal and upright. */
typedef struct liken_quality {
    float size;       /* distance that decides: box height in pixels of the full photo */
    float sharpness;  /* 0 (blurred) .. 1 (sharp) */
    float brightness; /* mean luma of the chip, 0..1 */
    float yaw, pitch, roll;
    float score; /* 0..1: how little the face looks like poor ones, which are taken for each other; see docs/accuracy.md
                  */
} liken_quality;

typedef struct liken_face {
    int64_t id; /* 0 when not stored */
    liken_box box;
    liken_point landmarks[5]; /* right eye, left eye (the person's own), nose tip, right and left mouth corner */
    float confidence;         /* the detector's, 0..1 */
    liken_quality quality;
    liken_reason reason; /* LIKEN_KEPT, or why it was refused */
    bool weak;           /* kept, and seen so poorly that its matches need a smaller distance (docs/search.md) */
    float *descriptor;   /* `dimension` floats as the network gave them (not normalised); NULL unless asked for */
    int dimension;
} liken_face;

/* Labels say where a photo is: the path of its file, its address, the name of an upload. A photo may have several, and
 * several image_ids. */
typedef enum liken_label_kind {
    LIKEN_LABEL_OWN = 0, /* names one photo of the collection: another that had it loses it, and stays */
    LIKEN_LABEL_FILE,    /* the same, and it is a file: a photo that loses its last label so is lost, and goes with
                            liken_lost_remove unless it turns up under another label before */
    LIKEN_LABEL_SHARED,  /* other photos may have it as well */
    LIKEN_LABEL_LOST     /* not given to callers: the file that it names has other bytes now */
} liken_label_kind;

/* What tells that a file is still as it was when it was read. All 0: not known. */
typedef struct liken_mark {
    int64_t size, mtime; /* bytes; nanoseconds since 1970 */
    uint64_t inode;
} liken_mark;

typedef struct liken_label {
    char *file;
    liken_label_kind kind;
    char *place; /* of a LIKEN_LABEL_FILE: where it lies, its path from the root as a label; NULL: not known */
    liken_mark mark;
} liken_label;

/* How much of its photos a collection keeps, to be looked at: nothing, a thumbnail of 400 pixels (about 10 kB), that
 * and a preview of 1280, or the thumbnail and the file as it came. A picture that is kept is one of the three. */
typedef enum liken_keep {
    LIKEN_KEEP_NOTHING,
    LIKEN_KEEP_THUMBNAIL, /* what a collection does when it is made */
    LIKEN_KEEP_PREVIEW,
    LIKEN_KEEP_ORIGINAL
} liken_keep;

/* "nothing", "thumbnail", "preview", "original"; constants. */
LIKEN_API const char *liken_keep_code(liken_keep k);

typedef struct liken_picture {
    liken_keep kind;   /* as which it is kept */
    char type[24];     /* "image/jpeg" */
    int width, height; /* upright */
    void *bytes;       /* the file; NULL in an image that was read, which says only what there is */
    size_t size;       /* of the file */
} liken_picture;

typedef struct liken_image {
    int64_t id;       /* 0 when not stored */
    char *collection; /* NULL when not stored */
    char *image_id;   /* the caller's own id, or NULL: the first of image_ids */
    char *file;       /* the caller's label (a path or an address), or NULL: the first of labels */
    char **image_ids; /* in the order in which they were given, at most 10,000 */
    size_t image_id_count;
    liken_label *labels; /* likewise */
    size_t label_count;
    char **tags;
    size_t tag_count;
    int64_t captured_at, added_at;
    char *source;      /* where it comes from, as liken_image_change said; NULL: it did not */
    char *metadata;    /* a JSON object of the caller's own, in one line; NULL: none */
    int64_t revision;  /* 1 at first, and one more with each change that events tell of; 0 when not stored, or a row of
                          a legacy table */
    char sha256[65];   /* of the bytes, hex */
    int width, height; /* upright, full size */
    float smallest_face; /* height in pixels of the faces that were looked for everywhere in the photo; smaller ones may
                            be among the faces, and may have been missed. 0 in an image that comes from the store */
    char *model;         /* id of what made the descriptors */
    char *detector;      /* "yunet", "ssd", "hog" */
    liken_face *faces;   /* kept, largest first */
    size_t face_count;
    liken_face *refused; /* seen and not kept */
    size_t refused_count;
    liken_picture *pictures; /* what is kept of it, the smallest first */
    size_t picture_count;
    bool existed;     /* the same bytes were in the collection before: this is the first answer, */
    bool extended;    /* to which a label, an image_id, a tag or captured_at was added */
    int64_t replaced; /* after an add: the photo that had the label before and lost it to this one; 0: none */
    char *note;       /* what was looked at, when that was not the photo itself ("the largest preview in a Canon CR2 raw
                         photo, ..."); NULL otherwise, and in an image that comes from the store */
} liken_image;

LIKEN_API void liken_image_free(liken_image *image);

/* ---- opening ------------------------------------------------------------------------------ */

typedef struct liken liken;

#define LIKEN_THOROUGH 16 /* as min_face: smaller faces cannot be told apart */

typedef struct liken_options {
    size_t size;       /* LIKEN_OPTIONS_INIT sets it */
    const char *data;  /* folder of the store and index; default $LIKEN_DATA, else ~/.local/share/liken */
    const char *store; /* where the gallery is kept: NULL or "sqlite": in the data folder; else a PostgreSQL server as
                          postgres://user@host/database (libpq's environment, passwords and service files apply) */
    const char *legacy_table; /* a table of the legacy system on that server (TABLE or SCHEMA.TABLE), served in place as
                               the collection "default"; `pack` is then "seed" by default (docs/legacy.md) */
    const char
        *models;      /* folder of the model packs; default $LIKEN_MODELS, else <the user's data folder>/liken/models */
    const char *pack; /* descriptor pack of new collections; default "auto": the best that is installed */
    const char *detector;  /* "auto" (default), "yunet", "ssd", "hog" */
    int threads;           /* how many photos are processed at once; default: number of CPUs */
    size_t max_file_bytes; /* default 64 MiB */
    size_t max_pixels;     /* default 120 million */
    int max_faces;         /* kept per photo; default 1000 */
    int min_face;          /* 10 to 4096: faces of that height in pixels are looked for everywhere in a photo, whatever
                              it costs (seconds where that is little and the photo large); LIKEN_THOROUGH: the smallest
                              that can be told apart. Default: what is quick, which is about a fortieth of the longer
                              side, and whatever smaller ones can be made out at little cost. UNSUPPORTED with the
                              detectors ssd and hog where they cannot */
    bool read_only;        /* open an existing store, write nothing */
    bool existing;         /* use the gallery that is there: none is made, nor brought up from an older liken's form */
    bool no_store;         /* only the models: detect, draw, compare without a collection; all else fails with ARG */
    bool no_models;        /* only the store: list, remove, status; detect and describe then fail */
    bool sandbox;          /* decode photos in helper processes (the program liken-decode) that can do nothing but that;
                              a file that makes a decoder crash, hang or swallow memory then costs one helper and one
                              LIKEN_E_DECODE. liken_open fails with LIKEN_E_UNSUPPORTED where the program is missing or
                              the kernel refuses. Off by default, and under valgrind */
    size_t index_memory;   /* bytes that the indexes of collections searched by LIKEN_SEARCH_AUTO may take together;
                              default: half of the memory */
    const char
        *photo_folders; /* folders, by their whole paths and parted by ':', of which liken_picture_get and
                           liken_crop_get may read files: photos that are there still, byte for byte. NULL: none */
} liken_options;

#define LIKEN_OPTIONS_INIT LIKEN_SIZED(liken_options)

/* Opens (creating it unless read_only or existing) the gallery in options->data. Also brings the index up to the store.
 * One that may not be written is opened for reading: liken_state.read_only says why, and what would change it fails
 * with LIKEN_E_READ_ONLY. Errors: LIKEN_E_MODEL (a pack is missing or damaged) names the pack and the command that
 * installs it; LIKEN_E_NOT_FOUND: read_only or existing, and there is no gallery, and none of its folders was made;
 * LIKEN_E_STORE (also: read_only or existing, and it is of an older liken), LIKEN_E_IO: the store cannot be used. */
LIKEN_API LIKEN_CHECKED int liken_open(liken **out, const liken_options *options, const liken_call *call,
                                       liken_error *err);

/* Waits for calls in progress, then closes. NULL is accepted. */
LIKEN_API void liken_free(liken *lk);

/* ---- collections --------------------------------------------------------------------------- */

typedef enum liken_metric {
    LIKEN_NORMALIZED = 0, /* Euclidean distance of L2-normalised descriptors: the default */
    LIKEN_L2              /* Euclidean distance of raw descriptors, as the legacy system has it */
} liken_metric;

/* "normalized", "l2". Never NULL. */
LIKEN_API const char *liken_metric_code(liken_metric m);

/* Where the faces of a collection are compared. Every way but HNSW gives the same answers. SQLite knows the first two.
 */
typedef enum liken_search {
    LIKEN_SEARCH_AUTO = 0, /* in memory while it fits into options.index_memory, else in the database */
    LIKEN_SEARCH_MEMORY,   /* by the index in this process */
    LIKEN_SEARCH_CUBE,     /* by the database, with PostgreSQL's extension cube */
    LIKEN_SEARCH_PGVECTOR, /* by the database, with the extension pgvector */
    LIKEN_SEARCH_HNSW      /* by an approximate index of pgvector: some answers miss faces */
} liken_search;

/* "auto", "memory", "cube", "pgvector", "hnsw". Never NULL. */
LIKEN_API const char *liken_search_code(liken_search s);

typedef struct liken_collection {
    int64_t id;
    char *name;
    char *model; /* descriptor model id: what describes the images that are added; liken_upgrade changes it */
    int dimension;
    liken_metric metric;
    liken_search search; /* as chosen */
    liken_keep keep;     /* of photos that are added */
    float threshold;     /* default search threshold for this model and metric */
    int64_t created_at;
    int64_t images, faces;
    int64_t generation; /* how often its model was changed (liken_upgrade) */
} liken_collection;

LIKEN_API void liken_collection_free(liken_collection *c);

/* `name`: 1-64 of [A-Za-z0-9._-], not starting with '.'. `pack` NULL: the handle's own. `keep`: LIKEN_KEEP_THUMBNAIL is
 * what most want. CONFLICT when it exists, UNSUPPORTED when its store cannot search so. NOT_FOUND, MODEL: there is no
 * such pack. Write errors. */
LIKEN_API LIKEN_CHECKED int liken_collection_create(liken *lk, const liken_call *call, const char *name,
                                                    const char *pack, liken_metric metric, liken_search search,
                                                    liken_keep keep, liken_collection **out, liken_error *err);
/* Changes where it is searched. Searches are right at any moment; a handle with no_models returns when the database is
 * ready to be quick, any other prepares it in the background. UNSUPPORTED says what to install. NOT_FOUND: no such
 * collection. Write errors. */
LIKEN_API LIKEN_CHECKED int liken_collection_set_search(liken *lk, const liken_call *call, const char *name,
                                                        liken_search search, liken_collection **out, liken_error *err);
/* Changes how much it keeps of its photos: of those that come from now on, and of one that is there already once its
 * bytes are added again (which liken_add_unchanged asks for). What is kept of any beyond that is erased when this
 * returns. NOT_FOUND: no such collection. UNSUPPORTED: a legacy table. Write errors. */
LIKEN_API LIKEN_CHECKED int liken_collection_set_keep(liken *lk, const liken_call *call, const char *name,
                                                      liken_keep keep, liken_collection **out, liken_error *err);
/* NOT_FOUND: no such collection. */
LIKEN_API LIKEN_CHECKED int liken_collection_get(liken *lk, const liken_call *call, const char *name,
                                                 liken_collection **out, liken_error *err);
/* *out: array of *count pointers; free with liken_collections_free. No errors of its own. */
LIKEN_API LIKEN_CHECKED int liken_collection_list(liken *lk, const liken_call *call, liken_collection ***out,
                                                  size_t *count, liken_error *err);
LIKEN_API void liken_collections_free(liken_collection **list, size_t count);
/* Removes the collection with all its images and faces. "default" is emptied, never removed.
 *
 * It goes in one moment: from then on nobody finds anything of it, by any call, in any process on the store, also after
 * a crash; and its name is free. The rows are erased after that, in small transactions between which others can write.
 * With no_models this returns when all are erased. Else it erases for two seconds, some ten thousand photos, and leaves
 * the rest to a thread of the handle; liken_state.erasing says how many photos that is. What a crash or liken_free
 * interrupts is gone on with by the next handle that has models. NOT_FOUND: no such collection. Write errors; after any
 * other the collection may be gone, and not all of it erased yet. */
LIKEN_API LIKEN_CHECKED int liken_collection_remove(liken *lk, const liken_call *call, const char *name,
                                                    liken_error *err);

/* ---- adding and detecting -------------------------------------------------------------------- */

typedef struct liken_add_options {
    size_t size;            /* LIKEN_ADD_INIT sets it */
    const char *collection; /* default "default" */
    const char *image_id;   /* at most 512 characters */
    const char *file;       /* the label: at most 4096 characters, or, where others may have it too, 64 KiB */
    liken_label_kind file_kind;
    const char *file_place;      /* of a LIKEN_LABEL_FILE: where it lies (liken_label); NULL: not known, or as before */
    const liken_mark *file_mark; /* of a LIKEN_LABEL_FILE, to be remembered; NULL: it is not known */
    const char *const *tags;     /* at most 64, of at most 128 characters */
    size_t tag_count;
    int64_t captured_at; /* 0 and LIKEN_NO_TIME: by the photo's EXIF, where that says it (docs/photos.md) */
    bool require_face;   /* LIKEN_E_NO_FACE, storing nothing, when no face is kept */
    int min_face;        /* as liken_options.min_face, and by default that */
} liken_add_options;

#define LIKEN_ADD_INIT LIKEN_SIZED(liken_add_options)

/* Finds, describes and stores the faces of one photo. When it returns LIKEN_OK the photo is on disk
 * and findable. The same bytes again in the same collection: the first answer, ->existed set, with the label, the
 * image_id and the tags added to those that it has, captured_at where it had none, and the pictures that the collection
 * keeps and it lacks. NOT_FOUND: no such collection. NO_FACE: require_face, and none was kept. MISMATCH, MODEL: the
 * collection is of a model that is not installed. TOO_LARGE: a text is over its limit. Photo errors, write errors. */
LIKEN_API LIKEN_CHECKED int liken_add(liken *lk, const liken_call *call, const void *bytes, size_t size,
                                      const liken_add_options *options, liken_image **out, liken_error *err);

/* Adds a photo again by its file, which need not be read: LIKEN_E_NOT_FOUND unless options->file is a LIKEN_LABEL_FILE
 * of the collection with exactly options->file_mark, and all is kept of the photo that the collection keeps. All else
 * as liken_add. */
LIKEN_API LIKEN_CHECKED int liken_add_unchanged(liken *lk, const liken_call *call, const liken_add_options *options,
                                                liken_image **out, liken_error *err);

/* Removes the photos of a collection that are lost (LIKEN_LABEL_FILE); *removed, which may be NULL, counts them.
 * NOT_FOUND: no such collection. Write errors; what was removed before it failed stays removed. */
LIKEN_API LIKEN_CHECKED int liken_lost_remove(liken *lk, const liken_call *call, const char *collection,
                                              int64_t *removed, liken_error *err);

/* Is a photo with these bytes there? LIKEN_E_NOT_FOUND if not. Cheap: nothing is decoded. The same where there is no
 * such collection. */
LIKEN_API LIKEN_CHECKED int liken_find_bytes(liken *lk, const liken_call *call, const char *collection,
                                             const void *bytes, size_t size, liken_image **out, liken_error *err);

typedef struct liken_detect_options {
    size_t size;      /* LIKEN_DETECT_INIT sets it */
    bool describe;    /* also compute descriptors */
    const char *pack; /* default: the handle's */
    int min_face;     /* as liken_options.min_face, and by default that */
} liken_detect_options;

#define LIKEN_DETECT_INIT LIKEN_SIZED(liken_detect_options)

/* Faces of a photo; nothing is stored. NOT_FOUND, MODEL: there is no such pack. Photo errors. */
LIKEN_API LIKEN_CHECKED int liken_detect(liken *lk, const liken_call *call, const void *bytes, size_t size,
                                         const liken_detect_options *options, liken_image **out, liken_error *err);

/* ---- pictures: what is kept, to be looked at ---------------------------------------------- */

typedef enum liken_picture_type { LIKEN_PICTURE_JPEG, LIKEN_PICTURE_WEBP } liken_picture_type;

LIKEN_API void liken_picture_free(liken_picture *p);
/* A stored photo: upright, sRGB, without metadata, its longer side at most `size` pixels (1..4096) and never enlarged;
 * of the smallest that is kept of it and has the pixels, else of its file (options.photo_folders), else of the largest.
 * ->kind says which; LIKEN_KEEP_NOTHING: the file. NOT_FOUND: there is no such photo, or no picture of it, and the
 * sentence says how to get one. */
LIKEN_API LIKEN_CHECKED int liken_picture_get(liken *lk, const liken_call *call, const char *collection, int64_t image,
                                              int size, liken_picture_type type, liken_picture **out, liken_error *err);
/* The same of a face with some of what is around it: a square with sides of at most `size` pixels, or less of it where
 * the photo is smaller. */
LIKEN_API LIKEN_CHECKED int liken_crop_get(liken *lk, const liken_call *call, const char *collection, int64_t face,
                                           int size, liken_picture_type type, liken_picture **out, liken_error *err);
/* The same of any photo that liken reads, for a page that cannot draw it (HEIC, TIFF, raw). Stored nowhere. Fails as
 * liken_detect does. */
LIKEN_API LIKEN_CHECKED int liken_preview(liken *lk, const liken_call *call, const void *bytes, size_t size, int side,
                                          liken_picture_type type, liken_picture **out, liken_error *err);
/* Signs a text with a secret of the store, which all who open the store share and nobody else knows: HMAC-SHA256 as 64
 * hex digits. STORE; UNSUPPORTED: a legacy table. */
LIKEN_API LIKEN_CHECKED int liken_sign(liken *lk, const liken_call *call, const char *text, char out[65],
                                       liken_error *err);

/* The photo with boxes, landmarks and confidences drawn on it, as JPEG. *jpeg is freed with free(). Photo errors. */
LIKEN_API LIKEN_CHECKED int liken_draw(liken *lk, const liken_call *call, const void *bytes, size_t size,
                                       const liken_image *faces, void **jpeg, size_t *jpeg_size, liken_error *err);

/* A contact sheet: photos side by side in rows, each with a face marked and words under it, as one JPEG. */

#define LIKEN_SHEET_PHOTOS 250 /* of one sheet */

typedef struct liken_sheet liken_sheet;

typedef struct liken_cell {
    const void *bytes; /* the photo; NULL: an empty frame, */
    size_t size;
    const char *why;          /* which says this, if it is not NULL */
    const liken_box *box;     /* the face; NULL: none. A small one is shown enlarged as well */
    const char *const *lines; /* under it, as many as there is room for (five, of 21 letters). Letters that are not
                                 Latin become empty boxes */
    size_t line_count;
} liken_cell;

/* An empty one; `lk` must outlive it. It is used by one thread at a time. No errors of its own. */
LIKEN_API LIKEN_CHECKED int liken_sheet_new(liken_sheet **out, liken *lk, liken_error *err);
LIKEN_API void liken_sheet_free(liken_sheet *s);
/* A line across the sheet; what comes after it begins a new row. No errors of its own. */
LIKEN_API LIKEN_CHECKED int liken_sheet_heading(liken_sheet *s, const char *text, liken_error *err);
/* TOO_LARGE: the sheet is full, or the photo is over a limit. On failure the sheet is as it was. Photo errors. */
LIKEN_API LIKEN_CHECKED int liken_sheet_add(liken_sheet *s, const liken_call *call, const liken_cell *cell,
                                            liken_error *err);
/* The sheet as it is now. *jpeg is freed with free(). No errors of its own. */
LIKEN_API LIKEN_CHECKED int liken_sheet_jpeg(const liken_sheet *s, void **jpeg, size_t *size, liken_error *err);

/* ---- searching ---------------------------------------------------------------------------------- */

typedef enum liken_distinct { LIKEN_DISTINCT_FACE = 0, LIKEN_DISTINCT_IMAGE, LIKEN_DISTINCT_PERSON } liken_distinct;

typedef struct liken_search_options {
    size_t size;            /* LIKEN_SEARCH_INIT sets it */
    const char *collection; /* default "default" */
    float threshold; /* largest distance of two good faces; 0: the collection's default; INFINITY: none. Where one
                        is weak it is the distance at which strangers are as rare */
    double max_false_matches; /* > 0: choose the threshold so that about so many strangers are expected */
    int limit;                /* matches per face; default 20, at most 10000 */
    liken_distinct distinct;
    const char *const *tags; /* only images that carry all of these */
    size_t tag_count;
    int64_t captured_from, captured_to; /* inclusive; 0 or LIKEN_NO_TIME: open */
    bool main_face;                     /* of a photo, only its largest usable face is searched for */
    bool uncounted;      /* liken_answer.total may be unknown: quicker where many thousands lie within the threshold */
    bool partial;        /* a cluster's server that does not answer (LIKEN_E_BUSY) is left out and named in ->missing */
    float max_threshold; /* > 0: nothing is searched farther than this, whatever chose the threshold */
    int min_face;        /* of photos, as liken_options.min_face, and by default that */
    bool one_per_photo;  /* a person is asked for, who is in a photo once: of its faces only the nearest may match (as
                            LIKEN_DISTINCT_IMAGE), and none of the photo that a stored face was searched by */
} liken_search_options;

#define LIKEN_SEARCH_INIT LIKEN_SIZED(liken_search_options)

typedef struct liken_match {
    int64_t face_id;
    int64_t image;         /* liken_image.id */
    char *image_id, *file; /* the caller's own, or NULL: the first of */
    char **image_ids, **files;
    size_t image_id_count, file_count;
    liken_box box;
    int image_width, image_height;
    int64_t captured_at; /* of the image; LIKEN_NO_TIME: not known */
    int photo;           /* of several query photos, the one whose face is nearest, from 0 */
    float distance;      /* exact, in the collection's metric */
    float similarity; /* 0..1 from the pack's calibration; 0.5 at the default threshold of two faces as good as these */
    bool weak;        /* this face was seen badly (liken_face.weak) */
    double strangers; /* expected, among the faces searched, as near as this one or nearer; of several photos by the one
                         whose face is nearest */
} liken_match;

/* What an expectation is taken from. */
typedef enum liken_expected {
    LIKEN_EXPECTED_BY_PACK = 0, /* the pack's curve, which is of all people: a search in the database, few faces, or a
                                   pack or metric for which the other was not measured */
    LIKEN_EXPECTED_BY_GALLERY /* also from how many faces of the collection are near this one without being its person's
                               */
} liken_expected;

/* "pack", "gallery"; never NULL. */
LIKEN_API const char *liken_expected_code(liken_expected e);

typedef struct liken_answer {
    liken_face face;      /* the query face; zeroed for a search by descriptor */
    liken_match *matches; /* nearest first, ties by face id */
    size_t match_count;
    int64_t total;   /* matches within the threshold, those beyond the limit too; -1: not known, because the limit was
                        reached and the search was approximate or uncounted, or because images are to be counted and more
                        than 262,144 faces lie within the threshold (of a database's search, faces too) */
    float threshold; /* applied; of several photos the largest of theirs */
    double expected_false_matches; /* strangers expected within the threshold among those searched */
    double expected_at_default;    /* the same within the collection's own threshold */
    liken_expected expected_by;
} liken_answer;

/* A photo that was searched by. */
typedef struct liken_query_photo {
    int width, height;   /* upright, full size */
    float smallest_face; /* as liken_image.smallest_face */
    char *note;          /* as liken_image.note */
    liken_face *refused; /* seen, and not searched for */
    size_t refused_count;
    size_t others;   /* usable faces that were left out, because only the main face was searched for */
    liken_face face; /* of several photos: the main face; zeroed when there is no usable one */
    float nearest;   /* of several: its distance to the nearest of the others that are not doubtful, INFINITY: none */
    bool doubtful;   /* of several: it does not look like the person whom most of them show, by the collection's own
                        threshold; it is searched for all the same */
} liken_query_photo;

typedef struct liken_result {
    bool exact;        /* false only where an approximate database index was chosen */
    double recall;     /* 1 when exact; else what share of the true nearest ten it found when last measured */
    uint64_t searched; /* faces compared (after filters) */
    float threshold;   /* applied; where each answer has its own (max_false_matches) the largest */
    char *collection, *model, *detector;
    liken_query_photo *photos; /* as they were given; none in a search by face or descriptor */
    size_t photo_count;
    liken_answer *answers; /* one per face of the query photo, largest first */
    size_t answer_count;
    char **missing; /* partial: names of the servers whose faces were not compared (`searched` counts them) */
    size_t missing_count;
} liken_result;

LIKEN_API void liken_result_free(liken_result *r);

/* A photo without a face is an answer with no answers, not an error; ->photos says what was refused. NOT_FOUND: no such
 * collection. MISMATCH, MODEL: its model is not installed. TOO_LARGE: more than 100,000 matches in all. UNSUPPORTED:
 * LIKEN_DISTINCT_PERSON. Photo errors. The same are those of every search, but for photo errors where none is given. */
LIKEN_API LIKEN_CHECKED int liken_search_photo(liken *lk, const liken_call *call, const void *bytes, size_t size,
                                               const liken_search_options *options, liken_result **out,
                                               liken_error *err);

#define LIKEN_PHOTOS_MAX 32

typedef struct liken_photo {
    const void *bytes;
    size_t size;
    const char *name; /* what a fault calls it; NULL: its number */
} liken_photo;

/* Searches for one person by 1 to LIKEN_PHOTOS_MAX photos at once: the main (largest usable) face of each is a view of
 * that person, and there is one answer, of the faces that are near any view. A match's distance is that to its nearest
 * view; expected_false_matches is the sum over the views, which is the most that it can be. No answer: no photo has a
 * usable face. Photo errors say which photo. */
LIKEN_API LIKEN_CHECKED int liken_search_photos(liken *lk, const liken_call *call, const liken_photo *photos,
                                                size_t count, const liken_search_options *options, liken_result **out,
                                                liken_error *err);
/* The face itself is not among the matches. NOT_FOUND: no such face. MISMATCH: it is of another model. */
LIKEN_API LIKEN_CHECKED int liken_search_face(liken *lk, const liken_call *call, int64_t face_id,
                                              const liken_search_options *options, liken_result **out,
                                              liken_error *err);
/* `model` NULL: the caller asserts it is the collection's own; else it must be the same. MISMATCH: it is not, or not as
 * long. ARG: it is no descriptor (not finite, all zeros). */
LIKEN_API LIKEN_CHECKED int liken_search_descriptor(liken *lk, const liken_call *call, const float *descriptor,
                                                    size_t dimension, const char *model,
                                                    const liken_search_options *options, liken_result **out,
                                                    liken_error *err);

typedef struct liken_comparison {
    liken_image *a, *b; /* faces as detected */
    float *distances;   /* a->face_count x b->face_count, row-major */
    float distance;     /* the smallest, INFINITY when either photo has no face */
    int best_a, best_b; /* that pair, -1 when there is none */
    float similarity, threshold;
    bool same; /* distance <= threshold */
} liken_comparison;

LIKEN_API void liken_comparison_free(liken_comparison *c);
/* By the model and the threshold of a collection (NULL: "default"). A photo without a face is no error. NOT_FOUND: no
 * such collection. MISMATCH, MODEL: its model is not installed. Photo errors say which photo. */
LIKEN_API LIKEN_CHECKED int liken_compare(liken *lk, const liken_call *call, const void *a, size_t a_size,
                                          const void *b, size_t b_size, const char *collection, liken_comparison **out,
                                          liken_error *err);

/* ---- reading and removing ------------------------------------------------------------------------- */

typedef enum liken_wanted { LIKEN_EITHER = 0, LIKEN_ONLY_WITH, LIKEN_ONLY_WITHOUT } liken_wanted;

typedef struct liken_list_options {
    size_t size;                        /* LIKEN_LIST_INIT sets it */
    const char *collection;             /* default "default" */
    const char *image_id;               /* only images with this caller's id */
    const char *file;                   /* only images with this label */
    int64_t captured_from, captured_to; /* inclusive; 0 or LIKEN_NO_TIME: open. With either, only images that have a
                                           captured_at */
    int64_t after;                      /* liken_image_list.next of the page before; 0: the first page */
    int limit;     /* default 100, at most 1000; a page ends sooner where its images hold 10,000 faces */
    bool describe; /* with the descriptors of their faces; one stays NULL only where a row of a table of the seed
                      system, served in place, holds none that can be compared */
    const char *const *tags; /* only images that carry all of these, at most 64 */
    size_t tag_count;
    const char *file_prefix; /* only images with a label that begins so, byte by byte: "2026/trip/" */
    liken_wanted faces;      /* with a face that is kept, */
    liken_wanted refused;    /* with one that was refused */
    bool newest;             /* those that were added last first */
} liken_list_options;

#define LIKEN_LIST_INIT LIKEN_SIZED(liken_list_options)

typedef struct liken_image_list {
    liken_image **images; /* by id, ascending; with `newest`, descending */
    size_t count;
    int64_t next; /* pass as `after` for the next page; 0: this was the last */
} liken_image_list;

LIKEN_API void liken_image_list_free(liken_image_list *l);
/* NOT_FOUND: no such collection. TOO_LARGE: a text is over its limit. UNSUPPORTED: of a legacy table, whose rows have
 * no tags, what comes after `describe` in the options. */
LIKEN_API LIKEN_CHECKED int liken_list(liken *lk, const liken_call *call, const liken_list_options *options,
                                       liken_image_list **out, liken_error *err);
/* collection NULL, of these five: whichever holds it. NOT_FOUND: no such collection, or it has none of that id. */
LIKEN_API LIKEN_CHECKED int liken_image_get(liken *lk, const liken_call *call, const char *collection, int64_t id,
                                            liken_image **out, liken_error *err);
/* `image`, which may be NULL: the photo that it is in. */
LIKEN_API LIKEN_CHECKED int liken_face_get(liken *lk, const liken_call *call, const char *collection, int64_t face_id,
                                           liken_face **out, int64_t *image, liken_error *err);
LIKEN_API void liken_face_free(liken_face *f);

/* What liken_image_changes says; all else stays as it is. */
typedef enum liken_change_bits {
    LIKEN_CHANGE_TAGS = 1,
    LIKEN_CHANGE_CAPTURED_AT = 2,
    LIKEN_CHANGE_SOURCE = 4,
    LIKEN_CHANGE_METADATA = 8
} liken_change_bits;

typedef struct liken_image_changes {
    size_t size;             /* LIKEN_CHANGES_INIT sets it */
    unsigned what;           /* LIKEN_CHANGE_TAGS | ... */
    int64_t revision;        /* only while it is of this one; 0: whatever it is */
    const char *const *tags; /* all that it has then: at most 64, of at most 128 characters */
    size_t tag_count;
    int64_t captured_at;  /* 0 and LIKEN_NO_TIME: not known */
    const char *source;   /* where it comes from, of at most 4096 characters; NULL: nowhere */
    const char *metadata; /* a JSON object of at most 8 levels and, without spaces, 8192 bytes; NULL: none */
} liken_image_changes;

#define LIKEN_CHANGES_INIT LIKEN_SIZED(liken_image_changes)

/* *out, which may be NULL, is the photo as it is then. What it has already is no change: its revision stays. CONFLICT:
 * it is of another revision than `changes` says. ARG: the metadata is no JSON object, or too deep. TOO_LARGE: a text is
 * over its limit. UNSUPPORTED: a row of a legacy table. NOT_FOUND as above. Write errors. */
LIKEN_API LIKEN_CHECKED int liken_image_change(liken *lk, const liken_call *call, const char *collection, int64_t id,
                                               const liken_image_changes *changes, liken_image **out, liken_error *err);
/* With its faces. NOT_FOUND as above. Write errors. */
LIKEN_API LIKEN_CHECKED int liken_image_remove(liken *lk, const liken_call *call, const char *collection, int64_t id,
                                               liken_error *err);
/* The photo stays, with one face less. NOT_FOUND as above. Write errors. */
LIKEN_API LIKEN_CHECKED int liken_face_remove(liken *lk, const liken_call *call, const char *collection,
                                              int64_t face_id, liken_error *err);

/* Takes a label (`file`), an image_id or both from a photo; NULL: none. With its last label, or its last image_id, the
 * photo goes as well: *removed, which may be NULL. NOT_FOUND: it does not have them, or is not there. UNSUPPORTED: a
 * legacy table. Write errors. */
LIKEN_API LIKEN_CHECKED int liken_name_remove(liken *lk, const liken_call *call, const char *collection, int64_t id,
                                              const char *file, const char *image_id, bool *removed, liken_error *err);

typedef struct liken_file {
    char *file;  /* a LIKEN_LABEL_FILE */
    char *place; /* where it lies; NULL: not known */
    int64_t image;
} liken_file;

/* The file that lies at `place`; where none is known there or `place` is NULL, the one with the label `file`; NULL:
 * none. So that a file which is named in another way than before (./a, a link to its folder, from another working
 * folder) is the same file, and another file of the same name is not. LIKEN_E_NOT_FOUND: neither. */
LIKEN_API LIKEN_CHECKED int liken_file_find(liken *lk, const liken_call *call, const char *collection,
                                            const char *place, const char *file, liken_file **out, liken_error *err);
LIKEN_API void liken_file_free(liken_file *f);

typedef struct liken_file_list {
    liken_file *files;
    size_t count;
    int64_t next; /* pass as `after` for the next page; 0: this was the last */
} liken_file_list;

LIKEN_API void liken_file_list_free(liken_file_list *l);
/* The files below the folder that lies at `place` ("/home/me/a" has "/home/me/a/b.jpg"), and of those of which it is
 * not known where they lie the ones whose label is below `folder`. At most 1000 a page, the first with `after` 0.
 * NOT_FOUND: no such collection. UNSUPPORTED: a legacy table. */
LIKEN_API LIKEN_CHECKED int liken_files_below(liken *lk, const liken_call *call, const char *collection,
                                              const char *folder, const char *place, int64_t after,
                                              liken_file_list **out, liken_error *err);

/* A path is bytes, a label is UTF-8: each byte of a path that is not UTF-8 becomes one character of U+F780..U+F7FF (the
 * byte 0xE9 is U+F7E9), and so do the bytes of such a character that the path itself holds. Every path has a label of
 * its own and can be had back from it; a path in UTF-8 is its own label. malloc'd; NULL when out of memory. */
LIKEN_API char *liken_label_of_path(const char *path);
LIKEN_API char *liken_path_of_label(const char *label);

/* ---- what happened ---------------------------------------------------------------------------------- */

typedef enum liken_event_kind {
    LIKEN_IMAGE_ADDED = 0,
    LIKEN_IMAGE_CHANGED, /* its labels, image_ids, tags, captured_at, source or metadata, or a picture came later */
    LIKEN_IMAGE_REMOVED, /* with its faces */
    LIKEN_FACE_REMOVED,
    LIKEN_COLLECTION_CREATED,
    LIKEN_COLLECTION_REMOVED, /* with all it held; "default" is created again at once */
    LIKEN_COLLECTION_CHANGED /* how much it keeps, how it is searched, or its model, with which faces may come and go */
} liken_event_kind;

LIKEN_API const char *liken_event_code(liken_event_kind kind); /* "image_added"; never NULL */

typedef struct liken_event {
    int64_t number; /* rises in the order in which they happened, with gaps */
    liken_event_kind kind;
    char *collection;
    int64_t image, face; /* 0: it is about none */
    int64_t at;
    char *actor; /* liken_call.actor of who did it, where that is UTF-8 of at most 256 bytes; else NULL */
} liken_event;

typedef struct liken_event_list {
    liken_event *events; /* in the order in which they happened */
    size_t count;        /* may be 0 while there are more */
    int64_t next;        /* pass as `after` for what comes next, now or later */
    bool more;           /* ask again at once */
} liken_event_list;

LIKEN_API void liken_event_list_free(liken_event_list *l);

#define LIKEN_EVENTS_NOW (-1)
#define LIKEN_EVENTS_KEPT 1000000

/* What happened in a collection (NULL: in all of them) after the event `after`, whoever did it, through this handle or
 * not: at most `limit` (1 to 1000; 0: 100). Each event is told once, and none ever appears before one that was told. A
 * photo is told as added only while it is there, and what happened in a collection that is gone only by its removal; so
 * a reader may hear of the removal of a photo that it has not heard of.
 *
 * To keep a copy of something: ask with LIKEN_EVENTS_NOW, which tells nothing and gives `next`; list; then follow from
 * `next` on, and look up what the events are about. Beginning at 0 works as well in a gallery that has forgotten
 * nothing: of all events the last LIKEN_EVENTS_KEPT are kept. LIKEN_E_GONE: `after` is older than that, or has not
 * happened here (a restored or moved gallery): list anew. UNSUPPORTED: a legacy table does not tell. */
LIKEN_API LIKEN_CHECKED int liken_events_after(liken *lk, const liken_call *call, const char *collection, int64_t after,
                                               int limit, liken_event_list **out, liken_error *err);

/* ---- state and health ------------------------------------------------------------------------------- */

typedef struct liken_state {
    const char *version;
    char *pack, *model, *detector; /* detector as resolved; NULL with no_models */
    char *detector_note;           /* why auto fell back, or NULL */
    char *pack_note;               /* why auto took this pack; NULL where it was named */
    char *cpu;                     /* "avx2", ... */
    char *store, *data;            /* "sqlite", or "postgres://..." without its password; the folder */
    char *store_id;                /* with no_store these three are NULL */
    int64_t collections, images, faces;
    int64_t erasing; /* images of removed collections that are still to be erased */
    int64_t indexed; /* faces in the in-memory index */
    uint64_t index_bytes;
    char *sandbox;         /* "on", "off", or why it is not on although it was asked for */
    int decoders;          /* helper processes that photos are decoded in, now */
    int64_t decoders_lost; /* to crashes, to limits, and killed from outside, since liken_open */
    char *read_only;       /* why the gallery can be read but not changed, or NULL */
    char *full; /* why nothing can be stored now (the disk is full), or NULL. Known of SQLite at once, and again when
                   there is room; of PostgreSQL for half a minute after it said so */
} liken_state;

LIKEN_API void liken_state_free(liken_state *s);
/* No errors of its own. */
LIKEN_API LIKEN_CHECKED int liken_get_state(liken *lk, const liken_call *call, liken_state **out, liken_error *err);

/* `liken doctor`: packs, store integrity, index against store, CPU level, disk. Opens on its own; never
 * changes anything. Each finding is told as progress: what was looked at, the verdict, and (NOTE, BAD) a sentence that
 * says how to mend it. Returns the number of BAD findings, or a negative status. Those are ARG, MEMORY, CANCELLED and
 * DEADLINE: all else is a finding. */
LIKEN_API LIKEN_CHECKED int liken_check(const liken_options *options, const liken_call *call, liken_error *err);

#ifdef __cplusplus
}
#endif

#include "liken/upkeep.h"

#endif
