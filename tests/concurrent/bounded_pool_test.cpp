// cenote: SPDX-License-Identifier: MIT
#include <cenote/concurrent/bounded_pool.hpp>
#include <cenote/source/region.hpp>

#include "concurrent/threads.hpp"
#include "conformance/failing_source.hpp"
#include "conformance/strict_source.hpp"
#include "support/misuse_watch.hpp"
#include "support/test_sources.hpp"

#include <array>
#include <cstring>
#include <gtest/gtest.h>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace cenote;
using namespace std::chrono_literals;
using block = bounded_pool::block;

constexpr std::size_t size_max = static_cast<std::size_t>(-1);

void wait_until_waiting(bounded_pool& pool, std::size_t count) {
    while (pool.waiting() != count) std::this_thread::yield();
}

TEST(bounded_pool, gives_exactly_as_many_blocks_as_it_has) {
    for (const std::size_t alignment : {1u, 8u, 64u, 4096u}) {
        bounded_pool pool({.block_size = 100, .blocks = 7, .alignment = alignment});
        std::vector<block> held;
        std::set<std::byte*> seen;
        while (block one = pool.try_acquire()) {
            EXPECT_EQ(reinterpret_cast<std::uintptr_t>(one.data()) % alignment, 0u);
            EXPECT_EQ(one.size(), 100u);
            std::memset(one.data(), static_cast<int>(held.size()), one.size());
            EXPECT_TRUE(seen.insert(one.data()).second);
            held.push_back(std::move(one));
        }
        EXPECT_EQ(held.size(), 7u);
        for (std::size_t i = 0; i < held.size(); ++i) {
            EXPECT_EQ(held[i].data()[0], static_cast<std::byte>(i));
            EXPECT_EQ(held[i].data()[99], static_cast<std::byte>(i));
        }
        held.pop_back();
        EXPECT_TRUE(pool.try_acquire());
    }
}

TEST(bounded_pool, levels_are_exact_and_so_is_the_peak) {
    bounded_pool pool({.block_size = 64, .blocks = 10});
    std::vector<block> held;
    for (int i = 0; i < 4; ++i) held.push_back(pool.acquire());
    held.resize(1);
    for (int i = 0; i < 100; ++i) (void)pool.acquire();
    const pool_stats now = pool.stats();
    EXPECT_EQ(now.blocks, 10u);
    EXPECT_EQ(now.live, 1u);
    EXPECT_EQ(now.idle, 9u);
    EXPECT_EQ(now.peak_live, 4u);
    EXPECT_EQ(now.live_bytes, 64u);
    EXPECT_GE(now.reserved_bytes, 640u);
}

TEST(bounded_pool, what_is_refused_was_never_out) {
    bounded_pool pool({.block_size = 64, .blocks = 4});
    const block held = pool.acquire();
    std::array<block, 4> all;
    EXPECT_FALSE(pool.try_acquire_n(all.data(), 4)); // three are there
    EXPECT_EQ(pool.stats().peak_live, 1u);
}

TEST(bounded_pool, the_hottest_block_goes_first) {
    bounded_pool pool({.block_size = 64, .blocks = 3});
    block one = pool.acquire();
    block two = pool.acquire();
    const std::byte* const hot = one.data();
    two.release();
    one.release();
    EXPECT_EQ(pool.acquire().data(), hot);
}

TEST(bounded_pool, handles_move_and_return_once) {
    bounded_pool pool({.block_size = 64, .blocks = 2});
    block one = pool.acquire();
    block two(std::move(one));
    EXPECT_FALSE(one);
    EXPECT_EQ(one.size(), 0u);
    EXPECT_EQ(one.data(), nullptr);
    two = pool.acquire();
    EXPECT_EQ(pool.stats().live, 1u);
    two.release();
    two.release();
    EXPECT_EQ(pool.stats().live, 0u);
}

TEST(bounded_pool, erases_what_returns_where_that_is_asked_for) {
    for (const bool erase : {false, true}) {
        bounded_pool pool({.block_size = 100, .blocks = 1, .erase = erase, .sanitizers = false});
        block one = pool.acquire();
        std::memset(one.data(), 7, 100);
        one.release();
        one = pool.acquire();
        int sum = 0;
        for (std::size_t i = 0; i < 100; ++i) sum += static_cast<int>(one.data()[i]);
        EXPECT_EQ(sum, erase ? 0 : 700);
    }
}

TEST(bounded_pool, who_waits_gets_what_returns) {
    bounded_pool pool({.block_size = 64, .blocks = 1});
    block held = pool.acquire();
    const std::byte* const only = held.data();
    const std::byte* got = nullptr;
    std::thread other([&] { got = pool.acquire().data(); });
    wait_until_waiting(pool, 1);
    EXPECT_FALSE(pool.try_acquire());
    held.release();
    other.join();
    EXPECT_EQ(got, only);
}

TEST(bounded_pool, deadlines_give_empty_handles_and_not_before_their_time) {
    bounded_pool pool({.block_size = 64, .blocks = 1});
    const block held = pool.acquire_for(1h);
    ASSERT_TRUE(held);
    const auto start = std::chrono::steady_clock::now();
    EXPECT_FALSE(pool.acquire_for(3ms));
    EXPECT_FALSE(pool.acquire_until(start + 6ms));
    EXPECT_GE(std::chrono::steady_clock::now(), start + 6ms);
    EXPECT_FALSE(pool.acquire_until(start));
    EXPECT_FALSE(pool.acquire_for(-1h));
}

TEST(bounded_pool, close_wakes_all_with_an_error_and_blocks_still_return) {
    bounded_pool pool({.block_size = 64, .blocks = 2, .name = "closing"});
    block held = pool.acquire();
    block other = pool.acquire();
    std::atomic<int> told{0};
    std::vector<std::thread> crowd;
    for (int i = 0; i < 3; ++i) {
        crowd.emplace_back([&, i] {
            try {
                std::array<block, 2> both;
                if (i == 0) (void)pool.acquire();
                if (i == 1) (void)pool.acquire_for(1h);
                if (i == 2) pool.acquire_n(both.data(), 2);
            } catch (const pool_closed&) {
                ++told;
            }
        });
    }
    wait_until_waiting(pool, 3);
    pool.close();
    for (std::thread& one : crowd) one.join();
    EXPECT_EQ(told, 3);
    EXPECT_TRUE(pool.is_closed());
    held.release();
    other.release();
    EXPECT_EQ(pool.stats().idle, 2u);
    EXPECT_FALSE(pool.try_acquire());
    EXPECT_FALSE(pool.try_acquire_n(&held, 1));
    EXPECT_THROW((void)pool.acquire(), pool_closed);
}

TEST(bounded_pool, several_come_all_or_none) {
    bounded_pool pool({.block_size = 64, .blocks = 4, .name = "several"});
    std::array<block, 5> many;
    EXPECT_TRUE(pool.try_acquire_n(many.data(), 3));
    EXPECT_EQ(pool.stats().live, 3u);
    std::array<block, 2> two;
    EXPECT_FALSE(pool.try_acquire_n(two.data(), 2));
    EXPECT_FALSE(pool.acquire_n_until(two.data(), 2, std::chrono::steady_clock::now() + 1ms));
    EXPECT_EQ(pool.stats().live, 3u);
    EXPECT_TRUE(pool.try_acquire_n(two.data(), 1));
    EXPECT_TRUE(pool.try_acquire_n(two.data(), 0));
    EXPECT_EQ(pool.stats().live, 4u);
    pool.acquire_n(many.data(), 3); // the old ones return first
    EXPECT_EQ(pool.stats().live, 4u);
    EXPECT_FALSE(pool.try_acquire_n(many.data(), 5));
    try {
        pool.acquire_n(many.data(), 5);
        FAIL() << "more than there are";
    } catch (const out_of_memory& refused) {
        EXPECT_STREQ(refused.details().pool, "several");
        EXPECT_EQ(refused.details().requested, 320u);
        EXPECT_EQ(refused.details().limit, 256u);
    }
    EXPECT_THROW(pool.acquire_n(many.data(), size_max), out_of_memory);
}

TEST(bounded_pool, who_waits_for_several_is_served_in_turn) {
    bounded_pool pool({.block_size = 64, .blocks = 3});
    std::array<block, 3> held;
    pool.acquire_n(held.data(), 3);
    std::atomic<int> order{0};
    std::thread wants_two([&] {
        std::array<block, 2> two;
        pool.acquire_n(two.data(), 2);
        EXPECT_EQ(order.fetch_add(1), 0);
        EXPECT_NE(two[0].data(), two[1].data());
    });
    wait_until_waiting(pool, 1);
    std::thread wants_one([&] {
        const block one = pool.acquire();
        EXPECT_GE(order.fetch_add(1), 1);
    });
    wait_until_waiting(pool, 2);
    held[0].release();
    EXPECT_EQ(pool.waiting(), 2u);
    held[1].release();
    wants_two.join();
    wants_one.join();
    held[2].release();
    EXPECT_EQ(pool.stats().idle, 3u);
}

TEST(bounded_pool, grows_while_blocks_are_out_and_they_come_home) {
    test::counting_source from;
    bounded_pool pool({.block_size = 64, .blocks = 2, .source = &from});
    std::vector<block> held;
    for (int i = 0; i < 2; ++i) held.push_back(pool.acquire());
    for (int round = 0; round < 6; ++round) {
        const std::size_t before = pool.blocks();
        if (round % 2 == 0) {
            pool.grow(3);
            EXPECT_EQ(pool.blocks(), before + 3);
        } else {
            pool.grow(growth::geometric(2));
            EXPECT_EQ(pool.blocks(), 2 * before);
        }
        while (block one = pool.try_acquire()) {
            std::memset(one.data(), 1, one.size());
            held.push_back(std::move(one));
        }
        EXPECT_EQ(held.size(), pool.blocks());
    }
    std::set<std::byte*> seen;
    for (const block& one : held) EXPECT_TRUE(seen.insert(one.data()).second);
    held.clear();
    EXPECT_EQ(pool.stats().idle, pool.blocks());
    EXPECT_EQ(pool.stats().peak_live, pool.blocks());
    EXPECT_EQ(pool.stats().reserved_bytes, from.reserved);
}

TEST(bounded_pool, growing_serves_who_waits) {
    bounded_pool pool({.block_size = 64, .blocks = 1});
    const block held = pool.acquire();
    std::thread one([&] { EXPECT_TRUE(pool.acquire()); });
    std::thread two([&] {
        std::array<block, 3> many;
        while (pool.blocks() < 4) std::this_thread::yield();
        pool.acquire_n(many.data(), 3);
    });
    wait_until_waiting(pool, 1);
    pool.grow(3);
    one.join();
    two.join();
    EXPECT_EQ(pool.stats().idle, 3u);
}

TEST(bounded_pool, growing_by_nothing_is_refused) {
    bounded_pool pool({.block_size = 64, .blocks = 1});
    EXPECT_THROW(pool.grow(growth::geometric(1)), bad_options);
    EXPECT_THROW(pool.grow(growth::constant(0)), bad_options);
    EXPECT_THROW(pool.grow(growth::none()), bad_options);
    EXPECT_THROW(pool.grow(0), out_of_memory);
    EXPECT_THROW(pool.grow(size_max), out_of_memory);
    EXPECT_THROW(pool.grow(size_max / 64), out_of_memory);
    EXPECT_EQ(pool.blocks(), 1u);
    EXPECT_TRUE(pool.acquire());
}

TEST(bounded_pool, grows_by_itself_where_that_is_asked_for) {
    bounded_pool pool({.block_size = 64, .blocks = 2, .growth = growth::geometric(2, 8)});
    std::vector<block> held;
    std::vector<std::size_t> sizes;
    for (int i = 0; i < 30; ++i) {
        held.push_back(i % 2 == 0 ? pool.acquire() : pool.try_acquire());
        ASSERT_TRUE(held.back());
        if (sizes.empty() || sizes.back() != pool.blocks()) sizes.push_back(pool.blocks());
    }
    EXPECT_EQ(sizes, (std::vector<std::size_t>{2, 4, 8, 16, 24, 32}));
}

// What it adds would be for who came first, and wants more than that.
TEST(bounded_pool, does_not_grow_for_who_comes_behind_somebody_that_waits) {
    bounded_pool pool({.block_size = 64, .blocks = 2, .growth = growth::constant(1)});
    std::array<block, 2> held;
    pool.acquire_n(held.data(), 2);
    std::thread wants_two([&] {
        std::array<block, 2> two;
        pool.acquire_n(two.data(), 2);
        EXPECT_EQ(pool.blocks(), 2u);
    });
    wait_until_waiting(pool, 1);
    EXPECT_FALSE(pool.try_acquire());
    EXPECT_FALSE(pool.acquire_for(1ms));
    EXPECT_EQ(pool.blocks(), 2u);
    for (block& one : held) one.release();
    wants_two.join();
    pool.acquire_n(held.data(), 2);
    EXPECT_TRUE(pool.try_acquire()); // nobody is in line
    EXPECT_EQ(pool.blocks(), 3u);
}

TEST(bounded_pool, destroyed_with_blocks_out_says_so) {
    test::leak_watch leaks;
    alignas(bounded_pool) std::array<std::byte, sizeof(bounded_pool)> place;
    alignas(block) std::array<std::byte, sizeof(block)> lost;
    auto* const pool = ::new (place.data()) bounded_pool({.block_size = 64, .blocks = 3, .name = "lent"});
    ::new (lost.data()) block(pool->acquire()); // never returned
    pool->~bounded_pool();
    ASSERT_EQ(leaks.seen().size(), 1u);
    EXPECT_STREQ(leaks.seen()[0].pool, "lent");
    EXPECT_EQ(leaks.seen()[0].blocks, 1u);
    EXPECT_EQ(leaks.seen()[0].bytes, 64u);
}

TEST(bounded_pool_options, are_judged_before_anything_is_touched) {
    test::counting_source from;
    const auto refused = [&](bounded_pool_options options, const char* word) {
        options.source = &from;
        try {
            const bounded_pool never(options);
        } catch (const bad_options& why) {
            return std::string(why.what()).find(word) != std::string::npos;
        }
        return false;
    };
    EXPECT_TRUE(refused({.blocks = 1}, "block_size is 0"));
    EXPECT_TRUE(refused({.block_size = 1}, "blocks is 0"));
    EXPECT_TRUE(refused({.block_size = 1, .blocks = size_max}, "blocks is above"));
    EXPECT_TRUE(refused({.block_size = 1, .blocks = 1, .alignment = 12}, "power of two"));
    EXPECT_TRUE(refused({.block_size = 1, .blocks = 1, .alignment = 0}, "power of two"));
    EXPECT_TRUE(refused({.block_size = size_max, .blocks = 1}, "too large"));
    EXPECT_TRUE(refused({.block_size = size_max / 1000, .blocks = 1 << 20}, "too large"));
    EXPECT_TRUE(refused({.block_size = 8, .blocks = 1, .growth = growth::geometric(1)}, "growth"));
    EXPECT_THROW((void)bounded_pool::required_bytes({}), bad_options);
    EXPECT_EQ(from.calls, 0u);
}

TEST(bounded_pool_memory, required_bytes_are_enough_wherever_they_start) {
    for (const std::size_t alignment : {1u, 16u, 128u}) {
        bounded_pool_options options{.block_size = 50, .blocks = 9, .alignment = alignment};
        const std::size_t needed = bounded_pool::required_bytes(options);
        std::vector<std::byte> bytes(needed + 128);
        for (std::size_t shift = 0; shift < 128; shift += 11) {
            region place(bytes.data() + shift, needed);
            options.source = &place;
            bounded_pool pool(options);
            std::vector<block> held;
            while (block one = pool.try_acquire()) held.push_back(std::move(one));
            EXPECT_EQ(held.size(), 9u);
        }
        region small(bytes.data(), needed - 200);
        options.source = &small;
        EXPECT_THROW(const bounded_pool never(options), out_of_memory);
    }
}

TEST(bounded_pool_memory, a_source_that_fails_at_any_call_leaves_the_pool_whole) {
    test::strict_source strict;
    test::failing_source source(strict);
    for (const test::refusal how : {test::refusal::once, test::refusal::from_then_on}) {
        for (std::size_t call = 1; call <= 6; ++call) {
            source.relent();
            source.refuse(call, how);
            try {
                bounded_pool pool({.block_size = 100, .blocks = 3, .source = &source});
                const block held = pool.acquire();
                std::memset(held.data(), 1, 100);
                for (int i = 0; i < 2; ++i) {
                    const pool_stats before = pool.stats();
                    try {
                        pool.grow(5);
                    } catch (const out_of_memory&) {
                        EXPECT_EQ(pool.blocks(), before.blocks);
                        EXPECT_EQ(pool.stats().reserved_bytes, before.reserved_bytes);
                    }
                }
                source.relent();
                pool.grow(5);
                EXPECT_EQ(pool.stats().reserved_bytes, strict.reserved());
                EXPECT_EQ(pool.stats().idle + 1, pool.blocks());
            } catch (const out_of_memory&) {
                EXPECT_LE(call, 2u);
            }
            EXPECT_EQ(strict.regions(), 0u);
        }
    }
    EXPECT_EQ(strict.complaint(), "");
}

TEST(bounded_pool_memory, blocks_are_not_touched_before_they_are_used) {
    test::strict_source strict; // its memory comes filled, and the pool writes to none of it
    bounded_pool pool({.block_size = 4096, .blocks = 16, .source = &strict, .sanitizers = false});
    std::vector<block> held;
    while (block one = pool.try_acquire()) {
        EXPECT_EQ(one.data()[0], std::byte{0xc9});
        EXPECT_EQ(one.data()[4095], std::byte{0xc9});
        held.push_back(std::move(one));
    }
    EXPECT_EQ(held.size(), 16u);
}

} // namespace
