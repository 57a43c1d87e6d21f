// cenote: SPDX-License-Identifier: MIT
//
// Each pattern of one thread is what its case says: which blocks are put back, in what order, how many, and
// what of it is timed.
#include "patterns/one_thread.hpp"
#include "patterns/pools.hpp"
#include "recorder.hpp"

#include <algorithm>
#include <array>
#include <gtest/gtest.h>
#include <set>
#include <thread>

namespace cenote::bench {
namespace {

TEST(pair_loop, puts_each_block_back_at_once) {
    pair_loop<recorder> loop({.what = pattern::pair, .block_size = 256});
    const entries before = preparation_of(loop);
    ASSERT_EQ(before.size(), 1u);
    EXPECT_EQ(before[0].what, deed::made);
    EXPECT_EQ(before[0].size, 256u);
    expect_pairs(timed(run_of(loop, 5)), 5);
}

TEST(pair_loop, leaves_live_what_is_to_stay_live) {
    pair_loop<recorder> loop({.what = pattern::pair, .live = 1'000});
    EXPECT_EQ(those(preparation_of(loop), deed::got).size(), 1'000u);
    const entries all = run_of(loop, 3);
    expect_pairs(timed(all), 3);
    EXPECT_EQ(those(all, deed::put).size(), 3u);
}

// The puts of each step, after its gets: 1,000 of each, and all of it timed.
template<class Loop>
std::vector<std::vector<std::size_t>> orders_of(Loop& loop, std::size_t steps) {
    constexpr std::size_t size = 1'000;
    loop.prepare();
    const entries all = timed(run_of(loop, steps));
    EXPECT_EQ(Loop::operations_a_step, size);
    EXPECT_EQ(all.size(), steps * 2 * size);
    EXPECT_TRUE(are_all_touched(those(all, deed::put)));
    std::vector<std::vector<std::size_t>> orders;
    for (std::size_t step = 0; step < steps && all.size() == steps * 2 * size; ++step) {
        const auto first = all.begin() + static_cast<std::ptrdiff_t>(step * 2 * size);
        const entries gets = those({first, first + size}, deed::got);
        const entries puts = those({first + size, first + 2 * size}, deed::put);
        EXPECT_EQ(blocks_of(gets), consecutive(step * size, size));
        std::vector<std::size_t> order = blocks_of(puts);
        for (std::size_t& block : order) block -= step * size;
        EXPECT_EQ(sorted(order), consecutive(0, size));
        orders.push_back(std::move(order));
    }
    return orders;
}

TEST(batch_loop, puts_a_thousand_back_last_first_in_reverse) {
    batch_loop<recorder, pattern::batch_reverse> loop({.what = pattern::batch_reverse});
    std::vector<std::size_t> wanted = consecutive(0, 1'000);
    std::reverse(wanted.begin(), wanted.end());
    EXPECT_EQ(orders_of(loop, 2), (std::vector<std::vector<std::size_t>>{wanted, wanted}));
}

TEST(batch_loop, puts_a_thousand_back_first_first_in_order) {
    batch_loop<recorder, pattern::batch_in_order> loop({.what = pattern::batch_in_order});
    const std::vector<std::size_t> wanted = consecutive(0, 1'000);
    EXPECT_EQ(orders_of(loop, 2), (std::vector<std::vector<std::size_t>>{wanted, wanted}));
}

TEST(batch_loop, puts_a_thousand_back_in_many_random_orders) {
    batch_loop<recorder, pattern::batch_shuffled> loop({.what = pattern::batch_shuffled});
    const std::vector<std::vector<std::size_t>> orders = orders_of(loop, 16);
    for (const std::vector<std::size_t>& order : orders) EXPECT_LT(neighbours(order), 20u);
    EXPECT_EQ((std::set<std::vector<std::size_t>>(orders.begin(), orders.end()).size()), 16u)
        << "no order twice, lest the processor learn it";
}

TEST(scratch_loop, frees_a_thousand_at_once) {
    scratch_loop<recorder> loop({.what = pattern::scratch, .block_size = 32});
    loop.prepare();
    const entries all = timed(run_of(loop, 2));
    ASSERT_EQ(all.size(), 2'002u);
    for (std::size_t i = 0; i < all.size(); ++i)
        ASSERT_EQ(all[i].what, i % 1'001 == 1'000 ? deed::cleared : deed::got) << i;
}

TEST(random_loop, replaces_blocks_that_were_live_for_any_time) {
    constexpr std::size_t live = 1'000;
    random_loop<recorder> loop({.what = pattern::random_replacement, .live = live});
    const entries before = preparation_of(loop);
    EXPECT_EQ(those(before, deed::got).size(), 3 * live);
    EXPECT_EQ(those(before, deed::put).size(), 2 * live) << "the order is to be lost";
    const entries all = timed(run_of(loop, 2 * live));
    expect_replacements(all, 2 * live);
    std::size_t young = 0; // replaced within so many steps as there are blocks
    std::size_t old = 0;   // after more than twice as many
    for (std::size_t i = 0; i < all.size(); i += 2) {
        const std::size_t age = all[i].block - all[i + 1].block;
        young += age < live;
        old += age > 2 * live;
    }
    // Of 2,000: 1 - 1/e of them, and 1/e²; each within a tenth of 2,000.
    EXPECT_GT(young, 1'064u);
    EXPECT_LT(young, 1'464u);
    EXPECT_GT(old, 70u);
    EXPECT_LT(old, 470u);
}

TEST(random_loop, has_100000_live) {
    random_loop<recorder> loop({.what = pattern::random_replacement});
    const entries before = preparation_of(loop);
    EXPECT_EQ(those(before, deed::got).size() - those(before, deed::put).size(), 100'000u);
    expect_replacements(timed(run_of(loop, 100)), 100);
}

TEST(bulk_loop, gets_32_in_one_call_and_puts_them_back_in_one) {
    bulk_loop<recorder> loop({.what = pattern::bulk_32});
    EXPECT_EQ(bulk_loop<recorder>::operations_a_step, 32u);
    loop.prepare();
    const entries all = timed(run_of(loop, 3));
    ASSERT_EQ(all.size(), 3u * 64);
    for (std::size_t i = 0; i < all.size(); ++i) {
        ASSERT_EQ(all[i].what, i % 64 < 32 ? deed::got_many : deed::put_many) << i;
        ASSERT_EQ(all[i].size, 32u);
    }
    EXPECT_EQ(sorted(blocks_of(those(all, deed::put_many))), consecutive(0, 3 * 32));
    EXPECT_TRUE(are_all_touched(those(all, deed::put_many)));
}

// The puts, which alone are timed, after the gets of a million.
std::vector<std::size_t> drop_of(pattern what) {
    constexpr std::size_t size = 1'000'000;
    drop_loop<recorder> loop({.what = what});
    EXPECT_EQ(drop_loop<recorder>::operations_a_step, size);
    loop.prepare();
    const entries all = run_of(loop, 1);
    EXPECT_EQ(those(all, deed::got).size(), size);
    const entries drop = timed(all);
    EXPECT_EQ(drop.size(), size);
    EXPECT_TRUE(are_all_touched(drop));
    EXPECT_EQ(those(drop, deed::put).size(), size);
    return blocks_of(drop);
}

TEST(drop_loop, times_the_puts_of_a_million_in_order) {
    EXPECT_TRUE(drop_of(pattern::drop_in_order) == consecutive(0, 1'000'000)); // too many to be printed
}

TEST(drop_loop, times_the_puts_of_a_million_shuffled) {
    const std::vector<std::size_t> order = drop_of(pattern::drop_shuffled);
    EXPECT_TRUE(sorted(order) == consecutive(0, 1'000'000));
    EXPECT_LT(neighbours(order), 20u);
}

TEST(alternating_loop, takes_one_pool_after_the_other) {
    for (const unsigned pools : {1u, 64u}) {
        alternating_loop<recorder> loop({.what = pattern::alternating, .pools = pools});
        const entries made = those(preparation_of(loop), deed::made);
        ASSERT_EQ(made.size(), pools);
        const entries all = timed(run_of(loop, 2));
        expect_pairs(all, 2 * alternating_loop<recorder>::operations_a_step);
        for (std::size_t i = 0; i < all.size(); ++i) ASSERT_EQ(all[i].pool, made[i / 2 % pools].pool) << i;
    }
}

TEST(lifecycle_loop, makes_a_pool_for_each_block) {
    lifecycle_loop<recorder> loop({.what = pattern::lifecycle});
    EXPECT_TRUE(preparation_of(loop).empty());
    const entries all = timed(run_of(loop, 3));
    constexpr std::array life{deed::made, deed::got, deed::put, deed::destroyed};
    ASSERT_EQ(all.size(), 3 * life.size());
    for (std::size_t i = 0; i < all.size(); ++i) {
        EXPECT_EQ(all[i].what, life[i % life.size()]) << i;
        EXPECT_EQ(all[i].pool, all[0].pool + i / life.size()) << i;
    }
}

TEST(short_threads_loop, starts_a_thread_after_the_other_for_100_pairs_each) {
    EXPECT_EQ(short_threads_loop<recorder>::fixed_steps, 1'000u);
    short_threads_loop<recorder> loop({.what = pattern::short_threads});
    entries all;
    unsigned starter = 0;
    std::thread([&] { // it is bound to a core
        starter = this_thread();
        loop.prepare();
        all = run_of(loop, 3);
    })
        .join();
    ASSERT_EQ(all.size(), 2u + 3 * 200);
    for (const entry& end : {all.front(), all.back()}) { // so that the life of each thread is timed
        EXPECT_EQ(end.what, deed::looked_at_clock);
        EXPECT_EQ(end.thread, starter);
    }
    std::set<unsigned> seen{starter};
    for (std::size_t i = 0; i < 3; ++i) {
        const auto first = all.begin() + 1 + static_cast<std::ptrdiff_t>(i * 200);
        const entries life(first, first + 200);
        expect_pairs(life, 100);
        EXPECT_EQ(threads_of(life).size(), 1u);
        EXPECT_TRUE(seen.insert(life[0].thread).second) << i;
    }
}

TEST(metadata_loop, puts_100000_back_and_gets_them_again_ten_times) {
    constexpr std::size_t size = 100'000;
    EXPECT_EQ(metadata_loop<recorder>::fixed_windows, 1u);
    metadata_loop<recorder> loop({.what = pattern::metadata});
    EXPECT_EQ(those(preparation_of(loop), deed::got).size(), size);
    const entries all = timed(run_of(loop, metadata_loop<recorder>::fixed_steps));
    ASSERT_EQ(all.size(), 10 * 2 * size);
    for (std::size_t i = 0; i < all.size(); ++i)
        ASSERT_EQ(all[i].what, i % (2 * size) < size ? deed::put : deed::got) << i;
    EXPECT_TRUE(sorted(blocks_of(those(all, deed::put))) == consecutive(0, 10 * size));
}

} // namespace
} // namespace cenote::bench
