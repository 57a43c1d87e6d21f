// cenote: SPDX-License-Identifier: MIT
//
// A buffer in the hands of Asio, over real sockets: its bytes, all of them, and no more. Compiled once for
// each Asio: whoever includes it has its headers, and says by CENOTE_TEST_NET and CENOTE_TEST_SUITE which.
#include <cenote/buffer/buffer_pool.hpp>

#include <algorithm>
#include <array>
#include <gtest/gtest.h>
#include <type_traits>
#include <utility>
#include <vector>

namespace {

using namespace cenote;
namespace net = CENOTE_TEST_NET;

// A sequence's elements are buffers of Asio's; those of a buffer are bytes, which makes it a range and a
// span. So it is no sequence itself: `buffer(b)`, or `mutable_buffer`, is one of a single element.
static_assert(!net::is_mutable_buffer_sequence<buffer>::value);
static_assert(!net::is_const_buffer_sequence<buffer>::value);
static_assert(std::is_convertible_v<decltype(net::buffer(std::declval<buffer&>())), net::mutable_buffer>);
static_assert(std::is_convertible_v<const buffer&, net::mutable_buffer>);
static_assert(std::is_constructible_v<net::const_buffer, const buffer&>);

class CENOTE_TEST_SUITE : public testing::Test {
    using tcp = net::ip::tcp;

protected:
    CENOTE_TEST_SUITE() {
        tcp::acceptor door(io, tcp::endpoint(net::ip::address_v4::loopback(), 0));
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
    net::io_context io;
    tcp::socket here{io};
    tcp::socket there{io};
};

TEST_F(CENOTE_TEST_SUITE, is_read_into_and_written_from_by_its_size) {
    const buffer sent = filled(5'000, 1);
    buffer got = pool.acquire(5'000);
    EXPECT_GT(sent.capacity(), sent.size());
    EXPECT_EQ(net::write(here, net::buffer(sent)), 5'000u);
    EXPECT_EQ(net::read(there, net::buffer(got)), 5'000u);
    expect_equal(sent, got);
}

TEST_F(CENOTE_TEST_SUITE, is_read_into_and_written_from_in_the_background) {
    const buffer sent = filled(200'000, 2); // more than goes at once
    buffer got = pool.acquire(200'000);
    std::size_t written = 0;
    std::size_t read = 0;
    net::async_write(here, net::buffer(sent), [&](const auto& error, std::size_t bytes) {
        EXPECT_FALSE(error);
        written = bytes;
    });
    net::async_read(there, net::buffer(got), [&](const auto& error, std::size_t bytes) {
        EXPECT_FALSE(error);
        read = bytes;
    });
    io.run();
    EXPECT_EQ(written, 200'000u);
    EXPECT_EQ(read, 200'000u);
    expect_equal(sent, got);
}

TEST_F(CENOTE_TEST_SUITE, takes_and_gives_what_a_socket_has_and_can) {
    const buffer sent = filled(700, 9);
    buffer got = pool.acquire(4'000);
    EXPECT_EQ(here.write_some(net::buffer(sent)), 700u);
    got.resize(there.read_some(net::buffer(got)));
    EXPECT_EQ(got.size(), 700u);
    expect_equal(sent, got);
    EXPECT_EQ(here.send(net::buffer(sent, 300)), 300u); // the first of its bytes
    there.async_receive(net::buffer(got) + 100, [&](const auto& error, std::size_t bytes) {
        EXPECT_FALSE(error);
        EXPECT_EQ(bytes, 300u);
    });
    io.run();
    EXPECT_TRUE(std::equal(sent.begin(), sent.begin() + 300, got.begin() + 100));
}

TEST_F(CENOTE_TEST_SUITE, is_a_mutable_and_a_const_buffer) {
    const buffer sent = filled(300, 7);
    buffer got = pool.acquire(300);
    const net::const_buffer from(sent);
    const net::mutable_buffer into = got;
    EXPECT_EQ(from.data(), sent.data());
    EXPECT_EQ(from.size(), 300u);
    EXPECT_EQ(into.data(), got.data());
    net::write(here, from);
    net::read(there, into);
    expect_equal(sent, got);
}

TEST_F(CENOTE_TEST_SUITE, stands_in_sequences_of_several) {
    const buffer head = filled(16, 3);
    const buffer body = filled(9'000, 5);
    const std::array<net::const_buffer, 2> parts{net::const_buffer(head), net::const_buffer(body)};
    net::write(here, parts);
    buffer got_head = pool.acquire(16);
    buffer got_body = pool.acquire(9'000);
    const std::vector<net::mutable_buffer> into{got_head, got_body};
    EXPECT_EQ(net::read(there, into), 9'016u);
    expect_equal(head, got_head);
    expect_equal(body, got_body);
}

TEST_F(CENOTE_TEST_SUITE, that_is_empty_is_no_bytes) {
    const buffer none;
    EXPECT_EQ(net::mutable_buffer(none).size(), 0u);
    EXPECT_EQ(net::write(here, net::buffer(none)), 0u);
}

TEST_F(CENOTE_TEST_SUITE, is_kept_by_the_handler_of_an_operation_until_the_bytes_are_there) {
    buffer got = pool.acquire(1'000);
    buffer kept;
    const net::mutable_buffer into = got; // before it moves
    net::async_read(there, into, [own = std::move(got), &kept](const auto&, std::size_t) mutable {
        kept = std::move(own);
    });
    const buffer sent = filled(1'000, 11);
    net::write(here, net::buffer(sent));
    io.run();
    expect_equal(sent, kept);
}

} // namespace
