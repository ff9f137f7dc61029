#include "reference/dlib_reference.h"

#include <algorithm>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include <dlib/array2d.h>
#include <dlib/image_processing.h>
#include <dlib/image_processing/frontal_face_detector.h>
#include <dlib/image_transforms.h>

static dlib::array2d<dlib::rgb_pixel> load(const uint8_t *rgb, int width, int height) {
    dlib::array2d<dlib::rgb_pixel> image(height, width);
    for (long y = 0; y < height; y++)
        for (long x = 0; x < width; x++, rgb += 3)
            image[y][x] = dlib::rgb_pixel(rgb[0], rgb[1], rgb[2]);
    return image;
}

size_t reference_hog(const uint8_t *rgb, int width, int height, int enlargements, reference_face *faces, size_t room) {
    auto detector = dlib::get_frontal_face_detector();
    auto image = load(rgb, width, height);
    dlib::pyramid_down<2> pyramid;
    for (int i = 0; i < enlargements; i++)
        dlib::pyramid_up(image);
    std::vector<std::pair<double, dlib::rectangle>> found;
    detector(image, found);
    const size_t count = std::min(room, found.size());
    for (size_t i = 0; i < count; i++) {
        const dlib::rectangle r = pyramid.rect_down(found[i].second, static_cast<unsigned int>(enlargements));
        faces[i] = {r.left(), r.top(), r.right(), r.bottom(), found[i].first};
    }
    return count;
}

struct reference_shape {
    dlib::shape_predictor predictor;
};

reference_shape *reference_shape_read(const void *bytes, size_t size) {
    auto shape = std::make_unique<reference_shape>();
    try {
        std::istringstream in(std::string(static_cast<const char *>(bytes), size));
        dlib::deserialize(shape->predictor, in);
    } catch (const dlib::serialization_error &) {
        return nullptr;
    }
    return shape.release();
}

void reference_shape_free(reference_shape *shape) {
    delete shape;
}

size_t reference_shape_predict(const reference_shape *shape, const uint8_t *rgb, int width, int height, const long box[4],
                               long *points, size_t room) {
    const auto found = shape->predictor(load(rgb, width, height), dlib::rectangle(box[0], box[1], box[2], box[3]));
    const size_t count = std::min(room, static_cast<size_t>(found.num_parts()));
    for (size_t i = 0; i < count; i++) {
        points[2 * i] = found.part(i).x();
        points[2 * i + 1] = found.part(i).y();
    }
    return count;
}
