// cenote: SPDX-License-Identifier: MIT
//
// A pool as a std::pmr::memory_resource. Over a pool of several sizes it serves every request; over a pool of
// one size those that fit a block, the others go to the resource named as `beyond` (by default they are
// refused with std::bad_alloc). Costs the pool's call and a virtual one. As thread-safe as the pool, which it
// does not own.
#pragma once

#include <cenote/face/pool_access.hpp>

#include <memory_resource>

namespace cenote {

template<raw_pool Pool>
class resource final : public std::pmr::memory_resource {
public:
    explicit resource(Pool& pool,
                      std::pmr::memory_resource* beyond = std::pmr::null_memory_resource()) noexcept
        : pool_(&pool), beyond_(beyond) {}

    [[nodiscard]] Pool& pool() const noexcept { return *pool_; }

private:
    void* do_allocate(std::size_t bytes, std::size_t alignment) override {
        if (!base::fits(*pool_, bytes, alignment)) return beyond_->allocate(bytes, alignment);
        return base::allocate_from(*pool_, bytes, alignment);
    }
    void do_deallocate(void* block, std::size_t bytes, std::size_t alignment) override {
        if (!base::fits(*pool_, bytes, alignment)) return beyond_->deallocate(block, bytes, alignment);
        base::deallocate_to(*pool_, block, bytes, alignment);
    }
    [[nodiscard]] bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override {
        if (this == &other) return true;
#if defined(__cpp_rtti)
        const auto* const same = dynamic_cast<const resource*>(&other);
        return same != nullptr && same->pool_ == pool_ && *same->beyond_ == *beyond_;
#else
        return false;
#endif
    }

    Pool* pool_;
    std::pmr::memory_resource* beyond_;
};

} // namespace cenote
