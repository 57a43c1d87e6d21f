// cenote: SPDX-License-Identifier: MIT
//
// The relay of the examples under more load than it has blocks for.
#include "relay/clients.hpp"
#include "relay/server.hpp"

#include <array>
#include <asio/read.hpp>
#include <asio/write.hpp>
#include <chrono>
#include <cstdio>
#include <gtest/gtest.h>
#include <memory>
#include <thread>
#include <vector>

#if defined(__unix__)
#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>
#define CENOTE_TEST_FEW_DESCRIPTORS 1
#endif

namespace {

using pooled_server = relay::server<relay::pooled_memory>;

// With the clients gone; what the relay still holds goes within moments.
void expect_all_home(pooled_server& server) {
    relay::pooled_memory& memory = server.memory();
    const auto last = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (memory.blocks().stats().live != 0 && std::chrono::steady_clock::now() < last)
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    EXPECT_EQ(memory.blocks().stats().live, 0u);
    EXPECT_EQ(memory.blocks().waiting(), 0u);
}

void expect_all_came(const relay::report& all, std::size_t sent) {
    EXPECT_EQ(all.sent, sent);
    EXPECT_EQ(all.received, sent);
    EXPECT_EQ(all.wrong, 0u);
}

TEST(relay, slows_down_and_loses_nothing_under_a_peak_of_ten_times_its_blocks) {
    constexpr std::size_t blocks = 16;
    pooled_server server({.memory = {.blocks = blocks}, .connections = 32, .send_buffer = 32 << 10});
    cenote::bounded_pool& pool = server.memory().blocks();
    std::size_t waiting = 0;
    const relay::load work{.connections = 32,
                           .window = 10 * blocks / 32, // nobody receives, and all these are on the way
                           .smallest = 64 << 10,
                           .largest = 64 << 10,
                           .messages = 20,
                           .patience = std::chrono::seconds(20),
                           .receive_buffer = 32 << 10,
                           .may_receive = [&] {
                               waiting = pool.waiting();
                               return waiting != 0 && pool.stats().live == blocks;
                           }};
    {
        relay::clients all(work, server.port());
        expect_all_came(all.run(), 32 * 20);
    }
    EXPECT_GT(waiting, 0u); // connections that were not read until a block came
    EXPECT_EQ(pool.stats().peak_live, blocks);
    EXPECT_GE(server.memory().waited(), waiting);
    std::printf(
        "%zu messages over %zu blocks, none lost; connections waited for a block %zu times, %zu at once\n",
        32 * work.messages, blocks, server.memory().waited(), waiting);
    expect_all_home(server);
}

// A client by hand, which is known when it is there.
class plain_client {
public:
    plain_client(std::uint16_t port, std::uint32_t number) {
        socket_.open(asio::ip::tcp::v4());
        socket_.set_option(asio::socket_base::receive_buffer_size(32 << 10));
        socket_.connect({asio::ip::address_v4::loopback(), port});
        asio::write(socket_, asio::buffer(&number, sizeof number));
        asio::read(socket_, asio::buffer(&number, sizeof number));
    }
    // A message full of its own number.
    void send(std::uint32_t to, std::uint32_t number, std::size_t size) {
        const relay::frame_header header{static_cast<std::uint32_t>(size), to};
        const std::vector<std::uint32_t> words(size / sizeof number, number);
        const std::array<asio::const_buffer, 2> parts{asio::buffer(&header, sizeof header),
                                                      asio::buffer(words)};
        asio::write(socket_, parts);
    }
    [[nodiscard]] bool receives(std::uint32_t number, std::size_t size) {
        relay::frame_header header{};
        asio::read(socket_, asio::buffer(&header, sizeof header));
        std::vector<std::uint32_t> words(header.size / sizeof number);
        asio::read(socket_, asio::buffer(words));
        return words == std::vector<std::uint32_t>(size / sizeof number, number);
    }

private:
    asio::io_context io_;
    asio::ip::tcp::socket socket_{io_};
};

TEST(relay, a_client_that_never_reads_stops_nobody_but_who_sends_to_it) {
    constexpr std::size_t share = 4;
    constexpr std::uint32_t messages = 400; // more than all buffers of the system hold
    constexpr std::size_t size = 64 << 10;
    pooled_server server(
        {.memory = {.blocks = 16, .share = share}, .connections = 4, .send_buffer = 32 << 10});
    cenote::bounded_pool& pool = server.memory().blocks();
    plain_client deaf(server.port(), 2);
    std::thread sender([&] {
        plain_client eager(server.port(), 3);
        for (std::uint32_t i = 0; i < messages; ++i) eager.send(2, i, size);
    });
    while (pool.stats().live < share) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    {
        // They are stopped when the messages for who never reads have all blocks; nothing else takes too
        // long.
        relay::clients others({.connections = 2,
                               .window = 4,
                               .messages = 500,
                               .patience = std::chrono::seconds(1),
                               .may_give_up = [&] { return pool.waiting() != 0; }},
                              server.port());
        expect_all_came(others.run(), 2 * 500);
    }
    EXPECT_EQ(pool.waiting(), 0u);
    EXPECT_LE(pool.stats().live, share + 2); // and what the others' last messages still hold
    std::uint32_t right = 0;
    for (std::uint32_t i = 0; i < messages; ++i) right += deaf.receives(i, size) ? 1 : 0;
    EXPECT_EQ(right, messages); // late, but all of them
    sender.join();
    expect_all_home(server);
}

TEST(relay, who_waits_for_one_that_goes_is_told) {
    pooled_server server({.memory = {.share = 1}, .connections = 4, .send_buffer = 32 << 10});
    auto deaf = std::make_unique<plain_client>(server.port(), 2);
    std::thread sender([&] {
        plain_client eager(server.port(), 3);
        EXPECT_THROW(for (;;) eager.send(2, 0, 64 << 10), std::system_error);
    });
    while (server.memory().blocks().stats().live == 0) std::this_thread::yield();
    std::this_thread::sleep_for(std::chrono::milliseconds(50)); // the buffers of the system fill
    deaf.reset();
    sender.join();
    expect_all_home(server);
}

#if defined(CENOTE_TEST_FEW_DESCRIPTORS)
TEST(relay, accepts_again_after_descriptors_were_short) {
    pooled_server server({.connections = 4});
    asio::io_context io;
    asio::ip::tcp::socket client(io, asio::ip::tcp::v4());
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
    const int next = ::dup(0);
    ASSERT_GE(next, 0);
    ::close(next);
    rlimit none_left = before;
    none_left.rlim_cur = static_cast<rlim_t>(next);
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none_left), 0);
    client.connect({asio::ip::address_v4::loopback(), server.port()});
    std::this_thread::sleep_for(std::chrono::milliseconds(50)); // it has been refused a descriptor
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
    std::uint32_t number = 2;
    asio::write(client, asio::buffer(&number, sizeof number));
    pollfd answer{client.native_handle(), POLLIN, 0};
    ASSERT_EQ(::poll(&answer, 1, 10'000), 1);
    number = 0;
    asio::read(client, asio::buffer(&number, sizeof number));
    EXPECT_EQ(number, 2u);
}
#endif

TEST(relay, passes_on_what_fits_a_block_and_what_does_not) {
    pooled_server server({.memory = {.blocks = 64, .block_size = 512}, .connections = 8});
    {
        relay::clients all({.connections = 8, .window = 4, .smallest = 64, .largest = 8192, .messages = 200},
                           server.port());
        expect_all_came(all.run(), 8 * 200);
    }
    expect_all_home(server);
    EXPECT_GT(server.memory().buffers().stats().counts.fresh, 0u);
}

TEST(relay, ends_while_connections_wait_for_a_block) {
    struct enough {};
    auto server = std::make_unique<pooled_server>(
        relay::server_options{.memory = {.blocks = 1}, .connections = 8, .send_buffer = 32 << 10});
    relay::clients all({.connections = 8,
                        .window = 8,
                        .smallest = 64 << 10,
                        .largest = 64 << 10,
                        .messages = 8,
                        .receive_buffer = 32 << 10,
                        .may_receive =
                            [&] {
                                if (server->memory().blocks().waiting() != 0) throw enough{};
                                return false;
                            }},
                       server->port());
    EXPECT_THROW((void)all.run(), enough);
    server.reset(); // its block is out, and connections stand in line
}

} // namespace
