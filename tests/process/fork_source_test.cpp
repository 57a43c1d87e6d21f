// cenote: SPDX-License-Identifier: MIT
//
// Forks at bad moments: in the first call of a pool, in the middle of a pool that draws from another, with
// more busy pools than processors, from threads without a cache, in a child, and in a child that is killed.
#include <cenote/concurrent/concurrent_multi_pool.hpp>
#include <cenote/concurrent/concurrent_pool.hpp>
#include <cenote/source/os_pages.hpp>

#include "child.hpp"
#include "sanitized.hpp"

#include <atomic>
#include <chrono>
#include <csignal>
#include <deque>
#include <functional>
#include <gtest/gtest.h>
#include <memory>
#include <thread>
#include <vector>

namespace {

using namespace cenote;
using namespace std::chrono_literals;
using test::require;

/// Takes its time over the first call after it is told to. Prepaid, and so asked as soon as a pool opens.
class slow_source final : public source {
public:
    void* reserve(const request& wanted) noexcept override {
        take_time();
        return default_source().reserve(wanted);
    }
    void release(void* region, const request& given) noexcept override {
        default_source().release(region, given);
    }
    [[nodiscard]] std::size_t granularity() const noexcept override { return default_source().granularity(); }
    [[nodiscard]] bool is_prepaid() const noexcept override { return true; }

    mutable std::atomic<bool> is_slow{false};
    mutable std::atomic<bool> was_asked{false};

private:
    void take_time() const {
        if (!is_slow.exchange(false)) return;
        was_asked = true;
        std::this_thread::sleep_for(200ms);
    }
};

constinit slow_source slow;

// In static storage, and so not ready before its first call.
constinit concurrent_pool late{
    {.block_size = 64, .initial_blocks = 100, .source = &slow, .sanitizers = false, .name = "late"}};

TEST(fork_source, first_call_of_a_pool_is_over_before_the_fork) {
    concurrent_pool& pool = late;
    slow.is_slow = true;
    std::thread first([&] { pool.deallocate(pool.allocate()); });
    while (!slow.was_asked) std::this_thread::yield();
    const std::string ending = test::ending_of_child([&] {
        pool.deallocate(pool.allocate());
        require(pool.is_valid() && pool.stats(quiet).live <= 1, "the pool is not whole in the child");
    });
    first.join();
    EXPECT_EQ(ending, "");
}

/// Draws from a multi pool, and so takes that pool's lock under the lock of the pool that asks.
class pool_source final : public source {
public:
    explicit pool_source(concurrent_multi_pool& from) : from_(from) {}

    void* reserve(const request& wanted) noexcept override {
        return from_.try_allocate(wanted.bytes, wanted.alignment);
    }
    void release(void* region, const request& given) noexcept override {
        from_.deallocate(region, given.bytes, given.alignment);
    }

private:
    concurrent_multi_pool& from_;
};

/// Runs `work` in so many threads, again and again, until the end of the scope.
class busy {
public:
    busy(std::size_t threads, const std::function<void(std::size_t)>& work) {
        for (std::size_t i = 0; i < threads; ++i) {
            threads_.emplace_back([this, work, i] {
                while (!end_) work(i);
            });
        }
    }
    ~busy() {
        end_ = true;
        for (std::thread& one : threads_) one.join();
    }

private:
    std::atomic<bool> end_{false};
    std::vector<std::thread> threads_;
};

TEST(fork_source, pools_over_a_pool) {
    // In both orders of their first calls, which is that in which the registry knows them.
    for (const bool upper_first : {false, true}) {
        concurrent_multi_pool lower{{.sanitizers = false, .name = "lower"}};
        pool_source from_lower(lower);
        concurrent_pool upper{{.block_size = 128,
                               .blocks_per_slab = 16,
                               .growth = growth::constant(1),
                               .source = &from_lower,
                               .sanitizers = false,
                               .name = "upper"}};
        if (upper_first) upper.deallocate(upper.allocate());
        lower.deallocate(lower.allocate(100));
        const auto use = [&](std::size_t) {
            void* blocks[200];
            upper.allocate_n(blocks, 200);
            void* const other = lower.allocate(300);
            upper.deallocate_n(blocks, 200);
            lower.deallocate(other);
            (void)upper.trim();
        };
        {
            const busy threads(4, use);
            // A fork waits for threads that wait for their turn: a machine that is busy itself makes fewer.
            const auto enough = std::chrono::steady_clock::now() + 5s;
            for (int i = 0; i < 50 && (i < 5 || std::chrono::steady_clock::now() < enough); ++i) {
                const std::string ending = test::ending_of_child([&] {
                    use(0);
                    require(upper.is_valid() && lower.is_valid(), "a pool is not whole in the child");
                });
                ASSERT_EQ(ending, "") << "fork " << i;
            }
        }
        EXPECT_EQ(upper.stats(quiet).live, 0u);
        EXPECT_TRUE(upper.is_valid() && lower.is_valid());
    }
}

TEST(fork_source, more_busy_pools_than_processors_do_not_keep_a_fork_waiting) {
    constexpr std::size_t threads = CENOTE_TEST_SANITIZED ? 8 : 40;
    std::deque<concurrent_pool> pools;
    for (std::size_t i = 0; i < threads; ++i) {
        pools.emplace_back(concurrent_pool_options{.block_size = 64, .checks = true, .name = "busy"});
    }
    const auto use = [&](std::size_t i) { pools[i].deallocate(pools[i].allocate()); };
    const busy all(threads, use);
    for (int i = 0; i < 4; ++i) {
        const auto start = std::chrono::steady_clock::now();
        const pid_t child = test::start_child([&] {
            for (concurrent_pool& pool : pools) pool.deallocate(pool.allocate());
        });
        const auto took = std::chrono::steady_clock::now() - start;
        EXPECT_LT(took, 30s);
        ASSERT_EQ(test::ending_of(child), "") << "fork " << i;
    }
}

} // namespace
