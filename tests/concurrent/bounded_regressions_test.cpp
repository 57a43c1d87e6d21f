// cenote: SPDX-License-Identifier: MIT
//
// What pools of arenas and of a hard number of blocks are known to get wrong, each as a test: one thing with
// two holders, arenas that come back full, growth by nothing, returns lost while the pool grows.
#include <cenote/concurrent/arena_pool.hpp>
#include <cenote/concurrent/bounded_object_pool.hpp>
#include <cenote/concurrent/bounded_pool.hpp>
#include <cenote/source/region.hpp>

#include "concurrent/threads.hpp"
#include "support/process_memory.hpp"
#include "support/test_sources.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstring>
#include <gtest/gtest.h>
#include <new>
#include <pthread.h>
#include <set>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace {

using namespace cenote;
using namespace std::chrono_literals;

TEST(bounded_regressions, no_arenas_and_no_blocks_are_refused_before_anything_is_touched) {
    test::counting_source from;
    EXPECT_THROW(const arena_pool never({.arenas = 0, .source = &from}), bad_options);
    EXPECT_THROW(const bounded_pool never({.block_size = 8, .blocks = 0, .source = &from}), bad_options);
    EXPECT_THROW(const bounded_object_pool<int> never({.objects = 0, .source = &from}), bad_options);
    EXPECT_EQ(from.calls, 0u);
}

// The lock of a pool that was never made must be in no list that a fork goes through.
TEST(bounded_regressions, a_pool_that_cannot_be_made_leaves_nothing_behind) {
    region never(nullptr, 0);
    alignas(bounded_pool) std::array<std::byte, sizeof(bounded_pool)> place;
    for (int i = 0; i < 3; ++i) {
        EXPECT_THROW(::new (place.data()) bounded_pool({.block_size = 8, .blocks = 10, .source = &never}),
                     out_of_memory);
        place.fill(std::byte{0xff});
        const bounded_pool after({.block_size = 8, .blocks = 1});
        const pid_t child = ::fork();
        ASSERT_GE(child, 0);
        if (child == 0) ::_exit(0);
        int status = 0;
        ASSERT_EQ(::waitpid(child, &status, 0), child);
        EXPECT_EQ(status, 0);
    }
}

// As a build without exceptions does it, and the C face.
TEST(bounded_regressions, who_cannot_catch_is_told_that_the_pool_was_closed) {
    arena_pool arenas({.arenas = 1, .arena_size = 100});
    arena_pool::lease held;
    EXPECT_TRUE(arenas.acquire_until(std::chrono::steady_clock::time_point::max(), held));
    EXPECT_TRUE(held);
    arena_pool::lease none;
    EXPECT_TRUE(arenas.acquire_for(1ms, none));
    EXPECT_FALSE(none);
    std::thread closer([&] { arenas.close(); });
    EXPECT_FALSE(arenas.acquire_until(std::chrono::steady_clock::time_point::max(), none));
    EXPECT_FALSE(none);
    closer.join();
}

// Each signal ends a sleep. They come more often than the wait is long, and go on until it is over: one that
// began anew each time would never end.
TEST(bounded_regressions, signals_neither_move_a_deadline_nor_end_a_wait_before_it) {
    static std::atomic<int> signals;
    struct sigaction before{};
    struct sigaction counts{};
    counts.sa_handler = [](int) { ++signals; };
    ASSERT_EQ(::sigaction(SIGUSR1, &counts, &before), 0);
    bounded_pool pool({.block_size = 64, .blocks = 1});
    const bounded_pool::block held = pool.acquire();
    for (const bool is_until : {false, true}) {
        signals = 0;
        std::atomic<bool> is_over{false};
        std::thread waiter([&] {
            const auto deadline = std::chrono::steady_clock::now() + 200ms;
            EXPECT_FALSE(is_until ? pool.acquire_until(deadline) : pool.acquire_for(200ms));
            EXPECT_GE(std::chrono::steady_clock::now(), deadline);
            is_over = true;
        });
        while (!is_over) {
            (void)::pthread_kill(waiter.native_handle(), SIGUSR1);
            std::this_thread::sleep_for(1ms);
        }
        waiter.join();
        EXPECT_GT(signals, 0);
    }
    EXPECT_EQ(pool.waiting(), 0u);
    ASSERT_EQ(::sigaction(SIGUSR1, &before, nullptr), 0);
}

TEST(bounded_regressions, an_arena_is_never_lent_to_two_holders) {
    arena_pool arenas({.arenas = 2, .arena_size = 100});
    auto first = arenas.try_acquire();
    auto second = arenas.try_acquire();
    EXPECT_NE(&*first, &*second);
    EXPECT_FALSE(arenas.try_acquire());
    first.release();
    auto third = arenas.try_acquire();
    EXPECT_NE(&*third, &*second);
}

TEST(bounded_regressions, an_arena_that_was_full_comes_back_empty) {
    arena_pool arenas({.arenas = 1, .arena_size = 100, .growth = growth::none()});
    for (int round = 0; round < 5; ++round) {
        auto lease = arenas.acquire();
        while (lease->try_allocate(10, 1) != nullptr) {
        }
        EXPECT_EQ(lease->stats().live_bytes, 100u);
    }
    EXPECT_EQ(arenas.acquire()->stats().live_bytes, 0u);
}

TEST(bounded_regressions, closing_twice_harms_nothing) {
    arena_pool arenas({.arenas = 1, .arena_size = 100});
    bounded_pool blocks({.block_size = 8, .blocks = 1});
    struct caller : bounded_pool::ticket {
        caller() : ticket(&call) {}
        static void call(ticket& self, bounded_pool::block given) noexcept {
            auto& me = static_cast<caller&>(self);
            ++me.calls;
            me.was_given |= static_cast<bool>(given);
        }
        int calls = 0;
        bool was_given = false;
    };
    auto arena = arenas.acquire();
    auto block = blocks.acquire();
    caller waits;
    EXPECT_FALSE(blocks.acquire_or_call(waits));
    for (int i = 0; i < 2; ++i) {
        arenas.close();
        blocks.close();
        EXPECT_TRUE(arenas.is_closed() && blocks.is_closed());
        EXPECT_EQ(waits.calls, 1); // told once
        EXPECT_THROW((void)arenas.acquire_for(1h), pool_closed);
        EXPECT_THROW((void)blocks.acquire_for(1h), pool_closed);
        EXPECT_NE(arena->try_allocate(10), nullptr); // what is out is as good as before
    }
    arena.release();
    block.release();
    EXPECT_FALSE(waits.was_given);
    EXPECT_EQ(arenas.stats().free, 1u);
    EXPECT_EQ(blocks.stats().idle, 1u);
    EXPECT_FALSE(arenas.try_acquire());
    EXPECT_FALSE(blocks.try_acquire());
}

TEST(bounded_regressions, a_returned_block_is_never_out_twice) {
    bounded_pool pool({.block_size = 8, .blocks = 2});
    auto block = pool.acquire();
    block.release();
    block.release(); // returns nothing
    auto moved = std::move(block);
    moved.release();
    const auto first = pool.try_acquire();
    const auto second = pool.try_acquire();
    EXPECT_NE(first.data(), second.data());
    EXPECT_FALSE(pool.try_acquire());
}

TEST(bounded_regressions, a_growth_of_one_is_refused_and_does_not_wait_for_ever) {
    EXPECT_THROW(const bounded_pool never({.block_size = 8, .blocks = 1, .growth = growth::geometric(1)}),
                 bad_options);
    bounded_pool pool({.block_size = 8, .blocks = 1});
    EXPECT_THROW(pool.grow(growth::geometric(1.0)), bad_options);
    const auto held = pool.acquire();
    EXPECT_FALSE(pool.acquire_for(1ms));
}

TEST(bounded_regressions, growth_goes_on_from_what_there_is_and_returns_do_not_block) {
    bounded_pool pool({.block_size = 8, .blocks = 2, .growth = growth::geometric(2)});
    std::vector<bounded_pool::block> held;
    for (std::size_t blocks = 2; blocks < 100; blocks *= 2) {
        while (held.size() < blocks) held.push_back(pool.acquire());
        EXPECT_EQ(pool.blocks(), blocks);
        held.push_back(pool.acquire());
        EXPECT_EQ(pool.blocks(), 2 * blocks);
    }
    held.clear();
    EXPECT_EQ(pool.stats().idle, pool.blocks());
}

TEST(bounded_regressions, two_takers_and_one_block_try_and_neither_waits) {
    for (int round = 0; round < 50; ++round) {
        bounded_pool pool({.block_size = 8, .blocks = 1});
        std::atomic<int> got{0};
        std::array<bounded_pool::block, 2> blocks;
        test::run_threads(2, [&](std::size_t number) {
            blocks[number] = pool.try_acquire();
            if (blocks[number]) ++got;
        });
        EXPECT_EQ(got, 1);
        blocks[0].release();
        blocks[1].release();
        EXPECT_TRUE(pool.try_acquire());
    }
}

TEST(bounded_regressions, a_new_pool_touches_no_page_of_its_blocks) {
    constexpr std::size_t mebibyte = std::size_t{1} << 20;
    const std::size_t before = test::resident_bytes();
    bounded_pool blocks({.block_size = mebibyte, .blocks = 64, .sanitizers = false});
    arena_pool arenas({.arenas = 64, .arena_size = mebibyte, .sanitizers = false});
    EXPECT_LT(test::resident_bytes(), before + 16 * mebibyte);
    auto block = blocks.acquire();
    std::memset(block.data(), 1, block.size());
}

} // namespace
