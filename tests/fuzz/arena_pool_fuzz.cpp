// cenote: SPDX-License-Identifier: MIT
//
// Any bytes, as a program of operations on a pool of arenas beside a list.
#include "agree.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    return cenote::test::agree("arena_pool and the list", cenote::test::run_on_arena_pool, data, size);
}
