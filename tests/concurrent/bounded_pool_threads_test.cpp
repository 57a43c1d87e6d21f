// cenote: SPDX-License-Identifier: MIT
//
// Threads that share a bounded_pool: nothing is lost between a timeout and a return, during growth, or with a
// thread that ends.
#include <cenote/concurrent/bounded_pool.hpp>

#include "concurrent/threads.hpp"

#include <array>
#include <atomic>
#include <cstring>
#include <gtest/gtest.h>
#include <random>
#include <thread>
#include <vector>

namespace {

using namespace cenote;
using block = bounded_pool::block;

// Eight threads: a million calls where the library is built as it is shipped. So few blocks that many calls
// end without one, also when the pool has grown.
#if defined(NDEBUG)
constexpr std::size_t timeouts_each = 125'000;
constexpr unsigned most_microseconds = 2;
constexpr std::size_t timeout_blocks = 6;
#else
constexpr std::size_t timeouts_each = 3000;
constexpr unsigned most_microseconds = 30;
constexpr std::size_t timeout_blocks = 3;
#endif

TEST(bounded_pool_threads, random_timeouts_lose_no_block_and_lend_none_twice) {
    bounded_pool pool({.block_size = 64, .blocks = timeout_blocks});
    const std::size_t rounds = test::scaled(timeouts_each, 60);
    std::atomic<std::size_t> expired{0};
    test::run_threads(8, [&](std::size_t number) {
        std::minstd_rand random(static_cast<unsigned>(number) + 1);
        std::array<block, 2> held;
        for (std::size_t i = 0; i < rounds; ++i) {
            const std::chrono::microseconds length(random() % most_microseconds);
            bool is_two = false;
            if (random() % 8 == 0) {
                const auto deadline = std::chrono::steady_clock::now() + length;
                is_two = pool.acquire_n_until(held.data(), 2, deadline);
                if (!is_two) ++expired;
            } else if (random() % 4 == 0) {
                held[0] = pool.try_acquire();
            } else {
                held[0] = pool.acquire_for(length);
                if (!held[0]) ++expired;
            }
            if (!held[0]) continue;
            for (std::size_t k = 0; k < (is_two ? 2u : 1u); ++k)
                std::memset(held[k].data(), static_cast<int>(number + k * 100), 64);
            if (random() % 8 == 0) std::this_thread::yield();
            for (std::size_t k = 0; k < (is_two ? 2u : 1u); ++k) {
                EXPECT_EQ(held[k].data()[0], static_cast<std::byte>(number + k * 100));
                EXPECT_EQ(held[k].data()[63], static_cast<std::byte>(number + k * 100));
                held[k].release();
            }
            if (number == 0 && i % (rounds / 2) == 0) pool.grow(1);
        }
    });
    EXPECT_GT(expired, 0u); // else nothing was shown
    EXPECT_EQ(pool.stats().idle, pool.blocks());
    EXPECT_EQ(pool.waiting(), 0u);
}

TEST(bounded_pool_threads, loans_outlive_the_threads_that_took_them) {
    bounded_pool pool({.block_size = 64, .blocks = 12});
    std::vector<block> left(12);
    for (std::size_t round = 0; round < test::scaled(50, 5); ++round) {
        test::run_threads(4, [&](std::size_t number) {
            for (std::size_t i = number * 3; i < number * 3 + 3; ++i) {
                left[i].release(); // what a thread that is gone took
                left[i] = pool.acquire();
                std::memset(left[i].data(), static_cast<int>(i), left[i].size());
            }
        });
        for (std::size_t i = 0; i < left.size(); ++i) {
            EXPECT_EQ(left[i].data()[0], static_cast<std::byte>(i));
            EXPECT_EQ(left[i].data()[63], static_cast<std::byte>(i));
        }
        EXPECT_EQ(pool.stats().live, 12u);
        EXPECT_FALSE(pool.try_acquire());
    }
    left.clear();
    EXPECT_EQ(pool.stats().idle, 12u);
}

TEST(bounded_pool_threads, returns_during_growth_are_not_lost) {
    for (int round = 0; round < 5; ++round) {
        bounded_pool pool({.block_size = 32, .blocks = 1});
        test::run_threads(5, [&](std::size_t number) {
            for (std::size_t i = 0; i < test::scaled(200, 20); ++i) {
                if (number == 0 && i % 10 == 0) pool.grow(1 + i % 3);
                const block one = pool.acquire();
                one.data()[0] = static_cast<std::byte>(number);
            }
        });
        EXPECT_EQ(pool.stats().idle, pool.blocks());
    }
}

} // namespace
