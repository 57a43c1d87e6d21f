// cenote: SPDX-License-Identifier: MIT
#include <cenote/pool/variable_pool.hpp>

#include "support/memcheck.hpp"
#include "support/misuse_watch.hpp"

#include <array>
#include <cstring>
#include <gtest/gtest.h>
#include <vector>

namespace cenote::test {
namespace {

std::byte* bytes_of(void* block) {
    return static_cast<std::byte*>(block);
}

// The one report since the last, which changed nothing.
template<class Call>
misuse kind_of(variable_pool& pool, misuse_watch& watch, const Call& call) {
    const pool_stats before = pool.stats();
    watch.clear();
    call();
    EXPECT_EQ(watch.count(), 1u);
    const pool_stats after = pool.stats();
    EXPECT_EQ(after.live, before.live);
    EXPECT_EQ(after.idle, before.idle);
    EXPECT_EQ(after.live_bytes, before.live_bytes);
    EXPECT_TRUE(pool.is_valid());
    return watch.count() == 1 ? watch.seen()[0].kind : misuse::not_quiet;
}

TEST(variable_pool_misuse, every_wrong_free_is_told_at_the_call_without_any_option) {
    misuse_watch watch;
    variable_pool pool({.name = "exact"});
    std::array<void*, 5> row;
    for (void*& block : row) block = pool.allocate(100);
    int foreign = 0;
    const auto free = [&](void* pointer) { return kind_of(pool, watch, [&] { pool.deallocate(pointer); }); };
    EXPECT_EQ(free(&foreign), misuse::foreign_pointer);
    EXPECT_STREQ(watch.seen()[0].pool, "exact");
    EXPECT_EQ(watch.seen()[0].pointer, &foreign);
    EXPECT_EQ(free(bytes_of(row[2]) + 1), misuse::interior_pointer);
    EXPECT_EQ(free(bytes_of(row[2]) + 16), misuse::interior_pointer);
    EXPECT_EQ(free(bytes_of(row[2]) + 111), misuse::interior_pointer);
    EXPECT_EQ(free(bytes_of(row[4]) + 112), misuse::never_allocated);
    EXPECT_EQ(free(bytes_of(row[4]) + 4096), misuse::never_allocated);
    EXPECT_EQ(free(bytes_of(row[4]) + 4099), misuse::interior_pointer);
    pool.deallocate(row[1]);
    EXPECT_EQ(free(row[1]), misuse::double_free);
    pool.deallocate(row[3]);
    pool.deallocate(row[2]); // joins both: its start is no boundary any more
    for (const int number : {1, 2, 3}) {
        EXPECT_EQ(free(row[static_cast<std::size_t>(number)]), misuse::double_free);
        EXPECT_FALSE(pool.is_live(row[static_cast<std::size_t>(number)]));
    }
    EXPECT_TRUE(pool.owns(row[1])); // the start of what is free
    EXPECT_FALSE(pool.owns(row[2]));
    watch.clear();
    pool.deallocate(nullptr);
    pool.deallocate(row[0]);
    pool.deallocate(row[4]);
    EXPECT_EQ(watch.count(), 0u);
}

TEST(variable_pool_misuse, end_of_a_region_is_told_from_foreign_memory) {
    misuse_watch watch;
    variable_pool pool({.initial_bytes = 4096, .grow_size = 0});
    void* const whole = pool.allocate(4096);
    EXPECT_EQ(kind_of(pool, watch, [&] { pool.deallocate(bytes_of(whole) + 4096); }), misuse::past_the_end);
    pool.deallocate(whole);
}

TEST(variable_pool_misuse, of_a_pool_without_memory_is_told) {
    misuse_watch watch;
    variable_pool pool;
    int foreign = 0;
    EXPECT_EQ(kind_of(pool, watch, [&] { pool.deallocate(&foreign); }), misuse::foreign_pointer);
    EXPECT_EQ(kind_of(pool, watch, [&] { (void)pool.try_resize(&foreign, 1); }), misuse::foreign_pointer);
    EXPECT_FALSE(pool.owns(&foreign));
    EXPECT_EQ(pool.size_of(&foreign), 0u);
    void* const block = pool.allocate(8);
    pool.deallocate(block);
    (void)pool.trim(); // and of one whose memory has gone
    EXPECT_EQ(kind_of(pool, watch, [&] { pool.deallocate(block); }), misuse::foreign_pointer);
}

TEST(variable_pool_misuse, of_large_blocks_is_told) {
    misuse_watch watch;
    variable_pool pool({.grow_size = 4096});
    void* const block = pool.allocate(100'000);
    EXPECT_EQ(kind_of(pool, watch, [&] { pool.deallocate(bytes_of(block) + 16); }), misuse::interior_pointer);
    EXPECT_EQ(kind_of(pool, watch, [&] { pool.deallocate(bytes_of(block) + 99'999); }),
              misuse::interior_pointer);
    EXPECT_EQ(kind_of(pool, watch, [&] { pool.deallocate(bytes_of(block) + 100'000); }),
              misuse::past_the_end);
    EXPECT_EQ(kind_of(pool, watch, [&] { pool.deallocate(block, 99'999); }), misuse::wrong_size);
    pool.deallocate(block, 100'000);
    EXPECT_EQ(kind_of(pool, watch, [&] { pool.deallocate(block); }), misuse::double_free);
    EXPECT_EQ(kind_of(pool, watch, [&] { pool.deallocate(bytes_of(block) + 16); }), misuse::interior_pointer);
    EXPECT_TRUE(pool.owns(block));
    (void)pool.trim(); // it goes back to the source: nobody's memory, or another's, from now on
    EXPECT_EQ(kind_of(pool, watch, [&] { pool.deallocate(block); }), misuse::foreign_pointer);
    EXPECT_EQ(kind_of(pool, watch, [&] { pool.deallocate(bytes_of(block) + 16); }), misuse::foreign_pointer);
    EXPECT_FALSE(pool.owns(block));
}

TEST(variable_pool_misuse, size_given_back_is_checked) {
    misuse_watch watch;
    variable_pool pool;
    void* const block = pool.allocate(100);
    (void)pool.allocate(100);
    for (const std::size_t wrong :
         {std::size_t{0}, std::size_t{80}, std::size_t{113}, std::size_t{5000}, base::size_max}) {
        EXPECT_EQ(kind_of(pool, watch, [&] { pool.deallocate(block, wrong); }), misuse::wrong_size) << wrong;
    }
    void* const lower = pool.allocate(100);
    const std::size_t more = reinterpret_cast<std::uintptr_t>(lower) % 64 == 0 ? 8192 : 64;
    if (reinterpret_cast<std::uintptr_t>(lower) % more != 0) {
        EXPECT_EQ(kind_of(pool, watch, [&] { pool.deallocate(lower, 100, more); }), misuse::wrong_size);
    }
    watch.clear();
    pool.deallocate(block, 81); // the block has 112: as much as rounding may hide
    pool.deallocate(lower, 112);
    EXPECT_EQ(watch.count(), 0u);
    pool.reset();
}

TEST(variable_pool_misuse, reallocating_what_is_not_live_is_told_and_answered_with_null) {
    misuse_watch watch;
    variable_pool pool;
    void* const block = pool.allocate(100);
    EXPECT_EQ(kind_of(pool, watch, [&] { EXPECT_EQ(pool.reallocate(bytes_of(block) + 16, 200), nullptr); }),
              misuse::interior_pointer);
    pool.deallocate(block);
    EXPECT_EQ(kind_of(pool, watch, [&] { EXPECT_EQ(pool.reallocate(block, 200), nullptr); }),
              misuse::double_free);
    EXPECT_EQ(kind_of(pool, watch, [&] { EXPECT_EQ(pool.try_reallocate(block, 200), nullptr); }),
              misuse::double_free);
    EXPECT_EQ(kind_of(pool, watch, [&] { EXPECT_FALSE(pool.try_resize(block, 200)); }), misuse::double_free);
}

// Without options: the pool works on, whatever stands in freed memory.
TEST(variable_pool_misuse, writing_to_freed_memory_corrupts_nothing) {
    for (const fit how : {fit::good, fit::best, fit::first}) {
        misuse_watch watch;
        variable_pool pool({.fit = how, .sanitizers = false});
        std::vector<void*> blocks(300);
        for (void*& block : blocks) block = pool.allocate(80);
        for (std::size_t i = 0; i < blocks.size(); i += 2) {
            pool.deallocate(blocks[i]);
            std::memset(blocks[i], 0xff, 80);
        }
        EXPECT_TRUE(pool.is_valid());
        for (std::size_t i = 0; i < blocks.size(); i += 2) blocks[i] = pool.allocate(80);
        EXPECT_TRUE(pool.is_valid());
        for (void* const block : blocks) pool.deallocate(block);
        EXPECT_EQ(pool.stats().idle, 1u);
        EXPECT_EQ(watch.count(), 0u);
    }
}

TEST(variable_pool_misuse, writing_to_freed_memory_is_told_with_checks) {
    for (const bool erases : {false, true}) {
        misuse_watch watch;
        variable_pool pool({.checks = true, .erase_on_free = erases, .sanitizers = false});
        void* const block = pool.allocate(200);
        void* const other = pool.allocate(200);
        pool.deallocate(block);
        EXPECT_EQ(pool.allocate(200), block); // untouched
        pool.deallocate(block);
        EXPECT_EQ(watch.count(), 0u);
        bytes_of(block)[150] = std::byte{1};
        (void)pool.allocate(200);
        ASSERT_EQ(watch.count(), 1u);
        EXPECT_EQ(watch.seen()[0].kind, misuse::use_after_free);
        EXPECT_EQ(watch.seen()[0].pointer, bytes_of(block) + 150);
        bytes_of(other)[900] = std::byte{1}; // behind a live block, where it will grow
        EXPECT_TRUE(pool.try_resize(other, 1000));
        EXPECT_EQ(watch.count(), 2u);
        EXPECT_TRUE(pool.is_valid());
        pool.reset();
        (void)pool.allocate(5000);
        EXPECT_EQ(watch.count(), 2u); // a reset frees as deallocate does
        pool.reset();
    }
}

TEST(variable_pool_misuse, reset_during_a_walk_is_told_with_checks) {
    misuse_watch watch;
    variable_pool pool({.checks = true});
    (void)pool.allocate(8);
    pool.for_each([&](void*, std::size_t) { pool.reset(); });
    EXPECT_EQ(watch.count(), 1u);
    EXPECT_EQ(watch.seen()[0].kind, misuse::not_quiet);
    EXPECT_EQ(pool.stats().live, 1u);
    pool.reset();
}

TEST(variable_pool_misuse, blocks_left_behind_are_told) {
    leak_watch watch;
    {
        variable_pool pool({.name = "leaky"});
        (void)pool.allocate(100);
        (void)pool.allocate(5'000'000);
        pool.deallocate(pool.allocate(50));
    }
    ASSERT_EQ(watch.seen().size(), 1u);
    EXPECT_EQ(watch.seen()[0].blocks, 2u);
    EXPECT_EQ(watch.seen()[0].bytes, 5'000'112u);
}

} // namespace
} // namespace cenote::test
