// cenote: SPDX-License-Identifier: MIT
//
// Any bytes, as a program of operations on a buffer_pool beside a map in which nothing may overlap.
#include "agree.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    return cenote::test::agree("buffer_pool and the map", cenote::test::run_on_buffer_pool, data, size);
}
