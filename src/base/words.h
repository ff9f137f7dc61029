/* words.h - the words for what liken.h and the settings count, each list written once, in the order of its enum. A list
 * is a macro over what stands between two words, so that it can be had in each form that somebody needs:
 *
 *   LK_KEEP_WORDS(" ")                               one text, for lk_word_find and the parameters of requests
 *   LK_KEEP_WORDS("|")                               one text, for the table of settings and its help
 *   const char *const w[] = {LK_KEEP_WORDS(LK_AND)}  a table
 *
 * From a number to its word: liken_keep_code and the like (liken.h), which are in words.c. */
#ifndef LK_BASE_WORDS_H
#define LK_BASE_WORDS_H

#define LK_AND ,

#define LK_METRIC_WORDS(S) "normalized" S "l2"                              /* liken_metric */
#define LK_SEARCH_WORDS(S) "auto" S "memory" S "cube" S "pgvector" S "hnsw" /* liken_search */
#define LK_KEEP_WORDS(S) "nothing" S "thumbnail" S "preview" S "original"   /* liken_keep */
#define LK_DISTINCT_WORDS(S) "face" S "image"                               /* liken_distinct, as far as it works */
#define LK_LOG_LEVEL_WORDS(S) "error" S "warn" S "info" S "debug"           /* liken_log_level */
#define LK_DETECTOR_WORDS(S) "yunet" S "ssd" S "hog"                        /* beside "auto": liken_options */
#define LK_SCOPE_WORDS(S) "read" S "search" S "add" S "delete" S "admin"    /* what a key may do, bit by bit */

#endif
