// One round of dlib's ResNet with its own weights: CPU time of a forward pass an image.
//
// usage: rival_dlib WEIGHTS BATCH    prints: ENGINE <tab> milliseconds an image
// build: g++ -O3 -march=native rival_dlib.cpp -ldlib -lopenblas -llapack      (libdlib-dev, libopenblas-dev)
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <vector>

#include "../../tests/reference/dlib_network.h"
#include <dlib/revision.h>

namespace {

double cpu_seconds() {
    timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

} // namespace

int main(int argc, char **argv) {
    if (argc != 3)
        return std::fprintf(stderr, "usage: %s WEIGHTS BATCH\n", argv[0]), 2;
    network net;
    dlib::deserialize(argv[1]) >> net;
    const int batch = std::atoi(argv[2]);
    dlib::matrix<dlib::rgb_pixel> photo(150, 150);
    for (long i = 0; i < photo.size(); i++)
        photo(i) = dlib::rgb_pixel(static_cast<unsigned char>(i * i / 97), static_cast<unsigned char>(i / 3), 99);
    const std::vector<dlib::matrix<dlib::rgb_pixel>> photos(static_cast<std::size_t>(batch), photo);
    std::vector<double> runs;
    net(photos);
    for (const double end = cpu_seconds() + 0.7; runs.size() < 3 || cpu_seconds() < end;) {
        const double start = cpu_seconds();
        net(photos);
        runs.push_back(cpu_seconds() - start);
    }
    std::sort(runs.begin(), runs.end());
    std::printf("dlib %d.%d OpenBLAS\t%.4f\n", DLIB_MAJOR_VERSION, DLIB_MINOR_VERSION, runs[runs.size() / 2] * 1e3 / batch);
    return 0;
}
