/* text.h - UTF-8, lists of words, and the labels that paths become (liken_label_of_path in liken.h). */
#ifndef LK_BASE_TEXT_H
#define LK_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes of the well-formed UTF-8 sequence at `p`, which ends with a NUL somewhere; 0 when it is none. */
size_t lk_utf8_sequence(const char *p);

/* Bytes of text[0..size) before the first that belongs to no such sequence: `size` when all of it is UTF-8. Of a text
 * that ends with a NUL at or after text + size. */
size_t lk_utf8_span(const char *text, size_t size);
bool lk_utf8_valid(const char *text);
/* Characters of a text that is UTF-8. */
size_t lk_utf8_count(const char *text);
/* The most of text[0..size) that ends between two characters of a text that is UTF-8. */
size_t lk_utf8_cut(const char *text, size_t size);
/* The character `c` of ISO 8859-1 as UTF-8: one or two bytes, how many is returned. No NUL is added. */
size_t lk_utf8_of_latin1(unsigned char c, char out[2]);

/* What a hex digit of either case means; -1: it is none. */
int lk_hex_value(char c);

/* Whether it ends in `ending`, in letters of any case. */
bool lk_text_ends(const char *text, const char *ending);

/* Which of `words`, separated by spaces or bars, is `word`: 0 for the first; -1 when it is none of them. */
int lk_word_find(const char *words, const char *word);

/* What "yes", "no" and the other words for it mean, in letters of any case: 1 or 0; -1: it is none of them. */
int lk_switch_value(const char *text);

/* Frees the texts and the array; NULL is accepted. */
void lk_texts_free(char **texts, size_t count);
/* Adds a copy of `text`, growing the array; false when out of memory. */
bool lk_texts_add(char ***texts, size_t *count, const char *text);

#endif
