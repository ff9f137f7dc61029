#include "rivals.h"

#include <faiss/IndexFlat.h>
#include <faiss/IndexHNSW.h>
#include <faiss/IndexIVFFlat.h>
#include <hnswlib/hnswlib.h>
#include <omp.h>

#include <cmath>
#include <cstdio>
#include <memory>
#include <vector>

namespace {

struct Faiss {
    std::unique_ptr<faiss::Index> quantizer, index;
};

void search_faiss(void *p, const float *q, int k, int64_t *ids) {
    std::vector<float> distances(static_cast<size_t>(k));
    static_cast<Faiss *>(p)->index->search(1, q, k, distances.data(), ids);
}

void free_faiss(void *p) {
    delete static_cast<Faiss *>(p);
}

void *flat(const float *x, size_t n, int d) {
    omp_set_num_threads(1);
    auto *f = new Faiss;
    f->index = std::make_unique<faiss::IndexFlatL2>(d);
    f->index->add(static_cast<faiss::Index::idx_t>(n), x);
    return f;
}

void *ivf(const float *x, size_t n, int d) {
    omp_set_num_threads(1);
    auto *f = new Faiss;
    const auto cells = static_cast<size_t>(4 * std::sqrt(static_cast<double>(n)));
    f->quantizer = std::make_unique<faiss::IndexFlatL2>(d);
    auto index = std::make_unique<faiss::IndexIVFFlat>(f->quantizer.get(), static_cast<size_t>(d), cells);
    index->cp.max_points_per_centroid = 64;
    index->cp.niter = 6;
    index->train(static_cast<faiss::Index::idx_t>(n), x);
    index->add(static_cast<faiss::Index::idx_t>(n), x);
    f->index = std::move(index);
    return f;
}

void set_ivf(void *p, int probes) {
    static_cast<faiss::IndexIVFFlat *>(static_cast<Faiss *>(p)->index.get())->nprobe = static_cast<size_t>(probes);
}

void *hnsw_faiss(const float *x, size_t n, int d) {
    omp_set_num_threads(1);
    auto *f = new Faiss;
    auto index = std::make_unique<faiss::IndexHNSWFlat>(d, 16);
    index->hnsw.efConstruction = 200;
    index->add(static_cast<faiss::Index::idx_t>(n), x);
    f->index = std::move(index);
    return f;
}

void set_hnsw_faiss(void *p, int ef) {
    static_cast<faiss::IndexHNSWFlat *>(static_cast<Faiss *>(p)->index.get())->hnsw.efSearch = ef;
}

struct Hnswlib {
    std::unique_ptr<hnswlib::L2Space> space;
    std::unique_ptr<hnswlib::HierarchicalNSW<float>> graph;
};

void *hnsw(const float *x, size_t n, int d) {
    auto *h = new Hnswlib;
    h->space = std::make_unique<hnswlib::L2Space>(static_cast<size_t>(d));
    h->graph = std::make_unique<hnswlib::HierarchicalNSW<float>>(h->space.get(), n, 16, 200);
    for (size_t i = 0; i < n; i++)
        h->graph->addPoint(x + i * static_cast<size_t>(d), i);
    return h;
}

void set_hnsw(void *p, int ef) {
    static_cast<Hnswlib *>(p)->graph->setEf(static_cast<size_t>(ef));
}

void search_hnsw(void *p, const float *q, int k, int64_t *ids) {
    auto found = static_cast<Hnswlib *>(p)->graph->searchKnn(q, static_cast<size_t>(k));
    for (auto i = found.size(); i-- > 0; found.pop())
        ids[i] = static_cast<int64_t>(found.top().second);
}

void free_hnsw(void *p) {
    delete static_cast<Hnswlib *>(p);
}

const int efs[] = {10, 20, 40, 60, 80, 100, 150, 200, 300, 400, 600, 800, 1200, 0};
const int probes[] = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 0};
const rival faiss_flat = {"faiss " FAISS_RELEASE " flat", flat, nullptr, search_faiss, free_faiss, nullptr};
const rival faiss_ivf = {"faiss " FAISS_RELEASE " ivf", ivf, set_ivf, search_faiss, free_faiss, probes};
const rival faiss_hnsw = {"faiss " FAISS_RELEASE " hnsw M16", hnsw_faiss, set_hnsw_faiss, search_faiss, free_faiss, efs};
const rival hnswlib_hnsw = {"hnswlib " HNSWLIB_RELEASE " M16", hnsw, set_hnsw, search_hnsw, free_hnsw, efs};

} // namespace

const rival *const rivals[] = {&faiss_flat, &faiss_ivf, &hnswlib_hnsw, &faiss_hnsw, nullptr};
