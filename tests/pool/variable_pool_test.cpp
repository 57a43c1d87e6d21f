// cenote: SPDX-License-Identifier: MIT
#include <cenote/pool/variable_pool.hpp>
#include <cenote/source/region.hpp>

#include "conformance/failing_source.hpp"
#include "conformance/strict_source.hpp"
#include "support/heap_calls.hpp"
#include "support/sizes.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <gtest/gtest.h>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace cenote::test {
namespace {

constexpr fit all_fits[] = {fit::good, fit::best, fit::first};

std::byte* bytes_of(void* block) {
    return static_cast<std::byte*>(block);
}

TEST(variable_pool, splits_blocks_and_merges_neighbours_on_both_sides) {
    for (const auto& [how, before] : {std::pair(fit::good, 1000u), std::pair(fit::good, 500u),
                                      std::pair(fit::best, 500u), std::pair(fit::first, 500u)}) {
        variable_pool pool({.fit = how});
        void* const first = pool.allocate(before); // the row crosses a word of the map, or does not
        const std::size_t whole = pool.largest_free();
        const std::array<void*, 3> row = {pool.allocate(100), pool.allocate(200), pool.allocate(300)};
        EXPECT_EQ(row[1], bytes_of(row[0]) + pool.size_of(row[0])); // cut from one block
        EXPECT_EQ(row[2], bytes_of(row[1]) + pool.size_of(row[1]));
        pool.deallocate(row[0]);
        pool.deallocate(row[2]);
        EXPECT_EQ(pool.stats().idle, 2u);
        pool.deallocate(row[1]); // joins both
        EXPECT_EQ(pool.stats().idle, 1u);
        EXPECT_EQ(pool.largest_free(), whole);
        EXPECT_EQ(pool.fragmentation(), 0);
        pool.deallocate(first);
        EXPECT_TRUE(pool.is_valid());
    }
}

TEST(variable_pool, fragmentation_is_the_share_of_free_bytes_outside_the_largest_block) {
    variable_pool pool({.initial_bytes = 64 << 10, .grow_size = 0});
    std::vector<void*> blocks;
    while (void* const block = pool.try_allocate(1008)) blocks.push_back(block);
    while (pool.try_allocate(1) != nullptr) { // what is left behind them
    }
    ASSERT_GT(blocks.size(), 9u);
    EXPECT_EQ(pool.fragmentation(), 0); // of nothing
    pool.deallocate(blocks[1]);
    EXPECT_EQ(pool.fragmentation(), 0);
    pool.deallocate(blocks[3]);
    EXPECT_DOUBLE_EQ(pool.fragmentation(), 1 - 1.0 / 2);
    pool.deallocate(blocks[5]);
    pool.deallocate(blocks[8]);
    EXPECT_DOUBLE_EQ(pool.fragmentation(), 1 - 1.0 / 4);
    pool.deallocate(blocks[4]); // three are one now
    EXPECT_DOUBLE_EQ(pool.fragmentation(), 1 - 3.0 / 5);
}

TEST(variable_pool, memory_freed_in_small_blocks_serves_large_ones) {
    for (const fit how : all_fits) {
        strict_source strict;
        variable_pool pool({.grow_size = 64 << 10, .fit = how, .source = &strict});
        std::vector<void*> blocks(500);
        for (void*& block : blocks) block = pool.allocate(64);
        std::shuffle(blocks.begin(), blocks.end(), std::mt19937(5));
        for (void* const block : blocks) pool.deallocate(block);
        const std::size_t reserved = strict.reserved();
        void* const large = pool.allocate(30'000);
        EXPECT_EQ(strict.reserved(), reserved);
        pool.deallocate(large);
    }
}

TEST(variable_pool, good_fit_takes_the_smallest_class_that_fits) {
    variable_pool pool;
    std::vector<void*> holes;
    for (const std::size_t size : {4000u, 320u, 1600u, 336u, 640u}) {
        holes.push_back(pool.allocate(size));
        (void)pool.allocate(32); // keeps them apart
    }
    for (void* const hole : holes) pool.deallocate(hole);
    EXPECT_EQ(pool.allocate(330), holes[3]);
    EXPECT_EQ(pool.allocate(330), holes[4]);
    EXPECT_EQ(pool.allocate(320), holes[1]);
    EXPECT_EQ(pool.allocate(3000), holes[0]);
    pool.reset();
}

TEST(variable_pool, best_fit_is_content_within_its_tolerance) {
    for (const std::uint32_t tolerance : {0u, 25u}) {
        variable_pool pool({.fit = fit::best, .tolerance_percent = tolerance});
        std::vector<void*> holes;
        for (const std::size_t size : {16'000u, 8160u, 8112u, 8128u}) {
            holes.push_back(pool.allocate(size));
            (void)pool.allocate(32);
        }
        for (void* const hole : holes) pool.deallocate(hole); // the last freed is looked at first
        EXPECT_EQ(pool.allocate(8100), tolerance == 0 ? holes[2] : holes[3]);
        pool.reset();
    }
}

TEST(variable_pool, first_fit_takes_the_lowest_block_that_fits) {
    variable_pool pool({.fit = fit::first});
    std::vector<void*> holes;
    for (const std::size_t size : {320u, 4000u, 1600u, 336u}) {
        holes.push_back(pool.allocate(size));
        (void)pool.allocate(32);
    }
    for (void* const hole : holes) pool.deallocate(hole);
    EXPECT_EQ(pool.allocate(330), holes[1]);
    EXPECT_EQ(pool.allocate(300), holes[0]);
    pool.reset();
}

TEST(variable_pool, keeps_every_alignment_and_wastes_nothing_for_it) {
    for (const fit how : all_fits) {
        variable_pool pool({.fit = how});
        std::vector<void*> blocks;
        for (std::size_t alignment = 1; alignment <= 65536; alignment *= 2) {
            void* const block = pool.allocate(40, alignment);
            EXPECT_EQ(reinterpret_cast<std::uintptr_t>(block) % alignment, 0u);
            EXPECT_EQ(pool.size_of(block), 48u);
            blocks.push_back(block);
        }
        for (void* const block : blocks) pool.deallocate(block);
        EXPECT_EQ(pool.stats().idle, 1u);
        EXPECT_TRUE(pool.is_valid());
    }
}

TEST(variable_pool, refuses_alignments_that_are_none) {
    variable_pool pool;
    for (const std::size_t alignment : {std::size_t{0}, std::size_t{12}, base::size_max}) {
        EXPECT_EQ(pool.try_allocate(8, alignment), nullptr);
        EXPECT_THROW((void)pool.allocate(8, alignment), bad_options);
    }
    void* const block = pool.allocate(8);
    EXPECT_EQ(pool.try_reallocate(block, 8, 12), nullptr);
    EXPECT_THROW((void)pool.reallocate(block, 8, 0), bad_options);
    pool.deallocate(block);
}

TEST(variable_pool, sizes_that_no_memory_holds_are_refused_and_change_nothing) {
    variable_pool pool;
    void* const block = pool.allocate(10);
    const pool_stats before = pool.stats();
    for (std::size_t less = 0; less < 100; ++less) {
        EXPECT_EQ(pool.try_allocate(base::size_max - less), nullptr);
        EXPECT_EQ(pool.try_reallocate(block, base::size_max - less), nullptr);
        EXPECT_FALSE(pool.try_resize(block, base::size_max - less));
        EXPECT_THROW((void)pool.allocate_at_least(base::size_max - less), out_of_memory);
    }
    EXPECT_EQ(pool.try_allocate(8, test::top_bit), nullptr);
    EXPECT_EQ(pool.stats().live, before.live);
    EXPECT_EQ(pool.stats().reserved_bytes, before.reserved_bytes);
    EXPECT_TRUE(pool.is_valid());
    pool.deallocate(block);
}

TEST(variable_pool, options_that_make_no_sense_are_named) {
    const auto flaw = [](const variable_pool_options& options) -> std::string {
        try {
            const variable_pool never(options);
        } catch (const bad_options& refusal) {
            return refusal.what();
        }
        return "";
    };
    EXPECT_NE(flaw({.maximum_bytes = 0}).find("maximum_bytes"), std::string::npos);
    EXPECT_NE(flaw({.initial_bytes = 10, .maximum_bytes = 5}).find("initial_bytes"), std::string::npos);
    EXPECT_NE(flaw({.grow_size = 0}).find("grow_size"), std::string::npos);
    EXPECT_NE(flaw({.grow_size = 100}).find("grow_size"), std::string::npos);
    EXPECT_NE(flaw({.grow_size = base::size_max}).find("grow_size"), std::string::npos);
    EXPECT_NE(flaw({.initial_bytes = base::size_max}).find("initial_bytes"), std::string::npos);
    EXPECT_NE(flaw({.tolerance_percent = 5}).find("fit::best"), std::string::npos);
    EXPECT_THROW((void)variable_pool::required_bytes({}), bad_options);
    EXPECT_THROW((void)variable_pool::required_bytes({.initial_bytes = base::size_max / 4}), bad_options);
    EXPECT_EQ(flaw({.grow_size = 1 << 20, .fit = fit::best, .tolerance_percent = 20}), "");
}

TEST(variable_pool, lives_in_a_callers_buffer_of_its_required_bytes_without_the_heap) {
    for (const std::size_t wanted : {32u, 64u, 300u, 5000u, 200'000u}) {
        const std::size_t needed = variable_pool::required_bytes({.initial_bytes = wanted});
        for (const std::size_t skipped : {0u, 1u, 15u}) {
            std::vector<std::byte> buffer(needed + skipped);
            region place(buffer.data() + skipped, needed);
            const std::size_t before = heap_calls();
            {
                variable_pool pool({.initial_bytes = wanted, .source = &place});
                void* const whole = pool.try_allocate(wanted);
                EXPECT_NE(whole, nullptr);
                EXPECT_EQ(pool.try_allocate(1), nullptr);
                pool.deallocate(whole);
                std::size_t blocks = 0;
                while (pool.try_allocate(32) != nullptr) ++blocks;
                EXPECT_GE(blocks, wanted / 32);
                pool.reset();
                EXPECT_TRUE(pool.is_valid());
            }
            EXPECT_EQ(heap_calls(), before);
            EXPECT_EQ(place.available(), needed);
        }
    }
}

TEST(variable_pool, three_hundred_bytes_are_a_home) {
    std::array<std::byte, 300> buffer;
    for (std::size_t skipped = 0; skipped < 16; ++skipped) {
        region place(buffer.data() + skipped, buffer.size() - skipped);
        variable_pool pool({.source = &place});
        std::vector<void*> blocks;
        while (void* const block = pool.try_allocate(32)) blocks.push_back(block);
        EXPECT_GE(blocks.size(), 4u);
        for (const std::size_t number : {0u, 2u, 1u, 3u}) pool.deallocate(blocks[number]);
        EXPECT_NE(pool.try_allocate(128), nullptr);
        pool.reset();
    }
}

TEST(variable_pool, freeing_needs_no_memory_whatever_is_freed) {
    strict_source strict;
    failing_source source(strict);
    variable_pool pool({.grow_size = 16 << 10, .source = &source, .trim = trim::manual});
    std::vector<void*> blocks(20'000);
    for (void*& block : blocks) block = pool.allocate(1);
    source.forget_calls();
    source.refuse(1, refusal::from_then_on);
    for (std::size_t i = 0; i < blocks.size(); i += 2) pool.deallocate(blocks[i]); // as many free as can be
    EXPECT_EQ(source.calls().all(), 0u);
    EXPECT_EQ(pool.stats().live, 10'000u);
    EXPECT_GE(pool.stats().idle, 10'000u);
    EXPECT_TRUE(pool.is_valid());
    for (std::size_t i = 1; i < blocks.size(); i += 2) pool.deallocate(blocks[i]);
    EXPECT_EQ(source.calls().all(), 0u);
    EXPECT_EQ(pool.stats().live, 0u);
}

TEST(variable_pool, grows_by_its_grow_size) {
    for (const std::size_t step : {16u << 10, 256u << 10}) {
        strict_source strict;
        variable_pool pool({.grow_size = step, .source = &strict});
        (void)pool.allocate(1);
        EXPECT_GE(strict.reserved(), step);
        EXPECT_LE(strict.reserved(), step + (8 << 10)); // its numbers of free blocks stand apart
        pool.reset();
    }
}

TEST(variable_pool, blocks_larger_than_a_region_come_from_the_source) {
    strict_source strict;
    variable_pool pool({.grow_size = 16 << 10, .source = &strict});
    void* const block = pool.allocate(1'000'000, 4096);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(block) % 4096, 0u);
    EXPECT_EQ(pool.size_of(block), 1'000'000u);
    std::memset(block, 1, 1'000'000);
    EXPECT_TRUE(pool.is_live(block));
    pool.deallocate(block, 1'000'000);
    EXPECT_FALSE(pool.is_live(block));
    EXPECT_EQ(pool.stats().live_bytes, 0u);
}

} // namespace
} // namespace cenote::test
