// cenote: SPDX-License-Identifier: MIT
#include <cenote/concurrent/bounded_object_pool.hpp>
#include <cenote/source/region.hpp>

#include "concurrent/threads.hpp"

#include <array>
#include <cstddef>
#include <gtest/gtest.h>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace cenote;
using namespace std::chrono_literals;

struct alignas(64) message {
    explicit message(int of, std::string what = "") : number(of), text(std::move(what)) {
        if (of < 0) throw std::runtime_error("no such message");
        ++alive;
    }
    message(const message&) = delete;
    message& operator=(const message&) = delete;
    ~message() { --alive; }

    int number;
    std::string text;
    static inline std::atomic<int> alive{0};
};

TEST(bounded_object_pool, makes_objects_and_destructs_them) {
    bounded_object_pool<message> pool({.objects = 2, .name = "messages"});
    {
        auto one = pool.acquire(1, "one");
        EXPECT_EQ(one->text, "one");
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(one.get()) % 64, 0u);
        auto two = pool.try_acquire(2);
        EXPECT_EQ((*two).number, 2);
        EXPECT_EQ(message::alive, 2);
        EXPECT_FALSE(pool.try_acquire(3));
        EXPECT_FALSE(pool.acquire_for(1ms, 3));
        EXPECT_FALSE(pool.acquire_until(std::chrono::steady_clock::now(), 3));
        two = std::move(one); // the second goes
        EXPECT_EQ(message::alive, 1);
        EXPECT_FALSE(one);
        EXPECT_EQ(pool.stats().live, 1u);
        two.release();
        two.release();
    }
    EXPECT_EQ(message::alive, 0);
    EXPECT_EQ(pool.stats().idle, 2u);
    EXPECT_STREQ(pool.name(), "messages");
}

// Memory from the system lies on whole pages, where every object does.
TEST(bounded_object_pool, lies_as_its_type_asks_in_memory_that_does_not) {
    const bounded_object_pool_options wanted{.objects = 3};
    const std::size_t bytes = bounded_object_pool<message>::required_bytes(wanted);
    std::vector<std::byte> memory(bytes + 64);
    for (const std::size_t shift : {0u, 16u, 32u, 48u}) {
        region place(memory.data() + shift, bytes);
        bounded_object_pool_options options = wanted;
        options.source = &place;
        bounded_object_pool<message> pool(options);
        std::vector<bounded_object_pool<message>::handle> held;
        for (int i = 0; i < 3; ++i) {
            held.push_back(pool.try_acquire(i));
            ASSERT_TRUE(held.back());
            EXPECT_EQ(reinterpret_cast<std::uintptr_t>(held.back().get()) % alignof(message), 0u);
        }
    }
}

TEST(bounded_object_pool, a_constructor_that_throws_gives_its_block_to_the_next) {
    bounded_object_pool<message> pool({.objects = 1});
    for (int i = 0; i < 3; ++i) EXPECT_THROW((void)pool.acquire(-1), std::runtime_error);
    EXPECT_EQ(pool.stats().live, 0u);
    EXPECT_TRUE(pool.acquire(1));
}

TEST(bounded_object_pool, waits_grows_and_closes_as_the_pool_of_blocks_does) {
    bounded_object_pool<message> pool({.objects = 1});
    auto held = pool.acquire(1);
    std::thread waits([&] { EXPECT_EQ(pool.acquire(2)->number, 2); });
    while (pool.waiting() != 1) std::this_thread::yield();
    held.release();
    waits.join();
    pool.grow(1);
    pool.grow(growth::geometric(2));
    EXPECT_EQ(pool.stats().blocks, 4u);
    pool.close();
    EXPECT_TRUE(pool.is_closed());
    EXPECT_THROW((void)pool.acquire(1), pool_closed);
    EXPECT_EQ(message::alive, 0);
}

TEST(bounded_object_pool, erases_the_bytes_of_what_has_ended) {
    struct secret {
        secret() {} // leaves what is there
        std::array<unsigned char, 32> bytes;
    };
    for (const bool erase : {false, true}) {
        bounded_object_pool<secret> pool({.objects = 1, .erase = erase, .sanitizers = false});
        pool.acquire()->bytes.fill(7);
        const auto again = pool.acquire();
        int sum = 0;
        for (const unsigned char one : again->bytes) sum += one;
        EXPECT_EQ(sum, erase ? 0 : 7 * 32);
    }
}

TEST(bounded_object_pool, objects_end_on_any_thread) {
    bounded_object_pool<message> pool({.objects = 3});
    test::run_threads(4, [&](std::size_t number) {
        for (std::size_t i = 0; i < test::scaled(500, 20); ++i) {
            auto one =
                pool.acquire(static_cast<int>(number), "text that does not fit into the string itself");
            EXPECT_EQ(one->number, static_cast<int>(number));
        }
    });
    EXPECT_EQ(message::alive, 0);
    EXPECT_EQ(pool.stats().idle, 3u);
}

} // namespace
