// cenote: SPDX-License-Identifier: MIT
#include <cenote/base/eight.hpp>

#include <array>
#include <cstddef>
#include <gtest/gtest.h>

namespace cenote::base {
namespace {

TEST(eights, rise_only_when_each_of_them_does) {
    for (const std::uintptr_t step : {std::uintptr_t{48}, 0 - std::uintptr_t{48}}) {
        const std::uintptr_t first = 0x10000;
        std::array<void*, 8> row{};
        for (std::size_t i = 0; i < row.size(); ++i) row[i] = reinterpret_cast<void*>(first + i * step);
        EXPECT_TRUE(rises_by(row.data(), first, step));
        for (std::size_t i = 2; i < row.size(); ++i) {
            std::array<void*, 8> broken = row;
            broken[i] = static_cast<std::byte*>(broken[i]) + 16;
            EXPECT_FALSE(rises_by(broken.data(), first, step)) << i;
        }
    }
}

TEST(eights, of_short_numbers_rise_the_same_way) {
    for (const std::uint32_t step : {1u, 0u - 1u}) {
        std::array<std::uint32_t, 8> row{};
        for (std::uint32_t i = 0; i < row.size(); ++i) row[i] = 3 + i * step; // falls through 0
        EXPECT_TRUE(rises_by(row.data(), row[0], step));
        for (std::size_t i = 2; i < row.size(); ++i) {
            std::array<std::uint32_t, 8> broken = row;
            broken[i] ^= 0x80000000;
            EXPECT_FALSE(rises_by(broken.data(), row[0], step)) << i;
        }
    }
}

TEST(eights, of_addresses_are_stored_a_step_apart) {
    for (const std::uintptr_t step : {std::uintptr_t{48}, 0 - std::uintptr_t{48}}) {
        std::array<void*, 10> row{};
        store_eight(row.data() + 1, 0x10000, step);
        EXPECT_EQ(row.front(), nullptr);
        for (std::size_t i = 0; i < 8; ++i)
            EXPECT_EQ(reinterpret_cast<std::uintptr_t>(row[i + 1]), 0x10000 + i * step) << i;
        EXPECT_EQ(row.back(), nullptr);
    }
}

TEST(eights, are_stored_in_either_order) {
    std::array<std::uint32_t, 10> numbers{};
    store_eight(numbers.data() + 1, 100, true);
    EXPECT_EQ(numbers, (std::array<std::uint32_t, 10>{0, 100, 101, 102, 103, 104, 105, 106, 107, 0}));
    store_eight(numbers.data() + 1, 100, false);
    EXPECT_EQ(numbers, (std::array<std::uint32_t, 10>{0, 107, 106, 105, 104, 103, 102, 101, 100, 0}));
}

} // namespace
} // namespace cenote::base
