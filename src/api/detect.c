/* detect.c - POST /v1/detect: the faces of a photo; nothing is stored. */
#include "api/api_int.h"

int lk_ask_min_face(const lk_ask *q) {
    const int given = (int)lk_args_whole(&q->args, "min_face");
    const bool thorough = lk_args_switch(&q->args, "thorough");
    return thorough && (given == 0 || given > LIKEN_THOROUGH) ? LIKEN_THOROUGH : given;
}

void lk_detect(lk_ask *q) {
    liken_error err = {0};
    liken_image *image = NULL;
    const liken_photo *photo = lk_args_photo(&q->args, "file");
    const liken_detect_options o = {.size = sizeof(liken_detect_options),
                                    .describe = lk_args_switch(&q->args, "descriptors"),
                                    .min_face = lk_ask_min_face(q)};
    if (liken_detect(q->api->lk, &q->call, photo->bytes, photo->size, &o, &image, &err) != LIKEN_OK)
        lk_args_answer_photo(&q->args, &(const char *){"file"}, 1, &err);
    else
        lk_answer_json(q->request, 200, lk_json_image(image));
    liken_image_free(image);
}
