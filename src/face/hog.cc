// hog.cc - the one C++ file: a C face for libdlib's frontal face detector. No exception leaves it.
extern "C" {
#include "base/error.h"
#include "image/image.h"
}
#include "face/hog.h"

#include <cstdlib>
#include <cstring>
#include <new>
#include <vector>

#include <dlib/array2d.h>
#include <dlib/image_processing/frontal_face_detector.h>
#include <dlib/image_transforms.h>
#include <dlib/pixel.h>

using pixels = dlib::array2d<dlib::rgb_pixel>;
using pyramid = dlib::pyramid_down<2>;

struct lk_hog {
    dlib::frontal_face_detector detector;
};

static void copy_image(const lk_image &image, pixels &out) {
    out.set_size(image.height, image.width);
    for (int y = 0; y < image.height; y++)
        std::memcpy(static_cast<void *>(&out[y][0]), image.rgb + static_cast<size_t>(y) * image.stride,
                    static_cast<size_t>(image.width) * 3);
}

// Enlarges, detects, and brings the boxes back, in the order of dlib's own Python module, which the legacy system used.
static std::vector<dlib::rect_detection> detect(lk_hog &hog, const lk_image &image, int enlargements) {
    pixels photo;
    copy_image(image, photo);
    const pyramid down;
    for (int i = 0; i < enlargements; i++)
        dlib::pyramid_up(photo, down);
    std::vector<dlib::rect_detection> found;
    hog.detector(photo, found, 0.0);
    for (auto &f : found)
        f.rect = down.rect_down(f.rect, static_cast<unsigned int>(enlargements));
    return found;
}

static int give(const std::vector<dlib::rect_detection> &found, lk_hog_face **faces, size_t *count, liken_error *err) {
    lk_hog_face *list = nullptr;
    if (!found.empty()) {
        list = static_cast<lk_hog_face *>(std::calloc(found.size(), sizeof *list));
        if (list == nullptr)
            return lk_fail_memory(err);
    }
    for (size_t i = 0; i < found.size(); i++) {
        const dlib::rectangle &r = found[i].rect;
        list[i].box = {static_cast<float>(r.left()), static_cast<float>(r.top()), static_cast<float>(r.width()),
                       static_cast<float>(r.height())};
        list[i].score = found[i].detection_confidence;
    }
    *faces = list;
    *count = found.size();
    return LIKEN_OK;
}

int lk_hog_new(lk_hog **out, liken_error *err) try {
    *out = new lk_hog{dlib::get_frontal_face_detector()};
    return LIKEN_OK;
} catch (const std::bad_alloc &) {
    return lk_fail_memory(err);
} catch (const std::exception &e) {
    return lk_fail(err, LIKEN_E_INTERNAL, "The hog detector could not be made: %s", e.what());
} catch (...) {
    return lk_fail(err, LIKEN_E_INTERNAL, "The hog detector could not be made.");
}

void lk_hog_free(lk_hog *hog) {
    delete hog;
}

int lk_hog_detect(lk_hog *hog, const lk_image *image, int enlargements, lk_hog_face **faces, size_t *count,
                  liken_error *err) try {
    if (enlargements < 0 || enlargements > 2 || image->width < 1 || image->height < 1)
        return lk_fail(err, LIKEN_E_ARG, "The hog detector enlarges an image 0 to 2 times.");
    const size_t enlarged =
        (static_cast<size_t>(image->width) << enlargements) * (static_cast<size_t>(image->height) << enlargements);
    if (enlarged > LK_HOG_MAX_PIXELS)
        return lk_fail(
            err, LIKEN_E_TOO_LARGE,
            "The hog detector would work on %zu pixels, more than its limit of %zu: make the photo smaller or "
            "use the detector yunet.",
            enlarged, LK_HOG_MAX_PIXELS);
    return give(detect(*hog, *image, enlargements), faces, count, err);
} catch (const std::bad_alloc &) {
    return lk_fail_memory(err);
} catch (const std::exception &e) {
    return lk_fail(err, LIKEN_E_INTERNAL, "The hog detector failed: %s", e.what());
} catch (...) {
    return lk_fail(err, LIKEN_E_INTERNAL, "The hog detector failed.");
}
