// cenote: SPDX-License-Identifier: MIT
#include <cenote/concurrent/concurrent_object_pool.hpp>
#include <cenote/source/region.hpp>

#include "concurrent/threads.hpp"
#include "support/misuse_watch.hpp"

#include <set>
#include <stdexcept>
#include <string>

namespace {

using namespace cenote;
using namespace cenote::test;

std::atomic<int> alive{0};

struct order {
    order(int wanted_number, std::string wanted_text) : number(wanted_number), text(std::move(wanted_text)) {
        if (number < 0) throw std::invalid_argument("no such order");
        ++alive;
    }
    order(const order&) = delete;
    order& operator=(const order&) = delete;
    ~order() { --alive; }

    int number;
    std::string text;
};

TEST(concurrent_object_pool, makes_in_one_thread_what_another_destroys) {
    alive = 0;
    concurrent_object_pool<order> orders({.sanitizers = false, .name = "orders"});
    const std::size_t rounds = scaled(400, 20);
    std::mutex lock;
    std::vector<order*> waiting;
    run_threads(4, [&](std::size_t self) {
        for (std::size_t round = 0; round < rounds; ++round) {
            std::vector<order*> mine;
            for (int i = 0; i < 50; ++i) mine.push_back(orders.make(i, "order " + std::to_string(self)));
            {
                const std::lock_guard here(lock);
                std::swap(mine, waiting);
            }
            for (order* const one : mine) {
                if (!one->text.starts_with("order ")) ADD_FAILURE();
                orders.destroy(one);
            }
        }
    });
    EXPECT_EQ(alive, 50);
    EXPECT_EQ(waiting.size(), 50u);
    for (order* const one : waiting) orders.destroy(one);
    EXPECT_EQ(alive, 0);
    EXPECT_TRUE(orders.is_valid());
}

TEST(concurrent_object_pool, handles_destroy_wherever_they_end) {
    alive = 0;
    concurrent_object_pool<order> orders({.sanitizers = false});
    worker other;
    std::vector<concurrent_object_pool<order>::handle> handles;
    for (int i = 0; i < 700; ++i) handles.push_back(orders.make_unique(i, "mine"));
    EXPECT_EQ(alive, 700);
    other.run([&] {
        EXPECT_EQ(handles[5]->text, "mine");
        handles.clear();
    });
    EXPECT_EQ(alive, 0);
    EXPECT_EQ(orders.try_make(1, "one")->number, 1);
    orders.destroy_all();
    EXPECT_EQ(alive, 0);
    EXPECT_EQ(orders.stats().live, 0u);
}

TEST(concurrent_object_pool, a_constructor_that_throws_gives_the_block_back) {
    concurrent_object_pool<order> orders({.maximum_blocks = 1, .sanitizers = false});
    for (int i = 0; i < 10; ++i) EXPECT_THROW((void)orders.make(-1, "none"), std::invalid_argument);
    order* const one = orders.make(1, "one");
    EXPECT_EQ(orders.try_make(2, "two"), nullptr);
    EXPECT_THROW((void)orders.make(2, "two"), out_of_memory);
    orders.destroy(one);
}

TEST(concurrent_object_pool, destroy_all_reaches_the_objects_of_all_threads_once) {
    for (const bool checks : {false, true}) {
        alive = 0;
        misuse_watch watch;
        concurrent_object_pool<order> orders({.checks = checks, .sanitizers = false});
        worker others[3];
        for (worker& one : others) {
            one.run([&] {
                for (int i = 0; i < 600; ++i) {
                    order* const made = orders.make(i, "a text too long for its small buffer, so leaks show");
                    if (i % 3 == 0) orders.destroy(made);
                }
            });
        }
        EXPECT_EQ(alive, 1'200);
        std::set<int> numbers;
        orders.for_each([&](order& one) { numbers.insert(one.number); });
        EXPECT_EQ(numbers.size(), 400u);
        orders.destroy_all();
        EXPECT_EQ(alive, 0);
        EXPECT_EQ(orders.stats().live, 0u);
        for (worker& one : others) {
            one.run([&] { orders.destroy(orders.make(1, "again")); });
        }
        EXPECT_EQ(watch.count(), 0u);
        EXPECT_TRUE(orders.is_valid());
    }
}

TEST(concurrent_object_pool, under_checks_a_bad_pointer_is_told_and_not_destructed) {
    alive = 0;
    misuse_watch watch;
    concurrent_object_pool<order> orders({.checks = true});
    order* const one = orders.make(1, "one");
    std::thread([&] { orders.destroy(one); }).join();
    EXPECT_EQ(alive, 0);
    orders.destroy(one);
    EXPECT_EQ(alive, 0);
    ASSERT_EQ(watch.count(), 1u);
    EXPECT_EQ(watch.seen()[0].kind, misuse::double_free);
}

TEST(concurrent_object_pool, fits_a_buffer_with_the_caches_of_its_threads) {
    concurrent_object_pool<order>::options options{.maximum_blocks = 500};
    options.sanitizers = false;
    options.threads = 2;
    std::vector<std::byte> buffer(concurrent_object_pool<order>::required_bytes(options));
    region place(buffer.data(), buffer.size());
    options.source = &place;
    concurrent_object_pool<order> orders(options);
    for (int i = 0; i < 500; ++i) ASSERT_NE(orders.try_make(i, "x"), nullptr);
    EXPECT_EQ(orders.try_make(500, "x"), nullptr);
    orders.destroy_all();
}

} // namespace
