// One round of dlib's ResNet with its own weights: CPU time of a forward pass an image.
//
// usage: rival_dlib WEIGHTS BATCH
//   prints: ENGINE <tab> milliseconds an image; for BATCH "outputs" it writes what bench_nn writes, as float32
// build: g++ -O3 -march=native rival_dlib.cpp -ldlib -lopenblas -llapack      (libdlib-dev, libopenblas-dev)
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
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
    const bool outputs = std::strcmp(argv[2], "outputs") == 0;
    const int batch = outputs ? 1 : std::atoi(argv[2]);
    dlib::matrix<dlib::rgb_pixel> photo(150, 150);
    const auto byte = [](long i) { return static_cast<unsigned char>(i * i / 97 + i / 450); };
    for (long i = 0; i < photo.size(); i++)
        photo(i) = dlib::rgb_pixel(byte(3 * i), byte(3 * i + 1), byte(3 * i + 2));
    const std::vector<dlib::matrix<dlib::rgb_pixel>> photos(static_cast<std::size_t>(batch), photo);
    std::vector<double> runs;
    const auto &made = net(photos);
    if (outputs) {
        const dlib::matrix<float, 0, 1> &values = made[0];
        return std::fwrite(&values(0), sizeof(float), static_cast<std::size_t>(values.size()), stdout) == 0;
    }
    for (const double end = cpu_seconds() + 0.7; runs.size() < 3 || cpu_seconds() < end;) {
        const double start = cpu_seconds();
        net(photos);
        runs.push_back(cpu_seconds() - start);
    }
    std::sort(runs.begin(), runs.end());
    std::printf("dlib %d.%d OpenBLAS\t%.4f\n", DLIB_MAJOR_VERSION, DLIB_MINOR_VERSION, runs[runs.size() / 2] * 1e3 / batch);
    return 0;
}
