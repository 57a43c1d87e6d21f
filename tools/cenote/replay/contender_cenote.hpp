// cenote: SPDX-License-Identifier: MIT
//
// Any of cenote's pools of many sizes as a contender.
#pragma once

#include <cenote/pool/multi_pool.hpp>

#include "replay/run_job.hpp"

#include <cstring>
#include <new>
#include <type_traits>

namespace cenote::tool {

// The replay's own work on a pool that has no `reallocate`: a block stays while it is of the right size
// class. `sized`: gives the size and alignment back with the block, as C++ containers do and C's free cannot.
template<class Pool, bool sized>
class cenote_contender {
public:
    static constexpr bool has_blocks = true;
    static constexpr bool for_threads = !std::is_same_v<Pool, multi_pool>;

    void* allocate(std::size_t size, std::size_t alignment) { return pool_.try_allocate(size, alignment); }
    void* allocate_zeroed(std::size_t size, std::size_t alignment) {
        try {
            return pool_.allocate_zeroed(size, alignment);
        } catch (const std::bad_alloc&) {
            return nullptr;
        }
    }
    void* reallocate(void* old, std::size_t old_size, std::size_t old_alignment, std::size_t size) {
        if (stays(old, old_size, old_alignment, size)) return old;
        void* p = pool_.try_allocate(size, multi_pool::default_alignment);
        if (p == nullptr) return nullptr;
        std::memcpy(p, old, std::min(old_size, size));
        deallocate(old, old_size, old_alignment);
        return p;
    }
    void deallocate(void* p, std::size_t size, std::size_t alignment) {
        if constexpr (sized)
            pool_.deallocate(p, size, alignment);
        else
            pool_.deallocate(p);
    }
    [[nodiscard]] std::uint64_t reserved_bytes() const { return pool_.stats().reserved_bytes; }

private:
    // A sized free names the size asked for, so there a large block may only stay when nothing is to be named
    // anew.
    [[nodiscard]] bool stays(const void* old, std::size_t old_size, std::size_t old_alignment,
                             std::size_t size) const {
        const bool small = size <= pool_.largest_block();
        if constexpr (sized) {
            if (old_alignment > multi_pool::default_alignment) return false;
            if (!small || old_size > pool_.largest_block()) return size == old_size;
            return multi_pool::rounded_size(std::max<std::size_t>(size, 1)) ==
                   multi_pool::rounded_size(std::max<std::size_t>(old_size, 1));
        } else {
            const std::size_t usable = pool_.size_of(old);
            if (small) return multi_pool::rounded_size(std::max<std::size_t>(size, 1)) == usable;
            return size <= usable && usable - size <= usable / 8;
        }
    }

    // A block that stays keeps its first size in a sanitizer's books, so those are not kept.
    Pool pool_{typename Pool::options{.sanitizers = false}};
};

} // namespace cenote::tool
