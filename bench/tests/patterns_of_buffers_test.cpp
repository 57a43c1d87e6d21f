// cenote: SPDX-License-Identifier: MIT
//
// Each pattern of buffers is what its case says: how many are live, of what sizes, which are touched, what is
// left out of the work, and when time passes.
#include "patterns/buffers.hpp"
#include "recorder.hpp"

#include <atomic>
#include <gtest/gtest.h>
#include <map>
#include <set>

namespace cenote::bench {
namespace {

constexpr std::size_t largest = 65'536;
constexpr std::size_t steps = 400;

struct traffic {
    entries before;
    entries during; // what is timed of the steps
    [[nodiscard]] entries puts() const { return those(during, deed::put); }
    [[nodiscard]] std::set<std::size_t> sizes() const {
        std::set<std::size_t> all;
        for (const entry& one : those(during, deed::got)) all.insert(one.size);
        return all;
    }
};

// After the step in which there is nothing yet to be put back.
traffic traffic_of(pattern what) {
    buffers_loop<recorder> loop({.what = what, .block_size = largest, .threads = 1});
    traffic all;
    all.before = preparation_of(loop);
    all.before = joined(all.before, run_of(loop, 1));
    all.during = timed(run_of(loop, steps));
    EXPECT_EQ(all.during.size(), 2 * steps);
    for (std::size_t i = 0; i < all.during.size(); ++i)
        EXPECT_EQ(all.during[i].what, i % 2 == 0 ? deed::put : deed::got) << i;
    return all;
}

bool is_none_touched(const entries& puts) {
    return those(puts, [](const entry& one) { return one.is_touched; }).empty();
}

// Almost all differ, and they come near both ends.
void expect_sizes(const std::set<std::size_t>& sizes, std::size_t first, std::size_t last) {
    ASSERT_GT(sizes.size(), steps * 9 / 10);
    EXPECT_GE(*sizes.begin(), first);
    EXPECT_LT(*sizes.begin(), first + largest / 20);
    EXPECT_LE(*sizes.rbegin(), last);
    EXPECT_GT(*sizes.rbegin(), last - largest / 20);
}

TEST(buffers_loop, has_one_of_a_random_size_live) {
    for (const pattern what : {pattern::buffers, pattern::buffers_touched}) {
        const traffic all = traffic_of(what);
        expect_sizes(all.sizes(), 1, largest);
        for (std::size_t i = 0; i < all.during.size(); i += 2)
            ASSERT_EQ(all.during[i].block + 1, all.during[i + 1].block);
    }
}

TEST(buffers_loop, has_some_of_more_than_the_size) {
    for (const pattern what : {pattern::buffers_over, pattern::buffers_over_touched})
        expect_sizes(traffic_of(what).sizes(), largest + 1, 2 * largest);
}

TEST(buffers_loop, replaces_any_of_16) {
    for (const pattern what : {pattern::buffers_16, pattern::buffers_16_touched}) {
        const traffic all = traffic_of(what);
        expect_sizes(all.sizes(), 1, largest);
        EXPECT_EQ(those(all.before, deed::got).size() - those(all.before, deed::put).size(), 16u);
        std::map<std::size_t, std::size_t> ages;
        for (std::size_t i = 0; i < all.during.size(); i += 2)
            ++ages[all.during[i + 1].block - all.during[i].block];
        EXPECT_LT(ages[1], 60u); // a sixteenth of them
        EXPECT_GT(ages.size(), 16u);
    }
}

TEST(buffers_loop, touches_every_page_where_it_says_so) {
    for (const pattern what :
         {pattern::buffers_touched, pattern::buffers_over_touched, pattern::buffers_16_touched})
        EXPECT_TRUE(are_all_touched(traffic_of(what).puts()));
    for (const pattern what : {pattern::buffers, pattern::buffers_over, pattern::buffers_16})
        EXPECT_TRUE(is_none_touched(traffic_of(what).puts()));
}

// What each of two workers did: a window of work alone, then one with as many pairs as steps.
void expect_work_and_pairs(pattern what, std::size_t size) {
    buffer_workers_loop<recorder> loop({.what = what, .block_size = size, .threads = 2});
    EXPECT_TRUE(those(preparation_of(loop), deed::got).empty());
    const entries all = run_of(loop, 10);
    const std::set<unsigned> workers = threads_of(timed(all));
    EXPECT_EQ(workers.size(), 2u);
    for (const unsigned worker : workers) {
        const entries own = of_thread(all, worker);
        ASSERT_EQ(own.size(), 4u + 20);
        for (const std::size_t at : {0, 1, 2, 23}) EXPECT_EQ(own[at].what, deed::looked_at_clock) << at;
        expect_pairs(timed(own), 10);
    }
}

TEST(buffer_workers_loop, works_without_buffers_and_then_with_them) {
    is_distance_watched = false;
    expect_work_and_pairs(pattern::buffer_workers, 4'096);
    expect_work_and_pairs(pattern::workers_touched, largest);
}

TEST(buffer_workers_loop, touches_the_first_page_alone_where_it_does_not_say_so) {
    is_distance_watched = false;
    buffer_workers_loop<recorder> loop(
        {.what = pattern::buffer_workers, .block_size = largest, .threads = 1});
    loop.prepare();
    const entries puts = those(timed(run_of(loop, 20)), deed::put);
    EXPECT_EQ(puts.size(), 20u);
    EXPECT_FALSE(are_all_touched(puts));
}

TEST(buffers_hour_loop, leaves_a_quarter_of_a_peak_and_a_little_traffic_each_minute) {
    EXPECT_EQ(buffers_hour_loop<recorder>::fixed_windows, 1u);
    buffers_hour_loop<recorder> loop({.what = pattern::buffers_hour, .block_size = largest});
    loop.prepare();
    const entries all = timed(run_of(loop, 1));
    constexpr std::size_t minute = 41;
    ASSERT_EQ(all.size(), 1'750u + 60 * minute);
    for (std::size_t i = 0; i < 1'750; ++i) ASSERT_EQ(all[i].what, i < 1'000 ? deed::got : deed::put) << i;
    for (std::size_t i = 1'750; i < all.size(); ++i) {
        const std::size_t at = (i - 1'750) % minute;
        const deed wanted = at == minute - 1 ? deed::passed : at % 2 == 0 ? deed::put : deed::got;
        ASSERT_EQ(all[i].what, wanted) << i;
    }
    for (const entry& one : those(all, deed::passed)) EXPECT_EQ(one.size, 60u);
    std::set<std::size_t> sizes;
    for (const entry& one : those(all, deed::got)) sizes.insert(one.size);
    EXPECT_EQ(sizes, (std::set<std::size_t>{1'024, 2'048, 4'096, 8'192, 16'384, 32'768, 65'536}));
    EXPECT_TRUE(are_all_touched(those(all, deed::put)));
    EXPECT_LT(neighbours(blocks_of({all.begin() + 1'000, all.begin() + 1'750})), 20u);
}

// Has one block, for which it lets wait.
struct one_block : recorder {
    using local = plain_local<one_block>;
    std::atomic<bool> is_there{true};
    using recorder::recorder;
    void* get() {
        while (!is_there.exchange(false)) is_there.wait(false);
        return recorder::get();
    }
    void put(void* block) {
        recorder::put(block);
        is_there = true;
        is_there.notify_one();
    }
};

TEST(wake_up_loop, gives_each_thread_what_the_other_had) {
    wake_up_loop<one_block> loop({.what = pattern::wake_up, .threads = 2});
    EXPECT_EQ(wake_up_loop<one_block>::operations_a_step, 2u);
    const entries before = preparation_of(loop);
    EXPECT_EQ(those(before, deed::made).size(), 3u);
    const entries during = run_of(loop, 9);
    const entries all = timed(during);
    ASSERT_EQ(threads_of(all).size(), 2u);
    for (const unsigned thread : threads_of(all)) {
        EXPECT_EQ(those(of_thread(all, thread), deed::got).size(), 9u);
        EXPECT_EQ(those(of_thread(all, thread), deed::put).size(), 9u);
    }
    std::map<unsigned, unsigned> last_getter; // of each pool
    for (const entry& one : those(joined(before, during), deed::got)) {
        const auto [place, is_first] = last_getter.try_emplace(one.pool, one.thread);
        EXPECT_TRUE(is_first || place->second != one.thread);
        place->second = one.thread;
    }
    EXPECT_EQ(last_getter.size(), 3u);
}

} // namespace
} // namespace cenote::bench
