// cenote: SPDX-License-Identifier: MIT
#include "support/explorer.hpp"

#include <gtest/gtest.h>
#include <memory>
#include <sstream>

namespace {

using namespace cenote;
using namespace cenote::test;
using sync::memory_order_acq_rel;
using sync::memory_order_acquire;
using sync::memory_order_relaxed;
using sync::memory_order_release;
using word = explored::atomic<int>;

// Two threads of so many operations on one atomic each.
auto two_threads_of(int steps) {
    return [steps](program& run) {
        auto value = std::make_shared<word>(0);
        for (int thread = 0; thread < 2; ++thread)
            run.threads.emplace_back([value, steps] {
                for (int i = 0; i < steps; ++i) value->fetch_add(1, memory_order_relaxed);
            });
        run.at_end = [value, steps] {
            require(value->load(memory_order_relaxed) == 2 * steps, "an addition was lost");
        };
    };
}

TEST(explorer, runs_each_order_of_two_threads_once) {
    // 2n over n: ways to mix n operations with n others
    exploration all;
    all.preemptions = 1000;
    for (const auto& [steps, orders] : {std::pair{1, 2u}, {2, 6u}, {3, 20u}, {4, 70u}}) {
        const findings found = explore(two_threads_of(steps), all);
        EXPECT_EQ(found.kind, failure::none) << found;
        EXPECT_TRUE(found.complete);
        EXPECT_EQ(found.schedules, orders) << steps;
    }
}

TEST(explorer, a_bound_on_preemptions_leaves_few_orders) {
    exploration none;
    none.preemptions = 0;
    EXPECT_EQ(explore(two_threads_of(10), none).schedules, 2u);
    exploration one;
    one.preemptions = 1;
    // Either thread first, then on to its end or interrupted at one of its steps.
    EXPECT_EQ(explore(two_threads_of(10), one).schedules, 2u * 10u);
}

void lose_an_update(program& run) {
    auto value = std::make_shared<word>(0);
    for (int thread = 0; thread < 2; ++thread)
        run.threads.emplace_back([value] {
            const int seen = value->load(memory_order_relaxed);
            value->store(seen + 1, memory_order_relaxed);
        });
    run.at_end = [value] { require(value->load(memory_order_relaxed) == 2, "an update was lost"); };
}

TEST(explorer, finds_a_lost_update_and_repeats_its_schedule) {
    exploration wanted;
    wanted.preemptions = 0;
    EXPECT_EQ(explore(lose_an_update, wanted).kind, failure::none);
    wanted.preemptions = 1;
    const findings found = explore(lose_an_update, wanted);
    ASSERT_EQ(found.kind, failure::requirement) << found;
    EXPECT_NE(found.what.find("an update was lost"), std::string::npos);
    EXPECT_NE(found.trace.find("store relaxed: 1"), std::string::npos) << found;
    exploration again;
    again.replay = found.schedule;
    const findings repeated = explore(lose_an_update, again);
    EXPECT_EQ(repeated.kind, failure::requirement) << repeated;
    EXPECT_EQ(repeated.schedules, 1u);
    EXPECT_EQ(repeated.trace, found.trace);
    std::ostringstream text;
    text << found;
    EXPECT_NE(text.str().find("schedule " + found.schedule), std::string::npos);
}

TEST(explorer, random_schedules_name_their_seed_and_can_be_repeated) {
    exploration wanted;
    wanted.schedules = 0;
    wanted.random_schedules = 1000;
    wanted.seed = 7;
    const findings found = explore(lose_an_update, wanted);
    ASSERT_EQ(found.kind, failure::requirement) << found;
    EXPECT_EQ(found.seed, 7u);
    EXPECT_EQ(explore(lose_an_update, wanted).schedule, found.schedule);
    exploration again;
    again.replay = found.schedule;
    EXPECT_EQ(explore(lose_an_update, again).kind, failure::requirement);
}

// A message whose flag is stored and loaded in the orders given.
auto message(sync::memory_order store, sync::memory_order load) {
    return [=](program& run) {
        struct parts {
            explored::data<int> text{0};
            word is_there{0};
        };
        auto all = std::make_shared<parts>();
        run.threads.emplace_back([=] {
            all->text = 42;
            all->is_there.store(1, store);
        });
        run.threads.emplace_back([=] {
            if (all->is_there.load(load) == 1) require(all->text == 42, "the message is not whole");
        });
    };
}

TEST(explorer, finds_the_races_that_a_missing_order_leaves) {
    EXPECT_EQ(explore(message(memory_order_release, memory_order_acquire)).kind, failure::none);
    EXPECT_EQ(explore(message(memory_order_relaxed, memory_order_acquire)).kind, failure::race);
    const findings found = explore(message(memory_order_release, memory_order_relaxed));
    EXPECT_EQ(found.kind, failure::race);
    EXPECT_NE(found.what.find("thread 2: reads what thread 1 wrote"), std::string::npos) << found;
}

// Thread 2 stands between the message's writer and its reader with `between`.
template<class F>
auto relayed(F between) {
    return [=](program& run) {
        struct parts {
            explored::data<int> text{0};
            word count{0};
        };
        auto all = std::make_shared<parts>();
        run.threads.emplace_back([=] {
            all->text = 42;
            all->count.fetch_add(1, memory_order_release);
        });
        run.threads.emplace_back([=] { between(all->count); });
        run.threads.emplace_back([=] {
            if (all->count.load(memory_order_acquire) >= 11) require(all->text == 42, "not whole");
        });
    };
}

TEST(explorer, a_release_sequence_goes_through_updates_and_ends_at_a_store) {
    const findings updated = explore(relayed([](word& count) { count.fetch_add(10, memory_order_relaxed); }));
    EXPECT_EQ(updated.kind, failure::none) << updated;
    const findings stored = explore(relayed([](word& count) {
        if (count.load(memory_order_relaxed) == 1) count.store(11, memory_order_relaxed);
    }));
    EXPECT_EQ(stored.kind, failure::race) << stored;
}

TEST(explorer, what_stands_behind_a_release_is_not_released) {
    const findings found = explore([](program& run) {
        struct parts {
            explored::data<int> text{0};
            word is_there{0};
        };
        auto all = std::make_shared<parts>();
        run.threads.emplace_back([=] {
            all->is_there.store(1, memory_order_release);
            all->text = 42;
        });
        run.threads.emplace_back([=] {
            if (all->is_there.load(memory_order_acquire) == 1) require(all->text != 41, "never written");
        });
    });
    EXPECT_EQ(found.kind, failure::race) << found;
}

TEST(explorer, a_reader_that_tells_nobody_races_with_a_later_writer) {
    const auto reader_first = [](sync::memory_order tells) {
        return [=](program& run) {
            struct parts {
                explored::data<int> text{0};
                word was_read{0};
            };
            auto all = std::make_shared<parts>();
            run.threads.emplace_back([=] {
                require(all->text == 0, "read too late");
                all->was_read.store(1, tells);
            });
            run.threads.emplace_back([=] {
                if (all->was_read.load(memory_order_acquire) == 1) all->text = 42;
            });
        };
    };
    EXPECT_EQ(explore(reader_first(memory_order_release)).kind, failure::none);
    EXPECT_EQ(explore(reader_first(memory_order_relaxed)).kind, failure::race);
}

TEST(explorer, a_thread_may_be_interrupted_between_two_loads) {
    const findings found = explore([](program& run) {
        auto value = std::make_shared<word>(0);
        run.threads.emplace_back([=] {
            const int first = value->load(memory_order_relaxed);
            require(value->load(memory_order_relaxed) == first, "it has changed");
        });
        run.threads.emplace_back([=] { value->store(1, memory_order_relaxed); });
    });
    EXPECT_EQ(found.kind, failure::requirement) << found;
}

TEST(explorer, two_writers_and_a_writer_behind_a_reader_race) {
    const auto both = [](bool second_reads) {
        return [=](program& run) {
            auto value = std::make_shared<explored::data<int>>(0);
            run.threads.emplace_back([=] { *value = 1; });
            run.threads.emplace_back([=] { second_reads ? void(int(*value)) : void(*value = 2); });
        };
    };
    EXPECT_EQ(explore(both(false)).kind, failure::race);
    EXPECT_EQ(explore(both(true)).kind, failure::race);
}

// Each thread raises its flag and looks at the other's: both miss it only when a load is stale.
void store_buffers(program& run) {
    struct parts {
        word flag[2];
        int seen[2]{1, 1};
    };
    auto all = std::make_shared<parts>();
    for (int me = 0; me < 2; ++me)
        run.threads.emplace_back([=] {
            all->flag[me].store(1, memory_order_release);
            all->seen[me] = all->flag[1 - me].load(memory_order_acquire);
        });
    run.at_end = [=] { require(all->seen[0] + all->seen[1] > 0, "each missed the other"); };
}

TEST(explorer, loads_may_be_stale_when_that_is_asked_for) {
    EXPECT_EQ(explore(store_buffers).kind, failure::none);
    exploration stale;
    stale.stale_loads = 1;
    EXPECT_EQ(explore(store_buffers, stale).kind, failure::requirement);
    EXPECT_EQ(explore(message(memory_order_release, memory_order_acquire), stale).kind, failure::none);
}

TEST(explorer, what_is_known_to_be_overwritten_is_not_loaded) {
    const auto sent = [](sync::memory_order load) {
        return [=](program& run) {
            auto text = std::make_shared<word>(0);
            auto is_there = std::make_shared<word>(0);
            run.threads.emplace_back([=] {
                text->store(42, memory_order_relaxed);
                is_there->store(1, memory_order_release);
            });
            run.threads.emplace_back([=] {
                if (is_there->load(load) == 1) require(text->load(memory_order_relaxed) == 42, "stale");
            });
        };
    };
    exploration stale;
    stale.stale_loads = 1;
    EXPECT_EQ(explore(sent(memory_order_acquire), stale).kind, failure::none);
    EXPECT_EQ(explore(sent(memory_order_relaxed), stale).kind, failure::requirement);
}

TEST(explorer, a_thread_does_not_read_backwards) {
    exploration stale;
    stale.stale_loads = 2;
    const findings found = explore(
        [](program& run) {
            auto value = std::make_shared<word>(0);
            run.threads.emplace_back([=] {
                for (int i = 1; i <= 3; ++i) value->store(i, memory_order_relaxed);
            });
            run.threads.emplace_back([=] {
                const int first = value->load(memory_order_relaxed);
                require(value->load(memory_order_relaxed) >= first, "backwards");
            });
        },
        stale);
    EXPECT_EQ(found.kind, failure::none) << found;
}

auto handshake(bool wakes) {
    return [=](program& run) {
        auto flag = std::make_shared<explored::atomic<std::uint32_t>>(0u);
        run.threads.emplace_back([=] {
            while (flag->load(memory_order_acquire) == 0) explored::wait(*flag, 0);
        });
        run.threads.emplace_back([=] {
            flag->store(1, memory_order_release);
            if (wakes) explored::wake_one(*flag);
        });
    };
}

TEST(explorer, finds_a_sleeper_that_nobody_wakes) {
    EXPECT_EQ(explore(handshake(true)).kind, failure::none);
    const findings found = explore(handshake(false));
    EXPECT_EQ(found.kind, failure::deadlock) << found;
    EXPECT_NE(found.trace.find("sleeps"), std::string::npos) << found;
}

TEST(explorer, wakes_one_sleeper_or_all) {
    const auto two_sleepers = [](bool all_wake) {
        return [=](program& run) {
            auto flag = std::make_shared<explored::atomic<std::uint32_t>>(0u);
            for (int i = 0; i < 2; ++i) run.threads.emplace_back([=] { explored::wait(*flag, 0); });
            run.threads.emplace_back([=] {
                flag->store(1, memory_order_release);
                all_wake ? explored::wake_all(*flag) : explored::wake_one(*flag);
            });
        };
    };
    EXPECT_EQ(explore(two_sleepers(true)).kind, failure::none);
    EXPECT_EQ(explore(two_sleepers(false)).kind, failure::deadlock);
}

TEST(explorer, a_wait_may_return_early_when_that_is_asked_for) {
    const auto trusts_the_wait = [](program& run) {
        auto flag = std::make_shared<explored::atomic<std::uint32_t>>(0u);
        run.threads.emplace_back([=] {
            explored::wait(*flag, 0);
            require(flag->load(memory_order_acquire) == 1, "awake without a reason");
        });
        run.threads.emplace_back([=] {
            flag->store(1, memory_order_release);
            explored::wake_one(*flag);
        });
    };
    EXPECT_EQ(explore(trusts_the_wait).kind, failure::none);
    exploration early;
    early.early_returns = 1;
    EXPECT_EQ(explore(trusts_the_wait, early).kind, failure::requirement);
    EXPECT_EQ(explore(handshake(true), early).kind, failure::none);
}

TEST(explorer, a_loop_that_pauses_ends_with_what_it_waits_for_and_not_without) {
    const auto spin = [](bool comes) {
        return [=](program& run) {
            auto flag = std::make_shared<word>(0);
            run.threads.emplace_back([=] {
                while (flag->load(memory_order_acquire) == 0) explored::pause();
            });
            run.threads.emplace_back([=] { flag->store(comes ? 1 : 0, memory_order_release); });
        };
    };
    const findings good = explore(spin(true));
    EXPECT_EQ(good.kind, failure::none) << good;
    EXPECT_TRUE(good.complete);
    EXPECT_EQ(explore(spin(false)).kind, failure::no_end);
}

TEST(explorer, threads_that_yield_in_turn_let_a_third_run) {
    const findings found = explore([](program& run) {
        auto flag = std::make_shared<word>(0);
        for (int i = 0; i < 2; ++i)
            run.threads.emplace_back([=] {
                while (flag->fetch_or(2, memory_order_acquire) != 3) explored::yield();
            });
        run.threads.emplace_back([=] { flag->fetch_or(1, memory_order_release); });
    });
    EXPECT_EQ(found.kind, failure::none) << found;
    EXPECT_TRUE(found.complete);
}

TEST(explorer, a_program_that_never_rests_has_no_end) {
    exploration few;
    few.steps = 500;
    const findings found = explore(
        [](program& run) {
            auto value = std::make_shared<word>(0);
            run.threads.emplace_back([=] {
                while (value->fetch_add(2, memory_order_relaxed) != 1) {
                }
            });
        },
        few);
    EXPECT_EQ(found.kind, failure::no_end) << found.what;
}

TEST(explorer, says_when_a_program_is_not_the_same_twice) {
    int runs = 0;
    const findings found = explore([&](program& run) {
        const int threads = ++runs == 1 ? 3 : 2;
        for (int i = 0; i < threads; ++i) run.threads.emplace_back([] {});
    });
    EXPECT_EQ(found.kind, failure::not_repeatable) << found;
}

TEST(explorer, what_fails_while_it_is_made_has_failed) {
    const findings found = explore([](program&) { require(false, "no start"); });
    EXPECT_EQ(found.kind, failure::requirement) << found;
}

TEST(explorer, atomics_and_data_work_outside_of_an_exploration) {
    static constinit explored::atomic<int> value{3};
    static constinit explored::data<int> plain{4};
    value.store(5, memory_order_release);
    EXPECT_EQ(value.fetch_or(2, memory_order_acq_rel), 5);
    int expected = 0;
    EXPECT_FALSE(value.compare_exchange_strong(expected, 1, memory_order_acq_rel, memory_order_relaxed));
    EXPECT_EQ(expected, 7);
    plain += 2;
    EXPECT_EQ(plain++, 6);
    EXPECT_EQ(plain, 7);
    EXPECT_THROW(require(false, "outside"), std::logic_error);
}

TEST(explorer, a_deadline_comes_in_some_schedules_and_not_in_others) {
    bool was_late = false;
    bool was_woken = false;
    const findings found = explore([&](program& run) {
        auto bed = std::make_shared<explored::atomic<std::uint32_t>>(0u);
        run.threads.emplace_back([&, bed] {
            if (explored::wait_until(*bed, 0, 1))
                was_woken = true;
            else
                was_late = true;
        });
        run.threads.emplace_back([bed] {
            bed->store(1, sync::memory_order_release);
            explored::wake_waiter(*bed);
        });
    });
    EXPECT_EQ(found.kind, failure::none) << found;
    EXPECT_TRUE(was_late && was_woken);
}

TEST(explorer, a_sleep_with_a_deadline_is_no_deadlock_and_one_without_is) {
    const auto sleep = [](std::int64_t deadline) {
        return [=](program& run) {
            auto bed = std::make_shared<explored::atomic<std::uint32_t>>(0u);
            run.threads.emplace_back([=] { (void)explored::wait_until(*bed, 0, deadline); });
        };
    };
    EXPECT_EQ(explore(sleep(1)).kind, failure::none);
    EXPECT_EQ(explore(sleep(sync::no_deadline)).kind, failure::deadlock);
}

} // namespace
