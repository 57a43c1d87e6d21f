// cenote: SPDX-License-Identifier: MIT
//
// A block as an asynchronous operation of Asio.
#include "relay/async_acquire.hpp"

#include <asio/bind_cancellation_slot.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/io_context.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/use_future.hpp>
#include <gtest/gtest.h>
#include <thread>
#include <vector>

namespace {

using cenote::bounded_pool;
using block = bounded_pool::block;

struct outcome {
    bool is_called = false;
    asio::error_code error;
    block got;
};

auto note(outcome& where) {
    return [&where](const asio::error_code& error, block got) {
        where.is_called = true;
        where.error = error;
        where.got = std::move(got);
    };
}

TEST(async_acquire, calls_its_handler_in_the_loop_also_when_a_block_is_free) {
    bounded_pool pool({.block_size = 64, .blocks = 1});
    asio::io_context io;
    outcome one;
    relay::async_acquire(pool, io.get_executor(), note(one));
    EXPECT_FALSE(one.is_called);
    io.run();
    EXPECT_TRUE(one.got);
    EXPECT_FALSE(one.error);
}

TEST(async_acquire, keeps_its_loop_until_another_thread_returns_a_block) {
    bounded_pool pool({.block_size = 64, .blocks = 1});
    block only = pool.acquire();
    std::byte* const where = only.data();
    asio::io_context io;
    outcome one;
    relay::async_acquire(pool, io.get_executor(), note(one));
    EXPECT_EQ(pool.waiting(), 1u);
    EXPECT_EQ(io.poll(), 0u);
    std::thread other([own = std::move(only)]() mutable { own.release(); });
    io.run();
    other.join();
    EXPECT_EQ(one.got.data(), where);
}

TEST(async_acquire, is_told_of_a_closed_pool) {
    bounded_pool pool({.block_size = 64, .blocks = 1});
    const block only = pool.acquire();
    asio::io_context io;
    outcome before;
    outcome after;
    relay::async_acquire(pool, io.get_executor(), note(before));
    pool.close();
    relay::async_acquire(pool, io.get_executor(), note(after));
    io.run();
    EXPECT_EQ(before.error, asio::error::shut_down);
    EXPECT_EQ(after.error, asio::error::shut_down);
    EXPECT_FALSE(before.got || after.got);
}

TEST(async_acquire, cancelled_it_leaves_the_line_to_the_next) {
    bounded_pool pool({.block_size = 64, .blocks = 1});
    block only = pool.acquire();
    asio::io_context io;
    asio::cancellation_signal stop;
    outcome first;
    outcome second;
    relay::async_acquire(pool, io.get_executor(), asio::bind_cancellation_slot(stop.slot(), note(first)));
    relay::async_acquire(pool, io.get_executor(), note(second));
    stop.emit(asio::cancellation_type::all);
    EXPECT_EQ(pool.waiting(), 1u);
    only.release();
    io.run();
    EXPECT_EQ(first.error, asio::error::operation_aborted);
    EXPECT_FALSE(first.got);
    EXPECT_TRUE(second.got);
}

TEST(async_acquire, cancelled_too_late_it_has_its_block) {
    bounded_pool pool({.block_size = 64, .blocks = 1});
    block only = pool.acquire();
    asio::io_context io;
    asio::cancellation_signal stop;
    outcome one;
    relay::async_acquire(pool, io.get_executor(), asio::bind_cancellation_slot(stop.slot(), note(one)));
    only.release();
    stop.emit(asio::cancellation_type::all);
    io.run();
    stop.emit(asio::cancellation_type::all); // nothing is there any more
    EXPECT_TRUE(one.got);
    EXPECT_FALSE(one.error);
}

TEST(async_acquire, gives_a_future) {
    bounded_pool pool({.block_size = 64, .blocks = 1});
    asio::io_context io;
    auto later = relay::async_acquire(pool, io.get_executor(), asio::use_future);
    io.run();
    EXPECT_EQ(later.get().size(), 64u);
}

#if defined(ASIO_HAS_CO_AWAIT)
TEST(async_acquire, coroutines_share_fewer_blocks_than_they_are) {
    bounded_pool pool({.block_size = 64, .blocks = 2});
    asio::io_context io;
    int done = 0;
    const auto life = [&]() -> asio::awaitable<void> {
        for (int i = 0; i < 50; ++i) {
            const block mine = co_await relay::async_acquire(pool, io.get_executor(), asio::use_awaitable);
            EXPECT_EQ(mine.size(), 64u);
            co_await asio::post(io, asio::use_awaitable);
        }
        ++done;
    };
    for (int i = 0; i < 8; ++i) asio::co_spawn(io, life, asio::detached);
    io.run();
    EXPECT_EQ(done, 8);
    EXPECT_EQ(pool.stats().live, 0u);
    EXPECT_EQ(pool.stats().peak_live, 2u);
}
#endif

} // namespace
