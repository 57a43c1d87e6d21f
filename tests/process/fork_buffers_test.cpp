// cenote: SPDX-License-Identifier: MIT
//
// Forks while other threads acquire and release buffers: the child can use the pool, also what it has itself.
#include <cenote/buffer/shared_buffer.hpp>
#include <cenote/source/os_pages.hpp>

#include "child.hpp"
#include "sanitized.hpp"
#include "support/gate.hpp"

#include <atomic>
#include <chrono>
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

// What the other thread holds is still its own, what it had in its cache is nobody's: neither live, nor to be
// had again.
TEST(fork_buffers, a_child_counts_and_takes_nothing_that_a_vanished_thread_had_cached) {
    constexpr std::size_t held = 5;
    constexpr std::size_t cached = 3;
    buffer_pool pool({.sanitizers = false});
    test::gate has_cached(2);
    test::gate forked(2);
    std::vector<const std::byte*> places;
    std::thread other([&] {
        std::vector<buffer> all;
        for (std::size_t i = 0; i < held + cached; ++i) all.push_back(pool.acquire(10'000));
        for (const buffer& one : all) places.push_back(one.data());
        all.resize(held);
        has_cached.arrive_and_wait();
        forked.arrive_and_wait();
    });
    has_cached.arrive_and_wait();
    EXPECT_EQ(pool.stats(quiet).live, held);
    const std::string ending = test::ending_of_child([&] {
        require(pool.stats(quiet).live == held, "what was cached is live");
        std::vector<buffer> mine;
        for (std::size_t i = 0; i < 100; ++i) {
            mine.push_back(pool.acquire(10'000));
            for (const std::byte* const place : places)
                require(mine.back().data() != place, "what a vanished thread had is had again");
        }
        require(pool.stats(quiet).live == held + mine.size(), "not what is held is live");
        require(pool.is_valid(), "the pool is not valid");
    });
    forked.arrive_and_wait();
    other.join();
    EXPECT_EQ(ending, "");
    EXPECT_EQ(pool.stats(quiet).live, 0u);
}

/// Takes its time over a region above the tiers.
class slow_source final : public source {
public:
    void* reserve(const request& wanted) noexcept override {
        if (wanted.bytes > above) {
            was_asked = true;
            std::this_thread::sleep_for(std::chrono::milliseconds(200));
        }
        return default_source().reserve(wanted);
    }
    void release(void* region, const request& given) noexcept override {
        default_source().release(region, given);
    }
    [[nodiscard]] std::size_t granularity() const noexcept override { return default_source().granularity(); }

    static constexpr std::size_t above = std::size_t{16} << 20;
    std::atomic<bool> was_asked{false};
};

TEST(fork_buffers, a_fork_waits_for_a_thread_that_is_in_the_pool) {
    slow_source slow;
    buffer_pool pool({.source = &slow, .sanitizers = false});
    pool.acquire(1).release(); // forks know of it
    std::thread other([&] { pool.acquire(slow_source::above + 1).release(); });
    while (!slow.was_asked) std::this_thread::yield();
    const std::string ending =
        test::ending_of_child([&] { require(pool.is_valid(), "the pool is not whole in the child"); });
    other.join();
    EXPECT_EQ(ending, "");
}

} // namespace
