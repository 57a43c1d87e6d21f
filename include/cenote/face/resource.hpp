// cenote: SPDX-License-Identifier: MIT
//
// A pool as an allocator: a std::pmr::memory_resource, and what memory_resource.hpp has beyond that. Over a
// pool of several sizes it serves every request; over a pool of one size those that fit a block, the others
// go to the resource named as `beyond` (by default they are refused with std::bad_alloc), whose blocks a
// `reset` leaves alone, though they count no more. Costs the pool's call and a virtual one. As thread-safe as
// the pool, which it does not own. `pool_resource` owns its pool, which draws from a parent: when it ends,
// everything goes back there.
#pragma once

#include <cenote/face/memory_resource.hpp>
#include <cenote/face/pool_access.hpp>
#include <cenote/face/resource_source.hpp>

#include <memory_resource>

namespace cenote::inline v0_1 {

template<raw_pool Pool>
class resource : public memory_resource {
public:
    explicit resource(Pool& pool,
                      std::pmr::memory_resource* beyond = std::pmr::null_memory_resource()) noexcept
        : resource(pool, {.name = pool.name()}, beyond) {}
    resource(Pool& pool, const memory_resource_options& options,
             std::pmr::memory_resource* beyond = std::pmr::null_memory_resource(),
             memory_resource* parent = nullptr) noexcept
        : memory_resource(options, parent), pool_(&pool), beyond_(beyond) {}

    [[nodiscard]] Pool& pool() const noexcept { return *pool_; }

protected:
    [[nodiscard]] void* take(std::size_t size, std::size_t alignment) noexcept override {
        if (!base::fits(*pool_, size, alignment)) return base::try_allocate_from(*beyond_, size, alignment);
        return base::try_allocate_from(*pool_, size, alignment);
    }
    // The pool's own handler has not been asked yet, and its message says more.
    [[nodiscard]] void* insist(std::size_t size, std::size_t alignment) override {
        if (!base::fits(*pool_, size, alignment)) return beyond_->allocate(size, alignment);
        return base::allocate_from(*pool_, size, alignment);
    }
    void give(void* block, std::size_t size, std::size_t alignment) noexcept override {
        if (!base::fits(*pool_, size, alignment)) return beyond_->deallocate(block, size, alignment);
        base::deallocate_to(*pool_, block, size, alignment);
    }
    [[nodiscard]] bool is_misused(void* block, std::size_t size, std::size_t alignment) noexcept override {
        return base::fits(*pool_, size, alignment) && base::is_misused(*pool_, block, size, alignment);
    }
    [[nodiscard]] bool resize(void* block, std::size_t old_size, std::size_t new_size,
                              std::size_t alignment) noexcept override {
        return base::fits(*pool_, old_size, alignment) && base::fits(*pool_, new_size, alignment) &&
               base::resize_in(*pool_, block, old_size, new_size, alignment);
    }
    [[nodiscard]] bool do_reset() noexcept override {
        pool_->reset();
        return true;
    }
    std::size_t do_trim() noexcept override { return base::trim_of(*pool_); }
    [[nodiscard]] levels look() const noexcept override { return base::levels_of<levels>(*pool_); }

    void* do_allocate(std::size_t size, std::size_t alignment) override {
        if (!is_plain()) return memory_resource::do_allocate(size, alignment);
        return resource::insist(size, alignment);
    }
    void do_deallocate(void* block, std::size_t size, std::size_t alignment) override {
        if (!is_plain()) return memory_resource::do_deallocate(block, size, alignment);
        resource::give(block, size, alignment);
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

private:
    Pool* pool_;
    std::pmr::memory_resource* beyond_;
};

namespace base {
template<class Pool>
struct drawing_pool { // made before, and gone after, the resource over it
    resource_source from;
    Pool pool;

    template<class Options>
    drawing_pool(memory_resource& parent, Options wanted) : from(parent), pool(with_source(wanted)) {}
    template<class Options>
    [[nodiscard]] Options with_source(Options wanted) noexcept {
        wanted.source = &from;
        return wanted;
    }
};
} // namespace base

/// An allocator within another: `pool_resource<multi_pool> scratch(parent, {})`.
template<raw_pool Pool>
class pool_resource final : base::drawing_pool<Pool>, public resource<Pool> {
public:
    /// Throws as the pool does. What `wanted` says of a source is not looked at.
    explicit pool_resource(memory_resource& parent, const typename Pool::options& wanted = {})
        : pool_resource(parent, wanted, {.name = wanted.name}) {}
    pool_resource(memory_resource& parent, const typename Pool::options& wanted,
                  const memory_resource_options& options)
        : base::drawing_pool<Pool>(parent, wanted),
          resource<Pool>(base::drawing_pool<Pool>::pool, options, std::pmr::null_memory_resource(), &parent) {
    }

    using resource<Pool>::pool;
};

} // namespace cenote::inline v0_1
