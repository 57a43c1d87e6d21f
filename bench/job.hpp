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
    std::vector<double> trips_ns; // between the cores, a number a window; 0: nobody looked
    bool is_clean = true;         // false: no window counts
    double window_ns = 0;         // how long a window was, in the middle; 0: nobody looked
    unsigned discarded = 0;       // windows in which one did, or the cores were moved
    std::uint64_t peak_bytes = 0; // in RAM, beyond what the case's own arrays take
    std::vector<double> figures;  // test_case::figures, or none
};

inline constexpr double most_waiting = 0.01; // of a window that counts

// What a loop says of one run.
struct sample {
    double ns = 0;          // how long the timed part took
    double share = 1;       // of that time, what counts for one thread's operations
    double waited_ns = 0;   // the longest that a worker was ready but had no core
    double trip_ns = 0;     // between the cores; 0: nobody looked
    double busy_ns = 0;     // of more threads than cores: their processor time, a core; 0: there is one each
    bool has_moved = false; // they were not as far apart afterwards as before

    // What tells how long the work is: a crowd that others keep from the cores waits as long for one step.
    [[nodiscard]] double work_ns() const { return busy_ns > 0 ? busy_ns : ns; }
};

} // namespace cenote::bench
