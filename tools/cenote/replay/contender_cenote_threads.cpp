// cenote: SPDX-License-Identifier: MIT
#include <cenote/concurrent/concurrent_multi_pool.hpp>
#include <cenote/concurrent/locked.hpp>

#include "replay/contender_cenote.hpp"
#include "replay/contenders.hpp"

namespace cenote::tool {
namespace {

// A pool for one thread behind one lock, with the verbs that `locked` has only through `with`.
class locked_multi_pool {
public:
    using options = multi_pool::options;
    explicit locked_multi_pool(const options& o) : pool_(o) {}

    void* try_allocate(std::size_t size, std::size_t alignment) {
        return pool_.try_allocate(size, alignment);
    }
    void* allocate_zeroed(std::size_t size, std::size_t alignment) {
        return pool_.with([&](multi_pool& p) { return p.allocate_zeroed(size, alignment); });
    }
    void deallocate(void* p) { pool_.deallocate(p); }
    [[nodiscard]] std::size_t size_of(const void* block) const {
        return pool_.with([&](const multi_pool& p) { return p.size_of(block); });
    }
    [[nodiscard]] std::size_t largest_block() const {
        return pool_.with([](const multi_pool& p) { return p.largest_block(); });
    }
    [[nodiscard]] pool_stats stats() const { return pool_.stats(); }

private:
    locked<multi_pool> pool_;
};

} // namespace

outcome run_cenote_concurrent(const job& j) {
    cenote_contender<concurrent_multi_pool, false> contender;
    return run_job(contender, j);
}

outcome run_cenote_concurrent_sized(const job& j) {
    cenote_contender<concurrent_multi_pool, true> contender;
    return run_job(contender, j);
}

outcome run_cenote_locked(const job& j) {
    cenote_contender<locked_multi_pool, false> contender;
    return run_job(contender, j);
}

} // namespace cenote::tool
