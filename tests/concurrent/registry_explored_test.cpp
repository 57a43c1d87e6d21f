// cenote: SPDX-License-Identifier: MIT
//
// Ends of pools, ends of threads and forks in every short schedule.
#include "support/slowness.hpp"
#include "toy_pool.hpp"

#include <memory>

namespace {

using namespace cenote;
using namespace cenote::test;
using namespace cenote::test::toy;

// Threads that have used a pool end while it does.
auto pool_ends(std::size_t threads, bool forks = false) {
    return [=](program& run) {
        auto all = std::make_shared<world>();
        for (std::size_t i = 0; i < threads; ++i)
            run.threads.emplace_back([all] {
                all->first->deallocate(all->first->allocate());
                all->say_done();
                all->end_thread();
            });
        run.threads.emplace_back([=] {
            all->second->deallocate(all->second->allocate());
            all->await_done(static_cast<int>(threads));
            all->first->end();
            all->end_thread();
        });
        if (forks)
            run.threads.emplace_back([all] {
                all->in.registry.lock_all();
                all->in.registry.unlock_all();
            });
        run.at_end = [all] {
            require(all->second->caches() == 0, "the cache of a thread that has ended");
            all->second->require_all_there();
            require(all->in.registry.spare_records() == all->in.records.size(), "a record was lost");
        };
    };
}

TEST(registry_explored, a_pool_ends_while_a_thread_does) {
    expect_nothing(explore(pool_ends(1), bound(2)));
}

TEST(registry_explored, a_pool_ends_while_two_threads_do) {
    exploration wanted = bound(1);
    wanted.random_schedules = scaled(500);
    expect_nothing(explore(pool_ends(2), wanted));
}

TEST(registry_explored, a_fork_comes_between_the_ends_of_a_pool_and_a_thread) {
    exploration wanted = bound(1);
    wanted.random_schedules = scaled(500);
    expect_nothing(explore(pool_ends(1, true), wanted));
}

TEST(registry_explored, a_pool_at_the_address_of_another_has_none_of_its_blocks) {
    expect_nothing(explore(
        [](program& run) {
            auto all = std::make_shared<world>();
            run.threads.emplace_back([all] {
                all->first->deallocate(all->first->allocate());
                all->say_done();
                all->await_done(2);
                require(!all->first->has_cache_here(), "the cache of another pool");
                all->first->deallocate(all->first->allocate());
                all->end_thread();
            });
            run.threads.emplace_back([all] {
                all->await_done(1);
                all->first->end();
                all->first.emplace(all->in);
                all->say_done();
                all->first->deallocate(all->first->allocate());
                all->end_thread();
            });
            run.at_end = [all] {
                require(all->first->caches() == 0, "the cache of a thread that has ended");
                all->first->require_all_there();
            };
        },
        bound(1)));
}

TEST(registry_explored, a_fork_finds_every_lock_free_and_every_block_in_its_place) {
    expect_nothing(explore(
        [](program& run) {
            auto all = std::make_shared<world>();
            run.threads.emplace_back([all] {
                all->first->deallocate(all->first->allocate());
                all->second->deallocate(all->second->allocate());
                all->end_thread();
            });
            run.threads.emplace_back([all] {
                all->in.registry.lock_all();
                all->in.registry.unlock_all();
                all->in.registry.lock_all();
                all->in.registry.unlock_all();
            });
            run.at_end = [all] {
                all->first->require_all_there();
                all->second->require_all_there();
            };
        },
        bound(2)));
}

TEST(registry_explored, a_fork_sees_no_half_done_cache) {
    expect_nothing(explore(
        [](program& run) {
            auto all = std::make_shared<world>();
            run.threads.emplace_back([=] {
                all->first->deallocate(all->first->allocate());
                all->end_thread();
            });
            run.threads.emplace_back([=] {
                char* const mine = all->first->allocate();
                all->in.registry.lock_all();
                const std::size_t caches = all->first->caches();
                require(caches == 1 || caches == 2, "the fork sees half a cache");
                all->in.registry.unlock_all();
                all->first->deallocate(mine);
                all->end_thread();
            });
            run.at_end = [all] { all->first->require_all_there(); };
        },
        bound(2)));
}

} // namespace
