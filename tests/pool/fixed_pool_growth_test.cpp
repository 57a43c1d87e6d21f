// cenote: SPDX-License-Identifier: MIT
//
// How a pool grows, and what it promises of its source: one step at a time, what the policy says, nothing for
// blocks that were reserved.
#include <cenote/base/arith.hpp>
#include <cenote/pool/fixed_pool.hpp>
#include <cenote/source/budget.hpp>
#include <cenote/source/heap.hpp>
#include <cenote/source/region.hpp>

#include "support/process_memory.hpp"
#include "support/test_sources.hpp"

#include <gtest/gtest.h>
#include <set>
#include <vector>

namespace {

using namespace cenote;

// How many blocks were live each time the pool grew, until there are `most`.
std::vector<std::size_t> steps_of(fixed_pool_options options, std::size_t most) {
    options.sanitizers = false;
    fixed_pool pool(options);
    std::vector<std::size_t> steps;
    std::size_t count = 0;
    std::size_t reserved = 0;
    while (count < most && pool.try_allocate() != nullptr) {
        ++count;
        if (pool.stats().reserved_bytes == reserved) continue;
        reserved = pool.stats().reserved_bytes;
        steps.push_back(count - 1);
    }
    EXPECT_TRUE(pool.is_valid());
    return steps;
}

TEST(fixed_pool_growth, constant_adds_the_same_number_each_time) {
    EXPECT_EQ(steps_of({.block_size = 64, .growth = growth::constant(10)}, 45),
              (std::vector<std::size_t>{0, 10, 20, 30, 40}));
    EXPECT_EQ(steps_of({.block_size = 64, .growth = growth::constant(1)}, 4),
              (std::vector<std::size_t>{0, 1, 2, 3}));
    EXPECT_EQ(steps_of({.block_size = 64, .blocks_per_slab = 10, .growth = growth::constant(30)}, 100),
              (std::vector<std::size_t>{0, 30, 60, 90}));
}

TEST(fixed_pool_growth, constant_adds_whole_slabs_when_slabs_are_larger) {
    EXPECT_EQ(steps_of({.block_size = 64, .blocks_per_slab = 16, .growth = growth::constant(10)}, 60),
              (std::vector<std::size_t>{0, 10, 26, 42, 58}));
}

TEST(fixed_pool_growth, a_factor_of_two_doubles) {
    EXPECT_EQ(
        steps_of(
            {.block_size = 64, .initial_blocks = 10, .blocks_per_slab = 10, .growth = growth::geometric(2)},
            100),
        (std::vector<std::size_t>{0, 10, 20, 40, 80}));
}

TEST(fixed_pool_growth, a_factor_near_one_still_grows) {
    const std::vector<std::size_t> steps = steps_of(
        {.block_size = 64, .initial_blocks = 10, .blocks_per_slab = 10, .growth = growth::geometric(1.001)},
        50);
    EXPECT_EQ(steps, (std::vector<std::size_t>{0, 10, 20, 30, 40}));
}

TEST(fixed_pool_growth, a_cap_caps_the_step) {
    EXPECT_EQ(steps_of({.block_size = 64,
                        .initial_blocks = 10,
                        .blocks_per_slab = 10,
                        .growth = growth::geometric(2, 30)},
                       130),
              (std::vector<std::size_t>{0, 10, 20, 40, 70, 100}));
}

TEST(fixed_pool_growth, none_takes_all_at_once_and_no_more) {
    for (const fixed_pool_options& options :
         {fixed_pool_options{
              .block_size = 64, .initial_blocks = 700, .growth = growth::none(), .sanitizers = false},
          fixed_pool_options{
              .block_size = 64, .maximum_blocks = 700, .growth = growth::none(), .sanitizers = false},
          fixed_pool_options{.block_size = 64,
                             .initial_blocks = 700,
                             .maximum_blocks = 900,
                             .growth = growth::none(),
                             .sanitizers = false}}) {
        fixed_pool pool(options);
        for (int round = 0; round < 3; ++round) {
            for (int i = 0; i < 700; ++i) ASSERT_NE(pool.try_allocate(), nullptr);
            EXPECT_EQ(pool.try_allocate(), nullptr);
            EXPECT_EQ(pool.stats().blocks, 700u);
            pool.reset();
            EXPECT_TRUE(round != 1 || pool.trim() > 0);
        }
    }
}

TEST(fixed_pool_growth, reserving_less_does_not_shrink_a_pool_that_takes_all_at_once) {
    fixed_pool pool({.block_size = 64, .maximum_blocks = 700, .growth = growth::none(), .sanitizers = false});
    pool.reserve(5);
    for (int i = 0; i < 700; ++i) ASSERT_NE(pool.try_allocate(), nullptr);
    EXPECT_EQ(pool.try_allocate(), nullptr);
}

TEST(fixed_pool_growth, reserving_more_does_not_stretch_a_pool_that_takes_all_at_once) {
    fixed_pool pool({.block_size = 64,
                     .initial_blocks = 100,
                     .maximum_blocks = 700,
                     .growth = growth::none(),
                     .sanitizers = false});
    pool.trim();
    EXPECT_THROW(pool.reserve(101), out_of_memory);
    pool.reserve(100);
    for (int i = 0; i < 100; ++i) ASSERT_NE(pool.try_allocate(), nullptr);
    EXPECT_EQ(pool.try_allocate(), nullptr);
}

TEST(fixed_pool_growth, the_maximum_is_reached_exactly_and_never_passed) {
    for (const std::size_t maximum : {1u, 2u, 63u, 64u, 65u, 1000u, 1023u, 1025u, 5000u}) {
        for (const growth policy : {growth{}, growth::constant(100), growth::geometric(3), growth::none()}) {
            for (const std::size_t initial : {std::size_t{0}, std::size_t{1}, maximum}) {
                if (policy.how == growth::kind::none && initial == 1) continue;
                fixed_pool pool({.block_size = 64,
                                 .initial_blocks = initial,
                                 .maximum_blocks = maximum,
                                 .growth = policy,
                                 .sanitizers = false});
                std::size_t count = 0;
                while (count <= maximum && pool.try_allocate() != nullptr) ++count;
                ASSERT_EQ(count, maximum);
                ASSERT_EQ(pool.stats().blocks, maximum);
                ASSERT_TRUE(pool.is_valid());
            }
        }
    }
}

TEST(fixed_pool_growth, nothing_is_reserved_before_the_first_block) {
    test::counting_source from;
    fixed_pool pool({.block_size = 64, .source = &from});
    EXPECT_EQ(from.calls, 0u);
    EXPECT_EQ(pool.stats().reserved_bytes, 0u);
    (void)pool.allocate();
    EXPECT_EQ(from.reserves, 1u);
    fixed_pool eager({.block_size = 64, .initial_blocks = 10, .source = &from});
    EXPECT_EQ(from.reserves, 2u);
}

TEST(fixed_pool_growth, the_slow_path_asks_the_source_once_a_step) {
    test::counting_source from;
    fixed_pool pool({.block_size = 64, .source = &from, .sanitizers = false});
    for (int i = 0; i < 1000000; ++i) (void)pool.allocate();
    EXPECT_LE(from.reserves, 60u); // a factor of 1.25 from 64 KiB to 64 MB, and a few tables
}

TEST(fixed_pool_growth, reserved_blocks_come_without_a_call_to_the_source) {
    for (const bool checks : {false, true}) {
        for (const fixed_pool::touch pages : {fixed_pool::touch::no, fixed_pool::touch::yes}) {
            test::counting_source from;
            fixed_pool pool({.block_size = 64, .source = &from, .checks = checks, .sanitizers = false});
            (void)pool.allocate();
            pool.reserve(50000, pages);
            EXPECT_EQ(from.populated != 0, pages == fixed_pool::touch::yes);
            const std::size_t calls = from.calls;
            for (int i = 1; i < 50000; ++i) (void)pool.allocate();
            EXPECT_EQ(from.calls, calls);
            pool.reserve(10); // there already
            EXPECT_LE(from.reserves, 3u);
            EXPECT_TRUE(pool.is_valid());
            pool.reset();
        }
    }
}

TEST(fixed_pool_growth, reserving_with_touch_backs_the_memory_and_without_does_not) {
    for (const bool touched : {false, true}) {
        fixed_pool pool({.block_size = 64, .sanitizers = false});
        pool.reserve(160000, touched ? fixed_pool::touch::yes : fixed_pool::touch::no);
        const std::size_t resident = test::resident_pages(pool.at(0), std::size_t{9} << 20);
        EXPECT_EQ(resident >= 2000, touched) << resident;
    }
}

TEST(fixed_pool_growth, a_reserve_beyond_the_maximum_is_refused_and_changes_nothing) {
    test::counting_source from;
    fixed_pool pool({.block_size = 64, .maximum_blocks = 100, .source = &from, .sanitizers = false});
    EXPECT_THROW(pool.reserve(101), out_of_memory);
    EXPECT_EQ(from.reserved, 0u);
    pool.reserve(100);
    const std::size_t reserved = from.reserved;
    from.refuse_reserve = true;
    EXPECT_THROW(pool.reserve(101), out_of_memory);
    pool.reserve(100);
    EXPECT_EQ(from.reserved, reserved);
}

TEST(fixed_pool_growth, a_reserve_that_fits_a_buffer_succeeds_although_the_maximum_does_not_fit) {
    alignas(64) static std::byte buffer[20000];
    region from(buffer, sizeof buffer);
    fixed_pool pool({.block_size = 64, .maximum_blocks = 1000, .source = &from, .sanitizers = false});
    pool.reserve(100);
    std::size_t count = 0;
    while (pool.try_allocate() != nullptr) ++count;
    EXPECT_GE(count, 250u);
}

TEST(fixed_pool_growth, a_buffer_serves_to_its_end_also_after_a_first_reservation) {
    alignas(64) static std::byte buffer[1 << 20];
    for (const std::size_t initial : {0u, 1000u, 10000u}) {
        region from(buffer, sizeof buffer);
        fixed_pool pool({.block_size = 64,
                         .initial_blocks = initial,
                         .growth = growth::geometric(1000),
                         .source = &from,
                         .sanitizers = false});
        std::size_t count = 0;
        while (pool.try_allocate() != nullptr) ++count;
        EXPECT_GE(count * 64, sizeof buffer * 9 / 10) << initial;
        EXPECT_TRUE(pool.is_valid());
    }
}

TEST(fixed_pool_growth, a_source_near_its_limit_still_serves) {
    test::counting_source from;
    for (const std::size_t limit : {20000u, 100000u, 1000000u}) {
        from.limit = limit;
        fixed_pool pool({.block_size = 64, .source = &from, .sanitizers = false});
        std::size_t count = 0;
        while (pool.try_allocate() != nullptr) ++count;
        EXPECT_GE(count * 64, limit / 2);
        EXPECT_TRUE(pool.is_valid());
    }
}

TEST(fixed_pool_growth, small_pools_take_little) {
    test::counting_source from;
    fixed_pool pool({.block_size = 64, .maximum_blocks = 10, .source = &from, .sanitizers = false});
    (void)pool.allocate();
    EXPECT_LE(from.reserved, 1000u);
}

TEST(fixed_pool, reserving_one_more_each_time_adds_whole_slabs) {
    test::counting_source from;
    fixed_pool pool({.block_size = 64, .blocks_per_slab = 100, .source = &from, .sanitizers = false});
    for (std::size_t blocks = 1; blocks <= 2000; ++blocks) pool.reserve(blocks);
    EXPECT_LT(from.reserves, 40);
    EXPECT_TRUE(pool.is_valid());
}

TEST(fixed_pool, a_step_near_the_top_of_the_range_still_fills_a_budget) {
    heap from;
    budget limit(from, 50000);
    fixed_pool pool({.block_size = 64,
                     .blocks_per_slab = 10,
                     .growth = growth::constant(base::size_max - 1),
                     .source = &limit,
                     .sanitizers = false});
    while (pool.try_allocate() != nullptr) {
    }
    EXPECT_GT(limit.used(), 40000u); // the next table of slabs is larger than what is left
    pool.reset();
}

TEST(fixed_pool, required_bytes_of_a_pool_that_never_grows_are_those_of_its_initial_blocks) {
    fixed_pool_options options{.block_size = 64,
                               .initial_blocks = 11,
                               .maximum_blocks = 38,
                               .growth = growth::none(),
                               .sanitizers = false};
    const std::size_t needed = fixed_pool::required_bytes(options);
    std::vector<std::byte> bytes(needed);
    region home(bytes.data(), needed);
    options.source = &home;
    fixed_pool pool(options);
    std::size_t count = 0;
    while (pool.try_allocate() != nullptr) ++count;
    EXPECT_EQ(count, 11u);
    pool.reset();
}

TEST(fixed_pool, fills_regions_of_the_size_that_its_source_gives_best) {
    for (const std::size_t size : {16u, 72u, 1000u, 40000u}) {
        test::large_region_source from;
        fixed_pool pool({.block_size = size, .source = &from, .sanitizers = false});
        for (std::size_t bytes = 0; bytes < 5 * from.best; bytes += size) (void)pool.allocate();
        EXPECT_GE(from.filled(), 2u) << size;
        EXPECT_LE(from.filled(), 6u) << size;
        EXPECT_EQ(from.filled() + from.small(), from.asked.size()) << testing::PrintToString(from.asked);
        pool.reset();
    }
}

TEST(fixed_pool, takes_from_such_a_source_what_it_is_told_and_no_more) {
    test::large_region_source from;
    const auto reserved = [&](fixed_pool_options options) {
        options.block_size = 64;
        options.source = &from;
        options.sanitizers = false;
        fixed_pool pool(options);
        (void)pool.allocate();
        const std::size_t bytes = pool.stats().reserved_bytes;
        pool.reset();
        return bytes;
    };
    constexpr std::size_t metadata = 32 << 10;
    EXPECT_LT(reserved({.initial_blocks = 100}), 100 * 64 + metadata);
    EXPECT_LT(reserved({.maximum_blocks = 5000}), 5000 * 64 + metadata);
    EXPECT_LT(reserved({.growth = growth::constant(200)}), 200 * 64 + metadata);
    EXPECT_LT(reserved({.initial_blocks = 30, .growth = growth::none()}), 30 * 64 + metadata);
}

} // namespace
