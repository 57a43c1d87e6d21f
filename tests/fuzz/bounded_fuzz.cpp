// cenote: SPDX-License-Identifier: MIT
//
// Any bytes, as a program of operations on a bounded_pool beside a map and a line: all blocks are
// accounted for, none has two holders, who came first is served first.
#include "operations/ground.hpp"
#include "operations/program.hpp"

#include <cstdio>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    try {
        cenote::test::run_on_bounded_pool(cenote::test::decode({data, size}));
    } catch (const cenote::test::disagreement& wrong) {
        std::fprintf(stderr, "bounded_pool and the map disagree: %s\n", wrong.what());
        std::abort();
    }
    return 0;
}
