// The legacy pipeline through libdlib: HOG detector on the photo enlarged twice, five points, ResNet; CPU time a photo
// from decoded pixels on.
//
// usage: rival_legacy FOLDER_OF_PACKS PHOTO.ppm...    prints: ENGINE, then a line a photo: milliseconds <tab> faces
// build: g++ -O3 -march=native -I../nn rival_legacy.cpp -ldlib -lopenblas -llapack      (libdlib-dev, libopenblas-dev)
#include <cstdio>
#include <ctime>
#include <fstream>
#include <string>
#include <vector>

#include <dlib/image_processing.h>
#include <dlib/image_processing/frontal_face_detector.h>
#include <dlib/image_transforms.h>
#include <dlib/revision.h>

#include "../../tests/reference/dlib_network.h"

namespace {

using pixels = dlib::array2d<dlib::rgb_pixel>;

double cpu_seconds() {
    timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

bool read_photo(const char *path, pixels &photo) {
    std::ifstream file(path, std::ios::binary);
    std::string kind;
    long width = 0, height = 0, most = 0;
    file >> kind >> width >> height >> most;
    file.get();
    if (!file || kind != "P6")
        return false;
    photo.set_size(height, width);
    for (long y = 0; y < height; y++)
        file.read(reinterpret_cast<char *>(&photo[y][0]), 3 * width);
    return static_cast<bool>(file);
}

} // namespace

int main(int argc, char **argv) {
    if (argc < 3)
        return std::fprintf(stderr, "usage: %s FOLDER_OF_PACKS PHOTO.ppm...\n", argv[0]), 2;
    const std::string dlib_pack = std::string(argv[1]) + "/dlib/";
    auto detector = dlib::get_frontal_face_detector();
    dlib::shape_predictor points;
    network net;
    dlib::deserialize(dlib_pack + "shape_predictor_5_face_landmarks.dat") >> points;
    dlib::deserialize(dlib_pack + "dlib_face_recognition_resnet_model_v1.dat") >> net;
    std::printf("dlib %d.%d HOG, 5 points, ResNet\n", DLIB_MAJOR_VERSION, DLIB_MINOR_VERSION);
    for (int i = 2; i < argc; i++) {
        pixels photo;
        if (!read_photo(argv[i], photo))
            return std::fprintf(stderr, "%s cannot be read\n", argv[i]), 1;
        const double start = cpu_seconds();
        pixels enlarged;
        dlib::assign_image(enlarged, photo);
        const dlib::pyramid_down<2> down;
        dlib::pyramid_up(enlarged, down);
        std::vector<dlib::matrix<dlib::rgb_pixel>> chips;
        for (const auto &box : detector(enlarged)) {
            dlib::matrix<dlib::rgb_pixel> chip;
            const auto shape = points(photo, down.rect_down(box));
            dlib::extract_image_chip(photo, dlib::get_face_chip_details(shape, 150, 0.25), chip);
            chips.push_back(chip);
        }
        if (!chips.empty())
            net(chips);
        std::printf("%.1f\t%zu\n", (cpu_seconds() - start) * 1e3, chips.size());
    }
    return 0;
}
