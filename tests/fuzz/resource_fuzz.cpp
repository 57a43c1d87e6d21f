// cenote: SPDX-License-Identifier: MIT
//
// Any bytes, as a program of operations on the allocator interface beside a map.
#include "agree.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    return cenote::test::agree("the allocator interface and the map", cenote::test::run_on_resource, data,
                               size);
}
