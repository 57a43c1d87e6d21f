// cenote: SPDX-License-Identifier: MIT
#include <cenote/source/heap.hpp>

#include "support/heap_calls.hpp"

#include <cstring>
#include <gtest/gtest.h>
#include <limits>

namespace {

using namespace cenote;

constexpr std::size_t size_max = std::numeric_limits<std::size_t>::max();

TEST(heap, regions_are_aligned_and_whole) {
    heap from;
    for (std::size_t alignment = 1; alignment <= std::size_t{2} << 20; alignment *= 2) {
        for (const std::size_t bytes : {std::size_t{1}, std::size_t{100}, std::size_t{70000}}) {
            const source::request wanted{bytes, alignment};
            void* const region = from.reserve(wanted);
            ASSERT_NE(region, nullptr);
            ASSERT_EQ(reinterpret_cast<std::uintptr_t>(region) % alignment, 0u);
            std::memset(region, 0xa5, bytes);
            from.release(region, wanted);
        }
    }
}

TEST(heap, no_bytes_are_refused) {
    heap from;
    EXPECT_EQ(from.reserve({0, 64}), nullptr);
}

TEST(heap, more_than_memory_can_hold_is_refused_without_asking) {
    heap from;
    const std::size_t calls = test::heap_calls();
    for (std::size_t less = 0; less < 200; ++less) {
        for (const std::size_t alignment : {std::size_t{1}, std::size_t{64}, std::size_t{1} << 20}) {
            ASSERT_EQ(from.reserve({size_max - less, alignment}), nullptr) << less;
        }
    }
    EXPECT_EQ(from.reserve({size_max / 2 + 1, 64}), nullptr);
    EXPECT_EQ(test::heap_calls(), calls);
}

TEST(heap, is_neither_limited_nor_prepaid) {
    heap from;
    EXPECT_EQ(from.available(), unlimited);
    EXPECT_FALSE(from.is_prepaid());
    EXPECT_EQ(from.granularity(), 1u);
}

} // namespace
