// cenote: SPDX-License-Identifier: MIT
//
// Threads that share a buffer_pool: whoever holds a buffer is the only one, whatever is split and merged
// meanwhile, whoever returns it, and whether or not its thread is still there.
#include <cenote/base/sanitizer.hpp>
#include <cenote/buffer/buffer_pool.hpp>
#include <cenote/source/budget.hpp>

#include "concurrent/threads.hpp"
#include "conformance/strict_source.hpp"
#include "support/test_sources.hpp"

#include <array>
#include <atomic>
#include <bit>
#include <cstring>
#include <functional>
#include <gtest/gtest.h>
#include <mutex>
#include <random>
#include <thread>
#include <vector>

namespace {

using namespace cenote;
using namespace std::chrono_literals;

std::size_t operations(std::size_t count) {
    return test::scaled(base::watched() ? count / 20 : count, 1000);
}

constexpr std::size_t mib = std::size_t{1} << 20;
constexpr std::size_t each_word = sizeof(std::uint64_t);
constexpr std::size_t each_page = 4096;

/// A buffer that holds a number from end to end, all that its tier has, so that any overlap is seen: in every
/// word, or where no tier is less than a page, in the first one of each page and in the last.
class stamped {
public:
    stamped() = default;
    stamped(buffer&& one, std::uint64_t number, std::size_t stride = each_word)
        : held_(std::move(one)), number_(number), stride_(stride) {
        held_.resize(held_.capacity());
        for (std::size_t at = 0; at < last(); at += stride_) put(at);
        put(last());
    }
    [[nodiscard]] bool is_whole() const {
        if (!held_) return true;
        for (std::size_t at = 0; at < last(); at += stride_) {
            if (!has(at)) return false;
        }
        return has(last());
    }

private:
    [[nodiscard]] std::size_t last() const { return held_.size() - each_word; }
    void put(std::size_t at) const { std::memcpy(held_.data() + at, &number_, each_word); }
    [[nodiscard]] bool has(std::size_t at) const {
        return std::memcmp(held_.data() + at, &number_, each_word) == 0;
    }

    buffer held_;
    std::uint64_t number_ = 0;
    std::size_t stride_ = each_word;
};

/// A place that all threads share.
struct alignas(64) slot {
    std::mutex lock;
    stamped what;
};

/// As many small ones as large ones.
std::size_t any_size(std::minstd_rand& random, unsigned most_bits) {
    const std::size_t most = std::size_t{1} << random() % (most_bits + 1);
    return 1 + random() % most;
}

// A million operations in four threads: each puts a new buffer in some place and returns what was there,
// which is likely another thread's, after a look at its contents.
void expect_no_overlap(buffer_pool& pool, std::size_t stride) {
    static std::array<slot, 256> slots;
    std::atomic<bool> is_whole{true};
    constexpr std::size_t threads = 4;
    const std::size_t each = operations(1'000'000) / threads;
    const auto most_bits = static_cast<unsigned>(std::bit_width(pool.largest()) - 1);
    test::run_threads(threads, [&](std::size_t number) {
        std::minstd_rand random(static_cast<unsigned>(number + 1));
        for (std::size_t i = 0; i < each; ++i) {
            stamped fresh(pool.acquire(any_size(random, most_bits)), std::uint64_t{number} << 40 | i, stride);
            slot& there = slots[random() % slots.size()];
            {
                const std::lock_guard here(there.lock);
                std::swap(there.what, fresh);
            }
            if (!fresh.is_whole()) is_whole = false;
            if (i % 10'000 == 0)
                (void)pool.tick(buffer_pool::clock::time_point(std::chrono::milliseconds(i)));
            if (number == 0 && i % 50'000 == 0) (void)pool.trim();
        }
    });
    EXPECT_TRUE(is_whole);
    for (slot& one : slots) {
        EXPECT_TRUE(one.what.is_whole());
        one.what = {};
    }
    EXPECT_TRUE(pool.is_valid());
    EXPECT_EQ(pool.stats(quiet).live, 0u);
    (void)pool.trim();
    const buffer_stats last = pool.stats(quiet);
    EXPECT_GT(last.counts.split, 0u);
    EXPECT_EQ(last.counts.split, last.counts.merged);
    EXPECT_GT(last.purges, 0u);
}

TEST(buffer_pool_stress, live_buffers_never_overlap) {
    buffer_pool pool({.smallest = 64,
                      .largest = 16 << 10,
                      .most_retained = 32,
                      .least_retained = 2,
                      .lazy_after = 1ms,
                      .return_after = 10ms,
                      .trim = trim::manual});
    expect_no_overlap(pool, each_word);
}

TEST(buffer_pool_stress, live_buffers_of_the_usual_tiers_never_overlap) {
    buffer_pool pool({.trim = trim::manual});
    expect_no_overlap(pool, each_page);
}

TEST(buffer_pool_stress, threads_end_with_buffers_in_their_caches_and_out) {
    buffer_pool pool({.trim = trim::manual});
    std::mutex lock;
    std::vector<stamped> left;
    const std::size_t rounds = test::scaled(20, 4);
    for (std::size_t round = 0; round < rounds; ++round) {
        test::run_threads(4, [&](std::size_t number) {
            std::minstd_rand random(static_cast<unsigned>(number + 10 * round));
            std::vector<stamped> mine;
            for (int i = 0; i < 30; ++i) mine.emplace_back(pool.acquire(any_size(random, 16)), random());
            const std::lock_guard here(lock);
            for (stamped& one : mine) {
                EXPECT_TRUE(one.is_whole());
                if (random() % 2 == 0) left.push_back(std::move(one)); // outlives its thread
            }
        });
        for (const stamped& one : left) ASSERT_TRUE(one.is_whole());
        ASSERT_TRUE(pool.is_valid());
        ASSERT_EQ(pool.stats(quiet).live, left.size());
        left.resize(left.size() / 2);
    }
    left.clear();
    EXPECT_EQ(pool.stats(quiet).live, 0u);
    pool.release_thread_caches();
    const buffer_stats last = pool.stats(quiet);
    for (unsigned t = 0; t < last.tiers; ++t)
        EXPECT_EQ(last.tier[t].cached, 0u); // nothing is lost with a thread
}

TEST(buffer_pool_threads, a_thread_that_only_releases_costs_no_memory) {
    buffer_pool pool({.sanitizers = false, .trim = trim::manual});
    test::worker other;
    other.run([&] { (void)pool.acquire(1); });
    std::size_t reserved = 0;
    for (int round = 0; round < 50; ++round) {
        std::vector<buffer> parcel;
        for (int i = 0; i < 100; ++i) parcel.push_back(pool.acquire(4096));
        other.run([&] { parcel.clear(); });
        if (round == 1) reserved = pool.stats().reserved_bytes;
    }
    EXPECT_EQ(pool.stats().reserved_bytes, reserved);
}

TEST(buffer_pool_threads, identical_rounds_reserve_no_more_than_the_first) {
    buffer_pool pool({.trim = trim::manual});
    std::size_t first = 0;
    for (int round = 0; round < 50; ++round) {
        std::vector<buffer> held;
        for (std::size_t i = 0; i < 200; ++i) held.push_back(pool.acquire((i * 7919) % 200'000));
        if (round == 0) first = pool.stats().reserved_bytes;
        ASSERT_LE(pool.stats().reserved_bytes, first);
    }
}

// What a thread caches nobody else can have, and it may sleep for ever.
TEST(buffer_pool_threads, caches_keep_no_more_than_a_quarter_of_a_maximum_from_others) {
    constexpr std::size_t maximum = std::size_t{64} << 20;
    test::strict_source system(4096);
    budget limited(system, maximum);
    for (const bool is_own : {true, false}) {
        buffer_pool pool({.maximum_bytes = is_own ? maximum : unlimited,
                          .source = &limited,
                          .sanitizers = false,
                          .trim = trim::manual,
                          .threads = 3});
        std::array<test::worker, 3> others;
        for (test::worker& one : others) {
            one.run([&] {
                std::vector<buffer> held; // of all tiers at once: none need merge for another
                for (std::size_t size = pool.smallest(); size <= pool.largest(); size *= 2) {
                    for (std::size_t i = 0; i < 40 && i * size < maximum / 32; ++i)
                        held.push_back(pool.acquire(size));
                }
            });
        }
        const buffer_stats now = pool.stats(quiet);
        std::size_t cached = 0;
        for (unsigned t = 0; t < now.tiers; ++t) cached += now.tier[t].cached * now.tier[t].bytes;
        EXPECT_GT(cached, maximum / 16);
        EXPECT_LE(cached, maximum / 4);
        std::vector<buffer> held; // the rest is had
        while (buffer one = pool.try_acquire(64 << 10)) held.push_back(std::move(one));
        EXPECT_GE(held.size() * (64 << 10), maximum / 8 * 5); // whole regions fit the maximum
        held.clear();
    }
}

// Others have all of a shared budget when the pool is made.
TEST(buffer_pool_threads, a_thread_without_a_cache_gets_one_when_a_budget_has_room_again) {
    test::strict_source system(4096);
    constexpr std::size_t limit = 64 * mib;
    budget shared(system, limit);
    const source::request all{limit, 4096, source::any_node};
    void* const taken = shared.reserve(all);
    ASSERT_NE(taken, nullptr);
    buffer_pool pool({.source = &shared, .sanitizers = false, .trim = trim::manual});
    EXPECT_FALSE(pool.try_acquire(1));
    shared.release(taken, all);
    std::array<test::worker, 2> others;
    for (test::worker& one : others) {
        one.run([&] {
            for (int i = 0; i < 3; ++i) (void)pool.acquire(1);
            EXPECT_NE(test::only_cache(), nullptr) << "it stays slow for ever";
            std::vector<buffer> held;
            for (int i = 0; i < 10; ++i) held.push_back(pool.acquire(1));
        });
    }
    EXPECT_GE(pool.stats(quiet).tier[0].cached, 10u);
    EXPECT_TRUE(pool.is_valid());
}

// The clock is looked at by releases here, not by `tick`: whoever passes by flushes what it has not used.
TEST(buffer_pool_threads, what_a_busy_thread_caches_and_does_not_use_is_idle_after_a_step) {
    buffer_pool pool({.lazy_after = 1ns, .return_after = 4ns, .sanitizers = false});
    const auto use_small_ones = [&] { // more than its cache holds
        for (int round = 0; round < 1000; ++round) {
            std::array<buffer, 40> several;
            for (buffer& one : several) one = pool.acquire(4096);
        }
    };
    test::worker other;
    for (const bool is_other : {false, true}) {
        const std::function<void()> burst = [&] {
            std::array<buffer, 4> large;
            for (buffer& one : large) one = pool.acquire(4 << 20);
        };
        if (is_other) {
            other.run(burst);
            EXPECT_EQ(pool.stats(quiet).tier[10].cached, 4u);
            use_small_ones();
            other.run(use_small_ones);
        } else {
            burst();
            EXPECT_EQ(pool.stats(quiet).tier[10].cached, 4u);
            use_small_ones();
        }
        EXPECT_EQ(pool.stats(quiet).tier[10].cached, 0u);
        EXPECT_LT(pool.stats(quiet).reserved_bytes, std::size_t{16} << 20);
    }
}

// Their caches are out of reach. The number stands in the docs.
TEST(buffer_pool_threads, while_threads_sleep_all_goes_but_what_they_cache_which_is_33_4_mib_each_at_most) {
    constexpr std::size_t most = 33 * mib + 3 * mib / 8;
    test::large_page_source memory; // knows what is there
    buffer_pool pool({.source = &memory, .sanitizers = false, .trim = trim::manual});
    const auto begin = buffer_pool::clock::now();
    (void)pool.tick(begin);
    std::array<test::worker, 3> sleepers;
    for (test::worker& one : sleepers) {
        one.run([&] {
            for (std::size_t size = pool.smallest(); size <= pool.largest(); size *= 2) {
                std::vector<buffer> burst;
                for (int i = 0; i < 40; ++i) burst.push_back(pool.acquire(size));
            }
            std::size_t all = 0;
            for (unsigned t = 0; t < pool.stats().tiers; ++t) {
                const engine::magazine& one_tier = test::only_cache()->stocks[t].loaded;
                all += static_cast<std::size_t>(one_tier.end - one_tier.begin) * (pool.smallest() << t);
            }
            EXPECT_EQ(all, most);
        });
    }
    EXPECT_GT(memory.present(), sleepers.size() * most);
    const auto end = begin + 11s; // and the step in which the last was released
    for (auto now = begin; now <= end;) now = pool.tick(now);
    const buffer_stats last = pool.stats(quiet);
    std::size_t cached = 0;
    for (unsigned t = 0; t < last.tiers; ++t) cached += last.tier[t].cached * last.tier[t].bytes;
    EXPECT_GT(cached, 0u);
    EXPECT_LE(cached, sleepers.size() * most);
    EXPECT_EQ(last.retained_bytes, 0u);
    EXPECT_LE(memory.present(), cached + mib); // and what the pool itself is made of
}

TEST(buffer_pool_threads, trim_says_what_other_threads_pin) {
    buffer_pool pool({.sanitizers = false, .trim = trim::manual});
    test::worker other;
    other.run([&] {
        std::array<buffer, 4> several;
        for (buffer& one : several) one = pool.acquire(std::size_t{1} << 20);
    });
    EXPECT_EQ(pool.trim().pinned_bytes, std::size_t{1} << 20); // as of its last exchange, when it got one
    EXPECT_EQ(pool.stats().live_bytes, std::size_t{3} << 20);  // that is what the others are then
    EXPECT_EQ(pool.stats(quiet).live_bytes, 0u);
    other.run([&] { (void)pool.acquire(std::size_t{4} << 20); }); // an exchange of another tier
    EXPECT_EQ(pool.stats(quiet).tier[8].cached, 0u);
    other.run([&] { pool.release_thread_caches(); });
    EXPECT_EQ(pool.trim().pinned_bytes, 0u);
    EXPECT_TRUE(pool.is_valid());
}

/// Takes long to take memory back, and tells how much others got done by then.
class slow_source final : public source {
public:
    [[nodiscard]] void* reserve(const request& wanted) noexcept override {
        return default_source().reserve(wanted);
    }
    void release(void* region, const request& given) noexcept override {
        std::this_thread::sleep_for(2ms);
        default_source().release(region, given);
        if (first_ < 0) first_ = served;
        last_ = served;
    }
    [[nodiscard]] std::size_t granularity() const noexcept override { return default_source().granularity(); }
    /// Between the first release and the last.
    [[nodiscard]] int served_meanwhile() const { return last_ - first_; }

    std::atomic<int> served{0};

private:
    int first_ = -1;
    int last_ = -1;
};

/// 240 MiB that nobody holds: each region of 8 MiB is one call of the source.
void expect_others_are_served(void (*give_back)(buffer_pool&)) {
    slow_source memory;
    buffer_pool pool({.source = &memory, .sanitizers = false, .trim = trim::manual});
    {
        std::vector<buffer> held;
        while (held.size() < 60) held.push_back(pool.acquire(4 << 20));
    }
    std::atomic<bool> is_over{false};
    std::thread other([&] {
        while (!is_over) {
            (void)pool.stats();
            ++memory.served;
            std::this_thread::sleep_for(100us); // or it would never leave the lock to the other
        }
    });
    give_back(pool);
    is_over = true;
    other.join();
    EXPECT_LT(pool.stats().reserved_bytes, std::size_t{20} << 20);
    EXPECT_GE(memory.served_meanwhile(), 3); // of the 14 times between two parts
}

TEST(buffer_pool_threads, who_waits_for_the_lock_is_served_between_the_parts_of_a_trim) {
    expect_others_are_served([](buffer_pool& pool) { EXPECT_GT(pool.trim().returned_bytes, 200u << 20); });
}

TEST(buffer_pool_threads, who_waits_for_the_lock_is_served_between_the_parts_of_a_late_tick) {
    expect_others_are_served([](buffer_pool& pool) {
        const auto now = buffer_pool::clock::now();
        for (int step = 0; step < 13; ++step) (void)pool.tick(now + step * 1s);
    });
}

} // namespace
