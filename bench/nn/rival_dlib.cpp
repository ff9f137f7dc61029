// One round of dlib's ResNet with its own weights: CPU time of a forward pass an image.
//
// usage: rival_dlib WEIGHTS BATCH    prints: ENGINE <tab> milliseconds an image
// build: g++ -O3 -march=native rival_dlib.cpp -ldlib -lopenblas -llapack      (libdlib-dev, libopenblas-dev)
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <vector>

#include <dlib/dnn.h>
#include <dlib/revision.h>

namespace {

template <int N, template <typename> class BN, int stride, typename SUBNET>
using block = BN<dlib::con<N, 3, 3, 1, 1, dlib::relu<BN<dlib::con<N, 3, 3, stride, stride, SUBNET>>>>>;
template <int N, typename SUBNET>
using same = dlib::relu<dlib::add_prev1<block<N, dlib::affine, 1, dlib::tag1<SUBNET>>>>;
template <int N, typename SUBNET>
using down = dlib::relu<dlib::add_prev2<
    dlib::avg_pool<2, 2, 2, 2, dlib::skip1<dlib::tag2<block<N, dlib::affine, 2, dlib::tag1<SUBNET>>>>>>>;
template <typename SUBNET> using level1 = same<256, same<256, down<256, SUBNET>>>;
template <typename SUBNET> using level2 = same<128, same<128, down<128, SUBNET>>>;
template <typename SUBNET> using level3 = same<64, same<64, same<64, down<64, SUBNET>>>>;
template <typename SUBNET> using level4 = same<32, same<32, same<32, SUBNET>>>;
using network = dlib::loss_metric<dlib::fc_no_bias<128, dlib::avg_pool_everything<down<256, level1<level2<level3<level4<
    dlib::max_pool<3, 3, 2, 2, dlib::relu<dlib::affine<dlib::con<32, 7, 7, 2, 2, dlib::input_rgb_image_sized<150>>>>>>>>>>>>>;

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
