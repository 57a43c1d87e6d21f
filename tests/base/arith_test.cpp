// cenote: SPDX-License-Identifier: MIT
#include <cenote/base/arith.hpp>

#include <gtest/gtest.h>
#include <initializer_list>

namespace {

using namespace cenote::base;

// Holds every product of two sizes.
#if defined(__SIZEOF_INT128__)
using wide_size = unsigned __int128;
#else
using wide_size = unsigned long long;
#endif
static_assert(sizeof(wide_size) == 2 * sizeof(std::size_t));

constexpr std::size_t root = std::size_t{1} << 4 * sizeof(std::size_t); // its square is one too much
constexpr std::size_t half = root / 2 * root;

// Zero, one, powers of two and the top of the range, each with its neighbours.
constexpr std::size_t edges[] = {0,
                                 1,
                                 2,
                                 3,
                                 7,
                                 8,
                                 9,
                                 root - 1,
                                 root,
                                 root + 1,
                                 1000,
                                 half - 1,
                                 half,
                                 half + 1,
                                 size_max,
                                 size_max - 1,
                                 size_max - 2,
                                 size_max / 2,
                                 size_max / 3,
                                 size_max / 3 + 1};

TEST(arith, products_are_exact_or_refused) {
    for (const std::size_t a : edges) {
        for (const std::size_t b : edges) {
            std::size_t product = 12345;
            const auto wide = static_cast<wide_size>(a) * b;
            ASSERT_EQ(multiply(a, b, product), wide <= size_max) << a << " * " << b;
            ASSERT_EQ(product, wide <= size_max ? static_cast<std::size_t>(wide) : 12345) << a << " * " << b;
        }
    }
}

TEST(arith, sums_are_exact_or_refused) {
    for (const std::size_t a : edges) {
        for (const std::size_t b : edges) {
            std::size_t sum = 12345;
            const auto wide = static_cast<wide_size>(a) + b;
            ASSERT_EQ(add(a, b, sum), wide <= size_max) << a << " + " << b;
            ASSERT_EQ(sum, wide <= size_max ? static_cast<std::size_t>(wide) : 12345) << a << " + " << b;
        }
    }
}

TEST(arith, rounding_up_is_exact_or_refused) {
    for (const std::size_t n : edges) {
        for (const std::size_t unit : edges) {
            if (unit == 0) continue;
            std::size_t rounded = 12345;
            const auto wide = (static_cast<wide_size>(n) + unit - 1) / unit * unit;
            ASSERT_EQ(round_up(n, unit, rounded), wide <= size_max) << n << " to " << unit;
            ASSERT_EQ(rounded, wide <= size_max ? static_cast<std::size_t>(wide) : 12345)
                << n << " to " << unit;
        }
    }
}

TEST(arith, rounding_small_numbers_up_agrees_with_counting) {
    for (std::size_t unit = 1; unit < 70; ++unit) {
        std::size_t expected = 0;
        for (std::size_t n = 0; n < 300; ++n) {
            if (expected < n) expected += unit;
            ASSERT_EQ(rounded_up(n, unit), expected);
        }
    }
}

TEST(arith, zero_is_no_power_of_two) {
    EXPECT_FALSE(is_power_of_two(0));
    EXPECT_FALSE(is_power_of_two(12));
    EXPECT_FALSE(is_power_of_two(size_max));
    for (int bit = 0; bit < 64; ++bit) {
        EXPECT_TRUE(is_power_of_two(std::size_t{1} << bit));
        EXPECT_EQ(is_power_of_two((std::size_t{1} << bit) + 1), bit == 0);
    }
}

TEST(arith, padding_leads_to_the_next_multiple_and_not_further) {
    for (std::size_t alignment = 1; alignment <= 4096; alignment *= 2) {
        for (const std::size_t address : {std::size_t{0}, std::size_t{1}, alignment - 1, alignment,
                                          alignment + 1, 3 * alignment, size_max - alignment + 1}) {
            const std::size_t padding = padding_to(reinterpret_cast<const void*>(address), alignment);
            ASSERT_LT(padding, alignment);
            ASSERT_EQ((address + padding) % alignment, 0u);
        }
    }
}

static_assert([] {
    std::size_t result = 0;
    return multiply(6, 7, result) && result == 42 && !multiply(size_max, 2, result) && result == 42;
}());

} // namespace
