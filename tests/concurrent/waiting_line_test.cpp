// cenote: SPDX-License-Identifier: MIT
#include <cenote/concurrent/waiting_line.hpp>

#include "concurrent/threads.hpp"

#include <array>
#include <chrono>
#include <functional>
#include <gtest/gtest.h>
#include <mutex>
#include <random>
#include <set>
#include <thread>
#include <vector>

namespace {

using namespace cenote;
using engine::wait_result;
using engine::waiting_line;

constexpr std::int64_t millisecond = 1'000'000;

struct things {
    explicit things(std::uint32_t count) : entries(count) { line.adopt(entries.data(), count); }
    std::vector<waiting_line::entry> entries;
    waiting_line line;

    [[nodiscard]] std::uint32_t get(std::int64_t deadline = sync::no_deadline) {
        std::uint32_t number = line.take();
        if (number == waiting_line::none && line.wait(number, 1, deadline) != wait_result::got)
            return waiting_line::none;
        return number;
    }
    void wait_until_waiting(std::uint32_t count) {
        while (line.waiting() != count) std::this_thread::yield();
    }
};

TEST(waiting_line, serves_who_came_first_first) {
    things some(1);
    const std::uint32_t only = some.get();
    std::mutex lock;
    std::vector<int> order;
    std::vector<std::thread> crowd;
    for (int i = 0; i < 6; ++i) {
        crowd.emplace_back([&, i] {
            const std::uint32_t got = some.get();
            {
                const std::lock_guard here(lock);
                order.push_back(i);
            }
            some.line.give(got);
        });
        some.wait_until_waiting(static_cast<std::uint32_t>(i) + 1);
    }
    EXPECT_EQ(some.line.take(), waiting_line::none);
    some.line.give(only);
    for (std::thread& one : crowd) one.join();
    EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3, 4, 5}));
}

// The one that handed over what it had is likely to come back for it: the heads stay marked until then.
TEST(waiting_line, is_open_again_one_call_after_the_last_hand_over) {
    things some(2);
    const std::uint32_t first = some.get();
    const std::uint32_t second = some.get();
    waiting_line::waiter later(1, [](waiting_line::waiter&) noexcept {});
    EXPECT_EQ(some.line.stand(later), wait_result::none);
    some.line.give(first);
    EXPECT_EQ(later.given, first);
    EXPECT_FALSE(some.line.seems_empty()); // that is, it cannot be said
    EXPECT_EQ(some.line.levels().free, 0u);
    EXPECT_TRUE(some.line.seems_empty());
    EXPECT_EQ(some.line.stand(later), wait_result::none);
    some.line.give(second);
    some.line.give(first);
    EXPECT_EQ(some.line.take(), first);
    some.line.give(first);
    some.line.give(second);
}

TEST(waiting_line, who_wants_several_is_not_overtaken) {
    things some(2);
    const std::uint32_t first = some.get();
    const std::uint32_t second = some.get();
    std::atomic<int> served{0};
    std::thread wants_two([&] {
        std::uint32_t one = 0;
        EXPECT_EQ(some.line.wait(one, 2, sync::no_deadline), wait_result::got);
        EXPECT_EQ(served.fetch_add(1), 0);
        const std::uint32_t other = some.line.next_of(one);
        some.line.give(one);
        some.line.give(other);
    });
    some.wait_until_waiting(1);
    std::thread wants_one([&] {
        const std::uint32_t got = some.get();
        EXPECT_EQ(served.fetch_add(1), 1);
        some.line.give(got);
    });
    some.wait_until_waiting(2);
    some.line.give(first); // goes to the first in line, who has not enough yet
    EXPECT_EQ(some.get(waiting_line::at_once), waiting_line::none);
    EXPECT_EQ(some.line.levels().waiting, 2u);
    some.line.give(second);
    wants_two.join();
    wants_one.join();
    EXPECT_EQ(some.line.levels().free, 2u);
}

TEST(waiting_line, what_a_late_one_had_goes_to_the_next) {
    things some(2);
    const std::uint32_t first = some.get();
    const std::uint32_t second = some.get();
    std::atomic<bool> is_late{false};
    std::thread wants_two([&] {
        std::uint32_t one = 0;
        EXPECT_EQ(some.line.wait(one, 2, sync::steady_now() + 30 * millisecond), wait_result::none);
        is_late = true;
    });
    some.wait_until_waiting(1);
    std::uint32_t got = waiting_line::none;
    std::thread wants_one([&] { got = some.get(); });
    while (some.line.levels().waiting != 2 && !is_late) std::this_thread::yield();
    some.line.give(first);
    wants_two.join();
    wants_one.join();
    EXPECT_EQ(got, first);
    some.line.give(got);
    some.line.give(second);
    EXPECT_EQ(some.line.levels().free, 2u);
}

TEST(waiting_line, a_deadline_comes_and_not_before_its_time) {
    things some(1);
    const std::uint32_t only = some.get();
    for (const std::int64_t wait : {std::int64_t{0}, millisecond, 5 * millisecond}) {
        const std::int64_t deadline = sync::steady_now() + wait;
        EXPECT_EQ(some.get(deadline), waiting_line::none);
        EXPECT_GE(sync::steady_now(), deadline);
    }
    EXPECT_EQ(some.get(waiting_line::at_once), waiting_line::none);
    EXPECT_EQ(some.get(0), waiting_line::none); // long past
    EXPECT_EQ(some.get(std::numeric_limits<std::int64_t>::min()), waiting_line::none);
    some.line.give(only);
    EXPECT_EQ(some.get(0), only); // what is there is had after the deadline, too
    some.line.give(only);
}

/// Who sleeps is woken for nothing, time and again, until its deadline has come, or somebody brings what it
/// waits for.
struct woken_for_nothing : sync::real {
    [[nodiscard]] static bool wait_until(const atomic<std::uint32_t>&, std::uint32_t, std::int64_t deadline) {
        deadlines.insert(deadline);
        if (++sleeps == serve_at) serve();
        return sleeps != late_at;
    }
    static inline std::set<std::int64_t> deadlines;
    static inline int sleeps;
    static inline int serve_at;
    static inline int late_at;
    static inline std::function<void()> serve;
};

TEST(waiting_line, wake_ups_for_nothing_neither_move_a_deadline_nor_end_the_wait) {
    constexpr std::int64_t deadline = 5'000;
    using line_t = engine::basic_waiting_line<woken_for_nothing, 0>;
    line_t line;
    std::array<line_t::entry, 1> entries;
    line.adopt(entries.data(), 1);
    const std::uint32_t only = line.take();
    ASSERT_NE(only, line_t::none);
    woken_for_nothing::serve = [&] { line.give(only); };
    for (const bool is_served : {false, true}) {
        woken_for_nothing::deadlines.clear();
        woken_for_nothing::sleeps = 0;
        woken_for_nothing::serve_at = is_served ? 500 : 0;
        woken_for_nothing::late_at = 1'000;
        std::uint32_t got = line_t::none;
        EXPECT_EQ(line.wait(got, 1, deadline), is_served ? wait_result::got : wait_result::none);
        EXPECT_EQ(woken_for_nothing::sleeps, is_served ? 500 : 1'000);
        EXPECT_EQ(woken_for_nothing::deadlines, std::set{deadline}); // the one and only
        EXPECT_EQ(line.waiting(), 0u);
        EXPECT_EQ(got, is_served ? only : line_t::none);
    }
    line.give(only);
    EXPECT_EQ(line.levels().free, 1u);
}

TEST(waiting_line, close_hands_nobody_what_the_first_in_line_had) {
    things some(2);
    const std::uint32_t held = some.get();
    std::atomic<int> sent_away{0};
    std::vector<std::thread> crowd;
    for (const std::uint32_t wanted : {2u, 1u}) {
        crowd.emplace_back([&, wanted] {
            std::uint32_t number = 0;
            if (some.line.wait(number, wanted, sync::no_deadline) == wait_result::closed) ++sent_away;
        });
        some.wait_until_waiting(static_cast<std::uint32_t>(crowd.size()));
    }
    some.line.close();
    for (std::thread& one : crowd) one.join();
    EXPECT_EQ(sent_away, 2);
    EXPECT_EQ(some.line.levels().free, 1u);
    some.line.give(held);
    EXPECT_EQ(some.line.levels().free, 2u);
}

TEST(waiting_line, close_wakes_all_and_what_is_out_comes_back) {
    things some(1);
    const std::uint32_t only = some.get();
    std::atomic<int> sent_away{0};
    std::vector<std::thread> crowd;
    for (int i = 0; i < 4; ++i) {
        crowd.emplace_back([&] {
            std::uint32_t number = 0;
            if (some.line.wait(number, 1, sync::no_deadline) == wait_result::closed) ++sent_away;
        });
    }
    some.wait_until_waiting(4);
    some.line.close();
    for (std::thread& one : crowd) one.join();
    EXPECT_EQ(sent_away, 4);
    some.line.give(only);
    EXPECT_EQ(some.line.levels().free, 1u);
    EXPECT_TRUE(some.line.is_closed());
    EXPECT_EQ(some.line.take(), waiting_line::none);
    some.line.close(); // again
}

TEST(waiting_line, random_deadlines_lose_nothing_and_nothing_has_two_holders) {
    constexpr std::uint32_t count = 3;
    things some(count);
    std::array<std::atomic<int>, count> holders{};
    const std::size_t rounds = test::scaled(1500, 50);
    test::run_threads(8, [&](std::size_t number) {
        std::minstd_rand random(static_cast<unsigned>(number) + 1);
        std::array<std::uint32_t, count> got{};
        for (std::size_t i = 0; i < rounds; ++i) {
            const std::int64_t deadline =
                random() % 4 == 0 ? sync::no_deadline
                                  : sync::steady_now() + static_cast<std::int64_t>(random() % 20'000);
            const std::uint32_t wanted =
                1 + static_cast<std::uint32_t>(random() % 8 == 0 ? random() % count : 0);
            if (wanted == 1) {
                got[0] = some.get(deadline);
                if (got[0] == waiting_line::none) continue;
            } else {
                if (some.line.wait(got[0], wanted, deadline) != wait_result::got) continue;
                for (std::uint32_t k = 1; k < wanted; ++k) got[k] = some.line.next_of(got[k - 1]);
                EXPECT_EQ(some.line.next_of(got[wanted - 1]), waiting_line::none);
            }
            for (std::uint32_t k = 0; k < wanted; ++k) EXPECT_EQ(holders[got[k]].fetch_add(1), 0);
            if (random() % 16 == 0) std::this_thread::yield();
            for (std::uint32_t k = 0; k < wanted; ++k) {
                holders[got[k]].fetch_sub(1);
                some.line.give(got[k]);
            }
        }
    });
    EXPECT_EQ(some.line.levels().free, count);
    EXPECT_EQ(some.line.levels().waiting, 0u);
    EXPECT_LE(some.line.levels().peak, count);
}

} // namespace
