// cenote: SPDX-License-Identifier: MIT
#include <cenote/base/sync.hpp>

#include "support/explorer.hpp"

#include <gtest/gtest.h>
#include <memory>

namespace {

using namespace cenote;
using namespace cenote::test;
using sync::memory_order_acquire;
using sync::memory_order_relaxed;
using sync::memory_order_release;

// The threads enter so often each and count what the lock protects.
template<class Mutex>
auto count_under(std::size_t threads, int rounds) {
    return [=](program& run) {
        struct parts {
            Mutex lock;
            explored::data<int> count{0};
        };
        auto all = std::make_shared<parts>();
        for (std::size_t i = 0; i < threads; ++i)
            run.threads.emplace_back([=] {
                for (int n = 0; n < rounds; ++n) {
                    const sync::holder hold(all->lock);
                    ++all->count;
                }
            });
        run.at_end = [=] {
            require(all->count == static_cast<int>(threads) * rounds, "a count was lost");
            require(all->lock.try_lock(), "the lock is still taken");
        };
    };
}

using right = sync::basic_mutex<explored>;

TEST(sync_explored, the_mutex_protects_and_wakes_in_every_order_of_two_threads) {
    exploration wanted;
    wanted.preemptions = 4;
    wanted.early_returns = 1;
    const findings found = explore(count_under<right>(2, 3), wanted);
    EXPECT_EQ(found.kind, failure::none) << found;
    EXPECT_TRUE(found.complete) << found;
    EXPECT_GT(found.schedules, 500u) << found;
}

TEST(sync_explored, the_mutex_protects_and_wakes_three_threads) {
    exploration wanted;
    wanted.preemptions = 2;
    wanted.random_schedules = 2000;
    wanted.early_returns = 1;
    const findings found = explore(count_under<right>(3, 1), wanted);
    EXPECT_EQ(found.kind, failure::none) << found;
    EXPECT_TRUE(found.complete || found.schedules > wanted.schedules) << found;
}

TEST(sync_explored, stale_loads_do_not_harm_the_mutex) {
    exploration wanted;
    wanted.stale_loads = 2;
    const findings found = explore(count_under<right>(2, 1), wanted);
    EXPECT_EQ(found.kind, failure::none) << found;
    EXPECT_TRUE(found.complete) << found;
}

TEST(sync_explored, try_lock_gives_the_lock_to_one) {
    const findings found = explore([](program& run) {
        struct parts {
            right lock;
            explored::data<int> holders{0};
        };
        auto all = std::make_shared<parts>();
        for (int i = 0; i < 3; ++i)
            run.threads.emplace_back([=] {
                if (!all->lock.try_lock()) return;
                ++all->holders;
                require(all->holders == 1, "two hold the lock");
                --all->holders;
                all->lock.unlock();
            });
    });
    EXPECT_EQ(found.kind, failure::none) << found;
    EXPECT_TRUE(found.complete) << found;
}

// The mutex as it is, with one thing wrong.
enum class flaw { none, lock_is_relaxed, unlock_is_relaxed, nobody_is_woken, sleepers_are_forgotten };

template<flaw Flaw>
class flawed_mutex {
public:
    bool try_lock() {
        std::uint32_t seen = 0;
        return state_.compare_exchange_strong(seen, 1, on_lock, memory_order_relaxed);
    }
    void lock() {
        if (try_lock()) return;
        const std::uint32_t taken = Flaw == flaw::sleepers_are_forgotten ? 1 : 2;
        while (state_.exchange(taken, on_lock) != 0) explored::wait(state_, taken);
    }
    void unlock() {
        const bool is_awaited = state_.exchange(0, on_unlock) == 2;
        if (is_awaited && Flaw != flaw::nobody_is_woken) explored::wake_one(state_);
    }

private:
    static constexpr auto on_lock =
        Flaw == flaw::lock_is_relaxed ? memory_order_relaxed : memory_order_acquire;
    static constexpr auto on_unlock =
        Flaw == flaw::unlock_is_relaxed ? memory_order_relaxed : memory_order_release;
    explored::atomic<std::uint32_t> state_{0};
};

template<flaw Flaw>
failure found_in() {
    return explore(count_under<flawed_mutex<Flaw>>(2, 2)).kind;
}

TEST(sync_explored, planted_flaws_of_a_mutex_are_found) {
    EXPECT_EQ(found_in<flaw::none>(), failure::none);
    EXPECT_EQ(found_in<flaw::lock_is_relaxed>(), failure::race);
    EXPECT_EQ(found_in<flaw::unlock_is_relaxed>(), failure::race);
    EXPECT_EQ(found_in<flaw::nobody_is_woken>(), failure::deadlock);
    EXPECT_EQ(found_in<flaw::sleepers_are_forgotten>(), failure::deadlock);
}

TEST(sync_explored, two_locks_in_two_orders_are_a_deadlock) {
    const auto both = [](bool in_two_orders) {
        return [=](program& run) {
            auto locks = std::make_shared<std::array<right, 2>>();
            for (std::size_t i = 0; i < 2; ++i)
                run.threads.emplace_back([=] {
                    const std::size_t first = in_two_orders ? i : 0;
                    const sync::holder one((*locks)[first]);
                    const sync::holder two((*locks)[1 - first]);
                });
        };
    };
    EXPECT_EQ(explore(both(false)).kind, failure::none);
    EXPECT_EQ(explore(both(true)).kind, failure::deadlock);
}

} // namespace
