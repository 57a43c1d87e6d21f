// cenote: SPDX-License-Identifier: MIT
//
// What a pool of buffers keeps, and what it counts, by tier and in all.
#include <cenote/buffer/buffer_pool.hpp>

#include "conformance/failing_source.hpp"

#include <algorithm>
#include <array>
#include <gtest/gtest.h>
#include <vector>

namespace {

using namespace cenote;

constexpr std::size_t kib = 1024;
constexpr std::size_t mib = 1024 * kib;

TEST(buffer_pool, retains_fewer_of_large_tiers_and_no_more_than_the_total) {
    buffer_pool pool({.smallest = 64,
                      .largest = 1024,
                      .most_retained = 6,
                      .least_retained = 2,
                      .retained_bytes = 2048,
                      .trim = trim::manual});
    std::vector<buffer> held;
    for (int i = 0; i < 20; ++i) {
        for (std::size_t size = 64; size <= 1024; size *= 2) held.push_back(pool.acquire(size));
    }
    held.clear();
    pool.release_thread_caches();
    const buffer_stats now = pool.stats(quiet);
    EXPECT_LE(now.retained_bytes, 2048u);
    EXPECT_GT(now.retained_bytes, 0u);
    for (unsigned t = 0; t < now.tiers; ++t) {
        EXPECT_LE(now.tier[t].retained, t == 0 ? 6u : t == 1 ? 3u : 2u);
        EXPECT_EQ(now.tier[t].limit, t == 0 ? 6u : t == 1 ? 3u : 2u);
        EXPECT_EQ(now.tier[t].live, 0u);
        EXPECT_GT(now.tier[t].counts.dropped, 0u);
    }
    EXPECT_TRUE(pool.is_valid());
}

// The number that docs/buffers.md gives.
TEST(buffer_pool, a_thread_caches_so_many_bytes_of_all_tiers_and_no_more) {
    buffer_pool pool({.sanitizers = false, .trim = trim::manual});
    (void)pool.acquire(1); // has a cache now
    const buffer_pool_options defaults;
    std::size_t cached = 0;
    for (unsigned t = 0; t < defaults.tiers(); ++t) {
        const std::size_t bytes = defaults.smallest << t;
        std::size_t most = 0;
        for (std::size_t count = 1; count <= 40; ++count) {
            std::vector<buffer> held;
            while (held.size() < count) held.push_back(pool.acquire(bytes));
            held.clear();
            most = std::max(most, pool.stats().tier[t].cached);
            pool.release_thread_caches();
        }
        cached += most * bytes;
    }
    EXPECT_EQ(cached, 33 * mib + 384 * kib);
}

// All of one region in buffers of that size, which the thread caches afterwards.
void use_a_region(buffer_pool& pool, std::size_t bytes) {
    std::vector<buffer> held;
    while (held.size() * bytes < 128 * kib) held.push_back(pool.acquire(bytes));
}

TEST(buffer_pool, what_the_own_thread_caches_merges_before_the_source_is_asked) {
    test::failing_source watched(default_source());
    buffer_pool pool({.largest = 64 * kib, .source = &watched, .sanitizers = false, .trim = trim::manual});
    use_a_region(pool, 4 * kib);
    EXPECT_EQ(pool.stats().tier[0].cached, 32u);
    watched.forget_calls();
    use_a_region(pool, 64 * kib);
    EXPECT_EQ(watched.calls().reserve, 0u);
    EXPECT_EQ(pool.stats().tier[0].cached, 0u);
    EXPECT_TRUE(pool.is_valid());
}

// A merge for every few buffers would cost more than another region.
TEST(buffer_pool, caches_merge_until_another_region_is_cheaper) {
    buffer_pool pool({.largest = 64 * kib, .sanitizers = false, .trim = trim::manual});
    const auto change_sizes = [&](int times) {
        for (; times != 0; --times) use_a_region(pool, times % 2 == 0 ? 4 * kib : 64 * kib);
    };
    change_sizes(40);
    const buffer_stats before = pool.stats();
    const bool is_coarse = default_source().granularity() > 4 * kib; // as on Windows, 64 KiB
    EXPECT_LE(before.reserved_bytes, is_coarse ? 3 * 192 * kib : 3 * 128 * kib - 1);
    change_sizes(40);
    EXPECT_EQ(pool.stats().counts.merged, before.counts.merged);
    EXPECT_EQ(pool.stats().reserved_bytes, before.reserved_bytes);
    EXPECT_TRUE(pool.is_valid());
}

// Without shelves and caches each call is seen in the counts at once.
TEST(buffer_pool, counts_splits_and_merges_by_tier) {
    buffer_pool pool({.largest = 64 * kib,
                      .most_retained = 0,
                      .least_retained = 0,
                      .sanitizers = false,
                      .trim = trim::manual});
    using by_tier = std::array<std::uint64_t, 5>; // 4, 8, 16, 32, 64 KiB, of a region of 128
    const auto expect = [&](const by_tier& split, const by_tier& merged, std::uint64_t regions_split,
                            std::uint64_t regions_merged) {
        const buffer_stats now = pool.stats(quiet);
        ASSERT_EQ(now.tiers, split.size());
        std::uint64_t split_in_all = regions_split;
        std::uint64_t merged_in_all = regions_merged;
        for (unsigned t = 0; t < now.tiers; ++t) {
            EXPECT_EQ(now.tier[t].counts.split, split[t]) << "tier " << t;
            EXPECT_EQ(now.tier[t].counts.merged, merged[t]) << "tier " << t;
            split_in_all += split[t];
            merged_in_all += merged[t];
        }
        EXPECT_EQ(now.counts.split, split_in_all);
        EXPECT_EQ(now.counts.merged, merged_in_all);
    };
    buffer first = pool.acquire(4 * kib); // a half of each tier above is left
    expect({0, 1, 1, 1, 1}, {}, 1, 0);
    buffer second = pool.acquire(4 * kib); // the other half
    buffer third = pool.acquire(8 * kib);
    expect({0, 1, 1, 1, 1}, {}, 1, 0);
    buffer fourth = pool.acquire(8 * kib);
    expect({0, 1, 2, 1, 1}, {}, 1, 0); // the other 16 KiB
    fourth.release();
    first.release();
    expect({0, 1, 2, 1, 1}, {0, 0, 1, 0, 0}, 1, 0);
    second.release();
    expect({0, 1, 2, 1, 1}, {0, 1, 1, 0, 0}, 1, 0);
    third.release();
    expect({0, 1, 2, 1, 1}, {0, 1, 2, 1, 1}, 1, 1); // all of it one piece again
    buffer grows = pool.acquire(4 * kib);
    expect({0, 2, 3, 2, 2}, {0, 1, 2, 1, 1}, 2, 1);
    grows.resize(16 * kib); // where it is: the halves behind it merge with it
    expect({0, 2, 3, 2, 2}, {0, 2, 3, 1, 1}, 2, 1);
}

TEST(buffer_pool, counts_what_became_of_buffers) {
    buffer_pool pool({.most_retained = 1, .least_retained = 1, .stats = true, .trim = trim::manual});
    {
        const buffer first = pool.acquire(4096);
        const buffer second = pool.acquire(4096);
    }
    {
        const buffer third = pool.acquire(4096);
    }
    {
        const buffer large = pool.acquire(5 * mib);
    }
    const buffer_stats now = pool.stats();
    EXPECT_EQ(now.tier[0].counts.acquired, 3u);
    EXPECT_EQ(now.tier[0].counts.fresh, 2u);
    EXPECT_EQ(now.tier[0].counts.reused, 1u);
    EXPECT_EQ(now.tier[0].counts.dropped, 1u); // one of two is retained
    EXPECT_EQ(now.counts.acquired, 4u);
    EXPECT_EQ(now.counts.oversize, 1u);
    EXPECT_EQ(now.counts.reused, 1u);
    EXPECT_FALSE(buffer_pool().stats().counts.acquired.has_value()); // only where they are counted
}

} // namespace
