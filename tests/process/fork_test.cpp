// cenote: SPDX-License-Identifier: MIT
//
// Forks while other threads are in the pools at full speed: the child uses every pool, the parent loses
// nothing.
#include <cenote/concurrent/concurrent_multi_pool.hpp>
#include <cenote/concurrent/concurrent_pool.hpp>

#include "child.hpp"
#include "sanitized.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <gtest/gtest.h>
#include <memory>
#include <thread>
#include <vector>

namespace {

using namespace cenote;
using test::require;

constexpr int forks = CENOTE_TEST_SANITIZED ? 30 : 200;
constexpr std::size_t maximum = 3000;

concurrent_pool_options fixed_options(bool checks) {
    return {
        .block_size = 64, .maximum_blocks = maximum, .checks = checks, .sanitizers = false, .name = "forked"};
}

/// All pools that the threads use, and what each of them holds on to.
struct pools {
    explicit pools(bool checks)
        : small(fixed_options(checks)),
          sizes({.checks = checks, .sanitizers = false, .name = "forked sizes"}) {}

    concurrent_pool small;
    concurrent_multi_pool sizes;
};

/// Threads that allocate and free as fast as they can until the end of the scope. Each owns some blocks for
/// long, and counts those.
class crowd {
public:
    crowd(pools& all, std::size_t threads) {
        for (std::size_t i = 0; i < threads; ++i) {
            threads_.emplace_back([this, &all, i] { work(all, i); });
        }
        while (ready_ != threads) std::this_thread::yield();
    }
    ~crowd() {
        end_ = true;
        for (std::thread& one : threads_) one.join();
    }

private:
    static constexpr std::size_t most = 300;

    void work(pools& all, std::size_t seed) {
        std::vector<void*> small;
        std::vector<std::pair<void*, std::size_t>> sized;
        std::uint32_t random = static_cast<std::uint32_t>(seed) * 2654435761u + 1;
        for (bool is_first = true; !end_; is_first = false) {
            random = random * 1664525u + 1013904223u;
            const std::size_t burst = random >> 24;
            while (small.size() < burst && small.size() < most) {
                void* const block = all.small.try_allocate();
                if (block == nullptr) break;
                small.push_back(block);
            }
            while (sized.size() < burst / 2) {
                const std::size_t bytes = 16 + (random >> 8) % 900;
                sized.emplace_back(all.sizes.allocate(bytes), bytes);
            }
            const std::size_t rest = burst / 4;
            for (; small.size() > rest; small.pop_back()) all.small.deallocate(small.back());
            for (; sized.size() > rest; sized.pop_back()) all.sizes.deallocate(sized.back().first);
            if (is_first) ++ready_;
        }
        for (void* const block : small) all.small.deallocate(block);
        for (const auto& [block, bytes] : sized) all.sizes.deallocate(block, bytes);
    }

    std::atomic<bool> end_{false};
    std::atomic<std::size_t> ready_{0};
    std::vector<std::thread> threads_;
};

bool adds_up(const pool_stats& levels) {
    return levels.live + levels.cached + levels.idle + levels.abandoned == levels.blocks;
}

/// All that a program may do with a pool, in a child. `mine` stays live.
void use_small(concurrent_pool& pool, void* mine) {
    require(pool.is_valid(), "the pool's invariants do not hold after the fork");
    const pool_stats before = pool.stats(quiet);
    require(adds_up(before), "live, cached, idle and abandoned blocks are not all blocks");
    require(pool.is_live(mine), "a block that the forking thread holds is not live");
    std::vector<void*> got;
    while (void* const block = pool.try_allocate()) {
        require(block != mine, "a live block was handed out a second time");
        got.push_back(block);
    }
    const pool_stats full = pool.stats(quiet);
    require(full.live + full.abandoned == maximum && full.live == before.live + got.size(),
            "not every block that is neither live nor abandoned could be had");
    std::size_t seen = 0;
    pool.for_each([&](void*) { ++seen; });
    require(seen == full.live, "a walk does not meet the live blocks");
    pool.deallocate_n(got.data(), got.size());
    pool.deallocate(mine);
    require(pool.stats(quiet).live + 1 == before.live, "blocks freed in the child are still live");
    (void)pool.trim();
    require(pool.is_valid() && adds_up(pool.stats(quiet)), "trim breaks the pool in the child");
}

void use_sizes(concurrent_multi_pool& pool, void* mine) {
    require(pool.is_valid(), "the multi pool's invariants do not hold after the fork");
    const pool_stats before = pool.stats(quiet);
    require(adds_up(before), "live, cached, idle and abandoned blocks of all sizes are not all blocks");
    std::vector<void*> got;
    for (std::size_t i = 0; i < 2000; ++i) got.push_back(pool.allocate(16 + i % 900));
    require(pool.stats(quiet).live == before.live + got.size(), "the multi pool miscounts in the child");
    std::size_t seen = 0;
    pool.for_each([&](void*, std::size_t) { ++seen; });
    require(seen == before.live + got.size(), "a walk does not meet the live blocks of all sizes");
    pool.deallocate_n(got.data(), got.size());
    pool.deallocate(mine);
    (void)pool.trim();
    require(pool.stats(quiet).live + 1 == before.live && pool.is_valid(), "trim breaks the multi pool");
}

void fork_often(bool checks, std::size_t threads) {
    set_leak_handler([](const leak_report&) noexcept {});
    auto all = std::make_unique<pools>(checks);
    {
        const crowd busy(*all, threads);
        for (int i = 0; i < forks; ++i) {
            void* const small = all->small.allocate();
            void* const sized = all->sizes.allocate(100);
            const std::string ending = test::ending_of_child([&] {
                use_small(all->small, small);
                use_sizes(all->sizes, sized);
                all.reset();
            });
            all->small.deallocate(small);
            all->sizes.deallocate(sized);
            ASSERT_EQ(ending, "") << "fork " << i;
        }
    }
    const pool_stats small = all->small.stats(quiet);
    const pool_stats sizes = all->sizes.stats(quiet);
    EXPECT_EQ(small.live, 0u);
    EXPECT_EQ(small.abandoned, 0u);
    EXPECT_EQ(sizes.live, 0u);
    EXPECT_EQ(sizes.abandoned, 0u);
    EXPECT_TRUE(adds_up(small) && adds_up(sizes));
    EXPECT_TRUE(all->small.is_valid() && all->sizes.is_valid());
    std::vector<void*> everything(maximum);
    all->small.allocate_n(everything.data(), maximum);
    all->small.deallocate_n(everything.data(), maximum);
    set_leak_handler(nullptr);
}

TEST(fork, child_uses_the_pools_while_threads_of_the_parent_run) {
    fork_often(false, 4);
}

TEST(fork, child_uses_pools_with_checks_while_threads_of_the_parent_run) {
    fork_often(true, 4);
}

// Threads that hold still: what they cache is known.

/// A thread that has freed `count` blocks of a pool into its cache, and waits there until the end of the
/// scope.
class keeper {
public:
    keeper(concurrent_pool& pool, std::size_t count)
        : thread_([this, &pool, count] {
              cached_.resize(count);
              pool.allocate_n(cached_.data(), count);
              std::sort(cached_.begin(), cached_.end());
              pool.deallocate_n(cached_.data(), count);
              state_ = 1;
              while (state_ == 1) std::this_thread::yield();
          }) {
        while (state_ == 0) std::this_thread::yield();
    }
    keeper(const keeper&) = delete;
    keeper& operator=(const keeper&) = delete;
    ~keeper() {
        state_ = 2;
        thread_.join();
    }
    [[nodiscard]] bool holds(void* block) const {
        return std::binary_search(cached_.begin(), cached_.end(), block);
    }

private:
    std::vector<void*> cached_;
    std::atomic<int> state_{0};
    std::thread thread_;
};

void require_abandoned(concurrent_pool& pool, std::size_t cached, const keeper& one, const keeper& other) {
    const pool_stats levels = pool.stats(quiet);
    require(levels.abandoned == cached, "not just what the vanished threads had cached is abandoned");
    require(adds_up(levels) && pool.is_valid(), "live, cached, idle and abandoned blocks are not all blocks");
    std::vector<void*> all;
    while (void* const block = pool.try_allocate()) {
        require(!one.holds(block) && !other.holds(block), "an abandoned block was handed out");
        all.push_back(block);
    }
    require(all.size() == maximum - cached, "blocks that nobody has cannot be had");
    pool.deallocate_n(all.data(), all.size());
    pool.release_thread_caches();
}

TEST(fork, what_vanished_threads_had_cached_is_abandoned_and_nothing_else) {
    concurrent_pool pool{fixed_options(false)};
    const keeper one(pool, 40);
    const keeper other(pool, 60);
    const std::size_t cached = pool.stats(quiet).cached;
    ASSERT_GE(cached, 100u);
    EXPECT_EQ(test::ending_of_child([&] {
                  require_abandoned(pool, cached, one, other);
                  const pid_t grandchild =
                      test::start_child([&] { require_abandoned(pool, cached, one, other); });
                  require(test::ending_of(grandchild).empty(), "a child of the child failed");
              }),
              "");
    EXPECT_EQ(pool.stats(quiet).abandoned, 0u);
    // From a thread that never used a pool, while the main thread has a cache.
    pool.deallocate(pool.allocate());
    pool.release_thread_caches();
    std::string ending;
    std::thread([&] {
        ending = test::ending_of_child([&] { require_abandoned(pool, cached, one, other); });
    }).join();
    EXPECT_EQ(ending, "");
}

TEST(fork, killed_child_leaves_the_parent_alone) {
    auto all = std::make_unique<pools>(false);
    {
        const crowd busy(*all, 2);
        for (int i = 0; i < 10; ++i) {
            const pid_t child = test::start_child([&] {
                for (;;) all->small.deallocate(all->small.allocate());
            });
            ASSERT_GT(child, 0);
            all->sizes.deallocate(all->sizes.allocate(500));
            kill(child, SIGKILL);
            EXPECT_EQ(test::ending_of(child), "died of signal 9");
        }
    }
    EXPECT_EQ(all->small.stats(quiet).live + all->sizes.stats(quiet).live, 0u);
    EXPECT_TRUE(all->small.is_valid() && all->sizes.is_valid());
}

// A walk needs quiet, but a thread that forks beside it does not use the pool.
TEST(fork, child_of_a_fork_beside_a_walk_can_use_the_pool) {
    for (const bool checks : {false, true}) {
        concurrent_pool pool{fixed_options(checks)};
        void* const held = pool.allocate();
        std::atomic<int> state{0};
        std::thread walker([&] {
            pool.for_each([&](void*) {
                state = 1;
                while (state == 1) std::this_thread::yield();
            });
        });
        while (state == 0) std::this_thread::yield();
        const std::string ending = test::ending_of_child([&] {
            void* const block = pool.allocate();
            pool.deallocate(block);
            pool.deallocate(held);
            require(pool.is_instrumented() == checks, "the child is slow for a walk that nobody makes");
            require(pool.stats(quiet).live == 0 && pool.is_valid(), "the pool is not whole in the child");
            pool.reset();
        });
        state = 2;
        walker.join();
        EXPECT_EQ(ending, "") << "checks " << checks;
        pool.deallocate(held);
    }
}

} // namespace
