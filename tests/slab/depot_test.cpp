// cenote: SPDX-License-Identifier: MIT
#include <cenote/slab/depot.hpp>
#include <cenote/slab/misuse_list.hpp>

#include "support/misuse_watch.hpp"
#include "support/test_sources.hpp"

#include <algorithm>
#include <cstring>
#include <functional>
#include <gtest/gtest.h>
#include <set>
#include <vector>

namespace {

using namespace cenote;
using namespace cenote::engine;

constexpr std::size_t capacity = 8;

class depots : public testing::Test {
protected:
    void start(std::size_t blocks_per_slab = 64, depot::order wanted = depot::order::newest_first,
               std::size_t entries = capacity) {
        block_layout layout;
        ASSERT_TRUE(make_layout(64, 64, blocks_per_slab, layout));
        region_plan plan;
        plan.from = &from;
        plan.alignment = 64;
        plan.slab_bytes = layout.slab_bytes();
        plan.record_bytes = slab::bytes_for(layout.blocks_per_slab);
        plan.magazine_bytes = depot::magazine_bytes(entries);
        list.configure(plan);
        one.heap().configure(layout, list, {0, unlimited, false});
        one.configure(entries, "depot", wanted);
    }
    void grow(std::size_t blocks) {
        ASSERT_TRUE(list.grow(blocks * 64));
        one.adopt(*list.last());
    }
    // A magazine of blocks, the next one to use last.
    std::vector<void*> fetch(std::size_t want = capacity) {
        std::vector<void*> blocks(want);
        blocks.resize(one.fetch(blocks.data(), want));
        return blocks;
    }
    void put(const std::vector<void*>& blocks) { one.put(blocks.data(), blocks.data() + blocks.size()); }
    ~depots() override { list.release_all(); }

    test::counting_source from;
    region_list list;
    depot one;
};

TEST_F(depots, a_magazine_comes_back_with_the_blocks_and_the_order_it_had) {
    start();
    grow(256);
    const std::vector<void*> first = fetch();
    ASSERT_EQ(first.size(), capacity);
    put(first);
    EXPECT_EQ(one.cached(), capacity);
    EXPECT_EQ(one.heap().out(), 0u);
    EXPECT_EQ(fetch(), first);
    EXPECT_EQ(one.cached(), 0u);
    EXPECT_EQ(one.heap().out(), capacity);
    EXPECT_TRUE(one.is_valid());
}

TEST_F(depots, the_magazine_that_came_last_leaves_first) {
    start();
    grow(256);
    const std::vector<void*> a = fetch();
    const std::vector<void*> b = fetch();
    put(a);
    put(b);
    EXPECT_EQ(fetch(), b);
    EXPECT_EQ(fetch(), a);
}

// The next one to use stands last, so a magazine that comes back turned is used in the order it was filled.
TEST_F(depots, between_threads_what_came_first_leaves_first) {
    start(64, depot::order::oldest_first);
    grow(1024);
    std::vector<std::vector<void*>> magazines;
    for (int i = 0; i < 4; ++i) magazines.push_back(fetch());
    for (const auto& magazine : magazines) put(magazine);
    for (int round = 0; round < 9; ++round) {
        std::vector<void*> first = magazines.front();
        std::reverse(first.begin(), first.end());
        ASSERT_EQ(fetch(), first) << "round " << round;
        magazines.erase(magazines.begin());
        put(first);
        magazines.push_back(first);
    }
    one.drain(1); // the oldest too
    EXPECT_EQ(one.cached(), 3 * capacity);
    for (std::size_t i = 1; i < 4; ++i) {
        std::vector<void*> next = magazines[i];
        std::reverse(next.begin(), next.end());
        EXPECT_EQ(fetch(), next);
    }
    EXPECT_EQ(one.cached(), 0u);
    put(magazines[1]); // an empty list has a new end
    put(magazines[2]);
    EXPECT_EQ(one.cached(), 2 * capacity);
    EXPECT_TRUE(one.is_valid());
}

// What was freed in order needs no magazine, upwards or downwards; among others' blocks it has one.
TEST_F(depots, many_neighbours_go_to_the_bitmaps_and_come_back_by_address) {
    start(1024, depot::order::newest_first, 256);
    grow(4096);
    std::vector<void*> all = fetch(256);
    std::sort(all.begin(), all.end(), std::greater<>());
    for (const bool rises : {false, true}) {
        std::vector<void*> some = all;
        if (rises) std::reverse(some.begin(), some.end());
        put(some);
        EXPECT_EQ(one.cached(), 0u);
        EXPECT_EQ(one.heap().out(), 0u);
        EXPECT_TRUE(one.is_valid());
        EXPECT_EQ(fetch(256), all);
    }
    for (const std::size_t at : {3u, 130u, 252u}) { // where it is looked
        std::vector<void*> some = all;
        std::swap(some[at], some[60]);
        put(some);
        EXPECT_EQ(one.cached(), 256u);
        EXPECT_EQ(fetch(256), some);
    }
}

TEST_F(depots, few_neighbours_and_another_threads_go_to_magazines) {
    start(1024, depot::order::oldest_first, 256);
    grow(4096);
    const std::vector<void*> all = fetch(256);
    put(all);
    EXPECT_EQ(one.cached(), 256u);
    one.configure(256, "depot", depot::order::newest_first);
    ASSERT_EQ(fetch(256).size(), 256u);
    put({all.begin(), all.begin() + 127});
    EXPECT_EQ(one.cached(), 127u);
    EXPECT_TRUE(one.is_valid());
}

class depots_of_runs : public depots,
                       public testing::WithParamInterface<std::tuple<depot::order, std::size_t>> {};

// Runs of neighbours that rise and fall, some through the end of a bitmap's word or of a slab, between blocks
// that stand alone: a magazine of them comes back in the order it had, or in the other.
TEST_P(depots_of_runs, leave_in_the_order_in_which_they_came) {
    const auto [wanted, blocks_per_slab] = GetParam();
    start(blocks_per_slab, wanted, 64);
    grow(1024);
    std::vector<void*> all; // each slab's, lowest first
    while (all.size() < 512) {
        const std::vector<void*> some = fetch(std::min(512 - all.size(), std::size_t{64}));
        ASSERT_FALSE(some.empty());
        all.insert(all.end(), some.rbegin(), some.rend());
    }
    std::vector<std::vector<void*>> magazines;
    for (std::ptrdiff_t turn = 0; turn < 8; ++turn) {
        std::vector<void*> some(all.begin() + 64 * turn, all.begin() + 64 * (turn + 1));
        if (turn % 2 == 1) std::reverse(some.begin(), some.end());
        if (turn % 4 >= 2) std::swap(some[5], some[20]);
        std::rotate(some.begin(), some.begin() + turn, some.end());
        magazines.push_back(some);
    }
    for (std::vector<void*> some : magazines) {
        put(some);
        EXPECT_EQ(one.heap().out(), 448u);
        if (wanted == depot::order::oldest_first) std::reverse(some.begin(), some.end());
        EXPECT_EQ(fetch(64), some);
        EXPECT_EQ(one.heap().out(), 512u);
    }
    EXPECT_TRUE(one.is_valid());
    for (const std::vector<void*>& some : magazines) put(some); // each is out, and once
    EXPECT_EQ(one.heap().out(), 0u);
    EXPECT_TRUE(one.is_valid());
}

INSTANTIATE_TEST_SUITE_P(all, depots_of_runs,
                         testing::Combine(testing::Values(depot::order::newest_first,
                                                          depot::order::oldest_first),
                                          testing::Values(std::size_t{4}, std::size_t{20}, std::size_t{64})));

TEST_F(depots, magazines_are_touched_when_they_are_used_and_not_before) {
    start();
    ASSERT_TRUE(list.grow(2048 * 64));
    const region_header& region = *list.last();
    const std::size_t pitch = depot::magazine_bytes(capacity);
    const std::size_t magazines = region.room_bytes / pitch;
    ASSERT_GT(magazines, 4u);
    const auto touched = [&] {
        std::size_t count = 0;
        for (std::size_t at = 0; at < region.room_bytes; at += pitch)
            count += region.room[at] != std::byte{0xab};
        return count;
    };
    std::memset(region.room, 0xab, region.room_bytes);
    one.adopt(region);
    EXPECT_LE(touched(), 1u);
    std::vector<std::vector<void*>> out;
    for (std::size_t i = 0; i < magazines + 3; ++i) out.push_back(fetch());
    for (std::size_t i = 0; i < 3; ++i) put(out[i]);
    EXPECT_LE(touched(), 4u);
    for (std::size_t i = 3; i < out.size(); ++i) put(out[i]);
    EXPECT_EQ(touched(), magazines);
    EXPECT_EQ(one.cached(), magazines * capacity); // the others went to their slabs
    EXPECT_TRUE(one.is_valid());
}

// Eight that stand side by side are marked at once, wherever they begin and in both directions.
TEST_F(depots, neighbours_come_back_as_they_were_and_are_counted_once) {
    start(128);
    grow(256);
    std::vector<void*> all = fetch(128);
    std::sort(all.begin(), all.end());
    for (const std::ptrdiff_t first : {0, 3, 56, 57, 60, 63, 64, 120}) {
        for (const bool turned : {false, true}) {
            std::vector<void*> eight(all.begin() + first, all.begin() + first + 8);
            if (turned) std::reverse(eight.begin(), eight.end());
            put(eight);
            ASSERT_EQ(one.cached(), 8u);
            ASSERT_EQ(one.heap().out(), 120u);
            ASSERT_TRUE(one.is_valid()) << first;
            ASSERT_EQ(fetch(), eight);
        }
    }
}

TEST_F(depots, neighbours_of_which_some_came_before_are_reported) {
    test::misuse_watch watch;
    start(128);
    grow(256);
    std::vector<void*> all = fetch(128);
    std::sort(all.begin(), all.end());
    for (const bool turned : {false, true}) {
        const std::ptrdiff_t first = turned ? 60 : 8;
        std::vector<void*> eight(all.begin() + first, all.begin() + first + 8);
        if (turned) std::reverse(eight.begin(), eight.end());
        put({eight[2], eight[5]});
        put(eight);
        put(eight);
        EXPECT_EQ(watch.count(), 10u);
        EXPECT_EQ(watch.seen()[0].pointer, eight[2]);
        EXPECT_EQ(watch.seen()[1].pointer, eight[5]);
        for (const misuse_report& report : watch.seen()) EXPECT_EQ(report.kind, misuse::double_free);
        watch.clear();
        EXPECT_TRUE(one.is_valid());
    }
    EXPECT_EQ(one.cached(), 16u);
    EXPECT_EQ(one.heap().out(), 112u);
}

TEST_F(depots, between_threads_a_region_that_goes_leaves_the_order_whole) {
    start(64, depot::order::oldest_first);
    grow(256);
    grow(256);
    std::vector<std::vector<void*>> magazines;
    std::vector<void*> blocks;
    while (!(blocks = fetch()).empty()) magazines.push_back(blocks);
    for (const auto& magazine : magazines) put(magazine);
    one.abandon(*list.last());
    const std::size_t kept = one.cached() / capacity;
    ASSERT_GT(kept, 1u);
    ASSERT_LT(kept, magazines.size());
    std::vector<void*> last = fetch();
    put(last); // behind those that stayed
    std::reverse(last.begin(), last.end());
    for (std::size_t i = 1; i < kept; ++i) EXPECT_NE(fetch(), last);
    EXPECT_EQ(fetch(), last);
    EXPECT_EQ(one.cached(), 0u);
    EXPECT_TRUE(one.is_valid());
}

TEST_F(depots, blocks_written_off_are_counted_and_nobody_gets_them) {
    start();
    grow(256);
    const std::vector<void*> lost = fetch();
    int local = 0;
    std::vector<void*> with_rubbish = lost;
    with_rubbish.push_back(&local);  // no report: nobody is there to be told
    with_rubbish.push_back(lost[0]); // once only
    test::misuse_watch watch;
    one.write_off(with_rubbish.data(), with_rubbish.data() + with_rubbish.size());
    EXPECT_EQ(watch.count(), 0u);
    EXPECT_EQ(one.written_off(), capacity);
    EXPECT_EQ(one.heap().out(), 0u);
    EXPECT_TRUE(one.is_valid());
    std::set<void*> all;
    for (std::vector<void*> blocks; !(blocks = fetch()).empty();) all.insert(blocks.begin(), blocks.end());
    EXPECT_EQ(all.size(), 256 - capacity);
    for (void* const block : lost) EXPECT_FALSE(all.contains(block));
    one.heap().give_idle_slabs(unlimited);
    EXPECT_GT(one.heap().blocks(), 0u); // their slab stays
    one.forget_blocks();
    one.heap().reset();
    EXPECT_EQ(one.written_off(), 0u);
    EXPECT_EQ(one.heap().idle(), one.heap().blocks());
    EXPECT_TRUE(one.is_valid());
}

TEST_F(depots, a_flush_stops_when_the_list_of_reports_is_crowded_and_goes_on_later) {
    start();
    grow(1024);
    std::vector<void*> blocks;
    for (int i = 0; i < 32; ++i) {
        const std::vector<void*> more = fetch();
        blocks.insert(blocks.end(), more.begin(), more.end());
    }
    for (std::size_t i = 0; i < blocks.size(); i += capacity) one.put(&blocks[i], &blocks[i] + capacity);
    one.drain(unlimited);
    std::byte elsewhere[40];
    std::vector<void*> wrong;
    for (std::byte& byte : elsewhere) wrong.push_back(&byte);
    wrong.insert(wrong.end(), blocks.begin(), blocks.end()); // all free already
    test::misuse_watch watch;
    void* const* at = wrong.data();
    void* const* const end = at + wrong.size();
    for (int calls = 0; at != end; ++calls) {
        ASSERT_LT(calls, 100);
        misuse_list reports;
        list.collect_reports(&reports);
        void* const* const stopped = one.put(at, end);
        list.collect_reports(nullptr);
        EXPECT_EQ(watch.count(), static_cast<std::size_t>(at - wrong.data())); // none before the delivery
        reports.deliver();
        at = stopped;
        EXPECT_EQ(watch.count(), static_cast<std::size_t>(at - wrong.data())); // and each once
    }
    EXPECT_EQ(one.cached(), 0u);
    EXPECT_TRUE(one.is_valid());
}

TEST_F(depots, a_fetch_from_the_slabs_starts_at_the_bottom_even_when_it_is_short) {
    start(5);
    grow(5);
    const std::vector<void*> blocks = fetch();
    ASSERT_EQ(blocks.size(), 5u);
    EXPECT_GT(blocks.front(), blocks.back());
    EXPECT_TRUE(fetch().empty());
}

TEST_F(depots, without_an_empty_magazine_blocks_go_back_to_the_bitmaps) {
    start(16);
    grow(16); // too small for a magazine in its side room
    ASSERT_EQ(list.last()->room_bytes, 0u);
    const std::vector<void*> blocks = fetch();
    const std::size_t calls = from.calls;
    put(blocks);
    EXPECT_EQ(one.cached(), 0u);
    EXPECT_EQ(one.heap().idle(), 16u);
    EXPECT_EQ(from.calls, calls);
    EXPECT_TRUE(one.is_valid());
}

TEST_F(depots, without_an_empty_magazine_neighbours_and_others_all_become_idle) {
    start(256);
    ASSERT_TRUE(list.grow(256 * 64)); // its magazines stay unknown
    std::vector<void*> blocks = fetch(256);
    ASSERT_EQ(blocks.size(), 256u);
    std::reverse(blocks.begin() + 100, blocks.end());
    std::swap(blocks[20], blocks[150]);
    std::swap(blocks[21], blocks[201]);
    put(blocks);
    EXPECT_EQ(one.cached(), 0u);
    EXPECT_EQ(one.heap().out(), 0u);
    EXPECT_EQ(one.heap().idle(), 256u);
    EXPECT_TRUE(one.is_valid());
}

TEST_F(depots, bad_pointers_are_reported_and_the_good_ones_kept) {
    start();
    grow(256);
    std::vector<void*> blocks = fetch();
    int local = 0;
    blocks[1] = &local;
    blocks[3] = blocks[2];
    blocks[5] = static_cast<std::byte*>(blocks[4]) + 1;
    test::misuse_watch watch;
    put(blocks);
    ASSERT_EQ(watch.count(), 3u);
    EXPECT_EQ(watch.seen()[0].kind, misuse::foreign_pointer);
    EXPECT_EQ(watch.seen()[1].kind, misuse::double_free);
    EXPECT_EQ(watch.seen()[2].kind, misuse::interior_pointer);
    EXPECT_STREQ(watch.seen()[0].pool, "depot");
    EXPECT_EQ(watch.seen()[0].block_size, 64u);
    EXPECT_EQ(one.cached(), capacity - 3);
    EXPECT_EQ(one.heap().out(), 3u); // the three that never came back
    EXPECT_TRUE(one.is_valid());
    EXPECT_EQ(fetch().size(), capacity - 3);
}

TEST_F(depots, a_magazine_of_bad_pointers_only_is_no_magazine) {
    start();
    grow(256);
    test::misuse_watch watch;
    int local = 0;
    put({&local, &local});
    EXPECT_EQ(watch.count(), 2u);
    EXPECT_EQ(one.cached(), 0u);
    EXPECT_TRUE(one.is_valid());
    EXPECT_EQ(fetch().size(), capacity);
}

TEST_F(depots, draining_takes_those_longest_unused_first) {
    start();
    grow(1024);
    std::vector<std::vector<void*>> magazines;
    for (int i = 0; i < 4; ++i) magazines.push_back(fetch());
    for (const auto& magazine : magazines) put(magazine);
    ASSERT_EQ(one.cached(), 4 * capacity);
    one.drain(0);
    EXPECT_EQ(one.cached(), 4 * capacity);
    one.drain(3);
    EXPECT_EQ(one.cached(), capacity);
    EXPECT_TRUE(one.is_valid());
    EXPECT_EQ(fetch(), magazines[3]);
    one.drain(unlimited);
    EXPECT_EQ(one.cached(), 0u);
    EXPECT_TRUE(one.is_valid());
}

TEST_F(depots, no_magazine_stays_behind_in_a_region_that_goes) {
    start();
    grow(256);
    grow(256);
    std::vector<std::vector<void*>> magazines;
    std::vector<void*> blocks;
    while (!(blocks = fetch()).empty()) magazines.push_back(blocks);
    // Enough full magazines that both regions hold some of them.
    for (const auto& magazine : magazines) put(magazine);
    const std::size_t before = one.cached();
    one.abandon(*list.last());
    EXPECT_LT(one.cached(), before);
    EXPECT_GT(one.cached(), 0u);
    EXPECT_TRUE(one.is_valid());
    std::memset(list.last()->room, 0xff, list.last()->room_bytes);
    EXPECT_TRUE(one.is_valid());
    std::set<void*> all;
    while (!(blocks = fetch()).empty()) all.insert(blocks.begin(), blocks.end());
    EXPECT_EQ(all.size(), 512u);
}

TEST_F(depots, no_empty_magazine_stays_behind_in_a_region_that_goes) {
    start();
    grow(256);
    grow(256);
    one.abandon(*list.last());
    std::memset(list.last()->room, 0xff, list.last()->room_bytes);
    std::vector<std::vector<void*>> magazines;
    std::vector<void*> blocks;
    while (!(blocks = fetch()).empty()) magazines.push_back(blocks);
    for (const auto& magazine : magazines) put(magazine);
    EXPECT_TRUE(one.is_valid());
    EXPECT_EQ(one.heap().out(), 0u);
    EXPECT_LE(one.cached(), 256u * 64 / 33 / 40 * capacity);
}

TEST_F(depots, forgetting_blocks_empties_every_magazine) {
    start();
    grow(256);
    put(fetch());
    one.forget_blocks();
    one.heap().reset();
    EXPECT_EQ(one.cached(), 0u);
    EXPECT_TRUE(one.is_valid());
    EXPECT_EQ(fetch().size(), capacity);
}

TEST_F(depots, one_block_goes_straight_to_its_slab) {
    start();
    grow(256);
    void* const block = fetch(1)[0];
    EXPECT_TRUE(one.put_exact(block));
    test::misuse_watch watch;
    EXPECT_FALSE(one.put_exact(block));
    ASSERT_EQ(watch.count(), 1u);
    EXPECT_EQ(watch.seen()[0].kind, misuse::double_free);
    EXPECT_EQ(one.heap().idle(), 64u);
}

TEST(depot, a_number_of_a_block_fits_32_bits_for_every_slab_size) {
    for (std::size_t blocks = 1; blocks <= most_blocks_per_slab; blocks *= 2) {
        for (const std::size_t count : {blocks, blocks + 1, 2 * blocks - 1}) {
            if (count > most_blocks_per_slab) continue;
            block_layout layout;
            ASSERT_TRUE(make_layout(8, 8, count, layout));
            const std::size_t slabs = most_slabs_for(layout);
            const int bits = static_cast<int>(std::bit_width(count - 1));
            ASSERT_GE(slabs, 1u);
            ASSERT_LE((slabs - 1) << bits | (count - 1), std::size_t{0x7fffffff});
            ASSERT_LT((slabs - 1) << bits | (count - 1), std::size_t{no_slab});
        }
    }
}

} // namespace
