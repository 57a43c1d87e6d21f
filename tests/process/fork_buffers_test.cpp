// cenote: SPDX-License-Identifier: MIT
//
// Forks while other threads acquire and release buffers: the child can use the pool, also what it has itself.
#include <cenote/buffer/shared_buffer.hpp>

#include "child.hpp"
#include "sanitized.hpp"

#include <atomic>
#include <cstring>
#include <gtest/gtest.h>
#include <random>
#include <thread>
#include <vector>

namespace {

using namespace cenote;
using test::require;

constexpr int forks = CENOTE_TEST_SANITIZED ? 5 : 20;

void use_in_child(buffer_pool& pool, buffer& mine) {
    mine.resize(mine.capacity());
    std::memset(mine.data(), 1, mine.size());
    std::vector<buffer> held;
    for (std::size_t size = 1; size <= std::size_t{1} << 20; size *= 2) {
        held.push_back(pool.acquire(size));
        std::memset(held.back().data(), 2, size);
    }
    held.push_back(pool.acquire(std::size_t{5} << 20)); // above the tiers
    for (const std::byte one : mine.bytes()) require(one == std::byte{1}, "two buffers overlap");
    const shared_buffer whole(std::move(held.back()));
    const shared_buffer part = whole.slice(1);
    held.clear();
    mine.release();
    (void)pool.trim();
    require(pool.is_valid(), "the pool is not valid");
}

TEST(fork_buffers, a_child_uses_a_pool_that_other_threads_are_in) {
    buffer_pool pool({.sanitizers = false});
    std::atomic<bool> over{false};
    std::vector<std::thread> others;
    for (unsigned i = 0; i < 2; ++i) {
        others.emplace_back([&, i] {
            std::minstd_rand random(i + 1);
            std::vector<buffer> held(20);
            while (!over)
                held[random() % held.size()] = pool.acquire(random() % (std::size_t{1} << random() % 20));
        });
    }
    for (int i = 0; i < forks; ++i) {
        buffer mine = pool.acquire(static_cast<std::size_t>(i) * 1000);
        ASSERT_EQ(test::ending_of_child([&] { use_in_child(pool, mine); }), "");
    }
    over = true;
    for (std::thread& one : others) one.join();
    EXPECT_TRUE(pool.is_valid());
    EXPECT_EQ(pool.stats(quiet).live, 0u);
}

} // namespace
