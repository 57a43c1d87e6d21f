// cenote: SPDX-License-Identifier: MIT
#include <cenote/base/arith.hpp>
#include <cenote/slab/region_list.hpp>
#include <cenote/source/region.hpp>

#include "support/test_sources.hpp"

#include <gtest/gtest.h>
#include <random>
#include <set>
#include <vector>

namespace {

using namespace cenote;
using namespace cenote::engine;

constexpr std::size_t slab_bytes = 4096;

region_plan plan_on(source& from) {
    region_plan plan;
    plan.from = &from;
    plan.alignment = 64;
    plan.slab_bytes = slab_bytes;
    plan.record_bytes = slab::bytes_for(64);
    return plan;
}

class region_lists : public testing::Test {
protected:
    void start(const region_plan& plan) { list.configure(plan); }
    ~region_lists() override {
        list.release_all();
        EXPECT_EQ(from.regions(), 0u);
        EXPECT_EQ(from.wrong_releases, 0u);
    }
    std::uint32_t take(std::uint32_t owner = 0) {
        std::size_t bytes = 0;
        const std::uint32_t id = list.take(owner, bytes);
        if (id != no_slab) {
            list.record(id).blocks = static_cast<std::uint32_t>(bytes / 64);
            list.record(id).make_all_idle();
        }
        return id;
    }

    test::counting_source from;
    region_list list;
};

TEST_F(region_lists, nothing_is_reserved_before_the_first_growth) {
    start(plan_on(from));
    EXPECT_EQ(from.calls, 0u);
    EXPECT_EQ(list.reserved_bytes(), 0u);
    EXPECT_EQ(take(), no_slab);
    EXPECT_TRUE(list.is_valid());
}

TEST_F(region_lists, one_growth_is_one_reservation_of_the_bytes_foretold) {
    start(plan_on(from));
    std::size_t expected = 0;
    ASSERT_TRUE(list.bytes_for(10 * slab_bytes, true, expected));
    ASSERT_TRUE(list.grow(10 * slab_bytes));
    EXPECT_EQ(from.reserves, 1u);
    EXPECT_EQ(from.reserved, expected);
    EXPECT_EQ(list.reserved_bytes(), expected);
    EXPECT_EQ(list.slabs(), 10u);
    EXPECT_EQ(list.block_bytes(), 10 * slab_bytes);
    EXPECT_TRUE(list.is_valid());
}

TEST_F(region_lists, slabs_are_whole_aligned_and_apart) {
    start(plan_on(from));
    ASSERT_TRUE(list.grow(7 * slab_bytes));
    ASSERT_TRUE(list.grow(3 * slab_bytes));
    std::set<std::byte*> begins;
    for (int i = 0; i < 10; ++i) {
        const std::uint32_t id = take(5);
        ASSERT_NE(id, no_slab);
        const auto& entry = list.table().at(id);
        EXPECT_EQ(entry.bytes, slab_bytes);
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(entry.begin) % 64, 0u);
        EXPECT_TRUE(from.holds(entry.begin, slab_bytes));
        EXPECT_TRUE(from.holds(entry.record, slab::bytes_for(64)));
        EXPECT_EQ(entry.record->owner, 5u);
        begins.insert(entry.begin);
        std::memset(entry.begin, 0xee, slab_bytes); // blocks and metadata do not overlap
    }
    EXPECT_EQ(take(), no_slab);
    EXPECT_TRUE(list.is_valid());
    for (auto at = begins.begin(); std::next(at) != begins.end(); ++at) EXPECT_GE(*std::next(at) - *at, 4096);
}

TEST_F(region_lists, the_last_slab_of_a_region_may_be_short) {
    start(plan_on(from));
    ASSERT_TRUE(list.grow(2 * slab_bytes + 640));
    std::size_t bytes = 0;
    (void)list.take(0, bytes);
    EXPECT_EQ(bytes, slab_bytes);
    (void)list.take(0, bytes);
    (void)list.take(0, bytes);
    EXPECT_EQ(bytes, 640u);
}

TEST_F(region_lists, places_given_back_are_taken_before_untouched_ones) {
    start(plan_on(from));
    ASSERT_TRUE(list.grow(8 * slab_bytes));
    const std::uint32_t first = take();
    (void)take();
    std::byte* const begin = list.table().at(first).begin;
    list.give(first);
    EXPECT_EQ(list.used(), 1u);
    EXPECT_EQ(list.peak_used(), 2u);
    EXPECT_EQ(list.table().at(take()).begin, begin);
    EXPECT_TRUE(list.is_valid());
}

TEST_F(region_lists, idle_regions_are_found_youngest_first_and_the_first_one_last) {
    start(plan_on(from));
    std::vector<std::uint32_t> ids;
    for (int i = 0; i < 3; ++i) {
        ASSERT_TRUE(list.grow(slab_bytes));
        ids.push_back(take());
    }
    EXPECT_EQ(list.youngest_idle(), nullptr);
    list.give(ids[0]);
    EXPECT_EQ(list.youngest_idle(), nullptr); // the first holds what all need
    list.give(ids[1]);
    ASSERT_NE(list.youngest_idle(), nullptr);
    EXPECT_EQ(list.youngest_idle(), list.last()->previous);
    list.release(list.youngest_idle());
    EXPECT_EQ(from.regions(), 3u); // two regions, and the table outside
    list.give(ids[2]);
    list.release(list.youngest_idle());
    EXPECT_EQ(list.youngest_idle(), list.first());
    list.release(list.youngest_idle());
    EXPECT_EQ(list.reserved_bytes(), 0u);
    EXPECT_EQ(from.regions(), 0u);
    ASSERT_TRUE(list.grow(slab_bytes));
    EXPECT_NE(take(), no_slab);
}

TEST_F(region_lists, decommitted_places_are_counted_once_until_they_are_used_again) {
    start(plan_on(from));
    ASSERT_TRUE(list.grow(4 * slab_bytes));
    const std::uint32_t a = take();
    const std::uint32_t b = take();
    (void)take();
    list.give(a);
    list.give(b);
    EXPECT_EQ(list.decommit_idle(1), slab_bytes);
    EXPECT_EQ(list.decommit_idle(unlimited), slab_bytes);
    EXPECT_EQ(list.decommit_idle(unlimited), 0u);
    EXPECT_EQ(from.decommitted, 2 * slab_bytes);
    const std::size_t commits = from.commits;
    list.give(take());
    EXPECT_EQ(from.commits, commits + 1);
    EXPECT_EQ(list.decommit_idle(unlimited), slab_bytes);
}

TEST_F(region_lists, refusals_change_nothing) {
    start(plan_on(from));
    from.refuse_reserve = true;
    EXPECT_FALSE(list.grow(slab_bytes));
    from.refuse_reserve = false;
    from.refuse_commit = true;
    EXPECT_FALSE(list.grow(slab_bytes));
    from.refuse_commit = false;
    EXPECT_EQ(from.regions(), 0u);
    ASSERT_TRUE(list.grow(slab_bytes));
    std::size_t bytes = 0;
    ASSERT_TRUE(list.bytes_for(slab_bytes, false, bytes));
    from.limit = from.reserved + bytes; // enough for the region, not for the table it needs
    EXPECT_FALSE(list.grow(slab_bytes));
    from.limit = unlimited;
    from.refuse_commit = true;
    EXPECT_EQ(take(), no_slab);
    from.refuse_commit = false;
    EXPECT_EQ(list.slabs(), 1u);
    EXPECT_EQ(list.used(), 0u);
    EXPECT_EQ(list.reserved_bytes(), from.reserved);
    EXPECT_TRUE(list.is_valid());
    EXPECT_NE(take(), no_slab);
}

TEST_F(region_lists, more_slabs_than_numbers_and_sizes_beyond_memory_are_refused) {
    region_plan plan = plan_on(from);
    plan.most_slabs = 3;
    start(plan);
    EXPECT_FALSE(list.grow(4 * slab_bytes));
    ASSERT_TRUE(list.grow(2 * slab_bytes));
    EXPECT_FALSE(list.grow(2 * slab_bytes));
    EXPECT_TRUE(list.grow(slab_bytes));
    std::size_t bytes = 0;
    for (std::size_t less = 0; less < 10000; less += 7) {
        ASSERT_FALSE(list.bytes_for(base::size_max - less, true, bytes));
        ASSERT_FALSE(list.grow(base::size_max - less));
    }
    EXPECT_FALSE(list.bytes_for(base::size_max / 2, false, bytes));
}

TEST_F(region_lists, empty_magazines_take_at_most_3_percent) {
    for (std::size_t blocks = 1; blocks < 100; ++blocks) {
        for (const std::size_t magazine_bytes : {64u, 2064u, 100u}) {
            region_plan plan = plan_on(from);
            plan.magazine_bytes = magazine_bytes;
            region_list one;
            one.configure(plan);
            ASSERT_TRUE(one.grow(blocks * slab_bytes));
            const std::size_t room = one.last()->room_bytes;
            EXPECT_LE(100 * room, 3 * blocks * slab_bytes + blocks * slab_bytes / 10);
            EXPECT_EQ(room % magazine_bytes, 0u);
            EXPECT_TRUE(room == 0 || from.holds(one.last()->room, room));
            EXPECT_GT(room + magazine_bytes, blocks * slab_bytes / (region_list::magazine_share + 1));
            one.release_all();
        }
    }
}

TEST_F(region_lists, the_first_region_has_as_many_magazines_as_are_wanted) {
    region_plan plan = plan_on(from);
    plan.magazine_bytes = 600; // more than their share of a slab
    plan.first_magazines = 3;
    start(plan);
    ASSERT_TRUE(list.grow(slab_bytes));
    EXPECT_EQ(list.last()->room_bytes, 3u * 600);
    ASSERT_TRUE(list.grow(slab_bytes));
    EXPECT_LT(list.last()->room_bytes, 2u * 600);
}

TEST_F(region_lists, the_first_region_has_fewer_magazines_where_they_would_take_more_than_a_third) {
    region_plan plan = plan_on(from);
    plan.magazine_bytes = 2000;
    plan.first_magazines = 3;
    start(plan);
    ASSERT_TRUE(list.grow(slab_bytes));
    EXPECT_EQ(list.last()->room_bytes, 2000u);
}

TEST_F(region_lists, populate_backs_every_slab_in_use_and_the_magazines_of_every_region) {
    region_plan plan = plan_on(from);
    plan.magazine_bytes = 64;
    plan.home_bytes = 1024;
    start(plan);
    ASSERT_TRUE(list.grow(8 * slab_bytes + 64));
    ASSERT_TRUE(list.grow(8 * slab_bytes));
    std::size_t metadata = 0;
    for (const region_header* one = list.first(); one != nullptr; one = one->next) {
        EXPECT_NE(one->room_bytes, 0u);
        metadata += static_cast<std::size_t>(one->room + one->room_bytes - one->records);
    }
    EXPECT_GT(metadata, plan.home_bytes + list.first()->room_bytes + list.last()->room_bytes);
    list.populate();
    EXPECT_EQ(from.populated, metadata);
    for (int i = 0; i < 16; ++i) (void)take();
    const std::uint32_t last = take();
    from.populated = 0;
    list.populate();
    EXPECT_EQ(from.populated, metadata + 16 * slab_bytes + 64);
    list.give(last);
    from.populated = 0;
    list.populate();
    EXPECT_LT(from.populated, metadata + 16 * slab_bytes + 64);
}

TEST_F(region_lists, survive_random_growing_taking_giving_and_releasing) {
    std::mt19937 random(5);
    start(plan_on(from));
    std::vector<std::uint32_t> ids;
    for (int step = 0; step < 5000; ++step) {
        switch (random() % 4) {
        case 0:
        case 1:
            if (const std::uint32_t id = take(); id != no_slab) {
                ids.push_back(id);
            } else {
                ASSERT_TRUE(list.grow((1 + random() % 4) * slab_bytes - random() % 2 * 64));
            }
            break;
        case 2:
            if (ids.empty()) break;
            std::swap(ids[random() % ids.size()], ids.back());
            list.give(ids.back());
            ids.pop_back();
            break;
        default:
            if (region_header* const idle = list.youngest_idle()) list.release(idle);
        }
        ASSERT_TRUE(list.is_valid());
        ASSERT_EQ(list.used(), ids.size());
        ASSERT_EQ(list.reserved_bytes(), from.reserved);
    }
}

} // namespace
