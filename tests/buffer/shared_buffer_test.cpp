// cenote: SPDX-License-Identifier: MIT
#include <cenote/buffer/shared_buffer.hpp>
#include <cenote/source/region.hpp>

#include "concurrent/threads.hpp"
#include "conformance/failing_source.hpp"
#include "conformance/strict_source.hpp"

#include <atomic>
#include <cstring>
#include <gtest/gtest.h>
#include <random>
#include <vector>

namespace {

using namespace cenote;

shared_buffer message(buffer_pool& pool, std::size_t size) {
    buffer whole = pool.acquire(size);
    for (std::size_t i = 0; i < size; ++i) whole.data()[i] = static_cast<std::byte>(i);
    return shared_buffer(std::move(whole));
}

TEST(shared_buffer, returns_the_buffer_when_the_last_slice_goes) {
    buffer_pool pool;
    shared_buffer whole = message(pool, 1000);
    EXPECT_EQ(whole.uses(), 1u);
    shared_buffer header = whole.slice(0, 16);
    shared_buffer payload = whole.slice(16);
    EXPECT_EQ(whole.uses(), 3u);
    EXPECT_EQ(header.size(), 16u);
    EXPECT_EQ(payload.size(), 984u);
    EXPECT_EQ(payload.data(), whole.data() + 16);
    EXPECT_EQ(payload.slice(4, 2).data()[0], std::byte{20});
    whole.release();
    header = shared_buffer();
    EXPECT_EQ(pool.stats().live, 1u);
    EXPECT_EQ(payload.data()[983], std::byte{999 % 256});
    const shared_buffer copy = payload;
    payload.release();
    EXPECT_EQ(pool.stats().live, 1u);
    EXPECT_EQ(copy.uses(), 1u);
    shared_buffer part = copy.slice(0);
    const shared_buffer moved = std::move(part);
    EXPECT_FALSE(part); // NOLINT: what is moved from is empty
    EXPECT_EQ(moved.uses(), 2u);
}

TEST(shared_buffer, of_the_last_slice_nothing_is_left) {
    buffer_pool pool;
    {
        const shared_buffer whole = message(pool, 5000);
    }
    EXPECT_EQ(pool.stats().live, 0u);
    const shared_buffer none;
    EXPECT_FALSE(none);
    EXPECT_EQ(none.uses(), 0u);
    EXPECT_FALSE(none.slice(0));
    EXPECT_FALSE(shared_buffer(buffer()));
}

TEST(shared_buffer, slices_end_where_the_whole_ends) {
    buffer_pool pool;
    const shared_buffer whole = message(pool, 100);
    EXPECT_EQ(whole.slice(90, 20).size(), 10u);
    EXPECT_EQ(whole.slice(90, unlimited).size(), 10u);
    EXPECT_FALSE(whole.slice(100)); // of no bytes: holds nothing
    EXPECT_FALSE(whole.slice(unlimited, 1));
    EXPECT_FALSE(whole.slice(5, 0));
    EXPECT_EQ(whole.slice(10, 50).slice(45, 50).size(), 5u);
    EXPECT_EQ(whole.uses(), 1u);
}

TEST(shared_buffer, gives_the_buffer_up_to_the_only_one_that_holds_it) {
    buffer_pool pool;
    shared_buffer whole = message(pool, 100);
    {
        const shared_buffer part = whole.slice(1);
        EXPECT_FALSE(whole.take());
        EXPECT_TRUE(whole);
    }
    buffer back = whole.take();
    EXPECT_FALSE(whole);
    ASSERT_TRUE(back);
    EXPECT_EQ(back.size(), 100u);
    EXPECT_EQ(back.data()[99], std::byte{99});
    EXPECT_FALSE(whole.take());
}

TEST(shared_buffer, shares_what_was_adopted_and_what_is_oversize) {
    buffer_pool pool({.smallest = 64, .largest = 1024});
    int gone = 0;
    std::vector<std::byte> mine(10);
    {
        const shared_buffer part =
            shared_buffer(pool.adopt(mine, [&](std::span<std::byte>) { ++gone; })).slice(2);
        EXPECT_EQ(gone, 0);
    }
    EXPECT_EQ(gone, 1);
    {
        const shared_buffer part = message(pool, 5000).slice(4999);
        EXPECT_EQ(pool.stats().live, 1u);
    }
    EXPECT_EQ(pool.stats().live, 0u);
}

// Also of a pool that has no more.
TEST(shared_buffer, sharing_asks_nobody_for_memory) {
    test::strict_source memory(4096);
    test::failing_source watched(memory);
    {
        buffer_pool pool({.smallest = 64,
                          .largest = 1024,
                          .maximum_bytes = 300'000,
                          .source = &watched,
                          .trim = trim::manual});
        std::vector<shared_buffer> held;
        held.push_back(message(pool, 5000)); // oversize
        while (buffer one = pool.try_acquire(1024)) held.emplace_back(std::move(one));
        EXPECT_GT(held.size(), 100u);
        watched.forget_calls();
        watched.refuse(1, test::refusal::from_then_on);
        for (shared_buffer& one : held) {
            shared_buffer again(one.take()); // counted anew
            ASSERT_TRUE(again);
            one = again.slice(1);
            EXPECT_EQ(one.uses(), 2u);
        }
        EXPECT_EQ(watched.calls().all(), 0u);
        EXPECT_EQ(held[0].data()[4998], static_cast<std::byte>(4999 % 256));
        held.clear();
        EXPECT_EQ(pool.stats().live, 0u);
        EXPECT_TRUE(pool.is_valid());
    }
    EXPECT_EQ(memory.complaint(), "");
    EXPECT_EQ(memory.reserved(), 0u);
}

TEST(shared_buffer, works_in_a_callers_buffer_without_a_word_for_it) {
    const buffer_pool_options wanted{.smallest = 64, .largest = 2048, .initial_bytes = 100'000, .threads = 1};
    std::vector<std::byte> bytes(buffer_pool::required_bytes(wanted));
    region memory(bytes.data(), bytes.size());
    buffer_pool_options options = wanted;
    options.source = &memory;
    buffer_pool pool(options);
    std::vector<shared_buffer> held;
    for (std::size_t i = 0; i < 100'000 / 64; ++i) held.emplace_back(pool.acquire(64));
    EXPECT_EQ(pool.stats(quiet).live, held.size());
}

// Whatever its tier and place.
TEST(shared_buffer, each_buffer_has_a_count_of_its_own) {
    for (const std::size_t largest : {64u, 256u, 65536u}) {
        buffer_pool pool({.smallest = 64, .largest = largest, .sanitizers = false, .trim = trim::manual});
        std::vector<shared_buffer> held;
        std::minstd_rand random(7);
        while (pool.stats().reserved_bytes < 500'000) {
            buffer one = pool.acquire(largest >> random() % 11);
            std::memset(one.data(), 1, one.size()); // no count lies in any buffer
            held.emplace_back(std::move(one));
        }
        std::vector<std::vector<shared_buffer>> copies(held.size());
        for (std::size_t i = 0; i < held.size(); ++i) copies[i].assign(i % 5, held[i]);
        for (std::size_t i = 0; i < held.size(); ++i) {
            ASSERT_EQ(held[i].uses(), 1 + i % 5) << i << " of " << held.size();
            for (const std::byte one : held[i].bytes()) ASSERT_EQ(one, std::byte{1});
        }
    }
}

TEST(shared_buffer, threads_may_hold_slices_of_one_buffer) {
    buffer_pool pool;
    const std::size_t rounds = test::scaled(200, 20);
    for (std::size_t round = 0; round < rounds; ++round) {
        std::vector<shared_buffer> parts;
        {
            const shared_buffer whole = message(pool, 4000);
            for (std::size_t i = 0; i < 4; ++i) parts.push_back(whole.slice(i * 1000, 1000));
        }
        std::atomic<bool> is_right{true};
        test::run_threads(2, [&](std::size_t number) {
            for (std::size_t i = number; i < 4; i += 2) {
                const shared_buffer copy = parts[i].slice(10);
                parts[i].release();
                for (std::size_t at = 0; at < copy.size(); ++at) {
                    if (copy.data()[at] != static_cast<std::byte>(i * 1000 + 10 + at)) is_right = false;
                }
            }
        });
        ASSERT_TRUE(is_right);
    }
    EXPECT_EQ(pool.stats(quiet).live, 0u);
    EXPECT_TRUE(pool.is_valid());
}

} // namespace
