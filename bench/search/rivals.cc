#include "rivals.h"

#include <faiss/IndexFlat.h>
#include <faiss/IndexHNSW.h>
#include <faiss/IndexIVFFlat.h>
#include <hnswlib/hnswlib.h>
#include <omp.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <memory>
#include <thread>
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

/* Graphs are built by two threads at most: their makers allow it, and an hour is saved. Searches have one. */
int builders() {
    return std::min(2, omp_get_num_procs());
}

void *flat(const float *x, size_t n, int d) {
    omp_set_num_threads(1);
    auto *f = new Faiss;
    f->index = std::make_unique<faiss::IndexFlatL2>(d);
    f->index->add(static_cast<faiss::Index::idx_t>(n), x);
    return f;
}

void *ivf(const float *x, size_t n, int d) {
    omp_set_num_threads(builders());
    auto *f = new Faiss;
    const auto cells = static_cast<size_t>(4 * std::sqrt(static_cast<double>(n)));
    f->quantizer = std::make_unique<faiss::IndexFlatL2>(d);
    auto index = std::make_unique<faiss::IndexIVFFlat>(f->quantizer.get(), static_cast<size_t>(d), cells);
    index->cp.max_points_per_centroid = 64;
    index->cp.niter = 6;
    index->train(static_cast<faiss::Index::idx_t>(n), x);
    index->add(static_cast<faiss::Index::idx_t>(n), x);
    f->index = std::move(index);
    omp_set_num_threads(1);
    return f;
}

void set_ivf(void *p, int probes) {
    static_cast<faiss::IndexIVFFlat *>(static_cast<Faiss *>(p)->index.get())->nprobe = static_cast<size_t>(probes);
}

void *hnsw_faiss(const float *x, size_t n, int d) {
    omp_set_num_threads(builders());
    auto *f = new Faiss;
    auto index = std::make_unique<faiss::IndexHNSWFlat>(d, 16);
    index->hnsw.efConstruction = 200;
    index->add(static_cast<faiss::Index::idx_t>(n), x);
    f->index = std::move(index);
    omp_set_num_threads(1);
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
    const auto size = static_cast<size_t>(d);
    h->space = std::make_unique<hnswlib::L2Space>(size);
    h->graph = std::make_unique<hnswlib::HierarchicalNSW<float>>(h->space.get(), n, 16, 200);
    h->graph->addPoint(x, 0);
    std::atomic<size_t> next{1};
    std::vector<std::thread> threads;
    for (int t = 0; t < builders(); t++)
        threads.emplace_back([&] {
            for (size_t i; (i = next++) < n;)
                h->graph->addPoint(x + i * size, i);
        });
    for (auto &t : threads)
        t.join();
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

const rival faiss_flat = {
    "faiss-flat", "faiss " FAISS_RELEASE " IndexFlatL2", flat, nullptr, search_faiss, free_faiss, nullptr, "", 0};
const rival faiss_ivf = {
    "faiss-ivf", "faiss " FAISS_RELEASE " IVFFlat", ivf, set_ivf, search_faiss, free_faiss, nullptr, "nprobe", 1};
const rival faiss_hnsw = {"faiss-hnsw",
                          "faiss " FAISS_RELEASE " HNSW M16 efC200",
                          hnsw_faiss,
                          set_hnsw_faiss,
                          search_faiss,
                          free_faiss,
                          nullptr,
                          "efSearch",
                          10};
const rival hnswlib_hnsw = {
    "hnswlib", "hnswlib " HNSWLIB_RELEASE " M16 efC200", hnsw, set_hnsw, search_hnsw, free_hnsw, nullptr, "ef", 10};

} // namespace

const rival *const rivals[] = {&faiss_flat, &faiss_ivf, &rival_postgres, &hnswlib_hnsw, &faiss_hnsw, nullptr};
