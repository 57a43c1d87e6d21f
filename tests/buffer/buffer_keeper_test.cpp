// cenote: SPDX-License-Identifier: MIT
#include <cenote/buffer/buffer_keeper.hpp>

#include <gtest/gtest.h>
#include <thread>
#include <vector>

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

TEST(buffer_keeper, works_where_nothing_tells_of_pressure) {
    buffer_pool pool;
    const buffer_keeper keeper(pool, {.watch_pressure = true, .pressure_file = "/nowhere"});
    EXPECT_TRUE(keeper.is_running());
    EXPECT_FALSE(keeper.watches_pressure());
    const buffer_keeper other(pool, {.watch_pressure = true});
    EXPECT_TRUE(other.is_running());
}

} // namespace
