// cenote: SPDX-License-Identifier: MIT
//
// A pool's threads in every short schedule: they attach, exchange and end.
#include "toy_pool.hpp"

#include <memory>

namespace {

using namespace cenote;
using namespace cenote::test;
using namespace cenote::test::toy;

TEST(crew_explored, threads_that_attach_exchange_and_end_lose_no_block) {
    expect_nothing(explore(
        [](program& run) {
            auto all = std::make_shared<world>();
            for (int i = 0; i < 2; ++i)
                run.threads.emplace_back([all] {
                    toy_pool& pool = *all->first;
                    char* const one = pool.allocate();
                    char* const two = pool.allocate();
                    pool.deallocate(one);
                    pool.deallocate(two);
                    all->end_thread();
                });
            run.at_end = [all] {
                require(all->first->caches() == 0, "the cache of a thread that has ended");
                all->first->require_all_there();
                all->first->end();
            };
        },
        bound(2)));
}

TEST(crew_explored, a_thread_that_only_frees_gives_back_what_it_got) {
    expect_nothing(explore(
        [](program& run) {
            auto all = std::make_shared<world>();
            auto box = std::make_shared<std::array<explored::atomic<char*>, blocks>>();
            run.threads.emplace_back([=] {
                for (auto& place : *box) place.store(all->first->allocate(), sync::memory_order_release);
                all->end_thread();
            });
            run.threads.emplace_back([=] {
                for (auto& place : *box) {
                    while (place.load(sync::memory_order_acquire) == nullptr) explored::pause();
                    all->first->deallocate(place.load(sync::memory_order_acquire));
                }
                all->end_thread();
            });
            run.at_end = [all] {
                require(all->first->live() == 0, "a block is still live");
                all->first->require_all_there();
            };
        },
        bound(2)));
}

TEST(crew_explored, a_free_after_the_threads_end_goes_past_the_cache) {
    expect_nothing(explore(
        [](program& run) {
            auto all = std::make_shared<world>();
            for (int i = 0; i < 2; ++i)
                run.threads.emplace_back([all] {
                    char* const block = all->first->allocate();
                    all->end_thread();
                    all->first->deallocate(block);
                    require(!all->first->has_cache_here(), "a cache of a thread that has ended");
                });
            run.at_end = [all] {
                require(all->first->caches() == 0 && all->first->live() == 0, "something is left");
                all->first->require_all_there();
            };
        },
        bound(2)));
}

} // namespace
