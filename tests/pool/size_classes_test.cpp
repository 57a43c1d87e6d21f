// cenote: SPDX-License-Identifier: MIT
#include <cenote/pool/size_classes.hpp>

#include <gtest/gtest.h>

namespace {

using namespace cenote::engine;

constexpr std::size_t largest = std::size_t{128} << 10;

TEST(size_classes, every_size_gets_the_smallest_class_that_holds_it) {
    for (std::size_t size = 0; size <= largest; ++size) {
        const std::uint32_t found = class_of(size);
        ASSERT_LT(found, most_size_classes);
        ASSERT_GE(class_size(found), size);
        ASSERT_TRUE(found == 0 || class_size(found - 1) < size);
    }
}

TEST(size_classes, rounding_costs_at_most_an_eighth_above_128_bytes_and_15_bytes_below) {
    for (std::size_t size = 1; size <= largest; ++size) {
        const std::size_t waste = class_size(class_of(size)) - size;
        ASSERT_TRUE(size > 128 ? 8 * waste <= size : waste < 16) << size;
    }
}

TEST(size_classes, sizes_grow_and_are_multiples_of_16) {
    for (std::uint32_t c = 0; c < most_size_classes; ++c) {
        ASSERT_EQ(class_size(c) % 16, 0u);
        ASSERT_EQ(class_of(class_size(c)), c);
        ASSERT_TRUE(c == 0 || class_size(c) > class_size(c - 1));
    }
    EXPECT_EQ(class_size(most_size_classes - 1), largest);
}

} // namespace
