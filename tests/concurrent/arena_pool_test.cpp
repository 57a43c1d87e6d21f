// cenote: SPDX-License-Identifier: MIT
#include <cenote/concurrent/arena_pool.hpp>
#include <cenote/source/region.hpp>

#include "concurrent/threads.hpp"
#include "conformance/failing_source.hpp"
#include "conformance/strict_source.hpp"
#include "support/misuse_watch.hpp"
#include "support/test_sources.hpp"

#include <array>
#include <cstring>
#include <gtest/gtest.h>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace cenote;
using namespace std::chrono_literals;

std::string refusal_of(const arena_pool_options& options) {
    try {
        const arena_pool never(options);
    } catch (const bad_options& refused) {
        return refused.what();
    }
    return "";
}

void wait_until_waiting(arena_pool& arenas, std::size_t count) {
    while (arenas.stats().waiting != count) std::this_thread::yield();
}

TEST(arena_pool, lends_each_arena_to_one_holder) {
    arena_pool arenas({.arenas = 3, .arena_size = 1000});
    std::set<const arena*> seen;
    std::vector<arena_pool::lease> leases;
    for (int i = 0; i < 3; ++i) {
        leases.push_back(arenas.acquire());
        EXPECT_TRUE(leases.back());
        EXPECT_TRUE(seen.insert(&*leases.back()).second);
        std::memset(leases.back()->allocate(1000, 1), i, 1000);
    }
    EXPECT_FALSE(arenas.try_acquire());
    EXPECT_EQ(arenas.stats().free, 0u);
    leases.pop_back();
    EXPECT_EQ(arenas.stats().free, 1u);
    EXPECT_TRUE(arenas.try_acquire());
    EXPECT_EQ(arenas.stats().peak_out, 3u);
}

TEST(arena_pool, each_holds_its_size_with_checks_too) {
    for (const std::size_t bytes : {1u, 40u, 480u, 1000u, 4064u, 65536u}) {
        const arena_pool_options wanted{
            .arenas = 3, .arena_size = bytes, .growth = growth::none(), .checks = true};
        std::vector<std::byte> buffer(arena_pool::required_bytes(wanted));
        region place(buffer.data(), buffer.size());
        arena_pool_options here = wanted;
        here.source = &place;
        arena_pool arenas(here);
        std::vector<arena_pool::lease> leases;
        for (int i = 0; i < 3; ++i) {
            leases.push_back(arenas.acquire());
            EXPECT_GE(leases.back()->stats().held_bytes, bytes);
            void* const all = leases.back()->try_allocate(bytes);
            ASSERT_NE(all, nullptr) << bytes;
            std::memset(all, i, bytes);
        }
    }
}

TEST(arena_pool, the_one_that_came_back_last_goes_first) {
    arena_pool arenas({.arenas = 3, .arena_size = 1000});
    auto one = arenas.acquire();
    auto two = arenas.acquire();
    const arena* const hot = &*one;
    two.release();
    one.release();
    EXPECT_EQ(&*arenas.acquire(), hot);
    EXPECT_EQ(arenas.stats().peak_out, 2u);
}

TEST(arena_pool, arenas_come_back_empty_and_their_destructors_have_run) {
    arena_pool arenas({.arenas = 1, .arena_size = 4000});
    auto watched = std::make_shared<int>(1);
    {
        auto lease = arenas.acquire();
        (void)lease->make<std::shared_ptr<int>>(watched);
        (void)lease->allocate(3000);
        EXPECT_EQ(watched.use_count(), 2);
    }
    EXPECT_EQ(watched.use_count(), 1);
    auto again = arenas.acquire();
    EXPECT_EQ(again->stats().live_bytes, 0u);
    EXPECT_NE(again->try_allocate(4000, 1), nullptr);
}

TEST(arena_pool, leases_move_and_end_once) {
    arena_pool arenas({.arenas = 2, .arena_size = 100});
    auto one = arenas.acquire();
    const arena* const held = &*one;
    arena_pool::lease two(std::move(one));
    EXPECT_FALSE(one);
    EXPECT_EQ(&*two, held);
    two = arenas.acquire(); // the first goes back
    EXPECT_EQ(arenas.stats().free, 1u);
    two.release();
    two.release();
    EXPECT_EQ(arenas.stats().free, 2u);
    arena_pool::lease none;
    none.release();
    none.swap(two);
}

TEST(arena_pool, a_lease_ends_on_any_thread) {
    arena_pool arenas({.arenas = 1, .arena_size = 1000});
    auto lease = arenas.acquire();
    (void)lease->allocate(100);
    std::thread other([moved = std::move(lease)]() mutable {
        (void)moved->allocate(100);
        moved.release();
    });
    other.join();
    EXPECT_TRUE(arenas.try_acquire());
}

TEST(arena_pool, who_waits_gets_what_comes_back) {
    arena_pool arenas({.arenas = 1, .arena_size = 1000});
    auto lease = arenas.acquire();
    const arena* const only = &*lease;
    const arena* got = nullptr;
    std::thread other([&] { got = &*arenas.acquire(); });
    wait_until_waiting(arenas, 1);
    lease.release();
    other.join();
    EXPECT_EQ(got, only);
    EXPECT_EQ(arenas.stats().free, 1u);
}

TEST(arena_pool, a_deadline_gives_an_empty_lease_and_not_before_its_time) {
    arena_pool arenas({.arenas = 1, .arena_size = 1000});
    auto lease = arenas.acquire_for(1h);
    ASSERT_TRUE(lease);
    const auto start = std::chrono::steady_clock::now();
    EXPECT_FALSE(arenas.acquire_for(3ms));
    EXPECT_FALSE(arenas.acquire_until(start + 6ms));
    EXPECT_GE(std::chrono::steady_clock::now(), start + 6ms);
    EXPECT_FALSE(arenas.acquire_until(start));
    EXPECT_FALSE(arenas.acquire_until(std::chrono::steady_clock::time_point::min()));
    EXPECT_FALSE(arenas.acquire_for(-1s));
    EXPECT_FALSE(arenas.acquire_for(0s));
    std::thread other([&] { EXPECT_TRUE(arenas.acquire_for(std::chrono::hours::max())); });
    wait_until_waiting(arenas, 1);
    lease.release();
    other.join();
    EXPECT_TRUE(arenas.acquire_until(start)); // what is free needs no time
}

TEST(arena_pool, close_wakes_all_with_an_error) {
    arena_pool arenas({.arenas = 1, .arena_size = 1000, .name = "closing"});
    auto lease = arenas.acquire();
    std::atomic<int> told{0};
    std::vector<std::thread> crowd;
    for (int i = 0; i < 4; ++i) {
        crowd.emplace_back([&, i] {
            try {
                (void)(i % 2 == 0 ? arenas.acquire() : arenas.acquire_for(1h));
            } catch (const pool_closed& closed) {
                if (std::string(closed.what()) == "cenote: pool 'closing' is closed") ++told;
            }
        });
    }
    wait_until_waiting(arenas, 4);
    EXPECT_FALSE(arenas.is_closed());
    arenas.close();
    for (std::thread& one : crowd) one.join();
    EXPECT_EQ(told, 4);
    EXPECT_TRUE(arenas.is_closed());
    (void)lease->allocate(10); // loans go on
    lease.release();
    EXPECT_EQ(arenas.stats().free, 1u);
    EXPECT_FALSE(arenas.try_acquire());
    EXPECT_THROW((void)arenas.acquire(), pool_closed);
    EXPECT_THROW((void)arenas.acquire_for(0s), pool_closed);
}

TEST(arena_pool, destroyed_with_arenas_out_says_so) {
    test::leak_watch leaks;
    alignas(arena_pool) std::array<std::byte, sizeof(arena_pool)> place;
    auto* const arenas = ::new (place.data()) arena_pool({.arenas = 3, .arena_size = 1000, .name = "lent"});
    alignas(arena_pool::lease) std::array<std::byte, 2 * sizeof(arena_pool::lease)> lost;
    for (std::size_t i = 0; i < 2; ++i) // never returned
        ::new (lost.data() + i * sizeof(arena_pool::lease)) arena_pool::lease(arenas->acquire());
    arenas->~arena_pool();
    ASSERT_EQ(leaks.seen().size(), 1u);
    EXPECT_STREQ(leaks.seen()[0].pool, "lent");
    EXPECT_EQ(leaks.seen()[0].blocks, 2u);
    EXPECT_EQ(leaks.seen()[0].bytes, 2000u);
}

TEST(arena_pool, counts_its_calls_when_it_shall) {
    arena_pool silent({.arenas = 2, .arena_size = 100});
    (void)silent.acquire();
    EXPECT_FALSE(silent.stats().calls);
    arena_pool arenas({.arenas = 2, .arena_size = 100, .stats = true});
    auto one = arenas.acquire();
    auto two = arenas.acquire_for(1s);
    EXPECT_FALSE(arenas.try_acquire());
    EXPECT_FALSE(arenas.acquire_for(1us));
    one.release();
    one = arenas.try_acquire();
    (void)arenas.trim(); // no call for an arena
    const auto expect = [&](std::uint64_t lent, std::uint64_t returned, std::uint64_t refused) {
        const std::optional<call_counts> calls = arenas.stats().calls;
        ASSERT_TRUE(calls);
        EXPECT_EQ(calls->allocations, lent);
        EXPECT_EQ(calls->deallocations, returned);
        EXPECT_EQ(calls->failures, refused);
    };
    expect(3, 1, 2);
    arenas.close();
    EXPECT_THROW((void)arenas.acquire(), pool_closed);
    EXPECT_FALSE(arenas.try_acquire());
    one.release();
    two.release();
    expect(3, 3, 4);
}

TEST(arena_pool_options, are_judged_before_anything_is_touched) {
    test::counting_source from;
    const std::size_t much = static_cast<std::size_t>(-1);
    const auto refused = [&](arena_pool_options options, const char* word) {
        options.source = &from;
        return refusal_of(options).find(word) != std::string::npos;
    };
    EXPECT_TRUE(refused({}, "arenas is 0"));
    EXPECT_TRUE(refused({.arenas = 1, .arena_size = 0}, "arena_size is 0"));
    EXPECT_TRUE(refused({.arenas = much, .arena_size = 1}, "arenas is above"));
    EXPECT_TRUE(refused({.arenas = 1, .arena_size = much}, "arena_size is more"));
    EXPECT_TRUE(refused({.arenas = 1 << 30, .arena_size = much / 1000}, "more than memory"));
    EXPECT_TRUE(refused({.arenas = 2, .arena_size = 1000, .maximum_bytes = 2000}, "maximum_bytes"));
    EXPECT_TRUE(refused({.arenas = 1, .growth = growth::geometric(1)}, "growth"));
    EXPECT_THROW((void)arena_pool::required_bytes({}), bad_options);
    EXPECT_EQ(from.calls, 0u);
}

TEST(arena_pool_memory, is_taken_once_and_given_back_at_the_end) {
    test::strict_source strict;
    {
        arena_pool arenas({.arenas = 5, .arena_size = 1000, .source = &strict});
        EXPECT_EQ(strict.regions(), 1u);
        std::vector<arena_pool::lease> leases;
        for (int i = 0; i < 5; ++i) {
            leases.push_back(arenas.acquire());
            std::memset(leases.back()->allocate(1000, 1), i, 1000);
        }
        EXPECT_EQ(strict.regions(), 1u); // each had its thousand bytes
        (void)leases[0]->allocate(1, 1);
        EXPECT_EQ(strict.regions(), 2u);
        EXPECT_EQ(arenas.stats().reserved_bytes, strict.reserved());
    }
    EXPECT_EQ(strict.regions(), 0u);
    EXPECT_EQ(strict.complaint(), "");
}

TEST(arena_pool_memory, required_bytes_are_enough_wherever_they_start) {
    for (const std::size_t count : {1u, 2u, 7u}) {
        arena_pool_options options{.arenas = count, .arena_size = 100, .growth = growth::none()};
        const std::size_t needed = arena_pool::required_bytes(options);
        std::vector<std::byte> bytes(needed + 64);
        for (std::size_t shift = 0; shift < 64; shift += 9) {
            region place(bytes.data() + shift, needed);
            options.source = &place;
            arena_pool arenas(options);
            std::vector<arena_pool::lease> leases;
            for (std::size_t i = 0; i < count; ++i) {
                leases.push_back(arenas.try_acquire());
                ASSERT_TRUE(leases.back());
                EXPECT_NE(leases.back()->try_allocate(100, 1), nullptr);
                EXPECT_EQ(leases.back()->try_allocate(1, 1), nullptr); // growth is none
            }
        }
        region small(bytes.data(), needed / 2);
        options.source = &small;
        EXPECT_THROW(arena_pool never(options), out_of_memory);
    }
}

TEST(arena_pool_memory, all_arenas_together_stay_below_the_maximum) {
    test::counting_source from;
    arena_pool arenas({.arenas = 2, .arena_size = 1000, .maximum_bytes = 20'000, .source = &from});
    auto one = arenas.acquire();
    auto two = arenas.acquire();
    while (one->try_allocate(100) != nullptr || two->try_allocate(100) != nullptr) {
    }
    EXPECT_LE(from.peak, 20'000u);
    EXPECT_GE(from.peak, 15'000u);
    EXPECT_THROW((void)one->allocate(2000), out_of_memory);
}

TEST(arena_pool_memory, a_source_that_fails_at_any_call_leaves_the_pool_whole) {
    test::strict_source strict;
    test::failing_source source(strict);
    for (const test::refusal how : {test::refusal::once, test::refusal::from_then_on}) {
        for (std::size_t call = 1; call <= 6; ++call) {
            source.relent();
            source.refuse(call, how);
            try {
                arena_pool arenas({.arenas = 2, .arena_size = 1000, .source = &source});
                auto one = arenas.acquire();
                const bool got = one->try_allocate(5000) != nullptr;
                EXPECT_GT(call, 2u);      // the pool itself makes two
                EXPECT_EQ(got, call > 4); // and an arena that grows two more
                EXPECT_EQ(source.is_armed(), call > 4 || how == test::refusal::from_then_on);
                one.release();
                EXPECT_EQ(arenas.stats().free, 2u);
                EXPECT_EQ(arenas.stats().reserved_bytes, strict.reserved());
                source.relent();
                EXPECT_NE(arenas.acquire()->try_allocate(5000), nullptr);
            } catch (const out_of_memory&) {
                EXPECT_LE(call, 2u);
            }
            EXPECT_EQ(strict.regions(), 0u);
        }
    }
    EXPECT_EQ(strict.complaint(), "");
}

// The rule: an arena that comes back keeps as many of its chunks as hold the 60th percentile of what the last
// 64 loans used.

void borrow(arena_pool& arenas, std::size_t bytes) {
    auto lease = arenas.acquire();
    for (std::size_t got = 0; got < bytes; got += 500) (void)lease->allocate(500, 4);
}

TEST(arena_pool_memory, an_arena_that_grew_as_others_do_keeps_its_chunks) {
    test::counting_source from;
    arena_pool arenas({.arenas = 1, .arena_size = 1000, .source = &from, .sanitizers = false});
    for (int i = 0; i < 10; ++i) borrow(arenas, 20'000);
    const std::size_t reserves = from.reserves;
    for (int i = 0; i < 100; ++i) borrow(arenas, 20'000);
    EXPECT_EQ(from.reserves, reserves);
    EXPECT_EQ(from.releases, 0u);
    EXPECT_GE(arenas.kept_bytes(), 20'000u);
}

TEST(arena_pool_memory, an_arena_grown_beyond_the_60th_percentile_is_trimmed) {
    test::counting_source from;
    arena_pool arenas({.arenas = 1, .arena_size = 1000, .source = &from, .sanitizers = false});
    for (int i = 0; i < 64; ++i) borrow(arenas, 3000);
    const std::size_t usual = from.reserved;
    borrow(arenas, 500'000);
    EXPECT_LE(from.reserved, usual);
    EXPECT_LT(arenas.kept_bytes(), 5000u);
    EXPECT_GE(arenas.kept_bytes(), 3000u);
}

TEST(arena_pool_memory, of_64_loans_the_39th_smallest_decides) {
    for (const std::size_t small : {38u, 39u}) {
        arena_pool arenas({.arenas = 1, .arena_size = 1000, .sanitizers = false});
        for (std::size_t i = 0; i < 64 - small; ++i) borrow(arenas, 50'000);
        for (std::size_t i = 0; i < small; ++i) borrow(arenas, 500);
        if (small == 39) {
            EXPECT_EQ(arenas.kept_bytes(), 1000u); // no less than the arena's own
        } else {
            EXPECT_GE(arenas.kept_bytes(), 50'000u);
        }
        for (int i = 0; i < 64; ++i) borrow(arenas, 500); // older loans are forgotten
        EXPECT_EQ(arenas.kept_bytes(), 1000u);
        EXPECT_EQ(arenas.acquire()->stats().held_bytes, 1000u);
    }
}

TEST(arena_pool_memory, trim_gives_back_what_free_arenas_have_grown_by) {
    test::counting_source from;
    arena_pool arenas({.arenas = 4, .arena_size = 1000, .source = &from});
    const std::size_t own = from.reserved;
    {
        std::vector<arena_pool::lease> leases;
        for (int i = 0; i < 3; ++i) {
            leases.push_back(arenas.acquire());
            (void)leases.back()->allocate(10'000);
        }
    }
    const std::size_t grown = from.reserved - own;
    EXPECT_GE(grown, 30'000u);
    EXPECT_EQ(arenas.trim(), grown);
    EXPECT_EQ(from.reserved, own);
    EXPECT_EQ(arenas.stats().free, 4u);
    EXPECT_EQ(arenas.stats().peak_out, 3u);
    EXPECT_EQ(arenas.trim(), 0u);
}

TEST(arena_pool_threads, random_timeouts_lose_no_arena_and_lend_none_twice) {
    constexpr std::size_t count = 3;
    arena_pool arenas({.arenas = count, .arena_size = 512, .stats = true});
    const std::size_t rounds = test::scaled(3000, 60);
    std::atomic<std::size_t> loans{0};
    test::run_threads(8, [&](std::size_t number) {
        std::minstd_rand random(static_cast<unsigned>(number) + 1);
        for (std::size_t i = 0; i < rounds; ++i) {
            const std::chrono::microseconds length(random() % 30);
            auto lease = random() % 4 == 0 ? arenas.try_acquire() : arenas.acquire_for(length);
            if (!lease) continue;
            ++loans;
            EXPECT_EQ(lease->stats().live_bytes, 0u);
            const std::size_t bytes = 1 + random() % 900;
            auto* const block = static_cast<unsigned char*>(lease->allocate(bytes, 1));
            std::memset(block, static_cast<int>(number), bytes);
            if (random() % 8 == 0) std::this_thread::yield();
            EXPECT_EQ(block[0], number);
            EXPECT_EQ(block[bytes - 1], number); // nobody else has written
            if (random() % 64 == 0) (void)arenas.trim();
        }
    });
    EXPECT_GT(loans, 0u);
    EXPECT_EQ(arenas.stats().free, count);
    EXPECT_EQ(arenas.stats().waiting, 0u);
    EXPECT_LE(arenas.stats().peak_out, count);
    EXPECT_EQ(arenas.stats().calls->allocations, loans);
    EXPECT_EQ(arenas.stats().calls->deallocations, loans);
    EXPECT_EQ(arenas.stats().calls->failures, 8 * rounds - loans);
    for (std::size_t i = 0; i < count; ++i) (void)arenas.acquire()->allocate(512, 1);
}

TEST(arena_pool_threads, close_in_the_middle_of_it_loses_none) {
    for (int round = 0; round < 20; ++round) {
        arena_pool arenas({.arenas = 2, .arena_size = 256});
        test::run_threads(5, [&](std::size_t number) {
            try {
                for (int i = 0; i < 50; ++i) {
                    const auto lease = arenas.acquire();
                    (void)lease->allocate(64);
                    if (number == 0 && i == 25) arenas.close();
                }
            } catch (const pool_closed&) {
                EXPECT_TRUE(arenas.is_closed());
            }
        });
        EXPECT_EQ(arenas.stats().free, 2u);
    }
}

} // namespace
