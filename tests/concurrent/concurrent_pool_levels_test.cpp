// cenote: SPDX-License-Identifier: MIT
//
// What a concurrent pool says of itself while threads run and when they rest; memory that goes back.
#include <cenote/concurrent/concurrent_pool.hpp>

#include "concurrent/threads.hpp"
#include "support/misuse_watch.hpp"
#include "support/test_sources.hpp"

#include <random>

namespace {

using namespace cenote;
using namespace cenote::test;

std::vector<void*> take(concurrent_pool& pool, std::size_t count) {
    std::vector<void*> blocks;
    while (blocks.size() < count) blocks.push_back(pool.allocate());
    return blocks;
}
void give(concurrent_pool& pool, std::vector<void*>& blocks) {
    for (void* const block : blocks) pool.deallocate(block);
    blocks.clear();
}

TEST(concurrent_pool_levels, are_exact_for_the_caller_and_as_of_the_last_exchange_for_others) {
    concurrent_pool pool({.block_size = 64, .sanitizers = false});
    worker other;
    std::vector<void*> theirs;
    other.run([&] {
        theirs = take(pool, 2); // the first comes without a magazine, the second with 512 of them
        EXPECT_EQ(pool.stats().live, 2u);
        EXPECT_EQ(pool.stats().cached, 511u);
    });
    std::vector<void*> mine = take(pool, 10);
    EXPECT_EQ(pool.stats().live, 12u);
    EXPECT_EQ(pool.stats(quiet).live, 12u);
    other.run([&] {
        const std::vector<void*> more = take(pool, 100);
        theirs.insert(theirs.end(), more.begin(), more.end());
    });
    EXPECT_EQ(pool.stats().live, 12u); // seen from here the hundred are still cached
    EXPECT_TRUE(adds_up(pool.stats()));
    EXPECT_EQ(pool.stats(quiet).live, 112u);
    EXPECT_TRUE(adds_up(pool.stats(quiet)));
    other.run([&] { give(pool, theirs); });
    give(pool, mine);
    EXPECT_EQ(pool.stats(quiet).live, 0u);
    EXPECT_EQ(pool.stats(quiet).live_bytes, 0u);
    EXPECT_TRUE(pool.is_valid());
}

// A thread has emptied its magazine since its last exchange, and the blocks went through this one's hands
// into the slabs: what it is thought to cache is more than what is out.
TEST(concurrent_pool_levels, add_up_when_another_threads_magazine_has_long_been_emptied) {
    concurrent_pool pool({.block_size = 64, .sanitizers = false});
    worker other;
    std::vector<void*> blocks;
    other.run([&] { blocks = take(pool, 513); }); // its magazine holds nothing any more
    give(pool, blocks);
    pool.release_thread_caches();
    const pool_stats now = pool.stats();
    EXPECT_TRUE(adds_up(now)) << now.live << " live, " << now.cached << " cached, " << now.idle << " idle of "
                              << now.blocks;
    EXPECT_EQ(now.live, 0u);
    EXPECT_TRUE(adds_up(pool.stats(quiet)));
    EXPECT_TRUE(pool.is_valid());
}

TEST(concurrent_pool_levels, add_up_at_any_time_while_threads_run) {
    concurrent_pool pool({.block_size = 40, .sanitizers = false});
    std::atomic<int> running{4};
    const std::size_t rounds = scaled(400, 20);
    const auto churn = [&](std::size_t self) {
        std::mt19937 chance(static_cast<unsigned>(self));
        std::vector<void*> mine;
        for (std::size_t round = 0; round < rounds; ++round) {
            for (std::size_t i = chance() % 1'500; i != 0; --i) mine.push_back(pool.allocate());
            for (std::size_t i = chance() % (mine.size() + 1); i != 0; --i) {
                pool.deallocate(mine.back());
                mine.pop_back();
            }
            if (round % 50 == 49) (void)pool.trim();
            if (round % 30 == 29) pool.release_thread_caches();
        }
        give(pool, mine);
        --running;
    };
    std::size_t looks = 0;
    run_threads(5, [&](std::size_t self) {
        if (self != 0) return churn(self);
        do {
            const pool_stats now = pool.stats();
            if (!adds_up(now))
                ADD_FAILURE() << now.live << " live, " << now.cached << " cached, " << now.idle << " idle of "
                              << now.blocks << ", peak " << now.peak_live;
            ++looks;
        } while (running != 0);
    });
    EXPECT_GT(looks, 0u);
    const pool_stats now = pool.stats(quiet);
    EXPECT_EQ(now.live, 0u);
    EXPECT_TRUE(adds_up(now));
    EXPECT_TRUE(pool.is_valid());
}

TEST(concurrent_pool_levels, peak_is_exact_to_two_magazines_a_thread) {
    constexpr std::size_t magazines = 2 * 512;
    for (const std::size_t threads : {1u, 2u, 4u}) {
        concurrent_pool pool({.block_size = 64, .sanitizers = false});
        std::vector<worker> crowd(threads);
        std::vector<std::vector<void*>> blocks(threads);
        for (std::size_t i = 0; i < threads; ++i) crowd[i].run([&] { blocks[i] = take(pool, 3'000); });
        const std::size_t most = threads * 3'000;
        for (std::size_t i = 0; i < threads; ++i) crowd[i].run([&] { give(pool, blocks[i]); });
        const std::size_t peak = pool.stats(quiet).peak_live;
        EXPECT_LE(peak, most);
        EXPECT_GE(peak + threads * magazines, most);
        (void)pool.trim();
        EXPECT_EQ(pool.stats(quiet).peak_live, peak);
    }
}

TEST(concurrent_pool_levels, calls_are_counted_under_stats_alone) {
    concurrent_pool plain({.block_size = 64, .sanitizers = false});
    plain.deallocate(plain.allocate());
    EXPECT_FALSE(plain.stats().calls.has_value());
    concurrent_pool pool({.block_size = 64, .maximum_blocks = 1'000, .stats = true});
    const std::size_t rounds = scaled(2'000, 100);
    run_threads(4, [&](std::size_t) {
        for (std::size_t i = 0; i < rounds; ++i) pool.deallocate(pool.allocate());
    });
    ASSERT_TRUE(pool.stats().calls.has_value());
    EXPECT_EQ(pool.stats().calls->allocations, 4 * rounds);
    EXPECT_EQ(pool.stats().calls->deallocations, 4 * rounds);
    EXPECT_EQ(pool.stats().calls->failures, 0u);
    EXPECT_EQ(pool.stats().live, 0u);
}

// A batch that is refused takes back what it counted, and nothing that other threads counted meanwhile.
TEST(concurrent_pool_levels, a_batch_that_fails_forgets_no_call_of_another_thread) {
    concurrent_pool pool({.block_size = 64, .maximum_blocks = 1'000, .stats = true});
    std::vector<void*> kept(600);
    pool.allocate_n(kept.data(), kept.size());
    const std::size_t rounds = scaled(3'000, 300);
    std::atomic<bool> is_over{false};
    std::atomic<std::size_t> refused{0};
    std::size_t served = 0;
    std::size_t asked = 0;
    run_threads(2, [&](std::size_t self) {
        if (self == 0) {
            while (!is_over) {
                void* blocks[500];
                if (pool.try_allocate_n(blocks, 500)) ADD_FAILURE() << "1,100 of 1,000 blocks";
                ++refused;
            }
            return;
        }
        for (; asked < rounds || refused < 20; ++asked) {
            void* const block = pool.try_allocate();
            if (block == nullptr) continue;
            ++served;
            pool.deallocate(block);
        }
        is_over = true;
    });
    const call_counts calls = *pool.stats().calls;
    EXPECT_EQ(calls.allocations, served + kept.size());
    EXPECT_EQ(calls.deallocations, served);
    EXPECT_EQ(calls.failures, refused + asked - served);
    pool.deallocate_n(kept.data(), kept.size());
}

// Memory that goes back.

TEST(concurrent_pool_levels, trim_returns_all_but_other_threads_caches_and_says_what_they_pin) {
    counting_source from;
    concurrent_pool pool({.block_size = 64, .source = &from, .sanitizers = false, .trim = trim::manual});
    worker other;
    std::vector<void*> mine = take(pool, 10'000);
    other.run([&] {
        std::vector<void*> theirs = take(pool, 300);
        give(pool, theirs); // 513 of them came, and now its two magazines hold them all
    });
    give(pool, mine);
    const std::size_t reserved = from.reserved;
    const std::size_t decommitted = from.decommitted;
    const trim_result first = pool.trim();
    EXPECT_EQ(first.returned_bytes, reserved - from.reserved + from.decommitted - decommitted);
    EXPECT_GT(first.returned_bytes, 9'000u * 64);
    pool_stats now = pool.stats(quiet);
    EXPECT_EQ(now.cached, 513u); // of the other thread: nobody else caches anything
    EXPECT_EQ(pool.stats().reserved_bytes, from.reserved);
    // The last exchange of the other thread was when it got its 512, and then it has given one more.
    EXPECT_EQ(first.pinned_bytes, 512u * 64);
    other.run([&] {
        std::vector<void*> theirs = take(pool, 1'100); // past its magazines: a call that holds the lock
        give(pool, theirs);
        pool.release_thread_caches();
    });
    const trim_result second = pool.trim();
    EXPECT_EQ(second.pinned_bytes, 0u);
    now = pool.stats(quiet);
    EXPECT_EQ(now.blocks, 0u);
    EXPECT_EQ(now.reserved_bytes, from.reserved);
    EXPECT_EQ(pool.trim().returned_bytes, 0u);
}

TEST(concurrent_pool_levels, trim_has_other_threads_flush_at_their_next_exchange) {
    concurrent_pool pool({.block_size = 64, .sanitizers = false, .trim = trim::manual});
    worker other;
    std::vector<void*> theirs;
    other.run([&] {
        theirs = take(pool, 1'200);
        while (theirs.size() > 600) { // a full magazine, and some
            pool.deallocate(theirs.back());
            theirs.pop_back();
        }
    });
    (void)pool.trim();
    EXPECT_GT(pool.stats(quiet).cached, 512u); // it has not been in the pool since
    other.run([&] {                            // to its next call that holds the lock, and no further
        while (!only_cache()->own.loaded.is_full() || only_cache()->own.spare.is_empty()) {
            pool.deallocate(theirs.back());
            theirs.pop_back();
        }
        pool.deallocate(theirs.back());
        theirs.pop_back();
        EXPECT_LE(only_cache()->own.count(), 1u); // both of its magazines went
        give(pool, theirs);
        pool.release_thread_caches();
    });
    (void)pool.trim();
    EXPECT_EQ(pool.stats(quiet).blocks, 0u);
}

TEST(concurrent_pool_levels, release_thread_caches_flushes_the_callers_own_and_no_others) {
    concurrent_pool pool({.block_size = 64, .maximum_blocks = 64'000, .sanitizers = false});
    worker other;
    std::vector<void*> theirs;
    other.run([&] {
        theirs = take(pool, 600);
        give(pool, theirs);
    });
    const std::size_t of_other = pool.stats(quiet).cached;
    std::vector<void*> mine = take(pool, 600);
    give(pool, mine);
    pool.release_thread_caches();
    const engine::thread_cache* const here = only_cache();
    ASSERT_NE(here, nullptr);
    EXPECT_EQ(here->own.count(), 0u);
    EXPECT_GE(pool.stats(quiet).cached, of_other);
    other.run([&] {
        EXPECT_GT(only_cache()->own.count(), 0u);
        pool.release_thread_caches();
        EXPECT_EQ(only_cache()->own.count(), 0u);
        pool.release_thread_caches(); // nothing to do
    });
    std::vector<void*> all = take(pool, 64'000); // nothing is kept from anybody
    give(pool, all);
}

TEST(concurrent_pool_levels, reset_frees_what_every_thread_has) {
    counting_source from;
    concurrent_pool pool({.block_size = 64, .source = &from, .sanitizers = false, .trim = trim::manual});
    worker others[3];
    for (int round = 0; round < 3; ++round) {
        (void)take(pool, 2'000);
        for (worker& one : others) one.run([&] { (void)take(pool, 700); });
        const std::size_t reserved = from.reserved;
        pool.reset();
        const pool_stats now = pool.stats();
        EXPECT_EQ(now.live, 0u);
        EXPECT_EQ(now.cached, 0u);
        EXPECT_EQ(now.idle, now.blocks);
        EXPECT_EQ(from.reserved, reserved);
        EXPECT_TRUE(pool.is_valid());
    }
    std::vector<void*> mine = take(pool, 10);
    for (worker& one : others) {
        one.run([&] {
            std::vector<void*> theirs = take(pool, 10); // from no stale magazine
            for (void* const block : theirs) {
                EXPECT_TRUE(pool.is_live(block));
                EXPECT_EQ(std::count(mine.begin(), mine.end(), block), 0);
            }
            give(pool, theirs);
        });
    }
    give(pool, mine);
    EXPECT_TRUE(pool.is_valid());
}

TEST(concurrent_pool_levels, memory_goes_back_by_itself_when_the_work_of_threads_ends) {
    counting_source from;
    concurrent_pool pool({.block_size = 256, .source = &from, .sanitizers = false});
    gate all_have(4); // their blocks, at the same time
    run_threads(4, [&](std::size_t) {
        std::vector<void*> mine = take(pool, 4'000);
        all_have.arrive_and_wait();
        give(pool, mine);
    });
    const std::size_t most = from.peak;
    worker other;
    other.run([&] { // light traffic, some windows of it
        for (std::size_t i = 0; i < 400; ++i) {
            std::vector<void*> some = take(pool, 1'000);
            give(pool, some);
        }
    });
    EXPECT_LT(from.present(), most / 2);
    EXPECT_TRUE(pool.is_valid());
}

} // namespace
