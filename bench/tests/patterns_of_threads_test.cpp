// cenote: SPDX-License-Identifier: MIT
//
// Each pattern of several threads, or of random sizes, is what its case says: whose blocks each thread puts
// back, how many, of what sizes, and what of it is timed.
#include "patterns/sizes.hpp"
#include "patterns/threads.hpp"
#include "recorder.hpp"

#include <gtest/gtest.h>
#include <map>
#include <set>
#include <vector>

namespace cenote::bench {
namespace {

TEST(threads_pair_loop, lets_each_thread_put_back_its_own_at_once) {
    threads_pair_loop<recorder> loop({.what = pattern::threads_pair, .threads = 3});
    EXPECT_TRUE(those(preparation_of(loop), deed::got).empty());
    const entries all = timed(run_of(loop, 5));
    EXPECT_EQ(threads_of(all).size(), 3u);
    for (const unsigned thread : threads_of(all)) expect_pairs(of_thread(all, thread), 5);
}

TEST(threads_pair_loop, has_twice_as_many_blocks_as_threads_or_half) {
    const auto most_of = [](pattern what) {
        threads_pair_loop<recorder> loop({.what = what, .threads = 8});
        const entries made = those(preparation_of(loop), deed::made);
        return made.size() == 1 ? made[0].block : 0;
    };
    EXPECT_EQ(most_of(pattern::bounded_plenty), 16u);
    EXPECT_EQ(most_of(pattern::bounded_short), 4u);
}

// Each thread puts back what one other got, in the order it was got: as many of them.
void expect_handed_over(const entries& all, const std::set<unsigned>& from, const std::set<unsigned>& to) {
    std::map<std::size_t, unsigned> getters;
    for (const entry& one : those(all, deed::got)) getters[one.block] = one.thread;
    std::set<unsigned> seen;
    for (const unsigned thread : to) {
        const std::vector<std::size_t> back = blocks_of(those(of_thread(all, thread), deed::put));
        ASSERT_FALSE(back.empty());
        const unsigned getter = getters[back[0]];
        EXPECT_NE(getter, thread);
        EXPECT_TRUE(seen.insert(getter).second) << "two threads have the blocks of one";
        std::vector<std::size_t> got = blocks_of(those(of_thread(all, getter), deed::got));
        got.resize(back.size());
        EXPECT_EQ(back, got);
    }
    EXPECT_EQ(seen, from);
}

template<class Loop>
void expect_parcels_go_round(std::size_t parcel) {
    Loop loop({.what = pattern::free_each_other, .threads = 3});
    ASSERT_EQ(Loop::operations_a_step, parcel);
    const entries before = preparation_of(loop);
    EXPECT_TRUE(those(before, deed::put).empty());
    const entries during = run_of(loop, 4);
    const entries all = timed(during);
    const std::set<unsigned> threads = threads_of(all);
    EXPECT_EQ(threads.size(), 3u);
    for (const unsigned thread : threads) {
        const entries own = of_thread(all, thread);
        ASSERT_EQ(own.size(), 4 * 2 * parcel);
        for (std::size_t i = 0; i < own.size(); ++i)
            ASSERT_EQ(own[i].what, i % (2 * parcel) < parcel ? deed::got : deed::put) << i;
    }
    EXPECT_TRUE(are_all_touched(those(all, deed::put)));
    expect_handed_over(joined(before, during), threads, threads);
}

TEST(free_each_other_loop, lets_each_thread_put_back_256_that_another_got) {
    expect_parcels_go_round<free_each_other_loop<recorder>>(256);
}

TEST(free_each_other_loop, lets_larger_parcels_go_round) {
    expect_parcels_go_round<free_each_other_loop<recorder, large_parcel_blocks>>(2'048);
}

TEST(producer_consumer_loop, lets_half_of_the_threads_put_back_what_the_others_got) {
    constexpr std::size_t steps = 50; // no multiple of what is told at a time
    producer_consumer_loop<recorder> loop({.what = pattern::producer_consumer, .threads = 4});
    EXPECT_TRUE(those(preparation_of(loop), deed::got).empty());
    const entries all = timed(run_of(loop, steps));
    const std::set<unsigned> producers = threads_of(those(all, deed::got));
    const std::set<unsigned> consumers = threads_of(those(all, deed::put));
    EXPECT_EQ(producers.size(), 2u);
    EXPECT_EQ(consumers.size(), 2u);
    for (const unsigned thread : threads_of(all)) EXPECT_EQ(of_thread(all, thread).size(), steps);
    EXPECT_TRUE(are_all_touched(those(all, deed::put)));
    expect_handed_over(all, producers, consumers);
}

std::size_t bytes_of(const entries& all) {
    std::size_t sum = 0;
    for (const entry& one : all) sum += one.size;
    return sum;
}

// Any from 16 to 1,024.
void expect_random_sizes(const entries& gets) {
    std::set<std::size_t> sizes;
    for (const entry& one : gets) sizes.insert(one.size);
    ASSERT_FALSE(sizes.empty());
    EXPECT_GE(*sizes.begin(), 16u);
    EXPECT_LT(*sizes.begin(), 32u);
    EXPECT_LE(*sizes.rbegin(), 1'024u);
    EXPECT_GT(*sizes.rbegin(), 1'008u);
    EXPECT_GT(sizes.size(), 700u); // of 1,009, when 2,000 are taken
    EXPECT_NEAR(static_cast<double>(bytes_of(gets)) / static_cast<double>(gets.size()), 520, 52);
}

struct reserving_recorder : recorder {
    using recorder::recorder;
    [[nodiscard]] static std::size_t reserved() { return std::size_t{1} << 30; }
};

TEST(sizes_loop, replaces_blocks_of_any_size_among_100000) {
    sizes_loop<reserving_recorder> loop({.what = pattern::random_sizes});
    const entries before = preparation_of(loop);
    const entries gets = those(before, deed::got);
    const entries puts = those(before, deed::put);
    EXPECT_EQ(gets.size() - puts.size(), 100'000u);
    EXPECT_EQ(puts.size(), 200'000u) << "the order is to be lost";
    const entries all = timed(run_of(loop, 2'000));
    expect_replacements(all, 2'000);
    expect_random_sizes(those(all, deed::got));
    EXPECT_LT(neighbours(blocks_of(those(all, deed::put))), 20u);
    const std::size_t live =
        bytes_of(gets) - bytes_of(puts) + bytes_of(those(all, deed::got)) - bytes_of(those(all, deed::put));
    EXPECT_DOUBLE_EQ(loop.figure(),
                     static_cast<double>(reserving_recorder::reserved()) / static_cast<double>(live));
}

TEST(threads_sizes_loop, lets_threads_replace_each_others_blocks_of_any_size_among_100000) {
    threads_sizes_loop<recorder> loop({.what = pattern::threads_sizes, .threads = 2});
    const entries before = preparation_of(loop);
    EXPECT_EQ(those(before, deed::got).size() - those(before, deed::put).size(), 100'000u);
    const entries during = run_of(loop, 2'000);
    const entries all = timed(during);
    std::map<std::size_t, unsigned> getters;
    for (const entry& one : those(joined(before, during), deed::got)) getters[one.block] = one.thread;
    EXPECT_EQ(threads_of(all).size(), 2u);
    for (const unsigned thread : threads_of(all)) {
        const entries own = of_thread(all, thread);
        expect_random_sizes(those(own, deed::got));
        const entries puts = those(own, deed::put);
        EXPECT_EQ(puts.size(), 2'000u);
        EXPECT_TRUE(are_all_touched(puts));
        EXPECT_LT(neighbours(blocks_of(puts)), 20u);
        const entries others =
            those(puts, [&](const entry& one) { return getters[one.block] != one.thread; });
        EXPECT_GT(others.size(), 400u); // about half of them
    }
}

} // namespace
} // namespace cenote::bench
