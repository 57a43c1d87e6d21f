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

TEST(eights, are_stored_in_either_order) {
    std::array<std::uint32_t, 10> numbers{};
    store_eight(numbers.data() + 1, 100, true);
    EXPECT_EQ(numbers, (std::array<std::uint32_t, 10>{0, 100, 101, 102, 103, 104, 105, 106, 107, 0}));
    store_eight(numbers.data() + 1, 100, false);
    EXPECT_EQ(numbers, (std::array<std::uint32_t, 10>{0, 107, 106, 105, 104, 103, 102, 101, 100, 0}));
}

} // namespace
} // namespace cenote::base
