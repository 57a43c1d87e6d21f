// cenote: SPDX-License-Identifier: MIT
//
// What a pool of many sizes does at the edge of its memory, and with blocks that are too large for slabs.
#include <cenote/pool/multi_pool.hpp>
#include <cenote/source/region.hpp>

#include "support/memcheck.hpp"
#include "support/misuse_watch.hpp"
#include "support/test_sources.hpp"

#include <algorithm>
#include <cstring>
#include <gtest/gtest.h>
#include <random>
#include <string_view>
#include <vector>

namespace {

using namespace cenote;

TEST(multi_pool, what_is_cached_in_one_class_serves_another_before_a_refusal) {
    multi_pool pool({.initial_bytes = 4 * 65536, .growth = growth::none(), .sanitizers = false});
    for (const std::size_t size : {16u, 32u, 48u, 64u}) pool.deallocate(pool.allocate(size));
    void* const block = pool.try_allocate(80); // all four slabs hold cached blocks of other classes
    EXPECT_NE(block, nullptr);
    EXPECT_TRUE(pool.is_valid());
    pool.deallocate(block);
}

TEST(multi_pool, a_buffer_serves_a_large_block_when_nothing_is_live) {
    std::vector<std::byte> bytes(std::size_t{1} << 20);
    region home(bytes.data(), bytes.size());
    multi_pool pool({.source = &home});
    pool.deallocate(pool.allocate(16)); // takes the buffer for slabs
    void* const large = pool.try_allocate(70000);
    ASSERT_NE(large, nullptr);
    EXPECT_TRUE(pool.is_valid());
    pool.deallocate(large);
    EXPECT_NE(pool.try_allocate(16), nullptr);
    pool.reset();
}

TEST(multi_pool, identical_rounds_of_large_blocks_reserve_the_same) {
    for (const trim policy : {trim::automatic, trim::manual}) {
        test::counting_source from;
        multi_pool pool({.source = &from, .trim = policy});
        std::size_t first = 0;
        for (int round = 0; round < 20; ++round) {
            std::vector<void*> blocks;
            double size = 9000;
            for (int i = 0; i < 40; ++i, size *= 1.2)
                blocks.push_back(pool.allocate(static_cast<std::size_t>(size)));
            for (void* const block : blocks) pool.deallocate(block);
            if (round == 0) first = from.peak;
        }
        EXPECT_EQ(from.peak, first) << (policy == trim::manual ? "manual" : "automatic");
    }
}

TEST(multi_pool, erases_live_blocks_on_reset_and_at_its_end) {
    constexpr std::string_view secret = "a secret that must not stay";
    std::vector<std::byte> bytes(std::size_t{1} << 20);
    const auto is_left = [&] {
        const auto* const text = reinterpret_cast<const char*>(bytes.data());
        return std::search(text, text + bytes.size(), secret.begin(), secret.end()) != text + bytes.size();
    };
    const test::leak_watch leaks;
    {
        region home(bytes.data(), bytes.size());
        multi_pool pool(
            {.initial_bytes = 65536, .source = &home, .erase_on_free = true, .sanitizers = false});
        for (const std::size_t size : {100u, 20000u})
            std::memcpy(pool.allocate(size), secret.data(), secret.size());
        EXPECT_TRUE(is_left());
        pool.reset();
        EXPECT_FALSE(is_left());
        for (const std::size_t size : {100u, 20000u})
            std::memcpy(pool.allocate(size), secret.data(), secret.size());
    }
    EXPECT_FALSE(is_left());
    ASSERT_EQ(leaks.seen().size(), 1u);
    EXPECT_EQ(leaks.seen()[0].blocks, 2u);
}

TEST(multi_pool, erases_all_of_a_block_under_a_sanitizer_too) {
    multi_pool pool({.erase_on_free = true}); // watched where there is a sanitizer
    auto* const block = static_cast<char*>(pool.allocate(100));
    std::memset(block, 1, 100);
    pool.deallocate(block);
    auto* const again = static_cast<char*>(pool.allocate(100));
    EXPECT_EQ(again, block);
    test::read_on_purpose(again, 100);
    EXPECT_EQ(std::count(again, again + 100, 0), 100);
    pool.deallocate_erased(again);
    EXPECT_EQ(pool.stats().live, 0u);
}

TEST(multi_pool, a_large_block_freed_with_a_small_size_has_the_wrong_size) {
    test::misuse_watch misuses;
    multi_pool pool({.checks = true});
    void* const large = pool.allocate(100000);
    pool.deallocate(large, 100);
    ASSERT_EQ(misuses.count(), 1u);
    EXPECT_EQ(misuses.seen()[0].kind, misuse::wrong_size);
    EXPECT_EQ(misuses.seen()[0].pointer, large);
    EXPECT_TRUE(pool.is_live(large));
    pool.deallocate(large, 100000);
    EXPECT_EQ(misuses.count(), 1u);
}

TEST(multi_pool, a_free_with_an_alignment_that_is_no_power_of_two_ends) {
    test::misuse_watch misuses;
    multi_pool pool({.checks = true});
    for (const std::size_t alignment : {17u, 48u, 100u, 4095u, 8191u}) {
        void* const block = pool.allocate(100);
        pool.deallocate(block, 100, alignment); // some class, not necessarily the block's
        if (pool.is_live(block)) pool.deallocate(block);
    }
    EXPECT_EQ(pool.stats().live, 0u);
    EXPECT_TRUE(pool.is_valid());
}

// Once the slab has gone to another class, nobody knows that the pointer was ever a block.
TEST(multi_pool, double_frees_keep_their_pointer_when_their_slab_is_surplus) {
    test::misuse_watch misuses;
    multi_pool pool({.sanitizers = false});
    std::mt19937 random(3);
    std::vector<void*> blocks(64 * 20);
    for (int round = 0; round < 50; ++round) {
        for (void*& block : blocks) block = pool.allocate(1024);
        std::shuffle(blocks.begin(), blocks.end(), random);
        misuses.clear();
        for (void* const block : blocks) {
            pool.deallocate(block);
            if (random() % 64 == 0) pool.deallocate(block);
        }
        pool.trim(); // all magazines are read
        for (const misuse_report& report : misuses.seen()) {
            EXPECT_NE(std::find(blocks.begin(), blocks.end(), report.pointer), blocks.end());
            EXPECT_TRUE(report.kind == misuse::double_free || report.kind == misuse::foreign_pointer)
                << misuse_text(report.kind);
        }
        ASSERT_GT(misuses.count(), 0u);
        ASSERT_TRUE(pool.is_valid());
    }
}

TEST(multi_pool, an_initial_size_beyond_memory_is_refused_as_an_option) {
    EXPECT_THROW(multi_pool({.initial_bytes = unlimited}), bad_options);
    EXPECT_THROW(multi_pool({.initial_bytes = unlimited / 2}), bad_options);
}

} // namespace
