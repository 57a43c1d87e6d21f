// cenote: SPDX-License-Identifier: MIT
//
// Blocks of any size that change theirs, walks, memory that comes and goes.
#include <cenote/pool/variable_pool.hpp>
#include <cenote/source/region.hpp>

#include "conformance/failing_source.hpp"
#include "conformance/strict_source.hpp"

#include <array>
#include <cstring>
#include <gtest/gtest.h>
#include <set>
#include <vector>

namespace cenote::test {
namespace {

std::byte* bytes_of(void* block) {
    return static_cast<std::byte*>(block);
}
bool all_are(int value, const void* block, std::size_t bytes) {
    for (std::size_t i = 0; i < bytes; ++i) {
        if (static_cast<const unsigned char*>(block)[i] != value) return false;
    }
    return true;
}

TEST(variable_pool_change, grows_and_shrinks_in_place_where_the_neighbour_is_free) {
    for (const fit how : {fit::good, fit::best, fit::first}) {
        variable_pool pool({.fit = how});
        void* const block = pool.allocate(100);
        std::memset(block, 7, 100);
        EXPECT_EQ(pool.reallocate(block, 5000), block);
        EXPECT_GE(pool.size_of(block), 5000u);
        EXPECT_TRUE(all_are(7, block, 100));
        EXPECT_EQ(pool.reallocate(block, 60), block);
        EXPECT_EQ(pool.size_of(block), 64u);
        EXPECT_EQ(pool.stats().idle, 1u); // what was cut off joined what is free behind it
        EXPECT_EQ(pool.stats().peak_live, 1u);
        pool.deallocate(block, 60);
        EXPECT_EQ(pool.stats().idle, 1u);
    }
}

TEST(variable_pool_change, moves_with_its_contents_where_the_neighbour_is_live) {
    variable_pool pool;
    void* const block = pool.allocate(100);
    void* const behind = pool.allocate(100);
    std::memset(block, 7, 100);
    EXPECT_FALSE(pool.try_resize(block, 200));
    EXPECT_EQ(pool.size_of(block), 112u);
    void* const moved = pool.reallocate(block, 200);
    EXPECT_NE(moved, block);
    EXPECT_FALSE(pool.is_live(block));
    EXPECT_TRUE(all_are(7, moved, 100));
    pool.deallocate(moved);
    pool.deallocate(behind);
}

TEST(variable_pool_change, between_regions_and_the_source_keeps_the_contents) {
    variable_pool pool({.grow_size = 16 << 10});
    void* block = pool.reallocate(nullptr, 50);
    std::memset(block, 9, 50);
    for (const std::size_t size : {100'000u, 150'000u, 300'000u, 160'000u, 3000u, 50u}) {
        block = pool.reallocate(block, size);
        EXPECT_TRUE(all_are(9, block, 50));
        EXPECT_GE(pool.size_of(block), size);
        EXPECT_TRUE(pool.is_valid());
    }
    pool.deallocate(block, 50);
    EXPECT_EQ(pool.stats().live_bytes, 0u);
}

TEST(variable_pool_change, keeps_the_alignment_that_is_asked_for_again) {
    variable_pool pool;
    void* block = pool.allocate(100, 256);
    (void)pool.allocate(32);
    for (const std::size_t size : {5000u, 9000u, 300u}) {
        block = pool.reallocate(block, size, 256);
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(block) % 256, 0u);
    }
    pool.reset();
}

TEST(variable_pool_change, that_fails_keeps_the_old_block) {
    std::vector<std::byte> buffer(2000);
    region place(buffer.data(), buffer.size());
    variable_pool pool({.source = &place, .name = "tight"});
    void* const block = pool.allocate(500);
    void* const behind = pool.allocate(100);
    std::memset(block, 5, 500);
    const pool_stats before = pool.stats();
    EXPECT_EQ(pool.try_reallocate(block, 1600), nullptr);
    EXPECT_THROW((void)pool.reallocate(block, 1600), out_of_memory);
    EXPECT_TRUE(all_are(5, block, 500));
    EXPECT_EQ(pool.stats().live_bytes, before.live_bytes);
    pool.deallocate(behind);
    EXPECT_EQ(pool.try_reallocate(block, 1200), block);
    pool.deallocate(block, 1200);
}

TEST(variable_pool_change, zeroes_the_tail_when_blocks_come_zeroed) {
    variable_pool pool({.grow_size = 16 << 10, .zero_on_allocate = true, .sanitizers = false});
    void* block = pool.allocate(50);
    (void)pool.allocate(50);
    std::memset(block, 3, 50);
    for (const std::size_t size : {20u, 60u, 4000u, 100'000u, 150'000u}) {
        const std::size_t kept = size < 20 ? size : 20;
        block = pool.reallocate(block, size);
        EXPECT_TRUE(all_are(3, block, kept));
        EXPECT_TRUE(all_are(0, bytes_of(block) + kept, size - kept)) << size;
    }
    pool.reset();
}

TEST(variable_pool_change, erases_what_is_cut_off) {
    variable_pool pool({.erase_on_free = true, .sanitizers = false});
    void* const block = pool.allocate(1000);
    std::memset(block, 3, 1000);
    EXPECT_TRUE(pool.try_resize(block, 100));
    EXPECT_TRUE(all_are(0, bytes_of(block) + 112, 1008 - 112));
    pool.deallocate(block);
    EXPECT_TRUE(all_are(0, block, 112));
    constexpr std::size_t large = 4 << 20;
    void* const apart = pool.allocate(large);
    std::memset(apart, 3, large);
    EXPECT_TRUE(pool.try_resize(apart, large - 1000));
    EXPECT_TRUE(all_are(0, bytes_of(apart) + large - 1000, 1000));
    EXPECT_TRUE(all_are(3, apart, large - 1000));
    pool.deallocate(apart);
}

TEST(variable_pool_change, walk_ends_when_told_and_sees_live_blocks_only) {
    variable_pool pool({.grow_size = 4096});
    std::set<void*> live;
    for (int i = 0; i < 300; ++i) live.insert(pool.allocate(1 + static_cast<std::size_t>(i) % 90));
    for (int i = 0; i < 100; ++i) {
        pool.deallocate(*live.begin());
        live.erase(live.begin());
    }
    live.insert(pool.allocate(100'000));
    std::set<void*> seen;
    pool.for_each([&](void* block, std::size_t size) {
        EXPECT_EQ(size, pool.size_of(block));
        EXPECT_TRUE(seen.insert(block).second);
    });
    EXPECT_EQ(seen, live);
    int visits = 0;
    pool.for_each([&](void*, std::size_t) { return ++visits < 150; }); // through several regions
    EXPECT_EQ(visits, 150);
    pool.reset();
}

TEST(variable_pool_change, reset_and_trim_leave_nothing_behind) {
    strict_source strict;
    variable_pool pool({.grow_size = 8192, .source = &strict, .trim = trim::manual});
    for (int round = 0; round < 3; ++round) {
        for (int i = 0; i < 500; ++i) (void)pool.allocate(1 + static_cast<std::size_t>(i));
        const std::size_t reserved = strict.reserved();
        pool.reset();
        EXPECT_EQ(pool.stats().live, 0u);
        EXPECT_EQ(pool.stats().live_bytes, 0u);
        EXPECT_GT(pool.fragmentation(), 0); // several regions
        EXPECT_EQ(strict.reserved(), reserved);
        EXPECT_TRUE(pool.is_valid());
        EXPECT_EQ(pool.trim(), reserved);
        EXPECT_EQ(strict.reserved(), 0u);
        EXPECT_EQ(pool.largest_free(), 0u);
    }
}

TEST(variable_pool_change, trim_keeps_regions_with_live_blocks) {
    strict_source strict;
    variable_pool pool({.grow_size = 8192, .source = &strict, .trim = trim::manual});
    std::vector<void*> blocks(100);
    for (void*& block : blocks) block = pool.allocate(1000);
    for (std::size_t i = 0; i < blocks.size(); ++i) {
        if (i != 50) pool.deallocate(blocks[i]);
    }
    std::memset(blocks[50], 1, 1000);
    const std::size_t reserved = strict.reserved();
    const std::size_t returned = pool.trim();
    EXPECT_EQ(returned, reserved - strict.reserved());
    EXPECT_LT(strict.reserved(), reserved / 4);
    EXPECT_TRUE(all_are(1, blocks[50], 1000));
    EXPECT_TRUE(pool.is_valid());
    pool.deallocate(blocks[50]);
}

TEST(variable_pool_change, reserved_blocks_need_no_source) {
    strict_source strict;
    failing_source source(strict);
    variable_pool pool({.grow_size = 8192, .source = &source});
    (void)pool.allocate(100);
    pool.reserve(200, 1000, variable_pool::touch::yes);
    source.refuse(1, refusal::from_then_on);
    for (int i = 0; i < 1000; ++i) EXPECT_NE(pool.try_allocate(200), nullptr);
    EXPECT_EQ(source.refused(), 0u);
    EXPECT_THROW(pool.reserve(200, 1000), out_of_memory);
    EXPECT_THROW(pool.reserve(1'000'000, 1), out_of_memory);
    pool.reset();
}

TEST(variable_pool_change, handler_that_frees_saves_the_request) {
    struct state {
        variable_pool* pool;
        void* spare;
    } now{};
    variable_pool pool({.initial_bytes = 1000,
                        .grow_size = 0,
                        .on_exhaustion = {[](void* context, const shortage& what) {
                                              auto& self = *static_cast<state*>(context);
                                              EXPECT_EQ(what.requested, 900u);
                                              self.pool->deallocate(self.spare);
                                              return true;
                                          },
                                          &now, 1}});
    now = {&pool, pool.allocate(900)};
    void* const block = pool.allocate(900);
    EXPECT_EQ(block, now.spare);
    pool.deallocate(block);
}

TEST(variable_pool_change, counts_calls_when_asked_to) {
    variable_pool pool({.stats = true});
    void* const block = pool.allocate(100);
    pool.deallocate(pool.allocate(10));
    EXPECT_EQ(pool.try_allocate(8, 3), nullptr);
    ASSERT_TRUE(pool.stats().calls);
    EXPECT_EQ(pool.stats().calls->allocations, 2u);
    EXPECT_EQ(pool.stats().calls->deallocations, 1u);
    EXPECT_EQ(pool.stats().calls->failures, 1u);
    pool.deallocate(block);
    EXPECT_FALSE(variable_pool().stats().calls);
}

} // namespace
} // namespace cenote::test
