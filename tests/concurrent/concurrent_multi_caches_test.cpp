// cenote: SPDX-License-Identifier: MIT
//
// How a thread shares what it may cache of a pool of several sizes among the sizes it uses.
#include <cenote/concurrent/concurrent_multi_pool.hpp>

#include "concurrent/threads.hpp"

#include <gtest/gtest.h>
#include <vector>

namespace {

using namespace cenote;
using test::worker;

constexpr std::size_t most_cached = std::size_t{256} << 10;

[[nodiscard]] const engine::thread_cache* cache_here() {
    for (const engine::thread_cache* head : engine::own_slots().heads)
        if (head->crew != nullptr && head->stocks != nullptr) return head;
    return nullptr;
}

[[nodiscard]] std::uint32_t capacity_of(std::size_t size) {
    return cache_here()->stocks[engine::class_of(size)].capacity;
}

// Bytes that all magazines of the thread may hold.
[[nodiscard]] std::size_t room_here(const concurrent_multi_pool& pool) {
    std::size_t bytes = 0;
    for (std::uint32_t c = 0; c <= engine::class_of(pool.largest_block()); ++c)
        bytes += std::size_t{2} * cache_here()->stocks[c].capacity * engine::class_size(c);
    return bytes;
}

// More blocks than magazines hold, so that they are exchanged.
void swing(concurrent_multi_pool& pool, std::size_t size, int times) {
    std::vector<void*> blocks(300);
    for (; times != 0; --times) {
        for (void*& block : blocks) block = pool.allocate(size);
        for (void* const block : blocks) pool.deallocate(block, size);
    }
}

TEST(concurrent_multi_caches, start_short_and_grow_with_use) {
    concurrent_multi_pool pool({.sanitizers = false, .name = "growing"});
    worker other;
    other.run([&] {
        for (const std::size_t size : {64u, 1000u}) {
            for (int i = 0; i < 2; ++i) pool.deallocate(pool.allocate(size), size);
            const std::uint32_t first = capacity_of(size);
            EXPECT_GT(first, 0u);
            EXPECT_LE(first, 8u);
            swing(pool, size, 10);
            EXPECT_GE(capacity_of(size), 8 * first);
        }
        EXPECT_EQ(capacity_of(64), 128u);
        EXPECT_LE(room_here(pool), most_cached);
    });
    EXPECT_TRUE(pool.is_valid());
}

TEST(concurrent_multi_caches, leave_room_for_every_size_up_to_8_kib) {
    concurrent_multi_pool pool({.sanitizers = false, .name = "crowded"});
    worker other;
    other.run([&] {
        pool.deallocate(pool.allocate(16), 16);
        for (std::uint32_t c = engine::class_of(pool.largest_block()) + 1; c-- != 0;) {
            swing(pool, engine::class_size(c), 3);
            EXPECT_GT(capacity_of(engine::class_size(c)), 0u) << engine::class_size(c);
            EXPECT_LE(room_here(pool), most_cached);
        }
        for (std::uint32_t c = 0; c <= engine::class_of(pool.largest_block()); ++c)
            EXPECT_GT(capacity_of(engine::class_size(c)), 0u) << engine::class_size(c);
    });
    EXPECT_TRUE(pool.is_valid());
    EXPECT_EQ(pool.stats(quiet).live, 0u);
}

// What the first sizes have taken goes to the later ones, although there is a little left for neither.
TEST(concurrent_multi_caches, follow_a_program_that_changes_its_sizes) {
    concurrent_multi_pool pool({.sanitizers = false, .name = "changing"});
    worker other;
    other.run([&] {
        pool.deallocate(pool.allocate(16), 16);
        for (int round = 0; round < 3; ++round) {
            for (std::size_t size = 1024; size <= 8192; size += 1024) swing(pool, size, 1);
        }
        for (std::size_t size = 64; size <= 128; size += 16) swing(pool, size, 1); // what is left
        swing(pool, 640, 1);
        EXPECT_LT(capacity_of(640), 25u);
        swing(pool, 640, 40);
        EXPECT_EQ(capacity_of(640), 25u); // 16 KiB
        EXPECT_LE(room_here(pool), most_cached);
    });
    EXPECT_TRUE(pool.is_valid());
}

TEST(concurrent_multi_caches, have_their_length_again_after_a_walk) {
    concurrent_multi_pool pool({.sanitizers = false, .name = "walked"});
    swing(pool, 64, 10);
    const std::uint32_t before = capacity_of(64);
    std::vector<void*> more;
    pool.for_each([&](void*, std::size_t) { more.push_back(pool.allocate(64)); });
    more.push_back(pool.allocate(64));
    const engine::stock& one = cache_here()->stocks[engine::class_of(64)];
    EXPECT_EQ(one.capacity, before);
    EXPECT_EQ(one.loaded.capacity(), before);
    EXPECT_EQ(one.spare.capacity(), before);
    for (void* const block : more) pool.deallocate(block);
}

} // namespace
