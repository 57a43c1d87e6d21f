// cenote: SPDX-License-Identifier: MIT
//
// Misuse of a concurrent pool: what is found, when, by whom, and what the handler may do.
#include <cenote/concurrent/concurrent_multi_pool.hpp>
#include <cenote/concurrent/concurrent_pool.hpp>

#include "concurrent/threads.hpp"
#include "support/misuse_watch.hpp"
#include "support/test_sources.hpp"

#include <algorithm>
#include <set>

namespace {

using namespace cenote;
using namespace cenote::test;

std::vector<void*> take(concurrent_pool& pool, std::size_t count) {
    std::vector<void*> blocks;
    while (blocks.size() < count) blocks.push_back(pool.allocate());
    return blocks;
}

TEST(concurrent_pool_misuse, a_double_free_is_told_at_the_flush_and_no_other_thread_gets_the_block_twice) {
    misuse_watch watch;
    concurrent_pool pool({.block_size = 64, .sanitizers = false, .name = "orders"});
    std::vector<void*> blocks = take(pool, 20);
    for (void* const block : blocks) pool.deallocate(block);
    for (std::size_t i = 0; i < 7; ++i) pool.deallocate(blocks[i]);
    EXPECT_EQ(watch.count(), 0u); // its own magazines took them
    pool.release_thread_caches();
    ASSERT_EQ(watch.count(), 7u);
    std::set<const void*> told;
    for (const misuse_report& report : watch.seen()) {
        EXPECT_EQ(report.kind, misuse::double_free);
        EXPECT_STREQ(report.pool, "orders");
        EXPECT_EQ(report.block_size, 64u);
        told.insert(report.pointer);
    }
    EXPECT_EQ(told, std::set<const void*>(blocks.begin(), blocks.begin() + 7));
    std::thread([&] {
        std::vector<void*> theirs = take(pool, 3'000);
        std::sort(theirs.begin(), theirs.end());
        EXPECT_EQ(std::adjacent_find(theirs.begin(), theirs.end()), theirs.end());
        for (void* const block : theirs) pool.deallocate(block);
    }).join();
    EXPECT_EQ(pool.stats(quiet).live, 0u);
    EXPECT_TRUE(pool.is_valid());
}

TEST(concurrent_pool_misuse, a_block_freed_in_two_threads_is_told_once) {
    misuse_watch watch;
    concurrent_pool pool({.block_size = 64, .sanitizers = false});
    std::vector<void*> blocks = take(pool, 1'000);
    std::thread([&] {
        for (void* const block : blocks) pool.deallocate(block);
    }).join(); // its exit is a flush, at the next call
    for (std::size_t i = 0; i < 10; ++i) pool.deallocate(blocks[i * 100]);
    pool.release_thread_caches();
    EXPECT_EQ(watch.count(), 10u);
    for (const misuse_report& report : watch.seen()) EXPECT_EQ(report.kind, misuse::double_free);
    EXPECT_EQ(pool.stats(quiet).live, 0u);
    EXPECT_TRUE(pool.is_valid());
}

TEST(concurrent_pool_misuse, pointers_from_elsewhere_are_told_by_what_is_wrong_with_them) {
    misuse_watch watch;
    concurrent_pool pool({.block_size = 64, .sanitizers = false});
    std::byte elsewhere[128];
    std::vector<void*> blocks = take(pool, 3);
    auto* const inside = static_cast<std::byte*>(blocks[0]) + 8;
    pool.deallocate(elsewhere);
    pool.deallocate(inside);
    pool.deallocate(blocks[1], 65); // told at once: needs no look
    EXPECT_EQ(watch.count(), 1u);
    EXPECT_EQ(watch.seen()[0].kind, misuse::wrong_size);
    watch.clear();
    pool.release_thread_caches();
    ASSERT_EQ(watch.count(), 2u);
    std::set<std::pair<misuse, const void*>> told;
    for (const misuse_report& report : watch.seen()) told.emplace(report.kind, report.pointer);
    EXPECT_TRUE(told.contains({misuse::foreign_pointer, elsewhere}));
    EXPECT_TRUE(told.contains({misuse::interior_pointer, inside}));
    EXPECT_EQ(pool.stats(quiet).live, 3u);
    pool.deallocate_n(blocks.data(), blocks.size());
    EXPECT_TRUE(pool.is_valid());
}

TEST(concurrent_pool_misuse, a_null_is_told_and_never_handed_out) {
    misuse_watch watch;
    concurrent_pool pool({.block_size = 64, .sanitizers = false});
    std::vector<void*> blocks = take(pool, 3);
    pool.deallocate(blocks[0]);
    pool.deallocate(nullptr);
    pool.deallocate(nullptr);
    EXPECT_EQ(pool.allocate(), blocks[0]);
    ASSERT_EQ(watch.count(), 2u);
    for (const misuse_report& report : watch.seen()) {
        EXPECT_EQ(report.kind, misuse::foreign_pointer);
        EXPECT_EQ(report.pointer, nullptr);
    }
    for (void* const block : blocks) pool.deallocate(block);
    EXPECT_EQ(pool.stats(quiet).live, 0u);
    EXPECT_TRUE(pool.is_valid());
}

TEST(concurrent_pool_misuse, before_the_first_block_every_pointer_is_foreign) {
    misuse_watch watch;
    concurrent_pool pool({.block_size = 64, .sanitizers = false});
    int elsewhere = 0;
    pool.deallocate(&elsewhere);
    ASSERT_EQ(watch.count(), 1u);
    EXPECT_EQ(watch.seen()[0].kind, misuse::foreign_pointer);
}

// More at once than a list of reports holds: whoever flushes comes back for the rest, and each is told once.
TEST(concurrent_pool_misuse, every_pointer_of_a_magazine_may_be_wrong) {
    for (const bool by_exit : {false, true}) {
        misuse_watch watch;
        concurrent_pool pool({.block_size = 64, .sanitizers = false});
        std::vector<void*> blocks = take(pool, 1'024);
        std::vector<std::byte> elsewhere(512 * 64);
        pool.deallocate_n(blocks.data(), blocks.size());
        pool.release_thread_caches();
        const auto wrong = [&] {
            pool.deallocate(blocks[700]); // joins
            for (int i = 0; i < 512; ++i) pool.deallocate(elsewhere.data() + i * 64);
            for (std::size_t i = 0; i < 511; ++i) pool.deallocate(blocks[i]);
            if (!by_exit) pool.release_thread_caches();
        };
        std::thread(wrong).join();
        for (int i = 0; i < 100; ++i) (void)pool.stats(); // each call takes some from a thread that has gone
        EXPECT_EQ(pool.stats(quiet).live, 0u);
        EXPECT_EQ(watch.count(), 1'024u);
        std::set<const void*> told;
        for (const misuse_report& report : watch.seen()) told.insert(report.pointer);
        EXPECT_EQ(told.size(), 1'024u);
        EXPECT_TRUE(pool.is_valid());
    }
}

// A thread that has gone left as much wrong as one list of reports takes; the call that finds it is wrong
// too.
TEST(concurrent_multi_pool_misuse, a_wrong_call_may_come_upon_what_another_thread_left) {
    misuse_watch watch;
    concurrent_multi_pool pool({.sanitizers = false});
    std::vector<void*> blocks;
    for (int i = 0; i < 512; ++i) blocks.push_back(pool.allocate(64));
    const auto word_of = [&](const void* block) { return pool.index_of(block) / 64; };
    const std::size_t word = word_of(blocks[256]);
    std::erase_if(blocks,
                  [&](void* block) { return word_of(block) != word && (pool.deallocate(block), true); });
    ASSERT_EQ(blocks.size(), 64u);
    for (void* const block : blocks) pool.deallocate(block);
    pool.release_thread_caches();
    std::byte elsewhere[24];
    std::thread([&] {
        for (int i = 0; i < 16; ++i) pool.deallocate(elsewhere + i, 64);
        for (void* const block : blocks) pool.deallocate(block, 64);
    }).join();
    pool.deallocate(elsewhere + 20);
    EXPECT_GT(watch.count(), 16u + 1u);
    for (int i = 0; i < 100; ++i) (void)pool.stats();
    EXPECT_EQ(watch.count(), 16u + 64u + 1u);
    EXPECT_EQ(pool.stats(quiet).live, 0u);
}

TEST(concurrent_pool_misuse, a_pool_that_ends_tells_what_caches_hold_that_is_wrong) {
    misuse_watch watch;
    leak_watch leaks;
    worker other;
    {
        concurrent_pool pool({.block_size = 64, .sanitizers = false});
        other.run([&] {
            void* const block = pool.allocate();
            pool.deallocate(block);
            pool.deallocate(block);
            (void)pool.allocate();
            (void)pool.allocate(); // twice the same, which the end cannot know
            (void)pool.allocate();
            pool.deallocate(&pool);
        });
    }
    ASSERT_EQ(watch.count(), 1u);
    EXPECT_EQ(watch.seen()[0].kind, misuse::foreign_pointer);
    ASSERT_EQ(leaks.seen().size(), 1u);
    EXPECT_EQ(leaks.seen()[0].blocks, 2u);
}

// The handler runs when no lock is held: another pool, questions to this one, other threads that use it.
concurrent_pool* told_of = nullptr;
worker* another_thread = nullptr;
std::atomic<int> calls{0};

void use_everything(const misuse_report&) noexcept {
    ++calls;
    concurrent_pool other({.block_size = 32, .sanitizers = false});
    other.deallocate(other.allocate());
    EXPECT_TRUE(adds_up(told_of->stats()));
    EXPECT_FALSE(told_of->owns(&calls));
    another_thread->run([] { // would wait for a lock that this thread holds
        EXPECT_TRUE(adds_up(told_of->stats()));
        void* const block = told_of->allocate();
        told_of->deallocate(block);
        told_of->release_thread_caches();
    });
}

TEST(concurrent_pool_misuse, its_handler_runs_with_no_lock_held) {
    for (const bool checks : {false, true}) {
        worker other;
        concurrent_pool pool({.block_size = 64, .checks = checks, .sanitizers = false});
        told_of = &pool;
        another_thread = &other;
        calls = 0;
        const misuse_handler before = set_misuse_handler(&use_everything);
        std::vector<void*> blocks = take(pool, 1'100);
        for (void* const block : blocks) pool.deallocate(block); // flushes a magazine on the way
        pool.deallocate(blocks[0]);
        pool.deallocate(&pool);
        pool.release_thread_caches();
        pool.deallocate(blocks[1]);
        (void)pool.trim();
        set_misuse_handler(before);
        EXPECT_EQ(calls, 3);
        EXPECT_EQ(pool.stats(quiet).live, 0u);
        EXPECT_TRUE(pool.is_valid());
    }
}

TEST(concurrent_multi_pool_misuse, its_handler_runs_with_no_lock_held) {
    static concurrent_multi_pool* sizes = nullptr;
    static std::atomic<int> told{0};
    told = 0;
    for (const bool checks : {false, true}) {
        worker other;
        another_thread = &other;
        concurrent_multi_pool pool({.checks = checks, .sanitizers = false});
        sizes = &pool;
        const misuse_handler before = set_misuse_handler([](const misuse_report&) noexcept {
            ++told;
            another_thread->run([] {
                sizes->deallocate(sizes->allocate(100));
                EXPECT_TRUE(adds_up(sizes->stats()));
            });
        });
        void* const block = pool.allocate(100);
        void* const large = pool.allocate(100'000);
        int elsewhere = 0;
        pool.deallocate(&elsewhere);
        pool.deallocate(large);
        pool.deallocate(large);
        pool.deallocate(block);
        pool.deallocate(block);
        pool.release_thread_caches();
        set_misuse_handler(before);
        EXPECT_EQ(pool.stats(quiet).live, 0u);
    }
    EXPECT_EQ(told, 6);
}

// With checks.

TEST(concurrent_pool_checks, find_misuse_at_the_call_in_any_thread) {
    concurrent_pool pool({.block_size = 64, .checks = true, .name = "checked"});
    EXPECT_TRUE(pool.is_instrumented());
    worker other;
    void* const block = pool.allocate();
    void* second = nullptr;
    std::byte elsewhere[64];
    other.run([&] {
        misuse_watch watch;
        EXPECT_TRUE(pool.is_instrumented());
        second = pool.allocate();
        EXPECT_NE(second, block);
        pool.deallocate(block); // this thread may: it came from another
        EXPECT_EQ(watch.count(), 0u);
        pool.deallocate(block);
        ASSERT_EQ(watch.count(), 1u);
        EXPECT_EQ(watch.seen()[0].kind, misuse::double_free);
        EXPECT_EQ(watch.seen()[0].pointer, block);
        pool.deallocate(elsewhere);
        ASSERT_EQ(watch.count(), 2u);
        EXPECT_EQ(watch.seen()[1].kind, misuse::foreign_pointer);
        pool.deallocate(static_cast<std::byte*>(second) + 1);
        ASSERT_EQ(watch.count(), 3u);
        EXPECT_EQ(watch.seen()[2].kind, misuse::interior_pointer);
    });
    misuse_watch watch;
    pool.deallocate(block);
    EXPECT_EQ(watch.count(), 1u);
    pool.deallocate(second);
    EXPECT_EQ(watch.count(), 1u);
    EXPECT_EQ(pool.stats().live, 0u);
    EXPECT_EQ(pool.stats().cached, 0u);
}

// Every thread frees every block: of all the frees of one block exactly one is right.
TEST(concurrent_pool_checks, let_exactly_one_of_many_frees_of_a_block_through) {
    static std::atomic<std::size_t> told{0};
    told = 0;
    const misuse_handler before = set_misuse_handler([](const misuse_report& report) noexcept {
        if (report.kind == misuse::double_free) ++told;
    });
    concurrent_pool pool({.block_size = 64, .checks = true});
    const std::vector<void*> blocks = take(pool, scaled(4'000, 400));
    run_threads(4, [&](std::size_t) {
        for (void* const block : blocks) pool.deallocate(block);
    });
    set_misuse_handler(before);
    EXPECT_EQ(told, 3 * blocks.size());
    EXPECT_EQ(pool.stats().live, 0u);
    EXPECT_TRUE(pool.is_valid());
}

TEST(concurrent_pool_checks, tell_of_other_threads_that_call_during_a_walk) {
    misuse_watch watch;
    worker other;
    concurrent_pool pool({.block_size = 64, .checks = true});
    std::vector<void*> blocks = take(pool, 3);
    void* theirs = nullptr;
    pool.for_each([&](void* block) {
        if (block != blocks[1]) return;
        void* const mine = pool.allocate(); // the walker may
        pool.deallocate(mine);
        EXPECT_EQ(watch.count(), 0u);
        other.run([&] { theirs = pool.allocate(); });
        other.run([&] { pool.deallocate(theirs); });
        pool.reset(); // and this not even the walker
    });
    ASSERT_EQ(watch.count(), 3u);
    for (const misuse_report& report : watch.seen()) EXPECT_EQ(report.kind, misuse::not_quiet);
    EXPECT_EQ(pool.stats().live, 3u);
    other.run([&] { pool.deallocate(pool.allocate()); }); // after it nobody minds
    EXPECT_EQ(watch.count(), 3u);
    for (void* const block : blocks) pool.deallocate(block);
}

TEST(concurrent_multi_pool_checks, tell_of_other_threads_that_call_during_a_walk) {
    misuse_watch watch;
    worker other;
    concurrent_multi_pool pool({.checks = true});
    void* const block = pool.allocate(100);
    void* const large = pool.allocate(100'000);
    int visits = 0;
    pool.for_each([&](void*, std::size_t) {
        if (visits++ != 0) return;
        pool.deallocate(pool.allocate(50));
        EXPECT_EQ(watch.count(), 0u);
        other.run([&] { pool.deallocate(pool.allocate(50)); });
        EXPECT_EQ(watch.count(), 2u);
        other.run([&] { pool.deallocate(large, 100'000); });
        EXPECT_EQ(watch.count(), 3u);
        pool.reset();
    });
    ASSERT_EQ(watch.count(), 4u);
    for (const misuse_report& report : watch.seen()) EXPECT_EQ(report.kind, misuse::not_quiet);
    EXPECT_EQ(pool.stats().live, 1u);
    pool.deallocate(block);
}

} // namespace
