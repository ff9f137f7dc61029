/* detect.c - POST /v1/detect: the faces of a photo; nothing is stored. */
#include "api/api_int.h"

static void detect(lk_request *r, lk_api *api, lk_args *a) {
    liken_error err = {0};
    liken_image *image = NULL;
    const void *bytes = NULL;
    size_t size = 0;
    const liken_detect_options o = {.describe = lk_args_switch(a, "descriptors")};
    lk_args_need_photo(a, "file", api->max_file, &bytes, &size);
    if (lk_args_refused(a))
        return;
    if (liken_detect(api->lk, lk_api_call(r), bytes, size, &o, &image, &err) != LIKEN_OK)
        lk_args_answer_photo(a, &(const char *){"file"}, 1, &err);
    else
        lk_answer_json(r, 200, lk_json_image(image));
    liken_image_free(image);
}

void lk_detect(lk_request *r, void *ctx) {
    lk_args a;
    lk_args_open(&a, r, "file descriptors");
    detect(r, ctx, &a);
    lk_args_close(&a);
}
