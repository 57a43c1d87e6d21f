// cenote: SPDX-License-Identifier: MIT
#include "replay/contenders.hpp"
#include "replay/run_job.hpp"

#include <atomic>
#include <cstring>
#include <memory_resource>
#include <new>
#include <type_traits>

namespace cenote::tool {
namespace {

class counting_resource final : public std::pmr::memory_resource {
public:
    [[nodiscard]] std::uint64_t bytes() const { return bytes_.load(std::memory_order_relaxed); }

private:
    void* do_allocate(std::size_t size, std::size_t alignment) override {
        void* p = std::pmr::new_delete_resource()->allocate(size, alignment);
        bytes_.fetch_add(size, std::memory_order_relaxed);
        return p;
    }
    void do_deallocate(void* p, std::size_t size, std::size_t alignment) override {
        bytes_.fetch_sub(size, std::memory_order_relaxed);
        std::pmr::new_delete_resource()->deallocate(p, size, alignment);
    }
    [[nodiscard]] bool do_is_equal(const memory_resource& other) const noexcept override {
        return this == &other;
    }

    std::atomic<std::uint64_t> bytes_ = 0; // its upstream is asked for large pieces only
};

template<class Pool>
class pmr_contender {
public:
    static constexpr bool has_blocks = true;
    static constexpr bool for_threads = std::is_same_v<Pool, std::pmr::synchronized_pool_resource>;

    void* allocate(std::size_t size, std::size_t alignment) {
        try {
            return pool_.allocate(whole(size, alignment), alignment);
        } catch (const std::bad_alloc&) {
            return nullptr;
        }
    }
    void* allocate_zeroed(std::size_t size, std::size_t alignment) {
        void* p = allocate(size, alignment);
        if (p != nullptr) std::memset(p, 0, size);
        return p;
    }
    void* reallocate(void* old, std::size_t old_size, std::size_t old_alignment, std::size_t size) {
        void* p = allocate(size, 16);
        if (p == nullptr) return nullptr;
        std::memcpy(p, old, std::min(old_size, size));
        deallocate(old, old_size, old_alignment);
        return p;
    }
    void deallocate(void* p, std::size_t size, std::size_t alignment) {
        pool_.deallocate(p, size, alignment);
    }
    [[nodiscard]] std::uint64_t reserved_bytes() const { return upstream_.bytes(); }

private:
    // libstdc++ before 15 breaks the alignment of sizes that are no multiple of it (24 bytes at 16 come at
    // 8).
    static std::size_t whole(std::size_t size, std::size_t alignment) {
        return (std::max<std::size_t>(size, 1) + alignment - 1) & ~(alignment - 1);
    }

    counting_resource upstream_;
    Pool pool_{&upstream_};
};

} // namespace

outcome run_pmr(const job& j) {
    pmr_contender<std::pmr::unsynchronized_pool_resource> contender;
    return run_job(contender, j);
}

outcome run_pmr_synchronized(const job& j) {
    pmr_contender<std::pmr::synchronized_pool_resource> contender;
    return run_job(contender, j);
}

} // namespace cenote::tool
