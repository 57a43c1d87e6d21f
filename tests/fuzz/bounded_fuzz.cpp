// cenote: SPDX-License-Identifier: MIT
//
// Any bytes, as a program of operations on a bounded_pool beside a map and a line: all blocks are
// accounted for, none has two holders, who came first is served first.
#include "agree.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    return cenote::test::agree("bounded_pool and the map", cenote::test::run_on_bounded_pool, data, size);
}
