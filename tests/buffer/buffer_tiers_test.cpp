// cenote: SPDX-License-Identifier: MIT
#include <cenote/buffer/buffer_pool.hpp>
#include <cenote/buffer/buffer_tiers.hpp>
#include <cenote/source/region.hpp>

#include "conformance/failing_source.hpp"
#include "support/test_sources.hpp"

#include <gtest/gtest.h>
#include <vector>

namespace {

using namespace cenote;
using namespace std::chrono_literals;
using engine::buffer_tiers;

constexpr std::int64_t second = 1'000'000'000;
constexpr std::size_t mib = std::size_t{1} << 20;

std::vector<void*> take(buffer_tiers& tiers, unsigned tier, std::size_t count) {
    std::vector<void*> entries;
    while (entries.size() < count) {
        entries.push_back(tiers.take_one(tier));
        EXPECT_NE(entries.back(), nullptr);
    }
    return entries;
}

void give(buffer_tiers& tiers, unsigned tier, const std::vector<void*>& entries) {
    (void)tiers.put(tier, entries.data(), entries.data() + entries.size());
}

TEST(buffer_tiers, the_shelf_keeps_so_many_whole_and_the_rest_merges) {
    buffer_tiers tiers({.sanitizers = false, .trim = trim::manual}, 1);
    ASSERT_TRUE(tiers.open_shared());
    give(tiers, 5, take(tiers, 5, 20)); // 128 KiB each
    const buffer_stats now = tiers.stats();
    EXPECT_EQ(now.tier[5].retained, 8u);
    EXPECT_EQ(now.tier[5].counts.dropped, 12u);
    EXPECT_TRUE(tiers.is_valid());
}

TEST(buffer_tiers, what_is_shelved_merges_before_the_source_is_asked) {
    test::failing_source watched(default_source());
    buffer_tiers tiers({.source = &watched, .sanitizers = false, .trim = trim::manual}, 1);
    ASSERT_TRUE(tiers.open_shared());
    give(tiers, 10, take(tiers, 10, 2)); // all of one region
    watched.forget_calls();
    const std::vector<void*> small = take(tiers, 0, 100);
    EXPECT_EQ(watched.calls().reserve, 0u);
    give(tiers, 0, small);
    const std::vector<void*> large = take(tiers, 10, 2);
    EXPECT_EQ(watched.calls().reserve, 0u);
    give(tiers, 10, large);
    EXPECT_TRUE(tiers.is_valid());
}

TEST(buffer_tiers, time_passes_in_steps_and_each_is_done_once) {
    test::failing_source watched(default_source());
    buffer_tiers tiers({.source = &watched, .sanitizers = false, .trim = trim::manual}, 1);
    ASSERT_TRUE(tiers.open_shared());
    EXPECT_FALSE(tiers.is_due(100 * second)); // the clock has not been seen
    EXPECT_EQ(tiers.tick(100 * second), 101 * second);
    give(tiers, 10, take(tiers, 10, 1));
    EXPECT_FALSE(tiers.is_due(101 * second - 1));
    EXPECT_EQ(tiers.tick(101 * second - 1), 101 * second);
    EXPECT_TRUE(tiers.is_due(101 * second));
    std::int64_t next = 101 * second;
    std::int64_t now = 0;
    std::vector<std::size_t> lazily;
    std::vector<std::size_t> for_good;
    while (tiers.stats().reserved_bytes >= 8 * mib && next < 200 * second) {
        now = next;
        next = tiers.tick(now);
        lazily.push_back(watched.calls().purge);
        for_good.push_back(watched.calls().release + watched.calls().decommit);
    }
    EXPECT_EQ(watched.calls().purge, 1u); // once, some steps before it went for good
    ASSERT_GT(lazily.size(), 5u);
    EXPECT_EQ(lazily[1], 0u); // the first step is on the shelf, the second free and merged
    EXPECT_EQ(lazily[2], 1u);
    EXPECT_EQ(for_good[lazily.size() - 2], 0u);
    EXPECT_LE(now, 110 * second);
    EXPECT_EQ(next, now + 10 * second); // nothing is left to go
    EXPECT_TRUE(tiers.is_valid());
}

// Whoever ticks only when asked to sees in time what is released in between.
TEST(buffer_tiers, ticks_that_are_asked_for_return_all_in_time) {
    for (const std::size_t count : {6u, 60u}) { // on the shelf, and more than fits it
        buffer_tiers tiers({.sanitizers = false, .trim = trim::manual}, 1);
        ASSERT_TRUE(tiers.open_shared());
        std::int64_t next = tiers.tick(100 * second);
        const std::vector<void*> entries = take(tiers, 10, count);
        for (int i = 0; i < 30; ++i) next = tiers.tick(next);
        const std::int64_t released = next - second + 1; // right after it was asked
        give(tiers, 10, entries);
        std::int64_t now = released;
        while (tiers.stats().reserved_bytes >= mib && now < 200 * second) {
            now = next;
            next = tiers.tick(now);
        }
        EXPECT_LE(now - released, 12 * second) << count; // and the steps in which it was seen
        EXPECT_EQ(tiers.tick(next), next + 10 * second); // nothing is out: that is soon enough
    }
}

// Whoever needs the lock, a release that looks at the clock among them, waits for one part only.
TEST(buffer_tiers, a_large_step_is_done_in_parts_and_each_soon_after_the_last) {
    constexpr std::size_t part = 16 * mib;
    buffer_tiers tiers({.sanitizers = false, .trim = trim::manual}, 1);
    ASSERT_TRUE(tiers.open_shared());
    const std::vector<void*> kept = take(tiers, 10, 1);
    std::int64_t now = 0;
    std::int64_t next = tiers.tick(now);
    give(tiers, 10, take(tiers, 10, 60)); // 240 MiB
    std::size_t parts = 0;
    while (now < 13 * second && tiers.stats().reserved_bytes >= 10 * mib) {
        now = next;
        const std::size_t before = tiers.stats().reserved_bytes;
        next = tiers.tick(now);
        ASSERT_GT(next, now);
        ASSERT_LE(before - tiers.stats().reserved_bytes, part + 9 * mib); // and the region that it is in
        EXPECT_TRUE(tiers.is_valid());
        if (next - now <= second / 1000) {
            ++parts;
            give(tiers, 0, take(tiers, 0, 5)); // what goes on in between does no harm
        }
    }
    EXPECT_GT(parts, std::size_t{2 * 240 / 16 * 3 / 4}); // lazily, and for good
    EXPECT_LT(now, 13 * second);
    give(tiers, 10, kept);
}

// Else whoever releases without a pause would do one part after the other, and nobody else get the lock.
TEST(buffer_tiers, a_release_does_no_part_right_behind_another) {
    buffer_tiers tiers({.sanitizers = false, .trim = trim::manual}, 1);
    ASSERT_TRUE(tiers.open_shared());
    std::int64_t now = 0;
    (void)tiers.tick(now);
    give(tiers, 10, take(tiers, 10, 60));
    std::size_t parts = 0;
    const auto does_a_part = [&] {
        const std::uint64_t before = tiers.stats().purges;
        tiers.pass_by(now);
        parts += tiers.stats().purges != before;
        return tiers.stats().purges != before;
    };
    for (int step = 1; step < 14; ++step) {
        now = step * second;
        while (does_a_part()) {
            EXPECT_FALSE(does_a_part());
            now += 999'999;
            EXPECT_FALSE(does_a_part());
            now += 1;
        }
    }
    EXPECT_GT(parts, std::size_t{2 * 240 / 16 * 3 / 4}); // lazily, and for good
    EXPECT_LT(tiers.stats().reserved_bytes, 10 * mib);
    give(tiers, 10, take(tiers, 10, 60));
    for (now += second; tiers.tick(now) - now > second / 1000; now += second) {
    }
    now -= 500'000; // a clock that goes back, as one that somebody gave to tick, does not stop it
    EXPECT_TRUE(does_a_part());
}

// Of a region that the step has been at before.
TEST(buffer_tiers, what_is_given_back_between_the_parts_of_a_step_goes_in_time) {
    buffer_tiers tiers({.most_retained = 0, .least_retained = 0, .sanitizers = false, .trim = trim::manual},
                       1);
    ASSERT_TRUE(tiers.open_shared());
    std::int64_t now = 0;
    std::int64_t next = tiers.tick(now);
    std::vector<void*> kept = take(tiers, 10, 2); // all of the first region
    give(tiers, 10, take(tiers, 10, 60));
    std::int64_t released = 0;
    while (now < 30 * second && tiers.stats().reserved_bytes >= mib) {
        now = next;
        next = tiers.tick(now);
        if (kept.empty() || tiers.stats().reserved_bytes > 200 * mib) continue;
        EXPECT_LE(next - now, second / 1000); // the last step of the others, which is not over
        give(tiers, 10, kept);
        kept.clear();
        released = now;
    }
    EXPECT_NE(released, 0);
    EXPECT_LE(now - released, 12 * second);
}

TEST(buffer_tiers, ticks_that_come_only_once_a_step_do_what_is_left_of_the_one_before) {
    buffer_pool pool({.sanitizers = false, .trim = trim::manual});
    auto now = buffer_pool::clock::now();
    (void)pool.tick(now);
    {
        std::vector<buffer> held;
        for (int i = 0; i < 100; ++i) held.push_back(pool.acquire(4 << 20));
    }
    for (int step = 0; step < 12; ++step) (void)pool.tick(now += 1s);
    EXPECT_LT(pool.stats(quiet).reserved_bytes, mib);
    EXPECT_TRUE(pool.is_valid());
}

// A growth ends the time in which merges of caches may cost a region's first touches. Where a maximum allows
// none, a step does, and a trim: else the source would be asked in vain for ever, and first.
TEST(buffer_tiers, caches_merge_again_after_a_step_and_after_a_trim_where_nothing_can_grow) {
    buffer_tiers tiers({.maximum_bytes = 9 * mib, .sanitizers = false, .trim = trim::manual}, 1);
    ASSERT_TRUE(tiers.open_shared());
    const std::vector<void*> all = take(tiers, 10, 2); // the only region there can be
    const auto expect_an_end = [&](const char* behind) {
        SCOPED_TRACE(behind);
        int merges = 0;
        while (tiers.wants_caches_back(10) && merges < 10'000) ++merges;
        EXPECT_EQ(merges, 512); // 16 KiB each
        EXPECT_EQ(tiers.take_one(10), nullptr);
        EXPECT_FALSE(tiers.wants_caches_back(10)); // nothing has grown
    };
    expect_an_end("the beginning");
    (void)tiers.tick(100 * second);
    EXPECT_FALSE(tiers.wants_caches_back(10));
    (void)tiers.tick(101 * second);
    expect_an_end("a step");
    (void)tiers.trim();
    expect_an_end("a trim");
    std::size_t bytes = 0;
    (void)tiers.trim_part(true, bytes);
    expect_an_end("a trim in parts");
    give(tiers, 10, all);
}

TEST(buffer_tiers, the_end_of_time_is_never_passed) {
    constexpr std::int64_t last = sync::no_deadline;
    for (const std::int64_t now : {std::int64_t{0}, last - 1, last}) {
        buffer_tiers tiers({.lazy_after = std::chrono::nanoseconds(last / 4),
                            .return_after = std::chrono::nanoseconds(last),
                            .sanitizers = false,
                            .trim = trim::manual},
                           1);
        ASSERT_TRUE(tiers.open_shared());
        EXPECT_EQ(tiers.tick(now), now == 0 ? last / 4 : last);
        EXPECT_EQ(tiers.tick(last), last);
        EXPECT_TRUE(tiers.is_valid());
    }
    buffer_pool pool({.trim = trim::manual});
    const buffer held = pool.acquire(1);
    EXPECT_EQ(pool.tick(buffer_pool::clock::time_point::max()), buffer_pool::clock::time_point::max());
    EXPECT_EQ(pool.tick(buffer_pool::clock::time_point::max()), buffer_pool::clock::time_point::max());
}

TEST(buffer_tiers, a_late_tick_makes_up_for_the_steps_it_missed) {
    buffer_tiers tiers({.sanitizers = false, .trim = trim::manual}, 1);
    ASSERT_TRUE(tiers.open_shared());
    give(tiers, 10, take(tiers, 10, 1));
    (void)tiers.tick(0);
    (void)tiers.tick(1 * second);
    (void)tiers.tick(2 * second); // off the shelf
    (void)tiers.tick(1000 * second);
    EXPECT_LT(tiers.stats().reserved_bytes, mib);
    (void)tiers.tick(500 * second); // a clock that goes back does no harm
    EXPECT_TRUE(tiers.is_valid());
}

TEST(buffer_tiers, a_callers_buffer_is_never_purged) {
    std::vector<std::byte> bytes(20 * mib);
    region memory(bytes.data(), bytes.size());
    test::failing_source watched(memory);
    buffer_tiers tiers({.source = &watched, .sanitizers = false, .trim = trim::manual}, 1);
    ASSERT_TRUE(tiers.open_shared());
    give(tiers, 10, take(tiers, 10, 1));
    for (std::int64_t now = 0; now < 100; ++now) (void)tiers.tick(now * second);
    EXPECT_EQ(watched.calls().purge + watched.calls().decommit + watched.calls().release, 0u);
}

// Idle memory of less than a page would be taken for gone, and its page would never be whole again.
TEST(buffer_tiers, of_a_source_with_large_pages_whole_pages_go) {
    test::large_page_source memory;
    buffer_tiers tiers({.source = &memory, .sanitizers = false, .trim = trim::manual}, 1);
    ASSERT_TRUE(tiers.open_shared());
    const std::vector<void*> kept = take(tiers, 4, 1); // 64 KiB
    (void)tiers.trim();
    const std::size_t before = memory.present();
    const std::vector<void*> entries = take(tiers, 0, 64); // 256 KiB
    EXPECT_EQ(memory.present(), before + 4 * test::large_page_source::page);
    for (const bool is_odd : {false, true}) { // eight of the sixteen in a page each time
        std::vector<void*> some;
        for (std::size_t i = 0; i < entries.size(); ++i) {
            if ((i / 8 % 2 != 0) == is_odd) some.push_back(entries[i]);
        }
        give(tiers, 0, some);
        (void)tiers.trim();
    }
    EXPECT_EQ(memory.present(), before);
    give(tiers, 4, kept);
    EXPECT_TRUE(tiers.is_valid());
}

TEST(buffer_tiers, releases_look_at_the_clock_when_they_shall) {
    for (const trim how : {trim::automatic, trim::manual}) {
        buffer_tiers tiers({.lazy_after = 1ns, .return_after = 4ns, .sanitizers = false, .trim = how}, 1);
        ASSERT_TRUE(tiers.open_shared());
        give(tiers, 10, take(tiers, 10, 1)); // not needed again
        for (int i = 0; i < 63; ++i) tiers.give_one(0, tiers.take_one(0));
        const std::int64_t later = sync::steady_now() + second;
        EXPECT_FALSE(tiers.is_due(later)); // the clock has not been seen
        tiers.give_one(0, tiers.take_one(0));
        EXPECT_EQ(tiers.is_due(later), how == trim::automatic);
        for (int i = 0; i < 1000; ++i) tiers.give_one(0, tiers.take_one(0));
        EXPECT_EQ(tiers.stats().purges != 0, how == trim::automatic);
    }
}

TEST(buffer_tiers, oversize_is_rounded_to_what_the_source_gives) {
    buffer_tiers tiers({.sanitizers = false}, 1);
    std::size_t bytes = 0;
    EXPECT_TRUE(tiers.oversize_for(5'000'000, bytes));
    EXPECT_EQ((bytes + 64) % tiers.from().granularity(), 0u); // behind it is room to count who shares it
    EXPECT_GE(bytes, 5'000'000u);
    EXPECT_FALSE(tiers.oversize_for(static_cast<std::size_t>(-1), bytes));
}

} // namespace
