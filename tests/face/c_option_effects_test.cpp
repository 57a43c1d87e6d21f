// cenote: SPDX-License-Identifier: MIT
//
// Each option of the C face does what its name says: it reaches the pool behind the handle.
#include <cenote/base/sanitizer.hpp>
#include <cenote/cenote.h>

#include "support/memcheck.hpp"
#include "support/misuse_watch.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <gtest/gtest.h>
#include <vector>

namespace {

using cenote::test::misuse_watch;

bool all_are(int value, const void* block, std::size_t bytes) {
    cenote::test::read_on_purpose(block, bytes);
    const auto* const first = static_cast<const unsigned char*>(block);
    return std::all_of(first, first + bytes, [value](unsigned char byte) { return byte == value; });
}

// What is left live is no leak here.
void end(cenote_fixed* pool) {
    EXPECT_EQ(cenote_fixed_reset(pool), CENOTE_OK);
    cenote_fixed_destroy(pool);
}
void end(cenote_variable* pool) {
    EXPECT_EQ(cenote_variable_reset(pool), CENOTE_OK);
    cenote_variable_destroy(pool);
}
void end(cenote_arena* one) {
    EXPECT_EQ(cenote_arena_destroy(one), CENOTE_OK);
}
void end(cenote_arena_pool* pool) {
    cenote_arena_pool_destroy(pool);
}

/// A handle for the length of a test.
template<class Options, class Handle, auto create, auto tell>
struct handle_of {
    Handle* handle = nullptr;
    explicit handle_of(const Options& options) { EXPECT_EQ(create(&options, &handle), CENOTE_OK); }
    ~handle_of() { end(handle); }
    operator Handle*() const { return handle; }
    [[nodiscard]] cenote_stats stats() const {
        cenote_stats result = CENOTE_STATS_INIT;
        EXPECT_EQ(tell(handle, &result), CENOTE_OK);
        return result;
    }
};
using fixed = handle_of<cenote_fixed_options, cenote_fixed, cenote_fixed_create, cenote_fixed_stats>;
using variable =
    handle_of<cenote_variable_options, cenote_variable, cenote_variable_create, cenote_variable_stats>;
using arena = handle_of<cenote_arena_options, cenote_arena, cenote_arena_create, cenote_arena_stats>;
using arenas = handle_of<cenote_arena_pool_options, cenote_arena_pool, cenote_arena_pool_create,
                         cenote_arena_pool_stats>;

cenote_fixed_options blocks_of(std::size_t size) {
    cenote_fixed_options options = CENOTE_FIXED_OPTIONS_INIT;
    options.block_size = size;
    return options;
}
cenote_variable_options sizes() {
    return CENOTE_VARIABLE_OPTIONS_INIT;
}

/// What a block that was full of sevens, freed and handed out again is full of.
struct bytes_again {
    bool are_zero;
    bool are_sevens;
};
template<class Take, class Free>
bytes_again bytes_after(const Take& take, const Free& free) {
    void* const block = take();
    std::memset(block, 7, 64);
    free(block);
    void* const again = take();
    EXPECT_EQ(again, block);
    const bytes_again result{all_are(0, again, 64), all_are(7, again, 64)};
    free(again);
    return result;
}
/// With `zero` alone and with `erase` alone they are zero, with neither they are what they were.
template<class Options, class Handle, class Take, class Free>
void expect_zero_where_asked(const Options& plain, const Take& take, const Free& free) {
    for (const int which : {0, 1, 2}) {
        Options wanted = plain;
        wanted.zero_on_allocate = which == 1;
        wanted.erase_on_free = which == 2;
        const Handle handle(wanted);
        const auto seen =
            bytes_after([&] { return take(handle); }, [&](void* block) { free(handle, block); });
        EXPECT_EQ(seen.are_zero, which != 0) << which;
        EXPECT_EQ(seen.are_sevens, which == 0) << which;
    }
}

// Fixed pools, for one thread and for many.

class c_fixed_options_of : public ::testing::TestWithParam<int> {
public:
    static cenote_fixed_options options(std::size_t size) {
        cenote_fixed_options result = blocks_of(size);
        result.thread_safe = GetParam();
        return result;
    }
};
INSTANTIATE_TEST_SUITE_P(threads, c_fixed_options_of, ::testing::Values(0, 1));

TEST_P(c_fixed_options_of, zeroing_and_erasing_are_two) {
    expect_zero_where_asked<cenote_fixed_options, fixed>(
        options(64), [](cenote_fixed* pool) { return cenote_fixed_allocate(pool); },
        [](cenote_fixed* pool, void* block) { EXPECT_EQ(cenote_fixed_free(pool, block), CENOTE_OK); });
}

// How many blocks there are, each time that there are more.
std::vector<std::size_t> steps_of(const cenote_fixed_options& options, std::size_t blocks) {
    const fixed pool(options);
    std::vector<std::size_t> steps{pool.stats().blocks};
    for (std::size_t i = 0; i < blocks && cenote_fixed_allocate(pool) != nullptr; ++i) {
        const std::size_t now = pool.stats().blocks;
        if (now != steps.back()) steps.push_back(now);
    }
    return steps;
}
using counts = std::vector<std::size_t>;

TEST_P(c_fixed_options_of, constant_growth_adds_so_many_blocks_each_time) {
    cenote_fixed_options wanted = options(64);
    wanted.growth = CENOTE_GROWTH_CONSTANT;
    wanted.growth_blocks = 100;
    EXPECT_EQ(steps_of(wanted, 250), (counts{0, 100, 200, 300}));
    wanted.growth_blocks = 30;
    EXPECT_EQ(steps_of(wanted, 70), (counts{0, 30, 60, 90}));
}

// Blocks of a page that are added to 1,000, in memory: slabs are made of it one by one.
std::size_t blocks_added(cenote_fixed_options options) {
    options.initial_blocks = 1000;
    const fixed pool(options);
    const std::size_t before = pool.stats().reserved_bytes;
    for (int i = 0; i < 1050 && pool.stats().reserved_bytes == before; ++i) (void)cenote_fixed_allocate(pool);
    return (pool.stats().reserved_bytes - before) / options.block_size;
}

TEST_P(c_fixed_options_of, geometric_growth_is_by_the_factor_and_at_most_the_blocks) {
    cenote_fixed_options wanted = options(4096);
    const auto expect_about = [](std::size_t added, std::size_t expected) {
        EXPECT_GE(added, expected);
        EXPECT_LE(added, expected + 48); // in whole slabs, with their records; on Windows up to 64 KiB
    };
    wanted.growth_factor = 2;
    expect_about(blocks_added(wanted), 1000);
    wanted.growth_factor = 1.5;
    expect_about(blocks_added(wanted), 500);
    wanted.growth_blocks = 100;
    expect_about(blocks_added(wanted), 100);
}

TEST_P(c_fixed_options_of, without_growth_all_is_there_at_once) {
    cenote_fixed_options wanted = options(64);
    wanted.growth = CENOTE_GROWTH_NONE;
    wanted.initial_blocks = 70;
    EXPECT_EQ(steps_of(wanted, 100), (counts{70}));
}

TEST_P(c_fixed_options_of, maximum_blocks_are_the_last) {
    cenote_fixed_options wanted = options(64);
    wanted.maximum_blocks = 150;
    wanted.growth = CENOTE_GROWTH_CONSTANT;
    wanted.growth_blocks = 100;
    EXPECT_EQ(steps_of(wanted, 1000), (counts{0, 100, 150}));
}

TEST_P(c_fixed_options_of, slabs_hold_as_many_blocks_as_is_said) {
    cenote_fixed_options wanted = options(64);
    wanted.blocks_per_slab = 10;
    const fixed small(wanted);
    (void)cenote_fixed_allocate(small);
    EXPECT_LE(small.stats().blocks, 10u);
    EXPECT_GT(small.stats().blocks, 0u);
}

TEST_P(c_fixed_options_of, memory_stays_where_trimming_is_by_hand) {
    for (const int by_hand : {0, 1}) {
        cenote_fixed_options wanted = options(4096);
        wanted.manual_trim = by_hand;
        wanted.growth = CENOTE_GROWTH_CONSTANT;
        wanted.growth_blocks = 100;
        const fixed pool(wanted);
        std::vector<void*> blocks(2000);
        std::size_t most = 0;
        for (int round = 0; round < 1000; ++round) {
            for (void*& block : blocks) block = cenote_fixed_allocate(pool);
            most = std::max(most, pool.stats().reserved_bytes);
            for (void* const block : blocks) EXPECT_EQ(cenote_fixed_free(pool, block), CENOTE_OK);
            blocks.resize(200); // the first round was a burst
        }
        EXPECT_EQ(pool.stats().reserved_bytes == most, by_hand == 1);
    }
}

TEST(c_option_effects, threads_expected_are_given_room) {
    if (cenote::base::watched()) return; // such pools have no magazines
    const auto bytes_for = [](unsigned threads) {
        cenote_fixed_options wanted = blocks_of(64);
        wanted.thread_safe = 1;
        wanted.unchecked = 1;
        wanted.maximum_blocks = 1000;
        wanted.magazine_blocks = 20;
        wanted.threads = threads;
        return cenote_fixed_required_bytes(&wanted);
    };
    EXPECT_GT(bytes_for(2), bytes_for(1));
    EXPECT_GT(bytes_for(8), bytes_for(4));
}

TEST(c_option_effects, magazines_hold_so_many_blocks) {
    if (cenote::base::watched()) return;
    std::vector<std::byte> place(128 << 10);
    const auto blocks_beside_magazines_of = [&](std::size_t blocks) {
        cenote_fixed_options wanted = blocks_of(64);
        wanted.thread_safe = 1;
        wanted.unchecked = 1;
        wanted.magazine_blocks = blocks;
        wanted.memory.buffer = place.data();
        wanted.memory.buffer_bytes = place.size();
        const fixed pool(wanted);
        std::size_t count = 0;
        while (cenote_fixed_allocate(pool) != nullptr) ++count;
        return count;
    };
    EXPECT_LT(blocks_beside_magazines_of(1000), blocks_beside_magazines_of(10));
}

// Pools of any size.

// The number of the hole that a request is served from.
std::size_t hole_for(const cenote_variable_options& options, std::vector<std::size_t> holes,
                     std::size_t request) {
    const variable pool(options);
    std::vector<void*> blocks;
    for (const std::size_t size : holes) {
        blocks.push_back(cenote_variable_allocate(pool, size));
        (void)cenote_variable_allocate(pool, 32); // keeps them apart
    }
    for (void* const block : blocks) EXPECT_EQ(cenote_variable_free(pool, block), CENOTE_OK);
    const auto found = std::find(blocks.begin(), blocks.end(), cenote_variable_allocate(pool, request));
    return static_cast<std::size_t>(found - blocks.begin());
}

TEST(c_option_effects, each_fit_takes_its_own_free_block) {
    const std::vector<std::size_t> holes{16'000, 8160, 8112, 8128};
    cenote_variable_options wanted = sizes();
    EXPECT_EQ(hole_for(wanted, holes, 8100), 0u); // all of its class hold it
    EXPECT_EQ(hole_for(wanted, {4000, 320, 1600, 336, 640}, 330), 3u);
    wanted.fit = CENOTE_FIT_FIRST;
    EXPECT_EQ(hole_for(wanted, {320, 4000, 1600, 336}, 330), 1u);
    wanted.fit = CENOTE_FIT_BEST;
    EXPECT_EQ(hole_for(wanted, holes, 8100), 2u);
    wanted.tolerance_percent = 25; // content with the one that was freed last
    EXPECT_EQ(hole_for(wanted, holes, 8100), 3u);
}

TEST(c_option_effects, variable_zeroing_and_erasing_are_two) {
    expect_zero_where_asked<cenote_variable_options, variable>(
        sizes(), [](cenote_variable* pool) { return cenote_variable_allocate(pool, 64); },
        [](cenote_variable* pool, void* block) { EXPECT_EQ(cenote_variable_free(pool, block), CENOTE_OK); });
}

TEST(c_option_effects, variable_checks_find_a_write_to_freed_memory) {
    if (cenote::base::watched()) return; // the watcher would see the write itself
    for (const int checks : {0, 1}) {
        misuse_watch watch;
        cenote_variable_options wanted = sizes();
        wanted.checks = checks;
        const variable pool(wanted);
        auto* const block = static_cast<char*>(cenote_variable_allocate(pool, 200));
        (void)cenote_variable_allocate(pool, 32);
        EXPECT_EQ(cenote_variable_free(pool, block), CENOTE_OK);
        block[150] = 1;
        (void)cenote_variable_allocate(pool, 200);
        ASSERT_EQ(watch.count(), static_cast<std::size_t>(checks));
        if (checks == 1) {
            EXPECT_EQ(watch.seen()[0].kind, cenote::misuse::use_after_free);
        }
    }
}

TEST(c_option_effects, variable_pools_grow_by_what_is_asked_for) {
    cenote_variable_options wanted = sizes();
    wanted.initial_bytes = 4096;
    wanted.grow_size = 0;
    wanted.stats = 1;
    const variable none(wanted);
    EXPECT_GE(none.stats().reserved_bytes, 4096u); // before the first request
    int served = 0;
    while (served < 1000 && cenote_variable_allocate(none, 100) != nullptr) ++served;
    EXPECT_LT(served, 1000);
    EXPECT_LE(none.stats().live_bytes, 4096u);
    EXPECT_EQ(none.stats().failures, 1u);
    wanted.grow_size = 256 << 10; // some of the 64 KiB in which Windows counts
    const variable some(wanted);
    for (int i = 0; i < 2000; ++i) EXPECT_NE(cenote_variable_allocate(some, 100), nullptr);
    const std::size_t reserved = some.stats().reserved_bytes;
    EXPECT_GE(reserved, (4u + 256u) << 10);
    EXPECT_LE(reserved, 2 * (4u + 256u) << 10);
    wanted.maximum_bytes = reserved + 1000;
    const variable bounded(wanted);
    for (int i = 0; i < 10'000; ++i) (void)cenote_variable_allocate(bounded, 100);
    EXPECT_LE(bounded.stats().reserved_bytes, reserved + 1000);
}

TEST(c_option_effects, variable_memory_stays_where_trimming_is_by_hand) {
    for (const int by_hand : {0, 1}) {
        cenote_variable_options wanted = sizes();
        wanted.grow_size = 64 << 10;
        wanted.manual_trim = by_hand;
        const variable pool(wanted);
        std::vector<void*> blocks(1000);
        std::size_t most = 0;
        for (int round = 0; round < 200; ++round) {
            for (void*& block : blocks) block = cenote_variable_allocate(pool, 4000);
            most = std::max(most, pool.stats().reserved_bytes);
            for (void* const block : blocks) EXPECT_EQ(cenote_variable_free(pool, block), CENOTE_OK);
            blocks.resize(100); // the first round was a burst
        }
        EXPECT_EQ(pool.stats().reserved_bytes == most, by_hand == 1);
    }
}

TEST(c_option_effects, a_block_grows_and_shrinks_in_place_where_its_neighbour_is_free) {
    const variable pool(sizes());
    (void)cenote_variable_allocate(pool, 48); // so that the next one is not aligned to a page
    void* const block = cenote_variable_allocate(pool, 100);
    EXPECT_EQ(cenote_variable_reallocate(pool, block, 5000), block);
    EXPECT_GE(cenote_variable_size_of(pool, block), 5000u);
    EXPECT_EQ(cenote_variable_reallocate(pool, block, 60), block);
    EXPECT_EQ(cenote_variable_size_of(pool, block), 64u);
    (void)cenote_variable_allocate(pool, 100); // a live neighbour now
    EXPECT_NE(cenote_variable_reallocate(pool, block, 5000), block);
}

// Arenas, and those of a pool.

TEST(c_option_effects, arena_zeroing_and_erasing_are_two) {
    expect_zero_where_asked<cenote_arena_options, arena>(
        CENOTE_ARENA_OPTIONS_INIT, [](cenote_arena* of) { return cenote_arena_allocate(of, 64, 16); },
        [](cenote_arena* of, void* block) { EXPECT_EQ(cenote_arena_free(of, block, 64), CENOTE_OK); });
}

cenote_status second_free_in(cenote_arena* of) {
    void* const first = cenote_arena_allocate(of, 64, 16);
    (void)cenote_arena_allocate(of, 64, 16);
    EXPECT_EQ(cenote_arena_free(of, first, 64), CENOTE_OK);
    return cenote_arena_free(of, first, 64);
}

TEST(c_option_effects, unchecked_arenas_judge_no_free) {
    cenote_arena_options wanted = CENOTE_ARENA_OPTIONS_INIT;
    EXPECT_EQ(second_free_in(arena(wanted)), CENOTE_DOUBLE_FREE);
    wanted.unchecked = 1;
    EXPECT_EQ(second_free_in(arena(wanted)), CENOTE_OK);
}

TEST(c_option_effects, arenas_take_chunks_of_the_size_that_is_asked_for) {
    cenote_arena_options wanted = CENOTE_ARENA_OPTIONS_INIT;
    const arena usual(wanted);
    wanted.chunk_size = 1 << 20;
    const arena large(wanted);
    (void)cenote_arena_allocate(usual, 1, 1);
    (void)cenote_arena_allocate(large, 1, 1);
    EXPECT_LT(usual.stats().held_bytes, std::size_t{1} << 20);
    EXPECT_GE(large.stats().held_bytes, std::size_t{900} << 10); // the rest marks its blocks
}

TEST(c_option_effects, arenas_take_no_more_than_their_maximum) {
    cenote_arena_options wanted = CENOTE_ARENA_OPTIONS_INIT;
    wanted.maximum_bytes = 256 << 10;
    wanted.stats = 1;
    const arena bounded(wanted);
    while (cenote_arena_allocate(bounded, 1000, 8) != nullptr && bounded.stats().live_bytes < 1 << 20) {
    }
    EXPECT_LE(bounded.stats().reserved_bytes, wanted.maximum_bytes);
    EXPECT_EQ(bounded.stats().has_calls, 1);
    EXPECT_EQ(bounded.stats().failures, 1u);
}

// One arena of a pool, for the length of a test.
struct loan {
    arenas pool;
    cenote_arena* one = nullptr;
    explicit loan(const cenote_arena_pool_options& options) : pool(options) {
        EXPECT_EQ(cenote_arena_pool_acquire(pool, &one), CENOTE_OK);
    }
    ~loan() { EXPECT_EQ(cenote_arena_pool_release(pool, one), CENOTE_OK); }
    operator cenote_arena*() const { return one; }
};
cenote_arena_pool_options one_arena() {
    cenote_arena_pool_options options = CENOTE_ARENA_POOL_OPTIONS_INIT;
    options.arenas = 1;
    options.arena_size = 4000;
    return options;
}

TEST(c_option_effects, lent_arenas_zero_and_erase_where_their_pool_is_told_to) {
    expect_zero_where_asked<cenote_arena_pool_options, loan>(
        one_arena(), [](cenote_arena* of) { return cenote_arena_allocate(of, 64, 16); },
        [](cenote_arena* of, void* block) { EXPECT_EQ(cenote_arena_free(of, block, 64), CENOTE_OK); });
}

TEST(c_option_effects, lent_arenas_judge_frees_unless_their_pool_is_unchecked) {
    cenote_arena_pool_options wanted = one_arena();
    EXPECT_EQ(second_free_in(loan(wanted)), CENOTE_DOUBLE_FREE);
    wanted.unchecked = 1;
    EXPECT_EQ(second_free_in(loan(wanted)), CENOTE_OK);
}

TEST(c_option_effects, lent_arenas_hold_their_size_from_the_start) {
    cenote_arena_pool_options wanted = one_arena();
    for (const std::size_t size : {1000u, 100'000u}) {
        wanted.arena_size = size;
        const loan lent(wanted);
        cenote_stats stats = CENOTE_STATS_INIT;
        EXPECT_EQ(cenote_arena_stats(lent, &stats), CENOTE_OK);
        EXPECT_GE(stats.held_bytes, size);
        EXPECT_LT(stats.held_bytes, size + (8 << 10));
    }
}

} // namespace
