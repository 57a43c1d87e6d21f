// cenote: SPDX-License-Identifier: MIT
//
// The pools in the conformance suite.
#pragma once

#include <cenote/pool/fixed_pool.hpp>
#include <cenote/pool/multi_pool.hpp>
#include <cenote/pool/object_pool.hpp>

#include "conformance/subject.hpp"

#include <array>
#include <type_traits>

namespace cenote::test {

/// A pool of blocks of `Size` bytes, with one option set.
template<class Pool, std::size_t Size, std::size_t Alignment, auto Option = nullptr>
struct block_subject {
    static auto options(const wish& wanted) {
        typename Pool::options result{.block_size = Size, .alignment = Alignment, .source = wanted.from};
        result.initial_blocks = wanted.initial_blocks;
        result.maximum_blocks = wanted.maximum_blocks;
        result.trim = wanted.when;
        result.name = "blocks";
        result.sanitizers = false;
        if (Size == 1) result.blocks_per_slab = 300; // 65,536 would make the suite slow
        if constexpr (std::is_same_v<decltype(Option), hand_out>) {
            result.order = Option;
        } else if constexpr (Option != nullptr) {
            result.*Option = true;
        }
        return result;
    }
    static constexpr bool counts_blocks = true;
    static std::vector<shape> shapes() { return {{Size, Alignment}}; }
    explicit block_subject(const wish& wanted) : pool(options(wanted)) {}
    void* allocate(shape) { return pool.allocate(); }
    void* try_allocate(shape) noexcept { return pool.try_allocate(); }
    void deallocate(void* block, shape) { pool.deallocate(block); }
    Pool pool;
};

template<std::size_t Size, std::size_t Alignment, auto Option = nullptr>
using fixed_subject = block_subject<fixed_pool, Size, Alignment, Option>;

using fixed_plain = fixed_subject<64, 16>;
using fixed_tiny = fixed_subject<1, 1>;
using fixed_page = fixed_subject<4096, 4096>;
using fixed_large = fixed_subject<70'000, 64>;
using fixed_watched = fixed_subject<48, 16, &fixed_pool_options::sanitizers>;
using fixed_checks = fixed_subject<64, 64, &fixed_pool_options::checks>;
using fixed_stats = fixed_subject<40, 8, &fixed_pool_options::stats>;
using fixed_zeroing = fixed_subject<24, 8, &fixed_pool_options::zero_on_allocate>;
using fixed_erasing = fixed_subject<72, 8, &fixed_pool_options::erase_on_free>;
using fixed_oldest = fixed_subject<56, 8, hand_out::oldest>;
using fixed_lowest = fixed_subject<80, 16, hand_out::lowest_address>;

/// Objects that know what they were made with; the suite sees their bytes.
struct alignas(32) parcel {
    std::array<std::byte, 96> bytes;
};

template<class Pool, auto Option = nullptr>
struct object_subject {
    static auto options(const wish& wanted) {
        typename Pool::options result{.initial_blocks = wanted.initial_blocks,
                                      .maximum_blocks = wanted.maximum_blocks};
        result.source = wanted.from;
        result.trim = wanted.when;
        result.name = "object";
        result.sanitizers = false;
        if constexpr (Option != nullptr) result.*Option = true;
        return result;
    }
    static constexpr bool counts_blocks = true;
    static std::vector<shape> shapes() { return {{sizeof(parcel), alignof(parcel)}}; }
    explicit object_subject(const wish& wanted) : pool(options(wanted)) {}
    void* allocate(shape) { return pool.make(); }
    void* try_allocate(shape) { return pool.try_make(); }
    void deallocate(void* block, shape) { pool.destroy(static_cast<parcel*>(block)); }
    Pool pool;
};

using object_plain = object_subject<object_pool<parcel>>;
using object_checks = object_subject<object_pool<parcel>, &object_pool_options::checks>;

/// A pool of many sizes whose small slabs are soon used up.
template<class Pool, auto Option = nullptr, bool Sized = true>
struct sized_subject {
    static auto options(const wish& wanted) {
        typename Pool::options result{.slab_bytes = 32 << 10, .source = wanted.from, .trim = wanted.when};
        if (wanted.initial_blocks != 0) result.initial_bytes = wanted.initial_blocks * result.slab_bytes;
        if (wanted.maximum_blocks != unlimited)
            result.maximum_bytes = 2 * wanted.maximum_blocks * result.slab_bytes;
        result.name = "sizes";
        result.sanitizers = false;
        if constexpr (Option != nullptr) result.*Option = true;
        return result;
    }
    static constexpr bool serves_any_size = true;
    static std::vector<shape> shapes() {
        return {{1, 1},   {8, 8},     {16, 16},     {17, 16},    {100, 4},  {128, 128},
                {200, 8}, {1000, 16}, {1024, 1024}, {4096, 256}, {5000, 1}, {20'000, 16}};
    }
    explicit sized_subject(const wish& wanted) : pool(options(wanted)) {}
    void* allocate(shape form) { return pool.allocate(form.size, form.alignment); }
    void* try_allocate(shape form) noexcept { return pool.try_allocate(form.size, form.alignment); }
    void deallocate(void* block, shape form) {
        Sized ? pool.deallocate(block, form.size, form.alignment) : pool.deallocate(block);
    }
    Pool pool;
};

template<auto Option = nullptr, bool Sized = true>
using multi_subject = sized_subject<multi_pool, Option, Sized>;

using multi_plain = multi_subject<>;
using multi_unsized = multi_subject<nullptr, false>;
using multi_watched = multi_subject<&multi_pool_options::sanitizers>;
using multi_checks = multi_subject<&multi_pool_options::checks>;
using multi_stats = multi_subject<&multi_pool_options::stats, false>;
using multi_zeroing = multi_subject<&multi_pool_options::zero_on_allocate>;
using multi_erasing = multi_subject<&multi_pool_options::erase_on_free>;

static_assert(subject<fixed_plain> && subject<object_plain> && subject<multi_plain>);

} // namespace cenote::test
