// cenote: SPDX-License-Identifier: MIT
//
// Pools that come and go while threads stay: their records of caches are used again, also for pools at the
// same address, and the memory of the process stays bounded.
#include <cenote/concurrent/concurrent_multi_pool.hpp>
#include <cenote/concurrent/concurrent_pool.hpp>

#include "sanitized.hpp"
#include "support/process_memory.hpp"

#include <barrier>
#include <cstring>
#include <gtest/gtest.h>
#include <malloc.h>
#include <memory>
#include <new>
#include <optional>
#include <set>
#include <thread>
#include <vector>

namespace {

using namespace cenote;

concurrent_pool_options options() {
    return {.block_size = 64, .sanitizers = false, .name = "one of many"};
}

/// One thread makes pools and ends them, others use each of them in between.
template<class Make, class Use, class End>
void in_turns(int rounds, int users, const Make& make, const Use& use, const End& end) {
    std::barrier turn(users + 1);
    std::vector<std::thread> threads;
    for (int i = 0; i < users; ++i) {
        threads.emplace_back([&, i] {
            for (int round = 0; round < rounds; ++round) {
                turn.arrive_and_wait();
                use(i);
                turn.arrive_and_wait();
            }
        });
    }
    for (int round = 0; round < rounds; ++round) {
        make(round);
        turn.arrive_and_wait();
        turn.arrive_and_wait();
        end(round);
    }
    for (std::thread& one : threads) one.join();
}

TEST(many_pools, thousand_pools_one_after_the_other_take_no_more_memory_than_a_few) {
    mallopt(M_ARENA_MAX, 1); // or malloc maps one more when it likes
    std::unique_ptr<concurrent_pool> pool;
    std::size_t after_some = 0;
    std::size_t mapped_after_some = 0;
    std::size_t after_all = 0;
    std::size_t mapped_after_all = 0;
    in_turns(
        1000, 2, [&](int) { pool = std::make_unique<concurrent_pool>(options()); },
        [&](int) {
            void* blocks[30];
            pool->allocate_n(blocks, 30);
            pool->deallocate_n(blocks, 30);
            EXPECT_FALSE(pool->is_instrumented()) << "the thread got no cache";
        },
        [&](int round) {
            pool.reset();
            (round < 200 ? after_some : after_all) = test::resident_bytes();
            (round < 200 ? mapped_after_some : mapped_after_all) = test::mapped_bytes();
        });
    if (CENOTE_TEST_SANITIZED) GTEST_SKIP() << "the sanitizer keeps freed memory back";
    EXPECT_LE(after_all, after_some + (std::size_t{128} << 10));
    EXPECT_LE(mapped_after_all, mapped_after_some + (std::size_t{256} << 10));
}

TEST(many_pools, thousand_pools_at_once_and_again_take_the_memory_of_the_first_time) {
    constexpr std::size_t count = 1000;
    std::vector<std::unique_ptr<concurrent_pool>> pools(count);
    std::size_t after_some = 0;
    in_turns(
        12, 2,
        [&](int) {
            for (auto& pool : pools) pool = std::make_unique<concurrent_pool>(options());
        },
        [&](int) {
            for (auto& pool : pools) {
                void* const block = pool->allocate();
                pool->deallocate(block);
                EXPECT_FALSE(pool->is_instrumented()) << "the thread got no cache";
            }
        },
        [&](int round) {
            for (auto& pool : pools) pool.reset();
            if (round == 1) after_some = test::resident_bytes();
        });
    if (CENOTE_TEST_SANITIZED) GTEST_SKIP() << "the sanitizer keeps freed memory back";
    EXPECT_LE(test::resident_bytes(), after_some + (std::size_t{1} << 20));
}

// A stale cache of the pool that was here before would hand out blocks that are gone.
TEST(many_pools, pool_at_the_address_of_one_that_ended_is_another_pool) {
    alignas(concurrent_pool) std::byte place[sizeof(concurrent_pool)];
    alignas(concurrent_multi_pool) std::byte sizes_place[sizeof(concurrent_multi_pool)];
    concurrent_pool* pool = nullptr;
    concurrent_multi_pool* sizes = nullptr;
    in_turns(
        300, 3,
        [&](int) {
            pool = ::new (place) concurrent_pool(options());
            sizes = ::new (sizes_place) concurrent_multi_pool({.sanitizers = false, .name = "of many sizes"});
        },
        [&](int mark) {
            std::vector<void*> blocks(20 + 50 * static_cast<std::size_t>(mark));
            for (void*& block : blocks) {
                block = pool->allocate();
                EXPECT_TRUE(pool->owns(block)) << "a block of the pool that was here before";
                std::memset(block, mark, 64);
            }
            void* const other = sizes->allocate(200);
            EXPECT_TRUE(sizes->owns(other));
            sizes->deallocate(other);
            for (void* const block : blocks) {
                EXPECT_EQ(static_cast<unsigned char*>(block)[63], mark);
                pool->deallocate(block);
            }
        },
        [&](int) {
            EXPECT_EQ(pool->stats(quiet).live, 0u);
            EXPECT_TRUE(pool->is_valid() && sizes->is_valid());
            pool->~concurrent_pool();
            sizes->~concurrent_multi_pool();
            std::memset(place, 0xa5, sizeof place);
        });
}

} // namespace
