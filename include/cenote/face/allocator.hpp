// cenote: SPDX-License-Identifier: MIT
//
// A pool as a standard allocator: `std::list<int, cenote::allocator<int>>
// numbers{cenote::allocator<int>(pool)}`. Two allocators are equal when they draw from the same pool. Over a
// pool of one size, as for std::list and std::map, requests that do not fit a block throw out_of_memory.
// Costs what the pool costs: no virtual call. As thread-safe as the pool, which it does not own.
#pragma once

#include <cenote/base/arith.hpp>
#include <cenote/face/pool_access.hpp>
#include <cenote/pool/multi_pool.hpp>

#include <type_traits>

namespace cenote::inline v0_1 {

template<class T, raw_pool Pool = multi_pool>
class allocator {
public:
    using value_type = T;
    using propagate_on_container_copy_assignment = std::true_type;
    using propagate_on_container_move_assignment = std::true_type;
    using propagate_on_container_swap = std::true_type;
    using is_always_equal = std::false_type;
    template<class U>
    struct rebind {
        using other = allocator<U, Pool>;
    };

    explicit allocator(Pool& pool) noexcept : pool_(&pool) {}
    template<class U>
    allocator(const allocator<U, Pool>& other) noexcept : pool_(&other.pool()) {}

    /// Room for `count` objects. Throws `out_of_memory`, also when so many do not fit in memory.
    [[nodiscard]] T* allocate(std::size_t count) {
        std::size_t bytes = unlimited;
        if (!base::multiply(count, sizeof(T), bytes) || !base::fits(*pool_, bytes, alignof(T))) {
            base::raise_too_large(*pool_, bytes);
        }
        return static_cast<T*>(base::allocate_from(*pool_, bytes, alignof(T)));
    }
    void deallocate(T* objects, std::size_t count) noexcept {
        base::deallocate_to(*pool_, objects, count * sizeof(T), alignof(T));
    }

    [[nodiscard]] Pool& pool() const noexcept { return *pool_; }

    template<class U>
    [[nodiscard]] friend bool operator==(const allocator& a, const allocator<U, Pool>& b) noexcept {
        return &a.pool() == &b.pool();
    }

private:
    Pool* pool_;
};

} // namespace cenote::inline v0_1
