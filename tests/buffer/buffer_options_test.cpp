// cenote: SPDX-License-Identifier: MIT
#include <cenote/buffer/buffer_options.hpp>
#include <cenote/buffer/buffer_pool.hpp>

#include <gtest/gtest.h>

namespace {

using namespace cenote;
using namespace std::chrono_literals;

constexpr std::size_t size_max = static_cast<std::size_t>(-1);
constexpr std::size_t kib = 1024;

TEST(buffer_options, that_make_no_sense_are_refused) {
    const auto refused = [](buffer_pool_options wanted) {
        EXPECT_NE(wanted.flaw(), nullptr);
        EXPECT_THROW(buffer_pool pool(wanted), bad_options);
    };
    refused({.smallest = 0});
    refused({.smallest = 32});
    refused({.smallest = 100});
    refused({.largest = 0});
    refused({.largest = 12 * kib});
    refused({.largest = size_max});
    refused({.smallest = 8 * kib, .largest = 4 * kib});
    refused({.initial_bytes = size_max});
    refused({.initial_bytes = 2, .maximum_bytes = 1});
    refused({.maximum_bytes = 0});
    refused({.most_retained = size_max});
    refused({.lazy_after = 0ns});
    refused({.lazy_after = 10s, .return_after = 20s});
    refused({.lazy_after = 1ms, .return_after = 10s});
    refused({.lazy_after = std::chrono::nanoseconds::max(), .return_after = 10s});
    refused(
        {.lazy_after = std::chrono::nanoseconds::max() / 3, .return_after = std::chrono::nanoseconds::max()});
    refused({.threads = 0});
    EXPECT_EQ(buffer_pool_options{}.flaw(), nullptr);
}

TEST(buffer_options, retain_half_as_many_of_each_larger_tier_but_eight) {
    const buffer_pool_options defaults;
    const std::size_t expected[] = {256, 128, 64, 32, 16, 8, 8, 8, 8, 8, 8};
    ASSERT_EQ(defaults.tiers(), 11u);
    for (unsigned t = 0; t < 11; ++t) EXPECT_EQ(defaults.retained(t), expected[t]);
    EXPECT_EQ((buffer_pool_options{.most_retained = 0, .least_retained = 0}.retained(0)), 0u);
}

// The table in docs/buffers.md.
TEST(buffer_options, have_the_defaults_of_the_table) {
    const buffer_pool_options defaults;
    EXPECT_EQ(defaults.smallest, 4 * kib);
    EXPECT_EQ(defaults.largest, 4 * kib * kib);
    EXPECT_EQ(defaults.most_retained, 256u);
    EXPECT_EQ(defaults.least_retained, 8u);
    EXPECT_EQ(defaults.retained_bytes, 64 * kib * kib);
    EXPECT_EQ(defaults.cached_bytes, 16 * kib * kib);
    EXPECT_EQ(defaults.lazy_after, 1s);
    EXPECT_EQ(defaults.return_after, 10s);
    EXPECT_EQ(defaults.maximum_bytes, unlimited);
    EXPECT_FALSE(defaults.erase);
    EXPECT_EQ(defaults.trim, trim::automatic);
}

TEST(buffer_options, can_be_judged_by_the_compiler) {
    static_assert(buffer_pool_options{}.flaw() == nullptr);
    static_assert(buffer_pool_options{.smallest = 100}.flaw() != nullptr);
    static_assert(buffer_pool_options{.smallest = 64, .largest = 64}.tiers() == 1);
}

} // namespace
