// cenote: SPDX-License-Identifier: MIT
//
// A buffer in the hands of Asio, over real sockets: its bytes, all of them, and no more.
#include <cenote/buffer/buffer_pool.hpp>
#include <cenote/concurrent/bounded_pool.hpp>

#include <algorithm>
#include <array>
#include <asio/buffer.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/read.hpp>
#include <asio/write.hpp>
#include <gtest/gtest.h>
#include <vector>

namespace {

using namespace cenote;

class buffer_asio : public testing::Test {
    using tcp = asio::ip::tcp;

protected:
    buffer_asio() {
        tcp::acceptor door(io, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
        here.connect(door.local_endpoint());
        door.accept(there);
    }
    buffer filled(std::size_t size, int first) {
        buffer one = pool.acquire(size);
        for (std::size_t i = 0; i < size; ++i)
            one.data()[i] = static_cast<std::byte>(first + static_cast<int>(i));
        return one;
    }
    static void expect_equal(const buffer& one, const buffer& other) {
        EXPECT_TRUE(std::ranges::equal(one.bytes(), other.bytes()));
    }

    buffer_pool pool;
    asio::io_context io;
    tcp::socket here{io};
    tcp::socket there{io};
};

TEST_F(buffer_asio, is_read_into_and_written_from_by_its_size) {
    const buffer sent = filled(5'000, 1);
    buffer got = pool.acquire(5'000);
    EXPECT_GT(sent.capacity(), sent.size());
    EXPECT_EQ(asio::write(here, asio::buffer(sent)), 5'000u);
    EXPECT_EQ(asio::read(there, asio::buffer(got)), 5'000u);
    expect_equal(sent, got);
}

TEST_F(buffer_asio, is_a_mutable_and_a_const_buffer) {
    const buffer sent = filled(300, 7);
    buffer got = pool.acquire(300);
    const asio::const_buffer from(sent);
    const asio::mutable_buffer into = got;
    EXPECT_EQ(from.data(), sent.data());
    EXPECT_EQ(from.size(), 300u);
    EXPECT_EQ(into.data(), got.data());
    asio::write(here, from);
    asio::read(there, into);
    expect_equal(sent, got);
}

TEST_F(buffer_asio, stands_in_sequences_of_several) {
    const buffer head = filled(16, 3);
    const buffer body = filled(9'000, 5);
    const std::array<asio::const_buffer, 2> parts{asio::const_buffer(head), asio::const_buffer(body)};
    asio::write(here, parts);
    buffer got_head = pool.acquire(16);
    buffer got_body = pool.acquire(9'000);
    const std::vector<asio::mutable_buffer> into{got_head, got_body};
    EXPECT_EQ(asio::read(there, into), 9'016u);
    expect_equal(head, got_head);
    expect_equal(body, got_body);
}

TEST_F(buffer_asio, that_is_empty_is_no_bytes) {
    const buffer none;
    EXPECT_EQ(asio::mutable_buffer(none).size(), 0u);
    EXPECT_EQ(asio::write(here, asio::buffer(none)), 0u);
}

TEST_F(buffer_asio, is_kept_by_the_handler_of_an_operation_until_the_bytes_are_there) {
    buffer got = pool.acquire(1'000);
    buffer kept;
    const asio::mutable_buffer into = got;
    asio::async_read(there, into,
                     [own = std::move(got), &kept](const asio::error_code&, std::size_t) mutable {
                         kept = std::move(own);
                     });
    const buffer sent = filled(1'000, 11);
    asio::write(here, asio::buffer(sent));
    io.run();
    expect_equal(sent, kept);
}

} // namespace
