// cenote: SPDX-License-Identifier: MIT
#include <cenote/concurrent/locked.hpp>
#include <cenote/pool/fixed_pool.hpp>
#include <cenote/pool/multi_pool.hpp>
#include <cenote/pool/variable_pool.hpp>
#include <cenote/source/region.hpp>

#include "concurrent/threads.hpp"
#include "support/misuse_watch.hpp"

#include <cstring>
#include <random>

namespace {

using namespace cenote;
using namespace cenote::test;

static_assert(!std::is_copy_constructible_v<locked<fixed_pool>>);
constinit locked<fixed_pool> in_static_storage({.block_size = 64});

template<class Pool>
concept counts_blocks = requires(const Pool& pool) { pool.block_size(); };
static_assert(counts_blocks<locked<fixed_pool>> && !counts_blocks<locked<multi_pool>>);

TEST(locked, empty_braces_are_the_defaults) {
    locked<multi_pool> pool({});
    EXPECT_EQ(pool.stats().blocks, 0u);
}

TEST(locked, gives_every_thread_blocks_of_its_own_and_counts_exactly) {
    locked<fixed_pool> pool({.block_size = 64, .sanitizers = false});
    const std::size_t rounds = scaled(2'000, 100);
    run_threads(4, [&](std::size_t self) {
        std::vector<void*> mine;
        for (std::size_t round = 0; round < rounds; ++round) {
            for (int i = 0; i < 10; ++i)
                mine.push_back(std::memset(pool.allocate(), static_cast<int>(self), 64));
            while (mine.size() > round % 40) {
                if (static_cast<unsigned char*>(mine.back())[63] != self) ADD_FAILURE();
                pool.deallocate(mine.back());
                mine.pop_back();
            }
        }
        if (!adds_up(pool.stats())) ADD_FAILURE();
        pool.deallocate_n(mine.data(), mine.size());
    });
    EXPECT_EQ(pool.stats().live, 0u);
    EXPECT_TRUE(pool.is_valid());
    in_static_storage.deallocate(in_static_storage.allocate());
    EXPECT_EQ(in_static_storage.block_size(), 64u);
    EXPECT_EQ(in_static_storage.alignment(), 16u);
}

TEST(locked, gives_every_thread_blocks_of_any_size) {
    locked<variable_pool> pool({.grow_size = 64 << 10});
    const int steps = static_cast<int>(scaled(1'500, 300));
    run_threads(4, [&](std::size_t self) {
        std::mt19937 random(static_cast<unsigned>(self));
        std::vector<void*> mine;
        for (int step = 0; step < steps; ++step) {
            if (mine.size() < 40) {
                mine.push_back(std::memset(pool.allocate(1 + random() % 500), static_cast<int>(self), 1));
                continue;
            }
            std::swap(mine[random() % mine.size()], mine.back());
            if (*static_cast<unsigned char*>(mine.back()) != self) ADD_FAILURE();
            pool.deallocate(mine.back());
            mine.pop_back();
        }
        for (void* const block : mine) pool.deallocate(block);
    });
    EXPECT_EQ(pool.stats().live, 0u);
    EXPECT_TRUE(pool.is_valid());
}

TEST(locked, has_the_verbs_of_its_pool) {
    locked<multi_pool> pool({.sanitizers = false, .name = "shared"});
    EXPECT_STREQ(pool.name(), "shared");
    void* const block = pool.allocate(100, 64);
    EXPECT_TRUE(pool.owns(block) && pool.is_live(block));
    EXPECT_FALSE(pool.owns(&pool));
    void* const other = pool.try_allocate(20'000);
    void* blocks[30];
    pool.allocate_n(50, blocks, 30);
    EXPECT_EQ(pool.stats().live, 32u);
    EXPECT_TRUE(pool.try_allocate_n(10, blocks, 0));
    pool.deallocate_n(blocks, 30);
    pool.deallocate(block, 100, 64);
    pool.deallocate(other);
    EXPECT_EQ(pool.stats().live, 0u);
    EXPECT_GT(pool.trim(), 0u);
    (void)pool.allocate(1);
    pool.reset();
    EXPECT_EQ(pool.stats().live, 0u);
    EXPECT_THROW((void)pool.allocate(1, 3), bad_options);
    EXPECT_EQ(pool.try_allocate(1, 3), nullptr);
    EXPECT_THROW(locked<fixed_pool>({.block_size = 0}), bad_options);
}

TEST(locked, runs_several_calls_as_one) {
    locked<fixed_pool> pool({.block_size = sizeof(std::size_t), .sanitizers = false});
    std::size_t sum = 0; // what `with` guards may be anything
    const std::size_t rounds = scaled(3'000, 200);
    run_threads(4, [&](std::size_t) {
        for (std::size_t i = 0; i < rounds; ++i) {
            const bool is_new = pool.with([&](auto& inside) { // generic: not tried on a const pool
                void* const block = inside.allocate();
                inside.deallocate(block);
                ++sum;
                return inside.stats().live == 0;
            });
            if (!is_new) ADD_FAILURE() << "another thread came between";
        }
    });
    EXPECT_EQ(sum, 4 * rounds);
    const locked<fixed_pool>& same = pool;
    EXPECT_EQ(same.with([](const fixed_pool& inside) { return inside.stride(); }), sizeof(std::size_t));
    const std::size_t& reference = pool.with([&](fixed_pool&) -> std::size_t& { return sum; });
    EXPECT_EQ(&reference, &sum);
    pool.with([](fixed_pool& inside) { inside.reserve(100); });
    EXPECT_GE(pool.stats().idle + pool.stats().cached, 100u);
}

TEST(locked, runs_the_exhaustion_handler_without_the_lock) {
    struct state {
        locked<fixed_pool>* pool = nullptr;
        worker* other = nullptr;
        void* spare = nullptr;
        int calls = 0;
        static bool handle(void* context, const shortage& what) {
            auto& self = *static_cast<state*>(context);
            ++self.calls;
            EXPECT_STREQ(what.pool, "small");
            self.other->run([&] { self.pool->deallocate(self.spare); }); // would wait for the lock
            if (self.calls == 2) throw 7;
            return true;
        }
    } now;
    worker other;
    locked<fixed_pool> pool({.block_size = 64,
                             .maximum_blocks = 2,
                             .sanitizers = false,
                             .name = "small",
                             .on_exhaustion = {&state::handle, &now, 1}});
    now.pool = &pool;
    now.other = &other;
    void* const first = pool.allocate();
    now.spare = pool.allocate();
    void* const third = pool.allocate();
    EXPECT_EQ(now.calls, 1);
    EXPECT_EQ(third, now.spare);
    EXPECT_EQ(pool.try_allocate(), nullptr); // asks no handler
    EXPECT_THROW((void)pool.allocate(), int);
    EXPECT_EQ(now.calls, 2);
    void* const fourth = pool.allocate(); // the lock is free after the throw, and the pool whole
    EXPECT_EQ(now.calls, 2);
    pool.deallocate(first);
    pool.deallocate(fourth);
    EXPECT_EQ(pool.stats().live, 0u);
}

TEST(locked, works_from_a_callers_buffer) {
    fixed_pool_options options{.block_size = 64, .maximum_blocks = 100, .sanitizers = false};
    std::vector<std::byte> buffer(locked<fixed_pool>::required_bytes(options));
    region place(buffer.data(), buffer.size());
    options.source = &place;
    locked<fixed_pool> pool(options);
    void* blocks[100];
    pool.allocate_n(blocks, 100);
    EXPECT_EQ(pool.try_allocate(), nullptr);
    pool.deallocate_n(blocks, 100);
}

TEST(locked, tells_of_misuse_at_once_under_checks) {
    misuse_watch watch;
    locked<multi_pool> pool({.checks = true});
    void* const block = pool.allocate(10);
    pool.deallocate(block);
    pool.deallocate(block);
    ASSERT_EQ(watch.count(), 1u);
    EXPECT_EQ(watch.seen()[0].kind, misuse::double_free);
}

} // namespace
