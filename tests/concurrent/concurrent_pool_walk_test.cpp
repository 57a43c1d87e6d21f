// cenote: SPDX-License-Identifier: MIT
//
// Walks over a concurrent pool, and the handle to one's own cache.
#include <cenote/concurrent/concurrent_pool.hpp>

#include "concurrent/threads.hpp"
#include "support/misuse_watch.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace {

using namespace cenote;
using namespace cenote::test;

std::vector<void*> take(concurrent_pool& pool, std::size_t count) {
    std::vector<void*> blocks;
    while (blocks.size() < count) blocks.push_back(pool.allocate());
    return blocks;
}

TEST(concurrent_pool_walks, visit_what_is_live_in_any_thread_and_nothing_that_one_caches) {
    concurrent_pool pool({.block_size = 64, .sanitizers = false});
    worker others[3];
    std::set<void*> live;
    for (worker& one : others) {
        one.run([&] {
            const std::vector<void*> blocks = take(pool, 900);
            for (std::size_t i = 0; i < blocks.size(); ++i) {
                if (i % 3 == 0) {
                    live.insert(blocks[i]);
                } else {
                    pool.deallocate(blocks[i]); // most stay in its magazines
                }
            }
        });
    }
    for (void* const block : take(pool, 100)) live.insert(block);
    EXPECT_GT(pool.stats(quiet).cached, 900u);
    std::multiset<void*> seen;
    pool.for_each([&](void* block) { seen.insert(block); });
    EXPECT_EQ(std::set<void*>(seen.begin(), seen.end()), live);
    EXPECT_EQ(seen.size(), live.size());
    others[0].run([&] { // its magazines serve again
        void* const block = pool.allocate();
        EXPECT_FALSE(live.contains(block));
        EXPECT_FALSE(pool.is_instrumented());
        pool.deallocate(block);
    });
    EXPECT_TRUE(pool.is_valid());
    pool.reset();
}

TEST(concurrent_pool_walks, let_their_visitor_allocate_and_free) {
    concurrent_pool pool({.block_size = 64, .sanitizers = false});
    worker other;
    std::vector<void*> blocks = take(pool, 600);
    other.run([&] {
        const std::vector<void*> theirs = take(pool, 600);
        blocks.insert(blocks.end(), theirs.begin(), theirs.end());
    });
    std::set<void*> throughout(blocks.begin(), blocks.end());
    std::multiset<void*> seen;
    std::vector<void*> fresh;
    std::size_t step = 0;
    std::size_t cached = 0; // by the depot
    pool.for_each([&](void* block) {
        if (step == 0) cached = pool.stats().cached;
        seen.insert(block);
        EXPECT_TRUE(pool.is_instrumented());
        if (++step > 3'000) return;
        if (step % 3 == 0 && throughout.erase(block) != 0) pool.deallocate(block);
        if (step % 2 == 0) fresh.push_back(pool.allocate());
        if (step % 64 == 0) {
            EXPECT_TRUE(adds_up(pool.stats()));
            EXPECT_LE(pool.stats().cached, cached);
            (void)pool.trim(); // nothing, during a walk
            pool.for_each([](void*) { return false; });
        }
    });
    EXPECT_GT(throughout.size(), 300u);
    for (void* const block : throughout) EXPECT_EQ(seen.count(block), 1u);
    EXPECT_EQ(pool.stats(quiet).live, throughout.size() + fresh.size());
    EXPECT_FALSE(pool.is_instrumented());
    EXPECT_TRUE(pool.is_valid());
    pool.reset();
}

TEST(concurrent_pool_walks, give_the_magazines_back_when_a_visitor_throws) {
    concurrent_pool pool({.block_size = 64, .sanitizers = false});
    worker other;
    other.run([&] { pool.deallocate(pool.allocate()); });
    std::vector<void*> blocks = take(pool, 10);
    EXPECT_THROW(pool.for_each([](void*) -> bool { throw 7; }), int);
    for (void* const block : blocks) pool.deallocate(block);
    EXPECT_GE(pool.stats().cached, 10u);
    other.run([&] {
        void* some[2] = {pool.allocate(), pool.allocate()};
        pool.deallocate_n(some, 2);
        EXPECT_EQ(only_cache()->own.loaded.capacity(), 512u);
        EXPECT_EQ(only_cache()->own.spare.capacity(), 512u);
        EXPECT_GE(only_cache()->own.count(), 2u); // and the rest of what it was handed
    });
    EXPECT_EQ(pool.stats(quiet).live, 0u);
}

TEST(concurrent_pool_walks, tell_of_misuse_that_lay_in_the_caches) {
    misuse_watch watch;
    concurrent_pool pool({.block_size = 64, .sanitizers = false});
    worker other;
    std::vector<void*> blocks = take(pool, 4);
    other.run([&] {
        pool.deallocate(blocks[0]);
        pool.deallocate(blocks[0]);
        pool.deallocate(&pool);
    });
    std::set<void*> seen;
    pool.for_each([&](void* block) { seen.insert(block); });
    EXPECT_EQ(seen, std::set<void*>(blocks.begin() + 1, blocks.end()));
    EXPECT_EQ(watch.count(), 2u);
    pool.reset();
}

// The handle.

TEST(local_caches, serve_the_same_blocks_as_the_pool) {
    concurrent_pool pool({.block_size = 64, .sanitizers = false});
    auto cache = pool.local_cache();
    EXPECT_EQ(&cache.pool(), &pool);
    std::set<void*> live;
    for (int i = 0; i < 3'000; ++i) {
        void* const block = i % 3 == 0   ? pool.allocate()
                            : i % 3 == 1 ? cache.allocate()
                                         : cache.try_allocate();
        EXPECT_TRUE(live.insert(block).second);
        EXPECT_TRUE(pool.is_live(block));
    }
    EXPECT_EQ(pool.stats().live, live.size());
    void* const last = *live.begin();
    cache.deallocate(last);
    EXPECT_EQ(pool.allocate(), last); // one magazine
    pool.deallocate(last);
    EXPECT_EQ(cache.allocate(), last);
    bool by_cache = false;
    for (void* const block : live) (by_cache = !by_cache) ? cache.deallocate(block) : pool.deallocate(block);
    EXPECT_EQ(pool.stats().live, 0u);
    EXPECT_TRUE(pool.is_valid());
}

TEST(local_caches, are_of_the_thread_that_asks) {
    concurrent_pool pool({.block_size = 64, .sanitizers = false});
    auto mine = pool.local_cache();
    void* const block = mine.allocate();
    mine.deallocate(block);
    worker other;
    other.run([&] {
        auto theirs = pool.local_cache();
        void* const another = theirs.allocate();
        EXPECT_NE(another, block); // that one is in the first thread's magazine
        theirs.deallocate(another);
        EXPECT_EQ(pool.allocate(), another);
        pool.deallocate(another);
    });
    EXPECT_EQ(mine.allocate(), block);
    mine.deallocate(block);
}

TEST(local_caches, serve_an_instrumented_pool_too) {
    misuse_watch watch;
    concurrent_pool pool({.block_size = 64, .maximum_blocks = 2, .checks = true, .stats = true});
    auto cache = pool.local_cache();
    void* const block = cache.allocate();
    cache.deallocate(block);
    EXPECT_EQ(watch.count(), 0u);
    cache.deallocate(block); // found at the call
    EXPECT_EQ(watch.count(), 1u);
    void* const again = cache.try_allocate();
    void* const second = cache.try_allocate();
    EXPECT_EQ(cache.try_allocate(), nullptr);
    EXPECT_THROW((void)cache.allocate(), out_of_memory);
    EXPECT_EQ(pool.stats().calls->allocations, 3u);
    EXPECT_EQ(pool.stats().calls->failures, 2u);
    cache.deallocate(again);
    cache.deallocate(second);
    EXPECT_EQ(pool.stats().live, 0u);
}

TEST(local_caches, stay_good_after_a_release_a_trim_a_reset_and_a_walk) {
    concurrent_pool pool({.block_size = 64, .sanitizers = false});
    worker other;
    auto cache = pool.local_cache();
    const auto use = [&](const char* after) {
        std::set<void*> live;
        for (int i = 0; i < 1'300; ++i) EXPECT_TRUE(live.insert(cache.allocate()).second) << after;
        for (void* const block : live) {
            EXPECT_TRUE(pool.owns(block)) << after;
            cache.deallocate(block);
        }
        EXPECT_EQ(pool.stats(quiet).live, 0u) << after;
        EXPECT_TRUE(pool.is_valid()) << after;
    };
    use("nothing");
    pool.release_thread_caches();
    use("a release");
    (void)pool.trim();
    use("a trim");
    other.run([&] {
        pool.deallocate(pool.allocate());
        (void)pool.trim();
    });
    use("another thread's trim");
    pool.reset();
    use("a reset");
    void* const kept = cache.allocate();
    int visits = 0;
    pool.for_each([&](void* block) {
        if (visits++ != 0) return;
        EXPECT_EQ(block, kept);
        void* const more = cache.allocate();
        EXPECT_TRUE(pool.is_live(more));
        cache.deallocate(more);
        EXPECT_FALSE(pool.is_live(more)); // at once: a walk runs at capacity zero
    });
    cache.deallocate(kept);
    use("a walk");
}

TEST(local_caches, serve_threads_that_run_at_once) {
    concurrent_pool pool({.block_size = 64, .sanitizers = false});
    const std::size_t rounds = scaled(2'000, 100);
    run_threads(4, [&](std::size_t self) {
        auto cache = pool.local_cache();
        std::vector<unsigned char*> mine;
        for (std::size_t round = 0; round < rounds; ++round) {
            for (std::size_t i = 0; i < 100; ++i) {
                mine.push_back(static_cast<unsigned char*>(cache.allocate()));
                *mine.back() = static_cast<unsigned char>(self);
            }
            const std::size_t keep = round % 7 * 100;
            while (mine.size() > keep) {
                if (*mine.back() != self) ADD_FAILURE() << "two threads have one block";
                cache.deallocate(mine.back());
                mine.pop_back();
            }
        }
        for (void* const block : mine) cache.deallocate(block);
    });
    EXPECT_EQ(pool.stats(quiet).live, 0u);
    EXPECT_TRUE(pool.is_valid());
}

} // namespace
