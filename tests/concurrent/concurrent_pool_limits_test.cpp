// cenote: SPDX-License-Identifier: MIT
//
// A concurrent pool at its limits: a maximum, a source that refuses, a caller's buffer.
#include <cenote/concurrent/concurrent_pool.hpp>
#include <cenote/source/budget.hpp>
#include <cenote/source/heap.hpp>
#include <cenote/source/region.hpp>

#include "concurrent/threads.hpp"
#include "support/heap_calls.hpp"
#include "support/misuse_watch.hpp"
#include "support/test_sources.hpp"

#include <algorithm>
#include <cstring>
#include <string>

namespace {

using namespace cenote;
using namespace cenote::test;

std::vector<void*> take_all(concurrent_pool& pool) {
    std::vector<void*> blocks;
    while (void* const block = pool.try_allocate()) blocks.push_back(block);
    return blocks;
}
void give(concurrent_pool& pool, std::vector<void*>& blocks) {
    for (void* const block : blocks) pool.deallocate(block);
    blocks.clear();
}

TEST(concurrent_pool_limits, a_small_budget_is_for_blocks) {
    const struct {
        std::size_t bytes;
        std::size_t blocks;
    } cases[] = {{1024, 8}, {4096, 48}, {16'384, 220}, {32'768, 470}};
    for (const auto& one : cases) {
        heap upstream;
        budget limited(upstream, one.bytes);
        concurrent_pool pool({.block_size = 64, .source = &limited});
        std::vector<void*> blocks = take_all(pool);
        EXPECT_GE(blocks.size(), one.blocks);
        give(pool, blocks);
    }
}

TEST(concurrent_pool_limits, a_maximum_is_never_passed_whatever_threads_do) {
    for (const std::size_t most : {1u, 100u, 5'000u}) {
        concurrent_pool pool({.block_size = 32, .maximum_blocks = most, .sanitizers = false, .threads = 8});
        std::atomic<std::size_t> live{0};
        std::atomic<std::size_t> highest{0};
        const std::size_t rounds = scaled(200, 10);
        run_threads(8, [&](std::size_t) {
            std::vector<void*> mine;
            for (std::size_t round = 0; round < rounds; ++round) {
                while (mine.size() < most / 4 + 1) {
                    void* const block = pool.try_allocate();
                    if (block == nullptr) break;
                    std::memset(block, 1, 32);
                    mine.push_back(block);
                    const std::size_t now = ++live;
                    for (std::size_t seen = highest;
                         seen < now && !highest.compare_exchange_weak(seen, now);) {
                    }
                }
                live -= mine.size();
                give(pool, mine);
            }
        });
        EXPECT_LE(highest, most);
        EXPECT_GT(highest, 0u);
        const pool_stats now = pool.stats(quiet);
        EXPECT_EQ(now.live, 0u);
        EXPECT_LE(now.blocks, most);
        EXPECT_LE(now.peak_live, most);
        EXPECT_TRUE(pool.is_valid());
        std::vector<void*> all = take_all(pool); // and all of them can be had, now that the others have gone
        EXPECT_EQ(all.size(), most);
        give(pool, all);
    }
}

TEST(concurrent_pool_limits, with_a_maximum_all_caches_together_keep_a_quarter_of_it_at_most) {
    constexpr std::size_t most = 8'000;
    for (const unsigned threads : {1u, 4u, 10u}) {
        concurrent_pool pool(
            {.block_size = 64, .maximum_blocks = most, .sanitizers = false, .threads = threads});
        std::vector<worker> others(threads);
        for (worker& one : others) {
            one.run([&] {
                std::vector<void*> blocks;
                for (int i = 0; i < 3'000; ++i) blocks.push_back(pool.allocate());
                give(pool, blocks);
                EXPECT_LE(only_cache()->own.count(), most / 4 / threads);
                EXPECT_GT(only_cache()->own.count(), 0u);
            });
        }
        std::vector<void*> mine = take_all(pool);
        EXPECT_GE(mine.size(), most * 3 / 4);
        give(pool, mine);
    }
}

TEST(concurrent_pool_limits, a_refusal_says_how_much_other_threads_cache) {
    concurrent_pool pool(
        {.block_size = 64, .maximum_blocks = 8'000, .sanitizers = false, .name = "orders", .threads = 1});
    worker other;
    std::size_t cached = 0;
    other.run([&] {
        void* blocks[2] = {pool.allocate(), pool.allocate()};
        pool.deallocate_n(blocks, 2);
        cached = pool.stats().cached;
    });
    std::vector<void*> mine = take_all(pool);
    EXPECT_EQ(mine.size(), 8'000 - cached);
    try {
        (void)pool.allocate();
        FAIL() << "a block past the maximum";
    } catch (const out_of_memory& refusal) {
        // The other thread has freed two blocks since its last exchange.
        EXPECT_EQ(refusal.details().cached, cached * 64);
        EXPECT_EQ(refusal.details().live, mine.size() * 64);
        EXPECT_EQ(refusal.details().limit, 8'000u * 64);
        EXPECT_EQ(refusal.details().reserved, pool.stats().reserved_bytes);
        EXPECT_STREQ(refusal.details().pool, "orders");
        const std::string text = refusal.what();
        EXPECT_NE(text.find("other threads"), std::string::npos) << text;
        EXPECT_NE(text.find("orders"), std::string::npos) << text;
    }
    // It was asked to flush, and does at its next exchange; an exit is one too.
    other.end();
    void* const last = pool.allocate();
    mine.push_back(last);
    give(pool, mine);
}

TEST(concurrent_pool_limits, a_refusal_asks_others_to_flush_what_they_cache) {
    concurrent_pool pool({.block_size = 64, .maximum_blocks = 8'000, .sanitizers = false, .threads = 1});
    worker other;
    std::vector<void*> theirs;
    other.run([&] {
        for (int i = 0; i < 1'200; ++i) theirs.push_back(pool.allocate());
        while (theirs.size() > 600) { // a full magazine, and some
            pool.deallocate(theirs.back());
            theirs.pop_back();
        }
    });
    std::vector<void*> mine = take_all(pool);
    EXPECT_LT(mine.size(), 7'400u);
    other.run([&] { // up to its next call that holds the lock, and no further
        while (!only_cache()->own.loaded.is_full() || only_cache()->own.spare.is_empty()) {
            pool.deallocate(theirs.back());
            theirs.pop_back();
        }
        pool.deallocate(theirs.back());
        theirs.pop_back();
        EXPECT_LE(only_cache()->own.count(), 1u);
    });
    std::vector<void*> more = take_all(pool);
    EXPECT_EQ(mine.size() + more.size() + theirs.size() + 1, 8'000u);
    give(pool, mine);
    give(pool, more);
    other.run([&] { give(pool, theirs); });
}

// The handler runs on the thread that was refused, with no lock held: it may use the pool, and so may others
// meanwhile.
TEST(concurrent_pool_limits, the_exhaustion_handler_may_use_the_pool_and_so_may_other_threads_meanwhile) {
    struct state {
        concurrent_pool* pool = nullptr;
        worker* other = nullptr;
        std::vector<void*> live;
        int calls = 0;
        static bool handle(void* context, const shortage& what) {
            auto& self = *static_cast<state*>(context);
            ++self.calls;
            EXPECT_EQ(what.live, 1'000u * 64);
            EXPECT_EQ(self.pool->stats().live, 1'000u);
            self.pool->deallocate(self.live.back());
            self.live.pop_back();
            self.other->run([&] { // would wait forever for a lock held here
                EXPECT_TRUE(adds_up(self.pool->stats()));
                self.pool->deallocate(self.live.back());
                self.live.pop_back();
                self.pool->release_thread_caches();
            });
            return true;
        }
    } now;
    worker other;
    concurrent_pool pool({.block_size = 64,
                          .maximum_blocks = 1'000,
                          .sanitizers = false,
                          .on_exhaustion = {&state::handle, &now, 1}});
    now.pool = &pool;
    now.other = &other;
    now.live = take_all(pool);
    ASSERT_EQ(now.live.size(), 1'000u);
    now.live.push_back(pool.allocate());
    EXPECT_EQ(now.calls, 1);
    EXPECT_EQ(pool.try_allocate() != nullptr, true); // the other gave one as well
    EXPECT_EQ(pool.try_allocate(), nullptr);         // never asks the handler
    EXPECT_EQ(now.calls, 1);
    pool.reset();
}

TEST(concurrent_pool_limits, batches_come_whole_or_not_at_all_in_every_thread) {
    constexpr std::size_t most = 2'000;
    concurrent_pool pool({.block_size = 64, .maximum_blocks = most, .sanitizers = false});
    const std::size_t rounds = scaled(300, 20);
    std::atomic<std::size_t> served{0};
    run_threads(4, [&](std::size_t self) {
        std::vector<void*> blocks(400 + 100 * self);
        for (std::size_t round = 0; round < rounds; ++round) {
            std::fill(blocks.begin(), blocks.end(), nullptr);
            if (!pool.try_allocate_n(blocks.data(), blocks.size())) continue;
            ++served;
            for (void* const block : blocks) {
                ASSERT_NE(block, nullptr);
                std::memset(block, static_cast<int>(self), 64);
            }
            for (void* const block : blocks) ASSERT_EQ(*static_cast<unsigned char*>(block), self);
            pool.deallocate_n(blocks.data(), blocks.size());
        }
    });
    EXPECT_GT(served, 0u);
    EXPECT_EQ(pool.stats(quiet).live, 0u);
    EXPECT_TRUE(pool.is_valid());
    std::vector<void*> all(most);
    pool.allocate_n(all.data(), most);
    EXPECT_FALSE(pool.try_allocate_n(all.data(), 1));
    EXPECT_TRUE(pool.try_allocate_n(all.data(), 0));
    EXPECT_THROW(pool.allocate_n(all.data(), 1), out_of_memory);
    pool.reset();
}

TEST(concurrent_pool_limits, a_batch_that_fails_leaves_the_memory_that_others_took_meanwhile) {
    counting_source from;
    concurrent_pool pool({.block_size = 64, .blocks_per_slab = 64, .source = &from, .sanitizers = false});
    const std::size_t rounds = scaled(400, 40);
    from.limit = 400'000;
    run_threads(3, [&](std::size_t self) {
        std::vector<void*> mine;
        for (std::size_t round = 0; round < rounds; ++round) {
            if (self == 0) {
                void* blocks[10'000]; // more than the source has
                EXPECT_FALSE(pool.try_allocate_n(blocks, 10'000));
                continue;
            }
            for (std::size_t i = 0; i < 500; ++i) {
                if (void* const block = pool.try_allocate())
                    mine.push_back(std::memset(block, static_cast<int>(self), 64));
            }
            for (void* const block : mine) ASSERT_EQ(static_cast<unsigned char*>(block)[63], self);
            give(pool, mine);
        }
    });
    EXPECT_EQ(pool.stats(quiet).live, 0u);
    EXPECT_LE(from.peak, from.limit);
    EXPECT_TRUE(pool.is_valid());
}

TEST(concurrent_pool_limits, what_was_reserved_needs_no_source_in_any_thread) {
    counting_source from;
    concurrent_pool pool({.block_size = 64, .source = &from, .sanitizers = false});
    worker others[4];
    for (worker& one : others) one.run([&] { pool.deallocate(pool.allocate()); }); // they have their caches
    pool.reserve(20'000 + 5 * 1'024);
    const std::size_t calls = from.calls;
    std::vector<void*> blocks[5];
    for (int i = 0; i < 4; ++i) {
        others[i].run([&, i] {
            for (int k = 0; k < 4'000; ++k) blocks[i].push_back(pool.allocate());
        });
    }
    for (int k = 0; k < 4'000; ++k) blocks[4].push_back(pool.allocate());
    EXPECT_EQ(pool.stats(quiet).live, 20'000u);
    EXPECT_EQ(from.calls, calls);
    for (std::vector<void*>& some : blocks) give(pool, some);
    from.refuse_reserve = true;
    EXPECT_THROW(pool.reserve(1'000'000), out_of_memory);
    from.refuse_reserve = false;
    pool.reserve(30'000, concurrent_pool::touch::yes);
    EXPECT_GT(from.populated, 30'000u * 64);
}

// Freeing never needs memory: after its first region the source refuses everything.
TEST(concurrent_pool_limits, freeing_works_in_new_threads_when_the_source_refuses_everything) {
    counting_source from;
    concurrent_pool pool({.block_size = 64, .source = &from, .sanitizers = false, .trim = trim::manual});
    std::vector<void*> blocks;
    for (int i = 0; i < 1'000; ++i) blocks.push_back(pool.allocate());
    from.refuse_reserve = true;
    from.refuse_commit = true;
    const std::vector<void*> rest = take_all(pool);
    blocks.insert(blocks.end(), rest.begin(), rest.end());
    const std::size_t calls = from.calls;
    run_threads(8, [&](std::size_t self) {
        for (std::size_t i = self; i < blocks.size(); i += 8) pool.deallocate(blocks[i]);
    });
    EXPECT_EQ(from.calls, calls);
    const pool_stats now = pool.stats(quiet);
    EXPECT_EQ(now.live, 0u);
    EXPECT_TRUE(adds_up(now));
    EXPECT_EQ(take_all(pool).size(), blocks.size());
    pool.reset();
}

// A pool without memory for another cache serves the thread without one; and gives it one later.
TEST(concurrent_pool_limits, a_thread_for_whose_cache_there_is_no_memory_is_served_without) {
    counting_source from;
    concurrent_pool pool({.block_size = 64,
                          .initial_blocks = 2'000,
                          .source = &from,
                          .sanitizers = false,
                          .trim = trim::manual});
    from.refuse_reserve = true;
    worker other;
    other.run([&] {
        std::vector<void*> blocks;
        for (int i = 0; i < 100; ++i) blocks.push_back(pool.allocate());
        EXPECT_EQ(only_cache(), nullptr);
        EXPECT_TRUE(pool.is_instrumented());
        give(pool, blocks);
        EXPECT_EQ(pool.stats().live, 0u);
        EXPECT_EQ(pool.stats().cached, 0u);
    });
    from.refuse_reserve = false;
    (void)pool.trim();
    other.run([&] {
        pool.deallocate(pool.allocate());
        EXPECT_NE(only_cache(), nullptr);
    });
    EXPECT_TRUE(pool.is_valid());
}

class buffers : public testing::TestWithParam<std::size_t> {};
INSTANTIATE_TEST_SUITE_P(concurrent_pool, buffers, testing::Values(1, 12, 300, 5'000));

TEST_P(buffers, of_required_bytes_hold_exactly_so_many_blocks_wherever_they_start) {
    for (const unsigned threads : {1u, 4u, 104u}) {
        const bool at_once = threads > 100; // by the constructor
        concurrent_pool_options options{.block_size = 48, .sanitizers = false, .threads = threads % 100};
        options.maximum_blocks = GetParam();
        options.initial_blocks = at_once ? GetParam() : 0;
        const std::size_t bytes = concurrent_pool::required_bytes(options);
        for (const std::size_t offset : {0u, 1u, 8u, 63u, 2'047u}) {
            std::vector<std::byte> buffer(bytes + offset);
            std::vector<void*> blocks(GetParam());
            const std::size_t calls = heap_calls();
            {
                region place(buffer.data() + offset, bytes);
                options.source = &place;
                concurrent_pool pool(options);
                for (int round = 0; round < 3; ++round) {
                    for (void*& block : blocks) {
                        block = pool.try_allocate();
                        ASSERT_NE(block, nullptr) << "threads " << threads << ", offset " << offset;
                        std::memset(block, round, 48);
                    }
                    EXPECT_EQ(pool.try_allocate(), nullptr);
                    for (void* const block : blocks) pool.deallocate(block);
                    if (round == 1) (void)pool.trim();
                }
                const bool caches = GetParam() / 8 / options.threads != 0;
                EXPECT_EQ(only_cache() != nullptr, caches);
                EXPECT_TRUE(pool.is_valid());
            }
            EXPECT_EQ(heap_calls(), calls);
        }
    }
}

TEST_P(buffers, of_required_bytes_serve_the_caches_of_all_expected_threads) {
    concurrent_pool_options options{.block_size = 64, .sanitizers = false, .threads = 4};
    options.initial_blocks = GetParam();
    options.maximum_blocks = GetParam();
    std::vector<std::byte> buffer(concurrent_pool::required_bytes(options));
    region place(buffer.data(), buffer.size());
    options.source = &place;
    concurrent_pool pool(options);
    worker others[4];
    std::vector<void*> blocks;
    for (int round = 0; round < 3; ++round) {
        for (worker& one : others) {
            one.run([&] {
                std::vector<void*> some = take_all(pool);
                EXPECT_GE(some.size(), GetParam() * 3 / 4);
                give(pool, some);
                if (GetParam() / 8 / 4 != 0) {
                    EXPECT_NE(only_cache(), nullptr) << "no cache in round " << round;
                }
            });
        }
    }
    for (worker& one : others) one.run([&] { pool.release_thread_caches(); });
    blocks = take_all(pool);
    EXPECT_EQ(blocks.size(), GetParam());
    give(pool, blocks);
}

TEST(concurrent_pool_limits, required_bytes_needs_a_number_of_blocks) {
    EXPECT_THROW((void)concurrent_pool::required_bytes({.block_size = 64}), bad_options);
    EXPECT_THROW((void)concurrent_pool::required_bytes({.block_size = 0, .maximum_blocks = 4}), bad_options);
    EXPECT_THROW((void)concurrent_pool::required_bytes({.block_size = 64, .maximum_blocks = unlimited / 64}),
                 bad_options);
    EXPECT_THROW((void)concurrent_pool::required_bytes({.block_size = 64, .maximum_blocks = 4, .threads = 0}),
                 bad_options);
}

} // namespace
