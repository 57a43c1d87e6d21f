// cenote: SPDX-License-Identifier: MIT
#include <cenote/source/region.hpp>

#include <array>
#include <gtest/gtest.h>
#include <limits>
#include <random>
#include <vector>

namespace {

using namespace cenote;

constexpr std::size_t size_max = std::numeric_limits<std::size_t>::max();

TEST(region, hands_its_bytes_out_from_front_to_back) {
    alignas(64) std::byte data[256];
    region from(data, sizeof data);
    EXPECT_TRUE(from.is_prepaid());
    EXPECT_EQ(from.reserve({100, 1}), data);
    EXPECT_EQ(from.reserve({10, 1}), data + 100);
    EXPECT_EQ(from.reserve({16, 16}), data + 112);
    EXPECT_EQ(from.available(), 128u);
}

alignas(64) std::byte array[128];
constinit region over_array(array);

TEST(region, over_an_array_is_constant_initialised_and_has_all_of_it) {
    EXPECT_EQ(over_array.available(), sizeof array);
    void* const whole = over_array.reserve({sizeof array, 64});
    EXPECT_EQ(whole, array);
    over_array.release(whole, {sizeof array, 64});
}

TEST(region, gives_exactly_its_bytes_and_not_one_more) {
    alignas(64) std::byte data[100];
    region whole(data, sizeof data);
    EXPECT_EQ(whole.reserve({101, 1}), nullptr);
    EXPECT_EQ(whole.available(), 100u);
    EXPECT_EQ(whole.reserve({100, 64}), data);
    EXPECT_EQ(whole.available(), 0u);
    EXPECT_EQ(whole.reserve({1, 1}), nullptr);
}

TEST(region, alignment_counts_from_the_address_not_from_the_start_of_the_bytes) {
    alignas(64) std::byte data[256];
    for (std::size_t shift = 0; shift < 64; ++shift) {
        for (std::size_t alignment = 1; alignment <= 64; alignment *= 2) {
            region from(data + shift, 128);
            const std::size_t padding = (alignment - shift % alignment) % alignment;
            ASSERT_EQ(from.reserve({128 - padding + 1, alignment}), nullptr);
            ASSERT_EQ(from.reserve({128 - padding, alignment}), data + shift + padding);
        }
    }
}

TEST(region, what_comes_back_in_reverse_can_be_had_again) {
    alignas(64) std::byte data[300];
    region from(data, sizeof data);
    void* const first = from.reserve({100, 1});
    void* const second = from.reserve({100, 1});
    void* const third = from.reserve({100, 1});
    from.release(third, {100, 1});
    EXPECT_EQ(from.available(), 100u);
    EXPECT_EQ(from.reserve({100, 1}), third);
    from.release(third, {100, 1});
    from.release(second, {100, 1});
    EXPECT_EQ(from.available(), 200u);
    from.release(first, {100, 1});
    EXPECT_EQ(from.available(), 300u);
}

TEST(region, is_whole_again_once_everything_is_back_in_any_order) {
    alignas(64) std::byte data[1024];
    region from(data, sizeof data);
    std::mt19937 random(3);
    for (int round = 0; round < 200; ++round) {
        std::vector<std::pair<void*, source::request>> parts;
        for (;;) {
            const source::request wanted{1 + random() % 200, std::size_t{1} << random() % 7};
            void* const part = from.reserve(wanted);
            if (part == nullptr) break;
            parts.emplace_back(part, wanted);
        }
        std::shuffle(parts.begin(), parts.end(), random);
        for (const auto& [part, wanted] : parts) from.release(part, wanted);
        ASSERT_EQ(from.available(), sizeof data);
    }
}

TEST(region, sizes_and_alignments_at_the_top_of_the_range_are_refused) {
    alignas(64) std::byte data[64];
    region from(data + 1, 63);
    for (std::size_t less = 0; less < 70; ++less) {
        ASSERT_EQ(from.reserve({size_max - less, 1}), nullptr);
        ASSERT_EQ(from.reserve({size_max - less, 64}), nullptr);
    }
    EXPECT_EQ(from.reserve({1, SIZE_MAX / 2 + 1}), nullptr);
    EXPECT_EQ(from.available(), 63u);
}

TEST(region, no_bytes_and_no_buffer_are_refused) {
    alignas(64) std::byte data[64];
    region from(data, sizeof data);
    EXPECT_EQ(from.reserve({0, 1}), nullptr);
    region nothing(nullptr, 1000);
    EXPECT_EQ(nothing.available(), 0u);
    EXPECT_EQ(nothing.reserve({1, 1}), nullptr);
    region empty(data, 0);
    EXPECT_EQ(empty.reserve({1, 1}), nullptr);
}

} // namespace
