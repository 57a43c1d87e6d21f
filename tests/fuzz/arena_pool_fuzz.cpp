// cenote: SPDX-License-Identifier: MIT
//
// Any bytes, as a program of operations on a pool of arenas beside a list.
#include "operations/ground.hpp"
#include "operations/program.hpp"

#include <cstdio>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    try {
        cenote::test::run_on_arena_pool(cenote::test::decode({data, size}));
    } catch (const cenote::test::disagreement& wrong) {
        std::fprintf(stderr, "arena_pool and the list disagree: %s\n", wrong.what());
        std::abort();
    }
    return 0;
}
