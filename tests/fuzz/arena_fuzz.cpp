// cenote: SPDX-License-Identifier: MIT
//
// Any bytes, as a program of operations on an arena beside a map.
#include "agree.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    return cenote::test::agree("arena and the map", cenote::test::run_on_arena, data, size);
}
