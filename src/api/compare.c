/* compare.c - POST /v1/compare: the parts "a" and "b" of a form or of JSON; nothing is stored. */
#include "api/api_int.h"

#include <string.h>

/* A key that is bound to a collection compares with its metric and threshold. False: it asked for another's, and the
 * request is answered. */
static bool choose_collection(const lk_ask *q, const char **collection) {
    *collection = lk_args_text(&q->args, "collection");
    if (q->key == NULL || q->key->collection[0] == '\0')
        return true;
    if (*collection != NULL && strcmp(*collection, q->key->collection) != 0) {
        lk_answer_problem(q->request, 403, "forbidden", "This key is bound to another collection.", "collection", -1);
        return false;
    }
    *collection = q->key->collection;
    return true;
}

void lk_compare(lk_ask *q) {
    liken_error err = {0};
    liken_comparison *c = NULL;
    const char *collection = NULL;
    const liken_photo *one = lk_args_photo(&q->args, "a"), *two = lk_args_photo(&q->args, "b");
    if (one == NULL || two == NULL)
        lk_args_fail(&q->args, LIKEN_E_ARG, NULL,
                     "Send two photos, as the parts \"a\" and \"b\" of a multipart form, or in base64 as \"a\" and "
                     "\"b\" of a JSON object.");
    if (lk_args_refused(&q->args) || !choose_collection(q, &collection))
        return;
    if (liken_compare(q->api->lk, &q->call, one->bytes, one->size, two->bytes, two->size, collection, &c, &err) !=
        LIKEN_OK)
        lk_args_answer_photo(&q->args, (const char *const[]){"a", "b"}, 2, &err);
    else
        lk_answer_json(q->request, 200, lk_json_comparison(c));
    liken_comparison_free(c);
}
