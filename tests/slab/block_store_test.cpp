// cenote: SPDX-License-Identifier: MIT
#include <cenote/slab/block_store.hpp>

#include "support/misuse_watch.hpp"
#include "support/test_sources.hpp"

#include <gtest/gtest.h>
#include <random>
#include <set>
#include <vector>

namespace {

using namespace cenote;
using namespace cenote::engine;

constexpr std::size_t capacity = 8;

class block_stores : public testing::Test {
protected:
    void start(std::size_t blocks, std::size_t magazine = capacity) {
        block_layout layout;
        ASSERT_TRUE(make_layout(64, 64, 64, layout));
        region_plan plan;
        plan.from = &from;
        plan.alignment = 64;
        plan.slab_bytes = layout.slab_bytes();
        plan.record_bytes = slab::bytes_for(layout.blocks_per_slab);
        plan.magazine_bytes = magazine == 0 ? 0 : depot::magazine_bytes(magazine);
        list.configure(plan);
        store.heap().configure(layout, list, {0, unlimited, false});
        store.depot().configure(magazine, "store");
        store.equip(memory, magazine);
        ASSERT_TRUE(list.grow(blocks * 64));
        store.depot().adopt(*list.last());
    }
    void* allocate() { return store.loaded.is_empty() ? store.refill() : store.loaded.pop(); }
    void deallocate(void* block) {
        if (store.loaded.is_full()) return store.flush(block);
        store.loaded.push(block);
    }
    void expect_sum() const {
        ASSERT_EQ(store.live() + store.cached() + store.heap().idle(), store.heap().blocks());
    }
    ~block_stores() override { list.release_all(); }

    test::counting_source from;
    region_list list;
    void* memory[2 * magazine::words_for(capacity)];
    block_store store;
};

TEST_F(block_stores, a_load_that_swings_around_the_edge_of_a_magazine_leaves_the_depot_alone) {
    start(256);
    std::vector<void*> held;
    for (std::size_t i = 0; i < 5 * capacity; ++i) held.push_back(allocate());
    for (std::size_t i = 0; i < 3 * capacity; ++i) {
        deallocate(held.back());
        held.pop_back();
    }
    // Two magazines stand full or empty between here and the depot: a swing of one or both costs nothing.
    const std::size_t flushed = store.flushed();
    const std::size_t in_depot = store.depot().cached();
    for (std::size_t swing = 0; swing < 100; ++swing) {
        const std::size_t blocks = (1 + swing % 2) * capacity;
        for (std::size_t i = 0; i < blocks; ++i) held.push_back(allocate());
        for (std::size_t i = 0; i < blocks; ++i) {
            deallocate(held.back());
            held.pop_back();
        }
    }
    EXPECT_EQ(store.depot().cached(), in_depot);
    EXPECT_EQ(store.flushed(), flushed);
    EXPECT_TRUE(store.is_valid());
}

TEST_F(block_stores, the_block_freed_last_is_given_first) {
    start(64);
    void* const a = allocate();
    void* const b = allocate();
    deallocate(a);
    deallocate(b);
    EXPECT_EQ(allocate(), b);
    EXPECT_EQ(allocate(), a);
}

TEST_F(block_stores, give_every_block_once_and_then_null) {
    start(100);
    std::set<void*> seen;
    while (void* const block = allocate()) ASSERT_TRUE(seen.insert(block).second);
    EXPECT_EQ(seen.size(), 100u);
    EXPECT_EQ(store.live(), 100u);
    for (void* const block : seen) deallocate(block);
    EXPECT_EQ(store.live(), 0u);
    expect_sum();
    std::set<void*> again;
    while (void* const block = allocate()) ASSERT_TRUE(again.insert(block).second);
    EXPECT_EQ(again, seen);
}

TEST_F(block_stores, many_at_once_are_as_good_as_one_by_one) {
    start(256);
    std::mt19937 random(2);
    std::set<void*> live;
    for (int round = 0; round < 2000; ++round) {
        if (random() % 2 == 0) {
            std::vector<void*> blocks(random() % 40);
            blocks.resize(store.take_many(blocks.data(), blocks.size()));
            for (void* const block : blocks) ASSERT_TRUE(live.insert(block).second);
        } else {
            std::vector<void*> blocks;
            for (std::size_t n = random() % 40; n != 0 && !live.empty(); --n) {
                blocks.push_back(*live.begin());
                live.erase(live.begin());
            }
            store.put_many(blocks.data(), blocks.size());
        }
        ASSERT_EQ(store.live(), live.size());
        expect_sum();
        ASSERT_TRUE(store.is_valid());
    }
}

TEST_F(block_stores, taking_more_than_there_is_takes_all_there_is) {
    start(256);
    std::vector<void*> blocks(300);
    EXPECT_EQ(store.take_many(blocks.data(), 300), 256u);
    EXPECT_EQ(std::set<void*>(blocks.begin(), blocks.begin() + 256).size(), 256u);
    EXPECT_EQ(store.take_many(blocks.data(), 0), 0u);
}

TEST_F(block_stores, at_capacity_zero_every_call_is_exact) {
    start(64, 0);
    EXPECT_TRUE(store.loaded.is_full() && store.loaded.is_empty());
    void* const block = store.refill();
    ASSERT_NE(block, nullptr);
    EXPECT_EQ(store.live(), 1u);
    store.flush(block);
    EXPECT_EQ(store.live(), 0u);
    EXPECT_EQ(store.cached(), 0u);
    test::misuse_watch watch;
    store.flush(block);
    ASSERT_EQ(watch.count(), 1u);
    EXPECT_EQ(watch.seen()[0].kind, misuse::double_free);
}

TEST_F(block_stores, suspended_they_have_no_cached_block_and_resumed_they_have_magazines_again) {
    start(256);
    std::vector<void*> held;
    for (int i = 0; i < 20; ++i) held.push_back(allocate());
    for (int i = 0; i < 10; ++i) {
        deallocate(held.back());
        held.pop_back();
    }
    store.suspend();
    EXPECT_EQ(store.in_magazines(), 0u);
    EXPECT_EQ(store.heap().out(), 10u);
    EXPECT_EQ(store.loaded.capacity(), 0u);
    store.resume();
    EXPECT_EQ(store.loaded.capacity(), capacity);
    EXPECT_TRUE(store.is_valid());
    EXPECT_NE(allocate(), nullptr);
}

TEST_F(block_stores, suspended_they_still_give_the_blocks_of_the_depot) {
    start(256);
    std::vector<void*> held;
    while (void* const block = allocate()) held.push_back(block);
    for (void* const block : held) deallocate(block);
    ASSERT_GT(store.depot().cached(), 0u);
    store.suspend();
    std::set<void*> again;
    while (void* const block = store.refill()) again.insert(block);
    EXPECT_EQ(again.size(), 256u);
    EXPECT_TRUE(store.is_valid());
}

TEST_F(block_stores, the_peak_is_exact_to_two_magazines) {
    start(256);
    std::vector<void*> blocks(200);
    for (const bool by_reset : {false, true}) {
        for (const std::size_t count : {60u, 100u, 200u}) {
            store.set_peak(0);
            ASSERT_EQ(store.take_many(blocks.data(), count), count);
            if (by_reset) {
                store.reset();
            } else {
                store.put_many(blocks.data(), count);
            }
            EXPECT_LE(store.peak(), count);
            EXPECT_GE(store.peak(), count - 2 * capacity);
        }
    }
}

TEST_F(block_stores, holds_says_which_blocks_stand_in_magazines) {
    start(64);
    void* const a = allocate();
    void* const b = allocate();
    EXPECT_FALSE(store.holds(a));
    deallocate(a);
    EXPECT_TRUE(store.holds(a));
    EXPECT_FALSE(store.holds(b));
}

TEST_F(block_stores, an_impossible_magazine_is_noticed) {
    start(64);
    void* const a = allocate();
    EXPECT_TRUE(store.is_valid());
    int local = 0;
    *store.loaded.top++ = &local;
    EXPECT_FALSE(store.is_valid());
    --store.loaded.top;
    EXPECT_TRUE(store.is_valid());
    deallocate(a);
}

} // namespace
