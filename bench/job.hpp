// cenote: SPDX-License-Identifier: MIT
//
// One process's share of the bench: a case for a contender, measured in a few windows.
#pragma once

#include "cases.hpp"

#include <cstdint>
#include <vector>

namespace cenote::bench {

struct job {
    test_case which;
    double window_ns = 0; // a window lasts about this long
    unsigned windows = 0;
};

struct outcome {
    std::vector<double> ns;       // an operation, one number a window
    std::uint64_t peak_bytes = 0; // in RAM, beyond what the case's own arrays take
};

} // namespace cenote::bench
