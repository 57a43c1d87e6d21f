// cenote: SPDX-License-Identifier: MIT
//
// Who runs when: rounds of all cases, and in each case all contenders, who is first changing from round to
// round.
#pragma once

#include "results.hpp"

#include <functional>

namespace cenote::bench {

struct effort {
    unsigned rounds = 7;
    unsigned survey_rounds = 3; // of the cases of which nothing is demanded
    unsigned long_rounds = 10;  // of those that take long, one window each
    unsigned windows = 5;       // in each process
    double window_ms = 3;
    double long_ms = 1'000; // of those that take long
    // At most, of cases where some rounds had no window that counts: enough for a machine so busy that a
    // quarter of the rounds have one.
    unsigned more_rounds = 24;
};

// How long a window of this case lasts: with more threads than cores it takes many slices of time.
[[nodiscard]] double window_ns(const test_case& which, const effort& wanted);

// Runs it all and fills `all.rows`, `all.least_rounds` and `all.more_seconds`. Where windows of too few
// rounds count, in one contender's row of a case of which something is demanded, all of that case run some
// rounds more. A contender that fails in a case is not asked for it again; the sentence goes to
// `all.problems`. `progress` is told the share that is done.
void run_rounds(results& all, const effort& wanted, const std::function<void(double)>& progress);

} // namespace cenote::bench
