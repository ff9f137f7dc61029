/* limits.h - what is taken when nobody says, and the most that may be asked for: each number once, for liken_options,
 * the settings, the server and the parameters of its requests. Plain numbers, so that LK_DIGITS makes texts of them. */
#ifndef LK_BASE_LIMITS_H
#define LK_BASE_LIMITS_H

#include <stddef.h>

#define LK_DIGITS(number) LK_DIGITS_OF(number) /* "64" */
#define LK_DIGITS_OF(number) #number

/* ---- photos and faces ---- */

#define LK_DEFAULT_FILE_MIB 64
#define LK_DEFAULT_FILE_BYTES ((size_t)LK_DEFAULT_FILE_MIB << 20)
#define LK_DEFAULT_MEGAPIXELS 120
#define LK_DEFAULT_PIXELS ((size_t)LK_DEFAULT_MEGAPIXELS * 1000000)
#define LK_DEFAULT_FACES 1000 /* of a photo */
#define LK_FACE_LEAST 10      /* pixels of height that min_face may ask for, */
#define LK_FACE_MOST 4096
#define LK_FACES_MAX 100000
#define LK_THREADS_MAX 1024   /* photos at once */
#define LK_DIMENSION_MAX 4096 /* numbers of a descriptor */
#define LK_SIDE_MAX 4096      /* pixels of a picture that is asked for */

/* ---- collections and searches ---- */

#define LK_DEFAULT_COLLECTION "default"
#define LK_TAGS_MAX 64       /* of a photo, or of a search */
#define LK_TAG_MAX 128       /* characters of one */
#define LK_LABEL_MAX 4096    /* characters of a label that names a photo alone; and of any that a /v1 request gives */
#define LK_LABEL_BYTES 65536 /* bytes of one that others may have too: the system liken grew from knew no limit */
#define LK_IMAGE_ID_MAX 512  /* characters */
#define LK_SOURCE_MAX 4096   /* characters */
#define LK_METADATA_MAX 8192 /* bytes of the JSON that a caller keeps with an image, without spaces, */
#define LK_METADATA_DEEP 8   /* and levels */
#define LK_DEFAULT_PAGE 100  /* images, or events */
#define LK_PAGE_MAX 1000
#define LK_NAME_MAX 64 /* bytes of the name of a collection or a pack */
#define LK_DEFAULT_MATCHES 20
#define LK_MATCHES_MAX 10000 /* of one face */
#define LK_DISTANCE_MAX 1e6  /* no model makes larger ones */
#define LK_FALSE_MATCHES_MAX 1e12

/* ---- the server ---- */

#define LK_DEFAULT_ADDRESS "127.0.0.1"
#define LK_DEFAULT_QUEUE 64 /* requests that wait in each lane */
#define LK_DEFAULT_QUEUE_SECONDS 60
#define LK_DEFAULT_STORE_THREADS 8
#define LK_DEFAULT_IDLE_SECONDS 30
#define LK_DEFAULT_CONNECTIONS 1024

#endif
