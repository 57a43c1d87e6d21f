// cenote: SPDX-License-Identifier: MIT
//
// What stands between a pool's core and its threads: memory for caches, and what of it goes back.
#include <cenote/concurrent/concurrent_pool.hpp>
#include <cenote/source/budget.hpp>
#include <cenote/source/os_pages.hpp>

#include "concurrent/threads.hpp"
#include "support/misuse_watch.hpp"
#include "support/test_sources.hpp"

namespace {

using namespace cenote;
using namespace cenote::test;

TEST(shared, caches_are_bought_in_advance_and_one_is_always_spare) {
    counting_source from;
    concurrent_pool pool({.block_size = 64, .source = &from, .sanitizers = false, .trim = trim::manual});
    std::vector<void*> blocks;
    for (int i = 0; i < 100; ++i) blocks.push_back(pool.allocate());
    const std::size_t calls = from.calls;
    std::thread([&] { // it never allocates, so its cache must be there already
        for (void* const block : blocks) pool.deallocate(block);
        EXPECT_NE(only_cache(), nullptr);
        EXPECT_EQ(only_cache()->own.count(), blocks.size());
    })
        .join();
    EXPECT_EQ(from.calls, calls);
}

TEST(shared, caches_of_threads_that_have_gone_serve_new_ones) {
    counting_source from;
    concurrent_pool pool({.block_size = 64, .source = &from, .sanitizers = false, .trim = trim::manual});
    run_threads(8, [&](std::size_t) {
        std::vector<void*> blocks;
        for (int i = 0; i < 600; ++i) blocks.push_back(pool.allocate());
        for (void* const block : blocks) pool.deallocate(block);
    });
    const std::size_t reserves = from.reserves;
    for (int i = 0; i < 50; ++i) {
        std::thread([&] {
            pool.deallocate(pool.allocate());
            EXPECT_NE(only_cache(), nullptr);
        }).join();
    }
    EXPECT_EQ(from.reserves, reserves);
}

TEST(shared, trim_gives_back_the_memory_of_caches_that_nobody_has) {
    counting_source from;
    concurrent_pool pool({.block_size = 64, .source = &from, .sanitizers = false, .trim = trim::manual});
    {
        std::vector<worker> crowd(16);
        for (worker& one : crowd) {
            one.run([&] {
                void* two[2] = {pool.allocate(), pool.allocate()};
                pool.deallocate_n(two, 2);
            });
        }
        EXPECT_GT(pool.trim().pinned_bytes, 0u);
    }
    EXPECT_GT(from.reserved, 16u * 1'024 * sizeof(void*)); // two magazines each
    const std::size_t before = from.reserved;
    EXPECT_EQ(pool.trim().returned_bytes, before);
    EXPECT_EQ(from.reserved, 0u);
    EXPECT_EQ(from.wrong_releases, 0u);
    std::thread([&] { pool.deallocate(pool.allocate()); }).join(); // and it starts anew
    EXPECT_EQ(pool.stats(quiet).live, 0u);
}

// A thread of one pool that draws from another: locks are taken in one order, whoever ends first.
TEST(shared, a_pool_may_draw_from_a_source_that_is_another_pool) {
    class pooled final : public source {
    public:
        explicit pooled(concurrent_pool& below) : below_(&below) {}
        void* reserve(const request& wanted) noexcept override {
            return wanted.bytes > below_->block_size() ? nullptr : below_->try_allocate();
        }
        void release(void* region, const request&) noexcept override { below_->deallocate(region); }

    private:
        concurrent_pool* below_;
    };
    concurrent_pool below({.block_size = 128 << 10, .alignment = 4'096, .sanitizers = false});
    pooled from(below);
    const std::size_t rounds = scaled(60, 5);
    for (std::size_t round = 0; round < rounds; ++round) {
        concurrent_pool above(
            {.block_size = 64, .blocks_per_slab = 512, .source = &from, .sanitizers = false});
        run_threads(3, [&](std::size_t) {
            std::vector<void*> blocks;
            for (int i = 0; i < 2'000; ++i) {
                if (void* const block = above.try_allocate()) blocks.push_back(block);
            }
            EXPECT_GT(blocks.size(), 1'000u);
            for (void* const block : blocks) above.deallocate(block);
            if (round % 2 == 0) (void)above.trim();
        });
        EXPECT_EQ(above.stats(quiet).live, 0u);
        EXPECT_TRUE(above.is_valid());
    }
    EXPECT_EQ(below.stats(quiet).live, 0u);
    EXPECT_TRUE(below.is_valid());
}

// A source that refuses once is asked again when there is reason to.
TEST(shared, a_thread_without_a_cache_gets_one_when_the_source_has_recovered) {
    counting_source from;
    concurrent_pool pool({.block_size = 64,
                          .initial_blocks = 1'000,
                          .source = &from,
                          .sanitizers = false,
                          .trim = trim::manual});
    worker other;
    from.refuse_reserve = true;
    other.run([&] {
        pool.deallocate(pool.allocate());
        EXPECT_EQ(only_cache(), nullptr);
    });
    from.refuse_reserve = false;
    std::vector<void*> blocks;
    for (int i = 0; i < 3'000; ++i) blocks.push_back(pool.allocate()); // grows: the source gives again
    other.run([&] {
        pool.deallocate(pool.allocate());
        EXPECT_NE(only_cache(), nullptr) << "it stays slow for ever";
    });
    pool.deallocate_n(blocks.data(), blocks.size());
}

} // namespace
