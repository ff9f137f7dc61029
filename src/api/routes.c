/* routes.c - the table of routes: one row says everything of one, its parameters included. docs/openapi.yaml says what
 * each answers; tests/api/test_table.py holds the two against each other.
 *
 * To add a route: its row, the table of its parameters, a function in the file of its resource, its contract. */
#include "api/api_int.h"

#include "base/words.h"

#include <stdlib.h>

#define FORM_ROOM ((size_t)1 << 20) /* beside the photo: the other parts and what divides them */

#define KEEPS LK_WORD("keep", LK_KEEP_WORDS(" "))
#define SEARCHES LK_WORD("search", LK_SEARCH_WORDS(" "))

/* ---- parameters ---- */

static const lk_param none[] = {{0}};

/* No table: nothing is looked at, and so nothing is refused either. Probes and scrapers add to an address what they
 * like, and what watches over a server must not fail over that. */
#define ANYTHING NULL
/* No table: the old clients' forms are read in legacy.c, since they hold fields that nobody knows, numbers for texts
 * and labels of any length, and are answered in words of their own. */
#define OLD_FORM NULL

static const lk_param new_collection[] = {LK_TEXT("name", LK_NAME_MAX),
                                          LK_TEXT("pack", LK_NAME_MAX),
                                          LK_WORD("metric", LK_METRIC_WORDS(" ")),
                                          SEARCHES,
                                          KEEPS,
                                          {0}};

static const lk_param changed_collection[] = {SEARCHES, KEEPS, {0}};

#define MIN_FACE LK_WHOLE("min_face", LK_FACE_LEAST, LK_FACE_MOST, 0), LK_SWITCH("thorough")

static const lk_param new_image[] = {LK_PHOTO_NEEDED("file", LK_LABEL_MAX),
                                     LK_TEXT("url", LK_LABEL_MAX),
                                     LK_TEXT("image_id", LK_IMAGE_ID_MAX),
                                     LK_TEXTS("tags", LK_TAGS_MAX, LK_TAG_MAX),
                                     LK_TIME("captured_at"),
                                     LK_SWITCH("require_face"),
                                     MIN_FACE,
                                     {0}};

static const lk_param images[] = {LK_TEXT("image_id", LK_IMAGE_ID_MAX),
                                  LK_TEXT("file", LK_LABEL_MAX),
                                  LK_TIME("captured_from"),
                                  LK_TIME_SINCE("captured_to", "captured_from"),
                                  LK_TEXTS("tags", LK_TAGS_MAX, LK_TAG_MAX),
                                  LK_TEXT("file_prefix", LK_LABEL_MAX),
                                  LK_SWITCH("has_face"),
                                  LK_SWITCH("has_refused"),
                                  LK_WORD("order", "oldest newest"),
                                  LK_WHOLE("after", 0, INT64_MAX, 0),
                                  LK_WHOLE("limit", 1, LK_PAGE_MAX, LK_DEFAULT_PAGE),
                                  {0}};

static const lk_param changed_image[] = {LK_TEXTS("tags", LK_TAGS_MAX, LK_TAG_MAX),
                                         LK_TIME("captured_at"),
                                         LK_TEXT("source", LK_SOURCE_MAX),
                                         LK_OBJECT("metadata", LK_METADATA_MAX),
                                         {0}};

static const lk_param search[] = {LK_PHOTO("file"),
                                  LK_PHOTOS("files", LIKEN_PHOTOS_MAX),
                                  LK_WHOLE("face_id", 1, INT64_MAX, 0),
                                  LK_FLOATS("descriptor", LK_DIMENSION_MAX),
                                  LK_TEXT("model", 256),
                                  LK_NUMBER("threshold", 0, LK_DISTANCE_MAX),
                                  LK_NUMBER("max_false_matches", 0, LK_FALSE_MATCHES_MAX),
                                  LK_WHOLE("limit", 1, LK_MATCHES_MAX, LK_DEFAULT_MATCHES),
                                  LK_WORD("distinct", LK_DISTINCT_WORDS(" ") " person"),
                                  LK_TEXTS("tags", LK_TAGS_MAX, LK_TAG_MAX),
                                  LK_TIME("captured_from"),
                                  LK_TIME_SINCE("captured_to", "captured_from"),
                                  LK_SWITCH("partial"),
                                  LK_SWITCH("main_face"),
                                  LK_SWITCH("one_per_photo"),
                                  LK_SWITCH("total"),
                                  MIN_FACE,
                                  {0}};

static const lk_param comparison[] = {LK_PHOTO_PART("a"), LK_PHOTO_PART("b"), LK_TEXT("collection", LK_NAME_MAX), {0}};

static const lk_param detection[] = {LK_PHOTO_NEEDED("file", 0), LK_SWITCH("descriptors"), MIN_FACE, {0}};

static const lk_param shown_image[] = {LK_WHOLE("size", 1, LK_SIDE_MAX, 400), {0}};

static const lk_param shown_face[] = {LK_WHOLE("size", 1, LK_SIDE_MAX, 200), {0}};

static const lk_param preview[] = {LK_PHOTO_NEEDED("file", 0), LK_WHOLE("size", 1, LK_SIDE_MAX, 1280), {0}};

static const lk_param links[] = {LK_IDS("images", 1000),
                                 LK_IDS("faces", 1000),
                                 LK_WHOLE("size", 1, LK_SIDE_MAX, 400),
                                 LK_WHOLE("minutes", 1, 60, 10),
                                 {0}};

static const lk_param events[] = {
    LK_WHOLE("after", 0, INT64_MAX, 0), LK_WHOLE("limit", 1, LK_PAGE_MAX, LK_DEFAULT_PAGE), {0}};

static const lk_param linked[] = {
    LK_WHOLE("size", 1, LK_SIDE_MAX, 0), LK_WHOLE("expires", 1, INT64_MAX, 0), LK_TEXT("signature", 64), {0}};

/* ---- routes ---- */

enum { READS, WRITES };
#define NO_KEY ((lk_scope)0)
#define AT_ONCE LK_LANE_AT_ONCE
#define STORE LK_LANE_STORE
#define PHOTOS LK_LANE_PHOTO
#define READ LK_SCOPE_READ
#define SEARCH LK_SCOPE_SEARCH
#define ADD LK_SCOPE_ADD
#define DELETE LK_SCOPE_DELETE
#define ADMIN LK_SCOPE_ADMIN
#define ADDRESS LK_ABOUT_ADDRESS
#define ANY LK_ABOUT_ANY
#define LEGACY LK_ABOUT_LEGACY
#define COLLECTIONS "/v1/collections"
#define COLLECTION COLLECTIONS "/{c}"

/* clang-format off */
const lk_row lk_rows[] = {
    {"GET", "/", lk_pages_document, ANYTHING, AT_ONCE, READS, NO_KEY, ANY, LK_BODY_SMALL, NULL},
    {"GET", "/photos", lk_pages_document, ANYTHING, AT_ONCE, READS, NO_KEY, ANY, LK_BODY_SMALL, NULL},
    {"GET", "/assets/{name}", lk_pages_asset, ANYTHING, AT_ONCE, READS, NO_KEY, ANY, LK_BODY_SMALL, NULL},
    {"GET", COLLECTIONS, lk_collections_list, none, STORE, READS, READ, ANY, LK_BODY_SMALL, NULL},
    {"POST", COLLECTIONS, lk_collections_create, new_collection, PHOTOS, WRITES, ADMIN, ADDRESS, LK_BODY_SMALL, NULL}, /* it may load a pack */
    {"GET", COLLECTION, lk_collections_get, none, STORE, READS, READ, ADDRESS, LK_BODY_SMALL, NULL},
    {"PATCH", COLLECTION, lk_collections_change, changed_collection, STORE, WRITES, ADMIN, ADDRESS, LK_BODY_SMALL, NULL},
    {"DELETE", COLLECTION, lk_collections_remove, none, STORE, WRITES, ADMIN, ADDRESS, LK_BODY_SMALL, NULL},
    {"POST", COLLECTION "/images", lk_images_add, new_image, PHOTOS, WRITES, ADD, ADDRESS, LK_BODY_PHOTO, NULL},
    {"GET", COLLECTION "/images", lk_images_list, images, STORE, READS, READ, ADDRESS, LK_BODY_SMALL, NULL},
    {"GET", COLLECTION "/images/{id}", lk_images_get, none, STORE, READS, READ, ADDRESS, LK_BODY_SMALL, NULL},
    {"PATCH", COLLECTION "/images/{id}", lk_images_change, changed_image, STORE, WRITES, ADD, ADDRESS, LK_BODY_SMALL, NULL},
    {"DELETE", COLLECTION "/images/{id}", lk_images_remove, none, STORE, WRITES, DELETE, ADDRESS, LK_BODY_SMALL, NULL},
    {"GET", COLLECTION "/faces/{id}", lk_faces_get, none, STORE, READS, READ, ADDRESS, LK_BODY_SMALL, NULL},
    {"DELETE", COLLECTION "/faces/{id}", lk_faces_remove, none, STORE, WRITES, DELETE, ADDRESS, LK_BODY_SMALL, NULL},
    {"GET", COLLECTION "/images/{id}/picture", lk_pictures_image, shown_image, PHOTOS, READS, READ, ADDRESS, LK_BODY_SMALL, NULL},
    {"GET", COLLECTION "/faces/{id}/crop", lk_pictures_face, shown_face, PHOTOS, READS, READ, ADDRESS, LK_BODY_SMALL, NULL},
    {"POST", COLLECTION "/links", lk_pictures_link, links, STORE, READS, READ, ADDRESS, LK_BODY_SMALL, NULL},
    {"GET", "/v1/linked/{c}/images/{id}", lk_pictures_linked_image, linked, PHOTOS, READS, NO_KEY, ADDRESS, LK_BODY_SMALL, lk_pictures_lane},
    {"GET", "/v1/linked/{c}/faces/{id}", lk_pictures_linked_face, linked, PHOTOS, READS, NO_KEY, ADDRESS, LK_BODY_SMALL, lk_pictures_lane},
    {"GET", COLLECTION "/events", lk_events, events, STORE, READS, READ, ADDRESS, LK_BODY_SMALL, NULL},
    {"POST", "/v1/preview", lk_pictures_preview, preview, PHOTOS, READS, SEARCH, ANY, LK_BODY_PHOTO, NULL},
    {"POST", COLLECTION "/search", lk_search, search, PHOTOS, READS, SEARCH, ADDRESS, LK_BODY_PHOTO, lk_search_lane},
    {"POST", "/v1/compare", lk_compare, comparison, PHOTOS, READS, SEARCH, ANY, LK_BODY_TWO_PHOTOS, NULL},
    {"POST", "/v1/detect", lk_detect, detection, PHOTOS, READS, SEARCH, ANY, LK_BODY_PHOTO, NULL},
    {"GET", "/v1/status", lk_status, none, STORE, READS, READ, ADDRESS, LK_BODY_SMALL, NULL},
    {"GET", "/metrics", lk_metrics_get, ANYTHING, AT_ONCE, READS, READ, ADDRESS, LK_BODY_SMALL, NULL},
    {"GET", "/healthz", lk_health, ANYTHING, AT_ONCE, READS, NO_KEY, ADDRESS, LK_BODY_SMALL, NULL},
    {"GET", "/readyz", lk_ready, ANYTHING, AT_ONCE, READS, NO_KEY, ADDRESS, LK_BODY_SMALL, NULL},
    {"POST", "/faces", lk_legacy_add, OLD_FORM, PHOTOS, WRITES, ADD, LEGACY, LK_BODY_LEGACY, NULL},
    {"POST", "/faces/searches", lk_legacy_search, OLD_FORM, PHOTOS, READS, SEARCH, LEGACY, LK_BODY_LEGACY, NULL},
};
/* clang-format on */
const size_t lk_row_count = LK_LENGTH(lk_rows);

const lk_row *lk_row_of(const lk_request *r) {
    const lk_route *route = lk_request_route(r);
    return route == NULL ? NULL : route->tag;
}

/* ---- bodies ---- */

/* Bytes of the photos in it. */
static size_t photos_of(lk_body body, size_t max_file) {
    switch (body) {
    case LK_BODY_PHOTO:
        return max_file;
    case LK_BODY_TWO_PHOTOS:
        return 2 * max_file;
    case LK_BODY_LEGACY:
        return LK_LEGACY_FILE;
    default:
        return 0;
    }
}

static size_t body_limit(lk_body body, size_t max_file) {
    return body == LK_BODY_LEGACY ? LK_LEGACY_FILE + 65536 : photos_of(body, max_file) + FORM_ROOM;
}

/* Of a JSON body whose photos are base64: a third more, and an eighth for line ends and escapes. 0: it has none. */
static size_t json_limit(lk_body body, size_t max_file) {
    const size_t photos = photos_of(body, max_file);
    return photos == 0 ? 0 : photos + photos / 3 + photos / 8 + LK_JSON_BYTES;
}

size_t lk_rows_max_body(size_t max_file) {
    return body_limit(LK_BODY_TWO_PHOTOS, max_file);
}

int lk_rows_routes(lk_route **out, size_t max_file, liken_error *err) {
    lk_route *routes = calloc(lk_row_count, sizeof *routes);
    if (routes == NULL)
        return lk_fail_memory(err);
    for (size_t i = 0; i < lk_row_count; i++)
        routes[i] = (lk_route){.method = lk_rows[i].method,
                               .pattern = lk_rows[i].pattern,
                               .fn = lk_dispatch,
                               .lane = lk_rows[i].lane,
                               .writes = lk_rows[i].writes,
                               .tag = &lk_rows[i],
                               .max_body = body_limit(lk_rows[i].body, max_file),
                               .max_json = json_limit(lk_rows[i].body, max_file),
                               .lane_of = lk_rows[i].lane_of};
    *out = routes;
    return LIKEN_OK;
}
