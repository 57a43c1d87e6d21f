// cenote: SPDX-License-Identifier: MIT
//
// Promise 3: misuse is named, at the call with `checks`, at the flush without; and promise 4: free blocks
// hold nothing that a late write could break.
#include <cenote/pool/fixed_pool.hpp>

#include "support/misuse_watch.hpp"

#include <array>
#include <cstring>
#include <gtest/gtest.h>
#include <set>
#include <string>
#include <vector>

namespace {

using namespace cenote;

std::byte* bytes_of(void* block) {
    return static_cast<std::byte*>(block);
}

// A pool with checks, its blocks in one slab of 64: some live, one free again, the last ones never used.
class checked_pools : public testing::Test {
protected:
    checked_pools() {
        for (void*& block : live) block = pool.allocate();
        freed = pool.allocate();
        pool.deallocate(freed);
        first = bytes_of(live[0]);
    }
    ~checked_pools() override {
        for (void* const block : live) pool.deallocate(block);
    }
    // One report of `kind`, and the pool as it was.
    void expect_report(misuse kind, const void* pointer) {
        ASSERT_EQ(watch.count(), 1u);
        EXPECT_EQ(watch.seen()[0].kind, kind) << misuse_text(watch.seen()[0].kind);
        EXPECT_EQ(watch.seen()[0].pointer, pointer);
        EXPECT_STREQ(watch.seen()[0].pool, "orders");
        EXPECT_EQ(watch.seen()[0].block_size, 48u);
        EXPECT_EQ(pool.stats().live, live.size());
        EXPECT_EQ(pool.stats().calls->deallocations, 1u);
        EXPECT_TRUE(pool.is_valid());
        for (void* const block : live) EXPECT_TRUE(pool.is_live(block));
        watch.clear();
    }

    fixed_pool pool{{.block_size = 48,
                     .alignment = 16,
                     .blocks_per_slab = 64,
                     .checks = true,
                     .stats = true,
                     .name = "orders"}};
    std::array<void*, 8> live{};
    void* freed = nullptr;
    std::byte* first = nullptr;
    test::misuse_watch watch;
};

TEST_F(checked_pools, double_free_is_reported_at_the_call) {
    pool.deallocate(freed);
    expect_report(misuse::double_free, freed);
    pool.deallocate(freed);
    expect_report(misuse::double_free, freed);
}

TEST_F(checked_pools, a_foreign_pointer_is_reported_at_the_call) {
    int local = 0;
    pool.deallocate(&local);
    expect_report(misuse::foreign_pointer, &local);
    pool.deallocate(nullptr);
    expect_report(misuse::foreign_pointer, nullptr);
    pool.deallocate(first - 1);
    expect_report(misuse::foreign_pointer, first - 1);
    fixed_pool other({.block_size = 48, .alignment = 16, .blocks_per_slab = 64});
    void* const theirs = other.allocate();
    pool.deallocate(theirs);
    ASSERT_EQ(watch.count(), 1u);
    EXPECT_TRUE(watch.seen()[0].kind == misuse::foreign_pointer ||
                watch.seen()[0].kind == misuse::past_the_end);
    watch.clear();
    other.deallocate(theirs);
    EXPECT_EQ(watch.count(), 0u);
}

TEST_F(checked_pools, a_pointer_to_memory_that_cannot_be_read_is_reported_and_not_read) {
    for (const std::uintptr_t address :
         {std::uintptr_t{8}, (~std::uintptr_t{0} >> 18) + 1, ~std::uintptr_t{15}}) {
        pool.deallocate(reinterpret_cast<void*>(address));
        expect_report(misuse::foreign_pointer, reinterpret_cast<void*>(address));
    }
}

TEST_F(checked_pools, an_interior_pointer_is_reported_at_the_call) {
    for (std::ptrdiff_t offset = 1; offset < 48; ++offset) {
        pool.deallocate(first + offset);
        expect_report(misuse::interior_pointer, first + offset);
    }
    pool.deallocate(bytes_of(freed) + 16); // inside a free block too
    expect_report(misuse::interior_pointer, bytes_of(freed) + 16);
}

TEST_F(checked_pools, a_pointer_past_the_end_is_reported_at_the_call) {
    std::byte* const end = first + 64 * 48;
    pool.deallocate(end);
    expect_report(misuse::past_the_end, end);
    pool.deallocate(end + 1);
    expect_report(misuse::foreign_pointer, end + 1);
    pool.deallocate(end - 1);
    expect_report(misuse::interior_pointer, end - 1);
}

TEST_F(checked_pools, a_block_never_allocated_is_reported_at_the_call) {
    for (const std::ptrdiff_t index : {9, 10, 63}) {
        pool.deallocate(first + 48 * index);
        expect_report(misuse::never_allocated, first + 48 * index);
    }
}

TEST_F(checked_pools, a_wrong_size_is_reported_at_the_call) {
    for (const std::size_t size : {std::size_t{49}, std::size_t{64}, unlimited}) {
        pool.deallocate(live[0], size);
        expect_report(misuse::wrong_size, live[0]);
    }
}

TEST_F(checked_pools, bad_pointers_among_many_are_reported_and_the_others_taken) {
    int local = 0;
    void* const blocks[] = {live[0], &local, live[1], freed, live[0]};
    pool.deallocate_n(blocks, 5);
    ASSERT_EQ(watch.count(), 3u);
    EXPECT_EQ(watch.seen()[0].kind, misuse::foreign_pointer);
    EXPECT_EQ(watch.seen()[1].kind, misuse::double_free);
    EXPECT_EQ(watch.seen()[2].kind, misuse::double_free);
    EXPECT_EQ(pool.stats().live, live.size() - 2);
    for (void*& block : live) {
        if (!pool.is_live(block)) block = pool.allocate();
    }
}

TEST_F(checked_pools, a_double_free_after_a_reset_is_reported) {
    pool.reset();
    for (void* const block : live) pool.deallocate(block);
    ASSERT_EQ(watch.count(), live.size());
    for (const misuse_report& report : watch.seen()) EXPECT_EQ(report.kind, misuse::double_free);
    for (void*& block : live) block = pool.allocate();
}

TEST_F(checked_pools, a_reset_during_a_walk_is_reported_and_does_nothing) {
    std::size_t visited = 0;
    pool.for_each([&](void*) {
        pool.reset();
        ++visited;
    });
    EXPECT_EQ(visited, live.size());
    ASSERT_EQ(watch.count(), live.size());
    EXPECT_EQ(watch.seen()[0].kind, misuse::not_quiet);
    EXPECT_EQ(pool.stats().live, live.size());
}

TEST(fixed_pool_misuse, a_pool_that_was_never_used_reports_whatever_it_is_given) {
    for (const bool checks : {false, true}) {
        fixed_pool pool({.block_size = 48, .checks = checks, .name = "unused"});
        test::misuse_watch watch;
        int local = 0;
        pool.deallocate(&local);
        pool.deallocate(&local, 100);
        ASSERT_EQ(watch.count(), 2u);
        EXPECT_EQ(watch.seen()[0].kind, misuse::foreign_pointer);
        EXPECT_EQ(watch.seen()[1].kind, misuse::wrong_size);
        for (const misuse_report& report : watch.seen()) {
            EXPECT_STREQ(report.pool, "unused");
            EXPECT_EQ(report.block_size, 48u);
        }
    }
}

// Without checks: what went into a magazine is looked at when the magazine goes to the depot.
TEST(fixed_pool_misuse, without_checks_every_bad_pointer_is_reported_before_it_reaches_a_slab) {
    fixed_pool pool({.block_size = 48, .alignment = 16, .sanitizers = false, .name = "plain"});
    std::vector<void*> live(2000);
    for (void*& block : live) block = pool.allocate();
    test::misuse_watch watch;
    int local = 0;
    const std::vector<void*> bad{&local, bytes_of(live[5]) + 1, live[0]};
    pool.deallocate(live[0]);
    for (void* const pointer : bad) pool.deallocate(pointer);
    for (std::size_t i = 1; i < live.size(); ++i) pool.deallocate(live[i]);
    ASSERT_EQ(watch.count(), 3u);
    std::set<misuse> kinds;
    for (const misuse_report& report : watch.seen()) kinds.insert(report.kind);
    EXPECT_EQ(kinds,
              (std::set<misuse>{misuse::foreign_pointer, misuse::interior_pointer, misuse::double_free}));
    EXPECT_STREQ(watch.seen()[0].pool, "plain");
    pool.trim();
    EXPECT_EQ(watch.count(), 3u);
    EXPECT_TRUE(pool.is_valid());
    EXPECT_EQ(pool.stats().live, 0u);
    // No block has two owners afterwards.
    std::set<void*> again;
    for (int i = 0; i < 3000; ++i) ASSERT_TRUE(again.insert(pool.allocate()).second);
}

TEST(fixed_pool_misuse, without_checks_a_trim_a_walk_and_the_end_look_at_the_magazines_too) {
    for (int way = 0; way < 3; ++way) {
        test::misuse_watch watch;
        {
            fixed_pool pool({.block_size = 48, .sanitizers = false});
            void* const kept = pool.allocate();
            void* const block = pool.allocate();
            pool.deallocate(block);
            pool.deallocate(block);
            EXPECT_EQ(watch.count(), 0u);
            if (way == 0) pool.trim();
            if (way == 1) pool.for_each([](void*) {});
            EXPECT_EQ(watch.count(), way == 2 ? 0u : 1u);
            static_cast<void>(kept); // left behind, so that the counts alone would add up
        }
        ASSERT_EQ(watch.count(), 1u) << way;
        EXPECT_EQ(watch.seen()[0].kind, misuse::double_free);
    }
}

// The null below the first block of a magazine ends it; one that came by `deallocate` must not.
TEST(fixed_pool_misuse, without_checks_a_null_is_reported_and_never_handed_out) {
    test::misuse_watch watch;
    fixed_pool pool({.block_size = 48, .sanitizers = false, .name = "plain"});
    std::vector<void*> live(3);
    for (void*& block : live) block = pool.allocate();
    pool.deallocate(live[0]);
    pool.deallocate(nullptr);
    pool.deallocate(nullptr);
    EXPECT_EQ(pool.allocate(), live[0]);
    ASSERT_EQ(watch.count(), 2u);
    for (const misuse_report& report : watch.seen()) {
        EXPECT_EQ(report.kind, misuse::foreign_pointer);
        EXPECT_EQ(report.pointer, nullptr);
    }
    pool.deallocate_n(live.data(), live.size());
    EXPECT_EQ(pool.stats().live, 0u);
    EXPECT_TRUE(pool.is_valid());
}

TEST(fixed_pool_misuse, a_block_left_behind_is_counted_although_another_was_freed_twice) {
    test::misuse_watch watch;
    test::leak_watch leaks;
    {
        fixed_pool pool({.block_size = 48, .sanitizers = false, .name = "left"});
        (void)pool.allocate();
        void* const block = pool.allocate();
        pool.deallocate(block);
        pool.deallocate(block);
    }
    ASSERT_EQ(leaks.seen().size(), 1u);
    EXPECT_EQ(leaks.seen()[0].blocks, 1u);
}

TEST(fixed_pool_misuse, blocks_left_behind_are_counted_at_the_end) {
    for (const bool checks : {false, true}) {
        test::leak_watch leaks;
        {
            fixed_pool pool({.block_size = 48, .checks = checks, .sanitizers = false, .name = "leaky"});
            std::vector<void*> blocks(1000);
            pool.allocate_n(blocks.data(), blocks.size());
            pool.deallocate_n(blocks.data(), 990);
            fixed_pool tidy({.block_size = 48, .checks = checks, .sanitizers = false});
            tidy.deallocate(tidy.allocate());
            fixed_pool unused({.block_size = 48, .checks = checks});
        }
        ASSERT_EQ(leaks.seen().size(), 1u);
        EXPECT_STREQ(leaks.seen()[0].pool, "leaky");
        EXPECT_EQ(leaks.seen()[0].blocks, 10u);
        EXPECT_EQ(leaks.seen()[0].bytes, 480u);
    }
}

// A handler may return: the pool goes on as if the call had not been made.
TEST(fixed_pool_misuse, a_double_freed_block_gets_no_second_owner_under_checks) {
    test::misuse_watch watch;
    fixed_pool pool({.block_size = 48, .checks = true});
    void* const block = pool.allocate();
    pool.deallocate(block);
    pool.deallocate(block);
    void* const a = pool.allocate();
    void* const b = pool.allocate();
    EXPECT_NE(a, b);
    EXPECT_EQ(watch.count(), 1u);
    pool.reset();
}

// Free blocks hold no links: scribbling over all of them breaks nothing.
TEST(fixed_pool_misuse, writing_to_free_blocks_cannot_corrupt_the_pool) {
    for (const bool checks : {false, true}) {
        fixed_pool pool({.block_size = 64, .checks = checks, .sanitizers = false});
        std::vector<void*> blocks(5000);
        for (int round = 0; round < 3; ++round) {
            for (void*& block : blocks) block = pool.allocate();
            for (std::size_t i = 0; i < blocks.size(); i += 2) pool.deallocate(blocks[i]);
            for (std::size_t i = 0; i < blocks.size(); i += 2) std::memset(blocks[i], 0x41 + round, 64);
            ASSERT_TRUE(pool.is_valid());
            std::set<void*> again;
            for (std::size_t i = 0; i < blocks.size(); i += 2) {
                blocks[i] = pool.allocate();
                ASSERT_TRUE(pool.owns(blocks[i]));
            }
            again.insert(blocks.begin(), blocks.end());
            ASSERT_EQ(again.size(), blocks.size());
            for (void* const block : blocks) pool.deallocate(block);
            for (void* const block : blocks) std::memset(block, 0xff, 64);
            ASSERT_TRUE(pool.is_valid());
            pool.trim();
        }
    }
}

TEST(fixed_pool_misuse, the_library_never_writes_into_a_free_block) {
    fixed_pool pool({.block_size = 64, .maximum_blocks = 5000, .sanitizers = false, .trim = trim::manual});
    std::vector<void*> blocks(5000);
    for (void*& block : blocks) block = pool.allocate();
    for (void* const block : blocks) std::memset(block, 0x5a, 64);
    for (void* const block : blocks) pool.deallocate(block);
    for (void* const block : blocks) {
        for (int i = 0; i < 64; ++i) ASSERT_EQ(bytes_of(block)[i], std::byte{0x5a});
    }
    for (void*& block : blocks) block = pool.allocate();
    for (void* const block : blocks) {
        for (int i = 0; i < 64; ++i) ASSERT_EQ(bytes_of(block)[i], std::byte{0x5a});
    }
    pool.reset();
}

void free_twice(bool checks) {
    fixed_pool pool({.block_size = 64, .checks = checks, .sanitizers = false, .name = "orders"});
    void* const block = pool.allocate();
    pool.deallocate(block);
    pool.deallocate(block);
    pool.trim();
}

TEST(fixed_pool_misuse_death, by_default_the_misuse_is_printed_and_the_program_aborted) {
    for (const bool checks : {false, true}) {
        EXPECT_DEATH(free_twice(checks),
                     "cenote: double free: 0x.* was given to pool 'orders' \\(blocks of 64 bytes\\)");
    }
}

TEST(fixed_pool_misuse_death, a_checked_pool_tells_of_blocks_left_behind) {
    EXPECT_EXIT(
        {
            {
                fixed_pool pool({.block_size = 64, .checks = true, .name = "orders"});
                (void)pool.allocate();
            }
            std::_Exit(0);
        },
        testing::ExitedWithCode(0), "pool 'orders' was destroyed with 1 blocks \\(64 bytes\\) still live");
}

TEST(fixed_pool_misuse, try_deallocate_takes_back_what_is_live_and_reports_nothing) {
    const test::misuse_watch watch;
    fixed_pool pool({.block_size = 64, .checks = true, .sanitizers = false});
    void* const block = pool.allocate();
    EXPECT_FALSE(pool.try_deallocate(static_cast<std::byte*>(block) + 8));
    EXPECT_FALSE(pool.try_deallocate(&pool));
    EXPECT_FALSE(pool.try_deallocate(nullptr));
    EXPECT_TRUE(pool.is_live(block));
    EXPECT_TRUE(pool.try_deallocate(block));
    EXPECT_FALSE(pool.try_deallocate(block));
    EXPECT_EQ(pool.stats().live, 0u);
    EXPECT_EQ(watch.count(), 0u);
    fixed_pool unchecked({.block_size = 64, .sanitizers = false});
    void* const other = unchecked.allocate();
    EXPECT_FALSE(unchecked.try_deallocate(other)) << "it could not tell";
    unchecked.deallocate(other);
    EXPECT_TRUE(pool.is_valid());
}

} // namespace
