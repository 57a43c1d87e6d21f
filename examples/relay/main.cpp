// cenote: SPDX-License-Identifier: MIT
//
// A relay of framed messages over TCP: 256 connections, blocks from a bounded_pool, payloads from a
// buffer_pool, and the same relay with malloc. Each is given the same messages, more than it has blocks for.
#include "clients.hpp"
#include "server.hpp"

#include <cstdio>

namespace {

const relay::load work{.window = 2, .messages = 20};

bool is_complete(const char* memory, const relay::report& all) {
    std::printf("%s: %zu messages over %u connections, %zu came back, %zu of them wrong\n", memory, all.sent,
                work.connections, all.received, all.wrong);
    return all.sent == all.received && all.wrong == 0 && all.sent == work.connections * work.messages;
}

} // namespace

int main() {
    bool is_well = false;
    {
        relay::server<relay::pooled_memory> pooled({.memory = {.blocks = 64}});
        is_well = is_complete("cenote", relay::clients(work, pooled.port()).run());
        const cenote::pool_stats blocks = pooled.memory().blocks().stats();
        std::printf("at most %zu of 64 blocks were in use; connections waited for one %zu times\n",
                    blocks.peak_live, pooled.memory().waited());
    }
    relay::server<relay::malloc_memory> plain({});
    return is_complete("malloc", relay::clients(work, plain.port()).run()) && is_well ? 0 : 1;
}
