// cenote: SPDX-License-Identifier: MIT
//
// How an adaptive pool learns when memory should go back.
#include <cenote/concurrent/concurrent_object_pool.hpp>
#include <cenote/concurrent/concurrent_pool.hpp>
#include <cenote/pool/object_pool.hpp>

#include "support/misuse_watch.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <vector>

namespace {

using namespace cenote;
using engine::retention;

// Of a pool of 1000 blocks, of which each comes back twice in a window.
void pass_window(retention& keeper, std::size_t blocks, std::size_t flushed = 2000) {
    keeper.note_window(blocks, flushed, 2);
}

TEST(retention, what_is_soon_wanted_again_doubles_the_patience) {
    retention keeper;
    EXPECT_EQ(keeper.patience(), 1u);
    unsigned expected = 1;
    for (int i = 0; i < 10; ++i) {
        keeper.note_return(1000, 400);
        pass_window(keeper, 400);
        pass_window(keeper, 900);
        if (expected < retention::most_patience) expected *= 2;
        EXPECT_EQ(keeper.patience(), expected);
    }
    EXPECT_EQ(keeper.patience(), retention::most_patience);
    EXPECT_EQ(keeper.learned().returns, 10u);
    EXPECT_EQ(keeper.learned().regrets, 10u);
}

TEST(retention, what_nobody_wants_makes_it_shorter_again) {
    retention keeper;
    for (int i = 0; i < 3; ++i) {
        keeper.note_return(1000, 400);
        pass_window(keeper, 1000);
    }
    EXPECT_EQ(keeper.patience(), 8u);
    for (const unsigned expected : {4u, 2u, 1u, 1u}) {
        keeper.note_return(1000, 400);
        const unsigned before = keeper.patience();
        // The pool is small now, and so are its windows: what counts is the traffic in them.
        for (std::size_t i = 0; i + 1 < 4 * retention::soon; ++i) pass_window(keeper, 450, 500);
        EXPECT_EQ(keeper.patience(), before);
        pass_window(keeper, 450, 500);
        EXPECT_EQ(keeper.patience(), expected);
        pass_window(keeper, 1000); // too late to be a regret
        EXPECT_EQ(keeper.patience(), expected);
    }
    EXPECT_EQ(keeper.learned().returns, 7u);
    EXPECT_EQ(keeper.learned().regrets, 3u);
}

TEST(retention, less_than_half_of_it_is_no_regret) {
    retention keeper;
    keeper.note_return(1000, 600);
    keeper.note_return(600, 600); // nothing
    keeper.note_return(600, 400); // 600 in all
    pass_window(keeper, 700);
    EXPECT_EQ(keeper.patience(), 1u);
    pass_window(keeper, 701);
    EXPECT_EQ(keeper.patience(), 2u);
    EXPECT_EQ(keeper.learned().returns, 1u);
}

template<class Pool>
void grow_and_drop(Pool& pool, std::size_t count) {
    std::vector<void*> live(count);
    for (void*& block : live) block = pool.allocate();
    for (void* block : live) pool.deallocate(block);
}

// A peak, and quiet traffic for three windows of two blocks freed for each there is.
constexpr std::size_t peak = 20'000;
constexpr std::size_t almost = peak - 2 * engine::most_in_magazine; // it is known to two magazines
constexpr std::size_t quiet = 3 * 2 * peak / 2'500;

template<class Pool>
void saw_a_tooth(Pool& pool) {
    grow_and_drop(pool, peak);
    for (std::size_t i = 0; i < quiet; ++i) grow_and_drop(pool, 2'500);
}

template<class Pool, class Options>
void expect_peaks_to_be_learned(const Options& options) {
    Pool pool(options);
    std::size_t largest = 0;
    for (int i = 0; i < 12; ++i) {
        saw_a_tooth(pool);
        largest = std::max(largest, pool.stats().reserved_bytes);
    }
    const auto learned = pool.stats().adapted;
    ASSERT_TRUE(learned.has_value());
    EXPECT_GE(learned->regrets, 1u);
    EXPECT_LE(learned->regrets, 5u);
    EXPECT_GE(learned->patience, 2u);
    EXPECT_GE(pool.stats().blocks, almost); // kept from now on
    for (int i = 0; i < 12; ++i) {
        saw_a_tooth(pool);
        ASSERT_GE(pool.stats().blocks, almost);
    }
    EXPECT_EQ(pool.stats().adapted->returns, learned->returns);
    EXPECT_LE(pool.stats().reserved_bytes, largest) << "it is bounded by the peak";
    // The peaks end: it goes back all the same, and the patience with it.
    for (std::size_t i = 0; i < 60 * quiet; ++i) grow_and_drop(pool, 2'500);
    EXPECT_LT(pool.stats().blocks, peak / 2);
    EXPECT_LT(pool.stats().adapted->patience, learned->patience);
    EXPECT_TRUE(pool.is_valid());
}

TEST(adaptive, peaks_that_come_again_keep_their_memory) {
    expect_peaks_to_be_learned<fixed_pool>(
        fixed_pool_options{.block_size = 64, .sanitizers = false, .adaptive = true});
    expect_peaks_to_be_learned<concurrent_pool>(
        concurrent_pool_options{.block_size = 64, .sanitizers = false, .adaptive = true});
}

TEST(adaptive, without_the_option_every_quiet_time_gives_it_back) {
    fixed_pool pool({.block_size = 64, .sanitizers = false});
    for (int i = 0; i < 12; ++i) {
        saw_a_tooth(pool);
        ASSERT_LT(pool.stats().blocks, almost);
    }
    EXPECT_FALSE(pool.stats().adapted.has_value());
}

TEST(adaptive, steady_traffic_teaches_nothing) {
    fixed_pool pool({.block_size = 64, .sanitizers = false, .adaptive = true});
    for (int i = 0; i < 40; ++i) grow_and_drop(pool, 5'000);
    EXPECT_EQ(pool.stats().adapted->returns, 0u);
    EXPECT_EQ(pool.stats().adapted->regrets, 0u);
    EXPECT_EQ(pool.stats().adapted->patience, 1u);
}

TEST(adaptive, is_refused_where_memory_never_goes_back_by_itself) {
    EXPECT_THROW(fixed_pool({.block_size = 64, .trim = trim::manual, .adaptive = true}), bad_options);
    EXPECT_THROW(object_pool<long>({.trim = trim::manual, .adaptive = true}), bad_options);
    object_pool<long> objects({.adaptive = true});
    EXPECT_TRUE(objects.stats().adapted.has_value());
    concurrent_object_pool<long> shared({.adaptive = true});
    EXPECT_TRUE(shared.stats().adapted.has_value());
}

// A wrong free is found when its magazine is flushed: after at most two magazines of others.
TEST(magazine_blocks, are_as_many_as_asked_for) {
    for (const std::size_t wanted : {std::size_t{4}, std::size_t{0}}) {
        const test::misuse_watch watch;
        fixed_pool pool({.block_size = 64, .magazine_blocks = wanted, .sanitizers = false});
        std::vector<void*> blocks(20);
        for (void*& block : blocks) block = pool.allocate();
        pool.deallocate(blocks[0]);
        pool.deallocate(blocks[0]);
        for (std::size_t i = 1; i < 10; ++i) pool.deallocate(blocks[i]);
        EXPECT_EQ(watch.count(), wanted == 4 ? 1u : 0u);
        pool.reset();
    }
}

TEST(magazine_blocks, are_1024_at_most) {
    EXPECT_THROW(fixed_pool({.block_size = 64, .magazine_blocks = 1025}), bad_options);
    EXPECT_THROW(concurrent_pool({.block_size = 64, .magazine_blocks = 1025}), bad_options);
    EXPECT_THROW(object_pool<long>({.magazine_blocks = 1025}), bad_options);
    fixed_pool widest({.block_size = 64, .magazine_blocks = 1024});
    widest.deallocate(widest.allocate());
    EXPECT_TRUE(widest.is_valid());
}

} // namespace
