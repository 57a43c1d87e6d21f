// cenote: SPDX-License-Identifier: MIT
#include <cenote/concurrent/concurrent_pool.hpp>
#include <cenote/concurrent/thread_cache.hpp>

#include "concurrent/threads.hpp"

#include <memory>
#include <type_traits>

namespace {

using namespace cenote;
using namespace cenote::engine;

// What every thread pays for the library, whether it uses a pool or not.
static_assert(sizeof(thread_slots) <= 512);
static_assert(std::is_trivially_destructible_v<thread_slots>);
static_assert(std::is_trivially_destructible_v<thread_cache>);
// The words of the hot path share a cache line with nothing of another thread.
static_assert(alignof(thread_cache) == 64 && sizeof(thread_cache) % 64 == 0);

TEST(thread_cache, a_new_thread_has_none_and_its_magazines_are_empty_and_full_at_once) {
    std::thread([] {
        EXPECT_EQ(test::only_cache(), nullptr);
        for (thread_cache* const head : own_slots().heads) {
            ASSERT_NE(head, nullptr);
            EXPECT_EQ(head->next_here, nullptr);
            EXPECT_EQ(head->key.load(), no_key);
            EXPECT_TRUE(head->own.loaded.is_empty() && head->own.loaded.is_full());
        }
    }).join();
}

TEST(thread_cache, a_pool_that_was_never_used_has_a_number_that_no_record_has) {
    EXPECT_NE(no_key, 0u);
    const thread_cache fresh;
    EXPECT_NE(fresh.key.load(), 0u);
}

TEST(thread_cache, pools_of_one_slot_share_a_chain_of_which_the_last_used_is_the_head) {
    std::vector<std::unique_ptr<concurrent_pool>> pools;
    for (std::size_t i = 0; i < 3 * thread_slots::slots; ++i) {
        pools.push_back(std::make_unique<concurrent_pool>(
            concurrent_pool_options{.block_size = 64, .blocks_per_slab = 64, .sanitizers = false}));
    }
    std::thread([&] {
        for (int round = 0; round < 2; ++round) {
            for (const auto& pool : pools) pool->deallocate(pool->allocate());
        }
        std::size_t records = 0;
        for (const thread_cache* at : own_slots().heads) {
            std::size_t in_chain = 0;
            for (; at->next_here != nullptr; at = at->next_here) {
                EXPECT_EQ(at->owner, &own_slots());
                ++in_chain;
            }
            EXPECT_EQ(in_chain, 3u); // numbers follow each other, so slots are used evenly
            records += in_chain;
        }
        EXPECT_EQ(records, pools.size());
    }).join();
}

// Records of pools that have ended serve new ones: a thread that sees many pools come and go keeps few.
TEST(thread_cache, records_of_pools_that_have_ended_are_used_again) {
    std::thread([] {
        for (int i = 0; i < 2'000; ++i) {
            concurrent_pool pool({.block_size = 64, .blocks_per_slab = 64, .sanitizers = false});
            pool.deallocate(pool.allocate());
        }
        std::size_t records = 0;
        for (const thread_cache* at : own_slots().heads) {
            for (; at->next_here != nullptr; at = at->next_here) ++records;
        }
        EXPECT_LE(records, thread_slots::slots);
        EXPECT_GT(records, 0u);
    }).join();
}

} // namespace
