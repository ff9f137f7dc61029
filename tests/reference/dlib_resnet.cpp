// dlib's own ResNet on the synthetic photos of tests/unit/nn/models.h: prints a C table for the unit tests.
//
// usage: dlib_resnet dlib_face_recognition_resnet_model_v1.dat > tests/unit/nn/reference_dlib.h
// build: g++ -O2 -Isrc -Iinclude -Itests dlib_resnet.cpp -ldlib -lblas -llapack   (libdlib-dev)
#include <cstdint>
#include <cstdio>
#include <iostream>

#include "dlib_network.h"

#include <dlib/revision.h>

namespace {

// photo_value() of tests/unit/nn/models.h, which is C and brings cmocka along
std::uint8_t value(int n, int size, int y, int x, int c) {
    const int cy = y * 256 / size, cx = x * 256 / size;
    const int wave = (cx * (3 + n % 5) + cy * (2 + c) + 40 * n) & 255;
    const int fold = wave < 128 ? wave : 255 - wave;
    const int dy = cy - 128 - 9 * (n % 3), dx = cx - 120 + 7 * c;
    const int disc = dy * dy + dx * dx < 6000 + 500 * (n % 4) ? 90 + 12 * c : 20;
    const std::uint32_t mixed = static_cast<std::uint32_t>(x) * 73856093u ^ static_cast<std::uint32_t>(y) * 19349663u ^
                                static_cast<std::uint32_t>(c) * 83492791u ^ static_cast<std::uint32_t>(n) * 40503u;
    return static_cast<std::uint8_t>(fold / 2 + disc + static_cast<int>((mixed * 2654435761u) >> 27));
}

} // namespace

int main(int argc, char **argv) {
    if (argc != 2) {
        std::fprintf(stderr, "usage: %s dlib_face_recognition_resnet_model_v1.dat\n", argv[0]);
        return 2;
    }
    network net;
    dlib::deserialize(argv[1]) >> net;
    std::printf("/* Made by tests/reference/dlib_resnet.cpp with dlib %d.%d: do not edit. */\n", DLIB_MAJOR_VERSION,
                DLIB_MINOR_VERSION);
    for (int n = 0; n < 3; n++) {
        dlib::matrix<dlib::rgb_pixel> photo(150, 150);
        for (int y = 0; y < 150; y++)
            for (int x = 0; x < 150; x++)
                photo(y, x) = dlib::rgb_pixel(value(n, 150, y, x, 0), value(n, 150, y, x, 1), value(n, 150, y, x, 2));
        const dlib::matrix<float, 0, 1> descriptor = net(photo);
        std::printf("static const float dlib_descriptor_%d[] = {", n);
        for (long i = 0; i < descriptor.size(); i++)
            std::printf("%s%#.9gf,", i % 8 == 0 ? "\n    " : " ", static_cast<double>(descriptor(i)));
        std::printf("\n};\n");
    }
    return 0;
}
