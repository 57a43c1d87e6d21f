// cenote: SPDX-License-Identifier: MIT
#include <cenote/buffer/buffer_keeper.hpp>

#include "concurrent/threads.hpp"

#include <array>
#include <gtest/gtest.h>
#include <thread>
#include <vector>

#if __has_include(<sys/eventfd.h>)
#include <sys/eventfd.h>
#include <unistd.h>
#define CENOTE_TEST_EVENTFD 1
#endif

namespace {

using namespace cenote;
using namespace std::chrono_literals;

TEST(buffer_keeper, gives_idle_memory_back_while_the_program_sleeps) {
    buffer_pool pool({.lazy_after = 1ms, .return_after = 10ms, .trim = trim::manual});
    const buffer_keeper keeper(pool);
    ASSERT_TRUE(keeper.is_running());
    std::vector<buffer> held;
    for (int i = 0; i < 20; ++i) held.push_back(pool.acquire(1 << 20));
    EXPECT_GE(pool.stats().reserved_bytes, std::size_t{20} << 20);
    held.clear();
    pool.release_thread_caches();
    while (pool.stats().reserved_bytes >= std::size_t{1} << 20) std::this_thread::yield();
    EXPECT_TRUE(pool.is_valid());
}

// Nobody releases a cache: each keeps four buffers, in as many regions at most.
TEST(buffer_keeper, gives_back_all_but_what_sleeping_threads_cache) {
    constexpr std::size_t region = std::size_t{8} << 20;
    buffer_pool pool({.lazy_after = 1ms, .return_after = 10ms, .sanitizers = false, .trim = trim::manual});
    const buffer_keeper keeper(pool);
    std::array<test::worker, 2> sleepers;
    for (test::worker& one : sleepers) {
        one.run([&] {
            std::vector<buffer> burst;
            for (int i = 0; i < 120; ++i) burst.push_back(pool.acquire(1 << 20));
        });
    }
    while (pool.stats().reserved_bytes > 2 * 4 * region + (region >> 3)) std::this_thread::yield();
    EXPECT_GT(pool.stats(quiet).tier[8].cached, 0u);
    EXPECT_TRUE(pool.is_valid());
}

TEST(buffer_keeper, works_where_nothing_tells_of_pressure) {
    buffer_pool pool;
    const buffer_keeper keeper(pool, {.watch_pressure = true, .pressure_file = "/nowhere"});
    EXPECT_TRUE(keeper.is_running());
    EXPECT_FALSE(keeper.watches_pressure());
    const buffer_keeper other(pool, {.watch_pressure = true});
    EXPECT_TRUE(other.is_running());
}

#if defined(CENOTE_TEST_EVENTFD)
// Time alone would give nothing back here.
TEST(buffer_keeper, trims_each_time_it_is_told_that_memory_is_short) {
    const int event = ::eventfd(0, EFD_CLOEXEC);
    ASSERT_GE(event, 0);
    {
        buffer_pool pool({.lazy_after = 1h, .return_after = 4h, .trim = trim::manual});
        const buffer_keeper keeper(pool, {.pressure_event = event});
        ASSERT_TRUE(keeper.watches_pressure());
        for (int round = 0; round < 3; ++round) {
            std::vector<buffer> held;
            for (int i = 0; i < 20; ++i) held.push_back(pool.acquire(1 << 20));
            held.clear();
            pool.release_thread_caches();
            ASSERT_GE(pool.stats().reserved_bytes, std::size_t{20} << 20);
            ASSERT_EQ(::eventfd_write(event, 1), 0);
            while (pool.stats().reserved_bytes >= std::size_t{1} << 20) std::this_thread::yield();
            EXPECT_TRUE(pool.is_valid());
        }
    }
    ::close(event);
}

TEST(buffer_keeper, outlives_what_told_it_of_pressure) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    {
        buffer_pool pool({.lazy_after = 1ms, .return_after = 10ms, .trim = trim::manual});
        const buffer_keeper keeper(pool, {.pressure_event = ends[0]});
        ::close(ends[1]); // nobody can say anything any more
        (void)pool.acquire(4 << 20);
        pool.release_thread_caches();
        while (pool.stats().reserved_bytes >= std::size_t{1} << 20) std::this_thread::yield();
    }
    ::close(ends[0]);
}
#endif

} // namespace
