// cenote: SPDX-License-Identifier: MIT
#include "replay/contender_cenote.hpp"
#include "replay/contenders.hpp"

#include <mutex>

namespace cenote::tool {
namespace {

// A pool for one thread behind one lock: what threads can have without a pool of their own.
class locked_multi_pool {
public:
    explicit locked_multi_pool(const multi_pool::options& o) : pool_(o) {}

    void* try_allocate(std::size_t size, std::size_t alignment) {
        const std::lock_guard lock(mutex_);
        return pool_.try_allocate(size, alignment);
    }
    void* allocate_zeroed(std::size_t size, std::size_t alignment) {
        const std::lock_guard lock(mutex_);
        return pool_.allocate_zeroed(size, alignment);
    }
    void deallocate(void* p) {
        const std::lock_guard lock(mutex_);
        pool_.deallocate(p);
    }
    void deallocate(void* p, std::size_t size, std::size_t alignment) {
        const std::lock_guard lock(mutex_);
        pool_.deallocate(p, size, alignment);
    }
    [[nodiscard]] std::size_t size_of(const void* p) const {
        const std::lock_guard lock(mutex_);
        return pool_.size_of(p);
    }
    [[nodiscard]] std::size_t largest_block() const { return pool_.largest_block(); }
    [[nodiscard]] auto stats() const {
        const std::lock_guard lock(mutex_);
        return pool_.stats();
    }

private:
    mutable std::mutex mutex_;
    multi_pool pool_;
};

} // namespace

outcome run_cenote_locked(const job& j) {
    cenote_contender<locked_multi_pool, false> contender;
    return run_job(contender, j);
}

outcome run_cenote_locked_sized(const job& j) {
    cenote_contender<locked_multi_pool, true> contender;
    return run_job(contender, j);
}

} // namespace cenote::tool
