/* compare.c - POST /v1/compare: the parts "a" and "b" of a form or of JSON; nothing is stored. */
#include "api/api_int.h"

#include <string.h>

static void compare(lk_request *r, lk_api *api, lk_args *a) {
    liken_error err = {0};
    liken_comparison *c = NULL;
    const void *one = NULL, *two = NULL;
    size_t one_size = 0, two_size = 0;
    const char *collection = lk_args_text(a, "collection", 64);
    lk_key key = {0};
    const bool parts = lk_request_part(r, "a") != NULL && lk_request_part(r, "b") != NULL;
    if (!parts || !lk_args_photo(a, "a", api->max_file, &one, &one_size) ||
        !lk_args_photo(a, "b", api->max_file, &two, &two_size))
        lk_args_fail(a, LIKEN_E_ARG, NULL,
                     "Send two photos, as the parts \"a\" and \"b\" of a multipart form, or in base64 as \"a\" and "
                     "\"b\" of a JSON object.");
    if (lk_args_refused(a))
        return;
    if (lk_guard_key(api, r, &key) && key.collection[0] != '\0') { /* the metric and threshold of its own collection */
        if (collection != NULL && strcmp(collection, key.collection) != 0) {
            lk_answer_problem(r, 403, "forbidden", "This key is bound to another collection.", "collection", -1);
            return;
        }
        collection = key.collection;
    }
    if (liken_compare(api->lk, lk_api_call(r), one, one_size, two, two_size, collection, &c, &err) != LIKEN_OK)
        lk_args_answer_photo(a, (const char *const[]){"a", "b"}, 2, &err);
    else
        lk_answer_json(r, 200, lk_json_comparison(c));
    liken_comparison_free(c);
}

void lk_compare(lk_request *r, void *ctx) {
    lk_args a;
    lk_args_open(&a, r, "a b collection");
    compare(r, ctx, &a);
    lk_args_close(&a);
}
