// cenote: SPDX-License-Identifier: MIT
//
// Which free block is handed out next, against the plainest model of each order.
#include <cenote/concurrent/concurrent_object_pool.hpp>
#include <cenote/concurrent/concurrent_pool.hpp>
#include <cenote/pool/object_pool.hpp>
#include <cenote/source/region.hpp>

#include "support/misuse_watch.hpp"

#include <algorithm>
#include <deque>
#include <gtest/gtest.h>
#include <random>
#include <set>
#include <vector>

namespace {

using namespace cenote;

std::vector<void*> take(fixed_pool& pool, std::size_t count) {
    std::vector<void*> blocks;
    while (blocks.size() < count) blocks.push_back(pool.allocate());
    return blocks;
}

// Blocks come and go at random; `freed` is told of each, and `judge` of each that comes.
template<class Pool, class Judge, class Freed>
void run_random_traffic(Pool& pool, unsigned steps, const Judge& judge, const Freed& freed) {
    std::mt19937 random(7);
    std::vector<void*> live;
    for (unsigned step = 0; step < steps; ++step) {
        // Waves, so that the pool grows, empties and has free blocks in every slab.
        const bool grows = random() % 100 < (step / 300 % 2 == 0 ? 70u : 30u);
        if (grows || live.empty()) {
            void* const block = pool.allocate();
            ASSERT_NO_FATAL_FAILURE(judge(block)) << "step " << step;
            live.push_back(block);
        } else {
            std::swap(live[random() % live.size()], live.back());
            freed(live.back());
            pool.deallocate(live.back());
            live.pop_back();
        }
        if (step % 64 == 0) {
            ASSERT_TRUE(pool.is_valid()) << "step " << step;
        }
    }
    for (void* block : live) pool.deallocate(block);
    ASSERT_TRUE(pool.is_valid());
}

template<class Pool, class Options>
void expect_oldest_first(Options options) {
    options.block_size = 24;
    options.blocks_per_slab = 70;
    options.order = hand_out::oldest;
    options.trim = trim::manual; // what goes back to the slabs has no age any more
    Pool pool(options);
    std::deque<void*> queue;
    std::set<void*> known;
    run_random_traffic(
        pool, 4000,
        [&](void* block) {
            if (known.insert(block).second) return; // it never was out
            ASSERT_FALSE(queue.empty());
            ASSERT_EQ(block, queue.front());
            queue.pop_front();
        },
        [&](void* block) { queue.push_back(block); });
    EXPECT_EQ(pool.stats().live, 0u);
}

template<class Pool, class Options>
void expect_lowest_first(Options options) {
    options.block_size = 24;
    options.blocks_per_slab = 70;
    options.order = hand_out::lowest_address;
    Pool pool(options);
    std::set<void*> free;
    run_random_traffic(
        pool, 4000,
        [&](void* block) {
            if (free.empty()) return;
            ASSERT_LE(block, *free.begin());
            free.erase(block);
        },
        [&](void* block) { free.insert(block); });
    EXPECT_EQ(pool.stats().live, 0u);
}

TEST(hand_out, the_oldest_free_block_comes_first) {
    expect_oldest_first<fixed_pool>(fixed_pool_options{});
    expect_oldest_first<concurrent_pool>(concurrent_pool_options{});
}

TEST(hand_out, the_lowest_free_block_comes_first) {
    expect_lowest_first<fixed_pool>(fixed_pool_options{.trim = trim::manual});
    expect_lowest_first<concurrent_pool>(concurrent_pool_options{.trim = trim::manual});
    expect_lowest_first<fixed_pool>(fixed_pool_options{.trim = trim::automatic});
}

TEST(hand_out, a_freed_block_comes_back_when_all_others_have_been_out) {
    fixed_pool pool({.block_size = 64, .maximum_blocks = 200, .order = hand_out::oldest});
    pool.reserve(200);
    std::set<void*> seen;
    std::vector<void*> order;
    for (int i = 0; i < 200; ++i) {
        order.push_back(pool.allocate());
        pool.deallocate(order.back());
        EXPECT_TRUE(seen.insert(order.back()).second);
    }
    for (int round = 0; round < 3; ++round) {
        for (void* expected : order) {
            void* const block = pool.allocate();
            ASSERT_EQ(block, expected);
            pool.deallocate(block);
        }
    }
}

TEST(hand_out, a_buffer_of_exact_size_holds_a_queue_of_all_blocks) {
    for (const std::size_t blocks : {1u, 3u, 64u, 65u, 500u}) {
        fixed_pool_options wanted{.block_size = 8, .maximum_blocks = blocks, .order = hand_out::oldest};
        std::vector<std::byte> buffer(fixed_pool::required_bytes(wanted));
        region bytes(buffer.data(), buffer.size());
        wanted.source = &bytes;
        fixed_pool pool(wanted);
        std::vector<void*> all = take(pool, blocks);
        EXPECT_EQ(pool.try_allocate(), nullptr);
        std::mt19937 random(static_cast<unsigned>(blocks));
        for (int round = 0; round < 5; ++round) {
            std::shuffle(all.begin(), all.end(), random);
            for (void* block : all) pool.deallocate(block);
            EXPECT_EQ(pool.stats().cached, blocks) << "all have an age";
            void* const first =
                pool.allocate(); // now the queue's first magazine is short, and so is its last
            pool.deallocate(first);
            EXPECT_EQ(first, all.front());
            EXPECT_EQ(pool.stats().cached, blocks);
            std::rotate(all.begin(), all.begin() + 1, all.end());
            EXPECT_EQ(take(pool, blocks), all) << blocks;
        }
        for (void* block : all) pool.deallocate(block);
        EXPECT_TRUE(pool.is_valid());
    }
}

TEST(hand_out, a_walk_leaves_the_queue_as_it_was) {
    fixed_pool pool({.block_size = 32, .maximum_blocks = 100, .order = hand_out::oldest});
    const std::vector<void*> all = take(pool, 100);
    for (std::size_t i = 0; i < 60; ++i) pool.deallocate(all[i]);
    std::size_t visited = 0;
    pool.for_each([&](void*) { ++visited; });
    EXPECT_EQ(visited, 40u);
    EXPECT_EQ(take(pool, 60), std::vector<void*>(all.begin(), all.begin() + 60));
    pool.reset();
}

TEST(hand_out, misuse_is_found_at_the_call_in_every_order_but_the_default) {
    for (const hand_out order : {hand_out::oldest, hand_out::lowest_address}) {
        const test::misuse_watch watch;
        fixed_pool pool({.block_size = 32, .order = order});
        EXPECT_TRUE(pool.is_instrumented());
        void* const block = pool.allocate();
        pool.deallocate(block);
        EXPECT_EQ(watch.count(), 0u);
        pool.deallocate(block);
        ASSERT_EQ(watch.count(), 1u);
        EXPECT_EQ(watch.seen()[0].kind, misuse::double_free);
        EXPECT_FALSE(pool.is_live(block));
        EXPECT_TRUE(pool.is_valid());
    }
}

// Half of the slabs are at the front, full; the idle ones behind them go back.
TEST(hand_out, memory_at_the_back_goes_back_first) {
    fixed_pool pool({.block_size = 4096,
                     .initial_blocks = 160,
                     .blocks_per_slab = 16,
                     .growth = growth::constant(160),
                     .sanitizers = false,
                     .order = hand_out::lowest_address,
                     .trim = trim::manual});
    std::vector<void*> all = take(pool, 480);
    std::mt19937 random(3);
    std::shuffle(all.begin(), all.end(), random);
    for (void* block : all) pool.deallocate(block);
    EXPECT_TRUE(pool.is_valid());
    std::vector<void*> some = take(pool, 160);
    EXPECT_TRUE(std::is_sorted(some.begin(), some.end()));
    EXPECT_GE(pool.trim(), 300 * std::size_t{4096});
    EXPECT_TRUE(pool.is_valid());
    EXPECT_EQ(pool.stats().idle, 0u);
    for (void* block : some) pool.deallocate(block);
}

TEST(hand_out, objects_have_an_order_too) {
    object_pool<long> queue({.maximum_blocks = 3, .order = hand_out::oldest});
    long* const first = queue.make(1);
    long* const second = queue.make(2);
    long* const third = queue.make(3);
    queue.destroy(second);
    queue.destroy(third);
    queue.destroy(first);
    EXPECT_EQ(queue.make(4), second);
    EXPECT_EQ(queue.make(5), third);
    EXPECT_EQ(queue.make(6), first);
    queue.destroy_all();

    concurrent_object_pool<long> front({.maximum_blocks = 3, .order = hand_out::lowest_address});
    std::vector<long*> three{front.make(1), front.make(2), front.make(3)};
    std::sort(three.begin(), three.end());
    front.destroy(three[0]);
    front.destroy(three[2]);
    front.destroy(three[1]);
    EXPECT_EQ(front.make(4), three[0]);
    EXPECT_EQ(front.make(5), three[1]);
    EXPECT_EQ(front.make(6), three[2]);
    front.destroy_all();
}

} // namespace
