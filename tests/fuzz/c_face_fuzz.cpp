// cenote: SPDX-License-Identifier: MIT
//
// Any bytes, as a program of calls of the C face beside a map.
#include "agree.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    return cenote::test::agree("the C face and the map", cenote::test::run_on_c_face, data, size);
}
