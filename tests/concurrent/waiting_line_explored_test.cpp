// cenote: SPDX-License-Identifier: MIT
//
// The waiting line in every short schedule: hand-off against deadline against close, and nothing lost.
#include <cenote/concurrent/waiting_line.hpp>

#include "support/explorer.hpp"
#include "support/slowness.hpp"

#include <array>
#include <gtest/gtest.h>
#include <memory>

namespace {

using namespace cenote;
using namespace cenote::test;
using engine::wait_result;

constexpr std::int64_t some_deadline = 1;

/// A line of a few things, each of which counts who has it. Two lanes, where there are two things or more.
template<class Policy = explored, std::uint32_t Lanes = 2>
struct world {
    using line_t = engine::basic_waiting_line<Policy, 0, Lanes, 1>;
    line_t line;
    std::array<typename line_t::entry, 4> entries;
    std::array<typename line_t::entry, 4> more;
    std::array<explored::data<int>, 4> holders;

    explicit world(std::uint32_t count) { line.adopt(entries.data(), count); }

    /// All of them have been out: they stand in lanes.
    void use_all() {
        std::array<std::uint32_t, 4> out{};
        std::uint32_t count = 0;
        while ((out[count] = line.take()) != line_t::none) ++count;
        while (count != 0) {
            --count;
            line.give(out[count], count);
        }
    }

    void hold(std::uint32_t number) {
        require(line.at(number) == nullptr, "a thing of another name"); // reads it
        ++holders[number];
        require(holders[number] == 1, "two have the same");
        --holders[number];
    }
    /// Takes one, uses it, gives it back.
    wait_result use(std::int64_t deadline, std::uint32_t lane = 0) {
        std::uint32_t number = line.take(lane);
        if (number == line_t::none) {
            const wait_result how = line.wait(number, 1, deadline);
            if (how != wait_result::got) return how;
        }
        hold(number);
        line.give(number, lane);
        return wait_result::got;
    }
    /// The same, but does not wait: as `try_acquire` does it.
    bool try_use(std::uint32_t lane) {
        std::uint32_t number = line.take(lane);
        if (number == line_t::none &&
            (line.seems_empty() || line.wait(number, 1, line_t::at_once) != wait_result::got))
            return false;
        hold(number);
        line.give(number, lane);
        return true;
    }
    wait_result use_two(std::int64_t deadline) {
        std::uint32_t first = 0;
        const wait_result how = line.wait(first, 2, deadline);
        if (how != wait_result::got) return how;
        const std::uint32_t second = line.next_of(first);
        require(first != second && line.next_of(second) == line_t::none, "not two things");
        hold(first);
        hold(second);
        line.give(first);
        line.give(second);
        return how;
    }
    void require_all_there(std::uint32_t count) {
        const engine::line_levels now = line.levels();
        require(now.waiting == 0, "somebody still stands in line");
        require(now.all == count && now.free == count, "something was lost");
    }
};

exploration bound(int preemptions, std::size_t random = 1000) {
    exploration wanted;
    wanted.preemptions = preemptions;
    wanted.schedules = scaled(15000);
    wanted.random_schedules = scaled(random);
    return wanted;
}

void expect_nothing(const findings& found, std::size_t least_schedules = 50) {
    EXPECT_EQ(found.kind, failure::none) << found;
    EXPECT_GT(found.schedules, least_schedules) << found;
}

template<class Policy, std::uint32_t Lanes = 2>
auto all_wait(std::size_t threads, std::uint32_t count, int rounds, bool are_used = false) {
    return [=](program& run) {
        auto all = std::make_shared<world<Policy, Lanes>>(count);
        if (are_used) all->use_all();
        for (std::size_t i = 0; i < threads; ++i)
            run.threads.emplace_back([=] {
                for (int n = 0; n < rounds; ++n)
                    require(all->use(sync::no_deadline, static_cast<std::uint32_t>(i)) == wait_result::got,
                            "nothing, without a deadline");
            });
        run.at_end = [=] { all->require_all_there(count); };
    };
}

TEST(waiting_line_explored, two_threads_and_one_thing) {
    expect_nothing(explore(all_wait<explored>(2, 1, 2), bound(3)));
}

TEST(waiting_line_explored, three_threads_and_one_thing) {
    expect_nothing(explore(all_wait<explored>(3, 1, 1), bound(2)));
}

TEST(waiting_line_explored, three_threads_and_two_things) {
    expect_nothing(explore(all_wait<explored>(3, 2, 2), bound(2)));
    expect_nothing(explore(all_wait<explored>(3, 2, 2, true), bound(2)));
    expect_nothing(explore(all_wait<explored, 1>(3, 2, 2, true), bound(2)));
}

// The middle one of three goes from under the upper one: who was about to take that must not think that the
// middle one still stands below it.
TEST(waiting_line_explored, a_take_that_was_overtaken_fails) {
    expect_nothing(explore(
        [](program& run) {
            auto all = std::make_shared<world<explored, 1>>(3);
            auto kept = std::make_shared<std::uint32_t>(engine::no_number);
            all->use_all();
            run.threads.emplace_back([=] { (void)all->try_use(0); });
            run.threads.emplace_back([=] {
                const std::uint32_t upper = all->line.take();
                const std::uint32_t middle = all->line.take();
                const std::uint32_t lower = all->line.take();
                if (lower != engine::no_number) all->line.give(lower);
                if (upper != engine::no_number) all->line.give(upper);
                *kept = middle;
            });
            run.at_end = [=] {
                if (*kept != engine::no_number) {
                    require(all->line.levels().free == 2, "one that is out is free, too");
                    all->line.give(*kept);
                }
                all->require_all_there(3);
            };
        },
        bound(3)));
}

TEST(waiting_line_explored, stale_loads_do_no_harm) {
    exploration wanted = bound(1);
    wanted.stale_loads = 2;
    expect_nothing(explore(all_wait<explored>(2, 1, 1), wanted));
    expect_nothing(explore(all_wait<explored>(3, 2, 1), wanted));
}

// Three things, and never more than two of them out: one is in some lane at any moment.
auto some_is_always_free(int rounds) {
    return [=](program& run) {
        auto all = std::make_shared<world<>>(3);
        for (std::uint32_t i = 0; i < 3; ++i)
            run.threads.emplace_back([=] {
                for (int n = 0; n < rounds; ++n) require(all->try_use(i), "one is free, and it was not had");
            });
        run.at_end = [=] { all->require_all_there(3); };
    };
}

TEST(waiting_line_explored, what_is_free_in_any_lane_is_had_without_waiting) {
    expect_nothing(explore(some_is_always_free(1), bound(3)));
    expect_nothing(explore(some_is_always_free(2), bound(2)));
}

// One moves from lane to lane, so that each lane is empty at some time, but never both.
TEST(waiting_line_explored, what_moves_from_lane_to_lane_is_never_overlooked) {
    expect_nothing(explore(
                       [](program& run) {
                           auto all = std::make_shared<world<>>(2);
                           all->use_all();
                           const std::uint32_t first = all->line.take(0);
                           run.threads.emplace_back(
                               [=] { require(!all->line.seems_empty(), "one is free, and none is seen"); });
                           run.threads.emplace_back([=] {
                               all->line.give(first, 0);
                               const std::uint32_t other = all->line.take(1);
                               require(other != first, "its own lane comes first");
                               all->line.give(other, 1);
                           });
                           run.at_end = [=] { all->require_all_there(2); };
                       },
                       bound(2)),
                   10);
}

// Who begins to give before the links move, and ends after it, must not think that nothing happened.
TEST(waiting_line_explored, links_that_move_during_a_return_are_not_lost) {
    expect_nothing(explore(
        [](program& run) {
            auto all = std::make_shared<world<>>(2);
            run.threads.emplace_back([=] {
                const std::uint32_t one = all->line.take();
                const std::uint32_t two = all->line.take();
                if (one != engine::no_number) all->line.give(one);
                if (two != engine::no_number) all->line.give(two);
            });
            run.threads.emplace_back([=] {
                require(all->use(sync::no_deadline) == wait_result::got, "nothing, without a deadline");
            });
            run.threads.emplace_back([=] { all->line.adopt(all->more.data(), 3); });
            run.at_end = [=] { all->require_all_there(3); };
        },
        bound(3)));
}

TEST(waiting_line_explored, what_comes_back_at_the_deadline_is_not_lost) {
    expect_nothing(explore(
        [](program& run) {
            auto all = std::make_shared<world<>>(1);
            for (int i = 0; i < 3; ++i)
                run.threads.emplace_back([=] {
                    for (int n = 0; n < 2; ++n)
                        require(all->use(some_deadline) != wait_result::closed, "closed by nobody");
                });
            run.at_end = [=] { all->require_all_there(1); };
        },
        bound(2)));
}

TEST(waiting_line_explored, some_have_deadlines_and_others_do_not) {
    expect_nothing(explore(
        [](program& run) {
            auto all = std::make_shared<world<>>(1);
            run.threads.emplace_back([=] { (void)all->use(some_deadline); });
            run.threads.emplace_back([=] { (void)all->use(engine::waiting_line::at_once); });
            for (int i = 0; i < 2; ++i)
                run.threads.emplace_back([=] {
                    require(all->use(sync::no_deadline) == wait_result::got, "nothing, without a deadline");
                });
            run.at_end = [=] { all->require_all_there(1); };
        },
        bound(2)));
}

TEST(waiting_line_explored, close_wakes_everybody_and_loses_nothing) {
    expect_nothing(explore(
        [](program& run) {
            auto all = std::make_shared<world<>>(1);
            for (int i = 0; i < 2; ++i)
                run.threads.emplace_back([=] { (void)all->use(i == 0 ? sync::no_deadline : some_deadline); });
            run.threads.emplace_back([=] {
                all->line.close();
                require(all->use(sync::no_deadline) == wait_result::closed, "something from a closed line");
            });
            run.at_end = [=] { all->require_all_there(1); };
        },
        bound(2)));
}

TEST(waiting_line_explored, who_wants_several_gets_all_or_none) {
    expect_nothing(explore(
        [](program& run) {
            auto all = std::make_shared<world<>>(2);
            run.threads.emplace_back([=] { (void)all->use_two(some_deadline); });
            run.threads.emplace_back([=] {
                require(all->use_two(sync::no_deadline) == wait_result::got, "nothing, without a deadline");
            });
            run.threads.emplace_back([=] {
                require(all->use(sync::no_deadline) == wait_result::got, "nothing, without a deadline");
            });
            run.at_end = [=] { all->require_all_there(2); };
        },
        bound(2)));
}

TEST(waiting_line_explored, who_wants_several_is_sent_away_whole) {
    expect_nothing(explore(
        [](program& run) {
            auto all = std::make_shared<world<>>(2);
            run.threads.emplace_back([=] { (void)all->use_two(sync::no_deadline); });
            run.threads.emplace_back([=] { (void)all->use(sync::no_deadline); });
            run.threads.emplace_back([=] { all->line.close(); });
            run.at_end = [=] { all->require_all_there(2); };
        },
        bound(2)));
}

// One stays out until the end: what comes to those in line is only a part of what the first wants.
TEST(waiting_line_explored, what_the_first_in_line_had_goes_to_nobody_at_close) {
    expect_nothing(explore(
        [](program& run) {
            auto all = std::make_shared<world<>>(2);
            const std::uint32_t held = all->line.take();
            run.threads.emplace_back([=] {
                require(all->use_two(sync::no_deadline) == wait_result::closed, "two, while one is out");
            });
            run.threads.emplace_back([=] {
                while (all->line.waiting() == 0 && !all->line.is_closed()) explored::pause();
                std::uint32_t number = 0;
                require(all->line.wait(number, 1, sync::no_deadline) == wait_result::closed,
                        "something of a closed line");
            });
            run.threads.emplace_back([=] { all->line.close(); });
            run.at_end = [=] {
                all->line.give(held);
                all->require_all_there(2);
            };
        },
        bound(2)));
}

TEST(waiting_line_explored, grows_while_it_is_used_and_waited_for) {
    expect_nothing(explore(
        [](program& run) {
            auto all = std::make_shared<world<>>(1);
            for (int i = 0; i < 2; ++i)
                run.threads.emplace_back([=] {
                    const auto lane = static_cast<std::uint32_t>(i);
                    require(all->use(sync::no_deadline, lane) == wait_result::got,
                            "nothing, without a deadline");
                    (void)all->use(some_deadline, lane);
                });
            run.threads.emplace_back([=] {
                all->line.adopt(all->entries.data(), 2); // where they are
                all->line.adopt(all->more.data(), 3);
            });
            run.at_end = [=] { all->require_all_there(3); };
        },
        bound(2)));
}

// Who is called instead of woken: uses what it was given there, on the thread that brought it.
struct called_world : world<> {
    using waiter = line_t::waiter;
    struct caller : waiter {
        explicit caller(called_world& all) : waiter(1, &call), home(all) {}
        static void call(waiter& one) noexcept {
            auto& self = static_cast<caller&>(one);
            ++self.home.calls;
            if (self.given == line_t::none) return;
            self.home.hold(self.given);
            self.home.line.give(self.given);
        }
        called_world& home;
    };
    explicit called_world(std::uint32_t count) : world(count) {}

    void use_or_be_called(caller& self, bool cancels) {
        const wait_result how = line.stand(self);
        if (how == wait_result::got) {
            hold(self.given);
            line.give(self.given);
        }
        if (how != wait_result::none || (cancels && line.cancel(self))) ++answers;
    }
    int calls = 0; // no part of what is explored
    int answers = 0;
    std::array<std::unique_ptr<caller>, 2> callers{std::make_unique<caller>(*this),
                                                   std::make_unique<caller>(*this)};
};

auto some_are_called(bool cancels, bool closes) {
    return [=](program& run) {
        auto all = std::make_shared<called_world>(1);
        for (std::size_t i = 0; i < 2; ++i)
            run.threads.emplace_back([=] { all->use_or_be_called(*all->callers[i], cancels); });
        run.threads.emplace_back([=] {
            if (closes) return all->line.close();
            require(all->use(sync::no_deadline) == wait_result::got, "nothing, without a deadline");
        });
        run.at_end = [=] {
            require(all->calls + all->answers == 2, "not one answer each");
            all->require_all_there(1);
        };
    };
}

TEST(waiting_line_explored, who_is_called_gets_one_thing_once) {
    expect_nothing(explore(some_are_called(false, false), bound(2)));
}

TEST(waiting_line_explored, cancel_against_hand_off_loses_nothing) {
    expect_nothing(explore(some_are_called(true, false), bound(2)));
}

TEST(waiting_line_explored, close_calls_everybody_once) {
    expect_nothing(explore(some_are_called(true, true), bound(2)));
}

// The line as it is, over a policy with one thing wrong.
struct nobody_is_woken : explored {
    static void wake_waiter(const atomic<std::uint32_t>&) {}
};

struct everything_is_relaxed : explored {
    template<class T>
    class atomic : public explored::atomic<T> {
    public:
        using explored::atomic<T>::atomic;
        [[nodiscard]] T load(sync::memory_order) const {
            return explored::atomic<T>::load(sync::memory_order_relaxed);
        }
        bool compare_exchange_weak(T& seen, T wanted, sync::memory_order, sync::memory_order) {
            constexpr auto relaxed = sync::memory_order_relaxed;
            return explored::atomic<T>::compare_exchange_strong(seen, wanted, relaxed, relaxed);
        }
    };
};

TEST(waiting_line_explored, planted_flaws_are_found) {
    EXPECT_EQ(explore(all_wait<nobody_is_woken>(2, 1, 1), bound(2)).kind, failure::deadlock);
    EXPECT_EQ(explore(all_wait<everything_is_relaxed>(2, 1, 1), bound(2)).kind, failure::race);
}

} // namespace
