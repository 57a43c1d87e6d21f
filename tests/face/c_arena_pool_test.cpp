// cenote: SPDX-License-Identifier: MIT
#include <cenote/cenote.h>

#include "support/misuse_watch.hpp"

#include <cstdint>
#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace {

cenote_arena_pool_options arenas_of(std::size_t count, std::size_t size) {
    cenote_arena_pool_options options = CENOTE_ARENA_POOL_OPTIONS_INIT;
    options.arenas = count;
    options.arena_size = size;
    return options;
}

struct pool_of {
    cenote_arena_pool* pool = nullptr;
    explicit pool_of(const cenote_arena_pool_options& options) {
        EXPECT_EQ(cenote_arena_pool_create(&options, &pool), CENOTE_OK) << cenote_arena_pool_flaw(&options);
    }
    ~pool_of() { cenote_arena_pool_destroy(pool); }
    operator cenote_arena_pool*() const { return pool; }
};

TEST(c_arena_pool, lends_each_arena_to_one_holder_and_empty) {
    const pool_of pool(arenas_of(2, 1000));
    cenote_arena* one = nullptr;
    cenote_arena* two = nullptr;
    cenote_arena* three = nullptr;
    ASSERT_EQ(cenote_arena_pool_acquire(pool, &one), CENOTE_OK);
    ASSERT_EQ(cenote_arena_pool_try_acquire(pool, &two), CENOTE_OK);
    EXPECT_NE(one, two);
    EXPECT_EQ(cenote_arena_pool_try_acquire(pool, &three), CENOTE_TIMED_OUT);
    EXPECT_EQ(three, nullptr);
    EXPECT_EQ(cenote_arena_pool_acquire_within(pool, 1000, &three), CENOTE_TIMED_OUT);
    EXPECT_EQ(cenote_arena_pool_free_arenas(pool), 0u);
    void* const block = cenote_arena_allocate(one, 100, 16);
    void* const other = cenote_arena_allocate(two, 100, 16);
    ASSERT_NE(block, nullptr);
    EXPECT_NE(block, other);
    EXPECT_EQ(cenote_arena_owns(one, other), 0);
    EXPECT_EQ(cenote_arena_destroy(one), CENOTE_BAD_ARGUMENT); // it is released, not destroyed
    EXPECT_EQ(cenote_arena_pool_release(pool, one), CENOTE_OK);
    ASSERT_EQ(cenote_arena_pool_acquire_within(pool, ~0ull, &three), CENOTE_OK);
    cenote_stats stats = CENOTE_STATS_INIT;
    EXPECT_EQ(cenote_arena_stats(three, &stats), CENOTE_OK);
    EXPECT_EQ(stats.live_bytes, 0u);
    EXPECT_EQ(cenote_arena_allocate(three, 100, 16), block);
    EXPECT_EQ(cenote_arena_pool_release(pool, two), CENOTE_OK);
    EXPECT_EQ(cenote_arena_pool_release(pool, three), CENOTE_OK);
    EXPECT_EQ(cenote_arena_pool_free_arenas(pool), 2u);
}

TEST(c_arena_pool, tells_at_its_end_of_arenas_that_are_lent) {
    const cenote::test::leak_watch leaks;
    for (std::size_t kept = 0; kept < 3; ++kept) {
        const pool_of pool(arenas_of(2, 1000));
        cenote_arena* arena = nullptr;
        for (std::size_t i = 0; i < kept; ++i) ASSERT_EQ(cenote_arena_pool_acquire(pool, &arena), CENOTE_OK);
    }
    ASSERT_EQ(leaks.seen().size(), 2u);
    EXPECT_EQ(leaks.seen()[0].blocks, 1u);
    EXPECT_EQ(leaks.seen()[1].blocks, 2u);
    EXPECT_EQ(leaks.seen()[1].bytes, 2000u);
}

// Retried, a request has failed once, whoever borrows the arena afterwards and by whatever handle.
TEST(c_arena_pool, counts_the_failures_of_an_arena_over_its_loans) {
    cenote_arena_pool_options options = arenas_of(2, 100);
    options.grows = 0;
    options.stats = 1;
    options.exhaustion.handler = [](void*, const char*, std::size_t) { return 1; };
    options.exhaustion.retries = 5;
    const pool_of pool(options);
    cenote_arena* one = nullptr;
    cenote_arena* two = nullptr;
    ASSERT_EQ(cenote_arena_pool_acquire(pool, &one), CENOTE_OK);
    ASSERT_EQ(cenote_arena_pool_acquire(pool, &two), CENOTE_OK);
    EXPECT_EQ(cenote_arena_allocate(one, 1000, 16), nullptr);
    for (int round = 0; round < 4; ++round) {
        cenote_stats of_one = CENOTE_STATS_INIT;
        cenote_stats of_two = CENOTE_STATS_INIT;
        EXPECT_EQ(cenote_arena_stats(one, &of_one), CENOTE_OK);
        EXPECT_EQ(cenote_arena_stats(two, &of_two), CENOTE_OK);
        EXPECT_EQ(of_one.failures + of_two.failures, 1u) << round;
        EXPECT_EQ(cenote_arena_pool_release(pool, round % 2 == 0 ? one : two), CENOTE_OK);
        EXPECT_EQ(cenote_arena_pool_release(pool, round % 2 == 0 ? two : one), CENOTE_OK);
        ASSERT_EQ(cenote_arena_pool_acquire(pool, &one), CENOTE_OK);
        ASSERT_EQ(cenote_arena_pool_acquire(pool, &two), CENOTE_OK);
    }
    EXPECT_EQ(cenote_arena_pool_release(pool, one), CENOTE_OK);
    EXPECT_EQ(cenote_arena_pool_release(pool, two), CENOTE_OK);
}

TEST(c_arena_pool, takes_back_only_what_it_lent_and_once) {
    const pool_of pool(arenas_of(2, 1000));
    const pool_of elsewhere(arenas_of(1, 1000));
    cenote_arena* mine = nullptr;
    cenote_arena* theirs = nullptr;
    ASSERT_EQ(cenote_arena_pool_acquire(pool, &mine), CENOTE_OK);
    ASSERT_EQ(cenote_arena_pool_acquire(elsewhere, &theirs), CENOTE_OK);
    auto* const inside = reinterpret_cast<cenote_arena*>(reinterpret_cast<char*>(mine) + 1);
    EXPECT_EQ(cenote_arena_pool_release(pool, theirs), CENOTE_FOREIGN_POINTER);
    EXPECT_EQ(cenote_arena_pool_release(pool, inside), CENOTE_FOREIGN_POINTER);
    EXPECT_EQ(cenote_arena_pool_free_arenas(pool), 1u);
    EXPECT_EQ(cenote_arena_pool_release(pool, mine), CENOTE_OK);
    EXPECT_EQ(cenote_arena_pool_release(pool, mine), CENOTE_DOUBLE_FREE);
    EXPECT_EQ(cenote_arena_pool_free_arenas(pool), 2u);
    EXPECT_EQ(cenote_arena_pool_release(elsewhere, theirs), CENOTE_OK);
}

TEST(c_arena_pool, arenas_grow_and_what_they_grew_by_goes_back) {
    const pool_of pool(arenas_of(1, 1000));
    cenote_arena* arena = nullptr;
    ASSERT_EQ(cenote_arena_pool_acquire(pool, &arena), CENOTE_OK);
    EXPECT_NE(cenote_arena_allocate(arena, 200'000, 16), nullptr);
    EXPECT_EQ(cenote_arena_pool_release(pool, arena), CENOTE_OK);
    cenote_arena_pool_options fixed = arenas_of(1, 1000);
    fixed.grows = 0;
    fixed.exhaustion.handler = [](void*, const char*, std::size_t) { return 1; };
    const pool_of small(fixed);
    ASSERT_EQ(cenote_arena_pool_acquire(small, &arena), CENOTE_OK);
    EXPECT_EQ(cenote_arena_allocate(arena, 200'000, 16), nullptr);
    EXPECT_NE(cenote_arena_allocate(arena, 900, 16), nullptr);
    EXPECT_EQ(cenote_arena_pool_release(small, arena), CENOTE_OK);
    EXPECT_GT(cenote_arena_pool_trim(pool), 0u);
    EXPECT_EQ(cenote_arena_pool_trim(pool), 0u);
}

TEST(c_arena_pool, stands_in_a_buffer_that_holds_what_it_says) {
    cenote_arena_pool_options wanted = arenas_of(3, 1000);
    const std::size_t bytes = cenote_arena_pool_required_bytes(&wanted);
    ASSERT_GT(bytes, 3000u);
    std::vector<char> buffer(bytes + 1);
    wanted.memory.buffer = buffer.data() + 1;
    wanted.memory.buffer_bytes = bytes;
    const pool_of pool(wanted);
    for (int i = 0; i < 3; ++i) {
        cenote_arena* arena = nullptr;
        ASSERT_EQ(cenote_arena_pool_acquire(pool, &arena), CENOTE_OK);
        auto* const block = static_cast<char*>(cenote_arena_allocate(arena, 900, 1));
        EXPECT_TRUE(block > buffer.data() && block + 900 <= buffer.data() + buffer.size());
        EXPECT_EQ(cenote_arena_allocate(arena, 900, 1), nullptr);
    }
    std::vector<char> another(3200 + sizeof(void*)); // no room for the handles
    wanted.memory.buffer = another.data();
    wanted.memory.buffer_bytes = another.size();
    cenote_arena_pool* none = nullptr;
    EXPECT_EQ(cenote_arena_pool_create(&wanted, &none), CENOTE_NO_MEMORY);
    EXPECT_EQ(none, nullptr);
} // the three that are still lent go with the pool

TEST(c_arena_pool, refuses_bad_options_and_null) {
    cenote_arena_pool_options options = arenas_of(0, 1000);
    auto* pool = reinterpret_cast<cenote_arena_pool*>(&options);
    EXPECT_EQ(cenote_arena_pool_create(&options, &pool), CENOTE_BAD_OPTIONS);
    EXPECT_EQ(pool, nullptr);
    EXPECT_NE(std::string(cenote_arena_pool_flaw(&options)).find("arenas is 0"), std::string::npos);
    EXPECT_EQ(cenote_arena_pool_required_bytes(&options), 0u);
    options = arenas_of(SIZE_MAX / 2, SIZE_MAX / 2);
    EXPECT_NE(cenote_arena_pool_flaw(&options), nullptr);
    options = arenas_of(1, 1000);
    options.struct_size = 0;
    EXPECT_NE(cenote_arena_pool_flaw(&options), nullptr);
    options = arenas_of(1, 1000);
    options.memory.buffer_bytes = 5;
    EXPECT_NE(cenote_arena_pool_flaw(&options), nullptr);
    EXPECT_NE(cenote_arena_pool_flaw(nullptr), nullptr);
    options = arenas_of(1, 1000);
    EXPECT_EQ(cenote_arena_pool_create(&options, nullptr), CENOTE_BAD_ARGUMENT);

    cenote_arena* arena = nullptr;
    const pool_of some(options);
    EXPECT_EQ(cenote_arena_pool_acquire(nullptr, &arena), CENOTE_BAD_ARGUMENT);
    EXPECT_EQ(cenote_arena_pool_acquire(some, nullptr), CENOTE_BAD_ARGUMENT);
    EXPECT_EQ(cenote_arena_pool_release(nullptr, arena), CENOTE_BAD_ARGUMENT);
    EXPECT_EQ(cenote_arena_pool_release(some, nullptr), CENOTE_BAD_ARGUMENT);
    EXPECT_EQ(cenote_arena_pool_close(nullptr), CENOTE_BAD_ARGUMENT);
    EXPECT_EQ(cenote_arena_pool_trim(nullptr), 0u);
    EXPECT_EQ(cenote_arena_pool_free_arenas(nullptr), 0u);
    cenote_arena_pool_destroy(nullptr);
}

} // namespace
