// cenote: SPDX-License-Identifier: MIT
//
// What libraries with fixed and variadic pools, with a pool behind an allocator interface, and with memory by
// hand on OS pages are known to get wrong, each as a test through the C face or the interface.
#include <cenote/cenote.h>
#include <cenote/face/direct_resource.hpp>
#include <cenote/face/resource.hpp>
#include <cenote/pool/fixed_pool.hpp>

#include "support/misuse_watch.hpp"
#include "support/process_memory.hpp"
#include "support/sizes.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <gtest/gtest.h>
#include <iterator>
#include <random>
#include <vector>

namespace {

struct blocks { // a fixed pool
    cenote_fixed* pool = nullptr;
    explicit blocks(std::size_t size, void (*adjust)(cenote_fixed_options&) = [](cenote_fixed_options&) {}) {
        cenote_fixed_options options = CENOTE_FIXED_OPTIONS_INIT;
        options.block_size = size;
        adjust(options);
        EXPECT_EQ(cenote_fixed_create(&options, &pool), CENOTE_OK);
    }
    ~blocks() { cenote_fixed_destroy(pool); }
    operator cenote_fixed*() const { return pool; }
    [[nodiscard]] cenote_stats stats() const {
        cenote_stats result = CENOTE_STATS_INIT;
        EXPECT_EQ(cenote_fixed_stats(pool, &result), CENOTE_OK);
        return result;
    }
};

struct sizes { // a variable pool
    cenote_variable* pool = nullptr;
    explicit sizes(void (*adjust)(cenote_variable_options&) = [](cenote_variable_options&) {}) {
        cenote_variable_options options = CENOTE_VARIABLE_OPTIONS_INIT;
        adjust(options);
        EXPECT_EQ(cenote_variable_create(&options, &pool), CENOTE_OK);
    }
    ~sizes() { cenote_variable_destroy(pool); }
    operator cenote_variable*() const { return pool; }
    [[nodiscard]] cenote_stats stats() const {
        cenote_stats result = CENOTE_STATS_INIT;
        EXPECT_EQ(cenote_variable_stats(pool, &result), CENOTE_OK);
        return result;
    }
};

void best_with_tolerance(cenote_variable_options& options) {
    options.fit = CENOTE_FIT_BEST;
    options.tolerance_percent = 20;
}

TEST(face_regressions, best_fit_never_gives_a_smaller_block) {
    const sizes pool(best_with_tolerance);
    auto* const small = static_cast<char*>(cenote_variable_allocate(pool, 560));
    auto* const neighbour = static_cast<char*>(cenote_variable_allocate(pool, 560));
    std::memset(neighbour, 7, 560);
    EXPECT_EQ(cenote_variable_free(pool, small), CENOTE_OK);
    auto* const asked = static_cast<char*>(cenote_variable_allocate(pool, 640));
    EXPECT_GE(cenote_variable_size_of(pool, asked), 640u);
    std::memset(asked, 9, 640);
    EXPECT_TRUE(std::all_of(neighbour, neighbour + 560, [](char byte) { return byte == 7; }));
}

TEST(face_regressions, twenty_rounds_reserve_no_more_in_the_twentieth_than_in_the_second) {
    const blocks fixed(64);
    const sizes equal(best_with_tolerance);
    const sizes random;
    std::mt19937 chance(1);
    std::size_t second = 0;
    std::vector<void*> live(1000);
    std::vector<void*> others(1000);
    std::vector<void*> more(1000);
    for (int round = 1; round <= 20; ++round) {
        chance.seed(1);
        for (std::size_t i = 0; i < 1000; ++i) {
            live[i] = cenote_fixed_allocate(fixed);
            others[i] = cenote_variable_allocate(equal, 64);
            more[i] = cenote_variable_allocate(random, 1 + chance() % 1000);
        }
        const std::size_t reserved = // while all are live: the most
            fixed.stats().reserved_bytes + equal.stats().reserved_bytes + random.stats().reserved_bytes;
        for (std::size_t i = 0; i < 1000; ++i) {
            ASSERT_EQ(cenote_fixed_free(fixed, live[i]), CENOTE_OK);
            ASSERT_EQ(cenote_variable_free(equal, others[i]), CENOTE_OK);
            ASSERT_EQ(cenote_variable_free(random, more[i]), CENOTE_OK);
        }
        if (round == 2) second = reserved;
        if (round > 2) {
            ASSERT_LE(reserved, second) << "round " << round;
        }
    }
}

TEST(face_regressions, a_block_of_no_bytes_can_be_freed_and_the_next_is_well) {
    const sizes pool;
    void* const nothing = cenote_variable_allocate(pool, 0);
    auto* const next = static_cast<char*>(cenote_variable_allocate(pool, 100));
    std::memset(next, 3, 100);
    EXPECT_EQ(cenote_variable_free(pool, nothing), CENOTE_OK);
    EXPECT_EQ(cenote_variable_size_of(pool, next) >= 100, true);
    EXPECT_EQ(cenote_variable_free(pool, next), CENOTE_OK);
    EXPECT_EQ(pool.stats().live_blocks, 0u);
}

TEST(face_regressions, a_request_of_2_to_the_60_is_null_and_holds_no_lock) {
    const sizes pool([](cenote_variable_options& o) { o.thread_safe = 1; });
    EXPECT_EQ(cenote_variable_allocate(pool, cenote::test::beyond_memory), nullptr);
    void* const block = cenote_variable_allocate(pool, 64); // would wait for ever
    EXPECT_EQ(cenote_variable_free(pool, block), CENOTE_OK);
}

TEST(face_regressions, no_wrong_pointer_is_associated_and_none_can_be_freed) {
    const cenote::test::misuse_watch watch;
    const blocks pool(64, [](cenote_fixed_options& o) { o.blocks_per_slab = 8, o.maximum_blocks = 8; });
    auto* const first = static_cast<char*>(cenote_fixed_allocate(pool));
    char* last = first;
    while (cenote_fixed_owns(pool, last + 64)) last += 64;
    char foreign[64];
    for (char* const wrong : {first + 1, first + 63, last + 64, foreign}) {
        EXPECT_EQ(cenote_fixed_owns(pool, wrong), 0);
        EXPECT_EQ(cenote_fixed_is_live(pool, wrong), 0);
        EXPECT_NE(cenote_fixed_free(pool, wrong), CENOTE_OK);
    }
    EXPECT_EQ(pool.stats().live_blocks, 1u);
    EXPECT_EQ(watch.count(), 0u);
}

TEST(face_regressions, an_increase_of_nothing_or_of_too_much_is_refused) {
    cenote_fixed_options options = CENOTE_FIXED_OPTIONS_INIT;
    options.block_size = 64;
    options.growth = CENOTE_GROWTH_CONSTANT;
    cenote_fixed* pool = nullptr;
    EXPECT_EQ(cenote_fixed_create(&options, &pool), CENOTE_BAD_OPTIONS);
    options.growth_blocks = SIZE_MAX / 4; // times 64 wraps to less than a block
    std::vector<char> buffer(std::size_t{16} << 10);
    options.memory.buffer = buffer.data();
    options.memory.buffer_bytes = buffer.size();
    ASSERT_EQ(cenote_fixed_create(&options, &pool), CENOTE_OK);
    for (int i = 0; i < 100; ++i) {
        auto* const block = static_cast<char*>(cenote_fixed_allocate(pool)); // as many as can be had
        ASSERT_TRUE(block > buffer.data() && block + 64 <= buffer.data() + buffer.size());
        std::memset(block, 1, 64);
    }
    cenote_fixed_destroy(pool);
}

TEST(face_regressions, a_stop_ends_the_whole_walk_and_not_only_a_slab) {
    const blocks pool(64, [](cenote_fixed_options& o) {
        o.blocks_per_slab = 10, o.growth = CENOTE_GROWTH_CONSTANT, o.growth_blocks = 10;
    });
    for (int i = 0; i < 100; ++i) (void)cenote_fixed_allocate(pool);
    int seen = 0;
    const auto stop = [](void* context, void*) { return ++*static_cast<int*>(context) < 3 ? 1 : 0; };
    EXPECT_EQ(cenote_fixed_for_each(pool, stop, &seen), CENOTE_STOPPED);
    EXPECT_EQ(seen, 3);
}

TEST(face_regressions, more_frees_than_blocks_do_not_make_blocks) {
    const blocks pool(64, [](cenote_fixed_options& o) { o.maximum_blocks = 16; });
    std::array<void*, 16> live{};
    for (void*& block : live) block = cenote_fixed_allocate(pool);
    char foreign[64];
    for (void* const block : live) EXPECT_EQ(cenote_fixed_free(pool, block), CENOTE_OK);
    EXPECT_NE(cenote_fixed_free(pool, live[3]), CENOTE_OK);
    EXPECT_NE(cenote_fixed_free(pool, foreign), CENOTE_OK);
    EXPECT_EQ(pool.stats().free_blocks, 16u);
    EXPECT_EQ(pool.stats().blocks, 16u);
}

TEST(face_regressions, every_alignment_from_16_on_is_kept_through_the_interface) {
    const sizes pool;
    const cenote_allocator face = cenote_variable_allocator(pool);
    for (std::size_t alignment = 16; alignment <= 8192; alignment *= 2) {
        (void)cenote_variable_allocate(pool, 48); // so that none stands right by chance
        void* const block = cenote_allocate(&face, 100, alignment, CENOTE_NONE);
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(block) % alignment, 0u);
        EXPECT_EQ(cenote_deallocate(&face, block, 100, alignment), CENOTE_OK);
    }
    EXPECT_EQ(cenote_allocate(&face, 100, 0, CENOTE_NONE), nullptr);
    EXPECT_EQ(cenote_variable_reset(pool), CENOTE_OK);
}

TEST(face_regressions, a_capacity_of_2_to_the_58_is_refused_and_not_pretended) {
    cenote_fixed_options options = CENOTE_FIXED_OPTIONS_INIT;
    options.block_size = 16;
    options.initial_blocks = cenote::test::beyond_memory / 4;
    cenote_fixed* pool = nullptr;
    EXPECT_NE(cenote_fixed_create(&options, &pool), CENOTE_OK);
    EXPECT_EQ(pool, nullptr);
}

TEST(face_regressions, a_retry_strategy_ends) {
    unsigned asked = 0;
    cenote_fixed_options options = CENOTE_FIXED_OPTIONS_INIT;
    options.block_size = 64;
    options.maximum_blocks = 1;
    options.exhaustion.context = &asked;
    options.exhaustion.retries = 5;
    options.exhaustion.handler = [](void* context, const char*, std::size_t) {
        ++*static_cast<unsigned*>(context);
        return 1; // and has freed nothing
    };
    cenote_fixed* pool = nullptr;
    ASSERT_EQ(cenote_fixed_create(&options, &pool), CENOTE_OK);
    (void)cenote_fixed_allocate(pool);
    EXPECT_EQ(cenote_fixed_allocate(pool), nullptr);
    EXPECT_EQ(asked, 5u);
    cenote_fixed_destroy(pool);
}

TEST(face_regressions, the_totals_are_right_after_a_reset) {
    const blocks pool(64, [](cenote_fixed_options& o) { o.stats = 1; });
    for (unsigned round = 1; round <= 3; ++round) {
        for (int i = 0; i < 20; ++i) (void)cenote_fixed_allocate(pool);
        EXPECT_EQ(cenote_fixed_free(pool, cenote_fixed_allocate(pool)), CENOTE_OK);
        EXPECT_EQ(cenote_fixed_reset(pool), CENOTE_OK);
        const cenote_stats now = pool.stats();
        EXPECT_EQ(now.live_blocks, 0u);
        EXPECT_EQ(now.free_blocks, now.blocks);
        EXPECT_EQ(now.peak_blocks, 21u);
        EXPECT_EQ(now.allocations, 21 * round);
        EXPECT_EQ(now.deallocations, round); // calls of free: a reset is none
    }
}

TEST(face_regressions, creating_a_pool_touches_no_page_of_its_blocks) {
    struct remembering { // pages, and the largest region of them
        cenote_allocator pages = cenote_pages_allocator();
        void* region = nullptr;
        std::size_t bytes = 0;
        static void* allocate(void* context, std::size_t size, std::size_t alignment, unsigned options) {
            auto& self = *static_cast<remembering*>(context);
            void* const block = cenote_allocate(&self.pages, size, alignment, options);
            if (size > self.bytes) {
                self.region = block;
                self.bytes = size;
            }
            return block;
        }
        static cenote_status deallocate(void* context, void* block, std::size_t size, std::size_t alignment) {
            return cenote_deallocate(&static_cast<remembering*>(context)->pages, block, size, alignment);
        }
    } parent;
    const cenote_allocator face{&parent, remembering::allocate, nullptr, remembering::deallocate, nullptr};
    cenote_fixed_options options = CENOTE_FIXED_OPTIONS_INIT;
    options.block_size = 4096;
    options.initial_blocks = 4096;
    options.memory.parent = &face;
    cenote_fixed* pool = nullptr;
    ASSERT_EQ(cenote_fixed_create(&options, &pool), CENOTE_OK);
    EXPECT_GE(parent.bytes, std::size_t{4096} * 4096);
    const std::size_t touched = cenote::test::resident_pages(parent.region, parent.bytes);
    EXPECT_LE(touched, parent.bytes / 4096 / 50); // its own notes
    cenote_fixed_destroy(pool);
}

TEST(face_regressions, an_arena_has_one_holder_and_comes_back_empty) {
    cenote_arena_pool_options options = CENOTE_ARENA_POOL_OPTIONS_INIT;
    options.arenas = 2;
    options.arena_size = 1000;
    cenote_arena_pool* pool = nullptr;
    ASSERT_EQ(cenote_arena_pool_create(&options, &pool), CENOTE_OK);
    std::array<cenote_arena*, 3> lent{};
    EXPECT_EQ(cenote_arena_pool_try_acquire(pool, &lent[0]), CENOTE_OK);
    EXPECT_EQ(cenote_arena_pool_try_acquire(pool, &lent[1]), CENOTE_OK);
    EXPECT_NE(lent[0], lent[1]);
    EXPECT_EQ(cenote_arena_pool_try_acquire(pool, &lent[2]), CENOTE_TIMED_OUT);
    (void)cenote_arena_allocate(lent[0], 900, 8);
    EXPECT_EQ(cenote_arena_pool_release(pool, lent[0]), CENOTE_OK);
    EXPECT_EQ(cenote_arena_pool_release(pool, lent[0]), CENOTE_DOUBLE_FREE);
    EXPECT_EQ(cenote_arena_pool_try_acquire(pool, &lent[2]), CENOTE_OK);
    EXPECT_NE(cenote_arena_allocate(lent[2], 900, 8), nullptr);
    cenote_arena_pool_destroy(pool);
    options.arenas = 0;
    EXPECT_EQ(cenote_arena_pool_create(&options, &pool), CENOTE_BAD_OPTIONS);
}

TEST(face_regressions, a_size_too_large_gives_nobody_the_neighbour) {
    const sizes pool;
    void* const one = cenote_variable_allocate(pool, 64);
    void* const neighbour = cenote_variable_allocate(pool, 64);
    EXPECT_EQ(cenote_variable_free_sized(pool, one, 128), CENOTE_WRONG_SIZE);
    EXPECT_EQ(cenote_variable_is_live(pool, one), 1);
    EXPECT_EQ(cenote_variable_is_live(pool, neighbour), 1);
    EXPECT_EQ(cenote_variable_free_sized(pool, one, 64), CENOTE_OK);
}

TEST(face_regressions, freed_memory_is_found_again_when_nothing_fresh_is_left) {
    const sizes pool([](cenote_variable_options& o) { o.initial_bytes = 4096, o.grow_size = 0; });
    std::vector<void*> live;
    while (void* const block = cenote_variable_allocate(pool, 300)) live.push_back(block);
    ASSERT_GT(live.size(), 5u);
    for (int round = 0; round < 3; ++round) {
        void* const third = live[2]; // a valid third block can be freed
        EXPECT_EQ(cenote_variable_free(pool, third), CENOTE_OK);
        EXPECT_EQ(cenote_variable_allocate(pool, 300), third);
    }
}

} // namespace
