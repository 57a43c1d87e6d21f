// cenote: SPDX-License-Identifier: MIT
//
// Forks while other threads stand in line for the things of a bounded pool: the child can use what was free
// then, is not kept waiting by threads that it does not have, and can grow.
#include <cenote/concurrent/arena_pool.hpp>
#include <cenote/concurrent/bounded_pool.hpp>

#include "child.hpp"
#include "sanitized.hpp"

#include <array>
#include <atomic>
#include <gtest/gtest.h>
#include <thread>
#include <vector>

namespace {

using namespace cenote;
using namespace std::chrono_literals;
using test::require;

constexpr int forks = CENOTE_TEST_SANITIZED ? 20 : 100;

void use_in_child(bounded_pool& blocks, arena_pool& arenas) {
    const std::size_t before = blocks.blocks();
    require(blocks.waiting() == 0, "somebody waits whom the child does not have");
    std::vector<bounded_pool::block> held;
    while (auto block = blocks.try_acquire()) held.push_back(std::move(block));
    require(held.size() <= before, "more blocks than there are");
    require(!blocks.acquire_for(1ms), "a block that was given already");
    blocks.grow(2);
    require(static_cast<bool>(blocks.try_acquire()), "no block after growing");
    held.clear();
    require(static_cast<bool>(blocks.acquire_for(10s)), "a block that has returned is not had");
    auto lease = arenas.acquire_for(1ms); // none, when all were lent to threads that are gone
    if (lease) (void)lease->allocate(10'000);
}

struct counted : bounded_pool::ticket {
    counted() : ticket(&count) {}
    static void count(ticket& self, bounded_pool::block got) noexcept {
        auto& me = static_cast<counted&>(self);
        ++me.calls;
        me.held = std::move(got);
    }
    int calls = 0;
    bounded_pool::block held;
};

TEST(fork_bounded, tickets_of_the_parent_do_not_stand_in_the_line_of_the_child) {
    bounded_pool pool({.block_size = 64, .blocks = 1, .sanitizers = false});
    auto only = pool.acquire();
    std::array<counted, 3> tickets;
    for (counted& one : tickets) EXPECT_FALSE(pool.acquire_or_call(one));
    const std::string ending = test::ending_of_child([&] {
        require(!pool.cancel(tickets[0]), "it stands in the line of a child");
        require(pool.waiting() == 0, "tickets wait in a child");
        require(!pool.acquire_or_call(tickets[2]), "a block that is out");
        require(!pool.acquire_or_call(tickets[0]), "a block that is out"); // in another order than before
        require(pool.cancel(tickets[2]), "it has just begun to stand there");
        only.release();
        require(tickets[0].calls == 1 && tickets[0].held, "who stands there is not called");
        require(tickets[1].calls == 0 && tickets[2].calls == 0,
                "called in a child without having stood there");
        tickets[0].held.release();
        require(static_cast<bool>(pool.acquire_or_call(tickets[1])), "what has returned is not had");
    });
    EXPECT_EQ(ending, "");
    only.release(); // and the parent's stand where they did
    for (counted& one : tickets) {
        EXPECT_EQ(one.calls, 1);
        EXPECT_TRUE(one.held);
        one.held.release();
    }
}

TEST(fork_bounded, a_child_uses_pools_that_other_threads_wait_for) {
    bounded_pool blocks({.block_size = 64, .blocks = 3, .sanitizers = false});
    arena_pool arenas({.arenas = 2, .arena_size = 200, .sanitizers = false});
    std::atomic<bool> stop{false};
    std::vector<std::thread> crowd;
    for (int i = 0; i < 5; ++i) {
        crowd.emplace_back([&] {
            while (!stop) {
                const auto block = blocks.acquire();
                const auto lease = arenas.acquire_for(1ms);
                if (lease) (void)lease->allocate(100);
            }
        });
    }
    for (int i = 0; i < forks; ++i) {
        const std::string ending = test::ending_of_child([&] { use_in_child(blocks, arenas); });
        EXPECT_EQ(ending, "") << "fork " << i;
        if (!ending.empty()) break;
    }
    stop = true;
    for (std::thread& one : crowd) one.join();
    EXPECT_EQ(blocks.stats().idle, 3u);
    EXPECT_EQ(arenas.stats().free, 2u);
}

} // namespace
