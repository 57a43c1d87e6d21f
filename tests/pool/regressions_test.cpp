// cenote: SPDX-License-Identifier: MIT
//
// What pools of fixed blocks are known to get wrong, each as a test: growth with every round, frees that
// accept anything, sizes that wrap, walks that see free blocks.
#include <cenote/pool/fixed_pool.hpp>
#include <cenote/pool/object_pool.hpp>

#include "support/misuse_watch.hpp"
#include "support/process_memory.hpp"
#include "support/sizes.hpp"
#include "support/test_sources.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <gtest/gtest.h>
#include <limits>
#include <set>
#include <vector>

namespace {

using namespace cenote;

constexpr std::size_t size_max = std::numeric_limits<std::size_t>::max();

TEST(regressions, twenty_identical_rounds_do_not_grow_the_heap) {
    test::counting_source from;
    fixed_pool pool({.block_size = 64, .source = &from, .sanitizers = false});
    std::vector<void*> blocks(1000);
    std::size_t first = 0;
    for (int round = 0; round < 20; ++round) {
        for (void*& block : blocks) block = pool.allocate();
        for (void* const block : blocks) pool.deallocate(block);
        if (round == 0) first = from.reserved;
        ASSERT_EQ(from.peak, first);
    }
}

TEST(regressions, a_pair_of_calls_does_not_grow_slower_with_every_round) {
    fixed_pool pool({.block_size = 64, .sanitizers = false});
    std::vector<void*> blocks(1000);
    const auto round = [&] {
        const auto start = std::chrono::steady_clock::now();
        for (void*& block : blocks) block = pool.allocate();
        for (void* const block : blocks) pool.deallocate(block);
        return std::chrono::steady_clock::now() - start;
    };
    auto first = round();
    for (int i = 0; i < 50; ++i) first = std::min(first, round());
    for (int i = 0; i < 1000; ++i) (void)round();
    auto last = round();
    for (int i = 0; i < 50; ++i) last = std::min(last, round());
    EXPECT_LE(last, 10 * first);
}

TEST(regressions, no_block_is_smaller_than_asked) {
    for (std::size_t size = 1; size < 700; size += 3) {
        fixed_pool pool({.block_size = size, .sanitizers = false});
        auto* const a = static_cast<unsigned char*>(pool.allocate());
        auto* const b = static_cast<unsigned char*>(pool.allocate());
        std::memset(a, 1, size);
        std::memset(b, 2, size);
        ASSERT_EQ(a[size - 1], 1);
        ASSERT_EQ(b[size - 1], 2);
        ASSERT_EQ(a[0] + b[0], 3);
    }
}

TEST(regressions, a_block_of_no_bytes_is_refused_before_anything_is_touched) {
    test::counting_source from;
    EXPECT_THROW(fixed_pool({.block_size = 0, .source = &from}), bad_options);
    EXPECT_EQ(from.calls, 0u);
}

TEST(regressions, a_block_of_2_to_the_60_bytes_is_refused_and_the_program_lives) {
    fixed_pool pool({.block_size = test::beyond_memory});
    EXPECT_EQ(pool.try_allocate(), nullptr);
    EXPECT_THROW((void)pool.allocate(), out_of_memory);
    fixed_pool other({.block_size = 64});
    EXPECT_NE(other.allocate(), nullptr);
}

TEST(regressions, a_capacity_of_2_to_the_58_is_refused_and_not_pretended) {
    EXPECT_THROW(fixed_pool({.block_size = 64, .initial_blocks = size_max / 64 + 1}), std::exception);
    fixed_pool pool({.block_size = 64, .sanitizers = false});
    EXPECT_THROW(pool.reserve(size_max / 64 + 1), out_of_memory);
    EXPECT_EQ(pool.stats().reserved_bytes, 0u);
}

TEST(regressions, a_growth_of_zero_or_of_too_much_never_overflows_the_memory) {
    EXPECT_THROW(fixed_pool({.block_size = 64, .growth = growth::constant(0)}), bad_options);
    test::counting_source from;
    from.limit = 1 << 20;
    for (const std::size_t step : {size_max, size_max / 64, size_max / 64 + 1, size_max / 64 + 2}) {
        fixed_pool pool({.block_size = 64,
                         .blocks_per_slab = 16,
                         .growth = growth::constant(step),
                         .source = &from,
                         .sanitizers = false});
        for (int i = 0; i < 2000; ++i) {
            void* const block = pool.try_allocate();
            if (block == nullptr) break;
            ASSERT_TRUE(from.holds(block, 64));
            std::memset(block, 0xff, 64);
        }
        ASSERT_TRUE(pool.is_valid());
    }
}

TEST(regressions, every_bad_free_is_refused_double_interior_past_the_end_and_never_allocated) {
    fixed_pool pool({.block_size = 64, .blocks_per_slab = 32, .checks = true});
    auto* const block = static_cast<std::byte*>(pool.allocate());
    auto* const live = static_cast<std::byte*>(pool.allocate());
    pool.deallocate(block);
    test::misuse_watch watch;
    for (std::byte* const bad : {block, live + 8, block + 32 * 64, live + 64}) pool.deallocate(bad);
    ASSERT_EQ(watch.count(), 4u);
    EXPECT_EQ(watch.seen()[0].kind, misuse::double_free);
    EXPECT_EQ(watch.seen()[1].kind, misuse::interior_pointer);
    EXPECT_EQ(watch.seen()[2].kind, misuse::past_the_end);
    EXPECT_EQ(watch.seen()[3].kind, misuse::never_allocated);
    EXPECT_EQ(pool.stats().live, 1u);
    pool.reset();
}

TEST(regressions, a_pool_owns_no_interior_no_foreign_and_no_past_the_end_pointer) {
    fixed_pool pool({.block_size = 64, .blocks_per_slab = 32, .sanitizers = false});
    auto* const block = static_cast<std::byte*>(pool.allocate());
    EXPECT_TRUE(pool.owns(block));
    for (const std::byte* const bad : {block + 1, block + 32, block + 32 * 64, block - 1}) {
        EXPECT_FALSE(pool.owns(bad));
        EXPECT_FALSE(pool.is_live(bad));
    }
    EXPECT_TRUE(pool.owns(block + 64)); // a block of the pool, though nobody's
    EXPECT_FALSE(pool.is_live(block + 64));
}

TEST(regressions, more_frees_than_allocations_never_make_more_free_blocks_than_there_are) {
    fixed_pool pool({.block_size = 64, .initial_blocks = 16, .growth = growth::none(), .checks = true});
    test::misuse_watch watch;
    int local = 0;
    void* const block = pool.allocate();
    for (int i = 0; i < 5; ++i) pool.deallocate(block);
    pool.deallocate(&local);
    EXPECT_EQ(pool.stats().idle, 16u);
    EXPECT_EQ(pool.stats().blocks, 16u);
    std::set<void*> seen;
    while (void* const one = pool.try_allocate()) EXPECT_TRUE(seen.insert(one).second);
    EXPECT_EQ(seen.size(), 16u);
    pool.reset();
}

TEST(regressions, a_walk_stopped_in_the_first_slab_does_not_go_on_in_the_second) {
    fixed_pool pool({.block_size = 64, .blocks_per_slab = 10, .sanitizers = false});
    for (int i = 0; i < 100; ++i) (void)pool.allocate();
    int visits = 0;
    pool.for_each([&](void*) { return ++visits < 3; });
    EXPECT_EQ(visits, 3);
}

TEST(regressions, a_walk_visits_no_freed_block) {
    fixed_pool pool({.block_size = 64, .sanitizers = false});
    void* const a = pool.allocate();
    void* const b = pool.allocate();
    pool.deallocate(a);
    std::vector<void*> seen;
    pool.for_each([&](void* block) { seen.push_back(block); });
    EXPECT_EQ(seen, std::vector<void*>{b});
}

TEST(regressions, a_walk_whose_callback_frees_does_not_hang) {
    fixed_pool pool({.block_size = 64, .sanitizers = false});
    for (int i = 0; i < 1000; ++i) (void)pool.allocate();
    pool.for_each([&](void* block) { pool.deallocate(block); });
    EXPECT_EQ(pool.stats().live, 0u);
}

TEST(regressions, freeing_does_not_slow_down_with_the_number_of_slabs) {
    constexpr std::size_t freed = 6000; // more than two magazines hold
    const auto pair_at = [](std::size_t live) {
        fixed_pool pool({.block_size = 64, .blocks_per_slab = 16, .sanitizers = false});
        std::vector<void*> blocks(live);
        for (void*& block : blocks) block = pool.allocate();
        auto best = std::chrono::steady_clock::duration::max();
        for (int repeat = 0; repeat < 20; ++repeat) {
            const auto start = std::chrono::steady_clock::now();
            for (std::size_t i = 0; i < freed; ++i) pool.deallocate(blocks[i * (live / freed)]);
            for (std::size_t i = 0; i < freed; ++i) blocks[i * (live / freed)] = pool.allocate();
            best = std::min(best, std::chrono::steady_clock::now() - start);
        }
        return best;
    };
    // 18,750 slabs against 375: a search through them would cost fifty times as much, the caches a few.
    EXPECT_LE(pair_at(300000), 20 * pair_at(6000));
}

TEST(regressions, every_alignment_from_16_on_is_kept) {
    for (std::size_t alignment = 16; alignment <= 4096; alignment *= 2) {
        fixed_pool pool({.block_size = 16, .alignment = alignment, .sanitizers = false});
        for (int i = 0; i < 200; ++i)
            ASSERT_EQ(reinterpret_cast<std::uintptr_t>(pool.allocate()) % alignment, 0u);
    }
}

TEST(regressions, an_alignment_of_zero_is_refused_and_divides_nothing) {
    EXPECT_THROW(fixed_pool({.block_size = 64, .alignment = 0}), bad_options);
}

TEST(regressions, a_retry_strategy_ends) {
    static int calls;
    calls = 0;
    fixed_pool pool({.block_size = 64,
                     .maximum_blocks = 1,
                     .sanitizers = false,
                     .on_exhaustion = {[](void*, const shortage&) { return ++calls > 0; }, nullptr, 4}});
    (void)pool.allocate();
    EXPECT_THROW((void)pool.allocate(), out_of_memory);
    EXPECT_EQ(calls, 4);
}

TEST(regressions, the_totals_are_right_after_a_reset) {
    for (const bool checks : {false, true}) {
        fixed_pool pool({.block_size = 64,
                         .initial_blocks = 16,
                         .growth = growth::none(),
                         .checks = checks,
                         .sanitizers = false});
        for (int i = 0; i < 10; ++i) (void)pool.allocate();
        pool.reset();
        pool_stats stats = pool.stats();
        EXPECT_EQ(stats.live, 0u);
        EXPECT_EQ(stats.cached + stats.idle, 16u);
        EXPECT_EQ(stats.blocks, 16u);
        for (int i = 0; i < 16; ++i) ASSERT_NE(pool.try_allocate(), nullptr);
        EXPECT_EQ(pool.try_allocate(), nullptr);
        pool.reset();
        EXPECT_EQ(pool.stats().live, 0u);
    }
}

TEST(regressions, creating_a_pool_touches_no_page_of_its_blocks) {
    fixed_pool pool({.block_size = 64, .initial_blocks = std::size_t{1} << 18, .sanitizers = false});
    EXPECT_LE(test::resident_pages(pool.at(0), std::size_t{16} << 20), 1u);
}

TEST(regressions, a_factor_of_one_is_refused_and_a_factor_above_one_grows) {
    EXPECT_THROW(fixed_pool({.block_size = 64, .growth = growth::geometric(1)}), bad_options);
    fixed_pool pool(
        {.block_size = 64, .initial_blocks = 10, .growth = growth::geometric(1.01), .sanitizers = false});
    for (int i = 0; i < 5000; ++i) ASSERT_NE(pool.try_allocate(), nullptr);
}

TEST(regressions, the_block_freed_last_is_given_first_while_it_is_warm) {
    fixed_pool pool({.block_size = 64, .sanitizers = false});
    void* const a = pool.allocate();
    void* const b = pool.allocate();
    pool.deallocate(a);
    pool.deallocate(b);
    EXPECT_EQ(pool.allocate(), b);
    EXPECT_EQ(pool.allocate(), a);
}

TEST(regressions, freed_memory_is_found_again_when_no_fresh_memory_is_left) {
    fixed_pool pool({.block_size = 64, .maximum_blocks = 1000, .sanitizers = false});
    std::vector<void*> blocks(1000);
    for (void*& block : blocks) block = pool.allocate();
    EXPECT_EQ(pool.try_allocate(), nullptr);
    for (std::size_t i = 0; i < 1000; i += 7) pool.deallocate(blocks[i]);
    for (std::size_t i = 0; i < 1000; i += 7) EXPECT_NE(pool.try_allocate(), nullptr);
    EXPECT_EQ(pool.try_allocate(), nullptr);
}

TEST(regressions, a_size_too_large_gives_nobody_the_neighbour) {
    fixed_pool pool({.block_size = 64, .checks = true});
    void* const block = pool.allocate();
    void* const neighbour = pool.allocate();
    test::misuse_watch watch;
    pool.deallocate(block, 128);
    ASSERT_EQ(watch.count(), 1u);
    EXPECT_EQ(watch.seen()[0].kind, misuse::wrong_size);
    EXPECT_TRUE(pool.is_live(block));
    EXPECT_TRUE(pool.is_live(neighbour));
    pool.reset();
}

} // namespace
