// cenote: SPDX-License-Identifier: MIT
//
// What a process holds of its memory after its buffers have come back: by the clock that the test sets, and
// beside another process that needs it.
#include <cenote/buffer/buffer_pool.hpp>
#include <cenote/concurrent/bounded_pool.hpp>

#include "child.hpp"
#include "conformance/failing_source.hpp"
#include "memory_group.hpp"
#include "sanitized.hpp"
#include "support/test_sources.hpp"

#include <algorithm>
#include <cstring>
#include <fstream>
#include <gtest/gtest.h>
#include <random>
#include <string>
#include <vector>

namespace {

using namespace cenote;
using namespace std::chrono_literals;
using test::require;

constexpr std::size_t kib = 1024;
constexpr std::size_t mib = 1024 * kib;
// Of the sizes below: all where the library is built as it is shipped.
#if defined(NDEBUG) && !CENOTE_TEST_SANITIZED
constexpr std::size_t share = 1;
#else
constexpr std::size_t share = 16;
#endif

std::size_t resident() {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);) {
        if (line.starts_with("RssAnon:")) return std::stoul(line.substr(8)) * kib;
    }
    return 0;
}

void touch(const buffer& one) {
    for (std::size_t at = 0; at < one.size(); at += 4096) one.data()[at] = std::byte{1};
}

/// Ticks whenever the pool wants it, for so long; returns the time then.
buffer_pool::clock::time_point pass(buffer_pool& pool, buffer_pool::clock::time_point now,
                                    std::chrono::nanoseconds length) {
    const auto end = now + length;
    while (now <= end) now = pool.tick(now);
    return end;
}

TEST(buffer_memory, a_gigabyte_goes_back_within_the_configured_time) {
    if (CENOTE_TEST_SANITIZED || resident() == 0)
        GTEST_SKIP() << "it is not known what is resident, of the pool";
    buffer_pool pool({.trim = trim::manual});
    const std::size_t before = resident();
    const std::size_t count = 1024 * mib / share / (64 * kib);
    auto now = buffer_pool::clock::now();
    (void)pool.tick(now);
    {
        std::vector<buffer> held;
        for (std::size_t i = 0; i < count; ++i) {
            held.push_back(pool.acquire(64 * kib));
            touch(held.back());
        }
        EXPECT_GE(resident(), before + count * 64 * kib);
    }
    pass(pool, now, 10s); // return_after
    EXPECT_LT(resident(), before + 64 * mib / share);
    EXPECT_EQ(pool.stats().live, 0u);
    EXPECT_TRUE(pool.is_valid());
}

TEST(buffer_memory, an_hour_after_a_peak_little_more_than_what_is_live_is_held) {
    if (CENOTE_TEST_SANITIZED || resident() == 0)
        GTEST_SKIP() << "it is not known what is resident, of the pool";
    buffer_pool pool({.sanitizers = false, .trim = trim::manual});
    const std::size_t before = resident();
    std::minstd_rand random(5);
    const auto some = [&] {
        buffer one = pool.acquire_at_least(1 + random() % (256 * kib));
        touch(one);
        return one;
    };
    auto now = buffer_pool::clock::now();
    std::vector<buffer> peak;
    for (std::size_t i = 0; i < 1000; ++i) peak.push_back(some());
    std::shuffle(peak.begin(), peak.end(), random);
    peak.resize(peak.size() / 4); // what stays lies anywhere
    for (int minute = 0; minute < 60; ++minute) {
        for (int i = 0; i < 20; ++i) peak[random() % peak.size()] = some(); // some traffic goes on
        now = pass(pool, now, 60s);
    }
    const std::size_t live = pool.stats(quiet).live_bytes;
    EXPECT_GT(live, 25 * mib);
    EXPECT_LT(resident() - before, live + live / 10 + mib);
    EXPECT_TRUE(pool.is_valid());
}

// Buffers of random sizes in the place of others, so many a second of the clock that the pool is told.
struct steady_traffic {
    std::size_t buffers;
    std::size_t most_bytes;
    std::size_t a_second;

    test::large_page_source memory{}; // knows what is there
    test::failing_source calls{memory};
    buffer_pool pool{{.source = &calls, .sanitizers = false, .trim = trim::manual}};
    std::vector<buffer> live = std::vector<buffer>(buffers);
    std::minstd_rand random{11};
    buffer_pool::clock::time_point now = buffer_pool::clock::now();
    buffer_pool::clock::time_point next = pool.tick(now);

    void run(std::size_t operations) {
        for (std::size_t i = 0; i < operations; ++i) {
            live[random() % live.size()] = pool.acquire(1 + random() % most_bytes);
            now += std::chrono::nanoseconds(1s) / a_second;
            if (now >= next) next = pool.tick(now);
        }
    }
};

void expect_few_purges(std::size_t buffers, std::size_t most_bytes, std::size_t a_second) {
    SCOPED_TRACE(testing::Message() << buffers << " of " << most_bytes << ", " << a_second << " a second");
    constexpr std::size_t a_purge = 100'000; // operations
    constexpr std::size_t measured = (CENOTE_TEST_SANITIZED ? 1 : 10) * a_purge;
    steady_traffic traffic{buffers, most_bytes, a_second};
    traffic.run(2 * a_purge);
    traffic.calls.forget_calls();
    traffic.run(measured);
    const auto made = traffic.calls.calls();
    EXPECT_LE((made.purge + made.decommit + made.release) * a_purge, measured);

    // The load falls, and what is left of it goes on: within `return_after`, and the step in which it began,
    // what few buffers do not need has gone.
    const std::size_t before = traffic.memory.present();
    traffic.live.resize(buffers / 8);
    traffic.a_second = std::min<std::size_t>(a_second, 10'000); // enough
    traffic.run(traffic.a_second * 11);
    EXPECT_LT(traffic.memory.present(), before / 2);
    traffic.live.clear();
    traffic.pool.release_thread_caches();
    pass(traffic.pool, traffic.now, 11s);
    EXPECT_LT(traffic.pool.stats(quiet).reserved_bytes, 1 * mib);
}

TEST(buffer_memory, steady_traffic_makes_one_purge_in_a_hundred_thousand_operations_at_most) {
    for (std::size_t a_second = 100; a_second <= 10'000'000; a_second *= 10) {
        expect_few_purges(64, 256 * kib, a_second);
        expect_few_purges(500, 64 * kib, a_second);
        expect_few_purges(16, 4 * mib, a_second);
    }
}

TEST(buffer_memory, another_process_of_the_group_gets_what_is_idle_and_nobody_is_killed) {
#if CENOTE_TEST_SANITIZED || defined(CENOTE_POSIX_ONLY)
    GTEST_SKIP() << "a sanitizer has memory of its own, and plain POSIX offers nothing lazily";
#endif
    const test::memory_group group(96 * mib);
    if (!group.is_there()) GTEST_SKIP() << "no group with a limit of memory can be made here";
    int ready[2];
    int done[2];
    ASSERT_EQ(::pipe(ready), 0);
    ASSERT_EQ(::pipe(done), 0);
    char byte = 0;
    const pid_t idle = test::start_child([&] {
        require(group.enter(), "cannot enter the group");
        buffer_pool pool({.trim = trim::manual});
        auto now = buffer_pool::clock::now();
        (void)pool.tick(now);
        {
            std::vector<buffer> held;
            for (int i = 0; i < 16; ++i) {
                held.push_back(pool.acquire(4 * mib));
                touch(held.back());
            }
        }
        pass(pool, now, 5s); // offered to the system, not gone
        require(pool.stats().idle_bytes >= 64 * mib, "the memory is gone already");
        require(::write(ready[1], "r", 1) == 1, "the pipe is broken");
        require(::read(done[0], &byte, 1) == 1, "the other process has died");
        touch(pool.acquire(4 * mib)); // and it can be used again
    });
    ASSERT_EQ(::read(ready[0], &byte, 1), 1);
    const std::string ending = test::ending_of_child([&] {
        require(group.enter(), "cannot enter the group");
        std::vector<char> wanted(64 * mib, 'x'); // with what the other has: more than the limit
        require(wanted[wanted.size() / 2] == 'x', "memory does not hold");
    });
    EXPECT_EQ(ending, "");
    EXPECT_EQ(::write(done[1], "d", 1), 1);
    EXPECT_EQ(test::ending_of(idle), "");
    for (const int end : {ready[0], ready[1], done[0], done[1]}) ::close(end);
}

} // namespace
