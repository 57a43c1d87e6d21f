// cenote: SPDX-License-Identifier: MIT
//
// Threads that end before their pool, pools that end before their threads.
#include <cenote/concurrent/concurrent_multi_pool.hpp>
#include <cenote/concurrent/concurrent_pool.hpp>

#include "concurrent/threads.hpp"
#include "support/misuse_watch.hpp"
#include "support/test_sources.hpp"

#include <cstring>
#include <memory>
#include <optional>
#include <pthread.h>
#include <set>

namespace {

using namespace cenote;
using namespace cenote::test;

/// Allocates and frees so that both magazines of the calling thread hold blocks.
void leave_some_cached(concurrent_pool& pool) {
    void* blocks[700];
    for (void*& block : blocks) block = pool.allocate();
    for (void* const block : blocks) pool.deallocate(block);
}

TEST(concurrent_pool_exit, a_thread_that_ends_leaves_its_blocks_to_the_others) {
    concurrent_pool pool({.block_size = 64, .maximum_blocks = 4'096, .sanitizers = false, .threads = 1});
    std::thread([&] { leave_some_cached(pool); }).join();
    EXPECT_EQ(pool.stats(quiet).live, 0u);
    EXPECT_TRUE(pool.is_valid());
    std::vector<void*> all(4'096);
    pool.allocate_n(all.data(), all.size()); // every block can be had
    EXPECT_EQ(pool.try_allocate(), nullptr);
    pool.deallocate_n(all.data(), all.size());
}

TEST(concurrent_pool_exit, also_when_it_ends_by_pthread_exit) {
    concurrent_pool pool({.block_size = 64, .maximum_blocks = 4'096, .sanitizers = false, .threads = 1});
    pthread_t one{};
    const auto body = [](void* context) -> void* {
        leave_some_cached(*static_cast<concurrent_pool*>(context));
        pthread_exit(nullptr);
        return nullptr; // not every system says that it never comes here
    };
    ASSERT_EQ(pthread_create(&one, nullptr, body, &pool), 0);
    ASSERT_EQ(pthread_join(one, nullptr), 0);
    std::vector<void*> all(4'096);
    pool.allocate_n(all.data(), all.size());
    pool.deallocate_n(all.data(), all.size());
}

TEST(concurrent_pool_exit, frees_after_the_cache_is_gone_are_served) {
    // A thread-local of the user that is destructed late frees a block of its own and takes another.
    struct late {
        concurrent_pool* pool = nullptr;
        concurrent_multi_pool* sizes = nullptr;
        void* block = nullptr;
        void* text = nullptr;
        static void at_exit(void* context) { // pthread keys run after C++ thread-locals, in rounds
            auto& self = *static_cast<late*>(context);
            self.pool->deallocate(self.block);
            self.sizes->deallocate(self.text);
            void* const more = self.pool->allocate();
            std::memset(more, 1, 64);
            self.pool->deallocate(more);
            self.sizes->deallocate(self.sizes->allocate(200), 200);
            self.pool->release_thread_caches();
        }
    } mine;
    concurrent_pool pool({.block_size = 64, .sanitizers = false});
    concurrent_multi_pool sizes({.sanitizers = false});
    mine.pool = &pool;
    mine.sizes = &sizes;
    pthread_key_t key{};
    ASSERT_EQ(pthread_key_create(&key, &late::at_exit), 0);
    for (int i = 0; i < 3; ++i) {
        std::thread([&] {
            mine.block = pool.allocate(); // the cache comes first, so its end does too
            mine.text = sizes.allocate(100);
            pthread_setspecific(key, &mine);
        }).join();
        EXPECT_EQ(pool.stats(quiet).live, 0u);
        EXPECT_EQ(sizes.stats(quiet).live, 0u);
    }
    pthread_key_delete(key);
    EXPECT_TRUE(pool.is_valid());
    EXPECT_TRUE(sizes.is_valid());
}

template<class Pool, class Work>
std::size_t reserved_by(counting_source& from, std::size_t threads, std::size_t at_a_time, Pool& pool,
                        const Work& work) {
    for (std::size_t done = 0; done < threads; done += at_a_time) run_threads(at_a_time, work);
    EXPECT_EQ(pool.stats(quiet).live, 0u);
    return from.peak;
}

TEST(concurrent_pool_exit, a_thousand_short_threads_reserve_what_one_does_and_a_magazine_each) {
    constexpr std::size_t magazine = 512 * 64;
    constexpr std::size_t unit = 16 << 10; // a cache's own memory
    const auto run = [](std::size_t threads, std::size_t at_a_time) {
        counting_source from;
        concurrent_pool pool({.block_size = 64, .source = &from, .sanitizers = false});
        return reserved_by(from, threads, at_a_time, pool, [&](std::size_t) { leave_some_cached(pool); });
    };
    const std::size_t one = run(1, 1);
    EXPECT_LE(run(scaled(1'000, 100), 1), one + magazine); // one after the other: they hand on what they had
    const std::size_t alive = 32;
    EXPECT_LE(run(scaled(1'000, 96), alive), alive * (one + magazine + unit));
}

TEST(concurrent_pool_exit, a_thousand_short_threads_of_many_sizes_reserve_what_one_does) {
    const auto run = [](std::size_t threads, std::size_t at_a_time) {
        counting_source from;
        concurrent_multi_pool pool({.source = &from, .sanitizers = false});
        return reserved_by(from, threads, at_a_time, pool, [&](std::size_t) {
            std::vector<void*> blocks;
            for (std::size_t size = 1; size < 5'000; size = size * 3 / 2 + 1)
                blocks.push_back(pool.allocate(size));
            for (void* const block : blocks) pool.deallocate(block);
        });
    };
    const std::size_t one = run(1, 1);
    EXPECT_LE(run(scaled(1'000, 100), 1), one + (64 << 10));
    EXPECT_LE(run(scaled(1'000, 96), 32), 32 * (one + (64 << 10)));
}

TEST(concurrent_pool_exit, a_pool_may_end_while_threads_that_used_it_go_on) {
    counting_source from;
    worker others[3];
    concurrent_pool stays({.block_size = 48, .sanitizers = false});
    {
        concurrent_pool goes({.block_size = 64, .source = &from, .sanitizers = false});
        concurrent_multi_pool sizes({.source = &from, .sanitizers = false});
        for (worker& one : others) {
            one.run([&] {
                leave_some_cached(goes);
                leave_some_cached(stays);
                sizes.deallocate(sizes.allocate(100));
            });
        }
        EXPECT_EQ(goes.stats(quiet).live, 0u);
    }
    EXPECT_EQ(from.regions(), 0u);
    EXPECT_EQ(from.wrong_releases, 0u);
    for (worker& one : others) {
        one.run([&] {
            leave_some_cached(stays);
            concurrent_pool next({.block_size = 32, .sanitizers = false});
            leave_some_cached(next);
        });
        one.end();
    }
    EXPECT_EQ(stays.stats(quiet).live, 0u);
    EXPECT_TRUE(stays.is_valid());
}

TEST(concurrent_pool_exit, pools_may_end_just_when_threads_do) {
    const std::size_t rounds = scaled(100, 20);
    for (std::size_t round = 0; round < rounds; ++round) {
        std::vector<std::unique_ptr<concurrent_pool>> pools;
        for (int i = 0; i < 3; ++i) {
            pools.push_back(std::make_unique<concurrent_pool>(
                concurrent_pool_options{.block_size = 64, .sanitizers = false}));
        }
        std::atomic<int> using_them{4};
        std::vector<std::thread> threads;
        for (int i = 0; i < 4; ++i) {
            threads.emplace_back([&] {
                for (const auto& pool : pools) pool->deallocate(pool->allocate());
                --using_them;
            });
        }
        while (using_them != 0) std::this_thread::yield();
        pools.clear(); // while the threads part with them
        for (std::thread& one : threads) one.join();
    }
}

TEST(concurrent_pool_exit, a_pool_where_another_was_does_not_get_its_caches) {
    std::optional<concurrent_pool> place;
    worker other;
    std::set<void*> old;
    place.emplace(concurrent_pool_options{.block_size = 64, .sanitizers = false});
    other.run([&] { leave_some_cached(*place); });
    for (int round = 0; round < 20; ++round) {
        place.emplace(concurrent_pool_options{.block_size = 64u + 64u * static_cast<unsigned>(round % 2),
                                              .sanitizers = false});
        other.run([&] {
            std::vector<void*> blocks;
            for (int i = 0; i < 600; ++i) blocks.push_back(place->allocate());
            for (void* const block : blocks) {
                ASSERT_TRUE(place->owns(block)); // one from a stale magazine is nobody's
                std::memset(block, round, place->block_size());
            }
            for (void* const block : blocks) place->deallocate(block);
        });
        EXPECT_EQ(place->stats(quiet).live, 0u);
        EXPECT_TRUE(place->is_valid());
    }
}

// Sixteen pools or so share each entry of a thread's table: none loses what it has cached.
class many_pools : public testing::TestWithParam<std::size_t> {};
INSTANTIATE_TEST_SUITE_P(concurrent_pool, many_pools, testing::Values(64, 1'000));

TEST_P(many_pools, in_one_thread_disturb_each_other_not) {
    std::vector<std::unique_ptr<concurrent_pool>> pools;
    for (std::size_t i = 0; i < GetParam(); ++i) {
        pools.push_back(std::make_unique<concurrent_pool>(concurrent_pool_options{
            .block_size = 16 + 16 * (i % 4), .blocks_per_slab = 64, .sanitizers = false, .threads = 1}));
    }
    std::vector<std::size_t> first(pools.size());
    std::vector<std::set<void*>> seen(pools.size());
    worker witness; // sees levels of the last exchange only: an exchange would change them
    for (std::size_t round = 0; round < 12; ++round) {
        for (std::size_t i = 0; i < pools.size(); ++i) {
            void* const block = pools[i]->allocate();
            std::memset(block, static_cast<int>(i), pools[i]->block_size());
            if (round > 1) {
                EXPECT_TRUE(seen[i].contains(block)) << "not from the magazine";
            }
            seen[i].insert(block);
            if (round == 0) { // the first block comes without a magazine, the second with a full one
                void* const second = pools[i]->allocate();
                seen[i].insert(second);
                pools[i]->deallocate(second);
            }
            pools[i]->deallocate(block);
        }
        if (round == 1) {
            for (std::size_t i = 0; i < pools.size(); ++i) {
                witness.run([&] { first[i] = pools[i]->stats().cached; });
                EXPECT_GT(first[i], 0u);
            }
        }
    }
    for (std::size_t i = 0; i < pools.size(); ++i) {
        witness.run([&] { EXPECT_EQ(pools[i]->stats().cached, first[i]) << "pool " << i << " was flushed"; });
        EXPECT_EQ(pools[i]->stats().live, 0u);
        EXPECT_TRUE(pools[i]->is_valid());
    }
}

TEST(concurrent_pool_exit, a_thread_of_very_many_pools_can_end) {
    std::vector<std::unique_ptr<concurrent_pool>> pools;
    for (int i = 0; i < 300; ++i) {
        pools.push_back(std::make_unique<concurrent_pool>(
            concurrent_pool_options{.block_size = 64, .blocks_per_slab = 64, .sanitizers = false}));
    }
    worker other;
    other.run([&] {
        for (const auto& pool : pools) pool->deallocate(pool->allocate());
    });
    for (std::size_t i = 0; i < pools.size(); i += 3) pools[i].reset();
    other.end();
    for (const auto& pool : pools) {
        if (pool == nullptr) continue;
        EXPECT_EQ(pool->stats(quiet).live, 0u);
        EXPECT_TRUE(pool->is_valid());
    }
}

} // namespace
