/* json.h - what liken.h returns, as JSON: one rendering for the server and for --json.
 *
 * Every function makes a new reference (json_decref), or NULL when out of memory. Absent things are left out only where
 * said; otherwise they are null. Numbers that are not finite are null. Bytes in labels that are not UTF-8 come out
 * as U+FFFD, so that a label can never break an answer. */
#ifndef LK_WIRE_JSON_H
#define LK_WIRE_JSON_H

#include "liken.h"

#include <jansson.h>

/* {id, collection, image_id, file, tags, captured_at, added_at, existed, sha256, width, height, model, detector, faces:
 * [...], refused: [...]}; times in RFC 3339. The first eight are left out when nothing is stored. */
json_t *lk_json_image(const liken_image *image);

/* {id, box: {x, y, width, height}, landmarks: [{x, y} x5], confidence, quality: {...}}; id only when stored, reason and
 * advice only when refused, descriptor only when present. */
json_t *lk_json_face(const liken_face *face);

/* {collection, model, detector, mode: "exact"|"approximate", recall, searched, threshold, width, height,
 * refused: [...], faces: [{face, expected_false_matches, total, matches: [...]}]}; face is left out for a search by
 * descriptor, width, height and refused where there was no photo, and of several photos they stand in photos: [{face,
 * nearest, doubtful, width, height, refused}]. total is null when it is not known. */
json_t *lk_json_result(const liken_result *result);

/* {same, distance, similarity, threshold, best: {a, b}|null, distances: [[...]], a: image, b: image} */
json_t *lk_json_comparison(const liken_comparison *comparison);

/* {number, kind, collection, image, face, at, actor}; image and face only where it is about one, actor only when asked
 * for and known. */
json_t *lk_json_event(const liken_event *event, bool with_actor);
json_t *lk_json_collection(const liken_collection *collection);
json_t *lk_json_state(const liken_state *state);

/* A string that is surely UTF-8; null for NULL. */
json_t *lk_json_text(const char *text);
/* A finite number, or null. */
json_t *lk_json_number(double value);
/* "2026-11-24T21:56:00Z", or null for LIKEN_NO_TIME and 0. */
json_t *lk_json_time(int64_t when);

/* One line, compact, keys in the order above. malloc'd; NULL when out of memory. */
char *lk_json_line(const json_t *json);

#endif
