// cenote: SPDX-License-Identifier: MIT
//
// Any bytes, as a program of operations on a fixed_pool beside a map.
#include "agree.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    return cenote::test::agree("fixed_pool and the map", cenote::test::run_on_fixed_pool, data, size);
}
