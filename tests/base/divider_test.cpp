// cenote: SPDX-License-Identifier: MIT
#include <cenote/base/divider.hpp>

#include <cstdint>
#include <gtest/gtest.h>
#include <limits>
#include <random>
#include <vector>

namespace {

using cenote::base::divider;

constexpr std::uint64_t largest = std::numeric_limits<std::uint64_t>::max();

// Every exact multiple gives its quotient; everything else gives a number that no count of blocks reaches.
void expect_right(std::uint64_t stride, std::uint64_t offset) {
    const std::uint64_t quotient = divider(stride).quotient(offset);
    if (offset % stride == 0) {
        ASSERT_EQ(quotient, offset / stride) << offset << " / " << stride;
    } else {
        ASSERT_GE(quotient, largest / stride) << offset << " / " << stride;
        ASSERT_GT(quotient, offset / stride) << offset << " / " << stride;
    }
}

TEST(divider, is_right_for_all_small_strides_and_offsets) {
    for (std::uint64_t stride = 1; stride <= 1100; ++stride) {
        const divider by(stride);
        for (std::uint64_t offset = 0; offset <= 2200; ++offset) {
            const std::uint64_t quotient = by.quotient(offset);
            if (offset % stride == 0) {
                ASSERT_EQ(quotient, offset / stride) << offset << " / " << stride;
            } else {
                ASSERT_GE(quotient, largest / stride) << offset << " / " << stride;
            }
        }
    }
}

TEST(divider, is_right_for_every_offset_in_a_slab_of_64_KiB) {
    for (const std::uint64_t stride :
         {1u, 2u, 3u, 7u, 8u, 24u, 40u, 48u, 56u, 64u, 100u, 112u, 1000u, 4097u, 65535u, 65536u}) {
        for (std::uint64_t offset = 0; offset <= 65536; ++offset) expect_right(stride, offset);
    }
}

// Where a 32-bit reciprocal goes wrong, and at the sign bit.
TEST(divider, is_right_around_large_offsets) {
    for (std::uint64_t stride = 1; stride <= 300; ++stride) {
        for (const int bit : {31, 32, 33, 40, 48, 62, 63}) {
            const std::uint64_t middle = std::uint64_t{1} << bit;
            for (std::uint64_t offset = middle - 2 * stride; offset <= middle + 2 * stride; ++offset) {
                expect_right(stride, offset);
            }
        }
        for (std::uint64_t back = 0; back <= 2 * stride; ++back) expect_right(stride, largest - back);
    }
}

// A pointer in front of the slab makes an offset that wrapped.
TEST(divider, a_negative_offset_is_never_below_a_count) {
    for (std::uint64_t stride = 1; stride <= 4096; ++stride) {
        for (const std::uint64_t back :
             {std::uint64_t{1}, stride - 1, stride, stride + 1, 7 * stride, 1000 * stride}) {
            if (back == 0) continue;
            const std::uint64_t count = (std::uint64_t{1} << 63) / stride;
            ASSERT_GE(divider(stride).quotient(0 - back), count) << "-" << back << " / " << stride;
        }
    }
}

TEST(divider, is_right_for_strides_near_powers_of_two) {
    for (int bit = 12; bit < 64; ++bit) {
        for (std::uint64_t delta = 0; delta < 5; ++delta) {
            const std::uint64_t stride = (std::uint64_t{1} << bit) - 2 + delta;
            for (std::uint64_t times = 0; times < 4; ++times) {
                if (times != 0 && stride > largest / times) continue;
                for (std::uint64_t off = 0; off < 3; ++off) expect_right(stride, stride * times + off);
            }
        }
    }
}

TEST(divider, is_right_for_random_strides_and_offsets) {
    std::mt19937_64 random(20);
    for (int i = 0; i < 200000; ++i) {
        const std::uint64_t stride = (random() >> random() % 64) | 1;
        expect_right(stride, random() >> random() % 64);
        expect_right(stride, random() % (largest / stride) * stride);
        const std::uint64_t even = (stride >> 8 | 1) << random() % 8;
        expect_right(even, random() >> random() % 64);
    }
}

TEST(divider, is_a_constant_when_its_stride_is_one) {
    constexpr std::uint64_t quotient = divider(24).quotient(240);
    EXPECT_EQ(quotient, 10u);
    static_assert(divider().quotient(17) == 17);
}

} // namespace
