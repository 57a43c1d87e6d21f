// cenote: SPDX-License-Identifier: MIT
//
// Waiting for a block without a thread.
#include <cenote/concurrent/bounded_pool.hpp>

#include "concurrent/threads.hpp"
#include "support/misuse_watch.hpp"

#include <array>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <gtest/gtest.h>
#include <memory>
#include <new>
#include <random>
#include <thread>
#include <vector>

namespace {

using namespace cenote;
using block = bounded_pool::block;

/// Notes in `order` that it was called, and keeps its block.
struct noted : bounded_pool::ticket {
    noted(std::vector<int>& where, int name) : ticket(&note), order(where), number(name) {}
    static void note(ticket& self, block got) noexcept {
        auto& me = static_cast<noted&>(self);
        me.held = std::move(got);
        me.order.push_back(me.number);
    }
    std::vector<int>& order;
    int number;
    block held;
};

TEST(bounded_pool_ticket, a_free_block_comes_at_once_and_nothing_is_called) {
    bounded_pool pool({.block_size = 64, .blocks = 1});
    std::vector<int> order;
    noted one(order, 1);
    EXPECT_TRUE(pool.acquire_or_call(one));
    EXPECT_TRUE(order.empty());
    EXPECT_FALSE(pool.cancel(one));
    EXPECT_EQ(pool.stats().idle, 1u);
}

TEST(bounded_pool_ticket, threads_and_tickets_stand_in_one_line) {
    bounded_pool pool({.block_size = 64, .blocks = 1});
    block only = pool.acquire();
    std::vector<int> order;
    noted first(order, 1);
    noted third(order, 3);
    EXPECT_FALSE(pool.acquire_or_call(first));
    std::thread second([&] {
        const block mine = pool.acquire();
        order.push_back(2);
    });
    while (pool.waiting() != 2) std::this_thread::yield();
    EXPECT_FALSE(pool.acquire_or_call(third));
    EXPECT_EQ(pool.waiting(), 3u);
    std::byte* const where = only.data();
    only.release();
    EXPECT_EQ(order, std::vector<int>{1});
    EXPECT_EQ(first.held.data(), where);
    first.held.release();
    second.join();
    EXPECT_EQ(order, (std::vector<int>{1, 2, 3}));
    EXPECT_EQ(third.held.data(), where);
    third.held.release();
    EXPECT_EQ(pool.stats().idle, 1u);
}

TEST(bounded_pool_ticket, cancelled_it_leaves_the_line_and_is_not_called) {
    bounded_pool pool({.block_size = 64, .blocks = 1});
    block only = pool.acquire();
    std::vector<int> order;
    noted one(order, 1);
    noted two(order, 2);
    EXPECT_FALSE(pool.acquire_or_call(one));
    EXPECT_FALSE(pool.acquire_or_call(two));
    EXPECT_TRUE(pool.cancel(one));
    EXPECT_FALSE(pool.cancel(one));
    only.release();
    EXPECT_EQ(order, std::vector<int>{2});
    EXPECT_FALSE(pool.cancel(two));
    EXPECT_FALSE(pool.acquire_or_call(one)); // used again
    two.held.release();
    EXPECT_EQ(order, (std::vector<int>{2, 1}));
    one.held.release();
    EXPECT_EQ(pool.stats().idle, 1u);
}

TEST(bounded_pool_ticket, close_calls_it_with_nothing) {
    bounded_pool pool({.block_size = 64, .blocks = 1});
    block only = pool.acquire();
    std::vector<int> order;
    noted one(order, 1);
    EXPECT_FALSE(pool.acquire_or_call(one));
    pool.close();
    EXPECT_EQ(order, std::vector<int>{1});
    EXPECT_FALSE(one.held);
    EXPECT_THROW((void)pool.acquire_or_call(one), pool_closed);
    EXPECT_EQ(pool.waiting(), 0u);
}

TEST(bounded_pool_ticket, the_end_of_its_pool_calls_it_with_nothing) {
    test::leak_watch leaks;
    std::vector<int> order;
    noted one(order, 1);
    noted two(order, 2);
    alignas(block) std::array<std::byte, sizeof(block)> lost;
    {
        bounded_pool pool({.block_size = 64, .blocks = 1, .sanitizers = false});
        ::new (lost.data()) block(pool.acquire()); // or nobody would wait
        EXPECT_FALSE(pool.acquire_or_call(one));
        EXPECT_FALSE(pool.acquire_or_call(two));
    }
    EXPECT_EQ(order, (std::vector<int>{1, 2}));
    EXPECT_FALSE(one.held);
    EXPECT_FALSE(two.held);
    EXPECT_EQ(leaks.seen().size(), 1u);
    bounded_pool other({.block_size = 64, .blocks = 1}); // and it may stand elsewhere
    block only = other.acquire();
    EXPECT_FALSE(other.acquire_or_call(one));
    only.release();
    EXPECT_TRUE(one.held);
    one.held.release();
}

/// Asks the pool whatever takes one of its locks.
struct curious : bounded_pool::ticket {
    explicit curious(bounded_pool& pool) : ticket(&ask), home(pool) {}
    static void ask(ticket& self, block got) noexcept {
        auto& me = static_cast<curious&>(self);
        (void)me.home.stats();
        me.home.grow(1);
        got.release();
        ++me.calls;
        if (me.calls < 3) {
            while (block one = me.home.try_acquire()) me.kept.push_back(std::move(one));
            if (me.home.acquire_or_call(me)) std::abort(); // from within
        }
    }
    bounded_pool& home;
    std::vector<block> kept;
    int calls = 0;
};

TEST(bounded_pool_ticket, is_called_under_no_lock_by_a_release_and_by_growth) {
    bounded_pool pool({.block_size = 64, .blocks = 1});
    block only = pool.acquire();
    curious one(pool);
    EXPECT_FALSE(pool.acquire_or_call(one));
    only.release();
    EXPECT_EQ(one.calls, 1);
    pool.grow(1);
    EXPECT_EQ(one.calls, 2);
    one.kept.clear();
    EXPECT_EQ(one.calls, 3);
    EXPECT_EQ(pool.stats().idle, pool.blocks());
}

TEST(bounded_pool_ticket, a_pool_that_grows_by_itself_does_so_instead) {
    bounded_pool pool({.block_size = 64, .blocks = 1, .growth = growth::constant(1)});
    const block only = pool.acquire();
    std::vector<int> order;
    noted one(order, 1);
    EXPECT_TRUE(pool.acquire_or_call(one));
    EXPECT_EQ(pool.blocks(), 2u);
}

struct waits_for_a_flag : bounded_pool::ticket {
    waits_for_a_flag() : ticket(&came) {}
    static void came(ticket& self, block got) noexcept {
        auto& me = static_cast<waits_for_a_flag&>(self);
        me.held = std::move(got);
        me.is_called.store(true, std::memory_order_release);
    }
    block held;
    std::atomic<bool> is_called{false};
};

TEST(bounded_pool_ticket, cancels_against_returns_lose_no_block_and_lend_none_twice) {
    bounded_pool pool({.block_size = 64, .blocks = 3});
    const std::size_t rounds = test::scaled(20'000, 100);
    test::run_threads(8, [&](std::size_t number) {
        std::minstd_rand random(static_cast<unsigned>(number) + 1);
        for (std::size_t i = 0; i < rounds; ++i) {
            block mine;
            if (number % 2 == 0) {
                mine = pool.acquire_for(std::chrono::microseconds(random() % 50));
            } else {
                waits_for_a_flag one;
                mine = pool.acquire_or_call(one);
                if (!mine && random() % 2 == 0) std::this_thread::yield();
                if (!mine && !pool.cancel(one)) {
                    while (!one.is_called.load(std::memory_order_acquire)) std::this_thread::yield();
                    mine = std::move(one.held);
                    EXPECT_TRUE(mine);
                }
            }
            if (!mine) continue;
            std::memset(mine.data(), static_cast<int>(number), 64);
            if (random() % 8 == 0) std::this_thread::yield();
            EXPECT_EQ(mine.data()[0], static_cast<std::byte>(number));
            EXPECT_EQ(mine.data()[63], static_cast<std::byte>(number));
        }
    });
    EXPECT_EQ(pool.stats().idle, 3u);
    EXPECT_EQ(pool.waiting(), 0u);
}

} // namespace
