// cenote: SPDX-License-Identifier: MIT
//
// Buffers as `iovec`, read and written by the system over a pair of sockets.
#include <cenote/buffer/buffer_pool.hpp>

#include <algorithm>
#include <array>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

namespace {

using namespace cenote;

class buffer_io_vector : public testing::Test {
protected:
    buffer_io_vector() { EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, sockets.data()), 0); }
    ~buffer_io_vector() override {
        for (const int one : sockets) ::close(one);
    }
    buffer filled(std::size_t size, int first) {
        buffer one = pool.acquire(size);
        for (std::size_t i = 0; i < size; ++i)
            one.data()[i] = static_cast<std::byte>(first + static_cast<int>(i));
        return one;
    }

    buffer_pool pool;
    std::array<int, 2> sockets{-1, -1};
};

TEST_F(buffer_io_vector, several_are_gathered_and_scattered_each_by_its_size) {
    const std::array<buffer, 3> sent{filled(24, 1), filled(5'000, 2), filled(100, 3)};
    const std::array<iovec, 3> from{sent[0], sent[1], sent[2]};
    ASSERT_EQ(::writev(sockets[0], from.data(), 3), 5'124);

    std::array<buffer, 3> got{pool.acquire(24), pool.acquire(5'000), pool.acquire(200)};
    const std::array<iovec, 3> into{got[0], got[1], got[2]};
    ASSERT_EQ(::readv(sockets[1], into.data(), 3), 5'124);
    got[2].resize(100);
    for (std::size_t i = 0; i < 3; ++i) EXPECT_TRUE(std::ranges::equal(sent[i].bytes(), got[i].bytes()));
}

TEST_F(buffer_io_vector, that_is_empty_is_no_bytes) {
    const buffer none;
    const iovec from = none;
    EXPECT_EQ(from.iov_len, 0u);
    EXPECT_EQ(::writev(sockets[0], &from, 1), 0);
}

} // namespace
