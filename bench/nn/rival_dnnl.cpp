// One round of oneDNN: the convolutions of a network as primitives in its own choice of layouts and algorithms, with
// their activation; CPU time an image. Pooling, residual sums and loading are left out, which is in oneDNN's favour.
//
// usage: rival_dnnl descriptor|ssd BATCH    prints: ENGINE <tab> milliseconds an image
// build: g++ -O2 rival_dnnl.cpp -ldnnl      (libdnnl-dev)
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>
#include <unordered_map>
#include <vector>

#include <dnnl.hpp>

namespace {

using dnnl::memory;

struct layer {
    int size, in, out, kernel, stride; // input side, channels
    int before, after;                 // padding
    int repeat;
    bool depthwise;
};

std::vector<layer> descriptor() {
    return {{150, 3, 32, 7, 2, 0, 0, 1, false},  {35, 32, 32, 3, 1, 1, 1, 6, false}, {35, 32, 64, 3, 2, 0, 0, 1, false},
            {17, 64, 64, 3, 1, 1, 1, 7, false},  {17, 64, 128, 3, 2, 0, 0, 1, false}, {8, 128, 128, 3, 1, 1, 1, 5, false},
            {8, 128, 256, 3, 2, 0, 0, 1, false}, {3, 256, 256, 3, 1, 1, 1, 1, false}, {4, 256, 256, 3, 1, 1, 1, 4, false},
            {4, 256, 256, 3, 2, 0, 0, 1, false}, {1, 256, 256, 1, 1, 0, 0, 1, false}, {1, 256, 128, 1, 1, 0, 0, 1, false}};
}

std::vector<layer> ssd() {
    static const int channels[] = {32, 64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024};
    static const int tail[][4] = {{256, 1, 1, 0}, {512, 3, 2, 1}, {128, 1, 1, 0}, {256, 3, 2, 1},
                                  {128, 1, 1, 0}, {256, 3, 2, 1}, {64, 1, 1, 0},  {128, 3, 2, 1}};
    std::vector<layer> all = {{512, 3, 32, 3, 2, 0, 1, 1, false}};
    const auto predict = [&all](int size, int in, int boxes) {
        all.push_back({size, in, 4 * boxes, 1, 1, 0, 0, 1, false});
        all.push_back({size, in, 3 * boxes, 1, 1, 0, 0, 1, false});
    };
    int size = 256;
    for (int i = 1; i <= 13; i++) {
        const int stride = i == 2 || i == 4 || i == 6 || i == 12 ? 2 : 1, c = channels[i - 1];
        all.push_back({size, c, c, 3, stride, stride == 2 ? 0 : 1, 1, 1, true});
        size /= stride;
        all.push_back({size, c, channels[i], 1, 1, 0, 0, 1, false});
        if (i == 11)
            predict(size, channels[i], 3);
    }
    predict(size, 1024, 6);
    int in = 1024;
    for (const auto &t : tail) {
        all.push_back({size, in, t[0], t[1], t[2], 0, t[3], 1, false});
        size /= t[2];
        in = t[0];
        if (t[2] == 2)
            predict(size, in, 6);
    }
    return all;
}

struct step {
    dnnl::convolution_forward conv;
    std::unordered_map<int, memory> arguments;
};

step make(const dnnl::engine &engine, const layer &l, int batch) {
    const auto any = memory::format_tag::any;
    const auto f32 = memory::data_type::f32;
    const int made = (l.size + l.before + l.after - l.kernel) / l.stride + 1;
    const memory::dims weights = l.depthwise ? memory::dims{l.in, 1, 1, l.kernel, l.kernel}
                                             : memory::dims{l.out, l.in, l.kernel, l.kernel};
    const dnnl::convolution_forward::desc want(
        dnnl::prop_kind::forward_inference, dnnl::algorithm::convolution_auto,
        {{batch, l.in, l.size, l.size}, f32, any}, {weights, f32, any}, {{l.out}, f32, memory::format_tag::x},
        {{batch, l.out, made, made}, f32, any}, {l.stride, l.stride}, {l.before, l.before}, {l.after, l.after});
    dnnl::post_ops then;
    then.append_eltwise(1, dnnl::algorithm::eltwise_relu, 0, 0);
    dnnl::primitive_attr attributes;
    attributes.set_post_ops(then);
    const dnnl::convolution_forward::primitive_desc got(want, attributes, engine);
    const auto filled = [&engine](const memory::desc &d) {
        memory m(d, engine);
        auto *p = static_cast<float *>(m.get_data_handle());
        for (std::size_t i = 0; i < d.get_size() / sizeof(float); i++)
            p[i] = static_cast<float>(i * 37 % 256) / 25600 - 0.004F;
        return m;
    };
    return {dnnl::convolution_forward(got),
            {{DNNL_ARG_SRC, filled(got.src_desc())}, {DNNL_ARG_WEIGHTS, filled(got.weights_desc())},
             {DNNL_ARG_BIAS, filled(got.bias_desc())}, {DNNL_ARG_DST, filled(got.dst_desc())}}};
}

double cpu_seconds() {
    timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

} // namespace

int main(int argc, char **argv) {
    if (argc != 3)
        return std::fprintf(stderr, "usage: %s descriptor|ssd BATCH\n", argv[0]), 2;
    const int batch = std::atoi(argv[2]);
    const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
    dnnl::stream stream(engine);
    std::vector<step> steps;
    for (const layer &l : std::strcmp(argv[1], "ssd") == 0 ? ssd() : descriptor())
        for (int i = 0; i < l.repeat; i++)
            steps.push_back(make(engine, l, batch));
    const auto run = [&] {
        for (const step &s : steps)
            s.conv.execute(stream, s.arguments);
        stream.wait();
    };
    std::vector<double> runs;
    run();
    for (const double end = cpu_seconds() + 0.7; runs.size() < 3 || cpu_seconds() < end;) {
        const double start = cpu_seconds();
        run();
        runs.push_back(cpu_seconds() - start);
    }
    std::sort(runs.begin(), runs.end());
    const dnnl_version_t *v = dnnl_version();
    std::printf("oneDNN %d.%d.%d convolutions\t%.4f\n", v->major, v->minor, v->patch, runs[runs.size() / 2] * 1e3 / batch);
    return 0;
}
