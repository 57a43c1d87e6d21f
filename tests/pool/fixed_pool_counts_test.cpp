// cenote: SPDX-License-Identifier: MIT
//
// Promise 8: the numbers add up, never underflow, and are absent rather than approximate.
#include <cenote/pool/fixed_pool.hpp>

#include <algorithm>
#include <gtest/gtest.h>
#include <random>
#include <vector>

namespace {

using namespace cenote;

TEST(fixed_pool_counts, live_cached_and_idle_make_all_blocks_at_every_moment) {
    for (const bool checks : {false, true}) {
        // Large enough that its depot has magazines.
        fixed_pool pool({.block_size = 64, .initial_blocks = 8192, .checks = checks, .sanitizers = false});
        std::mt19937 random(8);
        std::vector<void*> live;
        std::size_t peak = 0;
        for (int step = 0; step < 60000; ++step) {
            const std::size_t phase = static_cast<std::size_t>(step) / 10000 % 2;
            if (random() % 10 < 7 - 4 * phase) {
                live.push_back(pool.allocate());
            } else if (!live.empty()) {
                std::swap(live[random() % live.size()], live.back());
                pool.deallocate(live.back());
                live.pop_back();
            }
            if (step % 17000 == 0) pool.trim();
            if (live.size() > peak) peak = live.size();
            const pool_stats stats = pool.stats();
            ASSERT_EQ(stats.live, live.size());
            ASSERT_EQ(stats.live + stats.cached + stats.idle, stats.blocks);
            ASSERT_EQ(stats.live_bytes, live.size() * 64);
            ASSERT_LE(stats.peak_live, peak);
            ASSERT_GE(stats.peak_live + (checks ? 0 : 1024), peak);
            ASSERT_TRUE(step % 1000 != 0 || pool.is_valid());
        }
        pool.reset();
        EXPECT_EQ(pool.stats().live, 0u);
    }
}

TEST(fixed_pool_counts, the_peak_is_exact_to_two_magazines_whatever_verb_made_it) {
    for (const std::size_t count : {100u, 1000u, 3000u, 20000u}) {
        for (int way = 0; way < 3; ++way) {
            fixed_pool pool({.block_size = 64, .initial_blocks = 1, .sanitizers = false});
            pool.deallocate(pool.allocate());
            std::vector<void*> blocks(count);
            if (way == 0) {
                for (void*& block : blocks) block = pool.allocate();
                for (void* const block : blocks) pool.deallocate(block);
            } else {
                pool.allocate_n(blocks.data(), count);
                if (way == 1) pool.deallocate_n(blocks.data(), count);
                if (way == 2) pool.reset();
            }
            EXPECT_LE(pool.stats().peak_live, count);
            EXPECT_GT(pool.stats().peak_live + 1024, count) << way;
        }
    }
}

TEST(fixed_pool_counts, nothing_underflows_when_a_block_is_freed_twice) {
    const misuse_handler before = set_misuse_handler([](const misuse_report&) noexcept {});
    fixed_pool pool({.block_size = 64, .sanitizers = false});
    void* const block = pool.allocate();
    for (int i = 0; i < 3000; ++i) {
        pool.deallocate(block);
        ASSERT_LE(pool.stats().live, 1u);
        ASSERT_LE(pool.stats().live_bytes, 64u);
    }
    pool.trim();
    EXPECT_EQ(pool.stats().live, 0u);
    EXPECT_TRUE(pool.is_valid());
    set_misuse_handler(before);
}

TEST(fixed_pool_counts, calls_are_absent_without_the_option_and_exact_with_it) {
    fixed_pool plain({.block_size = 64, .sanitizers = false});
    plain.deallocate(plain.allocate());
    EXPECT_FALSE(plain.stats().calls.has_value());

    fixed_pool pool({.block_size = 64, .maximum_blocks = 50, .stats = true, .sanitizers = false});
    EXPECT_TRUE(pool.stats().calls.has_value());
    void* blocks[50];
    for (void*& block : blocks) block = pool.allocate();
    EXPECT_EQ(pool.try_allocate(), nullptr);
    EXPECT_THROW((void)pool.allocate(), out_of_memory);
    pool.deallocate_n(blocks, 30);
    pool.allocate_n(blocks, 10);
    EXPECT_FALSE(pool.try_allocate_n(blocks, 21));
    EXPECT_EQ(pool.stats().calls->allocations, 60u);
    EXPECT_EQ(pool.stats().calls->deallocations, 30u);
    EXPECT_EQ(pool.stats().calls->failures, 3u);
}

TEST(fixed_pool_counts, calls_are_exact_in_pools_of_many_slabs) {
    fixed_pool pool({.block_size = 64, .blocks_per_slab = 100, .stats = true, .sanitizers = false});
    std::vector<void*> blocks(1'000);
    for (int round = 0; round < 10; ++round) {
        for (void*& block : blocks) block = pool.allocate();
        std::shuffle(blocks.begin(), blocks.end(), std::mt19937(1));
        for (void* const block : blocks) pool.deallocate(block);
    }
    EXPECT_EQ(pool.stats().calls->allocations, 10'000u);
    EXPECT_EQ(pool.stats().calls->deallocations, 10'000u);
    EXPECT_EQ(pool.stats().live, 0u);
    EXPECT_TRUE(pool.is_valid());
}

TEST(fixed_pool_counts, an_unused_pool_counts_nothing) {
    const pool_stats stats = fixed_pool({.block_size = 64}).stats();
    EXPECT_EQ(stats.live, 0u);
    EXPECT_EQ(stats.cached, 0u);
    EXPECT_EQ(stats.idle, 0u);
    EXPECT_EQ(stats.blocks, 0u);
    EXPECT_EQ(stats.peak_live, 0u);
    EXPECT_EQ(stats.reserved_bytes, 0u);
}

} // namespace
