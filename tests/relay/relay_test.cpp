// cenote: SPDX-License-Identifier: MIT
//
// The relay of the examples under more load than it has blocks for.
#include "relay/clients.hpp"
#include "relay/server.hpp"

#include <chrono>
#include <gtest/gtest.h>
#include <memory>
#include <thread>

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
    expect_all_home(server);
}

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
