// cenote: SPDX-License-Identifier: MIT
//
// What pools of byte buffers in tiers are known to get wrong, each as a test: a front that grows back over
// its live tail, tables of addresses that go stale, buffers that come back longer than they were.
#include <cenote/buffer/byte_buffer.hpp>
#include <cenote/buffer/shared_buffer.hpp>

#include "support/heap_calls.hpp"

#include <cstring>
#include <gtest/gtest.h>
#include <set>
#include <vector>

namespace {

using namespace cenote;

constexpr std::size_t kib = 1024;

TEST(buffer_regressions, a_returned_front_does_not_grow_back_over_its_live_tail) {
    buffer_pool pool({.smallest = kib, .largest = 8 * kib, .stats = true, .trim = trim::manual}); // no caches
    {
        const buffer whole = pool.acquire(8 * kib);
    }
    (void)pool.trim();
    buffer front = pool.acquire(4 * kib); // the 8 KiB are split
    buffer middle = pool.acquire(2 * kib);
    buffer tail = pool.acquire(2 * kib);
    std::memset(tail.data(), 7, tail.size());
    front.release();
    middle.release();
    std::vector<buffer> next;
    for (int i = 0; i < 20; ++i) {
        next.push_back(pool.acquire(8 * kib));
        std::memset(next.back().data(), 1, next.back().size());
        next.push_back(pool.acquire(4 * kib));
        std::memset(next.back().data(), 2, next.back().capacity());
    }
    for (const std::byte one : tail) ASSERT_EQ(one, std::byte{7});
    EXPECT_EQ(tail.capacity(), 2 * kib);
    tail.release();
    next.clear();
    (void)pool.trim();
    const buffer_stats last = pool.stats(quiet);
    EXPECT_EQ(last.counts.split, last.counts.merged); // the fragments are whole again
}

TEST(buffer_regressions, splitting_leaves_no_record_that_grows_or_goes_stale) {
    buffer_pool pool({.smallest = kib,
                      .largest = 8 * kib,
                      .most_retained = 0, // so that every round splits and merges
                      .least_retained = 0,
                      .stats = true,
                      .trim = trim::manual});
    std::size_t reserved = 0;
    std::size_t heap_calls = 0;
    for (int round = 0; round < 5000; ++round) {
        const buffer first = pool.acquire(2 * kib);
        const buffer second = pool.acquire(round % 2 == 0 ? 8 * kib : 4 * kib);
        ASSERT_EQ(first.capacity(), 2 * kib); // whatever stood there before
        ASSERT_EQ(second.capacity(), round % 2 == 0 ? 8 * kib : 4 * kib);
        if (round == 10) {
            reserved = pool.stats().reserved_bytes;
            heap_calls = test::heap_calls();
        }
    }
    const buffer_stats last = pool.stats();
    EXPECT_EQ(last.reserved_bytes, reserved);
    EXPECT_EQ(test::heap_calls(), heap_calls); // nor a table elsewhere
    EXPECT_GT(last.counts.split, 5000u);
    EXPECT_EQ(last.counts.split, last.counts.merged);
}

TEST(buffer_regressions, a_short_foreign_buffer_never_comes_back_as_a_long_one) {
    buffer_pool pool({.smallest = kib});
    std::vector<std::byte> mine(100);
    int returned = 0;
    {
        const buffer adopted = pool.adopt(mine, [&](std::span<std::byte>) { ++returned; });
    }
    EXPECT_EQ(returned, 1); // to its owner, not to a tier
    for (int i = 0; i < 10; ++i) {
        const buffer one = pool.acquire(2000);
        EXPECT_EQ(one.size(), 2000u);
        EXPECT_NE(one.data(), mine.data());
        EXPECT_GE(one.capacity(), 2000u);
    }
}

TEST(buffer_regressions, a_buffer_returned_twice_has_one_owner_still) {
    buffer_pool pool;
    buffer one = pool.acquire(100);
    one.release();
    one.release();
    buffer moved = std::move(one);
    moved.release();
    std::set<const std::byte*> owned;
    std::vector<buffer> held;
    for (int i = 0; i < 100; ++i) {
        held.push_back(pool.acquire(100));
        EXPECT_TRUE(owned.insert(held.back().data()).second);
    }
}

TEST(buffer_regressions, a_new_growing_buffer_shows_no_bytes_of_an_old_one) {
    buffer_pool pool;
    {
        byte_buffer old(pool);
        old.append("a secret");
    }
    byte_buffer fresh(pool);
    EXPECT_TRUE(fresh.empty());
    fresh.append("x");
    EXPECT_EQ(fresh.text(), "x");
    EXPECT_EQ(pool.acquire().size(), 0u);
}

} // namespace
