// cenote: SPDX-License-Identifier: MIT
//
// The faces from many threads: the handles of C that are for them, and the allocator interface. They stand
// here so that the thread sanitizer sees them.
#include <cenote/cenote.h>
#include <cenote/face/default_resource.hpp>
#include <cenote/face/direct_resource.hpp>
#include <cenote/source/os_pages.hpp>

#include "concurrent/threads.hpp"
#include "support/misuse_watch.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <cstring>
#include <gtest/gtest.h>
#include <random>
#include <set>
#include <thread>
#include <vector>

namespace {

using cenote::test::run_threads;

struct fixed_of {
    cenote_fixed* pool = nullptr;
    explicit fixed_of(int unchecked = 0) {
        cenote_fixed_options options = CENOTE_FIXED_OPTIONS_INIT;
        options.block_size = 64;
        options.thread_safe = 1;
        options.unchecked = unchecked;
        options.stats = 1;
        EXPECT_EQ(cenote_fixed_create(&options, &pool), CENOTE_OK);
    }
    ~fixed_of() { cenote_fixed_destroy(pool); }
    operator cenote_fixed*() const { return pool; }
    [[nodiscard]] cenote_stats stats() const {
        cenote_stats now = CENOTE_STATS_INIT;
        EXPECT_EQ(cenote_fixed_stats(pool, &now), CENOTE_OK);
        return now;
    }
};

TEST(c_fixed_threads, many_allocate_and_free_each_others_blocks) {
    for (const int unchecked : {0, 1}) {
        const fixed_of pool(unchecked);
        std::array<std::vector<void*>, 4> of_thread;
        run_threads(4, [&](std::size_t t) {
            for (int i = 0; i < 500; ++i) {
                of_thread[t].push_back(cenote_fixed_allocate(pool));
                std::memset(of_thread[t].back(), static_cast<int>(t), 64);
            }
        });
        std::set<void*> all;
        for (const auto& blocks : of_thread) all.insert(blocks.begin(), blocks.end());
        EXPECT_EQ(all.size(), 2000u);
        run_threads(4, [&](std::size_t t) {
            for (void* const block : of_thread[(t + 1) % 4]) {
                EXPECT_EQ(*static_cast<unsigned char*>(block), (t + 1) % 4);
                EXPECT_EQ(cenote_fixed_free(pool, block), CENOTE_OK);
            }
        });
        EXPECT_EQ(pool.stats().live_blocks, 0u);
        EXPECT_EQ(pool.stats().allocations, 2000u);
        EXPECT_EQ(pool.stats().deallocations, 2000u);
    }
}

// Blocks go from thread to thread through the pool alone: who gets one may write to it. Meanwhile others ask
// and trim.
TEST(c_fixed_threads, a_block_is_written_by_who_has_it_and_nobody_else) {
    for (const int unchecked : {0, 1}) {
        const fixed_of pool(unchecked);
        run_threads(5, [&](std::size_t t) {
            std::minstd_rand random(static_cast<unsigned>(t) + 1);
            for (int i = 0; i < 300; ++i) {
                if (t == 4) {
                    EXPECT_LE(pool.stats().live_blocks, 80u);
                    (void)cenote_fixed_trim(pool);
                    continue;
                }
                void* blocks[20];
                const std::size_t count = 1 + random() % 20;
                ASSERT_EQ(cenote_fixed_allocate_many(pool, blocks, count), CENOTE_OK);
                for (std::size_t at = 0; at < count; ++at) std::memset(blocks[at], static_cast<int>(t), 64);
                for (std::size_t at = 0; at < count; ++at)
                    EXPECT_EQ(static_cast<unsigned char*>(blocks[at])[63], t);
                EXPECT_EQ(cenote_fixed_free_many(pool, blocks, count), CENOTE_OK);
            }
        });
        EXPECT_EQ(pool.stats().live_blocks, 0u);
    }
}

// Of two threads that free one block one must hear of it.
TEST(c_fixed_threads, two_that_free_one_block_get_one_ok) {
    const fixed_of pool;
    for (int round = 0; round < 50; ++round) {
        void* const block = cenote_fixed_allocate(pool);
        std::array<cenote_status, 2> told{};
        run_threads(2, [&](std::size_t t) { told[t] = cenote_fixed_free(pool, block); });
        EXPECT_EQ((told[0] == CENOTE_OK) + (told[1] == CENOTE_OK), 1);
        EXPECT_EQ((told[0] == CENOTE_DOUBLE_FREE) + (told[1] == CENOTE_DOUBLE_FREE), 1);
    }
}

TEST(c_fixed_threads, allocating_during_anothers_walk_ends_nobody) {
    const fixed_of pool;
    (void)cenote_fixed_allocate(pool);
    const cenote::test::misuse_watch watch;
    const auto visit = [](void* context, void*) {
        std::thread([context] {
            void* blocks[3] = {};
            (void)cenote_fixed_allocate_many(static_cast<cenote_fixed*>(context), blocks, 3);
            (void)cenote_fixed_allocate(static_cast<cenote_fixed*>(context));
        }).join();
        return 0;
    };
    EXPECT_EQ(cenote_fixed_for_each(pool, visit, pool.pool), CENOTE_STOPPED);
    EXPECT_EQ(watch.count(), 0u);
}

struct variable_of {
    cenote_variable* pool = nullptr;
    variable_of() {
        cenote_variable_options options = CENOTE_VARIABLE_OPTIONS_INIT;
        options.thread_safe = 1;
        options.stats = 1;
        EXPECT_EQ(cenote_variable_create(&options, &pool), CENOTE_OK);
    }
    ~variable_of() { cenote_variable_destroy(pool); }
    operator cenote_variable*() const { return pool; }
    [[nodiscard]] cenote_stats stats() const {
        cenote_stats now = CENOTE_STATS_INIT;
        EXPECT_EQ(cenote_variable_stats(pool, &now), CENOTE_OK);
        return now;
    }
};

TEST(c_variable_threads, share_one_pool) {
    const variable_of pool;
    run_threads(4, [&](std::size_t t) {
        for (std::size_t i = 0; i < 300; ++i) {
            const std::size_t size = 16 + (i * 37 + t) % 900;
            auto* block = static_cast<unsigned char*>(cenote_variable_allocate(pool, size));
            std::memset(block, static_cast<int>(t), size);
            block = static_cast<unsigned char*>(cenote_variable_reallocate(pool, block, 2 * size));
            EXPECT_EQ(block[size - 1], t);
            EXPECT_GE(cenote_variable_size_of(pool, block), 2 * size);
            EXPECT_GE(cenote_variable_largest_free(pool), 0u);
            EXPECT_EQ(cenote_variable_free(pool, block), CENOTE_OK);
        }
    });
    EXPECT_EQ(pool.stats().live_blocks, 0u);
    EXPECT_GT(pool.stats().peak_bytes, 0u);
}

// Others wait for the end of a walk, and then go on.
TEST(c_variable_threads, are_kept_out_of_a_walk) {
    const variable_of pool;
    struct state {
        cenote_variable* pool;
        void* block;
        std::thread other{};
        std::atomic<int> steps{0}; // of the other thread
    } now{pool, cenote_variable_allocate(pool, 100)};
    const auto visit = [](void* context, void* block, std::size_t) {
        auto& all = *static_cast<state*>(context);
        all.other = std::thread([&all] {
            ++all.steps;
            EXPECT_EQ(cenote_variable_free(all.pool, all.block), CENOTE_OK);
            ++all.steps;
        });
        while (all.steps == 0) std::this_thread::yield();
        for (int i = 0; i < 50 && all.steps == 1; ++i) {
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
        EXPECT_EQ(all.steps, 1);
        EXPECT_EQ(cenote_variable_is_live(all.pool, block), 1);
        return 1;
    };
    EXPECT_EQ(cenote_variable_for_each(pool, visit, &now), CENOTE_OK);
    now.other.join();
    EXPECT_EQ(pool.stats().live_blocks, 0u);
}

struct arenas_of {
    cenote_arena_pool* pool = nullptr;
    arenas_of(std::size_t count, std::size_t size) {
        cenote_arena_pool_options options = CENOTE_ARENA_POOL_OPTIONS_INIT;
        options.arenas = count;
        options.arena_size = size;
        options.stats = 1;
        EXPECT_EQ(cenote_arena_pool_create(&options, &pool), CENOTE_OK);
    }
    ~arenas_of() { cenote_arena_pool_destroy(pool); }
    operator cenote_arena_pool*() const { return pool; }
};

TEST(c_arena_pool_threads, random_deadlines_lose_no_arena_and_lend_none_twice) {
    constexpr std::size_t count = 2;
    const arenas_of arenas(count, 1000);
    std::atomic<std::size_t> loans{0};
    run_threads(6, [&](std::size_t t) {
        std::minstd_rand random(static_cast<unsigned>(t) + 1);
        for (std::size_t i = cenote::test::scaled(400, 40); i != 0; --i) {
            cenote_arena* arena = nullptr;
            const cenote_status got =
                i % 4 == 0   ? cenote_arena_pool_try_acquire(arenas, &arena)
                : i % 4 == 1 ? cenote_arena_pool_acquire(arenas, &arena)
                             : cenote_arena_pool_acquire_within(arenas, random() % 30'000, &arena);
            EXPECT_EQ(got, arena != nullptr ? CENOTE_OK : CENOTE_TIMED_OUT);
            if (arena == nullptr) continue;
            ++loans;
            cenote_stats inside = CENOTE_STATS_INIT;
            EXPECT_EQ(cenote_arena_stats(arena, &inside), CENOTE_OK);
            EXPECT_EQ(inside.live_bytes, 0u);
            const std::size_t bytes = 1 + random() % 1500;
            auto* const block = static_cast<unsigned char*>(cenote_arena_allocate(arena, bytes, 1));
            ASSERT_NE(block, nullptr);
            std::memset(block, static_cast<int>(t), bytes);
            if (random() % 8 == 0) std::this_thread::yield();
            EXPECT_EQ(block[0], t);
            EXPECT_EQ(block[bytes - 1], t); // nobody else has written
            if (random() % 64 == 0) (void)cenote_arena_pool_trim(arenas);
            EXPECT_EQ(cenote_arena_pool_release(arenas, arena), CENOTE_OK);
        }
    });
    EXPECT_GT(loans, 0u);
    EXPECT_EQ(cenote_arena_pool_free_arenas(arenas), count);
    cenote_stats after = CENOTE_STATS_INIT;
    EXPECT_EQ(cenote_arena_pool_stats(arenas, &after), CENOTE_OK);
    EXPECT_EQ(after.live_blocks, 0u);
    EXPECT_EQ(after.free_blocks, count);
    EXPECT_LE(after.peak_blocks, count);
    EXPECT_EQ(after.allocations, loans);
    EXPECT_EQ(after.deallocations, loans);
}

// Whoever waits gets what comes back, or is told that nothing will.
TEST(c_arena_pool_threads, a_close_in_the_middle_of_it_loses_none) {
    for (int round = 0; round < 20; ++round) {
        const arenas_of arenas(2, 256);
        run_threads(5, [&](std::size_t t) {
            for (int i = 0; i < 50; ++i) {
                cenote_arena* arena = nullptr;
                const cenote_status got = cenote_arena_pool_acquire(arenas, &arena);
                ASSERT_EQ(got, arena != nullptr ? CENOTE_OK : CENOTE_CLOSED);
                if (arena == nullptr) break;
                EXPECT_NE(cenote_arena_allocate(arena, 64, 8), nullptr);
                if (t == 0 && i == 25) {
                    EXPECT_EQ(cenote_arena_pool_close(arenas), CENOTE_OK);
                }
                EXPECT_EQ(cenote_arena_pool_release(arenas, arena), CENOTE_OK);
            }
        });
        EXPECT_EQ(cenote_arena_pool_free_arenas(arenas), 2u);
    }
}

TEST(c_arena_pool_threads, who_waits_is_told_of_a_close) {
    const arenas_of arenas(1, 1000);
    cenote_arena* arena = nullptr;
    ASSERT_EQ(cenote_arena_pool_acquire(arenas, &arena), CENOTE_OK);
    std::array<cenote_status, 3> told{};
    std::vector<std::thread> waiting;
    for (cenote_status& one : told) {
        waiting.emplace_back([&] {
            cenote_arena* none = nullptr;
            one = cenote_arena_pool_acquire(arenas, &none);
            EXPECT_EQ(none, nullptr);
        });
    }
    EXPECT_EQ(cenote_arena_pool_close(arenas), CENOTE_OK);
    for (std::thread& one : waiting) one.join();
    for (const cenote_status one : told) EXPECT_EQ(one, CENOTE_CLOSED);
    EXPECT_EQ(cenote_arena_pool_try_acquire(arenas, &arena), CENOTE_CLOSED);
    EXPECT_EQ(cenote_arena_pool_acquire_within(arenas, 1'000'000'000, &arena), CENOTE_CLOSED);
}

// Defaults are set and used at once, the same by several threads: whoever allocates gives back to whom it
// allocated from.
TEST(c_defaults_threads, setting_and_using_do_not_meet) {
    const cenote_allocator heap = cenote_heap_allocator();
    const cenote_allocator pages = cenote_pages_allocator();
    const fixed_of pool;
    const cenote_allocator blocks = cenote_fixed_allocator(pool);
    run_threads(6, [&](std::size_t t) {
        for (std::size_t i = 0; i < 200; ++i) {
            const cenote_allocator* const choices[] = {&heap, &blocks, &pages, nullptr};
            const cenote_allocator* const chosen = choices[(i + t) % 4];
            if (t < 2) {
                EXPECT_EQ(cenote_set_process_allocator(chosen), CENOTE_OK);
            } else if (t < 4) {
                EXPECT_EQ(cenote_set_thread_allocator(chosen), CENOTE_OK);
                if (chosen != nullptr) {
                    EXPECT_EQ(cenote_default_allocator().context, chosen->context);
                }
            }
            const cenote_allocator from = cenote_default_allocator();
            void* const block = cenote_allocate(&from, 64, 16, CENOTE_ZERO);
            ASSERT_NE(block, nullptr);
            EXPECT_EQ(static_cast<char*>(block)[63], 0);
            std::memset(block, 1, 64);
            EXPECT_EQ(cenote_deallocate(&from, block, 64, 16), CENOTE_OK);
        }
        (void)cenote_set_thread_allocator(nullptr);
    });
    EXPECT_EQ(cenote_set_process_allocator(nullptr), CENOTE_OK);
    EXPECT_EQ(cenote_default_allocator().context, &cenote::heap_resource());
    EXPECT_EQ(pool.stats().live_blocks, 0u);
}

TEST(memory_resource_threads, counts_add_up) {
    cenote::direct_resource shared(cenote::default_source(), {.name = "shared", .stats = true});
    run_threads(4, [&](std::size_t) {
        for (int i = 0; i < 50; ++i) shared.deallocate(shared.try_allocate(100), 100, 16);
    });
    const cenote::memory_stats after = shared.stats();
    EXPECT_EQ(after.live_bytes, 0u);
    EXPECT_EQ(after.reserved_bytes, 0u);
    EXPECT_EQ(after.calls->allocations, 200u);
    EXPECT_EQ(after.calls->deallocations, 200u);
    EXPECT_GE(*after.peak_bytes, 100u);
    EXPECT_LE(*after.peak_bytes, 400u);
}

} // namespace
