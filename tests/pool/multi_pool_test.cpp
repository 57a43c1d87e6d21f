// cenote: SPDX-License-Identifier: MIT
#include <cenote/base/arith.hpp>
#include <cenote/pool/multi_pool.hpp>
#include <cenote/source/region.hpp>

#include "pool/hidden_slabs.hpp"
#include "support/heap_calls.hpp"
#include "support/misuse_watch.hpp"
#include "support/sizes.hpp"
#include "support/test_sources.hpp"

#include <cstring>
#include <gtest/gtest.h>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace {

using namespace cenote;
using base::size_max;

TEST(multi_pool, no_block_is_smaller_than_asked_and_every_alignment_is_kept) {
    for (const bool checks : {false, true}) {
        multi_pool pool({.checks = checks, .sanitizers = false});
        for (std::size_t alignment = 1; alignment <= std::size_t{1} << 20; alignment *= 2) {
            for (const std::size_t size :
                 {0u, 1u, 15u, 16u, 17u, 129u, 1000u, 8192u, 8193u, 70000u, 3000000u}) {
                void* const block = pool.allocate(size, alignment);
                ASSERT_EQ(reinterpret_cast<std::uintptr_t>(block) % alignment, 0u)
                    << size << '@' << alignment;
                std::memset(block, 0xa5, size);
                ASSERT_GE(pool.size_of(block), size);
                ASSERT_TRUE(pool.is_live(block));
                if (alignment % 3 == 1)
                    pool.deallocate(block, size, alignment); // half of them: 1, 4, 16, ...
            }
        }
        ASSERT_TRUE(pool.is_valid());
        pool.reset();
    }
}

TEST(multi_pool, rounding_costs_at_most_an_eighth) {
    multi_pool pool;
    for (std::size_t size = 129; size <= pool.largest_block(); ++size) {
        ASSERT_LE(multi_pool::rounded_size(size) - size, size / 8 + 1);
    }
    const allocation got = pool.allocate_at_least(1000);
    EXPECT_EQ(got.size, multi_pool::rounded_size(1000));
    std::memset(got.pointer, 1, got.size);
    pool.deallocate(got.pointer);
}

TEST(multi_pool, impossible_requests_and_options_are_refused) {
    multi_pool pool({.name = "sizes"});
    for (std::size_t less = 0; less < 5000; less += 13) {
        ASSERT_EQ(pool.try_allocate(size_max - less), nullptr);
        ASSERT_EQ(pool.try_allocate(size_max - less, 4096), nullptr);
    }
    EXPECT_THROW((void)pool.allocate(size_max), out_of_memory);
    for (const std::size_t alignment : {std::size_t{0}, std::size_t{3}, std::size_t{12}, size_max}) {
        EXPECT_EQ(pool.try_allocate(64, alignment), nullptr);
        EXPECT_THROW((void)pool.allocate(64, alignment), std::exception);
    }
    EXPECT_EQ(pool.try_allocate(64, test::top_bit), nullptr);
    EXPECT_EQ(pool.stats().live, 0u);
    EXPECT_TRUE(pool.is_valid());
    EXPECT_THROW(multi_pool({.slab_bytes = 1000}), bad_options);
    EXPECT_THROW(multi_pool({.slab_bytes = 512}), bad_options);
    EXPECT_THROW(multi_pool({.maximum_bytes = 0}), bad_options);
    EXPECT_THROW(multi_pool({.initial_bytes = 2, .maximum_bytes = 1}), bad_options);
    EXPECT_THROW(multi_pool({.initial_bytes = size_max - 1}), bad_options);
    EXPECT_THROW(multi_pool({.initial_bytes = size_max}), std::exception);
    EXPECT_THROW(multi_pool({.growth = growth::constant(0)}), bad_options);
}

TEST(multi_pool, agrees_with_a_map_through_random_traffic) {
    for (const bool checks : {false, true}) {
        test::counting_source from;
        multi_pool pool({.source = &from, .checks = checks, .sanitizers = false});
        std::map<unsigned char*, std::size_t> live;
        std::mt19937 random(13);
        for (int step = 0; step < 20000; ++step) {
            if (random() % 100 < (step / 5000 % 2 == 0 ? 60u : 40u)) {
                const std::size_t size = random() % 50 == 0 ? random() % 100000 : random() % 600;
                auto* const block = static_cast<unsigned char*>(pool.allocate(size));
                std::memset(block, static_cast<int>(size % 251), size);
                ASSERT_TRUE(live.emplace(block, size).second);
            } else if (!live.empty()) {
                auto which = live.lower_bound(live.begin()->first + random() % 2000000);
                if (which == live.end()) which = live.begin();
                const auto [block, size] = *which;
                for (std::size_t i = 0; i < size; i += 97) ASSERT_EQ(block[i], size % 251);
                if (random() % 2 == 0) {
                    pool.deallocate(block);
                } else {
                    pool.deallocate(block, size);
                }
                live.erase(which);
            }
            const pool_stats stats = pool.stats();
            ASSERT_EQ(stats.live, live.size());
            ASSERT_EQ(stats.live + stats.cached + stats.idle, stats.blocks);
            ASSERT_EQ(stats.reserved_bytes, from.reserved);
            ASSERT_TRUE(step % 500 != 0 || pool.is_valid());
        }
        std::map<unsigned char*, std::size_t> seen;
        pool.for_each(
            [&](void* block, std::size_t size) { seen.emplace(static_cast<unsigned char*>(block), size); });
        ASSERT_EQ(seen.size(), live.size());
        for (const auto& [block, size] : live) ASSERT_GE(seen[block], size);
        for (const auto& [block, size] : live) pool.deallocate(block);
        EXPECT_GT(pool.trim(), 0u);
        EXPECT_EQ(from.regions(), 0u);
        EXPECT_EQ(from.wrong_releases, 0u);
    }
}

TEST(multi_pool, misuse_is_reported_by_name_at_the_call_with_checks) {
    multi_pool pool({.checks = true, .name = "sizes"});
    auto* const block = static_cast<std::byte*>(pool.allocate(100));
    auto* const large = static_cast<std::byte*>(pool.allocate(100000));
    void* const freed = pool.allocate(100);
    pool.deallocate(freed);
    int local = 0;
    test::misuse_watch watch;
    const auto expect = [&](misuse kind) {
        ASSERT_EQ(watch.count(), 1u);
        EXPECT_EQ(watch.seen()[0].kind, kind) << misuse_text(watch.seen()[0].kind);
        EXPECT_STREQ(watch.seen()[0].pool, "sizes");
        EXPECT_EQ(pool.stats().live, 2u);
        watch.clear();
    };
    pool.deallocate(freed);
    expect(misuse::double_free);
    pool.deallocate(&local);
    expect(misuse::foreign_pointer);
    pool.deallocate(block + 8);
    expect(misuse::interior_pointer);
    pool.deallocate(large + 8);
    expect(misuse::interior_pointer);
    pool.deallocate(block, 1000);
    expect(misuse::wrong_size);
    pool.deallocate(large, 100001);
    expect(misuse::wrong_size);
    pool.deallocate(nullptr);
    EXPECT_EQ(watch.count(), 0u);
    pool.deallocate(large);
    pool.deallocate(large);
    ASSERT_EQ(watch.count(), 1u);
    EXPECT_EQ(watch.seen()[0].kind, misuse::double_free);
    pool.deallocate(block);
}

TEST(multi_pool, a_limit_is_kept_and_named) {
    test::counting_source from;
    multi_pool pool({.maximum_bytes = 1 << 20, .source = &from, .sanitizers = false, .name = "sizes"});
    std::vector<void*> blocks;
    while (void* const block = pool.try_allocate(1000)) blocks.push_back(block);
    EXPECT_LE(from.peak, std::size_t{1} << 20);
    EXPECT_GE(blocks.size() * 1000, std::size_t{700000});
    try {
        (void)pool.allocate(1000);
        FAIL() << "nothing was thrown";
    } catch (const out_of_memory& error) {
        EXPECT_EQ(error.details().limit, std::size_t{1} << 20);
        EXPECT_EQ(error.details().requested, 1000u);
    }
    EXPECT_EQ(pool.try_allocate(500000), nullptr);
    for (void* const block : blocks) pool.deallocate(block);
    EXPECT_NE(pool.try_allocate(500000), nullptr); // what was idle makes room
    EXPECT_TRUE(pool.is_valid());
}

TEST(multi_pool, memory_of_one_size_serves_another) {
    test::counting_source from;
    multi_pool pool({.source = &from, .sanitizers = false});
    std::size_t first = 0;
    for (const std::size_t size : {64u, 200u, 1000u, 4000u, 64u}) {
        std::vector<void*> blocks(4000000 / size);
        for (void*& block : blocks) block = pool.allocate(size);
        for (void* const block : blocks) pool.deallocate(block);
        if (first == 0) first = from.peak;
    }
    EXPECT_LE(from.peak, first * 3 / 2);
}

TEST(multi_pool, frees_blocks_of_slabs_whose_place_in_the_table_another_has) {
    test::free_blocks_of_hidden_slabs<multi_pool>();
}

TEST(multi_pool, many_at_once_are_all_or_nothing) {
    multi_pool pool({.maximum_bytes = 1 << 20, .sanitizers = false});
    std::vector<void*> blocks(100000);
    pool.allocate_n(100, blocks.data(), 1000);
    EXPECT_EQ(std::set<void*>(blocks.begin(), blocks.begin() + 1000).size(), 1000u);
    EXPECT_FALSE(pool.try_allocate_n(100, blocks.data() + 1000, 50000));
    EXPECT_THROW(pool.allocate_n(100, blocks.data() + 1000, 50000), out_of_memory);
    EXPECT_EQ(pool.stats().live, 1000u);
    pool.deallocate_n(blocks.data(), 1000);
    EXPECT_EQ(pool.stats().live, 0u);
    EXPECT_TRUE(pool.is_valid());
}

TEST(multi_pool, a_walk_ends_although_every_visit_allocates) {
    multi_pool pool({.sanitizers = false});
    for (int i = 0; i < 50; ++i) (void)pool.allocate(i % 2 == 0 ? 100 : 20000);
    std::size_t visits = 0;
    pool.for_each([&](void*, std::size_t size) {
        (void)pool.allocate(size);
        return ++visits < 100000;
    });
    EXPECT_GE(visits, 50u);
    EXPECT_LT(visits, 20000u);
}

TEST(multi_pool, a_handler_that_allocates_itself_does_not_recurse) {
    static multi_pool* home;
    static int calls;
    calls = 0;
    multi_pool pool({.maximum_bytes = 1 << 18, .on_exhaustion = {[](void*, const shortage&) {
                                                   if (++calls > 50) return false;
                                                   EXPECT_THROW((void)home->allocate(1 << 20), out_of_memory);
                                                   return false;
                                               }}});
    home = &pool;
    EXPECT_THROW((void)pool.allocate(1 << 20), out_of_memory);
    EXPECT_EQ(calls, 1);
}

TEST(multi_pool, zeroes_and_erases_as_asked) {
    test::counting_source from;
    multi_pool pool({.source = &from, .zero_on_allocate = true, .erase_on_free = true, .sanitizers = false});
    for (const std::size_t size : {1u, 100u, 5000u, 100000u}) {
        for (int round = 0; round < 3; ++round) {
            auto* const block = static_cast<unsigned char*>(pool.allocate(size));
            for (std::size_t i = 0; i < size; ++i) ASSERT_EQ(block[i], 0);
            std::memset(block, 0xff, size);
            pool.deallocate(block);
        }
    }
    multi_pool plain({.source = &from, .sanitizers = false});
    for (const std::size_t size : {1u, 100u, 5000u, 100000u}) {
        auto* const block = static_cast<unsigned char*>(plain.allocate_zeroed(size));
        for (std::size_t i = 0; i < size; ++i) ASSERT_EQ(block[i], 0);
        plain.deallocate_erased(block);
    }
}

TEST(multi_pool, lives_in_a_buffer_of_required_bytes_without_the_heap) {
    alignas(64) static std::byte buffer[1 << 20];
    const multi_pool_options wanted{.slab_bytes = 4096, .initial_bytes = 40960, .sanitizers = false};
    const std::size_t bytes = multi_pool::required_bytes(wanted);
    ASSERT_LE(bytes, sizeof buffer / 2);
    for (const std::size_t shift : {0u, 1u, 63u, 4095u}) {
        const std::size_t heap_calls = test::heap_calls();
        region from(buffer + shift, bytes);
        multi_pool_options options = wanted;
        options.source = &from;
        multi_pool pool(options);
        std::size_t count = 0;
        while (pool.try_allocate(64) != nullptr) ++count;
        EXPECT_EQ(count, 640u);
        EXPECT_EQ(test::heap_calls(), heap_calls);
        EXPECT_TRUE(pool.is_valid());
    }
}

constinit multi_pool everything{{.name = "static sizes"}};

TEST(multi_pool, fills_regions_of_the_size_that_its_source_gives_best) {
    test::large_region_source from;
    multi_pool pool({.source = &from, .sanitizers = false});
    for (std::size_t i = 0; i < 5 * (from.best >> 8); ++i) (void)pool.allocate(256);
    EXPECT_GE(from.filled(), 2u);
    EXPECT_EQ(from.filled() + from.small(), from.asked.size()) << testing::PrintToString(from.asked);
    pool.reset();
    test::large_region_source told;
    multi_pool small({.initial_bytes = 128 << 10, .source = &told, .sanitizers = false});
    (void)small.allocate(256);
    EXPECT_LT(told.asked.front(), 256u << 10);
    small.reset();
}

TEST(multi_pool, empty_braces_mean_its_default_options) {
    multi_pool pool({});
    EXPECT_EQ(pool.largest_block(), multi_pool().largest_block());
    pool.deallocate(pool.allocate(100));
    EXPECT_TRUE(pool.is_valid());
}

TEST(multi_pool, stands_in_static_storage) {
    void* const block = everything.allocate(100);
    EXPECT_TRUE(everything.owns(block));
    everything.deallocate(block);
}

} // namespace
