// cenote: SPDX-License-Identifier: MIT
//
// What went wrong once between threads, and must not again.
#include <cenote/concurrent/concurrent_multi_pool.hpp>
#include <cenote/concurrent/concurrent_pool.hpp>
#include <cenote/concurrent/locked.hpp>
#include <cenote/pool/fixed_pool.hpp>
#include <cenote/source/budget.hpp>
#include <cenote/source/heap.hpp>
#include <cenote/source/region.hpp>

#include "support/misuse_watch.hpp"

#include <atomic>
#include <gtest/gtest.h>
#include <set>
#include <thread>
#include <vector>

namespace {

using namespace cenote;

TEST(concurrent_regressions, a_handler_called_while_a_locked_pool_is_made_leaves_it_usable) {
    heap pages;
    budget small(pages, std::size_t{1} << 20);
    struct ballast {
        budget& from;
        source::request wanted{std::size_t{1} << 20, 64, source::any_node};
        void* data = from.reserve(wanted);
        static bool drop(void* self, const shortage&) {
            auto& here = *static_cast<ballast*>(self);
            here.from.release(here.data, here.wanted);
            return true;
        }
    } weight{small};
    ASSERT_NE(weight.data, nullptr);
    locked<fixed_pool> pool({.block_size = 64,
                             .initial_blocks = 100,
                             .source = &small,
                             .on_exhaustion = {&ballast::drop, &weight, 1}});
    void* const block = pool.allocate(); // hung once
    EXPECT_TRUE(pool.is_live(block));
    pool.deallocate(block);
}

TEST(concurrent_regressions, a_reset_drains_what_an_ended_thread_left_behind_much_misuse) {
    test::misuse_watch misuses;
    std::vector<std::byte> foreign(64 * 512);
    concurrent_pool pool({.block_size = 64, .sanitizers = false});
    std::thread([&] {
        std::vector<void*> own(513);
        for (void*& block : own) block = pool.allocate();
        pool.release_thread_caches();
        for (std::size_t i = 0; i < 400; ++i) pool.deallocate(&foreign[i * 64]);
        for (std::size_t i = 0; i < 100; ++i) pool.deallocate(own[i]);
    }).join();
    pool.reset();
    EXPECT_EQ(misuses.count(), 400u);
    std::set<void*> seen;
    for (int i = 0; i < 60000; ++i) ASSERT_TRUE(seen.insert(pool.allocate()).second);
    EXPECT_EQ(pool.stats().live, 60000u);
    pool.reset();
}

TEST(concurrent_regressions, a_reset_does_not_count_cached_blocks_into_the_peak) {
    concurrent_pool pool({.block_size = 64, .sanitizers = false});
    void* blocks[3];
    for (int round = 0; round < 3; ++round) {
        for (void*& block : blocks) block = pool.allocate();
        for (void* const block : blocks) pool.deallocate(block);
    }
    pool.reset();
    EXPECT_LE(pool.stats().peak_live, 3u);
}

TEST(concurrent_regressions, any_number_of_threads_that_only_free_get_magazines) {
    constexpr std::size_t freeing = 48; // more than there are records at first
    concurrent_pool pool({.block_size = 64, .sanitizers = false});
    std::atomic<std::size_t> with_magazines{0};
    std::vector<void*> hand(freeing);
    std::vector<std::thread> threads;
    std::atomic<bool> stop{false};
    for (std::size_t t = 0; t < freeing; ++t) {
        for (void*& block : hand) block = pool.allocate(); // each an exchange's worth of use
        std::vector<void*> many(1200);
        for (void*& block : many) block = pool.allocate();
        for (void* const block : hand) pool.deallocate(block);
        std::atomic<bool> done{false};
        threads.emplace_back([&, many = std::move(many)] {
            for (void* const block : many) pool.deallocate(block);
            if (!pool.is_instrumented()) ++with_magazines;
            done = true;
            while (!stop) std::this_thread::yield(); // keeps its magazines
        });
        while (!done) std::this_thread::yield();
    }
    stop = true;
    for (std::thread& one : threads) one.join();
    EXPECT_GE(with_magazines * 10, freeing * 9);
    EXPECT_EQ(pool.stats().live, 0u);
}

TEST(concurrent_regressions, null_may_be_freed_while_another_thread_makes_the_first_call) {
    for (int round = 0; round < 50; ++round) {
        concurrent_multi_pool pool({.sanitizers = false});
        std::thread other([&] { pool.deallocate(nullptr); });
        void* const block = pool.allocate(40);
        other.join();
        pool.deallocate(block);
        EXPECT_EQ(pool.stats().live, 0u);
    }
}

TEST(concurrent_regressions, a_caller_s_buffer_still_gives_caches_after_a_trim) {
    std::vector<std::byte> bytes(std::size_t{4} << 20);
    region home(bytes.data(), bytes.size());
    concurrent_pool pool({.block_size = 64, .maximum_blocks = 20000, .source = &home, .sanitizers = false});
    const auto use = [&] {
        bool has_cache = false;
        std::thread([&] {
            for (int i = 0; i < 3; ++i) pool.deallocate(pool.allocate());
            has_cache = !pool.is_instrumented();
        }).join();
        return has_cache;
    };
    void* const kept = pool.allocate();
    EXPECT_TRUE(use());
    (void)pool.trim();
    EXPECT_TRUE(use());
    pool.deallocate(kept);
}

} // namespace
